/* SPDX-License-Identifier: MIT
 *
 * bp-print: records as text, for people and for other programs.
 *
 * in     any records
 * out    text: a table, JSON lines, CSV, TSV, logfmt; or the bytes that rejects hold
 * state  the columns that the first record has chosen; the page of a table that is not
 *        full yet
 * needs  nothing
 */
#include <stdlib.h>

#include "lib/filter.h"
#include "lib/text/columns.h"
#include "lib/text/page.h"
#include "lib/text/print.h"
#include "lib/text/row.h"

enum format { AUTO, TABLE, JSON, CSV, TSV, LOGFMT, RAW };

struct print {
	int format;
	const char *fields;
	uint64_t rows;
	uint64_t width;

	struct key bytes;
	struct columns *columns; /* of --fields, or of the first record */
	struct page *page;       /* of a table */
	struct printer *json;
	void *storage;
	struct build text; /* one line, of PRINT_SIZE_MAX */
	bool terminal;     /* a person is waiting */
	bool named;        /* the line of names has been written */
	uint64_t left_out;
};

static const struct option options[] = {
	OPTION_CHOICE('f', "format", struct print, format,
	    "auto|table|json|csv|tsv|logfmt|raw", "form of the text"),
	OPTION('F', "fields", struct print, fields, NULL,
	    "columns, as paths: user_id,rewards.click", "NAMES"),
	OPTION('r', "rows", struct print, rows, "100",
	    "rows of a table that are measured together"),
	OPTION('w', "width", struct print, width, "0",
	    "columns of text for a table; 0: as the terminal"),
	OPTION_END,
};

static const char examples[] =
    "  bp-parse access.log | bp-print --fields timestamp,status,path\n"
    "  bp-print --format csv --fields user_id,rewards.click outcomes >clicks.csv\n"
    "  bp-print --format raw rejects | bp-parse --format combined\n";

/* --- Start ------------------------------------------------------------------------ */

static int
read_fields(struct run *run, struct print *f)
{
	const char *rest = f->fields;
	struct slice name;

	if (f->format == RAW)
		return run_usage(run, "--fields is not for raw");
	while (option_next_name(&rest, &name))
		if (!columns_add(f->columns, name) ||
		    (f->page != NULL && !page_column(f->page, name)))
			return run_usage(
			    run, "--fields: more than %d names", COLUMNS_MAX);
	if (columns_count(f->columns) == 0)
		return run_usage(run, "--fields names nothing");
	return 0;
}

static int
start(struct run *run, void *self)
{
	struct print *f = self;
	unsigned terminal = run_terminal_columns(run);

	if (f->rows == 0 || f->rows > PAGE_ROWS_MAX || f->width > 10000)
		return run_usage(run, "--rows must be 1 to %d, --width at most 10000",
		    PAGE_ROWS_MAX);
	if (f->format == AUTO)
		f->format = terminal > 0 ? TABLE : JSON;
	f->terminal = terminal > 0;
	f->bytes = run_key(run, "bytes");
	f->storage = malloc(PRINT_SIZE_MAX);
	f->columns = columns_new();
	f->json = printer_new();
	if (f->format == TABLE)
		f->page = page_new(
		    (unsigned)f->rows, f->width > 0 ? (unsigned)f->width : terminal);
	if (f->storage == NULL || f->columns == NULL || f->json == NULL ||
	    (f->format == TABLE && f->page == NULL))
		return run_fail(run, "no memory for a line of text (raise --memory)");
	build_init(&f->text, f->storage, PRINT_SIZE_MAX);
	run_counter(run, "left_out",
	    "Values that no column of the first record could take.", &f->left_out);
	return f->fields == NULL ? 0 : read_fields(run, f);
}

/* --- Lines ------------------------------------------------------------------------ */

/* Each of these answers as `each` does: PASS, REJECT or FAIL. */
static int
write_text(struct run *run, struct print *f)
{
	int status = build_full(&f->text)
	    ? (int)run_reject(run, "it becomes more than 16 MiB of text")
	    : run_print(run, build_slice(&f->text));

	build_reset(&f->text);
	return status;
}

static int
write_line(struct run *run, struct print *f)
{
	build_byte(&f->text, '\n');
	return write_text(run, f);
}

static int
write_page(struct run *run, struct print *f)
{
	while (page_line(f->page, &f->text))
		if (write_text(run, f) != 0)
			return -1;
	return 0;
}

static int
add_row(struct run *run, struct print *f, struct slice record)
{
	if (!page_add(f->page, record)) {
		if (write_page(run, f) != 0)
			return -1;
		(void)page_add(f->page, record);
	}
	return page_is_full(f->page) ? write_page(run, f) : 0;
}

static enum print_style
style(const struct print *f)
{
	return f->format == TSV ? PRINT_TSV : PRINT_CSV;
}

static int
write_names(struct run *run, struct print *f)
{
	row_names(f->columns, style(f), &f->text);
	f->named = true;
	return write_line(run, f);
}

static int
write_row(struct run *run, struct print *f, struct slice record)
{
	unsigned left_out;

	if (!f->named) {
		if (f->fields == NULL)
			(void)columns_add_leaves(f->columns, record);
		if (write_names(run, f) != 0)
			return -1;
	}
	left_out = row_cells(f->columns, record, style(f), &f->text);
	f->left_out += f->fields == NULL ? left_out : 0;
	return write_line(run, f);
}

