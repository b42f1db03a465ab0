/* SPDX-License-Identifier: MIT
 *
 * bp-model: look at models of bp-learn, and make others of them. No filter: no records go
 * through it.
 *
 * in     model files, live ones too; text (load), deltas (follow)
 * out    what is asked for; a model file is written beside its place and renamed
 * state  none
 * needs  memory for the models that it reads
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lib/modeltool/follow.h"
#include "lib/modeltool/keys.h"
#include "lib/modeltool/merge.h"
#include "lib/modeltool/open.h"
#include "lib/modeltool/sheet.h"
#include "lib/modeltool/summary.h"
#include "lib/modeltool/text.h"
#include "lib/option.h"
#include "lib/os.h"

enum {
	NAMES_SHARE = 8,
	DIFFERENT = 1,
	WRONG_USE = 100,
	FAILED = 111,
	OPERANDS_MAX = 2
};

struct arguments {
	bool help, version, json;
	const char *output, *names_path, *keys, *target, *model, *live;
	uint64_t top;
	struct size memory;

	struct names names;
};

static const struct option options[] = {
	OPTION_ASIDE('o', "output", struct arguments, output, NULL,
	    "the model file that merge and unlearn write", "FILE"),
	OPTION_ASIDE('n', "names", struct arguments, names_path, NULL,
	    "the names of features, of bp-feature --names", "FILE"),
	OPTION_ASIDE('t', "target", struct arguments, target, NULL,
	    "print: of this target; preset: its first", "NAME"),
	OPTION_ASIDE('k', "top", struct arguments, top, "20",
	    "print, diff: so many features; print: 0 for all"),
	OPTION_ASIDE('K', "keys", struct arguments, keys, NULL,
	    "unlearn: features, a key in hex or a name a line", "FILE"),
	OPTION_ASIDE('m', "model", struct arguments, model, NULL,
	    "load, follow: the model file to write", "FILE"),
	OPTION_ASIDE('L', "live", struct arguments, live, NULL,
	    "follow: keep the model in this file too, for others to map", "FILE"),
	OPTION_ASIDE('j', "json", struct arguments, json, NULL, "write JSON"),
	OPTION_ASIDE(0, "memory", struct arguments, memory, "4G",
	    "that a model may take; what it needs is taken"),
	OPTION_ASIDE('h', "help", struct arguments, help, NULL, "show this and exit"),
	OPTION_ASIDE(
	    0, "version", struct arguments, version, NULL, "show the version and exit"),
	OPTION_END,
};

static int
complain(int status, const char *text)
{
	(void)fprintf(stderr, "bp-model: %s\n", text);
	return status;
}

static int
flushed(int status)
{
	return fflush(stdout) == 0 && !ferror(stdout)
	    ? status
	    : complain(FAILED, "cannot write standard output");
}

/* To make others of it, or compare, there must be nothing that is not copied. */
static struct model *
read_model(const struct arguments *a, const char *path, bool whole)
{
	struct error error;
	struct model *m = model_read(&os_system, path, a->memory.bytes, &error);

	if (m != NULL && (!whole || model_can_be_copied(&m->options, &error)))
		return m;
	(void)complain(FAILED, error.text);
	model_free(m);
	return NULL;
}

/* Ends with the model. */
static int
write_model(struct model *m, const char *path)
{
	struct error error;
	int status = model_write(&os_system, m, path, &error);

	model_free(m);
	return status == 0 ? 0 : complain(FAILED, error.text);
}

/* --- Looking ------------------------------------------------------------------------ */

static int
show(const struct arguments *a, char *const *path, struct sheet *to)
{
	struct model *m = read_model(a, path[0], false);

	if (m == NULL)
		return FAILED;
	summary_build(m, path[0], sheet_build(to));
	sheet_list(to);
	model_free(m);
	return 0;
}

static bool
choose_target(const struct model *m, const char *name, enum model_target *to)
{
	for (*to = MODEL_CLICK; *to < MODEL_TARGETS; ++*to)
		if (name == NULL ? m->options.target[*to]
				 : strcmp(model_target_name(*to), name) == 0)
			return true;
	return false;
}

