/* SPDX-License-Identifier: MIT
 *
 * quarantine: a record at which a stage dies again and again is rejected unseen.
 *
 * A stage whose file DIR/stage/ID/current exists keeps the number of the record in hand in
 * it, 0 between records. When a group has failed, the culprit is the stage among the dead
 * that had a record in hand and stands last in the pipeline: those after it died of a
 * stream that ended too early, with no record in hand; those before it of a pipe without
 * reader.
 */
#ifndef BANNERPIPE_RUNNER_QUARANTINE_H
#define BANNERPIPE_RUNNER_QUARANTINE_H

#include "lib/epoch.h"

struct suspect {
	char id[EPOCH_ID_MAX];
	uint64_t record; /* counted from 1; 0: nobody is suspected */
	uint64_t times;  /* in a row */
};

/* Create or clear the files `current` of all stages, before a start. */
int quarantine_watch(const struct os *os, const char *dir, const struct topology *t,
    struct error *error);

/* Who failed, and at which record: among the stages with dead[i]; record 0 when that
 * cannot be told. */
void quarantine_find(const struct os *os, const char *dir, const struct topology *t,
    const bool dead[EPOCH_STAGES_MAX], struct suspect *found);

/* Put the record into DIR/quarantine, durably. */
int quarantine_add(
    const struct os *os, const char *dir, const struct suspect *s, struct error *error);
/* Call `each` with every one that is there. */
int quarantine_list(const struct os *os, const char *dir,
    void (*each)(void *context, const char *id, uint64_t record), void *context,
    struct error *error);

#endif
