/* SPDX-License-Identifier: MIT */
#include "lib/serve/link.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/bytes.h"
#include "lib/base/number.h"
#include "lib/http/request.h"

enum { SECOND = 1000000, HEX = 2 * MAC_SIZE };

static const char digits[] = "0123456789abcdef";

/* What goes before the decision, before the target, and after all. */
static const struct {
	const char *path, *target, *macros;
} shapes[LINK_KINDS] = {
	[LINK_IMPRESSION] = { "/v1/impression?d=", "", "" },
	[LINK_CLICK] = { "/v1/click?d=", "&u=", "" },
	[LINK_WIN] = { "/openrtb2/win?d=", "&b=", "&p=${AUCTION_PRICE}" },
	[LINK_BILLING] = { "/openrtb2/billing?d=", "&b=", "&p=${AUCTION_PRICE}" },
	[LINK_LOSS] = { "/openrtb2/loss?d=", "&b=",
	    "&p=${AUCTION_PRICE}&r=${AUCTION_LOSS}&w=${AUCTION_MIN_TO_WIN}" },
};

bool
link_leads(struct slice target)
{
	size_t scheme = 0;

	if (target.size > LINK_TARGET_MAX)
		return false;
	if (target.size > 7 && memcmp(target.at, "http://", 7) == 0)
		scheme = 7;
	else if (target.size > 8 && memcmp(target.at, "https://", 8) == 0)
		scheme = 8;
	for (size_t i = 0; i < target.size; i++)
		if (target.at[i] <= ' ' || target.at[i] >= 0x7f)
			return false;
	return scheme > 0 && target.at[scheme] != '/';
}

/* What is signed can be divided in one way only: all but the target has a known size. */
static void
sign(const struct links *l, enum link_kind kind, struct slice decision,
    uint64_t expires, struct slice target, uint8_t to[MAC_SIZE])
{
	uint8_t head[10] = { (uint8_t)kind, (uint8_t)decision.size };
	const struct slice texts[] = { slice_of(head, sizeof head), decision, target };

	bytes_store_be64(head + 2, expires);
	mac_of(l->mac, texts, target.size > 0 ? 3 : 2, to);
}

static size_t
encode(struct slice text, uint8_t *to)
{
	size_t n = 0;

	for (size_t i = 0; i < text.size; i++) {
		uint8_t c = text.at[i];

		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		    (c >= 'A' && c <= 'Z') || memchr("-._~", c, 4) != NULL) {
			to[n++] = c;
			continue;
		}
		to[n++] = '%';
		to[n++] = (uint8_t) "0123456789ABCDEF"[c >> 4];
		to[n++] = (uint8_t) "0123456789ABCDEF"[c & 15];
	}
	return n;
}

static size_t
append(uint8_t *to, const char *text)
{
	size_t size = strlen(text);

	memcpy(to, text, size);
	return size;
}

void
link_build(const struct links *l, enum link_kind kind, struct slice decision,
    struct slice target, instant now, struct build *to)
{
	uint64_t expires = (uint64_t)((now + l->life.us) / SECOND);
	uint8_t text[LINK_MAX], mac[MAC_SIZE];
	size_t n = 0;

	if (decision.size >= LINK_ID_MAX || target.size > LINK_TARGET_MAX) {
		build_nil(to);
		return;
	}
	n += append(text, shapes[kind].path);
	n += encode(decision, text + n);
	n += (size_t)sprintf((char *)text + n, "&e=%" PRIu64, expires);
	n += append(text + n, shapes[kind].target);
	n += encode(target, text + n);
	n += append(text + n, "&m=");
	sign(l, kind, decision, expires, target, mac);
	for (unsigned i = 0; i < MAC_SIZE; i++) {
		text[n++] = (uint8_t)digits[mac[i] >> 4];
		text[n++] = (uint8_t)digits[mac[i] & 15];
	}
	n += append(text + n, shapes[kind].macros);
	build_str_header(to, strlen(l->base) + n);
	build_raw(to, slice_text(l->base));
	build_raw(to, slice_of(text, n));
}

void
link_read(struct slice query, uint8_t *room, struct link_parts *to)
{
	struct slice name, value;

	*to = (struct link_parts){ .decision = { NULL, 0 } };
	while (http_query_next(&query, &room, &name, &value)) {
		if (slice_is(name, "d"))
			to->decision = value;
		else if (slice_is(name, "e"))
			to->expires = value;
		else if (slice_is(name, "u") || slice_is(name, "b"))
			to->target = value;
		else if (slice_is(name, "m"))
			to->mac = value;
		else if (slice_is(name, "p"))
			to->price = value;
		else if (slice_is(name, "r"))
			to->reason = value;
		else if (slice_is(name, "w"))
			to->least = value;
	}
}

static bool
read_mac(struct slice text, uint8_t to[MAC_SIZE])
{
	if (text.size != HEX)
		return false;
	memset(to, 0, MAC_SIZE);
	for (unsigned i = 0; i < HEX; i++) {
		const char *digit = memchr(digits, text.at[i], 16);

		if (digit == NULL)
			return false;
		to[i / 2] = (uint8_t)(to[i / 2] << 4 | (digit - digits));
	}
	return true;
}

enum link_verdict
link_check(
    const struct links *l, enum link_kind kind, const struct link_parts *p, instant now)
{
	uint8_t got[MAC_SIZE], wanted[MAC_SIZE];
	uint64_t expires;

	if (p->decision.size == 0 || p->decision.size >= LINK_ID_MAX ||
	    p->target.size > LINK_TARGET_MAX || !read_mac(p->mac, got) ||
	    !number_parse_uint(p->expires, &expires))
		return LINK_FORGED;
	sign(l, kind, p->decision, expires, p->target, wanted);
	if (!mac_equal(got, wanted))
		return LINK_FORGED;
	return now >= 0 && (uint64_t)now / SECOND <= expires ? LINK_GOOD : LINK_LATE;
}
