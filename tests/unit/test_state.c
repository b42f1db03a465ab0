/* SPDX-License-Identifier: MIT */
#include "lib/state.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* An operating system whose call number `fails_at` fails. */
struct failing {
	struct os os;
	unsigned calls, fails_at;
};

static bool
fails(const struct os *os)
{
	struct failing *f = (struct failing *)(uintptr_t)os;

	f->calls++;
	errno = EIO;
	return f->calls == f->fails_at;
}

static int
failing_open(const struct os *os, const char *path, int flags, mode_t mode)
{
	return fails(os) ? -1 : os_system.open(os, path, flags, mode);
}

static ssize_t
failing_write(const struct os *os, int fd, const void *from, size_t size)
{
	return fails(os) ? -1 : os_system.write(os, fd, from, size);
}

static int
failing_sync(const struct os *os, int fd)
{
	return fails(os) ? -1 : os_system.sync(os, fd);
}

static int
failing_close(const struct os *os, int fd)
{
	bool failed = fails(os);
	int status = os_system.close(os, fd);

	errno = EIO;
	return failed ? -1 : status;
}

static int
failing_rename(const struct os *os, const char *from, const char *to)
{
	return fails(os) ? -1 : os_system.rename(os, from, to);
}

static const struct state_identity identity = {
	.name = "bp-example",
	.schema = 3,
	.options = 2,
	.option = { "cap", "window" },
	.value = { "3", "1d" },
};

static char path[] = "/tmp/bannerpipe-state-XXXXXX/x.snap";
static const size_t folder_size = sizeof path - sizeof "/x.snap";

static int
set_up(void **state)
{
	(void)state;
	path[folder_size] = '\0';
	if (mkdtemp(path) == NULL)
		return -1;
	path[folder_size] = '/';
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	(void)unlink(path);
	path[folder_size] = '\0';
	return rmdir(path);
}

static int
save(const struct os *os, uint64_t value, struct error *error)
{
	struct state_writer *w = state_write(os, path, &identity, error);
	uint8_t block[200] = { 1, 2, 3 };

	if (w == NULL)
		return -1;
	state_put_u64(w, value);
	state_put_double(w, -0.5);
	state_put_slice(w, slice_of(block, sizeof block));
	return state_commit(w, error);
}

static int
load(uint64_t *value, struct error *error)
{
	enum state_trouble trouble;
	struct state_reader *r =
	    state_read(&os_system, path, &identity, &trouble, error);
	uint8_t block[256];
	size_t size;
	double number;
	int status;

	if (r == NULL)
		return -1;
	status = state_get_u64(r, value) | state_get_double(r, &number) |
	    state_get_slice(r, block, sizeof block, &size);
	assert_int_equal(status, 0);
	assert_true(number == -0.5 && size == 200 && block[2] == 3);
	assert_int_equal(state_left(r), 0);
	assert_int_equal(state_get_u64(r, value), 0 - 1);
	state_close(r);
	return 0;
}

static uint64_t
load_value(void)
{
	enum state_trouble trouble;
	struct error error;
	struct state_reader *r =
	    state_read(&os_system, path, &identity, &trouble, &error);
	uint64_t value;

	assert_non_null(r);
	assert_int_equal(state_get_u64(r, &value), 0);
	state_close(r);
	return value;
}

static void
a_snapshot_is_read_back(void **state)
{
	struct error error;
	uint64_t value;

	(void)state;
	assert_int_equal(save(&os_system, 42, &error), 0);
	assert_int_equal(load(&value, &error), 0);
	assert_int_equal(load_value(), 42);
}

static void
a_missing_snapshot_is_told_from_a_bad_one(void **state)
{
	struct error error;
	enum state_trouble trouble;

	(void)state;
	assert_null(state_read(&os_system, "/nowhere/x", &identity, &trouble, &error));
	assert_int_equal(trouble, STATE_MISSING);
	assert_null(state_read(&os_system, "/dev/null", &identity, &trouble, &error));
	assert_int_equal(trouble, STATE_UNREADABLE);
}

static void
a_flipped_bit_anywhere_and_any_cut_are_found(void **state)
{
	static uint8_t bytes[4096];
	struct error error;
	uint64_t value;
	size_t size;
	FILE *f;

	(void)state;
	assert_int_equal(save(&os_system, 42, &error), 0);
	f = fopen(path, "rb");
	size = fread(bytes, 1, sizeof bytes, f);
	(void)fclose(f);
	assert_in_range(size, 200, 400);
	for (size_t bit = 0; bit < 8 * size; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		f = fopen(path, "wb");
		assert_int_equal(fwrite(bytes, 1, size, f), size);
		(void)fclose(f);
		assert_int_equal(load(&value, &error), -1);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t cut = 0; cut < size; cut++) {
		f = fopen(path, "wb");
		assert_int_equal(fwrite(bytes, 1, cut, f), cut);
		(void)fclose(f);
		assert_int_equal(load(&value, &error), -1);
	}
}

static void
a_mismatch_names_the_option(void **state)
{
	struct state_identity other = identity;
	struct error error;
	enum state_trouble trouble;

	(void)state;
	assert_int_equal(save(&os_system, 42, &error), 0);
	other.value[1] = "2d";
	assert_null(state_read(&os_system, path, &other, &trouble, &error));
	assert_int_equal(trouble, STATE_OTHER);
	assert_non_null(
	    strstr(error.text, "made with --window 1d, this run has --window 2d"));
	other = identity;
	other.options = 1;
	assert_null(state_read(&os_system, path, &other, &trouble, &error));
	assert_non_null(strstr(error.text, "--window 1d"));
	other = identity;
	other.schema = 4;
	assert_null(state_read(&os_system, path, &other, &trouble, &error));
	assert_non_null(strstr(error.text, "version 3, not of bp-example, version 4"));
}

static void
whichever_call_fails_the_snapshot_is_the_old_one_or_the_new_one(void **state)
{
	struct failing f = { .os = os_system };
	struct error error;
	unsigned total;
	uint64_t found;

	(void)state;
	f.os.open = failing_open;
	f.os.write = failing_write;
	f.os.sync = failing_sync;
	f.os.close = failing_close;
	f.os.rename = failing_rename;
	assert_int_equal(save(&f.os, 1, &error), 0);
	total = f.calls;
	assert_in_range(total, 6, 20);
	for (unsigned n = 1; n <= total; n++) {
		assert_int_equal(save(&os_system, 1, &error), 0);
		f.calls = 0;
		f.fails_at = n;
		if (save(&f.os, 2, &error) == 0)
			continue; /* closing a folder that was only read may fail */
		assert_non_null(strstr(error.text, "x.snap"));
		found = load_value();
		assert_true(found == 1 || found == 2);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_snapshot_is_read_back),
		cmocka_unit_test(a_missing_snapshot_is_told_from_a_bad_one),
		cmocka_unit_test(a_flipped_bit_anywhere_and_any_cut_are_found),
		cmocka_unit_test(a_mismatch_names_the_option),
		cmocka_unit_test(
		    whichever_call_fails_the_snapshot_is_the_old_one_or_the_new_one),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
