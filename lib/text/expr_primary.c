/* SPDX-License-Identifier: MIT
 *
 * The parts that operators join: names, fields, calls, lists, maps, constants.
 */
#include "lib/text/expr_node.h"

#include <stdlib.h>

/* Words of the grammar: no names unless in backquotes. */
static bool
is_reserved(struct slice word)
{
	static const char *const words[] = { "and", "or", "not", "in", "true", "false",
		"nil", "for", "when", "if" };

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (slice_is(word, words[i]))
			return true;
	return false;
}

int
expr_declare(struct expr_parser *p, struct slice name, size_t at)
{
	if (is_reserved(name)) {
		expr_wrong(p, at, "'%.*s' is a word of the language", (int)name.size,
		    (const char *)name.at);
		return -1;
	}
	if (p->scope_count == EXPR_NAMES_MAX || p->program->slots == EXPR_NAMES_MAX) {
		expr_wrong(p, at, "more than %d names", EXPR_NAMES_MAX);
		return -1;
	}
	p->scope[p->scope_count].name = name;
	p->scope[p->scope_count].slot = p->program->slots;
	p->scope_count++;
	return p->program->slots++;
}

/* The index of the program's field of that name, -1 when there are too many. */
static int
field_index(struct expr_parser *p, struct slice name, size_t at)
{
	struct expr_program *program = p->program;
	unsigned i;

	for (i = 0; i < program->field_count; i++)
		if (slice_equal(program->fields[i].name, name))
			return (int)i;
	if (i == EXPR_FIELDS_MAX) {
		expr_wrong(p, at, "more than %d different fields", EXPR_FIELDS_MAX);
		return -1;
	}
	program->fields[i].name = name;
	program->fields[i].key = reader_key_slice(program->reader, name);
	program->field_count++;
	return (int)i;
}

static uint32_t
field_or_name(struct expr_parser *p, struct slice name, bool quoted, size_t at)
{
	uint32_t node;
	int index;

	for (unsigned i = p->scope_count; i > 0 && !quoted; i--) {
		if (!slice_equal(p->scope[i - 1].name, name))
			continue;
		node = expr_node_add(p, EXPR_OP_NAME, EXPR_KIND_ANY);
		if (node != 0)
			expr_node_at(p, node)->slot = p->scope[i - 1].slot;
		return node;
	}
	if (name.size > RECORD_KEY_SIZE_MAX)
		return expr_wrong(
		    p, at, "a name of more than %d bytes", RECORD_KEY_SIZE_MAX);
	index = field_index(p, name, at);
	if (index < 0 || (node = expr_node_add(p, EXPR_OP_FIELD, EXPR_KIND_ANY)) == 0)
		return 0;
	expr_node_at(p, node)->key = p->program->fields[index].key;
	expr_node_at(p, node)->slot = (uint16_t)index;
	return node;
}

uint32_t
expr_parse_field(struct expr_parser *p)
{
	uint32_t node = field_or_name(p, p->word, true, p->start);

	expr_next(p);
	return node;
}

/* Arguments up to ')'. */
static bool
arguments(struct expr_parser *p, struct expr_gather *g)
{
	g->count = 0;
	if (expr_take(p, ')'))
		return true;
	do {
		if (!expr_gather_add(p, g, expr_parse_nested(p)))
			return false;
	} while (expr_take(p, ','));
	return expr_expect(p, ')', "after the arguments");
}

/* The regex of a constant text node, or NULL and the error. */
struct expr_regex *
expr_parse_regex(struct expr_parser *p, uint32_t node, size_t at)
{
	struct error reason;
	struct expr_regex *regex;
	size_t place;

	if (!expr_is_constant(p, node) ||
	    expr_node_at(p, node)->kind != EXPR_KIND_TEXT) {
		expr_wrong(p, at, "a regular expression must be a text in quotes");
		return NULL;
	}
	if (++p->program->regexes > EXPR_REGEXES_MAX) {
		expr_wrong(p, at, "more than %d regular expressions", EXPR_REGEXES_MAX);
		return NULL;
	}
	regex = expr_regex_new(expr_node_at(p, node)->constant.text, &place, &reason);
	if (regex == NULL)
		expr_wrong(p, at, "%s (at byte %zu of it)", reason.text, place);
	return regex;
}

