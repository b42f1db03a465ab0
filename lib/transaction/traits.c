/* SPDX-License-Identifier: MIT */
#include "lib/transaction/traits.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/assert.h"

/* The traits of all transactions, in this order; then those of each terminal and key. */
enum {
	AMOUNT,
	AMOUNT_SCALE,
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
	DEVIATION_SCALE,
	MEDIAN,
	ODD_7D,
	ODD_14D,
	ODD_30D,
	KNOWN_FRAUD,
	PAUSE,
	SIGN_UP,
	OWN_TRAITS
};

enum {
	TERMINAL_COUNT_1D,
	TERMINAL_COUNT_7D,
	TERMINAL_COUNT_30D,
	TERMINAL_RISK_1D,
	TERMINAL_RISK_7D,
	TERMINAL_RISK_30D,
	TERMINAL_EARLY,
	TERMINAL_RUN,
	TERMINAL_AGE,
	TERMINAL_TRAITS
};

enum { TYPICAL_MIN = 5, RUNS = 16, AGES = 48, FEW = 6, RISKS = 128 };

static const struct {
	const char *word;
	unsigned buckets;
} own[OWN_TRAITS] = {
	[AMOUNT] = { "amount", 224 },
	[AMOUNT_SCALE] = { "amount_scale", 32 },
	[HOUR] = { "hour", 24 },
	[DAY_OR_NIGHT] = { "night_or_weekend", 4 },
	[COUNT_1D] = { "customer_count_1d", 48 },
	[COUNT_7D] = { "customer_count_7d", 48 },
	[COUNT_30D] = { "customer_count_30d", 48 },
	[MEAN_1D] = { "above_mean_1d", 98 },
	[MEAN_7D] = { "above_mean_7d", 98 },
	[MEAN_30D] = { "above_mean_30d", 98 },
	[SPENDING] = { "customer_mean_30d", 128 },
	[DEVIATION] = { "amount_deviation", 98 },
	[DEVIATION_SCALE] = { "amount_deviation_scale", 16 },
	[MEDIAN] = { "above_median", 98 },
	[ODD_7D] = { "odd_amounts_7d", FEW },
	[ODD_14D] = { "odd_amounts_14d", FEW },
	[ODD_30D] = { "odd_amounts_30d", FEW },
	[KNOWN_FRAUD] = { "customer_fraud_30d", FEW },
	[PAUSE] = { "since_last", 64 },
	[SIGN_UP] = { "since_sign_up", 12 },
}, terminal[TERMINAL_TRAITS] = {
	[TERMINAL_COUNT_1D] = { "count_1d", 48 },
	[TERMINAL_COUNT_7D] = { "count_7d", 48 },
	[TERMINAL_COUNT_30D] = { "count_30d", 48 },
	[TERMINAL_RISK_1D] = { "risk_1d", RISKS },
	[TERMINAL_RISK_7D] = { "risk_7d", RISKS },
	[TERMINAL_RISK_30D] = { "risk_30d", RISKS },
	[TERMINAL_EARLY] = { "early_fraud", FEW },
	[TERMINAL_RUN] = { "last_labels", 2 * RUNS + 1 },
	[TERMINAL_AGE] = { "fraud_since", AGES },
};

static const char *const velocity_words[TRAITS_WINDOWS] = { "10m", "1h", "24h" };

/* --- Which there are ----------------------------------------------------------------- */

static int
add(struct traits *t, const char *prefix, size_t prefix_size, const char *word,
    unsigned buckets, struct error *error)
{
	struct trait *to = &t->of[t->n];

	if (t->n == LEDGER_TRAITS_MAX)
		return error_set(error, "too many keys of terminals and of velocity");
	t->n++;
	(void)snprintf(to->word, sizeof to->word, "%.*s%s%s", (int)prefix_size, prefix,
	    prefix_size > 0 ? "_" : "", word);
	to->buckets = buckets;
	to->at = t->cells;
	t->cells += buckets;
	return 0;
}

