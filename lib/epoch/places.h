/* SPDX-License-Identifier: MIT
 *
 * places: where the files lie that a stage writes, in DIR/stage/ID/outputs: for each the
 * stage's own name for it ("standard output") and its path when the stage was started; and where its standard error goes, if that is a
 * file.
 */
#ifndef BANNERPIPE_EPOCH_PLACES_H
#define BANNERPIPE_EPOCH_PLACES_H

#include "lib/epoch.h"

enum { PLACES_MAX = 16 };
/* Not an output, but the stage says there what goes wrong. */
#define PLACES_ERRORS "standard error"

struct places {
	unsigned n;
	struct {
		const char *name, *path; /* in text */
	} at[PLACES_MAX];
	size_t size;
	char text[EPOCH_FILE_MAX];
};

/* Add one to those that shall be written; what has a newline in it, and what is more than
 * fits, is left out. */
void places_add(struct places *p, const char *name, const char *path);
int places_write(const struct os *os, const char *dir, const char *id,
    const struct places *p, struct error *error);
/* As epoch_read_topology. */
int places_read(const struct os *os, const char *dir, const char *id, struct places *p,
    struct error *error);
/* The path of an output; NULL when it is not known. */
const char *places_find(const struct places *p, const char *name);

#endif
