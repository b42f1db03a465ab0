/* SPDX-License-Identifier: MIT
 *
 * Compiling a map: lines and indentation on top of the parser of expressions.
 */
#include "lib/text/map.h"

#include <stdlib.h>

#include "lib/base/assert.h"
#include "lib/hash.h"
#include "lib/text/map_step.h"

/* What a block is compiled with: the assignments before it belong to its records. */
struct frame {
	struct map *map;
	struct expr_parser *p;
	struct map_block *common;
	bool in_record;
	unsigned depth;
};

static bool block(struct frame *f, size_t indent);

/* --- Names that keep * leaves out ----------------------------------------------- */

static struct slice *
slot_of(const struct map_names *names, struct slice name)
{
	uint32_t i = (uint32_t)hash_bytes(name, 0) & names->mask;

	while (names->slots[i].at != NULL && !slice_equal(names->slots[i], name))
		i = (i + 1) & names->mask;
	return &names->slots[i];
}

bool
map_names_have(const struct map_names *names, struct slice name)
{
	return slot_of(names, name)->at != NULL;
}

/* What the record writes, what is dropped, and what the map mentions anywhere. */
static bool
names_make(struct map *map, struct map_block *b)
{
	const struct expr_program *program = &map->program;
	size_t total = b->count + b->dropped_count + program->field_count;

	for (b->known.mask = 15; b->known.mask < 2 * total;)
		b->known.mask = 2 * b->known.mask + 1;
	b->known.slots = calloc(b->known.mask + 1, sizeof *b->known.slots);
	if (b->known.slots == NULL)
		return false;
	for (unsigned i = 0; i < b->count; i++)
		if (b->pairs[i].key.at != NULL)
			*slot_of(&b->known, b->pairs[i].key) = b->pairs[i].key;
	for (unsigned i = 0; i < b->dropped_count; i++)
		*slot_of(&b->known, b->dropped[i]) = b->dropped[i];
	for (unsigned i = 0; i < program->field_count; i++)
		*slot_of(&b->known, program->fields[i].name) = program->fields[i].name;
	return true;
}

/* --- Steps and pairs ------------------------------------------------------------ */

static struct map_step *
step_add(struct frame *f, enum map_op op, size_t at)
{
	struct map *map = f->map;
	struct map_step *step;

	if (map->step_count == map->step_room) {
		unsigned room = map->step_room == 0 ? 16 : 2 * map->step_room;

		step = room > MAP_STEPS_MAX ? NULL
					    : realloc(map->steps, room * sizeof *step);
		if (step == NULL) {
			expr_wrong(f->p, at, "more than %d statements", MAP_STEPS_MAX);
			return NULL;
		}
		map->steps = step;
		map->step_room = room;
	}
	step = &map->steps[map->step_count++];
	memset(step, 0, sizeof *step);
	step->op = op;
	step->line = 1;
	for (size_t i = 0; i < at; i++)
		step->line += f->p->text.at[i] == '\n';
	return step;
}

static enum map_role
role_of(struct slice key)
{
	if (slice_is(key, "event"))
		return MAP_ROLE_EVENT;
	if (slice_is(key, "event_id"))
		return MAP_ROLE_EVENT_ID;
	return slice_is(key, "timestamp") ? MAP_ROLE_TIMESTAMP : MAP_ROLE_NONE;
}

/* Add a pair to the block. An assignment within a record replaces a common one. */
static bool
pair_add(struct frame *f, struct map_block *b, const struct map_pair *pair, size_t at)
{
	if (b->count == MAP_KEYS_MAX)
		return expr_wrong(
		    f->p, at, "a record of more than %d keys", MAP_KEYS_MAX);
	b->pairs[b->count++] = *pair;
	return true;
}

static bool
is_assigned(const struct map_block *b, struct slice key)
{
	for (unsigned i = 0; i < b->count; i++)
		if (b->pairs[i].key.at != NULL && slice_equal(b->pairs[i].key, key))
			return true;
	return false;
}

/* The msgpack of the key, and of a value that is the same for every record, as far as
 * there is room. Keys that must be of one type are looked at when the map runs. */
static void
code(const struct frame *f, struct map_pair *pair)
{
	const struct expr_node *n = expr_node_at(f->p, pair->value);
	struct build b;

	build_init(&b, pair->coded, sizeof pair->coded);
	build_str(&b, pair->key);
	if (build_full(&b))
		return;
	pair->coded_size = (uint8_t)build_slice(&b).size;
	if (n->op != EXPR_OP_CONSTANT || n->constant.type == EXPR_NIL ||
	    (pair->role != MAP_ROLE_NONE && n->constant.type != EXPR_TEXT) ||
	    pair->role == MAP_ROLE_TIMESTAMP)
		return;
	pair->coded_whole = expr_value_build(&n->constant, &b) && !build_full(&b);
	if (pair->coded_whole)
		pair->coded_size = (uint8_t)build_slice(&b).size;
}

