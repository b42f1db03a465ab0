/* SPDX-License-Identifier: MIT */
#include "lib/feature/count.h"

#include <math.h>

#include "lib/hash.h"
#include "lib/record/consent.h"

/* One of the last values. */
struct last {
	uint64_t hash;
	uint64_t at; /* moved by 2^63; 0: none */
};

#define LAST_BIAS (UINT64_C(1) << 63)

/* What one event can add; larger amounts are none that a sum would survive. */
#define AMOUNT_MAX 1e18

/* Amounts between one that is counted and one whose counter is fetched meanwhile. */
enum { AHEAD = 12 };

/* --- Cells ------------------------------------------------------------------------ */

/* Ids come from outside: under the seed, so that nobody can make two of them meet. */
bool
count_hash(struct hash_key seed, struct slice value, uint64_t *to)
{
	struct slice text;

	if (!value_text(value, &text))
		return subject_hash(value, to);
	*to = hash_keyed(seed, text);
	return true;
}

/* The hash of a key's field, once a record. */
static const struct count_id *
id_of(struct counting *c, const struct subject *key, const struct record *r)
{
	struct count_id *id = &c->ids[key->slot];
	struct slice values[2];
	unsigned n;

	if (id->turn == c->turn)
		return id;
	n = subject_values(key, r, values, 2);
	id->turn = c->turn;
	id->has = n > 0 && count_hash(c->key, values[0], &id->hash);
	if (id->has && key->personal) {
		id->has = !record_value(r, c->spec->consent, &values[1]) ||
		    consent_is_given(values[1]);
		id->hash = users_find(&c->users, id->hash);
	}
	id->many = n > 1;
	return id;
}

/* The hash of the level's key; `first` stands in for the first field. */
static bool
level_key(struct counting *c, const struct spec_level *l, const struct record *r,
    const struct slice *first, uint64_t *to)
{
	uint64_t key = c->key.k0, hash;
	unsigned k = 0;

	if (first != NULL) {
		if (!count_hash(c->key, *first, &hash))
			return false;
		key = hash_pair(key, hash);
		k = 1;
	}
	for (; k < l->key_count; k++) {
		const struct count_id *id = id_of(c, &l->keys[k], r);

		if (!id->has)
			return false;
		key = hash_pair(key, id->hash);
	}
	*to = key;
	return true;
}

/* Find the keys of all groups for this record, and begin to fetch their cells. */
void
count_fetch(struct counting *c, const struct record *r)
{
	for (unsigned i = 0; i < c->spec->group_count; i++) {
		const struct group *g = &c->spec->groups[i];
		struct count_group *found = &c->groups[i];

		found->turn = 0;
		found->cell = (const uint8_t *)g->single;
		found->has = g->table == NULL ||
		    level_key(c, c->spec->keys[i], r, NULL, &found->key);
		if (found->has && g->table != NULL)
			table_prefetch(g->table, found->key);
	}
}

/* NULL when there is no key (then *has is false) or nothing is counted under it. */
static const uint8_t *
find_cell(struct counting *c, const struct spec_level *l, bool *has)
{
	struct count_group *found = &c->groups[l->group];
	const struct table *t = c->spec->groups[l->group].table;

	if (t != NULL && found->turn != c->turn) {
		found->turn = c->turn;
		found->cell = found->has ? table_find(t, found->key) : NULL;
	}
	*has = found->has;
	return found->cell != NULL ? found->cell + l->offset : NULL;
}

/* --- Reading ---------------------------------------------------------------------- */

static bool
read_rate(struct counting *c, const struct spec_feature *f, instant at, double *to)
{
	size_t half = f->cell_size / 2;
	double p = 0.5;
	bool has;

	for (unsigned l = f->level_count; l-- > 0;) {
		const uint8_t *cell = find_cell(c, &f->levels[l], &has);
		double above, below, prior = f->prior;

		if (cell == NULL)
			continue;
		above = window_cell_read(f->window, cell, at);
		below = window_cell_read(f->window, cell + half, at);
		/* What was taken back may have been added before the window. */
		below = below > 0 ? below : 0;
		above = above < 0 ? 0 : above > below ? below : above;
		if (f->levels[l].key_count == 0)
			p = (above + 0.5) / (below + 1);
		else if (below + prior > 0)
			p = (above + prior * p) / (below + prior);
	}
	*to = p;
	return true;
}

