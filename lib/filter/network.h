/* SPDX-License-Identifier: MIT
 *
 * network: what filters that talk to sockets read in start: addresses, secrets and
 * certificates. All of it before the sandbox. Failures are wrong use, and said.
 */
#ifndef BANNERPIPE_FILTER_NETWORK_H
#define BANNERPIPE_FILTER_NETWORK_H

#include "lib/filter.h"
#include "lib/net/address.h"
#include "lib/net/handshake.h"
#include "lib/net/tls.h"

/* Who we are and what we know, as options give it; NULL or "" for none. */
struct network_options {
	const char *hostname, *key_file, *users_file;
	const char *certificate, *key, *authority;
};

/* Owns what a handshake and connections borrow. */
struct network {
	char own_name[256];
	uint8_t *secret, *users;
	struct tls_context *tls; /* NULL: none */
};

/* `suffix` is added to the host's own name. Each 0 or -1 after run_usage. */
int network_handshake(struct run *run, struct network *n,
    const struct network_options *o, const char *suffix, struct handshake *to);
int network_tls(
    struct run *run, struct network *n, const struct network_options *o, bool server);
void network_free(struct network *n);

/* Addresses separated by commas, to listen on. `names` holds their texts. */
int network_listen(struct run *run, const char *list, struct address *to,
    char (*names)[128], unsigned max, unsigned *count);

#endif
