/* SPDX-License-Identifier: MIT
 *
 * str: bytes from outside as a msgpack value. A str of a record is UTF-8, because most
 * readers in other languages refuse another; bytes that are not UTF-8 become a bin, so
 * that nothing is replaced and nothing lost.
 */
#ifndef BANNERPIPE_TEXT_STR_H
#define BANNERPIPE_TEXT_STR_H

#include "lib/record/build.h"
#include "lib/text/utf8.h"

/* Append the bytes as a str when they are UTF-8, as a bin otherwise. */
static inline void
str_build(struct build *b, struct slice bytes)
{
	if (utf8_valid(bytes) == bytes.size)
		build_str(b, bytes);
	else
		build_bin(b, bytes);
}

#endif
