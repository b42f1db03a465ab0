/* SPDX-License-Identifier: MIT
 *
 * Addresses against inet_pton, lists of ranges against a look at every line, patterns, and
 * the reasons of a hit.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "lib/base/bytes.h"
#include "lib/traffic/invalid.h"
#include "lib/traffic/known.h"
#include "tests/unit/seed.h"

static struct random chance;

static uint64_t
below(uint64_t n)
{
	return hash_bucket(random_next(&chance), n);
}

/* Texts near to addresses. */
static void
make_text(char to[64])
{
	static const char four[] = "0123456789..", six[] = "0123456789abcdefF::::..";
	const char *letters = below(2) == 0 ? four : six;
	size_t size = below(30);
	struct in6_addr a;

	if (below(2) == 0) {
		for (unsigned i = 0; i < 16; i++)
			a.s6_addr[i] = (uint8_t)(below(2) == 0 ? 0 : below(256));
		if (below(4) == 0)
			memcpy(a.s6_addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
		assert_non_null(inet_ntop(
		    below(3) == 0 ? AF_INET : AF_INET6, &a, to, INET6_ADDRSTRLEN));
		if (below(2) == 0)
			to[below(strlen(to))] = letters[below(strlen(letters))];
		return;
	}
	for (size_t i = 0; i < size; i++)
		to[i] = letters[below(strlen(letters))];
	to[size] = 0;
}

static void
an_address_is_what_inet_pton_reads(void **state)
{
	unsigned good = 0;

	(void)state;
	for (unsigned i = 0; i < 200000; i++) {
		uint8_t four[4], six[16];
		struct ip ip;
		char text[64];
		bool is_four, is_six, read;

		make_text(text);
		is_four = inet_pton(AF_INET, text, four) == 1;
		is_six = inet_pton(AF_INET6, text, six) == 1;
		read = ip_parse(slice_text(text), &ip);
		if (read != (is_four || is_six))
			fail_msg("'%s' %s", text, read ? "was read" : "was not read");
		if (!read)
			continue;
		good++;
		if (is_six && memcmp(six, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) == 0) {
			is_four = true;
			memcpy(four, six + 12, 4);
		}
		assert_int_equal(ip.six, !is_four);
		if (is_four)
			assert_int_equal(ip.low, bytes_load_be32(four));
		else
			assert_true(ip.high == bytes_load_be64(six) &&
			    ip.low == bytes_load_be64(six + 8));
	}
	assert_true(good > 50000);
}

/* --- Ranges -------------------------------------------------------------------------- */

enum { LINES = 60 };

struct line {
	bool six;
	uint32_t first, last; /* of IPv6 the last 32 bits, behind 2001:db8:: */
	unsigned list;
};

static void
write_address(bool six, uint32_t address, char to[64])
{
	if (six)
		snprintf(to, 64, "2001:db8::%x:%x", address >> 16, address & 0xffff);
	else
		snprintf(to, 64, "%u.%u.%u.%u", address >> 24, address >> 16 & 255,
		    address >> 8 & 255, address & 255);
}

static void
write_line(struct line *l, char *to)
{
	unsigned bits = (unsigned)below(33);
	char first[64], last[64];

	*l = (struct line){ below(2) == 0, (uint32_t)random_next(&chance), 0,
		(unsigned)below(3) };
	if (below(3) == 0)
		l->first &= 0x0303ff00; /* they overlap */
	l->last = l->first + (uint32_t)below(1 << below(24));
	if (l->last < l->first)
		l->last = UINT32_MAX;
	write_address(l->six, l->last, last);
	if (below(2) == 0) {
		uint32_t host = bits == 32 ? 0 : UINT32_MAX >> bits;

		l->first &= ~host;
		l->last = l->first | host;
		snprintf(last, sizeof last, "%u", l->six ? bits + 96 : bits);
		write_address(l->six, l->first, first);
		sprintf(to + strlen(to), "%s/%s # net\n", first, last);
		return;
	}
	write_address(l->six, l->first, first);
	sprintf(to + strlen(to), " %s - %s\r\n\n", first, last);
}

static unsigned
look_at_each(const struct line *lines, bool six, uint32_t address)
{
	unsigned lists = 0;

	for (unsigned i = 0; i < LINES; i++)
		if (lines[i].six == six && lines[i].first <= address &&
		    address <= lines[i].last)
			lists |= 1U << lines[i].list;
	return lists;
}

static void
ranges_find_the_lists_of_an_address(void **state)
{
	static char texts[3][1 << 16];
	struct line lines[LINES];
	struct slice lists[3];
	struct error error;
	unsigned wrong;

	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		struct ranges *r;

		memset(texts, 0, sizeof texts);
		for (unsigned i = 0; i < LINES; i++) {
			char one[200] = "";

			write_line(&lines[i], one);
			strcat(texts[lines[i].list], one);
		}
		for (unsigned i = 0; i < 3; i++)
			lists[i] = slice_text(texts[i]);
		r = ranges_new(lists, 3, &wrong, &error);
		if (r == NULL)
			fail_msg("list %u: %s", wrong, error.text);
		for (unsigned i = 0; i < 2000; i++) {
			const struct line *l = &lines[below(LINES)];
			uint32_t address = (below(2) == 0 ? l->first : l->last) +
			    (uint32_t)below(3) - 1;
			struct ip ip = { .six = below(2) == 0, .low = address };

			ip.high = ip.six ? UINT64_C(0x20010db8) << 32 : 0;
			assert_int_equal(
			    ranges_find(r, &ip), look_at_each(lines, ip.six, address));
		}
		ranges_free(r);
	}
}

