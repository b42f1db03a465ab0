/* SPDX-License-Identifier: MIT
 *
 * address: what people write where a socket is wanted, "HOST:PORT", "[::1]:24224",
 * ":24224", "HOST" (port 24224) or "unix:PATH", and what it resolves to.
 */
#ifndef BANNERPIPE_NET_ADDRESS_H
#define BANNERPIPE_NET_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "lib/base/error.h"

enum { ADDRESS_RESOLVED_MAX = 8, ADDRESS_PORT = 24224 };

struct address {
	const char *text; /* as written, borrowed */
	char host[256];   /* "" for any */
	bool local;       /* a unix socket: resolved[0] is its path */
	unsigned n;
	struct sockaddr_storage resolved[ADDRESS_RESOLVED_MAX];
};

/* Read and resolve; may wait for the name service, so before the sandbox. `passive`: to
 * listen on. -1 with error. */
int address_resolve(
    struct address *a, const char *text, bool passive, struct error *error);

/* "127.0.0.1:5170" or "unix:PATH" of an address that a socket has; terminated. */
void address_format(const struct sockaddr *address, char to[128]);

#endif
