/* SPDX-License-Identifier: MIT */
#include "lib/state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "lib/base/assert.h"
#include "lib/base/bytes.h"
#include "lib/hash.h"
#include "lib/state/file.h"

#define ADVICE "(restore a backup, or start afresh in another place)"

enum { HEADER_MAX = 1 << 20 };

/* 0 when all were read, -1 when the file is too short or cannot be read. */
static int
read_raw(struct state_reader *r, void *to, size_t size)
{
	uint8_t *at = to;
	size_t step;
	ssize_t n;

	while (size > 0) {
		if (r->from == r->to) {
			n = r->os->read(r->os, r->fd, r->memory, STATE_READ);
			if (n < 0 && errno == EINTR)
				continue;
			if (n <= 0)
				return -1;
			r->from = 0;
			r->to = (size_t)n;
		}
		step = size < r->to - r->from ? size : r->to - r->from;
		memcpy(at, r->memory + r->from, step);
		r->from += step;
		r->at += step;
		at += step;
		size -= step;
	}
	return 0;
}

static int
read_checked(struct state_reader *r, void *to, size_t size, uint32_t *crc)
{
	if (r->at + size > HEADER_MAX || read_raw(r, to, size) != 0)
		return -1;
	*crc = hash_crc32c(*crc, slice_of(to, size));
	return 0;
}

static int
read_u32(struct state_reader *r, uint32_t *to, uint32_t *crc)
{
	uint8_t bytes[4];

	if (read_checked(r, bytes, sizeof bytes, crc) != 0)
		return -1;
	*to = bytes_load_le32(bytes);
	return 0;
}

static const char *
read_text(struct state_reader *r, uint32_t *crc)
{
	uint32_t size;
	char *text;

	if (read_u32(r, &size, crc) != 0 || size > STATE_TEXT_MAX)
		return NULL;
	text = calloc(1, (size_t)size + 1);
	if (text == NULL)
		return NULL;
	r->text[r->texts++] = text;
	return read_checked(r, text, size, crc) == 0 ? text : NULL;
}

static int
read_header(struct state_reader *r)
{
	uint8_t head[24];
	uint32_t crc = 0, before, sum;

	if (read_checked(r, head, sizeof head, &crc) != 0 ||
	    memcmp(head, "BPSN", 4) != 0 || (head[4] | head[5] << 8) != STATE_FORMAT)
		return -1;
	r->identity.schema = (uint16_t)(head[6] | head[7] << 8);
	r->epoch = bytes_load_le64(head + 8);
	r->base_epoch = bytes_load_le64(head + 16);
	r->identity.name = read_text(r, &crc);
	if (r->identity.name == NULL || read_u32(r, &r->identity.options, &crc) != 0 ||
	    r->identity.options > STATE_OPTIONS_MAX)
		return -1;
	for (unsigned i = 0; i < r->identity.options; i++) {
		r->identity.option[i] = read_text(r, &crc);
		if (r->identity.option[i] == NULL)
			return -1;
		r->identity.value[i] = read_text(r, &crc);
		if (r->identity.value[i] == NULL)
			return -1;
	}
	before = crc;
	return read_u32(r, &sum, &crc) == 0 && sum == before &&
		r->base_epoch <= r->epoch
	    ? 0
	    : -1;
}

int
state_seek(struct state_reader *r, uint64_t at)
{
	if (r->os->seek(r->os, r->fd, (off_t)at, SEEK_SET) < 0)
		return -1;
	r->at = at;
	r->from = r->to = 0;
	return 0;
}

/* What the end of the file says of the rest: sizes that agree with the file's. */
static int
read_trailer(struct state_reader *r, uint64_t *sum)
{
	uint8_t trailer[STATE_TRAILER];
	uint64_t blocks, all;

	if (r->file_size < r->begin + STATE_TRAILER ||
	    state_seek(r, r->file_size - STATE_TRAILER) != 0 ||
	    read_raw(r, trailer, sizeof trailer) != 0)
		return -1;
	all = r->file_size - r->begin - STATE_TRAILER;
	r->size = bytes_load_le64(trailer);
	blocks = bytes_load_le64(trailer + 8);
	*sum = bytes_load_le64(trailer + 16);
	if (blocks > STATE_BLOCKS_MAX || r->size > all || all - r->size != 8 * blocks)
		return -1;
	r->block_count = (size_t)blocks;
	return 0;
}

