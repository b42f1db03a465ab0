/* SPDX-License-Identifier: MIT
 *
 * The pairs of decisions, impressions and requests that their outcome takes over.
 */
#include "lib/outcome/store.h"

/* Bit i: pair i of the record is one of an outcome's own keys. */
struct left_out {
	uint64_t bits[RECORD_KEYS_MAX / 64];
};

static struct left_out
find_left_out(const struct outcomes *o, const struct record *r)
{
	struct left_out out = { { 0 } };

	for (unsigned i = 0; i < o->left_out_count; i++) {
		int at = record_index(r, o->left_out[i]);

		if (at >= 0)
			out.bits[at / 64] |= UINT64_C(1) << (at % 64);
	}
	return out;
}

static bool
is_left_out(const struct left_out *out, unsigned i)
{
	return (out->bits[i / 64] >> (i % 64) & 1) != 0;
}

static void
replace_text(struct outcomes *o, struct banner *b, unsigned pairs)
{
	struct slice text = build_slice(&o->merged);

	pool_drop(&o->chunks, b->carried);
	b->carried = pool_keep(&o->chunks, text);
	b->bytes = (uint32_t)text.size;
	b->pairs = (uint16_t)pairs;
}

bool
carry_keep(struct outcomes *o, struct banner *b, const struct record *r)
{
	struct left_out out = find_left_out(o, r);
	unsigned pairs = 0;

	build_reset(&o->merged);
	for (unsigned i = 0; i < r->count; i++) {
		if (is_left_out(&out, i))
			continue;
		build_raw(&o->merged, record_pair_at(r, i));
		pairs++;
	}
	if (pairs > OUTCOME_CARRIED_MAX)
		return false;
	replace_text(o, b, pairs);
	return true;
}

/* Begin with what the banner has; the end of it. */
static const uint8_t *
begin_merge(struct outcomes *o, const struct banner *b)
{
	build_reset(&o->merged);
	pool_copy(&o->chunks, b->carried, &o->merged);
	return o->merged.at;
}

static bool
has_key(const struct outcomes *o, const uint8_t *end, struct slice key)
{
	const uint8_t *at = o->merged.start;

	while (at < end) {
		size_t size = value_size(at);
		struct slice name;

		if (value_str(slice_of(at, size), &name) && slice_equal(name, key))
			return true;
		at += size;
		at += value_size(at);
	}
	return false;
}

/* Append a pair unless it does not fit any more: an outcome has its own keys too. */
static void
merge_pair(struct outcomes *o, unsigned *pairs, struct slice pair)
{
	size_t room = (size_t)(o->merged.end - o->merged.at);

	if (*pairs >= OUTCOME_CARRIED_MAX || room < pair.size + 4096)
		return;
	build_raw(&o->merged, pair);
	++*pairs;
}

void
carry_add(struct outcomes *o, struct banner *b, const struct record *r)
{
	struct left_out out = find_left_out(o, r);
	const uint8_t *end = begin_merge(o, b);
	unsigned pairs = b->pairs;

	for (unsigned i = 0; i < r->count; i++)
		if (!is_left_out(&out, i) && !has_key(o, end, record_key_at(r, i)))
			merge_pair(o, &pairs, record_pair_at(r, i));
	if (pairs > b->pairs)
		replace_text(o, b, pairs);
}

void
carry_add_kept(struct outcomes *o, struct banner *b, const struct banner *from)
{
	const uint8_t *end = begin_merge(o, b), *at;
	struct build other;
	unsigned pairs = b->pairs;

	build_init(&other, o->made.start, (size_t)(o->made.end - o->made.start));
	pool_copy(&o->chunks, from->carried, &other);
	for (at = other.start; at < other.at;) {
		size_t key = value_size(at), size = key + value_size(at + key);
		struct slice name;

		if (value_str(slice_of(at, key), &name) && !has_key(o, end, name))
			merge_pair(o, &pairs, slice_of(at, size));
		at += size;
	}
	if (pairs > b->pairs)
		replace_text(o, b, pairs);
}
