/* SPDX-License-Identifier: MIT
 *
 * From tokens to nodes: recursive descent, one function for each level of binding,
 * tightest first.
 */
#include "lib/text/expr_node.h"

#include <stdlib.h>

bool
expr_is_constant(const struct expr_parser *p, uint32_t node)
{
	return expr_node_at(p, node)->op == EXPR_OP_CONSTANT;
}

const char *
expr_kind_text(uint8_t kind)
{
	static const char *const texts[] = { "anything", "a truth value", "a number",
		"a text", "a list", "a map" };

	return texts[kind];
}

bool
expr_expect(struct expr_parser *p, int token, const char *where)
{
	if (p->token != token) {
		expr_wrong(p, p->start, "'%c' is expected %s", token, where);
		return false;
	}
	expr_next(p);
	return p->token != TOKEN_WRONG;
}

bool
expr_take(struct expr_parser *p, int token)
{
	if (p->token != token)
		return false;
	expr_next(p);
	return true;
}

bool
expr_take_word(struct expr_parser *p, const char *word)
{
	if (!expr_is_word(p, word))
		return false;
	expr_next(p);
	return true;
}

bool
expr_check_condition(struct expr_parser *p, uint32_t node, size_t at)
{
	uint8_t kind = node == 0 ? EXPR_KIND_ANY : expr_node_at(p, node)->kind;

	if (node != 0 && kind != EXPR_KIND_ANY && kind != EXPR_KIND_BOOL)
		expr_wrong(p, at,
		    "a condition is needed here, and this is %s (compare it with ==)",
		    expr_kind_text(kind));
	return p->token != TOKEN_WRONG;
}

static uint32_t
unary(struct expr_parser *p)
{
	static const struct expr_value zero = { .type = EXPR_INT };
	struct expr_value value;
	bool negative = false;
	uint32_t node;

	for (; p->token == '-'; expr_next(p))
		negative = !negative;
	node = expr_parse_postfix(p);
	if (node == 0 || !negative)
		return node;
	if (expr_is_constant(p, node)) {
		value = expr_node_at(p, node)->constant;
		expr_value_arithmetic(
		    &zero, '-', &value, &expr_node_at(p, node)->constant);
		return node;
	}
	return expr_node_over(p, EXPR_OP_NEGATE, EXPR_KIND_NUMBER, node, 0, 0);
}

/* a op b op c, from the left. */
static uint32_t
arithmetic(
    struct expr_parser *p, const char *signs, uint32_t (*operand)(struct expr_parser *))
{
	uint32_t a = operand(p), b;
	int sign;

	while (a != 0 && p->token < 128 && strchr(signs, p->token) != NULL) {
		sign = p->token;
		if (expr_node_at(p, a)->kind > EXPR_KIND_NUMBER)
			return expr_wrong(p, p->start, "there is no arithmetic on %s%s",
			    expr_kind_text(expr_node_at(p, a)->kind),
			    sign == '+' ? " (concat joins texts)" : "");
		expr_next(p);
		b = operand(p);
		a = b == 0
		    ? 0
		    : expr_node_over(p, EXPR_OP_ARITHMETIC, EXPR_KIND_NUMBER, a, b, 0);
		if (a != 0)
			expr_node_at(p, a)->relation = (uint8_t)sign;
	}
	return a;
}

static uint32_t
product(struct expr_parser *p)
{
	return arithmetic(p, "*/", unary);
}

static uint32_t
sum(struct expr_parser *p)
{
	return arithmetic(p, "+-", product);
}

/* The sorted constants of `a in (...)`. */
static uint32_t
in_set(struct expr_parser *p, uint32_t a, const struct expr_gather *g)
{
	struct expr_value *set = calloc(g->count, sizeof *set);
	uint32_t node = set == NULL
	    ? expr_wrong(p, p->start, "no memory")
	    : expr_node_over(p, EXPR_OP_IN_SET, EXPR_KIND_BOOL, a, 0, 0);

	if (node == 0) {
		free(set);
		return 0;
	}
	for (uint32_t i = 0; i < g->count; i++)
		set[i] = expr_node_at(p, g->nodes[i])->constant;
	qsort(set, g->count, sizeof *set, expr_value_sort);
	expr_node_at(p, node)->set = set;
	expr_node_at(p, node)->count = g->count;
	return node;
}

/* What follows `a in`. */
static uint32_t
in(struct expr_parser *p, uint32_t a)
{
	struct expr_gather g = { .count = 0 };
	bool constants = true;
	uint32_t b, c, node;

	if (p->token != '(') {
		b = sum(p);
		if (b == 0)
			return 0;
		if (!expr_take(p, TOKEN_RANGE))
			return expr_node_over(
			    p, EXPR_OP_IN_VALUE, EXPR_KIND_BOOL, a, b, 0);
		c = sum(p);
		return c == 0
		    ? 0
		    : expr_node_over(p, EXPR_OP_IN_RANGE, EXPR_KIND_BOOL, a, b, c);
	}
	expr_next(p);
	do {
		if (!expr_gather_add(p, &g, expr_parse_nested(p)))
			return 0;
		constants = constants && expr_is_constant(p, g.nodes[g.count - 1]) &&
		    expr_node_at(p, g.nodes[g.count - 1])->constant.type < EXPR_LIST;
	} while (expr_take(p, ',') && p->token != ')');
	if (!expr_expect(p, ')', "at the end of the list"))
		return 0;
	if (constants)
		return in_set(p, a, &g);
	node = expr_node_list(p, EXPR_OP_IN_LIST, EXPR_KIND_BOOL, &g);
	if (node == 0 || !expr_node_deepen(p, node, a))
		return 0;
	expr_node_at(p, node)->a = a;
	return node;
}

