/* SPDX-License-Identifier: MIT
 *
 * Write the purchases of the simulated data of the Fraud Detection Handbook (Le Borgne,
 * Siblini, Lebichot and Bontempi, "Reproducible Machine Learning for Credit Card Fraud
 * Detection", chapter 3), and a chargeback of each that is fraud DELAY days later:
 *
 *	gen_transactions [DAYS [SEED [CUSTOMERS [TERMINALS [DELAY]]]]]
 *
 * With the presets, 183 days from seed 0, they are the Handbook's own 1,754,155: its
 * generators are used as they are used there. A purchase has its `scenario`: 0, or 1 more
 * than 220 spent, 2 a terminal of criminals (2 more a day, for 28 days), 3 a customer whose
 * card is known to others (3 more a day, a third of the purchases of 14 days, five times as
 * dear).
 *
 * Sources: Matsumoto and Nishimura, "Mersenne Twister", ACM TOMACS 1998; what NumPy's
 * RandomState and Python's random make of its numbers, which both promise not to change.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/record/build.h"

/* --- Numbers ------------------------------------------------------------------------ */

enum { TWIST = 624, SHIFT = 397 };

struct twister {
	uint32_t state[TWIST];
	unsigned at;
	bool has_normal; /* normals come in pairs */
	double normal;
};

static void
twister_seed(struct twister *t, uint32_t seed)
{
	t->state[0] = seed;
	for (uint32_t i = 1; i < TWIST; i++)
		t->state[i] =
		    UINT32_C(1812433253) * (t->state[i - 1] ^ t->state[i - 1] >> 30) +
		    i;
	t->at = TWIST;
	t->has_normal = false;
}

/* As Python seeds it by an integer: an array of one number. */
static void
twister_seed_array(struct twister *t, uint32_t seed)
{
	uint32_t *s = t->state, i = 1;

	twister_seed(t, 19650218);
	for (unsigned k = 0; k < 2 * TWIST - 1; k++) {
		uint32_t before = s[i - 1] ^ s[i - 1] >> 30;

		if (k < TWIST)
			s[i] = (s[i] ^ before * UINT32_C(1664525)) + seed;
		else
			s[i] = (s[i] ^ before * UINT32_C(1566083941)) - i;
		if (++i == TWIST) {
			s[0] = s[TWIST - 1];
			i = 1;
		}
	}
	s[0] = UINT32_C(1) << 31;
}

static void
twist(struct twister *t)
{
	uint32_t *s = t->state;

	for (unsigned i = 0; i < TWIST; i++) {
		uint32_t y = (s[i] & UINT32_C(0x80000000)) |
		    (s[(i + 1) % TWIST] & UINT32_C(0x7fffffff));

		s[i] = s[(i + SHIFT) % TWIST] ^ y >> 1 ^
		    ((y & 1) != 0 ? UINT32_C(0x9908b0df) : 0);
	}
	t->at = 0;
}

static uint32_t
next(struct twister *t)
{
	uint32_t y;

	if (t->at == TWIST)
		twist(t);
	y = t->state[t->at++];
	y ^= y >> 11;
	y ^= y << 7 & UINT32_C(0x9d2c5680);
	y ^= y << 15 & UINT32_C(0xefc60000);
	return y ^ y >> 18;
}

static double
uniform(struct twister *t, double low, double high)
{
	uint32_t a = next(t) >> 5, b = next(t) >> 6;

	return low + (high - low) * ((a * 67108864.0 + b) / 9007199254740992.0);
}

/* Marsaglia's polar method. */
static double
normal(struct twister *t, double mean, double deviation)
{
	double x, y, r, f;

	if (t->has_normal) {
		t->has_normal = false;
		return mean + deviation * t->normal;
	}
	do {
		x = uniform(t, -1, 1);
		y = uniform(t, -1, 1);
		r = x * x + y * y;
	} while (r >= 1 || r == 0);
	f = sqrt(-2 * log(r) / r);
	t->normal = f * x;
	t->has_normal = true;
	return mean + deviation * f * y;
}

static unsigned
poisson(struct twister *t, double mean)
{
	double least = exp(-mean), product = uniform(t, 0, 1);
	unsigned n = 0;

	for (; product > least; n++)
		product *= uniform(t, 0, 1);
	return n;
}

/* Below n, as Python draws it: as many bits as n has. */
static uint32_t
below(struct twister *t, uint32_t n)
{
	unsigned bits = 32 - (unsigned)__builtin_clz(n);
	uint32_t x;

	do
		x = next(t) >> (32 - bits);
	while (x >= n);
	return x;
}

