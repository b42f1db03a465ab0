/* SPDX-License-Identifier: MIT
 *
 * bp-feature: add the features that models learn.
 *
 * in     decisions and outcomes (and impressions, if wanted), which get features; every
 *        event that the specification counts
 * out    the same records in the same order, decisions and outcomes with the keys
 *        features and feature_values, after those that they have
 * state  the counters of the specification and what is on its way to them; the features
 *        of outcomes that can be revised, so that a revision has those of its first
 * needs  events in the order of time; run bp-sort before it if they are not
 *
 * An event's features never contain the event, nor what was not known at its time: it is
 * read before it is counted, and an outcome as of the showing.
 */
#include <stdlib.h>

#include "lib/feature/extract.h"
#include "lib/feature/memo.h"
#include "lib/filter.h"
#include "lib/filter/names.h"
#include "lib/hash.h"

enum {
	SPEC_SIZE_MAX = 256 << 10,
	RESERVE = 2 << 20, /* what the extraction itself takes */
	MEMO_SHARE = 4,    /* of the memory: a quarter */
	NAMES_SHARE = 8,
};

struct feature {
	const char *spec_path, *names_path;
	bool impressions;

	struct extract *extract; /* owned */
	struct memo memo;        /* of outcomes, by their name */
	struct names names;
	struct hash_key hash_key;
	struct key features, values, shown_at, revision;
	instant now; /* of the current record */
	uint64_t extracted, forgotten;
};

static const struct option options[] = {
	OPTION_ASIDE('s', "spec", struct feature, spec_path, NULL,
	    "the features that are wanted (required)", "FILE"),
	OPTION_ASIDE('n', "names", struct feature, names_path, NULL,
	    "write the name of every key there, once", "FILE"),
	OPTION('i', "impressions", struct feature, impressions, NULL,
	    "add features to impressions too"),
	OPTION_END,
};

/* --- Start ------------------------------------------------------------------------ */

static struct spec *
read_spec(struct run *run, const char *path)
{
	struct error error;
	struct slice text;
	uint8_t *bytes = run_read_file(run, path, SPEC_SIZE_MAX, &text, &error);
	struct spec *spec = NULL;

	if (bytes == NULL) {
		(void)run_usage(run, "--spec: %s", error.text);
		return NULL;
	}
	spec = spec_new(run_reader(run), text, &error);
	free(bytes);
	if (spec == NULL)
		(void)run_usage(run, "--spec %s: %s", path, error.text);
	return spec;
}

static int
write_name(void *context, uint64_t key, struct slice name)
{
	struct feature *f = context;

	return names_write(&f->names, key, name, f->now);
}

static void
show_counters(struct run *run, const struct feature *f)
{
	const struct extract_counts *c = extract_counts(f->extract);

	run_counter(run, "extracted", "records that got features", &f->extracted);
	run_counter(run, "forgotten",
	    "revisions without counts, as their first features were forgotten",
	    &f->forgotten);
	run_counter(
	    run, "evicted_counters", "counters lost for want of memory", &c->evicted);
	run_counter(run, "late_events", "events older than the windows that count them",
	    &c->late);
	run_counter(run, "early_counts",
	    "amounts counted before their time for want of memory", &c->early);
	run_counter(run, "behind",
	    "records without counts, as they came after later ones", &c->behind);
	run_counter(
	    run, "cut_features", "features over the limit of a record", &c->cut);
}

static int
start(struct run *run, void *self)
{
	struct feature *f = self;
	uint64_t memory = run_memory(run) - RESERVE;
	struct error error;
	struct spec *spec;

	if (f->spec_path == NULL)
		return run_usage(run, "--spec FILE is missing (see --help)");
	f->features = run_key(run, "features");
	f->values = run_key(run, "feature_values");
	f->shown_at = run_key(run, "shown_at");
	f->hash_key = hash_key(run_seed(run));
	f->revision = run_key(run, "revision");
	if (f->names_path != NULL &&
	    names_open(&f->names, run, f->names_path, memory / NAMES_SHARE) != 0)
		return -1;
	spec = read_spec(run, f->spec_path);
	if (spec == NULL)
		return -1;
	f->extract =
	    extract_new(spec, memory - memory / MEMO_SHARE - memory / NAMES_SHARE,
		run_seed(run), f->names.out != NULL ? write_name : NULL, f, &error);
	if (f->extract == NULL)
		return run_fail(run, "%s", error.text);
	if (memo_init(&f->memo, memory / MEMO_SHARE) != 0)
		return run_fail(run, "no memory for revisions");
	show_counters(run, f);
	return 0;
}

/* --- Revisions -------------------------------------------------------------------- */

