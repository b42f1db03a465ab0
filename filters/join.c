/* SPDX-License-Identifier: MIT
 *
 * bp-join: join what was shown with what came of it.
 *
 * in     requests, decisions, impressions and clicks, which end here; conversions and
 *        refunds, which pass on; any of these once more, when it was found invalid, or
 *        valid after all (bp-retract); verdicts and retracts themselves; others pass
 * out    outcomes, in the order of the instants when they were known. A revised one is
 *        taken back by itself with the opposite weight and given anew: every sum of
 *        weight x anything over all outcomes is exact at every instant (join.1)
 * state  every banner until nothing can be added to it, and for --keep more, every
 *        conversion for its window; when the memory is full, a complete banner goes, and
 *        when there is none the one that came first is closed early
 * needs  events in the order of time; run bp-sort before it if they are not
 */
#include "lib/filter.h"
#include "lib/hash.h"
#include "lib/outcome/event.h"
#include "lib/outcome/outcome.h"
#include "lib/record/judgement.h"

struct join {
	struct outcome_rules rules;
	int attribution, reward, shown_by;
	const char *user_names, *key_names, *item_name, *conversion_names, *orphan_path;
	struct span lateness, max_future;

	struct outcomes *outcomes; /* owned */
	struct watermark watermark;
	bool ticked; /* the input sends watermarks: its timestamps make none */
	bool converts[KIND_COUNT];
	struct event_keys keys;
	struct judgement_keys judgement;
	struct output *orphans;
};

static const struct option options[] = {
	OPTION(0, "click-window", struct join, rules.click_window, "30m",
	    "a click counts so long after the showing"),
	OPTION('w', "wait", struct join, rules.wait, "0",
	    "give an unclicked one so soon, to be revised; 0: not before"),
	OPTION(0, "view-window", struct join, rules.view_window, "24h",
	    "a conversion so long after an unclicked showing"),
	OPTION(0, "purchase-window", struct join, rules.purchase_window, "7d",
	    "a conversion so long after a click"),
	OPTION_CHOICE('a', "attribution", struct join, attribution, ATTRIBUTION_WORDS,
	    "how the credit is shared"),
	OPTION(0, "half-life", struct join, rules.half_life, "7d", "of time-decay"),
	OPTION('c', "conversions", struct join, conversion_names, "purchase",
	    "kinds that are conversions", "KINDS"),
	OPTION('u', "user", struct join, user_names, "user_id,anonymous_id",
	    "whose it is: the first that is there", "KEYS"),
	OPTION('k', "key", struct join, key_names, "creative_id,slot_id",
	    "with the user, joins what has no decision_id", "KEYS"),
	OPTION('i', "item", struct join, item_name, NULL,
	    "credit a banner only with its item", "KEY"),
	OPTION_CHOICE(
	    'r', "reward", struct join, reward, REWARD_WORDS, "what the reward is"),
	OPTION_CHOICE(
	    's', "shown-by", struct join, shown_by, "any|impression", "what was shown"),
	OPTION('f', "final", struct join, rules.final, NULL, "only complete outcomes"),
	OPTION(0, "keep", struct join, rules.keep, "7d",
	    "complete outcomes can be revised so long"),
	OPTION(0, "lateness", struct join, lateness, "0",
	    "timestamps may run behind (no watermarks)"),
	OPTION(0, "max-future", struct join, max_future, "1d",
	    "reject timestamps further ahead (no watermarks)"),
	OPTION_ASIDE('o', "orphans", struct join, orphan_path, NULL,
	    "write what belongs to nothing there", "FILE"),
	OPTION_END,
};

static int
emit(void *context, struct slice record)
{
	return run_emit(context, record);
}

/* --- Start ------------------------------------------------------------------------ */

static int
read_conversions(struct run *run, struct join *j)
{
	const char *text = j->conversion_names;
	struct slice name;

	while (option_next_name(&text, &name)) {
		enum kind kind = kind_of(name);

		if (kind < KIND_PAGE_VIEW || kind > KIND_SIGN_UP || kind == KIND_REFUND)
			return run_usage(run,
			    "--conversions: '%.*s' is no event of a shop (try "
			    "purchase,add_to_cart)",
			    (int)(name.size < 64 ? name.size : 64), name.at);
		j->converts[kind] = true;
	}
	return 0;
}

