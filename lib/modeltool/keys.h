/* SPDX-License-Identifier: MIT
 *
 * keys: a list of features in a text file, one a line: a key of up to 16 hex digits, or a
 * name, exactly as bp-feature --names has it. Empty lines count for nothing.
 */
#ifndef BANNERPIPE_MODELTOOL_KEYS_H
#define BANNERPIPE_MODELTOOL_KEYS_H

#include <stdint.h>

#include "lib/model/names.h"

struct keys {
	uint64_t *at; /* owned; as cells store them, ascending, each once */
	size_t count, room;
	bool failed;
};

/* `names` may be NULL. A name stands for all keys that have it. -1 and an error that names
 * the line which is neither. */
int keys_read(struct keys *k, const struct os *os, const char *path,
    const struct names *names, struct error *error);
void keys_free(struct keys *k);

#endif
