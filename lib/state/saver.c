/* SPDX-License-Identifier: MIT */
#include "lib/state/saver.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/base/assert.h"
#include "lib/state/file.h"

enum {
	STACK = 256 * 1024,
	CHAIN_FOLD = 32, /* so many changes are folded */
	CHAIN_MAX = 64,  /* so many wait for that */
	FOLD_BYTES = 1 << 20,
	SPARE_MAX = 16 << 20,
	NICE = 10,
};

struct link {
	uint64_t epoch;
	uint64_t bytes;   /* of the file */
	uint64_t content; /* its sum, when that is checked */
};

/* Two threads: one writes what is handed over, the other folds and forgets, which may take
 * long. The latter does both, so that no base is removed before the snapshot that does
 * without it is durable. */
struct saver {
	const struct os *os;
	const char *folder;
	const struct state_identity *identity;
	bool check;
	int news; /* an eventfd */
	pthread_t writer, keeper;
	pthread_mutex_t files; /* when checking: nothing is removed under the reader */
	pthread_mutex_t lock;  /* over all that follows */
	pthread_cond_t changed;
	bool stop, stop_keeper;
	bool announced; /* durable, and not yet said */
	struct state_writer *job;
	enum saver_progress progress;           /* of the job; never DURABLE */
	struct error error;                     /* why it failed */
	struct link chain[STATE_CHAIN_MAX + 1]; /* the whole one first */
	unsigned links;
	uint64_t keep; /* epochs before this one may go */
	bool forget;
	uint8_t *spare; /* owned; memory for the next body */
	size_t spare_size;
};

static void
tell(struct saver *s)
{
	uint64_t one = 1;

	while (write(s->news, &one, sizeof one) < 0 && errno == EINTR)
		;
}

static void
fail(struct saver *s, const struct error *error)
{
	if (s->progress != SAVER_FAILED)
		s->error = *error;
	s->progress = SAVER_FAILED;
	(void)pthread_cond_broadcast(&s->changed);
	tell(s);
}

/* Whether a snapshot's content, composed from the files, is what was put. */
static int
check_content(struct saver *s, uint64_t epoch, uint64_t content, struct error *error)
{
	enum state_trouble trouble;
	struct state_reader *r =
	    state_open_chain(s->os, s->folder, epoch, s->identity, &trouble, error);
	struct state_writer *w = r == NULL
	    ? NULL
	    : state_writer_new(s->os, "", s->identity, epoch, epoch, FOLD_BYTES, error);
	int status = -1;

	if (w != NULL && state_writer_want_content(w) == 0) {
		w->discards = true;
		status = state_copy(r, w, NULL, NULL, error);
		if (status == 0 && state_writer_content(w) != content)
			status = error_set(error,
			    "%s/%016" PRIx64
			    ".snap is not the state: a change of a block was not "
			    "marked",
			    s->folder, epoch);
	}
	state_close(r);
	state_abandon(w);
	return status;
}

static uint64_t
changes_bytes(const struct saver *s)
{
	uint64_t bytes = 0;

	for (unsigned i = 1; i < s->links; i++)
		bytes += s->chain[i].bytes;
	return bytes;
}

static bool
wants_fold(const struct saver *s)
{
	uint64_t bytes = changes_bytes(s);

	return s->links > CHAIN_FOLD ||
	    (s->links > 1 && bytes > FOLD_BYTES && bytes > s->chain[0].bytes);
}

static void
keep_memory(struct saver *s, struct state_writer *w)
{
	if (w->capacity > SPARE_MAX || w->capacity <= s->spare_size)
		return;
	free(s->spare);
	s->spare = w->memory;
	s->spare_size = w->capacity;
	w->memory = NULL;
}

static void
do_job(struct saver *s)
{
	struct state_writer *job = s->job;
	struct link link = { .epoch = job->epoch };
	struct error error;
	int status;

	(void)pthread_mutex_unlock(&s->lock);
	status = state_writer_finish(job, &error);
	if (status == 0 && s->check) {
		link.content = state_writer_content(job);
		(void)pthread_mutex_lock(&s->files);
		status = check_content(s, link.epoch, link.content, &error);
		(void)pthread_mutex_unlock(&s->files);
	}
	(void)pthread_mutex_lock(&s->lock);
	s->job = NULL;
	if (status != 0) {
		fail(s, &error);
	} else if (s->progress != SAVER_FAILED) {
		link.bytes = job->file_size;
		if (job->base == job->epoch)
			s->links = 0;
		s->chain[s->links++] = link;
		s->progress = SAVER_IDLE;
		s->announced = true;
		keep_memory(s, job);
		(void)pthread_cond_broadcast(&s->changed);
		tell(s);
	}
	state_writer_free(job);
}

