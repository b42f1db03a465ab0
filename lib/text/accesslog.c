/* SPDX-License-Identifier: MIT */
#include "lib/text/accesslog.h"

#include <stdlib.h>

#include "lib/base/assert.h"
#include "lib/hash.h"
#include "lib/record/value.h"
#include "lib/text/query.h"
#include "lib/text/str.h"

/* --- Ids of lines --------------------------------------------------------------- */

enum { WAYS = 4, SETS = 8192 };

/* Lines of which hash_bucket is the same: the latest four. */
struct set {
	uint64_t hash[WAYS];
	uint32_t times[WAYS];
	uint32_t next, spare[3];
};

struct line_ids {
	struct set sets[SETS];
	char digits[4096][2]; /* of 12 bits in base64url */
	struct slice line;    /* that is begun, and its hash */
	uint8_t wide[16];
};

_Static_assert(sizeof(((struct line_ids *)0)->sets) == LINE_IDS_SIZE, "as promised");

struct line_ids *
line_ids_new(void)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	struct line_ids *ids = calloc(1, sizeof *ids);

	for (unsigned i = 0; ids != NULL && i < 4096; i++) {
		ids->digits[i][0] = digits[i >> 6];
		ids->digits[i][1] = digits[i & 63];
	}
	return ids;
}

void
line_ids_free(struct line_ids *ids)
{
	free(ids);
}

struct slice
line_ids_state(const struct line_ids *ids)
{
	return slice_of(ids->sets, sizeof ids->sets);
}

void
line_ids_restore(struct line_ids *ids, struct slice state)
{
	assert(state.size == sizeof ids->sets);
	memcpy(ids->sets, state.at, sizeof ids->sets);
}

static struct set *
set_of(struct line_ids *ids, uint64_t hash)
{
	return &ids->sets[hash_bucket(hash, SETS)];
}

/* How often a line of this hash was seen before. */
static uint32_t
count_line(struct set *set, uint64_t hash)
{
	for (unsigned i = 0; i < WAYS; i++)
		if (set->hash[i] == hash && set->times[i] > 0)
			return set->times[i]++;
	set->hash[set->next] = hash;
	set->times[set->next] = 1;
	set->next = (set->next + 1) % WAYS;
	return 0;
}

void
line_ids_begin(struct line_ids *ids, struct slice line)
{
	const struct set *set;

	ids->line = line;
	hash_wide(line, 0, ids->wide);
	set = set_of(ids, bytes_load_be64(ids->wide));
	__builtin_prefetch(set, 1);
	__builtin_prefetch(&set->spare, 1); /* it may lie in two cache lines */
}

static void
write_id(const struct line_ids *ids, const uint8_t wide[16], uint8_t to[LINE_ID_SIZE])
{
	uint64_t high = bytes_load_be64(wide), low = bytes_load_be64(wide + 8);

	for (unsigned i = 0; i < 5; i++)
		memcpy(to + 2 * i, ids->digits[high >> (52 - 12 * i) & 4095], 2);
	memcpy(to + 10, ids->digits[(high << 8 | low >> 56) & 4095], 2);
	for (unsigned i = 0; i < 4; i++)
		memcpy(to + 12 + 2 * i, ids->digits[low >> (44 - 12 * i) & 4095], 2);
	memcpy(to + 20, ids->digits[low << 4 & 4095], 2);
}

void
line_ids_end(struct line_ids *ids, uint8_t to[LINE_ID_SIZE])
{
	uint64_t high = bytes_load_be64(ids->wide);
	uint32_t times = count_line(set_of(ids, high), high);

	if (times > 0)
		hash_wide(ids->line, times, ids->wide);
	write_id(ids, ids->wide, to);
}

void
line_ids_numbered(const struct line_ids *ids, struct slice text, uint64_t number,
    uint8_t to[LINE_ID_SIZE])
{
	uint8_t wide[16];

	hash_wide(text, number, wide);
	write_id(ids, wide, to);
}

/* --- What becomes of each variable ---------------------------------------------- */

enum role {
	ROLE_VALUE,     /* under its key, by its type */
	ROLE_TIMESTAMP, /* the record's */
	ROLE_EVENT_ID,  /* the record's */
	ROLE_REQUEST,   /* METHOD TARGET PROTOCOL */
	ROLE_TARGET,    /* url, and query when no variable brings it */
	ROLE_QUERY,     /* a query string */
};

