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

/* The distances grow from the middle to both ends: two sorted lists, merged up to half. */
float
typical_deviation(const struct typical *t)
{
	float median = typical_median(t), last = 0, before = 0;
	unsigned right = t->n / 2, left = right;

	for (unsigned i = 0; i <= t->n / 2 && t->n > 0; i++) {
		float up = right < t->n ? t->sorted[right] - median : -1;
		float down = left > 0 ? median - t->sorted[left - 1] : -1;

		before = last;
		if (up >= 0 && (down < 0 || up <= down)) {
			last = up;
			right++;
		} else {
			last = down;
			left--;
		}
	}
	return t->n % 2 != 0 ? last : (before + last) / 2;
}
