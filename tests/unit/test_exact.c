/* SPDX-License-Identifier: MIT
 *
 * Counts and linear: what they say, against figures from elsewhere; and that they forget: a
 * model that was taught and made to forget, in any order, is the same file as one that was
 * never taught.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/model/beta.h"
#include "lib/model/predictor.h"
#include "lib/modeltool/merge.h"
#include "lib/modeltool/text.h"
#include "tests/unit/example.h"
#include "tests/unit/seed.h"
#include "tests/unit/snapshot.h"

enum { BYTES = 8 << 20, FILE_MAX = 4 << 20, STREAM = 3000 };

static struct error error;

static struct model *
model_of(enum optimiser_algorithm algorithm, const char *targets, unsigned dimensions)
{
	struct model_options o = model_options_default(algorithm);
	struct model *m;

	assert_int_equal(model_options_parse_targets(&o, targets, &error), 0);
	o.dimensions = dimensions;
	m = model_new(&o, BYTES, &os_system, NULL, &error);
	assert_non_null(m);
	return m;
}

static struct estimate
say(struct model *m, const struct example *e)
{
	struct model_estimates said;

	assert_int_equal(model_predict(m, &e->features, &said), FEATURES_FINE);
	return said.of[MODEL_CLICK];
}

static void
learn(struct model *m, const struct example *e, double weight)
{
	struct model_example labels = e->labels;
	struct model_estimates said;

	labels.weight = weight;
	assert_int_equal(model_learn(m, &e->features, &labels, &said), FEATURES_FINE);
}

static void
teach(struct model *m, uint64_t key, unsigned clicked, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct example e;

		example_begin(&e, false, 1);
		example_add(&e, key, 1);
		example_label(&e, MODEL_CLICK, i < clicked, 1);
		learn(m, &e, 1);
	}
}

/* --- What counts say -------------------------------------------------------------------- */

/* Abramowitz and Stegun 6.3.2, 6.3.3, 6.4.2, 6.4.4; psi(n) is H(n - 1) less gamma. */
static void
the_moments_of_logarithms_are_those_of_the_tables(void **state)
{
	const double gamma = 0.57721566490153286, pi = 3.14159265358979324;
	double first, second, harmonic = 0, squares = 0;

	(void)state;
	beta_polygamma(0.5, &first, &second);
	near(first, -gamma - 2 * log(2), 1e-10);
	near(second, pi * pi / 2, 1e-10);
	for (int n = 1; n < 200; n++) {
		beta_polygamma(n, &first, &second);
		near(first, harmonic - gamma, 1e-10);
		near(second, pi * pi / 6 - squares, 1e-10);
		harmonic += 1.0 / n;
		squares += 1.0 / n / n;
	}
	beta_polygamma(1e-6, &first, &second);
	near(first / -1e6, 1, 1e-6);
	near(second / 1e12, 1, 1e-6);
}

/* With a known base rate of 1 % the prior is Beta(1, 99). */
static void
one_arm_is_a_beta_posterior(void **state)
{
	struct model_options o = model_options_default(OPTIMISER_COUNTS);
	struct example e;
	struct estimate said;
	struct model *m;
	double mean, variance;

	(void)state;
	o.base_rate = 0.01;
	m = model_new(&o, BYTES, &os_system, NULL, &error);
	example_begin(&e, false, 1);
	example_add(&e, 7, 1);
	near(say(m, &e).mean, 0.01, 1e-10);
	teach(m, 7, 20, 1000);
	said = say(m, &e);
	near(said.mean, 21.0 / 1100, 1e-10);
	near(said.sd, sqrt(21.0 * 1079 / 1100 / 1100 / 1101), 1e-10);
	beta_logit(21, 1079, &mean, &variance);
	near(said.open_z, mean, 1e-8);
	near(said.open_deviation * said.open_deviation, variance, 1e-8);
	model_free(m);
}

/* 1,000 showings of a banner, 100 clicked; 10 of them in a slot, 3 clicked: there it begins as
 * the banner, (1 + 100) / (100 + 1000), with the worth of one click. */
