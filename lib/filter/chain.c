/* SPDX-License-Identifier: MIT */
#include "lib/filter/chain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "lib/filter/commandline.h"
#include "lib/filter/stage.h"

/* What a filter of the chain reads: the blocks that the one before it writes. */
struct feed {
	struct source source;
	struct drain drain;
	struct run *run;
	struct slice bytes; /* written and not yet taken */
	bool joined, ended;
};

struct chain {
	unsigned n;
	struct run *run[RUN_CHAIN_MAX];
	struct feed feed[RUN_CHAIN_MAX]; /* [i] is between i - 1 and i */
	int status;                      /* of what came before the runs */
};

/* The main of a program has no other way to hand its filter over. */
static struct chain *building;

/* What is left of a record that was cut goes before the rest of it. */
static ssize_t
take(struct source *source, void *to, size_t size, struct error *error)
{
	struct feed *feed = (struct feed *)source;
	size_t n = feed->bytes.size < size ? feed->bytes.size : size;

	(void)error;
	if (n == 0)
		return SOURCE_NOTHING;
	memcpy(to, feed->bytes.at, n);
	feed->bytes = slice_from(feed->bytes, n);
	return (ssize_t)n;
}

static void
free_nothing(struct source *source)
{
	(void)source; /* it is a part of the chain */
}

/* Handle what is there. -1 when that run has failed. */
static int
eat(struct feed *feed)
{
	int status = 1;

	if (!feed->joined) {
		feed->joined = true;
		status = run_begin(feed->run) == 0 ? 1 : -1;
	}
	while (status == 1 && feed->bytes.size > 0) {
		if (input_lend(feed->run->in, feed->bytes))
			feed->bytes.size = 0;
		status = run_step(feed->run);
	}
	feed->ended = status == 0;
	return status < 0 ? -1 : 0;
}

static int
give(struct drain *drain, struct slice bytes, struct error *error)
{
	struct feed *feed =
	    (struct feed *)((char *)drain - offsetof(struct feed, drain));

	if (feed->ended)
		return 0; /* nothing comes after END */
	feed->bytes = bytes;
	if (feed->run->status == 0 && !feed->run->reader_gone && eat(feed) == 0)
		return 0;
	(void)error_set(error, "the next stage has failed");
	errno = ECANCELED;
	return -1;
}

int
chain_add(const struct filter *filter, int argc, char **argv)
{
	struct run *run = run_new(filter);
	int status;

	if (run == NULL)
		return EXIT_FAILURE_RESTART;
	building->run[building->n++] = run;
	status = run_read_arguments(run, argc, argv);
	if (status > 0)
		status = run_usage(run, "--help and --version stand alone");
	return status == 0 ? 0 : run->status;
}

/* --- Opening -------------------------------------------------------------------- */

static int
open_fed(struct run *run, struct feed *feed)
{
	struct error error;

	if (run->filter->line != NULL)
		return run_usage(
		    run, "reads text: it can only be the first in one process");
	if (run->file_count > 0 || run->own_input)
		return run_usage(run,
		    "reads what it is given: in one process only the first has an "
		    "input "
		    "of its own");
	*feed = (struct feed){ .source = { .read = take,
				   .free = free_nothing,
				   .wait_fd = -1,
				   .wait_ms = -1 },
		.drain = { give },
		.run = run };
	run->feed = feed;
	/* Rejects and states have the name: it is that of the pipe it stands for. */
	run->own_input = run->inner_input = true;
	run->in = input_of_source(run->os, &feed->source, "standard input", &error);
	return run->in != NULL ? 0 : run_fail(run, "%s", error.text);
}

