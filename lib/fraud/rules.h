/* SPDX-License-Identifier: MIT
 *
 * rules: what signals say of an event, as a readable file. A line is
 *
 *	NAME SHARE if SIGNAL OPERATOR NUMBER [and SIGNAL OPERATOR NUMBER]...
 *	prior SHARE
 *
 * Blank lines and what follows '#' are for people. SHARE is in log-odds: the score of an
 * event is the prior and the shares of the rules that hold, and it is invalid when that is
 * above 0. Of rules whose names are the same up to a dot, those of one *group*, only the
 * one with the largest share, in either direction, counts: they say the same thing.
 * An operator is >=, >, <=, < or =; a signal that the event does not have meets none.
 */
#ifndef BANNERPIPE_FRAUD_RULES_H
#define BANNERPIPE_FRAUD_RULES_H

#include "lib/base/error.h"
#include "lib/fraud/signal.h"
#include "lib/record/judgement.h"

enum {
	/* What is learned of all signals (labels.h) is 3,810 rules. */
	RULES_TEXT_MAX = (1 << 20) - 1, /* bytes */
	RULES_MAX = 8192,               /* rules */
	RULES_CONDITIONS_MAX = 8,       /* of a rule */
	RULES_NAME_MAX = 31,            /* bytes: a-z, 0-9, _ and dots */
};
#define RULES_SHARE_MAX 100.0

struct rules;

/* NULL and "line 7: reason". */
struct rules *rules_read(struct slice text, struct error *error);
void rules_free(struct rules *r);
/* The rules that come with the programs. */
struct slice rules_preset(void);

unsigned rules_count(const struct rules *r);
float rules_prior(const struct rules *r);
/* The sets, as bits, that its rules look at. */
uint32_t rules_sets(const struct rules *r);
/* Those that have to be counted for these. */
uint32_t rules_counted(const struct rules *r);
/* Their signals that are no counts of sets, as bits. */
uint32_t rules_own(const struct rules *r);
const char *rules_name(const struct rules *r, unsigned rule);

/* The rules that count for an event, weightiest first, at most JUDGEMENT_REASONS_MAX, and
 * the sum of the prior and the shares of all that count, all multiplied. Names are
 * borrowed. Rules are looked at by the signals of their cheapest conditions. Cost: 5 ns for
 * each of these, and for each rule whose condition holds. */
struct rules_sum {
	double score;
	unsigned n;
	struct judgement_reason reason[JUDGEMENT_REASONS_MAX];
};

void rules_apply(const struct rules *r, const struct look *look, double factor,
    struct rules_sum *to);
/* The signals that a reason is about, by its word: of a rule those of its conditions;
 * how many. */
unsigned rules_signals(
    const struct rules *r, const char *word, uint16_t to[RULES_CONDITIONS_MAX]);
/* Put in another reason, where it belongs; the score becomes the sum with it. */
void rules_add(struct rules_sum *to, const char *word, double share);

/* A rule's line as it is read, its share multiplied; without newline. The length; 0: it
 * does not fit. */
unsigned rules_print(
    const struct rules *r, unsigned rule, double factor, char *to, size_t size);

#endif
