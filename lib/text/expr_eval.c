/* SPDX-License-Identifier: MIT
 *
 * Evaluation of programs. The depth of the nodes bounds the recursion.
 */
#include <stdlib.h>

#include "lib/base/assert.h"
#include "lib/text/expr_node.h"

/* --- Scratch -------------------------------------------------------------------- */

uint8_t *
expr_scratch_take(struct expr_scratch *s, size_t size)
{
	uint8_t *at = s->at;

	if ((size_t)(s->end - s->at) < size)
		return NULL;
	s->at += size;
	return at;
}

void
expr_scratch_open(struct expr_scratch *s, struct build *b)
{
	size_t half = (size_t)(s->end - s->at) / 2;

	build_init(b, s->at, half);
	s->at += half;
}

void
expr_scratch_close(struct expr_scratch *s, const struct build *b, struct expr_value *to)
{
	s->at = b->at;
	if (build_full(b)) {
		expr_set_missing(to);
		s->at = b->start;
		return;
	}
	expr_value_load(build_slice(b), to);
}

/* --- Work ----------------------------------------------------------------------- */

/* Take note of work on so many bytes; false when the record has had its share. */
static bool
spend(struct expr_program *p, size_t size)
{
	uint64_t work = 1 + size / 32;

	if (p->work == 0)
		return false;
	if (work >= p->work) {
		p->work = 0;
		p->cut_off++;
		return false;
	}
	p->work -= work;
	return true;
}

/* --- Parts ---------------------------------------------------------------------- */

/* The value of a call that was made for this record before, NULL when there is none. */
static inline const struct expr_value *
made_before(const struct expr_program *p, const struct expr_node *n)
{
	if (n->slot == 0 || p->shared[n->slot - 1].generation != p->generation)
		return NULL;
	return &p->shared[n->slot - 1].value;
}

/* The value of a node: where it lies already, or computed into *storage. */
static const struct expr_value *
operand(struct expr_program *p, uint32_t node, struct expr_value *storage)
{
	const struct expr_node *n = &p->nodes[node];

	if (n->op == EXPR_OP_CONSTANT)
		return &n->constant;
	if (n->op == EXPR_OP_NAME)
		return &p->names[n->slot];
	if (n->op == EXPR_OP_CALL) {
		const struct expr_value *made = made_before(p, n);

		if (made != NULL && spend(p, 0))
			return made;
	}
	expr_program_eval(p, node, storage);
	return storage;
}

static void
eval_field(
    const struct expr_program *p, const struct expr_node *n, struct expr_value *to)
{
	struct slice raw;

	if (record_value(p->record, n->key, &raw))
		expr_value_load(raw, to);
	else
		expr_set_missing(to);
}

/* Whether it is the member of a field under a constant name, as most members are. */
static inline bool
is_of_field(const struct expr_program *p, const struct expr_node *n)
{
	return n->op == EXPR_OP_MEMBER && p->nodes[n->a].op == EXPR_OP_FIELD;
}

static bool
find_of_field(struct expr_program *p, const struct expr_node *n, struct slice *to)
{
	struct slice from;
	bool found = spend(p, 0) && record_value(p->record, p->nodes[n->a].key, &from);

	return spend(p, found ? from.size : 0) && found &&
	    value_get_slice(from, p->nodes[n->b].constant.text, to);
}

/* The msgpack of a member of a list or map; false when there is none. */
static bool
find_member(struct expr_program *p, const struct expr_node *n, struct slice *to)
{
	struct expr_value storage, at_storage;
	const struct expr_value *from, *at;
	int64_t index;

	if (is_of_field(p, n))
		return find_of_field(p, n, to);
	from = operand(p, n->a, &storage);
	at = operand(p, n->b, &at_storage);
	if (!spend(p, from->raw.size))
		return false;
	if (from->type == EXPR_MAP && at->type == EXPR_TEXT)
		return value_get_slice(from->raw, at->text, to);
	if (from->type != EXPR_LIST || at->type != EXPR_INT)
		return false;
	index = at->integer;
	if (index < 0) /* from the end: -1 is the last */
		index += value_count(from->raw);
	return index >= 0 && index <= UINT32_MAX &&
	    value_at(from->raw, (uint32_t)index, to);
}

static void
eval_member(struct expr_program *p, const struct expr_node *n, struct expr_value *to)
{
	struct slice raw;

	if (find_member(p, n, &raw))
		expr_value_load(raw, to);
	else
		expr_set_missing(to);
}

static bool
test_compare(struct expr_program *p, const struct expr_node *n)
{
	struct expr_value a, b;

	return expr_value_relation(operand(p, n->a, &a),
	    (enum expr_relation)n->relation, operand(p, n->b, &b));
}

