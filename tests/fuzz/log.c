/* SPDX-License-Identifier: MIT
 *
 * Segments of a log: any bytes are read or refused, and of a good segment every flipped
 * bit and every cut is found. The file lies in memory.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/hash.h"
#include "lib/log.h"

enum { FILE_MAX = 1 << 18, FILE_FD = 1000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char file_name[] = "00000000000000000000.bplog";
static uint8_t file[FILE_MAX];
static size_t file_size, file_at;
static bool exists;

static int
memory_open(const struct os *os, const char *path, int flags, mode_t mode)
{
	(void)os;
	(void)flags;
	(void)mode;
	if (strstr(path, file_name) == NULL)
		return FILE_FD + 1;
	exists = true;
	return FILE_FD;
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
	assert(fd == FILE_FD);
	n = n < size ? n : size;
	memcpy(to, file + file_at, n);
	file_at += n;
	return (ssize_t)n;
}

static ssize_t
memory_write(const struct os *os, int fd, const void *from, size_t size)
{
	(void)os;
	assert(fd == FILE_FD);
	if (size > FILE_MAX - file_size) {
		errno = EIO;
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
	to->st_mode = S_IFREG | 0644;
	to->st_size = (off_t)file_size;
	return 0;
}

static int
memory_stat_path(const struct os *os, const char *path, struct stat *to)
{
	(void)memory_stat(os, 0, to);
	if (strstr(path, file_name) == NULL)
		to->st_mode = S_IFDIR | 0755;
	return 0;
}

static int
memory_truncate(const struct os *os, int fd, off_t size)
{
	(void)os;
	(void)fd;
	assert((size_t)size <= file_size);
	file_size = (size_t)size;
	return 0;
}

static int
memory_mode(const struct os *os, int fd, mode_t mode)
{
	(void)os;
	(void)fd;
	(void)mode;
	return 0;
}

static int
memory_unlink(const struct os *os, const char *path)
{
	(void)os;
	(void)path;
	exists = false;
	file_size = 0;
	return 0;
}

static int
memory_mkdir(const struct os *os, const char *path, mode_t mode)
{
	(void)os;
	(void)path;
	(void)mode;
	return 0;
}

static int
memory_list(const struct os *os, const char *path,
    void (*each)(void *context, const char *name), void *context)
{
	(void)os;
	(void)path;
	if (exists)
		each(context, file_name);
	return 0;
}

static struct os
memory(void)
{
	struct os os = os_system;

	os.open = memory_open;
	os.close = os.sync = os.sync_data = os.lock = memory_close;
	os.read = memory_read;
	os.write = memory_write;
	os.seek = memory_seek;
	os.stat = memory_stat;
	os.stat_path = memory_stat_path;
	os.truncate = memory_truncate;
	os.mode = memory_mode;
	os.unlink = memory_unlink;
	os.mkdir = memory_mkdir;
	os.list = memory_list;
	return os;
}

/* Read all of it. The bytes that came, at most FILE_MAX in `to`; *gaps counts. */
static size_t
read_all(const struct os *os, uint8_t *to, unsigned *gaps)
{
	struct error error = { "" };
	struct log_reader *r = log_reader_new(os, "folder", &error);
	struct log_batch batch;
	struct log_gap gap;
	enum log_read read;
	size_t size = 0;

	assert(r != NULL);
	*gaps = 0;
	while ((read = log_reader_next(r, &batch, &gap, &error)) > 0) {
		if (read == LOG_READ_GAP) {
			assert(gap.from <= gap.to && gap.to <= file_size);
			++*gaps;
			continue;
		}
		if (size + batch.body.size <= FILE_MAX)
			memcpy(to + size, batch.body.at, batch.body.size);
		size += batch.body.size;
	}
	if (read == LOG_READ_FAIL) {
		assert(error.text[0] != '\0');
		++*gaps;
	}
	log_reader_free(r);
	return size;
}

/* Opening for writing mends it or says why not; then it can be read without a gap. */
static void
open_again(const struct os *os)
{
	static uint8_t bytes[FILE_MAX];
	struct log_options o = log_defaults;
	struct error error = { "" };
	struct log *l = log_open(os, "folder", &o, &error);

	assert(l != NULL || error.text[0] != '\0');
	if (l == NULL)
		return;
	log_abandon(l);
	(void)read_all(os, bytes, &(unsigned){ 0 });
}

static void
flip_and_cut(const struct os *os, const uint8_t *data, size_t size)
{
	static uint8_t bytes[FILE_MAX];
	struct log_options o = log_defaults;
	struct log_times times = LOG_NO_TIMES;
	struct error error;
	size_t step = size / 3 + 1, bit, got, whole;
	unsigned gaps;
	struct log *l;

	file_size = 0;
	exists = false;
	l = log_open(os, "folder", &o, &error);
	assert(l != NULL);
	for (size_t at = 0; at < size; at += step) {
		struct slice part =
		    slice_of(data + at, size - at < step ? size - at : step);

		log_times_add(&times, (instant)at);
		assert(log_append(l, part, 1, times, NULL, &error) == LOG_DONE);
		assert(log_sync(l, &error) == LOG_DONE);
	}
	assert(log_close(l, &error) == LOG_DONE);
	assert(read_all(os, bytes, &gaps) == size && gaps == 0);
	assert(memcmp(bytes, data, size) == 0);

	bit = ((size_t)data[0] << 8 | data[size - 1]) % (file_size * 8);
	file[bit / 8] ^= (uint8_t)(1 << bit % 8);
	got = read_all(os, bytes, &gaps);
	assert(got < size);
	open_again(os);
	if (file_size <= bit / 8)
		return;
	file[bit / 8] ^= (uint8_t)(1 << bit % 8);
	whole = file_size;
	file_size = bit / 8 < whole ? bit / 8 : whole;
	got = read_all(os, bytes, &gaps);
	assert(got < size && gaps == 0 && memcmp(bytes, data, got) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t bytes[FILE_MAX];
	struct os os = memory();
	unsigned gaps;

	if (size == 0 || size > FILE_MAX / 4)
		return 0;
	memcpy(file, data, size);
	file_size = size;
	exists = true;
	(void)read_all(&os, bytes, &gaps);
	open_again(&os);
	flip_and_cut(&os, data, size);
	return 0;
}