static void
the_feature_seen_least_begins_as_the_others_say(void **state)
{
	struct model_options o = model_options_default(OPTIMISER_COUNTS);
	struct example e;
	struct model *m;
	double banner = 101.0 / 1100;

	(void)state;
	o.base_rate = 0.01;
	m = model_new(&o, BYTES, &os_system, NULL, &error);
	teach(m, 1, 97, 990);
	for (unsigned order = 0; order < 2; order++) {
		example_begin(&e, false, 1);
		example_add(&e, order ? 2 : 1, 1);
		example_add(&e, order ? 1 : 2, 1);
		for (unsigned i = 0; i < 5; i++) {
			example_label(&e, MODEL_CLICK, order ? i < 1 : i < 2, 1);
			learn(m, &e, 1);
		}
	}
	near(say(m, &e).mean, (1 + 3) / (1 / banner + 10), 1e-10);
	example_add(&e, 3, 1); /* nobody has seen it: it is as the two say */
	near(say(m, &e).mean, (1 + 3) / (1 / banner + 10), 1e-10);
	assert_true(say(m, &e).sd > say(m, &e).mean / 2);
	model_free(m);
}

/* Few and many are sorted in different ways, both by what they are and not by where they come. */
static int
seen_more(const void *a, const void *b)
{
	const struct counts *x = a, *y = b;

	if (x->trials != y->trials)
		return x->trials > y->trials ? -1 : 1;
	return x->successes > y->successes ? -1 : x->successes < y->successes;
}

static void
features_are_told_apart_by_how_often_they_were_seen(void **state)
{
	struct random r = seeded();

	(void)state;
	for (unsigned n = 0; n <= 200; n++) {
		struct counts c[200], sorted[200], turned[200];
		struct counts_arm arm, same;

		for (unsigned i = 0; i < n; i++) {
			c[i].trials = (int64_t)(random_next(&r) % 12) - 2;
			c[i].successes = (int64_t)(random_next(&r) % 4) - 1;
			if (random_next(&r) % 20 == 0)
				c[i].trials = i % 2 ? INT64_MAX : INT64_MIN;
			sorted[i] = turned[n - 1 - i] = c[i];
		}
		qsort(sorted, n, sizeof *sorted, seen_more);
		arm = counts_arm(c, n, LIKELIHOOD_BERNOULLI, 0.1, 1);
		same = counts_arm(turned, n, LIKELIHOOD_BERNOULLI, 0.1, 1);
		assert_memory_equal(c, sorted, n * sizeof *c);
		assert_memory_equal(turned, sorted, n * sizeof *c);
		assert_true(arm.a == same.a && arm.b == same.b);
	}
}

static void
amounts_are_shrunk_to_their_mean(void **state)
{
	struct model *m = model_of(OPTIMISER_COUNTS, "conversion,value", 1);
	struct model_estimates said;
	struct example e;

	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		example_begin(&e, false, 1);
		example_add(&e, i % 2, 1);
		example_label(&e, MODEL_CONVERSION, 1, 1);
		example_label(&e, MODEL_VALUE, i % 2 ? 3e6 : 1e6, 1);
		learn(m, &e, 1);
	}
	assert_int_equal(model_predict(m, &e.features, &said), FEATURES_FINE);
	/* 100 of 3 and one of the mean of all, 2. */
	near(said.of[MODEL_VALUE].mean, (100 * 3e6 + 2e6) / 101, 20);
	model_free(m);
}

/* --- What linear says -------------------------------------------------------------------- */

/* The figures are of numpy: A = 0.7 I + X'WX, b = 0.7 x 0.3 e_0 + X'Wy. */
static void
linear_is_ridge_regression(void **state)
{
	static const float x[5][3] = { { 1, 0.5f, 0 }, { 0, 2, 1 }, { 1, 1, 1 },
		{ 0, 0, 3 }, { 2, -1, 0.25f } };
	static const double w[] = { 1, 0.5, 2, 1, 3 }, y[] = { 1, 0, 1, 0, 1 };
	struct model_options o = model_options_default(OPTIMISER_LINEAR);
	struct estimate said;
	struct example e;
	struct model *m;

	(void)state;
	o.optimiser.l2 = 0.7;
	o.base_rate = 0.3;
	m = model_new(&o, BYTES, &os_system, NULL, &error);
	for (unsigned i = 0; i < 5; i++) {
		example_begin(&e, true, 1);
		for (unsigned k = 0; k < 3; k++)
			if (x[i][k] != 0)
				example_add(&e, 10 + k, x[i][k]);
		example_label(&e, MODEL_CLICK, y[i], 1);
		learn(m, &e, w[i]);
	}
	example_begin(&e, true, 1);
	example_add(&e, 11, -1);
	example_add(&e, 10, 0.25f);
	example_add(&e, 12, 2);
	said = say(m, &e);
	near(said.mean, 0.1619772530683639, 1e-9);
	near(said.sd, sqrt(0.3 * 0.7 * 0.8422908667435064), 1e-9);
	/* To explorers it is on the scale of the label, at the base rate. */
	near(said.open_z, log(3. / 7) + (said.mean - 0.3) / 0.21, 1e-9);
	near(said.open_deviation, said.sd / 0.21, 1e-9);
	model_free(m);
}