static bool
test_in_list(struct expr_program *p, const struct expr_node *n)
{
	struct expr_value storage, item;
	const struct expr_value *a = operand(p, n->a, &storage);

	for (uint32_t i = 0; i < n->count && a->type != EXPR_MISSING; i++)
		if (expr_value_relation(
			a, EXPR_EQUAL, operand(p, p->arguments[n->list + i], &item)))
			return true;
	return false;
}

static bool
test_in_set(struct expr_program *p, const struct expr_node *n)
{
	struct expr_value storage;
	const struct expr_value *a = operand(p, n->a, &storage);

	if (a->type == EXPR_MISSING || a->type >= EXPR_LIST ||
	    (a->type == EXPR_FLOAT && a->number != a->number))
		return false;
	return bsearch(a, n->set, n->count, sizeof *n->set, expr_value_sort) != NULL;
}

static bool
test_in_range(struct expr_program *p, const struct expr_node *n)
{
	struct expr_value storage, bound;
	const struct expr_value *a = operand(p, n->a, &storage);

	return expr_value_relation(a, EXPR_GREATER_EQUAL, operand(p, n->b, &bound)) &&
	    expr_value_relation(a, EXPR_LESS, operand(p, n->c, &bound));
}

static bool
test_in_value(struct expr_program *p, const struct expr_node *n)
{
	struct expr_value storage, list_storage, one;
	const struct expr_value *a = operand(p, n->a, &storage);
	const struct expr_value *list = operand(p, n->b, &list_storage);
	struct value_walk walk;
	struct slice key, item;

	if (a->type == EXPR_MISSING || list->type != EXPR_LIST ||
	    !spend(p, list->raw.size))
		return false;
	for (value_open(list->raw, &walk); value_next(&walk, &key, &item);) {
		expr_value_load(item, &one);
		if (expr_value_equal(a, &one))
			return true;
	}
	return false;
}

/* The group of n->slot, or only whether it matches; a cut-off match is neither. */
static enum expr_regex_found
match(struct expr_program *p, const struct expr_node *n, struct slice *group)
{
	struct expr_value storage;
	const struct expr_value *a = operand(p, n->a, &storage);
	enum expr_regex_found found = EXPR_REGEX_CUT_OFF;

	if (a->type == EXPR_TEXT && spend(p, a->text.size)) {
		found = expr_regex_match(n->regex, a->text, n->slot, group);
		if (found == EXPR_REGEX_CUT_OFF) {
			p->cut_off++;
			(void)spend(p, EXPR_WORK);
		}
	}
	return found;
}

bool
expr_program_test(struct expr_program *p, uint32_t node)
{
	const struct expr_node *n = &p->nodes[node];
	struct expr_value value;

	if (!spend(p, 0))
		return false;
	switch ((enum expr_op)n->op) {
	case EXPR_OP_COMPARE:
		return test_compare(p, n);
	case EXPR_OP_IN_SET:
		return test_in_set(p, n);
	case EXPR_OP_IN_LIST:
		return test_in_list(p, n);
	case EXPR_OP_IN_RANGE:
		return test_in_range(p, n);
	case EXPR_OP_IN_VALUE:
		return test_in_value(p, n);
	case EXPR_OP_MATCH:
		return match(p, n, NULL) ==
		    (n->negated ? EXPR_REGEX_NO : EXPR_REGEX_YES);
	case EXPR_OP_AND:
		for (uint32_t i = 0; i < n->count; i++)
			if (!expr_program_test(p, p->arguments[n->list + i]))
				return false;
		return true;
	case EXPR_OP_OR:
		for (uint32_t i = 0; i < n->count; i++)
			if (expr_program_test(p, p->arguments[n->list + i]))
				return true;
		return false;
	case EXPR_OP_NOT:
		return !expr_program_test(p, n->a);
	case EXPR_OP_EXISTS:
		return operand(p, n->a, &value)->type != EXPR_MISSING;
	default:
		expr_program_eval(p, node, &value);
		return value.type == EXPR_BOOL && value.truth;
	}
}

/* --- Lists and maps ------------------------------------------------------------- */

static uint32_t
write_each(struct expr_program *p, const struct expr_node *n, struct build *b)
{
	struct expr_value list;
	struct value_walk walk;
	struct slice key, item;
	uint32_t written = 0;
	int64_t index = 0;

	expr_program_eval(p, n->b, &list);
	if (list.type != EXPR_LIST)
		return 0;
	for (value_open(list.raw, &walk); value_next(&walk, &key, &item); index++) {
		if (!spend(p, 0))
			break;
		expr_value_load(item, &p->names[n->slot]);
		if (n->slot_index != EXPR_SLOT_NONE)
			expr_set_int(&p->names[n->slot_index], index);
		if (n->c == 0 || expr_program_test(p, n->c))
			written += expr_program_write(p, n->a, b);
	}
	return written;
}

