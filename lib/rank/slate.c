/* SPDX-License-Identifier: MIT */
#include "lib/rank/slate.h"

#include <math.h>

#include "lib/base/assert.h"
#include "lib/hash.h"

void
slate_init(struct slate *s, struct reader *reader)
{
	s->at = (struct slate_keys){
		.k = reader_key(reader, "k"),
		.candidates = reader_key(reader, "candidates"),
		.weights = reader_key(reader, "candidate_values"),
		.types = reader_key(reader, "candidate_bid_types"),
		.campaigns = reader_key(reader, "candidate_campaigns"),
		.limits = reader_key(reader, "candidate_limits"),
		.groups = reader_key(reader, "candidate_groups"),
		.floor = reader_key(reader, "floor_micros"),
		.auction = reader_key(reader, "auction"),
		.features = reader_key(reader, "candidate_features"),
		.feature_values = reader_key(reader, "candidate_feature_values"),
		.shared = reader_key(reader, "shared_features"),
		.shared_values = reader_key(reader, "shared_feature_values"),
	};
}

bool
slate_has(const struct slate *s, const struct record *r)
{
	return record_index(r, s->at.candidates) >= 0;
}

static const char *
read_ids(struct slate *s, const struct record *r)
{
	struct slice list, key, item;
	struct value_walk walk;

	s->n = 0;
	if (!record_value(r, s->at.candidates, &list) ||
	    value_type(list) != VALUE_ARRAY)
		return "without a list of candidates";
	if (value_count(list) > POLICY_MAX)
		return "with more than 1024 candidates";
	for (value_open(list, &walk); value_next(&walk, &key, &item);) {
		if (value_type(item) != VALUE_STR && value_type(item) != VALUE_INT)
			return "with a candidate that is neither str nor int";
		s->id[s->n] = item;
		s->value[s->n] = 1;
		s->offer[s->n] = (struct slate_offer){ .place = (uint16_t)s->n,
			.limit = SLATE_UNLIMITED };
		s->own[s->n] = (struct features){ { NULL, 0 }, { NULL, 0 } };
		s->n++;
	}
	return s->n > 0 ? NULL : "whose list of candidates is empty";
}

/* --- Money and company -------------------------------------------------------------- */

/* A list with an item for each candidate: 1; 0: it is absent; -1: it is none. */
static int
open_list(const struct slate *s, const struct record *r, struct key key,
    struct value_walk *walk)
{
	struct slice list;

	if (!record_value(r, key, &list))
		return 0;
	if (value_type(list) != VALUE_ARRAY || value_count(list) != s->n)
		return -1;
	value_open(list, walk);
	return 1;
}

static const char *
read_values(struct slate *s, const struct record *r)
{
	struct value_walk walk;
	struct slice key, item;
	int status = open_list(s, r, s->at.weights, &walk);

	s->valued = false;
	if (status < 0)
		return "whose candidate_values are not one for each candidate";
	for (unsigned i = 0; status > 0 && value_next(&walk, &key, &item); i++) {
		if (value_type(item) == VALUE_NIL)
			continue;
		if (!value_number(item, &s->value[i]) || !(s->value[i] >= 0) ||
		    !isfinite(s->value[i]))
			return "with a candidate_value that is no number from 0 on";
		s->valued = s->offer[i].stated = true;
	}
	return NULL;
}

/* A bid is an amount of micros, so that its price can be told. */
static const char *
read_types(struct slate *s, const struct record *r)
{
	struct value_walk walk;
	struct slice key, item, word;
	int status = open_list(s, r, s->at.types, &walk);

	s->bids = false;
	if (status < 0)
		return "whose candidate_bid_types are not one for each candidate";
	for (unsigned i = 0; status > 0 && value_next(&walk, &key, &item); i++) {
		enum bid_type type =
		    value_str(item, &word) ? bid_type_of(word) : BID_NONE;

		if (value_type(item) == VALUE_NIL)
			continue;
		if (type == BID_NONE)
			return "with a candidate_bid_type that is none of cpm, cpc, "
			       "cpa";
		if (!s->offer[i].stated || s->value[i] > (double)CATALOGUE_MICROS_MAX ||
		    s->value[i] != floor(s->value[i]))
			return "with a bid that is no amount of micros (0 to 2^50)";
		s->offer[i].type = (uint8_t)type;
		s->bids = true;
	}
	return NULL;
}

/* The hash of what names a campaign or group. Who makes two names collide keeps his own
 * candidates apart, and nobody else's. */
