/* SPDX-License-Identifier: MIT */
#include "lib/model/slices.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/model/model.h"
#include "tests/unit/seed.h"
#include "tests/unit/snapshot.h"

enum { BYTES = 32 << 20 };

static struct error error;

static struct model *
fresh(const char *by)
{
	struct model_options o = model_options_default(OPTIMISER_LANES);
	struct model *m;

	strcpy(o.by, by);
	m = model_new(&o, BYTES, &os_system, NULL, &error);
	assert_non_null(m);
	return m;
}

static const uint8_t key[8] = { 7, 0, 0, 0, 0, 0, 1, 0 };

static double
say(const struct model *m, uint64_t slice)
{
	struct features f = { slice_of(key, 8), { 0 } };
	struct model_estimates said;

	model_slice(m, slice);
	assert_int_equal(model_predict(m, &f, &said), FEATURES_FINE);
	return said.of[MODEL_CLICK].mean;
}

static void
teach(struct model *m, uint64_t slice, bool clicked, double weight)
{
	struct features f = { slice_of(key, 8), { 0 } };
	struct model_example e = { .weight = weight, .elapsed = -1 };
	struct model_estimates said;

	e.target[MODEL_CLICK].known = true;
	e.target[MODEL_CLICK].label = clicked;
	e.target[MODEL_CLICK].weight = 1;
	model_slice(m, slice);
	assert_int_equal(model_learn(m, &f, &e, &said), FEATURES_FINE);
}

/* Two slices whose features are the same: 10 % and 30 % of clicks. */
static void
teach_both(struct model *m, struct random *r, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uint64_t slice = 1000 + i % 2;

		teach(m, slice, hash_uniform(random_next(r)) < (i % 2 ? 0.3 : 0.1), 1);
	}
}

static void
each_slice_is_corrected_by_itself(void **state)
{
	struct model *all = fresh(""), *by = fresh("shop");
	struct random r = seeded();

	(void)state;
	teach_both(by, &r, 40000);
	teach_both(all, &r, 40000);
	/* 2 % is five standard errors of a rate of 20,000. */
	assert_true(fabs(say(by, 1000) - 0.1) < 0.02);
	assert_true(fabs(say(by, 1001) - 0.3) < 0.02);
	assert_true(fabs(say(all, 1000) - 0.2) < 0.02);
	assert_true(say(all, 1001) == say(all, 1000));
	/* One that was never seen is like all. */
	assert_true(fabs(say(by, 5) - 0.2) < 0.03);
	assert_true(say(by, 5) == say(by, 0));
	model_free(all);
	model_free(by);
}

static void
a_model_with_slices_goes_on_from_a_snapshot_to_the_bit(void **state)
{
	struct model *m = fresh("shop"), *again = fresh("shop");
	struct random r = seeded(), same;
	struct snapshot s;
	struct state_writer *w;
	struct state_reader *from;

	(void)state;
	teach_both(m, &r, 3000);
	w = snapshot_write(&s);
	model_save(m, w);
	from = snapshot_read(&s, w);
	assert_int_equal(model_load(again, from, &error), 0);
	state_close(from);
	same = r;
	teach_both(m, &r, 3000);
	teach_both(again, &same, 3000);
	assert_true(say(m, 1000) == say(again, 1000));
	assert_true(say(m, 1001) == say(again, 1001));
	model_free(m);
	model_free(again);
}

static void
what_was_learned_last_is_taken_back_from_its_slice(void **state)
{
	struct model *m = fresh("shop");
	struct random r = seeded();
	double before[2];

	(void)state;
	teach_both(m, &r, 3000);
	before[0] = say(m, 1000);
	before[1] = say(m, 1001);
	teach(m, 1001, true, 1);
	assert_true(say(m, 1001) > before[1]);
	teach(m, 1001, true, -1);
	assert_true(fabs(say(m, 1000) - before[0]) < 1e-6);
	assert_true(fabs(say(m, 1001) - before[1]) < 1e-6);
	model_free(m);
}

static void
more_slices_than_there_is_room_for_give_way_to_each_other(void **state)
{
	struct model *m = fresh("shop");

	(void)state;
	for (unsigned i = 0; i < 20000; i++)
		teach(m, 1 + hash_mix(i), i % 3 == 0, 1);
	assert_true(m->slices->cells.evicted > 1000);
	assert_true(m->slices->cells.region.size < BYTES / 16);
	model_free(m);
}

static void
who_maps_a_live_model_sees_its_slices(void **state)
{
	char folder[] = "/tmp/slices-XXXXXX", live[64], beside[80];
	struct model *m = fresh("shop"), *seen;
	struct random r = seeded();
	bool missing;

	(void)state;
	assert_non_null(mkdtemp(folder));
	(void)snprintf(live, sizeof live, "%s/live", folder);
	(void)snprintf(beside, sizeof beside, "%s.slices", live);
	teach_both(m, &r, 20000);
	assert_int_equal(model_show(m, live, NULL, &error), 0);
	seen = model_attach(&os_system, live, &missing, &error);
	assert_non_null(seen);
	assert_true(say(seen, 1000) == say(m, 1000));
	assert_true(say(seen, 1001) == say(m, 1001));
	assert_true(say(seen, 1001) > 2 * say(seen, 1000));
	model_free(seen);
	model_free(m);
	assert_int_equal(unlink(live), 0);
	assert_int_equal(unlink(beside), 0);
	assert_int_equal(rmdir(folder), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_slice_is_corrected_by_itself),
		cmocka_unit_test(
		    a_model_with_slices_goes_on_from_a_snapshot_to_the_bit),
		cmocka_unit_test(what_was_learned_last_is_taken_back_from_its_slice),
		cmocka_unit_test(
		    more_slices_than_there_is_room_for_give_way_to_each_other),
		cmocka_unit_test(who_maps_a_live_model_sees_its_slices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
