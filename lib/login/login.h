/* SPDX-License-Identifier: MIT
 *
 * login: one attempt to log in, as numbers.
 *
 * What it shows is read as values of levels, each a keyed hash (0: not known), from fine to
 * coarse: of the network that it came through, and of the program that it came with. What
 * stands in no chain is the device.
 */
#ifndef BANNERPIPE_LOGIN_LOGIN_H
#define BANNERPIPE_LOGIN_LOGIN_H

#include "lib/base/error.h"
#include "lib/hash.h"
#include "lib/login/networks.h"
#include "lib/record/kind.h"

enum login_level {
	LOGIN_ADDRESS, /* IPv4, or the /64 of an IPv6; without ip the round trip time */
	LOGIN_NET,     /* its /24, or /48 */
	LOGIN_ASN,
	LOGIN_COUNTRY,
	LOGIN_AGENT, /* user_agent */
	LOGIN_BROWSER,
	LOGIN_SYSTEM, /* os and device */
	LOGIN_DEVICE, /* the first of the keys that tell one */
	LOGIN_LEVELS
};

enum { LOGIN_RTT_MS = 5 }; /* round trip times are told apart by so much */

/* Where somebody is, to half a kilometre, and how sure that is. */
struct place {
	int16_t latitude, longitude; /* in PLACE_UNITS a degree */
	uint16_t within_km;
	uint8_t known;   /* 0: the rest is not */
	uint8_t network; /* enum network_kind of the way that he came */
};

#define PLACE_UNITS 182.0

struct login {
	uint64_t event; /* hash of its event_id; 0: it has none */
	uint64_t user;
	instant at;
	uint64_t value[LOGIN_LEVELS];
	struct place place;
	bool success;
};

/* Places that do not say how sure they are. */
enum { PLACE_WITHIN_KM = 50, LOGIN_DEVICE_KEYS_MAX = 4 };

struct login_keys {
	struct hash_key hash;
	struct key user_id, success, ip, asn, asn_kind, country, latitude, longitude;
	struct key accuracy_km, user_agent, browser, os, device, rtt_ms, fraud;
	struct key devices[LOGIN_DEVICE_KEYS_MAX]; /* that tell a device */
	unsigned device_keys;
};

/* devices: names, separated by commas, of which the first that is there tells the device. 0,
 * or -1 and error. */
int login_keys_init(struct login_keys *keys, struct reader *reader,
    struct hash_key hash, const char *devices, struct error *error);

/* Of a record of that kind, login or sign_up, who it is, and when: all but what it shows, so
 * that what is known of him can be asked for while that is read. NULL, or a constant text,
 * what is wrong with it. */
const char *login_identify(const struct login_keys *keys, const struct record *r,
    enum kind kind, struct login *to);
/* And what it shows; networks (may be NULL) are asked where it does not say itself what kind
 * its network is. Cost: 150 ns. */
void login_show(const struct login_keys *keys, const struct networks *networks,
    const struct record *r, struct login *to);

#endif
