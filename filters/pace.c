/* SPDX-License-Identifier: MIT
 *
 * bp-pace: spend the budgets of campaigns, evenly, and no more than them.
 *
 * in     requests, whose candidates without budget, or whose campaign sits this one out,
 *        are taken out; decisions, which reserve their price (those that cannot are
 *        dropped or marked); impressions, clicks, conversions, which pay; campaigns,
 *        creatives, items, which are the catalogue; verdicts and retracts, and records
 *        that take back what paid; others pass
 * out    the same records in the same order, and before what has spent or exceeded
 *        a budget an alert
 * state  budgets, reservations, the forecast of traffic; the oldest decisions are
 *        forgotten
 * needs  events in the order of time; run bp-sort before it if they are not
 */
#include "lib/delivery/budget.h"
#include "lib/delivery/price.h"
#include "lib/filter.h"
#include "lib/filter/shop.h"
#include "lib/filter/spending.h"
#include "lib/filter/undo.h"

enum { DROP_IT, MARK_IT };

/* What came to pay, by the hash of its event_id, for whoever takes it back. */
struct payment {
	struct undo_event undo;
	uint64_t decision;
	uint64_t event; /* enum budget_event */
};

struct pace {
	const char *path, *conversions;
	struct span wait[BUDGET_EVENTS], midnight;
	double share;
	bool unpaced;
	int over;

	struct shop shop;
	struct budgets *budgets; /* owned */
	struct undo payments;
	struct hash_key hash;
	struct key decision_id, request_id, unfunded, bid_type, price;
	uint64_t conversion_kinds; /* bits */
	struct {
		uint64_t removed, throttled, marked, forgotten;
	} own; /* counts */
	struct budget_counts counts;
};

static const struct option options[] = {
	OPTION_ASIDE('c', "catalogue", struct pace, path, NULL,
	    "creatives and campaigns, as records or JSON lines", "FILE"),
	OPTION('i', "wait-impression", struct pace, wait[BUDGET_IMPRESSION], "5m",
	    "how long a decision holds its price"),
	OPTION('k', "wait-click", struct pace, wait[BUDGET_CLICK], "30m",
	    "how long an impression holds it, of a bid cpc or cpa"),
	OPTION('v', "wait-conversion", struct pace, wait[BUDGET_CONVERSION], "24h",
	    "how long a click holds it, of a bid cpa"),
	OPTION('r', "reserve", struct pace, share, "1",
	    "part of the price that is held, of bids cpc and cpa", "SHARE"),
	OPTION('n', "conversions", struct pace, conversions, "purchase",
	    "kinds of event that are conversions", "KINDS"),
	OPTION('m', "midnight", struct pace, midnight, "0s",
	    "when a day begins, after 00:00 UTC"),
	OPTION('x', "unpaced", struct pace, unpaced, NULL,
	    "spend as fast as it goes, not as the traffic is expected"),
	OPTION_CHOICE('o', "over", struct pace, over, "drop|mark",
	    "what becomes of decisions without budget"),
	OPTION_END,
};

/* --- Start ------------------------------------------------------------------------- */

static int
check_options(struct run *run, struct pace *p)
{
	const char *rest = p->conversions;
	struct slice name;

	for (unsigned i = 0; i < BUDGET_EVENTS; i++)
		if (p->wait[i].us <= 0)
			return run_usage(run, "a --wait must be longer than 0");
	if (!(p->share >= 0 && p->share <= 1))
		return run_usage(run, "--reserve is a part, 0 to 1");
	if (p->midnight.us < 0 || p->midnight.us >= WHEN_DAY)
		return run_usage(run, "--midnight is less than a day");
	while (option_next_name(&rest, &name)) {
		enum kind kind = kind_of(name);

		if (kind == KIND_OTHER || kind == KIND_IMPRESSION ||
		    kind == KIND_CLICK || kind == KIND_DECISION)
			return run_usage(run, "--conversions: '%.*s' is none",
			    (int)name.size, (const char *)name.at);
		p->conversion_kinds |= UINT64_C(1) << kind;
	}
	return 0;
}

static void
show_counters(struct run *run, struct pace *p)
{
	run_counter(
	    run, "removed", "candidates without budget taken out", &p->own.removed);
	run_counter(run, "throttled", "candidates that sat out", &p->own.throttled);
	run_counter(run, "marked", "decisions without budget", &p->own.marked);
	spending_show(run, &p->counts);
	run_counter(run, "forgotten", "events of decisions that are not known",
	    &p->own.forgotten);
}

