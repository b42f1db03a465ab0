/* SPDX-License-Identifier: MIT */
#include "lib/fraud/decisions.h"

#include <stdlib.h>

#include "lib/base/memory.h"
#include "lib/fraud/fraud.h"

/* Plain bytes, zeroed at first. */
struct decision {
	uint64_t owner[SOURCES]; /* whom it was for; 0: not told */
	uint64_t banner;
	instant shown;     /* first */
	uint32_t count[3]; /* events by kind */
	uint32_t is_shown;
};

struct decisions {
	struct table *table; /* owned */
};

struct decisions *
decisions_new(uint64_t memory_bytes)
{
	struct decisions *d = calloc(1, sizeof *d);
	struct slice block;

	if (d == NULL)
		return NULL;
	d->table = table_new(TABLE_KEY_64, sizeof(struct decision), memory_bytes);
	if (d->table == NULL) {
		free(d);
		return NULL;
	}
	block = table_bytes(d->table);
	memory_prefer_huge((void *)(uintptr_t)block.at, block.size);
	return d;
}

void
decisions_free(struct decisions *d)
{
	if (d == NULL)
		return;
	table_free(d->table);
	free(d);
}

void
decisions_prefetch(const struct decisions *d, uint64_t decision)
{
	if (decision != 0)
		table_prefetch(d->table, decision);
}

/* The user tells, and where there is none the address. Who has logged in since is the same
 * one by another key. */
static bool
is_foreign(const struct decision *d, const struct fraud_event *e)
{
	const struct lattice_point *p = &e->point;

	if (d->owner[SOURCE_USER] != 0 && d->owner[SOURCE_USER] == e->alias)
		return false;
	for (unsigned i = 0; i < SOURCES; i++)
		if (d->owner[i] != 0 && source_is_known(p, i))
			return d->owner[i] != p->hash[source_field(i)];
	return false;
}

static struct decision *
open_decision(struct decisions *decisions, const struct fraud_event *e)
{
	const struct lattice_point *p = &e->point;
	bool fresh;
	struct decision *d =
	    table_touch(decisions->table, e->decision, e->when, &fresh);

	if (d->banner == 0 && (p->present >> LATTICE_BANNER & 1) != 0)
		d->banner = p->hash[LATTICE_BANNER];
	if (d->owner[SOURCE_USER] == 0 && d->owner[SOURCE_ADDRESS] == 0)
		for (unsigned i = 0; i < SOURCES; i++)
			if (source_is_known(p, i))
				d->owner[i] = p->hash[source_field(i)];
	return d;
}

void
decisions_open(struct decisions *d, const struct fraud_event *e)
{
	(void)open_decision(d, e);
}

void
decisions_add(struct decisions *decisions, const struct fraud_event *e,
    struct lattice_point *p, struct look *look)
{
	float *own = look->own;
	struct decision *d = open_decision(decisions, e);

	own[SIGNAL_FOREIGN] = is_foreign(d, e);
	if (e->kind == TRAIL_CLICKED && d->is_shown && e->when >= d->shown)
		own[SIGNAL_DELAY] = (float)((double)(e->when - d->shown) / WHEN_SECOND);
	if (e->kind == TRAIL_SHOWN && !d->is_shown) {
		d->is_shown = true;
		d->shown = e->when;
	}
	own[SIGNAL_NTH] = (float)++d->count[e->kind];
	if ((p->present >> LATTICE_BANNER & 1) == 0 && d->banner != 0) {
		p->hash[LATTICE_BANNER] = d->banner;
		p->present |= 1U << LATTICE_BANNER;
	}
}

void
decisions_measure(
    const struct decisions *decisions, uint64_t decision, struct look *look)
{
	const struct decision *d = table_find(decisions->table, decision);

	if (d != NULL)
		look->own[SIGNAL_UNSEEN] = !d->is_shown;
}

uint64_t
decisions_evicted(const struct decisions *d)
{
	return table_counts(d->table).evicted;
}

void
decisions_save(struct decisions *d, struct state_writer *to)
{
	state_put_table(to, d->table);
}

int
decisions_load(struct decisions *d, struct state_reader *from, struct error *error)
{
	return state_get_table(from, d->table, error);
}
