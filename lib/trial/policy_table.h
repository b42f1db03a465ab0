/* SPDX-License-Identifier: MIT
 *
 * policy_table: a policy that is known by a table: with which probability it shows what at which
 * position, whoever looks.
 *
 * The text has columns position, creative_id and probability, in any order and among
 * others: CSV or TSV with a header, or one JSON object a line. Without a position the row
 * is for all positions; either all rows have one or none. Identifiers are compared as
 * text, so that 7 is "7". What is not in the table has probability 0. The probabilities of
 * a position must add up to 1 within POLICY_TABLE_SLACK, as they do when rounded, and are then
 * divided by their sum.
 */
#ifndef BANNERPIPE_TRIAL_POLICY_TABLE_H
#define BANNERPIPE_TRIAL_POLICY_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/base/slice.h"

enum {
	POLICY_TABLE_TEXT_MAX = 1 << 20,
	POLICY_TABLE_ROWS_MAX = 1 << 16,
	POLICY_TABLE_ID_MAX = 255, /* bytes of an identifier */
};
#define POLICY_TABLE_SLACK 1e-3

struct policy_table;

/* NULL with the error, which names the line, when the text is no such table or there is no
 * memory; takes about 250 bytes a row while it is read, and 200 then. */
struct policy_table *policy_table_read(
    struct slice text, uint64_t seed, struct error *error);
void policy_table_free(struct policy_table *p);

unsigned policy_table_rows(const struct policy_table *p);
/* Whether rows have positions. */
bool policy_table_has_positions(const struct policy_table *p);
/* The probability of a creative at a position (ignored when rows have none); the value is
 * msgpack. False when it is no identifier (a str, bin or integer), or the table has
 * nothing for that position. Cost: about 25 ns. */
bool policy_table_probability(const struct policy_table *p, int64_t position,
    struct slice creative_id, double *to);

#endif
