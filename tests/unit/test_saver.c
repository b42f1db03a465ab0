/* SPDX-License-Identifier: MIT */
#include "lib/state/saver.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/state/block.h"

static const struct state_identity identity = {
	.name = "bp-example",
	.schema = 3,
	.options = 1,
	.option = { "cap" },
	.value = { "3" },
};

static char folder[] = "/tmp/bannerpipe-saver-XXXXXX";

static int
set_up(void **state)
{
	(void)state;
	(void)snprintf(folder + sizeof folder - 7, 7, "XXXXXX");
	return mkdtemp(folder) != NULL ? 0 : -1;
}

static void
remove_one(void *context, const char *name)
{
	char path[512];

	(void)context;
	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	(void)unlink(path);
}

static int
tear_down(void **state)
{
	(void)state;
	(void)os_system.list(&os_system, folder, remove_one, NULL);
	return rmdir(folder);
}

static struct saver *
saver(const struct os *os)
{
	struct error error;
	struct saver *s = saver_new(os, folder, &identity, &error);

	assert_non_null(s);
	return s;
}

static int
hand_over(struct saver *s, uint64_t epoch, uint64_t value, struct error *error)
{
	struct state_writer *w = saver_begin(s, epoch, error);

	if (w == NULL)
		return -1;
	state_put_u64(w, value);
	return saver_commit(s, w, error);
}

static int
save(struct saver *s, uint64_t epoch, uint64_t value, struct error *error)
{
	return hand_over(s, epoch, value, error) != 0 ? -1 : saver_wait(s, error);
}

/* What the snapshot of an epoch holds; UINT64_MAX when there is none. */
static uint64_t
value_of(uint64_t epoch)
{
	enum state_trouble trouble;
	struct error error;
	struct saver *s = saver(&os_system);
	struct state_reader *r = saver_read(s, epoch, &trouble, &error);
	uint64_t value = UINT64_MAX;

	if (r == NULL)
		assert_int_equal(trouble, STATE_MISSING);
	else
		assert_int_equal(state_get_u64(r, &value), 0);
	state_close(r);
	saver_free(s);
	return value;
}

static void
what_was_handed_over_becomes_durable_and_is_said_once(void **state)
{
	struct saver *s = saver(&os_system);
	struct pollfd news = { .fd = saver_wait_fd(s), .events = POLLIN };
	struct error error;

	(void)state;
	assert_int_equal(saver_poll(s, &error), SAVER_IDLE);
	assert_int_equal(poll(&news, 1, 0), 0);
	assert_int_equal(hand_over(s, 7, 42, &error), 0);
	assert_int_equal(poll(&news, 1, -1), 1);
	assert_int_equal(saver_poll(s, &error), SAVER_DURABLE);
	assert_int_equal(saver_poll(s, &error), SAVER_IDLE);
	assert_int_equal(poll(&news, 1, 0), 0);
	assert_int_equal(value_of(7), 42);
	assert_int_equal(value_of(8), UINT64_MAX);
	assert_int_equal(hand_over(s, 8, 43, &error), 0);
	assert_int_equal(saver_wait(s, &error), 0);
	assert_int_equal(saver_poll(s, &error), SAVER_IDLE);
	assert_int_equal(value_of(8), 43);
	saver_free(s);
}

static void
freeing_waits_for_what_was_handed_over(void **state)
{
	struct saver *s = saver(&os_system);
	struct error error;

	(void)state;
	assert_int_equal(hand_over(s, 9, 1, &error), 0);
	saver_free(s);
	assert_int_equal(value_of(9), 1);
}

static void
what_is_given_up_leaves_nothing(void **state)
{
	struct saver *s = saver(&os_system);
	struct error error;
	struct state_writer *w = saver_begin(s, 3, &error);

	(void)state;
	assert_non_null(w);
	state_put_u64(w, 1);
	saver_abandon(s, w);
	assert_int_equal(save(s, 4, 2, &error), 0);
	assert_int_equal(value_of(3), UINT64_MAX);
	assert_int_equal(value_of(4), 2);
	saver_free(s);
}

