/* SPDX-License-Identifier: MIT
 *
 * bp-learn: learn clicks, conversions and values from outcomes as they come.
 *
 * in     records with features (bp-feature); rewards say what there is to learn
 * out    the same records with a prediction made before the record was learned, and
 *        every so often metric records that say how good the predictions are;
 *        to --deltas what changed in the model
 * state  the model (a cell for each feature, the stalest is evicted), the reports
 * needs  nothing; a negative weight takes back what the same record has taught: with
 *        --exact, or by an algorithm that counts, as if it had never been there
 */
#include "lib/filter.h"
#include "lib/hash.h"
#include "lib/model/explain.h"
#include "lib/model/progress.h"
#include "lib/modeltool/learner.h"
#include "lib/tune/words.h"

/* What of the memory is not for the model. */
enum { RESERVE = 12 << 20 };

struct learn {
	const char *path, *live, *targets, *slices, *deltas_path, *names;
	struct words words;
	struct span exact, exact_every;
	uint64_t every, delta_every, most;

	struct learner learner;
	struct progress *progress; /* owned */
	struct explain explain;
	struct deltas deltas;
	struct output *to_deltas; /* NULL: nobody wants them */
	struct run *run;
	instant last;                                     /* of the last example */
	uint64_t learned, unlabelled, unchanged, evicted; /* for the stats */
};

static const struct option options[] = {
	OPTION_ASIDE('m', "model", struct learn, path, NULL,
	    "required: the model to go on from and to write", "FILE"),
	OPTION_ASIDE('L', "live", struct learn, live, NULL,
	    "keep the model in this file too, for others to map", "FILE"),
	OPTION('t', "target", struct learn, targets, "click",
	    "what to predict: click,conversion,value", "NAMES"),
	WORDS_OPTIONS(struct learn, words),
	OPTION_ASIDE('r', "report", struct learn, every, "100000",
	    "records between reports; 0: only one at the end"),
	OPTION('s', "slice", struct learn, slices, NULL,
	    "report by the values of these keys too", "KEYS"),
	OPTION_ASIDE('D', "deltas", struct learn, deltas_path, NULL,
	    "write there what changes in the model, for others", "FILE"),
	OPTION_ASIDE(0, "delta-every", struct learn, delta_every, "1000",
	    "examples between deltas, at most"),
	OPTION('E', "exact", struct learn, exact, "0",
	    "take back exactly what was learned in so much time"),
	OPTION(0, "exact-every", struct learn, exact_every, "0",
	    "the least time between two such replays; 0: an eighth"),
	OPTION('e', "explain", struct learn, most, "0",
	    "say which features move the prediction most: so many"),
	OPTION_ASIDE('n', "names", struct learn, names, NULL,
	    "the names of features, of bp-feature --names", "FILE"),
	OPTION_END,
};

/* --- Start -------------------------------------------------------------------------- */

static int
open_model(struct run *run, struct learn *l)
{
	struct learner *of = &l->learner;
	struct error error;
	bool wrong_use;

	if (words_understand(&l->words, l->targets, &of->options, &error) < 0)
		return run_usage(run, "%s", error.text);
	of->os = run_os(run);
	of->path = l->path;
	of->live = l->live;
	of->exact_us = l->exact.us;
	of->every_us = l->exact_every.us;
	of->key = hash_key(run_seed(run));
	of->predictor.explain = l->most > 0 ? &l->explain : NULL;
	if (learner_open(of, &wrong_use, &error) == 0)
		return 0;
	return wrong_use ? run_usage(run, "%s", error.text)
			 : run_fail(run, "%s", error.text);
}

static int
divert_delta(void *context, struct slice record)
{
	struct learn *l = context;

	return run_divert(l->run, l->to_deltas, record);
}

/* All of the model first, then its changes. */
static int
begin_deltas(struct run *run, struct learn *l)
{
	struct error error;

	if (l->deltas_path == NULL)
		return 0;
	if (l->delta_every == 0)
		return run_usage(run, "--deltas wants --delta-every of 1 or more");
	if (l->to_deltas == NULL &&
	    (l->to_deltas = run_outlet(run, l->deltas_path)) == NULL)
		return -1;
	l->run = run;
	l->deltas.emit = divert_delta;
	l->deltas.context = l;
	l->learner.deltas = &l->deltas;
	return deltas_begin(&l->deltas, l->learner.predictor.model, &error) == 0
	    ? 0
	    : run_fail(run, "%s", error.text);
}

