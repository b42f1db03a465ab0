/* SPDX-License-Identifier: MIT
 *
 * bp-retract: take back what was found invalid, and put in again what was appealed.
 *
 * in     events; verdicts and retracts of them, before or after, in any order; events that
 *        are marked invalid already; events that another bp-retract has made flow again
 * out    all but the retracts that it has carried out; and an event that is found invalid
 *        once more with the opposite weight, one that is found valid after all once more
 *        with its own, so that who adds up weights needs to know of neither
 * state  the bytes of each event, and the last judgement of it, for --keep; when --memory
 *        is full the oldest are forgotten, and counted
 * needs  event ids that are unique; nothing else: it stands behind what judges
 */
#include "lib/filter.h"
#include "lib/hash.h"
#include "lib/pending/judged.h"

enum count {
	TAKEN_OUT,
	RESTORED,
	MARKS,
	REPEATS,
	UNCHANGED,
	UNKNOWN,
	MET,
	OVERTAKEN,
	WITHOUT_ID,
	UNKEPT,
	COUNTS
};

static const char *const count_names[COUNTS][2] = {
	[TAKEN_OUT] = { "taken_out", "events taken out" },
	[RESTORED] = { "restored", "events put in again" },
	[MARKS] = { "marks", "events taken out as they were marked" },
	[REPEATS] = { "repeats", "judgements of no higher version" },
	[UNCHANGED] = { "unchanged", "judgements that said what was said" },
	[UNKNOWN] = { "unknown", "judgements of unknown or forgotten events" },
	[MET] = { "met", "of these, whose event came later" },
	[OVERTAKEN] = { "overtaken", "of these, of a lower version than the next" },
	[WITHOUT_ID] = { "without_id", "events without event_id" },
	[UNKEPT] = { "unkept", "events too large to be kept, or without a weight" },
};

struct retract {
	const char *kind_names, *orphan_path;
	struct span keep;
	double marked;

	bool kinds[KIND_COUNT];
	struct judgement_keys keys;
	struct hash_key hash;
	struct recent recent; /* events and judgements */
	struct watermark watermark;
	struct output *orphans;
	struct judged piece;
	uint64_t counts[COUNTS];
};

static const struct option options[] = {
	OPTION('k', "kinds", struct retract, kind_names, "all",
	    "what is kept, to be taken back", "KINDS"),
	OPTION(0, "keep", struct retract, keep, "7d", "how long, in event time"),
	OPTION('m', "marked", struct retract, marked, "1",
	    "take back what has so high a fraud.score; 0: none", "SCORE"),
	OPTION_ASIDE('o', "orphans", struct retract, orphan_path, NULL,
	    "write judgements of unknown events there", "FILE"),
	OPTION_END,
};

/* --- Start ------------------------------------------------------------------------ */

/* "all": what is counted or learned by anyone. What an exchange has billed stays billed. */
static int
read_kinds(struct run *run, struct retract *f)
{
	const char *text = f->kind_names;
	struct slice name;

	if (slice_is(slice_text(text), "all")) {
		f->kinds[KIND_DECISION] = f->kinds[KIND_IMPRESSION] = true;
		f->kinds[KIND_CLICK] = f->kinds[KIND_EXPOSURE] = true;
		for (int k = KIND_PAGE_VIEW; k <= KIND_SIGN_UP; k++)
			f->kinds[k] = true;
		return 0;
	}
	while (option_next_name(&text, &name)) {
		enum kind kind = kind_of(name);

		if ((kind == KIND_OTHER && !slice_is(name, "other")) ||
		    kind == KIND_VERDICT || kind == KIND_RETRACT)
			return run_usage(run,
			    "--kinds: '%.*s' is no kind of event (try "
			    "impression,click,other)",
			    (int)(name.size < 64 ? name.size : 64), name.at);
		f->kinds[kind] = true;
	}
	return 0;
}

static int
start(struct run *run, void *self)
{
	struct retract *f = self;

	if (f->keep.us == 0)
		return run_usage(run, "--keep must be longer than 0");
	if (f->marked < 0)
		return run_usage(run, "--marked is a score over 0, or 0 for none");
	if (read_kinds(run, f) != 0)
		return -1;
	f->keys = judgement_keys(run_reader(run));
	f->hash = hash_key(run_seed(run));
	watermark_init(&f->watermark, f->keep, (struct span){ WHEN_DAY });
	if (run_memory(run) < RECENT_MEMORY_MIN ||
	    recent_init(&f->recent, run_memory(run)) != 0)
		return run_fail(run, "no memory for the events");
	if (f->orphan_path != NULL &&
	    (f->orphans = run_outlet(run, f->orphan_path)) == NULL)
		return -1;
	run_counter(run, "kept", "events and judgements kept", &f->recent.count);
	run_counter(run, "forgotten", "forgotten before --keep for want of memory",
	    &f->recent.evicted);
	for (unsigned i = 0; i < COUNTS; i++)
		run_counter(run, count_names[i][0], count_names[i][1], &f->counts[i]);
	return 0;
}

