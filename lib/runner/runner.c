/* SPDX-License-Identifier: MIT */
#include "lib/runner/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "lib/runner/command.h"
#include "lib/runner/first.h"
#include "lib/runner/inside.h"
#include "lib/runner/lock.h"
#include "lib/when.h"

enum { BACKOFF_FIRST_US = 50000, BACKOFF_MAX_US = 5000000, HOPE = 3 };

/* --- Signals -------------------------------------------------------------------- */

static int
take_signals(struct runner *r)
{
	static const int numbers[] = { SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGUSR1 };
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t set;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		(void)sigaddset(&set, numbers[i]);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)sigaction(SIGPIPE, &ignore, NULL);
	r->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return r->signals < 0 ? -1 : 0;
}

void
runner_signals(struct runner *r)
{
	struct signalfd_siginfo info;

	while (read(r->signals, &info, sizeof info) == sizeof info) {
		switch (info.ssi_signo) {
		case SIGINT:
			r->interrupts++;
			r->stopping = true;
			break;
		case SIGTERM:
			r->stopping = true;
			break;
		case SIGHUP:
		case SIGUSR1:
			members_signal(&r->members, (int)info.ssi_signo, false);
			break;
		default:
			break;
		}
	}
}

/* --- Before a generation -------------------------------------------------------- */

/* What is damaged stays so: no supervisor shall try again. */
static enum outcome
refuse(struct runner *r, const struct error *error)
{
	report_say(&r->report, "%s", error->text);
	r->status = RUNNER_WRONG_USE;
	return EXIT;
}

static enum outcome
read_failed(struct runner *r, const struct error *error)
{
	if (errno == EBADMSG)
		return refuse(r, error);
	report_say(&r->report, "%s", error->text);
	return AGAIN;
}

static int
sync_path(const struct os *os, const char *path, struct error *error)
{
	int fd = os->open(os, path, O_RDONLY | O_DIRECTORY, 0);
	int status = fd < 0 ? -1 : os->sync(os, fd);

	if (status != 0)
		(void)error_set(error, "cannot sync %s: %s", path, strerror(errno));
	if (fd >= 0)
		(void)os->close(os, fd);
	return status;
}

/* A vote that is seen may be one that the disk has not. */
static int
sync_votes(struct runner *r, struct error *error)
{
	char path[EPOCH_PATH_MAX];

	for (unsigned i = 0; i < r->topology.n; i++)
		if (r->topology.stage[i].sink &&
		    (epoch_stage_path(path, r->dir, r->topology.stage[i].id, error) !=
			    0 ||
			sync_path(r->os, path, error) != 0))
			return -1;
	return 0;
}

static enum outcome
check_snapshots(struct runner *r, struct error *error)
{
	uint64_t epoch = r->generation.restore;
	char path[EPOCH_PATH_MAX];
	struct stat status;

	for (unsigned i = 0; i < r->topology.n; i++) {
		const char *id = r->topology.stage[i].id;
		uint64_t standing;

		if (epoch_standing(r->os, r->dir, id, epoch, &standing, error) != 0)
			return read_failed(r, error);
		if (epoch_snapshot_path(path, r->dir, id, standing, error) != 0)
			return refuse(r, error);
		if (r->os->stat_path(r->os, path, &status) == 0)
			continue;
		if (errno == ENOENT) {
			(void)error_set(error,
			    "%s has no snapshot of the committed epoch %016" PRIx64
			    ": %s is missing (restore a backup of the folder, or start "
			    "afresh in another one)",
			    id, epoch, path);
			return refuse(r, error);
		}
		(void)error_set(error, "cannot look at %s: %s", path, strerror(errno));
		return read_failed(r, error);
	}
	return GO_ON;
}

/* What the folder says: the last generation, the stages, what is committed. */
static enum outcome
read_folder(struct runner *r, struct error *error)
{
	struct generation last;
	int found;

	if (epoch_read_generation(r->os, r->dir, &last, error) < 0)
		return read_failed(r, error);
	found = epoch_read_topology(r->os, r->dir, &r->topology, error);
	if (found < 0)
		return read_failed(r, error);
	if (last.finished) {
		report_say(&r->report,
		    "%s is finished: its input ended, and all is written", r->dir);
		return FINISHED;
	}
	r->complete = found == EPOCH_FOUND;
	r->committed = 0;
	if (r->complete &&
	    (sync_votes(r, error) != 0 ||
		epoch_committed(
		    r->os, r->dir, &last, &r->topology, &r->committed, error) != 0))
		return read_failed(r, error);
	r->generation = (struct generation){ .number = last.number + 1,
		.restore = r->committed,
		.every_us = r->options->every_us,
		.idle_us = r->options->stall_us / 3 };
	return GO_ON;
}

