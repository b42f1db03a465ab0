/* SPDX-License-Identifier: MIT */
#include "lib/feature/count.h"

#include <math.h>

#include "lib/feature/latest.h"
#include "lib/feature/variety.h"
#include "lib/hash.h"
#include "lib/record/consent.h"

/* What one event can add; larger amounts are none that a sum would survive. */
#define AMOUNT_MAX 1e18
/* Amounts are multiples of 1 / GRID, so that sums of them are exact, in any order, and what
 * is taken back leaves nothing: whole numbers up to 2^53, others up to 2^29. */
#define GRID 16777216.0

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

/* Once a record. */
const struct count_id *
count_id(struct counting *c, const struct subject *key, const struct record *r)
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
		const struct count_id *id = count_id(c, &l->keys[k], r);

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

/* Most are 1, or 0. */
static double
on_grid(double x)
{
	double whole = x * GRID;

	if (x == 1 || x == 0)
		return x;
	return fabs(whole) < 0x1p52 ? rint(whole) / GRID : x;
}

/* What fades is no exact sum; what rounding has left of it is rounded away. */
static double
read_cell(const struct spec_feature *f, const void *cell, instant at)
{
	switch (f->window.kind) {
	case WINDOW_SESSION:
		return latest_session(cell, f->window.length.us, at);
	case WINDOW_SINCE:
		return latest_since(cell, at);
	case WINDOW_DECAYED:
		return on_grid(window_cell_read(f->window, cell, at));
	default:
		return window_cell_read(f->window, cell, at);
	}
}

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
		above = read_cell(f, cell, at);
		below = read_cell(f, cell + half, at);
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
	*to = f->verb == FEATURE_DISTINCT ? variety_count(cell, f->window.length, at)
					  : read_cell(f, cell, at);
	return isfinite(*to);
}

unsigned
count_last(struct counting *c, const struct spec_feature *f, instant at,
    uint64_t hashes[SPEC_LAST_MAX])
{
	bool has;
	const void *cell = find_cell(c, &f->levels[0], &has);

	if (cell == NULL)
		return 0;
	return latest_values(cell, f->last, at, f->window.length.us,
	    f->window.kind == WINDOW_SESSION, hashes);
}

/* --- Updating --------------------------------------------------------------------- */

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

/* 1: it happened; -1: it is taken back. */
static int
sign_of(const struct spec_feature *f, const struct addition *a)
{
	bool values = f->verb == FEATURE_DISTINCT || f->verb == FEATURE_LAST;

	return (values || a->below == 0 ? a->above : a->below) < 0 ? -1 : 1;
}

static bool
add_amount(
    const struct spec_feature *f, uint8_t *cell, instant at, double amount, int sign)
{
	if (f->window.kind == WINDOW_SESSION)
		return latest_session_add(
		    (void *)cell, f->window.length.us, at, amount, sign);
	return window_cell_add(f->window, cell, at, amount);
}

/* False: it lies before all that is told apart. */
static bool
add_to(const struct spec_feature *f, uint8_t *cell, const struct addition *a, int sign)
{
	bool taken;

	switch (f->verb) {
	case FEATURE_LAST:
		latest_value_add((void *)cell, f->last, a->at, a->value, sign);
		return true;
	case FEATURE_SINCE:
		latest_since_add((void *)cell, a->at, sign);
		return true;
	case FEATURE_DISTINCT:
		return variety_add(
		    (void *)cell, f->window.length, a->at, a->value, sign);
	default:
		taken = add_amount(f, cell, a->at, a->above, sign);
		if (f->verb >= FEATURE_RATE)
			taken &= add_amount(
			    f, cell + f->cell_size / 2, a->at, a->below, sign);
		return taken;
	}
}

/* Nothing is taken back from a counter that was lost: it would have less than nothing. */
static void
apply(struct counting *c, const struct addition *a)
{
	const struct spec_feature *f = &c->spec->features[a->feature];
	const struct spec_level *l = &f->levels[a->level];
	const struct table *t = c->spec->groups[l->group].table;
	int sign = sign_of(f, a);
	uint8_t *cell;

	if (sign < 0 && t != NULL && table_find(t, a->key) == NULL) {
		c->stuck++;
		return;
	}
	cell = touch_cell(c, l->group, a) + l->offset;
	if (sign < 0 && f->verb == FEATURE_DISTINCT &&
	    !variety_is_exact((const void *)cell)) {
		c->stuck++;
		return;
	}
	c->late += !add_to(f, cell, a, sign);
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
		apply(c, a);
	}
	return true;
}

static void
put(struct counting *c, const struct addition *a)
{
	const struct addition *first;

	if (delay_is_full(&c->delay)) {
		first = delay_take(&c->delay, INT64_MAX);
		apply(c, first);
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

	*above = *below = weight = on_grid(weight);
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
	*above = on_grid(weight * number);
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

void
count_update(struct counting *c, struct spec_feature *f, const struct record *r,
    enum kind kind, double weight, struct count_times t)
{
	struct addition a = { .known = t.known, .at = t.shown };

	if (((f->of | f->per) >> kind & 1) == 0 || weight == 0 ||
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
		if (!count_id(c, &l->keys[0], r)->many) {
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
