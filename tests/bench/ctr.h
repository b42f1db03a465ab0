/* SPDX-License-Identifier: MIT
 *
 * ctr: a synthetic click stream with a known hidden logistic model: 30 categorical
 * fields, cardinalities log-spaced from 10 to 1e6, values drawn Zipf(0.9 .. 1.3),
 * weights normal, the logit's standard deviation 1.3, the mean click rate set by
 * bisection. With drift every weight turns to an independent one on the way; with pairs
 * there are interactions that no linear model finds. It draws what CPython's random.Random(seed) draws, so that its streams are
 * those on which the figures of other learners were taken.
 */
#ifndef BANNERPIPE_BENCH_CTR_H
#define BANNERPIPE_BENCH_CTR_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "lib/hash.h"

enum { CTR_FIELDS = 30, CTR_PAIRS_MAX = 64 };

struct ctr {
	uint32_t twister[624];
	unsigned used;
	unsigned cardinality[CTR_FIELDS];
	double *cumulated[CTR_FIELDS];
	double *weight[CTR_FIELDS];
	double *later[CTR_FIELDS]; /* with drift */
	double drift, cosine, sine;
	unsigned pairs, pair[CTR_PAIRS_MAX][2];
	uint64_t pair_key[CTR_PAIRS_MAX];
	double intercept;
};

struct ctr_example {
	uint32_t value[CTR_FIELDS];
	double p; /* the truth */
	bool clicked;
};

/* MT19937 as CPython seeds it from a small integer: init_by_array of one word. */
static inline void
ctr_seed(struct ctr *c, uint32_t seed)
{
	uint32_t *mt = c->twister;

	mt[0] = 19650218;
	for (uint32_t i = 1; i < 624; i++)
		mt[i] = 1812433253u * (mt[i - 1] ^ (mt[i - 1] >> 30)) + i;
	for (uint32_t k = 0, i = 1; k < 624; k++) {
		mt[i] = (mt[i] ^ ((mt[i - 1] ^ (mt[i - 1] >> 30)) * 1664525u)) + seed;
		if (++i == 624) {
			mt[0] = mt[623];
			i = 1;
		}
	}
	for (uint32_t k = 0, i = 2; k < 623; k++) {
		mt[i] = (mt[i] ^ ((mt[i - 1] ^ (mt[i - 1] >> 30)) * 1566083941u)) - i;
		if (++i == 624) {
			mt[0] = mt[623];
			i = 1;
		}
	}
	mt[0] = 0x80000000u;
	c->used = 624;
}

static inline uint32_t
ctr_word(struct ctr *c)
{
	uint32_t *mt = c->twister, y;

	if (c->used == 624) {
		for (unsigned k = 0; k < 624; k++) {
			y = (mt[k] & 0x80000000u) | (mt[(k + 1) % 624] & 0x7fffffffu);
			mt[k] =
			    mt[(k + 397) % 624] ^ (y >> 1) ^ (y & 1 ? 0x9908b0dfu : 0);
		}
		c->used = 0;
	}
	y = mt[c->used++];
	y ^= y >> 11;
	y ^= (y << 7) & 0x9d2c5680u;
	y ^= (y << 15) & 0xefc60000u;
	return y ^ (y >> 18);
}

static inline double
ctr_uniform(struct ctr *c)
{
	uint32_t a = ctr_word(c) >> 5, b = ctr_word(c) >> 6;

	return (a * 67108864.0 + b) / 9007199254740992.0;
}

/* random.randrange(n), n < 32. */
static inline unsigned
ctr_below(struct ctr *c, unsigned n)
{
	unsigned bits = 32 - (unsigned)__builtin_clz(n), r;

	do
		r = ctr_word(c) >> (32 - bits);
	while (r >= n);
	return r;
}

static inline uint64_t
ctr_mix(uint64_t x)
{
	return hash_mix(x + UINT64_C(0x9E3779B97F4A7C15));
}

static inline double
ctr_normal(uint64_t key)
{
	uint64_t a = ctr_mix(key), b = ctr_mix(a ^ UINT64_C(0xD1B54A32D192ED03));
	double u = ((double)(a >> 11) + 0.5) / 9007199254740992.0;
	double v = (double)(b >> 11) / 9007199254740992.0;

	return sqrt(-2 * log(u)) * cos(2 * 3.141592653589793 * v);
}

