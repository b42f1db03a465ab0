/* SPDX-License-Identifier: MIT */
#include "lib/http/parser.h"

#include <llhttp.h>

#include "lib/base/assert.h"
#include "lib/base/bytes.h"
#include "lib/base/number.h"

enum { CHUNK_DIGITS_MAX = 8, HOST_MAX = 255 };

static enum parser_status
fault(struct parser *p, unsigned status, const char *reason)
{
	p->status = status;
	p->reason = reason;
	return PARSER_FAULT;
}

/* --- The end of the head --------------------------------------------------------- */

/* The offset of the first control character, `size` when there is none. */
static size_t
find_control(const uint8_t *bytes, size_t at, size_t size)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), high = ones * 0x80;
	uint64_t x, del, found;

	for (; size - at >= 8; at += 8) {
		x = bytes_load_le64(bytes + at);
		del = x ^ (ones * 0x7f);
		found = (((x - ones * 0x20) & ~x) | ((del - ones) & ~del)) & high;
		/* Only bytes behind a true one can be found wrongly. */
		if (found != 0)
			return at + (size_t)__builtin_ctzll(found) / 8;
	}
	while (at < size && bytes[at] >= 0x20 && bytes[at] != 0x7f)
		at++;
	return at;
}

/* A line that is not the last may not begin with a space: it would be a folded one. */
static bool
is_folded(const struct parser *p, const uint8_t *bytes, size_t at)
{
	return at == p->line && (bytes[at] == ' ' || bytes[at] == '\t');
}

/* PARSER_WHOLE: p->head is set. */
static enum parser_status
scan(struct parser *p, const uint8_t *bytes, size_t size)
{
	bool cut = size >= PARSER_HEAD_MAX;
	size_t at = p->scanned;

	size = cut ? PARSER_HEAD_MAX : size;
	while (at < size) {
		if (is_folded(p, bytes, at))
			return fault(p, 400, "a line begins with a space");
		at = find_control(bytes, at, size);
		if (at == size)
			break;
		if (bytes[at] == '\t') {
			at++;
			continue;
		}
		if (bytes[at] != '\r')
			return fault(p, 400, "a control character in the head");
		if (at + 1 == size)
			break;
		if (bytes[at + 1] != '\n')
			return fault(p, 400, "a carriage return without a line feed");
		if (at == p->line && p->lines > 0) {
			p->head = (uint32_t)at + 2;
			return PARSER_WHOLE;
		}
		/* One empty line may come before a request (RFC 9112, 2.2). */
		if (at == p->line && at > 0)
			return fault(p, 400, "empty lines before the request");
		p->lines += at > p->line;
		at += 2;
		p->line = (uint32_t)at;
	}
	p->scanned = (uint32_t)at;
	return cut ? fault(p, 431, "the head is too large") : PARSER_MORE;
}

/* --- llhttp ---------------------------------------------------------------------- */

/* While a head is read. */
struct reader {
	llhttp_t llhttp; /* first: callbacks are given this */
	struct parser *parser;
	const uint8_t *base;
	struct slice version, name, value;
	unsigned headers, hosts, lengths, codings; /* how many came */
};

static struct reader *
reader_of(llhttp_t *l)
{
	return (struct reader *)(void *)l;
}

/* A span may come in pieces, which follow each other. */
static void
extend(struct slice *s, const char *at, size_t size)
{
	if (s->at == NULL)
		s->at = (const uint8_t *)at;
	s->size = (size_t)((const uint8_t *)at - s->at) + size;
}

static struct parser_range
range(const struct reader *r, struct slice s)
{
	return (struct parser_range){ (uint16_t)(s.at - r->base), (uint16_t)s.size };
}

static int
on_url(llhttp_t *l, const char *at, size_t size)
{
	struct reader *r = reader_of(l);
	struct slice target = { 0 };

	if (r->parser->target.at != 0)
		target = slice_of(r->base + r->parser->target.at, 0);
	extend(&target, at, size);
	r->parser->target = range(r, target);
	return 0;
}

