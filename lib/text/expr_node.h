/* SPDX-License-Identifier: MIT
 *
 * expr_node: the compiled form of expressions and the parser that makes it; private to
 * expr and map. Many expressions share one program: its nodes lie in one array and name
 * each other by index, so that a program is freed in one go.
 */
#ifndef BANNERPIPE_TEXT_EXPR_NODE_H
#define BANNERPIPE_TEXT_EXPR_NODE_H

#include "lib/text/expr.h"
#include "lib/text/expr_regex.h"
#include "lib/text/json.h"

enum {
	EXPR_NODES_MAX = 1 << 15,
	EXPR_ARGUMENTS_MAX = 16, /* of one call */
	EXPR_LIST_MAX = 1024,    /* parts of one list, and, or */
	EXPR_FIELDS_MAX = 200,   /* different ones of a record */
	EXPR_REGEXES_MAX = 256,
	EXPR_SHARED_MAX = 64, /* calls that are looked at for being the same */
	EXPR_WORK =
	    1 << 20, /* steps for one record, of 32 bytes where bytes are read */
	EXPR_NAMES_MAX = 64, /* names of let and for, at once */
};

/* How a node is evaluated. a, b, c are nodes; list is a run of arguments. */
enum expr_op {
	EXPR_OP_CONSTANT,
	EXPR_OP_FIELD,      /* key, and slot: its index in fields */
	EXPR_OP_NAME,       /* slot: what let or for has set */
	EXPR_OP_MEMBER,     /* a . constant text */
	EXPR_OP_INDEX,      /* a [ b ] */
	EXPR_OP_COMPARE,    /* a relation b */
	EXPR_OP_IN_SET,     /* a in constants, which are sorted */
	EXPR_OP_IN_LIST,    /* a in (list) */
	EXPR_OP_IN_RANGE,   /* b <= a < c */
	EXPR_OP_IN_VALUE,   /* a in b, which is a list */
	EXPR_OP_MATCH,      /* a =~ regex; negated: !~ */
	EXPR_OP_AND,        /* list */
	EXPR_OP_OR,         /* list */
	EXPR_OP_NOT,        /* a */
	EXPR_OP_ARITHMETIC, /* a sign b */
	EXPR_OP_NEGATE,     /* -a */
	EXPR_OP_EXISTS,     /* a */
	EXPR_OP_IF,         /* a ? b : c */
	EXPR_OP_DEFAULT,    /* the first of list that is neither missing nor nil */
	EXPR_OP_CAPTURE,    /* group number `slot` of regex in a */
	EXPR_OP_CALL,       /* function (list) */
	EXPR_OP_ARRAY,      /* [list] */
	EXPR_OP_OBJECT,     /* {list}: constant key, value, constant key, ... */
	EXPR_OP_EACH,       /* [a for slot in b if c], c may be 0 */
};

/* What a node's value can be, as far as the text tells. */
enum expr_kind {
	EXPR_KIND_ANY,
	EXPR_KIND_BOOL,
	EXPR_KIND_NUMBER,
	EXPR_KIND_TEXT,
	EXPR_KIND_LIST,
	EXPR_KIND_MAP,
};

enum expr_relation {
	EXPR_EQUAL,
	EXPR_UNEQUAL,
	EXPR_LESS,
	EXPR_LESS_EQUAL,
	EXPR_GREATER,
	EXPR_GREATER_EQUAL,
};

/* Bytes of computed texts; reset for every record. */
struct expr_scratch {
	uint8_t *at, *end;
	struct json *json; /* owned; NULL unless some expression calls json() */
};

/* A function of constant number of arguments or fewer; sets *to or leaves it missing.
 */
struct expr_function {
	const char *name;
	uint8_t least, most; /* arguments */
	uint8_t kind;        /* enum expr_kind of the value */
	void (*call)(struct expr_scratch *scratch, const struct expr_value *arguments,
	    unsigned count, struct expr_value *to);
	bool parses_json; /* needs scratch->json */
};

struct expr_node {
	uint8_t op;
	uint8_t kind;
	uint8_t depth;    /* of the tree below, itself being 1 */
	uint8_t relation; /* or the sign of arithmetic */
	bool negated;
	uint16_t slot, slot_index; /* EACH: of the item, of its index (or NONE) */
	uint32_t a, b, c;
	uint32_t list, count; /* arguments[list..list+count) */
	union {
		struct key key;
		struct expr_value constant;
		struct expr_value *set; /* sorted; count of them; owned */
		const struct expr_function *function;
		struct expr_regex *regex; /* owned */
	};
};

enum { EXPR_SLOT_NONE = UINT16_MAX };

