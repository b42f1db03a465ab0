/* SPDX-License-Identifier: MIT */
#include "lib/log/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"

struct log_reader {
	const struct os *os;
	const char *path;
	bool single; /* path is the file of one segment */
	struct log_list list;
	size_t at; /* the segment that is open, or will be */

	struct log_file file;
	uint64_t offset;
	bool sealed;
	struct log_seal seal;
	struct log_entry *entries; /* owned; NULL: not read */
	uint32_t entry;            /* the one at offset, at most */
	bool unindexed;            /* the index is damaged */

	bool known; /* seq is what comes next */
	bool named; /* uuid is the log's */
	uint64_t seq;
	uint8_t chain[LOG_HASH_SIZE], uuid[LOG_UUID_SIZE];
	uint64_t sought; /* lies in the next batch; 0: it begins with seq */

	bool bounded;
	instant from, to;
	struct log_header header;
	struct log_buffers buffers;
	uint64_t done_bytes; /* of the segments before */
};

static const uint8_t no_chain[LOG_HASH_SIZE];

struct found_name {
	bool any, other;
};

static void
see_name(void *context, const char *name)
{
	struct found_name *f = context;
	uint64_t first;

	if (log_name_read(name, &first) || strcmp(name, "lock") == 0)
		f->any = true;
	else if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
		f->other = true;
}

static bool
is_segment(const char *path, uint64_t *first)
{
	const char *name = strrchr(path, '/');

	return log_name_read(name == NULL ? path : name + 1, first);
}

bool
log_is(const struct os *os, const char *path)
{
	struct found_name f = { false, false };
	struct stat status;
	uint64_t first;

	if (os->stat_path(os, path, &status) != 0)
		return false;
	if (!S_ISDIR(status.st_mode))
		return is_segment(path, &first);
	return os->list(os, path, see_name, &f) == 0 && (f.any || !f.other);
}

static int
list_segments(struct log_reader *r, struct error *error)
{
	uint64_t first;

	if (!r->single)
		return log_list_read(r->os, r->path, &r->list, error);
	(void)is_segment(r->path, &first);
	if (r->list.first == NULL && (r->list.first = malloc(sizeof first)) == NULL)
		return error_set(error, "no memory to read %s", r->path);
	r->list.room = r->list.n = 1;
	r->list.first[0] = first;
	return 0;
}

struct log_reader *
log_reader_new(const struct os *os, const char *path, struct error *error)
{
	struct log_reader *r = calloc(1, sizeof *r);
	struct stat status;
	uint64_t first;

	if (r == NULL) {
		(void)error_set(error, "no memory to read %s", path);
		return NULL;
	}
	r->os = os;
	r->path = path;
	r->file.os = os;
	r->file.fd = -1;
	if (os->stat_path(os, path, &status) != 0) {
		(void)error_set(error, "cannot open %s: %s", path, strerror(errno));
		goto fail;
	}
	r->single = !S_ISDIR(status.st_mode);
	if (r->single && !is_segment(path, &first)) {
		(void)error_set(error, "%s is not named as a segment of a log", path);
		goto fail;
	}
	if (list_segments(r, error) == 0 && log_buffers_new(&r->buffers, error) == 0)
		return r;
fail:
	log_reader_free(r);
	return NULL;
}

void
log_reader_free(struct log_reader *r)
{
	if (r == NULL)
		return;
	log_file_close(&r->file);
	log_buffers_free(&r->buffers);
	free(r->entries);
	free(r->list.first);
	free(r);
}

void
log_reader_between(struct log_reader *r, instant from, instant to)
{
	r->bounded = true;
	r->from = from;
	r->to = to;
}

/* --- Segments -------------------------------------------------------------------- */

static bool
is_wanted(const struct log_reader *r, const struct log_times *times)
{
	return !r->bounded ||
	    (times->smallest <= times->largest && times->largest >= r->from &&
		times->smallest < r->to);
}

static int
open_segment(struct log_reader *r, struct error *error)
{
	uint64_t first = r->list.first[r->at];
	char name[LOG_NAME_SIZE];

	log_name(first, name);
	if (r->single)
		(void)snprintf(r->file.path, sizeof r->file.path, "%s", r->path);
	else if (log_path(r->file.path, r->path, name, error) != 0)
		return -1;
	r->file.first = first;
	r->offset = 0;
	r->sealed = r->unindexed = false;
	r->entry = 0;
	return log_file_open(&r->file, O_RDONLY, error);
}

static void
leave_segment(struct log_reader *r)
{
	r->done_bytes += r->file.size;
	log_file_close(&r->file);
	free(r->entries);
	r->entries = NULL;
	r->at++;
}

