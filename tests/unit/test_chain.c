/* SPDX-License-Identifier: MIT
 *
 * Everything that marks its changes, at random, through chains of snapshots; the saver
 * compares each with the state (SAVER_CHECK).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/feature/memo.h"
#include "lib/hash.h"
#include "lib/model/cells.h"
#include "lib/pending/index.h"
#include "lib/pending/queue.h"
#include "lib/sketch/cuckoo.h"
#include "lib/state/block.h"
#include "lib/state/saver.h"
#include "lib/table.h"
#include "tests/unit/seed.h"

enum {
	NODES = 3000,
	KEYS = 4000,
	EPOCHS = 150,
	MEMORY = 1 << 19,
	CELLS_MEMORY = 1 << 20,
	RAW = 3000,
};

static const struct state_identity identity = { .name = "bp-example", .schema = 1 };

static char folder[] = "/tmp/bannerpipe-chain-XXXXXX";

struct cell {
	float value[4];
};

static float
worth(const struct cells_kind *kind, const void *cell)
{
	(void)kind;
	return ((const struct cell *)cell)->value[0];
}

static bool
is_sound(const struct cells_kind *kind, const void *cell)
{
	(void)kind;
	return ((const struct cell *)cell)->value[0] >= 0;
}

static const struct cells_kind kind = { sizeof(struct cell), worth, is_sound };

struct all {
	struct table *table, *wide;
	struct queue queue;
	struct index index;
	uint32_t links[NODES + 1];
	struct pool texts;
	uint32_t text[NODES + 1];
	struct cuckoo *cuckoo;
	struct cells cells;
	struct memo memo;
	uint64_t steps;
	uint8_t raw[RAW];
	struct dirty raw_dirty;
};

static struct all *
all_new(void)
{
	struct all *a = calloc(1, sizeof *a);
	struct error error;

	assert_non_null(a);
	a->table = table_new(TABLE_KEY_64, 40, MEMORY / 4);
	a->wide = table_new(TABLE_KEY_WIDE, 0, MEMORY / 4);
	a->cuckoo = cuckoo_new((struct span){ 1000 }, 4, MEMORY / 4);
	assert_true(a->table != NULL && a->wide != NULL && a->cuckoo != NULL);
	assert_int_equal(queue_init(&a->queue, NODES), 0);
	assert_int_equal(index_init(&a->index, NODES), 0);
	assert_int_equal(pool_init(&a->texts, POOL_CHUNK, 3 * NODES), 0);
	assert_int_equal(cells_init(&a->cells, &kind, CELLS_MEMORY, &os_system, NULL,
			     (struct slice){ 0 }, &error),
	    0);
	assert_int_equal(memo_init(&a->memo, MEMORY), 0);
	assert_int_equal(dirty_init(&a->raw_dirty, RAW), 0);
	return a;
}

static void
all_free(struct all *a)
{
	table_free(a->table);
	table_free(a->wide);
	cuckoo_free(a->cuckoo);
	queue_fini(&a->queue);
	index_fini(&a->index);
	pool_fini(&a->texts);
	cells_fini(&a->cells);
	memo_fini(&a->memo);
	dirty_fini(&a->raw_dirty);
	free(a);
}

static void
save_all(struct all *a, struct state_writer *w)
{
	state_put_table(w, a->table);
	state_put_u64(w, a->steps);
	state_put_table(w, a->wide);
	state_put_cuckoo(w, a->cuckoo);
	queue_save(&a->queue, w);
	pool_save(&a->index.links, w);
	state_put(w, a->links, sizeof a->links);
	pool_save(&a->texts, w);
	state_put(w, a->text, sizeof a->text);
	cells_save(&a->cells, w);
	memo_save(&a->memo, w);
	/* The length changes both ways. */
	state_put_block(w, slice_of(a->raw, a->steps % RAW), &a->raw_dirty);
}

static void
load_all(struct all *a, struct state_reader *r)
{
	struct error error = { "" };
	size_t size;

	assert_int_equal(state_get_table(r, a->table, &error), 0);
	assert_int_equal(state_get_u64(r, &a->steps), 0);
	assert_int_equal(state_get_table(r, a->wide, &error), 0);
	assert_int_equal(state_get_cuckoo(r, a->cuckoo, &error), 0);
	assert_int_equal(queue_load(&a->queue, r, &error), 0);
	assert_int_equal(pool_load(&a->index.links, r, &error), 0);
	assert_int_equal(state_get(r, a->links, sizeof a->links), 0);
	assert_int_equal(pool_load(&a->texts, r, &error), 0);
	assert_int_equal(state_get(r, a->text, sizeof a->text), 0);
	assert_int_equal(cells_load(&a->cells, r, a->steps, &error), 0);
	assert_int_equal(memo_load(&a->memo, r, &error), 0);
	assert_int_equal(
	    state_get_block_max(r, a->raw, RAW, &size, &a->raw_dirty, &error), 0);
	assert_int_equal(state_left(r), 0);
	index_rebuild(&a->index);
}

static uint64_t
below(struct random *r, uint64_t n)
{
	return hash_bucket(random_next(r), n);
}

