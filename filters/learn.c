/* SPDX-License-Identifier: MIT
 *
 * bp-learn: learn the probability of a click or conversion from outcomes as they come.
 *
 * in     records with features (bp-feature); rewards say what there is to learn
 * out    the same records with a prediction made before the record was learned, and
 *        every so often a metric record that says how good the predictions are
 * state  the model (one weight a feature, the stalest is evicted), two reports
 * needs  nothing; a negative weight takes back what the same record has taught
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/filter.h"
#include "lib/model/predictor.h"
#include "lib/model/report.h"

/* What of the memory is not for weights. */
enum { RESERVE = 2 << 20 };

/* The records that a report is about. */
struct span_report {
	struct report report;
	uint64_t records;
	instant first,
	    last; /* their earliest and latest timestamp; WHEN_NEVER at first */
};

struct learn {
	const char *path;
	int target, algorithm;
	double rate, beta, l1, l2, base_rate;
	uint64_t every;

	struct logistic_options options;
	struct predictor predictor;
	struct key cause;
	uint64_t bytes;
	struct span_report interval, total;
	uint64_t learned, unlearned, unlabelled, unchanged, evicted; /* for the stats */
};

static const struct option options[] = {
	OPTION_ASIDE('m', "model", struct learn, path, NULL,
	    "required: the model to go on from and to write", "FILE"),
	OPTION_CHOICE('t', "target", struct learn, target, PREDICTOR_TARGET_WORDS,
	    "which of the rewards to predict"),
	OPTION_CHOICE(
	    'a', "algorithm", struct learn, algorithm, "ftrl|adagrad|sgd", "optimiser"),
	OPTION(
	    0, "rate", struct learn, rate, "0", "learning rate; 0: 0.1, for sgd 0.02"),
	OPTION(0, "beta", struct learn, beta, "1", "damps the first steps (not sgd)"),
	OPTION(0, "l1", struct learn, l1, "0", "pulls weights to 0 (ftrl only)"),
	OPTION(0, "l2", struct learn, l2, "0", "shrinks weights"),
	OPTION('b', "base-rate", struct learn, base_rate, "0",
	    "mean of the target; 0: estimate it"),
	OPTION_ASIDE('r', "report", struct learn, every, "100000",
	    "records between reports; 0: only one at the end"),
	OPTION_END,
};

static void
clear(struct span_report *s)
{
	memset(s, 0, sizeof *s);
	s->first = s->last = WHEN_NEVER;
}

static int
start(struct run *run, void *self)
{
	struct learn *l = self;
	struct predictor *p = &l->predictor;
	struct optimiser *o = &l->options.optimiser;
	struct error error;
	enum state_trouble trouble;

	if (l->path == NULL)
		return run_usage(run, "--model FILE is missing (see --help)");
	*o = optimiser_default((enum optimiser_algorithm)l->algorithm);
	if (l->rate != 0)
		o->rate = l->rate;
	o->beta = l->beta;
	o->l1 = l->l1;
	o->l2 = l->l2;
	l->options.base_rate = l->base_rate;
	l->bytes = run_memory(run) - RESERVE;
	p->target = (enum predictor_target)l->target;
	if (logistic_check(&l->options, &error) < 0)
		return run_usage(run, "%s", error.text);
	if (predictor_open(
		p, run_os(run), l->path, &l->options, l->bytes, &trouble, &error) < 0) {
		if (trouble == STATE_OTHER)
			return run_usage(run, "%s", error.text);
		if (trouble == STATE_MISSING)
			p->model = logistic_new(&l->options, l->bytes, &error);
		if (p->model == NULL)
			return run_fail(run, "%s", error.text);
	}
	predictor_keys(p, run_reader(run));
	l->cause = run_key(run, "cause");
	clear(&l->interval);
	clear(&l->total);
	run_opens_files(run);
	run_counter(run, "learned", "examples learned", &l->learned);
	run_counter(run, "unlearned", "examples taken back", &l->unlearned);
	run_counter(
	    run, "unlabelled", "records predicted but not learned", &l->unlabelled);
	run_counter(run, "unchanged", "revisions of something else than the target",
	    &l->unchanged);
	run_counter(run, "evicted_weights", "weights given up for others", &l->evicted);
	return 0;
}

