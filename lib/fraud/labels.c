/* SPDX-License-Identifier: MIT */
#include "lib/fraud/labels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/vec.h"

enum { ABSENT, NOT_POSITIVE, LEAST, EXPONENT_MIN = -6 };
enum { SIGNALS = SIGNAL_COUNT };

#define DRAWN 20.0    /* a */
#define HALF_AT 100.0 /* labels of invalid events for a part of 1/2 */

/* What there is of an event. */
struct labelled {
	int64_t version; /* the highest so far */
	bool seen, told, invalid;
	uint8_t bucket[SIGNALS];
};

struct labels {
	struct table *events;     /* owned */
	uint16_t learnt[SIGNALS]; /* the signals that exist */
	unsigned n;               /* of these */
	char words[SIGNALS][SIGNAL_NAME_MAX];
	int64_t count[SIGNALS][LABELS_BUCKETS][2];
	float share[SIGNALS][LABELS_BUCKETS];
	double prior, part; /* as of the last refresh */
	uint64_t total[2], changes;
	struct labels_totals totals;
};

static void
forget(void *context, const struct table *t, size_t slot)
{
	struct labels *l = context;
	const struct labelled *e = table_cell(t, slot);

	l->totals.forgotten += e->seen && !e->told;
}

struct labels *
labels_new(uint64_t memory_bytes)
{
	struct labels *l = calloc(1, sizeof *l);

	if (l == NULL)
		return NULL;
	l->events = table_new(TABLE_KEY_64, sizeof(struct labelled), memory_bytes);
	if (l->events == NULL) {
		free(l);
		return NULL;
	}
	table_on_evict(l->events, forget, l);
	for (unsigned i = 0; i < SIGNALS; i++)
		if (signal_exists(i)) {
			l->learnt[l->n++] = (uint16_t)i;
			(void)signal_name(i, l->words[i]);
		}
	return l;
}

void
labels_free(struct labels *l)
{
	if (l == NULL)
		return;
	table_free(l->events);
	free(l);
}

/* --- Counts ------------------------------------------------------------------------ */

/* Of a positive value by the exponent of its bits. */
static inline unsigned
bucket_of(float value)
{
	uint32_t bits;
	int exponent;

	if (isnan(value))
		return ABSENT;
	if (value <= 0)
		return NOT_POSITIVE;
	memcpy(&bits, &value, sizeof bits);
	exponent = (int)(bits >> 23) - 127 - EXPONENT_MIN;
	exponent = exponent < 0 ? 0 : exponent;
	return exponent < LABELS_BUCKETS - LEAST ? (unsigned)exponent + LEAST
						 : LABELS_BUCKETS - 1;
}

static void
count(struct labels *l, const struct labelled *e, int by)
{
	for (unsigned i = 0; i < l->n; i++) {
		unsigned signal = l->learnt[i];

		l->count[signal][e->bucket[signal]][e->invalid] += by;
	}
	l->total[e->invalid] += (uint64_t)(int64_t)by;
}

static double
log_odds(const struct labels *l, unsigned signal, unsigned bucket)
{
	const int64_t *n = l->count[signal][bucket];
	double n0 = (double)l->total[0], n1 = (double)l->total[1];
	double q = ((double)(n[0] + n[1]) + 1) / (n0 + n1 + LABELS_BUCKETS);

	if (n[0] + n[1] == 0)
		return 0; /* what never came tells nothing */
	return vec_log(((double)n[1] + DRAWN * q) / (n1 + DRAWN)) -
	    vec_log(((double)n[0] + DRAWN * q) / (n0 + DRAWN));
}

static void
refresh(struct labels *l)
{
	double invalid = (double)l->total[1];

	for (unsigned i = 0; i < l->n; i++)
		for (unsigned b = NOT_POSITIVE; b < LABELS_BUCKETS; b++)
			l->share[l->learnt[i]][b] = (float)log_odds(l, l->learnt[i], b);
	l->part = invalid / (invalid + HALF_AT);
	l->prior = vec_log((invalid + 1) / ((double)l->total[0] + 1));
}

/* While there are few, each of them matters. */
static void
changed(struct labels *l)
{
	l->changes++;
	if (l->changes % LABELS_REFRESH == 0 || (l->changes & (l->changes - 1)) == 0)
		refresh(l);
}

void
labels_see(struct labels *l, uint64_t event, const struct look *look, instant when)
{
	bool fresh;
	struct labelled *e = table_touch(l->events, event, when, &fresh);

	if (e->seen)
		return; /* another event of the same id */
	e->seen = true;
	l->totals.told += e->told;
	for (unsigned i = 0; i < l->n; i++)
		e->bucket[l->learnt[i]] =
		    (uint8_t)bucket_of(signal_value(look, l->learnt[i]));
	count(l, e, 1);
	changed(l);
}

