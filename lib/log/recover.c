/* SPDX-License-Identifier: MIT
 *
 * Opening a log for writing: find its end, cut off what a crash left behind it, and go
 * back to an earlier position when asked.
 */
#include "lib/log/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"

static int
damaged(const struct log_file *f, uint64_t at, const char *reason, struct error *error)
{
	return error_set(error,
	    "%s is damaged at byte %" PRIu64
	    ": %s (bp-replay --on-gap continue reads what is good; to go on writing, "
	    "restore the file from a copy, or name a new folder)",
	    f->path, at, reason);
}

static int
open_segment(struct log *l, uint64_t first, int flags, struct error *error)
{
	char name[LOG_NAME_SIZE];

	log_name(first, name);
	if (log_path(l->live.path, l->path, name, error) != 0)
		return -1;
	l->live.first = first;
	return log_file_open(&l->live, flags, error);
}

/* The end of the segment before the last one: what the last one must go on from. */
static int
check_before(struct log *l, const struct log_header *h, struct error *error)
{
	struct log_file f = { .os = l->os, .fd = -1 };
	uint8_t chain[LOG_HASH_SIZE];
	char name[LOG_NAME_SIZE];
	struct log_seal seal;
	int status;

	f.first = l->list.first[l->list.n - 2];
	log_name(f.first, name);
	if (log_path(f.path, l->path, name, error) != 0 ||
	    log_file_open(&f, O_RDONLY, error) != 0)
		return -1;
	status = log_file_seal(&f, &seal, error);
	log_file_close(&f);
	if (status < 0)
		return -1;
	if (status == 0)
		return damaged(&f, f.size, "it is cut off, there is no seal", error);
	log_chain(seal.chain, h->hash, chain);
	if (seal.next != h->first || memcmp(seal.uuid, h->uuid, LOG_UUID_SIZE) != 0 ||
	    memcmp(chain, h->chain, LOG_HASH_SIZE) != 0)
		return damaged(
		    &l->live, 0, "it does not follow the segment before", error);
	return 0;
}

/* The header does not follow the batches before it: why; NULL when it does. */
static const char *
misfit(const struct log *l, const struct log_header *h)
{
	uint8_t chain[LOG_HASH_SIZE];

	if (l->offset == 0 && h->first != l->live.first)
		return "its number is not that of the file";
	if (l->offset == 0 && h->first > 0)
		return NULL; /* check_before looks at it, or it is the oldest there is */
	log_chain(l->chain, h->hash, chain);
	if (memcmp(chain, h->chain, LOG_HASH_SIZE) != 0)
		return "the chain of batches is broken";
	if (h->first != l->written)
		return "records are missing";
	if (l->offset > 0 && memcmp(h->uuid, l->uuid, LOG_UUID_SIZE) != 0)
		return "it is of another log";
	return l->batches == LOG_BATCHES_MAX && h->count > 0 ? "too many batches"
							     : NULL;
}

static void
take(struct log *l, const struct log_header *h)
{
	if (h->count > 0)
		l->entries[l->batches++] =
		    (struct log_entry){ l->offset, h->first, h->times };
	if (h->times.smallest <= h->times.largest) {
		log_times_add(&l->times, h->times.smallest);
		log_times_add(&l->times, h->times.largest);
	}
	memcpy(l->uuid, h->uuid, LOG_UUID_SIZE);
	memcpy(l->chain, h->chain, LOG_HASH_SIZE);
	l->written = h->first + h->count;
	l->offset += log_header_size(h->marks) + h->packed;
	for (unsigned i = 0; i < h->marks; i++)
		log_set_mark(l, &h->mark[i], false);
}

static void
forget(struct log *l)
{
	l->offset = 0;
	l->batches = 0;
	l->times = LOG_NO_TIMES;
	memset(l->chain, 0, sizeof l->chain);
	memset(l->marks, 0, sizeof l->marks);
	l->written = l->live.first;
}

/* Take the batches from the segment's start on, up to `end`. What they say was synced
 * when the last of them was written comes back in *synced. */
static enum log_found
walk(struct log *l, uint64_t end, uint64_t *synced, const char **reason,
    struct error *error)
{
	struct log_header *h = &l->header;
	enum log_found found = LOG_FOUND_END;

