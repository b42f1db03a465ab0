/* SPDX-License-Identifier: MIT */
#include "lib/modeltool/merge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/model/explain.h"
#include "lib/modeltool/align.h"
#include "lib/modeltool/keys.h"
#include "lib/modeltool/summary.h"
#include "lib/modeltool/text.h"
#include "tests/unit/learnt.h"

enum { MEMORY = 1 << 28 };

static char folder[32], path[64], other[64];
static struct error error;

static int
set_up(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/modeltool-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/a", folder);
	snprintf(other, sizeof other, "%s/b", folder);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	(void)unlink(path);
	(void)unlink(other);
	return rmdir(folder);
}

static struct model_options
factored(unsigned k, bool field_aware)
{
	struct model_options o = model_options_default(OPTIMISER_LANES);

	o.factors = (struct factors_options){ k, field_aware };
	return o;
}

static struct model *
learnt(const struct model_options *o, uint64_t bytes, uint64_t seed, unsigned values,
    unsigned n)
{
	struct model *m = model_new(o, bytes, &os_system, NULL, &error);
	struct random r = { seed };

	assert_non_null(m);
	learnt_more(m, &r, values, n);
	return m;
}

static bool
files_are_equal(void)
{
	FILE *a = fopen(path, "rb"), *b = fopen(other, "rb");
	int c = 0;

	assert_non_null(a);
	assert_non_null(b);
	while (c != EOF && (c = getc(a)) == getc(b))
		;
	assert_int_equal(fclose(a) | fclose(b), 0);
	return c == EOF;
}

/* Whether two models make the same file. */
static bool
make_equal_files(struct model *a, struct model *b)
{
	assert_int_equal(model_write(&os_system, a, path, &error), 0);
	assert_int_equal(model_write(&os_system, b, other, &error), 0);
	return files_are_equal();
}

static struct summary_difference
difference(const struct model *a, const struct model *b)
{
	struct summary_difference d;

	assert_int_equal(summary_compare(a, b, 0, NULL, NULL, &d, &error), 0);
	return d;
}

/* --- Text --------------------------------------------------------------------------- */

static int
feed(void *context, struct slice line)
{
	assert_int_equal(line.at[line.size - 1], '\n');
	if (model_text_line(context, slice_of(line.at, line.size - 1), &error) != 0)
		fail_msg("%s", error.text);
	return 0;
}

static struct model *
through_text(const struct model *m)
{
	struct model_text *t = model_text_new(&os_system, MEMORY);
	struct model *back;

	assert_non_null(t);
	assert_int_equal(model_text_write(m, feed, t), 0);
	back = model_text_end(t, &error);
	assert_non_null(back);
	model_text_free(t);
	return back;
}

static void
check_text(const struct model_options *o, uint64_t bytes, unsigned values)
{
	struct model *m = learnt(o, bytes, 3, values, 5000), *back = through_text(m);

	assert_true(make_equal_files(m, back));
	model_free(m);
	model_free(back);
}

static void
a_model_through_text_makes_the_same_file(void **state)
{
	struct model_options o = model_options_default(OPTIMISER_LANES);

	(void)state;
	check_text(&o, LEARNT_BYTES, 200);
	check_text(&o, CELLS_BYTES_MIN, 100000);
	o.calibration = CALIBRATION_ISOTONIC;
	o.admit = 2;
	check_text(&o, LEARNT_BYTES, 2000);
	o = model_options_default(OPTIMISER_ADAM);
	o.target[MODEL_CONVERSION] = o.target[MODEL_VALUE] = true;
	o.feedback = FEEDBACK_DFM;
	check_text(&o, LEARNT_BYTES, 200);
	strcpy(o.examination, "slot_id,position");
	check_text(&o, LEARNT_BYTES, 200);
}

static void
so_does_one_with_factors(void **state)
{
	struct model_options o = factored(12, false);

	(void)state;
	check_text(&o, LEARNT_BYTES, 200);
	o.target[MODEL_CONVERSION] = true;
	check_text(&o, 1 << 19, 5000);
	o = factored(16, true);
	o.admit = 2;
	check_text(&o, LEARNT_BYTES, 2000);
}

