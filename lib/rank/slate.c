/* SPDX-License-Identifier: MIT */
#include "lib/rank/slate.h"

#include <math.h>

#include "lib/base/assert.h"

void
slate_init(struct slate *s, struct reader *reader)
{
	s->k = reader_key(reader, "k");
	s->candidates = reader_key(reader, "candidates");
	s->weights = reader_key(reader, "candidate_values");
	s->keys = reader_key(reader, "candidate_features");
	s->values = reader_key(reader, "candidate_feature_values");
	s->shared_keys = reader_key(reader, "shared_features");
	s->shared_values = reader_key(reader, "shared_feature_values");
}

bool
slate_has(const struct slate *s, const struct record *r)
{
	return record_index(r, s->candidates) >= 0;
}

static const char *
read_ids(struct slate *s, const struct record *r)
{
	struct slice list, key, item;
	struct value_walk walk;

	s->n = 0;
	if (!record_value(r, s->candidates, &list) || value_type(list) != VALUE_ARRAY)
		return "without a list of candidates";
	if (value_count(list) > POLICY_MAX)
		return "with more than 1024 candidates";
	for (value_open(list, &walk); value_next(&walk, &key, &item);) {
		if (value_type(item) != VALUE_STR && value_type(item) != VALUE_INT)
			return "with a candidate that is neither str nor int";
		s->id[s->n] = item;
		s->value[s->n] = 1;
		s->own[s->n] = (struct features){ { NULL, 0 }, { NULL, 0 } };
		s->n++;
	}
	return s->n > 0 ? NULL : "whose list of candidates is empty";
}

static const char *
read_values(struct slate *s, const struct record *r)
{
	struct slice list, key, item;
	struct value_walk walk;
	unsigned i = 0;

	s->valued = record_value(r, s->weights, &list);
	if (!s->valued)
		return NULL;
	if (value_type(list) != VALUE_ARRAY || value_count(list) != s->n)
		return "whose candidate_values are not one for each candidate";
	for (value_open(list, &walk); value_next(&walk, &key, &item); i++)
		if (!value_number(item, &s->value[i]) || !(s->value[i] >= 0) ||
		    !isfinite(s->value[i]))
			return "with a candidate_value that is no number from 0 on";
	return NULL;
}

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
	if (record_value(r, s->keys, &value)) {
		s->described = true;
		if (!read_bins(s, value, true))
			return "whose candidate_features are not a bin for each "
			       "candidate";
		if (record_value(r, s->values, &value) && !read_bins(s, value, false))
			return "whose candidate_feature_values are not a bin or nil "
			       "for each candidate";
	}
	if (record_value(r, s->shared_keys, &value)) {
		s->described = true;
		if (!value_bin(value, &s->shared.keys) ||
		    (record_value(r, s->shared_values, &value) &&
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
	wrong = wrong != NULL ? wrong : read_features(s, r);
	return wrong != NULL ? wrong : check_features(s);
}

unsigned
slate_positions(const struct slate *s, const struct record *r)
{
	int64_t k = 1;

	if (record_index(r, s->k) >= 0 && (!record_int(r, s->k, &k) || k < 1))
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

void
slate_remove(struct slate *s, unsigned i)
{
	unsigned after = s->n - i - 1;

	assert(i < s->n);
	memmove(&s->id[i], &s->id[i + 1], after * sizeof *s->id);
	memmove(&s->value[i], &s->value[i + 1], after * sizeof *s->value);
	memmove(&s->own[i], &s->own[i + 1], after * sizeof *s->own);
	s->n--;
}
