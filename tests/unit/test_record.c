/* SPDX-License-Identifier: MIT */
#include "lib/record/record.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <msgpack.h>

#include "lib/hash.h"
#include "lib/record/control.h"
#include "lib/record/edit.h"
#include "lib/record/kind.h"
#include "tests/unit/seed.h"

static uint64_t
below(struct random *r, uint64_t n)
{
	return hash_bucket(random_next(r), n);
}

/* The same random value into our builder and msgpack-c's packer. */
static void
pack_scalar(struct random *r, struct build *b, msgpack_packer *pk)
{
	static const uint8_t bytes[70000];
	uint64_t n = random_next(r) >> below(r, 64);
	size_t size = (size_t)(below(r, 20) == 0 ? below(r, 65537) : below(r, 40));
	int64_t negative = -(int64_t)(n >> 1);
	double number;

	switch (below(r, 9)) {
	case 0:
		build_nil(b);
		msgpack_pack_nil(pk);
		break;
	case 1:
		build_bool(b, n & 1);
		n & 1 ? msgpack_pack_true(pk) : msgpack_pack_false(pk);
		break;
	case 2:
		build_uint(b, n);
		msgpack_pack_uint64(pk, n);
		break;
	case 3:
		build_int(b, negative);
		msgpack_pack_int64(pk, negative);
		break;
	case 4:
		number = hash_uniform(n) * 1e6 - 5e5;
		build_double(b, number);
		msgpack_pack_double(pk, number);
		break;
	case 5:
		build_float(b, (float)hash_uniform(n));
		msgpack_pack_float(pk, (float)hash_uniform(n));
		break;
	case 6:
		build_str(b, slice_of(bytes, size));
		msgpack_pack_str_with_body(pk, bytes, size);
		break;
	case 7:
		build_bin(b, slice_of(bytes, size));
		msgpack_pack_bin_with_body(pk, bytes, size);
		break;
	default:
		build_ext(b, (int8_t)n, slice_of(bytes, size));
		msgpack_pack_ext_with_body(pk, bytes, size, (int8_t)n);
	}
}

static void
pack_value(struct random *r, struct build *b, msgpack_packer *pk, unsigned depth)
{
	uint32_t n = (uint32_t)(below(r, 8) == 0 ? below(r, 30) : below(r, 4));
	char key[16];
	size_t open;

	if (depth == 0 || below(r, 3) != 0) {
		pack_scalar(r, b, pk);
		return;
	}
	if (below(r, 2) == 0) {
		open = build_open(b);
		msgpack_pack_array(pk, n);
		for (uint32_t i = 0; i < n; i++)
			pack_value(r, b, pk, depth - 1);
		build_close_array(b, open, n);
		return;
	}
	open = build_open(b);
	msgpack_pack_map(pk, n);
	for (uint32_t i = 0; i < n; i++) {
		(void)snprintf(key, sizeof key, "k%u", i);
		build_text(b, key);
		msgpack_pack_str_with_body(pk, key, strlen(key));
		pack_value(r, b, pk, depth - 1);
	}
	build_close_map(b, open, n);
}

static void
pack_record(struct random *r, struct build *b, msgpack_packer *pk)
{
	uint32_t n = (uint32_t)below(r, 24);
	char key[32];
	size_t open = build_open(b);

	msgpack_pack_map(pk, n);
	for (uint32_t i = 0; i < n; i++) {
		(void)snprintf(key, sizeof key, "%s%u_%u",
		    below(r, 3) == 0 ? "a_key_of_some_length" : "k",
		    (unsigned)below(r, 3), i);
		build_text(b, key);
		msgpack_pack_str_with_body(pk, key, strlen(key));
		pack_value(r, b, pk, 3);
	}
	build_close_map(b, open, n);
}

struct bench {
	uint8_t *storage;
	struct build build;
	msgpack_sbuffer packed;
	msgpack_packer pk;
	struct reader *reader;
	struct key k0, long0, missing;
};

