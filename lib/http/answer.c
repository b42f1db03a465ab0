/* SPDX-License-Identifier: MIT */
#include "lib/http/answer.h"

#include <stdarg.h>
#include <stdio.h>

#include "lib/base/assert.h"
#include "lib/base/number.h"

/* --- By the handler -------------------------------------------------------------- */

static bool
is_value(struct slice value)
{
	for (size_t i = 0; i < value.size; i++)
		if ((value.at[i] < ' ' && value.at[i] != '\t') || value.at[i] == 0x7f)
			return false;
	return true;
}

void
http_header(struct http_answer *a, const char *name, struct slice value)
{
	size_t size = strlen(name);
	uint8_t *to = a->headers + a->headers_size;

	if (!is_value(value) || size > ANSWER_HEADERS_MAX ||
	    value.size > ANSWER_HEADERS_MAX ||
	    size + value.size + 4 > ANSWER_HEADERS_MAX - a->headers_size) {
		a->broken = true;
		return;
	}
	memcpy(to, name, size);
	memcpy(to + size, ": ", 2);
	if (value.size > 0)
		memcpy(to + size + 2, value.at, value.size);
	memcpy(to + size + 2 + value.size, "\r\n", 2);
	a->headers_size += size + value.size + 4;
}

static size_t
room_used(struct http_answer *a)
{
	if (a->body.at != a->room)
		a->body = slice_of(a->room, 0);
	return a->body.size;
}

void
http_append(struct http_answer *a, struct slice text)
{
	size_t used = room_used(a);

	if (text.size > a->room_size - used) {
		a->broken = true;
		return;
	}
	if (text.size > 0)
		memcpy(a->room + used, text.at, text.size);
	a->body.size += text.size;
}

void
http_print(struct http_answer *a, const char *format, ...)
{
	size_t used = room_used(a), left = a->room_size - used;
	va_list list;
	int n;

	va_start(list, format);
	n = vsnprintf((char *)a->room + used, left, format, list);
	va_end(list);
	if (n < 0 || (size_t)n >= left)
		a->broken = true;
	else
		a->body.size += (size_t)n;
}

/* --- By the server --------------------------------------------------------------- */

static const char *
reason_of(unsigned status)
{
	static const struct {
		unsigned status;
		const char *reason;
	} known[] = { { 200, "OK" }, { 201, "Created" }, { 202, "Accepted" },
		{ 204, "No Content" }, { 301, "Moved Permanently" }, { 302, "Found" },
		{ 303, "See Other" }, { 304, "Not Modified" },
		{ 307, "Temporary Redirect" }, { 308, "Permanent Redirect" },
		{ 400, "Bad Request" }, { 401, "Unauthorized" }, { 403, "Forbidden" },
		{ 404, "Not Found" }, { 405, "Method Not Allowed" },
		{ 408, "Request Timeout" }, { 410, "Gone" }, { 411, "Length Required" },
		{ 413, "Content Too Large" }, { 415, "Unsupported Media Type" },
		{ 417, "Expectation Failed" }, { 422, "Unprocessable Content" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" }, { 503, "Service Unavailable" },
		{ 505, "HTTP Version Not Supported" } };

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (known[i].status == status)
			return known[i].reason;
	return "";
}

static uint8_t *
put(uint8_t *to, struct slice text)
{
	if (text.size > 0)
		memcpy(to, text.at, text.size);
	return to + text.size;
}

#define PUT(to, text) put(to, slice_of(text, sizeof text - 1))

static uint8_t *
put_status(uint8_t *to, unsigned status)
{
	to = PUT(to, "HTTP/1.1 ");
	if (status == 200)
		return PUT(to, "200 OK\r\n");
	*to++ = (uint8_t)('0' + status / 100);
	*to++ = (uint8_t)('0' + status / 10 % 10);
	*to++ = (uint8_t)('0' + status % 10);
	*to++ = ' ';
	to = put(to, slice_text(reason_of(status)));
	return PUT(to, "\r\n");
}

static uint8_t *
put_origin(uint8_t *to, const struct answer_frame *frame)
{
	if (frame->origin.size > 0) {
		to = PUT(to, "Access-Control-Allow-Origin: ");
		to = put(to, frame->origin);
		to = PUT(to, "\r\n");
		if (frame->credentials)
			to = PUT(to, "Access-Control-Allow-Credentials: true\r\n");
	}
	return frame->vary ? PUT(to, "Vary: Origin\r\n") : to;
}

static void
check(struct http_answer *a)
{
	if (!a->broken && a->body.size <= a->room_size && a->status >= 200 &&
	    a->status <= 599 && (a->type == NULL || strlen(a->type) <= 128))
		return;
	a->broken = true;
	a->status = 500;
	a->type = NULL;
	a->body = (struct slice){ 0 };
	a->headers_size = 0;
}

size_t
answer_write(struct http_answer *a, const struct answer_frame *frame, uint8_t *to)
{
	uint8_t *at;
	bool none;

	check(a);
	none = a->status == 204 || a->status == 304;
	at = put_status(to, a->status);
	at = put(at, frame->date);
	if (a->type != NULL && !none) {
		at = PUT(at, "Content-Type: ");
		at = put(at, slice_text(a->type));
		at = PUT(at, "\r\n");
	}
	if (!none) {
		at = PUT(at, "Content-Length: ");
		at += number_format_uint(a->body.size, (char *)at);
		at = PUT(at, "\r\n");
	}
	if (!frame->keep_alive)
		at = PUT(at, "Connection: close\r\n");
	else if (frame->old)
		at = PUT(at, "Connection: keep-alive\r\n");
	if (frame->origin.size > 0 || frame->vary)
		at = put_origin(at, frame);
	at = put(at, slice_of(a->headers, a->headers_size));
	at = PUT(at, "\r\n");
	assert(at <= to + ANSWER_HEAD_ROOM);
	if (!none && !frame->no_body)
		at = put(at, a->body);
	return (size_t)(at - to);
}