	forget(l);
	*synced = l->live.first;
	*reason = "the header of the batch is damaged";
	while (l->offset < end) {
		found = log_file_header(&l->live, l->offset, h, error);
		if (found != LOG_FOUND_BATCH)
			return found;
		*reason = misfit(l, h);
		if (*reason != NULL)
			return LOG_FOUND_BAD;
		if (l->offset == 0 && l->list.n > 1 && check_before(l, h, error) != 0)
			return LOG_FOUND_FAIL;
		take(l, h);
		*synced = h->synced;
		*reason = "the header of the batch is damaged";
	}
	return LOG_FOUND_END;
}

/* Whether something behind `from` says that the record of number `seq` was durable. */
static int
was_durable(struct log *l, uint64_t from, uint64_t seq, struct error *error)
{
	struct log_header *h = &l->header;
	int status;

	while ((status = log_file_resync(&l->live, from, h, &from, error)) == 1) {
		if (memcmp(h->uuid, l->uuid, LOG_UUID_SIZE) == 0 && h->synced > seq)
			return 1;
		from += log_header_size(h->marks) + h->packed;
	}
	return status;
}

/* The bodies that were not yet known to be durable: where the first bad one begins, or
 * the end of the batches. Batches from there on are forgotten by the next walk. */
static int
check_bodies(struct log *l, uint64_t synced, uint64_t *end, struct error *error)
{
	*end = l->offset;
	for (uint32_t i = 0; i < l->batches; i++) {
		const struct log_entry *e = &l->entries[i];
		enum log_found found;

		if (e->first < synced)
			continue;
		found = log_file_header(&l->live, e->offset, &l->header, error);
		if (found == LOG_FOUND_BATCH)
			found = log_file_body(
			    &l->live, e->offset, &l->header, &l->buffers, error);
		if (found == LOG_FOUND_FAIL)
			return -1;
		if (found != LOG_FOUND_BATCH) {
			*end = e->offset;
			return 0;
		}
	}
	return 0;
}

static int
remove_segment(struct log *l, uint64_t first, struct error *error)
{
	char name[LOG_NAME_SIZE], path[LOG_PATH_MAX];

	log_name(first, name);
	if (log_path(path, l->path, name, error) != 0)
		return -1;
	if (l->os->unlink(l->os, path) != 0)
		return error_set(error, "cannot remove %s: %s", path, strerror(errno));
	if (l->os->sync(l->os, l->folder) != 0)
		return error_set(
		    error, "cannot sync the folder %s: %s", l->path, strerror(errno));
	return 0;
}

static int
cut(struct log *l, uint64_t to, struct error *error)
{
	struct log_file *f = &l->live;

	if (l->os->truncate(l->os, f->fd, (off_t)to) != 0 ||
	    l->os->sync(l->os, f->fd) != 0)
		return error_set(
		    error, "cannot truncate %s: %s", f->path, strerror(errno));
	f->size = to;
	return 0;
}

/* The last segment is not sealed: its end is where the sound batches end. 1: there is
 * none, and the file was removed. */
static int
mend(struct log *l, struct error *error)
{
	struct log_file *f = &l->live;
	const char *reason;
	enum log_found found;
	uint64_t synced, end;
	int status = 0;

	found = walk(l, f->size, &synced, &reason, error);
	if (found == LOG_FOUND_BAD && l->batches > 0) {
		status = was_durable(l, l->offset + 1, l->written, error);
		if (status == 1)
			return damaged(f, l->offset, reason, error);
	} else if (found == LOG_FOUND_BAD) {
		/* No batch that tells what log this is: any other one will do. */
		status = log_file_resync(f, 1, &l->header, &end, error);
		if (status == 1 && l->header.synced > f->first)
			return damaged(f, 0, reason, error);
	}
	if (found == LOG_FOUND_FAIL || status < 0 ||
	    check_bodies(l, synced, &end, error) != 0)
		return -1;
	if (end < f->size)
		log_say(l,
		    "%s: torn tail: %" PRIu64 " bytes from byte %" PRIu64
		    " on were not yet durable, and are cut off",
		    f->path, f->size - end, end);
	if (end == 0) {
		log_file_close(f);
		return remove_segment(l, f->first, error) == 0 ? 1 : -1;
	}
	/* What is there may be in the page cache only. */
	if (cut(l, end, error) != 0)
		return -1;
	return end == l->offset ||
		walk(l, end, &synced, &reason, error) == LOG_FOUND_END
	    ? 0
	    : -1;
}

