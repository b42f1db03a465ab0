/* SPDX-License-Identifier: MIT */
#include "lib/model/crosses.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/dirty.h"
#include "lib/base/memory.h"
#include "lib/state/block.h"
#include "lib/vec.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

/* Bets of a pair, and combinations of an example. */
enum { BETS = 3, ROOM = 4096 };

/* Variances of what a combination adds, before its first example. */
static const float prior[BETS] = { 0.02f, 0.1f, 0.4f };

/* Of what a single feature adds: the variance before its first example, and noise. */
static const float single_prior = 0.01f, single_noise = 1e-5f;

struct slot {
	float g, h;
};

struct single {
	float mean, variance; /* 0: none yet */
};

struct crosses_search {
	uint64_t seen;             /* examples */
	double shift, uncertainty; /* of the intercept of what is kept */
	double gain[CROSSES_PAIRS][BETS];
	struct slot *pair;     /* owned; CROSSES_PAIRS x CROSSES_SLOTS */
	struct single *single; /* behind: CROSSES_FIELDS x CROSSES_SLOTS */
	struct dirty dirty;

	/* Of the example at hand: its pairs, how many slots each has, and which. */
	uint16_t at_pair[CROSSES_PAIRS];
	uint8_t n[CROSSES_PAIRS];
	struct slot *slot[ROOM];
};

static inline unsigned
pair_of(unsigned a, unsigned b)
{
	return b * (b - 1) / 2 + a;
}

bool
crosses_are_sound(const struct crosses *c)
{
	if (c->count > CROSSES_MAX || c->fields > CROSSES_FIELDS)
		return false;
	for (unsigned i = 0; i < c->fields; i++)
		for (unsigned j = 0; j < i; j++)
			if (c->space[i] == c->space[j])
				return false;
	for (unsigned i = 0; i < c->count; i++)
		if (c->pair[i].a >= c->pair[i].b || c->pair[i].b >= c->fields)
			return false;
	return true;
}

static bool
is_chosen(const struct crosses *c, unsigned a, unsigned b)
{
	for (unsigned i = 0; i < c->count; i++)
		if (c->pair[i].a == a && c->pair[i].b == b)
			return true;
	return false;
}

/* Readers see the pair before they see that there is one more. */
static void
choose(struct crosses *c, unsigned a, unsigned b)
{
	c->pair[c->count].a = (uint8_t)a;
	c->pair[c->count].b = (uint8_t)b;
	__atomic_store_n(&c->count, c->count + 1, __ATOMIC_RELEASE);
}

/* --- Fields ------------------------------------------------------------------------- */

/* The number of a namespace, most often the one after the last. */
static unsigned
number_of(const struct crosses *c, unsigned fields, uint16_t space, unsigned guess)
{
	if (guess < fields && c->space[guess] == space)
		return guess;
	for (unsigned i = 0; i < fields; i++)
		if (c->space[i] == space)
			return i;
	return CROSSES_FIELDS;
}

/* The number of a field, if need be a new one. */
static unsigned
take_field(struct crosses *c, uint16_t space, unsigned guess)
{
	unsigned number = number_of(c, c->fields, space, guess);

	if (number == CROSSES_FIELDS && c->fields < CROSSES_FIELDS) {
		number = c->fields++;
		c->space[number] = space;
	}
	return number;
}

void
crosses_meet(struct crosses *c, const struct features *f)
{
	unsigned number = CROSSES_FIELDS;

	for (unsigned i = 0; i < features_count(f); i++) {
		uint16_t space = (uint16_t)(features_key(f, i) >> 48);

		number = take_field(c, space, number + 1);
	}
}

static bool
is_one(const struct features *f, unsigned i)
{
	return f->values.at == NULL ||
	    bytes_load_le32(f->values.at + 4 * (size_t)i) == UINT32_C(0x3f800000);
}

static void
sort(const struct crosses *c, const struct features *f, struct crosses_example *e)
{
	unsigned fields = c->fields < CROSSES_FIELDS ? c->fields : CROSSES_FIELDS;
	unsigned number = CROSSES_FIELDS;

	memset(e->count, 0, sizeof e->count);
	for (unsigned i = 0; i < features_count(f); i++) {
		number = number_of(
		    c, fields, (uint16_t)(features_key(f, i) >> 48), number + 1);
		if (number == CROSSES_FIELDS || !is_one(f, i) ||
		    e->count[number] > CROSSES_EACH)
			continue;
		if (e->count[number] < CROSSES_EACH)
			e->at[number][e->count[number]] = (uint16_t)i;
		e->count[number]++;
	}
}

