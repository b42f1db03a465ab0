/* SPDX-License-Identifier: MIT
 *
 * From argv to the exit status.
 */
#include "lib/filter/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "lib/base/assert.h"
#include "lib/base/number.h"

const struct option run_common_options[] = {
	OPTION_ASIDE('h', "help", struct common, help, NULL, "show this and exit"),
	OPTION_ASIDE(
	    0, "version", struct common, version, NULL, "show the version and exit"),
	OPTION_ASIDE(0, "rejects", struct common, rejects, NULL,
	    "keep what is rejected, with the reasons", "FILE"),
	OPTION_ASIDE(0, "max-rejects", struct common, max_rejects, "0",
	    "more than these make the exit status 1", "COUNT|P%"),
	OPTION_ASIDE(
	    0, "memory", struct common, memory, "256M", "memory for everything"),
	OPTION_ASIDE(0, "state", struct common, state, NULL,
	    "go on from there, and save to it", "DIR"),
	OPTION(0, "seed", struct common, seed, "0", "of hashes and of chance"),
	OPTION_ASIDE(0, "stats", struct common, stats, NULL,
	    "write the counters at the end and on USR1", "FILE|-"),
	OPTION_ASIDE(0, "progress", struct common, progress, NULL,
	    "show records and rate on a terminal"),
	OPTION_ASIDE(0, "checkpoint-every", struct common, checkpoint_every, "10s",
	    "how often to save, with --state"),
	OPTION_ASIDE(0, "stage", struct common, stage, NULL,
	    "its name in a pipeline of bp-run", "NAME"),
	OPTION_ASIDE(0, "compress", struct common, compress, NULL,
	    "write zstd to standard output"),
	OPTION_ASIDE(0, "no-sandbox", struct common, no_sandbox, NULL,
	    "no limits on system calls and memory, for debuggers"),
	OPTION_END,
};

static struct signals signals; /* handlers have no argument */

static void
on_signal(int number)
{
	int cause = errno;

	if (number == SIGHUP)
		signals.hangup = 1;
	else if (number == SIGUSR1)
		signals.report = 1;
	else if (number == SIGINT && signals.stop)
		_exit(128 + SIGINT);
	else
		signals.stop = 1;
	(void)!write(signals.wake[1], "", 1);
	errno = cause;
}

/* The parent has died: the shell, or after it the runner. A shell may end before the
 * processes that it has started, a runner does not. */
static void
on_orphaned(int number)
{
	(void)number;
	if (getppid() != signals.runner)
		_exit(EXIT_FAILURE_RESTART);
}

/* A stage does not outlive its runner, also when it waits in a system call. */
static int
bind_to_runner(struct run *run)
{
	struct sigaction action = { .sa_handler = on_orphaned, .sa_flags = SA_RESTART };
	const char *text = getenv(EPOCH_RUNNER_VARIABLE);
	uint64_t pid;

	if (run->pipeline == NULL || text == NULL)
		return 0;
	if (!number_parse_uint(slice_text(text), &pid) || pid == 0 || pid > INT32_MAX)
		return run_usage(
		    run, EPOCH_RUNNER_VARIABLE " is no process: '%s'", text);
	signals.runner = (pid_t)pid;
	(void)sigaction(SIGRTMIN, &action, NULL);
	if (prctl(PR_SET_PDEATHSIG, SIGRTMIN) != 0)
		return run_fail(run, "cannot ask for a signal: %s", strerror(errno));
	return kill(signals.runner, 0) == 0 || errno == EPERM
	    ? 0
	    : run_fail(run, "the runner has gone");
}

int
run_catch_signals(struct run *run)
{
	static const int caught[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1 };
	struct sigaction action = { .sa_handler = on_signal };

	run->signals = &signals;
	if (pipe2(signals.wake, O_CLOEXEC | O_NONBLOCK) != 0)
		return run_fail(run, "cannot make a pipe: %s", strerror(errno));
	for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
		(void)sigaction(caught[i], &action, NULL);
	action.sa_handler = SIG_IGN;
	(void)sigaction(SIGPIPE, &action, NULL);
	return bind_to_runner(run);
}

static void
show_help(const struct run *run)
{
	const struct filter *f = run->filter;
	char text[8192];

	(void)printf("usage: %s [OPTION...]", run->program);
	for (const struct option *o = f->operands; o != NULL && o->name; o++)
		(void)printf(" %s", o->name);
	(void)printf("%s\n%s\n", f->no_files ? "" : " [FILE...]", f->about);
	for (const struct option *o = f->operands; o != NULL && o->name; o++)
		(void)printf("  %-28s  %s\n", o->name, o->about);
	if (f->options != NULL && option_help(f->options, text, sizeof text) > 0)
		(void)fputs(text, stdout);
	(void)option_brief(run_common_options, text, sizeof text);
	(void)printf("common options, see bannerpipe(7):\n%s", text);
	if (f->examples != NULL)
		(void)printf("examples:\n%s", f->examples);
}

