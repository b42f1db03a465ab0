/* SPDX-License-Identifier: MIT */
#include "lib/feature/vector.h"

#include <math.h>

#include "lib/base/number.h"
#include "lib/hash.h"

/* --- Putting ---------------------------------------------------------------------- */

static void
put_label(struct extract *x, struct slice label)
{
	if (label.size > LABELS - x->text_used)
		label.size = LABELS - x->text_used;
	if (label.size > 0)
		memcpy(x->text + x->text_used, label.at, label.size);
	x->labels[x->n] = (struct label){ x->text_used, (uint32_t)label.size };
	x->text_used += (uint32_t)label.size;
}

void
vector_put(struct extract *x, const struct spec_feature *f, uint64_t hash, double value,
    struct slice label)
{
	if (x->n == FEATURES_MAX) {
		x->counts.cut++;
		return;
	}
	if (x->name != NULL)
		put_label(x, label);
	x->keys[x->n] = feature_key(f->space, hash);
	x->values[x->n] = (float)value;
	x->weighted |= (float)value != 1;
	x->n++;
}

/* The same key is put once for a record. */
static void
put_once(
    struct extract *x, const struct spec_feature *f, uint64_t hash, struct slice label)
{
	uint64_t key = feature_key(f->space, hash);

	for (unsigned i = x->begin[f - x->spec->features]; i < x->n; i++)
		if (x->keys[i] == key)
			return;
	vector_put(x, f, hash, 1, label);
}

void
vector_put_integer(struct extract *x, const struct spec_feature *f, int64_t v)
{
	char text[NUMBER_TEXT_MAX];

	vector_put(x, f, hash_pair(1, (uint64_t)v), 1,
	    slice_of(text, x->name == NULL ? 0 : number_format_int(v, text)));
}

void
vector_put_value(struct extract *x, const struct spec_feature *f, uint64_t hash,
    double value, struct slice label)
{
	if (!isfinite(value) || value == 0)
		return;
	if (fabs(value) > FEATURES_VALUE_MAX)
		value = copysign(FEATURES_VALUE_MAX, value);
	vector_put(x, f, hash, value, label);
}

/* --- Features of the record alone ------------------------------------------------- */

void
vector_field(struct extract *x, struct spec_feature *f, const struct record *r)
{
	struct slice values[SUBJECT_VALUES_MAX], text = { NULL, 0 };
	unsigned n = subject_values(&f->subject, r, values, SUBJECT_VALUES_MAX);
	char label[LABEL_MAX];
	uint64_t hash;

	for (unsigned i = 0; i < n; i++) {
		if (!subject_hash(values[i], &hash))
			continue;
		if (x->name != NULL)
			text = subject_label(values[i], label, sizeof label);
		put_once(x, f, hash, text);
	}
}

/* 0 for 0; the whole part of the logarithm, away from 0 for what is below 1. */
void
vector_put_log(struct extract *x, const struct spec_feature *f, double v, double ratio)
{
	char text[2 * NUMBER_TEXT_MAX + 2];
	size_t size = 0;
	double level;

	if (v == 0) {
		vector_put(x, f, 0, 1, slice_text("0"));
		return;
	}
	level = ratio == 2 ? (double)ilogb(v * (1 + 1e-9))
			   : floor(log(fabs(v)) / log(ratio) + 1e-9);
	if (x->name != NULL) {
		if (v < 0)
			text[size++] = '-';
		size += ratio == floor(ratio)
		    ? number_format_int((int64_t)ratio, text + size)
		    : number_format_double(ratio, text + size);
		text[size++] = '^';
		size += number_format_int((int64_t)level, text + size);
	}
	vector_put(x, f, hash_pair(v > 0 ? 1 : 2, (uint64_t)(int64_t)level), 1,
	    slice_of(text, size));
}

static int64_t
edge_bucket(const struct spec_feature *f, double v)
{
	unsigned n = 0;

	while (n < f->edge_count && f->edges[n] <= v)
		n++;
	return n;
}

void
vector_numbers(struct extract *x, struct spec_feature *f, const struct record *r)
{
	struct slice values[SUBJECT_VALUES_MAX];
	unsigned n = subject_values(&f->subject, r, values, SUBJECT_VALUES_MAX);
	double v, bucket;

	for (unsigned i = 0; i < n; i++) {
		if (!value_number(values[i], &v) || !isfinite(v))
			continue;
		switch (f->verb) {
		case FEATURE_NUMBER:
			vector_put_value(x, f, 0, v, slice_text(""));
			return;
		case FEATURE_LINEAR:
			bucket = floor(v / f->step);
			if (fabs(bucket) < 0x1p62)
				vector_put_integer(x, f, (int64_t)bucket);
			break;
		case FEATURE_LOG:
			vector_put_log(x, f, v, f->step);
			break;
		default:
			vector_put_integer(x, f, edge_bucket(f, v));
			break;
		}
	}
}

static bool
is_letter(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c >= 0x80;
}

static void
words_of(struct extract *x, struct spec_feature *f, struct slice text)
{
	uint8_t word[WORD_MAX];
	size_t size = 0;

	for (size_t i = 0; i <= text.size; i++) {
		if (i < text.size && is_letter(text.at[i])) {
			uint8_t c = text.at[i];

			if (size < WORD_MAX)
				word[size++] = c >= 'A' && c <= 'Z' ? c | 0x20 : c;
			continue;
		}
		if (size > 0)
			put_once(x, f, hash_bytes(slice_of(word, size), 0),
			    slice_of(word, size));
		size = 0;
		if (x->n - x->begin[f - x->spec->features] >= WORDS_MAX)
			return;
	}
}

void
vector_words(struct extract *x, struct spec_feature *f, const struct record *r)
{
	struct slice values[SUBJECT_VALUES_MAX], text;
	unsigned n = subject_values(&f->subject, r, values, SUBJECT_VALUES_MAX);

	for (unsigned i = 0; i < n; i++)
		if (value_text(values[i], &text))
			words_of(x, f, text);
}

static void
place(struct extract *x, struct spec_feature *f, unsigned i, double v)
{
	char text[NUMBER_TEXT_MAX];

	vector_put_value(x, f, hash_pair(1, i), v,
	    slice_of(text, x->name == NULL ? 0 : number_format_uint(i, text)));
}

/* A list of numbers, or a bin of little-endian float32. */
void
vector_list(struct extract *x, struct spec_feature *f, const struct record *r)
{
	struct slice whole, bin, key, item;
	struct value_walk walk;
	unsigned i = 0;
	double v;

	if (!subject_whole(&f->subject, r, &whole))
		return;
	if (!value_bin(whole, &bin)) {
		if (value_type(whole) != VALUE_ARRAY)
			return;
		for (value_open(whole, &walk); value_next(&walk, &key, &item); i++)
			if (value_number(item, &v))
				place(x, f, i, v);
		return;
	}
	for (; i < bin.size / 4; i++) {
		uint32_t bits = bytes_load_le32(bin.at + 4 * (size_t)i);
		float number;

		memcpy(&number, &bits, sizeof number);
		place(x, f, i, (double)number);
	}
}

void
vector_time(struct extract *x, struct spec_feature *f, instant at)
{
	int64_t hours = at / WHEN_HOUR - (at % WHEN_HOUR < 0);
	int64_t days = at / WHEN_DAY - (at % WHEN_DAY < 0);

	if (f->verb == FEATURE_HOUR)
		vector_put_integer(x, f, hours - days * 24);
	else
		vector_put_integer(
		    x, f, ((days + 3) % 7 + 7) % 7); /* 1970 began on Thursday */
}
