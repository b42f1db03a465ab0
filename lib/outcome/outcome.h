/* SPDX-License-Identifier: MIT
 *
 * outcome: what was shown, held until it is known what came of it.
 *
 * A banner is made by a decision or an impression, clicked, and credited with the
 * conversions of its user. Its outcome is given when the window for clicks has closed, or
 * after a shorter wait, taken back and given anew when it changes, and complete when nothing can be added any
 * more. filters/join.1 defines what an outcome says; every sum of weight x anything
 * over the outcomes given so far is exact at every instant.
 *
 * What is found invalid stays, void: it counts no more, is told beside what counts, and
 * counts again when it is found valid. So it does not matter when that is found, as long as
 * all that it concerns is held.
 *
 * The memory is taken at the start; when it is full the banner that was complete first goes,
 * and when there is none the one that came first is closed early. All is determined by the order of the calls. Keys are 64-bit hashes
 * (hash_keyed) that differ between kinds of key; 0 is none.
 */
#ifndef BANNERPIPE_OUTCOME_OUTCOME_H
#define BANNERPIPE_OUTCOME_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/outcome/event.h"
#include "lib/state.h"
#include "lib/when.h"

enum attribution {
	ATTRIBUTION_LAST,
	ATTRIBUTION_FIRST,
	ATTRIBUTION_LINEAR,
	ATTRIBUTION_TIME_DECAY, /* 2^(-age / half_life) */
	ATTRIBUTION_POSITION,   /* 40% first, 40% last, 20% among the others */
};

#define ATTRIBUTION_WORDS "last|first|linear|time-decay|position"

enum reward { REWARD_CLICK, REWARD_CONVERSION, REWARD_VALUE };

#define REWARD_WORDS "click|conversion|value"

enum {
	OUTCOME_TOUCHES_MAX = 256, /* that share a conversion */
	OUTCOME_CARRIED_MAX = 232, /* keys that an outcome takes over */
};

struct outcome_rules {
	struct span click_window, view_window, purchase_window, half_life, keep;
	struct span
	    wait; /* for a first click; what comes later revises. 0: the window */
	enum attribution attribution;
	enum reward reward;
	bool by_impression; /* a decision without impression has no outcome */
	bool final;         /* give only complete outcomes */
};

enum outcome_found {
	OUTCOME_TAKEN,   /* it is in */
	OUTCOME_REPEAT,  /* the same banner again: what it adds is taken over */
	OUTCOME_ORPHAN,  /* nothing that it belongs to */
	OUTCOME_LATE,    /* after the window */
	OUTCOME_LARGE,   /* more bytes than the memory holds, or too many keys */
	OUTCOME_UNKNOWN, /* a judgement of what is not held */
	OUTCOME_FAILED,  /* emit has failed */
};

struct outcome_counts {
	uint64_t given, taken_back, closed_early, unshown, repeats, refunds;
	uint64_t orphan_clicks, orphan_conversions, orphan_refunds, retracted;
	uint64_t restored, orphan_judgements, forgotten;
};

/* Gets every outcome as a finished record; 0, or -1 to stop. */
typedef int outcome_emit(void *context, struct slice record);

struct outcomes;

/* Keys are made with the reader, before its first scan. NULL and error when
 * memory_bytes are not to be had, or are less than 4 MiB. */
struct outcomes *outcomes_new(const struct outcome_rules *rules, struct reader *reader,
    uint64_t memory_bytes, outcome_emit *emit, void *context, struct error *error);
void outcomes_free(struct outcomes *o);

/* Event time has passed: what is due before the watermark is given. 0, or -1 when emit
 * has failed. */
int outcomes_advance(struct outcomes *o, instant watermark);
/* The input is complete: the rest is given. */
int outcomes_finish(struct outcomes *o);

/* Cost of each: about 0.3 us, and the copy of the record where it is kept. */
enum outcome_found outcomes_request(struct outcomes *o, const struct outcome_event *e);
enum outcome_found outcomes_show(struct outcomes *o, const struct outcome_event *e);
enum outcome_found outcomes_click(struct outcomes *o, const struct outcome_event *e);
enum outcome_found outcomes_convert(struct outcomes *o, const struct outcome_event *e);
enum outcome_found outcomes_refund(struct outcomes *o, const struct outcome_event *e);

/* What was found of an event. */
struct outcome_judgement {
	uint64_t id;
	bool out;
	int64_t version; /* -1: none, it is the event itself that says so */
	bool carried; /* by the event that flows once more: no repeat is looked for */
	struct slice reason;
	instant at; /* WHEN_NEVER: the latest event */
};

/* Take the event out, or put it in again. OUTCOME_TAKEN, OUTCOME_REPEAT, OUTCOME_UNKNOWN or
 * OUTCOME_FAILED. *conversion: it was one, or a refund. */
enum outcome_found outcomes_judge(
    struct outcomes *o, const struct outcome_judgement *j, bool *conversion);
/* Whether something of that id is held; its weight and whether it is out. */
bool outcomes_standing(
    const struct outcomes *o, uint64_t id, double *weight, bool *out);

/* Whether anything was ever out, or had a negative weight: else no event is one that flows
 * once more, and need not be looked up. */
bool outcomes_any_out(const struct outcomes *o);

/* The address is constant. */
const struct outcome_counts *outcomes_counts(const struct outcomes *o);

/* To a snapshot and back, into outcomes made with the same memory and rules. */
int outcomes_save(struct outcomes *o, struct state_writer *to);
int outcomes_load(struct outcomes *o, struct state_reader *from, struct error *error);

#endif
