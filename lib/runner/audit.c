/* SPDX-License-Identifier: MIT */
#include "lib/runner/audit.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lib/runner/command.h"

enum { ARGUMENTS_MAX = 1024 };

void
audit_differs(struct audit *a, const char *format, ...)
{
	va_list arguments;

	a->differences++;
	va_start(arguments, format);
	(void)vfprintf(a->to, format, arguments);
	va_end(arguments);
	(void)fputc('\n', a->to);
}

/* The command of the folder; the arguments are in text. */
static int
read_command(const struct audit *a, char text[EPOCH_FILE_MAX],
    char *argv[ARGUMENTS_MAX + 1], struct error *error)
{
	char path[EPOCH_PATH_MAX], *line = text, *end;
	unsigned n = 0;
	int status;

	if (epoch_file_path(path, a->dir, "command", error) != 0)
		return -1;
	status = epoch_get(a->os, path, text, error);
	if (status == EPOCH_MISSING)
		return error_set(error, "%s has no command", a->dir);
	if (status < 0)
		return -1;
	for (; (end = strchr(line, '\n')) != NULL && n < ARGUMENTS_MAX;
	     line = end + 1) {
		*end = '\0';
		argv[n] = command_argument(line);
		if (argv[n++] == NULL)
			return error_set(error, "%s makes no sense", path);
	}
	argv[n] = NULL;
	return n > 0 ? 0 : error_set(error, "%s makes no sense", path);
}

static int
run_again(struct audit *a, struct error *error)
{
	static char text[EPOCH_FILE_MAX];
	static char *argv[ARGUMENTS_MAX + 1];
	char *fused[] = { "/proc/self/exe", "fuse", NULL, NULL };

	if (read_command(a, text, argv, error) != 0)
		return -1;
	fused[2] = argv[0];
	if (a->options->fuse && argv[1] != NULL)
		return error_set(error, "--fuse wants a command of one argument");
	return again_run(a, a->options->fuse ? fused : argv, error);
}

/* What another program reads cannot be compared, and it would be written a second time. */
static int
refuse_foreign(const struct audit *a, struct error *error)
{
	for (unsigned i = 0; i < a->topology.n; i++)
		if (a->topology.stage[i].foreign)
			return error_set(error,
			    "%s writes to a program that is no stage, which an audit "
			    "would start again: a pipeline that ends in it cannot be "
			    "audited",
			    a->topology.stage[i].id);
	return 0;
}

/* The sources first: what they have read otherwise explains the rest. */
static int
compare(struct audit *a, struct error *error)
{
	for (unsigned pass = 0; pass < 2; pass++)
		for (unsigned i = 0; i < a->topology.n; i++)
			if (a->topology.stage[i].source == (pass == 0) &&
			    compare_stage(a, i, error) != 0)
				return -1;
	return 0;
}

static void
conclude(const struct audit *a)
{
	if (a->differences > 0)
		return;
	(void)fprintf(a->to,
	    "sound: %" PRIu64 " records, %" PRIu64 " bytes of output, %u states equal",
	    a->records, a->bytes, a->equal);
	if (a->skipped > 0)
		(void)fprintf(a->to, ", %u not compared", a->skipped);
	(void)fputc('\n', a->to);
}

static int
audit(struct audit *a, struct error *error)
{
	int status = scratch_make(a, error);

	if (status > 0)
		(void)fprintf(a->to, "sound: nothing is committed yet\n");
	if (status != 0)
		return status < 0 ? -1 : 0;
	if (a->uneven && !a->generation.finished)
		return error_set(error,
		    "a source has come to its end and others have not: wait until the "
		    "pipeline is finished");
	if (refuse_foreign(a, error) != 0 || scratch_prepare(a, error) != 0 ||
	    again_confine(a, error) != 0 || run_again(a, error) != 0 ||
	    compare(a, error) != 0)
		return -1;
	conclude(a);
	return a->differences;
}

int
audit_run(const struct os *os, const char *dir, const struct audit_options *options,
    FILE *to, struct error *error)
{
	struct audit *a = calloc(1, sizeof *a);
	int status;

	if (a == NULL || realpath(dir, a->dir) == NULL) {
		free(a);
		return error_set(error, "cannot find %s", dir);
	}
	a->os = os;
	a->options = options;
	a->to = to;
	status = audit(a, error);
	scratch_remove(a);
	free(a);
	return status;
}
