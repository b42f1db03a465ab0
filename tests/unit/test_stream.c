/* SPDX-License-Identifier: MIT */
#include "lib/stream.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <zstd.h>

#include "lib/hash.h"
#include "tests/unit/seed.h"

enum { SIZE = 700000 };

/* A file in memory behind the table of system calls; reads and writes come short, are
 * interrupted, and run out of space as the seed has it. */
struct memory {
	struct os os;
	struct random random;
	const uint8_t *from;
	size_t from_size, from_at;
	uint8_t to[2 * SIZE];
	size_t to_size, room;
	int close_error;
};

static struct memory *
memory_of(const struct os *os)
{
	return (struct memory *)(uintptr_t)os;
}

static size_t
piece(struct memory *m, size_t size)
{
	size_t n = (size_t)hash_bucket(random_next(&m->random), 2 * STREAM_BLOCK) + 1;

	return n < size ? n : size;
}

static ssize_t
memory_read(const struct os *os, int fd, void *to, size_t size)
{
	struct memory *m = memory_of(os);

	(void)fd;
	if (random_next(&m->random) % 5 == 0) {
		errno = EINTR;
		return -1;
	}
	size = piece(m, size);
	if (size > m->from_size - m->from_at)
		size = m->from_size - m->from_at;
	memcpy(to, m->from + m->from_at, size);
	m->from_at += size;
	return (ssize_t)size;
}

static ssize_t
memory_write(const struct os *os, int fd, const void *from, size_t size)
{
	struct memory *m = memory_of(os);

	(void)fd;
	if (random_next(&m->random) % 5 == 0) {
		errno = EINTR;
		return -1;
	}
	size = piece(m, size);
	if (size > m->room - m->to_size)
		size = m->room - m->to_size;
	if (size == 0) {
		errno = ENOSPC;
		return -1;
	}
	memcpy(m->to + m->to_size, from, size);
	m->to_size += size;
	return (ssize_t)size;
}

static int
memory_close(const struct os *os, int fd)
{
	(void)fd;
	errno = memory_of(os)->close_error;
	return errno == 0 ? 0 : -1;
}

static uint8_t content[SIZE];

static int
set_up(void **state)
{
	struct memory *m = calloc(1, sizeof *m);

	m->os = os_system;
	m->os.read = memory_read;
	m->os.write = memory_write;
	m->os.close = memory_close;
	m->random = seeded();
	m->room = sizeof m->to;
	for (size_t i = 0; i < SIZE; i++)
		content[i] = (uint8_t)(random_next(&m->random) % 7);
	*state = m;
	return 0;
}

static int
tear_down(void **state)
{
	free(*state);
	return 0;
}

/* Read all of m's bytes, consuming them in random pieces, and compare them. */
static enum fill
read_all(struct memory *m, const uint8_t *expected, size_t size, struct error *error)
{
	struct input *in = input_new(&m->os, 99, "x", error);
	enum fill fill = FILL_MORE;
	size_t at = 0;

	while (fill == FILL_MORE || fill == FILL_AGAIN) {
		struct slice held = input_bytes(in);
		size_t take = piece(m, held.size);

		assert_true(at + held.size <= size);
		assert_memory_equal(held.at, expected + at, held.size);
		input_consume(in, take);
		at += take;
		assert_int_equal(input_offset(in), at);
		if (input_bytes(in).size < STREAM_HOLD_MAX)
			fill = input_fill(in, error);
	}
	at += input_bytes(in).size;
	if (fill == FILL_END)
		assert_int_equal(at, size);
	input_free(in);
	return fill;
}

static void
plain_bytes_come_through_whatever_the_system_does(void **state)
{
	struct memory *m = *state;
	struct error error;

	for (unsigned i = 0; i < 20; i++) {
		m->from = content;
		m->from_size = SIZE - i * 7919;
		m->from_at = 0;
		assert_int_equal(read_all(m, content, m->from_size, &error), FILL_END);
	}
}