static void
write_container(struct expr_program *p, const struct expr_node *n, struct build *b)
{
	const uint32_t *list = n->count > 0 ? p->arguments + n->list : NULL;
	size_t open = build_open(b), start;
	uint32_t written = 0;

	if (n->op == EXPR_OP_EACH) {
		written = write_each(p, n, b);
	} else if (n->op == EXPR_OP_ARRAY) {
		for (uint32_t i = 0; i < n->count; i++)
			written += expr_program_write(p, list[i], b);
	} else {
		for (uint32_t i = 0; i < n->count; i += 2) {
			start = (size_t)(b->at - b->start);
			build_str(b, p->nodes[list[i]].constant.text);
			if (expr_program_write(p, list[i + 1], b))
				written++;
			else
				b->at = b->start + start; /* the key goes too */
		}
		build_close_map(b, open, written);
		return;
	}
	build_close_array(b, open, written);
}

static bool
is_container(const struct expr_node *n)
{
	return n->op == EXPR_OP_EACH || n->op == EXPR_OP_ARRAY ||
	    n->op == EXPR_OP_OBJECT;
}

/* A text that is longer than a record may hold; only functions make such. */
static bool
is_too_long(struct slice raw)
{
	struct slice text;

	return raw.size > RECORD_STRING_MAX && value_text(raw, &text) &&
	    text.size > RECORD_STRING_MAX;
}

/* Append what is msgpack already, unless it is nil. */
static bool
write_raw(struct slice raw, struct build *b)
{
	if (value_type(raw) == VALUE_NIL || is_too_long(raw))
		return false;
	build_raw(b, raw);
	return true;
}

/* The same of a value within the record, behind which there is padding: a short one is
 * copied in one piece, with what follows it. */
static inline bool
write_of_record(struct slice raw, struct build *b)
{
	enum { PIECE = RECORD_PADDING };

	if (raw.size > PIECE || b->full || b->end - b->at < PIECE)
		return write_raw(raw, b);
	if (value_type(raw) == VALUE_NIL)
		return false;
	memcpy(b->at, raw.at, PIECE);
	b->at += raw.size;
	return true;
}

bool
expr_program_write(struct expr_program *p, uint32_t node, struct build *b)
{
	const struct expr_node *n = &p->nodes[node];
	struct expr_value storage;
	const struct expr_value *value;
	struct slice raw;

	if (n->op == EXPR_OP_FIELD)
		return spend(p, 0) && record_value(p->record, n->key, &raw) &&
		    write_of_record(raw, b);
	if (is_of_field(p, n))
		return spend(p, 0) && find_of_field(p, n, &raw) &&
		    write_of_record(raw, b);
	if (n->op == EXPR_OP_MEMBER)
		return spend(p, 0) && find_member(p, n, &raw) && write_raw(raw, b);
	if (is_container(n)) {
		write_container(p, n, b);
		return true;
	}
	value = operand(p, node, &storage);
	if (value->type == EXPR_NIL ||
	    (value->type == EXPR_TEXT && value->text.size > RECORD_STRING_MAX))
		return false;
	return expr_value_build(value, b);
}

void
expr_program_fold(struct expr_program *p, uint32_t node)
{
	struct expr_node *n = &p->nodes[node];
	struct expr_value value;
	struct build b;

	for (uint32_t i = 0; i < n->count; i++)
		if (p->nodes[p->arguments[n->list + i]].op != EXPR_OP_CONSTANT)
			return;
	if ((size_t)(p->pool_at - p->pool) >= p->pool_fold)
		return;
	build_init(&b, p->pool_at, p->pool_fold - (size_t)(p->pool_at - p->pool));
	p->work = p->work_max;
	write_container(p, n, &b);
	if (build_full(&b))
		return;
	p->pool_at = b.at;
	expr_value_load(build_slice(&b), &value);
	n->op = EXPR_OP_CONSTANT;
	n->constant = value;
}

/* --- Any node ------------------------------------------------------------------- */

/* Evaluate the arguments of a call; false when the record has had its share. */
static bool
evaluate_list(
    struct expr_program *p, const struct expr_node *n, struct expr_value *arguments)
{
	size_t size = 0;