static void
what_exceeds_the_memory_goes_to_the_file(void **state)
{
	enum { BIG = SAVER_MEMORY / 4 + 12345 };
	uint8_t *bytes = malloc(BIG);
	struct saver *s = saver(&os_system);
	struct error error;
	struct state_writer *w = saver_begin(s, 5, &error);
	enum state_trouble trouble;
	struct state_reader *r;

	(void)state;
	assert_non_null(bytes);
	for (int i = 0; i < 5; i++) {
		memset(bytes, i, BIG);
		state_put(w, bytes, BIG);
	}
	assert_int_equal(saver_commit(s, w, &error), 0);
	assert_int_equal(saver_wait(s, &error), 0);
	r = saver_read(s, 5, &trouble, &error);
	assert_non_null(r);
	assert_int_equal(state_left(r), 5ull * BIG);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(state_get(r, bytes, BIG), 0);
		assert_true(bytes[0] == i && bytes[BIG - 1] == i);
	}
	state_close(r);
	saver_free(s);
	free(bytes);
}

static void
older_epochs_are_forgotten(void **state)
{
	struct saver *s = saver(&os_system);
	struct error error;

	(void)state;
	for (uint64_t epoch = 0; epoch < 5; epoch++)
		assert_int_equal(save(s, epoch, epoch, &error), 0);
	saver_forget(s, 3);
	saver_free(s);
	for (uint64_t epoch = 0; epoch < 5; epoch++)
		assert_int_equal(value_of(epoch), epoch < 3 ? UINT64_MAX : epoch);
}

/* --- What fails, and what comes to an end ------------------------------------------ */

/* An operating system whose call number `at` fails, or after which nothing that is written,
 * renamed or removed reaches the disk: the process was killed there. */
struct failing {
	struct os os;
	_Atomic unsigned calls;
	unsigned at;
	bool killed; /* not one call fails but all from there on */
};

static bool
fails(const struct os *os)
{
	struct failing *f = (struct failing *)(uintptr_t)os;
	unsigned call = ++f->calls;

	errno = EIO;
	return f->at != 0 && (f->killed ? call >= f->at : call == f->at);
}

static int
failing_open(const struct os *os, const char *path, int flags, mode_t mode)
{
	return fails(os) ? -1 : os_system.open(os, path, flags, mode);
}

static ssize_t
failing_read(const struct os *os, int fd, void *to, size_t size)
{
	return fails(os) ? -1 : os_system.read(os, fd, to, size);
}

/* Half of it may be on the disk. */
static ssize_t
failing_write(const struct os *os, int fd, const void *from, size_t size)
{
	if (!fails(os))
		return os_system.write(os, fd, from, size);
	(void)os_system.write(os, fd, from, size / 2);
	errno = ENOSPC;
	return -1;
}

