/* SPDX-License-Identifier: MIT */
#include "lib/net/forward.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/net/write.h"
#include "lib/record/control.h"
#include "tests/unit/seed.h"

enum { ROOM = 1 << 20 };

#define NOW INT64_C(1700000000000000)
#define SECONDS INT64_C(1500000000)

static const struct forward_limits limits = { 1 << 22, 1 << 22 };
static uint8_t storage[ROOM + BUFFER_PADDING], wanted_storage[ROOM];

static struct build
begin(void)
{
	struct build b;

	build_init(&b, storage, ROOM);
	return b;
}

/* {"n": i} with what is added. */
static void
plain(struct build *b, uint64_t i)
{
	build_map(b, 1);
	build_text(b, "n");
	build_uint(b, i);
}

static void
completed(struct build *b, uint64_t i, instant when)
{
	build_map(b, 3);
	build_text(b, "n");
	build_uint(b, i);
	build_text(b, "timestamp");
	build_int(b, when);
	build_text(b, "tag");
	build_text(b, "a.b");
}

/* Decode one message and compare the records that come of it. */
static void
becomes_in(struct forward *f, struct slice message, struct slice wanted, uint64_t count)
{
	struct forward_framer framer = { 0 };
	struct forward_message m;
	struct forward_records r;
	struct fault fault = { 0 };
	size_t size = 0;

	assert_int_equal(forward_frame(&framer, message, &size, &fault), FRAME_WHOLE);
	assert_int_equal(size, message.size);
	if (!forward_parse(f, message, &m, &fault) ||
	    !forward_records(f, &m, NOW, NULL, &r, &fault))
		fail_msg("%s", fault.reason);
	assert_int_equal(r.count, count);
	assert_true(slice_equal(r.bytes, wanted));
}

static void
becomes(struct slice message, struct slice wanted, uint64_t count)
{
	struct forward *f = forward_new("tag", &limits);

	assert_non_null(f);
	becomes_in(f, message, wanted, count);
	forward_free(f);
}

static void
is_refused(struct slice message, const char *part)
{
	struct forward *f = forward_new("tag", &limits);
	struct forward_framer framer = { 0 };
	struct forward_message m;
	struct forward_records r;
	struct fault fault = { 0 };
	size_t size;

	assert_non_null(f);
	assert_int_equal(forward_frame(&framer, message, &size, &fault), FRAME_WHOLE);
	if (forward_parse(f, message, &m, &fault))
		assert_false(forward_records(f, &m, NOW, NULL, &r, &fault));
	if (strstr(fault.reason, part) == NULL)
		fail_msg("'%s' says nothing of '%s'", fault.reason, part);
	forward_free(f);
}

enum time { T_INT, T_EVENT, T_FLOAT, T_MILLIS, T_NIL, T_METADATA };

static void
build_time(struct build *b, enum time how)
{
	switch (how) {
	case T_INT:
		build_uint(b, (uint64_t)SECONDS);
		break;
	case T_EVENT:
		forward_build_time(b, SECONDS * WHEN_SECOND);
		break;
	case T_FLOAT:
		build_double(b, (double)SECONDS);
		break;
	case T_MILLIS:
		build_double(b, (double)SECONDS * 1000);
		break;
	case T_NIL:
		build_nil(b);
		break;
	case T_METADATA:
		build_array(b, 2);
		forward_build_time(b, SECONDS * WHEN_SECOND);
		build_map(b, 0);
		break;
	}
}

static instant
time_of(enum time how)
{
	return how == T_NIL ? NOW : SECONDS * WHEN_SECOND;
}

/* Entries 0..n-1 end to end. */
static size_t
entries(uint8_t *to, unsigned n, enum time how)
{
	struct build b;

	build_init(&b, to, ROOM / 4);
	for (unsigned i = 0; i < n; i++) {
		build_array(&b, 2);
		build_time(&b, how);
		plain(&b, i);
	}
	return build_slice(&b).size;
}

static struct slice
completed_all(unsigned n, enum time how)
{
	struct build b;

	build_init(&b, wanted_storage, sizeof wanted_storage);
	for (unsigned i = 0; i < n; i++)
		completed(&b, i, time_of(how));
	return build_slice(&b);
}

