/* SPDX-License-Identifier: MIT
 *
 * Running a map for one raw record.
 */
#include <stdarg.h>
#include <stdio.h>

#include "lib/base/number.h"
#include "lib/text/map_step.h"

/* How a run of steps ended. */
enum end {
	END_WRONG = -1,
	END_DONE,
	END_DROPPED,
};

__attribute__((format(printf, 2, 3))) static bool
wrong(struct map *map, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(map->reason, sizeof map->reason, format, arguments);
	va_end(arguments);
	return false;
}

/* --- One record ----------------------------------------------------------------- */

struct emitting {
	struct map *map;
	const struct map_step *step;
	struct build *b;
	uint32_t pairs;
	bool given[MAP_ROLES];
};

static const char *const role_names[MAP_ROLES] = { "", "event", "event_id",
	"timestamp" };

/* Whether a value may stand under the key of this role; says why not. */
static bool
fits(struct emitting *e, enum map_role role, const struct expr_value *value)
{
	if (role == MAP_ROLE_TIMESTAMP) {
		if (value->type != EXPR_INT)
			return wrong(e->map,
			    "the timestamp of the map's line %zu is no number of "
			    "microseconds (use time)",
			    e->step->line);
		if (value->integer < -WHEN_MAX || value->integer > WHEN_MAX)
			return wrong(e->map,
			    "the timestamp of the map's line %zu is outside 1677..2262",
			    e->step->line);
		return true;
	}
	if (value->type != EXPR_TEXT)
		return wrong(e->map,
		    "the %s of the map's line %zu is no text (use text)",
		    role_names[role], e->step->line);
	return true;
}

/* Append key = value unless the value is missing or nil. */
static bool
put(struct emitting *e, struct slice key, enum map_role role,
    const struct expr_value *value)
{
	if (value->type == EXPR_MISSING || value->type == EXPR_NIL)
		return true;
	if (role != MAP_ROLE_NONE && !fits(e, role, value))
		return false;
	build_str(e->b, key);
	(void)expr_value_build(value, e->b);
	e->pairs++;
	e->given[role] = true;
	return true;
}

/* What is coded of a pair; a short one in one piece, with what lies behind it. */
static inline void
put_coded(struct emitting *e, const struct map_pair *pair)
{
	struct build *b = e->b;

	if (b->full || b->end - b->at < MAP_CODED_MAX) {
		build_raw(b, slice_of(pair->coded, pair->coded_size));
		return;
	}
	memcpy(b->at, pair->coded, MAP_CODED_MAX);
	b->at += pair->coded_size;
}

/* Append key = the node's value; lists and maps are built in place. */
static bool
put_node(struct emitting *e, const struct map_pair *pair)
{
	struct expr_program *program = &e->map->program;
	struct expr_value value;
	size_t start;

	if (pair->coded_whole) {
		put_coded(e, pair);
		e->pairs++;
		e->given[pair->role] = true;
		return true;
	}
	if (pair->role != MAP_ROLE_NONE) {
		expr_program_eval(program, pair->value, &value);
		return put(e, pair->key, (enum map_role)pair->role, &value);
	}
	start = (size_t)(e->b->at - e->b->start);
	if (pair->coded_size > 0)
		put_coded(e, pair);
	else
		build_str(e->b, pair->key);
	if (expr_program_write(program, pair->value, e->b))
		e->pairs++;
	else
		e->b->at = e->b->start + start;
	return true;
}

