/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "lib/record/feature_key.h"
#include "lib/state/block.h"
#include "lib/transaction/book_inside.h"

void
book_save(struct book *b, struct state_writer *to)
{
	state_put(to, &b->counts, sizeof b->counts);
	state_put_i64(to, b->now);
	state_put_u64(to, b->due);
	report_save(&b->total, to);
	report_save(&b->interval, to);
	scorecard_save(&b->scorecard, to);
	ledger_save(&b->ledger, to);
	state_put_table(to, b->customers);
	for (unsigned i = 0; i < b->traits.terminals; i++)
		state_put_table(to, b->terminals[i]);
	if (b->velocity != NULL)
		state_put_velocity(to, b->velocity);
}

/* --- Whether what was read can have come about ----------------------------------------- */

static bool
transactions_are_sound(const struct book *b)
{
	const struct ledger *l = &b->ledger;

	for (uint64_t n = l->first; n < l->next; n++) {
		const struct transaction *t = ledger_at(l, n);

		if (!(t->weight >= 0 && t->weight <= FEATURES_VALUE_MAX) ||
		    !isfinite(t->score) || !ledger_instant_holds(t->when) ||
		    !traits_are_sound(&b->traits, ledger_traits(l, t)))
			return false;
	}
	return true;
}

static bool
customers_are_sound(const struct book *b)
{
	uint64_t most = b->ledger.next - b->ledger.first;
	size_t s = 0;

	for (; (s = table_next(b->customers, s)) != TABLE_NONE; s++) {
		const struct customer *c = table_cell(b->customers, s);

		if (!bands_are_sound(&b->customer_kind, &b->ledger, &c->bands, &most) ||
		    !customer_is_sound(&b->ledger, CUSTOMER, c))
			return false;
	}
	return true;
}

static bool
terminals_are_sound(const struct book *b, unsigned i)
{
	uint64_t most = b->ledger.next - b->ledger.first;
	size_t s = 0;

	for (; (s = table_next(b->terminals[i], s)) != TABLE_NONE; s++)
		if (!bands_are_sound(&b->terminal_kind[i], &b->ledger,
			table_cell(b->terminals[i], s), &most))
			return false;
	return true;
}

static bool
is_sound(const struct book *b)
{
	bool sound = ledger_instant_holds(b->now) && b->due >= b->ledger.first &&
	    b->due <= b->ledger.next && transactions_are_sound(b) &&
	    customers_are_sound(b);

	for (unsigned i = 0; i < b->traits.terminals; i++)
		sound = sound && terminals_are_sound(b, i);
	return sound;
}

int
book_load(struct book *b, struct state_reader *from, struct error *error)
{
	if (state_get(from, &b->counts, sizeof b->counts) != 0 ||
	    state_get_i64(from, &b->now) != 0 || state_get_u64(from, &b->due) != 0 ||
	    report_load(&b->total, from) != 0 || report_load(&b->interval, from) != 0)
		return error_set(error, "the snapshot is too short");
	if (scorecard_load(&b->scorecard, from, error) != 0 ||
	    ledger_load(&b->ledger, from, error) != 0 ||
	    state_get_table(from, b->customers, error) != 0)
		return -1;
	for (unsigned i = 0; i < b->traits.terminals; i++)
		if (state_get_table(from, b->terminals[i], error) != 0)
			return -1;
	if (b->velocity != NULL && state_get_velocity(from, b->velocity, error) != 0)
		return -1;
	return is_sound(b)
	    ? 0
	    : error_set(error, "the snapshot's transactions are not sound");
}
