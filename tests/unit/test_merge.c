/* SPDX-License-Identifier: MIT */
#include "lib/stream/merge.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/record/control.h"
#include "lib/record/record.h"
#include "lib/stream/backlog.h"
#include "tests/unit/seed.h"

enum { INPUTS = 5, SIZE = 1 << 20, FD = 1000 };

/* Streams in memory behind the table of system calls, whose bytes come in pieces of any
 * size and at any time; other descriptors are the system's. */
struct world {
	struct os os;
	struct random random;
	struct build in[INPUTS];
	size_t at[INPUTS];
	unsigned patience; /* one in so many polls finds an input readable */
	size_t piece;      /* at most so many bytes a read */
	long fail_write;   /* the write that fails, -1: none */
};

static struct world *
world_of(const struct os *os)
{
	return (struct world *)(uintptr_t)os;
}

static ssize_t
world_read(const struct os *os, int fd, void *to, size_t size)
{
	struct world *w = world_of(os);
	size_t left, n;

	if (fd < FD)
		return os_system.read(&os_system, fd, to, size);
	left = build_slice(&w->in[fd - FD]).size - w->at[fd - FD];
	n = 1 + (size_t)(random_next(&w->random) % w->piece);
	n = n < size ? n : size;
	n = n < left ? n : left;
	if (n > 0)
		memcpy(to, w->in[fd - FD].start + w->at[fd - FD], n);
	w->at[fd - FD] += n;
	return (ssize_t)n;
}

static int
world_poll(const struct os *os, struct pollfd *fds, nfds_t n, int timeout_ms)
{
	struct world *w = world_of(os);
	int ready = 0;

	(void)timeout_ms;
	for (nfds_t i = 0; i < n; i++) {
		fds[i].revents = 0;
		if (fds[i].fd < FD || random_next(&w->random) % w->patience != 0)
			continue;
		fds[i].revents = POLLIN;
		ready++;
	}
	return ready;
}

static int
world_stat(const struct os *os, int fd, struct stat *to)
{
	(void)os;
	(void)fd;
	memset(to, 0, sizeof *to);
	to->st_mode = S_IFIFO;
	return 0;
}

static int
world_close(const struct os *os, int fd)
{
	(void)os;
	return fd < FD ? os_system.close(&os_system, fd) : 0;
}

static ssize_t
world_write(const struct os *os, int fd, const void *from, size_t size)
{
	if (world_of(os)->fail_write-- == 0) {
		errno = ENOSPC;
		return -1;
	}
	return os_system.write(&os_system, fd, from, size);
}

static void
world_init(struct world *w)
{
	*w = (struct world){ .os = os_system,
		.random = seeded(),
		.patience = 1,
		.piece = 4096,
		.fail_write = -1 };
	w->os.read = world_read;
	w->os.poll = world_poll;
	w->os.stat = world_stat;
	w->os.close = world_close;
	w->os.write = world_write;
	for (int i = 0; i < INPUTS; i++)
		build_init(&w->in[i], malloc(SIZE), SIZE);
}

static void
world_fini(struct world *w)
{
	for (int i = 0; i < INPUTS; i++)
		free(w->in[i].start);
}

static struct merge *
world_merge(struct world *w, unsigned n, uint64_t memory, uint64_t file)
{
	struct merge_room room = { memory, "/tmp", file };
	struct input *inputs[INPUTS];
	struct error error;
	struct merge *m;

	for (unsigned i = 0; i < n; i++) {
		w->at[i] = 0;
		inputs[i] = input_new(&w->os, FD + (int)i, "a stream", &error);
		assert_non_null(inputs[i]);
	}
	m = merge_new(&w->os, inputs, n, &room, &error);
	assert_non_null(m);
	return m;
}

/* Read on until the end, a failure, or as many bytes as `limit`. Returns the last answer
 * of a read. */
static ssize_t
read_on(struct merge *m, uint8_t *to, size_t *size, size_t limit, struct error *error)
{
	struct source *s = merge_source(m);
	ssize_t n = 1;

	while (n != 0 && n != -1 && *size < limit) {
		n = s->read(
		    s, to + *size, limit - *size < 999 ? limit - *size : 999, error);
		*size += n > 0 ? (size_t)n : 0;
	}
	return n;
}

