/* SPDX-License-Identifier: MIT
 *
 * From text to tokens, and how errors show their place.
 */
#include <stdarg.h>
#include <stdio.h>

#include "lib/base/assert.h"
#include "lib/base/number.h"
#include "lib/text/expr_node.h"

static bool
is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static bool
is_name(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	    c == '$' || c == '@' || c >= 0x80;
}

/* The byte `ahead` of the place, -1 past the end. */
static int
peek(const struct expr_parser *p, size_t ahead)
{
	return p->text.size - p->at > ahead ? p->text.at[p->at + ahead] : -1;
}

static size_t
line_start(const struct expr_parser *p, size_t at)
{
	while (at > 0 && p->text.at[at - 1] != '\n')
		at--;
	return at;
}

size_t
expr_column(const struct expr_parser *p, size_t at)
{
	return at - line_start(p, at);
}

/* The line around the place, cut to fit, and a mark under it. */
static void
show_place(const struct expr_parser *p, size_t at, char *to, size_t room)
{
	enum { BEFORE = 48, AFTER = 28 };
	size_t start = line_start(p, at), end = at, n = 0;
	char line[BEFORE + AFTER + 1], mark[BEFORE + 1];

	if (at - start > BEFORE)
		start = at - BEFORE;
	while (end < p->text.size && p->text.at[end] != '\n' && end - at < AFTER)
		end++;
	for (size_t i = start; i < end; i++)
		line[n++] = p->text.at[i] < ' ' || p->text.at[i] == 0x7f
		    ? ' '
		    : (char)p->text.at[i];
	memset(mark, ' ', at - start);
	mark[at - start] = '\0';
	snprintf(to, room, "\n    %.*s\n    %s^", (int)n, line, mark);
}

uint32_t
expr_wrong(struct expr_parser *p, size_t at, const char *format, ...)
{
	char reason[256], place[2 * 80 + 16];
	size_t line = 1;
	va_list arguments;

	if (p->token == TOKEN_WRONG)
		return 0; /* the first error stays */
	va_start(arguments, format);
	vsnprintf(reason, sizeof reason, format, arguments);
	va_end(arguments);
	p->token = TOKEN_WRONG;
	show_place(p, at, place, sizeof place);
	for (size_t i = 0; i < at; i++)
		line += p->text.at[i] == '\n';
	if (p->file != NULL)
		error_set(p->error, "%s:%zu:%zu: %s%s", p->file, line,
		    expr_column(p, at) + 1, reason, place);
	else
		error_set(p->error, "column %zu: %s%s", at + 1, reason, place);
	return 0;
}

/* --- Words and strings, decoded into the pool ----------------------------------- */

static void
keep(struct expr_parser *p, int c)
{
	*p->program->pool_at++ = (uint8_t)c;
}

static void
lex_word(struct expr_parser *p)
{
	uint8_t *start = p->program->pool_at;

	p->token = TOKEN_WORD;
	while (is_name(peek(p, 0)) || is_digit(peek(p, 0)))
		keep(p, p->text.at[p->at++]);
	p->word = slice_of(start, (size_t)(p->program->pool_at - start));
}

/* What stands after a backslash in "...". An escape that is none keeps its backslash,
 * so that regular expressions read as they are: "\d+\.html". */
static void
lex_escape(struct expr_parser *p)
{
	int c = peek(p, 0);

	p->at++;
	switch (c) {
	case 'n':
		keep(p, '\n');
		return;
	case 't':
		keep(p, '\t');
		return;
	case 'r':
		keep(p, '\r');
		return;
	case '"':
	case '\\':
		keep(p, c);
		return;
	case 'x':
		if (number_hex_digit(peek(p, 0)) >= 0 &&
		    number_hex_digit(peek(p, 1)) >= 0) {
			keep(p,
			    number_hex_digit(peek(p, 0)) * 16 +
				number_hex_digit(peek(p, 1)));
			p->at += 2;
			return;
		}
		break;
	}
	keep(p, '\\');
	keep(p, c);
}

static void
lex_string(struct expr_parser *p, int quote)
{
	uint8_t *start = p->program->pool_at;

	p->token = quote == '`' ? TOKEN_QUOTED : TOKEN_STRING;
	for (p->at++; peek(p, 0) != quote;) {
		int c = peek(p, 0);

		if (c < 0 || c == '\n') {
			expr_wrong(p, p->start, "a text that %c does not end", quote);
			return;
		}
		p->at++;
		if (c == '\\' && quote == '"' && peek(p, 0) >= 0)
			lex_escape(p);
		else
			keep(p, c);
	}
	p->at++;
	p->word = slice_of(start, (size_t)(p->program->pool_at - start));
	if (p->token == TOKEN_QUOTED &&
	    (p->word.size == 0 || p->word.size > RECORD_KEY_SIZE_MAX))
		expr_wrong(p, p->start, "a name of no or more than %d bytes",
		    RECORD_KEY_SIZE_MAX);
}

/* --- Numbers, instants and durations -------------------------------------------- */

static bool
looks_like_date(const struct expr_parser *p)
{
	static const char form[] = "dddd-dd-dd";

	for (size_t i = 0; form[i] != '\0'; i++)
		if (form[i] == 'd' ? !is_digit(peek(p, i)) : peek(p, i) != '-')
			return false;
	return !is_digit(peek(p, 10));
}