static void
merge(struct span_report *to, const struct span_report *s)
{
	report_merge(&to->report, &s->report, 1);
	to->records += s->records;
	if (s->first != WHEN_NEVER && (to->first == WHEN_NEVER || s->first < to->first))
		to->first = s->first;
	if (s->last > to->last)
		to->last = s->last;
}

/* A figure that the examples do not define is left out. */
static unsigned
put_figure(struct build *b, const char *name, double value)
{
	if (!isfinite(value))
		return 0;
	build_text(b, name);
	build_double(b, value);
	return 1;
}

static void
put_integer(struct build *b, const char *name, int64_t value)
{
	build_text(b, name);
	build_int(b, value);
}

static int
emit_report(struct run *run, const struct learn *l, const struct span_report *s,
    const char *scope)
{
	struct report_figures f = report_figures(&s->report);
	const struct logistic *m = l->predictor.model;
	const char *target = predictor_target_name(l->predictor.target);
	struct build *b = run_build(run);
	size_t open = build_open(b);
	char id[96];
	unsigned pairs = 8;

	(void)snprintf(id, sizeof id, "learn:%s:%s:%llu", target, scope,
	    (unsigned long long)m->examples);
	build_text(b, "event");
	build_text(b, "metric");
	build_text(b, "event_id");
	build_text(b, id);
	put_integer(b, "timestamp", s->last == WHEN_NEVER ? 0 : s->last);
	if (s->last != WHEN_NEVER) {
		put_integer(b, "window_start", s->first);
		put_integer(b, "window_end", s->last + 1);
		pairs += 2;
	}
	build_text(b, "dims");
	build_map(b, 3);
	build_text(b, "target");
	build_text(b, target);
	build_text(b, "algorithm");
	build_text(b, optimiser_name(l->options.optimiser.algorithm));
	build_text(b, "scope");
	build_text(b, scope);
	put_integer(b, "records", (int64_t)s->records);
	put_integer(b, "version", (int64_t)m->examples);
	put_integer(b, "weights", (int64_t)m->weights.used);
	put_integer(b, "evicted_weights", (int64_t)m->weights.evicted);
	pairs += put_figure(b, "n", f.n);
	pairs += put_figure(b, "log_loss", f.log_loss);
	pairs += put_figure(b, "normalised_entropy", f.normalised_entropy);
	pairs += put_figure(b, "calibration", f.calibration);
	pairs += put_figure(b, "auc", f.auc);
	pairs += put_figure(b, "auc_error", f.auc_error);
	build_close_map(b, open, pairs);
	return run_emit_built(run);
}

static int
close_interval(struct run *run, struct learn *l)
{
	merge(&l->total, &l->interval);
	if (emit_report(run, l, &l->interval, "interval") != 0)
		return -1;
	clear(&l->interval);
	return 0;
}

static void
note(struct learn *l, const struct record *r, double p, double label, double weight)
{
	struct span_report *s = &l->interval;
	instant when;

	report_add(&s->report, p, label, weight);
	s->records++;
	if (record_timestamp(r, &when)) {
		if (s->first == WHEN_NEVER || when < s->first)
			s->first = when;
		if (when > s->last)
			s->last = when;
	}
	l->evicted = l->predictor.model->weights.evicted;
	*(weight < 0 ? &l->unlearned : &l->learned) += 1;
}

/* A revision by bp-join, an outcome taken back and given anew, in both of which the target
 * is the same: learning it twice would teach nothing but noise. */
static bool
unchanged(const struct learn *l, const struct record *r)
{
	struct slice cause;

	return record_str(r, l->cause, &cause) &&
	    (slice_is(cause, "window") ||
		(l->predictor.target == PREDICTOR_CLICK &&
		    slice_is(cause, "conversion")));
}

