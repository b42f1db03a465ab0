/* SPDX-License-Identifier: MIT */
#include "lib/fraud/fraud.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/base/memory.h"
#include "lib/fraud/peers.h"

enum {
	USER,
	ADDRESS,
	SOURCES,
	CLICK_PORTION = 32, /* impressions that a source tells its peers of at once */
	SALE_PORTION = 16,  /* clicks */
};

#define INFLUENCE_SHARE 20.0 /* certain, as it is no suspicion */
#define EVERY_SET (UINT32_MAX - 1)

/* A decision, as its records tell it. */
struct decision {
	uint64_t owner[SOURCES]; /* whom it was for; 0: not told */
	uint64_t banner;
	instant shown;     /* first */
	uint32_t count[3]; /* events by kind */
	uint32_t is_shown;
};

struct fraud {
	struct fraud_options o;
	struct rules *rules; /* owned, as are all these */
	struct lattice *lattice;
	struct table *sources, *decisions;
	struct waiting *waiting;
	struct influence *influence;
	struct labels *labels;
	struct peers click_rate[SOURCES], sale_rate[SOURCES];
	uint32_t sets;            /* that a second look is at */
	struct lattice_view next; /* of the one that waits first, prefetched */
	const struct summary *whose;
	struct fraud_totals totals;
	struct look first, again;   /* the first begins with fraud_prefetch */
	uint8_t id[WAITING_ID_MAX]; /* of the last finding */
	struct summary unkept;      /* of an event that does not wait */
};

static const enum lattice_field field_of[SOURCES] = { LATTICE_USER, LATTICE_ADDRESS };

/* --- Made -------------------------------------------------------------------------- */

/* Whose cells are met at random. */
static struct table *
make_table(size_t cell_size, uint64_t memory_bytes)
{
	struct table *t = table_new(TABLE_KEY_64, cell_size, memory_bytes);
	struct slice block = t == NULL ? slice_of(NULL, 0) : table_bytes(t);

	memory_prefer_huge((void *)(uintptr_t)block.at, block.size);
	return t;
}

/* Half for the lattice; sixteenths for the others. */
struct fraud *
fraud_new(const struct fraud_options *o, struct rules *rules)
{
	struct fraud *f = calloc(1, sizeof *f);
	uint64_t part = o->memory / 16;

	if (f == NULL) {
		rules_free(rules);
		return NULL;
	}
	f->o = *o;
	fraud_set_rules(f, rules);
	f->lattice = lattice_new(o->windows, 8 * part);
	f->sources = make_table(sizeof(struct trail), 2 * part);
	f->decisions = make_table(sizeof(struct decision), 2 * part);
	f->waiting = waiting_new((o->learns ? 1 : 2) * part);
	if (o->learns)
		f->labels = labels_new(part);
	if (o->limits)
		f->influence = influence_new(o->influence, part);
	if (f->lattice == NULL || f->sources == NULL || f->decisions == NULL ||
	    f->waiting == NULL || (o->learns && f->labels == NULL) ||
	    (o->limits && f->influence == NULL)) {
		fraud_free(f);
		return NULL;
	}
	return f;
}

void
fraud_free(struct fraud *f)
{
	if (f == NULL)
		return;
	rules_free(f->rules);
	lattice_free(f->lattice);
	table_free(f->sources);
	table_free(f->decisions);
	waiting_free(f->waiting);
	influence_free(f->influence);
	labels_free(f->labels);
	free(f);
}

void
fraud_set_rules(struct fraud *f, struct rules *rules)
{
	rules_free(f->rules);
	f->rules = rules;
	f->whose = NULL;
	f->sets = f->o.learns ? EVERY_SET : rules_sets(rules);
}

const struct rules *
fraud_rules(const struct fraud *f)
{
	return f->rules;
}

const struct labels *
fraud_labels(const struct fraud *f)
{
	return f->labels;
}

