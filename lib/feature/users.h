/* SPDX-License-Identifier: MIT
 *
 * users: what the history of a user is found by, so that it can be forgotten.
 *
 * A user who is met gets a number that nobody had before, and what is counted of him is
 * counted under his id and this number. Who is forgotten loses it: nothing that was counted
 * can be found any more, whatever it was counted by besides (user_id,category), and what
 * comes later begins anew. Where memory is full, who was met longest ago is forgotten.
 *
 * What was counted of him before that is neither taken back from what began anew nor counted
 * again with it: it lies before his first event since.
 */
#ifndef BANNERPIPE_FEATURE_USERS_H
#define BANNERPIPE_FEATURE_USERS_H

#include "lib/base/error.h"
#include "lib/base/slice.h"
#include "lib/hash.h"
#include "lib/state.h"
#include "lib/table.h"

struct user {
	uint64_t number;
	instant first; /* the earliest that was counted of him */
};

struct users {
	struct table *
	    numbers; /* owned; struct user by the hash of an id; NULL: nobody is counted */
	uint64_t last; /* the last number that was given */
};

/* Whether the key of a record names a user: user_id, anonymous_id, session_id. */
bool users_named(struct slice key);

/* -1: too little memory, or none. */
int users_init(struct users *u, uint64_t memory_bytes);
void users_fini(struct users *u);

/* What is counted of the hash of an id is counted under this. Cost: a cache miss. */
static inline uint64_t
users_mix(uint64_t id, const struct user *user)
{
	return user == NULL ? id : hash_pair(id, user->number);
}
static inline uint64_t
users_find(const struct users *u, uint64_t id)
{
	return users_mix(id, table_find(u->numbers, id));
}
/* Likewise, of an event at `at` that is known at `when`; who is not known is met. */
uint64_t users_meet(struct users *u, uint64_t id, instant when, instant at);
/* Likewise, of an event that was counted before. False: not under what he has now. */
bool users_again(const struct users *u, uint64_t id, instant at, uint64_t *to);
/* False: he was not known. */
bool users_forget(struct users *u, uint64_t id);

void users_save(const struct users *u, struct state_writer *to);
/* Into one of the same memory. */
int users_load(struct users *u, struct state_reader *from, struct error *error);

#endif
