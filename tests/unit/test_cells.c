/* SPDX-License-Identifier: MIT */
#include "lib/model/cells.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/seed.h"
#include "tests/unit/snapshot.h"

/* All of a cell says whose it is, so that a reader can tell. */
struct cell {
	uint64_t key;
	float value;
	uint32_t unused;
};

static float
worth(const struct cells_kind *kind, const void *cell)
{
	(void)kind;
	return fabsf(((const struct cell *)cell)->value);
}

static bool
is_sound(const struct cells_kind *kind, const void *cell)
{
	(void)kind;
	return isfinite(((const struct cell *)cell)->value);
}

static const struct cells_kind kind = { sizeof(struct cell), worth, is_sound };
static const uint64_t m64 = (uint64_t)64 << 20;
static struct error error;
static char folder[32], path[64];

static int
set_up(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/cells-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/live", folder);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	(void)unlink(path);
	return rmdir(folder);
}

static struct cells
fresh(uint64_t bytes, const char *live)
{
	struct cells c;

	assert_int_equal(cells_init(&c, &kind, bytes, &os_system, live,
			     slice_text("of a test"), &error),
	    0);
	return c;
}

static struct cell *
take(struct cells *c, uint64_t key, uint64_t now)
{
	uint64_t place;
	struct cell *cell;

	cells_reserve(c, 1, now);
	place = cells_take(c, cells_home(c, key), key, now);
	if (place == CELLS_NONE)
		return NULL;
	cells_touch(c, place, now);
	cell = cells_at(c, place);
	assert_true(cell->key == 0 || cell->key == key);
	cell->key = key;
	return cell;
}

static struct cell *
find(const struct cells *c, uint64_t key)
{
	uint64_t place = cells_find(c, cells_home(c, key), key);

	return place == CELLS_NONE ? NULL : cells_at(c, place);
}

/* --- Taking and giving up ------------------------------------------------------------ */

static void
every_key_keeps_its_own_cell_while_the_map_grows(void **state)
{
	enum { N = 400000 };
	struct cells c = fresh(m64, NULL);
	uint64_t first_homes = c.homes, absent = 0;

	(void)state;
	for (uint64_t i = 1; i <= N; i++) {
		struct cell *cell = take(&c, i << 16, i);

		if (cell == NULL)
			cell = take(&c, i << 16, i);
		assert_non_null(cell);
		cell->value = (float)i;
	}
	assert_true(c.homes > 15 * first_homes);
	assert_int_equal(c.used, N);
	assert_int_equal(c.evicted, 0);
	for (uint64_t i = 1; i <= N; i++) {
		struct cell *cell = find(&c, i << 16);

		assert_non_null(cell);
		assert_true(cell->value == (float)i);
		absent += find(&c, (i << 16) + 1) == NULL;
	}
	assert_int_equal(absent, N);
	cells_fini(&c);
}

static void
the_budget_holds_also_while_the_map_grows(void **state)
{
	struct random r = seeded();

	(void)state;
	for (unsigned round = 0; round < 20; round++) {
		uint64_t bytes = CELLS_BYTES_MIN +
		    hash_bucket(random_next(&r), round < 10 ? 300000 : 8 << 20);
		struct cells c = fresh(bytes, NULL);
		uint64_t before = c.region.size;

		assert_true(before <= bytes);
		for (uint64_t i = 1; i < bytes / 100; i++) {
			(void)take(&c, random_next(&r), i);
			if (c.region.size == before)
				continue;
			assert_true(c.region.size + before <= bytes);
			before = c.region.size;
		}
		/* And is used. */
		assert_true(c.region.size > bytes / 6);
		cells_fini(&c);
	}
}

static void
less_than_the_least_budget_is_refused(void **state)
{
	struct cells c;

	(void)state;
	assert_int_equal(cells_init(&c, &kind, CELLS_BYTES_MIN - 1, &os_system, NULL,
			     (struct slice){ 0 }, &error),
	    -1);
	assert_non_null(strstr(error.text, "at least 64K"));
}

