/* SPDX-License-Identifier: MIT
 *
 * ranges: which lists an address is on.
 *
 * A list is text, one range a line: an address, a network (192.0.2.0/24), or the first
 * and the last address (192.0.2.0-192.0.2.99), IPv4 or IPv6; "#" begins a comment. Ranges
 * may overlap, in a list and between lists. They become disjoint segments in order, found
 * by the first 16 bits of an address and a search among those that share them.
 */
#ifndef BANNERPIPE_TRAFFIC_RANGES_H
#define BANNERPIPE_TRAFFIC_RANGES_H

#include "lib/base/error.h"
#include "lib/traffic/ip.h"

enum { RANGES_LISTS_MAX = 8 };

struct ranges;

/* Of `n` lists; bit i of what is found is list i. NULL with an error that names the list's
 * line: "line 7: '300.0.0.0/8' is no range of addresses", its number in *wrong. Memory:
 * about 60 bytes a line while they are read, 40 afterwards, and 512 KiB. */
struct ranges *ranges_new(
    const struct slice lists[], unsigned n, unsigned *wrong, struct error *error);
void ranges_free(struct ranges *r);

/* The lists that the address is on. Cost: 20-40 ns. */
unsigned ranges_find(const struct ranges *r, const struct ip *address);

#endif
