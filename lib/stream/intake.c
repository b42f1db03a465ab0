/* SPDX-License-Identifier: MIT */
#include "lib/stream/intake.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

int
intake_init(struct intake *t, const struct os *os, struct input *in,
    struct reader *reader, size_t memory, const char *folder, uint64_t file,
    struct error *error)
{
	*t = (struct intake){ .in = in, .reader = reader, .need = 1, .at = WHEN_NEVER };
	return backlog_init(&t->backlog, os, memory, folder, file, error);
}

void
intake_fini(struct intake *t)
{
	backlog_fini(&t->backlog);
	input_free(t->in);
	t->in = NULL;
}

bool
intake_wants(const struct intake *t)
{
	return !t->closed && !t->stuck;
}

/* --- Items ----------------------------------------------------------------------- */

static int
put(struct intake *t, enum intake_kind kind, instant at, struct slice bytes,
    struct error *error)
{
	if (t->ignored && kind != INTAKE_FAULT)
		return 0;
	return backlog_put(&t->backlog,
	    (struct backlog_item){
		.at = at, .size = (uint32_t)bytes.size, .kind = kind },
	    bytes.at, error);
}

/* The stream is wrong here; what lies before it is delivered. */
static int
put_fault(struct intake *t, const char *text, struct error *error)
{
	t->closed = t->wrong = true;
	(void)error_set(&t->fault, "%s", text);
	/* The last item of an input: room for it is kept. */
	return put(t, INTAKE_FAULT, t->at, slice_of(NULL, 0), error);
}

static int
fault_at(struct intake *t, uint64_t at, uint64_t number, const char *what,
    struct error *error)
{
	struct error text;

	(void)error_set(&text, "%s: %s at byte %" PRIu64 ", record %" PRIu64,
	    input_name(t->in), what, at, number);
	return put_fault(t, text.text, error);
}

static int
foreign(struct intake *t, const struct fault *fault, struct error *error)
{
	char what[160];

	(void)snprintf(what, sizeof what,
	    "no record stream (%s; if it is text, put bp-parse before)", fault->reason);
	return fault_at(t, input_offset(t->in) + fault->at, t->read + 1, what, error);
}

/* --- Control records --------------------------------------------------------------- */

static int
end_of_stage(struct intake *t, bool pause, struct error *error)
{
	t->closed = true;
	if (pause)
		t->paused = true;
	else
		t->ended = true;
	return put(
	    t, pause ? INTAKE_PAUSE : INTAKE_END, t->at, slice_of(NULL, 0), error);
}

static int
put_cut(
    struct intake *t, const struct control *c, struct slice bytes, struct error *error)
{
	char what[80];

	t->cuts++;
	if ((uint32_t)c->epoch == t->cuts)
		return put(t, INTAKE_CUT, t->at, bytes, error);
	(void)snprintf(what, sizeof what, "CUT %" PRIu32 " where %" PRIu64 " must come",
	    (uint32_t)c->epoch, t->cuts);
	return fault_at(t, input_offset(t->in), t->read + 1, what, error);
}

static int
put_control(struct intake *t, struct slice bytes, struct error *error)
{
	struct control c;
	instant watermark;
	bool damaged, idle;

	if (!control_read(bytes, &c, &damaged))
		return put(t, INTAKE_RECORD, t->at, bytes, error);
	if (control_tick(&c, &watermark, &idle)) {
		t->at = watermark;
		return put(t, INTAKE_TICK, t->at, bytes, error);
	}
	if (c.kind == CONTROL_END && t->stage)
		return end_of_stage(t, control_is_pause(&c), error);
	if (c.kind == CONTROL_END) {
		t->ended = true;
		return 0;
	}
	if (c.kind == CONTROL_CUT)
		return t->stage ? put_cut(t, &c, bytes, error) : 0;
	if (c.kind != CONTROL_HELLO)
		return put(t, INTAKE_RECORD, t->at, bytes, error);
	if (!t->stage)
		return 0;
	return fault_at(t, input_offset(t->in), t->read + 1,
	    "a second stage writes to it as well: HELLO", error);
}

/* --- Framing ----------------------------------------------------------------------- */

/* Bytes of a record that is too large to be held: the reader of the merge rejects it. */
static int
put_large(struct intake *t, struct error *error)
{
	struct slice bytes = input_bytes(t->in);
	struct fault fault;
	enum scan scan;
	size_t size;

	if (bytes.size > BACKLOG_ITEM_MAX)
		bytes.size = BACKLOG_ITEM_MAX;
	scan = record_skip(&t->skipper, bytes, &size, &fault);
	if (scan == SCAN_FOREIGN)
		return foreign(t, &fault, error);
	if (put(t, scan == SCAN_RECORD ? INTAKE_RECORD : INTAKE_PART, t->at,
		slice_of(bytes.at, size), error) != 0)
		return -1;
	input_consume(t->in, size);
	t->large = scan != SCAN_RECORD;
	t->read += !t->large;
	return 0;
}

