/* SPDX-License-Identifier: MIT
 *
 * The files of a pipeline's folder: what was written is read, every flipped bit is found,
 * and a system call that fails leaves the old file or the new one.
 */
#include "lib/epoch.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/epoch/places.h"

static char dir[64];
static struct error error;

static int
set_up(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof dir, "/tmp/bannerpipe.XXXXXX");
	return mkdtemp(dir) != NULL &&
		epoch_make_stage(&os_system, dir, "sort", &error) == 0
	    ? 0
	    : -1;
}

static int
remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
	(void)status;
	(void)type;
	(void)where;
	return remove(path);
}

static int
tear_down(void **state)
{
	(void)state;
	return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* --- One of each kind ------------------------------------------------------------- */

static const struct generation generation = { .number = 7,
	.restore = (UINT64_C(6) << 32) + 5,
	.every_us = 1000000,
	.idle_us = 10000000,
	.finished = true,
	.audit = true };
static const struct stage stage = { .id = "sort",
	.inputs = 2,
	.input = { "parse", "parse-2" },
	.source = true,
	.sink = true,
	.foreign = true,
	.generation = 7,
	.pid = 4711 };

static int
write_generation(const struct os *os)
{
	return epoch_write_generation(os, dir, &generation, &error);
}

static int
read_generation(const struct os *os)
{
	struct generation g;
	int status = epoch_read_generation(os, dir, &g, &error);

	if (status == EPOCH_FOUND)
		assert_true(g.number == 7 && g.restore == generation.restore &&
		    g.every_us == 1000000 && g.idle_us == 10000000 && g.finished &&
		    g.audit);
	return status;
}

static void
assert_same(const struct stage *s)
{
	assert_string_equal(s->id, "sort");
	assert_int_equal(s->inputs, 2);
	assert_string_equal(s->input[0], "parse");
	assert_string_equal(s->input[1], "parse-2");
	assert_true(s->source && s->sink && s->foreign);
}

static int
write_topology(const struct os *os)
{
	static struct topology t;

	t.n = 1;
	t.stage[0] = stage;
	return epoch_write_topology(os, dir, &t, &error);
}

static int
read_topology(const struct os *os)
{
	static struct topology t;
	int status = epoch_read_topology(os, dir, &t, &error);

	if (status == EPOCH_FOUND) {
		assert_int_equal(t.n, 1);
		assert_same(&t.stage[0]);
	}
	return status;
}

static int
write_member(const struct os *os)
{
	return epoch_write_member(os, dir, &stage, &error);
}

static int
read_member(const struct os *os)
{
	static struct topology t;

	if (epoch_read_members(os, dir, 7, &t, &error) != 0)
		return -1;
	if (t.n == 0)
		return EPOCH_MISSING;
	assert_int_equal(t.n, 1);
	assert_same(&t.stage[0]);
	assert_int_equal(t.stage[0].pid, 4711);
	return EPOCH_FOUND;
}

static int
write_done(const struct os *os)
{
	const struct done done = {
		.generation = 7, .epoch = epoch_of(7, 9), .rejecting = true
	};

	return epoch_write_done(os, dir, "sort", &done, &error);
}

static int
read_done(const struct os *os)
{
	struct done done;
	int status = epoch_read_done(os, dir, "sort", &done, &error);

	if (status == EPOCH_FOUND)
		assert_true(done.generation == 7 && done.epoch == epoch_of(7, 9) &&
		    done.rejecting);
	return status;
}

static int
write_places(const struct os *os)
{
	static struct places p;

	memset(&p, 0, sizeof p);
	places_add(&p, "standard output", "/a b/c");
	places_add(&p, "not\nthis", "/x");
	places_add(&p, "rejects.bp", "/d");
	return places_write(os, dir, "sort", &p, &error);
}

static int
read_places(const struct os *os)
{
	static struct places p;
	int status = places_read(os, dir, "sort", &p, &error);

	if (status == EPOCH_FOUND) {
		assert_int_equal(p.n, 2);
		assert_string_equal(places_find(&p, "standard output"), "/a b/c");
		assert_string_equal(places_find(&p, "rejects.bp"), "/d");
		assert_null(places_find(&p, "/d"));
	}
	return status;
}

static const struct kind {
	const char *path;
	int (*write)(const struct os *os);
	int (*read)(const struct os *os);
	bool durable;
	int damaged; /* what reading a damaged one gives */
} kinds[] = {
	{ "generation", write_generation, read_generation, true, -1 },
	{ "topology", write_topology, read_topology, true, -1 },
	{ "stage/sort/member", write_member, read_member, false, EPOCH_MISSING },
	{ "stage/sort/done", write_done, read_done, true, -1 },
	{ "stage/sort/outputs", write_places, read_places, false, -1 },
};

enum { KINDS = sizeof kinds / sizeof *kinds };

static void
what_is_written_is_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < KINDS; i++) {
		assert_int_equal(kinds[i].read(&os_system), EPOCH_MISSING);
		assert_int_equal(kinds[i].write(&os_system), 0);
		assert_int_equal(kinds[i].read(&os_system), EPOCH_FOUND);
	}
	assert_int_equal(epoch_read_committed(&os_system, dir), 0);
	assert_int_equal(
	    epoch_write_committed(&os_system, dir, epoch_of(7, 3), &error), 0);
	assert_true(epoch_read_committed(&os_system, dir) == epoch_of(7, 3));
}

