/* SPDX-License-Identifier: MIT */
#include "lib/trial/tally.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/hash.h"
#include "lib/record/build.h"
#include "tests/unit/seed.h"

enum { GIVEN_MAX = 400000 };

/* What was given out, in its order. */
struct given {
	instant start;
	uint64_t key, revision;
	double sums[TALLY_SUMS];
	unsigned dims_size;
};

static struct given *given;
static unsigned given_count;
static int refuse;

static int
give(void *context, const struct tally_row *row)
{
	struct given *g = &given[given_count];

	(void)context;
	if (refuse > 0 && --refuse == 0)
		return -1;
	assert_true(given_count < GIVEN_MAX);
	given_count++;
	g->start = row->start;
	g->key = row->key;
	g->revision = row->revision;
	g->dims_size = row->dims_size;
	for (unsigned i = 0; i < TALLY_SUMS; i++)
		g->sums[i] = tally_row_sum(row, i);
	return 0;
}

static int
set_up(void **state)
{
	(void)state;
	given = calloc(GIVEN_MAX, sizeof *given);
	given_count = 0;
	refuse = 0;
	return given == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
	(void)state;
	free(given);
	return 0;
}

static struct tally *
tally(unsigned dims, int64_t window_us)
{
	struct tally *t = tally_new(
	    dims, (struct span){ window_us }, TALLY_MEMORY_MIN, 1, give, NULL);

	assert_non_null(t);
	return t;
}

/* One impression of `weight` with integers as dimensions; false when it is late. */
static bool
impression(struct tally *t, instant when, unsigned dims, uint64_t a, double weight)
{
	const struct tally_event e = { .weight = weight, .impression = 1 };
	uint8_t storage[64];
	struct slice values[TALLY_DIMS_MAX];
	struct tally_row *row;
	struct build b;

	build_init(&b, storage, sizeof storage);
	build_uint(&b, a);
	for (unsigned i = 0; i < dims; i++)
		values[i] = build_slice(&b);
	row = tally_find(t, when, values);
	if (row == NULL)
		return false;
	tally_row_add(row, &e);
	return true;
}

static void
windows_close_at_the_watermark_in_their_order(void **state)
{
	struct tally *t = tally(1, 100);

	(void)state;
	impression(t, 250, 1, 7, 1);
	impression(t, 199, 1, 7, 1);
	impression(t, 100, 1, 8, 1);
	impression(t, -1, 1, 7, 1);
	assert_int_equal(tally_close(t, 199), 0);
	assert_int_equal(given_count, 1);
	assert_int_equal(given[0].start, -100);
	assert_int_equal(tally_close(t, 200), 0);
	assert_int_equal(given_count, 3);
	assert_int_equal(given[1].start, 100);
	assert_int_equal(given[2].start, 100);
	assert_true(given[1].key != given[2].key);
	assert_int_equal(tally_close_all(t), 0);
	assert_int_equal(given_count, 4);
	assert_int_equal(given[3].start, 200);
	assert_int_equal(tally_close_all(t), 0);
	assert_int_equal(given_count, 4);
	tally_free(t);
}

static void
late_data_gives_its_row_out_again_with_all_it_has_and_no_other(void **state)
{
	struct tally *t = tally(1, 100);

	(void)state;
	impression(t, 10, 1, 1, 1);
	impression(t, 10, 1, 2, 1);
	assert_int_equal(tally_close(t, 500), 0);
	assert_int_equal(given_count, 2);
	impression(t, 20, 1, 2, 1);
	impression(t, 30, 1, 2, -3);
	assert_int_equal(tally_close(t, 599), 0);
	assert_int_equal(given_count, 2);
	assert_int_equal(tally_close(t, 600), 0);
	assert_int_equal(given_count, 3);
	assert_int_equal(given[2].key, given[1].key);
	assert_int_equal(given[2].revision, 2);
	assert_true(given[2].sums[TALLY_IMPRESSIONS] == -1);
	tally_free(t);
}

/* The last revision of every row that was given, added up. */
static double
total_of(enum tally_sum sum)
{
	double total = 0;

	for (unsigned i = 0; i < given_count; i++) {
		bool last = true;

		if (given[i].revision > 0)
			for (unsigned j = i + 1; j < given_count && last; j++)
				last = given[j].key != given[i].key;
		total += last ? given[i].sums[sum] : 0;
	}
	return total;
}

