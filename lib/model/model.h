/* SPDX-License-Identifier: MIT
 *
 * model: what is learned online from sparse features about clicks, conversions and values:
 * a head for each target (head.h) on one bounded map of cells (cells.h). One look-up of an
 * example's features serves all heads.
 *
 * A model is a function of its options, its budget and its examples in their order.
 */
#ifndef BANNERPIPE_MODEL_MODEL_H
#define BANNERPIPE_MODEL_MODEL_H

#include "lib/model/cells.h"
#include "lib/model/crosses.h"
#include "lib/model/features.h"
#include "lib/model/newcomers.h"
#include "lib/model/options.h"
#include "lib/model/rows.h"
#include "lib/model/slices.h"

/* What is small: plain data, in the head of the cells' region. */
struct model_state {
	uint64_t examples;      /* learned, those of negative weight too */
	uint64_t taken_back;    /* of them, by a negative weight */
	uint64_t crowded;       /* features of an example that found no cell */
	struct crosses crosses; /* with options.crosses */
	struct examination
	    examination; /* of the first target, with options.examination */
	struct head head[MODEL_HEADS];
};

_Static_assert(sizeof(struct model_state) <= REGION_HEAD - REGION_OWNER,
    "it has room in the head of a region");

struct model_scratch; /* of the example at hand */

struct model {
	struct model_options options;
	struct head_options of_head[MODEL_HEADS];
	unsigned heads;               /* that it has */
	unsigned offset[MODEL_HEADS]; /* of the head's part in a cell */
	struct cells_kind kind;
	struct cells cells;
	struct newcomers newcomers;    /* when options.admit > 1 */
	struct rows *rows;             /* owned; of factors, or NULL */
	struct crosses_search *search; /* owned; of a model that learns, with crosses */
	struct slices *slices;         /* owned; where options.by says so, or NULL */
	struct linear *linear;         /* owned; of that algorithm, or NULL */
	unsigned targets;              /* that it has */
	unsigned first;                /* of them: what is learned given a showing */
	struct examination_place place; /* of the example at hand */
	char text[REGION_TEXT];         /* the options */
	struct model_scratch *scratch;  /* owned */
};

static inline struct model_state *
model_state(const struct model *m)
{
	return region_owner(&m->cells.region);
}

/* The labels of one example. */
struct model_example {
	double weight; /* negative: it is taken back */
	struct {
		bool known; /* there is a label */
		bool
		    unchanged; /* a revision does not change it: it is not learned again */
		double label; /* a probability in [0, 1], or an amount > 0 */
		double
		    weight; /* of it, times that of the example: that of the clicks, of
				 * a conversion given a click; 0: not to be learned */
	} target[MODEL_TARGETS];
	/* Of the conversion, with FEEDBACK_DFM: none has come in these seconds since the
	 * click, or it came after them; negative: nothing is said. */
	double elapsed;
	bool pending; /* one may still come */
};

/* What is said of one example. The mean of a target is given what it is learned given; of the
 * first one with options.examination, given that one looks. */
struct model_estimates {
	uint64_t version; /* examples that had been learned */
	double hidden;    /* how probably one does not look at its place; 0 without */
	struct estimate of[MODEL_TARGETS];
};

/* Which part of a row is a head's: those of conversions come after those of clicks. */
static inline unsigned
model_rows_part(const struct model_options *o, unsigned head)
{
	return head > 0 && o->target[MODEL_CLICK];
}

/* Bytes of a cell, of all heads. */
unsigned model_cell_size(const struct model_options *options);

/* A model within `bytes` for its cells. With a path it is shown there at once, for
 * model_attach; one that is loaded first is shown afterwards. NULL and the error. */
struct model *model_new(const struct model_options *options, uint64_t bytes,
    const struct os *os, const char *live, struct error *error);
/* What of them a search for crosses takes. */
uint64_t model_search_bytes(const struct model_options *options);
/* The same, with so many bytes for each part: the counts of newcomers with admit > 1, rows and
 * the counts of what has none yet with factors, slices with by.
 * What a search for crosses takes comes on top. */
struct model_budget {
	uint64_t cells, newcomers, rows, seen, slices;
};
struct model *model_new_within(const struct model_options *options,
    const struct model_budget *b, const struct os *os, const char *live,
    struct error *error);
