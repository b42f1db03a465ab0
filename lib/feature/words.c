/* SPDX-License-Identifier: MIT */
#include "lib/feature/words.h"

#include "lib/base/number.h"

/* The end of an expression that starts with '(': quotes hide parentheses. */
static size_t
expression_size(struct slice text)
{
	unsigned depth = 0;
	uint8_t quote = 0;

	for (size_t i = 0; i < text.size; i++) {
		uint8_t c = text.at[i];

		if (quote != 0) {
			quote = c == quote ? 0 : quote;
		} else if (c == '"' || c == '\'') {
			quote = c;
		} else if (c == '(') {
			depth++;
		} else if (c == ')' && --depth == 0) {
			return i + 1;
		}
	}
	return 0;
}

static size_t
word_size(struct slice text)
{
	size_t n = 0;

	while (n < text.size && text.at[n] != ' ' && text.at[n] != '\t')
		n++;
	return n;
}

int
words_split(struct words *w, struct slice line)
{
	w->count = w->next = 0;
	for (line = slice_trim(line); line.size > 0; line = slice_trim(line)) {
		size_t size = word_size(line);

		if (w->count == WORDS_MAX)
			return error_set(
			    w->error, "more than %d words on a line", WORDS_MAX);
		if (line.at[0] == '(' && (size = expression_size(line)) == 0)
			return error_set(w->error, "a '(' is not closed");
		if (w->count > 0 && slice_is(w->word[w->count - 1], "where"))
			size = line.size;
		w->word[w->count++] = slice_of(line.at, size);
		line = slice_from(line, size);
	}
	return 0;
}

bool
words_take(struct words *w, const char *text)
{
	if (w->next >= w->count || !slice_is(w->word[w->next], text))
		return false;
	w->next++;
	return true;
}

int
words_next(struct words *w, const char *what, struct slice *to)
{
	*to = slice_of(NULL, 0);
	if (w->next >= w->count)
		return error_set(w->error, "%s is missing", what);
	*to = w->word[w->next++];
	return 0;
}

int
words_number(struct words *w, const char *what, double *to)
{
	struct slice word;

	if (words_next(w, what, &word) != 0)
		return -1;
	return number_parse_double(word, to)
	    ? 0
	    : error_set(w->error, "%s is a number, not '%.*s'", what, (int)word.size,
		  (const char *)word.at);
}

int
words_span(struct words *w, const char *what, struct span *to)
{
	struct slice word;

	if (words_next(w, what, &word) != 0)
		return -1;
	return when_parse_span(word, to) && to->us > 0
	    ? 0
	    : error_set(w->error, "%s is a duration such as 24h, not '%.*s'", what,
		  (int)word.size, (const char *)word.at);
}

int
words_make_subject(struct words *w, struct subject *to, struct slice word)
{
	if (++w->subjects > SPEC_SUBJECTS_MAX)
		return error_set(
		    w->error, "more than %d fields and expressions", SPEC_SUBJECTS_MAX);
	return subject_init(to, w->reader, word, w->error);
}

int
words_subject(struct words *w, struct subject *to)
{
	struct slice word;

	if (words_next(w, "a field", &word) != 0)
		return -1;
	return words_make_subject(w, to, word);
}

bool
words_part(struct slice *rest, struct slice *part)
{
	size_t size = slice_find(*rest, ',');

	if (rest->size == 0)
		return false;
	*part = slice_of(rest->at, size);
	*rest = slice_from(*rest, size < rest->size ? size + 1 : size);
	return true;
}