static int
write_all_of(struct memory *m, bool compress, struct error *error)
{
	struct output *out = output_new(&m->os, 99, "x", compress, error);

	m->to_size = 0;
	for (size_t at = 0; at < SIZE;) {
		size_t size = piece(m, SIZE - at) / 100 + 1;

		if (output_write(out, slice_of(content + at, size), error) != 0) {
			output_abandon(out);
			return -1;
		}
		at += size;
		if (at < SIZE && random_next(&m->random) % 3000 == 0 &&
		    output_flush(out, error) != 0) {
			output_abandon(out);
			return -1;
		}
	}
	return output_close(out, error);
}

static void
what_is_written_plain_or_compressed_is_read_back(void **state)
{
	struct memory *m = *state;
	struct error error;
	static uint8_t copy[2 * SIZE];
	size_t size;

	assert_int_equal(write_all_of(m, false, &error), 0);
	assert_int_equal(m->to_size, SIZE);
	assert_memory_equal(m->to, content, SIZE);

	assert_int_equal(write_all_of(m, true, &error), 0);
	assert_true(m->to_size < SIZE / 2);
	size = m->to_size;
	memcpy(copy, m->to, size);
	assert_int_equal(ZSTD_decompress(m->to, sizeof m->to, copy, size), SIZE);
	assert_memory_equal(m->to, content, SIZE);
	m->from = copy;
	m->from_size = size;
	m->from_at = 0;
	assert_int_equal(read_all(m, content, SIZE, &error), FILL_END);

	for (unsigned i = 0; i < 50; i++) {
		m->from_size =
		    1 + (size_t)hash_bucket(random_next(&m->random), size - 1);
		m->from_at = 0;
		if (m->from_size < 5)
			continue; /* too short to be known as zstd */
		assert_int_equal(read_all(m, content, SIZE, &error), FILL_FAIL);
		assert_non_null(strstr(error.text, "cut off within a frame"));
	}
}

static void
several_frames_and_skippable_ones_are_one_stream(void **state)
{
	struct memory *m = *state;
	static uint8_t packed[SIZE];
	struct error error;
	size_t size = 0, half = SIZE / 2;

	size += ZSTD_compress(packed, SIZE, content, half, 1);
	memcpy(packed + size, "\x5b\x2a\x4d\x18\x03\x00\x00\x00xyz", 11);
	size += 11;
	size +=
	    ZSTD_compress(packed + size, SIZE - size, content + half, SIZE - half, 3);
	m->from = packed;
	m->from_size = size;
	m->from_at = 0;
	assert_int_equal(read_all(m, content, SIZE, &error), FILL_END);
}

static void
a_frame_that_wants_a_huge_window_is_refused(void **state)
{
	/* A frame header with a window descriptor of 128 MiB, and one raw block. */
	static const uint8_t frame[] = { 0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x88, 0x09, 0x00,
		0x00, 'x' };
	struct memory *m = *state;
	struct error error;

	m->from = frame;
	m->from_size = sizeof frame;
	m->from_at = 0;
	assert_int_equal(read_all(m, content, SIZE, &error), FILL_FAIL);
	assert_non_null(strstr(error.text, "cannot decompress x at byte"));
}

static void
a_full_disk_is_noticed_by_a_write_or_by_the_last_close(void **state)
{
	struct memory *m = *state;
	struct error error;

	m->room = SIZE / 3;
	assert_int_equal(write_all_of(m, false, &error), -1);
	assert_int_equal(errno, ENOSPC);
	assert_string_equal(error.text, "cannot write x: No space left on device");
	assert_int_equal(m->to_size, SIZE / 3);
	m->room = SIZE - 1;
	assert_int_equal(write_all_of(m, false, &error), -1);
	m->room = sizeof m->to;
	m->close_error = ENOSPC;
	assert_int_equal(write_all_of(m, false, &error), -1);
	assert_string_equal(error.text, "cannot close x: No space left on device");
}

/* A drain that reads what it is given in records of eight bytes, as a stage does: the
 * blocks themselves, but for records that were cut. */
struct reader {
	struct drain drain;
	struct source source;
	struct input *in;
	struct slice bytes;
	size_t read, copied;
};

