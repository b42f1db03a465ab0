/* SPDX-License-Identifier: MIT
 *
 * labels: what was said of events by others (chargebacks, people, appeals), and what it
 * tells of signals: weights of evidence (Good, "Probability and the weighing of evidence",
 * 1950). Values fall into buckets by powers of two. Of every bucket of every signal there
 * is a count of events of either class; its share in the log-odds is
 *
 *	ln((n1 + a q) / (N1 + a)) - ln((n0 + a q) / (N0 + a))
 *
 * with n1 of N1 invalid and n0 of N0 valid events in it, q its part of all events, and a =
 * 20, which draws what few events say to 0. Of the signals of one family, which tell much
 * the same, only the largest share counts. An event of which nobody has said anything
 * counts as valid until somebody does; what is taken back is subtracted exactly.
 *
 * Shares are made anew after every LABELS_REFRESH events or labels, at first more often.
 */
#ifndef BANNERPIPE_FRAUD_LABELS_H
#define BANNERPIPE_FRAUD_LABELS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/fraud/rules.h"
#include "lib/fraud/signal.h"
#include "lib/state/block.h"
#include "lib/when.h"

enum { LABELS_BUCKETS = 16, LABELS_REFRESH = 1024 };

struct labels_totals {
	uint64_t invalid, valid; /* events, those that nobody spoke of are valid */
	uint64_t told;           /* judgements of others that counted */
	uint64_t repeated;       /* of a version that was there already */
	uint64_t forgotten;      /* events evicted before anybody spoke of them */
};

struct labels;

/* NULL: there is no memory. */
struct labels *labels_new(uint64_t memory_bytes);
void labels_free(struct labels *l);

/* The event was looked at for the last time; its keyed hash. Cost: about 1 us. */
void labels_see(
    struct labels *l, uint64_t event, const struct look *look, instant when);
/* Somebody says of it, before or after that, what it was. */
void labels_tell(
    struct labels *l, uint64_t event, bool invalid, int64_t version, instant when);

/* How far the score is to come from here and not from rules: 0 without labels, 1/2 with
 * 100 of invalid events, 1 with many. */
double labels_part(const struct labels *l);
/* Put the shares of an event in, multiplied by `part`; and the prior, as part of the
 * score. Words are borrowed. */
void labels_apply(
    const struct labels *l, const struct look *look, double part, struct rules_sum *to);

struct labels_totals labels_totals(const struct labels *l);

/* Its table as lines of rules, shares multiplied by `part`: those of the i-th signal,
 * 0 .. SIGNAL_COUNT - 1, each with its newline; what there is of them fits into
 * LABELS_TEXT_MAX. The length. */
enum { LABELS_TEXT_MAX = LABELS_BUCKETS * 192 };
unsigned labels_print(
    const struct labels *l, unsigned signal, double part, char to[LABELS_TEXT_MAX]);
/* The logarithm of the odds that any event is invalid. */
double labels_prior(const struct labels *l);

void labels_save(struct labels *l, struct state_writer *to);
int labels_load(struct labels *l, struct state_reader *from, struct error *error);

#endif
