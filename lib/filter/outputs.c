/* SPDX-License-Identifier: MIT
 *
 * The outputs of a stage. Streams carry HELLO, CUT and END, and are kept back while a
 * snapshot becomes durable. Files never have control records of these kinds; how far they
 * were written stands in the snapshot, and what was written after it is taken back.
 */
#include "lib/filter/stage.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/epoch/places.h"
#include "lib/hash.h"

enum { NAME_SIZE = 4096 };

unsigned
stage_outputs(struct run *run, struct output *to[RUN_OUTPUTS_MAX])
{
	unsigned n = 0;

	to[n++] = run->out;
	if (run->rejects != NULL)
		to[n++] = run->rejects;
	for (unsigned i = 0; i < run->outlet_count; i++)
		to[n++] = run->outlets[i];
	if (run->dead != NULL)
		to[n++] = run->dead;
	return n;
}

bool
stage_carries(const struct run *run, const struct output *out)
{
	return output_kind(out) == OUTPUT_STREAM &&
	    (out != run->out || (!run->filter->text_out && !run->silent));
}

/* A reader that goes away is one that crashed; what is not the world's fault but the
 * user's is refused. */
int
stage_output_failed(struct run *run, int status, const struct error *error)
{
	if (status > 0)
		return run_usage(run, "%s", error->text);
	return run_fail(run, "%s", error->text);
}

int
stage_watch_outputs(struct run *run)
{
	struct output *all[RUN_OUTPUTS_MAX];
	unsigned n = stage_outputs(run, all);
	struct error error;
	int status;

	for (unsigned i = 0; i < n; i++) {
		/* What a person or a foreign program reads. */
		if (run->auditing && output_kind(all[i]) != OUTPUT_FILE &&
		    !stage_carries(run, all[i]))
			output_mute(all[i]);
		if (output_kind(all[i]) != OUTPUT_FILE)
			continue;
		status = output_watch(all[i], &error);
		if (status != 0)
			return stage_output_failed(run, status, &error);
	}
	return 0;
}

int
stage_seal_outputs(struct run *run)
{
	struct output *all[RUN_OUTPUTS_MAX];
	unsigned n = stage_outputs(run, all);
	struct error error;

	for (unsigned i = 0; i < n; i++)
		if ((output_kind(all[i]) == OUTPUT_FILE
			    ? output_seal(all[i], &error)
			    : output_flush(all[i], &error)) != 0)
			return run_output_failed(run, &error);
	return 0;
}

static unsigned
files_of(struct run *run, struct output *to[RUN_OUTPUTS_MAX])
{
	struct output *all[RUN_OUTPUTS_MAX];
	unsigned n = stage_outputs(run, all), files = 0;

	for (unsigned i = 0; i < n; i++)
		if (output_kind(all[i]) == OUTPUT_FILE)
			to[files++] = all[i];
	return files;
}

int
stage_note_outputs(struct run *run)
{
	struct output *files[RUN_OUTPUTS_MAX];
	unsigned n = files_of(run, files);
	struct places *p = calloc(1, sizeof *p);
	char path[EPOCH_PATH_MAX];
	struct error error = { "no memory to start" };
	struct stat errors;
	int status = -1;

	for (unsigned i = 0; i < n && p != NULL; i++)
		if (output_path(files[i], path))
			places_add(p, output_name(files[i]), path);
	if (p != NULL && run->os->stat(run->os, STDERR_FILENO, &errors) == 0 &&
	    S_ISREG(errors.st_mode) && stream_path(STDERR_FILENO, path))
		places_add(p, PLACES_ERRORS, path);
	if (p != NULL)
		status = places_write(
		    run->os, run->pipeline, run->stage->self.id, p, &error);
	free(p);
	return status == 0 ? 0 : run_fail(run, "%s", error.text);
}

int
stage_put_outputs(struct run *run, struct state_writer *w)
{
	struct output *files[RUN_OUTPUTS_MAX];
	unsigned n = files_of(run, files);
	struct output_position p;
	struct error error;
	int status;

	state_put_u64(w, n);
	for (unsigned i = 0; i < n; i++) {
		status = output_tell(files[i], &p, &error);
		if (status != 0)
			return stage_output_failed(run, status, &error);
		state_put_slice(w, slice_text(output_name(files[i])));
		state_put_u64(w, p.size);
		state_put_u64(w, p.last_hash);
	}
	return 0;
}

static int
restore_file(struct run *run, struct output *out, const struct output_position *p)
{
	struct error error;
	uint64_t until;
	int status;

	if (!run->auditing)
		status = output_restore(out, p, &error);
	else if (guard_output(run, output_name(out), &until) != 0)
		return -1;
	else
		status = output_compare(out, p, until, &error);
	return status == 0 ? 0 : stage_output_failed(run, status, &error);
}

