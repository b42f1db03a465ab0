/* SPDX-License-Identifier: MIT */
#include "lib/text/expr.h"

#include <stdlib.h>

#include "lib/text/expr_node.h"

struct expr {
	struct expr_program program;
	uint32_t root;
};

static struct expr *
compile(struct reader *reader, struct slice text, size_t scratch,
    uint32_t (*parse)(struct expr_parser *), struct error *error)
{
	struct expr_parser parser;
	struct expr *e;

	if (text.size > EXPR_SIZE_MAX) {
		error_set(error, "an expression of more than %d bytes", EXPR_SIZE_MAX);
		return NULL;
	}
	e = calloc(1, sizeof *e);
	if (e == NULL ||
	    expr_program_init(&e->program, reader, text.size, scratch) < 0) {
		error_set(error, "no memory for the expression");
		expr_free(e);
		return NULL;
	}
	expr_parser_init(&parser, &e->program, text, NULL, error);
	e->root = parse(&parser);
	if (e->root != 0 && parser.token != TOKEN_END)
		e->root = expr_wrong(&parser, parser.start,
		    "the expression should end here, or an operator is missing");
	if (e->root == 0) {
		expr_free(e);
		return NULL;
	}
	return e;
}

struct expr *
expr_compile(struct reader *reader, struct slice text, struct error *error)
{
	return compile(reader, text, EXPR_SCRATCH, expr_parse, error);
}

struct expr *
expr_compile_condition(struct reader *reader, struct slice text, struct error *error)
{
	return expr_compile_condition_within(reader, text, EXPR_SCRATCH, error);
}

struct expr *
expr_compile_condition_within(
    struct reader *reader, struct slice text, size_t scratch, struct error *error)
{
	return compile(reader, text, scratch, expr_parse_condition, error);
}

void
expr_free(struct expr *e)
{
	if (e == NULL)
		return;
	expr_program_fini(&e->program);
	free(e);
}

bool
expr_test(struct expr *e, const struct record *r)
{
	expr_program_begin(&e->program, r);
	return expr_program_test(&e->program, e->root);
}

void
expr_eval(struct expr *e, const struct record *r, struct expr_value *to)
{
	expr_program_begin(&e->program, r);
	expr_program_eval(&e->program, e->root, to);
}

unsigned
expr_keys(const struct expr *e, struct key keys[RECORD_WATCHED_MAX])
{
	for (unsigned i = 0; i < e->program.field_count; i++)
		keys[i] = e->program.fields[i].key;
	return e->program.field_count;
}

const uint64_t *
expr_cut_off(const struct expr *e)
{
	return &e->program.cut_off;
}
