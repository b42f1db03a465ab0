/* SPDX-License-Identifier: MIT
 *
 * A chain of snapshots: one that holds changes, and below it what it is based on, down to
 * a whole one. A block of the chain is composed from that block of each, base first.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/state/block.h"
#include "lib/state/file.h"

enum { WINDOW = 1 << 20 };

int
state_epoch_path(
    char to[STATE_PATH_MAX], const char *folder, uint64_t epoch, struct error *error)
{
	int n = snprintf(to, STATE_PATH_MAX, "%s/%016" PRIx64 ".snap", folder, epoch);

	return n < STATE_PATH_MAX
	    ? 0
	    : error_set(error, "%s: the name is too long", folder);
}

static struct state_reader *
open_one(const struct os *os, const char *folder, uint64_t epoch,
    const struct state_identity *identity, enum state_trouble *trouble,
    struct error *error)
{
	char path[STATE_PATH_MAX];
	struct state_reader *r;

	*trouble = STATE_UNREADABLE;
	if (state_epoch_path(path, folder, epoch, error) != 0)
		return NULL;
	r = state_open(os, path, identity, trouble, error);
	if (r == NULL || r->epoch == epoch)
		return r;
	(void)error_set(
	    error, "cannot read %s: it is of epoch %016" PRIx64, path, r->epoch);
	*trouble = STATE_UNREADABLE;
	state_close(r);
	return NULL;
}

struct state_reader *
state_open_chain(const struct os *os, const char *folder, uint64_t epoch,
    const struct state_identity *identity, enum state_trouble *trouble,
    struct error *error)
{
	struct state_reader *newest =
	    open_one(os, folder, epoch, identity, trouble, error);
	struct state_reader *r = newest;

	for (unsigned n = 0; r != NULL && r->base_epoch != r->epoch; n++) {
		enum state_trouble below;

		if (n == STATE_CHAIN_MAX)
			(void)error_set(error, "%s: the chain is too long", r->path);
		else
			r->base = open_one(
			    os, folder, r->base_epoch, identity, &below, error);
		if (r->base == NULL) {
			*trouble = STATE_UNREADABLE;
			state_close(newest);
			return NULL;
		}
		r = r->base;
	}
	return newest;
}

/* --- One block of one file ------------------------------------------------------ */

static int
damaged(struct error *error)
{
	return error_set(error, "the snapshot is no whole block");
}

static int
begin_block(struct state_reader *r, struct error *error)
{
	uint64_t changes;

	if (state_get_u64(r, &r->block_size) != 0 || state_get_u64(r, &changes) != 0 ||
	    changes > 1)
		return error_set(error, "the snapshot is too short");
	r->block_changes = changes == 1;
	r->block_ended = false;
	r->run_at = r->run_left = 0;
	return 0;
}

static int
next_run(struct state_reader *r, struct error *error)
{
	uint64_t at;

	if (state_get_u64(r, &at) != 0)
		return error_set(error, "the snapshot is too short");
	if (at < r->run_at || at > r->block_size)
		return damaged(error);
	r->run_at = at;
	r->block_ended = at == r->block_size;
	if (r->block_ended)
		return 0;
	if (state_get_u64(r, &r->run_left) != 0 || r->run_left == 0 ||
	    r->run_left > r->block_size - at)
		return damaged(error);
	return 0;
}

/* Lay the runs of the block over its bytes from .. end - 1. Called with one range after
 * the other, each from where the last one ended. */
static int
overlay(struct state_reader *r, uint8_t *to, uint64_t from, uint64_t end,
    struct error *error)
{
	size_t n;

	for (;;) {
		if (r->run_left == 0 && !r->block_ended && next_run(r, error) != 0)
			return -1;
		if (r->block_ended || r->run_at >= end)
			return 0;
		assert(r->run_at >= from);
		n = (size_t)(r->run_left < end - r->run_at ? r->run_left
							   : end - r->run_at);
		if (state_get(r, to + (r->run_at - from), n) != 0)
			return damaged(error);
		r->run_at += n;
		r->run_left -= n;
	}
}

/* --- One block of a chain ------------------------------------------------------- */

struct stack {
	struct state_reader *file[STATE_CHAIN_MAX + 1]; /* the newest first */
	unsigned n;
};

/* Go to the next block of the newest file, and in those below to the same one, down to
 * one that has it whole. */
