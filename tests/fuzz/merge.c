/* SPDX-License-Identifier: MIT
 *
 * Merges: whatever three inputs bring and whatever a snapshot holds, the merge comes to
 * its end or says what is wrong, and what it gives is the same for any cut of the bytes.
 * The first bytes of the input say where it is divided and how it is cut.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/base/bytes.h"
#include "lib/stream/merge_inside.h"

enum { INPUTS = 3, FD = 1000, OUT_MAX = 1 << 22, HEAD = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct slice streams[INPUTS], left[INPUTS], snapshot;
static size_t step;

static ssize_t
memory_read(const struct os *os, int fd, void *to, size_t size)
{
	struct slice *from = &left[fd - FD];
	size_t n = from->size < size ? from->size : size;

	(void)os;
	assert(fd >= FD && fd < FD + INPUTS);
	n = n > step ? step : n;
	if (n > 0)
		memcpy(to, from->at, n);
	*from = slice_from(*from, n);
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

static int
memory_poll(const struct os *os, struct pollfd *fds, nfds_t n, int timeout_ms)
{
	(void)os;
	(void)timeout_ms;
	for (nfds_t i = 0; i < n; i++)
		fds[i].revents = fds[i].fd >= 0 ? POLLIN : 0;
	return (int)n;
}

static int
get(void *context, void *bytes, size_t n)
{
	(void)context;
	if (n > snapshot.size)
		return -1;
	if (n > 0)
		memcpy(bytes, snapshot.at, n);
	snapshot = slice_from(snapshot, n);
	return 0;
}

static void
put(void *context, const void *bytes, size_t n)
{
	size_t *total = context;

	(void)bytes;
	*total += n;
}

/* Read to the end. The snapshot is loaded before anything is read, after HELLO if there is
 * one, or not at all. Returns the bytes that came, or -1 when it is not to be said how
 * many. */
enum load { LOAD_NOT, LOAD_FIRST, LOAD_AFTER_HELLO };
static long
merge_all(const struct os *os, enum load load, uint8_t *to)
{
	struct merge_room room = { INPUTS * MERGE_MEMORY_MIN, "/", 0 };
	struct input *inputs[INPUTS];
	struct error error;
	struct merge *m;
	size_t size = 0, saved = 0;
	ssize_t n = 1;

	for (int i = 0; i < INPUTS; i++) {
		left[i] = streams[i];
		inputs[i] = input_new(os, FD + i, "stream", &error);
	}
	m = merge_new(os, inputs, INPUTS, &room, &error);
	assert(m != NULL);
	if (load == LOAD_FIRST && merge_load(m, get, NULL, &error) != 0)
		n = 0;
	/* Everything comes at once: who says long that there is nothing waits for ever. */
	for (unsigned idle = 0; n != 0 && n != -1; assert(idle < 40000)) {
		n = merge_source(m)->read(merge_source(m), to + size, 65536, &error);
		size += n > 0 ? (size_t)n : 0;
		idle = n == SOURCE_NOTHING ? idle + 1 : 0;
		assert(size + 65536 < OUT_MAX);
		if (load == LOAD_AFTER_HELLO && n > 0 && m->stage &&
		    merge_load(m, get, NULL, &error) != 0)
			break;
		load = n > 0 ? LOAD_NOT : load;
		assert(idle > 0 || merge_save(m, put, &saved, &error) == 0);
	}
	merge_source(m)->free(merge_source(m));
	return n == -1 ? -1 : (long)size;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t one[OUT_MAX], two[OUT_MAX];
	struct os os = os_system;
	size_t at = HEAD;
	long a, b;

	if (size < HEAD || size > 1 << 16)
		return 0;
	os.read = memory_read;
	os.close = memory_close;
	os.stat = memory_stat;
	os.poll = memory_poll;
	for (int i = 0; i < INPUTS; i++) {
		size_t part = (size - at) * data[i] / 256;

		streams[i] = slice_of(data + at, part);
		at += part;
	}
	step = 65536;
	a = merge_all(&os, LOAD_NOT, one);
	step = 1 + data[3] % 64;
	b = merge_all(&os, LOAD_NOT, two);
	assert(a == b && (a < 0 || memcmp(one, two, (size_t)a) == 0));
	snapshot = slice_of(data + at, size - at);
	(void)merge_all(&os, data[3] < 128 ? LOAD_FIRST : LOAD_AFTER_HELLO, two);
	return 0;
}
