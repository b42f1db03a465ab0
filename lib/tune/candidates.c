/* SPDX-License-Identifier: MIT */
#include "lib/tune/candidates.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/tune/words.h"

enum { WORDS_MAX = 64 };

/* The options of a line. */
struct line_options {
	const char *spec;
	struct words words;
};

static const struct option options[] = {
	OPTION(
	    0, "spec", struct line_options, spec, NULL, "the features that it learns"),
	WORDS_OPTIONS(struct line_options, words),
	OPTION_END,
};

/* A line of the text, and which of its alternatives are wanted. */
struct line {
	struct slice name, body;
	unsigned number;
	unsigned grids;
	unsigned count[CANDIDATES_GRID_MAX]; /* alternatives of each {...} */
	unsigned wanted[CANDIDATES_GRID_MAX];
};

/* A text of limited size. */
struct text {
	char *at;
	size_t size, limit; /* the limit leaves room for a 0 */
	bool full;
};

static void
append(struct text *t, struct slice s)
{
	if (s.size > t->limit - t->size) {
		t->full = true;
		return;
	}
	if (s.size > 0)
		memcpy(t->at + t->size, s.at, s.size);
	t->size += s.size;
	t->at[t->size] = '\0';
}

/* --- Alternatives ---------------------------------------------------------------------- */

static uint8_t
separator(struct slice grid)
{
	return slice_find(grid, '|') < grid.size ? '|' : ',';
}

/* The i-th alternative of a grid, what is between the braces; false: there is none. */
static bool
alternative(struct slice grid, unsigned i, struct slice *to)
{
	uint8_t c = separator(grid);

	for (;; i--) {
		size_t end = slice_find(grid, c);

		*to = slice_of(grid.at, end);
		if (i == 0)
			return true;
		if (end == grid.size)
			return false;
		grid = slice_from(grid, end + 1);
	}
}

/* Count the alternatives of every {...}. */
static int
survey(struct line *l, struct error *error)
{
	struct slice rest = l->body;

	while (rest.size > 0) {
		size_t open = slice_find(rest, '{'), close = slice_find(rest, '}');
		struct slice grid, one;
		unsigned n = 0;

		if (open == rest.size && close == rest.size)
			return 0;
		if (close < open || close == rest.size)
			return error_set(error, "a brace without its other one");
		if (l->grids == CANDIDATES_GRID_MAX)
			return error_set(error, "more than %d lists of alternatives",
			    CANDIDATES_GRID_MAX);
		grid = slice_of(rest.at + open + 1, close - open - 1);
		if (slice_find(grid, '{') < grid.size)
			return error_set(error, "a list of alternatives within one");
		for (; n <= CANDIDATES_MAX && alternative(grid, n, &one); n++)
			if (slice_trim(one).size == 0)
				return error_set(error, "an empty alternative");
		l->count[l->grids++] = n;
		rest = slice_from(rest, close + 1);
	}
	return 0;
}

/* The body with the wanted alternatives in the place of the lists, and a name for it. */
static int
expand(const struct line *l, struct text *words, struct text *name, struct error *error)
{
	struct slice rest = l->body, one;

	append(name, l->name);
	for (unsigned g = 0; g < l->grids; g++) {
		size_t open = slice_find(rest, '{'), close = slice_find(rest, '}');

		append(words, slice_of(rest.at, open));
		(void)alternative(
		    slice_of(rest.at + open + 1, close - open - 1), l->wanted[g], &one);
		one = slice_trim(one);
		append(words, one);
		append(name, slice_text("/"));
		append(name, one);
		rest = slice_from(rest, close + 1);
	}
	append(words, rest);
	if (name->full)
		return error_set(error, "its name has more than %d characters: %s",
		    CANDIDATES_NAME_MAX, name->at);
	return words->full ? error_set(error, "more than %d bytes", CANDIDATES_LINE_MAX)
			   : 0;
}

/* The next combination; false: that was the last. */
static bool
advance(struct line *l)
{
	for (unsigned g = l->grids; g-- > 0;) {
		if (++l->wanted[g] < l->count[g])
			return true;
		l->wanted[g] = 0;
	}
	return false;
}

/* --- Options ---------------------------------------------------------------------------- */

