/* SPDX-License-Identifier: MIT */
#include "lib/delivery/catalogue_file.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/stream.h"
#include "lib/text/json.h"

struct loading {
	struct catalogue *catalogue;
	const char *path;
	struct input *in;
	struct reader *reader;
	struct json *json; /* NULL: the file has records */
	uint8_t *built;
	uint64_t number; /* of the line or record */
	uint64_t *refused;
	catalogue_complain *complain;
	void *context;
};

static void
refuse(struct loading *l, const char *reason)
{
	char text[sizeof(struct error) + 256];

	(void)snprintf(text, sizeof text, "%.200s: %s %llu: %s", l->path,
	    l->json != NULL ? "line" : "record", (unsigned long long)l->number, reason);
	++*l->refused;
	l->complain(l->context, text);
}

static void
take(struct loading *l, struct slice record)
{
	struct error error;

	if (catalogue_take(l->catalogue, record, false, &error) == CATALOGUE_REFUSED)
		refuse(l, error.text);
}

/* One line, whose bytes have STREAM_PADDING after them. */
static void
take_line(struct loading *l, struct slice line)
{
	struct record record;
	struct fault fault;
	struct build b;
	size_t need;

	if (line.size > 0 && line.at[line.size - 1] == '\r')
		line.size--;
	if (slice_trim(line).size == 0)
		return;
	build_init(&b, l->built, RECORD_SIZE_MAX);
	if (!json_parse(l->json, line, &b, &fault))
		refuse(l, build_full(&b) ? "it is too long" : fault.reason);
	else if (record_scan(l->reader, build_slice(&b), &record, &fault, &need) ==
	    SCAN_RECORD)
		take(l, build_slice(&b));
}

/* What can be taken of the bytes at hand: 1, 0 when more are needed, -1 and error. */
static int
step_lines(struct loading *l, struct slice bytes, bool end)
{
	size_t size = slice_find(bytes, '\n');

	if (bytes.size == 0 || (size == bytes.size && !end))
		return 0;
	l->number++;
	take_line(l, slice_of(bytes.at, size));
	input_consume(l->in, size < bytes.size ? size + 1 : size);
	return 1;
}

static int
step_records(struct loading *l, struct slice bytes, bool end, struct error *error)
{
	struct record record;
	struct fault fault = { 0, "it is too long" };
	size_t need;
	enum scan scan;

	if (bytes.size == 0)
		return 0;
	scan = record_scan(l->reader, bytes, &record, &fault, &need);
	if (scan == SCAN_MORE && !end)
		return 0;
	l->number++;
	if (scan == SCAN_MORE || scan == SCAN_FOREIGN || scan == SCAN_LARGE)
		return error_set(error, "%s: record %llu: %s", l->path,
		    (unsigned long long)l->number,
		    scan == SCAN_MORE ? "it is cut off" : fault.reason);
	if (scan == SCAN_RECORD)
		take(l, slice_of(record.bytes, record.size));
	else if (scan == SCAN_REJECT)
		refuse(l, fault.reason);
	input_consume(l->in, record.size);
	return 1;
}

/* JSON begins with '{', records with a byte that no text begins with. */
static int
set_form(struct loading *l, struct slice bytes, struct error *error)
{
	if (bytes.size == 0 || bytes.at[0] >= 0x80)
		return 0;
	l->json = json_new();
	return l->json != NULL ? 0 : error_set(error, "no memory for the catalogue");
}

static int
load(struct loading *l, struct error *error)
{
	enum fill fill;
	bool first = true;
	int status;

	do {
		if (input_bytes(l->in).size >= STREAM_HOLD_MAX)
			return error_set(error, "%s: line %llu is too long", l->path,
			    (unsigned long long)l->number + 1);
		fill = input_fill(l->in, error);
		if (fill == FILL_FAIL)
			return -1;
		if (first && fill == FILL_MORE &&
		    set_form(l, input_bytes(l->in), error) != 0)
			return -1;
		first = first && fill != FILL_MORE;
		do
			status = l->json != NULL
			    ? step_lines(l, input_bytes(l->in), fill == FILL_END)
			    : step_records(
				  l, input_bytes(l->in), fill == FILL_END, error);
		while (status > 0);
	} while (status == 0 && fill != FILL_END);
	return status;
}

int
catalogue_read_file(struct catalogue *c, const struct os *os, const char *path,
    catalogue_complain *complain, void *context, uint64_t *refused, struct error *error)
{
	struct loading l = { .catalogue = c,
		.path = path,
		.in = input_open(os, path, error),
		.reader = reader_new(),
		.built = calloc(1, RECORD_SIZE_MAX + RECORD_PADDING),
		.refused = refused,
		.complain = complain,
		.context = context };
	int status = -1;

	*refused = 0;
	if (l.in != NULL)
		status = l.reader != NULL && l.built != NULL
		    ? load(&l, error)
		    : error_set(error, "no memory for the catalogue");
	input_free(l.in);
	reader_free(l.reader);
	json_free(l.json);
	free(l.built);
	return status;
}
