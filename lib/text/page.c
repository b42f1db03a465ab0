/* SPDX-License-Identifier: MIT */
#include "lib/text/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/record/value.h"
#include "lib/text/cell.h"

enum {
	CELL_MAX = 4096,
	NARROWEST = 12, /* columns of text are cut to this before any is left out */
	GAP = 2,
};

struct track {
	size_t width; /* 0: not shown */
	bool number;
};

struct page {
	unsigned rows_max, width;
	bool fixed; /* the columns were given */
	struct columns *columns;
	struct track track[COLUMNS_MAX];
	unsigned shown;    /* columns that fit into the width */
	unsigned measured; /* columns of the layout in force; 0: there is none yet */

	size_t start;        /* of the line within what the caller has built */
	unsigned rows, next; /* held; the next to be printed */
	enum { GATHER, BLANK, NAMES, RULE, ROWS } phase;
	bool printed; /* a header before this one */
	size_t used, at;
	uint8_t bytes[PAGE_BYTES_MAX];
};

struct page *
page_new(unsigned rows, unsigned width)
{
	struct page *p = calloc(1, sizeof *p);

	assert(rows >= 1 && rows <= PAGE_ROWS_MAX);
	if (p == NULL)
		return NULL;
	p->rows_max = rows;
	p->width = width;
	p->columns = columns_new();
	if (p->columns == NULL) {
		free(p);
		return NULL;
	}
	return p;
}

void
page_free(struct page *p)
{
	if (p == NULL)
		return;
	columns_free(p->columns);
	free(p);
}

bool
page_column(struct page *p, struct slice name)
{
	p->fixed = true;
	return columns_add(p->columns, name);
}

bool
page_is_full(const struct page *p)
{
	return p->rows == p->rows_max;
}

bool
page_add(struct page *p, struct slice record)
{
	assert(p->phase == GATHER && record.size <= sizeof p->bytes);
	if (page_is_full(p) || record.size > sizeof p->bytes - p->used)
		return false;
	memcpy(p->bytes + p->used, record.at, record.size);
	p->used += record.size;
	p->rows++;
	return true;
}

/* The record at *at, which steps behind it. */
static struct slice
next_record(const struct page *p, size_t *at)
{
	struct slice record = slice_of(p->bytes + *at, value_size(p->bytes + *at));

	*at += record.size;
	return record;
}

/* --- Measuring -------------------------------------------------------------------- */

/* Whether each leaf of the page has its column in the layout in force. */
static bool
columns_suffice(struct page *p)
{
	struct slice values[COLUMNS_MAX];

	for (size_t at = 0; at < p->used;)
		if (columns_match(p->columns, next_record(p, &at), values) > 0)
			return false;
	return true;
}

static void
measure_row(struct page *p, struct slice record, struct track track[])
{
	struct slice values[COLUMNS_MAX];
	uint8_t storage[CELL_MAX];
	struct build cell;

	(void)columns_match(p->columns, record, values);
	for (unsigned i = 0; i < columns_count(p->columns); i++) {
		size_t width;

		if (values[i].at == NULL)
			continue;
		build_init(&cell, storage, sizeof storage);
		if (!cell_format(columns_name(p->columns, i), values[i], &cell))
			track[i].number = false;
		width = cell_width(build_slice(&cell));
		if (width > track[i].width)
			track[i].width = width;
	}
}

static void
measure(struct page *p, struct track track[])
{
	uint8_t storage[CELL_MAX];
	struct build name;

	for (unsigned i = 0; i < columns_count(p->columns); i++) {
		build_init(&name, storage, sizeof storage);
		cell_text(columns_name(p->columns, i), &name);
		track[i] = (struct track){ cell_width(build_slice(&name)), true };
	}
	for (size_t at = 0; at < p->used;)
		measure_row(p, next_record(p, &at), track);
}

static size_t
total_width(const struct page *p, unsigned columns)
{
	size_t total = 0;

	for (unsigned i = 0; i < columns; i++)
		if (p->track[i].width > 0)
			total += p->track[i].width + (total > 0 ? GAP : 0);
	return total;
}

/* Cut the widest column of text to the next widest, as far as the excess and NARROWEST
 * ask for. Returns by how much; 0 when none is wide. */
