/* SPDX-License-Identifier: MIT */
#include "lib/transaction/receipt.h"

#include <string.h>

#include "lib/option.h"
#include "lib/record/feature_key.h"

/* |value_micros| beyond this is no amount of money: sums up to it are exact. */
static const int64_t value_most = INT64_C(1) << 53;

static int
read_names(struct reader *reader, const char *option, const char *names,
    struct key *key, struct slice *name, unsigned most, unsigned *n,
    struct error *error)
{
	struct slice one;

	for (*n = 0; names != NULL && option_next_name(&names, &one); ++*n) {
		if (*n == most)
			return error_set(error, "%s: more than %u keys", option, most);
		if (one.size > RECORD_KEY_SIZE_MAX)
			return error_set(error, "%s: a key of more than %d bytes",
			    option, RECORD_KEY_SIZE_MAX);
		key[*n] = reader_key_slice(reader, one);
		if (name != NULL)
			name[*n] = one;
	}
	return 0;
}

int
receipt_keys_init(struct receipt_keys *k, struct reader *reader, struct hash_key hash,
    const char *users, const char *terminals, const char *velocities,
    struct error *error)
{
	*k = (struct receipt_keys){ .hash = hash,
		.transaction_id = reader_key(reader, "transaction_id"),
		.value = reader_key(reader, "value_micros"),
		.reason = reader_key(reader, "reason"),
		.judgement = judgement_keys(reader) };
	if (read_names(reader, "--user", users, k->user, NULL, RECEIPT_USERS_MAX,
		&k->users, error) != 0 ||
	    read_names(reader, "--terminal", terminals, k->terminal, k->terminal_name,
		TRAITS_TERMINALS_MAX, &k->terminals, error) != 0 ||
	    read_names(reader, "--velocity", velocities, k->velocity, k->velocity_name,
		TRAITS_KEYS_MAX, &k->velocities, error) != 0)
		return -1;
	return k->users > 0 ? 0 : error_set(error, "--user: no key");
}

/* 0 means none. */
uint64_t
receipt_hash(const struct receipt_keys *k, struct slice id)
{
	uint64_t hash = hash_keyed(k->hash, id);

	return hash == 0 ? 1 : hash;
}

static uint64_t
hash_of(const struct receipt_keys *k, const struct record *r, struct key key)
{
	struct slice value;

	return record_id(r, key, &value) && value.size > 0 ? receipt_hash(k, value) : 0;
}

uint64_t
receipt_customer(const struct receipt_keys *k, const struct record *r)
{
	uint64_t hash = 0;

	for (unsigned i = 0; i < k->users && hash == 0; i++)
		hash = hash_of(k, r, k->user[i]);
	return hash;
}

uint64_t
receipt_transaction(const struct receipt_keys *k, const struct record *r)
{
	return hash_of(k, r, k->transaction_id);
}

const char *
receipt_purchase(
    const struct receipt_keys *k, const struct record *r, struct purchase *to)
{
	if (!record_timestamp(r, &to->when))
		return "purchase without timestamp";
	if (!record_weight(r, &to->weight) || to->weight > FEATURES_VALUE_MAX ||
	    to->weight < -FEATURES_VALUE_MAX)
		return "weight is no number up to a million";
	to->id[LEDGER_EVENT] = hash_of(k, r, KEY_EVENT_ID);
	if (to->id[LEDGER_EVENT] == 0 ||
	    !record_value(r, KEY_EVENT_ID, &to->event_id) ||
	    to->event_id.size > UINT16_MAX)
		to->event_id = slice_of(NULL, 0);
	to->id[LEDGER_TRANSACTION] = receipt_transaction(k, r);
	if (to->weight <= 0)
		return NULL;
	to->customer = receipt_customer(k, r);
	if (to->customer == 0)
		return "purchase of no customer (--user)";
	if (!record_int(r, k->value, &to->value_micros) ||
	    to->value_micros > value_most || to->value_micros < -value_most)
		return "purchase without value_micros, or one beyond 2^53";
	for (unsigned i = 0; i < k->terminals; i++)
		to->terminal[i] = hash_of(k, r, k->terminal[i]);
	for (unsigned i = 0; i < k->velocities; i++)
		to->key[i] = hash_of(k, r, k->velocity[i]);
	return NULL;
}

bool
receipt_is_fraud(const struct receipt_keys *k, const struct record *r)
{
	struct slice reason;

	if (!record_str(r, k->reason, &reason))
		return false;
	for (; reason.size >= 5; reason = slice_from(reason, 1))
		if (memcmp(reason.at, "fraud", 5) == 0)
			return true;
	return false;
}
