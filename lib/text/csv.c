/* SPDX-License-Identifier: MIT */
#include "lib/text/csv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/base/bytes.h"
#include "lib/base/number.h"

enum { KEY_SIZE_MAX = RECORD_KEY_SIZE_MAX + 3 };

/* A column's name as msgpack, so that a pair begins with one copy. */
struct column {
	uint16_t size;
	uint8_t header; /* bytes before the name */
	uint8_t key[KEY_SIZE_MAX];
};

struct csv {
	struct csv_format format;
	uint64_t separators; /* the separator in each byte */
	unsigned columns;
	struct column column[RECORD_KEYS_MAX];
	uint8_t text[RECORD_STRING_MAX]; /* a field without its quotes or escapes */
};

struct field {
	struct slice text;
	bool quoted;
};

/* The place in a row. */
struct cursor {
	const uint8_t *start, *at, *end;
	bool done; /* the last field has been taken */
	struct fault *fault;
};

struct csv *
csv_new(struct csv_format format)
{
	struct csv *csv = calloc(1, sizeof *csv);

	assert(strchr("\"\\\n\r", format.separator) == NULL);
	if (csv == NULL)
		return NULL;
	csv->format = format;
	csv->separators = format.separator * UINT64_C(0x0101010101010101);
	return csv;
}

void
csv_free(struct csv *csv)
{
	free(csv);
}

unsigned
csv_columns(const struct csv *csv)
{
	return csv->columns;
}

struct slice
csv_column(const struct csv *csv, unsigned i)
{
	const struct column *column = &csv->column[i];

	assert(i < csv->columns);
	return slice_of(
	    column->key + column->header, (size_t)(column->size - column->header));
}

/* --- Framing ---------------------------------------------------------------------- */

/* The size of the quoted field at the start of the bytes, both quotes included; 0 when
 * the second one is not there. */
static size_t
quoted_size(struct slice bytes)
{
	size_t i = 1;

	for (;;) {
		i += slice_find(slice_from(bytes, i), '"');
		if (i == bytes.size)
			return 0;
		if (i + 1 == bytes.size || bytes.at[i + 1] != '"')
			return i + 1;
		i += 2;
	}
}

/* The offset of the first field after `from` that begins with a quote, in a row's line
 * that ends at `line`; `line` when there is none. */
static size_t
next_quoted(const struct csv *csv, struct slice bytes, size_t from, size_t line)
{
	while (from < line) {
		from += slice_find(slice_of(bytes.at + from, line - from), '"');
		if (from < line &&
		    (from == 0 || bytes.at[from - 1] == csv->format.separator))
			return from;
		from++;
	}
	return line;
}

size_t
csv_frame(const struct csv *csv, struct slice bytes, bool end)
{
	size_t first = slice_find(bytes, '\n'), line = first, at = 0;
	bool whole = end || bytes.size >= RECORD_SIZE_MAX;
	size_t cut = first < bytes.size ? first + 1 : end ? bytes.size : 0;

	while (csv->format.quotes && (at = next_quoted(csv, bytes, at, line)) < line) {
		size_t size = quoted_size(slice_from(bytes, at));

		if (size == 0)
			return whole ? cut : 0;
		at += size;
		if (at == bytes.size)
			return end ? bytes.size : whole ? cut : 0;
		if (bytes.at[at] != csv->format.separator && bytes.at[at] != '\n' &&
		    bytes.at[at] != '\r')
			return cut;
		if (at > line)
			line = at + slice_find(slice_from(bytes, at), '\n');
	}
	if (line < bytes.size)
		return line + 1;
	return end ? bytes.size : 0;
}

/* --- Fields ----------------------------------------------------------------------- */

static bool
fail(struct cursor *c, const uint8_t *at, const char *reason)
{
	c->fault->at = (size_t)(at - c->start);
	c->fault->reason = reason;
	return false;
}

/* The high bit of each byte of the word that is zero, and of no other. */
static inline uint64_t
zero_bytes(uint64_t word)
{
	const uint64_t low = UINT64_C(0x7f7f7f7f7f7f7f7f);

	return ~(((word & low) + low) | word | low);
}

/* The end of the unquoted field at c->at: the next separator or the row's end. */
static inline const uint8_t *
field_end(const struct csv *csv, const struct cursor *c)
{
	for (const uint8_t *at = c->at; at < c->end; at += 8) {
		uint64_t found = zero_bytes(bytes_load_le64(at) ^ csv->separators);

		if (found != 0) {
			at += __builtin_ctzll(found) / 8;
			return at < c->end ? at : c->end;
		}
	}
	return c->end;
}