/* The rate of clicks that is usual. */
static void
set_rate(const struct fraud *f, struct look *look)
{
	look->rate = peers_rate(&f->click_rate[USER]);
	if (look->rate == 0)
		look->rate = peers_rate(&f->click_rate[ADDRESS]);
}

/* --- Sources ----------------------------------------------------------------------- */

static inline bool
has(const struct lattice_point *p, unsigned field)
{
	return (p->present >> field & 1) != 0;
}

static inline uint32_t
since(uint32_t now, uint32_t told)
{
	return now > told ? now - told : 0;
}

/* What is new of a source, in portions. */
static void
tell_peers(struct fraud *f, unsigned i, struct trail *s)
{
	if (s->shown >= s->told_shown + CLICK_PORTION) {
		peers_tell(&f->click_rate[i], s->shown - s->told_shown,
		    since(s->clicked, s->told_clicked));
		s->told_shown = s->shown;
		s->told_clicked = s->clicked;
	}
	if (s->clicked >= s->told_sold + SALE_PORTION) {
		peers_tell(&f->sale_rate[i], s->clicked - s->told_sold,
		    since(s->bought, s->told_bought));
		s->told_sold = s->clicked;
		s->told_bought = s->bought;
	}
}

/* How far it is from its peers, and the rhythm of what it does. */
static void
measure_source(const struct fraud *f, unsigned i, const struct trail *s, float *own)
{
	own[SIGNAL_PERIOD_USER + i] = trail_spread(s);
	own[SIGNAL_PEAK_USER + i] = s->peak;
	own[SIGNAL_CTR_USER + i] =
	    peers_deviation(&f->click_rate[i], s->shown, s->clicked);
	own[SIGNAL_CVR_USER + i] =
	    peers_deviation(&f->sale_rate[i], s->clicked, s->bought);
	if (i == ADDRESS)
		own[SIGNAL_AGENTS] = trail_entropy(s);
}

/* The click before it learns how far this one is from it. */
static void
tell_click_before(struct fraud *f, unsigned i, const struct trail *s, float gap)
{
	struct summary *before = waiting_find(f->waiting, s->waiting);

	if (before != NULL && before->point.hash[field_of[i]] != 0)
		before->own[SIGNAL_NEXT_USER + i] = gap;
}

/* How keen it is on the banner of this click. */
static void
see_peak(const struct fraud *f, unsigned i, struct trail *s)
{
	unsigned set = 1U << field_of[i] | 1U << LATTICE_BANNER;
	float lift = signal_value(&f->first, SIGNAL_LIFT + set);

	s->peak = lift > s->peak ? lift : s->peak;
}

static void
add_to_source(struct fraud *f, unsigned i, const struct fraud_event *e,
    struct summary *waiting, uint64_t number)
{
	bool fresh;
	struct trail *s =
	    table_touch(f->sources, e->point.hash[field_of[i]], e->when, &fresh);
	float *own = f->first.own;

	if (e->kind == TRAIL_CLICKED) {
		own[SIGNAL_GAP_USER + i] = trail_gap(s, e->when);
		tell_click_before(f, i, s, own[SIGNAL_GAP_USER + i]);
		s->waiting = number;
	}
	if (e->kind == TRAIL_CLICKED)
		see_peak(f, i, s);
	trail_add(s, e->kind, e->when);
	if (i == ADDRESS && e->agent != 0)
		trail_agent(s, e->agent);
	tell_peers(f, i, s);
	measure_source(f, i, s, own);
	if (waiting != NULL)
		waiting->seen[i] = s->seen;
}

/* --- Decisions --------------------------------------------------------------------- */

/* The user tells, and where there is none the address. */
static bool
is_foreign(const struct decision *d, const struct lattice_point *p)
{
	for (unsigned i = 0; i < SOURCES; i++)
		if (d->owner[i] != 0 && has(p, field_of[i]))
			return d->owner[i] != p->hash[field_of[i]];
	return false;
}

