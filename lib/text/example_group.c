/* SPDX-License-Identifier: MIT
 *
 * Several lines that are the actions of one example: Vowpal Wabbit's contextual bandits
 * with action dependent features (cb_adf).
 */
#include "lib/base/number.h"
#include "lib/text/example.h"
#include "lib/text/str.h"

struct group {
	struct slice tag; /* of the shared line */
	struct vector shared;
	struct action *actions;
	unsigned count;
	bool known; /* one action has a cost: */
	unsigned chosen;
	double cost, probability;
};

static bool
take_label(struct passage *p, struct group *g, const struct vw_label *label)
{
	if (label->kind == VW_SHARED)
		return passage_fail(
		    p, p->at, "a 'shared' line that is not the example's first");
	if (g->count == EXAMPLES_ACTIONS_MAX)
		return passage_fail(p, p->at, "an example of more than 4096 actions");
	if (label->kind == VW_NONE)
		return true;
	if (label->kind != VW_ACTION || label->count != 1 || label->action.at == NULL)
		return passage_fail(
		    p, p->at, "a label that is no action:cost:probability");
	if (g->known)
		return passage_fail(p, p->at, "a second action with a cost");
	g->known = true;
	g->chosen = g->count;
	g->cost = label->cost;
	g->probability = label->probability;
	return true;
}

/* One line, whose end is p->end. */
static bool
take_line(struct examples *x, struct passage *p, struct group *g, bool first)
{
	struct vector *to = &g->shared;
	unsigned room = FEATURES_MAX;
	struct vw_label label;

	if (!vw_label(p, &label))
		return false;
	if (first && label.kind == VW_SHARED) {
		g->tag = label.tag;
	} else {
		if (!take_label(p, g, &label))
			return false;
		g->actions[g->count].tag = label.tag;
		to = &g->actions[g->count++].vector;
		room -= g->shared.count;
	}
	sparse_begin(&x->features, room, to);
	if (!vw_features(p, &x->features))
		return false;
	sparse_end(&x->features, to);
	return true;
}

static bool
take_lines(struct examples *x, struct passage *p, struct group *g)
{
	const uint8_t *end = p->end;
	bool first = true;

	for (; p->at < end; first = false) {
		const uint8_t *line = p->at;
		size_t size = slice_find(slice_of(line, (size_t)(end - line)), '\n');

		p->end = line + size;
		if (!take_line(x, p, g, first))
			return false;
		p->at = p->end + (p->end < end);
	}
	return g->count > 0 || passage_fail(p, p->start, "an example without actions");
}

/* --- The record ------------------------------------------------------------------- */

/* Its tag, or its number from 0. */
static void
put_name(const struct group *g, unsigned i, struct build *to)
{
	char number[NUMBER_TEXT_MAX];

	if (g->actions[i].tag.at != NULL)
		str_build(to, g->actions[i].tag);
	else
		build_str(to, slice_of(number, number_format_uint(i, number)));
}

static void
put_candidates(struct example *e, const struct sparse *s, const struct group *g)
{
	bool weighted = false;

	build_array(example_key(e, "candidates"), g->count);
	for (unsigned i = 0; i < g->count; i++) {
		put_name(g, i, e->to);
		weighted |= g->actions[i].vector.weighted;
	}
	build_array(example_key(e, "candidate_features"), g->count);
	for (unsigned i = 0; i < g->count; i++)
		sparse_build_keys(s, &g->actions[i].vector, e->to);
	if (weighted) {
		build_array(example_key(e, "candidate_feature_values"), g->count);
		for (unsigned i = 0; i < g->count; i++)
			sparse_build_values(s, &g->actions[i].vector, e->to);
	}
	if (g->shared.count > 0)
		example_vector(
		    e, s, &g->shared, "shared_features", "shared_feature_values");
}

static void
put_chosen(struct example *e, struct sparse *s, const struct group *g)
{
	struct vector both = sparse_join(s, &g->shared, &g->actions[g->chosen].vector);

	put_name(g, g->chosen, example_key(e, "creative_id"));
	example_number(e, "position", 0);
	build_double(example_key(e, "probability"), g->probability);
	example_reward(e, 0 - g->cost);
	example_vector(e, s, &both, "features", "feature_values");
}

bool
example_of_group(
    struct examples *x, struct passage *p, struct slice id, struct build *to)
{
	struct group g = { .actions = x->actions };
	struct example e;

	if (!take_lines(x, p, &g))
		return false;
	example_begin(&e, to, g.known ? "outcome" : "request", id, x->count);
	if (g.tag.at != NULL)
		example_text(&e, "tag", g.tag);
	if (g.known)
		put_chosen(&e, &x->features, &g);
	else
		build_str(example_key(&e, "request_id"), id);
	put_candidates(&e, &x->features, &g);
	example_end(&e);
	return true;
}
