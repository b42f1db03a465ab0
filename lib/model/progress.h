/* SPDX-License-Identifier: MIT
 *
 * progress: how good the predictions of a learner are, made before it learned what they were
 * about (progressive validation: Blum, Kalai and Langford, COLT 1999): since the last report
 * and in total, of each target, and by slices of the examples, as metric records.
 *
 * Of a target that is learned given another one the report is about showings all the same:
 * about the product.
 */
#ifndef BANNERPIPE_MODEL_PROGRESS_H
#define BANNERPIPE_MODEL_PROGRESS_H

#include "lib/model/predictor.h"
#include "lib/model/report.h"
#include "lib/model/unlearn.h"
#include "lib/when.h"

enum {
	PROGRESS_KEYS_MAX = 8, /* to slice by */
	PROGRESS_SLICES_MAX =
	    64, /* values of all of them; what comes later is "(other)" */
};

struct progress;

/* `slices`: names of keys between commas, or NULL. The predictor is borrowed. NULL and error.
 * It takes up to 10 MiB. */
struct progress *progress_new(const struct predictor *p, struct reader *reader,
    const char *slices, struct error *error);
void progress_free(struct progress *g);
/* Say in the reports whose they are: a candidate's name, borrowed. */
void progress_set_candidate(struct progress *g, const char *name);

/* Say in them what was taken back; borrowed. */
void progress_set_unlearn(struct progress *g, const struct unlearn *f);

/* A prediction and what came of it. */
void progress_note(struct progress *g, const struct record *r,
    const struct model_example *e, const struct model_estimates *said);
/* Records noted since the last report. */
uint64_t progress_pending(const struct progress *g);

/* Give the metric records since the last report, or of all; each is handed to `emit`, which
 * returns 0, or -1 to end it. */
typedef int progress_emit(void *context, struct slice record);
int progress_report(struct progress *g, bool total, progress_emit *emit, void *context);

void progress_save(const struct progress *g, struct state_writer *to);
int progress_load(struct progress *g, struct state_reader *from);

#endif