static void
a_line_that_is_no_range_is_named(void **state)
{
	static const char *const wrong_lines[] = { "1.2.3", "1.2.3.4/33", "1.2.3.4/24",
		"1.2.3.4-1.2.3.3", "::1/129", "1.2.3.4-::1", "1.2.3.4/", "x", "-",
		"1.2.3.4/-1", "1.2.3.4-" };

	(void)state;
	for (unsigned i = 0; i < sizeof wrong_lines / sizeof *wrong_lines; i++) {
		struct slice lists[2];
		struct error error;
		unsigned wrong;
		char text[100];

		snprintf(text, sizeof text, "# good\n1.2.3.4\n%s\n", wrong_lines[i]);
		lists[0] = slice_text("::/0\n0.0.0.0/0");
		lists[1] = slice_text(text);
		assert_null(ranges_new(lists, 2, &wrong, &error));
		assert_int_equal(wrong, 1);
		assert_memory_equal(error.text, "line 3: '", 9);
	}
}

/* --- Agents ---------------------------------------------------------------------------- */

static void
the_first_pattern_of_the_list_counts(void **state)
{
	struct error error;
	struct agents *a =
	    agents_new(slice_text("# of robots\nbot\n\n[cC]rawler\r\n^Mozilla.*bot\n"),
		hash_key(1), &error);
	char large[5000];

	(void)state;
	assert_non_null(a);
	for (unsigned again = 0; again < 2; again++) {
		assert_int_equal(agents_find(a, slice_text("Mozilla/5.0 somebot")), 2);
		assert_int_equal(agents_find(a, slice_text("a Crawler")), 4);
		assert_int_equal(agents_find(a, slice_text("CRAWLER")), 0);
		assert_int_equal(agents_find(a, slice_text("")), 0);
		assert_int_equal(agents_find(a, slice_of(NULL, 0)), 0);
	}
	memset(large, 'x', sizeof large);
	memcpy(large + AGENTS_LOOKED_AT, "bot", 3);
	assert_int_equal(agents_find(a, slice_of(large, sizeof large)), 0);
	memcpy(large + AGENTS_LOOKED_AT - 3, "bot", 3);
	assert_int_equal(agents_find(a, slice_of(large, sizeof large)), 2);
	agents_free(a);
	assert_null(agents_new(slice_text("good\n(bad"), hash_key(1), &error));
	assert_memory_equal(error.text, "line 2: '(bad'", 14);
	assert_null(agents_new(slice_text("#\n"), hash_key(1), &error));
	assert_null(agents_new(slice_of("bot\na\0b\nc\n", 10), hash_key(1), &error));
	assert_string_equal(error.text, "line 2: a byte 0, which is no text");
}

static void
a_hit_has_its_reasons(void **state)
{
	struct slice texts[INVALID_LISTS];
	struct invalid_lists *l;
	struct error error;
	struct hit hit = { .has_agent = true, .has_size = true, .width = 300 };
	unsigned bits;

	(void)state;
	for (unsigned i = 0; i < INVALID_LISTS; i++)
		texts[i] = known_text(invalid_list_name(i));
	texts[LIST_TOR] = slice_text("# version: today\n192.0.2.7\n");
	texts[LIST_VPNS] = slice_text("192.0.2.0/24");
	l = invalid_lists_new(texts, hash_key(1), &error);
	assert_non_null(l);
	assert_non_null(strstr(l->versions, "robots 1."));
	assert_non_null(strstr(l->versions, ", tor today"));
	hit.agent =
	    slice_text("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 "
		       "Firefox/128.0");
	assert_int_equal(invalid_reasons(l, &hit), 0);
	hit.agent = slice_text("curl/7.88.1");
	assert_int_equal(invalid_reasons(l, &hit), 1U << INVALID_ROBOT);
	hit.agent = slice_text("shop-app/3");
	assert_int_equal(invalid_reasons(l, &hit), 1U << INVALID_NOT_BROWSER);
	hit.agent = slice_text("-");
	hit.has_address = ip_parse(slice_text("192.0.2.7"), &hit.address);
	hit.purpose = slice_text("prefetch;prerender");
	hit.width = 1;
	assert_true(invalid_parse("no_agent,vpn,tor,prefetch,placement", &bits));
	assert_int_equal(invalid_reasons(l, &hit), bits);
	assert_false(invalid_parse("robot,Robot", &bits));
	invalid_lists_free(l);
	texts[LIST_VPNS] = slice_text("1.2.3.4\nnowhere\n");
	assert_null(invalid_lists_new(texts, hash_key(1), &error));
	assert_memory_equal(error.text, "vpns: line 2: 'nowhere'", 23);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_what_inet_pton_reads),
		cmocka_unit_test(ranges_find_the_lists_of_an_address),
		cmocka_unit_test(a_line_that_is_no_range_is_named),
		cmocka_unit_test(the_first_pattern_of_the_list_counts),
		cmocka_unit_test(a_hit_has_its_reasons),
	};

	chance = seeded();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
