/* SPDX-License-Identifier: MIT
 *
 * What a filter does to records: its verdicts, what it emits, what it rejects.
 */
#include "lib/filter/stage.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"

enum { REASON_MAX = 400, REJECT_BYTES_MAX = 60000 };

static void
say(struct run *run, const char *format, va_list args)
{
	char text[1024];
	int n = snprintf(text, sizeof text, "%s: ", run->program);
	int rest;

	rest = vsnprintf(text + n, sizeof text - (size_t)n - 1, format, args);
	n += rest < (int)sizeof text - n - 1 ? rest : (int)sizeof text - n - 2;
	text[n++] = '\n';
	run_clear_progress(run);
	(void)run->os->write(run->os, 2, text, (size_t)n);
}

void
run_say(struct run *run, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(run, format, args);
	va_end(args);
}

/* The first failure is the one that is told, and that decides the exit status. */
static void
fail(struct run *run, int status, const char *format, va_list args)
{
	char text[1024];

	if (run->status != 0)
		return;
	(void)vsnprintf(text, sizeof text, format, args);
	run_say(run, "%s", text);
	run->status = status;
	if (status == EXIT_USAGE && run->pipeline != NULL)
		stage_refuse(run, text);
}

int
run_fail(struct run *run, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fail(run, EXIT_FAILURE_RESTART, format, args);
	va_end(args);
	return -1;
}

/* A configuration that the system could not read, or had no memory for, is not wrong:
 * another start may find it good. */
static bool
is_of_the_system(int cause)
{
	return cause == ENOMEM || cause == EIO || cause == EMFILE || cause == ENFILE ||
	    cause == ENOSPC;
}

int
run_usage(struct run *run, const char *format, ...)
{
	int status = is_of_the_system(errno) ? EXIT_FAILURE_RESTART : EXIT_USAGE;
	va_list args;

	va_start(args, format);
	fail(run, status, format, args);
	va_end(args);
	return -1;
}

/* A failed write: a reader that has gone ends the run quietly, all else is a failure.
 */
int
run_output_failed(struct run *run, const struct error *error)
{
	if (errno == ECANCELED && run->next != NULL) {
		run->reader_gone = true; /* it has said why */
		return -1;
	}
	if (errno == EPIPE) {
		run->reader_gone = true;
		return run->stage == NULL
		    ? -1
		    : run_fail(run, "the reader of the output has gone before the END");
	}
	/* A difference that an audit has found. */
	if (errno == 0)
		return run_usage(run, "%s", error->text);
	return run_fail(
	    run, "%s (make room or mend the output, then start again)", error->text);
}

/* The same of other outputs than the main one: a reader that has gone is a failure. */
static int
second_failed(struct run *run, const struct error *error)
{
	return errno == 0 ? run_usage(run, "%s", error->text)
			  : run_fail(run, "%s", error->text);
}

static int
write_out(struct run *run, struct output *out, struct slice bytes)
{
	struct error error;

	return __builtin_expect(output_write(out, bytes, &error) == 0, 1)
	    ? 0
	    : run_output_failed(run, &error);
}

int
run_flush(struct run *run)
{
	struct error error;

	if (output_flush(run->out, &error) != 0)
		return run_output_failed(run, &error);
	if (run->rejects != NULL && output_flush(run->rejects, &error) != 0)
		return second_failed(run, &error);
	for (unsigned i = 0; i < run->outlet_count; i++)
		if (output_flush(run->outlets[i], &error) != 0)
			return second_failed(run, &error);
	return 0;
}

/* --- Rejects -------------------------------------------------------------------- */

static void
build_reject(struct run *run, struct build *b, struct slice bytes, uint64_t offset,
    uint64_t number, const char *source, const char *reason)
{
	char id[256];

	(void)snprintf(
	    id, sizeof id, "%s:%.96s:%" PRIu64, run->program, source, offset);
	build_map(b, 8);
	build_text(b, "event");
	build_text(b, "reject");
	build_text(b, "event_id");
	build_text(b, id);
	build_text(b, "filter");
	build_text(b, run->program);
	build_text(b, "source");
	build_text(b, source);
	build_text(b, "offset");
	build_uint(b, offset);
	build_text(b, "line");
	build_uint(b, number);
	build_text(b, "reason");
	build_text(b, reason);
	build_text(b, "bytes");
	build_bin(b, bytes);
}

/* A record may hold 64 KiB in one value: what is longer goes into several, which come
 * out of bp-print --format raw as they went in. */
static void
write_reject(struct run *run, struct output *to, struct slice bytes, uint64_t offset,
    uint64_t number, const char *source, const char *reason)
{
	static const uint8_t empty;
	uint8_t storage[REJECT_BYTES_MAX + 2048];
	struct build b;
	size_t step;

	if (to == NULL)
		return;
	if (bytes.at == NULL)
		bytes.at = &empty;
	do {
		step = bytes.size < REJECT_BYTES_MAX ? bytes.size : REJECT_BYTES_MAX;
		build_init(&b, storage, sizeof storage);
		build_reject(
		    run, &b, slice_of(bytes.at, step), offset, number, source, reason);
		assert(!build_full(&b));
		(void)write_out(run, to, build_slice(&b));
		bytes = slice_from(bytes, step);
		offset += step;
	} while (bytes.size > 0);
}

static void
reject(struct run *run, struct slice bytes, uint64_t offset, uint64_t number,
    const char *source, const char *reason)
{
	run->shown_rejects++;
	if (run->shown_rejects <= RUN_SHOWN_REJECTS)
		run_say(run, "%s: %s %" PRIu64 " at byte %" PRIu64 ": %s", source,
		    run->filter->line != NULL ? "line" : "record", number, offset,
		    reason);
	if (run->shown_rejects == RUN_SHOWN_REJECTS)
		run_say(run, "further rejects are counted, not shown%s",
		    run->rejects == NULL ? " (--rejects FILE keeps them)" : "");
	write_reject(run, run->rejects, bytes, offset, number, source, reason);
	if (run->quarantined)
		write_reject(run, run->dead, bytes, offset, number, source, reason);
}

