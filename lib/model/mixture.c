/* SPDX-License-Identifier: MIT */
#include "lib/model/mixture.h"

#include <math.h>
#include <string.h>

#include "lib/vec/wide.h"

#define EQUAL (MIXTURE_SHARE / MIXTURE_EXPERTS)

void
mixture_init(struct mixture *m)
{
	for (unsigned k = 0; k < LANES; k++)
		m->weight[k] = 0.5 / LANES;
	m->weight[MIXTURE_CONSTANT] = 0.5;
}

double
mixture_mean(const struct mixture *m, const double said[MIXTURE_EXPERTS])
{
	double mean = 0;

	for (unsigned k = 0; k < MIXTURE_EXPERTS; k++)
		mean += m->weight[k] * said[k];
	return mean;
}

typedef double wide __attribute__((vector_size(LANES * sizeof(double))));
typedef double half __attribute__((vector_size(LANES / 2 * sizeof(double))));

VEC_WIDE void
mixture_means(
    const struct mixture *m, double constant, const double *e, unsigned n, double *mean)
{
	double first = m->weight[MIXTURE_CONSTANT] * constant;
	wide weight;

	memcpy(&weight, m->weight, sizeof weight);
	for (unsigned i = 0; i < n; i++) {
		half low, high;
		wide said;

		memcpy(&said, e + (size_t)LANES * i, sizeof said);
		said = weight / (1 + said);
		memcpy(&low, &said, sizeof low);
		memcpy(&high, (const double *)&said + LANES / 2, sizeof high);
		low += high;
		mean[i] = first + ((low[0] + low[2]) + (low[1] + low[3]));
	}
}

void
mixture_learn(struct mixture *m, const double likelihood[MIXTURE_EXPERTS])
{
	double to[MIXTURE_EXPERTS], sum = 0, scale;

	/* Whoever reads meanwhile finds weights whose sum is about 1. */
	for (unsigned k = 0; k < MIXTURE_EXPERTS; k++) {
		to[k] = m->weight[k] * likelihood[k];
		sum += to[k];
	}
	/* So unlikely that nothing can be told from it. */
	if (!(sum > 1e-300)) {
		mixture_init(m);
		return;
	}
	scale = (1 - MIXTURE_SHARE) / sum;
	for (unsigned k = 0; k < MIXTURE_EXPERTS; k++)
		m->weight[k] = to[k] * scale + EQUAL;
}

void
mixture_unlearn(struct mixture *m, const double likelihood[MIXTURE_EXPERTS])
{
	double to[MIXTURE_EXPERTS], sum = 0;

	for (unsigned k = 0; k < MIXTURE_EXPERTS; k++) {
		double w = (m->weight[k] - EQUAL) / likelihood[k];

		/* What was more certain than a share allows was cut by rounding. */
		to[k] = w > 1e-300 ? w : 1e-300;
		sum += to[k];
	}
	for (unsigned k = 0; k < MIXTURE_EXPERTS; k++)
		m->weight[k] = to[k] / sum;
}

bool
mixture_is_sound(const struct mixture *m)
{
	double sum = 0;

	for (unsigned k = 0; k < MIXTURE_EXPERTS; k++) {
		if (!(m->weight[k] >= 0))
			return false;
		sum += m->weight[k];
	}
	return fabs(sum - 1) < 1e-6;
}

unsigned
mixture_best(const struct mixture *m)
{
	unsigned best = 0;

	for (unsigned k = 1; k < LANES; k++)
		if (m->weight[k] > m->weight[best])
			best = k;
	return best;
}
