/* SPDX-License-Identifier: MIT
 *
 * What is taken back within the span of a journal was never taught: the model is the same
 * snapshot, to the bit, whatever the algorithm and whatever it has besides.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/model/journal.h"
#include "tests/unit/example.h"
#include "tests/unit/seed.h"
#include "tests/unit/snapshot.h"

enum { BYTES = 16 << 20, RING = 4 << 20, STREAM = 6000, FILE_MAX = 16 << 20 };

static struct error error;

static struct model *
fresh(const struct model_options *o)
{
	struct model *m = model_new(o, BYTES, &os_system, NULL, &error);

	if (m == NULL)
		fail_msg("%s", error.text);
	return m;
}

static struct journal *
journal_of(const struct model_options *o, int64_t span_us)
{
	struct journal *j = journal_new(o, span_us, 0, BYTES, RING, &os_system, &error);

	if (j == NULL)
		fail_msg("%s", error.text);
	return j;
}

static void
draw(struct random *r, struct example *e)
{
	bool valued = random_next(r) % 4 == 0;
	double p;

	example_begin(e, valued, 1);
	for (uint64_t f = 0; f < 5; f++) {
		uint64_t v = random_next(r) % 50;

		example_add(e, f << 48 | (hash_mix(v) >> 16),
		    (float)(1 + valued * hash_uniform(random_next(r))));
	}
	p = e->keys[0] % 4 == 0 ? 0.5 : 0.1;
	example_label(e, MODEL_CLICK, hash_uniform(random_next(r)) < p, 1);
	example_label(e, MODEL_CONVERSION, (double)(random_next(r) % 2),
	    e->labels.target[MODEL_CLICK].label);
}

/* As a record says it: its slice, its place, its time. */
static const uint8_t positions[] = { 0, 1, 2 };

static void
teach(struct model *m, const struct example *e, unsigned i, double weight)
{
	struct examination_place place = { .n = 1,
		.value[0] = slice_of(&positions[i % 3], 1) };
	struct model_example labels = e->labels;
	struct model_estimates said;

	place.key = examination_key(0, place.value[0]);
	if (m->options.examination[0] != '\0')
		model_place_at(m, &place);
	model_slice(m, 1 + i % 4);
	labels.weight = weight;
	assert_int_equal(model_learn(m, &e->features, &labels, &said), FEATURES_FINE);
}

static uint64_t
identity(const struct example *e, unsigned i)
{
	return journal_identity(
	    hash_key(1), slice_of(&i, sizeof i), &e->features, &e->labels);
}

static void
teach_noting(struct journal *j, struct model *m, const struct example *e, unsigned i,
    double weight)
{
	struct model_example labels = e->labels;

	labels.weight = weight;
	journal_go_on(j, (instant)i * WHEN_SECOND);
	if (weight < 0 && journal_take_back(j, &labels, identity(e, i))) {
		teach(m, e, i, weight);
		return;
	}
	teach(m, e, i, weight);
	journal_note(j, m, &e->features, &labels, identity(e, i));
}

static size_t
snapshot_of(struct model *m, uint8_t *to)
{
	char path[] = "/tmp/bannerpipe-test-XXXXXX";
	struct state_writer *w;
	size_t size;
	FILE *f;

	assert_true(close(mkstemp(path)) == 0);
	w = state_write(&os_system, path, &snapshot_identity, &error);
	assert_non_null(w);
	model_save(m, w);
	assert_int_equal(state_commit(w, &error), 0);
	f = fopen(path, "rb");
	assert_non_null(f);
	size = fread(to, 1, FILE_MAX, f);
	assert_true(size > 1000 && size < FILE_MAX);
	assert_int_equal(fclose(f), 0);
	(void)unlink(path);
	return size;
}

static bool
are_same(struct model *a, struct model *b)
{
	static uint8_t x[FILE_MAX], y[FILE_MAX];
	size_t size = snapshot_of(a, x);

	return snapshot_of(b, y) == size && memcmp(x, y, size) == 0;
}

static struct journal *
reloaded(struct journal *j, int64_t span_us)
{
	struct journal *again = journal_of(&j->base->options, span_us);
	struct snapshot s;
	struct state_writer *w = snapshot_write(&s);
	struct state_reader *from;

	journal_save(j, w);
	from = snapshot_read(&s, w);
	if (journal_load(again, from, &error) < 0)
		fail_msg("%s", error.text);
	assert_int_equal(state_left(from), 0);
	state_close(from);
	journal_free(j);
	return again;
}

static void
settle(struct journal *j, struct model **m)
{
	struct model *right = journal_settle(j, *m, &error);

	assert_non_null(right);
	model_free(*m);
	*m = right;
}

