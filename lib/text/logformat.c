/* SPDX-License-Identifier: MIT */
#include "lib/text/logformat.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/assert.h"
#include "lib/base/bytes.h"
#include "lib/base/number.h"
#include "lib/text/utf8.h"

/* A variable and the literal text that ends it; empty at the end of the format. What
 * every line needs comes first. */
struct step {
	uint64_t end_first, end_mask; /* the first 8 bytes of end, to compare at once */
	size_t end_size;
	struct logformat_field field;
	uint8_t end[LOGFORMAT_LITERAL_MAX];
	char wrong[96];    /* "$status is no number" */
	char missing[160]; /* "no '] \"' after $time_local" */
};

struct logformat {
	unsigned count;
	uint8_t text[LOGFORMAT_SIZE_MAX]; /* the format; fields' names lie here */
	uint8_t start[LOGFORMAT_LITERAL_MAX];
	size_t start_size;
	char no_start[160];
	uint8_t last_time[64]; /* logs write the same second many times */
	size_t last_time_size;
	instant last_instant;
	struct step steps[LOGFORMAT_FIELDS_MAX];
};

static const struct {
	const char *name;
	enum logformat_type type;
} known[] = {
	{ "remote_addr", LOGFORMAT_ADDRESS },
	{ "realip_remote_addr", LOGFORMAT_ADDRESS },
	{ "server_addr", LOGFORMAT_ADDRESS },
	{ "time_local", LOGFORMAT_TIME },
	{ "time_iso8601", LOGFORMAT_TIME },
	{ "msec", LOGFORMAT_TIME },
	{ "status", LOGFORMAT_INT },
	{ "body_bytes_sent", LOGFORMAT_INT },
	{ "bytes_sent", LOGFORMAT_INT },
	{ "request_length", LOGFORMAT_INT },
	{ "content_length", LOGFORMAT_INT },
	{ "connection", LOGFORMAT_INT },
	{ "connection_requests", LOGFORMAT_INT },
	{ "remote_port", LOGFORMAT_INT },
	{ "server_port", LOGFORMAT_INT },
	{ "pid", LOGFORMAT_INT },
	{ "request_time", LOGFORMAT_DURATION },
	{ "connection_time", LOGFORMAT_DURATION },
	{ "upstream_response_time", LOGFORMAT_DURATION },
	{ "upstream_connect_time", LOGFORMAT_DURATION },
	{ "upstream_header_time", LOGFORMAT_DURATION },
	{ "upstream_queue_time", LOGFORMAT_DURATION },
	{ "upstream_first_byte_time", LOGFORMAT_DURATION },
	{ "upstream_session_time", LOGFORMAT_DURATION },
};

const char *
logformat_named(struct slice name)
{
#define COMMON                                                                         \
	"$remote_addr $remote_ident $remote_user [$time_local] \"$request\" $status "  \
	"$body_bytes_sent"
	if (slice_is(name, "combined"))
		return COMMON " \"$http_referer\" \"$http_user_agent\"";
	if (slice_is(name, "common"))
		return COMMON;
#undef COMMON
	return NULL;
}

/* --- Compiling ------------------------------------------------------------------ */

static enum logformat_type
type_of(struct slice name)
{
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (slice_is(name, known[i].name))
			return known[i].type;
	return LOGFORMAT_TEXT;
}

static const char *
type_text(enum logformat_type type)
{
	switch (type) {
	case LOGFORMAT_INT:
		return "number";
	case LOGFORMAT_TIME:
		return "time of this form";
	case LOGFORMAT_DURATION:
		return "number of seconds";
	case LOGFORMAT_ADDRESS:
		return "address";
	case LOGFORMAT_TEXT:
		break;
	}
	return "text";
}

static bool
is_name(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '_';
}

