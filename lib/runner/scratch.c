/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/epoch/body.h"
#include "lib/runner/audit.h"
#include "lib/runner/ledger.h"
#include "lib/state.h"
#include "lib/state/file.h"

enum { TRIES = 20, COPY = 1 << 16 };

/* --- Files ---------------------------------------------------------------------- */

static int
copy_bytes(const struct os *os, int from, int to)
{
	static char bytes[COPY];
	ssize_t n, done;

	while ((n = os->read(os, from, bytes, sizeof bytes)) != 0) {
		if (n < 0 && errno != EINTR)
			return -1;
		for (ssize_t at = 0; at < n; at += done) {
			done = os->write(os, to, bytes + at, (size_t)(n - at));
			if (done < 0 && errno != EINTR)
				return -1;
			done = done < 0 ? 0 : done;
		}
	}
	return 0;
}

/* Another name for a file, or a copy when that is elsewhere. -1 with errno. */
static int
take_file(const struct os *os, const char *from, const char *to)
{
	int in, out, status = -1, cause;

	(void)os->unlink(os, to);
	if (link(from, to) == 0)
		return 0;
	if (errno != EXDEV && errno != EPERM && errno != EMLINK)
		return -1;
	in = os->open(os, from, O_RDONLY, 0);
	if (in < 0)
		return -1;
	out = os->open(os, to, O_WRONLY | O_CREAT | O_TRUNC, 0666);
	if (out >= 0)
		status = copy_bytes(os, in, out);
	cause = errno;
	(void)os->close(os, in);
	if (out >= 0)
		(void)os->close(os, out);
	errno = cause;
	return status;
}

static int
make_folder(const struct os *os, const char *path, struct error *error)
{
	return os->mkdir(os, path, 0777) == 0 || errno == EEXIST
	    ? 0
	    : error_set(error, "cannot create %s: %s", path, strerror(errno));
}

int
scratch_committed(
    const struct audit *a, const char *id, char to[EPOCH_PATH_MAX], struct error *error)
{
	char name[EPOCH_ID_MAX + 16];

	(void)snprintf(name, sizeof name, "committed/%s", id);
	return epoch_file_path(to, a->scratch, name, error);
}

/* --- What is committed ---------------------------------------------------------- */

enum taking { TAKE_FAIL = -1, TAKEN, TAKE_AGAIN };

/* The snapshot of an epoch and all that it is based on. */
static enum taking
take_snapshots(struct audit *a, unsigned i, struct error *error)
{
	const char *id = a->topology.stage[i].id;
	char folder[EPOCH_PATH_MAX], from[EPOCH_PATH_MAX], to[STATE_PATH_MAX];
	uint64_t epoch, base;

	if (scratch_committed(a, id, folder, error) != 0 ||
	    make_folder(a->os, folder, error) != 0 ||
	    epoch_standing(a->os, a->dir, id, a->committed, &base, error) != 0)
		return TAKE_FAIL;
	a->standing[i] = base;
	if (a->topology.stage[i].source && base != a->committed)
		a->uneven = true;
	do {
		if (epoch_snapshot_path(from, a->dir, id, base, error) != 0 ||
		    state_epoch_path(to, folder, base, error) != 0)
			return TAKE_FAIL;
		if (take_file(a->os, from, to) != 0) {
			(void)error_set(
			    error, "cannot take %s: %s", from, strerror(errno));
			return errno == ENOENT ? TAKE_AGAIN : TAKE_FAIL;
		}
		if (state_peek(a->os, to, &epoch, &base) != 0) {
			(void)error_set(error, "cannot read %s: it is damaged", from);
			return TAKE_FAIL;
		}
	} while (base != epoch);
	return TAKEN;
}

static enum taking
take_all(struct audit *a, struct error *error)
{
	enum taking taking = TAKEN;
	int found = epoch_read_generation(a->os, a->dir, &a->generation, error);

	if (found == EPOCH_FOUND)
		found = epoch_read_topology(a->os, a->dir, &a->topology, error);
	if (found == EPOCH_MISSING)
		(void)error_set(
		    error, "%s is no folder of a pipeline that has begun", a->dir);
	if (found != EPOCH_FOUND ||
	    epoch_committed(
		a->os, a->dir, &a->generation, &a->topology, &a->committed, error) != 0)
		return TAKE_FAIL;
	a->uneven = false;
	for (unsigned i = 0; i < a->topology.n && taking == TAKEN; i++)
		taking = take_snapshots(a, i, error);
	return taking;
}

static int
make_scratch(struct audit *a, struct error *error)
{
	char path[EPOCH_PATH_MAX];

	if (a->options->scratch != NULL) {
		(void)snprintf(path, sizeof path, "%s", a->options->scratch);
		if (a->os->mkdir(a->os, path, 0777) != 0)
			return error_set(
			    error, "cannot create %s: %s", path, strerror(errno));
	} else {
		if (strlen(a->dir) + sizeof ".audit.XXXXXX" > sizeof path)
			return error_set(error, "the name of %s is too long", a->dir);
		memcpy(path, a->dir, strlen(a->dir) + 1);
		strcat(path, ".audit.XXXXXX");
		if (mkdtemp(path) == NULL)
			return error_set(error,
			    "cannot create a folder beside %s: %s (give --scratch)",
			    a->dir, strerror(errno));
	}
	if (realpath(path, a->scratch) == NULL)
		return error_set(error, "cannot find %s: %s", path, strerror(errno));
	return epoch_file_path(path, a->scratch, "committed", error) != 0 ||
		make_folder(a->os, path, error) != 0
	    ? -1
	    : 0;
}

