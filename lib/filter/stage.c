/* SPDX-License-Identifier: MIT
 *
 * Becoming a stage: who is before this one, what is its name, where does it go on.
 */
#include "lib/filter/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/assert.h"

enum { AWAIT_MS = 5, SILENT_MS = 50 };

void
stage_refuse(struct run *run, const char *text)
{
	char path[EPOCH_PATH_MAX], line[1100];
	struct error ignored;
	int n = snprintf(line, sizeof line, "%s: %s\n", run->program, text);

	/* Whoever waits sees the exit status in any case. */
	if (n < (int)sizeof line &&
	    epoch_file_path(path, run->pipeline, "refused", &ignored) == 0)
		(void)epoch_put(
		    run->os, path, slice_of(line, (size_t)n), false, &ignored);
}

/* --- The input ------------------------------------------------------------------ */

enum meeting { MEET_FAIL = -1, MEET_SOURCE, MEET_HELLO, MEET_NOTHING };

/* Wait for the first bytes. 1: told to stop. What feeds a pipeline may be silent for long:
 * the runner shall know that this one does not hang. */
static int
wait_for_bytes(struct run *run)
{
	const struct stage_run *s = run->stage;
	int ms = input_wait_ms(run->in);
	struct pollfd fds[1 + SOURCE_WAIT_MAX] = { { .fd = run->signals->wake[0],
	    .events = POLLIN } };
	nfds_t count = 1 + input_wait_fds(run->in, fds + 1);

	if (input_ready(run->in))
		return run->signals->stop;
	if (run->os->poll(run->os, fds, count, ms < 0 ? SILENT_MS : ms) == 0 &&
	    ms < 0) {
		epoch_write_waiting(
		    run->os, run->pipeline, getpid(), s->generation.number);
		(void)run->os->poll(run->os, fds, count, -1);
		epoch_remove_waiting(run->os, run->pipeline, getpid());
	}
	return run->signals->stop;
}

/* Read up to the first value of the input and look whether it is HELLO, which is then the
 * current record. */
static enum meeting
meet(struct run *run, struct control *hello)
{
	struct fault fault;
	struct error error;
	enum fill fill = FILL_MORE;
	enum scan scan;
	size_t need = 1;
	bool damaged;

	while (fill != FILL_END) {
		struct slice bytes = input_bytes(run->in);

		scan = bytes.size < need
		    ? SCAN_MORE
		    : record_scan(run->reader, bytes, &run->record, &fault, &need);
		if (scan == SCAN_CONTROL &&
		    control_read(slice_of(run->record.bytes, run->record.size), hello,
			&damaged) &&
		    hello->kind == CONTROL_HELLO)
			return MEET_HELLO;
		if (scan != SCAN_MORE)
			return MEET_SOURCE;
		if (wait_for_bytes(run) != 0)
			return MEET_NOTHING;
		fill = input_fill(run->in, &error);
		if (fill == FILL_FAIL) {
			(void)run_fail(run, "%s", error.text);
			return MEET_FAIL;
		}
	}
	return input_bytes(run->in).size > 0 ? MEET_SOURCE : MEET_NOTHING;
}

/* The lineage: the first word has the direct inputs. */
static int
read_lineage(struct run *run, struct slice lineage)
{
	struct stage_run *s = run->stage;
	struct slice first = slice_of(lineage.at, slice_find(lineage, ' ')), id;
	size_t end;

	for (; first.size > 0; first = slice_from(first, end)) {
		end = slice_find(first, '+');
		id = slice_of(first.at, end);
		end += end < first.size;
		if (!epoch_id_valid(id) || s->self.inputs == EPOCH_INPUTS_MAX)
			return run_fail(
			    run, "%s: HELLO names no stages", input_name(run->in));
		(void)snprintf(s->self.input[s->self.inputs++], EPOCH_ID_MAX, "%.*s",
		    (int)id.size, (const char *)id.at);
	}
	(void)snprintf(s->lineage, sizeof s->lineage, "%.*s", (int)lineage.size,
	    (const char *)lineage.at);
	for (char *plus = s->lineage; (plus = strchr(plus, '+')) != NULL;)
		*plus = ' ';
	return 0;
}