/* Cut into words, in place; -1: too many. */
static int
split(char *text, char *words[WORDS_MAX])
{
	int n = 1;

	words[0] = text; /* the program's name, which nobody reads */
	for (;;) {
		text += strspn(text, " \t");
		if (*text == '\0' || *text == '#')
			return n;
		if (n == WORDS_MAX)
			return -1;
		words[n++] = text;
		text += strcspn(text, " \t");
		if (*text != '\0')
			*text++ = '\0';
	}
}

static int
read_words(struct candidate *c, const char *targets, struct error *error)
{
	struct line_options o = { .spec = NULL };
	struct option_set set = { options, &o };
	char *argv[WORDS_MAX];
	int argc = split(c->words, argv), operands;

	if (argc < 0)
		return error_set(error, "more than %d words", WORDS_MAX - 1);
	option_defaults(&set, 1);
	if (option_parse(&set, 1, argc, argv, &operands, error) < 0)
		return -1;
	if (operands > 0)
		return error_set(error, "'%s' is no option", argv[1]);
	c->spec = o.spec;
	return words_understand(&o.words, targets, &c->options, error);
}

/* --- Lines ------------------------------------------------------------------------------ */

static bool
is_name(struct slice name)
{
	static const char letters[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789_.-";

	for (size_t i = 0; i < name.size; i++)
		if (memchr(letters, name.at[i], sizeof letters - 1) == NULL)
			return false;
	return name.size > 0;
}

static int
add(struct candidates *c, const struct line *l, const char *targets,
    struct error *error)
{
	struct candidate *one = &c->of[c->n];
	struct text words = { .limit = CANDIDATES_LINE_MAX };
	struct text name = { .at = one->name, .limit = CANDIDATES_NAME_MAX };

	if (c->n == CANDIDATES_MAX)
		return error_set(error, "more than %d candidates", CANDIDATES_MAX);
	one->line = l->number;
	words.at = one->words = calloc(1, CANDIDATES_LINE_MAX + 1);
	if (one->words == NULL)
		return error_set(error, "no memory for the candidates");
	c->n++; /* its words are to be freed */
	if (expand(l, &words, &name, error) < 0)
		return -1;
	for (unsigned i = 0; i + 1 < c->n; i++)
		if (strcmp(c->of[i].name, one->name) == 0)
			return error_set(error, "the name %s is that of line %u too",
			    one->name, c->of[i].line);
	return read_words(one, targets, error);
}

static int
read_line(struct candidates *c, struct slice text, unsigned number, const char *targets,
    struct error *error)
{
	struct line line = { .number = number };
	size_t equals;

	text = slice_trim(text);
	if (text.size == 0 || text.at[0] == '#')
		return 0;
	equals = slice_find(text, '=');
	line.name = slice_trim(slice_of(text.at, equals));
	if (equals == text.size)
		return error_set(error, "it is not NAME = OPTIONS");
	if (!is_name(line.name))
		return error_set(error,
		    "a name is of letters, digits and any of _.-, not '%.*s'",
		    (int)(line.name.size < 100 ? line.name.size : 100),
		    (const char *)line.name.at);
	line.body = slice_trim(slice_from(text, equals + 1));
	if (survey(&line, error) < 0)
		return -1;
	do {
		if (add(c, &line, targets, error) < 0)
			return -1;
	} while (advance(&line));
	return 0;
}

int
candidates_read(
    struct candidates *c, struct slice text, const char *targets, struct error *error)
{
	struct error why;

	*c = (struct candidates){ 0 };
	if (text.size > CANDIDATES_TEXT_MAX || slice_find(text, '\0') < text.size)
		return error_set(
		    error, "it is no text of at most %d bytes", CANDIDATES_TEXT_MAX);
	c->of = calloc(CANDIDATES_MAX, sizeof *c->of);
	if (c->of == NULL)
		return error_set(error, "no memory for the candidates");
	for (unsigned number = 1; text.size > 0; number++) {
		size_t end = slice_find(text, '\n');

		if (read_line(c, slice_of(text.at, end), number, targets, &why) < 0) {
			candidates_free(c);
			return error_set(error, "line %u: %s", number, why.text);
		}
		text = slice_from(text, end < text.size ? end + 1 : end);
	}
	if (c->n > 0)
		return 0;
	candidates_free(c);
	return error_set(error, "it has no candidate");
}

void
candidates_free(struct candidates *c)
{
	for (unsigned i = 0; i < c->n; i++)
		free(c->of[i].words);
	free(c->of);
	*c = (struct candidates){ 0 };
}