/* A tenth of the stream is bad; each is taken back up to 1,000 examples later. */
static void
check(const struct model_options *o, struct random *r)
{
	static struct example of[STREAM];
	static bool bad[STREAM];
	struct journal *j = journal_of(o, 2000 * WHEN_SECOND);
	struct model *m = fresh(o), *never = fresh(o);
	unsigned lateness = 1 + (unsigned)(random_next(r) % 1000);

	for (unsigned i = 0; i < STREAM; i++) {
		draw(r, &of[i]);
		bad[i] = random_next(r) % 10 == 0 && i + lateness < STREAM;
		teach_noting(j, m, &of[i], i, 1);
		if (!bad[i])
			teach(never, &of[i], i, 1);
		if (i >= lateness && bad[i - lateness]) {
			struct model_example labels = of[i - lateness].labels;

			labels.weight = -1;
			assert_true(journal_take_back(
			    j, &labels, identity(&of[i - lateness], i - lateness)));
			teach(m, &of[i - lateness], i - lateness, -1);
		}
		if (i % 1500 == 700)
			j = reloaded(j, 2000 * WHEN_SECOND);
		if (i == STREAM / 2)
			settle(j, &m);
	}
	assert_false(are_same(m, never));
	assert_true(j->base->cells.used > 0 && j->entries == 2000);
	assert_true(journal_is_due(j));
	settle(j, &m);
	assert_true(are_same(m, never));
	assert_int_equal(j->counts.too_late + j->counts.early, 0);
	assert_false(journal_is_due(j));
	print_message("# %s: off by %.4f, at most %.4f, %llu taken back\n",
	    optimiser_name(o->optimiser.algorithm),
	    j->counts.error_sum / (double)j->counts.measured, j->counts.error_max,
	    (unsigned long long)j->counts.taken_back);
	journal_free(j);
	model_free(m);
	model_free(never);
}

static void
whatever_the_algorithm_what_is_taken_back_was_never_taught(void **state)
{
	struct random r = seeded();

	(void)state;
	for (unsigned a = 0; a < OPTIMISER_COUNT; a++) {
		struct model_options o =
		    model_options_default((enum optimiser_algorithm)a);

		o.target[MODEL_CONVERSION] = a % 2;
		check(&o, &r);
	}
}

static void
so_it_is_with_factors_crosses_newcomers_slices_and_places(void **state)
{
	struct random r = seeded();

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		struct model_options o = model_options_default(OPTIMISER_LANES);

		o.factors.k = i == 0 ? 8 : 0;
		o.crosses = i == 1 ? 4 : 0;
		o.admit = i == 2 ? 3 : 1;
		strcpy(o.by, i == 3 ? "slot_id" : "");
		strcpy(o.examination, i == 4 ? "position" : "");
		check(&o, &r);
	}
}

static void
what_has_left_cannot_be_taken_back_and_is_counted(void **state)
{
	struct model_options o = model_options_default(OPTIMISER_SGD);
	struct journal *j = journal_of(&o, 10 * WHEN_SECOND);
	struct model *m = fresh(&o);
	struct random r = { 1 };
	struct example of[30];
	struct model_example back;

	(void)state;
	for (unsigned i = 0; i < 30; i++) {
		draw(&r, &of[i]);
		teach_noting(j, m, &of[i], i, 1);
	}
	assert_int_equal(j->entries, 10);
	assert_int_equal(model_state(j->base)->examples, 20);
	back = of[19].labels;
	back.weight = -1;
	assert_false(journal_take_back(j, &back, identity(&of[19], 19)));
	back = of[20].labels;
	back.weight = -0.5; /* not the opposite */
	assert_false(journal_take_back(j, &back, identity(&of[20], 20)));
	back.weight = -1;
	assert_true(journal_take_back(j, &back, identity(&of[20], 20)));
	assert_false(journal_take_back(j, &back, identity(&of[20], 20))); /* twice */
	assert_int_equal(j->counts.too_late, 3);
	journal_free(j);
	model_free(m);
}

static unsigned
linked(const struct journal *j)
{
	unsigned n = 0;

	for (uint64_t b = 0; b < j->buckets; b++)
		n += j->newest[b] >= j->tail;
	return n;
}

/* A flood of the same, given, taken back, and taken back though it is not there, leaves nothing
 * to be looked through. */
