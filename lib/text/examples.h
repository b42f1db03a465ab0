/* SPDX-License-Identifier: MIT
 *
 * examples: the texts of Vowpal Wabbit ("vw"), LIBSVM ("libsvm", also svmlight's and
 * LETOR's) and LIBFFM ("ffm") as records with features. Sources: VW's wiki, "Input format";
 * README of LIBSVM; README of LIBFFM.
 *
 * An example with a label is an outcome, one without a decision. A label of -1 or 0 is
 * rewards.click 0, one of 1 is 1, any other is rewards.value. The features are keys as
 * feature_key.h makes them: of a namespace's name and the feature's, as they stand in the
 * text; LIBSVM's indices have the namespace "", LIBFFM's that of their field.
 *
 * VW's contextual bandits: action:cost:probability gives creative_id, probability and
 * reward = -cost. Lines up to an empty one are the actions of one example: an outcome with
 * candidates and their features where one has a cost, a request where none has.
 *
 * These texts have no time: the n-th example of a run has the timestamp n microseconds,
 * rejected ones counted, and an event_id made of its text and n.
 */
#ifndef BANNERPIPE_TEXT_EXAMPLES_H
#define BANNERPIPE_TEXT_EXAMPLES_H

#include <stdbool.h>

#include "lib/base/slice.h"
#include "lib/record/build.h"
#include "lib/record/record.h"
#include "lib/text/accesslog.h"

enum {
	EXAMPLES_PADDING = 8, /* readable bytes that must follow a text */
	EXAMPLES_STATE_SIZE = 9,
	EXAMPLES_ACTIONS_MAX = 4096,  /* of one example */
	EXAMPLES_LOOK_MAX = 64 << 10, /* bytes that tell how VW's text is made up */
};

struct examples;

/* For the format of that name: vw, vw-lines (each line is an example), vw-adf (an empty
 * line ends one), libsvm, ffm. */
bool examples_known(struct slice name);
/* Takes 1.7 MiB. NULL when there is no memory. */
struct examples *examples_new(struct slice name);
void examples_free(struct examples *x);

/* Call this for every feature that is read, with its key and the names of its namespace
 * and its own. NULL: no more. */
typedef void examples_name(
    void *context, uint64_t key, struct slice space, struct slice name);
void examples_on_name(struct examples *x, examples_name *name, void *context);

/* The size of the first example, its terminator included; 0 when more bytes are needed.
 * `end`: there are no more. An example of several lines that has no end within
 * RECORD_SIZE_MAX is cut at a line's end; examples_read refuses its parts. */
size_t examples_frame(struct examples *x, struct slice bytes, bool end);

enum examples_result {
	EXAMPLES_RECORD, /* one was appended */
	EXAMPLES_NONE,   /* an empty line, or a comment */
	EXAMPLES_FAULT,  /* fault is set; nothing was appended */
};

/* Take what examples_frame found, with or without its terminator. `ids` makes the
 * event_id, which is left in `id`. Cost: about 10 ns a feature. */
enum examples_result examples_read(struct examples *x, struct slice text,
    const struct line_ids *ids, uint8_t id[LINE_ID_SIZE], struct build *to,
    struct fault *fault);

/* How many examples there were, and how the text is made up: for a snapshot. */
struct slice examples_state(struct examples *x);
/* False when it is none. */
bool examples_restore(struct examples *x, struct slice state);

/* The format of which this line is for certain ("vw", "libsvm", "ffm"): one with a label
 * that is a number, or a cost. NULL: none. */
const char *examples_detect(struct slice line);

#endif