static bool
read_name(struct slice value, uint64_t *to)
{
	struct slice name = value;

	if (!value_text(value, &name) && value_type(value) != VALUE_INT)
		return false;
	*to = hash_bytes(name, 0);
	*to += *to == 0;
	return true;
}

static const char *
read_campaigns(struct slate *s, const struct record *r)
{
	struct value_walk walk;
	struct slice key, item;
	int status = open_list(s, r, s->at.campaigns, &walk);
	uint64_t limit;

	if (status < 0)
		return "whose candidate_campaigns are not one for each candidate";
	for (unsigned i = 0; status > 0 && value_next(&walk, &key, &item); i++)
		if (value_type(item) != VALUE_NIL &&
		    !read_name(item, &s->offer[i].campaign))
			return "with a candidate_campaign that is neither str nor int";
	status = open_list(s, r, s->at.limits, &walk);
	if (status < 0)
		return "whose candidate_limits are not one for each candidate";
	for (unsigned i = 0; status > 0 && value_next(&walk, &key, &item); i++) {
		if (value_type(item) == VALUE_NIL)
			continue;
		if (!value_uint(item, &limit) || limit == 0)
			return "with a candidate_limit that is no number from 1 on";
		s->offer[i].limit =
		    limit < SLATE_UNLIMITED ? (uint16_t)limit : SLATE_UNLIMITED;
	}
	return NULL;
}

static bool
read_group(struct slice value, struct slate_offer *to)
{
	struct value_walk walk;
	struct slice key, item;

	to->group_count = 1;
	if (value_type(value) != VALUE_ARRAY)
		return read_name(value, &to->group[0]);
	if (value_count(value) > SLATE_GROUPS_MAX)
		return false;
	to->group_count = 0;
	for (value_open(value, &walk); value_next(&walk, &key, &item);)
		if (!read_name(item, &to->group[to->group_count++]))
			return false;
	return true;
}

static const char *
read_groups(struct slate *s, const struct record *r)
{
	struct value_walk walk;
	struct slice key, item;
	int status = open_list(s, r, s->at.groups, &walk);

	if (status < 0)
		return "whose candidate_groups are not one for each candidate";
	for (unsigned i = 0; status > 0 && value_next(&walk, &key, &item); i++)
		if (value_type(item) != VALUE_NIL && !read_group(item, &s->offer[i]))
			return "with a candidate_group that is no str, int or list of "
			       "at most 4 of these";
	return NULL;
}

static const char *
read_auction(struct slate *s, const struct record *r)
{
	struct slice value, word = { NULL, 0 };

	s->floor_micros = 0;
	if (record_value(r, s->at.floor, &value) &&
	    (!value_number(value, &s->floor_micros) || !(s->floor_micros >= 0) ||
		!isfinite(s->floor_micros)))
		return "whose floor_micros is no number from 0 on";
	if (record_value(r, s->at.auction, &value) && !value_str(value, &word))
		return "whose auction is neither first nor second";
	s->second = word.at != NULL && slice_is(word, "second");
	return word.at == NULL || s->second || slice_is(word, "first")
	    ? NULL
	    : "whose auction is neither first nor second";
}

/* --- Features ----------------------------------------------------------------------- */

/* One bin for each candidate, or nil where that is allowed. */
static bool
read_bins(struct slate *s, struct slice list, bool keys)
{
	struct slice key, item, bin;
	struct value_walk walk;
	unsigned i = 0;

	if (value_type(list) != VALUE_ARRAY || value_count(list) != s->n)
		return false;
	for (value_open(list, &walk); value_next(&walk, &key, &item); i++) {
		if (!value_bin(item, &bin)) {
			if (keys || value_type(item) != VALUE_NIL)
				return false;
			continue;
		}
		if (keys)
			s->own[i].keys = bin;
		else
			s->own[i].values = bin;
	}
	return true;
}

static const char *
read_features(struct slate *s, const struct record *r)
{
	struct slice value;

	s->shared = (struct features){ { NULL, 0 }, { NULL, 0 } };
	s->described = false;
	if (record_value(r, s->at.features, &value)) {
		s->described = true;
		if (!read_bins(s, value, true))
			return "whose candidate_features are not a bin for each "
			       "candidate";
		if (record_value(r, s->at.feature_values, &value) &&
		    !read_bins(s, value, false))
			return "whose candidate_feature_values are not a bin or nil "
			       "for each candidate";
	}
	if (record_value(r, s->at.shared, &value)) {
		s->described = true;
		if (!value_bin(value, &s->shared.keys) ||
		    (record_value(r, s->at.shared_values, &value) &&
			!value_bin(value, &s->shared.values)))
			return "whose shared_features are not bins of keys and values";
	}
	return NULL;
}

