/* SPDX-License-Identifier: MIT
 *
 * faces: what was made of candidates by themselves (lib/feature/plan.h), to be had again: a
 * cache, which decides nothing. A slate's faces stay where they are until the next one.
 */
#ifndef BANNERPIPE_RANK_FACES_H
#define BANNERPIPE_RANK_FACES_H

#include <stdbool.h>
#include <stdint.h>

enum {
	FACES_SIZE = 2000, /* bytes of one, of which few are touched */
	FACES_SLATE = 1024,
};

struct face {
	uint64_t id;    /* a hash; 0: it is empty */
	uint64_t slate; /* that had it last */
	uint8_t bytes[FACES_SIZE];
};

struct faces {
	struct face *face; /* owned; lines of FACES_LINE */
	uint64_t lines, slate;
	struct face *spare; /* owned; for those of a slate that find no place */
	unsigned spared;
};

enum { FACES_LINE = 4 };

/* Within so many bytes, and one slate; -1: no memory. */
int faces_init(struct faces *f, uint64_t memory_bytes);
void faces_fini(struct faces *f);

static inline void
faces_next_slate(struct faces *f)
{
	f->slate++;
	f->spared = 0;
}

/* The face of that id, which is not 0; when *known is false, to be made. At most FACES_SLATE
 * calls for a slate. */
struct face *faces_take(struct faces *f, uint64_t id, bool *known);
/* It is another one from now on. */
void faces_forget(struct faces *f, uint64_t id);
void faces_clear(struct faces *f);

#endif
