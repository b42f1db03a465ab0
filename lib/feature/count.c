/* SPDX-License-Identifier: MIT */
#include "lib/feature/count.h"

#include <math.h>

#include "lib/hash.h"

/* One of the last values. */
struct last {
	uint64_t hash;
	uint64_t at; /* moved by 2^63; 0: none */
};

#define LAST_BIAS (UINT64_C(1) << 63)

/* --- Cells ------------------------------------------------------------------------ */

/* The hash of the level's key; `first` stands in for the first field. */
static bool
level_key(struct spec_level *l, const struct record *r, uint64_t seed,
    const struct slice *first, uint64_t *to)
{
	uint64_t key = seed, hash;

	for (unsigned k = 0; k < l->key_count; k++) {
		struct slice value;

		if (k == 0 && first != NULL)
			value = *first;
		else if (subject_values(&l->keys[k], r, &value, 1) == 0)
			return false;
		if (!subject_hash(value, &hash))
			return false;
		key = hash_pair(key, hash);
	}
	*to = key;
	return true;
}

/* NULL when there is no key or nothing is counted under it. */
static const void *
find_cell(struct spec_level *l, const struct record *r, uint64_t seed)
{
	uint64_t key;

	if (l->key_count == 0)
		return l->single;
	return level_key(l, r, seed, NULL, &key) ? table_find(l->table, key) : NULL;
}

/* --- Reading ---------------------------------------------------------------------- */

static bool
read_rate(struct spec_feature *f, const struct record *r, instant at, uint64_t seed,
    double *to)
{
	size_t half = f->cell_size / 2;
	double p = 0.5;

	for (unsigned l = f->level_count; l-- > 0;) {
		const uint8_t *cell = find_cell(&f->levels[l], r, seed);
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
count_read(struct spec_feature *f, const struct record *r, struct count_times t,
    uint64_t seed, double *to)
{
	const void *cell;

	if (f->verb == FEATURE_RATE)
		return read_rate(f, r, t.known, seed, to);
	if (f->verb == FEATURE_RATIO)
		return read_rate(f, r, t.shown, seed, to);
	cell = find_cell(&f->levels[0], r, seed);
	if (cell == NULL) {
		uint64_t key;

		/* A key that nothing was counted under has a count of 0. */
		*to = 0;
		return f->verb != FEATURE_SINCE &&
		    level_key(&f->levels[0], r, seed, NULL, &key);
	}
	*to = f->verb == FEATURE_DISTINCT
	    ? distinct_cell_count(f->distinct, cell, t.shown)
	    : window_cell_read(f->window, cell, t.shown);
	/* 0: at this instant, or after what the record is about was shown. */
	return isfinite(*to) && (f->verb != FEATURE_SINCE || *to > 0);
}

unsigned
count_last(struct spec_feature *f, const struct record *r, struct count_times t,
    uint64_t seed, uint64_t hashes[SPEC_LAST_MAX])
{
	const struct last *cell = find_cell(&f->levels[0], r, seed);
	uint64_t until = (uint64_t)t.shown + LAST_BIAS;
	uint64_t length = (uint64_t)f->window.length.us;
	unsigned n = 0;

	for (unsigned i = 0; cell != NULL && i < f->last && cell[i].at != 0; i++)
		if (cell[i].at <= until && (length == 0 || until - cell[i].at < length))
			hashes[n++] = cell[i].hash;
	return n;
}

/* --- Updating --------------------------------------------------------------------- */

/* Put a value in front, or take it out; it is there once. */
static void
add_last(struct spec_feature *f, struct last *cell, uint64_t hash, instant at, bool add)
{
	unsigned i = 0, end;

	while (i < f->last && cell[i].at != 0 && cell[i].hash != hash)
		i++;
	end = i < f->last ? i : f->last - 1;
	if (add) {
		memmove(cell + 1, cell, end * sizeof *cell);
		cell[0] = (struct last){ hash, (uint64_t)at + LAST_BIAS };
	} else if (i < f->last && cell[i].at != 0) {
		memmove(cell + i, cell + i + 1, (f->last - 1 - i) * sizeof *cell);
		cell[f->last - 1] = (struct last){ 0, 0 };
	}
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
	return true;
}

static bool
add_values(struct spec_feature *f, void *cell, const struct record *r, double weight,
    instant at)
{
	struct slice values[SUBJECT_VALUES_MAX];
	unsigned n = subject_values(&f->subject, r, values, SUBJECT_VALUES_MAX);
	bool taken = true;
	uint64_t hash;

	for (unsigned i = 0; i < n; i++) {
		if (!subject_hash(values[i], &hash))
			continue;
		if (f->verb == FEATURE_LAST)
			add_last(f, cell, hash, at, weight > 0);
		else if (weight > 0)
			taken &=
			    distinct_cell_add(f->distinct, cell, at, hash_mix(hash));
	}
	return taken;
}

static bool
add_to(struct spec_feature *f, void *cell, const struct record *r, double weight,
    double above, double below, instant at)
{
	bool taken;

	if (f->verb == FEATURE_LAST || f->verb == FEATURE_DISTINCT)
		return add_values(f, cell, r, weight, at);
	if (f->verb == FEATURE_SINCE && weight <= 0)
		return true;
	taken = window_cell_add(f->window, cell, at, above);
	if (f->verb >= FEATURE_RATE)
		taken &= window_cell_add(
		    f->window, (uint8_t *)cell + f->cell_size / 2, at, below);
	return taken;
}

bool
count_update(struct spec_feature *f, const struct record *r, enum kind kind,
    double weight, struct count_times t, uint64_t seed)
{
	double above, below;
	bool taken = true, fresh;

	if (((f->of | f->per) >> kind & 1) == 0 ||
	    (f->where != NULL && !expr_test(f->where, r)) ||
	    !amounts(f, r, kind, weight, &above, &below))
		return true;
	for (unsigned l = 0; l < f->level_count; l++) {
		struct spec_level *v = &f->levels[l];
		struct slice first[SUBJECT_VALUES_MAX];
		unsigned n;

		if (v->key_count == 0) {
			taken &= add_to(f, v->single, r, weight, above, below, t.shown);
			continue;
		}
		/* An event of several items counts for each of them. */
		n = subject_values(&v->keys[0], r, first, SUBJECT_VALUES_MAX);
		for (unsigned i = 0; i < n; i++) {
			uint64_t key;

			if (level_key(v, r, seed, &first[i], &key))
				taken &= add_to(f,
				    table_touch(v->table, key, t.known, &fresh), r,
				    weight, above, below, t.shown);
		}
	}
	return taken;
}
