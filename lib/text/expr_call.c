/* SPDX-License-Identifier: MIT
 *
 * The functions of expressions on texts, URLs and lists, and the table of all. Each is
 * given evaluated arguments and a missing *to, which stays so when there is no answer.
 */
#include "lib/hash.h"
#include "lib/text/expr_convert.h"
#include "lib/text/url.h"
#include "lib/text/utf8.h"

/* --- Texts ---------------------------------------------------------------------- */

/* A to Z only: other letters depend on the language. */
static void
call_lower(EXPR_ARGUMENTS)
{
	uint8_t *at;

	(void)count;
	if (in->type != EXPR_TEXT ||
	    (at = expr_scratch_take(scratch, in->text.size)) == NULL)
		return;
	for (size_t i = 0; i < in->text.size; i++)
		at[i] = in->text.at[i] >= 'A' && in->text.at[i] <= 'Z'
		    ? in->text.at[i] | 0x20
		    : in->text.at[i];
	expr_set_text(to, slice_of(at, in->text.size));
}

static void
call_trim(EXPR_ARGUMENTS)
{
	(void)scratch, (void)count;
	if (in->type == EXPR_TEXT)
		expr_set_text(to, slice_trim(in->text));
}

/* Missing in place of a text without a character, as CSV and TSV write it. */
static void
call_nonempty(EXPR_ARGUMENTS)
{
	(void)scratch, (void)count;
	if (in->type != EXPR_TEXT || in->text.size > 0)
		*to = *in;
}

/* json(text): what a JSON object in a text says. */
static void
call_json(EXPR_ARGUMENTS)
{
	struct fault fault;
	struct build b;
	uint8_t *copy;

	(void)count;
	if (in->type != EXPR_TEXT)
		return;
	expr_scratch_open(scratch, &b);
	copy = expr_scratch_take(scratch, in->text.size + JSON_PADDING);
	if (copy == NULL) {
		scratch->at = b.start;
		return;
	}
	memcpy(copy, in->text.at, in->text.size);
	memset(copy + in->text.size, 0, JSON_PADDING);
	if (json_parse(scratch->json, slice_of(copy, in->text.size), &b, &fault))
		expr_scratch_close(scratch, &b, to);
	else
		scratch->at = b.start;
}

/* The offset of the second text in the first, or its size. */
static size_t
find(struct slice text, struct slice what)
{
	const uint8_t *at = memmem(text.at, text.size, what.at, what.size);

	return at == NULL ? text.size : (size_t)(at - text.at);
}

static void
call_split(EXPR_ARGUMENTS)
{
	struct slice rest = in[0].text, by = in[1].text;
	struct build b;
	uint32_t n = 0;
	size_t open, at;

	(void)count;
	if (in[0].type != EXPR_TEXT || in[1].type != EXPR_TEXT || by.size == 0)
		return;
	expr_scratch_open(scratch, &b);
	open = build_open(&b);
	for (;; rest = slice_from(rest, at + by.size)) {
		at = find(rest, by);
		build_str(&b, slice_of(rest.at, at));
		n++;
		if (at == rest.size)
			break;
	}
	build_close_array(&b, open, n);
	expr_scratch_close(scratch, &b, to);
}

static void
call_contains(EXPR_ARGUMENTS)
{
	(void)scratch, (void)count;
	if (in[0].type == EXPR_TEXT && in[1].type == EXPR_TEXT)
		expr_set_bool(to,
		    in[1].text.size == 0 ||
			find(in[0].text, in[1].text) < in[0].text.size);
}

static void
call_starts(EXPR_ARGUMENTS)
{
	(void)scratch, (void)count;
	if (in[0].type == EXPR_TEXT && in[1].type == EXPR_TEXT)
		expr_set_bool(to,
		    in[1].text.size <= in[0].text.size &&
			slice_equal(
			    slice_of(in[0].text.at, in[1].text.size), in[1].text));
}