static int
put_value(struct intake *t, enum scan scan, const struct record *r, struct error *error)
{
	struct slice bytes = slice_of(r->bytes, r->size);
	instant when;

	if (scan == SCAN_CONTROL) {
		if (put_control(t, bytes, error) != 0)
			return -1;
	} else {
		t->read++;
		if (scan == SCAN_RECORD && record_timestamp(r, &when))
			t->at = when;
		if (put(t, INTAKE_RECORD, t->at, bytes, error) != 0)
			return -1;
	}
	input_consume(t->in, bytes.size);
	return 0;
}

/* One value. 1: there is no whole one. */
static int
frame_one(struct intake *t, struct error *error)
{
	struct slice bytes = input_bytes(t->in);
	struct record r;
	struct fault fault;
	enum scan scan;

	if (t->large)
		return bytes.size == 0 ? 1 : put_large(t, error);
	if (bytes.size < t->need)
		return 1;
	scan = record_scan(t->reader, bytes, &r, &fault, &t->need);
	switch (scan) {
	case SCAN_MORE:
		return 1;
	case SCAN_FOREIGN:
		return foreign(t, &fault, error);
	case SCAN_LARGE:
		t->skipper = (struct skipper){ 0 };
		t->large = true;
		break;
	default:
		if (put_value(t, scan, &r, error) != 0)
			return -1;
	}
	t->need = 1;
	return 0;
}

int
intake_frame(struct intake *t, struct error *error)
{
	int status = 0;

	/* Room for two: a fault or an end may follow. */
	while (status == 0 && !t->closed &&
	    !(t->stuck = !backlog_has_room(
		  &t->backlog, BACKLOG_ITEM_MAX + 2 * sizeof(struct backlog_item))))
		status = frame_one(t, error);
	return status < 0 ? -1 : 0;
}

/* --- Reading ----------------------------------------------------------------------- */

static int
end_of_file(struct intake *t, struct error *error)
{
	char text[sizeof error->text];

	if (intake_frame(t, error) != 0)
		return -1;
	if (t->stuck || t->closed)
		return 0;
	if (input_bytes(t->in).size > 0 || t->large)
		return fault_at(t, input_offset(t->in) + input_bytes(t->in).size,
		    t->read + 1, "cut off (what came before was delivered)", error);
	t->closed = true;
	if (!t->stage)
		return 0;
	(void)snprintf(text, sizeof text,
	    "%s: the stage before this one has gone before the END of its stream "
	    "(what was not committed comes again)",
	    input_name(t->in));
	return put_fault(t, text, error);
}

int
intake_read(struct intake *t, struct error *error)
{
	struct error fault;
	uint64_t before = t->backlog.items;

	switch (input_fill(t->in, &fault)) {
	case FILL_FAIL:
		return put_fault(t, fault.text, error) != 0 ? -1 : 1;
	case FILL_AGAIN:
		return 0;
	case FILL_END:
		return end_of_file(t, error) != 0 ? -1 : 1;
	case FILL_MORE:
		break;
	}
	if (intake_frame(t, error) != 0)
		return -1;
	return t->closed || t->backlog.items > before;
}

void
intake_ignore(struct intake *t)
{
	t->ignored = true;
	t->stuck = false;
	backlog_clear(&t->backlog);
}

/* The first value is there. */
static int
look_at_first(struct intake *t, enum scan scan, const struct record *r)
{
	struct control c;
	struct slice lineage;
	bool damaged;

	t->first = FIRST_OTHER;
	if (scan != SCAN_CONTROL ||
	    !control_read(slice_of(r->bytes, r->size), &c, &damaged) ||
	    !control_hello(&c, &t->generation, &lineage))
		return 0;
	t->first = FIRST_HELLO;
	t->stage = true;
	t->restore = c.epoch;
	(void)snprintf(t->lineage, sizeof t->lineage, "%.*s", (int)lineage.size,
	    (const char *)lineage.at);
	input_consume(t->in, r->size);
	return 0;
}

int
intake_begin(struct intake *t, struct error *error)
{
	struct record r;
	struct fault fault;
	enum scan scan;

	switch (input_fill(t->in, error)) {
	case FILL_FAIL:
		return -1;
	case FILL_AGAIN:
		return 0;
	case FILL_END:
		t->first = input_bytes(t->in).size > 0 ? FIRST_OTHER : FIRST_NONE;
		return 0;
	case FILL_MORE:
		break;
	}
	if (input_bytes(t->in).size < t->need)
		return 0;
	scan = record_scan(t->reader, input_bytes(t->in), &r, &fault, &t->need);
	if (scan == SCAN_MORE)
		return 0;
	t->need = 1;
	return look_at_first(t, scan, &r);
}
