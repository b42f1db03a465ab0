/* SPDX-License-Identifier: MIT */
#include "lib/log.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/log/format.h"
#include "tests/unit/seed.h"

/* Nothing here can cut the power: what was synced does not matter. */
static int
no_sync(const struct os *os, int fd)
{
	(void)os;
	(void)fd;
	return 0;
}

static struct os quick;

enum { FILE_MAX = 1 << 20, RECORD = 100 };

static char folder[] = "/tmp/bannerpipe-log-XXXXXX";
static char heard[4096]; /* what the log said */

static void
hear(void *context, const char *text)
{
	(void)context;
	(void)strncat(heard, text, sizeof heard - strlen(heard) - 1);
}

static void
remove_one(void *context, const char *name)
{
	char path[512];

	(void)context;
	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	(void)unlink(path);
}

static void
empty_folder(void)
{
	(void)os_system.list(&os_system, folder, remove_one, NULL);
}

static int
set_up(void **state)
{
	(void)state;
	(void)snprintf(folder + sizeof folder - 7, 7, "XXXXXX");
	heard[0] = '\0';
	return mkdtemp(folder) != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	empty_folder();
	return rmdir(folder);
}

static struct log_options
options(void)
{
	struct log_options o = log_defaults;

	o.say = hear;
	return o;
}

static struct log *
open_log(const struct os *os)
{
	struct log_options o = options();
	struct error error = { "" };
	struct log *l = log_open(os, folder, &o, &error);

	if (l == NULL)
		print_message("# %s\n", error.text);
	assert_non_null(l);
	return l;
}

/* A record of the test: its number, and bytes that compress somewhat. */
static void
make_record(uint64_t number, uint8_t to[RECORD])
{
	struct random r = { number };

	(void)snprintf((char *)to, RECORD, "%020llu", (unsigned long long)number);
	for (size_t i = 20; i < RECORD; i++)
		to[i] = (uint8_t)(random_next(&r) & 15);
}

static enum log_result
append(struct log *l, uint32_t n, const struct log_mark *mark, struct error *error)
{
	uint8_t bytes[64 * RECORD];
	struct log_times times = LOG_NO_TIMES;
	uint64_t first = log_next(l);

	assert_in_range(n, 1, 64);
	for (uint32_t i = 0; i < n; i++) {
		make_record(first + i, bytes + i * RECORD);
		log_times_add(&times, (instant)(first + i) * 1000);
	}
	return log_append(l, slice_of(bytes, n * RECORD), n, times, mark, error);
}

/* Append and sync, n times. */
static void
fill(struct log *l, unsigned batches, uint32_t records)
{
	struct error error;

	for (unsigned i = 0; i < batches; i++) {
		assert_int_equal(append(l, records, NULL, &error), LOG_DONE);
		assert_int_equal(log_sync(l, &error), LOG_DONE);
	}
}

static void
close_log(struct log *l)
{
	struct error error;

	assert_int_equal(log_close(l, &error), LOG_DONE);
}

/* The records from `first` on are all there, and are the ones of their numbers. Returns
 * the next number; *gaps counts. A failure of reading fails the test unless `fails`. */
static uint64_t
read_from(uint64_t first, unsigned *gaps, bool fails)
{
	struct error error = { "" };
	struct log_reader *r = log_reader_new(&os_system, folder, &error);
	struct log_batch b;
	struct log_gap gap;
	uint64_t next = first;
	uint8_t want[RECORD];
	enum log_read read;

	assert_non_null(r);
	*gaps = 0;
	while ((read = log_reader_next(r, &b, &gap, &error)) != LOG_READ_END) {
		if (read == LOG_READ_FAIL && fails)
			break;
		if (read == LOG_READ_FAIL)
			fail_msg("%s", error.text);
		if (read == LOG_READ_GAP) {
			assert_true(++*gaps < 1000);
			assert_true(gap.next >= gap.seq && gap.seq == next);
			next = gap.next;
			continue;
		}
		assert_true(b.first >= next);
		assert_int_equal(b.body.size, b.count * RECORD);
		for (uint32_t i = 0; i < b.count; i++) {
			make_record(b.first + i, want);
			assert_memory_equal(b.body.at + i * RECORD, want, RECORD);
		}
		next = b.first + b.count;
	}
	log_reader_free(r);
	return next;
}

