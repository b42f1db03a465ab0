/* SPDX-License-Identifier: MIT
 *
 * example: what the texts of examples have in common when they become records. Private to
 * examples.
 */
#ifndef BANNERPIPE_TEXT_EXAMPLE_H
#define BANNERPIPE_TEXT_EXAMPLE_H

#include "lib/text/sparse.h"
#include "lib/text/vw.h"

enum examples_kind {
	EXAMPLES_VW,
	EXAMPLES_LIBSVM,
	EXAMPLES_FFM,
};

/* How VW's text is made up. */
enum examples_layout {
	LAYOUT_UNKNOWN,
	LAYOUT_LINES,  /* each line is an example */
	LAYOUT_GROUPS, /* an empty line ends one */
	LAYOUT_BROKEN, /* the same, and what comes first is the rest of one too large */
	LAYOUTS,
};

/* One action of a group. */
struct action {
	struct slice tag; /* at == NULL: none */
	struct vector vector;
};

struct examples {
	enum examples_kind kind;
	enum examples_layout layout;
	bool whole;     /* what was framed last has its end */
	uint64_t count; /* of examples so far */
	struct sparse features;
	struct action *actions; /* owned, EXAMPLES_ACTIONS_MAX; VW only */
	uint8_t state[EXAMPLES_STATE_SIZE];
};

/* A record that is being made. */
struct example {
	struct build *to;
	size_t open;
	uint32_t pairs;
};

void example_begin(struct example *e, struct build *to, const char *event,
    struct slice id, uint64_t number);
void example_end(struct example *e);
/* A key; its value follows. */
struct build *example_key(struct example *e, const char *name);
/* A number under a key, an integer when it is whole. */
void example_number(struct example *e, const char *name, double value);
void example_text(struct example *e, const char *name, struct slice text);
/* rewards of a label; of a reward in [0, 1] that is a click's. */
void example_label(struct example *e, double label);
void example_reward(struct example *e, double reward);
/* Keys, and values where not all are 1. */
void example_vector(struct example *e, const struct sparse *s, const struct vector *v,
    const char *keys, const char *values);

/* Read a text and append its record. False and the fault. */
bool example_of_vw(
    struct examples *x, struct passage *p, struct slice id, struct build *to);
bool example_of_group(
    struct examples *x, struct passage *p, struct slice id, struct build *to);
bool example_of_pairs(
    struct examples *x, struct passage *p, struct slice id, struct build *to);

#endif