/* --- What is kept ----------------------------------------------------------------- */

/* Event time goes on. The time by which the record expires: of a wrong clock, now. */
static instant
see(struct retract *f, const struct record *r)
{
	instant at, received = WHEN_NEVER;

	if (!record_timestamp(r, &at))
		return f->watermark.largest;
	(void)record_instant(r, KEY_RECEIVED_AT, &received);
	if (watermark_see(&f->watermark, at, received))
		recent_expire(&f->recent, watermark_now(&f->watermark));
	return at < f->watermark.largest ? at : f->watermark.largest;
}

/* --- Events ----------------------------------------------------------------------- */

static int
emit_again(struct run *run, struct slice event, const struct judgement *j)
{
	struct build *b = run_build(run);

	judgement_again(b, event, j);
	return run_emit_built(run);
}

/* The event, and then what takes it back: it is held for no time. */
static enum verdict
pass_and_take_out(struct run *run, struct retract *f, const struct record *r,
    const struct judgement *j)
{
	struct slice event = slice_of(r->bytes, r->size);

	f->counts[TAKEN_OUT]++;
	return run_pass(run) == 0 && emit_again(run, event, j) == 0 ? HOLD : FAIL;
}

static enum verdict
take_event(struct run *run, struct retract *f, const struct record *r, instant at)
{
	const struct recent_entry *newest = NULL;
	struct judgement j;
	bool marked, out = false;
	struct recent_entry *e;
	struct slice id = { 0 };
	uint64_t key = 0;
	int64_t version = -1;

	if (!judgement_may_be_of(r)) {
		f->counts[UNKEPT]++;
		return PASS;
	}
	if (record_id(r, KEY_EVENT_ID, &id) && id.size > 0) {
		key = hash_keyed(f->hash, id);
		recent_prefetch(&f->recent, key);
	} else {
		f->counts[WITHOUT_ID]++;
	}
	marked = f->marked > 0 && judgement_of_mark(&f->keys, r, f->marked, &j);
	if (id.size > 0 && (newest = recent_find(&f->recent, key)) != NULL) {
		version = newest->number;
		out = (newest->flags & JUDGED_OUT) != 0;
		f->counts[MET] += (newest->flags & JUDGED_WAITING) != 0;
		if (out)
			j = judged_read(newest, &f->piece);
	}
	marked = marked && version < 0;
	if (id.size > 0) {
		e = recent_add(&f->recent, key, at, slice_of(r->bytes, r->size));
		e->number = version;
		e->flags = JUDGED_EVENT;
	}
	if (!out && !marked)
		return PASS;
	f->counts[MARKS] += marked;
	if (id.size > 0)
		judged_keep(&f->recent, key, at, &j, 0, &f->piece);
	return pass_and_take_out(run, f, r, &j);
}

/* --- Judgements ------------------------------------------------------------------- */

/* All events of the id flow once more; how many, -1 on failure. */
static int
turn(struct run *run, struct retract *f, const struct recent_entry *newest,
    const struct judgement *j)
{
	int n = 0;

	for (; newest != NULL; newest = recent_older(&f->recent, newest)) {
		if ((newest->flags & JUDGED_EVENT) == 0)
			continue;
		if (emit_again(run, recent_bytes(newest), j) != 0)
			return -1;
		n++;
	}
	if (j->out)
		f->counts[TAKEN_OUT] += (uint64_t)n;
	else
		f->counts[RESTORED] += (uint64_t)n;
	return n;
}

/* A retract ends here; a verdict is of use to others, but not to be carried out by them. */
static enum verdict
settle(struct run *run, struct retract *f, enum kind kind)
{
	if (kind == KIND_RETRACT)
		return DROP;
	build_bool(run_set(run, f->keys.settled), true);
	return PASS;
}

static enum verdict
pass_unknown(struct run *run, struct retract *f, const struct record *r)
{
	f->counts[UNKNOWN]++;
	if (f->orphans != NULL &&
	    run_divert(run, f->orphans, slice_of(r->bytes, r->size)) != 0)
		return FAIL;
	return PASS;
}

