/* SPDX-License-Identifier: MIT */
#include "lib/text/base64.h"

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
base64_encode(struct slice bytes, uint8_t *to)
{
	const uint8_t *at = bytes.at;
	size_t left = bytes.size;
	uint32_t v;

	for (; left >= 3; left -= 3, at += 3, to += 4) {
		v = (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];
		to[0] = (uint8_t)alphabet[v >> 18];
		to[1] = (uint8_t)alphabet[v >> 12 & 63];
		to[2] = (uint8_t)alphabet[v >> 6 & 63];
		to[3] = (uint8_t)alphabet[v & 63];
	}
	if (left == 0)
		return;
	v = (uint32_t)at[0] << 16 | (left == 2 ? (uint32_t)at[1] << 8 : 0);
	to[0] = (uint8_t)alphabet[v >> 18];
	to[1] = (uint8_t)alphabet[v >> 12 & 63];
	to[2] = left == 2 ? (uint8_t)alphabet[v >> 6 & 63] : '=';
	to[3] = '=';
}

static int
digit(uint8_t c)
{
	return c == '+' ? 62 : c == '/' ? 63 : base64_letter(c);
}

static size_t
padding(struct slice text)
{
	if (text.size == 0 || text.at[text.size - 1] != '=')
		return 0;
	return text.at[text.size - 2] == '=' ? 2 : 1;
}

bool
base64_decoded_size(struct slice text, size_t *size)
{
	if (text.size % 4 != 0)
		return false;
	*size = text.size / 4 * 3 - padding(text);
	return true;
}

bool
base64_decode(struct slice text, uint8_t *to)
{
	size_t pad, digits, size;
	uint32_t v = 0;

	if (!base64_decoded_size(text, &size))
		return false;
	pad = padding(text);
	digits = text.size - pad;
	for (size_t i = 0; i < digits; i++) {
		int d = digit(text.at[i]);

		if (d < 0)
			return false;
		v = v << 6 | (uint32_t)d;
		if (i % 4 == 3) {
			*to++ = (uint8_t)(v >> 16);
			*to++ = (uint8_t)(v >> 8);
			*to++ = (uint8_t)v;
			v = 0;
		}
	}
	if (pad == 1) {
		*to++ = (uint8_t)(v >> 10);
		*to = (uint8_t)(v >> 2);
		return (v & 3) == 0;
	}
	if (pad == 2) {
		*to = (uint8_t)(v >> 4);
		return (v & 15) == 0;
	}
	return true;
}
