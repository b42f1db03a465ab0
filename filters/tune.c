/* SPDX-License-Identifier: MIT
 *
 * bp-tune: learn several candidate models side by side, and predict by the best.
 *
 * in     outcomes, as bp-learn takes them; for candidates with a specification of their own,
 *        as bp-feature does
 * out    the same records with the champion's prediction, made before anybody learned the
 *        record; experiment_result records when a challenger becomes champion or gives up
 *        its place, and every so often, with metric records of each candidate
 * state  the models, the races, the counters of specifications
 * needs  with specifications, events in the order of time; a negative weight takes back what
 *        models have learned, not what was bet
 */
#include <stdlib.h>

#include "lib/filter.h"
#include "lib/tune/tournament.h"

enum { SPEC_SIZE_MAX = 256 << 10 };

struct tune {
	const char *list, *path, *live, *targets;
	uint64_t at_once, warm_up, every;
	double alpha;

	struct run *run;
	struct key prediction;
	struct candidates candidates;
	struct tournament *tournament; /* owned */
};

static const struct option options[] = {
	OPTION_ASIDE('f', "candidates", struct tune, list, NULL,
	    "required: the candidates, one a line", "FILE"),
	OPTION_ASIDE('m', "model", struct tune, path, NULL,
	    "required: the champion's model, to go on from and to write", "FILE"),
	OPTION_ASIDE('L', "live", struct tune, live, NULL,
	    "keep the champion in this file too, for others to map", "FILE"),
	OPTION('t', "target", struct tune, targets, "click",
	    "what to predict: click,conversion,value; the first counts", "NAMES"),
	OPTION('n', "at-once", struct tune, at_once, "8",
	    "candidates that learn at the same time"),
	OPTION('e', "alpha", struct tune, alpha, "0.05",
	    "probability that a champion ever falls to one no better"),
	OPTION('w', "warm-up", struct tune, warm_up, "10000",
	    "examples that a candidate learns before it races"),
	OPTION_ASIDE('r', "report", struct tune, every, "100000",
	    "records between reports; 0: only one at the end"),
	OPTION_END,
};

/* --- Start -------------------------------------------------------------------------- */

static uint8_t *
read_spec(void *context, const char *path, struct slice *text, struct error *error)
{
	const struct tune *t = context;

	return run_read_file(t->run, path, SPEC_SIZE_MAX, text, error);
}

static int
emit(void *context, struct slice record)
{
	const struct tune *t = context;

	return run_emit(t->run, record);
}

static int
check_options(struct run *run, const struct tune *t)
{
	if (t->list == NULL || t->path == NULL)
		return run_usage(run, "--%s FILE is missing (see --help)",
		    t->list == NULL ? "candidates" : "model");
	if (!(t->alpha > 0 && t->alpha < 1))
		return run_usage(run, "--alpha must be between 0 and 1");
	if (t->at_once < 1 || t->at_once > TOURNAMENT_AT_ONCE_MAX)
		return run_usage(
		    run, "--at-once must be from 1 to %d", TOURNAMENT_AT_ONCE_MAX);
	return 0;
}

static int
read_candidates(struct run *run, struct tune *t)
{
	struct error error;
	struct slice text;
	uint8_t *bytes =
	    run_read_file(run, t->list, CANDIDATES_TEXT_MAX, &text, &error);
	int status;

	if (bytes == NULL)
		return run_usage(run, "--candidates: %s", error.text);
	status = candidates_read(&t->candidates, text, t->targets, &error);
	free(bytes);
	return status == 0 ? 0
			   : run_usage(run, "--candidates %s: %s", t->list, error.text);
}

static void
show_counters(struct run *run, const struct tune *t)
{
	const struct tournament_counts *c = tournament_counts(t->tournament);

	run_counter(run, "learned", "examples learned", &c->learned);
	run_counter(run, "unlearned", "examples taken back", &c->unlearned);
	run_counter(
	    run, "unlabelled", "records predicted but not learned", &c->unlabelled);
	run_counter(run, "raced", "examples that counted for a challenger", &c->raced);
	run_counter(
	    run, "promotions", "challengers that became champion", &c->promotions);
	run_counter(
	    run, "dropped", "challengers that gave up their place", &c->dropped);
	run_counter(run, "evicted_weights",
	    "weights of the champion given up for others", &c->evicted);
	run_counter(run, "forgotten",
	    "revisions without counts, as their first features were forgotten",
	    &c->forgotten);
}

