/* SPDX-License-Identifier: MIT */
#include "lib/fraud/signal.h"

#include <math.h>
#include <string.h>

#include "lib/base/assert.h"

static const char *const own_names[SIGNAL_OWN] = {
#define SIGNAL_TEXT(symbol, name) name,
	SIGNAL_LIST(SIGNAL_TEXT)
#undef SIGNAL_TEXT
};

static const char *const field_names[LATTICE_FIELDS] = { "ip", "device", "os", "user",
	"banner" };

static const struct {
	const char *name;
	unsigned first;
} families[] = { { "velocity", SIGNAL_VELOCITY }, { "volume", SIGNAL_VOLUME },
	{ "clicks", SIGNAL_CLICKS }, { "rate", SIGNAL_RATE }, { "lift", SIGNAL_LIFT },
	{ "distinct", SIGNAL_DISTINCT } };

enum { FAMILIES = sizeof families / sizeof *families };

#define LIFT_PRIOR 200.0 /* showings */

_Static_assert(SIGNAL_FAMILIES == SIGNAL_OWN + FAMILIES, "each has a number");

/* --- Names ------------------------------------------------------------------------- */

static int
field_of(struct slice name)
{
	for (int i = 0; i < LATTICE_FIELDS; i++)
		if (slice_is(name, field_names[i]))
			return i;
	return -1;
}

/* The bits of "ip+user"; 0: it is no set. */
static unsigned
set_of(struct slice text)
{
	unsigned set = 0;

	for (;;) {
		size_t end = slice_find(text, '+');
		int field = field_of(slice_of(text.at, end));

		if (field < 0 || (set >> field & 1) != 0)
			return 0;
		set |= 1U << field;
		if (end == text.size)
			return set;
		text = slice_from(text, end + 1);
	}
}

/* "user/ip+device", a field and a set without it. */
static int
distinct_of(struct slice text)
{
	size_t slash = slice_find(text, '/');
	unsigned set;
	int field;

	if (slash == text.size)
		return -1;
	field = field_of(slice_of(text.at, slash));
	set = set_of(slice_from(text, slash + 1));
	if (field < 0 || set == 0 || (set >> field & 1) != 0)
		return -1;
	return (int)(SIGNAL_DISTINCT + set * LATTICE_FIELDS) + field;
}

int
signal_find(struct slice name)
{
	size_t open = slice_find(name, '(');
	struct slice word = slice_of(name.at, open), inner;

	for (int i = 0; i < SIGNAL_OWN; i++)
		if (slice_is(name, own_names[i]))
			return i;
	if (open == name.size || name.at[name.size - 1] != ')')
		return -1;
	inner = slice_of(name.at + open + 1, name.size - open - 2);
	for (unsigned i = 0; i < FAMILIES; i++) {
		unsigned set;

		if (!slice_is(word, families[i].name))
			continue;
		if (families[i].first == SIGNAL_DISTINCT)
			return distinct_of(inner);
		set = set_of(inner);
		return set == 0 ? -1 : (int)(families[i].first + set);
	}
	return -1;
}

static void
append(char *to, unsigned *size, const char *text)
{
	size_t n = strlen(text);

	assert(*size + n < SIGNAL_NAME_MAX);
	memcpy(to + *size, text, n + 1);
	*size += (unsigned)n;
}

unsigned
signal_family(unsigned signal)
{
	unsigned family = 0;

	if (signal < SIGNAL_OWN)
		return signal;
	while (family + 1 < FAMILIES && signal >= families[family + 1].first)
		family++;
	return SIGNAL_OWN + family;
}

/* The set of a signal that has one, and the field of a distinct count. */
static unsigned
parts(unsigned signal, unsigned *field)
{
	if (signal < SIGNAL_DISTINCT)
		return (signal - SIGNAL_OWN) % LATTICE_SETS;
	*field = (signal - SIGNAL_DISTINCT) % LATTICE_FIELDS;
	return (signal - SIGNAL_DISTINCT) / LATTICE_FIELDS;
}

bool
signal_exists(unsigned signal)
{
	unsigned field = LATTICE_FIELDS, set;

	if (signal < SIGNAL_OWN)
		return true;
	set = parts(signal, &field);
	return signal < SIGNAL_COUNT && set != 0 && (set >> field & 1) == 0;
}