static void
a_message_of_each_time_becomes_a_record(void **state)
{
	(void)state;
	for (enum time how = T_INT; how <= T_METADATA; how++) {
		struct build b = begin();

		if (how == T_METADATA)
			continue; /* its second element would be an array */
		build_array(&b, 3);
		build_text(&b, "a.b");
		build_time(&b, how);
		plain(&b, 0);
		becomes(build_slice(&b), completed_all(1, how), 1);
	}
}

static void
forward_and_packed_forward_become_records_whatever_the_times(void **state)
{
	static uint8_t blob[ROOM / 4];

	(void)state;
	for (enum time how = T_INT; how <= T_METADATA; how++) {
		struct slice bytes = slice_of(blob, entries(blob, 3, how));
		struct build b = begin();

		build_array(&b, 3);
		build_text(&b, "a.b");
		build_array(&b, 3);
		build_raw(&b, bytes);
		build_map(&b, 0);
		becomes(build_slice(&b), completed_all(3, how), 3);
		for (int str = 0; str < 2; str++) {
			b = begin();
			build_array(&b, 2);
			build_text(&b, "a.b");
			if (str)
				build_str(&b, bytes);
			else
				build_bin(&b, bytes);
			becomes(build_slice(&b), completed_all(3, how), 3);
		}
	}
}

static void
blobs_of_several_members_and_frames_are_decompressed(void **state)
{
	static uint8_t blob[ROOM / 4];
	struct inflater *u = inflater_new();

	(void)state;
	for (int zstd = 0; zstd < 2; zstd++) {
		size_t size = entries(blob, 100, T_EVENT), half = size / 2 + 1;
		bool (*pack)(struct inflater *, struct slice, struct buffer *) =
		    zstd ? pack_zstd : pack_gzip;
		struct buffer packed = { 0 };
		struct build b = begin();

		assert_true(pack(u, slice_of(blob, half), &packed));
		assert_true(pack(u, slice_of(blob + half, size - half), &packed));
		build_array(&b, 3);
		build_text(&b, "a.b");
		build_bin(&b, buffer_slice(&packed));
		build_map(&b, 1);
		build_text(&b, "compressed");
		build_text(&b, zstd ? "zstd" : "gzip");
		becomes(build_slice(&b), completed_all(100, T_EVENT), 100);
		for (size_t cut = 1; cut < packed.size; cut++) {
			if (cut >= 1 && packed.size - cut == 0)
				break;
			b = begin();
			build_array(&b, 3);
			build_text(&b, "a.b");
			build_bin(&b, slice_of(packed.at, packed.size - cut));
			build_map(&b, 1);
			build_text(&b, "compressed");
			build_text(&b, zstd ? "zstd" : "gzip");
			is_refused(build_slice(&b), "cut off");
		}
		buffer_free(&packed);
	}
	inflater_free(u);
}

static void
a_bomb_is_refused_at_the_limit(void **state)
{
	static uint8_t zeros[1 << 20];
	struct inflater *u = inflater_new();

	(void)state;
	for (int zstd = 0; zstd < 2; zstd++) {
		struct buffer packed = { 0 };
		struct build b = begin();

		for (unsigned i = 0; i < 8; i++)
			assert_true(zstd
				? pack_zstd(u, slice_of(zeros, sizeof zeros), &packed)
				: pack_gzip(u, slice_of(zeros, sizeof zeros), &packed));
		build_array(&b, 3);
		build_text(&b, "a.b");
		build_bin(&b, buffer_slice(&packed));
		build_map(&b, 1);
		build_text(&b, "compressed");
		build_text(&b, zstd ? "zstd" : "gzip");
		is_refused(build_slice(&b), "more than is allowed");
		buffer_free(&packed);
	}
	inflater_free(u);
}

static void
json_is_taken_too(void **state)
{
	static const char text[] = "[\"a.b\", 1500000000, {\"n\":0}]";
	uint8_t copy[sizeof text + BUFFER_PADDING] = { 0 };

	(void)state;
	memcpy(copy, text, sizeof text - 1);
	becomes(slice_of(copy, sizeof text - 1), completed_all(1, T_INT), 1);
}

