/* SPDX-License-Identifier: MIT
 *
 * room: how much a descriptor takes without making the writer wait.
 */
#ifndef BANNERPIPE_STREAM_ROOM_H
#define BANNERPIPE_STREAM_ROOM_H

#include <stddef.h>

/* So many bytes can be written at once, and none of them waits for a reader: a lower
 * bound. SIZE_MAX: it never waits for one (a file). Cost: two system calls. */
size_t stream_room(int fd);

#endif
