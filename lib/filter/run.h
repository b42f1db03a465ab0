/* SPDX-License-Identifier: MIT
 *
 * run: the inside of one run of a filter, shared by the files of this folder and by
 * nobody else. Read in the order main, start, loop, verdict, stats, snapshot, sandbox, notify.
 */
#ifndef BANNERPIPE_FILTER_RUN_H
#define BANNERPIPE_FILTER_RUN_H

#include <signal.h>

#include "lib/filter.h"
#include "lib/record/edit.h"
#include "lib/stream.h"

enum {
	RUN_CHAIN_MAX = 32,
	RUN_OUTLETS_MAX = 8,
	RUN_COUNTERS_MAX = 32,
	RUN_SHOWN_REJECTS = 3
};
/* Standard output, the rejects, the outlets, the quarantined. */
enum { RUN_OUTPUTS_MAX = RUN_OUTLETS_MAX + 3 };

/* What the runtime itself takes of --memory. */
#define RUNTIME_MEMORY (UINT64_C(16) << 20)

enum { EXIT_DONE = 0, EXIT_REJECTED = 1, EXIT_USAGE = 100, EXIT_FAILURE_RESTART = 111 };

/* The options that every filter has. */
struct common {
	bool help, version, progress, no_sandbox, compress;
	const char *rejects, *max_rejects, *state, *stats, *stage;
	struct size memory;
	uint64_t seed;
	struct span checkpoint_every;
};

extern const struct option run_common_options[];

/* in = out + dropped + rejected + held + late */
struct counters {
	uint64_t in, out, dropped, rejected, held, late;
	uint64_t emitted; /* records of the filter's own making, besides out */
	uint64_t control;
};

struct counter {
	const char *name, *about;
	const uint64_t *value;
};

/* What the handlers of signals leave; one process, one set. */
struct signals {
	volatile sig_atomic_t stop, hangup, report;
	int wake[2];  /* a pipe that a handler writes to */
	pid_t runner; /* without whom a stage ends at once; 0 for nobody */
};

struct run {
	const struct os *os;
	const struct filter *filter;
	void *self;
	struct common common;
	char program[64]; /* "bp-join" */

	char **files; /* operands, borrowed from argv */
	unsigned file_count, file_next;
	bool own_input;   /* the filter gave it */
	bool inner_input; /* and it begins with HELLO */
	struct input *in;
	struct output *out;
	struct output *rejects;
	struct output *outlets[RUN_OUTLETS_MAX];
	unsigned outlet_count;
	struct output *dead; /* quarantined records */

	struct run *next;  /* it reads what this one writes, in this process; or NULL */
	struct feed *feed; /* where the input comes from in a chain; or NULL */

	const char *pipeline;    /* the folder of bp-run; NULL: a plain run */
	struct stage_run *stage; /* owned; NULL: a plain run, or not joined yet */
	struct guard *guard;     /* owned; NULL: nothing to watch for */
	bool halted;             /* stop after what was just handled */
	bool auditing;           /* see run_auditing */

	struct reader *reader;
	struct record record;
	struct line line;
	bool has_current; /* record or line is being handled */
	bool quarantined; /* it is rejected unseen */
	struct edit edit;
	struct build scratch;
	uint64_t emitted_before; /* the current line */
	uint64_t number;         /* records or lines of the current input */

	struct counters counters;
	struct counter own[RUN_COUNTERS_MAX];
	unsigned own_count;
	uint64_t shown_rejects;

	int status;       /* exit status of a failure, 0 while there is none */
	bool reader_gone; /* EPIPE on the output: stop quietly */
	bool opens_files, uses_network;
	bool silent;          /* run_silent */
	int also_fd, also_ms; /* run_wait_also */
	bool finished;        /* finish was called and no record came since */
	bool progress_shown;
	struct signals *signals;

	int64_t started_us, checkpoint_us, progress_us, watchdog_us;
	int64_t watchdog_every_us;
	int notify_fd;
};

/* start.c: a second output. A run that goes on from a snapshot adds to what it wrote
 * before. NULL after saying why. */
struct output *run_open_second(struct run *run, const char *path);

/* main.c: the life of a run, in this order. Those that return int return 0, or -1 when
 * status is set. */
struct run *run_new(const struct filter *filter);
/* 1: nothing is left to do. */
int run_read_arguments(struct run *run, int argc, char **argv);
/* Memory, outputs, start of the filter. `to`: where the output goes, NULL for the
 * standard one. */
int run_open(struct run *run, struct drain *to);
int run_catch_signals(struct run *run);
/* Take a place in the pipeline, take up the state. */
int run_begin(struct run *run);
/* Everything is written and checked, whatever happened before. */
void run_close(struct run *run);
int run_exit_status(const struct run *run);
/* The allowance of --max-rejects is exceeded. */
bool run_rejects_too_many(const struct run *run);
void run_free(struct run *run);

/* loop.c: read until the end, a stop or a failure. 0, or -1 when status is set. */
int run_loop(struct run *run);
/* Handle what is there of a run that is fed. 1: more can come; 0: it has ended; -1. */
int run_step(struct run *run);
/* Nothing comes any more. */
int run_end(struct run *run);

/* verdict.c */
int run_settle_verdict(struct run *run, enum verdict verdict);
int run_output_failed(struct run *run, const struct error *error);

/* stats.c */
int run_write_stats(struct run *run);
void run_show_progress(struct run *run, bool last);
void run_clear_progress(struct run *run);

/* snapshot.c */
int run_restore(struct run *run);
int run_checkpoint(struct run *run);
struct identity; /* what the snapshots of this run are of; free(3) */
struct identity *run_identity(const struct run *run);
const struct state_identity *run_state_identity(const struct identity *id);
/* A snapshot's body begins with the counters; what the filter saves is the last in it. */
void run_put_counters(struct run *run, struct state_writer *w);
int run_put_saved(struct run *run, struct state_writer *w);
int run_get_counters(struct run *run, struct state_reader *r, const char *path);
int run_get_saved(struct run *run, struct state_reader *r, const char *path);
int run_publish(struct run *run);

/* loop.c: open what the next FILE operand names, or standard input. */
int run_open_next(struct run *run);
int run_finish(struct run *run);

/* sandbox.c */
int run_limit_memory(struct run *run);
int run_enter_sandbox(struct run *run);

/* notify.c: systemd's protocol, sd_notify(3). */
void run_notify_open(struct run *run);
void run_notify(struct run *run, const char *state);

#endif
