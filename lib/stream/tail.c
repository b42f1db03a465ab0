/* SPDX-License-Identifier: MIT */
#include "lib/stream/tail.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/assert.h"
#include "lib/hash.h"

enum { PATH_SIZE = 4096 };

/* A file that is read, and where. */
struct place {
	int fd; /* -1: none */
	uint64_t device, inode;
	uint64_t offset;
};

struct tail {
	struct source source; /* first: a source is cast back */
	const struct os *os;
	const char *path;
	bool allow_truncate;
	struct place now;
	uint8_t last[TAIL_LAST]; /* the bytes before now.offset */
	size_t last_size;
	bool idle;           /* the last read came to the end of the file */
	bool ended;          /* the file's last line was given its newline */
	uint64_t given;      /* bytes of the current file, its added newline included */
	struct place before; /* the file that was left */
	bool before_ended;   /* its last line was given a newline */
	struct tail_events events; /* what is NULL is not told */
};

/* --- Files ---------------------------------------------------------------------- */

static int
fail_file(const struct tail *t, const char *what, struct error *error)
{
	return error_set(error, "cannot %s %s at byte %" PRIu64 ": %s", what, t->path,
	    t->now.offset, strerror(errno));
}

static bool
is_same(const struct place *p, const struct stat *s)
{
	return p->device == (uint64_t)s->st_dev && p->inode == (uint64_t)s->st_ino;
}

static int64_t
written_us(const struct stat *s)
{
	return (int64_t)s->st_mtim.tv_sec * 1000000 + s->st_mtim.tv_nsec / 1000;
}

/* Open a regular file. 1: there is none of that name. */
static int
open_place(
    const struct tail *t, const char *path, struct place *to, struct error *error)
{
	struct stat s;

	*to = (struct place){ .fd = t->os->open(t->os, path, O_RDONLY, 0) };
	if (to->fd < 0 && errno == ENOENT)
		return 1;
	if (to->fd < 0)
		return error_set(error, "cannot open %s: %s", path, strerror(errno));
	if (t->os->stat(t->os, to->fd, &s) != 0 || !S_ISREG(s.st_mode)) {
		(void)t->os->close(t->os, to->fd);
		return error_set(
		    error, "cannot follow %s: it is no regular file", path);
	}
	to->device = (uint64_t)s.st_dev;
	to->inode = (uint64_t)s.st_ino;
	return 0;
}

static void
close_place(const struct tail *t, struct place *p)
{
	if (p->fd >= 0)
		(void)t->os->close(t->os, p->fd);
	p->fd = -1;
}

/* Read exactly `size` bytes at the offset. False when the file has them not (errno is
 * then 0) or cannot be read. */
static bool
read_at(const struct tail *t, int fd, uint64_t offset, uint8_t *to, size_t size)
{
	ssize_t n;

	if (t->os->seek(t->os, fd, (off_t)offset, SEEK_SET) < 0)
		return false;
	for (size_t at = 0; at < size; at += (size_t)n) {
		n = t->os->read(t->os, fd, to + at, size - at);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n < 0)
			return false;
		else if (n == 0) {
			errno = 0;
			return false;
		}
	}
	return true;
}

static uint64_t
least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* What identifies the file up to the place; the descriptor is left somewhere. */
static bool
identify(const struct tail *t, const struct place *p, struct tail_position *to)
{
	uint8_t bytes[TAIL_HEAD];
	size_t head = (size_t)least(p->offset, TAIL_HEAD);
	size_t last = (size_t)least(p->offset, TAIL_LAST);

	*to = (struct tail_position){ p->device, p->inode, p->offset, 0, 0 };
	if (!read_at(t, p->fd, 0, bytes, head))
		return false;
	to->head_hash = hash_bytes(slice_of(bytes, head), 0);
	if (!read_at(t, p->fd, p->offset - last, bytes, last))
		return false;
	to->last_hash = hash_bytes(slice_of(bytes, last), 0);
	return true;
}

/* Whether the file has the bytes that the position was made of; errno is not 0 when
 * that is not known. */
