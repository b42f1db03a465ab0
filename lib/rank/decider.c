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
		.values = s->value,
		.offers = s->offer,
		.valued = s->valued,
		.bids = s->bids,
		.price_micros = decider_price(d),
		.chosen = d->chosen,
		.weights = &d->weights,
		.features = judge_features(&d->judge, d->chosen),
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

static double
worth_of(const struct judge *j, unsigned i)
{
	return j->candidates[i].p * j->candidates[i].value;
}

/* Without a model nothing is known but what a bid cpm is worth; who has neither bid nor
 * value is worth what the model says, when that is an amount. */
static bool
is_weighed(const struct judge *j, unsigned i)
{
	const struct slate_offer *o = &j->slate.offer[i];

	return o->type == BID_CPM ||
	    (j->predictor.model != NULL && (o->stated || j->reward == MODEL_VALUE));
}

/* How many left. */
static unsigned
apply_floor(struct decider *d)
{
	struct judge *j = &d->judge;
	double floor = j->slate.floor_micros;
	bool stays[POLICY_MAX];
	unsigned n = j->slate.n;

	if (!(floor > 0))
		return 0;
	for (unsigned i = 0; i < n; i++)
		stays[i] = !is_weighed(j, i) || worth_of(j, i) >= floor;
	judge_retain(j, stays);
	return n - j->slate.n;
}

bool
decider_next(struct decider *d, const char **wrong)
{
	struct judge *j = &d->judge;

	*wrong = NULL;
	if (d->position >= d->positions || j->slate.n == 0)
		return false;
	if (d->position == 0 || j->portrait != NULL || j->keep ||
	    judge_weighs_places(j))
		*wrong = judge_estimate(j, d->position);
	/* What is kept is of those that are left. */
	if (*wrong == NULL && apply_floor(d) > 0 && j->keep && j->slate.n > 0)
		*wrong = judge_estimate(j, d->position);
	return *wrong == NULL && j->slate.n > 0;
}

void
decider_decide(struct decider *d, struct build *to)
{
	struct judge *j = &d->judge;
	struct decision decision;

	policy_weigh(&d->policy, j->candidates, j->slate.n, &d->weights);
	d->chosen = policy_draw(&d->weights, j->slate.n, d->draw, d->position);
	describe(d, &decision);
	decision_build(to, &d->request, &decision);
}

void
decider_take(struct decider *d, struct slice record)
{
	struct judge *j = &d->judge;
	bool stays[POLICY_MAX];

	if (j->portrait != NULL && record.at != NULL)
		portrait_update(j->portrait, record);
	if (record.at != NULL) {
		slate_show(&j->slate, d->chosen, stays);
	} else {
		memset(stays, true, sizeof stays);
		stays[d->chosen] = false;
	}
	judge_retain(j, stays);
	d->position++;
}

/* --- Who was chosen ------------------------------------------------------------------ */

struct slice
decider_chosen(const struct decider *d)
{
	return d->judge.slate.id[d->chosen];
}

unsigned
decider_place(const struct decider *d)
{
	return d->judge.slate.offer[d->chosen].place;
}

double
decider_worth(const struct decider *d)
{
	return worth_of(&d->judge, d->chosen);
}

/* The best of the others whose worth is known, at least the floor; a campaign does not bid
 * against itself. */
static double
needed(const struct decider *d)
{
	const struct slate *s = &d->judge.slate;
	uint64_t own = s->offer[d->chosen].campaign;
	double most = s->floor_micros;

	for (unsigned i = 0; i < s->n; i++)
		if (i != d->chosen && is_weighed(&d->judge, i) &&
		    (own == 0 || s->offer[i].campaign != own) &&
		    worth_of(&d->judge, i) > most)
			most = worth_of(&d->judge, i);
	return most;
}

int64_t
decider_price(const struct decider *d)
{
	const struct judge *j = &d->judge;
	const struct slate_offer *o = &j->slate.offer[d->chosen];
	double bid = j->slate.value[d->chosen];
	struct offer offer = { .type = (enum bid_type)o->type,
		.pctr = bid > 0 ? worth_of(j, d->chosen) / bid : 0,
		.pcvr = 1,
		.bid_micros = (int64_t)bid };

	if (offer.type == BID_NONE)
		return 0;
	if (!j->slate.second || !is_weighed(j, d->chosen))
		return offer.bid_micros;
	return price_needed(&offer, needed(d));
}
