/* SPDX-License-Identifier: MIT */
#include "lib/net/forward.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/hash.h"
#include "lib/net/unpack.h"
#include "lib/record/build.h"
#include "lib/record/control.h"
#include "lib/text/json.h"

enum {
	EVENT_TIME = 0, /* type of the ext */
	EVENT_TIME_SIZE = 8,
	ADDED_MAX = 64, /* bytes that are added to a record besides tag and metadata */
	KEEP = 4 << 20, /* bytes of a buffer that are kept for the next message */
	JSON_MAX = RECORD_SIZE_MAX - 16,
};

struct forward {
	struct forward_limits limits;
	struct slice tag_name; /* borrowed; empty: the tag is not added */
	struct reader *records;
	struct key tag, metadata;
	struct reader *options;
	struct key chunk, compressed, option_metadata, stream, first, chain;
	struct inflater *inflater;
	struct buffer unpacked, out;
	struct json *json;  /* NULL until JSON comes */
	struct buffer text; /* of it, and the msgpack that it becomes */
	struct buffer from_text;
};

struct forward *
forward_new(const char *tag_key, const struct forward_limits *limits)
{
	struct forward *f = calloc(1, sizeof *f);

	if (f == NULL)
		return NULL;
	f->limits = *limits;
	f->tag_name = slice_text(tag_key);
	assert(f->tag_name.size <= RECORD_KEY_SIZE_MAX);
	f->records = reader_new();
	f->options = reader_new();
	f->inflater = inflater_new();
	if (f->records == NULL || f->options == NULL || f->inflater == NULL) {
		forward_free(f);
		return NULL;
	}
	f->tag = reader_key(f->records, tag_key);
	f->metadata = reader_key(f->records, "metadata");
	f->chunk = reader_key(f->options, "chunk");
	f->compressed = reader_key(f->options, "compressed");
	f->option_metadata = reader_key(f->options, "metadata");
	f->stream = reader_key(f->options, "bp_stream");
	f->first = reader_key(f->options, "bp_first");
	f->chain = reader_key(f->options, "bp_chain");
	return f;
}

void
forward_free(struct forward *f)
{
	if (f == NULL)
		return;
	reader_free(f->records);
	reader_free(f->options);
	inflater_free(f->inflater);
	buffer_free(&f->unpacked);
	buffer_free(&f->out);
	json_free(f->json);
	buffer_free(&f->text);
	buffer_free(&f->from_text);
	free(f);
}

void
forward_rest(struct forward *f)
{
	f->unpacked.size = f->out.size = f->text.size = f->from_text.size = 0;
	buffer_shrink(&f->unpacked, KEEP);
	buffer_shrink(&f->out, KEEP);
	buffer_shrink(&f->text, KEEP);
}

static bool
wrong(struct fault *fault, size_t at, const char *reason)
{
	*fault = (struct fault){ at, reason };
	return false;
}

/* --- Messages ------------------------------------------------------------------- */

/* The JSON parser takes objects: make the array the value of one. */
static bool
from_json(
    struct forward *f, struct slice text, struct slice *value, struct fault *fault)
{
	static const char before[] = "{\"m\":";
	struct build b;

	if (text.size > JSON_MAX)
		return wrong(fault, 0, "a JSON message of more than 1 MiB");
	if (f->json == NULL)
		f->json = json_new();
	f->text.size = f->from_text.size = 0;
	if (f->json == NULL ||
	    !buffer_reserve(&f->text, text.size + JSON_PADDING + 8, SIZE_MAX / 4) ||
	    !buffer_reserve(&f->from_text, RECORD_SIZE_MAX, RECORD_SIZE_MAX))
		return wrong(fault, 0, "no memory for JSON");
	(void)buffer_append(&f->text, slice_text(before), SIZE_MAX / 4);
	(void)buffer_append(&f->text, text, SIZE_MAX / 4);
	(void)buffer_append(&f->text, slice_text("}"), SIZE_MAX / 4);
	build_init(&b, f->from_text.at, RECORD_SIZE_MAX);
	if (!json_parse(f->json, buffer_slice(&f->text), &b, fault))
		return false;
	return value_get(build_slice(&b), "m", value) ||
	    wrong(fault, 0, "a JSON message of more than 1 MiB");
}

