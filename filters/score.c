/* SPDX-License-Identifier: MIT
 *
 * bp-score: predict with a model that bp-learn has written, or learns now; learn nothing.
 *
 * in     records with features (bp-feature)
 * out    the same records with a prediction; those without features as they are
 * state  none of its own: the model, read again on HUP; a live one is always up to date
 * needs  a model file
 */
#include "lib/filter.h"
#include "lib/model/explain.h"
#include "lib/model/predictor.h"

enum { RESERVE = 2 << 20 };

struct score {
	const char *path, *names;
	uint64_t most;
	struct predictor predictor;
	struct explain explain;
	uint64_t bytes; /* for models */
};

static const struct option options[] = {
	OPTION_ASIDE('m', "model", struct score, path, NULL,
	    "required: the model of bp-learn, written or --live", "FILE"),
	OPTION('e', "explain", struct score, most, "0",
	    "say which features move the prediction most: so many"),
	OPTION_ASIDE('n', "names", struct score, names, NULL,
	    "the names of features, of bp-feature --names", "FILE"),
	OPTION_END,
};

/* Two models exist while one is read again, so each may have half of the memory. */
static int
open_model(
    struct run *run, struct score *s, enum state_trouble *trouble, struct error *error)
{
	return predictor_attach(
	    &s->predictor, run_os(run), s->path, s->bytes / 2, trouble, error);
}

static int
start(struct run *run, void *self)
{
	struct score *s = self;
	struct error error;
	enum state_trouble trouble;

	s->bytes = run_memory(run) - RESERVE;
	if (s->path == NULL)
		return run_usage(run, "--model FILE is missing (see --help)");
	if (explain_init(
		&s->explain, s->most, s->names, &s->bytes, run_os(run), &error) != 0)
		return run_usage(run, "%s", error.text);
	s->predictor.explain = s->most > 0 ? &s->explain : NULL;
	if (open_model(run, s, &trouble, &error) < 0)
		return trouble == STATE_MISSING
		    ? run_usage(
			  run, "there is no model %s (bp-learn writes one)", s->path)
		    : run_fail(run, "%s", error.text);
	predictor_keys(&s->predictor, run_reader(run));
	run_opens_files(run);
	return 0;
}

static enum verdict
each(struct run *run, void *self, const struct record *r)
{
	struct score *s = self;
	struct predictor *p = &s->predictor;
	enum state_trouble trouble;
	enum features_fault fault;
	struct error error;
	struct model_estimates said;
	struct features features;

	/* Whoever learns has begun a new file. One that cannot be had yet is had later. */
	if (__builtin_expect(predictor_is_over(p), 0))
		(void)open_model(run, s, &trouble, &error);
	if (!predictor_features(p, r, &features, &fault))
		return PASS;
	if (fault == FEATURES_FINE)
		fault = model_predict(p->model, &features, &said);
	if (fault == FEATURES_FINE && s->most > 0)
		explain_note(&s->explain, p->model, &features);
	if (fault != FEATURES_FINE)
		return run_reject(run, "%s", features_fault_text(fault));
	predictor_build(p, r, &said, run_set(run, p->prediction));
	return PASS;
}

/* A model that cannot be read is no reason to stop predicting with the one at hand. */
static int
reload(struct run *run, void *self)
{
	struct score *s = self;
	struct error error;
	enum state_trouble trouble;

	if (open_model(run, s, &trouble, &error) == 0)
		run_say(run, "model %s read again: %llu examples", s->path,
		    (unsigned long long)model_state(s->predictor.model)->examples);
	else
		run_say(run, "%s; going on with the model of before",
		    trouble == STATE_MISSING ? "the model file is gone" : error.text);
	return 0;
}

static void
stop(void *self)
{
	struct score *s = self;

	predictor_free(&s->predictor);
	explain_fini(&s->explain);
}

static const struct filter score = {
	.name = "score",
	.about = "predict clicks or conversions with a learned model",
	.examples = "  bp-score --model click.bp <features | bp-print\n"
		    "  kill -HUP $(pidof bp-score)   # read the model again\n",
	.options = options,
	.size = sizeof(struct score),
	.start = start,
	.each = each,
	.reload = reload,
	.stop = stop,
};

int
main(int argc, char **argv)
{
	return filter_main(&score, argc, argv);
}
