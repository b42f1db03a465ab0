/* SPDX-License-Identifier: MIT
 *
 * What bp-serve is made of: links, what is asked, the journal.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/http/request.h"
#include "lib/record/value.h"
#include "lib/serve/ask.h"
#include "lib/serve/floors.h"
#include "lib/serve/journal.h"
#include "lib/serve/link.h"
#include "lib/serve/pages.h"
#include "lib/serve/shown.h"
#include "lib/text/print.h"
#include "tests/unit/seed.h"

enum { HOUR = 3600 };

#define SECONDS INT64_C(1000000)
#define NOW (INT64_C(1700000000) * SECONDS)

static struct links links;
static uint8_t storage[LINK_MAX + 64], room[LINK_MAX + 64];

/* The link's query, and its parts. */
static struct slice
make(enum link_kind kind, const char *decision, const char *target,
    struct link_parts *parts)
{
	struct build b;
	struct slice url, rest, name, value;
	uint8_t *at = room;

	build_init(&b, storage, sizeof storage);
	link_build(&links, kind, slice_text(decision), slice_text(target), NOW, &b);
	assert_false(build_full(&b));
	assert_true(value_str(build_slice(&b), &url));
	url = slice_from(url, slice_find(url, '?') + 1);
	*parts = (struct link_parts){ .decision = { NULL, 0 } };
	for (rest = url; http_query_next(&rest, &at, &name, &value);)
		*(slice_is(name, "d")         ? &parts->decision
			: slice_is(name, "e") ? &parts->expires
			: slice_is(name, "u") ? &parts->target
					      : &parts->mac) = value;
	return url;
}

static int
setup(void **state)
{
	(void)state;
	links = (struct links){ mac_new(slice_text("0123456789abcdef")),
		"https://ads.example", { HOUR * SECONDS } };
	return links.mac == NULL;
}

static int
teardown(void **state)
{
	(void)state;
	mac_free(links.mac);
	return 0;
}

static void
a_link_comes_back_as_it_went(void **state)
{
	static const char target[] = "https://shop.example/a b?x=%41&y=\"'<>#top";
	struct link_parts p;

	(void)state;
	(void)make(LINK_CLICK, "id-0", target, &p);
	assert_true(slice_is(p.decision, "id-0"));
	assert_true(slice_is(p.target, target));
	assert_int_equal(link_check(&links, LINK_CLICK, &p, NOW), LINK_GOOD);
	(void)make(LINK_IMPRESSION, "id-0", "", &p);
	assert_int_equal(link_check(&links, LINK_IMPRESSION, &p, NOW), LINK_GOOD);
}

static void
a_link_counts_until_its_time_is_over(void **state)
{
	struct link_parts p;

	(void)state;
	(void)make(LINK_CLICK, "id-0", "http://a/", &p);
	assert_int_equal(
	    link_check(&links, LINK_CLICK, &p, NOW + HOUR * SECONDS), LINK_GOOD);
	assert_int_equal(
	    link_check(&links, LINK_CLICK, &p, NOW + (HOUR + 1) * SECONDS), LINK_LATE);
	assert_int_equal(link_check(&links, LINK_CLICK, &p, -1), LINK_LATE);
}

static void
a_link_with_any_bit_changed_is_forged(void **state)
{
	struct link_parts p;
	struct slice *parts[] = { &p.decision, &p.expires, &p.target, &p.mac };
	uint8_t copy[256];

	(void)state;
	(void)make(LINK_CLICK, "id-0", "http://shop.example/", &p);
	for (unsigned i = 0; i < 4; i++) {
		struct slice kept = *parts[i];

		for (unsigned bit = 0; bit < 8 * kept.size; bit++) {
			memcpy(copy, kept.at, kept.size);
			copy[bit / 8] ^= (uint8_t)(1U << bit % 8);
			*parts[i] = slice_of(copy, kept.size);
			assert_int_equal(
			    link_check(&links, LINK_CLICK, &p, NOW), LINK_FORGED);
		}
		*parts[i] = slice_of(kept.at, kept.size - 1);
		assert_int_equal(link_check(&links, LINK_CLICK, &p, NOW), LINK_FORGED);
		*parts[i] = kept;
	}
	assert_int_equal(link_check(&links, LINK_IMPRESSION, &p, NOW), LINK_FORGED);
}

/* "ab" + "c" is signed unlike "a" + "bc". */
static void
what_is_signed_cannot_be_divided_in_another_way(void **state)
{
	struct link_parts p;

	(void)state;
	(void)make(LINK_CLICK, "id-0http", "://a/", &p);
	p.decision = slice_text("id-0");
	p.target = slice_text("http://a/");
	assert_int_equal(link_check(&links, LINK_CLICK, &p, NOW), LINK_FORGED);
}

