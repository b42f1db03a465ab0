/* SPDX-License-Identifier: MIT
 *
 * tls: one side of a TLS connection (1.2 or later) as a machine that is given and gives
 * bytes; the sockets are somebody else's.
 */
#ifndef BANNERPIPE_NET_TLS_H
#define BANNERPIPE_NET_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/error.h"
#include "lib/base/slice.h"

/* Keys and whom to trust, of all connections of one program. */
struct tls_context;

struct tls_files {
	const char *certificate; /* PEM chain; NULL: none (a client's) */
	const char *key;         /* PEM */
	const char
	    *authority; /* PEM; a client's NULL: the system's; a server's: it asks
				    for no certificate */
};

/* Read the files; before the sandbox. NULL and error. */
struct tls_context *tls_context_new(
    bool server, const struct tls_files *files, struct error *error);
void tls_context_free(struct tls_context *c);

struct tls;

/* `hostname` is what a client wants the server's certificate to be of. NULL when there is
 * no memory. */
struct tls *tls_new(struct tls_context *c, const char *hostname);
void tls_free(struct tls *t);

/* Each takes or gives as many bytes as it can, and returns their number, which may be 0
 * while others have to move first; TLS_END when the other side closed, TLS_FAIL with
 * error. */
enum { TLS_END = -2, TLS_FAIL = -1 };

long tls_take(struct tls *t, struct slice cipher);   /* came from the peer */
long tls_give(struct tls *t, void *to, size_t size); /* for the peer */
long tls_read(struct tls *t, void *to, size_t size, struct error *error);
long tls_write(struct tls *t, struct slice plain, struct error *error);
/* Say that nothing more will be written. */
void tls_end(struct tls *t);

#endif