static int
set_up(void **state)
{
	struct bench *t = calloc(1, sizeof *t);

	t->storage = malloc(4 * RECORD_SIZE_MAX);
	build_init(&t->build, t->storage, 4 * RECORD_SIZE_MAX - RECORD_PADDING);
	msgpack_sbuffer_init(&t->packed);
	msgpack_packer_init(&t->pk, &t->packed, msgpack_sbuffer_write);
	t->reader = reader_new();
	t->k0 = reader_key(t->reader, "k0_0");
	t->long0 = reader_key(t->reader, "a_key_of_some_length1_1");
	t->missing = reader_key(t->reader, "never_there");
	*state = t;
	return 0;
}

static int
tear_down(void **state)
{
	struct bench *t = *state;

	reader_free(t->reader);
	msgpack_sbuffer_destroy(&t->packed);
	free(t->storage);
	free(t);
	return 0;
}

static void
the_builder_writes_what_msgpack_c_writes(void **state)
{
	struct bench *t = *state;
	struct random r = seeded();

	for (unsigned i = 0; i < 5000; i++) {
		build_reset(&t->build);
		msgpack_sbuffer_clear(&t->packed);
		pack_value(&r, &t->build, &t->pk, 4);
		assert_false(build_full(&t->build));
		assert_int_equal(build_slice(&t->build).size, t->packed.size);
		assert_memory_equal(t->storage, t->packed.data, t->packed.size);
	}
}

static void
a_builder_that_is_full_stays_so_and_writes_nothing_behind_its_end(void **state)
{
	struct random r = seeded();
	uint8_t storage[64 + 16];
	struct bench *t = *state;
	struct build b;

	for (unsigned i = 0; i < 20000; i++) {
		size_t size = (size_t)below(&r, 64);

		memset(storage, 0x5a, sizeof storage);
		build_init(&b, storage, size);
		msgpack_sbuffer_clear(&t->packed);
		pack_value(&r, &b, &t->pk, 3);
		for (size_t k = size; k < sizeof storage; k++)
			assert_int_equal(storage[k], 0x5a);
		if (t->packed.size > size)
			assert_true(build_full(&b));
	}
}

/* Compare a value with msgpack-c's object of it, all the way down. */
static void
assert_same(struct slice value, const msgpack_object *o)
{
	struct value_walk walk;
	struct slice key, item, bytes;
	uint64_t u;
	int64_t i;
	double d;
	int8_t type;
	bool flag;

	assert_int_equal(value_size(value.at), value.size);
	switch (o->type) {
	case MSGPACK_OBJECT_NIL:
		assert_int_equal(value_type(value), VALUE_NIL);
		break;
	case MSGPACK_OBJECT_BOOLEAN:
		assert_true(value_bool(value, &flag));
		assert_int_equal(flag, o->via.boolean);
		break;
	case MSGPACK_OBJECT_POSITIVE_INTEGER:
		assert_true(value_uint(value, &u));
		assert_true(u == o->via.u64);
		assert_int_equal(value_int(value, &i), u <= INT64_MAX);
		break;
	case MSGPACK_OBJECT_NEGATIVE_INTEGER:
		assert_false(value_uint(value, &u));
		assert_true(value_int(value, &i) && i == o->via.i64);
		break;
	case MSGPACK_OBJECT_FLOAT32:
	case MSGPACK_OBJECT_FLOAT64:
		assert_int_equal(value_type(value), VALUE_FLOAT);
		assert_true(value_number(value, &d));
		assert_memory_equal(&d, &o->via.f64, sizeof d);
		break;
	case MSGPACK_OBJECT_STR:
		assert_true(value_str(value, &bytes));
		assert_int_equal(bytes.size, o->via.str.size);
		assert_memory_equal(bytes.at, o->via.str.ptr, bytes.size);
		break;
	case MSGPACK_OBJECT_BIN:
		assert_true(value_bin(value, &bytes));
		assert_int_equal(bytes.size, o->via.bin.size);
		assert_memory_equal(bytes.at, o->via.bin.ptr, bytes.size);
		break;
	case MSGPACK_OBJECT_EXT:
		assert_true(value_ext(value, &type, &bytes));
		assert_int_equal(type, o->via.ext.type);
		assert_int_equal(bytes.size, o->via.ext.size);
		break;
	case MSGPACK_OBJECT_ARRAY:
		assert_int_equal(value_type(value), VALUE_ARRAY);
		assert_int_equal(value_count(value), o->via.array.size);
		value_open(value, &walk);
		for (uint32_t n = 0; value_next(&walk, &key, &item); n++)
			assert_same(item, &o->via.array.ptr[n]);
		break;
	case MSGPACK_OBJECT_MAP:
		assert_int_equal(value_type(value), VALUE_MAP);
		assert_int_equal(value_count(value), o->via.map.size);
		value_open(value, &walk);
		for (uint32_t n = 0; value_next(&walk, &key, &item); n++) {
			assert_same(key, &o->via.map.ptr[n].key);
			assert_same(item, &o->via.map.ptr[n].val);
		}
	}
}