/* 40 features, of which each example has some. */
static void
draw(struct random *r, struct example *e)
{
	bool valued = random_next(r) % 2 == 0;
	unsigned n = 1 + (unsigned)(random_next(r) % 5);
	double y = (double)(random_next(r) % 4 == 0);

	example_begin(e, valued, 1);
	for (unsigned i = 0; i < n; i++)
		example_add(e, hash_mix(random_next(r) % 40),
		    (float)(4 * hash_uniform(random_next(r)) - 1));
	example_label(e, MODEL_CLICK, y, 1);
	example_label(e, MODEL_CONVERSION, y * hash_uniform(random_next(r)), y);
	example_label(e, MODEL_VALUE, 1e6 * exp(5 * hash_uniform(random_next(r))), y);
	e->labels.weight = random_next(r) % 2 ? 1 : 3 * hash_uniform(random_next(r));
}

/* What the changes of rank 1 have made of it, 1,023 of them, and more after it was made
 * afresh, is what is made of the sums. */
static void
changes_of_rank_1_add_up(void **state)
{
	struct model *m = model_of(OPTIMISER_LINEAR, "click", 64), *again;
	struct random r = seeded();
	struct example e;

	(void)state;
	for (unsigned i = 0; i < 4 * LINEAR_REBUILD - 1; i++) {
		if (i % 5 != 4)
			draw(&r, &e);
		learn(m, &e, i % 5 == 4 ? -e.labels.weight : e.labels.weight);
	}
	again = model_of(OPTIMISER_LINEAR, "click", 64);
	{
		struct snapshot s;
		struct state_writer *w = snapshot_write(&s);
		struct state_reader *from;

		model_save_learned(m, w);
		from = snapshot_read(&s, w);
		assert_int_equal(model_load(again, from, &error), 0);
		state_close(from);
	}
	for (unsigned i = 0; i < 200; i++) {
		draw(&r, &e);
		near(say(m, &e).mean, say(again, &e).mean, 1e-9);
		near(say(m, &e).sd, say(again, &e).sd, 1e-9);
	}
	model_free(again);
	model_free(m);
}

static void
features_beyond_the_dimensions_are_left_out_and_counted(void **state)
{
	struct model *m = model_of(OPTIMISER_LINEAR, "click", 2);
	struct example e, none;

	(void)state;
	for (unsigned i = 0; i < 40; i++)
		teach(m, 1 + i % 2, i % 2, 1);
	example_begin(&none, false, 1);
	example_begin(&e, false, 1);
	example_add(&e, 3, 1);
	assert_true(say(m, &none).mean > 0.1);
	assert_true(say(m, &e).mean == say(m, &none).mean);
	teach(m, 3, 1, 1);
	assert_int_equal(model_state(m)->crowded, 1);
	model_free(m);
}

/* More taken back than was given: no square root of what is negative. */
static void
what_is_taken_back_first_does_no_harm(void **state)
{
	for (unsigned a = OPTIMISER_COUNTS; a < OPTIMISER_COUNT; a++) {
		struct model *m =
		    model_of((enum optimiser_algorithm)a, "click,conversion,value", 8);
		struct random r = { 5 };
		struct example e;

		(void)state;
		for (unsigned i = 0; i < 3000; i++) {
			struct estimate said;

			draw(&r, &e);
			learn(m, &e, -e.labels.weight - 1000 * (i % 3 == 0));
			said = say(m, &e);
			assert_true(said.mean >= 0 && said.mean <= 1);
			assert_true(said.deviation >= 0 && isfinite(said.z));
			assert_true(isfinite(said.open_z) && isfinite(said.sd));
		}
		model_free(m);
	}
}

/* --- Forgetting ------------------------------------------------------------------------- */

struct bytes {
	uint8_t at[FILE_MAX];
	size_t size;
};