static void
a_full_map_gives_up_what_was_not_seen_for_longest(void **state)
{
	struct cells c = fresh(CELLS_BYTES_MIN, NULL);
	uint64_t kept = 0, old = 0;

	(void)state;
	for (uint64_t i = 1; i <= 100; i++)
		assert_non_null(take(&c, hash_mix(i), i * CELLS_TICK));
	for (uint64_t i = 101; i <= 20000; i++) {
		assert_non_null(take(&c, hash_mix(i), i * CELLS_TICK));
		/* These are seen again and again. */
		for (uint64_t k = 1; k <= 20; k++)
			assert_non_null(take(&c, hash_mix(k), i * CELLS_TICK));
	}
	assert_true(c.evicted > 10000);
	assert_true(c.used <= c.line_count * CELLS_LINE);
	for (uint64_t i = 1; i <= 20; i++)
		kept += find(&c, hash_mix(i)) != NULL;
	for (uint64_t i = 21; i <= 100; i++)
		old += find(&c, hash_mix(i)) != NULL;
	assert_int_equal(kept, 20);
	assert_int_equal(old, 0);
	cells_fini(&c);
}

static void
among_equally_stale_ones_the_one_worth_least_goes(void **state)
{
	struct cells c = fresh(CELLS_BYTES_MIN, NULL);
	uint64_t n = c.homes_max * CELLS_LINE, lost_small = 0, lost_large = 0;

	(void)state;
	for (uint64_t i = 1; i <= n; i++) {
		struct cell *cell = take(&c, hash_mix(i), 1000 * CELLS_TICK + i);

		if (cell != NULL)
			cell->value = i % 2 ? 0.01f : -3.0f;
	}
	c.evicted = 0;
	for (uint64_t i = n + 1; i <= n + n / 4; i++)
		(void)take(&c, hash_mix(i), 10000 * CELLS_TICK);
	for (uint64_t i = 1; i <= n; i++)
		*(i % 2 ? &lost_small : &lost_large) += find(&c, hash_mix(i)) == NULL;
	assert_true(c.evicted > 20);
	print_message("# of %llu evicted %llu had small weights\n",
	    (unsigned long long)c.evicted, (unsigned long long)lost_small);
	assert_true(lost_small > 4 * lost_large);
	cells_fini(&c);
}

static void
what_the_examples_at_hand_have_is_never_replaced(void **state)
{
	struct cells c = fresh(CELLS_BYTES_MIN, NULL);
	uint64_t refused = 0;

	(void)state;
	for (uint64_t i = 1; i <= 20000; i++)
		refused += take(&c, hash_mix(i), 7) == NULL;
	assert_int_equal(c.evicted, 0);
	assert_int_equal(c.used + refused, 20000);
	cells_fini(&c);
}

static void
all_64_bit_numbers_are_keys(void **state)
{
	const uint64_t key[] = { 0, CELLS_CHANGING, 2, UINT64_MAX };
	struct cells c = fresh(CELLS_BYTES_MIN, NULL);

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		assert_null(find(&c, key[i]));
		assert_non_null(take(&c, key[i], 1));
		assert_non_null(find(&c, key[i]));
	}
	assert_int_equal(c.used, 2);
	assert_non_null(take(&c, key[2], 1));
	assert_int_equal(c.used, 3);
	cells_fini(&c);
}

static void
ages_outlive_the_sixteen_bits_they_are_kept_in(void **state)
{
	const uint64_t turn = (uint64_t)CELLS_TICK * UINT16_MAX;
	struct cells c = fresh(CELLS_BYTES_MIN, NULL);
	uint64_t n = c.homes_max * CELLS_LINE * 3 / 4, now = 1, recent = 0, old = 0;

	(void)state;
	/* Half of them come once, the others again in each quarter of a turn. */
	for (uint64_t i = 1; i <= n; i++)
		(void)take(&c, hash_mix(i), now);
	for (; now < 5 * turn; now += turn / 4)
		for (uint64_t i = n / 2; i <= n; i++)
			(void)take(&c, hash_mix(i), now);
	assert_true(c.base > 0);
	for (uint64_t i = n / 2; i <= n; i++)
		(void)take(&c, hash_mix(i), now);
	now += 3 * CELLS_TICK;
	c.evicted = 0;
	for (uint64_t i = n + 1; i <= n + n / 2; i++)
		(void)take(&c, hash_mix(i), now);
	assert_true(c.evicted > n / 10);
	for (uint64_t i = 1; i < n / 2; i++)
		old += find(&c, hash_mix(i)) == NULL;
	for (uint64_t i = n / 2; i <= n; i++)
		recent += find(&c, hash_mix(i)) == NULL;
	print_message("# lost %llu old ones, %llu recent ones\n",
	    (unsigned long long)old, (unsigned long long)recent);
	assert_true(old > 5 * recent);
	/* A jump of more than all sixteen bits. */
	now += 100 * turn;
	assert_non_null(take(&c, 4711, now));
	assert_true(now / CELLS_TICK - c.base < UINT16_MAX);
	cells_fini(&c);
}

