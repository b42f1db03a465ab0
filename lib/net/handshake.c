/* SPDX-License-Identifier: MIT */
#include "lib/net/handshake.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/record/record.h"

enum { ELEMENTS_MAX = 6, DIGEST_BYTES = 64 };

bool
handshake_draw(struct handshake_secrets *to)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	if (RAND_bytes((uint8_t *)to, sizeof *to) != 1)
		return false;
	for (size_t i = 0; i < sizeof to->salt; i++)
		to->salt[i] = (uint8_t)digits[to->salt[i] & 63];
	return true;
}

/* H of the texts end to end. */
static void
digest(const struct slice *texts, unsigned n, char to[HANDSHAKE_DIGEST])
{
	static const char digits[] = "0123456789abcdef";
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	uint8_t bytes[DIGEST_BYTES];
	unsigned size = 0;
	int good;

	good = context != NULL && EVP_DigestInit_ex(context, EVP_sha512(), NULL) == 1;
	for (unsigned i = 0; good && i < n; i++)
		good = EVP_DigestUpdate(context, texts[i].at, texts[i].size);
	good = good && EVP_DigestFinal_ex(context, bytes, &size) == 1;
	assert(good && size == DIGEST_BYTES);
	EVP_MD_CTX_free(context);
	for (unsigned i = 0; i < DIGEST_BYTES; i++) {
		to[2 * i] = digits[bytes[i] >> 4];
		to[2 * i + 1] = digits[bytes[i] & 15];
	}
}

static void
key_digest(struct slice salt, struct slice hostname, struct slice nonce,
    const char *shared_key, char to[HANDSHAKE_DIGEST])
{
	const struct slice texts[] = { salt, hostname, nonce, slice_text(shared_key) };

	digest(texts, 4, to);
}

static void
user_digest(
    struct slice auth, const struct handshake_user *user, char to[HANDSHAKE_DIGEST])
{
	const struct slice texts[] = { auth, slice_text(user->name),
		slice_text(user->password) };

	digest(texts, 3, to);
}

/* In constant time. */
static bool
same_digest(struct slice got, const char wanted[HANDSHAKE_DIGEST])
{
	return got.size == HANDSHAKE_DIGEST &&
	    CRYPTO_memcmp(got.at, wanted, HANDSHAKE_DIGEST) == 0;
}

/* The elements of a message of this name, which has exactly n. */
static bool
open_message(
    struct slice value, const char *name, unsigned n, struct slice to[ELEMENTS_MAX])
{
	struct slice rest, text;
	struct fault fault;
	struct value_walk walk;
	size_t size;

	if (value.size == 0 || value_type(value) != VALUE_ARRAY ||
	    value_count(value) != n)
		return false;
	value_open(value, &walk);
	rest = slice_of(walk.at, (size_t)(value.at + value.size - walk.at));
	for (unsigned i = 0; i < n; i++) {
		if (rest.size == 0 || record_extent(rest, &size, &fault) != SCAN_RECORD)
			return false;
		to[i] = slice_of(rest.at, size);
		rest = slice_from(rest, size);
	}
	return value_text(to[0], &text) && slice_is(text, name);
}

static bool
bounded_text(struct slice value, struct slice *to)
{
	return value_text(value, to) && to->size <= HANDSHAKE_TEXT_MAX;
}

/* --- HELO ----------------------------------------------------------------------- */

void
handshake_build_helo(
    struct build *b, const struct handshake *h, const struct handshake_secrets *s)
{
	build_array(b, 2);
	build_text(b, "HELO");
	build_map(b, 3);
	build_text(b, "nonce");
	build_bin(b, slice_of(s->nonce, sizeof s->nonce));
	build_text(b, "auth");
	build_bin(b, slice_of(s->salt, h->user_count > 0 ? sizeof s->salt : 0));
	build_text(b, "keepalive");
	build_bool(b, h->keepalive);
}

static bool
helo_option(struct slice key, struct slice item, struct handshake_helo *to)
{
	struct slice name, text;

	if (!value_text(key, &name))
		return true;
	if (slice_is(name, "keepalive"))
		return value_bool(item, &to->keepalive);
	if (!slice_is(name, "nonce") && !slice_is(name, "auth"))
		return true;
	if (!bounded_text(item, &text))
		return false;
	if (slice_is(name, "nonce")) {
		memcpy(to->nonce, text.at, text.size);
		to->nonce_size = text.size;
	} else {
		memcpy(to->auth, text.at, text.size);
		to->auth_size = text.size;
	}
	return true;
}

