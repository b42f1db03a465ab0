/* SPDX-License-Identifier: MIT
 *
 * bands: the sums of a subject's transactions by their age, exact at every instant.
 *
 * Ages are divided by boundaries into bands, [0, b0), [b0, b1), ...; a window is a sum of
 * bands. As event time goes on, each transaction crosses each boundary once. A band's sums
 * are those of the transactions that are in it, each times its weight: what changes of one
 * (its label, its weight) changes the band that it is in, and what never came and what was
 * taken back are the same, to the bit where weights are whole and sums of value below 2^53 micros.
 *
 * A transaction that comes late is put at its place, unless more than BANDS_LATE_MAX of the
 * subject are later.
 */
#ifndef BANNERPIPE_TRANSACTION_BANDS_H
#define BANNERPIPE_TRANSACTION_BANDS_H

#include "lib/transaction/ledger.h"

enum { BANDS = 4, BANDS_LATE_MAX = 64 };

struct band {
	double count, value, fraud, odd; /* of weight, and of weight times each */
};

/* The state of one subject; born is set, all else is zero, when it begins. */
struct bands {
	instant now;     /* the latest of its transactions */
	uint64_t born;   /* the first number that can be its */
	uint64_t newest; /* in the order of time; 0: none */
	uint64_t
	    oldest[BANDS]; /* the first that is younger than the boundary; 0: none */
	instant oldest_when[BANDS];
	struct band of[BANDS];
};

/* Which link of the ledger's transactions is of this kind of subject, and the boundaries. */
struct bands_kind {
	unsigned link;
	int64_t age_us[BANDS]; /* ascending */
};

/* What one transaction adds to its band. */
struct band band_of(const struct transaction *t);

/* Time goes on; a time before `now` changes nothing. Cost: a miss for each that crosses a
 * boundary. */
void bands_advance(
    const struct bands_kind *kind, struct ledger *l, struct bands *b, instant now);
/* Ask for those that would cross, and for the newest. */
void bands_prefetch(const struct bands_kind *kind, const struct ledger *l,
    const struct bands *b, instant now);
/* Number n comes, whose link names the subject and is not in its list yet. False, and
 * nothing has changed, when it is too late. */
bool bands_add(
    const struct bands_kind *kind, struct ledger *l, struct bands *b, uint64_t n);
/* Number n of the list will be dropped. */
void bands_drop(
    const struct bands_kind *kind, struct ledger *l, struct bands *b, uint64_t n);
/* The band of n changes by the difference. */
void bands_change(const struct bands_kind *kind, struct bands *b,
    const struct transaction *t, struct band before, struct band after);

static inline bool
bands_hold(const struct bands *b, const struct ledger *l, uint64_t n)
{
	return n >= b->born && ledger_holds(l, n);
}

/* The sum of the bands from `first` to `last`. */
static inline struct band
bands_sum(const struct bands *b, unsigned first, unsigned last)
{
	struct band s = b->of[first];

	while (++first <= last) {
		s.count += b->of[first].count;
		s.value += b->of[first].value;
		s.fraud += b->of[first].fraud;
		s.odd += b->of[first].odd;
	}
	return s;
}

/* Whether the list of a cell, of at most *most, can have come about: who is next and before,
 * in the order of time, and where its bands begin. *most is less by those in it. */
bool bands_are_sound(const struct bands_kind *kind, const struct ledger *l,
    const struct bands *b, uint64_t *most);

/* The newest that is older than the boundary; 0: none, or it is not held any more. */
uint64_t bands_newest_beyond(const struct bands_kind *kind, const struct ledger *l,
    const struct bands *b, unsigned boundary);

#endif