/* keep *: the fields that the map does not mention. */
static bool
put_rest(struct emitting *e)
{
	const struct record *raw = e->map->program.record;
	const struct key keys[MAP_ROLES] = { [MAP_ROLE_EVENT] = KEY_EVENT,
		[MAP_ROLE_EVENT_ID] = KEY_EVENT_ID,
		[MAP_ROLE_TIMESTAMP] = KEY_TIMESTAMP };
	struct expr_value value;

	for (unsigned i = 0; i < raw->count; i++) {
		enum map_role role = MAP_ROLE_NONE;
		struct slice key = record_key_at(raw, i);

		if (map_names_have(&e->step->block->known, key))
			continue;
		for (unsigned r = MAP_ROLE_EVENT; r < MAP_ROLES; r++)
			if (record_index(raw, keys[r]) == (int)i)
				role = (enum map_role)r;
		if (role == MAP_ROLE_NONE) {
			build_raw(e->b, record_pair_at(raw, i));
			e->pairs++;
			continue;
		}
		expr_value_load(record_value_at(raw, i), &value);
		if (!put(e, key, role, &value))
			return false;
	}
	return true;
}

/* Whether keep * will give the record its event_id. */
static bool
keeps_event_id(const struct emitting *e)
{
	const struct map_block *block = e->step->block;

	return block->keep_rest &&
	    record_index(e->map->program.record, KEY_EVENT_ID) >= 0 &&
	    !map_names_have(&block->known, slice_text(role_names[MAP_ROLE_EVENT_ID]));
}

/* The default id, with an ordinal after the first record, unless there is one. */
static void
put_event_id(struct emitting *e)
{
	char ordinal[1 + NUMBER_TEXT_MAX] = "-";
	struct slice id = e->map->event_id;
	size_t n = 0;

	if (e->given[MAP_ROLE_EVENT_ID])
		return;
	if (e->map->record_count > 0)
		n = 1 + number_format_uint(e->map->record_count, ordinal + 1);
	build_text(e->b, "event_id");
	build_str_header(e->b, id.size + n);
	build_raw(e->b, id);
	build_raw(e->b, slice_of(ordinal, n));
	e->pairs++;
	e->given[MAP_ROLE_EVENT_ID] = true;
}

/* Whether a built value keeps the limits of a record; `depth` containers are left. */
static bool
is_sound(struct slice value, unsigned depth)
{
	struct value_walk walk;
	struct slice key, item;

	if (value_count(value) == 0)
		return true;
	if (depth == 0 ||
	    (value_type(value) == VALUE_MAP && value_count(value) > RECORD_KEYS_MAX))
		return false;
	for (value_open(value, &walk); value_next(&walk, &key, &item);)
		if (!is_sound(item, depth - 1))
			return false;
	return true;
}

static bool
check(struct emitting *e, struct slice built)
{
	if (build_full(e->b))
		return wrong(e->map, "more than %d bytes of records", MAP_OUTPUT_MAX);
	if (built.size > RECORD_SIZE_MAX || e->pairs > RECORD_KEYS_MAX)
		return wrong(e->map,
		    "the record of the map's line %zu has more than %d bytes or %d "
		    "keys",
		    e->step->line, RECORD_SIZE_MAX, RECORD_KEYS_MAX);
	if (e->map->program.containers && !is_sound(built, RECORD_DEPTH_MAX))
		return wrong(e->map,
		    "the record of the map's line %zu nests more than %d levels, or "
		    "more "
		    "than %d keys in a map",
		    e->step->line, RECORD_DEPTH_MAX, RECORD_KEYS_MAX);
	for (unsigned role = MAP_ROLE_EVENT; role < MAP_ROLES; role++)
		if (!e->given[role] && role != MAP_ROLE_EVENT_ID)
			return wrong(e->map,
			    "the record of the map's line %zu has no %s", e->step->line,
			    role_names[role]);
	return true;
}

