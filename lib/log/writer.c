/* SPDX-License-Identifier: MIT */
#include "lib/log/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/hash.h"

enum { RETRY_US = 100000 };

const struct log_options log_defaults = {
	.sync_us = 5000,
	.segment_bytes = UINT64_C(128) << 20,
};

void
log_say(struct log *l, const char *format, ...)
{
	char text[512];
	va_list args;

	if (l->options.say == NULL)
		return;
	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	l->options.say(l->options.context, text);
}

/* --- Marks ---------------------------------------------------------------------- */

static const struct mark_slot *
find_mark(const struct log *l, const uint8_t sender[LOG_UUID_SIZE])
{
	for (unsigned i = 0; i < LOG_SENDERS_MAX; i++)
		if (l->marks[i].stamp != 0 &&
		    memcmp(l->marks[i].mark.sender, sender, LOG_UUID_SIZE) == 0)
			return &l->marks[i];
	return NULL;
}

void
log_set_mark(struct log *l, const struct log_mark *mark, bool fresh)
{
	const struct mark_slot *found = find_mark(l, mark->sender);
	struct mark_slot *slot = &l->marks[0];

	if (found != NULL)
		slot = &l->marks[found - l->marks];
	for (unsigned i = 1; i < LOG_SENDERS_MAX && found == NULL; i++)
		if (l->marks[i].stamp < slot->stamp)
			slot = &l->marks[i];
	slot->mark = *mark;
	slot->stamp = ++l->stamp;
	slot->fresh = fresh;
}

bool
log_marked(
    const struct log *l, const uint8_t sender[LOG_UUID_SIZE], struct log_mark *to)
{
	const struct mark_slot *found = find_mark(l, sender);

	if (found != NULL)
		*to = found->mark;
	return found != NULL;
}

bool
log_next_mark(const struct log *l, unsigned *i, struct log_mark *to)
{
	while (*i < LOG_SENDERS_MAX) {
		const struct mark_slot *slot = &l->marks[(*i)++];

		if (slot->stamp != 0) {
			*to = slot->mark;
			return true;
		}
	}
	return false;
}

/* A segment's first batch has all marks, so that recovery reads one segment; the others
 * those that changed. The stalest come first: recovery gives them their order again. */
static void
gather_marks(const struct log *l, struct log_header *h, bool all)
{
	uint64_t after = 0;

	h->marks = 0;
	for (;;) {
		const struct mark_slot *next = NULL;

		for (unsigned i = 0; i < LOG_SENDERS_MAX; i++) {
			const struct mark_slot *m = &l->marks[i];

			if (m->stamp > after && (all || m->fresh) &&
			    (next == NULL || m->stamp < next->stamp))
				next = m;
		}
		if (next == NULL)
			return;
		h->mark[h->marks++] = next->mark;
		after = next->stamp;
	}
}

/* --- Files ---------------------------------------------------------------------- */

static bool
is_full(int cause)
{
	return cause == ENOSPC || cause == EDQUOT;
}

/* The disk has no room: the caller keeps what it could not write. */
static enum log_result
no_room(struct log *l, struct error *error)
{
	if (l->options.fail_when_full)
		return (enum log_result)error_set(
		    error, "cannot write the log %s: no space left on device", l->path);
	if (!l->full)
		log_say(l, "%s: the disk is full: waiting for space", l->path);
	l->full = true;
	l->retry_us = l->os->monotonic_us(l->os) + RETRY_US;
	return LOG_FULL;
}

static enum log_result
failed(struct log *l, const char *what, struct error *error)
{
	return (enum log_result)error_set(
	    error, "cannot %s %s: %s", what, l->live.path, strerror(errno));
}

static enum log_result
create_segment(struct log *l, struct error *error)
{
	char name[LOG_NAME_SIZE];

	log_name(l->written, name);
	if (log_path(l->live.path, l->path, name, error) != 0)
		return LOG_FAIL;
	l->live.fd = l->os->open(
	    l->os, l->live.path, O_RDWR | O_CREAT | O_EXCL | O_APPEND, 0644);
	if (l->live.fd < 0)
		return is_full(errno) ? no_room(l, error) : failed(l, "create", error);
	if (l->os->sync(l->os, l->folder) != 0)
		return failed(l, "sync the folder of", error);
	l->live.first = l->written;
	l->live.size = l->offset = l->durable_offset = 0;
	l->batches = 0;
	l->times = LOG_NO_TIMES;
	l->opened_us = l->os->monotonic_us(l->os);
	return LOG_DONE;
}

