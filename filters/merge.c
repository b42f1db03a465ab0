/* SPDX-License-Identifier: MIT
 *
 * bp-merge: put several streams together in the order of event time.
 *
 * in     records: files, named pipes, <(...); each in the order of time, or nearly so
 * out    the same bytes, ordered by timestamp, then by input; the watermark is the
 *        smallest of the inputs'
 * state  what was read of the other inputs before their CUT and has not gone out
 * needs  nothing
 */
#include <stdlib.h>

#include "lib/filter.h"
#include "lib/stream/merge.h"

/* What an input takes besides what is read ahead of it. */
#define INPUT_MEMORY (UINT64_C(1152) << 10)

struct merging {
	const char *spill;
	struct size spill_limit;

	struct merge *merge; /* NULL: one input, which is taken as it is */
};

static const struct option options[] = {
	OPTION_ASIDE(0, "spill", struct merging, spill, "/tmp",
	    "where to keep what does not fit into memory", "DIR"),
	OPTION_ASIDE(0, "spill-limit", struct merging, spill_limit, "16G",
	    "bytes of an input to keep there; 0: none"),
	OPTION_END,
};

/* All operands; those that are open belong to the caller, also on failure. */
static int
open_all(struct run *run, struct input **inputs, unsigned n)
{
	struct error error;

	for (unsigned i = 0; i < n; i++) {
		inputs[i] = input_open(run_os(run), run_file(run, i), &error);
		if (inputs[i] != NULL)
			continue;
		while (i > 0)
			input_free(inputs[--i]);
		return run_fail(run, "%s", error.text);
	}
	return 0;
}

static int
start(struct run *run, void *self)
{
	struct merging *f = self;
	struct input *inputs[MERGE_INPUTS_MAX], *all;
	unsigned n = run_files(run);
	uint64_t taken = n * INPUT_MEMORY, memory = run_memory(run);
	struct merge_room room = { .memory = memory > taken ? memory - taken : 0,
		.folder = f->spill,
		.file = f->spill_limit.bytes };
	struct error error;

	if (n < 2)
		return 0;
	if (n > MERGE_INPUTS_MAX)
		return run_usage(
		    run, "%u inputs: at most %d can be merged", n, MERGE_INPUTS_MAX);
	if (room.memory / n < MERGE_MEMORY_MIN)
		return run_usage(run, "%u inputs need more memory: raise --memory", n);
	if (open_all(run, inputs, n) != 0)
		return -1;
	f->merge = merge_new(run_os(run), inputs, n, &room, &error);
	if (f->merge == NULL)
		return run_fail(run, "%s", error.text);
	all = input_of_source(
	    run_os(run), merge_source(f->merge), "the merged streams", &error);
	if (all == NULL) {
		merge_source(f->merge)->free(merge_source(f->merge));
		return run_fail(run, "%s", error.text);
	}
	run_input_stream(run, all);
	run_counter(run, "spilled_bytes",
	    "bytes read ahead that did not fit into memory", merge_spilled(f->merge));
	return 0;
}

static enum verdict
each(struct run *run, void *self, const struct record *r)
{
	(void)run;
	(void)self;
	(void)r;
	return PASS;
}

/* TERM: what was read goes out, without waiting for what would come before it. */
static int
attend(struct run *run, void *self)
{
	struct merging *f = self;

	if (f->merge != NULL && run_stopping(run))
		merge_stop(f->merge);
	return 0;
}

static void
put(void *context, const void *bytes, size_t n)
{
	state_put(context, bytes, n);
}

static int
get(void *context, void *bytes, size_t n)
{
	return state_get(context, bytes, n);
}

static int
save(struct run *run, void *self, struct state_writer *to)
{
	struct merging *f = self;
	struct error error;

	if (f->merge != NULL && merge_save(f->merge, put, to, &error) != 0)
		return run_fail(run, "%s", error.text);
	return 0;
}

static int
load(struct run *run, void *self, struct state_reader *from)
{
	struct merging *f = self;
	struct error error;

	if (f->merge != NULL && merge_load(f->merge, get, from, &error) != 0)
		return run_fail(run, "%s", error.text);
	return 0;
}

static const struct filter merging = {
	.name = "merge",
	.about = "put several streams together in the order of event time",
	.examples =
	    "  bp-merge shop.bp banners.bp | bp-print\n"
	    "  bp-merge <(bp-parse a.log | bp-sort) <(bp-parse b.log | bp-sort)\n",
	.options = options,
	.size = sizeof(struct merging),
	.schema = 1,
	.start = start,
	.load = load,
	.each = each,
	.attend = attend,
	.save = save,
};

int
main(int argc, char **argv)
{
	return filter_main(&merging, argc, argv);
}
