/* SPDX-License-Identifier: MIT
 *
 * Snapshot files: any bytes are read or refused, and of a good file every flipped bit
 * and every cut is found. The file lies in memory.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/state.h"

enum { FILE_MAX = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t file[FILE_MAX];
static size_t file_size, file_at;

static int
memory_open(const struct os *os, const char *path, int flags, mode_t mode)
{
	(void)os;
	(void)path;
	(void)flags;
	(void)mode;
	file_at = 0;
	return 1000;
}

static int
memory_close(const struct os *os, int fd)
{
	(void)os;
	(void)fd;
	return 0;
}

static ssize_t
memory_read(const struct os *os, int fd, void *to, size_t size)
{
	size_t n = file_size - file_at;

	(void)os;
	(void)fd;
	n = n < size ? n : size;
	memcpy(to, file + file_at, n);
	file_at += n;
	return (ssize_t)n;
}

static ssize_t
memory_write(const struct os *os, int fd, const void *from, size_t size)
{
	(void)os;
	(void)fd;
	if (size > FILE_MAX - file_size) {
		errno = ENOSPC;
		return -1;
	}
	memcpy(file + file_size, from, size);
	file_size += size;
	return (ssize_t)size;
}

static off_t
memory_seek(const struct os *os, int fd, off_t offset, int whence)
{
	(void)os;
	(void)fd;
	assert(whence == SEEK_SET && offset >= 0 && (size_t)offset <= file_size);
	file_at = (size_t)offset;
	return offset;
}

static int
memory_stat(const struct os *os, int fd, struct stat *to)
{
	(void)os;
	(void)fd;
	memset(to, 0, sizeof *to);
	to->st_mode = S_IFREG;
	to->st_size = (off_t)file_size;
	return 0;
}

static int
memory_rename(const struct os *os, const char *from, const char *to)
{
	(void)os;
	(void)from;
	(void)to;
	return 0;
}

static struct os
memory(void)
{
	struct os os = os_system;

	os.open = memory_open;
	os.close = memory_close;
	os.sync = memory_close;
	os.read = memory_read;
	os.write = memory_write;
	os.seek = memory_seek;
	os.stat = memory_stat;
	os.rename = memory_rename;
	return os;
}

/* Whether the file is good; then its body has been read. */
static bool
is_good(const struct os *os, const struct state_identity *wanted, struct slice *body)
{
	static uint8_t bytes[FILE_MAX];
	struct error error = { "" };
	struct state_reader *r;
	enum state_trouble trouble;
	size_t size;

	r = state_read(os, "x.snap", wanted, &trouble, &error);
	if (r == NULL) {
		assert(trouble != STATE_MISSING && error.text[0] != '\0');
		return false;
	}
	assert(state_identity(r)->options <= STATE_OPTIONS_MAX);
	if (state_get_slice(r, bytes, sizeof bytes, &size) == 0 && body != NULL)
		*body = slice_of(bytes, size);
	state_close(r);
	return true;
}

static void
flip_and_cut(const struct os *os, const uint8_t *data, size_t size)
{
	struct state_identity identity = { .name = "bp-test", .schema = 3 };
	struct slice got = { NULL, 0 };
	struct error error;
	struct state_writer *w;
	size_t bit, whole;

	identity.options = 1;
	identity.option[0] = "cap";
	identity.value[0] = "3";
	file_size = 0;
	w = state_write(os, "x.snap", &identity, &error);
	assert(w != NULL);
	state_put_slice(w, slice_of(data, size));
	assert(state_commit(w, &error) == 0);
	assert(is_good(os, &identity, &got));
	assert(slice_equal(got, slice_of(data, size)));

	bit = ((size_t)data[0] << 8 | data[size - 1]) % (file_size * 8);
	file[bit / 8] ^= (uint8_t)(1 << bit % 8);
	assert(!is_good(os, NULL, NULL));
	file[bit / 8] ^= (uint8_t)(1 << bit % 8);
	whole = file_size;
	file_size = bit / 8;
	assert(!is_good(os, NULL, NULL));
	file_size = whole;
	identity.value[0] = "4";
	assert(!is_good(os, &identity, NULL));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct os os = memory();

	if (size == 0 || size > FILE_MAX / 2)
		return 0;
	memcpy(file, data, size);
	file_size = size;
	(void)is_good(&os, NULL, NULL);
	flip_and_cut(&os, data, size);
	return 0;
}