static size_t
cut_widest(struct page *p, unsigned n, size_t excess)
{
	struct track *widest = NULL;
	size_t second = NARROWEST, cut;

	for (unsigned i = 0; i < n; i++)
		if (!p->track[i].number &&
		    (widest == NULL || p->track[i].width > widest->width))
			widest = &p->track[i];
	if (widest == NULL || widest->width <= NARROWEST)
		return 0;
	for (unsigned i = 0; i < n; i++)
		if (&p->track[i] != widest && !p->track[i].number &&
		    p->track[i].width > second)
			second = p->track[i].width;
	cut = widest->width > second ? widest->width - second : 1;
	cut = cut > excess ? excess : cut;
	widest->width -= cut;
	return cut;
}

/* An identifier tells a person less than what stands behind it. */
static void
hide_event_id(struct page *p, unsigned n)
{
	for (unsigned i = 0; i < n && !p->fixed; i++)
		if (slice_is(columns_name(p->columns, i), "event_id"))
			p->track[i].width = 0;
}

/* Give the columns that were cut what room is left, the narrowest first. */
static void
grow(struct page *p, const struct track natural[], size_t room)
{
	for (; room > 0; room--) {
		struct track *narrowest = NULL;

		for (unsigned i = 0; i < p->shown; i++)
			if (p->track[i].width > 0 &&
			    p->track[i].width < natural[i].width &&
			    (narrowest == NULL || p->track[i].width < narrowest->width))
				narrowest = &p->track[i];
		if (narrowest == NULL)
			break;
		narrowest->width++;
	}
}

/* Cut columns of text, then leave out event_id, then the last columns. */
static void
fit(struct page *p)
{
	unsigned n = columns_count(p->columns);
	size_t total = total_width(p, n), cut = 1, note;
	struct track natural[COLUMNS_MAX];

	p->shown = n;
	if (p->width == 0 || total <= p->width)
		return;
	memcpy(natural, p->track, sizeof natural);
	for (; total > p->width && cut > 0; total -= cut)
		cut = cut_widest(p, n, total - p->width);
	if (total <= p->width)
		return;
	hide_event_id(p, n);
	note = GAP + strlen("+256 more");
	while (p->shown > 1 && total_width(p, p->shown) + note > p->width)
		p->shown--;
	total = total_width(p, p->shown) + note;
	if (total < p->width)
		grow(p, natural, p->width - total);
}

/* Lay the page out anew, or go on in the layout in force. */
static void
lay_out(struct page *p)
{
	struct track track[COLUMNS_MAX];
	bool same = p->measured > 0 && (p->fixed || columns_suffice(p));

	if (!same && !p->fixed) {
		columns_clear(p->columns);
		for (size_t at = 0; at < p->used;)
			(void)columns_add_leaves(p->columns, next_record(p, &at));
	}
	measure(p, track);
	for (unsigned i = 0; same && i < columns_count(p->columns); i++)
		same = p->track[i].width >= track[i].width ||
		    (p->width > 0 && !p->track[i].number);
	p->phase = ROWS;
	if (same)
		return;
	memcpy(p->track, track, sizeof track);
	p->measured = columns_count(p->columns);
	fit(p);
	p->phase = p->printed ? BLANK : NAMES;
	p->printed = true;
}

/* --- Printing --------------------------------------------------------------------- */

static void
spaces(struct build *line, size_t n)
{
	while (n-- > 0)
		build_byte(line, ' ');
}

static void
put_cell(const struct page *p, unsigned i, struct slice text, struct build *line)
{
	const struct track *track = &p->track[i];
	size_t width = cell_width(text);
	bool cut = width > track->width;

	if (track->width == 0)
		return;
	if (build_slice(line).size > p->start)
		spaces(line, GAP);
	if (cut)
		text = cell_cut(text, track->width - 1, &width);
	if (track->number && !cut)
		spaces(line, track->width - width);
	build_raw(line, text);
	if (cut)
		build_raw(line, slice_text("\xe2\x80\xa6"));
	if (!track->number || cut)
		spaces(line, track->width - width - cut);
}

