/* SPDX-License-Identifier: MIT */
#include "lib/log/track.h"

#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/record/control.h"
#include "lib/record/record.h"
#include "lib/text/adapters.h"
#include "lib/text/detect.h"
#include "lib/text/format.h"
#include "lib/text/map.h"

enum { SAID_MAX = 3 };

struct track {
	const struct os *os;
	const char *path;
	const struct track_options *options;
	enum track_kind kind;
	struct reader *reader; /* owned; also of the map */

	struct log_reader *log; /* owned; TRACK_LOG */
	struct log_batch batch;
	size_t used; /* of the batch's body */
	size_t skip; /* of the next batch's body: taken in an earlier run */
	bool has_batch;

	struct input *in; /* owned; the other kinds */
	bool end;
	uint64_t lines;

	const char *format_name;
	struct format *format;  /* owned; TRACK_TEXT */
	struct map *map;        /* owned; NULL: none */
	uint8_t *raw;           /* owned */
	uint8_t *joined;        /* owned; the records that a map made of one line */
	uint8_t *resumed;       /* owned; current, when it comes from a position */
	struct slice current;   /* peeked at */
	bool has_current, kept; /* kept: the position is behind it already */
	instant time;           /* of the last record that has one */
	uint8_t gap[CONTROL_SIZE_MAX];
	uint64_t faults;
};

static void
say(struct track *t, const char *format, ...)
{
	char text[512];
	va_list args;

	if (t->faults++ >= SAID_MAX || t->options->say == NULL)
		return;
	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	t->options->say(t->options->context, text);
}

struct track *
track_new(const struct os *os, const char *path, const struct track_options *options,
    struct error *error)
{
	struct track *t = calloc(1, sizeof *t);

	if (t == NULL || (t->reader = reader_new()) == NULL) {
		(void)error_set(error, "no memory to read %s", path);
		goto fail;
	}
	t->os = os;
	t->path = path;
	t->options = options;
	t->time = WHEN_NEVER;
	if (options->format == NULL && strcmp(path, "-") != 0 && log_is(os, path)) {
		t->kind = TRACK_LOG;
		t->log = log_reader_new(os, path, error);
		if (t->log == NULL)
			goto fail;
		if (options->bounded)
			log_reader_between(t->log, options->from, options->to);
		return t;
	}
	t->in = input_open(os, path, error);
	if (t->in != NULL && input_watch(t->in, error) == 0)
		return t;
fail:
	track_free(t);
	return NULL;
}

void
track_free(struct track *t)
{
	if (t == NULL)
		return;
	log_reader_free(t->log);
	input_free(t->in);
	format_free(t->format);
	map_free(t->map);
	reader_free(t->reader);
	free(t->raw);
	free(t->joined);
	free(t->resumed);
	free(t);
}

/* --- Files ---------------------------------------------------------------------- */

/* Whether a read would have to wait for somebody. */
static bool
must_wait(const struct track *t)
{
	struct pollfd fd = { .fd = input_wait_fd(t->in), .events = POLLIN };

	return input_kind(t->in) != INPUT_FILE && !input_ready(t->in) &&
	    t->os->poll(t->os, &fd, 1, 0) == 0;
}

/* Read on: RECORD when there is more. */
static enum track_state
fill(struct track *t, struct error *error)
{
	enum fill fill;

	if (t->end)
		return TRACK_END;
	if (must_wait(t))
		return TRACK_NOTHING;
	fill = input_fill(t->in, error);
	t->end = fill == FILL_END;
	return fill == FILL_FAIL ? TRACK_FAIL
	    : fill == FILL_END   ? TRACK_END
				 : TRACK_RECORD;
}

static int
start_text(struct track *t, const char *name, struct error *error)
{
	const struct adapter *adapter = adapter_find(slice_text(name));
	struct slice map = t->options->map;
	const char *map_name = t->options->map_name;

	if (adapter != NULL && map.size > 0)
		return error_set(error, "format %s has a map of its own", name);
	if (adapter != NULL) {
		map = adapter->map;
		map_name = name;
	}
	t->kind = TRACK_TEXT;
	t->format_name = name;
	t->raw = calloc(1, RECORD_SIZE_MAX + RECORD_PADDING);
	if (t->raw == NULL)
		return error_set(error, "no memory to read %s", t->path);
	if (map.size > 0) {
		t->map = map_compile(t->reader, map_name, map, error);
		if (t->map == NULL)
			return -1;
		t->joined = calloc(1, MAP_OUTPUT_MAX + RECORD_PADDING);
		if (t->joined == NULL)
			return error_set(error, "no memory to read %s", t->path);
	}
	t->format = format_new(name, error);
	return t->format != NULL ? 0 : -1;
}