static int
start(struct run *run, void *self)
{
	struct pace *p = self;
	uint64_t memory = run_memory(run);
	struct budget_rules rules = {
		.share = p->share, .midnight = p->midnight, .unpaced = p->unpaced
	};

	if (check_options(run, p) != 0)
		return -1;
	memcpy(rules.wait, p->wait, sizeof rules.wait);
	p->hash = hash_key(run_seed(run));
	p->decision_id = run_key(run, "decision_id");
	p->request_id = run_key(run, "request_id");
	p->unfunded = run_key(run, "unfunded");
	p->bid_type = run_key(run, "bid_type");
	p->price = run_key(run, "price_micros");
	if (shop_open(&p->shop, run, p->path, memory / 2) != 0)
		return -1;
	p->budgets = budgets_new(rules, memory / 8 * 3);
	if (p->budgets == NULL)
		return run_fail(run, "no memory for the budgets: change --memory");
	show_counters(run, p);
	return undo_start(
	    &p->payments, run, p->hash, sizeof(struct payment), memory / 16);
}

/* --- Requests ---------------------------------------------------------------------- */

/* All candidates of a campaign sit out together. */
static bool
takes_part(struct pace *p, const struct candidate *k, uint64_t request, instant when)
{
	enum budget_verdict verdict;
	struct budget_of of;

	if (k->row != CATALOGUE_NONE &&
	    !catalogue_runs(p->shop.catalogue, k->row, when)) {
		p->own.removed++;
		return false;
	}
	if (!budget_find(p->shop.catalogue, k->campaign, &of))
		return true;
	verdict = budgets_ask(p->budgets, &of, hash_pair(request, k->campaign), when);
	p->own.throttled += verdict == BUDGET_PACE;
	p->own.removed += verdict == BUDGET_TOTAL || verdict == BUDGET_DAY;
	return verdict == BUDGET_FREE;
}

static enum verdict
trim(struct run *run, struct pace *p, const struct record *r, instant when)
{
	enum verdict verdict;
	struct slice id;
	uint64_t request;
	uint32_t left = 0;

	if (!record_id(r, p->request_id, &id) && !record_id(r, KEY_EVENT_ID, &id))
		return run_reject(run, "request without request_id or event_id");
	request = hash_keyed(p->hash, id);
	budgets_traffic(p->budgets, when);
	verdict = shop_candidates(&p->shop, run, r, when);
	if (verdict != PASS)
		return verdict == DROP ? PASS : verdict;
	for (uint32_t i = 0; i < p->shop.count; i++)
		if (takes_part(p, &p->shop.candidates[i], request, when))
			shop_keep(&p->shop, i, left++);
	shop_write(&p->shop, run, r, left);
	return PASS;
}

/* --- Decisions and what comes of them ---------------------------------------------- */

/* The campaign as it is, or as it pays for this: less than its bid, if the record says so. */
static bool
find_budget(const struct pace *p, const struct candidate *k, const struct record *r,
    struct budget_of *of)
{
	struct slice word;
	int64_t micros;

	if (!budget_find(p->shop.catalogue, k->campaign, of))
		return false;
	if (record_str(r, p->bid_type, &word) && record_int(r, p->price, &micros))
		budget_lower(of, bid_type_of(word), micros);
	return true;
}

static enum verdict
decide(struct run *run, struct pace *p, const struct record *r, instant when)
{
	struct candidate chosen;
	struct budget_of of;
	enum budget_verdict verdict;
	struct slice id;

	if (!shop_shown(&p->shop, r, &chosen) || !find_budget(p, &chosen, r, &of))
		return PASS;
	if (!record_id(r, p->decision_id, &id) && !record_id(r, KEY_EVENT_ID, &id))
		return run_reject(run, "decision without decision_id or event_id");
	verdict = budgets_reserve(p->budgets, &of, hash_keyed(p->hash, id), when);
	if (verdict == BUDGET_FREE)
		return PASS;
	if (p->over == DROP_IT)
		return DROP;
	p->own.marked++;
	build_text(run_set(run, p->unfunded), budget_verdict_name(verdict));
	return PASS;
}

/* It counts no more, or again. */
static void
turned(struct pace *p, const struct payment *cell, instant when)
{
	enum budget_event event = (enum budget_event)cell->event;

	if (cell->undo.out)
		(void)budgets_return(p->budgets, cell->decision, event);
	else
		(void)budgets_commit(p->budgets, NULL, cell->decision, event, when);
}

/* The event with the opposite weight. A decision holds its price no more. */
static enum verdict
take_back(struct pace *p, const struct record *r, enum kind kind)
{
	struct payment *cell;
	struct slice id;

	if (kind == KIND_DECISION) {
		if (record_id(r, p->decision_id, &id) ||
		    record_id(r, KEY_EVENT_ID, &id))
			(void)budgets_release(p->budgets, hash_keyed(p->hash, id));
	} else if (kind != KIND_REQUEST &&
	    (cell = undo_find(&p->payments, r)) != NULL &&
	    undo_turn(&p->payments, &cell->undo, r, true)) {
		turned(p, cell, 0);
	}
	return PASS;
}