static bool
agrees(const struct tail *t, struct place *p, const struct tail_position *with)
{
	struct tail_position is;

	p->offset = with->offset;
	if (!identify(t, p, &is))
		return false;
	errno = 0;
	return is.head_hash == with->head_hash && is.last_hash == with->last_hash;
}

/* --- Rotated files -------------------------------------------------------------- */

/* Looks through the folder of the path for its rotated files. */
struct search {
	const struct tail *t;
	const char *base;      /* the path's last part */
	char name[PATH_SIZE];  /* of the best file so far; "" for none */
	int64_t name_us;       /* when that was last written to */
	int64_t after_us;      /* successors: of files written to after this */
	char after[PATH_SIZE]; /* and, at the same time, named later than this */
	const struct tail_position *wanted; /* predecessor: the file of this position */
	bool exact;                         /* it has the inode, too */
	struct error unknown;               /* why a file could not be looked at */
};

/* "" of "access.log", ".1" of "access.log.1", NULL of a name that is none of these. */
static const char *
suffix_of(const struct search *s, const char *name)
{
	size_t size = strlen(s->base);

	if (strncmp(name, s->base, size) != 0)
		return NULL;
	name += size;
	if (*name == '\0')
		return name;
	if ((name[0] != '.' && name[0] != '-') || name[1] < '0' || name[1] > '9')
		return NULL;
	return name[strspn(name, "0123456789.-_T:Z")] == '\0' ? name : NULL;
}

/* Whether a was rotated before b: among counted files the higher number, among dated
 * ones the earlier date; the name itself is the last. */
static bool
is_earlier(const char *a, const char *b)
{
	bool counted = strlen(a) <= 4 && strlen(b) <= 4;

	if (*a == '\0' || *b == '\0')
		return *a != '\0' && *b == '\0';
	if (!counted)
		return strcmp(a, b) < 0;
	return strtol(a + 1, NULL, 10) > strtol(b + 1, NULL, 10);
}

static int
path_of(const struct tail *t, const char *base, const char *name, char to[PATH_SIZE])
{
	int n = snprintf(to, PATH_SIZE, "%.*s%s", (int)(base - t->path), t->path, name);

	return n < PATH_SIZE ? 0 : -1;
}

/* Keep the earliest file that comes after the current one. */
static void
consider_successor(void *context, const char *name)
{
	struct search *s = context;
	const char *suffix = suffix_of(s, name);
	char path[PATH_SIZE];
	struct stat status;
	int64_t us;

	if (suffix == NULL || path_of(s->t, s->base, name, path) != 0 ||
	    s->t->os->stat_path(s->t->os, path, &status) != 0 ||
	    !S_ISREG(status.st_mode) || is_same(&s->t->now, &status) ||
	    (s->t->before.fd >= 0 && is_same(&s->t->before, &status)))
		return;
	us = written_us(&status);
	if (*suffix != '\0' &&
	    (status.st_size == 0 || us < s->after_us ||
		(us == s->after_us && !is_earlier(s->after, suffix))))
		return;
	if (s->name[0] == '\0' || *suffix_of(s, s->name) == '\0' ||
	    (*suffix != '\0' &&
		(us < s->name_us ||
		    (us == s->name_us && is_earlier(suffix, suffix_of(s, s->name)))))) {
		(void)snprintf(s->name, sizeof s->name, "%s", name);
		s->name_us = us;
	}
}

/* Note under which name the current file lies now. */
static void
consider_own(void *context, const char *name)
{
	struct search *s = context;
	const char *suffix = suffix_of(s, name);
	char path[PATH_SIZE];
	struct stat status;

	if (suffix != NULL && path_of(s->t, s->base, name, path) == 0 &&
	    s->t->os->stat_path(s->t->os, path, &status) == 0 &&
	    is_same(&s->t->now, &status))
		(void)snprintf(s->after, sizeof s->after, "%s", suffix);
}