/* Find out what the file is. RECORD when that is known. */
static enum track_state
begin(struct track *t, struct error *error)
{
	const char *name = t->options->format;
	enum detect found = DETECT_FOUND;
	enum track_state state;

	while (name == NULL) {
		found = detect_format(input_bytes(t->in), t->end, &name);
		if (found != DETECT_MORE)
			break;
		state = fill(t, error);
		if (state == TRACK_FAIL || state == TRACK_NOTHING)
			return state;
	}
	if (name != NULL)
		return start_text(t, name, error) == 0 ? TRACK_RECORD : TRACK_FAIL;
	/* An empty file has no records. */
	if (found != DETECT_RECORDS && input_bytes(t->in).size > 0)
		return (enum track_state)error_set(error,
		    "cannot tell the format of %s by its first lines: name it with "
		    "--format",
		    t->path);
	t->kind = TRACK_RECORDS;
	return TRACK_RECORD;
}

static void
note(struct track *t, enum scan scan, const struct record *r)
{
	instant when;

	if (scan == SCAN_RECORD && record_timestamp(r, &when))
		t->time = when;
}

static enum track_state
peek_file(struct track *t, struct error *error)
{
	struct record r;
	struct fault fault;
	size_t need = 1;
	enum scan scan;
	enum track_state state;
	for (;;) {
		struct slice bytes = input_bytes(t->in);

		scan = bytes.size < need
		    ? SCAN_MORE
		    : record_scan(t->reader, bytes, &r, &fault, &need);
		if (scan == SCAN_RECORD || scan == SCAN_CONTROL ||
		    scan == SCAN_REJECT) {
			note(t, scan, &r);
			t->current = slice_of(r.bytes, r.size);
			return TRACK_RECORD;
		}
		state = scan == SCAN_MORE ? fill(t, error) : TRACK_END;
		if (state == TRACK_RECORD)
			continue;
		if (state != TRACK_END)
			return state;
		/* What is no record, or is cut off: whoever reads it says so. */
		t->current = input_bytes(t->in);
		return t->current.size > 0 ? TRACK_RECORD : TRACK_END;
	}
}

/* --- Text ------------------------------------------------------------------------ */

/* All records that the map makes of one. */
static bool
join_mapped(struct track *t, const struct record *raw, struct slice event_id,
    const char **reason)
{
	struct slice record;
	size_t size = 0;

	if (map_run(t->map, raw, event_id, reason) < 0)
		return false;
	while (map_next(t->map, &record)) {
		assert(record.size <= MAP_OUTPUT_MAX - size);
		memcpy(t->joined + size, record.at, record.size);
		size += record.size;
	}
	t->current = slice_of(t->joined, size);
	return true;
}

/* The records of a line, or what is wrong with it; then, and for a header, none. */
static void
parse_line(struct track *t, struct slice text)
{
	struct slice event_id;
	struct record raw;
	struct fault fault;
	struct build b;
	const char *reason = NULL;
	size_t need;

	if (text.size > 0 && text.at[text.size - 1] == '\n')
		text.size--;
	if (text.size > 0 && text.at[text.size - 1] == '\r')
		text.size--;
	build_init(&b, t->raw, RECORD_SIZE_MAX);
	t->current = slice_of(NULL, 0);
	switch (format_line(t->format, text, input_offset(t->in) == 0, &b,
	    t->map != NULL ? &event_id : NULL, &fault)) {
	case FORMAT_HEADER:
		return;
	case FORMAT_FAULT:
		reason = fault.reason;
		break;
	case FORMAT_RECORD:
		t->current = build_slice(&b);
		/* JSON can stand for a control record, which is no map's business. */
		if (t->map == NULL || value_type(t->current) != VALUE_MAP)
			return;
		if (record_scan(t->reader, t->current, &raw, &fault, &need) !=
		    SCAN_RECORD)
			reason = fault.reason;
		else if (join_mapped(t, &raw, event_id, &reason))
			return;
		break;
	}
	t->current = slice_of(NULL, 0);
	say(t, "%s: the line at byte %" PRIu64 " is left out: %s", t->path,
	    input_offset(t->in), reason);
}