static int
read_blocks(struct state_reader *r)
{
	r->blocks = calloc(r->block_count + 1, sizeof *r->blocks);
	if (r->blocks == NULL || state_seek(r, r->begin + r->size) != 0)
		return -1;
	for (size_t i = 0; i < r->block_count; i++) {
		uint8_t bytes[8];

		if (read_raw(r, bytes, sizeof bytes) != 0)
			return -1;
		r->blocks[i] = bytes_load_le64(bytes);
		if (r->blocks[i] >= r->size ||
		    (i > 0 && r->blocks[i] <= r->blocks[i - 1]))
			return -1;
	}
	return 0;
}

/* Read the whole body once, to believe none of it before all of it is known good. */
static int
verify_body(struct state_reader *r)
{
	uint64_t left, wanted;
	uint8_t chunk[4096];
	XXH3_state_t *sum;
	bool good = true;
	size_t step;

	r->begin = r->at;
	if (read_trailer(r, &wanted) != 0 || state_seek(r, r->begin) != 0 ||
	    (sum = XXH3_createState()) == NULL)
		return -1;
	(void)XXH3_64bits_reset(sum);
	left = r->file_size - r->begin - sizeof wanted;
	for (; left > 0 && good; left -= step) {
		step = left < sizeof chunk ? (size_t)left : sizeof chunk;
		good = read_raw(r, chunk, step) == 0;
		(void)XXH3_64bits_update(sum, chunk, step);
	}
	good = good && XXH3_64bits_digest(sum) == wanted;
	(void)XXH3_freeState(sum);
	if (!good || read_blocks(r) != 0 || state_seek(r, r->begin) != 0)
		return -1;
	r->left = r->size;
	return 0;
}

static const char *
find_option(const struct state_identity *identity, const char *option)
{
	for (unsigned i = 0; i < identity->options; i++)
		if (strcmp(identity->option[i], option) == 0)
			return identity->value[i];
	return NULL;
}

/* Every option of either side must stand on both with the same value. */
static int
compare(const struct state_reader *r, const struct state_identity *wanted,
    struct error *error)
{
	const struct state_identity *found = &r->identity;
	const char *value;

	if (strcmp(found->name, wanted->name) != 0 || found->schema != wanted->schema)
		return error_set(error,
		    "%s is a snapshot of %s, version %u, not of %s, version %u "
		    "(start afresh in another place)",
		    r->path, found->name, found->schema, wanted->name, wanted->schema);
	for (unsigned i = 0; i < wanted->options; i++) {
		value = find_option(found, wanted->option[i]);
		if (value == NULL || strcmp(value, wanted->value[i]) != 0)
			return error_set(error,
			    "%s was made with --%s %s, this run has --%s %s "
			    "(give the same, or start afresh in another place)",
			    r->path, wanted->option[i],
			    value == NULL ? "absent" : value, wanted->option[i],
			    wanted->value[i]);
	}
	for (unsigned i = 0; i < found->options; i++)
		if (find_option(wanted, found->option[i]) == NULL)
			return error_set(error,
			    "%s was made with --%s %s, which this version does not "
			    "have " ADVICE,
			    r->path, found->option[i], found->value[i]);
	return 0;
}

struct state_reader *
state_open(const struct os *os, const char *path, const struct state_identity *identity,
    enum state_trouble *trouble, struct error *error)
{
	struct state_reader *r = calloc(1, sizeof *r);
	struct stat status;

	*trouble = STATE_UNREADABLE;
	if (r == NULL || (r->path = strdup(path)) == NULL) {
		(void)error_set(error, "no memory to read %s", path);
		free(r);
		return NULL;
	}
	r->os = os;
	r->fd = os->open(os, path, O_RDONLY, 0);
	if (r->fd < 0) {
		if (errno == ENOENT)
			*trouble = STATE_MISSING;
		(void)error_set(error, "cannot open %s: %s", path, strerror(errno));
		goto fail;
	}
	if (os->stat(os, r->fd, &status) != 0 || read_header(r) != 0) {
		(void)error_set(error,
		    "cannot read %s: no snapshot, or damaged before byte %" PRIu64
		    " " ADVICE,
		    path, r->at);
		goto fail;
	}
	r->file_size = (uint64_t)status.st_size;
	if (verify_body(r) != 0) {
		(void)error_set(error,
		    "cannot read %s: checksum mismatch in bytes %" PRIu64
		    " to %lld " ADVICE,
		    path, r->begin, (long long)status.st_size);
		goto fail;
	}
	if (identity == NULL || compare(r, identity, error) == 0)
		return r;
	*trouble = STATE_OTHER;

fail:
	state_close(r);
	return NULL;
}

