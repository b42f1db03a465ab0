/* SPDX-License-Identifier: MIT */
#include "lib/feature/plan.h"

#include <stdlib.h>

#include "lib/base/assert.h"
#include "lib/feature/apart.h"
#include "lib/feature/sides.h"
#include "lib/feature/vector.h"

/* A face: where the features of each place begin, the ids of the slots, keys, values. */
struct face {
	const uint16_t *begin; /* places + 1 */
	const struct count_id *id;
	const uint64_t *key;
	const float *x;
};

struct plan {
	struct extract *x; /* borrowed */
	struct sides sides;
	size_t ids_at, keys_at; /* in faces */

	/* Of the slate. */
	instant at;
	bool counts; /* counters can be read */
	struct keys common;
	struct count_id id[SPEC_SUBJECTS_MAX]; /* of what is common */
	struct list now[SPEC_FEATURES_MAX];    /* common ones; of the record at hand */
	unsigned n;
	struct face face[APART_CANDIDATES_MAX];
	struct keys each;                             /* made for each */
	struct list (*made_of)[APART_CANDIDATES_MAX]; /* owned */
	struct apart apart;
	struct keys out; /* of one candidate */
};

/* --- Life ------------------------------------------------------------------------- */

struct plan *
plan_new(struct extract *x, struct reader *reader)
{
	struct plan *p = calloc(1, sizeof *p);

	assert(x->name == NULL);
	if (p == NULL)
		return NULL;
	p->x = x;
	sides_init(&p->sides, x->spec, reader);
	p->ids_at = (p->sides.places + 1) * sizeof(uint16_t);
	p->ids_at = (p->ids_at + 7) / 8 * 8;
	p->keys_at = p->ids_at + x->spec->slots * sizeof(struct count_id);
	p->made_of = calloc(x->spec->count, sizeof *p->made_of);
	if (apart_init(&p->apart, &p->sides, p->now, PLAN_KEYS_MAX) &&
	    keys_init(&p->common, FEATURES_MAX) && keys_init(&p->each, PLAN_KEYS_MAX) &&
	    keys_init(&p->out, FEATURES_MAX) &&
	    (p->made_of != NULL || x->spec->count == 0))
		return p;
	plan_free(p);
	return NULL;
}

void
plan_free(struct plan *p)
{
	if (p == NULL)
		return;
	apart_fini(&p->apart);
	keys_fini(&p->common);
	keys_fini(&p->each);
	keys_fini(&p->out);
	free(p->made_of);
	free(p);
}

void
plan_divide(struct plan *p, const struct record *request)
{
	sides_divide(&p->sides, request);
}

/* --- Faces ------------------------------------------------------------------------ */

static bool
has_place(const void *context, unsigned feature)
{
	const struct sides *s = context;

	return s->place[feature] != SIDES_NONE;
}

static struct face
face_at(const struct plan *p, const void *at)
{
	const uint8_t *bytes = at;
	struct face f = { at, (const void *)(bytes + p->ids_at),
		(const void *)(bytes + p->keys_at), NULL };

	f.x = (const void *)(f.key + f.begin[p->sides.places]);
	return f;
}

static struct list
face_list(const struct plan *p, const struct face *f, unsigned feature)
{
	unsigned place = p->sides.place[feature], begin = f->begin[place];

	return (
	    struct list){ f->key + begin, f->x + begin, f->begin[place + 1] - begin };
}

bool
plan_face(struct plan *p, const struct record *own, void *to, size_t size)
{
	const struct spec *spec = p->x->spec;
	struct extract *x = p->x;
	uint8_t *at = to;

	count_turn(&x->counting);
	extract_some(x, own, 0, has_place, &p->sides);
	if (p->keys_at + x->n * (sizeof *x->keys + sizeof *x->values) > size ||
	    x->n == FEATURES_MAX)
		return false;
	memset(at, 0, p->keys_at);
	for (unsigned i = 0; i < spec->count; i++) {
		uint16_t end = (uint16_t)x->begin[i + 1];

		if (has_place(&p->sides, i))
			memcpy(at + (p->sides.place[i] + 1) * sizeof end, &end,
			    sizeof end);
	}
	for (unsigned i = 0; i < spec->slots; i++)
		memcpy(at + p->ids_at + i * sizeof(struct count_id),
		    count_id(&x->counting, p->sides.slot[i], own),
		    sizeof(struct count_id));
	memcpy(at + p->keys_at, x->keys, x->n * sizeof *x->keys);
	memcpy(at + p->keys_at + x->n * sizeof *x->keys, x->values,
	    x->n * sizeof *x->values);
	count_turn(&x->counting);
	return true;
}

static bool
cross_now(struct plan *p, unsigned i, struct keys *to)
{
	return keys_cross(to, &p->x->spec->features[i], p->now, i);
}

/* --- What is common --------------------------------------------------------------- */

static bool
is_common(const void *context, unsigned feature)
{
	const struct plan *p = context;

	return p->sides.side[feature] == SIDE_COMMON &&
	    (p->counts || !p->x->spec->features[feature].counts);
}

