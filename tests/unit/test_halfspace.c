/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/sketch/halfspace.h"
#include "tests/unit/seed.h"

static double
normal(struct random *random)
{
	double u = 1 - hash_uniform(random_next(random));
	double v = hash_uniform(random_next(random));

	return sqrt(-2 * log(u)) * cos(2 * acos(-1) * v);
}

/* A stream in the shape of KDD Cup 1999: log(x + 0.1) of duration, bytes out, bytes in. */
struct point {
	double x[3];
	bool anomaly;
};

/* http, 567,498 points. Visitors: short, requests of 200 to 350 bytes in three kinds,
 * answers over two decades. 2,211 attacks in 10 bursts of 10 to 1,000, all of one kind:
 * requests of 54,540 bytes, now and then cut off, answers of 8,314. */
static struct point *
http_stream(struct random *random, unsigned *n)
{
	enum { N = 567498, BURSTS = 10 };
	static const unsigned attacks[BURSTS] = { 100, 1000, 20, 150, 40, 500, 10, 61,
		300, 30 };
	struct point *p = malloc(N * sizeof *p);

	for (unsigned i = 0; i < N; i++) {
		double u = hash_uniform(random_next(random));
		unsigned kind = (unsigned)(3 * hash_uniform(random_next(random)));

		p[i].anomaly = false;
		p[i].x[0] = u < 0.95 ? log(0.1) : log(0.1 + 60 * (u - 0.95));
		p[i].x[1] = 5.3 + 0.25 * kind + 0.08 * normal(random);
		p[i].x[2] = 7.5 + 1.3 * normal(random);
	}
	for (unsigned b = 0; b < BURSTS; b++) {
		unsigned at = N / 20 + b * (N / BURSTS) +
		    (unsigned)(20000 * hash_uniform(random_next(random)));

		for (unsigned i = 0; i < attacks[b]; i++) {
			struct point *a = &p[at + i];

			a->anomaly = true;
			a->x[0] = log(0.1 + 3 * hash_uniform(random_next(random)));
			a->x[1] = 10.9 -
			    (random_next(random) % 50 == 0
				    ? hash_uniform(random_next(random))
				    : 0);
			a->x[2] = 9.03 + 0.01 * normal(random);
		}
	}
	*n = N;
	return p;
}

/* smtp, 95,156 points, 30 anomalies alone here and there: four fifths far from all,
 * the others among the visitors, so that who knows the truth has an AUC of 0.9. */
static struct point *
smtp_stream(struct random *random, unsigned *n)
{
	enum { N = 95156, ANOMALIES = 30 };
	struct point *p = malloc(N * sizeof *p);

	for (unsigned i = 0; i < N; i++) {
		p[i].anomaly = false;
		p[i].x[0] = log(0.1 + (double)(random_next(random) % 4));
		p[i].x[1] = 6.8 + 0.9 * normal(random);
		p[i].x[2] = 5.8 + 0.12 * normal(random);
	}
	for (unsigned i = 0; i < ANOMALIES; i++) {
		struct point *a =
		    &p[N / ANOMALIES * i + random_next(random) % (N / ANOMALIES)];

		a->anomaly = true;
		if (i % 5 == 0)
			continue;
		a->x[0] = log(0.1 + 60 * hash_uniform(random_next(random)));
		a->x[1] = i % 2 == 0 ? 2.5 : 11;
		a->x[2] = 5 + 2 * hash_uniform(random_next(random));
	}
	*n = N;
	return p;
}

static int
by_score(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (x[0] > y[0]) - (x[0] < y[0]);
}

/* The probability that an anomaly scores below another point (ties count half): Mann and
 * Whitney's statistic. */
static double
auc(const struct halfspace_shape *shape, const struct point *p, unsigned n)
{
	struct halfspace *h = halfspace_new(shape);
	double(*scored)[2] = malloc(n * sizeof *scored), sum = 0, normals = 0, all = 0;
	unsigned m = 0;

	for (unsigned i = 0; i < n; i++) {
		scored[m][1] = p[i].anomaly;
		m += halfspace_add(h, p[i].x, &scored[m][0]);
	}
	qsort(scored, m, sizeof *scored, by_score);
	for (unsigned from = m, to = m; to > 0; to = from) {
		double anomalies = 0, others = 0;

		while (from > 0 && scored[from - 1][0] == scored[to - 1][0]) {
			anomalies += scored[from - 1][1];
			others += 1 - scored[from - 1][1];
			from--;
		}
		sum += anomalies * (normals + others / 2);
		normals += others;
		all += anomalies;
	}
	free(scored);
	halfspace_free(h);
	return sum / (normals * all);
}

static void
bursts_do_not_teach_that_they_are_usual(void **state)
{
	struct random random = seeded();
	struct halfspace_shape shape = halfspace_default(3, 1);
	unsigned n;
	struct point *p = http_stream(&random, &n);
	double published, gated;

	(void)state;
	shape.depth = 15;
	shape.window = 250;
	shape.gate = 0;
	published = auc(&shape, p, n);
	shape = halfspace_default(3, 1);
	gated = auc(&shape, p, n);
	print_message("http: as published %.4f, gated %.4f\n", published, gated);
	assert_true(published < 0.75);
	assert_true(gated >= 0.99);
	free(p);
}

