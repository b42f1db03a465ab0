/* SPDX-License-Identifier: MIT */
#include "lib/model/model.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/vec.h"
#include "tests/unit/example.h"
#include "tests/unit/seed.h"
#include "tests/unit/snapshot.h"

static struct error error;

static struct model *
model_with(const struct model_options *o, uint64_t bytes)
{
	struct model *m = model_new(o, bytes, &os_system, NULL, &error);

	if (m == NULL)
		fail_msg("%s", error.text);
	return m;
}

static struct model *
lanes_model(const char *targets, uint64_t bytes)
{
	struct model_options o = model_options_default(OPTIMISER_LANES);

	assert_int_equal(model_options_parse_targets(&o, targets, &error), 0);
	return model_with(&o, bytes);
}

static double
learn(struct model *m, const struct example *e)
{
	struct model_estimates to;

	assert_int_equal(model_learn(m, &e->features, &e->labels, &to), FEATURES_FINE);
	return to.of[MODEL_CLICK].mean;
}

static double
click_of(const struct model *m, const struct example *e)
{
	struct model_estimates to;

	assert_int_equal(model_predict(m, &e->features, &to), FEATURES_FINE);
	return to.of[MODEL_CLICK].mean;
}

/* Six fields of 400 values, Zipf-like, at a rate of about 5 %. */
static double
draw(struct random *r, struct example *e, bool *clicked)
{
	double z = -3.2;

	example_begin(e, false, 1);
	for (uint64_t f = 0; f < 6; f++) {
		double u = hash_uniform(random_next(r));
		uint64_t key = f << 48 | (uint64_t)pow(400.0 * (double)(f + 1), u * u);

		/* The sum of four uniform numbers, of standard deviation 0.5. */
		for (uint64_t k = 0; k < 4; k++)
			z += (hash_uniform(hash_pair(key, k)) - 0.5) * 0.87;
		example_add(e, key, 1);
	}
	*clicked = hash_uniform(random_next(r)) < vec_sigmoid_exact(z);
	example_label(e, MODEL_CLICK, *clicked, 1);
	return vec_sigmoid_exact(z);
}

/* --- Against the reference -------------------------------------------------------------- */

static void
predictions_are_those_of_the_reference_in_python(void **state)
{
	const struct optimiser optimisers[] = {
		{ OPTIMISER_LANES, 0.1, 1, 0, 0 },
		{ OPTIMISER_FTRL, 0.2, 1, 0.05, 0.5 },
		{ OPTIMISER_ADAGRAD, 0.1, 1, 0, 0.01 },
		{ OPTIMISER_SGD, 0.05, 1, 0.001, 0.02 },
		{ OPTIMISER_ADAM, 0.02, 1, 0, 0.01 },
	};
	enum { MODELS = sizeof optimisers / sizeof *optimisers };
	FILE *file = fopen("tests/data/lanes-reference.txt", "r");
	struct model *m[MODELS];
	double y, s, expected[MODELS], deviation;
	unsigned n, examples = 0;

	(void)state;
	assert_non_null(file);
	for (int k = 0; k < MODELS; k++) {
		struct model_options o = model_options_default(optimisers[k].algorithm);

		o.optimiser = optimisers[k];
		o.base_rate = 0.2;
		o.calibration = CALIBRATION_NONE;
		m[k] = model_with(&o, 1 << 20);
	}
	while (fscanf(file, "%lf %lf %lf %lf %lf %lf %lf %lf %u", &y, &s, &expected[0],
		   &deviation, &expected[1], &expected[2], &expected[3], &expected[4],
		   &n) == 9) {
		struct example e;

		example_begin(&e, true, s);
		example_label(&e, MODEL_CLICK, y, 1);
		for (unsigned i = 0; i < n; i++) {
			unsigned long long key;
			float value;

			assert_int_equal(fscanf(file, " %llu:%f", &key, &value), 2);
			example_add(&e, key, value);
		}
		for (int k = 0; k < MODELS; k++) {
			struct model_estimates to;

			assert_int_equal(
			    model_predict(m[k], &e.features, &to), FEATURES_FINE);
			near(to.of[MODEL_CLICK].mean, expected[k], 1e-5);
			near(
			    to.of[MODEL_CLICK].deviation, k == 0 ? deviation : 0, 1e-5);
			near(learn(m[k], &e), expected[k], 1e-5);
		}
		examples++;
	}
	assert_int_equal(examples, 400);
	for (int k = 0; k < MODELS; k++)
		model_free(m[k]);
	fclose(file);
}