/* The first k of a shuffle of 0 .. n - 1, as NumPy does it. */
static void
choose(struct twister *t, uint32_t *all, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		all[i] = i;
	for (uint32_t i = n - 1; i > 0; i--) {
		uint32_t mask = UINT32_MAX >> __builtin_clz(i), j, was = all[i];

		do
			j = next(t) & mask;
		while (j > i);
		all[i] = all[j];
		all[j] = was;
	}
}

/* --- The world ---------------------------------------------------------------------- */

struct place {
	double x, y;
};

struct customer {
	struct place at;
	double mean, rate;
};

struct purchase {
	uint32_t second, customer, terminal;
	uint8_t scenario;
	double amount;
};

enum { DAY = 86400 };

static struct purchase *purchases;
static uint32_t n_purchases, room;

static void *
array(size_t n, size_t size)
{
	void *p = calloc(n + 1, size);

	assert(p != NULL);
	return p;
}

static void
add(const struct purchase *p)
{
	if (n_purchases == room) {
		room = room == 0 ? 1 << 20 : 2 * room;
		purchases = realloc(purchases, room * sizeof *purchases);
		assert(purchases != NULL);
	}
	purchases[n_purchases++] = *p;
}

/* All purchases of one customer. */
static void
spend(uint32_t id, const struct customer *c, const uint32_t *near, uint32_t n,
    unsigned days, uint32_t seed, struct twister *python)
{
	static struct twister t;

	twister_seed(&t, seed + id);
	twister_seed_array(python, seed + id);
	for (uint32_t day = 0; day < days; day++) {
		for (unsigned left = poisson(&t, c->rate); left > 0; left--) {
			double second = trunc(normal(&t, DAY / 2.0, 20000));
			double amount;

			if (second <= 0 || second >= DAY)
				continue;
			amount = normal(&t, c->mean, c->mean / 2);
			if (amount < 0)
				amount = uniform(&t, 0, 2 * c->mean);
			if (n > 0)
				add(&(struct purchase){
				    .second = day * DAY + (uint32_t)second,
				    .customer = id,
				    .terminal = near[below(python, n)],
				    .amount = rint(amount * 100) / 100 });
		}
	}
}

static void
live(uint32_t customers, uint32_t terminals, unsigned days, uint32_t seed,
    struct twister *python)
{
	static struct twister t;
	struct customer *c = array(customers, sizeof *c);
	struct place *at = array(terminals, sizeof *at);
	uint32_t *near = array(terminals, sizeof *near);

	twister_seed(&t, seed);
	for (uint32_t i = 0; i < customers; i++) {
		c[i].at.x = uniform(&t, 0, 100);
		c[i].at.y = uniform(&t, 0, 100);
		c[i].mean = uniform(&t, 5, 100);
		c[i].rate = uniform(&t, 0, 4);
	}
	twister_seed(&t, seed + 1);
	for (uint32_t i = 0; i < terminals; i++) {
		at[i].x = uniform(&t, 0, 100);
		at[i].y = uniform(&t, 0, 100);
	}
	for (uint32_t i = 0; i < customers; i++) {
		uint32_t n = 0;

		for (uint32_t j = 0; j < terminals; j++) {
			double dx = c[i].at.x - at[j].x, dy = c[i].at.y - at[j].y;

			if (sqrt(dx * dx + dy * dy) < 5)
				near[n++] = j;
		}
		spend(i, &c[i], near, n, days, seed, python);
	}
	free(c);
	free(at);
	free(near);
}

static int
by_time(const void *a, const void *b)
{
	const struct purchase *x = a, *y = b;

	if (x->second != y->second)
		return x->second < y->second ? -1 : 1;
	return x->customer < y->customer ? -1 : x->customer > y->customer;
}

/* --- Fraud -------------------------------------------------------------------------- */