static void
what_a_record_has_already_is_kept(void **state)
{
	struct build b = begin(), wanted;

	(void)state;
	build_init(&wanted, wanted_storage, sizeof wanted_storage);
	build_array(&b, 3);
	build_text(&b, "other");
	build_uint(&b, 7);
	completed(&b, 5, 12345);
	completed(&wanted, 5, 12345);
	becomes(build_slice(&b), build_slice(&wanted), 1);
}

/* Trap: every way to cut a message in two gives the same. */
static void
a_message_may_come_in_any_two_pieces(void **state)
{
	static uint8_t blob[ROOM / 4];
	struct build b = begin();

	(void)state;
	build_array(&b, 3);
	build_text(&b, "a.b");
	build_bin(&b, slice_of(blob, entries(blob, 20, T_METADATA)));
	build_map(&b, 2);
	build_text(&b, "chunk");
	build_text(&b, "p8n9gmxTQVC8/nh2wlKKeQ==\n");
	build_text(&b, "compressed");
	build_text(&b, "text");
	for (size_t cut = 0; cut < build_slice(&b).size; cut++) {
		struct forward_framer f = { 0 };
		struct fault fault;
		size_t size = 0;

		assert_int_equal(
		    forward_frame(&f, slice_of(b.start, cut), &size, &fault),
		    FRAME_MORE);
		assert_int_equal(
		    forward_frame(&f, build_slice(&b), &size, &fault), FRAME_WHOLE);
		assert_int_equal(size, build_slice(&b).size);
	}
	becomes(build_slice(&b), completed_all(20, T_METADATA), 20);
}

static void
a_broken_entry_takes_its_whole_message_with_it(void **state)
{
	static uint8_t blob[ROOM / 4];
	size_t size = entries(blob, 3, T_INT);
	struct build b;

	(void)state;
	for (unsigned how = 0; how < 4; how++) {
		static const struct {
			const char *bytes, *reason;
			size_t size;
		} bad[] = { { "\x92\x01\x07", "no map", 3 },
			{ "\xc1", "array of two", 1 },
			{ "\x92\xa1x\x80", "without a time", 4 },
			{ "\x92\x01\x81", "cut off", 3 } };

		b = begin();
		build_array(&b, 2);
		build_text(&b, "a.b");
		memcpy(blob + size, bad[how].bytes, bad[how].size);
		build_bin(&b, slice_of(blob, size + bad[how].size));
		is_refused(build_slice(&b), bad[how].reason);
	}
}

static void
hostile_lengths_and_forms_are_refused(void **state)
{
	static const struct {
		const char *bytes, *reason;
		size_t size;
	} bad[] = { { "\x07", "no message", 1 }, { "\x91\xa1x", "fewer than 2", 3 },
		{ "\x95\xa1x\x01\x80\x80\x80", "more than 4", 7 },
		{ "\x93\x01\x01\x80", "tag", 4 },
		{ "\x92\xa1x\x01", "without a record", 4 },
		{ "\x94\xa1x\x90\x80\x80", "more elements", 6 },
		{ "\x93\xa1x\x90\x07", "option", 5 },
		{ "\x93\xa1x\x01\x07", "no map", 5 },
		{ "\x93\xa1x\x90\x81\xa5"
		  "chunk\x01",
		    "chunk", 12 } };
	static const char claims[][6] = { "\xdd\xff\xff\xff\xff",
		"\xdf\xff\xff\xff\xff", "\xdb\xff\xff\xff\xff", "\xc6\xff\xff\xff\xff",
		"\xc9\xff\xff\xff\xff" };
	struct forward_framer f;
	struct fault fault;
	size_t size;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		memcpy(storage, bad[i].bytes, bad[i].size);
		is_refused(slice_of(storage, bad[i].size), bad[i].reason);
	}
	for (size_t i = 0; i < 5; i++) {
		f = (struct forward_framer){ 0 };
		memcpy(storage, claims[i], 5);
		assert_int_equal(
		    forward_frame(&f, slice_of(storage, 5), &size, &fault), FRAME_MORE);
	}
	f = (struct forward_framer){ 0 };
	assert_int_equal(
	    forward_frame(&f, slice_text("\xc1"), &size, &fault), FRAME_FAULT);
}