static void
assert_whole(uint64_t records)
{
	unsigned gaps;

	assert_int_equal(read_from(0, &gaps, false), records);
	assert_int_equal(gaps, 0);
}

static void
path_of(uint64_t first, char to[512])
{
	char name[LOG_NAME_SIZE];

	log_name(first, name);
	(void)snprintf(to, 512, "%s/%s", folder, name);
}

static size_t
load(uint64_t first, uint8_t *to)
{
	char path[512];
	FILE *f;
	size_t n;

	path_of(first, path);
	f = fopen(path, "rb");
	assert_non_null(f);
	n = fread(to, 1, FILE_MAX, f);
	(void)fclose(f);
	return n;
}

static void
store(uint64_t first, const uint8_t *from, size_t size, mode_t mode)
{
	char path[512];
	FILE *f;

	path_of(first, path);
	(void)unlink(path);
	f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(from, 1, size, f), size);
	(void)fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

/* --- What it is for -------------------------------------------------------------- */

static void
what_is_appended_is_read_back(void **state)
{
	struct random r = seeded();
	struct log *l = open_log(&quick);
	struct error error;
	uint64_t n = 0;

	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		uint32_t k = 1 + (uint32_t)(random_next(&r) % 64);

		assert_int_equal(append(l, k, NULL, &error), LOG_DONE);
		n += k;
		if (random_next(&r) % 50 == 0)
			assert_int_equal(log_sync(l, &error), LOG_DONE);
		if (random_next(&r) % 400 == 0) {
			close_log(l);
			l = open_log(&quick);
		}
		assert_int_equal(log_next(l), n);
	}
	close_log(l);
	assert_whole(n);
	assert_string_equal(heard, "");
}

static void
a_record_is_durable_when_the_group_commit_is_due(void **state)
{
	struct log *l = open_log(&quick);
	struct error error;
	int64_t due;

	(void)state;
	assert_true(log_due(l) == INT64_MAX);
	assert_int_equal(append(l, 3, NULL, &error), LOG_DONE);
	due = log_due(l);
	assert_in_range(due - os_system.monotonic_us(&os_system), 0, 5000);
	assert_int_equal(log_durable(l), 0);
	while (os_system.monotonic_us(&os_system) < due)
		;
	assert_int_equal(log_tend(l, &error), LOG_DONE);
	assert_int_equal(log_durable(l), 3);
	assert_true(log_due(l) == INT64_MAX);
	close_log(l);
}

static void
a_full_segment_is_sealed_and_read_only(void **state)
{
	struct log_options o = options();
	struct error error;
	struct log *l;
	struct stat status;
	char path[512];

	(void)state;
	o.segment_bytes = 20000;
	l = log_open(&quick, folder, &o, &error);
	fill(l, 20, 64);
	path_of(0, path);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0444);
	assert_in_range(status.st_size, 20000, 30000);
	close_log(l);
	assert_whole(20 * 64);
	l = log_open(&quick, folder, &o, &error);
	assert_int_equal(log_next(l), 20 * 64);
	fill(l, 20, 64);
	close_log(l);
	assert_whole(40 * 64);
}

static void
a_second_writer_is_refused(void **state)
{
	struct log_options o = options();
	struct log *l = open_log(&quick);
	struct error error;

	(void)state;
	assert_null(log_open(&quick, folder, &o, &error));
	assert_non_null(strstr(error.text, "another process"));
	close_log(l);
}