/* Node 0 means none. */
struct expr_program {
	struct reader *reader;
	struct expr_node *nodes;
	uint32_t node_count, node_room;
	uint32_t *arguments;
	uint32_t argument_count, argument_room;
	uint8_t *pool; /* decoded names and strings, constant lists and maps */
	uint8_t *pool_at;
	size_t pool_fold; /* lists and maps end here, so that the texts have room */
	struct {
		struct slice name;
		struct key key;
	} fields[EXPR_FIELDS_MAX];
	unsigned field_count;
	unsigned regexes;
	uint16_t slots;
	struct expr_value names[EXPR_NAMES_MAX];
	uint8_t *scratch_start;
	struct expr_scratch scratch;
	size_t scratch_size;
	const struct record *record;
	bool containers;         /* some node can make a list or map */
	uint64_t work, work_max; /* steps left for this record, and of each */
	uint64_t cut_off;
	/* Calls that the text makes more than once; their values for this record. */
	uint32_t calls[EXPR_SHARED_MAX];
	unsigned call_count;
	struct {
		uint64_t generation;
		struct expr_value value;
	} shared[EXPR_SHARED_MAX];
	uint64_t generation; /* of values in scratch that are still there */
};

/* text_size bytes of source bound what the program keeps of it. */
int expr_program_init(struct expr_program *p, struct reader *reader, size_t text_size,
    size_t scratch_size);
void expr_program_fini(struct expr_program *p);

/* Evaluate for this record from now on: scratch is reset, names are missing. */
void expr_program_begin(struct expr_program *p, const struct record *r);
void expr_program_eval(struct expr_program *p, uint32_t node, struct expr_value *to);
bool expr_program_test(struct expr_program *p, uint32_t node);
/* Append the node's value; nothing and false when it is missing or nil. */
bool expr_program_write(struct expr_program *p, uint32_t node, struct build *b);

/* What a condition begins with, when that is: a call that others make too == a text. */
struct expr_guard {
	uint16_t slot; /* of the call in shared, from 1; 0: begins otherwise */
	struct slice text;
};

/* The guard of a condition of a program that is complete. */
void expr_guard_init(
    struct expr_guard *g, const struct expr_program *p, uint32_t condition);

/* Whether the condition is known to be false without evaluating it, because another one
 * has made the call for this record. */
static inline bool
expr_guard_excludes(const struct expr_guard *g, const struct expr_program *p)
{
	const struct expr_value *value;

	if (g->slot == 0 || p->shared[g->slot - 1].generation != p->generation)
		return false;
	value = &p->shared[g->slot - 1].value;
	return value->type == EXPR_TEXT && !slice_equal(value->text, g->text);
}

/* Make a list or map of constants a constant itself, where there is room. */
void expr_program_fold(struct expr_program *p, uint32_t node);

/* --- Values (expr_value.c) ------------------------------------------------------ */

void expr_value_load(struct slice raw, struct expr_value *to);
/* The order of two values of one kind: false when they have none. */
bool expr_value_order(
    const struct expr_value *a, const struct expr_value *b, int *order);
bool expr_value_equal(const struct expr_value *a, const struct expr_value *b);
bool expr_value_relation(const struct expr_value *a, enum expr_relation relation,
    const struct expr_value *b);
/* *to is none of the operands. */
void expr_value_arithmetic(const struct expr_value *a, char sign,
    const struct expr_value *b, struct expr_value *to);
/* A total order for sorted sets of constants. */
int expr_value_sort(const void *a, const void *b);

static inline void
expr_set_missing(struct expr_value *to)
{
	to->type = EXPR_MISSING;
	to->raw = slice_of(NULL, 0);
}

static inline void
expr_set_bool(struct expr_value *to, bool truth)
{
	to->type = EXPR_BOOL;
	to->truth = truth;
	to->raw = slice_of(NULL, 0);
}

static inline void
expr_set_int(struct expr_value *to, int64_t integer)
{
	to->type = EXPR_INT;
	to->integer = integer;
	to->raw = slice_of(NULL, 0);
}

/* Missing when it is not finite. */
static inline void
expr_set_float(struct expr_value *to, double number)
{
	bool finite = number - number == 0;

	to->type = finite ? EXPR_FLOAT : EXPR_MISSING;
	to->number = number;
	to->raw = slice_of(NULL, 0);
}

static inline void
expr_set_text(struct expr_value *to, struct slice text)
{
	to->type = EXPR_TEXT;
	to->text = text;
	to->raw = slice_of(NULL, 0);
}

/* Room for `size` bytes, or NULL. */
uint8_t *expr_scratch_take(struct expr_scratch *s, size_t size);
/* A builder over half of what is left, and what it built as a value; texts taken
 * meanwhile are given back. */
