/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "lib/sketch/velocity.h"
#include "lib/window.h"
#include "tests/unit/marks.h"
#include "tests/unit/seed.h"

static const struct velocity_shape three = {
	.rule = { { { WHEN_MINUTE }, 6 }, { { WHEN_HOUR }, 6 }, { { WHEN_DAY }, 8 } },
	.rules = 3,
	.seed = 7,
};

/* Nothing is anywhere but where the ledger says, and all of it is there. */
static void
assert_ledger(const struct velocity *v, unsigned rules)
{
	for (unsigned i = 0; i < rules; i++) {
		struct velocity_ledger l = velocity_ledger(v, i);

		assert_int_equal(l.added.count,
		    l.cells.count + l.sketch.count + l.expired.count + l.late.count +
			l.refused.count);
		assert_int_equal(l.added.sum,
		    l.cells.sum + l.sketch.sum + l.expired.sum + l.late.sum +
			l.refused.sum);
	}
}

/* A load walks all that is held and compares it with the ledger. */
static struct velocity *
reloaded(
    const struct velocity_shape *shape, uint64_t memory, const struct velocity *from)
{
	struct velocity *v = velocity_new(shape, memory);
	struct slice bytes = velocity_bytes(from);
	struct error error;

	assert_non_null(v);
	memcpy(velocity_load_begin(v), bytes.at, bytes.size);
	if (velocity_load_end(v, &error) != 0)
		fail_msg("%s", error.text);
	assert_true(slice_equal(velocity_bytes(v), bytes));
	return v;
}

/* The counters of lib/window, one a rule, for keys 0 .. n - 1: the truth. */
struct truth {
	const struct velocity_shape *shape;
	uint8_t *cells[VELOCITY_RULES_MAX];
	struct window_rule rule[VELOCITY_RULES_MAX];
};

static struct truth
truth_of(const struct velocity_shape *shape, size_t n)
{
	struct truth t = { .shape = shape };

	for (unsigned i = 0; i < shape->rules; i++) {
		t.rule[i] = (struct window_rule){ WINDOW_SLIDING, shape->rule[i].length,
			shape->rule[i].slices };
		t.cells[i] = calloc(n, window_cell_size(t.rule[i]));
	}
	return t;
}

static void
truth_free(struct truth *t)
{
	for (unsigned i = 0; i < t->shape->rules; i++)
		free(t->cells[i]);
}

static void *
truth_cell(const struct truth *t, unsigned rule, size_t key)
{
	return t->cells[rule] + key * window_cell_size(t->rule[rule]);
}

static void
truth_add(struct truth *t, size_t key, instant when, double amount)
{
	for (unsigned i = 0; i < t->shape->rules; i++)
		window_cell_add(t->rule[i], truth_cell(t, i, key), when, amount);
}

static double
truth_read(const struct truth *t, unsigned rule, size_t key, instant when)
{
	return window_cell_read(t->rule[rule], truth_cell(t, rule, key), when);
}

static void
keys_with_cells_are_counted_like_windows(void **state)
{
	enum { KEYS = 200, EVENTS = 60000 };
	struct velocity_shape shape = three;
	struct velocity *v;
	struct truth counts, sums;
	struct random random = seeded();
	instant now = -3 * WHEN_HOUR; /* also before 1970 */

	(void)state;
	shape.sums = true;
	v = velocity_new(&shape, 1 << 20);
	counts = truth_of(&shape, KEYS);
	sums = truth_of(&shape, KEYS);
	for (unsigned n = 0; n < EVENTS; n++) {
		size_t key = random_next(&random) % KEYS;
		int32_t count = n % 5 == 4 ? -1 : 1;
		int64_t sum = (int64_t)(random_next(&random) % 1000000) * count;
		instant when;
		struct velocity_answer a;

		now += (int64_t)(random_next(&random) %
		    (uint64_t)(n % 1000 == 0 ? 9 * WHEN_HOUR : 20 * WHEN_SECOND));
		when = now - (int64_t)(random_next(&random) % (5 * WHEN_SECOND));
		truth_add(&counts, key, when, count);
		truth_add(&sums, key, when, (double)sum);
		velocity_add(v, key, when, (struct velocity_amount){ count, sum }, &a);
		assert_true(a.exact);
		velocity_read(v, key, now, &a);
		for (unsigned i = 0; i < shape.rules; i++) {
			assert_true(
			    a.count[i] == (int64_t)truth_read(&counts, i, key, now));
			assert_true(
			    a.sum[i] == (int64_t)truth_read(&sums, i, key, now));
		}
	}
	assert_ledger(v, shape.rules);
	assert_true(velocity_ledger(v, 0).expired.count > 0);
	velocity_free(reloaded(&shape, 1 << 20, v));
	truth_free(&counts);
	truth_free(&sums);
	velocity_free(v);
}

