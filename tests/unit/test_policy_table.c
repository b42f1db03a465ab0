/* SPDX-License-Identifier: MIT */
#include "lib/trial/policy_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/record/build.h"

static struct error error;

static struct policy_table *
read(const char *text)
{
	error.text[0] = '\0';
	return policy_table_read(slice_text(text), 7, &error);
}

/* The probability; -1: none. */
static double
at(const struct policy_table *p, int64_t position, const char *id)
{
	uint8_t storage[64];
	struct build b;
	double to;

	build_init(&b, storage, sizeof storage);
	build_text(&b, id);
	return policy_table_probability(p, position, build_slice(&b), &to) ? to : -1;
}

static void
a_table_reads_the_same_in_every_form(void **state)
{
	static const char *const forms[] = {
		"position,creative_id,probability\n0,a,0.25\n0,7,0.75\n1,a,1\n",
		"note\tprobability\tcreative_id\tposition\r\n-\t0.25\ta\t0\r\n"
		"-\t0.75\t7\t0\r\n\r\n-\t1.0\ta\t1",
		"position,probability,creative_id\n0,0.25,\"a\"\n0,0.75,\"7\"\n1,1,a\n",
		"\n{\"position\":0,\"creative_id\":\"a\",\"probability\":0.25}\n"
		"{\"probability\":0.75,\"creative_id\":7,\"position\":0,\"x\":[]}\n"
		"{\"position\":1,\"creative_id\":\"a\",\"probability\":1}",
	};

	(void)state;
	for (unsigned i = 0; i < sizeof forms / sizeof *forms; i++) {
		struct policy_table *p = read(forms[i]);
		uint8_t seven = 7;
		double to;

		if (p == NULL)
			fail_msg("form %u: %s", i, error.text);
		assert_int_equal(policy_table_rows(p), 3);
		assert_true(policy_table_has_positions(p));
		assert_true(at(p, 0, "a") == 0.25 && at(p, 0, "7") == 0.75);
		assert_true(at(p, 1, "a") == 1 && at(p, 1, "7") == 0);
		assert_true(at(p, 0, "b") == 0 && at(p, 2, "a") == -1);
		assert_true(policy_table_probability(p, 0, slice_of(&seven, 1), &to));
		assert_true(to == 0.75);
		policy_table_free(p);
	}
}

static void
without_positions_a_row_is_for_all(void **state)
{
	struct policy_table *p = read("creative_id,probability\na,0.5\nb,0.5\n");

	(void)state;
	assert_non_null(p);
	assert_false(policy_table_has_positions(p));
	assert_true(at(p, 0, "a") == 0.5 && at(p, 9, "b") == 0.5 && at(p, 9, "c") == 0);
	policy_table_free(p);
}

static void
what_was_rounded_adds_up_to_one_again(void **state)
{
	struct policy_table *p =
	    read("creative_id,probability\na,0.3333\nb,0.3333\nc,0.3333\n");

	(void)state;
	assert_non_null(p);
	assert_true(at(p, 0, "a") == 0.3333 / (0.3333 + 0.3333 + 0.3333));
	policy_table_free(p);
}

static void
what_is_no_policy_is_refused_with_its_line(void **state)
{
	static const char *const wrong[][2] = {
		{ "", "it has no rows" },
		{ "creative_id,probability\n", "it has no rows" },
		{ "creative_id,probability\na,0.5\nb,0.6\n",
		    "probabilities add up to 1.1000, not 1" },
		{ "position,creative_id,probability\n0,a,1\n3,a,0.5\n",
		    "probabilities of position 3 add up to 0.5000, not 1" },
		{ "creative_id,probability\na,0.5\na,0.5\n",
		    "line 3: the same as line 2" },
		{ "creative_id,probability\na,1.5\n",
		    "line 2: probability is no number in 0 .. 1" },
		{ "creative_id,probability\na,-0.5\n",
		    "line 2: probability is no number in 0 .. 1" },
		{ "creative_id,probability\na,NaN\n",
		    "line 2: probability is no number in 0 .. 1" },
		{ "{\"creative_id\":\"a\",\"probability\":{\"$number\":\"NaN\"}}",
		    "line 1: probability is no number in 0 .. 1" },
		{ "creative_id,share\na,1\n",
		    "line 2: probability is no number in 0 .. 1" },
		{ "item,probability\na,1\n",
		    "line 2: no creative_id of 1 to 255 bytes" },
		{ "position,creative_id,probability\n-1,a,1\n",
		    "line 2: position is no integer from 0" },
		{ "position,creative_id,probability\n0,a,1\n,a,1\n",
		    "line 3: some rows have a position, some not" },
		{ "{\"creative_id\":\"a\",\"probability\":1}\n[1]\n", "line 2: " },
		{ "{\"$ext\":[1,\"AAAA\"]}\n", "line 1: no object" },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		assert_null(read(wrong[i][0]));
		if (strncmp(error.text, wrong[i][1], strlen(wrong[i][1])) != 0)
			fail_msg("'%s', not '%s'", error.text, wrong[i][1]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_reads_the_same_in_every_form),
		cmocka_unit_test(without_positions_a_row_is_for_all),
		cmocka_unit_test(what_was_rounded_adds_up_to_one_again),
		cmocka_unit_test(what_is_no_policy_is_refused_with_its_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
