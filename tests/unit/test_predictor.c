/* SPDX-License-Identifier: MIT */
#include "lib/model/predictor.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/example.h"
#include "tests/unit/seed.h"

enum { BYTES = 160000, PER = 8 };

static char folder[32], path[64], live[64];
static struct model_options options;
static struct error error;
static enum state_trouble trouble;
static struct reader *reader;

static int
set_up(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/predictor-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/model", folder);
	snprintf(live, sizeof live, "%s/live", folder);
	options = model_options_default(OPTIMISER_LANES);
	options.base_rate = 0.03;
	reader = reader_new();
	assert_non_null(reader);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	reader_free(reader);
	(void)unlink(path);
	(void)unlink(live);
	return rmdir(folder);
}

static struct predictor
fresh(uint64_t bytes)
{
	struct predictor p = { 0 };

	p.model = model_new(&options, bytes, &os_system, NULL, &error);
	assert_non_null(p.model);
	predictor_keys(&p, reader);
	return p;
}

static struct predictor
for_targets(const char *targets, enum model_feedback feedback)
{
	assert_int_equal(model_options_parse_targets(&options, targets, &error), 0);
	options.feedback = feedback;
	return fresh(BYTES);
}

/* n examples of a seed, enough features to evict; the sum of the predictions. */
static double
learn(struct predictor *p, uint64_t seed, int n)
{
	struct random r = { seed };
	double sum = 0;

	for (int i = 0; i < n; i++) {
		struct model_estimates to;
		struct example e;

		example_begin(&e, false, 1);
		for (unsigned k = 0; k < PER; k++)
			example_add(&e,
			    hash_mix(k << 16 | hash_bucket(random_next(&r), 500)), 1);
		example_label(&e, MODEL_CLICK, hash_uniform(random_next(&r)) < 0.1, 1);
		assert_int_equal(
		    model_learn(p->model, &e.features, &e.labels, &to), FEATURES_FINE);
		sum += to.of[MODEL_CLICK].mean;
	}
	return sum;
}

/* --- Files ------------------------------------------------------------------------------ */

static void
a_model_goes_on_from_its_file_to_the_bit(void **state)
{
	(void)state;
	for (unsigned large = 0; large < 2; large++) {
		uint64_t bytes = large ? 1 << 24 : BYTES;
		struct predictor whole = fresh(bytes), first = fresh(bytes), second;
		double expected;

		learn(&whole, 1, 3000);
		expected = learn(&whole, 2, 3000);
		assert_true((whole.model->cells.evicted > 0) == (large == 0));
		learn(&first, 1, 3000);
		assert_int_equal(predictor_commit(&first, &os_system, path, &error), 0);
		second = fresh(bytes);
		assert_int_equal(predictor_open(&second, &os_system, path, &options,
				     bytes, NULL, &trouble, &error),
		    0);
		assert_true(learn(&second, 2, 3000) == expected);
		assert_int_equal(
		    second.model->cells.evicted, whole.model->cells.evicted);
		predictor_free(&whole);
		predictor_free(&first);
		predictor_free(&second);
	}
}

static void
a_file_of_other_options_is_refused_by_the_name_of_the_option(void **state)
{
	static const char *const name[] = { "l2", "algorithm", "target", "calibration",
		"base-rate", "admit", "delayed-feedback" };
	struct predictor p = fresh(BYTES);
	struct model *before = p.model;

	(void)state;
	assert_int_equal(predictor_commit(&p, &os_system, path, &error), 0);
	for (unsigned i = 0; i < sizeof name / sizeof *name; i++) {
		struct model_options changed = options;

		if (i == 0)
			changed.optimiser.l2 = 2;
		if (i == 1)
			changed.optimiser.algorithm = OPTIMISER_SGD;
		if (i == 2 || i == 6)
			changed.target[MODEL_CONVERSION] = true;
		if (i == 3)
			changed.calibration = CALIBRATION_NONE;
		if (i == 4)
			changed.base_rate = 0.04;
		if (i == 5)
			changed.admit = 3;
		if (i == 6) {
			p.model->options.target[MODEL_CONVERSION] = true;
			changed.feedback = FEEDBACK_FNW;
			p.model->options = changed;
			p.model->options.feedback = FEEDBACK_REVISE;
			assert_int_equal(
			    predictor_commit(&p, &os_system, path, &error), 0);
		}
		assert_int_equal(predictor_open(&p, &os_system, path, &changed, BYTES,
				     NULL, &trouble, &error),
		    -1);
		assert_int_equal(trouble, STATE_OTHER);
		if (strstr(error.text, name[i]) == NULL)
			fail_msg("%s: %s", name[i], error.text);
		assert_ptr_equal(p.model, before);
	}
	predictor_free(&p);
}

