/* SPDX-License-Identifier: MIT
 *
 * Transactions: windows, medians and labels against a look at every transaction there was,
 * in a random stream in which some come late, are taken back, come again and are labelled;
 * with room for all, and with room for few. Average precision against its definition.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <math.h>

#include "lib/transaction/alert.h"
#include "lib/transaction/book.h"
#include "lib/transaction/customer.h"
#include "lib/transaction/precision.h"
#include "tests/unit/seed.h"
#include "tests/unit/snapshot.h"

enum { CUSTOMERS = 7, TERMINALS = 5, STEPS = 6000, ROOMY = 64 << 20 };

static const struct span week = { 7 * WHEN_DAY };

static struct book *
new_book(uint64_t memory)
{
	struct book_options o = { .terminal = { slice_text("terminal_id") },
		.terminals = 1,
		.delay = week,
		.memory = memory };
	struct error error;
	struct book *b = book_new(&o, &error);

	assert_non_null(b);
	return b;
}

/* --- Against all there was ------------------------------------------------------------ */

static bool
is_out(double a, double b)
{
	return fabs(a - b) > 0;
}

static void
check_bands(const struct book *b, const struct bands_kind *kind, uint64_t subject,
    const struct bands *got)
{
	struct band wanted[BANDS] = { { 0 } };

	for (uint64_t n = b->ledger.first; n < b->ledger.next; n++) {
		const struct transaction *t = ledger_at(&b->ledger, n);
		unsigned i = 0;

		if (ledger_origin(&b->ledger, t)->hash[kind->link] != subject)
			continue;
		while (i < BANDS && t->when <= got->now - kind->age_us[i])
			i++;
		if (i == BANDS)
			continue;
		wanted[i].count += t->weight;
		wanted[i].value += t->weight * (double)t->value_micros;
		wanted[i].fraud += t->label == LABEL_FRAUD ? t->weight : 0;
		wanted[i].odd += t->odd ? t->weight : 0;
	}
	for (unsigned i = 0; i < BANDS; i++)
		if (is_out(wanted[i].count, got->of[i].count) ||
		    is_out(wanted[i].value, got->of[i].value) ||
		    is_out(wanted[i].fraud, got->of[i].fraud) ||
		    is_out(wanted[i].odd, got->of[i].odd))
			fail_msg("link %u, subject %d, band %u: %g of %g, not %g of %g",
			    kind->link, (int)subject, i, got->of[i].count,
			    got->of[i].value, wanted[i].count, wanted[i].value);
}

struct amount {
	instant when;
	uint64_t n;
	float amount;
};

static int
newest_first(const void *a, const void *b)
{
	const struct amount *x = a, *y = b;

	if (x->when != y->when)
		return x->when > y->when ? -1 : 1;
	return x->n > y->n ? -1 : 1;
}

