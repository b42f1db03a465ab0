/* SPDX-License-Identifier: MIT
 *
 * probe: a filter that does what tests/pipe/runtime.t needs to see of the runtime.
 *
 * in     any records
 * out    those whose "n" is not "bad"; each gets the count of records so far; at "crash"
 *        it crashes
 * state  the count
 */
#include <stdlib.h>

#include "lib/filter.h"

struct probe {
	uint64_t step;
	uint64_t count;
	struct key n, total;
};

static const struct option options[] = {
	OPTION('s', "step", struct probe, step, "1", "what a record counts"),
	OPTION_END,
};

static int
start(struct run *run, void *self)
{
	struct probe *f = self;

	f->n = run_key(run, "n");
	f->total = run_key(run, "total");
	run_counter(run, "probe_count", "Steps counted.", &f->count);
	return 0;
}

static int
load(struct run *run, void *self, struct state_reader *from)
{
	struct probe *f = self;

	(void)run;
	return state_get_u64(from, &f->count);
}

static int
save(struct run *run, void *self, struct state_writer *to)
{
	struct probe *f = self;

	(void)run;
	state_put_u64(to, f->count);
	return 0;
}

static enum verdict
each(struct run *run, void *self, const struct record *r)
{
	struct probe *f = self;
	struct slice n;

	if (record_str(r, f->n, &n) && slice_is(n, "bad"))
		return run_reject(run, "it says that it is bad");
	if (record_str(r, f->n, &n) && slice_is(n, "crash"))
		abort();
	f->count += f->step;
	build_uint(run_set(run, f->total), f->count);
	return PASS;
}

static int
reload(struct run *run, void *self)
{
	(void)self;
	run_say(run, "reloaded");
	return 0;
}

static const struct filter probe = {
	.name = "probe",
	.about = "count records, for tests of the runtime",
	.options = options,
	.size = sizeof(struct probe),
	.start = start,
	.load = load,
	.each = each,
	.reload = reload,
	.save = save,
};

int
main(int argc, char **argv)
{
	return filter_main(&probe, argc, argv);
}
