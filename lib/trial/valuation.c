/* SPDX-License-Identifier: MIT */
#include "lib/trial/valuation.h"

#include <inttypes.h>
#include <stdio.h>

#include "lib/record/pair.h"
#include "lib/trial/dims.h"

static void
put_estimate(struct build *b, const char *name, const struct offpolicy_estimate *e)
{
	build_text(b, name);
	build_map(b, e->reason != NULL ? 2 : e->anytime ? 7 : 5);
	pair_number(b, "n", e->n);
	if (e->reason != NULL) {
		pair_text(b, "reason", e->reason);
		return;
	}
	pair_double(b, "estimate", e->value);
	pair_double(b, "se", e->se);
	pair_double(b, "low", e->interval.low);
	pair_double(b, "high", e->interval.high);
	if (e->anytime) {
		pair_double(b, "anytime_low", e->always.low);
		pair_double(b, "anytime_high", e->always.high);
	}
}

static void
put_estimates(
    struct build *b, const struct group *group, const struct offpolicy_rule *rule)
{
	build_text(b, "estimators");
	build_map(b, OFFPOLICY_ESTIMATORS);
	for (unsigned i = 0; i < OFFPOLICY_ESTIMATORS; i++) {
		struct offpolicy_estimate e = offpolicy_estimate(&group->sums, rule, i);

		put_estimate(b, offpolicy_name(i), &e);
	}
}

static void
put_diagnosis(struct build *b, const struct offpolicy_diagnosis *d)
{
	build_text(b, "diagnostics");
	build_map(b, 9);
	pair_number(b, "missing", d->missing);
	pair_double(b, "ess", d->ess);
	pair_double(b, "mean_weight", d->mean_weight);
	pair_double(b, "mean_weight_z", d->mean_weight_z);
	pair_double(b, "largest_weight", d->largest);
	pair_double(b, "largest_share", d->largest_share);
	pair_double(b, "zero_share", d->zero_share);
	pair_double(b, "clipped_share", d->clipped_share);
	pair_double(b, "outside_share", d->outside);
}

static void
put_verdict(struct build *b, const struct offpolicy_verdict *v)
{
	build_text(b, "trusted");
	build_bool(b, v->reasons == 0);
	build_text(b, "reasons");
	build_array(b, v->reasons);
	for (unsigned i = 0; i < v->reasons; i++)
		build_text(b, v->text[i]);
}

static void
put_envelope(struct build *b, const struct group *group)
{
	char id[64];

	(void)snprintf(id, sizeof id, "evaluate:%016" PRIx64 ":%" PRIu64, group->key,
	    group->revision);
	pair_text(b, "event", "metric");
	pair_text(b, "event_id", id);
	pair_int(b, "timestamp", group->latest);
	pair_int(b, "window_start", group->earliest);
	pair_int(b, "window_end", group->latest + 1);
	build_text(b, "revision");
	build_uint(b, group->revision);
}

void
valuation_build(struct build *b, const struct group *group,
    const struct offpolicy_rule *rule, const char *reward, const struct slice *names,
    unsigned dims)
{
	struct offpolicy_diagnosis diagnosis = offpolicy_diagnose(&group->sums);
	struct offpolicy_estimate logged = offpolicy_logged(&group->sums, rule);
	struct offpolicy_verdict verdict;

	offpolicy_judge(&diagnosis, rule, &verdict);
	if (group->number == 0) /* perhaps of several policies */
		verdict = (struct offpolicy_verdict){ 1,
			{ "it is the sum of groups that found no room (--groups)" } };
	build_map(b, verdict.reasons == 0 ? 15 : 14);
	put_envelope(b, group);
	dims_build(b, slice_of(group->dims, group->dims_size), names, dims);
	pair_text(b, "reward", reward);
	pair_number(b, "n", diagnosis.n);
	put_verdict(b, &verdict);
	put_estimate(b, "logged", &logged);
	if (verdict.reasons == 0)
		put_estimates(b, group, rule);
	put_diagnosis(b, &diagnosis);
	build_text(b, "sums");
	build_map(b, OFFPOLICY_SUMS);
	for (unsigned i = 0; i < OFFPOLICY_SUMS; i++)
		pair_number(b, offpolicy_sum_name(i), sum_value(&group->sums.sums[i]));
}