static int
on_version(llhttp_t *l, const char *at, size_t size)
{
	extend(&reader_of(l)->version, at, size);
	return 0;
}

static int
on_field(llhttp_t *l, const char *at, size_t size)
{
	extend(&reader_of(l)->name, at, size);
	return 0;
}

static int
on_value(llhttp_t *l, const char *at, size_t size)
{
	extend(&reader_of(l)->value, at, size);
	return 0;
}

static int
on_value_complete(llhttp_t *l)
{
	struct reader *r = reader_of(l);
	enum http_header h = http_header_find(r->name);
	struct parser_range *to = &r->parser->header[h < HEADER_COUNT ? h : 0];

	if (r->name.size == 0)
		return HPE_USER; /* llhttp would let it pass */
	r->headers++;
	r->hosts += h == HEADER_HOST;
	r->lengths += h == HEADER_CONTENT_LENGTH;
	r->codings += h == HEADER_TRANSFER_ENCODING;
	if (h < HEADER_COUNT && (to->at == 0 || h == HEADER_X_FORWARDED_FOR))
		/* An empty value is somewhere too. */
		*to = range(r,
		    r->value.at != NULL ? slice_trim(r->value)
					: slice_of(r->name.at, 0));
	r->name = r->value = (struct slice){ 0 };
	return 0;
}

static int
on_headers_complete(llhttp_t *l)
{
	(void)l;
	return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
	.on_url = on_url,
	.on_version = on_version,
	.on_header_field = on_field,
	.on_header_value = on_value,
	.on_header_value_complete = on_value_complete,
	.on_headers_complete = on_headers_complete,
};

static enum parser_status
run_llhttp(struct parser *p, struct reader *r)
{
	const char *bytes = (const char *)r->base;
	llhttp_errno_t error;

	llhttp_init(&r->llhttp, HTTP_REQUEST, &settings);
	error = llhttp_execute(&r->llhttp, bytes, p->head);
	if (error == HPE_INVALID_VERSION)
		return fault(p, 505, "HTTP 1.0 and 1.1 are spoken here");
	/* It has to pause where our scan found the end. */
	if (error != HPE_PAUSED || llhttp_get_error_pos(&r->llhttp) != bytes + p->head)
		return fault(p, 400, "no HTTP request");
	if (r->headers > PARSER_HEADERS_MAX)
		return fault(p, 431, "too many headers");
	return PARSER_WHOLE;
}

/* --- What the head says ---------------------------------------------------------- */

static struct slice
header(const struct parser *p, const uint8_t *bytes, enum http_header h)
{
	return p->header[h].at == 0
	    ? (struct slice){ 0 }
	    : slice_of(bytes + p->header[h].at, p->header[h].size);
}

static bool
is_in_any_case(struct slice text, const char *lower)
{
	for (size_t i = 0; i < text.size; i++)
		if (lower[i] == '\0' || (text.at[i] | 0x20) != (uint8_t)lower[i])
			return false;
	return lower[text.size] == '\0';
}

/* Only what the four methods want: a path, or the '*' of OPTIONS. */
static bool
is_target(const struct parser *p, struct slice target)
{
	if (p->method == METHOD_OPTIONS && slice_is(target, "*"))
		return true;
	if (target.size == 0 || target.at[0] != '/')
		return false;
	for (size_t i = 0; i < target.size; i++)
		if (target.at[i] <= ' ' || target.at[i] > '~' || target.at[i] == '#')
			return false;
	return true;
}

/* No part of a name, an address or a port: what begins something else in a URL. */
static bool
ends_host(uint8_t c)
{
	switch (c) {
	case '/':
	case '\\':
	case '@':
	case '?':
	case '#':
	case ',':
	case '<':
	case '>':
	case '"':
		return true;
	default:
		return c <= ' ' || c > '~';
	}
}

