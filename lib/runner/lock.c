/* SPDX-License-Identifier: MIT */
#include "lib/runner/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/epoch.h"
#include "lib/runner/process.h"

enum { FD_LEAST = 100, ROUND_US = 5000 };

static struct flock
whole_file(void)
{
	return (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET };
}

/* The lock file on a descriptor that shells do not use themselves. */
static int
open_lock(const struct os *os, const char *dir, int *to, struct error *error)
{
	char path[EPOCH_PATH_MAX];
	int fd, high;

	if (epoch_file_path(path, dir, "lock", error) != 0)
		return -1;
	fd = os->open(os, path, O_RDWR | O_CREAT, 0666);
	if (fd < 0)
		return error_set(error, "cannot open %s: %s", path, strerror(errno));
	high = fcntl(fd, F_DUPFD, FD_LEAST);
	if (high < 0)
		(void)error_set(error, "cannot keep %s: %s", path, strerror(errno));
	(void)os->close(os, fd);
	*to = high;
	return high < 0 ? -1 : 0;
}

/* The process group that the file tells; 0 for none. */
static pid_t
noted_group(int fd)
{
	char text[256];
	ssize_t n = pread(fd, text, sizeof text - 1, 0);
	const char *at;

	if (n <= 0)
		return 0;
	text[n] = '\0';
	at = strstr(text, "\ngroup ");
	return at == NULL ? 0 : (pid_t)strtol(at + 7, NULL, 10);
}

/* Kill who has the file open and belongs to a group of this folder: a process of the
 * group that was noted, or one with BP_DIR. What merely looks at the file (another
 * bp-run that is being refused) is let be. Returns how many. */
static unsigned
kill_orphans(int fd, pid_t group, const char *assignment)
{
	struct family all = { 0 };
	struct stat status;
	unsigned n = 0;

	if (fstat(fd, &status) != 0 || family_look(&all, 0, 0) != 0)
		return 0;
	for (unsigned i = 0; i < all.n; i++) {
		pid_t pid = all.at[i].pid;

		if (pid == getpid() ||
		    !process_holds(pid, status.st_dev, status.st_ino) ||
		    !(all.at[i].group == group || process_has(pid, assignment)))
			continue;
		n += kill(pid, SIGKILL) == 0;
	}
	family_free(&all);
	return n;
}

struct orphans {
	const struct os *os;
	const char *dir;
	pid_t group;
	char assignment[EPOCH_PATH_MAX + 16];
	unsigned killed;
	int status;
	struct error *error;
};

/* Until nobody else has the lock. */
static int
wait_for_lock(struct orphans *o, int fd)
{
	unsigned n;

	while (o->os->lock(o->os, fd) != 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return error_set(
			    o->error, "cannot lock %s: %s", o->dir, strerror(errno));
		n = kill_orphans(fd, o->group, o->assignment);
		if (n > o->killed)
			o->killed = n;
		(void)usleep(ROUND_US);
	}
	return 0;
}

static void
wait_for_stage(void *context, const char *name)
{
	struct orphans *o = context;
	char path[EPOCH_PATH_MAX];
	int fd;

	if (o->status != 0 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return;
	o->status = epoch_stage_file_path(path, o->dir, name, "lock", o->error);
	if (o->status != 0)
		return;
	fd = o->os->open(o->os, path, O_RDWR, 0);
	if (fd < 0) {
		if (errno != ENOENT && errno != ENOTDIR)
			o->status = error_set(
			    o->error, "cannot open %s: %s", path, strerror(errno));
		return;
	}
	o->status = wait_for_lock(o, fd);
	(void)o->os->close(o->os, fd);
}

/* A process that dies closes its files one by one: the folder's lock may be free while
 * that of its stage is not yet. */
static int
wait_for_orphans(
    const struct os *os, const char *dir, int fd, unsigned *killed, struct error *error)
{
	struct orphans o = { .os = os, .dir = dir, .error = error };
	char stages[EPOCH_PATH_MAX];

	o.group = noted_group(fd);
	(void)snprintf(
	    o.assignment, sizeof o.assignment, "%s=%s", EPOCH_DIR_VARIABLE, dir);
	if (wait_for_lock(&o, fd) != 0 ||
	    epoch_file_path(stages, dir, "stage", error) != 0)
		return -1;
	if (os->list(os, stages, wait_for_stage, &o) != 0 && errno != ENOENT)
		return error_set(error, "cannot read %s: %s", stages, strerror(errno));
	*killed = o.killed;
	return o.status;
}

enum lock_result
lock_take(const struct os *os, const char *dir, int *fd, unsigned *killed,
    struct error *error)
{
	struct flock own = whole_file(), other = whole_file();

	*killed = 0;
	if (open_lock(os, dir, fd, error) != 0)
		return LOCK_FAILED;
	if (fcntl(*fd, F_SETLK, &own) == 0)
		return wait_for_orphans(os, dir, *fd, killed, error) == 0 ? LOCK_TAKEN
									  : LOCK_FAILED;
	if (errno != EACCES && errno != EAGAIN) {
		(void)error_set(error, "cannot lock %s: %s", dir, strerror(errno));
		return LOCK_FAILED;
	}
	if (fcntl(*fd, F_GETLK, &other) != 0 || other.l_type == F_UNLCK)
		other.l_pid = 0;
	(void)error_set(error,
	    "%s is in the hands of another bp-run, process %d (stop that one with "
	    "TERM, or "
	    "give another --dir)",
	    dir, (int)other.l_pid);
	return LOCK_BUSY;
}

int
lock_note(const struct os *os, int fd, pid_t group, struct error *error)
{
	struct process own = { 0 }, leader = { 0 };
	char text[256];
	int n;

	(void)process_look(getpid(), &own);
	if (group != 0)
		(void)process_look(group, &leader);
	n = snprintf(text, sizeof text,
	    "runner %d started %" PRIu64 "\ngroup %d started %" PRIu64 "\n",
	    (int)getpid(), own.started, (int)group, leader.started);
	if (os->truncate(os, fd, 0) != 0 || os->seek(os, fd, 0, SEEK_SET) < 0 ||
	    os->write(os, fd, text, (size_t)n) != n)
		return error_set(
		    error, "cannot write the lock file: %s", strerror(errno));
	return 0;
}

pid_t
lock_holder(const struct os *os, const char *dir)
{
	struct flock other = whole_file();
	char path[EPOCH_PATH_MAX];
	struct error error;
	pid_t holder = 0;
	int fd;

	if (epoch_file_path(path, dir, "lock", &error) != 0)
		return 0;
	fd = os->open(os, path, O_RDWR, 0);
	if (fd < 0)
		return 0;
	if (fcntl(fd, F_GETLK, &other) == 0 && other.l_type != F_UNLCK)
		holder = other.l_pid;
	(void)os->close(os, fd);
	return holder;
}