static void
links_lead_to_pages_only(void **state)
{
	static const char *const good[] = { "http://a", "https://a/b?c#d",
		"https://[::1]:8/" },
				 *const bad[] = { "", "http://", "https://",
					 "https:///x", "javascript:alert(1)", "//a",
					 "/a", "ftp://a", "http:/a", "http://a b",
					 "http://a\r\nX: y", "HTTP://a",
					 "data:text/html,x", "http://\xc3\xa4" };

	(void)state;
	for (unsigned i = 0; i < sizeof good / sizeof *good; i++)
		assert_true(link_leads(slice_text(good[i])));
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(link_leads(slice_text(bad[i])));
}

/* --- What is asked --------------------------------------------------------------- */

static void
says(struct slice map, const char *wanted)
{
	char text[4096];
	struct build b;

	build_init(&b, text, sizeof text - 1);
	print_json(map, &b);
	*b.at = 0;
	assert_string_equal(text, wanted);
}

static void
a_query_becomes_a_map(void **state)
{
	struct asker a;
	struct slice map;

	(void)state;
	assert_int_equal(asker_init(&a), 0);
	assert_null(ask_query(&a,
	    slice_text("user_id=u%201&k=2&context.page=home&context.page=x&x=y&"
		       "candidates=a,,b&consent=0&context.=z"),
	    &map));
	says(map,
	    "{\"user_id\":\"u 1\",\"k\":2,\"candidates\":[\"a\",\"\",\"b\"],"
	    "\"consent\":{\"personalization\":false},\"context\":{\"page\":\"home\"}}");
	assert_string_equal(ask_query(&a, slice_text("k=two"), &map), "k is none");
	assert_string_equal(
	    ask_query(&a, slice_text("user_id=%ff"), &map), "a text that is not UTF-8");
	asker_fini(&a);
}

static void
only_what_is_true_is_consent(void **state)
{
	static const char *const texts[] = { "{\"consent\":{\"personalization\":true}}",
		"{}", "{\"consent\":{\"personalization\":1}}",
		"{\"consent\":{\"ads\":true}}", "{\"consent\":true}",
		"{\"consent\":null}" };
	struct asker a;
	struct slice map;

	(void)state;
	assert_int_equal(asker_init(&a), 0);
	for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
		assert_null(ask_body(&a, slice_text(texts[i]), false, &map));
		assert_int_equal(ask_consents(map, false), i < 2);
		assert_false(ask_consents(map, true));
	}
	asker_fini(&a);
}

static void
without_consent_only_the_context_is_taken_over(void **state)
{
	struct slice map, none = { NULL, 0 };
	uint8_t bytes[1024];
	struct asker a;
	struct build b;

	(void)state;
	assert_int_equal(asker_init(&a), 0);
	assert_null(ask_body(&a,
	    slice_text("{\"user_id\":\"u\",\"email\":1,\"slot_id\":\"s\",\"weight\":9,"
		       "\"context\":{\"page\":\"p\"},\"event\":\"click\",\"width\":3,"
		       "\"composed_of\":\"c\",\"parts\":{\"headline\":\"forged\"},"
		       "\"html\":\"<b>\",\"click_url\":\"//evil.example\","
		       "\"impression_url\":\"//evil.example\"}"),
	    false, &map));
	build_init(&b, bytes, sizeof bytes);
	build_byte(&b, 0x83);
	assert_int_equal(ask_pairs(map, none, false, &b), 3);
	says(build_slice(&b),
	    "{\"slot_id\":\"s\",\"context\":{\"page\":\"p\"},\"width\":3}");
	build_reset(&b);
	build_byte(&b, 0x85);
	assert_int_equal(ask_pairs(map, none, true, &b), 5);
	says(build_slice(&b),
	    "{\"user_id\":\"u\",\"email\":1,\"slot_id\":\"s\","
	    "\"context\":{\"page\":\"p\"},\"width\":3}");
	asker_fini(&a);
}

static void
floors_are_of_slots(void **state)
{
	static const char *const wrong[] = { "x", "top=", "top=-1", "=x", "1.5",
		"9999999999999999", "top=3,side" };
	static struct floors f;
	struct slice none = { NULL, 0 };
	struct error error;

	(void)state;
	assert_int_equal(floors_parse(&f, NULL, &error), 0);
	assert_true(floors_of(&f, slice_text("top")) == 0);
	assert_int_equal(floors_parse(&f, "top=500,a=b=7,300", &error), 0);
	assert_true(floors_of(&f, slice_text("top")) == 500);
	assert_true(floors_of(&f, slice_text("a=b")) == 7);
	assert_true(floors_of(&f, slice_text("to")) == 300);
	assert_true(floors_of(&f, none) == 300);
	for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_int_equal(floors_parse(&f, wrong[i], &error), -1);
}

