/* SPDX-License-Identifier: MIT */
#include "lib/state/saver.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/base/assert.h"
#include "lib/state/file.h"

enum { STACK = 256 * 1024, PATH_LIMIT = 4096, SNAPSHOTS_MAX = 4096 };

struct saver {
	const struct os *os;
	const char *folder;
	const struct state_identity *identity;
	int news; /* an eventfd */
	pthread_t thread;
	pthread_mutex_t lock; /* over all that follows */
	pthread_cond_t changed;
	bool stop;
	bool announced; /* durable, and not yet said */
	struct state_writer *job;
	enum saver_progress progress; /* of the job; never DURABLE */
	struct error error;           /* why it failed */
	uint64_t keep;                /* epochs before this one may go */
	bool forget;
};

static int
path_of(const struct saver *s, uint64_t epoch, char to[PATH_LIMIT], struct error *error)
{
	int n = snprintf(to, PATH_LIMIT, "%s/%016" PRIx64 ".snap", s->folder, epoch);

	return n < PATH_LIMIT ? 0 : error_set(error, "%s: the name is too long", to);
}

/* The epoch that a file's name tells. */
static bool
epoch_in(const char *name, uint64_t *epoch)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < 16; i++) {
		const char *digits = "0123456789abcdef";
		const char *digit = name[i] != '\0' ? strchr(digits, name[i]) : NULL;

		if (digit == NULL)
			return false;
		value = value << 4 | (uint64_t)(digit - digits);
	}
	*epoch = value;
	return strcmp(name + 16, ".snap") == 0;
}

struct old {
	uint64_t before;
	unsigned n;
	uint64_t epoch[SNAPSHOTS_MAX];
};

static void
note_old(void *context, const char *name)
{
	struct old *old = context;
	uint64_t epoch;

	if (epoch_in(name, &epoch) && epoch < old->before && old->n < SNAPSHOTS_MAX)
		old->epoch[old->n++] = epoch;
}

/* What cannot be removed now is tried again with the next. */
static void
forget(struct saver *s, uint64_t keep)
{
	struct old *old = malloc(sizeof *old);
	char path[PATH_LIMIT];
	struct error error;

	if (old == NULL)
		return;
	old->before = keep;
	old->n = 0;
	if (s->os->list(s->os, s->folder, note_old, old) == 0)
		for (unsigned i = 0; i < old->n; i++)
			if (path_of(s, old->epoch[i], path, &error) == 0)
				(void)s->os->unlink(s->os, path);
	free(old);
}

static void
tell(struct saver *s)
{
	uint64_t one = 1;

	while (write(s->news, &one, sizeof one) < 0 && errno == EINTR)
		;
}

static void
do_job(struct saver *s)
{
	struct state_writer *job = s->job;
	struct error error;
	int status;

	s->job = NULL;
	(void)pthread_mutex_unlock(&s->lock);
	status = state_commit(job, &error);
	(void)pthread_mutex_lock(&s->lock);
	if (status == 0) {
		s->progress = SAVER_IDLE;
		s->announced = true;
	} else {
		s->progress = SAVER_FAILED;
		s->error = error;
	}
	(void)pthread_cond_broadcast(&s->changed);
	tell(s);
}

static void *
work(void *context)
{
	struct saver *s = context;

	(void)pthread_mutex_lock(&s->lock);
	for (;;) {
		if (s->job != NULL) {
			do_job(s);
		} else if (s->forget) {
			uint64_t keep = s->keep;

			s->forget = false;
			(void)pthread_mutex_unlock(&s->lock);
			forget(s, keep);
			(void)pthread_mutex_lock(&s->lock);
		} else if (s->stop) {
			break;
		} else {
			(void)pthread_cond_wait(&s->changed, &s->lock);
		}
	}
	(void)pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* Signals are the stream's. */
static int
start_thread(struct saver *s)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	int cause;

	(void)sigfillset(&all);
	(void)pthread_attr_init(&attributes);
	(void)pthread_attr_setstacksize(&attributes, STACK);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	cause = pthread_create(&s->thread, &attributes, work, s);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)pthread_attr_destroy(&attributes);
	return cause;
}

