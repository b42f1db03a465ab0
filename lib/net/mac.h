/* SPDX-License-Identifier: MIT
 *
 * mac: who has the key has said this: HMAC-SHA-256 (RFC 2104, FIPS 198-1), cut to its
 * first 16 bytes as RFC 2104, section 5, allows.
 */
#ifndef BANNERPIPE_NET_MAC_H
#define BANNERPIPE_NET_MAC_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/slice.h"

enum { MAC_SIZE = 16 };

struct mac;

/* The key is copied. NULL when there is no memory. */
struct mac *mac_new(struct slice key);
void mac_free(struct mac *m);
/* The code of several texts, one after the other: the caller sees to it that they cannot
 * be divided in another way. Cost: about 1 us. */
void mac_of(struct mac *m, const struct slice *texts, unsigned n, uint8_t to[MAC_SIZE]);
/* In constant time. */
bool mac_equal(const uint8_t a[MAC_SIZE], const uint8_t b[MAC_SIZE]);

#endif
