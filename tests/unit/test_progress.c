/* SPDX-License-Identifier: MIT */
#include "lib/model/progress.h"

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
#include "tests/unit/snapshot.h"

static struct error error;
static struct predictor predictor;
static struct reader *reader;

enum { METRICS_MAX = 400, METRIC = 2048 };

/* What was emitted. */
static struct {
	uint8_t bytes[METRICS_MAX][METRIC];
	size_t size[METRICS_MAX];
	unsigned n;
} out;

static int
keep(void *context, struct slice record)
{
	(void)context;
	assert_true(out.n < METRICS_MAX && record.size <= METRIC);
	memcpy(out.bytes[out.n], record.at, record.size);
	out.size[out.n++] = record.size;
	return 0;
}

static double
figure(unsigned i, const char *name)
{
	struct slice item;
	double number;

	if (!value_get(slice_of(out.bytes[i], out.size[i]), name, &item) ||
	    !value_number(item, &number))
		return NAN;
	return number;
}

static bool
is_of(unsigned i, const char *key, const char *value)
{
	struct slice dims, item, text;

	return value_get(slice_of(out.bytes[i], out.size[i]), "dims", &dims) &&
	    value_get(dims, key, &item) && value_str(item, &text) &&
	    slice_is(text, value);
}

static int
set_up(void **state)
{
	struct model_options o = model_options_default(OPTIMISER_LANES);

	(void)state;
	assert_int_equal(
	    model_options_parse_targets(&o, "click,conversion,value", &error), 0);
	reader = reader_new();
	predictor = (struct predictor){ .model = model_new(
					    &o, 1 << 20, &os_system, NULL, &error) };
	out.n = 0;
	return reader != NULL && predictor.model != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	predictor_free(&predictor);
	reader_free(reader);
	return 0;
}

static void
note(struct progress *g, const char *shop, int64_t when, const double label[3],
    const double said[3], double weight)
{
	uint8_t in[256] = { 0 };
	struct model_estimates e = { 0 };
	struct example example;
	struct fault fault;
	struct record r;
	struct build b;
	size_t need;
	double given = 1;

	build_init(&b, in, sizeof in);
	build_map(&b, 2);
	build_text(&b, "timestamp");
	build_int(&b, when);
	build_text(&b, "shop");
	build_text(&b, shop);
	assert_int_equal(
	    record_scan(reader, build_slice(&b), &r, &fault, &need), SCAN_RECORD);
	example_begin(&example, false, weight);
	for (unsigned t = 0; t < MODEL_TARGETS; t++) {
		example_label(&example, (enum model_target)t, label[t], given);
		given *= label[t] > 0;
		e.of[t].mean = said[t];
	}
	progress_note(g, &r, &example.labels, &e);
}

static struct progress *
progress_of(const char *slices)
{
	struct progress *g = progress_new(&predictor, reader, slices, &error);

	assert_non_null(g);
	return g;
}

static void
reports_are_of_what_came_since_and_of_all(void **state)
{
	struct progress *g = progress_of(NULL);

	(void)state;
	note(g, "a", 5000, (double[]){ 1, 0, 0 }, (double[]){ 0.5, 0.5, 100 }, 1);
	note(g, "a", 3000, (double[]){ 0, 0, 0 }, (double[]){ 0.25, 0.5, 100 }, 2);
	assert_int_equal(progress_pending(g), 2);
	assert_int_equal(progress_report(g, false, keep, NULL), 0);
	assert_int_equal(progress_pending(g), 0);
	assert_int_equal(out.n, 3);
	assert_true(is_of(0, "target", "click") && is_of(0, "scope", "interval"));
	near(figure(0, "n"), 3, 0);
	near(figure(0, "records"), 2, 0);
	near(figure(0, "log_loss"), (-log(0.5) - 2 * log(0.75)) / 3, 1e-9);
	near(figure(0, "calibration"), (0.5 + 2 * 0.25) / 1, 1e-12);
	near(figure(0, "window_start"), 3000, 0);
	near(figure(0, "window_end"), 5001, 0);
	note(g, "a", 9000, (double[]){ 1, 1, 70 }, (double[]){ 0.5, 0.5, 100 }, 1);
	out.n = 0;
	assert_int_equal(progress_report(g, false, keep, NULL), 0);
	near(figure(0, "n"), 1, 0);
	out.n = 0;
	assert_int_equal(progress_report(g, true, keep, NULL), 0);
	assert_true(is_of(0, "scope", "total"));
	near(figure(0, "n"), 4, 0);
	near(figure(0, "window_end"), 9001, 0);
	progress_free(g);
}

