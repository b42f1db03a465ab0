/* SPDX-License-Identifier: MIT
 *
 * subject: what a feature is made of: a field of the record, perhaps within maps and
 * lists (items.item_id), or an expression in parentheses.
 */
#ifndef BANNERPIPE_FEATURE_SUBJECT_H
#define BANNERPIPE_FEATURE_SUBJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/record/record.h"
#include "lib/text/expr.h"

enum {
	SUBJECT_STEPS = RECORD_DEPTH_MAX,
	SUBJECT_NAME_MAX = 128,
	SUBJECT_VALUES_MAX =
	    256, /* of one record: those after them are not looked at */
	SUBJECT_COMPUTED_MAX = 4096,
};

struct subject {
	char name[SUBJECT_NAME_MAX];
	struct key key;
	struct slice steps[SUBJECT_STEPS]; /* after the key; in name */
	unsigned step_count;
	struct expr *expr; /* owned; NULL for a field */
	uint8_t *computed; /* owned; storage of an expression's value */
	unsigned slot;     /* of a key of counters: the same for the same text */
	bool personal;     /* a key of counters: it names a user (users.h) */
};

/* Before the reader's first scan. It must not move afterwards. -1 and error. */
int subject_init(
    struct subject *s, struct reader *reader, struct slice text, struct error *error);
void subject_fini(struct subject *s);

/* The scalars of the record: the value, or those in it where it is a list. Borrowed from
 * the record, until the next call. Cost: 3 ns for a plain field. */
unsigned subject_values(const struct subject *s, const struct record *r,
    struct slice *values, unsigned max);

/* The value as it is, a list too; not within lists. False when there is none. */
bool subject_whole(const struct subject *s, const struct record *r, struct slice *to);

/* A hash of a scalar; the same for the same text, number or truth on any machine. A
 * float that is whole hashes like the integer. False for nil and the like. */
bool subject_hash(struct slice value, uint64_t *hash);

/* The scalar as text, for names; cut to fit. */
struct slice subject_label(struct slice value, char *to, size_t size);

#endif
