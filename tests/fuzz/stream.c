/* SPDX-License-Identifier: MIT
 *
 * Inputs: whatever bytes come, cut however they are, plain or as zstd, an input gives
 * them or an error; the same bytes for any cut; never more held than allowed. The first
 * byte of the input says how it is cut.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/stream.h"

enum { TOTAL_MAX = 8 << 20, FD = 1000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct slice left;
static size_t step;

static ssize_t
memory_read(const struct os *os, int fd, void *to, size_t size)
{
	size_t n = left.size < size ? left.size : size;

	(void)os;
	assert(fd == FD);
	n = step > 0 && n > step ? step : n;
	if (n > 0)
		memcpy(to, left.at, n);
	left = slice_from(left, n);
	return (ssize_t)n;
}

static int
memory_close(const struct os *os, int fd)
{
	(void)os;
	(void)fd;
	return 0;
}

static int
memory_stat(const struct os *os, int fd, struct stat *to)
{
	(void)os;
	(void)fd;
	memset(to, 0, sizeof *to);
	to->st_mode = S_IFIFO;
	return 0;
}

/* What an input makes of the bytes: their number and sum, and how it ended. */
struct result {
	uint64_t total, sum;
	enum fill end;
};

static struct result
read_all(const struct os *os, struct slice bytes, size_t cut)
{
	struct result result = { 0, 0, FILL_MORE };
	struct error error = { "" };
	struct input *in;
	struct slice got;

	left = bytes;
	step = cut;
	in = input_new(os, FD, "memory", &error);
	assert(in != NULL);
	while (result.total < TOTAL_MAX) {
		result.end = input_fill(in, &error);
		if (result.end == FILL_AGAIN)
			continue;
		if (result.end != FILL_MORE)
			break;
		got = input_bytes(in);
		assert(got.size > 0 && got.size <= STREAM_HOLD_MAX);
		for (size_t i = 0; i < got.size; i++)
			result.sum = result.sum * 31 + got.at[i];
		result.total += got.size;
		input_consume(in, got.size);
		assert(input_offset(in) == result.total);
	}
	assert(result.end != FILL_FAIL || error.text[0] != '\0');
	input_free(in);
	return result;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct os os = os_system;
	struct slice bytes;
	struct result a, b;

	if (size < 1)
		return 0;
	os.read = memory_read;
	os.close = memory_close;
	os.stat = memory_stat;
	bytes = slice_of(data + 1, size - 1);
	a = read_all(&os, bytes, 0);
	b = read_all(&os, bytes, 1u + data[0]);
	/* A bomb is left where it was enough, which is not the same byte for each. */
	if (a.total >= TOTAL_MAX || b.total >= TOTAL_MAX)
		return 0;
	assert(a.end == b.end);
	if (a.end == FILL_END)
		assert(a.total == b.total && a.sum == b.sum);
	return 0;
}
