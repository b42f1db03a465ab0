/* SPDX-License-Identifier: MIT */
#include "lib/trial/valuation.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "lib/record/value.h"

/* Counts of whole weights are integers. */
static void
put(struct build *b, const char *name, double value)
{
	build_text(b, name);
	if (value == nearbyint(value) && fabs(value) < 0x1p53)
		build_int(b, (int64_t)value);
	else
		build_double(b, value);
}

static void
put_double(struct build *b, const char *name, double value)
{
	build_text(b, name);
	build_double(b, value);
}

static void
put_dims(struct build *b, const struct group *group, const struct slice *names,
    unsigned dims)
{
	struct slice rest = slice_of(group->dims, group->dims_size);

	build_text(b, "dims");
	build_map(b, dims);
	for (unsigned i = 0; i < dims; i++) {
		build_str(b, names[i]);
		if (rest.size == 0) {
			build_text(b, "(other)");
			continue;
		}
		build_raw(b, slice_of(rest.at, value_size(rest.at)));
		rest = slice_from(rest, value_size(rest.at));
	}
}

static void
put_estimate(struct build *b, const char *name, const struct offpolicy_estimate *e)
{
	build_text(b, name);
	build_map(b, e->reason != NULL ? 2 : e->anytime ? 7 : 5);
	put(b, "n", e->n);
	if (e->reason != NULL) {
		build_text(b, "reason");
		build_text(b, e->reason);
		return;
	}
	put_double(b, "estimate", e->value);
	put_double(b, "se", e->se);
	put_double(b, "low", e->interval.low);
	put_double(b, "high", e->interval.high);
	if (e->anytime) {
		put_double(b, "anytime_low", e->always.low);
		put_double(b, "anytime_high", e->always.high);
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
	put(b, "missing", d->missing);
	put_double(b, "ess", d->ess);
	put_double(b, "mean_weight", d->mean_weight);
	put_double(b, "mean_weight_z", d->mean_weight_z);
	put_double(b, "largest_weight", d->largest);
	put_double(b, "largest_share", d->largest_share);
	put_double(b, "zero_share", d->zero_share);
	put_double(b, "clipped_share", d->clipped_share);
	put_double(b, "outside_share", d->outside);
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
	build_text(b, "event");
	build_text(b, "metric");
	build_text(b, "event_id");
	build_text(b, id);
	build_text(b, "timestamp");
	build_int(b, group->latest);
	build_text(b, "window_start");
	build_int(b, group->earliest);
	build_text(b, "window_end");
	build_int(b, group->latest + 1);
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
	put_dims(b, group, names, dims);
	build_text(b, "reward");
	build_text(b, reward);
	put(b, "n", diagnosis.n);
	put_verdict(b, &verdict);
	put_estimate(b, "logged", &logged);
	if (verdict.reasons == 0)
		put_estimates(b, group, rule);
	put_diagnosis(b, &diagnosis);
	build_text(b, "sums");
	build_map(b, OFFPOLICY_SUMS);
	for (unsigned i = 0; i < OFFPOLICY_SUMS; i++)
		put(b, offpolicy_sum_name(i), sum_value(&group->sums.sums[i]));
}
