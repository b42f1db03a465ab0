/* SPDX-License-Identifier: MIT
 *
 * places: where the cell of a key lies, for sketches that decide themselves who has one
 * (velocity, spread). Sets of eight places; a set's directory is one cache line, so that
 * a key without cell costs one miss, and one with a cell one more than the cell.
 *
 * A directory word is 24 bits of the key's hash and 40 bits of its last touch, in units of
 * 2^15 us, never 0; 0 is a free place: zeroed memory is an empty table. Cells begin with
 * their key. Nothing here owns memory.
 */
#ifndef BANNERPIPE_SKETCH_PLACES_H
#define BANNERPIPE_SKETCH_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/hash.h"
#include "lib/window/ring.h"

enum { PLACES_WAYS = 8 };

#define PLACES_NONE SIZE_MAX

struct places {
	uint64_t *words; /* sets * PLACES_WAYS, on a cache line */
	uint8_t *cells;  /* as many, of `stride` bytes */
	size_t stride;   /* a multiple of 8 */
	uint64_t sets;
};

/* The hash that places a key, so that no one who does not know the seed can fill a set. */
static inline uint64_t
places_hash(uint64_t seed, uint64_t key)
{
	return hash_mix(hash_mix(key ^ seed) + seed);
}

/* Where the key is in the rows of a sketch: its bucket in the next row is that of
 * hash += step (Kirsch and Mitzenmacher, "Less hashing, same performance", ESA 2006). Mixed
 * again, so that keys of one set do not share their rows. */
struct places_way {
	uint64_t hash, step;
};

static inline struct places_way
places_way(uint64_t hash)
{
	struct places_way way = { .hash = hash_mix(~hash) };

	way.step = hash_mix(way.hash + UINT64_C(0x9E3779B97F4A7C15)) | 1;
	return way;
}

static inline uint64_t
places_next(struct places_way *way, uint64_t n)
{
	way->hash += way->step;
	return hash_bucket(way->hash, n);
}

static inline uint64_t
places_when(instant when)
{
	return (((uint64_t)when + RING_BIAS) >> 15) - (RING_BIAS >> 15) +
	    (UINT64_C(1) << 39);
}

static inline uint64_t
places_tag(uint64_t hash)
{
	return hash << 40;
}

static inline size_t
places_set(const struct places *p, uint64_t hash)
{
	return (size_t)hash_bucket(hash, p->sets) * PLACES_WAYS;
}

static inline void *
places_cell(const struct places *p, size_t slot)
{
	return p->cells + slot * p->stride;
}

/* The ways of a set whose tag is that of the hash, a bit each; without branches, for which
 * way it is cannot be foreseen. */
static inline unsigned
places_alike(const struct places *p, size_t set, uint64_t hash)
{
	uint64_t tag = places_tag(hash);
	unsigned alike = 0;

#pragma GCC unroll 8
	for (unsigned way = 0; way < PLACES_WAYS; way++) {
		uint64_t word = p->words[set + way];

		alike |= (unsigned)((word ^ tag) >> 40 == 0 && word != 0) << way;
	}
	return alike;
}

/* The slot of a key, PLACES_NONE when it has none. */
static inline size_t
places_find(const struct places *p, uint64_t hash, uint64_t key)
{
	size_t set = places_set(p, hash);

	for (unsigned alike = places_alike(p, set, hash); alike != 0;
	     alike &= alike - 1) {
		size_t slot = set + (unsigned)__builtin_ctz(alike);

		if (*(const uint64_t *)places_cell(p, slot) == key)
			return slot;
	}
	return PLACES_NONE;
}

/* The slot of the set that was touched longest ago; a free one if there is. */
static inline size_t
places_stalest(const struct places *p, uint64_t hash)
{
	size_t set = places_set(p, hash), stalest = set;

	for (size_t slot = set + 1; slot < set + PLACES_WAYS; slot++)
		if (p->words[slot] << 24 < p->words[stalest] << 24)
			stalest = slot;
	return stalest;
}

/* Whether a taken place was not touched since `horizon` (places_when). */
static inline bool
places_before(const struct places *p, size_t slot, uint64_t horizon)
{
	return p->words[slot] << 24 < horizon << 24;
}

static inline void
places_take(const struct places *p, size_t slot, uint64_t hash, instant when)
{
	p->words[slot] = places_tag(hash) | places_when(when);
}

static inline void
places_touch(const struct places *p, size_t slot, instant when)
{
	uint64_t last = places_when(when);

	if (p->words[slot] << 24 < last << 24)
		p->words[slot] = (p->words[slot] >> 40 << 40) | last;
}

static inline void
places_prefetch(const struct places *p, uint64_t hash)
{
	__builtin_prefetch(p->words + places_set(p, hash));
}

static inline void
places_fetch(const void *at, size_t size)
{
	for (size_t i = 0; i < size + 63; i += 64)
		__builtin_prefetch((const uint8_t *)at + (i < size ? i : size - 1));
}

/* Bring the cell of a key into the cache; false when it seems to have none. */
static inline bool
places_prefetch_cell(const struct places *p, uint64_t hash)
{
	size_t set = places_set(p, hash);
	unsigned alike = places_alike(p, set, hash);

	if (alike != 0)
		places_fetch(
		    places_cell(p, set + (unsigned)__builtin_ctz(alike)), p->stride);
	return alike != 0;
}

#endif
