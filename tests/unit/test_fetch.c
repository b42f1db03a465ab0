/* SPDX-License-Identifier: MIT */
#include "lib/http/fetch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/http/http.h"
#include "lib/http/reply.h"

/* --- Answers as bytes ------------------------------------------------------------- */

static uint8_t room[1000];

/* The whole of `text` in pieces of so many bytes; what is left of it. */
static enum reply_status
read_reply(struct reply *r, const char *text, size_t piece, struct slice *left)
{
	enum reply_status status = REPLY_MORE;
	struct slice bytes = slice_text(text);
	size_t used;

	reply_begin(r, room, sizeof room);
	while (status == REPLY_MORE && bytes.size > 0) {
		status = reply_feed(r,
		    slice_of(bytes.at, piece < bytes.size ? piece : bytes.size), &used);
		bytes = slice_from(bytes, used);
	}
	*left = bytes;
	return status;
}

static void
answers_are_read_however_they_are_cut(void **state)
{
	static const struct {
		const char *text, *body, *left;
		unsigned status;
		bool keeps;
	} answers[] = {
		{ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP", "hello",
		    "HTTP", 200, true },
		{ "HTTP/1.1 204 No Content\r\n\r\n", "", "", 204, true },
		{ "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\nH", "",
		    "H", 302, true },
		{ "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: "
		  "1\r\n\r\nx",
		    "x", "", 404, false },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: "
		  "chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\nH",
		    "abcd", "H", 200, true },
		{ "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: "
		  "1\r\n\r\ny",
		    "y", "", 200, true },
	};
	struct slice left;
	struct reply r;

	(void)state;
	for (unsigned i = 0; i < sizeof answers / sizeof *answers; i++)
		for (size_t piece = 1; piece < 100; piece++) {
			assert_int_equal(
			    read_reply(&r, answers[i].text, piece, &left), REPLY_WHOLE);
			assert_int_equal(r.status, answers[i].status);
			assert_true(slice_is(reply_body(&r), answers[i].body));
			assert_true(slice_is(left, answers[i].left));
			assert_int_equal(r.keep_alive, answers[i].keeps);
		}
}

static void
an_answer_may_end_with_its_connection(void **state)
{
	struct slice left;
	struct reply r;

	(void)state;
	assert_int_equal(
	    read_reply(&r, "HTTP/1.0 200 OK\r\n\r\nall", 7, &left), REPLY_MORE);
	assert_int_equal(reply_end(&r), REPLY_WHOLE);
	assert_true(slice_is(reply_body(&r), "all"));
	assert_false(r.keep_alive);

	assert_int_equal(
	    read_reply(&r, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nall", 7, &left),
	    REPLY_MORE);
	assert_int_equal(reply_end(&r), REPLY_FAULT);
	assert_string_equal(r.reason, "its answer was cut off");
	reply_begin(&r, room, sizeof room);
	assert_int_equal(reply_end(&r), REPLY_FAULT);
	assert_string_equal(r.reason, "it closed the connection");
}

static void
what_is_no_answer_or_too_large_is_refused(void **state)
{
	static const char *const wrong[] = {
		"GET / HTTP/1.1\r\n\r\n",
		"HTTP/1.1 abc\r\n\r\n",
		("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "
		 "x\r\n\r\n"),
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
	};
	static char text[REPLY_HEAD_MAX + 100];
	struct slice left;
	struct reply r;

	(void)state;
	for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++)
		for (size_t piece = 1; piece < 50; piece += 7)
			if (read_reply(&r, wrong[i], piece, &left) != REPLY_FAULT)
				fail_msg("it takes %s", wrong[i]);

	(void)snprintf(text, sizeof text,
	    "HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n%*d", 1001, 7);
	assert_int_equal(read_reply(&r, text, 100, &left), REPLY_FAULT);
	assert_string_equal(r.reason, "the answer is too large");
	(void)snprintf(
	    text, sizeof text, "HTTP/1.1 200 OK\r\nX: %0*d\r\n\r\n", REPLY_HEAD_MAX, 7);
	assert_int_equal(read_reply(&r, text, 100, &left), REPLY_FAULT);
	assert_string_equal(r.reason, "the head of its answer is too large");
}

/* --- Addresses -------------------------------------------------------------------- */

