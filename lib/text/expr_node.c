/* SPDX-License-Identifier: MIT
 *
 * Nodes of a program: making and freeing them.
 */
#include "lib/text/expr_node.h"

#include <stdlib.h>

int
expr_program_init(struct expr_program *p, struct reader *reader, size_t text_size,
    size_t scratch_size)
{
	enum { ROOM = 64, POOL_SHARE = 8 };

	memset(p, 0, sizeof *p);
	p->reader = reader;
	p->nodes = calloc(ROOM, sizeof *p->nodes);
	p->node_room = ROOM;
	p->node_count = 1;
	p->pool = p->pool_at = malloc(POOL_SHARE * text_size + 1);
	p->pool_fold = (POOL_SHARE - 1) * text_size;
	p->scratch_start = malloc(scratch_size);
	p->scratch_size = scratch_size;
	p->work_max = EXPR_WORK;
	return p->nodes != NULL && p->pool != NULL && p->scratch_start != NULL ? 0 : -1;
}

void
expr_program_fini(struct expr_program *p)
{
	for (uint32_t i = 1; i < p->node_count && p->nodes != NULL; i++) {
		if (p->nodes[i].op == EXPR_OP_MATCH ||
		    p->nodes[i].op == EXPR_OP_CAPTURE)
			expr_regex_free(p->nodes[i].regex);
		else if (p->nodes[i].op == EXPR_OP_IN_SET)
			free(p->nodes[i].set);
	}
	free(p->nodes);
	free(p->arguments);
	free(p->pool);
	free(p->scratch_start);
	json_free(p->scratch.json);
	memset(p, 0, sizeof *p);
}

/* A new zeroed node of the op; 0 when there are too many. */
uint32_t
expr_node_add(struct expr_parser *p, enum expr_op op, enum expr_kind kind)
{
	struct expr_program *program = p->program;
	struct expr_node *node;

	if (program->node_count == program->node_room) {
		uint32_t room = program->node_room * 2;

		if (room > EXPR_NODES_MAX)
			return expr_wrong(p, p->start, "too long: more than %d parts",
			    EXPR_NODES_MAX);
		node = realloc(program->nodes, room * sizeof *node);
		if (node == NULL)
			return expr_wrong(p, p->start, "no memory");
		program->nodes = node;
		program->node_room = room;
	}
	program->containers |= kind == EXPR_KIND_LIST || kind == EXPR_KIND_MAP;
	node = &program->nodes[program->node_count];
	memset(node, 0, sizeof *node);
	node->op = (uint8_t)op;
	node->kind = (uint8_t)kind;
	node->depth = 1;
	return program->node_count++;
}

bool
expr_node_deepen(struct expr_parser *p, uint32_t node, uint32_t child)
{
	unsigned depth = expr_node_at(p, child)->depth + 1u;

	if (depth > EXPR_DEPTH_MAX) {
		expr_wrong(p, p->start, "more than %d parts within one another",
		    EXPR_DEPTH_MAX);
		return false;
	}
	if (expr_node_at(p, node)->depth < depth)
		expr_node_at(p, node)->depth = (uint8_t)depth;
	return true;
}

/* A node over up to three children, 0 of which are absent. */
uint32_t
expr_node_over(struct expr_parser *p, enum expr_op op, enum expr_kind kind, uint32_t a,
    uint32_t b, uint32_t c)
{
	const uint32_t children[3] = { a, b, c };
	uint32_t node = expr_node_add(p, op, kind);

	if (node == 0)
		return 0;
	for (unsigned i = 0; i < 3; i++)
		if (children[i] != 0 && !expr_node_deepen(p, node, children[i]))
			return 0;
	expr_node_at(p, node)->a = a;
	expr_node_at(p, node)->b = b;
	expr_node_at(p, node)->c = c;
	return node;
}

uint32_t
expr_node_list(struct expr_parser *p, enum expr_op op, enum expr_kind kind,
    const struct expr_gather *g)
{
	struct expr_program *program = p->program;
	uint32_t node = expr_node_add(p, op, kind);
	uint32_t *arguments;

	if (node == 0)
		return 0;
	for (uint32_t i = 0; i < g->count; i++)
		if (!expr_node_deepen(p, node, g->nodes[i]))
			return 0;
	if (program->argument_room - program->argument_count < g->count) {
		uint32_t room = 2 * (program->argument_count + g->count);

		arguments = realloc(program->arguments, room * sizeof *arguments);
		if (arguments == NULL)
			return expr_wrong(p, p->start, "no memory");
		program->arguments = arguments;
		program->argument_room = room;
	}
	expr_node_at(p, node)->list = program->argument_count;
	expr_node_at(p, node)->count = g->count;
	for (uint32_t i = 0; i < g->count; i++)
		program->arguments[program->argument_count++] = g->nodes[i];
	return node;
}

bool
expr_gather_add(struct expr_parser *p, struct expr_gather *g, uint32_t node)
{
	if (node == 0)
		return false;
	if (g->count == sizeof g->nodes / sizeof g->nodes[0]) {
		expr_wrong(p, p->start, "a list of more than %zu parts",
		    sizeof g->nodes / sizeof g->nodes[0]);
		return false;
	}
	g->nodes[g->count++] = node;
	return true;
}

uint32_t
expr_node_constant(
    struct expr_parser *p, const struct expr_value *value, enum expr_kind kind)
{
	uint32_t node = expr_node_add(p, EXPR_OP_CONSTANT, kind);

	if (node != 0)
		expr_node_at(p, node)->constant = *value;
	return node;
}

uint32_t
expr_node_text(struct expr_parser *p, struct slice text)
{
	struct expr_value value;

	expr_set_text(&value, text);
	return expr_node_constant(p, &value, EXPR_KIND_TEXT);
}

void
expr_guard_init(struct expr_guard *g, const struct expr_program *p, uint32_t condition)
{
	const struct expr_node *n = &p->nodes[condition], *a, *b;

	*g = (struct expr_guard){ 0 };
	if (n->op == EXPR_OP_AND)
		n = &p->nodes[p->arguments[n->list]];
	if (n->op != EXPR_OP_COMPARE || n->relation != EXPR_EQUAL)
		return;
	a = &p->nodes[n->a];
	b = &p->nodes[n->b];
	if (a->op != EXPR_OP_CALL || b->op != EXPR_OP_CONSTANT ||
	    b->constant.type != EXPR_TEXT)
		return;
	g->slot = a->slot;
	g->text = b->constant.text;
}
