/* SPDX-License-Identifier: MIT */
#include "lib/vec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/hash.h"
#include "tests/unit/seed.h"

enum { N_MAX = 700 };

static float
draw(struct random *r)
{
	return (float)(hash_uniform(random_next(r)) * 4 - 2);
}

static void
near(double value, double expected, double tolerance)
{
	if (!(fabs(value - expected) <= tolerance))
		fail_msg("%.17g is not within %g of %.17g", value, tolerance, expected);
}

static void
dot_agrees_with_its_reference_at_every_length(void **state)
{
	struct random r = seeded();
	static float a[N_MAX], b[N_MAX];
	double size = 0;

	(void)state;
	for (size_t i = 0; i < N_MAX; i++) {
		a[i] = draw(&r);
		b[i] = draw(&r);
	}
	assert_true(vec_dot(a, b, 0) == 0.0f);
	for (size_t n = 1; n < N_MAX; n++) {
		size += fabs((double)a[n - 1] * (double)b[n - 1]);
		near((double)vec_dot(a, b, n), vec_dot_exact(a, b, n),
		    size * ((double)n / 16 + 5) * 0x1p-24);
	}
}

/* Adds what vec_dot adds, lane by lane in its order, without any vector. */
static float
dot_by_lanes(const float *a, const float *b, size_t n)
{
	float lane[16] = { 0 };

	for (size_t i = 0; i < n; i++)
		lane[i % 16] += a[i] * b[i];
	for (size_t half = 8; half > 0; half /= 2)
		for (size_t i = 0; i < half; i++)
			lane[i] += lane[i + half];
	return lane[0];
}

static void
dot_has_the_bits_of_its_stated_order(void **state)
{
	struct random r = seeded();
	static float a[N_MAX], b[N_MAX];

	(void)state;
	for (size_t i = 0; i < N_MAX; i++) {
		a[i] = draw(&r);
		b[i] = draw(&r);
	}
	for (size_t n = 0; n < N_MAX; n++) {
		float fast = vec_dot(a, b, n), slow = dot_by_lanes(a, b, n);

		assert_memory_equal(&fast, &slow, sizeof fast);
	}
}

static void
axpy_agrees_with_its_reference_and_stays_within_its_length(void **state)
{
	struct random r = seeded();
	static float x[N_MAX], y[N_MAX], z[N_MAX];

	(void)state;
	for (size_t n = 0; n + 1 < N_MAX; n += 1 + n / 5) {
		for (size_t i = 0; i < N_MAX; i++) {
			x[i] = draw(&r);
			y[i] = z[i] = draw(&r);
		}
		vec_axpy(0.37f, x, y, n);
		vec_axpy_exact(0.37f, x, z, n);
		for (size_t i = 0; i < n; i++)
			near((double)y[i], (double)z[i], 4 * 0x1p-23);
		assert_memory_equal(y + n, z + n, (N_MAX - n) * sizeof *y);
	}
}

static void
sparse_kernels_agree_with_dense_ones_and_take_repeated_indices(void **state)
{
	struct random r = seeded(), again = r;
	float w[64], dense[64] = { 0 }, x[100];
	uint32_t at[100];

	(void)state;
	for (unsigned i = 0; i < 64; i++)
		w[i] = draw(&r);
	for (unsigned i = 0; i < 100; i++) {
		at[i] = (uint32_t)hash_bucket(random_next(&r), 64);
		x[i] = draw(&r);
		dense[at[i]] += x[i];
	}
	near((double)vec_dot_sparse(w, at, x, 100), vec_dot_exact(w, dense, 64), 1e-4);
	near((double)vec_dot_sparse(w, at, x, 100), vec_dot_sparse_exact(w, at, x, 100),
	    1e-4);
	near((double)vec_dot_sparse(w, at, NULL, 100),
	    vec_dot_sparse_exact(w, at, NULL, 100), 1e-4);
	vec_axpy_sparse(2, at, x, w, 100);
	vec_axpy_sparse(-1, at, x, w, 100);
	vec_axpy(-1, dense, w, 64);
	vec_axpy_sparse(1, at, NULL, w, 100);
	vec_axpy_sparse(-1, at, NULL, w, 100);
	for (unsigned i = 0; i < 64; i++)
		near((double)w[i], (double)draw(&again), 1e-5);
}

