/* SPDX-License-Identifier: MIT
 *
 * evidence: what an outcome says of a policy that did not decide it: its reward, the
 * probability of what was shown, and that with which the policy would have shown it.
 */
#ifndef BANNERPIPE_TRIAL_EVIDENCE_H
#define BANNERPIPE_TRIAL_EVIDENCE_H

#include "lib/record/record.h"
#include "lib/trial/offpolicy.h"
#include "lib/trial/policy_table.h"

/* What is earned: the record's `reward`, or one of its `rewards` (absent: 0). */
enum evidence_reward {
	EVIDENCE_REWARD,
	EVIDENCE_CLICK,
	EVIDENCE_CONVERSION,
	EVIDENCE_VALUE_MICROS,
};

const char *evidence_reward_name(enum evidence_reward reward);

/* Where the policy's probabilities come from. */
enum evidence_source {
	EVIDENCE_RECORD, /* the key `evaluation`: a map of policy, probability and, where
			   * there is a model, predicted and expected */
	EVIDENCE_TABLE,  /* a table, by position and creative_id */
	EVIDENCE_UNIFORM, /* 1 / number of candidates */
};

struct evidence {
	int reward; /* enum evidence_reward */
	enum evidence_source source;
	const struct policy_table *table; /* borrowed */
	uint64_t actions;  /* candidates of a record that has none; 0: unknown */
	struct slice name; /* the policy's, as msgpack, where records do not say */

	struct key evaluation, probability, rewards, value, position, creative_id,
	    candidates; /* evidence_keys sets them */
};

/* Before the first scan. */
void evidence_keys(struct evidence *v, struct reader *reader);

/* All of the event but the probability of what was shown, and the policy's name as msgpack,
 * borrowed. NULL, or why the outcome is wrong. Cost: about 60 ns. */
const char *evidence_read(const struct evidence *v, const struct record *r,
    struct offpolicy_event *e, struct slice *policy);

/* That probability; false when it is missing, not in (0, 1], or makes a weight over
 * OFFPOLICY_W_MAX. */
bool evidence_propensity(
    const struct evidence *v, const struct record *r, struct offpolicy_event *e);

#endif
