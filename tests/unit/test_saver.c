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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