static void
show_counters(struct run *run, const struct outcome_counts *c)
{
	run_counter(run, "outcomes_given", "outcomes given", &c->given);
	run_counter(run, "outcomes_taken_back", "outcomes taken back", &c->taken_back);
	run_counter(run, "closed_early", "banners closed early, for want of memory",
	    &c->closed_early);
	run_counter(run, "unshown", "decisions without impression", &c->unshown);
	run_counter(run, "repeats", "events that a banner had already", &c->repeats);
	run_counter(run, "refunds", "refunds of known conversions", &c->refunds);
	run_counter(run, "orphan_clicks", "clicks without a banner", &c->orphan_clicks);
	run_counter(run, "orphan_conversions", "conversions with nothing to credit",
	    &c->orphan_conversions);
	run_counter(run, "orphan_refunds", "refunds of unknown conversions",
	    &c->orphan_refunds);
	run_counter(run, "retracted", "events taken out", &c->retracted);
	run_counter(run, "restored", "events put in again", &c->restored);
	run_counter(run, "orphan_judgements", "judgements of unknown events",
	    &c->orphan_judgements);
	run_counter(run, "forgotten",
	    "complete banners gone before --keep, for want of memory", &c->forgotten);
}

static int
start(struct run *run, void *self)
{
	struct join *j = self;
	struct error error;

	j->rules.attribution = (enum attribution)j->attribution;
	j->rules.reward = (enum reward)j->reward;
	j->rules.by_impression = j->shown_by == 1;
	if (j->rules.half_life.us == 0)
		return run_usage(run, "--half-life must be more than 0");
	if (j->rules.wait.us > j->rules.click_window.us)
		return run_usage(run, "--wait is no longer than --click-window");
	if (event_keys_init(&j->keys, run_reader(run), hash_key(run_seed(run)),
		j->user_names, j->key_names, j->item_name, &error) != 0)
		return run_usage(run, "%s", error.text);
	if (read_conversions(run, j) != 0)
		return -1;
	j->judgement = judgement_keys(run_reader(run));
	watermark_init(&j->watermark, j->lateness, j->max_future);
	if (j->orphan_path != NULL) {
		j->orphans = run_outlet(run, j->orphan_path);
		if (j->orphans == NULL)
			return -1;
	}
	j->outcomes = outcomes_new(
	    &j->rules, run_reader(run), run_memory(run), emit, run, &error);
	if (j->outcomes == NULL)
		return run_fail(run, "%s", error.text);
	show_counters(run, outcomes_counts(j->outcomes));
	return 0;
}

/* --- Records ---------------------------------------------------------------------- */

static enum outcome_found
take(struct outcomes *o, const struct outcome_event *e, enum kind kind, bool converts)
{
	switch (kind) {
	case KIND_REQUEST:
		return outcomes_request(o, e);
	case KIND_CLICK:
		return outcomes_click(o, e);
	case KIND_REFUND:
		return outcomes_refund(o, e);
	default:
		return converts ? outcomes_convert(o, e) : outcomes_show(o, e);
	}
}

/* What becomes of the record; `ends`: its kind ends here. */
static enum verdict
settle(struct run *run, struct join *j, const struct record *r, bool ends,
    enum outcome_found found)
{
	switch (found) {
	case OUTCOME_FAILED:
		return FAIL;
	case OUTCOME_LARGE:
		return run_reject(run,
		    "more than %d keys, or more bytes than --memory can hold",
		    OUTCOME_CARRIED_MAX);
	case OUTCOME_LATE:
		return ends ? LATE : PASS;
	case OUTCOME_ORPHAN:
		if (j->orphans != NULL &&
		    run_divert(run, j->orphans, slice_of(r->bytes, r->size)) != 0)
			return FAIL;
		return ends ? DROP : PASS;
	default:
		return ends ? DROP : PASS;
	}
}

/* What was found of an event: of a banner or click a retract ends here, and so does the
 * event that flows once more; verdicts are of use to others. */
static enum verdict
judge(struct run *run, struct join *j, const struct record *r,
    const struct outcome_judgement *judgement, bool ends)
{
	bool conversion = false;
	enum outcome_found found = outcomes_judge(j->outcomes, judgement, &conversion);

	if (found == OUTCOME_UNKNOWN)
		return judgement->carried ? settle(run, j, r, ends, OUTCOME_ORPHAN)
					  : PASS;
	return settle(run, j, r, ends && !conversion, found);
}

static enum verdict
judge_by_record(struct run *run, struct join *j, const struct record *r, enum kind kind)
{
	struct outcome_judgement to = { .at = j->watermark.largest };
	struct judgement said;
	const char *wrong = judgement_read(&j->judgement, r, kind, &said);

	if (wrong != NULL)
		return run_reject(run, "%s of an event: %s", kind_name(kind), wrong);
	if (said.settled)
		return PASS;
	(void)record_timestamp(r, &to.at);
	to.id = event_id(&j->keys, r, KEY_EVENT_ID);
	to.out = said.out;
	to.version = said.version;
	to.reason = judgement_reason(&said);
	return judge(run, j, r, &to, kind == KIND_RETRACT);
}

