/* SPDX-License-Identifier: MIT
 *
 * bp-cap: show nobody the same thing too often.
 *
 * in     requests, whose candidates over a cap are taken out; decisions and impressions,
 *        those over a cap dropped or marked; campaigns, creatives and items, which are
 *        the catalogue; verdicts and retracts, and records that take back what was
 *        counted; others pass
 * out    the same records in the same order
 * state  counters by user and banner, campaign, slot; the stalest are evicted; what was
 *        counted, so that it can be taken back
 * needs  nothing: it counts in event time, in any order
 */
#include <stdio.h>

#include "lib/delivery/caps.h"
#include "lib/delivery/visitor.h"
#include "lib/filter.h"
#include "lib/filter/shop.h"
#include "lib/filter/undo.h"

enum { IMPRESSIONS, DECISIONS };
enum { DROP_IT, MARK_IT };
enum { WEIGHT_MAX = 1000000 };

/* Something that is about to be shown to somebody, with the caps of each subject. */
struct showing {
	struct caps_user who;
	instant when;
	uint64_t id[CAPS_SUBJECTS]; /* 0: there is none */
	struct cap cap[CAPS_SUBJECTS];
};

/* What was counted of an event, by the hash of its event_id. */
struct past {
	struct undo_event undo;
	struct showing showing;
	double weight;
};

struct cap_filter {
	const char *path, *users;
	const char *text[CAPS_SUBJECTS]; /* the options --banner, --campaign, --slot */
	struct span pause;
	int count, over;

	struct shop shop;
	struct caps *caps; /* owned */
	struct cap preset[CAPS_SUBJECTS];
	struct visitor_keys visitor;
	struct key slot_id, capped;
	struct undo undo;
	struct {
		uint64_t removed, marked, returned;
	} own; /* counts */
	struct caps_counts counts;
};

static const struct option options[] = {
	OPTION_ASIDE('c', "catalogue", struct cap_filter, path, NULL,
	    "creatives and campaigns, as records or JSON lines", "FILE"),
	OPTION('b', "banner", struct cap_filter, text[CAPS_BANNER], NULL,
	    "cap of banners without one: 20, 2/session, 3/24h", "CAPS"),
	OPTION('g', "campaign", struct cap_filter, text[CAPS_CAMPAIGN], NULL,
	    "cap of campaigns without one", "CAPS"),
	OPTION('s', "slot", struct cap_filter, text[CAPS_SLOT], NULL, "cap of slots",
	    "CAPS"),
	OPTION_CHOICE('n', "count", struct cap_filter, count, "impressions|decisions",
	    "what counts"),
	OPTION_CHOICE('o', "over", struct cap_filter, over, "drop|mark",
	    "what becomes of what is over a cap"),
	OPTION('u', "user", struct cap_filter, users, "user_id,anonymous_id",
	    "keys that tell a user, the first that is there", "NAMES"),
	OPTION('p', "pause", struct cap_filter, pause, "30m",
	    "a pause that ends a session without session_id"),
	OPTION_END,
};

/* --- Start ------------------------------------------------------------------------- */

static int
read_presets(struct run *run, struct cap_filter *f)
{
	struct error error;

	for (unsigned i = 0; i < CAPS_SUBJECTS; i++)
		if (cap_parse(&f->preset[i], f->text[i], &error) != 0)
			return run_usage(run, "%s", error.text);
	return 0;
}

static void
show_counters(struct run *run, struct cap_filter *f)
{
	run_counter(
	    run, "removed", "candidates taken out of requests", &f->own.removed);
	run_counter(run, "marked", "decisions and impressions marked", &f->own.marked);
	run_counter(run, "returned", "counted events taken back", &f->own.returned);
	run_counter(run, "evicted", "counters forgotten for want of memory",
	    &f->counts.evicted);
	run_counter(run, "late_events", "events older than the window that counts them",
	    &f->counts.late);
}

static int
start(struct run *run, void *self)
{
	struct cap_filter *f = self;
	uint64_t memory = run_memory(run);
	struct error error;

	if (f->pause.us <= 0)
		return run_usage(run, "--pause must be longer than 0");
	if (read_presets(run, f) != 0)
		return -1;
	if (visitor_keys_init(&f->visitor, run_reader(run), hash_key(run_seed(run)),
		f->users, &error) != 0)
		return run_usage(run, "--user: %s", error.text);
	f->slot_id = run_key(run, "slot_id");
	f->capped = run_key(run, "capped");
	if (shop_open(&f->shop, run, f->path, memory / 2) != 0)
		return -1;
	f->caps = caps_new(f->pause, memory / 8 * 3);
	if (f->caps == NULL)
		return run_fail(run, "no memory for the counters: change --memory");
	show_counters(run, f);
	return undo_start(
	    &f->undo, run, f->visitor.hash, sizeof(struct past), memory / 16);
}