/* --- What it does with what ------------------------------------------------------------- */

static void
a_cold_model_predicts_the_base_rate(void **state)
{
	struct model_options o;
	struct example e;

	(void)state;
	example_begin(&e, false, 1);
	example_add(&e, 42, 1);
	for (unsigned a = 0; a < OPTIMISER_COUNT; a++) {
		struct model *m;

		o = model_options_default((enum optimiser_algorithm)a);
		o.base_rate = 0.0046;
		o.dimensions = 16;
		m = model_with(&o, 1 << 20);
		near(click_of(m, &e), 0.0046, 1e-8);
		model_free(m);
	}
}

static void
an_unknown_base_rate_is_estimated_from_one_in_a_hundred_on(void **state)
{
	struct model *m = lanes_model("click", 1 << 20);
	struct random r = seeded();
	struct example e;
	double p = 0;

	(void)state;
	example_begin(&e, false, 1);
	near(click_of(m, &e), 0.01, 1e-8);
	for (int i = 0; i < 20000; i++) {
		example_label(&e, MODEL_CLICK, hash_uniform(random_next(&r)) < 0.2, 1);
		p = learn(m, &e);
	}
	near(p, 0.2, 0.02);
	model_free(m);
}

static void
a_prediction_changes_nothing_and_adds_no_feature(void **state)
{
	struct model *m = lanes_model("click", 1 << 20);
	struct model_state before;
	struct example e;
	double first;

	(void)state;
	example_begin(&e, false, 1);
	example_label(&e, MODEL_CLICK, 1, 1);
	example_add(&e, 1, 1);
	learn(m, &e);
	before = *model_state(m);
	example_add(&e, 2, 1);
	first = click_of(m, &e);
	assert_true(first == click_of(m, &e));
	assert_int_equal(m->cells.used, 1);
	assert_memory_equal(model_state(m), &before, sizeof before);
	assert_int_equal(before.examples, 1);
	model_free(m);
}

static void
what_is_not_finite_is_refused_and_leaves_no_trace(void **state)
{
	struct model *m = lanes_model("click", 1 << 20);
	const double bad[] = { NAN, INFINITY, -INFINITY, 1e300 };
	struct example e, wrong;
	struct model_estimates to;
	double before;

	(void)state;
	example_begin(&e, true, 1);
	example_label(&e, MODEL_CLICK, 1, 1);
	example_add(&e, 5, 1);
	learn(m, &e);
	before = click_of(m, &e);
	for (unsigned i = 0; i < 4; i++) {
		wrong = e;
		wrong.features.keys.at = wrong.keys;
		wrong.features.values.at = wrong.values;
		wrong.labels.target[MODEL_CLICK].label = bad[i];
		assert_int_equal(model_learn(m, &wrong.features, &wrong.labels, &to),
		    FEATURES_LABEL);
		wrong.labels = e.labels;
		wrong.labels.weight = bad[i];
		assert_int_equal(model_learn(m, &wrong.features, &wrong.labels, &to),
		    FEATURES_WEIGHT);
		wrong.labels = e.labels;
		wrong.labels.target[MODEL_CLICK].weight = bad[i];
		assert_int_equal(model_learn(m, &wrong.features, &wrong.labels, &to),
		    FEATURES_WEIGHT);
		wrong.labels = e.labels;
		example_add(&wrong, 6, (float)bad[i]);
		assert_int_equal(model_learn(m, &wrong.features, &wrong.labels, &to),
		    FEATURES_VALUE);
		assert_int_equal(
		    model_predict(m, &wrong.features, &to), FEATURES_VALUE);
	}
	assert_true(before == click_of(m, &e));
	assert_int_equal(m->cells.used, 1);
	assert_int_equal(model_state(m)->examples, 1);
	model_free(m);
}

