/* SPDX-License-Identifier: MIT
 *
 * bp-fraud: tell from behaviour which events are of no visitor, and again when it is known
 * what came after them.
 *
 * in     impressions, clicks and purchases, which it judges; decisions; verdicts of
 *        others, which end its say, and which it learns from with --learn; others pass
 * out    the same bytes in the same order; after an event that is invalid a verdict, and
 *        when its time has passed a retract or a verdict, if it turned out otherwise
 * state  counts of every combination of address, device, system, user and banner; sources,
 *        decisions; summaries of what waits; what was learned
 * needs  events in the order of time, with watermarks: bp-sort
 */
#include <stdlib.h>

#include "lib/filter.h"
#include "lib/fraud/behaviour.h"
#include "lib/fraud/finding.h"

struct fraud_filter {
	const char *rules_path, *learnt_path, *influence, *users;
	struct span wait, brief, length, epoch, max_future;
	bool learns, all;

	struct fraud *fraud; /* owned */
	struct behaviour_keys keys;
	struct judgement_keys judgement;
	struct watermark seen;
	instant now;
	struct fraud_evicted evicted;
	struct labels_totals labels;
};

static const struct option options[] = {
	OPTION_ASIDE('r', "rules", struct fraud_filter, rules_path, NULL,
	    "rules, in place of those that come with it; read again on HUP", "FILE"),
	OPTION('w', "wait", struct fraud_filter, wait, "60s",
	    "event time until the second look"),
	OPTION('b', "brief", struct fraud_filter, brief, "1m",
	    "slices of event time that velocity() counts in"),
	OPTION('l', "long", struct fraud_filter, length, "7d",
	    "slices that volume(), clicks(), rate() and distinct() count in"),
	OPTION('n', "influence", struct fraud_filter, influence, NULL,
	    "events of a kind by which a source moves a banner in an epoch: 20, or "
	    "user=20,ip=100,asn=5000",
	    "COUNTS"),
	OPTION('e', "epoch", struct fraud_filter, epoch, "1d", "of --influence"),
	OPTION('a', "all", struct fraud_filter, all, NULL,
	    "write the verdict of each look, not only what is news"),
	OPTION('L', "learn", struct fraud_filter, learns, NULL,
	    "learn from verdicts of others; rules matter less and less"),
	OPTION_ASIDE('o', "learnt", struct fraud_filter, learnt_path, NULL,
	    "write what was learned, as rules", "FILE"),
	OPTION('u', "user", struct fraud_filter, users, "user_id,anonymous_id",
	    "keys that tell a user, the first that is there", "NAMES"),
	OPTION_RARE('f', "max-future", struct fraud_filter, max_future, "1d",
	    "timestamps further ahead of others do not move time"),
	OPTION_END,
};

/* --- Start ------------------------------------------------------------------------- */

/* The rules as they are now; NULL and error. */
static struct rules *
read_rules(struct run *run, const struct fraud_filter *f, struct error *error)
{
	struct slice text = rules_preset();
	uint8_t *owned = NULL;
	struct rules *rules;
	struct error why;

	if (f->rules_path != NULL) {
		owned = run_read_file(run, f->rules_path, RULES_TEXT_MAX, &text, error);
		if (owned == NULL)
			return NULL;
	}
	rules = rules_read(text, &why);
	free(owned);
	if (rules == NULL)
		(void)error_set(error, "%s: %s",
		    f->rules_path == NULL ? "own rules" : f->rules_path, why.text);
	return rules;
}

static int
check_spans(struct run *run, const struct fraud_filter *f)
{
	if (f->brief.us < WHEN_SECOND || f->length.us < f->brief.us)
		return run_usage(
		    run, "--brief is at least 1s, and --long is not shorter");
	if (f->length.us / f->brief.us > LATTICE_RATIO_MAX)
		return run_usage(
		    run, "--long is at most %d times --brief", LATTICE_RATIO_MAX);
	if (f->wait.us < 0)
		return run_usage(run, "--wait is not negative");
	if (f->epoch.us < WHEN_SECOND)
		return run_usage(run, "--epoch is at least 1s");
	return 0;
}