/* 1; 0: no event of it is here any more; -1 on failure. */
static int
carry_out(struct run *run, struct retract *f, const struct recent_entry *newest,
    struct judgement *j, instant at)
{
	enum judged_turn turns = judged_turn(&f->recent, newest, j, &f->piece);
	int n;

	if (turns != JUDGED_TURNS) {
		f->counts[turns == JUDGED_REPEATS ? REPEATS : UNCHANGED]++;
		return 1;
	}
	n = turn(run, f, newest, j);
	if (n >= 0)
		judged_keep(&f->recent, newest->key, at, j, 0, &f->piece);
	return n > 0 ? 1 : n;
}

static enum verdict
judge(struct run *run, struct retract *f, const struct record *r, enum kind kind,
    instant at)
{
	const struct recent_entry *newest;
	struct judgement j;
	const char *wrong = judgement_read(&f->keys, r, kind, &j);
	uint64_t key;
	int found;

	if (wrong != NULL)
		return run_reject(run, "%s of an event: %s", kind_name(kind), wrong);
	if (j.settled)
		return PASS;
	key = hash_keyed(f->hash, j.event_id);
	newest = recent_find(&f->recent, key);
	if (newest == NULL ||
	    ((newest->flags & JUDGED_WAITING) != 0 && j.version > newest->number)) {
		f->counts[OVERTAKEN] += newest != NULL;
		judged_keep(&f->recent, key, at, &j, JUDGED_WAITING, &f->piece);
		return pass_unknown(run, f, r);
	}
	found = carry_out(run, f, newest, &j, at);
	if (found < 0)
		return FAIL;
	return found > 0 ? settle(run, f, kind) : pass_unknown(run, f, r);
}

/* An event that flows once more says what was found of it, as another has it: it is carried
 * out by what is kept of the event, once. Of one that is not kept it passes. */
static enum verdict
hear(struct run *run, struct retract *f, struct judgement *j, instant at)
{
	const struct recent_entry *newest =
	    recent_find(&f->recent, hash_keyed(f->hash, j->event_id));
	int found;

	if (newest == NULL || (newest->flags & JUDGED_WAITING) != 0)
		return PASS;
	found = carry_out(run, f, newest, j, at);
	return found < 0 ? FAIL : found > 0 ? DROP : PASS;
}

static enum verdict
each(struct run *run, void *self, const struct record *r)
{
	struct retract *f = self;
	enum kind kind = record_kind(r);
	instant at = see(f, r);
	struct judgement j;

	if (kind == KIND_VERDICT || kind == KIND_RETRACT)
		return judge(run, f, r, kind, at);
	if (!f->kinds[kind])
		return PASS;
	return judgement_of_again(&f->keys, r, &j) ? hear(run, f, &j, at)
						   : take_event(run, f, r, at);
}

/* --- The end, snapshots ----------------------------------------------------------- */

static int
finish(struct run *run, void *self)
{
	const uint64_t *n = ((const struct retract *)self)->counts;
	uint64_t left = n[UNKNOWN] - n[MET] - n[OVERTAKEN];

	if (left > 0)
		run_say(run,
		    "%llu judgements are of events that did not come, or are forgotten "
		    "(--orphans FILE keeps them; --keep, --memory)",
		    (unsigned long long)left);
	return 0;
}

static int
save(struct run *run, void *self, struct state_writer *to)
{
	struct retract *f = self;

	(void)run;
	state_put(to, &f->watermark, sizeof f->watermark);
	state_put(to, f->counts, sizeof f->counts);
	recent_save(&f->recent, to);
	return 0;
}

static int
load(struct run *run, void *self, struct state_reader *from)
{
	struct retract *f = self;
	struct error error;

	if (state_get(from, &f->watermark, sizeof f->watermark) != 0 ||
	    state_get(from, f->counts, sizeof f->counts) != 0)
		return run_fail(run, "the snapshot is too short");
	if (recent_load(&f->recent, from, &error) != 0)
		return run_fail(run, "%s", error.text);
	return 0;
}

static void
stop(void *self)
{
	recent_fini(&((struct retract *)self)->recent);
}

static const struct filter retract = {
	.name = "retract",
	.about = "take back events that were found invalid, put in what was appealed",
	.examples = "  bp-givt <events.bp | bp-retract | bp-metric -w 1h -c events\n"
		    "  bp-retract --orphans orphans.bp judged.bp | bp-join >net.bp\n",
	.options = options,
	.size = sizeof(struct retract),
	.schema = 2,
	.start = start,
	.load = load,
	.each = each,
	.finish = finish,
	.save = save,
	.stop = stop,
};

int
main(int argc, char **argv)
{
	return filter_main(&retract, argc, argv);
}
