/* SPDX-License-Identifier: MIT
 *
 * error: the text of one failure, in storage of the caller. The library returns errors;
 * only filter prints them and exits. A text names the object, the position and the
 * reason, in lower case and without a full stop; the program's name is put before it by
 * whoever prints it.
 */
#ifndef BANNERPIPE_BASE_ERROR_H
#define BANNERPIPE_BASE_ERROR_H

struct error {
	char text[512];
};

/* Write the text (cut to fit) and return -1, so that a caller can return the call. */
int error_set(struct error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
