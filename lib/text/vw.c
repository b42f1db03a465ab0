/* SPDX-License-Identifier: MIT */
#include "lib/text/vw.h"

#include <strings.h>

#include "lib/base/number.h"

/* --- The label -------------------------------------------------------------------- */

/* Split the tag from the text before the bar. */
static bool
take_tag(struct passage *p, struct slice *text, struct slice *tag)
{
	size_t end = text->size, from;

	*tag = slice_of(NULL, 0);
	while (end > 0 && sparse_is_space(text->at[end - 1]))
		end--;
	for (from = end; from > 0 && !sparse_is_space(text->at[from - 1]);)
		from--;
	if (from == end || (end < text->size && text->at[from] != '\''))
		return true;
	*tag = slice_of(text->at + from, end - from);
	text->size = from;
	if (tag->at[0] == '\'')
		*tag = slice_from(*tag, 1);
	if (tag->size == 0)
		tag->at = NULL;
	return tag->size <= RECORD_STRING_MAX ||
	    passage_fail(p, tag->at, "a tag of more than 64 KiB");
}

static bool
read_numbers(struct passage *p, struct vw_label *to)
{
	double *const numbers[] = { &to->number, &to->weight, &to->base };
	struct slice word;
	unsigned n = 0;

	for (; passage_word(p, &word); n++) {
		if (n == 3)
			return passage_fail(
			    p, word.at, "more than label, importance and base");
		if (!passage_number(p, word,
			n == 0       ? "a label that is no number"
			    : n == 1 ? "an importance that is no number"
				     : "a base that is no number",
			numbers[n]))
			return false;
	}
	if (!(fabs(to->weight) <= FEATURES_VALUE_MAX))
		return passage_fail(p, p->at, "an importance beyond 1e6");
	to->has_base = n == 3;
	to->kind = VW_NUMBER;
	return true;
}

/* action:cost:probability */
static bool
read_cost(struct passage *p, struct slice word, struct vw_label *to)
{
	size_t colon = slice_find(word, ':');
	struct slice rest = slice_from(word, colon + 1);
	size_t second = slice_find(rest, ':');

	if (to->action.at != NULL)
		return passage_fail(p, word.at, "two actions with a cost");
	if (second == rest.size)
		return passage_fail(p, word.at, "an action's cost without probability");
	to->action = slice_of(word.at, colon);
	if (!passage_number(
		p, slice_of(rest.at, second), "a cost that is no number", &to->cost) ||
	    !passage_number(p, slice_from(rest, second + 1),
		"a probability that is no number", &to->probability))
		return false;
	if (!(to->probability > 0 && to->probability <= 1))
		return passage_fail(p, word.at, "a probability that is not in (0, 1]");
	return true;
}

static bool
read_actions(struct passage *p, struct vw_label *to)
{
	struct slice word;

	for (; passage_word(p, &word); to->count++) {
		size_t colon = slice_find(word, ':');

		if (colon == 0 || colon > RECORD_STRING_MAX)
			return passage_fail(
			    p, word.at, "an action without a name, or of over 64 KiB");
		if (colon < word.size && !read_cost(p, word, to))
			return false;
	}
	to->kind = VW_ACTION;
	return true;
}

bool
vw_next_action(struct passage *p, struct slice *action)
{
	if (!passage_word(p, action))
		return false;
	action->size = slice_find(*action, ':');
	return true;
}

bool
vw_label(struct passage *p, struct vw_label *to)
{
	struct slice text = slice_of(p->at, (size_t)(p->end - p->at));
	size_t bar = slice_find(text, '|');
	struct passage words;

	*to = (struct vw_label){ .kind = VW_NONE, .weight = 1 };
	if (bar == text.size)
		return passage_fail(p, p->end, "no '|' before the features");
	p->at += bar;
	text.size = bar;
	if (!take_tag(p, &text, &to->tag))
		return false;
	while (text.size > 0 && sparse_is_space(text.at[text.size - 1]))
		text.size--;
	while (text.size > 0 && sparse_is_space(text.at[0]))
		text = slice_from(text, 1);
	if (text.size == 0)
		return true;
	if (slice_is(text, "shared")) {
		to->kind = VW_SHARED;
		return true;
	}
	words = (struct passage){ p->start, text.at, text.at + text.size, p->fault };
	to->actions = text;
	return slice_find(text, ':') < text.size ? read_actions(&words, to)
						 : read_numbers(&words, to);
}

