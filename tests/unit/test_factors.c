/* SPDX-License-Identifier: MIT */
#include "lib/model/factors.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/vec.h"
#include "tests/unit/seed.h"

enum { KEYS = 60, FEATURES = 12, FIELDS = 7, ROW = 2 * FACTORS_FIELDS * FACTORS_MAX };

/* Every key has a row. */
struct world {
	struct factors_options options;
	struct factors_fields fields;
	_Alignas(64) float row_of[KEYS][ROW];
	float *row[FEATURES];
	uint8_t field[FEATURES];
	uint64_t key[FEATURES];
	float x[FEATURES];
	struct factors_example example;
};

static struct world *
world_new(unsigned k, bool field_aware)
{
	struct world *w = aligned_alloc(64, (sizeof *w + 63) / 64 * 64);

	assert_non_null(w);
	memset(w, 0, sizeof *w);
	w->options = (struct factors_options){ k, field_aware };
	return w;
}

static uint64_t
key_of(unsigned i)
{
	return (uint64_t)(0x1000 + i % FIELDS) << 48 | hash_mix(i + 1) >> 16;
}

static void
set(struct world *w, unsigned at, unsigned key, float x)
{
	w->row[at] = w->row_of[key];
	w->key[at] = key_of(key);
	w->field[at] =
	    (uint8_t)factors_field(&w->fields, (uint16_t)(w->key[at] >> 48), false);
	w->x[at] = x;
}

static void
close_example(struct world *w, unsigned n)
{
	struct factors_example *e = &w->example;

	e->row = w->row;
	e->field = w->field;
	e->key = w->key;
	e->x = w->x;
	e->n = n;
	factors_begin(&w->options, e);
	factors_score(&w->options, e);
}

/* Different keys, several of them of one field; at least three fields. */
static void
draw_example(struct world *w, struct random *r)
{
	unsigned n = 4 + (unsigned)(random_next(r) % (FEATURES - 3));
	unsigned first = (unsigned)(random_next(r) % KEYS);

	for (unsigned i = 0; i < n; i++)
		set(w, i, (first + i * 11) % KEYS, (float)(random_next(r) % 4 + 1) / 4);
	close_example(w, n);
}

/* What an example of this label does. */
static void
step_of(const struct world *w, double label, double *gain, double *loss)
{
	double p = vec_sigmoid(w->example.z), h = p * (1 - p);
	double damp = 1 / (1 + h * w->example.v);

	*gain = (label - p) * damp;
	*loss = h * damp;
}

static void
compare_with_reference(unsigned k, bool field_aware)
{
	enum { N = 400 };
	char path[] = "/tmp/bannerpipe-test-XXXXXX", command[256];
	struct world *w = world_new(k, field_aware);
	struct random r = seeded();
	double z[N], v[N], worst = 0;
	FILE *to, *from;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	to = fdopen(fd, "w");
	for (unsigned i = 0; i < N; i++) {
		double gain, loss;

		draw_example(w, &r);
		step_of(w, (double)(random_next(&r) % 2), &gain, &loss);
		fprintf(to, "%.17g %.17g", gain, loss);
		for (unsigned j = 0; j < w->example.n; j++)
			fprintf(to, " %llu:%g", (unsigned long long)w->key[j],
			    (double)w->x[j]);
		fprintf(to, "\n");
		z[i] = w->example.z;
		v[i] = w->example.v;
		factors_learn(&w->options, &w->example, gain, loss);
	}
	assert_int_equal(fclose(to), 0);
	snprintf(command, sizeof command,
	    "python3 tests/peers/factors_reference.py %u %d <%s", k, field_aware, path);
	from = popen(command, "r");
	assert_non_null(from);
	for (unsigned i = 0; i < N; i++) {
		double its_z, its_v;

		assert_int_equal(fscanf(from, "%lf %lf", &its_z, &its_v), 2);
		worst = fmax(worst, fabs(z[i] - its_z) / (1e-2 + fabs(its_z)));
		worst = fmax(worst, fabs(v[i] - its_v) / (1e-2 + fabs(its_v)));
	}
	print_message("# worst %g, last z %g v %g\n", worst, z[N - 1], v[N - 1]);
	assert_true(worst < 1e-3);
	assert_true(fabs(z[N - 1]) > 1e-3);
	assert_int_equal(pclose(from), 0);
	assert_int_equal(remove(path), 0);
	free(w);
}

static void
factors_say_and_learn_what_the_reference_does(void **state)
{
	(void)state;
	compare_with_reference(4, false);
	compare_with_reference(8, false);
	compare_with_reference(12, false);
}

static void
field_aware_ones_too(void **state)
{
	(void)state;
	compare_with_reference(4, true);
	compare_with_reference(16, true);
}