static void
a_scanned_record_means_what_msgpack_c_says(void **state)
{
	struct bench *t = *state;
	struct random r = seeded();
	struct record record;
	struct fault fault;
	struct slice value, key;
	size_t need;

	for (unsigned i = 0; i < 3000; i++) {
		msgpack_unpacked whole;

		build_reset(&t->build);
		msgpack_sbuffer_clear(&t->packed);
		pack_record(&r, &t->build, &t->pk);
		if (build_slice(&t->build).size > RECORD_SIZE_MAX)
			continue;
		assert_int_equal(record_scan(t->reader, build_slice(&t->build), &record,
				     &fault, &need),
		    SCAN_RECORD);
		assert_int_equal(record.size, t->packed.size);
		msgpack_unpacked_init(&whole);
		assert_int_equal(
		    msgpack_unpack_next(&whole, t->packed.data, t->packed.size, NULL),
		    MSGPACK_UNPACK_SUCCESS);
		assert_int_equal(record.count, whole.data.via.map.size);
		for (unsigned k = 0; k < record.count; k++) {
			const msgpack_object_kv *pair = &whole.data.via.map.ptr[k];

			assert_same(record_value_at(&record, k), &pair->val);
			key = record_key_at(&record, k);
			assert_int_equal(key.size, pair->key.via.str.size);
			assert_memory_equal(key.at, pair->key.via.str.ptr, key.size);
			if (slice_is(key, "k0_0") ||
			    slice_is(key, "a_key_of_some_length1_1")) {
				assert_true(record_value(&record,
				    slice_is(key, "k0_0") ? t->k0 : t->long0, &value));
				assert_ptr_equal(
				    value.at, record_value_at(&record, k).at);
			}
		}
		assert_false(record_value(&record, t->missing, &value));
		msgpack_unpacked_destroy(&whole);
	}
}

static void
every_prefix_of_a_record_asks_for_more_but_never_too_much(void **state)
{
	struct bench *t = *state;
	struct random r = seeded();
	struct record record;
	struct fault fault;
	size_t size, need;

	for (unsigned i = 0; i < 300; i++) {
		build_reset(&t->build);
		msgpack_sbuffer_clear(&t->packed);
		pack_record(&r, &t->build, &t->pk);
		size = build_slice(&t->build).size;
		if (size > 3000)
			continue;
		for (size_t cut = 0; cut < size; cut++) {
			assert_int_equal(
			    record_scan(t->reader, slice_of(t->storage, cut), &record,
				&fault, &need),
			    SCAN_MORE);
			assert_in_range(need, cut + 1, size);
		}
	}
}

static enum scan
scan_text(struct bench *t, const char *bytes, size_t size, struct record *record,
    const char **reason)
{
	struct fault fault;
	size_t need;
	enum scan scan;

	memcpy(t->storage, bytes, size);
	scan =
	    record_scan(t->reader, slice_of(t->storage, size), record, &fault, &need);
	*reason = fault.reason;
	return scan;
}

