/* SPDX-License-Identifier: MIT
 *
 * format: the bytes of a segment, bannerpipe-log(5): the header of a batch and the
 * footer of a sealed segment. Integers are little-endian.
 *
 *	header	magic u32 (0x184D2A5B), size u32 of what follows, "BPLB", version u16 (1),
 *		marks u16, uuid, first u64, count u32, body u32, packed u32, check u32, epoch
 *		u64, smallest i64, largest i64, synced u64, hash, chain, marks times (uuid,
 *		next u64, chain), crc32c u32 of all before
 *	footer	magic u32, size u32, "BPLF", version u16, 0 u16, batches times (offset u64,
 *		first u64, smallest i64, largest i64), then the seal: uuid, first u64, next
 *		u64, smallest i64, largest i64, chain, batches u32, size u32 of the whole
 *		footer, crc32c u32 of all before the seal, "BPLS", crc32c u32 of the seal
 *
 * The check is the lower half of XXH3-64 of the packed frame. A uuid, a hash and a chain
 * are 16 bytes: XXH3-128 of the body; XXH3-128 of the chain of
 * the batch before and this hash.
 */
#ifndef BANNERPIPE_LOG_FORMAT_H
#define BANNERPIPE_LOG_FORMAT_H

#include "lib/log.h"

enum {
	LOG_VERSION = 1,
	LOG_HEADER_MIN = 124, /* bytes of a header without marks */
	LOG_MARK_SIZE = LOG_UUID_SIZE + 8 + LOG_HASH_SIZE,
	LOG_HEADER_MAX = LOG_HEADER_MIN + LOG_SENDERS_MAX * LOG_MARK_SIZE,
	LOG_FOOTER_HEAD = 16,
	LOG_ENTRY_SIZE = 32,
	LOG_SEAL_SIZE = 84,
	LOG_NAME_SIZE = 27, /* "00000000000000000000.bplog" */
};

struct log_header {
	uint8_t uuid[LOG_UUID_SIZE]; /* of the log */
	uint64_t first;              /* number of the first record */
	uint32_t count;              /* of records */
	uint32_t body, packed; /* bytes of the records; of the frame that has them */
	uint32_t check;        /* of that frame */
	uint64_t epoch;
	struct log_times times;
	uint64_t synced; /* records before this one were durable when it was written */
	uint8_t hash[LOG_HASH_SIZE]; /* of the body */
	uint8_t chain[LOG_HASH_SIZE];
	unsigned marks;
	struct log_mark mark[LOG_SENDERS_MAX];
};

struct log_entry {
	uint64_t offset, first;
	struct log_times times;
};

struct log_seal {
	uint8_t uuid[LOG_UUID_SIZE];
	uint64_t first, next;
	struct log_times times;
	uint8_t chain[LOG_HASH_SIZE];
	uint32_t batches;
	uint32_t size; /* of the footer */
	uint32_t crc;  /* of what stands before the seal */
};

static inline size_t
log_header_size(unsigned marks)
{
	return LOG_HEADER_MIN + (size_t)marks * LOG_MARK_SIZE;
}

/* Write a header to at least log_header_size bytes. */
void log_header_write(const struct log_header *h, uint8_t *to);
/* How many bytes the header has that begins with these (at least 16); 0: it is none. */
size_t log_header_peek(struct slice bytes);
/* Read one of exactly that size. False when it is damaged. */
bool log_header_read(struct slice bytes, struct log_header *to);

/* The hash of a body, and the chain after it. */
void log_hash(struct slice body, uint8_t to[LOG_HASH_SIZE]);
void log_chain(const uint8_t before[LOG_HASH_SIZE], const uint8_t hash[LOG_HASH_SIZE],
    uint8_t to[LOG_HASH_SIZE]);

/* The bytes of a footer. */
static inline size_t
log_footer_size(uint32_t batches)
{
	return LOG_FOOTER_HEAD + (size_t)batches * LOG_ENTRY_SIZE + LOG_SEAL_SIZE;
}

/* The footer for these entries; seal's size and crc are set. */
void log_footer_write(
    struct log_seal *seal, const struct log_entry *entries, uint8_t *to);
/* Read the seal, the last LOG_SEAL_SIZE bytes of a segment. False: it is none. */
bool log_seal_read(struct slice bytes, struct log_seal *to);
/* Read the entries from the footer's bytes before the seal. False when damaged. */
bool log_entries_read(
    struct slice bytes, const struct log_seal *seal, struct log_entry *to);

/* The name of a segment's file, and back. */
void log_name(uint64_t first, char to[LOG_NAME_SIZE]);
bool log_name_read(const char *name, uint64_t *first);

#endif
