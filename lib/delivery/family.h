/* SPDX-License-Identifier: MIT
 *
 * family: which rows of a catalogue are one creative: that of its id, and those that are
 * composed of it (lib/compose/composition.h).
 */
#ifndef BANNERPIPE_DELIVERY_FAMILY_H
#define BANNERPIPE_DELIVERY_FAMILY_H

#include <stdint.h>

#define FAMILY_NONE UINT32_MAX

struct families {
	struct table *first; /* owned; the lowest row of each */
	uint32_t *next;      /* owned; by row: the next higher one of its family */
};

/* For rows 0..rows-1. 0, or -1 when there is no memory. */
int families_init(struct families *f, uint32_t rows);
void families_fini(struct families *f);
/* The row is of the family of that hash, of which it was not. Cost of this and the next: a
 * walk through the family. */
void families_add(struct families *f, uint64_t family, uint32_t row);
/* It was, and is no more. */
void families_remove(struct families *f, uint64_t family, uint32_t row);
/* Its rows from the lowest on; FAMILY_NONE at the end. */
uint32_t families_first(const struct families *f, uint64_t family);
static inline uint32_t
families_next(const struct families *f, uint32_t row)
{
	return f->next[row];
}

#endif