/* --- The journal ------------------------------------------------------------------- */

static void
a_journal_gives_what_was_put_in_its_order(void **state)
{
	struct random random = seeded();
	uint8_t in = 0, out = 0;
	uint64_t put = 0, taken = 0;
	struct journal j;
	struct build b;

	(void)state;
	assert_int_equal(journal_init(&j, 1000), 0);
	for (unsigned i = 0; i < 100000; i++) {
		size_t n = random_next(&random) % 120;
		struct slice first;

		if (journal_room(&j) >= n) {
			journal_open(&j, &b);
			for (size_t k = 0; k < n; k++)
				build_byte(&b, in++);
			journal_close(&j, &b);
			put += n;
		} else {
			/* It is half full at least. */
			assert_true(journal_size(&j) + n > 500);
		}
		first = journal_first(&j, random_next(&random) % 150);
		for (size_t k = 0; k < first.size; k++)
			assert_int_equal(first.at[k], out++);
		journal_drop(&j, first.size);
		taken += first.size;
		assert_int_equal(journal_size(&j), put - taken);
	}
	assert_true(taken > 1000000);
	journal_fini(&j);
}

/* --- Decisions that come back from a snapshot ---------------------------------------- */

static void
pairs_that_end_elsewhere_are_damage(void **state)
{
	/* "ab" -> 7; the same less a byte; more pairs than bytes; a string that goes on. */
	static const struct {
		const char *bytes;
		uint8_t size, pairs;
		int status;
	} cases[] = {
		{ "\xa2"
		  "ab\x07",
		    4, 1, 0 },
		{ "\xa2"
		  "ab\x07",
		    3, 1, -1 },
		{ "\xa2"
		  "ab\x07",
		    4, 2, -1 },
		{ "\xa2"
		  "ab\xd9\xff",
		    5, 1, -1 },
		{ "\xa2"
		  "ab\x07\x07",
		    5, 1, -1 },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct table *t = shown_new(1 << 20);
		struct shown *s;
		struct error error;
		bool fresh;

		assert_non_null(t);
		s = table_touch(t, 1, NOW, &fresh);
		memcpy(s->about, cases[i].bytes, cases[i].size);
		s->size = cases[i].size;
		s->pairs = cases[i].pairs;
		assert_int_equal(shown_check(t, &error), cases[i].status);
		table_free(t);
	}
}

/* --- Pages ------------------------------------------------------------------------- */

/* As if a byte was added just after the look. */
static int
stat_before(const struct os *os, const char *path, struct stat *to)
{
	int status = os_system.stat_path(os, path, to);

	to->st_size--;
	return status;
}

static void
a_page_that_grows_while_it_is_read_is_not_cut_off(void **state)
{
	char folder[] = "/tmp/bannerpipe-test-XXXXXX", path[64];
	struct os growing = os_system;
	struct pages *pages;
	struct error error;
	FILE *file;

	(void)state;
	growing.stat_path = stat_before;
	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof path, "%s/a.html", folder);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs("<p>whole</p>", file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_null(pages_read(&growing, folder, &error));
	assert_non_null(strstr(error.text, "a.html: it is being written"));
	pages = pages_read(&os_system, folder, &error);
	assert_non_null(pages);
	assert_int_equal(pages_find(pages, slice_text("/a.html"))->body.size, 12);
	pages_free(pages);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_link_comes_back_as_it_went),
		cmocka_unit_test(a_link_counts_until_its_time_is_over),
		cmocka_unit_test(a_link_with_any_bit_changed_is_forged),
		cmocka_unit_test(what_is_signed_cannot_be_divided_in_another_way),
		cmocka_unit_test(links_lead_to_pages_only),
		cmocka_unit_test(a_query_becomes_a_map),
		cmocka_unit_test(only_what_is_true_is_consent),
		cmocka_unit_test(without_consent_only_the_context_is_taken_over),
		cmocka_unit_test(floors_are_of_slots),
		cmocka_unit_test(a_journal_gives_what_was_put_in_its_order),
		cmocka_unit_test(pairs_that_end_elsewhere_are_damage),
		cmocka_unit_test(a_page_that_grows_while_it_is_read_is_not_cut_off),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
