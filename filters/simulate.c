/* SPDX-License-Identifier: MIT
 *
 * bp-simulate: a shop with known truth, to try policies and pipelines on.
 *
 * in     with --loop decisions, of the requests that it writes; with --serve answers of a
 *        bp-serve, over HTTP
 * out    what happens in the shop, in the order of time, with watermarks; what it earned
 *        beside chance and the oracle; with --loop also records of other kinds than its
 *        own; with --serve only what it earned
 * state  the shop: its visitors, what will happen, the requests that wait
 * needs  with --loop a way back from its output: bp-rank and two pipes; with --serve a
 *        bp-serve that has its --catalogue
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/filter.h"
#include "lib/filter/visits.h"

enum { AT_ONCE = 4096, RESERVE = 4 << 20 };

struct simulate {
	struct market_options o; /* the options set its fields */
	const char *from, *rates_path, *campaign, *examination, *attack, *truth_path;
	uint64_t days;
	int policy;
	bool loop, catalogue;
	struct visits_options serve;

	struct rates rates;
	struct market market;
	bool made;
	struct visits visits;
	struct source source;
	struct output *truth;
	struct key request_id, position, creative_id, decision_id;
	struct run *run;
};

static const struct option options[] = {
	OPTION('v', "visitors", struct simulate, o.world.visitors, "10000",
	    "how many there are"),
	OPTION('d', "days", struct simulate, days, "1", "how long it goes on"),
	OPTION('r', "rate", struct simulate, o.rate, "10000",
	    "sessions of visitors a day", "NUMBER"),
	OPTION(
	    'f', "from", struct simulate, from, "2026-01-05", "when it begins", "TIME"),
	OPTION('b', "rates", struct simulate, rates_path, NULL,
	    "the banners and their click rates; otherwise 20 about 3%", "FILE"),
	OPTION(0, "campaign", struct simulate, campaign, NULL,
	    "of these only the banners of that campaign_id", "ID"),
	OPTION('n', "newcomers", struct simulate, o.world.newcomers, "0",
	    "banners of these that come later, one by one"),
	OPTION('e', "examination", struct simulate, examination, "1,0.6,0.4",
	    "how probably one looks at each position", "LIST"),
	OPTION(
	    0, "taste", struct simulate, o.world.taste, "0.7", "how visitors differ"),
	OPTION_RARE(0, "drift", struct simulate, o.world.drift, "0",
	    "in this time half of the tastes are others; 0: never"),
	OPTION(0, "fatigue", struct simulate, o.world.fatigue, "0.1",
	    "share of clicks lost each time that a banner is seen"),
	OPTION_RARE(0, "conversion", struct simulate, o.conversion, "0.05",
	    "share of clicks that lead to a purchase"),
	OPTION_RARE(0, "refunds", struct simulate, o.refunds, "0.05",
	    "share of purchases sent back"),
	OPTION_RARE(0, "click-delay", struct simulate, o.click_delay, "5s", "mean"),
	OPTION_RARE(
	    0, "purchase-delay", struct simulate, o.purchase_delay, "20m", "median"),
	OPTION_RARE(0, "refund-delay", struct simulate, o.refund_delay, "3d", "mean"),
	OPTION(0, "consent", struct simulate, o.world.consent, "0.8",
	    "share of visitors that give it"),
	OPTION('a', "attack", struct simulate, attack, "crawler:0.02,farm:0.01",
	    "who else comes, kind:share of all sessions; or none", "LIST"),
	OPTION_RARE(
	    0, "chargeback-delay", struct simulate, o.chargeback_delay, "5d", "mean"),
	OPTION_CHOICE('p', "policy", struct simulate, policy, MARKET_POLICY_WORDS,
	    "which banners are shown"),
	OPTION('l', "loop", struct simulate, loop, NULL,
	    "others decide: read their decisions"),
	OPTION(0, "latency", struct simulate, o.latency, "1s",
	    "from request to impression"),
	OPTION_ASIDE('s', "serve", struct simulate, serve.url, NULL,
	    "a bp-serve decides: http://HOST:PORT or unix:PATH", "URL"),
	OPTION_ASIDE(0, "speed", struct simulate, serve.speed, "max",
	    "with --serve: of the shop's time, 60x or max", "FACTOR"),
	OPTION_RARE_ASIDE(0, "connections", struct simulate, serve.connections, "16",
	    "to the server: requests at most on their way"),
	OPTION_RARE_ASIDE(0, "timeout", struct simulate, serve.timeout, "30s",
	    "end when the server has not answered for so long"),
	OPTION(0, "control", struct simulate, o.control, "0",
	    "share of visitors that chance decides for, with --serve"),
	OPTION_ASIDE('c', "catalogue", struct simulate, catalogue, NULL,
	    "write the creatives and items for bp-serve, nothing else"),
	OPTION(0, "report", struct simulate, o.report, "1d",
	    "how often it is said what was earned, in the shop's time"),
	OPTION_ASIDE('t', "truth", struct simulate, truth_path, NULL,
	    "write what nobody else knows of each record", "FILE"),
	OPTION_END,
};

