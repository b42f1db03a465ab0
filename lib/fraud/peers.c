/* SPDX-License-Identifier: MIT */
#include "lib/fraud/peers.h"

#include <math.h>

#define NEWS_MAX 100000.0 /* then all that was told counts half */
#define WILD 3.0          /* deviations */
#define PRIOR_K 1.0       /* what is taken to have been told at first */
#define PRIOR_N 50.0

static double
rate(const struct peers *p)
{
	double p_of_all = (p->k + PRIOR_K) / (p->n + PRIOR_N);

	return p_of_all < 1 ? p_of_all : 1; /* purchases may be more than clicks */
}

void
peers_tell(struct peers *p, uint32_t n, uint32_t k)
{
	double mean = n * rate(p), deviation = sqrt(mean * (1 - rate(p)));
	double most = mean + WILD * deviation + 1, least = mean - WILD * deviation - 1;
	double z = (k - mean) / (deviation > 0 ? deviation : 1);

	p->n += n;
	p->k += k > most ? most : k < least ? least : k;
	p->squares += z * z < WILD * WILD ? z * z : WILD * WILD;
	p->pieces++;
	p->news++;
	if (p->pieces > NEWS_MAX) {
		p->n /= 2;
		p->k /= 2;
		p->squares /= 2;
		p->pieces /= 2;
	}
}

double
peers_rate(const struct peers *p)
{
	return p->news < PEERS_NEWS_MIN ? 0 : rate(p);
}

float
peers_deviation(const struct peers *p, uint32_t n, uint32_t k)
{
	double q = rate(p), phi;

	if (p->news < PEERS_NEWS_MIN || n == 0)
		return NAN;
	phi = p->squares / p->pieces;
	return (float)((k - n * q) / sqrt((phi > 1 ? phi : 1) * n * q * (1 - q) + 1));
}