static int
begin_stack(struct stack *s, struct state_reader *newest, struct error *error)
{
	size_t k = newest->block_next++;
	struct state_reader *r = newest;

	s->n = 0;
	if (begin_block(r, error) != 0)
		return -1;
	if (k >= r->block_count)
		return damaged(error);
	for (s->file[s->n++] = r; r->block_changes; s->file[s->n++] = r) {
		r = r->base;
		if (r == NULL || k >= r->block_count ||
		    state_seek(r, r->begin + r->blocks[k]) != 0)
			return damaged(error);
		r->left = r->size - r->blocks[k];
		if (begin_block(r, error) != 0)
			return -1;
	}
	return 0;
}

/* A block that was shorter for a time has zeros beyond, whatever was there before. */
static int
compose(struct stack *s, uint8_t *to, uint64_t from, uint64_t end, struct error *error)
{
	uint64_t before = 0;

	for (unsigned i = s->n; i-- > 0;) {
		uint64_t size = s->file[i]->block_size, cut = size > from ? size : from;

		if (size < before && cut < end)
			memset(to + (cut - from), 0, (size_t)(end - cut));
		if (overlay(s->file[i], to, from, end, error) != 0)
			return -1;
		before = size;
	}
	return 0;
}

int
state_get_block_max(struct state_reader *r, void *to, size_t limit, size_t *size,
    struct dirty *dirty, struct error *error)
{
	struct stack s;

	if (begin_stack(&s, r, error) != 0)
		return -1;
	if (r->block_size > limit)
		return error_set(error,
		    "a block of %llu bytes was saved where %zu are needed (give the "
		    "--memory of then, or start afresh with --state NEWDIR)",
		    (unsigned long long)r->block_size, limit);
	*size = (size_t)r->block_size;
	if (compose(&s, to, 0, r->block_size, error) != 0)
		return -1;
	if (dirty != NULL && r->tracks) {
		dirty_clear(dirty);
		dirty->based = true;
		dirty->epoch = r->epoch;
		dirty->number = r->block_next - 1;
	}
	return 0;
}

static int
copy_block(struct state_reader *from, struct state_writer *to, uint8_t *window,
    bool (*stop)(void *), void *context, struct error *error)
{
	struct stack s;
	uint64_t size;

	if (begin_stack(&s, from, error) != 0)
		return -1;
	size = from->block_size;
	state_block_begin(to, size, false);
	for (uint64_t at = 0; at < size; at += WINDOW) {
		size_t n = size - at < WINDOW ? (size_t)(size - at) : WINDOW;

		if (stop != NULL && stop(context))
			return 1;
		memset(window, 0, n);
		if (compose(&s, window, at, at + n, error) != 0)
			return -1;
		state_block_sparse(to, at, slice_of(window, n));
	}
	/* The mark at the end of an empty block. */
	if (size == 0 && overlay(from, window, 0, 1, error) != 0)
		return -1;
	state_block_end(to, size);
	return from->block_ended ? 0 : damaged(error);
}

/* Bytes up to that place of the body, which are no block. */
static int
copy_plain(
    struct state_reader *from, struct state_writer *to, uint64_t up_to, uint8_t *window)
{
	uint64_t left = up_to - (from->at - from->begin);

	for (size_t n; left > 0; left -= n) {
		n = left < WINDOW ? (size_t)left : WINDOW;
		if (state_get(from, window, n) != 0)
			return -1;
		state_put(to, window, n);
	}
	return 0;
}

static int
copy_body(struct state_reader *from, struct state_writer *to, uint8_t *window,
    bool (*stop)(void *), void *context, struct error *error)
{
	int status = 0;

	for (size_t k = 0; k < from->block_count && status == 0; k++) {
		if (from->blocks[k] < from->at - from->begin ||
		    copy_plain(from, to, from->blocks[k], window) != 0)
			return damaged(error);
		status = copy_block(from, to, window, stop, context, error);
	}
	if (status == 0 && copy_plain(from, to, from->size, window) != 0)
		return damaged(error);
	return status;
}

int
state_copy(struct state_reader *from, struct state_writer *to,
    bool (*stop)(void *context), void *context, struct error *error)
{
	uint8_t *window = malloc(WINDOW);
	int status = window == NULL
	    ? error_set(error, "no memory to read %s", from->path)
	    : copy_body(from, to, window, stop, context, error);

	free(window);
	return status;
}
