/* SPDX-License-Identifier: MIT */
#include "lib/rank/decision.h"

#include <inttypes.h>
#include <stdio.h>

#include "lib/base/assert.h"
#include "lib/hash.h"

enum { READABLE_MAX = 200 }; /* bytes of a request's id that stays readable */

static const char *const own_keys[] = { "event", "event_id", "decision_id",
	"request_id", "position", "creative_id", "candidates", "probability",
	"probabilities", "scores", "policy", "model_id", "model_version", "seed",
	"features", "feature_values", "candidate_features", "candidate_feature_values",
	"candidate_values", "shared_features", "shared_feature_values", "k",
	"candidate_bid_types", "candidate_campaigns", "candidate_limits",
	"candidate_groups", "bid_type", "price_micros" };

void
decision_keys_init(struct decision_keys *k, struct reader *reader)
{
	k->count = sizeof own_keys / sizeof *own_keys;
	assert(k->count <= sizeof k->own / sizeof *k->own);
	for (unsigned i = 0; i < k->count; i++)
		k->own[i] = reader_key(reader, own_keys[i]);
}

void
decision_request_init(struct decision_request *q, const struct decision_keys *k,
    const struct record *r, struct slice id)
{
	*q = (struct decision_request){ .record = r, .id = id };
	for (unsigned i = 0; i < k->count; i++) {
		int at = record_index(r, k->own[i]);

		if (at >= 0)
			q->left_out[at / 64] |= UINT64_C(1) << (at % 64);
	}
}

struct slice
decision_id(struct slice request_id, unsigned position, char to[DECISION_ID_MAX])
{
	struct slice text;
	int size;

	if (value_str(request_id, &text) && text.size <= READABLE_MAX) {
		memcpy(to, text.at, text.size);
		size = snprintf(
		    to + text.size, DECISION_ID_MAX - text.size, "-%u", position);
		return slice_of(to, text.size + (size_t)size);
	}
	size = snprintf(to, DECISION_ID_MAX, "%016" PRIx64 "-%u",
	    hash_bytes(request_id, 0), position);
	return slice_of(to, (size_t)size);
}

static void
build_numbers(struct build *to, const double *numbers, unsigned n)
{
	build_array(to, n);
	for (unsigned i = 0; i < n; i++)
		build_double(to, numbers[i]);
}

static void
build_bid_type(struct build *to, enum bid_type type)
{
	if (type == BID_NONE)
		build_nil(to);
	else
		build_text(to, bid_type_name(type));
}

/* How many pairs. */
static unsigned
build_identity(
    struct build *to, const struct decision_request *q, const struct decision *d)
{
	char storage[DECISION_ID_MAX];
	struct slice id = decision_id(q->id, d->position, storage);

	build_text(to, "event");
	build_text(to, "decision");
	build_text(to, "event_id");
	build_str(to, id);
	build_text(to, "decision_id");
	build_str(to, id);
	build_text(to, "request_id");
	build_raw(to, q->id);
	return 4;
}

static unsigned
build_choice(struct build *to, const struct decision *d)
{
	build_text(to, "position");
	build_uint(to, d->position);
	build_text(to, "creative_id");
	build_raw(to, d->candidates[d->chosen]);
	build_text(to, "candidates");
	build_array(to, d->n);
	for (unsigned i = 0; i < d->n; i++)
		build_raw(to, d->candidates[i]);
	build_text(to, "probability");
	build_double(to, d->weights->probability[d->chosen]);
	build_text(to, "probabilities");
	build_numbers(to, d->weights->probability, d->n);
	build_text(to, "policy");
	build_text(to, d->policy);
	build_text(to, "seed");
	build_uint(to, d->seed);
	return 7;
}

static unsigned
build_worth(struct build *to, const struct decision *d)
{
	unsigned pairs = 0;

	if (d->valued) {
		build_text(to, "candidate_values");
		build_array(to, d->n);
		for (unsigned i = 0; i < d->n; i++) {
			if (d->offers[i].stated)
				build_double(to, d->values[i]);
			else
				build_nil(to);
		}
		pairs++;
	}
	if (d->bids) {
		build_text(to, "candidate_bid_types");
		build_array(to, d->n);
		for (unsigned i = 0; i < d->n; i++)
			build_bid_type(to, (enum bid_type)d->offers[i].type);
		pairs++;
	}
	if (d->offers[d->chosen].type == BID_NONE)
		return pairs;
	build_text(to, "bid_type");
	build_bid_type(to, (enum bid_type)d->offers[d->chosen].type);
	build_text(to, "price_micros");
	build_int(to, d->price_micros);
	return pairs + 2;
}

static unsigned
build_model(struct build *to, const struct decision *d)
{
	if (d->model == NULL)
		return 0;
	build_text(to, "scores");
	build_numbers(to, d->weights->score, d->n);
	build_text(to, "model_id");
	build_text(to, d->model);
	build_text(to, "model_version");
	build_uint(to, d->version);
	return 3;
}

static unsigned
build_features(struct build *to, const struct decision *d)
{
	unsigned pairs = 0;

	if (d->features.keys.at != NULL) {
		build_text(to, "features");
		build_bin(to, d->features.keys);
		pairs++;
	}
	if (d->features.values.at != NULL) {
		build_text(to, "feature_values");
		build_bin(to, d->features.values);
		pairs++;
	}
	if (d->all_keys.at != NULL) {
		build_text(to, "candidate_features");
		build_raw(to, d->all_keys);
		build_text(to, "candidate_feature_values");
		build_raw(to, d->all_values);
		pairs += 2;
	}
	return pairs;
}

void
decision_build(
    struct build *to, const struct decision_request *q, const struct decision *d)
{
	size_t open = build_open(to);
	const struct record *r = q->record;
	unsigned pairs = build_identity(to, q, d);

	assert(d->chosen < d->n);
	for (unsigned i = 0; i < r->count; i++) {
		if ((q->left_out[i / 64] >> (i % 64) & 1) != 0)
			continue;
		build_raw(to, record_pair_at(r, i));
		pairs++;
	}
	pairs += build_choice(to, d);
	pairs += build_worth(to, d);
	pairs += build_model(to, d);
	pairs += build_features(to, d);
	build_close_map(to, open, pairs);
}