static void
hostile_claims_are_refused_from_their_first_bytes(void **state)
{
	struct bench *t = *state;
	struct record record;
	const char *reason;

	assert_int_equal(
	    scan_text(t, "\xdd\x0f\xff\xff\xff", 5, &record, &reason), SCAN_FOREIGN);
	assert_int_equal(scan_text(t,
			     "\x81\xa1"
			     "a\xdd\x0f\xff\xff\xff",
			     8, &record, &reason),
	    SCAN_LARGE);
	assert_int_equal(
	    scan_text(t, "\xdf\xff\xff\xff\xff", 5, &record, &reason), SCAN_LARGE);
	assert_int_equal(scan_text(t,
			     "\x81\xa1"
			     "a\xdb\xff\xff\xff\xff",
			     8, &record, &reason),
	    SCAN_LARGE);
	assert_int_equal(scan_text(t,
			     "\x81\xa1"
			     "a\xc1",
			     4, &record, &reason),
	    SCAN_FOREIGN);
	assert_int_equal(scan_text(t, "hello", 5, &record, &reason), SCAN_FOREIGN);
}

static void
a_record_that_breaks_a_rule_is_rejected_with_its_extent(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		const char *reason;
	} cases[] = {
		{ "\x82\xa1"
		  "a\x01\xa1"
		  "a\x02",
		    7, "the same key twice" },
		{ "\x81\x01\x02", 3, "a key that is not a string" },
		{ "\x81\xa1"
		  "a\x91\x91\x91\x91\x91\x91\x91\x91\xc0",
		    12, "nested deeper than 8" },
	};
	struct bench *t = *state;
	struct record record;
	const char *reason;
	size_t open;

	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(
		    scan_text(t, cases[i].bytes, cases[i].size, &record, &reason),
		    SCAN_REJECT);
		assert_string_equal(reason, cases[i].reason);
		assert_int_equal(record.size, cases[i].size);
	}
	build_reset(&t->build);
	open = build_open(&t->build);
	for (unsigned i = 0; i < 257; i++) {
		char key[8];

		(void)snprintf(key, sizeof key, "%u", i);
		build_text(&t->build, key);
		build_nil(&t->build);
	}
	build_close_map(&t->build, open, 257);
	{
		struct fault fault;
		size_t need;

		assert_int_equal(record_scan(t->reader, build_slice(&t->build), &record,
				     &fault, &need),
		    SCAN_REJECT);
		assert_string_equal(fault.reason, "a map of more than 256 keys");
		assert_int_equal(record.size, build_slice(&t->build).size);
	}
}

static void
more_shapes_than_the_reader_keeps_are_still_read_right(void **state)
{
	struct bench *t = *state;
	struct random r = seeded();
	struct record record;
	struct fault fault;
	struct slice value;
	size_t need;
	char key[32];

	for (unsigned i = 0; i < 20000; i++) {
		unsigned which = (unsigned)below(&r, 3000);
		int64_t number = (int64_t)below(&r, 1000), got;

		build_reset(&t->build);
		build_map(&t->build, 2);
		(void)snprintf(key, sizeof key, "key_number_%u", which);
		build_text(&t->build, key);
		build_nil(&t->build);
		build_text(&t->build, "k0_0");
		build_int(&t->build, number);
		assert_int_equal(record_scan(t->reader, build_slice(&t->build), &record,
				     &fault, &need),
		    SCAN_RECORD);
		assert_true(record_int(&record, t->k0, &got));
		assert_int_equal(got, number);
		assert_false(record_value(&record, t->long0, &value));
		assert_true(slice_is(record_key_at(&record, 0), key));
	}
}