/* Find out how long the segment is and whether it is sealed. */
static int
look(struct log_reader *r, struct error *error)
{
	int status;

	if (log_file_measure(&r->file, error) != 0)
		return -1;
	status = log_file_seal(&r->file, &r->seal, error);
	r->sealed = status == 1;
	if (r->offset > r->file.size)
		return error_set(error,
		    "%s became shorter than what was read of it: it was repaired after "
		    "a crash, or is another log",
		    r->file.path);
	return status < 0 ? -1 : 0;
}

/* Bytes of the segment that are batches. */
static uint64_t
batches_end(const struct log_reader *r)
{
	return r->file.size - (r->sealed ? r->seal.size : 0);
}

/* In a sealed segment of which not all is wanted the index tells what is. */
static int
skip_by_index(struct log_reader *r, struct error *error)
{
	const struct log_entry *e;
	uint32_t last;
	int status;

	if (!r->bounded || !r->sealed || r->unindexed)
		return 0;
	if (!is_wanted(r, &r->seal.times)) {
		if (r->offset < batches_end(r)) {
			r->offset = batches_end(r);
			r->seq = r->seal.next;
			memcpy(r->chain, r->seal.chain, LOG_HASH_SIZE);
			r->sought = 0;
		}
		return 0;
	}
	if (r->entries == NULL) {
		status = log_file_entries(&r->file, &r->seal, &r->entries, error);
		r->unindexed = status == 1;
		if (status != 0)
			return status == 1 ? 0 : -1;
	}
	while (r->entry < r->seal.batches && r->entries[r->entry].offset < r->offset)
		r->entry++;
	last = r->entry;
	while (r->entry < r->seal.batches && !is_wanted(r, &r->entries[r->entry].times))
		r->entry++;
	if (r->entry == last)
		return 0;
	/* What was skipped is not known to be whole: the chain begins anew. */
	memset(r->chain, 0, LOG_HASH_SIZE);
	r->sought = 0;
	if (r->entry == r->seal.batches) {
		r->offset = batches_end(r);
		r->seq = r->seal.next;
		memcpy(r->chain, r->seal.chain, LOG_HASH_SIZE);
		return 0;
	}
	e = &r->entries[r->entry];
	r->offset = e->offset;
	r->seq = e->first;
	r->known = true;
	return 0;
}

/* What reading came to, besides an enum log_read. */
enum step { STEP_AGAIN = 100, STEP_NEXT_SEGMENT, STEP_NOTHING };

/* --- Gaps ------------------------------------------------------------------------ */

static enum log_read
gap(struct log_reader *r, struct log_gap *to, uint64_t end, uint64_t next,
    const char *reason)
{
	*to = (struct log_gap){ .segment = r->file.first,
		.from = r->offset,
		.to = end,
		.seq = r->seq,
		.next = next > r->seq ? next : r->seq };
	(void)snprintf(to->reason, sizeof to->reason, "%s", reason);
	r->offset = end;
	if (next > r->seq)
		r->seq = next;
	memset(r->chain, 0, LOG_HASH_SIZE); /* of what follows nothing is known */
	r->sought = 0;
	r->known = true;
	return LOG_READ_GAP;
}

static bool
is_last(const struct log_reader *r)
{
	return r->at + 1 >= r->list.n;
}

/* What lies at the offset is no sound batch. In the last segment, unsealed, that is what a
 * crash may leave or a writer is about to finish, if nothing behind it says that it had
 * been durable. */
static int
step_over(
    struct log_reader *r, const char *reason, struct log_gap *to, struct error *error)
{
	uint64_t from = r->offset + 1, end = batches_end(r), found;
	struct log_header *h = &r->header;
	bool durable = r->sealed || !is_last(r) || r->single;
	int status = 0;

	while (from < end &&
	    (status = log_file_resync(&r->file, from, h, &found, error)) == 1) {
		bool ours = !r->named || memcmp(h->uuid, r->uuid, LOG_UUID_SIZE) == 0;

		if (ours && h->first >= r->seq && (durable || h->synced > r->seq))
			return (int)gap(r, to, found, h->first, reason);
		from = found + log_header_size(h->marks) + h->packed;
	}
	if (status < 0)
		return LOG_READ_FAIL;
	if (durable)
		return (int)gap(r, to, end,
		    r->sealed        ? r->seal.next
			: is_last(r) ? r->seq
				     : r->list.first[r->at + 1],
		    reason);
	if (list_segments(r, error) != 0 || look(r, error) != 0)
		return LOG_READ_FAIL;
	return r->sealed || !is_last(r) ? STEP_AGAIN : LOG_READ_END;
}