/* The last segment is sealed: the next batch begins another one. */
static int
pass_sealed(struct log *l, const struct log_seal *seal, struct error *error)
{
	struct log_file *f = &l->live;
	const char *reason;
	uint64_t synced;
	enum log_found found = walk(l, f->size - seal->size, &synced, &reason, error);

	if (found == LOG_FOUND_FAIL)
		return -1;
	if (found != LOG_FOUND_END || l->offset != f->size - seal->size ||
	    l->written != seal->next)
		return damaged(f, l->offset, reason, error);
	if ((f->mode & 0222) != 0 && l->os->mode(l->os, f->fd, 0444) != 0)
		return error_set(
		    error, "cannot protect %s: %s", f->path, strerror(errno));
	log_file_close(f);
	l->offset = 0;
	l->batches = 0;
	return 0;
}

static int
sum_sealed(struct log *l, struct error *error)
{
	l->sealed_bytes = 0;
	for (size_t i = 0; i < l->list.n; i++) {
		char name[LOG_NAME_SIZE], path[LOG_PATH_MAX];
		struct stat status;

		if (l->live.fd >= 0 && l->list.first[i] == l->live.first)
			continue;
		log_name(l->list.first[i], name);
		if (log_path(path, l->path, name, error) != 0)
			return -1;
		if (l->os->stat_path(l->os, path, &status) != 0)
			return error_set(
			    error, "cannot look at %s: %s", path, strerror(errno));
		l->sealed_bytes += (uint64_t)status.st_size;
	}
	return 0;
}

/* The last segment of the list. 1: it was removed. */
static int
recover_last(struct log *l, struct error *error)
{
	uint64_t first = l->list.first[l->list.n - 1];
	struct log_seal seal;
	int status;

	if (open_segment(l, first, O_RDONLY, error) != 0)
		return -1;
	status = log_file_seal(&l->live, &seal, error);
	if (status == 1)
		return pass_sealed(l, &seal, error);
	log_file_close(&l->live);
	if (status == 0 && (l->live.mode & 0222) == 0)
		return damaged(&l->live, l->live.size, "the seal is damaged", error);
	if (status < 0 || open_segment(l, first, O_RDWR | O_APPEND, error) != 0)
		return -1;
	return mend(l, error);
}

int
log_recover(struct log *l, struct error *error)
{
	int status = 1;

	log_file_close(&l->live);
	if (log_list_read(l->os, l->path, &l->list, error) != 0)
		return -1;
	l->live.first = 0;
	forget(l);
	while (status == 1 && l->list.n > 0) {
		status = recover_last(l, error);
		l->list.n -= status == 1;
	}
	if (status < 0 || sum_sealed(l, error) != 0)
		return -1;
	if (l->list.n == 0) {
		l->live.first = 0;
		forget(l);
		if (l->os->random(l->os, l->uuid, LOG_UUID_SIZE) != 0)
			return error_set(error, "no random bytes: %s", strerror(errno));
	}
	l->next = l->durable = l->written;
	l->durable_offset = l->offset;
	memcpy(l->durable_chain, l->chain, LOG_HASH_SIZE);
	l->opened_us = l->os->monotonic_us(l->os);
	return 0;
}

/* --- Opening -------------------------------------------------------------------- */

static int
open_folder(struct log *l, struct error *error)
{
	char path[LOG_PATH_MAX];
	int above;

	if (l->os->mkdir(l->os, l->path, 0777) == 0) {
		/* A folder is durable when the one that it lies in was synced. */
		if (log_path(path, l->path, "..", error) != 0)
			return -1;
		above = l->os->open(l->os, path, O_RDONLY | O_DIRECTORY, 0);
		if (above < 0 || l->os->sync(l->os, above) != 0) {
			if (above >= 0)
				(void)l->os->close(l->os, above);
			return error_set(
			    error, "cannot sync %s: %s", path, strerror(errno));
		}
		(void)l->os->close(l->os, above);
	} else if (errno != EEXIST) {
		return error_set(
		    error, "cannot create %s: %s", l->path, strerror(errno));
	}
	l->folder = l->os->open(l->os, l->path, O_RDONLY | O_DIRECTORY, 0);
	if (l->folder < 0)
		return error_set(error, "cannot open %s: %s", l->path, strerror(errno));
	if (log_path(path, l->path, "lock", error) != 0)
		return -1;
	l->lock = l->os->open(l->os, path, O_RDWR | O_CREAT, 0644);
	if (l->lock < 0)
		return error_set(error, "cannot open %s: %s", path, strerror(errno));
	if (l->os->lock(l->os, l->lock) != 0)
		return errno == EWOULDBLOCK
		    ? error_set(error, "the log %s is being written by another process",
			  l->path)
		    : error_set(error, "cannot lock %s: %s", path, strerror(errno));
	return 0;
}

