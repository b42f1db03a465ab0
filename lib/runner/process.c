/* SPDX-License-Identifier: MIT */
#include "lib/runner/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TEXT_MAX = 4096, ENVIRONMENT_MAX = 4 << 20 };

/* The bytes of /proc/PID/NAME, terminated; -1 when there are none. */
static ssize_t
read_file(pid_t pid, const char *name, char *to, size_t size)
{
	char path[64];
	size_t used = 0;
	ssize_t n = 1;
	int fd;

	(void)snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	while (used < size - 1 && (n = read(fd, to + used, size - 1 - used)) > 0)
		used += (size_t)n;
	(void)close(fd);
	to[used] = '\0';
	return n < 0 ? -1 : (ssize_t)used;
}

bool
process_look(pid_t pid, struct process *to)
{
	char text[TEXT_MAX], *open_at, *close_at;
	int parent, group;
	unsigned long long started;

	if (read_file(pid, "stat", text, sizeof text) <= 0)
		return false;
	/* A name may have any bytes in it; the last parenthesis ends it. */
	open_at = strchr(text, '(');
	close_at = strrchr(text, ')');
	if (open_at == NULL || close_at == NULL || close_at < open_at)
		return false;
	*close_at = '\0';
	if (sscanf(close_at + 1,
		" %c %d %d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
		"%*d %*d %llu",
		&to->state, &parent, &group, &started) != 4)
		return false;
	to->pid = pid;
	to->parent = parent;
	to->group = group;
	to->started = started;
	(void)snprintf(to->name, sizeof to->name, "%s", open_at + 1);
	return true;
}

static int
add(struct family *f, const struct process *p)
{
	struct process *more;

	if (f->n == f->capacity) {
		more = realloc(f->at, (f->capacity * 2 + 64) * sizeof *more);
		if (more == NULL)
			return -1;
		f->at = more;
		f->capacity = f->capacity * 2 + 64;
	}
	f->at[f->n++] = *p;
	return 0;
}

static int
look_at_all(struct family *f)
{
	DIR *folder = opendir("/proc");
	struct dirent *entry;
	struct process p;
	int status = 0;

	if (folder == NULL)
		return -1;
	while (status == 0 && (entry = readdir(folder)) != NULL)
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
		    process_look((pid_t)atoi(entry->d_name), &p))
			status = add(f, &p);
	(void)closedir(folder);
	return status;
}

static int
by_pid(const void *a, const void *b)
{
	const struct process *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

/* Whether the parent of a process is one of those marked. */
static bool
parent_in(const struct family *all, const bool *marked, const struct process *p)
{
	const struct process wanted = { .pid = p->parent };
	const struct process *found = all->n == 0
	    ? NULL
	    : bsearch(&wanted, all->at, all->n, sizeof wanted, by_pid);

	return found != NULL && marked[found - all->at];
}

static void
mark_family(const struct family *all, bool *marked, pid_t ancestor, pid_t group)
{
	bool more = true;

	while (more) {
		more = false;
		for (unsigned i = 0; i < all->n; i++) {
			const struct process *p = &all->at[i];

			if (marked[i] || p->pid == ancestor ||
			    !((group > 0 && p->group == group) ||
				p->parent == ancestor || parent_in(all, marked, p)))
				continue;
			marked[i] = more = true;
		}
	}
}

int
family_look(struct family *f, pid_t ancestor, pid_t group)
{
	struct family all = { 0 };
	int status = look_at_all(&all);
	bool *marked = calloc(all.n + 1, sizeof *marked);

	f->n = 0;
	if (marked == NULL)
		status = -1;
	if (status == 0 && all.n > 0) {
		qsort(all.at, all.n, sizeof *all.at, by_pid);
		mark_family(&all, marked, ancestor, group);
	}
	for (unsigned i = 0; i < all.n && status == 0; i++)
		if (marked[i] && all.at[i].state != 'Z' && all.at[i].state != 'X')
			status = add(f, &all.at[i]);
	free(marked);
	family_free(&all);
	return status;
}

void
family_free(struct family *f)
{
	free(f->at);
	*f = (struct family){ 0 };
}

uint64_t
process_moved(pid_t pid)
{
	char text[TEXT_MAX];
	unsigned long long in, out;

	return read_file(pid, "io", text, sizeof text) > 0 &&
		sscanf(text, "rchar: %llu wchar: %llu", &in, &out) == 2
	    ? in + out
	    : 0;
}

bool
process_holds(pid_t pid, dev_t device, ino_t inode)
{
	char path[64];
	struct stat status;
	struct dirent *entry;
	bool holds = false;
	DIR *folder;

	(void)snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	folder = opendir(path);
	if (folder == NULL)
		return false;
	while (!holds && (entry = readdir(folder)) != NULL)
		holds = fstatat(dirfd(folder), entry->d_name, &status, 0) == 0 &&
		    status.st_dev == device && status.st_ino == inode;
	(void)closedir(folder);
	return holds;
}

bool
process_has(pid_t pid, const char *assignment)
{
	char *text = malloc(ENVIRONMENT_MAX);
	bool found = false;
	ssize_t size;

	if (text == NULL)
		return false;
	size = read_file(pid, "environ", text, ENVIRONMENT_MAX);
	for (char *at = text; size > 0 && at < text + size; at += strlen(at) + 1)
		found = found || strcmp(at, assignment) == 0;
	free(text);
	return found;
}

void
process_pipes(
    pid_t pid, void (*each)(void *context, const struct pipe_end *end), void *context)
{
	char path[64], text[TEXT_MAX];
	struct stat status;
	struct dirent *entry;
	struct pipe_end end;
	unsigned flags;
	DIR *folder;

	(void)snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	folder = opendir(path);
	while (folder != NULL && (entry = readdir(folder)) != NULL) {
		if (fstatat(dirfd(folder), entry->d_name, &status, 0) != 0 ||
		    !S_ISFIFO(status.st_mode))
			continue;
		(void)snprintf(path, sizeof path, "fdinfo/%.16s", entry->d_name);
		if (read_file(pid, path, text, sizeof text) <= 0 ||
		    sscanf(text, "pos: %*d flags: %o", &flags) != 1)
			continue;
		end = (struct pipe_end){ .device = status.st_dev,
			.inode = status.st_ino,
			.reads = (flags & O_ACCMODE) != O_WRONLY,
			.writes = (flags & O_ACCMODE) != O_RDONLY };
		each(context, &end);
	}
	if (folder != NULL)
		(void)closedir(folder);
}