static enum verdict
each(struct run *run, void *self, const struct record *r)
{
	struct learn *l = self;
	struct predictor *p = &l->predictor;
	uint64_t version = p->model->examples;
	enum predictor_label labelled;
	enum features_fault fault;
	struct features features;
	double label, weight, probability;

	/* Before the record, so that no report waits for the next one's arrival twice.
	 */
	if (l->every > 0 && l->interval.records >= l->every &&
	    close_interval(run, l) != 0)
		return FAIL;
	if (!predictor_features(p, r, &features, &fault))
		return PASS;
	labelled = predictor_label(p, r, &label);
	l->unlabelled += labelled == PREDICTOR_UNKNOWN;
	if (labelled == PREDICTOR_WRONG)
		return run_reject(run,
		    "rewards.%s is neither a bool nor a number from 0",
		    predictor_target_name(p->target));
	if (!record_weight(r, &weight))
		return run_reject(run, "%s", features_fault_text(FEATURES_WEIGHT));
	if (labelled == PREDICTOR_KNOWN && unchanged(l, r)) {
		labelled = PREDICTOR_UNKNOWN;
		l->unchanged++;
	}
	if (fault == FEATURES_FINE && labelled == PREDICTOR_KNOWN)
		fault =
		    logistic_learn(p->model, &features, label, weight, &probability);
	else if (fault == FEATURES_FINE)
		fault = logistic_predict(p->model, &features, &probability);
	if (fault != FEATURES_FINE)
		return run_reject(run, "%s", features_fault_text(fault));
	if (labelled == PREDICTOR_KNOWN)
		note(l, r, probability, label, weight);
	predictor_build(p, r, probability, version, run_set(run, p->prediction));
	return PASS;
}

/* For bp-score to read. */
static int
publish(struct run *run, void *self)
{
	const struct learn *l = self;
	struct error error;

	if (predictor_commit(&l->predictor, run_os(run), l->path, &error) < 0)
		return run_fail(run, "%s", error.text);
	return 0;
}

static int
finish(struct run *run, void *self)
{
	struct learn *l = self;

	if (l->every > 0 && l->interval.records >= l->every &&
	    close_interval(run, l) != 0)
		return -1;
	merge(&l->total, &l->interval);
	clear(&l->interval);
	return emit_report(run, l, &l->total, "total");
}

static void
save_report(const struct span_report *s, struct state_writer *to)
{
	state_put_u64(to, s->records);
	state_put_i64(to, s->first);
	state_put_i64(to, s->last);
	report_save(&s->report, to);
}

static int
load_report(struct span_report *s, struct state_reader *from)
{
	return state_get_u64(from, &s->records) < 0 ||
		state_get_i64(from, &s->first) < 0 ||
		state_get_i64(from, &s->last) < 0 || report_load(&s->report, from) < 0
	    ? -1
	    : 0;
}

/* The snapshot holds the model too, so that the two cannot part. */
static int
save(struct run *run, void *self, struct state_writer *to)
{
	const struct learn *l = self;

	(void)run;
	state_put_u64(to, l->learned);
	state_put_u64(to, l->unlearned);
	state_put_u64(to, l->unlabelled);
	state_put_u64(to, l->unchanged);
	save_report(&l->interval, to);
	save_report(&l->total, to);
	logistic_save(l->predictor.model, to);
	return 0;
}

static int
load(struct run *run, void *self, struct state_reader *from)
{
	struct learn *l = self;
	struct predictor *p = &l->predictor;
	struct error error;

	if (state_get_u64(from, &l->learned) < 0 ||
	    state_get_u64(from, &l->unlearned) < 0 ||
	    state_get_u64(from, &l->unlabelled) < 0 ||
	    state_get_u64(from, &l->unchanged) < 0 ||
	    load_report(&l->interval, from) < 0 || load_report(&l->total, from) < 0)
		return -1;
	predictor_free(p);
	p->model = logistic_new(&l->options, l->bytes, &error);
	if (p->model == NULL || logistic_load(p->model, from, &error) < 0)
		return run_fail(run, "%s", error.text);
	l->evicted = p->model->weights.evicted;
	return 0;
}

static void
stop(void *self)
{
	struct learn *l = self;

	predictor_free(&l->predictor);
}

static const struct filter learn = {
	.name = "learn",
	.about = "learn the probability of a click or conversion, online",
	.examples =
	    "  bp-learn --model click.bp <features >predicted\n"
	    "  bp-learn -m buy.bp -t conversion -r 10000 <features | bp-print\n",
	.options = options,
	.size = sizeof(struct learn),
	.schema = 1,
	.start = start,
	.load = load,
	.each = each,
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
