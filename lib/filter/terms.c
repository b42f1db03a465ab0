/* SPDX-License-Identifier: MIT */
#include "lib/filter/terms.h"

#include <string.h>

static int
check(const struct terms *t, struct run *run)
{
	for (unsigned i = 0; i < BUDGET_EVENTS; i++)
		if (t->wait[i].us <= 0)
			return run_usage(run, "a --wait must be longer than 0");
	if (t->pause.us <= 0)
		return run_usage(run, "--pause must be longer than 0");
	if (strlen(t->currency) != 3)
		return run_usage(run, "--currency is a code of three letters: USD");
	if (t->house > (uint64_t)CATALOGUE_MICROS_MAX)
		return run_usage(run, "--house-micros is at most 2^50");
	if (t->processes == 0 || t->processes > TERMS_PROCESSES_MAX)
		return run_usage(
		    run, "--processes is 1 to %d", (int)TERMS_PROCESSES_MAX);
	return 0;
}

static int
set_rules(const struct terms *t, struct run *run, struct desk *desk)
{
	struct desk_rules *rules = &desk->rules;
	struct error error;

	rules->offers.sells = desk->decider->judge.reward == MODEL_CONVERSION;
	rules->offers.house_micros = t->house == 0 ? -1 : (int64_t)t->house;
	rules->second = t->second;
	rules->one_of_campaign = t->diversity == 1 || t->diversity == 3;
	rules->one_of_category = t->diversity >= 2;
	if (floors_parse(&rules->floors, t->floors, &error) != 0)
		return run_usage(run, "--slot-floor: %s", error.text);
	for (unsigned i = 0; i < CAPS_SUBJECTS; i++)
		if (cap_parse(&desk->preset[i], t->caps[i], &error) != 0)
			return run_usage(run, "%s", error.text);
	return 0;
}

int
terms_start(
    const struct terms *t, struct run *run, struct desk *desk, uint64_t memory_bytes)
{
	static const enum desk_event pays[] = { DESK_BILLING, DESK_WIN,
		DESK_IMPRESSION };
	struct budget_rules rules = {
		.share = 1, .unpaced = t->unpaced, .parts = (unsigned)t->processes
	};

	if (check(t, run) != 0 || set_rules(t, run, desk) != 0)
		return -1;
	memcpy(rules.wait, t->wait, sizeof rules.wait);
	desk->count_decisions = t->count == 1;
	desk->pays = pays[t->pays];
	desk->currency = t->currency;
	desk->caps = caps_new(t->pause, memory_bytes);
	desk->budgets = budgets_new(rules, memory_bytes);
	return desk->caps != NULL && desk->budgets != NULL
	    ? 0
	    : run_fail(run, "no memory for caps and budgets: change --memory");
}

struct openrtb_rules
terms_auction(const struct terms *t, const char *base)
{
	return (struct openrtb_rules){ t->seat, t->currency, t->tmax,
		strncmp(base, "https:", 6) == 0 };
}

void
terms_stop(struct desk *desk)
{
	caps_free(desk->caps);
	budgets_free(desk->budgets);
}
