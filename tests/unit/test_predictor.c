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

#include "lib/hash.h"

enum { BYTES = 1 << 16, PER = 8 };

static char folder[32], path[64];
static struct logistic_options options;
static struct error error;
static enum state_trouble trouble;

static int
set_up(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/predictor-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/model", folder);
	options = (struct logistic_options){ optimiser_default(OPTIMISER_FTRL), 0.03 };
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	(void)unlink(path);
	return rmdir(folder);
}

static struct predictor
fresh(uint64_t bytes)
{
	struct predictor p = { .target = PREDICTOR_CLICK };

	p.model = logistic_new(&options, bytes, &error);
	assert_non_null(p.model);
	return p;
}

/* n examples of a seed, enough features to evict; the sum of the predictions. */
static double
learn(struct predictor *p, uint64_t seed, int n)
{
	struct random r = { seed };
	double sum = 0;

	for (int i = 0; i < n; i++) {
		uint8_t keys[8 * PER];
		struct features f = { slice_of(keys, sizeof keys), { 0 } };
		double probability;

		for (unsigned k = 0; k < PER; k++)
			bytes_store_le64(keys + 8 * k,
			    hash_mix(k << 16 | hash_bucket(random_next(&r), 500)));
		assert_int_equal(
		    logistic_learn(p->model, &f, hash_uniform(random_next(&r)) < 0.1, 1,
			&probability),
		    FEATURES_FINE);
		sum += probability;
	}
	return sum;
}

/* Whether 3000 examples, a file and 3000 more are 6000 examples. */
static void
check_going_on(uint64_t bytes, bool evicts)
{
	struct predictor whole = fresh(bytes), first = fresh(bytes), second;
	double expected;

	learn(&whole, 1, 3000);
	expected = learn(&whole, 2, 3000);
	assert_true((whole.model->weights.evicted > 0) == evicts);
	learn(&first, 1, 3000);
	assert_int_equal(predictor_commit(&first, &os_system, path, &error), 0);
	second = fresh(bytes);
	assert_int_equal(predictor_open(&second, &os_system, path, &options, bytes,
			     &trouble, &error),
	    0);
	assert_true(learn(&second, 2, 3000) == expected);
	assert_int_equal(second.model->weights.evicted, whole.model->weights.evicted);
	assert_int_equal(second.model->weights.used, whole.model->weights.used);
	predictor_free(&whole);
	predictor_free(&first);
	predictor_free(&second);
}

static void
a_model_goes_on_from_its_file_to_the_bit(void **state)
{
	(void)state;
	check_going_on(BYTES, true);
	check_going_on((uint64_t)1 << 22, false);
}

static void
a_file_of_other_options_is_refused_by_the_name_of_the_option(void **state)
{
	struct predictor p = fresh(BYTES);
	struct logistic_options changed = options;

	(void)state;
	assert_int_equal(predictor_commit(&p, &os_system, path, &error), 0);
	changed.optimiser.l2 = 2;
	assert_int_equal(
	    predictor_open(&p, &os_system, path, &changed, BYTES, &trouble, &error),
	    -1);
	assert_int_equal(trouble, STATE_OTHER);
	assert_non_null(strstr(error.text, "l2"));
	changed = options;
	changed.optimiser.algorithm = OPTIMISER_SGD;
	assert_int_equal(
	    predictor_open(&p, &os_system, path, &changed, BYTES, &trouble, &error),
	    -1);
	assert_non_null(strstr(error.text, "algorithm"));
	p.target = PREDICTOR_CONVERSION;
	assert_int_equal(
	    predictor_open(&p, &os_system, path, &options, BYTES, &trouble, &error),
	    -1);
	assert_non_null(strstr(error.text, "target"));
	predictor_free(&p);
}

