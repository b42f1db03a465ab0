/* SPDX-License-Identifier: MIT
 *
 * client: what records say of who asked over HTTP, for those who look for robots
 * (bp-givt, bp-fraud):
 *
 *	sec_purpose  that it was fetched before anybody wanted it: always
 *	user_agent   the program that asked; "" when it does not say
 *	ip           the address, of who does not consent its network only: an IPv4 address
 *	             ends with 8 bits of 0, an IPv6 address with 80
 */
#ifndef BANNERPIPE_SERVE_CLIENT_H
#define BANNERPIPE_SERVE_CLIENT_H

#include "lib/http/request.h"
#include "lib/record/build.h"

enum { CLIENT_AGENT_MAX = 512, CLIENT_PURPOSE_MAX = 64 }; /* bytes; more is cut off */

/* Each has those before it, too. The network is all of the address that is told of anybody. */
enum client_told { CLIENT_NOTHING, CLIENT_AGENT, CLIENT_NETWORK, CLIENT_ADDRESS };

/* Borrowed from the request; absent: it is not said. */
struct client {
	enum client_told told;
	struct slice agent, purpose, address;
};

struct client client_of(const struct http_request *r, enum client_told told);
/* It was fetched, and will be seen or followed later, if at all. */
bool client_is_ahead(const struct client *c);

/* Append the pairs; how many. `said`: the agent that the body names, msgpack (absent: none),
 * as a shop's server asks for its visitors: it goes before, and of who consents it is
 * always told. */
unsigned client_pairs(
    const struct client *c, bool consents, struct slice said, struct build *to);

#endif
