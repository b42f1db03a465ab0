/* SPDX-License-Identifier: MIT */
#include "lib/tune/candidates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct candidates list;
static struct error error;

static void
read_text(const char *text)
{
	error.text[0] = '\0';
	if (candidates_read(&list, slice_text(text), "click", &error) != 0)
		fail_msg("%s", error.text);
}

static void
refused(const char *text, const char *why)
{
	assert_int_equal(candidates_read(&list, slice_text(text), "click", &error), -1);
	if (strstr(error.text, why) == NULL)
		fail_msg("'%s' does not say '%s'", error.text, why);
	assert_null(list.of);
}

static void
a_line_is_a_name_and_options_of_bp_learn(void **state)
{
	const struct model_options *o;

	(void)state;
	read_text("# what we have\n\n  now =\n"
		  "\tother=-a ftrl --rate 0.25 --beta 2 --l1 3 --l2 4 # and so on\n"
		  "third = --spec a/b.spec --base-rate 0.02 --admit 5 -c isotonic");
	assert_int_equal(list.n, 3);
	assert_string_equal(list.of[0].name, "now");
	assert_int_equal(list.of[0].line, 3);
	assert_int_equal(list.of[0].options.optimiser.algorithm, OPTIMISER_LANES);
	assert_null(list.of[0].spec);
	o = &list.of[1].options;
	assert_int_equal(o->optimiser.algorithm, OPTIMISER_FTRL);
	assert_true(o->optimiser.rate == 0.25 && o->optimiser.beta == 2);
	assert_true(o->optimiser.l1 == 3 && o->optimiser.l2 == 4);
	assert_true(o->target[MODEL_CLICK] && !o->target[MODEL_CONVERSION]);
	o = &list.of[2].options;
	assert_string_equal(list.of[2].spec, "a/b.spec");
	assert_true(o->base_rate == 0.02 && o->admit == 5);
	assert_int_equal(o->calibration, CALIBRATION_ISOTONIC);
	candidates_free(&list);
}

static void
presets_are_those_of_the_algorithm(void **state)
{
	(void)state;
	read_text("a = -a sgd\nb = -a adam\nc = --factors 4 --field-aware --noise 0\n");
	assert_true(list.of[2].options.factors.k == 4);
	assert_true(list.of[2].options.factors.field_aware);
	assert_true(list.of[2].options.noise.n == 1);
	assert_true(
	    list.of[0].options.optimiser.rate == optimiser_default(OPTIMISER_SGD).rate);
	assert_true(list.of[1].options.optimiser.rate ==
	    optimiser_default(OPTIMISER_ADAM).rate);
	candidates_free(&list);
}

static void
alternatives_make_one_candidate_each(void **state)
{
	static const char *const names[] = { "f/0.05/0", "f/0.05/1", "f/0.1/0",
		"f/0.1/1", "f/0.2/0", "f/0.2/1", "g/-a sgd", "g/-a ftrl --l1 1" };

	(void)state;
	read_text("f = -a ftrl --rate {0.05, 0.1,0.2} --l2 {0,1}\n"
		  "g = {-a sgd|-a ftrl --l1 1}\n");
	assert_int_equal(list.n, 8);
	for (unsigned i = 0; i < 8; i++)
		assert_string_equal(list.of[i].name, names[i]);
	assert_true(list.of[3].options.optimiser.rate == 0.1);
	assert_true(list.of[3].options.optimiser.l2 == 1);
	assert_true(list.of[7].options.optimiser.l1 == 1);
	candidates_free(&list);
}

static void
a_mistake_is_named_with_its_line(void **state)
{
	(void)state;
	refused("", "no candidate");
	refused("# nothing\n", "no candidate");
	refused("a =\nlanes\n", "line 2: it is not NAME = OPTIONS");
	refused("a b = \n", "line 1: a name is of letters");
	refused(" = --l2 1\n", "line 1: a name is of letters");
	refused("a =\n\na =\n", "line 3: the name a is that of line 1");
	refused("a = -a ftrl --rate {0.1,0.1}\n", "the name a/0.1 is that of line 1");
	refused("a = --speed 3\n", "line 1: no option --speed");
	refused("a = --target click\n", "line 1: no option --target");
	refused("a = lanes\n", "line 1: 'lanes' is no option");
	refused("a = -a ftrl --rate x\n", "line 1: --rate wants a number");
	refused("a = -a ftrl --rate 1e9\n", "line 1: the rate");
	refused("a = --delayed-feedback dfm\n", "line 1: delayed feedback");
	refused("a = --factors 3\n", "line 1: factors must be");
	refused("a = --noise 0,x\n", "line 1: noise: up to 8 numbers");
	refused("a = --noise 0,1,2\n", "line 1: noise: up to 8");
	refused("a = --prior-variances 1,2,3\n", "do not make 1, 2, 4 or 8 lanes");
	refused("a = --l2 {1\n", "line 1: a brace");
	refused("a = --l2 1}\n", "line 1: a brace");
	refused("a = --l2 {1,{2}}\n", "line 1: a list of alternatives within one");
	refused("a = --l2 {1,,2}\n", "line 1: an empty alternative");
	refused("a = {}{}{}{}{}{}{}\n", "line 1: an empty alternative");
	refused("a = {1}{2}{3}{4}{5}{6}{7}\n", "line 1: more than 6 lists");
}

static void
what_is_too_much_is_refused(void **state)
{
	static char text[2 * CANDIDATES_TEXT_MAX];

	(void)state;
	memset(text, ' ', CANDIDATES_TEXT_MAX + 1);
	refused(text, "no text of at most");
	snprintf(text, sizeof text, "a = --spec %0*d\n", CANDIDATES_LINE_MAX + 10, 1);
	refused(text, "line 1: more than 1024 bytes");
	snprintf(text, sizeof text, "%0*d = --l2 1\n", CANDIDATES_NAME_MAX + 1, 1);
	refused(text, "line 1: its name has more than 63");
	strcpy(text, "a =");
	for (int i = 0; i < 100; i++)
		strcat(text, " -aftrl");
	refused(text, "line 1: more than 63 words");
	strcpy(text, "a = -a ftrl");
	for (int i = 0; i < 3; i++)
		strcat(text, " --l2 {1,2,3,4,5,6,7,8}");
	refused(text, "line 1: more than 256 candidates");
	assert_int_equal(
	    candidates_read(&list, slice_of("a =\0", 4), "click", &error), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_a_name_and_options_of_bp_learn),
		cmocka_unit_test(presets_are_those_of_the_algorithm),
		cmocka_unit_test(alternatives_make_one_candidate_each),
		cmocka_unit_test(a_mistake_is_named_with_its_line),
		cmocka_unit_test(what_is_too_much_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