static void
only_what_can_be_taken_back_is_looked_through(void **state)
{
	struct model_options o = model_options_default(OPTIMISER_SGD);
	struct journal *j = journal_of(&o, WHEN_DAY);
	struct model *m = fresh(&o);
	struct random r = seeded();
	struct example e, other;
	struct model_example back;

	(void)state;
	draw(&r, &e);
	draw(&r, &other);
	back = e.labels;
	back.weight = -1;
	for (unsigned i = 0; i < 3000; i++) {
		teach_noting(j, m, &e, 1, 1);
		assert_int_equal(linked(j), 1);
		assert_true(journal_take_back(j, &back, identity(&e, 1)));
		assert_false(journal_take_back(j, &back, identity(&e, 1)));
		teach_noting(j, m, &e, 1, -1);
		assert_int_equal(linked(j), 0);
	}
	assert_int_equal(j->entries, 6000);
	for (unsigned i = 0; i < 3; i++)
		teach_noting(j, m, &e, 1, 1);
	teach_noting(j, m, &other, 2, 1);
	assert_true(journal_take_back(j, &back, identity(&e, 1)));
	j = reloaded(j, WHEN_DAY);
	assert_true(journal_take_back(j, &back, identity(&e, 1)));
	assert_true(journal_take_back(j, &back, identity(&e, 1)));
	assert_false(journal_take_back(j, &back, identity(&e, 1)));
	assert_int_equal(linked(j), 1);
	journal_free(j);
	model_free(m);
}

/* Who does not know the key cannot tell which identities share a bucket. */
static void
identities_depend_on_the_key(void **state)
{
	struct random r = seeded();
	unsigned together = 0;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		struct example e;
		uint64_t h;

		draw(&r, &e);
		h = identity(&e, i);
		if (h % 64 != 0)
			continue;
		h = journal_identity(
		    hash_key(2), slice_of(&i, sizeof i), &e.features, &e.labels);
		together += h % 64 == 0;
	}
	assert_true(together < 30); /* 5 of 312 are expected */
}

/* The oldest leave early, whatever their sizes, and the model is still right. */
static void
a_ring_that_is_full_forgets_the_oldest(void **state)
{
	struct model_options o = model_options_default(OPTIMISER_FTRL);
	struct journal *j = journal_of(&o, WHEN_DAY);
	struct model *m = fresh(&o), *never = fresh(&o);
	struct random r = seeded();

	(void)state;
	for (unsigned i = 0; i < 60000; i++) {
		struct example e;

		draw(&r, &e);
		for (uint64_t k = random_next(&r) % 20; k > 0; k--)
			example_add(&e, UINT64_C(7) << 48 | k, 1);
		teach_noting(j, m, &e, i, 1);
		if (i % 7 != 0)
			teach(never, &e, i, 1);
		else
			teach_noting(j, m, &e, i, -1);
	}
	assert_true(j->counts.early > 10000 && j->head > 2 * (uint64_t)RING);
	assert_true(j->head - j->tail <= RING && j->entries > 10000);
	settle(j, &m);
	assert_true(are_same(m, never));
	journal_free(j);
	model_free(m);
	model_free(never);
}

static void
damaged_snapshots_are_refused(void **state)
{
	struct model_options o = model_options_default(OPTIMISER_SGD);
	struct random r = seeded();
	unsigned refused = 0;

	(void)state;
	for (unsigned n = 0; n < 200; n++) {
		struct journal *j = journal_of(&o, WHEN_DAY);
		struct model *m = fresh(&o);
		struct state_reader *from;
		struct state_writer *w;
		struct example e;
		struct snapshot s;

		for (unsigned i = 0; i < 20; i++) {
			draw(&r, &e);
			teach_noting(j, m, &e, i, 1);
		}
		j->ring[j->tail + random_next(&r) % (j->head - j->tail)] ^=
		    (uint8_t)(1 + random_next(&r) % 255);
		w = snapshot_write(&s);
		journal_save(j, w);
		from = snapshot_read(&s, w);
		journal_free(j);
		j = journal_of(&o, WHEN_DAY);
		if (journal_load(j, from, &error) == 0) {
			/* What is in it may be another example: no harm. */
			struct model *again = journal_peek(j, &error);

			assert_non_null(again);
			model_free(again);
		} else {
			refused++;
		}
		state_close(from);
		journal_free(j);
		model_free(m);
	}
	assert_true(refused > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    whatever_the_algorithm_what_is_taken_back_was_never_taught),
		cmocka_unit_test(
		    so_it_is_with_factors_crosses_newcomers_slices_and_places),
		cmocka_unit_test(what_has_left_cannot_be_taken_back_and_is_counted),
		cmocka_unit_test(only_what_can_be_taken_back_is_looked_through),
		cmocka_unit_test(identities_depend_on_the_key),
		cmocka_unit_test(a_ring_that_is_full_forgets_the_oldest),
		cmocka_unit_test(damaged_snapshots_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
