/* SPDX-License-Identifier: MIT
 *
 * The server with real sockets and a clock of our own.
 */
#include "lib/http/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/http/blocks.h"
#include "lib/http/deadline.h"
#include "lib/http/peers.h"
#include "seed.h"

#define GET "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"

enum { SECOND = 1000000, CLIENTS = 64 };

static int64_t now_us = 1000 * (int64_t)SECOND;

static int64_t
tell(const struct os *os)
{
	(void)os;
	return now_us;
}

static struct os os;

static void
handle(void *context, const struct http_request *r, struct http_answer *a)
{
	(void)context;
	if (slice_is(r->path, "/big")) {
		memset(a->room, 'x', a->room_size);
		a->body = slice_of(a->room, a->room_size);
	} else {
		http_append(a, r->path);
	}
}

static struct http *
serve_at(const char *text, struct http_config config)
{
	static struct address address;
	struct error error;
	struct http *h;

	os = os_system;
	os.monotonic_us = tell;
	config.os = &os;
	config.listen = &address;
	config.listen_count = 1;
	config.handle = handle;
	if (address_resolve(&address, text, true, &error) != 0)
		fail_msg("%s", error.text);
	h = http_new(&config, &error);
	if (h == NULL)
		fail_msg("%s", error.text);
	return h;
}

static struct http *
serve(struct http_config config)
{
	return serve_at("127.0.0.1:0", config);
}

