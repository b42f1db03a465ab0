/* SPDX-License-Identifier: MIT
 *
 * What the snapshot of a stage holds, and how it is taken up again: how far its files were
 * written, where its input was read up to, its counters, and what the filter saves.
 */
#include "lib/filter/stage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/epoch/body.h"

enum { NAME_SIZE = 4096 };

/* --- The input ------------------------------------------------------------------ */

static int
put_position(struct run *run, struct state_writer *w)
{
	struct input_position p = { 0 };
	struct error error;

	if (!run->stage->keeps_position) {
		state_put_u64(w, 0);
		state_put_u64(w, run->number);
		state_put_u64(w, run->in == NULL ? 0 : input_offset(run->in));
		return 0;
	}
	if (run->in != NULL && input_tell(run->in, &p, &error) != 0)
		return run_fail(run, "%s", error.text);
	state_put_u64(w, run->file_next);
	state_put_u64(w, run->number);
	state_put_u64(w, p.offset);
	state_put_u64(w, p.seek);
	state_put_u64(w, p.head_hash);
	state_put_u64(w, p.last_hash);
	state_put_slice(w, slice_text(input_name(run->in)));
	return 0;
}

/* Open the file that was read, if the first one is not it, and go to the place. */
static int
go_on_reading(
    struct run *run, uint64_t file, const struct input_position *p, const char *name)
{
	struct error error;
	int status;

	if (file == 0 || file > (run->file_count > 0 ? run->file_count : 1))
		return run_usage(run,
		    "%s is not among the files any more (give the same ones, or start "
		    "afresh)",
		    name);
	if (file != run->file_next) {
		input_free(run->in);
		run->in = NULL;
		run->file_next = (unsigned)file - 1;
		if (run_open_next(run) != 0)
			return -1;
	}
	if (strcmp(input_name(run->in), name) != 0)
		return run_usage(run,
		    "%s was read, and %s stands in its place (give the same files, or "
		    "start afresh)",
		    name, input_name(run->in));
	status = input_resume(run->in, p, &error);
	if (status != 0)
		return status > 0 ? run_usage(run, "%s", error.text)
				  : run_fail(run, "%s", error.text);
	return 0;
}

static int
get_position(struct run *run, struct state_reader *r)
{
	struct input_position p = { 0 };
	uint64_t file, number, seek;
	char name[NAME_SIZE];
	size_t size;

	if (state_get_u64(r, &file) != 0 || state_get_u64(r, &number) != 0 ||
	    state_get_u64(r, &p.offset) != 0)
		return run_fail(run, "the snapshot is too short");
	if ((file > 0) != run->stage->keeps_position)
		return run_usage(run,
		    "the input was of another kind (start the same pipeline, or "
		    "afresh)");
	if (file == 0) {
		if (run->in != NULL)
			input_place(run->in, p.offset);
		run->number = number;
		return 0;
	}
	if (state_get_u64(r, &seek) != 0 || state_get_u64(r, &p.head_hash) != 0 ||
	    state_get_u64(r, &p.last_hash) != 0 ||
	    state_get_slice(r, name, sizeof name - 1, &size) != 0)
		return run_fail(run, "the snapshot is too short");
	name[size] = '\0';
	p.seek = seek != 0;
	if (go_on_reading(run, file, &p, name) != 0)
		return -1;
	run->number = number;
	return 0;
}

/* --- The snapshot --------------------------------------------------------------- */

int
stage_put(struct run *run, struct state_writer *w)
{
	bool without = run->auditing && run->filter->saves_places;

	/* First the counters: bp-run reads them at every commit, and no more. */
	run_put_counters(run, w);
	state_put_u64(w, without ? BODY_WITHOUT_OWN : BODY_FORMAT);
	if (stage_put_outputs(run, w) != 0 || put_position(run, w) != 0)
		return -1;
	return without ? 0 : run_put_saved(run, w);
}

static int
get(struct run *run, struct state_reader *r, const char *path)
{
	uint64_t format;

	if (run_get_counters(run, r, path) != 0)
		return -1;
	if (state_get_u64(r, &format) != 0 || format != BODY_FORMAT)
		return run_usage(run, "%s is of another version", path);
	return stage_get_outputs(run, r) != 0 || get_position(run, r) != 0
	    ? -1
	    : run_get_saved(run, r, path);
}

/* The snapshot of epoch 0: the initial state, and the sizes that the files had. It stays
 * under a second name, for audits. */
static int
write_origin(struct run *run, const char *path)
{
	struct stage_run *s = run->stage;
	char origin[EPOCH_PATH_MAX];
	struct state_writer *w;
	struct error error;

	if (epoch_stage_file_path(
		origin, run->pipeline, s->self.id, "origin.snap", &error) != 0 ||
	    (w = saver_begin(s->saver, 0, &error)) == NULL)
		return run_fail(run, "%s", error.text);
	if (stage_put(run, w) != 0) {
		saver_abandon(s->saver, w);
		return -1;
	}
	if (saver_commit(s->saver, w, &error) != 0 || saver_wait(s->saver, &error) != 0)
		return run_fail(run, "%s", error.text);
	(void)unlink(origin);
	return link(path, origin) == 0
	    ? 0
	    : run_fail(run, "cannot link %s: %s", origin, strerror(errno));
}

/* The last snapshot stood for this epoch, as `done` says, which will soon say something
 * else: make it one of this epoch. */
static int
write_again(struct run *run, uint64_t epoch)
{
	struct saver *saver = run->stage->saver;
	struct error error;
	struct state_writer *w = saver_begin(saver, epoch, &error);

	if (w == NULL)
		return run_fail(run, "%s", error.text);
	if (stage_put(run, w) != 0) {
		saver_abandon(saver, w);
		return -1;
	}
	return saver_commit(saver, w, &error) != 0 || saver_wait(saver, &error) != 0
	    ? run_fail(run, "%s", error.text)
	    : 0;
}

int
stage_restore(struct run *run)
{
	struct stage_run *s = run->stage;
	uint64_t epoch = s->generation.restore, standing;
	char path[EPOCH_PATH_MAX];
	struct state_reader *r;
	struct error error;
	enum state_trouble trouble;
	int status;

	s->epoch = epoch;
	if (epoch_snapshot_path(path, run->pipeline, s->self.id, epoch, &error) != 0)
		return run_fail(run, "%s", error.text);
	if (epoch_standing(
		run->os, run->pipeline, s->self.id, epoch, &standing, &error) != 0)
		return run_fail(run, "%s", error.text);
	r = saver_read(s->saver, standing, &trouble, &error);
	if (r == NULL && trouble == STATE_MISSING && epoch == 0 && !s->begun)
		return write_origin(run, path);
	if (r == NULL)
		return trouble == STATE_UNREADABLE ? run_fail(run, "%s", error.text)
						   : run_usage(run, "%s", error.text);
	status = get(run, r, path);
	state_close(r);
	return status != 0 || standing == epoch ? status : write_again(run, epoch);
}
