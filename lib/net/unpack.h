/* SPDX-License-Identifier: MIT
 *
 * unpack: decompress and compress the blobs of messages: gzip (RFC 1952) of any number of
 * members, zstd (RFC 8878) of any number of frames. The size of the result is bounded,
 * and is not believed before it is there.
 */
#ifndef BANNERPIPE_NET_UNPACK_H
#define BANNERPIPE_NET_UNPACK_H

#include <stdbool.h>

#include "lib/base/slice.h"
#include "lib/net/buffer.h"

struct inflater;

/* Takes memory when it is first used. NULL when there is none. */
struct inflater *inflater_new(void);
void inflater_free(struct inflater *u);

/* Append what the bytes stand for, so that `to` holds at most `limit`. False and a
 * constant reason when they are damaged, cut off, or too much. */
bool unpack_gzip(struct inflater *u, struct slice bytes, struct buffer *to,
    size_t limit, const char **reason);
bool unpack_zstd(struct inflater *u, struct slice bytes, struct buffer *to,
    size_t limit, const char **reason);

/* Append one member or frame of these bytes. False when memory is short. The same bytes
 * give the same result. */
bool pack_gzip(struct inflater *u, struct slice bytes, struct buffer *to);
bool pack_zstd(struct inflater *u, struct slice bytes, struct buffer *to);

#endif
