/* SPDX-License-Identifier: MIT */
#include "lib/text/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/base/number.h"
#include "lib/text/base64.h"
#include "lib/text/structure.h"
#include "lib/text/utf8.h"

_Static_assert((int)JSON_PADDING >= (int)STRUCTURE_PADDING, "padding");

/* The keys of one object that is being read. They lie in what was built; the filter has
 * a bit for each hash that was seen, so that a list is searched only when a bit is set.
 */
struct keys {
	unsigned count;
	uint64_t seen[4];
	uint32_t hash[RECORD_KEYS_MAX];
	struct slice name[RECORD_KEYS_MAX];
};

struct json {
	struct structure *structure;
	uint8_t
	    *scratch; /* RECORD_SIZE_MAX and padding: a string without its escapes */
	struct keys keys[RECORD_DEPTH_MAX + 1]; /* a special value may lie deepest */

	const uint8_t *text; /* what is being read */
	size_t size;
	bool escapes;          /* it holds a backslash */
	const uint32_t *token; /* the next structural character; *end is the size */
	const uint32_t *end;
	struct build *to;
	struct fault *fault;
};

struct json *
json_new(void)
{
	struct json *j = calloc(1, sizeof *j);

	if (j == NULL)
		return NULL;
	j->structure = structure_new(RECORD_SIZE_MAX);
	j->scratch = malloc(RECORD_SIZE_MAX + JSON_PADDING);
	if (j->structure == NULL || j->scratch == NULL) {
		json_free(j);
		return NULL;
	}
	return j;
}

void
json_free(struct json *j)
{
	if (j == NULL)
		return;
	structure_free(j->structure);
	free(j->scratch);
	free(j);
}

static bool
fail(struct json *j, size_t at, const char *reason)
{
	j->fault->at = at;
	j->fault->reason = reason;
	return false;
}

/* The character of the next token, 0 at the end. */
static inline uint8_t
peek(const struct json *j)
{
	return j->token < j->end ? j->text[*j->token] : 0;
}

static inline bool
take(struct json *j, uint8_t c)
{
	if (peek(j) != c)
		return false;
	j->token++;
	return true;
}

static inline bool
is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The next token's text without the white space after it; the token is taken. */
static inline struct slice
take_scalar(struct json *j)
{
	const uint8_t *at = j->text + j->token[0];
	const uint8_t *end = j->text + j->token[1];

	while (end[-1] <= ' ' && is_space(end[-1]))
		end--;
	j->token++;
	return slice_of(at, (size_t)(end - at));
}

static bool
hex(const uint8_t *at, uint32_t *to)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < 4; i++) {
		uint8_t c = at[i], lower = at[i] | 0x20;

		if (c >= '0' && c <= '9')
			v = v << 4 | (uint32_t)(c - '0');
		else if (lower >= 'a' && lower <= 'f')
			v = v << 4 | (uint32_t)(lower - 'a' + 10);
		else
			return false;
	}
	*to = v;
	return true;
}

/* The four digits of \uHHHH at `at`, and of the low surrogate's escape where one must
 * follow. Returns the bytes taken, 0 on a fault. */
static size_t
escaped_character(const uint8_t *at, const uint8_t *end, uint32_t *to)
{
	uint32_t low;

	if (end - at < 4 || !hex(at, to))
		return 0;
	if (*to < 0xd800 || *to > 0xdfff)
		return 4;
	if (*to > 0xdbff || end - at < 10 || at[4] != '\\' || at[5] != 'u' ||
	    !hex(at + 6, &low) || low < 0xdc00 || low > 0xdfff)
		return 0;
	*to = 0x10000 + ((*to & 0x3ff) << 10) + (low & 0x3ff);
	return 10;
}

/* The string without its escapes, in the scratch space. */
static bool
unescape(struct json *j, struct slice *text)
{
	static const char from[] = "\"\\/bfnrt", plain[] = "\"\\/\b\f\n\r\t";
	const uint8_t *at = text->at, *end = text->at + text->size;
	uint8_t *to = j->scratch;

	while (at < end) {
		size_t run = slice_find(slice_of(at, (size_t)(end - at)), '\\');
		const char *simple;
		uint32_t c;
		size_t used;

		memcpy(to, at, run);
		to += run;
		at += run;
		if (at == end)
			break;
		/* The index proved that an escape does not end the string. */
		assert(end - at >= 2);
		if (at[1] == 'u') {
			used = escaped_character(at + 2, end, &c);
			if (used == 0)
				return fail(j, (size_t)(at - j->text),
				    "a \\u escape that is no character");
			to += utf8_encode(c, to);
			at += 2 + used;
			continue;
		}
		simple = at[1] == 0 ? NULL : strchr(from, at[1]);
		if (simple == NULL)
			return fail(j, (size_t)(at - j->text), "an unknown escape");
		*to++ = (uint8_t)plain[simple - from];
		at += 2;
	}
	*text = slice_of(j->scratch, (size_t)(to - j->scratch));
	return true;
}

