/* SPDX-License-Identifier: MIT
 *
 * signal: what is measured of an event, and how rules name it.
 *
 *	velocity(SET), volume(SET), clicks(SET)   counts of lattice.h
 *	rate(SET)                                 clicks(SET) for each other event of it
 *	lift(SET)                                 how many deviations these clicks are above
 *	                                          the rate of the banner, or of all
 *	distinct(FIELD/SET)                       values of FIELD that came with the SET
 *	gap(user), agents, ...                    those of SIGNAL_LIST
 *
 * A SET is one to five of ip, device, os, user, banner, with '+' between them, in any
 * order: volume(user+banner). A signal that an event does not have is NaN.
 */
#ifndef BANNERPIPE_FRAUD_SIGNAL_H
#define BANNERPIPE_FRAUD_SIGNAL_H

#include "lib/base/slice.h"
#include "lib/fraud/lattice.h"

/* X(symbol, name): those that are no counts of sets. Units are in bp-fraud(1). */
#define SIGNAL_LIST(X)                                                                 \
	X(CLICK, "click")        /* 1 of a click, else 0 */                            \
	X(GAP_USER, "gap(user)") /* s since the click before */                        \
	X(GAP_ADDRESS, "gap(ip)")                                                      \
	X(NEXT_USER, "next(user)") /* s to the click after */                          \
	X(NEXT_ADDRESS, "next(ip)")                                                    \
	X(FUTURE_USER, "future(user)") /* events after it, so far */                   \
	X(FUTURE_ADDRESS, "future(ip)")                                                \
	X(PERIOD_USER, "spread(user)") /* deviation of log gaps */                     \
	X(PERIOD_ADDRESS, "spread(ip)")                                                \
	X(FOCUS_USER, "focus(user)") /* share of clicks on this banner */              \
	X(FOCUS_ADDRESS, "focus(ip)")                                                  \
	X(PEAK_USER, "peak(user)") /* largest lift with a banner so far */             \
	X(PEAK_ADDRESS, "peak(ip)")                                                    \
	X(CTR_USER, "ctr(user)") /* deviations above peers */                          \
	X(CTR_ADDRESS, "ctr(ip)")                                                      \
	X(CVR_USER, "cvr(user)")                                                       \
	X(CVR_ADDRESS, "cvr(ip)")                                                      \
	X(AGENTS, "agents")   /* bits */                                               \
	X(DELAY, "delay")     /* s from impression to click */                         \
	X(NTH, "nth")         /* of this kind for its decision */                      \
	X(FOREIGN, "foreign") /* 1: its decision was another's */                      \
	X(UNSEEN, "unseen")   /* 1: clicked, never shown */                            \
	X(MARKED, "marked")   /* fraud.score */                                        \
	X(STRANGE, "strange") /* 0..1 */

enum signal_own {
#define SIGNAL_SYMBOL(symbol, name) SIGNAL_##symbol,
	SIGNAL_LIST(SIGNAL_SYMBOL)
#undef SIGNAL_SYMBOL
	    SIGNAL_OWN
};

/* What was measured of an event. */
struct look {
	struct lattice_view sets;        /* those that are asked for */
	uint16_t velocity[LATTICE_SETS]; /* the most so far */
	double rate;    /* clicks for each other event, of all; 0: not known */
	uint32_t asked; /* own signals that are to be measured, as bits */
	float own[SIGNAL_OWN];
};

static inline bool
look_asks(const struct look *look, unsigned own)
{
	return (look->asked >> own & 1) != 0;
}

_Static_assert(SIGNAL_OWN <= 32, "they are bits");

/* A signal's number: 0 .. SIGNAL_COUNT - 1. */
enum signal_family {
	SIGNAL_VELOCITY = SIGNAL_OWN,
	SIGNAL_VOLUME = SIGNAL_VELOCITY + LATTICE_SETS,
	SIGNAL_CLICKS = SIGNAL_VOLUME + LATTICE_SETS,
	SIGNAL_RATE = SIGNAL_CLICKS + LATTICE_SETS,
	SIGNAL_LIFT = SIGNAL_RATE + LATTICE_SETS,
	SIGNAL_DISTINCT = SIGNAL_LIFT + LATTICE_SETS,
	SIGNAL_COUNT = SIGNAL_DISTINCT + LATTICE_SETS * LATTICE_FIELDS,
};

enum { SIGNAL_NAME_MAX = 64 };

/* The number of a name; -1: there is no such signal. */
int signal_find(struct slice name);
/* Its name, with fields in their order, terminated; the length. */
unsigned signal_name(unsigned signal, char to[SIGNAL_NAME_MAX]);
/* Whether the number is that of a signal: not each set has each field. */
bool signal_exists(unsigned signal);

/* The sets, as bits, that it looks at. */
uint32_t signal_sets(unsigned signal);
/* Those that have to be counted for that. */
uint32_t signal_counted(unsigned signal);
/* NaN when the event lacks a field. Cost: 3 ns. */
float signal_value(const struct look *look, unsigned signal);

/* Of these sets, as bits, the velocities become those that are looked at, if they are more. */
void signal_velocities(struct look *look, uint32_t sets);

/* Signals side by side, in places that are a multiple of four for each family, so that four
 * are compared at once. Rates and lifts have none: each is at most the clicks that it is
 * made of, its ceiling. Other signals are their own. */
enum {
	SIGNAL_QUAD = 4,
	SIGNAL_PLACES_DISTINCT = SIGNAL_RATE,
	SIGNAL_PLACES = SIGNAL_PLACES_DISTINCT + LATTICE_SETS * LATTICE_OTHERS,
};
unsigned signal_ceiling(unsigned signal);
/* Of a ceiling. */
unsigned signal_place(unsigned signal);

/* What is measured side by side, as bits: sets, those with distinct values, and signals that
 * have no set. Zeroed at first. */
struct signal_asks {
	uint32_t sets, distinct, own;
};
void signal_ask(struct signal_asks *asks, unsigned signal);
/* Places of signals that were asked for get what signal_value tells, where the look's view
 * was opened for their sets, else NaN; so do those of others in their quads. Cost: 3 ns a
 * set. */
void signal_measure(const struct look *look, const struct signal_asks *asks,
    float value[SIGNAL_PLACES]);

/* Signals that measure much the same have one family, 0 .. SIGNAL_FAMILIES - 1. */
enum { SIGNAL_FAMILIES = SIGNAL_OWN + 6 };
unsigned signal_family(unsigned signal);

#endif