/* Copy bytes from `from` that `stop` or the end ends, as far as there is room. Returns
 * where it stopped, NULL when there was none. */
static const uint8_t *
copy_run(struct csv *csv, size_t *used, const uint8_t *from, const uint8_t *end,
    uint8_t stop)
{
	size_t size = slice_find(slice_of(from, (size_t)(end - from)), stop);

	if (size > sizeof csv->text - *used)
		return NULL;
	memcpy(csv->text + *used, from, size);
	*used += size;
	return from + size;
}

/* The text of a quoted field whose quotes are at c->at and end[-1]. */
static bool
unquote(struct csv *csv, struct cursor *c, const uint8_t *end, struct slice *to)
{
	const uint8_t *at = c->at + 1;
	size_t used = 0;

	*to = slice_of(at, (size_t)(end - 1 - at));
	if (slice_find(*to, '"') == to->size)
		return true;
	for (;;) {
		if ((at = copy_run(csv, &used, at, end - 1, '"')) == NULL)
			return fail(c, c->at, "a field of more than 64 KiB");
		if (at == end - 1)
			break;
		if (used == sizeof csv->text)
			return fail(c, c->at, "a field of more than 64 KiB");
		csv->text[used++] = '"';
		at += 2;
	}
	*to = slice_of(csv->text, used);
	return true;
}

static bool
unescape(struct csv *csv, struct cursor *c, struct slice *text)
{
	static const char from[] = "tnr\\", plain[] = "\t\n\r\\";
	const uint8_t *at = text->at, *end = text->at + text->size;
	size_t used = 0;

	for (;;) {
		const char *known;

		at = copy_run(csv, &used, at, end, '\\');
		if (at == NULL || (at < end && used == sizeof csv->text))
			return fail(c, text->at, "a field of more than 64 KiB");
		if (at == end)
			break;
		known = at + 1 < end && at[1] != 0 ? strchr(from, at[1]) : NULL;
		csv->text[used++] = known == NULL ? '\\' : (uint8_t)plain[known - from];
		at += known == NULL ? 1 : 2;
	}
	*text = slice_of(csv->text, used);
	return true;
}

static bool
quoted_field(struct csv *csv, struct cursor *c, struct field *to)
{
	size_t size = quoted_size(slice_of(c->at, (size_t)(c->end - c->at)));
	const uint8_t *end = c->at + size;

	if (size == 0)
		return fail(c, c->at, "a quote that is not closed");
	if (end < c->end && *end != csv->format.separator)
		return fail(c, end, "text after a closing quote");
	to->quoted = true;
	if (!unquote(csv, c, end, &to->text))
		return false;
	c->done = end == c->end;
	c->at = end + !c->done;
	return true;
}

static inline bool
next_field(struct csv *csv, struct cursor *c, struct field *to)
{
	const uint8_t *end;

	if (c->at < c->end && *c->at == '"' && csv->format.quotes)
		return quoted_field(csv, c, to);
	end = field_end(csv, c);
	to->text = slice_of(c->at, (size_t)(end - c->at));
	to->quoted = false;
	c->done = end == c->end;
	c->at = end + !c->done;
	return csv->format.quotes || csv->format.verbatim ||
	    slice_find(to->text, '\\') == to->text.size || unescape(csv, c, &to->text);
}

/* --- The header ------------------------------------------------------------------- */

static bool
add_column(struct csv *csv, struct cursor *c, const uint8_t *at, struct slice name)
{
	struct column *column = &csv->column[csv->columns];
	char number[32];
	struct build key;

	if (csv->columns == RECORD_KEYS_MAX)
		return fail(c, at, "a header of more than 256 columns");
	if (name.size == 0) {
		int size =
		    snprintf(number, sizeof number, "column_%u", csv->columns + 1);

		name = slice_of(number, (size_t)size);
	}
	if (name.size > RECORD_KEY_SIZE_MAX)
		return fail(c, at, "a column's name of more than 255 bytes");
	for (unsigned i = 0; i < csv->columns; i++)
		if (slice_equal(csv_column(csv, i), name))
			return fail(c, at, "a column's name that occurs twice");
	build_init(&key, column->key, sizeof column->key);
	build_str(&key, name);
	/* build asks for five bytes of room for any header. */
	assert(!build_full(&key));
	column->size = (uint16_t)build_slice(&key).size;
	column->header = (uint8_t)(column->size - name.size);
	csv->columns++;
	return true;
}

