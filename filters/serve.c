/* SPDX-License-Identifier: MIT
 *
 * bp-serve: decide banners over HTTP, and tell what came of them.
 *
 * in     HTTP requests; a catalogue of creatives and campaigns from a file; records on
 *        standard input: changes of the catalogue, events, what came of banners elsewhere
 * out    requests and their decisions, impressions, clicks, events, and what came in, in
 *        the order of their time, with watermarks
 * state  the catalogue, counters of caps, budgets, what was decided and is not answered yet;
 *        with --spec also its counters: the history of users
 * needs  a model file or a live model, except for uniform
 *
 * It decides as bp-rank does: the requests that it writes name their candidates and all else
 * that decides, so that a replay of them through bp-rank decides the same.
 */
#include "lib/filter.h"
#include "lib/filter/front.h"
#include "lib/filter/pump.h"
#include "lib/filter/ranker.h"
#include "lib/filter/shop.h"
#include "lib/filter/template_file.h"
#include "lib/filter/terms.h"

struct serve {
	struct front front;   /* where it can be reached */
	struct ranker ranker; /* how it decides */
	struct terms terms;   /* caps, budgets and prices */
	const char *catalogue, *fallback, *pages;
	struct span tick;
	struct template_file template; /* how banners look */

	struct shop shop;       /* the catalogue */
	struct desk desk;       /* decides, remembers, writes */
	struct journal journal; /* what was written and has not gone out */
	struct site site;       /* what is asked, and answered */
	struct pump pump;       /* requests and standard input as the run's input */
};

static const struct option options[] = {
	OPTION_ASIDE('c', "catalogue", struct serve, catalogue, NULL,
	    "creatives and campaigns, as records or JSON lines", "FILE"),
	RANKER_OPTIONS(struct serve, ranker),
	FRONT_OPTIONS(struct serve, front),
	TERMS_OPTIONS(struct serve, terms),
	OPTION_ASIDE(0, "fallback", struct serve, fallback, NULL,
	    "the creative that is shown when there is too much to do", "ID"),
	OPTION_ASIDE(0, "template", struct serve, template.path, NULL,
	    "answer the HTML of banners too, by this; see bp-compose(1)", "FILE"),
	OPTION_ASIDE('w', "pages", struct serve, pages, NULL,
	    "files that are served at /: a page to try it on", "FOLDER"),
	OPTION_ASIDE('e', "explain", struct serve, site.explain, NULL,
	    "answers say the scores and chances of the candidates"),
	OPTION_RARE_ASIDE(0, "tick", struct serve, tick, "100ms",
	    "how often the time is told downstream"),
	OPTION_END,
};

/* Parts of the memory, of 24: with a specification more than half is for its counters. */
struct shares {
	uint64_t one, journal, ranker, history;
};

static struct shares
divide(struct run *run, bool history)
{
	uint64_t one = run_memory(run) / 24;

	return history ? (struct shares){ one, 2 * one, 17 * one, 14 * one }
		       : (struct shares){ 3 * one, 3 * one, 6 * one, 0 };
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
	run_counter(run, "returned", "events of decisions taken back", &d->returned);
	run_counter(
	    run, "bids", "impressions of exchanges bid for", &f->site.counts.bids);
	run_counter(run, "wins", "bids that won", &d->wins);
	run_counter(run, "losses", "bids that lost", &d->losses);
	run_counter(run, "forgotten", "users who took consent back", &d->forgotten);
	run_counter(run, "wrong", "requests and events that were wrong", &d->refused);
	run_counter(
	    run, "shed", "requests answered with the fallback", &f->site.counts.shed);
	run_counter(run, "lost", "impressions, clicks and events without room",
	    &f->site.counts.lost);
}

static int
start_desk(struct run *run, struct serve *f, const struct shares *share)
{
	struct error error;

	f->desk.catalogue = f->shop.catalogue;
	f->desk.decider = &f->ranker.decider;
	f->desk.journal = &f->journal;
	if (terms_start(&f->terms, run, &f->desk, share->one) != 0)
		return -1;
	if (journal_init(&f->journal, share->journal) != 0)
		return run_fail(run, "no memory for records");
	if (desk_init(&f->desk, run_os(run), run_seed(run), f->terms.users, share->one,
		&error) != 0)
		return run_usage(run, "%s", error.text);
	return 0;
}