static void
what_is_given_something_is_reported_as_the_product(void **state)
{
	struct progress *g = progress_of(NULL);

	(void)state;
	note(g, "a", 1, (double[]){ 1, 1, 70 }, (double[]){ 0.5, 0.4, 100 }, 1);
	note(g, "a", 2, (double[]){ 0, 0, 0 }, (double[]){ 0.25, 0.2, 60 }, 1);
	assert_int_equal(progress_report(g, true, keep, NULL), 0);
	assert_true(is_of(1, "target", "conversion"));
	near(figure(1, "n"), 2, 0);
	near(figure(1, "log_loss"), (-log(0.2) - log(0.95)) / 2, 1e-9);
	assert_true(is_of(2, "target", "value_micros"));
	near(figure(2, "mean"), 35, 1e-12);
	near(figure(2, "predicted"), (20 + 0.25 * 0.2 * 60) / 2, 1e-12);
	progress_free(g);
}

static void
slices_have_reports_of_their_own_until_there_are_too_many(void **state)
{
	struct progress *g = progress_of("shop");
	double sum = 0, other = 0;
	unsigned clicks = 0;
	char shop[100];

	(void)state;
	assert_null(progress_new(&predictor, reader, "a,b,c,d,e,f,g,h,i", &error));
	assert_non_null(strstr(error.text, "more than 8"));
	for (int i = 0; i < 200; i++) {
		snprintf(shop, sizeof shop, "shop-%d", i % 100);
		note(g, shop, i, (double[]){ i % 2, 0, 0 }, (double[]){ 0.5, 0.5, 100 },
		    1);
	}
	memset(shop, 'x', 90);
	shop[90] = '\0';
	note(g, shop, 1, (double[]){ 0, 0, 0 }, (double[]){ 0.5, 0.5, 100 }, 1);
	assert_int_equal(progress_report(g, true, keep, NULL), 0);
	for (unsigned i = 3; i < out.n; i++) {
		if (!is_of(i, "target", "click"))
			continue;
		clicks++;
		sum += figure(i, "n");
		if (is_of(i, "shop", "(other)"))
			other = figure(i, "n");
		if (is_of(i, "shop", "shop-7"))
			near(figure(i, "calibration"), 0.5, 1e-12);
	}
	assert_int_equal(clicks, PROGRESS_SLICES_MAX + 1);
	near(sum, 201, 0);
	near(other, 2 * (100 - PROGRESS_SLICES_MAX) + 1, 0);
	progress_free(g);
}

static void
reports_go_on_from_a_snapshot(void **state)
{
	struct progress *g = progress_of("shop"), *again = progress_of("shop"),
			*others = progress_of(NULL);
	static uint8_t bytes[sizeof out.bytes];
	struct state_reader *r;
	struct state_writer *w;
	struct snapshot s;
	unsigned n;

	(void)state;
	note(g, "a", 1, (double[]){ 1, 1, 70 }, (double[]){ 0.5, 0.4, 100 }, 1);
	assert_int_equal(progress_report(g, false, keep, NULL), 0);
	note(g, "b", 2, (double[]){ 1, 0, 0 }, (double[]){ 0.5, 0.4, 100 }, 1);
	w = snapshot_write(&s);
	progress_save(g, w);
	r = snapshot_read(&s, w);
	assert_int_equal(progress_load(again, r), 0);
	assert_int_equal(state_left(r), 0);
	state_close(r);
	assert_int_equal(progress_pending(again), 1);
	for (unsigned pass = 0; pass < 2; pass++) {
		struct progress *p = pass == 0 ? g : again;

		note(p, "a", 3, (double[]){ 0, 0, 0 }, (double[]){ 0.5, 0.4, 100 }, 1);
		note(p, "c", 4, (double[]){ 0, 0, 0 }, (double[]){ 0.5, 0.4, 100 }, 1);
		out.n = 0;
		memset(out.bytes, 0, sizeof out.bytes);
		assert_int_equal(progress_report(p, true, keep, NULL), 0);
		if (pass == 0) {
			n = out.n;
			memcpy(bytes, out.bytes, sizeof bytes);
		}
	}
	assert_int_equal(out.n, n);
	assert_memory_equal(bytes, out.bytes, sizeof bytes);
	/* Of other keys they are refused. */
	w = snapshot_write(&s);
	progress_save(g, w);
	r = snapshot_read(&s, w);
	assert_int_equal(progress_load(others, r), -1);
	state_close(r);
	progress_free(g);
	progress_free(again);
	progress_free(others);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(reports_are_of_what_came_since_and_of_all),
		TEST(what_is_given_something_is_reported_as_the_product),
		TEST(slices_have_reports_of_their_own_until_there_are_too_many),
		TEST(reports_go_on_from_a_snapshot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
