/* SPDX-License-Identifier: MIT */
#include "lib/state/block.h"

#include <stdlib.h>
#include <string.h>

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
state_put_block(struct state_writer *w, struct slice block)
{
	size_t at = 0, end;

	state_put_u64(w, block.size);
	while (at < block.size) {
		for (end = at; end < block.size && !is_zero(page_at(block, end));)
			end += page_at(block, end).size;
		if (end == at) {
			at += page_at(block, at).size;
			continue;
		}
		state_put_u64(w, at);
		state_put_u64(w, end - at);
		state_put(w, block.at + at, end - at);
		at = end;
	}
	state_put_u64(w, block.size);
}

int
state_get_block(struct state_reader *r, void *to, size_t size, struct error *error)
{
	uint64_t saved, at, run, next = 0;

	if (state_get_u64(r, &saved) != 0)
		return error_set(error, "the snapshot is too short");
	if (saved != size)
		return error_set(error,
		    "a block of %llu bytes was saved where %zu are needed (give the "
		    "--memory of then, or start afresh with --state NEWDIR)",
		    (unsigned long long)saved, size);
	for (;;) {
		if (state_get_u64(r, &at) != 0)
			return error_set(error, "the snapshot is too short");
		if (at == size)
			return 0;
		if (state_get_u64(r, &run) != 0 || at < next || at > size ||
		    run > size - at ||
		    state_get(r, (uint8_t *)to + at, (size_t)run) != 0)
			return error_set(error, "the snapshot is no whole block");
		next = at + run;
	}
}

void
state_put_table(struct state_writer *w, const struct table *t)
{
	state_put_block(w, table_bytes(t));
}

int
state_get_table(struct state_reader *r, struct table *t, struct error *error)
{
	size_t size = table_bytes(t).size;
	void *to = table_load_begin(t);

	if (state_get_block(r, to, size, error) != 0) {
		(void)table_load_end(t, &(struct error){ 0 });
		return -1;
	}
	return table_load_end(t, error);
}

/* A block in memory of its own, to be freed; NULL and error when there is none. */
static uint8_t *
block_new(struct state_reader *r, size_t size, struct error *error)
{
	uint8_t *block = calloc(1, size);

	if (block == NULL)
		(void)error_set(
		    error, "no memory to read %zu bytes of the snapshot", size);
	else if (state_get_block(r, block, size, error) == 0)
		return block;
	free(block);
	return NULL;
}

void
state_put_cuckoo(struct state_writer *w, const struct cuckoo *c)
{
	state_put_block(w, cuckoo_bytes(c));
}

int
state_get_cuckoo(struct state_reader *r, struct cuckoo *c, struct error *error)
{
	size_t size = cuckoo_bytes(c).size;
	uint8_t *block = block_new(r, size, error);
	int status = block == NULL ? -1 : cuckoo_load(c, slice_of(block, size), error);

	free(block);
	return status;
}

void
state_put_quantile(struct state_writer *w, const struct quantile *q)
{
	state_put_block(w, quantile_bytes(q));
}

int
state_get_quantile(struct state_reader *r, struct quantile *q, struct error *error)
{
	size_t size = quantile_bytes(q).size;
	uint8_t *block = block_new(r, size, error);
	int status =
	    block == NULL ? -1 : quantile_load(q, slice_of(block, size), error);

	free(block);
	return status;
}
