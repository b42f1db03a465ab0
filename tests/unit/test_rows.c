/* SPDX-License-Identifier: MIT */
#include "lib/model/rows.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/model/model.h"
#include "lib/vec.h"
#include "tests/unit/seed.h"
#include "tests/unit/snapshot.h"

enum { MEGABYTE = 1 << 20, DIMENSIONS = 64 };

static struct model *
model_with(unsigned k, bool field_aware, uint64_t bytes, const char *live)
{
	struct model_options o = model_options_default(OPTIMISER_LANES);
	struct error error = { 0 };
	struct model *m;

	o.factors = (struct factors_options){ k, field_aware };
	m = model_new(&o, bytes, &os_system, live, &error);
	if (m == NULL)
		fail_msg("%s", error.text);
	return m;
}

static double
random_unit(struct random *r)
{
	return ((double)(random_next(r) >> 11) + 0.5) / 9007199254740992.0;
}

static double
normal(struct random *r)
{
	double sum = -6;

	for (unsigned i = 0; i < 12; i++)
		sum += random_unit(r);
	return sum;
}

static uint64_t
key_of(uint64_t field, uint64_t value)
{
	return (field + 9) << 48 | hash_mix(field << 32 | (value + 1)) >> 16;
}

/* One example; what was said before. */
static double
learn(struct model *m, const uint64_t *keys, const float *x, unsigned n, double label,
    double weight)
{
	struct features f = { slice_of(keys, n * sizeof *keys),
		slice_of(x, x == NULL ? 0 : n * sizeof *x) };
	struct model_example e = { .weight = weight };
	struct model_estimates said;

	e.target[MODEL_CLICK].known = true;
	e.target[MODEL_CLICK].label = label;
	e.target[MODEL_CLICK].weight = 1;
	assert_int_equal(model_learn(m, &f, &e, &said), FEATURES_FINE);
	assert_true(isfinite(said.of[MODEL_CLICK].mean));
	return said.of[MODEL_CLICK].mean;
}

static struct estimate
predict(const struct model *m, const uint64_t *keys, unsigned n)
{
	struct features f = { slice_of(keys, n * sizeof *keys), { 0 } };
	struct model_estimates said;

	assert_int_equal(model_predict(m, &f, &said), FEATURES_FINE);
	return said.of[MODEL_CLICK];
}

/* Users, items and their tastes: log odds -1 + the product of two vectors. */
struct tastes {
	double user[60][2], item[40][2];
	struct random random;
};

static struct tastes
tastes_draw(void)
{
	struct tastes t = { .random = seeded() };

	for (unsigned i = 0; i < 120; i++)
		t.user[i / 2][i % 2] = normal(&t.random);
	for (unsigned i = 0; i < 80; i++)
		t.item[i / 2][i % 2] = normal(&t.random);
	return t;
}

static double
tastes_next(struct tastes *t, uint64_t keys[2])
{
	unsigned u = (unsigned)(random_next(&t->random) % 60);
	unsigned i = (unsigned)(random_next(&t->random) % 40);

	keys[0] = key_of(1, u);
	keys[1] = key_of(2, i);
	return vec_sigmoid(
	    -1 + t->user[u][0] * t->item[i][0] + t->user[u][1] * t->item[i][1]);
}

/* The log loss over the last of n examples, beyond that of the truth. */
static double
regret(unsigned k, bool field_aware, unsigned n)
{
	struct model *m = model_with(k, field_aware, 8 * MEGABYTE, NULL);
	struct tastes t = tastes_draw();
	double loss = 0;

	for (unsigned i = 0; i < n; i++) {
		uint64_t keys[2];
		double p = tastes_next(&t, keys);
		double label = random_unit(&t.random) < p ? 1 : 0;
		double said = learn(m, keys, NULL, 2, label, 1);

		if (i >= n / 2)
			loss += vec_log_loss(said, label) - vec_log_loss(p, label);
	}
	model_free(m);
	return loss / (n - n / 2);
}

static void
users_and_items_are_factorised(void **state)
{
	double linear = regret(0, false, 100000), fm = regret(4, false, 100000);
	double ffm = regret(4, true, 100000);

	(void)state;
	print_message("# nats over the truth: linear %.4f, factors %.4f, field-aware "
		      "%.4f\n",
	    linear, fm, ffm);
	assert_true(linear > 0.1);
	assert_true(fm < 0.1 * linear);
	assert_true(ffm < 0.1 * linear);
}