static void
servers_are_named_as_people_do(void **state)
{
	static const struct {
		const char *url, *text, *host, *prefix;
	} good[] = {
		{ "http://127.0.0.1:8080", "127.0.0.1:8080", "127.0.0.1:8080", "" },
		{ "127.0.0.1:8080", "127.0.0.1:8080", "127.0.0.1:8080", "" },
		{ "http://127.0.0.1/", "127.0.0.1:80", "127.0.0.1", "" },
		{ "http://[::1]/ads/b/", "[::1]:80", "[::1]", "/ads/b" },
		{ "unix:/run/s/http", "unix:/run/s/http", "localhost", "" },
		{ "http://unix:/run/s", "unix:/run/s", "localhost", "" },
	};
	static const char *const wrong[] = { "https://shop.example", "http://", "",
		"http:///v1", "http://127.0.0.1:66000", "unix:" };
	struct fetch_server s;
	struct error error;

	(void)state;
	for (unsigned i = 0; i < sizeof good / sizeof *good; i++) {
		if (fetch_resolve(&s, good[i].url, &error) != 0)
			fail_msg("%s", error.text);
		assert_string_equal(s.text, good[i].text);
		assert_string_equal(s.host, good[i].host);
		assert_string_equal(s.prefix, good[i].prefix);
	}
	for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++)
		if (fetch_resolve(&s, wrong[i], &error) == 0)
			fail_msg("it takes '%s'", wrong[i]);
}

/* --- Before a server -------------------------------------------------------------- */

enum { ASKED = 2000, LANES = 5 };

static struct {
	struct http *http;
	char path[108], url[128], said[512];
	uint64_t next[LANES]; /* that has to come on that lane */
	unsigned answers, requests;
	unsigned drop; /* each so-many-th request ends its connection */
} world;

static void
handle(void *context, const struct http_request *r, struct http_answer *a)
{
	(void)context;
	world.requests++;
	a->type = "text/plain";
	http_append(a, r->query);
	http_append(a, slice_text("|"));
	http_append(a, r->body);
	a->close = world.drop > 0 && world.requests % world.drop == 0;
}

static void
open_server(void)
{
	struct address address;
	struct error error;
	const struct http_config config = { .os = &os_system,
		.listen = &address,
		.listen_count = 1,
		.handle = handle };

	if (address_resolve(&address, world.url, true, &error) != 0)
		fail_msg("%s", error.text);
	world.http = http_new(&config, &error);
	if (world.http == NULL)
		fail_msg("%s", error.text);
}

static int
set_up(void **state)
{
	(void)state;
	memset(&world, 0, sizeof world);
	(void)snprintf(world.path, sizeof world.path, "/tmp/fetch-%ld", (long)getpid());
	(void)snprintf(world.url, sizeof world.url, "unix:%s", world.path);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	http_free(world.http);
	(void)unlink(world.path);
	return 0;
}

/* Each lane's answers come in their order, and are those of its requests. */
static void
on_answer(void *context, const struct fetch_answer *a)
{
	char text[64];
	unsigned lane = (unsigned)(a->tag % LANES);

	(void)context;
	world.answers++;
	assert_int_equal(a->tag / LANES, world.next[lane]++);
	assert_int_equal(a->status, 200);
	(void)snprintf(
	    text, sizeof text, "n=%u|%s", (unsigned)a->tag, a->kind == 1 ? "body" : "");
	assert_true(slice_is(a->body, text));
	assert_true(a->took_us >= 0);
}

static void
on_say(void *context, const char *text)
{
	(void)context;
	(void)snprintf(world.said, sizeof world.said, "%s", text);
}

static struct fetch *
open_client(struct fetch_server *server, int64_t timeout_ms)
{
	struct error error;
	const struct fetch_config config = { .os = &os_system,
		.server = server,
		.lanes = LANES,
		.waiting = 64,
		.timeout_ms = timeout_ms,
		.answer = on_answer,
		.say = on_say };
	struct fetch *f;

	if (fetch_resolve(server, world.url, &error) != 0)
		fail_msg("%s", error.text);
	f = fetch_new(&config, &error);
	assert_non_null(f);
	return f;
}