static enum track_state
peek_text(struct track *t, struct error *error)
{
	enum track_state state;
	struct record r;
	struct fault fault;
	size_t need, size;

	for (;;) {
		struct slice bytes = input_bytes(t->in);

		size = bytes.size == 0 ? 0 : format_frame(t->format, bytes, t->end);
		if (size == 0 && bytes.size >= RECORD_SIZE_MAX)
			return (enum track_state)error_set(error,
			    "%s: a line of more than 1 MiB at byte %" PRIu64, t->path,
			    input_offset(t->in));
		if (size == 0 && t->end)
			return TRACK_END;
		if (size == 0) {
			state = fill(t, error);
			if (state == TRACK_FAIL || state == TRACK_NOTHING)
				return state;
			continue;
		}
		/* A line is parsed once: the format remembers it. */
		parse_line(t, slice_of(bytes.at, size));
		input_consume(t->in, size);
		if (t->current.size > 0)
			break;
	}
	note(t, record_scan(t->reader, t->current, &r, &fault, &need), &r);
	return TRACK_RECORD;
}

/* --- Logs ------------------------------------------------------------------------ */

static enum track_state
take_gap(struct track *t, const struct log_gap *gap, struct error *error)
{
	char text[512];
	struct build b;

	(void)snprintf(text, sizeof text,
	    "%s: bytes %" PRIu64 " to %" PRIu64 " of segment %" PRIu64 ": %s (%" PRIu64
	    " records are lost%s)",
	    t->path, gap->from, gap->to, gap->segment, gap->reason,
	    gap->next - gap->seq, gap->next == gap->seq ? ", as far as is known" : "");
	if (!t->options->step_over_gaps)
		return (enum track_state)error_set(
		    error, "%s; --on-gap continue goes on after it", text);
	say(t, "gap: %s", text);
	build_init(&b, t->gap, sizeof t->gap);
	text[150] = '\0'; /* a control record is short */
	control_build_gap(&b, gap->from, gap->to, slice_text(text));
	t->current = build_slice(&b);
	t->has_batch = false;
	return TRACK_RECORD;
}

/* A batch with bytes that were not yet taken; or a gap as the current record. */
static enum track_state
need_batch(struct track *t, bool *is_gap, struct error *error)
{
	struct log_gap gap;

	*is_gap = false;
again:
	if (t->has_batch && t->used < t->batch.body.size)
		return TRACK_RECORD;
	t->has_batch = false;
	switch (log_reader_next(t->log, &t->batch, &gap, error)) {
	case LOG_READ_BATCH:
		t->has_batch = true;
		t->used = t->skip;
		t->skip = 0;
		if (t->used <= t->batch.body.size)
			goto again;
		return (enum track_state)error_set(
		    error, "%s is not the log that it was", t->path);
	case LOG_READ_GAP:
		*is_gap = true;
		return take_gap(t, &gap, error);
	case LOG_READ_END:
		return t->options->follow ? TRACK_NOTHING : TRACK_END;
	default:
		return TRACK_FAIL;
	}
}

static enum track_state
peek_log(struct track *t, struct error *error)
{
	bool is_gap;
	enum track_state state = need_batch(t, &is_gap, error);
	struct slice bytes;
	struct record r;
	struct fault fault;
	size_t need;
	enum scan scan;

	if (state != TRACK_RECORD || is_gap)
		return state;
	bytes = slice_from(t->batch.body, t->used);
	scan = record_scan(t->reader, bytes, &r, &fault, &need);
	note(t, scan, &r);
	t->current = scan == SCAN_RECORD || scan == SCAN_CONTROL || scan == SCAN_REJECT
	    ? slice_of(r.bytes, r.size)
	    : bytes;
	return TRACK_RECORD;
}

/* --- All ------------------------------------------------------------------------- */

enum track_state
track_peek(struct track *t, struct slice *record, instant *time, struct error *error)
{
	enum track_state state = TRACK_RECORD;

	if (!t->has_current) {
		if (t->kind == TRACK_UNKNOWN)
			state = begin(t, error);
		if (state != TRACK_RECORD)
			return state;
		state = t->kind == TRACK_LOG ? peek_log(t, error)
		    : t->kind == TRACK_TEXT  ? peek_text(t, error)
					     : peek_file(t, error);
		t->has_current = state == TRACK_RECORD;
		t->kept = t->has_current &&
		    (t->kind == TRACK_TEXT || (t->kind == TRACK_LOG && !t->has_batch));
	}
	*record = t->current;
	*time = t->time;
	return state;
}

void
track_take(struct track *t)
{
	assert(t->has_current);
	t->has_current = false;
	if (t->kept)
		t->kept = false;
	else if (t->kind == TRACK_RECORDS)
		input_consume(t->in, t->current.size);
	else
		t->used += t->current.size;
}