static void
misshapen_features_are_refused(void **state)
{
	static uint8_t bytes[8 * (FEATURES_MAX + 1)];
	struct model *m = lanes_model("click", 1 << 20);
	struct features f = { slice_of(bytes, 7), { 0 } };
	struct model_estimates to;
	struct example e;

	(void)state;
	example_begin(&e, false, 1);
	example_label(&e, MODEL_CLICK, 1, 1);
	assert_int_equal(model_learn(m, &f, &e.labels, &to), FEATURES_KEYS);
	f.keys.size = 8 * (FEATURES_MAX + 1);
	assert_int_equal(model_learn(m, &f, &e.labels, &to), FEATURES_MANY);
	f.keys.size = 16;
	f.values = slice_of(bytes, 4);
	assert_int_equal(model_learn(m, &f, &e.labels, &to), FEATURES_VALUES);
	f.keys.size = 8 * FEATURES_MAX; /* all the same key, 0 */
	f.values = (struct slice){ 0 };
	assert_int_equal(model_learn(m, &f, &e.labels, &to), FEATURES_FINE);
	assert_int_equal(m->cells.used, 1);
	model_free(m);
}

static bool
all_finite(const struct model *m)
{
	for (uint64_t p = 0; p < cells_places(&m->cells); p++)
		if (cells_key_at(&m->cells, p) != 0 &&
		    !m->kind.is_sound(&m->kind, cells_at(&m->cells, p)))
			return false;
	return head_is_sound(&model_state(m)->head[MODEL_CLICK]);
}

static void
no_stream_makes_a_weight_infinite(void **state)
{
	struct random r = seeded();

	(void)state;
	for (unsigned a = 0; a < OPTIMISER_COUNT; a++) {
		struct model_options o =
		    model_options_default((enum optimiser_algorithm)a);
		struct model *m;

		if (a != OPTIMISER_LANES)
			o.optimiser = (struct optimiser){ (enum optimiser_algorithm)a,
				1000, 1e-6, 0, 1e6 };
		o.dimensions = 16;
		m = model_with(&o, 1 << 20);
		for (int i = 0; i < 3000; i++) {
			struct example e;
			double p;

			example_begin(
			    &e, true, (hash_uniform(random_next(&r)) - 0.5) * 2e6);
			example_label(&e, MODEL_CLICK, i % 2, 1);
			for (unsigned f = 0; f < 4; f++)
				example_add(&e, hash_bucket(random_next(&r), 6),
				    (float)((hash_uniform(random_next(&r)) - 0.5) *
					2e6));
			p = learn(m, &e);
			assert_true(p > 0 && p < 1);
		}
		assert_true(all_finite(m));
		model_free(m);
	}
}

static void
a_feature_of_value_zero_is_one_that_is_not_there(void **state)
{
	struct model *with = lanes_model("click", 1 << 20),
		     *without = lanes_model("click", 1 << 20);
	struct random r = seeded();

	(void)state;
	for (int i = 0; i < 500; i++) {
		bool y = hash_uniform(random_next(&r)) < 0.1;
		struct model_estimates a, b;
		struct example e, f;

		example_begin(&e, true, 1);
		example_begin(&f, true, 1);
		example_label(&e, MODEL_CLICK, y, 1);
		example_label(&f, MODEL_CLICK, y, 1);
		for (unsigned k = 0; k < 3; k++) {
			uint64_t key = hash_bucket(random_next(&r), 20);
			float x = (float)hash_bucket(random_next(&r), 3) - 1;

			example_add(&e, key, x);
			if (x != 0)
				example_add(&f, key, x);
		}
		model_learn(with, &e.features, &e.labels, &a);
		model_learn(without, &f.features, &f.labels, &b);
		assert_true(a.of[MODEL_CLICK].mean == b.of[MODEL_CLICK].mean);
		assert_true(a.of[MODEL_CLICK].deviation == b.of[MODEL_CLICK].deviation);
	}
	model_free(with);
	model_free(without);
}

/* --- Taking back ------------------------------------------------------------------------- */

/* The largest difference of two models of the same keys: of means in standard deviations,
 * of variances relatively, of mixture weights, of calibration, of counts. */