static struct decision *
open_decision(struct fraud *f, const struct fraud_event *e)
{
	bool fresh;
	struct decision *d = table_touch(f->decisions, e->decision, e->when, &fresh);

	if (d->banner == 0 && has(&e->point, LATTICE_BANNER))
		d->banner = e->point.hash[LATTICE_BANNER];
	if (d->owner[USER] == 0 && d->owner[ADDRESS] == 0)
		for (unsigned i = 0; i < SOURCES; i++)
			if (has(&e->point, field_of[i]))
				d->owner[i] = e->point.hash[field_of[i]];
	return d;
}

void
fraud_decide(struct fraud *f, const struct fraud_event *e)
{
	if (e->decision != 0)
		(void)open_decision(f, e);
}

/* The event gets its decision's banner when it names none. */
static void
add_to_decision(struct fraud *f, const struct fraud_event *e, struct lattice_point *p)
{
	float *own = f->first.own;
	struct decision *d;

	if (e->decision == 0)
		return;
	d = open_decision(f, e);
	own[SIGNAL_FOREIGN] = is_foreign(d, p);
	if (e->kind == TRAIL_CLICKED && d->is_shown && e->when >= d->shown)
		own[SIGNAL_DELAY] = (float)((double)(e->when - d->shown) / WHEN_SECOND);
	if (e->kind == TRAIL_SHOWN && !d->is_shown) {
		d->is_shown = true;
		d->shown = e->when;
	}
	own[SIGNAL_NTH] = (float)++d->count[e->kind];
	if (!has(p, LATTICE_BANNER) && d->banner != 0) {
		p->hash[LATTICE_BANNER] = d->banner;
		p->present |= 1U << LATTICE_BANNER;
	}
}

/* --- Looks ------------------------------------------------------------------------- */

/* The score, and the cap of influence: only what is in otherwise needs a place. */
static void
judge(struct fraud *f, struct look *look, struct summary *s, struct fraud_finding *to)
{
	double part = f->labels == NULL ? 0 : labels_part(f->labels);
	bool placed = s->places.taken;

	set_rate(f, look);
	rules_apply(f->rules, look, 1 - part, &to->reasons);
	if (part > 0)
		labels_apply(f->labels, look, part, &to->reasons);
	to->score = to->reasons.score;
	to->out = to->score > 0;
	to->look = look;
	if (f->influence == NULL)
		return;
	if (to->out && placed)
		influence_give(f->influence, &s->places);
	if (!to->out && !placed)
		s->capped = !influence_take(f->influence, &s->places, s->when);
	s->places.taken = !to->out && !s->capped;
	if (to->out || !s->capped)
		return;
	rules_add(&to->reasons, "influence", INFLUENCE_SHARE);
	to->score = to->reasons.score;
	to->out = to->score > 0;
	f->totals.capped++;
}

static void
find_places(struct fraud *f, const struct fraud_event *e, struct summary *s)
{
	const struct lattice_point *p = &s->point;
	const uint64_t subject[INFLUENCE_SUBJECTS] = {
		[INFLUENCE_USER] = p->hash[LATTICE_USER],
		[INFLUENCE_ADDRESS] = p->hash[LATTICE_ADDRESS],
		[INFLUENCE_NETWORK] = e->network,
	};

	if (f->influence != NULL)
		s->places = influence_of(
		    f->influence, subject, p->hash[LATTICE_BANNER], e->kind, e->when);
}

void
fraud_prefetch(struct fraud *f, const struct fraud_event *e)
{
	lattice_open(f->lattice, &e->point, EVERY_SET, &f->first.sets);
	for (unsigned i = 0; i < SOURCES; i++)
		if (has(&e->point, field_of[i]))
			table_prefetch(f->sources, e->point.hash[field_of[i]]);
	if (e->decision != 0)
		table_prefetch(f->decisions, e->decision);
}