/* --- Snapshots ------------------------------------------------------------------------ */

static void
fill(struct cells *c, uint64_t seed, uint64_t from, uint64_t n)
{
	struct random r = { seed };

	for (uint64_t i = from; i < from + n; i++) {
		struct cell *cell = take(c, 5 + hash_bucket(random_next(&r), n), i);

		if (cell != NULL)
			cell->value = (float)hash_uniform(random_next(&r));
	}
}

static void
assert_equal(const struct cells *a, const struct cells *b)
{
	assert_int_equal(a->homes, b->homes);
	assert_int_equal(a->homes_max, b->homes_max);
	assert_int_equal(a->used, b->used);
	assert_int_equal(a->evicted, b->evicted);
	assert_int_equal(a->base, b->base);
	assert_int_equal(a->cramped, b->cramped);
	assert_memory_equal(a->lines, b->lines, a->line_count * 64);
	for (uint64_t p = 0; p < a->line_count * CELLS_LINE; p++)
		if (cells_key_at(a, p) != 0)
			assert_memory_equal(
			    cells_at(a, p), cells_at(b, p), sizeof(struct cell));
}

static struct cells
reloaded(struct cells *c, uint64_t last, uint64_t bytes)
{
	struct snapshot s;
	struct state_writer *w = snapshot_write(&s);
	struct cells again = fresh(bytes, NULL);
	struct state_reader *r;

	cells_save(c, w);
	r = snapshot_read(&s, w);
	assert_int_equal(cells_load(&again, r, last, &error), 0);
	assert_int_equal(state_left(r), 0);
	state_close(r);
	return again;
}

static void
a_map_goes_on_from_a_snapshot_as_if_nothing_had_been(void **state)
{
	const uint64_t budget[] = { CELLS_BYTES_MIN, 300000, 1 << 20, 16 << 20 };
	const uint64_t turn = (uint64_t)CELLS_TICK * UINT16_MAX;

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		for (unsigned late = 0; late < 2; late++) {
			struct cells whole = fresh(budget[i], NULL), second;
			uint64_t start = late ? turn - 5000 : 1;

			fill(&whole, 1, start, 30000);
			second = reloaded(&whole, start + 29999, budget[i]);
			assert_equal(&whole, &second);
			fill(&whole, 2, start + 30000, 60000);
			fill(&second, 2, start + 30000, 60000);
			assert_equal(&whole, &second);
			assert_true((whole.base > 0) == (late == 1));
			cells_fini(&whole);
			cells_fini(&second);
		}
}

static void
another_budget_places_the_cells_afresh(void **state)
{
	struct cells large = fresh(16 << 20, NULL), small, again;
	uint64_t found = 0, homes;

	(void)state;
	fill(&large, 1, 1, 30000);
	homes = large.homes;
	small = reloaded(&large, 30000, 200000);
	assert_true(small.homes < homes && small.region.size <= 200000);
	assert_int_equal(small.used + small.evicted, large.used);
	for (uint64_t p = 0; p < cells_places(&small); p++) {
		uint64_t key = cells_key_at(&small, p);

		if (key == 0)
			continue;
		assert_non_null(find(&large, key));
		assert_memory_equal(
		    cells_at(&small, p), find(&large, key), sizeof(struct cell));
		found++;
	}
	assert_int_equal(found, small.used);
	/* A larger budget keeps the places. */
	again = reloaded(&small, 30000, 16 << 20);
	assert_int_equal(again.used, small.used);
	assert_int_equal(again.homes, small.homes);
	fill(&again, 3, 30001, 30000);
	assert_true(again.homes > small.homes);
	cells_fini(&large);
	cells_fini(&small);
	cells_fini(&again);
}

