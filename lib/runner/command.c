/* SPDX-License-Identifier: MIT */
#include "lib/runner/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/epoch.h"

enum { TEXT_MAX = EPOCH_FILE_MAX - 64, SHOWN = 80 };

static const char argument_key[] = "argument ";

/* The lines of the file; -1 when they would be too long. */
static int
write_lines(char *const *argv, char to[TEXT_MAX], size_t *size)
{
	size_t n = 0;

	for (; *argv != NULL; argv++) {
		if (n + 16 > TEXT_MAX)
			return -1;
		n += (size_t)snprintf(to + n, 16, "%s", argument_key);
		for (const char *c = *argv; *c != '\0'; c++) {
			if (n + 8 > TEXT_MAX)
				return -1;
			if ((unsigned char)*c < ' ' || *c == '%')
				n += (size_t)snprintf(
				    to + n, 4, "%%%02X", (unsigned char)*c);
			else
				to[n++] = *c;
		}
		to[n++] = '\n';
	}
	to[n] = '\0';
	*size = n;
	return 0;
}

char *
command_argument(char *line)
{
	char *from = line + sizeof argument_key - 1, *to = from, *argument = from;
	unsigned code;

	if (strncmp(line, argument_key, sizeof argument_key - 1) != 0)
		return NULL;
	for (; *from != '\0'; from++, to++) {
		*to = *from;
		if (*from == '%' && sscanf(from + 1, "%2x", &code) == 1 &&
		    from[1] != '\0' && from[2] != '\0') {
			*to = (char)code;
			from += 2;
		}
	}
	*to = '\0';
	return argument;
}

/* The line of a text that position lies in, from a little before it. */
static void
show_part(const char *text, size_t position, char to[SHOWN])
{
	size_t from = position;

	while (from > 0 && text[from - 1] != '\n' && from + SHOWN / 4 > position)
		from--;
	if (strncmp(text + from, argument_key, sizeof argument_key - 1) == 0)
		from += sizeof argument_key - 1;
	(void)snprintf(to, SHOWN, "%.*s", (int)strcspn(text + from, "\n"), text + from);
}

static void
tell_difference(
    const char *path, const char *before, const char *now, struct error *error)
{
	char there[SHOWN], here[SHOWN];
	size_t same = 0;

	while (before[same] != '\0' && before[same] == now[same])
		same++;
	show_part(before, same, there);
	show_part(now, same, here);
	(void)error_set(error,
	    "%s tells another command: '%s' there, '%s' here (give another --dir, or "
	    "--new-command if its stages are the same)",
	    path, there, here);
}

static enum command_result
settle(const struct os *os, const char *path, const char *now, size_t size, bool anew,
    char before[EPOCH_FILE_MAX], struct error *error)
{
	int status = EPOCH_MISSING;

	if (!anew) {
		status = epoch_get(os, path, before, error);
		if (status < 0)
			return errno == EBADMSG ? COMMAND_OTHER : COMMAND_FAILED;
	}
	if (status == EPOCH_FOUND && strcmp(before, now) == 0)
		return COMMAND_GOOD;
	if (status == EPOCH_FOUND) {
		tell_difference(path, before, now, error);
		return COMMAND_OTHER;
	}
	return epoch_put(os, path, slice_of(now, size), true, error) == 0
	    ? COMMAND_GOOD
	    : COMMAND_FAILED;
}

enum command_result
command_settle(const struct os *os, const char *dir, char *const *argv, bool anew,
    struct error *error)
{
	char path[EPOCH_PATH_MAX], *now = malloc(TEXT_MAX),
				   *before = malloc(EPOCH_FILE_MAX);
	enum command_result result = COMMAND_FAILED;
	size_t size;

	if (now == NULL || before == NULL) {
		(void)error_set(error, "no memory for the command");
	} else if (epoch_file_path(path, dir, "command", error) != 0 ||
	    write_lines(argv, now, &size) != 0) {
		(void)error_set(error,
		    "the command is longer than %d bytes (put it into a script)",
		    TEXT_MAX);
		result = COMMAND_OTHER;
	} else {
		result = settle(os, path, now, size, anew, before, error);
	}
	free(now);
	free(before);
	return result;
}
