/* SPDX-License-Identifier: MIT */
#include "lib/filter/undo.h"

#include "lib/state/block.h"

int
undo_start(struct undo *j, struct run *run, struct hash_key hash, size_t cell_size,
    uint64_t memory_bytes)
{
	j->hash = hash;
	j->keys = judgement_keys(run_reader(run));
	j->verdict = run_key(run, "verdict");
	j->events = table_new(TABLE_KEY_64, cell_size, memory_bytes);
	if (j->events == NULL)
		return run_fail(run, "no memory for events: change --memory");
	run_counter(run, "unknown",
	    "verdicts and retracts of events that are not known", &j->unknown);
	return 0;
}

void
undo_stop(struct undo *j)
{
	table_free(j->events);
}

void *
undo_find(struct undo *j, const struct record *r)
{
	struct slice id;
	uint64_t hash;
	instant last;
	bool fresh;

	if (!record_id(r, KEY_EVENT_ID, &id) || id.size == 0)
		return NULL;
	hash = hash_keyed(j->hash, id);
	return table_touched(j->events, hash, &last)
	    ? table_touch(j->events, hash, last, &fresh)
	    : NULL;
}

void *
undo_put(struct undo *j, const struct record *r, instant when)
{
	struct undo_event *e;
	struct slice id;
	bool fresh;

	if (!record_id(r, KEY_EVENT_ID, &id) || id.size == 0)
		return NULL;
	e = table_touch(j->events, hash_keyed(j->hash, id), when, &fresh);
	*e = (struct undo_event){ .version = -1 };
	return e;
}

static bool
turn(struct undo_event *e, bool out)
{
	bool turns = out != (e->out != 0);

	e->out = out;
	return turns;
}

bool
undo_turn(const struct undo *j, struct undo_event *e, const struct record *r, bool out)
{
	struct judgement again;

	if (judgement_of_again(&j->keys, r, &again) && again.version > e->version)
		e->version = again.version;
	return turn(e, out);
}

enum verdict
undo_read(struct undo *j, struct run *run, const struct record *r, enum kind kind,
    void **cell)
{
	struct undo_event *e;
	struct judgement found;
	const char *wrong = judgement_read(&j->keys, r, kind, &found);

	*cell = NULL;
	if (wrong != NULL)
		return run_reject(run, "%s of an event: %s", kind_name(kind), wrong);
	if (found.settled)
		return PASS;
	e = undo_find(j, r);
	j->unknown += e == NULL;
	if (e == NULL || found.version <= e->version)
		return PASS;
	e->version = found.version;
	if (turn(e, found.out))
		*cell = e;
	return PASS;
}

void
undo_save(struct undo *j, struct state_writer *to)
{
	state_put_table(to, j->events);
	state_put_u64(to, j->unknown);
}

int
undo_load(struct undo *j, struct state_reader *from, struct error *error)
{
	if (state_get_table(from, j->events, error) != 0)
		return -1;
	return state_get_u64(from, &j->unknown) == 0
	    ? 0
	    : error_set(error, "the snapshot is too short");
}
