/* SPDX-License-Identifier: MIT
 *
 * bp-serve: decide banners over HTTP, and tell what came of them.
 *
 * in     HTTP requests; a catalogue of creatives and campaigns from a file
 * out    requests and their decisions, impressions, clicks, events of the shop, in the
 *        order of their time, with watermarks
 * state  counters of caps, budgets, what was decided and is not answered yet; with --spec
 *        also its counters
 * needs  a model file or a live model, except for uniform
 *
 * It decides as bp-rank does: the requests that it writes name their candidates, so that
 * a replay of them through bp-rank decides the same.
 */
#include <stdio.h>
#include <stdlib.h>

#include "lib/filter.h"
#include "lib/filter/network.h"
#include "lib/filter/pump.h"
#include "lib/filter/ranker.h"
#include "lib/filter/shop.h"

enum { KEY_LEAST = 16, KEY_MAX = 4096, ORIGINS_MAX = 64, BASE_MAX = 256, SHARE = 8 };

struct serve {
	struct ranker ranker;
	const char *listen, *catalogue, *key_file, *base, *fallback, *origins, *users;
	const char *caps[CAPS_SUBJECTS], *seat, *currency;
	struct span pause, life, wait[BUDGET_EVENTS], tick, drain, tmax;
	uint64_t connections, proxies;
	const char *floors;
	uint64_t house;
	int count, diversity, pays;
	bool second, unpaced, shared;

	struct address address[HTTP_LISTEN_MAX];
	char names[HTTP_LISTEN_MAX][128];
	char *origin_text; /* owned */
	const char *origin[ORIGINS_MAX];
	struct shop shop;
	struct desk desk;
	struct journal journal;
	struct site site;
	struct pump pump;
};

static const struct option options[] = {
	OPTION_ASIDE('l', "listen", struct serve, listen, "127.0.0.1:8080",
	    "HOST:PORT and unix:PATH, separated by commas", "ADDRESSES"),
	OPTION_ASIDE('c', "catalogue", struct serve, catalogue, NULL,
	    "creatives and campaigns, as records or JSON lines", "FILE"),
	RANKER_OPTIONS(struct serve, ranker),
	OPTION_ASIDE('k', "key-file", struct serve, key_file, NULL,
	    "the key that signs links; none: they end with the process", "FILE"),
	OPTION_ASIDE('b', "base-url", struct serve, base, "",
	    "how clients call this server: https://ads.shop.example", "URL"),
	OPTION_ASIDE('t', "ttl", struct serve, life, "24h",
	    "how long impressions and clicks count after a decision"),
	OPTION_ASIDE('o', "origins", struct serve, origins, NULL,
	    "sites that may ask from scripts, separated by commas; '*' all", "URLS"),
	OPTION(0, "slot-floor", struct serve, floors, NULL,
	    "micros that an impression must be worth: 300, top=500,300", "FLOORS"),
	OPTION(0, "second-price", struct serve, second, NULL,
	    "who bids pays what was needed, not the bid"),
	OPTION_CHOICE(0, "one-of", struct serve, diversity,
	    "banner|campaign|category|both", "what comes once in an answer"),
	OPTION(0, "house-micros", struct serve, house, "0",
	    "what the reward is worth of who has no bid and no value; 0: none"),
	OPTION_ASIDE(0, "fallback", struct serve, fallback, NULL,
	    "the creative that is shown when there is too much to do", "ID"),
	OPTION(0, "cap-banner", struct serve, caps[CAPS_BANNER], NULL,
	    "cap of banners without one: 20, 2/session, 3/24h", "CAPS"),
	OPTION(0, "cap-campaign", struct serve, caps[CAPS_CAMPAIGN], NULL,
	    "cap of campaigns without one", "CAPS"),
	OPTION(
	    0, "cap-slot", struct serve, caps[CAPS_SLOT], NULL, "cap of slots", "CAPS"),
	OPTION_CHOICE('n', "count", struct serve, count, "impressions|decisions",
	    "what counts for caps"),
	OPTION('u', "user", struct serve, users, "user_id,anonymous_id",
	    "keys that tell a user, the first that is there", "NAMES"),
	OPTION(0, "pause", struct serve, pause, "30m",
	    "a pause that ends a session without session_id"),
	OPTION(0, "wait-impression", struct serve, wait[BUDGET_IMPRESSION], "5m",
	    "how long a decision holds its price"),
	OPTION(0, "wait-click", struct serve, wait[BUDGET_CLICK], "30m",
	    "how long an impression holds it, of a bid cpc or cpa"),
	OPTION(0, "wait-conversion", struct serve, wait[BUDGET_CONVERSION], "24h",
	    "how long a click holds it, of a bid cpa"),
	OPTION('x', "unpaced", struct serve, unpaced, NULL,
	    "spend as fast as it goes, not as the traffic is expected"),
	OPTION(0, "seat", struct serve, seat, NULL,
	    "for whom is bid, in auctions of exchanges", "ID"),
	OPTION(0, "currency", struct serve, currency, "USD",
	    "of the catalogue's money: the one that is bid in", "CODE"),
	OPTION_CHOICE(0, "pays", struct serve, pays, "billing|win|impression",
	    "what a bid is paid on"),
	OPTION(0, "tmax", struct serve, tmax, "10ms",
	    "bid for no exchange that waits for less"),
	OPTION_ASIDE(0, "tick", struct serve, tick, "100ms",
	    "how often the time is told downstream"),
	OPTION_ASIDE(0, "drain", struct serve, drain, "10s",
	    "how long open connections may go on at the end"),
	OPTION_ASIDE(0, "connections", struct serve, connections, "10000",
	    "at most so many at a time"),
	OPTION_ASIDE(
	    0, "proxies", struct serve, proxies, "0", "so many proxies are before it"),
	OPTION_ASIDE(0, "shared", struct serve, shared, NULL,
	    "other processes may listen on the same port"),
	OPTION_END,
};