/* --- The features ----------------------------------------------------------------- */

/* A namespace that is being read. */
struct space {
	struct slice name;
	uint64_t bits;
	double scale;
	uint64_t unnamed; /* features so far */
};

/* The end of a name: a space, '|', ':' or the end of the text. Eight bytes at a time, as
 * names are short and their lengths cannot be foreseen. */
static inline const uint8_t *
name_end(const uint8_t *at, const uint8_t *end)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;

	for (; at < end; at += 8) {
		uint64_t x = bytes_load_le64(at), bar = x ^ ones * '|',
			 colon = x ^ ones * ':', found;

		found = ((x - ones * (' ' + 1)) & ~x) | ((bar - ones) & ~bar) |
		    ((colon - ones) & ~colon);
		found &= high;
		if (found != 0) {
			at += __builtin_ctzll(found) / 8;
			return at < end ? at : end;
		}
	}
	return end;
}

static inline bool
is_value_end(const uint8_t *at, const uint8_t *end)
{
	return at == end || *at <= ' ' || *at == '|';
}

/* Whether a value is meant as a number although it is none that counts. */
static bool
is_no_number(struct slice text)
{
	const char *at = (const char *)text.at;

	return text.size == 0 || sparse_is_numeric(text.at[0]) ||
	    (text.size == 3 &&
		(strncasecmp(at, "nan", 3) == 0 || strncasecmp(at, "inf", 3) == 0)) ||
	    (text.size == 8 && strncasecmp(at, "infinity", 8) == 0);
}

/* name:text is a feature of that whole name, and of value 1 whatever the namespace's. */
static const uint8_t *
put_text(struct passage *p, struct sparse *to, const struct space *s,
    const uint8_t *name, const uint8_t *value)
{
	const uint8_t *end = value;
	const char *reason = "a value that is no finite number";

	while (!is_value_end(end, p->end))
		end++;
	if (!is_no_number(slice_of(value, (size_t)(end - value))))
		reason = sparse_put(
		    to, s->bits, s->name, slice_of(name, (size_t)(end - name)), 1);
	if (reason == NULL)
		return end;
	(void)passage_fail(p, name, reason);
	return NULL;
}

/* Take the feature at `from`. Returns its end, NULL and the fault. */
static inline const uint8_t *
read_feature(struct passage *p, struct sparse *to, struct space *s, const uint8_t *from)
{
	const uint8_t *at = name_end(from, p->end);
	struct slice name = slice_of(from, (size_t)(at - from));
	char number[NUMBER_TEXT_MAX];
	const char *reason;
	double value = 1;

	if (at < p->end && *at == ':') {
		const uint8_t *text = at + 1;

		at = sparse_number(text, p->end, &value);
		if (at == NULL || !is_value_end(at, p->end))
			return put_text(p, to, s, from, text);
		/* VW hashes it so that it is the feature of this number. */
		if (name.size == 0)
			name =
			    slice_of(number, number_format_uint(s->unnamed++, number));
	}
	reason = sparse_put(to, s->bits, s->name, name, value * s->scale);
	if (__builtin_expect(reason == NULL, 1))
		return at;
	(void)passage_fail(p, from, reason);
	return NULL;
}

/* Take the name of a namespace, and its value if it has one. Returns their end. */
static inline const uint8_t *
read_space(
    struct passage *p, const struct sparse *to, const uint8_t *from, struct space *s)
{
	const uint8_t *at = name_end(from, p->end);

	s->name = slice_of(from, (size_t)(at - from));
	s->bits = sparse_space(to, s->name);
	s->scale = 1;
	s->unnamed = 0;
	if (at == p->end || *at != ':')
		return at;
	from = at;
	at = sparse_number(from + 1, p->end, &s->scale);
	if (s->name.size > 0 && at != NULL && is_value_end(at, p->end))
		return at;
	(void)passage_fail(p, from,
	    s->name.size == 0 ? "a namespace without a name"
			      : "a namespace's value that is no number");
	return NULL;
}

bool
vw_features(struct passage *p, struct sparse *to)
{
	const uint8_t *at = p->at, *end = p->end;
	struct space s;

	while (at < end) {
		at = read_space(p, to, at + 1, &s);
		while (at != NULL && at < end && *at != '|')
			at = *at <= ' ' ? at + 1 : read_feature(p, to, &s, at);
		if (at == NULL)
			return false;
	}
	p->at = end;
	return true;
}
