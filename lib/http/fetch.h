/* SPDX-License-Identifier: MIT
 *
 * fetch: an HTTP/1.1 client of one server, over a few connections that are kept.
 *
 * Each connection is a lane: a queue of requests that are sent one after the other, each
 * when the one before it was answered. What has to come in its order goes into one lane.
 * When a connection breaks before the answer has come, or the answer takes too long, the
 * request is sent again on another one: so it may reach the server twice. Requests that
 * wait are bounded in number and size, answers in size.
 *
 * It lives in the loop of another, as http.h does. No TLS, no redirects.
 */
#ifndef BANNERPIPE_HTTP_FETCH_H
#define BANNERPIPE_HTTP_FETCH_H

#include "lib/base/error.h"
#include "lib/base/slice.h"
#include "lib/net/address.h"
#include "lib/os.h"

enum {
	FETCH_LANES_MAX = 1024,
	FETCH_WAITING_MAX = 1 << 16,
	FETCH_TARGET_MAX = 8000,      /* bytes of a request's target */
	FETCH_BODY_MAX = 64 << 10,    /* bytes of a request's body */
	FETCH_ANSWER_MAX = 256 << 10, /* bytes of an answer's body */
};

/* A server, of "http://HOST[:PORT][/PREFIX]", "HOST:PORT" or "unix:PATH". */
struct fetch_server {
	struct address address;
	char text[256];   /* the address */
	char host[256];   /* of the Host header */
	char prefix[256]; /* of paths; "" or "/banners" */
};

/* Read and resolve; may wait for the name service, so before the sandbox. -1 and error. */
int fetch_resolve(struct fetch_server *s, const char *url, struct error *error);

struct fetch_answer {
	uint64_t tag;      /* of the request */
	unsigned kind;     /* of the request */
	unsigned status;   /* 200 .. 999 */
	struct slice body; /* borrowed; some bytes after it are readable */
	int64_t took_us;   /* from when it could be sent on */
};

struct fetch_config {
	const struct os *os;
	const struct fetch_server *server; /* borrowed */
	unsigned lanes;                    /* 1 .. FETCH_LANES_MAX */
	unsigned waiting;   /* 1 .. FETCH_WAITING_MAX requests at most without answer */
	int64_t timeout_ms; /* no answer of anything for so long is the end; a request
			      * is sent again after a third of it */
	/* May send more. */
	void (*answer)(void *context, const struct fetch_answer *answer);
	void (*say)(void *context, const char *text);
	void *context;
};

struct fetch_counts {
	uint64_t sent, answered; /* requests, each once */
	uint64_t again;          /* that had to be sent again */
	uint64_t connections;
};

struct fetch;

/* Connects with the first request. NULL and error. */
struct fetch *fetch_new(const struct fetch_config *config, struct error *error);
/* NULL is fine. Whoever waits for an answer gets none. */
void fetch_free(struct fetch *f);

struct fetch_request {
	unsigned lane; /* any number */
	unsigned kind; /* the caller's, as the tag is */
	uint64_t tag;
	/* A path and query, without the prefix; an absolute URL counts from its path on, as
	 * that of a server that is known by another name. */
	struct slice target;
	const char *type; /* of the body; NULL: a GET */
	struct slice body;
};

/* How many requests more can wait. */
unsigned fetch_room(const struct fetch *f);
/* Requests without an answer. */
unsigned fetch_waiting(const struct fetch *f);
/* Queue it; all is copied. False when there is no room, it is too large, or the target is
 * none: not of a path, or with other bytes than printable ASCII. */
bool fetch_send(struct fetch *f, const struct fetch_request *request);

/* What becomes readable, and how long to wait for it at most; -1: for ever. */
int fetch_fd(const struct fetch *f);
int fetch_wait_ms(const struct fetch *f);
/* Do what there is to do, without waiting. -1 and error: the server does not answer. */
int fetch_step(struct fetch *f, struct error *error);

/* The same later, after waiting until something is ready, at most so long. */
void fetch_wait(struct fetch *f, int ms);

const struct fetch_counts *fetch_counts(const struct fetch *f);

#endif
