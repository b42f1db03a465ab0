/* SPDX-License-Identifier: MIT
 *
 * bp-run: keep a pipeline running, exactly once. No filter: no records go through it.
 *
 * in     a command, and a folder
 * out    what the command writes; status and check print a report
 * state  the folder: generations, snapshots, what is committed (lib/epoch.h)
 * needs  bash, /proc
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/epoch.h"
#include "lib/filter/chain.h"
#include "lib/option.h"
#include "lib/os.h"
#include "lib/runner/audit.h"
#include "lib/runner/inspect.h"
#include "lib/runner/runner.h"
#include "lib/when.h"

struct arguments {
	bool help, version, fuse, new_command, no_progress, json;
	const char *dir, *scratch;
	struct span every, stall, stop_within;
	uint64_t restarts, quarantine_after;
	int ledger;
};

static const struct option options[] = {
	OPTION_ASIDE('d', "dir", struct arguments, dir, NULL,
	    "where the pipeline keeps its snapshots", "DIR"),
	OPTION_ASIDE('e', "every", struct arguments, every, "1s",
	    "how often what was read is committed"),
	OPTION_ASIDE('f', "fuse", struct arguments, fuse, NULL,
	    "all filters in one process: faster, same bytes"),
	OPTION_ASIDE(0, "stall", struct arguments, stall, "30s",
	    "start again when nothing was committed for so long"),
	OPTION_ASIDE(0, "stop-within", struct arguments, stop_within, "30s",
	    "kill what TERM has not stopped by then"),
	OPTION_ASIDE(0, "quarantine-after", struct arguments, quarantine_after, "3",
	    "deaths at one record before it is rejected unseen; 0: never"),
	OPTION_ASIDE(0, "restarts", struct arguments, restarts, "0",
	    "give up after so many without progress; 0: never"),
	OPTION_CHOICE_ASIDE(0, "ledger", struct arguments, ledger, "stop|warn",
	    "when records are lost or doubled between stages"),
	OPTION_ASIDE(0, "new-command", struct arguments, new_command, NULL,
	    "go on with another command of the same stages"),
	OPTION_ASIDE(0, "no-progress", struct arguments, no_progress, NULL,
	    "no line about the state on a terminal"),
	OPTION_ASIDE(0, "scratch", struct arguments, scratch, NULL,
	    "where an audit works; kept afterwards", "FOLDER"),
	OPTION_ASIDE(0, "json", struct arguments, json, NULL, "status as JSON"),
	OPTION_ASIDE('h', "help", struct arguments, help, NULL, "show this and exit"),
	OPTION_ASIDE(
	    0, "version", struct arguments, version, NULL, "show the version and exit"),
	OPTION_END,
};

static int
complain(int status, const char *text)
{
	(void)fprintf(stderr, "bp-run: %s\n", text);
	return status;
}

/* --- bp-run status DIR, bp-run check DIR ---------------------------------------- */

static int
flushed(int status)
{
	return fflush(stdout) == 0 && !ferror(stdout)
	    ? status
	    : complain(RUNNER_FAILED, "cannot write standard output");
}

static int
show_status(const struct arguments *a, const char *dir)
{
	struct error error;

	if (inspect_status(&os_system, dir, a->json, stdout, &error) != 0)
		return complain(RUNNER_WRONG_USE, error.text);
	return flushed(0);
}

static int
check(const struct arguments *a, const char *dir)
{
	struct error error;
	int faults = inspect_check(&os_system, dir, stdout, &error);

	(void)a;
	if (faults < 0)
		return complain(RUNNER_WRONG_USE, error.text);
	return flushed(faults > 0);
}

static int
audit(const struct arguments *a, const char *dir)
{
	const struct audit_options o = {
		.scratch = a->scratch, .fuse = a->fuse, .stall_us = a->stall.us
	};
	struct error error;
	int differences = audit_run(&os_system, dir, &o, stdout, &error);

	if (differences < 0)
		return complain(RUNNER_WRONG_USE, error.text);
	return flushed(differences > 0);
}

