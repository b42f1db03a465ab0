/* SPDX-License-Identifier: MIT */
#include "lib/login/history.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"

/* Where the arrays behind the head lie. */
static instant *
instants(const struct history *h)
{
	return (instant *)(uintptr_t)(h + 1);
}

static struct place *
places(const struct history *h, unsigned size)
{
	return (struct place *)(instants(h) + size);
}

static uint32_t *
values(const struct history *h, unsigned size, unsigned level)
{
	return (uint32_t *)(places(h, size) + size) + (size_t)level * size;
}

static uint32_t *
tags(const struct history *h, unsigned size)
{
	return values(h, size, LOGIN_LEVELS);
}

size_t
history_size(unsigned logins)
{
	assert(logins > 0 && logins <= HISTORY_LOGINS_MAX);
	return sizeof(struct history) +
	    logins *
	    (sizeof(instant) + sizeof(struct place) +
		(LOGIN_LEVELS + 1) * sizeof(uint32_t));
}

instant
history_at(const struct history *h, unsigned size, unsigned i)
{
	(void)size;
	return instants(h)[i];
}

struct place
history_place(const struct history *h, unsigned size, unsigned i)
{
	return places(h, size)[i];
}

/* 0 is a value that is not known, here too. */
static uint32_t
short_of(uint64_t value)
{
	uint32_t half = (uint32_t)(value >> 32);

	return value == 0 ? 0 : half + (half == 0);
}

static uint64_t
bit(unsigned i)
{
	return UINT64_C(1) << i;
}

/* Four logins at a time, as processors compare them; no more of them is asked for. */
typedef uint32_t four __attribute__((vector_size(16)));

static uint32_t
any_of(four x)
{
	x |= __builtin_shufflevector(x, x, 2, 3, 0, 1);
	x |= __builtin_shufflevector(x, x, 1, 0, 3, 2);
	return x[0];
}

/* Of 32 values at most, the bits of those that are there, and of those that are `value`. */
static void
match_part(
    const uint32_t *v, unsigned n, uint32_t value, uint32_t *known, uint32_t *same)
{
	const four none = { 0 }, sought = { value, value, value, value };
	four some = none, alike = none, bits = { 1, 2, 4, 8 };
	unsigned i = 0;

	for (; i + 4 <= n; i += 4, bits <<= 4) {
		four x;

		memcpy(&x, v + i, sizeof x);
		some |= (four)(x != none) & bits;
		alike |= (four)(x == sought) & bits;
	}
	*known = any_of(some);
	*same = any_of(alike);
	for (; i < n; i++) {
		*known |= (uint32_t)(v[i] != 0) << i;
		*same |= (uint32_t)(v[i] == value) << i;
	}
}

/* Of n values, the bits of those that are there,
 * and of those that are `value`. */
static void
match(const uint32_t *v, unsigned n, uint32_t value, uint64_t *known, uint64_t *same)
{
	uint32_t some, alike;

	*known = *same = 0;
	for (unsigned i = 0; i < n; i += 32) {
		match_part(v + i, n - i < 32 ? n - i : 32, value, &some, &alike);
		*known |= (uint64_t)some << i;
		*same |= (uint64_t)alike << i;
	}
}

static uint64_t
same_as(const uint32_t *v, unsigned n, uint32_t value)
{
	uint64_t known, same;

	match(v, n, value, &known, &same);
	return same;
}

uint64_t
history_same(const struct history *h, unsigned size, enum login_level level,
    const struct login *l)
{
	uint32_t value = short_of(l->value[level]);

	return value == 0 ? 0 : same_as(values(h, size, level), h->n, value);
}

void
history_match(const struct history *h, unsigned size, const struct login *l,
    struct history_match *to)
{
	for (unsigned level = 0; level < LOGIN_LEVELS; level++) {
		match(values(h, size, level), h->n, short_of(l->value[level]),
		    &to->known[level], &to->same[level]);
		/* What is not known is not the same. */
		to->same[level] &= to->known[level];
	}
}

