/* SPDX-License-Identifier: MIT */
#include "lib/feature/sides.h"

/* --- Sets of keys ----------------------------------------------------------------- */

static void
add_key(struct key_set *s, struct key key)
{
	s->of[key.id / 64] |= UINT64_C(1) << (key.id % 64);
}

static void
add_all(struct key_set *s, const struct key_set *more)
{
	for (unsigned i = 0; i < sizeof s->of / sizeof *s->of; i++)
		s->of[i] |= more->of[i];
}

static bool
has_key(const struct key_set *s, struct key key)
{
	return (s->of[key.id / 64] >> (key.id % 64) & 1) != 0;
}

/* The side of what is made of these keys: EACH when they are on both. */
static enum side
side_of(const struct key_set *reads, const struct key_set *common)
{
	bool own = false, shared = false;

	for (unsigned i = 0; i < sizeof reads->of / sizeof *reads->of; i++) {
		own |= (reads->of[i] & ~common->of[i]) != 0;
		shared |= (reads->of[i] & common->of[i]) != 0;
	}
	return !own ? SIDE_COMMON : shared ? SIDE_EACH : SIDE_OWN;
}

/* --- The specification ------------------------------------------------------------ */

static void
read_subject(struct key_set *s, const struct subject *subject)
{
	struct key keys[RECORD_WATCHED_MAX];
	unsigned n;

	if (subject->expr == NULL) {
		add_key(s, subject->key);
		return;
	}
	n = expr_keys(subject->expr, keys);
	for (unsigned i = 0; i < n; i++)
		add_key(s, keys[i]);
}

static bool
is_of_record(const struct spec_feature *f)
{
	return f->verb <= FEATURE_VECTOR;
}

/* Whether faces have it: what cannot be the request's alone. */
static bool
can_be_own(const struct sides *s, const struct spec_feature *f)
{
	const struct key_set none = { { 0 } };

	if (f->verb == FEATURE_CROSS) {
		for (unsigned k = 0; k < f->part_count; k++)
			if (s->place[f->parts[k]] == SIDES_NONE)
				return false;
		return true;
	}
	return is_of_record(f) &&
	    side_of(&s->reads[f - s->spec->features], &none) == SIDE_OWN;
}

static void
read_slots(struct sides *s, const struct spec_feature *f)
{
	for (unsigned l = 0; l < f->level_count; l++)
		for (unsigned k = 0; k < f->levels[l].key_count; k++) {
			const struct subject *key = &f->levels[l].keys[k];

			s->slot[key->slot] = key;
			read_subject(&s->slot_reads[key->slot], key);
			if (key->personal)
				add_key(&s->slot_reads[key->slot], s->spec->consent);
		}
}

void
sides_init(struct sides *s, const struct spec *spec, struct reader *reader)
{
	*s = (struct sides){ .spec = spec, .reader = reader };
	s->position = reader_key(reader, "position");
	for (unsigned i = 0; i < spec->count; i++) {
		const struct spec_feature *f = &spec->features[i];

		if (is_of_record(f))
			read_subject(&s->reads[i], &f->subject);
		read_slots(s, f);
		s->place[i] = can_be_own(s, f) ? s->places++ : SIDES_NONE;
		add_all(&s->all, &s->reads[i]);
	}
	for (unsigned i = 0; i < spec->slots; i++)
		add_all(&s->all, &s->slot_reads[i]);
}

/* --- What is common --------------------------------------------------------------- */

static void
find_common(const struct sides *s, const struct record *r, struct key_set *common)
{
	*common = (struct key_set){ { 0 } };
	add_key(common, KEY_EVENT);
	add_key(common, s->position);
	add_key(common, s->spec->consent);
	for (unsigned i = 0; i < RECORD_WATCHED_MAX; i++) {
		struct key key = { (uint16_t)i };
		struct slice name;

		if (!has_key(&s->all, key))
			continue;
		name = reader_name(s->reader, key);
		for (unsigned k = 0; k < r->count; k++)
			if (slice_equal(record_key_at(r, k), name))
				add_key(common, key);
	}
}

/* A cross is over the one feature of the face that its parts are, or are over. */
static enum side
side_of_cross(struct sides *s, unsigned i)
{
	const struct spec_feature *f = &s->spec->features[i];
	unsigned over = SIDES_NONE, own = 0;

	for (unsigned k = 0; k < f->part_count; k++) {
		unsigned part = f->parts[k];
		enum side side = s->side[part];
		unsigned that = side == SIDE_OWN ? part : s->over[part];

		own += side == SIDE_OWN;
		if (side == SIDE_COMMON)
			continue;
		if (side == SIDE_EACH || (over != SIDES_NONE && over != that))
			over = SPEC_FEATURES_MAX + 1;
		else
			over = that;
	}
	if (own == f->part_count)
		return SIDE_OWN;
	if (over == SIDES_NONE)
		return SIDE_COMMON;
	if (over > SPEC_FEATURES_MAX)
		return SIDE_EACH;
	s->over[i] = over;
	return SIDE_OVER;
}

static enum side
side_of_counter(struct sides *s, const struct spec_feature *f)
{
	enum side side = SIDE_COMMON;

	for (unsigned l = 0; l < f->level_count; l++)
		for (unsigned k = 0; k < f->levels[l].key_count; k++) {
			enum side key = s->slot_side[f->levels[l].keys[k].slot];

			side = key != SIDE_COMMON ? SIDE_EACH : side;
			s->whole |= key == SIDE_EACH;
		}
	return side;
}

static void
want(struct sides *s, const struct spec_feature *f)
{
	for (unsigned k = 0; k < f->part_count; k++) {
		unsigned part = f->parts[k];

		s->wanted[part] = true;
		if (s->side[part] == SIDE_OVER)
			want(s, &s->spec->features[part]);
	}
}

static void
place_one(struct sides *s, unsigned i, const struct key_set *common)
{
	const struct spec_feature *f = &s->spec->features[i];
	enum side *side = &s->side[i];

	s->over[i] = s->first[i] = s->next[i] = SIDES_NONE;
	s->wanted[i] = false;
	*side = SIDE_COMMON;
	if (f->verb == FEATURE_CROSS) {
		*side = side_of_cross(s, i);
		s->crosses |= *side == SIDE_EACH;
	} else if (f->counts) {
		*side = side_of_counter(s, f);
		s->counts |= *side == SIDE_EACH;
	} else if (is_of_record(f)) {
		*side = side_of(&s->reads[i], common);
		s->whole |= *side == SIDE_EACH;
	}
}

void
sides_divide(struct sides *s, const struct record *r)
{
	struct key_set common;

	find_common(s, r, &common);
	s->crosses = s->counts = s->whole = false;
	for (unsigned i = 0; i < s->spec->slots; i++)
		s->slot_side[i] = side_of(&s->slot_reads[i], &common);
	for (unsigned i = 0; i < s->spec->count; i++)
		place_one(s, i, &common);
	for (unsigned i = s->spec->count; i-- > 0;) {
		if (s->side[i] == SIDE_OVER) {
			s->next[i] = s->first[s->over[i]];
			s->first[s->over[i]] = i;
		} else if (s->side[i] == SIDE_EACH) {
			want(s, &s->spec->features[i]);
		}
	}
}