static inline bool
are_crossed(const struct crosses_example *e, unsigned a, unsigned b)
{
	return (unsigned)e->count[a] * e->count[b] - 1u < CROSSES_EACH;
}

uint64_t
crosses_key(uint64_t x, uint64_t y)
{
	uint64_t low = x >> 48 < y >> 48 ? x : y, high = low == x ? y : x;
	uint64_t space = hash_pair(low >> 48, high >> 48) & UINT64_C(0xffff) << 48;

	return feature_key(space, hash_pair(low, high));
}

struct features
crosses_extend(
    const struct crosses *c, const struct features *f, struct crosses_example *e)
{
	uint32_t count = __atomic_load_n(&c->count, __ATOMIC_ACQUIRE);
	unsigned n = features_count(f), first = n;

	if (count == 0 || n == 0)
		return *f;
	sort(c, f, e);
	memcpy(e->key, f->keys.at, f->keys.size);
	for (unsigned p = 0; p < count && p < CROSSES_MAX; p++) {
		unsigned a = c->pair[p].a % CROSSES_FIELDS;
		unsigned b = c->pair[p].b % CROSSES_FIELDS;

		if (!are_crossed(e, a, b))
			continue;
		for (unsigned i = 0; i < e->count[a]; i++)
			for (unsigned j = 0; j < e->count[b] && n < FEATURES_MAX; j++)
				e->key[n++] = crosses_key(features_key(f, e->at[a][i]),
				    features_key(f, e->at[b][j]));
	}
	if (f->values.at == NULL)
		return (struct features){ slice_of(e->key, n * sizeof *e->key), { 0 } };
	memcpy(e->value, f->values.at, f->values.size);
	for (unsigned i = first; i < n; i++)
		e->value[i] = 1;
	return (struct features){ slice_of(e->key, n * sizeof *e->key),
		slice_of(e->value, n * sizeof *e->value) };
}

void
crosses_merge(struct crosses *to, const struct crosses *from, unsigned most)
{
	for (unsigned i = 0; i < from->count && to->count < most; i++) {
		unsigned x = take_field(to, from->space[from->pair[i].a], 0);
		unsigned y = take_field(to, from->space[from->pair[i].b], 0);
		unsigned a = x < y ? x : y, b = x < y ? y : x;

		if (a < b && b < CROSSES_FIELDS && !is_chosen(to, a, b))
			choose(to, a, b);
	}
}

/* --- The search --------------------------------------------------------------------- */

#define PAIRS_SIZE (CROSSES_PAIRS * (size_t)CROSSES_SLOTS * sizeof(struct slot))
#define SLOTS_SIZE                                                                     \
	(PAIRS_SIZE + CROSSES_FIELDS * (size_t)CROSSES_SLOTS * sizeof(struct single))

uint64_t
crosses_search_size(void)
{
	return sizeof(struct crosses_search) + SLOTS_SIZE + SLOTS_SIZE / 2048;
}

struct crosses_search *
crosses_search_new(void)
{
	struct crosses_search *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->uncertainty = 0.25;
	s->pair = calloc(1, SLOTS_SIZE);
	if (s->pair != NULL && dirty_init(&s->dirty, SLOTS_SIZE) == 0) {
		memory_prefer_huge(s->pair, SLOTS_SIZE);
		s->single = (void *)((uint8_t *)s->pair + PAIRS_SIZE);
		return s;
	}
	free(s->pair);
	free(s);
	return NULL;
}

void
crosses_search_copy(struct crosses_search *to, const struct crosses_search *from)
{
	to->seen = from->seen;
	to->shift = from->shift;
	to->uncertainty = from->uncertainty;
	memcpy(to->gain, from->gain, sizeof to->gain);
	memcpy(to->pair, from->pair, SLOTS_SIZE);
	dirty_mark_all(&to->dirty);
}

void
crosses_search_free(struct crosses_search *s)
{
	if (s == NULL)
		return;
	dirty_fini(&s->dirty);
	free(s->pair);
	free(s);
}