/* Keep a file that the wanted position is of; one of the same inode is better. */
static void
consider_wanted(void *context, const char *name)
{
	struct search *s = context;
	char path[PATH_SIZE];
	struct place place;
	bool exact;

	if (s->exact || suffix_of(s, name) == NULL ||
	    path_of(s->t, s->base, name, path) != 0 ||
	    open_place(s->t, path, &place, &s->unknown) != 0)
		return;
	exact = place.device == s->wanted->device && place.inode == s->wanted->inode;
	errno = 0;
	if ((exact || s->wanted->offset > 0) && agrees(s->t, &place, s->wanted)) {
		(void)snprintf(s->name, sizeof s->name, "%s", name);
		s->exact = exact;
	} else if (errno != 0) {
		(void)error_set(
		    &s->unknown, "cannot read %s: %s", path, strerror(errno));
	}
	close_place(s->t, &place);
}

static struct search *
search_new(const struct tail *t)
{
	struct search *s = calloc(1, sizeof *s);
	const char *slash = strrchr(t->path, '/');

	if (s != NULL) {
		s->t = t;
		s->base = slash != NULL ? slash + 1 : t->path;
	}
	return s;
}

static int
search(struct search *s, void (*consider)(void *context, const char *name),
    struct error *error)
{
	char folder[PATH_SIZE];

	if (s->base == s->t->path)
		(void)snprintf(folder, sizeof folder, ".");
	else
		(void)path_of(s->t, s->base, ".", folder);
	if (s->t->os->list(s->t->os, folder, consider, s) == 0)
		return 0;
	return error_set(error, "cannot look for rotated files of %s in %s: %s",
	    s->t->path, folder, strerror(errno));
}

/* The path of the file that follows the current one, "" for none. */
static int
find_successor(const struct tail *t, char to[PATH_SIZE], struct error *error)
{
	struct search *s = search_new(t);
	struct stat status;
	int result = -1;

	to[0] = '\0';
	if (s == NULL)
		return error_set(error, "no memory to look for rotated files");
	if (t->os->stat(t->os, t->now.fd, &status) != 0) {
		(void)fail_file(t, "look at", error);
	} else if (search(s, consider_own, error) == 0) {
		s->after_us = written_us(&status);
		result = search(s, consider_successor, error);
	}
	if (result == 0 && s->name[0] != '\0')
		result = path_of(t, s->base, s->name, to);
	free(s);
	return result;
}

/* --- Reading -------------------------------------------------------------------- */

static void
report_gap(struct tail *t, uint64_t from, uint64_t to, const char *reason)
{
	char text[160];
	const char *slash = strrchr(t->path, '/');

	(void)snprintf(text, sizeof text, "%.80s: %s",
	    slash != NULL ? slash + 1 : t->path, reason);
	if (t->events.gap != NULL)
		t->events.gap(t->events.context, from, to, text);
}

static void
report_start(struct tail *t)
{
	if (t->events.began != NULL)
		t->events.began(t->events.context);
}

/* Note the bytes that were read at the current offset. */
static void
advance(struct tail *t, const uint8_t *bytes, size_t size)
{
	size_t keep = size >= TAIL_LAST ? 0 : least(t->last_size, TAIL_LAST - size);

	memmove(t->last, t->last + t->last_size - keep, keep);
	memcpy(t->last + keep, bytes + size - (least(size, TAIL_LAST)),
	    least(size, TAIL_LAST));
	t->last_size = keep + least(size, TAIL_LAST);
	t->now.offset += size;
	t->given += size;
}

/* Give the unfinished last line of the current file a newline. False when it is none. */
static bool
end_line(struct tail *t, uint8_t *to)
{
	if (t->ended || t->last_size == 0 || t->last[t->last_size - 1] == '\n')
		return false;
	*to = '\n';
	t->ended = true;
	t->given++;
	return true;
}

/* Whether the file is no longer what it was before the current offset. */
static int
was_truncated(struct tail *t, struct error *error)
{
	uint8_t bytes[TAIL_LAST];
	struct stat s;

	if (t->os->stat(t->os, t->now.fd, &s) != 0)
		return fail_file(t, "look at", error);
	if ((uint64_t)s.st_size < t->now.offset)
		return 1;
	if ((uint64_t)s.st_size == t->now.offset)
		return 0;
	return !read_at(
		   t, t->now.fd, t->now.offset - t->last_size, bytes, t->last_size) ||
	    memcmp(bytes, t->last, t->last_size) != 0;
}

