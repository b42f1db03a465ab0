/* SPDX-License-Identifier: MIT
 *
 * A snapshot that is written and read back at once.
 */
#ifndef BANNERPIPE_TESTS_UNIT_SNAPSHOT_H
#define BANNERPIPE_TESTS_UNIT_SNAPSHOT_H

#include <stdlib.h>
#include <unistd.h>

#include "lib/state.h"

struct snapshot {
	char path[32];
};

static const struct state_identity snapshot_identity = { .name = "test", .schema = 1 };

static inline struct state_writer *
snapshot_write(struct snapshot *s)
{
	struct error error;
	struct state_writer *w;

	*s = (struct snapshot){ "/tmp/bannerpipe-test-XXXXXX" };
	assert_true(mkstemp(s->path) >= 0);
	w = state_write(&os_system, s->path, &snapshot_identity, &error);
	assert_non_null(w);
	return w;
}

static inline struct state_reader *
snapshot_read(const struct snapshot *s, struct state_writer *w)
{
	enum state_trouble trouble;
	struct state_reader *r;
	struct error error;

	assert_int_equal(state_commit(w, &error), 0);
	r = state_read(&os_system, s->path, &snapshot_identity, &trouble, &error);
	assert_non_null(r);
	(void)unlink(s->path);
	return r;
}

#endif
