/* SPDX-License-Identifier: MIT
 *
 * crosses: pairs of fields whose values say more together than each alone, found while one
 * learns. Each combination of values of a chosen pair becomes a feature of the example, with
 * a cell like any other.
 *
 * A field is a namespace, the top 16 bits of a key. A search keeps for each pair of fields
 * what a table of their combinations, hashed to CROSSES_SLOTS, would have added so far to
 * what the model said. It is fed with every positive and as many negatives as are worth it:
 * about CROSSES_NEGATIVES a positive. Among those kept a label y has the odds of p / (1 - p)
 * / rate (case-control sampling: Prentice and Pyke, Biometrika 1979); let q be their
 * probability, h = q (1 - q). With G the sum of y - q over a combination's examples and H
 * that of h, the table bets before the label is seen
 *
 *	d = G / (H + 1 / prior), held to +-1,	W += (y - q) d - h d^2 (0.5 + 0.22 |d|)
 *
 * Were q right, exp(W) would never be expected to grow, whatever came before: log E exp((y -
 * q) d) <= h (exp|d| - 1 - |d|), which is less than what is taken off (Bennett, JASA 1962).
 * So by Ville's inequality the chance that a pair which adds nothing is ever chosen, of all
 * pairs of one model and however often one looks, is CROSSES_ERROR at most, as the best W of
 * several priors has to reach (Bonferroni; Ramdas et al., Statistical Science 2023)
 *
 *	log(CROSSES_PAIRS x priors / CROSSES_ERROR) = 11.9
 *
 * No model is right. Hence what it has not learned yet of the base rate and of single
 * features is learned beside and added to it before pairs bet: without this Adam, which is
 * slow, let pairs win that only held what single features say. What is left is measured:
 * tests/bench/crosses.c with --pairs 0.
 *
 * Sources of the use: Luo et al., KDD 2019 (AutoCross), which chooses pairs off-line.
 */
#ifndef BANNERPIPE_MODEL_CROSSES_H
#define BANNERPIPE_MODEL_CROSSES_H

#include <stdbool.h>

#include "lib/model/features.h"
#include "lib/state.h"

enum {
	CROSSES_MAX = 64,    /* pairs that may be chosen */
	CROSSES_FIELDS = 32, /* that are looked at: the first that come */
	CROSSES_PAIRS = CROSSES_FIELDS * (CROSSES_FIELDS - 1) / 2,
	CROSSES_EACH = 64, /* combinations of a pair in an example; of more: none */
	CROSSES_SLOT_BITS = 11,
	CROSSES_SLOTS = 1 << CROSSES_SLOT_BITS,
	CROSSES_NEGATIVES = 4,
	CROSSES_LOOK = 1024, /* examples between choices */
};

#define CROSSES_ERROR 0.01

/* What is chosen. Plain data, which others may read while it grows: count comes last. */
struct crosses {
	uint32_t count, fields;
	uint16_t space[CROSSES_FIELDS];
	struct {
		uint8_t a, b; /* numbers of fields, a < b */
	} pair[CROSSES_MAX];
};

bool crosses_are_sound(const struct crosses *c);

/* The key of what two features of different fields say together; their order makes no
 * difference. */
uint64_t crosses_key(uint64_t x, uint64_t y);

/* The features of one example by field; room for work. */
struct crosses_example {
	uint8_t count[CROSSES_FIELDS]; /* more than CROSSES_EACH: too many */
	uint16_t at[CROSSES_FIELDS][CROSSES_EACH];
	uint64_t key[FEATURES_MAX];
	float value[FEATURES_MAX];
};

/* Give numbers to fields that are new. */
void crosses_meet(struct crosses *c, const struct features *f);
/* The checked features and, behind them, those of the chosen pairs, as far as FEATURES_MAX
 * allows: borrowed from e, or f where there are none. Features whose value is not 1 are not
 * crossed. Cost: 2 ns a feature and 5 ns a combination. */
struct features crosses_extend(
    const struct crosses *c, const struct features *f, struct crosses_example *e);

/* Add the pairs that another model chose, while there are less than `most`. */
void crosses_merge(struct crosses *to, const struct crosses *from, unsigned most);

/* The search. */
struct crosses_search;

/* Bytes of one. */
uint64_t crosses_search_size(void);
/* NULL: no memory. */
struct crosses_search *crosses_search_new(void);
void crosses_search_free(struct crosses_search *s);

/* What another has gathered, into a new one. */
void crosses_search_copy(struct crosses_search *to, const struct crosses_search *from);

/* An example that is learned: its label in [0, 1], its weight > 0, and what the model said
 * of it before, in (0, 1). `base` is the mean label. Cost: most often nothing; of an example
 * that is kept 10 ns a pair. */
void crosses_search_learn(struct crosses_search *s, const struct crosses *c,
    const struct features *f, struct crosses_example *e, double label, double weight,
    double said, double base);
/* Choose, the surest first, while there are less than `most`. How many were. */
unsigned crosses_search_choose(
    const struct crosses_search *s, struct crosses *c, unsigned most);

void crosses_search_save(struct crosses_search *s, struct state_writer *to);
/* Into a new one. -1 and error. */
int crosses_search_load(
    struct crosses_search *s, struct state_reader *from, struct error *error);

#endif