bool
track_is_text(struct track *t)
{
	struct error error;
	if (t->kind == TRACK_UNKNOWN && begin(t, &error) != TRACK_RECORD)
		return true; /* a peek finds that out again */
	return t->kind == TRACK_TEXT;
}

enum track_state
track_bulk(struct track *t, size_t limit, struct slice *bytes, struct error *error)
{
	enum track_state state = TRACK_RECORD;
	bool is_gap = false;
	assert(t->kind == TRACK_LOG || t->kind == TRACK_RECORDS);
	if (t->kind == TRACK_LOG) {
		state = need_batch(t, &is_gap, error);
		if (state == TRACK_RECORD && !is_gap) {
			*bytes = slice_from(t->batch.body, t->used);
			bytes->size = bytes->size < limit ? bytes->size : limit;
			t->used += bytes->size;
		} else if (is_gap) {
			*bytes = t->current;
		}
		return state;
	}
	if (input_bytes(t->in).size == 0) {
		state = fill(t, error);
		if (state != TRACK_RECORD)
			return state;
	}
	*bytes = input_bytes(t->in);
	bytes->size = bytes->size < limit ? bytes->size : limit;
	input_consume(t->in, bytes->size);
	return TRACK_RECORD;
}

int
track_tell(struct track *t, struct track_position *to, struct error *error)
{
	*to = (struct track_position){ .kind = t->kind,
		.time = t->time,
		.peeked = t->has_current && t->kept ? t->current : slice_of("", 0),
		.format = "",
		.header = slice_of("", 0),
		.ids = slice_of("", 0) };
	if (t->kind == TRACK_LOG && t->has_batch) {
		to->batch = t->batch.at;
		to->used = t->used;
		return 0;
	}
	if (t->kind == TRACK_LOG) {
		log_reader_tell(t->log, &to->batch);
		to->used = t->skip;
		return 0;
	}
	if (t->format != NULL) {
		to->format = t->format_name;
		to->header = format_header(t->format);
		to->ids = format_ids(t->format);
	}
	return input_tell(t->in, &to->input, error);
}

static int
resume_current(struct track *t, const struct track_position *from, struct error *error)
{
	t->time = from->time;
	if (from->peeked.size == 0)
		return 0;
	t->resumed = calloc(1, from->peeked.size + RECORD_PADDING);
	if (t->resumed == NULL)
		return error_set(error, "no memory to read %s", t->path);
	memcpy(t->resumed, from->peeked.at, from->peeked.size);
	t->current = slice_of(t->resumed, from->peeked.size);
	t->has_current = t->kept = true;
	return 0;
}

static int
resume_text(struct track *t, const struct track_position *from, struct error *error)
{
	const char *name = t->options->format != NULL
	    ? t->options->format
	    : detect_name(slice_text(from->format));

	if (name == NULL)
		return error_set(error, "%s: no such format", from->format);
	if (start_text(t, name, error) != 0)
		return -1;
	return format_restore(t->format, from->header, from->ids)
	    ? 0
	    : error_set(error, "%s: the saved format is damaged", name);
}

int
track_resume(struct track *t, const struct track_position *from, struct error *error)
{
	if ((from->kind == TRACK_LOG) != (t->kind == TRACK_LOG))
		return error_set(error, "%s is not what it was: a log", t->path);
	if (resume_current(t, from, error) != 0)
		return -1;
	if (from->kind == TRACK_LOG) {
		t->skip = from->used;
		return log_reader_seek(t->log, &from->batch, error);
	}
	if (from->kind == TRACK_TEXT && resume_text(t, from, error) != 0)
		return -1;
	t->kind = from->kind;
	/* A plain run is given what follows, not all again. */
	if (t->options->input_goes_on && strcmp(t->path, "-") == 0)
		return 0;
	return input_resume(t->in, &from->input, error) == 0 ? 0 : -1;
}

int
track_wait_fd(const struct track *t)
{
	return t->in == NULL ? -1 : input_wait_fd(t->in);
}

void
track_progress(struct track *t, uint64_t *done, uint64_t *total)
{
	struct stat status;
	double part;

	*done = *total = 0;
	if (t->kind == TRACK_LOG) {
		log_reader_progress(t->log, done, total);
		return;
	}
	part = input_part(t->in);
	if (part < 0 || t->os->stat_path(t->os, t->path, &status) != 0)
		return;
	*total = (uint64_t)status.st_size;
	*done = (uint64_t)(part * (double)*total);
}

uint64_t
track_faults(const struct track *t)
{
	return t->faults;
}
