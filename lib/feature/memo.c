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
	INDEX_SHARE = 5, /* of the memory: a fifth */
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
	m->index = table_new(TABLE_KEY_64, sizeof(uint64_t), index);
	return m->ring != NULL && m->index != NULL ? 0 : -1;
}

void
memo_fini(struct memo *m)
{
	free(m->ring);
	table_free(m->index);
}

void
memo_put(struct memo *m, uint64_t name, instant when, const struct features *features)
{
	struct head head = { name, features_count(features),
		features->values.at != NULL };
	uint64_t keys = 8 * (uint64_t)head.count, values = head.weighted ? keys / 2 : 0;
	uint64_t size = sizeof head + keys + (values + 7) / 8 * 8, *place;
	uint64_t at = m->end % m->capacity;
	bool fresh;

	assert(size <= LARGEST);
	if (at + size > m->capacity) {
		m->end += m->capacity - at;
		at = 0;
	}
	memcpy(m->ring + at, &head, sizeof head);
	if (keys > 0)
		memcpy(m->ring + at + sizeof head, features->keys.at, keys);
	if (values > 0)
		memcpy(m->ring + at + sizeof head + keys, features->values.at, values);
	place = table_touch(m->index, name, when, &fresh);
	*place = m->end;
	m->end += size;
}

bool
memo_get(const struct memo *m, uint64_t name, struct features *to)
{
	const uint64_t *place = table_find(m->index, name);
	const uint8_t *at;
	struct head head;

	if (place == NULL || m->end - *place > m->capacity)
		return false;
	at = m->ring + *place % m->capacity;
	memcpy(&head, at, sizeof head);
	if (head.name != name)
		return false;
	at += sizeof head;
	to->keys = slice_of(at, 8 * (size_t)head.count);
	to->values = head.weighted ? slice_of(at + to->keys.size, to->keys.size / 2)
				   : slice_of(NULL, 0);
	return true;
}

void
memo_save(const struct memo *m, struct state_writer *to)
{
	state_put_u64(to, m->end);
	state_put_block(to, slice_of(m->ring, m->capacity));
	state_put_table(to, m->index);
}

int
memo_load(struct memo *m, struct state_reader *from, struct error *error)
{
	if (state_get_u64(from, &m->end) != 0)
		return error_set(error, "the snapshot is too short");
	if (state_get_block(from, m->ring, m->capacity, error) != 0)
		return -1;
	return state_get_table(from, m->index, error);
}
