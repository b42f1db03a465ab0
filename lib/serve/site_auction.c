/* SPDX-License-Identifier: MIT
 *
 * The impressions of exchanges: POST /openrtb2, and what becomes of bids:
 * /openrtb2/win, /openrtb2/billing, /openrtb2/loss.
 */
#include "lib/base/number.h"
#include "lib/serve/openrtb_bid.h"
#include "lib/serve/site_route.h"

#define AUCTION_VERSION "2.6"

/* Half of an answer's room: as JSON a text can become twice as long. */
enum { BIDS_ROOM = SITE_ANSWER_MAX / 2, REASONS_MAX = 9999 };

/* Of the list of loss reasons. */
enum { LOSS_INTERNAL = 1, LOSS_BELOW_DEAL_FLOOR = 101 };

/* --- Bids ------------------------------------------------------------------------------- */

/* It was decided and cannot be bid: what was reserved for it is free again. */
static void
withdraw(struct site *s, const struct desk_ask *ask, const struct desk_banner *banner,
    int reason)
{
	struct desk_notice notice = {
		.event = DESK_LOSS, .bid = 0, .price = -1, .least = -1, .reason = reason
	};

	if (!ask->rehearsal)
		desk_notice(s->desk, &notice, banner->id, ask->now);
}

/* The links of a rehearsal are late from the beginning: they count nothing. */
static enum openrtb_reason
append_bid(struct site *s, const struct openrtb_fit *fit, const struct desk_ask *ask,
    const struct desk_banner *banner, struct build *b)
{
	struct openrtb_terms terms;
	struct openrtb_bid bid = { .impid = fit->imp->id,
		.decision = banner->id,
		.price = desk_price(banner->worth_micros),
		.creative = catalogue_creative_record(s->desk->catalogue, banner->row),
		.terms = &terms,
		.template = s->template != NULL ? s->template : s->plain,
		.expires = (uint64_t)(s->hold.us / WHEN_SECOND),
		.now = ask->rehearsal ? -s->links.life.us : ask->now };

	openrtb_terms(bid.creative, &terms);
	bid.size = openrtb_shown(fit->imp, &terms);
	if (bid.price < openrtb_floor(fit, &terms)) {
		withdraw(s, ask, banner, LOSS_BELOW_DEAL_FLOOR);
		return OPENRTB_NOBODY;
	}
	if (!openrtb_bid(&s->links, &bid, b)) {
		withdraw(s, ask, banner, LOSS_INTERNAL);
		return OPENRTB_BUSY;
	}
	return OPENRTB_REASONS;
}

/* OPENRTB_REASONS: it is bid for. */
static enum openrtb_reason
bid_for(struct site *s, const struct openrtb_request *request,
    const struct openrtb_imp *imp, struct slice shared, struct build *b)
{
	struct openrtb_fit fit = { &s->auction, request, imp,
		s->desk->decider->judge.predictor.model != NULL };
	struct desk_ask ask = { .map = shared,
		.consents = request->consents,
		.signal = request->signal,
		.now = s->now,
		.floor_micros = (double)openrtb_least(imp) / 1000,
		.accepts = openrtb_fits,
		.context = &fit,
		.sold = true,
		.rehearsal = request->test };
	enum openrtb_reason reason = openrtb_refuse_imp(&s->auction, imp);
	struct desk_answer answer;
	struct build slot;

	if (reason != OPENRTB_NOBODY)
		return reason;
	if (!site_has_room(s, DESK_ROOM)) {
		s->counts.shed++;
		return OPENRTB_BUSY;
	}
	build_init(&slot, s->asks + OPENRTB_ROOM + RECORD_PADDING, OPENRTB_ROOM);
	openrtb_build_imp(&s->auction, request, imp, &slot);
	ask.slot = build_slice(&slot);
	if (build_full(&slot) || desk_decide(s->desk, &ask, &answer) != NULL)
		return OPENRTB_BUSY;
	if (answer.n == 0)
		return imp->closed ? OPENRTB_DEAL : OPENRTB_NOBODY;
	return append_bid(s, &fit, &ask, &answer.banner[0], b);
}

/* How many bids; the reason is the first one of those impressions that got none. */
static uint32_t
bid_for_all(struct site *s, const struct openrtb_request *request,
    enum openrtb_reason *first, struct build *b)
{
	enum openrtb_reason all = openrtb_refuse(&s->auction, request);
	uint32_t bids = 0;
	struct build shared;

	build_init(&shared, s->asks, OPENRTB_ROOM);
	openrtb_build_shared(request, &shared);
	*first = all;
	for (unsigned i = 0; i < request->imps; i++) {
		enum openrtb_reason reason = all != OPENRTB_NOBODY
		    ? all
		    : bid_for(s, request, &request->imp[i], build_slice(&shared), b);

		if (reason == OPENRTB_REASONS) {
			bids++;
			s->counts.bids += !request->test;
			continue;
		}
		s->counts.no_bids[reason] += !request->test;
		if (*first == OPENRTB_NOBODY)
			*first = reason;
	}
	return bids;
}

