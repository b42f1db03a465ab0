/* SPDX-License-Identifier: MIT */
#include "lib/sketch/entropy.h"

#include <math.h>
#include <string.h>

#include "lib/hash.h"

/* Draws are above -2^13, so that a projection of a total stays below 2^61. */
#define UNIT 0x1p16
#define TOTAL_MAX (INT64_C(1) << 32)

/* The quantile function of the maximally skewed stable distribution of index 1 has no
 * closed form; this makes a draw of it from two uniform numbers (Chambers, Mallows and
 * Stuck, JASA 71, 1976), scaled such that E exp(x) = 1. Twelve bits of hash for the angle,
 * and twenty for the exponential, whose tail matters. */
static int64_t
draw(uint32_t hash)
{
	static const double pi = 3.14159265358979323846;
	double angle = pi * (((double)(hash >> 20) + 0.5) / 4096 - 0.5);
	double wait = -log(((double)(hash & 0xFFFFF) + 0.5) / 0x1p20);

	return (int64_t)llrint(UNIT *
	    (tan(angle) * (pi / 2 - angle) +
		log(wait * cos(angle) / (pi / 2 - angle))));
}

/* Modulo 2^64, so that what is taken back is gone whatever was between. */
static void
shift(int64_t *projection, int64_t count, uint32_t hash)
{
	*projection =
	    (int64_t)((uint64_t)*projection + (uint64_t)count * (uint64_t)draw(hash));
}

/* Add count times the draws of a value. */
static void
project(struct entropy *e, uint32_t tag, int64_t count)
{
	struct random random = { tag };

	for (unsigned i = 0; i < ENTROPY_REGISTERS; i += 2) {
		uint64_t h = random_next(&random);

		shift(&e->projection[i], count, (uint32_t)h);
		shift(&e->projection[i + 1], count, (uint32_t)(h >> 32));
	}
}

static void
become_dense(struct entropy *e)
{
	struct entropy few = *e;

	memset(e->projection, 0, sizeof e->projection);
	e->used = 0;
	e->dense = 1;
	for (unsigned i = 0; i < few.used; i++)
		project(e, few.few.tag[i], few.few.count[i]);
}

static unsigned
find(const struct entropy *e, uint32_t tag)
{
	unsigned i = 0;

	while (i < e->used && e->few.tag[i] != tag)
		i++;
	return i;
}

static bool
add(struct entropy *e, uint32_t tag, int32_t amount)
{
	unsigned i = e->dense ? ENTROPY_VALUES : find(e, tag);

	if (e->total + amount > TOTAL_MAX || e->total + amount < -TOTAL_MAX)
		return false;
	if (i == ENTROPY_VALUES) {
		if (!e->dense)
			become_dense(e);
		project(e, tag, amount);
	} else {
		int32_t count = i < e->used ? e->few.count[i] : 0;

		if (__builtin_add_overflow(count, amount, &count))
			return false;
		e->used += i == e->used;
		e->few.tag[i] = tag;
		e->few.count[i] = count;
		if (count == 0) { /* the last one takes its place */
			unsigned last = --e->used;

			e->few.tag[i] = e->few.tag[last];
			e->few.count[i] = e->few.count[last];
			e->few.tag[last] = 0;
			e->few.count[last] = 0;
		}
	}
	e->total += amount;
	return true;
}

bool
entropy_add(struct entropy *e, uint64_t value, int32_t amount)
{
	return amount == 0 || add(e, (uint32_t)(value >> 32), amount);
}

static double
read_few(const struct entropy *e)
{
	double n = (double)e->total, sum = 0;

	for (unsigned i = 0; i < e->used; i++) {
		double p = (double)e->few.count[i] / n;

		if (p > 0)
			sum -= p * log(p);
	}
	return sum;
}

double
entropy_read(const struct entropy *e)
{
	double n = (double)e->total, mean = 0, h;

	if (e->total <= 0)
		return 0;
	if (!e->dense)
		return read_few(e);
	for (unsigned i = 0; i < ENTROPY_REGISTERS; i++)
		mean += exp((double)e->projection[i] / UNIT / n) / ENTROPY_REGISTERS;
	/* A logarithm of a mean with variance 3 / k is low by half of that. */
	h = -log(mean) - 1.5 / ENTROPY_REGISTERS;
	return h > 0 ? h : 0;
}

double
entropy_error(const struct entropy *e)
{
	return e->dense ? sqrt(3.0 / ENTROPY_REGISTERS) : 0;
}

bool
entropy_merge(struct entropy *into, const struct entropy *from)
{
	if (!from->dense) {
		for (unsigned i = 0; i < from->used; i++)
			if (!add(into, from->few.tag[i], from->few.count[i]))
				return false;
		return true;
	}
	if (into->total + from->total > TOTAL_MAX ||
	    into->total + from->total < -TOTAL_MAX)
		return false;
	if (!into->dense)
		become_dense(into);
	for (unsigned i = 0; i < ENTROPY_REGISTERS; i++)
		into->projection[i] = (int64_t)((uint64_t)into->projection[i] +
		    (uint64_t)from->projection[i]);
	into->total += from->total;
	return true;
}
