/* SPDX-License-Identifier: MIT */
#include "lib/delivery/conditions.h"

#include <stdlib.h>

#include "lib/base/assert.h"
#include "lib/hash.h"
#include "lib/text/expr.h"

enum { ENVELOPE = 5 }; /* keys that every reader knows */

struct condition {
	uint8_t *text; /* owned; NULL: a free place */
	size_t size;
	uint64_t hash;
	uint32_t uses;
	struct expr *expr; /* owned; of the current reader */
	uint64_t asked;    /* the request of the answer */
	bool holds;
};

struct conditions {
	struct condition list[CONDITIONS_MAX];
	uint32_t used;
	uint64_t fields[CONDITIONS_FIELDS_MAX];
	unsigned field_count;
	struct reader *reader; /* owned; NULL: to be made */
	struct slice request;
	uint64_t number; /* of the request */
	bool scanned, readable;
	struct record record;
};

struct conditions *
conditions_new(void)
{
	return calloc(1, sizeof(struct conditions));
}

static void
forget_reader(struct conditions *c)
{
	for (uint32_t i = 0; i < c->used; i++) {
		expr_free(c->list[i].expr);
		c->list[i].expr = NULL;
	}
	reader_free(c->reader);
	c->reader = NULL;
}

void
conditions_free(struct conditions *c)
{
	if (c == NULL)
		return;
	forget_reader(c);
	for (uint32_t i = 0; i < c->used; i++)
		free(c->list[i].text);
	free(c);
}

static bool
has_field(const struct conditions *c, uint64_t hash)
{
	for (unsigned i = 0; i < c->field_count; i++)
		if (c->fields[i] == hash)
			return true;
	return false;
}

/* Add the fields that a reader was asked for; false when they are too many. */
static bool
take_fields(struct conditions *c, struct reader *reader)
{
	unsigned end = reader_key(reader, "").id, before = c->field_count;

	for (unsigned id = ENVELOPE; id < end; id++) {
		struct slice name = reader_name(reader, (struct key){ (uint16_t)id });
		uint64_t hash = hash_bytes(name, 0);

		if (has_field(c, hash))
			continue;
		if (c->field_count == CONDITIONS_FIELDS_MAX) {
			c->field_count = before;
			return false;
		}
		c->fields[c->field_count++] = hash;
	}
	return true;
}

/* A reader of its own tells what an expression is worth, and the fields that it names. */
static int
check(struct conditions *c, struct slice text, struct error *error)
{
	struct reader *reader = reader_new();
	struct expr *e;
	int status = 0;

	if (reader == NULL)
		return error_set(error, "no memory for a condition");
	e = expr_compile_condition_within(reader, text, CONDITIONS_SCRATCH, error);
	if (e == NULL)
		status = -1;
	else if (!take_fields(c, reader))
		status = error_set(error, "the conditions name more than %d fields",
		    CONDITIONS_FIELDS_MAX);
	expr_free(e);
	reader_free(reader);
	return status;
}

static uint32_t
find_place(const struct conditions *c, struct slice text, uint64_t hash)
{
	uint32_t place = c->used;

	for (uint32_t i = 0; i < c->used; i++) {
		const struct condition *k = &c->list[i];

		if (k->text == NULL)
			place = i;
		else if (k->hash == hash &&
		    slice_equal(slice_of(k->text, k->size), text))
			return i;
	}
	return place;
}

uint32_t
conditions_add(struct conditions *c, struct slice text, struct error *error)
{
	uint64_t hash = hash_bytes(text, 0);
	uint32_t place = find_place(c, text, hash);
	struct condition *k;

	if (place == CONDITIONS_MAX) {
		(void)error_set(
		    error, "more than %d different conditions", CONDITIONS_MAX);
		return 0;
	}
	k = &c->list[place];
	if (place < c->used && k->text != NULL) {
		k->uses++;
		return place + 1;
	}
	if (check(c, text, error) != 0)
		return 0;
	k->text = malloc(text.size + 1);
	if (k->text == NULL) {
		(void)error_set(error, "no memory for a condition");
		return 0;
	}
	memcpy(k->text, text.at, text.size);
	k->size = text.size;
	k->hash = hash;
	k->uses = 1;
	k->asked = 0;
	c->used += place == c->used;
	forget_reader(c);
	return place + 1;
}

void
conditions_drop(struct conditions *c, uint32_t number)
{
	struct condition *k = &c->list[number - 1];

	assert(number > 0 && number <= c->used && k->uses > 0);
	if (--k->uses > 0)
		return;
	expr_free(k->expr);
	free(k->text);
	*k = (struct condition){ .text = NULL };
}

void
conditions_begin(struct conditions *c, struct slice request)
{
	c->request = request;
	c->number++;
	c->scanned = false;
}

/* Compile all of them for one reader: it takes no new fields once it has scanned. */
static bool
compile(struct conditions *c)
{
	struct error error;

	c->reader = reader_new();
	c->field_count = 0;
	for (uint32_t i = 0; i < c->used && c->reader != NULL; i++) {
		struct condition *k = &c->list[i];

		if (k->text == NULL)
			continue;
		k->expr = expr_compile_condition_within(
		    c->reader, slice_of(k->text, k->size), CONDITIONS_SCRATCH, &error);
		if (k->expr == NULL)
			forget_reader(c);
	}
	return c->reader != NULL && take_fields(c, c->reader);
}

static void
scan(struct conditions *c)
{
	struct fault fault;
	size_t need;

	c->scanned = true;
	c->readable = (c->reader != NULL || compile(c)) &&
	    record_scan(c->reader, c->request, &c->record, &fault, &need) ==
		SCAN_RECORD;
}

bool
conditions_hold(struct conditions *c, uint32_t number)
{
	struct condition *k = &c->list[number - 1];

	assert(number > 0 && number <= c->used && k->uses > 0);
	if (k->asked != c->number) {
		if (!c->scanned)
			scan(c);
		k->holds = c->readable && expr_test(k->expr, &c->record);
		k->asked = c->number;
	}
	return k->holds;
}
