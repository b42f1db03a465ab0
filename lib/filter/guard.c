/* SPDX-License-Identifier: MIT
 *
 * What is decided about single records of a stage, by their number (counters.in): which
 * are quarantined, which one is in hand, and where an audit stops. Nothing of it costs
 * anything while the runner does not ask for it.
 */
#include "lib/filter/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/base/number.h"

enum { QUARANTINE_MAX = 1024 };

struct guard {
	_Atomic uint64_t *current;     /* mapped; NULL when nobody asks */
	uint64_t until, until_control; /* counters; UINT64_MAX for no end */
	bool completes;                /* then the input is complete */
	unsigned n;
	uint64_t number[QUARANTINE_MAX];
	char dead[EPOCH_PATH_MAX];
};

static int
until_path(struct run *run, char to[EPOCH_PATH_MAX])
{
	struct error error;

	return epoch_stage_file_path(
		   to, run->pipeline, run->stage->self.id, "until", &error) == 0
	    ? 0
	    : run_fail(run, "%s", error.text);
}

/* The lines "KEY VALUE" of a small file with this key, at most `limit`; 0 when there is
 * no file. */
static int
read_numbers(struct run *run, const char *path, const char *key, uint64_t *to,
    unsigned limit, unsigned *n)
{
	char text[EPOCH_FILE_MAX];
	struct slice rest, line, value;
	size_t end, size = strlen(key);
	struct error error;
	int status = epoch_get(run->os, path, text, &error);

	*n = 0;
	if (status != EPOCH_FOUND)
		return status < 0 ? run_fail(run, "%s", error.text) : 0;
	for (rest = slice_text(text); rest.size > 0; rest = slice_from(rest, end)) {
		end = slice_find(rest, '\n');
		line = slice_of(rest.at, end);
		end += end < rest.size;
		if (line.size <= size || memcmp(line.at, key, size) != 0 ||
		    line.at[size] != ' ')
			continue;
		value = slice_from(line, size + 1);
		if (*n == limit || !number_parse_uint(value, &to[*n]))
			return run_usage(run, "%s makes no sense", path);
		(*n)++;
	}
	return 0;
}

static int
map_current(struct run *run, struct guard *g, const char *path)
{
	int fd = run->os->open(run->os, path, O_RDWR, 0);
	struct stat status;
	void *at = MAP_FAILED;

	if (fd < 0)
		return errno == ENOENT
		    ? 0
		    : run_fail(run, "cannot open %s: %s", path, strerror(errno));
	if (run->os->stat(run->os, fd, &status) == 0 && status.st_size >= 8)
		at = mmap(NULL, 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void)run->os->close(run->os, fd);
	if (at == MAP_FAILED)
		return run_fail(run, "cannot map %s: %s", path, strerror(errno));
	g->current = at;
	return 0;
}

/* The file of what was quarantined, when there is such a thing or was before. */
static int
open_dead(struct run *run, struct guard *g)
{
	struct error error;
	struct stat status;

	if (g->n == 0 && run->os->stat_path(run->os, g->dead, &status) != 0)
		return 0;
	run->dead = output_open(run->os, g->dead, true, &error);
	return run->dead != NULL ? 0 : run_fail(run, "%s", error.text);
}

static int
read_until(struct run *run, struct guard *g)
{
	char path[EPOCH_PATH_MAX];
	uint64_t completes = 0;
	unsigned n = 0;

	if (until_path(run, path) != 0 ||
	    read_numbers(run, path, "in", &g->until, 1, &n) != 0)
		return -1;
	/* Without a number of its own, control records do not matter. */
	if (n > 0)
		g->until_control = 0;
	if (read_numbers(run, path, "control", &g->until_control, 1, &n) != 0 ||
	    read_numbers(run, path, "complete", &completes, 1, &n) != 0)
		return -1;
	g->completes = completes != 0;
	return 0;
}

int
guard_open(struct run *run)
{
	struct stage_run *s = run->stage;
	struct guard *g = calloc(1, sizeof *g);
	const char *dir = run->pipeline, *id = s->self.id;
	char path[EPOCH_PATH_MAX];
	struct error error;
	int status;

	if (g == NULL)
		return run_fail(run, "no memory to start");
	run->guard = g;
	g->until = g->until_control = UINT64_MAX;
	if (epoch_file_path(path, dir, "quarantine", &error) != 0 ||
	    epoch_stage_file_path(g->dead, dir, id, "dead", &error) != 0)
		return run_fail(run, "%s", error.text);
	if (read_numbers(run, path, id, g->number, QUARANTINE_MAX, &g->n) != 0)
		return -1;
	if (s->generation.audit)
		return read_until(run, g);
	(void)epoch_stage_file_path(path, dir, id, "current", &error);
	status = map_current(run, g, path);
	return status == 0 ? open_dead(run, g) : status;
}

/* How far an output of that name shall be compared: "output SIZE NAME". */
int
guard_output(struct run *run, const char *name, uint64_t *until)
{
	char path[EPOCH_PATH_MAX], text[EPOCH_FILE_MAX];
	struct slice rest, line, size;
	struct error error;
	int status;

	*until = UINT64_MAX;
	if (until_path(run, path) != 0)
		return -1;
	status = epoch_get(run->os, path, text, &error);
	if (status != EPOCH_FOUND)
		return status < 0 ? run_fail(run, "%s", error.text) : 0;
	for (rest = slice_text(text); rest.size > 0;) {
		line = slice_of(rest.at, slice_find(rest, '\n'));
		rest = slice_from(rest, line.size + (line.size < rest.size));
		if (line.size <= 7 || memcmp(line.at, "output ", 7) != 0)
			continue;
		line = slice_from(line, 7);
		size = slice_of(line.at, slice_find(line, ' '));
		if (!number_parse_uint(size, until) || size.size == line.size)
			return run_usage(run, "%s makes no sense", path);
		if (slice_is(slice_from(line, size.size + 1), name))
			return 0;
	}
	*until = UINT64_MAX;
	return 0;
}

void
guard_settle(struct run *run)
{
	struct guard *g = run->guard;

	if (g->n > 0 || g->until != UINT64_MAX || g->current != NULL)
		return;
	/* The name of the output of the dead lives here. */
	if (run->dead == NULL) {
		free(g);
		run->guard = NULL;
	}
}

enum guard_advice
guard_before(struct run *run)
{
	struct guard *g = run->guard;
	uint64_t number = run->counters.in + 1;

	if (number > g->until) {
		run->halted = true;
		return GUARD_HALT;
	}
	for (unsigned i = 0; i < g->n; i++)
		if (g->number[i] == number)
			return GUARD_SKIP;
	if (g->current != NULL)
		atomic_store_explicit(g->current, number, memory_order_relaxed);
	return GUARD_GO;
}

void
guard_after(struct run *run)
{
	if (run->guard->current != NULL)
		atomic_store_explicit(run->guard->current, 0, memory_order_relaxed);
}

bool
guard_halts(const struct run *run)
{
	return run->guard != NULL && !run->stage->midway &&
	    run->counters.in >= run->guard->until &&
	    run->counters.control >= run->guard->until_control;
}

bool
guard_completes(const struct run *run)
{
	return run->guard != NULL && run->guard->completes;
}

void
guard_free(struct run *run)
{
	if (run->guard != NULL && run->guard->current != NULL)
		(void)munmap((void *)run->guard->current, 8);
	free(run->guard);
	run->guard = NULL;
}
