/* SPDX-License-Identifier: MIT */
#include "lib/transaction/traits.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/assert.h"

/* The traits of all transactions, in this order; then come those of each terminal, those that
 * are only crossed, and those of each key. */
enum {
	AMOUNT,
	HOUR,
	DAY_OR_NIGHT,
	COUNT_1D,
	COUNT_7D,
	COUNT_30D,
	MEAN_1D,
	MEAN_7D,
	MEAN_30D,
	SPENDING,
	DEVIATION,
	MEDIAN,
	ODD_14D,
	KNOWN_FRAUD,
	PAUSE,
	SIGN_UP,
	OWN_TRAITS
};

enum {
	TERMINAL_RISK_1D,
	TERMINAL_RISK_7D,
	TERMINAL_RISK_30D,
	TERMINAL_EARLY,
	TERMINAL_RUN,
	TERMINAL_AGE,
	TERMINAL_TRAITS
};

enum { AMOUNT_SCALE, DEVIATION_SCALE, CROSSED_TRAITS };

enum {
	TYPICAL_MIN = 5,
	RUNS = 16,
	AGES = 48,
	FEW = 6,
	RISKS = 128,
	COUNTS = 48,
	LABELS = 2 * RUNS + 1
};

static const struct {
	const char *word;
	unsigned buckets;
} own[OWN_TRAITS] = {
	[AMOUNT] = { "amount", 224 },
	[HOUR] = { "hour", 25 },
	[DAY_OR_NIGHT] = { "night_or_weekend", 4 },
	[COUNT_1D] = { "customer_count_1d", COUNTS },
	[COUNT_7D] = { "customer_count_7d", COUNTS },
	[COUNT_30D] = { "customer_count_30d", COUNTS },
	[MEAN_1D] = { "above_mean_1d", 98 },
	[MEAN_7D] = { "above_mean_7d", 98 },
	[MEAN_30D] = { "above_mean_30d", 98 },
	[SPENDING] = { "customer_mean_30d", 128 },
	[DEVIATION] = { "amount_deviation", 98 },
	[MEDIAN] = { "above_median", 98 },
	[ODD_14D] = { "odd_amounts_14d", FEW },
	[KNOWN_FRAUD] = { "customer_fraud_30d", FEW },
	[PAUSE] = { "since_last", 64 },
	[SIGN_UP] = { "since_sign_up", 12 },
}, terminal[TERMINAL_TRAITS] = {
	[TERMINAL_RISK_1D] = { "risk_1d", RISKS },
	[TERMINAL_RISK_7D] = { "risk_7d", RISKS },
	[TERMINAL_RISK_30D] = { "risk_30d", RISKS },
	[TERMINAL_EARLY] = { "early_fraud", FEW },
	[TERMINAL_RUN] = { "last_labels", LABELS },
	[TERMINAL_AGE] = { "fraud_since", AGES },
};

static const unsigned crossed_buckets[CROSSED_TRAITS] = {
	[AMOUNT_SCALE] = 32,
	[DEVIATION_SCALE] = 16,
};

static const char *const velocity_words[TRAITS_WINDOWS] = { "10m", "1h", "24h" };

/* --- Which there are ----------------------------------------------------------------- */

static void
add_part(struct traits *t, unsigned i, const char *prefix, size_t prefix_size,
    const char *word, unsigned buckets)
{
	int size = snprintf(t->word[i], TRAITS_WORD_MAX, "%.*s%s%s", (int)prefix_size,
	    prefix, prefix_size > 0 ? "_" : "", word);

	assert(size > 0 && size < TRAITS_WORD_MAX);
	t->word_size[i] = (uint8_t)size;
	t->buckets[i] = buckets;
	t->at[i] = t->cells;
	t->cells += buckets;
}

/* "terminal" of "terminal_id"; no longer than a word can be. */
static size_t
stem_size(struct slice name)
{
	size_t size = name.size;

	if (size > 3 && memcmp(name.at + size - 3, "_id", 3) == 0)
		size -= 3;
	return size < TRAITS_WORD_MAX / 2 ? size : TRAITS_WORD_MAX / 2;
}

static void
add_terminal(struct traits *t, struct slice name)
{
	for (unsigned i = 0; i < TERMINAL_TRAITS; i++)
		add_part(t, t->fixed++, (const char *)name.at, stem_size(name),
		    terminal[i].word, terminal[i].buckets);
}

/* Its buckets are those of `a`, so many, for each of those of `b`; a reason calls it after
 * `b`. */
static void
add_cross(struct traits *t, unsigned a, unsigned buckets, unsigned b)
{
	char word[TRAITS_WORD_MAX];

	memcpy(word, t->word[b], sizeof word);
	t->cross[t->crosses++] = (struct trait_cross){ a, b, buckets };
	add_part(t, t->always++, "", 0, word, buckets * t->buckets[b]);
}

static void
add_crossed(struct traits *t, unsigned which, unsigned with)
{
	add_cross(t, t->fixed + which, crossed_buckets[which], with);
}