static bool
assign(
    struct frame *f, struct map_block *b, struct slice key, uint32_t value, size_t at)
{
	struct map_pair pair = {
		.key = key, .value = value, .role = (uint8_t)role_of(key)
	};

	if (value == 0)
		return false;
	if (key.size == 0 || key.size > RECORD_KEY_SIZE_MAX)
		return expr_wrong(
		    f->p, at, "a key has 1 to %d bytes", RECORD_KEY_SIZE_MAX);
	if (is_assigned(b, key))
		return expr_wrong(f->p, at, "'%.*s' is assigned twice", (int)key.size,
		    (const char *)key.at);
	code(f, &pair);
	return pair_add(f, b, &pair, at);
}

/* --- Statements ----------------------------------------------------------------- */

static bool
take_condition(struct frame *f, uint32_t *condition)
{
	*condition = 0;
	if (!expr_take_word(f->p, "when"))
		return f->p->token != TOKEN_WRONG;
	*condition = expr_parse_condition(f->p);
	return *condition != 0;
}

/* let name = expression */
static bool
let(struct frame *f, size_t start)
{
	struct expr_parser *p = f->p;
	struct slice name = p->word;
	struct map_pair pair = { .key = { NULL, 0 } };
	struct map_step *step;
	size_t at = p->start;
	int slot;

	if (p->token != TOKEN_WORD)
		return expr_wrong(p, at, "a name is expected after 'let'");
	expr_next(p);
	if (!expr_expect(p, '=', "after the name") ||
	    (pair.value = expr_parse(p)) == 0 || (slot = expr_declare(p, name, at)) < 0)
		return false;
	pair.slot = (uint16_t)slot;
	if (f->in_record)
		return pair_add(f, f->common, &pair, at);
	step = step_add(f, MAP_LET, start);
	if (step == NULL)
		return false;
	step->value = pair.value;
	step->slot = pair.slot;
	return true;
}

/* keep * | keep name, ... | drop name, ... */
static bool
keep_or_drop(struct frame *f, bool keep)
{
	struct expr_parser *p = f->p;
	struct map_block *b = f->common;

	if (keep && expr_take(p, '*')) {
		b->keep_rest = true;
		return true;
	}
	do {
		struct slice name = p->word;
		size_t at = p->start;

		if (p->token != TOKEN_WORD && p->token != TOKEN_QUOTED)
			return expr_wrong(p, at, "a field is expected");
		if (keep) {
			if (!assign(f, b, name, expr_parse_field(p), at))
				return false;
			continue;
		}
		if (b->dropped_count == MAP_KEYS_MAX)
			return expr_wrong(p, at, "more than %d fields", MAP_KEYS_MAX);
		b->dropped[b->dropped_count++] = name;
		expr_next(p);
	} while (expr_take(p, ','));
	return p->token != TOKEN_WRONG;
}

/* drop when condition | reject "reason" when condition */
static bool
end_line(struct frame *f, enum map_op op, size_t start)
{
	struct expr_parser *p = f->p;
	struct map_step *step;
	struct slice reason = slice_text("the map rejects it");
	uint32_t condition;

	if (op == MAP_REJECT && p->token == TOKEN_STRING) {
		reason = p->word;
		expr_next(p);
	}
	if (!take_condition(f, &condition) || (step = step_add(f, op, start)) == NULL)
		return false;
	step->condition = condition;
	step->reason = reason;
	return true;
}

/* The indented lines after a header, if there are any. */
static bool
body(struct frame *f, size_t indent)
{
	struct expr_parser *p = f->p;
	size_t column = expr_column(p, p->start);

	if (p->token != TOKEN_LINE || column <= indent)
		return p->token != TOKEN_WRONG;
	if (++f->depth > EXPR_DEPTH_MAX / 4)
		return expr_wrong(p, p->start, "blocks too deep in one another");
	expr_next(p);
	return block(f, column);
}

/* A block that starts with what is common so far. */
static struct map_block *
block_new(const struct frame *f)
{
	struct map_block *b = malloc(sizeof *b);

	if (b == NULL)
		expr_wrong(f->p, f->p->start, "no memory");
	else
		*b = *f->common;
	return b;
}