/* --- Start ------------------------------------------------------------------------- */

static int
check(struct run *run, const struct serve *f)
{
	for (unsigned i = 0; i < BUDGET_EVENTS; i++)
		if (f->wait[i].us <= 0)
			return run_usage(run, "a --wait must be longer than 0");
	if (f->pause.us <= 0 || f->life.us <= 0)
		return run_usage(run, "--pause and --ttl must be longer than 0");
	if (strlen(f->base) > BASE_MAX)
		return run_usage(run, "--base-url is longer than %d", BASE_MAX);
	if (strlen(f->currency) != 3)
		return run_usage(run, "--currency is a code of three letters: USD");
	if (f->house > (uint64_t)CATALOGUE_MICROS_MAX)
		return run_usage(run, "--house-micros is at most 2^50");
	if (f->connections == 0 || f->connections > HTTP_CONNECTIONS_MAX ||
	    f->proxies > 16)
		return run_usage(
		    run, "--connections is 1 to a million, --proxies at most 16");
	return 0;
}

static int
start_key(struct run *run, struct serve *f)
{
	const struct os *os = run_os(run);
	uint8_t chance[32], *bytes = NULL;
	struct slice key = slice_of(chance, sizeof chance);
	struct error error;

	if (f->key_file != NULL) {
		bytes = run_read_file(run, f->key_file, KEY_MAX, &key, &error);
		if (bytes == NULL)
			return run_usage(run, "--key-file: %s", error.text);
		if (key.size > 0 && key.at[key.size - 1] == '\n')
			key.size--;
		if (key.size < KEY_LEAST) {
			free(bytes);
			return run_usage(run,
			    "--key-file %s: a key has 16 bytes at least", f->key_file);
		}
	} else if (os->random(os, chance, sizeof chance) != 0) {
		return run_fail(run, "no random bytes for a key");
	}
	f->site.links = (struct links){ mac_new(key), f->base, f->life };
	free(bytes);
	return f->site.links.mac != NULL ? 0 : run_fail(run, "no memory for the key");
}