static void
show_counters(struct run *run, const struct learn *l)
{
	const struct unlearn *u = &l->learner.unlearn;
	const struct journal *j = u->journal;

	run_counter(run, "learned", "examples learned", &l->learned);
	run_counter(run, "unlearned", "examples taken back", &u->unlearned);
	run_counter(run, "unlabelled", "predicted but not learned", &l->unlabelled);
	run_counter(run, "unchanged", "revisions of something else", &l->unchanged);
	run_counter(run, "evicted_weights", "weights given up for others", &l->evicted);
	if (j == NULL)
		return;
	run_counter(run, "unlearned_exactly", "as if they had never been learned",
	    &j->counts.taken_back);
	run_counter(run, "unlearned_too_late", "that --exact does not reach back to",
	    &j->counts.too_late);
	run_counter(run, "exact_cut", "examples that --exact gave up early for memory",
	    &j->counts.early);
	run_counter(run, "replays", "of what --exact keeps", &j->counts.settled);
	run_counter(run, "relearned", "examples learned again", &j->counts.relearned);
}

static int
start(struct run *run, void *self)
{
	struct learn *l = self;
	struct error error;

	if (l->path == NULL)
		return run_usage(run, "--model FILE is missing (see --help)");
	l->learner.bytes = run_memory(run) - RESERVE;
	if (explain_init(&l->explain, l->most, l->names, &l->learner.bytes, run_os(run),
		&error) != 0)
		return run_usage(run, "%s", error.text);
	if (open_model(run, l) != 0 || begin_deltas(run, l) != 0)
		return -1;
	learner_keys(&l->learner, run_reader(run));
	l->progress =
	    progress_new(&l->learner.predictor, run_reader(run), l->slices, &error);
	if (l->progress == NULL)
		return run_usage(run, "--slice: %s", error.text);
	progress_set_unlearn(l->progress, &l->learner.unlearn);
	run_opens_files(run);
	show_counters(run, l);
	return 0;
}

/* --- Records ------------------------------------------------------------------------ */

static int
emit(void *context, struct slice record)
{
	return run_emit(context, record);
}

/* Before the record that makes it due, so that no report waits for the next one's arrival
 * twice. */
static int
report_when_due(struct run *run, struct learn *l)
{
	if (l->every == 0 || progress_pending(l->progress) < l->every)
		return 0;
	return progress_report(l->progress, false, emit, run);
}

static enum features_fault
predict_or_learn(struct learn *l, const struct record *r, const struct features *f,
    bool learn, const struct model_example *e, struct model_estimates *said)
{
	struct model *m = l->learner.predictor.model;
	enum features_fault fault = FEATURES_FINE;

	if (l->most > 0 && (fault = features_check(f)) == FEATURES_FINE)
		explain_note(&l->explain, m, f);
	if (fault == FEATURES_FINE)
		fault = learn ? learner_learn(&l->learner, r, f, e, said)
			      : model_predict(m, f, said);
	l->learned += learn && fault == FEATURES_FINE && e->weight >= 0;
	l->evicted = m->cells.evicted;
	return fault;
}

/* What was taken back was never learned. */
static int
settle(struct run *run, struct learn *l)
{
	struct error error;

	if (learner_settle(&l->learner, &error) != 0)
		return run_fail(run, "%s", error.text);
	l->evicted = l->learner.predictor.model->cells.evicted;
	return 0;
}

static enum verdict
each(struct run *run, void *self, const struct record *r)
{
	struct learn *l = self;
	struct predictor *p = &l->learner.predictor;
	enum model_target wrong = MODEL_CLICK;
	struct model_estimates said;
	struct model_example example;
	enum predictor_label label;
	enum features_fault fault;
	struct features features;
	double weight;

	if (report_when_due(run, l) != 0)
		return FAIL;
	if (!predictor_features(p, r, &features, &fault))
		return PASS;
	if (!record_weight(r, &weight))
		return run_reject(run, "%s", features_fault_text(FEATURES_WEIGHT));
	label = predictor_example(p, r, weight, &example, &wrong);
	if (label == PREDICTOR_WRONG)
		return run_reject(run,
		    "rewards.%s is neither a bool nor a number from 0",
		    model_target_name(wrong));
	if (fault == FEATURES_FINE)
		fault = predict_or_learn(
		    l, r, &features, label == PREDICTOR_KNOWN, &example, &said);
	if (fault != FEATURES_FINE)
		return run_reject(run, "%s", features_fault_text(fault));
	l->unlabelled += label == PREDICTOR_UNKNOWN || label == PREDICTOR_UNCHANGED;
	l->unchanged += label == PREDICTOR_UNCHANGED;
	if (label == PREDICTOR_KNOWN) {
		progress_note(l->progress, r, &example, &said);
		(void)record_timestamp(r, &l->last);
		if (deltas_pending(&l->deltas) >= l->delta_every &&
		    deltas_send(&l->deltas, l->last) != 0)
			return FAIL;
	}
	predictor_build(p, r, &said, run_set(run, p->prediction));
	return learner_is_due(&l->learner) && settle(run, l) != 0 ? FAIL : PASS;
}

