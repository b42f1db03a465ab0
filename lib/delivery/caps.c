/* SPDX-License-Identifier: MIT */
#include "lib/delivery/caps.h"

#include <math.h>
#include <stdlib.h>

#include "lib/base/assert.h"
#include "lib/hash.h"
#include "lib/state/block.h"
#include "lib/table.h"
#include "lib/window.h"

/* Half of what one impression more adds: sums of weights are compared with counts. */
#define HALF 0.5
/* What a session that has an id of its own may pause. */
#define SESSION_PAUSE ((struct span){ 30 * WHEN_DAY })

enum { TABLES = 3 };

struct caps {
	struct span pause;
	struct table *totals, *sessions, *windows; /* owned */
	uint64_t late;
};

/* The window and a slice more, so that a slice that is only partly too old counts. */
static struct window_rule
window_rule(struct span length)
{
	int64_t width = (length.us + CAPS_SLICES - 1) / CAPS_SLICES;

	return (struct window_rule){ WINDOW_SLIDING, { width * (CAPS_SLICES + 1) },
		CAPS_SLICES + 1 };
}

static struct window_rule
session_rule(const struct caps *c, struct caps_user who)
{
	return (struct window_rule){ WINDOW_SESSION,
		who.session != 0 ? SESSION_PAUSE : c->pause, 0 };
}

static size_t
cell_size(unsigned table)
{
	static const struct window_rule session = { WINDOW_SESSION, { 1 }, 0 };

	return table == 0 ? sizeof(double)
	    : table == 1  ? window_cell_size(session)
			  : window_cell_size(window_rule((struct span){ CAPS_SLICES }));
}

uint64_t
caps_memory_min(void)
{
	uint64_t most = 0;

	for (unsigned i = 0; i < TABLES; i++) {
		uint64_t least = table_memory_min(TABLE_KEY_64, cell_size(i));

		most = least > most ? least : most;
	}
	return 4 * most;
}

struct caps *
caps_new(struct span pause, uint64_t memory_bytes)
{
	struct caps *c = calloc(1, sizeof *c);

	assert(pause.us > 0);
	if (c == NULL)
		return NULL;
	c->pause = pause;
	c->totals = table_new(TABLE_KEY_64, cell_size(0), memory_bytes / 4);
	c->sessions = table_new(TABLE_KEY_64, cell_size(1), memory_bytes / 4);
	c->windows = table_new(TABLE_KEY_64, cell_size(2), memory_bytes / 2);
	if (c->totals == NULL || c->sessions == NULL || c->windows == NULL) {
		caps_free(c);
		return NULL;
	}
	return c;
}

void
caps_free(struct caps *c)
{
	if (c == NULL)
		return;
	table_free(c->totals);
	table_free(c->sessions);
	table_free(c->windows);
	free(c);
}

const char *
caps_verdict_name(enum caps_verdict verdict)
{
	static const char *const names[] = { "free", "total", "session", "window" };

	return names[verdict];
}

static uint64_t
total_key(struct caps_user who, enum caps_subject subject, uint64_t id)
{
	return hash_pair(who.user, hash_pair(subject, id));
}

static uint64_t
session_key(struct caps_user who, enum caps_subject subject, uint64_t id)
{
	return hash_pair(total_key(who, subject, id), who.session);
}

/* Another length is another counter: its slices are others. */
static uint64_t
window_key(
    struct caps_user who, enum caps_subject subject, uint64_t id, struct span length)
{
	return hash_pair(total_key(who, subject, id), (uint64_t)length.us);
}

static double
total_of(
    const struct caps *c, struct caps_user who, enum caps_subject subject, uint64_t id)
{
	const double *cell = table_find(c->totals, total_key(who, subject, id));

	return cell == NULL ? 0 : *cell;
}

static double
session_of(const struct caps *c, struct caps_user who, enum caps_subject subject,
    uint64_t id, instant when)
{
	const void *cell = table_find(c->sessions, session_key(who, subject, id));

	return cell == NULL ? 0 : window_cell_read(session_rule(c, who), cell, when);
}

