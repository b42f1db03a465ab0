/* SPDX-License-Identifier: MIT */
#include "lib/trial/tally_row.h"

/* Products of money are large. */
static unsigned
scale_of(enum tally_sum sum)
{
	return sum >= TALLY_COST_SQUARED && sum <= TALLY_COST_REVENUE ? 32 : 64;
}

static inline void
add(struct tally_row *row, enum tally_sum sum, double x)
{
	if (x != 0)
		row->sums[sum] = exact_plus(row->sums[sum], exact_of(x, scale_of(sum)));
}

double
tally_row_sum(const struct tally_row *row, enum tally_sum sum)
{
	return exact_value(row->sums[sum], scale_of(sum));
}

double
tally_row_gross(const struct tally_row *row, enum tally_sum net, enum tally_sum out)
{
	return exact_value(exact_plus(row->sums[net], row->sums[out]), scale_of(net));
}

void
tally_row_add(struct tally_row *row, const struct tally_event *e)
{
	double w = e->weight, square = w * fabs(w);

	add(row, TALLY_EVENTS, w);
	if (e->hidden) {
		add(row, TALLY_NOT_VIEWABLE, w * e->impression);
	} else {
		add(row, TALLY_IMPRESSIONS, w * e->impression);
		add(row, TALLY_IMPRESSIONS_SQUARED, square * e->impression);
	}
	add(row, TALLY_CLICKS, w * e->click);
	add(row, TALLY_CLICKS_SQUARED, square * e->click);
	add(row, TALLY_CONVERSIONS, w * e->conversion);
	add(row, TALLY_COST, w * e->cost);
	add(row, TALLY_REVENUE, w * e->revenue);
	add(row, TALLY_COST_SQUARED, w * e->cost * e->cost);
	add(row, TALLY_REVENUE_SQUARED, w * e->revenue * e->revenue);
	add(row, TALLY_COST_REVENUE, w * e->cost * e->revenue);
}

/* The place of a reason in a row. Once it has one it keeps it, also when nothing is left of
 * it, so that the same is given back that was taken. */
static unsigned
reason_place(struct tally_row *row, uint8_t number)
{
	for (unsigned i = 0; number != 0 && i < TALLY_REASONS; i++) {
		if (row->reasons[i] == 0)
			row->reasons[i] = number;
		if (row->reasons[i] == number)
			return i;
	}
	return TALLY_REASONS;
}

void
tally_row_merge(struct tally_row *to, const struct tally_row *from)
{
	for (unsigned i = 0; i < TALLY_SUMS; i++)
		to->sums[i] = exact_plus(to->sums[i], from->sums[i]);
	for (unsigned i = 0; i <= TALLY_REASONS; i++) {
		uint8_t number = i < TALLY_REASONS ? from->reasons[i] : 0;
		exact *n = &to->invalid[reason_place(to, number)];

		if (i == TALLY_REASONS || number != 0)
			*n = exact_plus(*n, from->invalid[i]);
	}
}

void
tally_row_add_void(
    struct tally_row *row, struct reasons *words, const struct tally_void *v)
{
	add(row, TALLY_VOID_EVENTS, v->events);
	add(row, TALLY_VOID_IMPRESSIONS, v->impressions);
	add(row, TALLY_VOID_CLICKS, v->clicks);
	add(row, TALLY_VOID_CONVERSIONS, v->conversions);
	add(row, TALLY_VOID_COST, v->cost);
	add(row, TALLY_VOID_REVENUE, v->revenue);
	for (unsigned i = 0; i < v->count; i++) {
		uint8_t number = reasons_number(words, v->reasons[i].word);
		exact *n = &row->invalid[reason_place(row, number)];

		*n = exact_plus(*n, exact_of(v->reasons[i].n, 64));
	}
}
