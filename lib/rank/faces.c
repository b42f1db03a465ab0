/* SPDX-License-Identifier: MIT */
#include "lib/rank/faces.h"

#include <stdlib.h>

#include "lib/base/assert.h"
#include "lib/hash.h"

int
faces_init(struct faces *f, uint64_t memory_bytes)
{
	*f = (struct faces){ .lines = memory_bytes / (FACES_LINE * sizeof *f->face) };
	f->lines = f->lines > 0 ? f->lines : 1;
	f->face = calloc(f->lines, FACES_LINE * sizeof *f->face);
	f->spare = calloc(FACES_SLATE, sizeof *f->spare);
	return f->face != NULL && f->spare != NULL ? 0 : -1;
}

void
faces_fini(struct faces *f)
{
	free(f->face);
	free(f->spare);
}

static struct face *
line_of(const struct faces *f, uint64_t id)
{
	return f->face + FACES_LINE * hash_bucket(id, f->lines);
}

struct face *
faces_take(struct faces *f, uint64_t id, bool *known)
{
	struct face *line = line_of(f, id), *oldest = line;

	for (unsigned i = 0; i < FACES_LINE; i++) {
		if (line[i].id == id) {
			line[i].slate = f->slate;
			*known = true;
			return &line[i];
		}
		oldest = line[i].slate < oldest->slate ? &line[i] : oldest;
	}
	*known = false;
	if (oldest->slate == f->slate) {
		assert(f->spared < FACES_SLATE);
		return &f->spare[f->spared++];
	}
	oldest->id = id;
	oldest->slate = f->slate;
	return oldest;
}

void
faces_forget(struct faces *f, uint64_t id)
{
	struct face *line = line_of(f, id);

	for (unsigned i = 0; i < FACES_LINE; i++)
		if (line[i].id == id)
			line[i].id = 0;
}

void
faces_clear(struct faces *f)
{
	for (uint64_t i = 0; i < FACES_LINE * f->lines; i++)
		if (f->face[i].id != 0)
			f->face[i].id = 0;
}
