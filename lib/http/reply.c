/* SPDX-License-Identifier: MIT */
#include "lib/http/reply.h"

#include "lib/base/assert.h"

/* What callbacks return to stop llhttp; it goes on with 0. */
enum { GO_ON = 0 };

static struct reply *
reply_of(llhttp_t *l)
{
	return (struct reply *)(void *)l;
}

/* Status texts, names and values of headers and trailers. */
static int
on_head(llhttp_t *l, const char *at, size_t size)
{
	struct reply *r = reply_of(l);

	(void)at;
	if (size > REPLY_HEAD_MAX - r->head) {
		r->reason = "the head of its answer is too large";
		return HPE_USER;
	}
	r->head += size;
	return GO_ON;
}

/* So that headers of nothing have an end too. */
static int
on_header(llhttp_t *l)
{
	return on_head(l, NULL, 1);
}

static int
on_body(llhttp_t *l, const char *at, size_t size)
{
	struct reply *r = reply_of(l);

	if (size > r->room_size - r->size) {
		r->reason = "the answer is too large";
		return HPE_USER;
	}
	memcpy(r->room + r->size, at, size);
	r->size += size;
	return GO_ON;
}

static int
on_message_complete(llhttp_t *l)
{
	struct reply *r = reply_of(l);

	if (l->status_code < 200)
		return GO_ON;
	r->whole = true;
	r->status = l->status_code;
	r->keep_alive = llhttp_should_keep_alive(l) != 0;
	return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
	.on_status = on_head,
	.on_header_field = on_head,
	.on_header_value = on_head,
	.on_header_value_complete = on_header,
	.on_body = on_body,
	.on_message_complete = on_message_complete,
};

void
reply_begin(struct reply *r, uint8_t *room, size_t room_size)
{
	*r = (struct reply){ .room = room, .room_size = room_size };
	llhttp_init(&r->llhttp, HTTP_RESPONSE, &settings);
}

static enum reply_status
fault(struct reply *r, const char *reason)
{
	if (r->reason == NULL)
		r->reason = reason;
	return REPLY_FAULT;
}

enum reply_status
reply_feed(struct reply *r, struct slice bytes, size_t *used)
{
	const char *at = (const char *)bytes.at;
	llhttp_errno_t error;

	assert(!r->whole);
	*used = bytes.size;
	if (bytes.size == 0)
		return REPLY_MORE;
	r->begun = true;
	error = llhttp_execute(&r->llhttp, at, bytes.size);
	if (error == HPE_OK)
		return REPLY_MORE;
	if (error != HPE_PAUSED || !r->whole)
		return fault(r, "its answer is no HTTP");
	*used = (size_t)(llhttp_get_error_pos(&r->llhttp) - at);
	return REPLY_WHOLE;
}

enum reply_status
reply_end(struct reply *r)
{
	llhttp_errno_t error;

	assert(!r->whole);
	if (!r->begun)
		return fault(r, "it closed the connection");
	error = llhttp_finish(&r->llhttp);
	return (error == HPE_OK || error == HPE_PAUSED) && r->whole
	    ? REPLY_WHOLE
	    : fault(r, "its answer was cut off");
}
