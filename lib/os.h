/* SPDX-License-Identifier: MIT
 *
 * os: the thin table of system calls that every other module calls through.
 *
 * A filter runs on os_system. A test hands down a table of its own, in which the N-th
 * call fails, comes back short or is interrupted; a scheduler can run a whole pipeline
 * in one process the same way. Each member means what the call of that name means in
 * POSIX.1-2008: -1 and errno on failure. Nothing here retries or loops.
 */
#ifndef BANNERPIPE_OS_H
#define BANNERPIPE_OS_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

struct os {
	int (*open)(const struct os *os, const char *path, int flags, mode_t mode);
	int (*close)(const struct os *os, int fd);
	ssize_t (*read)(const struct os *os, int fd, void *to, size_t size);
	ssize_t (*write)(const struct os *os, int fd, const void *from, size_t size);
	off_t (*seek)(const struct os *os, int fd, off_t offset, int whence);
	int (*poll)(const struct os *os, struct pollfd *fds, nfds_t n, int timeout_ms);
	int (*stat)(const struct os *os, int fd, struct stat *to);
	int (*stat_path)(const struct os *os, const char *path, struct stat *to);
	int (*sync)(const struct os *os, int fd);
	/* fdatasync, ftruncate and fchmod. */
	int (*sync_data)(const struct os *os, int fd);
	int (*truncate)(const struct os *os, int fd, off_t size);
	/* fallocate: the file has `size` bytes, and the disk room for them. */
	int (*allocate)(const struct os *os, int fd, off_t size);
	int (*mode)(const struct os *os, int fd, mode_t mode);
	/* flock, for this process alone; -1 with EWOULDBLOCK when another has it. */
	int (*lock)(const struct os *os, int fd);
	int (*rename)(const struct os *os, const char *from, const char *to);
	int (*unlink)(const struct os *os, const char *path);
	int (*mkdir)(const struct os *os, const char *path, mode_t mode);
	/* Call `each` with every name in a folder, as readdir gives them. */
	int (*list)(const struct os *os, const char *path,
	    void (*each)(void *context, const char *name), void *context);

	/* `size` random bytes, at most 256. */
	int (*random)(const struct os *os, void *to, size_t size);

	/* Microseconds of the wall clock (since the Unix epoch), of a clock that only
	 * goes forward, and of processor time that this process has used. They never
	 * fail. */
	int64_t (*wall_us)(const struct os *os);
	int64_t (*monotonic_us)(const struct os *os);
	int64_t (*processor_us)(const struct os *os);
};

/* The operating system itself. */
extern const struct os os_system;

#endif
