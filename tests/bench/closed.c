/* SPDX-License-Identifier: MIT
 *
 * closed [SECONDS [EVENTS_A_SECOND]]: how long it takes from an event that is written into
 * the input of bp-join | bp-feature | bp-learn to a decision of a bp-serve that was made with
 * what it taught, and has another score. Events are impressions and clicks, two for each
 * banner shown, written by the clock, whether or not those before were seen; decisions are
 * asked for one after the other, over a unix socket. A decision's record says by how many
 * examples its model has learned; each click is one, and moves every score: so every click
 * is measured, up to the answer of the first decision that knows of it. bp-join says what
 * came of a banner when its window closes, whatever came before; here that is 10 us of
 * event time, and a watermark follows each click, so that the programs are measured and not
 * the window. Prints percentiles in microseconds.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/assert.h"
#include "lib/record/build.h"
#include "lib/record/control.h"
#include "lib/record/record.h"

enum { CLICKS_MAX = 1 << 20, BANNERS = 50, TRIES = 20000 };

static char folder[] = "/tmp/closed-XXXXXX";
static uint8_t records[1 << 20];
static size_t held;

static int64_t
now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static void
write_file(const char *name, const char *text)
{
	char path[64];
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	f = fopen(path, "w");
	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0)
		die(path);
}

/* A shell with this command in the folder, which leads its group; the end that is ours of
 * its input, or of its output. */