static void
sigmoid_is_within_1e_11_of_the_exact_one(void **state)
{
	(void)state;
	for (double z = -VEC_LOGIT_MAX; z <= VEC_LOGIT_MAX; z += 0.000317)
		near(vec_sigmoid(z) / vec_sigmoid_exact(z), 1, 1e-11);
	assert_true(vec_sigmoid(0) == 0.5);
}

static void
sigmoid_stays_inside_0_and_1_for_any_logit(void **state)
{
	const double wild[] = { 1e308, INFINITY, 745, 31 };

	(void)state;
	for (size_t i = 0; i < sizeof wild / sizeof *wild; i++) {
		assert_true(vec_sigmoid(wild[i]) < 1);
		assert_true(vec_sigmoid(wild[i]) > 0.999999);
		assert_true(vec_sigmoid(-wild[i]) > 0);
		assert_true(vec_sigmoid(-wild[i]) < 1e-6);
	}
	assert_true(vec_sigmoid_exact(-INFINITY) == 0);
	assert_true(vec_sigmoid_exact(INFINITY) == 1);
}

static void
logit_undoes_sigmoid_and_is_held_at_the_ends(void **state)
{
	(void)state;
	for (double z = -VEC_LOGIT_MAX + 0.01; z < 15; z += 0.01)
		near(vec_logit(vec_sigmoid_exact(z)), z,
		    z < 0 ? 1e-12 * -z + 1e-12 : 1e-8);
	near(vec_logit(0.01), -4.595119850134589, 1e-14);
	assert_true(vec_logit(0) == -VEC_LOGIT_MAX);
	assert_true(vec_logit(1) == VEC_LOGIT_MAX);
}

static void
log_is_within_a_few_last_bits_of_the_exact_one(void **state)
{
	struct random r = seeded();

	(void)state;
	for (int i = 0; i < 200000; i++) {
		double x =
		    ldexp(hash_uniform(random_next(&r)) + 0x1p-53, i % 200 - 100);
		double y = (hash_uniform(random_next(&r)) - 0.5) * ldexp(1, -(i % 40));

		near(vec_log(x), log(x), 0x1p-50 * fabs(log(x)) + 1e-300);
		near(vec_log1p(y), log1p(y), 0x1p-42 * fabs(log1p(y)));
	}
	assert_true(vec_log(1) == 0 && vec_log1p(0) == 0);
}

static void
log_loss_from_a_probability_is_the_one_from_its_logit(void **state)
{
	(void)state;
	for (double z = -20; z <= 15; z += 0.01)
		for (double y = 0; y <= 1; y += 0.25)
			near(vec_log_loss(vec_sigmoid_exact(z), y),
			    vec_log_loss_exact(z, y),
			    1e-9 * (1 + vec_log_loss_exact(z, y)));
	near(vec_log_loss(0.5, 1), 0.6931471805599453, 1e-16);
}

static void
log_loss_of_a_sure_and_wrong_prediction_is_finite(void **state)
{
	(void)state;
	near(vec_log_loss(0, 1), 30, 1e-3);
	near(vec_log_loss(1, 0), 30, 1e-3);
	near(vec_log_loss_exact(800, 0), 800, 1e-9);
	near(vec_log_loss_exact(-800, 0), 0, 1e-300);
}

static void
entropy_is_the_log_loss_of_the_mean(void **state)
{
	(void)state;
	/* The constant's loss of the reference stream: mean rate 0.030486. */
	near(vec_entropy(0.030486), 0.136428, 2e-6);
	near(vec_entropy(0.5), 0.6931471805599453, 1e-15);
	assert_true(vec_entropy(0) == 0 && vec_entropy(1) == 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dot_agrees_with_its_reference_at_every_length),
		cmocka_unit_test(dot_has_the_bits_of_its_stated_order),
		cmocka_unit_test(
		    axpy_agrees_with_its_reference_and_stays_within_its_length),
		cmocka_unit_test(
		    sparse_kernels_agree_with_dense_ones_and_take_repeated_indices),
		cmocka_unit_test(sigmoid_is_within_1e_11_of_the_exact_one),
		cmocka_unit_test(sigmoid_stays_inside_0_and_1_for_any_logit),
		cmocka_unit_test(logit_undoes_sigmoid_and_is_held_at_the_ends),
		cmocka_unit_test(log_is_within_a_few_last_bits_of_the_exact_one),
		cmocka_unit_test(log_loss_from_a_probability_is_the_one_from_its_logit),
		cmocka_unit_test(log_loss_of_a_sure_and_wrong_prediction_is_finite),
		cmocka_unit_test(entropy_is_the_log_loss_of_the_mean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