/* From the last to the first, as nobody may write before the next can read. */
static int
open_all(struct chain *c)
{
	for (unsigned i = 0; i + 1 < c->n; i++)
		c->run[i]->next = c->run[i + 1];
	if (run_limit_memory(c->run[0]) != 0 || run_catch_signals(c->run[0]) != 0)
		return -1;
	for (unsigned i = c->n; i-- > 0;) {
		struct run *run = c->run[i];

		run->signals = c->run[0]->signals;
		if (run_open(run, i + 1 < c->n ? &c->feed[i + 1].drain : NULL) != 0 ||
		    (i > 0 && open_fed(run, &c->feed[i]) != 0))
			return -1;
	}
	if (run_begin(c->run[0]) != 0)
		return -1;
	for (unsigned i = 0; i < c->n && c->run[i]->stage != NULL; i++)
		if (stage_announce(c->run[i]) != 0)
			return -1;
	/* A plain run has no HELLO to begin with. */
	for (unsigned i = 1; i < c->n; i++)
		if (c->run[0]->pipeline == NULL && eat(&c->feed[i]) != 0)
			return -1;
	return run_enter_sandbox(c->run[0]);
}

static int
redirect(struct run *run, const char *path, int flags, int fd)
{
	int from = path == NULL ? fd : open(path, flags | O_CLOEXEC, 0666);

	if (from < 0)
		return run_fail(run, "cannot open %s: %s", path, strerror(errno));
	if (from == fd)
		return 0;
	if (dup2(from, fd) < 0)
		return run_fail(run, "cannot open %s: %s", path, strerror(errno));
	(void)close(from);
	return 0;
}

static const struct chain_program *
find_program(const char *name)
{
	for (const struct chain_program *p = chain_programs; p->name != NULL; p++)
		if (strcmp(p->name, name) == 0)
			return p;
	return NULL;
}

static int
build(struct chain *c, struct commandline *w)
{
	const struct chain_program *p;
	int status = 0;

	building = c;
	for (unsigned i = 0; i < w->programs && status == 0; i++) {
		p = find_program(w->program[i].argv[0]);
		if (p == NULL) {
			(void)fprintf(stderr,
			    "bp-run: %s: no filter of bannerpipe, and so not for one "
			    "process (leave out --fuse)\n",
			    w->program[i].argv[0]);
			return EXIT_USAGE;
		}
		status = p->main(w->program[i].argc, w->program[i].argv);
	}
	if (status == 0 &&
	    (redirect(c->run[0], w->input, O_RDONLY, STDIN_FILENO) != 0 ||
		redirect(c->run[c->n - 1], w->output,
		    O_WRONLY | O_CREAT | (w->append ? O_APPEND : O_TRUNC),
		    STDOUT_FILENO) != 0))
		status = EXIT_FAILURE_RESTART;
	return status;
}

/* --- Running -------------------------------------------------------------------- */

static void
flow(struct chain *c)
{
	if (c->run[0]->halted || run_loop(c->run[0]) != 0)
		return;
	/* END has told those of a pipeline; those of a plain run are told here. */
	for (unsigned i = 0; i < c->n; i++) {
		if (run_flush(c->run[i]) != 0)
			return;
		if (c->run[0]->pipeline == NULL && i + 1 < c->n &&
		    run_end(c->run[i + 1]) != 0)
			return;
	}
}

/* The first failure is the cause of the others. */
static int
status_of(const struct chain *c)
{
	int status = c->status;

	for (unsigned i = 0; i < c->n; i++)
		if (status == 0 && c->run[i]->status != 0)
			status = c->run[i]->status;
	for (unsigned i = 0; i < c->n && status == 0; i++)
		status = run_exit_status(c->run[i]);
	return status;
}

int
chain_run(const char *command)
{
	struct chain *c = calloc(1, sizeof *c);
	struct commandline *w = malloc(sizeof *w);
	struct error error;
	int status = EXIT_FAILURE_RESTART;

	/* By the name of its file it could be anything (/proc/self/exe). */
	(void)prctl(PR_SET_NAME, "bp-run");
	if (c == NULL || w == NULL) {
		(void)fputs("bp-run: no memory to start\n", stderr);
	} else if (commandline_split(w, command, &error) != 0) {
		(void)fprintf(stderr, "bp-run: %s\n", error.text);
		status = EXIT_USAGE;
	} else {
		c->status = build(c, w);
		if (c->status == 0 && open_all(c) == 0)
			flow(c);
		for (unsigned i = 0; i < c->n; i++)
			if (c->run[i]->out != NULL)
				run_close(c->run[i]);
		status = status_of(c);
		for (unsigned i = c->n; i-- > 0;)
			run_free(c->run[i]);
	}
	free(c);
	free(w);
	return status;
}