static int
start_rules(struct run *run, struct serve *f)
{
	struct desk_rules *rules = &f->desk.rules;
	struct error error;

	rules->offers.sells = f->ranker.decider.judge.reward == MODEL_CONVERSION;
	rules->offers.house_micros = f->house == 0 ? -1 : (int64_t)f->house;
	rules->second = f->second;
	rules->one_of_campaign = f->diversity == 1 || f->diversity == 3;
	rules->one_of_category = f->diversity >= 2;
	if (floors_parse(&rules->floors, f->floors, &error) != 0)
		return run_usage(run, "--slot-floor: %s", error.text);
	return 0;
}

static int
start_desk(struct run *run, struct serve *f, uint64_t share)
{
	static const enum desk_event pays[] = { DESK_BILLING, DESK_WIN,
		DESK_IMPRESSION };
	struct desk *k = &f->desk;
	struct budget_rules rules = { .share = 1, .unpaced = f->unpaced };
	struct error error;
	uint64_t chance;

	for (unsigned i = 0; i < CAPS_SUBJECTS; i++)
		if (cap_parse(&k->preset[i], f->caps[i], &error) != 0)
			return run_usage(run, "%s", error.text);
	if (start_rules(run, f) != 0)
		return -1;
	memcpy(rules.wait, f->wait, sizeof rules.wait);
	k->catalogue = f->shop.catalogue;
	k->decider = &f->ranker.decider;
	k->journal = &f->journal;
	k->count_decisions = f->count == 1;
	k->pays = pays[f->pays];
	k->currency = f->currency;
	k->caps = caps_new(f->pause, share);
	k->budgets = budgets_new(rules, share);
	if (k->caps == NULL || k->budgets == NULL ||
	    journal_init(&f->journal, share) != 0)
		return run_fail(run, "no memory for caps and budgets: change --memory");
	if (desk_init(k, run_seed(run), f->users, share, &error) != 0)
		return run_usage(run, "%s", error.text);
	if (run_os(run)->random(run_os(run), &chance, sizeof chance) != 0)
		return run_fail(run, "no random bytes for ids");
	(void)snprintf(
	    k->instance, sizeof k->instance, "%016llx", (unsigned long long)chance);
	return 0;
}

static int
start_server(struct run *run, struct serve *f, uint64_t share)
{
	struct http_config c = { .listen = f->address,
		.reuse_port = f->shared,
		.connections = (unsigned)f->connections,
		.proxies = (unsigned)f->proxies,
		.origins = f->origin,
		.memory_bytes = share };
	const char *rest = f->origins;
	struct slice name;
	char *at;

	f->origin_text = calloc(1, f->origins == NULL ? 1 : strlen(f->origins) + 2);
	if (f->origin_text == NULL)
		return run_fail(run, "no memory for --origins");
	for (at = f->origin_text; rest != NULL && option_next_name(&rest, &name);) {
		if (c.origin_count == ORIGINS_MAX)
			return run_usage(run, "--origins: more than 64");
		memcpy(at, name.at, name.size);
		f->origin[c.origin_count++] = at;
		at += name.size + 1;
	}
	if (network_listen(run, f->listen, f->address, f->names, HTTP_LISTEN_MAX,
		&c.listen_count) != 0)
		return -1;
	f->pump.run = run;
	f->pump.site = &f->site;
	f->pump.tick = f->tick;
	f->pump.drain = f->drain;
	return pump_start(&f->pump, &c);
}

static void
show_counters(struct run *run, struct serve *f)
{
	const struct desk_counts *d = &f->desk.counts;

	run_counter(run, "requests", "requests decided", &d->requests);
	run_counter(run, "decisions", "banners decided", &d->decisions);
	run_counter(run, "impressions", "impressions counted", &d->impressions);
	run_counter(run, "clicks", "clicks counted", &d->clicks);
	run_counter(run, "events", "events of the shop taken", &d->events);
	run_counter(
	    run, "bids", "impressions of exchanges bid for", &f->site.counts.bids);
	run_counter(run, "wins", "bids that won", &d->wins);
	run_counter(run, "losses", "bids that lost", &d->losses);
	run_counter(run, "wrong", "requests and events that were wrong", &d->refused);
	run_counter(
	    run, "shed", "requests answered with the fallback", &f->site.counts.shed);
	run_counter(run, "lost", "impressions, clicks and events without room",
	    &f->site.counts.lost);
}

