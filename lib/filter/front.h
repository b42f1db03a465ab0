/* SPDX-License-Identifier: MIT
 *
 * front: where a filter that is a site can be reached, by whom, and how its links are
 * signed: options, and what is made of them.
 */
#ifndef BANNERPIPE_FILTER_FRONT_H
#define BANNERPIPE_FILTER_FRONT_H

#include "lib/filter.h"
#include "lib/filter/pump.h"

enum {
	FRONT_KEY_LEAST = 16,
	FRONT_KEY_MAX = 4096,
	FRONT_ORIGINS_MAX = 64,
	FRONT_BASE_MAX = 256,
};

struct front {
	const char *listen, *key_file, *base, *origins;
	struct span life, drain;
	uint64_t connections, proxies;
	bool shared;
	int client; /* enum client_told */

	struct address address[HTTP_LISTEN_MAX];
	char names[HTTP_LISTEN_MAX][128];
	char *origin_text; /* owned */
	const char *origin[FRONT_ORIGINS_MAX];
	struct mac *mac; /* owned */
};

/* Options of a filter whose struct `type` has a struct front `f`. */
#define FRONT_OPTIONS(type, f)                                                         \
	OPTION_ASIDE('l', "listen", type, f.listen, "127.0.0.1:8080",                  \
	    "HOST:PORT and unix:PATH, separated by commas", "ADDRESSES"),              \
	    OPTION_ASIDE('k', "key-file", type, f.key_file, NULL,                      \
		"the key that signs links; none: they end with the process", "FILE"),  \
	    OPTION_ASIDE('b', "base-url", type, f.base, "",                            \
		"how clients call this server: https://ads.shop.example", "URL"),      \
	    OPTION_ASIDE('t', "ttl", type, f.life, "24h",                              \
		"how long impressions and clicks count after a decision"),             \
	    OPTION_ASIDE('o', "origins", type, f.origins, NULL,                        \
		"sites that may ask from scripts, separated by commas; '*' all",       \
		"URLS"),                                                               \
	    OPTION_RARE_ASIDE(0, "drain", type, f.drain, "10s",                        \
		"how long open connections may go on at the end"),                     \
	    OPTION_RARE_ASIDE(0, "connections", type, f.connections, "10000",          \
		"at most so many at a time"),                                          \
	    OPTION_RARE_ASIDE(                                                         \
		0, "proxies", type, f.proxies, "0", "so many proxies are before it"),  \
	    OPTION_RARE_CHOICE(0, "client", type, f.client,                            \
		"nothing|agent|network|address",                                       \
		"what records say of who asks, for bp-givt and bp-fraud"),             \
	    OPTION_RARE_ASIDE(0, "shared", type, f.shared, NULL,                       \
		"other processes may listen on the same port")

/* In start: the key, and the links of a site. 0, or -1 after run_usage or run_fail, here
 * and below. */
int front_links(struct front *f, struct run *run, struct links *to);
/* Begin to listen, within the memory. The pump's run, site and tick are set. */
int front_open(
    struct front *f, struct run *run, struct pump *pump, uint64_t memory_bytes);
/* After the pump has stopped. */
void front_close(struct front *f);

#endif
