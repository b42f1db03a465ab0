/* SPDX-License-Identifier: MIT
 *
 * bp-parse: text to records.
 *
 * in     lines of an access log, of JSON, of CSV or TSV, examples of Vowpal Wabbit, LIBSVM
 *        or LIBFFM, from files or standard input
 * out    one record a line, or what a map makes of it; malformed lines are rejects
 * state  which lines were seen lately, to tell equal ones apart; the format that was
 *        found and the header that was read; where a followed file was read up to
 * needs  nothing
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "lib/filter.h"
#include "lib/filter/names.h"
#include "lib/hash.h"
#include "lib/record/value.h"
#include "lib/stream/tail.h"
#include "lib/text/adapters.h"
#include "lib/text/detect.h"
#include "lib/text/format.h"
#include "lib/text/map.h"

struct parse {
	const char *name, *map_path, *names_path; /* options */
	bool follow, allow_truncate;

	struct format *format;  /* owned; NULL while it is to be detected */
	const char *detected;   /* its name, when it was */
	struct map *map;        /* owned; NULL for none */
	uint64_t map_hash;      /* of the map's text */
	uint8_t *raw;           /* owned; what the map is given */
	struct input *followed; /* the run's; NULL when files are read once */
	struct tail *tail;      /* the input's */
	struct run *run;        /* for what the tail finds */
	struct names names;     /* of the features of examples */
	bool unnamed;           /* one could not be written */
	uint64_t gaps;
};

static const struct option options[] = {
	OPTION('f', "format", struct parse, name, "auto",
	    "auto, combined, json, csv, tsv, vw, libsvm, ga4 ... or a log_format",
	    "FORMAT"),
	OPTION('m', "map", struct parse, map_path, NULL,
	    "make records as this map says, see bp-map(5)", "FILE"),
	OPTION_ASIDE('n', "names", struct parse, names_path, NULL,
	    "of examples: write the name of every feature there", "FILE"),
	OPTION_ASIDE('F', "follow", struct parse, follow, NULL,
	    "follow one FILE by name, through its rotations"),
	OPTION_ASIDE(0, "allow-truncate", struct parse, allow_truncate, NULL,
	    "with --follow: a loss is a gap, not a failure"),
	OPTION_END,
};

/* --- Starting ------------------------------------------------------------------- */

static void
on_name(void *context, uint64_t key, struct slice space, struct slice name)
{
	struct parse *f = context;
	uint8_t text[NAMES_TEXT_MAX];
	struct build b;

	build_init(&b, text, sizeof text);
	if (name.size > sizeof text / 2)
		name.size = sizeof text / 2;
	if (space.size > 0 && space.size < sizeof text / 2) {
		build_raw(&b, space);
		build_byte(&b, '=');
	}
	build_raw(&b, name);
	f->unnamed |= names_write(&f->names, key, build_slice(&b), 0) != 0;
}

static int
choose(struct run *run, struct parse *f, const char *name)
{
	const struct adapter *adapter = adapter_find(slice_text(name));
	struct error error;

	if (adapter != NULL && f->map != NULL)
		return run_usage(run,
		    "--format %s has a map of its own: leave out --map, or name json "
		    "or "
		    "tsv",
		    name);
	if (adapter != NULL) {
		f->map = map_compile(run_reader(run), name, adapter->map, &error);
		if (f->map == NULL)
			return run_fail(run, "%s", error.text);
	}
	f->format = format_new(name, &error);
	if (f->format == NULL)
		return run_usage(run, "--format: %s", error.text);
	if (f->names_path != NULL && !format_on_name(f->format, on_name, f))
		return run_usage(run, "--names is for vw, libsvm and ffm");
	return 0;
}

static int
read_map(struct run *run, struct parse *f)
{
	struct error error;
	struct slice text;
	uint8_t *bytes = run_read_file(run, f->map_path, MAP_SIZE_MAX, &text, &error);

	if (bytes == NULL)
		return run_usage(run, "--map: %s", error.text);
	f->map_hash = hash_bytes(text, 0);
	f->map = map_compile(run_reader(run), f->map_path, text, &error);
	free(bytes);
	return f->map != NULL ? 0 : run_usage(run, "--map: %s", error.text);
}