static int
take_hello(struct run *run, const struct control *hello)
{
	const struct generation *g = &run->stage->generation;
	uint32_t generation;
	struct slice lineage;

	if (!control_hello(hello, &generation, &lineage) ||
	    read_lineage(run, lineage) != 0)
		return run_fail(run, "%s: HELLO is damaged", input_name(run->in));
	if (generation != g->number || hello->epoch != g->restore)
		return run_fail(run,
		    "%s: it is of generation %" PRIu32 ", this stage of %" PRIu64,
		    input_name(run->in), generation, g->number);
	input_consume(run->in, run->record.size);
	input_place(run->in, 0);
	return 0;
}

/* Find out whether this stage is a source. MEET_NOTHING when that cannot be told: nobody
 * spoke. */
static enum meeting
find_input(struct run *run)
{
	struct stage_run *s = run->stage;
	struct control hello;
	enum meeting meeting = MEET_SOURCE;

	s->keeps_position = !run->own_input;
	if (!run->own_input) {
		if (run_open_next(run) != 0)
			return MEET_FAIL;
		if (run->file_count <= 1 && run->filter->each != NULL &&
		    input_kind(run->in) == INPUT_PIPE)
			meeting = meet(run, &hello);
	} else if (run->inner_input) {
		meeting = meet(run, &hello);
		if (meeting == MEET_SOURCE) {
			(void)run_usage(run, "%s: it does not begin with HELLO",
			    input_name(run->in));
			return MEET_FAIL;
		}
	}
	if (meeting != MEET_HELLO) {
		s->self.source = true;
		return meeting;
	}
	s->keeps_position = false;
	if (!run->own_input)
		input_unwatch(run->in);
	return take_hello(run, &hello) == 0 ? MEET_HELLO : MEET_FAIL;
}

/* --- The name ------------------------------------------------------------------- */

static bool
in_lineage(const struct stage_run *s, const char *id)
{
	struct slice rest = slice_text(s->lineage);
	size_t end;

	for (; rest.size > 0; rest = slice_from(rest, end)) {
		end = slice_find(rest, ' ');
		if (slice_is(slice_of(rest.at, end), id))
			return true;
		end += end < rest.size;
	}
	return false;
}

static int
choose_id(struct run *run)
{
	struct stage_run *s = run->stage;
	const char *name = run->common.stage;
	char *id = s->self.id;

	if (name != NULL && !epoch_id_valid(slice_text(name)))
		return run_usage(run,
		    "--stage %s: a name has letters, digits, '-', '_' and '.', at most "
		    "%d",
		    name, EPOCH_ID_MAX - 1);
	(void)snprintf(id, EPOCH_ID_MAX, "%s", name != NULL ? name : run->filter->name);
	if (name != NULL && in_lineage(s, id))
		return run_usage(
		    run, "--stage %s: a stage before this one has that name", name);
	for (unsigned i = 2; in_lineage(s, id); i++)
		(void)snprintf(id, EPOCH_ID_MAX, "%.50s-%u", run->filter->name, i);
	return 0;
}

static int
lock_stage(struct run *run)
{
	struct stage_run *s = run->stage;
	char path[EPOCH_PATH_MAX];
	struct error error;

	if (epoch_make_stage(run->os, run->pipeline, s->self.id, &error) != 0 ||
	    epoch_stage_path(s->folder, run->pipeline, s->self.id, &error) != 0 ||
	    epoch_stage_file_path(path, run->pipeline, s->self.id, "lock", &error) != 0)
		return run_fail(run, "%s", error.text);
	s->lock = run->os->open(run->os, path, O_RDWR | O_CREAT, 0666);
	if (s->lock >= 0 && run->os->lock(run->os, s->lock) == 0)
		return 0;
	if (s->lock >= 0 && errno == EWOULDBLOCK)
		return run_usage(run,
		    "another stage of this pipeline is called %s: give one of them a "
		    "name of its own with --stage NAME",
		    s->self.id);
	return run_fail(run, "cannot lock %s: %s", path, strerror(errno));
}