/* Appends of nothing but a mark wait for the disk like others, and nobody reads them. */
static void
a_mark_may_come_without_records(void **state)
{
	struct log_options o = options();
	struct log_mark mark = { .sender = { 7 } }, back;
	struct log_batch batch;
	struct log_gap gap;
	struct log_position p;
	struct log_reader *r;
	struct error error;
	struct log *l;
	uint64_t next = 0;
	unsigned i = 0;

	(void)state;
	o.segment_bytes = 2000;
	l = log_open(&quick, folder, &o, &error);
	for (mark.next = 0; mark.next < 90; mark.next++) {
		uint64_t before = log_durable_appends(l);
		bool empty = mark.next < 30 || mark.next % 3 != 0;

		assert_int_equal(empty
			? log_append(l, slice_of("", 0), 0, LOG_NO_TIMES, &mark, &error)
			: append(l, 3, &mark, &error),
		    LOG_DONE);
		assert_int_equal(log_durable_appends(l), before);
		assert_int_equal(log_appends(l), before + 1);
		assert_true(log_due(l) < INT64_MAX);
		assert_int_equal(log_sync(l, &error), LOG_DONE);
		assert_int_equal(log_durable_appends(l), before + 1);
		if (mark.next % 10 == 9) {
			close_log(l);
			l = log_open(&quick, folder, &o, &error);
			assert_non_null(l);
		}
	}
	assert_int_equal(log_next(l), 60);
	assert_true(log_next_mark(l, &i, &back));
	assert_int_equal(back.next, 89);
	assert_false(log_next_mark(l, &i, &back));
	/* Read with a seek to each place between two records. */
	for (memset(&p, 0, sizeof p); next < 60; next += batch.count) {
		r = log_reader_new(&os_system, folder, &error);
		assert_non_null(r);
		if (next > 0)
			assert_int_equal(log_reader_seek(r, &p, &error), 0);
		assert_int_equal(
		    log_reader_next(r, &batch, &gap, &error), LOG_READ_BATCH);
		assert_int_equal(batch.first, next);
		assert_true(batch.count > 0);
		log_reader_tell(r, &p);
		log_reader_free(r);
	}
	close_log(l);
	assert_string_equal(heard, "");
}

static void
marks_are_recovered_with_the_records_they_cover(void **state)
{
	struct log_options o = options();
	struct log_mark mark = { .next = 0 }, back;
	struct error error;
	struct log *l;

	(void)state;
	o.segment_bytes = 5000;
	l = log_open(&quick, folder, &o, &error);
	for (unsigned i = 0; i < 300; i++) {
		mark.sender[0] = (uint8_t)(i % 7);
		mark.next = i;
		mark.chain[3] = (uint8_t)i;
		assert_int_equal(append(l, 5, &mark, &error), LOG_DONE);
		if (i % 5 == 0)
			assert_int_equal(log_sync(l, &error), LOG_DONE);
	}
	close_log(l);
	l = open_log(&quick);
	for (unsigned i = 293; i < 300; i++) {
		uint8_t sender[LOG_UUID_SIZE] = { (uint8_t)(i % 7) };

		assert_true(log_marked(l, sender, &back));
		assert_int_equal(back.next, i);
		assert_int_equal(back.chain[3], (uint8_t)i);
	}
	mark.sender[0] = 9;
	assert_false(log_marked(l, mark.sender, &back));
	close_log(l);
}

static void
the_stalest_of_too_many_senders_is_forgotten(void **state)
{
	struct log *l = open_log(&quick);
	struct log_mark mark = { .next = 1 };
	struct error error;

	(void)state;
	for (unsigned i = 0; i <= LOG_SENDERS_MAX; i++) {
		mark.sender[0] = (uint8_t)i;
		mark.sender[1] = (uint8_t)(i >> 8);
		assert_int_equal(append(l, 1, &mark, &error), LOG_DONE);
	}
	close_log(l);
	l = open_log(&quick);
	mark.sender[0] = mark.sender[1] = 0;
	assert_false(log_marked(l, mark.sender, &mark));
	mark.sender[0] = 1;
	assert_true(log_marked(l, mark.sender, &mark));
	close_log(l);
}

