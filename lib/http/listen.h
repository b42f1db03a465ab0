/* SPDX-License-Identifier: MIT
 *
 * listen: a socket that listens.
 */
#ifndef BANNERPIPE_HTTP_LISTEN_H
#define BANNERPIPE_HTTP_LISTEN_H

#include <stdbool.h>
#include <sys/socket.h>

#include "lib/base/error.h"
#include "lib/os.h"

/* A descriptor that is bound, for libuv to listen on, and its name. A unix socket that
 * nobody listens on any more is replaced. -1 and error. */
int listen_bind(const struct os *os, const struct sockaddr *address, bool reuse_port,
    char name[128], struct error *error);

#endif