static int
by_size(const void *a, const void *b)
{
	const float *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void
check_typical(const struct book *b, uint64_t subject, const struct typical *got)
{
	static struct amount all[STEPS];
	float last[TYPICAL_MAX];
	unsigned n = 0;

	for (uint64_t i = b->ledger.first; i < b->ledger.next; i++) {
		const struct transaction *t = ledger_at(&b->ledger, i);

		if (ledger_origin(&b->ledger, t)->hash[0] == subject && t->weight > 0)
			all[n++] = (struct amount){ t->when, i, customer_amount(t) };
	}
	qsort(all, n, sizeof *all, newest_first);
	n = n < TYPICAL_MAX ? n : TYPICAL_MAX;
	for (unsigned i = 0; i < n; i++)
		last[i] = all[i].amount;
	qsort(last, n, sizeof *last, by_size);
	assert_int_equal(got->n, n);
	assert_memory_equal(got->sorted, last, n * sizeof *last);
}

static void
check_all(const struct book *b)
{
	for (uint64_t subject = 1; subject <= CUSTOMERS; subject++) {
		const struct customer *c = table_find(b->customers, subject);

		if (c == NULL)
			continue;
		check_bands(b, &b->customer_kind, subject, &c->bands);
		check_typical(b, subject, &c->typical);
	}
	for (uint64_t subject = 1; subject <= TERMINALS; subject++) {
		const struct bands *x = table_find(b->terminals[0], subject);

		if (x != NULL)
			check_bands(b, &b->terminal_kind[0], subject, x);
	}
}

/* A purchase, mostly; one in five is up to an hour late. */
static void
buy(struct book *b, struct random *r, uint64_t id, instant now)
{
	static const uint8_t event_id[] = "\xa2id";
	struct purchase p = { .when = now, .weight = 1 };
	struct scorecard_answer said;
	uint64_t n;

	if (hash_bucket(random_next(r), 5) == 0)
		p.when -= (int64_t)hash_bucket(random_next(r), WHEN_HOUR);
	p.value_micros = (int64_t)hash_bucket(random_next(r), 50) * 1000000;
	p.event_id = slice_of(event_id, 3);
	p.id[LEDGER_EVENT] = p.id[LEDGER_TRANSACTION] = id;
	p.customer = 1 + hash_bucket(random_next(r), CUSTOMERS);
	p.terminal[0] = hash_bucket(random_next(r), TERMINALS + 1);
	assert_int_equal(book_purchase(b, &p, &said, &n), BOOK_SCORED);
	assert_true(isfinite(said.score));
}

static uint64_t
one_of_those_held(const struct book *b, struct random *r)
{
	uint64_t held = b->ledger.next - b->ledger.first;

	return b->ledger.first + hash_bucket(random_next(r), held);
}

/* Something is said of one of those that are held. */
static void
tell(struct book *b, struct random *r)
{
	uint64_t n = one_of_those_held(b, r), what = hash_bucket(random_next(r), 3);

	if (what < 2)
		book_label(b, n, what == 0 ? LABEL_FRAUD : LABEL_OPEN);
	else if (book_at(b, n)->weight > 0)
		book_take_back(b, n, -book_at(b, n)->weight);
}

/* The same, or one comes again. */
static void
happen(struct book *b, struct random *r)
{
	uint64_t n = one_of_those_held(b, r);
	const struct transaction *t = book_at(b, n);
	struct purchase again = { .when = t->when,
		.weight = 1,
		.id = { ledger_origin(&b->ledger, t)->id[0], 0 },
		.customer = ledger_origin(&b->ledger, t)->hash[0] };
	struct scorecard_answer said;
	enum book_news news = t->weight > 0 ? BOOK_REPEAT : BOOK_RESTORED;

	if (hash_bucket(random_next(r), 4) < 3)
		tell(b, r);
	else
		assert_int_equal(book_purchase(b, &again, &said, &n), news);
}

/* What becomes of it between two runs; NULL when it is refused. */
static struct book *
saved_and_loaded(struct book *b, uint64_t memory)
{
	struct book *copy = new_book(memory);
	struct state_writer *w;
	struct state_reader *from;
	struct snapshot s;
	struct error error;

	w = snapshot_write(&s);
	book_save(b, w);
	from = snapshot_read(&s, w);
	if (book_load(copy, from, &error) != 0) {
		book_free(copy);
		copy = NULL;
	}
	state_close(from);
	return copy;
}

static void
live(uint64_t memory, uint64_t *evicted)
{
	struct random r = seeded();
	struct book *b = new_book(memory);
	instant now = INT64_C(1522540800000000);

	for (unsigned i = 1; i <= STEPS; i++) {
		now += (int64_t)hash_bucket(random_next(&r), WHEN_HOUR / 2);
		buy(b, &r, i, now);
		if (hash_bucket(random_next(&r), 4) == 0)
			happen(b, &r);
		if (i % 97 == 0)
			check_all(b);
		if (i % 997 == 0) {
			struct book *copy = saved_and_loaded(b, memory);

			assert_non_null(copy);
			book_free(b);
			b = copy;
		}
	}
	assert_int_equal(b->counts.late, 0);
	*evicted = b->counts.evicted;
	book_free(b);
}

static void
windows_are_those_of_all_that_is_held(void **state)
{
	uint64_t evicted;

	(void)state;
	live(ROOMY, &evicted);
	assert_int_equal(evicted, 0);
}

static void
also_where_there_is_no_room_for_a_month(void **state)
{
	uint64_t evicted;

	(void)state;
	live(UINT64_C(1950000), &evicted);
	assert_in_range(evicted, 1000, STEPS);
}

/* Bytes of a transaction, or of a cell, that are others; and on with it, if it is read. */
static bool
survives_damage(struct random *r)
{
	enum { BEFORE = 300, AFTER = 200, MEMORY = 2 << 20 };
	struct book *b = new_book(MEMORY), *copy;
	struct ledger *l = &b->ledger;
	instant now = INT64_C(1522540800000000);
	uint64_t which = hash_bucket(random_next(r), 3);
	const struct table *t = which == 0 ? b->customers : b->terminals[0];
	uint8_t *at;
	size_t size;

	for (unsigned i = 1; i <= BEFORE; i++)
		buy(b, r, i, now += WHEN_HOUR);
	at = (uint8_t *)(uintptr_t)table_cell(t, table_next(t, 0));
	size = which == 0 ? sizeof(struct customer) : sizeof(struct bands);
	if (which == 2) {
		at = (uint8_t *)ledger_change(
		    l, 1 + hash_bucket(random_next(r), BEFORE));
		size = l->stride;
	}
	at[hash_bucket(random_next(r), size)] ^= (uint8_t)(1 + random_next(r) % 255);
	copy = saved_and_loaded(b, MEMORY);
	book_free(b);
	for (unsigned i = 1; copy != NULL && i <= AFTER; i++) {
		/* An id that was damaged is none of these. */
		buy(copy, r, UINT64_MAX - i, now += 6 * WHEN_HOUR);
		tell(copy, r);
	}
	book_free(copy);
	return copy != NULL;
}

static void
a_damaged_snapshot_is_refused_or_goes_on(void **state)
{
	enum { ROUNDS = 300 };
	struct random r = seeded();
	unsigned refused = 0;

	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++)
		refused += !survives_damage(&r);
	print_message("# %u of %u refused\n", refused, (unsigned)ROUNDS);
	assert_in_range(refused, ROUNDS / 4, ROUNDS);
}

