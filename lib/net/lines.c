/* SPDX-License-Identifier: MIT */
#include "lib/net/lines.h"

#include <stdlib.h>

#include "lib/base/bytes.h"
#include "lib/base/number.h"
#include "lib/text/json.h"
#include "lib/text/utf8.h"

enum {
	BATCH = 256 * 1024,
	COUNT_DIGITS = 7,
	FACILITIES = 24,
	PARAMETERS_MAX = 64,
	KEYS_ADDED = 512, /* bytes of a syslog record besides what the message holds */
};

struct lines {
	enum lines_kind kind;
	struct json *json;
	struct buffer out;
};

struct lines *
lines_new(enum lines_kind kind)
{
	struct lines *l = calloc(1, sizeof *l);

	if (l == NULL)
		return NULL;
	l->kind = kind;
	if (kind == LINES_JSON && (l->json = json_new()) == NULL) {
		free(l);
		return NULL;
	}
	return l;
}

void
lines_free(struct lines *l)
{
	if (l == NULL)
		return;
	json_free(l->json);
	buffer_free(&l->out);
	free(l);
}

/* --- Framing -------------------------------------------------------------------- */

static bool
frame_counted(struct slice bytes, struct slice *text, size_t *size)
{
	size_t space = slice_find(bytes, ' ');
	uint64_t n;

	if (space == bytes.size && space <= COUNT_DIGITS)
		return false;
	if (space > COUNT_DIGITS || !number_parse_uint(slice_of(bytes.at, space), &n) ||
	    n > LINES_MAX) {
		*size = 0;
		return true;
	}
	if (bytes.size < space + 1 + n)
		return false;
	*text = slice_of(bytes.at + space + 1, n);
	*size = space + 1 + n;
	return true;
}

bool
lines_frame(struct slice bytes, bool counted, struct slice *text, size_t *size)
{
	size_t end;

	if (bytes.size == 0)
		return false;
	if (counted && bytes.at[0] >= '1' && bytes.at[0] <= '9')
		return frame_counted(bytes, text, size);
	end = slice_find(bytes, '\n');
	if (end > LINES_MAX) {
		*size = 0;
		return true;
	}
	if (end == bytes.size)
		return false;
	*text = slice_of(bytes.at, end);
	*size = end + 1;
	if (text->size > 0 && text->at[text->size - 1] == '\r')
		text->size--;
	return true;
}

/* --- Syslog --------------------------------------------------------------------- */

static bool
wrong(struct fault *fault, const char *reason)
{
	*fault = (struct fault){ 0, reason };
	return false;
}

/* "<34>": facility and severity. */
static bool
take_priority(struct slice *text, uint64_t *priority)
{
	size_t end = slice_find(*text, '>');

	if (text->size < 3 || text->at[0] != '<' || end > 4 || end == text->size ||
	    !number_parse_uint(slice_of(text->at + 1, end - 1), priority) ||
	    *priority >= FACILITIES * 8)
		return false;
	*text = slice_from(*text, end + 1);
	return true;
}

/* Up to the next space, which is taken too. */
static struct slice
take_word(struct slice *text)
{
	size_t end = slice_find(*text, ' ');
	struct slice word = slice_of(text->at, end);

	*text = slice_from(*text, end < text->size ? end + 1 : end);
	return word;
}

static void
build_words(struct build *b, struct slice text)
{
	if (utf8_valid(text) == text.size)
		build_str(b, text);
	else
		build_bin(b, text);
}

static unsigned
pair(struct build *b, const char *key, struct slice value)
{
	if (value.size == 0 || slice_is(value, "-"))
		return 0;
	build_text(b, key);
	build_words(b, value);
	return 1;
}

/* name="value" where \", \\ and \] are escaped. False when it is none. */
static bool
parameter(struct slice *text, struct build *b)
{
	size_t equals = slice_find(*text, '='), at = equals + 2, to;
	uint8_t *copy;

	if (equals == 0 || at >= text->size || text->at[equals + 1] != '"')
		return false;
	build_words(b, slice_of(text->at, equals));
	for (to = at; to < text->size && text->at[to] != '"'; to++)
		if (text->at[to] == '\\' && to + 1 < text->size)
			to++;
	if (to >= text->size)
		return false;
	if (!build_room(b, to - at + 5))
		return false;
	/* Unescape into the room behind the longest header, then build over it. */
	copy = b->at + 5;
	size_t n = 0;
	for (size_t i = at; i < to; i++) {
		if (text->at[i] == '\\' && i + 1 < to &&
		    (text->at[i + 1] == '"' || text->at[i + 1] == '\\' ||
			text->at[i + 1] == ']'))
			i++;
		copy[n++] = text->at[i];
	}
	if (utf8_valid(slice_of(copy, n)) == n) {
		build_str_header(b, n);
	} else {
		/* Of a line at most, so four bytes of size are enough, and shortest form
		 * is no matter of rules. */
		b->at[0] = 0xc6;
		bytes_store_be32(b->at + 1, (uint32_t)n);
		b->at += 5;
	}
	memmove(b->at, copy, n);
	b->at += n;
	*text = slice_from(*text, to + 1);
	return true;
}

