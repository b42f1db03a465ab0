/* SPDX-License-Identifier: MIT */
#include "lib/option.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/base/number.h"

static void *
field_of(const struct option *o, void *fields)
{
	return (char *)fields + o->offset;
}

/* The index of a word in "a|b|c"; -1 when it is none of them. */
static int
word_index(const char *choices, const char *word)
{
	size_t size = strlen(word), step;
	int index = 0;

	for (const char *at = choices;; at += step + 1, index++) {
		step = strcspn(at, "|");
		if (step == size && memcmp(at, word, size) == 0)
			return index;
		if (at[step] == '\0')
			return -1;
	}
}

static const char *
what_is_wanted(enum option_type type)
{
	switch (type) {
	case OPTION_COUNT:
		return "a whole number";
	case OPTION_NUMBER:
		return "a number";
	case OPTION_SPAN:
		return "a duration such as 90s, 10m, 24h or 7d";
	case OPTION_SIZE:
		return "a size such as 64M";
	default:
		return "a value";
	}
}

int
option_assign(
    const struct option *o, void *fields, const char *text, struct error *error)
{
	void *field = field_of(o, fields);
	struct slice value = slice_text(text);
	bool good = true;
	int word;

	switch (o->type) {
	case OPTION_FLAG:
		*(bool *)field = true;
		break;
	case OPTION_COUNT:
		good = number_parse_uint(value, field);
		break;
	case OPTION_NUMBER:
		good = number_parse_double(value, field);
		break;
	case OPTION_TEXT:
		*(const char **)field = text;
		break;
	case OPTION_SPAN:
		good = when_parse_span(value, field);
		break;
	case OPTION_SIZE:
		good = number_parse_size(value, &((struct size *)field)->bytes);
		break;
	case OPTION_WORD:
		word = word_index(o->choices, text);
		if (word < 0)
			return error_set(error, "--%s wants one of %s, not '%s'",
			    o->name, o->choices, text);
		*(int *)field = word;
		break;
	}
	return good ? 0
		    : error_set(error, "--%s wants %s, not '%s'", o->name,
			  what_is_wanted(o->type), text);
}

void
option_defaults(const struct option_set *sets, unsigned n)
{
	struct error error;

	for (unsigned i = 0; i < n; i++)
		for (const struct option *o = sets[i].table; o != NULL && o->name; o++)
			if (o->preset != NULL) {
				int status =
				    option_assign(o, sets[i].fields, o->preset, &error);

				assert(status == 0);
				(void)status;
			}
}

static const struct option *
find(const struct option_set *sets, unsigned n, struct slice name, char letter,
    void **fields)
{
	for (unsigned i = 0; i < n; i++)
		for (const struct option *o = sets[i].table; o != NULL && o->name; o++)
			if (letter != 0 ? o->letter == letter
					: slice_is(name, o->name)) {
				*fields = sets[i].fields;
				return o;
			}
	return NULL;
}

/* "--name", "--name=value", "--name value"; *at is moved over what was used. */
static int
parse_long(const struct option_set *sets, unsigned n, int argc, char **argv, int *at,
    struct error *error)
{
	const char *text = argv[*at] + 2, *value = strchr(text, '=');
	struct slice name =
	    slice_of(text, value ? (size_t)(value - text) : strlen(text));
	const struct option *o;
	void *fields;

	o = find(sets, n, name, 0, &fields);
	if (o == NULL)
		return error_set(error, "no option --%.*s (see --help)", (int)name.size,
		    (const char *)name.at);
	if (o->type == OPTION_FLAG)
		return value == NULL ? option_assign(o, fields, "", error)
				     : error_set(error, "--%s takes no value", o->name);
	if (value == NULL && ++*at == argc)
		return error_set(
		    error, "--%s wants %s", o->name, what_is_wanted(o->type));
	return option_assign(o, fields, value == NULL ? argv[*at] : value + 1, error);
}

/* "-n3", "-n 3", and flags together, "-vn3". */
static int
parse_short(const struct option_set *sets, unsigned n, int argc, char **argv, int *at,
    struct error *error)
{
	const struct option *o;
	void *fields;

	for (const char *c = argv[*at] + 1; *c != '\0'; c++) {
		o = find(sets, n, slice_text(""), *c, &fields);
		if (o == NULL)
			return error_set(error, "no option -%c (see --help)", *c);
		if (o->type == OPTION_FLAG) {
			(void)option_assign(o, fields, "", error);
			continue;
		}
		if (c[1] != '\0')
			return option_assign(o, fields, c + 1, error);
		if (++*at == argc)
			return error_set(
			    error, "-%c wants %s", *c, what_is_wanted(o->type));
		return option_assign(o, fields, argv[*at], error);
	}
	return 0;
}

