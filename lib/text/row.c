/* SPDX-License-Identifier: MIT */
#include "lib/text/row.h"

static void
separate(unsigned i, enum print_style style, struct build *to)
{
	if (i > 0)
		build_byte(to, style == PRINT_TSV ? '\t' : ',');
}

void
row_names(const struct columns *c, enum print_style style, struct build *to)
{
	for (unsigned i = 0; i < columns_count(c); i++) {
		separate(i, style, to);
		print_name(columns_name(c, i), style, to);
	}
}

unsigned
row_cells(
    struct columns *c, struct slice record, enum print_style style, struct build *to)
{
	struct slice values[COLUMNS_MAX];
	unsigned left_out = columns_match(c, record, values);

	for (unsigned i = 0; i < columns_count(c); i++) {
		separate(i, style, to);
		if (values[i].at != NULL)
			print_cell(values[i], style, to);
	}
	return left_out;
}

static bool
add_pair(void *context, struct slice path, struct slice value)
{
	struct build *to = context;

	if (build_slice(to).size > 0)
		build_byte(to, ' ');
	print_name(path, PRINT_LOGFMT, to);
	build_byte(to, '=');
	print_cell(value, PRINT_LOGFMT, to);
	return true;
}

void
row_pairs(struct columns *c, struct slice record, struct build *to)
{
	struct slice values[COLUMNS_MAX];

	if (c == NULL) {
		columns_leaves(record, add_pair, to);
		return;
	}
	(void)columns_match(c, record, values);
	for (unsigned i = 0; i < columns_count(c); i++)
		if (values[i].at != NULL)
			(void)add_pair(to, columns_name(c, i), values[i]);
}

void
row_object(
    struct columns *c, struct slice record, struct build *scratch, struct build *to)
{
	struct slice values[COLUMNS_MAX];
	size_t open;
	uint32_t n = 0;

	build_reset(scratch);
	open = build_open(scratch);
	(void)columns_match(c, record, values);
	for (unsigned i = 0; i < columns_count(c); i++) {
		if (values[i].at == NULL)
			continue;
		build_str(scratch, columns_name(c, i));
		build_raw(scratch, values[i]);
		n++;
	}
	build_close_map(scratch, open, n);
	if (build_full(scratch))
		to->full = true;
	else
		print_json(build_slice(scratch), to);
}