bool
count_read(struct counting *c, const struct spec_feature *f, instant at, double *to)
{
	const void *cell;
	bool has;

	if (f->verb >= FEATURE_RATE)
		return read_rate(c, f, at, to);
	cell = find_cell(c, &f->levels[0], &has);
	if (cell == NULL) {
		/* A key that nothing was counted under has a count of 0. */
		*to = 0;
		return f->verb != FEATURE_SINCE && has;
	}
	*to = f->verb == FEATURE_DISTINCT ? distinct_cell_count(f->distinct, cell, at)
					  : window_cell_read(f->window, cell, at);
	return isfinite(*to);
}

unsigned
count_last(struct counting *c, const struct spec_feature *f, instant at,
    uint64_t hashes[SPEC_LAST_MAX])
{
	bool has;
	const struct last *cell = (const void *)find_cell(c, &f->levels[0], &has);
	uint64_t until = (uint64_t)at + LAST_BIAS;
	uint64_t length = (uint64_t)f->window.length.us;
	unsigned n = 0;

	for (unsigned i = 0; cell != NULL && i < f->last && cell[i].at != 0; i++) {
		if (length > 0 && cell[i].at < until && until - cell[i].at > length)
			break;
		hashes[n++] = cell[i].hash;
		if (f->window.kind == WINDOW_SESSION)
			until = cell[i].at;
	}
	return n;
}

/* --- Updating --------------------------------------------------------------------- */

/* Put a value where it belongs, the latest first, or take it out; it is there once. */
static void
add_last(
    struct spec_feature *f, struct last *cell, uint64_t hash, instant when, bool add)
{
	uint64_t at = (uint64_t)when + LAST_BIAS;
	unsigned i = 0, to = 0;

	while (i < f->last && cell[i].at != 0 && cell[i].hash != hash)
		i++;
	if (i < f->last && cell[i].at != 0) {
		if (add && cell[i].at > at)
			return;
		memmove(cell + i, cell + i + 1, (f->last - 1 - i) * sizeof *cell);
		cell[f->last - 1] = (struct last){ 0, 0 };
	}
	while (to < f->last && cell[to].at > at)
		to++;
	if (!add || to == f->last)
		return;
	memmove(cell + to + 1, cell + to, (f->last - 1 - to) * sizeof *cell);
	cell[to] = (struct last){ hash, at };
}

/* Amounts of one record follow one another, so the last cell is often the one. */
static uint8_t *
touch_cell(struct counting *c, unsigned group, const struct addition *a)
{
	struct group *g = &c->spec->groups[group];
	struct count_group *found = &c->groups[group];
	bool moved;

	if (found->last_cell == NULL || found->last_key != a->key ||
	    found->last_known != a->known) {
		found->last_cell = group_touch(g, a->key, a->known, &moved);
		found->last_key = a->key;
		found->last_known = a->known;
		if (moved)
			found->turn = 0;
	}
	return found->last_cell;
}

static bool
apply(struct counting *c, const struct addition *a)
{
	struct spec_feature *f = &c->spec->features[a->feature];
	struct spec_level *l = &f->levels[a->level];
	bool taken;
	uint8_t *cell = touch_cell(c, l->group, a) + l->offset;

	if (f->verb == FEATURE_LAST) {
		add_last(f, (struct last *)(void *)cell, a->value, a->at, a->above > 0);
		return true;
	}
	if (f->verb == FEATURE_DISTINCT)
		return distinct_cell_add(f->distinct, cell, a->at, a->value);
	taken = window_cell_add(f->window, cell, a->at, a->above);
	if (f->verb >= FEATURE_RATE)
		taken &= window_cell_add(
		    f->window, cell + f->cell_size / 2, a->at, a->below);
	return taken;
}

static void
fetch(struct counting *c, const struct addition *a)
{
	unsigned group = c->spec->features[a->feature].levels[a->level].group;
	const struct table *t = c->spec->groups[group].table;

	/* Those of one record have mostly the same key. */
	if (t == NULL || c->groups[group].fetched == a->key)
		return;
	c->groups[group].fetched = a->key;
	table_prefetch(t, a->key);
}