/* --- Streams --------------------------------------------------------------------- */

/* {"timestamp": at, "n": number}, or without a timestamp; with `pad` bytes of text. */
static void
put_record(struct build *b, const int64_t *at, uint64_t number, size_t pad)
{
	char text[3000];

	memset(text, 'x', sizeof text);
	build_map(b, (at != NULL) + 2u);
	if (at != NULL) {
		build_str(b, slice_text("timestamp"));
		build_int(b, *at);
	}
	build_str(b, slice_text("n"));
	build_uint(b, number);
	build_str(b, slice_text("pad"));
	build_str(b, slice_of(text, pad));
}

/* An item of a stream as the reference sees it. */
struct item {
	int64_t at;
	unsigned input;
	struct slice bytes; /* empty: a watermark, of `at` */
};

struct plan {
	struct item items[INPUTS][400];
	unsigned n[INPUTS];
};

/* Streams that are nearly in order, with gaps, watermarks, records without a time and
 * times that several have. */
static void
make_streams(struct world *w, struct plan *p, size_t pad)
{
	for (unsigned i = 0; i < INPUTS; i++) {
		int64_t now = 1 + (int64_t)(random_next(&w->random) % 50),
			at = WHEN_NEVER;
		unsigned n = (unsigned)(random_next(&w->random) % 400);

		build_reset(&w->in[i]);
		p->n[i] = n;
		for (unsigned k = 0; k < n; k++) {
			uint8_t *start = w->in[i].at;
			uint64_t kind = random_next(&w->random) % 20;

			now +=
			    (int64_t)(random_next(&w->random) % (kind == 0 ? 500 : 5));
			if (kind < 3) {
				control_build_tick(&w->in[i], now, false);
				at = now;
			} else if (kind == 3) {
				put_record(&w->in[i], NULL, k, 1);
			} else {
				at = now - (kind == 4 ? 7 : 0);
				put_record(&w->in[i], &at, k,
				    (size_t)(random_next(&w->random) % (pad + 1)));
			}
			p->items[i][k] = (struct item){ at, i,
				kind < 3
				    ? slice_of(NULL, 0)
				    : slice_of(start, (size_t)(w->in[i].at - start)) };
		}
		assert_false(build_full(&w->in[i]));
	}
}

/* Send the smallest watermark of the inputs that have something left, or are `extra`. */
static void
tick_plainly(const struct plan *p, const unsigned *next, const int64_t *mark,
    unsigned extra, int64_t *ticked, struct build *to)
{
	int64_t least = INT64_MAX;

	for (unsigned i = 0; i < INPUTS; i++)
		if ((next[i] < p->n[i] || i == extra) && mark[i] < least)
			least = mark[i];
	if (least == INT64_MAX || least <= *ticked)
		return;
	*ticked = least;
	control_build_tick(to, least, false);
}

/* What must come out: by the definition, one item after another. */
static void
merge_plainly(const struct plan *p, struct build *to)
{
	unsigned next[INPUTS] = { 0 };
	int64_t mark[INPUTS], ticked = WHEN_NEVER;

	for (unsigned i = 0; i < INPUTS; i++)
		mark[i] = WHEN_NEVER;
	for (;;) {
		const struct item *first = NULL;

		tick_plainly(p, next, mark, INPUTS, &ticked, to);
		for (unsigned i = 0; i < INPUTS; i++)
			if (next[i] < p->n[i] &&
			    (first == NULL || p->items[i][next[i]].at < first->at))
				first = &p->items[i][next[i]];
		if (first == NULL)
			return;
		next[first->input]++;
		if (first->bytes.size > 0) {
			build_raw(to, first->bytes);
			continue;
		}
		if (first->at > mark[first->input])
			mark[first->input] = first->at;
		tick_plainly(p, next, mark, first->input, &ticked, to);
	}
}

/* --- Tests ----------------------------------------------------------------------- */