/* Whether the event is one that is known and flows once more: bp-retract says so; else it
 * has the opposite weight, or its own after that. */
static bool
is_again(const struct join *j, const struct record *r, const struct outcome_event *e,
    struct outcome_judgement *to)
{
	struct judgement said;
	double weight;
	bool out;

	*to = (struct outcome_judgement){
		.id = e->id, .version = -1, .at = j->watermark.largest
	};
	if (judgement_of_again(&j->judgement, r, &said)) {
		to->out = said.out;
		to->version = said.version;
		to->reason = judgement_reason(&said);
		to->carried = true;
		return true;
	}
	if ((e->weight > 0 && !outcomes_any_out(j->outcomes)) ||
	    !outcomes_standing(j->outcomes, e->id, &weight, &out))
		return false;
	to->out = (e->weight < 0) != (weight < 0);
	to->reason = slice_text(JUDGEMENT_UNSTATED);
	return to->out != out;
}

static enum verdict
each(struct run *run, void *self, const struct record *r)
{
	struct join *j = self;
	enum kind kind = record_kind(r);
	bool ends = kind >= KIND_REQUEST && kind <= KIND_CLICK;
	bool ours = ends || kind == KIND_REFUND || j->converts[kind];
	bool judges = kind == KIND_VERDICT || kind == KIND_RETRACT;
	struct outcome_judgement judgement;
	struct outcome_event e;
	instant at, received = WHEN_NEVER;
	bool admitted;

	if (kind == KIND_OUTCOME || kind == KIND_OTHER || !record_timestamp(r, &at)) {
		if (judges)
			return judge_by_record(run, j, r, kind);
		return ours ? run_reject(run, "%s without timestamp", kind_name(kind))
			    : PASS;
	}
	(void)record_instant(r, KEY_RECEIVED_AT, &received);
	admitted = watermark_see(&j->watermark, at, received);
	if (!j->ticked &&
	    outcomes_advance(j->outcomes, watermark_now(&j->watermark)) != 0)
		return FAIL;
	if (judges)
		return judge_by_record(run, j, r, kind);
	if (!ours)
		return PASS;
	/* Where there are watermarks, bp-sort has judged the clocks, with more patience. */
	if (!admitted && !j->ticked)
		return run_reject(run,
		    "timestamp further ahead than --max-future (check the clock of its "
		    "source)");
	if (!event_read(&j->keys, r, kind, &e))
		return run_reject(
		    run, "weight is no number up to 1e6, or value_micros exceeds 2^50");
	if (is_again(j, r, &e, &judgement))
		return judge(run, j, r, &judgement, ends);
	return settle(run, j, r, ends, take(j->outcomes, &e, kind, j->converts[kind]));
}

static int
tick(struct run *run, void *self, instant watermark)
{
	struct join *j = self;

	(void)run;
	j->ticked = true;
	return outcomes_advance(j->outcomes, watermark);
}

static int
finish(struct run *run, void *self)
{
	struct join *j = self;

	(void)run;
	return outcomes_finish(j->outcomes);
}

static int
save(struct run *run, void *self, struct state_writer *to)
{
	const struct join *j = self;

	(void)run;
	state_put(to, &j->watermark, sizeof j->watermark);
	state_put_u64(to, j->ticked);
	return outcomes_save(j->outcomes, to);
}

static int
load(struct run *run, void *self, struct state_reader *from)
{
	struct join *j = self;
	struct error error;
	uint64_t ticked;

	if (state_get(from, &j->watermark, sizeof j->watermark) != 0 ||
	    state_get_u64(from, &ticked) != 0)
		return run_fail(run, "the snapshot is too short");
	j->ticked = ticked != 0;
	if (outcomes_load(j->outcomes, from, &error) != 0)
		return run_fail(run, "%s", error.text);
	return 0;
}

static void
stop(void *self)
{
	outcomes_free(((struct join *)self)->outcomes);
}

static const struct filter join = {
	.name = "join",
	.about = "join what was shown with what came of it",
	.examples = "  bp-join --attribution time-decay day.bp > outcomes.bp\n"
		    "  bp-join --orphans orphans.bp day.bp | bp-print\n",
	.options = options,
	.size = sizeof(struct join),
	.schema = 4,
	.start = start,
	.each = each,
	.tick = tick,
	.finish = finish,
	.save = save,
	.load = load,
	.stop = stop,
};

int
main(int argc, char **argv)
{
	return filter_main(&join, argc, argv);
}
