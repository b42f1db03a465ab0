/* SPDX-License-Identifier: MIT */
#include "lib/text/example.h"

#include "lib/text/str.h"

void
example_begin(struct example *e, struct build *to, const char *event, struct slice id,
    uint64_t number)
{
	*e = (struct example){ to, build_open(to), 0 };
	build_text(example_key(e, "event"), event);
	build_str(example_key(e, "event_id"), id);
	build_uint(example_key(e, "timestamp"), number);
}

void
example_end(struct example *e)
{
	build_close_map(e->to, e->open, e->pairs);
}

struct build *
example_key(struct example *e, const char *name)
{
	build_text(e->to, name);
	e->pairs++;
	return e->to;
}

void
example_number(struct example *e, const char *name, double value)
{
	build_number(example_key(e, name), value);
}

void
example_text(struct example *e, const char *name, struct slice text)
{
	str_build(example_key(e, name), text);
}

static void
put_rewards(struct example *e, const char *name, double value)
{
	build_map(example_key(e, "rewards"), 1);
	build_text(e->to, name);
	build_number(e->to, value);
}

void
example_label(struct example *e, double label)
{
	if (label == -1 || label == 0 || label == 1)
		put_rewards(e, "click", label == 1);
	else
		put_rewards(e, "value", label);
}

void
example_reward(struct example *e, double reward)
{
	example_number(e, "reward", reward);
	put_rewards(e, reward >= 0 && reward <= 1 ? "click" : "value", reward);
}

void
example_vector(struct example *e, const struct sparse *s, const struct vector *v,
    const char *keys, const char *values)
{
	sparse_build_keys(s, v, example_key(e, keys));
	if (v->weighted)
		sparse_build_values(s, v, example_key(e, values));
}

/* --- Vowpal Wabbit, one line ------------------------------------------------------ */

static void
put_actions(struct example *e, const struct vw_label *label)
{
	struct passage p = { label->actions.at, label->actions.at,
		label->actions.at + label->actions.size, NULL };
	struct slice action;

	example_text(e, "creative_id", label->action);
	build_double(example_key(e, "probability"), label->probability);
	example_reward(e, 0 - label->cost);
	if (label->count == 1)
		return;
	build_array(example_key(e, "candidates"), label->count);
	while (vw_next_action(&p, &action))
		str_build(e->to, action);
}

bool
example_of_vw(struct examples *x, struct passage *p, struct slice id, struct build *to)
{
	struct vw_label label;
	struct vector v;
	struct example e;

	if (!vw_label(p, &label))
		return false;
	if (label.kind == VW_SHARED)
		return passage_fail(p, p->start,
		    "'shared' where each line is an example (is it vw-adf?)");
	sparse_begin(&x->features, FEATURES_MAX, &v);
	if (!vw_features(p, &x->features))
		return false;
	sparse_end(&x->features, &v);
	example_begin(
	    &e, to, label.kind == VW_NONE ? "decision" : "outcome", id, x->count);
	if (label.tag.at != NULL)
		example_text(&e, "tag", label.tag);
	if (label.weight != 1)
		example_number(&e, "weight", label.weight);
	if (label.has_base)
		example_number(&e, "base", label.base);
	if (label.kind == VW_NUMBER)
		example_label(&e, label.number);
	if (label.kind == VW_ACTION)
		put_actions(&e, &label);
	example_vector(&e, &x->features, &v, "features", "feature_values");
	example_end(&e);
	return true;
}

/* --- LIBSVM and LIBFFM ------------------------------------------------------------ */

static inline const uint8_t *
digits_end(const uint8_t *at, const uint8_t *end)
{
	while (at < end && *at >= '0' && *at <= '9')
		at++;
	return at;
}

/* Digits and a colon. */
static inline bool
take_index(struct passage *p, struct slice *to)
{
	const uint8_t *end = digits_end(p->at, p->end);

	*to = slice_of(p->at, (size_t)(end - p->at));
	if (to->size == 0 || end == p->end || *end != ':')
		return passage_fail(p, end, "no index and ':' where a feature begins");
	p->at = end + 1;
	return true;
}

static inline bool
take_pair(struct passage *p, struct sparse *to, bool fields)
{
	struct slice field = { (const uint8_t *)"", 0 }, index;
	const uint8_t *end;
	const char *reason;
	double value;

	if ((fields && !take_index(p, &field)) || !take_index(p, &index))
		return false;
	end = sparse_number(p->at, p->end, &value);
	if (end == NULL || (end < p->end && !sparse_is_space(*end)))
		return passage_fail(p, p->at, "a value that is no number");
	reason = sparse_put(to, sparse_space(to, field), field, index, value);
	if (reason != NULL)
		return passage_fail(p, p->at, reason);
	p->at = end;
	return true;
}

static inline bool
skip_spaces(struct passage *p)
{
	while (p->at < p->end && sparse_is_space(*p->at))
		p->at++;
	return p->at < p->end;
}

/* label, perhaps qid:N; the rest are features. */
struct heading {
	bool labelled;
	double label;
	struct slice query; /* at == NULL: none */
};

static bool
take_heading(struct passage *p, struct heading *to)
{
	const uint8_t *from = p->at;
	struct slice word;

	*to = (struct heading){ 0 };
	if (passage_word(p, &word) && slice_find(word, ':') == word.size) {
		to->labelled = true;
		if (!passage_number(p, word, "a label that is no number", &to->label))
			return false;
		from = p->at;
		(void)passage_word(p, &word);
	}
	if (word.size > 4 && memcmp(word.at, "qid:", 4) == 0) {
		to->query = slice_from(word, 4);
		from = p->at;
		if (to->query.size > RECORD_KEY_SIZE_MAX)
			return passage_fail(p, word.at, "a qid of over 255 bytes");
	}
	p->at = from;
	return true;
}

bool
example_of_pairs(
    struct examples *x, struct passage *p, struct slice id, struct build *to)
{
	bool fields = x->kind == EXAMPLES_FFM;
	struct heading heading;
	struct vector v;
	struct example e;

	if (!take_heading(p, &heading))
		return false;
	sparse_begin(&x->features, FEATURES_MAX, &v);
	while (skip_spaces(p))
		if (!take_pair(p, &x->features, fields))
			return false;
	sparse_end(&x->features, &v);
	example_begin(&e, to, heading.labelled ? "outcome" : "decision", id, x->count);
	if (heading.query.at != NULL)
		example_text(&e, "query_id", heading.query);
	if (heading.labelled)
		example_label(&e, heading.label);
	example_vector(&e, &x->features, &v, "features", "feature_values");
	example_end(&e);
	return true;
}