static double
distance(const struct model *a, const struct model *b)
{
	const struct head *g = &model_state(a)->head[MODEL_CLICK],
			  *h = &model_state(b)->head[MODEL_CLICK];
	double most = fmax(fabs(g->seen - h->seen), fabs(g->sum - h->sum));

	for (unsigned k = 0; k < MIXTURE_EXPERTS; k++)
		most = fmax(most, fabs(g->mixture.weight[k] - h->mixture.weight[k]));
	most = fmax(most, fabs(g->calibration.slope - h->calibration.slope));
	most = fmax(most, fabs(g->calibration.shift - h->calibration.shift));
	for (uint64_t p = 0; p < a->cells.line_count * CELLS_LINE; p++) {
		uint64_t key = cells_key_at(&a->cells, p);
		const struct lanes_cell *c = cells_at(&a->cells, p), *d;
		uint64_t place = key == 0
		    ? CELLS_NONE
		    : cells_find(&b->cells, cells_home(&b->cells, key), key);

		if (place == CELLS_NONE)
			continue;
		d = cells_at(&b->cells, place);
		for (unsigned k = 0; k < LANES && d->variance[0] > 0; k++) {
			double s = (double)d->variance[k];

			most = fmax(
			    most, fabs((double)(c->mean[k] - d->mean[k])) / sqrt(s));
			most = fmax(most, fabs((double)c->variance[k] / s - 1));
		}
	}
	return most;
}

static void
add_random(struct example *e, struct random *r, unsigned n, unsigned keys, bool valued)
{
	for (unsigned f = 0; f < n; f++) {
		uint64_t key = f << 16 | hash_bucket(random_next(r), keys);

		/* Of either sign, and a scale of its own. */
		example_add(e, key,
		    valued ? (float)((hash_uniform(hash_mix(key)) + 0.1) *
				 (random_next(r) % 2 ? 1 : -1))
			   : 1);
	}
}

/* Whether examples are gone when they are taken back in reverse order. */
static double
taken_back(unsigned chain, double weight, bool valued, unsigned warm, struct random *r)
{
	struct model *m = lanes_model("click", 1 << 20),
		     *clean = lanes_model("click", 1 << 20);
	struct example past[64], e;
	double left;

	for (unsigned i = 0; i < warm; i++) {
		example_begin(&e, valued, 1);
		example_label(&e, MODEL_CLICK, hash_uniform(random_next(r)) < 0.1, 1);
		add_random(&e, r, 5, 20, valued);
		learn(m, &e);
		learn(clean, &e);
	}
	for (unsigned i = 0; i < chain; i++) {
		example_begin(&past[i], valued, weight);
		example_label(
		    &past[i], MODEL_CLICK, hash_uniform(random_next(r)) < 0.3, 1);
		add_random(&past[i], r, 5, 20, valued);
		learn(m, &past[i]);
	}
	assert_true(distance(m, clean) > 0.01);
	for (unsigned i = chain; i-- > 0;) {
		past[i].labels.weight = -weight;
		learn(m, &past[i]);
	}
	left = distance(m, clean);
	model_free(m);
	model_free(clean);
	return left;
}

static void
what_was_learned_last_is_taken_back_to_within_rounding(void **state)
{
	const double weight[] = { 1, 0.2, 3 };
	struct random r = seeded();
	double worst = 0;

	(void)state;
	for (unsigned round = 0; round < 300; round++)
		for (unsigned w = 0; w < 2; w++)
			worst = fmax(worst,
			    taken_back(1, weight[w], round % 2, 20 * (round % 3), &r));
	print_message("# weight 1 and 0.2: %g at most\n", worst);
	assert_true(worst < 1e-3);
	for (unsigned round = 0; round < 100; round++)
		worst = fmax(worst, taken_back(1, weight[2], round % 2, 500, &r));
	print_message("# weight 3, features that are known: %g at most\n", worst);
	assert_true(worst < 1e-2);
}

static void
a_chain_of_fifty_is_taken_back_in_reverse_order(void **state)
{
	struct random r = seeded();
	double worst = 0;

	(void)state;
	for (unsigned round = 0; round < 40; round++)
		worst = fmax(worst, taken_back(50, 1, round % 2, 300, &r));
	print_message("# %g at most\n", worst);
	assert_true(worst < 2e-2);
}