static bool
emit(struct map *map, const struct map_step *step)
{
	struct emitting e = { .map = map, .step = step, .b = &map->records };
	const struct map_block *block = step->block;
	size_t start = build_slice(e.b).size, open;
	static const uint8_t room[4];

	build_raw(e.b, slice_of(room, sizeof room));
	open = build_open(e.b);

	if (map->record_count == MAP_RECORDS_MAX)
		return wrong(map, "more than %d records", MAP_RECORDS_MAX);
	for (unsigned i = 0; i < block->count; i++) {
		const struct map_pair *pair = &block->pairs[i];

		if (pair->key.at != NULL && pair->role != MAP_ROLE_EVENT &&
		    pair->role != MAP_ROLE_EVENT_ID && !keeps_event_id(&e))
			put_event_id(&e);
		if (pair->key.at == NULL)
			expr_program_eval(&map->program, pair->value,
			    &map->program.names[pair->slot]);
		else if (!put_node(&e, pair))
			return false;
	}
	if (block->keep_rest && !put_rest(&e))
		return false;
	put_event_id(&e);
	build_close_map(e.b, open, e.pairs);
	if (!check(&e, slice_from(build_slice(e.b), open)))
		return false;
	bytes_store_le32(e.b->start + start, (uint32_t)(build_slice(e.b).size - open));
	map->record_count++;
	return true;
}

/* --- Steps ---------------------------------------------------------------------- */

static enum end run(struct map *map, unsigned from, unsigned to);

static enum end
run_each(struct map *map, const struct map_step *step, unsigned from)
{
	struct expr_program *program = &map->program;
	struct expr_value list;
	struct value_walk walk;
	struct slice key, item;
	uint8_t *scratch;
	int64_t index = 0;

	expr_program_eval(program, step->value, &list);
	if (list.type != EXPR_LIST)
		return END_DONE;
	scratch = program->scratch.at;
	for (value_open(list.raw, &walk); value_next(&walk, &key, &item); index++) {
		expr_value_load(item, &program->names[step->slot]);
		if (step->slot_index != EXPR_SLOT_NONE)
			expr_set_int(&program->names[step->slot_index], index);
		if (run(map, from, step->end) == END_WRONG)
			return END_WRONG;
		program->scratch.at = scratch; /* of the item */
		program->generation++;
	}
	return END_DONE;
}

static enum end
run(struct map *map, unsigned from, unsigned to)
{
	struct expr_program *program = &map->program;
	unsigned before = map->record_count;

	for (unsigned i = from; i < to; i++) {
		const struct map_step *step = &map->steps[i];
		bool holds = step->condition == 0 ||
		    (!expr_guard_excludes(&step->guard, program) &&
			expr_program_test(program, step->condition));

		if (step->op == MAP_LET) {
			expr_program_eval(
			    program, step->value, &program->names[step->slot]);
		} else if (step->op == MAP_FOR) {
			if (run_each(map, step, i + 1) == END_WRONG)
				return END_WRONG;
			i = step->end - 1;
		} else if (!holds) {
			continue;
		} else if (step->op == MAP_DROP) {
			return END_DROPPED;
		} else if (step->op == MAP_REJECT) {
			wrong(map, "%.*s", (int)step->reason.size,
			    (const char *)step->reason.at);
			return END_WRONG;
		} else if ((!step->otherwise || map->record_count == before) &&
		    !emit(map, step)) {
			return END_WRONG;
		}
	}
	return END_DONE;
}

int
map_run(struct map *map, const struct record *raw, struct slice event_id,
    const char **reason)
{
	bool good;

	if (event_id.size > MAP_ID_MAX)
		event_id.size = MAP_ID_MAX;
	expr_program_begin(&map->program, raw);
	build_init(&map->records, map->output, MAP_OUTPUT_MAX);
	map->event_id = event_id;
	map->record_count = 0;
	good = run(map, 0, map->step_count) != END_WRONG;
	if (good && map->program.work == 0)
		good = wrong(map, "the map needs too long for it");
	map->rest = good ? build_slice(&map->records) : slice_of(NULL, 0);
	*reason = good ? NULL : map->reason;
	return good ? (int)map->record_count : -1;
}

bool
map_next(struct map *map, struct slice *record)
{
	size_t size;

	if (map->rest.size == 0)
		return false;
	size = bytes_load_le32(map->rest.at);
	*record = slice_of(map->rest.at + 4, size);
	map->rest = slice_from(map->rest, 4 + size);
	return true;
}
