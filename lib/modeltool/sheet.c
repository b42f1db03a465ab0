/* SPDX-License-Identifier: MIT */
#include "lib/modeltool/sheet.h"

#include <math.h>
#include <stdlib.h>

#include "lib/base/assert.h"
#include "lib/text/columns.h"
#include "lib/text/page.h"
#include "lib/text/print.h"

enum { ROWS = 1000, ROW_MAX = 1 << 16, TEXT_MAX = 1 << 18 };

struct sheet {
	FILE *to; /* borrowed */
	bool json;
	struct page *page; /* owned */
	struct build row, text;
	uint8_t row_bytes[ROW_MAX + RECORD_PADDING], text_bytes[TEXT_MAX];
	unsigned width; /* of the names of a list */
	bool listed;    /* what comes below is apart by an empty line */
};

struct sheet *
sheet_new(FILE *to, bool json)
{
	struct sheet *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->to = to;
	s->json = json;
	s->page = page_new(ROWS, 0);
	build_init(&s->row, s->row_bytes, ROW_MAX);
	build_init(&s->text, s->text_bytes, TEXT_MAX);
	if (s->page != NULL)
		return s;
	free(s);
	return NULL;
}

void
sheet_free(struct sheet *s)
{
	if (s == NULL)
		return;
	page_free(s->page);
	free(s);
}

struct build *
sheet_build(struct sheet *s)
{
	build_reset(&s->row);
	return &s->row;
}

static void
put_text(struct sheet *s)
{
	struct slice text = build_slice(&s->text);

	(void)fwrite(text.at, 1, text.size, s->to);
	build_reset(&s->text);
}

void
sheet_end(struct sheet *s)
{
	for (; page_line(s->page, &s->text); s->listed = false) {
		if (s->listed)
			(void)fputc('\n', s->to);
		put_text(s);
	}
}

static void
put_json(struct sheet *s, struct slice value)
{
	print_json(value, &s->text);
	build_byte(&s->text, '\n');
	put_text(s);
}

static void
add(struct sheet *s, struct slice row)
{
	if (page_add(s->page, row))
		return;
	sheet_end(s);
	(void)page_add(s->page, row);
}

void
sheet_row(struct sheet *s)
{
	assert(!build_full(&s->row));
	if (s->json)
		put_json(s, build_slice(&s->row));
	else
		add(s, build_slice(&s->row));
}

/* --- Lists -------------------------------------------------------------------------- */

static bool
measure(void *context, struct slice path, struct slice value)
{
	struct sheet *s = context;

	if (value_type(value) != VALUE_ARRAY && path.size > s->width)
		s->width = (unsigned)path.size;
	return true;
}

static bool
print_leaf(void *context, struct slice path, struct slice value)
{
	struct sheet *s = context;
	double number;

	if (value_type(value) == VALUE_ARRAY)
		return true;
	(void)fprintf(
	    s->to, "%-*.*s  ", (int)s->width, (int)path.size, (const char *)path.at);
	if (value_type(value) == VALUE_FLOAT && value_number(value, &number)) {
		(void)fprintf(s->to, "%.6g\n", number);
		return true;
	}
	print_cell(value, PRINT_TSV, &s->text);
	build_byte(&s->text, '\n');
	put_text(s);
	return true;
}

static bool
print_table(void *context, struct slice path, struct slice value)
{
	struct sheet *s = context;
	struct value_walk walk;
	struct slice key, item;

	if (value_type(value) != VALUE_ARRAY || value_count(value) == 0)
		return true;
	(void)fprintf(s->to, "\n%.*s\n", (int)path.size, (const char *)path.at);
	for (value_open(value, &walk); value_next(&walk, &key, &item);)
		add(s, item);
	sheet_end(s);
	return true;
}

void
sheet_list(struct sheet *s)
{
	struct slice list = build_slice(&s->row);

	assert(!build_full(&s->row));
	if (s->json) {
		put_json(s, list);
		return;
	}
	s->width = 0;
	columns_leaves(list, measure, s);
	columns_leaves(list, print_leaf, s);
	columns_leaves(list, print_table, s);
	s->listed = true;
}