struct log *
log_open(const struct os *os, const char *path, const struct log_options *options,
    struct error *error)
{
	struct log *l = calloc(1, sizeof *l);

	assert(options->segment_bytes > 0 && options->sync_us >= 0);
	if (l == NULL) {
		(void)error_set(error, "no memory for the log %s", path);
		return NULL;
	}
	l->os = os;
	l->path = path;
	l->options = *options;
	l->folder = l->lock = l->live.fd = -1;
	l->live.os = os;
	l->body_times = LOG_NO_TIMES;
	l->guard = UINT64_MAX;
	l->retain_us = INT64_MAX;
	l->entries = malloc(LOG_BATCHES_MAX * sizeof *l->entries);
	l->body = malloc(LOG_APPEND_MAX);
	l->packed = malloc(LOG_HEADER_MAX + frame_bound(LOG_APPEND_MAX));
	l->packer = frame_packer_new(LOG_APPEND_MAX, error);
	if (l->entries == NULL || l->body == NULL || l->packed == NULL ||
	    l->packer == NULL)
		(void)error_set(error, "no memory for the log %s", path);
	else if (log_buffers_new(&l->buffers, error) == 0 &&
	    open_folder(l, error) == 0 && log_recover(l, error) == 0 &&
	    log_retain(l, error) == 0)
		return l;
	log_abandon(l);
	return NULL;
}

/* --- Going back ------------------------------------------------------------------ */

static int
not_the_log(const struct log *l, const struct log_position *to, struct error *error)
{
	return error_set(error,
	    "%s is not the log that it was: no batch ends at byte %" PRIu64
	    " of segment %" PRIu64 ", before record %" PRIu64,
	    l->path, to->offset, to->segment, to->seq);
}

/* The last segment of the list ends with the position, or has it. */
static int
check_position(struct log *l, const struct log_position *to, struct error *error)
{
	struct log_seal seal;
	const char *reason;
	uint64_t synced;
	int status;

	if (l->list.n == 0)
		return to->seq == 0 ? 0 : not_the_log(l, to, error);
	if (open_segment(l, l->list.first[l->list.n - 1], O_RDONLY, error) != 0)
		return -1;
	if (to->offset == 0) {
		status = log_file_seal(&l->live, &seal, error);
		if (status < 0)
			return -1;
		return status == 1 && seal.next == to->seq &&
			memcmp(seal.chain, to->chain, LOG_HASH_SIZE) == 0
		    ? 0
		    : not_the_log(l, to, error);
	}
	if (l->live.first != to->segment || to->offset > l->live.size)
		return not_the_log(l, to, error);
	switch (walk(l, to->offset, &synced, &reason, error)) {
	case LOG_FOUND_FAIL:
		return -1;
	case LOG_FOUND_END:
		if (l->offset == to->offset && l->written == to->seq &&
		    memcmp(l->chain, to->chain, LOG_HASH_SIZE) == 0)
			return 0;
		/* fall through */
	default:
		return not_the_log(l, to, error);
	}
}

/* A sealed segment becomes the live one again. */
static int
cut_segment(struct log *l, const struct log_position *to, struct error *error)
{
	if (l->os->mode(l->os, l->live.fd, 0644) != 0)
		return error_set(error, "cannot open %s for writing: %s", l->live.path,
		    strerror(errno));
	log_file_close(&l->live);
	return open_segment(l, to->segment, O_RDWR | O_APPEND, error) == 0
	    ? cut(l, to->offset, error)
	    : -1;
}

int
log_truncate(struct log *l, const struct log_position *to, struct error *error)
{
	size_t keep = 0, all = l->list.n;
	int status;

	assert(l->count == 0 && l->packed_size == 0 && l->durable == l->next);
	log_file_close(&l->live);
	while (keep < all &&
	    (l->list.first[keep] < to->segment ||
		(l->list.first[keep] == to->segment && to->offset > 0)))
		keep++;
	l->list.n = keep;
	status = check_position(l, to, error);
	l->list.n = all;
	if (status != 0)
		return -1;
	/* The newest goes first: after a crash there is a log without a hole. */
	for (; l->list.n > keep; l->list.n--)
		if (remove_segment(l, l->list.first[l->list.n - 1], error) != 0)
			return -1;
	if (to->offset > 0 && cut_segment(l, to, error) != 0)
		return -1;
	return log_recover(l, error);
}