static pid_t
start(const char *command, bool output, int *ours)
{
	int ends[2];
	pid_t pid = -1;

	if (pipe2(ends, O_CLOEXEC) != 0 || (pid = fork()) < 0)
		die("closed");
	if (pid == 0) {
		if (dup2(ends[output], output) < 0 || chdir(folder) != 0)
			_exit(1);
		(void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(1);
	}
	(void)close(ends[output]);
	*ours = ends[!output];
	return pid;
}

static void
wait_for(const char *name)
{
	char path[64];

	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	for (unsigned i = 0; access(path, F_OK) != 0; i++) {
		if (i == TRIES)
			die(path);
		(void)usleep(1000);
	}
}

/* --- Events ------------------------------------------------------------------------ */

static void
put_event(struct build *b, const char *event, unsigned i, int64_t at)
{
	char text[32];

	build_map(b, 6);
	build_text(b, "event");
	build_text(b, event);
	build_text(b, "event_id");
	(void)snprintf(text, sizeof text, "%c%u", *event, i);
	build_text(b, text);
	build_text(b, "timestamp");
	build_int(b, at);
	build_text(b, "decision_id");
	(void)snprintf(text, sizeof text, "d%u", i);
	build_text(b, text);
	build_text(b, "creative_id");
	(void)snprintf(text, sizeof text, "b%u", i % BANNERS);
	build_text(b, text);
	build_text(b, "user_id");
	(void)snprintf(text, sizeof text, "u%u", i % 9973);
	build_text(b, text);
}

static void
write_click(int to, unsigned i)
{
	int64_t at = (int64_t)(1767571200000000 + 100 * (int64_t)i);
	uint8_t bytes[1024];
	struct build b;

	build_init(&b, bytes, sizeof bytes);
	put_event(&b, "impression", i, at);
	put_event(&b, "click", i, at + 1);
	control_build_tick(&b, at + 50, false);
	assert(!build_full(&b));
	if (write(to, bytes, build_slice(&b).size) != (ssize_t)build_slice(&b).size)
		die("events");
}

/* --- Decisions --------------------------------------------------------------------- */

static int
dial(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(to.sun_path, sizeof to.sun_path, "%s/socket", folder);
	for (unsigned i = 0; connect(fd, (struct sockaddr *)&to, sizeof to) != 0; i++) {
		if (i == TRIES)
			die(to.sun_path);
		(void)usleep(1000);
	}
	return fd;
}

static void
decide(int fd)
{
	static const char request[] = "GET /v1/decide?user_id=u1&slot_id=s HTTP/1.1\r\n"
				      "Host: localhost\r\n\r\n";
	char answer[4096];
	size_t size = 0;
	ssize_t n;
	char *body;

	if (write(fd, request, sizeof request - 1) != sizeof request - 1)
		die("decide");
	do {
		n = read(fd, answer + size, sizeof answer - 1 - size);
		if (n <= 0)
			die("decide");
		size += (size_t)n;
		answer[size] = '\0';
		body = strstr(answer, "\r\n\r\n");
	} while (body == NULL || answer[size - 1] != '}');
}

/* The model of the last decision that was written, and its score. False: there is none. */
static bool
read_decisions(int from, struct reader *reader, int64_t *version, double *score)
{
	struct slice value, list, event;
	struct record r;
	struct fault fault;
	size_t at = 0, need;
	bool found = false;
	ssize_t n = read(from, records + held, sizeof records - RECORD_PADDING - held);
	enum scan scan;

	if (n > 0)
		held += (size_t)n;
	while (at < held) {
		scan = record_scan(
		    reader, slice_of(records + at, held - at), &r, &fault, &need);
		if (scan == SCAN_MORE)
			break;
		assert(scan == SCAN_RECORD || scan == SCAN_CONTROL);
		at += r.size;
		if (scan == SCAN_CONTROL ||
		    !value_get(slice_of(r.bytes, r.size), "event", &value) ||
		    !value_str(value, &event) || !slice_is(event, "decision"))
			continue;
		found = value_get(slice_of(r.bytes, r.size), "model_version", &value) &&
		    value_int(value, version) &&
		    value_get(slice_of(r.bytes, r.size), "scores", &list) &&
		    value_at(list, 0, &value) && value_number(value, score);
	}
	held -= at;
	memmove(records, records + at, held);
	return found;
}

/* --- Figures ----------------------------------------------------------------------- */

static int
compare(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void
print(int64_t *took, size_t n, unsigned rate, size_t decisions, size_t same)
{
	qsort(took, n, sizeof *took, compare);
	printf("%zu clicks, %u events a second, %zu decisions; us from the event to a "
	       "decision that knows of it:\n"
	       "min %.0f  p50 %.0f  p90 %.0f  p99 %.0f  p99.9 %.0f  max %.0f\n"
	       "of these decisions had the score of the one before: %zu\n",
	    n, rate, decisions, (double)took[0] / 1e3, (double)took[n / 2] / 1e3,
	    (double)took[n * 9 / 10] / 1e3, (double)took[n * 99 / 100] / 1e3,
	    (double)took[n * 999 / 1000] / 1e3, (double)took[n - 1] / 1e3, same);
}

static void
clean_up(void)
{
	static const char *const names[] = { "live", "model", "said", "shop.json",
		"spec", "socket", "" };
	char path[64];

	for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
		(void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		(void)remove(path);
	}
}

static void
write_shop(void)
{
	char text[BANNERS * 80] = "", *at = text;

	for (unsigned i = 0; i < BANNERS; i++)
		at += sprintf(at,
		    "{\"event\":\"creative\",\"creative_id\":\"b%u\",\"timestamp\":1}"
		    "\n",
		    i);
	write_file("shop.json", text);
	write_file("spec", "creative = field creative_id\nuser = field user_id\n");
}

int
main(int argc, char **argv)
{
	double seconds = argc > 1 ? strtod(argv[1], NULL) : 5;
	unsigned rate = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 20000;
	size_t n = (size_t)(seconds * rate / 2), written = 0, seen = 0, same = 0;
	size_t decisions = 0;
	int64_t *took = calloc(CLICKS_MAX, sizeof *took), begun, version = 0, now;
	struct reader *reader = reader_new();
	double score = 0, before = 0;
	int events, decided, fd, status;
	pid_t learner, server;

	if (took == NULL || reader == NULL || n == 0 || n > CLICKS_MAX ||
	    mkdtemp(folder) == NULL)
		return 1;
	write_shop();
	learner = start(
	    "bp-join --click-window 10us --view-window 10us | bp-feature --spec spec |"
	    " bp-learn --model model --live live --report 0 >/dev/null",
	    false, &events);
	wait_for("live");
	server = start("exec bp-serve --listen unix:socket --catalogue shop.json"
		       " --model live --spec spec --policy greedy 2>said",
	    true, &decided);
	fd = dial();
	(void)fcntl(decided, F_SETFL, O_NONBLOCK);
	for (begun = now_ns(); seen < n;) {
		now = now_ns();
		while (written < n &&
		    now - begun >= (int64_t)((double)written / rate * 2e9)) {
			took[written] = -now_ns();
			write_click(events, (unsigned)written++);
		}
		decide(fd);
		decisions++;
		now = now_ns();
		if (!read_decisions(decided, reader, &version, &score) ||
		    (size_t)version <= seen)
			continue;
		same += score == before;
		before = score;
		for (; seen < (size_t)version && seen < n; seen++)
			took[seen] += now;
	}
	(void)close(events);
	(void)waitpid(learner, &status, 0);
	(void)kill(server, SIGTERM);
	(void)close(decided);
	(void)close(fd);
	(void)waitpid(server, &status, 0);
	print(took, n, rate, decisions, same);
	clean_up();
	reader_free(reader);
	free(took);
	return 0;
}
