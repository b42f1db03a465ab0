/* SPDX-License-Identifier: MIT
 *
 * names: what the keys of features stand for, as bp-feature --names writes it: records of
 * kind feature_name with `key` and `name`.
 */
#ifndef BANNERPIPE_MODEL_NAMES_H
#define BANNERPIPE_MODEL_NAMES_H

#include "lib/base/error.h"
#include "lib/base/slice.h"
#include "lib/os.h"

enum { NAMES_BYTES_MIN = 1 << 16, NAME_TEXT_MAX = 256 };

struct names {
	struct table *at; /* owned; of a key, where its name begins in `text` */
	char *text;       /* owned; names, each with a 0 behind it */
	uint64_t used, size;
	uint64_t count, left_out; /* read; for which there was no room */
};

/* All names of the file, within about `bytes` of memory (at least NAMES_BYTES_MIN); of two
 * for one key the first. Names are cut to NAME_TEXT_MAX - 1 bytes. -1 and error. */
int names_read(struct names *n, const struct os *os, const char *path, uint64_t bytes,
    struct error *error);
void names_free(struct names *n);
/* The name of a key, borrowed; NULL when it has none (also of n NULL). */
const char *names_find(const struct names *n, uint64_t key);
/* The name, or the key as 16 hex digits, in `to`. */
struct slice names_text(const struct names *n, uint64_t key, char to[NAME_TEXT_MAX]);
/* Call with each key that has exactly this name. */
void names_keys(const struct names *n, struct slice name,
    void (*each)(void *context, uint64_t key), void *context);

#endif
