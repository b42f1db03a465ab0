/* SPDX-License-Identifier: MIT
 *
 * Deciding alone: nanoseconds a decision of each policy, for candidates that are known
 * about alike and for those of very different certainty; and decisions a second with a
 * model of lanes, 50 candidates of 30 features each.
 *
 *	decide [DECISIONS]
 */
#include <stdio.h>
#include <stdlib.h>

#include "lib/hash.h"
#include "lib/model/model.h"
#include "lib/model/policy.h"
#include "lib/vec.h"
#include "tests/bench/cpu.h"
#include "tests/bench/ctr.h"

enum { CANDIDATES = 50, LEARNED = 200000 };

static struct policy_candidate candidates[POLICY_MAX];
static struct policy_weights weights;
static struct random numbers = { 1 };

static double
uniform(double low, double high)
{
	return low + (high - low) * hash_uniform(random_next(&numbers));
}

static void
policy_alone(
    enum policy_kind kind, unsigned n, const char *what, double spread, bool valued)
{
	struct policy p = { kind, 1, 0.05, 1, 1000, 0.001 };
	unsigned rounds = 0, drawn = 0;
	double seconds = 0, error = 0;

	while (seconds < 0.1) {
		double begun;

		for (unsigned i = 0; i < n; i++) {
			double z = uniform(-5, -3);

			candidates[i] = (struct policy_candidate){ vec_sigmoid(z), z,
				0.2 * exp(uniform(-spread, 0)),
				valued ? uniform(0.5, 2) : 1 };
		}
		begun = cpu();
		for (unsigned i = 0; i < 50; i++, rounds++) {
			policy_weigh(&p, candidates, n, &weights);
			drawn += policy_draw(&weights, n, rounds, 0);
		}
		seconds += cpu() - begun;
		error = weights.error > error ? weights.error : error;
	}
	printf("%-9s n = %-4u %-28s %9.0f ns  error < %.1g\n", policy_name(kind), n,
	    what, seconds / rounds * 1e9, error);
	if (drawn == 0)
		printf("only the first was drawn\n");
}

static void
policies(void)
{
	const unsigned sizes[] = { 5, 50, 300 };

	for (unsigned s = 0; s < 3; s++) {
		for (unsigned k = 0; k < POLICY_KINDS; k++)
			policy_alone(
			    (enum policy_kind)k, sizes[s], "known alike", 0, 0);
		policy_alone(POLICY_THOMPSON, sizes[s], "some known much better", 7, 0);
		policy_alone(POLICY_THOMPSON, sizes[s], "of different values", 0, 1);
	}
}

static struct model *
learned(struct ctr *ctr)
{
	struct model_options options = model_options_default(OPTIMISER_LANES);
	struct model_estimates said;
	struct error error;
	struct model *m =
	    model_new(&options, (uint64_t)256 << 20, &os_system, NULL, &error);
	uint8_t keys[8 * CTR_FIELDS];
	struct features f = { slice_of(keys, sizeof keys), { NULL, 0 } };

	if (m == NULL) {
		fprintf(stderr, "decide: %s\n", error.text);
		exit(111);
	}
	for (unsigned i = 0; i < LEARNED; i++) {
		struct model_example example = { .weight = 1 };
		struct ctr_example e;

		ctr_next(ctr, &e);
		for (unsigned k = 0; k < CTR_FIELDS; k++)
			bytes_store_le64(keys + 8 * k, ctr_key(k, e.value[k]));
		example.target[MODEL_CLICK].known = true;
		example.target[MODEL_CLICK].label = e.clicked;
		example.target[MODEL_CLICK].weight = 1;
		(void)model_learn(m, &f, &example, &said);
	}
	return m;
}

/* A user's fields are the same for all candidates, ten are those of the banner. */
static void
with_model(unsigned decisions)
{
	static struct ctr ctr;
	static uint8_t keys[CANDIDATES][8 * CTR_FIELDS];
	struct policy p = { POLICY_THOMPSON, 1, 0.05, 1, 1000, 0.001 };
	struct model *m;
	double seconds = 0, weighing = 0;

	ctr_init(&ctr, 20240601, 0.03);
	m = learned(&ctr);
	for (unsigned d = 0; d < decisions; d++) {
		struct ctr_example user, banner;
		double begun, between;

		ctr_next(&ctr, &user);
		for (unsigned i = 0; i < CANDIDATES; i++) {
			ctr_next(&ctr, &banner);
			for (unsigned k = 0; k < CTR_FIELDS; k++)
				bytes_store_le64(keys[i] + 8 * k,
				    ctr_key(k, (k < 20 ? &user : &banner)->value[k]));
		}
		begun = cpu();
		for (unsigned i = 0; i < CANDIDATES; i++) {
			struct features f = { slice_of(keys[i], sizeof keys[i]),
				{ NULL, 0 } };
			struct model_estimates said;
			const struct estimate *e = &said.of[MODEL_CLICK];

			(void)model_predict(m, &f, &said);
			candidates[i] = (struct policy_candidate){ e->mean, e->open_z,
				e->open_deviation * e->open_deviation, 1 };
		}
		between = cpu();
		policy_weigh(&p, candidates, CANDIDATES, &weights);
		(void)policy_draw(&weights, CANDIDATES, d, 0);
		seconds += cpu() - begun;
		weighing += cpu() - between;
	}
	printf("thompson, %u candidates of %u features, a model of lanes: %.0f "
	       "decisions/s, "
	       "%.0f us for the model and %.0f us for the policy\n",
	    CANDIDATES, CTR_FIELDS, decisions / seconds,
	    (seconds - weighing) / decisions * 1e6, weighing / decisions * 1e6);
	model_free(m);
	ctr_fini(&ctr);
}

int
main(int argc, char **argv)
{
	policies();
	with_model(argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 5000);
	return 0;
}
