/* SPDX-License-Identifier: MIT
 *
 * map: a declarative description of how the fields of a raw input become records. The
 * language is described in bp-map(5); its expressions are those of expr.h.
 *
 * A map is compiled once and run for every raw record (what a line of JSON, CSV or a
 * log says, as a msgpack map that the scanner has passed). Running allocates nothing;
 * one raw record may yield none, one or several records, each of at most
 * RECORD_SIZE_MAX bytes and all together of MAP_OUTPUT_MAX. Cost: about 20 ns a mapped
 * field.
 */
#ifndef BANNERPIPE_TEXT_MAP_H
#define BANNERPIPE_TEXT_MAP_H

#include <stdbool.h>

#include "lib/base/error.h"
#include "lib/base/slice.h"
#include "lib/record/record.h"

enum {
	MAP_SIZE_MAX = 1 << 18,   /* bytes of a map's text */
	MAP_OUTPUT_MAX = 4 << 20, /* bytes of the records of one raw record */
	MAP_SCRATCH = 1 << 20,    /* bytes of texts computed for one raw record */
};

struct map;

/* Compile the text; the fields it names become keys of the reader, so this comes before
 * the reader's first scan. `name` is the file's, for messages; it is not kept. NULL and
 * "name:line:column: reason" with the line and a mark under the place when the text is
 * wrong. The text is not kept. */
struct map *map_compile(
    struct reader *reader, const char *name, struct slice text, struct error *error);
void map_free(struct map *map);

/* Map one raw record, scanned by the reader of map_compile. Returns how many records it
 * yields, 0 when the map drops it, or -1 and *reason (valid until the next run) when it
 * is wrong: no event, no timestamp, a reject statement, a record too large.
 *
 * Every record gets an event_id: what the map assigns, or else `event_id` (a text of at
 * most 200 bytes), of which the second record of one raw record has "-1" appended, the
 * third "-2" and so on. */
int map_run(struct map *map, const struct record *raw, struct slice event_id,
    const char **reason);

/* The records of the last run, one after the other; false after the last. The bytes are
 * valid until the next run. */
bool map_next(struct map *map, struct slice *record);

#endif
