/* SPDX-License-Identifier: MIT
 *
 * exchange: one connection as bytes in and bytes out, without the connection: parser,
 * handler, answers. What all exchanges of a server share is its `service`.
 */
#ifndef BANNERPIPE_HTTP_EXCHANGE_H
#define BANNERPIPE_HTTP_EXCHANGE_H

#include "lib/http/http.h"
#include "lib/http/parser.h"

enum { EXCHANGE_BURST = 64 * 1024 /* answers that leave together, about */ };

struct service {
	struct http_config config;
	struct http_counts counts;
	bool draining;
	uint8_t *out; /* answers: out_size bytes of out_room */
	size_t out_size, out_room;
	uint8_t *room, *headers; /* for the answer being built */
	int64_t now_us;          /* when the last answer was done, or reading began */
	int64_t date_s;          /* of the date below, seconds since 1970 */
	char date[64];
	size_t date_size;
};

/* Fills in what is 0 in the configuration. -1 and error when something in it is wrong or
 * there is no memory; service_fini in any case. */
int service_init(
    struct service *s, const struct http_config *config, struct error *error);
void service_fini(struct service *s);

/* Zero it. */
struct exchange {
	struct parser parser;
	const char *peer;  /* address as text, borrowed; NULL: none */
	uint64_t requests; /* that came whole */
	bool last;         /* nothing more will be answered: close when all is sent */
	bool sudden;       /* of a last: the peer does not know, and may be sending */
};

/* Bytes from the first one on that is still needed. */
struct exchange_input {
	uint8_t *at;
	size_t size;
};

/* Answer what came whole into s->out. What is left in `in` has to be there at the next
 * call, and new bytes behind it. True when there may be more to answer, but s->out has to
 * be sent first. */
bool exchange_feed(struct exchange *x, struct service *s, struct exchange_input *in);

/* Answer with an error, which is the last: 408 to a peer that is too slow. */
void exchange_refuse(
    struct exchange *x, struct service *s, unsigned status, const char *reason);

/* Whether a request has come in part: whether its head has too. */
bool exchange_began(const struct exchange *x, const struct exchange_input *in);
bool exchange_has_head(const struct exchange *x);
/* Bytes of the request being read, as far as is known. */
size_t exchange_wants(const struct exchange *x);

#endif
