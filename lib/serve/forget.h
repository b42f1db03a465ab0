/* SPDX-License-Identifier: MIT
 *
 * forget: a user takes his consent back. His history is forgotten at once, and a record
 * that says so goes out, so that whoever reads it can do the same:
 *
 *	{event: "user", user_id, ..., consent: {personalization: false}}
 *
 * Decisions that were remembered for him lose his ids within a tick, and none of them
 * comes into a record before. Counters of caps stay: hashes, until their time is over.
 */
#ifndef BANNERPIPE_SERVE_FORGET_H
#define BANNERPIPE_SERVE_FORGET_H

#include "lib/serve/desk.h"

/* 0, or -1: no memory. */
int forget_init(struct forget *f, uint64_t memory_bytes);
void forget_fini(struct forget *f);

/* Something is remembered of this user (a hash of visitor.h; 0: nobody). */
void forget_meet(struct desk *k, uint64_t user, instant now);
/* A map that denies consent: whom it names is forgotten. When nothing was remembered of
 * him, nothing is written either, unless `told`: a `user` event, that says it itself. The
 * journal has a page of room. False: it names nobody. */
bool forget_named(
    struct desk *k, struct slice map, bool signal, bool told, instant now);
/* The same of a record that goes out by itself. */
void forget_record(struct desk *k, const struct record *r);
/* Before what is remembered of a decision goes into a record. */
void forget_check(struct desk *k, struct shown *s);
/* Now and then: all decisions that are remembered. Cost: a look at each, when somebody has
 * left. */
void forget_settle(struct desk *k);

#endif