	for (uint32_t i = 0; i < n->count; i++) {
		expr_program_eval(p, p->arguments[n->list + i], &arguments[i]);
		size += arguments[i].type == EXPR_TEXT ? arguments[i].text.size
						       : arguments[i].raw.size;
	}
	return spend(p, size);
}

static void
eval_call(struct expr_program *p, const struct expr_node *n, struct expr_value *to)
{
	struct expr_value arguments[EXPR_ARGUMENTS_MAX];
	const struct expr_value *made = made_before(p, n);
	unsigned shared = n->slot;

	assert(n->count >= 1 && n->count <= EXPR_ARGUMENTS_MAX);
	if (made != NULL) {
		*to = *made;
		return;
	}
	expr_set_missing(to);
	arguments[0] = *to;
	if (!evaluate_list(p, n, arguments))
		return;
	n->function->call(&p->scratch, arguments, n->count, to);
	if (shared > 0) {
		p->shared[shared - 1].generation = p->generation;
		p->shared[shared - 1].value = *to;
	}
}

static void
eval_default(struct expr_program *p, const struct expr_node *n, struct expr_value *to)
{
	expr_set_missing(to);
	for (uint32_t i = 0; i < n->count && to->type <= EXPR_NIL; i++)
		expr_program_eval(p, p->arguments[n->list + i], to);
}

static void
eval_capture(struct expr_program *p, const struct expr_node *n, struct expr_value *to)
{
	struct slice group;

	if (match(p, n, &group) == EXPR_REGEX_YES && group.at != NULL)
		expr_set_text(to, group);
	else
		expr_set_missing(to);
}

static void
eval_container(struct expr_program *p, const struct expr_node *n, struct expr_value *to)
{
	struct build b;

	expr_scratch_open(&p->scratch, &b);
	write_container(p, n, &b);
	expr_scratch_close(&p->scratch, &b, to);
	p->generation++; /* texts that were computed within are gone */
}

static void
eval_arithmetic(
    struct expr_program *p, const struct expr_node *n, struct expr_value *to)
{
	static const struct expr_value zero = { .type = EXPR_INT };
	struct expr_value a, b;

	if (n->op == EXPR_OP_NEGATE)
		expr_value_arithmetic(&zero, '-', operand(p, n->a, &a), to);
	else
		expr_value_arithmetic(
		    operand(p, n->a, &a), (char)n->relation, operand(p, n->b, &b), to);
}

void
expr_program_eval(struct expr_program *p, uint32_t node, struct expr_value *to)
{
	const struct expr_node *n = &p->nodes[node];

	if (!spend(p, 0)) {
		expr_set_missing(to);
		return;
	}
	switch ((enum expr_op)n->op) {
	case EXPR_OP_CONSTANT:
		*to = n->constant;
		return;
	case EXPR_OP_NAME:
		*to = p->names[n->slot];
		return;
	case EXPR_OP_FIELD:
		eval_field(p, n, to);
		return;
	case EXPR_OP_MEMBER:
	case EXPR_OP_INDEX:
		eval_member(p, n, to);
		return;
	case EXPR_OP_ARITHMETIC:
	case EXPR_OP_NEGATE:
		eval_arithmetic(p, n, to);
		return;
	case EXPR_OP_IF:
		expr_program_eval(p, expr_program_test(p, n->a) ? n->b : n->c, to);
		return;
	case EXPR_OP_DEFAULT:
		eval_default(p, n, to);
		return;
	case EXPR_OP_CAPTURE:
		eval_capture(p, n, to);
		return;
	case EXPR_OP_CALL:
		eval_call(p, n, to);
		return;
	case EXPR_OP_ARRAY:
	case EXPR_OP_OBJECT:
	case EXPR_OP_EACH:
		eval_container(p, n, to);
		return;
	case EXPR_OP_COMPARE:
	case EXPR_OP_IN_SET:
	case EXPR_OP_IN_LIST:
	case EXPR_OP_IN_RANGE:
	case EXPR_OP_IN_VALUE:
	case EXPR_OP_MATCH:
	case EXPR_OP_AND:
	case EXPR_OP_OR:
	case EXPR_OP_NOT:
	case EXPR_OP_EXISTS:
		expr_set_bool(to, expr_program_test(p, node));
		return;
	}
	assert(false && "an operation of a node");
}

void
expr_program_begin(struct expr_program *p, const struct record *r)
{
	p->record = r;
	p->generation++;
	p->work = p->work_max;
	p->scratch.at = p->scratch_start;
	p->scratch.end = p->scratch_start + p->scratch_size;
	for (uint16_t i = 0; i < p->slots; i++)
		expr_set_missing(&p->names[i]);
}