/* A stream that makes a small map evict. */
static double
many_keys(struct model *m, unsigned from, unsigned to)
{
	struct random r = { 7 };
	double said = 0;

	for (unsigned i = 0; i < to; i++) {
		uint64_t keys[4];
		double label = (double)(random_next(&r) % 4 == 0);

		for (unsigned j = 0; j < 4; j++) {
			uint64_t value = random_next(&r) % (UINT64_C(4) << 2 * j);

			keys[j] = key_of(j, value + (j == 3 ? i / 8 : 0));
		}
		if (i >= from)
			said += learn(m, keys, NULL, 4, label, 1);
	}
	return said;
}

static void
a_model_goes_on_from_its_snapshot_as_if_nothing_had_been(void **state)
{
	(void)state;
	for (int aware = 0; aware < 2; aware++) {
		struct model *whole = model_with(4, aware, MEGABYTE / 4, NULL);
		struct model *part = model_with(4, aware, MEGABYTE / 4, NULL);
		struct snapshot s;
		struct state_writer *w;
		struct state_reader *r;
		struct error error;

		many_keys(whole, 0, 20000);
		many_keys(part, 0, 10000);
		assert_true(part->rows->cells.evicted > 100);
		w = snapshot_write(&s);
		model_save(part, w);
		model_free(part);
		r = snapshot_read(&s, w);
		part = model_with(4, aware, MEGABYTE / 4, NULL);
		assert_int_equal(model_load(part, r, &error), 0);
		state_close(r);
		many_keys(part, 10000, 20000);
		assert_memory_equal(
		    model_state(part), model_state(whole), sizeof *model_state(whole));
		assert_int_equal(part->rows->cells.evicted, whole->rows->cells.evicted);
		assert_true(
		    many_keys(part, 19000, 20000) == many_keys(whole, 19000, 20000));
		model_free(part);
		model_free(whole);
	}
}

static void
a_saved_row_that_is_damaged_is_refused(void **state)
{
	struct model *m = model_with(4, false, MEGABYTE, NULL);
	uint64_t key = key_of(0, 3);
	struct snapshot s;
	struct state_writer *w;
	struct state_reader *r;
	struct error error;
	float *row;

	(void)state;
	many_keys(m, 0, 1000);
	row = cells_at(&m->rows->cells,
	    cells_find(&m->rows->cells, cells_home(&m->rows->cells, key), key));
	assert_true(row[4] > 0);
	row[1] = NAN;
	w = snapshot_write(&s);
	model_save(m, w);
	model_free(m);
	r = snapshot_read(&s, w);
	m = model_with(4, false, MEGABYTE, NULL);
	assert_int_equal(model_load(m, r, &error), -1);
	assert_non_null(strstr(error.text, "damaged"));
	state_close(r);
	model_free(m);
}

static void
a_reader_sees_what_is_learned_as_it_is_learned(void **state)
{
	char live[] = "/tmp/bannerpipe-test-XXXXXX", path[64];
	uint64_t keys[4] = { key_of(0, 1), key_of(1, 5), key_of(2, 2), key_of(3, 77) };
	struct model *m, *reader;
	struct error error;
	bool missing;
	int fd = mkstemp(live);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(remove(live), 0);
	m = model_with(8, false, MEGABYTE, live);
	many_keys(m, 0, 2000);
	reader = model_attach(&os_system, live, &missing, &error);
	if (reader == NULL)
		fail_msg("%s", error.text);
	for (unsigned i = 0; i < 200; i++) {
		struct estimate its, ours;

		many_keys(m, i, i + 1);
		its = predict(reader, keys, 4);
		ours = predict(m, keys, 4);
		assert_true(its.mean == ours.mean && its.deviation == ours.deviation);
	}
	model_free(m);
	m = model_with(8, false, MEGABYTE, live);
	assert_true(model_is_over(reader));
	model_free(reader);
	model_free(m);
	snprintf(path, sizeof path, "%s%s", live, ROWS_SUFFIX);
	assert_int_equal(remove(path), 0);
	assert_int_equal(remove(live), 0);
}