/* --- Labels --------------------------------------------------------------------------- */

static double
score_after(bool told, bool withdrawn)
{
	struct book *b = new_book(ROOMY);
	struct scorecard_answer said = { 0 };
	uint64_t n;

	for (uint64_t i = 1; i <= 50; i++) {
		struct purchase p = { .when = (int64_t)i * WHEN_HOUR,
			.weight = 1,
			.value_micros = 5000000,
			.id = { i, i },
			.customer = 1,
			.terminal = { 1 } };

		assert_int_equal(book_purchase(b, &p, &said, &n), BOOK_SCORED);
		if (i == 49 && told)
			book_label(b, n, LABEL_FRAUD);
		if (i == 49 && withdrawn)
			book_label(b, n, LABEL_OPEN);
	}
	assert_true(told == withdrawn || b->counts.fraud == 1);
	book_free(b);
	return said.score;
}

/* It is the first fraud that the model sees, the largest step there is. */
static void
a_label_that_is_withdrawn_is_unlearned(void **state)
{
	double never = score_after(false, false), told = score_after(true, false);
	double withdrawn = score_after(true, true);

	(void)state;
	print_message(
	    "# %.4f never told, %.4f told, %.4f withdrawn\n", never, told, withdrawn);
	assert_true(told > never + 2);
	assert_true(fabs(withdrawn - never) < 0.06 * (told - never));
}

static const struct purchase once = {
	.when = 0, .weight = 1, .value_micros = 1, .id = { 1, 2 }, .customer = 1
};