static void
flip(int fd, off_t bit)
{
	uint8_t byte;

	assert_int_equal(pread(fd, &byte, 1, bit / 8), 1);
	byte ^= (uint8_t)(1 << bit % 8);
	assert_int_equal(pwrite(fd, &byte, 1, bit / 8), 1);
}

static void
every_flipped_bit_and_every_cut_is_found(void **state)
{
	char path[EPOCH_PATH_MAX];

	(void)state;
	for (size_t i = 0; i < KINDS; i++) {
		int fd;
		off_t size;

		assert_int_equal(epoch_file_path(path, dir, kinds[i].path, &error), 0);
		assert_int_equal(kinds[i].write(&os_system), 0);
		fd = open(path, O_RDWR | O_CLOEXEC);
		size = lseek(fd, 0, SEEK_END);
		assert_true(fd >= 0 && size > 20);
		for (off_t bit = 0; bit < 8 * size; bit++) {
			flip(fd, bit);
			errno = 0;
			assert_int_equal(kinds[i].read(&os_system), kinds[i].damaged);
			assert_int_equal(errno, EBADMSG);
			assert_non_null(strstr(error.text, kinds[i].path));
			flip(fd, bit);
		}
		assert_int_equal(kinds[i].read(&os_system), EPOCH_FOUND);
		while (size-- > 0) {
			assert_int_equal(ftruncate(fd, size), 0);
			assert_int_equal(kinds[i].read(&os_system), kinds[i].damaged);
		}
		(void)close(fd);
		assert_int_equal(unlink(path), 0);
	}
}

/* --- System calls that fail ------------------------------------------------------- */

static unsigned calls, failing;
static bool synced;

static bool
fails(void)
{
	errno = EIO;
	return ++calls == failing;
}

static int
failing_open(const struct os *os, const char *path, int flags, mode_t mode)
{
	return fails() ? -1 : os_system.open(os, path, flags, mode);
}

static ssize_t
failing_read(const struct os *os, int fd, void *to, size_t size)
{
	return fails() ? -1 : os_system.read(os, fd, to, size);
}

static ssize_t
failing_write(const struct os *os, int fd, const void *from, size_t size)
{
	return fails() ? -1 : os_system.write(os, fd, from, size);
}

static int
failing_sync(const struct os *os, int fd)
{
	synced = true;
	return fails() ? -1 : os_system.sync(os, fd);
}

static int
failing_rename(const struct os *os, const char *from, const char *to)
{
	return fails() ? -1 : os_system.rename(os, from, to);
}

static void
the_nth_call_that_fails_is_reported_and_harms_nothing(void **state)
{
	struct os os = os_system;

	(void)state;
	os.open = failing_open;
	os.read = failing_read;
	os.write = failing_write;
	os.sync = failing_sync;
	os.rename = failing_rename;
	for (size_t i = 0; i < KINDS; i++) {
		assert_int_equal(kinds[i].write(&os_system), 0);
		for (failing = 1; calls = 0, kinds[i].write(&os) != 0; failing++) {
			assert_non_null(strstr(error.text, kinds[i].path));
			assert_int_equal(kinds[i].read(&os_system), EPOCH_FOUND);
		}
		assert_true(failing > (kinds[i].durable ? 5u : 3u));
		for (failing = 1; calls = 0, kinds[i].read(&os) != EPOCH_FOUND;
		     failing++)
			assert_true(failing < 10);
		assert_true(failing > 1);
		failing = 0;
		synced = false;
		assert_int_equal(kinds[i].write(&os), 0);
		assert_int_equal(synced, kinds[i].durable);
	}
}