/* Zipf-like keys, far more than there are cells. */
static uint64_t
skewed(struct random *random, uint64_t n)
{
	double u = hash_uniform(random_next(random));

	return (uint64_t)(exp(u * log((double)n)) - 1);
}

static void
reads_never_underestimate_and_keep_the_bound(void **state)
{
	enum { KEYS = 100000, EVENTS = 1000000, MEMORY = 600000 };
	struct velocity *v = velocity_new(&three, MEMORY);
	struct truth truth = truth_of(&three, KEYS);
	struct random random = seeded();
	uint64_t asked = 0, beyond = 0, exact = 0;
	instant now = 0;

	(void)state;
	for (unsigned n = 0; n < EVENTS; n++) {
		size_t key =
		    n % 2 == 0 ? skewed(&random, KEYS) : random_next(&random) % KEYS;
		struct velocity_answer a;

		now += (int64_t)(random_next(&random) % (2 * WHEN_SECOND / 10));
		truth_add(&truth, key, now, 1);
		velocity_add(v, key, now, (struct velocity_amount){ 1, 0 }, &a);
		for (unsigned i = 0; i < three.rules; i++) {
			double is = truth_read(&truth, i, key, now);

			assert_true((double)a.count[i] >= is);
			if (a.exact)
				assert_true((double)a.count[i] == is);
			beyond +=
			    (double)a.count[i] > is + velocity_bound(v, i, now).count;
			asked++;
		}
		exact += a.exact;
	}
	print_message("%.2f %% exact, %.4f %% beyond the bound (at most 1.83 %%)\n",
	    (double)exact / EVENTS * 100, (double)beyond / (double)asked * 100);
	assert_true((double)beyond <= exp(-4) * (double)asked);
	assert_true(velocity_ledger(v, 2).evicted.count > 0);
	assert_ledger(v, three.rules);
	velocity_free(reloaded(&three, MEMORY, v));
	truth_free(&truth);
	velocity_free(v);
}

static void
frequent_keys_are_exact_after_a_window_in_a_flood(void **state)
{
	enum { HOT = 50, EVENTS = 2000000, MEMORY = 1 << 20 };
	static const struct velocity_shape shape = {
		.rule = { { { 10 * WHEN_SECOND }, 5 }, { { WHEN_MINUTE }, 6 } },
		.rules = 2,
	};
	struct velocity *v = velocity_new(&shape, MEMORY);
	struct truth truth = truth_of(&shape, HOT);
	struct random random = seeded();
	uint64_t right = 0, asked = 0;

	(void)state;
	for (unsigned n = 0; n < EVENTS; n++) {
		instant now = (instant)n * 100; /* 10,000 a second, 200 seconds */
		bool flood = n < EVENTS / 10 || n % 100 != 0;
		uint64_t key =
		    flood ? random_next(&random) | HOT * 4 : random_next(&random) % HOT;
		struct velocity_answer a;

		velocity_add(v, key, now, (struct velocity_amount){ 1, 0 }, &a);
		if (key >= HOT)
			continue;
		truth_add(&truth, key, now, 1);
		if (n < EVENTS / 2)
			continue;
		asked++;
		right += a.exact &&
		    a.count[0] == (int64_t)truth_read(&truth, 0, key, now) &&
		    a.count[1] == (int64_t)truth_read(&truth, 1, key, now);
	}
	print_message("%.2f %% of the frequent keys' answers are exact\n",
	    (double)right / (double)asked * 100);
	assert_true((double)right > 0.95 * (double)asked);
	assert_ledger(v, shape.rules);
	truth_free(&truth);
	velocity_free(v);
}

static void
a_flood_takes_no_more_than_the_memory(void **state)
{
	enum { EVENTS = 3000000, MEMORY = 2 << 20 };
	struct velocity *v = velocity_new(&three, MEMORY);
	struct random random = seeded();
	struct rusage before, after;

	(void)state;
	getrusage(RUSAGE_SELF, &before);
	for (unsigned n = 0; n < EVENTS; n++)
		velocity_add(v, random_next(&random), (instant)n * 100,
		    (struct velocity_amount){ 1, 0 }, NULL);
	getrusage(RUSAGE_SELF, &after);
	print_message("%ld KiB more are resident, %lld of %d evicted\n",
	    after.ru_maxrss - before.ru_maxrss,
	    (long long)velocity_ledger(v, 2).evicted.count, EVENTS);
	assert_true(after.ru_maxrss - before.ru_maxrss <= MEMORY / 1024 + 512);
	assert_true(velocity_ledger(v, 2).evicted.count > 0);
	assert_int_equal(velocity_ledger(v, 2).added.count, EVENTS);
	assert_int_equal(
	    velocity_ledger(v, 2).cells.count + velocity_ledger(v, 2).sketch.count,
	    EVENTS);
	assert_ledger(v, three.rules);
	velocity_free(reloaded(&three, MEMORY, v));
	velocity_free(v);
}