static int
make_fraud(struct run *run, struct fraud_filter *f)
{
	struct fraud_options o = {
		.windows = { .brief = f->brief, .length = f->length },
		.wait = f->wait,
		.learns = f->learns,
		.limits = f->influence != NULL,
		.influence = { .epoch = f->epoch },
		.memory = run_memory(run),
		.seed = run_seed(run),
	};
	struct rules *rules;
	struct error error;

	if (f->influence != NULL &&
	    influence_parse(&o.influence, f->influence, &error) != 0)
		return run_usage(run, "--influence: %s", error.text);
	rules = read_rules(run, f, &error);
	if (rules == NULL)
		return run_usage(run, "--rules: %s", error.text);
	f->fraud = fraud_new(&o, rules);
	return f->fraud != NULL
	    ? 0
	    : run_fail(run, "no memory for the counts: change --memory");
}

static void
show_counters(struct run *run, struct fraud_filter *f)
{
	const struct fraud_totals *t = fraud_totals(f->fraud);
	const struct lattice_totals *l = &f->evicted.lattice;

	run_counter(run, "invalid", "events invalid when they came", &t->out[0]);
	run_counter(run, "looked_again", "events looked at again", &t->looked[1]);
	run_counter(run, "retracted", "of these invalid after all", &t->retracted);
	run_counter(run, "restored", "of these valid after all", &t->restored);
	run_counter(run, "looked_early", "again before their time, for want of memory",
	    &t->early);
	run_counter(
	    run, "unnamed", "events of no event_id, or one over 60 bytes", &t->unnamed);
	run_counter(run, "capped", "events over the cap of influence", &t->capped);
	run_counter(
	    run, "settled", "judged by others before it was looked at again", &t->told);
	run_counter(
	    run, "evicted", "combinations forgotten for want of memory", &l->evicted);
	run_counter(run, "evicted_mass", "counts that these had", &l->mass);
	run_counter(run, "late_events", "events older than the counts", &l->late);
	run_counter(run, "evicted_sources", "likewise", &f->evicted.sources);
	run_counter(run, "evicted_decisions", "likewise", &f->evicted.decisions);
	run_counter(run, "evicted_influence", "likewise", &f->evicted.influence);
	if (f->learns)
		run_counter(run, "labels", "verdicts of others that it learned from",
		    &f->labels.told);
}

static int
start(struct run *run, void *self)
{
	struct fraud_filter *f = self;
	struct error error;

	if (check_spans(run, f) != 0)
		return -1;
	if (f->learnt_path != NULL && !f->learns)
		return run_usage(run, "--learnt wants --learn");
	if (behaviour_keys_init(&f->keys, run_reader(run), hash_key(run_seed(run)),
		f->users, &error) != 0)
		return run_usage(run, "--user: %s", error.text);
	f->keys.wants_network = f->influence != NULL;
	f->judgement = judgement_keys(run_reader(run));
	watermark_init(&f->seen, (struct span){ 0 }, f->max_future);
	f->now = WHEN_NEVER;
	if (make_fraud(run, f) != 0)
		return -1;
	show_counters(run, f);
	return 0;
}

/* --- Looks ---------------------------------------------------------------------------- */

/* What is news, or, if asked for, all. */
static int
tell(struct run *run, const struct fraud_filter *f, const struct fraud_finding *found)
{
	bool news = found->second ? found->turned : found->out;

	if (found->id.size == 0 || (!news && !f->all))
		return 0;
	finding_build(f->fraud, found, run_build(run));
	return run_emit_built(run);
}

/* The counters of what is kept elsewhere. */
static void
count(struct fraud_filter *f)
{
	f->evicted = fraud_evicted(f->fraud);
	if (f->learns)
		f->labels = labels_totals(fraud_labels(f->fraud));
}

/* The second looks that are due. */
static int
look_again(struct run *run, struct fraud_filter *f, bool all)
{
	struct fraud_finding found;

	while (fraud_due(f->fraud, f->now, all, &found))
		if (tell(run, f, &found) != 0)
			return -1;
	count(f);
	return 0;
}

static void
advance(struct fraud_filter *f, instant to)
{
	f->now = to > f->now ? to : f->now;
}

static enum verdict
judge(struct run *run, struct fraud_filter *f, const struct record *r,
    enum trail_event kind)
{
	struct fraud_event e;
	struct fraud_finding found;
	struct slice said;
	double weight;