static void
an_example_that_is_taken_back_leaves_its_predictions(void **state)
{
	uint64_t keys[4] = { key_of(0, 1), key_of(1, 5), key_of(2, 2), key_of(3, 7) };
	struct model *m = model_with(8, false, MEGABYTE, NULL);
	double before, after, moved;

	(void)state;
	for (unsigned i = 0; i < 50; i++)
		learn(m, keys, NULL, 4, i % 3 == 0, 1);
	many_keys(m, 0, 2000);
	before = predict(m, keys, 4).z;
	learn(m, keys, NULL, 4, 1, 1);
	moved = predict(m, keys, 4).z;
	learn(m, keys, NULL, 4, 1, -1);
	after = predict(m, keys, 4).z;
	print_message("# moved %g, left %g\n", moved - before, after - before);
	assert_true(fabs(moved - before) > 1e-3);
	assert_true(fabs(after - before) < 0.02 * fabs(moved - before));
	model_free(m);
}

static void
what_candidates_share_has_pairs_with_each(void **state)
{
	uint64_t keys[4] = { key_of(0, 1), key_of(1, 5), key_of(2, 2), key_of(3, 77) };
	struct features shared = { slice_of(keys, 16), { 0 } };
	struct features rest = { slice_of(keys + 2, 16), { 0 } };

	(void)state;
	for (int aware = 0; aware < 2; aware++) {
		struct model *m = model_with(8, aware, MEGABYTE, NULL);
		struct model_shared before;
		struct model_estimates said;

		many_keys(m, 0, 3000);
		assert_int_equal(model_share(m, &shared, &before), FEATURES_FINE);
		for (unsigned i = 0; i < 2; i++) {
			assert_int_equal(
			    model_predict_besides(m, &before, &rest, &said),
			    FEATURES_FINE);
			assert_true(said.of[0].mean == predict(m, keys, 4).mean);
		}
		assert_true(
		    fabs(said.of[0].deviation - predict(m, keys, 2).deviation) > 0);
		model_free(m);
	}
}

/* Log odds of -1.5, and as far from it as a picture is like what a group of users likes.
 * Scale is what the numbers of the vector are multiplied by. */
static double
pictures(unsigned k, float scale)
{
	enum { N = 60000, GROUPS = 3 };
	struct model *m = model_with(k, false, 32 * MEGABYTE, NULL);
	struct random r = { 5 };
	double taste[GROUPS][DIMENSIONS], loss = 0;

	for (unsigned i = 0; i < GROUPS * DIMENSIONS; i++)
		taste[i / DIMENSIONS][i % DIMENSIONS] = normal(&r) / 6;
	for (unsigned i = 0; i < N; i++) {
		uint64_t keys[DIMENSIONS + 1];
		float x[DIMENSIONS + 1];
		unsigned group = (unsigned)(random_next(&r) % GROUPS);
		double z = -1.5, label, said;

		for (unsigned d = 0; d < DIMENSIONS; d++) {
			double value = normal(&r);

			z += value * (taste[group][d] + taste[0][d]) / 2;
			keys[d] = key_of(5, d);
			x[d] = scale * (float)value;
		}
		keys[DIMENSIONS] = key_of(6, group);
		x[DIMENSIONS] = 1;
		label = random_unit(&r) < vec_sigmoid(z);
		said = learn(m, keys, x, DIMENSIONS + 1, label, 1);
		if (i >= N / 2)
			loss += vec_log_loss(said, label) -
			    vec_log_loss(vec_sigmoid(z), label);
	}
	model_free(m);
	return loss / (N - N / 2);
}

static void
a_vector_of_64_numbers_is_learned_at_any_scale(void **state)
{
	static const float scales[] = { 0.01f, 0.125f, 1, 30 };

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		double linear = pictures(0, scales[i]), fm = pictures(4, scales[i]);

		print_message("# scale %g: nats over the truth: linear %.4f, factors "
			      "%.4f\n",
		    (double)scales[i], linear, fm);
		assert_true(fm < 0.5 * linear);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(users_and_items_are_factorised),
		cmocka_unit_test(
		    a_model_goes_on_from_its_snapshot_as_if_nothing_had_been),
		cmocka_unit_test(a_saved_row_that_is_damaged_is_refused),
		cmocka_unit_test(a_reader_sees_what_is_learned_as_it_is_learned),
		cmocka_unit_test(an_example_that_is_taken_back_leaves_its_predictions),
		cmocka_unit_test(what_candidates_share_has_pairs_with_each),
		cmocka_unit_test(a_vector_of_64_numbers_is_learned_at_any_scale),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