static void
no_complaint_for_a_week_means_sound(void **state)
{
	struct book *b = new_book(ROOMY);
	struct scorecard_answer said;
	uint64_t n;

	(void)state;
	(void)book_purchase(b, &once, &said, &n);
	book_advance(b, week.us);
	assert_int_equal(book_at(b, n)->label, LABEL_OPEN);
	book_advance(b, week.us + 1);
	assert_int_equal(book_at(b, n)->label, LABEL_SOUND);
	book_label(b, n, LABEL_FRAUD);
	assert_int_equal(b->counts.relabelled, 1);
	assert_true(b->total.n == 1 && b->total.positive == 1);
	book_label(b, n, LABEL_OPEN); /* its time is over */
	assert_int_equal(book_at(b, n)->label, LABEL_SOUND);
	assert_int_equal(book_find(b, LEDGER_TRANSACTION, 2), n);
	assert_int_equal(book_find(b, LEDGER_TRANSACTION, 1), 0);
	book_free(b);
}

static void
what_is_taken_back_already_is_a_repeat(void **state)
{
	struct book *b = new_book(ROOMY);
	struct scorecard_answer said;
	uint64_t n;

	(void)state;
	(void)book_purchase(b, &once, &said, &n);
	book_take_back(b, n, -1);
	book_take_back(b, n, -1);
	assert_int_equal(b->counts.taken_back, 1);
	assert_int_equal(b->counts.repeats, 1);
	assert_int_equal(book_purchase(b, &once, &said, &n), BOOK_RESTORED);
	book_free(b);
}

static void
a_snapshot_goes_on_as_the_book_would(void **state)
{
	struct random r = seeded(), again;
	struct book *b = new_book(2 << 20), *copy = new_book(2 << 20);
	instant now = 0;
	struct snapshot s;
	struct state_writer *w;
	struct state_reader *from;
	struct error error;

	(void)state;
	for (unsigned i = 1; i <= STEPS; i++)
		buy(b, &r, i, now += WHEN_HOUR / 4);
	w = snapshot_write(&s);
	book_save(b, w);
	from = snapshot_read(&s, w);
	assert_int_equal(book_load(copy, from, &error), 0);
	state_close(from);
	again = r;
	for (unsigned i = STEPS + 1; i <= 2 * STEPS; i++) {
		buy(b, &r, i, now + i * WHEN_HOUR / 4);
		buy(copy, &again, i, now + i * WHEN_HOUR / 4);
		assert_true(book_at(b, b->ledger.next - 1)->score ==
		    book_at(copy, copy->ledger.next - 1)->score);
	}
	assert_memory_equal(&b->counts, &copy->counts, sizeof b->counts);
	book_free(b);
	book_free(copy);
}

/* --- Figures -------------------------------------------------------------------------- */

enum { SCORES = 4000 };

static struct scored {
	float score;
	bool fraud;
} scored[SCORES];

static int
highest_first(const void *a, const void *b)
{
	const struct scored *x = a, *y = b;

	return x->score > y->score ? -1 : x->score < y->score;
}

static double
average_precision(void)
{
	double frauds = 0, sum = 0;

	qsort(scored, SCORES, sizeof *scored, highest_first);
	for (unsigned i = 0; i < SCORES; i++) {
		frauds += scored[i].fraud;
		sum += scored[i].fraud ? frauds / (i + 1) : 0;
	}
	return sum / frauds;
}

