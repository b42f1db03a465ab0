/* SPDX-License-Identifier: MIT */
#include "lib/log/format.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/base/bytes.h"
#include "lib/base/number.h"
#include "lib/hash.h"
#include "lib/stream/frame.h"

/* Where the fields lie; the format's comment has them in this order. */
enum {
	AT_TAG = 8,
	AT_VERSION = 12,
	AT_MARKS = 14,
	AT_UUID = 16,
	AT_FIRST = 32,
	AT_COUNT = 40,
	AT_BODY = 44,
	AT_PACKED = 48,
	AT_CHECK = 52,
	AT_EPOCH = 56,
	AT_SMALLEST = 64,
	AT_LARGEST = 72,
	AT_SYNCED = 80,
	AT_HASH = 88,
	AT_CHAIN = 104,
	AT_MARK = 120,
};

static void
put_head(uint8_t *to, size_t size, const char *tag, uint16_t number)
{
	bytes_store_le32(to, FRAME_SKIPPABLE_MAGIC);
	bytes_store_le32(to + 4, (uint32_t)(size - FRAME_SKIPPABLE_HEAD));
	memcpy(to + AT_TAG, tag, 4);
	bytes_store_le32(to + AT_VERSION, LOG_VERSION | (uint32_t)number << 16);
}

static void
put_times(uint8_t *to, const struct log_times *times)
{
	bytes_store_le64(to, (uint64_t)times->smallest);
	bytes_store_le64(to + 8, (uint64_t)times->largest);
}

static void
get_times(const uint8_t *from, struct log_times *times)
{
	times->smallest = (instant)bytes_load_le64(from);
	times->largest = (instant)bytes_load_le64(from + 8);
}

void
log_header_write(const struct log_header *h, uint8_t *to)
{
	size_t size = log_header_size(h->marks);
	uint8_t *at = to + AT_MARK;

	assert(h->marks <= LOG_SENDERS_MAX);
	put_head(to, size, "BPLB", (uint16_t)h->marks);
	memcpy(to + AT_UUID, h->uuid, LOG_UUID_SIZE);
	bytes_store_le64(to + AT_FIRST, h->first);
	bytes_store_le32(to + AT_COUNT, h->count);
	bytes_store_le32(to + AT_BODY, h->body);
	bytes_store_le32(to + AT_PACKED, h->packed);
	bytes_store_le32(to + AT_CHECK, h->check);
	bytes_store_le64(to + AT_EPOCH, h->epoch);
	put_times(to + AT_SMALLEST, &h->times);
	bytes_store_le64(to + AT_SYNCED, h->synced);
	memcpy(to + AT_HASH, h->hash, LOG_HASH_SIZE);
	memcpy(to + AT_CHAIN, h->chain, LOG_HASH_SIZE);
	for (unsigned i = 0; i < h->marks; i++, at += LOG_MARK_SIZE) {
		memcpy(at, h->mark[i].sender, LOG_UUID_SIZE);
		bytes_store_le64(at + LOG_UUID_SIZE, h->mark[i].next);
		memcpy(at + LOG_UUID_SIZE + 8, h->mark[i].chain, LOG_HASH_SIZE);
	}
	bytes_store_le32(at, hash_crc32c(0, slice_of(to, size - 4)));
}

size_t
log_header_peek(struct slice bytes)
{
	uint32_t number;
	size_t size;

	assert(bytes.size >= AT_UUID);
	number = bytes_load_le32(bytes.at + AT_VERSION);
	size = log_header_size(number >> 16);
	return bytes_load_le32(bytes.at) == FRAME_SKIPPABLE_MAGIC &&
		memcmp(bytes.at + AT_TAG, "BPLB", 4) == 0 &&
		(number & 0xffff) == LOG_VERSION && number >> 16 <= LOG_SENDERS_MAX &&
		bytes_load_le32(bytes.at + 4) == size - FRAME_SKIPPABLE_HEAD
	    ? size
	    : 0;
}

bool
log_header_read(struct slice bytes, struct log_header *to)
{
	const uint8_t *from = bytes.at, *at = from + AT_MARK;

	if (bytes.size < LOG_HEADER_MIN || log_header_peek(bytes) != bytes.size ||
	    bytes_load_le32(from + bytes.size - 4) !=
		hash_crc32c(0, slice_of(from, bytes.size - 4)))
		return false;
	memcpy(to->uuid, from + AT_UUID, LOG_UUID_SIZE);
	to->first = bytes_load_le64(from + AT_FIRST);
	to->count = bytes_load_le32(from + AT_COUNT);
	to->body = bytes_load_le32(from + AT_BODY);
	to->packed = bytes_load_le32(from + AT_PACKED);
	to->check = bytes_load_le32(from + AT_CHECK);
	to->epoch = bytes_load_le64(from + AT_EPOCH);
	get_times(from + AT_SMALLEST, &to->times);
	to->synced = bytes_load_le64(from + AT_SYNCED);
	memcpy(to->hash, from + AT_HASH, LOG_HASH_SIZE);
	memcpy(to->chain, from + AT_CHAIN, LOG_HASH_SIZE);
	to->marks = bytes_load_le32(from + AT_VERSION) >> 16;
	for (unsigned i = 0; i < to->marks; i++, at += LOG_MARK_SIZE) {
		memcpy(to->mark[i].sender, at, LOG_UUID_SIZE);
		to->mark[i].next = bytes_load_le64(at + LOG_UUID_SIZE);
		memcpy(to->mark[i].chain, at + LOG_UUID_SIZE + 8, LOG_HASH_SIZE);
	}
	/* Each record has a byte at least. */
	return to->body >= to->count &&
	    (to->count > 0 ? to->body > 0 : to->body == 0) &&
	    to->body <= LOG_APPEND_MAX && to->packed > 0 &&
	    to->packed <= frame_bound(LOG_APPEND_MAX) &&
	    to->first <= UINT64_MAX - to->count && to->synced <= to->first;
}