void expr_scratch_open(struct expr_scratch *s, struct build *b);
void expr_scratch_close(
    struct expr_scratch *s, const struct build *b, struct expr_value *to);

/* --- Functions (expr_call.c) ---------------------------------------------------- */

const struct expr_function *expr_function_find(struct slice name);

/* --- Lexer and parser (expr_lex.c, expr_parse.c) -------------------------------- */

enum expr_token {
	TOKEN_END = 256,
	TOKEN_LINE, /* a new line, in a map, outside of brackets */
	TOKEN_WORD,
	TOKEN_QUOTED, /* a name in backquotes: never a keyword */
	TOKEN_STRING,
	TOKEN_INT, /* also instants and durations */
	TOKEN_FLOAT,
	TOKEN_EQUAL,
	TOKEN_UNEQUAL,
	TOKEN_LESS_EQUAL,
	TOKEN_GREATER_EQUAL,
	TOKEN_MATCH,
	TOKEN_NO_MATCH,
	TOKEN_RANGE,
	TOKEN_WRONG, /* the error is set */
};

struct expr_parser {
	struct expr_program *program;
	struct slice text;
	const char *file; /* NULL: one expression, in which lines mean nothing */
	struct error *error;

	size_t at; /* where the next token is looked for */
	unsigned brackets;
	/* The token looked at. */
	int token;
	size_t start; /* of its text */
	struct slice word;
	int64_t integer;
	double number;

	unsigned depth;
	struct {
		struct slice name;
		uint16_t slot;
	} scope[EXPR_NAMES_MAX];
	unsigned scope_count;
};

/* Look at the first token. */
void expr_parser_init(struct expr_parser *p, struct expr_program *program,
    struct slice text, const char *file, struct error *error);
void expr_next(struct expr_parser *p);
bool expr_is_word(const struct expr_parser *p, const char *word);
/* Spaces before the token on its line. */
size_t expr_column(const struct expr_parser *p, size_t at);
/* Set the error with its place; returns 0, which is no node. */
uint32_t expr_wrong(struct expr_parser *p, size_t at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Make nodes; 0 and the error when there are too many, or too deep. Children that are 0
 * are absent. */
struct expr_gather {
	uint32_t nodes[EXPR_LIST_MAX];
	uint32_t count;
};

uint32_t expr_node_add(struct expr_parser *p, enum expr_op op, enum expr_kind kind);
uint32_t expr_node_over(struct expr_parser *p, enum expr_op op, enum expr_kind kind,
    uint32_t a, uint32_t b, uint32_t c);
uint32_t expr_node_list(struct expr_parser *p, enum expr_op op, enum expr_kind kind,
    const struct expr_gather *g);
uint32_t expr_node_constant(
    struct expr_parser *p, const struct expr_value *value, enum expr_kind kind);
uint32_t expr_node_text(struct expr_parser *p, struct slice text);
/* The node is one deeper than this child; false when that is too deep. */
bool expr_node_deepen(struct expr_parser *p, uint32_t node, uint32_t child);
bool expr_gather_add(struct expr_parser *p, struct expr_gather *g, uint32_t node);

static inline struct expr_node *
expr_node_at(const struct expr_parser *p, uint32_t node)
{
	return &p->program->nodes[node];
}

/* Take the sign, or set the error. */
bool expr_expect(struct expr_parser *p, int token, const char *where);
/* Take the sign or word if it is the next. */
bool expr_take(struct expr_parser *p, int token);
bool expr_take_word(struct expr_parser *p, const char *word);
const char *expr_kind_text(uint8_t kind);
bool expr_is_constant(const struct expr_parser *p, uint32_t node);
/* Refuse an operand that can be no condition. */
bool expr_check_condition(struct expr_parser *p, uint32_t node, size_t at);
/* The regex of a constant text node; NULL and the error. */
struct expr_regex *expr_parse_regex(struct expr_parser *p, uint32_t node, size_t at);
/* A value with the members taken of it: what binds tightest. */
uint32_t expr_parse_postfix(struct expr_parser *p);
/* An expression within another. */
uint32_t expr_parse_nested(struct expr_parser *p);

/* Parse one expression up to a token that cannot continue it; 0 on error. */
uint32_t expr_parse(struct expr_parser *p);
/* The same for a condition. */
uint32_t expr_parse_condition(struct expr_parser *p);
/* The node of the field whose name is the token. */
uint32_t expr_parse_field(struct expr_parser *p);
/* Parse "item, index in list" after the word for; declares the names. The list. */
uint32_t expr_parse_each(struct expr_parser *p, uint16_t slots[2]);
/* Add a name of the scope; its slot, or -1. */
int expr_declare(struct expr_parser *p, struct slice name, size_t at);

#endif