static void
average_precision_is_as_exact_as_it_says(void **state)
{
	static struct report r, before;
	struct random random = seeded();
	struct precision_figures f;
	double exact;

	(void)state;
	report_clear(&r);
	for (unsigned i = 0; i < SCORES; i++) {
		double u = hash_uniform(random_next(&random)),
		       v = hash_uniform(random_next(&random));

		scored[i].fraud = i % 50 == 0;
		scored[i].score = (float)(8 * (u + v - 1) + (scored[i].fraud ? 3 : -3));
		precision_note(&r, scored[i].score, scored[i].fraud, 1);
	}
	f = precision_figures(&r);
	exact = average_precision();
	print_message("# average precision %.4f, %.4f +- %.4f\n", exact,
	    f.average_precision, f.average_precision_error);
	assert_true(exact > 0.1 && exact < 0.95);
	assert_true(fabs(f.average_precision - exact) <= f.average_precision_error);
	assert_true(f.average_precision_error < 0.03);
	before = r;
	precision_note(&r, 2.5F, true, 1);
	precision_note(&r, 2.5F, true, -1);
	for (unsigned i = 0; i < REPORT_BINS; i++)
		assert_memory_equal(r.bins[i], before.bins[i], 2 * sizeof(double));
	/* 1 % of 4,000 are 40; all are fraud where none scores higher that is not. */
	assert_true(f.recall[2] > 0.2 && f.recall[2] <= 0.5);
}

/* 0.1 + 0.2 - 0.1 - 0.2 is not 0. */
static void
what_rounding_leaves_is_no_fraud(void **state)
{
	static const double weight[] = { 0.1, 0.2, -0.1, -0.2 };
	struct precision_figures f;
	static struct report r;

	(void)state;
	report_clear(&r);
	precision_note(&r, -2, false, 1);
	for (unsigned i = 0; i < 4; i++)
		precision_note(&r, i % 2 == 0 ? 1 : 2, true, weight[i]);
	f = precision_figures(&r);
	assert_true(f.fraud != 0);
	assert_true(isnan(f.average_precision) && isnan(f.average_precision_error));
	assert_true(isnan(f.recall[0]) && isnan(f.auc));
}

static void
a_share_of_the_scores_is_told_of(void **state)
{
	struct random r = seeded();
	struct error error;
	unsigned told = 0;
	struct alert a;

	(void)state;
	assert_int_equal(alert_parse(&a, "1.5", &error), 0);
	assert_true(alert_note(&a, 1.6) && !alert_note(&a, 1.5));
	assert_int_equal(alert_parse(&a, "2%", &error), 0);
	for (unsigned i = 0; i < 200000; i++)
		told += alert_note(&a, 10 * hash_uniform(random_next(&r)) - 5);
	print_message("# %u of 200000\n", told);
	assert_in_range(told, 3000, 4100);
	assert_int_equal(alert_parse(&a, "0%", &error), -1);
	assert_int_equal(alert_parse(&a, "x", &error), -1);
	assert_int_equal(alert_parse(&a, "", &error), -1);
}

static void
deviations_are_by_the_median_of_distances(void **state)
{
	static const float amounts[] = { 1, 2, 4, 4, 9, 100 };
	struct typical t = { 0 };

	(void)state;
	assert_true(traits_deviation(&t, 5) == 0);
	for (unsigned i = 0; i < 6; i++)
		typical_add(&t, amounts[i]);
	/* Distances from 4: 0 0 2 3 5 96. */
	assert_true(typical_median(&t) == 4 && typical_deviation(&t) == 2.5F);
	typical_remove(&t, 100);
	typical_remove(&t, 50);
	assert_true(typical_median(&t) == 4 && typical_deviation(&t) == 2);
	assert_true(fabsf(traits_deviation(&t, 14) - 0.6745F * 5) < 1e-6F);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows_are_those_of_all_that_is_held),
		cmocka_unit_test(also_where_there_is_no_room_for_a_month),
		cmocka_unit_test(a_damaged_snapshot_is_refused_or_goes_on),
		cmocka_unit_test(a_label_that_is_withdrawn_is_unlearned),
		cmocka_unit_test(no_complaint_for_a_week_means_sound),
		cmocka_unit_test(what_is_taken_back_already_is_a_repeat),
		cmocka_unit_test(a_snapshot_goes_on_as_the_book_would),
		cmocka_unit_test(average_precision_is_as_exact_as_it_says),
		cmocka_unit_test(what_rounding_leaves_is_no_fraud),
		cmocka_unit_test(a_share_of_the_scores_is_told_of),
		cmocka_unit_test(deviations_are_by_the_median_of_distances),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
