/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/epoch/places.h"
#include "lib/runner/audit.h"
#include "lib/when.h"

enum { LOOK_MS = 10, MOVED_US = 200000 };

/* --- Confinement ---------------------------------------------------------------- */

#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif

static const uint64_t changes = LANDLOCK_ACCESS_FS_WRITE_FILE |
    LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
    LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |
    LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
    LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
    LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_TRUNCATE;

/* What is not there need not be allowed. */
static int
allow(int rules, const char *path, uint64_t access)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = access };
	long status;

	rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return errno == ENOENT ? 0 : -1;
	status =
	    syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	(void)close(rule.parent_fd);
	return (int)status;
}

static int
allow_outputs(const struct audit *a, int rules, struct error *error)
{
	static struct places places;

	for (unsigned i = 0; i < a->topology.n; i++) {
		if (places_read(
			a->os, a->dir, a->topology.stage[i].id, &places, error) < 0)
			return -1;
		for (unsigned k = 0; k < places.n; k++)
			if (allow(rules, places.at[k].path,
				strcmp(places.at[k].name, PLACES_ERRORS) == 0
				    ? LANDLOCK_ACCESS_FS_WRITE_FILE |
					LANDLOCK_ACCESS_FS_TRUNCATE
				    : LANDLOCK_ACCESS_FS_WRITE_FILE) != 0)
				return error_set(error, "cannot allow %s: %s",
				    places.at[k].path, strerror(errno));
	}
	return 0;
}

/* The folder beside which the scratch folder lies, so that it can be removed. */
static int
allow_parent(const struct audit *a, int rules)
{
	char path[EPOCH_PATH_MAX];
	char *slash;

	(void)snprintf(path, sizeof path, "%s", a->scratch);
	slash = strrchr(path, '/');
	slash[slash == path] = '\0';
	return allow(rules, path, LANDLOCK_ACCESS_FS_REMOVE_DIR);
}

int
again_confine(const struct audit *a, struct error *error)
{
	struct landlock_ruleset_attr all = { .handled_access_fs = changes };
	long version = syscall(
	    SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	int rules, status;

	if (version < 3)
		return 0; /* a kernel without it, or that cannot forbid to truncate */
	rules = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof all, 0);
	if (rules < 0)
		return error_set(
		    error, "cannot confine the audit: %s", strerror(errno));
	status = allow_outputs(a, rules, error);
	if (status == 0 &&
	    (allow(rules, a->scratch, changes) != 0 || allow_parent(a, rules) != 0 ||
		allow(rules, "/dev",
		    LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE) != 0 ||
		allow(rules, "/proc", LANDLOCK_ACCESS_FS_WRITE_FILE) != 0 ||
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
		syscall(SYS_landlock_restrict_self, rules, 0) != 0))
		status =
		    error_set(error, "cannot confine the audit: %s", strerror(errno));
	(void)close(rules);
	return status;
}

/* --- The run --------------------------------------------------------------------- */

struct again {
	struct audit *audit;
	struct group group;
	struct members members;
	int signals;
	uint64_t moved;
	int64_t moved_us, looked_us;
};

static int
take_signals(struct error *error)
{
	sigset_t set;
	int fd;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd >= 0 ? fd
		       : error_set(error, "cannot take signals: %s", strerror(errno));
}

static int
rest(struct again *g, struct error *error)
{
	struct pollfd p[EPOCH_STAGES_MAX + 1];
	unsigned n = members_poll(&g->members, p);
	struct signalfd_siginfo info;

	p[n++] = (struct pollfd){ .fd = g->signals, .events = POLLIN };
	(void)poll(p, n, LOOK_MS);
	while (read(g->signals, &info, sizeof info) == sizeof info)
		if (info.ssi_signo != SIGCHLD)
			return error_set(error, "interrupted");
	return 0;
}

/* A stage that refuses to run has said why on standard error, and in a file. */
static bool
is_refused(const struct audit *a, struct error *error)
{
	static char text[EPOCH_FILE_MAX];
	char path[EPOCH_PATH_MAX];
	struct error ignored;

	if (epoch_file_path(path, a->scratch, "refused", &ignored) != 0 ||
	    epoch_get(a->os, path, text, &ignored) != EPOCH_FOUND)
		return false;
	text[strcspn(text, "\n")] = '\0';
	(void)error_set(error, "a stage refuses: %.400s", text);
	return true;
}

/* Who has ended, and how. 1: all, and well. */
static int
look_at_ends(struct again *g, struct error *error)
{
	struct audit *a = g->audit;
	int bad;

	if (members_update(&g->members, a->os, a->scratch, 1, error) != 0)
		return -1;
	group_reap(&g->group);
	bad = members_look(&g->members, a->os, a->scratch, 1, error);
	if (bad < 0)
		return -1;
	if (is_refused(a, error))
		return -1;
	if (bad > 0)
		return error_set(error, "a stage died before its end");
	if (g->group.leader_ended && g->group.status > 1)
		return error_set(
		    error, "the command ended with status %d", g->group.status);
	/* A tail -f that feeds the pipeline would stay. */
	return g->group.ended ||
	    (g->group.leader_ended && members_alive(&g->members) == 0 &&
		g->members.joined.n == a->topology.n);
}

static int
look_at_stall(struct again *g, struct error *error)
{
	struct audit *a = g->audit;
	int64_t now = a->os->monotonic_us(a->os);
	char length[64];
	uint64_t moved;

	if (now - g->looked_us < MOVED_US)
		return 0;
	g->looked_us = now;
	moved = members_moved(&g->members) + g->members.joined.n;
	if (moved != g->moved)
		g->moved_us = now;
	g->moved = moved;
	if (now - g->moved_us < a->options->stall_us)
		return 0;
	(void)when_format_span((struct span){ a->options->stall_us }, length);
	return error_set(error,
	    "nothing has moved for %s: a source waits for input that does not come "
	    "again (only a source that can be read again can be audited: a file, a "
	    "log, "
	    "a pipe from a program that repeats itself)",
	    length);
}

static int
watch(struct again *g, struct error *error)
{
	int ended = 0;

	while (ended == 0) {
		if (rest(g, error) != 0 || look_at_stall(g, error) != 0)
			return -1;
		ended = look_at_ends(g, error);
	}
	return ended < 0 ? -1 : 0;
}

int
again_run(struct audit *a, char *const *argv, struct error *error)
{
	struct again *g = calloc(1, sizeof *g);
	bool wrong_use;
	int status = -1;

	if (g == NULL)
		return error_set(error, "no memory");
	g->audit = a;
	members_init(&g->members);
	g->moved_us = a->os->monotonic_us(a->os);
	g->signals = take_signals(error);
	if (g->signals >= 0 && group_prepare(error) == 0 &&
	    group_start(&g->group, argv, a->scratch, &wrong_use, error) == 0) {
		status = watch(g, error);
		group_kill(&g->group);
	}
	members_free(&g->members);
	if (g->signals >= 0)
		(void)close(g->signals);
	free(g);
	return status;
}
