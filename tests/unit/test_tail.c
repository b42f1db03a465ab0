/* SPDX-License-Identifier: MIT */
#include "lib/stream/tail.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* The system with a clock that is ahead, so that no file is too young to be left, and
 * with one call that fails. */
struct faulty {
	struct os os; /* first: an os is cast back */
	unsigned calls, fail_at;
	bool failed;
};

static bool
fails(const struct os *os)
{
	struct faulty *f = (struct faulty *)(uintptr_t)os;

	if (++f->calls != f->fail_at)
		return false;
	f->failed = true;
	errno = EIO;
	return true;
}

static int
faulty_open(const struct os *os, const char *path, int flags, mode_t mode)
{
	return fails(os) ? -1 : os_system.open(os, path, flags, mode);
}

static ssize_t
faulty_read(const struct os *os, int fd, void *to, size_t size)
{
	return fails(os) ? -1 : os_system.read(os, fd, to, size < 7 ? size : 7);
}

static off_t
faulty_seek(const struct os *os, int fd, off_t offset, int whence)
{
	return fails(os) ? -1 : os_system.seek(os, fd, offset, whence);
}

static int
faulty_stat(const struct os *os, int fd, struct stat *to)
{
	return fails(os) ? -1 : os_system.stat(os, fd, to);
}

static int
faulty_list(const struct os *os, const char *path,
    void (*each)(void *context, const char *name), void *context)
{
	return fails(os) ? -1 : os_system.list(os, path, each, context);
}

static int64_t
late_wall_us(const struct os *os)
{
	return os_system.wall_us(os) + 3600 * INT64_C(1000000);
}

static void
faulty_init(struct faulty *f, unsigned fail_at)
{
	*f = (struct faulty){ .os = os_system, .fail_at = fail_at };
	f->os.open = faulty_open;
	f->os.read = faulty_read;
	f->os.seek = faulty_seek;
	f->os.stat = faulty_stat;
	f->os.list = faulty_list;
	f->os.wall_us = late_wall_us;
}

static char folder[] = "/tmp/bannerpipe.XXXXXX";

