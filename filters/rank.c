/* SPDX-License-Identifier: MIT
 *
 * bp-rank: choose among the candidates of requests, and say how probable each was.
 *
 * in     requests with candidates and their features; with --spec also the events and
 *        creatives that it counts and knows; with --what-if decisions and outcomes
 * out    in place of a request its decisions; with --what-if the records with an
 *        evaluation; everything else as it is
 * state  with --spec its counters and the latest record of each creative; the model is a
 *        file, read again on HUP, or lives in memory of a bp-learn, always up to date
 * needs  a model file, except for uniform; with --spec events in the order of time
 *
 * A decision depends on the seed, the request's id and what is known of its candidates, so
 * that a replay decides the same, whatever else passes.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/filter.h"
#include "lib/hash.h"
#include "lib/rank/judge.h"

enum {
	SPEC_SIZE_MAX = 256 << 10,
	RESERVE = 4 << 20,  /* what is not the model's, nor the specification's */
	PORTRAIT_SHARE = 2, /* of the memory: half, with --spec */
	DECISION_ROOM =
	    128 << 10, /* what a decision may have that its request has not */
};

struct rank {
	struct policy policy;
	int kind, reward;
	const char *model_path, *spec_path;
	bool what_if;

	uint64_t model_bytes;
	struct judge judge;
	struct policy_weights weights;
	struct decision_keys keys;
	struct key request_id, creative_id, position, evaluation;
	struct hash_key hash_key;
	struct {
		uint64_t requests, evaluated, unkept;
	} counts;
};

static const struct option options[] = {
	OPTION_CHOICE('p', "policy", struct rank, kind, POLICY_WORDS, "how to choose"),
	OPTION_CHOICE('r', "reward", struct rank, reward, "click|conversion|value",
	    "what is to be had"),
	OPTION_ASIDE('m', "model", struct rank, model_path, NULL,
	    "the model that knows the candidates", "FILE"),
	OPTION_ASIDE('s', "spec", struct rank, spec_path, NULL,
	    "make the candidates' features by this", "FILE"),
	OPTION(0, "alpha", struct rank, policy.alpha, "1",
	    "linucb: deviations above the mean"),
	OPTION(0, "epsilon", struct rank, policy.epsilon, "0.05",
	    "epsilon: share of chance"),
	OPTION(0, "temperature", struct rank, policy.temperature, "1",
	    "softmax: large is uniform, small is greedy"),
	OPTION(
	    0, "gamma", struct rank, policy.gamma, "1000", "squarecb: large is greedy"),
	OPTION('f', "floor", struct rank, policy.floor, "0",
	    "the least probability of any candidate"),
	OPTION('w', "what-if", struct rank, what_if, NULL,
	    "say what the policy would have done"),
	OPTION('k', "keep", struct rank, judge.keep, NULL,
	    "keep the features of all candidates"),
	OPTION_END,
};

/* --- Start ------------------------------------------------------------------------ */

static int
open_model(
    struct run *run, struct rank *f, enum state_trouble *trouble, struct error *error)
{
	return judge_attach(
	    &f->judge, run_os(run), f->model_path, f->model_bytes, trouble, error);
}

static int
start_model(struct run *run, struct rank *f, uint64_t memory)
{
	struct error error;
	enum state_trouble trouble;

	if (f->model_path == NULL)
		return f->kind == POLICY_UNIFORM && !f->what_if
		    ? 0
		    : run_usage(run, "--model FILE is missing (see --help)");
	f->model_bytes = memory / 2; /* two exist while one is read again */
	if (open_model(run, f, &trouble, &error) < 0)
		return trouble == STATE_MISSING
		    ? run_usage(run, "there is no model %s (bp-learn writes one)",
			  f->model_path)
		    : trouble == STATE_OTHER ? run_usage(run, "%s", error.text)
					     : run_fail(run, "%s", error.text);
	run_opens_files(run);
	return 0;
}

static int
start_portrait(struct run *run, struct rank *f, uint64_t memory)
{
	struct error error;
	struct slice text;
	uint8_t *bytes = run_read_file(run, f->spec_path, SPEC_SIZE_MAX, &text, &error);
	const struct portrait_counts *counts;

	if (bytes == NULL)
		return run_usage(run, "--spec: %s", error.text);
	f->judge.portrait = portrait_new(text, memory, run_seed(run), &error);
	free(bytes);
	if (f->judge.portrait == NULL)
		return run_usage(run, "--spec %s: %s", f->spec_path, error.text);
	counts = portrait_counts(f->judge.portrait);
	run_counter(run, "creatives", "creatives remembered", &counts->creatives);
	run_counter(run, "evicted_creatives", "creatives forgotten for want of memory",
	    &counts->evicted);
	run_counter(
	    run, "large_creatives", "creatives too large to remember", &counts->large);
	run_counter(run, "evicted_counters", "counters lost for want of memory",
	    &portrait_extract_counts(f->judge.portrait)->evicted);
	return 0;
}

