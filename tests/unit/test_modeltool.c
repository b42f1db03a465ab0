/* SPDX-License-Identifier: MIT */
#include "lib/model/merge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/model/explain.h"
#include "lib/model/keys.h"
#include "lib/model/summary.h"
#include "lib/model/text.h"
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
	    "option by=", "option prior-variances=0.1", "option noise=0",              \
	    "option rate=0.1", "option beta=1.0", "option l1=0.0", "option l2=0.0",    \
	    "option base-rate=0.0"
#define LAST "option factors=0.0", "option field-aware=0.0"
#define TABLE OPTIONS, "option admit=1.0", LAST
#define HEADER TABLE, "table 2048 0 0 0", "state 10 0"
#define REFUSE(why, ...) refuse((const char *const[]){ __VA_ARGS__, NULL }, why)
	(void)state;
	REFUSE("line 1: no dump", "something");
	REFUSE("after line 13 it is cut off", OPTIONS);
	REFUSE("line 16: the options: ", OPTIONS, "option admit=0", LAST);
	REFUSE("line 17: it needs --memory", TABLE, "table 99999999 0 0 0");
	REFUSE("line 17: table wants", TABLE, "table 2048 0 0 0 0");
	REFUSE("line 19: here comes head click seen with 1 numbers", HEADER,
	    "head click seen 0x1p+0 0x1p+0");
	REFUSE("line 19", HEADER, "head click seen inf");
	REFUSE("line 19", HEADER, "head click seen 0x1p+9999");
	REFUSE("line 19: this line is unknown, or does not come here", HEADER,
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
	for (unsigned algorithm = 0; algorithm < OPTIMISER_COUNT; algorithm++) {
		struct model_options o =
		    model_options_default((enum optimiser_algorithm)algorithm);
		o.optimiser.rate = 0.05; /* enough for so few examples */
		struct model *a = learnt(&o, LEARNT_BYTES, 1, 500, 5000),
			     *none = learnt(&o, LEARNT_BYTES, 1, 500, 0), *m;

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
	for (unsigned algorithm = 1; algorithm < OPTIMISER_COUNT; algorithm++) {
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
what_is_unlearned_is_not_there_and_all_else_is(void **state)
{
	struct model_options o = model_options_default(OPTIMISER_LANES);
	struct model *m = learnt(&o, CELLS_BYTES_MIN, 1, 100000, 3000), *without;
	uint64_t keys[40], n = 0, p = 0;
	struct summary_difference d;
	size_t found;

	(void)state;
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
	assert_true(d.only_a == 20 && d.only_b == 0 && d.changed == 0 && !d.state);
	assert_true(d.same == m->cells.used - 20);
	for (uint64_t i = 0; i < n; i++)
		assert_true(model_place(without, keys[i]) == CELLS_NONE);
	model_free(m);
	model_free(without);
}

static void
a_difference_of_one_example_is_found(void **state)
{
	struct model_options o = model_options_default(OPTIMISER_LANES);
	struct model *a = learnt(&o, LEARNT_BYTES, 1, 50, 500),
		     *b = learnt(&o, LEARNT_BYTES, 1, 50, 501);
	struct summary_difference d = difference(a, b);

	(void)state;
	assert_true(d.state && d.changed > 0 && d.changed <= LEARNT_FIELDS);
	assert_false(summary_is_same(&d));
	d = difference(a, a);
	assert_true(summary_is_same(&d) && d.same == a->cells.used);
	model_free(a);
	model_free(b);
}

static void
a_live_model_is_read_as_it_is(void **state)
{
	struct model_options o = model_options_default(OPTIMISER_LANES);
	struct model *live = model_new(&o, LEARNT_BYTES, &os_system, path, &error),
		     *copy;
	struct random r = { 4 };
	struct summary_difference d;

	(void)state;
	assert_non_null(live);
	learnt_more(live, &r, 20000, 10000);
	copy = model_read(&os_system, path, MEMORY, &error);
	assert_non_null(copy);
	d = difference(live, copy);
	assert_true(summary_is_same(&d) && d.same == live->cells.used);
	model_free(copy);
	model_free(live);
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

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_model_through_text_makes_the_same_file),
		TEST(text_that_is_none_is_refused_by_its_line),
		TEST(two_halves_merged_predict_nearly_as_well_as_all),
		TEST(a_merged_weight_is_the_product_of_both_over_the_prior),
		TEST(what_has_learned_nothing_changes_nothing),
		TEST(models_of_other_algorithms_merged_are_better_than_their_halves),
		TEST(models_of_other_options_are_not_merged),
		TEST(full_tables_merge_into_a_larger_one),
		TEST(what_is_unlearned_is_not_there_and_all_else_is),
		TEST(a_difference_of_one_example_is_found),
		TEST(a_live_model_is_read_as_it_is),
		TEST(names_are_found_as_far_as_the_memory_goes),
		TEST(keys_are_hex_or_names),
		TEST(an_explanation_names_what_moves_the_prediction_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