/* The first purchase of a day. */
static uint32_t
first_of(uint32_t day)
{
	uint32_t low = 0, high = n_purchases;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (purchases[middle].second / DAY < day)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool
is_among(uint32_t x, const uint32_t *some, unsigned n)
{
	while (n-- > 0)
		if (some[n] == x)
			return true;
	return false;
}

/* k of n, as Python's random.sample draws them. */
static void
sample(struct twister *t, const uint32_t *from, uint32_t n, uint32_t k, uint32_t *to)
{
	uint32_t set = 21, *pool = array(n, sizeof *pool);

	if (k > 5)
		set += (uint32_t)pow(4, ceil(log(3.0 * k) / log(4)));
	for (uint32_t i = 0; i < n; i++)
		pool[i] = i;
	for (uint32_t i = 0; i < k; i++) {
		uint32_t j;

		if (n <= set) {
			j = below(t, n - i);
			to[i] = from[pool[j]];
			pool[j] = pool[n - i - 1];
			continue;
		}
		do
			j = below(t, n);
		while (pool[j] == UINT32_MAX);
		pool[j] = UINT32_MAX;
		to[i] = from[j];
	}
	free(pool);
}

static void
steal(uint32_t customers, uint32_t terminals, unsigned days, uint32_t seed,
    struct twister *python)
{
	static struct twister t;
	uint32_t *all = array(customers + terminals, sizeof *all), n, k;
	uint32_t *victims = array(n_purchases, sizeof *victims);
	uint32_t *dear = array(n_purchases, sizeof *dear);

	for (uint32_t i = 0; i < n_purchases; i++)
		purchases[i].scenario = purchases[i].amount > 220;
	for (uint32_t day = 0; day < days; day++) {
		twister_seed(&t, seed + day);
		choose(&t, all, terminals);
		for (uint32_t i = first_of(day); i < first_of(day + 28); i++)
			if (is_among(purchases[i].terminal, all, 2))
				purchases[i].scenario = 2;
	}
	for (uint32_t day = 0; day < days; day++) {
		twister_seed(&t, seed + day);
		choose(&t, all, customers);
		n = 0;
		for (uint32_t i = first_of(day); i < first_of(day + 14); i++)
			if (is_among(purchases[i].customer, all, 3))
				victims[n++] = i;
		k = n / 3;
		sample(python, victims, n, k, dear);
		for (uint32_t i = 0; i < k; i++) {
			purchases[dear[i]].amount *= 5;
			purchases[dear[i]].scenario = 3;
		}
	}
	free(all);
	free(victims);
	free(dear);
}

/* --- Records ------------------------------------------------------------------------ */

static void
pair_text(struct build *b, const char *key, char prefix, uint32_t number)
{
	char text[16];

	(void)snprintf(text, sizeof text, "%c%u", prefix, number);
	build_text(b, key);
	build_text(b, text);
}

static void
pair_int(struct build *b, const char *key, int64_t value)
{
	build_text(b, key);
	build_int(b, value);
}

/* From 2018-04-01 on. */
static int64_t
instant_of(uint32_t second)
{
	return INT64_C(1522540800000000) + INT64_C(1000000) * second;
}

static void
put(const struct build *b)
{
	(void)fwrite(b->start, 1, (size_t)(b->at - b->start), stdout);
}

static void
put_purchase(struct build *b, uint32_t id)
{
	const struct purchase *p = &purchases[id];

	build_reset(b);
	build_map(b, 8);
	build_text(b, "event");
	build_text(b, "purchase");
	pair_text(b, "event_id", 'e', id);
	pair_int(b, "timestamp", instant_of(p->second));
	pair_text(b, "transaction_id", 't', id);
	pair_text(b, "user_id", 'c', p->customer);
	pair_text(b, "terminal_id", 'p', p->terminal);
	pair_int(b, "value_micros", llrint(p->amount * 100) * 10000);
	pair_int(b, "scenario", p->scenario);
	put(b);
}

static void
put_chargeback(struct build *b, uint32_t id, uint32_t delay)
{
	build_reset(b);
	build_map(b, 4);
	build_text(b, "event");
	build_text(b, "chargeback");
	pair_text(b, "event_id", 'b', id);
	pair_int(b, "timestamp", instant_of(purchases[id].second + delay));
	pair_text(b, "transaction_id", 't', id);
	put(b);
}

static uint32_t
argument(int argc, char **argv, int i, uint32_t preset)
{
	return argc > i ? (uint32_t)strtoul(argv[i], NULL, 10) : preset;
}

int
main(int argc, char **argv)
{
	static struct twister python;
	uint32_t days = argument(argc, argv, 1, 183), seed = argument(argc, argv, 2, 0);
	uint32_t customers = argument(argc, argv, 3, 5000);
	uint32_t terminals = argument(argc, argv, 4, 10000);
	uint32_t delay = argument(argc, argv, 5, 7) * DAY, back = 0;
	uint8_t bytes[512];
	struct build b;

	build_init(&b, bytes, sizeof bytes);
	live(customers, terminals, days, seed, &python);
	qsort(purchases, n_purchases, sizeof *purchases, by_time);
	steal(customers, terminals, days, seed, &python);
	for (uint32_t i = 0; i < n_purchases; i++) {
		for (; purchases[back].second + delay <= purchases[i].second; back++)
			if (purchases[back].scenario > 0)
				put_chargeback(&b, back, delay);
		put_purchase(&b, i);
	}
	free(purchases);
	return fflush(stdout) == 0 && ferror(stdout) == 0 ? 0 : 1;
}