/* Bytes of a text, items of a list, pairs of a map. */
static void
call_size(EXPR_ARGUMENTS)
{
	(void)scratch, (void)count;
	if (in->type == EXPR_TEXT)
		expr_set_int(to, (int64_t)in->text.size);
	else if (in->type == EXPR_LIST || in->type == EXPR_MAP)
		expr_set_int(to, value_count(in->raw));
}

static void
call_hash(EXPR_ARGUMENTS)
{
	char storage[NUMBER_TEXT_MAX];
	struct slice text;

	(void)scratch, (void)count;
	if (!expr_text_of(in, storage, &text))
		text = in->raw;
	if (text.at != NULL && in->type != EXPR_NIL)
		expr_set_int(to, (int64_t)(hash_bytes(text, 0) >> 1));
}

/* --- URLs ----------------------------------------------------------------------- */

/* Decoded, where the result is text; as it is otherwise. */
static void
set_decoded(
    struct expr_scratch *scratch, struct slice text, bool plus, struct expr_value *to)
{
	struct slice decoded;
	uint8_t *at;

	expr_set_text(to, text);
	if (url_is_plain(text, plus) ||
	    (at = expr_scratch_take(scratch, text.size)) == NULL)
		return;
	decoded = slice_of(at, url_decode(text, plus, at));
	if (utf8_valid(decoded) == decoded.size)
		expr_set_text(to, decoded);
}

static void
call_path(EXPR_ARGUMENTS)
{
	struct slice segment;
	struct url url;

	if (in->type != EXPR_TEXT)
		return;
	url_split(in->text, &url);
	if (count == 1)
		set_decoded(scratch, url.path, false, to);
	else if (in[1].type == EXPR_INT && in[1].integer >= 0 &&
	    in[1].integer <= RECORD_STRING_MAX &&
	    url_segment(url.path, (unsigned)in[1].integer, &segment))
		set_decoded(scratch, segment, false, to);
}

static void
call_query(EXPR_ARGUMENTS)
{
	struct slice rest, name, value;
	struct url url;

	(void)count;
	if (in[0].type != EXPR_TEXT || in[1].type != EXPR_TEXT)
		return;
	url_split(in->text, &url);
	for (rest = url.query; url_query_next(&rest, &name, &value);) {
		uint8_t *start = scratch->at;
		struct expr_value decoded;
		bool found;

		set_decoded(scratch, name, true, &decoded);
		found = slice_equal(decoded.text, in[1].text);
		scratch->at = start;
		if (found) {
			set_decoded(scratch, value, true, to);
			return;
		}
	}
}

static void
call_host(EXPR_ARGUMENTS)
{
	struct expr_value host;
	struct url url;

	if (in->type != EXPR_TEXT)
		return;
	url_split(in->text, &url);
	expr_set_text(&host, url.host);
	if (url.host.size > 0)
		call_lower(scratch, &host, count, to);
}

/* --- Lists of pairs ------------------------------------------------------------- */

/* pick(list, "key", value): the first map in the list whose key has the value. */
static void
call_pick(EXPR_ARGUMENTS)
{
	struct value_walk walk;
	struct slice key, item, found;
	struct expr_value value;

	(void)scratch, (void)count;
	if (in[0].type != EXPR_LIST || in[1].type != EXPR_TEXT)
		return;
	for (value_open(in->raw, &walk); value_next(&walk, &key, &item);) {
		if (!value_get_slice(item, in[1].text, &found))
			continue;
		expr_value_load(found, &value);
		if (expr_value_relation(&value, EXPR_EQUAL, &in[2])) {
			expr_value_load(item, to);
			return;
		}
	}
}

static bool
is_among(const struct slice *names, uint32_t count, struct slice name)
{
	for (uint32_t i = 0; i < count; i++)
		if (slice_equal(names[i], name))
			return true;
	return false;
}

/* collect(list, "name", "value"): the map whose keys and values the items hold; of items
 * of one name, and of more than a map may have, the first. */
