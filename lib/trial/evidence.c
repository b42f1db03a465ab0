/* SPDX-License-Identifier: MIT */
#include "lib/trial/evidence.h"

#include <math.h>

const char *
evidence_reward_name(enum evidence_reward reward)
{
	static const char *const names[] = { "reward", "click", "conversion",
		"value_micros" };

	return names[reward];
}

void
evidence_keys(struct evidence *v, struct reader *reader)
{
	v->evaluation = reader_key(reader, "evaluation");
	v->probability = reader_key(reader, "probability");
	v->rewards = reader_key(reader, "rewards");
	v->value = reader_key(reader, "reward");
	v->position = reader_key(reader, "position");
	v->creative_id = reader_key(reader, "creative_id");
	v->candidates = reader_key(reader, "candidates");
}

/* A number within +-max; a bool is 0 or 1. */
static bool
number_of(struct slice value, double max, double *to)
{
	bool happened;

	if (value_bool(value, &happened)) {
		*to = happened;
		return true;
	}
	return value_number(value, to) && fabs(*to) <= max;
}

static const char *
read_reward(const struct evidence *v, const struct record *r, double *to)
{
	struct slice value;

	if (v->reward == EVIDENCE_REWARD)
		return record_value(r, v->value, &value) &&
			number_of(value, OFFPOLICY_REWARD_MAX, to)
		    ? NULL
		    : "reward is no finite number";
	*to = 0;
	if (!record_value(r, v->rewards, &value) || value_type(value) != VALUE_MAP)
		return "an outcome without rewards";
	if (value_get(
		value, evidence_reward_name((enum evidence_reward)v->reward), &value) &&
	    !number_of(value, OFFPOLICY_REWARD_MAX, to))
		return "a reward that is no finite number";
	return NULL;
}

/* What bp-rank has said that the policy would do. */
static const char *
read_evaluation(const struct evidence *v, const struct record *r,
    struct offpolicy_event *e, struct slice *policy)
{
	double *to, max = OFFPOLICY_REWARD_MAX;
	struct slice map, key, value, name;
	struct value_walk walk;
	unsigned found = 0;

	if (!record_value(r, v->evaluation, &map) || value_type(map) != VALUE_MAP)
		return "an outcome without evaluation (bp-rank adds it; or give "
		       "--policy)";
	policy->size = 0;
	e->target = -1;
	for (value_open(map, &walk); value_next(&walk, &key, &value);) {
		if (!value_str(key, &name))
			continue;
		if (slice_is(name, "policy") && value_type(value) == VALUE_STR)
			*policy = value;
		to = slice_is(name, "probability") ? &e->target
		    : slice_is(name, "predicted")  ? &e->predicted
		    : slice_is(name, "expected")   ? &e->expected
						   : NULL;
		found += to == &e->predicted || to == &e->expected;
		if (to != NULL && !number_of(value, max, to))
			return "a number of evaluation is not finite";
	}
	e->modelled = found >= 2;
	return policy->size == 0 ? "evaluation names no policy" : NULL;
}

/* The probability that a table gives to what could not be shown. */
static double
outside(const struct evidence *v, int64_t position, struct slice candidates)
{
	struct slice unused, id;
	struct value_walk walk;
	double p, inside = 0;

	for (value_open(candidates, &walk); value_next(&walk, &unused, &id);)
		if (policy_table_probability(v->table, position, id, &p))
			inside += p;
	return inside < 1 ? 1 - inside : 0;
}

static const char *
read_table_policy(const struct evidence *v, const struct record *r,
    struct slice candidates, struct offpolicy_event *e)
{
	int64_t position = 0;
	struct slice id;

	if (policy_table_has_positions(v->table) &&
	    !record_int(r, v->position, &position))
		return "an outcome without position";
	if (!record_value(r, v->creative_id, &id) ||
	    !policy_table_probability(v->table, position, id, &e->target))
		return "no creative_id, or a position that the table has not";
	if (candidates.size > 0)
		e->outside = outside(v, position, candidates);
	return NULL;
}

/* What the policy would have done. */
static const char *
read_policy(const struct evidence *v, const struct record *r, struct offpolicy_event *e,
    struct slice *policy)
{
	struct slice candidates;

	if (record_value(r, v->candidates, &candidates) &&
	    value_type(candidates) == VALUE_ARRAY && value_count(candidates) > 0) {
		e->candidates = value_count(candidates);
	} else {
		candidates.size = 0;
		e->candidates = (double)v->actions;
	}
	*policy = v->name;
	if (v->source == EVIDENCE_RECORD)
		return read_evaluation(v, r, e, policy);
	if (v->source == EVIDENCE_TABLE)
		return read_table_policy(v, r, candidates, e);
	if (!(e->candidates > 0))
		return "an outcome without candidates (or give --actions)";
	e->target = 1 / e->candidates;
	return NULL;
}

const char *
evidence_read(const struct evidence *v, const struct record *r,
    struct offpolicy_event *e, struct slice *policy)
{
	const char *wrong;

	*e = (struct offpolicy_event){ 0 };
	if (!record_weight(r, &e->v) || fabs(e->v) > OFFPOLICY_V_MAX)
		return "weight is no finite number";
	wrong = read_reward(v, r, &e->reward);
	if (wrong == NULL)
		wrong = read_policy(v, r, e, policy);
	if (wrong == NULL && !(e->target >= 0 && e->target <= 1))
		wrong = "the policy's probability is not in 0 .. 1";
	return wrong;
}

bool
evidence_propensity(
    const struct evidence *v, const struct record *r, struct offpolicy_event *e)
{
	return record_number(r, v->probability, &e->logged) && e->logged > 0 &&
	    e->logged <= 1 && e->target <= OFFPOLICY_W_MAX * e->logged;
}