enum { KEY_MAX = 80 };

struct accesslog {
	struct logformat *format;
	unsigned count;
	int timestamp, event_id; /* fields; event_id may be -1 */
	bool query_apart;        /* a variable of its own brings the query */
	struct {
		enum role role;
		enum logformat_type type;
		uint8_t key[KEY_MAX]; /* msgpack */
		size_t key_size;
	} plan[LOGFORMAT_FIELDS_MAX];
	struct logformat_value values[LOGFORMAT_FIELDS_MAX];
};

static const struct {
	const char *variable, *key;
} renamed[] = {
	{ "remote_addr", "ip" },
	{ "request_method", "method" },
	{ "request_uri", "url" },
	{ "server_protocol", "protocol" },
	{ "body_bytes_sent", "bytes_sent" },
	{ "http_referer", "referrer" },
	{ "http_user_agent", "user_agent" },
	{ "bytes_sent", "total_bytes_sent" },
	{ "uri", "url" },
	{ "args", "query" },
	{ "query_string", "query" },
};

static int
find_field(const struct logformat *f, const char *name)
{
	for (unsigned i = 0; i < logformat_fields(f); i++)
		if (slice_is(logformat_field(f, i)->name, name))
			return (int)i;
	return -1;
}

/* The field of the first of the names that the format has, -1 for none. */
static int
first_field(const struct logformat *f, const char *const *names, size_t n)
{
	int found = -1;

	for (size_t i = 0; i < n && found < 0; i++)
		found = find_field(f, names[i]);
	return found;
}

/* The key of a variable without the renaming that another one has taken already. */
static void
set_key(struct accesslog *a, unsigned i, bool own_name)
{
	const struct logformat_field *field = logformat_field(a->format, i);
	struct slice name = field->name;
	char text[KEY_MAX - 5];
	struct build b;
	size_t size;

	for (size_t n = 0; !own_name && n < sizeof renamed / sizeof renamed[0]; n++)
		if (slice_is(field->name, renamed[n].variable))
			name = slice_text(renamed[n].key);
	size = name.size < sizeof text - 3 ? name.size : sizeof text - 3;
	memcpy(text, name.at, size);
	if (field->type == LOGFORMAT_DURATION) {
		memcpy(text + size, "_us", 3);
		size += 3;
	}
	build_init(&b, a->plan[i].key, KEY_MAX);
	build_str(&b, slice_of(text, size));
	assert(!build_full(&b));
	a->plan[i].key_size = build_slice(&b).size;
}

/* Whether another variable of the format has the better right to this one's new key. */
static bool
is_taken(const struct logformat *f, struct slice name, bool best)
{
	if (slice_is(name, "bytes_sent"))
		return find_field(f, "body_bytes_sent") < 0;
	if (slice_is(name, "request_method") || slice_is(name, "server_protocol"))
		return find_field(f, "request") >= 0;
	return !best &&
	    (slice_is(name, "uri") || slice_is(name, "request_uri") ||
		slice_is(name, "args") || slice_is(name, "query_string"));
}

static int
check_keys(const struct accesslog *a, bool request, struct error *error)
{
	static const char *const reserved[] = { "event", "event_id", "timestamp",
		"method", "url", "query", "protocol", "request" };
	struct slice key;

	for (unsigned i = 0; i < a->count; i++) {
		bool twice = false;

		if (a->plan[i].role != ROLE_VALUE)
			continue;
		(void)value_str(slice_of(a->plan[i].key, a->plan[i].key_size), &key);
		for (unsigned n = 0; n < (request ? 8 : 3); n++)
			twice |= slice_is(key, reserved[n]);
		for (unsigned n = 0; n < i; n++)
			twice |=
			    slice_equal(slice_of(a->plan[i].key, a->plan[i].key_size),
				slice_of(a->plan[n].key, a->plan[n].key_size));
		if (twice)
			return error_set(error,
			    "log format: two variables would become the key %.*s "
			    "(rename one)",
			    (int)key.size, (const char *)key.at);
	}
	return 0;
}

