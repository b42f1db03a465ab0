/* SPDX-License-Identifier: MIT
 *
 * loop: libuv's loop inside another one: the filter's waits for a descriptor and a
 * deadline, and then lets this one do what there is to do without waiting.
 */
#ifndef BANNERPIPE_NET_LOOP_H
#define BANNERPIPE_NET_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "lib/base/error.h"

enum { LOOP_SCRATCH = 64 * 1024 };

struct loop {
	uv_loop_t uv;
	uint64_t events;       /* raised by every callback that did something */
	size_t held, held_max; /* bytes of all buffers of links, and what is allowed */
	uint8_t scratch[LOOP_SCRATCH];
};

int loop_init(struct loop *l, size_t held_max, struct error *error);
/* Runs until all handles that are closing have closed. */
void loop_fini(struct loop *l);

/* Do what is ready, and what that makes ready, without waiting. */
void loop_poll(struct loop *l);
/* The same, after waiting until something is ready, at most so long. */
void loop_wait(struct loop *l, int ms);
/* What becomes readable, and how long at most to wait for it: -1 for ever. */
int loop_fd(const struct loop *l);
int loop_wait_ms(const struct loop *l);

#endif
