/* SPDX-License-Identifier: MIT
 *
 * What a filter asks for in start.
 */
#include "lib/filter/run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/base/assert.h"

struct key
run_key(struct run *run, const char *name)
{
	return reader_key(run->reader, name);
}

struct key
run_key_slice(struct run *run, struct slice name)
{
	return reader_key_slice(run->reader, name);
}

struct reader *
run_reader(struct run *run)
{
	return run->reader;
}

uint64_t
run_memory(const struct run *run)
{
	return run->common.memory.bytes - RUNTIME_MEMORY;
}

uint64_t
run_seed(const struct run *run)
{
	return run->common.seed;
}

const struct os *
run_os(const struct run *run)
{
	return run->os;
}

unsigned
run_terminal_columns(const struct run *run)
{
	struct winsize size;

	(void)run;
	if (!isatty(STDOUT_FILENO))
		return 0;
	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0
	    ? size.ws_col
	    : 80;
}

/* A second output. A run that goes on from a snapshot adds to what it wrote before. */
struct output *
run_open_second(struct run *run, const char *path)
{
	struct error error;
	struct output *out;

	if (strcmp(path, "-") == 0) {
		(void)run_usage(
		    run, "standard output carries the records: name a file, not -");
		return NULL;
	}
	out = output_open(
	    run->os, path, run->common.state != NULL || run->pipeline != NULL, &error);
	if (out == NULL)
		(void)run_fail(run, "%s", error.text);
	return out;
}

struct output *
run_outlet(struct run *run, const char *path)
{
	struct output *out;

	assert(run->outlet_count < RUN_OUTLETS_MAX);
	out = run_open_second(run, path);
	if (out != NULL)
		run->outlets[run->outlet_count++] = out;
	return out;
}

void
run_silent(struct run *run)
{
	run->silent = true;
}

void
run_input(struct run *run, struct input *in)
{
	assert(run->in == NULL);
	run->in = in;
	run->own_input = true;
}

void
run_input_stream(struct run *run, struct input *in)
{
	run_input(run, in);
	run->inner_input = true;
}

unsigned
run_files(const struct run *run)
{
	return run->file_count;
}

const char *
run_file(const struct run *run, unsigned i)
{
	return run->files[i];
}

uint64_t
run_lines(const struct run *run)
{
	return run->number;
}

void
run_place(struct run *run, uint64_t offset, uint64_t lines)
{
	input_place(run->in, offset);
	run->number = lines;
}

void
run_opens_files(struct run *run)
{
	run->opens_files = true;
}

void
run_uses_network(struct run *run)
{
	run->uses_network = true;
}

void
run_wait_also(struct run *run, int fd, int ms)
{
	run->also_fd = fd;
	run->also_ms = ms;
}

bool
run_stopping(const struct run *run)
{
	return run->signals->stop;
}

uint8_t *
run_read_file(struct run *run, const char *path, size_t limit, struct slice *text,
    struct error *error)
{
	struct input *in = input_open(run->os, path, error);
	enum fill fill = FILL_MORE;
	uint8_t *copy = NULL;
	struct slice whole;

	assert(limit < STREAM_HOLD_MAX);
	if (in == NULL)
		return NULL;
	while (
	    (fill == FILL_MORE || fill == FILL_AGAIN) && input_bytes(in).size <= limit)
		fill = input_fill(in, error);
	whole = input_bytes(in);
	if (fill == FILL_END && whole.size <= limit)
		copy = malloc(whole.size + 1);
	if (copy != NULL) {
		memcpy(copy, whole.at, whole.size);
		copy[whole.size] = '\0';
		*text = slice_of(copy, whole.size);
	} else if (fill != FILL_FAIL) {
		(void)error_set(error, "%s is longer than %zu bytes", path, limit);
	}
	input_free(in);
	return copy;
}