static int
connect_from(struct http *h, const char *from)
{
	struct sockaddr_in own = { .sin_family = AF_INET }, to = own;
	const char *colon = strrchr(http_listens(h, 0), ':');
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const int on = 1;

	assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
	assert_non_null(colon);
	assert_int_equal(inet_pton(AF_INET, from, &own.sin_addr), 1);
	assert_int_equal(inet_pton(AF_INET, "127.0.0.1", &to.sin_addr), 1);
	to.sin_port = htons((uint16_t)atoi(colon + 1));
	assert_int_equal(bind(fd, (struct sockaddr *)&own, sizeof own), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	return fd;
}

/* The system may deliver late: let the server work until a count has come to be. */
static void
until(struct http *h, const uint64_t *counter, uint64_t wanted)
{
	struct pollfd ready = { .fd = http_fd(h), .events = POLLIN };

	http_step(h);
	for (int i = 0; i < 1000 && *counter < wanted; i++) {
		(void)poll(&ready, 1, 10);
		http_step(h);
	}
	assert_true(*counter >= wanted);
}

/* Connected and accepted, or refused. */
static int
client(struct http *h)
{
	const struct http_counts *c = http_counts(h);
	uint64_t before = c->accepted + c->refused;
	int fd = connect_from(h, "127.0.0.1");

	for (int i = 0; i < 1000 && c->accepted + c->refused == before; i++)
		http_wait(h, 10);
	assert_int_equal(c->accepted + c->refused, before + 1);
	return fd;
}

static void
say(struct http *h, int fd, const char *text)
{
	uint64_t wanted = http_counts(h)->bytes_in + strlen(text);

	assert_int_equal(
	    send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
	until(h, &http_counts(h)->bytes_in, wanted);
}

static char heard[8 << 20];

/* All that comes until the end, or until nothing does; the server works meanwhile.
 * Returns whether it ended. */
static bool
hear(struct http *h, int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	size_t size = 0;
	ssize_t n = 1;
	unsigned quiet = 0;

	while (n != 0 && quiet < 20) {
		http_step(h);
		if (poll(&ready, 1, quiet > 10 ? 1 : 0) == 0) {
			quiet++;
			continue;
		}
		quiet = 0;
		n = recv(fd, heard + size, sizeof heard - 1 - size, MSG_DONTWAIT);
		if (n < 0)
			break;
		size += (size_t)n;
	}
	heard[size] = '\0';
	return n <= 0;
}

static unsigned
count(const char *what)
{
	unsigned n = 0;

	for (const char *at = heard; (at = strstr(at, what)) != NULL; at++)
		n++;
	return n;
}

static void
later(struct http *h, int64_t us)
{
	now_us += us;
	http_step(h);
}

/* --- Time ------------------------------------------------------------------------- */

static void
a_head_has_five_seconds_from_its_first_byte_on(void **state)
{
	static const char *const piece[] = { "G", "E", "T", " " };
	struct http *h = serve((struct http_config){ 0 });
	int fd = client(h);

	(void)state;
	later(h, 50 * SECOND); /* it is idle */
	for (int i = 0; i < 4; i++) {
		say(h, fd, piece[i]);
		later(h, SECOND);
	}
	assert_int_equal(http_wait_ms(h), 1000);
	later(h, SECOND - 1);
	assert_false(hear(h, fd));
	later(h, 1);
	(void)hear(h, fd);
	assert_int_equal(count("HTTP/1.1 408 Request Timeout\r\n"), 1);
	assert_int_equal(count("Connection: close\r\n"), 1);
	assert_int_equal(http_counts(h)->timeouts, 1);
	/* It does not end its side: that is waited for, but not for ever. */
	later(h, 3 * SECOND);
	assert_int_equal(http_open(h), 0);
	(void)close(fd);
	http_free(h);
}

static void
a_body_has_ten_seconds_from_its_head_on(void **state)
{
	struct http *h = serve((struct http_config){ 0 });
	int fd = client(h);

	(void)state;
	say(h, fd, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n");
	later(h, 4 * SECOND);
	say(h, fd, "\r\n");
	for (int i = 0; i < 9; i++) {
		later(h, SECOND);
		say(h, fd, "x");
	}
	assert_false(hear(h, fd));
	later(h, SECOND);
	assert_true(hear(h, fd) || count(" 408 ") == 1);
	assert_int_equal(count(" 408 "), 1);
	(void)close(fd);
	http_free(h);
}

static void
each_request_has_a_time_of_its_own(void **state)
{
	struct http *h = serve((struct http_config){ 0 });
	int fd = client(h);

	(void)state;
	say(h, fd, "GET /1 HTTP/1.1\r\nHost");
	later(h, 4 * SECOND);
	say(h, fd, ": a\r\n\r\nGET /2 HTTP/1.1\r\nHost");
	later(h, 4 * SECOND);
	say(h, fd, ": a\r\n\r\n");
	assert_false(hear(h, fd));
	assert_int_equal(count(" 200 OK"), 2);
	/* Idle ones are closed without a word. */
	later(h, 60 * SECOND - 1);
	assert_int_equal(http_open(h), 1);
	later(h, 1);
	assert_true(hear(h, fd));
	assert_int_equal(*heard, '\0');
	assert_int_equal(http_counts(h)->timeouts, 0);
	assert_int_equal(http_open(h), 0);
	assert_int_equal(http_held(h), 0);
	(void)close(fd);
	http_free(h);
}

/* --- Bounds ----------------------------------------------------------------------- */

static void
a_full_table_makes_room_of_the_longest_idle(void **state)
{
	struct http *h =
	    serve((struct http_config){ .connections = 4, .per_peer = 100 });
	int fd[6];

	(void)state;
	for (int i = 0; i < 4; i++) {
		fd[i] = client(h);
		later(h, SECOND);
	}
	say(h, fd[0], GET); /* the longest idle is fd[1] now */
	assert_false(hear(h, fd[0]));
	fd[4] = client(h);
	assert_true(hear(h, fd[1]));
	assert_int_equal(http_counts(h)->evicted, 1);
	assert_int_equal(http_open(h), 4);
	say(h, fd[4], GET);
	assert_false(hear(h, fd[4]));
	assert_int_equal(count(" 200 OK"), 1);
	/* All are in the middle of something: the new one has to go. */
	say(h, fd[0], "G");
	say(h, fd[2], "G");
	say(h, fd[3], "G");
	say(h, fd[4], "G");
	fd[5] = client(h);
	assert_true(hear(h, fd[5]));
	assert_int_equal(http_counts(h)->refused, 1);
	assert_int_equal(http_open(h), 4);
	for (int i = 0; i < 6; i++)
		(void)close(fd[i]);
	http_free(h);
}

static void
a_peer_has_no_more_than_its_share(void **state)
{
	struct http *h = serve((struct http_config){ .connections = 8 }); /* 2 */
	int a = client(h), b = client(h), c = client(h), d;

	(void)state;
	assert_true(hear(h, c));
	assert_int_equal(http_counts(h)->refused, 1);
	d = connect_from(h, "127.0.0.2");
	say(h, d, GET);
	assert_false(hear(h, d));
	assert_int_equal(count(" 200 OK"), 1);
	(void)close(a);
	http_step(h);
	(void)close(c);
	c = client(h);
	say(h, c, GET);
	assert_false(hear(h, c));
	assert_int_equal(count(" 200 OK"), 1);
	(void)close(b);
	(void)close(c);
	(void)close(d);
	http_free(h);
}

static void
who_does_not_read_is_closed(void **state)
{
	struct http *h = serve((struct http_config){ 0 });
	int fd = client(h);
	uint64_t bound = 64 * 1024 + 256 * 1024 + 64 * 1024 + 8192;

	(void)state;
	/* Far more than sockets hold. */
	for (int i = 0; i < 200; i++) {
		(void)send(fd, "GET /big HTTP/1.1\r\nHost: a\r\n\r\n", 30,
		    MSG_NOSIGNAL | MSG_DONTWAIT);
		http_step(h);
		assert_true(http_held(h) < 2 * bound);
	}
	for (int i = 0; i < 1000 && http_held(h) == 0; i++)
		http_wait(h, 10);
	assert_true(http_held(h) > 0);
	assert_true(http_counts(h)->bytes_out < (40 << 20));
	later(h, 10 * SECOND - 1);
	assert_int_equal(http_open(h), 1);
	later(h, 1);
	assert_int_equal(http_open(h), 0);
	assert_int_equal(http_counts(h)->unread, 1);
	http_step(h);
	assert_int_equal(http_held(h), 0);
	(void)close(fd);
	http_free(h);
}

static void
who_reads_late_gets_all_of_it_in_order(void **state)
{
	enum { N = 20 };
	struct http *h = serve((struct http_config){ 0 });
	int fd = client(h);
	char text[N * 64];
	size_t size = 0;

	(void)state;
	for (int i = 0; i < N; i++)
		size += (size_t)snprintf(text + size, sizeof text - size,
		    "GET /big HTTP/1.1\r\nHost: a\r\n\r\nGET /%02d HTTP/1.1\r\nHost: "
		    "a\r\n\r\n",
		    i);
	say(h, fd, text);
	later(h, 9 * SECOND);
	assert_false(hear(h, fd));
	assert_int_equal(count(" 200 OK"), 2 * N);
	assert_int_equal(strlen(strstr(heard, "/19") + 3), 0);
	for (int i = 1; i < N; i++) {
		char before[8], after[8];

		(void)snprintf(before, sizeof before, "/%02d", i - 1);
		(void)snprintf(after, sizeof after, "/%02d", i);
		assert_true(strstr(heard, before) < strstr(heard, after));
	}
	assert_int_equal(http_held(h), 0);
	(void)close(fd);
	http_free(h);
}

static void
when_memory_is_short_connections_go_and_it_stays_bounded(void **state)
{
	enum { MEMORY = 1 << 20 };
	struct http *h = serve(
	    (struct http_config){ .memory_bytes = MEMORY, .per_peer = CLIENTS + 1 });
	static char body[60000];
	int fd[CLIENTS], last;

	(void)state;
	memset(body, 'x', sizeof body - 1);
	for (int i = 0; i < CLIENTS; i++) {
		fd[i] = client(h);
		say(h, fd[i],
		    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 65536\r\n\r\n");
		(void)send(fd[i], body, sizeof body - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		http_step(h);
		assert_true(http_held(h) <= MEMORY);
	}
	assert_true(http_counts(h)->short_of_memory > CLIENTS / 2);
	for (int i = 0; i < CLIENTS; i++)
		(void)close(fd[i]);
	http_step(h);
	assert_int_equal(http_held(h), 0);
	last = client(h);
	say(h, last, GET);
	assert_false(hear(h, last));
	assert_int_equal(count(" 200 OK"), 1);
	(void)close(last);
	http_free(h);
}

static void
requests_take_no_memory_once_there_was_one(void **state)
{
	struct http *h = serve((struct http_config){ 0 });
	int fd = client(h);
	size_t before = 0;

	(void)state;
	for (int i = 0; i < 200; i++) {
		say(h, fd,
		    "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n1234");
		say(h, fd, "56789" GET GET);
		(void)recv(fd, heard, sizeof heard, 0);
		if (i == 10)
			before = mallinfo2().uordblks;
	}
	assert_int_equal(http_counts(h)->answers[2], 600);
	assert_int_equal(mallinfo2().uordblks, before);
	(void)close(fd);
	http_free(h);
}

/* --- Ends ------------------------------------------------------------------------- */

static void
a_half_closed_client_gets_its_answers(void **state)
{
	struct http *h = serve((struct http_config){ 0 });
	int fd = connect_from(h, "127.0.0.1");

	(void)state;
	assert_int_equal(send(fd, GET GET GET, 3 * strlen(GET), 0), 3 * strlen(GET));
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	assert_true(hear(h, fd));
	assert_int_equal(count(" 200 OK"), 3);
	(void)close(fd);
	/* In the middle of a request there is nobody to answer. */
	fd = client(h);
	say(h, fd, "GET / HT");
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	assert_true(hear(h, fd));
	assert_int_equal(*heard, '\0');
	assert_int_equal(http_open(h), 0);
	(void)close(fd);
	http_free(h);
}

static void
an_error_reaches_a_client_that_goes_on_sending(void **state)
{
	struct http *h = serve((struct http_config){ 0 });
	int fd = client(h);
	static char body[100000];

	(void)state;
	say(h, fd, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
	for (int i = 0; i < 10; i++) {
		assert_int_equal(
		    send(fd, body, sizeof body, MSG_NOSIGNAL), sizeof body);
		http_step(h);
	}
	assert_true(hear(h, fd));
	assert_int_equal(count(" 413 Content Too Large"), 1);
	assert_int_equal(http_counts(h)->malformed, 1);
	(void)close(fd);
	http_step(h);
	assert_int_equal(http_open(h), 0);
	http_free(h);
}

static void
draining_finishes_what_is_in_flight(void **state)
{
	struct http *h = serve((struct http_config){ 0 });
	int idle = client(h), half = client(h), slow = client(h), fresh;
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port =
		    htons((uint16_t)atoi(strrchr(http_listens(h, 0), ':') + 1)) };

	(void)state;
	say(h, half, "GET /half HTTP/1.1\r\n");
	say(h, slow, "GET /slow HTTP/1.1\r\n");
	/* One whose connection and request came just before. */
	fresh = connect_from(h, "127.0.0.1");
	assert_int_equal(send(fresh, GET, strlen(GET), 0), strlen(GET));
	http_drain(h, 3 * SECOND);
	assert_true(hear(h, idle));
	assert_int_equal(*heard, '\0');
	assert_true(hear(h, fresh));
	assert_int_equal(count(" 200 OK"), 1);
	say(h, half, "Host: a\r\n\r\n");
	assert_true(hear(h, half));
	assert_int_equal(count(" 200 OK"), 1);
	assert_int_equal(count("Connection: close"), 1);
	(void)close(half);
	http_step(h);
	assert_int_equal(http_open(h), 1);
	assert_int_equal(http_wait_ms(h), 3000);
	later(h, 3 * SECOND);
	assert_int_equal(http_open(h), 0);
	assert_true(hear(h, slow));
	(void)close(idle);
	(void)close(slow);
	(void)close(fresh);
	fresh = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fresh, (struct sockaddr *)&to, sizeof to), -1);
	(void)close(fresh);
	http_free(h);
}

/* --- Listening -------------------------------------------------------------------- */

static void
a_unix_socket_is_replaced_when_nobody_listens_there(void **state)
{
	char folder[] = "/tmp/bannerpipe.XXXXXX", path[64], text[80];
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	static struct address address;
	struct http_config config = { .os = &os_system,
		.listen = &address,
		.listen_count = 1,
		.handle = handle };
	struct error error;
	struct http *h;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof path, "%s/socket", folder);
	(void)snprintf(text, sizeof text, "unix:%s", path);
	memcpy(to.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&to, sizeof to), 0);
	(void)close(fd);

	h = serve_at(text, (struct http_config){ .per_peer = 1 });
	assert_int_equal(address_resolve(&address, text, true, &error), 0);
	assert_null(http_new(&config, &error));
	assert_non_null(strstr(error.text, "another process"));
	for (int i = 0; i < 3; i++) { /* no share of a peer here */
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
		say(h, fd, GET);
		assert_false(hear(h, fd));
		assert_int_equal(count(" 200 OK"), 1);
	}
	http_free(h);
	assert_int_equal(access(path, F_OK), -1);
	(void)rmdir(folder);
}

static void
wrong_configurations_are_refused(void **state)
{
	static const char *const origins[] = { "*" };
	static struct address address;
	const struct http_config wrong[] = { { .connections = 2000000 },
		{ .memory_bytes = 1000 }, { .route_count = 17 }, { .idle_us = -1 },
		{ .origins = origins, .origin_count = 1, .credentials = true } };
	struct error error;

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct http_config c = wrong[i];

		c.os = &os_system;
		c.handle = handle;
		c.listen = &address;
		assert_null(http_new(&c, &error));
		assert_int_not_equal(*error.text, '\0');
	}
}