static void
old_segments_are_removed_and_it_is_said(void **state)
{
	struct log_options o = options();
	struct error error;
	struct log *l;
	unsigned gaps;

	(void)state;
	o.segment_bytes = 5000;
	o.keep_bytes = 20000;
	l = log_open(&quick, folder, &o, &error);
	log_guard(l, 64);
	fill(l, 40, 64);
	assert_true(log_bytes(l) > 20000);
	assert_string_equal(heard, "");
	log_guard(l, UINT64_MAX);
	fill(l, 2, 64);
	assert_in_range(log_bytes(l), 10000, 25000);
	assert_non_null(
	    strstr(heard, "removed 00000000000000000000.bplog, records 0 to"));
	close_log(l);
	assert_int_equal(read_from(0, &gaps, false), 42 * 64);
	l = open_log(&quick);
	assert_int_equal(log_next(l), 42 * 64);
	close_log(l);
}

/* --- Going back ------------------------------------------------------------------ */

static void
a_log_goes_back_to_any_position_that_it_told(void **state)
{
	struct log_position told[30];
	struct log_mark mark = { .next = 0 }, back;
	struct log_options o = options();
	struct error error;
	struct log *l;

	(void)state;
	o.segment_bytes = 12000;
	l = log_open(&quick, folder, &o, &error);
	for (unsigned i = 0; i < 30; i++) {
		log_tell(l, &told[i]);
		assert_int_equal(told[i].seq, i * 50);
		mark.next = i + 1;
		assert_int_equal(append(l, 50, &mark, &error), LOG_DONE);
		assert_int_equal(log_sync(l, &error), LOG_DONE);
	}
	for (unsigned i = 30; i-- > 0;) {
		close_log(l);
		l = log_open(&quick, folder, &o, &error);
		if (log_truncate(l, &told[i], &error) != 0)
			fail_msg("%s", error.text);
		assert_int_equal(log_next(l), i * 50);
		assert_true(log_marked(l, mark.sender, &back) == (i > 0));
		assert_true(i == 0 || back.next == i);
		assert_whole(i * 50);
		fill(l, 2, 50);
		assert_whole((i + 2) * 50);
	}
	close_log(l);
}

static void
a_position_of_another_log_is_refused_and_nothing_is_lost(void **state)
{
	struct log_position p;
	struct error error;
	struct log *l = open_log(&quick);

	(void)state;
	fill(l, 3, 10);
	log_tell(l, &p);
	fill(l, 3, 10);
	p.chain[0] ^= 1;
	assert_int_equal(log_truncate(l, &p, &error), -1);
	p.chain[0] ^= 1;
	p.seq = p.offset = 1000000;
	assert_int_equal(log_truncate(l, &p, &error), -1);
	log_abandon(l);
	assert_whole(60);
}

static void
a_reader_goes_on_at_any_batch(void **state)
{
	struct log_options o = options();
	struct log_position at[40];
	struct log_reader *r;
	struct log_batch b;
	struct log_gap gap;
	struct error error;
	struct log *l;
	unsigned n = 0;

	(void)state;
	o.segment_bytes = 12000;
	l = log_open(&quick, folder, &o, &error);
	fill(l, 40, 50);
	close_log(l);
	r = log_reader_new(&os_system, folder, &error);
	while (log_reader_next(r, &b, &gap, &error) == LOG_READ_BATCH)
		at[n++] = b.at;
	assert_int_equal(n, 40);
	while (n-- > 0) {
		at[n].seq += n % 50;
		assert_int_equal(log_reader_seek(r, &at[n], &error), 0);
		assert_int_equal(log_reader_next(r, &b, &gap, &error), LOG_READ_BATCH);
		assert_int_equal(b.first, n * 50);
		assert_memory_equal(b.at.chain, at[n].chain, LOG_HASH_SIZE);
	}
	log_reader_free(r);
}

/* --- Seeking by time -------------------------------------------------------------- */

static uint64_t read_bytes;

static ssize_t
counting_read(const struct os *os, int fd, void *to, size_t size)
{
	ssize_t n = os_system.read(os, fd, to, size);

	read_bytes += n > 0 ? (uint64_t)n : 0;
	return n;
}

