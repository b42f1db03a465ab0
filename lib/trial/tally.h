/* SPDX-License-Identifier: MIT
 *
 * tally: sums by window of event time and by dimensions (which banner, which position), in
 * bounded memory.
 *
 * A row is one combination of dimensions in one tumbling window. When there is no room for
 * a new row, the one that was touched longest ago goes. If its window is open, what it has
 * counted goes to the window's row "(other)", so that the rows of a window always add up to
 * its events. If its window has been given out already, nothing is lost, but what comes
 * later still for that window or an older one is late.
 */
#ifndef BANNERPIPE_TRIAL_TALLY_H
#define BANNERPIPE_TRIAL_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/slice.h"
#include "lib/state.h"
#include "lib/trial/tally_row.h"
#include "lib/when.h"

enum {
	TALLY_DIMS_MAX = 8,
	TALLY_VALUE_MAX = 48,      /* bytes of one dimension's value, as msgpack */
	TALLY_WINDOWS_MAX = 16384, /* then the oldest is given out and forgotten */
	TALLY_MEMORY_MIN = 12 << 20,
};

struct tally;

/* Called for each row that is given out, windows in their order, rows of a window in the
 * order in which they came, "(other)" last. -1 ends the call that gives out. */
typedef int tally_give(void *context, const struct tally_row *row);

/* A tally of `dims` dimensions (0..TALLY_DIMS_MAX), windows of window.us microseconds (0:
 * one for all time), within `memory` bytes (at least TALLY_MEMORY_MIN). NULL when the
 * memory is not there. */
struct tally *tally_new(unsigned dims, struct span window, uint64_t memory,
    uint64_t seed, tally_give *give, void *context);
void tally_free(struct tally *t);

/* The row of an event at `when`, to be added to; valid until the next call. values are the
 * dims values as msgpack; one longer than TALLY_VALUE_MAX stands as its beginning and a
 * hash. NULL: the window is forgotten, the event is late. Cost: about 40 ns. */
struct tally_row *tally_find(struct tally *t, instant when, const struct slice *values);

/* Add what was taken out to a row. */
void tally_add_void(struct tally *t, struct tally_row *row, const struct tally_void *v);
/* How many were taken out of a row for its i-th reason, 0..TALLY_REASONS ("other"); false
 * when none were. The word is borrowed. */
bool tally_invalid(const struct tally *t, const struct tally_row *row, unsigned i,
    struct slice *word, double *n);

/* Count clicks less conversions of a pair (a hash of user and item) in the row's gap. Pairs
 * are forgotten, the stalest first, when there are too many; what they have contributed
 * stays. */
void tally_gap(struct tally *t, struct tally_row *row, uint64_t pair, double difference,
    instant when);

/* Give out the changed rows of all windows that end at or before the watermark, whenever it
 * passes the end of one; or of all windows. 0, or -1 when a call of give failed, then or
 * before. Cost: nothing when no window has ended. */
int tally_close(struct tally *t, instant watermark);
int tally_close_all(struct tally *t);

/* Start and end of a row's window; of the one window for all time, the earliest event's
 * time and the instant after the latest. */
void tally_window(
    const struct tally *t, const struct tally_row *row, instant *start, instant *end);

/* A value as it stands in a row, at most TALLY_VALUE_MAX bytes: a long one becomes a text
 * of 16 bytes of its beginning, where it is text, and its hash. Returns its size. */
unsigned tally_write(uint8_t *to, struct slice value, uint64_t seed);

struct tally_counts {
	uint64_t rows, windows; /* now */
	uint64_t merged;        /* rows that went to "(other)" */
	uint64_t forgotten;     /* rows that had been given out */
};

struct tally_counts tally_counts(const struct tally *t);

void tally_save(const struct tally *t, struct state_writer *to);
/* Into a new tally of the same arguments. -1 when the body is damaged. */
int tally_load(struct tally *t, struct state_reader *from);

#endif
