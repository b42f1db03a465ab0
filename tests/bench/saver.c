/* SPDX-License-Identifier: MIT
 *
 * saver [checkpoints [every_ms [MiB]]]: how long the stream stands still for a snapshot of
 * a large state of which 10,000 cells are touched between two.
 *
 * Prints a line of JSON, times in milliseconds: `still` is from saver_begin to the return
 * of saver_commit, `used` the processor time of that, `durable` from there until saver_poll says so. The whole snapshot at the
 * start is apart. Files go to the folder that TMPDIR names.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/assert.h"
#include "lib/hash.h"
#include "lib/state/block.h"
#include "lib/state/saver.h"
#include "lib/table.h"

enum { TOUCHED = 10000, CHECKPOINTS_MAX = 10000, CELL = 48 };

static const struct state_identity identity = { .name = "bench", .schema = 1 };

static double still[CHECKPOINTS_MAX], durable[CHECKPOINTS_MAX], used[CHECKPOINTS_MAX];

static double
now_ms(void)
{
	return (double)os_system.monotonic_us(&os_system) / 1000;
}

static double
thread_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int
ascending(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double
percentile(double *values, size_t n, double p)
{
	qsort(values, n, sizeof *values, ascending);
	return values[(size_t)((double)(n - 1) * p)];
}

static void
require(int status, const struct error *error)
{
	if (status == 0)
		return;
	(void)fprintf(stderr, "saver: %s\n", error->text);
	exit(111);
}

/* Hand over a snapshot; how long that took. */
static double
checkpoint(struct saver *s, struct table *t, uint64_t epoch)
{
	double begin = now_ms();
	struct error error;
	struct state_writer *w = saver_begin(s, epoch, &error);

	require(w != NULL ? 0 : -1, &error);
	state_put_table(w, t);
	require(saver_commit(s, w, &error), &error);
	return now_ms() - begin;
}

static void
touch(struct table *t, struct random *r, size_t slots)
{
	uint64_t key = hash_bucket(random_next(r), slots / 2);
	bool fresh;

	memset(table_touch(t, hash_mix(key), 1, &fresh), (int)key | 1, CELL);
}

/* Touch cells evenly over the time until the next checkpoint, and note when the one that is
 * on its way is durable. */
static void
stream(
    struct saver *s, struct table *t, struct random *r, double every_ms, double *until)
{
	double begin = now_ms(), at = begin;
	struct error error;

	*until = -1;
	for (unsigned i = 0; i < TOUCHED || *until < 0; i++) {
		if (i < TOUCHED)
			touch(t, r, table_slots(t));
		at = now_ms();
		if (*until < 0) {
			enum saver_progress p = saver_poll(s, &error);

			require(p == SAVER_FAILED ? -1 : 0, &error);
			if (p == SAVER_DURABLE)
				*until = at - begin;
		}
		if (at - begin < every_ms * i / TOUCHED)
			(void)nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL);
	}
}

static void
remove_one(void *context, const char *name)
{
	char path[4096];

	(void)snprintf(path, sizeof path, "%s/%s", (const char *)context, name);
	(void)unlink(path);
}

int
main(int argc, char **argv)
{
	size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 60;
	double every = argc > 2 ? strtod(argv[2], NULL) : 1000, first, whole;
	uint64_t memory = (argc > 3 ? strtoull(argv[3], NULL, 10) : 256) << 20;
	const char *base = getenv("TMPDIR");
	char folder[4096];
	struct table *t = table_new(TABLE_KEY_64, CELL, memory);
	struct random r = { 1 };
	struct error error;
	struct saver *s;
	double grains = 0;

	n = n > 0 && n < CHECKPOINTS_MAX ? n : CHECKPOINTS_MAX;
	(void)snprintf(folder, sizeof folder, "%s/bannerpipe-bench-XXXXXX",
	    base != NULL ? base : "/tmp");
	if (t == NULL || mkdtemp(folder) == NULL ||
	    (s = saver_new(&os_system, folder, &identity, &error)) == NULL)
		return 111;
	for (size_t i = 0; i < table_slots(t); i++)
		touch(t, &r, table_slots(t));
	first = checkpoint(s, t, 1);
	whole = now_ms();
	require(saver_wait(s, &error), &error);
	whole = now_ms() - whole;
	for (size_t i = 0; i < n; i++) {
		for (unsigned k = 0; k < (i == 0 ? TOUCHED : 0); k++)
			touch(t, &r, table_slots(t));
		grains += (double)dirty_count(table_dirty(t));
		used[i] = thread_ms();
		still[i] = checkpoint(s, t, 2 + i);
		used[i] = thread_ms() - used[i];
		stream(s, t, &r, every, &durable[i]);
		saver_forget(s, 1 + i);
	}
	saver_free(s);
	(void)printf(
	    "{\"state_mib\": %llu, \"checkpoints\": %zu, \"every_ms\": %.0f, "
	    "\"still_p50\": %.2f, \"still_p99\": %.2f, \"still_max\": %.2f, "
	    "\"used_p50\": %.2f, \"used_p99\": %.2f, "
	    "\"durable_p50\": %.1f, \"durable_p99\": %.1f, \"delta_bytes\": %.0f, "
	    "\"whole_still\": %.0f, \"whole_durable\": %.0f}\n",
	    (unsigned long long)(memory >> 20), n, every, percentile(still, n, 0.5),
	    percentile(still, n, 0.99), percentile(still, n, 1),
	    percentile(used, n, 0.5), percentile(used, n, 0.99),
	    percentile(durable, n, 0.5), percentile(durable, n, 0.99),
	    grains / (double)n * DIRTY_GRAIN, first, whole);
	(void)os_system.list(&os_system, folder, remove_one, folder);
	(void)rmdir(folder);
	table_free(t);
	return 0;
}
