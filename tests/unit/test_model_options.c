/* SPDX-License-Identifier: MIT */
#include "lib/model/options.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/hash.h"
#include "tests/unit/seed.h"

static struct error error;

static void
assert_same(const struct model_options *a, const struct model_options *b)
{
	assert_memory_equal(a->target, b->target, sizeof a->target);
	assert_int_equal(a->optimiser.algorithm, b->optimiser.algorithm);
	assert_true(a->optimiser.rate == b->optimiser.rate);
	assert_true(a->optimiser.beta == b->optimiser.beta);
	assert_true(a->optimiser.l1 == b->optimiser.l1);
	assert_true(a->optimiser.l2 == b->optimiser.l2);
	assert_true(a->base_rate == b->base_rate);
	assert_int_equal(a->calibration, b->calibration);
	assert_int_equal(a->feedback, b->feedback);
	assert_int_equal(a->admit, b->admit);
	assert_int_equal(a->crosses, b->crosses);
	assert_int_equal(a->dimensions, b->dimensions);
	assert_string_equal(a->examination, b->examination);
}

static void
options_come_back_from_their_texts_to_the_bit(void **state)
{
	static const char *const targets[] = { "click", "conversion",
		"click,conversion", "conversion,value",
		"click,conversion,value_micros" };
	static const char *const places[] = { "", "position", "slot_id,position" };
	struct random r = seeded();

	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		struct model_options o = model_options_default(
		    (enum optimiser_algorithm)(i % OPTIMISER_COUNT));
		struct model_options again, lines;
		struct model_described d;
		char text[4096];

		assert_int_equal(
		    model_options_parse_targets(&o, targets[i % 5], &error), 0);
		o.optimiser.rate = exp(8 * hash_uniform(random_next(&r)) - 4);
		o.optimiser.beta = exp(8 * hash_uniform(random_next(&r)) - 4);
		o.optimiser.l1 = hash_uniform(random_next(&r));
		o.optimiser.l2 = hash_uniform(random_next(&r)) * 1e-300;
		o.base_rate = i % 2 ? hash_uniform(random_next(&r)) : 0;
		o.calibration = (enum calibration_method)(i % 3);
		o.feedback = o.target[MODEL_CONVERSION]
		    ? (enum model_feedback)(i / 3 % FEEDBACK_COUNT)
		    : FEEDBACK_REVISE;
		o.admit = 1 + i % 255;
		o.crosses = i % 65;
		strcpy(o.examination, places[i % 3]);
		o.dimensions = 1 + i % 256;
		if (optimiser_is_exact(o.optimiser.algorithm)) {
			o.optimiser.l2 = 1e-6 + hash_uniform(random_next(&r));
			o.calibration = CALIBRATION_NONE;
			o.feedback = FEEDBACK_REVISE;
			o.admit = 1;
			o.crosses = 0;
			strcpy(o.examination, "");
		}
		assert_int_equal(model_options_check(&o, &error), 0);
		model_options_describe(&o, &d);
		assert_int_equal(
		    model_options_understand(&d.identity, &again, &error), 0);
		assert_same(&o, &again);
		model_options_print(&o, text, sizeof text);
		assert_int_equal(
		    model_options_read(slice_text(text), &lines, &error), 0);
		assert_same(&o, &lines);
	}
}

static void
what_makes_no_sense_is_refused_by_name(void **state)
{
	static const struct {
		const char *targets, *says;
		double rate, base_rate;
		uint64_t admit;
		enum model_feedback feedback;
	} wrong[] = {
		{ "value", "given a conversion", 0.1, 0, 1, FEEDBACK_REVISE },
		{ "click,value", "given a conversion", 0.1, 0, 1, FEEDBACK_REVISE },
		{ "", "no target", 0.1, 0, 1, FEEDBACK_REVISE },
		{ "click", "delayed feedback", 0.1, 0, 1, FEEDBACK_DFM },
		{ "click", "base rate", 0.1, 1, 1, FEEDBACK_REVISE },
		{ "click", "base rate", 0.1, -0.1, 1, FEEDBACK_REVISE },
		{ "click", "base rate", 0.1, NAN, 1, FEEDBACK_REVISE },
		{ "click", "admit", 0.1, 0, 0, FEEDBACK_REVISE },
		{ "click", "admit", 0.1, 0, 256, FEEDBACK_REVISE },
		{ "click", "rate", NAN, 0, 1, FEEDBACK_REVISE },
		{ "click", "rate", 1e-7, 0, 1, FEEDBACK_REVISE },
	};
	struct model_options o = model_options_default(OPTIMISER_FTRL);

	(void)state;
	o.crosses = 65;
	assert_int_equal(model_options_check(&o, &error), -1);
	assert_non_null(strstr(error.text, "crosses must be from 0 to 64"));
	assert_int_equal(model_options_parse_targets(&o, "click,sales", &error), -1);
	assert_non_null(strstr(error.text, "sales"));
	for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		o = model_options_default(OPTIMISER_FTRL);
		assert_int_equal(
		    model_options_parse_targets(&o, wrong[i].targets, &error), 0);
		o.optimiser.rate = wrong[i].rate;
		o.base_rate = wrong[i].base_rate;
		o.admit = wrong[i].admit;
		o.feedback = wrong[i].feedback;
		assert_int_equal(model_options_check(&o, &error), -1);
		if (strstr(error.text, wrong[i].says) == NULL)
			fail_msg("%s: %s", wrong[i].says, error.text);
	}
}

