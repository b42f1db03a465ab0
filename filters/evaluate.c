/* SPDX-License-Identifier: MIT
 *
 * bp-evaluate: what another policy would have earned, from the log of the one that ran.
 *
 * in     outcomes with the probability of what was shown, which end here; others pass
 * out    metric records: the policy's value by ten estimators, or why there is none
 * state  sums of each policy and group; without room for more, groups merge into "(other)"
 * needs  what the policy would have done: a table, or `evaluation` of bp-rank --what-if
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/filter.h"
#include "lib/trial/evidence.h"
#include "lib/trial/groups.h"
#include "lib/trial/valuation.h"

enum { RESERVE = 4 << 20, GROUPS_MEMORY_MIN = 1 << 20 };

struct evaluate {
	const char *by, *policy, *table;
	uint64_t every, groups_limit;
	struct evidence evidence;
	struct offpolicy_rule rule;

	struct run *run;
	struct policy_table *known; /* of the table */
	struct groups *groups;
	unsigned dims;
	struct slice names[GROUPS_DIMS_MAX];
	struct key by_keys[GROUPS_DIMS_MAX];   /* from 1 on; 0 is the policy */
	uint8_t name[RECORD_KEY_SIZE_MAX + 3]; /* of the policy, as msgpack */
	uint64_t since;                        /* outcomes since the last report */
	struct groups_counts counts;
};

static const struct option options[] = {
	OPTION('p', "policy", struct evaluate, policy, "",
	    "uniform, or the name of --policy-table; else as records say", "NAME"),
	OPTION('t', "policy-table", struct evaluate, table, NULL,
	    "the policy: position, creative_id, probability", "FILE"),
	OPTION('a', "actions", struct evaluate, evidence.actions, "0",
	    "candidates, where records have none"),
	OPTION_CHOICE('r', "reward", struct evaluate, evidence.reward,
	    "reward|click|conversion|value_micros", "what is earned"),
	OPTION('R', "reward-max", struct evaluate, rule.reward_max, "1",
	    "rewards lie in 0 .. this"),
	OPTION('b', "by", struct evaluate, by, "", "groups, keys of the records: a,b,c",
	    "KEYS"),
	OPTION('g', "groups", struct evaluate, groups_limit, "10000",
	    "groups kept; the stalest go to (other)"),
	OPTION_ASIDE('n', "report", struct evaluate, every, "0",
	    "outcomes between reports; 0: only one at the end"),
	OPTION('c', "clip", struct evaluate, rule.clip, "10", "M of clipped_ips"),
	OPTION(
	    's', "switch", struct evaluate, rule.threshold, "10", "tau of switch_dr"),
	OPTION('l', "shrink", struct evaluate, rule.shrink, "100", "lambda of dros"),
	OPTION('w', "weight-max", struct evaluate, rule.weight_max, "0",
	    "no weight can be larger; 0: unknown"),
	OPTION('e', "ess-min", struct evaluate, rule.ess_min, "100",
	    "effective sample size that is trusted"),
	OPTION('S', "share-max", struct evaluate, rule.share_max, "0.1",
	    "share of all weight that one outcome may carry"),
	OPTION_END,
};

/* --- Start ------------------------------------------------------------------------ */

static int
read_table(struct run *run, struct evaluate *v)
{
	struct error error;
	struct slice text;
	uint8_t *bytes =
	    run_read_file(run, v->table, POLICY_TABLE_TEXT_MAX - 1, &text, &error);

	if (bytes == NULL)
		return run_usage(run, "--policy-table: %s", error.text);
	v->known = policy_table_read(text, run_seed(run), &error);
	free(bytes);
	v->evidence.table = v->known;
	return v->known != NULL
	    ? 0
	    : run_usage(run, "--policy-table %s: %s", v->table, error.text);
}

/* Where the policy's probabilities come from, and its name. */
static int
choose_policy(struct run *run, struct evaluate *v)
{
	const char *name = v->policy;
	struct build b;

	if (v->table != NULL) {
		v->evidence.source = EVIDENCE_TABLE;
		name = *name != '\0' ? name : "table";
		if (read_table(run, v) != 0)
			return -1;
	} else if (strcmp(name, "uniform") == 0) {
		v->evidence.source = EVIDENCE_UNIFORM;
	} else if (*name != '\0') {
		return run_usage(run,
		    "--policy %s needs a --policy-table (only uniform needs none)",
		    name);
	}
	if (strlen(name) > RECORD_KEY_SIZE_MAX)
		return run_usage(
		    run, "--policy is longer than %d bytes", RECORD_KEY_SIZE_MAX);
	build_init(&b, v->name, sizeof v->name);
	build_text(&b, name);
	v->evidence.name = build_slice(&b);
	return 0;
}