/* --- Parts ------------------------------------------------------------------------ */

static void
peers_are_counted_as_a_plain_array_would(void **state)
{
	enum { KEYS = 40, STEPS = 200000 };
	struct random random = seeded();
	uint32_t plain[KEYS] = { 0 }, sum = 0;
	struct peers p;

	(void)state;
	assert_true(peers_init(&p, 64, 1));
	for (int i = 0; i < STEPS; i++) {
		uint64_t key = random_next(&random) % KEYS;

		if (random_next(&random) % 2 == 0 && sum < 64) {
			peers_add(&p, key * 0x10001);
			plain[key]++;
			sum++;
		} else if (plain[key] > 0) {
			peers_remove(&p, key * 0x10001);
			plain[key]--;
			sum--;
		}
		key = random_next(&random) % KEYS;
		assert_int_equal(peers_count(&p, key * 0x10001), plain[key]);
	}
	peers_fini(&p);
}

static void
networks_of_ipv6_are_one_peer(void **state)
{
	struct sockaddr_in six_four = { .sin_family = AF_INET };
	struct sockaddr_in6 a = { .sin6_family = AF_INET6 }, b = a, c = a, mapped = a;

	(void)state;
	assert_int_equal(inet_pton(AF_INET6, "2001:db8:1:2::1", &a.sin6_addr), 1);
	assert_int_equal(inet_pton(AF_INET6, "2001:db8:1:2:f::9", &b.sin6_addr), 1);
	assert_int_equal(inet_pton(AF_INET6, "2001:db8:1:3::1", &c.sin6_addr), 1);
	assert_int_equal(inet_pton(AF_INET6, "::ffff:1.2.3.4", &mapped.sin6_addr), 1);
	assert_int_equal(inet_pton(AF_INET, "1.2.3.4", &six_four.sin_addr), 1);
	assert_true(
	    peers_key((struct sockaddr *)&a) == peers_key((struct sockaddr *)&b));
	assert_true(
	    peers_key((struct sockaddr *)&a) != peers_key((struct sockaddr *)&c));
	assert_true(peers_key((struct sockaddr *)&mapped) ==
	    peers_key((struct sockaddr *)&six_four));
}