static void
order_is_a_function_of_the_streams_and_not_of_their_arrival(void **state)
{
	static struct plan plan;
	uint8_t *got = malloc(INPUTS * SIZE);
	struct build wanted;
	struct world w;

	(void)state;
	world_init(&w);
	build_init(&wanted, malloc(INPUTS * SIZE), INPUTS * SIZE);
	for (int round = 0; round < 300; round++) {
		size_t pad = round % 10 == 0 ? 2500 : 20, size = 0;
		struct error error;
		struct merge *m;

		make_streams(&w, &plan, pad);
		build_reset(&wanted);
		merge_plainly(&plan, &wanted);
		w.patience = 1 + (unsigned)(random_next(&w.random) % 9);
		w.piece = 1 + (size_t)(random_next(&w.random) % 70000);
		m = world_merge(&w, INPUTS, INPUTS * MERGE_MEMORY_MIN, 1 << 24);
		assert_int_equal(read_on(m, got, &size, INPUTS * SIZE, &error), 0);
		assert_int_equal(size, build_slice(&wanted).size);
		assert_memory_equal(got, wanted.start, size);
		merge_source(m)->free(merge_source(m));
	}
	free(wanted.start);
	free(got);
	world_fini(&w);
}

/* HELLO, records, a CUT after each `every` of them, END or PAUSE. */
static void
make_stage(struct build *b, struct world *w, const char *lineage, unsigned n,
    unsigned every, bool pause)
{
	uint64_t epoch = (uint64_t)3 << 32;
	int64_t now = 100;

	build_reset(b);
	control_build_hello(b, 7, 3, slice_text(lineage));
	for (unsigned k = 1; k <= n; k++) {
		now += (int64_t)(random_next(&w->random) % 9);
		put_record(b, &now, k, 5);
		if (k % every == 0)
			control_build_cut(b, ++epoch, 0);
	}
	control_build_end(b, epoch, pause);
}

/* The kind of the control record at the start of the bytes, 0 for another record. */
static uint8_t
next_value(struct reader *reader, struct slice *bytes, struct control *c)
{
	struct record r;
	struct fault fault;
	size_t need;
	bool damaged;
	enum scan scan = record_scan(reader, *bytes, &r, &fault, &need);

	assert_true(scan == SCAN_RECORD || scan == SCAN_CONTROL);
	*bytes = slice_from(*bytes, r.size);
	if (scan == SCAN_RECORD)
		return 0;
	assert_true(control_read(slice_of(r.bytes, r.size), c, &damaged));
	return c->kind;
}

static void
one_hello_names_all_stages_once(void **state)
{
	uint8_t got[SIZE];
	struct reader *reader = reader_new();
	struct control c;
	struct world w;
	struct merge *m;
	struct error error;
	struct slice bytes, lineage;
	uint32_t generation;
	size_t size = 0;
	unsigned cuts = 0, records = 0, ends = 0;

	(void)state;
	world_init(&w);
	make_stage(&w.in[0], &w, "select parse", 10, 3, false);
	make_stage(&w.in[1], &w, "join sort parse", 20, 3, false);
	make_stage(&w.in[2], &w, "parse", 5, 100, false);
	m = world_merge(&w, 3, 3 * MERGE_MEMORY_MIN, 0);
	assert_int_equal(read_on(m, got, &size, SIZE, &error), 0);
	bytes = slice_of(got, size);
	assert_int_equal(next_value(reader, &bytes, &c), CONTROL_HELLO);
	assert_true(control_hello(&c, &generation, &lineage));
	assert_true(slice_is(lineage, "select+join+parse sort"));
	assert_int_equal(generation, 3);
	assert_int_equal(c.epoch, 7);
	while (bytes.size > 0) {
		uint8_t kind = next_value(reader, &bytes, &c);

		cuts += kind == CONTROL_CUT;
		records += kind == 0;
		ends += kind == CONTROL_END;
		if (kind == CONTROL_CUT)
			assert_int_equal((uint32_t)c.epoch, cuts);
	}
	assert_int_equal(records, 35);
	assert_int_equal(cuts, 6); /* the longest has so many; the others are over */
	assert_int_equal(ends, 1);
	merge_source(m)->free(merge_source(m));
	reader_free(reader);
	world_fini(&w);
}

struct snapshot {
	uint8_t bytes[SIZE];
	size_t size, at;
};

static void
snapshot_put(void *context, const void *bytes, size_t n)
{
	struct snapshot *s = context;

	assert_true(n <= SIZE - s->size);
	if (n > 0)
		memcpy(s->bytes + s->size, bytes, n);
	s->size += n;
}

