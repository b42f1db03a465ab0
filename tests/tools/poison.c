/* SPDX-License-Identifier: MIT
 *
 * poison: a filter that is killed by some records: one whose key "n" is "die" aborts it,
 * one with "hang" is never done. Others pass. For the tests of bp-run.
 */
#include <poll.h>
#include <stdlib.h>

#include "lib/filter.h"

struct poison {
	struct key n;
};

static int
start(struct run *run, void *self)
{
	struct poison *p = self;

	p->n = run_key(run, "n");
	return 0;
}

static enum verdict
each(struct run *run, void *self, const struct record *r)
{
	struct poison *p = self;
	struct slice value, text;

	(void)run;

	if (!record_value(r, p->n, &value) || !value_str(value, &text))
		return PASS;
	if (slice_is(text, "die"))
		abort();
	while (slice_is(text, "hang"))
		(void)poll(NULL, 0, -1);
	return PASS;
}

static const struct filter poison = {
	.name = "poison",
	.about = "die of some records",
	.size = sizeof(struct poison),
	.start = start,
	.each = each,
};

int
main(int argc, char **argv)
{
	return filter_main(&poison, argc, argv);
}
