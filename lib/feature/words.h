/* SPDX-License-Identifier: MIT
 *
 * words: a line of a specification in words, and what they can be read as. An expression
 * in parentheses is one word, and so is all that follows `where`. Private to feature.
 *
 * Those that return int return 0, or -1 with the error set: `what` is how it calls the
 * word that is missing.
 */
#ifndef BANNERPIPE_FEATURE_WORDS_H
#define BANNERPIPE_FEATURE_WORDS_H

#include "lib/feature/spec.h"

enum { WORDS_MAX = 64 };

struct words {
	struct slice word[WORDS_MAX];
	unsigned count, next, subjects;
	struct reader *reader;
	struct spec *spec;
	struct error *error;
};

/* Begin with a line. */
int words_split(struct words *w, struct slice line);
/* Take the next word if it is this one. */
bool words_take(struct words *w, const char *text);
/* Take the next word, as it is or as something. */
int words_next(struct words *w, const char *what, struct slice *to);
int words_number(struct words *w, const char *what, double *to);
int words_span(struct words *w, const char *what, struct span *to);
int words_subject(struct words *w, struct subject *to);
/* A subject from part of a word. A reader looks for a limited number of keys. */
int words_make_subject(struct words *w, struct subject *to, struct slice word);
/* The parts of a word between commas: false at the end. */
bool words_part(struct slice *rest, struct slice *part);
/* Kinds of event between commas, as bits. */
int words_kinds(struct words *w, uint64_t *to);
/* All that may follow a verb that counts, in any order, into the feature. */
int clauses_read(struct words *w, struct spec_feature *f);

#endif
