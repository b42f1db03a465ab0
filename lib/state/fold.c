/* SPDX-License-Identifier: MIT
 *
 * What is done to the folder of a saver behind its back: a chain becomes one file, and what
 * nobody needs is removed.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/state/file.h"

enum { MEMORY = 1 << 20, SYNC = 8 << 20, SNAPSHOTS_MAX = 1 << 16 };

int
state_fold(const struct os *os, const char *folder, uint64_t epoch,
    const struct state_identity *identity, bool (*stop)(void *context), void *context,
    uint64_t *file_size, struct error *error)
{
	char path[STATE_PATH_MAX];
	enum state_trouble trouble;
	struct state_reader *r;
	struct state_writer *w = NULL;
	int status = -1;

	if (state_epoch_path(path, folder, epoch, error) != 0)
		return -1;
	r = state_open_chain(os, folder, epoch, identity, &trouble, error);
	if (r != NULL)
		w = state_writer_new(os, path, identity, epoch, epoch, MEMORY, error);
	if (w != NULL) {
		/* Piece by piece, so that a small snapshot that is synced meanwhile does
		 * not have to wait for all of this one. */
		w->sync_bytes = SYNC;
		status = state_copy(r, w, stop, context, error);
	}
	state_close(r);
	if (status != 0) {
		state_abandon(w);
		return status;
	}
	status = state_writer_finish(w, error);
	*file_size = w->file_size;
	state_writer_free(w);
	return status;
}

int
state_compose(const struct os *os, const char *folder, uint64_t epoch, const char *path,
    struct error *error)
{
	enum state_trouble trouble;
	struct state_reader *r =
	    state_open_chain(os, folder, epoch, NULL, &trouble, error);
	struct state_writer *w = NULL;
	int status = -1;

	if (r != NULL)
		w = state_writer_new(
		    os, path, state_identity(r), epoch, epoch, MEMORY, error);
	if (w != NULL && state_copy(r, w, NULL, NULL, error) == 0)
		status = state_commit(w, error);
	else
		state_abandon(w);
	state_close(r);
	return status;
}

struct found {
	uint64_t epoch;
	bool needed, unfinished; /* a file that was not renamed */
};

struct listing {
	struct found *files; /* owned */
	size_t n, room;
	bool failed;
};

/* What a file's name tells. */
static bool
parse_name(const char *name, struct found *to)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < 16; i++) {
		const char *digits = "0123456789abcdef";
		const char *digit = name[i] != '\0' ? strchr(digits, name[i]) : NULL;

		if (digit == NULL)
			return false;
		value = value << 4 | (uint64_t)(digit - digits);
	}
	*to = (struct found){ .epoch = value,
		.unfinished = strcmp(name + 16, ".snap.new") == 0 };
	return to->unfinished || strcmp(name + 16, ".snap") == 0;
}

static void
note(void *context, const char *name)
{
	struct listing *l = context;
	struct found found, *files;

	if (l->failed || !parse_name(name, &found))
		return;
	if (l->n == l->room) {
		l->room = l->room == 0 ? 64 : 2 * l->room;
		files = l->n < SNAPSHOTS_MAX
		    ? realloc(l->files, l->room * sizeof *files)
		    : NULL;
		l->failed = files == NULL;
		if (l->failed)
			return;
		l->files = files;
	}
	l->files[l->n++] = found;
}

static int
newest_first(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	return (x->epoch < y->epoch) - (x->epoch > y->epoch);
}

static void
need(struct listing *l, uint64_t epoch)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->files[i].epoch == epoch && !l->files[i].unfinished)
			l->files[i].needed = true;
}

/* From `keep` on, and all that these are based on. */
static int
mark_needed(const struct os *os, const char *folder, struct listing *l, uint64_t keep)
{
	char path[STATE_PATH_MAX];
	uint64_t epoch, base;
	struct error error;
	bool any = false;

	for (size_t i = 0; i < l->n; i++) {
		struct found *f = &l->files[i];

		if (f->unfinished || (f->epoch < keep && !f->needed))
			continue;
		f->needed = any = true;
		if (state_epoch_path(path, folder, f->epoch, &error) != 0 ||
		    state_peek(os, path, &epoch, &base) != 0)
			return -1;
		if (base != epoch)
			need(l, base);
	}
	return any ? 0 : -1;
}

void
state_forget(const struct os *os, const char *folder, uint64_t keep)
{
	char path[STATE_PATH_MAX + sizeof ".new"];
	struct listing l = { .n = 0 };
	struct error error;

	if (os->list(os, folder, note, &l) == 0 && !l.failed && l.n > 0) {
		qsort(l.files, l.n, sizeof *l.files, newest_first);
		l.failed = mark_needed(os, folder, &l, keep) != 0;
		for (size_t i = 0; i < l.n && !l.failed; i++) {
			const struct found *f = &l.files[i];

			if (f->needed || f->epoch >= keep ||
			    state_epoch_path(path, folder, f->epoch, &error) != 0)
				continue;
			if (f->unfinished)
				strcat(path, ".new");
			(void)os->unlink(os, path);
		}
	}
	free(l.files);
}