/* The larger, cut to what is kept. */
static uint32_t
more_of(uint32_t a, uint32_t b)
{
	uint32_t most = a > b ? a : b;

	return most < UINT16_MAX ? most : UINT16_MAX;
}

/* The first look measures into `look`, and what of it will not be there any more stays in
 * the summary. */
static void
look_first(
    struct fraud *f, const struct fraud_event *e, struct summary *s, uint64_t number)
{
	float *own = f->first.own;

	for (unsigned i = 0; i < SIGNAL_OWN; i++)
		own[i] = NAN;
	own[SIGNAL_CLICK] = e->kind == TRAIL_CLICKED;
	own[SIGNAL_MARKED] = (float)e->marked;
	add_to_decision(f, e, &s->point);
	if (s->point.present != e->point.present)
		lattice_open(f->lattice, &s->point, EVERY_SET, &f->first.sets);
	lattice_add(f->lattice, e->when, e->kind == TRAIL_CLICKED, &f->first.sets);
	set_rate(f, &f->first);
	for (unsigned i = 0; i < SOURCES; i++)
		if (has(&s->point, field_of[i]))
			add_to_source(f, i, e, s, number);
	memcpy(s->own, own, sizeof s->own);
	for (unsigned set = 1; set < LATTICE_SETS; set++)
		f->first.velocity[set] =
		    (uint16_t)more_of(0, lattice_velocity(&f->first.sets, set));
	memcpy(s->velocity, f->first.velocity, sizeof s->velocity);
}

void
fraud_arrive(struct fraud *f, const struct fraud_event *e, struct fraud_finding *to)
{
	bool named = e->id.size > 0, waits = named && e->id.size <= WAITING_ID_MAX;
	uint64_t number = 0;
	struct summary *s = &f->unkept;

	if (waits)
		s = waiting_add(f->waiting, &number);
	else
		f->unkept = (struct summary){ 0 };
	s->when = e->when;
	s->point = e->point;
	s->decision = e->decision;
	s->event = e->event;
	s->event_kind = (uint8_t)e->kind;
	look_first(f, e, s, number);
	find_places(f, e, s);
	*to = (struct fraud_finding){ .at = e->when, .id = e->id };
	judge(f, &f->first, s, to);
	s->out = to->out;
	if (waits) {
		s->id_size = (uint8_t)e->id.size;
		memcpy(s->id, e->id.at, e->id.size);
	}
	f->totals.looked[0]++;
	f->totals.out[0] += to->out;
	f->totals.unnamed += !waits;
}

static void
look_again_at_source(struct fraud *f, unsigned i, const struct summary *s)
{
	const struct trail *source = table_find(f->sources, s->point.hash[field_of[i]]);

	if (source == NULL)
		return; /* evicted: what there was of it stands */
	measure_source(f, i, source, f->again.own);
	f->again.own[SIGNAL_FUTURE_USER + i] = (float)(source->seen - s->seen[i]);
}

static void
look_again(struct fraud *f, const struct summary *s, instant at)
{
	struct look *look = &f->again;
	const struct decision *d =
	    s->decision == 0 ? NULL : table_find(f->decisions, s->decision);

	memcpy(look->own, s->own, sizeof look->own);
	if (f->whose != s)
		lattice_open(f->lattice, &s->point, f->sets, &f->next);
	look->sets = f->next;
	lattice_look(f->lattice, f->sets, at, &look->sets);
	for (uint32_t sets = f->sets; sets != 0; sets &= sets - 1) {
		unsigned set = (unsigned)__builtin_ctz(sets);

		look->velocity[set] = (uint16_t)more_of(
		    s->velocity[set], lattice_velocity(&look->sets, set));
	}
	for (unsigned i = 0; i < SOURCES; i++)
		if (has(&s->point, field_of[i]))
			look_again_at_source(f, i, s);
	if (d != NULL && s->event_kind == TRAIL_CLICKED)
		look->own[SIGNAL_UNSEEN] = !d->is_shown;
}