static void
who_attaches_learns_the_options_and_how_much_memory_it_needs(void **state)
{
	struct predictor p, q = { 0 };
	struct model_estimates a, b;
	struct example e;

	(void)state;
	options.optimiser = optimiser_default(OPTIMISER_ADAGRAD);
	options.base_rate = 0.0046;
	p = for_targets("conversion", FEEDBACK_REVISE);
	example_begin(&e, false, 1);
	example_add(&e, 9, 1);
	example_label(&e, MODEL_CONVERSION, 1, 1);
	for (int i = 0; i < 50; i++)
		model_learn(p.model, &e.features, &e.labels, &a);
	assert_int_equal(predictor_commit(&p, &os_system, path, &error), 0);
	assert_int_equal(
	    predictor_attach(&q, &os_system, path, (uint64_t)1 << 30, &trouble, &error),
	    0);
	assert_true(q.model->options.target[MODEL_CONVERSION]);
	assert_false(q.model->options.target[MODEL_CLICK]);
	assert_true(q.model->options.base_rate == 0.0046);
	assert_true(q.model->cells.region.size == p.model->cells.region.size);
	model_predict(p.model, &e.features, &a);
	model_predict(q.model, &e.features, &b);
	assert_true(a.of[MODEL_CONVERSION].mean == b.of[MODEL_CONVERSION].mean);
	assert_true(a.of[MODEL_CONVERSION].mean > 0.02);
	predictor_free(&p);
	predictor_free(&q);
}

static void
a_missing_file_is_told_from_a_damaged_one(void **state)
{
	struct predictor p = fresh(BYTES);
	struct model *before = p.model;
	FILE *file;
	long size;

	(void)state;
	assert_int_equal(predictor_open(&p, &os_system, path, &options, BYTES, NULL,
			     &trouble, &error),
	    -1);
	assert_int_equal(trouble, STATE_MISSING);
	learn(&p, 4, 100);
	assert_int_equal(predictor_commit(&p, &os_system, path, &error), 0);
	file = fopen(path, "r+");
	assert_non_null(file);
	assert_int_equal(fseek(file, 0, SEEK_END), 0);
	size = ftell(file);
	/* One bit of every part. */
	for (long at = 0; at < size; at += at < 1000 ? 1 : size / 200) {
		int c;

		fseek(file, at, SEEK_SET);
		c = fgetc(file);
		fseek(file, at, SEEK_SET);
		fputc(c ^ 1 << at % 8, file);
		fflush(file);
		assert_int_equal(predictor_open(&p, &os_system, path, &options, BYTES,
				     NULL, &trouble, &error),
		    -1);
		assert_int_not_equal(trouble, STATE_MISSING);
		assert_int_equal(
		    predictor_attach(&p, &os_system, path, BYTES, &trouble, &error),
		    -1);
		fseek(file, at, SEEK_SET);
		fputc(c, file);
	}
	assert_int_equal(fclose(file), 0);
	assert_ptr_equal(p.model, before);
	assert_int_equal(model_state(p.model)->examples, 100);
	assert_int_equal(predictor_open(&p, &os_system, path, &options, BYTES, NULL,
			     &trouble, &error),
	    0);
	predictor_free(&p);
}

static void
a_live_model_is_attached_by_its_path(void **state)
{
	struct predictor p = fresh(BYTES), q = { 0 };
	uint64_t bytes = 4 << 20;

	(void)state;
	learn(&p, 5, 500);
	assert_int_equal(predictor_commit(&p, &os_system, path, &error), 0);
	assert_int_equal(predictor_open(&p, &os_system, path, &options, bytes, live,
			     &trouble, &error),
	    0);
	assert_int_equal(
	    predictor_attach(&q, &os_system, live, 0, &trouble, &error), 0);
	assert_false(predictor_is_over(&q));
	assert_int_equal(region_version(&q.model->cells.region), 500);
	learn(&p, 6, 20000);
	assert_true(predictor_is_over(&q));
	assert_int_equal(
	    predictor_attach(&q, &os_system, live, 0, &trouble, &error), 0);
	assert_int_equal(region_version(&q.model->cells.region), 20500);
	predictor_free(&q);
	predictor_free(&p);
}

