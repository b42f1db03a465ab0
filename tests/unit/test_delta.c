/* SPDX-License-Identifier: MIT */
#include "lib/modeltool/delta.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/modeltool/summary.h"
#include "tests/unit/learnt.h"
#include "tests/unit/seed.h"

/* Everything that was sent, record after record. */
static struct sent {
	uint8_t *at;
	size_t size, room, count;
	size_t begins[100000];
} sent;

static struct reader *reader;
static struct follower follower;
static struct error error;

static int
keep(void *context, struct slice record)
{
	(void)context;
	assert_true(record.size <= 256 * 1024);
	if (sent.size + record.size + RECORD_PADDING > sent.room) {
		sent.room = 2 * (sent.size + record.size) + RECORD_PADDING;
		sent.at = realloc(sent.at, sent.room);
		assert_non_null(sent.at);
	}
	assert_true(sent.count < sizeof sent.begins / sizeof *sent.begins - 1);
	memcpy(sent.at + sent.size, record.at, record.size);
	sent.begins[sent.count++] = sent.size;
	sent.size += record.size;
	sent.begins[sent.count] = sent.size;
	return 0;
}

static int
set_up(void **state)
{
	(void)state;
	sent.size = sent.count = 0;
	reader = reader_new();
	assert_non_null(reader);
	follower_init(&follower, reader, &os_system, NULL, UINT64_C(1) << 30);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	follower_fini(&follower);
	reader_free(reader);
	free(sent.at);
	sent = (struct sent){ 0 };
	return 0;
}

static int
take(size_t i)
{
	struct record record;
	struct fault fault;
	size_t need;

	assert_int_equal(
	    record_scan(reader,
		slice_of(sent.at + sent.begins[i], sent.begins[i + 1] - sent.begins[i]),
		&record, &fault, &need),
	    SCAN_RECORD);
	record.number = i + 1;
	return follower_take(&follower, &record, &error);
}

/* Take from i on what there is; the last one must complete a version. */
static void
take_from(size_t i)
{
	int status = 0;

	for (; i < sent.count; i++) {
		status = take(i);
		if (status < 0)
			fail_msg("%s", error.text);
	}
	assert_int_equal(status, 1);
}

static void
assert_same(const struct model *a, const struct model *b)
{
	struct summary_difference d;

	assert_int_equal(summary_compare(a, b, 0, NULL, NULL, &d, &error), 0);
	assert_true(summary_is_same(&d));
}

/* To the bit, of features that it knows and others, at a place that learnt_more has. */
static void
assert_predicts_the_same(struct model *a, struct model *b, unsigned values)
{
	const struct examination_place place = { .key = examination_key_int(0, 1) };
	struct random r = { 99 };

	model_place_at(a, &place);
	model_place_at(b, &place);

	for (unsigned i = 0; i < 100; i++) {
		struct model_estimates x = { 0 }, y = { 0 };
		struct learnt_example e;
		struct features f = learnt_next(&r, 2 * values, &e);

		assert_int_equal(model_predict(a, &f, &x), FEATURES_FINE);
		assert_int_equal(model_predict(b, &f, &y), FEATURES_FINE);
		assert_memory_equal(&x, &y, sizeof x);
	}
}

static struct model *
fresh(const struct model_options *o, uint64_t bytes)
{
	struct model *m = model_new(o, bytes, &os_system, NULL, &error);

	assert_non_null(m);
	return m;
}

/* Two pairs are chosen. */
static void
cross(struct model *m)
{
	model_state(m)->crosses = (struct crosses){ .count = 2,
		.fields = 3,
		.space = { 2, 0, 1 },
		.pair = { { 0, 1 }, { 1, 2 } } };
}

