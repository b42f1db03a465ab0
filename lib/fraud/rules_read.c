/* SPDX-License-Identifier: MIT
 *
 * The text of rules: read, and made ready to be looked at.
 */
#include "lib/fraud/rules_inside.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/number.h"

const char *const rules_operators[OPERATORS] = { ">=", ">", "<=", "<", "=" };

/* --- Reading ----------------------------------------------------------------------- */

/* The next word of a line; empty at its end. */
static struct slice
next_word(struct slice *line)
{
	struct slice word;

	*line = slice_trim(*line);
	word = *line;
	for (word.size = 0; word.size < line->size; word.size++)
		if (line->at[word.size] == ' ' || line->at[word.size] == '\t')
			break;
	*line = slice_from(*line, word.size);
	return word;
}

static int
wrong(struct error *error, struct slice word, const char *reason)
{
	int size = word.size < 80 ? (int)word.size : 80;

	return word.size == 0
	    ? error_set(error, "%s is missing", reason)
	    : error_set(error, "'%.*s' is no %s", size, (const char *)word.at, reason);
}

static bool
is_name(struct slice word)
{
	for (size_t i = 0; i < word.size; i++) {
		uint8_t c = word.at[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_' &&
		    (c != '.' || i == 0))
			return false;
	}
	return word.size > 0 && word.size <= RULES_NAME_MAX;
}

static int
read_share(struct slice word, float *to, struct error *error)
{
	struct slice digits = word;
	double share;

	if (digits.size > 1 && digits.at[0] == '+' && digits.at[1] != '-')
		digits = slice_from(digits, 1);
	if (!number_parse_double(digits, &share) || !(fabs(share) <= RULES_SHARE_MAX))
		return wrong(error, word, "share of -100 to 100");
	*to = (float)share;
	return 0;
}

static int
read_condition(
    struct slice *line, struct condition *to, struct rules *r, struct error *error)
{
	struct slice name = next_word(line), operator= next_word(line);
	struct slice number = next_word(line);
	int signal = signal_find(name);
	unsigned i = 0;
	double value;

	if (signal < 0)
		return wrong(error, name, "signal");
	while (i < OPERATORS && !slice_is(operator, rules_operators[i]))
		i++;
	if (i == OPERATORS)
		return wrong(error, operator, "operator, >=, >, <=, < or =");
	if (!number_parse_double(number, &value) || !isfinite((float)value))
		return wrong(error, number, "number");
	r->sets |= signal_sets((unsigned)signal);
	r->counted |= signal_counted((unsigned)signal);
	if (signal < SIGNAL_OWN)
		r->own |= UINT32_C(1) << signal;
	*to = (struct condition){ (uint16_t)signal, (uint16_t)i, (float)value };
	return 0;
}

static int
read_rule(struct slice name, struct slice line, struct rules *r, struct error *error)
{
	struct rule *to = &r->rule[r->n++];
	struct slice word;

	*to = (struct rule){ .n = 0 };
	if (!is_name(name))
		return wrong(error, name, "name of a-z, 0-9, _ and dots, up to 31");
	memcpy(to->name, name.at, name.size);
	if (read_share(next_word(&line), &to->share, error) != 0)
		return -1;
	word = next_word(&line);
	if (!slice_is(word, "if"))
		return wrong(error, word, "'if'");
	do {
		if (to->n == RULES_CONDITIONS_MAX)
			return error_set(
			    error, "more than %d conditions", RULES_CONDITIONS_MAX);
		if (read_condition(&line, &to->condition[to->n++], r, error) != 0)
			return -1;
		word = next_word(&line);
	} while (slice_is(word, "and"));
	return word.size == 0 ? 0 : wrong(error, word, "'and'");
}

static int
read_line(struct rules *r, struct slice line, bool *has_prior, struct error *error)
{
	struct slice name;

	line.size = slice_find(line, '#');
	if (line.size > 0 && line.at[line.size - 1] == '\r')
		line.size--;
	name = next_word(&line);
	if (name.size == 0)
		return 0;
	if (slice_is(name, "prior")) {
		if (*has_prior)
			return error_set(error, "a second prior");
		*has_prior = true;
		if (read_share(next_word(&line), &r->prior, error) != 0)
			return -1;
		name = next_word(&line);
		return name.size == 0 ? 0 : wrong(error, name, "end of the line");
	}
	if (r->n == RULES_MAX)
		return error_set(error, "more than %d rules", RULES_MAX);
	return read_rule(name, line, r, error);
}

static size_t
group_size(const char *name)
{
	return strcspn(name, ".");
}