/* The variable at *at, which is a '$'. -1 and error when it has no name. */
static int
take_variable(struct slice text, size_t *at, struct slice *name, struct error *error)
{
	size_t dollar = *at, from = dollar + 1, to;
	bool braced = from < text.size && text.at[from] == '{';

	from += braced;
	for (to = from; to < text.size && is_name(text.at[to]); to++)
		;
	if (to == from)
		return error_set(
		    error, "log format: '$' without a name at byte %zu", dollar);
	if (braced && (to == text.size || text.at[to] != '}'))
		return error_set(
		    error, "log format: no '}' after the name at byte %zu", from);
	*name = slice_of(text.at + from, to - from);
	*at = to + braced;
	return 0;
}

/* The literal text at *at up to the next variable or the end. */
static int
take_literal(
    struct slice text, size_t *at, uint8_t *to, size_t *size, struct error *error)
{
	size_t from = *at, n = slice_find(slice_from(text, from), '$');

	if (n > LOGFORMAT_LITERAL_MAX)
		return error_set(error,
		    "log format: more than %d bytes without a variable at byte %zu",
		    LOGFORMAT_LITERAL_MAX, from);
	memcpy(to, text.at + from, n);
	*size = n;
	*at = from + n;
	return 0;
}

/* What follows from the name, the type and the literal text. */
static void
complete(struct step *s)
{
	char name[41], end[LOGFORMAT_LITERAL_MAX + 1];
	size_t size = s->field.name.size < 40 ? s->field.name.size : 40;
	uint8_t first[8] = { 0 }, mask[8] = { 0 };

	for (size_t i = 0; i < s->end_size && i < 8; i++) {
		first[i] = s->end[i];
		mask[i] = 0xff;
	}
	s->end_first = bytes_load_le64(first);
	s->end_mask = bytes_load_le64(mask);
	memcpy(name, s->field.name.at, size);
	name[size] = '\0';
	memcpy(end, s->end, s->end_size);
	end[s->end_size] = '\0';
	(void)snprintf(
	    s->wrong, sizeof s->wrong, "$%s is no %s", name, type_text(s->field.type));
	if (s->end_size > 0)
		(void)snprintf(
		    s->missing, sizeof s->missing, "no '%s' after $%s", end, name);
}

static int
compile(struct logformat *f, struct slice text, struct error *error)
{
	size_t at = 0, before;

	if (take_literal(text, &at, f->start, &f->start_size, error) != 0)
		return -1;
	(void)snprintf(f->no_start, sizeof f->no_start, "no '%.*s' at the start",
	    (int)f->start_size, (const char *)f->start);
	while (at < text.size) {
		struct step *s = &f->steps[f->count];

		if (f->count == LOGFORMAT_FIELDS_MAX)
			return error_set(error, "log format: more than %d variables",
			    LOGFORMAT_FIELDS_MAX);
		before = at;
		if (take_variable(text, &at, &s->field.name, error) != 0 ||
		    take_literal(text, &at, s->end, &s->end_size, error) != 0)
			return -1;
		if (s->end_size == 0 && at < text.size)
			return error_set(error,
			    "log format: nothing separates the variable at byte %zu "
			    "from the next",
			    before);
		for (unsigned i = 0; i < f->count; i++)
			if (slice_equal(f->steps[i].field.name, s->field.name))
				return error_set(error,
				    "log format: the variable at byte %zu was there "
				    "before",
				    before);
		s->field.type = type_of(s->field.name);
		complete(s);
		f->count++;
	}
	return f->count > 0 ? 0 : error_set(error, "log format: no variable in it");
}

struct logformat *
logformat_new(struct slice format, struct error *error)
{
	struct logformat *f;

	if (format.size > LOGFORMAT_SIZE_MAX) {
		(void)error_set(
		    error, "log format: longer than %d bytes", LOGFORMAT_SIZE_MAX);
		return NULL;
	}
	f = calloc(1, sizeof *f);
	if (f == NULL) {
		(void)error_set(error, "no memory for the log format");
		return NULL;
	}
	memcpy(f->text, format.at, format.size);
	if (compile(f, slice_of(f->text, format.size), error) != 0) {
		free(f);
		return NULL;
	}
	return f;
}

void
logformat_free(struct logformat *f)
{
	free(f);
}