static int
make_plan(struct accesslog *a, struct error *error)
{
	static const char *const times[] = { "msec", "time_iso8601", "time_local" };
	static const char *const targets[] = { "request", "request_uri", "uri" };
	static const char *const queries[] = { "args", "query_string" };
	const struct logformat *f = a->format;
	int target = first_field(f, targets, 3), query = first_field(f, queries, 2);
	bool request = find_field(f, "request") >= 0;

	a->timestamp = first_field(f, times, 3);
	if (a->timestamp < 0)
		return error_set(error,
		    "log format: no time in it (add $time_local, $time_iso8601 or "
		    "$msec)");
	a->event_id = find_field(f, "request_id");
	a->query_apart = query >= 0;
	a->count = logformat_fields(f);
	for (unsigned i = 0; i < a->count; i++) {
		const struct logformat_field *field = logformat_field(f, i);
		int n = (int)i;

		set_key(a, i, is_taken(f, field->name, n == target || n == query));
		a->plan[i].type = field->type;
		a->plan[i].role = n == a->timestamp ? ROLE_TIMESTAMP
		    : n == a->event_id              ? ROLE_EVENT_ID
		    : n == query                    ? ROLE_QUERY
		    : n != target                   ? ROLE_VALUE
		    : request                       ? ROLE_REQUEST
						    : ROLE_TARGET;
	}
	return check_keys(a, request, error);
}

struct accesslog *
accesslog_new(struct slice format, struct error *error)
{
	const char *named = logformat_named(format);
	struct accesslog *a = calloc(1, sizeof *a);

	if (a == NULL) {
		(void)error_set(error, "no memory for the log format");
		return NULL;
	}
	a->format = logformat_new(named != NULL ? slice_text(named) : format, error);
	if (a->format == NULL || make_plan(a, error) != 0) {
		accesslog_free(a);
		return NULL;
	}
	return a;
}

void
accesslog_free(struct accesslog *a)
{
	if (a == NULL)
		return;
	logformat_free(a->format);
	free(a);
}

/* --- The record ----------------------------------------------------------------- */

/* A text of the line; unescaped behind the longest header, then moved to its own. */
static void
build_coded(struct build *b, const struct logformat_value *v)
{
	uint8_t *start = b->at;
	size_t size;

	if (!v->escaped || !build_room(b, v->text.size + 5)) {
		str_build(b, v->text);
		return;
	}
	size = logformat_unescape(v->text, start + 5);
	if (utf8_valid(slice_of(start + 5, size)) < size) {
		str_build(b, v->text);
		return;
	}
	build_str_header(b, size);
	memmove(b->at, start + 5, size);
	b->at += size;
}

/* A text of the line, behind which there is padding: a short one is copied in one piece,
 * with what follows it. */
static inline void
build_plain(struct build *b, struct slice text)
{
	if (text.size >= 32 || b->full || b->end - b->at < 33) {
		build_str(b, text);
		return;
	}
	*b->at = (uint8_t)(0xa0 | text.size);
	memcpy(b->at + 1, text.at, 32);
	b->at += 1 + text.size;
}

static inline void
build_text_of(struct build *b, const struct logformat_value *v)
{
	if (!v->escaped && v->ascii)
		build_plain(b, v->text);
	else
		build_coded(b, v);
}

/* Append "key" and the text; returns the pairs appended. */
static uint32_t
build_pair(struct build *b, const char *key, const struct logformat_value *v)
{
	build_text(b, key);
	build_text_of(b, v);
	return 1;
}

/* Append "query" and its map. What is unescaped lies beyond the room that the map can
 * take: two bytes for each of the text's and a header. */
static uint32_t
build_query(struct build *b, struct slice query, bool escaped)
{
	uint8_t *plain;

	if (query.size == 0)
		return 0;
	build_text(b, "query");
	if (escaped) {
		if (!build_room(b, 3 * query.size + 64))
			return 0;
		plain = b->at + 2 * query.size + 64;
		query = slice_of(plain, logformat_unescape(query, plain));
	}
	query_build(b, query);
	return 1;
}

static uint32_t
build_target(
    const struct accesslog *a, struct build *b, const struct logformat_value *v)
{
	struct slice target = v->text;
	const uint8_t *value;
	size_t mark;

	build_text(b, "url");
	value = b->at;
	build_text_of(b, v);
	if (a->query_apart || build_full(b))
		return 1;
	/* The query is that of the text as it was built: without its escapes. */
	if (v->escaped)
		(void)value_text(slice_of(value, (size_t)(b->at - value)), &target);
	mark = slice_find(target, '?');
	if (mark == target.size)
		return 1;
	target = slice_from(target, mark + 1);
	target.size = slice_find(target, '#');
	return 1 + build_query(b, target, false);
}