/* --- The topology --------------------------------------------------------------- */

static bool
same_inputs(const struct stage *a, const struct stage *b)
{
	if (a->inputs != b->inputs)
		return false;
	for (unsigned i = 0; i < a->inputs; i++)
		if (strcmp(a->input[i], b->input[i]) != 0)
			return false;
	return true;
}

/* 1: there is none yet. */
static int
check_topology(struct run *run)
{
	const struct stage *self = &run->stage->self;
	struct topology *t = malloc(sizeof *t);
	const struct stage *found = NULL;
	struct error error;
	int status;

	if (t == NULL)
		return run_fail(run, "no memory for the topology");
	status = epoch_read_topology(run->os, run->pipeline, t, &error);
	for (unsigned i = 0; status == EPOCH_FOUND && i < t->n; i++)
		if (strcmp(t->stage[i].id, self->id) == 0)
			found = &t->stage[i];
	if (status < 0)
		status = run_fail(run, "%s", error.text);
	else if (status == EPOCH_FOUND && found == NULL)
		status = run_usage(run,
		    "the pipeline has no stage %s (a changed pipeline needs a folder "
		    "of "
		    "its own)",
		    self->id);
	else if (status == EPOCH_FOUND &&
	    (found->source != self->source || found->sink != self->sink ||
		!same_inputs(found, self)))
		status = run_usage(run,
		    "stage %s has another place in the pipeline than before (a changed "
		    "pipeline needs a folder of its own)",
		    self->id);
	free(t);
	return status;
}

int
stage_await(struct run *run)
{
	struct stage_run *s = run->stage;
	struct pollfd wake = { .fd = run->signals->wake[0], .events = POLLIN };
	char drain[64];
	int status;

	while (!s->begun && !run->signals->stop) {
		status = check_topology(run);
		if (status < 0)
			return -1;
		s->begun = status == EPOCH_FOUND;
		if (!s->begun && run->os->poll(run->os, &wake, 1, AWAIT_MS) > 0)
			(void)run->os->read(run->os, wake.fd, drain, sizeof drain);
	}
	s->cut_us = run->os->monotonic_us(run->os);
	return !s->begun;
}

/* --- Joining -------------------------------------------------------------------- */

static void
find_sink(struct run *run)
{
	struct output *all[RUN_OUTPUTS_MAX];
	unsigned n = stage_outputs(run, all);

	run->stage->self.sink = true;
	run->stage->self.foreign = run->filter->text_out && !run->filter->sink &&
	    output_kind(run->out) == OUTPUT_STREAM;
	for (unsigned i = 0; i < n; i++)
		if (stage_carries(run, all[i]))
			run->stage->self.sink = run->filter->sink;
}

static int
say_hello(struct run *run)
{
	struct stage_run *s = run->stage;
	char lineage[EPOCH_ID_MAX + CONTROL_OWN_MAX];
	uint8_t storage[CONTROL_SIZE_MAX];
	struct build b;
	int n = snprintf(lineage, sizeof lineage, "%s%s%s", s->self.id,
	    s->lineage[0] != '\0' ? " " : "", s->lineage);

	if (n > CONTROL_OWN_MAX - 4)
		return run_usage(run,
		    "the names of all stages before this one exceed %d bytes: give "
		    "them "
		    "shorter ones with --stage NAME",
		    CONTROL_OWN_MAX - 4);
	build_init(&b, storage, sizeof storage);
	control_build_hello(&b, s->generation.restore, (uint32_t)s->generation.number,
	    slice_of(lineage, (size_t)n));
	return stage_tell(run, build_slice(&b), false);
}

