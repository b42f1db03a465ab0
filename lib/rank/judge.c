/* SPDX-License-Identifier: MIT */
#include "lib/rank/judge.h"

#include <stdlib.h>

#include "lib/vec.h"

int
judge_init(struct judge *j, struct reader *reader)
{
	uint8_t *kept = malloc(2 * (size_t)RECORD_SIZE_MAX);

	j->parts = parts_new();
	if (kept == NULL || j->parts == NULL) {
		free(kept);
		parts_free(j->parts);
		j->parts = NULL;
		return -1;
	}
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
	parts_free(j->parts);
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

/* What a bid pays for; MODEL_TARGETS: for being shown. */
static unsigned
bid_target(enum bid_type type)
{
	return type == BID_CPM ? MODEL_TARGETS
	    : type == BID_CPC  ? MODEL_CLICK
			       : MODEL_CONVERSION;
}

static unsigned
paid_for(const struct judge *j, unsigned i)
{
	enum bid_type type = (enum bid_type)j->slate.offer[i].type;

	return type == BID_NONE ? j->reward : bid_target(type);
}

bool
judge_knows(const struct judge *j, enum bid_type type)
{
	const struct model *m = j->predictor.model;

	return m == NULL || type == BID_NONE || type == BID_CPM ||
	    m->options.target[bid_target(type)];
}

static const char *
check_bids(const struct judge *j)
{
	for (unsigned i = 0; j->slate.bids && i < j->slate.n; i++) {
		enum bid_type type = (enum bid_type)j->slate.offer[i].type;

		if (!judge_knows(j, type))
			return type == BID_CPC
			    ? "with a bid cpc, and the model knows no clicks"
			    : "with a bid cpa, and the model knows no conversions";
	}
	return NULL;
}

const char *
judge_read(struct judge *j, const struct record *r, enum kind kind,
    const struct decision_request *q)
{
	const char *wrong = slate_read(&j->slate, r);
	struct count_times t;
	double weight;

	j->record = r;
	if (wrong != NULL)
		return wrong;
	if (j->predictor.model != NULL)
		predictor_slice(&j->predictor, r);
	if (!record_timestamp(r, &t.known) || !record_weight(r, &weight))
		return "without timestamp, or with a weight that is no number";
	if (kind != KIND_OUTCOME || !record_instant(r, j->shown_at, &t.shown) ||
	    t.shown > t.known || t.shown < -WHEN_MAX)
		t.shown = t.known;
	if (j->portrait != NULL)
		portrait_begin(j->portrait, r, q->left_out, t);
	else if (!j->slate.described && j->predictor.model != NULL)
		return "without candidate_features, and there is no --spec";
	return check_bids(j);
}

static bool
describe(struct judge *j, unsigned i, struct features *to)
{
	if (j->portrait != NULL)
		return portrait_features(j->portrait, j->place[i], j->slate.id[i], to);
	*to = slate_features(&j->slate, i);
	return true;
}

/* --- What the model says ---------------------------------------------------------- */

/* What a showing brings is a product of targets, each learned given the one before: the
 * logarithms' variances add up, and are brought to the scale of the logit of the whole. An
 * amount is a factor of what the reward is worth, and adds its own. */
static void
combine(const struct judge *j, unsigned target, const struct model_estimates *said,
    struct policy_candidate *to)
{
	const struct model *m = j->predictor.model;
	double open = 1, variance = 0;
	unsigned factors = 0;

	if (target == MODEL_CLICK) {
		to->p = said->of[MODEL_CLICK].mean;
		to->z = said->of[MODEL_CLICK].open_z;
		to->variance = said->of[MODEL_CLICK].open_deviation *
		    said->of[MODEL_CLICK].open_deviation;
		return;
	}
	to->p = 1;
	for (unsigned t = 0; t <= target; t++) {
		const struct estimate *e = &said->of[t];
		double p = t == MODEL_VALUE ? 0 : vec_sigmoid(e->open_z);

		if (!m->options.target[t])
			continue;
		variance += (1 - p) * e->open_deviation * ((1 - p) * e->open_deviation);
		*(t == MODEL_VALUE ? &to->value : &to->p) *= e->mean;
		open *= t == MODEL_VALUE ? 1 : p;
		to->z = e->open_z;
		factors++;
	}
	if (factors > 1)
		to->z = vec_logit(open);
	to->variance = open < 1 ? variance / ((1 - open) * (1 - open)) : 0;
}

/* To be shown is certain, and a bid cpm is for a thousand times of it. */
static void
be_shown(struct policy_candidate *to)
{
	to->p = 1;
	to->z = VEC_LOGIT_MAX;
	to->variance = 0;
	to->value *= 1e-3;
}

/* With a value, which is what its reward is worth. */
static void
know_nothing(unsigned target, struct policy_candidate *to)
{
	to->p = 0.5;
	to->z = to->variance = 0;
	if (target == MODEL_TARGETS)
		be_shown(to);
}

static enum features_fault
estimate(struct judge *j, unsigned target, const struct features *features,
    struct policy_candidate *to)
{
	struct model_estimates said;
	enum features_fault fault;

	know_nothing(target, to);
	if (j->predictor.model == NULL)
		return FEATURES_FINE;
	fault = model_predict(j->predictor.model, features, &said);
	if (fault != FEATURES_FINE)
		return fault;
	j->version = said.version;
	if (target != MODEL_TARGETS)
		combine(j, target, &said, to);
	return FEATURES_FINE;
}

/* --- What candidates share -------------------------------------------------------- */

static uint32_t
bits_at(const struct features *f, unsigned i)
{
	const float one = 1;
	uint32_t bits;

	if (f->values.at != NULL) {
		memcpy(&bits, f->values.at + 4 * (size_t)i, sizeof bits);
		return bits;
	}
	memcpy(&bits, &one, sizeof bits);
	return bytes_le32(bits);
}

static uint64_t
key_at(const struct features *f, unsigned i)
{
	uint64_t key;

	memcpy(&key, f->keys.at + 8 * (size_t)i, sizeof key);
	return key;
}

static void
share_first(struct judge *j, const struct features *f)
{
	j->shared = features_count(f);
	for (unsigned i = 0; i < j->shared; i++) {
		j->shared_keys[i] = key_at(f, i);
		j->shared_values[i] = bits_at(f, i);
	}
}

/* Of those shared so far, the ones that this candidate has too. Both come in the order of
 * the specification, so what is the same is found near by, if at all. */
static void
share_next(struct judge *j, const struct features *f)
{
	enum { NEAR = 32 };
	unsigned n = features_count(f), at = 0, left = 0;

	for (unsigned i = 0; i < j->shared; i++) {
		unsigned end = n - at < NEAR ? n : at + NEAR, k = at;

		while (k < end &&
		    (key_at(f, k) != j->shared_keys[i] ||
			bits_at(f, k) != j->shared_values[i]))
			k++;
		if (k == end)
			continue;
		j->shared_keys[left] = j->shared_keys[i];
		j->shared_values[left++] = j->shared_values[i];
		at = k + 1;
	}
	j->shared = left;
}

/* The doubt about what they share says nothing about which one is the best, when all are
 * paid for the same. A trace of the rest stays, so that candidates that are all the same
 * share alike. */
static void
leave_out(struct judge *j, double shared)
{
	static const double trace = 1e-8;

	for (unsigned i = 0; i < j->slate.n; i++) {
		double own = j->candidates[i].variance - shared;

		if (j->candidates[i].variance > 0)
			j->candidates[i].variance = own > trace ? own : trace;
	}
}

/* Whether what they share can be left out: where variances are sums over the features. */
static bool
compares(const struct judge *j)
{
	for (unsigned i = 1; i < j->slate.n; i++)
		if (paid_for(j, i) != paid_for(j, 0))
			return false;
	return j->compares && j->predictor.model != NULL &&
	    !optimiser_is_exact(j->predictor.model->options.optimiser.algorithm);
}

static void
compare(struct judge *j)
{
	const struct features f = { slice_of(j->shared_keys, 8 * (size_t)j->shared),
		slice_of(j->shared_values, 4 * (size_t)j->shared) };
	struct policy_candidate shared = { .value = 1 };

	if (estimate(j, paid_for(j, 0), &f, &shared) == FEATURES_FINE)
		leave_out(j, shared.variance);
}

/* --- All of them ------------------------------------------------------------------ */

/* One after another. */
static const char *
estimate_whole(struct judge *j)
{
	struct features features;

	for (unsigned i = 0; i < j->slate.n; i++) {
		enum features_fault fault;

		if (!describe(j, i, &features))
			return "with too many keys, together with those of a creative";
		fault = estimate(j, paid_for(j, i), &features, &j->candidates[i]);
		if (fault != FEATURES_FINE)
			return features_fault_text(fault);
		if (!j->compares)
			continue;
		if (i == 0)
			share_first(j, &features);
		else
			share_next(j, &features);
	}
	if (compares(j))
		compare(j);
	return NULL;
}

static void
combine_parts(
    const struct judge *j, unsigned target, unsigned i, struct policy_candidate *to)
{
	struct model_estimates said;

	know_nothing(target, to);
	if (target == MODEL_TARGETS)
		return;
	for (unsigned t = 0; t <= target; t++)
		said.of[t] = *parts_said(j->parts, (enum model_target)t, i);
	combine(j, target, &said, to);
}

/* Taken apart: the same within rounding. */
static const char *
estimate_parts(struct judge *j, const struct model_parts *parts)
{
	const struct model *m = j->predictor.model;
	enum features_fault fault = parts_ask(j->parts, m, parts);
	struct policy_candidate shared = { .value = 1 };

	if (fault != FEATURES_FINE)
		return features_fault_text(fault);
	for (unsigned i = 0; i < j->slate.n; i++)
		combine_parts(j, paid_for(j, i), i, &j->candidates[i]);
	j->version = parts_version(j->parts);
	if (compares(j)) {
		combine_parts(j, paid_for(j, 0), j->slate.n, &shared);
		leave_out(j, shared.variance);
	}
	return NULL;
}

static const char *
keep_all(struct judge *j)
{
	struct features features;

	build_reset(&j->kept_keys);
	build_reset(&j->kept_values);
	build_array(&j->kept_keys, j->slate.n);
	build_array(&j->kept_values, j->slate.n);
	for (unsigned i = 0; i < j->slate.n; i++) {
		if (!describe(j, i, &features))
			return "with too many keys, together with those of a creative";
		build_bin(&j->kept_keys, features.keys);
		if (features.values.at == NULL)
			build_nil(&j->kept_values);
		else
			build_bin(&j->kept_values, features.values);
	}
	return NULL;
}

bool
judge_weighs_places(const struct judge *j)
{
	return j->predictor.model != NULL && j->predictor.wheres > 0 &&
	    (j->slate.bids || j->slate.floor_micros > 0);
}

/* What the model says is of those who look; what is paid is of all. */
static void
weigh_place(struct judge *j, int64_t position)
{
	double examined = predictor_examination(&j->predictor, j->record, position);

	for (unsigned i = 0; i < j->slate.n; i++)
		if (paid_for(j, i) != MODEL_TARGETS)
			j->candidates[i].value *= examined;
}

const char *
judge_estimate(struct judge *j, int64_t position)
{
	const struct model *m = j->predictor.model;
	const char *wrong = NULL;
	struct model_parts parts;
	bool apart = j->portrait != NULL &&
	    portrait_slate(j->portrait, j->slate.id, j->slate.n, position, &parts);

	for (unsigned i = 0; i < j->slate.n; i++) {
		j->candidates[i].value = j->slate.value[i];
		j->place[i] = (uint16_t)i;
	}
	if (apart && m != NULL && parts_suit(m))
		wrong = estimate_parts(j, &parts);
	else
		wrong = estimate_whole(j);
	if (wrong == NULL && j->keep)
		wrong = keep_all(j);
	if (wrong != NULL)
		return wrong;
	if (judge_weighs_places(j))
		weigh_place(j, position);
	if (policy_candidates_check(j->candidates, j->slate.n) != POLICY_FINE)
		return "for which the model says what is no prediction";
	return NULL;
}

struct features
judge_features(struct judge *j, unsigned i)
{
	struct features features = { { NULL, 0 }, { NULL, 0 } };

	(void)describe(j, i, &features);
	return features;
}

void
judge_retain(struct judge *j, const bool stays[POLICY_MAX])
{
	unsigned left = 0;

	for (unsigned i = 0; i < j->slate.n; i++)
		if (stays[i]) {
			j->candidates[left] = j->candidates[i];
			j->place[left++] = j->place[i];
		}
	slate_retain(&j->slate, stays);
}

bool
judge_kept(const struct judge *j, size_t room, struct slice *keys, struct slice *values)
{
	*keys = build_slice(&j->kept_keys);
	*values = build_slice(&j->kept_values);
	return !build_full(&j->kept_keys) && !build_full(&j->kept_values) &&
	    keys->size + values->size <= room;
}
