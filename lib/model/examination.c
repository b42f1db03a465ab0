/* SPDX-License-Identifier: MIT */
#include "lib/model/examination.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/hash.h"
#include "lib/record/value.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

enum { NOWHERE = EXAMINATION_PLACES };

/* Clicks that are expected, and come, at a place before its first example. */
static const double prior = 20;
/* More than anybody can have seen. */
static const double sum_max = 1e15;

/* --- Keys --------------------------------------------------------------------------- */

static uint64_t
not_zero(uint64_t key)
{
	return key != 0 ? key : 1;
}

uint64_t
examination_key_int(uint64_t before, int64_t value)
{
	return not_zero(hash_pair(before, (uint64_t)value));
}

uint64_t
examination_key(uint64_t before, struct slice value)
{
	struct slice text = value;
	int64_t number;

	if (value_int(value, &number))
		return examination_key_int(before, number);
	(void)value_text(value, &text);
	return not_zero(hash_bytes(text, hash_mix(before + 1)));
}

/* "top,2": the values with commas between them, as far as they fit. */
static void
make_label(const struct examination_place *place, char to[EXAMINATION_LABEL])
{
	size_t at = 0;

	memset(to, 0, EXAMINATION_LABEL);
	for (unsigned i = 0; i < place->n && at < EXAMINATION_LABEL - 1; i++) {
		struct slice text = slice_text("?");
		int64_t number;
		int n;

		(void)value_text(place->value[i], &text);
		if (value_int(place->value[i], &number))
			n = snprintf(to + at, EXAMINATION_LABEL - at, "%s%lld",
			    i > 0 ? "," : "", (long long)number);
		else
			n = snprintf(to + at, EXAMINATION_LABEL - at, "%s%.*s",
			    i > 0 ? "," : "", (int)text.size, (const char *)text.at);
		at += (size_t)n;
	}
	/* What is cut must not end within a character. */
	for (unsigned i = EXAMINATION_LABEL - 1;
	     at >= EXAMINATION_LABEL && i > 0 && (uint8_t)to[i - 1] >= 0x80; i--)
		to[i - 1] = '\0';
}

/* --- Reading ------------------------------------------------------------------------ */

/* Eight bytes that others may be reading, or writing. */
static double
load(const double *from)
{
	double value;

	__atomic_load(from, &value, __ATOMIC_RELAXED);
	return value;
}

static void
store(double *to, double value)
{
	__atomic_store(to, &value, __ATOMIC_RELAXED);
}

static unsigned
find(const struct examination *x, uint64_t key)
{
	uint64_t count = __atomic_load_n(&x->count, __ATOMIC_ACQUIRE);

	for (unsigned i = 0; i < count && i < EXAMINATION_PLACES; i++)
		if (__atomic_load_n(&x->key[i], __ATOMIC_ACQUIRE) == key)
			return i;
	return NOWHERE;
}

double
examination_of(const struct examination *x, uint64_t key)
{
	unsigned i = key != 0 ? find(x, key) : NOWHERE;
	double best = load(&x->best), ratio = i != NOWHERE ? load(&x->ratio[i]) : 1;

	if (key == 0 || !(best > 0))
		return 1;
	/* Another place may have got its room meanwhile. */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (i != NOWHERE && __atomic_load_n(&x->key[i], __ATOMIC_RELAXED) != key)
		ratio = 1;
	return ratio < best ? ratio / best : 1;
}

/* --- Learning ----------------------------------------------------------------------- */

static double
ratio_of(double clicks, double expected)
{
	return (prior + clicks) / (prior + expected);
}

static void
find_best(struct examination *x)
{
	double best = 0;

	for (unsigned i = 0; i < x->count; i++)
		best = fmax(best, x->ratio[i]);
	store(&x->best, best);
}

static void
set(struct examination *x, unsigned i, double clicks, double expected)
{
	bool was_best = x->ratio[i] >= x->best;

	x->clicks[i] = fmin(fmax(clicks, 0), sum_max);
	x->expected[i] = fmin(fmax(expected, 0), sum_max);
	store(&x->ratio[i], ratio_of(x->clicks[i], x->expected[i]));
	if (was_best || x->ratio[i] > x->best)
		find_best(x);
}

/* Room for a new place, that of the stalest where there is none. */
static unsigned
make_room(struct examination *x)
{
	unsigned stalest = 0;

	if (x->count < EXAMINATION_PLACES)
		return (unsigned)x->count;
	for (unsigned i = 1; i < EXAMINATION_PLACES; i++)
		if (x->touched[i] < x->touched[stalest])
			stalest = i;
	x->evicted++;
	return stalest;
}