void
run_reject_bytes(
    struct run *run, struct slice bytes, uint64_t offset, const char *reason)
{
	run->counters.in++;
	run->counters.rejected++;
	reject(run, bytes, offset, run->number, input_name(run->in), reason);
}

enum verdict
run_reject(struct run *run, const char *format, ...)
{
	char reason[REASON_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(reason, sizeof reason, format, args);
	va_end(args);
	if (run->filter->line != NULL)
		reject(run, run->line.bytes, run->line.offset, run->line.number,
		    run->line.source, reason);
	else
		reject(run, slice_of(run->record.bytes, run->record.size),
		    run->record.offset, run->record.number, input_name(run->in),
		    reason);
	return REJECT;
}

void
run_origin(const struct run *run, struct origin *to)
{
	*to = (struct origin){ .offset = run->record.offset,
		.number = run->record.number };
	(void)snprintf(to->source, sizeof to->source, "%s", input_name(run->in));
}

void
run_reject_held(struct run *run, const struct origin *origin, struct slice record,
    const char *reason)
{
	run->counters.held--;
	run->counters.rejected++;
	reject(run, record, origin->offset, origin->number, origin->source, reason);
}

/* --- Verdicts and records out ---------------------------------------------------- */

static int
write_edited(struct run *run)
{
	struct build *b = run_build(run);

	edit_apply(&run->edit, &run->record, b);
	if (!build_full(b))
		return write_out(run, run->out, build_slice(b));
	run->counters.out--;
	run->counters.rejected++;
	(void)run_reject(
	    run, "the keys added to it make the record larger than allowed");
	return 0;
}

int
run_settle_verdict(struct run *run, enum verdict verdict)
{
	int status = 0;

	run->counters.in++;
	switch (verdict) {
	case PASS:
		run->counters.out++;
		/* A line goes out as the first record that was made of it. */
		if (run->filter->line != NULL && !run->filter->text_out) {
			assert(run->counters.emitted > run->emitted_before);
			run->counters.emitted--;
		}
		if (run->filter->text_out || run->filter->line != NULL)
			break;
		if (run->edit.any)
			status = write_edited(run);
		else
			status = write_out(run, run->out,
			    slice_of(run->record.bytes, run->record.size));
		break;
	case DROP:
		run->counters.dropped++;
		break;
	case HOLD:
		run->counters.held++;
		break;
	case LATE:
		run->counters.late++;
		break;
	case REJECT:
		run->counters.rejected++;
		break;
	case FAIL:
		run->counters.in--;
		assert(run->status != 0 || run->reader_gone);
		return -1;
	}
	edit_reset(&run->edit);
	return status;
}

struct build *
run_build(struct run *run)
{
	build_reset(&run->scratch);
	return &run->scratch;
}

int
run_emit(struct run *run, struct slice record)
{
	run->counters.emitted++;
	return write_out(run, run->out, record);
}

int
run_emit_built(struct run *run)
{
	if (build_full(&run->scratch))
		return run_fail(run, "a record of its own making exceeds %d bytes",
		    RECORD_SIZE_MAX);
	return run_emit(run, build_slice(&run->scratch));
}

int
run_release(struct run *run, struct slice record)
{
	run->counters.held--;
	run->counters.out++;
	return write_out(run, run->out, record);
}

int
run_pass(struct run *run)
{
	int status;

	run->counters.held--;
	run->counters.out++;
	status = run->edit.any
	    ? write_edited(run)
	    : write_out(run, run->out, slice_of(run->record.bytes, run->record.size));
	edit_reset(&run->edit);
	return status;
}

void
run_took(struct run *run, uint64_t n, enum verdict as)
{
	assert(as == DROP || as == PASS);
	run->counters.in += n;
	*(as == DROP ? &run->counters.dropped : &run->counters.out) += n;
}

void
run_settle(struct run *run, uint64_t n, enum verdict as)
{
	assert(as == DROP || as == LATE);
	run->counters.held -= n;
	*(as == DROP ? &run->counters.dropped : &run->counters.late) += n;
}

int
run_divert(struct run *run, struct output *outlet, struct slice record)
{
	struct error error;

	return output_write(outlet, record, &error) == 0 ? 0
							 : second_failed(run, &error);
}

int
run_print(struct run *run, struct slice text)
{
	return write_out(run, run->out, text);
}

int
run_control(struct run *run, struct slice bytes)
{
	return write_out(run, run->out, bytes);
}

int
run_tick(struct run *run, instant watermark)
{
	uint8_t storage[CONTROL_SIZE_MAX];
	struct build b;

	build_init(&b, storage, sizeof storage);
	control_build_tick(&b, watermark, false);
	return write_out(run, run->out, build_slice(&b));
}

int
run_gap(struct run *run, uint64_t from, uint64_t to, const char *reason)
{
	uint8_t storage[CONTROL_SIZE_MAX];
	struct build b;

	build_init(&b, storage, sizeof storage);
	control_build_gap(&b, from, to, slice_text(reason));
	return write_out(run, run->out, build_slice(&b));
}

struct build *
run_set(struct run *run, struct key key)
{
	return edit_set(&run->edit, run->reader, &run->record, key);
}

void
run_unset(struct run *run, struct key key)
{
	edit_unset(&run->edit, &run->record, key);
}

void
run_keep(struct run *run, const struct key *keys, unsigned n)
{
	edit_keep(&run->edit, &run->record, keys, n);
}
