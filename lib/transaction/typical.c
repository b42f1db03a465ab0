/* SPDX-License-Identifier: MIT */
#include "lib/transaction/typical.h"

#include <string.h>

#include "lib/base/assert.h"

/* How many are less. */
static unsigned
rank_of(const struct typical *t, float amount)
{
	unsigned low = 0, n = t->n;

	while (n > 0) {
		unsigned half = n / 2;

		if (t->sorted[low + half] < amount) {
			low += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return low;
}

void
typical_add(struct typical *t, float amount)
{
	unsigned at = rank_of(t, amount);

	assert(t->n < TYPICAL_MAX);
	memmove(t->sorted + at + 1, t->sorted + at, (t->n - at) * sizeof amount);
	t->sorted[at] = amount;
	t->n++;
}

void
typical_remove(struct typical *t, float amount)
{
	unsigned at = rank_of(t, amount);

	if (at == t->n || t->sorted[at] > amount)
		return;
	t->n--;
	memmove(t->sorted + at, t->sorted + at + 1, (t->n - at) * sizeof amount);
}

float
typical_median(const struct typical *t)
{
	unsigned half = t->n / 2;

	if (t->n == 0)
		return 0;
	return t->n % 2 != 0 ? t->sorted[half]
			     : (t->sorted[half - 1] + t->sorted[half]) / 2;
}

/* The k-th smallest distance from the median, from 0: distances grow from the middle to both
 * ends, so that the k + 1 smallest are a stretch of the sorted amounts. It begins at the first
 * place where moving on by one would let go of what is nearer. */
static float
distance(const struct typical *t, float median, unsigned k)
{
	unsigned low = 0, high = t->n - 1 - k;
	float left, right;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (median - t->sorted[middle] > t->sorted[middle + k + 1] - median)
			low = middle + 1;
		else
			high = middle;
	}
	left = median - t->sorted[low];
	right = t->sorted[low + k] - median;
	return left > right ? left : right;
}

float
typical_deviation(const struct typical *t)
{
	float median = typical_median(t);
	unsigned half = t->n / 2;

	if (t->n == 0)
		return 0;
	return t->n % 2 != 0
	    ? distance(t, median, half)
	    : (distance(t, median, half - 1) + distance(t, median, half)) / 2;
}
