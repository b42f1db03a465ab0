/* SPDX-License-Identifier: MIT
 *
 * Pools, indexes and queues against arrays that are searched from end to end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "lib/hash.h"
#include "lib/pending/index.h"
#include "lib/pending/pool.h"
#include "lib/pending/queue.h"
#include "tests/unit/seed.h"
#include "tests/unit/snapshot.h"

enum { N = 200, STEPS = 20000 };

static uint32_t
below(struct random *r, uint32_t n)
{
	return (uint32_t)hash_bucket(random_next(r), n);
}

static void
a_queue_gives_the_earliest_and_then_the_lowest_rank(void **state)
{
	struct random r = seeded();
	struct queue q;
	instant due[N + 1];
	uint64_t rank[N + 1];
	bool in[N + 1] = { false };

	(void)state;
	assert_int_equal(queue_init(&q, N), 0);
	for (unsigned step = 0; step < STEPS; step++) {
		uint32_t i = 1 + below(&r, N), first = 0;

		if (in[i] && below(&r, 3) == 0) {
			queue_remove(&q, i);
			in[i] = false;
		} else {
			/* Later and later, so that the lanes are used too. */
			due[i] = (instant)(step / 100 + below(&r, 20));
			rank[i] = i ^ 5;
			in[i] = true;
			queue_set(&q, i, due[i], rank[i],
			    (enum queue_lane)below(&r, QUEUE_LANES + 1));
		}
		for (uint32_t k = 1; k <= N; k++)
			if (in[k] &&
			    (first == 0 || due[k] < due[first] ||
				(due[k] == due[first] && rank[k] < rank[first])))
				first = k;
		assert_int_equal(queue_first(&q), first);
	}
	queue_fini(&q);
}

static void
a_queue_comes_back_from_its_bytes_and_refuses_others(void **state)
{
	static const struct queue_entry many[N + 1];
	struct snapshot snapshot;
	struct state_writer *w = snapshot_write(&snapshot);
	struct state_reader *r;
	struct error error;
	struct queue a, b;

	(void)state;
	assert_int_equal(queue_init(&a, N), 0);
	assert_int_equal(queue_init(&b, N), 0);
	for (uint32_t i = 1; i <= N; i++)
		queue_set(&a, i, (instant)(i * 7919 % 101), i,
		    (enum queue_lane)(i % (QUEUE_LANES + 1)));
	queue_save(&a, w);
	state_put_block(w, slice_of(many, sizeof many), NULL);
	state_put_block(w, slice_of(many, 5), NULL);
	r = snapshot_read(&snapshot, w);
	assert_int_equal(queue_load(&b, r, &error), 0);
	for (uint32_t number; (number = queue_first(&a)) != 0;) {
		assert_int_equal(queue_first(&b), number);
		queue_remove(&a, number);
		queue_remove(&b, number);
	}
	assert_int_equal(queue_first(&b), 0);
	assert_int_equal(queue_load(&b, r, &error), -1);
	state_close(r);
	queue_fini(&a);
	queue_fini(&b);
}

/* What an index holds, the newest last. */
struct entry {
	uint64_t key;
	uint32_t value, link;
};

static void
check_key(const struct index *x, const struct entry *all, unsigned n, uint64_t key)
{
	uint32_t link = index_find(x, key);

	for (unsigned i = n; i-- > 0;) {
		if (all[i].key != key)
			continue;
		assert_int_not_equal(link, 0);
		assert_int_equal(index_value(x, link), all[i].value);
		link = index_older(x, link);
	}
	assert_int_equal(link, 0);
}

static void
an_index_gives_the_values_of_a_key_from_the_newest_on(void **state)
{
	struct random r = seeded();
	struct entry all[N];
	struct index x, copy;
	unsigned n = 0;
	struct snapshot snapshot;
	struct state_writer *w = snapshot_write(&snapshot);
	struct state_reader *saved;
	struct error error;

	(void)state;
	assert_int_equal(index_init(&x, N), 0);
	assert_int_equal(index_init(&copy, N), 0);
	for (unsigned step = 0; step < STEPS; step++) {
		/* Keys that share buckets: only their low bits differ rarely. */
		uint64_t key = (uint64_t)(1 + below(&r, 12)) << 40;

		if (n == N || (n > 0 && below(&r, 2) == 0)) {
			unsigned i = below(&r, n);

			index_remove(&x, all[i].link);
			memmove(all + i, all + i + 1, (n - i - 1) * sizeof *all);
			n--;
		} else {
			all[n] = (struct entry){ key, step, index_add(&x, key, step) };
			n++;
		}
		check_key(&x, all, n, key);
	}
	pool_save(&x.links, w);
	saved = snapshot_read(&snapshot, w);
	assert_int_equal(pool_load(&copy.links, saved, &error), 0);
	state_close(saved);
	index_rebuild(&copy);
	for (uint64_t k = 1; k <= 12; k++)
		check_key(&copy, all, n, k << 40);
	index_fini(&x);
	index_fini(&copy);
}

static void
a_pool_keeps_texts_of_any_length_and_takes_their_chunks_back(void **state)
{
	struct random r = seeded();
	uint8_t text[1000], out[1000];
	uint32_t kept[8] = { 0 };
	size_t sizes[8] = { 0 };
	struct build b;
	struct pool p;

	(void)state;
	for (unsigned i = 0; i < sizeof text; i++)
		text[i] = (uint8_t)random_next(&r);
	assert_int_equal(pool_init(&p, POOL_CHUNK, 8 * pool_chunks(sizeof text)), 0);
	for (unsigned step = 0; step < STEPS; step++) {
		unsigned i = below(&r, 8);

		pool_drop(&p, kept[i]);
		sizes[i] = below(&r, sizeof text + 1);
		kept[i] = pool_keep(&p, slice_of(text, sizes[i]));
		i = below(&r, 8);
		build_init(&b, out, sizeof out);
		pool_copy(&p, kept[i], &b);
		assert_int_equal(build_slice(&b).size, sizes[i]);
		assert_memory_equal(out, text, sizes[i]);
	}
	for (unsigned i = 0; i < 8; i++)
		pool_drop(&p, kept[i]);
	assert_int_equal(p.taken, 0);
	pool_fini(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_queue_gives_the_earliest_and_then_the_lowest_rank),
		cmocka_unit_test(a_queue_comes_back_from_its_bytes_and_refuses_others),
		cmocka_unit_test(an_index_gives_the_values_of_a_key_from_the_newest_on),
		cmocka_unit_test(
		    a_pool_keeps_texts_of_any_length_and_takes_their_chunks_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
