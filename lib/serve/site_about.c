/* SPDX-License-Identifier: MIT
 *
 * About the server: /v1/banner.js, /healthz, /readyz, /metrics.
 */
#include "lib/serve/banner_js.h"
#include "lib/serve/site_route.h"

static void
answer_text(struct http_answer *a, unsigned status, const char *text)
{
	a->status = status;
	a->type = "text/plain";
	a->body = slice_text(text);
}

static void
ready(struct site *s, struct http_answer *a)
{
	if (s->draining)
		answer_text(a, 503, "going away\n");
	else if (catalogue_counts(s->desk->catalogue).creatives == 0)
		answer_text(a, 503, "no creatives\n");
	else if (!site_has_room(s, DESK_ROOM))
		answer_text(a, 503, "the output is full\n");
	else
		answer_text(a, 200, "ready\n");
}

static void
count(struct http_answer *a, const char *name, const char *about, uint64_t value)
{
	http_print(a,
	    "# HELP bannerpipe_serve_%s %s\n# TYPE bannerpipe_serve_%s counter\n"
	    "bannerpipe_serve_%s %llu\n",
	    name, about, name, name, (unsigned long long)value);
}

static void
metrics_of_auctions(const struct site *s, struct http_answer *a)
{
	const struct desk_counts *d = &s->desk->counts;

	count(a, "bids_total", "Impressions of exchanges bid for.", s->counts.bids);
	http_print(a,
	    "# HELP bannerpipe_serve_no_bids_total Impressions not bid for.\n"
	    "# TYPE bannerpipe_serve_no_bids_total counter\n");
	for (unsigned i = 0; i < OPENRTB_REASONS; i++)
		http_print(a, "bannerpipe_serve_no_bids_total{reason=\"%s\"} %llu\n",
		    openrtb_reason_name(i), (unsigned long long)s->counts.no_bids[i]);
	count(a, "tests_total", "Bid requests that were rehearsed.", s->counts.tests);
	count(a, "wins_total", "Win notices counted.", d->wins);
	count(a, "billings_total", "Billing notices counted.", d->billings);
	count(a, "losses_total", "Loss notices counted.", d->losses);
	count(a, "overpriced_total", "Bids that cleared at more than was bid.",
	    d->overpriced);
}

static void
metrics_of_model(const struct site *s, struct http_answer *a)
{
	const struct desk_model *m = &s->desk->model;

	if (m->since == WHEN_NEVER)
		return;
	http_print(a,
	    "# HELP bannerpipe_serve_model_version Examples it has learned.\n"
	    "# TYPE bannerpipe_serve_model_version gauge\n"
	    "bannerpipe_serve_model_version %llu\n"
	    "# HELP bannerpipe_serve_model_age_seconds Since it was new.\n"
	    "# TYPE bannerpipe_serve_model_age_seconds gauge\n"
	    "bannerpipe_serve_model_age_seconds %.6f\n",
	    (unsigned long long)m->version, (double)(s->now - m->since) / 1e6);
}

static void
metrics(struct site *s, struct http_answer *a)
{
	const struct desk_counts *d = &s->desk->counts;

	a->type = HTTP_METRICS_TYPE;
	if (s->http != NULL)
		http_metrics(s->http, a);
	count(a, "requests_total", "Requests decided.", d->requests);
	count(a, "decisions_total", "Banners decided.", d->decisions);
	count(a, "empty_total", "Requests without any banner.", d->empty);
	count(a, "contextual_total", "Requests without consent.", d->contextual);
	count(a, "forgotten_total", "Users who took consent back.", d->forgotten);
	count(a, "impressions_total", "Impressions counted.", d->impressions);
	count(a, "clicks_total", "Clicks counted.", d->clicks);
	count(a, "events_total", "Events of the shop taken.", d->events);
	count(a, "returned_total", "Events of decisions that were taken back.",
	    d->returned);
	count(a, "ahead_total",
	    "Impressions that were fetched before anybody saw them.", d->ahead);
	count(a, "repeated_total", "Impressions and clicks that came before.",
	    d->repeated);
	count(a, "unknown_total", "Those of decisions that are forgotten.", d->unknown);
	count(a, "refused_total", "Requests and events that were wrong.", d->refused);
	count(a, "capped_total", "Candidates over a cap.", d->capped);
	count(a, "unknown_bids_total", "Candidates whose bid the model cannot tell.",
	    d->unknown_bids);
	count(
	    a, "crowded_total", "Candidates beyond the 1024 of a request.", d->crowded);
	count(a, "unfunded_total", "Candidates without budget.", d->unfunded);
	count(a, "throttled_total", "Candidates that sat out.", d->throttled);
	count(a, "shed_total", "Requests answered with the fallback.", s->counts.shed);
	count(a, "lost_total", "Impressions, clicks, events refused for want of room.",
	    s->counts.lost);
	count(a, "forged_total", "Links that are none of ours.", s->counts.forged);
	count(a, "late_total", "Links that count no more.", s->counts.late);
	metrics_of_auctions(s, a);
	metrics_of_model(s, a);
	http_print(a,
	    "# HELP bannerpipe_serve_waiting_bytes Records not written yet.\n"
	    "# TYPE bannerpipe_serve_waiting_bytes gauge\n"
	    "bannerpipe_serve_waiting_bytes %llu\n",
	    (unsigned long long)journal_size(s->desk->journal));
}

void
site_script(struct site *s, const struct http_request *r, struct http_answer *a)
{
	(void)s;
	(void)r;
	a->type = "text/javascript";
	a->body = slice_of(banner_js, banner_js_size);
	http_header(a, "Cache-Control", slice_text("max-age=3600"));
	http_header(a, "X-Content-Type-Options", slice_text("nosniff"));
}

/* They are of the server's own origin, and run nothing of others. */
void
site_page(struct site *s, const struct http_request *r, struct http_answer *a)
{
	const struct page *found = pages_find(s->pages, r->path);

	if (found == NULL) {
		site_answer_wrong(s, 404, "there is nothing here", a);
		return;
	}
	a->route = PAGES;
	a->type = found->type;
	a->body = found->body;
	http_header(a, "Cache-Control", slice_text("no-cache"));
	http_header(a, "X-Content-Type-Options", slice_text("nosniff"));
	http_header(a, "Content-Security-Policy",
	    slice_text("default-src 'self'; img-src * data:; object-src 'none'; "
		       "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"));
}

void
site_about(struct site *s, const struct http_request *r, struct http_answer *a)
{
	(void)r;
	if (a->route == HEALTH)
		answer_text(a, 200, "ok\n");
	else if (a->route == READY)
		ready(s, a);
	else
		metrics(s, a);
}
