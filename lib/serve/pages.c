/* SPDX-License-Identifier: MIT */
#include "lib/serve/pages.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct pages {
	const struct os *os; /* while they are read, as these three are */
	const char *folder;
	struct error *error;
	bool failed;

	unsigned n;
	struct page page[PAGES_MAX];
	uint8_t *bytes[PAGES_MAX]; /* owned; their bodies */
};

static const struct {
	const char *ending, *type;
} types[] = {
	{ ".html", "text/html; charset=utf-8" },
	{ ".css", "text/css; charset=utf-8" },
	{ ".js", "text/javascript; charset=utf-8" },
	{ ".json", "application/json" },
	{ ".svg", "image/svg+xml" },
	{ ".png", "image/png" },
	{ ".jpg", "image/jpeg" },
	{ ".webp", "image/webp" },
	{ ".ico", "image/x-icon" },
	{ ".txt", "text/plain; charset=utf-8" },
};

static const char *
type_of(const char *name)
{
	const char *dot = strrchr(name, '.');

	for (unsigned i = 0; dot != NULL && i < sizeof types / sizeof *types; i++)
		if (strcmp(dot, types[i].ending) == 0)
			return types[i].type;
	return NULL;
}

static void
fail(struct pages *p, const char *path, const char *why)
{
	p->failed = true;
	(void)error_set(p->error, "%s: %s", path, why);
}

/* At most `room` bytes: how many, or -1. */
static ssize_t
read_all(const struct os *os, const char *path, uint8_t *to, size_t room)
{
	int fd = os->open(os, path, O_RDONLY | O_CLOEXEC, 0);
	ssize_t got = 1;
	size_t size = 0;

	if (fd < 0)
		return -1;
	while (size < room && got > 0) {
		got = os->read(os, fd, to + size, room - size);
		size += got > 0 ? (size_t)got : 0;
	}
	(void)os->close(os, fd);
	return got < 0 ? -1 : (ssize_t)size;
}

static void
take_file(struct pages *p, const char *name, const char *path, size_t room)
{
	struct page *page = &p->page[p->n];
	uint8_t *bytes = malloc(room);
	ssize_t size;

	if (bytes == NULL) {
		fail(p, path, "no memory");
		return;
	}
	p->bytes[p->n++] = bytes;
	size = read_all(p->os, path, bytes, room);
	if (size < 0)
		fail(p, path, strerror(errno));
	else if (size > PAGES_FILE_MAX)
		fail(p, path, "more than 256 KiB");
	else if ((size_t)size == room)
		fail(p, path, "it is being written");
	memcpy(page->name, name, strlen(name) + 1);
	page->type = type_of(name);
	page->body = slice_of(bytes, size > 0 ? (size_t)size : 0);
}

static void
take_entry(void *context, const char *name)
{
	struct pages *p = context;
	char path[PATH_MAX];
	struct stat about;

	if (p->failed || name[0] == '.')
		return;
	if (strlen(name) >= PAGES_NAME_MAX ||
	    snprintf(path, sizeof path, "%s/%s", p->folder, name) >= (int)sizeof path)
		fail(p, name, "its name is too long");
	else if (p->os->stat_path(p->os, path, &about) != 0)
		fail(p, path, strerror(errno));
	else if (!S_ISREG(about.st_mode))
		return;
	else if (p->n == PAGES_MAX)
		fail(p, p->folder, "more than 64 files");
	else if (type_of(name) == NULL)
		fail(p, path, "its ending is of no known type (.html, .css, .js, ...)");
	else if (about.st_size > PAGES_FILE_MAX)
		fail(p, path, "more than 256 KiB");
	else /* it may have grown by now */
		take_file(p, name, path, (size_t)about.st_size + 1);
}

struct pages *
pages_read(const struct os *os, const char *folder, struct error *error)
{
	struct pages *p = calloc(1, sizeof *p);

	if (p == NULL) {
		(void)error_set(error, "no memory for pages");
		return NULL;
	}
	p->os = os;
	p->folder = folder;
	p->error = error;
	if (os->list(os, folder, take_entry, p) != 0 && !p->failed)
		fail(p, folder, strerror(errno));
	if (!p->failed)
		return p;
	pages_free(p);
	return NULL;
}

void
pages_free(struct pages *p)
{
	for (unsigned i = 0; p != NULL && i < p->n; i++)
		free(p->bytes[i]);
	free(p);
}

const struct page *
pages_find(const struct pages *p, struct slice path)
{
	struct slice name =
	    path.size > 1 ? slice_from(path, 1) : slice_text("index.html");

	if (path.size == 0 || path.at[0] != '/')
		return NULL;
	for (unsigned i = 0; p != NULL && i < p->n; i++)
		if (slice_is(name, p->page[i].name))
			return &p->page[i];
	return NULL;
}