static void
what_fraud_has_taught_is_mostly_taken_back_later(void **state)
{
	struct random r = seeded(), start;
	struct model *m, *clean;
	double fouled = 0, left = 0;
	struct example e;
	bool y;

	(void)state;
	/* Not Adam: its momentum goes on. */
	for (unsigned a = 0; a < OPTIMISER_ADAM; a++) {
		struct model_options o =
		    model_options_default((enum optimiser_algorithm)a);
		const double most = a == OPTIMISER_LANES ? 0.5 : 0.15;
		m = model_with(&o, 4 << 20);
		clean = model_with(&o, 4 << 20);
		for (int i = 0; i < 4000; i++) {
			draw(&r, &e, &y);
			learn(m, &e);
			learn(clean, &e);
		}
		fouled = left = 0;
		start = r;
		for (int round = 0; round < 3; round++) {
			struct random again = start;

			for (int i = 0; i < 100; i++) {
				double p, q;

				draw(&again, &e, &y);
				example_label(&e, MODEL_CLICK, 1, 1);
				e.labels.weight = round == 0 ? 1 : -1;
				if (round < 2)
					learn(m, &e);
				p = vec_logit(click_of(m, &e));
				q = vec_logit(click_of(clean, &e));
				if (round != 1)
					*(round == 0 ? &fouled : &left) += fabs(p - q);
			}
		}
		print_message("# %s: fouled by %.1f, %.2f left\n",
		    optimiser_name((enum optimiser_algorithm)a), fouled, left);
		assert_true(fouled > 10 && left < most * fouled);
		model_free(m);
		model_free(clean);
	}
}

/* --- How good it is ---------------------------------------------------------------------- */

static void
hidden_stream(struct model *m, int n, double figures[3])
{
	struct random r = seeded();
	double clicks = 0;

	figures[0] = figures[1] = 0;
	for (int i = 0; i < n; i++) {
		struct example e;
		bool y;
		double truth = draw(&r, &e, &y);

		figures[0] += vec_log_loss(learn(m, &e), y) / n;
		figures[1] += vec_log_loss(truth, y) / n;
		clicks += y;
	}
	figures[2] = vec_entropy(clicks / n);
}

static void
every_algorithm_closes_most_of_the_gap_to_the_truth(void **state)
{
	/* Of the distance from the constant, in 60,000 examples. */
	const double least[OPTIMISER_COUNTS] = { [OPTIMISER_LANES] = 0.56,
		[OPTIMISER_FTRL] = 0.52,
		[OPTIMISER_ADAGRAD] = 0.48,
		[OPTIMISER_SGD] = 0.44,
		[OPTIMISER_ADAM] = 0.30 };
	double share[OPTIMISER_COUNTS], f[3];

	(void)state;
	for (unsigned a = 0; a < OPTIMISER_COUNTS; a++) {
		struct model_options o =
		    model_options_default((enum optimiser_algorithm)a);
		struct model *m = model_with(&o, 64 << 20);

		hidden_stream(m, 60000, f);
		share[a] = (f[2] - f[0]) / (f[2] - f[1]);
		print_message("# %s: loss %.6f, share %.3f\n",
		    optimiser_name((enum optimiser_algorithm)a), f[0], share[a]);
		assert_true(share[a] > least[a] && share[a] < 1);
		assert_int_equal(m->cells.evicted, 0);
		model_free(m);
	}
	for (unsigned a = 1; a < OPTIMISER_COUNTS; a++)
		assert_true(share[OPTIMISER_LANES] > share[a]);
}

static void
a_tenth_of_the_memory_costs_little(void **state)
{
	struct model *large = lanes_model("click", 16 << 20),
		     *small = lanes_model("click", 160000);
	double f[3], g[3];

	(void)state;
	hidden_stream(large, 60000, f);
	hidden_stream(small, 60000, g);
	assert_true(small->cells.evicted > 1000);
	assert_true(g[0] < f[2] - 0.5 * (f[2] - f[0]));
	model_free(large);
	model_free(small);
}

/* --- Several targets ---------------------------------------------------------------------- */

static void
the_product_of_what_is_given_is_calibrated(void **state)
{
	struct model *m = lanes_model("click,conversion,value", 16 << 20);
	struct random r = seeded();
	double said[3] = { 0 }, was[3] = { 0 };

	(void)state;
	for (int i = 0; i < 200000; i++) {
		struct model_estimates to;
		struct example e;
		bool click, conversion;
		double amount;
		uint64_t a = hash_bucket(random_next(&r), 5),
			 b = hash_bucket(random_next(&r), 5);

		example_begin(&e, false, 1);
		example_add(&e, 100 + a, 1);
		example_add(&e, 200 + b, 1);
		click = hash_uniform(random_next(&r)) < 0.02 * (double)(1 + a);
		conversion =
		    click && hash_uniform(random_next(&r)) < 0.05 * (double)(1 + b);
		amount = 1e7 * (double)(1 + a) * (0.5 + hash_uniform(random_next(&r)));
		example_label(&e, MODEL_CLICK, click, 1);
		example_label(&e, MODEL_CONVERSION, conversion, click);
		example_label(&e, MODEL_VALUE, conversion ? amount : 0, conversion);
		assert_int_equal(
		    model_learn(m, &e.features, &e.labels, &to), FEATURES_FINE);
		if (i < 20000)
			continue;
		for (unsigned t = 0; t < 3; t++)
			said[t] += model_mean(m, &to, (enum model_target)t);
		was[0] += click;
		was[1] += conversion;
		was[2] += conversion ? amount : 0;
	}
	print_message("# said over was: click %.4f, conversion %.4f, value %.4f\n",
	    said[0] / was[0], said[1] / was[1], said[2] / was[2]);
	/* Standard errors of what was: 0.010, 0.026 and about 0.03. */
	near(said[0] / was[0], 1, 0.03);
	near(said[1] / was[1], 1, 0.08);
	near(said[2] / was[2], 1, 0.10);
	model_free(m);
}