/* Ahead of the next look again. */
static void
prefetch_again(struct fraud *f)
{
	const struct summary *s = waiting_first(f->waiting);

	f->whose = s;
	if (s == NULL)
		return;
	lattice_open(f->lattice, &s->point, f->sets, &f->next);
	for (unsigned k = 0; k < SOURCES; k++)
		if (has(&s->point, field_of[k]))
			table_prefetch(f->sources, s->point.hash[field_of[k]]);
	if (s->decision != 0)
		table_prefetch(f->decisions, s->decision);
	waiting_prefetch(f->waiting);
}

bool
fraud_due(struct fraud *f, instant now, bool all, struct fraud_finding *to)
{
	struct summary *s = waiting_first(f->waiting);
	bool early, full = waiting_is_full(f->waiting);
	instant due;

	if (s == NULL)
		return false;
	due = s->when + f->o.wait.us;
	early = now < due;
	if (early && !full && !all)
		return false;
	look_again(f, s, early ? now : due);
	memcpy(f->id, s->id, s->id_size);
	*to = (struct fraud_finding){ .at = early ? now : due,
		.id = slice_of(f->id, s->id_size),
		.second = true };
	judge(f, &f->again, s, to);
	to->turned = to->out != s->out;
	if (f->labels != NULL)
		labels_see(f->labels, s->event, &f->again, s->when);
	f->totals.looked[1]++;
	f->totals.out[1] += to->out;
	f->totals.retracted += to->turned && to->out;
	f->totals.restored += to->turned && !to->out;
	f->totals.early += early && !all;
	waiting_drop_first(f->waiting);
	prefetch_again(f);
	return true;
}

void
fraud_tell(struct fraud *f, uint64_t event, bool invalid, int64_t version, instant when)
{
	if (f->labels != NULL)
		labels_tell(f->labels, event, invalid, version, when);
}

/* --- Counters and snapshots --------------------------------------------------------- */

const struct fraud_totals *
fraud_totals(const struct fraud *f)
{
	return &f->totals;
}

struct fraud_evicted
fraud_evicted(const struct fraud *f)
{
	return (struct fraud_evicted){
		.lattice = lattice_totals(f->lattice),
		.sources = table_counts(f->sources).evicted,
		.decisions = table_counts(f->decisions).evicted,
		.influence = f->influence == NULL ? 0 : influence_evicted(f->influence),
	};
}

void
fraud_save(struct fraud *f, struct state_writer *to)
{
	lattice_save(f->lattice, to);
	state_put_table(to, f->sources);
	state_put_table(to, f->decisions);
	waiting_save(f->waiting, to);
	if (f->influence != NULL)
		influence_save(f->influence, to);
	if (f->labels != NULL)
		labels_save(f->labels, to);
	state_put(to, f->click_rate, sizeof f->click_rate);
	state_put(to, f->sale_rate, sizeof f->sale_rate);
	state_put(to, &f->totals, sizeof f->totals);
}

int
fraud_load(struct fraud *f, struct state_reader *from, struct error *error)
{
	if (lattice_load(f->lattice, from, error) != 0 ||
	    state_get_table(from, f->sources, error) != 0 ||
	    state_get_table(from, f->decisions, error) != 0 ||
	    waiting_load(f->waiting, from, error) != 0 ||
	    (f->influence != NULL && influence_load(f->influence, from, error) != 0) ||
	    (f->labels != NULL && labels_load(f->labels, from, error) != 0))
		return -1;
	if (state_get(from, f->click_rate, sizeof f->click_rate) != 0 ||
	    state_get(from, f->sale_rate, sizeof f->sale_rate) != 0 ||
	    state_get(from, &f->totals, sizeof f->totals) != 0)
		return error_set(error, "the snapshot is too short");
	return 0;
}
