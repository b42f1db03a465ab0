/* SPDX-License-Identifier: MIT
 *
 * Hash flooding: whoever knows how keys are placed can choose ids that fill one set. Here
 * such ids are made for one seed, and tried against tables with that seed and another: with
 * the other they must be as good as any; with the known one they may cost places, but never
 * time or a wrong answer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/hash.h"
#include "lib/sketch/countmin.h"
#include "lib/sketch/cuckoo.h"
#include "lib/sketch/heavy.h"
#include "lib/sketch/places.h"
#include "lib/sketch/spread.h"
#include "lib/sketch/velocity.h"
#include "lib/table.h"
#include "lib/trial/groups.h"

enum { IDS = 200, ID = 16 };

struct ids {
	char text[IDS][ID];
};

static struct slice
id_of(const struct ids *ids, unsigned i)
{
	return slice_text(ids->text[i]);
}

/* Of n buckets. */
typedef uint64_t bucket_of(struct slice id, uint64_t seed, uint64_t n);

static uint64_t
by_key(struct slice id, uint64_t seed, uint64_t n)
{
	return hash_bucket(hash_keyed(hash_key(seed), id), n);
}

static uint64_t
without_key(struct slice id, uint64_t seed, uint64_t n)
{
	(void)seed;
	return hash_bucket(hash_bytes(id, 0), n);
}

/* Ids that share bucket 0 of n, as an attacker finds them. */
static void
choose(struct ids *ids, bucket_of *bucket, uint64_t seed, uint64_t n)
{
	unsigned found = 0;

	for (uint64_t i = 0; found < IDS; i++) {
		(void)snprintf(ids->text[found], ID, "user%llu", (unsigned long long)i);
		found += bucket(id_of(ids, found), seed, n) == 0;
	}
}

/* How many ids lie in the fullest bucket. */
static unsigned
fullest(const struct ids *ids, bucket_of *bucket, uint64_t seed, uint64_t n)
{
	unsigned most = 0;

	for (unsigned i = 0; i < IDS; i++) {
		unsigned same = 0;

		for (unsigned k = 0; k < IDS; k++)
			same += bucket(id_of(ids, i), seed, n) ==
			    bucket(id_of(ids, k), seed, n);
		most = same > most ? same : most;
	}
	return most;
}

static void
ids_that_collide_for_one_seed_are_ordinary_for_another(void **state)
{
	enum { BUCKETS = 4096 };
	struct ids ids;

	(void)state;
	choose(&ids, without_key, 0, BUCKETS);
	assert_int_equal(fullest(&ids, without_key, 0, BUCKETS), IDS);
	/* 200 balls in 4,096: more than 5 in one has a chance of 10^-8. */
	for (uint64_t seed = 1; seed < 20; seed++)
		assert_in_range(fullest(&ids, by_key, seed, BUCKETS), 1, 5);
	choose(&ids, by_key, 1, BUCKETS);
	assert_int_equal(fullest(&ids, by_key, 1, BUCKETS), IDS);
	for (uint64_t seed = 2; seed < 20; seed++)
		assert_in_range(fullest(&ids, by_key, seed, BUCKETS), 1, 5);
}

static void
a_table_looks_at_sixteen_places_whatever_the_ids(void **state)
{
	enum { SEED = 5 };
	struct table *scratch = table_new(TABLE_KEY_64, 8, 1 << 15), *t;
	size_t set = TABLE_NONE;
	struct ids ids;
	bool fresh;

	(void)state;
	/* A bare table tells an attacker where keys go. */
	for (unsigned found = 0, i = 0; found < IDS; i++) {
		uint64_t key;
		size_t at;

		(void)snprintf(ids.text[found], ID, "user%u", i);
		key = hash_keyed(hash_key(SEED), id_of(&ids, found));
		at = table_slot(scratch, table_touch(scratch, key, 1, &fresh)) / 8;
		table_clear(scratch);
		set = set == TABLE_NONE ? at : set;
		found += at == set;
	}
	for (uint64_t seed = SEED; seed < SEED + 10; seed++) {
		t = table_new(TABLE_KEY_64, 8, 1 << 15);
		for (unsigned i = 0; i < IDS; i++)
			table_touch(
			    t, hash_keyed(hash_key(seed), id_of(&ids, i)), 1, &fresh);
		assert_int_equal(table_counts(t).cells + table_counts(t).evicted, IDS);
		/* Of the known seed, each has but one of its two sets to itself. */
		assert_true(seed == SEED || table_counts(t).evicted == 0);
		table_free(t);
	}
	table_free(scratch);
}

/* Keys whose cells share a set, for the seed. */
static void
choose_keys(uint64_t keys[IDS], uint64_t seed, uint64_t sets)
{
	unsigned found = 0;

	for (uint64_t key = 0; found < IDS; key++)
		if (hash_bucket(places_hash(seed, key), sets) == 0)
			keys[found++] = key;
}

