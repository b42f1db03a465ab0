/* SPDX-License-Identifier: MIT */
#include "lib/login/login.h"

#include <math.h>

#include "lib/base/bytes.h"
#include "lib/option.h"
#include "lib/traffic/ip.h"

int
login_keys_init(struct login_keys *keys, struct reader *reader, struct hash_key hash,
    const char *devices, struct error *error)
{
	struct slice name;

	*keys = (struct login_keys){
		.hash = hash,
		.user_id = reader_key(reader, "user_id"),
		.success = reader_key(reader, "success"),
		.ip = reader_key(reader, "ip"),
		.asn = reader_key(reader, "asn"),
		.asn_kind = reader_key(reader, "asn_kind"),
		.country = reader_key(reader, "country"),
		.latitude = reader_key(reader, "latitude"),
		.longitude = reader_key(reader, "longitude"),
		.accuracy_km = reader_key(reader, "accuracy_km"),
		.user_agent = reader_key(reader, "user_agent"),
		.browser = reader_key(reader, "browser"),
		.os = reader_key(reader, "os"),
		.device = reader_key(reader, "device"),
		.rtt_ms = reader_key(reader, "rtt_ms"),
		.fraud = reader_key(reader, "fraud"),
	};
	while (option_next_name(&devices, &name)) {
		if (keys->device_keys == LOGIN_DEVICE_KEYS_MAX ||
		    name.size > RECORD_KEY_SIZE_MAX)
			return error_set(error, "at most %d keys of at most %d bytes",
			    LOGIN_DEVICE_KEYS_MAX, RECORD_KEY_SIZE_MAX);
		keys->devices[keys->device_keys++] = reader_key_slice(reader, name);
	}
	return 0;
}

/* Of bytes at a level: the same text at two levels is two values. Never 0. */
static uint64_t
value_of(const struct login_keys *k, enum login_level level, struct slice bytes)
{
	uint64_t hash = hash_mix(hash_keyed(k->hash, bytes) + level);

	return hash + (hash == 0);
}

static uint64_t
text_value(const struct login_keys *k, const struct record *r, enum login_level level,
    struct key key)
{
	struct slice text;

	return record_id(r, key, &text) && text.size > 0 ? value_of(k, level, text) : 0;
}

/* The first `bits` of the address. */
static uint64_t
prefix_value(const struct login_keys *k, enum login_level level, const struct ip *ip,
    unsigned bits)
{
	uint8_t bytes[9];

	bytes_store_be64(bytes, (ip->six ? ip->high : ip->low << 32) >> (64 - bits));
	bytes[8] = ip->six;
	return value_of(k, level, slice_of(bytes, sizeof bytes));
}

static void
read_address(const struct login_keys *k, const struct record *r, uint64_t *value)
{
	struct slice text;
	uint8_t bytes[8];
	double rtt;
	struct ip ip;

	if (record_str(r, k->ip, &text) && text.size > 0) {
		if (ip_parse(text, &ip)) {
			value[LOGIN_ADDRESS] =
			    prefix_value(k, LOGIN_ADDRESS, &ip, ip.six ? 64 : 32);
			value[LOGIN_NET] =
			    prefix_value(k, LOGIN_NET, &ip, ip.six ? 48 : 24);
		} else {
			value[LOGIN_ADDRESS] = value_of(k, LOGIN_ADDRESS, text);
		}
	} else if (record_number(r, k->rtt_ms, &rtt) && rtt >= 0 && rtt < 1e6) {
		bytes_store_be64(bytes, (uint64_t)rtt / LOGIN_RTT_MS);
		value[LOGIN_ADDRESS] =
		    value_of(k, LOGIN_ADDRESS, slice_of(bytes, sizeof bytes));
	}
}