/* Where the steps are large the way back is no longer unique. */
static void
take_back(unsigned k, bool field_aware, unsigned least)
{
	struct world *w = world_new(k, field_aware);
	struct random r = seeded();
	float before[KEYS][ROW];
	double moved = 0;
	unsigned exact = 0;

	for (unsigned i = 0; i < 500; i++) {
		double gain, loss, z, v, worst = 0;

		draw_example(w, &r);
		step_of(w, (double)(random_next(&r) % 2), &gain, &loss);
		z = w->example.z;
		v = w->example.v;
		memcpy(before, w->row_of, sizeof before);
		factors_learn(&w->options, &w->example, gain, loss);
		factors_score(&w->options, &w->example);
		moved = fmax(moved, fabs(w->example.z - z));
		for (unsigned round = 0; round < 30; round++)
			factors_score_before(&w->options, &w->example, gain, loss);
		worst = fmax(worst, fabs(w->example.z - z));
		worst = fmax(worst, fabs(w->example.v - v));
		factors_unlearn(&w->options, &w->example, gain, loss);
		for (unsigned j = 0; j < KEYS; j++)
			for (unsigned f = 0; f < ROW; f++)
				worst = fmax(worst,
				    (double)fabsf(before[j][f] - w->row_of[j][f]));
		exact += worst < 2e-5;
		memcpy(w->row_of, before, sizeof before);
		factors_score(&w->options, &w->example);
		factors_learn(&w->options, &w->example, gain, loss);
	}
	print_message("# %u of 500 exact, moved %g\n", exact, moved);
	assert_true(moved > 0.01);
	assert_true(exact >= least);
	free(w);
}

static void
nearly_every_last_example_is_taken_back_to_rounding(void **state)
{
	(void)state;
	take_back(8, false, 480);
	take_back(4, true, 480);
}

static void
features_of_one_field_say_nothing_together(void **state)
{
	(void)state;
	for (int aware = 0; aware < 2; aware++) {
		struct world *w = world_new(4, aware != 0);

		for (unsigned i = 0; i < 5; i++)
			set(w, i, i * FIELDS, 1);
		close_example(w, 5);
		assert_true(w->example.z == 0);
		assert_true(w->example.v == 0);
		set(w, 5, 1, 1);
		close_example(w, 6);
		assert_true(w->example.z != 0);
		assert_true(w->example.v > 0);
		free(w);
	}
}

static void
whatever_the_values_are_rows_stay_sound(void **state)
{
	static const float values[] = { 0, 1e-20f, 1e-6f, 1, -1, 1e6f, -1e6f, 3e5f };
	struct random r = seeded();

	(void)state;
	for (int aware = 0; aware < 2; aware++) {
		struct world *w = world_new(8, aware != 0);

		for (unsigned i = 0; i < 20000; i++) {
			double gain, loss;

			for (unsigned j = 0; j < FEATURES; j++)
				set(w, j, (unsigned)(random_next(&r) % KEYS),
				    values[random_next(&r) % 8]);
			close_example(w, FEATURES);
			assert_true(fabs(w->example.z) <= VEC_LOGIT_MAX);
			step_of(w, (double)(random_next(&r) % 2), &gain, &loss);
			factors_learn(&w->options, &w->example, 1e3 * gain, loss);
			if (i % 5 == 0)
				factors_unlearn(&w->options, &w->example, gain, loss);
		}
		for (unsigned j = 0; j < KEYS; j++)
			assert_true(factors_is_sound(&w->options, w->row_of[j]));
		free(w);
	}
}

static void
a_field_keeps_its_number_and_many_share_theirs(void **state)
{
	struct factors_fields f = { 0 };

	(void)state;
	assert_int_equal(factors_field(&f, 7, true), 0);
	assert_int_equal(f.count, 0);
	for (unsigned i = 0; i < 1000; i++)
		assert_true(
		    factors_field(&f, (uint16_t)(3 * i), false) < FACTORS_FIELDS);
	for (unsigned i = 0; i < FACTORS_FIELDS; i++)
		assert_int_equal(factors_field(&f, (uint16_t)(3 * i), true), i);
	assert_true(factors_fields_are_sound(&f));
	f.space[3] = f.space[9];
	assert_false(factors_fields_are_sound(&f));
	f.count = FACTORS_FIELDS + 1;
	assert_false(factors_fields_are_sound(&f));
}

static void
a_row_with_a_nan_or_without_a_variance_is_not_sound(void **state)
{
	struct world *w = world_new(4, false);
	float *row = w->row_of[0], kept;

	(void)state;
	assert_true(factors_is_sound(&w->options, row));
	set(w, 0, 0, 1);
	set(w, 1, 1, 1);
	close_example(w, 2);
	assert_true(factors_is_sound(&w->options, row));
	for (unsigned f = 0; f < 8; f++) {
		kept = row[f];
		row[f] = NAN;
		assert_false(factors_is_sound(&w->options, row));
		row[f] = INFINITY;
		assert_false(factors_is_sound(&w->options, row));
		row[f] = f < 4 ? -2e3f : -1;
		assert_false(factors_is_sound(&w->options, row));
		row[f] = kept;
	}
	free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(factors_say_and_learn_what_the_reference_does),
		cmocka_unit_test(field_aware_ones_too),
		cmocka_unit_test(nearly_every_last_example_is_taken_back_to_rounding),
		cmocka_unit_test(features_of_one_field_say_nothing_together),
		cmocka_unit_test(whatever_the_values_are_rows_stay_sound),
		cmocka_unit_test(a_field_keeps_its_number_and_many_share_theirs),
		cmocka_unit_test(a_row_with_a_nan_or_without_a_variance_is_not_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
