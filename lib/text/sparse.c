/* SPDX-License-Identifier: MIT */
#include "lib/text/sparse.h"

#include <stdlib.h>

#include "lib/base/assert.h"
#include "lib/base/number.h"

/* --- Passages --------------------------------------------------------------------- */

bool
passage_fail(struct passage *p, const uint8_t *at, const char *reason)
{
	p->fault->at = (size_t)(at - p->start);
	p->fault->reason = reason;
	return false;
}

bool
passage_word(struct passage *p, struct slice *word)
{
	const uint8_t *at = p->at, *from;

	while (at < p->end && sparse_is_space(*at))
		at++;
	for (from = at; at < p->end && !sparse_is_space(*at);)
		at++;
	*word = slice_of(from, (size_t)(at - from));
	p->at = at;
	return word->size > 0;
}

bool
passage_number(struct passage *p, struct slice word, const char *reason, double *to)
{
	const uint8_t *end = word.at + word.size;

	if (sparse_number(word.at, end, to) != end || !isfinite(*to))
		return passage_fail(p, word.at, reason);
	return true;
}

/* --- Vectors ---------------------------------------------------------------------- */

bool
sparse_init(struct sparse *s)
{
	s->keys = calloc(SPARSE_KEYS_MAX + FEATURES_MAX, sizeof *s->keys);
	s->values = calloc(SPARSE_KEYS_MAX + FEATURES_MAX, sizeof *s->values);
	s->nameless = feature_space(slice_of("", 0));
	for (unsigned i = 0; i < 256; i++)
		s->letters[i] = feature_space(slice_of(&(uint8_t){ (uint8_t)i }, 1));
	return s->keys != NULL && s->values != NULL;
}

void
sparse_fini(struct sparse *s)
{
	free(s->keys);
	free(s->values);
}

void
sparse_begin(struct sparse *s, unsigned max, struct vector *to)
{
	assert(s->n <= SPARSE_KEYS_MAX);
	to->begin = s->n;
	s->limit = max < SPARSE_KEYS_MAX - s->n ? s->n + max : SPARSE_KEYS_MAX;
	s->weighted = false;
}

void
sparse_end(struct sparse *s, struct vector *to)
{
	to->count = s->n - to->begin;
	to->weighted = s->weighted;
}

void
sparse_build_keys(const struct sparse *s, const struct vector *v, struct build *to)
{
	build_bin(to, slice_of(s->keys + v->begin, sizeof *s->keys * v->count));
}

void
sparse_build_values(const struct sparse *s, const struct vector *v, struct build *to)
{
	if (v->weighted)
		build_bin(
		    to, slice_of(s->values + v->begin, sizeof *s->values * v->count));
	else
		build_nil(to);
}

struct vector
sparse_join(struct sparse *s, const struct vector *a, const struct vector *b)
{
	struct vector v = { s->n, a->count + b->count, a->weighted || b->weighted };

	assert(v.count <= FEATURES_MAX && s->n <= SPARSE_KEYS_MAX);
	memcpy(s->keys + v.begin, s->keys + a->begin, sizeof *s->keys * a->count);
	memcpy(s->values + v.begin, s->values + a->begin, sizeof *s->values * a->count);
	memcpy(s->keys + v.begin + a->count, s->keys + b->begin,
	    sizeof *s->keys * b->count);
	memcpy(s->values + v.begin + a->count, s->values + b->begin,
	    sizeof *s->values * b->count);
	return v;
}

/* --- Numbers ---------------------------------------------------------------------- */

enum { DIGITS = 19, EXPONENT_MAX = 9999 };

static const double power[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10,
	1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };

/* digits * 10^exponent, correctly rounded. */
static double
scale(uint64_t digits, int exponent)
{
	char text[2 * NUMBER_TEXT_MAX];
	unsigned size;
	double value;

	/* Clinger's exact case: both are doubles without error. */
	if (digits < UINT64_C(1) << 53 && exponent >= -22 && exponent <= 22)
		return exponent < 0 ? (double)digits / power[-exponent]
				    : (double)digits * power[exponent];
	if (digits == 0)
		return 0;
	size = number_format_uint(digits, text);
	text[size++] = 'e';
	size += number_format_int(exponent, text + size);
	if (number_parse_double(slice_of(text, size), &value))
		return value;
	return exponent < 0 ? 0 : HUGE_VAL;
}

static inline bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* The exponent after a mantissa; what is none is left where it is. */
static const uint8_t *
read_exponent(const uint8_t *at, const uint8_t *end, int *exponent)
{
	const uint8_t *p = at + 1;
	bool negative;
	int e = 0;

	if (p < end && (*p == '-' || *p == '+'))
		p++;
	negative = p[-1] == '-';
	if (p == end || !is_digit(*p))
		return at;
	for (; p < end && is_digit(*p); p++)
		if (e < EXPONENT_MAX)
			e = e * 10 + (*p - '0');
	*exponent += negative ? -e : e;
	return p;
}

/* Any number, after its sign. */
static const uint8_t *
read_number(const uint8_t *at, const uint8_t *end, bool negative, double *to)
{
	bool point = false, any = false;
	unsigned significant = 0;
	uint64_t digits = 0;
	int exponent = 0;

	for (; at < end; at++) {
		if (*at == '.' && !point) {
			point = true;
			continue;
		}
		if (!is_digit(*at))
			break;
		any = true;
		if (significant < DIGITS) {
			digits = digits * 10 + (uint64_t)(*at - '0');
			significant += digits > 0;
			exponent -= point;
		} else if (!point && exponent < EXPONENT_MAX) {
			exponent++;
		}
	}
	if (!any)
		return NULL;
	if (at < end && (*at | 0x20) == 'e')
		at = read_exponent(at, end, &exponent);
	*to = scale(digits, exponent);
	if (negative)
		*to = -*to;
	return at;
}

/* Most numbers are of few digits and without exponent: one division at most. */
const uint8_t *
sparse_number(const uint8_t *at, const uint8_t *end, double *to)
{
	bool negative = at < end && *at == '-';
	const uint8_t *from = at + (at < end && (*at == '-' || *at == '+')), *point;
	uint64_t digits = 0;
	double value;

	for (at = from; at < end && is_digit(*at); at++)
		digits = digits * 10 + (uint64_t)(*at - '0');
	point = at;
	if (at < end && *at == '.')
		for (at++; at < end && is_digit(*at); at++)
			digits = digits * 10 + (uint64_t)(*at - '0');
	if (point == from || at - from > 16 || (at < end && (*at | 0x20) == 'e'))
		return read_number(from, end, negative, to);
	value = (double)digits;
	if (at > point + 1)
		value /= power[at - point - 1];
	*to = negative ? -value : value;
	return at;
}