static void
negatives_that_stand_for_several_leave_the_intercept_right(void **state)
{
	struct random r = seeded();
	double said = 0, truth = 0;

	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		struct model *m = lanes_model("click", 64 << 20);

		for (int i = 0; i < 200000; i++) {
			struct example e;
			bool y;
			double p = draw(&r, &e, &y);

			if (i >= 100000) {
				said += click_of(m, &e);
				truth += p;
			}
			/* One of five negatives, for all five. */
			if (!y && hash_uniform(random_next(&r)) >= 0.2)
				continue;
			e.labels.weight = y ? 1 : 5;
			learn(m, &e);
		}
		model_free(m);
	}
	print_message("# said over truth %.4f\n", said / truth);
	/* The standard error of so many clicks is 0.6 %. */
	near(said / truth, 1, 0.03);
}

/* --- Delays -------------------------------------------------------------------------------- */

enum { CLICKS = 60000, STRETCHES = 20 };

/* Clicks a second apart, of which 20 % convert after an exponential delay of 2,000 s; what
 * each way of feedback says in the end, and at a quarter of the stream. A window of 300 s
 * closes first, then revisions come, until 10,000 s. */
struct event {
	double when;
	double weight, label, elapsed;
	bool pending, fake;
	unsigned of;
};

static int
by_time(const void *a, const void *b)
{
	const struct event *e = a, *f = b;

	return e->when < f->when ? -1
	    : e->when > f->when  ? 1
	    : e->of != f->of     ? (e->of < f->of ? -1 : 1)
				 : (e->weight < f->weight ? -1 : e->weight > f->weight);
}

static void
delayed(enum model_feedback feedback, struct random r, double said[STRETCHES])
{
	struct model_options o = model_options_default(OPTIMISER_LANES);
	struct event *events = calloc(3 * CLICKS, sizeof *events);
	struct model *m;
	unsigned n = 0;
	double seen[STRETCHES] = { 0 };

	assert_non_null(events);
	assert_int_equal(model_options_parse_targets(&o, "conversion", &error), 0);
	o.feedback = feedback;
	m = model_with(&o, 4 << 20);
	for (unsigned i = 0; i < CLICKS; i++) {
		bool converts = hash_uniform(random_next(&r)) < 0.2;
		double delay = -2000 * log(1 - hash_uniform(random_next(&r)));
		bool now = converts && delay < 300;

		events[n++] = (struct event){ i + 300, 1, now, now ? delay : 300, !now,
			false, i };
		if (!now && (!converts || delay > 10000) && feedback == FEEDBACK_DFM) {
			/* The window closes: none will come. */
			events[n++] =
			    (struct event){ i + 10000, -1, 0, 300, true, false, i };
			events[n++] =
			    (struct event){ i + 10000, 1, 0, 10000, false, false, i };
		}
		if (!converts || now || delay > 10000)
			continue;
		if (feedback != FEEDBACK_FNW)
			events[n++] =
			    (struct event){ i + delay, -1, 0, 300, true, false, i };
		events[n++] = (struct event){ i + delay, 1, 1, delay, false, false, i };
	}
	qsort(events, n, sizeof *events, by_time);
	for (unsigned i = 0; i < n && events[i].when < CLICKS; i++) {
		struct model_estimates to;
		struct example e;
		int at;

		example_begin(&e, false, events[i].weight);
		example_add(&e, 1 + events[i].of % 3, 1);
		example_label(&e, MODEL_CONVERSION, events[i].label, 1);
		e.labels.elapsed = events[i].elapsed;
		e.labels.pending = events[i].pending;
		assert_int_equal(
		    model_learn(m, &e.features, &e.labels, &to), FEATURES_FINE);
		at = (int)(events[i].when / (CLICKS / STRETCHES));
		seen[at]++;
		said[at] += to.of[MODEL_CONVERSION].mean;
	}
	for (unsigned k = 0; k < STRETCHES; k++)
		said[k] /= seen[k];
	free(events);
	model_free(m);
}