/* Versions of random sizes; after each the follower is where the sender is. */
static void
check(const struct model_options *o, uint64_t bytes, unsigned values, unsigned versions,
    unsigned most)
{
	struct deltas d = { .emit = keep };
	struct model *m = fresh(o, bytes);
	struct random r = seeded();

	if (o->crosses > 0)
		cross(m);
	assert_int_equal(deltas_begin(&d, m, &error), 0);
	for (unsigned v = 0; v < versions; v++) {
		size_t before = sent.count;

		learnt_more(
		    m, &r, values, 1 + (unsigned)hash_bucket(random_next(&r), most));
		assert_int_equal(deltas_send(&d, 1), 0);
		assert_true(deltas_pending(&d) == 0);
		take_from(before);
		assert_true(follower.version == model_state(m)->examples);
		assert_same(m, follower.model);
		assert_predicts_the_same(m, follower.model, values);
	}
	deltas_fini(&d);
	model_free(m);
}

static void
a_follower_has_the_same_model_at_each_version(void **state)
{
	struct model_options o = model_options_default(OPTIMISER_LANES);

	(void)state;
	check(&o, LEARNT_BYTES, 200, 50, 100);
}

static void
pairs_that_are_crossed_go_with_it(void **state)
{
	struct model_options o = model_options_default(OPTIMISER_LANES);

	(void)state;
	o.crosses = 2;
	check(&o, LEARNT_BYTES, 200, 50, 100);
}

static void
so_does_what_is_known_of_places(void **state)
{
	struct model_options o = model_options_default(OPTIMISER_LANES);

	(void)state;
	strcpy(o.examination, "position");
	check(&o, LEARNT_BYTES, 200, 50, 100);
	assert_int_equal(model_state(follower.model)->examination.count, 3);
}

static void
also_while_the_table_grows(void **state)
{
	struct model_options o = model_options_default(OPTIMISER_LANES);

	(void)state;
	check(&o, UINT64_C(1) << 27, 1000000, 12, 12000);
	assert_true(follower.model->cells.homes > 1 << 12);
}

static void
also_while_features_evict_each_other(void **state)
{
	struct model_options o = model_options_default(OPTIMISER_LANES);

	(void)state;
	check(&o, CELLS_BYTES_MIN, 100000, 12, 3000);
	assert_true(follower.model->cells.evicted > 1000);
}

static void
also_of_several_targets_and_of_other_algorithms(void **state)
{
	struct model_options o = model_options_default(OPTIMISER_LANES);

	o.target[MODEL_CONVERSION] = o.target[MODEL_VALUE] = true;
	check(&o, LEARNT_BYTES, 200, 10, 1000);
	tear_down(state);
	set_up(state);
	o = model_options_default(OPTIMISER_FTRL);
	check(&o, LEARNT_BYTES, 200, 10, 1000);
	tear_down(state);
	set_up(state);
	o = model_options_default(OPTIMISER_LANES);
	o.admit = 3;
	check(&o, LEARNT_BYTES, 200, 10, 1000);
}

static struct model_options
factored(unsigned k, bool field_aware)
{
	struct model_options o = model_options_default(OPTIMISER_LANES);

	o.factors = (struct factors_options){ k, field_aware };
	return o;
}

static void
also_of_factors(void **state)
{
	struct model_options o = factored(8, false);

	(void)state;
	check(&o, LEARNT_BYTES, 200, 50, 100);
	assert_true(follower.model->rows->cells.used > 300);
	tear_down(state);
	set_up(state);
	o = factored(4, true);
	o.target[MODEL_CONVERSION] = true;
	o.admit = 2;
	check(&o, LEARNT_BYTES, 200, 10, 1000);
	assert_true(rows_fields(follower.model->rows)->count == LEARNT_FIELDS);
}

static void
also_while_rows_grow(void **state)
{
	struct model_options o = factored(16, false);

	(void)state;
	check(&o, UINT64_C(1) << 27, 30000, 12, 24000);
	assert_true(follower.model->rows->cells.used > (1 << 11) * CELLS_LINE);
	assert_true(follower.model->rows->cells.homes > 1 << 11);
}