/* Take the next token, a string: its text, in the line or in the scratch space; either
 * way JSON_PADDING bytes more are readable. */
static inline bool
take_string(struct json *j, struct slice *to)
{
	struct slice token = take_scalar(j);

	/* Between the opening quote and the next token are the string, its closing
	 * quote and white space. */
	assert(token.size >= 2 && token.at[token.size - 1] == '"');
	*to = slice_of(token.at + 1, token.size - 2);
	if (__builtin_expect(j->escapes, 0) && slice_find(*to, '\\') < to->size)
		return unescape(j, to);
	return true;
}

/* build_str of a text behind which JSON_PADDING bytes are readable: short ones, which most
 * are, are copied in one piece without a call. */
static inline void
build_padded(struct build *b, struct slice text)
{
	enum { PIECE = 32 };

	if (text.size >= PIECE || b->full ||
	    (size_t)(b->end - b->at) < 1 + (size_t)PIECE) {
		build_str(b, text);
		return;
	}
	b->at[0] = (uint8_t)(0xa0 | text.size);
	memcpy(b->at + 1, text.at, PIECE);
	b->at += 1 + text.size;
}

static bool
string_value(struct json *j)
{
	size_t at = *j->token;
	struct slice text;

	if (!take_string(j, &text))
		return false;
	if (text.size > RECORD_STRING_MAX)
		return fail(j, at, "a string of more than 64 KiB");
	build_padded(j->to, text);
	return true;
}

/* A text in the form of a JSON number that is not a plain integer. */
static bool
fraction_value(struct json *j, struct slice token)
{
	size_t sign = token.at[0] == '-';
	double value;

	if (token.size > sign + 1 && token.at[sign] == '0' &&
	    token.at[sign + 1] >= '0' && token.at[sign + 1] <= '9')
		return fail(
		    j, (size_t)(token.at - j->text), "a number that begins with 0");
	if (slice_find(token, '.') == token.size &&
	    slice_find(token, 'e') == token.size &&
	    slice_find(token, 'E') == token.size)
		return fail(j, (size_t)(token.at - j->text),
		    "neither a number nor true, false, null");
	if (!number_parse_double(token, &value))
		return fail(j, (size_t)(token.at - j->text),
		    "a number that is malformed or beyond float64");
	build_double(j->to, value);
	return true;
}

static bool
integer_value(struct json *j, struct slice token, bool negative, uint64_t value)
{
	if (negative && value > (uint64_t)INT64_MAX + 1)
		return fail(
		    j, (size_t)(token.at - j->text), "an integer of more than 64 bits");
	if (negative)
		build_int(j->to, (int64_t)(0 - value));
	else
		build_uint(j->to, value);
	return true;
}

static inline bool
number_value(struct json *j, struct slice token)
{
	size_t start = token.at[0] == '-', i = start;
	uint64_t value = 0;

	for (; i < token.size && i < start + 18; i++) {
		unsigned digit = (unsigned)token.at[i] - '0';

		if (digit > 9)
			break;
		value = value * 10 + digit;
	}
	if (i == token.size && i > start && (token.at[start] != '0' || i == start + 1))
		return integer_value(j, token, start == 1, value);
	if (i == start + 18 && token.at[start] != '0' &&
	    number_parse_uint(slice_from(token, start), &value))
		return integer_value(j, token, start == 1, value);
	if (i > start) {
		/* All digits, but too many for 64 bits. */
		for (i = start;
		     i < token.size && token.at[i] >= '0' && token.at[i] <= '9';)
			i++;
		if (i == token.size && token.at[start] != '0')
			return fail(j, (size_t)(token.at - j->text),
			    "an integer of more than 64 bits");
	}
	return fraction_value(j, token);
}

static bool value(struct json *j, unsigned depth);

static inline uint32_t
key_hash(struct slice name)
{
	uint64_t word = bytes_load_le64(name.at), last = 0;

	if (name.size < 8)
		word &= (UINT64_C(1) << (8 * name.size)) - 1;
	else
		last = bytes_load_le64(name.at + name.size - 8);
	word = (word ^ (last << 29 | last >> 35) ^ name.size) *
	    UINT64_C(0x9E3779B97F4A7C15);
	return (uint32_t)(word >> 32);
}

