/* SPDX-License-Identifier: MIT
 *
 * The bytes of a hostile connection, from the parser through a handler that touches all of
 * it to the answers: cut anywhere they bring the same answers as in one piece. And llhttp,
 * reading whole messages by itself, agrees with every request taken about where it ends
 * and what its body is. The first two bytes choose the configuration and the cuts.
 */
#include <llhttp.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/hash.h"
#include "lib/http/exchange.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ANSWERS = 4 << 20 };

/* What was taken: a digest each of target and body, for both to agree about. */
struct taken {
	uint64_t digest[4096];
	size_t n;
};

struct side {
	struct taken taken;
	uint8_t *answers;
	size_t size;
};

static int64_t
no_time(const struct os *os)
{
	(void)os;
	return 1000000;
}

static uint64_t
digest(struct slice path, struct slice query, struct slice body)
{
	return hash_pair(
	    hash_pair(hash_bytes(path, 1), hash_bytes(query, 2)), hash_bytes(body, 3));
}

static void
handle(void *context, const struct http_request *r, struct http_answer *a)
{
	struct taken *t = context;
	uint8_t *room = malloc(r->query.size + 1), *left = room;
	struct slice rest = r->query, name, value;
	uint64_t all = hash_bytes(r->client, r->method);

	if (t->n < sizeof t->digest / sizeof *t->digest)
		t->digest[t->n++] = digest(r->path, r->query, r->body);
	for (unsigned i = 0; i < HEADER_COUNT; i++) {
		all = hash_pair(all, hash_bytes(r->header[i], i));
		if (r->header[i].at != NULL)
			http_header(a, "X-Sent", r->header[i]);
	}
	while (http_query_next(&rest, &left, &name, &value))
		all = hash_pair(all, hash_bytes(name, hash_bytes(value, 0)));
	assert(left <= room + r->query.size);
	if (http_cookie_find(r->header[HEADER_COOKIE], "id", &value))
		all = hash_pair(all, hash_bytes(value, 4));
	free(room);
	a->status = 200 + (unsigned)(all % 3) * 100;
	a->type = all % 2 == 0 ? "text/plain" : NULL;
	a->close = all % 7 == 0;
	http_print(a, "%016llx", (unsigned long long)all);
	http_append(a, r->body);
}

static struct http_config
choose(uint8_t choice, const struct os *os, struct taken *to)
{
	static const char *const origins[] = { "http://a", "https://b", "*" };

	return (struct http_config){ .os = os,
		.origins = origins,
		.origin_count = choice & 3,
		.proxies = choice >> 2 & 3,
		.body_bytes = 64 + 1000 * (choice >> 4 & 1),
		.answer_bytes = 2048,
		.handle = handle,
		.context = to };
}

/* One read: bytes after those that are kept, in a block of their own, which the rest
 * leaves again. */
static void
feed(struct exchange *x, struct service *s, struct exchange_input *kept,
    struct slice bytes, struct side *side)
{
	uint8_t *block = malloc(kept->size + bytes.size);
	struct exchange_input in = { block, kept->size + bytes.size };
	bool more;

	assert(block != NULL);
	if (kept->size > 0)
		memcpy(block, kept->at, kept->size);
	memcpy(block + kept->size, bytes.at, bytes.size);
	do {
		more = exchange_feed(x, s, &in);
		assert(side->size + s->out_size <= ANSWERS);
		memcpy(side->answers + side->size, s->out, s->out_size);
		side->size += s->out_size;
		s->out_size = 0;
	} while (more);
	assert(in.size <= PARSER_HEAD_MAX + s->config.body_bytes);
	assert(in.size == 0 || exchange_began(x, &in));
	free(kept->at);
	kept->at = malloc(in.size + 1);
	kept->size = in.size;
	assert(kept->at != NULL);
	if (in.size > 0)
		memcpy(kept->at, in.at, in.size);
	free(block);
}

