/* SPDX-License-Identifier: MIT */
#include "lib/http/listen.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/net/address.h"

enum { FLAGS = SOCK_NONBLOCK | SOCK_CLOEXEC };

/* Whether a process listens there: a file that nobody answers is what one left. */
static bool
is_alive(const struct sockaddr *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | FLAGS, 0);
	bool alive;

	if (fd < 0)
		return false;
	alive =
	    connect(fd, address, sizeof(struct sockaddr_un)) == 0 || errno == EAGAIN;
	(void)close(fd);
	return alive;
}

static int
make_way(const struct os *os, const struct sockaddr *address, const char *name,
    struct error *error)
{
	const char *path =
	    ((const struct sockaddr_un *)(const void *)address)->sun_path;
	struct stat found;

	if (os->stat_path(os, path, &found) != 0 || !S_ISSOCK(found.st_mode))
		return 0;
	if (is_alive(address))
		return error_set(
		    error, "cannot listen on %s: another process does", name);
	(void)os->unlink(os, path);
	return 0;
}

static socklen_t
size_of(const struct sockaddr *address)
{
	switch (address->sa_family) {
	case AF_UNIX:
		return sizeof(struct sockaddr_un);
	case AF_INET6:
		return sizeof(struct sockaddr_in6);
	default:
		return sizeof(struct sockaddr_in);
	}
}

/* For all IPv4 addresses there is another listener than for those of IPv6. */
static int
set_options(int fd, int family, bool reuse_port)
{
	const int on = 1;

	if (family == AF_UNIX)
		return 0;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
	    (reuse_port &&
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0))
		return -1;
	return family == AF_INET6
	    ? setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on)
	    : 0;
}

int
listen_bind(const struct os *os, const struct sockaddr *address, bool reuse_port,
    char name[128], struct error *error)
{
	struct sockaddr_storage bound;
	socklen_t size = sizeof bound;
	int fd;

	address_format(address, name);
	if (address->sa_family == AF_UNIX && make_way(os, address, name, error) != 0)
		return -1;
	fd = socket(address->sa_family, SOCK_STREAM | FLAGS, 0);
	if (fd < 0 || set_options(fd, address->sa_family, reuse_port) != 0 ||
	    bind(fd, address, size_of(address)) != 0 ||
	    getsockname(fd, (struct sockaddr *)&bound, &size) != 0) {
		(void)error_set(
		    error, "cannot listen on %s: %s", name, strerror(errno));
		if (fd >= 0)
			(void)close(fd);
		return -1;
	}
	if (address->sa_family != AF_UNIX)
		address_format((struct sockaddr *)&bound, name);
	return fd;
}
