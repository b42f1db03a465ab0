/* SPDX-License-Identifier: MIT */
#include "lib/fraud/trail.h"

#include <math.h>

#include "lib/hash.h"
#include "lib/vec.h"

#define GAP_WEIGHT (1.0f / 16)

float
trail_gap(const struct trail *s, instant when)
{
	int64_t us = when - s->last_click;

	if (s->last_click == 0 || us < 0)
		return NAN;
	return (float)((double)us / WHEN_SECOND);
}

/* West, "Updating mean and variance estimates", CACM 1979, with weights that fade: while
 * there are few, each counts the same. */
static void
add_gap(struct trail *s, int64_t us)
{
	float gap = (float)vec_log((double)us), d;
	float weight;

	s->gaps = (uint8_t)(s->gaps + (s->gaps < UINT8_MAX));
	weight = 1.0f / (float)s->gaps;
	weight = weight < GAP_WEIGHT ? GAP_WEIGHT : weight;
	d = gap - s->gap_mean;
	s->gap_mean += weight * d;
	s->gap_variance = (1 - weight) * (s->gap_variance + weight * d * d);
}

void
trail_add(struct trail *s, enum trail_event event, instant when)
{
	if (s->last != 0 && when > s->last)
		add_gap(s, when - s->last);
	s->last = when > s->last ? when : s->last;
	s->seen++;
	if (event == TRAIL_CLICKED && when > s->last_click)
		s->last_click = when;
	s->shown += event == TRAIL_SHOWN;
	s->clicked += event == TRAIL_CLICKED;
	s->bought += event == TRAIL_BOUGHT;
	if (s->shown + s->clicked < TRAIL_HALF)
		return;
	s->shown /= 2;
	s->clicked /= 2;
	s->bought /= 2;
	s->told_shown /= 2;
	s->told_clicked /= 2;
	s->told_sold /= 2;
	s->told_bought /= 2;
}

void
trail_agent(struct trail *s, uint64_t hash)
{
	uint8_t *count = &s->agents[hash >> 60];

	if (*count == UINT8_MAX)
		for (unsigned i = 0; i < TRAIL_AGENTS; i++)
			s->agents[i] /= 2;
	(*count)++;
}

float
trail_spread(const struct trail *s)
{
	if (s->gaps < TRAIL_GAPS_MIN)
		return NAN;
	return sqrtf(s->gap_variance);
}

/* log2 n - sum(c log2 c) / n. */
float
trail_entropy(const struct trail *s)
{
	unsigned n = 0, largest = 0;
	double sum = 0;

	for (unsigned i = 0; i < TRAIL_AGENTS; i++) {
		n += s->agents[i];
		largest = s->agents[i] > largest ? s->agents[i] : largest;
	}
	if (n == 0)
		return NAN;
	if (largest == n)
		return 0;
	for (unsigned i = 0; i < TRAIL_AGENTS; i++)
		if (s->agents[i] > 1)
			sum += s->agents[i] * vec_log(s->agents[i]);
	return (float)((vec_log(n) - sum / n) / vec_log(2));
}
