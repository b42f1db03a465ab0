/* SPDX-License-Identifier: MIT
 *
 * invalid: general invalid traffic, as the Media Rating Council's Invalid Traffic
 * Detection and Filtration Standards (2020) have it: what lists and simple checks of one
 * hit find, without a look at others.
 */
#ifndef BANNERPIPE_TRAFFIC_INVALID_H
#define BANNERPIPE_TRAFFIC_INVALID_H

#include "lib/traffic/agents.h"
#include "lib/traffic/ranges.h"

/* X(symbol, code) */
#define INVALID_LIST(X)                                                                \
	X(ROBOT, "robot")             /* the agent is of a known robot */              \
	X(NO_AGENT, "no_agent")       /* it is empty, or "-" */                        \
	X(NOT_BROWSER, "not_browser") /* it is none of a browser */                    \
	X(DATACENTRE, "datacentre")   /* the address is of rented machines */          \
	X(VPN, "vpn")                 /* of a private network of many */               \
	X(TOR, "tor")                 /* of an exit of Tor */                          \
	X(PREFETCH, "prefetch")       /* fetched before anybody asked for it */        \
	X(PLACEMENT, "placement")     /* nobody can see it: 0x0 or 1x1 */

enum invalid {
#define INVALID_SYMBOL(symbol, code) INVALID_##symbol,
	INVALID_LIST(INVALID_SYMBOL)
#undef INVALID_SYMBOL
	    INVALID_COUNT
};

const char *invalid_code(enum invalid reason);
/* The reasons of a list of codes, separated by commas, as bits; false when one is none. */
bool invalid_parse(const char *codes, unsigned *to);

enum { INVALID_VERSIONS_MAX = 256 };

/* What lists are for. */
enum invalid_list {
	LIST_ROBOTS,
	LIST_BROWSERS,
	LIST_DATACENTRES,
	LIST_VPNS,
	LIST_TOR,
	INVALID_LISTS
};

/* Lists, compiled. */
struct invalid_lists {
	struct agents *robots, *browsers;
	struct ranges *ranges;               /* bit i: list LIST_DATACENTRES + i */
	char versions[INVALID_VERSIONS_MAX]; /* "robots 1.60.0, datacentres 5f3a09c1" */
};

const char *invalid_list_name(enum invalid_list list);

/* Of texts, absent ones empty. The version of a list is what its first line says, "#
 * version: 1.60.0", or else a hash of it. NULL with an error that names list and line. */
struct invalid_lists *invalid_lists_new(
    const struct slice texts[INVALID_LISTS], struct hash_key key, struct error *error);
void invalid_lists_free(struct invalid_lists *l);

/* What is known of a hit. */
struct hit {
	bool has_agent, has_address, has_size;
	struct slice agent;
	struct ip address;
	struct slice purpose; /* the request's Sec-Purpose or Purpose; absent: none */
	int64_t width, height;
};

/* Whether the header says that nobody has asked for it yet: Sec-Purpose:
 * prefetch;prerender; older ones say Purpose: prefetch, or preview. */
bool invalid_is_ahead(struct slice purpose);

/* Its reasons, as bits. Cost: 50-400 ns. */
unsigned invalid_reasons(struct invalid_lists *l, const struct hit *hit);

#endif