static void
a_value_too_large_to_hold_is_stepped_over_in_pieces_of_any_size(void **state)
{
	struct bench *t = *state;
	struct random r = seeded();

	for (unsigned i = 0; i < 500; i++) {
		struct skipper s = { 0 };
		struct fault fault;
		size_t size, at = 0, consumed;
		enum scan scan = SCAN_MORE;

		build_reset(&t->build);
		msgpack_sbuffer_clear(&t->packed);
		pack_record(&r, &t->build, &t->pk);
		size = build_slice(&t->build).size;
		t->storage[size] = 0x01; /* the next value must not be touched */
		while (scan == SCAN_MORE) {
			size_t piece = 1 + (size_t)below(&r, 40);

			piece = piece < size + 1 - at ? piece : size + 1 - at;
			assert_true(piece > 0);
			scan = record_skip(
			    &s, slice_of(t->storage + at, piece), &consumed, &fault);
			at += consumed;
		}
		assert_int_equal(scan, SCAN_RECORD);
		assert_int_equal(at, size);
	}
}

static void
edits_leave_out_replace_and_append_pairs_in_order(void **state)
{
	static const char in[] = "\x84\xa1"
				 "a\x01\xa4"
				 "k0_0\x02\xa1"
				 "c\x03\xa1"
				 "d\x04";
	static const char set[] = "\x85\xa1"
				  "a\x01\xa1"
				  "c\x03\xa1"
				  "d\x04\xa4"
				  "k0_0\x07\xab"
				  "never_there\xc3";
	static const char kept[] = "\x81\xa4"
				   "k0_0\x02";
	struct bench *t = *state;
	uint8_t *storage = malloc(EDIT_STORAGE), out[256];
	struct record record;
	struct edit edit;
	struct build b;
	const char *reason;

	edit_init(&edit, storage);
	assert_int_equal(
	    scan_text(t, in, sizeof in - 1, &record, &reason), SCAN_RECORD);
	build_uint(edit_set(&edit, t->reader, &record, t->k0), 7);
	build_bool(edit_set(&edit, t->reader, &record, t->missing), true);
	build_init(&b, out, sizeof out);
	edit_apply(&edit, &record, &b);
	assert_int_equal(build_slice(&b).size, sizeof set - 1);
	assert_memory_equal(out, set, sizeof set - 1);

	edit_reset(&edit);
	edit_keep(&edit, &record, (struct key[]){ t->k0, t->missing }, 2);
	build_reset(&b);
	edit_apply(&edit, &record, &b);
	assert_int_equal(build_slice(&b).size, sizeof kept - 1);
	assert_memory_equal(out, kept, sizeof kept - 1);

	edit_reset(&edit);
	build_reset(&b);
	edit_apply(&edit, &record, &b);
	assert_memory_equal(out, in, sizeof in - 1);
	free(storage);
}

static void
the_envelope_is_read_with_its_types_and_bounds(void **state)
{
	static const char good[] = "\x83\xa5"
				   "event\xa5"
				   "click\xa9"
				   "timestamp\xd7\xff"
				   "\x00\x00\x00\x00\x00\x00\x00\x05\xa6"
				   "weight\xff";
	static const char wrong[] = "\x82\xa9"
				    "timestamp\xcf\xff\xff\xff\xff\xff\xff\xff\xff"
				    "\xa6"
				    "weight\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00";
	static const char bare[] = "\x81\xa5"
				   "event\x01";
	struct bench *t = *state;
	struct record record;
	const char *reason;
	instant when;
	double weight;

	assert_int_equal(
	    scan_text(t, good, sizeof good - 1, &record, &reason), SCAN_RECORD);
	assert_int_equal(record_kind(&record), KIND_CLICK);
	assert_true(record_timestamp(&record, &when));
	assert_int_equal(when, 5000000);
	assert_true(record_weight(&record, &weight) && weight == -1);
	assert_int_equal(
	    scan_text(t, wrong, sizeof wrong - 1, &record, &reason), SCAN_RECORD);
	assert_int_equal(record_kind(&record), KIND_OTHER);
	assert_false(record_timestamp(&record, &when));
	assert_false(record_weight(&record, &weight));
	assert_int_equal(
	    scan_text(t, bare, sizeof bare - 1, &record, &reason), SCAN_RECORD);
	assert_int_equal(record_kind(&record), KIND_OTHER);
	assert_true(record_weight(&record, &weight) && weight == 1);
}