/* The slots of two fields' combinations; how many. */
static unsigned
look_up(const struct crosses_search *s, const struct crosses *c,
    const struct crosses_example *e, unsigned a, unsigned b, struct slot **to)
{
	struct slot *table = s->pair + (size_t)pair_of(a, b) * CROSSES_SLOTS;
	unsigned low = c->space[a] < c->space[b] ? a : b, high = a + b - low, n = 0;

	for (unsigned i = 0; i < e->count[low]; i++)
		for (unsigned j = 0; j < e->count[high]; j++) {
			uint64_t key =
			    e->key[e->at[low][i]] * UINT64_C(0x9E3779B97F4A7C15) +
			    e->key[e->at[high][j]];

			key *= UINT64_C(0xBF58476D1CE4E5B9);
			to[n] = &table[key >> (64 - CROSSES_SLOT_BITS)];
			__builtin_prefetch(to[n++], 1);
		}
	return n;
}

static void
mark(struct crosses_search *s, const void *at, size_t size)
{
	dirty_mark(&s->dirty, (size_t)((const uint8_t *)at - (uint8_t *)s->pair), size);
}

/* What the combinations would have added to an example of this residual and variance. */
static void
bet(struct crosses_search *s, unsigned p, struct slot **slot, unsigned n, float g,
    float h)
{
	float d[BETS] = { 0 };

	/* All bets come first, as two combinations may share a slot. */
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < BETS; k++)
			d[k] += slot[i]->g / (slot[i]->h + 1 / prior[k]);
	for (unsigned i = 0; i < n; i++) {
		slot[i]->g += g;
		slot[i]->h += h;
		mark(s, slot[i], sizeof **slot);
	}
	for (unsigned k = 0; k < BETS; k++) {
		float x = d[k] < -1 ? -1 : d[k] > 1 ? 1 : d[k];

		s->gain[p][k] += (double)(x * (g - h * x * (0.5f + 0.22f * fabsf(x))));
	}
}

/* All pairs that are not chosen, as far as there is room for their slots. */
static void
bet_on_all(struct crosses_search *s, const struct crosses *c,
    const struct crosses_example *e, float g, float h)
{
	bool chosen[CROSSES_PAIRS] = { false };
	unsigned pairs = 0, slots = 0;

	for (unsigned i = 0; i < c->count; i++)
		chosen[pair_of(c->pair[i].a, c->pair[i].b)] = true;
	for (unsigned b = 1; b < c->fields; b++)
		for (unsigned a = 0; a < b && e->count[b] > 0; a++) {
			unsigned p = pair_of(a, b);

			if (chosen[p] || !are_crossed(e, a, b) ||
			    slots > ROOM - CROSSES_EACH)
				continue;
			s->at_pair[pairs] = (uint16_t)p;
			s->n[pairs] = (uint8_t)look_up(s, c, e, a, b, s->slot + slots);
			slots += s->n[pairs++];
		}
	for (unsigned i = 0, at = 0; i < pairs; at += s->n[i++])
		bet(s, s->at_pair[i], s->slot + at, s->n[i], g, h);
}

/* The slots of single features; how many. */
static unsigned
look_up_single(
    struct crosses_search *s, const struct crosses_example *e, struct single **to)
{
	unsigned n = 0;

	for (unsigned f = 0; f < CROSSES_FIELDS; f++)
		for (unsigned i = 0; i < e->count[f] && e->count[f] <= CROSSES_EACH;
		     i++) {
			uint64_t key =
			    e->key[e->at[f][i]] * UINT64_C(0x9E3779B97F4A7C15);

			to[n++] = &s->single[f * CROSSES_SLOTS +
			    (key >> (64 - CROSSES_SLOT_BITS))];
		}
	return n;
}

/* The residual of an example that is kept, and its variance, after what the model has not
 * learned of the base rate and of single features, which follows as a lane does (lanes.h). */