bool
csv_header(struct csv *csv, struct slice row, struct fault *fault)
{
	struct cursor c = { row.at, row.at, row.at + row.size, false, fault };
	struct field field = { { NULL, 0 }, false };

	csv->columns = 0;
	if (row.size >= 3 && memcmp(row.at, "\xef\xbb\xbf", 3) == 0)
		c.at += 3;
	if (c.at == c.end)
		return fail(&c, c.at, "a header without names");
	while (!c.done) {
		const uint8_t *at = c.at;

		if (!next_field(csv, &c, &field) ||
		    !add_column(csv, &c, at, field.text))
			return false;
	}
	return true;
}

/* --- Rows ------------------------------------------------------------------------- */

/* Whether a text that begins like a number is a canonical JSON number with a fraction
 * or an exponent. */
static bool
is_fraction(struct slice text)
{
	size_t sign = text.at[0] == '-', i = sign;

	if (text.size > sign + 1 && text.at[sign] == '0' && text.at[sign + 1] != '.')
		return false;
	while (i < text.size && text.at[i] != 'e' && text.at[i] != 'E')
		i++;
	return i == text.size ||
	    (i + 1 < text.size && (text.at[i + 1] == '+' || text.at[i + 1] == '-'));
}

bool
csv_number(struct slice text, struct build *to)
{
	size_t sign = text.size > 0 && text.at[0] == '-';
	uint64_t value;
	int64_t integer;
	double number;

	if (text.size == sign || text.size > 64 || text.at[sign] < '0' ||
	    text.at[sign] > '9')
		return false;
	if (sign == 0 && number_parse_uint(text, &value)) {
		if (text.at[0] == '0' && text.size > 1)
			return false;
		build_uint(to, value);
		return true;
	}
	if (sign == 1 && text.at[1] != '0' && number_parse_int(text, &integer)) {
		build_int(to, integer);
		return true;
	}
	if (slice_find(text, '.') == text.size && slice_find(text, 'e') == text.size &&
	    slice_find(text, 'E') == text.size)
		return false;
	if (!is_fraction(text) || !number_parse_double(text, &number))
		return false;
	build_double(to, number);
	return true;
}

/* Append a field as the pair of its column; *pairs counts those that are not absent. */
static inline bool
add_pair(const struct csv *csv, struct cursor *c, const struct field *field,
    const struct column *column, struct build *to, uint32_t *pairs)
{
	if (field->text.size == 0 && !field->quoted && !csv->format.keep_empty)
		return true;
	if (field->text.size > RECORD_STRING_MAX)
		return fail(c, c->start, "a field of more than 64 KiB");
	(*pairs)++;
	build_raw(to, slice_of(column->key, column->size));
	if (!csv->format.infer || field->quoted || !csv_number(field->text, to))
		build_str(to, field->text);
	return true;
}

/* All fields of a row as pairs. */
static bool
add_pairs(struct csv *csv, struct cursor *c, struct build *to, uint32_t *pairs)
{
	struct field field;

	for (unsigned i = 0; i < csv->columns; i++) {
		if (c->done)
			return fail(c, c->end, "fewer fields than the header");
		if (!next_field(csv, c, &field) ||
		    !add_pair(csv, c, &field, &csv->column[i], to, pairs))
			return false;
	}
	/* Separators at the end of a row, with nothing between them, say nothing. */
	while (!c->done) {
		const uint8_t *at = c->at;

		if (!next_field(csv, c, &field))
			return false;
		if (field.text.size > 0 || field.quoted)
			return fail(c, at, "more fields than the header");
	}
	return true;
}

bool
csv_row(struct csv *csv, struct slice row, struct build *to, struct fault *fault)
{
	struct cursor c = { row.at, row.at, row.at + row.size, false, fault };
	struct build before = *to;
	size_t open = build_open(to);
	uint32_t pairs = 0;
	bool good;

	assert(csv->columns > 0);
	good = row.size == 0 ? fail(&c, c.at, "an empty line")
			     : add_pairs(csv, &c, to, &pairs);
	if (good)
		build_close_map(to, open, pairs);
	if (good && !build_full(to))
		return true;
	if (good)
		(void)fail(&c, c.start, "larger than a record may be");
	*to = before;
	return false;
}
