/* SPDX-License-Identifier: MIT */
#include "lib/filter/commandline.h"

#include <string.h>

/* What a shell would do something about. */
#define SPECIAL ";&()$`*?[]{}~#!\n"

struct splitter {
	struct commandline *to;
	const char *begin, *at;
	unsigned words; /* used of to->words */
	size_t used;    /* of to->text */
	char **next;    /* where a redirection wants its word; NULL */
	struct error *error;
};

static int
too_long(struct splitter *s)
{
	return error_set(s->error,
	    "the command is too long: at most %d programs, %d words, %d bytes",
	    COMMANDLINE_PROGRAMS_MAX, COMMANDLINE_ARGUMENTS_MAX, COMMANDLINE_TEXT_MAX);
}

static int
needs_shell(struct splitter *s, char c)
{
	return error_set(s->error,
	    "'%c' at byte %zu needs a shell: one process takes programs joined by |, "
	    "quotes, and < > >> (leave out --fuse, or quote it)",
	    c, (size_t)(s->at - s->begin));
}

static bool
put(struct splitter *s, char c)
{
	if (s->used == COMMANDLINE_TEXT_MAX)
		return false;
	s->to->text[s->used++] = c;
	return true;
}

/* Within double quotes; the opening one is behind us. */
static int
double_quoted(struct splitter *s)
{
	char c;

	while ((c = *s->at) != '"') {
		if (c == '\0')
			return error_set(s->error, "a \" is not closed");
		s->at++;
		if (c == '$' || c == '`')
			return needs_shell(s, c);
		if (c == '\\' && *s->at != '\0' && strchr("$`\"\\", *s->at) != NULL)
			c = *s->at++;
		if (!put(s, c))
			return too_long(s);
	}
	s->at++;
	return 0;
}

static int
single_quoted(struct splitter *s)
{
	const char *end = strchr(s->at, '\'');

	if (end == NULL)
		return error_set(s->error, "a ' is not closed");
	while (s->at < end)
		if (!put(s, *s->at++))
			return too_long(s);
	s->at++;
	return 0;
}

/* One word; what is before it was stepped over. */
static int
word(struct splitter *s)
{
	char *start = s->to->text + s->used, c;
	int status = 0;

	while (status == 0 && (c = *s->at) != '\0' && strchr(" \t|<>", c) == NULL) {
		s->at++;
		if (c == '\'')
			status = single_quoted(s);
		else if (c == '"')
			status = double_quoted(s);
		else if (strchr(SPECIAL, c) != NULL)
			return needs_shell(s, c);
		else if (c == '\\' && *s->at != '\0')
			status = put(s, *s->at++) ? 0 : too_long(s);
		else
			status = put(s, c) ? 0 : too_long(s);
	}
	if (status != 0)
		return -1;
	if (!put(s, '\0') || s->words + 2 > sizeof s->to->words / sizeof *s->to->words)
		return too_long(s);
	if (s->next != NULL) {
		*s->next = start;
		s->next = NULL;
	} else {
		s->to->words[s->words++] = start;
		s->to->program[s->to->programs].argc++;
	}
	return 0;
}

static int
end_program(struct splitter *s)
{
	struct commandline *w = s->to;
	int argc = w->program[w->programs].argc;

	if (s->next != NULL)
		return error_set(s->error, "a name is missing after < or >");
	if (argc == 0)
		return error_set(s->error, "a program is missing beside |");
	w->program[w->programs].argv = w->words + s->words - argc;
	w->words[s->words++] = NULL;
	w->programs++;
	return 0;
}

static int
redirect(struct splitter *s, char c)
{
	struct commandline *w = s->to;

	if (s->next != NULL)
		return error_set(s->error, "a name is missing after < or >");
	if (c == '<' && (w->programs > 0 || w->input != NULL))
		return error_set(
		    s->error, "< is for the first program only, and only once");
	if (c == '>' && w->output != NULL)
		return error_set(s->error, "> is for the last program, and only once");
	if (c == '>')
		w->append = *s->at == '>';
	s->at += c == '>' && w->append;
	s->next = c == '<' ? &w->input : &w->output;
	return 0;
}

int
commandline_split(struct commandline *to, const char *command, struct error *error)
{
	struct splitter s = {
		.to = to, .begin = command, .at = command, .error = error
	};
	int status = 0;

	*to = (struct commandline){ 0 };
	while (status == 0 && *s.at != '\0') {
		char c = *s.at;

		if (c == '<' || c == '>') {
			s.at++;
			status = redirect(&s, c);
		} else if (c == '|') {
			s.at++;
			if (to->output != NULL || s.next == &to->output)
				status = error_set(error, "> is for the last program");
			else
				status = end_program(&s);
			if (status == 0 && to->programs == COMMANDLINE_PROGRAMS_MAX)
				status = too_long(&s);
		} else if (c == ' ' || c == '\t' || (c == '\n' && s.at[1] == '\0')) {
			s.at++;
		} else {
			status = word(&s);
		}
	}
	return status == 0 ? end_program(&s) : -1;
}
