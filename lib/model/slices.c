/* SPDX-License-Identifier: MIT */
#include "lib/model/slices.h"

#include <stdlib.h>
#include <string.h>

#define SUFFIX ".slices"

/* Those that tell the least are as good as any: age decides. */
static float
worth(const struct cells_kind *kind, const void *cell)
{
	(void)kind;
	(void)cell;
	return 0;
}

static bool
is_sound(const struct cells_kind *kind, const void *cell)
{
	const struct head_belief *b = cell;
	bool sound = true;

	for (unsigned i = 0; i < kind->size / sizeof *b; i++)
		sound = sound && mixture_is_sound(&b[i].mixture) &&
		    calibration_is_sound(&b[i].calibration);
	return sound;
}

static struct slices *
slices_of(unsigned targets, struct error *error)
{
	struct slices *s = calloc(1, sizeof *s);

	if (s == NULL) {
		error_set(error, "no memory for slices");
		return NULL;
	}
	s->kind = (struct cells_kind){
		(unsigned)(targets * sizeof(struct head_belief) + 15) / 16 * 16, worth,
		is_sound
	};
	return s;
}

struct slices *
slices_new(unsigned targets, uint64_t bytes, const struct os *os, struct slice text,
    struct error *error)
{
	struct slices *s = slices_of(targets, error);

	if (s == NULL)
		return NULL;
	if (cells_init(&s->cells, &s->kind, bytes, os, NULL, text, error) == 0)
		return s;
	slices_free(s);
	return NULL;
}

static int
take_path(struct slices *s, const char *live, struct error *error)
{
	size_t size = strlen(live) + sizeof SUFFIX;

	free(s->path);
	s->path = malloc(size);
	if (s->path == NULL)
		return error_set(error, "no memory for slices");
	memcpy(s->path, live, strlen(live));
	memcpy(s->path + strlen(live), SUFFIX, sizeof SUFFIX);
	return 0;
}

struct slices *
slices_attach(unsigned targets, const struct os *os, const char *live, bool *missing,
    struct error *error)
{
	struct slices *s = slices_of(targets, error);

	if (s == NULL)
		return NULL;
	if (take_path(s, live, error) == 0 &&
	    cells_open(&s->cells, &s->kind, os, s->path, missing, error) == 0)
		return s;
	slices_free(s);
	return NULL;
}

int
slices_beside(struct slices *s, const char *live, const struct slices *old,
    uint64_t showing, struct error *error)
{
	if (take_path(s, live, error) < 0)
		return -1;
	return cells_beside(
	    &s->cells, s->path, old == NULL ? NULL : &old->cells, showing, error);
}

int
slices_show(struct slices *s, struct slices *old, struct error *error)
{
	return cells_show(&s->cells, old == NULL ? NULL : &old->cells, error);
}

void
slices_free(struct slices *s)
{
	if (s == NULL)
		return;
	cells_fini(&s->cells);
	free(s->path);
	free(s);
}

void
slices_look_up(struct slices *s)
{
	uint64_t place = s->slice == 0
	    ? CELLS_NONE
	    : cells_find(&s->cells, cells_home(&s->cells, s->slice), s->slice);

	s->found = place == CELLS_NONE ? NULL : cells_at(&s->cells, place);
}

void
slices_take_up(struct slices *s, const struct head *const *head, uint64_t now)
{
	struct cells *c = &s->cells;
	uint64_t home, place;

	s->found = NULL;
	if (s->slice == 0)
		return;
	cells_reserve(c, 1, now);
	home = cells_home(c, s->slice);
	place = cells_find(c, home, s->slice);
	if (place == CELLS_NONE) {
		place = cells_take(c, home, s->slice, now);
		if (place == CELLS_NONE)
			return;
		s->found = cells_at(c, place);
		for (unsigned i = 0; i < s->kind.size / sizeof *s->found; i++) {
			s->found[i].mixture = head[i]->mixture;
			s->found[i].calibration = head[i]->calibration;
		}
	}
	s->found = cells_at(c, place);
	cells_touch(c, place, now);
}

void
slices_save(struct slices *s, struct state_writer *to)
{
	cells_save(&s->cells, to);
}

int
slices_load(
    struct slices *s, struct state_reader *from, uint64_t last, struct error *error)
{
	return cells_load(&s->cells, from, last, error);
}