int
scratch_make(struct audit *a, struct error *error)
{
	enum taking taking = TAKE_AGAIN;

	if (make_scratch(a, error) != 0)
		return -1;
	/* Stages of a pipeline that runs forget what is no longer needed. */
	for (unsigned i = 0; i < TRIES && taking == TAKE_AGAIN; i++)
		taking = take_all(a, error);
	if (taking != TAKEN)
		return -1;
	return a->committed == 0;
}

/* --- The beginning -------------------------------------------------------------- */

/* The body of a committed snapshot; the plain bytes before the filter's own are in the
 * newest file of a chain. */
static int
read_body(const struct audit *a, unsigned i, struct body *to, struct error *error)
{
	const char *id = a->topology.stage[i].id;
	char folder[EPOCH_PATH_MAX];
	enum state_trouble trouble;
	struct state_reader *r;
	int status;

	if (scratch_committed(a, id, folder, error) != 0)
		return -1;
	r = state_open_chain(a->os, folder, a->standing[i], NULL, &trouble, error);
	if (r == NULL)
		return -1;
	status = body_read(r, to) == 0
	    ? 0
	    : error_set(error, "the snapshot of %s is of another version", id);
	state_close(r);
	return status;
}

static int
write_until(const struct audit *a, const struct stage *s, const struct body *b,
    struct error *error)
{
	static char text[EPOCH_FILE_MAX];
	size_t room = sizeof text - 64, n = 0;
	char path[EPOCH_PATH_MAX];

	if (s->source)
		n = (size_t)snprintf(text, room,
		    "in %" PRIu64 "\ncontrol %" PRIu64 "\ncomplete %d\n",
		    b->counter[ACCOUNT_IN], b->counter[ACCOUNT_CONTROL],
		    a->generation.finished);
	for (unsigned i = 0; i < b->outputs && !a->generation.finished && n < room; i++)
		n += (size_t)snprintf(text + n, room - n, "output %" PRIu64 " %s\n",
		    b->output[i].size, b->output[i].name);
	if (n >= room)
		return error_set(
		    error, "the names of the outputs of %s are too long", s->id);
	return epoch_stage_file_path(path, a->scratch, s->id, "until", error) != 0
	    ? -1
	    : epoch_put(a->os, path, slice_of(text, n), false, error);
}

static int
prepare_stage(struct audit *a, unsigned i, struct body *b, struct error *error)
{
	const struct stage *s = &a->topology.stage[i];
	char from[EPOCH_PATH_MAX], to[EPOCH_PATH_MAX];

	if (read_body(a, i, b, error) != 0 ||
	    epoch_make_stage(a->os, a->scratch, s->id, error) != 0 ||
	    epoch_stage_file_path(from, a->dir, s->id, "origin.snap", error) != 0 ||
	    epoch_snapshot_path(to, a->scratch, s->id, 0, error) != 0)
		return -1;
	if (take_file(a->os, from, to) != 0)
		return error_set(error, "cannot take %s: %s", from, strerror(errno));
	if (s->source)
		a->records += b->counter[ACCOUNT_IN];
	return write_until(a, s, b, error);
}

static int
copy_quarantine(const struct audit *a, struct error *error)
{
	static char text[EPOCH_FILE_MAX];
	char path[EPOCH_PATH_MAX];
	int status;

	if (epoch_file_path(path, a->dir, "quarantine", error) != 0)
		return -1;
	status = epoch_get(a->os, path, text, error);
	if (status != EPOCH_FOUND)
		return status < 0 ? -1 : 0;
	return epoch_file_path(path, a->scratch, "quarantine", error) != 0
	    ? -1
	    : epoch_put(a->os, path, slice_text(text), false, error);
}

int
scratch_prepare(struct audit *a, struct error *error)
{
	/* One CUT, at the end. */
	const struct generation g = { .number = 1,
		.every_us = INT64_MAX / 4,
		.idle_us = INT64_MAX / 4,
		.audit = true };
	struct body *b = malloc(sizeof *b);
	int status = b == NULL ? error_set(error, "no memory") : 0;

	for (unsigned i = 0; i < a->topology.n && status == 0; i++)
		status = prepare_stage(a, i, b, error);
	free(b);
	if (status != 0 || copy_quarantine(a, error) != 0 ||
	    epoch_write_topology(a->os, a->scratch, &a->topology, error) != 0)
		return -1;
	return epoch_write_generation(a->os, a->scratch, &g, error);
}

static int
remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
	(void)status;
	(void)where;
	return type == FTW_DP ? rmdir(path) : unlink(path);
}

void
scratch_remove(struct audit *a)
{
	if (a->options->scratch == NULL && a->scratch[0] != '\0')
		(void)nftw(a->scratch, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