static int
start(struct run *run, void *self)
{
	struct serve *f = self;
	uint64_t share = run_memory(run) / SHARE;

	f->desk.reader = reader_new();
	if (f->desk.reader == NULL)
		return run_fail(run, "no memory for requests");
	if (check(run, f) != 0 || start_key(run, f) != 0 ||
	    shop_open(&f->shop, run, f->catalogue, share) != 0 ||
	    ranker_start(&f->ranker, run, f->desk.reader, 2 * share,
		f->ranker.kind == POLICY_UNIFORM) != 0 ||
	    start_desk(run, f, share) != 0)
		return -1;
	f->site.os = run_os(run);
	f->site.desk = &f->desk;
	f->site.fallback = f->fallback;
	f->site.hold = f->wait[BUDGET_IMPRESSION];
	f->site.auction = (struct openrtb_rules){ f->seat, f->currency, f->tmax,
		strncmp(f->base, "https:", 6) == 0 };
	if (site_init(&f->site) != 0)
		return run_fail(run, "no memory for answers");
	desk_introduce(&f->desk, site_now(&f->site));
	show_counters(run, f);
	return start_server(run, f, share);
}

/* --- The rest is the pump's and the desk's ------------------------------------------- */

static enum verdict
each(struct run *run, void *self, const struct record *r)
{
	(void)run;
	(void)self;
	(void)r;
	return PASS;
}

static int
attend(struct run *run, void *self)
{
	struct serve *f = self;

	ranker_refresh(&f->ranker, run);
	return 0;
}

static int
reload(struct run *run, void *self)
{
	struct serve *f = self;

	(void)shop_reload(&f->shop, run);
	f->desk.catalogue = f->shop.catalogue;
	ranker_reload(&f->ranker, run);
	desk_introduce(&f->desk, site_now(&f->site));
	return 0;
}

static int
save(struct run *run, void *self, struct state_writer *to)
{
	struct serve *f = self;

	(void)run;
	ranker_save(&f->ranker, to);
	desk_save(&f->desk, to);
	return 0;
}

static int
load(struct run *run, void *self, struct state_reader *from)
{
	struct serve *f = self;
	struct error error;

	if (ranker_load(&f->ranker, run, from) != 0)
		return -1;
	return desk_load(&f->desk, from, &error) == 0
	    ? 0
	    : run_usage(run, "%s", error.text);
}

static void
stop(void *self)
{
	struct serve *f = self;

	pump_stop(&f->pump);
	site_fini(&f->site);
	desk_fini(&f->desk);
	journal_fini(&f->journal);
	caps_free(f->desk.caps);
	budgets_free(f->desk.budgets);
	ranker_stop(&f->ranker);
	shop_close(&f->shop);
	mac_free(f->site.links.mac);
	reader_free(f->desk.reader);
	free(f->origin_text);
}

static const struct filter serve = {
	.name = "serve",
	.about = "decide banners over HTTP, and tell what came of them",
	.examples =
	    "  bp-serve -c shop.json -p uniform | bp-log events\n"
	    "  bp-serve -c shop.json -m live.bp -s ctr.spec | bp-join >outcomes\n"
	    "  curl 'http://127.0.0.1:8080/v1/decide?slot_id=top&user_id=u1'\n",
	.options = options,
	.size = sizeof(struct serve),
	.schema = 2,
	.no_files = true,
	.start = start,
	.load = load,
	.each = each,
	.attend = attend,
	.save = save,
	.reload = reload,
	.stop = stop,
};

int
main(int argc, char **argv)
{
	return filter_main(&serve, argc, argv);
}
