/* SPDX-License-Identifier: MIT
 *
 * bp-metric: impressions, clicks, conversions, cost and revenue, and their ratios, by
 * window of event time and by what banners differ in.
 *
 * in     outcomes, or impressions, clicks, purchases and refunds, which end here; others
 *        pass
 * out    metric records when their window closes, and again when late data changed them:
 *        what counts, and beside it what would if nothing had been found invalid
 * state  sums of each row; without room for more, rows merge into "(other)"
 * needs  watermarks (bp-sort) for windows to close before the input ends
 */
#include "lib/trial/metric.h"
#include "lib/delivery/counted.h"
#include "lib/filter.h"
#include "lib/hash.h"
#include "lib/trial/tally.h"

enum count { COUNT_ALL, COUNT_OUTCOMES, COUNT_EVENTS };
enum by_time { BY_SHOWN, BY_TIMESTAMP };
enum { RESERVE = 1 << 20, ITEMS_MAX = 256 };

struct metric {
	const char *by;
	struct span window, lateness;
	int count, time;

	struct run *run;
	struct tally *tally;
	unsigned dims;
	struct slice names[TALLY_DIMS_MAX];
	struct key by_keys[TALLY_DIMS_MAX];
	/* Of a name with a dot: the map that may have it, and the path within. */
	struct key by_maps[TALLY_DIMS_MAX];
	struct slice by_paths[TALLY_DIMS_MAX];
	struct counted_keys keys;
	struct key shown_at, items, item_id, creative_id, users[3];
	struct hash_key hash;
	struct tally_counts counts; /* for the stats */
};

static const struct option options[] = {
	OPTION('b', "by", struct metric, by, "",
	    "dimensions, keys of the records: a,b,c", "KEYS"),
	OPTION('w', "window", struct metric, window, "0", "length; 0: all time"),
	OPTION('l', "lateness", struct metric, lateness, "0",
	    "how long after its end a window closes"),
	OPTION_CHOICE('c', "count", struct metric, count, "all|outcomes|events",
	    "what is counted"),
	OPTION_CHOICE('t', "time", struct metric, time, "shown|timestamp",
	    "where outcomes belong"),
	OPTION_END,
};

static int give(void *context, const struct tally_row *row);

static int
start(struct run *run, void *self)
{
	static const char *const users[] = { "user_id", "anonymous_id", "session_id" };
	struct metric *m = self;
	const char *rest = m->by;
	struct slice name;
	size_t dot;

	m->run = run;
	while (option_next_name(&rest, &name)) {
		if (m->dims == TALLY_DIMS_MAX)
			return run_usage(
			    run, "--by takes at most %d keys", TALLY_DIMS_MAX);
		if (name.size > RECORD_KEY_SIZE_MAX)
			return run_usage(run, "--by: a key is longer than %d bytes",
			    RECORD_KEY_SIZE_MAX);
		m->names[m->dims] = name;
		dot = slice_find(name, '.');
		if (dot > 0 && dot < name.size) {
			m->by_maps[m->dims] =
			    run_key_slice(run, slice_of(name.at, dot));
			m->by_paths[m->dims] = slice_from(name, dot + 1);
		}
		m->by_keys[m->dims++] = run_key_slice(run, name);
	}
	m->shown_at = run_key(run, "shown_at");
	m->keys = counted_keys(run_reader(run));
	m->items = run_key(run, "items");
	m->item_id = run_key(run, "item_id");
	m->creative_id = run_key(run, "creative_id");
	for (unsigned i = 0; i < 3; i++)
		m->users[i] = run_key(run, users[i]);
	m->hash = hash_key(run_seed(run));
	m->tally = tally_new(
	    m->dims, m->window, run_memory(run) - RESERVE, run_seed(run), give, m);
	if (m->tally == NULL)
		return run_fail(run, "no memory for the rows");
	run_counter(run, "rows", "rows held", &m->counts.rows);
	run_counter(run, "windows", "windows held", &m->counts.windows);
	run_counter(run, "merged_rows", "rows merged into (other)", &m->counts.merged);
	run_counter(run, "forgotten_rows", "rows given out and forgotten",
	    &m->counts.forgotten);
	return 0;
}

/* --- Adding --------------------------------------------------------------------- */

static bool
counted(const struct metric *m, enum kind kind)
{
	if (kind == KIND_OUTCOME)
		return m->count != COUNT_EVENTS;
	return m->count != COUNT_OUTCOMES &&
	    (kind == KIND_IMPRESSION || kind == KIND_CLICK || kind == KIND_PURCHASE ||
		kind == KIND_REFUND);
}