static void
rare_anomalies_are_found_as_well(void **state)
{
	enum { RUNS = 5 };
	struct random random = seeded();
	struct halfspace_shape shape = halfspace_default(3, 1);
	double mean = 0;

	(void)state;
	for (unsigned run = 0; run < RUNS; run++) {
		unsigned n;
		struct point *p = smtp_stream(&random, &n);

		shape.seed = run;
		mean += auc(&shape, p, n) / RUNS;
		free(p);
	}
	print_message("smtp: %.4f\n", mean);
	assert_true(mean >= 0.87);
}

static void
learns_a_world_that_has_changed(void **state)
{
	struct halfspace_shape shape = halfspace_default(2, 3);
	struct halfspace *h;
	struct random random = seeded();
	double late = 0, score;

	(void)state;
	shape.window = 1000;
	h = halfspace_new(&shape);
	for (unsigned i = 0; i < 8000; i++) {
		double at = i < 3000 ? 0 : 8;
		double x[2] = { at + normal(&random), at + normal(&random) };

		if (halfspace_add(h, x, &score) && i >= 7000)
			late += score / 1000;
	}
	print_message("mean score after the change: %.3f\n", late);
	assert_true(late > 0.5);
	assert_true(halfspace_counts(h).learnt < 8000);
	assert_int_equal(halfspace_counts(h).points, 8000);
	halfspace_free(h);
}

static void
goes_on_after_a_load_as_if_nothing_was(void **state)
{
	struct halfspace_shape shape = halfspace_default(3, 9);
	struct halfspace *one, *two, *other;
	struct random random = seeded();
	struct error error;

	(void)state;
	shape.window = 300;
	one = halfspace_new(&shape);
	two = halfspace_new(&shape);
	shape.seed = 10;
	other = halfspace_new(&shape);
	for (unsigned i = 0; i < 3000; i++) {
		double x[3] = { normal(&random), normal(&random), i % 7 }, a = 0, b = 0;
		bool is;

		if (i == 200 || i == 1234)
			assert_int_equal(
			    halfspace_load(two, halfspace_bytes(one), &error), 0);
		is = halfspace_score(one, x, &b);
		assert_int_equal(halfspace_add(one, x, &a), is);
		assert_true(a == b);
		if (i < 200)
			continue;
		assert_int_equal(halfspace_add(two, x, &b), is);
		assert_true(a == b);
	}
	assert_true(slice_equal(halfspace_bytes(one), halfspace_bytes(two)));
	assert_int_equal(halfspace_load(other, halfspace_bytes(one), &error), -1);
	halfspace_free(one);
	halfspace_free(two);
	halfspace_free(other);
}

/* Ranges that no number can scale, or that no number can tell. */
static void
numbers_at_the_ends_are_numbers(void **state)
{
	static const double ends[3][2] = { { -1.7e308, 1.7e308 }, { 0, 5e-324 },
		{ -5e-324, 1e-309 } };
	struct halfspace_shape shape = halfspace_default(3, 9);
	struct halfspace *one, *two;
	struct error error;

	(void)state;
	shape.window = 64;
	one = halfspace_new(&shape);
	two = halfspace_new(&shape);
	for (unsigned i = 0; i < 300; i++) {
		double x[3], score = 1;

		for (unsigned d = 0; d < 3; d++)
			x[d] = ends[d][i >> d & 1];
		(void)halfspace_add(one, x, &score);
		assert_true(isfinite(score) && score >= 0);
	}
	assert_int_equal(halfspace_load(two, halfspace_bytes(one), &error), 0);
	halfspace_free(one);
	halfspace_free(two);
}

static void
survives_blocks_with_wrong_bytes(void **state)
{
	struct halfspace_shape shape = halfspace_default(2, 9);
	struct halfspace *h;
	struct random random = seeded();
	struct error error;
	unsigned refused = 0;
	double score;
	uint8_t *copy, *wrong;
	size_t size;

	(void)state;
	shape.window = 50;
	shape.trees = 3;
	shape.depth = 5;
	h = halfspace_new(&shape);
	for (unsigned i = 0; i < 120; i++)
		halfspace_add(
		    h, (double[]){ normal(&random), normal(&random) }, &score);
	size = halfspace_bytes(h).size;
	copy = malloc(size);
	wrong = malloc(size);
	memcpy(copy, halfspace_bytes(h).at, size);
	for (unsigned n = 0; n < 5000; n++) {
		memcpy(wrong, copy, size);
		wrong[random_next(&random) % size] ^=
		    (uint8_t)(1 + random_next(&random) % 255);
		refused += halfspace_load(h, slice_of(wrong, size), &error) != 0;
		for (unsigned i = 0; i < 120; i++)
			halfspace_add(h, (double[]){ normal(&random), 1e300 }, &score);
	}
	print_message("%u of 5000 blocks with a wrong byte are refused\n", refused);
	assert_true(refused > 1000);
	free(copy);
	free(wrong);
	halfspace_free(h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bursts_do_not_teach_that_they_are_usual),
		cmocka_unit_test(rare_anomalies_are_found_as_well),
		cmocka_unit_test(learns_a_world_that_has_changed),
		cmocka_unit_test(goes_on_after_a_load_as_if_nothing_was),
		cmocka_unit_test(numbers_at_the_ends_are_numbers),
		cmocka_unit_test(survives_blocks_with_wrong_bytes),
	};

	return cmocka_run_group_tests_name("halfspace", tests, NULL, NULL);
}
