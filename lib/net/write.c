/* SPDX-License-Identifier: MIT */
#include "lib/net/write.h"

#include "lib/base/assert.h"
#include "lib/base/bytes.h"
#include "lib/hash.h"
#include "lib/text/base64.h"
#include "lib/text/print.h"

enum { HEADER_MAX = 512, ENTRY_HEADER = 16, PAIRS_MAX = 16 };

bool
forward_write_entry(struct buffer *to, struct slice record, instant when)
{
	struct build b;

	if (!buffer_reserve(to, ENTRY_HEADER + record.size, SIZE_MAX / 4))
		return false;
	build_init(&b, to->at + to->size, ENTRY_HEADER + record.size);
	build_array(&b, 2);
	forward_build_time(&b, when);
	build_raw(&b, record);
	to->size += build_slice(&b).size;
	return !build_full(&b);
}

void
forward_chunk_id(const uint8_t stream[FORWARD_STREAM_SIZE], uint64_t number,
    char to[FORWARD_ID_SIZE])
{
	uint8_t named[FORWARD_STREAM_SIZE + 8], hash[16];

	memcpy(named, stream, FORWARD_STREAM_SIZE);
	bytes_store_le64(named + FORWARD_STREAM_SIZE, number);
	hash_wide(slice_of(named, sizeof named), 0, hash);
	base64_encode(slice_of(hash, sizeof hash), (uint8_t *)to);
}

static void
build_option(struct build *b, const struct forward_chunk *c)
{
	static const char *const packings[] = { "text", "gzip", "zstd" };

	build_map(b, c->numbers == NULL ? 3 : 6);
	build_text(b, "chunk");
	build_str(b, slice_of(c->id, FORWARD_ID_SIZE));
	build_text(b, "size");
	build_uint(b, c->count);
	build_text(b, "compressed");
	build_text(b, packings[c->packing]);
	if (c->numbers == NULL)
		return;
	build_text(b, "bp_stream");
	build_bin(b, slice_of(c->numbers->stream, FORWARD_STREAM_SIZE));
	build_text(b, "bp_first");
	build_uint(b, c->numbers->first);
	build_text(b, "bp_chain");
	build_uint(b, c->numbers->chain);
}

/* Append the blob with a header that has room for its size, which compression tells
 * afterwards. */
static bool
add_blob(struct inflater *u, const struct forward_chunk *c, struct buffer *to)
{
	size_t header = to->size, start = header + 5;

	if (!buffer_reserve(to, 5, SIZE_MAX / 4))
		return false;
	to->at[header] = 0xc6;
	to->size = start;
	if (c->packing == PACKING_GZIP ? !pack_gzip(u, c->blob, to)
		: c->packing == PACKING_ZSTD
		? !pack_zstd(u, c->blob, to)
		: !buffer_append(to, c->blob, SIZE_MAX / 4))
		return false;
	if (to->size - start > UINT32_MAX)
		return false;
	bytes_store_be32(to->at + header + 1, (uint32_t)(to->size - start));
	return true;
}

bool
forward_write_chunk(
    struct inflater *u, const struct forward_chunk *c, struct buffer *to)
{
	uint8_t storage[HEADER_MAX + FORWARD_TAG_MAX];
	struct build b;

	build_init(&b, storage, sizeof storage);
	build_array(&b, 3);
	build_text(&b, c->tag);
	if (build_full(&b) || !buffer_append(to, build_slice(&b), SIZE_MAX / 4) ||
	    !add_blob(u, c, to))
		return false;
	build_reset(&b);
	build_option(&b, c);
	return !build_full(&b) && buffer_append(to, build_slice(&b), SIZE_MAX / 4);
}

static void
build_ack(struct build *b, struct slice chunk, const struct forward_mark *mark)
{
	build_map(b, mark == NULL ? 1 : 3);
	build_text(b, "ack");
	build_raw(b, chunk);
	if (mark == NULL)
		return;
	build_text(b, "bp_next");
	build_uint(b, mark->next);
	build_text(b, "bp_chain");
	build_uint(b, mark->chain);
}

void
forward_build_ack(
    struct build *b, struct slice chunk, const struct forward_mark *mark, bool json)
{
	uint8_t storage[HEADER_MAX];
	struct build value;

	if (!json) {
		build_ack(b, chunk, mark);
		return;
	}
	build_init(&value, storage, sizeof storage);
	build_ack(&value, chunk, mark);
	assert(!build_full(&value));
	print_json(build_slice(&value), b);
}

void
forward_build_refusal(struct build *b, const char *reason)
{
	build_map(b, 1);
	build_text(b, "bp_refused");
	build_text(b, reason);
}

bool
forward_read_answer(struct slice value, struct forward_answer *to)
{
	struct value_walk walk;
	struct slice key, item, name;
	bool next = false, chain = false;

	*to = (struct forward_answer){ 0 };
	if (value_type(value) != VALUE_MAP || value_count(value) > PAIRS_MAX)
		return false;
	for (value_open(value, &walk); value_next(&walk, &key, &item);) {
		/* An answer has no nested values: none is walked into. */
		if (value_type(item) == VALUE_ARRAY || value_type(item) == VALUE_MAP ||
		    !value_str(key, &name))
			return false;
		if (slice_is(name, "ack") && !value_text(item, &to->ack))
			return false;
		if (slice_is(name, "bp_refused") && !value_text(item, &to->refused))
			return false;
		if (slice_is(name, "bp_next"))
			next = value_uint(item, &to->mark.next);
		if (slice_is(name, "bp_chain"))
			chain = value_uint(item, &to->mark.chain);
	}
	to->marked = next && chain;
	return to->ack.at != NULL || to->refused.at != NULL;
}