static void
add_velocity(struct traits *t, struct slice name)
{
	for (unsigned i = 0; i < TRAITS_WINDOWS; i++)
		add_part(t, t->always + t->n++ - t->first_key, (const char *)name.at,
		    stem_size(name), velocity_words[i], COUNTS);
}

void
traits_init(struct traits *t, const struct slice *terminals, unsigned n_terminals,
    const struct slice *keys, unsigned n_keys)
{
	assert(n_terminals <= TRAITS_TERMINALS_MAX && n_keys <= LEDGER_KEYS_MAX);
	*t = (struct traits){ .terminals = n_terminals, .keys = n_keys };
	for (unsigned i = 0; i < OWN_TRAITS; i++)
		add_part(t, t->fixed++, "", 0, own[i].word, own[i].buckets);
	for (unsigned i = 0; i < n_terminals; i++)
		add_terminal(t, terminals[i]);
	t->always = t->fixed;
	t->n = t->fixed + CROSSED_TRAITS;
	add_cross(t, ODD_14D, FEW, DEVIATION);
	add_crossed(t, DEVIATION_SCALE, COUNT_30D);
	add_crossed(t, AMOUNT_SCALE, SPENDING);
	for (unsigned i = 0; i < n_terminals; i++) {
		unsigned first = OWN_TRAITS + i * TERMINAL_TRAITS;

		add_cross(t, first + TERMINAL_AGE, AGES, first + TERMINAL_RUN);
		add_cross(t, first + TERMINAL_RUN, LABELS, first + TERMINAL_RISK_7D);
	}
	t->first_key = t->n;
	for (unsigned i = 0; i < n_keys; i++)
		add_velocity(t, keys[i]);
}

/* --- Buckets ------------------------------------------------------------------------- */

/* 0 for what is not positive; then 2^bits buckets to each doubling, of equal width within
 * it, from 2^lowest on: the leading bits of the float, whose order is that of numbers. */
static unsigned
log_bucket(float x, unsigned bits, int lowest, unsigned buckets)
{
	int32_t pattern, bucket;

	if (!(x > 0))
		return 0;
	memcpy(&pattern, &x, sizeof pattern);
	bucket = (pattern >> (23 - bits)) - ((127 + lowest) << bits) + 1;
	return bucket < 1                 ? 1
	    : (unsigned)bucket >= buckets ? buckets - 1
					  : (unsigned)bucket;
}

static unsigned
count_bucket(double count)
{
	return log_bucket((float)count, 2, 0, COUNTS);
}

static unsigned
few(double count)
{
	return count < 1 ? 0 : count >= FEW - 1 ? FEW - 1 : (unsigned)count;
}

/* Of how many transactions how many were fraud: both, the latter in 8 steps. */
static unsigned
risk_bucket(struct band b)
{
	unsigned n = log_bucket((float)b.count, 1, 0, 16);
	unsigned frauds = b.fraud < 1 ? 0 : b.fraud >= 7 ? 7 : (unsigned)b.fraud;

	return frauds * 16 + n;
}

static unsigned
ratio_bucket(float amount, double usual)
{
	return usual > 0 ? log_bucket((float)((double)amount / usual), 3, -6, 98) : 0;
}

static double
mean_of(struct band b)
{
	return b.count >= 1 ? b.value / b.count / 1e6 : 0;
}

static unsigned
sign_up_bucket(int64_t us)
{
	static const int64_t edges[] = { 10 * WHEN_SECOND, 30 * WHEN_SECOND,
		60 * WHEN_SECOND, 5 * WHEN_MINUTE, 30 * WHEN_MINUTE, 3 * WHEN_HOUR,
		WHEN_DAY, 7 * WHEN_DAY, 30 * WHEN_DAY };
	unsigned i = 0;

	if (us < 0)
		return 0;
	while (i < sizeof edges / sizeof *edges && us > edges[i])
		i++;
	return i + 1;
}

float
traits_deviation(const struct typical *t, float amount)
{
	float deviation = typical_deviation(t);

	/* 0.6745 deviations of a normal distribution are its MAD. */
	if (t->n < TYPICAL_MIN || !(deviation > 0))
		return 0;
	return 0.6745F * (amount - typical_median(t)) / deviation;
}

/* --- Of one transaction -------------------------------------------------------------- */

static void
clock_traits(instant when, uint8_t *to)
{
	int64_t day = when / WHEN_DAY - (when % WHEN_DAY < 0);
	int64_t hour = (when - day * WHEN_DAY) / WHEN_HOUR;
	int64_t weekday = ((day + 3) % 7 + 7) % 7; /* 0: Monday */

	to[HOUR] = (uint8_t)(1 + hour);
	to[DAY_OR_NIGHT] = (uint8_t)((weekday >= 5) * 2 + (hour <= 6));
}

