/* SPDX-License-Identifier: MIT */
#include "lib/base/dirty.h"

#include <stdlib.h>
#include <string.h>

int
dirty_init(struct dirty *d, size_t size)
{
	*d = (struct dirty){ .words = size / DIRTY_GRAIN / 64 + 1 };
	d->bits = calloc(d->words, sizeof *d->bits);
	return d->bits != NULL ? 0 : -1;
}

void
dirty_fini(struct dirty *d)
{
	free(d->bits);
	d->bits = NULL;
}

void
dirty_mark_all(struct dirty *d)
{
	memset(d->bits, 0xFF, d->words * sizeof *d->bits);
}

void
dirty_clear(struct dirty *d)
{
	if (d->words > 0)
		memset(d->bits, 0, d->words * sizeof *d->bits);
}

size_t
dirty_count(const struct dirty *d)
{
	size_t n = 0;

	for (size_t i = 0; i < d->words; i++)
		n += (size_t)__builtin_popcountll(d->bits[i]);
	return n;
}

/* The first grain from `from` on whose bit, flipped by `flip`, is set. */
static size_t
seek(const struct dirty *d, size_t from, uint64_t flip)
{
	size_t i = from / 64;
	uint64_t word;

	if (i >= d->words)
		return d->words * 64;
	word = (d->bits[i] ^ flip) & UINT64_MAX << from % 64;
	while (word == 0) {
		if (++i == d->words)
			return d->words * 64;
		word = d->bits[i] ^ flip;
	}
	return i * 64 + (size_t)__builtin_ctzll(word);
}

bool
dirty_next(const struct dirty *d, size_t from, size_t *first, size_t *end)
{
	*first = seek(d, from, 0);
	*end = seek(d, *first, UINT64_MAX);
	return *first < d->words * 64;
}
