/* SPDX-License-Identifier: MIT
 *
 * names: a file of feature_name records, one for each key of a feature that a filter has
 * made, so that people can read what models hold. A key is written once, as long as the
 * memory knows it.
 */
#ifndef BANNERPIPE_FILTER_NAMES_H
#define BANNERPIPE_FILTER_NAMES_H

#include "lib/filter.h"
#include "lib/table.h"

enum { NAMES_TEXT_MAX = 896 }; /* bytes of a name; the rest is cut off */

struct names {
	struct run *run;
	struct output *out; /* the run's; NULL: nothing was opened */
	struct table *seen; /* owned */
};

/* In start. 0, or -1 after run_fail. */
int names_open(
    struct names *n, struct run *run, const char *path, uint64_t memory_bytes);
void names_fini(struct names *n);
/* The name of a key. 0, or -1 after run_fail. */
int names_write(struct names *n, uint64_t key, struct slice name, instant at);

/* Also of what was not opened. Without the names of before, all are written again. 0, or
 * -1 after run_fail. */
void names_save(const struct names *n, struct state_writer *to);
int names_load(struct names *n, struct run *run, struct state_reader *from);

#endif