static ssize_t
take(struct source *source, void *to, size_t size, struct error *error)
{
	struct reader *r =
	    (struct reader *)((char *)source - offsetof(struct reader, source));
	size_t n = r->bytes.size < size ? r->bytes.size : size;

	(void)error;
	if (n == 0)
		return SOURCE_NOTHING;
	memcpy(to, r->bytes.at, n);
	r->bytes = slice_from(r->bytes, n);
	r->copied += n;
	return (ssize_t)n;
}

static void
free_nothing(struct source *source)
{
	(void)source;
}

static int
give(struct drain *drain, struct slice bytes, struct error *error)
{
	struct reader *r = (struct reader *)drain;
	struct slice has;

	r->bytes = bytes;
	if (input_lend(r->in, bytes))
		r->bytes.size = 0;
	do {
		for (has = input_bytes(r->in); has.size >= 8;
		     has = input_bytes(r->in)) {
			assert_memory_equal(has.at, content + r->read, 8);
			r->read += 8;
			input_consume(r->in, 8);
		}
	} while (input_fill(r->in, error) == FILL_MORE);
	return 0;
}

static void
what_is_lent_is_read_in_place_and_what_is_cut_is_kept(void **state)
{
	struct reader r = { .drain = { give },
		.source = { .read = take,
		    .free = free_nothing,
		    .wait_fd = -1,
		    .wait_ms = -1 } };
	struct error error;
	struct output *out;
	size_t n;

	(void)state;
	r.in = input_of_source(&os_system, &r.source, "x", &error);
	out = output_to_drain(&os_system, &r.drain, "x", &error);
	assert_non_null(r.in);
	assert_non_null(out);
	for (n = 0; n < SIZE / 2; n += 8)
		assert_int_equal(
		    output_write(out, slice_of(content + n, 8), &error), 0);
	assert_int_equal(r.read, STREAM_DRAIN_BLOCK);
	assert_int_equal(output_flush(out, &error), 0);
	assert_int_equal(r.read, n);
	assert_int_equal(r.copied, 0);
	/* Three flushes cut a record; the block that ends in a whole one is copied. */
	for (unsigned i = 0; i < 3; n += i < 2 ? 3 : 2, i++) {
		assert_int_equal(
		    output_write(out, slice_of(content + n, i < 2 ? 3 : 2), &error), 0);
		assert_int_equal(output_flush(out, &error), 0);
	}
	assert_int_equal(r.read, n);
	assert_int_equal(r.copied, 5);
	/* More than a block at once is divided. */
	assert_int_equal(
	    output_write(out, slice_of(content + n, STREAM_DRAIN_BLOCK + 4), &error),
	    0);
	assert_int_equal(r.read, n + STREAM_DRAIN_BLOCK);
	n += STREAM_DRAIN_BLOCK + 4;
	assert_int_equal(output_write(out, slice_of(content + n, 4), &error), 0);
	assert_int_equal(output_close(out, &error), 0);
	assert_int_equal(r.read, n + 4);
	assert_int_equal(input_offset(r.in), n + 4);
	input_free(r.in);
}

static void
a_folder_and_a_missing_file_are_refused_when_opened(void **state)
{
	struct error error;

	(void)state;
	assert_null(input_open(&os_system, "/", &error));
	assert_string_equal(error.text, "cannot read /: it is a directory");
	assert_null(input_open(&os_system, "/nowhere", &error));
	assert_string_equal(
	    error.text, "cannot open /nowhere: No such file or directory");
	assert_null(output_open(&os_system, "/nowhere/x", false, &error));
	assert_string_equal(
	    error.text, "cannot create /nowhere/x: No such file or directory");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    plain_bytes_come_through_whatever_the_system_does, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    what_is_written_plain_or_compressed_is_read_back, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    several_frames_and_skippable_ones_are_one_stream, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    a_frame_that_wants_a_huge_window_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    a_full_disk_is_noticed_by_a_write_or_by_the_last_close, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    what_is_lent_is_read_in_place_and_what_is_cut_is_kept, set_up,
		    tear_down),
		cmocka_unit_test(a_folder_and_a_missing_file_are_refused_when_opened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