/* Those of before stay when they cannot be read. */
static bool
read_pages(struct run *run, struct serve *f, struct error *error)
{
	struct pages *pages =
	    f->pages == NULL ? NULL : pages_read(run_os(run), f->pages, error);

	if (f->pages == NULL)
		return true;
	if (pages != NULL) {
		pages_free(f->site.pages);
		f->site.pages = pages;
		run_opens_files(run);
	}
	return pages != NULL;
}

static int
start(struct run *run, void *self)
{
	struct serve *f = self;
	struct shares share = divide(run, f->ranker.spec_path != NULL);
	struct error error;

	f->desk.reader = reader_new();
	if (f->desk.reader == NULL)
		return run_fail(run, "no memory for requests");
	f->ranker.spec_bytes = share.history;
	if (front_links(&f->front, run, &f->site.links) != 0 ||
	    shop_open(&f->shop, run, f->catalogue, share.one) != 0 ||
	    ranker_start(&f->ranker, run, f->desk.reader, share.ranker,
		f->ranker.kind == POLICY_UNIFORM) != 0 ||
	    start_desk(run, f, &share) != 0)
		return -1;
	if (!read_pages(run, f, &error))
		return run_usage(run, "--pages: %s", error.text);
	f->site.os = run_os(run);
	f->site.desk = &f->desk;
	f->site.fallback = f->fallback;
	f->site.told = (enum client_told)f->front.client;
	if (f->template.path != NULL && template_file_open(&f->template, run) != 0)
		return -1;
	f->site.template = f->template.template;
	f->site.auction = terms_auction(&f->terms, f->front.base);
	f->site.hold = f->terms.wait[BUDGET_IMPRESSION];
	if (site_init(&f->site) != 0)
		return run_fail(run, "no memory for answers");
	desk_introduce(&f->desk, site_now(&f->site));
	desk_model(&f->desk, ranker_written(&f->ranker, run));
	show_counters(run, f);
	f->pump.run = run;
	f->pump.site = &f->site;
	f->pump.tick = f->tick;
	f->front.shared = f->front.shared || f->terms.processes > 1;
	return front_open(&f->front, run, &f->pump, share.one);
}

/* What the pump hands on was counted when it was written. */
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
	struct error error;

	(void)shop_reload(&f->shop, run);
	if (!read_pages(run, f, &error))
		run_say(run, "%s; going on with the pages of before", error.text);
	f->desk.catalogue = f->shop.catalogue;
	ranker_reload(&f->ranker, run);
	desk_model(&f->desk, ranker_written(&f->ranker, run));
	template_file_reload(&f->template, run);
	f->site.template = f->template.template;
	desk_introduce(&f->desk, site_now(&f->site));
	return 0;
}

static int
save(struct run *run, void *self, struct state_writer *to)
{
	struct serve *f = self;

	(void)run;
	shop_save(&f->shop, to);
	ranker_save(&f->ranker, to);
	desk_save(&f->desk, to);
	return 0;
}

static int
load(struct run *run, void *self, struct state_reader *from)
{
	struct serve *f = self;
	struct error error;

	if (shop_load(&f->shop, run, from) != 0 ||
	    ranker_load(&f->ranker, run, from) != 0)
		return -1;
	f->desk.catalogue = f->shop.catalogue;
	if (desk_load(&f->desk, from, &error) != 0)
		return run_usage(run, "%s", error.text);
	/* The snapshot has what creatives were. */
	desk_introduce(&f->desk, site_now(&f->site));
	return 0;
}

static void
stop(void *self)
{
	struct serve *f = self;

	pump_stop(&f->pump);
	front_close(&f->front);
	site_fini(&f->site);
	desk_fini(&f->desk);
	journal_fini(&f->journal);
	terms_stop(&f->desk);
	ranker_stop(&f->ranker);
	shop_close(&f->shop);
	template_file_close(&f->template);
	reader_free(f->desk.reader);
}

static const struct filter serve = {
	.name = "serve",
	.about = "decide banners over HTTP, and tell what came of them",
	.examples = "  bp-serve -c shop.json -p uniform | bp-log events\n"
		    "  bp-recv -l :24224 | bp-serve -c shop.json -m live.bp -s "
		    "ctr.spec | bp-log events\n"
		    "  curl 'http://127.0.0.1:8080/v1/decide?slot_id=top&user_id=u1'\n",
	.options = options,
	.size = sizeof(struct serve),
	.schema = 6,
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