static void
residual(struct crosses_search *s, const struct crosses_example *e, double z,
    double label, float *g, float *h)
{
	struct single *slot[CROSSES_FIELDS * CROSSES_EACH];
	unsigned n = look_up_single(s, e, slot);
	double v = s->uncertainty, q, p, gain, loss;

	z += s->shift;
	for (unsigned i = 0; i < n; i++) {
		if (slot[i]->variance == 0)
			slot[i]->variance = single_prior;
		z += (double)slot[i]->mean;
		v += (double)slot[i]->variance;
	}
	q = vec_sigmoid(z);
	p = q * (1 - q);
	*g = (float)(label - q);
	*h = (float)p;
	gain = (label - q) / (1 + p * v);
	loss = p / (1 + p * v);
	s->shift = vec_clamp(s->shift + s->uncertainty * gain, -10, 10);
	s->uncertainty -= s->uncertainty * s->uncertainty * loss - 1e-6;
	for (unsigned i = 0; i < n; i++) {
		float variance = slot[i]->variance;

		slot[i]->mean += variance * (float)gain;
		slot[i]->variance =
		    variance * (1 - variance * (float)loss) + single_noise;
		mark(s, slot[i], sizeof **slot);
	}
}

void
crosses_search_learn(struct crosses_search *s, const struct crosses *c,
    const struct features *f, struct crosses_example *e, double label, double weight,
    double said, double base)
{
	double rate = fmin(CROSSES_NEGATIVES * base / (1 - base), 1);
	double u = hash_uniform(hash_mix(++s->seen));
	float g, h;

	if (!(u < fmin((label > 0 ? 1 : rate) * weight, 1)))
		return;
	sort(c, f, e);
	memcpy(e->key, f->keys.at, f->keys.size);
	residual(s, e, vec_logit(said) - vec_log(fmax(rate, 1e-12)), label, &g, &h);
	bet_on_all(s, c, e, g, h);
}

/* The logarithm of what the best of the bets has made of its part of 1. */
static double
wealth(const struct crosses_search *s, unsigned p)
{
	double most = -INFINITY;

	for (unsigned k = 0; k < BETS; k++)
		most = fmax(most, s->gain[p][k]);
	return most - vec_log(BETS);
}

unsigned
crosses_search_choose(const struct crosses_search *s, struct crosses *c, unsigned most)
{
	double enough = vec_log(CROSSES_PAIRS / CROSSES_ERROR);
	unsigned n = 0;

	for (; c->count < most && c->count < CROSSES_MAX; n++) {
		unsigned best_a = 0, best_b = 0;
		double best = enough;

		for (unsigned b = 1; b < c->fields; b++)
			for (unsigned a = 0; a < b; a++) {
				double w = wealth(s, pair_of(a, b));

				if (w < best || is_chosen(c, a, b))
					continue;
				best = w;
				best_a = a;
				best_b = b;
			}
		if (best_b == 0)
			break;
		choose(c, best_a, best_b);
	}
	return n;
}

/* --- Snapshots ------------------------------------------------------------------------ */

void
crosses_search_save(struct crosses_search *s, struct state_writer *to)
{
	state_put_u64(to, s->seen);
	state_put_double(to, s->shift);
	state_put_double(to, s->uncertainty);
	state_put(to, s->gain, sizeof s->gain);
	state_put_block(to, slice_of(s->pair, SLOTS_SIZE), &s->dirty);
}

int
crosses_search_load(
    struct crosses_search *s, struct state_reader *from, struct error *error)
{
	bool sound = state_get_u64(from, &s->seen) == 0 &&
	    state_get_double(from, &s->shift) == 0 &&
	    state_get_double(from, &s->uncertainty) == 0 &&
	    state_get(from, s->gain, sizeof s->gain) == 0 && fabs(s->shift) <= 10 &&
	    s->uncertainty > 0 && s->uncertainty <= 1;

	for (unsigned p = 0; p < CROSSES_PAIRS && sound; p++)
		for (unsigned k = 0; k < BETS; k++)
			sound = sound && isfinite(s->gain[p][k]);
	if (!sound)
		return error_set(error, "its search for crosses is damaged");
	if (state_get_block(from, s->pair, SLOTS_SIZE, &s->dirty, error) < 0)
		return -1;
	for (size_t i = 0; i < PAIRS_SIZE / sizeof *s->pair && sound; i++)
		sound = isfinite(s->pair[i].g) && s->pair[i].h >= 0 &&
		    s->pair[i].h < INFINITY;
	for (size_t i = 0; i < CROSSES_FIELDS * CROSSES_SLOTS && sound; i++)
		sound = isfinite(s->single[i].mean) && s->single[i].variance >= 0 &&
		    s->single[i].variance <= 1;
	return sound ? 0 : error_set(error, "its search for crosses is damaged");
}
