/* SPDX-License-Identifier: MIT
 *
 * vw: one line of Vowpal Wabbit's text format. Private to examples. Source: the pages
 * "Input format" and "Logged Contextual Bandit example" of its wiki, and its parser.
 */
#ifndef BANNERPIPE_TEXT_VW_H
#define BANNERPIPE_TEXT_VW_H

#include "lib/text/sparse.h"

enum vw_kind {
	VW_NONE,   /* no label */
	VW_NUMBER, /* label [importance [base]] */
	VW_ACTION, /* action:cost:probability, perhaps among other actions */
	VW_SHARED, /* what follows is of all actions */
};

struct vw_label {
	enum vw_kind kind;
	double number, weight, base; /* of a number */
	bool has_base;
	struct slice action; /* the one with a cost */
	double cost, probability;
	struct slice actions; /* the text of all of them, and their number */
	unsigned count;
	struct slice tag; /* at == NULL: none */
};

/* Take what stands before the first '|', which p->at is then. A word that touches it or
 * begins with a quote is the tag. False and the fault. */
bool vw_label(struct passage *p, struct vw_label *to);
/* The next of label.actions without its cost. */
bool vw_next_action(struct passage *p, struct slice *action);

/* Take the namespaces and their features, from the first '|' to the end, behind
 * which 8 bytes are readable. */
bool vw_features(struct passage *p, struct sparse *to);

#endif