/* Whether an assignment of the record itself, from `common` on, replaces this pair. */
static bool
is_replaced(const struct map_block *b, unsigned i, unsigned common)
{
	for (unsigned j = common; j < b->count && i < common; j++)
		if (b->pairs[i].key.at != NULL && b->pairs[j].key.at != NULL &&
		    slice_equal(b->pairs[i].key, b->pairs[j].key))
			return true;
	return false;
}

/* Where a pair goes: names first, for others may need them; then the keys that every
 * record has, so that all records begin alike. */
static unsigned
rank(const struct map_pair *pair)
{
	if (pair->key.at == NULL)
		return 0;
	return pair->role == MAP_ROLE_NONE ? MAP_ROLES : pair->role;
}

/* The pairs that stay, in the order in which they are written. */
static void
arrange(struct map_block *b, unsigned common)
{
	unsigned kept = 0, at;
	struct map_pair pair;

	for (unsigned i = 0; i < b->count; i++)
		if (is_replaced(b, i, common))
			b->pairs[i].role = MAP_ROLES;
	for (unsigned i = 0; i < b->count; i++)
		if (b->pairs[i].role != MAP_ROLES)
			b->pairs[kept++] = b->pairs[i];
	b->count = kept;
	for (unsigned i = 1; i < b->count; i++) {
		pair = b->pairs[i];
		for (at = i; at > 0 && rank(&b->pairs[at - 1]) > rank(&pair); at--)
			b->pairs[at] = b->pairs[at - 1];
		b->pairs[at] = pair;
	}
}

/* record [when condition | otherwise] and its lines */
static bool
record(struct frame *f, size_t start)
{
	struct expr_parser *p = f->p;
	unsigned scope = p->scope_count, common = f->common->count;
	bool otherwise = expr_take_word(p, "otherwise");
	struct frame inner = *f;
	struct map_step *step;
	uint32_t condition = 0;

	if (!otherwise && !take_condition(f, &condition))
		return false;
	step = step_add(f, MAP_RECORD, start);
	if (step == NULL || (step->block = block_new(f)) == NULL)
		return false;
	step->condition = condition;
	step->otherwise = otherwise;
	/* The common keys are out of the way while the block's own are read, so that
	 * only a key assigned twice in the block itself is a mistake. */
	inner.common = malloc(sizeof *inner.common);
	if (inner.common == NULL)
		return expr_wrong(p, start, "no memory");
	memset(inner.common, 0, sizeof *inner.common);
	inner.in_record = true;
	if (body(&inner, expr_column(p, start))) {
		struct map_block *b = step->block;

		for (unsigned i = 0; i < inner.common->count; i++)
			if (!pair_add(f, b, &inner.common->pairs[i], start))
				break;
		for (unsigned i = 0;
		     i < inner.common->dropped_count && b->dropped_count < MAP_KEYS_MAX;
		     i++)
			b->dropped[b->dropped_count++] = inner.common->dropped[i];
		b->keep_rest |= inner.common->keep_rest;
		arrange(b, common);
	}
	free(inner.common);
	p->scope_count = scope;
	return p->token != TOKEN_WRONG;
}

/* for item, index in list and its lines */
static bool
each(struct frame *f, size_t start)
{
	struct expr_parser *p = f->p;
	unsigned scope = p->scope_count, at = f->map->step_count;
	struct frame inner = *f;
	struct map_step *step;
	uint16_t slots[2];
	uint32_t list = expr_parse_each(p, slots);
	bool good;

	if (list == 0 || (step = step_add(f, MAP_FOR, start)) == NULL)
		return false;
	step->value = list;
	step->slot = slots[0];
	step->slot_index = slots[1];
	inner.common = block_new(f);
	good = inner.common != NULL && body(&inner, expr_column(p, start));
	free(inner.common);
	f->map->steps[at].end = f->map->step_count;
	p->scope_count = scope;
	return good;
}

/* What a word at the start of a line begins, when no '=' follows it. */
static bool
keyword(struct frame *f, struct slice word, size_t at)
{
	if (slice_is(word, "let"))
		return let(f, at);
	if (slice_is(word, "keep"))
		return keep_or_drop(f, true);
	if (slice_is(word, "drop") &&
	    (f->in_record ||
		((f->p->token == TOKEN_WORD || f->p->token == TOKEN_QUOTED) &&
		    !expr_is_word(f->p, "when"))))
		return keep_or_drop(f, false);
	if (f->in_record)
		return expr_wrong(f->p, at,
		    "a record takes lines of the form key = expression, let, keep and "
		    "drop");
	if (slice_is(word, "record"))
		return record(f, at);
	if (slice_is(word, "for"))
		return each(f, at);
	if (slice_is(word, "drop"))
		return end_line(f, MAP_DROP, at);
	if (slice_is(word, "reject"))
		return end_line(f, MAP_REJECT, at);
	return expr_wrong(f->p, at,
	    "a line begins with key =, let, record, for, keep, drop or reject");
}

