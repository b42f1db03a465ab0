/* SPDX-License-Identifier: MIT */
#include "lib/http/exchange.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "lib/base/assert.h"

static const char interim[] = "HTTP/1.1 100 Continue\r\n\r\n";

/* --- The service ----------------------------------------------------------------- */

#define PRESET(field, value) ((field) = (field) != 0 ? (field) : (value))

static int
check(struct http_config *c, struct error *error)
{
	PRESET(c->backlog, 1024);
	PRESET(c->connections, 10000);
	if (c->connections > HTTP_CONNECTIONS_MAX)
		return error_set(
		    error, "more than %d connections", HTTP_CONNECTIONS_MAX);
	PRESET(c->per_peer, (c->connections + 3) / 4);
	PRESET(c->body_bytes, 64 * 1024);
	PRESET(c->answer_bytes, 256 * 1024);
	PRESET(c->memory_bytes, 64 << 20);
	PRESET(c->head_us, 5000000);
	PRESET(c->body_us, 10000000);
	PRESET(c->idle_us, 60000000);
	PRESET(c->write_us, 10000000);
	if (c->head_us < 0 || c->body_us < 0 || c->idle_us < 0 || c->write_us < 0)
		return error_set(error, "a timeout is negative");
	if (c->body_bytes > 1 << 30 || c->answer_bytes > 1 << 30)
		return error_set(error, "requests and answers have at most 1 GiB");
	if (c->route_count > METRICS_ROUTES_MAX)
		return error_set(error, "more than %d routes", METRICS_ROUTES_MAX);
	for (unsigned i = 0; i < c->origin_count; i++) {
		if (strlen(c->origins[i]) > ANSWER_ORIGIN_MAX)
			return error_set(
			    error, "origin '%s' is too long", c->origins[i]);
		if (c->credentials && strcmp(c->origins[i], "*") == 0)
			return error_set(error, "no credentials for all origins");
	}
	return 0;
}

int
service_init(struct service *s, const struct http_config *config, struct error *error)
{
	*s = (struct service){ .config = *config, .date_s = INT64_MIN };
	assert(config->handle != NULL && config->os != NULL);
	if (check(&s->config, error) != 0)
		return -1;
	s->out_room =
	    EXCHANGE_BURST + sizeof interim + ANSWER_HEAD_ROOM + s->config.answer_bytes;
	s->out = malloc(s->out_room);
	s->room = malloc(s->config.answer_bytes);
	s->headers = malloc(ANSWER_HEADERS_MAX);
	if (s->out == NULL || s->room == NULL || s->headers == NULL)
		return error_set(error, "no memory for answers");
	return 0;
}

void
service_fini(struct service *s)
{
	free(s->out);
	free(s->room);
	free(s->headers);
}

/* "Date: Sun, 06 Nov 1994 08:49:37 GMT", whatever the locale. */
static void
look_at_date(struct service *s)
{
	static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri",
		"Sat" };
	static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
		"Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	int64_t now = s->config.os->wall_us(s->config.os) / 1000000;
	time_t seconds = now;
	struct tm tm;

	if (now != s->date_s && gmtime_r(&seconds, &tm) != NULL) {
		s->date_s = now;
		s->date_size = (size_t)snprintf(s->date, sizeof s->date,
		    "Date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n", days[tm.tm_wday],
		    tm.tm_mday, months[tm.tm_mon], (tm.tm_year + 1900) % 10000,
		    tm.tm_hour, tm.tm_min, tm.tm_sec);
	}
}

/* --- Answers --------------------------------------------------------------------- */

static struct http_answer
empty_answer(struct service *s, unsigned status)
{
	return (struct http_answer){ .status = status,
		.route = METRICS_ROUTES_MAX,
		.room = s->room,
		.room_size = s->config.answer_bytes,
		.headers = s->headers };
}

static void
emit(struct service *s, struct http_answer *a, struct answer_frame *frame)
{
	size_t size;

	frame->date = slice_of(s->date, s->date_size);
	size = answer_write(a, frame, s->out + s->out_size);
	s->out_size += size;
	assert(s->out_size <= s->out_room);
	s->counts.bytes_out += size;
	s->counts.answers[a->status / 100]++;
	s->counts.broken += a->broken;
}

void
exchange_refuse(
    struct exchange *x, struct service *s, unsigned status, const char *reason)
{
	struct http_answer a = empty_answer(s, status);
	struct answer_frame frame = { 0 };

	look_at_date(s);
	a.type = "text/plain";
	if (status == 405)
		http_header(&a, "Allow", slice_text("GET, HEAD, POST, OPTIONS"));
	http_print(&a, "%s\n", reason);
	emit(s, &a, &frame);
	x->last = x->sudden = true;
}

/* The origin that the answer allows; Vary when it depends on who asks. */
static void
allow_origin(const struct http_config *c, struct slice origin, struct answer_frame *to)
{
	for (unsigned i = 0; i < c->origin_count; i++) {
		struct slice allowed = slice_text(c->origins[i]);

		if (slice_is(allowed, "*")) {
			to->origin = allowed;
			to->vary = false;
			return;
		}
		to->vary = true;
		if (origin.at != NULL && slice_equal(origin, allowed)) {
			to->origin = allowed;
			to->credentials = c->credentials;
		}
	}
}

