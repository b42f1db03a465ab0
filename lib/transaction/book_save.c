/* SPDX-License-Identifier: MIT */
#include "lib/state/block.h"
#include "lib/transaction/book.h"

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
	if (b->due < b->ledger.first || b->due > b->ledger.next)
		return error_set(error, "the snapshot's labels are not sound");
	return 0;
}