unsigned
logformat_fields(const struct logformat *f)
{
	return f->count;
}

const struct logformat_field *
logformat_field(const struct logformat *f, unsigned i)
{
	assert(i < f->count);
	return &f->steps[i].field;
}

/* --- Values --------------------------------------------------------------------- */

static bool
is_ipv6(struct slice text)
{
	char copy[INET6_ADDRSTRLEN];
	struct in6_addr address;

	if (text.size >= sizeof copy)
		return false;
	memcpy(copy, text.at, text.size);
	copy[text.size] = '\0';
	return inet_pton(AF_INET6, copy, &address) == 1;
}

/* The bytes of an IPv4 address at the start, 0 when there is none. */
static size_t
ipv4_size(struct slice text)
{
	size_t i = 0;

	for (unsigned dots = 0;; dots++, i++) {
		unsigned part = 0, digit;
		size_t start = i;

		for (; i < text.size && (digit = (unsigned)text.at[i] - '0') < 10; i++)
			part = part * 10 + digit;
		if (i == start || i - start > 3 || part > 255)
			return 0;
		if (dots == 3)
			return i;
		if (i == text.size || text.at[i] != '.')
			return 0;
	}
}

bool
logformat_is_address(struct slice text)
{
	bool numeric = true;

	if (text.size == 0 || text.size > 255)
		return false;
	for (size_t i = 0; i < text.size; i++) {
		uint8_t c = text.at[i];

		if ((c >= '0' && c <= '9') || c == '.')
			continue;
		if (c == ':')
			return slice_is(text, "unix:") || is_ipv6(text);
		if (!is_name(c) && c != '-')
			return false;
		numeric = false;
	}
	return !numeric || ipv4_size(text) == text.size;
}

static bool
parse_time(struct logformat *f, struct slice text, int64_t *to)
{
	bool ok;

	if (text.size == f->last_time_size &&
	    memcmp(text.at, f->last_time, text.size) == 0) {
		*to = f->last_instant;
		return true;
	}
	/* The three forms exclude one another. */
	ok = when_parse_clf(text, to) || when_parse_epoch(text, WHEN_SECOND, to) ||
	    (text.size > 10 && when_parse_iso(text, to));
	if (ok && text.size <= sizeof f->last_time) {
		memcpy(f->last_time, text.at, text.size);
		f->last_time_size = text.size;
		f->last_instant = *to;
	}
	return ok;
}

/* "0.012", or what nginx writes for several upstream servers: "0.1, 0.2 : -". */
static bool
parse_duration(struct slice text, int64_t *to)
{
	int64_t sum = 0, part;

	for (size_t n; text.size > 0; text = slice_from(text, n)) {
		struct slice one;

		for (n = 0; n < text.size; n++)
			if (text.at[n] == ',' || text.at[n] == ':')
				break;
		one = slice_trim(slice_of(text.at, n));
		n += n < text.size;
		if (slice_is(one, "-"))
			continue;
		if (!number_parse_decimal(one, 6, &part) || part < 0 ||
		    __builtin_add_overflow(sum, part, &sum))
			return false;
	}
	*to = sum;
	return true;
}

static bool
parse_value(struct logformat *f, enum logformat_type type, struct logformat_value *v)
{
	uint64_t count;

	if (v->text.size == 1 && v->text.at[0] == '-') {
		v->text = slice_of(NULL, 0);
		return type != LOGFORMAT_TIME;
	}
	switch (type) {
	case LOGFORMAT_TEXT:
		return true;
	case LOGFORMAT_INT:
		if (v->text.size > 18 || !number_parse_uint(v->text, &count))
			return false;
		v->number = (int64_t)count;
		return true;
	case LOGFORMAT_TIME:
		return parse_time(f, v->text, &v->number);
	case LOGFORMAT_DURATION:
		return v->text.size > 0 && parse_duration(v->text, &v->number);
	case LOGFORMAT_ADDRESS:
		return logformat_is_address(v->text);
	}
	return false;
}

/* --- Running -------------------------------------------------------------------- */

