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

static enum features_fault
estimate(struct judge *j, const struct features *features, struct policy_candidate *to)
{
	enum features_fault fault;

	*to = (struct policy_candidate){ .p = 0.5 };
	if (j->predictor.model == NULL)
		return FEATURES_FINE;
	fault = logistic_predict(j->predictor.model, features, &to->p);
	if (fault == FEATURES_FINE)
		to->z = vec_logit(to->p);
	return fault;
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
		fault = estimate(j, &features, &j->candidates[i]);
		if (fault != FEATURES_FINE)
			return features_fault_text(fault);
		j->candidates[i].value = j->slate.value[i];
		if (j->keep)
			keep(j, &features);
	}
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
