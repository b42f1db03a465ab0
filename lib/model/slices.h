/* SPDX-License-Identifier: MIT
 *
 * slices: which lanes to believe and how to correct what they say, for each value of a key of
 * the examples (a position, a shop) by itself: a bounded map of its own beside the model's.
 * A new slice begins with what is believed of all, and the stalest is given up for it.
 *
 * With a live model the map is live too, in a file named after it.
 */
#ifndef BANNERPIPE_MODEL_SLICES_H
#define BANNERPIPE_MODEL_SLICES_H

#include "lib/model/cells.h"
#include "lib/model/head.h"

struct slices {
	struct cells_kind kind;
	struct cells cells;
	char *path; /* owned; of a live map */
	/* Of the example at hand. */
	uint64_t slice;            /* 0: none */
	struct head_belief *found; /* one for each target; NULL: that of all counts */
};

/* As cells_init, cells_open, cells_beside and cells_show; `live` is the path of the model's. NULL and error. */
struct slices *slices_new(unsigned targets, uint64_t bytes, const struct os *os,
    struct slice text, struct error *error);
struct slices *slices_attach(unsigned targets, const struct os *os, const char *live,
    bool *missing, struct error *error);
int slices_beside(struct slices *s, const char *live, const struct slices *old,
    uint64_t showing, struct error *error);
int slices_show(struct slices *s, struct slices *old, struct error *error);
void slices_free(struct slices *s);

/* The example's slice, by a hash of its value, from now on; 0: none. */
static inline void
slices_set(struct slices *s, uint64_t hash)
{
	s->slice = hash;
	s->found = NULL;
}

/* Look it up; or give it a place when it has none, where target t begins with what
 * head[t] believes. */
void slices_look_up(struct slices *s);
void slices_take_up(struct slices *s, const struct head *const *head, uint64_t now);

void slices_save(struct slices *s, struct state_writer *to);
int slices_load(
    struct slices *s, struct state_reader *from, uint64_t last, struct error *error);

#endif
