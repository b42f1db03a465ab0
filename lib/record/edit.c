/* SPDX-License-Identifier: MIT */
#include "lib/record/edit.h"

void
edit_init(struct edit *e, void *storage)
{
	memset(e, 0, sizeof *e);
	build_init(&e->pairs, storage, EDIT_STORAGE);
}

void
edit_reset(struct edit *e)
{
	if (!e->any)
		return;
	e->any = false;
	e->left_out = e->added = 0;
	memset(e->out, 0, sizeof e->out);
	build_reset(&e->pairs);
}

static void
leave_out(struct edit *e, unsigned i)
{
	uint64_t bit = UINT64_C(1) << (i % 64);

	e->any = true;
	e->left_out += (e->out[i / 64] & bit) == 0;
	e->out[i / 64] |= bit;
}

void
edit_unset(struct edit *e, const struct record *r, struct key key)
{
	int i = record_index(r, key);

	if (i >= 0)
		leave_out(e, (unsigned)i);
}

struct build *
edit_set(
    struct edit *e, const struct reader *reader, const struct record *r, struct key key)
{
	edit_unset(e, r, key);
	e->any = true;
	e->added++;
	build_str(&e->pairs, reader_name(reader, key));
	return &e->pairs;
}

void
edit_keep(struct edit *e, const struct record *r, const struct key *keys, unsigned n)
{
	uint64_t kept[RECORD_KEYS_MAX / 64] = { 0 };
	int index;

	for (unsigned k = 0; k < n; k++)
		if ((index = record_index(r, keys[k])) >= 0)
			kept[index / 64] |= UINT64_C(1) << (index % 64);
	for (unsigned i = 0; i < r->count; i++)
		if ((kept[i / 64] >> (i % 64) & 1) == 0)
			leave_out(e, i);
}

static bool
is_out(const struct edit *e, unsigned i)
{
	return (e->out[i / 64] >> (i % 64) & 1) != 0;
}

/* Runs of pairs that stay are copied together. */
void
edit_apply(const struct edit *e, const struct record *r, struct build *b)
{
	unsigned pairs = r->count - e->left_out + e->added;
	const uint8_t *from, *end = NULL;

	b->full |= pairs > RECORD_KEYS_MAX || e->pairs.full;
	build_map(b, pairs);
	for (unsigned i = 0; i < r->count; i++) {
		if (is_out(e, i))
			continue;
		from = record_pair_at(r, i).at;
		while (i + 1 < r->count && e->left_out > 0 && !is_out(e, i + 1))
			i++;
		if (e->left_out == 0)
			i = r->count - 1;
		end = record_pair_at(r, i).at + record_pair_at(r, i).size;
		build_raw(b, slice_of(from, (size_t)(end - from)));
	}
	build_raw(b, build_slice(&e->pairs));
}