static int
snapshot_get(void *context, void *bytes, size_t n)
{
	struct snapshot *s = context;

	if (n > s->size - s->at)
		return -1;
	if (n > 0)
		memcpy(bytes, s->bytes + s->at, n);
	s->at += n;
	return 0;
}

/* Only the records, in their order. */
static size_t
records_of(struct reader *reader, uint8_t *from, size_t size, uint8_t *to)
{
	struct slice bytes = slice_of(from, size), before;
	struct control c;
	size_t n = 0;

	while (bytes.size > 0) {
		before = bytes;
		if (next_value(reader, &bytes, &c) != 0)
			continue;
		memcpy(to + n, before.at, before.size - bytes.size);
		n += before.size - bytes.size;
	}
	return n;
}

/* Up to the end of the n-th CUT, as a runtime reads: a CUT ends what a read gives. */
static void
read_to_cut(struct merge *m, uint8_t *to, size_t *size, unsigned n)
{
	struct source *s = merge_source(m);
	struct error error;
	uint8_t cut[CONTROL_SIZE_MAX];
	struct build b;
	ssize_t got;

	build_init(&b, cut, sizeof cut);
	control_build_cut(&b, ((uint64_t)3 << 32) + n, 0);
	while (*size < build_slice(&b).size ||
	    memcmp(to + *size - build_slice(&b).size, cut, build_slice(&b).size) != 0) {
		got = s->read(s, to + *size, 65536, &error);
		assert_true(got > 0 || got == SOURCE_NOTHING);
		*size += got > 0 ? (size_t)got : 0;
	}
}

/* What each stage sends after a restart: what lies behind its n-th CUT, or behind its last
 * one when it had not so many. */
static void
cut_stream(struct build *b, struct reader *reader, unsigned n)
{
	struct slice bytes = build_slice(b), start, hello;
	uint8_t *rest = malloc(bytes.size);
	struct build all;
	struct control c;
	uint64_t epoch = (uint64_t)3 << 32;
	uint8_t kind;

	build_init(&all, rest, bytes.size);
	start = bytes;
	(void)next_value(reader, &bytes, &c);
	hello = slice_of(start.at, start.size - bytes.size);
	build_raw(&all, hello);
	start = bytes;
	for (struct slice at = bytes; at.size > 0;)
		if (next_value(reader, &at, &c) == CONTROL_CUT && n > 0) {
			n--;
			start = at;
		}
	while (start.size > 0) {
		struct slice before = start;

		kind = next_value(reader, &start, &c);
		if (kind == CONTROL_CUT)
			control_build_cut(&all, ++epoch, 0);
		else
			build_raw(&all, slice_of(before.at, before.size - start.size));
	}
	build_reset(b);
	build_raw(b, build_slice(&all));
	free(rest);
}

static void
what_is_saved_at_a_cut_goes_on_after_it(void **state)
{
	static uint8_t whole[SIZE], first[SIZE], again[SIZE];
	static struct snapshot snapshot;
	struct reader *reader = reader_new();
	struct world w;

	(void)state;
	world_init(&w);
	for (int round = 0; round < 300; round++) {
		unsigned n = 1 + (unsigned)(random_next(&w.random) % 5);
		size_t size = 0, one = 0, two = 0, all;
		struct error error;
		struct merge *m;

		for (unsigned i = 0; i < 3; i++)
			make_stage(&w.in[i], &w, "parse",
			    i == 0 ? 60 : (unsigned)(random_next(&w.random) % 60), 10,
			    false);
		w.patience = 1 + (unsigned)(random_next(&w.random) % 9);
		w.piece = 1 + (size_t)(random_next(&w.random) % 5000);
		m = world_merge(&w, 3, 3 * MERGE_MEMORY_MIN, 1 << 20);
		assert_int_equal(read_on(m, whole, &size, SIZE, &error), 0);
		merge_source(m)->free(merge_source(m));
		all = records_of(reader, whole, size, first);
		memcpy(whole, first, all);

		m = world_merge(&w, 3, 3 * MERGE_MEMORY_MIN, 1 << 20);
		read_to_cut(m, again, &one, n);
		snapshot.size = snapshot.at = 0;
		assert_int_equal(merge_save(m, snapshot_put, &snapshot, &error), 0);
		merge_source(m)->free(merge_source(m));
		one = records_of(reader, again, one, first);

		for (unsigned i = 0; i < 3; i++)
			cut_stream(&w.in[i], reader, n);
		m = world_merge(&w, 3, 3 * MERGE_MEMORY_MIN, 1 << 20);
		while (merge_source(m)->read(merge_source(m), again, SIZE, &error) <= 0)
			;
		assert_int_equal(merge_load(m, snapshot_get, &snapshot, &error), 0);
		assert_int_equal(snapshot.at, snapshot.size);
		assert_int_equal(read_on(m, again, &two, SIZE, &error), 0);
		merge_source(m)->free(merge_source(m));
		two = records_of(reader, again, two, first + one);
		assert_int_equal(one + two, all);
		assert_memory_equal(first, whole, all);
	}
	reader_free(reader);
	world_fini(&w);
}