/* Clicks less conversions of a user and each item; nothing when the user is unknown. */
static void
add_gap(struct metric *m, struct tally_row *row, const struct record *r,
    const struct tally_event *i, instant when)
{
	double difference = i->weight * (i->click - i->conversion);
	struct slice user, items, unused, item, id = { 0 };
	struct value_walk walk;
	unsigned n = 0;
	uint64_t hash;

	if (difference == 0)
		return;
	if (!record_id(r, m->users[0], &user) && !record_id(r, m->users[1], &user) &&
	    !record_id(r, m->users[2], &user))
		return;
	hash = hash_keyed(m->hash, user);
	if (record_value(r, m->items, &items) && value_type(items) == VALUE_ARRAY) {
		for (value_open(items, &walk);
		     n < ITEMS_MAX && value_next(&walk, &unused, &item); n++)
			if (value_get(item, "item_id", &id) && value_text(id, &id))
				tally_gap(m->tally, row,
				    hash_pair(hash, hash_keyed(m->hash, id)),
				    difference, when);
		return;
	}
	if (!record_id(r, m->item_id, &id) && !record_id(r, m->creative_id, &id))
		id = slice_of("", 0);
	tally_gap(
	    m->tally, row, hash_pair(hash, hash_keyed(m->hash, id)), difference, when);
}

static bool
read_dim(const struct metric *m, const struct record *r, unsigned i, struct slice *to)
{
	return record_value(r, m->by_keys[i], to) ||
	    (m->by_paths[i].size > 0 && record_value(r, m->by_maps[i], to) &&
		value_path(*to, m->by_paths[i], to));
}

static enum verdict
each(struct run *run, void *self, const struct record *r)
{
	static const uint8_t nil = 0xc0;
	struct metric *m = self;
	enum kind kind = record_kind(r);
	struct slice values[TALLY_DIMS_MAX];
	struct tally_event event;
	struct tally_void out;
	struct tally_row *row;
	const char *wrong;
	instant when;
	bool any;

	if (!counted(m, kind))
		return PASS;
	if (!record_timestamp(r, &when))
		return run_reject(run, "%s without timestamp", kind_name(kind));
	if (kind == KIND_OUTCOME && m->time == BY_SHOWN)
		(void)record_instant(r, m->shown_at, &when);
	wrong = counted_read(&m->keys, r, kind, &event, &any, &out);
	if (wrong != NULL)
		return run_reject(run, "%s", wrong);
	for (unsigned i = 0; i < m->dims; i++)
		if (!read_dim(m, r, i, &values[i]))
			values[i] = slice_of(&nil, 1);
	row = tally_find(m->tally, when, values);
	if (row == NULL)
		return LATE;
	tally_row_add(row, &event);
	if (any)
		tally_add_void(m->tally, row, &out);
	add_gap(m, row, r, &event, when);
	return DROP;
}

/* --- Giving out ----------------------------------------------------------------- */

static int
give(void *context, const struct tally_row *row)
{
	struct metric *m = context;

	metric_build(run_build(m->run), m->tally, row, m->names, m->dims);
	m->counts = tally_counts(m->tally);
	return run_emit_built(m->run);
}

static int
tick(struct run *run, void *self, instant watermark)
{
	struct metric *m = self;

	(void)run;
	if (watermark < -WHEN_MAX + m->lateness.us)
		return 0;
	return tally_close(m->tally, watermark - m->lateness.us);
}

static int
finish(struct run *run, void *self)
{
	struct metric *m = self;

	(void)run;
	return tally_close_all(m->tally);
}

static int
save(struct run *run, void *self, struct state_writer *to)
{
	struct metric *m = self;

	(void)run;
	m->counts = tally_counts(m->tally);
	tally_save(m->tally, to);
	return 0;
}

static int
load(struct run *run, void *self, struct state_reader *from)
{
	struct metric *m = self;

	(void)run;
	return tally_load(m->tally, from);
}

static void
stop(void *self)
{
	struct metric *m = self;

	tally_free(m->tally);
}

static const struct filter metric = {
	.name = "metric",
	.about = "clicks, conversions, cost and revenue by window and dimension",
	.examples = "  bp-metric --by creative_id,position outcomes.bp | bp-print\n"
		    "  bp-sort <events | bp-metric -w 1h -c events -b slot_id\n",
	.options = options,
	.size = sizeof(struct metric),
	.schema = 2,
	.start = start,
	.load = load,
	.each = each,
	.tick = tick,
	.finish = finish,
	.save = save,
	.stop = stop,
};

int
main(int argc, char **argv)
{
	return filter_main(&metric, argc, argv);
}
