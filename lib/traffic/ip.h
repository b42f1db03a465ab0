/* SPDX-License-Identifier: MIT
 *
 * ip: addresses of the Internet as texts and as numbers.
 */
#ifndef BANNERPIPE_TRAFFIC_IP_H
#define BANNERPIPE_TRAFFIC_IP_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/slice.h"

struct ip {
	bool six;           /* IPv6; else the address is low's lower 32 bits */
	uint64_t high, low; /* the most significant 64 bits, the others */
};

/* The whole text: 192.0.2.1, each number at most 255 and without leading zeros (inet_pton's
 * reading of RFC 6943), or an IPv6 address (RFC 4291, section 2.2) without a zone. An IPv4
 * address that is mapped into IPv6, ::ffff:192.0.2.1, is that IPv4 address. Cost: 10-30
 * ns. */
bool ip_parse(struct slice text, struct ip *to);

static inline unsigned
ip_bits(const struct ip *a)
{
	return a->six ? 128 : 32;
}

#endif
