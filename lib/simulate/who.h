/* SPDX-License-Identifier: MIT
 *
 * who: the kinds of those who come to a shop, visitors and attackers, and how each behaves
 * on its pages. What attackers do besides is raid.h, where they come from hideout.h.
 */
#ifndef BANNERPIPE_SIMULATE_WHO_H
#define BANNERPIPE_SIMULATE_WHO_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"

/* X(symbol, word, seconds on a page, probability of another page, of a click on any banner
 * that is looked at, on the banner that is attacked, share of --click-delay, by the hours
 * of visitors): the one list. Of humans the world knows what they click. */
#define WHO_LIST(X)                                                                    \
	X(HUMAN, "human", 40, 0.75, 0, 0, 1, true)                                     \
	X(CRAWLER, "crawler", 1.5, 0.97, 0.01, 0.01, 0.1, false)                       \
	X(SCRAPER, "scraper", 4, 0.96, 0.02, 0.02, 0.3, false)                         \
	X(PREFETCH, "prefetch", 1, 0.3, 0, 0, 1, true)                                 \
	X(FARM, "farm", 6, 0.9, 0, 0.8, 0.3, false)                                    \
	X(DEVICE_FARM, "device_farm", 10, 0.85, 0.1, 0.5, 0.5, false)                  \
	X(SLOW, "slow", 35, 0.75, 0.03, 0.25, 1, true)                                 \
	X(ROTATION, "rotation", 8, 0.9, 0.05, 0.6, 0.3, false)                         \
	X(STUFFING, "stuffing", 1, 0.98, 0, 0, 1, false)                               \
	X(SPRAYING, "spraying", 180, 0.5, 0, 0, 1, true)                               \
	X(TAKEOVER, "takeover", 15, 0.6, 0, 0, 1, true)                                \
	X(STOLEN_CARD, "stolen_card", 20, 0.5, 0, 0, 1, true)                          \
	X(FRIENDLY, "friendly", 0, 0, 0, 0, 1, true)

enum who {
#define WHO_SYMBOL(symbol, ...) WHO_##symbol,
	WHO_LIST(WHO_SYMBOL)
#undef WHO_SYMBOL
	    WHO_COUNT
};

struct who_habits {
	const char *word;
	double seconds, more, clicks, target, click_delay;
	bool by_day; /* comes at the hours of visitors */
};

extern const struct who_habits who_habits[WHO_COUNT];

/* What attackers are told of is numbered from here on, so that the numbers of visitors are
 * the same with attacks and without. */
#define WHO_NUMBERS UINT64_C(1000000000000)

static inline uint64_t
who_numbers(enum who who)
{
	return who == WHO_HUMAN ? 0 : WHO_NUMBERS;
}

/* Shares of attacks, "crawler:0.02,farm:0.01", or "none": of all sessions, that of friendly
 * of purchases. -1 and error. */
int who_read_shares(double shares[WHO_COUNT], const char *list, struct error *error);
/* -1 with the error when they leave too little to humans. */
int who_check_shares(const double shares[WHO_COUNT], struct error *error);
/* Sessions of that kind for each one of a human. */
double who_per_human(const double shares[WHO_COUNT], enum who who);

#endif
