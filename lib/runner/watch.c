/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/runner/first.h"
#include "lib/runner/inside.h"
#include "lib/runner/shape.h"
#include "lib/when.h"

enum {
	LOOK_MS = 20,      /* how often to look while stages join, or without inotify */
	REST_MS = 250,     /* otherwise */
	GRACE_US = 20000,  /* others may die of the same cause meanwhile */
	TELL_US = 500000,  /* how often sources are told to stop */
	LEAVE_US = 200000, /* what is no stage may end by itself after the last stage */
	SHELL_NOT_FOUND = 127,
	SHELL_NOT_EXECUTABLE = 126,
};

int64_t
watch_now(const struct runner *r)
{
	return r->os->monotonic_us(r->os);
}

/* --- The end of a generation ---------------------------------------------------- */

/* One failed: whoever is to blame for it, all end. */
enum outcome
watch_fail(struct runner *r, const struct error *error)
{
	report_say(&r->report, "%s", error->text);
	return AGAIN;
}

enum outcome
watch_leave(struct runner *r, int status, const struct error *error)
{
	report_say(&r->report, "%s", error->text);
	r->status = status;
	return EXIT;
}

/* A stage that refuses to run says why in a file. */
bool
watch_refused(struct runner *r, struct error *error)
{
	char path[EPOCH_PATH_MAX], text[EPOCH_FILE_MAX];
	struct error ignored;

	if (epoch_file_path(path, r->dir, "refused", &ignored) != 0 ||
	    epoch_get(r->os, path, text, &ignored) != EPOCH_FOUND)
		return false;
	text[strcspn(text, "\n")] = '\0';
	(void)error_set(error, "a stage refuses to run: %.400s", text);
	return true;
}

/* Another start would not mend it. */
static bool
is_hopeless(struct runner *r, struct error *error)
{
	return watch_refused(r, error) ||
	    (!r->complete && first_lacks_program(r->os, r->dir, error));
}

/* Note who had which record in hand. */
static enum outcome
look_for_suspect(struct runner *r, bool stalled)
{
	bool dead[EPOCH_STAGES_MAX] = { false };
	struct suspect found, *s = &r->suspect;
	struct error error;

	for (unsigned i = 0; i < r->topology.n; i++) {
		int at = shape_find(&r->members.joined, r->topology.stage[i].id);

		dead[i] = stalled || (at >= 0 && r->members.dead[at]);
	}
	quarantine_find(r->os, r->dir, &r->topology, dead, &found);
	if (found.record == 0)
		return GO_ON;
	if (found.record == s->record && strcmp(found.id, s->id) == 0)
		s->times++;
	else
		*s = found;
	if (s->times < r->options->quarantine_after)
		return GO_ON;
	if (quarantine_add(r->os, r->dir, s, &error) != 0)
		return watch_fail(r, &error);
	report_say(&r->report,
	    "%s failed %" PRIu64 " times at its record %" PRIu64
	    ": from now on it is rejected unseen (%s/quarantine)",
	    s->id, s->times, s->record, r->dir);
	*s = (struct suspect){ 0 };
	return GO_ON;
}

/* --- Commits -------------------------------------------------------------------- */

static enum outcome
account(struct runner *r, uint64_t epoch)
{
	static struct ledger ledger;
	struct error error;

	if (ledger_read(r->os, r->dir, &r->topology, epoch, &ledger, &error) != 0)
		return watch_fail(r, &error);
	report_commit(&r->report, &r->topology, &ledger);
	if (ledger_check(&r->topology, &ledger, &error) == 0)
		return GO_ON;
	if (!r->options->ledger_warns)
		return watch_leave(r, RUNNER_WRONG_USE, &error);
	report_say(&r->report, "%s", error.text);
	return GO_ON;
}

static int
sync_sinks(struct runner *r, struct error *error)
{
	char path[EPOCH_PATH_MAX];
	int fd, status;

	for (unsigned i = 0; i < r->topology.n; i++) {
		if (!r->topology.stage[i].sink)
			continue;
		if (epoch_stage_path(path, r->dir, r->topology.stage[i].id, error) != 0)
			return -1;
		fd = r->os->open(r->os, path, O_RDONLY | O_DIRECTORY, 0);
		status = fd < 0 ? -1 : r->os->sync(r->os, fd);
		if (status != 0)
			(void)error_set(
			    error, "cannot sync %s: %s", path, strerror(errno));
		if (fd >= 0)
			(void)r->os->close(r->os, fd);
		if (status != 0)
			return -1;
	}
	return 0;
}