static int
start(struct run *run, void *self)
{
	struct rank *f = self;
	struct reader *reader = run_reader(run);
	uint64_t memory = run_memory(run) - RESERVE, share = 0;
	struct error error;

	if (judge_init(&f->judge, reader) != 0)
		return run_fail(run, "no memory for decisions");
	f->policy.kind = (enum policy_kind)f->kind;
	f->judge.reward = (enum model_target)f->reward;
	f->judge.compares = f->kind == POLICY_THOMPSON;
	if (policy_check(&f->policy, &error) != 0)
		return run_usage(run, "--%s", error.text);
	decision_keys_init(&f->keys, reader);
	f->request_id = run_key(run, "request_id");
	f->creative_id = run_key(run, "creative_id");
	f->position = run_key(run, "position");
	f->evaluation = run_key(run, "evaluation");
	f->hash_key = hash_key(run_seed(run));
	run_counter(run, "requests", "requests decided", &f->counts.requests);
	run_counter(
	    run, "evaluated", "records with an evaluation", &f->counts.evaluated);
	run_counter(run, "unkept", "decisions too large for the features of all",
	    &f->counts.unkept);
	if (f->spec_path != NULL) {
		share = memory / PORTRAIT_SHARE;
		if (start_portrait(run, f, share) != 0)
			return -1;
	}
	return start_model(run, f, memory - share);
}

/* --- Requests --------------------------------------------------------------------- */

/* Draw for a position, send the decision, and take the candidate out. */
static int
decide_one(struct run *run, struct rank *f, const struct decision_request *q,
    unsigned position, uint64_t draw)
{
	struct slate *s = &f->judge.slate;
	struct build *b = run_build(run);
	struct decision d = {
		.position = position,
		.n = s->n,
		.candidates = s->id,
		.values = s->valued ? s->value : NULL,
		.weights = &f->weights,
		.policy = policy_name(f->policy.kind),
		.seed = run_seed(run),
	};

	policy_weigh(&f->policy, f->judge.candidates, s->n, &f->weights);
	d.chosen = policy_draw(&f->weights, s->n, draw, position);
	d.features = judge_features(&f->judge, d.chosen, position);
	if (f->judge.keep &&
	    !judge_kept(&f->judge, RECORD_SIZE_MAX - DECISION_ROOM - q->record->size,
		&d.all_keys, &d.all_values)) {
		d.all_keys = d.all_values = (struct slice){ NULL, 0 };
		f->counts.unkept++;
	}
	if (f->judge.predictor.model != NULL) {
		const char *slash = strrchr(f->model_path, '/');

		d.model = slash == NULL ? f->model_path : slash + 1;
		d.version = f->judge.version;
	}
	decision_build(b, q, &d);
	if (run_emit_built(run) != 0)
		return -1;
	if (f->judge.portrait != NULL)
		portrait_update(f->judge.portrait, build_slice(b));
	judge_remove(&f->judge, d.chosen);
	return 0;
}

static enum verdict
decide(struct run *run, struct rank *f, const struct record *r)
{
	struct decision_request q;
	struct slice id, value;
	const char *wrong;
	unsigned k;
	uint64_t draw;

	if (!record_value(r, f->request_id, &value) ||
	    !record_id(r, f->request_id, &id))
		return run_reject(run, "request without request_id");
	decision_request_init(&q, &f->keys, r, value);
	wrong = judge_read(&f->judge, r, KIND_REQUEST, &q);
	if (wrong != NULL)
		return run_reject(run, "request %s", wrong);
	k = slate_positions(&f->judge.slate, r);
	if (k == 0)
		return run_reject(run, "request whose k is no number from 1 on");
	if (r->size > RECORD_SIZE_MAX - DECISION_ROOM ||
	    r->count > RECORD_KEYS_MAX - 32)
		return run_reject(run, "request too large for its decisions");
	draw = hash_keyed(f->hash_key, id);
	for (unsigned i = 0; i < k; i++) {
		if (i == 0 || f->judge.portrait != NULL || f->judge.keep)
			wrong = judge_estimate(&f->judge, i);
		if (wrong != NULL)
			return run_reject(run, "request %s", wrong);
		if (decide_one(run, f, &q, i, draw) != 0)
			return FAIL;
	}
	f->counts.requests++;
	return DROP;
}

