/* SPDX-License-Identifier: MIT */
#include "lib/os.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static int
system_open(const struct os *os, const char *path, int flags, mode_t mode)
{
	(void)os;
	return open(path, flags | O_CLOEXEC, mode);
}

static int
system_close(const struct os *os, int fd)
{
	(void)os;
	return close(fd);
}

static ssize_t
system_read(const struct os *os, int fd, void *to, size_t size)
{
	(void)os;
	return read(fd, to, size);
}

static ssize_t
system_write(const struct os *os, int fd, const void *from, size_t size)
{
	(void)os;
	return write(fd, from, size);
}

static off_t
system_seek(const struct os *os, int fd, off_t offset, int whence)
{
	(void)os;
	return lseek(fd, offset, whence);
}

static int
system_poll(const struct os *os, struct pollfd *fds, nfds_t n, int timeout_ms)
{
	(void)os;
	return poll(fds, n, timeout_ms);
}

static int
system_stat(const struct os *os, int fd, struct stat *to)
{
	(void)os;
	return fstat(fd, to);
}

static int
system_stat_path(const struct os *os, const char *path, struct stat *to)
{
	(void)os;
	return stat(path, to);
}

static int
system_sync(const struct os *os, int fd)
{
	(void)os;
	return fsync(fd);
}

static int
system_sync_data(const struct os *os, int fd)
{
	(void)os;
	return fdatasync(fd);
}

static int
system_truncate(const struct os *os, int fd, off_t size)
{
	(void)os;
	return ftruncate(fd, size);
}

static int
system_allocate(const struct os *os, int fd, off_t size)
{
	(void)os;
	return fallocate(fd, 0, 0, size);
}

static int
system_mode(const struct os *os, int fd, mode_t mode)
{
	(void)os;
	return fchmod(fd, mode);
}

static int
system_lock(const struct os *os, int fd)
{
	(void)os;
	return flock(fd, LOCK_EX | LOCK_NB);
}

static int
system_rename(const struct os *os, const char *from, const char *to)
{
	(void)os;
	return rename(from, to);
}

static int
system_unlink(const struct os *os, const char *path)
{
	(void)os;
	return unlink(path);
}

static int
system_mkdir(const struct os *os, const char *path, mode_t mode)
{
	(void)os;
	return mkdir(path, mode);
}

static int
system_list(const struct os *os, const char *path,
    void (*each)(void *context, const char *name), void *context)
{
	DIR *folder = opendir(path);
	struct dirent *entry;
	int cause;

	(void)os;
	if (folder == NULL)
		return -1;
	while (errno = 0, (entry = readdir(folder)) != NULL)
		each(context, entry->d_name);
	cause = errno;
	(void)closedir(folder);
	errno = cause;
	return cause == 0 ? 0 : -1;
}

static int
system_random(const struct os *os, void *to, size_t size)
{
	(void)os;
	return getrandom(to, size, 0) == (ssize_t)size ? 0 : -1;
}

static int64_t
clock_us(clockid_t clock)
{
	struct timespec t = { 0 };

	(void)clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int64_t
system_wall_us(const struct os *os)
{
	(void)os;
	return clock_us(CLOCK_REALTIME);
}

static int64_t
system_monotonic_us(const struct os *os)
{
	(void)os;
	return clock_us(CLOCK_MONOTONIC);
}

static int64_t
system_processor_us(const struct os *os)
{
	(void)os;
	return clock_us(CLOCK_PROCESS_CPUTIME_ID);
}

const struct os os_system = {
	.open = system_open,
	.close = system_close,
	.read = system_read,
	.write = system_write,
	.seek = system_seek,
	.poll = system_poll,
	.stat = system_stat,
	.stat_path = system_stat_path,
	.sync = system_sync,
	.sync_data = system_sync_data,
	.truncate = system_truncate,
	.allocate = system_allocate,
	.mode = system_mode,
	.lock = system_lock,
	.rename = system_rename,
	.unlink = system_unlink,
	.mkdir = system_mkdir,
	.list = system_list,
	.random = system_random,
	.wall_us = system_wall_us,
	.monotonic_us = system_monotonic_us,
	.processor_us = system_processor_us,
};
