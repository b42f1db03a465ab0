/* SPDX-License-Identifier: MIT
 *
 * The start of a generation, until all stages have joined.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "lib/runner/first.h"
#include "lib/runner/inside.h"
#include "lib/runner/process.h"
#include "lib/runner/shape.h"

enum { SILENCE_US = 250000 }; /* how often to ask who has read nothing yet */

/* The names of folders that the topology will rely on must outlive a power cut. */
static int
sync_folders(struct runner *r, struct error *error)
{
	static const char *const names[] = { "stage", ".", ".." };
	char path[EPOCH_PATH_MAX];

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		int fd, status;

		if (epoch_file_path(path, r->dir, names[i], error) != 0)
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

/* Find the topology; once there is one, the sources begin. */
static enum outcome
gather(struct runner *r)
{
	struct error error = { "" };

	switch (gather_look(
	    &r->gather, r->os, r->dir, &r->members.joined, r->group.leader, &error)) {
	case GATHER_BROKEN:
		if (first_lacks_program(r->os, r->dir, &error))
			return watch_leave(r, RUNNER_WRONG_USE, &error);
		return watch_fail(r, &error);
	case GATHER_FAILED:
		return watch_fail(r, &error);
	case GATHER_WRONG:
		return watch_leave(r, RUNNER_WRONG_USE, &error);
	case GATHER_WAIT:
		(void)snprintf(r->waits_for, sizeof r->waits_for, "%s", error.text);
		return GO_ON;
	case GATHER_COMPLETE:
		break;
	}
	if (sync_folders(r, &error) != 0 ||
	    epoch_write_topology(r->os, r->dir, &r->members.joined, &error) != 0)
		return watch_fail(r, &error);
	r->topology = r->members.joined;
	r->complete = true;
	return GO_ON;
}

/* Wake up when a sink votes. Without inotify we look often. */
static void
watch_sinks(struct runner *r)
{
	char path[EPOCH_PATH_MAX];
	struct error ignored;

	r->changes = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	for (unsigned i = 0; i < r->topology.n && r->changes >= 0; i++) {
		if (!r->topology.stage[i].sink)
			continue;
		if (epoch_stage_path(path, r->dir, r->topology.stage[i].id, &ignored) ==
			0 &&
		    inotify_add_watch(r->changes, path, IN_MOVED_TO) >= 0)
			continue;
		(void)close(r->changes);
		r->changes = -1;
	}
}

/* No promise covers what another program does with what it reads. Said once. */
static void
warn_of_foreign(struct runner *r)
{
	for (unsigned i = 0; i < r->members.joined.n && !r->warned; i++)
		if (r->members.joined.stage[i].foreign)
			report_say(&r->report,
			    "%s writes to a program that is no stage: after a restart "
			    "that may see the same again (write to a file: >> FILE)",
			    r->members.joined.stage[i].id);
	r->warned = true;
}

enum outcome
join_look(struct runner *r)
{
	unsigned before = r->members.joined.n;
	enum outcome outcome;
	struct error error;

	if (members_update(&r->members, r->os, r->dir, r->generation.number, &error) !=
	    0)
		return watch_fail(r, &error);
	if (r->members.joined.n > before)
		r->progress_us = watch_now(r);
	if (watch_refused(r, &error))
		return watch_leave(r, RUNNER_WRONG_USE, &error);
	if (!r->complete) {
		outcome = gather(r);
		if (outcome != GO_ON || !r->complete)
			return outcome;
	}
	for (unsigned i = 0; i < r->topology.n; i++)
		if (shape_find(&r->members.joined, r->topology.stage[i].id) < 0) {
			(void)snprintf(r->waits_for, sizeof r->waits_for,
			    "%s has not joined", r->topology.stage[i].id);
			return GO_ON;
		}
	r->ready = true;
	watch_sinks(r);
	warn_of_foreign(r);
	notify_say(&r->report.notify, r->os, "READY=1");
	return GO_ON;
}

/* --- Silence --------------------------------------------------------------------- */

/* A program of ours that has not joined. */
static bool
is_outside(const struct runner *r, const struct process *p)
{
	for (unsigned i = 0; i < r->members.joined.n; i++)
		if (r->members.joined.stage[i].pid == p->pid)
			return false;
	return strncmp(p->name, "bp-", 3) == 0;
}

/* Whether all that holds up the start is that stages have read nothing yet: that is no
 * stall, as whoever feeds the pipeline may be silent for as long as it likes. */
static bool
is_waiting(const struct runner *r)
{
	struct family f = { 0 };
	unsigned waiting = 0, outside = 0;
	int status = family_look(&f, getpid(), r->group.leader);

	for (unsigned i = 0; i < f.n; i++)
		if (is_outside(r, &f.at[i])) {
			outside++;
			waiting += epoch_is_waiting(
			    r->os, r->dir, f.at[i].pid, r->generation.number);
		}
	family_free(&f);
	return status == 0 && waiting > 0 && waiting == outside;
}

/* As is_waiting, asked now and then; says so. */
bool
join_silent(struct runner *r)
{
	int64_t now = watch_now(r);

	if (r->ready)
		return false;
	if (now - r->silence_us < SILENCE_US &&
	    now - r->progress_us < r->options->stall_us)
		return r->waiting;
	r->silence_us = now;
	r->waiting = is_waiting(r);
	if (!r->waiting)
		return false;
	report_waiting(&r->report);
	if (now - r->progress_us >= r->options->stall_us) {
		r->progress_us = now;
		if (!r->said_waiting)
			report_say(&r->report,
			    "waiting for the first input: nothing has come yet");
		notify_say(&r->report.notify, r->os, "READY=1");
		r->said_waiting = true;
	}
	return true;
}
