/* SPDX-License-Identifier: MIT */
#include "lib/outcome/event.h"

#include <math.h>

#include "lib/option.h"

static int
read_names(struct key keys[EVENT_NAMES_MAX], unsigned *count, struct reader *reader,
    const char *option, const char *text, struct error *error)
{
	struct slice name;

	*count = 0;
	while (option_next_name(&text, &name)) {
		if (*count == EVENT_NAMES_MAX || name.size > RECORD_KEY_SIZE_MAX)
			return error_set(error, "--%s takes at most %d names", option,
			    EVENT_NAMES_MAX);
		keys[(*count)++] = reader_key_slice(reader, name);
	}
	return *count > 0
	    ? 0
	    : error_set(
		  error, "--%s wants names of keys, as user_id,anonymous_id", option);
}

int
event_keys_init(struct event_keys *k, struct reader *reader, struct hash_key hash,
    const char *users, const char *joint, const char *item, struct error *error)
{
	if (read_names(k->user, &k->users, reader, "user", users, error) != 0 ||
	    read_names(k->joint, &k->joints, reader, "key", joint, error) != 0)
		return -1;
	k->decision_id = reader_key(reader, "decision_id");
	k->request_id = reader_key(reader, "request_id");
	k->transaction_id = reader_key(reader, "transaction_id");
	k->viewable = reader_key(reader, "viewable");
	k->value = reader_key(reader, "value_micros");
	k->items = reader_key(reader, "items");
	k->item_id = reader_key(reader, "item_id");
	k->by_item = item != NULL;
	k->item = reader_key(reader, k->by_item ? item : "item_id");
	k->hash = hash;
	return 0;
}

static uint64_t
hash_id(const struct event_keys *k, struct slice id)
{
	uint64_t h = hash_keyed(k->hash, id);

	return h != 0 ? h : 1;
}

uint64_t
event_id(const struct event_keys *k, const struct record *r, struct key key)
{
	struct slice id;

	return record_id(r, key, &id) ? hash_id(k, id) : 0;
}

static uint64_t
read_user(const struct event_keys *k, const struct record *r)
{
	uint64_t user = 0;

	for (unsigned i = 0; user == 0 && i < k->users; i++)
		user = event_id(k, r, k->user[i]);
	return user;
}

/* The user and the values of the joint keys; 0 when it has none of those. */
static uint64_t
read_joint(const struct event_keys *k, const struct record *r, uint64_t user)
{
	uint64_t key = user, any = 0;

	for (unsigned i = 0; i < k->joints; i++) {
		uint64_t value = event_id(k, r, k->joint[i]);

		any |= value;
		key = hash_pair(key, value);
	}
	return any == 0 ? 0 : key;
}

static void
read_items(const struct event_keys *k, const struct record *r, struct outcome_event *e)
{
	struct slice list, key, item, id;
	struct value_walk walk;

	if (record_id(r, k->item_id, &id))
		e->item_of[e->items++] = hash_id(k, id);
	if (!record_value(r, k->items, &list))
		return;
	for (value_open(list, &walk); value_next(&walk, &key, &item);) {
		if (e->items == EVENT_ITEMS_MAX)
			return;
		if (value_type(item) == VALUE_MAP && value_get(item, "item_id", &id) &&
		    (value_text(id, &id) || value_type(id) == VALUE_INT))
			e->item_of[e->items++] = hash_id(k, id);
	}
}

static void
read_shown(const struct event_keys *k, const struct record *r, enum kind kind,
    struct outcome_event *e)
{
	bool viewable;

	e->request = event_id(k, r, k->request_id);
	e->decision = event_id(k, r, k->decision_id);
	if (e->decision == 0 || kind != KIND_CLICK)
		e->key = read_joint(k, r, e->user);
	e->impression = kind == KIND_IMPRESSION;
	e->unseen = record_bool(r, k->viewable, &viewable) && !viewable;
	if (k->by_item)
		e->item = event_id(k, r, k->item);
}

bool
event_read(const struct event_keys *k, const struct record *r, enum kind kind,
    struct outcome_event *e)
{
	*e = (struct outcome_event){ .record = r };
	if (!record_timestamp(r, &e->at) || !record_weight(r, &e->weight) ||
	    fabs(e->weight) > EVENT_WEIGHT_MAX)
		return false;
	e->id = event_id(k, r, KEY_EVENT_ID);
	e->user = read_user(k, r);
	if (kind >= KIND_REQUEST && kind <= KIND_CLICK) {
		read_shown(k, r, kind, e);
		return true;
	}
	e->transaction = event_id(k, r, k->transaction_id);
	e->priced = record_int(r, k->value, &e->value);
	if (e->value > EVENT_VALUE_MAX || e->value < -EVENT_VALUE_MAX)
		return false;
	if (k->by_item)
		read_items(k, r, e);
	return true;
}