static int
choose_groups(struct run *run, struct evaluate *v)
{
	const char *rest = v->by;
	struct slice name;

	v->names[0] = slice_text("policy");
	v->dims = 1;
	while (option_next_name(&rest, &name)) {
		if (v->dims == GROUPS_DIMS_MAX)
			return run_usage(
			    run, "--by takes at most %d keys", GROUPS_DIMS_MAX - 1);
		if (name.size > RECORD_KEY_SIZE_MAX)
			return run_usage(run, "--by: a key is longer than %d bytes",
			    RECORD_KEY_SIZE_MAX);
		if (slice_is(name, "policy"))
			return run_usage(run, "--by: policy is always there");
		v->names[v->dims] = name;
		v->by_keys[v->dims++] = run_key_slice(run, name);
	}
	v->groups = groups_new(
	    v->dims, v->groups_limit, run_memory(run) - RESERVE, run_seed(run));
	return v->groups != NULL ? 0 : run_fail(run, "no memory for the groups");
}

static int
check_options(struct run *run, const struct evaluate *v)
{
	const struct offpolicy_rule *rule = &v->rule;

	if (!(rule->clip > 0 && rule->threshold > 0 && rule->shrink > 0))
		return run_usage(run, "--clip, --switch and --shrink must be positive");
	if (!(rule->reward_max > 0 && rule->reward_max <= OFFPOLICY_REWARD_MAX))
		return run_usage(run, "--reward-max must be positive, at most %g",
		    OFFPOLICY_REWARD_MAX);
	if (!(rule->weight_max == 0 || rule->weight_max >= 1))
		return run_usage(run, "--weight-max must be at least 1, the mean");
	if (!(rule->ess_min >= 0 && rule->share_max > 0 && rule->share_max <= 1))
		return run_usage(
		    run, "--ess-min must not be negative, --share-max in 0 .. 1");
	if (v->groups_limit == 0 || v->groups_limit > GROUPS_MAX)
		return run_usage(run, "--groups must be 1 to %d", GROUPS_MAX);
	if (run_memory(run) < RESERVE + GROUPS_MEMORY_MIN)
		return run_usage(run, "--memory is too small for a group");
	return 0;
}

static int
start(struct run *run, void *self)
{
	struct evaluate *v = self;

	v->run = run;
	if (check_options(run, v) != 0 || choose_policy(run, v) != 0 ||
	    choose_groups(run, v) != 0)
		return -1;
	evidence_keys(&v->evidence, run_reader(run));
	run_counter(run, "groups", "groups held", &v->counts.groups);
	run_counter(
	    run, "merged_groups", "groups merged into (other)", &v->counts.merged);
	return 0;
}

/* --- Adding and giving out -------------------------------------------------------- */

static int
give(void *context, const struct group *group)
{
	struct evaluate *v = context;

	valuation_build(run_build(v->run), group, &v->rule,
	    evidence_reward_name((enum evidence_reward)v->evidence.reward), v->names,
	    v->dims);
	return run_emit_built(v->run);
}

static enum verdict
each(struct run *run, void *self, const struct record *r)
{
	static const uint8_t nil = 0xc0;
	struct evaluate *v = self;
	struct slice values[GROUPS_DIMS_MAX];
	struct offpolicy_event event;
	struct group *group;
	const char *wrong;
	instant when;

	if (record_kind(r) != KIND_OUTCOME)
		return PASS;
	if (!record_timestamp(r, &when))
		return run_reject(run, "outcome without timestamp");
	wrong = evidence_read(&v->evidence, r, &event, &values[0]);
	if (wrong != NULL)
		return run_reject(run, "%s", wrong);
	for (unsigned i = 1; i < v->dims; i++)
		if (!record_value(r, v->by_keys[i], &values[i]))
			values[i] = slice_of(&nil, 1);
	group = groups_find(v->groups, when, values);
	v->counts = groups_counts(v->groups);
	if (!evidence_propensity(&v->evidence, r, &event)) {
		offpolicy_miss(&group->sums, event.v);
		return run_reject(run, "probability is missing, or not in (0, 1]");
	}
	offpolicy_add(&group->sums, &v->rule, &event);
	if (v->every > 0 && ++v->since >= v->every) {
		v->since = 0;
		if (groups_each_changed(v->groups, give, v) != 0)
			return FAIL;
	}
	return DROP;
}

static int
finish(struct run *run, void *self)
{
	struct evaluate *v = self;

	(void)run;
	return groups_each_changed(v->groups, give, v);
}

static int
save(struct run *run, void *self, struct state_writer *to)
{
	struct evaluate *v = self;

	(void)run;
	state_put_u64(to, v->since);
	groups_save(v->groups, to);
	return 0;
}

static int
load(struct run *run, void *self, struct state_reader *from)
{
	struct evaluate *v = self;
	struct error error;

	if (state_get_u64(from, &v->since) != 0)
		return run_fail(run, "the snapshot is too short");
	if (groups_load(v->groups, from, &error) != 0)
		return run_fail(run, "%s", error.text);
	v->counts = groups_counts(v->groups);
	return 0;
}

static void
stop(void *self)
{
	struct evaluate *v = self;

	policy_table_free(v->known);
	groups_free(v->groups);
}

static const struct filter evaluate = {
	.name = "evaluate",
	.about = "what another policy would have earned on the log",
	.examples =
	    "  bp-evaluate --policy uniform --reward click outcomes | bp-print\n"
	    "  bp-evaluate --policy-table bts.csv --by position <outcomes >values\n",
	.options = options,
	.size = sizeof(struct evaluate),
	.schema = 1,
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
	return filter_main(&evaluate, argc, argv);
}