static void
change_nodes(struct all *a, struct random *r, uint32_t number)
{
	uint8_t text[300];
	size_t size = below(r, sizeof text);

	memset(text, (int)number, sizeof text);
	if (queue_has(&a->queue, number) && below(r, 2) == 0)
		queue_remove(&a->queue, number);
	else
		queue_set(&a->queue, number, (instant)below(r, 1000), a->steps,
		    (enum queue_lane)below(r, QUEUE_LANES + 1));
	if (a->links[number] != 0)
		index_remove(&a->index, a->links[number]);
	a->links[number] =
	    below(r, 3) == 0 ? 0 : index_add(&a->index, below(r, 20), number);
	pool_drop(&a->texts, a->text[number]);
	a->text[number] = pool_keep(&a->texts, slice_of(text, size));
}

static void
learn_one(struct all *a, struct random *r)
{
	uint64_t key = below(r, 20 * KEYS) * UINT64_C(0x9E3779B97F4A7C15) + 1;
	uint64_t place;

	cells_reserve(&a->cells, 1, a->steps);
	place = cells_take(&a->cells, cells_home(&a->cells, key), key, a->steps);
	if (place == CELLS_NONE)
		return;
	cells_touch(&a->cells, place, a->steps);
	((struct cell *)cells_at(&a->cells, place))->value[0] = (float)a->steps;
}

static void
change(struct all *a, struct random *r)
{
	uint64_t key = below(r, KEYS), keys[5] = { key, 2, 3, 4, 5 };
	struct features features = { .keys = slice_of(keys, 8 * (1 + below(r, 5))) };
	instant when = (instant)(a->steps / 50);
	uint8_t wide[16] = { 0 };
	bool fresh;

	a->steps++;
	memcpy(wide, &key, sizeof key);
	if (below(r, 4) == 0)
		(void)table_erase(a->table, key);
	else
		memset(table_touch(a->table, key, when, &fresh), (int)key, 40);
	(void)table_touch_wide(a->wide, wide, when, &fresh);
	(void)cuckoo_see(a->cuckoo, hash_mix(key), when);
	change_nodes(a, r, 1 + (uint32_t)below(r, NODES));
	learn_one(a, r);
	memo_put(&a->memo, key, &features);
	if (a->steps % RAW > 0) {
		size_t at = below(r, a->steps % RAW);

		/* What was cut off comes back as zeros. */
		a->raw[at] = (uint8_t)key;
		dirty_mark(&a->raw_dirty, at, 1);
	} else {
		memset(a->raw, 0, RAW);
		dirty_mark_all(&a->raw_dirty);
	}
	if (below(r, 20000) == 0)
		table_clear(a->table);
}

static struct saver *
saver(void)
{
	struct error error;
	struct saver *s = saver_new(&os_system, folder, &identity, &error);

	assert_non_null(s);
	return s;
}

static int
save(struct saver *s, struct all *a, uint64_t epoch)
{
	struct error error = { "" };
	struct state_writer *w = saver_begin(s, epoch, &error);
	int status;

	assert_non_null(w);
	save_all(a, w);
	status = saver_commit(s, w, &error) == 0 ? saver_wait(s, &error) : -1;
	if (status != 0)
		print_message("%s\n", error.text);
	return status;
}

/* A crash: another process goes on from an epoch that was saved. */
static void
restart(struct saver **s, struct all **a, uint64_t epoch)
{
	enum state_trouble trouble;
	struct error error = { "" };
	struct state_reader *r;

	saver_free(*s);
	all_free(*a);
	*s = saver();
	*a = all_new();
	r = saver_read(*s, epoch, &trouble, &error);
	if (r == NULL)
		print_message("%s\n", error.text);
	assert_non_null(r);
	load_all(*a, r);
	state_close(r);
}

static void
count_file(void *context, const char *name)
{
	unsigned *n = context;

	*n += strstr(name, ".snap") != NULL;
}

static void
a_chain_is_always_the_state(void **state)
{
	struct random r = seeded();
	struct saver *s = saver();
	struct all *a = all_new();
	uint64_t last = 0;
	unsigned files = 0;

	(void)state;
	for (uint64_t epoch = 1; epoch < EPOCHS; epoch++) {
		/* Seldom enough to change all of it, mostly a few. */
		uint64_t n = below(&r, 20) == 0 ? below(&r, 6000) : below(&r, 60);

		while (n-- > 0)
			change(a, &r);
		assert_int_equal(save(s, a, epoch), 0);
		if (below(&r, 4) == 0)
			saver_forget(s, last = epoch - below(&r, 3) % epoch);
		if (below(&r, 10) == 0) {
			if (below(&r, 2) == 0) {
				/* An attempt that is given up changes nothing. */
				struct error error;
				struct state_writer *w =
				    saver_begin(s, epoch + 1, &error);

				save_all(a, w);
				saver_abandon(s, w);
			} else {
				restart(&s, &a, epoch);
			}
		}
	}
	restart(&s, &a, EPOCHS - 1);
	saver_forget(s, EPOCHS - 1);
	saver_free(s);
	all_free(a);
	(void)os_system.list(&os_system, folder, count_file, &files);
	assert_in_range(files, 1, 65);
}

static void
a_mark_that_is_missing_is_found(void **state)
{
	struct saver *s = saver();
	struct all *a = all_new();
	struct random r = { 1 };

	(void)state;
	for (unsigned i = 0; i < 2000; i++)
		change(a, &r);
	assert_int_equal(save(s, a, 1), 0);
	a->raw[7]++;
	assert_int_equal(save(s, a, 2), -1);
	saver_free(s);
	all_free(a);
}

static int
set_up(void **state)
{
	(void)state;
	(void)setenv(SAVER_CHECK, "1", 1);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    a_chain_is_always_the_state, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    a_mark_that_is_missing_is_found, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
