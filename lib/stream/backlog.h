/* SPDX-License-Identifier: MIT
 *
 * backlog: a queue of items of bytes, in bounded memory and then in a bounded file.
 *
 * The first items lie in memory, those that do not fit behind them in a file without a
 * name, which is used round and round. What is in it need not survive the process.
 */
#ifndef BANNERPIPE_STREAM_BACKLOG_H
#define BANNERPIPE_STREAM_BACKLOG_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/base/slice.h"
#include "lib/os.h"
#include "lib/when.h"

/* What is kept of an item besides its bytes. */
struct backlog_item {
	instant at;    /* its place in time */
	uint32_t size; /* of its bytes, at most BACKLOG_ITEM_MAX */
	uint32_t kind; /* the caller's */
};

enum {
	BACKLOG_ITEM_MAX = 1 << 20,
	BACKLOG_MEMORY_MIN = BACKLOG_ITEM_MAX + 2 * (int)sizeof(struct backlog_item),
};

struct backlog {
	const struct os *os;
	uint8_t *memory;           /* owned */
	size_t capacity, from, to; /* the first items are memory[from..to) */
	int fd;                    /* owned; -1: there is no file */
	uint64_t limit;            /* bytes that the file may have */
	uint64_t read, written; /* of the file, ever growing; its rest is after `to` */
	uint8_t *tail;          /* owned; the last bytes of it, not written yet */
	size_t tail_size;
	uint64_t items;
};

/* `memory` is at least BACKLOG_MEMORY_MIN. The file lies in `folder`, which is only used
 * here; limit 0: there is none. 0, or -1 with error. */
int backlog_init(struct backlog *b, const struct os *os, size_t memory,
    const char *folder, uint64_t limit, struct error *error);
void backlog_fini(struct backlog *b);

/* Whether one more item of this size has room. */
bool backlog_has_room(const struct backlog *b, size_t size);
/* Bytes that it holds, with what is kept of the items. */
uint64_t backlog_size(const struct backlog *b);
/* Append an item that has room. 0, or -1 with error: the file cannot be written. */
int backlog_put(struct backlog *b, struct backlog_item item, const void *bytes,
    struct error *error);

/* The first item; its bytes are borrowed until the next call. 1: there is none; -1 with
 * error: the file cannot be read. */
int backlog_first(struct backlog *b, struct backlog_item *item, struct slice *bytes,
    struct error *error);
void backlog_drop_first(struct backlog *b);
void backlog_clear(struct backlog *b);

/* Hand over the first n items in their order, and keep them. Stops when `each` does not
 * answer 0, with its answer; -1 with error when the file cannot be read. */
int backlog_walk(struct backlog *b, uint64_t n,
    int (*each)(void *context, struct backlog_item item, struct slice bytes),
    void *context, struct error *error);

#endif