/* --- Labels ----------------------------------------------------------------------------- */

/* A record of these pairs; text and numbers, "rewards." is inside. */
struct pair {
	const char *key;
	double number;
	const char *text;
};

static struct record
record_of(uint8_t in[1024], const struct pair *pairs, unsigned n)
{
	unsigned rewards = 0, others = 0;
	struct build b;
	struct record r;
	struct fault fault;
	size_t need;

	memset(in, 0, 1024);
	for (unsigned i = 0; i < n; i++)
		*(strncmp(pairs[i].key, "rewards.", 8) == 0 ? &rewards : &others) += 1;
	build_init(&b, in, 1024);
	build_map(&b, others + 1);
	build_text(&b, "rewards");
	build_map(&b, rewards);
	for (unsigned pass = 0; pass < 2; pass++)
		for (unsigned i = 0; i < n; i++) {
			const struct pair *p = &pairs[i];

			if ((strncmp(p->key, "rewards.", 8) == 0) != (pass == 0))
				continue;
			build_text(&b, pass == 0 ? p->key + 8 : p->key);
			if (p->text != NULL && strcmp(p->text, "true") == 0)
				build_bool(&b, true);
			else if (p->text != NULL)
				build_text(&b, p->text);
			else if (p->number == floor(p->number))
				build_int(&b, (int64_t)p->number);
			else
				build_double(&b, p->number);
		}
	assert_int_equal(
	    record_scan(reader, build_slice(&b), &r, &fault, &need), SCAN_RECORD);
	return r;
}

#define READ(p, weight, ...)                                                           \
	read_labels(p, weight, (const struct pair[]){ __VA_ARGS__ },                   \
	    sizeof((const struct pair[]){ __VA_ARGS__ }) / sizeof(struct pair))

static struct model_example labels;
static enum model_target wrong;

static enum predictor_label
read_labels(struct predictor *p, double weight, const struct pair *pairs, unsigned n)
{
	uint8_t in[1024];
	struct record r = record_of(in, pairs, n);

	return predictor_example(p, &r, weight, &labels, &wrong);
}

static void
a_target_is_learned_given_what_comes_before_it(void **state)
{
	struct predictor p = for_targets("click,conversion,value", FEEDBACK_REVISE);

	(void)state;
	assert_int_equal(
	    READ(&p, 1, { "rewards.click", 0, NULL }, { "rewards.conversion", 0, NULL },
		{ "rewards.value_micros", 0, NULL }),
	    PREDICTOR_KNOWN);
	assert_true(labels.target[MODEL_CLICK].weight == 1);
	assert_true(labels.target[MODEL_CONVERSION].weight == 0);
	assert_true(labels.target[MODEL_VALUE].weight == 0);
	/* Two purchases are one conversion, with the value of both. */
	assert_int_equal(READ(&p, 2, { "rewards.click", 0, "true" },
			     { "rewards.conversion", 2, NULL },
			     { "rewards.value_micros", 5000000, NULL }),
	    PREDICTOR_KNOWN);
	assert_true(labels.weight == 2);
	assert_true(labels.target[MODEL_CLICK].label == 1);
	assert_true(labels.target[MODEL_CONVERSION].label == 1);
	assert_true(labels.target[MODEL_CONVERSION].weight == 1);
	assert_true(labels.target[MODEL_VALUE].label == 5000000);
	assert_true(labels.target[MODEL_VALUE].weight == 1);
	/* Half a conversion has half of the value. */
	assert_int_equal(READ(&p, 1, { "rewards.click", 1, NULL },
			     { "rewards.conversion", 0.5, NULL },
			     { "rewards.value_micros", 1000000, NULL }),
	    PREDICTOR_KNOWN);
	near(labels.target[MODEL_VALUE].label, 2e6, 1e-6);
	near(labels.target[MODEL_VALUE].weight, 0.5, 1e-12);
	/* Nothing is known of what is given something unknown. */
	assert_int_equal(
	    READ(&p, 1, { "rewards.conversion", 1, NULL }), PREDICTOR_KNOWN);
	assert_true(labels.target[MODEL_CONVERSION].weight == 0);
	assert_int_equal(READ(&p, 1, { "rewards.other", 1, NULL }), PREDICTOR_UNKNOWN);
	assert_int_equal(READ(&p, 1, { "rewards.click", 0, "yes" }), PREDICTOR_WRONG);
	assert_int_equal(wrong, MODEL_CLICK);
	assert_int_equal(READ(&p, 1, { "rewards.click", 1, NULL },
			     { "rewards.conversion", -1, NULL }),
	    PREDICTOR_WRONG);
	assert_int_equal(wrong, MODEL_CONVERSION);
	predictor_free(&p);
}

