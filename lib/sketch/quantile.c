/* SPDX-License-Identifier: MIT */
#include "lib/sketch/quantile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"

/* weight[side + i] is of values in (gamma^(first+i-2), gamma^(first+i-1)], i
 * in 1..side; weight[side] of zeros; weight[side - i] of the negative ones. */
struct quantile {
	struct quantile_rule rule;
	double log_gamma;
	long first; /* exponent of bucket 1 */
	size_t side;
	double weight[];
};

static long
exponent_of(double log_gamma, double size)
{
	return (long)ceil(log(size) / log_gamma);
}

struct quantile *
quantile_new(struct quantile_rule rule)
{
	double log_gamma = log((1 + rule.error) / (1 - rule.error));
	long first = exponent_of(log_gamma, rule.least);
	long last = exponent_of(log_gamma, rule.largest);
	struct quantile *q;

	assert(rule.error >= 0.001 && rule.error <= 0.5);
	assert(rule.least > 0 && rule.largest > rule.least && isfinite(rule.largest));
	q = calloc(
	    1, sizeof *q + (2 * (size_t)(last - first + 1) + 1) * sizeof q->weight[0]);
	if (q == NULL)
		return NULL;
	q->rule = rule;
	q->log_gamma = log_gamma;
	q->first = first;
	q->side = (size_t)(last - first + 1);
	return q;
}

void
quantile_free(struct quantile *q)
{
	free(q);
}

static size_t
buckets(const struct quantile *q)
{
	return 2 * q->side + 1;
}

void
quantile_add(struct quantile *q, double value, double weight)
{
	double size = fabs(value);
	size_t i = 0;

	assert(isfinite(value) && isfinite(weight));
	if (size >= q->rule.largest)
		i = q->side;
	else if (size >= q->rule.least)
		i = (size_t)(exponent_of(q->log_gamma, size) - q->first) + 1;
	q->weight[value < 0 ? q->side - i : q->side + i] += weight;
}

/* The middle of a bucket, off by at most the relative error from all that lies in it:
 * 2 gamma^k / (gamma + 1). */
static double
bucket_value(const struct quantile *q, size_t at)
{
	size_t i = at > q->side ? at - q->side : q->side - at;
	double size;

	if (i == 0)
		return 0;
	size = 2 * exp((double)(q->first + (long)i - 1) * q->log_gamma) /
	    (exp(q->log_gamma) + 1);
	size = size > q->rule.largest ? q->rule.largest : size;
	return at > q->side ? size : -size;
}

double
quantile_weight(const struct quantile *q)
{
	double sum = 0;

	for (size_t i = 0; i < buckets(q); i++)
		sum += q->weight[i];
	return sum;
}

double
quantile_at(const struct quantile *q, double p)
{
	double total = quantile_weight(q), rank = p * (total - 1), sum = 0;
	size_t last = q->side;

	assert(p >= 0 && p <= 1);
	if (!(total > 0))
		return 0;
	for (size_t i = 0; i < buckets(q); i++) {
		sum += q->weight[i];
		if (q->weight[i] != 0)
			last = i;
		if (sum > rank && sum > 0)
			return bucket_value(q, i);
	}
	return bucket_value(q, last);
}

void
quantile_merge(struct quantile *into, const struct quantile *from)
{
	assert(memcmp(&into->rule, &from->rule, sizeof into->rule) == 0);
	for (size_t i = 0; i < buckets(into); i++)
		into->weight[i] += from->weight[i];
}

struct slice
quantile_bytes(const struct quantile *q)
{
	return slice_of(q->weight, buckets(q) * sizeof q->weight[0]);
}

int
quantile_load(struct quantile *q, struct slice bytes, struct error *error)
{
	if (bytes.size != quantile_bytes(q).size)
		return error_set(error, "the quantiles take %zu bytes, not %zu",
		    quantile_bytes(q).size, bytes.size);
	memcpy(q->weight, bytes.at, bytes.size);
	for (size_t i = 0; i < buckets(q); i++) {
		if (!isfinite(q->weight[i])) {
			memset(q->weight, 0, bytes.size);
			return error_set(
			    error, "bucket %zu of the quantiles is no number", i);
		}
	}
	return 0;
}