/* Nobody cuts the power here. */
static int
failing_sync(const struct os *os, int fd)
{
	(void)fd;
	return fails(os) ? -1 : 0;
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

static int
failing_unlink(const struct os *os, const char *path)
{
	return fails(os) ? -1 : os_system.unlink(os, path);
}

static int
failing_stat(const struct os *os, int fd, struct stat *to)
{
	return fails(os) ? -1 : os_system.stat(os, fd, to);
}

static off_t
failing_seek(const struct os *os, int fd, off_t offset, int whence)
{
	return fails(os) ? -1 : os_system.seek(os, fd, offset, whence);
}

static struct failing
failing(unsigned at, bool killed)
{
	struct failing f = { .os = os_system, .at = at, .killed = killed };

	f.os.open = failing_open;
	f.os.read = failing_read;
	f.os.write = failing_write;
	f.os.sync = failing_sync;
	f.os.close = failing_close;
	f.os.rename = failing_rename;
	f.os.unlink = failing_unlink;
	f.os.stat = failing_stat;
	f.os.seek = failing_seek;
	return f;
}

/* More epochs than a chain has: one fold at least is complete. */
enum { CELLS = 40000, EPOCHS = 70 };

struct cells {
	uint64_t *cell;
	struct dirty dirty;
};

static void
cells_init(struct cells *c)
{
	c->cell = calloc(CELLS, sizeof *c->cell);
	assert_non_null(c->cell);
	assert_int_equal(dirty_init(&c->dirty, CELLS * sizeof *c->cell), 0);
}

static void
cells_fini(struct cells *c)
{
	free(c->cell);
	dirty_fini(&c->dirty);
}

/* What the state is at the end of an epoch is told by its number alone. */
static void
cells_change(struct cells *c, uint64_t epoch)
{
	for (size_t i = (size_t)epoch * 7 % 100; i < CELLS; i += 1000) {
		c->cell[i] = epoch;
		dirty_mark(&c->dirty, i * sizeof *c->cell, sizeof *c->cell);
	}
}

static bool
cells_are(const struct cells *c, uint64_t epoch)
{
	struct cells wanted;
	bool same;

	cells_init(&wanted);
	for (uint64_t e = 0; e <= epoch; e++)
		cells_change(&wanted, e);
	same = memcmp(c->cell, wanted.cell, CELLS * sizeof *c->cell) == 0;
	cells_fini(&wanted);
	return same;
}

static int
cells_save(struct saver *s, struct cells *c, uint64_t epoch, struct error *error)
{
	struct state_writer *w = saver_begin(s, epoch, error);

	if (w == NULL)
		return -1;
	state_put_block(w, slice_of(c->cell, CELLS * sizeof *c->cell), &c->dirty);
	return saver_commit(s, w, error) != 0 ? -1 : saver_wait(s, error);
}

static bool
epoch_is_readable(uint64_t epoch, struct cells *c)
{
	struct saver *s = saver(&os_system);
	enum state_trouble trouble;
	struct error error;
	struct state_reader *r = saver_read(s, epoch, &trouble, &error);
	bool readable = false;

	if (r != NULL) {
		memset(c->cell, 0, CELLS * sizeof *c->cell);
		readable = state_get_block(r, c->cell, CELLS * sizeof *c->cell,
			       &c->dirty, &error) == 0;
	}
	state_close(r);
	saver_free(s);
	return readable;
}

/* Save epoch after epoch until something fails; the committed one lags by two and what is
 * before it is forgotten. The last epoch that was durable. */
static int64_t
save_until_it_fails(const struct os *os, uint64_t epochs, int64_t *kept)
{
	struct saver *s = saver(os);
	struct cells c;
	struct error error = { "" };
	int64_t durable = -1;

	*kept = 0;
	cells_init(&c);
	for (uint64_t epoch = 0; epoch < epochs; epoch++) {
		cells_change(&c, epoch);
		if (cells_save(s, &c, epoch, &error) != 0) {
			assert_true(error.text[0] != '\0');
			assert_int_equal(saver_poll(s, &error), SAVER_FAILED);
			assert_null(saver_begin(s, epoch + 1, &error));
			break;
		}
		durable = (int64_t)epoch;
		if (epoch % 4 == 3) {
			*kept = (int64_t)epoch - 2;
			saver_forget(s, epoch - 2);
		}
	}
	saver_free(s);
	cells_fini(&c);
	return durable;
}

static void
remove_all(void)
{
	(void)os_system.list(&os_system, folder, remove_one, NULL);
}

static void
check_what_is_left(int64_t kept, int64_t durable, unsigned at)
{
	struct cells c;

	cells_init(&c);
	for (int64_t epoch = kept; epoch <= durable; epoch++) {
		if (!epoch_is_readable((uint64_t)epoch, &c) ||
		    !cells_are(&c, (uint64_t)epoch))
			fail_msg("call %u: epoch %lld is lost", at, (long long)epoch);
	}
	cells_fini(&c);
	remove_all();
}

static void
whatever_fails_or_is_cut_off_older_epochs_are_whole(bool killed)
{
	struct failing f = failing(0, false);
	int64_t kept, durable;
	unsigned total, step;

	assert_int_equal(save_until_it_fails(&f.os, EPOCHS, &kept), EPOCHS - 1);
	total = f.calls;
	check_what_is_left(kept, EPOCHS - 1, 0);
	assert_true(total > 500);
	/* All of the calls at the beginning and around the fold would take minutes. */
	for (unsigned at = 1; at <= total; at += step) {
		step = 1 + at / 20;
		f = failing(at, killed);
		durable = save_until_it_fails(&f.os, EPOCHS, &kept);
		check_what_is_left(kept, durable, at);
	}
}

static void
whichever_call_fails_older_epochs_are_whole(void **state)
{
	(void)state;
	whatever_fails_or_is_cut_off_older_epochs_are_whole(false);
}

static void
wherever_it_is_killed_older_epochs_are_whole(void **state)
{
	(void)state;
	whatever_fails_or_is_cut_off_older_epochs_are_whole(true);
}

/* --- Chains ------------------------------------------------------------------------ */

static uint64_t
file_size(uint64_t epoch)
{
	char path[512];
	struct stat status;

	(void)snprintf(
	    path, sizeof path, "%s/%016llx.snap", folder, (unsigned long long)epoch);
	return stat(path, &status) == 0 ? (uint64_t)status.st_size : 0;
}

static void
only_what_changed_is_written(void **state)
{
	struct saver *s = saver(&os_system);
	struct error error;
	struct cells c;

	(void)state;
	cells_init(&c);
	for (size_t i = 0; i < CELLS; i++)
		c.cell[i] = i + 1;
	assert_int_equal(cells_save(s, &c, 1, &error), 0);
	assert_in_range(file_size(1), CELLS * 8, CELLS * 8 + 1000);
	c.cell[77] = 5;
	dirty_mark(&c.dirty, 77 * sizeof *c.cell, sizeof *c.cell);
	assert_int_equal(cells_save(s, &c, 2, &error), 0);
	assert_in_range(file_size(2), 256, 600);
	assert_int_equal(cells_save(s, &c, 3, &error), 0);
	assert_in_range(file_size(3), 50, 300);
	dirty_mark_all(&c.dirty);
	assert_int_equal(cells_save(s, &c, 4, &error), 0);
	assert_in_range(file_size(4), CELLS * 8, CELLS * 8 + 1000);
	/* A whole one: nothing before it is needed. */
	saver_forget(s, 4);
	saver_free(s);
	assert_int_equal(file_size(1), 0);
	assert_true(epoch_is_readable(4, &c));
	cells_fini(&c);
}

static void
count(void *context, const char *name)
{
	unsigned *n = context;

	*n += name[0] != '.';
}

static void
a_long_chain_is_folded_and_what_it_was_is_forgotten(void **state)
{
	struct failing f = failing(0, false);
	struct saver *s = saver(&f.os);
	unsigned files = 0;
	struct error error;
	struct cells c;

	(void)state;
	cells_init(&c);
	for (uint64_t epoch = 0; epoch < 200; epoch++) {
		cells_change(&c, epoch);
		assert_int_equal(cells_save(s, &c, epoch, &error), 0);
	}
	saver_forget(s, 199);
	saver_free(s);
	assert_int_equal(file_size(0), 0);
	assert_int_equal(os_system.list(&os_system, folder, count, &files), 0);
	assert_in_range(files, 1, 66);
	assert_true(epoch_is_readable(199, &c));
	assert_true(cells_are(&c, 199));
	cells_fini(&c);
}

static void
a_chain_without_its_base_is_refused(void **state)
{
	struct saver *s = saver(&os_system);
	char path[512], other[512];
	struct error error;
	struct cells c;

	(void)state;
	cells_init(&c);
	for (uint64_t epoch = 1; epoch < 4; epoch++) {
		cells_change(&c, epoch);
		assert_int_equal(cells_save(s, &c, epoch, &error), 0);
	}
	saver_free(s);
	assert_true(epoch_is_readable(3, &c));
	(void)snprintf(path, sizeof path, "%s/%016x.snap", folder, 2);
	(void)snprintf(other, sizeof other, "%s/%016x.snap", folder, 5);
	assert_int_equal(rename(path, other), 0);
	assert_false(epoch_is_readable(3, &c));
	assert_false(epoch_is_readable(5, &c));
	assert_true(epoch_is_readable(1, &c));
	cells_fini(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    what_was_handed_over_becomes_durable_and_is_said_once, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    freeing_waits_for_what_was_handed_over, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    what_is_given_up_leaves_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    what_exceeds_the_memory_goes_to_the_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    older_epochs_are_forgotten, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    only_what_changed_is_written, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    a_long_chain_is_folded_and_what_it_was_is_forgotten, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    a_chain_without_its_base_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    whichever_call_fails_older_epochs_are_whole, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    wherever_it_is_killed_older_epochs_are_whole, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