static void
a_pool_gives_idle_blocks_of_one_size_up_for_another(void **state)
{
	struct blocks p;
	uint8_t *block[200];
	size_t room, n = 0;

	(void)state;
	blocks_init(&p, 100000, 250000);
	while (n < 200 && (block[n] = blocks_take(&p, 1, &room)) != NULL)
		n++;
	assert_true(n > 200 || room == 1024);
	while (n > 0)
		blocks_give(&p, block[--n]);
	assert_int_equal(p.used, 0);
	assert_null(blocks_take(&p, 100001, &room));
	block[0] = blocks_take(&p, 100000, &room);
	block[1] = blocks_take(&p, 100000, &room);
	assert_non_null(block[0]);
	assert_non_null(block[1]);
	assert_null(blocks_take(&p, 100000, &room));
	assert_true(p.held <= 250000);
	blocks_give(&p, block[0]);
	blocks_give(&p, block[1]);
	blocks_fini(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_head_has_five_seconds_from_its_first_byte_on),
		cmocka_unit_test(a_body_has_ten_seconds_from_its_head_on),
		cmocka_unit_test(each_request_has_a_time_of_its_own),
		cmocka_unit_test(a_full_table_makes_room_of_the_longest_idle),
		cmocka_unit_test(a_peer_has_no_more_than_its_share),
		cmocka_unit_test(who_does_not_read_is_closed),
		cmocka_unit_test(who_reads_late_gets_all_of_it_in_order),
		cmocka_unit_test(
		    when_memory_is_short_connections_go_and_it_stays_bounded),
		cmocka_unit_test(requests_take_no_memory_once_there_was_one),
		cmocka_unit_test(a_half_closed_client_gets_its_answers),
		cmocka_unit_test(an_error_reaches_a_client_that_goes_on_sending),
		cmocka_unit_test(draining_finishes_what_is_in_flight),
		cmocka_unit_test(a_unix_socket_is_replaced_when_nobody_listens_there),
		cmocka_unit_test(wrong_configurations_are_refused),
		cmocka_unit_test(peers_are_counted_as_a_plain_array_would),
		cmocka_unit_test(networks_of_ipv6_are_one_peer),
		cmocka_unit_test(a_pool_gives_idle_blocks_of_one_size_up_for_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