static const char *
check_features(const struct slate *s)
{
	unsigned shared = features_count(&s->shared);

	if (features_check(&s->shared) != FEATURES_FINE)
		return "whose shared_features are not keys with finite values";
	for (unsigned i = 0; i < s->n; i++) {
		if (features_check(&s->own[i]) != FEATURES_FINE)
			return "with candidate_features that are not keys with finite "
			       "values";
		if (features_count(&s->own[i]) > FEATURES_MAX - shared)
			return "with more features than 8192 for a candidate";
	}
	return NULL;
}

const char *
slate_read(struct slate *s, const struct record *r)
{
	const char *wrong = read_ids(s, r);

	wrong = wrong != NULL ? wrong : read_values(s, r);
	wrong = wrong != NULL ? wrong : read_types(s, r);
	wrong = wrong != NULL ? wrong : read_campaigns(s, r);
	wrong = wrong != NULL ? wrong : read_groups(s, r);
	wrong = wrong != NULL ? wrong : read_auction(s, r);
	wrong = wrong != NULL ? wrong : read_features(s, r);
	return wrong != NULL ? wrong : check_features(s);
}

unsigned
slate_positions(const struct slate *s, const struct record *r)
{
	int64_t k = 1;

	if (record_index(r, s->at.k) >= 0 && (!record_int(r, s->at.k, &k) || k < 1))
		return 0;
	return k < s->n ? (unsigned)k : s->n;
}

/* The values of n features at `to`, ones where they have none. */
static void
put_values(const struct features *f, uint8_t *to)
{
	const float one = 1;
	uint32_t bits;

	if (f->values.at != NULL) {
		if (f->values.size > 0)
			memcpy(to, f->values.at, f->values.size);
		return;
	}
	memcpy(&bits, &one, sizeof bits);
	for (unsigned i = 0; i < features_count(f); i++)
		bytes_store_le32(to + 4 * (size_t)i, bits);
}

struct features
slate_features(struct slate *s, unsigned i)
{
	const struct features *own = &s->own[i];
	size_t before = s->shared.keys.size, size = before + own->keys.size;

	assert(i < s->n && size <= sizeof s->joined_keys);
	if (before == 0)
		return *own;
	memcpy(s->joined_keys, s->shared.keys.at, before);
	if (own->keys.size > 0)
		memcpy(s->joined_keys + before, own->keys.at, own->keys.size);
	if (s->shared.values.at == NULL && own->values.at == NULL)
		return (struct features){ slice_of(s->joined_keys, size), { NULL, 0 } };
	put_values(&s->shared, s->joined_values);
	put_values(own, s->joined_values + before / 2);
	return (struct features){ slice_of(s->joined_keys, size),
		slice_of(s->joined_values, size / 2) };
}

unsigned
slate_find(const struct slate *s, struct slice id)
{
	unsigned i = 0;

	while (i < s->n && !slice_equal(s->id[i], id))
		i++;
	return i;
}

/* --- Leaving ------------------------------------------------------------------------ */

static bool
share_group(const struct slate_offer *a, const struct slate_offer *b)
{
	for (unsigned i = 0; i < a->group_count; i++)
		for (unsigned k = 0; k < b->group_count; k++)
			if (a->group[i] == b->group[k])
				return true;
	return false;
}

void
slate_show(struct slate *s, unsigned i, bool stays[POLICY_MAX])
{
	const struct slate_offer shown = s->offer[i];

	assert(i < s->n);
	for (unsigned k = 0; k < s->n; k++) {
		struct slate_offer *o = &s->offer[k];

		stays[k] = k != i && !share_group(&shown, o);
		if (shown.campaign == 0 || o->campaign != shown.campaign ||
		    o->limit == SLATE_UNLIMITED)
			continue;
		o->limit--;
		stays[k] = stays[k] && o->limit > 0;
	}
}

void
slate_retain(struct slate *s, const bool stays[POLICY_MAX])
{
	unsigned left = 0;

	for (unsigned i = 0; i < s->n; i++) {
		if (!stays[i])
			continue;
		if (left < i) {
			s->id[left] = s->id[i];
			s->value[left] = s->value[i];
			s->offer[left] = s->offer[i];
			s->own[left] = s->own[i];
		}
		left++;
	}
	s->n = left;
}
