/* SPDX-License-Identifier: MIT
 *
 * conditions: many expressions of bp-select's language over one request.
 *
 * Campaigns often share a condition: the same text is compiled once, and evaluated once
 * for each request. Fields are looked up by a reader of its own, which is made afresh
 * when a condition is added after requests were read.
 */
#ifndef BANNERPIPE_DELIVERY_CONDITIONS_H
#define BANNERPIPE_DELIVERY_CONDITIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/base/slice.h"

enum {
	CONDITIONS_MAX = 2048,       /* different ones */
	CONDITIONS_SCRATCH = 8192,   /* bytes of texts that one computes */
	CONDITIONS_FIELDS_MAX = 200, /* different fields that they name in all */
};

struct conditions;

/* Some 16 KiB for each different condition. NULL when there is no memory. */
struct conditions *conditions_new(void);
void conditions_free(struct conditions *c);

/* A condition's number, from 1; the same text has the same one, and is counted. 0 and
 * error, which says the column. Takes memory. */
uint32_t conditions_add(struct conditions *c, struct slice text, struct error *error);
/* Take back one such call. */
void conditions_drop(struct conditions *c, uint32_t number);

/* The request that the next questions are about: a map that was scanned, with
 * RECORD_PADDING bytes after it; borrowed while they are asked. */
void conditions_begin(struct conditions *c, struct slice request);
/* Whether the condition holds for it. Never, when there was no memory to read it. Cost:
 * the first of a request 100 ns to scan it, then as expr.h says. */
bool conditions_hold(struct conditions *c, uint32_t number);

#endif