static void *
write_jobs(void *context)
{
	struct saver *s = context;

	(void)pthread_mutex_lock(&s->lock);
	for (;;) {
		if (s->job != NULL && s->progress == SAVER_FAILED) {
			state_abandon(s->job);
			s->job = NULL;
		} else if (s->job != NULL && s->links <= CHAIN_MAX) {
			do_job(s);
		} else if (s->job == NULL && s->stop) {
			break;
		} else {
			(void)pthread_cond_wait(&s->changed, &s->lock);
		}
	}
	(void)pthread_mutex_unlock(&s->lock);
	return NULL;
}

static bool
is_stopped(void *context)
{
	struct saver *s = context;
	bool stopped;

	(void)pthread_mutex_lock(&s->lock);
	stopped = s->stop_keeper || s->progress == SAVER_FAILED;
	(void)pthread_mutex_unlock(&s->lock);
	return stopped;
}

/* The chain begins with the epoch that was folded, unless a whole snapshot came
 * meanwhile. */
static void
shorten(struct saver *s, uint64_t epoch, uint64_t bytes)
{
	for (unsigned i = 0; i < s->links; i++) {
		if (s->chain[i].epoch != epoch)
			continue;
		memmove(s->chain, s->chain + i, (s->links - i) * sizeof *s->chain);
		s->links -= i;
		s->chain[0].bytes = bytes;
	}
	(void)pthread_cond_broadcast(&s->changed);
}

static void
do_fold(struct saver *s)
{
	struct link newest = s->chain[s->links - 1];
	struct error error;
	uint64_t bytes = 0;
	int status;

	(void)pthread_mutex_unlock(&s->lock);
	status = state_fold(
	    s->os, s->folder, newest.epoch, s->identity, is_stopped, s, &bytes, &error);
	if (status == 0 && s->check && newest.content != 0)
		status = check_content(s, newest.epoch, newest.content, &error);
	(void)pthread_mutex_lock(&s->lock);
	if (status == 0)
		shorten(s, newest.epoch, bytes);
	else if (status < 0)
		fail(s, &error);
}

static void
do_forget(struct saver *s)
{
	uint64_t keep = s->keep;

	s->forget = false;
	(void)pthread_mutex_unlock(&s->lock);
	(void)pthread_mutex_lock(&s->files);
	state_forget(s->os, s->folder, keep);
	(void)pthread_mutex_unlock(&s->files);
	(void)pthread_mutex_lock(&s->lock);
}

static void *
keep_house(void *context)
{
	struct saver *s = context;

	/* Of this thread alone: nobody waits for it, but for a chain that is too long. */
	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
	(void)pthread_mutex_lock(&s->lock);
	for (;;) {
		if (s->progress != SAVER_FAILED && s->forget)
			do_forget(s);
		else if (s->stop_keeper)
			break;
		else if (s->progress != SAVER_FAILED && wants_fold(s))
			do_fold(s);
		else
			(void)pthread_cond_wait(&s->changed, &s->lock);
	}
	(void)pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* Signals are the stream's. */
static int
start_thread(struct saver *s, pthread_t *thread, void *(*work)(void *))
{
	pthread_attr_t attributes;
	sigset_t all, before;
	int cause;

	(void)sigfillset(&all);
	(void)pthread_attr_init(&attributes);
	(void)pthread_attr_setstacksize(&attributes, STACK);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	cause = pthread_create(thread, &attributes, work, s);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)pthread_attr_destroy(&attributes);
	/* When it is woken it does not take the processor from the stream. */
	if (cause == 0)
		(void)pthread_setschedparam(
		    *thread, SCHED_BATCH, &(struct sched_param){ 0 });
	return cause;
}

static void
end_thread(struct saver *s, bool *flag, pthread_t thread)
{
	(void)pthread_mutex_lock(&s->lock);
	*flag = true;
	(void)pthread_cond_broadcast(&s->changed);
	(void)pthread_mutex_unlock(&s->lock);
	(void)pthread_join(thread, NULL);
}

