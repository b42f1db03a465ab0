/* SPDX-License-Identifier: MIT
 *
 * What records keep of a bid request, in our own words.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>

#include "lib/serve/openrtb.h"

enum { TEXT_MAX = 512, PAGE_MAX = 2048, LIST_MAX = 32 };

/* --- Pairs ------------------------------------------------------------------------------ */

static bool
text_of(struct slice map, const char *name, size_t most, struct slice *to)
{
	struct slice value;

	return map.at != NULL && value_get(map, name, &value) && value_str(value, to) &&
	    to->size > 0 && to->size <= most;
}

/* Each appends at most one pair, and says how many. */
static unsigned
pair_text(struct build *to, const char *key, struct slice map, const char *name)
{
	struct slice text;

	if (!text_of(map, name, TEXT_MAX, &text))
		return 0;
	build_text(to, key);
	build_str(to, text);
	return 1;
}

static unsigned
pair_int(struct build *to, const char *key, struct slice map, const char *name)
{
	struct slice value;
	int64_t number;

	if (map.at == NULL || !value_get(map, name, &value) ||
	    !value_int(value, &number))
		return 0;
	build_text(to, key);
	build_int(to, number);
	return 1;
}

static unsigned
pair_texts(struct build *to, const char *key, struct slice map, const char *name)
{
	struct slice list, none, item, text;
	struct value_walk walk;
	uint32_t items = 0;
	size_t open;

	if (map.at == NULL || !value_get(map, name, &list) ||
	    value_type(list) != VALUE_ARRAY || value_count(list) == 0)
		return 0;
	build_text(to, key);
	open = build_open(to);
	for (value_open(list, &walk); value_next(&walk, &none, &item);)
		if (items < LIST_MAX && value_str(item, &text) &&
		    text.size <= TEXT_MAX) {
			build_raw(to, item);
			items++;
		}
	build_close_array(to, open, items);
	return 1;
}

/* --- Where and on what ------------------------------------------------------------------- */

/* What comes after the path of a URL may tell who looks at it. */
static unsigned
build_page(struct slice site, struct build *to)
{
	struct slice page;

	if (!text_of(site, "page", PAGE_MAX, &page))
		return 0;
	page.size = slice_find(page, '?');
	page.size = slice_find(page, '#');
	build_text(to, "page");
	build_str(to, page);
	return 1;
}

static struct slice
inside(struct slice map, const char *name)
{
	struct slice value;

	return map.at != NULL && value_get(map, name, &value) &&
		value_type(value) == VALUE_MAP
	    ? value
	    : (struct slice){ NULL, 0 };
}

static unsigned
build_place(const struct openrtb_request *r, struct build *to)
{
	struct slice site = r->site.at != NULL ? r->site : r->app, geo;
	unsigned pairs = build_page(r->site, to), domain;

	domain = pair_text(to, "domain", site, "domain");
	if (domain == 0)
		domain = pair_text(to, "domain", inside(site, "publisher"), "domain");
	pairs += domain;
	pairs += pair_texts(to, "page_category", site, "cat");
	pairs += pair_text(to, "app", r->app, "bundle");
	geo = inside(r->device, "geo");
	if (geo.at == NULL)
		geo = inside(r->user, "geo");
	pairs += pair_text(to, "country", geo, "country");
	pairs += pair_text(to, "region", geo, "region");
	if (r->consents)
		pairs += pair_text(to, "city", geo, "city");
	pairs += pair_int(to, "device_type", r->device, "devicetype");
	pairs += pair_text(to, "os", r->device, "os");
	pairs += pair_text(to, "language", r->device, "language");
	return pairs;
}

static unsigned
build_sizes(const struct openrtb_imp *imp, struct build *to)
{
	char text[32];
	int size;

	if (imp->sizes < 2)
		return 0;
	build_text(to, "sizes");
	build_array(to, imp->sizes);
	for (unsigned i = 0; i < imp->sizes; i++) {
		size = snprintf(text, sizeof text, "%" PRIu32 "x%" PRIu32,
		    imp->size[i].width, imp->size[i].height);
		build_str(to, slice_of(text, (size_t)size));
	}
	return 1;
}

