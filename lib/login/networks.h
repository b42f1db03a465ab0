/* SPDX-License-Identifier: MIT
 *
 * networks: what kind of network an autonomous system is.
 *
 * A list is text, a network a line: its number and its kind, "64500 mobile" or "AS64501
 * vpn"; "#" begins a comment. Kinds: isp, mobile, vpn, tor, cloud.
 */
#ifndef BANNERPIPE_LOGIN_NETWORKS_H
#define BANNERPIPE_LOGIN_NETWORKS_H

#include "lib/base/error.h"
#include "lib/base/slice.h"

enum network_kind {
	NETWORK_UNKNOWN,
	NETWORK_ISP,
	/* Of these it is not known where who comes through them is. */
	NETWORK_MOBILE,
	NETWORK_VPN,
	NETWORK_TOR,
	NETWORK_CLOUD,
	NETWORK_KINDS
};

enum network_kind network_kind(struct slice word); /* NETWORK_UNKNOWN for others */
static inline bool
network_hides(enum network_kind kind)
{
	return kind >= NETWORK_MOBILE;
}

struct networks;

/* NULL and an error that names the line: of what is no such line, and of a network that
 * has another kind already. Memory: 8 bytes a line. Owned by the caller. */
struct networks *networks_new(struct slice list, struct error *error);
void networks_free(struct networks *n);
/* Cost: 20 ns. */
enum network_kind networks_find(const struct networks *n, uint64_t asn);
size_t networks_count(const struct networks *n);

#endif