static int
start(struct saver *s)
{
	int cause;

	s->news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->news < 0)
		return errno;
	(void)pthread_mutex_init(&s->files, NULL);
	(void)pthread_mutex_init(&s->lock, NULL);
	(void)pthread_cond_init(&s->changed, NULL);
	cause = start_thread(s, &s->writer, write_jobs);
	if (cause == 0) {
		cause = start_thread(s, &s->keeper, keep_house);
		if (cause == 0)
			return 0;
		end_thread(s, &s->stop, s->writer);
	}
	(void)close(s->news);
	return cause;
}

struct saver *
saver_new(const struct os *os, const char *folder,
    const struct state_identity *identity, struct error *error)
{
	struct saver *s = calloc(1, sizeof *s);
	int cause = ENOMEM;

#ifdef M_ARENA_MAX
	/* A heap for each thread would take 64 MiB of the address space that --memory
	 * leaves. */
	(void)mallopt(M_ARENA_MAX, 1);
#endif
	if (s != NULL) {
		s->os = os;
		s->folder = folder;
		s->identity = identity;
		s->check = getenv(SAVER_CHECK) != NULL;
		cause = start(s);
	}
	if (cause == 0)
		return s;
	(void)error_set(error, "cannot start a thread for the snapshots in %s: %s",
	    folder, strerror(cause));
	free(s);
	return NULL;
}

/* What was read is the base of what comes. */
static void
take_chain(struct saver *s, struct state_reader *newest)
{
	unsigned n = 0;

	newest->tracks = true;
	for (const struct state_reader *r = newest; r != NULL; r = r->base)
		n++;
	(void)pthread_mutex_lock(&s->lock);
	s->links = n;
	for (const struct state_reader *r = newest; r != NULL; r = r->base)
		s->chain[--n] =
		    (struct link){ .epoch = r->epoch, .bytes = r->file_size };
	(void)pthread_mutex_unlock(&s->lock);
}

struct state_reader *
saver_read(
    struct saver *s, uint64_t epoch, enum state_trouble *trouble, struct error *error)
{
	struct state_reader *r = NULL;

	*trouble = STATE_UNREADABLE;
	if (saver_wait(s, error) == 0)
		r = state_open_chain(
		    s->os, s->folder, epoch, s->identity, trouble, error);
	if (r != NULL)
		take_chain(s, r);
	return r;
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

/* The memory of an earlier body has been touched already. */
static void
use_spare(struct saver *s, struct state_writer *w)
{
	if (s->spare_size <= w->capacity)
		return;
	memcpy(s->spare, w->memory, w->used);
	free(w->memory);
	w->memory = s->spare;
	w->capacity = s->spare_size;
	s->spare = NULL;
	s->spare_size = 0;
}

struct state_writer *
saver_begin(struct saver *s, uint64_t epoch, struct error *error)
{
	char path[STATE_PATH_MAX];
	struct state_writer *w;
	uint64_t base;

	if (saver_wait(s, error) != 0 ||
	    state_epoch_path(path, s->folder, epoch, error) != 0)
		return NULL;
	(void)pthread_mutex_lock(&s->lock);
	base = s->links > 0 ? s->chain[s->links - 1].epoch : epoch;
	(void)pthread_mutex_unlock(&s->lock);
	w = state_writer_new(s->os, path, s->identity, epoch,
	    base < epoch ? base : epoch, SAVER_MEMORY, error);
	if (w == NULL)
		return NULL;
	w->tracks = true;
	(void)pthread_mutex_lock(&s->lock);
	use_spare(s, w);
	(void)pthread_mutex_unlock(&s->lock);
	if (!s->check || state_writer_want_content(w) == 0)
		return w;
	(void)error_set(error, "no memory to write %s", path);
	state_abandon(w);
	return NULL;
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
	end_thread(s, &s->stop, s->writer);
	end_thread(s, &s->stop_keeper, s->keeper);
	(void)pthread_cond_destroy(&s->changed);
	(void)pthread_mutex_destroy(&s->lock);
	(void)pthread_mutex_destroy(&s->files);
	(void)close(s->news);
	free(s->spare);
	free(s);
}