static void
delayed_conversions_are_learned_at_their_true_rate(void **state)
{
	static const char *const names[] = { "revise", "fnw", "dfm" };
	struct random r = seeded();
	double said[FEEDBACK_COUNT][STRETCHES] = { { 0 } };

	(void)state;
	for (unsigned f = 0; f < FEEDBACK_COUNT; f++) {
		delayed((enum model_feedback)f, r, said[f]);
		print_message("# %s:", names[f]);
		for (unsigned k = 0; k < STRETCHES; k++)
			print_message(" %.3f", said[f][k]);
		print_message(", truth 0.2\n");
	}
	/* The standard error of the rate of 60,000 is 0.0016. */
	for (unsigned f = 0; f < FEEDBACK_COUNT; f++)
		near(said[f][STRETCHES - 1], 0.2, 0.015);
}

/* --- Snapshots and live files -------------------------------------------------------------- */

static struct model *
reloaded(struct model *m, uint64_t bytes)
{
	struct model *again = model_with(&m->options, bytes);
	struct snapshot s;
	struct state_writer *w = snapshot_write(&s);
	struct state_reader *r;

	model_save(m, w);
	r = snapshot_read(&s, w);
	if (model_load(again, r, &error) < 0)
		fail_msg("%s", error.text);
	assert_int_equal(state_left(r), 0);
	state_close(r);
	return again;
}

static double
learn_some(struct model *m, uint64_t seed, int n)
{
	struct random r = { seed };
	double sum = 0;

	for (int i = 0; i < n; i++) {
		struct example e;
		bool y;

		draw(&r, &e, &y);
		example_label(&e, MODEL_CONVERSION, i % 3 == 0, y);
		example_label(&e, MODEL_VALUE, 1e6 * (1 + i % 7), y && i % 3 == 0);
		e.labels.elapsed = i % 100;
		e.labels.pending = i % 3 != 0;
		sum += learn(m, &e);
	}
	return sum;
}

static void
a_and_then_b_is_ab_to_the_bit(void **state)
{
	const uint64_t budget[] = { 160000, 32 << 20 };

	(void)state;
	for (unsigned a = 0; a < OPTIMISER_COUNT; a++)
		for (unsigned i = 0; i < 4; i++) {
			struct model_options o =
			    model_options_default((enum optimiser_algorithm)a);
			struct model *whole, *first, *second;
			double sum;

			model_options_parse_targets(
			    &o, "click,conversion,value", &error);
			o.dimensions = 12;
			if (a < OPTIMISER_COUNTS) {
				o.feedback = i % 2 ? FEEDBACK_DFM : FEEDBACK_REVISE;
				o.admit = i % 2 ? 2 : 1;
				o.calibration =
				    i < 2 ? CALIBRATION_PLATT : CALIBRATION_ISOTONIC;
			}
			whole = model_with(&o, budget[i / 2]);
			first = model_with(&o, budget[i / 2]);
			learn_some(whole, 1, 3000);
			sum = learn_some(whole, 2, 3000);
			learn_some(first, 1, 3000);
			second = reloaded(first, budget[i / 2]);
			assert_true(learn_some(second, 2, 3000) == sum);
			assert_memory_equal(model_state(whole), model_state(second),
			    sizeof(struct model_state));
			assert_int_equal(whole->cells.evicted, second->cells.evicted);
			assert_memory_equal(whole->cells.lines, second->cells.lines,
			    whole->cells.line_count * 64);
			model_free(whole);
			model_free(first);
			model_free(second);
		}
}

static void
another_budget_says_the_same_while_all_fits(void **state)
{
	struct model *m = lanes_model("click", 4 << 20), *again;
	struct random r = { 9 };

	(void)state;
	learn_some(m, 1, 3000);
	again = reloaded(m, 64 << 20);
	for (int i = 0; i < 100; i++) {
		struct example e;
		bool y;

		draw(&r, &e, &y);
		assert_true(click_of(m, &e) == click_of(again, &e));
	}
	model_free(again);
	again = reloaded(m, 160000);
	assert_true(again->cells.evicted > 0);
	model_free(again);
	model_free(m);
}

