/* SPDX-License-Identifier: MIT
 *
 * Barriers: what a stage does at a CUT and at END.
 *
 * At a CUT the outputs are flushed and synced, the snapshot is gathered and handed to the
 * saver, and the stream goes on; CUT and what comes after it are kept back until the
 * snapshot is durable. So whoever sees CUT e knows that all before it have the snapshot e.
 */
#include "lib/filter/stage.h"

#include <stdlib.h>

#include "lib/base/assert.h"

static bool
is_source(const struct run *run)
{
	return run->stage->self.source;
}

bool
stage_stops(const struct run *run)
{
	return run->stage == NULL || (is_source(run) && !run->stage->midway);
}

/* --- CUT ------------------------------------------------------------------------ */

static int
tell_cut(struct run *run, uint64_t epoch)
{
	uint8_t storage[CONTROL_SIZE_MAX];
	struct build b;

	build_init(&b, storage, sizeof storage);
	control_build_cut(&b, epoch, run->os->wall_us(run->os));
	return stage_tell(run, build_slice(&b), false);
}

/* What is committed everywhere needs no older snapshots. */
static void
forget(struct run *run)
{
	struct stage_run *s = run->stage;
	uint64_t committed = epoch_read_committed(run->os, run->pipeline);

	if (committed > s->forgotten && committed <= s->epoch) {
		s->forgotten = committed;
		saver_forget(s->saver, committed);
	}
}

/* Files for other programs: not with every CUT, they may be large. */
static int
publish(struct run *run, bool now)
{
	struct stage_run *s = run->stage;
	int64_t us = run->os->monotonic_us(run->os);

	if (s->generation.audit || run->filter->publish == NULL ||
	    (!now && us - s->published_us < run->common.checkpoint_every.us))
		return 0;
	s->published_us = us;
	return run_publish(run);
}

int
stage_cut(struct run *run, uint64_t epoch)
{
	struct stage_run *s = run->stage;
	struct state_writer *w;
	struct error error;

	if (stage_settle(run) != 0 || stage_seal_outputs(run) != 0)
		return -1;
	s->epoch = epoch;
	w = saver_begin(s->saver, epoch, &error);
	if (w == NULL)
		return run_fail(run, "%s", error.text);
	if (stage_put(run, w) != 0) {
		saver_abandon(s->saver, w);
		return -1;
	}
	if (saver_commit(s->saver, w, &error) != 0)
		return run_fail(run, "%s", error.text);
	s->pending = true;
	stage_hold(run);
	forget(run);
	return tell_cut(run, epoch) != 0 ? -1 : publish(run, false);
}

int
stage_settle(struct run *run)
{
	struct error error;

	if (!run->stage->pending)
		return 0;
	if (saver_wait(run->stage->saver, &error) != 0)
		return run_fail(run, "%s", error.text);
	run->stage->pending = false;
	return stage_release(run);
}

/* --- The clock ------------------------------------------------------------------ */

static int
cut_source(struct run *run)
{
	struct stage_run *s = run->stage;

	s->cut_in = run->counters.in;
	return stage_cut(run, epoch_of(s->generation.number, ++s->cuts));
}

static int64_t
next_cut_us(const struct run *run)
{
	const struct stage_run *s = run->stage;

	return s->cut_us +
	    (run->counters.in != s->cut_in ? s->generation.every_us
					   : s->generation.idle_us);
}

int
stage_attend(struct run *run, int64_t now)
{
	struct stage_run *s = run->stage;
	struct error error;

	if (s->pending) {
		switch (saver_poll(s->saver, &error)) {
		case SAVER_FAILED:
			return run_fail(run, "%s", error.text);
		case SAVER_BUSY:
			return 0;
		case SAVER_IDLE:
		case SAVER_DURABLE:
			s->pending = false;
			if (stage_release(run) != 0)
				return -1;
		}
	}
	if (!is_source(run) || s->midway || now < next_cut_us(run))
		return 0;
	s->cut_us = now;
	return cut_source(run);
}

int64_t
stage_patience(const struct run *run, int64_t now)
{
	const struct stage_run *s = run->stage;

	if (!is_source(run) || s->pending)
		return INT64_MAX;
	return next_cut_us(run) - now;
}

/* --- END ------------------------------------------------------------------------ */

/* All is said: finish unless it is a pause, make it durable, and say so. */
static int
end(struct run *run, bool pause)
{
	struct stage_run *s = run->stage;
	uint8_t storage[CONTROL_SIZE_MAX];
	struct done done;
	struct build b;
	struct error error;

	if (stage_settle(run) != 0)
		return -1;
	if (!pause && (run_finish(run) != 0 || stage_seal_outputs(run) != 0))
		return -1;
	if (run->auditing && stage_report_outputs(run) != 0)
		return -1;
	if (pause && publish(run, true) != 0)
		return -1;
	done =
	    (struct done){ s->generation.number, s->epoch, run_rejects_too_many(run) };
	if ((!pause || run->auditing) &&
	    epoch_write_done(run->os, run->pipeline, s->self.id, &done, &error) != 0)
		return run_fail(run, "%s", error.text);
	build_init(&b, storage, sizeof storage);
	control_build_end(&b, s->epoch, pause);
	if (stage_tell(run, build_slice(&b), true) != 0)
		return -1;
	s->ended = true;
	s->paused = pause;
	return 0;
}

int
stage_end(struct run *run)
{
	struct stage_run *s = run->stage;

	if (s->ended)
		return 0;
	if (!is_source(run))
		return run_fail(run,
		    "%s: %s has gone before the END of its stream (what was not "
		    "committed comes again)",
		    input_name(run->in), s->self.input[0]);
	/* A last CUT: the states of the end are snapshots like all others. */
	if (cut_source(run) != 0)
		return -1;
	if (guard_halts(run))
		return end(run, !guard_completes(run));
	return end(run, run->signals->stop || run->halted);
}

/* --- From the input ------------------------------------------------------------- */

int
stage_control(struct run *run, const struct control *c)
{
	struct stage_run *s = run->stage;

	if (is_source(run) || c->kind == CONTROL_HELLO)
		return run_usage(run,
		    "%s: another stage writes to it as well: barriers of several "
		    "streams must be aligned (use bp-merge)",
		    input_name(run->in));
	if (c->kind == CONTROL_CUT) {
		if (c->epoch <= s->epoch ||
		    epoch_generation(c->epoch) != s->generation.number)
			return run_fail(run,
			    "%s: the CUT of epoch %llx came after that of %llx",
			    input_name(run->in), (unsigned long long)c->epoch,
			    (unsigned long long)s->epoch);
		return stage_cut(run, c->epoch);
	}
	run->halted = true;
	return end(run, control_is_pause(c));
}