static uint32_t
capture(struct expr_parser *p, const struct expr_gather *g, size_t at)
{
	struct expr_regex *regex;
	const struct expr_node *number;
	uint32_t node;

	if (g->count < 2 || g->count > 3)
		return expr_wrong(p, at,
		    "capture takes a text, a regular expression and "
		    "perhaps the number of a group");
	number = g->count == 3 ? expr_node_at(p, g->nodes[2]) : NULL;
	if (number != NULL &&
	    (number->op != EXPR_OP_CONSTANT || number->constant.type != EXPR_INT))
		return expr_wrong(p, at, "the number of the group must be a constant");
	node = expr_node_over(p, EXPR_OP_CAPTURE, EXPR_KIND_TEXT, g->nodes[0], 0, 0);
	if (node == 0 || (regex = expr_parse_regex(p, g->nodes[1], at)) == NULL)
		return 0;
	expr_node_at(p, node)->regex = regex;
	number = g->count == 3 ? expr_node_at(p, g->nodes[2]) : NULL;
	if (number == NULL)
		expr_node_at(p, node)->slot = expr_regex_groups(regex) > 0;
	else if (number->constant.integer < 0 ||
	    number->constant.integer > (int64_t)expr_regex_groups(regex))
		return expr_wrong(p, at, "the regular expression has %u groups",
		    expr_regex_groups(regex));
	else
		expr_node_at(p, node)->slot = (uint16_t)number->constant.integer;
	return node;
}

/* Calls whose arguments are not simply evaluated one after the other. */
static uint32_t
special_call(
    struct expr_parser *p, struct slice name, const struct expr_gather *g, size_t at)
{
	if (slice_is(name, "exists")) {
		if (g->count != 1)
			return expr_wrong(p, at, "exists takes one field");
		return expr_node_over(
		    p, EXPR_OP_EXISTS, EXPR_KIND_BOOL, g->nodes[0], 0, 0);
	}
	if (slice_is(name, "if")) {
		if (g->count != 3)
			return expr_wrong(p, at, "if takes a condition and two values");
		if (!expr_check_condition(p, g->nodes[0], at))
			return 0;
		return expr_node_over(p, EXPR_OP_IF, EXPR_KIND_ANY, g->nodes[0],
		    g->nodes[1], g->nodes[2]);
	}
	if (slice_is(name, "default")) {
		if (g->count < 2)
			return expr_wrong(p, at, "default takes two or more values");
		return expr_node_list(p, EXPR_OP_DEFAULT, EXPR_KIND_ANY, g);
	}
	return capture(p, g, at);
}

/* Whether two arguments have the same value for any record. */
static bool
same_argument(const struct expr_parser *p, uint32_t a, uint32_t b)
{
	const struct expr_node *x = expr_node_at(p, a), *y = expr_node_at(p, b);

	if (a == b)
		return x->op == EXPR_OP_CALL;
	if (x->op == EXPR_OP_FIELD && y->op == EXPR_OP_FIELD)
		return x->key.id == y->key.id;
	return x->op == EXPR_OP_CONSTANT && y->op == EXPR_OP_CONSTANT &&
	    x->constant.type == y->constant.type &&
	    expr_value_equal(&x->constant, &y->constant);
}

/* The call itself, or the same one made before: its value is then computed once. */
static uint32_t
share(struct expr_parser *p, uint32_t node)
{
	struct expr_program *program = p->program;
	const struct expr_node *n = expr_node_at(p, node);
	const uint32_t *list = program->arguments + n->list;

	for (unsigned i = 0; i < program->call_count; i++) {
		struct expr_node *before = expr_node_at(p, program->calls[i]);
		bool same =
		    before->function == n->function && before->count == n->count;

		for (uint32_t j = 0; j < n->count && same; j++)
			same = same_argument(
			    p, list[j], program->arguments[before->list + j]);
		if (same) {
			before->slot = (uint16_t)(i + 1);
			return program->calls[i];
		}
	}
	if (program->call_count < EXPR_SHARED_MAX)
		program->calls[program->call_count++] = node;
	return node;
}

