/* SPDX-License-Identifier: MIT
 *
 * columns: records as rows of named columns. A column is a path: the record's key, and
 * those of nested maps behind dots ("rewards.click"). A record's leaves are its values
 * that are no maps (or empty ones); each is the column of its path.
 */
#ifndef BANNERPIPE_TEXT_COLUMNS_H
#define BANNERPIPE_TEXT_COLUMNS_H

#include <stdbool.h>

#include "lib/base/slice.h"
#include "lib/record/record.h"

enum {
	COLUMNS_MAX = 256,
	COLUMNS_NAME_MAX = 1024, /* bytes of a path; a longer one is no column */
	COLUMNS_NAMES_MAX = 1 << 16,
};

struct columns;

/* None yet. NULL when there is no memory; takes 80 KiB. */
struct columns *columns_new(void);
void columns_free(struct columns *c);
void columns_clear(struct columns *c);

unsigned columns_count(const struct columns *c);
/* 0 <= i < columns_count; borrowed until the next clear. */
struct slice columns_name(const struct columns *c, unsigned i);

/* Append a column. True when it is there now, or was before; false when there is no
 * room for it. */
bool columns_add(struct columns *c, struct slice name);
/* Append a column for each leaf of the map that has none, as far as there is room.
 * Returns how many were new. */
unsigned columns_add_leaves(struct columns *c, struct slice map);

/* Set values[i] to the map's value of column i, or to an absent slice. A column may
 * also name a nested map. Returns how many leaves have no column. The map is one that
 * the scanner has passed. Cost: about 20 ns a value, less where records have the same
 * keys in the order of the columns. */
unsigned columns_match(struct columns *c, struct slice map, struct slice values[]);

/* Call back for each leaf in order, until the callback answers false. The path is
 * borrowed until it returns. */
typedef bool columns_visit(void *context, struct slice path, struct slice value);
void columns_leaves(struct slice map, columns_visit *visit, void *context);

#endif