static inline void
ctr_draw(struct ctr *c, uint32_t value[CTR_FIELDS])
{
	for (unsigned f = 0; f < CTR_FIELDS; f++) {
		const double *t = c->cumulated[f];
		double u = ctr_uniform(c) * t[c->cardinality[f] - 1];
		uint32_t low = 0, high = c->cardinality[f];

		while (low < high) {
			uint32_t middle = (low + high) / 2;

			if (t[middle] < u)
				low = middle + 1;
			else
				high = middle;
		}
		value[f] = low;
	}
}

static inline double
ctr_score(const struct ctr *c, const uint32_t value[CTR_FIELDS])
{
	double z = 0;

	for (unsigned f = 0; f < CTR_FIELDS; f++)
		z += c->drift > 0 ? c->cosine * c->weight[f][value[f]] +
			c->sine * c->later[f][value[f]]
				  : c->weight[f][value[f]];
	for (unsigned k = 0; k < c->pairs; k++)
		z += 1.3 / sqrt(30) * 1.5 *
		    ctr_normal(c->pair_key[k] +
			value[c->pair[k][0]] * UINT64_C(1000003) +
			value[c->pair[k][1]]);
	return z;
}

/* So much of the stream is behind, from 0 to 1. */
static inline void
ctr_turn(struct ctr *c, double done)
{
	c->cosine = cos(c->drift * (3.141592653589793 / 2) * done);
	c->sine = sin(c->drift * (3.141592653589793 / 2) * done);
}

static inline void
ctr_choose_pairs(struct ctr *c, uint32_t seed)
{
	for (unsigned k = 0; k < c->pairs; k++) {
		c->pair[k][0] = ctr_below(c, CTR_FIELDS / 2);
		do
			c->pair[k][1] = ctr_below(c, CTR_FIELDS);
		while (c->pair[k][1] == c->pair[k][0]);
		c->pair_key[k] = ctr_mix((uint64_t)seed * 7919 + k);
	}
}

/* c->drift and c->pairs are the caller's, or 0. */
static inline void
ctr_init(struct ctr *c, uint32_t seed, double rate)
{
	enum { SAMPLE = 20000 };
	double *z = malloc(SAMPLE * sizeof *z), low = -20, high = 5;

	ctr_seed(c, seed);
	for (unsigned f = 0; f < CTR_FIELDS; f++) {
		unsigned n = (unsigned)nearbyint(pow(10, 1 + 5.0 * f / 29));
		double s = 0.9 + 0.4 * (f * 7 % 30) / 30, sum = 0;
		uint64_t base = ctr_mix((uint64_t)seed * 1000003 + f);
		uint64_t turned = ctr_mix((uint64_t)seed * 1000003 + f + 5000);

		c->cardinality[f] = n;
		c->cumulated[f] = malloc(n * sizeof(double));
		c->weight[f] = malloc(n * sizeof(double));
		c->later[f] = c->drift > 0 ? malloc(n * sizeof(double)) : NULL;
		for (unsigned v = 0; v < n; v++) {
			sum += pow(v + 1, -s);
			c->cumulated[f][v] = sum;
			c->weight[f][v] = 1.3 / sqrt(30) *
			    ctr_normal(base + UINT64_C(2654435761) * v);
			if (c->drift > 0)
				c->later[f][v] = 1.3 / sqrt(30) *
				    ctr_normal(turned + UINT64_C(2654435761) * v);
		}
	}
	ctr_turn(c, 0);
	ctr_choose_pairs(c, seed);
	for (unsigned i = 0; i < SAMPLE; i++) {
		uint32_t value[CTR_FIELDS];

		ctr_draw(c, value);
		z[i] = ctr_score(c, value);
	}
	for (unsigned round = 0; round < 60; round++) {
		double mean = 0;

		c->intercept = (low + high) / 2;
		for (unsigned i = 0; i < SAMPLE; i++)
			mean += 1 / (1 + exp(-(z[i] + c->intercept)));
		if (mean / SAMPLE < rate)
			low = c->intercept;
		else
			high = c->intercept;
	}
	free(z);
}

static inline void
ctr_fini(struct ctr *c)
{
	for (unsigned f = 0; f < CTR_FIELDS; f++) {
		free(c->cumulated[f]);
		free(c->weight[f]);
		free(c->later[f]);
	}
}

static inline void
ctr_next(struct ctr *c, struct ctr_example *e)
{
	ctr_draw(c, e->value);
	e->p = 1 / (1 + exp(-(ctr_score(c, e->value) + c->intercept)));
	e->clicked = ctr_uniform(c) < e->p;
}

/* The key of a field's value as bp-feature makes keys: the namespace on top. */
static inline uint64_t
ctr_key(unsigned field, uint32_t value)
{
	return (uint64_t)(field + 1) << 48 | hash_mix(value + 1) >> 16;
}

#endif