static void
refuse(const char *const *lines, const char *why)
{
	struct model_text *t = model_text_new(&os_system, MEMORY);
	int status = 0;

	assert_non_null(t);
	for (; *lines != NULL && status == 0; lines++)
		status = model_text_line(t, slice_text(*lines), &error);
	if (status == 0)
		assert_null(model_text_end(t, &error));
	if (strstr(error.text, why) == NULL)
		fail_msg("'%s' does not say '%s'", error.text, why);
	model_text_free(t);
}

static void
text_that_is_none_is_refused_by_its_line(void **state)
{
#define OPTIONS                                                                        \
	"bannerpipe-model 1", "option target=click", "option algorithm=lanes",         \
	    "option calibration=platt", "option delayed-feedback=revise",              \
	    "option by=", "option examination=", "option prior-variances=0.1",         \
	    "option noise=0", "option rate=0.1", "option beta=1.0", "option l1=0.0",   \
	    "option l2=0.0", "option base-rate=0.0"
#define LAST                                                                           \
	"option factors=0.0", "option field-aware=0.0", "option crosses=0.0",          \
	    "option dimensions=64.0"
#define TABLE OPTIONS, "option admit=1.0", LAST
#define FACTORED                                                                       \
	OPTIONS, "option admit=1.0", "option factors=4.0", "option field-aware=0.0",   \
	    "option crosses=0.0", "option dimensions=64.0", "table 2048 0 0 0"
#define PLACED                                                                         \
	"bannerpipe-model 1", "option target=click", "option algorithm=lanes",         \
	    "option calibration=platt", "option delayed-feedback=revise",              \
	    "option by=", "option examination=position", "option prior-variances=0.1", \
	    "option noise=0", "option rate=0.1", "option beta=1.0", "option l1=0.0",   \
	    "option l2=0.0", "option base-rate=0.0", "option admit=1.0", LAST,         \
	    "table 2048 0 0 0", "state 10 0"
#define HEADER TABLE, "table 2048 0 0 0", "state 10 0"
#define REFUSE(why, ...) refuse((const char *const[]){ __VA_ARGS__, NULL }, why)
	(void)state;
	REFUSE("line 1: no dump", "something");
	REFUSE("after line 14 it is cut off", OPTIONS);
	REFUSE("line 19: the options: ", OPTIONS, "option admit=0", LAST);
	REFUSE("line 20: it needs --memory", TABLE, "table 99999999 0 0 0");
	REFUSE("line 20: table wants", TABLE, "table 2048 0 0 0 0");
	REFUSE("line 22: here comes head click seen with 1 numbers", HEADER,
	    "head click seen 0x1p+0 0x1p+0");
	REFUSE("line 22", HEADER, "head click seen inf");
	REFUSE("line 22", HEADER, "head click seen 0x1p+9999");
	REFUSE("line 21: rows wants 6", FACTORED, "rows 2000 0 0 0 4095 0");
	REFUSE("line 21: the size of its table", FACTORED, "rows 0 0 0 0 4096 0");
	REFUSE("line 22: fields wants", FACTORED, "rows 2000 0 0 0 4096 0",
	    "fields 0001 0001");
	REFUSE("line 22: fields wants", FACTORED, "rows 2000 0 0 0 4096 0",
	    "fields 00001");
	REFUSE("line 21: this line is unknown, or does not", FACTORED, "state 10 0");
	REFUSE("line 22: places wants how many", PLACED, "places 129 0");
	REFUSE("line 22: places wants how many", PLACED, "places 1");
	REFUSE("line 22: this line is unknown, or does not", PLACED, "head click");
	REFUSE("line 23: place wants a key", PLACED, "places 1 0", "place 1 2 3 4 5");
	REFUSE("line 23: place wants a key", PLACED, "places 1 0",
	    "place 0000000000000001 7 0x1p+0 0x1p+0 6");
	REFUSE("line 23: place wants a key", PLACED, "places 1 0",
	    "place 0000000000000001 7 0x1p+0 0x1p+0 "
	    "303030303030303030303030303030303030303030303030");
	REFUSE("line 23: the places are not sound", PLACED, "places 1 0",
	    "place 0000000000000001 7 -0x1p+0 0x1p+0 30");
	REFUSE("line 23: the places are not sound", PLACED, "places 1 0",
	    "place 0000000000000000 7 0x1p+0 0x1p+0 30");
	REFUSE("line 23: this line is unknown, or does not come here", PLACED,
	    "places 0 0", "place 0000000000000001 7 0x1p+0 0x1p+0 30");
	REFUSE("line 22: this line is unknown, or does not come here", HEADER,
	    "cell 1 1 0000000000000005");
}