bool
count_advance(struct counting *c, instant to)
{
	const struct addition *a;

	if (to < c->delay.applied)
		return false;
	while ((a = delay_take(&c->delay, to)) != NULL) {
		const struct addition *next = delay_ahead(&c->delay, AHEAD);

		if (next != NULL)
			fetch(c, next);
		c->late += !apply(c, a);
	}
	return true;
}

static void
put(struct counting *c, const struct addition *a)
{
	const struct addition *first;

	if (delay_is_full(&c->delay)) {
		first = delay_take(&c->delay, INT64_MAX);
		c->late += !apply(c, first);
		c->early++;
	}
	delay_put(&c->delay, a);
}

/* What the record adds above and below the line. False: nothing. */
static bool
amounts(struct spec_feature *f, const struct record *r, enum kind kind, double weight,
    double *above, double *below)
{
	uint64_t bit = UINT64_C(1) << kind;
	struct slice value;
	double number = 0;

	*above = *below = weight;
	if (f->verb == FEATURE_RATIO) {
		*above = (f->of & bit) != 0 ? weight : 0;
		*below = (f->per & bit) != 0 ? weight : 0;
		return true;
	}
	if (f->verb != FEATURE_RATE && f->verb != FEATURE_SUM)
		return true;
	if (subject_values(f->verb == FEATURE_RATE ? &f->reward : &f->subject, r,
		&value, 1) == 0 ||
	    !value_number(value, &number) || !isfinite(number))
		return false;
	*above = weight * number;
	return fabs(*above) <= AMOUNT_MAX;
}

/* For distinct and last: each value under the key. */
static void
put_values(struct counting *c, struct spec_feature *f, const struct record *r,
    struct addition *a)
{
	struct slice values[SUBJECT_VALUES_MAX];
	unsigned n = subject_values(&f->subject, r, values, SUBJECT_VALUES_MAX);

	for (unsigned i = 0; i < n; i++) {
		bool has = f->verb == FEATURE_LAST
		    ? subject_hash(values[i], &a->value) /* becomes a feature */
		    : count_hash(c->key, values[i], &a->value);

		if (!has)
			continue;
		if (f->verb == FEATURE_DISTINCT)
			a->value = hash_mix(a->value);
		put(c, a);
	}
}

static void
put_one(struct counting *c, struct spec_feature *f, const struct record *r,
    struct addition *a)
{
	if (f->verb == FEATURE_LAST || f->verb == FEATURE_DISTINCT)
		put_values(c, f, r, a);
	else
		put(c, a);
}

/* What cannot be taken back counts only what is given. */
static bool
takes_weight(const struct spec_feature *f, double weight)
{
	if (f->verb == FEATURE_SINCE || f->verb == FEATURE_DISTINCT)
		return weight > 0;
	return weight != 0;
}

void
count_update(struct counting *c, struct spec_feature *f, const struct record *r,
    enum kind kind, double weight, struct count_times t)
{
	struct addition a = { .known = t.known, .at = t.shown };

	if (((f->of | f->per) >> kind & 1) == 0 || !takes_weight(f, weight) ||
	    (f->where != NULL && !expr_test(f->where, r)) ||
	    !amounts(f, r, kind, weight, &a.above, &a.below))
		return;
	a.feature = (uint32_t)(f - c->spec->features);
	for (a.level = 0; a.level < f->level_count; a.level++) {
		struct spec_level *l = &f->levels[a.level];
		struct slice first[SUBJECT_VALUES_MAX];
		unsigned n;

		if (l->key_count == 0) {
			put_one(c, f, r, &a);
			continue;
		}
		/* An event of several items counts for each of them. */
		if (!id_of(c, &l->keys[0], r)->many) {
			if (level_key(c, l, r, NULL, &a.key))
				put_one(c, f, r, &a);
			continue;
		}
		n = subject_values(&l->keys[0], r, first, SUBJECT_VALUES_MAX);
		for (unsigned i = 0; i < n; i++)
			if (level_key(c, l, r, &first[i], &a.key))
				put_one(c, f, r, &a);
	}
}
