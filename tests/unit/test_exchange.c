/* SPDX-License-Identifier: MIT */
#include "lib/http/exchange.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "seed.h"

#define HOST "Host: shop.example\r\n"
#define GET "GET / HTTP/1.1\r\n" HOST "\r\n"

/* 1994-11-06 08:49:37 */
static int64_t clock_us = INT64_C(784111777) * 1000000;

static int64_t
tell(const struct os *os)
{
	(void)os;
	return clock_us;
}

static const struct os os = { .wall_us = tell, .monotonic_us = tell };

/* What the last handler saw, and what it shall answer. */
static struct {
	unsigned calls;
	enum http_method method;
	char path[256], query[256], client[64], agent[256];
	size_t body_size;
	uint64_t body_hash;
	void (*more)(const struct http_request *r, struct http_answer *a);
} seen;

static void
copy(char *to, size_t room, struct slice s)
{
	assert_true(s.size < room);
	if (s.size > 0)
		memcpy(to, s.at, s.size);
	to[s.size] = '\0';
}

static void
handle(void *context, const struct http_request *r, struct http_answer *a)
{
	(void)context;
	seen.calls++;
	seen.method = r->method;
	if (r->path.size < sizeof seen.path)
		copy(seen.path, sizeof seen.path, r->path);
	if (r->query.size < sizeof seen.query)
		copy(seen.query, sizeof seen.query, r->query);
	copy(seen.client, sizeof seen.client, r->client);
	if (r->header[HEADER_USER_AGENT].size < sizeof seen.agent)
		copy(seen.agent, sizeof seen.agent, r->header[HEADER_USER_AGENT]);
	seen.body_size = r->body.size;
	seen.body_hash = hash_bytes(r->body, 0);
	a->type = "text/plain";
	http_append(a, r->path);
	if (seen.more != NULL)
		seen.more(r, a);
}

static char answers[1 << 20];

/* Feed in pieces of so many bytes; answers, terminated. Returns whether the connection
 * goes on. */
static bool
converse(
    const struct http_config *with, const char *peer, struct slice bytes, size_t piece)
{
	struct http_config config = with != NULL ? *with : (struct http_config){ 0 };
	struct exchange x = { .peer = peer };
	struct exchange_input in;
	struct service s;
	struct error error;
	uint8_t *block = malloc(bytes.size + 1);
	size_t size = 0, at = 0, n, answered = 0;
	bool more;

	config.os = &os;
	config.handle = handle;
	seen.calls = 0;
	assert_non_null(block);
	assert_int_equal(service_init(&s, &config, &error), 0);
	while (at < bytes.size && !x.last) {
		n = piece < bytes.size - at ? piece : bytes.size - at;
		memcpy(block + size, bytes.at + at, n);
		at += n;
		in = (struct exchange_input){ block, size + n };
		do {
			more = exchange_feed(&x, &s, &in);
			assert_true(answered + s.out_size < sizeof answers);
			memcpy(answers + answered, s.out, s.out_size);
			answered += s.out_size;
			s.out_size = 0;
		} while (more);
		memmove(block, in.at, in.size);
		size = in.size;
	}
	answers[answered] = '\0';
	service_fini(&s);
	free(block);
	return !x.last;
}

static bool
ask(const char *text)
{
	return converse(NULL, "192.0.2.1", slice_text(text), SIZE_MAX);
}

/* The status of the first answer. */
static int
status(void)
{
	return strncmp(answers, "HTTP/1.1 ", 9) == 0 ? atoi(answers + 9) : 0;
}

static unsigned
count(const char *what)
{
	unsigned n = 0;

	for (const char *at = answers; (at = strstr(at, what)) != NULL; at++)
		n++;
	return n;
}

/* --- Good requests ----------------------------------------------------------------- */

static void
an_answer_has_a_status_a_date_a_type_and_a_length(void **state)
{
	(void)state;
	assert_true(
	    ask("GET /a%20b?x=1&y HTTP/1.1\r\n" HOST "User-Agent:  me \r\n\r\n"));
	assert_string_equal(answers,
	    "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
	    "Content-Type: text/plain\r\nContent-Length: 6\r\n\r\n/a%20b");
	assert_string_equal(seen.path, "/a%20b");
	assert_string_equal(seen.query, "x=1&y");
	assert_string_equal(seen.agent, "me");
	assert_string_equal(seen.client, "192.0.2.1");
	assert_int_equal(seen.body_size, 0);
}