	if (!behaviour_read(&f->keys, r, &e) || !record_weight(r, &weight))
		return run_reject(run, "no timestamp, or a weight that is no number");
	if (weight < 0 || record_value(r, f->judgement.verdict, &said))
		return PASS; /* it flows once more */
	e.kind = kind;
	fraud_prefetch(f->fraud, &e);
	if (watermark_see(&f->seen, e.when, WHEN_NEVER))
		advance(f, watermark_now(&f->seen));
	if (look_again(run, f, false) != 0)
		return FAIL;
	fraud_arrive(f->fraud, &e, &found);
	if (!found.out && !f->all)
		return PASS;
	if (run_pass(run) != 0 || tell(run, f, &found) != 0)
		return FAIL;
	return HOLD;
}

static enum verdict
learn(struct run *run, struct fraud_filter *f, const struct record *r, enum kind kind)
{
	struct judgement j;
	instant when;
	const char *wrong = judgement_read(&f->judgement, r, kind, &j);

	if (wrong != NULL)
		return run_reject(run, "%s: %s", kind_name(kind), wrong);
	if (!record_timestamp(r, &when))
		return run_reject(run, "%s: no timestamp", kind_name(kind));
	fraud_tell(
	    f->fraud, behaviour_hash(&f->keys, j.event_id), j.out, j.version, when);
	return PASS;
}

static enum verdict
each(struct run *run, void *self, const struct record *r)
{
	struct fraud_filter *f = self;
	struct fraud_event e;
	enum kind kind = record_kind(r);

	switch (kind) {
	case KIND_IMPRESSION:
		return judge(run, f, r, TRAIL_SHOWN);
	case KIND_CLICK:
		return judge(run, f, r, TRAIL_CLICKED);
	case KIND_PURCHASE:
		return judge(run, f, r, TRAIL_BOUGHT);
	case KIND_DECISION:
		if (behaviour_read(&f->keys, r, &e))
			fraud_decide(f->fraud, &e);
		return PASS;
	case KIND_VERDICT:
	case KIND_RETRACT:
		return learn(run, f, r, kind);
	default:
		return PASS;
	}
}

static int
tick(struct run *run, void *self, instant watermark)
{
	struct fraud_filter *f = self;

	advance(f, watermark);
	return look_again(run, f, false);
}

static int
finish(struct run *run, void *self)
{
	return look_again(run, self, true);
}

/* --- Between runs --------------------------------------------------------------------- */

static int
reload(struct run *run, void *self)
{
	struct fraud_filter *f = self;
	struct error error;
	struct rules *rules = read_rules(run, f, &error);

	if (rules == NULL) {
		run_say(run, "%s; going on with the rules of before", error.text);
		return 0;
	}
	fraud_set_rules(f->fraud, rules);
	run_say(run, "rules read again: %u", rules_count(rules));
	return 0;
}

static int
publish(struct run *run, void *self)
{
	struct fraud_filter *f = self;
	struct error error;

	if (f->learnt_path != NULL &&
	    finding_write_rules(f->fraud, run_os(run), f->learnt_path, &error) != 0)
		return run_fail(run, "--learnt: %s", error.text);
	return 0;
}

static int
save(struct run *run, void *self, struct state_writer *to)
{
	struct fraud_filter *f = self;

	(void)run;
	fraud_save(f->fraud, to);
	state_put(to, &f->seen, sizeof f->seen);
	state_put_i64(to, f->now);
	return 0;
}

static int
load(struct run *run, void *self, struct state_reader *from)
{
	struct fraud_filter *f = self;
	struct error error;

	if (fraud_load(f->fraud, from, &error) != 0)
		return run_fail(run, "%s", error.text);
	if (state_get(from, &f->seen, sizeof f->seen) != 0 ||
	    state_get_i64(from, &f->now) != 0)
		return run_fail(run, "the snapshot is too short");
	count(f);
	return 0;
}

static void
stop(void *self)
{
	struct fraud_filter *f = self;

	fraud_free(f->fraud);
}

static const struct filter fraud = {
	.name = "fraud",
	.about = "tell from behaviour which events are of no visitor, twice",
	.examples = "  bp-sort <day.bp | bp-givt | bp-fraud | bp-metric --by slot_id\n"
		    "  bp-fraud --rules own.txt --influence 20 --wait 10m <day.bp\n",
	.options = options,
	.size = sizeof(struct fraud_filter),
	.schema = 3,
	.start = start,
	.load = load,
	.each = each,
	.tick = tick,
	.finish = finish,
	.save = save,
	.publish = publish,
	.reload = reload,
	.stop = stop,
};

int
main(int argc, char **argv)
{
	return filter_main(&fraud, argc, argv);
}
