/* SPDX-License-Identifier: MIT */
#include "lib/runner/shape.h"

#include <string.h>

int
shape_find(const struct topology *t, const char *id)
{
	for (unsigned i = 0; i < t->n; i++)
		if (strcmp(t->stage[i].id, id) == 0)
			return (int)i;
	return -1;
}

/* The levels of all, by going over them until nothing changes. A level that reaches the
 * number of stages lies on a ring. */
static bool
levels(const struct topology *t, unsigned level[EPOCH_STAGES_MAX])
{
	bool changed = true;

	memset(level, 0, EPOCH_STAGES_MAX * sizeof *level);
	while (changed) {
		changed = false;
		for (unsigned i = 0; i < t->n; i++)
			for (unsigned k = 0; k < t->stage[i].inputs; k++) {
				int from = shape_find(t, t->stage[i].input[k]);

				if (from < 0 || level[i] > level[from])
					continue;
				level[i] = level[from] + 1;
				changed = true;
				if (level[i] >= t->n)
					return false;
			}
	}
	return true;
}

unsigned
shape_level(const struct topology *t, unsigned stage)
{
	unsigned level[EPOCH_STAGES_MAX];

	(void)levels(t, level);
	return level[stage];
}

static bool
is_read(const struct topology *t, const char *id)
{
	for (unsigned i = 0; i < t->n; i++)
		for (unsigned k = 0; k < t->stage[i].inputs; k++)
			if (strcmp(t->stage[i].input[k], id) == 0)
				return true;
	return false;
}

int
shape_check(const struct topology *t, struct error *error)
{
	unsigned level[EPOCH_STAGES_MAX], sources = 0, sinks = 0;

	for (unsigned i = 0; i < t->n; i++) {
		const struct stage *s = &t->stage[i];

		sources += s->source;
		sinks += s->sink;
		for (unsigned k = 0; k < s->inputs; k++)
			if (shape_find(t, s->input[k]) < 0)
				return error_set(error,
				    "%s reads from %s, which is no stage of this "
				    "pipeline",
				    s->id, s->input[k]);
		if (!s->sink && !is_read(t, s->id))
			return error_set(error,
			    "what %s writes is read by no stage and is no file: let it "
			    "end in one (>> FILE), in bp-log or in bp-send",
			    s->id);
	}
	if (sources == 0 || sinks == 0)
		return error_set(error,
		    "the pipeline has %u stages, but no %s among them", t->n,
		    sources == 0 ? "source" : "sink");
	return levels(t, level) ? 0 : error_set(error, "the stages form a ring");
}