static void
pipelined_requests_are_answered_in_their_order(void **state)
{
	(void)state;
	assert_true(ask("GET /1 HTTP/1.1\r\n" HOST "\r\n"
			"POST /2 HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc"
			"\r\nGET /3 HTTP/1.1\r\n" HOST "\r\n"));
	assert_int_equal(seen.calls, 3);
	assert_int_equal(count("HTTP/1.1 200 OK"), 3);
	assert_true(strstr(answers, "/1HTTP/") < strstr(answers, "/2HTTP/"));
	assert_string_equal(answers + strlen(answers) - 6, "\r\n\r\n/3");
}

static void
head_gets_the_length_and_no_body(void **state)
{
	(void)state;
	assert_true(ask("HEAD /abc HTTP/1.1\r\n" HOST "\r\n"));
	assert_non_null(strstr(answers, "Content-Length: 4\r\n"));
	assert_string_equal(answers + strlen(answers) - 4, "\r\n\r\n");
}

static void
a_connection_goes_on_as_version_and_header_say(void **state)
{
	(void)state;
	assert_true(ask(GET));
	assert_null(strstr(answers, "Connection:"));
	assert_false(ask("GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n" GET));
	assert_int_equal(seen.calls, 1);
	assert_non_null(strstr(answers, "Connection: close\r\n"));
	assert_false(ask("GET / HTTP/1.0\r\n\r\n"));
	assert_non_null(strstr(answers, "Connection: close\r\n"));
	assert_true(ask("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"));
	assert_non_null(strstr(answers, "Connection: keep-alive\r\n"));
}

static void
chunks_are_joined(void **state)
{
	(void)state;
	assert_true(ask("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: Chunked\r\n\r\n"
			"3\r\nabc\r\n00a\r\n0123456789\r\n0\r\n\r\n" GET));
	assert_int_equal(seen.calls, 2);
	assert_true(ask("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
			"3\r\nabc\r\n00A\r\n0123456789\r\n0\r\n\r\n"));
	assert_int_equal(seen.body_size, 13);
	assert_int_equal(seen.body_hash, hash_bytes(slice_text("abc0123456789"), 0));
}

static void
who_expects_100_is_told_before_the_body(void **state)
{
	static const char head[] = "POST / HTTP/1.1\r\n" HOST
				   "Expect: 100-Continue\r\nContent-Length: 3\r\n\r\n";

	(void)state;
	assert_true(ask(head));
	assert_string_equal(answers, "HTTP/1.1 100 Continue\r\n\r\n");
	assert_true(ask("POST / HTTP/1.1\r\n" HOST
			"Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc" GET));
	assert_int_equal(count("100 Continue"), 1);
	assert_int_equal(count("200 OK"), 2);
	/* There is no body to wait for; or it is refused. */
	assert_true(ask("GET / HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n\r\n"));
	assert_int_equal(status(), 200);
	assert_false(ask("POST / HTTP/1.1\r\n" HOST
			 "Expect: 100-continue\r\nContent-Length: 65537\r\n\r\n"));
	assert_int_equal(status(), 413);
	assert_false(
	    ask("POST / HTTP/1.1\r\n" HOST "Expect: tea\r\nContent-Length: 1\r\n\r\n"));
	assert_int_equal(status(), 417);
}

static void
an_upgrade_is_passed_over(void **state)
{
	(void)state;
	assert_true(
	    ask("GET / HTTP/1.1\r\n" HOST "Connection: Upgrade, HTTP2-Settings\r\n"
		"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n" GET));
	assert_int_equal(count("200 OK"), 2);
}

/* --- Bad ones ---------------------------------------------------------------------- */

#define POST_WITH(headers) "POST / HTTP/1.1\r\n" HOST headers "\r\n"
#define CHUNKS(text) POST_WITH("Transfer-Encoding: chunked\r\n") text