static unsigned
build_deals(const struct openrtb_imp *imp, struct build *to)
{
	struct slice key, item, id;
	struct value_walk walk;
	uint32_t items = 0;
	size_t open;

	if (value_count(imp->deals) == 0)
		return 0;
	build_text(to, "deals");
	open = build_open(to);
	for (value_open(imp->deals, &walk); value_next(&walk, &key, &item);)
		if (items < LIST_MAX && value_get(item, "id", &id)) {
			build_raw(to, id);
			items++;
		}
	build_close_array(to, open, items);
	return 1;
}

static unsigned
build_auction(const struct openrtb_rules *rules, const struct openrtb_request *r,
    const struct openrtb_imp *imp, struct build *to)
{
	unsigned pairs = 3;

	build_text(to, "channel");
	build_text(to, "openrtb");
	build_text(to, "auction");
	build_uint(to, r->auction);
	build_text(to, "currency");
	build_text(to, rules->currency);
	pairs += pair_int(to, "fold", imp->banner, "pos");
	pairs += pair_int(to, "interstitial", imp->map, "instl");
	pairs += build_sizes(imp, to);
	pairs += build_deals(imp, to);
	return pairs;
}

/* --- Who --------------------------------------------------------------------------------- */

/* The network of an address: its first 24 bits, or 48 of IPv6. */
static unsigned
build_network(struct slice device, struct build *to)
{
	uint8_t address[16] = { 0 };
	char text[INET6_ADDRSTRLEN + 4];
	struct slice ip;
	size_t size;
	bool old = text_of(device, "ip", sizeof text - 5, &ip);

	if (!old && !text_of(device, "ipv6", sizeof text - 5, &ip))
		return 0;
	memcpy(text, ip.at, ip.size);
	text[ip.size] = 0;
	if (inet_pton(old ? AF_INET : AF_INET6, text, address) != 1)
		return 0;
	memset(address + (old ? 3 : 6), 0, old ? 1 : 10);
	(void)inet_ntop(old ? AF_INET : AF_INET6, address, text, sizeof text);
	size = strlen(text);
	memcpy(text + size, old ? "/24" : "/48", 3);
	build_text(to, "network");
	build_str(to, slice_of(text, size + 3));
	return 1;
}

static unsigned
build_consent(const struct openrtb_request *r, struct build *to)
{
	size_t open;
	unsigned pairs = 1;

	build_text(to, "consent");
	open = build_open(to);
	build_text(to, "personalization");
	build_bool(to, true);
	pairs += pair_int(to, "gdpr", r->regs, "gdpr");
	pairs += pair_text(to, "us_privacy", r->regs, "us_privacy");
	pairs += pair_text(to, "gpp", r->regs, "gpp");
	pairs += pair_text(to, "tcf", r->user, "consent");
	build_close_map(to, open, pairs);
	return 1;
}

void
openrtb_build_shared(const struct openrtb_request *r, struct build *to)
{
	size_t open = build_open(to);
	unsigned pairs = 0;

	build_text(to, "auction_id");
	build_str(to, r->id);
	pairs++;
	if (r->consents) {
		pairs += build_consent(r, to);
		/* Our own id of him, as the exchange has it, and the exchange's. */
		pairs += pair_text(to, "user_id", r->user, "buyeruid");
		pairs += pair_text(to, "anonymous_id", r->user, "id");
		pairs += pair_text(to, "user_agent", r->device, "ua");
		pairs += build_network(r->device, to);
	}
	build_close_map(to, open, pairs);
}

void
openrtb_build_imp(const struct openrtb_rules *rules, const struct openrtb_request *r,
    const struct openrtb_imp *imp, struct build *to)
{
	size_t open = build_open(to), context;
	unsigned pairs = 3, inner;

	build_text(to, "imp_id");
	build_str(to, imp->id);
	if (pair_text(to, "slot_id", imp->map, "tagid") == 0) {
		build_text(to, "slot_id");
		build_str(to, imp->id);
	}
	if (imp->sizes == 1) {
		build_text(to, "width");
		build_uint(to, imp->size[0].width);
		build_text(to, "height");
		build_uint(to, imp->size[0].height);
		pairs += 2;
	}
	if (r->tmax_ms > 0 && r->tmax_ms < INT64_MAX / 1000) {
		build_text(to, "tmax_us");
		build_int(to, r->tmax_ms * 1000);
		pairs++;
	}
	build_text(to, "context");
	context = build_open(to);
	inner = build_auction(rules, r, imp, to);
	inner += build_place(r, to);
	build_close_map(to, context, inner);
	build_close_map(to, open, pairs);
}
