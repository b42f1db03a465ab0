/* SPDX-License-Identifier: MIT
 *
 * slice: borrowed bytes. It owns nothing and is not terminated; it lives as long as
 * what it points into. An absent slice has at == NULL; an empty one does not.
 */
#ifndef BANNERPIPE_BASE_SLICE_H
#define BANNERPIPE_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const uint8_t *at;
	size_t size;
};

static inline struct slice
slice_of(const void *at, size_t size)
{
	return (struct slice){ at, size };
}

/* The text of a C string, without its terminator. */
static inline struct slice
slice_text(const char *text)
{
	return slice_of(text, strlen(text));
}

static inline bool
slice_equal(struct slice a, struct slice b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.at, b.at, a.size) == 0);
}

static inline bool
slice_is(struct slice a, const char *text)
{
	return slice_equal(a, slice_text(text));
}

/* What lies from `from` on; `from` is at most the size. */
static inline struct slice
slice_from(struct slice s, size_t from)
{
	return slice_of(s.at + from, s.size - from);
}

/* The offset of the first byte `c`, or the size when there is none. */
static inline size_t
slice_find(struct slice s, uint8_t c)
{
	const uint8_t *at = s.size == 0 ? NULL : memchr(s.at, c, s.size);

	return at == NULL ? s.size : (size_t)(at - s.at);
}

/* s without the spaces and tabs at either end. */
static inline struct slice
slice_trim(struct slice s)
{
	while (s.size > 0 && (s.at[0] == ' ' || s.at[0] == '\t'))
		s = slice_from(s, 1);
	while (s.size > 0 && (s.at[s.size - 1] == ' ' || s.at[s.size - 1] == '\t'))
		s.size--;
	return s;
}

/* Order by bytes, a prefix first: negative, zero or positive like memcmp. */
static inline int
slice_compare(struct slice a, struct slice b)
{
	size_t n = a.size < b.size ? a.size : b.size;
	int order = n == 0 ? 0 : memcmp(a.at, b.at, n);

	return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

#endif