struct state_reader *
state_read(const struct os *os, const char *path, const struct state_identity *identity,
    enum state_trouble *trouble, struct error *error)
{
	struct state_reader *r = state_open(os, path, identity, trouble, error);

	if (r == NULL || r->base_epoch == r->epoch)
		return r;
	(void)error_set(error, "cannot read %s: it holds only what changed", path);
	*trouble = STATE_UNREADABLE;
	state_close(r);
	return NULL;
}

int
state_verify(const struct os *os, const char *path, enum state_trouble *trouble,
    struct error *error)
{
	struct state_reader *r = state_open(os, path, NULL, trouble, error);

	state_close(r);
	return r == NULL ? -1 : 0;
}

int
state_verify_epoch(const struct os *os, const char *folder, uint64_t epoch,
    enum state_trouble *trouble, struct error *error)
{
	struct state_reader *r =
	    state_open_chain(os, folder, epoch, NULL, trouble, error);

	state_close(r);
	return r == NULL ? -1 : 0;
}

int
state_peek(const struct os *os, const char *path, uint64_t *epoch, uint64_t *base)
{
	struct state_reader *r = calloc(1, sizeof *r);
	int status = -1;

	if (r == NULL)
		return -1;
	r->os = os;
	r->fd = os->open(os, path, O_RDONLY, 0);
	if (r->fd >= 0)
		status = read_header(r);
	*epoch = r->epoch;
	*base = r->base_epoch;
	state_close(r);
	return status;
}

int
state_head(
    const struct os *os, const char *path, void *to, size_t size, struct error *error)
{
	struct state_reader *r = calloc(1, sizeof *r);
	int status = -1;

	if (r == NULL)
		return error_set(error, "no memory to read %s", path);
	r->os = os;
	r->fd = os->open(os, path, O_RDONLY, 0);
	if (r->fd < 0)
		(void)error_set(error, "cannot open %s: %s", path, strerror(errno));
	else if (read_header(r) == 0 && read_raw(r, to, size) == 0)
		status = 0;
	else
		(void)error_set(
		    error, "cannot read %s: no snapshot, or damaged " ADVICE, path);
	state_close(r);
	return status;
}

const struct state_identity *
state_identity(const struct state_reader *r)
{
	return &r->identity;
}

int
state_get(struct state_reader *r, void *to, size_t size)
{
	if (size > r->left || read_raw(r, to, size) != 0)
		return -1;
	r->left -= size;
	return 0;
}

int
state_get_u64(struct state_reader *r, uint64_t *to)
{
	uint8_t bytes[8];

	if (state_get(r, bytes, sizeof bytes) != 0)
		return -1;
	*to = bytes_load_le64(bytes);
	return 0;
}

int
state_get_i64(struct state_reader *r, int64_t *to)
{
	uint64_t bits;

	if (state_get_u64(r, &bits) != 0)
		return -1;
	*to = (int64_t)bits;
	return 0;
}

int
state_get_double(struct state_reader *r, double *to)
{
	uint64_t bits;

	if (state_get_u64(r, &bits) != 0)
		return -1;
	memcpy(to, &bits, sizeof bits);
	return 0;
}

int
state_get_slice(struct state_reader *r, void *to, size_t limit, size_t *size)
{
	uint64_t claimed;

	if (state_get_u64(r, &claimed) != 0 || claimed > limit)
		return -1;
	*size = (size_t)claimed;
	return state_get(r, to, *size);
}

uint64_t
state_left(const struct state_reader *r)
{
	return r->left;
}

void
state_close(struct state_reader *r)
{
	if (r == NULL)
		return;
	if (r->fd >= 0)
		(void)r->os->close(r->os, r->fd);
	for (unsigned i = 0; i < r->texts; i++)
		free(r->text[i]);
	state_close(r->base);
	free(r->blocks);
	free(r->path);
	free(r);
}