static void
what_lies_outside_the_times_is_not_read(void **state)
{
	struct log_options o = options();
	struct os os = quick;
	struct log_reader *r;
	struct log_batch b;
	struct log_gap gap;
	struct error error;
	struct log *l;
	uint64_t next = 0;

	(void)state;
	o.segment_bytes = 60000;
	l = log_open(&quick, folder, &o, &error);
	fill(l, 400, 64);
	close_log(l);
	os.read = counting_read;
	read_bytes = 0;
	r = log_reader_new(&os, folder, &error);
	log_reader_between(r, 10000 * 1000, 10100 * 1000);
	while (log_reader_next(r, &b, &gap, &error) == LOG_READ_BATCH) {
		assert_true(next == 0 || b.first == next);
		assert_true(b.first + b.count > 10000 && b.first < 10100);
		next = b.first + b.count;
	}
	assert_int_equal(error.text[0] != 0 && next == 0, 0);
	assert_true(next >= 10100);
	log_reader_free(r);
	assert_in_range(read_bytes, 1, 50000); /* of 1.6 MB */
}

/* --- Damage ----------------------------------------------------------------------- */

static void
a_cut_anywhere_in_the_live_segment_is_repaired(void **state)
{
	static uint8_t whole[FILE_MAX];
	struct log *l = open_log(&quick);
	uint64_t ends[12];
	size_t size;

	(void)state;
	for (unsigned i = 0; i < 12; i++) {
		fill(l, 1, 3);
		ends[i] = log_bytes(l);
	}
	close_log(l);
	size = load(0, whole);
	assert_int_equal(size, ends[11]);
	for (size_t cut = 0; cut <= size; cut++) {
		uint64_t good = 0;

		while (good < 12 && ends[good] <= cut)
			good++;
		empty_folder();
		store(0, whole, cut, 0644);
		assert_whole(good * 3);
		heard[0] = '\0';
		l = open_log(&quick);
		assert_int_equal(log_next(l), good * 3);
		assert_true((strstr(heard, "torn tail") != NULL) ==
		    (cut != (good == 0 ? 0 : ends[good - 1])));
		fill(l, 1, 3);
		close_log(l);
		assert_whole(good * 3 + 3);
	}
}

/* Every flipped bit of the live segment is found: by the writer it is the torn tail, only
 * when it lies in what was not known to be durable, or damage. */
static void
a_flipped_bit_in_the_live_segment_is_found(void **state)
{
	static uint8_t whole[FILE_MAX];
	struct random r = seeded();
	struct log_options o = options();
	struct log *l = open_log(&quick);
	struct error error;
	size_t size;

	(void)state;
	fill(l, 4, 3);
	close_log(l);
	size = load(0, whole);
	for (size_t at = 0; at < size; at++) {
		uint8_t bit = (uint8_t)(1 << random_next(&r) % 8);
		unsigned gaps;
		uint64_t next;

		whole[at] ^= bit;
		empty_folder();
		store(0, whole, size, 0644);
		next = read_from(0, &gaps, false);
		/* A gap, or the last batch is taken for a torn tail. */
		if (!(gaps == 1 || (gaps == 0 && next == 9)))
			fail_msg("byte %zu of %zu: %u gaps, %u", at, size, gaps,
			    (unsigned)next);
		l = log_open(&quick, folder, &o, &error);
		if (l == NULL)
			assert_non_null(strstr(error.text, "is damaged at byte"));
		else
			assert_in_range(log_next(l), 9, 12);
		log_abandon(l);
		whole[at] ^= bit;
	}
}

