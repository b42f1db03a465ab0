/* SPDX-License-Identifier: MIT
 *
 * frame: one whole zstd frame at a time, packed and unpacked within bounds, for files
 * that are made of frames; and the skippable frames between them.
 */
#ifndef BANNERPIPE_STREAM_FRAME_H
#define BANNERPIPE_STREAM_FRAME_H

#include <stdint.h>

#include "lib/base/error.h"
#include "lib/base/slice.h"

/* Readers of zstd step over a frame of this magic (0x184D2A50..5F) and the size after it. */
enum { FRAME_SKIPPABLE_MAGIC = 0x184D2A5B, FRAME_SKIPPABLE_HEAD = 8 };

struct frame_packer;
struct frame_unpacker;

/* Bytes that a frame of so many bytes can take at most. */
size_t frame_bound(size_t size);

/* For bodies of at most `limit` bytes. NULL and error when there is no memory. */
struct frame_packer *frame_packer_new(size_t limit, struct error *error);
void frame_packer_free(struct frame_packer *p);
/* Compress at level 1, with a checksum and the content's size in the frame. `room` is at
 * least frame_bound. Returns the frame's size; 0 and error on failure. */
size_t frame_pack(struct frame_packer *p, struct slice body, uint8_t *to, size_t room,
    struct error *error);

struct frame_unpacker *frame_unpacker_new(struct error *error);
void frame_unpacker_free(struct frame_unpacker *u);
/* Decompress a frame that holds exactly `size` bytes: false when it is damaged, is more
 * or less than one frame, or says or holds another size. */
bool frame_unpack(
    struct frame_unpacker *u, struct slice frame, uint8_t *to, size_t size);

#endif