static void
on_gap(void *context, uint64_t from, uint64_t to, const char *reason)
{
	struct parse *f = context;

	f->gaps++;
	run_say(f->run, "gap: %s", reason);
	(void)run_gap(f->run, from, to, reason);
}

static void
on_start(void *context)
{
	struct parse *f = context;

	run_place(f->run, 0, 0);
}

static int
follow(struct run *run, struct parse *f)
{
	struct error error;

	if (run_files(run) != 1 || strcmp(run_file(run, 0), "-") == 0)
		return run_usage(
		    run, "--follow wants one FILE (start one bp-parse for each)");
	f->tail = tail_new(run_os(run), run_file(run, 0), f->allow_truncate, &error);
	if (f->tail == NULL)
		return run_fail(run, "%s", error.text);
	f->followed = input_of_source(
	    run_os(run), tail_source(f->tail), run_file(run, 0), &error);
	if (f->followed == NULL)
		return run_fail(run, "%s", error.text);
	f->run = run;
	tail_listen(f->tail, &(struct tail_events){ on_gap, on_start, f });
	run_counter(run, "gaps", "losses in the followed file", &f->gaps);
	run_input(run, f->followed);
	run_opens_files(run);
	return 0;
}

static int
start(struct run *run, void *self)
{
	struct parse *f = self;

	/* The reader looks some bytes beyond what it scans. */
	f->raw = calloc(1, RECORD_SIZE_MAX + RECORD_PADDING);
	if (f->raw == NULL)
		return run_fail(run, "no memory to start");
	if (f->map_path != NULL && read_map(run, f) != 0)
		return -1;
	if (f->names_path != NULL &&
	    names_open(&f->names, run, f->names_path, run_memory(run) / 2) != 0)
		return -1;
	if (strcmp(f->name, "auto") != 0 && choose(run, f, f->name) != 0)
		return -1;
	if (f->allow_truncate && !f->follow)
		return run_usage(run, "--allow-truncate is for --follow");
	return f->follow ? follow(run, f) : 0;
}

/* --- Lines ---------------------------------------------------------------------- */

static int
detect(struct run *run, struct parse *f, struct slice bytes, bool end)
{
	const char *name = NULL;

	switch (detect_format(bytes, end, &name)) {
	case DETECT_MORE:
		return -1;
	case DETECT_FOUND:
		run_say(run, "format %s", name);
		f->detected = name;
		return choose(run, f, name);
	case DETECT_RECORDS:
		return run_usage(
		    run, "the input is records already: leave out bp-parse");
	case DETECT_NONE:
		break;
	}
	return run_usage(run,
	    "cannot tell the format of the input by its first lines: name it with "
	    "--format");
}

static size_t
frame(struct run *run, void *self, struct slice bytes, bool end)
{
	struct parse *f = self;

	if (f->format == NULL && detect(run, f, bytes, end) != 0)
		return 0;
	return format_frame(f->format, bytes, end);
}

static enum verdict
map_record(struct run *run, struct parse *f, struct slice bytes, struct slice event_id)
{
	struct slice record;
	struct record raw;
	struct fault fault;
	const char *reason;
	size_t need;
	int n;

	if (record_scan(run_reader(run), bytes, &raw, &fault, &need) != SCAN_RECORD)
		return run_reject(run, "%s", fault.reason);
	n = map_run(f->map, &raw, event_id, &reason);
	if (n < 0)
		return run_reject(run, "%s", reason);
	while (map_next(f->map, &record))
		if (run_emit(run, record) != 0)
			return FAIL;
	return n > 0 ? PASS : DROP;
}

static enum verdict
line(struct run *run, void *self, const struct line *l)
{
	struct parse *f = self;
	struct slice event_id;
	struct fault fault;
	struct build b;

	build_init(&b, f->raw, RECORD_SIZE_MAX);
	switch (format_line(f->format, l->text, l->offset == 0, &b,
	    f->map != NULL ? &event_id : NULL, &fault)) {
	case FORMAT_HEADER:
		return DROP;
	case FORMAT_FAULT:
		return run_reject(run, "%s (byte %zu)", fault.reason, fault.at);
	case FORMAT_RECORD:
		break;
	}
	if (f->unnamed)
		return FAIL;
	/* JSON can stand for a control record, which is no map's business. */
	if (f->map != NULL && value_type(build_slice(&b)) == VALUE_MAP)
		return map_record(run, f, build_slice(&b), event_id);
	return run_emit(run, build_slice(&b)) == 0 ? PASS : FAIL;
}

