/* SPDX-License-Identifier: MIT
 *
 * caps: how often each user was shown each banner, campaign and slot, by event time.
 *
 * Counters are linear in weight, so that what is taken back gives the user room again.
 * A window is cut into CAPS_SLICES slices of event time, and an impression counts until
 * all of its slice is older than the window: a cap is never exceeded within its window,
 * and an impression counts for at most window / CAPS_SLICES longer than it has to. A
 * window's slices begin at multiples of their width since the epoch, so counts do not
 * depend on the order of events. A session is that of session_id; without one, the events
 * of a user without a pause longer than `pause`.
 *
 * The memory is taken at the start; when it is full, the counter that was added to
 * longest ago is evicted, and counted.
 */
#ifndef BANNERPIPE_DELIVERY_CAPS_H
#define BANNERPIPE_DELIVERY_CAPS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/delivery/cap.h"
#include "lib/state.h"
#include "lib/when.h"

enum { CAPS_SLICES = 12 };

/* What is capped: of each its own kind of counter. */
enum caps_subject { CAPS_BANNER, CAPS_CAMPAIGN, CAPS_SLOT, CAPS_SUBJECTS };

/* Who: hashes. user 0: nobody who may be counted, there are no counters of him. */
struct caps_user {
	uint64_t user;
	uint64_t session; /* 0: by pauses */
};

struct caps;

/* NULL when the memory is too little or not there. pause: positive. */
struct caps *caps_new(struct span pause, uint64_t memory_bytes);
void caps_free(struct caps *c);
uint64_t caps_memory_min(void);

/* Which of the limits the next impression would exceed. */
enum caps_verdict { CAPS_FREE, CAPS_TOTAL, CAPS_SESSION, CAPS_WINDOW };

/* "total", "session", "window". */
const char *caps_verdict_name(enum caps_verdict verdict);

/* Whether the user may be shown the subject (its hash) once more at that time. For nobody
 * only a limit of 0 is one. Cost: 30 ns to 150 ns a limit. */
enum caps_verdict caps_ask(const struct caps *c, struct caps_user who,
    enum caps_subject subject, uint64_t id, struct cap cap, instant when);
/* How many more he may be shown now; INT32_MAX: any number. Likewise. */
int32_t caps_room(const struct caps *c, struct caps_user who, enum caps_subject subject,
    uint64_t id, struct cap cap, instant when);
/* It was shown: add the weight to the counters that the cap has. A negative one takes back
 * what was added at that time; nothing from counters that were evicted since. Nothing for
 * nobody. */
void caps_add(struct caps *c, struct caps_user who, enum caps_subject subject,
    uint64_t id, struct cap cap, instant when, double weight);

struct caps_counts {
	uint64_t counters; /* now */
	uint64_t evicted;  /* lost for want of memory */
	uint64_t late;     /* amounts older than all that their window tells apart */
};

struct caps_counts caps_counts(const struct caps *c);

void caps_save(struct caps *c, struct state_writer *to);
/* Into one made with the same arguments. */
int caps_load(struct caps *c, struct state_reader *from, struct error *error);

#endif