/* Options and operands. 1: nothing is left to do. */
int
run_read_arguments(struct run *run, int argc, char **argv)
{
	const struct filter *f = run->filter;
	const struct option_set sets[] = { { f->options, run->self },
		{ run_common_options, &run->common } };
	struct error error;
	int operands;

	option_defaults(sets, 2);
	if (option_parse(sets, 2, argc, argv, &operands, &error) != 0)
		return run_usage(run, "%s", error.text);
	if (run->common.help || run->common.version) {
		if (run->common.help)
			show_help(run);
		else
			(void)printf("%s %s\n", run->program, BANNERPIPE_VERSION);
		return fflush(stdout) == 0 ? 1 : run_fail(run, "cannot write the help");
	}
	run->files = argv + 1;
	for (const struct option *o = f->operands; o != NULL && o->name; o++) {
		if (operands-- == 0)
			return run_usage(run, "%s is missing (see --help)", o->name);
		if (option_assign(o, run->self, *run->files++, &error) != 0)
			return run_usage(run, "%s", error.text);
	}
	run->file_count = (unsigned)operands;
	if (f->no_files && operands > 0)
		return run_usage(
		    run, "takes no file: '%s' (see --help)", run->files[0]);
	return 0;
}

bool
run_rejects_too_many(const struct run *run)
{
	const struct counters *c = &run->counters;
	struct slice text = slice_text(run->common.max_rejects);
	uint64_t n = 0;
	double share;

	if (number_parse_percent(text, &share))
		return (double)c->rejected > share * (double)c->in;
	(void)number_parse_uint(text, &n);
	return c->rejected > n;
}

static int
check_common(struct run *run)
{
	struct slice text = slice_text(run->common.max_rejects);
	double share;
	uint64_t n;

	if (!number_parse_percent(text, &share) && !number_parse_uint(text, &n))
		return run_usage(run,
		    "--max-rejects wants a number or a percentage, not '%s'",
		    run->common.max_rejects);
	if (run->common.memory.bytes < 2 * RUNTIME_MEMORY ||
	    run->common.memory.bytes > UINT64_C(1) << 46)
		return run_usage(run, "--memory must be between 32M and 64T");
	run->common.progress = run->common.progress && isatty(2);
	return 0;
}

static int
open_standard_output(struct run *run)
{
	struct error error;

	if (!run->filter->text_out && !run->filter->sink && isatty(STDOUT_FILENO))
		return run_usage(run,
		    "records are not for a terminal: add | bp-print, or write to a "
		    "file");
	if (fcntl(STDOUT_FILENO, F_GETFD) < 0)
		return run_fail(run, "cannot write standard output: it is closed");
	run->out = output_new(
	    run->os, STDOUT_FILENO, "standard output", run->common.compress, &error);
	return run->out != NULL ? 0 : run_fail(run, "%s", error.text);
}

static int
open_output(struct run *run, struct drain *to)
{
	struct error error;

	if (to == NULL && open_standard_output(run) != 0)
		return -1;
	if (to != NULL &&
	    (run->out = output_to_drain(run->os, to, "the next stage", &error)) == NULL)
		return run_fail(run, "%s", error.text);
	if (run->common.rejects != NULL) {
		run->rejects = run_open_second(run, run->common.rejects);
		if (run->rejects == NULL)
			return -1;
	}
	return 0;
}

/* An audit changes nothing outside of the process. */
static int
find_audit(struct run *run)
{
	struct generation g;
	struct error error;

	if (run->pipeline == NULL)
		return 0;
	if (epoch_read_generation(run->os, run->pipeline, &g, &error) < 0)
		return run_fail(run, "%s", error.text);
	run->auditing = g.audit;
	return !g.audit || !run->filter->sink || run->filter->audits
	    ? 0
	    : run_usage(run,
		  "what it sends away cannot be compared with what is made again: a "
		  "pipeline that ends in it cannot be audited");
}

int
run_open(struct run *run, struct drain *to)
{
	void *edit = malloc(EDIT_STORAGE), *scratch = malloc(RECORD_SIZE_MAX);

	if (edit != NULL)
		edit_init(&run->edit, edit);
	if (scratch != NULL)
		build_init(&run->scratch, scratch, RECORD_SIZE_MAX);
	run->reader = reader_new();
	if (edit == NULL || scratch == NULL || run->reader == NULL)
		return run_fail(run, "no memory to start");
	if (check_common(run) != 0 || find_audit(run) != 0 || open_output(run, to) != 0)
		return -1;
	errno = 0; /* what is found wrong from here on has left its cause there */
	return run->filter->start == NULL ? 0 : run->filter->start(run, run->self);
}