static void
customer_traits(const struct traits_view *v, uint8_t *to)
{
	const struct bands *b = v->customer;
	struct band week = bands_sum(b, 0, 1), month = bands_sum(b, 0, 3);
	float z = v->deviation;

	to[COUNT_1D] = (uint8_t)count_bucket(b->of[0].count);
	to[COUNT_7D] = (uint8_t)count_bucket(week.count);
	to[COUNT_30D] = (uint8_t)count_bucket(month.count);
	to[MEAN_1D] = (uint8_t)ratio_bucket(v->amount, mean_of(b->of[0]));
	to[MEAN_7D] = (uint8_t)ratio_bucket(v->amount, mean_of(week));
	to[MEAN_30D] = (uint8_t)ratio_bucket(v->amount, mean_of(month));
	to[SPENDING] = (uint8_t)log_bucket((float)mean_of(month), 2, -4, 128);
	to[DEVIATION] = (uint8_t)log_bucket(z, 3, -6, 98);
	to[MEDIAN] = (uint8_t)ratio_bucket(v->amount, (double)v->median);
	to[ODD_14D] = (uint8_t)few(bands_sum(b, 0, 2).odd);
	to[KNOWN_FRAUD] = (uint8_t)few(month.fraud);
	to[PAUSE] =
	    (uint8_t)log_bucket((float)(v->since_last_us / WHEN_SECOND) + 1, 1, 0, 64);
	if (v->since_last_us < 0)
		to[PAUSE] = 0;
	to[SIGN_UP] = (uint8_t)sign_up_bucket(v->since_sign_up_us);
}

static void
terminal_traits(const struct traits_terminal *x, uint8_t *to)
{
	const struct bands *b = x->bands;
	unsigned run = x->run < RUNS ? x->run : RUNS;
	int64_t age = x->run_us / WHEN_DAY + 1;
	struct band day, week, month;

	if (b == NULL) {
		memset(to, 0, TERMINAL_TRAITS);
		return;
	}
	day = b->of[1];
	week = bands_sum(b, 1, 2);
	month = bands_sum(b, 1, 3);
	to[TERMINAL_RISK_1D] = (uint8_t)risk_bucket(day);
	to[TERMINAL_RISK_7D] = (uint8_t)risk_bucket(week);
	to[TERMINAL_RISK_30D] = (uint8_t)risk_bucket(month);
	to[TERMINAL_EARLY] = (uint8_t)few(b->of[0].fraud);
	to[TERMINAL_RUN] = (uint8_t)(x->run_of_fraud ? RUNS + run : run);
	to[TERMINAL_AGE] = 0;
	if (x->run_of_fraud)
		to[TERMINAL_AGE] = (uint8_t)(age < AGES ? age : AGES - 1);
}

void
traits_of(const struct traits *t, const struct traits_view *v, uint8_t *to)
{
	to[AMOUNT] = (uint8_t)log_bucket(v->amount, 3, -7, 224);
	clock_traits(v->when, to);
	customer_traits(v, to);
	to += OWN_TRAITS;
	for (unsigned i = 0; i < t->terminals; i++, to += TERMINAL_TRAITS)
		terminal_traits(&v->terminal[i], to);
	to[AMOUNT_SCALE] = (uint8_t)log_bucket(v->amount, 0, -7, 32);
	to[DEVIATION_SCALE] = (uint8_t)log_bucket(v->deviation, 1, -2, 16);
	to += CROSSED_TRAITS;
	for (unsigned i = 0; i < t->keys; i++)
		for (unsigned w = 0; w < TRAITS_WINDOWS; w++)
			*to++ = (uint8_t)(v->has_key[i]
				? count_bucket((double)v->velocity[i][w])
				: 0);
}

unsigned
traits_cells(
    const struct traits *t, const uint8_t *bucket, uint32_t *cell, uint8_t *part)
{
	unsigned n = t->always;

	for (unsigned i = 0; i < t->fixed; i++)
		cell[i] = t->at[i] + bucket[i];
	for (unsigned i = 0; i < t->crosses; i++) {
		const struct trait_cross *c = &t->cross[i];

		cell[t->fixed + i] =
		    t->at[t->fixed + i] + bucket[c->a] + c->buckets * bucket[c->b];
	}
	for (unsigned i = t->first_key; i < t->n; i += TRAITS_WINDOWS)
		for (unsigned k = i; bucket[i] != 0 && k < i + TRAITS_WINDOWS; k++) {
			part[n] = (uint8_t)(t->always + k - t->first_key);
			cell[n] = t->at[part[n]] + bucket[k];
			n++;
		}
	return n;
}

bool
traits_are_sound(const struct traits *t, const uint8_t *bucket)
{
	bool sound = true;

	for (unsigned i = 0; i < t->fixed; i++)
		sound = sound && bucket[i] < t->buckets[i];
	for (unsigned i = 0; i < t->crosses; i++)
		sound = sound && bucket[t->cross[i].a] < t->cross[i].buckets;
	for (unsigned i = t->first_key; i < t->n; i++)
		sound = sound && bucket[i] < COUNTS;
	return sound;
}