/* --- Merging ------------------------------------------------------------------------ */

static void
two_halves_merged_predict_nearly_as_well_as_all(void **state)
{
	struct model_options o = model_options_default(OPTIMISER_LANES);
	struct random r = { 1 };
	struct model *a = learnt(&o, LEARNT_BYTES, 1, 1000, 0),
		     *b = learnt(&o, LEARNT_BYTES, 1, 1000, 0),
		     *all = learnt(&o, LEARNT_BYTES, 1, 1000, 20000), *merged;
	double half, whole, both;

	(void)state;
	learnt_more(a, &r, 1000, 10000);
	learnt_more(b, &r, 1000, 10000);
	merged = model_merge(a, b, MEMORY, &os_system, &error);
	if (merged == NULL)
		fail_msg("%s", error.text);
	half = fmin(learnt_loss(a, 2, 1000, 20000), learnt_loss(b, 2, 1000, 20000));
	whole = learnt_loss(all, 2, 1000, 20000);
	both = learnt_loss(merged, 2, 1000, 20000);
	print_message(
	    "# log loss: half %.6f, merged %.6f, all %.6f\n", half, both, whole);
	assert_true(half - whole > 0.005);
	assert_true(both - whole < 0.15 * (half - whole));
	assert_int_equal(model_state(merged)->examples, 20000);
	assert_true(merged->cells.used == all->cells.used);
	model_free(a);
	model_free(b);
	model_free(all);
	model_free(merged);
}

/* Users and items of 300 each, and what they say together only. */
enum { SIDE = 300 };

static double
taste(unsigned field, uint64_t value, unsigned i)
{
	return 3.4 * learnt_effect(field + 10 * i, value);
}

static struct features
draw_pair(struct random *r, uint8_t keys[16], double *p)
{
	uint64_t user = hash_bucket(random_next(r), SIDE);
	uint64_t item = hash_bucket(random_next(r), SIDE);
	double z = -0.5;

	for (unsigned i = 0; i < 3; i++)
		z += taste(1, user, i) * taste(2, item, i) / 2;
	*p = vec_sigmoid(z);
	bytes_store_le64(keys, learnt_key(1, user));
	bytes_store_le64(keys + 8, learnt_key(2, item));
	return (struct features){ slice_of(keys, 16), { 0 } };
}

static void
learn_pairs(struct model *m, uint64_t seed, unsigned n)
{
	struct random r = { seed };
	uint8_t keys[16];
	double p;

	while (n-- > 0) {
		struct features f = draw_pair(&r, keys, &p);
		struct model_example e = { .weight = 1 };
		struct model_estimates said;

		e.target[0].known = true;
		e.target[0].weight = 1;
		e.target[0].label = hash_uniform(random_next(&r)) < p;
		assert_int_equal(model_learn(m, &f, &e, &said), FEATURES_FINE);
	}
}

/* The mean loss over the truth. */
static double
excess_of_pairs(const struct model *m)
{
	enum { N = 20000 };
	struct random r = { 77 };
	double sum = 0, p;
	uint8_t keys[16];

	for (unsigned i = 0; i < N; i++) {
		struct features f = draw_pair(&r, keys, &p);
		struct model_estimates said;
		double q;

		assert_int_equal(model_predict(m, &f, &said), FEATURES_FINE);
		q = said.of[0].mean;
		sum += p * log(p / q) + (1 - p) * log((1 - p) / (1 - q));
	}
	return sum / N;
}

static void
factors_merged_are_better_than_those_of_either_half(void **state)
{
	(void)state;
	for (unsigned aware = 0; aware < 2; aware++) {
		struct model_options o = factored(4, aware == 1);
		struct model *a = learnt(&o, LEARNT_BYTES, 1, 1, 0),
			     *b = learnt(&o, LEARNT_BYTES, 1, 1, 0),
			     *all = learnt(&o, LEARNT_BYTES, 1, 1, 0), *m;
		double half, both, whole;

		learn_pairs(a, 1, 40000);
		learn_pairs(b, 2, 40000);
		learn_pairs(all, 1, 40000);
		learn_pairs(all, 2, 40000);
		m = model_merge(a, b, MEMORY, &os_system, &error);
		assert_non_null(m);
		assert_true(rows_fields(m->rows)->count == 2);
		half = fmin(excess_of_pairs(a), excess_of_pairs(b));
		both = excess_of_pairs(m);
		whole = excess_of_pairs(all);
		print_message("# nats over the truth: half %.4f, merged %.4f, all "
			      "%.4f\n",
		    half, both, whole);
		assert_true(both < half - 0.1 * (half - whole));
		model_free(a);
		model_free(b);
		model_free(all);
		model_free(m);
	}
}