static void
a_record_too_deep_for_us_goes_on_to_be_rejected_by_itself(void **state)
{
	static const uint8_t deep[] = { 0x81, 0xa1, 'x', 0x91, 0x91, 0x91, 0x91, 0x91,
		0x91, 0x91, 0x91, 0x91, 0x01 };
	struct build b = begin();

	(void)state;
	build_array(&b, 3);
	build_text(&b, "a.b");
	build_uint(&b, 1);
	build_raw(&b, slice_of(deep, sizeof deep));
	becomes(build_slice(&b), slice_of(deep, sizeof deep), 1);
}

static void
nil_is_a_heartbeat_and_a_nil_option_none(void **state)
{
	struct forward *f = forward_new("tag", &limits);
	struct forward_message m;
	struct fault fault;

	(void)state;
	storage[0] = 0xc0;
	assert_true(forward_parse(f, slice_of(storage, 1), &m, &fault));
	assert_int_equal(m.mode, FORWARD_HEARTBEAT);
	memcpy(storage, "\x94\xa1x\x01\x80\xc0", 6);
	assert_true(forward_parse(f, slice_of(storage, 6), &m, &fault));
	assert_null(m.chunk.at);
	forward_free(f);
}

/* --- Numbered chunks ------------------------------------------------------------ */

static struct slice
numbered(struct inflater *u, struct buffer *to, uint64_t from, uint64_t n,
    uint64_t chain, uint64_t salt)
{
	static uint8_t blob[4096];
	struct forward_numbers numbers = { { 7 }, from, chain };
	struct forward_chunk c = {
		.tag = "bp", .count = n, .packing = PACKING_ZSTD, .numbers = &numbers
	};
	char id[FORWARD_ID_SIZE];
	struct build b;

	build_init(&b, blob, sizeof blob);
	for (uint64_t i = from; i < from + n; i++)
		if (i % 4 == 3)
			control_build_tick(&b, (instant)i, false);
		else
			plain(&b, i + salt);
	forward_chunk_id(numbers.stream, from, id);
	c.id = id;
	c.blob = build_slice(&b);
	to->size = 0;
	assert_true(forward_write_chunk(u, &c, to));
	assert_true(buffer_reserve(to, BUFFER_PADDING, ROOM));
	return buffer_slice(to);
}

/* How far a stream of records 0.. has come after n. */
static struct forward_mark
mark_after(uint64_t n)
{
	struct forward_mark m = { 0, 0 };
	uint8_t bytes[64];
	struct build b;

	for (; m.next < n; m.next++) {
		build_init(&b, bytes, sizeof bytes);
		if (m.next % 4 == 3)
			control_build_tick(&b, (instant)m.next, false);
		else
			plain(&b, m.next);
		m.chain = forward_chain(m.chain, build_slice(&b));
	}
	return m;
}

static void
what_was_taken_is_left_out_whatever_the_boundaries(void **state)
{
	struct forward *f = forward_new("tag", &limits);
	struct inflater *u = inflater_new();
	struct buffer to = { 0 };
	struct random random = seeded();

	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		uint64_t first = hash_bucket(random_next(&random), 20);
		uint64_t n = hash_bucket(random_next(&random), 20);
		uint64_t taken = first + hash_bucket(random_next(&random), 30);
		struct forward_mark mark = mark_after(taken);
		struct forward_message m;
		struct forward_records r;
		struct fault fault;
		struct slice message =
		    numbered(u, &to, first, n, mark_after(first).chain, 0);
		uint64_t after = first + n > taken ? first + n : taken;

		assert_true(forward_parse(f, message, &m, &fault) && m.numbered);
		assert_true(forward_records(f, &m, NOW, &mark, &r, &fault));
		assert_int_equal(r.after.next, after);
		assert_int_equal(r.after.chain, mark_after(after).chain);
		assert_int_equal(r.values, after - taken);
		assert_int_equal(r.values + r.repeated, n);
	}
	buffer_free(&to);
	inflater_free(u);
	forward_free(f);
}

