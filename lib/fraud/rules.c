/* SPDX-License-Identifier: MIT */
#include "lib/fraud/rules.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/base/number.h"
#include "lib/fraud/known_rules.h"

enum comparison { AT_LEAST, ABOVE, AT_MOST, BELOW, EQUAL, OPERATORS };

static const char *const operators[OPERATORS] = { ">=", ">", "<=", "<", "=" };

struct condition {
	uint16_t signal, operator;
	float value;
};

struct rule {
	float share;
	uint16_t group; /* of those that are next to each other */
	uint16_t n;
	struct condition condition[RULES_CONDITIONS_MAX];
	char name[RULES_NAME_MAX + 1];
};

/* Of rules that all have a condition on a signal: its value is at least the one or at most
 * the other of these where any of them may hold. */
struct screen {
	uint16_t signal, first, n; /* of `screened` */
	float least, most;
};

struct rules {
	float prior;
	uint32_t sets, counted, own;
	unsigned n, screens;
	struct screen screen[RULES_MAX];
	uint16_t screened[RULES_MAX]; /* rules, by their screens */
	struct rule rule[RULES_MAX];
};

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
	while (i < OPERATORS && !slice_is(operator, operators[i]))
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

static void
widen(struct screen *s, const struct condition *c)
{
	bool upper = c->operator== AT_MOST || c->operator== BELOW;

	if (upper && !(c->value <= s->most))
		s->most = c->value;
	if (!upper && !(c->value >= s->least))
		s->least = c->value;
}

static void
make_screens(struct rules *r)
{
	unsigned filled = 0;
	bool done[RULES_MAX] = { false };

	for (unsigned i = 0; i < r->n; i++) {
		unsigned signal = cheapest(&r->rule[i])->signal;
		struct screen *s = &r->screen[r->screens];

		if (done[i])
			continue;
		*s = (struct screen){ (uint16_t)signal, (uint16_t)filled, 0, NAN, NAN };
		for (unsigned k = i; k < r->n; k++) {
			const struct condition *c = cheapest(&r->rule[k]);

			if (c->signal != signal)
				continue;
			done[k] = true;
			widen(s, c);
			r->screened[filled++] = (uint16_t)k;
		}
		s->n = (uint16_t)(filled - s->first);
		r->screens++;
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
			      : "line 1: more than 256 KiB of rules");
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

void
rules_free(struct rules *r)
{
	free(r);
}

struct slice
rules_preset(void)
{
	assert(known_rules_count == 1);
	return known_rules[0].text;
}

unsigned
rules_count(const struct rules *r)
{
	return r->n;
}

float
rules_prior(const struct rules *r)
{
	return r->prior;
}

uint32_t
rules_sets(const struct rules *r)
{
	return r->sets;
}

uint32_t
rules_counted(const struct rules *r)
{
	return r->counted;
}

uint32_t
rules_own(const struct rules *r)
{
	return r->own;
}

const char *
rules_name(const struct rules *r, unsigned rule)
{
	assert(rule < r->n);
	return r->rule[rule].name;
}

/* --- What holds -------------------------------------------------------------------- */

static inline bool
meets(float value, const struct condition *c)
{
	switch ((enum comparison)c->operator) {
	case AT_LEAST:
		return value >= c->value;
	case ABOVE:
		return value > c->value;
	case AT_MOST:
		return value <= c->value;
	case BELOW:
		return value < c->value;
	default:
		return value == c->value;
	}
}

static inline bool
holds(const struct rule *rule, const struct look *look)
{
	for (unsigned i = 0; i < rule->n; i++)
		if (!meets(signal_value(look, rule->condition[i].signal),
			&rule->condition[i]))
			return false;
	return true;
}

void
rules_add(struct rules_sum *to, const char *word, double share)
{
	unsigned at = to->n;

	to->score += share;
	while (at > 0 && fabs(to->reason[at - 1].share) < fabs(share))
		at--;
	if (at == JUDGEMENT_REASONS_MAX)
		return;
	to->n += to->n < JUDGEMENT_REASONS_MAX;
	for (unsigned i = to->n - 1; i > at; i--)
		to->reason[i] = to->reason[i - 1];
	to->reason[at] = (struct judgement_reason){ word, share };
}

/* The names of rules are compared by where they lie: a reason's word is one of them. */
unsigned
rules_signals(
    const struct rules *r, const char *word, uint16_t to[RULES_CONDITIONS_MAX])
{
	for (unsigned i = 0; i < r->n; i++) {
		const struct rule *rule = &r->rule[i];

		if (word != rule->name)
			continue;
		for (unsigned k = 0; k < rule->n; k++)
			to[k] = rule->condition[k].signal;
		return rule->n;
	}
	return 0;
}

/* The rules that may hold, as bits; false: there is none. */
static bool
screen(const struct rules *r, const struct look *look, uint64_t may[RULES_MAX / 64])
{
	bool any = false;

	memset(may, 0, (r->n + 63) / 64 * sizeof *may);
	for (const struct screen *s = r->screen; s < r->screen + r->screens; s++) {
		float value = signal_value(look, s->signal);

		if (!(value >= s->least) && !(value <= s->most))
			continue;
		for (unsigned i = s->first; i < (unsigned)(s->first + s->n); i++)
			may[r->screened[i] / 64] |= UINT64_C(1) << r->screened[i] % 64;
		any = true;
	}
	return any;
}

/* The rule that says most in its group, if there is one. */
static void
count(const struct rule *most, double factor, struct rules_sum *to)
{
	if (most != NULL && most->share != 0)
		rules_add(to, most->name, factor * (double)most->share);
}

void
rules_apply(
    const struct rules *r, const struct look *look, double factor, struct rules_sum *to)
{
	uint64_t may[RULES_MAX / 64];
	const struct rule *most = NULL;

	to->score = factor * (double)r->prior;
	to->n = 0;
	if (!screen(r, look, may))
		return;
	for (unsigned i = 0; i < (r->n + 63) / 64; i++)
		for (uint64_t bits = may[i]; bits != 0; bits &= bits - 1) {
			const struct rule *rule =
			    &r->rule[i * 64 + (unsigned)__builtin_ctzll(bits)];

			if (most != NULL && most->group != rule->group) {
				count(most, factor, to);
				most = NULL;
			}
			if ((most == NULL || fabsf(rule->share) > fabsf(most->share)) &&
			    holds(rule, look))
				most = rule;
		}
	count(most, factor, to);
}

/* In as few digits as tell the number from all others. */
static void
print_value(float value, char to[32])
{
	for (int digits = 1; digits <= 9; digits++) {
		(void)snprintf(to, 32, "%.*g", digits, (double)value);
		if (strtof(to, NULL) == value)
			break;
	}
}

unsigned
rules_print(const struct rules *r, unsigned rule, double factor, char *to, size_t size)
{
	const struct rule *from = &r->rule[rule];
	char name[SIGNAL_NAME_MAX], value[32];
	size_t n;

	assert(rule < r->n);
	n = (size_t)snprintf(
	    to, size, "%s %+.3f", from->name, (double)from->share * factor);
	for (unsigned i = 0; i < from->n && n < size; i++) {
		const struct condition *c = &from->condition[i];

		(void)signal_name(c->signal, name);
		print_value(c->value, value);
		n += (size_t)snprintf(to + n, size - n, " %s %s %s %s",
		    i == 0 ? "if" : "and", name, operators[c->operator],
		    value);
	}
	return n < size ? (unsigned)n : 0;
}