/* A count of ticks that is about to begin anew does so while the cells are placed. */
static void
ages_stay_right_in_another_budget_when_their_count_turns(void **state)
{
	const uint64_t turn = (uint64_t)CELLS_TICK * UINT16_MAX;
	struct cells large = fresh(1 << 20, NULL), small;
	uint64_t last = turn - 1;

	(void)state;
	for (uint64_t i = 1; i <= 1000; i++)
		(void)take(&large, hash_mix(i), last);
	assert_int_equal(large.base, 0);
	small = reloaded(&large, last, CELLS_BYTES_MIN);
	for (uint64_t p = 0; p < cells_places(&small); p++)
		assert_true((p & 7) >= CELLS_LINE ||
		    small.lines[p >> 3].touched[p & 7] <=
			last / CELLS_TICK + 2 - small.base);
	/* Whatever is in it can be given up again. */
	for (uint64_t i = 1; i <= 20000; i++)
		assert_non_null(
		    take(&small, hash_mix(1000 + i), last + i * CELLS_TICK));
	for (uint64_t i = 1; i <= 1000; i++)
		assert_null(find(&small, hash_mix(i)));
	cells_fini(&large);
	cells_fini(&small);
}

static void
a_cell_that_is_not_sound_is_refused(void **state)
{
	(void)state;
	for (unsigned other = 0; other < 2; other++) {
		struct cells c = fresh(1 << 20, NULL),
			     again = fresh(other ? CELLS_BYTES_MIN : 1 << 20, NULL);
		struct snapshot s;
		struct state_writer *w = snapshot_write(&s);
		struct state_reader *r;

		fill(&c, 1, 1, 3000);
		find(&c, 5 + hash_bucket(random_next(&(struct random){ 1 }), 3000))
		    ->value = other ? NAN : INFINITY;
		cells_save(&c, w);
		r = snapshot_read(&s, w);
		assert_int_equal(cells_load(&again, r, 3000, &error), -1);
		assert_non_null(strstr(error.text, "damaged"));
		state_close(r);
		cells_fini(&c);
		cells_fini(&again);
	}
}

/* --- Readers --------------------------------------------------------------------------- */

enum { LIVE_KEYS = 60000 };

/* Looks until the writer is gone: no cell is of another key, no version is less than one
 * before, and new files are found. Exits 0 when all was so. */
static int
reader(int started)
{
	uint64_t files = 0, looks = 0, found = 0, version = 0;
	struct random r = { 77 };
	bool missing, ends = false;

	while (!ends) {
		struct cells c;
		unsigned tries = 0;

		while (cells_open(&c, &kind, &os_system, path, &missing, &error) < 0)
			if (!missing || tries++ > 1000000)
				return 10;
		if (files++ == 0 && write(started, "", 1) != 1)
			return 14;
		while (!region_is_over(&c.region) && !ends) {
			uint64_t key = 5 + hash_bucket(random_next(&r), LIVE_KEYS);
			uint64_t place = cells_find(&c, cells_home(&c, key), key);
			uint64_t now = region_version(&c.region);
			struct cell seen;

			if (now < version)
				return 11;
			version = now;
			ends = version == UINT64_MAX;
			looks++;
			if (place == CELLS_NONE)
				continue;
			memcpy(&seen, cells_at(&c, place), sizeof seen);
			__atomic_thread_fence(__ATOMIC_ACQUIRE);
			if (cells_key_at(&c, place) != key)
				continue;
			/* It changes hands: zeros, before its owner has written it. */
			if (seen.key != key && seen.key != 0)
				return 12;
			found++;
		}
		cells_fini(&c);
	}
	return looks > 1000 && found > 100 && files > 1 ? 0 : 13;
}

static void
a_reader_never_sees_the_cell_of_another_key(void **state)
{
	struct cells c = fresh(800000, path);
	struct random r = seeded();
	int status = 0;
	uint64_t first = c.homes, i;
	int started[2];
	char byte;
	pid_t child;

	(void)state;
	assert_int_equal(pipe(started), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		(void)alarm(600);
		_exit(reader(started[1]));
	}
	assert_int_equal(read(started[0], &byte, 1), 1);
	(void)close(started[0]);
	(void)close(started[1]);
	for (i = 1; i < 3000000 && c.evicted < 200000; i++) {
		(void)take(
		    &c, 5 + hash_bucket(random_next(&r), LIVE_KEYS), i * CELLS_TICK);
		region_set_version(&c.region, i);
	}
	assert_true(c.homes > first && c.evicted >= 200000);
	region_set_version(&c.region, UINT64_MAX);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	cells_fini(&c);
}