unsigned
signal_name(unsigned signal, char to[SIGNAL_NAME_MAX])
{
	unsigned size = 0, field = LATTICE_FIELDS, set;
	const char *between = "(";

	assert(signal_exists(signal));
	if (signal < SIGNAL_OWN) {
		append(to, &size, own_names[signal]);
		return size;
	}
	set = parts(signal, &field);
	append(to, &size, families[signal_family(signal) - SIGNAL_OWN].name);
	if (field < LATTICE_FIELDS) {
		append(to, &size, "(");
		append(to, &size, field_names[field]);
		between = "/";
	}
	for (unsigned i = 0; i < LATTICE_FIELDS; i++)
		if ((set >> i & 1) != 0) {
			append(to, &size, between);
			append(to, &size, field_names[i]);
			between = "+";
		}
	append(to, &size, ")");
	return size;
}

/* --- Values ------------------------------------------------------------------------ */

static uint32_t
with_banner(unsigned field)
{
	return UINT32_C(1) << (1U << field | 1U << LATTICE_BANNER);
}

/* Those of signals that have no set in their names. */
static uint32_t
sets_of_own(unsigned signal)
{
	const uint32_t user = UINT32_C(1) << (1 << LATTICE_USER);
	const uint32_t address = UINT32_C(1) << (1 << LATTICE_ADDRESS);
	const uint32_t banner = UINT32_C(1) << (1 << LATTICE_BANNER);

	switch (signal) {
	case SIGNAL_FOCUS_USER:
		return user | with_banner(LATTICE_USER);
	case SIGNAL_FOCUS_ADDRESS:
		return address | with_banner(LATTICE_ADDRESS);
	case SIGNAL_PEAK_USER:
		return banner | with_banner(LATTICE_USER);
	case SIGNAL_PEAK_ADDRESS:
		return banner | with_banner(LATTICE_ADDRESS);
	default:
		return 0;
	}
}

uint32_t
signal_sets(unsigned signal)
{
	unsigned field, set, banner = 1U << LATTICE_BANNER;

	if (signal < SIGNAL_OWN)
		return sets_of_own(signal);
	set = parts(signal, &field);
	if (signal >= SIGNAL_LIFT && signal < SIGNAL_DISTINCT && (set & banner) != 0)
		return UINT32_C(1) << set | UINT32_C(1) << banner;
	return UINT32_C(1) << set;
}

uint32_t
signal_counted(unsigned signal)
{
	uint32_t sets = signal_sets(signal);
	unsigned field, set;

	if (signal < SIGNAL_DISTINCT)
		return sets;
	set = parts(signal, &field);
	return sets | UINT32_C(1) << (set | 1U << field);
}

/* Of the clicks of a source the part that is on this banner. */
static float
focus(const struct lattice_view *v, unsigned source)
{
	unsigned set = 1U << source, both = set | 1U << LATTICE_BANNER;
	uint32_t clicks;

	if ((both & ~v->present) != 0)
		return NAN;
	clicks = lattice_clicks(v, set);
	return clicks == 0 ? NAN : (float)lattice_clicks(v, both) / (float)clicks;
}

static float
rate(const struct lattice_view *v, unsigned set)
{
	uint32_t clicks = lattice_clicks(v, set);
	uint32_t others = lattice_volume(v, set) - clicks;

	return (float)clicks / (float)(others == 0 ? 1 : others);
}

/* Of k clicks in n showings where a share p is usual,
 *
 *	(k - n p) / sqrt(n p (1 - p) + 1 + (n p)^2)
 *
 * where the 1 shrinks what is told by few, and the square is of tastes: rates that differ
 * by as much as they are large are usual. p is that of the other events of the banner, drawn to that
 * of all as if there had been LIFT_PRIOR of these. */
static float
lift(const struct look *look, unsigned set)
{
	const struct lattice_view *v = &look->sets;
	const unsigned banner = 1U << LATTICE_BANNER;
	double clicks = lattice_clicks(v, set), n = lattice_volume(v, set) - clicks;
	double p = look->rate;

	if (p <= 0)
		return NAN;
	if ((set & banner) != 0 && set != banner) {
		double all = lattice_clicks(v, banner) - clicks;
		double shown =
		    lattice_volume(v, banner) - lattice_clicks(v, banner) - n;

		p = (all + LIFT_PRIOR * p) / (shown + LIFT_PRIOR);
	}
	p = p < 0 ? 0 : p < 1 ? p : 1;
	return (float)((clicks - n * p) / sqrt(n * p * (1 - p) + 1 + n * p * n * p));
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
	set = parts(signal, &field);
	if ((set & ~v->present) != 0)
		return NAN;
	if (signal < SIGNAL_VOLUME)
		return (float)look->velocity[set];
	if (signal < SIGNAL_CLICKS)
		return (float)lattice_volume(v, set);
	if (signal < SIGNAL_RATE)
		return (float)lattice_clicks(v, set);
	if (signal < SIGNAL_LIFT)
		return rate(v, set);
	if (signal < SIGNAL_DISTINCT)
		return lift(look, set);
	return (float)lattice_distinct(v, set, field);
}