static void
also_while_rows_evict_each_other(void **state)
{
	struct model_options o = factored(4, true);

	(void)state;
	check(&o, 1 << 19, 3000, 12, 3000);
	assert_true(follower.model->rows->cells.evicted > 1000);
}

static void
also_when_the_ticks_of_touches_are_counted_anew(void **state)
{
	struct model_options o = model_options_default(OPTIMISER_LANES);
	struct model *m = fresh(&o, LEARNT_BYTES);
	struct deltas d = { .emit = keep };
	struct random r = { 5 };

	(void)state;
	assert_int_equal(deltas_begin(&d, m, &error), 0);
	learnt_more(m, &r, 200, 100);
	assert_int_equal(deltas_send(&d, 0), 0);
	take_from(0);
	model_state(m)->examples += UINT64_C(70000) * CELLS_TICK;
	for (unsigned i = 0; i < 3; i++) {
		size_t before = sent.count;

		learnt_more(m, &r, 200, 100);
		assert_int_equal(deltas_send(&d, 0), 0);
		take_from(before);
		assert_true(follower.model->cells.base == m->cells.base);
		assert_memory_equal(m->cells.lines, follower.model->cells.lines,
		    m->cells.line_count * sizeof(struct cells_line));
	}
	assert_true(m->cells.base > 0);
	deltas_fini(&d);
	model_free(m);
}

static void
only_what_changed_is_sent(void **state)
{
	struct model_options o = model_options_default(OPTIMISER_LANES);
	struct model *m = fresh(&o, LEARNT_BYTES);
	struct deltas d = { .emit = keep };
	struct random r = { 5 };
	size_t before;

	(void)state;
	learnt_more(m, &r, 1000, 20000);
	assert_int_equal(deltas_begin(&d, m, &error), 0);
	assert_int_equal(deltas_send(&d, 0), 0);
	assert_true(sent.size > m->cells.used * 64);
	before = sent.size;
	learnt_more(m, &r, 1000, 1);
	assert_int_equal(deltas_send(&d, 0), 0);
	assert_true(sent.size - before <
	    sizeof(struct model_state) + LEARNT_FIELDS * 90 + 1000);
	before = sent.size;
	assert_int_equal(deltas_send(&d, 0), 0);
	assert_true(sent.size == before);
	deltas_fini(&d);
	model_free(m);
}

/* Three versions of several records each. */
static void
send_three(struct model *m, struct deltas *d)
{
	struct random r = { 8 };

	assert_int_equal(deltas_begin(d, m, &error), 0);
	for (unsigned i = 0; i < 3; i++) {
		learnt_more(m, &r, 10000, 3000);
		assert_int_equal(deltas_send(d, 0), 0);
	}
	assert_true(sent.count > 8);
}

static void
a_lost_record_is_named(void **state)
{
	struct model_options o = model_options_default(OPTIMISER_LANES);
	struct model *m = fresh(&o, LEARNT_BYTES);
	struct deltas d = { .emit = keep };
	int status = 0;

	(void)state;
	send_three(m, &d);
	for (size_t i = 0; i < sent.count && status >= 0; i++)
		status = i == 4 ? status : take(i);
	assert_int_equal(status, -1);
	assert_non_null(strstr(error.text, "delta 4 is missing: after 3 came 5"));
	follower_fini(&follower);
	follower_init(&follower, reader, &os_system, NULL, UINT64_C(1) << 30);
	assert_int_equal(take(2), -1);
	assert_non_null(strstr(error.text, "the stream does not begin with it"));
	deltas_fini(&d);
	model_free(m);
}