static double
window_of(const struct caps *c, struct caps_user who, enum caps_subject subject,
    uint64_t id, struct span length, instant when)
{
	const void *cell = table_find(c->windows, window_key(who, subject, id, length));

	return cell == NULL ? 0 : window_cell_read(window_rule(length), cell, when);
}

enum caps_verdict
caps_ask(const struct caps *c, struct caps_user who, enum caps_subject subject,
    uint64_t id, struct cap cap, instant when)
{
	bool known = who.user != 0;

	if (cap.total >= 0 &&
	    (known ? total_of(c, who, subject, id) : 0) + HALF > cap.total)
		return CAPS_TOTAL;
	if (cap.session >= 0 &&
	    (known ? session_of(c, who, subject, id, when) : 0) + HALF > cap.session)
		return CAPS_SESSION;
	if (cap.window >= 0 &&
	    (known ? window_of(c, who, subject, id, cap.length, when) : 0) + HALF >
		cap.window)
		return CAPS_WINDOW;
	return CAPS_FREE;
}

/* So many times caps_ask would say yes. */
static int32_t
room(int32_t limit, double count)
{
	double left = floor(limit - count + HALF);

	return !(left > 0) ? 0 : left < INT32_MAX ? (int32_t)left : INT32_MAX;
}

static int32_t
least(int32_t a, int32_t b)
{
	return a < b ? a : b;
}

int32_t
caps_room(const struct caps *c, struct caps_user who, enum caps_subject subject,
    uint64_t id, struct cap cap, instant when)
{
	int32_t left = INT32_MAX;

	if (who.user == 0)
		return caps_ask(c, who, subject, id, cap, when) == CAPS_FREE ? left : 0;
	if (cap.total >= 0)
		left = room(cap.total, total_of(c, who, subject, id));
	if (cap.session >= 0)
		left = least(
		    left, room(cap.session, session_of(c, who, subject, id, when)));
	if (cap.window >= 0)
		left = least(left,
		    room(cap.window, window_of(c, who, subject, id, cap.length, when)));
	return left;
}

/* The counter; NULL when it would only be made to be less than nothing. */
static void *
counter(struct table *t, uint64_t key, instant when, double weight)
{
	bool fresh;

	return weight < 0 && table_find(t, key) == NULL
	    ? NULL
	    : table_touch(t, key, when, &fresh);
}

void
caps_add(struct caps *c, struct caps_user who, enum caps_subject subject, uint64_t id,
    struct cap cap, instant when, double weight)
{
	void *cell = NULL;

	if (who.user == 0)
		return;
	if (cap.total >= 0)
		cell = counter(c->totals, total_key(who, subject, id), when, weight);
	if (cell != NULL)
		*(double *)cell = fmax(*(double *)cell + weight, 0);
	cell = cap.session < 0
	    ? NULL
	    : counter(c->sessions, session_key(who, subject, id), when, weight);
	if (cell != NULL)
		c->late += !window_cell_add(session_rule(c, who), cell, when, weight);
	cell = cap.window < 0
	    ? NULL
	    : counter(
		  c->windows, window_key(who, subject, id, cap.length), when, weight);
	if (cell != NULL)
		c->late +=
		    !window_cell_add(window_rule(cap.length), cell, when, weight);
}

struct caps_counts
caps_counts(const struct caps *c)
{
	const struct table *all[TABLES] = { c->totals, c->sessions, c->windows };
	struct caps_counts counts = { .late = c->late };

	for (unsigned i = 0; i < TABLES; i++) {
		counts.counters += table_counts(all[i]).cells;
		counts.evicted += table_counts(all[i]).evicted;
	}
	return counts;
}

void
caps_save(struct caps *c, struct state_writer *to)
{
	state_put_u64(to, c->late);
	state_put_table(to, c->totals);
	state_put_table(to, c->sessions);
	state_put_table(to, c->windows);
}

int
caps_load(struct caps *c, struct state_reader *from, struct error *error)
{
	if (state_get_u64(from, &c->late) != 0)
		return error_set(error, "the snapshot's caps are cut off");
	return state_get_table(from, c->totals, error) == 0 &&
		state_get_table(from, c->sessions, error) == 0 &&
		state_get_table(from, c->windows, error) == 0
	    ? 0
	    : -1;
}