/* --- Snapshots ------------------------------------------------------------------ */

static int
save(struct run *run, void *self, struct state_writer *to)
{
	static const struct slice none = { (const uint8_t *)"", 0 };
	struct parse *f = self;
	struct tail_position p = { 0 };
	struct error error;

	if (f->tail != NULL &&
	    tail_tell(f->tail, input_bytes(f->followed).size, &p, &error) != 0)
		return run_fail(run, "%s", error.text);
	state_put_u64(to, f->map_hash);
	state_put_slice(to, f->detected != NULL ? slice_text(f->detected) : none);
	state_put_slice(to, f->format != NULL ? format_header(f->format) : none);
	state_put_slice(to, f->format != NULL ? format_ids(f->format) : none);
	state_put_u64(to, run_lines(run));
	state_put_u64(to, p.device);
	state_put_u64(to, p.inode);
	state_put_u64(to, p.offset);
	state_put_u64(to, p.head_hash);
	state_put_u64(to, p.last_hash);
	names_save(&f->names, to);
	return 0;
}

static int
load_format(struct run *run, struct parse *f, struct slice name)
{
	if (f->format != NULL)
		return 0;
	f->detected = detect_name(name);
	return f->detected == NULL ? 0 : choose(run, f, f->detected);
}

static int
load_lines(struct run *run, struct parse *f, struct state_reader *from)
{
	uint8_t *header = malloc(FORMAT_HEADER_MAX), *ids = malloc(LINE_IDS_SIZE);
	size_t name_size, header_size, ids_size;
	uint8_t name[16];
	int status = -1;

	if (header != NULL && ids != NULL &&
	    state_get_slice(from, name, sizeof name, &name_size) == 0 &&
	    state_get_slice(from, header, FORMAT_HEADER_MAX, &header_size) == 0 &&
	    state_get_slice(from, ids, LINE_IDS_SIZE, &ids_size) == 0)
		status = load_format(run, f, slice_of(name, name_size));
	if (status == 0 && f->format != NULL && ids_size > 0 &&
	    !format_restore(
		f->format, slice_of(header, header_size), slice_of(ids, ids_size)))
		status = -1;
	free(header);
	free(ids);
	return status;
}

static int
load(struct run *run, void *self, struct state_reader *from)
{
	struct parse *f = self;
	struct tail_position p;
	struct error error;
	uint64_t map_hash, lines;

	if (state_get_u64(from, &map_hash) != 0)
		return -1;
	if (map_hash != f->map_hash)
		return run_usage(run,
		    "the state was made with another --map (start afresh with --state "
		    "NEWDIR)");
	if (load_lines(run, f, from) != 0 || state_get_u64(from, &lines) != 0 ||
	    state_get_u64(from, &p.device) != 0 || state_get_u64(from, &p.inode) != 0 ||
	    state_get_u64(from, &p.offset) != 0 ||
	    state_get_u64(from, &p.head_hash) != 0 ||
	    state_get_u64(from, &p.last_hash) != 0 ||
	    names_load(&f->names, run, from) != 0)
		return -1;
	if (f->tail == NULL)
		return 0;
	if (tail_resume(f->tail, &p, &error) != 0 ||
	    tail_tell(f->tail, 0, &p, &error) != 0)
		return run_fail(run, "%s", error.text);
	run_place(run, p.offset, p.offset > 0 ? lines : 0);
	return 0;
}

static void
stop(void *self)
{
	struct parse *f = self;

	format_free(f->format);
	names_fini(&f->names);
	map_free(f->map);
	free(f->raw);
}

static const struct filter parse = {
	.name = "parse",
	.about = "turn lines of text into records",
	.examples = "  bp-parse /var/log/nginx/access.log | bp-print\n"
		    "  bp-parse --follow --state state access.log | bp-print\n"
		    "  bp-parse --names names.bp train.vw | bp-learn --model click.bp\n"
		    "  bp-parse --format json --map shop.map events.jsonl | bp-print\n",
	.options = options,
	.size = sizeof(struct parse),
	.schema = 2,
	.start = start,
	.load = load,
	.line = line,
	.frame = frame,
	.save = save,
	.stop = stop,
};

int
main(int argc, char **argv)
{
	return filter_main(&parse, argc, argv);
}