static void
what_is_taken_back_is_gone_from_cells_and_sketch(void **state)
{
	enum { EVENTS = 200000, MEMORY = 300000 };
	struct velocity *v = velocity_new(&three, MEMORY);
	struct random random = seeded(), again = random;
	uint64_t beyond = 0;
	instant now = 0;

	(void)state;
	for (int32_t sign = 1; sign >= -1; sign -= 2) {
		for (unsigned n = 0; n < EVENTS; n++) {
			uint64_t key = random_next(&random) % 30000;
			instant when = (int64_t)(n % 60) * WHEN_SECOND / 4;

			velocity_add(
			    v, key, when, (struct velocity_amount){ sign, 0 }, NULL);
			now = when > now ? when : now;
		}
		random = again;
	}
	assert_true(velocity_ledger(v, 2).evicted.count != 0);
	for (uint64_t key = 0; key < 30000; key++) {
		struct velocity_answer a;

		velocity_read(v, key, now, &a);
		for (unsigned i = 0; i < three.rules; i++) {
			assert_true(a.count[i] >= 0);
			assert_true(a.count[i] == 0 || !a.exact);
			beyond += (double)a.count[i] > velocity_bound(v, i, now).count;
		}
	}
	assert_true((double)beyond <= exp(-4) * 30000 * three.rules);
	for (unsigned i = 0; i < three.rules; i++) {
		struct velocity_ledger l = velocity_ledger(v, i);

		assert_int_equal(l.added.count, 0);
		assert_int_equal(l.cells.count, -l.sketch.count);
	}
	assert_ledger(v, three.rules);
	velocity_free(reloaded(&three, MEMORY, v));
	velocity_free(v);
}

static void
what_is_late_or_too_much_is_told(void **state)
{
	struct velocity *v = velocity_new(&three, 1 << 20);
	struct velocity_answer a;

	(void)state;
	velocity_add(v, 1, WHEN_DAY, (struct velocity_amount){ 1, 0 }, &a);
	velocity_add(
	    v, 1, WHEN_DAY - WHEN_HOUR / 2, (struct velocity_amount){ 1, 0 }, &a);
	assert_int_equal(velocity_ledger(v, 0).late.count, 1);
	assert_int_equal(velocity_ledger(v, 1).late.count, 0);
	velocity_read(v, 1, WHEN_DAY, &a);
	assert_int_equal(a.count[0], 1);
	assert_int_equal(a.count[1], 2);
	assert_int_equal(a.count[2], 2);
	velocity_add(v, 1, WHEN_DAY, (struct velocity_amount){ INT32_MAX, 0 }, &a);
	assert_int_equal(a.count[2], 2);
	assert_int_equal(velocity_ledger(v, 2).refused.count, INT32_MAX);
	velocity_add(v, 1, WHEN_DAY, (struct velocity_amount){ INT32_MAX - 1, 0 }, &a);
	assert_int_equal(a.count[2], (int64_t)INT32_MAX + 1);
	assert_ledger(v, three.rules);
	velocity_free(v);
}

static void
all_keys_of_an_event_at_once_are_the_same_as_one_by_one(void **state)
{
	enum { KEYS = 31, MEMORY = 300000 };
	struct velocity *one = velocity_new(&three, MEMORY);
	struct velocity *all = velocity_new(&three, MEMORY);
	struct random random = seeded();

	(void)state;
	for (unsigned n = 0; n < 2000; n++) {
		struct velocity_answer a[KEYS], b;
		uint64_t keys[KEYS];
		instant when = (instant)n * WHEN_SECOND;

		for (unsigned i = 0; i < KEYS; i++)
			keys[i] = random_next(&random) % (10u << i % 16);
		velocity_add_all(
		    all, keys, KEYS, when, (struct velocity_amount){ 1, 0 }, a);
		for (unsigned i = 0; i < KEYS; i++) {
			velocity_add(
			    one, keys[i], when, (struct velocity_amount){ 1, 0 }, &b);
			assert_memory_equal(a[i].count, b.count, sizeof b.count);
			assert_int_equal(a[i].exact, b.exact);
		}
	}
	assert_true(slice_equal(velocity_bytes(one), velocity_bytes(all)));
	velocity_free(one);
	velocity_free(all);
}