static void
cross(struct traits *t, unsigned a, unsigned b)
{
	assert(t->crosses < TRAITS_CROSSES_MAX);
	t->cross[t->crosses++] = (struct trait_cross){ a, b, t->cells };
	t->cells += t->of[a].buckets * t->of[b].buckets;
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

static int
add_terminal(struct traits *t, struct slice name, struct error *error)
{
	unsigned at = t->n;

	for (unsigned i = 0; i < TERMINAL_TRAITS; i++)
		if (add(t, (const char *)name.at, stem_size(name), terminal[i].word,
			terminal[i].buckets, error) != 0)
			return -1;
	cross(t, at + TERMINAL_AGE, at + TERMINAL_RUN);
	cross(t, at + TERMINAL_RISK_7D, at + TERMINAL_RUN);
	return 0;
}

int
traits_init(struct traits *t, const struct slice *terminals, unsigned n_terminals,
    const struct slice *keys, unsigned n_keys, struct error *error)
{
	*t = (struct traits){ .terminals = n_terminals, .keys = n_keys };
	for (unsigned i = 0; i < OWN_TRAITS; i++)
		(void)add(t, "", 0, own[i].word, own[i].buckets, error);
	cross(t, DEVIATION, ODD_14D);
	cross(t, DEVIATION_SCALE, COUNT_30D);
	cross(t, SPENDING, AMOUNT_SCALE);
	for (unsigned i = 0; i < n_terminals; i++)
		if (add_terminal(t, terminals[i], error) != 0)
			return -1;
	t->first_key = t->n;
	for (unsigned i = 0; i < n_keys; i++)
		for (unsigned w = 0; w < TRAITS_WINDOWS; w++)
			if (add(t, (const char *)keys[i].at, stem_size(keys[i]),
				velocity_words[w], 48, error) != 0)
				return -1;
	return 0;
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
	return bucket < 1 ? 1
	    : (unsigned)bucket >= buckets ? buckets - 1
					  : (unsigned)bucket;
}

static unsigned
count_bucket(double count)
{
	return log_bucket((float)count, 2, 0, 48);
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

	to[HOUR] = (uint8_t)hour;
	to[DAY_OR_NIGHT] = (uint8_t)((weekday >= 5) * 2 + (hour <= 6));
}

static void
customer_traits(const struct traits_view *v, uint8_t *to)
{
	const struct bands *b = &v->customer;
	struct band week = bands_sum(b, 0, 1), month = bands_sum(b, 0, 3);
	float z = traits_deviation(v->typical, v->amount);

	to[COUNT_1D] = (uint8_t)count_bucket(b->of[0].count);
	to[COUNT_7D] = (uint8_t)count_bucket(week.count);
	to[COUNT_30D] = (uint8_t)count_bucket(month.count);
	to[MEAN_1D] = (uint8_t)ratio_bucket(v->amount, mean_of(b->of[0]));
	to[MEAN_7D] = (uint8_t)ratio_bucket(v->amount, mean_of(week));
	to[MEAN_30D] = (uint8_t)ratio_bucket(v->amount, mean_of(month));
	to[SPENDING] = (uint8_t)log_bucket((float)mean_of(month), 2, -4, 128);
	to[DEVIATION] = (uint8_t)log_bucket(z, 3, -6, 98);
	to[DEVIATION_SCALE] = (uint8_t)log_bucket(z, 1, -2, 16);
	to[MEDIAN] =
	    (uint8_t)ratio_bucket(v->amount, (double)typical_median(v->typical));
	to[ODD_7D] = (uint8_t)few(week.odd);
	to[ODD_14D] = (uint8_t)few(bands_sum(b, 0, 2).odd);
	to[ODD_30D] = (uint8_t)few(month.odd);
	to[KNOWN_FRAUD] = (uint8_t)few(month.fraud);
	to[PAUSE] = (uint8_t)log_bucket(
	    (float)(v->since_last_us / WHEN_SECOND) + 1, 1, 0, 64);
	if (v->since_last_us < 0)
		to[PAUSE] = 0;
	to[SIGN_UP] = (uint8_t)sign_up_bucket(v->since_sign_up_us);
}

static void
terminal_traits(const struct traits_terminal *x, uint8_t *to)
{
	const struct bands *b = &x->bands;
	struct band day = b->of[1], week = bands_sum(b, 1, 2),
		    month = bands_sum(b, 1, 3);
	unsigned run = x->run < RUNS ? x->run : RUNS;
	int64_t age = x->run_us / WHEN_DAY + 1;

	if (!x->known) {
		memset(to, 0, TERMINAL_TRAITS);
		return;
	}
	to[TERMINAL_COUNT_1D] = (uint8_t)count_bucket(day.count);
	to[TERMINAL_COUNT_7D] = (uint8_t)count_bucket(week.count);
	to[TERMINAL_COUNT_30D] = (uint8_t)count_bucket(month.count);
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
	to[AMOUNT_SCALE] = (uint8_t)log_bucket(v->amount, 0, -7, 32);
	clock_traits(v->when, to);
	customer_traits(v, to);
	to += OWN_TRAITS;
	for (unsigned i = 0; i < t->terminals; i++, to += TERMINAL_TRAITS)
		terminal_traits(&v->terminal[i], to);
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
	unsigned n = 0;

	for (unsigned i = 0; i < t->n; i++) {
		if (i >= t->first_key && bucket[i] == 0)
			continue;
		part[n] = (uint8_t)i;
		cell[n++] = t->of[i].at + bucket[i];
	}
	for (unsigned i = 0; i < t->crosses; i++) {
		const struct trait_cross *c = &t->cross[i];

		part[n] = (uint8_t)(t->n + i);
		cell[n++] = c->at + bucket[c->a] + t->of[c->a].buckets * bucket[c->b];
	}
	return n;
}

void
traits_word(const struct traits *t, unsigned i, char to[2 * TRAITS_WORD_MAX])
{
	const struct trait_cross *c = i < t->n ? NULL : &t->cross[i - t->n];

	if (c == NULL)
		(void)snprintf(to, 2 * TRAITS_WORD_MAX, "%s", t->of[i].word);
	else
		(void)snprintf(to, 2 * TRAITS_WORD_MAX, "%s*%s", t->of[c->a].word,
		    t->of[c->b].word);
}