static void
of_a_revision_only_what_changed_is_learned(void **state)
{
	struct predictor p = for_targets("click,conversion,value", FEEDBACK_REVISE);

	(void)state;
	assert_int_equal(
	    READ(&p, -1, { "rewards.click", 1, NULL },
		{ "rewards.conversion", 0, NULL }, { "cause", 0, "conversion" }),
	    PREDICTOR_KNOWN);
	assert_true(labels.target[MODEL_CLICK].unchanged);
	assert_true(labels.target[MODEL_CLICK].weight == 0);
	assert_false(labels.target[MODEL_CONVERSION].unchanged);
	assert_true(labels.target[MODEL_CONVERSION].weight == 1);
	assert_int_equal(
	    READ(&p, -1, { "rewards.click", 1, NULL },
		{ "rewards.conversion", 0, NULL }, { "rewards.value_micros", 0, NULL },
		{ "cause", 0, "window" }),
	    PREDICTOR_UNCHANGED);
	assert_int_equal(
	    READ(&p, -1, { "rewards.click", 0, NULL }, { "cause", 0, "click" }),
	    PREDICTOR_KNOWN);
	assert_true(labels.target[MODEL_CLICK].weight == 1);
	predictor_free(&p);
	/* With fake negatives the negative stays; with delays the window says something. */
	p = for_targets("conversion", FEEDBACK_FNW);
	assert_int_equal(READ(&p, -1, { "rewards.conversion", 0, NULL },
			     { "cause", 0, "conversion" }),
	    PREDICTOR_UNCHANGED);
	assert_int_equal(READ(&p, 1, { "rewards.conversion", 1, NULL },
			     { "cause", 0, "conversion" }),
	    PREDICTOR_KNOWN);
	predictor_free(&p);
	p = for_targets("conversion", FEEDBACK_DFM);
	assert_int_equal(
	    READ(&p, -1, { "rewards.conversion", 0, NULL }, { "cause", 0, "window" }),
	    PREDICTOR_KNOWN);
	predictor_free(&p);
}

static void
delays_are_seconds_from_the_click_to_what_is_known(void **state)
{
	struct predictor p = for_targets("click,conversion", FEEDBACK_DFM);

	(void)state;
#define OUTCOME(at)                                                                    \
	{ "rewards.click", 1, NULL }, { "rewards.conversion", 0, NULL },               \
	    { "shown_at", 1000000, NULL }, { "delay_us", 2000000, NULL },              \
	    { "timestamp", at, NULL }
	assert_int_equal(READ(&p, 1, OUTCOME(33000000)), PREDICTOR_KNOWN);
	near(labels.elapsed, 30, 1e-9);
	assert_true(labels.pending);
	assert_int_equal(p.window_us, 32000000);
	/* What is taken back first was given when its window had passed. */
	READ(&p, -1, OUTCOME(99000000), { "cause", 0, "conversion" });
	near(labels.elapsed, 30, 1e-9);
	READ(&p, 1, OUTCOME(99000000), { "cause", 0, "conversion" },
	    { "revision", 1, NULL });
	near(labels.elapsed, 96, 1e-9);
	/* Of a later one nobody knows. */
	READ(&p, -1, OUTCOME(99000000), { "cause", 0, "conversion" },
	    { "revision", 1, NULL });
	assert_true(labels.elapsed < 0);
	READ(&p, 1, OUTCOME(33000000), { "complete", 0, "true" });
	assert_false(labels.pending);
	/* Times that make no sense say nothing. */
	READ(&p, 1, OUTCOME(500000));
	assert_true(labels.elapsed < 0);
	assert_int_equal(p.window_us, 32000000);
	predictor_free(&p);
}