/* --- Names and votes --------------------------------------------------------------- */

static void
a_name_of_a_stage_is_a_plain_word(void **state)
{
	char longest[EPOCH_ID_MAX + 1];

	(void)state;
	assert_true(epoch_id_valid(slice_text("sort-2")));
	assert_true(epoch_id_valid(slice_text("A_b.9")));
	assert_false(epoch_id_valid(slice_text("")));
	assert_false(epoch_id_valid(slice_text(".")));
	assert_false(epoch_id_valid(slice_text("..")));
	assert_false(epoch_id_valid(slice_text(".hidden")));
	assert_false(epoch_id_valid(slice_text("a/b")));
	assert_false(epoch_id_valid(slice_text("a b")));
	assert_false(epoch_id_valid(slice_text("a\n")));
	assert_false(epoch_id_valid(slice_of("a\0b", 3)));
	memset(longest, 'x', sizeof longest);
	assert_true(epoch_id_valid(slice_of(longest, EPOCH_ID_MAX - 1)));
	assert_false(epoch_id_valid(slice_of(longest, EPOCH_ID_MAX)));
}

static void
vote(const char *id, uint64_t epoch)
{
	char path[EPOCH_PATH_MAX];
	int fd;

	assert_int_equal(epoch_make_stage(&os_system, dir, id, &error), 0);
	assert_int_equal(epoch_snapshot_path(path, dir, id, epoch, &error), 0);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	assert_true(fd >= 0);
	(void)close(fd);
}

static void
committed_is_the_smallest_of_the_sinks_last_votes(void **state)
{
	struct generation g = { .number = 3, .restore = epoch_of(2, 8), .every_us = 1 };
	static struct topology t;
	uint64_t epoch;

	(void)state;
	t.n = 3;
	t.stage[0] = (struct stage){ .id = "log", .sink = true };
	t.stage[1] = (struct stage){ .id = "parse", .source = true };
	t.stage[2] = (struct stage){ .id = "sort", .sink = true };
	vote("parse", epoch_of(3, 9));
	vote("log", epoch_of(2, 9)); /* of an earlier start: it was not committed */
	assert_int_equal(epoch_committed(&os_system, dir, &g, &t, &epoch, &error), 0);
	assert_true(epoch == epoch_of(2, 8));
	vote("log", epoch_of(3, 2));
	assert_int_equal(epoch_committed(&os_system, dir, &g, &t, &epoch, &error), 0);
	assert_true(epoch == epoch_of(2, 8));
	vote("sort", epoch_of(3, 1));
	vote("sort", epoch_of(3, 4));
	assert_int_equal(epoch_committed(&os_system, dir, &g, &t, &epoch, &error), 0);
	assert_true(epoch == epoch_of(3, 2));
}

static void
an_earlier_start_is_not_this_one(void **state)
{
	static struct topology t;

	(void)state;
	assert_int_equal(write_member(&os_system), 0);
	assert_int_equal(epoch_read_members(&os_system, dir, 8, &t, &error), 0);
	assert_int_equal(t.n, 0);
	assert_false(epoch_is_waiting(&os_system, dir, 12, 7));
	epoch_write_waiting(&os_system, dir, 12, 7);
	assert_true(epoch_is_waiting(&os_system, dir, 12, 7));
	assert_false(epoch_is_waiting(&os_system, dir, 12, 8));
	assert_false(epoch_is_waiting(&os_system, dir, 13, 7));
	epoch_write_waiting(&os_system, dir, 13, 7);
	epoch_remove_waiting(&os_system, dir, 12);
	assert_false(epoch_is_waiting(&os_system, dir, 12, 7));
	epoch_clear_waiting(&os_system, dir);
	assert_false(epoch_is_waiting(&os_system, dir, 13, 7));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_written_is_read),
		TEST(every_flipped_bit_and_every_cut_is_found),
		TEST(the_nth_call_that_fails_is_reported_and_harms_nothing),
		TEST(a_name_of_a_stage_is_a_plain_word),
		TEST(committed_is_the_smallest_of_the_sinks_last_votes),
		TEST(an_earlier_start_is_not_this_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
