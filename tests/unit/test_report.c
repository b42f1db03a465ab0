/* SPDX-License-Identifier: MIT */
#include "lib/model/report.h"

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
#include "lib/vec.h"
#include "tests/unit/seed.h"

enum { N = 2000 };

static void
near(double value, double expected, double tolerance)
{
	if (!(fabs(value - expected) <= tolerance))
		fail_msg("%.12g is not within %g of %.12g", value, tolerance, expected);
}

static struct report report, other;

static void
the_figures_of_five_examples_are_those_worked_out_by_hand(void **state)
{
	const double p[] = { 0.9, 0.8, 0.3, 0.2, 0.1 };
	const double y[] = { 1, 0, 1, 0, 0 };
	struct report_figures f;

	(void)state;
	report_clear(&report);
	for (int i = 0; i < 5; i++)
		report_add(&report, p[i], y[i], 1);
	f = report_figures(&report);
	near(f.n, 5, 0);
	near(f.log_loss, -(log(0.9) + log(0.2) + log(0.3) + log(0.8) + log(0.9)) / 5,
	    1e-12);
	near(f.normalised_entropy, f.log_loss / 0.6730116670092565, 1e-12);
	near(f.calibration, 2.3 / 2, 1e-12);
	/* Of six pairs 0.3 before 0.8 alone is wrong. */
	near(f.auc, 5.0 / 6, 1e-12);
	near(f.auc_error, 0, 0);
}

static void
auc_is_within_its_stated_error_of_the_exact_one(void **state)
{
	struct random r = seeded();
	static double p[N], y[N];
	double won = 0, pairs = 0;
	struct report_figures f;

	(void)state;
	report_clear(&report);
	for (int i = 0; i < N; i++) {
		p[i] =
		    vec_sigmoid_exact(-3 + 2 * (hash_uniform(random_next(&r)) - 0.5));
		y[i] = hash_uniform(random_next(&r)) < p[i];
		report_add(&report, p[i], y[i], 1);
	}
	for (int i = 0; i < N; i++) {
		for (int j = 0; j < N; j++) {
			if (y[i] == 1 && y[j] == 0) {
				won += p[i] > p[j] ? 1 : p[i] == p[j] ? 0.5 : 0;
				pairs++;
			}
		}
	}
	f = report_figures(&report);
	assert_true(f.auc_error > 0 && f.auc_error < 0.01);
	near(f.auc, won / pairs, f.auc_error);
	/* In fact the error is far below the bound. */
	near(f.auc, won / pairs, 0.002);
}

static void
a_constant_at_the_base_rate_has_normalised_entropy_1_and_auc_half(void **state)
{
	struct report_figures f;

	(void)state;
	report_clear(&report);
	for (int i = 0; i < 1000; i++)
		report_add(&report, 0.031, i < 31, 1);
	f = report_figures(&report);
	near(f.normalised_entropy, 1, 1e-12);
	near(f.calibration, 1, 1e-12);
	near(f.auc, 0.5, 1e-12);
	near(f.auc_error, 0.5, 1e-12);
}

/* Ten predictions, a group each; then the same with weight 3 all in one bin. */
static void
the_calibration_error_is_the_one_worked_out_by_hand(void **state)
{
	double expected = 0;

	(void)state;
	report_clear(&report);
	for (int i = 0; i < 10; i++) {
		double p = 0.05 + 0.1 * i;

		report_add(&report, p, i % 2, 1);
		expected += fabs(p - i % 2) / 10;
	}
	near(report_figures(&report).ece, expected, 1e-12);
	report_clear(&report);
	for (int i = 0; i < 10; i++)
		report_add(&report, 0.25, i < 4, 3);
	near(report_figures(&report).ece, 0.4 - 0.25, 1e-12);
	report_add(&report, 0.25, 1, -12);
	near(report_figures(&report).ece, 0.25, 1e-12);
}

