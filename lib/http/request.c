/* SPDX-License-Identifier: MIT */
#include "lib/http/request.h"

#include "lib/text/url.h"

static const struct {
	const char *name; /* in lower case */
	size_t size;
} names[HEADER_COUNT] = {
#define NAME(header, text) [header] = { text, sizeof text - 1 }
	NAME(HEADER_DNT, "dnt"),
	NAME(HEADER_HOST, "host"),
	NAME(HEADER_ACCEPT, "accept"),
	NAME(HEADER_COOKIE, "cookie"),
	NAME(HEADER_EXPECT, "expect"),
	NAME(HEADER_ORIGIN, "origin"),
	NAME(HEADER_PURPOSE, "purpose"),
	NAME(HEADER_REFERER, "referer"),
	NAME(HEADER_SEC_GPC, "sec-gpc"),
	NAME(HEADER_SEC_CH_UA, "sec-ch-ua"),
	NAME(HEADER_USER_AGENT, "user-agent"),
	NAME(HEADER_SEC_PURPOSE, "sec-purpose"),
	NAME(HEADER_CONTENT_TYPE, "content-type"),
	NAME(HEADER_AUTHORIZATION, "authorization"),
	NAME(HEADER_IF_NONE_MATCH, "if-none-match"),
	NAME(HEADER_CONTENT_LENGTH, "content-length"),
	NAME(HEADER_SEC_FETCH_DEST, "sec-fetch-dest"),
	NAME(HEADER_SEC_FETCH_MODE, "sec-fetch-mode"),
	NAME(HEADER_SEC_FETCH_SITE, "sec-fetch-site"),
	NAME(HEADER_ACCEPT_ENCODING, "accept-encoding"),
	NAME(HEADER_ACCEPT_LANGUAGE, "accept-language"),
	NAME(HEADER_X_FORWARDED_FOR, "x-forwarded-for"),
	NAME(HEADER_CONTENT_ENCODING, "content-encoding"),
	NAME(HEADER_SEC_CH_UA_MOBILE, "sec-ch-ua-mobile"),
	NAME(HEADER_TRANSFER_ENCODING, "transfer-encoding"),
	NAME(HEADER_X_OPENRTB_VERSION, "x-openrtb-version"),
	NAME(HEADER_SEC_CH_UA_PLATFORM, "sec-ch-ua-platform"),
	NAME(HEADER_REQUEST_METHOD, "access-control-request-method"),
#undef NAME
};

static bool
is_name(struct slice text, const char *name)
{
	for (size_t i = 0; i < text.size; i++)
		if ((text.at[i] >= 'A' && text.at[i] <= 'Z' ? text.at[i] | 0x20
							    : text.at[i]) != name[i])
			return false;
	return true;
}

enum http_header
http_header_find(struct slice name)
{
	unsigned i = 0;

	while (i < HEADER_COUNT && names[i].size < name.size)
		i++;
	for (; i < HEADER_COUNT && names[i].size == name.size; i++)
		if (is_name(name, names[i].name))
			return (enum http_header)i;
	return HEADER_COUNT;
}

static struct slice
decoded(struct slice text, uint8_t **room)
{
	struct slice result;

	if (url_is_plain(text, true))
		return text;
	result = slice_of(*room, url_decode(text, true, *room));
	*room += result.size;
	return result;
}

bool
http_query_next(
    struct slice *rest, uint8_t **room, struct slice *name, struct slice *value)
{
	if (!url_query_next(rest, name, value))
		return false;
	*name = decoded(*name, room);
	*value = decoded(*value, room);
	return true;
}

bool
http_query_find(
    struct slice query, const char *name, uint8_t *room, struct slice *value)
{
	struct slice rest = query, found;
	uint8_t *left = room;

	while (http_query_next(&rest, &left, &found, value)) {
		if (slice_is(found, name))
			return true;
		left = room;
	}
	return false;
}

bool
http_cookie_find(struct slice cookies, const char *name, struct slice *value)
{
	struct slice pair;
	size_t end, equals;

	while (cookies.size > 0) {
		end = slice_find(cookies, ';');
		pair = slice_trim(slice_of(cookies.at, end));
		cookies = slice_from(cookies, end < cookies.size ? end + 1 : end);
		equals = slice_find(pair, '=');
		if (equals == pair.size || !slice_is(slice_of(pair.at, equals), name))
			continue;
		*value = slice_from(pair, equals + 1);
		if (value->size >= 2 && value->at[0] == '"' &&
		    value->at[value->size - 1] == '"')
			*value = slice_of(value->at + 1, value->size - 2);
		return true;
	}
	return false;
}
