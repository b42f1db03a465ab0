/* SPDX-License-Identifier: MIT */
#include "lib/net/keep.h"

#include <stdlib.h>

#include "lib/base/bytes.h"
#include "lib/record/control.h"

/* What goes into one append. */
struct part {
	size_t size;    /* bytes of `sieved` */
	uint32_t count; /* of values */
	bool made;
	uint64_t records;
	struct log_times times;
};

struct keeper {
	struct log *log;
	struct streams *streams; /* borrowed */
	uint64_t least;
	struct keeper_events events;
	struct reader *reader;
	struct server_batch batch;
	size_t given; /* bytes of the batch that were sieved */
	bool waits;
	struct forward_mark reached; /* by the part */
	struct part part;
	uint8_t sieved[LOG_APPEND_MAX];
};

struct keeper *
keeper_new(struct log *log, struct streams *streams, uint64_t least,
    const struct keeper_events *events)
{
	struct keeper *k = calloc(1, sizeof *k);
	struct log_mark mark;
	unsigned i = 0;

	if (k == NULL || (k->reader = reader_new()) == NULL) {
		free(k);
		return NULL;
	}
	k->log = log;
	k->streams = streams;
	k->least = least;
	while (log_next_mark(log, &i, &mark))
		streams_read_note(streams, mark.sender, mark.chain + 8);
	k->events = *events;
	return k;
}

void
keeper_free(struct keeper *k)
{
	if (k == NULL)
		return;
	reader_free(k->reader);
	free(k);
}

bool
keeper_waits(const struct keeper *k)
{
	return k->waits;
}

void
keeper_begin(struct keeper *k, const struct server_batch *batch)
{
	k->batch = *batch;
	k->given = 0;
	k->reached = batch->before;
	k->waits = true;
}

bool
keeper_known(const struct keeper *k, const uint8_t stream[FORWARD_STREAM_SIZE],
    struct forward_mark *mark)
{
	struct log_mark logged;

	if (!log_marked(k->log, stream, &logged))
		return false;
	*mark = (struct forward_mark){ logged.next, bytes_load_le64(logged.chain) };
	return true;
}

static void
put(struct keeper *k, struct slice value)
{
	memcpy(k->sieved + k->part.size, value.at, value.size);
	k->part.size += value.size;
	k->part.count++;
}

static void
put_control(struct keeper *k, struct slice value)
{
	uint8_t storage[CONTROL_SIZE_MAX];
	const uint8_t *stream = k->batch.stream;
	struct control control;
	struct build b;
	instant watermark, merged;
	bool damaged, idle, alone;

	if (!control_read(value, &control, &damaged)) {
		put(k, value);
	} else if (control.kind == CONTROL_END) {
		k->events.ended(k->events.context, streams_end(k->streams, stream));
	} else if (control.kind == CONTROL_TICK &&
	    control_tick(&control, &watermark, &idle)) {
		if (!streams_tick(
			k->streams, stream, watermark, k->least, &merged, &alone))
			return;
		build_init(&b, storage, sizeof storage);
		control_build_tick(&b, merged, false);
		put(k, alone ? value : build_slice(&b));
	} else {
		put(k, value);
	}
}

static void
sieve(struct keeper *k, struct slice value)
{
	struct record record;
	struct fault fault;
	instant when;
	size_t need;

	switch (record_scan(k->reader, value, &record, &fault, &need)) {
	case SCAN_RECORD:
		if (record_timestamp(&record, &when))
			log_times_add(&k->part.times, when);
		k->part.records++;
		put(k, value);
		return;
	case SCAN_CONTROL:
		put_control(k, value);
		return;
	case SCAN_LARGE:
		fault.reason = "a record of more than 1 MiB";
		break;
	default:
		break;
	}
	k->events.rejected(k->events.context, value, fault.reason);
}

/* Sieve the next values of the batch into a part. */
static void
make_part(struct keeper *k)
{
	struct slice rest = slice_from(k->batch.bytes, k->given), value;
	struct part *p = &k->part;
	/* Who took a batch knows its end: of one that is a single part nothing is hashed
	 * again. */
	bool single = rest.size <= LOG_APPEND_MAX - CONTROL_SIZE_MAX && k->given == 0;

	*p = (struct part){ .times = LOG_NO_TIMES, .made = true };
	while (rest.size > 0) {
		value = slice_of(rest.at, value_size(rest.at));
		if (value.size <= LOG_APPEND_MAX - CONTROL_SIZE_MAX &&
		    p->size + value.size > LOG_APPEND_MAX - CONTROL_SIZE_MAX)
			break;
		rest = slice_from(rest, value.size);
		k->reached.next++;
		if (k->batch.numbered && !single)
			k->reached.chain = forward_chain(k->reached.chain, value);
		sieve(k, value);
	}
	k->given = k->batch.bytes.size - rest.size;
	if (single && k->batch.numbered)
		k->reached = k->batch.after;
	/* Without a record and without a mark there is nothing to append. */
	p->made = p->count > 0 || k->batch.numbered;
}

static enum log_result
append_part(struct keeper *k, struct error *error)
{
	struct log_mark mark = { .next = k->reached.next };
	enum log_result result;

	memcpy(mark.sender, k->batch.stream, sizeof mark.sender);
	bytes_store_le64(mark.chain, k->reached.chain);
	streams_write_note(k->streams, k->batch.stream, mark.chain + 8);
	result = log_append(k->log, slice_of(k->sieved, k->part.size), k->part.count,
	    k->part.times, k->batch.numbered ? &mark : NULL, error);
	if (result == LOG_DONE) {
		k->events.kept(k->events.context, k->part.records);
		k->part.made = false;
	}
	return result;
}

enum log_result
keeper_append(struct keeper *k, struct error *error)
{
	enum log_result result = LOG_DONE;

	while (result == LOG_DONE) {
		if (k->part.made) {
			result = append_part(k, error);
		} else if (k->given < k->batch.bytes.size) {
			make_part(k);
		} else {
			k->waits = false;
			break;
		}
	}
	return result;
}