/* The same event may come again: a second time, which is nothing, or because it counts
 * after all. */
static void
pay(struct pace *p, const struct record *r, enum budget_event event, instant when)
{
	struct payment *cell = undo_find(&p->payments, r);
	struct candidate shown;
	struct budget_of of;
	enum budget_outcome outcome;
	struct slice id;
	uint64_t decision;
	bool known;

	if (cell != NULL && undo_turn(&p->payments, &cell->undo, r, false))
		turned(p, cell, when);
	if (cell != NULL || !record_id(r, p->decision_id, &id))
		return;
	decision = hash_keyed(p->hash, id);
	known = shop_shown(&p->shop, r, &shown) && find_budget(p, &shown, r, &of);
	outcome = budgets_commit(p->budgets, known ? &of : NULL, decision, event, when);
	p->own.forgotten += outcome == BUDGET_UNKNOWN;
	if (outcome == BUDGET_PAID || outcome == BUDGET_AGAIN)
		cell = undo_put(&p->payments, r, when);
	if (cell != NULL) {
		cell->decision = decision;
		cell->event = event;
	}
}

static enum verdict
each(struct run *run, void *self, const struct record *r)
{
	struct pace *p = self;
	enum kind kind = record_kind(r);
	bool converts = (p->conversion_kinds >> kind & 1) != 0;
	enum verdict verdict = PASS;
	double weight;
	void *cell;
	instant when;

	if (kind == KIND_CAMPAIGN || kind == KIND_CREATIVE || kind == KIND_ITEM)
		return shop_take(&p->shop, run, r);
	if (kind != KIND_REQUEST && kind != KIND_DECISION && kind != KIND_IMPRESSION &&
	    kind != KIND_CLICK && kind != KIND_VERDICT && kind != KIND_RETRACT &&
	    !converts)
		return PASS;
	if (!record_timestamp(r, &when))
		return run_reject(run, "%s without timestamp", kind_name(kind));
	if (!record_weight(r, &weight))
		return run_reject(run, "a weight that is no number");
	budgets_reach(p->budgets, when);
	if (kind == KIND_VERDICT || kind == KIND_RETRACT) {
		verdict = undo_read(&p->payments, run, r, kind, &cell);
		if (cell != NULL)
			turned(p, cell, when);
	} else if (weight <= 0)
		verdict = weight < 0 ? take_back(p, r, kind) : PASS;
	else if (kind == KIND_REQUEST)
		verdict =
		    undo_again(&p->payments, r, weight) ? PASS : trim(run, p, r, when);
	else if (kind == KIND_DECISION)
		verdict = decide(run, p, r, when);
	else
		pay(p, r,
		    converts                 ? BUDGET_CONVERSION
			: kind == KIND_CLICK ? BUDGET_CLICK
					     : BUDGET_IMPRESSION,
		    when);
	p->counts = budgets_counts(p->budgets);
	return spending_alerts(run, &p->shop, p->budgets, when) == 0 ? verdict : FAIL;
}

/* --- Between runs ------------------------------------------------------------------ */

static int
reload(struct run *run, void *self)
{
	struct pace *p = self;

	return shop_reload(&p->shop, run);
}

static int
save(struct run *run, void *self, struct state_writer *to)
{
	struct pace *p = self;

	(void)run;
	shop_save(&p->shop, to);
	budgets_save(p->budgets, to);
	undo_save(&p->payments, to);
	state_put(to, &p->own, sizeof p->own);
	return 0;
}

static int
load(struct run *run, void *self, struct state_reader *from)
{
	struct pace *p = self;
	struct error error;

	if (shop_load(&p->shop, run, from) != 0)
		return -1;
	if (budgets_load(p->budgets, from, &error) != 0 ||
	    undo_load(&p->payments, from, &error) != 0)
		return run_fail(run, "%s", error.text);
	if (state_get(from, &p->own, sizeof p->own) != 0)
		return run_fail(run, "the snapshot is too short");
	p->counts = budgets_counts(p->budgets);
	return 0;
}

static void
stop(void *self)
{
	struct pace *p = self;

	shop_close(&p->shop);
	budgets_free(p->budgets);
	undo_stop(&p->payments);
}

static const struct filter pace = {
	.name = "pace",
	.about = "spend the budgets of campaigns, evenly, and no more",
	.examples =
	    "  bp-pace --catalogue shop.json <requests.bp | bp-rank >decisions.bp\n"
	    "  bp-pace -c shop.json day.bp | bp-select 'event == \"alert\"'\n",
	.options = options,
	.size = sizeof(struct pace),
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
	return filter_main(&pace, argc, argv);
}