/* The next element of the message, which forward_frame found complete. */
static bool
element(struct slice *rest, struct slice *to)
{
	struct fault fault;
	size_t size;

	if (rest->size == 0 || record_extent(*rest, &size, &fault) != SCAN_RECORD)
		return false;
	*to = slice_of(rest->at, size);
	*rest = slice_from(*rest, size);
	return true;
}

static bool
read_numbers(struct forward *f, const struct record *option, struct forward_message *to,
    struct fault *fault)
{
	struct slice stream, first, chain;

	if (!record_value(option, f->stream, &stream))
		return true;
	if (!value_bin(stream, &stream) || stream.size != FORWARD_STREAM_SIZE ||
	    !record_value(option, f->first, &first) ||
	    !value_uint(first, &to->numbers.first) ||
	    !record_value(option, f->chain, &chain) ||
	    !value_uint(chain, &to->numbers.chain))
		return wrong(fault, 0, "bp_stream without its bp_first and bp_chain");
	memcpy(to->numbers.stream, stream.at, FORWARD_STREAM_SIZE);
	to->numbered = true;
	return true;
}

static bool
read_option(struct forward *f, struct slice value, struct forward_message *to,
    struct fault *fault)
{
	struct record option;
	struct slice text;
	size_t need;

	if (value_type(value) == VALUE_NIL)
		return true;
	if (value_type(value) != VALUE_MAP ||
	    record_scan(f->options, value, &option, fault, &need) != SCAN_RECORD)
		return wrong(fault, 0, "an option that is no map of bounded size");
	if (record_value(&option, f->chunk, &to->chunk) &&
	    (!value_text(to->chunk, &text) || text.size > FORWARD_CHUNK_MAX))
		return wrong(
		    fault, 0, "a chunk id that is no text of at most 255 bytes");
	if (record_value(&option, f->option_metadata, &to->metadata) &&
	    value_type(to->metadata) != VALUE_MAP)
		to->metadata.at = NULL;
	if (record_value(&option, f->compressed, &text) && value_text(text, &text)) {
		if (slice_is(text, "gzip"))
			to->packing = PACKING_GZIP;
		else if (slice_is(text, "zstd"))
			to->packing = PACKING_ZSTD;
		else if (text.size > 0 && !slice_is(text, "text"))
			return wrong(
			    fault, 0, "compressed neither as gzip nor as zstd");
	}
	return read_numbers(f, &option, to, fault);
}

/* The second element tells the mode; what follows it up to the option. */
static bool
read_body(struct slice second, struct slice *rest, uint32_t *left,
    struct forward_message *to, struct fault *fault)
{
	struct value_walk walk;

	switch (value_type(second)) {
	case VALUE_ARRAY:
		to->mode = FORWARD_ENTRIES;
		value_open(second, &walk);
		to->entries = walk.left;
		to->body =
		    slice_of(walk.at, (size_t)(second.at + second.size - walk.at));
		return true;
	case VALUE_STR:
	case VALUE_BIN:
		to->mode = FORWARD_PACKED;
		(void)value_text(second, &to->body);
		return true;
	default:
		to->mode = FORWARD_MESSAGE;
		to->time = second;
		if (*left == 0 || !element(rest, &to->body))
			return wrong(fault, 0, "a time without a record");
		--*left;
		return value_type(to->body) == VALUE_MAP ||
		    wrong(fault, 0, "a record that is no map");
	}
}

bool
forward_parse(struct forward *f, struct slice value, struct forward_message *to,
    struct fault *fault)
{
	struct value_walk walk;
	struct slice rest, item;
	uint32_t left;

