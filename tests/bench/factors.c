/* SPDX-License-Identifier: MIT
 *
 * factors: loss and speed of factors beside the weights alone, on a stream that has factors:
 * 30 fields, 20 to 14580 values each, log odds -2.5 + a sum of weights (standard deviation
 * 0.7) + a sum of products of three factors over all pairs of fields (1).
 *
 *	build/bench/factors [EXAMPLES]
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/model/model.h"
#include "lib/vec.h"
#include "tests/bench/cpu.h"

enum { FIELDS = 30, RANK = 3 };

struct stream {
	uint64_t (*key)[FIELDS];
	uint8_t *label;
	size_t n;
	double oracle; /* log loss of the truth */
};

static double
unit(uint64_t bits)
{
	return ((double)(bits >> 11) + 0.5) / 9007199254740992.0;
}

/* A standard normal number of a key. */
static double
normal(uint64_t key)
{
	uint64_t a = hash_pair(key, 1), b = hash_pair(key, 2);

	return sqrt(-2 * log(unit(a))) * cos(2 * 3.141592653589793 * unit(b));
}

static double
truth(const uint64_t key[FIELDS])
{
	static const double pairs = FIELDS * (FIELDS - 1) / 2.0;
	double z = 0, product = 0;

	for (unsigned f = 0; f < FIELDS; f++)
		z += normal(key[f]);
	for (unsigned k = 0; k < RANK; k++) {
		double sum = 0, squares = 0;

		for (unsigned f = 0; f < FIELDS; f++) {
			double a = normal(hash_pair(key[f], 100 + k));

			sum += a;
			squares += a * a;
		}
		product += (sum * sum - squares) / 2;
	}
	return vec_sigmoid(
	    -2.5 + 0.7 / sqrt(FIELDS) * z + product / sqrt(pairs * RANK));
}

static struct stream
draw(size_t n)
{
	struct stream s = { malloc(n * sizeof *s.key), malloc(n), n, 0 };
	struct random r = { 20240601 };

	if (s.key == NULL || s.label == NULL)
		exit(111);
	for (size_t i = 0; i < n; i++) {
		double p;

		for (unsigned f = 0; f < FIELDS; f++) {
			double u = unit(random_next(&r)), values = 20 * pow(3, f % 7);
			uint64_t value = (uint64_t)(values * u * u);

			s.key[i][f] =
			    (uint64_t)(f + 1) << 48 | hash_pair(f, value) >> 16;
		}
		p = truth(s.key[i]);
		s.label[i] = unit(random_next(&r)) < p;
		s.oracle += vec_log_loss(p, s.label[i]) / (double)n;
	}
	return s;
}

static void
run(const struct stream *s, unsigned k, bool field_aware)
{
	struct model_options o = model_options_default(OPTIMISER_LANES);
	struct error error = { 0 };
	double loss = 0, late = 0, start;
	struct model *m;

	o.factors = (struct factors_options){ k, field_aware };
	m = model_new(&o, UINT64_C(512) << 20, &os_system, NULL, &error);
	if (m == NULL) {
		fprintf(stderr, "factors: %s\n", error.text);
		exit(111);
	}
	start = cpu();
	for (size_t i = 0; i < s->n; i++) {
		struct features f = { slice_of(s->key[i], sizeof s->key[i]), { 0 } };
		struct model_example e = { .weight = 1,
			.target[0] = { true, false, s->label[i], 1 } };
		struct model_estimates said;
		double one;

		if (model_learn(m, &f, &e, &said) != FEATURES_FINE)
			exit(111);
		one = vec_log_loss(said.of[0].mean, s->label[i]);
		loss += one;
		late += i >= s->n / 2 ? one : 0;
	}
	start = cpu() - start;
	printf(
	    "factors %2u%s  log loss %.6f, of the later half %.6f  %7.0f examples/s\n",
	    k, field_aware ? " field-aware" : "            ", loss / (double)s->n,
	    late / (double)(s->n - s->n / 2), (double)s->n / start);
	model_free(m);
}

int
main(int argc, char **argv)
{
	struct stream s = draw(argc > 1 ? strtoull(argv[1], NULL, 10) : 300000);

	printf("the truth                log loss %.6f\n", s.oracle);
	run(&s, 0, false);
	run(&s, 4, false);
	run(&s, 8, false);
	run(&s, 4, true);
	free(s.key);
	free(s.label);
	return 0;
}
