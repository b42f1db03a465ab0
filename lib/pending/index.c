/* SPDX-License-Identifier: MIT */
#include "lib/pending/index.h"

#include <stdlib.h>

/* The newest link of a key stands for it in the bucket's chain. */
struct link {
	uint32_t live; /* never a free-list end: marks links in use, for rebuilding */
	uint32_t value;
	uint64_t key;
	uint32_t older, newer; /* of the same key */
	uint32_t chain;        /* of a newest link: the next key of the bucket */
	uint32_t unused;
};

#define LIVE UINT32_MAX

static struct link *
at(const struct index *x, uint32_t link)
{
	return pool_at(&x->links, link);
}

static uint32_t *
bucket(const struct index *x, uint64_t key)
{
	return &x->buckets[(uint32_t)(key ^ (key >> 32)) & x->mask];
}

int
index_init(struct index *x, uint32_t capacity)
{
	uint32_t n = 16;

	while (n < capacity)
		n *= 2;
	x->mask = n - 1;
	x->buckets = calloc(n, sizeof *x->buckets);
	if (pool_init(&x->links, sizeof(struct link), capacity) != 0)
		return -1;
	return x->buckets != NULL ? 0 : -1;
}

void
index_fini(struct index *x)
{
	free(x->buckets);
	x->buckets = NULL;
	pool_fini(&x->links);
}

/* Where the newest link of the key is kept, or would be: the end of the chain. */
static uint32_t *
place(const struct index *x, uint64_t key)
{
	uint32_t *p = bucket(x, key);

	while (*p != 0 && at(x, *p)->key != key)
		p = &at(x, *p)->chain;
	return p;
}

uint32_t
index_add(struct index *x, uint64_t key, uint32_t value)
{
	uint32_t number = pool_take(&x->links);
	uint32_t *p = place(x, key);
	struct link *l = at(x, number);

	*l = (struct link){ .live = LIVE, .value = value, .key = key, .older = *p };
	if (*p != 0) {
		struct link *before = at(x, *p);

		l->chain = before->chain;
		before->chain = 0;
		before->newer = number;
	}
	*p = number;
	return number;
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
		uint32_t *p = place(x, l->key);

		assert(*p == link);
		if (l->older != 0)
			at(x, l->older)->chain = l->chain;
		*p = l->older != 0 ? l->older : l->chain;
	}
	l->live = 0;
	pool_give(&x->links, link);
}

uint32_t
index_find(const struct index *x, uint64_t key)
{
	return *place(x, key);
}

uint32_t
index_older(const struct index *x, uint32_t link)
{
	return at(x, link)->older;
}

uint32_t
index_value(const struct index *x, uint32_t link)
{
	return at(x, link)->value;
}

void
index_prefetch(const struct index *x, uint64_t key)
{
	__builtin_prefetch(bucket(x, key));
}

void
index_prefetch_link(const struct index *x, uint32_t link)
{
	__builtin_prefetch(bucket(x, at(x, link)->key));
}

void
index_rebuild(struct index *x)
{
	for (uint32_t i = 1; i <= x->links.used; i++) {
		struct link *l = at(x, i);

		if (l->live == LIVE && l->newer == 0) {
			uint32_t *p = bucket(x, l->key);

			l->chain = *p;
			*p = i;
		}
	}
}
