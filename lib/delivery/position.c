/* SPDX-License-Identifier: MIT */
#include "lib/delivery/position.h"

#include "lib/base/assert.h"

#define LEAST 1e-3

static unsigned
place_of(uint64_t position)
{
	return position < POSITION_MAX ? (unsigned)position : POSITION_MAX - 1;
}

void
position_init(struct position_model *m, double prior)
{
	assert(prior > 0);
	*m = (struct position_model){ .clicks = { 0 } };
	for (unsigned k = 0; k < POSITION_MAX; k++) {
		m->clicks[k] = prior / (k + 1);
		m->expected[k] = prior;
	}
}

void
position_see(struct position_model *m, uint64_t position, bool clicked,
    double attractiveness, bool random, double weight)
{
	unsigned k = place_of(position);

	if (random) {
		m->random_shown[k] += weight;
		m->random_clicks[k] += clicked ? weight : 0;
	}
	if (!(attractiveness > 0 && attractiveness < 1))
		return;
	m->expected[k] += weight * attractiveness;
	m->clicks[k] += clicked ? weight : 0;
}

static double
ratio(const double *clicks, const double *of, unsigned k)
{
	double e;

	if (!(clicks[0] > 0) || !(of[k] > 0))
		return LEAST;
	e = clicks[k] / of[k] * (of[0] / clicks[0]);
	return e >= LEAST ? (e < 1 ? e : 1) : LEAST;
}

double
position_examination(const struct position_model *m, uint64_t position)
{
	unsigned k = place_of(position);

	if (k == 0)
		return 1;
	if (m->random_clicks[k] >= POSITION_RANDOM_LEAST &&
	    m->random_clicks[0] >= POSITION_RANDOM_LEAST)
		return ratio(m->random_clicks, m->random_shown, k);
	return ratio(m->clicks, m->expected, k);
}
