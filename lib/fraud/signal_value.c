/* SPDX-License-Identifier: MIT
 *
 * Of a look what signals say: one by one, or side by side.
 */
#include "lib/fraud/signal_inside.h"

#include <math.h>
#include <string.h>

#include "lib/base/assert.h"

#define LIFT_PRIOR 200.0 /* showings */

enum { BANNER = 1U << LATTICE_BANNER };

/* Of the clicks of a source the part that is on this banner. */
static float
focus(const struct lattice_view *v, unsigned source)
{
	unsigned set = 1U << source, both = set | BANNER;
	uint32_t clicks;

	if ((both & ~v->present) != 0)
		return NAN;
	clicks = lattice_counts(v, set).clicks;
	return clicks == 0 ? NAN
			   : (float)lattice_counts(v, both).clicks / (float)clicks;
}

static inline float
rate(struct lattice_counts c)
{
	uint32_t others = c.volume - c.clicks;

	return (float)c.clicks / (float)(others == 0 ? 1 : others);
}

/* Of k clicks in n showings where a share p is usual,
 *
 *	(k - n p) / sqrt(n p (1 - p) + 1 + (n p)^2)
 *
 * where the 1 shrinks what is told by few, and the square is of tastes: rates that differ
 * by as much as they are large are usual. p is that of the other events of the banner,
 * drawn to that of all as if there had been LIFT_PRIOR of these. */
static inline float
lift(struct lattice_counts c, double usual)
{
	double clicks = c.clicks, n = c.volume - clicks;
	double p = usual < 0 ? 0 : usual < 1 ? usual : 1;

	return (float)((clicks - n * p) / sqrt(n * p * (1 - p) + 1 + n * p * n * p));
}

/* What is usual of a set, where it is `all` of all events. */
static inline double
usual(unsigned set, struct lattice_counts c, struct lattice_counts banner, double all)
{
	double clicks = c.clicks, n = c.volume - clicks;
	double others = banner.clicks - clicks;
	double shown = banner.volume - banner.clicks - n;

	return (set & BANNER) == 0 || set == BANNER
	    ? all
	    : (others + LIFT_PRIOR * all) / (shown + LIFT_PRIOR);
}

static float
lift_of(const struct look *look, unsigned set)
{
	struct lattice_counts c = lattice_counts(&look->sets, set), banner = { 0, 0 };

	if (look->rate <= 0)
		return NAN;
	if ((set & BANNER) != 0)
		banner = lattice_counts(&look->sets, BANNER);
	return lift(c, usual(set, c, banner, look->rate));
}

void
signal_velocities(struct look *look, uint32_t sets)
{
	for (sets &= look->sets.sets; sets != 0; sets &= sets - 1) {
		unsigned set = (unsigned)__builtin_ctz(sets);
		uint16_t n = lattice_velocity(&look->sets, set);

		if (n > look->velocity[set])
			look->velocity[set] = n;
	}
}

float
signal_value(const struct look *look, unsigned signal)
{
	const struct lattice_view *v = &look->sets;
	unsigned field = 0, set;

	if (signal == SIGNAL_FOCUS_USER || signal == SIGNAL_FOCUS_ADDRESS)
		return focus(
		    v, signal == SIGNAL_FOCUS_USER ? LATTICE_USER : LATTICE_ADDRESS);
	if (signal < SIGNAL_OWN)
		return look->own[signal];
	set = signal_parts(signal, &field);
	if ((set & ~v->present) != 0)
		return NAN;
	if (signal < SIGNAL_VOLUME)
		return (float)look->velocity[set];
	if (signal < SIGNAL_CLICKS)
		return (float)lattice_counts(v, set).volume;
	if (signal < SIGNAL_RATE)
		return (float)lattice_counts(v, set).clicks;
	if (signal < SIGNAL_LIFT)
		return rate(lattice_counts(v, set));
	if (signal < SIGNAL_DISTINCT)
		return lift_of(look, set);
	return (float)lattice_distinct(v, set, field);
}

/* --- Side by side -------------------------------------------------------------------- */

_Static_assert(SIGNAL_OWN % SIGNAL_QUAD == 0 && LATTICE_SETS % SIGNAL_QUAD == 0,
    "a quad is of one family");

enum {
	QUADS = LATTICE_SETS / SIGNAL_QUAD, /* of sets */
	BYTES = SIGNAL_QUAD * LATTICE_OTHERS,
};

/* What cells of one time have, field by field; of those of an earlier one, what that is at
 * this time. Of sets that the event does not have anything: measure_nothing comes last. */
struct gathered {
	uint16_t volume[LATTICE_SETS][2], clicks[LATTICE_SETS][2];
	uint8_t distinct[2][LATTICE_SETS * LATTICE_OTHERS];
};

/* With n >= 0 other events, k / max(n, 1) and (k - n p) / sqrt(1 + ...) are at most k, as
 * they are rounded, too. */
