/* SPDX-License-Identifier: MIT
 *
 * Options: any arguments are understood or refused with a message, and what was
 * understood, written as text and read again, is the same.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/option.h"

enum { ARGUMENTS_MAX = 16, TEXT_MAX = 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fields {
	bool flag;
	uint64_t count;
	double number;
	const char *text;
	struct span span;
	struct size size;
	int word;
};

static const struct option table[] = {
	OPTION('f', "flag", struct fields, flag, NULL, "a flag"),
	OPTION('c', "count", struct fields, count, "3", "a count"),
	OPTION('n', "number", struct fields, number, "0.5", "a number"),
	OPTION('t', "text", struct fields, text, NULL, "a text"),
	OPTION('s', "span", struct fields, span, "24h", "a duration"),
	OPTION(0, "size", struct fields, size, "64M", "a size"),
	OPTION_CHOICE('w', "word", struct fields, word, "one|two|three", "a word"),
	OPTION_END,
};

static void
read_back(const struct fields *fields)
{
	char text[TEXT_MAX * 2], again[TEXT_MAX * 2];
	struct error error;

	for (const struct option *o = table; o->name != NULL; o++) {
		struct fields copy = *fields;

		if (o->type == OPTION_FLAG)
			continue;
		option_format(o, fields, text, sizeof text);
		assert(option_assign(o, &copy, text, &error) == 0);
		option_format(o, &copy, again, sizeof again);
		assert(strcmp(text, again) == 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fields fields = { 0 };
	const struct option_set set = { table, &fields };
	char bytes[TEXT_MAX + 1], *argv[ARGUMENTS_MAX + 1];
	char program[] = "x";
	struct error error = { "" };
	int argc = 1, operands;

	if (size > TEXT_MAX)
		return 0;
	memcpy(bytes, data, size);
	bytes[size] = '\0';
	argv[0] = program;
	for (char *at = bytes; at < bytes + size && argc < ARGUMENTS_MAX; at++) {
		argv[argc++] = at;
		at = strchr(at, '\n');
		if (at == NULL)
			break;
		*at = '\0';
	}
	argv[argc] = NULL;
	option_defaults(&set, 1);
	if (option_parse(&set, 1, argc, argv, &operands, &error) != 0)
		assert(error.text[0] != '\0');
	else
		assert(operands >= 0 && operands < argc);
	read_back(&fields);
	return 0;
}
