/* SPDX-License-Identifier: MIT */
#include "lib/trial/groups.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/record/build.h"
#include "tests/unit/seed.h"
#include "tests/unit/snapshot.h"

static const struct offpolicy_rule rule = {
	.clip = 10, .threshold = 10, .shrink = 100, .reward_max = 1
};

/* One outcome of the group of that number. */
static void
add(struct groups *g, unsigned number, double v, instant when)
{
	struct offpolicy_event e = {
		.v = v, .logged = 0.5, .target = 0.25, .reward = number % 2
	};
	uint8_t storage[16];
	struct slice value;
	struct build b;

	build_init(&b, storage, sizeof storage);
	build_uint(&b, number);
	value = build_slice(&b);
	offpolicy_add(&groups_find(g, when, &value)->sums, &rule, &e);
}

struct seen {
	unsigned groups, others;
	double n, last;
	uint64_t revisions, hash;
};

static int
see(void *context, const struct group *group)
{
	struct seen *s = context;

	s->n += sum_value(&group->sums.sums[OFFPOLICY_N]);
	s->revisions += group->revision;
	s->hash = hash_pair(s->hash, hash_pair(group->key, group->revision));
	if (group->number == 0) {
		s->others++;
		return 0;
	}
	assert_int_equal(s->others, 0);
	assert_true((double)group->number > s->last);
	s->last = (double)group->number;
	s->groups++;
	return 0;
}

static struct seen
look(struct groups *g)
{
	struct seen s = { 0 };

	assert_int_equal(groups_each_changed(g, see, &s), 0);
	return s;
}

static void
groups_are_given_in_the_order_of_arrival_and_only_when_changed(void **state)
{
	struct groups *g = groups_new(1, 100, 64 << 20, 1);
	struct seen s;

	(void)state;
	assert_non_null(g);
	for (unsigned i = 0; i < 150; i++)
		add(g, i % 50, 1, 1000 + i);
	s = look(g);
	assert_int_equal(s.groups, 50);
	assert_true(s.n == 150 && s.revisions == 50);
	assert_int_equal(look(g).groups, 0);
	add(g, 7, -1, 2000);
	s = look(g);
	assert_int_equal(s.groups, 1);
	assert_true(s.n == 2 && s.revisions == 2);
	groups_free(g);
}

static void
without_room_all_that_was_added_is_still_there(void **state)
{
	struct groups *g = groups_new(1, 20, 64 << 20, 1);
	struct random r = seeded();
	struct seen s;

	(void)state;
	assert_non_null(g);
	for (unsigned i = 0; i < 5000; i++)
		add(g, (unsigned)hash_bucket(random_next(&r), 1000), 1, 1000 + i);
	assert_true(groups_counts(g).merged > 900);
	assert_true(groups_counts(g).groups < 100);
	s = look(g);
	assert_int_equal(s.others, 1);
	assert_true(s.n == 5000);
	groups_free(g);
}

static void
groups_go_on_from_their_snapshot(void **state)
{
	struct groups *a = groups_new(1, 20, 64 << 20, 1);
	struct groups *b = groups_new(1, 20, 64 << 20, 1);
	struct random r = seeded();
	struct state_writer *w;
	struct state_reader *from;
	struct snapshot snapshot;
	struct error error;
	struct seen x, y;

	(void)state;
	for (unsigned i = 0; i < 3000; i++)
		add(a, (unsigned)hash_bucket(random_next(&r), 100), 1, 1000 + i);
	(void)look(a);
	w = snapshot_write(&snapshot);
	groups_save(a, w);
	from = snapshot_read(&snapshot, w);
	assert_int_equal(groups_load(b, from, &error), 0);
	state_close(from);
	for (unsigned i = 0; i < 3000; i++) {
		unsigned number = (unsigned)hash_bucket(random_next(&r), 100);

		add(a, number, 1, 5000 + i);
		add(b, number, 1, 5000 + i);
	}
	x = look(a);
	y = look(b);
	assert_memory_equal(&x, &y, sizeof x);
	assert_true(x.n == 6000 && x.others == 1);
	groups_free(a);
	groups_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    groups_are_given_in_the_order_of_arrival_and_only_when_changed),
		cmocka_unit_test(without_room_all_that_was_added_is_still_there),
		cmocka_unit_test(groups_go_on_from_their_snapshot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
