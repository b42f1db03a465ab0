/* SPDX-License-Identifier: MIT
 *
 * Positions of inputs and outputs, and output that is held back.
 */
#include "lib/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/hash.h"
#include "tests/unit/seed.h"

enum { SIZE = 300000 };

static uint8_t bytes[SIZE], got[2 * SIZE];

static void
fill(struct random *r)
{
	for (size_t i = 0; i < SIZE; i++)
		bytes[i] = (uint8_t)('a' + random_next(r) % 26);
}

/* A file of its own with these bytes, open to append. */
static int
make_file(char path[64], size_t size)
{
	int fd;

	(void)snprintf(path, 64, "/tmp/bannerpipe.XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	(void)close(fd);
	fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static size_t
read_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, got, sizeof got);

	assert_true(n >= 0);
	(void)close(fd);
	return (size_t)n;
}

static void
an_input_goes_on_where_it_was(void **state)
{
	struct random r = seeded();
	struct input_position p;
	struct error error;
	struct input *in;
	char path[64];
	size_t goal;

	(void)state;
	fill(&r);
	(void)close(make_file(path, SIZE));
	for (unsigned round = 0; round < 20; round++) {
		goal = (size_t)hash_bucket(random_next(&r), SIZE + 1);
		in = input_open(&os_system, path, &error);
		assert_int_equal(input_watch(in, &error), 0);
		for (size_t at = 0, n; at < goal; at += n) {
			assert_int_equal(input_fill(in, &error), FILL_MORE);
			n = input_bytes(in).size < goal - at ? input_bytes(in).size
							     : goal - at;
			input_consume(in, n);
		}
		assert_int_equal(input_tell(in, &p, &error), 0);
		assert_true(p.seek && p.offset == goal);
		input_free(in);
		in = input_open(&os_system, path, &error);
		assert_int_equal(input_watch(in, &error), 0);
		assert_int_equal(input_resume(in, &p, &error), 0);
		if (goal < SIZE) {
			assert_int_equal(input_fill(in, &error), FILL_MORE);
			assert_int_equal(input_bytes(in).at[0], bytes[goal]);
		}
		assert_int_equal(input_offset(in), goal);
		input_free(in);
	}
	(void)unlink(path);
}

static void
another_input_is_told(void **state)
{
	struct random r = seeded();
	struct input_position p = { .offset = 10000, .seek = true };
	struct error error;
	struct input *in;
	char path[64];

	(void)state;
	fill(&r);
	(void)close(make_file(path, SIZE));
	in = input_open(&os_system, path, &error);
	assert_int_equal(input_watch(in, &error), 0);
	assert_int_equal(input_resume(in, &p, &error), 1);
	assert_non_null(strstr(error.text, "other bytes before byte 10000"));
	input_free(in);
	p.offset = SIZE + 1;
	in = input_open(&os_system, path, &error);
	assert_int_equal(input_watch(in, &error), 0);
	assert_int_equal(input_resume(in, &p, &error), 1);
	input_free(in);
	(void)unlink(path);
}

/* Write two parts, take the second back. */
static void
restore_once(bool compress, size_t before, size_t first)
{
	struct output_position p;
	struct error error;
	struct output *out;
	char path[64];
	uint64_t compared;
	size_t size;
	int fd = make_file(path, compress ? 0 : before);

	out = output_new(&os_system, fd, path, compress, &error);
	assert_int_equal(output_kind(out), OUTPUT_FILE);
	assert_int_equal(output_watch(out, &error), 0);
	assert_int_equal(output_write(out, slice_of(bytes, first), &error), 0);
	assert_int_equal(output_seal(out, &error), 0);
	assert_int_equal(output_tell(out, &p, &error), 0);
	size = read_file(path);
	assert_int_equal(p.size, size);
	assert_int_equal(output_write(out, slice_of(bytes, SIZE / 2), &error), 0);
	assert_int_equal(output_seal(out, &error), 0);
	assert_true(read_file(path) > size);
	assert_int_equal(output_restore(out, &p, &error), 0);
	assert_int_equal(read_file(path), size);
	assert_int_equal(
	    output_compare(out,
		&(struct output_position){ 0, hash_bytes(slice_of(bytes, 0), 0) }, size,
		&error),
	    0);
	if (compress && first > 0) {
		assert_int_equal(output_write(out, slice_of(bytes, first), &error), 0);
		assert_int_equal(output_flush(out, &error), 0);
		assert_int_equal(output_compared(out, &compared, &error), 0);
		assert_int_equal(compared, first);
		assert_int_equal(output_write(out, slice_of(bytes, 1), &error), 0);
		assert_int_equal(output_flush(out, &error), 0);
		assert_int_equal(output_compared(out, &compared, &error), 1);
	}
	output_abandon(out);
	(void)close(fd);
	(void)unlink(path);
}

