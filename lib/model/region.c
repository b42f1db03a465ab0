/* SPDX-License-Identifier: MIT */
#include "lib/model/region.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/base/assert.h"
#include "lib/base/memory.h"
#include "lib/hash.h"

enum { PATH_SIZE = 4096 };

static const char beside[] = ".new";

static int
path_beside(char to[PATH_SIZE], const char *path, struct error *error)
{
	int n = snprintf(to, PATH_SIZE, "%s%s", path, beside);

	return n < PATH_SIZE ? 0 : error_set(error, "the path %s is too long", path);
}

static uint64_t
sum_of(const struct region_head *h)
{
	struct slice text = slice_of(h->text, h->text_size);

	return hash_pair(hash_bytes(text, h->size),
	    hash_bytes(slice_of(h->shape, sizeof h->shape), 0));
}

static int
map(struct region *r, size_t size, int protection, int flags, int fd)
{
	void *at = mmap(NULL, size, protection, flags, fd, 0);

	if (at == MAP_FAILED)
		return -1;
	r->head = at;
	r->content = (uint8_t *)at + REGION_HEAD;
	r->size = size - REGION_HEAD;
	return 0;
}

/* A file that a dead process left: those who still read it shall know. */
static void
give_up(int fd)
{
	struct region r = { .fd = -1, .claimed = -1 };

	if (map(&r, REGION_HEAD, PROT_READ | PROT_WRITE, MAP_SHARED, fd) != 0)
		return;
	if (r.head->magic == REGION_MAGIC)
		__atomic_store_n(&r.head->over, 1, __ATOMIC_RELEASE);
	(void)munmap(r.head, REGION_HEAD);
}

/* Nobody else may have the path, and what is there must be a region: locked until it is
 * replaced. */
static int
claim(struct region *r, const struct os *os, const char *path, struct error *error)
{
	int fd = os->open(os, path, O_RDWR, 0);
	struct stat st;
	uint64_t magic = 0;

	if (fd < 0)
		return errno == ENOENT
		    ? 0
		    : error_set(error, "cannot open %s: %s", path, strerror(errno));
	r->claimed = fd;
	if (os->stat(os, fd, &st) != 0 || st.st_size < REGION_HEAD ||
	    os->read(os, fd, &magic, sizeof magic) != sizeof magic ||
	    magic != REGION_MAGIC)
		return error_set(
		    error, "%s is no live model; it is not overwritten", path);
	if (os->lock(os, fd) != 0)
		return error_set(
		    error, "%s belongs to another process that learns", path);
	return 0;
}

/* The file beside its place. Whoever has its lock is about to put it there. */
static int
create(struct region *r, const struct os *os, const char *name, struct error *error)
{
	struct stat ours, there;

	r->fd = os->open(os, name, O_RDWR | O_CREAT, 0644);
	if (r->fd < 0)
		return error_set(error, "cannot make %s: %s", name, strerror(errno));
	if (os->lock(os, r->fd) != 0 || os->stat(os, r->fd, &ours) != 0 ||
	    os->stat_path(os, name, &there) != 0 || ours.st_ino != there.st_ino)
		return error_set(
		    error, "%s belongs to another process that learns", name);
	if (os->truncate(os, r->fd, 0) != 0)
		return error_set(error, "cannot empty %s: %s", name, strerror(errno));
	return 0;
}

int
region_init(struct region *r, const struct os *os, const char *path,
    const struct region *old, size_t size, struct error *error)
{
	char name[PATH_SIZE];

	*r = (struct region){ .fd = -1, .claimed = -1 };
	size += REGION_HEAD;
	if (path == NULL) {
		if (map(r, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1) != 0)
			return error_set(error, "no memory for %zu bytes", size);
		memory_prefer_huge(r->head, size);
		return 0;
	}
	if ((old == NULL && claim(r, os, path, error) != 0) ||
	    path_beside(name, path, error) != 0 || create(r, os, name, error) != 0) {
		region_fini(r, os);
		return -1;
	}
	if (os->allocate(os, r->fd, (off_t)size) != 0 ||
	    map(r, size, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd) != 0) {
		error_set(error, "cannot make %s of %zu bytes: %s", name, size,
		    strerror(errno));
		(void)os->unlink(os, name);
		region_fini(r, os);
		return -1;
	}
	memory_prefer_huge(r->head, size);
	return 0;
}

int
region_show(struct region *r, const struct os *os, const char *path,
    const struct region *old, const uint64_t shape[8], struct slice text,
    struct error *error)
{
	struct region_head *h = r->head;
	char name[PATH_SIZE];

	if (r->fd < 0)
		return 0;
	assert(text.size <= REGION_TEXT);
	h->size = r->size + REGION_HEAD;
	memcpy(h->shape, shape, sizeof h->shape);
	memcpy(h->text, text.at, text.size);
	h->text_size = text.size;
	h->text_sum = sum_of(h);
	h->magic = REGION_MAGIC;
	if (path_beside(name, path, error) != 0)
		return -1;
	if (os->rename(os, name, path) != 0)
		return error_set(
		    error, "cannot rename %s to %s: %s", name, path, strerror(errno));
	if (old != NULL && old->head != NULL)
		__atomic_store_n(&old->head->over, 1, __ATOMIC_RELEASE);
	if (r->claimed >= 0) {
		give_up(r->claimed);
		(void)os->close(os, r->claimed);
		r->claimed = -1;
	}
	return 0;
}

int
region_open(struct region *r, const struct os *os, const char *path, bool *missing,
    struct error *error)
{
	int fd = os->open(os, path, O_RDONLY, 0);
	const struct region_head *h;
	struct stat st;

	*r = (struct region){ .fd = -1, .claimed = -1, .reads = true };
	*missing = fd < 0 && errno == ENOENT;
	if (fd < 0 || os->stat(os, fd, &st) != 0) {
		error_set(error, "cannot read %s: %s", path, strerror(errno));
		goto fail;
	}
	if (st.st_size < REGION_HEAD ||
	    map(r, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd) != 0) {
		error_set(error, "%s is no live model", path);
		goto fail;
	}
	(void)os->close(os, fd);
	h = r->head;
	if (h->magic == REGION_MAGIC && h->size == (uint64_t)st.st_size &&
	    h->text_size <= REGION_TEXT && h->text_sum == sum_of(h))
		return 0;
	region_fini(r, os);
	return error_set(error, "%s is no live model, or damaged", path);
fail:
	if (fd >= 0)
		(void)os->close(os, fd);
	return -1;
}

void
region_fini(struct region *r, const struct os *os)
{
	if (r->head != NULL)
		(void)munmap(r->head, r->size + REGION_HEAD);
	if (r->fd >= 0)
		(void)os->close(os, r->fd);
	if (r->claimed >= 0)
		(void)os->close(os, r->claimed);
	*r = (struct region){ .fd = -1, .claimed = -1 };
}
