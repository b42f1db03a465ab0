/* SPDX-License-Identifier: MIT */
#include "lib/runner/report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/when.h"

enum { LINE_MAX_BYTES = 1024 };

void
report_init(struct report *r, const struct os *os, const char *dir, bool quiet)
{
	memset(r, 0, sizeof *r);
	r->os = os;
	r->dir = dir;
	r->terminal = !quiet && isatty(STDERR_FILENO);
	notify_open(&r->notify);
}

static void
clear_line(struct report *r)
{
	if (r->shown)
		(void)fputs("\r\033[K", stderr);
	r->shown = false;
}

void
report_say(struct report *r, const char *format, ...)
{
	va_list arguments;

	clear_line(r);
	(void)fputs("bp-run: ", stderr);
	va_start(arguments, format);
	(void)vfprintf(stderr, format, arguments);
	va_end(arguments);
	(void)fputc('\n', stderr);
	(void)fflush(stderr);
}

void
report_start(struct report *r)
{
	r->counted = false;
	memset(r->rate, 0, sizeof r->rate);
}

/* Advice for another process; that it cannot be written is no failure. */
static void
leave_rates(const struct report *r, const struct topology *t)
{
	char path[EPOCH_PATH_MAX], text[EPOCH_STAGES_MAX * (EPOCH_ID_MAX + 32)];
	struct error ignored;
	size_t n = 0;

	for (unsigned i = 0; i < t->n; i++)
		n += (size_t)snprintf(
		    text + n, sizeof text - n, "%s %.0f\n", t->stage[i].id, r->rate[i]);
	if (epoch_file_path(path, r->dir, "rates", &ignored) == 0)
		(void)epoch_put(r->os, path, slice_of(text, n), false, &ignored);
}

void
report_commit(struct report *r, const struct topology *t, const struct ledger *l)
{
	int64_t now = r->os->monotonic_us(r->os);
	double seconds = (double)(now - r->ledger_us) / (double)WHEN_SECOND;

	for (unsigned i = 0; i < t->n && r->counted && seconds > 0; i++)
		r->rate[i] =
		    (double)(l->count[i][ACCOUNT_IN] - r->ledger.count[i][ACCOUNT_IN]) /
		    seconds;
	r->ledger = *l;
	r->ledger_us = now;
	leave_rates(r, t);
	r->counted = true;
	notify_say(&r->notify, r->os, "WATCHDOG=1");
	r->watchdog_us = now;
}

static size_t
format_rate(char *to, size_t size, double rate)
{
	static const struct {
		double least, unit;
		const char *suffix;
	} steps[] = { { 1e6, 1e6, "M" }, { 1e4, 1e3, "k" }, { 0, 1, "" } };
	unsigned i = 0;

	while (rate < steps[i].least)
		i++;
	return (size_t)snprintf(to, size, "%.*f%s/s", i == 0 ? 2 : 0,
	    rate / steps[i].unit, steps[i].suffix);
}

static size_t
format_state(char to[LINE_MAX_BYTES], const struct generation *g, uint64_t committed,
    int64_t age_us)
{
	return (size_t)snprintf(to, LINE_MAX_BYTES,
	    "generation %" PRIu64 ", epoch %" PRIu64 ".%" PRIu32
	    " committed %.1f s ago",
	    g->number, epoch_generation(committed), (uint32_t)committed,
	    (double)age_us / (double)WHEN_SECOND);
}

static void
show_line(struct report *r, const char *text)
{
	struct winsize size;
	int columns = 80;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		columns = size.ws_col;
	(void)fprintf(stderr, "\r%.*s\033[K", columns - 1, text);
	(void)fflush(stderr);
	r->shown = true;
}

void
report_progress(struct report *r, const struct topology *t, const struct generation *g,
    uint64_t committed, int64_t age_us)
{
	int64_t now = r->os->monotonic_us(r->os);
	char text[LINE_MAX_BYTES], status[LINE_MAX_BYTES + 16];
	size_t n;

	if ((!r->terminal && r->notify.fd < 0) || now - r->shown_us < WHEN_SECOND)
		return;
	r->shown_us = now;
	n = format_state(text, g, committed, age_us);
	for (unsigned i = 0; i < t->n && r->counted && n + 128 < sizeof text; i++) {
		n += (size_t)snprintf(text + n, sizeof text - n, "%s %s ",
		    i == 0 ? ":" : ",", t->stage[i].id);
		n += format_rate(text + n, sizeof text - n, r->rate[i]);
	}
	if (r->terminal)
		show_line(r, text);
	(void)snprintf(status, sizeof status, "STATUS=%s", text);
	notify_say(&r->notify, r->os, status);
}

void
report_waiting(struct report *r)
{
	int64_t now = r->os->monotonic_us(r->os);

	if (now - r->shown_us < WHEN_SECOND)
		return;
	r->shown_us = now;
	if (r->terminal)
		show_line(r, "waiting for the first input");
	notify_say(&r->notify, r->os, "STATUS=waiting for the first input");
}

void
report_alive(struct report *r)
{
	int64_t now = r->os->monotonic_us(r->os);

	if (r->notify.every_us == 0 || now - r->watchdog_us < r->notify.every_us)
		return;
	r->watchdog_us = now;
	notify_say(&r->notify, r->os, "WATCHDOG=1");
}
