/* SPDX-License-Identifier: MIT */
#include "lib/sketch/cuckoo.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/hash.h"
#include "lib/window/ring.h"

enum { WAYS = 4, MOVES_MAX = 500 };

#define LAYOUT UINT64_C(0x01004F4F4B435543)

struct bucket {
	uint16_t print[WAYS]; /* 0: free */
};

/* The start of the block; the buckets of slice s are those of number s mod slices. */
struct head {
	uint64_t layout;
	uint64_t slices;
	uint64_t buckets; /* in a slice */
	uint64_t newest;  /* of the ring */
	uint64_t lost;
	struct random random; /* which fingerprint has to move */
	uint64_t count[CUCKOO_SLICES_MAX];
};

struct cuckoo {
	struct span length;
	struct head *head; /* the block, owned */
	size_t size;       /* of it */
	struct dirty dirty;
};

static struct bucket *
buckets_of(const struct cuckoo *c, uint64_t slice)
{
	return (struct bucket *)(c->head + 1) +
	    (size_t)(slice % c->head->slices) * (size_t)c->head->buckets;
}

/* Fingerprints are 1..65535. */
static uint16_t
print_of(uint64_t hash)
{
	return (uint16_t)(1 + hash_bucket(hash_mix(hash), UINT16_MAX));
}

/* The other bucket of a fingerprint, from either: their sum is the fingerprint's own
 * (modulo the buckets, which need not be a power of two). */
static uint64_t
other_bucket(const struct cuckoo *c, uint64_t i, uint16_t print)
{
	uint64_t n = c->head->buckets, sum = hash_bucket(hash_mix(print), n);

	return sum >= i ? sum - i : sum + n - i;
}

static void
mark(struct cuckoo *c, const struct bucket *b, size_t n)
{
	dirty_mark(&c->dirty, (size_t)((const uint8_t *)b - (uint8_t *)c->head),
	    n * sizeof *b);
}

static bool
bucket_replace(struct cuckoo *c, struct bucket *b, uint16_t old, uint16_t new)
{
	for (unsigned way = 0; way < WAYS; way++) {
		if (b->print[way] == old) {
			b->print[way] = new;
			mark(c, b, 1);
			return true;
		}
	}
	return false;
}

static bool
bucket_has(const struct bucket *b, uint16_t print)
{
	bool has = false;

	for (unsigned way = 0; way < WAYS; way++)
		has |= b->print[way] == print;
	return has;
}

struct cuckoo *
cuckoo_new(struct span length, unsigned slices, uint64_t memory_bytes)
{
	uint64_t fixed = sizeof(struct cuckoo) + sizeof(struct head), buckets;
	struct cuckoo *c;

	assert(length.us > 0 && slices > 0 && slices <= CUCKOO_SLICES_MAX);
	if (memory_bytes < fixed + 2 * slices * sizeof(struct bucket) ||
	    memory_bytes > SIZE_MAX / 2)
		return NULL;
	buckets = (memory_bytes - fixed) / sizeof(struct bucket) / slices;
	c = calloc(1, sizeof *c);
	if (c == NULL)
		return NULL;
	c->length = length;
	c->size = sizeof(struct head) + slices * buckets * sizeof(struct bucket);
	c->head = calloc(1, c->size);
	if (c->head == NULL || dirty_init(&c->dirty, c->size) != 0) {
		free(c->head);
		free(c);
		return NULL;
	}
	c->head->layout = LAYOUT;
	c->head->slices = slices;
	c->head->buckets = buckets;
	return c;
}

void
cuckoo_free(struct cuckoo *c)
{
	if (c == NULL)
		return;
	dirty_fini(&c->dirty);
	free(c->head);
	free(c);
}

static uint64_t
slice_at(const struct cuckoo *c, instant when)
{
	return ring_slice(c->length, (unsigned)c->head->slices, when);
}

bool
cuckoo_has(const struct cuckoo *c, uint64_t hash, instant when)
{
	unsigned slices = (unsigned)c->head->slices;
	uint64_t i = hash_bucket(hash, c->head->buckets), first,
		 last = slice_at(c, when);
	uint16_t print = print_of(hash);
	uint64_t j = other_bucket(c, i, print);

	if (!ring_within(c->head->newest, slices, &first, &last))
		return false;
	for (uint64_t s = first; s <= c->head->newest; s++) {
		const struct bucket *b = buckets_of(c, s);

		if (bucket_has(&b[i], print) || bucket_has(&b[j], print))
			return true;
	}
	return false;
}

/* Move fingerprints to their other buckets until one finds a free place; when there is
 * none in reach, move them all back. */
