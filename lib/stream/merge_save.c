/* SPDX-License-Identifier: MIT
 *
 * What of a merge belongs to an epoch: of each input what lies before its CUT and has not
 * gone out, its watermark, and whether it is over.
 */
#include "lib/stream/merge_inside.h"

#include <stdlib.h>

#include "lib/base/assert.h"

enum {
	HEAD_MEMORY = 1 << 18, /* of what is loaded, besides an item */
	VERSION = 1,           /* of what is saved */
};

struct saving {
	void (*put)(void *context, const void *bytes, size_t n);
	void *context;
	uint64_t cuts;  /* that lie before what is saved */
	uint64_t items; /* that are saved */
	bool writes;    /* not only counts */
	instant at;     /* the place in time of what comes next */
};

static int
save_item(void *context, struct backlog_item item, struct slice bytes)
{
	struct saving *s = context;

	if (item.at != WHEN_NEVER)
		s->at = item.at;
	if (item.kind == INTAKE_CUT)
		return s->cuts-- == 1;
	if (item.kind == INTAKE_END || item.kind == INTAKE_FAULT)
		return 1;
	s->items++;
	if (!s->writes)
		return 0;
	s->put(s->context, &item, sizeof item);
	s->put(s->context, bytes.at, bytes.size);
	return 0;
}

/* Walk over what is saved of a branch. */
static int
walk(struct merge *m, struct branch *h, struct saving *s, struct error *error)
{
	struct backlog *queues[] = { &h->loaded, &h->intake.backlog };
	int status = 0;

	/* Of the CUTs that have gone out, so many are still in the queue. */
	s->cuts = h->covered ? UINT64_MAX : m->cuts - h->cuts;
	for (int i = 0; i < 2 && status == 0 && m->cuts > 0 && s->cuts > 0; i++)
		status = backlog_walk(queues[i], queues[i]->items, save_item, s, error);
	return status < 0 ? -1 : 0;
}

static int
save_branch(struct merge *m, struct branch *h, struct saving s, struct error *error)
{
	uint64_t over = h->covered || h->intake.ignored;

	s.at = h->begins;
	if (walk(m, h, &s, error) != 0)
		return -1;
	s.put(s.context, &over, sizeof over);
	s.put(s.context, &h->watermark, sizeof h->watermark);
	s.put(s.context, &s.at, sizeof s.at);
	s.put(s.context, &s.items, sizeof s.items);
	s.writes = true;
	return walk(m, h, &s, error);
}

int
merge_save(struct merge *m, void (*put)(void *context, const void *bytes, size_t n),
    void *context, struct error *error)
{
	const uint64_t head[] = { VERSION, m->n };
	struct saving s = { .put = put, .context = context };

	put(context, head, sizeof head);
	put(context, &m->ticked, sizeof m->ticked);
	for (unsigned i = 0; i < m->n; i++)
		if (save_branch(m, &m->branches[i], s, error) != 0)
			return -1;
	return 0;
}

struct loading {
	int (*get)(void *context, void *bytes, size_t n);
	void *context;
	uint8_t *bytes;
	const struct os *os;
	struct merge_room room;
};

static int
load_items(struct branch *h, uint64_t items, struct loading *l, struct error *error)
{
	struct backlog_item item;

	for (; items > 0; items--) {
		if (l->get(l->context, &item, sizeof item) != 0 ||
		    item.size > BACKLOG_ITEM_MAX || item.kind > INTAKE_TICK ||
		    l->get(l->context, l->bytes, item.size) != 0)
			return error_set(error, "the snapshot is damaged");
		if (!backlog_has_room(&h->loaded, item.size))
			return error_set(error,
			    "the snapshot holds more than can be read ahead: raise "
			    "--memory or --spill-limit");
		if (backlog_put(&h->loaded, item, l->bytes, error) != 0)
			return -1;
	}
	return 0;
}

static int
load_branch(struct branch *h, struct loading *l, struct error *error)
{
	uint64_t over, items;

	if (l->get(l->context, &over, sizeof over) != 0 ||
	    l->get(l->context, &h->watermark, sizeof h->watermark) != 0 ||
	    l->get(l->context, &h->begins, sizeof h->begins) != 0 ||
	    l->get(l->context, &items, sizeof items) != 0 || over > 1)
		return error_set(error, "the snapshot is damaged");
	if (items > 0 &&
	    (backlog_init(&h->loaded, l->os, BACKLOG_MEMORY_MIN + HEAD_MEMORY,
		 l->room.folder, l->room.file, error) != 0 ||
		load_items(h, items, l, error) != 0))
		return -1;
	if (over == 1)
		intake_ignore(&h->intake);
	h->covered = over == 1;
	return 0;
}

int
merge_load(struct merge *m, int (*get)(void *context, void *bytes, size_t n),
    void *context, struct error *error)
{
	struct loading l = {
		.get = get, .context = context, .os = m->os, .room = m->room
	};
	uint64_t head[2];
	int status = 0;

	assert(!m->begun || (m->barrier && m->cuts == 0));
	if (get(context, head, sizeof head) != 0 || head[0] != VERSION ||
	    get(context, &m->ticked, sizeof m->ticked) != 0)
		return error_set(error, "the snapshot is damaged");
	if (head[1] != m->n)
		return error_set(error,
		    "the snapshot is of %u inputs, and %u are given", (unsigned)head[1],
		    m->n);
	l.bytes = malloc(BACKLOG_ITEM_MAX);
	if (l.bytes == NULL)
		return error_set(error, "no memory to load");
	for (unsigned i = 0; i < m->n && status == 0; i++)
		status = load_branch(&m->branches[i], &l, error);
	free(l.bytes);
	return status;
}
