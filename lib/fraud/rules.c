/* SPDX-License-Identifier: MIT */
#include "lib/fraud/rules.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/fraud/known_rules.h"
#include "lib/fraud/rules_inside.h"

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

typedef float quad __attribute__((vector_size(SIGNAL_QUAD * sizeof(float)), may_alias));
typedef int64_t halves __attribute__((vector_size(sizeof(quad))));

static inline quad
load(const float *from)
{
	quad q;

	memcpy(&q, from, sizeof q);
	return q;
}

/* Whether any rule of the screen may hold. */
static inline bool
lets_through(const struct screen *s, const float *value)
{
	quad q = load(value + s->quad * SIGNAL_QUAD);
	halves h = (halves)((q >= load(s->least)) | (q <= load(s->most)));

	return (h[0] | h[1]) != 0;
}

static void
let_through(const struct rules *r, const struct screen *s, const float *value,
    uint64_t may[RULES_MAX / 64])
{
	for (unsigned lane = 0; lane < SIGNAL_QUAD; lane++) {
		float x = value[s->quad * SIGNAL_QUAD + lane];
		const uint16_t *rule = &r->screened[s->first[lane]];

		if (x >= s->least[lane] || x <= s->most[lane])
			for (unsigned i = 0; i < s->n[lane]; i++)
				may[rule[i] / 64] |= UINT64_C(1) << rule[i] % 64;
	}
}

/* The rules that may hold, as bits; false: there is none. */
static bool
screen(const struct rules *r, const struct look *look, uint64_t may[RULES_MAX / 64])
{
	float value[SIGNAL_PLACES];
	bool any = false;

	memset(may, 0, (r->n + 63) / 64 * sizeof *may);
	signal_measure(look, &r->asks, value);
	for (const struct screen *s = r->screen; s < r->screen + r->screens; s++) {
		if (!lets_through(s, value))
			continue;
		let_through(r, s, value, may);
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
		    i == 0 ? "if" : "and", name, rules_operators[c->operator],
		    value);
	}
	return n < size ? (unsigned)n : 0;
}