static bool
statement(struct frame *f)
{
	struct expr_parser *p = f->p;
	struct slice word = p->word;
	size_t at = p->start;
	int token = p->token;

	if (token != TOKEN_WORD && token != TOKEN_QUOTED && token != TOKEN_STRING)
		return expr_wrong(
		    p, at, "a line begins with a key or a word of the language");
	expr_next(p);
	if (token == TOKEN_WORD && p->token != '=')
		return keyword(f, word, at);
	return expr_expect(p, '=', "after the key") &&
	    assign(f, f->common, word, expr_parse(p), at);
}

/* Lines of this indentation, up to one of a smaller one. */
static bool
block(struct frame *f, size_t indent)
{
	struct expr_parser *p = f->p;
	size_t column;

	for (;;) {
		if (!statement(f))
			return false;
		if (p->token == TOKEN_END)
			return true;
		if (p->token != TOKEN_LINE)
			return expr_wrong(p, p->start,
			    "the line should end here, or an operator is missing");
		column = expr_column(p, p->start);
		if (column > indent)
			return expr_wrong(p, p->start, "this line is indented too far");
		if (column < indent)
			return true;
		expr_next(p);
	}
}

/* --- The whole map -------------------------------------------------------------- */

/* All lines; without a record statement the map is one record. */
static bool
compile(struct map *map, struct expr_parser *p)
{
	struct frame f = { .map = map, .p = p };
	struct map_step *step;
	bool records = false;

	f.common = calloc(1, sizeof *f.common);
	if (f.common == NULL)
		return expr_wrong(p, 0, "no memory");
	if (p->token == TOKEN_LINE) /* after comments */
		expr_next(p);
	if (p->token == TOKEN_END)
		expr_wrong(p, 0, "an empty map");
	else if (block(&f, expr_column(p, p->start)) && p->token == TOKEN_LINE)
		expr_wrong(p, p->start, "this line is indented less than the first");
	for (unsigned i = 0; i < map->step_count; i++)
		records |= map->steps[i].op == MAP_RECORD;
	if (p->token != TOKEN_WRONG && !records &&
	    (step = step_add(&f, MAP_RECORD, 0)) != NULL &&
	    (step->block = block_new(&f)) != NULL)
		arrange(step->block, 0);
	for (unsigned i = 0; i < map->step_count; i++)
		if (map->steps[i].condition != 0)
			expr_guard_init(&map->steps[i].guard, &map->program,
			    map->steps[i].condition);
	for (unsigned i = 0; i < map->step_count && p->token != TOKEN_WRONG; i++)
		if (map->steps[i].op == MAP_RECORD && map->steps[i].block->keep_rest &&
		    !names_make(map, map->steps[i].block))
			expr_wrong(p, 0, "no memory");
	free(f.common);
	return p->token != TOKEN_WRONG;
}

struct map *
map_compile(
    struct reader *reader, const char *name, struct slice text, struct error *error)
{
	struct expr_parser parser;
	struct map *map;

	if (text.size > MAP_SIZE_MAX) {
		error_set(error, "%s: a map of more than %d bytes", name, MAP_SIZE_MAX);
		return NULL;
	}
	map = calloc(1, sizeof *map);
	if (map == NULL || (map->output = malloc(MAP_OUTPUT_MAX)) == NULL ||
	    expr_program_init(&map->program, reader, text.size, MAP_SCRATCH) < 0) {
		error_set(error, "%s: no memory for the map", name);
		map_free(map);
		return NULL;
	}
	map->program.work_max = MAP_WORK;
	expr_parser_init(&parser, &map->program, text, name, error);
	if (!compile(map, &parser)) {
		map_free(map);
		return NULL;
	}
	return map;
}

void
map_free(struct map *map)
{
	if (map == NULL)
		return;
	for (unsigned i = 0; i < map->step_count; i++) {
		if (map->steps[i].block != NULL)
			free(map->steps[i].block->known.slots);
		free(map->steps[i].block);
	}
	free(map->steps);
	free(map->output);
	expr_program_fini(&map->program);
	free(map);
}
