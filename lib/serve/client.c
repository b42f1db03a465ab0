/* SPDX-License-Identifier: MIT */
#include "lib/serve/client.h"

#include <arpa/inet.h>

#include "lib/base/bytes.h"
#include "lib/record/value.h"
#include "lib/text/utf8.h"
#include "lib/traffic/invalid.h"

struct client
client_of(const struct http_request *r, enum client_told told)
{
	struct slice purpose = r->header[HEADER_SEC_PURPOSE];

	return (struct client){ .told = told,
		.agent = r->header[HEADER_USER_AGENT],
		.purpose = purpose.at != NULL ? purpose : r->header[HEADER_PURPOSE],
		.address = r->client };
}

bool
client_is_ahead(const struct client *c)
{
	return c->purpose.at != NULL && invalid_is_ahead(c->purpose);
}

/* As far as it is a text. */
static void
build_cut(struct build *to, const char *name, struct slice text, size_t most)
{
	text.size = text.size < most ? text.size : most;
	text.size = text.at != NULL ? utf8_valid(text) : 0;
	build_text(to, name);
	build_str(to, text);
}

/* False: it is none. */
static bool
build_address(struct build *to, struct slice text, bool whole)
{
	char name[INET6_ADDRSTRLEN];
	uint8_t bytes[16] = { 0 };
	struct ip ip;

	if (!ip_parse(text, &ip))
		return false;
	if (ip.six) {
		bytes_store_be64(bytes, whole ? ip.high : ip.high & ~UINT64_C(0xffff));
		bytes_store_be64(bytes + 8, whole ? ip.low : 0);
	} else {
		bytes_store_be32(
		    bytes, (uint32_t)(whole ? ip.low : ip.low & ~UINT64_C(0xff)));
	}
	if (inet_ntop(ip.six ? AF_INET6 : AF_INET, bytes, name, sizeof name) == NULL)
		return false;
	build_text(to, "ip");
	build_text(to, name);
	return true;
}

unsigned
client_pairs(const struct client *c, bool consents, struct slice said, struct build *to)
{
	unsigned pairs = 0;

	if (said.at != NULL && (consents || c->told >= CLIENT_AGENT)) {
		build_text(to, "user_agent");
		build_raw(to, said);
		pairs++;
	} else if (c->told >= CLIENT_AGENT) {
		build_cut(to, "user_agent", c->agent, CLIENT_AGENT_MAX);
		pairs++;
	}
	if (c->purpose.at != NULL) {
		build_cut(to, "sec_purpose", c->purpose, CLIENT_PURPOSE_MAX);
		pairs++;
	}
	if (c->told >= CLIENT_NETWORK)
		pairs += build_address(
		    to, c->address, consents && c->told == CLIENT_ADDRESS);
	return pairs;
}
