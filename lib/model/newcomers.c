/* SPDX-License-Identifier: MIT */
#include "lib/model/newcomers.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/hash.h"
#include "lib/state/block.h"

int
newcomers_init(struct newcomers *n, uint64_t bytes)
{
	assert(bytes >= NEWCOMERS_BYTES_MIN);
	*n = (struct newcomers){ .size = bytes, .count = calloc(1, bytes) };
	if (n->count != NULL && dirty_init(&n->dirty, bytes) == 0)
		return 0;
	free(n->count);
	return -1;
}

void
newcomers_fini(struct newcomers *n)
{
	if (n->count == NULL)
		return;
	free(n->count);
	dirty_fini(&n->dirty);
}

static void
halve(struct newcomers *n)
{
	for (uint64_t i = 0; i < n->size; i++)
		n->count[i] /= 2;
	n->added = 0;
	dirty_mark_all(&n->dirty);
}

unsigned
newcomers_see(struct newcomers *n, uint64_t key)
{
	uint64_t at[2] = { hash_bucket(hash_mix(key), n->size),
		hash_bucket(hash_mix(~key), n->size) };
	unsigned least =
	    n->count[at[0]] < n->count[at[1]] ? n->count[at[0]] : n->count[at[1]];

	/* Half of the counters would be taken: they begin to lie. */
	if (++n->added > n->size / 4)
		halve(n);
	if (least == NEWCOMERS_COUNT_MAX)
		return least;
	/* Only the least ones grow (Estan and Varghese, SIGCOMM 2002). */
	for (unsigned i = 0; i < 2; i++)
		if (n->count[at[i]] <= least) {
			n->count[at[i]] = (uint8_t)(least + 1);
			dirty_mark(&n->dirty, at[i], 1);
		}
	return least + 1;
}

void
newcomers_copy(struct newcomers *to, const struct newcomers *from)
{
	assert(to->size == from->size);
	memcpy(to->count, from->count, from->size);
	to->added = from->added;
	dirty_mark_all(&to->dirty);
}

void
newcomers_save(struct newcomers *n, struct state_writer *to)
{
	state_put_u64(to, n->added);
	state_put_block(to, slice_of(n->count, n->size), &n->dirty);
}

int
newcomers_load(struct newcomers *n, struct state_reader *from, struct error *error)
{
	if (state_get_u64(from, &n->added) < 0)
		return error_set(error, "the counts of new features are cut off");
	return state_get_block(from, n->count, n->size, &n->dirty, error);
}
