/* SPDX-License-Identifier: MIT */
#include "lib/fraud/strange.h"

#include <math.h>
#include <stdlib.h>

#include "lib/sketch/halfspace.h"

#define SET(field) (1U << LATTICE_##field)
#define DISTINCT(field, set)                                                           \
	(SIGNAL_DISTINCT + (set)*LATTICE_FIELDS + (unsigned)LATTICE_##field)

/* In bp-fraud(1), too. */
static const uint16_t signals[] = {
	SIGNAL_VELOCITY + SET(USER),
	SIGNAL_VELOCITY + SET(ADDRESS),
	SIGNAL_RATE + SET(USER),
	SIGNAL_CLICKS + (SET(USER) | SET(BANNER)),
	DISTINCT(USER, SET(DEVICE)),
	DISTINCT(ADDRESS, SET(DEVICE)),
	SIGNAL_GAP_USER,
	SIGNAL_DELAY,
};

enum {
	DIMENSIONS = sizeof signals / sizeof *signals,
	NODE = 9, /* bytes */
	DEPTH_MIN = 8,
};

#define MISSING (-1.0) /* below all logarithms of 1 + x */

struct strange {
	struct halfspace *trees; /* owned */
};

static uint64_t
bytes_of(const struct halfspace_shape *shape)
{
	return ((uint64_t)shape->trees << (shape->depth + 1)) * NODE +
	    (uint64_t)shape->window * shape->dimensions * sizeof(double);
}

struct strange *
strange_new(uint64_t memory_bytes, uint64_t seed)
{
	struct halfspace_shape shape = halfspace_default(DIMENSIONS, seed);
	struct strange *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	while (shape.depth > DEPTH_MIN && bytes_of(&shape) > memory_bytes)
		shape.depth--;
	if (bytes_of(&shape) <= memory_bytes)
		s->trees = halfspace_new(&shape);
	if (s->trees == NULL) {
		free(s);
		return NULL;
	}
	return s;
}

void
strange_free(struct strange *s)
{
	if (s == NULL)
		return;
	halfspace_free(s->trees);
	free(s);
}

uint32_t
strange_sets(void)
{
	uint32_t sets = 0;

	for (unsigned i = 0; i < DIMENSIONS; i++)
		sets |= signal_sets(signals[i]);
	return sets;
}

uint32_t
strange_counted(void)
{
	uint32_t sets = 0;

	for (unsigned i = 0; i < DIMENSIONS; i++)
		sets |= signal_counted(signals[i]);
	return sets;
}

uint32_t
strange_own(void)
{
	uint32_t own = 0;

	for (unsigned i = 0; i < DIMENSIONS; i++)
		if (signals[i] < SIGNAL_OWN)
			own |= UINT32_C(1) << signals[i];
	return own;
}

float
strange_measure(struct strange *s, const struct look *look)
{
	double point[DIMENSIONS], score;

	for (unsigned i = 0; i < DIMENSIONS; i++) {
		double value = (double)signal_value(look, signals[i]);

		point[i] = value >= 0 ? log1p(value) : MISSING;
	}
	return halfspace_add(s->trees, point, &score) ? (float)(1 / (1 + score)) : NAN;
}

/* --- Snapshots --------------------------------------------------------------------- */

void
strange_save(struct strange *s, struct state_writer *to)
{
	state_put_block(to, halfspace_bytes(s->trees), NULL);
}

int
strange_load(struct strange *s, struct state_reader *from, struct error *error)
{
	size_t size = halfspace_bytes(s->trees).size;
	uint8_t *bytes = calloc(1, size);
	int status;

	if (bytes == NULL)
		return error_set(error, "no memory for the trees");
	status = state_get_block(from, bytes, size, NULL, error);
	if (status == 0)
		status = halfspace_load(s->trees, slice_of(bytes, size), error);
	free(bytes);
	return status;
}
