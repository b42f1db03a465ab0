/* SPDX-License-Identifier: MIT */
#include "lib/fraud/signal.h"

#include <string.h>

#include "lib/base/assert.h"
#include "lib/fraud/signal_inside.h"

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

bool
signal_exists(unsigned signal)
{
	unsigned field = LATTICE_FIELDS, set;

	if (signal < SIGNAL_OWN)
		return true;
	set = signal_parts(signal, &field);
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
	set = signal_parts(signal, &field);
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

/* --- Sets -------------------------------------------------------------------------- */

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
	set = signal_parts(signal, &field);
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
	set = signal_parts(signal, &field);
	return sets | UINT32_C(1) << (set | 1U << field);
}
