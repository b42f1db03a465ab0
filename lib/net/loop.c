/* SPDX-License-Identifier: MIT */
#include "lib/net/loop.h"

#include <poll.h>

enum { ROUNDS = 64 };

int
loop_init(struct loop *l, size_t held_max, struct error *error)
{
	int status = uv_loop_init(&l->uv);

	l->events = 0;
	l->held = 0;
	l->held_max = held_max;
	if (status != 0)
		return error_set(error, "no event loop: %s", uv_strerror(status));
	/* Some system calls are made at the first round only: before the sandbox. */
	loop_poll(l);
	return 0;
}

void
loop_fini(struct loop *l)
{
	(void)uv_run(&l->uv, UV_RUN_DEFAULT);
	(void)uv_loop_close(&l->uv);
}

/* What callbacks began to watch is only told to the kernel by the next round. */
void
loop_poll(struct loop *l)
{
	uint64_t before;

	for (int i = 0; i < ROUNDS; i++) {
		before = l->events;
		(void)uv_run(&l->uv, UV_RUN_NOWAIT);
		if (l->events == before)
			return;
	}
}

void
loop_wait(struct loop *l, int ms)
{
	struct pollfd fd = { .fd = loop_fd(l), .events = POLLIN };
	int own;

	loop_poll(l);
	own = loop_wait_ms(l);
	if (own >= 0 && (ms < 0 || own < ms))
		ms = own;
	(void)poll(&fd, 1, ms);
	loop_poll(l);
}

int
loop_fd(const struct loop *l)
{
	return uv_backend_fd(&l->uv);
}

int
loop_wait_ms(const struct loop *l)
{
	return uv_backend_timeout(&l->uv);
}