/* Outcomes of one banner have the same event_id up to the last dot (join.1). */
static bool
outcome_name(const struct feature *f, const struct record *r, uint64_t *name)
{
	struct slice id;

	if (!record_str(r, KEY_EVENT_ID, &id))
		return false;
	while (id.size > 0 && id.at[id.size - 1] != '.')
		id.size--;
	*name = hash_keyed(f->hash_key, id);
	return id.size > 0;
}

/* An outcome has the features of its first revision: what is taken back must be what was
 * given, and what came before the first cannot be read any more. */
static int
describe_outcome(struct feature *f, const struct record *r, double weight,
    struct count_times t, struct features *to)
{
	int64_t revision = 0;
	uint64_t name = 0;
	bool named = outcome_name(f, r, &name), again;

	(void)record_int(r, f->revision, &revision);
	again = revision > 0 || weight < 0;
	if (named)
		memo_prefetch(&f->memo, name);
	if (again && named && memo_get(&f->memo, name, to))
		return 0;
	f->forgotten += again;
	if (extract_features(f->extract, r, t, !again, to) != 0)
		return -1;
	if (named && !again)
		memo_put(&f->memo, name, to);
	return 0;
}

/* The features that the record has already. False: they are none that can be read. */
static bool
read_before(const struct feature *f, const struct record *r, struct features *to)
{
	struct slice value;

	*to = (struct features){ { NULL, 0 }, { NULL, 0 } };
	if (record_value(r, f->features, &value) && !value_bin(value, &to->keys))
		return false;
	if (record_value(r, f->values, &value) && !value_bin(value, &to->values))
		return false;
	return features_check(to) == FEATURES_FINE;
}

static enum verdict
describe(struct run *run, struct feature *f, const struct record *r, enum kind kind,
    double weight, struct count_times t)
{
	struct features before, own;
	int status;

	if (!read_before(f, r, &before))
		return run_reject(run, "its features are not bins of keys and values");
	if (kind == KIND_OUTCOME)
		status = describe_outcome(f, r, weight, t, &own);
	else
		status = extract_features(f->extract, r, t, true, &own);
	if (status != 0)
		return FAIL;
	f->extracted++;
	if (before.keys.size > 0)
		extract_join(f->extract, &before, &own);
	build_bin(run_set(run, f->features), own.keys);
	if (own.values.size > 0)
		build_bin(run_set(run, f->values), own.values);
	return PASS;
}

static enum verdict
each(struct run *run, void *self, const struct record *r)
{
	struct feature *f = self;
	enum kind kind = record_kind(r);
	bool wanted = kind == KIND_DECISION || kind == KIND_OUTCOME ||
	    (kind == KIND_IMPRESSION && f->impressions);
	enum verdict verdict = PASS;
	struct count_times t;
	double weight;

	if (kind == KIND_OTHER)
		return PASS;
	if (!record_timestamp(r, &t.known) || !record_weight(r, &weight))
		return wanted ? run_reject(run,
				    "%s without timestamp, or with a weight that is no "
				    "number",
				    kind_name(kind))
			      : PASS;
	f->now = t.known;
	if (kind != KIND_OUTCOME || !record_instant(r, f->shown_at, &t.shown) ||
	    t.shown > t.known || t.shown < -WHEN_MAX)
		t.shown = t.known;
	if (wanted)
		verdict = describe(run, f, r, kind, weight, t);
	if (verdict == PASS)
		extract_update(f->extract, r, kind, weight, t);
	return verdict;
}

static int
save(struct run *run, void *self, struct state_writer *to)
{
	struct feature *f = self;

	(void)run;
	extract_save(f->extract, to);
	memo_save(&f->memo, to);
	state_put_u64(to, f->extracted);
	state_put_u64(to, f->forgotten);
	names_save(&f->names, to);
	return 0;
}

static int
load(struct run *run, void *self, struct state_reader *from)
{
	struct feature *f = self;
	struct error error;

	if (extract_load(f->extract, from, &error) != 0 ||
	    memo_load(&f->memo, from, &error) != 0)
		return run_usage(run, "%s", error.text);
	if (state_get_u64(from, &f->extracted) != 0 ||
	    state_get_u64(from, &f->forgotten) != 0)
		return run_fail(run, "the snapshot is too short");
	return names_load(&f->names, run, from);
}

static void
stop(void *self)
{
	struct feature *f = self;

	extract_free(f->extract);
	memo_fini(&f->memo);
	names_fini(&f->names);
}

static const struct filter feature = {
	.name = "feature",
	.about = "add the features that models learn",
	.examples =
	    "  bp-join day.bp | bp-feature --spec ctr.spec | bp-learn --model m\n"
	    "  bp-feature --spec ctr.spec --names names.bp day.bp > out.bp\n",
	.options = options,
	.size = sizeof(struct feature),
	.schema = 1,
	.start = start,
	.each = each,
	.save = save,
	.load = load,
	.stop = stop,
};

int
main(int argc, char **argv)
{
	return filter_main(&feature, argc, argv);
}