static enum verdict
write_raw(struct run *run, struct print *f, const struct record *r)
{
	struct slice bytes;

	if (record_kind(r) != KIND_REJECT || !record_bin(r, f->bytes, &bytes))
		return run_reject(run,
		    "no reject with bytes (--format raw wants what --rejects wrote)");
	return run_print(run, bytes) == 0 ? PASS : FAIL;
}

static enum verdict
each(struct run *run, void *self, const struct record *r)
{
	struct print *f = self;
	struct slice record = slice_of(r->bytes, r->size);
	int status = PASS;

	switch ((enum format)f->format) {
	case RAW:
		return write_raw(run, f, r);
	case TABLE:
		status = add_row(run, f, record);
		break;
	case CSV:
	case TSV:
		status = write_row(run, f, record);
		break;
	case LOGFMT:
		row_pairs(f->fields != NULL ? f->columns : NULL, record, &f->text);
		status = write_line(run, f);
		break;
	case AUTO:
	case JSON:
		if (f->fields != NULL)
			row_object(f->columns, record, run_build(run), &f->text);
		else
			printer_record(f->json, r, &f->text);
		status = write_line(run, f);
	}
	return (enum verdict)status;
}

static int
idle(struct run *run, void *self)
{
	struct print *f = self;

	return f->page != NULL && f->terminal ? write_page(run, f) : 0;
}

static int
finish(struct run *run, void *self)
{
	struct print *f = self;

	if (f->page != NULL && write_page(run, f) != 0)
		return -1;
	if ((f->format == CSV || f->format == TSV) && f->fields != NULL && !f->named &&
	    write_names(run, f) != 0)
		return -1;
	if (f->left_out > 0)
		run_say(run,
		    "values left out for want of a column: %llu (see --fields)",
		    (unsigned long long)f->left_out);
	f->left_out = 0;
	return 0;
}

/* JSON has a form for control records, so that nothing is lost; other formats have none. */
static int
control(struct run *run, void *self, struct slice bytes)
{
	struct print *f = self;
	struct control c;
	bool damaged;

	if (f->format == JSON) {
		print_json(bytes, &f->text);
		return write_line(run, f);
	}
	return control_read(bytes, &c, &damaged) && c.kind == CONTROL_END
	    ? finish(run, self)
	    : 0;
}

/* --- Snapshots -------------------------------------------------------------------- */

static int
save(struct run *run, void *self, struct state_writer *to)
{
	struct print *f = self;

	(void)run;
	state_put(to, &f->named, sizeof f->named);
	state_put_u64(to, f->left_out);
	state_put_u64(to, columns_count(f->columns));
	for (unsigned i = 0; i < columns_count(f->columns); i++)
		state_put_slice(to, columns_name(f->columns, i));
	if (f->page == NULL)
		return 0;
	page_layout(f->page, &f->text);
	state_put_slice(to, build_slice(&f->text));
	build_reset(&f->text);
	state_put_slice(to, page_records(f->page));
	return 0;
}

static int
load_columns(struct print *f, struct state_reader *from)
{
	uint8_t name[COLUMNS_NAME_MAX];
	uint64_t count;
	size_t size;

	if (state_get_u64(from, &count) != 0 || count > COLUMNS_MAX)
		return -1;
	while (count-- > 0)
		if (state_get_slice(from, name, sizeof name, &size) != 0 ||
		    !columns_add(f->columns, slice_of(name, size)))
			return -1;
	return 0;
}

static int
load_page(struct print *f, struct state_reader *from)
{
	uint8_t *layout = f->text.start, *records = layout + PAGE_BYTES_MAX;
	size_t layout_size, records_size;

	if (state_get_slice(from, layout, PAGE_BYTES_MAX, &layout_size) != 0 ||
	    state_get_slice(from, records, PAGE_BYTES_MAX, &records_size) != 0)
		return -1;
	return !page_restore(
	    f->page, slice_of(records, records_size), slice_of(layout, layout_size));
}

static int
load(struct run *run, void *self, struct state_reader *from)
{
	struct print *f = self;

	(void)run;
	return state_get(from, &f->named, sizeof f->named) != 0 ||
		state_get_u64(from, &f->left_out) != 0 || load_columns(f, from) != 0 ||
		(f->page != NULL && load_page(f, from) != 0)
	    ? -1
	    : 0;
}

static void
stop(void *self)
{
	struct print *f = self;

	free(f->storage);
	printer_free(f->json);
	columns_free(f->columns);
	page_free(f->page);
}

static const struct filter print = {
	.name = "print",
	.about = "write records as a table, JSON, CSV, TSV or logfmt",
	.examples = examples,
	.options = options,
	.size = sizeof(struct print),
	.schema = 1,
	.text_out = true,
	.start = start,
	.load = load,
	.each = each,
	.control = control,
	.idle = idle,
	.finish = finish,
	.save = save,
	.stop = stop,
};

int
main(int argc, char **argv)
{
	return filter_main(&print, argc, argv);
}
