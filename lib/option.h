/* SPDX-License-Identifier: MIT
 *
 * option: the option table. One table gives parsing, --help, shell completion, what a
 * snapshot remembers, and the check of the manual page.
 *
 * The parser of an option follows from the type of the field that it sets, so that
 * table and struct cannot disagree:
 *
 *	bool          a flag, no argument
 *	uint64_t      a count, "3"
 *	double        a finite number, "0.5"
 *	const char *  text, borrowed from argv
 *	struct span   a duration, "24h"
 *	struct size   bytes, "64M"
 *	int           a choice, OPTION_CHOICE: the index of the word chosen
 */
#ifndef BANNERPIPE_OPTION_H
#define BANNERPIPE_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/when.h"

/* Bytes of memory; a struct so that the table tells it from a count. */
struct size {
	uint64_t bytes;
};

enum option_type {
	OPTION_FLAG,
	OPTION_COUNT,
	OPTION_NUMBER,
	OPTION_TEXT,
	OPTION_SPAN,
	OPTION_SIZE,
	OPTION_WORD,
};

struct option {
	char letter; /* the short form; 0 for none */
	const char *name;
	enum option_type type;
	size_t offset;        /* of the field */
	const char *preset;   /* the default as text; NULL: none (absent, 0, false) */
	const char *choices;  /* "table|json|csv", for OPTION_WORD */
	bool aside;           /* does not change what saved state means */
	bool rare;            /* seldom needed: --help has its name only */
	const char *about;    /* one line, lower case, no full stop */
	const char *argument; /* what --help calls the argument; NULL: after the type */
};

#define OPTION_TYPE_OF(type, field)                                                    \
	_Generic(((type *)0)->field, bool: OPTION_FLAG, uint64_t: OPTION_COUNT,          \
	    double: OPTION_NUMBER, const char *: OPTION_TEXT, struct span: OPTION_SPAN,  \
	    struct size: OPTION_SIZE, int: OPTION_WORD)

#define OPTION_FIELDS(l, n, t, f, p, c, a, ...)                                        \
	.letter = l, .name = n, .type = OPTION_TYPE_OF(t, f),                          \
	.offset = offsetof(t, f), .preset = p, .choices = c, .aside = a,               \
	.about = __VA_ARGS__
#define OPTION_ENTRY(...)                                                              \
	{                                                                              \
		OPTION_FIELDS(__VA_ARGS__)                                             \
	}
#define OPTION_ENTRY_RARE(...)                                                         \
	{                                                                              \
		.rare = true, OPTION_FIELDS(__VA_ARGS__)                               \
	}

/* OPTION(letter, name, struct, field, preset, about [, argument]): an option whose
 * value is part of what saved state means: a snapshot stores it, and loading with
 * another value is an error that names it. */
#define OPTION(letter, name, type, field, preset, ...)                                 \
	OPTION_ENTRY(letter, name, type, field, preset, NULL, false, __VA_ARGS__)
/* One that is not: file names, reports, printing; also the name of a list that HUP reads
 * again, which may change from run to run. */
#define OPTION_ASIDE(letter, name, type, field, preset, ...)                           \
	OPTION_ENTRY(letter, name, type, field, preset, NULL, true, __VA_ARGS__)
/* The same of options that are seldom needed. */
#define OPTION_RARE(letter, name, type, field, preset, ...)                            \
	OPTION_ENTRY_RARE(letter, name, type, field, preset, NULL, false, __VA_ARGS__)
#define OPTION_RARE_ASIDE(letter, name, type, field, preset, ...)                      \
	OPTION_ENTRY_RARE(letter, name, type, field, preset, NULL, true, __VA_ARGS__)
#define OPTION_RARE_CHOICE(letter, name, type, field, choices, ...)                    \
	OPTION_ENTRY_RARE(letter, name, type, field, NULL, choices, false, __VA_ARGS__)
/* One of the words of choices; the first is the default. The field is an int. */
#define OPTION_CHOICE(letter, name, type, field, choices, ...)                         \
	OPTION_ENTRY(letter, name, type, field, NULL, choices, false, __VA_ARGS__)
#define OPTION_CHOICE_ASIDE(letter, name, type, field, choices, ...)                   \
	OPTION_ENTRY(letter, name, type, field, NULL, choices, true, __VA_ARGS__)
/* A required operand, a text: OPERAND("EXPRESSION", struct select, expression, "...").
 */
#define OPERAND(name, type, field, about) OPTION(0, name, type, field, NULL, about)
#define OPTION_END                                                                     \
	{                                                                              \
		.name = NULL                                                           \
	}

/* Where a table's fields lie: tables are searched in their order. */
struct option_set {
	const struct option *table; /* up to OPTION_END; NULL for none */
	void *fields;
};

/* Set every field to its preset. Assert: a preset that does not parse is our bug. */
void option_defaults(const struct option_set *sets, unsigned n);

/* Read argv[1..] as getopt_long does ("--cap 3", "--cap=3", "-c3", "--"; a unique
 * prefix of a long name is not enough). Options and operands may mix. Operands are
 * moved to the front of argv from argv[1] on; *operands is their number. An error names
 * the option. */
int option_parse(const struct option_set *sets, unsigned n, int argc, char **argv,
    int *operands, struct error *error);

/* Set one field from text. */
int option_assign(
    const struct option *o, void *fields, const char *text, struct error *error);

/* The field's value as text, as it could be given; terminated; "" for an absent text.
 */
void option_format(const struct option *o, const void *fields, char *to, size_t size);

/* Append the help lines of a table, "  -n, --cap COUNT  impressions allowed (3)", and the
 * names of its rare ones. Returns the length that it takes, like snprintf. */
size_t option_help(const struct option *table, char *to, size_t size);
/* The same in few lines: "  --memory SIZE (256M)  --seed COUNT (0)", wrapped. */
size_t option_brief(const struct option *table, char *to, size_t size);

/* Comma-separated names of a text option, in place of strtok: call with *rest = the
 * text; false at the end. Empty names are skipped. */
bool option_next_name(const char **rest, struct slice *name);

#endif