enum outcome
watch_commits(struct runner *r)
{
	struct error error;
	uint64_t epoch;
	enum outcome outcome;

	if (!r->complete)
		return GO_ON;
	if (epoch_committed(
		r->os, r->dir, &r->generation, &r->topology, &epoch, &error) != 0)
		return watch_fail(r, &error);
	if (epoch <= r->committed)
		return GO_ON;
	if (sync_sinks(r, &error) != 0)
		return watch_fail(r, &error);
	outcome = account(r, epoch);
	if (outcome != GO_ON)
		return outcome;
	if (epoch_write_committed(r->os, r->dir, epoch, &error) != 0)
		return watch_fail(r, &error);
	r->committed = epoch;
	r->committed_us = r->progress_us = watch_now(r);
	r->progressed = true;
	return GO_ON;
}

/* --- Ends ----------------------------------------------------------------------- */

static enum outcome
bad_death(struct runner *r)
{
	const struct members *m = &r->members;
	struct error error;
	int64_t end = watch_now(r) + GRACE_US;
	enum outcome outcome;

	for (unsigned i = 0; i < m->joined.n; i++)
		if (m->dead[i] && !m->done[i]) {
			(void)error_set(&error, "%s (process %d) died before its end",
			    m->joined.stage[i].id, (int)m->joined.stage[i].pid);
			break;
		}
	if (is_hopeless(r, &error))
		return watch_leave(r, RUNNER_WRONG_USE, &error);
	report_say(&r->report, "%s: starting all again", error.text);
	while (r->suspects && watch_now(r) < end &&
	    members_look(&r->members, r->os, r->dir, r->generation.number, &error) >= 0)
		(void)usleep(1000);
	outcome = r->suspects ? look_for_suspect(r, false) : GO_ON;
	return outcome == GO_ON ? AGAIN : outcome;
}

/* The shell, or the program, has not ended with 0: one of its processes has failed, a
 * producer before a source perhaps, which else looks like an end. */
static enum outcome
bad_end(struct runner *r)
{
	int status = r->group.status;
	struct error error;

	if (is_hopeless(r, &error))
		return watch_leave(r, RUNNER_WRONG_USE, &error);
	(void)error_set(&error, "the command ended with status %d%s", status,
	    status == SHELL_NOT_FOUND            ? ": a program was not found"
		: status == SHELL_NOT_EXECUTABLE ? ": a program cannot be executed"
						 : "");
	if (status == RUNNER_WRONG_USE || status == SHELL_NOT_FOUND ||
	    status == SHELL_NOT_EXECUTABLE)
		return watch_leave(r, RUNNER_WRONG_USE, &error);
	report_say(&r->report, "%s: starting all again", error.text);
	return AGAIN;
}

static bool
sinks_are_done(const struct runner *r)
{
	for (unsigned i = 0; i < r->topology.n; i++) {
		int at = shape_find(&r->members.joined, r->topology.stage[i].id);

		if (r->topology.stage[i].sink && (at < 0 || !r->members.done[at]))
			return false;
	}
	return r->complete;
}

/* The group has ended, and the shell well. */
static enum outcome
conclude(struct runner *r)
{
	struct error error;
	enum outcome outcome = watch_commits(r);

	if (outcome != GO_ON)
		return outcome;
	/* All may have joined and ended since the last look. */
	if (members_update(&r->members, r->os, r->dir, r->generation.number, &error) !=
		0 ||
	    members_look(&r->members, r->os, r->dir, r->generation.number, &error) < 0)
		return watch_fail(r, &error);
	if (sinks_are_done(r) && r->group.status == 0) {
		r->generation.finished = true;
		if (epoch_write_generation(r->os, r->dir, &r->generation, &error) != 0)
			return watch_fail(r, &error);
		r->status = r->members.rejecting ? RUNNER_REJECTED : RUNNER_DONE;
		return FINISHED;
	}
	if (r->stopping)
		return STOPPED;
	if (!r->complete) {
		(void)error_set(&error, "the command ended, and %s%s%s",
		    r->members.joined.n == 0 ? "no filter of it became a stage "
					       "(see bp-run(1))"
					     : "its stages were not complete",
		    r->waits_for[0] != '\0' ? ": " : "", r->waits_for);
		return watch_leave(r, RUNNER_WRONG_USE, &error);
	}
	(void)error_set(&error,
	    "the command ended, but not all of its input was read: "
	    "starting all again");
	return watch_fail(r, &error);
}

/* Look at who has ended. When the last stage has, what is no stage has little reason to
 * stay: a tail -f that fed the pipeline, say. The command itself may have work left. */