void
labels_tell(
    struct labels *l, uint64_t event, bool invalid, int64_t version, instant when)
{
	bool fresh;
	struct labelled *e = table_touch(l->events, event, when, &fresh);

	if (e->told && version <= e->version) {
		l->totals.repeated++;
		return;
	}
	if (e->seen)
		count(l, e, -1);
	e->told = true;
	e->version = version;
	e->invalid = invalid;
	if (e->seen)
		count(l, e, 1);
	l->totals.told += e->seen;
	changed(l);
}

/* --- Shares ------------------------------------------------------------------------ */

double
labels_part(const struct labels *l)
{
	return l->part;
}

double
labels_prior(const struct labels *l)
{
	return l->prior;
}

void
labels_apply(
    const struct labels *l, const struct look *look, double part, struct rules_sum *to)
{
	float most[SIGNAL_FAMILIES] = { 0 };
	unsigned from[SIGNAL_FAMILIES];

	for (unsigned i = 0; i < l->n; i++) {
		unsigned signal = l->learnt[i], family = signal_family(signal);
		float share = l->share[signal][bucket_of(signal_value(look, signal))];

		if (fabsf(share) > fabsf(most[family])) {
			most[family] = share;
			from[family] = signal;
		}
	}
	for (unsigned i = 0; i < SIGNAL_FAMILIES; i++)
		if (most[i] != 0)
			rules_add(to, l->words[from[i]], part * (double)most[i]);
	to->score += part * l->prior;
}

struct labels_totals
labels_totals(const struct labels *l)
{
	struct labels_totals t = l->totals;

	t.valid = l->total[0];
	t.invalid = l->total[1];
	return t;
}

/* The values of a bucket as a condition. */
static int
print_range(unsigned bucket, const char *name, char *to, size_t size)
{
	double low = ldexp(1, (int)bucket - LEAST + EXPONENT_MIN), high = 2 * low;

	if (bucket == NOT_POSITIVE)
		return snprintf(to, size, "%s <= 0", name);
	if (bucket == LEAST)
		return snprintf(to, size, "%s > 0 and %s < %.9g", name, name, high);
	if (bucket == LABELS_BUCKETS - 1)
		return snprintf(to, size, "%s >= %.9g", name, low);
	return snprintf(to, size, "%s >= %.9g and %s < %.9g", name, low, name, high);
}

unsigned
labels_print(
    const struct labels *l, unsigned signal, double part, char to[LABELS_TEXT_MAX])
{
	unsigned family = signal_family(signal);
	int n = 0;

	to[0] = '\0';
	for (unsigned b = NOT_POSITIVE; b < LABELS_BUCKETS && signal_exists(signal);
	     b++) {
		double share = part * (double)l->share[signal][b];

		if (l->count[signal][b][0] + l->count[signal][b][1] == 0)
			continue;
		n += snprintf(to + n, LABELS_TEXT_MAX - (size_t)n,
		    "learnt%u.s%u_%u %+.3f if ", family, signal, b, share);
		n += print_range(
		    b, l->words[signal], to + n, LABELS_TEXT_MAX - (size_t)n);
		to[n++] = '\n';
		to[n] = '\0';
		assert(n < LABELS_TEXT_MAX);
	}
	return (unsigned)n;
}

/* --- Snapshots --------------------------------------------------------------------- */

void
labels_save(struct labels *l, struct state_writer *to)
{
	state_put_table(to, l->events);
	state_put(to, l->count, sizeof l->count);
	state_put(to, l->share, sizeof l->share);
	state_put(to, l->total, sizeof l->total);
	state_put(to, &l->totals, sizeof l->totals);
	state_put_double(to, l->prior);
	state_put_double(to, l->part);
	state_put_u64(to, l->changes);
}

static bool
is_sound(const struct labels *l)
{
	for (size_t s = table_next(l->events, 0); s != TABLE_NONE;
	     s = table_next(l->events, s + 1)) {
		const struct labelled *e = table_cell(l->events, s);

		for (unsigned i = 0; i < SIGNALS; i++)
			if (e->bucket[i] >= LABELS_BUCKETS)
				return false;
	}
	return true;
}

int
labels_load(struct labels *l, struct state_reader *from, struct error *error)
{
	if (state_get_table(from, l->events, error) != 0)
		return -1;
	if (state_get(from, l->count, sizeof l->count) != 0 ||
	    state_get(from, l->share, sizeof l->share) != 0 ||
	    state_get(from, l->total, sizeof l->total) != 0 ||
	    state_get(from, &l->totals, sizeof l->totals) != 0 ||
	    state_get_double(from, &l->prior) != 0 ||
	    state_get_double(from, &l->part) != 0 ||
	    state_get_u64(from, &l->changes) != 0)
		return error_set(error, "the snapshot is too short");
	return is_sound(l) ? 0 : error_set(error, "the snapshot is damaged");
}