	*to = (struct forward_message){ 0 };
	*fault = (struct fault){ 0 };
	to->json = value.at[0] == '{' || value.at[0] == '[';
	if (to->json && !from_json(f, value, &value, fault))
		return false;
	if (value_type(value) == VALUE_NIL)
		return true;
	if (value_type(value) != VALUE_ARRAY)
		return wrong(fault, 0, "no message: neither an array nor nil");
	value_open(value, &walk);
	left = walk.left;
	rest = slice_of(walk.at, (size_t)(value.at + value.size - walk.at));
	if (left < 2 || left > 4)
		return wrong(
		    fault, 0, "a message of fewer than 2 or more than 4 elements");
	if (!element(&rest, &item) || !value_text(item, &to->tag) ||
	    to->tag.size > FORWARD_TAG_MAX)
		return wrong(fault, 1, "a tag that is no text of at most 4096 bytes");
	if (!element(&rest, &item))
		return wrong(fault, 1, "cut off");
	left -= 2;
	if (!read_body(item, &rest, &left, to, fault))
		return false;
	if (left > 1)
		return wrong(fault, 0, "more elements than a message has");
	return left == 0 || (element(&rest, &item) && read_option(f, item, to, fault));
}

/* --- Entries -------------------------------------------------------------------- */

static bool
event_time(struct slice bytes, instant *to)
{
	uint32_t seconds, nanoseconds;

	if (bytes.size != EVENT_TIME_SIZE)
		return false;
	seconds = bytes_load_be32(bytes.at);
	nanoseconds = bytes_load_be32(bytes.at + 4);
	*to = (instant)seconds * WHEN_SECOND + nanoseconds / 1000;
	return nanoseconds < 1000000000;
}

static bool
plain_time(struct slice value, instant now, instant *to)
{
	struct slice bytes;
	int64_t whole;
	double number;
	int8_t type;

	switch (value_type(value)) {
	case VALUE_NIL:
		*to = now;
		return true;
	case VALUE_INT:
		if (!value_int(value, &whole) || !when_from_integer(whole, to))
			return false;
		break;
	case VALUE_FLOAT:
		if (!value_number(value, &number) || !when_from_number(number, to))
			return false;
		break;
	case VALUE_EXT:
		if (!value_ext(value, &type, &bytes) || type != EVENT_TIME ||
		    !event_time(bytes, to))
			return false;
		break;
	default:
		return false;
	}
	if (*to == 0)
		*to = now;
	return true;
}

bool
forward_time(struct slice value, instant now, instant *to, struct slice *metadata)
{
	struct slice rest, time;

	metadata->at = NULL;
	if (value_type(value) != VALUE_ARRAY)
		return plain_time(value, now, to);
	if (value_count(value) != 2)
		return false;
	rest = slice_from(value, value.at[0] == 0xdc ? 3 : value.at[0] == 0xdd ? 5 : 1);
	return element(&rest, &time) && element(&rest, metadata) &&
	    value_type(*metadata) == VALUE_MAP && plain_time(time, now, to);
}

void
forward_build_time(struct build *b, instant when)
{
	uint8_t bytes[EVENT_TIME_SIZE];
	int64_t seconds = when < 0 ? 0 : when / WHEN_SECOND;

	bytes_store_be32(bytes, (uint32_t)(seconds > UINT32_MAX ? 0 : seconds));
	bytes_store_be32(
	    bytes + 4, (uint32_t)(when < 0 ? 0 : when % WHEN_SECOND * 1000));
	build_ext(b, EVENT_TIME, slice_of(bytes, sizeof bytes));
}

uint64_t
forward_chain(uint64_t before, struct slice record)
{
	return hash_pair(before, hash_bytes(record, 0));
}

/* Append the record, with what it lacks. */
static bool
append_record(struct forward *f, const struct record *r, instant time, struct slice tag,
    struct slice metadata)
{
	bool timed = record_index(r, KEY_TIMESTAMP) >= 0;
	bool tagged = f->tag_name.size == 0 || record_index(r, f->tag) >= 0;
	bool described = metadata.at == NULL || value_count(metadata) == 0 ||
	    record_index(r, f->metadata) >= 0;
	size_t header = r->bytes[0] == 0xde ? 3 : r->bytes[0] == 0xdf ? 5 : 1;
	size_t more = ADDED_MAX + RECORD_KEY_SIZE_MAX + tag.size +
	    (described ? 0 : metadata.size);
	struct slice bytes = slice_of(r->bytes, r->size);
	struct build b;