static bool
is_method(struct slice text)
{
	for (size_t i = 0; i < text.size; i++)
		if ((text.at[i] < 'A' || text.at[i] > 'Z') && text.at[i] != '-' &&
		    text.at[i] != '_')
			return false;
	return text.size > 0;
}

/* "GET /item/1?u=2 HTTP/1.1"; targets with spaces in them occur. */
static uint32_t
build_request(
    const struct accesslog *a, struct build *b, const struct logformat_value *v)
{
	struct logformat_value method = *v, target = *v, protocol = *v;
	size_t space = slice_find(v->text, ' ');
	const uint8_t *last;
	uint32_t pairs;

	method.text = slice_of(v->text.at, space);
	method.escaped = false;
	if (!is_method(method.text) || space + 1 >= v->text.size)
		return build_pair(b, "request", v);
	target.text = slice_from(v->text, space + 1);
	last = memrchr(target.text.at, ' ', target.text.size);
	protocol.text = slice_of(NULL, 0);
	if (last != NULL) {
		size_t size = (size_t)(last - target.text.at);

		protocol.text = slice_from(target.text, size + 1);
		if (protocol.text.size > 5 && memcmp(last + 1, "HTTP/", 5) == 0)
			target.text.size = size;
		else
			protocol.text = slice_of(NULL, 0);
	}
	pairs = build_pair(b, "method", &method);
	pairs += build_target(a, b, &target);
	if (protocol.text.at != NULL)
		pairs += build_pair(b, "protocol", &protocol);
	return pairs;
}

/* Likewise a key of the plan. */
static inline void
build_key(struct build *b, const uint8_t key[KEY_MAX], size_t size)
{
	if (size > 32 || b->full || b->end - b->at < 32) {
		build_raw(b, slice_of(key, size));
		return;
	}
	memcpy(b->at, key, 32);
	b->at += size;
}

static uint32_t
build_field(const struct accesslog *a, struct build *b, unsigned i)
{
	const struct logformat_value *v = &a->values[i];

	if (v->text.at == NULL)
		return 0;
	switch (a->plan[i].role) {
	case ROLE_TIMESTAMP:
	case ROLE_EVENT_ID:
		return 0;
	case ROLE_REQUEST:
		return build_request(a, b, v);
	case ROLE_TARGET:
		return build_target(a, b, v);
	case ROLE_QUERY:
		return build_query(b, v->text, v->escaped);
	case ROLE_VALUE:
		break;
	}
	build_key(b, a->plan[i].key, a->plan[i].key_size);
	if (a->plan[i].type == LOGFORMAT_TEXT || a->plan[i].type == LOGFORMAT_ADDRESS)
		build_text_of(b, v);
	else
		build_int(b, v->number);
	return 1;
}

/* Whether every text fits into a record. */
static bool
fits(const struct accesslog *a, struct slice line, struct fault *fault)
{
	for (unsigned i = 0; i < a->count; i++)
		if (a->values[i].text.size > RECORD_STRING_MAX) {
			fault->at = (size_t)(a->values[i].text.at - line.at);
			fault->reason = "a value of more than 64 KiB";
			return false;
		}
	return true;
}

bool
accesslog_read(struct accesslog *a, struct slice line, struct fault *fault)
{
	return logformat_run(a->format, line, a->values, fault) &&
	    (line.size <= RECORD_STRING_MAX || fits(a, line, fault));
}

void
accesslog_build(const struct accesslog *a, struct slice id, struct build *to,
    struct slice *event_id)
{
	/* {"event":"page_view","event_id": */
	static const char start[] = "\xa5"
				    "event"
				    "\xa9"
				    "page_view"
				    "\xa8"
				    "event_id";
	uint32_t pairs = 3;
	size_t open;

	*event_id = id;
	if (a->event_id >= 0 && a->values[a->event_id].text.at != NULL)
		*event_id = a->values[a->event_id].text;
	open = build_open(to);
	build_raw(to, slice_of(start, sizeof start - 1));
	if (event_id->at == id.at)
		build_str(to, id);
	else
		build_text_of(to, &a->values[a->event_id]);
	build_text(to, "timestamp");
	build_int(to, a->values[a->timestamp].number);
	for (unsigned i = 0; i < a->count; i++)
		pairs += build_field(a, to, i);
	build_close_map(to, open, pairs);
}
