/* SPDX-License-Identifier: MIT
 *
 * filter: what a filter is, and the loop that runs it.
 *
 * A filter is one constant struct. The runtime reads its options, restores its state,
 * hands it one record after another, writes what it lets through, counts, checkpoints,
 * and turns whatever happens into one message and one exit status. The same struct runs
 * as a program, under the fuzzer and inside another process; it has no globals.
 *
 * Exit status: 0 done; 1 done, but more records were rejected than --max-rejects
 * allows; 100 wrong use or configuration; 111 a failure worth a restart.
 */
#ifndef BANNERPIPE_FILTER_H
#define BANNERPIPE_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/slice.h"
#include "lib/option.h"
#include "lib/os.h"
#include "lib/record/build.h"
#include "lib/record/control.h"
#include "lib/record/kind.h"
#include "lib/record/record.h"
#include "lib/state.h"
#include "lib/stream.h"
#include "lib/when.h"

struct run; /* one run of one filter; belongs to the runtime */

/* What becomes of the record that `each` was given. Every input record ends as exactly
 * one of these, so that in = out + dropped + rejected + held + late, always. */
enum verdict {
	FAIL = -1, /* the world failed; run_fail has said why */
	PASS, /* it goes out: its own bytes, or with the edits made to it; a line: as the
	       * records that were emitted for it, at least one */
	DROP,   /* it ends here: filtered out, or absorbed into a state */
	HOLD,   /* the filter keeps a copy; later run_release or run_settle */
	LATE,   /* it came after its window */
	REJECT, /* it is wrong; run_reject has said why */
};

/* One line of text, for a filter that reads text. */
struct line {
	struct slice
	    text; /* without its terminator; STREAM_PADDING readable bytes follow */
	struct slice bytes; /* with it: what a reject keeps */
	const char *source; /* file name, "-" for standard input */
	uint64_t offset;    /* of the first byte in its source */
	uint64_t number;    /* of the line in its source, from 1 */
};

/* Where a record was read: for a filter that may come to reject what it holds. */
struct origin {
	uint64_t offset, number; /* as in struct record */
	char source[112];        /* file name, cut to fit */
};

struct filter {
	const char *name;  /* "join"; the program is bp-join, its page filters/join.1 */
	const char *about; /* one line, lower case, no full stop */
	const char *examples;         /* for --help: lines that run, two or three */
	const struct option *options; /* ends with OPTION_END; NULL for none */
	const struct option
	    *operands;   /* required ones, before FILE...; NULL for none */
	size_t size;     /* of the state struct, which starts zeroed */
	uint16_t schema; /* of what save writes; raise it when that changes */
	bool text_out;   /* writes text, not records: a terminal is welcome */
	bool no_files;   /* takes no FILE operands */
	bool sink;   /* what it writes elsewhere is the pipeline's result: its snapshots
		    * are votes although a process reads its output */
	bool audits; /* of a sink: when run_auditing it compares instead */
	bool saves_places; /* save tells no more than where it is in its input or log,
			    * which depends on how that was read: no audit can compare
			    * it, and does not save it */

