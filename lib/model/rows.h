/* SPDX-License-Identifier: MIT
 *
 * rows: where the factors of features are kept (factors.h): a map of their own beside the
 * cells of a model, within its budget. A feature gets a row when it has been seen ROWS_SEEN
 * times; a row has a part for each head that has factors.
 *
 * With a live model the map is live too, in a file named after it.
 */
#ifndef BANNERPIPE_MODEL_ROWS_H
#define BANNERPIPE_MODEL_ROWS_H

#include "lib/model/cells.h"
#include "lib/model/factors.h"
#include "lib/model/features.h"
#include "lib/model/newcomers.h"

enum { ROWS_SEEN = 4, ROWS_SEEN_BYTES = 1 << 20 /* to count them, at most */ };

#define ROWS_SUFFIX ".factors"

struct rows {
	struct cells_kind kind; /* first: what cells hand back */
	struct factors_options options;
	unsigned part_size; /* of one head */
	struct cells cells;
	struct newcomers seen;
	char *path;                   /* owned; or NULL */
	struct rows_scratch *scratch; /* owned */
};

/* The numbers of fields, in the head of the cells' region. */
static inline struct factors_fields *
rows_fields(const struct rows *r)
{
	return region_owner(&r->cells.region);
}

/* What `bytes` of a model are for rows, when a cell has so many, and so many heads have
 * factors; and what of that is to count those that have none yet. */
uint64_t rows_share(const struct factors_options *o, unsigned heads, unsigned cell_size,
    uint64_t bytes);
uint64_t rows_share_of_seen(uint64_t bytes);

/* As cells_init, cells_open, cells_beside and cells_show; `live` is the path of the model's. `seen`: bytes to
 * count those that have no row yet. NULL and error. */
struct rows *rows_new(const struct factors_options *o, unsigned heads, uint64_t bytes,
    uint64_t seen, const struct os *os, struct slice text, struct error *error);
int rows_beside(struct rows *r, const char *live, const struct rows *old,
    uint64_t showing, struct error *error);
int rows_show(struct rows *r, struct rows *old, struct error *error);
struct rows *rows_attach(const struct factors_options *o, unsigned heads,
    const struct os *os, const char *live, bool *missing, struct error *error);
void rows_free(struct rows *r);

/* Find the rows of an example, to predict with; or to change them, when features that have
 * none get one if the example `gives`. */
void rows_look_up(struct rows *r, const struct features *f);
void rows_take_up(struct rows *r, const struct features *f, bool gives, uint64_t now);
/* The parts of a head of what was found. x: n values or NULL. Valid until the next call. */
struct factors_example *rows_of_head(struct rows *r, unsigned head, const float *x);
/* Whether what was found is still there. */
bool rows_are_there(const struct rows *r, const struct features *f);
/* A hint, as model_prefetch. */
void rows_prefetch(const struct rows *r, const struct features *f);

/* As cells_save, cells_load. */
void rows_save(struct rows *r, struct state_writer *to);
int rows_load(
    struct rows *r, struct state_reader *from, uint64_t last, struct error *error);

#endif