static void
a_model_that_is_not_sound_is_refused(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		struct model *m = lanes_model("click", 4 << 20),
			     *again = lanes_model("click", 4 << 20);
		struct head *h = &model_state(m)->head[MODEL_CLICK];
		struct lanes_cell *cell;
		struct snapshot s;
		struct state_writer *w = snapshot_write(&s);
		struct state_reader *r;

		learn_some(m, 1, 100);
		cell = cells_at(
		    &m->cells, cells_find(&m->cells, cells_home(&m->cells, 1), 1));
		if (i == 0)
			h->mixture.weight[3] = NAN;
		if (i == 1)
			h->intercept.mean[2] = INFINITY;
		if (i == 2)
			h->calibration.slope = NAN;
		if (i == 3)
			h->linear_intercept.state[1] = -1;
		if (i == 4)
			model_state(m)->examples = UINT64_MAX;
		if (i == 5) {
			assert_non_null(cell);
			for (uint64_t p = 0; p < cells_places(&m->cells); p++)
				if (cells_key_at(&m->cells, p) != 0)
					((struct lanes_cell *)cells_at(&m->cells, p))
					    ->variance[7] = -1;
		}
		model_save(m, w);
		r = snapshot_read(&s, w);
		assert_int_equal(model_load(again, r, &error), -1);
		assert_non_null(strstr(error.text, "damaged"));
		state_close(r);
		model_free(m);
		model_free(again);
	}
}

static void
who_attaches_says_what_the_learner_says(void **state)
{
	char folder[] = "/tmp/model-XXXXXX", path[64];
	struct model_options o = model_options_default(OPTIMISER_LANES);
	struct model *m, *seen;
	struct random r = { 5 };
	bool missing;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/live", folder);
	o.calibration = CALIBRATION_ISOTONIC;
	m = model_new(&o, 8 << 20, &os_system, path, &error);
	assert_non_null(m);
	seen = model_attach(&os_system, path, &missing, &error);
	assert_non_null(seen);
	assert_int_equal(seen->options.calibration, CALIBRATION_ISOTONIC);
	for (int i = 0; i < 5000; i++) {
		struct model_estimates a, b;
		struct example e;
		bool y;

		draw(&r, &e, &y);
		if (model_is_over(seen)) {
			model_free(seen);
			seen = model_attach(&os_system, path, &missing, &error);
			assert_non_null(seen);
		}
		model_predict(seen, &e.features, &b);
		model_learn(m, &e.features, &e.labels, &a);
		assert_int_equal(b.version, i);
		assert_int_equal(a.version, i);
		assert_true(a.of[MODEL_CLICK].mean == b.of[MODEL_CLICK].mean);
	}
	assert_int_equal(region_version(&seen->cells.region), 5000);
	model_free(seen);
	model_free(m);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test(name)
	const struct CMUnitTest tests[] = {
		TEST(predictions_are_those_of_the_reference_in_python),
		TEST(a_cold_model_predicts_the_base_rate),
		TEST(an_unknown_base_rate_is_estimated_from_one_in_a_hundred_on),
		TEST(a_prediction_changes_nothing_and_adds_no_feature),
		TEST(what_is_not_finite_is_refused_and_leaves_no_trace),
		TEST(misshapen_features_are_refused),
		TEST(no_stream_makes_a_weight_infinite),
		TEST(a_feature_of_value_zero_is_one_that_is_not_there),
		TEST(what_was_learned_last_is_taken_back_to_within_rounding),
		TEST(a_chain_of_fifty_is_taken_back_in_reverse_order),
		TEST(what_fraud_has_taught_is_mostly_taken_back_later),
		TEST(every_algorithm_closes_most_of_the_gap_to_the_truth),
		TEST(a_tenth_of_the_memory_costs_little),
		TEST(the_product_of_what_is_given_is_calibrated),
		TEST(negatives_that_stand_for_several_leave_the_intercept_right),
		TEST(delayed_conversions_are_learned_at_their_true_rate),
		TEST(a_and_then_b_is_ab_to_the_bit),
		TEST(another_budget_says_the_same_while_all_fits),
		TEST(a_model_that_is_not_sound_is_refused),
		TEST(who_attaches_says_what_the_learner_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