static enum outcome
look_at_ends(struct runner *r)
{
	struct error error;
	int bad;

	group_reap(&r->group);
	bad = members_look(&r->members, r->os, r->dir, r->generation.number, &error);
	if (bad < 0)
		return watch_fail(r, &error);
	if (bad > 0 && !r->stopping)
		return bad_death(r);
	if (r->group.leader_ended && r->group.status != 0 && !r->stopping)
		return bad_end(r);
	if (members_alive(&r->members) > 0 ||
	    (!r->group.leader_ended && (!r->stopping || !r->ready)))
		return GO_ON;
	if (!r->group.ended) {
		if (r->left_us == 0)
			r->left_us = watch_now(r);
		if (watch_now(r) - r->left_us < LEAVE_US)
			return GO_ON;
		group_kill(&r->group);
	}
	if (r->group.leader_ended && r->group.status != 0 && r->stopping)
		report_say(
		    &r->report, "the command ended with status %d", r->group.status);
	return conclude(r);
}

/* --- The clock ------------------------------------------------------------------ */

/* When all sources have ended no CUT comes any more, and what was held until then may
 * take long to come out: then bytes that move are progress. */
static void
look_at_bytes(struct runner *r)
{
	uint64_t moved;

	if (!r->ready || watch_now(r) - r->moved_us < WHEN_SECOND)
		return;
	r->moved_us = watch_now(r);
	if (!members_sources_ended(&r->members))
		return;
	moved = members_moved(&r->members);
	if (moved != r->moved || members_alive(&r->members) == 0)
		r->progress_us = r->moved_us;
	r->moved = moved;
}

static enum outcome
look_at_stall(struct runner *r)
{
	struct span span = { r->options->stall_us };
	char length[64];
	enum outcome outcome;

	look_at_bytes(r);
	if (join_silent(r))
		return GO_ON;
	if (r->stopping || watch_now(r) - r->progress_us < span.us)
		return GO_ON;
	(void)when_format_span(span, length);
	report_say(&r->report, "nothing was committed for %s%s%s: starting all again",
	    length, r->ready ? "" : ", ", r->ready ? "" : r->waits_for);
	outcome = r->suspects ? look_for_suspect(r, true) : GO_ON;
	return outcome == GO_ON ? AGAIN : outcome;
}

/* A planned stop: the sources are told, as often as it takes; all others hear of it
 * through the stream. Before all have joined nothing has flowed. */
static enum outcome
look_at_stop(struct runner *r)
{
	int64_t now = watch_now(r);

	if (!r->stopping)
		return GO_ON;
	if (r->interrupts > 1 || !r->ready)
		return STOPPED;
	if (r->stop_us == 0)
		r->stop_us = now;
	if (now - r->stop_us > r->options->stop_us) {
		report_say(&r->report, "it does not stop in time: killed");
		return STOPPED;
	}
	if (now < r->stop_again_us)
		return GO_ON;
	r->stop_again_us = now + TELL_US;
	members_signal(&r->members, SIGTERM, true);
	return GO_ON;
}

static void
rest(struct runner *r)
{
	struct pollfd p[EPOCH_STAGES_MAX + 2];
	unsigned n = members_poll(&r->members, p);
	bool often = !r->ready || r->changes < 0 || r->stopping ||
	    members_alive(&r->members) == 0;
	char events[4096];

	p[n++] = (struct pollfd){ .fd = r->signals, .events = POLLIN };
	if (r->changes >= 0)
		p[n++] = (struct pollfd){ .fd = r->changes, .events = POLLIN };
	(void)poll(p, n, often ? LOOK_MS : REST_MS);
	while (r->changes >= 0 && read(r->changes, events, sizeof events) > 0)
		;
	runner_signals(r);
}

static void
begin(struct runner *r)
{
	r->committed_us = r->progress_us = watch_now(r);
	r->gather = (struct gather){ 0 };
	r->waits_for[0] = '\0';
	r->ready = r->progressed = r->waiting = false;
	r->silence_us = 0;
	r->moved = 0;
	r->stop_us = r->stop_again_us = r->left_us = 0;
	report_start(&r->report);
}

enum outcome
watch_generation(struct runner *r)
{
	enum outcome outcome = GO_ON;

	begin(r);
	while (outcome == GO_ON) {
		rest(r);
		outcome = r->ready ? GO_ON : join_look(r);
		if (outcome == GO_ON)
			outcome = watch_commits(r);
		if (outcome == GO_ON)
			outcome = look_at_ends(r);
		if (outcome == GO_ON)
			outcome = look_at_stall(r);
		if (outcome == GO_ON)
			outcome = look_at_stop(r);
		if (outcome == GO_ON && r->ready)
			report_progress(&r->report, &r->topology, &r->generation,
			    r->committed, watch_now(r) - r->committed_us);
		/* No commit can be expected. */
		if (outcome == GO_ON &&
		    (!r->ready || members_sources_ended(&r->members)))
			report_alive(&r->report);
	}
	group_kill(&r->group);
	if (outcome == STOPPED || outcome == AGAIN)
		(void)watch_commits(r);
	members_free(&r->members);
	if (r->changes >= 0)
		(void)close(r->changes);
	r->changes = -1;
	return outcome;
}
