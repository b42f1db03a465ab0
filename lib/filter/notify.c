/* SPDX-License-Identifier: MIT
 *
 * A filter's readiness and watchdog.
 */
#include "lib/filter/run.h"

#include "lib/notify.h"

void
run_notify_open(struct run *run)
{
	struct notify notify;

	notify_open(&notify);
	run->notify_fd = notify.fd;
	run->watchdog_every_us = notify.every_us;
}

void
run_notify(struct run *run, const char *state)
{
	notify_say(&(struct notify){ .fd = run->notify_fd }, run->os, state);
}
