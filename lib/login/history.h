/* SPDX-License-Identifier: MIT
 *
 * history: the last logins of one user, in order of time, in the cell of a table.
 *
 * It is the same for the same set of logins, whatever the order in which they came and went:
 * taking one out leaves what would be there without it, unless it had pushed out an older
 * one.
 *
 * Values are kept in 32 bits: one that the user never had is taken for one of his with a
 * probability of 1 in 2^32 a login.
 */
#ifndef BANNERPIPE_LOGIN_HISTORY_H
#define BANNERPIPE_LOGIN_HISTORY_H

#include "lib/login/login.h"

enum { HISTORY_LOGINS_MAX = 64 };

/* Zeroed at first; bit i of a mask is the login i, 0 the oldest. */
struct history {
	uint32_t n;       /* logins that it has */
	uint32_t attacks; /* attacks on this user, so far as verdicts tell; not in it */
	uint64_t logins;  /* legitimate ones ever, those that it has lost included */
	uint64_t fresh[LOGIN_LEVELS]; /* no older login has its value, or it has none */
	/* Of `size` logins: the instant, the place, the values, the tag. */
};

size_t history_size(unsigned logins);

/* Which of its logins know a level, and which have the value there that l has. Cost: 50 ns
 * for 16 logins. */
struct history_match {
	uint64_t known[LOGIN_LEVELS], same[LOGIN_LEVELS];
};

void history_match(const struct history *h, unsigned size, const struct login *l,
    struct history_match *to);
/* The latter of one level. */
uint64_t history_same(const struct history *h, unsigned size, enum login_level level,
    const struct login *l);

/* Add a login, which matches a history of `size` logins so. The oldest makes room, which is
 * the new one when it is older than all; whether one did. Cost: 30 ns. */
bool history_add(struct history *h, unsigned size, const struct login *l,
    const struct history_match *m);
/* Take out the login of that instant and event; false when it is not there. */
bool history_remove(struct history *h, unsigned size, const struct login *l);

instant history_at(const struct history *h, unsigned size, unsigned i);
struct place history_place(const struct history *h, unsigned size, unsigned i);

#endif