static bool
is_host(struct slice host)
{
	if (host.size > HOST_MAX)
		return false;
	for (size_t i = 0; i < host.size; i++)
		if (ends_host(host.at[i]))
			return false;
	return true;
}

/* "METHOD TARGET HTTP/1.1", with one space each. llhttp lets several pass, and reads RTSP,
 * ICE and requests without a version too. */
static bool
is_line(const struct parser *p, const struct reader *r)
{
	static const char protocol[] = " HTTP/";
	enum { PROTOCOL = sizeof protocol - 1 };
	const uint8_t *target = r->base + p->target.at;
	const uint8_t *end = target + p->target.size;

	return p->target.at > 2 && target[-1] == ' ' && target[-2] != ' ' &&
	    r->version.at == end + PROTOCOL && memcmp(end, protocol, PROTOCOL) == 0;
}

static enum parser_status
check_line(struct parser *p, const struct reader *r)
{
	const uint8_t *bytes = r->base;

	if (!is_line(p, r))
		return fault(p, 400, "no HTTP request");
	if (r->llhttp.http_major != 1 || r->llhttp.http_minor > 1)
		return fault(p, 505, "HTTP 1.0 and 1.1 are spoken here");
	p->old = r->llhttp.http_minor == 0;
	switch (r->llhttp.method) {
	case HTTP_GET:
		p->method = METHOD_GET;
		break;
	case HTTP_HEAD:
		p->method = METHOD_HEAD;
		break;
	case HTTP_POST:
		p->method = METHOD_POST;
		break;
	case HTTP_OPTIONS:
		p->method = METHOD_OPTIONS;
		break;
	default:
		return fault(p, 405, "GET, HEAD, POST and OPTIONS are known here");
	}
	if (!is_target(p, slice_of(bytes + p->target.at, p->target.size)))
		return fault(p, 400, "the target is no path");
	if (r->hosts > 1 || (r->hosts == 0 && !p->old) ||
	    !is_host(header(p, bytes, HEADER_HOST)))
		return fault(p, 400, "one good Host header is wanted");
	return PARSER_WHOLE;
}

static enum parser_status
check_body(struct parser *p, const struct parser_limits *limits, const struct reader *r)
{
	const uint8_t *bytes = r->base;
	struct slice expect = header(p, bytes, HEADER_EXPECT);
	uint64_t size = 0;

	if (expect.at != NULL && !is_in_any_case(expect, "100-continue"))
		return fault(p, 417, "only 100-continue can be expected");
	if (r->lengths + r->codings > 1)
		return fault(p, 400, "the body's length is said more than once");
	if (r->codings > 0) {
		if (p->old)
			return fault(p, 400, "chunks in HTTP/1.0");
		if (limits->no_chunks)
			return fault(p, 411, "a Content-Length is wanted");
		if (!is_in_any_case(
			header(p, bytes, HEADER_TRANSFER_ENCODING), "chunked"))
			return fault(p, 400, "a transfer coding but chunked");
		p->state = PARSER_CHUNKS;
	} else {
		if (r->lengths > 0 &&
		    (!number_parse_uint(
			 header(p, bytes, HEADER_CONTENT_LENGTH), &size) ||
			size != r->llhttp.content_length))
			return fault(p, 400, "a bad Content-Length");
		if (size > limits->body)
			return fault(p, 413, "the body is too large");
		p->body = (uint32_t)size;
		p->state = PARSER_BODY;
	}
	p->waits = expect.at != NULL && !p->old && (size > 0 || r->codings > 0);
	p->keep_alive = llhttp_should_keep_alive(&r->llhttp) != 0;
	return PARSER_WHOLE;
}

static enum parser_status
read_head(struct parser *p, const struct parser_limits *limits, const uint8_t *bytes)
{
	struct reader r = { .parser = p, .base = bytes };
	enum parser_status status = run_llhttp(p, &r);

	if (status == PARSER_WHOLE)
		status = check_line(p, &r);
	return status == PARSER_WHOLE ? check_body(p, limits, &r) : status;
}

/* --- Chunks ---------------------------------------------------------------------- */