/* --- Batches --------------------------------------------------------------------- */

static const char *
misfit(const struct log_reader *r, const struct log_header *h)
{
	uint8_t chain[LOG_HASH_SIZE];

	if (r->named && memcmp(h->uuid, r->uuid, LOG_UUID_SIZE) != 0)
		return "it is of another log";
	if (r->sought != 0 && (h->count > 0 || h->first != r->sought) &&
	    (h->first > r->sought || r->sought - h->first >= h->count))
		return "the record sought is not in this batch";
	if (r->known && r->sought == 0 && h->first != r->seq)
		return "records are missing";
	if (memcmp(r->chain, no_chain, LOG_HASH_SIZE) == 0)
		return NULL;
	log_chain(r->chain, h->hash, chain);
	return memcmp(chain, h->chain, LOG_HASH_SIZE) == 0
	    ? NULL
	    : "the chain of batches is broken";
}

static void
pass(struct log_reader *r, const struct log_header *h)
{
	r->offset += log_header_size(h->marks) + h->packed;
	r->seq = h->first + h->count;
	r->sought = 0;
	r->known = r->named = true;
	memcpy(r->uuid, h->uuid, LOG_UUID_SIZE);
	memcpy(r->chain, h->chain, LOG_HASH_SIZE);
}

static void
give(const struct log_reader *r, const struct log_header *h, struct log_batch *to)
{
	*to = (struct log_batch){ .body = slice_of(r->buffers.body, h->body),
		.first = h->first,
		.count = h->count,
		.epoch = h->epoch,
		.times = h->times };
	to->at = (struct log_position){
		.seq = h->first, .segment = r->file.first, .offset = r->offset
	};
	memcpy(to->at.chain, r->chain, LOG_HASH_SIZE);
}

/* The batch at the offset, or why there is none: an enum log_read or enum step. */
static int
read_batch(struct log_reader *r, struct log_batch *to, struct log_gap *lost,
    struct error *error)
{
	struct log_header *h = &r->header;
	const char *reason = "the header of a batch is damaged";
	enum log_found found;

	if (r->offset >= batches_end(r))
		return r->sealed ? STEP_NEXT_SEGMENT : STEP_NOTHING;
	found = log_file_header(&r->file, r->offset, h, error);
	if (found == LOG_FOUND_FAIL)
		return LOG_READ_FAIL;
	if (found == LOG_FOUND_END || (found == LOG_FOUND_SHORT && !r->sealed))
		return STEP_NOTHING;
	if (found == LOG_FOUND_BATCH &&
	    log_header_size(h->marks) + h->packed > batches_end(r) - r->offset)
		found = LOG_FOUND_BAD;
	if (found == LOG_FOUND_BATCH && (reason = misfit(r, h)) == NULL) {
		if (h->count == 0 || !is_wanted(r, &h->times)) {
			pass(r, h);
			return STEP_AGAIN;
		}
		found = log_file_body(&r->file, r->offset, h, &r->buffers, error);
		if (found == LOG_FOUND_FAIL)
			return LOG_READ_FAIL;
		reason = "the records of a batch are damaged";
		if (found == LOG_FOUND_BATCH) {
			give(r, h, to);
			pass(r, h);
			return LOG_READ_BATCH;
		}
	}
	return step_over(r, reason, lost, error);
}

/* The segment has no more now. When a later one is there it must be complete: it is
 * looked at afresh, as it may have been sealed meanwhile. */
static int
at_the_end(struct log_reader *r, struct log_gap *lost, struct error *error)
{
	uint64_t size = r->file.size;

	if ((is_last(r) && list_segments(r, error) != 0) || look(r, error) != 0)
		return LOG_READ_FAIL;
	if (r->file.size > size || r->sealed)
		return STEP_AGAIN;
	if (!is_last(r))
		return (int)gap(r, lost, r->file.size, r->list.first[r->at + 1],
		    "the segment is cut off: it has no seal, and there is a later one");
	if (r->single && r->offset < r->file.size)
		return (int)gap(r, lost, r->file.size, r->seq,
		    "the segment is cut off within a batch");
	return LOG_READ_END;
}

/* A sealed segment was read to its end; its index, if nobody has looked at it yet, may
 * be damaged, which costs no record. */
static int
finish_segment(struct log_reader *r, struct log_gap *lost, struct error *error)
{
	int status = 0;

	r->known = r->named = true;
	memcpy(r->uuid, r->seal.uuid, LOG_UUID_SIZE);
	if (!r->bounded || r->unindexed)
		status = log_file_entries(&r->file, &r->seal, &r->entries, error);
	if (status < 0)
		return LOG_READ_FAIL;
	if (status == 1)
		(void)gap(r, lost, r->file.size, r->seq, "the index is damaged");
	memcpy(r->chain, r->seal.chain, LOG_HASH_SIZE);
	leave_segment(r);
	return status == 1 ? (int)LOG_READ_GAP : (int)STEP_AGAIN;
}

