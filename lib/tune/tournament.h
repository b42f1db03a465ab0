/* SPDX-License-Identifier: MIT
 *
 * tournament: candidates that learn the same examples side by side. One is the champion, whose
 * predictions count; the others race against it (lib/trial/race.h) by what they predict of
 * the first target before they learn it.
 *
 * In the k-th reign a challenger is promoted when its e-value reaches k (k+1) c / alpha, where
 * c is the number of other candidates in the list: since 1/(k (k+1)) sums to 1, a champion is
 * ever replaced by one that is no better with probability alpha at most, whatever the number
 * of challengers, of reigns and of looks. (A share of alpha for each, Bonferroni, not the
 * mean of the e-values: that would say that somebody is better, but not who.) In the same
 * way, with an alpha of its own, one that is worse gives its place and its memory to the next
 * of the list, while there is one.
 *
 * Champion and challengers have equal shares of the memory, and so has each specification of
 * features, which is extracted once for all that name it, from the first record on.
 */
#ifndef BANNERPIPE_TUNE_TOURNAMENT_H
#define BANNERPIPE_TUNE_TOURNAMENT_H

#include "lib/model/progress.h"
#include "lib/tune/candidates.h"

enum {
	TOURNAMENT_AT_ONCE_MAX = 32,
	TOURNAMENT_SPECS_MAX = 32,
	TOURNAMENT_RESERVE = 1 << 20, /* what a candidate takes besides its model */
	TOURNAMENT_SHARE_MIN = 1 << 20,
};

/* All borrowed. */
struct tournament_setup {
	const struct candidates
	    *candidates;  /* the first is champion, if no file says otherwise */
	double alpha;     /* in (0, 1) */
	uint64_t at_once; /* that learn, with the champion; 1 or more */
	uint64_t warm_up; /* examples that a candidate learns before it races */
	uint64_t memory, seed;
	/* The champion's model file. When there is one, the first candidate of its options goes
	 * on from it, as champion. */
	const char *model;
	const char *live; /* where others see the champion's model, or NULL */
	const struct os *os;
	struct reader *reader;
	void *context; /* of both of these */
	/* A specification's text, the caller's to free; NULL and error. */
	uint8_t *(*read)(
	    void *context, const char *path, struct slice *text, struct error *error);
	/* A record for whoever watches; 0 or -1. */
	progress_emit *emit;
};

struct tournament;

/* NULL and error; *wrong_use: it is in what was asked for. */
struct tournament *tournament_new(
    const struct tournament_setup *setup, bool *wrong_use, struct error *error);
void tournament_free(struct tournament *t);

/* Write the champion's model file. */
int tournament_commit(const struct tournament *t, struct error *error);

enum tournament_verdict {
	TOURNAMENT_FAILED = -1, /* error is set, or emit has failed and it is "" */
	TOURNAMENT_SAID,        /* the champion has predicted: tournament_build */
	TOURNAMENT_SILENT,      /* it has not */
	TOURNAMENT_WRONG,       /* nobody has learned it; error says what is wrong */
};

/* Let all predict and learn the record. Cost: that of the models, and 0.2 us a challenger. */
enum tournament_verdict tournament_learn(
    struct tournament *t, const struct record *r, struct error *error);
/* Append the value of `prediction`, of the record that was learned last. */
void tournament_build(
    const struct tournament *t, const struct record *r, struct build *to);

/* Reports (progress.h) of each candidate that learns, and how the races stand. 0 or -1. */
int tournament_report(struct tournament *t, bool total);
/* Records since the last. */
uint64_t tournament_pending(const struct tournament *t);

struct tournament_counts {
	uint64_t learned, unlearned, unlabelled, raced; /* records */
	uint64_t promotions, dropped;
	uint64_t evicted;   /* weights of the champion given up for others */
	uint64_t forgotten; /* revisions without counts */
};

/* The address is constant. */
const struct tournament_counts *tournament_counts(const struct tournament *t);

void tournament_save(struct tournament *t, struct state_writer *to);
/* Into a new one of the same setup. -1 and error; *wrong_use: of other candidates. */
int tournament_load(struct tournament *t, struct state_reader *from, bool *wrong_use,
    struct error *error);

#endif
