/* SPDX-License-Identifier: MIT */
#include "lib/modeltool/learner.h"

#include <string.h>

/* The model, what it was then, what it becomes, and the journal. */
enum { PARTS = 4, EVERY_PART = 8 };

static uint64_t
model_bytes(const struct learner *l)
{
	return l->exact_us > 0 ? l->bytes / PARTS : l->bytes;
}

static int
open_model(struct learner *l, bool *wrong_use, struct error *error)
{
	struct model *model = NULL;
	enum state_trouble trouble;

	if (predictor_open(&l->predictor, l->os, l->path, &l->options, model_bytes(l),
		l->live, &trouble, error) == 0)
		return 0;
	*wrong_use = trouble == STATE_OTHER;
	if (trouble == STATE_MISSING)
		model = model_new(&l->options, model_bytes(l), l->os, l->live, error);
	if (model == NULL)
		return -1;
	predictor_take(&l->predictor, model, NULL);
	return 0;
}

int
learner_open(struct learner *l, bool *wrong_use, struct error *error)
{
	int64_t every = l->every_us > 0 ? l->every_us : l->exact_us / EVERY_PART;

	*wrong_use = false;
	if (open_model(l, wrong_use, error) < 0)
		return -1;
	*wrong_use = true;
	return unlearn_init(&l->unlearn, l->predictor.model, l->key, l->exact_us, every,
	    model_bytes(l), model_bytes(l), error);
}

void
learner_keys(struct learner *l, struct reader *reader)
{
	predictor_keys(&l->predictor, reader);
	l->decision_id = reader_key(reader, "decision_id");
}

void
learner_fini(struct learner *l)
{
	unlearn_fini(&l->unlearn);
	predictor_free(&l->predictor);
}

enum features_fault
learner_learn(struct learner *l, const struct record *r, const struct features *f,
    const struct model_example *e, struct model_estimates *to)
{
	struct slice id = { 0 };
	instant at = 0;

	(void)record_timestamp(r, &at);
	if (!record_value(r, l->decision_id, &id))
		(void)record_value(r, KEY_EVENT_ID, &id);
	return unlearn_learn(&l->unlearn, l->predictor.model, f, e, id, at, to);
}

bool
learner_is_pending(const struct learner *l)
{
	return l->unlearn.journal != NULL && l->unlearn.journal->pending > 0;
}

bool
learner_is_due(const struct learner *l)
{
	return l->unlearn.journal != NULL && journal_is_due(l->unlearn.journal);
}

int
learner_settle(struct learner *l, struct error *error)
{
	struct model *was = l->predictor.model;
	struct model *m = journal_settle(l->unlearn.journal, was, error);

	if (m == NULL)
		return -1;
	if (l->live != NULL && model_show(m, l->live, was, error) < 0) {
		model_free(m);
		return -1;
	}
	predictor_take(&l->predictor, m, NULL);
	return l->deltas == NULL ? 0 : deltas_begin(l->deltas, m, error);
}

int
learner_commit(const struct learner *l, struct error *error)
{
	struct predictor settled = { .model = l->predictor.model };
	int status;

	if (learner_is_pending(l))
		settled.model = journal_peek(l->unlearn.journal, error);
	if (settled.model == NULL)
		return -1;
	status = predictor_commit(&settled, l->os, l->path, error);
	if (settled.model != l->predictor.model)
		model_free(settled.model);
	return status;
}

void
learner_save(const struct learner *l, struct state_writer *to)
{
	state_put_i64(to, l->predictor.window_us);
	model_save(l->predictor.model, to);
	unlearn_save(&l->unlearn, to);
}

int
learner_load(struct learner *l, struct state_reader *from, struct error *error)
{
	struct predictor *p = &l->predictor;
	struct model *model;

	if (state_get_i64(from, &p->window_us) < 0)
		return error_set(error, "the snapshot is too short");
	predictor_free(p);
	model = model_new(&l->options, model_bytes(l), l->os, NULL, error);
	if (model == NULL)
		return -1;
	predictor_take(p, model, NULL);
	if (model_load(model, from, error) < 0 ||
	    (l->live != NULL && model_show(model, l->live, NULL, error) < 0))
		return -1;
	return unlearn_load(&l->unlearn, from, error);
}
