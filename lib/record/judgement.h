/* SPDX-License-Identifier: MIT
 *
 * judgement: what a record of kind verdict or retract says of an earlier event.
 *
 *	event_id   whose event
 *	version    an integer, absent = 0: of all judgements of an event the one with the
 *	           highest version counts; one whose version is not higher is a repeat
 *	score      log-odds that the event is invalid: positive, it is out; else it is in.
 *	           The opposite sign in a higher version is an appeal that is granted.
 *	           Absent in a retract, which takes out whatever its score is
 *	reasons    an array of short words, the weightiest first
 *	values     optional, a map: each reason's share of the score, or what was measured
 *	settled    true of a verdict that bp-retract has dealt with: it is for who learns from
 *	           it, and nobody behind carries it out
 *
 * An event that is taken out, or put in again, flows once more with the opposite, or with
 * its own, weight, and with the key `verdict`: a map of the version and score that decided,
 * and of the reasons why it was out, so that what was counted by them can be given back.
 *
 * What bp-givt marks, with a score in the key `fraud`, is judged by that: version 0.
 */
#ifndef BANNERPIPE_RECORD_JUDGEMENT_H
#define BANNERPIPE_RECORD_JUDGEMENT_H

#include "lib/record/build.h"
#include "lib/record/kind.h"

enum {
	JUDGEMENT_REASONS_MAX = 16,
	JUDGEMENT_REASON_SIZE_MAX = 64, /* bytes */
	/* Of the array, in the longest form that msgpack has of it. */
	JUDGEMENT_REASONS_SIZE_MAX =
	    5 + JUDGEMENT_REASONS_MAX * (5 + JUDGEMENT_REASON_SIZE_MAX),
	/* What an event that flows again is longer than it was, at most. */
	JUDGEMENT_ADDS_MAX = 64 + JUDGEMENT_REASONS_SIZE_MAX,
};

/* The reason of what was judged without one. */
#define JUDGEMENT_UNSTATED "unstated"

struct judgement_keys {
	struct key version, score, reasons, settled, verdict, fraud;
};

struct judgement {
	struct slice event_id; /* as record_id has it */
	int64_t version;       /* >= 0 */
	bool out;              /* the event does not count from now on */
	bool settled;
	double score;         /* finite; INFINITY of a retract without one */
	struct slice reasons; /* the array, msgpack; size 0: none */
};

struct judgement_keys judgement_keys(struct reader *reader);

/* Of a record of kind verdict or retract. NULL, or a constant text, what is wrong with
 * it; `to` is then undefined. Borrows from the record. */
const char *judgement_read(const struct judgement_keys *keys, const struct record *r,
    enum kind kind, struct judgement *to);

/* Of an event with the key `verdict`, which flows once more. False when it has none. */
bool judgement_of_again(
    const struct judgement_keys *keys, const struct record *r, struct judgement *to);
/* Of an event that is marked, with a score of at least `from`. False when it is not. */
bool judgement_of_mark(const struct judgement_keys *keys, const struct record *r,
    double from, struct judgement *to);

/* The first of its reasons, the one by which it is counted. */
struct slice judgement_reason(const struct judgement *j);

/* Whether an event can flow once more: with a weight that is a number, and room for the keys
 * and bytes that this adds. */
bool judgement_may_be_of(const struct record *event);
/* The event once more, as `j` says: with the opposite weight when it is out, else with its
 * own; and the key `verdict`. `event` is the bytes of a record that judgement_may_be_of. */
void judgement_again(struct build *b, struct slice event, const struct judgement *j);

/* How many of a stream are judgements, which of them are wrong, and how many events flow
 * once more; plain bytes. */
struct judgement_census {
	uint64_t judgements, wrong, again;
};

/* Count a record; false when it is neither. */
bool judgement_count(const struct judgement_keys *keys, const struct record *r,
    struct judgement_census *census);

/* A reason and its share of the score, for those who make judgements. */
struct judgement_reason {
	const char *word;
	double share;
};

/* The pairs event, event_id (its msgpack value), timestamp, version, score, reasons and
 * values into an open map; returns how many: whoever adds own ones closes it. A retract
 * has them all, too. n <= JUDGEMENT_REASONS_MAX. */
uint32_t judgement_build(struct build *b, enum kind kind, struct slice event_id,
    instant at, int64_t version, double score, const struct judgement_reason *reasons,
    unsigned n);

#endif
