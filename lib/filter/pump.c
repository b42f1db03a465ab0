/* SPDX-License-Identifier: MIT */
#include "lib/filter/pump.h"

#include <stddef.h>
#include <unistd.h>

#include "lib/filter/run.h"
#include "lib/serve/arrival.h"
#include "lib/serve/forget.h"
#include "lib/stream/room.h"

enum { FULL_WAIT_MS = 2, DRAIN_WAIT_MS = 50 };

static struct journal *
journal(const struct pump *p)
{
	return p->site->desk->journal;
}

static struct pump *
pump_of(const struct source *source)
{
	return (struct pump *)(void *)((char *)(uintptr_t)source -
	    offsetof(struct pump, source));
}

/* --- Standard input ------------------------------------------------------------------ */

static bool
has_room(void *context)
{
	const struct pump *p = context;

	return journal_room(journal(p)) >= DESK_ROOM;
}

static enum verdict
take(void *context, const struct record *r, struct error *error)
{
	struct pump *p = context;

	switch (arrival_take(p->site->desk, r, site_now(p->site), error)) {
	case ARRIVAL_TAKEN:
		p->taken++;
		return PASS;
	case ARRIVAL_KNOWN:
		return DROP;
	default:
		return REJECT;
	}
}

/* --- Waiting ------------------------------------------------------------------------- */

/* Nothing before it comes any more: all records have the time of when they are made. */
static void
tick(struct pump *p)
{
	instant now = site_now(p->site);
	struct build b;

	if ((p->ticked != WHEN_NEVER && now - p->ticked < p->tick.us) ||
	    journal_room(journal(p)) < 2 * CONTROL_SIZE_MAX)
		return;
	journal_open(journal(p), &b);
	control_build_tick(&b, now, false);
	journal_close(journal(p), &b);
	p->ticked = now;
	forget_settle(p->site->desk);
}

static ssize_t
nothing(struct pump *p)
{
	int ms = http_wait_ms(p->http);
	int64_t left = (p->ticked + p->tick.us - p->site->now) / 1000 + 1;

	if (journal_size(journal(p)) > 0)
		left = FULL_WAIT_MS;
	else if (inlet_holds(&p->inlet))
		left = 0;
	left = left < 0 ? 0 : left < 60000 ? left : 60000;
	p->source.wait_ms = ms < 0 || left < ms ? (int)left : ms;
	return SOURCE_NOTHING;
}

static unsigned
wait_for(const struct source *source, struct pollfd *fds)
{
	const struct pump *p = pump_of(source);
	int fd = inlet_wait_fd(&p->inlet);

	fds[0] = (struct pollfd){ .fd = http_fd(p->http), .events = POLLIN };
	if (fd < 0)
		return 1;
	fds[1] = (struct pollfd){ .fd = fd, .events = POLLIN };
	return 2;
}

/* How much may be handed on now. At the end of all the server waits for nobody but its
 * reader. */
static size_t
room(const struct pump *p)
{
	return p->site->draining && http_open(p->http) == 0
	    ? SIZE_MAX
	    : stream_room(STDOUT_FILENO);
}

/* A stop: accept nothing more, but go on until all is answered, taken and written. */
static void
drain(struct pump *p)
{
	if (!p->site->draining) {
		http_drain(p->http, p->drain.us);
		inlet_stop(&p->inlet);
	}
	p->site->draining = true;
	while (
	    http_open(p->http) > 0 && (journal_size(journal(p)) == 0 || room(p) == 0))
		http_wait(p->http, DRAIN_WAIT_MS);
	p->done = http_open(p->http) == 0 && !inlet_holds(&p->inlet) &&
	    journal_size(journal(p)) == 0;
}

/* --- The input of the run ------------------------------------------------------------ */

static ssize_t
read_source(struct source *source, void *to, size_t size, struct error *error)
{
	struct pump *p = pump_of(source);
	struct slice bytes;
	size_t most;

	(void)error_set(error, "the output has failed");
	if (run_flush(p->run) != 0)
		return -1;
	desk_watch(p->site->desk, site_now(p->site));
	http_step(p->http);
	inlet_step(&p->inlet);
	if (run_stopping(p->run))
		drain(p);
	else
		tick(p);
	if (journal_size(journal(p)) == 0)
		return p->done ? 0 : nothing(p);
	most = room(p);
	bytes = journal_first(journal(p), most < size ? most : size);
	if (bytes.size == 0)
		return nothing(p);
	memcpy(to, bytes.at, bytes.size);
	journal_drop(journal(p), bytes.size);
	p->source.wait_ms = 0;
	return (ssize_t)bytes.size;
}

static bool
holds(const struct source *source)
{
	return !pump_of(source)->done;
}

static void
free_source(struct source *source)
{
	(void)source;
}

/* --- Life ---------------------------------------------------------------------------- */

static int
check(struct pump *p)
{
	if (p->run->pipeline != NULL)
		return run_usage(p->run,
		    "under bp-run a restart would lose what was answered: run "
		    "'bp-serve | bp-log DIR' outside of it, and bp-replay --follow DIR "
		    "inside");
	if (p->tick.us < 1000 || p->drain.us < 0)
		return run_usage(
		    p->run, "--tick is 1ms at least, and --drain not negative");
	return 0;
}

static int
listen_to_http(struct pump *p, struct http_config *config)
{
	const char *name;
	struct error error;

	config->os = run_os(p->run);
	config->routes = site_routes;
	config->route_count = SITE_ROUTES;
	config->handle = site_handle;
	config->context = p->site;
	config->body_bytes = ASK_BODY_MAX;
	config->answer_bytes = SITE_ANSWER_MAX;
	run_uses_network(p->run);
	p->http = http_new(config, &error);
	if (p->http == NULL)
		return run_fail(p->run, "%s", error.text);
	p->site->http = p->http;
	for (unsigned i = 0; (name = http_listens(p->http, i)) != NULL; i++)
		run_say(p->run, "listening on %s", name);
	return 0;
}

int
pump_start(struct pump *p, struct http_config *config)
{
	struct input *in;
	struct error error;

	p->ticked = WHEN_NEVER;
	p->inlet.has_room = has_room;
	p->inlet.take = take;
	p->inlet.context = p;
	if (check(p) != 0 || inlet_open(&p->inlet, p->run) != 0 ||
	    listen_to_http(p, config) != 0)
		return -1;
	run_counter(p->run, "taken", "records taken from standard input", &p->taken);
	p->source = (struct source){ .read = read_source,
		.free = free_source,
		.wait = wait_for,
		.wait_fd = http_fd(p->http),
		.wait_ms = 0,
		.holds = holds };
	in = input_of_source(run_os(p->run), &p->source, "network", &error);
	if (in == NULL)
		return run_fail(p->run, "%s", error.text);
	run_input(p->run, in);
	return 0;
}

void
pump_stop(struct pump *p)
{
	inlet_close(&p->inlet);
	http_free(p->http);
}