static void
a_damaged_snapshot_is_refused(void **state)
{
	static struct snapshot snapshot;
	static uint8_t got[SIZE];
	struct error error;
	struct world w;
	struct merge *m;
	size_t size = 0;

	(void)state;
	world_init(&w);
	make_stage(&w.in[0], &w, "parse", 30, 10, false);
	make_stage(&w.in[1], &w, "parse", 30, 20, false);
	m = world_merge(&w, 2, 2 * MERGE_MEMORY_MIN, 0);
	read_to_cut(m, got, &size, 1);
	snapshot.size = snapshot.at = 0;
	assert_int_equal(merge_save(m, snapshot_put, &snapshot, &error), 0);
	merge_source(m)->free(merge_source(m));
	for (size = 0; size < snapshot.size; size++) {
		struct snapshot part = { .size = size };

		memcpy(part.bytes, snapshot.bytes, size);
		m = world_merge(&w, 2, 2 * MERGE_MEMORY_MIN, 0);
		assert_int_equal(merge_load(m, snapshot_get, &part, &error), -1);
		merge_source(m)->free(merge_source(m));
	}
	m = world_merge(&w, 3, 3 * MERGE_MEMORY_MIN, 0);
	snapshot.at = 0;
	assert_int_equal(merge_load(m, snapshot_get, &snapshot, &error), -1);
	assert_non_null(strstr(error.text, "of 2 inputs"));
	merge_source(m)->free(merge_source(m));
	world_fini(&w);
}

static void
a_stage_that_goes_without_end_is_a_failure(void **state)
{
	static uint8_t got[SIZE];
	struct error error;
	struct world w;
	struct merge *m;
	size_t size = 0;

	(void)state;
	world_init(&w);
	make_stage(&w.in[0], &w, "parse", 30, 10, false);
	make_stage(&w.in[1], &w, "parse", 30, 10, false);
	w.in[1].at -= 16; /* END has 17 bytes or so */
	m = world_merge(&w, 2, 2 * MERGE_MEMORY_MIN, 0);
	assert_int_equal(read_on(m, got, &size, SIZE, &error), -1);
	merge_source(m)->free(merge_source(m));

	build_reset(&w.in[1]);
	control_build_hello(&w.in[1], 7, 3, slice_text("parse"));
	size = 0;
	m = world_merge(&w, 2, 2 * MERGE_MEMORY_MIN, 0);
	assert_int_equal(read_on(m, got, &size, SIZE, &error), -1);
	assert_non_null(strstr(error.text, "before the END"));
	merge_source(m)->free(merge_source(m));

	build_reset(&w.in[1]);
	size = 0;
	m = world_merge(&w, 2, 2 * MERGE_MEMORY_MIN, 0);
	assert_int_equal(read_on(m, got, &size, SIZE, &error), -1);
	assert_non_null(strstr(error.text, "before it began"));
	merge_source(m)->free(merge_source(m));
	world_fini(&w);
}

