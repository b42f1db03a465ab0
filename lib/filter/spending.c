/* SPDX-License-Identifier: MIT */
#include "lib/filter/spending.h"

void
spending_show(struct run *run, const struct budget_counts *c)
{
	run_counter(run, "reserved", "decisions whose price was held", &c->reserved);
	run_counter(run, "open", "prices held now", &c->open);
	run_counter(run, "released", "prices let go unpaid", &c->released);
	run_counter(run, "paid", "prices paid", &c->paid);
	run_counter(run, "uncovered", "prices paid that nothing held", &c->late);
	run_counter(run, "returned", "payments taken back", &c->returned);
	run_counter(run, "evicted", "prices let go for want of memory", &c->evicted);
}

int
spending_alerts(struct run *run, const struct shop *s, struct budgets *b, instant when)
{
	struct slice id = { (const uint8_t *)"", 0 };
	struct budget_alert a;

	while (budgets_alert(b, &a)) {
		uint32_t row = catalogue_find_campaign(s->catalogue, a.campaign);

		if (row != CATALOGUE_NONE)
			id = catalogue_campaign_id(s->catalogue, row);
		budget_alert_build(&a, id, when, run_build(run));
		if (run_emit_built(run) != 0)
			return FAIL;
	}
	return 0;
}
