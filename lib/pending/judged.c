/* SPDX-License-Identifier: MIT */
#include "lib/pending/judged.h"

#include <string.h>

#include "lib/base/assert.h"

void
judged_keep(struct recent *x, uint64_t key, instant at, const struct judgement *j,
    unsigned flags, struct judged *piece)
{
	size_t size = sizeof j->score + j->reasons.size;
	const struct recent_entry *older;
	struct recent_entry *e;

	assert(size <= sizeof piece->bytes);
	memcpy(piece->bytes, &j->score, sizeof j->score);
	if (j->reasons.size > 0)
		memmove(piece->bytes + sizeof j->score, j->reasons.at, j->reasons.size);
	e = recent_add(x, key, at, slice_of(piece->bytes, size));
	e->number = j->version;
	e->flags = (flags | (j->out ? JUDGED_OUT : 0)) & 0xff;
	older = recent_older(x, e);
	if (older != NULL && (older->flags & JUDGED_EVENT) == 0)
		recent_leave_out_older(x, e);
}

struct judgement
judged_read(const struct recent_entry *e, struct judged *piece)
{
	struct judgement j = { .version = e->number,
		.out = (e->flags & JUDGED_OUT) != 0 };
	struct slice bytes = recent_bytes(e);

	assert(bytes.size >= sizeof j.score && bytes.size <= sizeof piece->bytes);
	memcpy(piece->bytes, bytes.at, bytes.size);
	memcpy(&j.score, piece->bytes, sizeof j.score);
	j.reasons = slice_from(slice_of(piece->bytes, bytes.size), sizeof j.score);
	return j;
}

enum judged_turn
judged_turn(struct recent *x, const struct recent_entry *newest, struct judgement *j,
    struct judged *piece)
{
	if (j->version <= newest->number)
		return JUDGED_REPEATS;
	if (((newest->flags & JUDGED_OUT) != 0) == j->out) {
		recent_change(x, newest)->number = j->version;
		return JUDGED_SAYS_SAME;
	}
	if (!j->out)
		j->reasons = judged_read(newest, piece).reasons;
	return JUDGED_TURNS;
}