/* A comparison that can never be true is a mistake of whoever wrote it. */
static bool
check_comparison(struct expr_parser *p, uint32_t a, uint32_t b, size_t at)
{
	const struct expr_node *x = expr_node_at(p, a), *y = expr_node_at(p, b);
	const struct expr_node *field = x->op == EXPR_OP_FIELD ? x : y;
	const struct expr_node *text = field == x ? y : x;
	instant when;

	if (field->op == EXPR_OP_FIELD && text->op == EXPR_OP_CONSTANT &&
	    text->kind == EXPR_KIND_TEXT &&
	    (field->key.id == KEY_TIMESTAMP.id ||
		field->key.id == KEY_RECEIVED_AT.id) &&
	    when_parse_iso(text->constant.text, &when))
		expr_wrong(p, at,
		    "an instant is compared with a text (write the time "
		    "without quotes)");
	else if (x->kind != EXPR_KIND_ANY && y->kind != EXPR_KIND_ANY &&
	    x->kind != y->kind)
		expr_wrong(p, at, "%s is compared with %s", expr_kind_text(x->kind),
		    expr_kind_text(y->kind));
	return p->token != TOKEN_WRONG;
}

static uint32_t
match(struct expr_parser *p, uint32_t a, bool negated, size_t at)
{
	uint32_t pattern = sum(p), node;
	struct expr_regex *regex;

	if (pattern == 0)
		return 0;
	node = expr_node_over(p, EXPR_OP_MATCH, EXPR_KIND_BOOL, a, 0, 0);
	if (node == 0 || (regex = expr_parse_regex(p, pattern, at)) == NULL)
		return 0;
	expr_node_at(p, node)->regex = regex;
	expr_node_at(p, node)->negated = negated;
	return node;
}

/* The relation that the token is, -1 for none. */
static int
relation_of(int token)
{
	switch (token) {
	case TOKEN_EQUAL:
		return EXPR_EQUAL;
	case TOKEN_UNEQUAL:
		return EXPR_UNEQUAL;
	case '<':
		return EXPR_LESS;
	case TOKEN_LESS_EQUAL:
		return EXPR_LESS_EQUAL;
	case '>':
		return EXPR_GREATER;
	case TOKEN_GREATER_EQUAL:
		return EXPR_GREATER_EQUAL;
	default:
		return -1;
	}
}

static uint32_t
negation(struct expr_parser *p, uint32_t a)
{
	return a == 0 ? 0 : expr_node_over(p, EXPR_OP_NOT, EXPR_KIND_BOOL, a, 0, 0);
}

static uint32_t
comparison(struct expr_parser *p)
{
	uint32_t a = sum(p), b, node;
	size_t at = p->start;
	int relation = relation_of(p->token), token = p->token;

	if (a == 0)
		return 0;
	if (token == '=')
		return expr_wrong(p, at, "== compares");
	if (expr_take_word(p, "in"))
		return in(p, a);
	if (expr_take_word(p, "not"))
		return expr_take_word(p, "in")
		    ? negation(p, in(p, a))
		    : expr_wrong(p, p->start, "'in' is expected");
	if (token != TOKEN_MATCH && token != TOKEN_NO_MATCH && relation < 0)
		return a;
	expr_next(p);
	if (relation < 0)
		return match(p, a, token == TOKEN_NO_MATCH, p->start);
	b = sum(p);
	if (b == 0 || !check_comparison(p, a, b, at))
		return 0;
	if (relation_of(p->token) >= 0)
		return expr_wrong(
		    p, p->start, "comparisons do not chain (join them with and)");
	node = expr_node_over(p, EXPR_OP_COMPARE, EXPR_KIND_BOOL, a, b, 0);
	if (node != 0)
		expr_node_at(p, node)->relation = (uint8_t)relation;
	return node;
}

static uint32_t not(struct expr_parser * p)
{
	bool negated = false;
	size_t at;
	uint32_t node;

	while (expr_take_word(p, "not"))
		negated = !negated;
	at = p->start;
	node = comparison(p);
	if (!negated || node == 0)
		return node;
	return expr_check_condition(p, node, at) ? negation(p, node) : 0;
}

/* a and b and c: one node over all of them. */
static uint32_t
logic(struct expr_parser *p, const char *name, enum expr_op op,
    uint32_t (*operand)(struct expr_parser *))
{
	struct expr_gather g = { .count = 0 };
	size_t at = p->start;

	if (!expr_gather_add(p, &g, operand(p)))
		return 0;
	if (!expr_is_word(p, name))
		return g.nodes[0];
	if (!expr_check_condition(p, g.nodes[0], at))
		return 0;
	while (expr_take_word(p, name)) {
		at = p->start;
		if (!expr_gather_add(p, &g, operand(p)) ||
		    !expr_check_condition(p, g.nodes[g.count - 1], at))
			return 0;
	}
	return expr_node_list(p, op, EXPR_KIND_BOOL, &g);
}

static uint32_t and (struct expr_parser * p)
{
	return logic(p, "and", EXPR_OP_AND, not );
}

uint32_t
expr_parse_nested(struct expr_parser *p)
{
	uint32_t node;

	if (p->depth == EXPR_DEPTH_MAX)
		return expr_wrong(p, p->start, "more than %d parts within one another",
		    EXPR_DEPTH_MAX);
	p->depth++;
	node = logic(p, "or", EXPR_OP_OR, and);
	p->depth--;
	return node;
}

uint32_t
expr_parse(struct expr_parser *p)
{
	return p->token == TOKEN_WRONG ? 0 : expr_parse_nested(p);
}

uint32_t
expr_parse_condition(struct expr_parser *p)
{
	size_t at = p->start;
	uint32_t node = expr_parse(p);

	return node != 0 && expr_check_condition(p, node, at) ? node : 0;
}