	if (timed && tagged && described)
		return buffer_append(&f->out, bytes, f->limits.records);
	if (!buffer_reserve(&f->out, bytes.size + more, f->limits.records))
		return false;
	build_init(&b, f->out.at + f->out.size, bytes.size + more);
	build_map(&b, r->count + !timed + !tagged + !described);
	build_raw(&b, slice_from(bytes, header));
	if (!timed) {
		build_text(&b, "timestamp");
		build_int(&b, time);
	}
	if (!tagged) {
		build_str(&b, f->tag_name);
		build_str(&b, tag);
	}
	if (!described) {
		build_text(&b, "metadata");
		build_raw(&b, metadata);
	}
	assert(!build_full(&b));
	f->out.size += build_slice(&b).size;
	return true;
}

/* One record at the start of the bytes; *size is its extent. A map that breaks the rules
 * of records goes on as it is. */
static bool
add_record(struct forward *f, struct slice bytes, instant time, struct slice tag,
    struct slice metadata, size_t *size, struct fault *fault)
{
	struct record r;
	size_t need;

	if (bytes.size == 0 || value_type(bytes) != VALUE_MAP)
		return wrong(fault, 0, "a record that is no map");
	switch (record_scan(f->records, bytes, &r, fault, &need)) {
	case SCAN_RECORD:
		*size = r.size;
		return append_record(f, &r, time, tag, metadata) ||
		    wrong(fault, 0, "records of more bytes than a message may hold");
	case SCAN_REJECT:
	case SCAN_LARGE:
		if (record_extent(bytes, size, fault) != SCAN_RECORD)
			return wrong(fault, 0, "an entry that is cut off");
		return buffer_append(
			   &f->out, slice_of(bytes.at, *size), f->limits.records) ||
		    wrong(fault, 0, "records of more bytes than a message may hold");
	case SCAN_MORE:
		return wrong(fault, 0, "an entry that is cut off");
	default:
		return false;
	}
}

/* One entry, [time, record]. */
static bool
add_entry(struct forward *f, struct slice *rest, instant now, struct slice tag,
    struct fault *fault)
{
	struct slice metadata, time;
	struct slice entry = *rest;
	size_t size;
	instant when;

	if (entry.at[0] == 0x92)
		entry = slice_from(entry, 1);
	else if (entry.size >= 3 && memcmp(entry.at, "\xdc\0\2", 3) == 0)
		entry = slice_from(entry, 3);
	else if (entry.size >= 5 && memcmp(entry.at, "\xdd\0\0\0\2", 5) == 0)
		entry = slice_from(entry, 5);
	else
		return wrong(fault, 0, "an entry that is no array of two");
	if (!element(&entry, &time))
		return wrong(fault, 0, "an entry that is cut off");
	if (!forward_time(time, now, &when, &metadata))
		return wrong(fault, 0, "an entry without a time");
	if (!add_record(f, entry, when, tag, metadata, &size, fault))
		return false;
	*rest = slice_from(entry, size);
	return true;
}

/* --- Messages to records -------------------------------------------------------- */

static bool
unpack(struct forward *f, const struct forward_message *m, struct slice *blob,
    struct fault *fault)
{
	const char *reason;
	bool good;

	*blob = m->body;
	f->unpacked.size = 0;
	if (m->packing == PACKING_NONE && !m->numbered)
		return m->body.size <= f->limits.unpacked ||
		    wrong(fault, 0, "more than is allowed");
	if (m->packing == PACKING_NONE || m->body.size == 0) {
		/* What goes on as it is must outlive the message. */
		if (!buffer_append(&f->unpacked, m->body, f->limits.unpacked) ||
		    !buffer_reserve(&f->unpacked, 1, SIZE_MAX / 4))
			return wrong(fault, 0, "more than is allowed");
		*blob = buffer_slice(&f->unpacked);
		return true;
	}
	good = m->packing == PACKING_GZIP
	    ? unpack_gzip(
		  f->inflater, m->body, &f->unpacked, f->limits.unpacked, &reason)
	    : unpack_zstd(
		  f->inflater, m->body, &f->unpacked, f->limits.unpacked, &reason);
	if (!good)
		return wrong(fault, 0, reason);
	*blob = buffer_slice(&f->unpacked);
	/* Scanners look a little ahead. */
	if (!buffer_reserve(&f->unpacked, 1, SIZE_MAX / 4))
		return wrong(fault, 0, "no memory");
	blob->at = f->unpacked.at;
	return true;
}