static void
rows_add_up_to_all_events_when_there_is_no_room_for_all(void **state)
{
	struct tally *t = tally(3, 0);
	enum { N = 300000 };
	double total = 0;
	unsigned others = 0;

	(void)state;
	for (unsigned i = 0; i < N; i++)
		assert_true(impression(t, i, 3, i % 5 == 0 ? 0 : i, 1));
	assert_true(tally_counts(t).merged > 1000);
	assert_int_equal(tally_close_all(t), 0);
	for (unsigned i = 0; i < given_count; i++) {
		total += given[i].sums[TALLY_IMPRESSIONS];
		others += given[i].dims_size == 0;
		assert_int_equal(given[i].revision, 1);
	}
	assert_true(total == N);
	assert_int_equal(others, 1);
	/* The row that is touched again and again is still whole. */
	assert_true(given[0].sums[TALLY_IMPRESSIONS] == N / 5.0);
	tally_free(t);
}

/* Whatever the order of events and watermarks, the last revision of each row is the sum of
 * what came for it. */
static void
last_revisions_agree_with_a_plain_count(void **state)
{
	enum { WINDOWS = 20, VALUES = 7 };
	struct random r = seeded();
	struct tally *t = tally(2, 50);
	double count[WINDOWS][VALUES] = { { 0 } };
	double rows = 0;

	(void)state;
	for (instant now = 0; now < WINDOWS * 50; now++) {
		instant when = (instant)hash_bucket(random_next(&r), (uint64_t)now + 1);
		uint64_t value = hash_bucket(random_next(&r), VALUES);
		double weight = (double)hash_bucket(random_next(&r), 5) - 2;

		assert_true(impression(t, when, 2, value, weight));
		count[when / 50][value] += weight;
		if (now % 9 == 0)
			assert_int_equal(tally_close(t, now), 0);
	}
	assert_int_equal(tally_close_all(t), 0);
	for (unsigned w = 0; w < WINDOWS; w++) {
		double expected = 0, got = 0;

		for (unsigned v = 0; v < VALUES; v++)
			expected += fabs(count[w][v]);
		for (unsigned i = 0; i < given_count; i++) {
			bool last = given[i].start == w * 50;

			for (unsigned j = i + 1; j < given_count && last; j++)
				last = given[j].key != given[i].key;
			got += last ? fabs(given[i].sums[TALLY_IMPRESSIONS]) : 0;
			rows += last;
		}
		assert_true(got == expected);
	}
	assert_true(rows > WINDOWS * VALUES / 2.0 && given_count > 2 * rows);
	tally_free(t);
}

static void
a_window_that_was_forgotten_makes_what_comes_later_late(void **state)
{
	struct tally *t = tally(1, 1000);

	(void)state;
	assert_true(impression(t, 0, 1, 1, 1));
	assert_int_equal(tally_close(t, 1000), 0);
	assert_true(impression(t, 1, 1, 1, 1));
	for (unsigned i = 1000; tally_counts(t).forgotten == 0; i++)
		assert_true(impression(t, i, 1, i, 1));
	/* What late data had changed went out before it was forgotten. */
	assert_true(given[given_count - 1].revision == 2);
	assert_false(impression(t, 2, 1, 1, 1));
	assert_false(impression(t, 999, 1, 5, 1));
	assert_true(impression(t, 1000, 1, 5, 1));
	tally_free(t);
}

static void
too_many_windows_give_out_the_oldest(void **state)
{
	struct tally *t = tally(1, 10);

	(void)state;
	for (instant i = 0; i < TALLY_WINDOWS_MAX + 5; i++)
		assert_true(impression(t, i * 10, 1, 1, 1));
	assert_int_equal(given_count, 5);
	assert_int_equal(given[4].start, 40);
	assert_int_equal(tally_counts(t).windows, TALLY_WINDOWS_MAX);
	assert_false(impression(t, 49, 1, 1, 1));
	assert_int_equal(tally_close_all(t), 0);
	assert_true(total_of(TALLY_EVENTS) == TALLY_WINDOWS_MAX + 5);
	tally_free(t);
}

