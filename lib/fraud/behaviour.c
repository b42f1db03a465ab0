/* SPDX-License-Identifier: MIT */
#include "lib/fraud/behaviour.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

#include "lib/hash.h"
#include "lib/traffic/ip.h"

int
behaviour_keys_init(struct behaviour_keys *k, struct reader *reader,
    struct hash_key hash, const char *users, struct error *error)
{
	static const char *const names[BEHAVIOUR_KEYS] = { "ip", "device", "os",
		"creative_id", "asn", "user_agent", "decision_id", "fraud" };

	for (unsigned i = 0; i < BEHAVIOUR_KEYS; i++) {
		k->key[i] = reader_key(reader, names[i]);
		k->hash[i] = (struct hash_key){ hash.k0, hash_mix(hash.k1 + i + 1) };
	}
	return visitor_keys_init(&k->visitor, reader, hash, users, error);
}

uint64_t
behaviour_hash(const struct behaviour_keys *k, struct slice id)
{
	return hash_keyed(k->visitor.hash, id);
}

/* 0 is of nothing. */
static uint64_t
hash_of(const struct behaviour_keys *k, enum behaviour_key key, struct slice value)
{
	uint64_t hash = hash_keyed(k->hash[key], value);

	return hash == 0 ? 1 : hash;
}

static uint64_t
hash_value(
    const struct behaviour_keys *k, const struct record *r, enum behaviour_key key)
{
	struct slice value;

	return record_id(r, k->key[key], &value) && value.size > 0
	    ? hash_of(k, key, value)
	    : 0;
}

static uint64_t
hash_address(const struct behaviour_keys *k, const struct record *r)
{
	struct slice text;
	char four[sizeof "255.255.255.255"];
	struct ip ip;

	if (!record_str(r, k->key[BEHAVIOUR_ADDRESS], &text) ||
	    slice_find(text, ':') == text.size || !ip_parse(text, &ip))
		return hash_value(k, r, BEHAVIOUR_ADDRESS);
	if (ip.six)
		return hash_of(
		    k, BEHAVIOUR_ADDRESS, slice_of(&ip.high, sizeof ip.high));
	/* Mapped into IPv6. */
	(void)snprintf(four, sizeof four, "%u.%u.%u.%u", (unsigned)(ip.low >> 24),
	    (unsigned)(ip.low >> 16 & 255), (unsigned)(ip.low >> 8 & 255),
	    (unsigned)(ip.low & 255));
	return hash_of(k, BEHAVIOUR_ADDRESS, slice_text(four));
}

static void
set_field(struct lattice_point *p, enum lattice_field field, uint64_t hash)
{
	p->hash[field] = hash;
	p->present |= (unsigned)(hash != 0) << field;
}

static double
mark_of(const struct behaviour_keys *k, const struct record *r)
{
	struct slice mark, score;
	double value;

	return record_value(r, k->key[BEHAVIOUR_MARK], &mark) &&
		value_type(mark) == VALUE_MAP && value_get(mark, "score", &score) &&
		value_number(score, &value) && isfinite(value)
	    ? fmax(-FLT_MAX, fmin(value, FLT_MAX))
	    : NAN;
}

bool
behaviour_read(
    const struct behaviour_keys *k, const struct record *r, struct fraud_event *to)
{
	uint64_t user = 0;
	struct slice id, agent;

	*to = (struct fraud_event){ .marked = mark_of(k, r) };
	for (unsigned i = 0; i < k->visitor.users && to->alias == 0; i++) {
		uint64_t *who = user == 0 ? &user : &to->alias;

		*who = visitor_hash(&k->visitor, r, i);
	}
	set_field(&to->point, LATTICE_USER, user);
	set_field(&to->point, LATTICE_ADDRESS, hash_address(k, r));
	set_field(&to->point, LATTICE_DEVICE, hash_value(k, r, BEHAVIOUR_DEVICE));
	set_field(&to->point, LATTICE_SYSTEM, hash_value(k, r, BEHAVIOUR_SYSTEM));
	set_field(&to->point, LATTICE_BANNER, hash_value(k, r, BEHAVIOUR_BANNER));
	if (k->wants_network)
		to->network = hash_value(k, r, BEHAVIOUR_NETWORK);
	/* No key of a table. */
	if (record_str(r, k->key[BEHAVIOUR_AGENT], &agent) && agent.size > 0)
		to->agent = hash_bytes(agent, k->hash[BEHAVIOUR_AGENT].k1) | 1;
	to->decision = hash_value(k, r, BEHAVIOUR_DECISION);
	if (record_id(r, KEY_EVENT_ID, &id) && id.size > 0) {
		to->event = behaviour_hash(k, id);
		(void)record_value(r, KEY_EVENT_ID, &to->id);
	}
	return record_timestamp(r, &to->when);
}
