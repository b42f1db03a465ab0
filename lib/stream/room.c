/* SPDX-License-Identifier: MIT */
#include "lib/stream/room.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

enum { PAGE = 4096 };

/* A pipe has places for pages, not for bytes. What is written goes on in the last page
 * when it fits there whole, so of two neighbours one at least is half full: bytes take at
 * most twice the places that they fill, and one at either end. */
static size_t
room_of_pipe(int fd)
{
	int size = fcntl(fd, F_GETPIPE_SZ), held = 0;
	size_t places, taken;

	if (size <= 0 || ioctl(fd, FIONREAD, &held) != 0)
		return 0;
	places = (size_t)size / PAGE;
	taken = held == 0 ? 0 : 2 * (((size_t)held + PAGE - 1) / PAGE) + 2;
	return taken + 1 < places ? (places - taken - 1) * PAGE : 0;
}

static size_t
room_of_socket(int fd)
{
	int size = 0, held = 0;
	socklen_t length = sizeof size;

	if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, &length) != 0 ||
	    ioctl(fd, SIOCOUTQ, &held) != 0)
		return 0;
	/* What is kept of a packet besides its bytes counts too: at most as much again. */
	return held < size / 4 ? (size_t)(size / 4 - held) : 0;
}

size_t
stream_room(int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLOUT };
	struct stat is;

	if (fstat(fd, &is) != 0)
		return SIZE_MAX; /* whoever writes is told of it */
	if (S_ISREG(is.st_mode) || S_ISBLK(is.st_mode))
		return SIZE_MAX;
	if (poll(&ready, 1, 0) == 1 && (ready.revents & (POLLERR | POLLHUP)) != 0)
		return SIZE_MAX; /* as before: it does not wait */
	if (S_ISFIFO(is.st_mode))
		return room_of_pipe(fd);
	if (S_ISSOCK(is.st_mode))
		return room_of_socket(fd);
	return (ready.revents & POLLOUT) != 0 ? PAGE : 0;
}