static void
goes_on_after_a_load_as_if_nothing_was(void **state)
{
	enum { MEMORY = 300000 };
	struct velocity *one = velocity_new(&three, MEMORY), *two = NULL;
	struct random random = seeded();

	(void)state;
	for (unsigned n = 0; n < 100000; n++) {
		uint64_t key = random_next(&random) % 20000;
		instant when = (instant)n * WHEN_SECOND;
		struct velocity_answer a, b;

		if (n == 50000)
			two = reloaded(&three, MEMORY, one);
		velocity_add(one, key, when, (struct velocity_amount){ 1, 0 }, &a);
		if (two == NULL)
			continue;
		velocity_add(two, key, when, (struct velocity_amount){ 1, 0 }, &b);
		assert_memory_equal(a.count, b.count, sizeof b.count);
	}
	assert_true(slice_equal(velocity_bytes(one), velocity_bytes(two)));
	velocity_free(one);
	velocity_free(two);
}

static void
refuses_a_block_that_does_not_add_up(void **state)
{
	enum { MEMORY = 100000 };
	struct velocity_shape other = three;
	struct velocity *v = velocity_new(&three, MEMORY), *w;
	struct random random = seeded();
	struct error error;
	struct slice bytes;
	unsigned refused = 0;

	(void)state;
	for (uint64_t key = 0; key < 5000; key++)
		velocity_add(v, key, 0, (struct velocity_amount){ 1, 0 }, NULL);
	bytes = velocity_bytes(v);
	other.seed = 8;
	w = velocity_new(&other, MEMORY);
	memcpy(velocity_load_begin(w), bytes.at, bytes.size);
	assert_int_equal(velocity_load_end(w, &error), -1);
	assert_non_null(strstr(error.text, "--seed"));
	velocity_free(w);
	w = velocity_new(&three, MEMORY);
	for (unsigned n = 0; n < 200; n++) {
		uint8_t *block = velocity_load_begin(w);
		uint64_t at = random_next(&random) % bytes.size;

		memcpy(block, bytes.at, bytes.size);
		block[at] ^= (uint8_t)(1 + random_next(&random) % 255);
		refused += velocity_load_end(w, &error) != 0;
		velocity_add(w, 1, 0, (struct velocity_amount){ 1, 0 }, NULL);
	}
	print_message("%u of 200 blocks with a wrong byte are refused\n", refused);
	assert_true(refused > 100);
	velocity_free(v);
	velocity_free(w);
}

static void
marks_all_that_it_changes(void **state)
{
	struct velocity *v = velocity_new(&three, 1 << 20);
	struct random random = seeded();

	(void)state;
	for (unsigned round = 0; round < 20; round++) {
		uint8_t *copy = marks_begin(velocity_bytes(v), velocity_dirty(v));

		for (unsigned n = 0; n < 2000; n++) {
			uint64_t u = random_next(&random), key = u % 50000;
			instant when = (instant)(round * 2000 + n) * WHEN_SECOND / 4;

			velocity_add(
			    v, key, when, (struct velocity_amount){ 1, 0 }, NULL);
		}
		assert_marked(copy, velocity_bytes(v), velocity_dirty(v));
	}
	assert_true(velocity_counts(v).evicted > 0);
	velocity_free(v);
}

static void
stays_within_its_memory(void **state)
{
	uint64_t min = velocity_memory_min(&three);

	(void)state;
	assert_null(velocity_new(&three, min - 1));
	for (uint64_t memory = min; memory < 1 << 22; memory = memory * 5 / 4) {
		struct velocity *v = velocity_new(&three, memory);

		assert_non_null(v);
		assert_true(velocity_bytes(v).size <= memory);
		assert_true(
		    memory < 100000 || velocity_bytes(v).size > memory * 9 / 10);
		velocity_free(v);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_with_cells_are_counted_like_windows),
		cmocka_unit_test(reads_never_underestimate_and_keep_the_bound),
		cmocka_unit_test(frequent_keys_are_exact_after_a_window_in_a_flood),
		cmocka_unit_test(a_flood_takes_no_more_than_the_memory),
		cmocka_unit_test(what_is_taken_back_is_gone_from_cells_and_sketch),
		cmocka_unit_test(what_is_late_or_too_much_is_told),
		cmocka_unit_test(
		    all_keys_of_an_event_at_once_are_the_same_as_one_by_one),
		cmocka_unit_test(goes_on_after_a_load_as_if_nothing_was),
		cmocka_unit_test(refuses_a_block_that_does_not_add_up),
		cmocka_unit_test(marks_all_that_it_changes),
		cmocka_unit_test(stays_within_its_memory),
	};

	return cmocka_run_group_tests_name("velocity", tests, NULL, NULL);
}
