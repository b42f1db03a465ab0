/* SPDX-License-Identifier: MIT
 *
 * live [SECONDS [EXAMPLES_A_SECOND]]: how long it takes from an example that is written into
 * the pipe of a bp-learn to a prediction that has changed, in another process that has
 * mapped the live file. Examples are written by the clock, whether or not those before were
 * seen, and the reader predicts without a pause; every example moves every prediction, as
 * all have one feature in common. Prints the percentiles in microseconds.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/assert.h"
#include "lib/hash.h"
#include "lib/model/model.h"
#include "lib/record/build.h"

enum { KEYS = 30, VALUES = 2000, EXAMPLES_MAX = 1 << 21, TRIES = 100000 };

static struct model *model;
static char live[64], file[64];
static uint8_t keys[8 * KEYS];

static int64_t
now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static struct slice
example(unsigned i, uint8_t *storage, size_t size)
{
	struct build b;

	bytes_store_le64(keys, 99);
	for (unsigned k = 1; k < KEYS; k++)
		bytes_store_le64(keys + 8 * (size_t)k,
		    (uint64_t)k << 48 |
			hash_bucket(hash_mix((uint64_t)i * KEYS + k), VALUES));
	build_init(&b, storage, size);
	build_map(&b, 4);
	build_text(&b, "event");
	build_text(&b, "outcome");
	build_text(&b, "timestamp");
	build_int(&b, (int64_t)i);
	build_text(&b, "features");
	build_bin(&b, slice_of(keys, sizeof keys));
	build_text(&b, "rewards");
	build_map(&b, 1);
	build_text(&b, "click");
	build_int(&b, i % 7 == 0);
	assert(!build_full(&b));
	return build_slice(&b);
}

static pid_t
start_learner(int *to)
{
	const char *folder = getenv("BUILD");
	char program[512];
	int ends[2];
	pid_t pid;

	(void)snprintf(program, sizeof program, "%s/bin/bp-learn",
	    folder != NULL ? folder : "build");
	if (pipe(ends) != 0 || (pid = fork()) < 0) {
		perror("live");
		exit(1);
	}
	if (pid == 0) {
		int out = open("/dev/null", O_WRONLY);

		if (dup2(ends[0], 0) < 0 || dup2(out, 1) < 0)
			_exit(1);
		(void)close(ends[1]);
		(void)execl(program, "bp-learn", "--model", file, "--live", live,
		    "--report", "0", (char *)NULL);
		perror(program);
		_exit(1);
	}
	(void)close(ends[0]);
	*to = ends[1];
	return pid;
}

static void
attach(void)
{
	struct error error;
	struct model *m = NULL;
	bool missing;

	for (unsigned i = 0; m == NULL; i++) {
		m = model_attach(&os_system, live, &missing, &error);
		if (m == NULL && i == TRIES) {
			fprintf(stderr, "live: %s\n", error.text);
			exit(1);
		}
		if (m == NULL)
			(void)usleep(100);
	}
	model_free(model);
	model = m;
}

static int
compare(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void
print(int64_t *took, size_t n, unsigned rate, size_t same)
{
	qsort(took, n, sizeof *took, compare);
	printf("%zu examples, %u a second; us from the pipe to a changed prediction:\n"
	       "min %.1f  p50 %.1f  p90 %.1f  p99 %.1f  p99.9 %.1f  max %.1f\n"
	       "versions whose prediction was the one before: %zu\n",
	    n, rate, (double)took[0] / 1e3, (double)took[n / 2] / 1e3,
	    (double)took[n * 9 / 10] / 1e3, (double)took[n * 99 / 100] / 1e3,
	    (double)took[n * 999 / 1000] / 1e3, (double)took[n - 1] / 1e3, same);
}

int
main(int argc, char **argv)
{
	double seconds = argc > 1 ? strtod(argv[1], NULL) : 5;
	unsigned rate = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 20000;
	size_t n = (size_t)(seconds * rate), written = 0, seen = 0, same = 0;
	int64_t *took = calloc(EXAMPLES_MAX, sizeof *took), begun;
	struct features probe = { { keys, 8 }, { 0 } };
	struct model_estimates said = { 0 };
	char folder[] = "/tmp/live-XXXXXX";
	double before = 0;
	int pipe_to, status;
	pid_t pid;

	if (took == NULL || n == 0 || n > EXAMPLES_MAX || mkdtemp(folder) == NULL)
		return 1;
	(void)snprintf(live, sizeof live, "%s/live", folder);
	(void)snprintf(file, sizeof file, "%s/model", folder);
	pid = start_learner(&pipe_to);
	attach();
	bytes_store_le64(keys, 99);
	for (begun = now_ns(); seen < n;) {
		int64_t now = now_ns();

		if (written < n &&
		    now - begun >= (int64_t)((double)written / rate * 1e9)) {
			uint8_t bytes[1024];
			struct slice record =
			    example((unsigned)written, bytes, sizeof bytes);

			took[written++] = -now_ns();
			if (write(pipe_to, record.at, record.size) !=
			    (ssize_t)record.size)
				return 1;
		}
		if (model_is_over(model))
			attach();
		(void)model_predict(model, &probe, &said);
		if (said.version <= seen)
			continue;
		same += said.of[MODEL_CLICK].mean == before;
		before = said.of[MODEL_CLICK].mean;
		for (now = now_ns(); seen < said.version; seen++)
			took[seen] += now;
	}
	(void)close(pipe_to);
	(void)waitpid(pid, &status, 0);
	print(took, n, rate, same);
	(void)unlink(live);
	(void)unlink(file);
	(void)rmdir(folder);
	free(took);
	model_free(model);
	return status == 0 ? 0 : 1;
}
