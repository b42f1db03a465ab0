/* SPDX-License-Identifier: MIT */
#include "lib/simulate/whence.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/error.h"
#include "lib/record/record.h"
#include "lib/simulate/chance.h"
#include "lib/traffic/invalid.h"
#include "lib/traffic/known.h"

enum { VISITORS = 20000, DRAWS = 1000 };

static struct whences whences;
static struct invalid_lists *lists;
static uint8_t bytes[1 + WHENCE_SIZE_MAX + RECORD_PADDING];

static int
start(void **state)
{
	struct slice texts[INVALID_LISTS];
	struct error error;

	(void)state;
	for (unsigned i = 0; i < INVALID_LISTS; i++)
		texts[i] = known_text(invalid_list_name(i));
	lists = invalid_lists_new(texts, hash_key(1), &error);
	return lists != NULL ? whences_init(&whences, 7, VISITORS) : -1;
}

static int
stop(void **state)
{
	(void)state;
	invalid_lists_free(lists);
	whences_fini(&whences);
	return 0;
}

/* A visit as a record has it. */
static struct slice
pairs_of(const struct whence *from)
{
	struct build b;
	size_t open;

	build_init(&b, bytes, sizeof bytes - RECORD_PADDING);
	open = build_open(&b);
	build_close_map(&b, open, whence_build(&whences, from, true, &b));
	assert_false(build_full(&b));
	return build_slice(&b);
}

static struct slice
text_of(struct slice map, const char *name)
{
	struct slice value, text = { NULL, 0 };

	assert_true(value_get(map, name, &value) && value_str(value, &text));
	return text;
}

/* Why bp-givt would mark it, as bits. */
static unsigned
reasons_of(const struct whence *from)
{
	struct slice map = pairs_of(from);
	struct hit hit = { .has_agent = true, .has_address = true };

	hit.agent = text_of(map, "user_agent");
	assert_true(ip_parse(text_of(map, "ip"), &hit.address));
	return invalid_reasons(lists, &hit);
}

static uint64_t
even(unsigned i)
{
	return UINT64_MAX / DRAWS * i;
}

static void
every_robot_is_known(void **state)
{
	struct whence w;

	(void)state;
	for (unsigned i = 0; i < DRAWS; i++) {
		whence_robot(even(i), hash_mix(i), &w);
		if ((reasons_of(&w) & (1u << INVALID_ROBOT)) == 0)
			fail_msg("%s", w.robot->agent);
	}
}

static void
every_browser_is_one(void **state)
{
	struct whence w = { .network = WHENCE_ISP };

	(void)state;
	for (unsigned i = 0; i < whences.guises.n; i++) {
		w.guise = i;
		assert_int_equal(reasons_of(&w), 0);
	}
	for (unsigned c = 0; c < GUISE_CLASSES; c++)
		for (unsigned i = 0; i < DRAWS; i++) {
			unsigned g =
			    guises_draw(&whences.guises, (enum guise_class)c, even(i));

			assert_true(g >= whences.guises.first[c] &&
			    g < whences.guises.first[c + 1]);
		}
}

static void
rented_machines_are_on_the_list_and_people_are_not(void **state)
{
	struct whence w = { .network = WHENCE_ISP };
	unsigned rented = 0;

	(void)state;
	for (unsigned i = 0; i < DRAWS; i++) {
		whence_cloud(&whences, 0, hash_mix(i), &w);
		assert_int_equal(reasons_of(&w), 1u << INVALID_DATACENTRE);
	}
	for (uint32_t v = 0; v < VISITORS; v++) {
		whence_of_visitor(
		    &whences, v, v, 20000 * WHEN_DAY + v * WHEN_MINUTE, &w);
		rented += w.network == WHENCE_CLOUD;
		assert_int_equal(reasons_of(&w),
		    w.network == WHENCE_CLOUD ? 1u << INVALID_DATACENTRE : 0);
	}
	assert_true(rented > 0 && rented < VISITORS / 100);
}

/* As RFC 5952 wants them, so that equal ones are equal texts. */
static void
addresses_are_written_in_the_one_way(void **state)
{
	char text[INET6_ADDRSTRLEN], again[INET6_ADDRSTRLEN];
	struct in6_addr six;
	struct in_addr four;
	struct whence w;
	unsigned sixes = 0;

	(void)state;
	for (uint32_t v = 0; v < VISITORS; v++) {
		struct slice ip;

		whence_of_visitor(&whences, v, v, 20000 * WHEN_DAY, &w);
		ip = text_of(pairs_of(&w), "ip");
		assert_true(ip.size < sizeof text);
		memcpy(text, ip.at, ip.size);
		text[ip.size] = '\0';
		sixes += w.six;
		if (w.six)
			assert_true(inet_pton(AF_INET6, text, &six) == 1 &&
			    inet_ntop(AF_INET6, &six, again, sizeof again) != NULL);
		else
			assert_true(inet_pton(AF_INET, text, &four) == 1 &&
			    inet_ntop(AF_INET, &four, again, sizeof again) != NULL);
		assert_string_equal(text, again);
	}
	assert_true(sixes > VISITORS / 10);
}

static void
who_stays_has_the_same_device_and_the_same_home(void **state)
{
	struct whence first, second;
	unsigned same = 0;

	(void)state;
	for (uint32_t v = 0; v < DRAWS; v++) {
		whence_of_visitor(&whences, v, v, 20000 * WHEN_DAY, &first);
		whence_of_visitor(
		    &whences, v, v, 20000 * WHEN_DAY + WHEN_MINUTE, &second);
		assert_int_equal(first.device, second.device);
		assert_int_equal(first.high, second.high);
		assert_int_equal(first.low, second.low);
		whence_of_visitor(&whences, v, ~(uint64_t)v, 20000 * WHEN_DAY, &second);
		same += first.device == second.device;
	}
	assert_true(same > DRAWS / 3 && same < DRAWS); /* of some */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_robot_is_known),
		cmocka_unit_test(every_browser_is_one),
		cmocka_unit_test(rented_machines_are_on_the_list_and_people_are_not),
		cmocka_unit_test(addresses_are_written_in_the_one_way),
		cmocka_unit_test(who_stays_has_the_same_device_and_the_same_home),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