static void
a_changed_byte_is_found_wherever_it_is(void **state)
{
	struct model_options o = model_options_default(OPTIMISER_LANES);
	struct model *m = fresh(&o, LEARNT_BYTES);
	struct deltas d = { .emit = keep };
	struct random r = seeded();
	unsigned found = 0;

	(void)state;
	send_three(m, &d);
	for (unsigned i = 0; i < 300; i++) {
		size_t at = sent.begins[0] + 400 +
		    hash_bucket(random_next(&r), sent.begins[1] - 1000);

		follower_fini(&follower);
		follower_init(&follower, reader, &os_system, NULL, UINT64_C(1) << 30);
		sent.at[at] ^= 1;
		found += take(0) < 0;
		sent.at[at] ^= 1;
	}
	assert_int_equal(found, 300);
	assert_non_null(strstr(error.text, "delta 0 of version"));
	deltas_fini(&d);
	model_free(m);
}

static void
a_stream_may_begin_anew_at_any_record(void **state)
{
	struct model_options o = model_options_default(OPTIMISER_LANES);
	struct model *m = fresh(&o, LEARNT_BYTES), *other = fresh(&o, LEARNT_BYTES);
	struct deltas d = { .emit = keep };
	struct random r = { 77 };

	(void)state;
	send_three(m, &d);
	for (size_t i = 0; i < sent.count; i++)
		if (i != sent.count - 1)
			assert_true(take(i) >= 0);
	assert_false(follower.complete);
	sent.size = sent.count = 0;
	learnt_more(other, &r, 500, 5000);
	assert_int_equal(deltas_begin(&d, other, &error), 0);
	assert_int_equal(deltas_send(&d, 0), 0);
	/* Its first record twice: the sender died after it. */
	if (sent.count > 1)
		assert_int_equal(take(0), 0);
	take_from(0);
	assert_same(other, follower.model);
	deltas_fini(&d);
	model_free(m);
	model_free(other);
}

static void
check_snapshot(const struct model_options *o)
{
	static const struct state_identity identity = { .name = "test" };
	struct model *m = fresh(o, LEARNT_BYTES), *again = fresh(o, LEARNT_BYTES);
	struct deltas d = { .emit = keep }, e = { .emit = keep };
	char path[] = "/tmp/delta-XXXXXX";
	struct random r = { 13 };
	enum state_trouble trouble;
	struct state_writer *to;
	struct state_reader *from;
	size_t before;

	send_three(m, &d);
	learnt_more(m, &r, 10000, 100);
	assert_int_equal(close(mkstemp(path)), 0);
	to = state_write(&os_system, path, &identity, &error);
	assert_non_null(to);
	model_save(m, to);
	deltas_save(&d, to);
	assert_int_equal(state_commit(to, &error), 0);
	from = state_read(&os_system, path, &identity, &trouble, &error);
	assert_non_null(from);
	assert_int_equal(model_load(again, from, &error), 0);
	assert_int_equal(deltas_begin(&e, again, &error), 0);
	assert_int_equal(deltas_load(&e, from, &error), 0);
	state_close(from);
	assert_int_equal(unlink(path), 0);

	/* Both send the same bytes from here on. */
	before = sent.count;
	assert_int_equal(deltas_send(&d, 0), 0);
	assert_int_equal(deltas_send(&e, 0), 0);
	assert_int_equal(sent.count - before, 2);
	assert_int_equal(sent.begins[before + 1] - sent.begins[before],
	    sent.begins[before + 2] - sent.begins[before + 1]);
	assert_memory_equal(sent.at + sent.begins[before],
	    sent.at + sent.begins[before + 1],
	    sent.begins[before + 1] - sent.begins[before]);
	deltas_fini(&d);
	deltas_fini(&e);
	model_free(m);
	model_free(again);
}

static void
what_is_to_be_sent_survives_a_snapshot(void **state)
{
	struct model_options o = model_options_default(OPTIMISER_LANES);

	check_snapshot(&o);
	tear_down(state);
	set_up(state);
	o = factored(4, false);
	check_snapshot(&o);
}

