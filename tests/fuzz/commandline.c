/* SPDX-License-Identifier: MIT
 *
 * Command lines: split or refused, and of a line that was split every word lies in its
 * storage, ended by a 0; quoted again it is split into the same words.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/filter/commandline.h"

enum { LINE_MAX_BYTES = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char again[64 * LINE_MAX_BYTES];

static size_t
quote(size_t n, const char *word)
{
	again[n++] = '\'';
	for (; *word != '\0'; word++)
		if (*word == '\'')
			n += (size_t)sprintf(again + n, "'\\''");
		else
			again[n++] = *word;
	again[n++] = '\'';
	again[n++] = ' ';
	return n;
}

static void
quote_all(const struct commandline *c)
{
	size_t n = 0;

	for (unsigned i = 0; i < c->programs; i++) {
		assert(c->program[i].argc > 0);
		assert(c->program[i].argv[c->program[i].argc] == NULL);
		if (i > 0)
			again[n++] = '|';
		for (int k = 0; k < c->program[i].argc; k++)
			n = quote(n, c->program[i].argv[k]);
		if (i == 0 && c->input != NULL) {
			again[n++] = '<';
			n = quote(n, c->input);
		}
	}
	if (c->output != NULL) {
		n += (size_t)sprintf(again + n, c->append ? ">>" : ">");
		n = quote(n, c->output);
	}
	again[n] = '\0';
}

static void
same(const char *a, const char *b)
{
	assert((a == NULL) == (b == NULL));
	assert(a == NULL || strcmp(a, b) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct commandline first, second;
	static char line[LINE_MAX_BYTES + 1];
	struct error error = { "" };

	if (size > LINE_MAX_BYTES)
		return 0;
	memcpy(line, data, size);
	line[size] = '\0';
	if (commandline_split(&first, line, &error) != 0) {
		assert(error.text[0] != '\0');
		return 0;
	}
	assert(first.programs > 0 && first.programs <= COMMANDLINE_PROGRAMS_MAX);
	quote_all(&first);
	if (commandline_split(&second, again, &error) != 0)
		return 0; /* a newline needs a shell, quoted or not */
	assert(first.programs == second.programs && first.append == second.append);
	same(first.input, second.input);
	same(first.output, second.output);
	for (unsigned i = 0; i < first.programs; i++) {
		assert(first.program[i].argc == second.program[i].argc);
		for (int k = 0; k < first.program[i].argc; k++)
			same(first.program[i].argv[k], second.program[i].argv[k]);
	}
	return 0;
}