struct saver *
saver_new(const struct os *os, const char *folder,
    const struct state_identity *identity, struct error *error)
{
	struct saver *s = calloc(1, sizeof *s);
	int cause;

	if (s == NULL) {
		(void)error_set(error, "no memory for the snapshots in %s", folder);
		return NULL;
	}
	s->os = os;
	s->folder = folder;
	s->identity = identity;
	s->news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	cause = s->news < 0 ? errno : 0;
	(void)pthread_mutex_init(&s->lock, NULL);
	(void)pthread_cond_init(&s->changed, NULL);
	if (cause == 0 && (cause = start_thread(s)) == 0)
		return s;
	(void)error_set(error, "cannot start a thread for the snapshots in %s: %s",
	    folder, strerror(cause));
	if (s->news >= 0)
		(void)close(s->news);
	free(s);
	return NULL;
}

struct state_reader *
saver_read(
    struct saver *s, uint64_t epoch, enum state_trouble *trouble, struct error *error)
{
	char path[PATH_LIMIT];

	*trouble = STATE_UNREADABLE;
	if (path_of(s, epoch, path, error) != 0)
		return NULL;
	return state_read(s->os, path, s->identity, trouble, error);
}

int
saver_wait(struct saver *s, struct error *error)
{
	int status = 0;

	(void)pthread_mutex_lock(&s->lock);
	while (s->progress == SAVER_BUSY)
		(void)pthread_cond_wait(&s->changed, &s->lock);
	s->announced = false;
	if (s->progress == SAVER_FAILED) {
		*error = s->error;
		status = -1;
	}
	(void)pthread_mutex_unlock(&s->lock);
	return status;
}

struct state_writer *
saver_begin(struct saver *s, uint64_t epoch, struct error *error)
{
	char path[PATH_LIMIT];

	if (saver_wait(s, error) != 0 || path_of(s, epoch, path, error) != 0)
		return NULL;
	return state_writer_new(s->os, path, s->identity, SAVER_MEMORY, error);
}

int
saver_commit(struct saver *s, struct state_writer *w, struct error *error)
{
	int status = 0;

	(void)pthread_mutex_lock(&s->lock);
	if (s->progress == SAVER_FAILED) {
		*error = s->error;
		status = -1;
	} else {
		assert(s->progress == SAVER_IDLE);
		s->job = w;
		s->progress = SAVER_BUSY;
		s->announced = false;
		(void)pthread_cond_broadcast(&s->changed);
	}
	(void)pthread_mutex_unlock(&s->lock);
	if (status != 0)
		state_abandon(w);
	return status;
}

void
saver_abandon(struct saver *s, struct state_writer *w)
{
	(void)s;
	state_abandon(w);
}

enum saver_progress
saver_poll(struct saver *s, struct error *error)
{
	enum saver_progress progress;
	uint64_t count;

	(void)pthread_mutex_lock(&s->lock);
	progress = s->announced ? SAVER_DURABLE : s->progress;
	s->announced = false;
	if (progress == SAVER_FAILED)
		*error = s->error;
	else
		(void)!read(s->news, &count, sizeof count);
	(void)pthread_mutex_unlock(&s->lock);
	return progress;
}

int
saver_wait_fd(const struct saver *s)
{
	return s->news;
}

void
saver_forget(struct saver *s, uint64_t epoch)
{
	(void)pthread_mutex_lock(&s->lock);
	if (epoch > s->keep) {
		s->keep = epoch;
		s->forget = true;
		(void)pthread_cond_broadcast(&s->changed);
	}
	(void)pthread_mutex_unlock(&s->lock);
}

void
saver_free(struct saver *s)
{
	if (s == NULL)
		return;
	(void)pthread_mutex_lock(&s->lock);
	s->stop = true;
	(void)pthread_cond_broadcast(&s->changed);
	(void)pthread_mutex_unlock(&s->lock);
	(void)pthread_join(s->thread, NULL);
	(void)pthread_cond_destroy(&s->changed);
	(void)pthread_mutex_destroy(&s->lock);
	(void)close(s->news);
	free(s);
}
