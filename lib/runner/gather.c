/* SPDX-License-Identifier: MIT */
#include "lib/runner/gather.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/hash.h"
#include "lib/runner/process.h"
#include "lib/runner/shape.h"

enum { SETTLED_US = 18000, WRONG_US = 1000000 };

static bool
has_joined(const struct topology *t, pid_t pid)
{
	for (unsigned i = 0; i < t->n; i++)
		if (t->stage[i].pid == pid)
			return true;
	return false;
}

/* A program of ours becomes a stage; what else there is (shells, tee, zstdcat) may be on
 * its way to become one while it runs. */
static bool
is_settled(const struct topology *t, const struct process *p)
{
	if (has_joined(t, p->pid))
		return true;
	return strncmp(p->name, "bp-", 3) != 0 && (p->state == 'S' || p->state == 'T');
}

/* Whether all are settled; `seen` becomes a hash of who they are. */
static bool
all_settled(const struct topology *t, const struct family *f, uint64_t *seen,
    struct error *error)
{
	bool settled = true;

	*seen = t->n + 1;
	for (unsigned i = 0; i < f->n; i++) {
		const struct process *p = &f->at[i];
		uint64_t facts[4] = { *seen, (uint64_t)p->pid, p->started,
			has_joined(t, p->pid) ? 1 : 0 };

		*seen = hash_bytes(slice_of(facts, sizeof facts), 0);
		if (is_settled(t, p))
			continue;
		settled = false;
		(void)error_set(
		    error, "process %d (%s) has not joined", (int)p->pid, p->name);
	}
	return settled;
}

/* --- Pipes ---------------------------------------------------------------------- */

enum { PIPES_MAX = 1024 };

struct pipes {
	unsigned n;
	struct pipe_end end[PIPES_MAX]; /* what any of them does with it */
};

static void
note_pipe(void *context, const struct pipe_end *end)
{
	struct pipes *p = context;
	unsigned i = 0;

	while (i < p->n &&
	    (p->end[i].device != end->device || p->end[i].inode != end->inode))
		i++;
	if (i == PIPES_MAX)
		return;
	if (i == p->n)
		p->end[p->n++] =
		    (struct pipe_end){ .device = end->device, .inode = end->inode };
	p->end[i].reads = p->end[i].reads || end->reads;
	p->end[i].writes = p->end[i].writes || end->writes;
}

/* Pipes that come from outside have their other ends there. */
static void
note_outside(void *context, const struct pipe_end *end)
{
	struct pipe_end both = *end;

	both.reads = both.writes = true;
	note_pipe(context, &both);
}

/* Whether somebody writes what nobody reads: a branch that was killed before it joined
 * would else be missing in the topology. */
static bool
is_broken(const struct family *f)
{
	struct pipes *p = calloc(1, sizeof *p);
	bool broken = false;

	if (p == NULL)
		return true;
	process_pipes(getpid(), note_outside, p);
	for (unsigned i = 0; i < f->n; i++)
		process_pipes(f->at[i].pid, note_pipe, p);
	for (unsigned i = 0; i < p->n; i++)
		broken = broken || (p->end[i].writes && !p->end[i].reads);
	free(p);
	return broken;
}

/* The initial state of every stage must outlive whatever comes once the topology is
 * written. */
static bool
all_begun(
    const struct os *os, const char *dir, const struct topology *t, struct error *error)
{
	char path[EPOCH_PATH_MAX];
	struct stat status;

	for (unsigned i = 0; i < t->n; i++)
		if (epoch_snapshot_path(path, dir, t->stage[i].id, 0, error) != 0 ||
		    os->stat_path(os, path, &status) != 0) {
			(void)error_set(
			    error, "%s has no first snapshot", t->stage[i].id);
			return false;
		}
	return true;
}

enum gathered
gather_look(struct gather *g, const struct os *os, const char *dir,
    const struct topology *members, pid_t group, struct error *error)
{
	struct family family = { 0 };
	int64_t now = os->monotonic_us(os);
	uint64_t seen = 0;
	bool settled, broken;

	if (family_look(&family, getpid(), group) != 0) {
		family_free(&family);
		(void)error_set(error, "cannot read /proc: %s", strerror(errno));
		return GATHER_FAILED;
	}
	settled = all_settled(members, &family, &seen, error);
	broken = settled && seen == g->seen && is_broken(&family);
	family_free(&family);
	if (broken) {
		(void)error_set(error, "a process died before it was a stage");
		return GATHER_BROKEN;
	}
	if (!settled || seen != g->seen) {
		g->seen = settled ? seen : 0;
		g->since_us = now;
		return GATHER_WAIT;
	}
	if (members->n == 0) {
		(void)error_set(error, "no stage has joined");
		return GATHER_WAIT;
	}
	if (now - g->since_us < SETTLED_US || !all_begun(os, dir, members, error))
		return GATHER_WAIT;
	if (shape_check(members, error) == 0)
		return GATHER_COMPLETE;
	/* One that has ended already cannot join any more, but a script may be about to
	 * start more. */
	return now - g->since_us < WRONG_US ? GATHER_WAIT : GATHER_WRONG;
}
