/* SPDX-License-Identifier: MIT
 *
 * past: what is remembered of legitimate logins: the last ones of each user, how often each
 * value came with all of them, and which devices users had.
 *
 * Counts are whole numbers, and each login can be taken out of them again. Memory is fixed:
 * when a table is full, what was touched longest ago is forgotten, and what is lost with it
 * is counted.
 */
#ifndef BANNERPIPE_LOGIN_PAST_H
#define BANNERPIPE_LOGIN_PAST_H

#include "lib/login/history.h"
#include "lib/login/ratio.h"
#include "lib/state.h"

struct past_rules {
	unsigned logins;      /* kept of a user, 1..HISTORY_LOGINS_MAX */
	struct span remember; /* how long devices are known beyond that; positive */
};

struct past;

/* In at most memory_bytes; NULL when that is too little, or not there. Owned by the caller.
 */
struct past *past_new(struct past_rules rules, uint64_t memory_bytes);
void past_free(struct past *p);

/* Ask for what is known of its user, and of its values. */
void past_prefetch_user(const struct past *p, const struct login *l);
void past_prefetch(const struct past *p, const struct login *l);

enum past_device {
	PAST_DEVICE_UNKNOWN, /* it does not say, or the user has no history */
	PAST_DEVICE_NEW,
	PAST_DEVICE_KNOWN,
	PAST_DEVICE_OLD, /* known, from before the logins that are kept of the user */
};

/* What the past says of a login. */
struct past_look {
	unsigned logins; /* that are kept of the user; 0: nothing is known of him */
	struct ratio_level level[LOGIN_DEVICE]; /* of the chains */
	enum past_device device;
	unsigned devices;      /* of the logins kept: different ones */
	int64_t device_age_us; /* of a known one: since the first of those with it */
	double speed;          /* km/h, from where he was before (travel.h) */
	double user; /* p(user | attack) / p(user | legitimate); 1 without attacks */
	/* Slots where it was found, which save a second look (table_touch_slot). */
	size_t user_slot, value_slot[LOGIN_DEVICE];
	struct history_match match; /* with the user's history, if there is one */
};

/* Cost: 300 ns. */
void past_look(const struct past *p, const struct login *l, struct past_look *to);
/* The same in two steps, so that what the second needs comes while others work. */
void past_find(const struct past *p, const struct login *l, struct past_look *to);
void past_look_found(const struct past *p, const struct login *l, struct past_look *to);

/* A legitimate login: it counts from now on; it counts no more. What is taken out must have
 * been added, with the same values. Cost: 400 ns. */
void past_add(struct past *p, const struct login *l);
/* The same of one that was looked at just now; what it found saves it half. */
void past_add_seen(struct past *p, const struct login *l, const struct past_look *seen);
void past_remove(struct past *p, const struct login *l);
/* An attack on the user became known (1), or was none (-1). */
void past_attack(struct past *p, const struct login *l, int by);

struct past_counts {
	uint64_t logins, attacks; /* that count now */
	uint64_t aged; /* logins that made room for newer ones of their user */
	/* For want of memory: users, and logins of them; values, and logins with them. */
	uint64_t users_evicted, users_evicted_logins;
	uint64_t values_evicted, values_evicted_logins;
	uint64_t devices_lost; /* that the filter of devices could not take */
};

/* Always as of now; lives as long as the past. */
const struct past_counts *past_counts(const struct past *p);
/* How often a value came with all logins, for tests. */
uint64_t past_value_count(const struct past *p, uint64_t value);
const struct history *past_history(const struct past *p, uint64_t user);

void past_save(struct past *p, struct state_writer *to);
int past_load(struct past *p, struct state_reader *from, struct error *error);

#endif
