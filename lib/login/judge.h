/* SPDX-License-Identifier: MIT
 *
 * judge: answers logins, learns from those that were the user's, and takes back what it
 * learned when it turns out otherwise.
 *
 * Each login is remembered by its event_id, for as long as there is memory. What is said of
 * it later:
 *
 *	out   it was an attack: it leaves the user's history and all counts of legitimate
 *	      logins, and counts as an attack on him. The crowd keeps it: it was one.
 *	gone  it never was: it leaves the crowd, too
 *	in    it was the user, after all: it counts as if it had been allowed
 */
#ifndef BANNERPIPE_LOGIN_JUDGE_H
#define BANNERPIPE_LOGIN_JUDGE_H

#include "lib/login/risk.h"
#include "lib/login/threshold.h"

struct judge_rules {
	struct risk_rules risk;
	struct past_rules past;
	struct span window; /* of the crowd */
	bool
	    wait; /* do not learn from who is challenged until a verdict says he is in */
	struct threshold challenge, deny;
	uint64_t seed;
};

struct judge;

/* In at most memory_bytes; NULL when that is too little, or not there. Owned by the caller.
 */
struct judge *judge_new(const struct judge_rules *rules, uint64_t memory_bytes);
void judge_free(struct judge *j);

enum answer { ANSWER_ALLOW, ANSWER_CHALLENGE, ANSWER_DENY };

const char *answer_word(enum answer answer);

/* What is said of a login, and why. */
struct judge_answer {
	enum answer answer;
	struct risk risk;
	struct past_look past;
	bool repeat; /* of an event that is known: nothing else is set */
};

/* Ask for what is known of the event and the user of a login, ahead of it. */
void judge_prefetch(const struct judge *j, const struct login *l);
/* Answer a login, and learn from it. Cost: 2-4 us: a dozen looks far apart. */
void judge_login(struct judge *j, const struct login *l, struct judge_answer *to);
/* A sign-up: the first that is known of its user. */
void judge_sign_up(struct judge *j, const struct login *l);

enum judge_word { JUDGE_IN, JUDGE_OUT, JUDGE_GONE };

/* What is said of an earlier event in that version (>= 0). A version that is not higher
 * than what was said of it before is a repeat; JUDGE_NEXT is always higher. */
#define JUDGE_NEXT INT64_C(-1)
void judge_turn(struct judge *j, uint64_t event, int64_t version, enum judge_word word);

struct judge_counts {
	uint64_t answers[ANSWER_DENY + 1];
	uint64_t attacks;   /* logins that were said to be one */
	uint64_t returned;  /* taken out of what was learned */
	uint64_t restored;  /* put in again, or late */
	uint64_t repeated;  /* logins and verdicts that came again */
	uint64_t forgotten; /* verdicts on events that are not known (any more) */
};

/* These live as long as the judge. */
const struct judge_counts *judge_counts(const struct judge *j);
const struct past *judge_past(const struct judge *j);
const struct crowd *judge_crowd(const struct judge *j);
/* Thresholds as they are now. */
double judge_threshold(const struct judge *j, enum answer answer);

void judge_save(struct judge *j, struct state_writer *to);
int judge_load(struct judge *j, struct state_reader *from, struct error *error);

#endif