static unsigned
take_up(struct examination *x, uint64_t key, const char label[EXAMINATION_LABEL])
{
	unsigned i = make_room(x);

	__atomic_store_n(&x->key[i], 0, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	x->clicks[i] = x->expected[i] = 0;
	memcpy(x->label[i], label, EXAMINATION_LABEL);
	store(&x->ratio[i], ratio_of(0, 0));
	__atomic_store_n(&x->key[i], key, __ATOMIC_RELEASE);
	if (i == x->count)
		__atomic_store_n(&x->count, i + 1, __ATOMIC_RELEASE);
	find_best(x);
	return i;
}

/* What is left of the sums when so many clicks more were expected. */
static double
left(double more)
{
	return 1 - fmin(more / EXAMINATION_CLICKS, 0.5);
}

/* What was expected before so many more led to this. */
static double
before(double expected, double more)
{
	return fmax(expected - more, 0) / left(more);
}

void
examination_note(struct examination *x, const struct examination_place *place,
    double click, double r, double weight, uint64_t now)
{
	unsigned i = place->key != 0 ? find(x, place->key) : NOWHERE;
	double most, w = fabs(weight), then;

	if (place->key == 0 || !(r > 0) || (i == NOWHERE && weight < 0))
		return;
	if (i == NOWHERE) {
		char label[EXAMINATION_LABEL];

		make_label(place, label);
		i = take_up(x, place->key, label);
	}
	x->touched[i] = now;
	then = weight > 0 ? x->expected[i] : before(x->expected[i], w * r);
	/* One that is too heavy would be all that is known. */
	most = (prior + then) / 2 / r;
	w = fmin(w, most);
	if (weight > 0)
		set(x, i, x->clicks[i] * left(w * r) + w * click,
		    then * left(w * r) + w * r);
	else
		set(x, i, (x->clicks[i] - w * click) / left(w * r), then);
}

/* --- Whole tables ------------------------------------------------------------------- */

void
examination_settle(struct examination *x)
{
	assert(x->count <= EXAMINATION_PLACES);
	for (unsigned i = 0; i < x->count; i++)
		x->ratio[i] = ratio_of(x->clicks[i], x->expected[i]);
	find_best(x);
}

/* The place of which the least is known; NOWHERE while there is room. */
static unsigned
least_known(const struct examination *x)
{
	unsigned least = 0;

	if (x->count < EXAMINATION_PLACES)
		return NOWHERE;
	for (unsigned i = 1; i < EXAMINATION_PLACES; i++)
		if (x->expected[i] < x->expected[least])
			least = i;
	return least;
}

static void
copy_place(
    struct examination *to, unsigned i, const struct examination *from, unsigned k)
{
	to->key[i] = from->key[k];
	to->clicks[i] = from->clicks[k];
	to->expected[i] = from->expected[k];
	to->touched[i] = from->touched[k];
	memcpy(to->label[i], from->label[k], EXAMINATION_LABEL);
}

void
examination_merge(struct examination *to, const struct examination *from)
{
	for (unsigned k = 0; k < from->count; k++) {
		unsigned i = find(to, from->key[k]), least = least_known(to);

		if (i != NOWHERE) {
			double expected = to->expected[i] + from->expected[k];
			double share = fmin(1, EXAMINATION_CLICKS / expected);

			to->clicks[i] = share * (to->clicks[i] + from->clicks[k]);
			to->expected[i] = share * expected;
		} else if (least == NOWHERE) {
			copy_place(to, (unsigned)to->count++, from, k);
		} else {
			to->evicted++;
			if (from->expected[k] > to->expected[least])
				copy_place(to, least, from, k);
		}
	}
	to->evicted += from->evicted;
	examination_settle(to);
}

static bool
place_is_sound(const struct examination *x, unsigned i)
{
	return x->key[i] != 0 && x->clicks[i] >= 0 && x->clicks[i] <= sum_max &&
	    x->expected[i] >= 0 && x->expected[i] <= sum_max && x->ratio[i] > 0 &&
	    x->ratio[i] <= sum_max && x->label[i][EXAMINATION_LABEL - 1] == '\0';
}

bool
examination_is_sound(const struct examination *x)
{
	bool sound = x->count <= EXAMINATION_PLACES && x->best >= 0 &&
	    x->best <= sum_max && (x->best > 0 || x->count == 0);

	for (unsigned i = 0; i < x->count && sound; i++)
		sound = place_is_sound(x, i);
	return sound;
}