static void
every_kind_is_found_by_its_name(void **state)
{
	(void)state;
	for (unsigned k = 1; k < KIND_COUNT; k++)
		assert_int_equal(kind_of(slice_text(kind_name((enum kind)k))), k);
	assert_int_equal(kind_of(slice_text("clicks")), KIND_OTHER);
	assert_int_equal(kind_of(slice_text("clack")), KIND_OTHER);
}

static void
a_control_record_survives_and_a_flipped_bit_is_seen(void **state)
{
	uint8_t storage[CONTROL_SIZE_MAX];
	struct control control;
	struct build b;
	struct slice bytes;
	instant watermark;
	bool idle, damaged;

	(void)state;
	build_init(&b, storage, sizeof storage);
	control_build_tick(&b, 1714521600000000, true);
	bytes = build_slice(&b);
	assert_true(control_read(bytes, &control, &damaged));
	assert_true(control_tick(&control, &watermark, &idle));
	assert_int_equal(watermark, 1714521600000000);
	assert_true(idle);
	for (size_t bit = 8 * 3; bit < 8 * bytes.size; bit++) {
		storage[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(control_read(bytes, &control, &damaged));
		assert_true(damaged);
		storage[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	storage[2] = 5; /* an ext of somebody else's */
	assert_false(control_read(bytes, &control, &damaged));
	assert_false(damaged);
}

static void
an_extent_is_found_at_every_depth_and_no_claim_is_believed(void **state)
{
	static const uint8_t nested[] = { 0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 0x91,
		0x91, 0x91, 0x91, 0xa1, 'x', 0x01 };
	static const uint8_t claim[] = { 0xdd, 0x0f, 0xff, 0xff, 0xff, 0x01 };
	static const uint8_t never[] = { 0x92, 0x01, 0xc1, 0x00 };
	struct fault fault;
	size_t size;

	(void)state;
	for (size_t cut = 0; cut < 12; cut++)
		assert_int_equal(
		    record_extent(slice_of(nested, cut), &size, &fault), SCAN_MORE);
	assert_int_equal(
	    record_extent(slice_of(nested, 13), &size, &fault), SCAN_RECORD);
	assert_int_equal(size, 12);
	assert_int_equal(record_extent(slice_of(claim, 5), &size, &fault), SCAN_MORE);
	assert_int_equal(
	    record_extent(slice_of(never, 3), &size, &fault), SCAN_FOREIGN);
	assert_int_equal(fault.at, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    an_extent_is_found_at_every_depth_and_no_claim_is_believed),
		cmocka_unit_test(the_builder_writes_what_msgpack_c_writes),
		cmocka_unit_test(
		    a_builder_that_is_full_stays_so_and_writes_nothing_behind_its_end),
		cmocka_unit_test(a_scanned_record_means_what_msgpack_c_says),
		cmocka_unit_test(
		    every_prefix_of_a_record_asks_for_more_but_never_too_much),
		cmocka_unit_test(hostile_claims_are_refused_from_their_first_bytes),
		cmocka_unit_test(
		    a_record_that_breaks_a_rule_is_rejected_with_its_extent),
		cmocka_unit_test(
		    more_shapes_than_the_reader_keeps_are_still_read_right),
		cmocka_unit_test(
		    a_value_too_large_to_hold_is_stepped_over_in_pieces_of_any_size),
		cmocka_unit_test(edits_leave_out_replace_and_append_pairs_in_order),
		cmocka_unit_test(the_envelope_is_read_with_its_types_and_bounds),
		cmocka_unit_test(every_kind_is_found_by_its_name),
		cmocka_unit_test(a_control_record_survives_and_a_flipped_bit_is_seen),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
