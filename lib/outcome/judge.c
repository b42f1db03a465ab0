/* SPDX-License-Identifier: MIT
 *
 * What was found of an event that is held: it is out, or in again.
 */
#include "lib/outcome/outcome.h"
#include "lib/outcome/store.h"

/* The node's standing, to be changed. */
static struct standing *
standing_of(struct outcomes *o, uint32_t reference)
{
	uint32_t number = STORE_NUMBER(reference);

	switch (STORE_NODE(reference)) {
	case NODE_BANNER:
		return &store_banner(o, number)->decided;
	case NODE_IMPRESSION:
		return &store_banner(o, number)->shown;
	case NODE_CONVERSION:
		return &store_conversion(o, number)->standing;
	default:
		return &store_mark(o, number)->standing;
	}
}

bool
outcomes_standing(const struct outcomes *o, uint64_t id, double *weight, bool *out)
{
	uint32_t link = store_find(o, STORE_ID, id), reference, number;
	const struct standing *s;

	if (link == 0)
		return false;
	reference = index_value(&o->index, link);
	number = STORE_NUMBER(reference);
	switch (STORE_NODE(reference)) {
	case NODE_BANNER:
	case NODE_IMPRESSION: {
		const struct banner *b = store_see_banner(o, number);

		*weight = b->weight;
		s = STORE_NODE(reference) == NODE_BANNER ? &b->decided : &b->shown;
		break;
	}
	case NODE_CONVERSION:
		*weight = store_see_conversion(o, number)->weight;
		s = &store_see_conversion(o, number)->standing;
		break;
	default:
		*weight = store_see_mark(o, number)->weight;
		s = &store_see_mark(o, number)->standing;
	}
	*out = s->out;
	return true;
}

bool
outcomes_any_out(const struct outcomes *o)
{
	return o->any_out != 0;
}

/* --- What changes with it --------------------------------------------------------- */

static int
banner_turns(struct outcomes *o, uint32_t number, instant at, enum cause cause)
{
	const struct banner *b = store_see_banner(o, number);

	credit_alone(o, number);
	click_join_again(o, b->key, at, cause);
	return credit_again(o, b->user, b->shown_at, INT64_MAX, at, cause);
}

/* When the next click of its banner that counts was: for what came after that it makes no
 * difference. */
static instant
next_click(const struct outcomes *o, const struct mark *m)
{
	instant next = INT64_MAX;

	for (uint32_t i = store_see_banner(o, m->of)->clicks; i != 0;) {
		const struct mark *other = store_see_mark(o, i);

		if (other->weight <= 0)
			return INT64_MAX;
		if (other != m && !other->standing.out && other->at >= m->at &&
		    other->at < next)
			next = other->at;
		i = other->next;
	}
	return next;
}

static int
click_turns(struct outcomes *o, uint32_t number, instant at, enum cause cause)
{
	const struct mark *m = store_see_mark(o, number);

	credit_alone(o, m->of);
	give_changed(o, m->of, at, cause);
	return credit_again(
	    o, store_see_banner(o, m->of)->user, m->at, next_click(o, m), at, cause);
}

/* A node is now out, or in. */
static int
turn(struct outcomes *o, uint32_t reference, bool was, instant at, enum cause cause)
{
	uint32_t number = STORE_NUMBER(reference);

	switch (STORE_NODE(reference)) {
	case NODE_BANNER:
	case NODE_IMPRESSION:
		/* When it is out by its other event, it is for another reason now. */
		give_changed(o, number, at, cause);
		if (banner_is_out(store_see_banner(o, number)) == was)
			return 0;
		return banner_turns(o, number, at, cause);
	case NODE_CLICK:
		return click_turns(o, number, at, cause);
	case NODE_CONVERSION:
		credit_again_one(o, number, at, cause);
		return 0;
	default:
		credit_revalue(o, store_see_mark(o, number)->of, at, cause);
		return 0;
	}
}

static bool
was_out(const struct outcomes *o, uint32_t reference, bool own)
{
	return STORE_NODE(reference) <= NODE_IMPRESSION
	    ? banner_is_out(store_see_banner(o, STORE_NUMBER(reference)))
	    : own;
}

/* One event of the id. */
static enum outcome_found
judge_one(struct outcomes *o, uint32_t reference, const struct outcome_judgement *j,
    instant at)
{
	struct standing *s = standing_of(o, reference);
	bool was = was_out(o, reference, s->out);
	int64_t judged = j->version < INT64_MAX ? j->version + 1 : INT64_MAX;

	if (!j->carried && j->version >= 0 && judged <= s->judged)
		return OUTCOME_REPEAT;
	if (judged > s->judged)
		s->judged = judged;
	if (s->out == j->out)
		return j->carried ? OUTCOME_REPEAT : OUTCOME_TAKEN;
	s->out = j->out;
	o->any_out |= j->out;
	if (j->out)
		s->reason = reasons_number(&o->reasons, j->reason);
	*(j->out ? &o->counts.retracted : &o->counts.restored) += 1;
	return turn(o, reference, was, at, j->out ? CAUSE_RETRACT : CAUSE_RESTORE) == 0
	    ? OUTCOME_TAKEN
	    : OUTCOME_FAILED;
}

/* Some events of the id, the oldest first, as the latest click is what conversions go by.
 * Where room had to be made, what the rest of them are of may be *gone. */
static enum outcome_found
judge_some(struct outcomes *o, const uint32_t *references, uint32_t n,
    const struct outcome_judgement *j, instant at, bool *gone)
{
	uint64_t before = o->counts.forgotten + o->counts.closed_early;
	enum outcome_found found = OUTCOME_REPEAT, one;

	*gone = false;
	while (n-- > 0 && !*gone) {
		one = judge_one(o, references[n], j, at);
		if (one == OUTCOME_FAILED)
			return OUTCOME_FAILED;
		if (one == OUTCOME_TAKEN)
			found = OUTCOME_TAKEN;
		*gone = o->counts.forgotten + o->counts.closed_early != before;
	}
	return found;
}

/* An id that came often is judged from the newest on, up to where nothing changes any more:
 * what lies before stands so already. */
enum outcome_found
outcomes_judge(struct outcomes *o, const struct outcome_judgement *j, bool *conversion)
{
	enum { AT_ONCE = 256 };
	uint32_t references[AT_ONCE], n;
	uint32_t link = store_find(o, STORE_ID, j->id);
	instant at = j->at == WHEN_NEVER ? o->latest : j->at;
	enum outcome_found found = OUTCOME_REPEAT, some;
	bool gone, anew = false;

	*conversion = false;
	if (at > o->latest)
		o->latest = at;
	if (link == 0) {
		o->counts.orphan_judgements++;
		return OUTCOME_UNKNOWN;
	}
	*conversion = STORE_NODE(index_value(&o->index, link)) >= NODE_CONVERSION;
	while (link != 0) {
		for (n = 0; link != 0 && n < AT_ONCE;
		     link = index_older(&o->index, link))
			references[n++] = index_value(&o->index, link);
		some = judge_some(o, references, n, j, at, &gone);
		if (some == OUTCOME_FAILED)
			return OUTCOME_FAILED;
		if (some == OUTCOME_TAKEN)
			found = OUTCOME_TAKEN;
		else if (!gone && !anew)
			break;
		anew |= gone;
		if (gone)
			link = store_find(o, STORE_ID, j->id);
	}
	return found;
}
