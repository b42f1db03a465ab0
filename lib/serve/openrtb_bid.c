/* SPDX-License-Identifier: MIT */
#include "lib/serve/openrtb_bid.h"

#include <inttypes.h>
#include <stdio.h>

#include "lib/base/number.h"

enum { BANNER_MARKUP = 1 }; /* of the list of markup types */

/* Ids of the catalogue may be integers; those of OpenRTB are texts. */
static unsigned
pair_id(struct build *to, const char *key, struct slice id)
{
	char digits[NUMBER_TEXT_MAX];
	struct slice text;
	int64_t number;

	if (id.at == NULL)
		return 0;
	if (!value_str(id, &text)) {
		if (!value_int(id, &number))
			return 0;
		text = slice_of(digits, number_format_int(number, digits));
	}
	build_text(to, key);
	build_str(to, text);
	return 1;
}

static unsigned
pair_text(struct build *to, const char *key, struct slice text)
{
	if (text.size == 0)
		return 0;
	build_text(to, key);
	build_str(to, text);
	return 1;
}

/* Only what the exchange may expect of it. */
static unsigned
pair_list(struct build *to, const char *key, struct slice list, enum value_type type)
{
	struct slice none, item;
	struct value_walk walk;
	uint32_t items = 0;
	size_t open;

	if (list.at == NULL)
		return 0;
	build_text(to, key);
	open = build_open(to);
	for (value_open(list, &walk); value_next(&walk, &none, &item);)
		if (value_type(item) == type) {
			build_raw(to, item);
			items++;
		}
	build_close_array(to, open, items);
	return 1;
}

static unsigned
pair_domain(struct build *to, const struct openrtb_terms *t)
{
	struct slice domain = openrtb_domain(t);

	if (t->adomain.at != NULL)
		return pair_list(to, "adomain", t->adomain, VALUE_STR);
	if (domain.size == 0)
		return 0;
	build_text(to, "adomain");
	build_array(to, 1);
	build_str(to, domain);
	return 1;
}

static unsigned
pair_size(struct build *to, struct openrtb_size size)
{
	if (size.width == 0)
		return 0;
	build_text(to, "w");
	build_uint(to, size.width);
	build_text(to, "h");
	build_uint(to, size.height);
	return 2;
}

static unsigned
pair_notices(struct build *to, const struct links *links, const struct openrtb_bid *bid)
{
	static const struct {
		const char *key;
		enum link_kind kind;
	} notices[] = { { "nurl", LINK_WIN }, { "burl", LINK_BILLING },
		{ "lurl", LINK_LOSS } };
	char price[NUMBER_TEXT_MAX];
	struct slice digits = slice_of(price, number_format_int(bid->price, price));

	for (unsigned i = 0; i < 3; i++) {
		build_text(to, notices[i].key);
		link_build(links, notices[i].kind, bid->decision, digits, bid->now, to);
	}
	return 3;
}

/* A link of ours, in `room`. */
static struct slice
link_of(const struct links *links, const struct openrtb_bid *bid, enum link_kind kind,
    struct slice target, uint8_t room[LINK_MAX])
{
	struct slice url = { NULL, 0 };
	struct build b;

	build_init(&b, room, LINK_MAX);
	link_build(links, kind, bid->decision, target, bid->now, &b);
	return !build_full(&b) && value_str(build_slice(&b), &url) ? url
								   : slice_text("");
}

static unsigned
pair_markup(struct build *to, const struct links *links, const struct openrtb_bid *bid)
{
	uint8_t click[LINK_MAX], pixel[LINK_MAX];
	struct template_values v = { .creative = bid->creative,
		.decision_id = bid->decision };

	if (link_leads(bid->terms->url))
		v.click_url = link_of(links, bid, LINK_CLICK, bid->terms->url, click);
	v.impression_url = link_of(links, bid, LINK_IMPRESSION, slice_text(""), pixel);
	build_text(to, "adm");
	to->full = !template_render(bid->template, &v, to) || to->full;
	return 1;
}

static unsigned
build_pairs(struct build *to, const struct links *links, const struct openrtb_bid *bid)
{
	const struct openrtb_terms *t = bid->terms;
	unsigned pairs = 4;

	build_text(to, "id");
	build_str(to, bid->decision);
	build_text(to, "impid");
	build_str(to, bid->impid);
	build_text(to, "price");
	build_number(to, (double)bid->price / 1e6);
	build_text(to, "mtype");
	build_uint(to, BANNER_MARKUP);
	pairs += pair_notices(to, links, bid);
	pairs += pair_markup(to, links, bid);
	pairs += pair_id(to, "adid", t->creative);
	pairs += pair_id(to, "crid", t->creative);
	pairs += pair_id(to, "cid", t->campaign);
	pairs += pair_domain(to, t);
	pairs += pair_text(to, "iurl", openrtb_image(t));
	if (t->cat.at != NULL) {
		build_text(to, "cattax");
		build_uint(to, t->taxonomy);
		pairs++;
	}
	pairs += pair_list(to, "cat", t->cat, VALUE_STR);
	pairs += pair_list(to, "attr", t->attr, VALUE_INT);
	pairs += pair_text(to, "language", t->language);
	pairs += pair_text(to, "dealid", t->deal);
	pairs += pair_size(to, bid->size);
	if (bid->expires > 0) {
		build_text(to, "exp");
		build_uint(to, bid->expires);
		pairs++;
	}
	return pairs;
}

bool
openrtb_bid(const struct links *links, const struct openrtb_bid *bid, struct build *to)
{
	size_t open;
	struct build one;

	if (build_full(to))
		return false;
	build_init(&one, to->at, (size_t)(to->end - to->at));
	if (one.end - one.at > OPENRTB_BID_ROOM)
		one.end = one.at + OPENRTB_BID_ROOM;
	open = build_open(&one);
	build_close_map(&one, open, build_pairs(&one, links, bid));
	if (build_full(&one))
		return false;
	to->at = one.at;
	return true;
}