/* Note the key, whose 8 readable bytes start at `text`; false when the object has it.
 */
static inline bool
add_key(struct json *j, struct keys *keys, struct slice text)
{
	uint32_t hash = key_hash(text);
	uint64_t bit = UINT64_C(1) << (hash >> 26);
	uint64_t *seen = &keys->seen[hash >> 24 & 3];
	struct slice built = slice_of(j->to->at - text.size, text.size);

	if (__builtin_expect((*seen & bit) != 0, 0))
		for (unsigned i = 0; i < keys->count; i++)
			if (keys->hash[i] == hash && slice_equal(keys->name[i], built))
				return false;
	*seen |= bit;
	keys->hash[keys->count] = hash;
	keys->name[keys->count++] = built;
	return true;
}

/* Take a key and its colon, and build it. */
static inline bool
object_key(struct json *j, struct keys *keys, unsigned depth)
{
	size_t at = *j->token;
	struct slice text;

	if (peek(j) != '"')
		return fail(j, at, "a key is missing");
	if (keys->count == RECORD_KEYS_MAX)
		return fail(j, at, "an object of more than 256 keys");
	if (!take_string(j, &text))
		return false;
	if (text.size >
	    (depth == 1 ? (size_t)RECORD_KEY_SIZE_MAX : (size_t)RECORD_STRING_MAX))
		return fail(j, at,
		    depth == 1 ? "a key of more than 255 bytes"
			       : "a key of more than 64 KiB");
	build_padded(j->to, text);
	if (build_full(j->to))
		return fail(j, at, "larger than a record may be");
	if (!add_key(j, keys, text))
		return fail(j, at, "a key that occurs twice");
	if (!take(j, ':'))
		return fail(j, *j->token, "a colon is missing");
	return true;
}

static const char *const special_names[] = { "$binary", "$ext", "$float32", "$number",
	"$string", "$map" };

bool
json_special(struct slice key, enum json_special *special, size_t *dollars)
{
	size_t n = 0;

	while (n < key.size && key.at[n] == '$')
		n++;
	if (n == 0)
		return false;
	for (unsigned i = 0; i < sizeof special_names / sizeof *special_names; i++)
		if (slice_is(slice_from(key, n - 1), special_names[i])) {
			*special = (enum json_special)i;
			*dollars = n;
			return true;
		}
	return false;
}

/* Whether the value at the next token is followed by the end of its object. */
static bool
is_last(const struct json *j)
{
	unsigned depth = 0;

	for (const uint32_t *t = j->token; t < j->end; t++) {
		uint8_t c = j->text[*t];

		if (c == '{' || c == '[')
			depth++;
		else if ((c == '}' || c == ']') && depth-- == 0)
			return false;
		if (depth == 0)
			return t + 1 < j->end && j->text[t[1]] == '}';
	}
	return false;
}

/* "NaN", "Infinity", "-Infinity", "NaN(0x...)" with the bits of a float64 or float32.
 */
static bool
special_number(struct slice text, unsigned digits, uint64_t *bits)
{
	uint64_t quiet = UINT64_C(1) << (digits == 16 ? 51 : 22);
	uint64_t sign = UINT64_C(1) << (4 * digits - 1);
	uint64_t infinity = sign - 2 * quiet;
	uint32_t part;

	*bits = slice_is(text, "-Infinity") ? sign | infinity : infinity;
	if (slice_is(text, "Infinity") || slice_is(text, "-Infinity"))
		return true;
	*bits = infinity | quiet;
	if (slice_is(text, "NaN"))
		return true;
	if (text.size != 7 + digits || memcmp(text.at, "NaN(0x", 6) != 0 ||
	    text.at[text.size - 1] != ')')
		return false;
	*bits = 0;
	for (unsigned i = 0; i < digits; i += 4) {
		if (!hex(text.at + 6 + i, &part))
			return false;
		*bits = *bits << 16 | part;
	}
	return (*bits & ~sign) > infinity;
}

/* Build a bin, str or ext of the base64 in the next token. */
static bool
special_bytes(struct json *j, enum json_special special, int8_t type)
{
	struct slice text, bytes;
	size_t size;

	if (peek(j) != '"' || !take_string(j, &text) ||
	    !base64_decoded_size(text, &size) || size > RECORD_STRING_MAX)
		return false;
	/* The text may lie in the scratch space: writing stays behind reading. */
	if (!base64_decode(text, j->scratch))
		return false;
	bytes = slice_of(j->scratch, size);
	if (special == JSON_EXT)
		build_ext(j->to, type, bytes);
	else if (special == JSON_STRING)
		build_str(j->to, bytes);
	else
		build_bin(j->to, bytes);
	return true;
}

