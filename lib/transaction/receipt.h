/* SPDX-License-Identifier: MIT
 *
 * receipt: what records say of purchases, of who signs up, and of labels.
 */
#ifndef BANNERPIPE_TRANSACTION_RECEIPT_H
#define BANNERPIPE_TRANSACTION_RECEIPT_H

#include "lib/hash.h"
#include "lib/record/judgement.h"
#include "lib/transaction/book.h"

enum { RECEIPT_USERS_MAX = 4 };

/* Which keys are read. */
struct receipt_keys {
	struct key user[RECEIPT_USERS_MAX], terminal[TRAITS_TERMINALS_MAX],
	    velocity[TRAITS_KEYS_MAX];
	struct slice terminal_name[TRAITS_TERMINALS_MAX], /* borrowed from the texts */
	    velocity_name[TRAITS_KEYS_MAX];
	unsigned users, terminals, velocities;
	struct key transaction_id, value, reason;
	struct judgement_keys judgement;
	struct hash_key hash;
};

/* Names of keys with commas between them; NULL: none. -1 and error when they are too
 * many. */
int receipt_keys_init(struct receipt_keys *k, struct reader *reader,
    struct hash_key hash, const char *users, const char *terminals,
    const char *velocities, struct error *error);

/* The hash of an id as record_id has it, never 0. */
uint64_t receipt_hash(const struct receipt_keys *k, struct slice id);
/* Whose record it is: 0 when it does not say. */
uint64_t receipt_customer(const struct receipt_keys *k, const struct record *r);
/* The hash of its transaction_id; 0: none. */
uint64_t receipt_transaction(const struct receipt_keys *k, const struct record *r);
/* NULL, or a constant text, what is wrong with it. Borrows from the record. */
const char *receipt_purchase(
    const struct receipt_keys *k, const struct record *r, struct purchase *to);
/* Whether a refund says that it is because of fraud. */
bool receipt_is_fraud(const struct receipt_keys *k, const struct record *r);

#endif
