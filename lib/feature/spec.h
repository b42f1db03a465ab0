/* SPDX-License-Identifier: MIT
 *
 * spec: the features that are wanted, read from a text once. The language is described
 * in bp-feature(1).
 */
#ifndef BANNERPIPE_FEATURE_SPEC_H
#define BANNERPIPE_FEATURE_SPEC_H

#include "lib/feature/group.h"
#include "lib/feature/subject.h"
#include "lib/record/kind.h"
#include "lib/table.h"
#include "lib/window.h"

enum {
	SPEC_FEATURES_MAX = 256,
	SPEC_SUBJECTS_MAX = 160,
	SPEC_GROUPS_MAX = SPEC_SUBJECTS_MAX + 1,
	SPEC_NAME_MAX = 64,
	SPEC_EDGES_MAX = 64,
	SPEC_PARTS_MAX = 4,  /* of a cross */
	SPEC_KEYS_MAX = 4,   /* fields that make the key of a counter */
	SPEC_LEVELS_MAX = 4, /* of a rate: item > category > everything */
	SPEC_LAST_MAX = 64,
	SPEC_SLICES = 12, /* of a sliding window */
};

enum feature_verb {
	FEATURE_FIELD,    /* the value */
	FEATURE_NUMBER,   /* one key, the value is the number */
	FEATURE_LINEAR,   /* buckets of one width */
	FEATURE_LOG,      /* buckets of one ratio */
	FEATURE_EDGES,    /* buckets between edges that are given */
	FEATURE_WORDS,    /* a key for each different word */
	FEATURE_VECTOR,   /* a key for each place, the value is what stands there */
	FEATURE_HOUR,     /* of the day, UTC */
	FEATURE_WEEKDAY,  /* 0: Monday */
	FEATURE_CROSS,    /* combinations of other features */
	FEATURE_COUNT,    /* events by key */
	FEATURE_SUM,      /* of a field, over events by key */
	FEATURE_SINCE,    /* time since the last */
	FEATURE_DISTINCT, /* different values */
	FEATURE_LAST,     /* the last values */
	FEATURE_RATE,     /* of a reward of outcomes */
	FEATURE_RATIO,    /* of two kinds of event */
};

/* A key that a feature is counted by; its counters are a part of a group's cell. */
struct spec_level {
	struct subject keys[SPEC_KEYS_MAX];
	unsigned key_count; /* 0: everything */
	unsigned group;
	size_t offset; /* in the group's cell */
};

struct spec_feature {
	char name[SPEC_NAME_MAX];
	enum feature_verb verb;
	uint64_t space; /* the namespace, in the top 16 bits */
	struct subject subject;
	double step;                  /* linear: width; log: ratio */
	double edges[SPEC_EDGES_MAX]; /* ascending */
	unsigned edge_count;
	unsigned parts[SPEC_PARTS_MAX]; /* cross: features before this one */
	unsigned part_count;

	/* Of those that count. */
	bool counts;
	uint64_t of, per;   /* bits of kinds; per: below the line of a ratio */
	struct expr *where; /* owned; NULL: always */
	struct window_rule window;
	unsigned last;
	double prior;
	bool as_number;
	struct subject reward; /* of a rate */
	struct spec_level levels[SPEC_LEVELS_MAX];
	unsigned level_count;
	size_t cell_size;
};

struct spec {
	struct spec_feature *features; /* owned */
	unsigned count;
	uint64_t hash; /* of the text */
	struct group groups[SPEC_GROUPS_MAX];
	const struct spec_level *keys[SPEC_GROUPS_MAX]; /* of each group */
	unsigned group_count;
	unsigned slots;              /* of the keys of counters */
	bool counts;                 /* some feature counts */
	struct key consent, verdict; /* verdict: it is taken back, or counts again */
};

/* Read it; its fields become keys of the reader. NULL and "line 3: reason". */
struct spec *spec_new(struct reader *reader, struct slice text, struct error *error);
void spec_free(struct spec *s);
/* Take the memory for what is counted, at most memory_bytes. -1 and error. */
int spec_reserve(struct spec *s, uint64_t memory_bytes, struct error *error);

#endif