void
log_hash(struct slice body, uint8_t to[LOG_HASH_SIZE])
{
	hash_wide(body, 0, to);
}

void
log_chain(const uint8_t before[LOG_HASH_SIZE], const uint8_t hash[LOG_HASH_SIZE],
    uint8_t to[LOG_HASH_SIZE])
{
	uint8_t both[2 * LOG_HASH_SIZE];

	memcpy(both, before, LOG_HASH_SIZE);
	memcpy(both + LOG_HASH_SIZE, hash, LOG_HASH_SIZE);
	hash_wide(slice_of(both, sizeof both), 0, to);
}

void
log_footer_write(struct log_seal *seal, const struct log_entry *entries, uint8_t *to)
{
	size_t size = log_footer_size(seal->batches);
	uint8_t *at = to + LOG_FOOTER_HEAD;

	put_head(to, size, "BPLF", 0);
	for (uint32_t i = 0; i < seal->batches; i++, at += LOG_ENTRY_SIZE) {
		bytes_store_le64(at, entries[i].offset);
		bytes_store_le64(at + 8, entries[i].first);
		put_times(at + 16, &entries[i].times);
	}
	seal->size = (uint32_t)size;
	seal->crc = hash_crc32c(0, slice_of(to, size - LOG_SEAL_SIZE));
	memcpy(at, seal->uuid, LOG_UUID_SIZE);
	bytes_store_le64(at + 16, seal->first);
	bytes_store_le64(at + 24, seal->next);
	put_times(at + 32, &seal->times);
	memcpy(at + 48, seal->chain, LOG_HASH_SIZE);
	bytes_store_le32(at + 64, seal->batches);
	bytes_store_le32(at + 68, seal->size);
	bytes_store_le32(at + 72, seal->crc);
	memcpy(at + 76, "BPLS", 4);
	bytes_store_le32(at + 80, hash_crc32c(0, slice_of(at, 80)));
}

bool
log_seal_read(struct slice bytes, struct log_seal *to)
{
	const uint8_t *at = bytes.at;

	if (bytes.size != LOG_SEAL_SIZE || memcmp(at + 76, "BPLS", 4) != 0 ||
	    bytes_load_le32(at + 80) != hash_crc32c(0, slice_of(at, 80)))
		return false;
	memcpy(to->uuid, at, LOG_UUID_SIZE);
	to->first = bytes_load_le64(at + 16);
	to->next = bytes_load_le64(at + 24);
	get_times(at + 32, &to->times);
	memcpy(to->chain, at + 48, LOG_HASH_SIZE);
	to->batches = bytes_load_le32(at + 64);
	to->size = bytes_load_le32(at + 68);
	to->crc = bytes_load_le32(at + 72);
	return to->batches > 0 && to->batches <= LOG_BATCHES_MAX &&
	    to->size == log_footer_size(to->batches) && to->first < to->next;
}

bool
log_entries_read(struct slice bytes, const struct log_seal *seal, struct log_entry *to)
{
	const uint8_t *at = bytes.at + LOG_FOOTER_HEAD;

	assert(bytes.size == seal->size - LOG_SEAL_SIZE);
	if (hash_crc32c(0, bytes) != seal->crc ||
	    memcmp(bytes.at + AT_TAG, "BPLF", 4) != 0)
		return false;
	for (uint32_t i = 0; i < seal->batches; i++, at += LOG_ENTRY_SIZE) {
		to[i].offset = bytes_load_le64(at);
		to[i].first = bytes_load_le64(at + 8);
		get_times(at + 16, &to[i].times);
	}
	return true;
}

void
log_name(uint64_t first, char to[LOG_NAME_SIZE])
{
	(void)snprintf(to, LOG_NAME_SIZE, "%020" PRIu64 ".bplog", first);
}

bool
log_name_read(const char *name, uint64_t *first)
{
	struct slice text = slice_text(name), digits = slice_of(text.at, 20);

	if (text.size != LOG_NAME_SIZE - 1 || !slice_is(slice_from(text, 20), ".bplog"))
		return false;
	while (digits.size > 1 && digits.at[0] == '0')
		digits = slice_from(digits, 1);
	return number_parse_uint(digits, first);
}
