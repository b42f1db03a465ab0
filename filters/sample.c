/* SPDX-License-Identifier: MIT
 *
 * bp-sample: let through a share of the records, weighted for those left out.
 *
 * in     any records
 * out    a share of them, chosen by a key's value, with their weight divided by the
 *        share; those without the key, or for which --where does not hold, as they are;
 *        verdicts and retracts with their events
 * state  none
 * needs  nothing
 */
#include <math.h>

#include "lib/filter.h"
#include "lib/hash.h"
#include "lib/text/expr.h"

/* Others count and place ids by their hash under --seed as it is. What passes here shall
 * be spread over all of it, not be one corner. */
static const uint64_t APART = UINT64_C(0x73616D706C65);

struct sample {
	double share;
	const char *key_name, *where; /* where: NULL for all records */

	struct hash_key hash;
	struct key key;
	struct expr *condition; /* owned; NULL: none */
	uint64_t without_key;
};

static const struct option options[] = {
	OPTION('s', "share", struct sample, share, NULL,
	    "let through this part of the records, over 0, up to 1", "SHARE"),
	OPTION('k', "key", struct sample, key_name, "event_id",
	    "the key whose value chooses: all records of a value, or none", "NAME"),
	OPTION('w', "where", struct sample, where, NULL,
	    "only of those for which this holds, see bp-select(1); others pass",
	    "EXPRESSION"),
	OPTION_END,
};

static int
start(struct run *run, void *self)
{
	struct sample *s = self;
	struct slice name = slice_text(s->key_name);
	struct error error;

	if (!(s->share > 0 && s->share <= 1))
		return run_usage(
		    run, "--share is missing, or not over 0 and at most 1");
	if (name.size == 0 || name.size > RECORD_KEY_SIZE_MAX)
		return run_usage(
		    run, "--key must have 1 to %d bytes", RECORD_KEY_SIZE_MAX);
	s->hash = hash_key(run_seed(run));
	s->key = run_key_slice(run, name);
	run_counter(run, "without_key", "records without the key, which passed",
	    &s->without_key);
	if (s->where == NULL)
		return 0;
	s->condition =
	    expr_compile_condition(run_reader(run), slice_text(s->where), &error);
	if (s->condition == NULL)
		return run_usage(run, "--where: %s", error.text);
	run_counter(run, "cut_off", "matches and expressions that took too long",
	    expr_cut_off(s->condition));
	return 0;
}

static bool
chosen(const struct sample *s, struct slice id)
{
	uint64_t h = hash_pair(hash_keyed(s->hash, id), APART);

	return hash_uniform(h) < s->share;
}

static enum verdict
each(struct run *run, void *self, const struct record *r)
{
	struct sample *s = self;
	struct slice id;
	double weight;

	if (s->condition != NULL && !expr_test(s->condition, r))
		return PASS;
	if (!record_id(r, s->key, &id) || id.size == 0) {
		s->without_key++;
		return PASS;
	}
	if (!chosen(s, id))
		return DROP;
	/* Byte for byte: nothing is to be made up for, or it counts for nothing. */
	if (s->share == 1 || record_kind(r) == KIND_VERDICT ||
	    record_kind(r) == KIND_RETRACT)
		return PASS;
	if (!record_weight(r, &weight) || !isfinite(weight / s->share))
		return run_reject(
		    run, "weight is no finite number, or not when divided by --share");
	build_double(run_set(run, KEY_WEIGHT), weight / s->share);
	return PASS;
}

static void
stop(void *self)
{
	struct sample *s = self;

	expr_free(s->condition);
}

static const struct filter sample = {
	.name = "sample",
	.about = "let through a share of the records, weighted for the rest",
	.examples = "  bp-sample --share 0.1 --key user_id day.bp >tenth.bp\n"
		    "  bp-sample --share 0.1 --where 'rewards.click == 0' day.bp |\n"
		    "      bp-learn --model click.model >learned.bp\n",
	.options = options,
	.size = sizeof(struct sample),
	.start = start,
	.each = each,
	.stop = stop,
};

int
main(int argc, char **argv)
{
	return filter_main(&sample, argc, argv);
}
