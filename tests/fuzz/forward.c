/* SPDX-License-Identifier: MIT
 *
 * Messages of the Forward protocol from a hostile peer: framed in two pieces as in one,
 * parsed, and turned into records that all have an extent; syslog and JSON lines too. The
 * first byte tells which, and where the bytes are cut.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/net/forward.h"
#include "lib/net/lines.h"
#include "lib/net/write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct forward_limits limits = { 1 << 20, 1 << 21 };

/* Every value of what came out is whole, and there are as many as it says. */
static void
check(const struct forward_records *r)
{
	struct slice rest = r->bytes;
	struct fault fault;
	uint64_t n = 0;
	size_t size;

	for (; rest.size > 0; rest = slice_from(rest, size), n++)
		assert(record_extent(rest, &size, &fault) == SCAN_RECORD);
	assert(n == r->values && r->count <= r->values);
}

static void
messages(struct forward *f, struct slice bytes, size_t cut)
{
	struct forward_framer framer = { 0 }, pieces = { 0 };
	struct forward_mark mark = { 3, 5 };
	struct forward_message m;
	struct forward_records r;
	struct forward_answer answer;
	struct fault fault;
	enum forward_frame whole;
	size_t size = 0, again = 0;

	while (bytes.size > 0) {
		framer = pieces = (struct forward_framer){ 0 };
		whole = forward_frame(&framer, bytes, &size, &fault);
		cut = cut < bytes.size ? cut : bytes.size;
		if (forward_frame(&pieces, slice_of(bytes.at, cut), &again, &fault) ==
		    FRAME_MORE)
			assert(forward_frame(&pieces, bytes, &again, &fault) == whole);
		if (whole != FRAME_WHOLE)
			return;
		assert(size == again && size <= bytes.size);
		if (forward_parse(f, slice_of(bytes.at, size), &m, &fault) &&
		    forward_records(f, &m, 1, cut % 2 == 0 ? &mark : NULL, &r, &fault))
			check(&r);
		if (bytes.at[0] != '{' && bytes.at[0] != '[')
			(void)forward_read_answer(slice_of(bytes.at, size), &answer);
		forward_rest(f);
		bytes = slice_from(bytes, size);
	}
}

static void
text(struct lines *l, struct slice bytes)
{
	struct lines_batch batch;

	while (bytes.size > 0 && lines_records(l, bytes, true, 1, &batch) &&
	    batch.used > 0) {
		struct forward_records r = { .bytes = batch.records,
			.count = batch.count,
			.values = batch.count };

		check(&r);
		bytes = slice_from(bytes, batch.used);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct forward *f;
	static struct lines *json, *syslog;
	uint8_t *copy;

	if (f == NULL) {
		f = forward_new("tag", &limits);
		json = lines_new(LINES_JSON);
		syslog = lines_new(LINES_SYSLOG);
		assert(f != NULL && json != NULL && syslog != NULL);
	}
	if (size == 0)
		return 0;
	copy = malloc(size - 1 + BUFFER_PADDING);
	assert(copy != NULL);
	memcpy(copy, data + 1, size - 1);
	memset(copy + size - 1, 0, BUFFER_PADDING);
	if (data[0] == 's')
		text(syslog, slice_of(copy, size - 1));
	else if (data[0] == 'j')
		text(json, slice_of(copy, size - 1));
	else
		messages(f, slice_of(copy, size - 1), data[0]);
	free(copy);
	return 0;
}