static enum outcome
check_ledger(struct runner *r, struct error *error)
{
	static struct ledger ledger;

	if (ledger_read(r->os, r->dir, &r->topology, r->committed, &ledger, error) !=
	    0) {
		report_say(&r->report, "%s", error->text);
		return AGAIN;
	}
	if (ledger_check(&r->topology, &ledger, error) == 0)
		return GO_ON;
	if (!r->options->ledger_warns)
		return refuse(r, error);
	report_say(&r->report, "%s", error->text);
	return GO_ON;
}

static int
remove_complaints(struct runner *r, struct error *error)
{
	static const char *const names[] = { "refused", GROUP_NOT_FOUND };
	char path[EPOCH_PATH_MAX];

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (epoch_file_path(path, r->dir, names[i], error) != 0)
			return -1;
		if (r->os->unlink(r->os, path) != 0 && errno != ENOENT)
			return error_set(
			    error, "cannot remove %s: %s", path, strerror(errno));
	}
	return 0;
}

static enum outcome
prepare(struct runner *r)
{
	struct error error;
	enum outcome outcome = read_folder(r, &error);

	if (outcome == GO_ON && r->complete) {
		outcome = check_snapshots(r, &error);
		if (outcome == GO_ON)
			outcome = check_ledger(r, &error);
	}
	if (outcome != GO_ON)
		return outcome;
	r->suspects =
	    r->complete && r->failures > 0 && r->options->quarantine_after > 0;
	if (remove_complaints(r, &error) != 0 ||
	    (r->suspects &&
		quarantine_watch(r->os, r->dir, &r->topology, &error) != 0) ||
	    epoch_write_generation(r->os, r->dir, &r->generation, &error) != 0) {
		report_say(&r->report, "%s", error.text);
		return AGAIN;
	}
	return GO_ON;
}

/* --- From generation to generation ---------------------------------------------- */

/* The first restart is at once. */
static int64_t
backoff_us(uint64_t failures)
{
	int64_t us = BACKOFF_FIRST_US;

	if (failures <= 1)
		return 0;
	for (uint64_t i = 2; i < failures && us < BACKOFF_MAX_US; i++)
		us *= 2;
	return us < BACKOFF_MAX_US ? us : BACKOFF_MAX_US;
}

static void
back_off(struct runner *r)
{
	int64_t end = r->os->monotonic_us(r->os) + backoff_us(r->failures), left;
	struct pollfd p = { .fd = r->signals, .events = POLLIN };

	while (!r->stopping && (left = end - r->os->monotonic_us(r->os)) > 0) {
		report_alive(&r->report);
		(void)poll(&p, 1, left < 500000 ? (int)(left / 1000 + 1) : 500);
		runner_signals(r);
	}
}

static enum outcome
one_generation(struct runner *r)
{
	/* This program again, by its subcommand. */
	char *const fused[] = { "/proc/self/exe", "fuse", r->options->argv[0], NULL };
	enum outcome outcome = prepare(r);
	bool wrong_use;
	struct error error;

	if (outcome != GO_ON)
		return outcome;
	epoch_clear_waiting(r->os, r->dir);
	if (group_start(&r->group, r->options->fuse ? fused : r->options->argv, r->dir,
		&wrong_use, &error) != 0) {
		if (wrong_use)
			return refuse(r, &error);
		report_say(&r->report, "%s", error.text);
		return AGAIN;
	}
	if (lock_note(r->os, r->lock, r->group.leader, &error) != 0) {
		report_say(&r->report, "%s", error.text);
		group_kill(&r->group);
		return AGAIN;
	}
	return watch_generation(r);
}