/* Find an output by its name; NULL when there is none. */
static struct output *
take_file(struct output *files[], unsigned n, const char *name)
{
	struct output *found = NULL;

	for (unsigned i = 0; i < n && found == NULL; i++)
		if (files[i] != NULL && strcmp(output_name(files[i]), name) == 0) {
			found = files[i];
			files[i] = NULL;
		}
	return found;
}

int
stage_get_outputs(struct run *run, struct state_reader *r)
{
	static const uint8_t empty;
	struct output *files[RUN_OUTPUTS_MAX], *out;
	unsigned n = files_of(run, files);
	char name[NAME_SIZE];
	struct output_position p;
	uint64_t count;
	size_t size;

	if (state_get_u64(r, &count) != 0 || count > RUN_OUTPUTS_MAX)
		return run_fail(run, "the snapshot's list of outputs is damaged");
	while (count-- > 0) {
		if (state_get_slice(r, name, sizeof name - 1, &size) != 0 ||
		    state_get_u64(r, &p.size) != 0 ||
		    state_get_u64(r, &p.last_hash) != 0)
			return run_fail(
			    run, "the snapshot's list of outputs is too short");
		name[size] = '\0';
		out = take_file(files, n, name);
		if (out == NULL)
			return run_usage(run,
			    "%s was a file that this stage wrote, and is none now "
			    "(give the same outputs, or start afresh)",
			    name);
		if (restore_file(run, out, &p) != 0)
			return -1;
	}
	for (unsigned i = 0; i < n; i++) {
		if (files[i] == NULL)
			continue;
		/* What was quarantined before this epoch is nothing. */
		if (files[i] != run->dead)
			return run_usage(run,
			    "%s is a new output: this stage did not write it before "
			    "(give the same outputs, or start afresh)",
			    output_name(files[i]));
		if (restore_file(run, files[i],
			&(struct output_position){
			    .last_hash = hash_bytes(slice_of(&empty, 0), 0) }) != 0)
			return -1;
	}
	return 0;
}

int
stage_report_outputs(struct run *run)
{
	struct output *files[RUN_OUTPUTS_MAX];
	unsigned n = files_of(run, files);
	char path[EPOCH_PATH_MAX], text[RUN_OUTPUTS_MAX * (sizeof(struct error) + 64)];
	struct error error;
	uint64_t bytes;
	size_t size = 0;
	int status;

	for (unsigned i = 0; i < n; i++) {
		status = output_compared(files[i], &bytes, &error);
		size += (size_t)snprintf(
		    text + size, sizeof text - size, "bytes %" PRIu64 "\n", bytes);
		if (status != 0)
			size += (size_t)snprintf(text + size, sizeof text - size,
			    "difference %s\n", error.text);
	}
	return epoch_stage_file_path(
		   path, run->pipeline, run->stage->self.id, "compared", &error) == 0 &&
		epoch_put(run->os, path, slice_of(text, size), false, &error) == 0
	    ? 0
	    : run_fail(run, "%s", error.text);
}

int
stage_tell(struct run *run, struct slice control, bool flush)
{
	struct output *all[RUN_OUTPUTS_MAX];
	unsigned n = stage_outputs(run, all);
	struct error error;

	for (unsigned i = 0; i < n; i++)
		if (stage_carries(run, all[i]) &&
		    (output_write(all[i], control, &error) != 0 ||
			(flush && output_flush(all[i], &error) != 0)))
			return run_output_failed(run, &error);
	return 0;
}

/* The memory for what is kept back is full: wait for the snapshot. */
static int
on_full(void *context, struct error *error)
{
	struct run *run = context;
	struct output *all[RUN_OUTPUTS_MAX];
	unsigned n = stage_outputs(run, all);

	if (saver_wait(run->stage->saver, error) != 0) {
		errno = EIO;
		return -1;
	}
	run->stage->pending = false;
	for (unsigned i = 0; i < n; i++)
		if (output_release(all[i], error) != 0)
			return -1;
	return 0;
}

void
stage_hold(struct run *run)
{
	struct output *all[RUN_OUTPUTS_MAX];
	unsigned n = stage_outputs(run, all);

	for (unsigned i = 0; i < n; i++)
		if (stage_carries(run, all[i]))
			output_hold(all[i], STAGE_HOLD_MAX, on_full, run);
}

int
stage_release(struct run *run)
{
	struct output *all[RUN_OUTPUTS_MAX];
	unsigned n = stage_outputs(run, all);
	struct error error;

	for (unsigned i = 0; i < n; i++)
		if (stage_carries(run, all[i]) &&
		    (output_release(all[i], &error) != 0 ||
			output_flush(all[i], &error) != 0))
			return run_output_failed(run, &error);
	return 0;
}
