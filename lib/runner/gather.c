/* SPDX-License-Identifier: MIT */
#include "lib/runner/gather.h"

#include <errno.h>
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
	bool settled;

	if (family_look(&family, getpid(), group) != 0) {
		family_free(&family);
		(void)error_set(error, "cannot read /proc: %s", strerror(errno));
		return GATHER_FAILED;
	}
	settled = all_settled(members, &family, &seen, error);
	family_free(&family);
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
