/* SPDX-License-Identifier: MIT
 *
 * Snapshot files: any bytes are read or refused, and of a good file every flipped bit
 * and every cut is found; chains of files that are sound outside and anything inside are
 * composed or refused. The files lie in memory.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/state.h"
#include "lib/state/block.h"
#include "lib/state/file.h"

enum { FILE_MAX = 1 << 16, FILES = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Files by the last hexadecimal digit of their epoch. */
struct file {
	uint8_t bytes[FILE_MAX];
	size_t size;
};

static struct file files[FILES];
static size_t places[FILES]; /* each is open once at most */

static struct file *
file_of(int fd)
{
	return &files[fd - 1000];
}

static int
memory_open(const struct os *os, const char *path, int flags, mode_t mode)
{
	const char *dot = strstr(path, ".snap");
	int i = dot == NULL ? 0 : dot[-1] - '0';

	(void)os;
	(void)flags;
	(void)mode;
	if (i < 0 || i >= FILES) {
		errno = ENOENT;
		return -1;
	}
	places[i] = 0;
	return 1000 + i;
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
	size_t *at = &places[fd - 1000], n = file_of(fd)->size - *at;

	(void)os;
	n = n < size ? n : size;
	memcpy(to, file_of(fd)->bytes + *at, n);
	*at += n;
	return (ssize_t)n;
}

static ssize_t
memory_write(const struct os *os, int fd, const void *from, size_t size)
{
	struct file *f = file_of(fd);

	(void)os;
	if (size > FILE_MAX - f->size) {
		errno = ENOSPC;
		return -1;
	}
	memcpy(f->bytes + f->size, from, size);
	f->size += size;
	return (ssize_t)size;
}

static off_t
memory_seek(const struct os *os, int fd, off_t offset, int whence)
{
	(void)os;
	assert(
	    whence == SEEK_SET && offset >= 0 && (size_t)offset <= file_of(fd)->size);
	places[fd - 1000] = (size_t)offset;
	return offset;
}

static int
memory_stat(const struct os *os, int fd, struct stat *to)
{
	(void)os;
	memset(to, 0, sizeof *to);
	to->st_mode = S_IFREG;
	to->st_size = (off_t)file_of(fd)->size;
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

	r = state_read(os, "0.snap", wanted, &trouble, &error);
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
	files[0].size = 0;
	w = state_write(os, "0.snap", &identity, &error);
	assert(w != NULL);
	state_put_slice(w, slice_of(data, size));
	assert(state_commit(w, &error) == 0);
	assert(is_good(os, &identity, &got));
	assert(slice_equal(got, slice_of(data, size)));

	bit = ((size_t)data[0] << 8 | data[size - 1]) % (files[0].size * 8);
	files[0].bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	assert(!is_good(os, NULL, NULL));
	files[0].bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	whole = files[0].size;
	files[0].size = bit / 8;
	assert(!is_good(os, NULL, NULL));
	files[0].size = whole;
	identity.value[0] = "4";
	assert(!is_good(os, &identity, NULL));
}

/* A body of the fuzzer's own in a file that is sound outside: the blocks inside may be
 * anything. */
static void
wrap(const struct os *os, uint64_t epoch, const uint8_t *data, size_t size)
{
	struct state_identity identity = { .name = "bp-test", .schema = 3 };
	char path[] = "/000000000000000?.snap";
	struct error error;
	struct state_writer *w;

	path[16] = (char)('0' + epoch);
	files[epoch].size = 0;
	w = state_writer_new(
	    os, path, &identity, epoch, epoch > 0 ? epoch - 1 : 0, FILE_MAX, &error);
	assert(w != NULL);
	/* Begins where the first byte says, so that the directory agrees. */
	if (size > 0) {
		size_t before = data[0] < size - 1 ? data[0] : size - 1;

		state_put(w, data + 1, before);
		state_block_begin(w, data[size - 1], epoch > 0);
		if (size - 1 > before)
			state_put(w, data + 1 + before, size - 1 - before);
	}
	assert(state_commit(w, &error) == 0);
}

/* Three files, each based on the one before, are read as blocks and copied. */
static void
chain(const struct os *os, const uint8_t *data, size_t size)
{
	struct state_identity identity = { .name = "bp-test", .schema = 3 };
	struct error error = { "" };
	enum state_trouble trouble;
	static uint8_t block[256];
	struct state_reader *r;
	struct state_writer *w;
	struct dirty dirty;
	size_t got, third = size / 3 < FILE_MAX / 4 ? size / 3 : FILE_MAX / 4;

	for (uint64_t epoch = 0; epoch < 3; epoch++)
		wrap(os, epoch, data + epoch * third, third);
	assert(dirty_init(&dirty, sizeof block) == 0);
	r = state_open_chain(os, "", 2, &identity, &trouble, &error);
	if (r != NULL && r->block_count > 0) {
		memset(block, 0, sizeof block);
		(void)state_seek(r, r->begin + r->blocks[0]);
		r->left = r->size - r->blocks[0];
		if (state_get_block_max(r, block, sizeof block, &got, &dirty, &error) ==
		    0)
			assert(got <= sizeof block);
	}
	state_close(r);
	r = state_open_chain(os, "", 2, &identity, &trouble, &error);
	w = state_writer_new(os, "/3.snap", &identity, 3, 3, FILE_MAX, &error);
	assert(w != NULL);
	files[3].size = 0;
	if (r != NULL && state_copy(r, w, NULL, NULL, &error) == 0)
		(void)state_commit(w, &error);
	else
		state_abandon(w);
	state_close(r);
	dirty_fini(&dirty);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct os os = memory();

	if (size == 0 || size > FILE_MAX / 2)
		return 0;
	memcpy(files[0].bytes, data, size);
	files[0].size = size;
	(void)is_good(&os, NULL, NULL);
	flip_and_cut(&os, data, size);
	chain(&os, data, size);
	return 0;
}
