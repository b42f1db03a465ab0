/* SPDX-License-Identifier: MIT */
#include "lib/sketch/heavy.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/hash.h"

enum { WAYS = 8 };

/* A free place has the count 0 and the key 0. */
struct heavy {
	size_t k;
	uint64_t sets, seed;
	struct countmin *counts; /* owned */
	struct heavy_key *kept;  /* owned; sets * WAYS */
};

struct heavy *
heavy_new(size_t k, struct countmin_shape shape)
{
	struct heavy *h = calloc(1, sizeof *h);

	assert(k > 0 && k <= SIZE_MAX / 1024);
	if (h == NULL)
		return NULL;
	h->k = k;
	h->sets = 2 * k;
	h->seed = shape.seed;
	h->counts = countmin_new(shape);
	h->kept = calloc((size_t)h->sets * WAYS, sizeof *h->kept);
	if (h->counts != NULL && h->kept != NULL)
		return h;
	heavy_free(h);
	return NULL;
}

void
heavy_free(struct heavy *h)
{
	if (h == NULL)
		return;
	countmin_free(h->counts);
	free(h->kept);
	free(h);
}

static struct heavy_key *
set_of(const struct heavy *h, uint64_t key)
{
	return h->kept + hash_bucket(hash_pair(key, h->seed), h->sets) * WAYS;
}

/* The place of a key in its set: its own, else the one with the least count. */
static struct heavy_key *
place_of(const struct heavy *h, uint64_t key)
{
	struct heavy_key *set = set_of(h, key), *least = set;

	for (unsigned way = 0; way < WAYS; way++) {
		if (set[way].key == key && set[way].count != 0)
			return &set[way];
		if (set[way].count < least->count)
			least = &set[way];
	}
	return least;
}

static void
keep(struct heavy *h, uint64_t key, int64_t count)
{
	struct heavy_key *at = place_of(h, key);

	if (at->key == key || count > at->count)
		*at = count > 0 ? (struct heavy_key){ key, count }
				: (struct heavy_key){ 0 };
}

void
heavy_add(struct heavy *h, uint64_t key, int64_t amount)
{
	keep(h, key, countmin_add(h->counts, key, amount));
}

static int
larger_first(const void *a, const void *b)
{
	const struct heavy_key *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return (x->key > y->key) - (x->key < y->key);
}

/* A heap whose root is the smallest of those listed. */
static void
sift_down(struct heavy_key *heap, size_t n, size_t i)
{
	for (size_t child; (child = 2 * i + 1) < n; i = child) {
		struct heavy_key moved = heap[i];

		if (child + 1 < n && larger_first(&heap[child], &heap[child + 1]) < 0)
			child++;
		if (larger_first(&moved, &heap[child]) >= 0)
			return;
		heap[i] = heap[child];
		heap[child] = moved;
	}
}

size_t
heavy_list(const struct heavy *h, struct heavy_key *to)
{
	size_t n = 0;

	for (size_t i = 0; i < h->sets * WAYS; i++) {
		struct heavy_key one = h->kept[i];

		/* Others that share its counters may have been taken back. */
		if (one.count != 0)
			one.count = countmin_read(h->counts, one.key);
		if (one.count <= 0)
			continue;
		if (n < h->k) {
			to[n++] = one;
			for (size_t k = n / 2; n == h->k && k > 0; k--)
				sift_down(to, n, k - 1);
		} else if (larger_first(&one, &to[0]) < 0) {
			to[0] = one;
			sift_down(to, n, 0);
		}
	}
	qsort(to, n, sizeof *to, larger_first);
	return n;
}

const struct countmin *
heavy_counts(const struct heavy *h)
{
	return h->counts;
}

void
heavy_merge(struct heavy *into, const struct heavy *from)
{
	assert(into->k == from->k && into->seed == from->seed);
	countmin_merge(into->counts, from->counts);
	for (size_t i = 0; i < into->sets * WAYS; i++)
		if (into->kept[i].count != 0)
			into->kept[i].count =
			    countmin_read(into->counts, into->kept[i].key);
	for (size_t i = 0; i < from->sets * WAYS; i++)
		if (from->kept[i].count != 0)
			keep(into, from->kept[i].key,
			    countmin_read(into->counts, from->kept[i].key));
}

struct slice
heavy_bytes(const struct heavy *h)
{
	return slice_of(h->kept, (size_t)h->sets * WAYS * sizeof *h->kept);
}

int
heavy_load(struct heavy *h, struct slice sketch, struct slice keys, struct error *error)
{
	size_t size = heavy_bytes(h).size;

	memset(h->kept, 0, size);
	if (countmin_load(h->counts, sketch, error) != 0)
		return -1;
	if (keys.size != size) {
		countmin_clear(h->counts);
		return error_set(error, "the frequent keys take %zu bytes, not %zu",
		    size, keys.size);
	}
	memcpy(h->kept, keys.at, size);
	for (size_t i = 0; i < h->sets * WAYS; i++) {
		const struct heavy_key *one = &h->kept[i];

		if (one->count == 0 ? one->key == 0 : place_of(h, one->key) == one)
			continue;
		memset(h->kept, 0, size);
		countmin_clear(h->counts);
		return error_set(error, "place %zu holds a key of another set", i);
	}
	return 0;
}
