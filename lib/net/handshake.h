/* SPDX-License-Identifier: MIT
 *
 * handshake: HELO, PING and PONG of the Forward protocol, both sides, without sockets.
 *
 *	server	["HELO", {"nonce", "auth", "keepalive"}]
 *	client	["PING", hostname, salt, H(salt hostname nonce key), user,
 *		 H(auth user password)]
 *	server	["PONG", ok, reason, hostname, H(salt hostname nonce key)]
 *
 * where H is SHA-512 in lower-case hexadecimal. Any text may come as str or as bin. What we
 * send is what all peers read: nonce and auth are bin, since Node's libraries read a str
 * as UTF-8; a salt is ASCII in a str, since Fluent Bit's server takes no bin. Each message
 * is made to be sent by one write below HANDSHAKE_MAX, since Fluent Bit does one read.
 */
#ifndef BANNERPIPE_NET_HANDSHAKE_H
#define BANNERPIPE_NET_HANDSHAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/base/slice.h"
#include "lib/record/build.h"

enum {
	HANDSHAKE_MAX = 1023, /* bytes of one message */
	HANDSHAKE_NONCE = 16,
	HANDSHAKE_TEXT_MAX = 255, /* bytes of a host name, user name or salt taken */
	HANDSHAKE_DIGEST = 128,   /* hexadecimal digits */
	HANDSHAKE_USERS_MAX = 64,
};

struct handshake_user {
	const char *name, *password;
};

/* What one side knows; borrowed. */
struct handshake {
	const char *hostname;   /* its own */
	const char *shared_key; /* "" for none */
	/* A client's one; a server's all, none: no user has to say who it is. */
	struct handshake_user users[HANDSHAKE_USERS_MAX];
	unsigned user_count;
	bool keepalive; /* of a server */
};

/* Random to a conversation. */
struct handshake_secrets {
	uint8_t nonce[HANDSHAKE_NONCE]; /* a server's */
	uint8_t salt[HANDSHAKE_NONCE];  /* a client's, ASCII; a server's `auth` */
};

/* False when the system has no randomness. */
bool handshake_draw(struct handshake_secrets *to);

/* What a client is told by HELO. */
struct handshake_helo {
	uint8_t nonce[HANDSHAKE_TEXT_MAX], auth[HANDSHAKE_TEXT_MAX];
	size_t nonce_size, auth_size;
	bool keepalive;
};

/* The value is one whole msgpack value, of bounded size, that nobody looked into. Readers
 * return false and a constant reason for what is wrong. */
void handshake_build_helo(
    struct build *b, const struct handshake *h, const struct handshake_secrets *s);
bool handshake_read_helo(
    struct slice value, struct handshake_helo *to, const char **reason);
void handshake_build_ping(struct build *b, const struct handshake *h,
    const struct handshake_helo *helo, const struct handshake_secrets *s);
/* Check a client's; the PONG for it, good or bad, is appended. */
bool handshake_check_ping(struct slice value, const struct handshake *h,
    const struct handshake_secrets *s, struct build *pong, const char **reason);
bool handshake_check_pong(struct slice value, const struct handshake *h,
    const struct handshake_helo *helo, const struct handshake_secrets *s,
    const char **reason);

#endif