static int
run_generations(struct runner *r)
{
	enum outcome outcome;

	for (;;) {
		outcome = r->stopping ? STOPPED : one_generation(r);
		if (outcome == FINISHED || outcome == EXIT)
			return r->status;
		if (outcome == STOPPED) {
			report_say(&r->report,
			    "stopped; the next start goes on from epoch %" PRIu64
			    ".%" PRIu32,
			    epoch_generation(r->committed), (uint32_t)r->committed);
			return r->interrupts > 1 ? RUNNER_INT : RUNNER_DONE;
		}
		r->failures = r->progressed ? 1 : r->failures + 1;
		r->progressed = false;
		if (r->options->restarts > 0 && r->failures > r->options->restarts) {
			report_say(&r->report,
			    "gave up after %" PRIu64 " restarts without progress",
			    r->options->restarts);
			return RUNNER_FAILED;
		}
		if (!r->complete && r->failures == HOPE)
			report_say(&r->report,
			    "it has not begun in %d starts: the first message of each "
			    "says why (INT ends it)",
			    HOPE);
		back_off(r);
	}
}

/* --- The folder ----------------------------------------------------------------- */

static int
make_folder(struct runner *r, struct error *error)
{
	const char *dir = r->options->dir;
	struct stat status;
	char *absolute;

	if (r->os->mkdir(r->os, dir, 0777) != 0 && errno != EEXIST)
		return error_set(error, "cannot create the folder %s: %s%s", dir,
		    strerror(errno),
		    errno == ENOENT ? " (make the folder above it first)" : "");
	if (r->os->stat_path(r->os, dir, &status) == 0 && !S_ISDIR(status.st_mode))
		return error_set(
		    error, "%s is no folder: name another one with --dir", dir);
	absolute = realpath(dir, NULL);
	if (absolute == NULL)
		return error_set(error, "cannot find %s: %s", dir, strerror(errno));
	if (strlen(absolute) + 2 * EPOCH_ID_MAX >= sizeof r->dir) {
		free(absolute);
		return error_set(error, "the name of %s is too long", dir);
	}
	(void)snprintf(r->dir, sizeof r->dir, "%s", absolute);
	free(absolute);
	return 0;
}

/* Whoever mends a command that has never begun need not name another folder. */
static enum command_result
settle_command(struct runner *r, struct error *error)
{
	char *const *argv = r->options->argv;
	enum command_result result =
	    command_settle(r->os, r->dir, argv, r->options->new_command, error);
	struct topology topology;
	struct error ignored;

	if (result != COMMAND_OTHER ||
	    epoch_read_topology(r->os, r->dir, &topology, &ignored) != EPOCH_MISSING)
		return result;
	if (first_forget(r->os, r->dir, error) != 0)
		return COMMAND_FAILED;
	return command_settle(r->os, r->dir, argv, true, error);
}

/* Take the folder into our hands. GO_ON, or EXIT with the status. */
static enum outcome
take_folder(struct runner *r, struct error *error)
{
	unsigned killed;
	enum lock_result lock;
	enum command_result command;

	r->status = RUNNER_FAILED;
	if (make_folder(r, error) != 0)
		return EXIT;
	report_init(&r->report, r->os, r->dir, r->options->quiet);
	lock = lock_take(r->os, r->dir, &r->lock, &killed, error);
	if (lock == LOCK_BUSY)
		r->status = RUNNER_WRONG_USE;
	if (lock != LOCK_TAKEN || lock_note(r->os, r->lock, 0, error) != 0)
		return EXIT;
	if (killed > 0)
		report_say(&r->report,
		    "killed %u processes that an earlier bp-run has left", killed);
	command = settle_command(r, error);
	if (command == COMMAND_OTHER)
		r->status = RUNNER_WRONG_USE;
	if (command != COMMAND_GOOD)
		return EXIT;
	return group_prepare(error) == 0 && take_signals(r) == 0 ? GO_ON : EXIT;
}

int
runner_run(const struct os *os, const struct runner_options *options)
{
	struct runner *r = calloc(1, sizeof *r);
	struct error error = { "" };
	int status;

	if (r == NULL)
		return RUNNER_FAILED;
	r->os = os;
	r->options = options;
	r->changes = -1;
	members_init(&r->members);
	if (take_folder(r, &error) == GO_ON) {
		r->status = RUNNER_DONE;
		status = run_generations(r);
		notify_say(&r->report.notify, os, "STOPPING=1");
	} else {
		report_say(&r->report, "%s", error.text);
		status = r->status;
	}
	free(r);
	return status;
}