static void
call_collect(EXPR_ARGUMENTS)
{
	struct slice names[RECORD_KEYS_MAX];
	struct value_walk walk;
	struct slice key, item, name, value, text;
	struct build b;
	uint32_t n = 0;
	size_t open;

	(void)count;
	if (in[0].type != EXPR_LIST || in[1].type != EXPR_TEXT ||
	    in[2].type != EXPR_TEXT)
		return;
	expr_scratch_open(scratch, &b);
	open = build_open(&b);
	for (value_open(in->raw, &walk); value_next(&walk, &key, &item);) {
		if (!value_get_slice(item, in[1].text, &name) ||
		    !value_str(name, &text) ||
		    !value_get_slice(item, in[2].text, &value) ||
		    value_type(value) == VALUE_NIL || n == RECORD_KEYS_MAX ||
		    is_among(names, n, text))
			continue;
		build_str(&b, text);
		build_raw(&b, value);
		names[n++] = text;
	}
	build_close_map(&b, open, n);
	expr_scratch_close(scratch, &b, to);
}

/* scalar(map): its first value that is not nil, as in GA4's {"string_value": ...}. */
static void
call_scalar(EXPR_ARGUMENTS)
{
	struct value_walk walk;
	struct slice key, item;

	(void)scratch, (void)count;
	if (in->type != EXPR_MAP)
		return;
	for (value_open(in->raw, &walk); value_next(&walk, &key, &item);) {
		if (value_type(item) != VALUE_NIL) {
			expr_value_load(item, to);
			return;
		}
	}
}

static const struct expr_function functions[] = {
	{ "bool", 1, 1, EXPR_KIND_BOOL, expr_call_bool, false },
	{ "collect", 3, 3, EXPR_KIND_MAP, call_collect, false },
	{ "concat", 1, EXPR_ARGUMENTS_MAX, EXPR_KIND_TEXT, expr_call_concat, false },
	{ "contains", 2, 2, EXPR_KIND_BOOL, call_contains, false },
	{ "float", 1, 1, EXPR_KIND_NUMBER, expr_call_float, false },
	{ "hash", 1, 1, EXPR_KIND_NUMBER, call_hash, false },
	{ "host", 1, 1, EXPR_KIND_TEXT, call_host, false },
	{ "int", 1, 1, EXPR_KIND_NUMBER, expr_call_int, false },
	{ "json", 1, 1, EXPR_KIND_MAP, call_json, true },
	{ "lower", 1, 1, EXPR_KIND_TEXT, call_lower, false },
	{ "micros", 1, 1, EXPR_KIND_NUMBER, expr_call_micros, false },
	{ "nonempty", 1, 1, EXPR_KIND_ANY, call_nonempty, false },
	{ "path", 1, 2, EXPR_KIND_TEXT, call_path, false },
	{ "pick", 3, 3, EXPR_KIND_ANY, call_pick, false },
	{ "query", 2, 2, EXPR_KIND_TEXT, call_query, false },
	{ "round", 1, 1, EXPR_KIND_NUMBER, expr_call_round, false },
	{ "scalar", 1, 1, EXPR_KIND_ANY, call_scalar, false },
	{ "size", 1, 1, EXPR_KIND_NUMBER, call_size, false },
	{ "split", 2, 2, EXPR_KIND_LIST, call_split, false },
	{ "starts", 2, 2, EXPR_KIND_BOOL, call_starts, false },
	{ "text", 1, 1, EXPR_KIND_TEXT, expr_call_concat, false },
	{ "time", 1, 1, EXPR_KIND_NUMBER, expr_call_time, false },
	{ "time_ms", 1, 1, EXPR_KIND_NUMBER, expr_call_time_ms, false },
	{ "time_s", 1, 1, EXPR_KIND_NUMBER, expr_call_time_s, false },
	{ "time_us", 1, 1, EXPR_KIND_NUMBER, expr_call_time_us, false },
	{ "trim", 1, 1, EXPR_KIND_TEXT, call_trim, false },
};

const struct expr_function *
expr_function_find(struct slice name)
{
	for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
		if (slice_is(name, functions[i].name))
			return &functions[i];
	return NULL;
}
