/* SPDX-License-Identifier: MIT */
#include "lib/feature/memo.h"

#include <stdlib.h>

#include "lib/base/assert.h"
#include "lib/state/block.h"

/* Before the keys and values of each. Never wraps around the ring's end. */
struct head {
	uint64_t name;
	uint32_t count, weighted;
};

enum {
	INDEX_SHARE = 10, /* of the memory: a tenth */
	LARGEST = sizeof(struct head) + 12 * FEATURES_MAX,
};

int
memo_init(struct memo *m, uint64_t memory_bytes)
{
	uint64_t index = memory_bytes / INDEX_SHARE;

	*m = (struct memo){ .capacity = (memory_bytes - index) / 8 * 8 };
	if (m->capacity < 2 * LARGEST)
		return -1;
	m->ring = calloc(1, m->capacity);
	m->lines = index / (MEMO_LINE * sizeof *m->index);
	m->index = calloc(m->lines, MEMO_LINE * sizeof *m->index);
	return m->ring != NULL && m->index != NULL &&
		dirty_init(&m->ring_dirty, m->capacity) == 0 &&
		dirty_init(&m->index_dirty, m->lines * MEMO_LINE * sizeof *m->index) ==
		    0
	    ? 0
	    : -1;
}

void
memo_fini(struct memo *m)
{
	dirty_fini(&m->ring_dirty);
	dirty_fini(&m->index_dirty);
	free(m->ring);
	free(m->index);
}

static uint64_t *
line_of(const struct memo *m, uint64_t name)
{
	return m->index + MEMO_LINE * hash_bucket(name, m->lines);
}

void
memo_put(struct memo *m, uint64_t name, const struct features *features)
{
	struct head head = { name, features_count(features),
		features->values.at != NULL };
	uint64_t keys = 8 * (uint64_t)head.count, values = head.weighted ? keys / 2 : 0;
	uint64_t size = sizeof head + keys + (values + 7) / 8 * 8;
	uint64_t at = m->end % m->capacity, *line = line_of(m, name);
	unsigned oldest = 0;

	assert(size <= LARGEST);
	if (at + size > m->capacity) {
		m->end += m->capacity - at;
		at = 0;
	}
	dirty_mark(&m->ring_dirty, at, size);
	memcpy(m->ring + at, &head, sizeof head);
	if (keys > 0)
		memcpy(m->ring + at + sizeof head, features->keys.at, keys);
	if (values > 0)
		memcpy(m->ring + at + sizeof head + keys, features->values.at, values);
	for (unsigned i = 1; i < MEMO_LINE; i++)
		oldest = line[i] < line[oldest] ? i : oldest;
	line[oldest] = m->end + 1;
	dirty_mark(&m->index_dirty, (size_t)(line + oldest - m->index) * sizeof *line,
	    sizeof *line);
	m->end += size;
}

bool
memo_get(const struct memo *m, uint64_t name, struct features *to)
{
	const uint64_t *line = line_of(m, name);
	const uint8_t *at = NULL;
	uint64_t latest = 0;
	struct head head;

	for (unsigned i = 0; i < MEMO_LINE; i++) {
		if (line[i] <= latest || m->end + 1 - line[i] > m->capacity)
			continue;
		memcpy(&head, m->ring + (line[i] - 1) % m->capacity, sizeof head);
		if (head.name != name)
			continue;
		latest = line[i];
		at = m->ring + (latest - 1) % m->capacity;
	}
	if (at == NULL)
		return false;
	memcpy(&head, at, sizeof head);
	at += sizeof head;
	to->keys = slice_of(at, 8 * (size_t)head.count);
	to->values = head.weighted ? slice_of(at + to->keys.size, to->keys.size / 2)
				   : slice_of(NULL, 0);
	return true;
}

void
memo_save(struct memo *m, struct state_writer *to)
{
	state_put_u64(to, m->end);
	state_put_block(to, slice_of(m->ring, m->capacity), &m->ring_dirty);
	state_put_block(to, slice_of(m->index, m->lines * MEMO_LINE * sizeof *m->index),
	    &m->index_dirty);
}

int
memo_load(struct memo *m, struct state_reader *from, struct error *error)
{
	if (state_get_u64(from, &m->end) != 0)
		return error_set(error, "the snapshot is too short");
	if (state_get_block(from, m->ring, m->capacity, &m->ring_dirty, error) != 0)
		return -1;
	return state_get_block(from, m->index, m->lines * MEMO_LINE * sizeof *m->index,
	    &m->index_dirty, error);
}