static void
put_names(const struct page *p, struct build *line)
{
	unsigned left_out = columns_count(p->columns) - p->shown;
	uint8_t storage[CELL_MAX];
	struct build name;
	char more[32];

	for (unsigned i = 0; i < p->shown; i++) {
		build_init(&name, storage, sizeof storage);
		cell_text(columns_name(p->columns, i), &name);
		put_cell(p, i, build_slice(&name), line);
		left_out += p->track[i].width == 0;
	}
	if (left_out > 0) {
		(void)snprintf(more, sizeof more, "  +%u more", left_out);
		build_raw(line, slice_text(more));
	}
}

static void
put_rule(const struct page *p, struct build *line)
{
	for (unsigned i = 0; i < p->shown; i++) {
		if (p->track[i].width > 0 && build_slice(line).size > p->start)
			spaces(line, GAP);
		for (size_t n = 0; n < p->track[i].width; n++)
			build_byte(line, '-');
	}
}

static void
put_row(struct page *p, struct build *line)
{
	struct slice values[COLUMNS_MAX];
	uint8_t storage[CELL_MAX];
	struct build cell;

	(void)columns_match(p->columns, next_record(p, &p->at), values);
	for (unsigned i = 0; i < p->shown; i++) {
		build_init(&cell, storage, sizeof storage);
		if (values[i].at != NULL)
			(void)cell_format(
			    columns_name(p->columns, i), values[i], &cell);
		put_cell(p, i, build_slice(&cell), line);
	}
}

static void
end_line(struct build *line, size_t start)
{
	while (line->at > line->start + start && line->at[-1] == ' ')
		line->at--;
	build_byte(line, '\n');
}

bool
page_line(struct page *p, struct build *line)
{
	p->start = build_slice(line).size;
	if (p->phase == GATHER && p->rows > 0)
		lay_out(p);
	switch (p->phase) {
	case GATHER:
		return false;
	case BLANK:
		p->phase = NAMES;
		break;
	case NAMES:
		put_names(p, line);
		p->phase = RULE;
		break;
	case RULE:
		put_rule(p, line);
		p->phase = ROWS;
		break;
	case ROWS:
		if (p->next == p->rows) {
			p->phase = GATHER;
			p->rows = p->next = 0;
			p->used = p->at = 0;
			return false;
		}
		put_row(p, line);
		p->next++;
	}
	end_line(line, p->start);
	return true;
}

/* --- Snapshots -------------------------------------------------------------------- */

struct slice
page_records(const struct page *p)
{
	assert(p->phase == GATHER);
	return slice_of(p->bytes, p->used);
}

void
page_layout(const struct page *p, struct build *to)
{
	build_array(to, p->measured + 1);
	build_uint(to, p->shown);
	for (unsigned i = 0; i < p->measured; i++) {
		build_array(to, 3);
		build_str(to, columns_name(p->columns, i));
		build_uint(to, p->track[i].width);
		build_bool(to, p->track[i].number);
	}
}

static bool
restore_track(struct page *p, struct slice entry)
{
	struct track *track = &p->track[p->measured];
	struct slice item[3], name;
	uint64_t width;

	for (uint32_t i = 0; i < 3; i++)
		if (!value_at(entry, i, &item[i]))
			return false;
	if (p->measured == COLUMNS_MAX || !value_str(item[0], &name) ||
	    !value_uint(item[1], &width) || !value_bool(item[2], &track->number) ||
	    !columns_add(p->columns, name))
		return false;
	track->width = (size_t)width;
	p->measured++;
	return true;
}

bool
page_restore(struct page *p, struct slice records, struct slice layout)
{
	struct slice entry;
	uint64_t shown;
	size_t at = 0;

	if (!value_at(layout, 0, &entry) || !value_uint(entry, &shown))
		return false;
	if (!p->fixed)
		columns_clear(p->columns);
	for (uint32_t i = 1; value_at(layout, i, &entry); i++)
		if (!restore_track(p, entry))
			return false;
	p->printed = p->measured > 0;
	p->shown = (unsigned)shown;
	if (shown > p->measured || records.size > sizeof p->bytes)
		return false;
	memcpy(p->bytes, records.at, records.size);
	for (p->used = records.size; at < p->used; p->rows++)
		(void)next_record(p, &at);
	return at == p->used && p->rows <= p->rows_max;
}