static uint32_t
call(struct expr_parser *p, struct slice name, size_t at)
{
	static const char *const special[] = { "exists", "if", "default", "capture" };
	const struct expr_function *function = expr_function_find(name);
	struct expr_gather g;
	uint32_t node;
	bool known = function != NULL;

	for (size_t i = 0; i < sizeof special / sizeof special[0]; i++)
		known |= slice_is(name, special[i]);
	if (!known)
		return expr_wrong(p, at, "there is no function '%.*s'",
		    name.size > 40 ? 40 : (int)name.size, (const char *)name.at);
	if (!arguments(p, &g))
		return 0;
	if (function == NULL)
		return special_call(p, name, &g, at);
	if (g.count < function->least || g.count > function->most)
		return function->least == function->most
		    ? expr_wrong(p, at, "%s takes %u arguments, not %u", function->name,
			  function->least, g.count)
		    : expr_wrong(p, at, "%s takes %u to %u arguments, not %u",
			  function->name, function->least, function->most, g.count);
	if (function->parses_json && p->program->scratch.json == NULL &&
	    (p->program->scratch.json = json_new()) == NULL)
		return expr_wrong(p, at, "no memory");
	node = expr_node_list(p, EXPR_OP_CALL, function->kind, &g);
	if (node == 0)
		return 0;
	expr_node_at(p, node)->function = function;
	return share(p, node);
}

static uint32_t
word(struct expr_parser *p)
{
	struct slice name = p->word;
	bool quoted = p->token == TOKEN_QUOTED;
	size_t at = p->start;
	struct expr_value value;

	expr_next(p);
	if (!quoted && p->token == '(' &&
	    (!is_reserved(name) || slice_is(name, "if"))) {
		expr_next(p);
		return call(p, name, at);
	}
	if (quoted || !is_reserved(name))
		return field_or_name(p, name, quoted, at);
	if (slice_is(name, "nil")) {
		expr_set_missing(&value);
		value.type = EXPR_NIL;
		return expr_node_constant(p, &value, EXPR_KIND_ANY);
	}
	if (!slice_is(name, "true") && !slice_is(name, "false"))
		return expr_wrong(p, at, "a value is expected before '%.*s'",
		    (int)name.size, (const char *)name.at);
	expr_set_bool(&value, slice_is(name, "true"));
	return expr_node_constant(p, &value, EXPR_KIND_BOOL);
}

/* --- Lists and maps ------------------------------------------------------------- */

uint32_t
expr_parse_each(struct expr_parser *p, uint16_t slots[2])
{
	struct slice names[2];
	size_t at[2];
	unsigned n = 0;
	uint32_t list;
	int slot;

	do {
		if (p->token != TOKEN_WORD || n == 2)
			return expr_wrong(p, p->start,
			    "'for' takes a name, or two for an item and its number");
		names[n] = p->word;
		at[n++] = p->start;
		expr_next(p);
	} while (expr_take(p, ','));
	if (!expr_take_word(p, "in"))
		return expr_wrong(p, p->start, "'in' is expected");
	list = expr_parse_nested(p);
	slots[0] = slots[1] = EXPR_SLOT_NONE;
	for (unsigned i = 0; i < n && list != 0; i++) {
		slot = expr_declare(p, names[i], at[i]);
		if (slot < 0)
			return 0;
		slots[i] = (uint16_t)slot;
	}
	return list;
}

/* [for item, index in list if condition: value] */
static uint32_t
each(struct expr_parser *p)
{
	unsigned scope = p->scope_count;
	uint16_t slots[2];
	uint32_t list, value, node, condition = 0;
	size_t at;

	list = expr_parse_each(p, slots);
	if (list == 0)
		return 0;
	if (expr_take_word(p, "if")) {
		at = p->start;
		condition = expr_parse_nested(p);
		if (condition == 0 || !expr_check_condition(p, condition, at))
			return 0;
	}
	if (!expr_expect(p, ':', "before the value of each item") ||
	    (value = expr_parse_nested(p)) == 0 ||
	    !expr_expect(p, ']', "after the value"))
		return 0;
	node = expr_node_over(p, EXPR_OP_EACH, EXPR_KIND_LIST, value, list, condition);
	if (node != 0) {
		expr_node_at(p, node)->slot = slots[0];
		expr_node_at(p, node)->slot_index = slots[1];
	}
	p->scope_count = scope;
	return node;
}

