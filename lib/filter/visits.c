/* SPDX-License-Identifier: MIT */
#include "lib/filter/visits.h"

#include <stddef.h>

#include "lib/base/number.h"
#include "lib/filter/run.h"

enum { AT_ONCE = 256, STOP_WAIT_MS = 50, SPEED_MAX = 1000000000 };

/* --- Options ----------------------------------------------------------------------- */

static int
read_speed(struct visits *v, const char *text)
{
	struct slice factor = slice_text(text);

	if (slice_is(factor, "max"))
		return 0;
	if (factor.size > 0 && factor.at[factor.size - 1] == 'x')
		factor.size--;
	if (!number_parse_double(factor, &v->speed) || v->speed < 1e-3 ||
	    v->speed > SPEED_MAX)
		return run_usage(
		    v->run, "--speed wants a factor (1x, 60x) or max, not '%s'", text);
	return 0;
}

int
visits_open(struct visits *v, struct run *run, const struct visits_options *o,
    struct market_ends *ends)
{
	struct error error;

	v->run = run;
	v->began_us = -1;
	if (o->connections < 1 || o->connections > FETCH_LANES_MAX)
		return run_usage(
		    run, "--connections must be in 1 .. %d", FETCH_LANES_MAX);
	if (o->timeout.us < WHEN_SECOND / 10 || o->timeout.us > WHEN_HOUR)
		return run_usage(run, "--timeout must be in 100ms .. 1h");
	if (run->common.state != NULL || run->pipeline != NULL)
		return run_usage(run,
		    "--serve cannot go on where it stopped, as the server has gone on: "
		    "no --state, no bp-run");
	if (read_speed(v, o->speed) != 0)
		return -1;
	if (fetch_resolve(&v->server, o->url, &error) != 0)
		return run_usage(run, "--serve: %s", error.text);
	ends->ask = browser_ask;
	ends->seen = browser_seen;
	ends->event = browser_event;
	ends->more = browser_more;
	ends->server = &v->browser;
	return 0;
}

/* --- Going on ---------------------------------------------------------------------- */

/* The time of the shop up to which things may have happened. */
static instant
due(struct visits *v, int64_t now_us)
{
	if (v->speed == 0)
		return WHEN_MAX;
	if (v->began_us < 0)
		v->began_us = now_us;
	return v->market->o.world.from +
	    (int64_t)((double)(now_us - v->began_us) * v->speed);
}

/* How long to wait for the next happening; -1: for an answer. */
static int
wait_ms(const struct visits *v, instant until)
{
	double us = (double)(market_next(v->market) - until) / v->speed;

	return us < 1e3 ? 1 : us < 6e7 ? (int)(us / 1e3) + 1 : 60000;
}

/* As far as it goes without an answer; *ms: how long to wait for more than one. */
static int
advance(struct visits *v, int *ms)
{
	const struct os *os = run_os(v->run);
	instant until = due(v, os->monotonic_us(os));
	enum market_state state = MARKET_MORE;

	*ms = -1;
	for (unsigned i = 0; i < AT_ONCE && state == MARKET_MORE; i++) {
		if (!browser_has_room(&v->browser))
			break;
		if (market_next(v->market) > until) {
			*ms = wait_ms(v, until);
			break;
		}
		state = market_advance(v->market, 1);
		if (i + 1 == AT_ONCE)
			*ms = 0;
	}
	return state == MARKET_FAILED ? -1 : 0;
}

/* Once more, as what was begun to be watched is only told to the kernel then. What that
 * answers lets the shop go on. */
static int
settle(struct visits *v, int ms, struct error *error)
{
	uint64_t before = v->browser.counts.requests;
	int net;

	if (browser_step(&v->browser, error) != 0)
		return -1;
	net = browser_wait_ms(&v->browser);
	if (v->browser.counts.requests != before)
		ms = 0;
	v->source.wait_ms = ms < 0 || (net >= 0 && net < ms) ? net : ms;
	return 0;
}

static ssize_t
read_source(struct source *source, void *to, size_t size, struct error *error)
{
	struct visits *v =
	    (struct visits *)(void *)((char *)source - offsetof(struct visits, source));
	int ms = 0;

	(void)to;
	(void)size;
	if (browser_step(&v->browser, error) != 0)
		return -1;
	(void)error_set(error, "the output has failed");
	v->stopping = v->stopping || run_stopping(v->run);
	if (!v->stopping && !v->market->ended && advance(v, &ms) != 0)
		return -1;
	if (v->market->ended || v->stopping) {
		if (fetch_waiting(v->browser.fetch) == 0)
			return 0;
		fetch_wait(v->browser.fetch, STOP_WAIT_MS);
		ms = 0;
	}
	if (run_flush(v->run) != 0)
		return -1;
	return settle(v, ms, error) == 0 ? SOURCE_NOTHING : -1;
}

static bool
holds(const struct source *source)
{
	const struct visits *v =
	    (const struct visits *)(const void *)((const char *)source -
		offsetof(struct visits, source));

	return fetch_waiting(v->browser.fetch) > 0;
}

static void
free_source(struct source *source)
{
	(void)source;
}

/* --- Start and end ----------------------------------------------------------------- */

static void
on_say(void *context, const char *text)
{
	run_say(((struct visits *)context)->run, "%s", text);
}

int
visits_start(struct visits *v, const struct visits_options *o, struct market *market)
{
	struct fetch_config config = { .os = run_os(v->run),
		.server = &v->server,
		.lanes = (unsigned)o->connections,
		.waiting = (unsigned)o->connections + 2 * BROWSER_ROOM,
		.timeout_ms = o->timeout.us / 1000 };
	const struct browser_counts *c = &v->browser.counts;
	struct error error;
	struct input *in;

	v->market = market;
	/* A server that has seen an earlier run knows its events. */
	market->tell.told[0] = market->tell.told[1] =
	    (uint64_t)run_os(v->run)->wall_us(run_os(v->run));
	v->browser.market = market;
	v->browser.say = on_say;
	v->browser.context = v;
	run_uses_network(v->run);
	if (browser_init(&v->browser, &config, &error) != 0)
		return run_fail(v->run, "%s", error.text);
	v->source = (struct source){ .read = read_source,
		.free = free_source,
		.wait_fd = fetch_fd(v->browser.fetch),
		.wait_ms = 0,
		.holds = holds };
	in = input_of_source(run_os(v->run), &v->source, v->server.text, &error);
	if (in == NULL)
		return run_fail(v->run, "%s", error.text);
	run_input(v->run, in);
	run_counter(v->run, "answers", "requests that were answered", &c->requests);
	run_counter(v->run, "refused", "answers that were none, or said what is wrong",
	    &c->refused);
	run_counter(v->run, "foreign", "banners that the shop has not", &c->foreign);
	run_counter(v->run, "shed", "pages that the server had no time for", &c->shed);
	return 0;
}

void
visits_stop(struct visits *v)
{
	browser_fini(&v->browser);
}
