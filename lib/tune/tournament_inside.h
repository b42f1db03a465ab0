/* SPDX-License-Identifier: MIT
 *
 * tournament_inside: what a tournament is made of. Private to tournament.
 */
#ifndef BANNERPIPE_TUNE_TOURNAMENT_INSIDE_H
#define BANNERPIPE_TUNE_TOURNAMENT_INSIDE_H

#include "lib/feature/describe.h"
#include "lib/trial/race.h"
#include "lib/tune/tournament.h"

/* The features of one file. */
struct features_of_spec {
	const char *path; /* borrowed from a candidate */
	uint64_t sum;     /* of its text */
	struct describe describe;
	struct features features; /* of the record at hand */
	bool described;           /* it has some */
};

/* A candidate that learns. */
struct contestant {
	const struct candidate *candidate;
	struct features_of_spec *spec; /* NULL: the record's own features */
	struct predictor predictor;
	struct progress *progress; /* owned */
	struct race race;          /* against the champion, which has none */
	uint64_t learned;
	/* Of the record at hand. */
	bool has;
	struct features features;
	enum predictor_label label;
	struct model_example example;
	struct model_estimates said;
};

struct tournament {
	struct tournament_setup setup;
	const struct candidates *candidates;
	struct features_of_spec spec[TOURNAMENT_SPECS_MAX];
	unsigned specs;
	struct contestant of[TOURNAMENT_AT_ONCE_MAX];
	unsigned n, champion;
	unsigned order[CANDIDATES_MAX]; /* in which those of the list come */
	unsigned next;                  /* of them, who has not learned yet */
	unsigned said; /* who was champion when the record at hand was predicted */
	uint64_t reign, pending;
	instant last; /* timestamp of an example */
	enum model_target target;
	uint64_t share; /* of the memory */
	struct predictor keys;
	struct tournament_counts counts;
};

/* At its place from now on, knowing nothing and without a model. */
int tournament_enter(
    struct tournament *t, unsigned place, unsigned candidate, struct error *error);
/* A model that knows nothing. */
int tournament_give_model(
    struct tournament *t, struct contestant *c, const char *live, struct error *error);

#endif