static void
file_of(struct model *m, struct bytes *to)
{
	char path[] = "/tmp/bannerpipe-test-XXXXXX";
	struct predictor p = { .model = m };
	FILE *f;

	assert_true(close(mkstemp(path)) == 0);
	assert_int_equal(predictor_commit(&p, &os_system, path, &error), 0);
	f = fopen(path, "rb");
	assert_non_null(f);
	to->size = fread(to->at, 1, sizeof to->at, f);
	assert_true(to->size > 0 && to->size < sizeof to->at);
	assert_int_equal(fclose(f), 0);
	(void)unlink(path);
}

static void
assert_same_files(struct model *a, struct model *b)
{
	static struct bytes x, y;

	assert_int_equal(a->cells.evicted + b->cells.evicted, 0);
	assert_int_equal(model_state(a)->crowded + model_state(b)->crowded, 0);
	file_of(a, &x);
	file_of(b, &y);
	assert_int_equal(x.size, y.size);
	assert_memory_equal(x.at, y.at, x.size);
}

static void
shuffle(struct random *r, unsigned *order, unsigned n)
{
	for (unsigned i = n; i > 1; i--) {
		unsigned k = (unsigned)(random_next(r) % i), t = order[i - 1];

		order[i - 1] = order[k];
		order[k] = t;
	}
}

/* Save and load, so that dimensions, places and what was seen when are as they were. */
static struct model *
go_on(struct model *m)
{
	struct model *again = model_new(&m->options, BYTES, &os_system, NULL, &error);
	struct snapshot s;
	struct state_writer *w = snapshot_write(&s);
	struct state_reader *from;

	model_save(m, w);
	from = snapshot_read(&s, w);
	assert_int_equal(model_load(again, from, &error), 0);
	state_close(from);
	model_free(m);
	return again;
}

/* All of a stream, and of a third of it the opposite, in any order, also before it; against
 * the rest of it alone. */
static void
forget(enum optimiser_algorithm algorithm, const char *targets, struct random *r)
{
	static struct example of[STREAM];
	static unsigned order[STREAM + STREAM / 3];
	struct model *taught = model_of(algorithm, targets, 64),
		     *never = model_of(algorithm, targets, 64);

	for (unsigned i = 0; i < STREAM; i++) {
		draw(r, &of[i]);
		order[i] = i;
	}
	for (unsigned i = 0; i < STREAM / 3; i++) {
		/* Some of them have features of their own, of which nothing stays. */
		if (i % 10 == 0)
			example_add(&of[3 * i], hash_mix(1000 + i / 100), 1);
		order[STREAM + i] = STREAM + 3 * i;
	}
	shuffle(r, order, STREAM + STREAM / 3);
	for (unsigned i = 0; i < STREAM + STREAM / 3; i++) {
		const struct example *e = &of[order[i] % STREAM];

		learn(taught, e,
		    order[i] < STREAM ? e->labels.weight : -e->labels.weight);
		if (i == 1111)
			taught = go_on(taught);
	}
	for (unsigned i = 0; i < STREAM; i++)
		if (i % 3 != 0)
			learn(never, &of[i], of[i].labels.weight);
	assert_same_files(taught, never);
	/* Some that never was taken back makes another file. */
	learn(never, &of[0], of[0].labels.weight);
	learn(taught, &of[1], of[1].labels.weight);
	{
		static struct bytes x, y;

		file_of(taught, &x);
		file_of(never, &y);
		assert_true(x.size != y.size || memcmp(x.at, y.at, x.size) != 0);
	}
	model_free(taught);
	model_free(never);
}

static void
what_was_unlearned_was_never_taught(void **state)
{
	struct random r = seeded();

	(void)state;
	for (unsigned a = OPTIMISER_COUNTS; a < OPTIMISER_COUNT; a++)
		for (unsigned i = 0; i < 5; i++)
			forget((enum optimiser_algorithm)a,
			    i % 2 ? "click" : "click,conversion,value", &r);
}

/* So many keys that the table grows, and shrinks to nothing in the file. */
static void
a_table_that_grew_leaves_no_trace(void **state)
{
	struct model *a = model_of(OPTIMISER_COUNTS, "click", 1),
		     *b = model_of(OPTIMISER_COUNTS, "click", 1);

	(void)state;
	teach(b, 5, 1, 3);
	teach(a, 5, 1, 3);
	for (int sign = 1; sign >= -1; sign -= 2)
		for (uint64_t k = 0; k < 50000; k++) {
			struct example e;

			example_begin(&e, false, 1);
			example_add(&e, hash_mix(k), 1);
			example_label(&e, MODEL_CLICK, (double)(k % 2), 1);
			learn(a, &e, sign);
		}
	assert_true(a->cells.homes > b->cells.homes);
	assert_same_files(a, b);
	model_free(a);
	model_free(b);
}

