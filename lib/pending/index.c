/* SPDX-License-Identifier: MIT */
#include "lib/pending/index.h"

#include <stdlib.h>

#include "lib/base/memory.h"
#include "lib/pending/slots.h"

/* The newest link of a key stands for it in the table of slots. */
struct link {
	uint32_t live; /* never a free-list end: marks links in use, for rebuilding */
	uint32_t value;
	uint64_t key;
	uint32_t older, newer; /* of the same key */
};

#define LIVE UINT32_MAX

enum { FEW = 16 };

static struct link *
at(struct index *x, uint32_t link)
{
	return pool_at(&x->links, link);
}

static const struct link *
see(const struct index *x, uint32_t link)
{
	return pool_see(&x->links, link);
}

int
index_init(struct index *x, uint32_t capacity)
{
	uint32_t n = FEW;

	/* At most two thirds are taken. */
	while (n < capacity + capacity / 2)
		n *= 2;
	x->slot_count = n;
	x->mask = FEW - 1;
	x->slots = calloc(n, sizeof *x->slots);
	memory_prefer_huge(x->slots, n * sizeof *x->slots);
	if (pool_init(&x->links, sizeof(struct link), capacity) != 0)
		return -1;
	return x->slots != NULL ? 0 : -1;
}

void
index_fini(struct index *x)
{
	free(x->slots);
	x->slots = NULL;
	pool_fini(&x->links);
}

/* The slot of the key, or the empty one where it would be. */
static struct slot *
find(const struct index *x, uint64_t key)
{
	uint32_t tag = slot_tag(key), i = tag & x->mask;

	while (x->slots[i].place != 0 &&
	    (x->slots[i].tag != tag || see(x, x->slots[i].place)->key != key))
		i = (i + 1) & x->mask;
	return &x->slots[i];
}

uint32_t
index_add(struct index *x, uint64_t key, uint32_t value)
{
	uint32_t number;
	struct slot *slot;
	struct link *l;

	if (x->links.taken >= x->mask / 2 && x->mask + 1 < x->slot_count)
		index_rebuild(x);
	number = pool_take(&x->links);
	slot = find(x, key);
	l = at(x, number);
	*l = (struct link){
		.live = LIVE, .value = value, .key = key, .older = slot->place
	};
	if (slot->place != 0)
		at(x, slot->place)->newer = number;
	*slot = (struct slot){ slot_tag(key), number };
	return number;
}

/* The slot that has this very link. */
static uint32_t
slot_of(const struct index *x, uint64_t key, uint32_t link)
{
	uint32_t i = slot_tag(key) & x->mask;

	while (x->slots[i].place != link) {
		assert(x->slots[i].place != 0);
		i = (i + 1) & x->mask;
	}
	return i;
}

void
index_remove(struct index *x, uint32_t link)
{
	struct link *l = at(x, link);

	assert(l->live == LIVE);
	if (l->older != 0)
		at(x, l->older)->newer = l->newer;
	if (l->newer != 0) {
		at(x, l->newer)->older = l->older;
	} else {
		uint32_t i = slot_of(x, l->key, link);

		if (l->older != 0)
			x->slots[i].place = l->older;
		else
			slots_empty(x->slots, x->mask, i);
	}
	l->live = 0;
	pool_give(&x->links, link);
}

uint32_t
index_find(const struct index *x, uint64_t key)
{
	return find(x, key)->place;
}

uint32_t
index_older(const struct index *x, uint32_t link)
{
	return see(x, link)->older;
}

uint32_t
index_value(const struct index *x, uint32_t link)
{
	return see(x, link)->value;
}

void
index_prefetch(const struct index *x, uint64_t key)
{
	__builtin_prefetch(&x->slots[slot_tag(key) & x->mask]);
}

void
index_prefetch_link(const struct index *x, uint32_t link)
{
	const struct link *l = see(x, link);

	if (l->newer != 0)
		__builtin_prefetch(see(x, l->newer), 1);
	else
		index_prefetch(x, l->key);
}

void
index_rebuild(struct index *x)
{
	uint32_t n = FEW;

	while (n < x->slot_count && n / 4 <= x->links.taken)
		n *= 2;
	x->mask = n - 1;
	memset(x->slots, 0, n * sizeof *x->slots);
	for (uint32_t i = 1; i <= x->links.used; i++) {
		const struct link *l = see(x, i);

		if (l->live == LIVE && l->newer == 0)
			*find(x, l->key) = (struct slot){ slot_tag(l->key), i };
	}
}
