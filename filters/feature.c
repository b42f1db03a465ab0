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
 * read before it is counted, and an outcome as of the showing. One that is taken back has
 * a negative weight and the time that it had, and is taken out where it was put.
 */
#include <stdlib.h>

#include "lib/feature/describe.h"
#include "lib/filter.h"
#include "lib/filter/names.h"

enum {
	SPEC_SIZE_MAX = 256 << 10,
	RESERVE = 2 << 20, /* what the extraction itself takes */
	MEMO_SHARE = 4,    /* of the memory: a quarter */
	NAMES_SHARE = 8,
};

struct feature {
	const char *spec_path, *names_path;
	bool impressions;

	struct describe describe;
	struct names names;
	struct key features, values;
	instant now; /* of the current record */
	uint64_t extracted;
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
	const struct extract_counts *c = extract_counts(f->describe.extract);

	run_counter(run, "extracted", "records that got features", &f->extracted);
	run_counter(run, "forgotten",
	    "revisions without counts, as their first features were forgotten",
	    &f->describe.forgotten);
	run_counter(
	    run, "evicted_counters", "counters lost for want of memory", &c->evicted);
	run_counter(run, "late_events", "events older than the windows that count them",
	    &c->late);
	run_counter(run, "stuck_counts",
	    "amounts that could not be taken back: their counter is lost, or a sketch",
	    &c->stuck);
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
	if (f->names_path != NULL &&
	    names_open(&f->names, run, f->names_path, memory / NAMES_SHARE) != 0)
		return -1;
	spec = read_spec(run, f->spec_path);
	if (spec == NULL)
		return -1;
	if (describe_init(&f->describe, spec, run_reader(run),
		memory - memory / MEMO_SHARE - memory / NAMES_SHARE,
		memory / MEMO_SHARE, run_seed(run),
		f->names.out != NULL ? write_name : NULL, f, &error) < 0)
		return run_fail(run, "%s", error.text);
	show_counters(run, f);
	return 0;
}

/* --- Records ---------------------------------------------------------------------- */

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

	if (!read_before(f, r, &before))
		return run_reject(run, "its features are not bins of keys and values");
	if (describe_features(&f->describe, r, kind, weight, t, &own) != 0)
		return FAIL;
	f->extracted++;
	if (before.keys.size > 0)
		extract_join(f->describe.extract, &before, &own);
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
	if (!describe_times(&f->describe, r, kind, &t) || !record_weight(r, &weight))
		return wanted ? run_reject(run,
				    "%s without timestamp, or with a weight that is no "
				    "number",
				    kind_name(kind))
			      : PASS;
	f->now = t.known;
	if (wanted)
		verdict = describe(run, f, r, kind, weight, t);
	if (verdict == PASS)
		extract_update(f->describe.extract, r, kind, weight, t);
	return verdict;
}

static int
save(struct run *run, void *self, struct state_writer *to)
{
	struct feature *f = self;

	(void)run;
	describe_save(&f->describe, to);
	state_put_u64(to, f->extracted);
	state_put_u64(to, f->describe.forgotten);
	names_save(&f->names, to);
	return 0;
}

static int
load(struct run *run, void *self, struct state_reader *from)
{
	struct feature *f = self;
	struct error error;

	if (describe_load(&f->describe, from, &error) != 0)
		return run_usage(run, "%s", error.text);
	if (state_get_u64(from, &f->extracted) != 0 ||
	    state_get_u64(from, &f->describe.forgotten) != 0)
		return run_fail(run, "the snapshot is too short");
	return names_load(&f->names, run, from);
}

static void
stop(void *self)
{
	struct feature *f = self;

	describe_fini(&f->describe);
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
	.schema = 3,
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