static int
read_generation(struct run *run)
{
	struct error error;
	int status = epoch_read_generation(
	    run->os, run->pipeline, &run->stage->generation, &error);

	if (status < 0)
		return run_fail(run, "%s", error.text);
	if (status == EPOCH_MISSING)
		return run_usage(run,
		    EPOCH_DIR_VARIABLE " names %s, where no pipeline runs: it is for "
				       "bp-run to set",
		    run->pipeline);
	return 0;
}

static int
open_saver(struct run *run)
{
	struct stage_run *s = run->stage;
	struct error error;

	s->identity = run_identity(run);
	if (s->identity == NULL)
		return run_fail(run, "no memory to start");
	s->saver =
	    saver_new(run->os, s->folder, run_state_identity(s->identity), &error);
	return s->saver != NULL ? 0 : run_fail(run, "%s", error.text);
}

/* Take a name, its lock and its part; what DIR/topology says of it must hold. */
static int
take_place(struct run *run)
{
	int status;

	if (choose_id(run) != 0 || lock_stage(run) != 0)
		return -1;
	find_sink(run);
	status = check_topology(run);
	if (status == EPOCH_MISSING && run->stage->generation.restore != 0)
		return run_usage(run,
		    "%s has no topology, but committed epochs (restore a backup of the "
		    "folder)",
		    run->pipeline);
	run->stage->begun = status == EPOCH_FOUND;
	return status < 0 ? -1 : 0;
}

static int
become(struct run *run)
{
	struct stage_run *s = run->stage;

	if (take_place(run) != 0 || guard_open(run) != 0 || open_saver(run) != 0 ||
	    stage_watch_outputs(run) != 0 || stage_note_outputs(run) != 0)
		return -1;
	/* HELLO is the first in the streams, also of those who speak while they
	 * load. */
	if (say_hello(run) != 0 || stage_restore(run) != 0)
		return -1;
	guard_settle(run);
	s->cut_in = run->counters.in;
	s->published_us = run->os->monotonic_us(run->os);
	s->self.generation = s->generation.number;
	s->self.pid = getpid();
	/* A chain takes part as a whole: as soon as the last one is there. */
	if (run->next == NULL && run->feed == NULL && stage_announce(run) != 0)
		return -1;
	return run_flush(run);
}

int
stage_announce(struct run *run)
{
	struct error error;

	return epoch_write_member(run->os, run->pipeline, &run->stage->self, &error) ==
		0
	    ? 0
	    : run_fail(run, "%s", error.text);
}

int
stage_join(struct run *run)
{
	enum meeting meeting;

	run->stage = calloc(1, sizeof *run->stage);
	if (run->stage == NULL)
		return run_fail(run, "no memory to start");
	run->stage->lock = -1;
	if (run->common.state != NULL)
		return run_usage(run,
		    "--state is for a filter alone: bp-run keeps the states of a "
		    "pipeline");
	if (read_generation(run) != 0)
		return -1;
	meeting = find_input(run);
	if (meeting == MEET_NOTHING && run->signals->stop) {
		run->halted = true; /* it was told to stop before anything began */
		return 0;
	}
	if (meeting == MEET_NOTHING)
		return run_fail(run,
		    "%s: it ended before it began: the stage before this one has gone "
		    "(an empty input is given as a file)",
		    input_name(run->in));
	return meeting == MEET_FAIL ? -1 : become(run);
}

void
stage_leave(struct run *run)
{
	struct stage_run *s = run->stage;

	guard_free(run);
	if (s == NULL)
		return;
	saver_free(s->saver);
	free(s->identity);
	if (s->lock >= 0)
		(void)run->os->close(run->os, s->lock);
	free(s);
	run->stage = NULL;
}

/* --- What a filter may ask ------------------------------------------------------- */

uint64_t
run_epoch(const struct run *run)
{
	return run->stage == NULL ? 0 : run->stage->epoch;
}

bool
run_is_stage(const struct run *run)
{
	return run->stage != NULL;
}

bool
run_auditing(const struct run *run)
{
	return run->auditing;
}
