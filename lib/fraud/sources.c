/* SPDX-License-Identifier: MIT */
#include "lib/fraud/sources.h"

#include <stdlib.h>

#include "lib/base/memory.h"
#include "lib/fraud/fraud.h"
#include "lib/fraud/peers.h"

enum {
	CLICK_PORTION = 32, /* impressions that a source tells its peers of at once */
	SALE_PORTION = 16,  /* clicks */
};

struct sources {
	struct table *trails; /* owned */
	struct peers click_rate[SOURCES], sale_rate[SOURCES];
};

struct sources *
sources_new(uint64_t memory_bytes)
{
	struct sources *s = calloc(1, sizeof *s);
	struct slice block;

	if (s == NULL)
		return NULL;
	s->trails = table_new(TABLE_KEY_64, sizeof(struct trail), memory_bytes);
	if (s->trails == NULL) {
		free(s);
		return NULL;
	}
	block = table_bytes(s->trails);
	memory_prefer_huge((void *)(uintptr_t)block.at, block.size);
	return s;
}

void
sources_free(struct sources *s)
{
	if (s == NULL)
		return;
	table_free(s->trails);
	free(s);
}

void
sources_prefetch(const struct sources *s, const struct lattice_point *p)
{
	for (unsigned i = 0; i < SOURCES; i++)
		if (source_is_known(p, i))
			table_prefetch(s->trails, p->hash[source_field(i)]);
}

/* A slot of the table for sure; TABLE_NONE: none is known. */
static size_t
slot_of(const struct sources *s, const struct sources_hint *h, enum sources_kind i)
{
	return h->slot[i] < table_slots(s->trails) ? h->slot[i] : TABLE_NONE;
}

void
sources_prefetch_found(const struct sources *s, const struct lattice_point *p,
    const struct sources_hint *h)
{
	for (unsigned i = 0; i < SOURCES; i++) {
		size_t slot = slot_of(s, h, i);

		if (source_is_known(p, i) && slot != TABLE_NONE)
			table_prefetch_slot(s->trails, slot);
	}
}

void
sources_find(
    const struct sources *s, const struct lattice_point *p, struct sources_hint *to)
{
	for (unsigned i = 0; i < SOURCES; i++)
		if (source_is_known(p, i))
			to->slot[i] = (uint32_t)table_find_slot(
			    s->trails, p->hash[source_field(i)]);
	sources_prefetch_found(s, p, to);
}

double
sources_rate(const struct sources *s)
{
	double rate = peers_rate(&s->click_rate[SOURCE_USER]);

	return rate != 0 ? rate : peers_rate(&s->click_rate[SOURCE_ADDRESS]);
}

static inline uint32_t
since(uint32_t now, uint32_t told)
{
	return now > told ? now - told : 0;
}

/* What is new of a source, in portions. */
static void
tell_peers(struct sources *s, enum sources_kind i, struct trail *t)
{
	if (t->shown >= t->told_shown + CLICK_PORTION) {
		peers_tell(&s->click_rate[i], t->shown - t->told_shown,
		    since(t->clicked, t->told_clicked));
		t->told_shown = t->shown;
		t->told_clicked = t->clicked;
	}
	if (t->clicked >= t->told_sold + SALE_PORTION) {
		peers_tell(&s->sale_rate[i], t->clicked - t->told_sold,
		    since(t->bought, t->told_bought));
		t->told_sold = t->clicked;
		t->told_bought = t->bought;
	}
}

/* How far it is from its peers, and the rhythm of what it does; as far as somebody asks. */
static void
measure(const struct sources *s, enum sources_kind i, const struct trail *t,
    struct look *look)
{
	float *own = look->own;

	own[SIGNAL_PEAK_USER + i] = t->peak;
	if (look_asks(look, SIGNAL_PERIOD_USER + i))
		own[SIGNAL_PERIOD_USER + i] = trail_spread(t);
	if (look_asks(look, SIGNAL_CTR_USER + i))
		own[SIGNAL_CTR_USER + i] =
		    peers_deviation(&s->click_rate[i], t->shown, t->clicked);
	if (look_asks(look, SIGNAL_CVR_USER + i))
		own[SIGNAL_CVR_USER + i] =
		    peers_deviation(&s->sale_rate[i], t->clicked, t->bought);
	if (i == SOURCE_ADDRESS && look_asks(look, SIGNAL_AGENTS))
		own[SIGNAL_AGENTS] = trail_entropy(t);
}

/* How keen it is on the banner of this click. */
static void
see_peak(enum sources_kind i, const struct look *look, struct trail *t)
{
	unsigned set = 1U << source_field(i) | 1U << LATTICE_BANNER;
	float lift = signal_value(look, SIGNAL_LIFT + set);

	t->peak = lift > t->peak ? lift : t->peak;
}

uint64_t
sources_add(struct sources *s, enum sources_kind i, const struct fraud_event *e,
    uint64_t number, struct look *look, uint32_t *seen, struct sources_hint *hint)
{
	bool fresh;
	struct trail *t = table_touch_slot(s->trails, slot_of(s, hint, i),
	    e->point.hash[source_field(i)], e->when, &fresh);
	uint64_t before = 0;

	if (fresh)
		hint->slot[i] = (uint32_t)table_slot(s->trails, t);

	if (e->kind == TRAIL_CLICKED) {
		look->own[SIGNAL_GAP_USER + i] = trail_gap(t, e->when);
		before = t->waiting;
		t->waiting = number;
		see_peak(i, look, t);
	}
	trail_add(t, e->kind, e->when);
	if (i == SOURCE_ADDRESS && e->agent != 0)
		trail_agent(t, e->agent);
	tell_peers(s, i, t);
	measure(s, i, t, look);
	*seen = t->seen;
	return before;
}

void
sources_measure(const struct sources *s, enum sources_kind i,
    const struct lattice_point *p, uint32_t seen, struct look *look,
    const struct sources_hint *hint)
{
	const struct trail *t =
	    table_find_at(s->trails, slot_of(s, hint, i), p->hash[source_field(i)]);

	if (t == NULL)
		return;
	measure(s, i, t, look);
	/* One that was forgotten in between has begun again. */
	look->own[SIGNAL_FUTURE_USER + i] = (float)since(t->seen, seen);
}

uint64_t
sources_evicted(const struct sources *s)
{
	return table_counts(s->trails).evicted;
}

void
sources_save(struct sources *s, struct state_writer *to)
{
	state_put_table(to, s->trails);
	state_put(to, s->click_rate, sizeof s->click_rate);
	state_put(to, s->sale_rate, sizeof s->sale_rate);
}

int
sources_load(struct sources *s, struct state_reader *from, struct error *error)
{
	if (state_get_table(from, s->trails, error) != 0)
		return -1;
	if (state_get(from, s->click_rate, sizeof s->click_rate) != 0 ||
	    state_get(from, s->sale_rate, sizeof s->sale_rate) != 0)
		return error_set(error, "the snapshot is too short");
	return 0;
}