static void
places_are_by_keys_that_have_names(void **state)
{
	static const struct {
		const char *keys, *by, *says;
	} wrong[] = {
		{ ",", "", "has no name" },
		{ "position,,slot_id", "", "has no name" },
		{ "position,", "", "up to 4 keys" },
		{ "a,b,c,d,e", "", "up to 4 keys" },
		{ "slot_id,position", "position", "both be by position" },
		{ "a\nb", "", "line feed" },
	};
	struct model_options o = model_options_default(OPTIMISER_LANES);
	struct slice key[EXAMINATION_KEYS];

	(void)state;
	assert_int_equal(model_options_places(&o, key), 0);
	strcpy(o.examination, "slot_id,position");
	strcpy(o.by, "shop");
	assert_int_equal(model_options_check(&o, &error), 0);
	assert_int_equal(model_options_places(&o, key), 2);
	assert_true(slice_is(key[0], "slot_id") && slice_is(key[1], "position"));
	for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		strcpy(o.examination, wrong[i].keys);
		strcpy(o.by, wrong[i].by);
		assert_int_equal(model_options_check(&o, &error), -1);
		if (strstr(error.text, wrong[i].says) == NULL)
			fail_msg("%s: %s", wrong[i].says, error.text);
	}
}

static void
damaged_texts_are_refused(void **state)
{
	struct model_options o = model_options_default(OPTIMISER_FTRL), again;
	char text[4096];
	size_t size;

	(void)state;
	model_options_print(&o, text, sizeof text);
	size = strlen(text);
	for (size_t end = 0; end < size; end++)
		assert_int_equal(
		    model_options_read(slice_of(text, end), &again, &error), -1);
	for (size_t at = 0; at < size; at++) {
		char kept = text[at];

		if (kept != '=' && kept != '\n')
			continue;
		text[at] = 'x';
		assert_int_equal(
		    model_options_read(slice_of(text, size), &again, &error), -1);
		text[at] = kept;
	}
}

static void
the_base_rate_is_that_of_the_first_target(void **state)
{
	struct model_options o = model_options_default(OPTIMISER_LANES);

	(void)state;
	o.base_rate = 0.03;
	model_options_parse_targets(&o, "click,conversion", &error);
	assert_true(model_options_of_head(&o, MODEL_CLICK).base_rate == 0.03);
	assert_true(model_options_of_head(&o, MODEL_CONVERSION).base_rate == 0);
	model_options_parse_targets(&o, "conversion,value", &error);
	o.feedback = FEEDBACK_DFM;
	assert_true(model_options_of_head(&o, MODEL_CONVERSION).base_rate == 0.03);
	assert_true(model_options_of_head(&o, MODEL_VALUE).base_rate == 0);
	assert_int_equal(
	    model_options_of_head(&o, MODEL_VALUE).likelihood, LIKELIHOOD_GAMMA);
	assert_int_equal(
	    model_options_of_head(&o, MODEL_DELAY).likelihood, LIKELIHOOD_EXPONENTIAL);
	assert_true(model_options_has(&o, MODEL_DELAY));
	assert_false(model_options_has(&o, MODEL_CLICK));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_come_back_from_their_texts_to_the_bit),
		cmocka_unit_test(what_makes_no_sense_is_refused_by_name),
		cmocka_unit_test(places_are_by_keys_that_have_names),
		cmocka_unit_test(damaged_texts_are_refused),
		cmocka_unit_test(the_base_rate_is_that_of_the_first_target),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
