/* SPDX-License-Identifier: MIT */
#include "lib/feature/latest.h"

#include <math.h>
#include <string.h>

/* A moment: the instant moved by 2^54, a bit for REPEATED, and eight for how often. */
enum { SHIFT = 9, REPEATED = 256 };

#define BIAS (INT64_C(1) << 54)

_Static_assert(WHEN_MAX < BIAS, "instants have 55 bits");

static uint64_t
moment_of(instant at)
{
	return (uint64_t)(at + BIAS) << SHIFT;
}

static instant
at_of(const struct latest *e)
{
	return (instant)(e->moment >> SHIFT) - BIAS;
}

static bool
is_at(const struct latest *e, instant at)
{
	return e->moment != 0 && at_of(e) == at;
}

/* Where the first lies that is not later; `room`: all are. */
static unsigned
find(const struct latest *list, unsigned room, instant at)
{
	unsigned i = 0;

	while (i < room && list[i].moment != 0 && at_of(&list[i]) > at)
		i++;
	return i;
}

static void
take_out(struct latest *list, unsigned room, unsigned i)
{
	memmove(list + i, list + i + 1, (room - 1 - i) * sizeof *list);
	list[room - 1] = (struct latest){ .moment = 0 };
}

static void
put_in(struct latest *list, unsigned room, unsigned i, struct latest e)
{
	memmove(list + i + 1, list + i, (room - 1 - i) * sizeof *list);
	list[i] = e;
}

/* Once more, or once less; false: it is none any more. */
static bool
repeat(struct latest *e, int sign)
{
	unsigned n = e->moment & LATEST_OFTEN;

	if (n == LATEST_OFTEN)
		return true;
	e->moment += (uint64_t)(int64_t)sign;
	return sign > 0 || n > 1;
}

/* --- Since ------------------------------------------------------------------------ */

void
latest_since_add(struct latest *latest, instant at, int sign)
{
	unsigned i = find(latest, LATEST_SINCE, at);

	if (i == LATEST_SINCE)
		return;
	if (is_at(&latest[i], at)) {
		if (!repeat(&latest[i], sign))
			take_out(latest, LATEST_SINCE, i);
	} else if (sign > 0) {
		put_in(latest, LATEST_SINCE, i,
		    (struct latest){ .moment = moment_of(at) + 1 });
	}
}

double
latest_since(const struct latest *latest, instant at)
{
	instant last = at_of(&latest[0]);

	if (latest[0].moment == 0)
		return (double)INFINITY;
	return at > last ? (double)(at - last) : 0;
}

/* --- Sessions --------------------------------------------------------------------- */

/* Something older than all of the latest. */
static bool
add_before(
    struct latest_session *s, int64_t pause_us, instant at, double amount, int64_t n)
{
	if (n < 0 && (s->n == 0 || at < s->first || at > s->last))
		return false;
	if (s->n > 0 && at < s->first && s->first - at > pause_us)
		return false;
	if (s->n == 0 || (at > s->last && at - s->last > pause_us)) {
		s->first = s->last = at;
		s->n = 0;
		s->sum = 0;
	}
	s->first = at < s->first ? at : s->first;
	s->last = at > s->last ? at : s->last;
	s->n += n;
	s->sum += amount;
	return true;
}

bool
latest_session_add(
    struct latest_session *s, int64_t pause_us, instant at, double amount, int sign)
{
	unsigned i = find(s->latest, LATEST_SESSION, at);
	struct latest pushed = s->latest[LATEST_SESSION - 1];

	if (i < LATEST_SESSION && is_at(&s->latest[i], at)) {
		s->latest[i].sum += amount;
		if (!repeat(&s->latest[i], sign))
			take_out(s->latest, LATEST_SESSION, i);
		return true;
	}
	if (sign < 0 || i == LATEST_SESSION || (s->n > 0 && at <= s->last))
		return add_before(s, pause_us, at, amount, sign);
	put_in(s->latest, LATEST_SESSION, i,
	    (struct latest){ .moment = moment_of(at) + 1, .sum = amount });
	if (pushed.moment != 0)
		(void)add_before(s, pause_us, at_of(&pushed), pushed.sum,
		    (int64_t)(pushed.moment & LATEST_OFTEN));
	return true;
}

double
latest_session(const struct latest_session *s, int64_t pause_us, instant at)
{
	double sum = 0;

	for (unsigned i = 0; i < LATEST_SESSION && s->latest[i].moment != 0; i++) {
		instant own = at_of(&s->latest[i]);

		if (at - own > pause_us)
			return sum;
		sum += s->latest[i].sum;
		at = own;
	}
	return s->n > 0 && at - s->last <= pause_us ? sum + s->sum : sum;
}

/* --- Values ----------------------------------------------------------------------- */

/* Places of a value, the later one first; the room where there is none. */
struct places {
	unsigned later, earlier;
};

static struct places
places_of(const struct latest *list, unsigned room, uint64_t value)
{
	struct places p = { room, room };

	for (unsigned i = 0; i < room && list[i].moment != 0; i++) {
		if (list[i].value != value)
			continue;
		if (p.later < room) {
			p.earlier = i;
			break;
		}
		p.later = i;
	}
	return p;
}

/* Once more at the same instant, or once less. Of one instant the last that came is the
 * first. */
static void
again(struct latest *list, unsigned room, struct places p, unsigned i, int sign)
{
	struct latest e = list[i];

	if (!repeat(&e, sign)) {
		if (i == p.later && p.earlier < room)
			list[p.earlier].moment &= ~(uint64_t)REPEATED;
		take_out(list, room, i);
	} else if (sign > 0) {
		take_out(list, room, i);
		put_in(list, room, find(list, room, at_of(&e)), e);
	} else {
		list[i] = e;
	}
}

void
latest_value_add(
    struct latest *latest, unsigned n, instant at, uint64_t value, int sign)
{
	unsigned room = LATEST_REPEATS * n, i;
	struct places p = places_of(latest, room, value);
	struct latest e = { .moment = moment_of(at) + 1, .value = value };

	if (p.later < room && is_at(&latest[p.later], at))
		again(latest, room, p, p.later, sign);
	else if (p.earlier < room && is_at(&latest[p.earlier], at))
		again(latest, room, p, p.earlier, sign);
	else if (sign > 0) {
		if (p.earlier < room && at_of(&latest[p.earlier]) > at)
			return;
		if (p.earlier < room)
			take_out(latest, room, p.earlier);
		i = find(latest, room, at);
		if (i == room)
			return;
		if (p.later < room && p.later < i)
			e.moment |= REPEATED;
		else if (p.later < room)
			latest[p.later].moment |= REPEATED;
		put_in(latest, room, i, e);
	}
}

unsigned
latest_values(const struct latest *latest, unsigned n, instant at, int64_t length_us,
    bool session, uint64_t *values)
{
	unsigned found = 0;

	for (unsigned i = 0;
	     i < LATEST_REPEATS * n && found < n && latest[i].moment != 0; i++) {
		if ((latest[i].moment & REPEATED) != 0)
			continue;
		if (length_us > 0 && at - at_of(&latest[i]) > length_us)
			break;
		values[found++] = latest[i].value;
		if (session)
			at = at_of(&latest[i]);
	}
	return found;
}