static void
records_with_rows_are_no_larger_and_hold_only_what_changed(void **state)
{
	struct model_options o = factored(16, true);
	struct model *m = fresh(&o, UINT64_C(1) << 26);
	struct deltas d = { .emit = keep };
	struct random r = { 5 };
	size_t before;

	(void)state;
	learnt_more(m, &r, 1000, 5000);
	assert_int_equal(deltas_begin(&d, m, &error), 0);
	assert_int_equal(deltas_send(&d, 0), 0);
	assert_true(sent.size > m->rows->cells.used * 4096);
	for (size_t i = 0; i < sent.count; i++)
		assert_true(sent.begins[i + 1] - sent.begins[i] < DELTA_CELLS +
			18 * DELTA_CELLS / 64 + sizeof(struct model_state) +
			REGION_TEXT);
	before = sent.size;
	learnt_more(m, &r, 1000, 1);
	assert_int_equal(deltas_send(&d, 0), 0);
	assert_true(sent.size - before <
	    sizeof(struct model_state) + LEARNT_FIELDS * (90 + 4096 + 30) + 1000);
	deltas_fini(&d);
	model_free(m);
}

static void
rows_of_other_fields_or_none_are_refused(void **state)
{
	struct model_options o = factored(4, false);
	struct model *m = fresh(&o, LEARNT_BYTES);
	struct deltas d = { .emit = keep };

	(void)state;
	send_three(m, &d);
	/* Behind the name: the head of the bin, the count, then the first space twice. */
	for (size_t at = sent.begins[0]; at < sent.begins[1]; at++)
		if (memcmp(sent.at + at, "fields\xc4", 7) == 0)
			memcpy(
			    sent.at + at + 7 + 1 + 4 + 2, sent.at + at + 7 + 1 + 4, 2);
	follower.trusts = true;
	assert_int_equal(take(0), -1);
	assert_non_null(strstr(error.text, "its fields are not sound"));
	follower_fini(&follower);
	follower_init(&follower, reader, &os_system, NULL, UINT64_C(1) << 30);
	follower.trusts = true;
	for (size_t at = sent.begins[0]; at < sent.begins[1]; at++)
		if (memcmp(sent.at + at, "fields\xc4", 7) == 0)
			memcpy(sent.at + at, "fjelds", 6);
	assert_int_equal(take(0), -1);
	assert_non_null(strstr(error.text, "the size of its table is damaged"));
	deltas_fini(&d);
	model_free(m);
}

static void
too_little_memory_is_an_error(void **state)
{
	struct model_options o = model_options_default(OPTIMISER_LANES);
	struct model *m = fresh(&o, LEARNT_BYTES);
	struct deltas d = { .emit = keep };

	(void)state;
	send_three(m, &d);
	follower.memory = 1 << 17;
	assert_int_equal(take(0), -1);
	assert_non_null(strstr(error.text, "needs"));
	deltas_fini(&d);
	model_free(m);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_follower_has_the_same_model_at_each_version),
		TEST(pairs_that_are_crossed_go_with_it),
		TEST(so_does_what_is_known_of_places),
		TEST(also_while_the_table_grows),
		TEST(also_while_features_evict_each_other),
		TEST(also_of_several_targets_and_of_other_algorithms),
		TEST(also_of_factors),
		TEST(also_while_rows_grow),
		TEST(also_while_rows_evict_each_other),
		TEST(also_when_the_ticks_of_touches_are_counted_anew),
		TEST(only_what_changed_is_sent),
		TEST(a_lost_record_is_named),
		TEST(a_changed_byte_is_found_wherever_it_is),
		TEST(a_stream_may_begin_anew_at_any_record),
		TEST(what_is_to_be_sent_survives_a_snapshot),
		TEST(records_with_rows_are_no_larger_and_hold_only_what_changed),
		TEST(rows_of_other_fields_or_none_are_refused),
		TEST(too_little_memory_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
