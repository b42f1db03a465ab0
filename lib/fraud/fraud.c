/* SPDX-License-Identifier: MIT */
#include "lib/fraud/fraud.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/fraud/decisions.h"
#include "lib/fraud/sources.h"
#include "lib/fraud/strange.h"

#define INFLUENCE_SHARE 20.0 /* at least: certain, as it is no suspicion */
#define EVERY_SET (UINT32_MAX - 1)
#define EVERY_OWN ((UINT32_C(1) << SIGNAL_OWN) - 1)

/* What others said of an event that waits. */
struct told {
	int64_t version;
	uint64_t invalid;
};

struct fraud {
	struct fraud_options o;
	struct rules *rules; /* owned, as are all these */
	struct lattice *lattice;
	struct sources *sources;
	struct decisions *decisions;
	struct waiting *waiting;
	struct strange *strange;
	struct table *told;
	struct influence *influence;
	struct labels *labels;
	uint32_t sets; /* that a second look is at */
	uint32_t counted;
	uint32_t own; /* signals that are measured */
	struct fraud_totals totals;
	struct look first;     /* begins with fraud_prefetch */
	struct look second[2]; /* the last one, and the next one, prefetched */
	unsigned next;         /* which of these */
	uint64_t whose;        /* the number of the event that the next one is of */
	uint8_t id[WAITING_ID_MAX]; /* of the last finding */
	struct summary unkept;      /* of an event that does not wait */
	struct sources_hint hint;   /* of the event of the first look */
};

/* --- Made -------------------------------------------------------------------------- */

static bool
make_parts(struct fraud *f)
{
	const struct fraud_options *o = &f->o;
	uint64_t part = o->memory / 16;

	f->lattice = lattice_new(o->windows, 8 * part);
	f->sources = sources_new(2 * part);
	f->decisions = decisions_new(2 * part);
	f->waiting = waiting_new((o->learns ? 1 : 2) * part);
	f->strange = strange_new(part / 2, o->seed);
	f->told = table_new(TABLE_KEY_64, sizeof(struct told), part / 4);
	if (o->learns)
		f->labels = labels_new(part);
	if (o->limits)
		f->influence = influence_new(o->influence, part);
	return f->lattice != NULL && f->sources != NULL && f->decisions != NULL &&
	    f->waiting != NULL && f->strange != NULL && f->told != NULL &&
	    (!o->learns || f->labels != NULL) && (!o->limits || f->influence != NULL);
}

/* Half for the lattice; sixteenths for the others. */
struct fraud *
fraud_new(const struct fraud_options *o, struct rules *rules)
{
	struct fraud *f = calloc(1, sizeof *f);

	if (f == NULL) {
		rules_free(rules);
		return NULL;
	}
	f->o = *o;
	fraud_set_rules(f, rules);
	if (make_parts(f))
		return f;
	fraud_free(f);
	return NULL;
}

void
fraud_free(struct fraud *f)
{
	if (f == NULL)
		return;
	rules_free(f->rules);
	lattice_free(f->lattice);
	sources_free(f->sources);
	decisions_free(f->decisions);
	waiting_free(f->waiting);
	strange_free(f->strange);
	table_free(f->told);
	influence_free(f->influence);
	labels_free(f->labels);
	free(f);
}