/* --- Copies ----------------------------------------------------------------------------- */

static struct model_text *reading;

static int
read_line(void *context, struct slice line)
{
	(void)context;
	return model_text_line(reading, slice_of(line.at, line.size - 1), &error);
}

static void
halves_merge_and_texts_come_back_to_the_bit(void **state)
{
	struct random r = seeded();

	(void)state;
	for (unsigned a = OPTIMISER_COUNTS; a < OPTIMISER_COUNT; a++) {
		enum optimiser_algorithm algorithm = (enum optimiser_algorithm)a;
		struct model *of[3], *m, *copy;

		for (unsigned i = 0; i < 3; i++)
			of[i] = model_of(algorithm, "click,conversion", 64);
		for (unsigned i = 0; i < 2000; i++) {
			struct example e;

			draw(&r, &e);
			learn(of[i % 2], &e, i % 5 == 4 ? -1 : 1);
			learn(of[2], &e, i % 5 == 4 ? -1 : 1);
		}
		m = model_merge(of[0], of[1], UINT64_C(1) << 30, &os_system, &error);
		assert_non_null(m);
		assert_same_files(m, of[2]);
		reading = model_text_new(&os_system, UINT64_C(1) << 30);
		if (model_text_write(of[2], read_line, NULL) != 0)
			fail_msg("%s", error.text);
		copy = model_text_end(reading, &error);
		assert_non_null(copy);
		assert_same_files(copy, of[2]);
		assert_int_equal(
		    model_state(copy)->taken_back, model_state(of[2])->taken_back);
		model_text_free(reading);
		model_free(copy);
		model_free(m);
		for (unsigned i = 0; i < 3; i++)
			model_free(of[i]);
	}
}

static void
who_maps_a_live_one_follows_it(void **state)
{
	(void)state;
	for (unsigned a = OPTIMISER_COUNTS; a < OPTIMISER_COUNT; a++) {
		char path[] = "/tmp/bannerpipe-test-XXXXXX";
		struct model_options o =
		    model_options_default((enum optimiser_algorithm)a);
		struct model *m, *reader;
		struct random r = { 3 };
		struct example e;
		bool missing;

		assert_true(close(mkstemp(path)) == 0);
		(void)unlink(path);
		m = model_new(&o, BYTES, &os_system, path, &error);
		assert_non_null(m);
		reader = model_attach(&os_system, path, &missing, &error);
		assert_non_null(reader);
		for (unsigned i = 0; i < 3000; i++) {
			draw(&r, &e);
			learn(m, &e, 1);
			if (model_is_over(reader)) {
				model_free(reader);
				reader =
				    model_attach(&os_system, path, &missing, &error);
				assert_non_null(reader);
			}
			if (a == OPTIMISER_COUNTS)
				assert_true(say(reader, &e).mean == say(m, &e).mean);
			else if (i > 300) /* it is up to 64 examples behind */
				near(say(reader, &e).mean, say(m, &e).mean,
				    3 * say(m, &e).sd);
		}
		model_free(reader);
		model_free(m);
		(void)unlink(path);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_moments_of_logarithms_are_those_of_the_tables),
		cmocka_unit_test(one_arm_is_a_beta_posterior),
		cmocka_unit_test(the_feature_seen_least_begins_as_the_others_say),
		cmocka_unit_test(features_are_told_apart_by_how_often_they_were_seen),
		cmocka_unit_test(amounts_are_shrunk_to_their_mean),
		cmocka_unit_test(linear_is_ridge_regression),
		cmocka_unit_test(changes_of_rank_1_add_up),
		cmocka_unit_test(
		    features_beyond_the_dimensions_are_left_out_and_counted),
		cmocka_unit_test(what_is_taken_back_first_does_no_harm),
		cmocka_unit_test(what_was_unlearned_was_never_taught),
		cmocka_unit_test(a_table_that_grew_leaves_no_trace),
		cmocka_unit_test(halves_merge_and_texts_come_back_to_the_bit),
		cmocka_unit_test(who_maps_a_live_one_follows_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
