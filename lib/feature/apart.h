/* SPDX-License-Identifier: MIT
 *
 * apart: a slate as parts (lib/model/parts.h): for each feature that candidates have by
 * themselves the lists that are different, and the crosses over them. What all have alike
 * goes to what is shared. Private to feature.
 */
#ifndef BANNERPIPE_FEATURE_APART_H
#define BANNERPIPE_FEATURE_APART_H

#include "lib/feature/lists.h"
#include "lib/feature/sides.h"
#include "lib/model/parts.h"

enum {
	APART_CANDIDATES_MAX = 1024,
	APART_SLOTS = 4 * APART_CANDIDATES_MAX,
};

struct apart {
	const struct sides *sides; /* borrowed */
	struct list *now;          /* borrowed: what each feature is, of common ones */
	unsigned n;                /* candidates */
	struct keys shared, parts;
	uint32_t *begin; /* owned, PARTS_MAX + 1 */
	uint16_t *of;    /* owned */
	unsigned count, columns, widest;

	/* Of the column at hand. */
	struct list list[APART_CANDIDATES_MAX]; /* of each candidate */
	uint16_t first[APART_CANDIDATES_MAX];   /* who has a different one first */
	uint16_t number[APART_CANDIDATES_MAX];  /* of that of a candidate */
	uint64_t hash[APART_CANDIDATES_MAX];    /* of each different one */
	uint16_t slot[APART_SLOTS];
};

/* For at most so many keys of different parts. False: no memory. */
bool apart_init(
    struct apart *c, const struct sides *sides, struct list *now, unsigned keys);
void apart_fini(struct apart *c);

/* Begin with n candidates, and what they have in common. False, here and below: there are
 * too many keys, or parts. */
bool apart_begin(struct apart *c, unsigned n, const struct list *common);
/* The column of a feature, whose lists are in c->list. */
bool apart_add(struct apart *c, unsigned feature);
/* All of it; no candidate has more than FEATURES_MAX. */
bool apart_end(struct apart *c, struct model_parts *to);

#endif