/* A second request comes behind each: it must not be answered. */
static const struct {
	int status;
	const char *text;
} confusing[] = {
	/* lengths */
	{ 400, POST_WITH("Content-Length: 4\r\nContent-Length: 4\r\n") "abcd" },
	{ 400, POST_WITH("Content-Length: 4\r\nContent-Length: 0\r\n") "abcd" },
	{ 400, POST_WITH("Content-Length: 4, 4\r\n") "abcd" },
	{ 400, POST_WITH("Content-Length: +4\r\n") "abcd" },
	{ 400, POST_WITH("Content-Length: -4\r\n") "abcd" },
	{ 400, POST_WITH("Content-Length: 0x4\r\n") "abcd" },
	{ 400, POST_WITH("Content-Length: 4 4\r\n") "abcd" },
	{ 400, POST_WITH("Content-Length: \r\n") "abcd" },
	{ 400, POST_WITH("Content-Length: 4;\r\n") "abcd" },
	{ 400, POST_WITH("Content-Length: 18446744073709551620\r\n") "abcd" },
	{ 400, POST_WITH("Content-Length : 4\r\n") "abcd" },
	{ 400, POST_WITH("Content-Length\t: 4\r\n") "abcd" },
	{ 400, POST_WITH(" Content-Length: 4\r\n") "abcd" },
	{ 400, POST_WITH("Content_Length\v: 4\r\n") "abcd" },
	{ 400,
	    POST_WITH("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n") "0\r\n\r"
									     "\n" },
	{ 400,
	    POST_WITH("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n") "0\r\n\r"
									     "\n" },
	/* codings */
	{ 400, POST_WITH("Transfer-Encoding: gzip, chunked\r\n") "0\r\n\r\n" },
	{ 400, POST_WITH("Transfer-Encoding: chunked, gzip\r\n") "0\r\n\r\n" },
	{ 400, POST_WITH("Transfer-Encoding: chunked, chunked\r\n") "0\r\n\r\n" },
	{ 400, POST_WITH("Transfer-Encoding: identity\r\n") "0\r\n\r\n" },
	{ 400, POST_WITH("Transfer-Encoding: xchunked\r\n") "0\r\n\r\n" },
	{ 400, POST_WITH("Transfer-Encoding: \"chunked\"\r\n") "0\r\n\r\n" },
	{ 400, POST_WITH("Transfer-Encoding: chunked;a=b\r\n") "0\r\n\r\n" },
	{ 400, POST_WITH("Transfer-Encoding: \r\n") "0\r\n\r\n" },
	{ 400, POST_WITH("Transfer-Encoding:\r\n chunked\r\n") "0\r\n\r\n" },
	{ 400,
	    POST_WITH("Transfer-Encoding: chunked\r\n"
		      "Transfer-Encoding: identity\r\n") "0\r\n\r\n" },
	{ 400, POST_WITH("Transfer-Encoding : chunked\r\n") "0\r\n\r\n" },
	{ 400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" },
	/* chunks */
	{ 400, CHUNKS("1;a=b\r\nx\r\n0\r\n\r\n") },
	{ 400, CHUNKS("1;\r\nx\r\n0\r\n\r\n") },
	{ 400, CHUNKS("1 \r\nx\r\n0\r\n\r\n") },
	{ 400, CHUNKS(" 1\r\nx\r\n0\r\n\r\n") },
	{ 400, CHUNKS("0x1\r\nx\r\n0\r\n\r\n") },
	{ 400, CHUNKS("+1\r\nx\r\n0\r\n\r\n") },
	{ 400, CHUNKS("\r\nx\r\n0\r\n\r\n") },
	{ 400, CHUNKS("1\nx\r\n0\r\n\r\n") },
	{ 400, CHUNKS("1\rXx\r\n0\r\n\r\n") },
	{ 400, CHUNKS("1\r\nxy\r\n0\r\n\r\n") },
	{ 400, CHUNKS("1\r\nx\n0\r\n\r\n") },
	{ 400, CHUNKS("1\r\nx0\r\n\r\n") },
	{ 400, CHUNKS("000000001\r\nx\r\n0\r\n\r\n") },
	{ 400, CHUNKS("0\r\nTrailer: a\r\n\r\n") },
	{ 400, CHUNKS("0\r\n\n") },
	{ 400, CHUNKS("0\r\n\rX") },
	{ 413, CHUNKS("ffffffff\r\nx\r\n0\r\n\r\n") },
	{ 400, CHUNKS("10000000000000001\r\nx\r\n0\r\n\r\n") },
	/* lines */
	{ 400, "GET / HTTP/1.1\nHost: a\n\n" },
	{ 400, "GET / HTTP/1.1\r\nHost: a\nB: c\r\n\r\n" },
	{ 400, "GET / HTTP/1.1\r\nHost: a\rB: c\r\n\r\n" },
	{ 400, "GET / HTTP/1.1\r\nHost: a\r\n\rX: y\r\n\r\n" },
	{ 400, "GET / HTTP/1.1\r\nHost: a\r\n\n" },
	{ 400, "GET / HTTP/1.1\r\nHost: a\r\nB: c\r\n d\r\n\r\n" },
	{ 400, "GET / HTTP/1.1\r\nHost: a\r\nB: c\r\n\td\r\n\r\n" },
	{ 400, "GET / HTTP/1.1\r\n Host: a\r\n\r\n" },
	{ 400, "\r\n\r\n" GET },
	{ 400, "\n" GET },
	{ 400, " " GET },
	/* names and values */
	{ 400, "GET / HTTP/1.1\r\n" HOST "A B: c\r\n\r\n" },
	{ 400, "GET / HTTP/1.1\r\n" HOST "A : c\r\n\r\n" },
	{ 400, "GET / HTTP/1.1\r\n" HOST ": c\r\n\r\n" },
	{ 400, "GET / HTTP/1.1\r\n" HOST "A\r\n\r\n" },
	{ 400, "GET / HTTP/1.1\r\n" HOST "A(b): c\r\n\r\n" },
	{ 400, "GET / HTTP/1.1\r\n" HOST "\xc3\xa4: c\r\n\r\n" },
	{ 400, "GET / HTTP/1.1\r\n" HOST "A: b\x01\r\n\r\n" },
	{ 400, "GET / HTTP/1.1\r\n" HOST "A: b\x7f\r\n\r\n" },
	{ 400, "GET / HTTP/1.1\r\n\r\n" },
	{ 400, "GET / HTTP/1.1\r\n" HOST HOST "\r\n" },
	{ 400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n" },
	{ 400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n" },
	{ 400, "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n" },
	/* request lines */
	{ 400, "GET http://shop.example/ HTTP/1.1\r\n" HOST "\r\n" },
	{ 400, "GET shop.example HTTP/1.1\r\n" HOST "\r\n" },
	{ 400, "GET * HTTP/1.1\r\n" HOST "\r\n" },
	{ 400, "GET /a#b HTTP/1.1\r\n" HOST "\r\n" },
	{ 400, "GET /a b HTTP/1.1\r\n" HOST "\r\n" },
	{ 400, "GET /\xc3\xa4 HTTP/1.1\r\n" HOST "\r\n" },
	{ 400, "GET /\t HTTP/1.1\r\n" HOST "\r\n" },
	{ 400, "GET  / HTTP/1.1\r\n" HOST "\r\n" },
	{ 505, "GET / HTTP/1.1 \r\n" HOST "\r\n" },
	{ 400, "GET /\r\n" HOST "\r\n" },
	{ 400, "GET / RTSP/1.0\r\n" HOST "\r\n" },
	{ 400, "SOURCE / ICE/1.0\r\n" HOST "\r\n" },
	{ 400, "get / HTTP/1.1\r\n" HOST "\r\n" },
	{ 400, "BREW / HTTP/1.1\r\n" HOST "\r\n" },
	{ 405, "PUT / HTTP/1.1\r\n" HOST "\r\n" },
	{ 405, "CONNECT a:443 HTTP/1.1\r\n" HOST "\r\n" },
	{ 405, "TRACE / HTTP/1.1\r\n" HOST "\r\n" },
	{ 505, "GET / HTTP/2.0\r\n" HOST "\r\n" },
	{ 505, "GET / HTTP/1.2\r\n" HOST "\r\n" },
	{ 505, "GET / HTTP/3.1\r\n" HOST "\r\n" },
	{ 400, "\x16\x03\x01\x02\x00\x01" },
};

static void
what_proxies_could_read_otherwise_is_refused(void **state)
{
	static char text[4096];

	(void)state;
	for (size_t i = 0; i < sizeof confusing / sizeof *confusing; i++) {
		(void)snprintf(text, sizeof text, "%s" GET, confusing[i].text);
		for (size_t piece = 1; piece < 2000; piece += 1 + piece * 7) {
			bool on = converse(NULL, NULL, slice_text(text), piece);

			if (on || status() != confusing[i].status || seen.calls != 0 ||
			    count("HTTP/1.1 ") != 1 || count("Connection: close") != 1)
				fail_msg("case %zu in pieces of %zu:\n%s\n--\n%s", i,
				    piece, text, answers);
		}
	}
}

static void
a_zero_byte_is_refused_wherever_it_is_in_a_head(void **state)
{
	char text[] = "GET /a HTTP/1.1\r\nHost: a\r\nB: c\r\n\r\n";
	size_t size = sizeof text - 1;

	(void)state;
	for (size_t i = 0; i < size; i++) {
		char was = text[i];

		text[i] = '\0';
		assert_false(converse(NULL, NULL, slice_of(text, size), SIZE_MAX));
		assert_int_equal(status(), 400);
		assert_int_equal(seen.calls, 0);
		text[i] = was;
	}
}

/* --- Limits ------------------------------------------------------------------------ */

static struct slice
head_of(size_t size, char *to)
{
	static const char begin[] = "GET / HTTP/1.1\r\n" HOST "A: ";
	size_t n = sizeof begin - 1;

	memcpy(to, begin, n);
	memset(to + n, 'x', size - n - 4);
	memcpy(to + size - 4, "\r\n\r\n", 4);
	return slice_of(to, size);
}

static void
a_head_has_at_most_8192_bytes(void **state)
{
	static char text[PARSER_HEAD_MAX + 100];

	(void)state;
	for (size_t piece = 1; piece < 20000; piece = piece * 3 + 1) {
		assert_true(
		    converse(NULL, NULL, head_of(PARSER_HEAD_MAX, text), piece));
		assert_int_equal(status(), 200);
		assert_false(
		    converse(NULL, NULL, head_of(PARSER_HEAD_MAX + 1, text), piece));
		assert_int_equal(status(), 431);
	}
	/* Without an end it is refused as soon. */
	assert_false(converse(NULL, NULL,
	    slice_of(head_of(PARSER_HEAD_MAX + 50, text).at, PARSER_HEAD_MAX), 100));
	assert_int_equal(status(), 431);
}

static void
a_head_has_at_most_64_headers(void **state)
{
	char text[2048];

	(void)state;
	for (unsigned n = 63; n <= 64; n++) {
		size_t size =
		    (size_t)snprintf(text, sizeof text, "GET / HTTP/1.1\r\n" HOST);

		for (unsigned i = 0; i < n; i++)
			size += (size_t)snprintf(
			    text + size, sizeof text - size, "A%u: b\r\n", i);
		(void)snprintf(text + size, sizeof text - size, "\r\n");
		assert_int_equal(ask(text), n == 63);
		assert_int_equal(status(), n == 63 ? 200 : 431);
	}
}

static void
a_body_has_at_most_65536_bytes(void **state)
{
	enum { MAX = 65536 };
	static char text[MAX + 1000];
	int n;

	(void)state;
	for (int more = 0; more <= 1; more++) {
		n = snprintf(text, sizeof text,
		    "POST / HTTP/1.1\r\n" HOST "Content-Length: %d\r\n\r\n",
		    MAX + more);
		memset(text + n, 'y', MAX);
		assert_int_equal(
		    converse(NULL, NULL, slice_of(text, (size_t)n + MAX), 1000), !more);
		assert_int_equal(status(), more ? 413 : 200);
		n = snprintf(
		    text, sizeof text, CHUNKS("%x\r\nz\r\n%x\r\n"), 1, MAX - 1 + more);
		memset(text + n, 'y', MAX - 1);
		memcpy(text + n + MAX - 1, "\r\n0\r\n\r\n", 7);
		assert_int_equal(
		    converse(NULL, NULL, slice_of(text, (size_t)n + MAX - 1 + 7), 1000),
		    !more);
		assert_int_equal(status(), more ? 413 : 200);
		if (!more)
			assert_int_equal(seen.body_size, MAX);
	}
}

static void
behind_a_proxy_chunks_are_refused(void **state)
{
	const struct http_config config = { .proxies = 1 };

	(void)state;
	assert_false(
	    converse(&config, "::1", slice_text(CHUNKS("0\r\n\r\n")), SIZE_MAX));
	assert_int_equal(status(), 411);
}

/* --- Who asks ---------------------------------------------------------------------- */

static void
a_forwarded_address_counts_as_far_as_there_are_proxies(void **state)
{
	static const struct {
		unsigned proxies;
		const char *list, *client;
	} cases[] = {
		{ 0, "203.0.113.9", "192.0.2.1" },
		{ 1, "203.0.113.9", "203.0.113.9" },
		{ 1, "6.6.6.6, 203.0.113.9", "203.0.113.9" },
		{ 2, "6.6.6.6, 203.0.113.9,10.0.0.1", "203.0.113.9" },
		{ 2, "203.0.113.9", "192.0.2.1" }, /* it came past one of them */
		{ 1, "6.6.6.6, 2001:db8::1", "2001:db8::1" },
		{ 1, "6.6.6.6, <script>", "192.0.2.1" },
		{ 1, "6.6.6.6,", "192.0.2.1" },
		{ 1, "", "192.0.2.1" },
		/* Only the last of several headers is our proxy's. */
		{ 1, "6.6.6.6\r\nX-Forwarded-For: 203.0.113.9", "203.0.113.9" },
	};
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct http_config config = { .proxies = cases[i].proxies };

		(void)snprintf(text, sizeof text,
		    "GET / HTTP/1.1\r\n" HOST "X-Forwarded-For: %s\r\n\r\n",
		    cases[i].list);
		assert_true(converse(&config, "192.0.2.1", slice_text(text), SIZE_MAX));
		assert_string_equal(seen.client, cases[i].client);
	}
}

/* --- CORS -------------------------------------------------------------------------- */

static void
origins_that_are_allowed_are_told_and_others_not(void **state)
{
	static const char *const some[] = { "https://shop.example", "http://b" };
	static const char *const all[] = { "*" };
	const struct http_config config = { .origins = some,
		.origin_count = 2,
		.credentials = true },
				 open = { .origins = all, .origin_count = 1 };
	const struct slice good = slice_text(
			       "GET / HTTP/1.1\r\n" HOST "Origin: http://b\r\n\r\n"),
			   bad = slice_text(
			       "GET / HTTP/1.1\r\n" HOST "Origin: http://c\r\n\r\n");

	(void)state;
	assert_true(converse(&config, NULL, good, SIZE_MAX));
	assert_int_equal(count("Access-Control-Allow-Origin: http://b\r\n"
			       "Access-Control-Allow-Credentials: true\r\n"
			       "Vary: Origin\r\n"),
	    1);
	assert_true(converse(&config, NULL, bad, SIZE_MAX));
	assert_int_equal(count("Access-Control"), 0);
	assert_int_equal(count("Vary: Origin\r\n"), 1);
	assert_true(converse(&open, NULL, bad, SIZE_MAX));
	assert_int_equal(count("Access-Control-Allow-Origin: *\r\n"), 1);
	assert_int_equal(count("Vary"), 0);
	assert_true(converse(NULL, NULL, good, SIZE_MAX));
	assert_int_equal(count("Access-Control") + count("Vary"), 0);
}

static void
a_preflight_is_answered_without_the_handler(void **state)
{
	static const char *const some[] = { "http://b" };
	const struct http_config config = { .origins = some, .origin_count = 1 };

	(void)state;
	assert_true(converse(&config, NULL,
	    slice_text("OPTIONS /v1/decide HTTP/1.1\r\n" HOST "Origin: http://b\r\n"
		       "Access-Control-Request-Method: POST\r\n\r\n"),
	    SIZE_MAX));
	assert_int_equal(seen.calls, 0);
	assert_int_equal(status(), 204);
	assert_int_equal(
	    count("Access-Control-Allow-Methods: GET, HEAD, POST, OPTIONS\r\n"), 1);
	assert_int_equal(count("Content-Length"), 0);
	assert_true(ask("OPTIONS * HTTP/1.1\r\n" HOST "\r\n"));
	assert_int_equal(count("Allow: GET, HEAD, POST, OPTIONS\r\n"), 1);
}

/* --- What a handler can do wrong ----------------------------------------------------- */

static void
split_header(const struct http_request *r, struct http_answer *a)
{
	(void)r;
	http_header(a, "Location", slice_text("/\r\nSet-Cookie: a=b"));
}

static void
large_body(const struct http_request *r, struct http_answer *a)
{
	static uint8_t bytes[300000];

	(void)r;
	a->body = slice_of(bytes, sizeof bytes);
}

static void
strange_status(const struct http_request *r, struct http_answer *a)
{
	(void)r;
	a->status = 77;
}

static void
many_headers(const struct http_request *r, struct http_answer *a)
{
	(void)r;
	for (unsigned i = 0; i < 1000; i++)
		http_header(a, "X-Many", slice_text("some"));
}

static void
redirect(const struct http_request *r, struct http_answer *a)
{
	(void)r;
	a->status = 302;
	a->close = true;
	a->body = slice_of(NULL, 0);
	http_header(a, "Location", slice_text("https://shop.example/"));
}

static void
what_a_handler_may_not_do_becomes_a_500(void **state)
{
	void (*wrong[])(const struct http_request *, struct http_answer *) = {
		split_header, large_body, strange_status, many_headers
	};

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		seen.more = wrong[i];
		assert_true(ask(GET));
		seen.more = NULL;
		assert_int_equal(status(), 500);
		assert_int_equal(count("Set-Cookie"), 0);
		assert_int_equal(count("Content-Length: 0\r\n"), 1);
	}
	seen.more = redirect;
	assert_false(ask(GET));
	seen.more = NULL;
	assert_int_equal(status(), 302);
	assert_int_equal(count("Location: https://shop.example/\r\n"), 1);
}

static void
queries_and_cookies_are_taken_apart(void **state)
{
	static const struct slice query = { (const uint8_t *)"a=1&b%20c=d+e&&f&a=2",
		20 };
	uint8_t room[32], *left = room;
	struct slice rest = query, name, value;

	(void)state;
	assert_true(http_query_next(&rest, &left, &name, &value));
	assert_true(slice_is(name, "a") && slice_is(value, "1"));
	assert_true(http_query_next(&rest, &left, &name, &value));
	assert_true(slice_is(name, "b c") && slice_is(value, "d e"));
	assert_true(http_query_next(&rest, &left, &name, &value));
	assert_true(slice_is(name, "f") && value.size == 0);
	assert_true(http_query_next(&rest, &left, &name, &value));
	assert_true(slice_is(name, "a") && slice_is(value, "2"));
	assert_false(http_query_next(&rest, &left, &name, &value));
	assert_true(http_query_find(query, "b c", room, &value));
	assert_true(slice_is(value, "d e"));
	assert_true(http_query_find(query, "a", room, &value) && slice_is(value, "1"));
	assert_false(http_query_find(query, "g", room, &value));
	assert_true(http_cookie_find(slice_text("x=1; id=\"7\";y"), "id", &value));
	assert_true(slice_is(value, "7"));
	assert_false(http_cookie_find(slice_text("xid=1; id2=3"), "id", &value));
}

/* --- Pieces -------------------------------------------------------------------------- */

static void
pieces_of_any_size_bring_the_same_answers(void **state)
{
	static const char text[] =
	    "GET /1?a=%20 HTTP/1.1\r\n" HOST "Cookie: a=b\r\n\r\n"
	    "POST /2 HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello"
	    "\r\nPOST /3 HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
	    "5\r\nhello\r\n1\r\n \r\n0\r\n\r\n"
	    "POST /4 HTTP/1.1\r\n" HOST
	    "Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello"
	    "HEAD /5 HTTP/1.1\r\n" HOST "\r\n"
	    "GET /6 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
	    "GET /7 HTTP/1.1\r\n" HOST "Bad : header\r\n\r\n" GET;
	struct random random = seeded();
	static char whole[8192];

	(void)state;
	assert_false(ask(text));
	assert_int_equal(seen.calls, 6);
	copy(whole, sizeof whole, slice_text(answers));
	for (size_t piece = 1; piece < sizeof text; piece++) {
		assert_false(converse(NULL, "192.0.2.1", slice_text(text),
		    piece < 64 ? piece : 1 + random_next(&random) % sizeof text));
		assert_string_equal(answers, whole);
	}
}

static void
dates_are_those_of_the_clock(void **state)
{
	static const struct {
		int64_t s;
		const char *date;
	} cases[] = { { 0, "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n" },
		{ 951782399, "Date: Mon, 28 Feb 2000 23:59:59 GMT\r\n" },
		{ 951782400, "Date: Tue, 29 Feb 2000 00:00:00 GMT\r\n" } };
	int64_t before = clock_us;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		clock_us = cases[i].s * 1000000;
		assert_true(ask(GET));
		assert_int_equal(count(cases[i].date), 1);
	}
	clock_us = before;
}

