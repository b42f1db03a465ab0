/* SPDX-License-Identifier: MIT
 *
 * answer: what is written of a login that was judged, and read of what others say of one.
 */
#ifndef BANNERPIPE_LOGIN_ANSWER_H
#define BANNERPIPE_LOGIN_ANSWER_H

#include "lib/login/judge.h"

/* The value of the key login_risk: a map of
 *
 *	answer         allow, challenge or deny
 *	score          log-odds that it is an attack
 *	reasons        at most RISK_TOLD words, the strongest first
 *	values         each one's share of the score
 *	device_age_us  since the first login, of those kept, with this device, if there is one
 *	speed_kmh      from where the user was before, if it is known that he moved
 */
void answer_build(struct build *b, const struct judge_answer *a);
/* The pairs of a verdict on it, version 0; how many. */
uint32_t answer_build_verdict(
    struct build *b, const struct judge_answer *a, struct slice event_id, instant at);

/* What a judgement says of a login. */
enum judge_word answer_word_of(const struct judgement *said);
/* What the key `verdict` of an event that comes again says (absent: none), of one that is
 * taken back or put in again, and its version. */
enum judge_word answer_word_again(struct slice verdict, bool out, int64_t *version);

#endif