static bool
ask(struct fetch *f, unsigned i)
{
	char target[64];
	struct fetch_request r = { .lane = i % LANES, .tag = i, .kind = i % 2 };

	(void)snprintf(target, sizeof target,
	    i % 3 == 0 ? "/v1/x?n=%u" : "http://shop.example/v1/x?n=%u", i);
	r.target = slice_text(target);
	r.type = i % 2 == 1 ? "text/plain" : NULL;
	r.body = slice_text(i % 2 == 1 ? "body" : "not sent");
	return fetch_send(f, &r);
}

/* Ask for all, as far as there is room, until all is answered. */
static void
converse(struct fetch *f)
{
	struct error error;
	unsigned asked = 0;

	while (world.answers < ASKED) {
		while (asked < ASKED && fetch_room(f) > 0) {
			assert_true(ask(f, asked));
			asked++;
		}
		assert_true(asked == ASKED || !ask(f, asked));
		if (fetch_step(f, &error) != 0)
			fail_msg("%s", error.text);
		if (world.http != NULL)
			http_wait(world.http, 1);
		else
			open_server();
	}
	assert_int_equal(fetch_waiting(f), 0);
	assert_int_equal(fetch_counts(f)->answered, ASKED);
}

static void
all_is_answered_in_the_order_of_its_lane(void **state)
{
	struct fetch_server server;
	struct fetch *f;

	(void)state;
	open_server();
	f = open_client(&server, 60000);
	converse(f);
	assert_int_equal(fetch_counts(f)->connections, LANES);
	assert_int_equal(world.requests, ASKED);
	assert_string_equal(world.said, "");
	fetch_free(f);
}

static void
connections_that_the_server_closes_are_made_again(void **state)
{
	struct fetch_server server;
	struct fetch *f;

	(void)state;
	world.drop = 7;
	open_server();
	f = open_client(&server, 60000);
	converse(f);
	assert_true(fetch_counts(f)->connections >= ASKED / 7);
	assert_true(world.requests >= ASKED);
	fetch_free(f);
}

static void
a_server_that_comes_late_is_waited_for(void **state)
{
	struct fetch_server server;
	struct fetch *f;

	(void)state;
	f = open_client(&server, 60000);
	converse(f);
	assert_non_null(strstr(world.said, "trying again"));
	fetch_free(f);
}

static void
one_that_never_comes_is_the_end(void **state)
{
	struct fetch_server server;
	struct error error;
	struct fetch *f;

	(void)state;
	f = open_client(&server, 100);
	assert_true(ask(f, 0));
	while (fetch_step(f, &error) == 0)
		fetch_wait(f, 10);
	assert_non_null(strstr(error.text, "does the server run"));
	fetch_free(f);
}

/* It takes connections and says nothing. */
static void
one_that_is_silent_is_the_end(void **state)
{
	struct fetch_server server;
	struct error error;
	struct fetch *f;

	(void)state;
	open_server();
	f = open_client(&server, 100);
	assert_true(ask(f, 0));
	while (fetch_step(f, &error) == 0)
		fetch_wait(f, 10);
	assert_non_null(strstr(error.text, "no answer"));
	assert_true(fetch_counts(f)->again > 0);
	fetch_free(f);
}

static void
what_would_break_a_request_is_not_sent(void **state)
{
	static const char *const wrong[] = { "", "x", "/a b", "/\r\nX: y", "http:/x",
		"http://shop.example", "/\x80" };
	struct fetch_server server;
	struct fetch *f;

	(void)state;
	f = open_client(&server, 60000);
	for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_false(fetch_send(
		    f, &(struct fetch_request){ .target = slice_text(wrong[i]) }));
	assert_int_equal(fetch_waiting(f), 0);
	fetch_free(f);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_read_however_they_are_cut),
		cmocka_unit_test(an_answer_may_end_with_its_connection),
		cmocka_unit_test(what_is_no_answer_or_too_large_is_refused),
		cmocka_unit_test(servers_are_named_as_people_do),
		CASE(all_is_answered_in_the_order_of_its_lane),
		CASE(connections_that_the_server_closes_are_made_again),
		CASE(a_server_that_comes_late_is_waited_for),
		CASE(one_that_never_comes_is_the_end),
		CASE(one_that_is_silent_is_the_end),
		CASE(what_would_break_a_request_is_not_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
