/* SPDX-License-Identifier: MIT */
#include "lib/rank/judge.h"

#include <stdlib.h>

#include "lib/vec.h"

int
judge_init(struct judge *j, struct reader *reader)
{
	uint8_t *kept = malloc(2 * (size_t)RECORD_SIZE_MAX);

	if (kept == NULL)
		return -1;
	build_init(&j->kept_keys, kept, RECORD_SIZE_MAX);
	build_init(&j->kept_values, kept + RECORD_SIZE_MAX, RECORD_SIZE_MAX);
	slate_init(&j->slate, reader);
	j->shown_at = reader_key(reader, "shown_at");
	return 0;
}

void
judge_fini(struct judge *j)
{
	predictor_free(&j->predictor);
	portrait_free(j->portrait);
	free(j->kept_keys.start);
}

int
judge_attach(struct judge *j, const struct os *os, const char *path, uint64_t bytes,
    enum state_trouble *trouble, struct error *error)
{
	struct predictor fresh = j->predictor;

	fresh.model = NULL;
	if (predictor_attach(&fresh, os, path, bytes, trouble, error) != 0)
		return -1;
	if (!fresh.model->options.target[j->reward]) {
		*trouble = STATE_OTHER;
		predictor_free(&fresh);
		return error_set(error, "the model %s does not know %s: give --reward",
		    path, model_target_name(j->reward));
	}
	predictor_free(&j->predictor);
	j->predictor = fresh;
	j->version = model_state(fresh.model)->examples;
	return 0;
}

const char *
judge_read(struct judge *j, const struct record *r, enum kind kind,
    const struct decision_request *q)
{
	const char *wrong = slate_read(&j->slate, r);
	struct count_times t;
	double weight;

	if (wrong != NULL)
		return wrong;
	if (!record_timestamp(r, &t.known) || !record_weight(r, &weight))
		return "without timestamp, or with a weight that is no number";
	if (kind != KIND_OUTCOME || !record_instant(r, j->shown_at, &t.shown) ||
	    t.shown > t.known || t.shown < -WHEN_MAX)
		t.shown = t.known;
	if (j->portrait != NULL)
		portrait_begin(j->portrait, r, q->left_out, t);
	else if (!j->slate.described && j->predictor.model != NULL)
		return "without candidate_features, and there is no --spec";
	return NULL;
}

static bool
describe(struct judge *j, unsigned i, int64_t position, struct features *to)
{
	if (j->portrait != NULL)
		return portrait_features(j->portrait, j->slate.id[i], position, to);
	*to = slate_features(&j->slate, i);
	return true;
}

/* What a showing brings is a product of targets, each learned given the one before: the
 * logarithms' variances add up, and are brought to the scale of the logit of the whole. An
 * amount is a factor of what the reward is worth, and adds its own. */
static void
combine(const struct judge *j, const struct model_estimates *said,
    struct policy_candidate *to)
{
	const struct model *m = j->predictor.model;
	double p = 1, amount = 1, variance = 0;

	for (unsigned t = 0; t <= j->reward; t++) {
		const struct estimate *e = &said->of[t];
		double share = t == MODEL_VALUE ? 1 : 1 - e->mean;

		if (!m->options.target[t])
			continue;
		*(t == MODEL_VALUE ? &amount : &p) *= e->mean;
		variance += share * e->deviation * (share * e->deviation);
	}
	to->p = p;
	to->z = vec_logit(p);
	to->variance = p < 1 ? variance / ((1 - p) * (1 - p)) : 0;
	to->value *= amount;
}

static enum features_fault
estimate(struct judge *j, const struct features *features, struct policy_candidate *to)
{
	struct model_estimates said;
	enum features_fault fault;

	to->p = 0.5;
	to->z = to->variance = 0;
	if (j->predictor.model == NULL)
		return FEATURES_FINE;
	fault = model_predict(j->predictor.model, features, &said);
	if (fault != FEATURES_FINE)
		return fault;
	j->version = said.version;
	combine(j, &said, to);
	return FEATURES_FINE;
}

static void
keep(struct judge *j, const struct features *features)
{
	build_bin(&j->kept_keys, features->keys);
	if (features->values.at == NULL)
		build_nil(&j->kept_values);
	else
		build_bin(&j->kept_values, features->values);
}

const char *
judge_estimate(struct judge *j, int64_t position)
{
	struct features features;

	build_reset(&j->kept_keys);
	build_reset(&j->kept_values);
	build_array(&j->kept_keys, j->slate.n);
	build_array(&j->kept_values, j->slate.n);
	for (unsigned i = 0; i < j->slate.n; i++) {
		enum features_fault fault;

		if (!describe(j, i, position, &features))
			return "with too many keys, together with those of a creative";
		j->candidates[i].value = j->slate.value[i];
		fault = estimate(j, &features, &j->candidates[i]);
		if (fault != FEATURES_FINE)
			return features_fault_text(fault);
		if (j->keep)
			keep(j, &features);
	}
	if (policy_candidates_check(j->candidates, j->slate.n) != POLICY_FINE)
		return "for which the model says what is no prediction";
	return NULL;
}

struct features
judge_features(struct judge *j, unsigned i, int64_t position)
{
	struct features features = { { NULL, 0 }, { NULL, 0 } };

	(void)describe(j, i, position, &features);
	return features;
}

void
judge_remove(struct judge *j, unsigned i)
{
	unsigned after = j->slate.n - i - 1;

	slate_remove(&j->slate, i);
	memmove(
	    &j->candidates[i], &j->candidates[i + 1], after * sizeof *j->candidates);
}

bool
judge_kept(const struct judge *j, size_t room, struct slice *keys, struct slice *values)
{
	*keys = build_slice(&j->kept_keys);
	*values = build_slice(&j->kept_values);
	return !build_full(&j->kept_keys) && !build_full(&j->kept_values) &&
	    keys->size + values->size <= room;
}