/* --- Start ------------------------------------------------------------------------ */

static int
read_rates(struct run *run, struct simulate *f)
{
	struct slice text;
	struct error error;
	uint8_t *bytes;
	int status;

	if (f->rates_path == NULL) {
		rates_make(&f->rates, 20, run_seed(run));
		return 0;
	}
	bytes = run_read_file(run, f->rates_path, RATES_TEXT_MAX, &text, &error);
	if (bytes == NULL)
		return run_usage(run, "--rates: %s", error.text);
	status = rates_read(&f->rates, text, &error);
	free(bytes);
	if (status == 0 && f->campaign != NULL)
		status = rates_keep(&f->rates, f->campaign, &error);
	return status == 0
	    ? 0
	    : run_usage(run, "--rates %s: %s", f->rates_path, error.text);
}

static int
read_options(struct run *run, struct simulate *f)
{
	struct world_options *w = &f->o.world;
	struct error error;

	if (!when_parse_any(slice_text(f->from), &w->from) || w->from > WHEN_MAX / 2 ||
	    w->from < -WHEN_MAX / 2)
		return run_usage(
		    run, "--from wants a time (2026-01-05), not '%s'", f->from);
	if (f->days < 1 || f->days > 36500)
		return run_usage(run, "--days must be in 1 .. 36500");
	if (read_rates(run, f) != 0)
		return -1;
	if (market_read_examination(&f->o, f->examination, &error) != 0 ||
	    who_read_shares(f->o.attack, f->attack, &error) != 0)
		return run_usage(run, "--%s", error.text);
	w->seed = run_seed(run);
	w->rates = &f->rates;
	w->length.us = (int64_t)f->days * WHEN_DAY;
	f->o.policy = f->serve.url != NULL ? MARKET_SERVER
	    : f->loop                      ? MARKET_OTHERS
					   : (enum market_policy)f->policy;
	if (f->loop + (f->serve.url != NULL) + f->catalogue > 1)
		return run_usage(run, "--loop, --serve, --catalogue: one of them");
	if (f->o.control > 0 && f->serve.url == NULL)
		return run_usage(run, "--control is for a shop with --serve");
	if (f->campaign != NULL && f->rates_path == NULL)
		return run_usage(run, "--campaign is of a table of --rates");
	return market_check(&f->o, &error) == 0 ? 0
						: run_usage(run, "--%s", error.text);
}

/* --- Ends: where records go, where decisions come from ------------------------------ */

static int
send_record(void *context, struct slice record)
{
	return run_emit(((struct simulate *)context)->run, record);
}

static int
send_truth(void *context, struct slice record)
{
	struct simulate *f = context;

	return run_divert(f->run, f->truth, record);
}

static int
send_tick(void *context, instant watermark)
{
	return run_tick(((struct simulate *)context)->run, watermark);
}

/* The input ends with the last day. A shop that answers itself has none. */
static ssize_t
read_decisions(struct source *source, void *to, size_t size, struct error *error)
{
	struct simulate *f = (struct simulate *)(void *)((char *)source -
	    offsetof(struct simulate, source));
	const struct os *os = run_os(f->run);
	struct pollfd ready = { .fd = 0, .events = POLLIN };
	ssize_t n;

	if (f->market.ended)
		return 0;
	if (!f->loop || os->poll(os, &ready, 1, 0) <= 0)
		return SOURCE_NOTHING;
	n = os->read(os, 0, to, size);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return SOURCE_NOTHING;
	return n >= 0
	    ? n
	    : error_set(error, "cannot read standard input: %s", strerror(errno));
}

static void
free_source(struct source *source)
{
	(void)source;
}

/* What others decide is read, or nothing is. */
static int
start_input(struct run *run, struct simulate *f)
{
	struct error error;
	struct input *in;

	if (f->serve.url != NULL)
		return visits_start(&f->visits, &f->serve, &f->market);
	f->source = (struct source){ .read = read_decisions,
		.free = free_source,
		.wait_fd = f->loop ? 0 : -1,
		.wait_ms = f->loop ? -1 : 0 };
	in = input_of_source(run_os(run), &f->source, "standard input", &error);
	if (in == NULL)
		return run_fail(run, "%s", error.text);
	run_input(run, in);
	return 0;
}