/* The model that another process keeps at `live`, to predict with. NULL and error, also when it
 * is being replaced for longer than a while. */
struct model *model_attach(
    const struct os *os, const char *live, bool *missing, struct error *error);
/* Let others see, at `live`, this model, which nobody sees yet. Those who see `old`, or NULL,
 * there attach again: they have the one or the other, and never parts of both. Cost: a copy.
 * -1 and error. */
int model_show(
    struct model *m, const char *live, struct model *old, struct error *error);
/* The other process has begun a new file: attach again. */
static inline bool
model_is_over(const struct model *m)
{
	return region_is_over(&m->cells.region) ||
	    (m->rows != NULL && region_is_over(&m->rows->cells.region)) ||
	    (m->slices != NULL && region_is_over(&m->slices->cells.region));
}
void model_free(struct model *m);

/* The checked features and those of the crosses that were chosen: what has weights. Borrowed
 * from the scratch until the next example, or f. */
struct features model_weighted(const struct model *m, const struct features *f);

/* The weight of a feature of a linear model, and its part of inv(A); false: it has none. */
bool model_linear_weight(const struct model *m, unsigned target, uint64_t key,
    double *weight, double *doubt);

/* The slice of the examples to come, by a hash of its value; 0: none. */
static inline void
model_slice(const struct model *m, uint64_t hash)
{
	if (m->slices != NULL)
		slices_set(m->slices, hash);
}

/* The place of the examples to come: borrowed until the next one is set. */
static inline void
model_place_at(struct model *m, const struct examination_place *place)
{
	m->place = *place;
}

/* How probably one looks at what stands at a place (examination_key). Cost: 1 ns a place that is
 * known; safe with a live model. */
static inline double
model_examination(const struct model *m, uint64_t place)
{
	return m->options.examination[0] == '\0'
	    ? 1
	    : examination_of(&model_state(m)->examination, place);
}

/* What the model says of the features. Nothing changes but scratch. Cost: two cache misses a
 * feature, about ten at a time. */
enum features_fault model_predict(
    const struct model *m, const struct features *f, struct model_estimates *to);

/* The same of several examples that share features, candidates for one place: what they
 * share, once, and then each with what it has besides. Features that cannot be read are a
 * fault. With factors or crosses there is nothing to be shared but the asking: the features stay borrowed
 * by `to`, and each candidate has at most FEATURES_MAX with them. */
struct model_shared {
	uint64_t version;
	struct features features;
	struct head_sum sum[MODEL_TARGETS];
};
enum features_fault model_share(
    const struct model *m, const struct features *f, struct model_shared *to);
enum features_fault model_predict_besides(const struct model *m,
    const struct model_shared *shared, const struct features *f,
    struct model_estimates *to);

/* Predict, and then learn the labels. `to` is what was said before. On a fault nothing has
 * changed. */
enum features_fault model_learn(struct model *m, const struct features *f,
    const struct model_example *e, struct model_estimates *to);

/* An example that comes soon: ask for where its cells are, and, an example or two later, for
 * the cells. Only hints; f need not be checked. */
void model_prefetch(const struct model *m, const struct features *f);
void model_prefetch_cells(const struct model *m, const struct features *f);

/* The expected amount of a target per showing, where it is shown: the product of what it is
 * given. */
double model_mean(
    const struct model *m, const struct model_estimates *e, enum model_target target);

/* A model of the same options and budget into a new one that nobody sees: it goes on as that
 * one would, to the bit. -1 and error. Cost: a copy. */
int model_copy(struct model *to, const struct model *from, struct error *error);

/* The model as the body of a snapshot: all but its options. */
void model_save(struct model *m, struct state_writer *to);
/* The same for a model file. Of counts and linear it has only what was learned: two that learned
 * the same, in whatever order, and whatever else came and was taken back, have the same bytes
 * as long as nothing was evicted or crowded. They go on as if all features had been seen
 * just now. */
void model_save_learned(struct model *m, struct state_writer *to);
/* Into a new model of the same options. With the budget that it was saved with, the model
 * goes on exactly as it would have; with another, the cells are placed afresh, and those
 * that do not fit are evicted. 0, or -1 and the error. */
int model_load(struct model *m, struct state_reader *from, struct error *error);

#endif