/* In pieces of up to 40 bytes, or in one. */
static void
converse(uint8_t choice, uint64_t cuts, struct slice bytes, struct side *side)
{
	const struct os os = { .wall_us = no_time, .monotonic_us = no_time };
	const struct http_config config = choose(choice, &os, &side->taken);
	struct exchange_input kept = { 0 };
	struct exchange x = { .peer = choice & 32 ? "192.0.2.7" : NULL };
	struct random random = { cuts };
	struct service s;
	struct error error;
	size_t at = 0, n;

	side->taken.n = side->size = 0;
	if (service_init(&s, &config, &error) != 0)
		abort();
	while (at < bytes.size && !x.last) {
		n = cuts == 0 ? bytes.size : 1 + random_next(&random) % 40;
		n = n < bytes.size - at ? n : bytes.size - at;
		feed(&x, &s, &kept, slice_of(bytes.at + at, n), side);
		at += n;
	}
	free(kept.at);
	service_fini(&s);
}

/* --- llhttp alone ----------------------------------------------------------------- */

struct alone {
	llhttp_t llhttp;
	struct taken taken;
	uint8_t target[PARSER_HEAD_MAX], body[2048];
	size_t target_size, body_size;
};

static int
on_begin(llhttp_t *l)
{
	struct alone *a = (struct alone *)(void *)l;

	a->target_size = a->body_size = 0;
	return 0;
}

static int
on_url(llhttp_t *l, const char *at, size_t size)
{
	struct alone *a = (struct alone *)(void *)l;

	if (size > sizeof a->target - a->target_size)
		return -1;
	memcpy(a->target + a->target_size, at, size);
	a->target_size += size;
	return 0;
}

static int
on_body(llhttp_t *l, const char *at, size_t size)
{
	struct alone *a = (struct alone *)(void *)l;

	if (size > sizeof a->body - a->body_size)
		return -1;
	memcpy(a->body + a->body_size, at, size);
	a->body_size += size;
	return 0;
}

static int
on_complete(llhttp_t *l)
{
	struct alone *a = (struct alone *)(void *)l;
	struct slice target = slice_of(a->target, a->target_size);
	size_t mark = slice_find(target, '?');
	struct slice query = slice_from(target, mark < target.size ? mark + 1 : mark);

	if (l->method != HTTP_OPTIONS &&
	    a->taken.n < sizeof a->taken.digest / sizeof *a->taken.digest)
		a->taken.digest[a->taken.n++] = digest(
		    slice_of(target.at, mark), query, slice_of(a->body, a->body_size));
	return 0;
}

static void
read_alone(struct alone *a, struct slice bytes)
{
	static const llhttp_settings_t settings = { .on_message_begin = on_begin,
		.on_url = on_url,
		.on_body = on_body,
		.on_message_complete = on_complete };
	const char *at = (const char *)bytes.at, *end = at + bytes.size;

	a->taken.n = 0;
	llhttp_init(&a->llhttp, HTTP_REQUEST, &settings);
	while (
	    llhttp_execute(&a->llhttp, at, (size_t)(end - at)) == HPE_PAUSED_UPGRADE) {
		at = llhttp_get_error_pos(&a->llhttp);
		llhttp_resume_after_upgrade(&a->llhttp);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct side whole, pieces;
	static struct alone alone;
	struct slice bytes;

	if (whole.answers == NULL) {
		whole.answers = malloc(ANSWERS);
		pieces.answers = malloc(ANSWERS);
		assert(whole.answers != NULL && pieces.answers != NULL);
	}
	if (size < 3 || size > 64 * 1024)
		return 0;
	bytes = slice_of(data + 2, size - 2);
	converse(data[0], 0, bytes, &whole);
	converse(data[0], 1 + data[1], bytes, &pieces);
	assert(slice_equal(slice_of(whole.answers, whole.size),
	    slice_of(pieces.answers, pieces.size)));
	read_alone(&alone, bytes);
	assert(alone.taken.n >= whole.taken.n);
	assert(memcmp(alone.taken.digest, whole.taken.digest,
		   whole.taken.n * sizeof *whole.taken.digest) == 0);
	return 0;
}