/* Turn the first two factors, and mirror the third: the predictions are the same. */
static void
turn(struct rows *r)
{
	for (uint64_t p = layout_next(&r->cells, 0); p != CELLS_NONE;
	     p = layout_next(&r->cells, p + 1)) {
		float *row = cells_at(&r->cells, p), x = row[0], y = row[1];

		row[0] = 0.6f * x - 0.8f * y;
		row[1] = 0.8f * x + 0.6f * y;
		row[2] = -row[2];
	}
}

static void
rows_that_were_turned_are_turned_back(void **state)
{
	struct model_options o = factored(4, false);
	struct model *a = learnt(&o, LEARNT_BYTES, 1, 1, 0), *b;
	struct align *align;
	uint64_t n = 0;

	(void)state;
	learn_pairs(a, 1, 20000);
	b = through_text(a);
	turn(b->rows);
	assert_true(fabs(excess_of_pairs(a) - excess_of_pairs(b)) < 1e-3);
	align = align_new(a->rows, b->rows);
	assert_non_null(align);
	for (uint64_t p = layout_next(&a->rows->cells, 0); p != CELLS_NONE;
	     p = layout_next(&a->rows->cells, p + 1), n++) {
		const float *was = cells_at(&a->rows->cells, p);
		float *row = cells_at(&b->rows->cells, p);

		align_turn(align, cells_key_at(&b->rows->cells, p), row);
		for (unsigned f = 0; f < 4; f++)
			assert_true(fabsf(row[f] - was[f]) < 1e-4f);
	}
	assert_int_equal(n, 2 * SIDE);
	align_free(align);
	model_free(a);
	model_free(b);
}

static void
fields_of_another_order_are_merged_unless_their_factors_depend_on_it(void **state)
{
	(void)state;
	for (unsigned aware = 0; aware < 2; aware++) {
		struct model_options o = factored(4, aware == 1);
		struct model *a = learnt(&o, LEARNT_BYTES, 1, 20, 500),
			     *b = learnt(&o, LEARNT_BYTES, 1, 1, 0), *m;

		learn_pairs(b, 1, 500);
		m = model_merge(a, b, MEMORY, &os_system, &error);
		assert_true((m == NULL) == (aware == 1));
		if (m == NULL)
			assert_non_null(strstr(error.text, "another order of fields"));
		else
			assert_true(rows_fields(m->rows)->count == LEARNT_FIELDS);
		model_free(a);
		model_free(b);
		model_free(m);
	}
}

static void
a_merged_weight_is_the_product_of_both_over_the_prior(void **state)
{
	struct model_options o = model_options_default(OPTIMISER_LANES);
	struct model *a = learnt(&o, LEARNT_BYTES, 1, 50, 500),
		     *b = learnt(&o, LEARNT_BYTES, 2, 50, 500),
		     *m = model_merge(a, b, MEMORY, &os_system, &error);
	unsigned compared = 0;

	(void)state;
	assert_non_null(m);
	for (uint64_t p = model_next(m, 0); p != CELLS_NONE; p = model_next(m, p + 1)) {
		uint64_t key = cells_key_at(&m->cells, p), x = model_place(a, key),
			 y = model_place(b, key);
		const struct lanes_cell *c = cells_at(&m->cells, p), *ca, *cb;

		if (x == CELLS_NONE || y == CELLS_NONE)
			continue;
		ca = cells_at(&a->cells, x);
		cb = cells_at(&b->cells, y);
		for (unsigned k = 0; k < LANES / 2; k++) {
			double pa = 1 / (double)ca->variance[k],
			       pb = 1 / (double)cb->variance[k],
			       prior = 1 / (double)lanes_default.prior.of[k];
			double sum = pa + pb - prior;

			assert_true(fabs((double)c->variance[k] * sum - 1) < 1e-5);
			assert_true(
			    fabs((double)c->mean[k] -
				(pa * (double)ca->mean[k] + pb * (double)cb->mean[k]) /
				    sum) < 1e-5);
			compared++;
		}
	}
	assert_true(compared > 100);
	model_free(a);
	model_free(b);
	model_free(m);
}