/* --- What is over a cap ------------------------------------------------------------ */

static void
take_caps(const struct cap_filter *f, const struct candidate *k, struct showing *s)
{
	const struct catalogue *c = f->shop.catalogue;
	uint32_t campaign = CATALOGUE_NONE;

	s->id[CAPS_BANNER] = k->hash;
	s->cap[CAPS_BANNER] = f->preset[CAPS_BANNER];
	s->id[CAPS_CAMPAIGN] = k->campaign;
	s->cap[CAPS_CAMPAIGN] = f->preset[CAPS_CAMPAIGN];
	if (k->row != CATALOGUE_NONE && cap_limits(catalogue_creative(c, k->row)->cap))
		s->cap[CAPS_BANNER] = catalogue_creative(c, k->row)->cap;
	if (k->campaign != 0)
		campaign = catalogue_find_campaign(c, k->campaign);
	if (campaign != CATALOGUE_NONE &&
	    cap_limits(catalogue_campaign(c, campaign)->cap))
		s->cap[CAPS_CAMPAIGN] = catalogue_campaign(c, campaign)->cap;
}

/* The first subject that is over one; CAPS_SUBJECTS: none. */
static unsigned
over(const struct cap_filter *f, const struct showing *s, enum caps_verdict *why)
{
	unsigned i;

	for (i = 0; i < CAPS_SUBJECTS; i++) {
		*why = s->id[i] == 0
		    ? CAPS_FREE
		    : caps_ask(f->caps, s->who, i, s->id[i], s->cap[i], s->when);
		if (*why != CAPS_FREE)
			break;
	}
	return i;
}

/* Whose it is, when, and in which slot. */
static bool
read_showing(const struct cap_filter *f, const struct record *r, struct showing *s)
{
	struct slice slot;

	*s = (struct showing){ .who = visitor_read(&f->visitor, r) };
	s->cap[CAPS_SLOT] = f->preset[CAPS_SLOT];
	if (record_id(r, f->slot_id, &slot))
		s->id[CAPS_SLOT] = catalogue_hash(f->shop.catalogue, slot);
	return record_timestamp(r, &s->when);
}

static enum verdict
trim(struct run *run, struct cap_filter *f, const struct record *r)
{
	struct showing s;
	enum caps_verdict why;
	enum verdict verdict;
	uint32_t left = 0;
	double weight;

	if (!read_showing(f, r, &s))
		return run_reject(run, "request without timestamp");
	if (record_weight(r, &weight) && undo_again(&f->undo, r, weight))
		return PASS;
	verdict = shop_candidates(&f->shop, run, r, s.when);
	if (verdict != PASS)
		return verdict == DROP ? PASS : verdict;
	for (uint32_t i = 0; i < f->shop.count; i++) {
		take_caps(f, &f->shop.candidates[i], &s);
		if (over(f, &s, &why) == CAPS_SUBJECTS)
			shop_keep(&f->shop, i, left++);
	}
	f->own.removed += f->shop.count - left;
	shop_write(&f->shop, run, r, left);
	return PASS;
}

/* --- What counts ------------------------------------------------------------------- */

static void
add(struct cap_filter *f, const struct showing *s, double weight)
{
	for (unsigned i = 0; i < CAPS_SUBJECTS; i++)
		if (s->id[i] != 0)
			caps_add(
			    f->caps, s->who, i, s->id[i], s->cap[i], s->when, weight);
	f->counts = caps_counts(f->caps);
}

/* Count it, and keep what was counted for whoever takes it back. */
static void
count(struct cap_filter *f, const struct record *r, const struct showing *s,
    double weight)
{
	struct past *cell = s->who.user == 0 ? NULL : undo_put(&f->undo, r, s->when);

	if (cell != NULL) {
		cell->showing = *s;
		cell->weight = weight;
	}
	if (s->who.user != 0)
		add(f, s, weight);
}

/* It counts no more, or again, where it did. */
static void
turned(struct cap_filter *f, const struct past *cell)
{
	add(f, &cell->showing, cell->undo.out ? -cell->weight : cell->weight);
	f->own.returned += cell->undo.out;
}

/* The event once more: with the opposite weight, or because it counts after all. False: it
 * is not known. */
