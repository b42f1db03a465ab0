/* SPDX-License-Identifier: MIT
 *
 * A library to be preloaded: the N-th call of one kind that one program makes fails, comes
 * back short, or is its last.
 *
 *	FAULT_PROGRAM  name of the program, "bp-join"
 *	FAULT_ARMED    a file; the first such program that can remove it is the victim
 *	FAULT_CALL     read write fsync rename open truncate malloc
 *	FAULT_WHEN     N, from 1
 *	FAULT_DO       EIO ENOSPC EINTR ENOMEM short kill
 *	FAULT_NOSYNC   when set, no file of any program is ever synced: the mutant that power
 *	               cuts must catch
 *	FAULT_CLOCK    a seed: the wall clock jumps by up to ten years whenever it is read
 *	FAULT_COUNT    instead of ARMED, CALL, WHEN and DO: a file of 7 u64 which counts the
 *	               calls of each kind, in the order above, over all such programs
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum call { READ, WRITE, FSYNC, RENAME, OPEN, TRUNCATE, MALLOC, CALLS };

static const char *const names[CALLS] = { "read", "write", "fsync", "rename", "open",
	"truncate", "malloc" };

static struct {
	pid_t victim; /* what it forks is none; 0: nobody */
	enum call call;
	uint64_t when;
	bool shorten, kill, nosync, jumps;
	atomic_uint_fast64_t chance;
	int error;
	atomic_uint_fast64_t made;
	atomic_uint_fast64_t *count;
} fault;

static int
error_of(const char *name)
{
	static const struct {
		const char *name;
		int error;
	} errors[] = { { "EIO", EIO }, { "ENOSPC", ENOSPC }, { "EINTR", EINTR },
		{ "ENOMEM", ENOMEM } };

	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
		if (strcmp(errors[i].name, name) == 0)
			return errors[i].error;
	return 0;
}

__attribute__((constructor)) static void
arm(void)
{
	const char *program = getenv("FAULT_PROGRAM"), *armed = getenv("FAULT_ARMED"),
		   *count = getenv("FAULT_COUNT"), *call = getenv("FAULT_CALL"),
		   *when = getenv("FAULT_WHEN"), *what = getenv("FAULT_DO");
	int fd;
	void *at;

	fault.nosync = getenv("FAULT_NOSYNC") != NULL;
	fault.jumps = getenv("FAULT_CLOCK") != NULL;
	if (fault.jumps)
		fault.chance = strtoull(getenv("FAULT_CLOCK"), NULL, 10);
	if (program == NULL || strcmp(program, program_invocation_short_name) != 0)
		return;
	if (count != NULL) {
		fd = (int)syscall(SYS_openat, AT_FDCWD, count, O_RDWR | O_CLOEXEC, 0);
		at = mmap(NULL, CALLS * 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		fault.count = at == MAP_FAILED ? NULL : at;
		(void)syscall(SYS_close, fd);
		return;
	}
	if (armed == NULL || call == NULL || when == NULL || what == NULL ||
	    unlink(armed) != 0)
		return;
	while (fault.call < CALLS - 1 && strcmp(names[fault.call], call) != 0)
		fault.call++;
	fault.when = strtoull(when, NULL, 10);
	fault.shorten = strcmp(what, "short") == 0;
	fault.kill = strcmp(what, "kill") == 0;
	fault.error = error_of(what);
	fault.victim = getpid();
}

/* Whether this call is the one. */
static bool
hit(enum call call)
{
	if (fault.count != NULL)
		(void)atomic_fetch_add(&fault.count[call], 1);
	if (fault.victim == 0 || call != fault.call || fault.victim != getpid() ||
	    atomic_fetch_add(&fault.made, 1) + 1 != fault.when)
		return false;
	if (fault.kill)
		(void)kill(getpid(), SIGKILL);
	errno = fault.error;
	return true;
}

static size_t
cut(size_t size)
{
	return size > 1 ? size / 2 : size;
}

ssize_t
read(int fd, void *to, size_t size)
{
	if (hit(READ)) {
		if (!fault.shorten)
			return -1;
		size = cut(size);
	}
	return syscall(SYS_read, fd, to, size);
}

ssize_t
write(int fd, const void *from, size_t size)
{
	if (hit(WRITE)) {
		if (!fault.shorten)
			return -1;
		size = cut(size);
	}
	return syscall(SYS_write, fd, from, size);
}

int
fsync(int fd)
{
	if (hit(FSYNC))
		return -1;
	return fault.nosync ? 0 : (int)syscall(SYS_fsync, fd);
}

int
fdatasync(int fd)
{
	if (hit(FSYNC))
		return -1;
	return fault.nosync ? 0 : (int)syscall(SYS_fdatasync, fd);
}

int
rename(const char *from, const char *to)
{
	return hit(RENAME)
	    ? -1
	    : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int
ftruncate(int fd, off_t size)
{
	return hit(TRUNCATE) ? -1 : (int)syscall(SYS_ftruncate, fd, size);
}

int
open(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode = 0;

	va_start(args, flags);
	if (flags & (O_CREAT | O_TMPFILE))
		mode = va_arg(args, mode_t);
	va_end(args);
	return hit(OPEN) ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int
clock_gettime(clockid_t clock, struct timespec *to)
{
	const int64_t years = 10LL * 365 * 86400;
	int status = (int)syscall(SYS_clock_gettime, clock, to);
	uint64_t chance;

	if (fault.jumps && clock == CLOCK_REALTIME) {
		/* splitmix64 */
		chance = atomic_fetch_add(&fault.chance, 0x9e3779b97f4a7c15);
		chance = (chance ^ chance >> 30) * 0xbf58476d1ce4e5b9;
		chance = (chance ^ chance >> 27) * 0x94d049bb133111eb;
		to->tv_sec += (time_t)(chance % (2 * (uint64_t)years)) - years;
	}
	return status;
}

void *
malloc(size_t size)
{
	extern void *__libc_malloc(size_t);

	return hit(MALLOC) ? NULL : __libc_malloc(size);
}

void *
calloc(size_t n, size_t size)
{
	extern void *__libc_calloc(size_t, size_t);

	return hit(MALLOC) ? NULL : __libc_calloc(n, size);
}

void *
realloc(void *old, size_t size)
{
	extern void *__libc_realloc(void *, size_t);

	return hit(MALLOC) ? NULL : __libc_realloc(old, size);
}
