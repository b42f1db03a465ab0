/* SPDX-License-Identifier: MIT */
#include "lib/log/player.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"

/* Longer than anybody waits, and no more than an integer holds. */
#define LATER_US 1e15

struct player {
	struct source source;
	const struct os *os;
	double speed;
	int64_t max_gap_us;

	struct track *track[PLAYER_TRACKS_MAX]; /* owned */
	unsigned n;

	bool begun;
	instant first_time, last_time; /* event time at first_us; of the last record */
	int64_t first_us;

	bool failed;
	struct error failure;

	uint8_t *left; /* owned; [left_from, left_to) were taken and not yet read */
	size_t left_from, left_to, left_room;
};

static struct player *
player_of(struct source *s)
{
	return (struct player *)(void *)((char *)s - offsetof(struct player, source));
}

/* Keep bytes until they are read. */
static bool
keep(struct player *p, struct slice bytes)
{
	uint8_t *more;

	assert(p->left_from == p->left_to);
	if (bytes.size > p->left_room) {
		more = realloc(p->left, bytes.size);
		if (more == NULL)
			return false;
		p->left = more;
		p->left_room = bytes.size;
	}
	if (bytes.size > 0)
		memcpy(p->left, bytes.at, bytes.size);
	p->left_from = 0;
	p->left_to = bytes.size;
	return true;
}

static size_t
read_left(struct player *p, uint8_t *to, size_t size)
{
	size_t n = p->left_to - p->left_from;

	n = n < size ? n : size;
	if (n > 0)
		memcpy(to, p->left + p->left_from, n);
	p->left_from += n;
	return n;
}

/* How long the record of that time must wait, in us; <= 0: not at all. */
static int64_t
wait_us(struct player *p, instant time)
{
	int64_t now;
	double passed;

	if (p->speed == 0 || time == WHEN_NEVER)
		return 0;
	now = p->os->monotonic_us(p->os);
	if (!p->begun) {
		p->begun = true;
		p->first_time = p->last_time = time;
		p->first_us = now;
	}
	if (p->max_gap_us > 0 && time - p->last_time > p->max_gap_us) {
		p->first_time += time - p->last_time - p->max_gap_us;
		p->last_time = time - p->max_gap_us;
	}
	passed = (double)(time - p->first_time) / p->speed;
	if (passed > LATER_US)
		passed = LATER_US;
	return passed < -LATER_US ? 0 : (int64_t)passed - (now - p->first_us);
}

/* The track whose record comes next; NULL when none has one. */
static struct track *
next_track(struct player *p, struct slice *record, instant *time,
    enum track_state *state, struct error *error)
{
	struct track *best = NULL;

	*state = TRACK_END;
	for (unsigned i = 0; i < p->n; i++) {
		struct slice r;
		instant t;
		enum track_state s = track_peek(p->track[i], &r, &t, error);

		if (s == TRACK_FAIL || s == TRACK_NOTHING) {
			*state = s;
			p->source.wait_fd = track_wait_fd(p->track[i]);
			return NULL;
		}
		if (s != TRACK_RECORD || (best != NULL && t >= *time))
			continue;
		best = p->track[i];
		*record = r;
		*time = t;
		*state = TRACK_RECORD;
	}
	return best;
}

static ssize_t
nothing_now(struct player *p, int64_t us)
{
	p->source.wait_ms = us / 1000 >= 1000 ? 1000 : (int)((us + 999) / 1000);
	return SOURCE_NOTHING;
}

/* What a read returns. A failure waits until what came before it was given; it is not
 * asked for twice, as a track goes on behind it. */
static ssize_t
given(struct player *p, size_t done, enum track_state state, const struct error *error)
{
	if (state == TRACK_FAIL) {
		p->failed = true;
		p->failure = *error;
	}
	if (done > 0)
		return (ssize_t)done;
	if (state == TRACK_NOTHING)
		return nothing_now(
		    p, p->source.wait_fd >= 0 ? 1000000 : PLAYER_POLL_MS * 1000);
	return state == TRACK_END ? 0 : -1;
}