static enum parser_status
after_size(struct parser *p, const struct parser_limits *limits)
{
	if (p->left > limits->body - p->body)
		return fault(p, 413, "the body is too large");
	p->chunk = p->left > 0 ? CHUNK_DATA : CHUNK_LAST;
	p->digits = 0;
	return PARSER_MORE;
}

/* One byte that is no data. PARSER_WHOLE: it was the last. */
static enum parser_status
framing(struct parser *p, const struct parser_limits *limits, uint8_t c)
{
	int digit = number_hex_digit(c);

	switch (p->chunk) {
	case CHUNK_SIZE:
		if (digit >= 0 && p->digits < CHUNK_DIGITS_MAX) {
			p->left = p->left << 4 | (uint32_t)digit;
			p->digits++;
			return PARSER_MORE;
		}
		if (c != '\r' || p->digits == 0)
			break;
		p->chunk = CHUNK_LINE;
		return PARSER_MORE;
	case CHUNK_LINE:
		if (c == '\n')
			return after_size(p, limits);
		break;
	case CHUNK_CR:
		if (c != '\r')
			break;
		p->chunk = CHUNK_LF;
		return PARSER_MORE;
	case CHUNK_LAST:
		if (c != '\r')
			break;
		p->digits = 1; /* that it was the last */
		p->chunk = CHUNK_LF;
		return PARSER_MORE;
	case CHUNK_LF:
		if (c != '\n')
			break;
		if (p->digits == 1)
			return PARSER_WHOLE;
		p->chunk = CHUNK_SIZE;
		return PARSER_MORE;
	case CHUNK_DATA:
		assert(false);
	}
	return fault(p, 400, "a bad chunk");
}

/* Bytes before `head + body` are done with; all after it are new. */
static enum parser_status
read_chunks(struct parser *p, const struct parser_limits *limits, uint8_t *bytes,
    size_t *size, size_t *used)
{
	enum parser_status status;
	size_t at = p->head + p->body, n;

	while (at < *size) {
		if (p->chunk == CHUNK_DATA) {
			n = p->left < *size - at ? p->left : *size - at;
			memmove(bytes + p->head + p->body, bytes + at, n);
			p->body += (uint32_t)n;
			p->left -= (uint32_t)n;
			at += n;
			if (p->left == 0)
				p->chunk = CHUNK_CR;
			continue;
		}
		status = framing(p, limits, bytes[at++]);
		if (status == PARSER_WHOLE)
			*used = at;
		if (status != PARSER_MORE)
			return status;
	}
	*size = p->head + p->body;
	return PARSER_MORE;
}

/* --- A request ------------------------------------------------------------------- */

enum parser_status
parser_next(struct parser *p, const struct parser_limits *limits, uint8_t *bytes,
    size_t *size, size_t *used)
{
	enum parser_status status = PARSER_WHOLE;

	if (p->state == PARSER_HEAD) {
		status = scan(p, bytes, *size);
		if (status == PARSER_WHOLE)
			status = read_head(p, limits, bytes);
		if (status != PARSER_WHOLE)
			return status;
		if (p->waits)
			return PARSER_CONTINUE;
	}
	if (p->state == PARSER_CHUNKS)
		return read_chunks(p, limits, bytes, size, used);
	*used = p->head + p->body;
	return *size >= *used ? PARSER_WHOLE : PARSER_MORE;
}

void
parser_request(const struct parser *p, const uint8_t *bytes, struct http_request *to)
{
	struct slice target = slice_of(bytes + p->target.at, p->target.size);
	size_t mark = slice_find(target, '?');

	to->method = p->method;
	to->path = slice_of(target.at, mark);
	to->query = slice_from(target, mark < target.size ? mark + 1 : mark);
	to->body = slice_of(bytes + p->head, p->body);
	for (unsigned i = 0; i < HEADER_COUNT; i++)
		to->header[i] = header(p, bytes, (enum http_header)i);
	to->client = slice_of("", 0);
}