static bool
displace(struct cuckoo *c, struct bucket *b, uint64_t i, uint16_t print)
{
	struct random *random = &c->head->random;
	uint64_t at[MOVES_MAX];
	uint8_t ways[MOVES_MAX];

	for (unsigned n = 0; n < MOVES_MAX; n++) {
		unsigned way = (unsigned)(random_next(random) % WAYS);
		uint16_t moved = b[i].print[way];

		b[i].print[way] = print;
		mark(c, &b[i], 1);
		at[n] = i;
		ways[n] = (uint8_t)way;
		print = moved;
		i = other_bucket(c, i, print);
		if (bucket_replace(c, &b[i], 0, print))
			return true;
	}
	for (unsigned n = MOVES_MAX; n > 0; n--) {
		uint16_t *place = &b[at[n - 1]].print[ways[n - 1]], moved = *place;

		*place = print;
		print = moved;
	}
	return false;
}

bool
cuckoo_add(struct cuckoo *c, uint64_t hash, instant when)
{
	struct head *head = c->head;
	unsigned slices = (unsigned)head->slices;
	uint64_t slice = slice_at(c, when), i = hash_bucket(hash, head->buckets);
	uint16_t print = print_of(hash);
	struct bucket *b = buckets_of(c, slice);
	uint64_t j = other_bucket(c, i, print);
	bool added = false;

	if (ring_holds(head->newest, slice, slices)) {
		uint64_t s = ring_first_new(head->newest, slice, slices);

		for (; s <= slice; s++) {
			if (head->count[s % slices] > 0) {
				memset(buckets_of(c, s), 0,
				    (size_t)head->buckets * sizeof *b);
				mark(c, buckets_of(c, s), (size_t)head->buckets);
			}
			head->count[s % slices] = 0;
		}
		head->newest = slice > head->newest ? slice : head->newest;
		added = bucket_replace(c, &b[i], 0, print) ||
		    bucket_replace(c, &b[j], 0, print) || displace(c, b, i, print);
		head->count[slice % slices] += added;
	}
	head->lost += !added;
	return added;
}

bool
cuckoo_see(struct cuckoo *c, uint64_t hash, instant when)
{
	if (cuckoo_has(c, hash, when))
		return true;
	cuckoo_add(c, hash, when);
	return false;
}

bool
cuckoo_erase(struct cuckoo *c, uint64_t hash, instant when)
{
	struct head *head = c->head;
	uint64_t slice = slice_at(c, when), i = hash_bucket(hash, head->buckets);
	uint16_t print = print_of(hash);
	struct bucket *b = buckets_of(c, slice);

	if (slice > head->newest ||
	    !ring_holds(head->newest, slice, (unsigned)head->slices))
		return false;
	if (!bucket_replace(c, &b[i], print, 0) &&
	    !bucket_replace(c, &b[other_bucket(c, i, print)], print, 0))
		return false;
	head->count[slice % head->slices]--;
	return true;
}

void
cuckoo_clear(struct cuckoo *c)
{
	struct head empty = {
		.layout = LAYOUT, .slices = c->head->slices, .buckets = c->head->buckets
	};

	dirty_mark_all(&c->dirty);
	if (cuckoo_count(c) > 0)
		memset(c->head, 0, c->size);
	*c->head = empty;
}

uint64_t
cuckoo_count(const struct cuckoo *c)
{
	uint64_t count = 0;

	for (unsigned i = 0; i < c->head->slices; i++)
		count += c->head->count[i];
	return count;
}

uint64_t
cuckoo_lost(const struct cuckoo *c)
{
	return c->head->lost;
}

double
cuckoo_false_positives(const struct cuckoo *c)
{
	/* The two buckets hold 8 * count / places fingerprints on average. */
	return 2 * (double)cuckoo_count(c) / (double)c->head->buckets / UINT16_MAX;
}

uint64_t
cuckoo_capacity(const struct cuckoo *c)
{
	return c->head->buckets * WAYS * 95 / 100;
}

struct slice
cuckoo_bytes(const struct cuckoo *c)
{
	return slice_of(c->head, c->size);
}

struct dirty *
cuckoo_dirty(struct cuckoo *c)
{
	dirty_mark(&c->dirty, 0, sizeof *c->head);
	return &c->dirty;
}

/* The counts are those of the fingerprints. */
static bool
counts_hold(const struct cuckoo *c)
{
	for (uint64_t s = 0; s < c->head->slices; s++) {
		const struct bucket *b = buckets_of(c, s);
		uint64_t count = 0;

		for (uint64_t i = 0; i < c->head->buckets; i++)
			for (unsigned way = 0; way < WAYS; way++)
				count += b[i].print[way] != 0;
		if (count != c->head->count[s])
			return false;
	}
	return true;
}

int
cuckoo_load(struct cuckoo *c, struct slice bytes, struct error *error)
{
	cuckoo_clear(c);
	if (bytes.size == c->size &&
	    memcmp(bytes.at, c->head, offsetof(struct head, newest)) == 0) {
		memcpy(c->head, bytes.at, bytes.size);
		if (counts_hold(c))
			return 0;
		memset(buckets_of(c, 0), 0, c->size - sizeof(struct head));
		memset(c->head->count, 0, sizeof c->head->count);
		cuckoo_clear(c);
	}
	return error_set(error,
	    "the filter of %zu bytes does not fit one of %zu (was it saved with "
	    "another --memory?)",
	    bytes.size, c->size);
}
