/* SPDX-License-Identifier: MIT
 *
 * bp-dedupe: drop events that came before.
 *
 * in     events with an event_id; those without pass and are counted
 * out    the same bytes, without the second and further ones of an id within --window
 * state  a 64-bit keyed fingerprint of every id in the window, with the instant at
 *        which it was seen last; the one seen longest ago is evicted
 * needs  nothing: the window is one of event time, in any order
 *
 * Why a table of fingerprints and no cuckoo filter: dropping an event that is no duplicate
 * loses a click or a sale. With n ids in the window that happens to n in 2^64 (one in 10^12
 * events for 16 million ids), for 16 bytes an id; a cuckoo filter of 2 bytes an id would
 * lose one in 8,000 for every slice of the window. The fingerprint is SipHash under --seed,
 * so that nobody who sends ids can make two of them meet.
 */
#include <stdlib.h>

#include "lib/filter.h"
#include "lib/hash.h"
#include "lib/record/judgement.h"
#include "lib/state/block.h"
#include "lib/table.h"

struct dedupe {
	struct span window;
	bool require_id;

	struct hash_key hash_key;
	struct judgement_keys judgement;
	struct table *seen;         /* owned; fingerprints, without cells */
	struct watermark watermark; /* of what can be forgotten */
	uint64_t without_id, evicted;
};

static const struct option options[] = {
	OPTION('w', "window", struct dedupe, window, "24h",
	    "events of one id further apart are different"),
	OPTION('r', "require-id", struct dedupe, require_id, NULL,
	    "reject events without event_id, in place of passing them"),
	OPTION_END,
};

static int
start(struct run *run, void *self)
{
	struct dedupe *d = self;

	if (d->window.us == 0)
		return run_usage(run, "--window must be longer than 0");
	d->hash_key = hash_key(run_seed(run));
	d->judgement = judgement_keys(run_reader(run));
	watermark_init(&d->watermark, d->window, (struct span){ WHEN_DAY });
	d->seen = table_new(TABLE_KEY_64, 0, run_memory(run));
	if (d->seen == NULL)
		return run_fail(run, "no memory for the ids: lower --memory");
	run_counter(run, "without_id", "events without event_id", &d->without_id);
	run_counter(run, "evicted",
	    "ids forgotten within the window for want of memory", &d->evicted);
	return 0;
}

/* What makes two records of one id the same: an event and the one that takes it back, or
 * puts it in again by another verdict, a verdict on it and the next version of the verdict,
 * are different. */
static bool
fingerprint(const struct dedupe *d, const struct record *r, uint64_t *to)
{
	enum kind kind = record_kind(r);
	struct judgement again;
	int64_t version = 0;
	struct slice id;
	uint64_t part;
	double weight;

	if (!record_id(r, KEY_EVENT_ID, &id) || id.size == 0)
		return false;
	if (kind == KIND_RETRACT || kind == KIND_VERDICT)
		(void)record_int(r, d->judgement.version, &version);
	else
		kind = KIND_OTHER;
	if (judgement_of_again(&d->judgement, r, &again))
		version = again.version < INT64_MAX ? again.version + 1 : INT64_MAX;
	part = hash_pair((uint64_t)kind, (uint64_t)version);
	part += record_weight(r, &weight) && weight < 0;
	*to = hash_pair(hash_keyed(d->hash_key, id), part);
	return true;
}

static enum verdict
each(struct run *run, void *self, const struct record *r)
{
	struct dedupe *d = self;
	instant when, last;
	uint64_t print;
	bool fresh;

	if (!fingerprint(d, r, &print)) {
		d->without_id++;
		return d->require_id ? run_reject(run, "no event_id") : PASS;
	}
	if (!record_timestamp(r, &when))
		return run_reject(run, "no timestamp that could tell its window");
	if (watermark_see(&d->watermark, when, WHEN_NEVER))
		table_set_horizon(d->seen, watermark_now(&d->watermark));
	if (table_touched(d->seen, print, &last)) {
		table_touch(d->seen, print, when, &fresh);
		return llabs(when - last) <= d->window.us ? DROP : PASS;
	}
	table_touch(d->seen, print, when, &fresh);
	d->evicted = table_counts(d->seen).evicted;
	return PASS;
}

static int
save(struct run *run, void *self, struct state_writer *to)
{
	struct dedupe *d = self;

	(void)run;
	state_put(to, &d->watermark, sizeof d->watermark);
	state_put_u64(to, d->without_id);
	state_put_table(to, d->seen);
	return 0;
}

static int
load(struct run *run, void *self, struct state_reader *from)
{
	struct dedupe *d = self;
	struct error error;

	if (state_get(from, &d->watermark, sizeof d->watermark) != 0 ||
	    state_get_u64(from, &d->without_id) != 0)
		return run_fail(run, "the snapshot is too short");
	if (state_get_table(from, d->seen, &error) != 0)
		return run_fail(run, "%s", error.text);
	d->evicted = table_counts(d->seen).evicted;
	return 0;
}

static void
stop(void *self)
{
	struct dedupe *d = self;

	table_free(d->seen);
}

static const struct filter dedupe = {
	.name = "dedupe",
	.about = "drop events that came before",
	.examples = "  bp-dedupe <events.bp >once.bp\n"
		    "  bp-parse clicks.json | bp-dedupe --window 1h | bp-print\n",
	.options = options,
	.size = sizeof(struct dedupe),
	.schema = 1,
	.start = start,
	.load = load,
	.each = each,
	.save = save,
	.stop = stop,
};

int
main(int argc, char **argv)
{
	return filter_main(&dedupe, argc, argv);
}
