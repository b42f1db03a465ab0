/* SPDX-License-Identifier: MIT
 *
 * http: a small HTTP/1.1 server, for clients that may be hostile.
 *
 * A handler gets one whole request after another and answers at once. Everything is
 * bounded: head (8 KiB, 64 headers) and body of a request, its time, connections in all
 * and by peer, unread answers, memory. Nothing is allocated for a request once as much
 * memory was in use before. Answers to requests that came together leave together.
 *
 * HTTP/1.0 and 1.1 by RFC 9112, read strictly: keep-alive, pipelining, chunks, Expect,
 * HEAD; OPTIONS and CORS (by the Fetch standard) are answered by the server itself. What
 * is not understood is answered 4xx or 505, and the connection closed. No TLS, no HTTP/2:
 * those are a proxy's.
 *
 * It lives in the loop of another: wait until http_fd is readable or http_wait_ms have
 * passed, then http_step.
 */
#ifndef BANNERPIPE_HTTP_HTTP_H
#define BANNERPIPE_HTTP_HTTP_H

#include "lib/base/error.h"
#include "lib/http/answer.h"
#include "lib/http/metrics.h"
#include "lib/http/request.h"
#include "lib/net/address.h"
#include "lib/os.h"

enum { HTTP_LISTEN_MAX = 16, HTTP_CONNECTIONS_MAX = 1000000 };

/* What is 0 gets the value in brackets. The struct is copied; what it points to is
 * borrowed. */
struct http_config {
	const struct os *os; /* its clocks are the server's; its files */
	const struct address *listen;
	unsigned listen_count;
	bool reuse_port;      /* others of this user may listen there too (TCP) */
	unsigned backlog;     /* [1024] connections that wait to be accepted */
	unsigned connections; /* [10000] when full, the longest idle one makes room */
	unsigned per_peer; /* [connections / 4] of one IPv4 address or IPv6 /64 network,
			    * rounded up; none when `proxies`, or on a unix socket */
	unsigned proxies;  /* so many proxies are before it: X-Forwarded-For is believed
			    * this far from its end, if it goes so far, and chunks are
			    * refused */
	/* "https://shop.example" that may use answers; "*": all. */
	const char *const *origins;
	unsigned origin_count;
	bool credentials;    /* with cookies; not with "*" */
	uint32_t body_bytes; /* [64 KiB] of a request */
	size_t answer_bytes; /* [256 KiB] of an answer's body */
	uint64_t
	    memory_bytes; /* [64 MiB] of what has come or not left, of all connections;
				* on top come about 700 bytes a connection */
	int64_t head_us;  /* [5 s] for a head, from its first byte on */
	int64_t body_us;  /* [10 s] for a body */
	int64_t idle_us;  /* [60 s] between requests */
	int64_t write_us; /* [10 s] without any progress of what is sent */
	const char *const *routes; /* names for the metrics: [a-z_]+ */
	unsigned route_count;      /* METRICS_ROUTES_MAX at most */

	/* Answer a GET, HEAD or POST. To HEAD the same as to GET: the body is left out. */
	void (*handle)(void *context, const struct http_request *request,
	    struct http_answer *answer);
	void *context;
};

struct http;

/* Bind and listen; raises the limit of descriptors where it is too low. Before the
 * sandbox, which then has to let the network through (run_uses_network). NULL and error. */
struct http *http_new(const struct http_config *config, struct error *error);
/* Closes everything, at once. */
void http_free(struct http *h);
/* Where it listens, the port that the system chose included; NULL: no more. */
const char *http_listens(const struct http *h, unsigned i);

int http_fd(const struct http *h);
/* How long at most to wait; -1: for ever. */
int http_wait_ms(const struct http *h);
/* Do what there is to do, without waiting; or after waiting so long at most. */
void http_step(struct http *h);
void http_wait(struct http *h, int ms);

/* Accept no more, close idle connections, let the last answer of the others say so, and
 * close what is left after so long. Done when no connection is open. */
void http_drain(struct http *h, int64_t within_us);
unsigned http_open(const struct http *h);

const struct http_counts *http_counts(const struct http *h);
/* Append all counters to an answer, as Prometheus text. */
void http_metrics(const struct http *h, struct http_answer *answer);
/* The type of that text. */
#define HTTP_METRICS_TYPE "text/plain; version=0.0.4"

/* Bytes of blocks that hold what has come or not left, now. */
uint64_t http_held(const struct http *h);

#endif
