/* SPDX-License-Identifier: MIT */
#include "lib/log/player.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/record/build.h"

static char path[2][64];
static int64_t now_us; /* what the clock of the test shows */

static int64_t
test_clock(const struct os *os)
{
	(void)os;
	return now_us;
}

static int
set_up(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		int fd;

		(void)snprintf(
		    path[i], sizeof path[i], "/tmp/bannerpipe-player-XXXXXX");
		fd = mkstemp(path[i]);
		assert_true(fd >= 0);
		(void)close(fd);
	}
	now_us = 1000000;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	return unlink(path[0]) + unlink(path[1]);
}

/* Records of one letter's id at these seconds; -1: one without a timestamp. */
static void
write_records(unsigned file, char letter, const int *seconds, unsigned n)
{
	uint8_t bytes[4096];
	struct build b;
	FILE *f = fopen(path[file], "wb");

	assert_non_null(f);
	build_init(&b, bytes, sizeof bytes);
	for (unsigned i = 0; i < n; i++) {
		char id[3] = { letter, (char)('0' + i), '\0' };

		build_map(&b, seconds[i] < 0 ? 2 : 3);
		build_text(&b, "event");
		build_text(&b, "click");
		build_text(&b, "event_id");
		build_text(&b, id);
		if (seconds[i] < 0)
			continue;
		build_text(&b, "timestamp");
		build_int(&b, (int64_t)seconds[i] * 1000000);
	}
	assert_int_equal(
	    fwrite(bytes, 1, build_slice(&b).size, f), build_slice(&b).size);
	assert_int_equal(fclose(f), 0);
}

static const struct track_options no_options;

static struct player *
open_player(const struct os *os, double speed, int64_t max_gap_us, unsigned files)
{
	struct error error;
	struct player *p = player_new(os, speed, max_gap_us, &error);

	assert_non_null(p);
	for (unsigned i = 0; i < files; i++) {
		struct track *t = track_new(os, path[i], &no_options, &error);

		assert_non_null(t);
		player_add(p, t);
	}
	return p;
}

/* The ids that come, "a0 b0 ..."; how long to wait for the next in ms; -1: the end. */
static int
play(struct player *p, char ids[256], size_t block)
{
	struct source *s = player_source(p);
	uint8_t bytes[4096];
	struct error error;
	size_t size = 0;
	ssize_t n;

	while ((n = s->read(s, bytes + size, block, &error)) > 0)
		size += (size_t)n;
	ids[0] = '\0';
	for (size_t i = 0; i + 11 < size; i++)
		if (memcmp(bytes + i, "event_id\xa2", 9) == 0)
			(void)snprintf(ids + strlen(ids), 256 - strlen(ids), "%.2s ",
			    (const char *)bytes + i + 9);
	assert_true(n == 0 || n == SOURCE_NOTHING);
	return n == 0 ? -1 : s->wait_ms;
}

static void
records_come_in_the_order_of_time_then_of_inputs(void **state)
{
	struct player *p;
	char ids[256];

	(void)state;
	write_records(0, 'a', (int[]){ 1, 3, -1, 2, 9 }, 5);
	write_records(1, 'b', (int[]){ 1, 2, 4 }, 3);
	for (size_t block = 1; block < 200; block += 13) {
		p = open_player(&os_system, 0, 0, 2);
		assert_int_equal(play(p, ids, block), -1);
		assert_string_equal(ids, "a0 b0 b1 a1 a2 a3 b2 a4 ");
		player_source(p)->free(player_source(p));
	}
}

static void
event_time_passes_as_fast_as_asked(void **state)
{
	struct os os = os_system;
	struct player *p;
	char ids[256];

	(void)state;
	os.monotonic_us = test_clock;
	write_records(0, 'a', (int[]){ 10, 10, 11, 10, 70 }, 5);
	p = open_player(&os, 60, 0, 1);
	assert_in_range(play(p, ids, 4096), 16, 18); /* 1 s at 60x */
	assert_string_equal(ids, "a0 a1 ");
	now_us += 17000;
	assert_int_equal(play(p, ids, 4096), 983); /* the last one is due at 1 s */
	assert_string_equal(ids, "a2 a3 ");
	now_us += 983000;
	assert_int_equal(play(p, ids, 4096), -1);
	assert_string_equal(ids, "a4 ");
	player_source(p)->free(player_source(p));
}

static void
a_long_pause_is_made_short(void **state)
{
	struct os os = os_system;
	struct player *p;
	char ids[256];

	(void)state;
	os.monotonic_us = test_clock;
	write_records(0, 'a', (int[]){ 10, 100000, 100001, 200000 }, 4);
	p = open_player(&os, 1, 2000000, 1);
	assert_int_equal(play(p, ids, 4096), 1000); /* 2 s, looked at each second */
	assert_string_equal(ids, "a0 ");
	now_us += 2000000;
	assert_int_equal(play(p, ids, 4096), 1000);
	assert_string_equal(ids, "a1 ");
	now_us += 1000000;
	assert_int_equal(play(p, ids, 4096), 1000);
	assert_string_equal(ids, "a2 ");
	now_us += 1999999;
	assert_int_equal(play(p, ids, 4096), 1);
	assert_string_equal(ids, "");
	now_us += 1;
	assert_int_equal(play(p, ids, 4096), -1);
	assert_string_equal(ids, "a3 ");
	player_source(p)->free(player_source(p));
}

static void
a_track_goes_on_where_it_was(void **state)
{
	struct track_position at[2];
	struct error error;
	struct player *p, *q;
	char ids[256];
	uint8_t bytes[4096];

	(void)state;
	write_records(0, 'a', (int[]){ 1, 3, 5, 7 }, 4);
	write_records(1, 'b', (int[]){ 2, 4, 6, 8 }, 4);
	for (size_t cut = 1; cut < 200; cut++) {
		struct source *s;
		size_t first;

		p = open_player(&os_system, 0, 0, 2);
		q = open_player(&os_system, 0, 0, 2);
		s = player_source(p);
		first = (size_t)s->read(s, bytes, cut, &error);
		for (unsigned i = 0; i < 2; i++) {
			assert_int_equal(
			    track_tell(player_track(p, i), &at[i], &error), 0);
			assert_int_equal(
			    track_resume(player_track(q, i), &at[i], &error), 0);
		}
		assert_true(player_give_first(q, player_left(p)));
		s->free(s);
		s = player_source(q);
		first += (size_t)s->read(s, bytes + first, 4096 - first, &error);
		while (first < 240) {
			ssize_t n = s->read(s, bytes + first, 4096 - first, &error);

			if (n <= 0)
				break;
			first += (size_t)n;
		}
		s->free(s);
		p = open_player(&os_system, 0, 0, 2);
		s = player_source(p);
		assert_int_equal(
		    s->read(s, ids, 256, &error), first < 256 ? first : 256);
		assert_memory_equal(ids, bytes, first < 256 ? first : 256);
		s->free(s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(records_come_in_the_order_of_time_then_of_inputs),
		TEST(event_time_passes_as_fast_as_asked),
		TEST(a_long_pause_is_made_short),
		TEST(a_track_goes_on_where_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