static int
restart_truncated(struct tail *t, struct error *error)
{
	if (!t->allow_truncate)
		return error_set(error,
		    "%s was truncated after byte %" PRIu64
		    " was read: lines may be lost (rotate by renaming instead of "
		    "copytruncate, or accept the loss with --allow-truncate)",
		    t->path, t->now.offset);
	report_gap(t, t->now.offset, t->now.offset, "truncated, lines may be lost");
	if (t->os->seek(t->os, t->now.fd, 0, SEEK_SET) < 0)
		return fail_file(t, "seek in", error);
	t->now.offset = t->given = 0;
	t->last_size = 0;
	t->ended = false;
	report_start(t);
	return 0;
}

/* The file that was left must not grow any more. */
static void
watch_before(struct tail *t)
{
	struct stat s;

	if (t->before.fd < 0 || t->os->stat(t->os, t->before.fd, &s) != 0 ||
	    (uint64_t)s.st_size <= t->before.offset)
		return;
	report_gap(t, t->before.offset, (uint64_t)s.st_size,
	    "a rotated file was written to after it was left");
	t->before.offset = (uint64_t)s.st_size;
}

/* At the end of the current file. 1: go on, with a successor or a last newline (then
 * *got is 1); 0: there is nothing now. */
static int
move_on(struct tail *t, uint8_t *to, size_t *got, struct error *error)
{
	char path[PATH_SIZE];
	struct place next;
	struct stat s;
	int64_t still;
	int status;

	watch_before(t);
	if (t->os->stat_path(t->os, t->path, &s) != 0 || is_same(&t->now, &s))
		return 0;
	if (find_successor(t, path, error) != 0)
		return -1;
	if (path[0] == '\0' || t->os->stat_path(t->os, path, &s) != 0 || s.st_size == 0)
		return 0;
	if (t->os->stat(t->os, t->now.fd, &s) != 0)
		return fail_file(t, "look at", error);
	still = t->os->wall_us(t->os) - written_us(&s);
	if ((uint64_t)s.st_size != t->now.offset ||
	    (still >= 0 && still < TAIL_GRACE_US))
		return 0;
	if (end_line(t, to)) {
		*got = 1;
		return 1;
	}
	status = open_place(t, path, &next, error);
	if (status != 0)
		return status < 0 ? -1 : 0;
	close_place(t, &t->before);
	t->before = t->now;
	t->before_ended = t->ended;
	t->now = next;
	t->last_size = 0;
	t->given = 0;
	t->ended = t->idle = false;
	report_start(t);
	return 1;
}

static ssize_t
tail_read(struct source *source, void *to, size_t size, struct error *error)
{
	struct tail *t = (struct tail *)source;
	size_t got = 0;
	ssize_t n;
	int status;

	if (t->now.fd < 0) {
		status = open_place(t, t->path, &t->now, error);
		if (status != 0)
			return status > 0 ? SOURCE_NOTHING : -1;
		t->last_size = 0;
	}
	for (;;) {
		status = t->idle ? was_truncated(t, error) : 0;
		if (status == 1 && t->allow_truncate && end_line(t, to))
			return 1;
		if (status < 0 || (status == 1 && restart_truncated(t, error) != 0))
			return -1;
		if (t->idle &&
		    t->os->seek(t->os, t->now.fd, (off_t)t->now.offset, SEEK_SET) < 0)
			return fail_file(t, "seek in", error);
		n = t->os->read(t->os, t->now.fd, to, size);
		if (n > 0) {
			advance(t, to, (size_t)n);
			t->idle = t->ended = false;
			return n;
		}
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return fail_file(t, "read", error);
		t->idle = true;
		status = n < 0 ? 0 : move_on(t, to, &got, error);
		if (status < 0)
			return -1;
		if (status == 0)
			return SOURCE_NOTHING;
		if (got > 0)
			return (ssize_t)got;
	}
}

static void
tail_free(struct source *source)
{
	struct tail *t = (struct tail *)source;

	close_place(t, &t->now);
	close_place(t, &t->before);
	free(t);
}

