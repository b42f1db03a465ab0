/* SPDX-License-Identifier: MIT
 *
 * risk: log-odds that a login is an attack, as a sum of shares, each of a reason that people
 * understand.
 *
 * The score is that of attacks among all logins (the prior) plus the logarithm of each
 * likelihood ratio. Positive shares speak against the login, negative ones for it.
 *
 * Where somebody comes from must not decide. The country's share is what it adds to the
 * network's; against a login it is at most RISK_COUNTRY_MAX, and at most half of what all
 * other reasons against it have: without another reason it is nothing.
 */
#ifndef BANNERPIPE_LOGIN_RISK_H
#define BANNERPIPE_LOGIN_RISK_H

#include "lib/login/crowd.h"
#include "lib/login/past.h"
#include "lib/record/judgement.h"

/* X(symbol, word) */
#define RISK_LIST(X)                                                                   \
	X(NETWORK, "network")   /* address, network, provider unusual for the user */  \
	X(COUNTRY, "country")   /* what the country adds to that */                    \
	X(AGENT, "agent")       /* program and system unusual for him */               \
	X(DEVICE, "new_device") /* which he never had */                               \
	X(TRAVEL, "travel")     /* faster than an aeroplane */                         \
	X(FAILURES, "failures") /* many failed attempts on this user before */         \
	X(STUFFING, "stuffing") /* many users fail from this address */                \
	X(SPRAYING, "spraying") /* from its network or provider */                     \
	X(TARGET, "target")     /* this user was attacked before */

enum risk_reason {
#define RISK_SYMBOL(symbol, word) RISK_##symbol,
	RISK_LIST(RISK_SYMBOL)
#undef RISK_SYMBOL
	    RISK_REASONS
};

enum { RISK_TOLD = 3 }; /* reasons of an answer */

struct risk_rules {
	double prior; /* share of logins that are attacks, in (0, 1) */
	double
	    failures; /* share of honest users that fail within the window, in [0, 1) */
	double speed_kmh; /* that nobody exceeds; positive */
};

#define RISK_COUNTRY_MAX 2.0  /* log-odds: a factor of 7 */
#define RISK_TRAVEL_LEAST 3.0 /* of a speed just over the limit: a factor of 20 */
#define RISK_TRAVEL_MAX 6.0
#define RISK_FAILURES_MAX 5.0

struct risk {
	double share[RISK_REASONS]; /* log-odds; the country's is limited */
	double score;
};

const char *risk_word(enum risk_reason reason);

/* What was looked at, as shares and their sum. Cost: 100 ns. */
void risk_weigh(const struct risk_rules *rules, const struct past_look *past,
    const struct crowd_look *crowd, struct risk *to);
/* The strongest reasons against it, the strongest first; how many, 0..RISK_TOLD. */
unsigned risk_reasons(const struct risk *r, struct judgement_reason to[RISK_TOLD]);

#endif