unsigned
signal_ceiling(unsigned signal)
{
	if (signal >= SIGNAL_RATE && signal < SIGNAL_LIFT)
		return signal - SIGNAL_RATE + SIGNAL_CLICKS;
	if (signal >= SIGNAL_LIFT && signal < SIGNAL_DISTINCT)
		return signal - SIGNAL_LIFT + SIGNAL_CLICKS;
	return signal;
}

unsigned
signal_place(unsigned signal)
{
	unsigned field = 0, set;

	assert(signal < SIGNAL_RATE || signal >= SIGNAL_DISTINCT);
	if (signal < SIGNAL_RATE)
		return signal;
	set = signal_parts(signal, &field);
	return SIGNAL_PLACES_DISTINCT + set * LATTICE_OTHERS + lattice_rank(set, field);
}

/* Whole quads, so that what is compared was measured. */
void
signal_ask(struct signal_asks *asks, unsigned signal)
{
	unsigned field = 0, set;

	if (signal < SIGNAL_OWN) {
		asks->own |= UINT32_C(1) << signal;
		return;
	}
	set = signal_parts(signal, &field) / SIGNAL_QUAD * SIGNAL_QUAD;
	asks->sets |= UINT32_C(0xF) << set;
	if (signal >= SIGNAL_DISTINCT)
		asks->distinct |= UINT32_C(0xF) << set;
}

static inline void
gather(const struct lattice_view *v, uint32_t sets, struct gathered *to)
{
	for (; sets != 0; sets &= sets - 1) {
		unsigned set = (unsigned)__builtin_ctz(sets);
		const struct lattice_cell *c = v->cell[set];
		struct lattice_cell seen;

		if (__builtin_expect(c->length != v->length, 0)) {
			seen = lattice_seen(c, v);
			c = &seen;
		}
		memcpy(to->volume[set], c->volume, sizeof c->volume);
		memcpy(to->clicks[set], c->clicks, sizeof c->clicks);
		for (unsigned i = 0; i < 2; i++)
			memcpy(&to->distinct[i][set * LATTICE_OTHERS], c->distinct[i],
			    LATTICE_OTHERS);
	}
}

static inline void
measure_counts(const struct look *look, const struct gathered *from, unsigned quad,
    float value[SIGNAL_PLACES])
{
	for (unsigned i = quad * SIGNAL_QUAD; i < (quad + 1) * SIGNAL_QUAD; i++) {
		value[SIGNAL_VELOCITY + i] = look->velocity[i];
		value[SIGNAL_VOLUME + i] =
		    (float)(from->volume[i][0] + from->volume[i][1]);
		value[SIGNAL_CLICKS + i] =
		    (float)(from->clicks[i][0] + from->clicks[i][1]);
	}
}

static inline void
measure_distinct(const struct gathered *from, unsigned quad, float value[SIGNAL_PLACES])
{
	float *to = &value[SIGNAL_PLACES_DISTINCT + quad * BYTES];
	const uint8_t *first = &from->distinct[0][quad * BYTES];
	const uint8_t *second = &from->distinct[1][quad * BYTES];
	uint8_t most[BYTES];

	for (unsigned i = 0; i < BYTES; i++)
		most[i] = first[i] > second[i] ? first[i] : second[i];
	for (unsigned i = 0; i < BYTES; i++)
		to[i] = most[i];
}

/* Sets that the event does not have. */
static void
measure_nothing(uint32_t sets, float value[SIGNAL_PLACES])
{
	for (; sets != 0; sets &= sets - 1) {
		unsigned set = (unsigned)__builtin_ctz(sets);

		for (unsigned i = SIGNAL_VELOCITY; i < SIGNAL_RATE; i += LATTICE_SETS)
			value[i + set] = NAN;
		for (unsigned i = 0; i < LATTICE_OTHERS; i++)
			value[SIGNAL_PLACES_DISTINCT + set * LATTICE_OTHERS + i] = NAN;
	}
}

void
signal_measure(
    const struct look *look, const struct signal_asks *asks, float value[SIGNAL_PLACES])
{
	const struct lattice_view *v = &look->sets;
	struct gathered g;

	memcpy(value, look->own, sizeof look->own);
	if ((asks->own >> SIGNAL_FOCUS_USER & 1) != 0)
		value[SIGNAL_FOCUS_USER] = focus(v, LATTICE_USER);
	if ((asks->own >> SIGNAL_FOCUS_ADDRESS & 1) != 0)
		value[SIGNAL_FOCUS_ADDRESS] = focus(v, LATTICE_ADDRESS);
	gather(v, asks->sets & v->sets, &g);
	for (unsigned quad = 0; quad < QUADS; quad++) {
		if ((asks->sets >> quad * SIGNAL_QUAD & 1) != 0)
			measure_counts(look, &g, quad, value);
		if ((asks->distinct >> quad * SIGNAL_QUAD & 1) != 0)
			measure_distinct(&g, quad, value);
	}
	measure_nothing(asks->sets & ~v->sets, value);
}
