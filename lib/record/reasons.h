/* SPDX-License-Identifier: MIT
 *
 * reasons: the words by which events are found invalid, numbered in the order in which they
 * come. After REASONS_MAX words all new ones are "other", which is number 0: they come from
 * outside, and what counts by them must not grow.
 */
#ifndef BANNERPIPE_RECORD_REASONS_H
#define BANNERPIPE_RECORD_REASONS_H

#include <stdint.h>

#include "lib/base/slice.h"
#include "lib/record/judgement.h"

enum { REASONS_MAX = 63 };

/* Plain bytes, all zero at first: saved as they are. */
struct reasons {
	uint64_t count;
	uint8_t sizes[REASONS_MAX + 1];
	char words[REASONS_MAX + 1][JUDGEMENT_REASON_SIZE_MAX];
};

/* The word's number, 0..REASONS_MAX. A word is cut to JUDGEMENT_REASON_SIZE_MAX bytes. */
uint8_t reasons_number(struct reasons *x, struct slice word);
/* Borrowed. */
struct slice reasons_word(const struct reasons *x, unsigned number);

#endif