int
run_begin(struct run *run)
{
	if (run->pipeline != NULL && stage_join(run) != 0)
		return -1;
	if (run->pipeline == NULL && run->common.state != NULL && run_restore(run) != 0)
		return -1;
	/* What a sink calls itself elsewhere has to outlive a crash before its first
	 * snapshot. */
	if (run->pipeline == NULL && run->common.state != NULL && run->filter->sink &&
	    run_checkpoint(run) != 0)
		return -1;
	run_notify_open(run);
	run->started_us = run->progress_us = run->checkpoint_us = run->watchdog_us =
	    run->os->monotonic_us(run->os);
	return 0;
}

static int
prepare(struct run *run)
{
	return run_limit_memory(run) != 0 || run_open(run, NULL) != 0 ||
		run_catch_signals(run) != 0 || run_begin(run) != 0
	    ? -1
	    : run_enter_sandbox(run);
}

/* Every output is closed and checked, whatever happened before. */
static void
close_outputs(struct run *run)
{
	struct error error;

	if (run->out != NULL && run->reader_gone)
		output_abandon(run->out);
	else if (run->out != NULL && output_close(run->out, &error) != 0)
		(void)run_output_failed(run, &error);
	if (run->rejects != NULL && output_close(run->rejects, &error) != 0)
		(void)run_fail(run, "%s", error.text);
	for (unsigned i = 0; i < run->outlet_count; i++)
		if (output_close(run->outlets[i], &error) != 0)
			(void)run_fail(run, "%s", error.text);
	if (run->dead != NULL && output_close(run->dead, &error) != 0)
		(void)run_fail(run, "%s", error.text);
	run->out = run->rejects = run->dead = NULL;
	run->outlet_count = 0;
}

static void
report_end(struct run *run)
{
	if (run->common.progress)
		run_show_progress(run, true);
	if (run->shown_rejects > RUN_SHOWN_REJECTS)
		run_say(run, "%" PRIu64 " of %" PRIu64 " %s were rejected%s",
		    run->counters.rejected, run->counters.in,
		    run->filter->line != NULL ? "lines" : "records",
		    run_rejects_too_many(run) ? ", more than --max-rejects allows"
					      : "");
	if (run->common.stats != NULL && !run_auditing(run))
		(void)run_write_stats(run);
}

void
run_close(struct run *run)
{
	/* The output must be safe before the state says that it is. */
	if (run->status == 0 && !run->reader_gone && run_flush(run) == 0 &&
	    run->common.state != NULL && run->stage == NULL)
		(void)run_checkpoint(run);
	close_outputs(run);
	report_end(run);
}

int
run_exit_status(const struct run *run)
{
	if (run->status != 0)
		return run->status;
	/* Of a pipeline bp-run tells: a shell shows but the last of its statuses. */
	if (run->stage != NULL)
		return EXIT_DONE;
	return run_rejects_too_many(run) ? EXIT_REJECTED : EXIT_DONE;
}

static int
run_all(struct run *run, int argc, char **argv)
{
	int status = run_read_arguments(run, argc, argv);

	if (status != 0)
		return status > 0 ? EXIT_DONE : run->status;
	if (prepare(run) == 0) {
		run_notify(run, "READY=1");
		if (!run->halted)
			(void)run_loop(run);
		run_notify(run, "STOPPING=1");
		run_close(run);
	} else {
		close_outputs(run);
	}
	return run_exit_status(run);
}

void
run_free(struct run *run)
{
	if (run == NULL)
		return;
	if (run->filter->stop != NULL)
		run->filter->stop(run->self);
	stage_leave(run);
	input_free(run->in);
	reader_free(run->reader);
	free(run->edit.pairs.start);
	free(run->scratch.start);
	free(run->self);
	free(run);
}

struct run *
run_new(const struct filter *filter)
{
	struct run *run = calloc(1, sizeof *run);

	assert((filter->each != NULL) != (filter->line != NULL));
	if (run != NULL)
		run->self = calloc(1, filter->size > 0 ? filter->size : 1);
	if (run == NULL || run->self == NULL) {
		(void)fprintf(stderr, "bp-%s: no memory to start\n", filter->name);
		free(run);
		return NULL;
	}
	run->os = &os_system;
	run->filter = filter;
	run->notify_fd = -1;
	run->also_fd = run->also_ms = -1;
	run->pipeline = getenv(EPOCH_DIR_VARIABLE);
	(void)snprintf(run->program, sizeof run->program, "bp-%s", filter->name);
	return run;
}

int
filter_main(const struct filter *filter, int argc, char **argv)
{
	struct run *run = run_new(filter);
	int status = EXIT_FAILURE_RESTART;

	if (run != NULL)
		status = run_all(run, argc, argv);
	run_free(run);
	return status;
}
