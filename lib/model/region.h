/* SPDX-License-Identifier: MIT
 *
 * region: the memory of a table of a model: its own, or a file that is mapped shared, so
 * that other processes read what is learned as it is learned.
 *
 * A file is new whenever a region is made: the one of before it, if it is still there, is
 * marked as given up and replaced by rename, so that whoever has mapped it sees the mark
 * and maps the new one. It is as large as it can get and sparse. Nothing is ever synced: the
 * durable truth is the snapshot (lib/state.h), and what a dead writer left is known by the
 * lock that it no longer holds.
 *
 *	head    REGION_HEAD bytes: struct region_head, then what its owner keeps there
 *	content the rest
 */
#ifndef BANNERPIPE_MODEL_REGION_H
#define BANNERPIPE_MODEL_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/base/slice.h"
#include "lib/os.h"

enum {
	REGION_HEAD = 32768,
	REGION_TEXT = 4096,  /* of it, what the owner says of itself */
	REGION_OWNER = 8192, /* the offset of what the owner keeps there */
};

#define REGION_MAGIC UINT64_C(0x314556494c504200) /* "\0BPLIVE1", little-endian */

struct region_head {
	uint64_t magic;
	uint64_t size;     /* of all */
	uint64_t version;  /* counts updates; the last thing that an update writes */
	uint64_t over;     /* 1: given up, a newer file has taken its place */
	uint64_t shape[8]; /* of the content, the owner's */
	uint64_t text_size;
	uint64_t text_sum; /* hash_bytes of the text and the shape, seed 0 */
	char text[REGION_TEXT];
};

_Static_assert(sizeof(struct region_head) <= REGION_OWNER, "a head has room");

struct region {
	struct region_head *head; /* owned, also when it is only read */
	uint8_t *content;         /* REGION_HEAD behind head */
	size_t size;              /* of the content */
	int fd;                   /* that holds the lock, or -1: memory of our own */
	int claimed; /* the file that it will replace, which a dead process left, or -1 */
	bool reads; /* somebody else writes it */
};

/* Zeros for so many bytes of content. With a path (else NULL): in a file that region_show
 * will put there; until region_fini it is locked. An error when another process has a
 * region at that path. `old`, or NULL: what it will replace. -1 and error. */
int region_init(struct region *r, const struct os *os, const char *path,
    const struct region *old, size_t size, struct error *error);
/* Let others see it: what the content is (shape), and what it is of (text, at most
 * REGION_TEXT bytes). Nothing happens to memory of our own. `old` is marked as given up. */
int region_show(struct region *r, const struct os *os, const char *path,
    const struct region *old, const uint64_t shape[8], struct slice text,
    struct error *error);
/* What another process has shown at `path`: mapped, read only. -1 with error; *missing when
 * there is no such file. */
int region_open(struct region *r, const struct os *os, const char *path, bool *missing,
    struct error *error);
void region_fini(struct region *r, const struct os *os);

/* Where the owner keeps what is small. */
static inline void *
region_owner(const struct region *r)
{
	return (uint8_t *)r->head + REGION_OWNER;
}

/* The writer's last step of an update, and what a reader sees of it. */
static inline void
region_set_version(struct region *r, uint64_t version)
{
	__atomic_store_n(&r->head->version, version, __ATOMIC_RELEASE);
}

static inline uint64_t
region_version(const struct region *r)
{
	return __atomic_load_n(&r->head->version, __ATOMIC_ACQUIRE);
}

static inline bool
region_is_over(const struct region *r)
{
	return __atomic_load_n(&r->head->over, __ATOMIC_ACQUIRE) != 0;
}

#endif
