/* SPDX-License-Identifier: MIT
 *
 * What a run keeps in --state DIR: the counters and whatever the filter saves.
 */
#include "lib/filter/run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE_MAX = 1024, NAME_MAX_BYTES = 4096 };

struct identity {
	struct state_identity state;
	char values[STATE_OPTIONS_MAX][VALUE_MAX];
};

static void
add_options(struct identity *id, const struct option *table, const void *fields)
{
	struct state_identity *s = &id->state;

	for (const struct option *o = table; o != NULL && o->name; o++) {
		if (o->aside || s->options == STATE_OPTIONS_MAX)
			continue;
		option_format(o, fields, id->values[s->options], VALUE_MAX);
		s->option[s->options] = o->name;
		s->value[s->options] = id->values[s->options];
		s->options++;
	}
}

struct identity *
run_identity(const struct run *run)
{
	struct identity *id = calloc(1, sizeof *id);

	if (id == NULL)
		return NULL;
	id->state.name = run->program;
	id->state.schema = run->filter->schema;
	add_options(id, run_common_options, &run->common);
	add_options(id, run->filter->operands, run->self);
	add_options(id, run->filter->options, run->self);
	return id;
}

const struct state_identity *
run_state_identity(const struct identity *id)
{
	return &id->state;
}

static int
snapshot_path(struct run *run, char to[NAME_MAX_BYTES])
{
	int n = snprintf(
	    to, NAME_MAX_BYTES, "%s/%s.snap", run->common.state, run->filter->name);

	return n < NAME_MAX_BYTES ? 0 : run_usage(run, "--state: the name is too long");
}

/* The counters in the order in which they are written. */
static void
each_counter(struct run *run, uint64_t *to[8])
{
	struct counters *c = &run->counters;
	uint64_t *const all[8] = { &c->in, &c->out, &c->dropped, &c->rejected, &c->held,
		&c->late, &c->emitted, &c->control };

	memcpy(to, all, sizeof all);
}

void
run_put_counters(struct run *run, struct state_writer *w)
{
	uint64_t *counter[8];

	each_counter(run, counter);
	for (unsigned i = 0; i < 8; i++)
		state_put_u64(w, *counter[i]);
}

int
run_put_saved(struct run *run, struct state_writer *w)
{
	return run->filter->save == NULL ? 0 : run->filter->save(run, run->self, w);
}

int
run_publish(struct run *run)
{
	return run->filter->publish == NULL ? 0 : run->filter->publish(run, run->self);
}

int
run_checkpoint(struct run *run)
{
	char path[NAME_MAX_BYTES];
	struct identity *id;
	struct state_writer *w;
	struct error error;

	if (snapshot_path(run, path) != 0 || run_publish(run) != 0)
		return -1;
	if ((id = run_identity(run)) == NULL)
		return run_fail(run, "no memory to write %s", path);
	w = state_write(run->os, path, &id->state, &error);
	free(id);
	if (w == NULL)
		return run_fail(run, "%s", error.text);
	run_put_counters(run, w);
	if (run_put_saved(run, w) != 0) {
		state_abandon(w);
		return -1;
	}
	return state_commit(w, &error) == 0 ? 0 : run_fail(run, "%s", error.text);
}

int
run_get_counters(struct run *run, struct state_reader *r, const char *path)
{
	uint64_t *counter[8];
	int status = 0;

	each_counter(run, counter);
	for (unsigned i = 0; i < 8 && status == 0; i++)
		status = state_get_u64(r, counter[i]);
	return status == 0 ? 0 : run_fail(run, "cannot read %s: it is too short", path);
}

int
run_get_saved(struct run *run, struct state_reader *r, const char *path)
{
	if (run->filter->load != NULL && run->filter->load(run, run->self, r) != 0)
		return run_fail(run, "cannot load %s: it does not fit this run", path);
	if (state_left(r) != 0)
		return run_fail(run, "cannot load %s: it is too long", path);
	return 0;
}

int
run_restore(struct run *run)
{
	char path[NAME_MAX_BYTES];
	struct identity *id;
	struct state_reader *r;
	struct error error;
	enum state_trouble trouble;
	int status;

	if (snapshot_path(run, path) != 0)
		return -1;
	if (run->os->mkdir(run->os, run->common.state, 0777) != 0 && errno != EEXIST)
		return run_fail(
		    run, "cannot create %s: %s", run->common.state, strerror(errno));
	if ((id = run_identity(run)) == NULL)
		return run_fail(run, "no memory to read %s", path);
	r = state_read(run->os, path, &id->state, &trouble, &error);
	free(id);
	if (r == NULL)
		return trouble == STATE_MISSING ? 0
		    : trouble == STATE_OTHER    ? run_usage(run, "%s", error.text)
						: run_fail(run, "%s", error.text);
	status = run_get_counters(run, r, path);
	if (status == 0)
		status = run_get_saved(run, r, path);
	state_close(r);
	return status;
}