static void
what_has_learned_nothing_changes_nothing(void **state)
{
	(void)state;
	for (unsigned algorithm = 0; algorithm < OPTIMISER_COUNTS; algorithm++) {
		struct model_options o =
		    model_options_default((enum optimiser_algorithm)algorithm);
		o.optimiser.rate = 0.05; /* enough for so few examples */
		struct model *a, *none, *m;

		if (algorithm % 2 == 0)
			o.factors.k = 4;
		a = learnt(&o, LEARNT_BYTES, 1, 500, 5000);
		none = learnt(&o, LEARNT_BYTES, 1, 500, 0);

		m = model_merge(a, none, MEMORY, &os_system, &error);
		assert_non_null(m);
		assert_true(make_equal_files(a, m));
		model_free(m);
		m = model_merge(none, a, MEMORY, &os_system, &error);
		assert_non_null(m);
		assert_true(make_equal_files(a, m));
		model_free(a);
		model_free(none);
		model_free(m);
	}
}

static void
models_of_other_algorithms_merged_are_better_than_their_halves(void **state)
{
	(void)state;
	for (unsigned algorithm = 1; algorithm < OPTIMISER_COUNTS; algorithm++) {
		struct model_options o =
		    model_options_default((enum optimiser_algorithm)algorithm);
		struct model *a, *b, *m;
		struct random r = { 9 };
		double half, both;

		if (algorithm == OPTIMISER_ADAM)
			o.optimiser.rate = 0.005; /* enough for so few examples */
		a = learnt(&o, LEARNT_BYTES, 1, 1000, 10000);
		b = learnt(&o, LEARNT_BYTES, 5, 1000, 10000);
		m = model_merge(a, b, MEMORY, &os_system, &error);

		assert_non_null(m);
		half = fmin(
		    learnt_loss(a, 2, 1000, 20000), learnt_loss(b, 2, 1000, 20000));
		both = learnt_loss(m, 2, 1000, 20000);
		print_message("# %s: half %.6f, merged %.6f\n",
		    optimiser_name(o.optimiser.algorithm), half, both);
		assert_true(both < half);
		/* It learns on. */
		learnt_more(m, &r, 1000, 5000);
		assert_true(learnt_loss(m, 2, 1000, 20000) < half);
		model_free(a);
		model_free(b);
		model_free(m);
	}
}

static void
models_of_other_options_are_not_merged(void **state)
{
	struct model_options o = model_options_default(OPTIMISER_LANES), p = o;
	struct model *a = learnt(&o, LEARNT_BYTES, 1, 50, 50), *b;

	(void)state;
	p.base_rate = 0.5;
	b = learnt(&p, LEARNT_BYTES, 1, 50, 50);
	assert_null(model_merge(a, b, MEMORY, &os_system, &error));
	assert_non_null(strstr(error.text, "other options"));
	model_free(a);
	model_free(b);
}

static void
full_tables_merge_into_a_larger_one(void **state)
{
	struct model_options o = model_options_default(OPTIMISER_LANES);
	struct model *a = learnt(&o, CELLS_BYTES_MIN, 1, 100000, 3000),
		     *b = learnt(&o, CELLS_BYTES_MIN, 2, 100000, 3000),
		     *m = model_merge(a, b, MEMORY, &os_system, &error);
	uint64_t common = 0;

	(void)state;
	assert_non_null(m);
	for (uint64_t p = model_next(a, 0); p != CELLS_NONE; p = model_next(a, p + 1))
		common += model_place(b, cells_key_at(&a->cells, p)) != CELLS_NONE;
	assert_true(m->cells.used == a->cells.used + b->cells.used - common);
	assert_true(m->cells.homes > a->cells.homes);
	model_free(a);
	model_free(b);
	model_free(m);
}

/* --- Unlearning, comparing ---------------------------------------------------------- */