static void
without_options_the_file_says_them_and_how_much_memory_it_needs(void **state)
{
	struct predictor p, q = { .target = PREDICTOR_CLICK };
	uint8_t key[8] = { 9 };
	struct features f = { slice_of(key, 8), { 0 } };
	double a, b;

	(void)state;
	options.optimiser = optimiser_default(OPTIMISER_ADAGRAD);
	options.base_rate = 0.0046;
	p = fresh((uint64_t)1 << 24);
	p.target = PREDICTOR_CONVERSION;
	learn(&p, 3, 100);
	for (int i = 0; i < 50; i++)
		logistic_learn(p.model, &f, 1, 1, &a);
	assert_int_equal(predictor_commit(&p, &os_system, path, &error), 0);
	assert_int_equal(predictor_open(&q, &os_system, path, NULL, (uint64_t)1 << 30,
			     &trouble, &error),
	    0);
	assert_int_equal(q.target, PREDICTOR_CONVERSION);
	assert_true(q.model->options.base_rate == 0.0046);
	assert_int_equal(q.model->weights.cell_count, p.model->weights.cell_count);
	assert_true(q.model->weights.cell_count * WEIGHTS_CELL < 400000);
	logistic_predict(p.model, &f, &a);
	logistic_predict(q.model, &f, &b);
	assert_true(a == b && a > 0.02);
	predictor_free(&p);
	predictor_free(&q);
}

static void
a_missing_file_is_told_from_a_damaged_one(void **state)
{
	struct predictor p = fresh(BYTES);
	FILE *file;

	(void)state;
	assert_int_equal(
	    predictor_open(&p, &os_system, path, &options, BYTES, &trouble, &error),
	    -1);
	assert_int_equal(trouble, STATE_MISSING);
	learn(&p, 4, 100);
	assert_int_equal(predictor_commit(&p, &os_system, path, &error), 0);
	file = fopen(path, "r+");
	assert_non_null(file);
	assert_int_equal(fseek(file, 1000, SEEK_SET), 0);
	assert_int_equal(fputc('x', file), 'x');
	assert_int_equal(fclose(file), 0);
	assert_int_equal(
	    predictor_open(&p, &os_system, path, &options, BYTES, &trouble, &error),
	    -1);
	assert_int_equal(trouble, STATE_UNREADABLE);
	assert_int_equal(p.model->examples, 100);
	predictor_free(&p);
}

static void
a_prediction_joins_what_another_target_has_said(void **state)
{
	struct predictor p = fresh(BYTES);
	struct reader *reader = reader_new();
	uint8_t in[256] = { 0 }, out[256];
	struct build b;
	struct record r;
	struct fault fault;
	struct slice value, item;
	size_t need;
	double number = 0;
	int64_t version = -1;

	(void)state;
	assert_non_null(reader);
	predictor_keys(&p, reader);
	build_init(&b, in, sizeof in);
	build_map(&b, 1);
	build_text(&b, "prediction");
	build_map(&b, 3);
	build_text(&b, "conversion");
	build_double(&b, 0.25);
	build_text(&b, "click");
	build_double(&b, 0.5);
	build_text(&b, "version");
	build_uint(&b, 77);
	assert_int_equal(
	    record_scan(reader, build_slice(&b), &r, &fault, &need), SCAN_RECORD);
	build_init(&b, out, sizeof out);
	predictor_build(&p, &r, 0.125, 5, &b);
	value = build_slice(&b);
	assert_int_equal(value_count(value), 3);
	assert_true(
	    value_get(value, "conversion", &item) && value_number(item, &number));
	assert_true(number == 0.25);
	assert_true(value_get(value, "click", &item) && value_number(item, &number));
	assert_true(number == 0.125);
	assert_true(value_get(value, "version", &item) && value_int(item, &version));
	assert_int_equal(version, 5);
	reader_free(reader);
	predictor_free(&p);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_model_goes_on_from_its_file_to_the_bit),
		TEST(a_file_of_other_options_is_refused_by_the_name_of_the_option),
		TEST(without_options_the_file_says_them_and_how_much_memory_it_needs),
		TEST(a_missing_file_is_told_from_a_damaged_one),
		TEST(a_prediction_joins_what_another_target_has_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
