/* SPDX-License-Identifier: MIT */
#include "lib/delivery/visitor.h"

#include "lib/option.h"
#include "lib/record/consent.h"

int
visitor_keys_init(struct visitor_keys *k, struct reader *reader, struct hash_key hash,
    const char *users, struct error *error)
{
	struct slice name;

	k->hash = hash;
	k->session_id = reader_key(reader, "session_id");
	k->consent = reader_key(reader, "consent");
	for (k->users = 0; option_next_name(&users, &name);) {
		if (k->users == VISITOR_NAMES_MAX || name.size > RECORD_KEY_SIZE_MAX)
			return error_set(error, "at most %d names of keys are wanted",
			    VISITOR_NAMES_MAX);
		k->user[k->users++] = reader_key_slice(reader, name);
	}
	return k->users > 0 ? 0 : error_set(error, "the name of a key is wanted");
}

static bool
consents(const struct visitor_keys *k, const struct record *r)
{
	struct slice consent;

	return !record_value(r, k->consent, &consent) || consent_is_given(consent);
}

static uint64_t
hash_of(const struct visitor_keys *k, struct slice id)
{
	uint64_t hash = hash_keyed(k->hash, id);

	return hash == 0 ? 1 : hash;
}

uint64_t
visitor_hash(const struct visitor_keys *k, const struct record *r, unsigned i)
{
	struct slice id;

	return record_id(r, k->user[i], &id) && id.size > 0 ? hash_of(k, id) : 0;
}

struct caps_user
visitor_read(const struct visitor_keys *k, const struct record *r)
{
	struct caps_user who = { 0, 0 };
	struct slice id;

	if (!consents(k, r))
		return who;
	for (unsigned i = 0; i < k->users && who.user == 0; i++)
		who.user = visitor_hash(k, r, i);
	if (who.user != 0 && record_id(r, k->session_id, &id) && id.size > 0)
		who.session = hash_of(k, id);
	return who;
}