/* Whether the byte at `at` has a backslash before it that is not itself escaped. */
static bool
is_escaped(const uint8_t *start, const uint8_t *at)
{
	size_t n = 0;

	while (at - n > start && at[-1 - (ptrdiff_t)n] == '\\')
		n++;
	return n % 2 == 1;
}

/* Whether the literal text that ends the variable stands at `at`. */
static inline bool
is_end(const struct step *s, const uint8_t *at, const uint8_t *end)
{
	if (s->end_size == 0)
		return at == end;
	return ((bytes_load_le64(at) ^ s->end_first) & s->end_mask) == 0 &&
	    (size_t)(end - at) >= s->end_size &&
	    (s->end_size <= 8 || memcmp(at, s->end, s->end_size) == 0);
}

/* The end of the variable that starts at `at`: where the literal text after it begins;
 * NULL when it does not come. *fault_at is then the byte that is in its place. */
static const uint8_t *
find_end(const struct step *s, const uint8_t *at, const uint8_t *end, bool backslashes,
    const uint8_t **fault_at)
{
	const uint8_t *start = at, *found;
	bool quoted = s->end[0] == '"';

	if (s->end_size == 0)
		return end;
	for (;; at = found + 1) {
		found = memchr(at, s->end[0], (size_t)(end - at));
		if (found == NULL) {
			*fault_at = end;
			return NULL;
		}
		if (quoted && backslashes && is_escaped(start, found))
			continue;
		if (is_end(s, found, end))
			return found;
		*fault_at = found;
		if (quoted || s->field.type != LOGFORMAT_TEXT)
			return NULL;
	}
}

/* Read the values that most lines have without looking for their end first: a dash, an
 * IPv4 address, a number, the time of the line before. Where they end; NULL when the
 * value is none of these. */
static const uint8_t *
read_usual(struct logformat *f, const struct step *s, const uint8_t *at,
    const uint8_t *end, struct logformat_value *v)
{
	struct slice rest = slice_of(at, (size_t)(end - at));
	const uint8_t *stop = at;

	if (rest.size > 0 && *at == '-' && is_end(s, at + 1, end) &&
	    s->field.type != LOGFORMAT_TIME) {
		v->text = slice_of(NULL, 0);
		return at + 1;
	}
	switch (s->field.type) {
	case LOGFORMAT_INT:
		v->number = 0;
		for (; stop < end && stop - at < 18 && *stop >= '0' && *stop <= '9';
		     stop++)
			v->number = v->number * 10 + (*stop - '0');
		break;
	case LOGFORMAT_ADDRESS:
		stop += ipv4_size(rest);
		break;
	case LOGFORMAT_TIME:
		if (f->last_time_size > 0 && rest.size >= f->last_time_size &&
		    memcmp(at, f->last_time, f->last_time_size) == 0) {
			stop += f->last_time_size;
			v->number = f->last_instant;
		}
		break;
	case LOGFORMAT_TEXT:
	case LOGFORMAT_DURATION:
		return NULL;
	}
	if (stop == at || !is_end(s, stop, end))
		return NULL;
	v->text = slice_of(at, (size_t)(stop - at));
	return stop;
}

/* 16 bytes at once, on any machine that has such registers. */
struct block {
	uint8_t bytes __attribute__((vector_size(16)));
};

static inline struct block
load_block(const uint8_t *at)
{
	struct block b;

	memcpy(&b.bytes, at, sizeof b.bytes);
	return b;
}

static inline bool
has_high_bit(struct block b)
{
	uint64_t half[2];

	memcpy(half, &b.bytes, sizeof half);
	return ((half[0] | half[1]) & UINT64_C(0x8080808080808080)) != 0;
}