static void
what_was_written_after_a_position_is_taken_back(void **state)
{
	struct random r = seeded();

	(void)state;
	fill(&r);
	for (unsigned i = 0; i < 20; i++)
		restore_once(i % 2 == 1, (size_t)hash_bucket(random_next(&r), 9000),
		    (size_t)hash_bucket(random_next(&r), SIZE / 2));
}

static void
a_file_of_another_is_not_truncated(void **state)
{
	struct random r = seeded();
	struct output_position p;
	struct error error;
	struct output *out;
	char path[64];
	int fd, other;

	(void)state;
	fill(&r);
	fd = make_file(path, 5000);
	out = output_new(&os_system, fd, path, false, &error);
	assert_int_equal(output_watch(out, &error), 0);
	assert_int_equal(output_tell(out, &p, &error), 0);
	other = open(path, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(other, "-", 1, 4000), 1);
	assert_int_equal(output_restore(out, &p, &error), 1);
	assert_int_equal(read_file(path), 5000);
	assert_int_equal(ftruncate(other, 4999), 0);
	assert_int_equal(output_restore(out, &p, &error), 1);
	assert_int_equal(output_tell(out, &p, &error), 1);
	output_abandon(out);
	(void)close(fd);
	out = output_new(&os_system, other, path, false, &error);
	assert_int_equal(output_watch(out, &error), 1);
	output_abandon(out);
	(void)close(other);
	(void)unlink(path);
}

static int
release(void *context, struct error *error)
{
	struct output **out = context;

	return output_release(*out, error);
}

static int
never(void *context, struct error *error)
{
	(void)context;
	errno = EIO;
	return error_set(error, "the snapshot failed");
}

static void
what_is_held_back_comes_in_order(void **state)
{
	struct random r = seeded();
	struct error error;
	struct output *out;
	char path[64];
	size_t at = 0, n;
	int fd;

	(void)state;
	fill(&r);
	fd = make_file(path, 0);
	out = output_new(&os_system, fd, path, false, &error);
	output_hold(out, 2 * STREAM_BLOCK, release, &out);
	assert_int_equal(output_write(out, slice_of(bytes, 1000), &error), 0);
	assert_int_equal(output_flush(out, &error), 0);
	assert_int_equal(read_file(path), 0);
	for (at = 1000; at < SIZE; at += n) {
		n = (size_t)hash_bucket(random_next(&r), 5000) + 1;
		n = n < SIZE - at ? n : SIZE - at;
		assert_int_equal(output_write(out, slice_of(bytes + at, n), &error), 0);
	}
	assert_true(read_file(path) > 0); /* more than may be held */
	assert_int_equal(output_release(out, &error), 0);
	assert_int_equal(output_flush(out, &error), 0);
	assert_int_equal(read_file(path), SIZE);
	assert_memory_equal(got, bytes, SIZE);
	output_hold(out, STREAM_BLOCK, never, NULL);
	assert_int_equal(output_write(out, slice_of(bytes, SIZE), &error), -1);
	assert_int_equal(errno, EIO);
	output_abandon(out);
	(void)close(fd);
	(void)unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_input_goes_on_where_it_was),
		cmocka_unit_test(another_input_is_told),
		cmocka_unit_test(what_was_written_after_a_position_is_taken_back),
		cmocka_unit_test(a_file_of_another_is_not_truncated),
		cmocka_unit_test(what_is_held_back_comes_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