/* Digits and colons, a fraction, a zone. The seconds may be left out. */
static void
lex_instant(struct expr_parser *p)
{
	char copy[64];
	size_t n, colons = 0, zone;
	instant when;

	p->at += 10;
	if (peek(p, 0) == 'T' && is_digit(peek(p, 1))) {
		for (p->at++; is_digit(peek(p, 0)) || peek(p, 0) == ':'; p->at++)
			colons += peek(p, 0) == ':';
		if (peek(p, 0) == '.' && is_digit(peek(p, 1)))
			for (p->at++; is_digit(peek(p, 0));)
				p->at++;
	}
	zone = p->at;
	if (peek(p, 0) == 'Z')
		p->at++;
	else if (zone - p->start > 10 && (peek(p, 0) == '+' || peek(p, 0) == '-') &&
	    is_digit(peek(p, 1)) && is_digit(peek(p, 2)) && peek(p, 3) == ':')
		p->at += 6;
	n = (size_t)(p->at - p->start) < 40 && p->at <= p->text.size
	    ? (size_t)snprintf(copy, sizeof copy, "%.*s%s%.*s", (int)(zone - p->start),
		  (const char *)p->text.at + p->start, colons == 1 ? ":00" : "",
		  (int)(p->at - zone), (const char *)p->text.at + zone)
	    : 0;
	if (n == 0 || !when_parse_iso(slice_of(copy, n), &when)) {
		expr_wrong(p, p->start,
		    "no such time (write 2019-11-24 or 2019-11-24T00:00:00Z)");
		return;
	}
	p->token = TOKEN_INT;
	p->integer = when;
}

static void
lex_span(struct expr_parser *p)
{
	struct span span;

	while (is_digit(peek(p, 0)) || is_name(peek(p, 0)))
		p->at++;
	if (!when_parse_span(
		slice_of(p->text.at + p->start, p->at - p->start), &span)) {
		expr_wrong(p, p->start,
		    "neither a number nor a duration (such as 500ms, 10m, 1h30m, 7d)");
		return;
	}
	p->token = TOKEN_INT;
	p->integer = span.us;
}

static void
lex_number(struct expr_parser *p)
{
	struct slice text;
	bool fraction = false;
	size_t ahead;

	if (looks_like_date(p)) {
		lex_instant(p);
		return;
	}
	while (is_digit(peek(p, 0)))
		p->at++;
	if (peek(p, 0) == '.' && is_digit(peek(p, 1)))
		for (fraction = true, p->at++; is_digit(peek(p, 0));)
			p->at++;
	ahead = peek(p, 1) == '+' || peek(p, 1) == '-' ? 2 : 1;
	if ((peek(p, 0) | 0x20) == 'e' && is_digit(peek(p, ahead)))
		for (fraction = true, p->at += ahead; is_digit(peek(p, 0));)
			p->at++;
	if (is_name(peek(p, 0))) {
		lex_span(p);
		return;
	}
	text = slice_of(p->text.at + p->start, p->at - p->start);
	p->token = fraction ? TOKEN_FLOAT : TOKEN_INT;
	if (fraction ? !number_parse_double(text, &p->number)
		     : !number_parse_int(text, &p->integer))
		expr_wrong(p, p->start, "a number out of range");
}

/* --- The rest ------------------------------------------------------------------- */

static int
lex_sign(struct expr_parser *p)
{
	static const struct {
		char text[3];
		int token;
	} pairs[] = { { "==", TOKEN_EQUAL }, { "!=", TOKEN_UNEQUAL },
		{ "<=", TOKEN_LESS_EQUAL }, { ">=", TOKEN_GREATER_EQUAL },
		{ "=~", TOKEN_MATCH }, { "!~", TOKEN_NO_MATCH },
		{ "..", TOKEN_RANGE } };
	int c = peek(p, 0);

	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		if (c == pairs[i].text[0] && peek(p, 1) == pairs[i].text[1]) {
			p->at += 2;
			return pairs[i].token;
		}
	}
	if (c > 0 && strchr("()[]{},.:<>+-*/=", c) != NULL) {
		p->at++;
		if (strchr("([{", c) != NULL)
			p->brackets++;
		else if (strchr(")]}", c) != NULL && p->brackets > 0)
			p->brackets--;
		return c;
	}
	expr_wrong(p, p->at, "a character that means nothing here");
	return TOKEN_WRONG;
}

void
expr_next(struct expr_parser *p)
{
	bool line = false;
	int c;

	if (p->token == TOKEN_WRONG)
		return;
	for (;; p->at++) {
		c = peek(p, 0);
		if (c == '#')
			while (peek(p, 0) >= 0 && peek(p, 0) != '\n')
				p->at++;
		c = peek(p, 0);
		line |= c == '\n';
		if (c != ' ' && c != '\t' && c != '\n' && c != '\r')
			break;
	}
	p->start = p->at;
	if (c < 0)
		p->token = TOKEN_END;
	else if (line && p->file != NULL && p->brackets == 0)
		p->token = TOKEN_LINE;
	else if (is_digit(c))
		lex_number(p);
	else if (is_name(c))
		lex_word(p);
	else if (c == '"' || c == '\'' || c == '`')
		lex_string(p, c);
	else
		p->token = lex_sign(p);
}

bool
expr_is_word(const struct expr_parser *p, const char *word)
{
	return p->token == TOKEN_WORD && slice_is(p->word, word);
}

void
expr_parser_init(struct expr_parser *p, struct expr_program *program, struct slice text,
    const char *file, struct error *error)
{
	memset(p, 0, sizeof *p);
	p->program = program;
	p->text = text;
	p->file = file;
	p->error = error;
	expr_next(p);
}