static void
check_unlearned(const struct model_options *o, uint64_t bytes, unsigned values)
{
	struct model *m = learnt(o, bytes, 1, values, 3000), *without;
	uint64_t keys[40], n = 0, p = 0, rows = 0;
	struct summary_difference d;
	size_t found;

	for (; n < 20; n++, p += 7) {
		p = model_next(m, p);
		assert_true(p != CELLS_NONE);
		keys[n] = cells_key_at(&m->cells, p);
	}
	for (uint64_t i = 0; i < 20; i++, n++)
		keys[n] = UINT64_MAX - 100 + i;
	for (uint64_t i = 1; i < n; i++)
		for (uint64_t k = i; k > 0 && keys[k] < keys[k - 1]; k--) {
			uint64_t t = keys[k];

			keys[k] = keys[k - 1];
			keys[k - 1] = t;
		}
	without = model_without(m, keys, n, MEMORY, &os_system, &found, &error);
	assert_non_null(without);
	assert_int_equal(found, 20);
	d = difference(m, without);
	assert_true(d.of[0].only_a == 20 && d.of[0].only_b == 0 &&
	    d.of[0].changed == 0 && !d.state);
	assert_true(d.of[0].same == m->cells.used - 20);
	for (uint64_t i = 0; i < n; i++) {
		assert_true(model_place(without, keys[i]) == CELLS_NONE);
		if (m->rows == NULL)
			continue;
		rows += layout_find(&m->rows->cells, keys[i]) != CELLS_NONE;
		assert_true(layout_find(&without->rows->cells, keys[i]) == CELLS_NONE);
	}
	assert_true(d.of[1].only_a == rows && d.of[1].only_b == 0);
	assert_true(d.of[1].changed == 0 && (rows > 10) == (m->rows != NULL));
	model_free(m);
	model_free(without);
}

static void
what_is_unlearned_is_not_there_and_all_else_is(void **state)
{
	struct model_options o = model_options_default(OPTIMISER_LANES);

	(void)state;
	check_unlearned(&o, CELLS_BYTES_MIN, 100000);
	o = factored(4, false);
	check_unlearned(&o, LEARNT_BYTES, 200);
	o = factored(8, true);
	check_unlearned(&o, LEARNT_BYTES, 200);
}

static void
a_difference_of_one_example_is_found(void **state)
{
	struct model_options o = model_options_default(OPTIMISER_LANES);
	struct model *a = learnt(&o, LEARNT_BYTES, 1, 50, 500),
		     *b = learnt(&o, LEARNT_BYTES, 1, 50, 501);
	struct summary_difference d = difference(a, b);

	(void)state;
	assert_true(d.state && d.of[0].changed > 0 && d.of[0].changed <= LEARNT_FIELDS);
	assert_false(summary_is_same(&d));
	d = difference(a, a);
	assert_true(summary_is_same(&d) && d.of[0].same == a->cells.used);
	model_free(a);
	model_free(b);
}

static void
a_changed_bit_of_a_row_is_a_difference(void **state)
{
	struct model_options o = factored(8, true), plain = factored(0, false);
	struct model *a = learnt(&o, LEARNT_BYTES, 1, 50, 500), *b = through_text(a),
		     *linear = learnt(&plain, LEARNT_BYTES, 1, 50, 500);
	struct summary_difference d = difference(a, b);
	uint8_t *row;

	(void)state;
	assert_true(summary_is_same(&d) && d.of[1].same == a->rows->cells.used);
	row = cells_at(&b->rows->cells, layout_next(&b->rows->cells, 0));
	row[b->rows->kind.size - 1] ^= 1;
	d = difference(a, b);
	assert_true(d.of[1].changed == 1 && d.of[0].changed == 0 && !d.state);
	d = difference(a, linear);
	assert_true(d.of[1].only_a == a->rows->cells.used && d.of[1].only_b == 0);
	model_free(a);
	model_free(b);
	model_free(linear);
}

static void
check_live(const struct model_options *o)
{
	struct model *live = model_new(o, LEARNT_BYTES, &os_system, path, &error),
		     *copy;
	struct random r = { 4 };
	struct summary_difference d;

	assert_non_null(live);
	learnt_more(live, &r, 20000, 10000);
	copy = model_read(&os_system, path, MEMORY, &error);
	assert_non_null(copy);
	d = difference(live, copy);
	assert_true(summary_is_same(&d) && d.of[0].same == live->cells.used);
	if (live->rows != NULL)
		assert_true(d.of[1].same == live->rows->cells.used && d.of[1].same > 0);
	model_free(copy);
	model_free(live);
}

