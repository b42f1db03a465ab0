/* SPDX-License-Identifier: MIT
 *
 * http_hello ADDRESS [NAME=VALUE...]: a server whose answers show what it was asked; for
 * tests and measurements. Settings are fields of struct http_config in its units; `shared`
 * lets others listen there too. Writes where it listens; TERM ends it gracefully.
 *
 * /hello	the same five bytes
 * /echo	method, path, each pair of the query, headers, client and body, as lines
 * /big?n=N	N bytes
 * /metrics
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/number.h"
#include "lib/http/http.h"

static const char *const routes[] = { "hello", "echo", "big", "metrics" };
static volatile sig_atomic_t stopping;
static struct http *server;

static void
on_signal(int number)
{
	(void)number;
	stopping = 1;
}

static void
line(struct http_answer *a, const char *name, struct slice value)
{
	http_print(a, "%s: ", name);
	http_append(a, value);
	http_append(a, slice_text("\n"));
}

static void
echo(const struct http_request *r, struct http_answer *a)
{
	static const char *const methods[] = { "GET", "HEAD", "POST" };
	static uint8_t room[8192];
	struct slice rest = r->query, name, value;
	uint8_t *left = room;

	line(a, "method", slice_text(methods[r->method]));
	line(a, "path", r->path);
	while (http_query_next(&rest, &left, &name, &value)) {
		line(a, "name", name);
		line(a, "value", value);
	}
	line(a, "agent", r->header[HEADER_USER_AGENT]);
	line(a, "client", r->client);
	line(a, "body", r->body);
}

static void
big(const struct http_request *r, struct http_answer *a)
{
	uint8_t room[8192];
	struct slice text;
	uint64_t n = 0;

	if (!http_query_find(r->query, "n", room, &text) ||
	    !number_parse_uint(text, &n) || n > a->room_size) {
		a->status = 400;
		return;
	}
	memset(a->room, 'x', n);
	a->body = slice_of(a->room, n);
}

static void
handle(void *context, const struct http_request *r, struct http_answer *a)
{
	(void)context;
	a->type = "text/plain";
	a->route = 0;
	if (slice_is(r->path, "/hello")) {
		a->body = slice_of("hello", 5);
	} else if (slice_is(r->path, "/echo")) {
		a->route = 1;
		echo(r, a);
	} else if (slice_is(r->path, "/big")) {
		a->route = 2;
		big(r, a);
	} else if (slice_is(r->path, "/metrics")) {
		a->route = 3;
		a->type = HTTP_METRICS_TYPE;
		http_metrics(server, a);
	} else {
		a->status = 404;
	}
}

static void
set(struct http_config *c, const char *word)
{
	static const char *const origin[] = { "https://shop.example" };
	const char *equals = strchr(word, '=');
	uint64_t value = equals != NULL ? strtoull(equals + 1, NULL, 10) : 0;
	struct slice name =
	    slice_of(word, equals != NULL ? (size_t)(equals - word) : strlen(word));

	if (slice_is(name, "shared"))
		c->reuse_port = true;
	else if (slice_is(name, "origin")) {
		c->origins = origin;
		c->origin_count = 1;
	} else if (slice_is(name, "connections"))
		c->connections = (unsigned)value;
	else if (slice_is(name, "per_peer"))
		c->per_peer = (unsigned)value;
	else if (slice_is(name, "proxies"))
		c->proxies = (unsigned)value;
	else if (slice_is(name, "memory_bytes"))
		c->memory_bytes = value;
	else if (slice_is(name, "answer_bytes"))
		c->answer_bytes = (size_t)value;
	else if (slice_is(name, "head_us"))
		c->head_us = (int64_t)value;
	else if (slice_is(name, "write_us"))
		c->write_us = (int64_t)value;
	else
		exit(100);
}

int
main(int argc, char **argv)
{
	struct address address;
	struct http_config config = { .os = &os_system,
		.listen = &address,
		.listen_count = 1,
		.routes = routes,
		.route_count = sizeof routes / sizeof *routes,
		.handle = handle };
	struct sigaction action = { .sa_handler = on_signal };
	struct error error;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigaction(SIGTERM, &action, NULL);
	for (int i = 2; i < argc; i++)
		set(&config, argv[i]);
	if (argc < 2 || address_resolve(&address, argv[1], true, &error) != 0 ||
	    (server = http_new(&config, &error)) == NULL) {
		fprintf(stderr, "http_hello: %s\n", argc < 2 ? "ADDRESS" : error.text);
		return 100;
	}
	printf("listening on %s\n", http_listens(server, 0));
	fflush(stdout);
	while (!stopping)
		http_wait(server, 1000);
	http_drain(server, 5000000);
	while (http_open(server) > 0)
		http_wait(server, 1000);
	http_free(server);
	return 0;
}
