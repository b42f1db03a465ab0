/* SPDX-License-Identifier: MIT */
#include "lib/text/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/hash.h"
#include "lib/record/record.h"
#include "lib/text/query.h"

static void
a_url_splits_into_its_parts(void **state)
{
	static const struct {
		const char *text, *scheme, *host, *path, *query, *fragment;
	} cases[] = {
		{ "https://a:b@shop.example:8080/a/b?x=1#top", "https", "shop.example",
		    "/a/b", "x=1", "top" },
		{ "http://[::1]:80/", "http", "::1", "/", "", "" },
		{ "/a/b?x=1", "", "", "/a/b", "x=1", "" },
		{ "//shop.example/a", "", "shop.example", "/a", "", "" },
		{ "/a?", "", "", "/a", "", "" },
		{ "", "", "", "", "", "" },
		{ "*", "", "", "*", "", "" },
		{ "http://h?q", "http", "h", "", "q", "" },
		{ "/r?to=http://h/", "", "", "/r", "to=http://h/", "" },
		{ "/a#f?g", "", "", "/a", "", "f?g" },
	};
	struct url u;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		url_split(slice_text(cases[i].text), &u);
		assert_true(slice_is(u.scheme, cases[i].scheme));
		assert_true(slice_is(u.host, cases[i].host));
		assert_true(slice_is(u.path, cases[i].path));
		assert_true(slice_is(u.query, cases[i].query));
		assert_true(slice_is(u.fragment, cases[i].fragment));
	}
}

static void
a_path_gives_its_segments(void **state)
{
	static const char *want[] = { "a", "", "b", "" };
	struct slice segment;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		assert_true(url_segment(slice_text("/a//b/"), i, &segment));
		assert_true(slice_is(segment, want[i]));
	}
	assert_false(url_segment(slice_text("/a//b/"), 4, &segment));
	assert_false(url_segment(slice_text(""), 0, &segment));
}

static void
an_invalid_escape_stands_for_itself(void **state)
{
	static const struct {
		const char *text, *plain, *form;
	} cases[] = { { "a+b", "a+b", "a b" }, { "%41%4a", "AJ", "AJ" },
		{ "%", "%", "%" }, { "%4", "%4", "%4" }, { "%zz1", "%zz1", "%zz1" },
		{ "%%41", "%A", "%A" }, { "%2B+", "++", "+ " }, { "", "", "" },
		{ "%4%41", "%4A", "%4A" },
		{ "%E6%89%8B", "\xe6\x89\x8b", "\xe6\x89\x8b" } };
	uint8_t to[64];
	size_t size;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		size = url_decode(slice_text(cases[i].text), false, to);
		assert_true(slice_is(slice_of(to, size), cases[i].plain));
		assert_int_equal(url_is_plain(slice_text(cases[i].text), false),
		    strchr(cases[i].text, '%') == NULL);
		size = url_decode(slice_text(cases[i].text), true, to);
		assert_true(slice_is(slice_of(to, size), cases[i].form));
	}
}

static void
encoded_bytes_decode_to_themselves(void **state)
{
	static const char digits[] = "0123456789abcdef";
	struct random r = { 1 };
	uint8_t bytes[64], text[192], back[64];

	(void)state;
	for (int n = 0; n < 20000; n++) {
		size_t size = hash_bucket(random_next(&r), 64), at = 0;

		for (size_t i = 0; i < size; i++) {
			bytes[i] = (uint8_t)random_next(&r);
			if (bytes[i] == '%' || bytes[i] == '+' || n % 2 == 0) {
				text[at++] = '%';
				text[at++] = (uint8_t)digits[bytes[i] >> 4];
				text[at++] = (uint8_t)digits[bytes[i] & 15];
			} else {
				text[at++] = bytes[i];
			}
		}
		assert_int_equal(url_decode(slice_of(text, at), true, back), size);
		assert_memory_equal(back, bytes, size);
		assert_int_equal(url_decode(slice_of(text, at), true, text), size);
		assert_memory_equal(text, bytes, size);
	}
}

/* The map that a query becomes, as "key=value;..." of its strs; bins in brackets. */
static const char *
map_of(const char *query)
{
	static char text[4096];
	uint8_t storage[4096];
	struct value_walk walk;
	struct slice key, item, s;
	struct build b;
	size_t n = 0;

	build_init(&b, storage, sizeof storage);
	query_build(&b, slice_text(query));
	assert_false(build_full(&b));
	assert_int_equal(value_size(b.start), b.at - b.start);
	for (value_open(build_slice(&b), &walk); value_next(&walk, &key, &item);) {
		bool str = value_str(item, &s);

		assert_true(value_text(key, &s));
		n += (size_t)snprintf(
		    text + n, sizeof text - n, "%.*s=", (int)s.size, s.at);
		assert_true(value_text(item, &s));
		n += (size_t)snprintf(text + n, sizeof text - n,
		    str ? "%.*s;" : "[%.*s];", (int)s.size, s.at);
	}
	text[n] = '\0';
	return text;
}

static void
a_query_becomes_a_map(void **state)
{
	(void)state;
	assert_string_equal(map_of("b=29&u=1&slot=top"), "b=29;u=1;slot=top;");
	assert_string_equal(map_of(""), "");
	assert_string_equal(map_of("&&a&=x&b=&"), "a=;=x;b=;");
	assert_string_equal(map_of("q=%E6%89%8B+1&%71=2&Q=3"), "q=\xe6\x89\x8b 1;Q=3;");
	assert_string_equal(map_of("a=1=2"), "a=1=2;");
	assert_string_equal(map_of("a=%E4x&b=1"), "a=%E4x;b=1;");
	assert_string_equal(map_of("a=\xe4x"), "a=[\xe4x];");
	assert_string_equal(map_of("a=%"), "a=%;");
}

static void
a_query_of_many_pairs_is_cut_at_the_limit(void **state)
{
	static char query[10000];
	static uint8_t storage[20000];
	struct slice value;
	struct build b;
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 1000; i++)
		n += (size_t)snprintf(query + n, sizeof query - n, "k%d=%d&", i / 2, i);
	build_init(&b, storage, sizeof storage);
	query_build(&b, slice_of(query, n));
	assert_int_equal(value_count(build_slice(&b)), RECORD_KEYS_MAX);
	assert_true(value_get(build_slice(&b), "k255", &value));
	assert_true(value_str(value, &value));
	assert_true(slice_is(value, "510"));
	for (size_t room = 0; room < 2000; room += 7) {
		build_init(&b, storage, room);
		query_build(&b, slice_of(query, n));
		assert_true(build_full(&b));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_url_splits_into_its_parts),
		cmocka_unit_test(a_path_gives_its_segments),
		cmocka_unit_test(an_invalid_escape_stands_for_itself),
		cmocka_unit_test(encoded_bytes_decode_to_themselves),
		cmocka_unit_test(a_query_becomes_a_map),
		cmocka_unit_test(a_query_of_many_pairs_is_cut_at_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
