/* SPDX-License-Identifier: MIT
 *
 * peers: how many connections there are of each address.
 */
#ifndef BANNERPIPE_HTTP_PEERS_H
#define BANNERPIPE_HTTP_PEERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "lib/hash.h"

struct peers_cell {
	uint64_t key;
	uint32_t count; /* 0: the cell is free */
};

struct peers {
	struct peers_cell *cell;
	uint32_t mask;
	struct hash_key secret;
};

/* For so many connections at most. `seed` is a secret, or a peer could choose addresses
 * that meet in one cell. False when there is no memory. */
bool peers_init(struct peers *p, unsigned connections, uint64_t seed);
void peers_fini(struct peers *p);

/* What counts as one peer: an IPv4 address, an IPv6 network of 64 bits. */
uint64_t peers_key(const struct sockaddr *address);

uint32_t peers_count(const struct peers *p, uint64_t key);
void peers_add(struct peers *p, uint64_t key);
void peers_remove(struct peers *p, uint64_t key);

#endif