/* Whether no byte of the line is above 0x7f, and whether one is a backslash. */
static void
look_over(struct slice line, bool *ascii, bool *backslashes)
{
	struct block any = { { 0 } }, found = { { 0 } }, b;
	const uint8_t *last = line.at + line.size - sizeof b.bytes;

	if (line.size < sizeof b.bytes) {
		*ascii = *backslashes = false;
		for (size_t i = 0; i < line.size; i++)
			*backslashes |= line.at[i] == '\\';
		return;
	}
	/* The last block overlaps the one before. */
	for (const uint8_t *at = line.at; at < last + sizeof b.bytes;
	     at += sizeof b.bytes) {
		b = load_block(at < last ? at : last);
		any.bytes |= b.bytes;
		found.bytes |= (b.bytes == '\\');
	}
	*ascii = !has_high_bit(any);
	*backslashes = has_high_bit(found);
}

static bool
at_fault(struct fault *fault, size_t at, const char *reason)
{
	fault->at = at;
	fault->reason = reason;
	return false;
}

bool
logformat_run(struct logformat *f, struct slice line, struct logformat_value *values,
    struct fault *fault)
{
	const uint8_t *at = line.at, *end = at + line.size, *stop, *where;
	bool backslashes, ascii;

	if (line.size == 0)
		return at_fault(fault, 0, "the line is empty");
	if (line.size < f->start_size || memcmp(at, f->start, f->start_size) != 0)
		return at_fault(fault, 0, f->no_start);
	at += f->start_size;
	look_over(line, &ascii, &backslashes);
	for (unsigned i = 0; i < f->count; i++) {
		const struct step *s = &f->steps[i];
		struct logformat_value *v = &values[i];

		v->ascii = ascii;
		v->escaped = false;
		stop = read_usual(f, s, at, end, v);
		if (stop != NULL) {
			at = stop + s->end_size;
			continue;
		}
		stop = find_end(s, at, end, backslashes, &where);
		if (stop == NULL)
			return at_fault(fault, (size_t)(where - line.at), s->missing);
		v->text = slice_of(at, (size_t)(stop - at));
		v->escaped = backslashes && slice_find(v->text, '\\') < v->text.size;
		if (!parse_value(f, s->field.type, v))
			return at_fault(fault, (size_t)(at - line.at), s->wrong);
		at = stop + s->end_size;
	}
	if (at != end)
		return at_fault(fault, (size_t)(at - line.at),
		    "something follows what the format describes");
	return true;
}

/* n hexadecimal digits at `at`, or -1. */
static int
hex_digits(struct slice text, size_t at, size_t n)
{
	int value = 0;

	if (text.size < at + n)
		return -1;
	for (size_t i = at; i < at + n; i++) {
		int digit = number_hex_digit(text.at[i]);

		if (digit < 0)
			return -1;
		value = value << 4 | digit;
	}
	return value;
}

/* The escape at i, which is a backslash: writes what it stands for to *to and returns
 * the bytes of the escape, 0 when it is none. */
static size_t
take_escape(struct slice text, size_t i, uint8_t **to)
{
	static const char names[] = "\"\\/nrtbfv", bytes[] = "\"\\/\n\r\t\b\f\v";
	const char *name;
	int value;

	if (i + 1 == text.size)
		return 0;
	if (text.at[i + 1] == 'x' && (value = hex_digits(text, i + 2, 2)) >= 0) {
		*(*to)++ = (uint8_t)value;
		return 4;
	}
	if (text.at[i + 1] == 'u' && (value = hex_digits(text, i + 2, 4)) >= 0 &&
	    (value < 0xd800 || value > 0xdfff)) {
		*to += utf8_encode((uint32_t)value, *to);
		return 6;
	}
	name = memchr(names, text.at[i + 1], sizeof names - 1);
	if (name == NULL)
		return 0;
	*(*to)++ = (uint8_t)bytes[name - names];
	return 2;
}

size_t
logformat_unescape(struct slice text, uint8_t *to)
{
	uint8_t *start = to;
	size_t taken;

	for (size_t i = 0; i < text.size; i += taken) {
		taken = text.at[i] == '\\' ? take_escape(text, i, &to) : 0;
		if (taken == 0) {
			*to++ = text.at[i];
			taken = 1;
		}
	}
	return (size_t)(to - start);
}
