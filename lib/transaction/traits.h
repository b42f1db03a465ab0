/* SPDX-License-Identifier: MIT
 *
 * traits: what is looked at in a transaction, each in one of a few buckets: a byte. What a
 * model learns is a weight for each bucket, so that it need not be a line in the amount;
 * buckets are fixed (whole numbers, or equal ratios), so that the same transaction always
 * has the same ones. The first bucket is for what there is none of. Pairs of traits whose buckets say more together are crossed.
 *
 * The windows are those of the Fraud Detection Handbook (Le Borgne et al., chapter 3); the
 * deviation from the median is that of Iglewicz and Hoaglin, "How to Detect and Handle
 * Outliers", 1993.
 */
#ifndef BANNERPIPE_TRANSACTION_TRAITS_H
#define BANNERPIPE_TRANSACTION_TRAITS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/slice.h"
#include "lib/transaction/bands.h"
#include "lib/transaction/typical.h"

enum {
	TRAITS_TERMINALS_MAX = LEDGER_SUBJECTS_MAX - 1,
	TRAITS_KEYS_MAX = LEDGER_KEYS_MAX, /* of velocity */
	TRAITS_WINDOWS = 3,                /* of each */
	TRAITS_CROSSES_MAX = 16,
	TRAITS_PARTS_MAX = LEDGER_TRAITS_MAX + TRAITS_CROSSES_MAX,
	TRAITS_WORD_MAX = 64, /* as much as a judgement's reason may have */
};

/* Of Iglewicz and Hoaglin: further away is an outlier. */
#define TRAITS_ODD 3.5F

/* Two traits together: the buckets of `a`, so many, for each of those of `b`. */
struct trait_cross {
	unsigned a, b, buckets;
};

/* Parts of the score are the traits but those of velocity, then the crosses, then those of
 * velocity, which a transaction may not have. */
struct traits {
	unsigned n, crosses, terminals, keys;
	unsigned fixed;     /* traits that are parts, and that each transaction has */
	unsigned always;    /* parts that it has: these, and the crosses */
	unsigned first_key; /* the first trait of velocity */
	unsigned cells;     /* buckets of all parts */
	unsigned at[TRAITS_PARTS_MAX];      /* where its buckets begin */
	unsigned buckets[TRAITS_PARTS_MAX]; /* how many; of a trait at most 256 */
	struct trait_cross cross[TRAITS_CROSSES_MAX];
	char word[TRAITS_PARTS_MAX][TRAITS_WORD_MAX]; /* what a reason calls it */
	uint8_t word_size[TRAITS_PARTS_MAX];
};

/* Of a terminal, as far as labels are known that are old enough. */
struct traits_terminal {
	const struct bands *bands; /* NULL: the transaction names none */
	/* Its last transactions, back to one of the other label: how many, of fraud or not, and
	 * how long ago the first of them was. */
	unsigned run;
	bool run_of_fraud;
	int64_t run_us;
};

/* What is known when a transaction comes, without it. */
struct traits_view {
	instant when;
	float amount;
	const struct bands *customer;
	float median, deviation;  /* of its amounts so far, and of this one from them */
	int64_t since_last_us;    /* negative: it is the customer's first */
	int64_t since_sign_up_us; /* of a first one; negative: unknown */
	struct traits_terminal terminal[TRAITS_TERMINALS_MAX];
	bool has_key[TRAITS_KEYS_MAX];
	int64_t velocity[TRAITS_KEYS_MAX][TRAITS_WINDOWS];
};

/* Which traits there are, with so many kinds of terminals and keys of velocity, called by
 * their names. */
void traits_init(struct traits *t, const struct slice *terminals, unsigned n_terminals,
    const struct slice *keys, unsigned n_keys);
/* One byte a trait. */
void traits_of(const struct traits *t, const struct traits_view *v, uint8_t *to);
/* Where the cells of its parts are, and which part each is from t->always on: those before
 * are themselves. Returns how many. */
unsigned traits_cells(
    const struct traits *t, const uint8_t *bucket, uint32_t *cell, uint8_t *part);
/* Whether these are buckets that there are. */
bool traits_are_sound(const struct traits *t, const uint8_t *bucket);
/* What a reason calls a part; borrowed. */
static inline struct slice
traits_word(const struct traits *t, unsigned part)
{
	return slice_of(t->word[part], t->word_size[part]);
}

/* How far an amount is from the median, in deviations; 0 while there are too few to say. */
float traits_deviation(const struct typical *t, float amount);

#endif
