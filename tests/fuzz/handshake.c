/* SPDX-License-Identifier: MIT
 *
 * HELO, PING and PONG from a hostile peer: none without the secrets is agreed with.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/net/forward.h"
#include "lib/net/handshake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct handshake us = { .hostname = "us",
		.shared_key = "secret",
		.users = { { "alice", "pass" } },
		.user_count = 1 };
	struct handshake_secrets secrets = { { 1 }, { 2 } };
	struct forward_framer framer = { 0 };
	struct handshake_helo helo;
	uint8_t storage[HANDSHAKE_MAX], *copy = malloc(size + BUFFER_PADDING);
	const char *reason;
	struct fault fault;
	struct build b;
	size_t whole;

	assert(copy != NULL);
	memcpy(copy, data, size);
	memset(copy + size, 0, BUFFER_PADDING);
	if (forward_frame(&framer, slice_of(copy, size), &whole, &fault) ==
		FRAME_WHOLE &&
	    !framer.json) {
		struct slice value = slice_of(copy, whole);

		if (handshake_read_helo(value, &helo, &reason)) {
			build_init(&b, storage, sizeof storage);
			handshake_build_ping(&b, &us, &helo, &secrets);
			assert(!build_full(&b));
		}
		build_init(&b, storage, sizeof storage);
		assert(!handshake_check_ping(value, &us, &secrets, &b, &reason));
		assert(!build_full(&b) && reason != NULL);
		helo = (struct handshake_helo){ .nonce_size = 16 };
		assert(!handshake_check_pong(value, &us, &helo, &secrets, &reason));
	}
	free(copy);
	return 0;
}