/* One track at full speed: bytes are bytes. */
static ssize_t
read_bulk(struct player *p, uint8_t *to, size_t size, struct error *error)
{
	struct slice bytes;
	size_t done = 0;
	enum track_state state = TRACK_RECORD;

	while (done < size) {
		state = track_bulk(p->track[0], size - done, &bytes, error);
		p->source.wait_fd = track_wait_fd(p->track[0]);
		if (state != TRACK_RECORD)
			break;
		if (bytes.size > size - done) {
			/* A gap's record: as small as it is, it may not fit. */
			if (!keep(p, bytes))
				return error_set(error, "no memory to replay");
			return (ssize_t)(done + read_left(p, to + done, size - done));
		}
		memcpy(to + done, bytes.at, bytes.size);
		done += bytes.size;
	}
	return given(p, done, state, error);
}

static ssize_t
read_merged(struct player *p, uint8_t *to, size_t size, struct error *error)
{
	size_t done = 0;
	enum track_state state = TRACK_RECORD;
	struct slice record;
	struct track *t;
	instant time;
	int64_t us = 0;

	while (
	    done < size && (t = next_track(p, &record, &time, &state, error)) != NULL) {
		us = wait_us(p, time);
		if (us > 0)
			break;
		if (time > p->last_time)
			p->last_time = time;
		if (record.size <= size - done) {
			memcpy(to + done, record.at, record.size);
			done += record.size;
			track_take(t);
			continue;
		}
		if (!keep(p, record))
			return error_set(error, "no memory to replay");
		track_take(t);
		return (ssize_t)(done + read_left(p, to + done, size - done));
	}
	if (done == 0 && us > 0) {
		p->source.wait_fd = -1;
		return nothing_now(p, us);
	}
	return given(p, done, state, error);
}

static ssize_t
player_read(struct source *s, void *to, size_t size, struct error *error)
{
	struct player *p = player_of(s);

	if (p->left_from < p->left_to)
		return (ssize_t)read_left(p, to, size);
	if (p->failed) {
		*error = p->failure;
		return -1;
	}
	if (p->n == 1 && p->speed == 0 && !track_is_text(p->track[0]))
		return read_bulk(p, to, size, error);
	return read_merged(p, to, size, error);
}

static void
player_free(struct source *s)
{
	struct player *p = player_of(s);

	for (unsigned i = 0; i < p->n; i++)
		track_free(p->track[i]);
	free(p->left);
	free(p);
}

static double
player_part(const struct source *s)
{
	const struct player *p = player_of((struct source *)(uintptr_t)s);
	uint64_t done = 0, total = 0, d, t;

	for (unsigned i = 0; i < p->n; i++) {
		track_progress(p->track[i], &d, &t);
		if (t == 0)
			return -1;
		done += d;
		total += t;
	}
	return total == 0 ? -1 : (double)done / (double)total;
}

struct player *
player_new(const struct os *os, double speed, int64_t max_gap_us, struct error *error)
{
	struct player *p = calloc(1, sizeof *p);

	if (p == NULL) {
		(void)error_set(error, "no memory to replay");
		return NULL;
	}
	p->os = os;
	p->speed = speed;
	p->max_gap_us = max_gap_us;
	p->source = (struct source){ .read = player_read,
		.free = player_free,
		.part = player_part,
		.wait_fd = -1,
		.wait_ms = PLAYER_POLL_MS };
	return p;
}

void
player_add(struct player *p, struct track *t)
{
	assert(p->n < PLAYER_TRACKS_MAX);
	p->track[p->n++] = t;
}

struct source *
player_source(struct player *p)
{
	return &p->source;
}

struct track *
player_track(struct player *p, unsigned i)
{
	assert(i < p->n);
	return p->track[i];
}

unsigned
player_tracks(const struct player *p)
{
	return p->n;
}

struct slice
player_left(const struct player *p)
{
	static const uint8_t none;

	return p->left == NULL
	    ? slice_of(&none, 0)
	    : slice_of(p->left + p->left_from, p->left_to - p->left_from);
}

bool
player_give_first(struct player *p, struct slice bytes)
{
	return keep(p, bytes);
}
