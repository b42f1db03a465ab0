/* SPDX-License-Identifier: MIT */
#include "lib/text/format.h"

#include <stdlib.h>

#include "lib/record/value.h"
#include "lib/text/adapters.h"
#include "lib/text/csv.h"
#include "lib/text/examples.h"
#include "lib/text/json.h"

struct format {
	struct accesslog *log; /* exactly one of these four is there */
	struct json *json;
	struct csv *csv;
	struct examples *examples;
	bool own_header; /* the rows' first one names the columns */
	bool resumed;    /* the header was restored: a first row may be data */
	struct line_ids *ids;
	uint8_t id[LINE_ID_SIZE];
	size_t header_size;
	uint8_t header[FORMAT_HEADER_MAX];
};

static int
set_rows(
    struct format *f, struct csv_format rows, const char *columns, struct error *error)
{
	struct fault fault;

	f->csv = csv_new(rows);
	if (f->csv == NULL)
		return error_set(error, "no memory for the rows");
	f->own_header = columns == NULL;
	if (columns == NULL)
		return 0;
	for (; columns[f->header_size] != '\0'; f->header_size++)
		f->header[f->header_size] = columns[f->header_size] == ','
		    ? rows.separator
		    : (uint8_t)columns[f->header_size];
	if (!csv_header(f->csv, format_header(f), &fault))
		return error_set(error, "its columns: %s", fault.reason);
	return 0;
}

static int
set_json(struct format *f, struct error *error)
{
	f->json = json_new();
	return f->json != NULL ? 0 : error_set(error, "no memory for the JSON parser");
}

static int
set_format(struct format *f, struct slice name, struct error *error)
{
	static const struct csv_format tabs = { .separator = '\t', .infer = true };
	static const struct csv_format commas = { ',', true, true, false, false };
	static const struct csv_format raw = { .separator = '\t', .verbatim = true };
	static const struct csv_format semicolons = { ';', true, true, false, false };
	const struct adapter *adapter = adapter_find(name);

	if (adapter != NULL && adapter_columns(adapter) != NULL)
		return set_rows(f, raw, adapter_columns(adapter), error);
	if (adapter != NULL || slice_is(name, "json"))
		return set_json(f, error);
	if (slice_is(name, "csv"))
		return set_rows(f, commas, NULL, error);
	if (slice_is(name, "csv;"))
		return set_rows(f, semicolons, NULL, error);
	if (slice_is(name, "tsv"))
		return set_rows(f, tabs, NULL, error);
	if (examples_known(name)) {
		f->examples = examples_new(name);
		return f->examples != NULL
		    ? 0
		    : error_set(error, "no memory for the examples");
	}
	if (slice_find(name, '$') == name.size && logformat_named(name) == NULL)
		return error_set(error,
		    "there is no format '%.*s' (auto, combined, common, json, csv, "
		    "tsv, vw, libsvm, ffm, an adapter's name, or a log_format with "
		    "variables such as "
		    "$remote_addr)",
		    (int)(name.size < 80 ? name.size : 80), (const char *)name.at);
	f->log = accesslog_new(name, error);
	return f->log != NULL ? 0 : -1;
}

struct format *
format_new(const char *name, struct error *error)
{
	struct format *f = calloc(1, sizeof *f);

	if (f != NULL)
		f->ids = line_ids_new();
	if (f == NULL || f->ids == NULL) {
		(void)error_set(error, "no memory for the format");
		format_free(f);
		return NULL;
	}
	if (set_format(f, slice_text(name), error) != 0) {
		format_free(f);
		return NULL;
	}
	return f;
}

void
format_free(struct format *f)
{
	if (f == NULL)
		return;
	accesslog_free(f->log);
	json_free(f->json);
	csv_free(f->csv);
	examples_free(f->examples);
	line_ids_free(f->ids);
	free(f);
}