/* OPTIONS: of a preflight, what a page may send. */
static void
tell_options(const struct http_request *r, const struct answer_frame *frame,
    struct http_answer *a)
{
	static const char methods[] = "GET, HEAD, POST, OPTIONS";

	a->status = 204;
	if (r->header[HEADER_REQUEST_METHOD].at == NULL) {
		http_header(a, "Allow", slice_text(methods));
	} else if (frame->origin.size > 0) {
		http_header(a, "Access-Control-Allow-Methods", slice_text(methods));
		http_header(
		    a, "Access-Control-Allow-Headers", slice_text("Content-Type"));
		http_header(a, "Access-Control-Max-Age", slice_text("86400"));
	}
}

/* The n-th address from the end of a list, if it is one. Where there are fewer, it came past a
 * proxy: whoever sent it could say what he likes. */
static bool
forwarded(struct slice list, unsigned n, struct slice *to)
{
	uint8_t bytes[sizeof(struct in6_addr)];
	char text[INET6_ADDRSTRLEN];
	struct slice one = { 0 };

	for (; n > 0; n--) {
		size_t begin = list.size;

		while (begin > 0 && list.at[begin - 1] != ',')
			begin--;
		one = slice_trim(slice_from(list, begin));
		if (begin == 0 && n > 1)
			return false;
		list.size = begin > 0 ? begin - 1 : 0;
	}
	if (one.size == 0 || one.size >= sizeof text)
		return false;
	memcpy(text, one.at, one.size);
	text[one.size] = '\0';
	*to = one;
	return inet_pton(AF_INET, text, bytes) == 1 ||
	    inet_pton(AF_INET6, text, bytes) == 1;
}

static void
tell_client(
    const struct exchange *x, const struct http_config *c, struct http_request *r)
{
	struct slice list = r->header[HEADER_X_FORWARDED_FOR];

	if (c->proxies > 0 && list.at != NULL &&
	    forwarded(list, c->proxies, &r->client))
		return;
	r->client = x->peer != NULL ? slice_text(x->peer) : slice_of("", 0);
}

static void
answer(struct exchange *x, struct service *s, const uint8_t *bytes)
{
	const struct http_config *c = &s->config;
	struct answer_frame frame = { .old = x->parser.old };
	struct http_answer a = empty_answer(s, 200);
	struct http_request r;
	int64_t before = s->now_us;

	parser_request(&x->parser, bytes, &r);
	tell_client(x, c, &r);
	if (c->origin_count > 0)
		allow_origin(c, r.header[HEADER_ORIGIN], &frame);
	if (r.method == METHOD_OPTIONS) {
		tell_options(&r, &frame, &a);
	} else {
		c->handle(c->context, &r, &a);
		s->now_us = c->os->monotonic_us(c->os);
		if (a.route < c->route_count)
			metrics_add(&s->counts.latency[a.route],
			    s->now_us > before ? (uint64_t)(s->now_us - before) : 0);
	}
	x->requests++;
	frame.no_body = r.method == METHOD_HEAD;
	frame.keep_alive = x->parser.keep_alive && !a.close && !s->draining;
	x->last = !frame.keep_alive;
	x->sudden = x->last && x->parser.keep_alive;
	emit(s, &a, &frame);
}

/* --- Requests -------------------------------------------------------------------- */

bool
exchange_feed(struct exchange *x, struct service *s, struct exchange_input *in)
{
	struct parser_limits limits = { s->config.body_bytes, s->config.proxies > 0 };
	size_t used;

	look_at_date(s);
	s->now_us = s->config.os->monotonic_us(s->config.os);
	while (!x->last && in->size > 0) {
		if (s->out_size >= EXCHANGE_BURST)
			return true;
		switch (parser_next(&x->parser, &limits, in->at, &in->size, &used)) {
		case PARSER_MORE:
			return false;
		case PARSER_CONTINUE:
			memcpy(s->out + s->out_size, interim, sizeof interim - 1);
			s->out_size += sizeof interim - 1;
			s->counts.bytes_out += sizeof interim - 1;
			continue;
		case PARSER_FAULT:
			s->counts.malformed++;
			exchange_refuse(x, s, x->parser.status, x->parser.reason);
			break;
		case PARSER_WHOLE:
			answer(x, s, in->at);
			x->parser = (struct parser){ 0 };
			in->at += used;
			in->size -= used;
		}
	}
	if (x->last)
		in->size = 0;
	return false;
}

bool
exchange_began(const struct exchange *x, const struct exchange_input *in)
{
	return in->size > 0 || exchange_has_head(x);
}

bool
exchange_has_head(const struct exchange *x)
{
	return x->parser.state != PARSER_HEAD;
}

size_t
exchange_wants(const struct exchange *x)
{
	return x->parser.state == PARSER_BODY ? (size_t)x->parser.head + x->parser.body
					      : 0;
}
