/* SPDX-License-Identifier: MIT
 *
 * judged: judgements among recent records (recent.h), beside the events that they are of.
 *
 * The number of an entry is the version of the last judgement when it came, -1 before any.
 * The newest entry of an id says how the event stands; when it is out, that is a judgement
 * and has the reasons.
 */
#ifndef BANNERPIPE_PENDING_JUDGED_H
#define BANNERPIPE_PENDING_JUDGED_H

#include "lib/pending/recent.h"
#include "lib/record/judgement.h"

/* Flags of an entry. */
enum {
	JUDGED_EVENT = 1, /* its bytes are an event; else a judgement */
	JUDGED_OUT = 2,
	JUDGED_WAITING = 4, /* a judgement whose event has not come, or is forgotten */
};

/* A judgement in one piece: its score, a double, and its reasons. */
struct judged {
	uint8_t bytes[sizeof(double) + JUDGEMENT_REASONS_SIZE_MAX];
};

/* Keep a judgement as the newest entry of its event, in place of one that is the newest. Its
 * reasons may lie in `piece`. */
void judged_keep(struct recent *x, uint64_t key, instant at, const struct judgement *j,
    unsigned flags, struct judged *piece);
/* The judgement of an entry, but for the event_id; its reasons lie in `piece`. */
struct judgement judged_read(const struct recent_entry *e, struct judged *piece);

enum judged_turn {
	JUDGED_REPEATS,   /* its version is not higher than what is known */
	JUDGED_SAYS_SAME, /* the event stands so already; the version is noted */
	JUDGED_TURNS, /* the event flows once more, and the judgement is to be kept */
};

/* What a judgement changes, of an event whose newest entry that is. What turns it counts from
 * now on. It is out for the reasons for which it was taken out, whatever is found later, until
 * it is in: one that puts it in gets these reasons, in `piece`. */
enum judged_turn judged_turn(struct recent *x, const struct recent_entry *newest,
    struct judgement *j, struct judged *piece);

#endif
