/* SPDX-License-Identifier: MIT */
#include "lib/simulate/informed.h"

#include <stdlib.h>
#include <string.h>

enum { CELLS = INFORMED_FAVOURITES * WORLD_CATEGORIES };

uint64_t
informed_bytes(unsigned n)
{
	return (uint64_t)CELLS * n * sizeof(float);
}

int
informed_init(struct informed *f, unsigned n)
{
	*f = (struct informed){ .n = n, .mean = calloc(n, CELLS * sizeof *f->mean) };
	return f->mean != NULL ? 0 : -1;
}

void
informed_fini(struct informed *f)
{
	free(f->mean);
	f->mean = NULL;
}

static float *
cell(const struct informed *f, unsigned favourite, unsigned page)
{
	return f->mean + (size_t)(favourite * WORLD_CATEGORIES + page) * f->n;
}

/* Divide the sums by how often visits look so. */
static void
divide(struct informed *f, const double weight[CELLS])
{
	for (unsigned c = 0; c < CELLS; c++)
		for (unsigned i = 0; i < f->n && weight[c] > 0; i++)
			f->mean[(size_t)c * f->n + i] /= (float)weight[c];
}

void
informed_learn(struct informed *f, const struct world *w)
{
	uint64_t step = (w->o.visitors + WORLD_SAMPLE - 1) / WORLD_SAMPLE;
	double weight[CELLS] = { 0 }, pages[WORLD_CATEGORIES];

	memset(f->mean, 0, informed_bytes(f->n));
	for (uint64_t v = 0; v < w->o.visitors; v += step) {
		unsigned favourites[] = { w->visitor[v].favourite, WORLD_CATEGORIES };
		double activity = world_activity(w, v);

		world_pages(w, (uint32_t)v, pages);
		for (unsigned k = 0; k < 2; k++)
			for (unsigned c = 0; c < WORLD_CATEGORIES; c++)
				weight[favourites[k] * WORLD_CATEGORIES + c] +=
				    activity * pages[c];
		for (unsigned i = 0; i < f->n; i++) {
			double p = activity * world_rate(w, (uint32_t)v, i);

			for (unsigned k = 0; k < 2; k++)
				for (unsigned c = 0; c < WORLD_CATEGORIES; c++)
					cell(f, favourites[k], c)[i] +=
					    (float)(p * pages[c]);
		}
	}
	divide(f, weight);
}

void
informed_clicks(const struct informed *f, const struct world *w, uint32_t visitor,
    bool known, unsigned page, unsigned n, double *p)
{
	unsigned favourite = known ? w->visitor[visitor].favourite : WORLD_CATEGORIES;
	const float *mean = cell(f, favourite, page);

	for (unsigned i = 0; i < n; i++)
		p[i] = (double)mean[i] * (known ? world_left(w, visitor, i) : 1);
}
