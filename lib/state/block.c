/* SPDX-License-Identifier: MIT */
#include "lib/state/block.h"

#include <stdlib.h>
#include <string.h>

#include "lib/state/file.h"

enum { PAGE = 4096 };

static bool
is_zero(struct slice s)
{
	return s.size == 0 || (s.at[0] == 0 && memcmp(s.at, s.at + 1, s.size - 1) == 0);
}

static struct slice
page_at(struct slice block, size_t at)
{
	return slice_of(block.at + at, block.size - at < PAGE ? block.size - at : PAGE);
}

void
state_block_sparse(struct state_writer *w, uint64_t offset, struct slice bytes)
{
	size_t at = 0, end;

	state_writer_add_content(w, bytes);
	while (at < bytes.size) {
		for (end = at; end < bytes.size && !is_zero(page_at(bytes, end));)
			end += page_at(bytes, end).size;
		if (end > at)
			state_block_piece(
			    w, offset + at, slice_of(bytes.at + at, end - at));
		at = end > at ? end : at + page_at(bytes, at).size;
	}
}

/* Runs lie far apart in memory: those to come are fetched ahead. */
enum { AHEAD = 16 };

struct ahead {
	struct slice run[AHEAD];
	unsigned next;
};

static void
put_run(struct state_writer *w, struct slice block, struct slice run)
{
	if (run.size > 0)
		state_block_piece(w, (uint64_t)(run.at - block.at), run);
}

static void
fetch(struct slice run)
{
	size_t size = run.size < 2 * DIRTY_GRAIN ? run.size : 2 * DIRTY_GRAIN;

	for (size_t i = 0; i < size; i += 64)
		__builtin_prefetch(run.at + i);
}

static void
put_changes(struct state_writer *w, struct slice block, const struct dirty *d)
{
	struct ahead ahead = { .next = 0 };
	size_t grain = 0, first, from, to;

	state_writer_add_content(w, block);
	while (dirty_next(d, grain, &first, &grain)) {
		struct slice *place = &ahead.run[ahead.next++ % AHEAD];

		from = first * DIRTY_GRAIN;
		to =
		    grain * DIRTY_GRAIN < block.size ? grain * DIRTY_GRAIN : block.size;
		if (from >= to)
			break;
		put_run(w, block, *place);
		*place = slice_of(block.at + from, to - from);
		fetch(*place);
	}
	for (unsigned i = 0; i < AHEAD; i++, ahead.next++) {
		put_run(w, block, ahead.run[ahead.next % AHEAD]);
		ahead.run[ahead.next % AHEAD] = slice_of(NULL, 0);
	}
}

/* Whether the marks tell what changed since the base of this snapshot, and that is less
 * than the half. */
static bool
holds_changes(const struct state_writer *w, struct slice block, const struct dirty *d)
{
	return d != NULL && d->based && w->base != w->epoch && d->epoch == w->base &&
	    d->number == w->block_count &&
	    dirty_count(d) <= block.size / DIRTY_GRAIN / 2;
}

void
state_put_block(struct state_writer *w, struct slice block, struct dirty *dirty)
{
	bool changes = holds_changes(w, block, dirty);
	size_t number = w->block_count;

	state_block_begin(w, block.size, changes);
	if (changes)
		put_changes(w, block, dirty);
	else
		state_block_sparse(w, 0, block);
	state_block_end(w, block.size);
	if (dirty != NULL && w->tracks) {
		dirty_clear(dirty);
		dirty->based = true;
		dirty->epoch = w->epoch;
		dirty->number = number;
	}
}

int
state_get_block(struct state_reader *r, void *to, size_t size, struct dirty *dirty,
    struct error *error)
{
	size_t saved;

	if (state_get_block_max(r, to, size, &saved, dirty, error) != 0)
		return -1;
	if (saved != size)
		return error_set(error,
		    "a block of %zu bytes was saved where %zu are needed (give the "
		    "--memory of then, or start afresh with --state NEWDIR)",
		    saved, size);
	return 0;
}

void
state_put_table(struct state_writer *w, struct table *t)
{
	state_put_block(w, table_bytes(t), table_dirty(t));
}

int
state_get_table(struct state_reader *r, struct table *t, struct error *error)
{
	size_t size = table_bytes(t).size;
	void *to = table_load_begin(t);

	if (state_get_block(r, to, size, table_dirty(t), error) != 0) {
		(void)table_load_end(t, &(struct error){ 0 });
		return -1;
	}
	return table_load_end(t, error);
}

/* A block in memory of its own, to be freed; NULL and error when there is none. */
static uint8_t *
block_new(struct state_reader *r, size_t size, struct dirty *dirty, struct error *error)
{
	uint8_t *block = calloc(1, size);

	if (block == NULL)
		(void)error_set(
		    error, "no memory to read %zu bytes of the snapshot", size);
	else if (state_get_block(r, block, size, dirty, error) == 0)
		return block;
	free(block);
	return NULL;
}

void
state_put_cuckoo(struct state_writer *w, struct cuckoo *c)
{
	state_put_block(w, cuckoo_bytes(c), cuckoo_dirty(c));
}

int
state_get_cuckoo(struct state_reader *r, struct cuckoo *c, struct error *error)
{
	size_t size = cuckoo_bytes(c).size;
	struct dirty as_read = { .words = 0 };
	uint8_t *block = block_new(r, size, &as_read, error);
	int status = block == NULL ? -1 : cuckoo_load(c, slice_of(block, size), error);

	if (status == 0)
		dirty_take_base(cuckoo_dirty(c), &as_read);

	free(block);
	return status;
}

void
state_put_quantile(struct state_writer *w, const struct quantile *q)
{
	state_put_block(w, quantile_bytes(q), NULL);
}

int
state_get_quantile(struct state_reader *r, struct quantile *q, struct error *error)
{
	size_t size = quantile_bytes(q).size;
	uint8_t *block = block_new(r, size, NULL, error);
	int status =
	    block == NULL ? -1 : quantile_load(q, slice_of(block, size), error);

	free(block);
	return status;
}

void
state_put_velocity(struct state_writer *w, struct velocity *v)
{
	state_put_block(w, velocity_bytes(v), velocity_dirty(v));
}

int
state_get_velocity(struct state_reader *r, struct velocity *v, struct error *error)
{
	size_t size = velocity_bytes(v).size;
	void *to = velocity_load_begin(v);

	if (state_get_block(r, to, size, velocity_dirty(v), error) != 0) {
		(void)velocity_load_end(v, &(struct error){ 0 });
		return -1;
	}
	return velocity_load_end(v, error);
}

void
state_put_spread(struct state_writer *w, struct spread *s)
{
	state_put_block(w, spread_bytes(s), spread_dirty(s));
}

int
state_get_spread(struct state_reader *r, struct spread *s, struct error *error)
{
	size_t size = spread_bytes(s).size;
	void *to = spread_load_begin(s);

	if (state_get_block(r, to, size, spread_dirty(s), error) != 0) {
		(void)spread_load_end(s, &(struct error){ 0 });
		return -1;
	}
	return spread_load_end(s, error);
}