struct tail *
tail_new(
    const struct os *os, const char *path, bool allow_truncate, struct error *error)
{
	struct tail *t = calloc(1, sizeof *t);

	if (t == NULL || strlen(path) >= PATH_SIZE / 2) {
		free(t);
		(void)error_set(error, "cannot follow %.80s: %s", path,
		    t == NULL ? "no memory" : "the name is too long");
		return NULL;
	}
	t->source = (struct source){ .read = tail_read,
		.free = tail_free,
		.wait_fd = -1,
		.wait_ms = TAIL_POLL_MS };
	t->os = os;
	t->path = path;
	t->allow_truncate = allow_truncate;
	t->now.fd = t->before.fd = -1;
	return t;
}

struct source *
tail_source(struct tail *t)
{
	return &t->source;
}

void
tail_listen(struct tail *t, const struct tail_events *events)
{
	t->events = *events;
}

/* --- Positions ------------------------------------------------------------------ */

int
tail_tell(
    struct tail *t, uint64_t unread, struct tail_position *to, struct error *error)
{
	struct place place = t->now;
	uint64_t back = unread;
	bool added = t->ended;

	*to = (struct tail_position){ 0 };
	/* Nothing was read, but it is this file that will be, also when it is rotated
	 * before the next start. */
	if (t->now.fd < 0) {
		int status = open_place(t, t->path, &t->now, error);

		if (status != 0)
			return status > 0 ? 0 : -1;
		t->last_size = 0;
		place = t->now;
	}
	if (unread > t->given && t->before.fd >= 0) {
		back = unread - t->given;
		place = t->before;
		added = t->before_ended;
	}
	/* The newline that was added is in no file. */
	if (added && back > 0)
		back--;
	assert(back <= place.offset);
	place.offset -= back;
	if (!identify(t, &place, to))
		return fail_file(t, "read again", error);
	if (t->os->seek(t->os, t->now.fd, (off_t)t->now.offset, SEEK_SET) < 0)
		return fail_file(t, "seek in", error);
	return 0;
}

/* Begin at the place with what is before it. */
static int
begin_at(struct tail *t, const struct place *place, struct error *error)
{
	t->now = *place;
	t->last_size = (size_t)least(place->offset, TAIL_LAST);
	if (!read_at(t, t->now.fd, place->offset - t->last_size, t->last, t->last_size))
		return fail_file(t, "read again", error);
	return 0;
}

int
tail_resume(struct tail *t, const struct tail_position *from, struct error *error)
{
	struct search *s;
	struct place place;
	struct stat status;
	char path[PATH_SIZE];
	bool copied;
	int result;

	assert(t->now.fd < 0);
	if (from->inode == 0)
		return 0;
	s = search_new(t);
	if (s == NULL)
		return error_set(error, "no memory to look for rotated files");
	s->wanted = from;
	result = search(s, consider_wanted, error);
	if (result == 0 && s->name[0] == '\0' && s->unknown.text[0] != '\0')
		result = error_set(error, "%s", s->unknown.text);
	/* The same file with other bytes, and its bytes elsewhere: copytruncate. */
	copied = result == 0 && !s->exact &&
	    t->os->stat_path(t->os, t->path, &status) == 0 &&
	    (uint64_t)status.st_dev == from->device &&
	    (uint64_t)status.st_ino == from->inode;
	if (result == 0 && (s->name[0] == '\0' || copied) && !t->allow_truncate)
		result = error_set(error,
		    "%s was read up to byte %" PRIu64 ", but %s (%s, or go on after a "
		    "loss with --allow-truncate)",
		    t->path, from->offset,
		    copied ? "was truncated since"
			   : "that file is not found under this name or a rotated one",
		    copied ? "rotate by renaming instead of copytruncate"
			   : "uncompress or move it back");
	if (result == 0 && (s->name[0] == '\0' || copied))
		report_gap(t, from->offset, from->offset,
		    copied ? "truncated since the last run, lines may be lost"
			   : "the file of the last run is gone, lines may be lost");
	if (result == 0 && s->name[0] != '\0' &&
	    (result = path_of(t, s->base, s->name, path)) == 0 &&
	    (result = open_place(t, path, &place, error)) == 0) {
		place.offset = from->offset;
		result = begin_at(t, &place, error);
	}
	free(s);
	return result > 0 ? error_set(error, "%s went away", path) : result;
}