static void
append(const char *name, const char *text)
{
	FILE *file = fopen(name, "a");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void
clear(void)
{
	static const char *const names[] = { "log", "log.1", "log.2", "log.3",
		"log.bak", "log.1.gz", "other" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		(void)unlink(names[i]);
}

static int
enter(void **state)
{
	(void)state;
	return mkdtemp(folder) != NULL && chdir(folder) == 0 ? 0 : -1;
}

static int
leave(void **state)
{
	(void)state;
	clear();
	return chdir("/") == 0 && rmdir(folder) == 0 ? 0 : -1;
}

/* What a follower has: bytes, where it stands, how often it was told of what. */
struct follower {
	char text[1024];
	size_t size;
	struct tail_position position;
	unsigned gaps, starts;
};

static void
on_gap(void *context, uint64_t from, uint64_t to, const char *reason)
{
	struct follower *f = context;

	assert_true(from <= to);
	assert_non_null(reason);
	f->gaps++;
}

static void
on_start(void *context)
{
	((struct follower *)context)->starts++;
}

/* Follow until there is nothing new, from where the follower stands. False after a
 * failure; the follower has then what it had before. */
static bool
catch_up(const struct os *os, struct follower *f, bool allow)
{
	struct follower before = *f;
	struct error error = { "" };
	struct tail *t = tail_new(os, "log", allow, &error);
	struct source *source;
	ssize_t n = 1;
	bool good;

	assert_non_null(t);
	source = tail_source(t);
	tail_listen(t, &(struct tail_events){ on_gap, on_start, f });
	good = tail_resume(t, &f->position, &error) == 0;
	while (good && n > 0) {
		n = source->read(source, f->text + f->size, 100, &error);
		f->size += n > 0 ? (size_t)n : 0;
		assert_true(f->size < sizeof f->text - 100);
		/* Only complete lines count. */
		for (good = n != -1; good && n == SOURCE_NOTHING && f->size > 0;) {
			size_t line = f->size;

			while (line > 0 && f->text[line - 1] != '\n')
				line--;
			good = tail_tell(t, f->size - line, &f->position, &error) == 0;
			f->size = line;
			break;
		}
	}
	source->free(source);
	if (!good) {
		assert_true(error.text[0] != '\0');
		*f = before;
	}
	f->text[f->size] = '\0';
	return good;
}

static void
a_rotated_file_is_drained_before_its_successors(void **state)
{
	struct follower f = { 0 };
	struct faulty s;

	(void)state;
	clear();
	faulty_init(&s, 0);
	assert_true(catch_up(&s.os, &f, false)); /* there is no file yet */
	append("log", "a1\na2\nhal");
	assert_true(catch_up(&s.os, &f, false));
	assert_string_equal(f.text, "a1\na2\n");
	append("log", "f\n");
	assert_int_equal(rename("log", "log.1"), 0);
	append("log", "b1\n");
	append("log.1.gz", "not this\n");
	append("other", "nor this\n");
	assert_true(catch_up(&s.os, &f, false));
	assert_string_equal(f.text, "a1\na2\nhalf\nb1\n");
	assert_int_equal(f.starts, 1);
	assert_int_equal(rename("log.1", "log.2"), 0);
	assert_int_equal(rename("log", "log.1"), 0);
	append("log.1", "b2 without end");
	append("log", "c1\n");
	assert_true(catch_up(&s.os, &f, false));
	assert_string_equal(f.text, "a1\na2\nhalf\nb1\nb2 without end\nc1\n");
	assert_int_equal(f.gaps, 0);
}

static void
what_is_lost_is_a_failure_or_a_gap(void **state)
{
	struct follower f = { 0 };
	struct faulty s;

	(void)state;
	clear();
	faulty_init(&s, 0);
	append("log", "a1\na2\n");
	assert_true(catch_up(&s.os, &f, false));
	assert_int_equal(truncate("log", 0), 0);
	append("log", "b1\n");
	assert_false(catch_up(&s.os, &f, false));
	assert_true(catch_up(&s.os, &f, true));
	assert_string_equal(f.text, "a1\na2\nb1\n");
	assert_int_equal(f.gaps, 1);
	/* The same size, other bytes. */
	assert_int_equal(truncate("log", 0), 0);
	append("log", "c1\n");
	assert_false(catch_up(&s.os, &f, false));
	assert_true(catch_up(&s.os, &f, true));
	assert_string_equal(f.text, "a1\na2\nb1\nc1\n");
	assert_int_equal(f.gaps, 2);
}

/* Whatever call fails, and whenever: a new start goes on exactly; also where a loss would
 * be allowed, a failure is none. */
static void
a_failed_call_loses_nothing_and_doubles_nothing(void **state)
{
	static const char whole[] = "a1\na2\na3\nb1\nb2\nc1\nc2\n";
	unsigned failures = 0;

	(void)state;
	for (unsigned at = 1; at < 400; at++) {
		struct follower f = { 0 };
		struct faulty s;

		clear();
		faulty_init(&s, at);
		append("log", "a1\na2\n");
		if (!catch_up(&s.os, &f, false))
			failures++;
		append("log", "a3\n");
		assert_int_equal(rename("log", "log.1"), 0);
		append("log", "b1\n");
		if (!catch_up(&s.os, &f, at % 2 == 0))
			failures++;
		append("log", "b2\n");
		assert_int_equal(rename("log.1", "log.2"), 0);
		assert_int_equal(rename("log", "log.1"), 0);
		append("log", "c1\nc2\n");
		if (!catch_up(&s.os, &f, false))
			failures++;
		s.fail_at = 0;
		/* The first start failed: nothing is known of the older files. */
		if (f.size == 0)
			continue;
		assert_true(catch_up(&s.os, &f, false));
		assert_string_equal(f.text + strlen(f.text) - 6, "c1\nc2\n");
		if (f.text[0] == 'a')
			assert_string_equal(f.text, whole);
		assert_int_equal(f.gaps, 0);
	}
	assert_true(failures > 50);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rotated_file_is_drained_before_its_successors),
		cmocka_unit_test(what_is_lost_is_a_failure_or_a_gap),
		cmocka_unit_test(a_failed_call_loses_nothing_and_doubles_nothing),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