static void
answer_reason(const struct openrtb_request *request, enum openrtb_reason reason,
    bool msgpack, struct build *b, struct http_answer *a)
{
	if (reason == OPENRTB_NOBODY) {
		a->status = 204;
		return;
	}
	build_reset(b);
	build_map(b, 2);
	build_text(b, "id");
	build_str(b, request->id);
	build_text(b, "nbr");
	build_uint(b, openrtb_reason_code(reason));
	site_answer_map(b, msgpack, a);
}

static void
answer_bids(struct site *s, const struct openrtb_request *request, bool msgpack,
    struct http_answer *a)
{
	enum openrtb_reason reason;
	struct build b;
	size_t list;
	uint32_t bids;

	build_init(&b, s->pack, BIDS_ROOM);
	build_map(&b, 3);
	build_text(&b, "id");
	build_str(&b, request->id);
	build_text(&b, "cur");
	build_text(&b, s->auction.currency);
	build_text(&b, "seatbid");
	build_array(&b, 1);
	build_map(&b, s->auction.seat != NULL ? 2 : 1);
	if (s->auction.seat != NULL) {
		build_text(&b, "seat");
		build_text(&b, s->auction.seat);
	}
	build_text(&b, "bid");
	list = build_open(&b);
	bids = bid_for_all(s, request, &reason, &b);
	s->counts.tests += request->test;
	if (bids == 0) {
		answer_reason(request, reason, msgpack, &b, a);
		return;
	}
	build_close_array(&b, list, bids);
	site_answer_map(&b, msgpack, a);
}

void
site_auction(struct site *s, const struct http_request *r, struct http_answer *a)
{
	bool msgpack = site_is_msgpack(r->header[HEADER_CONTENT_TYPE]);
	struct slice encoding = r->header[HEADER_CONTENT_ENCODING], map;
	struct openrtb_request request;
	const char *wrong;

	(void)site_now(s);
	http_header(a, "x-openrtb-version", slice_text(AUCTION_VERSION));
	if (encoding.at != NULL && !slice_is(encoding, "identity")) {
		site_answer_wrong(s, 415, "a body that is compressed", a);
		return;
	}
	if (*s->links.base == 0) {
		site_answer_wrong(
		    s, 503, "a bid needs links that are whole: --base-url", a);
		return;
	}
	wrong = ask_body(&s->asker, r->body, msgpack, &map);
	if (wrong == NULL)
		wrong = openrtb_read(&s->auction, map, &request);
	if (wrong != NULL)
		site_answer_wrong(s, 400, wrong, a);
	else
		answer_bids(s, &request, msgpack, a);
}

/* --- Notices ---------------------------------------------------------------------------- */

/* A price that is empty, or still a macro, was not told. */
static int64_t
price_of(struct slice text)
{
	double price;

	if (text.at == NULL || !number_parse_double(text, &price) || price < 0)
		return -1;
	return price < (double)OPENRTB_PRICE_MAX / 1e6 ? (int64_t)(price * 1e6 + 0.5)
						       : OPENRTB_PRICE_MAX;
}

static int64_t
number_of(struct slice text, int64_t most)
{
	uint64_t number;

	return text.at != NULL && number_parse_uint(text, &number) &&
		number <= (uint64_t)most
	    ? (int64_t)number
	    : -1;
}

void
site_notice(struct site *s, const struct http_request *r, struct http_answer *a)
{
	static const struct {
		enum link_kind link;
		enum desk_event event;
	} kinds[] = { [WIN] = { LINK_WIN, DESK_WIN },
		[BILLING] = { LINK_BILLING, DESK_BILLING },
		[LOSS] = { LINK_LOSS, DESK_LOSS } };
	instant now = site_now(s);
	struct link_parts parts;
	enum link_verdict verdict = site_link(s, r, kinds[a->route].link, &parts, now);
	struct desk_notice notice;

	if (verdict == LINK_FORGED) {
		site_answer_wrong(s, 403, "this link is none of ours", a);
		return;
	}
	a->status = 204;
	/* Somebody who looks at ads for their quality has bought nothing. */
	if (verdict == LINK_LATE || slice_is(parts.price, "AUDIT"))
		return;
	if (!site_has_room(s, DESK_EVENT_ROOM)) {
		s->counts.lost++;
		a->status = 503;
		return;
	}
	notice = (struct desk_notice){ .event = kinds[a->route].event,
		.bid = number_of(parts.target, INT64_MAX / 2),
		.price = price_of(parts.price),
		.least = price_of(parts.least),
		.reason = number_of(parts.reason, REASONS_MAX) };
	desk_notice(s->desk, &notice, parts.decision, now);
}
