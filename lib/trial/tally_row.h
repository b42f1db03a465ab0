/* SPDX-License-Identifier: MIT
 *
 * tally_row: the sums of one row of a tally.
 *
 * They are exact (lib/base/exact.h): what is taken back leaves no trace, and their order
 * does not matter. Beside what counts, net, a row has what was found invalid and taken out,
 * as a whole and by reason: gross is both.
 */
#ifndef BANNERPIPE_TRIAL_TALLY_ROW_H
#define BANNERPIPE_TRIAL_TALLY_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/exact.h"
#include "lib/base/slice.h"
#include "lib/record/reasons.h"
#include "lib/when.h"

enum { TALLY_REASONS = 8 }; /* of a row; what is invalid for others is "other" */

/* What is summed; each is linear in the weight w of an event. */
enum tally_sum {
	TALLY_EVENTS,
	TALLY_IMPRESSIONS,         /* those known not to have been viewable left out */
	TALLY_IMPRESSIONS_SQUARED, /* w |w|, for the effective number */
	TALLY_NOT_VIEWABLE,
	TALLY_CLICKS,
	TALLY_CLICKS_SQUARED,
	TALLY_CONVERSIONS,
	TALLY_COST, /* micros */
	TALLY_REVENUE,
	TALLY_COST_SQUARED,
	TALLY_REVENUE_SQUARED,
	TALLY_COST_REVENUE,
	TALLY_GAP, /* sum over (user, item) of |clicks - conversions| */
	/* What was taken out of the sums of these names. */
	TALLY_VOID_EVENTS,
	TALLY_VOID_IMPRESSIONS,
	TALLY_VOID_CLICKS,
	TALLY_VOID_CONVERSIONS,
	TALLY_VOID_COST,
	TALLY_VOID_REVENUE,
	TALLY_SUMS
};

struct tally_row {
	instant start;                    /* of its window */
	uint64_t key;                     /* a hash of window and dimensions */
	exact sums[TALLY_SUMS];           /* tally_sum, tally_gross */
	exact invalid[TALLY_REASONS + 1]; /* of these reasons, and of others */
	uint8_t reasons[TALLY_REASONS];   /* their numbers, 0: not in use */
	uint64_t revision;                /* how often it has been given out */
	uint32_t before, after;           /* its neighbours in the window */
	bool changed;                     /* since it was given out */
	uint16_t dims_size;               /* 0: the row "(other)" */
	/* The dimensions' values follow, msgpack one after another. */
};

static inline struct slice
tally_dims(const struct tally_row *row)
{
	return slice_of(row + 1, row->dims_size);
}

/* What one event adds. */
struct tally_event {
	double weight;
	double impression, click, conversion; /* how many, credits may be fractions */
	double cost, revenue;                 /* micros */
	bool hidden;                          /* known not to have been viewable */
};

/* What was taken out by or with an event; each is multiplied by the weight already. */
struct tally_void {
	double events, impressions, clicks, conversions, cost, revenue;
	unsigned count; /* of the reasons */
	struct {
		struct slice word;
		double n;
	} reasons[TALLY_REASONS];
};

/* Add an event to a row. */
void tally_row_add(struct tally_row *row, const struct tally_event *event);
/* Add what was taken out; the words get their numbers. */
void tally_row_add_void(
    struct tally_row *row, struct reasons *words, const struct tally_void *v);
/* Add all that a row has to another. */
void tally_row_merge(struct tally_row *to, const struct tally_row *from);

double tally_row_sum(const struct tally_row *row, enum tally_sum sum);
/* A sum with what was taken out of it. */
double tally_row_gross(
    const struct tally_row *row, enum tally_sum net, enum tally_sum out);

#endif