static bool
special_ext(struct json *j)
{
	int64_t type;

	if (!take(j, '[') || !number_parse_int(take_scalar(j), &type) ||
	    type < INT8_MIN || type > INT8_MAX || !take(j, ','))
		return false;
	return special_bytes(j, JSON_EXT, (int8_t)type) && take(j, ']');
}

static bool
special_float(struct json *j, bool single)
{
	struct slice text;
	uint64_t bits;
	double wide;
	float value;

	if (peek(j) == '"') {
		if (!take_string(j, &text) ||
		    !special_number(text, single ? 8 : 16, &bits))
			return false;
		build_byte(j->to, single ? 0xca : 0xcb);
		for (int shift = single ? 24 : 56; shift >= 0; shift -= 8)
			build_byte(j->to, (uint8_t)(bits >> shift));
		return true;
	}
	text = take_scalar(j);
	if (!single || text.size >= 64 || !number_parse_double(text, &wide))
		return false;
	value = (float)wide;
	if (!isfinite(value))
		return false;
	build_float(j->to, value);
	return true;
}

/* Whether a map's keys may be those of a record. */
static bool
are_record_keys(struct slice map)
{
	struct value_walk walk, before;
	struct slice key, other, text, item;

	for (value_open(map, &walk); value_next(&walk, &key, &item);) {
		if (!value_str(key, &text) || text.size > RECORD_KEY_SIZE_MAX)
			return false;
		for (value_open(map, &before); value_next(&before, &other, &item);) {
			if (other.at == key.at)
				break;
			if (slice_equal(other, key))
				return false;
		}
	}
	return true;
}

/* The pairs of a "$map", as a map at `open`. */
static bool
special_map(struct json *j, size_t open, unsigned depth)
{
	size_t at = *j->token;
	uint32_t count = 0;

	if (!take(j, '['))
		return false;
	if (depth > RECORD_DEPTH_MAX)
		return fail(j, at, "nested deeper than 8");
	build_byte(j->to, 0xc0);
	while (!take(j, ']')) {
		if (count > 0 && !take(j, ','))
			return false;
		if (count++ == RECORD_KEYS_MAX || !take(j, '[') ||
		    !value(j, depth + 1) || !take(j, ',') || !value(j, depth + 1) ||
		    !take(j, ']'))
			return false;
	}
	build_close_map(j->to, open, count);
	return build_full(j->to) || depth > 1 ||
	    are_record_keys(slice_from(build_slice(j->to), open));
}

static bool
special_value(struct json *j, enum json_special special, size_t open, unsigned depth)
{
	switch (special) {
	case JSON_EXT:
		return special_ext(j);
	case JSON_FLOAT32:
	case JSON_NUMBER:
		return special_float(j, special == JSON_FLOAT32);
	case JSON_MAP:
		return special_map(j, open, depth);
	default:
		return special_bytes(j, special, 0);
	}
}

enum outcome {
	PLAIN, /* go on with the object's first value */
	BUILT, /* the object has become a value */
	FAULT,
};

/* The object's first key has been built and begins with '$'. */
static enum outcome
special_object(struct json *j, size_t open, unsigned depth)
{
	const uint32_t *token = j->token;
	struct slice key = j->keys[depth - 1].name[0];
	enum json_special special;
	size_t dollars;
	bool built;

	if (!json_special(key, &special, &dollars) || !is_last(j))
		return PLAIN;
	if (dollars > 1) {
		memmove(j->scratch, key.at + 1, key.size - 1);
		j->to->at = j->to->start + open + 1;
		build_str(j->to, slice_of(j->scratch, key.size - 1));
		return PLAIN;
	}
	if (depth == 1 && special != JSON_EXT && special != JSON_MAP)
		return PLAIN;
	j->fault->reason = NULL;
	j->to->at = j->to->start + open;
	built = special_value(j, special, open, depth) && take(j, '}');
	if (built)
		return BUILT;
	/* The values of a $map can hold others: to read them again as a plain map would
	 * double the work with each level. */
	if (special == JSON_MAP && j->text[*token] == '[') {
		if (j->fault->reason == NULL)
			(void)fail(
			    j, *token, "$map wants a list of [key, value] pairs");
		return FAULT;
	}
	j->token = token;
	j->to->at = j->to->start + open + 1;
	build_text(j->to, special_names[special]);
	return PLAIN;
}

/* A value within a container: the commonest kinds without a call. */
static inline bool
item(struct json *j, unsigned depth)
{
	uint8_t first = peek(j);

	if (first == '"')
		return string_value(j);
	if (first >= '1' && first <= '9')
		return number_value(j, take_scalar(j));
	return value(j, depth);
}

