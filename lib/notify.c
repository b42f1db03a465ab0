/* SPDX-License-Identifier: MIT */
#include "lib/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/number.h"

void
notify_open(struct notify *n)
{
	const char *path = getenv("NOTIFY_SOCKET"), *watchdog = getenv("WATCHDOG_USEC");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t size = path == NULL ? 0 : strlen(path);
	uint64_t us;

	*n = (struct notify){ .fd = -1 };
	if (size < 2 || size >= sizeof address.sun_path ||
	    (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(address.sun_path, path, size);
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (n->fd < 0)
		return;
	if (connect(n->fd, (const struct sockaddr *)&address,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + size)) != 0) {
		(void)close(n->fd);
		n->fd = -1;
		return;
	}
	/* Half the interval, as sd_watchdog_enabled(3) advises. */
	if (watchdog != NULL && number_parse_uint(slice_text(watchdog), &us) &&
	    us < INT64_MAX)
		n->every_us = (int64_t)us / 2;
}

void
notify_say(const struct notify *n, const struct os *os, const char *state)
{
	/* A supervisor that does not listen is no reason to fail. */
	if (n->fd >= 0)
		(void)os->write(os, n->fd, state, strlen(state));
}