static int
print(const struct arguments *a, char *const *path, struct sheet *to)
{
	struct model *m = read_model(a, path[0], false);
	enum model_target target;
	struct error error;
	int status = 0;

	if (m == NULL)
		return FAILED;
	if (!choose_target(m, a->target, &target))
		status = complain(
		    WRONG_USE, "--target is none of click, conversion, value_micros");
	else if (summary_features(m, target, a->top, &a->names, to, &error) != 0)
		status = complain(FAILED, error.text);
	model_free(m);
	return status;
}

static int
diff(const struct arguments *a, char *const *path, struct sheet *to)
{
	struct model *x = read_model(a, path[0], true);
	struct model *y = x == NULL ? NULL : read_model(a, path[1], true);
	struct summary_difference d;
	struct error error;
	int status = FAILED;

	if (y != NULL) {
		status = summary_compare(x, y, a->top, &a->names, to, &d, &error) != 0
		    ? complain(FAILED, error.text)
		    : summary_is_same(&d) ? 0
					  : DIFFERENT;
	}
	model_free(x);
	model_free(y);
	return status;
}

/* --- Text --------------------------------------------------------------------------- */

static int
write_line(void *context, struct slice line)
{
	return fwrite(line.at, 1, line.size, context) == line.size ? 0 : -1;
}

static int
dump(const struct arguments *a, char *const *path, struct sheet *to)
{
	struct model *m = read_model(a, path[0], true);

	(void)to;
	if (m == NULL)
		return FAILED;
	(void)model_text_write(m, write_line, stdout);
	model_free(m);
	return 0;
}

static struct model *
load_lines(struct model_text *text, struct error *error)
{
	char line[MODEL_TEXT_LINE + 2];

	while (fgets(line, sizeof line, stdin) != NULL) {
		size_t size = strlen(line);

		if (size > 0 && line[size - 1] == '\n')
			size--;
		else if (!feof(stdin))
			size = MODEL_TEXT_LINE + 1; /* or a zero byte is in it */
		if (model_text_line(text, slice_of(line, size), error) != 0)
			return NULL;
	}
	return model_text_end(text, error);
}

static int
load(const struct arguments *a, char *const *path, struct sheet *to)
{
	struct model_text *text = model_text_new(&os_system, a->memory.bytes);
	const char *output = a->model != NULL ? a->model : path[0];
	struct model *m = NULL;
	struct error error = { "no memory" };

	(void)to;
	if (output == NULL)
		return complain(WRONG_USE, "load wants a FILE to write (see --help)");
	if (text != NULL)
		m = load_lines(text, &error);
	model_text_free(text);
	if (m == NULL)
		return complain(FAILED, error.text);
	return write_model(m, output);
}

/* --- Making others ------------------------------------------------------------------ */

static int
merge(const struct arguments *a, char *const *path, struct sheet *to)
{
	struct model *x = read_model(a, path[0], true);
	struct model *y = x == NULL ? NULL : read_model(a, path[1], true);
	struct model *m = NULL;
	struct error error;

	(void)to;
	if (y != NULL) {
		m = model_merge(x, y, a->memory.bytes, &os_system, &error);
		if (m == NULL)
			(void)complain(FAILED, error.text);
	}
	model_free(x);
	model_free(y);
	return m == NULL ? FAILED : write_model(m, a->output);
}

static int
unlearn(const struct arguments *a, char *const *path, struct sheet *to)
{
	struct model *m, *without;
	struct error error;
	struct keys keys;
	size_t found;

	(void)to;
	if (a->keys == NULL)
		return complain(WRONG_USE, "--keys FILE is missing (see --help)");
	if (keys_read(&keys, &os_system, a->keys,
		a->names_path != NULL ? &a->names : NULL, &error) != 0)
		return complain(WRONG_USE, error.text);
	m = read_model(a, path[0], true);
	without = m == NULL ? NULL
			    : model_without(m, keys.at, keys.count, a->memory.bytes,
				  &os_system, &found, &error);
	if (m != NULL && without == NULL)
		(void)complain(FAILED, error.text);
	if (without != NULL)
		(void)printf("%zu of %zu keys found and removed\n", found, keys.count);
	keys_free(&keys);
	model_free(m);
	return without == NULL ? FAILED : write_model(without, a->output);
}