/* --- What if ---------------------------------------------------------------------- */

static void
build_evaluation(struct run *run, const struct rank *f, unsigned chosen)
{
	struct build *b = run_set(run, f->evaluation);
	double expected = 0;

	for (unsigned i = 0; i < f->judge.slate.n; i++)
		expected += f->weights.probability[i] * f->judge.candidates[i].p;
	build_map(b, 4);
	build_text(b, "policy");
	build_text(b, policy_name(f->policy.kind));
	build_text(b, "probability");
	build_double(b, f->weights.probability[chosen]);
	build_text(b, "predicted");
	build_double(b, f->judge.candidates[chosen].p);
	build_text(b, "expected");
	build_double(b, expected);
}

static enum verdict
evaluate(struct run *run, struct rank *f, const struct record *r, enum kind kind)
{
	struct decision_request q;
	struct slice id;
	const char *wrong;
	int64_t position = 0;
	unsigned chosen;

	decision_request_init(&q, &f->keys, r, (struct slice){ NULL, 0 });
	(void)record_int(r, f->position, &position);
	wrong = judge_read(&f->judge, r, kind, &q);
	if (wrong == NULL)
		wrong = judge_estimate(&f->judge, position);
	if (wrong != NULL)
		return run_reject(run, "%s %s", kind_name(kind), wrong);
	if (!record_value(r, f->creative_id, &id) ||
	    (chosen = slate_find(&f->judge.slate, id)) == f->judge.slate.n)
		return run_reject(
		    run, "%s whose creative_id is no candidate", kind_name(kind));
	policy_weigh(&f->policy, f->judge.candidates, f->judge.slate.n, &f->weights);
	build_evaluation(run, f, chosen);
	f->counts.evaluated++;
	return PASS;
}

/* --- Records ---------------------------------------------------------------------- */

static enum verdict
each(struct run *run, void *self, const struct record *r)
{
	struct rank *f = self;
	enum kind kind = record_kind(r);
	enum verdict verdict = PASS;
	enum state_trouble trouble;
	struct error error;

	/* Whoever learns has begun a new file. One that cannot be had yet is had later. */
	if (predictor_is_over(&f->judge.predictor))
		(void)open_model(run, f, &trouble, &error);
	if (f->what_if) {
		if ((kind == KIND_DECISION || kind == KIND_OUTCOME) &&
		    slate_has(&f->judge.slate, r))
			verdict = evaluate(run, f, r, kind);
	} else if (kind == KIND_REQUEST) {
		verdict = decide(run, f, r);
	}
	if (f->judge.portrait != NULL && (verdict == PASS || verdict == DROP))
		portrait_update(f->judge.portrait, slice_of(r->bytes, r->size));
	return verdict;
}

static int
save(struct run *run, void *self, struct state_writer *to)
{
	struct rank *f = self;

	(void)run;
	state_put(to, &f->counts, sizeof f->counts);
	state_put_u64(to, f->judge.portrait != NULL);
	if (f->judge.portrait != NULL)
		portrait_save(f->judge.portrait, to);
	return 0;
}

static int
load(struct run *run, void *self, struct state_reader *from)
{
	struct rank *f = self;
	struct error error;
	uint64_t portrait;

	if (state_get(from, &f->counts, sizeof f->counts) != 0 ||
	    state_get_u64(from, &portrait) != 0)
		return run_fail(run, "the snapshot is too short");
	if ((portrait != 0) != (f->judge.portrait != NULL))
		return run_usage(run, "the state is of a run with%s --spec",
		    portrait != 0 ? "" : "out");
	if (f->judge.portrait != NULL &&
	    portrait_load(f->judge.portrait, from, &error) != 0)
		return run_usage(run, "%s", error.text);
	return 0;
}

/* A model that cannot be read is no reason to stop deciding with the one at hand. */
static int
reload(struct run *run, void *self)
{
	struct rank *f = self;
	struct error error;
	enum state_trouble trouble;

	if (f->model_path == NULL)
		return 0;
	if (open_model(run, f, &trouble, &error) == 0)
		run_say(run, "model %s read again: %llu examples", f->model_path,
		    (unsigned long long)f->judge.version);
	else
		run_say(run, "%s; going on with the model of before",
		    trouble == STATE_MISSING ? "the model file is gone" : error.text);
	return 0;
}

static void
stop(void *self)
{
	struct rank *f = self;

	judge_fini(&f->judge);
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
	.schema = 1,
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