static int
start(struct run *run, void *self)
{
	struct simulate *f = self;
	struct market_ends ends = {
		.record = send_record, .tick = send_tick, .context = f
	};
	const struct market_counts *c = &f->market.counts;
	uint64_t links = f->serve.url != NULL ? browser_bytes() : 0;

	f->run = run;
	if (read_options(run, f) != 0 ||
	    (f->serve.url != NULL &&
		visits_open(&f->visits, run, &f->serve, &ends) != 0))
		return -1;
	if (market_bytes(&f->o) + links + RESERVE > run_memory(run))
		return run_usage(run, "--memory is too small for so many visitors");
	if (f->truth_path != NULL) {
		f->truth = run_outlet(run, f->truth_path);
		ends.truth = send_truth;
		if (f->truth == NULL)
			return -1;
	}
	f->made = true;
	if (market_init(&f->market, &f->o, &ends) != 0)
		return run_fail(run, "no memory for the shop");
	if (start_input(run, f) != 0)
		return -1;
	f->request_id = run_key(run, "request_id");
	f->position = run_key(run, "position");
	f->creative_id = run_key(run, "creative_id");
	f->decision_id = run_key(run, "decision_id");
	run_counter(run, "sessions", "sessions of visitors begun", &c->sessions);
	run_counter(run, "attacks", "sessions of others begun", &c->attacks);
	run_counter(run, "requests", "pages that asked for banners", &c->requests);
	run_counter(run, "unanswered", "positions that got no banner", &c->unanswered);
	run_counter(run, "crowded", "what there was no room for", &c->crowded);
	return 0;
}

/* --- Going on --------------------------------------------------------------------- */

/* As far as it goes without a decision; without a loop for a while. */
static int
advance(struct simulate *f)
{
	enum market_state state;

	if (f->catalogue)
		return f->market.ended ? 0 : market_catalogue(&f->market);
	do
		state = market_advance(&f->market, AT_ONCE);
	while (f->loop && state == MARKET_MORE);
	if (state == MARKET_ENDED)
		f->source.wait_ms = 0; /* the end is there to be read */
	return state == MARKET_FAILED ? -1 : 0;
}

static int
attend(struct run *run, void *self)
{
	struct simulate *f = self;

	if (f->loop && run_is_stage(run))
		return run_usage(run, "a loop cannot be a stage of bp-run");
	return f->serve.url != NULL ? 0 : advance(f);
}

static enum verdict
each(struct run *run, void *self, const struct record *r)
{
	struct simulate *f = self;
	struct slice request, creative, decision;
	const char *wrong;
	int64_t position;

	if (record_kind(r) != KIND_DECISION)
		return tell_tells(record_kind(r)) ? DROP : PASS;
	if (!record_str(r, f->request_id, &request) ||
	    !record_str(r, f->creative_id, &creative) ||
	    !record_str(r, f->decision_id, &decision) ||
	    !record_int(r, f->position, &position) || position < 0)
		return run_reject(run,
		    "decision without request_id, decision_id, creative_id or "
		    "position");
	wrong =
	    market_decide(&f->market, request, (uint64_t)position, creative, decision);
	if (wrong != NULL)
		return run_reject(run, "decision %s", wrong);
	return advance(f) == 0 ? DROP : FAIL;
}

static int
tick(struct run *run, void *self, instant watermark)
{
	struct simulate *f = self;

	(void)run;
	market_tick(&f->market, watermark);
	return advance(f) == 0 ? 1 : -1;
}

static int
finish(struct run *run, void *self)
{
	struct simulate *f = self;

	(void)run;
	return market_close(&f->market);
}

static int
save(struct run *run, void *self, struct state_writer *to)
{
	struct simulate *f = self;

	(void)run;
	market_save(&f->market, to);
	return 0;
}

static int
load(struct run *run, void *self, struct state_reader *from)
{
	struct simulate *f = self;

	return market_load(&f->market, from) == 0
	    ? 0
	    : run_fail(run, "the snapshot is damaged");
}

static void
stop(void *self)
{
	struct simulate *f = self;

	visits_stop(&f->visits);
	if (f->made)
		market_fini(&f->market);
}

static const struct filter simulate = {
	.name = "simulate",
	.about = "play a shop with known truth, to try policies and pipelines on",
	.examples =
	    "  bp-simulate --days 7 --seed 1 | bp-join | bp-metric --by position\n"
	    "  bp-simulate --truth truth.bp --attack farm:0.05,slow:0.02 >log.bp\n"
	    "  mkfifo back; bp-simulate --loop <back | bp-rank -p uniform | tee -p "
	    "back\n"
	    "  bp-simulate --serve http://127.0.0.1:8080 --control 0.1 | bp-print\n",
	.options = options,
	.size = sizeof(struct simulate),
	.schema = 3,
	.no_files = true,
	.start = start,
	.load = load,
	.each = each,
	.tick = tick,
	.attend = attend,
	.finish = finish,
	.save = save,
	.stop = stop,
};

int
main(int argc, char **argv)
{
	return filter_main(&simulate, argc, argv);
}
