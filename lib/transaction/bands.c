/* SPDX-License-Identifier: MIT */
#include "lib/transaction/bands.h"

struct band
band_of(const struct transaction *t)
{
	double w = t->weight;

	return (struct band){ w, w * (double)t->value_micros,
		t->label == LABEL_FRAUD ? w : 0, t->odd ? w : 0 };
}

static void
add(struct band *to, struct band b, double times)
{
	to->count += times * b.count;
	to->value += times * b.value;
	to->fraud += times * b.fraud;
	to->odd += times * b.odd;
}

/* The band of an age; BANDS: beyond all. */
static unsigned
band_at(const struct bands_kind *kind, instant now, instant when)
{
	unsigned i = 0;

	while (i < BANDS && when <= now - kind->age_us[i])
		i++;
	return i;
}

static void
set_oldest(struct bands *b, unsigned i, uint64_t n, instant when)
{
	b->oldest[i] = n;
	b->oldest_when[i] = when;
}

static bool
crosses(const struct bands_kind *kind, const struct bands *b, unsigned i, instant now)
{
	return b->oldest[i] != 0 && b->oldest_when[i] <= now - kind->age_us[i];
}

/* The oldest of a band goes on into the next one. */
static void
cross(const struct bands_kind *kind, struct ledger *l, struct bands *b, unsigned i)
{
	const struct transaction *t = ledger_at(l, b->oldest[i]);
	struct band x = band_of(t);

	add(&b->of[i], x, -1);
	if (i + 1 < BANDS)
		add(&b->of[i + 1], x, 1);
	else
		ledger_change(l, b->oldest[i])->gone |= (uint8_t)(1U << kind->link);
	set_oldest(b, i, t->link[kind->link].next, t->link[kind->link].next_when);
}

/* In turn, so that what one waits for comes while others cross. */
void
bands_advance(
    const struct bands_kind *kind, struct ledger *l, struct bands *b, instant now)
{
	bool more = now > b->now || b->newest == 0;

	if (more)
		b->now = now;
	while (more) {
		more = false;
		for (unsigned i = 0; i < BANDS; i++) {
			if (!crosses(kind, b, i, now))
				continue;
			cross(kind, l, b, i);
			if (crosses(kind, b, i, now)) {
				ledger_prefetch(l, b->oldest[i]);
				more = true;
			}
		}
	}
}

void
bands_prefetch(const struct bands_kind *kind, const struct ledger *l,
    const struct bands *b, instant now)
{
	ledger_prefetch(l, b->newest);
	for (unsigned i = 0; i < BANDS; i++)
		if (b->oldest_when[i] <= now - kind->age_us[i])
			ledger_prefetch(l, b->oldest[i]);
}

/* Between which two of the list it comes: the last that is not later, 0 for none that is
 * held, and the first that is, 0 for none. False: too late. */
static bool
find_place(const struct bands *b, const struct ledger *l, unsigned link, instant when,
    uint64_t *earlier, uint64_t *later)
{
	*earlier = b->newest;
	*later = 0;
	for (unsigned steps = 0; bands_hold(b, l, *earlier); steps++) {
		const struct transaction *t = ledger_at(l, *earlier);

		if (t->when <= when)
			return true;
		if (steps == BANDS_LATE_MAX)
			return false;
		*later = *earlier;
		*earlier = t->link[link].before;
	}
	*earlier = 0;
	return true;
}

static void
set_next(struct ledger_link *k, uint64_t n, instant when)
{
	k->next = n;
	k->next_when = when;
}

bool
bands_add(const struct bands_kind *kind, struct ledger *l, struct bands *b, uint64_t n)
{
	unsigned k = kind->link, band;
	struct transaction *t = ledger_change(l, n);
	uint64_t earlier, later;

	if (!find_place(b, l, k, t->when, &earlier, &later))
		return false;
	bands_advance(kind, l, b, t->when);
	t->link[k].before = earlier;
	t->link[k].next = later;
	if (earlier != 0)
		set_next(&ledger_change(l, earlier)->link[k], n, t->when);
	if (later != 0) {
		t->link[k].next_when = ledger_at(l, later)->when;
		ledger_change(l, later)->link[k].before = n;
	} else {
		b->newest = n;
	}
	band = band_at(kind, b->now, t->when);
	if (band == BANDS)
		t->gone |= (uint8_t)(1U << k);
	else
		add(&b->of[band], band_of(t), 1);
	/* It is the first of every band whose first comes after it. */
	for (unsigned i = band; i < BANDS; i++)
		if (b->oldest[i] == later)
			set_oldest(b, i, n, t->when);
	return true;
}

void
bands_drop(const struct bands_kind *kind, struct ledger *l, struct bands *b, uint64_t n)
{
	const struct transaction *t = ledger_at(l, n);
	const struct ledger_link *k = &t->link[kind->link];
	unsigned band = band_at(kind, b->now, t->when);

	if (band < BANDS)
		add(&b->of[band], band_of(t), -1);
	for (unsigned i = 0; i < BANDS; i++)
		if (b->oldest[i] == n)
			set_oldest(b, i, k->next, k->next_when);
	if (b->newest == n && !bands_hold(b, l, k->before)) {
		*b = (struct bands){ .now = b->now, .born = b->born };
		return;
	}
	if (b->newest == n)
		b->newest = k->before;
	/* Only what came late has one before it that stays. */
	if (bands_hold(b, l, k->before)) {
		set_next(&ledger_change(l, k->before)->link[kind->link], k->next,
		    k->next_when);
		if (bands_hold(b, l, k->next))
			ledger_change(l, k->next)->link[kind->link].before = k->before;
	}
}

void
bands_change(const struct bands_kind *kind, struct bands *b,
    const struct transaction *t, struct band before, struct band after)
{
	unsigned band = band_at(kind, b->now, t->when);

	if (band == BANDS)
		return;
	add(&b->of[band], before, -1);
	add(&b->of[band], after, 1);
}

uint64_t
bands_newest_beyond(const struct bands_kind *kind, const struct ledger *l,
    const struct bands *b, unsigned boundary)
{
	uint64_t n = b->oldest[boundary] == 0
	    ? b->newest
	    : ledger_at(l, b->oldest[boundary])->link[kind->link].before;

	return bands_hold(b, l, n) ? n : 0;
}

bool
bands_are_sound(const struct bands_kind *kind, const struct ledger *l,
    const struct bands *b, uint64_t *most)
{
	uint64_t next = 0, n = b->newest;
	instant next_when = WHEN_MAX;
	unsigned found = 0, wanted = 0;

	for (unsigned i = 0; i < BANDS; i++)
		wanted += b->oldest[i] != 0;
	for (; bands_hold(b, l, n); --*most) {
		const struct transaction *t = ledger_at(l, n);
		const struct ledger_link *k = &t->link[kind->link];

		if (*most == 0 || k->next != next || t->when > next_when ||
		    (next != 0 && k->next_when != next_when))
			return false;
		for (unsigned i = 0; i < BANDS; i++)
			found += b->oldest[i] == n && b->oldest_when[i] == t->when;
		next = n;
		next_when = t->when;
		n = k->before;
	}
	return found == wanted && ledger_instant_holds(b->now);
}
