/* SPDX-License-Identifier: MIT */
#include "lib/filter/ranker.h"

#include <stdlib.h>
#include <string.h>

enum {
	SPEC_SIZE_MAX = 256 << 10,
	PORTRAIT_SHARE = 2, /* of the memory: half, with --spec */
};

/* --- The model -------------------------------------------------------------------- */

static int
open_model(
    struct ranker *k, struct run *run, enum state_trouble *trouble, struct error *error)
{
	return judge_attach(&k->decider.judge, run_os(run), k->model_path,
	    k->model_bytes, trouble, error);
}

static int
start_model(struct ranker *k, struct run *run, uint64_t memory, bool without_model)
{
	const char *slash;
	struct error error;
	enum state_trouble trouble;

	if (k->model_path == NULL)
		return without_model
		    ? 0
		    : run_usage(run, "--model FILE is missing (see --help)");
	slash = strrchr(k->model_path, '/');
	k->decider.model = slash == NULL ? k->model_path : slash + 1;
	k->model_bytes = memory / 2; /* two exist while one is read again */
	if (open_model(k, run, &trouble, &error) < 0)
		return trouble == STATE_MISSING
		    ? run_usage(run, "there is no model %s (bp-learn writes one)",
			  k->model_path)
		    : trouble == STATE_OTHER ? run_usage(run, "%s", error.text)
					     : run_fail(run, "%s", error.text);
	run_opens_files(run);
	return 0;
}

void
ranker_refresh(struct ranker *k, struct run *run)
{
	struct error error;
	enum state_trouble trouble;

	if (predictor_is_over(&k->decider.judge.predictor))
		(void)open_model(k, run, &trouble, &error);
}

instant
ranker_written(const struct ranker *k, struct run *run)
{
	const struct os *os = run_os(run);
	struct stat file;

	if (k->model_path == NULL || os->stat_path(os, k->model_path, &file) != 0)
		return WHEN_NEVER;
	return file.st_mtim.tv_sec * WHEN_SECOND + file.st_mtim.tv_nsec / 1000;
}

void
ranker_reload(struct ranker *k, struct run *run)
{
	struct error error;
	enum state_trouble trouble;

	if (k->model_path == NULL)
		return;
	if (open_model(k, run, &trouble, &error) == 0)
		run_say(run, "model %s read again: %llu examples", k->model_path,
		    (unsigned long long)k->decider.judge.version);
	else
		run_say(run, "%s; going on with the model of before",
		    trouble == STATE_MISSING ? "the model file is gone" : error.text);
}

/* --- The specification ------------------------------------------------------------ */

static int
start_portrait(struct ranker *k, struct run *run, uint64_t memory)
{
	struct judge *j = &k->decider.judge;
	struct error error;
	struct slice text;
	uint8_t *bytes = run_read_file(run, k->spec_path, SPEC_SIZE_MAX, &text, &error);
	const struct portrait_counts *counts;

	if (bytes == NULL)
		return run_usage(run, "--spec: %s", error.text);
	j->portrait = portrait_new(text, memory, run_seed(run), &error);
	free(bytes);
	if (j->portrait == NULL)
		return run_usage(run, "--spec %s: %s", k->spec_path, error.text);
	counts = portrait_counts(j->portrait);
	run_counter(run, "creatives", "creatives remembered", &counts->creatives);
	run_counter(run, "evicted_creatives", "creatives forgotten for want of memory",
	    &counts->evicted);
	run_counter(
	    run, "large_creatives", "creatives too large to remember", &counts->large);
	run_counter(run, "evicted_counters", "counters lost for want of memory",
	    &portrait_extract_counts(j->portrait)->evicted);
	run_counter(run, "users", "users whose history is known",
	    &portrait_extract_counts(j->portrait)->users);
	return 0;
}

int
ranker_start(struct ranker *k, struct run *run, struct reader *reader, uint64_t memory,
    bool without_model)
{
	struct decider *d = &k->decider;
	uint64_t share = 0;
	struct error error;

	if (decider_init(d, reader, run_seed(run)) != 0)
		return run_fail(run, "no memory for decisions");
	d->policy.kind = (enum policy_kind)k->kind;
	d->judge.reward = (enum model_target)k->reward;
	d->judge.compares = k->kind == POLICY_THOMPSON;
	if (policy_check(&d->policy, &error) != 0)
		return run_usage(run, "--%s", error.text);
	if (k->spec_path != NULL) {
		share = k->spec_bytes > 0 ? k->spec_bytes : memory / PORTRAIT_SHARE;
		if (start_portrait(k, run, share) != 0)
			return -1;
	}
	return start_model(k, run, memory - share, without_model);
}

void
ranker_stop(struct ranker *k)
{
	decider_fini(&k->decider);
}

/* --- Between runs ----------------------------------------------------------------- */

void
ranker_save(const struct ranker *k, struct state_writer *to)
{
	const struct portrait *p = k->decider.judge.portrait;

	state_put_u64(to, p != NULL);
	if (p != NULL)
		portrait_save(p, to);
}

int
ranker_load(struct ranker *k, struct run *run, struct state_reader *from)
{
	struct portrait *p = k->decider.judge.portrait;
	struct error error;
	uint64_t portrait;

	if (state_get_u64(from, &portrait) != 0)
		return run_fail(run, "the snapshot is too short");
	if ((portrait != 0) != (p != NULL))
		return run_usage(run, "the state is of a run with%s --spec",
		    portrait != 0 ? "" : "out");
	if (p != NULL && portrait_load(p, from, &error) != 0)
		return run_usage(run, "%s", error.text);
	return 0;
}