void
plan_begin(struct plan *p, const struct record *common, struct count_times t)
{
	struct extract *x = p->x;
	const struct spec *spec = x->spec;

	p->at = t.shown;
	p->counts = extract_reach(x, common, t, true);
	extract_some(x, common, t.shown, is_common, p);
	keys_reset(&p->common);
	(void)keys_append(&p->common, &(struct list){ x->keys, x->values, x->n });
	for (unsigned i = 0; i < spec->count; i++)
		if (p->sides.side[i] == SIDE_COMMON)
			p->now[i] = (struct list){ p->common.key + x->begin[i],
				p->common.x + x->begin[i],
				x->begin[i + 1] - x->begin[i] };
	for (unsigned i = 0; i < spec->slots; i++)
		if (p->sides.slot_side[i] == SIDE_COMMON)
			p->id[i] = *count_id(&x->counting, p->sides.slot[i], common);
	count_turn(&x->counting);
}

/* --- What is made for each -------------------------------------------------------- */

static void
say_ids(struct plan *p, const struct face *f)
{
	const struct spec *spec = p->x->spec;

	for (unsigned i = 0; i < spec->slots; i++)
		if (p->sides.slot_side[i] != SIDE_EACH)
			count_set_id(&p->x->counting, i,
			    p->sides.slot_side[i] == SIDE_OWN ? &f->id[i] : &p->id[i]);
}

/* What crosses are made of, besides what is common. */
static bool
take_up(struct plan *p, const struct face *f, unsigned i)
{
	if (p->sides.side[i] == SIDE_OWN)
		p->now[i] = face_list(p, f, i);
	return p->sides.side[i] != SIDE_OVER || cross_now(p, i, &p->each);
}

static bool
make_one(struct plan *p, const struct record *whole, unsigned i)
{
	struct extract *x = p->x;
	struct spec_feature *f = &x->spec->features[i];
	unsigned begin = p->each.n;

	if (f->verb == FEATURE_CROSS)
		return cross_now(p, i, &p->each);
	x->n = 0;
	x->begin[i] = 0;
	if (!f->counts || p->counts)
		extract_one(x, f, whole, p->at);
	if (!keys_append(&p->each, &(struct list){ x->keys, x->values, x->n }))
		return false;
	p->now[i] = keys_since(&p->each, begin);
	return true;
}

static bool
make(struct plan *p, unsigned n, const struct record *whole)
{
	const struct sides *s = &p->sides;
	const struct face *f = &p->face[n];

	if (s->counts && p->counts) {
		count_turn(&p->x->counting);
		say_ids(p, f);
		count_fetch(&p->x->counting, whole);
	}
	for (unsigned i = 0; i < s->spec->count; i++) {
		if (s->wanted[i] && !take_up(p, f, i))
			return false;
		if (s->side[i] != SIDE_EACH)
			continue;
		if (!make_one(p, whole, i))
			return false;
		p->made_of[i][n] = p->now[i];
	}
	count_turn(&p->x->counting);
	return true;
}

static bool
make_all(struct plan *p, plan_whole *whole, void *context)
{
	const struct sides *s = &p->sides;
	struct record r;

	keys_reset(&p->each);
	for (unsigned n = 0; n < p->n && (s->crosses || s->counts || s->whole); n++)
		if ((s->whole && !whole(context, n, &r)) ||
		    !make(p, n, s->whole ? &r : NULL))
			return false;
	return true;
}

/* --- The slate -------------------------------------------------------------------- */

static bool
add_columns(struct plan *p)
{
	for (unsigned f = 0; f < p->sides.spec->count; f++) {
		enum side side = p->sides.side[f];

		if (side != SIDE_OWN && side != SIDE_EACH)
			continue;
		for (unsigned i = 0; i < p->n; i++)
			p->apart.list[i] = side == SIDE_OWN
			    ? face_list(p, &p->face[i], f)
			    : p->made_of[f][i];
		if (!apart_add(&p->apart, f))
			return false;
	}
	return true;
}

bool
plan_slate(struct plan *p, unsigned n, const void *const *faces, plan_whole *whole,
    void *context, struct model_parts *to)
{
	struct list common;

	assert(n >= 1 && n <= APART_CANDIDATES_MAX);
	p->n = n;
	for (unsigned i = 0; i < n; i++)
		p->face[i] = face_at(p, faces[i]);
	common = keys_since(&p->common, 0);
	return common.n < FEATURES_MAX && make_all(p, whole, context) &&
	    apart_begin(&p->apart, n, &common) && add_columns(p) &&
	    apart_end(&p->apart, to);
}

/* --- One of them ------------------------------------------------------------------ */

void
plan_features(struct plan *p, unsigned n, struct features *to)
{
	const struct face *f = &p->face[n];
	bool fits = true;

	keys_reset(&p->out);
	for (unsigned i = 0; i < p->sides.spec->count && fits; i++) {
		switch (p->sides.side[i]) {
		case SIDE_OWN:
			p->now[i] = face_list(p, f, i);
			break;
		case SIDE_EACH:
			p->now[i] = p->made_of[i][n];
			break;
		case SIDE_OVER:
			fits = cross_now(p, i, &p->out);
			continue;
		case SIDE_COMMON:
			break;
		}
		fits = keys_append(&p->out, &p->now[i]);
	}
	assert(fits);
	*to = keys_features(&p->out);
}
