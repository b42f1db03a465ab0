/* SPDX-License-Identifier: MIT */
#include "lib/net/handshake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct handshake client = { .hostname = "client",
	.shared_key = "secret",
	.users = { { "alice", "pass" } },
	.user_count = 1 };

static struct handshake
server_like(const char *key, const char *password, unsigned users)
{
	return (struct handshake){ .hostname = "server",
		.shared_key = key,
		.users = { { "bob", "word" }, { "alice", password } },
		.user_count = users,
		.keepalive = true };
}

struct talk {
	uint8_t helo[HANDSHAKE_MAX], ping[HANDSHAKE_MAX], pong[HANDSHAKE_MAX];
	bool server_agrees, client_agrees;
	const char *server_reason, *client_reason;
};

/* A whole conversation; each message fits what Fluent Bit reads at once. */
static struct talk
talk(const struct handshake *c, const struct handshake *s)
{
	struct talk t = { 0 };
	struct handshake_secrets ours, theirs;
	struct handshake_helo helo;
	struct build b;

	assert_true(handshake_draw(&ours) && handshake_draw(&theirs));
	build_init(&b, t.helo, sizeof t.helo);
	handshake_build_helo(&b, s, &theirs);
	assert_false(build_full(&b));
	assert_true(handshake_read_helo(build_slice(&b), &helo, &t.client_reason));
	assert_int_equal(helo.nonce_size, 16);
	/* Node's libraries know no bytes but those of bin, Fluent Bit no salt but in str. */
	assert_non_null(memmem(t.helo, sizeof t.helo, "\xa5nonce\xc4\x10", 8));
	assert_non_null(memmem(t.helo, sizeof t.helo,
	    "\xa4"
	    "auth\xc4",
	    6));
	for (size_t i = 0; i < sizeof ours.salt; i++)
		assert_in_range(ours.salt[i], '+', 'z');
	build_init(&b, t.ping, sizeof t.ping);
	handshake_build_ping(&b, c, &helo, &ours);
	assert_false(build_full(&b));
	struct slice ping = build_slice(&b);
	assert_memory_equal(t.ping + 13, "\xb0", 1);
	assert_memory_equal(t.ping + 14, ours.salt, sizeof ours.salt);
	build_init(&b, t.pong, sizeof t.pong);
	t.server_agrees = handshake_check_ping(ping, s, &theirs, &b, &t.server_reason);
	assert_false(build_full(&b));
	t.client_agrees =
	    handshake_check_pong(build_slice(&b), c, &helo, &ours, &t.client_reason);
	return t;
}

static void
both_sides_agree_when_they_know_the_same(void **state)
{
	struct handshake s = server_like("secret", "pass", 2);
	struct talk t = talk(&client, &s);

	(void)state;
	assert_true(t.server_agrees && t.client_agrees);
	s = server_like("secret", "pass", 0);
	t = talk(&client, &s);
	assert_true(t.server_agrees && t.client_agrees);
}

static void
a_wrong_key_user_or_password_is_refused(void **state)
{
	struct handshake s = server_like("other", "pass", 2);
	struct talk t = talk(&client, &s);

	(void)state;
	assert_false(t.server_agrees || t.client_agrees);
	assert_string_equal(t.server_reason, "shared_key mismatch");
	s = server_like("secret", "wrong", 2);
	t = talk(&client, &s);
	assert_false(t.server_agrees || t.client_agrees);
	assert_string_equal(t.server_reason, "username/password mismatch");
	s = server_like("secret", "pass", 1);
	t = talk(&client, &s);
	assert_false(t.server_agrees);
}

/* A server that does not know the key may say yes; the client sees it. */
static void
a_server_without_the_key_and_one_of_our_own_name_are_noticed(void **state)
{
	struct handshake_secrets ours = { { 1 }, { 2 } };
	struct handshake_helo helo = { .nonce_size = 16 };
	uint8_t bytes[HANDSHAKE_MAX];
	char digest[HANDSHAKE_DIGEST];
	const char *reason;
	struct build b;

	(void)state;
	memset(digest, '0', sizeof digest);
	for (int own = 0; own < 2; own++) {
		build_init(&b, bytes, sizeof bytes);
		build_array(&b, 5);
		build_text(&b, "PONG");
		build_bool(&b, true);
		build_text(&b, "");
		build_text(&b, own ? "client" : "server");
		build_str(&b, slice_of(digest, sizeof digest));
		assert_false(handshake_check_pong(
		    build_slice(&b), &client, &helo, &ours, &reason));
		assert_non_null(strstr(reason, own ? "own host name" : "not know"));
	}
}

/* The digests of the specification's formula, computed by sha512sum. */
static void
the_digest_is_that_of_the_specification(void **state)
{
	static const char key[] =
	    "642514681328c91e8d6ce813ffc3ce1c1a5a7ced37860203ada85507f118a43c"
	    "a56fa3d4b3af5b66c1c6412c7425e269015447961a293c798eef01e3c50c992b";
	static const char user[] =
	    "69bf3cd0d6decab53e0d6042b71e67ffb36983ff47a23991c0f33b74029b46a3"
	    "b25f37f8d1d39fd231f0f2f656fbc05fa1546e04898be98475726dc502dbc421";
	struct handshake_secrets s;
	struct handshake_helo helo = { .nonce = "nnnnnnnnnnnnnnnn",
		.nonce_size = 16,
		.auth = "auth",
		.auth_size = 4 };
	uint8_t bytes[HANDSHAKE_MAX];
	struct build b;

	(void)state;
	memset(&s, 's', sizeof s);
	build_init(&b, bytes, sizeof bytes);
	handshake_build_ping(&b, &client, &helo, &s);
	/* printf ssssssssssssssssclientnnnnnnnnnnnnnnnnsecret | sha512sum */
	assert_non_null(memmem(bytes, build_slice(&b).size, key, 128));
	/* printf authalicepass | sha512sum */
	assert_non_null(memmem(bytes, build_slice(&b).size, user, 128));
}

static void
texts_may_come_as_bin_and_foreign_shapes_are_refused(void **state)
{
	static const char *const bad[] = { "\x07", "\x92\xa4HELO\x07", "\x91\xa4HELO",
		"\x92\xa4HALO\x80", "\x92\xa4HELO\x81\xa5nonce\x07" };
	struct handshake_helo helo;
	uint8_t bytes[64];
	const char *reason;
	struct build b;

	(void)state;
	build_init(&b, bytes, sizeof bytes);
	build_array(&b, 2);
	build_bin(&b, slice_text("HELO"));
	build_map(&b, 1);
	build_text(&b, "nonce");
	build_bin(&b, slice_text("\xff\xfe"));
	assert_true(handshake_read_helo(build_slice(&b), &helo, &reason));
	assert_int_equal(helo.nonce_size, 2);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(handshake_read_helo(slice_text(bad[i]), &helo, &reason));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_sides_agree_when_they_know_the_same),
		cmocka_unit_test(a_wrong_key_user_or_password_is_refused),
		cmocka_unit_test(
		    a_server_without_the_key_and_one_of_our_own_name_are_noticed),
		cmocka_unit_test(the_digest_is_that_of_the_specification),
		cmocka_unit_test(texts_may_come_as_bin_and_foreign_shapes_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
