/* SPDX-License-Identifier: MIT
 *
 * What a hostile server sends: answer after answer, cut anywhere, are the same answers as
 * in one piece, and no body is larger than its room. The first byte chooses the room, the
 * second one the cuts.
 */
#include <stdlib.h>

#include "lib/base/assert.h"
#include "lib/hash.h"
#include "lib/http/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROOM = 4096, ANSWERS = 64 };

struct heard {
	uint64_t digest[ANSWERS];
	unsigned n;
	bool fault;
};

static void
hear(struct heard *h, const struct reply *r)
{
	assert(r->status >= 200 && r->size <= r->room_size);
	if (h->n < ANSWERS)
		h->digest[h->n++] = hash_pair(
		    hash_bytes(reply_body(r), r->status), (uint64_t)r->keep_alive);
}

/* As a client reads: until an answer is the last of its connection. */
static void
converse(size_t room, uint64_t cuts, struct slice bytes, struct heard *to)
{
	uint8_t *body = malloc(room), *piece;
	struct random random = { cuts };
	enum reply_status status = REPLY_MORE;
	struct reply r;
	size_t used, n;
	bool open = true;

	*to = (struct heard){ .n = 0 };
	assert(body != NULL);
	reply_begin(&r, body, room);
	while (bytes.size > 0 && open) {
		n = cuts == 0 ? bytes.size : 1 + random_next(&random) % 30;
		n = n < bytes.size ? n : bytes.size;
		piece = malloc(n);
		assert(piece != NULL);
		memcpy(piece, bytes.at, n);
		status = reply_feed(&r, slice_of(piece, n), &used);
		free(piece);
		assert(used <= n && (status != REPLY_FAULT || r.reason != NULL));
		bytes = slice_from(bytes, used);
		if (status == REPLY_WHOLE) {
			hear(to, &r);
			open = r.keep_alive;
			reply_begin(&r, body, room);
		}
		to->fault = status == REPLY_FAULT;
		open = open && !to->fault;
	}
	if (open && reply_end(&r) == REPLY_WHOLE)
		hear(to, &r);
	free(body);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct heard whole, pieces;
	struct slice bytes;

	if (size < 3 || size > 64 * 1024)
		return 0;
	bytes = slice_of(data + 2, size - 2);
	converse(1 + data[0] * (ROOM / 256), 0, bytes, &whole);
	converse(1 + data[0] * (ROOM / 256), 1 + data[1], bytes, &pieces);
	assert(whole.n == pieces.n && whole.fault == pieces.fault);
	assert(
	    memcmp(whole.digest, pieces.digest, whole.n * sizeof *whole.digest) == 0);
	return 0;
}
