/* SPDX-License-Identifier: MIT */
#include "lib/runner/first.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "lib/epoch.h"
#include "lib/runner/group.h"

bool
first_lacks_program(const struct os *os, const char *dir, struct error *error)
{
	char path[EPOCH_PATH_MAX], name[200];
	struct error ignored;
	ssize_t n;
	int fd;

	if (epoch_file_path(path, dir, GROUP_NOT_FOUND, &ignored) != 0)
		return false;
	fd = os->open(os, path, O_RDONLY, 0);
	if (fd < 0)
		return false;
	n = os->read(os, fd, name, sizeof name - 1);
	(void)os->close(os, fd);
	if (n <= 0)
		return false;
	name[n] = '\0';
	name[strcspn(name, "\n")] = '\0';
	(void)error_set(error,
	    "there is no program %s: mend the command, or the PATH, and start again",
	    name);
	return true;
}

/* --- first_forget --------------------------------------------------------------- */

struct sweep {
	const struct os *os;
	const char *folder;
	struct error *error;
	int status;
};

static int
path_below(struct sweep *s, char to[EPOCH_PATH_MAX], const char *name)
{
	int n = snprintf(to, EPOCH_PATH_MAX, "%s/%s", s->folder, name);

	if (n < EPOCH_PATH_MAX)
		return 0;
	s->status = error_set(s->error, "the name of %s is too long", s->folder);
	return -1;
}

static void
forget_file(void *context, const char *name)
{
	struct sweep *s = context;
	char path[EPOCH_PATH_MAX];

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
	    path_below(s, path, name) != 0)
		return;
	if (s->os->unlink(s->os, path) != 0 && errno != ENOENT)
		s->status =
		    error_set(s->error, "cannot remove %s: %s", path, strerror(errno));
}

static void
forget_stage(void *context, const char *name)
{
	struct sweep *s = context, inner = *s;
	char path[EPOCH_PATH_MAX];

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
	    path_below(s, path, name) != 0)
		return;
	inner.folder = path;
	if (s->os->list(s->os, path, forget_file, &inner) != 0)
		inner.status =
		    error_set(s->error, "cannot read %s: %s", path, strerror(errno));
	s->status = inner.status;
}

int
first_forget(const struct os *os, const char *dir, struct error *error)
{
	char path[EPOCH_PATH_MAX];
	struct sweep s = { .os = os, .folder = path, .error = error };

	if (epoch_file_path(path, dir, "stage", error) != 0)
		return -1;
	if (os->list(os, path, forget_stage, &s) != 0 && errno != ENOENT)
		return error_set(error, "cannot read %s: %s", path, strerror(errno));
	return s.status;
}