	/* Called in this order. Those that return int return 0, or -1 after run_fail or
	 * run_usage. All but each (or line) may be NULL. */
	int (*start)(struct run *run, void *self);
	int (*load)(struct run *run, void *self, struct state_reader *from);
	enum verdict (*each)(struct run *run, void *self, const struct record *r);
	enum verdict (*line)(struct run *run, void *self, const struct line *line);
	/* For `line`: the size of the first unit of text including its terminator, 0
	 * when more bytes are needed. NULL: up to a newline. */
	size_t (*frame)(struct run *run, void *self, struct slice bytes, bool end);
	/* Event time has passed: nothing before the watermark comes any more. The TICK
	 * itself is forwarded after this returns 0; 1: it is no news, and ends here. Who
	 * still holds records from before it must not let it pass them: run_tick the
	 * earliest of their times, and return 1. */
	int (*tick)(struct run *run, void *self, instant watermark);
	/* A control record of any kind, instead of tick and of forwarding it: for a
	 * filter whose output is no record stream. */
	int (*control)(struct run *run, void *self, struct slice bytes);
	/* There is nothing to read now: write for a person who waits what was only held
	 * back to look better. When this comes depends on the clock, so a filter does it
	 * on a terminal only. */
	int (*idle)(struct run *run, void *self);
	/* Between reads, and when what run_wait_also named is ready or its time has passed:
	 * for a filter that has to do with more than its input and output. */
	int (*attend)(struct run *run, void *self);
	/* The input is complete: emit what is left. Not called when the run will go on
	 * from a snapshot. */
	int (*finish)(struct run *run, void *self);
	/* Write what load reads. Called between records, after a flush. As a stage: all that
	 * came before must be safe when this returns, so a filter that sends elsewhere waits
	 * here until all is acknowledged, or fails. */
	int (*save)(struct run *run, void *self, struct state_writer *to);
	/* Write what other programs read of the state, a model file: at the end, with each
	 * snapshot of --state, and as a stage of bp-run now and then, at a pause, and not at
	 * all when run_auditing. */
	int (*publish)(struct run *run, void *self);
	/* Signal HUP: read lists and catalogues afresh (run_read_file). When that cannot be
	 * done, better go on with the old ones: run_say why and return 0. A filter that has
	 * this may open files after start. */
	int (*reload)(struct run *run, void *self);
	void (*stop)(void *self);
};

/* main() of a filter: return filter_main(&x, argc, argv). */
int filter_main(const struct filter *filter, int argc, char **argv);

/* --- In start ------------------------------------------------------------------- */

/* The key of that name; look records up with it. */
struct key run_key(struct run *run, const char *name);
struct key run_key_slice(struct run *run, struct slice name);
struct reader *run_reader(struct run *run);
/* Bytes of state that --memory leaves to the filter. */
uint64_t run_memory(const struct run *run);
uint64_t run_seed(const struct run *run);
const struct os *run_os(const struct run *run);
/* Whether the output is a terminal, and how many columns it has (0 when it is none). */
unsigned run_terminal_columns(const struct run *run);
/* Count something of the filter's own in the stats; `value` must outlive the run, and goes
 * on after a restart when save and load have it. `name` is snake_case, `about` a line. */
void run_counter(
    struct run *run, const char *name, const char *about, const uint64_t *value);
/* A second output, a file of records; NULL and a message on failure. Closed by the
 * runtime, which checks that too. */
struct output *run_outlet(struct run *run, const char *path);
/* Nothing goes to standard output, control records neither: it may be of other use. */
void run_silent(struct run *run);
/* Read from this instead of standard input or the FILE operands. Taken over. As a stage
 * the filter is then a source, which saves and restores the input's position itself. */
void run_input(struct run *run, struct input *in);
/* The same, of an input that is the output of other stages: as a stage it is an inner
 * one, and what is read must begin with HELLO (record/control.h), have every CUT once, in
 * its place, and END. Several streams are aligned by who makes this input: after the n-th
 * CUT of one it reads the others up to their n-th. */
void run_input_stream(struct run *run, struct input *in);
/* The FILE operands: their number, and one of them. */
unsigned run_files(const struct run *run);
const char *run_file(const struct run *run, unsigned i);
/* Lines or records of the current input so far. */
uint64_t run_lines(const struct run *run);
/* Say where the next line lies in its source and how many come before it there: for a
 * followed file, which is not read from its start or goes on in another one. */
void run_place(struct run *run, uint64_t offset, uint64_t lines);
/* The whole of a small file (a map, a specification, a list), for start and reload. A 0
 * follows the text, which is the caller's to free. NULL with the error when it cannot be
 * read, or exceeds `limit`, which is less than STREAM_HOLD_MAX. */
uint8_t *run_read_file(struct run *run, const char *path, size_t limit,
    struct slice *text, struct error *error);
/* As a stage of bp-run, from load on: the epoch of the last CUT (in save: of this one);
 * otherwise 0. */
uint64_t run_epoch(const struct run *run);
/* Whether this is a stage of bp-run: what it wrote after the position that load reads is to
 * be undone, as it comes again. */