int
option_parse(const struct option_set *sets, unsigned n, int argc, char **argv,
    int *operands, struct error *error)
{
	bool only_operands = false;
	int status = 0;

	*operands = 0;
	for (int at = 1; at < argc && status == 0; at++) {
		if (only_operands || argv[at][0] != '-' || argv[at][1] == '\0')
			argv[1 + (*operands)++] = argv[at];
		else if (strcmp(argv[at], "--") == 0)
			only_operands = true;
		else if (argv[at][1] == '-')
			status = parse_long(sets, n, argc, argv, &at, error);
		else
			status = parse_short(sets, n, argc, argv, &at, error);
	}
	return status;
}

static void
format_size(uint64_t bytes, char *to, size_t size)
{
	static const char suffixes[] = "\0KMGT";
	unsigned i = 0;

	while (i < 4 && bytes != 0 && bytes % 1024 == 0) {
		bytes /= 1024;
		i++;
	}
	(void)snprintf(to, size, "%llu%.1s", (unsigned long long)bytes, &suffixes[i]);
}

void
option_format(const struct option *o, const void *fields, char *to, size_t size)
{
	const void *field = (const char *)fields + o->offset;
	char number[64];
	const char *text = number;
	unsigned n;
	int length;

	switch (o->type) {
	case OPTION_FLAG:
		text = *(const bool *)field ? "yes" : "no";
		break;
	case OPTION_COUNT:
		n = number_format_uint(*(const uint64_t *)field, number);
		number[n] = '\0';
		break;
	case OPTION_NUMBER:
		n = number_format_double(*(const double *)field, number);
		number[n] = '\0';
		break;
	case OPTION_TEXT:
		text = *(const char *const *)field;
		break;
	case OPTION_SPAN:
		(void)when_format_span(*(const struct span *)field, number);
		break;
	case OPTION_SIZE:
		format_size(((const struct size *)field)->bytes, number, sizeof number);
		break;
	case OPTION_WORD:
		text = o->choices;
		for (int skip = *(const int *)field; skip > 0; skip--)
			text = strchr(text, '|') + 1;
		length = (int)strcspn(text, "|");
		(void)snprintf(to, size, "%.*s", length, text);
		return;
	}
	(void)snprintf(to, size, "%s", text == NULL ? "" : text);
}

static const char *
argument_of(const struct option *o)
{
	static const char *const names[] = { "", "COUNT", "NUMBER", "TEXT", "DURATION",
		"SIZE", "WORD" };

	return o->argument != NULL ? o->argument : names[o->type];
}

/* A text that is appended as far as it fits, and its whole length. */
struct help {
	char *to;
	size_t size, used;
};

static void append(struct help *h, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void
append(struct help *h, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	h->used += (size_t)vsnprintf(h->used < h->size ? h->to + h->used : NULL,
	    h->used < h->size ? h->size - h->used : 0, format, args);
	va_end(args);
}

static void
append_line(struct help *h, const struct option *o)
{
	char left[64], preset[128] = "";
	int n;

	if (o->type == OPTION_WORD)
		(void)snprintf(preset, sizeof preset, " (%s)", o->choices);
	else if (o->preset != NULL)
		(void)snprintf(preset, sizeof preset, " (%s)", o->preset);
	n = snprintf(left, sizeof left, "%c%c%s--%s %s", o->letter ? '-' : ' ',
	    o->letter ? o->letter : ' ', o->letter ? ", " : "  ", o->name,
	    argument_of(o));
	append(h, "  %-*s  %s%s\n", n > 28 ? n : 28, left, o->about, preset);
}

/* Of those that are rare, or not. */
static void
append_brief(struct help *h, const struct option *table, bool rare)
{
	enum { COLUMNS = 79 };
	char item[128];
	size_t column = 0;
	int n;

	for (const struct option *o = table; o != NULL && o->name; o++) {
		if (o->rare != rare)
			continue;
		n = snprintf(item, sizeof item, "  --%s%s%s%s%s%s", o->name,
		    o->type == OPTION_FLAG ? "" : " ", argument_of(o),
		    o->preset ? " (" : "", o->preset ? o->preset : "",
		    o->preset ? ")" : "");
		if (column > 0 && column + (size_t)n > COLUMNS) {
			append(h, "\n");
			column = 0;
		}
		append(h, "%s", item);
		column += (size_t)n;
	}
	append(h, "\n");
}

size_t
option_help(const struct option *table, char *to, size_t size)
{
	struct help h = { to, size, 0 };
	bool rare = false;

	for (const struct option *o = table; o != NULL && o->name; o++) {
		rare = rare || o->rare;
		if (!o->rare)
			append_line(&h, o);
	}
	if (rare) {
		append(&h, "seldom needed, see the manual page:\n");
		append_brief(&h, table, true);
	}
	return h.used;
}

size_t
option_brief(const struct option *table, char *to, size_t size)
{
	struct help h = { to, size, 0 };

	append_brief(&h, table, false);
	return h.used;
}

bool
option_next_name(const char **rest, struct slice *name)
{
	while (*rest != NULL && **rest != '\0') {
		size_t size = strcspn(*rest, ",");

		*name = slice_of(*rest, size);
		*rest += size + ((*rest)[size] == ',');
		if (size > 0)
			return true;
	}
	return false;
}
