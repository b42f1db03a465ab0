/* SPDX-License-Identifier: MIT */
#include "lib/state/block.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/hash.h"

enum { SIZE = 1000000 }; /* no multiple of a page */

static const struct state_identity identity = { .name = "block", .schema = 1 };
static char path[] = "test_block.XXXXXX";

static struct state_writer *
writer(void)
{
	struct error error;
	struct state_writer *w = state_write(&os_system, path, &identity, &error);

	assert_non_null(w);
	return w;
}

static struct state_reader *
committed(struct state_writer *w)
{
	struct state_reader *r;
	struct error error;
	enum state_trouble trouble;

	assert_int_equal(state_commit(w, &error), 0);
	r = state_read(&os_system, path, &identity, &trouble, &error);
	assert_non_null(r);
	return r;
}

static void
comes_back(const uint8_t *block, size_t size, uint64_t at_most)
{
	struct state_writer *w = writer();
	uint8_t *back = calloc(1, size + 1);
	struct state_reader *r;
	struct error error;

	state_put_block(w, slice_of(block, size), NULL);
	r = committed(w);
	assert_in_range(state_left(r), 24, at_most);
	assert_int_equal(state_get_block(r, back, size, NULL, &error), 0);
	assert_int_equal(state_left(r), 0);
	if (size > 0)
		assert_memory_equal(back, block, size);
	state_close(r);
	free(back);
}

static void
blocks_come_back_and_zeros_take_no_room(void **state)
{
	uint8_t *block = calloc(1, SIZE);
	struct random random = { 1 };

	(void)state;
	comes_back(block, 0, 24);
	comes_back(block, SIZE, 24);
	block[SIZE - 1] = 1;
	comes_back(block, SIZE, 24 + 16 + 4096);
	for (unsigned i = 0; i < 20; i++)
		block[random_next(&random) % SIZE] = 7;
	comes_back(block, SIZE, 24 + 21 * (16 + 4096));
	for (size_t i = 0; i < SIZE; i++)
		block[i] = (uint8_t)random_next(&random);
	comes_back(block, SIZE, SIZE + 40);
	free(block);
}

static void
a_block_of_another_size_or_cut_off_is_refused(void **state)
{
	static uint8_t block[5000] = { 1 };
	struct state_writer *w = writer();
	struct state_reader *r;
	struct error error;

	(void)state;
	state_put_block(w, slice_of(block, sizeof block), NULL);
	r = committed(w);
	assert_int_equal(state_get_block(r, block, sizeof block - 1, NULL, &error), -1);
	state_close(r);
	w = writer();
	state_put_block(w, slice_of("0123456789", 10), NULL);
	r = committed(w);
	assert_int_equal(state_get_block(r, block, 10, NULL, &error), 0);
	assert_int_equal(state_get_block(r, block, 10, NULL, &error), -1);
	state_close(r);
	w = writer();
	state_put_u64(w, sizeof block);
	state_put_u64(w, 0);
	state_put_u64(w, 4990);
	state_put_u64(w, 100); /* a run beyond the end */
	r = committed(w);
	assert_int_equal(state_get_block(r, block, sizeof block, NULL, &error), -1);
	state_close(r);
}

static void
tables_come_back(void **state)
{
	struct table *one = table_new(TABLE_KEY_WIDE, 12, 1 << 20);
	struct table *two = table_new(TABLE_KEY_WIDE, 12, 1 << 20);
	struct table *other = table_new(TABLE_KEY_WIDE, 12, 1 << 19);
	struct state_writer *w = writer();
	struct state_reader *r;
	struct error error;
	bool fresh;

	(void)state;
	for (uint8_t i = 0; i < 200; i++) {
		table_touch_wide(one, (uint8_t[16]){ i }, i, &fresh);
		table_touch_wide(two, (uint8_t[16]){ 0, i }, i, &fresh);
	}
	state_put_table(w, one);
	state_put_table(w, one);
	r = committed(w);
	assert_int_equal(state_get_table(r, two, &error), 0);
	assert_true(slice_equal(table_bytes(one), table_bytes(two)));
	assert_int_equal(state_get_table(r, other, &error), -1);
	assert_int_equal(table_counts(other).cells, 0);
	table_touch_wide(other, (uint8_t[16]){ 1 }, 1, &fresh);
	assert_true(fresh);
	state_close(r);
	table_free(one);
	table_free(two);
	table_free(other);
}

static int
make_path(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int
remove_path(void **state)
{
	(void)state;
	return unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_come_back_and_zeros_take_no_room),
		cmocka_unit_test(a_block_of_another_size_or_cut_off_is_refused),
		cmocka_unit_test(tables_come_back),
	};

	return cmocka_run_group_tests_name("block", tests, make_path, remove_path);
}