bool run_is_stage(const struct run *run);
/* Whether this is a replay that is compared with what was written: the filter must change
 * nothing outside of the process. */
bool run_auditing(const struct run *run);
/* Files will be opened after start by another way than reload (a followed file): the
 * sandbox then lets the filter do it. */
void run_opens_files(struct run *run);

/* Sockets will be used after start: the sandbox then lets the filter do it. */
void run_uses_network(struct run *run);
/* A descriptor whose readiness also ends a wait for input, and how many milliseconds such
 * a wait may take, -1 for ever. Stays until it is called again; -1: none. */
void run_wait_also(struct run *run, int fd, int ms);
/* Whether a signal asked for the end: who waits for something else shall not. */
bool run_stopping(const struct run *run);

/* Say what is wrong. run_usage: options or configuration, exit 100; when errno says that
 * there was no memory, or no file could be read, it is the world's fault after all.
 * run_fail: the world, exit 111. Both return -1, which is FAIL. */
int run_usage(struct run *run, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int run_fail(struct run *run, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A line on standard error that is no failure ("bp-parse: format combined"). */
void run_say(struct run *run, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* --- In each, tick and finish --------------------------------------------------- */

/* Reject the current record or line; returns REJECT. The record and the reason go to
 * --rejects; the first few are shown on standard error. */
enum verdict run_reject(struct run *run, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Scratch space for one new record, RECORD_SIZE_MAX bytes, reset by this call. */
struct build *run_build(struct run *run);
/* Send a record of the filter's own making; counted as emitted. In `each` it goes before the
 * current record, unless that was sent by run_pass. Its timestamp is not before that of the
 * last TICK. 0 or FAIL. */
int run_emit(struct run *run, struct slice record);
/* Send what run_build has gathered; what is too large for a record is said, and FAIL. */
int run_emit_built(struct run *run);
/* Send a held record: held - 1, out + 1. What has to be added to it is built with it, in
 * run_build, say; run_set is for the current record only. */
int run_release(struct run *run, struct slice record);
/* The current record goes out at once, with its edits, so that what is emitted from now on
 * comes after it: `each` then returns HOLD. 0 or FAIL. */
int run_pass(struct run *run);
/* n held records end as DROP or LATE. */
void run_settle(struct run *run, uint64_t n, enum verdict as);
/* Where the current record was read. */
void run_origin(const struct run *run, struct origin *to);
/* Reject a held record after all: held - 1, rejected + 1, and all that run_reject does.
 */
void run_reject_held(struct run *run, const struct origin *origin, struct slice record,
    const char *reason);
/* Send a record to an outlet, besides or instead of the verdict. 0 or FAIL. */
int run_divert(struct run *run, struct output *outlet, struct slice record);
/* Text for a filter with text_out. 0 or FAIL. */
int run_print(struct run *run, struct slice text);
/* Records that the filter read by another way than `each`: they end as DROP or PASS (which
 * is said only; they were written by another way too). */
void run_took(struct run *run, uint64_t n, enum verdict as);
/* The same of one that is wrong: rejected, with the reason. */
void run_reject_bytes(
    struct run *run, struct slice bytes, uint64_t offset, const char *reason);
/* Send what was written so far to whoever reads it. 0 or FAIL. */
int run_flush(struct run *run);
/* Send a control record, whole. */
int run_control(struct run *run, struct slice bytes);
/* Send a watermark. */
int run_tick(struct run *run, instant watermark);
int run_gap(struct run *run, uint64_t from, uint64_t to, const char *reason);

/* Change the record that `each` was given before it passes. run_set starts a pair: the
 * caller appends exactly one value to the builder; a pair of that key that the record
 * has already is replaced. run_unset leaves a pair out; run_keep leaves out all but
 * those of `keys`. The order of the pairs that stay is kept; new ones come last. A record
 * that this makes larger than allowed is rejected by the runtime, as it came. */
struct build *run_set(struct run *run, struct key key);
void run_unset(struct run *run, struct key key);
void run_keep(struct run *run, const struct key *keys, unsigned n);

#endif