static void
a_reader_finds_what_the_writer_has(void **state)
{
	struct cells c = fresh(16 << 20, path), seen, newer;
	bool missing;

	(void)state;
	fill(&c, 1, 1, 5000);
	region_set_version(&c.region, 5000);
	assert_int_equal(
	    cells_open(&seen, &kind, &os_system, path, &missing, &error), 0);
	assert_true(
	    slice_is(slice_of(seen.region.head->text, seen.region.head->text_size),
		"of a test"));
	assert_int_equal(region_version(&seen.region), 5000);
	for (uint64_t key = 5; key < 5005; key++) {
		struct cell *mine = find(&c, key), *theirs = find(&seen, key);

		assert_true((mine == NULL) == (theirs == NULL));
		if (mine != NULL)
			assert_memory_equal(mine, theirs, sizeof *mine);
	}
	assert_false(region_is_over(&seen.region));
	fill(&c, 2, 5001, 100000);
	assert_true(region_is_over(&seen.region));
	assert_int_equal(
	    cells_open(&newer, &kind, &os_system, path, &missing, &error), 0);
	assert_int_equal(newer.homes, c.homes);
	cells_fini(&seen);
	cells_fini(&newer);
	cells_fini(&c);
}

static void
a_second_writer_at_the_same_path_is_refused(void **state)
{
	struct cells c = fresh(1 << 20, path), second;
	pid_t child;
	int status;

	(void)state;
	fill(&c, 1, 1, 50000);
	child = fork();
	if (child == 0)
		_exit(cells_init(&second, &kind, 1 << 20, &os_system, path,
			  slice_text("of a test"), &error) == 0
			? 1
			: strstr(error.text, "another process that learns") != NULL
			? 0
			: 2);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(WEXITSTATUS(status), 0);
	/* Nor has it done any harm. */
	fill(&c, 2, 50001, 1000);
	cells_fini(&c);
}