/* --- Which values are fresh ---------------------------------------------------------- */

static void
mark_fresh(struct history *h, unsigned size)
{
	for (unsigned level = 0; level < LOGIN_LEVELS; level++) {
		const uint32_t *v = values(h, size, level);

		h->fresh[level] = 0;
		for (unsigned i = 0; i < h->n; i++)
			if (v[i] == 0 || same_as(v, i, v[i]) == 0)
				h->fresh[level] |= bit(i);
	}
}

/* The oldest goes: what was fresh with it is so with the next of its value, which is mostly
 * the one behind it. */
static void
pass_on_fresh(struct history *h, unsigned size)
{
	for (unsigned level = 0; level < LOGIN_LEVELS; level++) {
		const uint32_t *v = values(h, size, level);
		uint64_t others = 0;

		if (v[0] != 0 && h->n > 1)
			others =
			    v[1] == v[0] ? bit(1) : same_as(v, h->n, v[0]) & ~bit(0);
		h->fresh[level] |= others & -others;
		h->fresh[level] >>= 1;
	}
}

/* --- Coming and going ---------------------------------------------------------------- */

/* Move logins from..n-1 by one place, up or down. */
static void
shift(struct history *h, unsigned size, unsigned from, int by)
{
	size_t n = h->n - from;
	unsigned to = from + (unsigned)by;

	memmove(instants(h) + to, instants(h) + from, n * sizeof(instant));
	memmove(places(h, size) + to, places(h, size) + from, n * sizeof(struct place));
	for (unsigned level = 0; level <= LOGIN_LEVELS; level++) {
		uint32_t *v = values(h, size, level);

		memmove(v + to, v + from, n * sizeof *v);
	}
}

/* What lies behind the last login is zero, so that equal histories have equal bytes. */
static void
clear_last(struct history *h, unsigned size)
{
	instants(h)[h->n] = 0;
	places(h, size)[h->n] = (struct place){ 0 };
	for (unsigned level = 0; level <= LOGIN_LEVELS; level++)
		values(h, size, level)[h->n] = 0;
}

/* Where a login of that instant and tag belongs: before those that are later. */
static unsigned
place_of(const struct history *h, unsigned size, instant at, uint32_t tag)
{
	unsigned i = h->n;

	while (i > 0 &&
	    (instants(h)[i - 1] > at ||
		(instants(h)[i - 1] == at && tags(h, size)[i - 1] > tag)))
		i--;
	return i;
}

bool
history_add(struct history *h, unsigned size, const struct login *l,
    const struct history_match *m)
{
	uint32_t tag = short_of(l->event);
	unsigned i = place_of(h, size, l->at, tag);
	bool full = h->n == size, last = i == h->n;

	h->logins++;
	if (full) {
		if (i == 0)
			return true;
		pass_on_fresh(h, size);
		shift(h, size, 1, -1);
		h->n--;
		i--;
	}
	if (!last)
		shift(h, size, i, 1);
	h->n++;
	instants(h)[i] = l->at;
	places(h, size)[i] = l->place;
	tags(h, size)[i] = tag;
	for (unsigned level = 0; level < LOGIN_LEVELS; level++) {
		uint32_t *v = values(h, size, level);

		v[i] = short_of(l->value[level]);
		if (last && m->same[level] >> full == 0)
			h->fresh[level] |= bit(i);
	}
	if (!last)
		mark_fresh(h, size);
	return full;
}

bool
history_remove(struct history *h, unsigned size, const struct login *l)
{
	uint32_t tag = short_of(l->event);
	unsigned i = place_of(h, size, l->at, tag);

	h->logins -= h->logins > 0;
	if (i == 0 || instants(h)[i - 1] != l->at || tags(h, size)[i - 1] != tag)
		return false;
	shift(h, size, i, -1);
	h->n--;
	clear_last(h, size);
	mark_fresh(h, size);
	return true;
}