/* Build the map of the object whose brace has been taken. What lies deeper than
 * containers may can still be a special value. */
static bool
object(struct json *j, unsigned depth)
{
	size_t open = build_open(j->to), start = j->token[-1];
	struct keys *keys = &j->keys[depth - 1];
	enum outcome outcome = PLAIN;

	keys->count = 0;
	memset(keys->seen, 0, sizeof keys->seen);
	if (depth <= RECORD_DEPTH_MAX && take(j, '}')) {
		build_close_map(j->to, open, 0);
		return true;
	}
	do {
		if (!object_key(j, keys, depth))
			return false;
		if (keys->count == 1 && keys->name[0].size > 0 &&
		    *keys->name[0].at == '$')
			outcome = special_object(j, open, depth);
		if (outcome != PLAIN)
			return outcome == BUILT;
		if (depth > RECORD_DEPTH_MAX)
			return fail(j, start, "nested deeper than 8");
		if (!item(j, depth + 1))
			return false;
	} while (take(j, ','));
	if (!take(j, '}'))
		return fail(j, *j->token, "a comma or closing brace is missing");
	build_close_map(j->to, open, keys->count);
	return true;
}

static bool
array(struct json *j, unsigned depth)
{
	size_t open = build_open(j->to);
	uint32_t count = 0;

	if (take(j, ']')) {
		build_close_array(j->to, open, 0);
		return true;
	}
	do {
		if (!item(j, depth + 1))
			return false;
		count++;
	} while (take(j, ','));
	if (!take(j, ']'))
		return fail(j, *j->token, "a comma or closing bracket is missing");
	build_close_array(j->to, open, count);
	return true;
}

/* The value at the next token; depth is 1 for the text's own object. */
static bool
value(struct json *j, unsigned depth)
{
	size_t at = *j->token;
	uint8_t first = peek(j);
	struct slice token;

	switch (first) {
	case '"':
		return string_value(j);
	case '{':
	case '[':
		if (depth > (first == '{' ? RECORD_DEPTH_MAX + 1 : RECORD_DEPTH_MAX))
			return fail(j, at, "nested deeper than 8");
		j->token++;
		return first == '{' ? object(j, depth) : array(j, depth);
	case ',':
	case ':':
	case '}':
	case ']':
		return fail(j, at, "a value is missing");
	default:
		break;
	}
	if (j->token == j->end)
		return fail(j, at, "it ends too early");
	token = take_scalar(j);
	if ((first >= '0' && first <= '9') || first == '-')
		return number_value(j, token);
	if (slice_is(token, "true") || slice_is(token, "false"))
		build_bool(j->to, first == 't');
	else if (slice_is(token, "null"))
		build_nil(j->to);
	else
		return fail(j, at, "neither a number nor true, false, null");
	return true;
}

/* Why the index refused the text, and where. */
static bool
text_fault(struct json *j, struct slice text)
{
	size_t valid = utf8_valid(text), open = 0;
	bool quoted = false;

	for (size_t i = 0; i < valid; i++) {
		uint8_t c = text.at[i];

		if (quoted && c < 0x20)
			return fail(j, i, "a control character in a string");
		if (quoted && c == '\\')
			i++;
		if (c == '"') {
			quoted = !quoted;
			open = i;
		}
	}
	if (valid < text.size)
		return fail(j, valid, "not UTF-8");
	return fail(j, open, "a string that is not closed");
}

static bool
whole_text(struct json *j, struct slice text)
{
	size_t count;

	switch (structure_find(j->structure, text.at, text.size, &j->token, &count)) {
	case STRUCTURE_EMPTY:
		return fail(j, 0, "an empty line");
	case STRUCTURE_LARGE:
		return fail(j, RECORD_SIZE_MAX, "larger than a record may be");
	case STRUCTURE_WRONG:
		return text_fault(j, text);
	case STRUCTURE_FOUND:
		break;
	}
	j->end = j->token + count;
	j->text = text.at;
	j->size = text.size;
	j->escapes = slice_find(text, '\\') < text.size;
	if (peek(j) != '{')
		return fail(j, *j->token, "not a JSON object");
	if (!value(j, 1))
		return false;
	if (j->token != j->end)
		return fail(j, *j->token, "something after the object");
	if (build_full(j->to))
		return fail(j, 0, "larger than a record may be");
	return true;
}

bool
json_parse(struct json *j, struct slice text, struct build *to, struct fault *fault)
{
	struct build before = *to;

	j->to = to;
	j->fault = fault;
	if (whole_text(j, text))
		return true;
	*to = before;
	return false;
}