/* One value of a numbered chunk: its extent, once it was looked at. */
static bool
raw_value(
    struct slice rest, size_t *size, struct forward_records *to, struct fault *fault)
{
	enum value_type type = value_type(rest);
	struct control control;
	bool damaged;

	if (record_extent(rest, size, fault) != SCAN_RECORD)
		return wrong(fault, 0, "a record that is cut off, or no msgpack");
	if (type == VALUE_MAP)
		to->count++;
	else if (type != VALUE_EXT ||
	    (!control_read(slice_of(rest.at, *size), &control, &damaged) && damaged))
		return wrong(fault, 0, "neither a record nor a sound control record");
	to->values++;
	return true;
}

static bool
contradiction(struct forward_records *to, struct fault *fault, const char *reason)
{
	to->conflict = true;
	return wrong(fault, 0, reason);
}

/* The records of a numbered chunk go out as they are, but for those that were taken. */
static bool
raw_records(const struct forward_message *m, struct slice blob,
    const struct forward_mark *mark, struct forward_records *to, struct fault *fault)
{
	struct forward_mark now = { m->numbers.first, m->numbers.chain };
	struct slice rest = blob;
	size_t size;

	if (mark != NULL && now.next > mark->next)
		return contradiction(to, fault, "records are missing before it");
	to->bytes = blob;
	for (;; now.next++) {
		if (mark != NULL && now.next == mark->next) {
			if (now.chain != mark->chain)
				return contradiction(
				    to, fault, "it repeats records with other bytes");
			to->bytes = rest;
			to->repeated = to->values;
			to->count = to->values = 0;
		}
		if (rest.size == 0)
			break;
		if (!raw_value(rest, &size, to, fault))
			return wrong(fault, (size_t)(rest.at - blob.at), fault->reason);
		now.chain = forward_chain(now.chain, slice_of(rest.at, size));
		rest = slice_from(rest, size);
	}
	to->after = now;
	if (mark != NULL && now.next < mark->next) {
		to->after = *mark;
		to->bytes = rest;
		to->repeated = to->values;
		to->count = to->values = 0;
	}
	return true;
}

static bool
entry_records(struct forward *f, const struct forward_message *m, struct slice rest,
    instant now, struct forward_records *to, struct fault *fault)
{
	const uint8_t *start = rest.at;

	f->out.size = 0;
	while (m->mode == FORWARD_PACKED ? rest.size > 0 : to->count < m->entries) {
		if (rest.size == 0)
			return wrong(fault, 0, "fewer entries than it says");
		if (!add_entry(f, &rest, now, m->tag, fault))
			return wrong(fault, (size_t)(rest.at - start), fault->reason);
		to->count++;
	}
	if (rest.size > 0)
		return wrong(fault, 0, "more entries than it says");
	to->bytes = buffer_slice(&f->out);
	to->values = to->count;
	return true;
}

static bool
one_record(struct forward *f, const struct forward_message *m, instant now,
    struct forward_records *to, struct fault *fault)
{
	struct slice metadata;
	size_t size;
	instant when;

	f->out.size = 0;
	if (!forward_time(m->time, now, &when, &metadata))
		return wrong(fault, 0, "a message without a time");
	if (metadata.at == NULL)
		metadata = m->metadata;
	if (!add_record(f, m->body, when, m->tag, metadata, &size, fault))
		return false;
	to->bytes = buffer_slice(&f->out);
	to->count = to->values = 1;
	return true;
}

bool
forward_records(struct forward *f, const struct forward_message *m, instant now,
    const struct forward_mark *mark, struct forward_records *to, struct fault *fault)
{
	struct slice blob;

	*to = (struct forward_records){ .bytes = slice_of("", 0) };
	*fault = (struct fault){ 0 };
	switch (m->mode) {
	case FORWARD_MESSAGE:
		return one_record(f, m, now, to, fault);
	case FORWARD_ENTRIES:
		return entry_records(f, m, m->body, now, to, fault);
	case FORWARD_PACKED:
		if (!unpack(f, m, &blob, fault))
			return false;
		return m->numbered ? raw_records(m, blob, mark, to, fault)
				   : entry_records(f, m, blob, now, to, fault);
	default:
		return true;
	}
}
