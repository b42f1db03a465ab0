/* SPDX-License-Identifier: MIT
 *
 * notify: readiness and watchdog for systemd: datagrams to $NOTIFY_SOCKET, sd_notify(3).
 * Without a supervisor that listens, or when it has gone, nothing happens.
 */
#ifndef BANNERPIPE_NOTIFY_H
#define BANNERPIPE_NOTIFY_H

#include <stdint.h>

#include "lib/os.h"

struct notify {
	int fd;           /* -1: nobody listens */
	int64_t every_us; /* say WATCHDOG=1 at least so often; 0: no watchdog */
};

/* As the environment says; never fails. */
void notify_open(struct notify *n);
/* "READY=1", "WATCHDOG=1", "STOPPING=1", "STATUS=...". */
void notify_say(const struct notify *n, const struct os *os, const char *state);

#endif
