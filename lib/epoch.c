/* SPDX-License-Identifier: MIT */
#include "lib/epoch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/hash.h"

#define ADVICE "(restore a backup of the folder, or start afresh in another one)"

bool
epoch_id_valid(struct slice id)
{
	if (id.size == 0 || id.size >= EPOCH_ID_MAX || id.at[0] == '.')
		return false;
	for (size_t i = 0; i < id.size; i++) {
		uint8_t c = id.at[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			(c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.'))
			return false;
	}
	return true;
}

/* What is there makes no sense: no other try will read it. */
static int
damaged(int status)
{
	errno = EBADMSG;
	return status;
}

/* --- Paths ---------------------------------------------------------------------- */

static int
path_fits(int size, const char *dir, struct error *error)
{
	return size >= 0 && size < EPOCH_PATH_MAX
	    ? 0
	    : error_set(error, "the name %.64s... is too long", dir);
}

int
epoch_file_path(
    char to[EPOCH_PATH_MAX], const char *dir, const char *name, struct error *error)
{
	return path_fits(snprintf(to, EPOCH_PATH_MAX, "%s/%s", dir, name), dir, error);
}

int
epoch_stage_path(
    char to[EPOCH_PATH_MAX], const char *dir, const char *id, struct error *error)
{
	return path_fits(
	    snprintf(to, EPOCH_PATH_MAX, "%s/stage/%s", dir, id), dir, error);
}

int
epoch_snapshot_path(char to[EPOCH_PATH_MAX], const char *dir, const char *id,
    uint64_t epoch, struct error *error)
{
	return path_fits(snprintf(to, EPOCH_PATH_MAX, "%s/stage/%s/%016" PRIx64 ".snap",
			     dir, id, epoch),
	    dir, error);
}

int
epoch_stage_file_path(char to[EPOCH_PATH_MAX], const char *dir, const char *id,
    const char *name, struct error *error)
{
	return path_fits(
	    snprintf(to, EPOCH_PATH_MAX, "%s/stage/%s/%s", dir, id, name), dir, error);
}

/* --- Small files ---------------------------------------------------------------- */

static int
write_whole(const struct os *os, int fd, struct slice bytes)
{
	ssize_t n;

	while (bytes.size > 0) {
		n = os->write(os, fd, bytes.at, bytes.size);
		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0)
			bytes = slice_from(bytes, (size_t)n);
	}
	return 0;
}

static int
sync_folder_of(const struct os *os, const char *path)
{
	char folder[EPOCH_PATH_MAX];
	const char *slash = strrchr(path, '/');
	int fd, status;

	(void)snprintf(folder, sizeof folder, "%.*s",
	    slash == NULL ? 1 : (int)(slash - path), slash == NULL ? "." : path);
	fd = os->open(os, folder, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return -1;
	status = os->sync(os, fd);
	(void)os->close(os, fd);
	return status;
}

int
epoch_put(const struct os *os, const char *path, struct slice text, bool durable,
    struct error *error)
{
	char beside[EPOCH_PATH_MAX + 8], sum[32];
	int fd, status = -1;

	assert(text.size + sizeof sum < EPOCH_FILE_MAX);
	(void)snprintf(beside, sizeof beside, "%s.new", path);
	(void)snprintf(sum, sizeof sum, "crc32c %08" PRIx32 "\n", hash_crc32c(0, text));
	fd = os->open(os, beside, O_WRONLY | O_CREAT | O_TRUNC, 0666);
	if (fd >= 0) {
		status = write_whole(os, fd, text);
		if (status == 0)
			status = write_whole(os, fd, slice_text(sum));
		if (status == 0 && durable)
			status = os->sync(os, fd);
		if (os->close(os, fd) != 0)
			status = -1;
	}
	if (status == 0)
		status = os->rename(os, beside, path);
	if (status == 0 && durable)
		status = sync_folder_of(os, path);
	return status == 0
	    ? 0
	    : error_set(error, "cannot write %s: %s", path, strerror(errno));
}

/* The bytes of a small file, terminated; -1 with errno, E2BIG when it is none. */
static ssize_t
read_whole(const struct os *os, const char *path, char to[EPOCH_FILE_MAX])
{
	int fd = os->open(os, path, O_RDONLY, 0);
	size_t size = 0;
	ssize_t n = 1;
	int cause;

	if (fd < 0)
		return -1;
	while (n != 0 && size < EPOCH_FILE_MAX - 1) {
		n = os->read(os, fd, to + size, EPOCH_FILE_MAX - 1 - size);
		if (n < 0 && errno != EINTR)
			break;
		if (n > 0)
			size += (size_t)n;
	}
	cause = n != 0 && n > 0 ? E2BIG : errno;
	(void)os->close(os, fd);
	errno = cause;
	to[size] = '\0';
	return n == 0 ? (ssize_t)size : -1;
}

int
epoch_get(
    const struct os *os, const char *path, char to[EPOCH_FILE_MAX], struct error *error)
{
	enum { SUM = sizeof "crc32c 00000000\n" - 1 };
	ssize_t size = read_whole(os, path, to);
	char sum[SUM + 1];

	if (size < 0 && errno == ENOENT)
		return EPOCH_MISSING;
	if (size < 0)
		return error_set(error, "cannot read %s: %s", path, strerror(errno));
	if (size >= SUM) {
		(void)snprintf(sum, sizeof sum, "crc32c %08" PRIx32 "\n",
		    hash_crc32c(0, slice_of(to, (size_t)size - SUM)));
		if (memcmp(to + size - SUM, sum, SUM) == 0) {
			to[size - SUM] = '\0';
			return EPOCH_FOUND;
		}
	}
	return damaged(error_set(error,
	    "cannot read %s: checksum mismatch in %zd bytes " ADVICE, path, size));
}

/* The lines of a small file, one word after another. */
struct lines {
	char *next;
};

/* The key and the value of the next line; false at the end. */
static bool
next_line(struct lines *l, const char **key, const char **value)
{
	char *end = strchr(l->next, '\n'), *space;

	if (end == NULL)
		return false;
	*end = '\0';
	*key = l->next;
	space = strchr(l->next, ' ');
	*value = end;
	if (space != NULL) {
		*space = '\0';
		*value = space + 1;
	}
	l->next = end + 1;
	return true;
}

static uint64_t
number(const char *text, int base)
{
	return strtoull(text, NULL, base);
}

/* --- The generation ------------------------------------------------------------- */

int
epoch_write_generation(const struct os *os, const char *dir, const struct generation *g,
    struct error *error)
{
	char path[EPOCH_PATH_MAX], text[512];
	int n;

	if (epoch_file_path(path, dir, "generation", error) != 0)
		return -1;
	n = snprintf(text, sizeof text,
	    "generation %" PRIu64 "\nrestore %016" PRIx64 "\nevery_us %" PRId64
	    "\nidle_us %" PRId64 "\nfinished %d\naudit %d\n",
	    g->number, g->restore, g->every_us, g->idle_us, g->finished, g->audit);
	return epoch_put(os, path, slice_of(text, (size_t)n), true, error);
}

int
epoch_read_generation(
    const struct os *os, const char *dir, struct generation *g, struct error *error)
{
	char path[EPOCH_PATH_MAX], text[EPOCH_FILE_MAX];
	struct lines l = { text };
	const char *key, *value;
	int status;

	*g = (struct generation){ 0 };
	if (epoch_file_path(path, dir, "generation", error) != 0)
		return -1;
	status = epoch_get(os, path, text, error);
	if (status != EPOCH_FOUND)
		return status;
	while (next_line(&l, &key, &value)) {
		if (strcmp(key, "generation") == 0)
			g->number = number(value, 10);
		else if (strcmp(key, "restore") == 0)
			g->restore = number(value, 16);
		else if (strcmp(key, "every_us") == 0)
			g->every_us = (int64_t)number(value, 10);
		else if (strcmp(key, "idle_us") == 0)
			g->idle_us = (int64_t)number(value, 10);
		else if (strcmp(key, "finished") == 0)
			g->finished = strcmp(value, "1") == 0;
		else if (strcmp(key, "audit") == 0)
			g->audit = strcmp(value, "1") == 0;
	}
	if (g->number == 0 || g->number >> 32 != 0 || g->every_us <= 0 ||
	    epoch_generation(g->restore) >= g->number)
		return damaged(error_set(error, "%s makes no sense " ADVICE, path));
	return EPOCH_FOUND;
}

/* --- Stages --------------------------------------------------------------------- */

static size_t
put_stage(char *to, size_t size, const struct stage *s)
{
	size_t n = (size_t)snprintf(to, size, "stage %s\n%s%s%s", s->id,
	    s->source ? "source\n" : "", s->sink ? "sink\n" : "",
	    s->foreign ? "foreign\n" : "");

	for (unsigned i = 0; i < s->inputs; i++)
		n += (size_t)snprintf(to + n, size - n, "input %s\n", s->input[i]);
	return n;
}

/* Take one line in; false when it is none of a stage's, or there are too many. */
static bool
take_stage(struct topology *t, const char *key, const char *value)
{
	struct stage *s;

	if (strcmp(key, "stage") == 0) {
		if (t->n == EPOCH_STAGES_MAX || !epoch_id_valid(slice_text(value)))
			return false;
		s = &t->stage[t->n++];
		*s = (struct stage){ 0 };
		(void)snprintf(s->id, sizeof s->id, "%s", value);
		return true;
	}
	if (t->n == 0)
		return false;
	s = &t->stage[t->n - 1];
	if (strcmp(key, "source") == 0)
		s->source = true;
	else if (strcmp(key, "sink") == 0)
		s->sink = true;
	else if (strcmp(key, "foreign") == 0)
		s->foreign = true;
	else if (strcmp(key, "generation") == 0)
		s->generation = number(value, 10);
	else if (strcmp(key, "pid") == 0)
		s->pid = (int64_t)number(value, 10);
	else if (strcmp(key, "input") != 0 || s->inputs == EPOCH_INPUTS_MAX ||
	    !epoch_id_valid(slice_text(value)))
		return false;
	else
		(void)snprintf(s->input[s->inputs++], EPOCH_ID_MAX, "%s", value);
	return true;
}

static int
read_stages(
    const struct os *os, const char *path, struct topology *t, struct error *error)
{
	char text[EPOCH_FILE_MAX];
	struct lines l = { text };
	const char *key, *value;
	int status = epoch_get(os, path, text, error);

	if (status != EPOCH_FOUND)
		return status;
	while (next_line(&l, &key, &value))
		if (!take_stage(t, key, value))
			return damaged(error_set(
			    error, "%s: '%s' makes no sense " ADVICE, path, key));
	return EPOCH_FOUND;
}

int
epoch_write_topology(
    const struct os *os, const char *dir, const struct topology *t, struct error *error)
{
	char path[EPOCH_PATH_MAX], text[EPOCH_FILE_MAX - 64];
	size_t n = 0;

	if (epoch_file_path(path, dir, "topology", error) != 0)
		return -1;
	for (unsigned i = 0; i < t->n; i++) {
		if (sizeof text - n < (EPOCH_INPUTS_MAX + 3) * (EPOCH_ID_MAX + 8))
			return error_set(error, "%s would be too long", path);
		n += put_stage(text + n, sizeof text - n, &t->stage[i]);
	}
	return epoch_put(os, path, slice_of(text, n), true, error);
}

int
epoch_read_topology(
    const struct os *os, const char *dir, struct topology *t, struct error *error)
{
	char path[EPOCH_PATH_MAX];

	t->n = 0;
	return epoch_file_path(path, dir, "topology", error) != 0
	    ? -1
	    : read_stages(os, path, t, error);
}

static int
make_folder(const struct os *os, const char *path, struct error *error)
{
	return os->mkdir(os, path, 0777) == 0 || errno == EEXIST
	    ? 0
	    : error_set(error, "cannot create %s: %s", path, strerror(errno));
}

int
epoch_make_stage(
    const struct os *os, const char *dir, const char *id, struct error *error)
{
	char path[EPOCH_PATH_MAX];

	return epoch_file_path(path, dir, "stage", error) != 0 ||
		make_folder(os, path, error) != 0 ||
		epoch_stage_path(path, dir, id, error) != 0 ||
		make_folder(os, path, error) != 0
	    ? -1
	    : 0;
}

int
epoch_write_member(
    const struct os *os, const char *dir, const struct stage *s, struct error *error)
{
	char path[EPOCH_PATH_MAX], text[4096];
	size_t n;

	assert(epoch_id_valid(slice_text(s->id)));
	if (epoch_stage_file_path(path, dir, s->id, "member", error) != 0)
		return -1;
	n = put_stage(text, sizeof text, s);
	n += (size_t)snprintf(text + n, sizeof text - n,
	    "generation %" PRIu64 "\npid %" PRId64 "\n", s->generation, s->pid);
	return epoch_put(os, path, slice_of(text, n), false, error);
}

struct folder {
	unsigned n;
	bool too_many;
	char name[EPOCH_STAGES_MAX][EPOCH_ID_MAX];
};

static void
note_stage(void *context, const char *name)
{
	struct folder *f = context;

	if (!epoch_id_valid(slice_text(name)))
		return;
	f->too_many = f->too_many || f->n == EPOCH_STAGES_MAX;
	if (!f->too_many)
		(void)snprintf(f->name[f->n++], EPOCH_ID_MAX, "%s", name);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

int
epoch_read_members(const struct os *os, const char *dir, uint64_t generation,
    struct topology *t, struct error *error)
{
	struct folder f = { 0 };
	char path[EPOCH_PATH_MAX];
	unsigned before;
	int status;

	t->n = 0;
	if (epoch_file_path(path, dir, "stage", error) != 0)
		return -1;
	if (os->list(os, path, note_stage, &f) != 0 && errno != ENOENT)
		return error_set(error, "cannot list %s: %s", path, strerror(errno));
	if (f.too_many)
		return error_set(
		    error, "%s has more than %d stages", path, EPOCH_STAGES_MAX);
	qsort(f.name, f.n, EPOCH_ID_MAX, by_name);
	for (unsigned i = 0; i < f.n; i++) {
		before = t->n;
		if (epoch_stage_file_path(path, dir, f.name[i], "member", error) != 0)
			return -1;
		status = read_stages(os, path, t, error);
		/* It is not synced: what a power cut left of one is of an earlier
		 * start, and one of an earlier start has not joined this one. */
		if (status < 0 && errno != EBADMSG)
			return -1;
		if (t->n > before &&
		    (status < 0 || t->stage[before].generation != generation))
			t->n = before;
	}
	return 0;
}

/* --- END and votes -------------------------------------------------------------- */

int
epoch_write_done(const struct os *os, const char *dir, const char *id,
    const struct done *done, struct error *error)
{
	char path[EPOCH_PATH_MAX], text[128];
	int n = snprintf(text, sizeof text,
	    "generation %" PRIu64 "\nepoch %016" PRIx64 "\n%s", done->generation,
	    done->epoch, done->rejecting ? "rejecting\n" : "");

	return epoch_stage_file_path(path, dir, id, "done", error) != 0
	    ? -1
	    : epoch_put(os, path, slice_of(text, (size_t)n), true, error);
}

int
epoch_read_done(const struct os *os, const char *dir, const char *id, struct done *done,
    struct error *error)
{
	char path[EPOCH_PATH_MAX], text[EPOCH_FILE_MAX];
	struct lines l = { text };
	const char *key, *value;
	int status;

	*done = (struct done){ 0 };
	if (epoch_stage_file_path(path, dir, id, "done", error) != 0)
		return -1;
	status = epoch_get(os, path, text, error);
	while (status == EPOCH_FOUND && next_line(&l, &key, &value)) {
		if (strcmp(key, "generation") == 0)
			done->generation = number(value, 10);
		else if (strcmp(key, "epoch") == 0)
			done->epoch = number(value, 16);
		else if (strcmp(key, "rejecting") == 0)
			done->rejecting = true;
	}
	return status;
}

int
epoch_standing(const struct os *os, const char *dir, const char *id, uint64_t epoch,
    uint64_t *standing, struct error *error)
{
	char path[EPOCH_PATH_MAX];
	struct stat status;
	struct done done;

	*standing = epoch;
	if (epoch_snapshot_path(path, dir, id, epoch, error) != 0)
		return -1;
	if (os->stat_path(os, path, &status) == 0)
		return 0;
	if (errno != ENOENT)
		return error_set(error, "cannot look at %s: %s", path, strerror(errno));
	if (epoch_read_done(os, dir, id, &done, error) < 0)
		return -1;
	/* An END of another generation says nothing of this epoch. */
	if (done.generation == epoch_generation(epoch) && done.epoch < epoch)
		*standing = done.epoch;
	return 0;
}

static int
waiting_path(char to[EPOCH_PATH_MAX], const char *dir, int64_t pid)
{
	char name[48];
	struct error ignored;

	(void)snprintf(name, sizeof name, "waiting/%" PRId64, pid);
	return epoch_file_path(to, dir, name, &ignored);
}

void
epoch_write_waiting(
    const struct os *os, const char *dir, int64_t pid, uint64_t generation)
{
	char path[EPOCH_PATH_MAX], text[48];
	struct error ignored;
	int n = snprintf(text, sizeof text, "generation %" PRIu64 "\n", generation);

	if (epoch_file_path(path, dir, "waiting", &ignored) == 0)
		(void)os->mkdir(os, path, 0777);
	if (waiting_path(path, dir, pid) == 0)
		(void)epoch_put(os, path, slice_of(text, (size_t)n), false, &ignored);
}

void
epoch_remove_waiting(const struct os *os, const char *dir, int64_t pid)
{
	char path[EPOCH_PATH_MAX];

	if (waiting_path(path, dir, pid) == 0)
		(void)os->unlink(os, path);
}

struct waiting {
	const struct os *os;
	const char *dir;
};

static void
clear_one(void *context, const char *name)
{
	const struct waiting *w = context;
	char path[EPOCH_PATH_MAX];

	if (name[0] != '.' &&
	    snprintf(path, sizeof path, "%s/waiting/%s", w->dir, name) <
		(int)sizeof path)
		(void)w->os->unlink(w->os, path);
}

void
epoch_clear_waiting(const struct os *os, const char *dir)
{
	struct waiting w = { os, dir };
	char path[EPOCH_PATH_MAX];
	struct error ignored;

	if (epoch_file_path(path, dir, "waiting", &ignored) == 0)
		(void)os->list(os, path, clear_one, &w);
}

bool
epoch_is_waiting(const struct os *os, const char *dir, int64_t pid, uint64_t generation)
{
	static const char key[] = "generation ";
	char path[EPOCH_PATH_MAX], text[EPOCH_FILE_MAX];
	struct error ignored;

	return waiting_path(path, dir, pid) == 0 &&
	    epoch_get(os, path, text, &ignored) == EPOCH_FOUND &&
	    strncmp(text, key, sizeof key - 1) == 0 &&
	    number(text + sizeof key - 1, 10) == generation;
}

int
epoch_write_committed(
    const struct os *os, const char *dir, uint64_t epoch, struct error *error)
{
	char path[EPOCH_PATH_MAX], text[64];
	int n = snprintf(text, sizeof text, "epoch %016" PRIx64 "\n", epoch);

	return epoch_file_path(path, dir, "committed", error) != 0
	    ? -1
	    : epoch_put(os, path, slice_of(text, (size_t)n), false, error);
}

uint64_t
epoch_read_committed(const struct os *os, const char *dir)
{
	char path[EPOCH_PATH_MAX], text[EPOCH_FILE_MAX];
	struct error ignored;

	if (epoch_file_path(path, dir, "committed", &ignored) != 0 ||
	    epoch_get(os, path, text, &ignored) != EPOCH_FOUND ||
	    strncmp(text, "epoch ", 6) != 0)
		return 0;
	return number(text + 6, 16);
}

struct newest {
	uint64_t generation, epoch;
};

static void
note_snapshot(void *context, const char *name)
{
	struct newest *n = context;
	uint64_t epoch;

	if (strlen(name) != 16 + 5 || strspn(name, "0123456789abcdef") != 16 ||
	    strcmp(name + 16, ".snap") != 0)
		return;
	epoch = number(name, 16);
	if (epoch_generation(epoch) == n->generation && epoch > n->epoch)
		n->epoch = epoch;
}

int
epoch_voted(const struct os *os, const char *dir, const char *id, uint64_t generation,
    uint64_t *epoch, struct error *error)
{
	struct newest newest = { .generation = generation };
	char path[EPOCH_PATH_MAX];

	if (epoch_stage_path(path, dir, id, error) != 0)
		return -1;
	if (os->list(os, path, note_snapshot, &newest) != 0 && errno != ENOENT)
		return error_set(error, "cannot list %s: %s", path, strerror(errno));
	*epoch = newest.epoch;
	return 0;
}

int
epoch_committed(const struct os *os, const char *dir, const struct generation *g,
    const struct topology *t, uint64_t *epoch, struct error *error)
{
	uint64_t least = UINT64_MAX, vote;

	for (unsigned i = 0; i < t->n; i++) {
		if (!t->stage[i].sink)
			continue;
		if (epoch_voted(os, dir, t->stage[i].id, g->number, &vote, error) != 0)
			return -1;
		/* What an older generation said is void. */
		if (vote == 0)
			vote = g->restore;
		if (vote < least)
			least = vote;
	}
	*epoch = least == UINT64_MAX ? g->restore : least;
	return 0;
}
