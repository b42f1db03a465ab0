/* SPDX-License-Identifier: MIT
 *
 * lists: keys and values of features, borrowed or gathered one after another. Private to
 * feature.
 */
#ifndef BANNERPIPE_FEATURE_LISTS_H
#define BANNERPIPE_FEATURE_LISTS_H

#include "lib/feature/spec.h"
#include "lib/model/features.h"

/* Of one line of the specification. */
struct list {
	const uint64_t *key; /* host order */
	const float *x;
	unsigned n;
};

struct keys {
	uint64_t *key; /* owned, as x; `room` of them */
	float *x;
	unsigned n, room;
	bool weighted; /* a value is not 1 */
};

/* False: no memory. */
bool keys_init(struct keys *k, unsigned room);
void keys_fini(struct keys *k);

static inline void
keys_reset(struct keys *k)
{
	k->n = 0;
	k->weighted = false;
}

/* What was gathered since there were `begin`. */
static inline struct list
keys_since(const struct keys *k, unsigned begin)
{
	return (struct list){ k->key + begin, k->x + begin, k->n - begin };
}

/* Append; false when there is no room for all. */
bool keys_append(struct keys *to, const struct list *l);
/* The combinations of a cross, whose parts' lists are by[part]; and by[self] is what they
 * are from now on. */
bool keys_cross(
    struct keys *to, const struct spec_feature *f, struct list *by, unsigned self);
/* As records have them: little-endian, in place. */
struct features keys_features(const struct keys *k);

#endif