/* One "[id name="value" ...]". */
static bool
element(struct slice *text, struct build *b)
{
	size_t open, end = 1;
	uint32_t n = 0;

	while (end < text->size && text->at[end] != ' ' && text->at[end] != ']')
		end++;
	if (end == text->size || end == 1)
		return false;
	build_words(b, slice_of(text->at + 1, end - 1));
	open = build_open(b);
	*text = slice_from(*text, end);
	while (text->size > 0 && text->at[0] == ' ' && n < PARAMETERS_MAX) {
		*text = slice_from(*text, 1);
		if (!parameter(text, b))
			return false;
		n++;
	}
	build_close_map(b, open, n);
	if (text->size == 0 || text->at[0] != ']')
		return false;
	*text = slice_from(*text, 1);
	return true;
}

/* The structured data, which is "-" or elements without space between them. */
static bool
structured(struct slice *text, struct build *b, uint32_t *pairs)
{
	uint8_t *before = b->at;
	size_t open;
	uint32_t n = 0;

	if (text->size > 0 && text->at[0] == '-') {
		(void)take_word(text);
		return true;
	}
	build_text(b, "structured_data");
	open = build_open(b);
	while (text->size > 0 && text->at[0] == '[' && n < PARAMETERS_MAX) {
		if (!element(text, b))
			return false;
		n++;
	}
	if (n == 0) {
		b->at = before;
		return false;
	}
	build_close_map(b, open, n);
	++*pairs;
	if (text->size > 0 && text->at[0] == ' ')
		*text = slice_from(*text, 1);
	return true;
}

/* RFC 5424 after "<PRI>1 ". */
static bool
modern(struct slice text, instant now, struct build *b, uint32_t *pairs)
{
	struct slice time = take_word(&text);
	instant when = now;

	if (!slice_is(time, "-") && !when_parse_iso(time, &when))
		return false;
	build_text(b, "timestamp");
	build_int(b, when);
	*pairs += 1;
	*pairs += pair(b, "hostname", take_word(&text));
	*pairs += pair(b, "app_name", take_word(&text));
	*pairs += pair(b, "procid", take_word(&text));
	*pairs += pair(b, "msgid", take_word(&text));
	if (!structured(&text, b, pairs))
		return false;
	/* A byte order mark says that it is UTF-8, which is seen anyway. */
	if (text.size >= 3 && memcmp(text.at, "\xef\xbb\xbf", 3) == 0)
		text = slice_from(text, 3);
	build_text(b, "message");
	build_words(b, text);
	*pairs += 1;
	return true;
}

bool
lines_syslog(struct slice text, instant now, struct build *to, struct fault *fault)
{
	struct build start = *to, after;
	uint64_t priority;
	uint32_t pairs = 3;
	size_t open = build_open(to);

	if (!take_priority(&text, &priority)) {
		*to = start;
		return wrong(fault, "no <PRI> at its start");
	}
	build_text(to, "event");
	build_text(to, "log");
	build_text(to, "facility");
	build_uint(to, priority / 8);
	build_text(to, "severity");
	build_uint(to, priority % 8);
	after = *to;
	if (text.size < 2 || memcmp(text.at, "1 ", 2) != 0 ||
	    !modern(slice_from(text, 2), now, to, &pairs)) {
		/* What RFC 3164 describes has no form that could be relied on. */
		*to = after;
		pairs = 5;
		build_text(to, "timestamp");
		build_int(to, now);
		build_text(to, "message");
		build_words(to, text);
	}
	build_close_map(to, open, pairs);
	if (build_full(to)) {
		*to = start;
		return wrong(fault, "a message too large for a record");
	}
	return true;
}

/* --- Batches -------------------------------------------------------------------- */

static bool
add_line(struct lines *l, struct slice text, instant now, struct fault *fault)
{
	size_t room = 4 * text.size + KEYS_ADDED;
	struct build b;
	bool good;

	if (!buffer_reserve(&l->out, room, SIZE_MAX / 4))
		return wrong(fault, "no memory");
	build_init(&b, l->out.at + l->out.size, room);
	good = l->kind == LINES_JSON ? json_parse(l->json, text, &b, fault)
				     : lines_syslog(text, now, &b, fault);
	/* A line could stand for a control record, which is not a peer's to send. */
	if (good && value_type(build_slice(&b)) != VALUE_MAP)
		return wrong(fault, "no object");
	if (good)
		l->out.size += build_slice(&b).size;
	return good;
}

bool
lines_records(
    struct lines *l, struct slice bytes, bool end, instant now, struct lines_batch *to)
{
	struct slice text, rest = bytes;
	struct fault fault;
	size_t size;

	*to = (struct lines_batch){ 0 };
	l->out.size = 0;
	while (to->used < BATCH) {
		rest = slice_from(bytes, to->used);
		if (!lines_frame(rest, l->kind == LINES_SYSLOG, &text, &size)) {
			if (!end || rest.size == 0)
				break;
			text = rest;
			size = rest.size;
		}
		if (size == 0)
			return false;
		to->used += size;
		if (text.size == 0)
			continue;
		if (add_line(l, text, now, &fault))
			to->count++;
		else if (to->wrong++ == 0)
			to->first = fault;
	}
	to->records = buffer_slice(&l->out);
	return true;
}
