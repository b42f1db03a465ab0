/* SPDX-License-Identifier: MIT
 *
 * bp-rank: choose among the candidates of requests, and say how probable each was.
 *
 * in     requests with candidates, their features, bids and values, and the floor of the
 *        slot; with --spec also the events and creatives that it counts and knows; with
 *        --what-if decisions and outcomes
 * out    in place of a request its decisions; with --what-if the records with an
 *        evaluation; everything else as it is
 * state  with --spec its counters and the latest record of each creative; the model is a
 *        file, read again on HUP, or lives in memory of a bp-learn, always up to date
 * needs  a model file, except for uniform; with --spec events in the order of time
 *
 * A decision depends on the seed, the request's id and what is known of its candidates, so
 * that a replay decides the same, whatever else passes.
 */
#include "lib/filter.h"
#include "lib/filter/ranker.h"

enum { RESERVE = 4 << 20 /* what is not the model's, nor the specification's */ };

struct rank {
	struct ranker ranker;
	bool what_if;

	struct key creative_id, position, evaluation;
	struct {
		uint64_t requests, evaluated, unkept;
	} counts;
};

static const struct option options[] = {
	RANKER_OPTIONS(struct rank, ranker),
	OPTION('w', "what-if", struct rank, what_if, NULL,
	    "say what the policy would have done"),
	OPTION('k', "keep", struct rank, ranker.decider.judge.keep, NULL,
	    "keep the features of all candidates"),
	OPTION_END,
};

static int
start(struct run *run, void *self)
{
	struct rank *f = self;

	f->creative_id = run_key(run, "creative_id");
	f->position = run_key(run, "position");
	f->evaluation = run_key(run, "evaluation");
	run_counter(run, "requests", "requests decided", &f->counts.requests);
	run_counter(
	    run, "evaluated", "records with an evaluation", &f->counts.evaluated);
	run_counter(run, "unkept", "decisions too large for the features of all",
	    &f->counts.unkept);
	return ranker_start(&f->ranker, run, run_reader(run), run_memory(run) - RESERVE,
	    f->ranker.kind == POLICY_UNIFORM && !f->what_if);
}

/* --- Requests --------------------------------------------------------------------- */

static enum verdict
decide(struct run *run, struct rank *f, const struct record *r)
{
	struct decider *d = &f->ranker.decider;
	const char *wrong = decider_begin(d, r);
	struct build *b;

	while (wrong == NULL && decider_next(d, &wrong)) {
		b = run_build(run);
		decider_decide(d, b);
		if (run_emit_built(run) != 0)
			return FAIL;
		decider_take(d, build_slice(b));
	}
	f->counts.unkept = d->unkept;
	if (wrong != NULL)
		return run_reject(run, "request %s", wrong);
	f->counts.requests++;
	return DROP;
}

/* --- What if ---------------------------------------------------------------------- */

/* The reward that is expected of a candidate; where some bid, what it is worth. */
static double
expected_of(const struct decider *d, unsigned i)
{
	const struct policy_candidate *c = &d->judge.candidates[i];

	return d->judge.slate.bids ? c->p * c->value : c->p;
}

static void
build_evaluation(struct run *run, const struct rank *f, unsigned chosen)
{
	const struct decider *d = &f->ranker.decider;
	struct build *b = run_set(run, f->evaluation);
	double expected = 0;

	for (unsigned i = 0; i < d->judge.slate.n; i++)
		expected += d->weights.probability[i] * expected_of(d, i);
	build_map(b, 4);
	build_text(b, "policy");
	build_text(b, policy_name(d->policy.kind));
	build_text(b, "probability");
	build_double(b, d->weights.probability[chosen]);
	build_text(b, "predicted");
	build_double(b, expected_of(d, chosen));
	build_text(b, "expected");
	build_double(b, expected);
}

static enum verdict
evaluate(struct run *run, struct rank *f, const struct record *r, enum kind kind)
{
	struct decider *d = &f->ranker.decider;
	struct decision_request q;
	struct slice id;
	const char *wrong;
	int64_t position = 0;
	unsigned chosen;

	decision_request_init(&q, &d->keys, r, (struct slice){ NULL, 0 });
	(void)record_int(r, f->position, &position);
	wrong = judge_read(&d->judge, r, kind, &q);
	if (wrong == NULL)
		wrong = judge_estimate(&d->judge, position);
	if (wrong != NULL)
		return run_reject(run, "%s %s", kind_name(kind), wrong);
	if (!record_value(r, f->creative_id, &id) ||
	    (chosen = slate_find(&d->judge.slate, id)) == d->judge.slate.n)
		return run_reject(
		    run, "%s whose creative_id is no candidate", kind_name(kind));
	policy_weigh(&d->policy, d->judge.candidates, d->judge.slate.n, &d->weights);
	build_evaluation(run, f, chosen);
	f->counts.evaluated++;
	return PASS;
}

/* --- Records ---------------------------------------------------------------------- */

static enum verdict
each(struct run *run, void *self, const struct record *r)
{
	struct rank *f = self;
	struct portrait *portrait = f->ranker.decider.judge.portrait;
	enum kind kind = record_kind(r);
	enum verdict verdict = PASS;

	ranker_refresh(&f->ranker, run);
	if (f->what_if) {
		if ((kind == KIND_DECISION || kind == KIND_OUTCOME) &&
		    slate_has(&f->ranker.decider.judge.slate, r))
			verdict = evaluate(run, f, r, kind);
	} else if (kind == KIND_REQUEST) {
		verdict = decide(run, f, r);
	}
	if (portrait != NULL && (verdict == PASS || verdict == DROP))
		portrait_update(portrait, slice_of(r->bytes, r->size));
	return verdict;
}

static int
save(struct run *run, void *self, struct state_writer *to)
{
	struct rank *f = self;

	(void)run;
	state_put(to, &f->counts, sizeof f->counts);
	ranker_save(&f->ranker, to);
	return 0;
}

static int
load(struct run *run, void *self, struct state_reader *from)
{
	struct rank *f = self;

	if (state_get(from, &f->counts, sizeof f->counts) != 0)
		return run_fail(run, "the snapshot is too short");
	f->ranker.decider.unkept = f->counts.unkept;
	return ranker_load(&f->ranker, run, from);
}

/* A model that cannot be read is no reason to stop deciding with the one at hand. */
static int
reload(struct run *run, void *self)
{
	struct rank *f = self;

	ranker_reload(&f->ranker, run);
	return 0;
}

static void
stop(void *self)
{
	struct rank *f = self;

	ranker_stop(&f->ranker);
}

static const struct filter rank = {
	.name = "rank",
	.about = "choose a banner among candidates, with known probability",
	.examples =
	    "  bp-rank --model click.bp --floor 0.01 requests.bp | bp-send web:24224\n"
	    "  bp-rank -m click.bp --spec ctr.spec -p softmax <events >decided\n"
	    "  bp-rank -w -m new.bp -p greedy outcomes.bp | bp-print -F evaluation\n",
	.options = options,
	.size = sizeof(struct rank),
	.schema = 3,
	.start = start,
	.each = each,
	.save = save,
	.load = load,
	.reload = reload,
	.stop = stop,
};

int
main(int argc, char **argv)
{
	return filter_main(&rank, argc, argv);
}