/* What nobody asks for is neither counted nor measured. */
void
fraud_set_rules(struct fraud *f, struct rules *rules)
{
	rules_free(f->rules);
	f->rules = rules;
	f->whose = 0;
	f->sets = f->o.learns ? EVERY_SET : rules_sets(rules);
	f->counted = f->o.learns ? EVERY_SET : rules_counted(rules);
	f->own = f->o.learns ? EVERY_OWN : rules_own(rules);
	if ((f->own >> SIGNAL_STRANGE & 1) != 0) {
		f->sets |= strange_sets();
		f->counted |= strange_counted();
		f->own |= strange_own();
	}
	f->first.asked = f->second[0].asked = f->second[1].asked = f->own;
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

/* --- Scores ------------------------------------------------------------------------ */

/* A place for what is in otherwise, and only for that. */
static void
limit(struct fraud *f, struct summary *s, struct fraud_finding *to)
{
	bool placed = s->places.taken, capped = s->capped;

	if (to->out && placed)
		influence_give(f->influence, &s->places);
	if (!to->out && !placed)
		s->capped = !influence_take(f->influence, &s->places, s->when);
	s->places.taken = !to->out && !s->capped;
	if (to->out || !s->capped)
		return;
	rules_add(&to->reasons, "influence", fmax(INFLUENCE_SHARE, 1 - to->score));
	to->score = to->reasons.score;
	to->out = true;
	f->totals.capped += !capped;
}

static void
judge(struct fraud *f, struct look *look, struct summary *s, struct fraud_finding *to)
{
	double part = f->labels == NULL ? 0 : labels_part(f->labels);

	look->rate = sources_rate(f->sources);
	rules_apply(f->rules, look, 1 - part, &to->reasons);
	if (part > 0)
		labels_apply(f->labels, look, part, &to->reasons);
	to->score = to->reasons.score;
	to->out = to->score > 0;
	to->look = look;
	if (f->influence != NULL)
		limit(f, s, to);
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

	/* What is of no banner moves none. */
	if (f->influence != NULL && p->hash[LATTICE_BANNER] != 0)
		s->places = influence_of(
		    f->influence, subject, p->hash[LATTICE_BANNER], e->kind, e->when);
}

/* --- The first look ---------------------------------------------------------------- */

void
fraud_prefetch(struct fraud *f, const struct fraud_event *e)
{
	lattice_open(f->lattice, &e->point, f->counted, &f->first.sets);
	sources_prefetch(f->sources, &e->point);
	decisions_prefetch(f->decisions, e->decision);
}

void
fraud_decide(struct fraud *f, const struct fraud_event *e)
{
	if (e->decision != 0)
		decisions_open(f->decisions, e);
}

/* The click before it learns how far this one is from it. */
static void
tell_click_before(struct fraud *f, enum sources_kind i, uint64_t number, float gap)
{
	struct summary *before = waiting_find(f->waiting, number);

	if (before != NULL && before->point.hash[source_field(i)] != 0)
		before->own[SIGNAL_NEXT_USER + i] = gap;
}

static void
look_at_sources(
    struct fraud *f, const struct fraud_event *e, struct summary *s, uint64_t number)
{
	struct look *look = &f->first;

	for (unsigned i = 0; i < SOURCES; i++) {
		uint64_t before;

		if (!source_is_known(&s->point, i))
			continue;
		before =
		    sources_add(f->sources, i, e, number, look, &s->seen[i], &f->hint);
		if (before != 0)
			tell_click_before(f, i, before, look->own[SIGNAL_GAP_USER + i]);
	}
}

/* It measures into `first`, and what of it will not be there any more stays in the
 * summary. */
static void
look_first(
    struct fraud *f, const struct fraud_event *e, struct summary *s, uint64_t number)
{
	struct look *look = &f->first;

	for (unsigned i = 0; i < SIGNAL_OWN; i++)
		look->own[i] = NAN;
	sources_find(f->sources, &s->point, &f->hint);
	look->own[SIGNAL_CLICK] = e->kind == TRAIL_CLICKED;
	look->own[SIGNAL_MARKED] = (float)e->marked;
	if (e->decision != 0)
		decisions_add(f->decisions, e, &s->point, look);
	if (s->point.present != e->point.present)
		lattice_open(f->lattice, &s->point, f->counted, &look->sets);
	lattice_add(
	    f->lattice, e->when, e->kind == TRAIL_CLICKED, &look->sets, look->velocity);
	look->rate = sources_rate(f->sources);
	look_at_sources(f, e, s, number);
	memcpy(s->velocity, look->velocity, sizeof s->velocity);
	memcpy(s->own, look->own, sizeof s->own);
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
	to->at = e->when;
	to->id = e->id;
	to->second = to->turned = false;
	judge(f, &f->first, s, to);
	s->out = to->out;
	if (waits) {
		*waiting_hint(f->waiting, number) = f->hint;
		s->id_size = (uint8_t)e->id.size;
		memcpy(s->id, e->id.at, e->id.size);
	}
	f->totals.looked[0]++;
	f->totals.out[0] += to->out;
	f->totals.unnamed += !waits;
	lattice_fetch(f->lattice, &f->second[f->next].sets); /* for the next one */
}

/* --- The second look --------------------------------------------------------------- */

static void
open_second(struct fraud *f, const struct summary *s)
{
	lattice_open(f->lattice, &s->point, f->sets, &f->second[f->next].sets);
	f->whose = waiting_first_number(f->waiting);
}

/* Ahead of it. */
static void
prefetch_second(struct fraud *f)
{
	const struct summary *s = waiting_first(f->waiting);

	f->next ^= 1;
	if (s == NULL)
		return;
	open_second(f, s);
	sources_prefetch_found(
	    f->sources, &s->point, waiting_hint(f->waiting, f->whose));
	if (s->event_kind == TRAIL_CLICKED)
		decisions_prefetch(f->decisions, s->decision);
	waiting_prefetch(f->waiting);
}

static struct look *
look_again(struct fraud *f, const struct summary *s, instant at)
{
	struct look *look = &f->second[f->next];

	if (f->whose != waiting_first_number(f->waiting))
		open_second(f, s);
	memcpy(look->own, s->own, sizeof look->own);
	memcpy(look->velocity, s->velocity, sizeof look->velocity);
	look->rate = sources_rate(f->sources);
	lattice_look(f->lattice, f->sets, at, &look->sets);
	lattice_fetch(f->lattice, &f->first.sets); /* of fraud_prefetch */
	signal_velocities(look, f->sets);
	for (unsigned i = 0; i < SOURCES; i++)
		if (source_is_known(&s->point, i))
			sources_measure(f->sources, i, &s->point, s->seen[i], look,
			    waiting_hint(f->waiting, f->whose));
	if (s->decision != 0 && s->event_kind == TRAIL_CLICKED)
		decisions_measure(f->decisions, s->decision, look);
	if (s->event_kind != TRAIL_SHOWN && look_asks(look, SIGNAL_STRANGE))
		look->own[SIGNAL_STRANGE] = strange_measure(f->strange, look);
	return look;
}

/* Whether others have judged it while it waited: it is theirs, then, and no look of ours
 * turns that. */
static bool
is_told(struct fraud *f, struct summary *s)
{
	const struct told *told =
	    table_counts(f->told).cells == 0 ? NULL : table_find(f->told, s->event);

	if (told == NULL)
		return false;
	if (told->invalid && s->places.taken && f->influence != NULL)
		influence_give(f->influence, &s->places);
	(void)table_erase(f->told, s->event);
	f->totals.told++;
	return true;
}

static void
find_again(
    struct fraud *f, struct look *look, struct summary *s, struct fraud_finding *to)
{
	memcpy(f->id, s->id, s->id_size);
	to->id = slice_of(f->id, s->id_size);
	to->second = true;
	judge(f, look, s, to);
	to->turned = to->out != s->out;
	f->totals.out[1] += to->out;
	f->totals.retracted += to->turned && to->out;
	f->totals.restored += to->turned && !to->out;
}

bool
fraud_due(struct fraud *f, instant now, bool all, struct fraud_finding *to)
{
	bool told = true;

	while (told) {
		struct summary *s = waiting_first(f->waiting);
		bool early, full = waiting_is_full(f->waiting);
		instant due;
		struct look *look;

		if (s == NULL)
			return false;
		due = s->when + f->o.wait.us;
		early = now < due;
		if (early && !full && !all)
			return false;
		/* Time may be behind the event, and is unknown before the second one. */
		to->at = !early ? due : now > s->when ? now : s->when;
		look = look_again(f, s, to->at);
		told = is_told(f, s);
		if (!told)
			find_again(f, look, s, to);
		if (f->labels != NULL)
			labels_see(f->labels, s->event, look, s->when);
		f->totals.looked[1]++;
		f->totals.early += early && !all;
		waiting_drop_first(f->waiting);
		prefetch_second(f);
	}
	return true;
}

void
fraud_tell(struct fraud *f, uint64_t event, bool invalid, int64_t version, instant when)
{
	bool fresh;
	struct told *told = table_touch(f->told, event, when, &fresh);

	if (fresh || version > told->version)
		*told = (struct told){ .version = version, .invalid = invalid };
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
		.sources = sources_evicted(f->sources),
		.decisions = decisions_evicted(f->decisions),
		.influence = f->influence == NULL ? 0 : influence_evicted(f->influence),
	};
}

void
fraud_save(struct fraud *f, struct state_writer *to)
{
	lattice_save(f->lattice, to);
	sources_save(f->sources, to);
	decisions_save(f->decisions, to);
	waiting_save(f->waiting, to);
	strange_save(f->strange, to);
	state_put_table(to, f->told);
	if (f->influence != NULL)
		influence_save(f->influence, to);
	if (f->labels != NULL)
		labels_save(f->labels, to);
	state_put(to, &f->totals, sizeof f->totals);
}

int
fraud_load(struct fraud *f, struct state_reader *from, struct error *error)
{
	if (lattice_load(f->lattice, from, error) != 0 ||
	    sources_load(f->sources, from, error) != 0 ||
	    decisions_load(f->decisions, from, error) != 0 ||
	    waiting_load(f->waiting, from, error) != 0 ||
	    strange_load(f->strange, from, error) != 0 ||
	    state_get_table(from, f->told, error) != 0 ||
	    (f->influence != NULL && influence_load(f->influence, from, error) != 0) ||
	    (f->labels != NULL && labels_load(f->labels, from, error) != 0))
		return -1;
	if (state_get(from, &f->totals, sizeof f->totals) != 0)
		return error_set(error, "the snapshot is too short");
	return 0;
}