static int
start(struct run *run, void *self)
{
	struct tune *t = self;
	struct error error;
	bool wrong_use;

	t->run = run;
	t->prediction = run_key(run, "prediction");
	if (check_options(run, t) != 0 || read_candidates(run, t) != 0)
		return -1;
	t->tournament = tournament_new(
	    &(struct tournament_setup){
		.candidates = &t->candidates,
		.alpha = t->alpha,
		.at_once = t->at_once,
		.warm_up = t->warm_up,
		.memory = run_memory(run),
		.seed = run_seed(run),
		.model = t->path,
		.live = t->live,
		.os = run_os(run),
		.reader = run_reader(run),
		.context = t,
		.read = read_spec,
		.emit = emit,
	    },
	    &wrong_use, &error);
	if (t->tournament == NULL)
		return wrong_use ? run_usage(run, "%s", error.text)
				 : run_fail(run, "%s", error.text);
	run_opens_files(run);
	show_counters(run, t);
	return 0;
}

/* --- Records ------------------------------------------------------------------------ */

/* Before the record that makes it due, so that no report waits for the next one's arrival
 * twice. */
static int
report_when_due(const struct tune *t)
{
	if (t->every == 0 || tournament_pending(t->tournament) < t->every)
		return 0;
	return tournament_report(t->tournament, false);
}

static enum verdict
each(struct run *run, void *self, const struct record *r)
{
	struct tune *t = self;
	struct error error;

	if (report_when_due(t) != 0)
		return FAIL;
	switch (tournament_learn(t->tournament, r, &error)) {
	case TOURNAMENT_FAILED:
		return error.text[0] == '\0' ? FAIL : run_fail(run, "%s", error.text);
	case TOURNAMENT_WRONG:
		return run_reject(run, "%s", error.text);
	case TOURNAMENT_SILENT:
		return PASS;
	case TOURNAMENT_SAID:
		break;
	}
	tournament_build(t->tournament, r, run_set(run, t->prediction));
	return PASS;
}

/* --- Ends --------------------------------------------------------------------------- */

/* For bp-score to read. */
static int
publish(struct run *run, void *self)
{
	const struct tune *t = self;
	struct error error;

	if (tournament_commit(t->tournament, &error) < 0)
		return run_fail(run, "%s", error.text);
	return 0;
}

static int
finish(struct run *run, void *self)
{
	const struct tune *t = self;

	(void)run;
	if (report_when_due(t) != 0)
		return -1;
	return tournament_report(t->tournament, true);
}

static int
save(struct run *run, void *self, struct state_writer *to)
{
	const struct tune *t = self;

	(void)run;
	tournament_save(t->tournament, to);
	return 0;
}

static int
load(struct run *run, void *self, struct state_reader *from)
{
	const struct tune *t = self;
	struct error error;
	bool wrong_use = false;

	if (tournament_load(t->tournament, from, &wrong_use, &error) == 0)
		return 0;
	return wrong_use ? run_usage(run, "%s", error.text)
			 : run_fail(run, "%s", error.text);
}

static void
stop(void *self)
{
	struct tune *t = self;

	tournament_free(t->tournament);
	candidates_free(&t->candidates);
}

static const struct filter tune = {
	.name = "tune",
	.about = "learn candidate models side by side, and predict by the best",
	.examples =
	    "  echo 'now = --algorithm lanes' >list\n"
	    "  echo 'ftrl = --algorithm ftrl --rate {0.05,0.1,0.2}' >>list\n"
	    "  bp-tune --candidates list --model click.bp <features >predicted\n",
	.options = options,
	.size = sizeof(struct tune),
	.schema = 2,
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
	return filter_main(&tune, argc, argv);
}
