/* SPDX-License-Identifier: MIT
 *
 * visitor: who a record is about, as far as he may be counted.
 *
 * Somebody who has not consented is nobody: `consent.personalization` is there and is not
 * true. Where a record says nothing of consent, it is taken to have been asked before.
 */
#ifndef BANNERPIPE_DELIVERY_VISITOR_H
#define BANNERPIPE_DELIVERY_VISITOR_H

#include "lib/delivery/caps.h"
#include "lib/hash.h"
#include "lib/record/record.h"

enum { VISITOR_NAMES_MAX = 8 };

struct visitor_keys {
	struct key user[VISITOR_NAMES_MAX];
	unsigned users;
	struct key session_id, consent;
	struct hash_key hash;
};

/* users: names separated by commas, the first that a record has counts. Before the
 * reader's first scan. -1 and error when there are none or too many. */
int visitor_keys_init(struct visitor_keys *k, struct reader *reader,
    struct hash_key hash, const char *users, struct error *error);

/* Who the i-th key says it is, whether he may be counted or not; 0: nobody. */
uint64_t visitor_hash(const struct visitor_keys *k, const struct record *r, unsigned i);
/* user is 0 for nobody. */
struct caps_user visitor_read(const struct visitor_keys *k, const struct record *r);

#endif