static void
velocity_and_spread_stay_right_for_keys_of_one_set(void **state)
{
	enum { SEED = 5, TIMES = 4 };
	struct velocity_shape shape = { .rule = { { { WHEN_HOUR }, 4 } }, .rules = 1 };
	struct spread_shape wide = { { WHEN_HOUR }, 4, 0 };
	uint64_t keys[IDS], others[IDS];

	(void)state;
	for (uint64_t seed = SEED; seed < SEED + 10; seed++) {
		struct velocity *v;
		struct spread *s;
		struct velocity_answer a;
		struct spread_answer b;
		unsigned beyond = 0;

		shape.seed = wide.seed = seed;
		v = velocity_new(&shape, 1 << 20);
		s = spread_new(&wide, 4 << 20);
		choose_keys(keys, SEED, velocity_counts(v).places / PLACES_WAYS);
		choose_keys(others, SEED, spread_counts(s).places / PLACES_WAYS);
		for (unsigned n = 0; n < IDS * TIMES; n++) {
			velocity_add(
			    v, keys[n % IDS], 0, (struct velocity_amount){ 1, 0 }, &a);
			spread_add(s, others[n % IDS], hash_mix(n), 0, &b);
		}
		for (unsigned i = 0; i < IDS; i++) {
			velocity_read(v, keys[i], 0, &a);
			assert_true(a.count[0] >= TIMES);
			assert_true(seed == SEED || a.exact);
			beyond +=
			    (double)a.count[0] > TIMES + velocity_bound(v, 0, 0).count;
		}
		assert_in_range(beyond, 0, IDS / 54); /* e^-4 */
		assert_in_range(velocity_counts(v).cells, seed == SEED ? 8 : IDS,
		    seed == SEED ? 8 : IDS);
		assert_in_range(spread_counts(s).cells, seed == SEED ? 8 : IDS,
		    seed == SEED ? 8 : IDS);
		velocity_free(v);
		spread_free(s);
	}
}

static void
counts_are_not_raised_by_keys_made_for_another_seed(void **state)
{
	enum { SEED = 5, VICTIM = 1000000 };
	struct countmin_shape shape = { 0.001, 0.01, SEED };
	struct countmin *known = countmin_new(shape), *other;
	struct heavy_key list[4];
	struct heavy *h;
	uint64_t n = 0;

	(void)state;
	/* An attacker with the seed finds keys that share the victim's counters. */
	while (countmin_read(known, VICTIM) == 0)
		countmin_add(known, n++, 1);
	countmin_clear(known);
	for (uint64_t key = 0; key < n; key++)
		countmin_add(known, key, 1000);
	assert_true(countmin_read(known, VICTIM) >= 1000);
	for (uint64_t seed = SEED + 1; seed < SEED + 10; seed++) {
		shape.seed = seed;
		other = countmin_new(shape);
		for (uint64_t key = 0; key < n; key++)
			countmin_add(other, key, 1000);
		assert_true(
		    (double)countmin_read(other, VICTIM) <= countmin_bound(other));
		countmin_free(other);
	}
	/* A set of the most frequent that is full of chosen keys hides no larger one. */
	h = heavy_new(4, shape);
	for (uint64_t key = 0; key < 10000; key++)
		heavy_add(h, key, 2);
	heavy_add(h, VICTIM, 100000);
	assert_int_equal(heavy_list(h, list), 4);
	assert_true(list[0].key == VICTIM && list[0].count >= 100000);
	heavy_free(h);
	countmin_free(known);
}

static void
a_cuckoo_filter_gives_up_in_time_and_says_so(void **state)
{
	enum { SEED = 5 };
	struct ids ids;

	(void)state;
	choose(&ids, by_key, SEED, 512);
	for (uint64_t seed = SEED; seed < SEED + 10; seed++) {
		struct cuckoo *c = cuckoo_new((struct span){ WHEN_HOUR }, 1, 6000);
		unsigned added = 0;

		for (unsigned i = 0; i < IDS; i++)
			added += cuckoo_add(
			    c, hash_keyed(hash_key(seed), id_of(&ids, i)), 0);
		assert_int_equal(added + cuckoo_lost(c), IDS);
		assert_true(seed == SEED || cuckoo_lost(c) == 0);
		cuckoo_free(c);
	}
}

static void
groups_of_an_experiment_are_kept_apart(void **state)
{
	struct groups *g = groups_new(1, IDS, 1 << 22, 9);
	struct ids ids;
	unsigned most = 0;

	(void)state;
	choose(&ids, without_key, 0, 1 << 12);
	for (unsigned i = 0; i < IDS; i++) {
		struct slice value = id_of(&ids, i);
		const struct group *group = groups_find(g, 0, &value);

		most = (unsigned)group->number > most ? (unsigned)group->number : most;
	}
	assert_int_equal(most, IDS);
	groups_free(g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    ids_that_collide_for_one_seed_are_ordinary_for_another),
		cmocka_unit_test(a_table_looks_at_sixteen_places_whatever_the_ids),
		cmocka_unit_test(velocity_and_spread_stay_right_for_keys_of_one_set),
		cmocka_unit_test(counts_are_not_raised_by_keys_made_for_another_seed),
		cmocka_unit_test(a_cuckoo_filter_gives_up_in_time_and_says_so),
		cmocka_unit_test(groups_of_an_experiment_are_kept_apart),
	};

	return cmocka_run_group_tests_name("flooding", tests, NULL, NULL);
}