/* Open the segment that comes next. */
static int
next_segment(struct log_reader *r, struct log_gap *lost, struct error *error)
{
	uint64_t first;

	if (r->at >= r->list.n) {
		if (list_segments(r, error) != 0)
			return LOG_READ_FAIL;
		/* Old segments may have been removed: find the place by number. */
		for (r->at = 0; r->known && r->at < r->list.n &&
		     r->list.first[r->at] < r->seq && !r->single;
		     r->at++)
			;
		if (r->at >= r->list.n || (r->single && r->known))
			return r->at = r->list.n, LOG_READ_END;
	}
	first = r->list.first[r->at];
	if (open_segment(r, error) != 0)
		return LOG_READ_FAIL;
	if (look(r, error) != 0)
		return LOG_READ_FAIL;
	if (!r->known) {
		r->seq = first;
		return STEP_AGAIN;
	}
	if (first == r->seq)
		return STEP_AGAIN;
	if (first > r->seq)
		return (int)gap(r, lost, 0, first, "segments are missing before it");
	return (int)error_set(
	    error, "%s begins with a record that was there before", r->file.path);
}

enum log_read
log_reader_next(struct log_reader *r, struct log_batch *to, struct log_gap *lost,
    struct error *error)
{
	int step = STEP_AGAIN;

	while (step >= STEP_AGAIN) {
		if (step == STEP_NEXT_SEGMENT) {
			step = finish_segment(r, lost, error);
			continue;
		}
		if (r->file.fd < 0) {
			step = next_segment(r, lost, error);
			continue;
		}
		if (skip_by_index(r, error) != 0)
			return LOG_READ_FAIL;
		step = read_batch(r, to, lost, error);
		if (step == STEP_NOTHING)
			step = at_the_end(r, lost, error);
		/* A gap to the end of a segment that has no seal. */
		if (step == LOG_READ_GAP && !r->sealed && !is_last(r) &&
		    r->offset == r->file.size) {
			r->known = true;
			leave_segment(r);
		}
	}
	return (enum log_read)step;
}

/* --- Positions ------------------------------------------------------------------- */

int
log_reader_seek(
    struct log_reader *r, const struct log_position *to, struct error *error)
{
	log_file_close(&r->file);
	free(r->entries);
	r->entries = NULL;
	if (list_segments(r, error) != 0)
		return -1;
	r->done_bytes = 0;
	for (r->at = 0; r->at < r->list.n && r->list.first[r->at] < to->segment;
	     r->at++)
		;
	memcpy(r->chain, to->chain, LOG_HASH_SIZE);
	r->seq = to->seq;
	r->sought = to->seq;
	r->known = false;
	if (r->at == r->list.n || r->list.first[r->at] != to->segment) {
		if (to->offset > 0)
			return error_set(error,
			    "the log %s has no segment %" PRIu64
			    " any more, which the position lies in",
			    r->path, to->segment);
		/* It was not there yet. */
		r->at = r->list.n;
		r->known = true;
		return 0;
	}
	if (open_segment(r, error) != 0)
		return -1;
	r->offset = to->offset;
	return look(r, error);
}

void
log_reader_tell(const struct log_reader *r, struct log_position *to)
{
	bool open = r->file.fd >= 0 && r->offset > 0;
	uint64_t seq = r->known || r->list.n == 0 ? r->seq : r->list.first[0];

	*to = (struct log_position){ .seq = seq,
		.segment = open ? r->file.first : seq,
		.offset = open ? r->offset : 0 };
	memcpy(to->chain, r->chain, LOG_HASH_SIZE);
}

void
log_reader_progress(struct log_reader *r, uint64_t *done, uint64_t *total)
{
	*done = r->done_bytes + (r->file.fd >= 0 ? r->offset : 0);
	*total = r->done_bytes + (r->file.fd >= 0 ? r->file.size : 0);
	for (size_t i = r->at + (r->file.fd >= 0); i < r->list.n && !r->single; i++) {
		char name[LOG_NAME_SIZE], path[LOG_PATH_MAX];
		struct stat status;
		struct error error;

		log_name(r->list.first[i], name);
		if (log_path(path, r->path, name, &error) == 0 &&
		    r->os->stat_path(r->os, path, &status) == 0)
			*total += (uint64_t)status.st_size;
	}
}
