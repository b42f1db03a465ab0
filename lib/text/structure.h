/* SPDX-License-Identifier: MIT
 *
 * structure: where the structural characters of a JSON text are. This is the one place
 * that knows simdjson, and uses its first stage only (Langdale and Lemire, "Parsing
 * Gigabytes of JSON per Second", VLDB Journal 2019): an index of each '{', '}', '[',
 * ']',
 * ':' and ',' outside of strings, of each string's opening quote and of the first
 * character of each other scalar, in order. The text between two of them is one scalar
 * and white space. On the way the text is proved to be UTF-8 whose strings are closed
 * and hold no bare control character.
 */
#ifndef BANNERPIPE_TEXT_STRUCTURE_H
#define BANNERPIPE_TEXT_STRUCTURE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes after the text that must be readable; their content does not matter. */
enum { STRUCTURE_PADDING = 64 };

struct structure;

/* An index for texts of up to `capacity` bytes; it takes 5 bytes of memory for each, of
 * which only those that were used become resident. NULL when there is no memory. */
struct structure *structure_new(size_t capacity);
void structure_free(struct structure *s);

enum structure_found {
	STRUCTURE_FOUND, /* at and count are set */
	STRUCTURE_EMPTY, /* nothing but white space */
	STRUCTURE_LARGE, /* more than the capacity */
	STRUCTURE_WRONG, /* not UTF-8, a string is open, or a bare control character */
};

/* The offsets of the structural characters, borrowed until the next call, and one more
 * that is the text's size. Cost: 0.2 ns a byte, 20 ns a text. */
enum structure_found structure_find(struct structure *s, const uint8_t *text,
    size_t size, const uint32_t **at, size_t *count);

#ifdef __cplusplus
}
#endif

#endif