bool
handshake_read_helo(struct slice value, struct handshake_helo *to, const char **reason)
{
	struct slice element[ELEMENTS_MAX], rest, pair[2];
	struct value_walk walk;
	struct fault fault;
	size_t size;

	*to = (struct handshake_helo){ .keepalive = true };
	*reason = "no HELO";
	if (!open_message(value, "HELO", 2, element) ||
	    value_type(element[1]) != VALUE_MAP)
		return false;
	value_open(element[1], &walk);
	rest = slice_of(walk.at, (size_t)(element[1].at + element[1].size - walk.at));
	for (uint32_t i = 0; i < walk.left; i++) {
		for (unsigned k = 0; k < 2; k++) {
			if (rest.size == 0 ||
			    record_extent(rest, &size, &fault) != SCAN_RECORD)
				return false;
			pair[k] = slice_of(rest.at, size);
			rest = slice_from(rest, size);
		}
		if (!helo_option(pair[0], pair[1], to))
			return false;
	}
	return true;
}

/* --- PING ----------------------------------------------------------------------- */

void
handshake_build_ping(struct build *b, const struct handshake *h,
    const struct handshake_helo *helo, const struct handshake_secrets *s)
{
	static const struct handshake_user nobody = { "", "" };
	const struct handshake_user *user = h->user_count > 0 ? &h->users[0] : &nobody;
	struct slice salt = slice_of(s->salt, sizeof s->salt);
	char hex[HANDSHAKE_DIGEST];

	build_array(b, 6);
	build_text(b, "PING");
	build_text(b, h->hostname);
	build_str(b, salt);
	key_digest(salt, slice_text(h->hostname),
	    slice_of(helo->nonce, helo->nonce_size), h->shared_key, hex);
	build_str(b, slice_of(hex, sizeof hex));
	build_text(b, user->name);
	/* Fluentd's server sends an `auth` always, and wants its digest then. */
	user_digest(slice_of(helo->auth, helo->auth_size), user, hex);
	build_str(b, slice_of(hex, helo->auth_size > 0 ? sizeof hex : 0));
}

static bool
check_user(const struct handshake *h, const struct handshake_secrets *s,
    struct slice name, struct slice got)
{
	char wanted[HANDSHAKE_DIGEST];
	bool good = h->user_count == 0;

	for (unsigned i = 0; i < h->user_count; i++) {
		user_digest(slice_of(s->salt, sizeof s->salt), &h->users[i], wanted);
		if (slice_is(name, h->users[i].name) && same_digest(got, wanted))
			good = true;
	}
	return good;
}

static const char *
judge_ping(const struct handshake *h, const struct handshake_secrets *s,
    const struct slice text[ELEMENTS_MAX])
{
	char wanted[HANDSHAKE_DIGEST];

	key_digest(text[2], text[1], slice_of(s->nonce, sizeof s->nonce), h->shared_key,
	    wanted);
	if (!same_digest(text[3], wanted))
		return "shared_key mismatch";
	if (!check_user(h, s, text[4], text[5]))
		return "username/password mismatch";
	return NULL;
}

bool
handshake_check_ping(struct slice value, const struct handshake *h,
    const struct handshake_secrets *s, struct build *pong, const char **reason)
{
	struct slice element[ELEMENTS_MAX], text[ELEMENTS_MAX];
	char hex[HANDSHAKE_DIGEST];

	*reason = open_message(value, "PING", 6, element) ? NULL : "no PING";
	for (unsigned i = 0; i < 6 && *reason == NULL; i++)
		if (!bounded_text(element[i], &text[i]))
			*reason = "a PING with other than bounded texts";
	if (*reason == NULL)
		*reason = judge_ping(h, s, text);
	build_array(pong, 5);
	build_text(pong, "PONG");
	build_bool(pong, *reason == NULL);
	build_text(pong, *reason == NULL ? "" : *reason);
	if (*reason != NULL) {
		build_text(pong, "");
		build_text(pong, "");
		return false;
	}
	key_digest(text[2], slice_text(h->hostname),
	    slice_of(s->nonce, sizeof s->nonce), h->shared_key, hex);
	build_text(pong, h->hostname);
	build_str(pong, slice_of(hex, sizeof hex));
	return true;
}

/* --- PONG ----------------------------------------------------------------------- */

bool
handshake_check_pong(struct slice value, const struct handshake *h,
    const struct handshake_helo *helo, const struct handshake_secrets *s,
    const char **reason)
{
	struct slice element[ELEMENTS_MAX], hostname, got;
	char wanted[HANDSHAKE_DIGEST];
	bool good;

	*reason = "no PONG";
	if (!open_message(value, "PONG", 5, element) ||
	    !value_bool(element[1], &good) || !bounded_text(element[3], &hostname) ||
	    !bounded_text(element[4], &got))
		return false;
	*reason = "the server does not know our shared key, or our user";
	if (!good)
		return false;
	*reason = "the server has our own host name";
	if (slice_is(hostname, h->hostname))
		return false;
	*reason = "the server does not know the shared key";
	key_digest(slice_of(s->salt, sizeof s->salt), hostname,
	    slice_of(helo->nonce, helo->nonce_size), h->shared_key, wanted);
	return same_digest(got, wanted);
}