static void
what_is_added_with_the_opposite_weight_is_gone(void **state)
{
	struct random r = seeded();
	struct report_figures f;

	(void)state;
	report_clear(&report);
	report_add(&report, 0.25, 1, 2);
	report_add(&report, 0.5, 0, 1);
	for (int i = 0; i < 2 * N; i++) {
		if (i == N)
			r = seeded();
		report_add(&report, hash_uniform(random_next(&r)),
		    hash_uniform(random_next(&r)) < 0.5, i < N ? 3 : -3);
	}
	f = report_figures(&report);
	near(f.n, 3, 1e-9);
	near(f.log_loss, -(2 * log(0.25) + log(0.5)) / 3, 1e-9);
	near(f.calibration, 1.0 / 2, 1e-9);
	near(f.auc, 0, 1e-9);
}

static void
reports_of_parts_add_up_to_the_report_of_the_whole(void **state)
{
	struct random r = seeded();
	static struct report whole;

	(void)state;
	report_clear(&whole);
	report_clear(&report);
	report_clear(&other);
	for (int i = 0; i < N; i++) {
		double p = hash_uniform(random_next(&r));
		bool y = hash_uniform(random_next(&r)) < p;

		report_add(&whole, p, y, 1);
		report_add(i % 3 == 0 ? &report : &other, p, y, 1);
	}
	report_merge(&report, &other, 1);
	near(report_figures(&report).log_loss, report_figures(&whole).log_loss, 1e-12);
	near(report_figures(&report).auc, report_figures(&whole).auc, 1e-12);
	report_merge(&report, &whole, -1);
	near(report.n, 0, 1e-9);
	assert_true(
	    isnan(report_figures(&report).log_loss) || fabs(report.loss) < 1e-6);
}

static void
figures_that_are_not_defined_are_nan(void **state)
{
	struct report_figures f;

	(void)state;
	report_clear(&report);
	f = report_figures(&report);
	assert_true(isnan(f.log_loss) && isnan(f.auc) && isnan(f.calibration));
	report_add(&report, 0.01, 0, 1);
	f = report_figures(&report);
	near(f.log_loss, -log(0.99), 1e-12);
	assert_true(
	    isnan(f.normalised_entropy) && isnan(f.auc) && isnan(f.calibration));
}

static void
a_report_comes_back_from_a_snapshot(void **state)
{
	const struct state_identity identity = { .name = "report", .schema = 1 };
	char folder[] = "/tmp/report-XXXXXX", path[64];
	struct state_writer *to;
	struct state_reader *from;
	struct error error;
	enum state_trouble trouble;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/r", folder);
	report_clear(&report);
	report_add(&report, 0.3, 1, 1.5);
	report_add(&report, 1, 0, 1);
	report_add(&report, 0, 0, 1);
	to = state_write(&os_system, path, &identity, &error);
	assert_non_null(to);
	report_save(&report, to);
	assert_int_equal(state_commit(to, &error), 0);
	from = state_read(&os_system, path, &identity, &trouble, &error);
	assert_non_null(from);
	assert_int_equal(report_load(&other, from), 0);
	assert_int_equal(state_left(from), 0);
	assert_int_equal(report_load(&other, from), -1);
	state_close(from);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);
	near(report_figures(&report).log_loss, (1.5 * -log(0.3) + 30) / 3.5, 1e-3);
	assert_true(report.bins[0][0] == 1 && report.bins[REPORT_BINS - 1][0] == 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    the_figures_of_five_examples_are_those_worked_out_by_hand),
		cmocka_unit_test(auc_is_within_its_stated_error_of_the_exact_one),
		cmocka_unit_test(
		    a_constant_at_the_base_rate_has_normalised_entropy_1_and_auc_half),
		cmocka_unit_test(the_calibration_error_is_the_one_worked_out_by_hand),
		cmocka_unit_test(what_is_added_with_the_opposite_weight_is_gone),
		cmocka_unit_test(reports_of_parts_add_up_to_the_report_of_the_whole),
		cmocka_unit_test(figures_that_are_not_defined_are_nan),
		cmocka_unit_test(a_report_comes_back_from_a_snapshot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
