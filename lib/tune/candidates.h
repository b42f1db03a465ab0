/* SPDX-License-Identifier: MIT
 *
 * candidates: models that may take part, read from a text, one a line:
 *
 *	# what we have
 *	today   = --algorithm lanes
 *	ftrl    = --algorithm ftrl --rate {0.05,0.1,0.2} --l2 {0,1}
 *	crosses = --spec crosses.spec
 *
 * A name, "=" and options, those of bp-learn that make one model different from another, and
 * --spec. Of {a,b} each alternative makes a candidate, named after it ("ftrl/0.05/0"); with
 * a | in it they are separated by that. "#" begins a comment where a word may begin.
 */
#ifndef BANNERPIPE_TUNE_CANDIDATES_H
#define BANNERPIPE_TUNE_CANDIDATES_H

#include "lib/model/options.h"

enum {
	CANDIDATES_MAX = 256,
	CANDIDATES_TEXT_MAX = 64 << 10, /* bytes of the text */
	CANDIDATES_LINE_MAX = 1024,     /* of a line, its alternatives put in */
	CANDIDATES_NAME_MAX = 63,
	CANDIDATES_GRID_MAX = 6, /* {...} in a line */
};

struct candidate {
	char name[CANDIDATES_NAME_MAX + 1];
	unsigned line; /* of the text, from 1 */
	char *words;   /* owned; what spec points into */
	const char
	    *spec; /* the path of its features' specification; NULL: the records' own
			   * features */
	struct model_options options;
};

struct candidates {
	struct candidate *of; /* owned */
	unsigned n;           /* at least 1 */
};

/* Read the text; all predict these targets ("click,conversion"). -1 and the error, with the
 * number of its line; then there is nothing to free. */
int candidates_read(
    struct candidates *c, struct slice text, const char *targets, struct error *error);
void candidates_free(struct candidates *c);

#endif