static void
the_gap_is_the_sum_of_absolute_differences_of_pairs(void **state)
{
	struct tally *t = tally(0, 0);
	struct tally_row *row = tally_find(t, 5, NULL);

	(void)state;
	tally_gap(t, row, 1, 3, 5);
	tally_gap(t, row, 2, 1, 5);
	tally_gap(t, row, 2, -2, 5);
	assert_true(tally_row_sum(row, TALLY_GAP) == 3 + 1);
	tally_gap(t, row, 1, -3, 5);
	assert_true(tally_row_sum(row, TALLY_GAP) == 1);
	tally_free(t);
}

static void
long_values_keep_their_beginning_and_stay_apart(void **state)
{
	struct tally *t = tally(1, 0);
	uint8_t storage[512];
	struct tally_row *row[2];
	struct build b;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		char text[300];
		struct slice value;

		memset(text, 'x', sizeof text);
		memcpy(text, "https://shop.example/", 21);
		text[299] = (char)('0' + i);
		build_init(&b, storage, sizeof storage);
		build_str(&b, slice_of(text, sizeof text));
		value = build_slice(&b);
		row[i] = tally_find(t, 1, &value);
		assert_int_equal(tally_dims(row[i]).size, 32);
		assert_int_equal(tally_dims(row[i]).at[0], 0xa0 | 31);
		assert_memory_equal(tally_dims(row[i]).at + 1, "https://shop.exa~", 17);
	}
	assert_true(row[0] != row[1]);
	tally_free(t);
}

static void
a_failure_to_give_is_reported_and_not_forgotten(void **state)
{
	struct tally *t = tally(1, 10);

	(void)state;
	for (uint64_t i = 0; i < 5; i++)
		impression(t, 1, 1, i, 1);
	refuse = 2;
	assert_int_equal(tally_close(t, 10), -1);
	assert_int_equal(given_count, 1);
	assert_int_equal(tally_close_all(t), -1);
	tally_free(t);
}

static void
a_tally_goes_on_from_its_snapshot(void **state)
{
	const struct state_identity identity = { .name = "tally", .schema = 1 };
	char folder[] = "/tmp/tally-XXXXXX", path[64];
	struct random r = { 17 };
	struct tally *t = tally(1, 100), *u = tally(1, 100);
	struct state_writer *to;
	struct state_reader *from;
	struct error error;
	unsigned half = 0;
	enum state_trouble trouble;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/t", folder);
	for (int i = 0; i < 1000; i++)
		impression(t, (instant)hash_bucket(random_next(&r), 1000), 1,
		    hash_bucket(random_next(&r), 20), 1);
	tally_gap(t, tally_find(t, 950, &(struct slice){ (const uint8_t *)"\x01", 1 }),
	    3, 2, 950);
	assert_int_equal(tally_close(t, 500), 0);
	to = state_write(&os_system, path, &identity, &error);
	assert_non_null(to);
	tally_save(t, to);
	assert_int_equal(state_commit(to, &error), 0);
	from = state_read(&os_system, path, &identity, &trouble, &error);
	assert_non_null(from);
	assert_int_equal(tally_load(u, from), 0);
	assert_int_equal(state_left(from), 0);
	state_close(from);
	given_count = 0;
	for (int k = 0; k < 2; k++) {
		struct tally *each = k == 0 ? t : u;

		impression(each, 10, 1, 3, 1);
		tally_gap(each,
		    tally_find(
			each, 951, &(struct slice){ (const uint8_t *)"\x01", 1 }),
		    3, -1, 951);
		assert_int_equal(tally_close_all(each), 0);
		half = k == 0 ? given_count : half;
	}
	assert_true(half > 50);
	assert_int_equal(given_count, 2 * half);
	assert_memory_equal(given, given + half, half * sizeof *given);
	tally_free(t);
	tally_free(u);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(windows_close_at_the_watermark_in_their_order),
		TEST(late_data_gives_its_row_out_again_with_all_it_has_and_no_other),
		TEST(rows_add_up_to_all_events_when_there_is_no_room_for_all),
		TEST(last_revisions_agree_with_a_plain_count),
		TEST(a_window_that_was_forgotten_makes_what_comes_later_late),
		TEST(too_many_windows_give_out_the_oldest),
		TEST(the_gap_is_the_sum_of_absolute_differences_of_pairs),
		TEST(long_values_keep_their_beginning_and_stay_apart),
		TEST(a_failure_to_give_is_reported_and_not_forgotten),
		TEST(a_tally_goes_on_from_its_snapshot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
