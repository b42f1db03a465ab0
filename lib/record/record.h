/* SPDX-License-Identifier: MIT
 *
 * record: scan and view one event, a msgpack map with string keys.
 *
 * The scanner checks everything before it believes anything: each claimed element needs
 * a byte, nesting and sizes are bounded, nothing is allocated. What it accepts,
 * msgpack-c accepts with the same meaning (tests/fuzz/record.c).
 *
 * A filter reads the same few keys of every record, and records of one kind carry the
 * same keys in the same order: their *shape*. The reader guesses the shape from the
 * record's first bytes, checks it while scanning, and looks the filter's keys up once
 * per shape, so that reading a field is two loads. Cost: about 80 ns for 20 keys, 250
 * bytes.
 */
#ifndef BANNERPIPE_RECORD_RECORD_H
#define BANNERPIPE_RECORD_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/slice.h"
#include "lib/record/value.h"
#include "lib/when.h"

enum {
	RECORD_SIZE_MAX = 1 << 20,   /* bytes of a record */
	RECORD_STRING_MAX = 1 << 16, /* bytes of a str, bin or ext within it */
	RECORD_DEPTH_MAX = 8, /* containers in one another, the record itself being 1 */
	RECORD_KEYS_MAX = 256,     /* pairs of one map */
	RECORD_KEY_SIZE_MAX = 255, /* bytes of a record's own key */
	RECORD_PADDING = 32,       /* readable bytes that must follow what is scanned */
	RECORD_WATCHED_MAX = 256,  /* keys that one reader can look for */
};

/* A key that a reader looks for; small, copied freely. */
struct key {
	uint16_t id;
};

/* Keys of the envelope that every reader knows. */
#define KEY_EVENT ((struct key){ 0 })
#define KEY_EVENT_ID ((struct key){ 1 })
#define KEY_TIMESTAMP ((struct key){ 2 })
#define KEY_RECEIVED_AT ((struct key){ 3 })
#define KEY_WEIGHT ((struct key){ 4 })

struct shape;
struct reader;

/* A view, valid until its reader scans again or its bytes change. */
struct record {
	const uint8_t *bytes;
	size_t size;
	const struct shape *shape;
	const uint32_t *values; /* offset of each value */
	unsigned count;         /* pairs */
	uint64_t offset;        /* of the first byte in the stream */
	uint64_t number;        /* in the stream, from 1 */
};

/* A reader of its own memory (about 1 MiB, touched as it is needed). NULL when there is
 * none. */
struct reader *reader_new(void);
void reader_free(struct reader *reader);

/* The key of that name, for this reader; asking again gives the same one. At most
 * RECORD_WATCHED_MAX of at most RECORD_KEY_SIZE_MAX bytes, else an assert. Before the
 * first scan. */
struct key reader_key(struct reader *reader, const char *name);
struct key reader_key_slice(struct reader *reader, struct slice name);
/* Its name; borrowed from the reader. */
struct slice reader_name(const struct reader *reader, struct key key);

enum scan {
	SCAN_RECORD,  /* record is set */
	SCAN_CONTROL, /* an ext value: record's bytes and size are set, nothing else */
	SCAN_MORE,    /* cut off: *need bytes at least are needed from the start */
	SCAN_REJECT,  /* msgpack, but no record: record's bytes and size, fault are set
		       */
	SCAN_LARGE,   /* well-formed so far, but longer than RECORD_SIZE_MAX */
	SCAN_FOREIGN, /* not msgpack, or neither map nor ext: fault is set */
};

struct fault {
	size_t at;          /* offset in the record */
	const char *reason; /* a constant text */
};

/* Look at the bytes from the start of a record. RECORD_PADDING bytes after them must be
 * readable; their content does not matter. */
enum scan record_scan(struct reader *reader, struct slice bytes, struct record *record,
    struct fault *fault, size_t *need);

/* How far a well-formed value of any type, depth and size goes, without a look at what it
 * means: SCAN_RECORD and *size; SCAN_MORE when it is cut off, which is also what a claim
 * is that the bytes cannot hold; SCAN_FOREIGN and fault. One byte after the bytes must be
 * readable. Cost: about 40 ns for 20 keys. */
enum scan record_extent(struct slice bytes, size_t *size, struct fault *fault);

/* Step over a value too large to hold, block by block: zero the struct, then call with
 * each block; *consumed of it belong to the value. */
struct skipper {
	uint64_t values; /* still to come */
	uint64_t bytes;  /* of the current one still to come */
	uint8_t header[8];
	uint8_t held; /* bytes of a header that was cut off */
	bool begun;
};

enum scan record_skip(struct skipper *s, struct slice bytes, size_t *consumed,
    struct fault *fault); /* SCAN_RECORD when it is passed, SCAN_MORE, SCAN_FOREIGN */

/* The value of the key; false when the record has none. Cost: two loads. */
bool record_value(const struct record *r, struct key key, struct slice *to);

/* The same, read as a type of value.h; false when absent or of another type. */
bool record_bool(const struct record *r, struct key key, bool *to);
bool record_int(const struct record *r, struct key key, int64_t *to);
bool record_number(const struct record *r, struct key key, double *to);
bool record_str(const struct record *r, struct key key, struct slice *to);
bool record_bin(const struct record *r, struct key key, struct slice *to);
bool record_instant(const struct record *r, struct key key, instant *to);
/* An identifier: the bytes of a str or bin, or of an integer's value (its raw msgpack),
 * so that 7 and "7" differ. Hash it with hash_keyed. */
bool record_id(const struct record *r, struct key key, struct slice *to);

/* timestamp; false when it is absent, no instant, or outside +-WHEN_MAX. */
bool record_timestamp(const struct record *r, instant *to);
/* weight: 1 when absent; false when it is no finite number. */
bool record_weight(const struct record *r, double *to);

/* The pairs in their order, for those who read every key: 0 <= i < r->count. */
struct slice record_key_at(const struct record *r, unsigned i);
struct slice record_value_at(const struct record *r, unsigned i);
/* The pair's bytes, key and value. */
struct slice record_pair_at(const struct record *r, unsigned i);
/* The index of the key's pair, -1 when the record has none. */
int record_index(const struct record *r, struct key key);

/* A number that is the same for two records of one reader exactly when they have the
 * same keys in the same order, until the reader drops its shapes (which changes them
 * all). */
uint64_t record_shape_id(const struct record *r);

#endif