/* --- Ends --------------------------------------------------------------------------- */

/* Nothing to read. What a stage of bp-run writes does not depend on the clock. */
static int
idle(struct run *run, void *self)
{
	struct learn *l = self;

	return run_is_stage(run) ? 0 : deltas_send(&l->deltas, l->last);
}

/* For bp-score to read. */
static int
publish(struct run *run, void *self)
{
	struct learn *l = self;
	struct error error;

	if (idle(run, l) != 0)
		return -1;
	if (learner_commit(&l->learner, &error) < 0)
		return run_fail(run, "%s", error.text);
	return 0;
}

static int
finish(struct run *run, void *self)
{
	struct learn *l = self;

	if (learner_is_pending(&l->learner) && settle(run, l) != 0)
		return -1;
	if (report_when_due(run, l) != 0 || deltas_send(&l->deltas, l->last) != 0)
		return -1;
	return progress_report(l->progress, true, emit, run);
}

/* The snapshot holds the model too, so that the two cannot part. */
static int
save(struct run *run, void *self, struct state_writer *to)
{
	const struct learn *l = self;

	(void)run;
	state_put_u64(to, l->learned);
	state_put_u64(to, l->unlabelled);
	state_put_u64(to, l->unchanged);
	progress_save(l->progress, to);
	learner_save(&l->learner, to);
	state_put_i64(to, l->last);
	state_put_u64(to, l->to_deltas != NULL);
	if (l->to_deltas != NULL)
		deltas_save(&l->deltas, to);
	return 0;
}

/* The file of a stage goes on; any other is new, and begins with all of the model. */
static int
load_deltas(struct run *run, struct learn *l, struct state_reader *from)
{
	uint64_t saved;
	struct error error;
	bool goes_on;

	if (state_get_i64(from, &l->last) < 0 || state_get_u64(from, &saved) < 0)
		return run_fail(run, "the snapshot is too short");
	if (begin_deltas(run, l) != 0)
		return -1;
	goes_on = l->to_deltas != NULL && run_is_stage(run);
	if (saved == 0 || deltas_load(goes_on ? &l->deltas : NULL, from, &error) == 0)
		return 0;
	return run_fail(run, "%s", error.text);
}

static int
load(struct run *run, void *self, struct state_reader *from)
{
	struct learn *l = self;
	struct error error;

	if (state_get_u64(from, &l->learned) < 0 ||
	    state_get_u64(from, &l->unlabelled) < 0 ||
	    state_get_u64(from, &l->unchanged) < 0 ||
	    progress_load(l->progress, from) < 0)
		return run_fail(run, "the snapshot is too short");
	if (learner_load(&l->learner, from, &error) < 0)
		return run_fail(run, "%s", error.text);
	l->evicted = l->learner.predictor.model->cells.evicted;
	return load_deltas(run, l, from);
}

static void
stop(void *self)
{
	struct learn *l = self;

	deltas_fini(&l->deltas);
	explain_fini(&l->explain);
	progress_free(l->progress);
	learner_fini(&l->learner);
}

static const struct filter learn = {
	.name = "learn",
	.about = "learn clicks, conversions and values, online",
	.examples = "  bp-learn --model click.bp <features >predicted\n"
		    "  bp-learn -m shop.bp -t click,conversion,value -r 10000 "
		    "<features | bp-print\n",
	.options = options,
	.size = sizeof(struct learn),
	.schema = 4,
	.start = start,
	.load = load,
	.each = each,
	.idle = idle,
	.finish = finish,
	.save = save,
	.publish = publish,
	.stop = stop,
};

int
main(int argc, char **argv)
{
	return filter_main(&learn, argc, argv);
}
