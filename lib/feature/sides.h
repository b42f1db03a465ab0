/* SPDX-License-Identifier: MIT
 *
 * sides: what the features of a specification depend on, where records have one part in
 * common and each a part of its own. Private to feature.
 */
#ifndef BANNERPIPE_FEATURE_SIDES_H
#define BANNERPIPE_FEATURE_SIDES_H

#include "lib/feature/spec.h"

struct key_set {
	uint64_t of[RECORD_WATCHED_MAX / 64];
};

enum side {
	SIDE_COMMON, /* on the common part alone: made once */
	SIDE_OWN,    /* on the own part alone: in its face */
	SIDE_OVER,   /* a cross of one feature of the face with common ones */
	SIDE_EACH,   /* on both: made for each record */
};

enum { SIDES_NONE = SPEC_FEATURES_MAX };

struct sides {
	const struct spec *spec;     /* borrowed */
	const struct reader *reader; /* borrowed */
	struct key position;
	/* Of the specification: keys that features and the keys of counters are made of. */
	struct key_set reads[SPEC_FEATURES_MAX], slot_reads[SPEC_SUBJECTS_MAX], all;
	const struct subject *slot[SPEC_SUBJECTS_MAX];
	unsigned place[SPEC_FEATURES_MAX]; /* in faces; SIDES_NONE: is in none */
	unsigned places;

	/* Of a set of common keys. */
	enum side side[SPEC_FEATURES_MAX], slot_side[SPEC_SUBJECTS_MAX];
	unsigned over[SPEC_FEATURES_MAX]; /* the feature of the face that it is over */
	unsigned
	    first[SPEC_FEATURES_MAX];     /* over this one; SIDES_NONE: there is none */
	unsigned next[SPEC_FEATURES_MAX]; /* over the same one */
	bool wanted[SPEC_FEATURES_MAX];   /* a part of some cross that each makes */
	bool crosses;                     /* some are */
	bool counts;                      /* each counts something */
	bool whole;                       /* each needs its record as a whole */
};

void sides_init(struct sides *s, const struct spec *spec, struct reader *reader);
/* Common are the keys that the record has, `event`, `position` and `consent`. */
void sides_divide(struct sides *s, const struct record *common);

#endif