static void
a_live_model_is_read_as_it_is(void **state)
{
	struct model_options o = model_options_default(OPTIMISER_LANES);
	char rows[80];

	(void)state;
	check_live(&o);
	o = factored(4, true);
	check_live(&o);
	snprintf(rows, sizeof rows, "%s%s", path, ROWS_SUFFIX);
	(void)unlink(rows);
}

static void
a_file_of_factors_is_read_as_it_lies_or_wants_more_memory(void **state)
{
	struct model_options o = factored(8, false);
	struct model *m, *back;

	(void)state;
	o.admit = 2;
	m = learnt(&o, LEARNT_BYTES, 3, 5000, 20000);
	assert_int_equal(model_write(&os_system, m, path, &error), 0);
	back = model_read(&os_system, path, MEMORY, &error);
	assert_non_null(back);
	assert_true(make_equal_files(m, back));
	model_free(back);
	back = model_read(&os_system, path, 1 << 21, &error);
	assert_null(back);
	assert_non_null(strstr(error.text, "it needs --memory"));
	model_free(m);
}

/* --- Names, keys, explanations ------------------------------------------------------ */

static void
write_names(unsigned n)
{
	uint8_t storage[256];
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	for (unsigned i = 0; i < n; i++) {
		struct build b;
		char text[32];

		snprintf(text, sizeof text, "item=%u", i);
		build_init(&b, storage, sizeof storage);
		build_map(&b, 3);
		build_text(&b, "event");
		build_text(&b, "feature_name");
		build_text(&b, "key");
		build_uint(&b, learnt_key(0, i));
		build_text(&b, "name");
		build_text(&b, text);
		assert_int_equal(fwrite(storage, build_slice(&b).size, 1, f), 1);
	}
	assert_int_equal(fclose(f), 0);
}

static void
names_are_found_as_far_as_the_memory_goes(void **state)
{
	struct names names;

	(void)state;
	write_names(10000);
	assert_int_equal(names_read(&names, &os_system, path, 1 << 20, &error), 0);
	assert_int_equal(names.count, 10000);
	for (unsigned i = 0; i < 10000; i++) {
		char text[32];

		snprintf(text, sizeof text, "item=%u", i);
		assert_string_equal(names_find(&names, learnt_key(0, i)), text);
	}
	assert_null(names_find(&names, 5));
	names_free(&names);
	assert_int_equal(
	    names_read(&names, &os_system, path, NAMES_BYTES_MIN, &error), 0);
	assert_true(names.left_out > 0);
	assert_true(names.count + names.left_out == 10000);
	assert_string_equal(names_find(&names, learnt_key(0, names.count - 1)) == NULL
		? "gone"
		: "there",
	    "there");
	names_free(&names);
}