static bool
same_group(const struct rule *a, const struct rule *b)
{
	size_t size = group_size(a->name);

	return size == group_size(b->name) && memcmp(a->name, b->name, size) == 0;
}

static int
compare_groups(const void *a, const void *b)
{
	return (int)((const struct rule *)a)->group -
	    (int)((const struct rule *)b)->group;
}

/* Rules of one group next to each other, groups in the order of their first rules. An
 * insertion keeps the order of those of one group. */
static void
gather_groups(struct rules *r)
{
	for (unsigned i = 0; i < r->n; i++) {
		unsigned first = 0;

		while (!same_group(&r->rule[first], &r->rule[i]))
			first++;
		r->rule[i].group = (uint16_t)first;
	}
	for (unsigned i = 1; i < r->n; i++) {
		struct rule moved = r->rule[i];
		unsigned to = i;

		while (to > 0 && compare_groups(&r->rule[to - 1], &moved) > 0) {
			r->rule[to] = r->rule[to - 1];
			to--;
		}
		r->rule[to] = moved;
	}
}

/* --- Screens ----------------------------------------------------------------------- */

/* What it costs to look at it, and how many events it lets through. */
static unsigned
cost(const struct condition *c)
{
	unsigned family = signal_family(c->signal);
	bool upper = c->operator== AT_MOST || c->operator== BELOW;

	return (family < SIGNAL_OWN ? 0 : family) + (upper ? 2 * SIGNAL_FAMILIES : 0);
}

/* Of the conditions of a rule the one that is looked at first. */
static const struct condition *
cheapest(const struct rule *rule)
{
	const struct condition *best = &rule->condition[0];

	for (unsigned i = 1; i < rule->n; i++)
		if (cost(&rule->condition[i]) < cost(best))
			best = &rule->condition[i];
	return best;
}

static unsigned
screening(const struct rule *rule)
{
	return signal_ceiling(cheapest(rule)->signal);
}

static void
widen(struct screen *s, unsigned lane, const struct condition *c)
{
	bool upper = c->operator== AT_MOST || c->operator== BELOW;

	if (upper && signal_ceiling(c->signal) != c->signal)
		s->least[lane] = -INFINITY; /* says nothing of the ceiling */
	else if (upper && !(c->value <= s->most[lane]))
		s->most[lane] = c->value;
	if (!upper && !(c->value >= s->least[lane]))
		s->least[lane] = c->value;
}

/* The screen of the quad that a place is in, its bounds such that nothing passes. */
static struct screen *
open_screen(struct rules *r, unsigned place)
{
	struct screen *s = r->screen;

	while (s < r->screen + r->screens && s->quad != place / SIGNAL_QUAD)
		s++;
	if (s < r->screen + r->screens)
		return s;
	r->screens++;
	*s = (struct screen){ .quad = (uint16_t)(place / SIGNAL_QUAD) };
	for (unsigned i = 0; i < SIGNAL_QUAD; i++)
		s->least[i] = s->most[i] = NAN;
	return s;
}

static void
make_screens(struct rules *r)
{
	unsigned filled = 0;
	bool done[RULES_MAX] = { false };

	for (unsigned i = 0; i < r->n; i++) {
		unsigned signal = screening(&r->rule[i]);
		unsigned place = signal_place(signal), lane = place % SIGNAL_QUAD;
		struct screen *s;

		if (done[i])
			continue;
		s = open_screen(r, place);
		signal_ask(&r->asks, signal);
		s->first[lane] = (uint16_t)filled;
		for (unsigned k = i; k < r->n; k++) {
			if (screening(&r->rule[k]) != signal)
				continue;
			done[k] = true;
			widen(s, lane, cheapest(&r->rule[k]));
			r->screened[filled++] = (uint16_t)k;
		}
		s->n[lane] = (uint16_t)(filled - s->first[lane]);
	}
}

struct rules *
rules_read(struct slice text, struct error *error)
{
	struct rules *r = calloc(1, sizeof *r);
	bool has_prior = false;
	struct error why;

	if (r == NULL || text.size > RULES_TEXT_MAX) {
		(void)error_set(error,
		    r == NULL ? "no memory for the rules"
			      : "line 1: 1 MiB of rules or more");
		free(r);
		return NULL;
	}
	for (unsigned number = 1; text.size > 0; number++) {
		size_t end = slice_find(text, '\n');

		if (read_line(r, slice_of(text.at, end), &has_prior, &why) != 0) {
			(void)error_set(error, "line %u: %s", number, why.text);
			free(r);
			return NULL;
		}
		text = slice_from(text, end < text.size ? end + 1 : end);
	}
	gather_groups(r);
	make_screens(r);
	return r;
}
