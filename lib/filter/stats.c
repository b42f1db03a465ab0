/* SPDX-License-Identifier: MIT
 *
 * The counters: as Prometheus text (exposition format 0.0.4), and as a progress line.
 */
#include "lib/filter/run.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct text {
	size_t used;
	char bytes[16 * 1024];
};

static void
put(struct text *t, const struct run *run, const char *name, const char *type,
    const char *about, uint64_t value)
{
	size_t left = sizeof t->bytes - t->used;
	int n = snprintf(t->bytes + t->used, left,
	    "# HELP bannerpipe_%s %s\n# TYPE bannerpipe_%s %s\n"
	    "bannerpipe_%s{filter=\"%s\"} %" PRIu64 "\n",
	    name, about, name, type, name, run->filter->name, value);

	if (n > 0 && (size_t)n < left)
		t->used += (size_t)n;
}

static void
render(const struct run *run, struct text *t)
{
	const struct counters *c = &run->counters;
	char name[128];

	t->used = 0;
	put(t, run, "in_total", "counter", "Records or lines read.", c->in);
	put(t, run, "out_total", "counter", "Of these, passed on.", c->out);
	put(t, run, "dropped_total", "counter", "Of these, filtered out or absorbed.",
	    c->dropped);
	put(t, run, "rejected_total", "counter", "Of these, wrong.", c->rejected);
	put(t, run, "held", "gauge", "Of these, kept in the state.", c->held);
	put(t, run, "late_total", "counter", "Of these, too late.", c->late);
	put(t, run, "emitted_total", "counter", "New records written besides.",
	    c->emitted);
	put(t, run, "control_total", "counter", "Control records read.", c->control);
	put(t, run, "processor_us_total", "counter", "Microseconds of processor time.",
	    (uint64_t)run->os->processor_us(run->os));
	for (unsigned i = 0; i < run->own_count; i++) {
		(void)snprintf(name, sizeof name, "%s_total", run->own[i].name);
		put(t, run, name, "counter", run->own[i].about, *run->own[i].value);
	}
}

/* A file is replaced as a whole: whoever scrapes it never sees half. */
static int
write_file(struct run *run, const struct text *t)
{
	char beside[4096];
	struct error error;
	struct output *out;

	if (snprintf(beside, sizeof beside, "%s.new", run->common.stats) >=
	    (int)sizeof beside)
		return run_usage(run, "--stats: the name is too long");
	out = output_open(run->os, beside, false, &error);
	if (out == NULL)
		return run_fail(run, "%s", error.text);
	if (output_write(out, slice_of(t->bytes, t->used), &error) != 0) {
		output_abandon(out);
		return run_fail(run, "%s", error.text);
	}
	if (output_close(out, &error) != 0)
		return run_fail(run, "%s", error.text);
	if (run->os->rename(run->os, beside, run->common.stats) != 0)
		return run_fail(run, "cannot rename %s: %s", beside, strerror(errno));
	return 0;
}

int
run_write_stats(struct run *run)
{
	struct text t;

	render(run, &t);
	if (run->common.stats != NULL && strcmp(run->common.stats, "-") != 0)
		return write_file(run, &t);
	run_clear_progress(run);
	(void)run->os->write(run->os, 2, t.bytes, t.used);
	return 0;
}

void
run_counter(struct run *run, const char *name, const char *about, const uint64_t *value)
{
	if (run->own_count < RUN_COUNTERS_MAX)
		run->own[run->own_count++] = (struct counter){ name, about, value };
}

/* 1234567 as "1.23 M". */
static void
humanise(double value, char to[16])
{
	static const char units[] = " kMGT";
	unsigned unit = 0;

	while (value >= 999.5 && unit < 4) {
		value /= 1000;
		unit++;
	}
	(void)snprintf(to, 16, unit == 0 ? "%.0f" : "%.3g %c", value, units[unit]);
}

/* How far a file is read and what that leaves: " 42 %, 0:31 left". */
static void
estimate(const struct run *run, int64_t us, char *to, size_t size)
{
	double part = run->in == NULL ? -1 : input_part(run->in);
	int64_t left;

	to[0] = '\0';
	if (part <= 0 || part > 1)
		return;
	left = (int64_t)((double)us * (1 - part) / part / 1e6);
	(void)snprintf(to, size, ", %.0f %%, %lld:%02lld left", 100 * part,
	    (long long)(left / 60), (long long)(left % 60));
}

void
run_show_progress(struct run *run, bool last)
{
	int64_t us = run->os->monotonic_us(run->os) - run->started_us;
	const struct counters *c = &run->counters;
	char count[16], rate[16], left[64], text[256];
	int n;

	humanise((double)c->in, count);
	humanise(us > 0 ? (double)c->in * 1e6 / (double)us : 0, rate);
	estimate(run, us, left, last ? 1 : sizeof left);
	n = snprintf(text, sizeof text,
	    "\r\033[K%s: %s in, %s/s, out %" PRIu64 ", rejected %" PRIu64
	    ", held %" PRIu64 "%s%s",
	    run->program, count, rate, c->out + c->emitted, c->rejected, c->held, left,
	    last ? "\n" : "");
	(void)run->os->write(run->os, 2, text, (size_t)n);
	run->progress_shown = !last;
}

void
run_clear_progress(struct run *run)
{
	if (run->progress_shown)
		(void)run->os->write(run->os, 2, "\r\033[K", 4);
	run->progress_shown = false;
}