static bool
turn(struct cap_filter *f, const struct record *r, bool out)
{
	struct past *cell = undo_find(&f->undo, r);

	if (cell != NULL && undo_turn(&f->undo, &cell->undo, r, out))
		turned(f, cell);
	return cell != NULL;
}

static void
mark(struct run *run, struct cap_filter *f, unsigned subject, enum caps_verdict why)
{
	static const char *const names[CAPS_SUBJECTS] = { "banner", "campaign",
		"slot" };
	char text[32];

	(void)snprintf(
	    text, sizeof text, "%s %s", names[subject], caps_verdict_name(why));
	build_text(run_set(run, f->capped), text);
	f->own.marked++;
}

static enum verdict
show(struct run *run, struct cap_filter *f, const struct record *r, bool counts)
{
	struct candidate shown;
	struct showing s;
	enum caps_verdict why;
	unsigned subject;
	double weight;
	bool again;

	if (!read_showing(f, r, &s) || !record_weight(r, &weight) ||
	    weight > WEIGHT_MAX)
		return run_reject(run,
		    "no timestamp, or a weight that is no number up to a million, to "
		    "count by");
	/* What counts after all was shown: no cap is asked. */
	again = undo_again(&f->undo, r, weight);
	if (again && (!counts || turn(f, r, weight < 0) || weight < 0))
		return PASS;
	if (!shop_shown(&f->shop, r, &shown))
		return run_reject(run, "no creative_id to count by");
	take_caps(f, &shown, &s);
	subject = again ? CAPS_SUBJECTS : over(f, &s, &why);
	if (subject != CAPS_SUBJECTS && f->over == DROP_IT)
		return DROP;
	if (subject != CAPS_SUBJECTS)
		mark(run, f, subject, why);
	if (counts)
		count(f, r, &s, weight);
	return PASS;
}

static enum verdict
each(struct run *run, void *self, const struct record *r)
{
	struct cap_filter *f = self;
	enum verdict verdict;
	void *cell;

	switch (record_kind(r)) {
	case KIND_CAMPAIGN:
	case KIND_CREATIVE:
	case KIND_ITEM:
		return shop_take(&f->shop, run, r);
	case KIND_REQUEST:
		return trim(run, f, r);
	case KIND_DECISION:
		return show(run, f, r, f->count == DECISIONS);
	case KIND_IMPRESSION: /* of a decision that counted: it is not asked again */
		return f->count == DECISIONS ? PASS : show(run, f, r, true);
	case KIND_VERDICT:
	case KIND_RETRACT:
		verdict = undo_read(&f->undo, run, r, record_kind(r), &cell);
		if (cell != NULL)
			turned(f, cell);
		return verdict;
	default:
		return PASS;
	}
}

/* --- Between runs ------------------------------------------------------------------ */

static int
reload(struct run *run, void *self)
{
	struct cap_filter *f = self;

	return shop_reload(&f->shop, run);
}

static int
save(struct run *run, void *self, struct state_writer *to)
{
	struct cap_filter *f = self;

	(void)run;
	shop_save(&f->shop, to);
	caps_save(f->caps, to);
	undo_save(&f->undo, to);
	state_put(to, &f->own, sizeof f->own);
	return 0;
}

static int
load(struct run *run, void *self, struct state_reader *from)
{
	struct cap_filter *f = self;
	struct error error;

	if (shop_load(&f->shop, run, from) != 0)
		return -1;
	if (caps_load(f->caps, from, &error) != 0 ||
	    undo_load(&f->undo, from, &error) != 0)
		return run_fail(run, "%s", error.text);
	if (state_get(from, &f->own, sizeof f->own) != 0)
		return run_fail(run, "the snapshot is too short");
	return 0;
}

static void
stop(void *self)
{
	struct cap_filter *f = self;

	shop_close(&f->shop);
	caps_free(f->caps);
	undo_stop(&f->undo);
}

static const struct filter cap = {
	.name = "cap",
	.about = "show nobody the same thing too often",
	.examples =
	    "  bp-cap --catalogue shop.json <requests.bp | bp-rank >decisions.bp\n"
	    "  bp-cap --banner 3/24h,2/session --over mark day.bp | bp-print\n",
	.options = options,
	.size = sizeof(struct cap_filter),
	.schema = 3,
	.start = start,
	.load = load,
	.each = each,
	.reload = reload,
	.save = save,
	.stop = stop,
};

int
main(int argc, char **argv)
{
	return filter_main(&cap, argc, argv);
}