/* Append to the live segment: all of it, or nothing and LOG_FULL. */
static enum log_result
write_whole(struct log *l, const uint8_t *from, size_t size, struct error *error)
{
	size_t done = 0;
	ssize_t n;

	while (done < size) {
		n = l->os->write(l->os, l->live.fd, from + done, size - done);
		if (n >= 0) {
			done += (size_t)n;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (!is_full(errno))
			return failed(l, "write", error);
		if (l->os->truncate(l->os, l->live.fd, (off_t)l->offset) != 0)
			return failed(l, "truncate", error);
		return no_room(l, error);
	}
	l->offset += size;
	if (l->full)
		log_say(l, "%s: the disk has room again", l->path);
	l->full = false;
	return LOG_DONE;
}

/* --- Batches -------------------------------------------------------------------- */

/* Make header and frame of what was gathered. */
static int
pack(struct log *l, struct error *error)
{
	struct log_header *h = &l->header;
	struct slice body = slice_of(l->body, l->used);
	size_t head;

	memcpy(h->uuid, l->uuid, LOG_UUID_SIZE);
	h->first = l->written;
	h->count = l->count;
	h->body = (uint32_t)l->used;
	h->epoch = l->epoch;
	h->times = l->body_times;
	h->synced = l->durable;
	gather_marks(l, h, l->live.fd < 0);
	log_hash(body, h->hash);
	log_chain(l->chain, h->hash, h->chain);
	head = log_header_size(h->marks);
	h->packed = (uint32_t)frame_pack(
	    l->packer, body, l->packed + head, frame_bound(LOG_APPEND_MAX), error);
	if (h->packed == 0)
		return -1;
	h->check = (uint32_t)hash_bytes(slice_of(l->packed + head, h->packed), 0);
	log_header_write(h, l->packed);
	l->packed_size = head + h->packed;
	l->packed_appends = l->appends;
	l->used = 0;
	l->count = 0;
	l->body_times = LOG_NO_TIMES;
	for (unsigned i = 0; i < LOG_SENDERS_MAX; i++)
		l->marks[i].fresh = false;
	return 0;
}

static enum log_result
write_packed(struct log *l, struct error *error)
{
	const struct log_header *h = &l->header;
	enum log_result result = LOG_DONE;
	uint64_t at;

	if (l->live.fd < 0)
		result = create_segment(l, error);
	at = l->offset;
	if (result == LOG_DONE)
		result = write_whole(l, l->packed, l->packed_size, error);
	if (result != LOG_DONE)
		return result;
	if (h->count > 0)
		l->entries[l->batches++] = (struct log_entry){ at, h->first, h->times };
	if (h->times.smallest <= h->times.largest) {
		log_times_add(&l->times, h->times.smallest);
		log_times_add(&l->times, h->times.largest);
	}
	memcpy(l->chain, h->chain, LOG_HASH_SIZE);
	l->written = h->first + h->count;
	l->written_appends = l->packed_appends;
	l->packed_size = 0;
	return LOG_DONE;
}

/* Close the batch: what was appended is in the file afterwards. */
static enum log_result
close_batch(struct log *l, struct error *error)
{
	enum log_result result = LOG_DONE;

	if (l->packed_size > 0)
		result = write_packed(l, error);
	if (result != LOG_DONE || l->written_appends == l->appends)
		return result;
	return pack(l, error) != 0 ? LOG_FAIL : write_packed(l, error);
}

/* --- Durability ------------------------------------------------------------------ */

static enum log_result
make_durable(struct log *l, struct error *error)
{
	enum log_result result = close_batch(l, error);

	if (result != LOG_DONE || l->durable_appends == l->written_appends)
		return result;
	/* After a failure of fsync nobody knows what the disk has, and a second one would
	 * say that all is well. */
	if (l->os->sync_data(l->os, l->live.fd) != 0)
		return failed(l, "sync", error);
	l->durable = l->written;
	l->durable_appends = l->written_appends;
	l->durable_offset = l->offset;
	memcpy(l->durable_chain, l->chain, LOG_HASH_SIZE);
	return LOG_DONE;
}

/* Write the footer and close the live segment, all of which is durable. A full disk
 * leaves it unsealed: the next rotation tries again. */
static enum log_result
seal(struct log *l, struct error *error)
{
	struct log_seal s = { .first = l->live.first,
		.next = l->written,
		.times = l->times,
		.batches = l->batches };
	size_t size = log_footer_size(l->batches);
	uint8_t *footer = malloc(size);
	enum log_result result;

	if (footer == NULL)
		return (enum log_result)error_set(
		    error, "no memory for the index of %s", l->live.path);
	memcpy(s.uuid, l->uuid, LOG_UUID_SIZE);
	memcpy(s.chain, l->chain, LOG_HASH_SIZE);
	log_footer_write(&s, l->entries, footer);
	result = write_whole(l, footer, size, error);
	free(footer);
	if (result != LOG_DONE)
		return result;
	if (l->os->sync(l->os, l->live.fd) != 0 ||
	    l->os->mode(l->os, l->live.fd, 0444) != 0 ||
	    l->os->sync(l->os, l->live.fd) != 0)
		return failed(l, "seal", error);
	l->sealed_bytes += l->offset;
	log_file_close(&l->live);
	l->offset = l->durable_offset = 0;
	l->batches = 0;
	return log_retain(l, error) == 0 ? LOG_DONE : LOG_FAIL;
}

static bool
must_rotate(const struct log *l, int64_t now)
{
	return l->live.fd >= 0 && l->batches > 0 &&
	    (l->offset >= l->options.segment_bytes || l->batches == LOG_BATCHES_MAX ||
		(l->options.segment_us > 0 &&
		    now - l->opened_us >= l->options.segment_us));
}

static enum log_result
rotate(struct log *l, int64_t now, struct error *error)
{
	enum log_result result;

	if (!must_rotate(l, now))
		return LOG_DONE;
	result = make_durable(l, error);
	return result == LOG_DONE ? seal(l, error) : result;
}

enum log_result
log_append(struct log *l, struct slice records, uint32_t count, struct log_times times,
    const struct log_mark *mark, struct error *error)
{
	enum log_result result;
	int64_t now;

	assert(count > 0 || (records.size == 0 && mark != NULL));
	assert(records.size >= count && records.size <= LOG_APPEND_MAX);
	if (l->used + records.size > LOG_BATCH_BYTES && l->used > 0) {
		now = l->os->monotonic_us(l->os);
		if (l->full && now < l->retry_us)
			return LOG_FULL;
		result = close_batch(l, error);
		if (result == LOG_DONE && now - l->waiting_us >= l->options.sync_us)
			result = make_durable(l, error);
		if (result == LOG_DONE)
			result = rotate(l, now, error);
		if (result != LOG_DONE)
			return result;
	}
	if (l->durable_appends == l->appends)
		l->waiting_us = l->os->monotonic_us(l->os);
	if (records.size > 0)
		memcpy(l->body + l->used, records.at, records.size);
	l->used += records.size;
	l->count += count;
	l->next += count;
	l->appends++;
	if (times.smallest <= times.largest) {
		log_times_add(&l->body_times, times.smallest);
		log_times_add(&l->body_times, times.largest);
	}
	if (mark != NULL)
		log_set_mark(l, mark, true);
	return LOG_DONE;
}

enum log_result
log_sync(struct log *l, struct error *error)
{
	enum log_result result = make_durable(l, error);

	return result == LOG_DONE ? rotate(l, l->os->monotonic_us(l->os), error)
				  : result;
}

int64_t
log_due(const struct log *l)
{
	int64_t due = INT64_MAX;

	if (l->full)
		return l->retry_us;
	if (l->durable_appends < l->appends)
		due = l->waiting_us + l->options.sync_us;
	if (l->live.fd >= 0 && l->options.segment_us > 0 &&
	    l->opened_us + l->options.segment_us < due)
		due = l->opened_us + l->options.segment_us;
	return l->retain_us < due ? l->retain_us : due;
}

enum log_result
log_tend(struct log *l, struct error *error)
{
	int64_t now = l->os->monotonic_us(l->os);

	if (now < log_due(l))
		return LOG_DONE;
	if (now >= l->retain_us && log_retain(l, error) != 0)
		return LOG_FAIL;
	if (l->full ||
	    (l->durable_appends < l->appends &&
		now - l->waiting_us >= l->options.sync_us))
		return log_sync(l, error);
	return rotate(l, now, error);
}

enum log_result
log_epoch(struct log *l, uint64_t epoch, struct error *error)
{
	enum log_result result = epoch == l->epoch ? LOG_DONE : close_batch(l, error);

	if (result == LOG_DONE)
		l->epoch = epoch;
	return result;
}

uint64_t
log_next(const struct log *l)
{
	return l->next;
}

uint64_t
log_durable(const struct log *l)
{
	return l->durable;
}

uint64_t
log_appends(const struct log *l)
{
	return l->appends;
}

uint64_t
log_durable_appends(const struct log *l)
{
	return l->durable_appends;
}

uint64_t
log_bytes(const struct log *l)
{
	return l->sealed_bytes + l->offset;
}

const uint8_t *
log_uuid(const struct log *l)
{
	return l->uuid;
}

void
log_tell(const struct log *l, struct log_position *to)
{
	to->seq = l->durable;
	to->segment = l->live.fd >= 0 ? l->live.first : l->durable;
	to->offset = l->durable_offset;
	memcpy(to->chain, l->durable_chain, LOG_HASH_SIZE);
}

void
log_guard(struct log *l, uint64_t seq)
{
	l->guard = seq;
}

enum log_result
log_close(struct log *l, struct error *error)
{
	enum log_result result = make_durable(l, error);

	log_abandon(l);
	return result;
}

void
log_abandon(struct log *l)
{
	if (l == NULL)
		return;
	log_file_close(&l->live);
	if (l->folder >= 0)
		(void)l->os->close(l->os, l->folder);
	if (l->lock >= 0)
		(void)l->os->close(l->os, l->lock);
	log_buffers_free(&l->buffers);
	frame_packer_free(l->packer);
	free(l->list.first);
	free(l->entries);
	free(l->body);
	free(l->packed);
	free(l);
}
