/* SPDX-License-Identifier: MIT
 *
 * The learner as it comes on a tenth of the reference stream, with several seeds: not worse
 * than FTRL, and calibrated. tests/bench/learner.c has all of it.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/model/model.h"
#include "lib/vec.h"
#include "tests/bench/ctr.h"

enum { EXAMPLES = 100000, SEEDS = 3 };

static struct model *
model_of(enum optimiser_algorithm algorithm)
{
	struct model_options o = model_options_default(algorithm);
	struct error error;
	struct model *m = model_new(&o, 512 << 20, &os_system, NULL, &error);

	assert_non_null(m);
	return m;
}

static void
without_tuning_it_is_as_good_as_the_others_and_calibrated(void **state)
{
	static const enum optimiser_algorithm which[2] = { OPTIMISER_LANES,
		OPTIMISER_FTRL };
	double said = 0, clicked = 0;

	(void)state;
	for (uint32_t seed = 1; seed <= SEEDS; seed++) {
		static struct ctr ctr;
		struct model *m[2] = { model_of(which[0]), model_of(which[1]) };
		double loss[2] = { 0 }, clicks = 0, oracle = 0, constant;

		ctr_init(&ctr, seed, 0.03);
		for (unsigned i = 0; i < EXAMPLES; i++) {
			uint8_t keys[CTR_FIELDS * 8];
			struct features f = { slice_of(keys, sizeof keys), { 0 } };
			struct model_example e = { .weight = 1, .elapsed = -1 };
			struct ctr_example x;

			ctr_next(&ctr, &x);
			for (unsigned k = 0; k < CTR_FIELDS; k++)
				bytes_store_le64(keys + 8 * k, ctr_key(k, x.value[k]));
			e.target[MODEL_CLICK].known = true;
			e.target[MODEL_CLICK].label = x.clicked;
			e.target[MODEL_CLICK].weight = 1;
			for (unsigned k = 0; k < 2; k++) {
				struct model_estimates to;

				assert_int_equal(
				    model_learn(m[k], &f, &e, &to), FEATURES_FINE);
				loss[k] +=
				    vec_log_loss(to.of[MODEL_CLICK].mean, x.clicked);
				if (k == 0)
					said += to.of[MODEL_CLICK].mean;
			}
			oracle += vec_log_loss(x.p, x.clicked);
			clicks += x.clicked;
		}
		constant = vec_entropy(clicks / EXAMPLES) * EXAMPLES;
		clicked += clicks;
		print_message("# seed %u: lanes %.6f, ftrl %.6f, constant %.6f, oracle "
			      "%.6f\n",
		    seed, loss[0] / EXAMPLES, loss[1] / EXAMPLES, constant / EXAMPLES,
		    oracle / EXAMPLES);
		assert_true(loss[0] <= loss[1]);
		assert_true(loss[0] < constant && loss[0] > oracle);
		for (unsigned k = 0; k < 2; k++)
			model_free(m[k]);
		ctr_fini(&ctr);
	}
	print_message("# calibration %.4f\n", said / clicked);
	/* The standard error of so many clicks is 1 %. */
	assert_true(fabs(said / clicked - 1) < 0.03);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    without_tuning_it_is_as_good_as_the_others_and_calibrated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