static void
latencies_are_told_within_an_eighth(void **state)
{
	static struct metrics_latency l;
	uint64_t us, last = 0;

	(void)state;
	assert_int_equal(metrics_quantile(&l, 0.5), 0);
	for (us = 0; us < 30000000; us += 1 + us / 50) {
		l = (struct metrics_latency){ 0 };
		metrics_add(&l, us);
		assert_true(metrics_quantile(&l, 1) >= us);
		assert_true(metrics_quantile(&l, 1) <= us + us / 8);
		assert_true(metrics_quantile(&l, 1) >= last);
		last = metrics_quantile(&l, 1);
	}
	l = (struct metrics_latency){ 0 };
	for (us = 1; us <= 1000; us++)
		metrics_add(&l, us);
	metrics_add(&l, UINT64_MAX / 2);
	assert_true(
	    metrics_quantile(&l, 0.5) >= 500 && metrics_quantile(&l, 0.5) <= 563);
	assert_int_equal(l.count, 1001);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_has_a_status_a_date_a_type_and_a_length),
		cmocka_unit_test(pipelined_requests_are_answered_in_their_order),
		cmocka_unit_test(head_gets_the_length_and_no_body),
		cmocka_unit_test(a_connection_goes_on_as_version_and_header_say),
		cmocka_unit_test(chunks_are_joined),
		cmocka_unit_test(who_expects_100_is_told_before_the_body),
		cmocka_unit_test(an_upgrade_is_passed_over),
		cmocka_unit_test(what_proxies_could_read_otherwise_is_refused),
		cmocka_unit_test(a_zero_byte_is_refused_wherever_it_is_in_a_head),
		cmocka_unit_test(a_head_has_at_most_8192_bytes),
		cmocka_unit_test(a_head_has_at_most_64_headers),
		cmocka_unit_test(a_body_has_at_most_65536_bytes),
		cmocka_unit_test(behind_a_proxy_chunks_are_refused),
		cmocka_unit_test(
		    a_forwarded_address_counts_as_far_as_there_are_proxies),
		cmocka_unit_test(origins_that_are_allowed_are_told_and_others_not),
		cmocka_unit_test(a_preflight_is_answered_without_the_handler),
		cmocka_unit_test(what_a_handler_may_not_do_becomes_a_500),
		cmocka_unit_test(queries_and_cookies_are_taken_apart),
		cmocka_unit_test(pieces_of_any_size_bring_the_same_answers),
		cmocka_unit_test(dates_are_those_of_the_clock),
		cmocka_unit_test(latencies_are_told_within_an_eighth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