static void
a_planned_stop_ends_at_the_last_cut_that_all_have(void **state)
{
	static uint8_t got[SIZE];
	struct reader *reader = reader_new();
	struct error error;
	struct control c;
	struct world w;
	struct merge *m;
	struct slice bytes;
	unsigned cuts = 0;
	size_t size = 0;
	uint8_t last = 0;

	(void)state;
	world_init(&w);
	make_stage(&w.in[0], &w, "parse", 50, 10, true);
	make_stage(&w.in[1], &w, "parse", 50, 25, true);
	m = world_merge(&w, 2, 2 * MERGE_MEMORY_MIN, 0);
	assert_int_equal(read_on(m, got, &size, SIZE, &error), 0);
	for (bytes = slice_of(got, size); bytes.size > 0; cuts += last == CONTROL_CUT)
		last = next_value(reader, &bytes, &c);
	assert_int_equal(cuts, 2);
	assert_int_equal(last, CONTROL_END);
	assert_true(control_is_pause(&c));
	/* Both were heard out. */
	assert_int_equal(w.at[0], build_slice(&w.in[0]).size);
	assert_int_equal(w.at[1], build_slice(&w.in[1]).size);
	merge_source(m)->free(merge_source(m));
	reader_free(reader);
	world_fini(&w);
}

/* --- The backlog ------------------------------------------------------------------ */

static void
a_backlog_gives_back_what_it_got_from_memory_and_file(void **state)
{
	static uint8_t bytes[BACKLOG_ITEM_MAX];
	struct backlog b;
	struct backlog_item item;
	struct slice got;
	struct error error;
	struct random random = seeded();
	uint64_t in = 0, out = 0, filed = 0;

	(void)state;
	assert_int_equal(
	    backlog_init(&b, &os_system, BACKLOG_MEMORY_MIN, "/tmp", 3000017, &error),
	    0);
	for (int i = 0; i < 60000; i++) {
		bool fill = random_next(&random) % 1000 < (i / 3000 % 2 ? 300 : 700);
		struct random own = { fill ? in : out };
		size_t size = (size_t)(random_next(&own) %
		    (random_next(&own) % 200 == 0 ? BACKLOG_ITEM_MAX : 3000));

		memset(bytes, (int)(random_next(&own) & 255), size);
		if (fill && backlog_has_room(&b, size)) {
			struct backlog_item put = { (instant)in, (uint32_t)size, 1 };

			assert_int_equal(backlog_put(&b, put, bytes, &error), 0);
			in++;
		} else if (!fill && out < in) {
			assert_int_equal(backlog_first(&b, &item, &got, &error), 0);
			assert_int_equal(item.at, out);
			assert_true(slice_equal(got, slice_of(bytes, size)));
			backlog_drop_first(&b);
			out++;
		}
		assert_int_equal(b.items, in - out);
		filed = b.written;
	}
	assert_true(filed > 4 * 3000017); /* the file went round */
	backlog_fini(&b);
}

/* Every write that fails is an error that says so. */
static void
a_full_disk_is_a_failure(void **state)
{
	static uint8_t bytes[3000];
	struct world w;
	struct backlog b;
	struct error error;
	int status = 0;

	(void)state;
	world_init(&w);
	w.fail_write = 2;
	assert_int_equal(
	    backlog_init(&b, &w.os, BACKLOG_MEMORY_MIN, "/tmp", 1 << 24, &error), 0);
	for (int i = 0; i < 2000 && status == 0; i++)
		status = backlog_put(
		    &b, (struct backlog_item){ i, sizeof bytes, 1 }, bytes, &error);
	assert_int_equal(status, -1);
	assert_non_null(strstr(error.text, strerror(ENOSPC)));
	backlog_fini(&b);
	assert_int_equal(
	    backlog_init(&b, &w.os, BACKLOG_MEMORY_MIN, "/nowhere", 1, &error), -1);
	assert_non_null(strstr(error.text, "/nowhere"));
	world_fini(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    order_is_a_function_of_the_streams_and_not_of_their_arrival),
		cmocka_unit_test(one_hello_names_all_stages_once),
		cmocka_unit_test(what_is_saved_at_a_cut_goes_on_after_it),
		cmocka_unit_test(a_damaged_snapshot_is_refused),
		cmocka_unit_test(a_stage_that_goes_without_end_is_a_failure),
		cmocka_unit_test(a_planned_stop_ends_at_the_last_cut_that_all_have),
		cmocka_unit_test(a_backlog_gives_back_what_it_got_from_memory_and_file),
		cmocka_unit_test(a_full_disk_is_a_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