size_t
format_frame(const struct format *f, struct slice bytes, bool end)
{
	size_t size;

	if (f->csv != NULL)
		return csv_frame(f->csv, bytes, end);
	if (f->examples != NULL)
		return examples_frame(f->examples, bytes, end);
	size = slice_find(bytes, '\n');
	if (size < bytes.size)
		return size + 1;
	return end ? size : 0;
}

static enum format_result
at_fault(struct fault *fault, size_t at, const char *reason)
{
	fault->at = at;
	fault->reason = reason;
	return FORMAT_FAULT;
}

static enum format_result
read_header(struct format *f, struct slice line, struct fault *fault)
{
	if (line.size > FORMAT_HEADER_MAX)
		return at_fault(
		    fault, FORMAT_HEADER_MAX, "a header of more than 128 KiB");
	if (!csv_header(f->csv, line, fault))
		return FORMAT_FAULT;
	memcpy(f->header, line.at, line.size);
	f->header_size = line.size;
	return FORMAT_HEADER;
}

/* A header comes first in every file; a row like it is none, wherever it comes. */
static bool
is_header(struct format *f, struct slice line, bool first)
{
	bool resumed = f->resumed;

	f->resumed = false;
	return f->own_header &&
	    ((first && !resumed) || f->header_size == 0 ||
		slice_equal(line, format_header(f)));
}

static enum format_result
read_example(struct format *f, struct slice text, struct build *to,
    struct slice *event_id, struct fault *fault)
{
	if (event_id != NULL)
		*event_id = slice_of(f->id, LINE_ID_SIZE);
	switch (examples_read(f->examples, text, f->ids, f->id, to, fault)) {
	case EXAMPLES_RECORD:
		return FORMAT_RECORD;
	case EXAMPLES_NONE:
		return FORMAT_HEADER;
	case EXAMPLES_FAULT:
		break;
	}
	return FORMAT_FAULT;
}

enum format_result
format_line(struct format *f, struct slice line, bool first, struct build *to,
    struct slice *event_id, struct fault *fault)
{
	bool identified = f->log != NULL || event_id != NULL, good;
	struct slice id = { NULL, 0 };

	if (f->examples != NULL)
		return read_example(f, line, to, event_id, fault);
	if (f->csv != NULL && is_header(f, line, first))
		return read_header(f, line, fault);
	if (identified)
		line_ids_begin(f->ids, line);
	if (f->log != NULL)
		good = accesslog_read(f->log, line, fault);
	else if (f->json != NULL)
		good = json_parse(f->json, line, to, fault);
	else
		good = csv_row(f->csv, line, to, fault);
	if (identified) {
		line_ids_end(f->ids, f->id);
		id = slice_of(f->id, LINE_ID_SIZE);
	}
	if (f->log != NULL && good)
		accesslog_build(f->log, id, to, &id);
	if (good && build_full(to))
		return at_fault(fault, 0, "it makes a record of more than 1 MiB");
	if (event_id != NULL)
		*event_id = id;
	return good ? FORMAT_RECORD : FORMAT_FAULT;
}

bool
format_on_name(struct format *f, examples_name *name, void *context)
{
	if (f->examples != NULL)
		examples_on_name(f->examples, name, context);
	return f->examples != NULL;
}

struct slice
format_header(const struct format *f)
{
	if (f->examples != NULL)
		return examples_state(f->examples);
	return slice_of(f->header, f->header_size);
}

struct slice
format_ids(const struct format *f)
{
	return line_ids_state(f->ids);
}

bool
format_restore(struct format *f, struct slice header, struct slice ids)
{
	struct fault fault;

	if (ids.size != format_ids(f).size || header.size > FORMAT_HEADER_MAX)
		return false;
	line_ids_restore(f->ids, ids);
	if (f->examples != NULL)
		return examples_restore(f->examples, header);
	if (header.size == 0 || f->csv == NULL)
		return true;
	f->resumed = true;
	return read_header(f, header, &fault) == FORMAT_HEADER;
}