static void
keys_are_hex_or_names(void **state)
{
	struct names names;
	struct keys keys;
	FILE *f;

	(void)state;
	write_names(10);
	assert_int_equal(names_read(&names, &os_system, path, 1 << 20, &error), 0);
	f = fopen(other, "w");
	assert_non_null(f);
	assert_true(fputs("item=3\n\nff\n0000000000000001\r\nFF\n0", f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(keys_read(&keys, &os_system, other, &names, &error), 0);
	assert_int_equal(keys.count, 4);
	assert_true(keys.at[0] == 0xff);
	for (size_t i = 1; i < keys.count; i++)
		assert_true(keys.at[i] > keys.at[i - 1]);
	assert_true(keys.at[1] == learnt_key(0, 3) || keys.at[3] == UINT64_MAX);
	keys_free(&keys);
	assert_int_equal(keys_read(&keys, &os_system, other, NULL, &error), -1);
	assert_non_null(strstr(error.text, "line 1, 'item=3'"));
	names_free(&names);
}

static void
an_explanation_names_what_moves_the_prediction_most(void **state)
{
	struct model_options o = model_options_default(OPTIMISER_LANES);
	struct model *m = learnt(&o, LEARNT_BYTES, 1, 50, 5000);
	struct random r = { 6 };
	struct learnt_example example;
	struct explain e;
	uint64_t bytes = 1 << 20;

	(void)state;
	assert_int_equal(explain_init(&e, 2, NULL, &bytes, &os_system, &error), 0);
	for (unsigned i = 0; i < 200; i++) {
		struct features f = learnt_next(&r, 50, &example);
		unsigned k = mixture_best(&model_state(m)->head[0].mixture), larger = 0;
		double least;

		explain_note(&e, m, &f);
		assert_int_equal(e.count[MODEL_CLICK], 2);
		least = fabs(e.part[MODEL_CLICK][1].effect);
		assert_true(fabs(e.part[MODEL_CLICK][0].effect) >= least);
		for (unsigned j = 0; j < LEARNT_FIELDS; j++) {
			uint64_t p = model_place(m, features_key(&f, j));
			const struct lanes_cell *c = cells_at(&m->cells, p);

			larger += fabs((double)c->mean[k]) > least;
			if (features_key(&f, j) == e.part[MODEL_CLICK][0].key) {
				assert_true((double)c->mean[k] ==
				    e.part[MODEL_CLICK][0].effect);
				assert_true(sqrt((double)c->variance[k]) ==
				    e.part[MODEL_CLICK][0].sd);
			}
		}
		assert_true(larger <= 1);
	}
	explain_fini(&e);
	model_free(m);
}

static void
what_pairs_add_is_shared_by_both_and_adds_up(void **state)
{
	(void)state;
	for (unsigned aware = 0; aware < 2; aware++) {
		struct model_options o = factored(8, aware == 1);
		struct model *m;
		struct random r = { 6 };
		struct explain e;
		uint64_t bytes = 1 << 20;
		double most = 0;

		o.target[MODEL_CONVERSION] = true;
		m = learnt(&o, LEARNT_BYTES, 1, 50, 5000);
		assert_int_equal(
		    explain_init(&e, 10, NULL, &bytes, &os_system, &error), 0);
		for (unsigned i = 0; i < 200; i++) {
			struct learnt_example example;
			struct features f = learnt_next(&r, 50, &example);

			explain_note(&e, m, &f);
			for (unsigned t = 0; t < 2; t++) {
				struct factors_example *x;
				double sum = 0;

				rows_look_up(m->rows, &f);
				x = rows_of_head(m->rows, t, NULL);
				factors_score(&o.factors, x);
				assert_true(e.count[t] > 0);
				for (unsigned j = 0; j < e.count[t]; j++)
					sum += e.part[t][j].pairs;
				assert_true(fabs(sum - x->z) < 1e-5);
				most = fmax(most, fabs(x->z));
			}
			for (unsigned j = 1; j < e.count[0]; j++)
				assert_true(
				    fabs(e.part[0][j].effect + e.part[0][j].pairs) <=
				    fabs(e.part[0][j - 1].effect +
					e.part[0][j - 1].pairs));
		}
		assert_true(most > 0.01);
		explain_fini(&e);
		model_free(m);
	}
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_model_through_text_makes_the_same_file),
		TEST(so_does_one_with_factors),
		TEST(text_that_is_none_is_refused_by_its_line),
		TEST(two_halves_merged_predict_nearly_as_well_as_all),
		TEST(factors_merged_are_better_than_those_of_either_half),
		TEST(rows_that_were_turned_are_turned_back),
		TEST(
		    fields_of_another_order_are_merged_unless_their_factors_depend_on_it),
		TEST(a_merged_weight_is_the_product_of_both_over_the_prior),
		TEST(what_has_learned_nothing_changes_nothing),
		TEST(models_of_other_algorithms_merged_are_better_than_their_halves),
		TEST(models_of_other_options_are_not_merged),
		TEST(full_tables_merge_into_a_larger_one),
		TEST(what_is_unlearned_is_not_there_and_all_else_is),
		TEST(a_difference_of_one_example_is_found),
		TEST(a_changed_bit_of_a_row_is_a_difference),
		TEST(a_file_of_factors_is_read_as_it_lies_or_wants_more_memory),
		TEST(a_live_model_is_read_as_it_is),
		TEST(names_are_found_as_far_as_the_memory_goes),
		TEST(keys_are_hex_or_names),
		TEST(an_explanation_names_what_moves_the_prediction_most),
		TEST(what_pairs_add_is_shared_by_both_and_adds_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