/* --- Predictions ------------------------------------------------------------------------ */

static double
figure(struct slice map, const char *name)
{
	struct slice item;
	double number;

	if (!value_get(map, name, &item) || !value_number(item, &number))
		return NAN;
	return number;
}

static void
a_prediction_joins_what_another_model_has_said(void **state)
{
	struct predictor p = fresh(BYTES);
	uint8_t in[256] = { 0 }, out[512];
	struct model_estimates said = { .version = 5,
		.of[MODEL_CLICK] = { .mean = 0.125,
		    .raw = 0.125,
		    .z = -1.945910149055313,
		    .deviation = 0.5 } };
	struct build b;
	struct record r;
	struct fault fault;
	struct slice value;
	size_t need;

	(void)state;
	build_init(&b, in, sizeof in);
	build_map(&b, 1);
	build_text(&b, "prediction");
	build_map(&b, 4);
	build_text(&b, "conversion");
	build_double(&b, 0.25);
	build_text(&b, "click");
	build_double(&b, 0.5);
	build_text(&b, "click_sd");
	build_double(&b, 0.5);
	build_text(&b, "version");
	build_uint(&b, 77);
	assert_int_equal(
	    record_scan(reader, build_slice(&b), &r, &fault, &need), SCAN_RECORD);
	build_init(&b, out, sizeof out);
	predictor_build(&p, &r, &said, &b);
	value = build_slice(&b);
	assert_int_equal(value_count(value), 6);
	near(figure(value, "conversion"), 0.25, 0);
	near(figure(value, "click"), 0.125, 0);
	near(figure(value, "click_sd"), 0.125 * 0.875 * 0.5, 1e-12);
	near(figure(value, "click_low"), 1 / (1 + exp(1.945910149 + 1.959964 * 0.5)),
	    1e-6);
	near(figure(value, "click_high"), 1 / (1 + exp(1.945910149 - 1.959964 * 0.5)),
	    1e-6);
	near(figure(value, "version"), 5, 0);
	predictor_free(&p);
}

static void
a_conversion_is_that_of_a_showing(void **state)
{
	struct predictor p = for_targets("click,conversion,value", FEEDBACK_REVISE);
	uint8_t in[1024], out[1024];
	struct model_estimates said = { .version = 5,
		.of[MODEL_CLICK] = { 0.1, 0.1, -2.2, 0.3, 0, 0, 0 },
		.of[MODEL_CONVERSION] = { 0.2, 0.2, -1.4, 0.4, 0, 0, 0 },
		.of[MODEL_VALUE] = { 1e7, 1e7, 16.1, 0.5, 0, 0, 0 } };
	struct record r =
	    record_of(in, (const struct pair[]){ { "rewards.click", 1, NULL } }, 1);
	double relative =
	    sqrt(0.3 * 0.9 * 0.3 * 0.9 + 0.4 * 0.8 * 0.4 * 0.8 + 0.5 * 0.5);
	struct slice value;
	struct build b;

	(void)state;
	build_init(&b, out, sizeof out);
	predictor_build(&p, &r, &said, &b);
	value = build_slice(&b);
	assert_int_equal(value_count(value), 13);
	near(figure(value, "click"), 0.1, 1e-15);
	near(figure(value, "conversion"), 0.02, 1e-15);
	near(figure(value, "value_micros"), 2e5, 1e-6);
	near(figure(value, "value_micros_sd"), 2e5 * relative, 1e-3);
	near(figure(value, "value_micros_low"), 2e5 * exp(-1.959964 * relative), 1);
	near(figure(value, "value_micros_high"), 2e5 * exp(1.959964 * relative), 1);
	predictor_free(&p);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_model_goes_on_from_its_file_to_the_bit),
		TEST(a_file_of_other_options_is_refused_by_the_name_of_the_option),
		TEST(who_attaches_learns_the_options_and_how_much_memory_it_needs),
		TEST(a_missing_file_is_told_from_a_damaged_one),
		TEST(a_live_model_is_attached_by_its_path),
		TEST(a_target_is_learned_given_what_comes_before_it),
		TEST(of_a_revision_only_what_changed_is_learned),
		TEST(delays_are_seconds_from_the_click_to_what_is_known),
		TEST(a_prediction_joins_what_another_model_has_said),
		TEST(a_conversion_is_that_of_a_showing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