static void
other_bytes_and_missing_records_are_a_conflict(void **state)
{
	struct forward *f = forward_new("tag", &limits);
	struct inflater *u = inflater_new();
	struct buffer to = { 0 };
	struct forward_mark mark = mark_after(10);
	struct forward_message m;
	struct forward_records r;
	struct fault fault;

	(void)state;
	assert_true(forward_parse(
	    f, numbered(u, &to, 5, 10, mark_after(5).chain, 1), &m, &fault));
	assert_false(forward_records(f, &m, NOW, &mark, &r, &fault));
	assert_true(r.conflict);
	assert_true(forward_parse(
	    f, numbered(u, &to, 11, 10, mark_after(11).chain, 0), &m, &fault));
	assert_false(forward_records(f, &m, NOW, &mark, &r, &fault));
	assert_true(r.conflict);
	assert_true(forward_records(f, &m, NOW, NULL, &r, &fault));
	assert_int_equal(r.after.next, 21);
	buffer_free(&to);
	inflater_free(u);
	forward_free(f);
}

/* --- Answers -------------------------------------------------------------------- */

static void
an_ack_echoes_the_id_byte_for_byte_and_stays_small(void **state)
{
	uint8_t id[FORWARD_CHUNK_MAX];
	struct forward_answer answer;
	struct forward_mark mark = { UINT64_MAX, UINT64_MAX };
	struct build b, chunk;

	(void)state;
	memset(id, 0xfe, sizeof id); /* no UTF-8 */
	for (int bin = 0; bin < 2; bin++) {
		build_init(&chunk, storage, ROOM);
		if (bin)
			build_bin(&chunk, slice_of(id, sizeof id));
		else
			build_str(&chunk, slice_of(id, sizeof id));
		build_init(&b, wanted_storage, sizeof wanted_storage);
		forward_build_ack(&b, build_slice(&chunk), &mark, false);
		assert_true(build_slice(&b).size < 511);
		assert_true(forward_read_answer(build_slice(&b), &answer));
		assert_true(slice_equal(answer.ack, slice_of(id, sizeof id)));
		assert_true(answer.marked && answer.mark.next == UINT64_MAX);
	}
	build_init(&chunk, storage, ROOM);
	build_text(&chunk, "a\"b");
	build_init(&b, wanted_storage, sizeof wanted_storage);
	forward_build_ack(&b, build_slice(&chunk), NULL, true);
	assert_true(slice_is(build_slice(&b), "{\"ack\":\"a\\\"b\"}"));
	build_reset(&b);
	forward_build_refusal(&b, "why");
	assert_true(forward_read_answer(build_slice(&b), &answer));
	assert_true(slice_is(answer.refused, "why"));
}

static void
a_chunk_that_is_sent_again_has_the_same_id(void **state)
{
	uint8_t stream[FORWARD_STREAM_SIZE] = { 1 };
	char a[FORWARD_ID_SIZE], b[FORWARD_ID_SIZE];

	(void)state;
	forward_chunk_id(stream, 5, a);
	forward_chunk_id(stream, 5, b);
	assert_memory_equal(a, b, sizeof a);
	forward_chunk_id(stream, 6, b);
	assert_memory_not_equal(a, b, sizeof a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_of_each_time_becomes_a_record),
		cmocka_unit_test(
		    forward_and_packed_forward_become_records_whatever_the_times),
		cmocka_unit_test(blobs_of_several_members_and_frames_are_decompressed),
		cmocka_unit_test(a_bomb_is_refused_at_the_limit),
		cmocka_unit_test(json_is_taken_too),
		cmocka_unit_test(what_a_record_has_already_is_kept),
		cmocka_unit_test(a_message_may_come_in_any_two_pieces),
		cmocka_unit_test(a_broken_entry_takes_its_whole_message_with_it),
		cmocka_unit_test(hostile_lengths_and_forms_are_refused),
		cmocka_unit_test(
		    a_record_too_deep_for_us_goes_on_to_be_rejected_by_itself),
		cmocka_unit_test(nil_is_a_heartbeat_and_a_nil_option_none),
		cmocka_unit_test(what_was_taken_is_left_out_whatever_the_boundaries),
		cmocka_unit_test(other_bytes_and_missing_records_are_a_conflict),
		cmocka_unit_test(an_ack_echoes_the_id_byte_for_byte_and_stays_small),
		cmocka_unit_test(a_chunk_that_is_sent_again_has_the_same_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