static int
fuse(const struct arguments *a, const char *command)
{
	(void)a;
	return chain_run(command);
}

static const struct {
	const char *name, *operand, *about;
	int (*act)(const struct arguments *a, const char *operand);
} commands[] = {
	{ "fuse", "COMMAND", "run it in one process, once, without a folder", fuse },
	{ "status", "DIR", "what is committed, how far the stages are", show_status },
	{ "check", "DIR", "whether every file is sound", check },
	{ "audit", "DIR", "whether a replay gives the same outputs and states", audit },
};

/* --- bp-run --dir DIR -- COMMAND ------------------------------------------------ */

static int
run(const struct arguments *a, char *const *argv)
{
	struct runner_options o = {
		.dir = a->dir,
		.argv = argv,
		.fuse = a->fuse,
		.new_command = a->new_command,
		.ledger_warns = a->ledger == 1,
		.quiet = a->no_progress,
		.every_us = a->every.us,
		.stall_us = a->stall.us,
		.stop_us = a->stop_within.us,
		.restarts = a->restarts,
		.quarantine_after = a->quarantine_after,
	};

	if (a->fuse && argv[1] != NULL)
		return complain(
		    RUNNER_WRONG_USE, "--fuse wants the command as one argument");
	if (a->dir == NULL)
		return complain(RUNNER_WRONG_USE,
		    "--dir is missing: name a "
		    "folder for its place, as in bp-run "
		    "--dir state -- COMMAND");
	if (getenv(EPOCH_DIR_VARIABLE) != NULL)
		return complain(RUNNER_WRONG_USE,
		    "one bp-run cannot be a part of another's pipeline");
	if (o.every_us < 1000 || o.stall_us < 3 * o.every_us)
		return complain(RUNNER_WRONG_USE,
		    "--every must be at least 1ms, and --stall three times as long");
	return runner_run(&os_system, &o);
}

static int
show_help(void)
{
	char text[4096];

	(void)option_help(options, text, sizeof text);
	(void)printf("usage: bp-run --dir DIR [OPTION...] -- COMMAND...\n"
		     "keep a pipeline running, exactly once\n");
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		(void)printf("       bp-run %s %s: %s\n", commands[i].name,
		    commands[i].operand, commands[i].about);
	(void)printf(
	    "%sexamples:\n"
	    "  bp-run --dir state -- 'bp-parse --follow access.log | bp-dedupe "
	    "| bp-metric >> metrics.bp'\n"
	    "  bp-run status state\n",
	    text);
	return flushed(0);
}

int
main(int argc, char **argv)
{
	const struct option_set set = { options, &(struct arguments){ 0 } };
	const struct arguments *a = set.fields;
	bool literal = false; /* "--": what follows is the command, whatever its name */
	struct error error;
	int n;

	for (int i = 1; i < argc; i++)
		literal = literal || strcmp(argv[i], "--") == 0;
	option_defaults(&set, 1);
	if (option_parse(&set, 1, argc, argv, &n, &error) != 0)
		return complain(RUNNER_WRONG_USE, error.text);
	if (a->help)
		return show_help();
	if (a->version) {
		(void)printf("bp-run %s\n", BANNERPIPE_VERSION);
		return flushed(0);
	}
	argv[1 + n] = NULL;
	if (n == 0)
		return complain(RUNNER_WRONG_USE,
		    "no command: give one, as in bp-run "
		    "--dir state -- 'FILTER | FILTER "
		    ">> FILE' (see --help)");
	for (size_t i = 0; i < sizeof commands / sizeof *commands && !literal; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return n == 2 ? commands[i].act(a, argv[2])
				      : complain(RUNNER_WRONG_USE,
					    "status, check and fuse want one operand "
					    "(see --help)");
	return run(a, argv + 1);
}