static void
read_program(const struct login_keys *k, const struct record *r, uint64_t *value)
{
	uint64_t os = text_value(k, r, LOGIN_SYSTEM, k->os);
	uint64_t device = text_value(k, r, LOGIN_SYSTEM, k->device);

	value[LOGIN_AGENT] = text_value(k, r, LOGIN_AGENT, k->user_agent);
	value[LOGIN_BROWSER] = text_value(k, r, LOGIN_BROWSER, k->browser);
	value[LOGIN_SYSTEM] = os == 0 && device == 0 ? 0 : hash_pair(os, device) | 1;
	for (unsigned i = 0; i < k->device_keys && value[LOGIN_DEVICE] == 0; i++)
		value[LOGIN_DEVICE] = text_value(k, r, LOGIN_DEVICE, k->devices[i]);
}

/* What bp-givt says of the address. */
static enum network_kind
flagged_kind(const struct login_keys *k, const struct record *r)
{
	enum network_kind kind = NETWORK_UNKNOWN;
	struct slice fraud, flags, key, item, word;
	struct value_walk walk;

	if (!record_value(r, k->fraud, &fraud) || value_type(fraud) != VALUE_MAP ||
	    !value_get(fraud, "flags", &flags) || value_type(flags) != VALUE_ARRAY)
		return kind;
	for (value_open(flags, &walk); value_next(&walk, &key, &item);) {
		if (!value_str(item, &word))
			continue;
		if (slice_is(word, "tor"))
			kind = NETWORK_TOR;
		else if (slice_is(word, "vpn") && kind != NETWORK_TOR)
			kind = NETWORK_VPN;
		else if (slice_is(word, "datacentre") && kind == NETWORK_UNKNOWN)
			kind = NETWORK_CLOUD;
	}
	return kind;
}

static enum network_kind
read_kind(
    const struct login_keys *k, const struct networks *networks, const struct record *r)
{
	enum network_kind kind = NETWORK_UNKNOWN, flagged;
	struct slice word;
	int64_t asn;

	if (record_str(r, k->asn_kind, &word))
		kind = network_kind(word);
	if (kind == NETWORK_UNKNOWN && networks != NULL &&
	    record_int(r, k->asn, &asn) && asn >= 0)
		kind = networks_find(networks, (uint64_t)asn);
	flagged = flagged_kind(k, r);
	return flagged == NETWORK_UNKNOWN ? kind : flagged;
}

static void
read_place(const struct login_keys *k, const struct record *r, struct place *to)
{
	double latitude, longitude, within;

	if (!record_number(r, k->latitude, &latitude) ||
	    !record_number(r, k->longitude, &longitude) || !(fabs(latitude) <= 90) ||
	    !(fabs(longitude) <= 180))
		return;
	to->known = 1;
	to->latitude = (int16_t)lrint(latitude * PLACE_UNITS);
	to->longitude = (int16_t)lrint(longitude * PLACE_UNITS);
	to->within_km = PLACE_WITHIN_KM;
	if (record_number(r, k->accuracy_km, &within) && within >= 0)
		to->within_km = (uint16_t)fmin(ceil(within), UINT16_MAX);
}

const char *
login_identify(const struct login_keys *k, const struct record *r, enum kind kind,
    struct login *to)
{
	struct slice id;

	*to = (struct login){ .success = true };
	if (!record_id(r, k->user_id, &id) || id.size == 0)
		return "no user_id";
	to->user = hash_keyed(k->hash, id);
	if (!record_timestamp(r, &to->at))
		return "no timestamp";
	if (kind == KIND_LOGIN && !record_bool(r, k->success, &to->success))
		return "no success, true or false";
	if (record_id(r, KEY_EVENT_ID, &id) && id.size > 0) {
		to->event = hash_keyed(k->hash, id);
		to->event += to->event == 0;
	}
	return NULL;
}

void
login_show(const struct login_keys *k, const struct networks *networks,
    const struct record *r, struct login *to)
{
	read_address(k, r, to->value);
	to->value[LOGIN_ASN] = text_value(k, r, LOGIN_ASN, k->asn);
	to->value[LOGIN_COUNTRY] = text_value(k, r, LOGIN_COUNTRY, k->country);
	read_program(k, r, to->value);
	read_place(k, r, &to->place);
	to->place.network = (uint8_t)read_kind(k, networks, r);
}