static volatile sig_atomic_t stop;

static void
on_signal(int number)
{
	(void)number;
	stop = 1;
}

static int
follow(const struct arguments *a, char *const *path, struct sheet *to)
{
	const struct sigaction action = { .sa_handler = on_signal };
	const struct follow_options o = { a->model, a->live, a->memory.bytes, &stop };
	struct error error;

	(void)path;
	(void)to;
	if (a->model == NULL)
		return complain(WRONG_USE, "--model FILE is missing (see --help)");
	(void)sigaction(SIGTERM, &action, NULL);
	(void)sigaction(SIGINT, &action, NULL);
	return follow_run(&os_system, &o, &error) == 0 ? 0
						       : complain(FAILED, error.text);
}

/* --- The command line --------------------------------------------------------------- */

static const struct command {
	const char *name, *operands, *about;
	int least, most;
	bool writes; /* to --output */
	int (*act)(const struct arguments *a, char *const *paths, struct sheet *to);
} commands[] = {
	{ "show", "FILE", "options, heads, lanes, memory", 1, 1, false, show },
	{ "print", "FILE", "the features of the largest weights", 1, 1, false, print },
	{ "diff", "A B", "what differs; exit 1 when anything does", 2, 2, false, diff },
	{ "dump", "FILE", "as text that keeps every bit", 1, 1, false, dump },
	{ "load", "FILE", "write the model of such a text", 0, 1, false, load },
	{ "merge", "A B -o C", "one of two", 2, 2, true, merge },
	{ "unlearn", "FILE --keys LIST -o C", "less some features", 1, 1, true,
	    unlearn },
	{ "follow", "--model FILE", "that of bp-learn --deltas", 0, 0, false, follow },
};

static int
show_help(void)
{
	char text[4096];

	(void)option_help(options, text, sizeof text);
	(void)printf("usage: bp-model COMMAND [OPTION...] [FILE...]\n"
		     "look at models of bp-learn, and make others of them\n");
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		(void)printf("  %s %s: %s\n", commands[i].name, commands[i].operands,
		    commands[i].about);
	(void)printf("%sexamples:\n"
		     "  bp-model show click.bp\n"
		     "  bp-model print click.bp --names names.bp --top 50\n"
		     "  bp-model follow --model copy.bp <deltas.bp\n",
	    text);
	return flushed(0);
}

static int
act(struct arguments *a, const struct command *command, char *const *paths)
{
	struct sheet *sheet = sheet_new(stdout, a->json);
	struct error error;
	int status;

	if (sheet == NULL)
		return complain(FAILED, "no memory");
	if (a->names_path != NULL &&
	    names_read(&a->names, &os_system, a->names_path,
		a->memory.bytes / NAMES_SHARE + NAMES_BYTES_MIN, &error) != 0)
		status = complain(FAILED, error.text);
	else
		status = flushed(command->act(a, paths, sheet));
	names_free(&a->names);
	sheet_free(sheet);
	return status;
}

static int
show_usage(const char *name)
{
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (name == NULL || strcmp(name, commands[i].name) == 0)
			(void)fprintf(stderr, "bp-model: usage: bp-model %s %s\n",
			    commands[i].name, commands[i].operands);
	return WRONG_USE;
}

int
main(int argc, char **argv)
{
	const struct option_set set = { options, &(struct arguments){ 0 } };
	struct arguments *a = set.fields;
	struct error error;
	int n;

	option_defaults(&set, 1);
	if (option_parse(&set, 1, argc, argv, &n, &error) != 0)
		return complain(WRONG_USE, error.text);
	if (a->help)
		return show_help();
	if (a->version) {
		(void)printf("bp-model %s\n", BANNERPIPE_VERSION);
		return flushed(0);
	}
	argv[1 + n] = NULL;
	for (size_t i = 0; i < sizeof commands / sizeof *commands && n > 0; i++) {
		const struct command *c = &commands[i];

		if (strcmp(argv[1], c->name) != 0)
			continue;
		if (n - 1 < c->least || n - 1 > c->most ||
		    (c->writes && a->output == NULL))
			return show_usage(c->name);
		return act(a, c, argv + 2);
	}
	return show_usage(NULL);
}
