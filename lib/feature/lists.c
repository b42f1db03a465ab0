/* SPDX-License-Identifier: MIT */
#include "lib/feature/lists.h"

#include <stdlib.h>

#include "lib/record/feature_key.h"

bool
keys_init(struct keys *k, unsigned room)
{
	k->room = room;
	k->key = malloc(room * sizeof *k->key);
	k->x = malloc(room * sizeof *k->x);
	return k->key != NULL && k->x != NULL;
}

void
keys_fini(struct keys *k)
{
	free(k->key);
	free(k->x);
}

bool
keys_append(struct keys *to, const struct list *l)
{
	if (l->n > to->room - to->n)
		return false;
	if (l->n > 0) {
		memcpy(to->key + to->n, l->key, l->n * sizeof *l->key);
		memcpy(to->x + to->n, l->x, l->n * sizeof *l->x);
	}
	for (unsigned i = 0; i < l->n; i++)
		to->weighted |= l->x[i] != 1;
	to->n += l->n;
	return true;
}

/* As that of extract.c, of the lists at hand. */
static bool
make_cross(const struct list *by, const struct spec_feature *f, unsigned depth,
    uint64_t hash, double value, struct keys *to)
{
	const struct list *l = &by[f->parts[depth]];

	if (depth + 1 < f->part_count) {
		for (unsigned i = 0; i < l->n; i++)
			if (!make_cross(by, f, depth + 1, hash_pair(hash, l->key[i]),
				value * (double)l->x[i], to))
				return false;
		return true;
	}
	if (l->n > to->room - to->n)
		return false;
	for (unsigned i = 0; i < l->n; i++) {
		float x = (float)(value * (double)l->x[i]);

		to->key[to->n] = feature_key(f->space, hash_pair(hash, l->key[i]));
		to->weighted |= x != 1;
		to->x[to->n++] = x;
	}
	return true;
}

bool
keys_cross(
    struct keys *to, const struct spec_feature *f, struct list *by, unsigned self)
{
	unsigned begin = to->n;

	if (!make_cross(by, f, 0, 0, 1, to))
		return false;
	by[self] = keys_since(to, begin);
	return true;
}

struct features
keys_features(const struct keys *k)
{
	for (unsigned i = 0; i < k->n; i++) {
		uint32_t bits;

		memcpy(&bits, &k->x[i], sizeof bits);
		bits = bytes_le32(bits);
		memcpy(&k->x[i], &bits, sizeof bits);
		k->key[i] = bytes_le64(k->key[i]);
	}
	return (struct features){ slice_of(k->key, k->n * sizeof *k->key),
		slice_of(
		    k->weighted ? k->x : NULL, k->weighted ? k->n * sizeof *k->x : 0) };
}