/* The list or map of what was gathered. */
static uint32_t
container(struct expr_parser *p, enum expr_op op, const struct expr_gather *g)
{
	uint32_t node = expr_node_list(
	    p, op, op == EXPR_OP_ARRAY ? EXPR_KIND_LIST : EXPR_KIND_MAP, g);

	if (node != 0)
		expr_program_fold(p->program, node);
	return node;
}

static uint32_t
array(struct expr_parser *p)
{
	struct expr_gather g = { .count = 0 };

	if (expr_take(p, ']'))
		return container(p, EXPR_OP_ARRAY, &g);
	if (expr_take_word(p, "for"))
		return each(p);
	do {
		if (!expr_gather_add(p, &g, expr_parse_nested(p)))
			return 0;
	} while (expr_take(p, ',') && p->token != ']');
	if (!expr_expect(p, ']', "at the end of the list"))
		return 0;
	return container(p, EXPR_OP_ARRAY, &g);
}

/* Whether the pairs gathered so far have the key. */
static bool
has_key(const struct expr_parser *p, const struct expr_gather *g, struct slice key)
{
	for (uint32_t i = 0; i < g->count; i += 2)
		if (slice_equal(expr_node_at(p, g->nodes[i])->constant.text, key))
			return true;
	return false;
}

static uint32_t
object(struct expr_parser *p)
{
	struct expr_gather g = { .count = 0 };

	if (expr_take(p, '}'))
		return container(p, EXPR_OP_OBJECT, &g);
	do {
		if (p->token != TOKEN_WORD && p->token != TOKEN_QUOTED &&
		    p->token != TOKEN_STRING)
			return expr_wrong(p, p->start, "a key is expected");
		if (has_key(p, &g, p->word))
			return expr_wrong(p, p->start, "a key that is there already");
		if (!expr_gather_add(p, &g, expr_node_text(p, p->word)))
			return 0;
		expr_next(p);
		if (!expr_expect(p, ':', "after the key") ||
		    !expr_gather_add(p, &g, expr_parse_nested(p)))
			return 0;
	} while (expr_take(p, ',') && p->token != '}');
	if (!expr_expect(p, '}', "at the end of the map"))
		return 0;
	return container(p, EXPR_OP_OBJECT, &g);
}

static uint32_t
primary(struct expr_parser *p)
{
	struct expr_value value;
	size_t at = p->start;
	uint32_t node;

	switch (p->token) {
	case TOKEN_INT:
		expr_set_int(&value, p->integer);
		expr_next(p);
		return expr_node_constant(p, &value, EXPR_KIND_NUMBER);
	case TOKEN_FLOAT:
		expr_set_float(&value, p->number);
		expr_next(p);
		return expr_node_constant(p, &value, EXPR_KIND_NUMBER);
	case TOKEN_STRING:
		node = expr_node_text(p, p->word);
		expr_next(p);
		return node;
	case TOKEN_WORD:
	case TOKEN_QUOTED:
		return word(p);
	case '(':
		expr_next(p);
		node = expr_parse_nested(p);
		return node != 0 && expr_expect(p, ')', "to close the parenthesis")
		    ? node
		    : 0;
	case '[':
		expr_next(p);
		return array(p);
	case '{':
		expr_next(p);
		return object(p);
	case TOKEN_END:
	case TOKEN_LINE:
		return expr_wrong(p, at, "a value is missing at the end");
	case '=':
		return expr_wrong(p, at, "a value is expected (== compares)");
	default:
		return expr_wrong(p, at, "a value is expected");
	}
}

uint32_t
expr_parse_postfix(struct expr_parser *p)
{
	uint32_t node = primary(p), member;

	while (node != 0 && (p->token == '.' || p->token == '[')) {
		enum expr_op op = p->token == '.' ? EXPR_OP_MEMBER : EXPR_OP_INDEX;

		expr_next(p);
		if (op == EXPR_OP_INDEX) {
			member = expr_parse_nested(p);
			if (member == 0 || !expr_expect(p, ']', "after the index"))
				return 0;
		} else if (p->token == TOKEN_WORD || p->token == TOKEN_QUOTED) {
			member = expr_node_text(p, p->word);
			expr_next(p);
		} else {
			return expr_wrong(
			    p, p->start, "a name is expected after the dot");
		}
		node = member == 0
		    ? 0
		    : expr_node_over(p, op, EXPR_KIND_ANY, node, member, 0);
	}
	return node;
}