static void
the_file_of_a_dead_writer_is_taken_over(void **state)
{
	struct cells seen, c;
	bool missing;
	int status;
	pid_t child = fork();

	(void)state;
	if (child == 0) {
		struct cells dying = fresh(1 << 20, path);

		fill(&dying, 1, 1, 1000);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(
	    cells_open(&seen, &kind, &os_system, path, &missing, &error), 0);
	c = fresh(1 << 20, path);
	assert_true(region_is_over(&seen.region));
	cells_fini(&seen);
	assert_int_equal(
	    cells_open(&seen, &kind, &os_system, path, &missing, &error), 0);
	assert_false(region_is_over(&seen.region));
	cells_fini(&seen);
	cells_fini(&c);
}

static void
what_is_no_live_model_is_not_overwritten_nor_read(void **state)
{
	static char bytes[REGION_HEAD + 4096];
	struct cells c;
	bool missing = true;
	FILE *file;

	(void)state;
	for (unsigned size = 4; size <= sizeof bytes; size += sizeof bytes - 4) {
		char back[8] = { 0 };

		memcpy(bytes, "mine", 4);
		file = fopen(path, "w");
		assert_non_null(file);
		assert_int_equal(fwrite(bytes, 1, size, file), size);
		assert_int_equal(fclose(file), 0);
		assert_int_equal(cells_init(&c, &kind, 1 << 20, &os_system, path,
				     (struct slice){ 0 }, &error),
		    -1);
		assert_non_null(strstr(error.text, "not overwritten"));
		assert_int_equal(
		    cells_open(&c, &kind, &os_system, path, &missing, &error), -1);
		assert_false(missing);
		file = fopen(path, "r");
		assert_non_null(file);
		assert_int_equal(fread(back, 1, 4, file), 4);
		assert_int_equal(fclose(file), 0);
		assert_string_equal(back, "mine");
	}
	assert_int_equal(unlink(path), 0);
	assert_int_equal(cells_open(&c, &kind, &os_system, path, &missing, &error), -1);
	assert_true(missing);
}

static void
cells_of_another_size_are_refused(void **state)
{
	const struct cells_kind wide = { 64, worth, is_sound };
	struct cells c = fresh(1 << 20, path), seen;
	bool missing;

	(void)state;
	assert_int_equal(
	    cells_open(&seen, &wide, &os_system, path, &missing, &error), -1);
	assert_non_null(strstr(error.text, "another size"));
	cells_fini(&c);
}

/* --- Faults ---------------------------------------------------------------------------- */

static int allocations_left;

static int
allocate_until_full(const struct os *os, int fd, off_t size)
{
	if (allocations_left-- > 0)
		return os_system.allocate(os, fd, size);
	errno = ENOSPC;
	return -1;
}

static void
a_full_disk_is_an_error_or_no_growth(void **state)
{
	struct os os = os_system;
	struct cells c, seen;
	bool missing;
	char beside[80];

	(void)state;
	snprintf(beside, sizeof beside, "%s.new", path);
	os.allocate = allocate_until_full;
	allocations_left = 0;
	assert_int_equal(
	    cells_init(&c, &kind, 1 << 20, &os, path, slice_text("of a test"), &error),
	    -1);
	assert_non_null(strstr(error.text, "No space left"));
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(access(beside, F_OK), -1);
	for (unsigned growths = 0; growths < 2; growths++) {
		uint64_t homes;

		allocations_left = 1 + (int)growths;
		assert_int_equal(cells_init(&c, &kind, 8 << 20, &os, path,
				     slice_text("of a test"), &error),
		    0);
		homes = c.homes;
		fill(&c, 1, 1, 200000);
		assert_int_equal(c.homes, growths == 0 ? homes : 2 * homes);
		assert_true(c.evicted > 0);
		assert_int_equal(
		    cells_open(&seen, &kind, &os_system, path, &missing, &error), 0);
		assert_false(region_is_over(&seen.region));
		assert_int_equal(seen.homes, c.homes);
		assert_int_equal(access(beside, F_OK), -1);
		cells_fini(&seen);
		cells_fini(&c);
	}
}

static int
no_rename(const struct os *os, const char *from, const char *to)
{
	(void)os;
	(void)from;
	(void)to;
	errno = EROFS;
	return -1;
}

static void
a_file_that_cannot_take_its_place_is_an_error_or_no_growth(void **state)
{
	struct os os = os_system;
	struct cells c;
	char beside[80];
	uint64_t homes;

	(void)state;
	snprintf(beside, sizeof beside, "%s.new", path);
	os.rename = no_rename;
	assert_int_equal(
	    cells_init(&c, &kind, 1 << 20, &os, path, slice_text("of a test"), &error),
	    -1);
	assert_non_null(strstr(error.text, "cannot rename"));
	os.rename = os_system.rename;
	assert_int_equal(
	    cells_init(&c, &kind, 8 << 20, &os, path, slice_text("of a test"), &error),
	    0);
	homes = c.homes;
	os.rename = no_rename;
	fill(&c, 1, 1, 100000);
	assert_int_equal(c.homes, homes);
	assert_false(region_is_over(&c.region));
	for (uint64_t p = 0; p < cells_places(&c); p++)
		if (cells_key_at(&c, p) != 0)
			assert_int_equal(
			    cells_key_at(&c, p), ((struct cell *)cells_at(&c, p))->key);
	cells_fini(&c);
	(void)unlink(beside);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test(name)
#define LIVE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(every_key_keeps_its_own_cell_while_the_map_grows),
		TEST(the_budget_holds_also_while_the_map_grows),
		TEST(less_than_the_least_budget_is_refused),
		TEST(a_full_map_gives_up_what_was_not_seen_for_longest),
		TEST(among_equally_stale_ones_the_one_worth_least_goes),
		TEST(what_the_examples_at_hand_have_is_never_replaced),
		TEST(all_64_bit_numbers_are_keys),
		TEST(ages_outlive_the_sixteen_bits_they_are_kept_in),
		TEST(a_map_goes_on_from_a_snapshot_as_if_nothing_had_been),
		TEST(another_budget_places_the_cells_afresh),
		TEST(ages_stay_right_in_another_budget_when_their_count_turns),
		TEST(a_cell_that_is_not_sound_is_refused),
		LIVE(a_reader_finds_what_the_writer_has),
		LIVE(a_reader_never_sees_the_cell_of_another_key),
		LIVE(a_second_writer_at_the_same_path_is_refused),
		LIVE(the_file_of_a_dead_writer_is_taken_over),
		LIVE(what_is_no_live_model_is_not_overwritten_nor_read),
		LIVE(cells_of_another_size_are_refused),
		LIVE(a_full_disk_is_an_error_or_no_growth),
		LIVE(a_file_that_cannot_take_its_place_is_an_error_or_no_growth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
