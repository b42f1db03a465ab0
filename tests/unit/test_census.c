/* SPDX-License-Identifier: MIT */
#include "lib/record/census.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/record/build.h"

static struct census *census;
static struct reader *reader;

/* A record of this event (NULL: none) with one key more. */
static void
count(const char *event, const char *key, bool number)
{
	uint8_t storage[512 + RECORD_PADDING] = { 0 };
	struct record record;
	struct fault fault;
	struct build b;
	size_t need;

	build_init(&b, storage, 512);
	build_map(&b, event == NULL ? 1 : 2);
	if (event != NULL) {
		build_text(&b, "event");
		build_text(&b, event);
	}
	build_text(&b, key);
	if (number)
		build_uint(&b, 7);
	else
		build_text(&b, "seven");
	assert_int_equal(
	    record_scan(reader, build_slice(&b), &record, &fault, &need), SCAN_RECORD);
	census_count(census, &record);
}

static int
set_up(void **state)
{
	(void)state;
	census = calloc(1, sizeof *census);
	reader = reader_new();
	return census == NULL || reader == NULL;
}

static int
tear_down(void **state)
{
	(void)state;
	free(census);
	reader_free(reader);
	return 0;
}

static void
counts_kinds_keys_and_types(void **state)
{
	char line[CENSUS_LINE_MAX];

	(void)state;
	count("click", "a", true);
	count("view", "a", true);
	count("click", "b", true);
	count("click", "a", false);
	count(NULL, "a", true);
	assert_int_equal(census->kinds, 3);
	assert_int_equal(census->kind[0].records, 3);
	assert_int_equal(census->kind[0].keys, 3);
	census_kind_line(&census->kind[0], 5, line);
	assert_string_equal(line, "click                               3  60.00%");
	census_key_line(&census->kind[0], &census->kind[0].key[1], line);
	assert_string_equal(
	    line, "  a                                 2  66.67%  int 1, str 1");
	census_kind_line(&census->kind[2], 5, line);
	assert_string_equal(line, "(no event)                          1  20.00%");
}

static void
cuts_long_names_and_takes_control_characters_out(void **state)
{
	const char *longest =
	    "an_event_whose_name_is_longer_than_any_name_that_is_kept";

	(void)state;
	count(longest, "\x1b[31m", true);
	count(longest, "\x1b[31m", true);
	assert_int_equal(census->kinds, 1);
	assert_int_equal(census->kind[0].name.size, CENSUS_NAME_SIZE);
	assert_int_equal(census->kind[0].keys, 2);
	assert_memory_equal(census->kind[0].key[1].name.text, "?[31m", 5);
}

static void
stays_within_its_places(void **state)
{
	char name[16], line[CENSUS_LINE_MAX];

	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		(void)snprintf(name, sizeof name, "k%u", i);
		count("click", name, true);
		count(name, "x", true);
	}
	assert_int_equal(census->kinds, CENSUS_KINDS_MAX);
	assert_int_equal(census->kind[0].keys, CENSUS_KEYS_MAX);
	assert_int_equal(census->kind[0].beyond, 200 - (CENSUS_KEYS_MAX - 1));
	assert_int_equal(
	    census->kind[CENSUS_KINDS_MAX - 1].records, 200 - (CENSUS_KINDS_MAX - 2));
	census_kind_line(&census->kind[CENSUS_KINDS_MAX - 1], 400, line);
	assert_memory_equal(line, "(all other kinds) ", 18);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    counts_kinds_keys_and_types, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    cuts_long_names_and_takes_control_characters_out, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    stays_within_its_places, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("census", tests, NULL, NULL);
}
