/* SPDX-License-Identifier: MIT */
#include "lib/rank/decider.h"

int
decider_init(struct decider *d, struct reader *reader, uint64_t seed)
{
	if (judge_init(&d->judge, reader) != 0)
		return -1;
	decision_keys_init(&d->keys, reader);
	d->request_id = reader_key(reader, "request_id");
	d->seed = seed;
	d->hash_key = hash_key(seed);
	return 0;
}

void
decider_fini(struct decider *d)
{
	judge_fini(&d->judge);
}

const char *
decider_begin(struct decider *d, const struct record *r)
{
	struct slice id, value;
	const char *wrong;

	d->positions = d->position = 0;
	if (!record_value(r, d->request_id, &value) ||
	    !record_id(r, d->request_id, &id))
		return "without request_id";
	decision_request_init(&d->request, &d->keys, r, value);
	wrong = judge_read(&d->judge, r, KIND_REQUEST, &d->request);
	if (wrong != NULL)
		return wrong;
	if (r->size > RECORD_SIZE_MAX - DECIDER_ROOM || r->count > RECORD_KEYS_MAX - 32)
		return "too large for its decisions";
	d->positions = slate_positions(&d->judge.slate, r);
	if (d->positions == 0)
		return "whose k is no number from 1 on";
	d->draw = hash_keyed(d->hash_key, id);
	return NULL;
}

static void
describe(struct decider *d, struct decision *to)
{
	const struct slate *s = &d->judge.slate;

	*to = (struct decision){
		.position = d->position,
		.n = s->n,
		.candidates = s->id,
		.values = s->valued ? s->value : NULL,
		.chosen = d->chosen,
		.weights = &d->weights,
		.features = judge_features(&d->judge, d->chosen, d->position),
		.policy = policy_name(d->policy.kind),
		.seed = d->seed,
	};
	if (d->judge.predictor.model != NULL) {
		to->model = d->model;
		to->version = d->judge.version;
	}
	if (d->judge.keep &&
	    !judge_kept(&d->judge,
		RECORD_SIZE_MAX - DECIDER_ROOM - d->request.record->size, &to->all_keys,
		&to->all_values)) {
		to->all_keys = to->all_values = (struct slice){ NULL, 0 };
		d->unkept++;
	}
}

const char *
decider_decide(struct decider *d, struct build *to)
{
	struct judge *j = &d->judge;
	struct decision decision;
	const char *wrong = NULL;

	if (d->position == 0 || j->portrait != NULL || j->keep)
		wrong = judge_estimate(j, d->position);
	if (wrong != NULL)
		return wrong;
	policy_weigh(&d->policy, j->candidates, j->slate.n, &d->weights);
	d->chosen = policy_draw(&d->weights, j->slate.n, d->draw, d->position);
	describe(d, &decision);
	decision_build(to, &d->request, &decision);
	return NULL;
}

void
decider_take(struct decider *d, struct slice record)
{
	if (d->judge.portrait != NULL && record.at != NULL)
		portrait_update(d->judge.portrait, record);
	judge_remove(&d->judge, d->chosen);
	d->position++;
}

struct slice
decider_chosen(const struct decider *d)
{
	return d->judge.slate.id[d->chosen];
}