static void
a_flipped_bit_in_a_sealed_segment_is_found(void **state)
{
	static uint8_t whole[FILE_MAX];
	struct random r = seeded();
	struct log_options o = options();
	struct error error;
	struct log *l;
	size_t size;

	(void)state;
	o.segment_bytes = 1200;
	l = log_open(&quick, folder, &o, &error);
	fill(l, 10, 4);
	close_log(l);
	size = load(0, whole);
	assert_in_range(size, 1200, 3000);
	for (size_t at = 0; at <= size; at++) {
		uint8_t bit = (uint8_t)(1 << random_next(&r) % 8);
		unsigned gaps;

		if (at < size)
			whole[at] ^= bit;
		store(0, whole, size, 0444);
		assert_int_equal(read_from(0, &gaps, false), 40);
		if (gaps != (at < size))
			fail_msg("byte %zu of %zu: %u gaps", at, size, gaps);
		if (at < size)
			whole[at] ^= bit;
	}
	for (size_t cut = 0; cut < size; cut++) {
		unsigned gaps;

		store(0, whole, cut, 0444);
		assert_int_equal(read_from(0, &gaps, false), 40);
		assert_int_equal(gaps, 1);
	}
}

static void
a_missing_segment_is_a_gap(void **state)
{
	struct log_options o = options();
	struct log_reader *r;
	struct log_batch b;
	struct log_gap gap;
	struct error error;
	struct log *l;
	char path[512];
	uint64_t second = 0;
	unsigned gaps;

	(void)state;
	o.segment_bytes = 1200;
	l = log_open(&quick, folder, &o, &error);
	fill(l, 20, 4);
	close_log(l);
	r = log_reader_new(&os_system, folder, &error);
	while (second == 0 && log_reader_next(r, &b, &gap, &error) == LOG_READ_BATCH)
		second = b.at.segment;
	log_reader_free(r);
	assert_true(second > 0);
	path_of(second, path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(read_from(0, &gaps, false), 80);
	assert_int_equal(gaps, 1);
}

/* --- Failing calls ----------------------------------------------------------------- */

static struct {
	unsigned countdown;
	int cause;
	bool dead; /* all calls after it fail too: a crash */
	bool failed;
} inject;

static bool
fails(void)
{
	if (inject.failed && inject.dead)
		return errno = EIO, true;
	if (inject.countdown == 0 || --inject.countdown > 0)
		return false;
	inject.failed = true;
	errno = inject.cause;
	return true;
}

static int
failing_open(const struct os *os, const char *path, int flags, mode_t mode)
{
	return fails() ? -1 : os_system.open(os, path, flags, mode);
}

static ssize_t
failing_write(const struct os *os, int fd, const void *from, size_t size)
{
	if (fails()) {
		/* Some of it may have been written. */
		if (inject.cause != EINTR)
			(void)!write(fd, from, size / 2);
		return -1;
	}
	return os_system.write(os, fd, from, size);
}

static ssize_t
failing_read(const struct os *os, int fd, void *to, size_t size)
{
	return fails() ? -1 : os_system.read(os, fd, to, size);
}

static int
failing_sync(const struct os *os, int fd)
{
	return fails() ? -1 : no_sync(os, fd);
}

static int
failing_truncate(const struct os *os, int fd, off_t size)
{
	return fails() ? -1 : os_system.truncate(os, fd, size);
}

static int
failing_mode(const struct os *os, int fd, mode_t mode)
{
	return fails() ? -1 : os_system.mode(os, fd, mode);
}

static int
failing_stat(const struct os *os, int fd, struct stat *to)
{
	return fails() ? -1 : os_system.stat(os, fd, to);
}

static int
failing_unlink(const struct os *os, const char *path)
{
	return fails() ? -1 : os_system.unlink(os, path);
}

static struct os
failing(void)
{
	struct os os = quick;

	os.open = failing_open;
	os.write = failing_write;
	os.read = failing_read;
	os.sync = os.sync_data = failing_sync;
	os.truncate = failing_truncate;
	os.mode = failing_mode;
	os.stat = failing_stat;
	os.unlink = failing_unlink;
	return os;
}

/* Two lives of a log; how many records were said to be durable. */
static uint64_t
live_twice(const struct os *os, struct error *error)
{
	struct log_options o = options();
	uint64_t durable = 0;

	o.segment_bytes = 3000;
	for (unsigned life = 0; life < 2; life++) {
		struct log *l = log_open(os, folder, &o, error);

		if (l == NULL)
			return durable;
		for (unsigned i = 0; i < 12; i++) {
			if (append(l, 10, NULL, error) != LOG_DONE ||
			    (i % 2 == 1 && log_sync(l, error) != LOG_DONE)) {
				durable = log_durable(l);
				log_abandon(l);
				return durable;
			}
		}
		if (log_close(l, error) != LOG_DONE)
			return durable;
		durable += 120;
	}
	return durable;
}

static void
whatever_call_fails_what_was_durable_stays(void **state)
{
	static const int causes[] = { EIO, ENOSPC, EINTR };
	struct os os = failing();
	struct error error = { "" };
	unsigned gaps, n = 0;
	uint64_t durable;

	(void)state;
	for (unsigned how = 0; how < 6; how++) {
		for (n = 1; n < 1000; n++) {
			struct log *l;

			empty_folder();
			inject.countdown = n;
			inject.cause = causes[how % 3];
			inject.dead = how >= 3;
			inject.failed = false;
			durable = live_twice(&os, &error);
			if (!inject.failed)
				break;
			inject.dead = false;
			inject.countdown = 0;
			if (durable < 240)
				assert_string_not_equal(error.text, "");
			l = open_log(&quick);
			assert_true(log_next(l) >= durable);
			fill(l, 1, 10);
			durable = log_next(l);
			close_log(l);
			assert_int_equal(read_from(0, &gaps, false), durable);
			if (gaps != 0)
				fail_msg("call %u, %d: %u gaps, %s", n, how, gaps,
				    error.text);
		}
		assert_in_range(n, 50, 999);
	}
}

/* --- A full disk -------------------------------------------------------------------- */

static uint64_t room;

static ssize_t
bounded_write(const struct os *os, int fd, const void *from, size_t size)
{
	size_t n = size < room ? size : (size_t)room;

	if (n == 0)
		return errno = ENOSPC, -1;
	room -= n;
	return os_system.write(os, fd, from, n);
}

/* What is cut off is room again. */
static int
bounded_truncate(const struct os *os, int fd, off_t size)
{
	struct stat status;

	assert_int_equal(fstat(fd, &status), 0);
	room += (uint64_t)(status.st_size - size);
	return os_system.truncate(os, fd, size);
}

static void
a_full_disk_is_waited_for_and_nothing_is_lost(void **state)
{
	struct os os = quick;
	struct log_options o = options();
	struct error error;
	struct log *l;
	unsigned full = 0;

	(void)state;
	os.write = bounded_write;
	os.truncate = bounded_truncate;
	room = 10000;
	o.segment_bytes = 30000;
	l = log_open(&os, folder, &o, &error);
	for (unsigned i = 0; i < 200; i++) {
		enum log_result result;

		while ((result = append(l, 50, NULL, &error)) == LOG_FULL)
			room += 700, full++;
		assert_int_equal(result, LOG_DONE);
		while ((result = log_sync(l, &error)) == LOG_FULL)
			room += 700, full++;
		assert_int_equal(result, LOG_DONE);
		assert_int_equal(log_durable(l), log_next(l));
	}
	close_log(l);
	assert_true(full > 100);
	assert_non_null(strstr(heard, "the disk is full"));
	assert_non_null(strstr(heard, "has room again"));
	assert_whole(200 * 50);
}

static void
a_full_disk_is_a_failure_when_asked(void **state)
{
	struct os os = quick;
	struct log_options o = options();
	struct error error;
	struct log *l;

	(void)state;
	os.write = bounded_write;
	room = 1000;
	o.fail_when_full = true;
	l = log_open(&os, folder, &o, &error);
	assert_int_equal(append(l, 50, NULL, &error), LOG_DONE);
	assert_int_equal(log_sync(l, &error), LOG_FAIL);
	assert_non_null(strstr(error.text, "no space left"));
	log_abandon(l);
}

/* --- Crashes ------------------------------------------------------------------------ */

/* What was written to the one segment, and how far it was synced at each write. */
static struct {
	struct {
		size_t at, size, synced; /* synced: writes before this one */
	} write[256];
	size_t n, size, synced;
	uint64_t durable_at[257]; /* records durable once so many writes were */
} tape;

static ssize_t
taped_write(const struct os *os, int fd, const void *from, size_t size)
{
	assert_true(tape.n < 256);
	tape.write[tape.n].at = tape.size;
	tape.write[tape.n].size = size;
	tape.n++;
	tape.size += size;
	return os_system.write(os, fd, from, size);
}

static void
any_state_that_a_power_cut_may_leave_is_opened(void **state)
{
	static uint8_t whole[FILE_MAX], torn[FILE_MAX];
	struct random r = seeded();
	struct os os = quick;
	struct error error;
	struct log_options o = options();
	uint64_t records_at[257] = { 0 };
	size_t synced_at[257] = { 0 };
	struct log *l;

	(void)state;
	memset(&tape, 0, sizeof tape);
	os.write = taped_write;
	o.sync_us = 1000000000;
	l = log_open(&os, folder, &o, &error);
	for (unsigned i = 0; i < 60; i++) {
		/* An epoch closes the batch: a write without a sync. */
		assert_int_equal(append(l, 5, NULL, &error), LOG_DONE);
		assert_int_equal(log_epoch(l, i + 1, &error), LOG_DONE);
		if (random_next(&r) % 4 == 0)
			assert_int_equal(log_sync(l, &error), LOG_DONE);
		records_at[tape.n] = log_durable(l);
		synced_at[tape.n] = (size_t)(log_durable(l) / 5);
	}
	log_abandon(l);
	assert_int_equal(load(0, whole), tape.size);
	for (unsigned trial = 0; trial < 2000; trial++) {
		size_t n = 1 + random_next(&r) % tape.n, end = 0;
		uint64_t next;

		/* Of the writes after the last sync any may be missing, in any part. */
		memset(torn, 0, tape.size);
		for (size_t i = 0; i < n; i++) {
			size_t size = tape.write[i].size, at = tape.write[i].at;

			if (i >= synced_at[n] && random_next(&r) % 2 == 0)
				size = random_next(&r) % (size + 1);
			memcpy(torn + at, whole + at, size);
			if (size > 0)
				end = at + size;
		}
		empty_folder();
		store(0, torn, end, 0644);
		l = open_log(&quick);
		next = log_next(l);
		assert_in_range(next, records_at[n], n * 5);
		fill(l, 1, 5);
		close_log(l);
		assert_whole(next + 5);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(what_is_appended_is_read_back),
		TEST(a_record_is_durable_when_the_group_commit_is_due),
		TEST(a_full_segment_is_sealed_and_read_only),
		TEST(a_second_writer_is_refused),
		TEST(a_mark_may_come_without_records),
		TEST(marks_are_recovered_with_the_records_they_cover),
		TEST(the_stalest_of_too_many_senders_is_forgotten),
		TEST(old_segments_are_removed_and_it_is_said),
		TEST(a_log_goes_back_to_any_position_that_it_told),
		TEST(a_position_of_another_log_is_refused_and_nothing_is_lost),
		TEST(a_reader_goes_on_at_any_batch),
		TEST(what_lies_outside_the_times_is_not_read),
		TEST(a_cut_anywhere_in_the_live_segment_is_repaired),
		TEST(a_flipped_bit_in_the_live_segment_is_found),
		TEST(a_flipped_bit_in_a_sealed_segment_is_found),
		TEST(a_missing_segment_is_a_gap),
		TEST(whatever_call_fails_what_was_durable_stays),
		TEST(a_full_disk_is_waited_for_and_nothing_is_lost),
		TEST(a_full_disk_is_a_failure_when_asked),
		TEST(any_state_that_a_power_cut_may_leave_is_opened),
	};

	quick = os_system;
	quick.sync = quick.sync_data = no_sync;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
