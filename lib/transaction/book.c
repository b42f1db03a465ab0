/* SPDX-License-Identifier: MIT */
#include "lib/transaction/book.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/state/block.h"
#include "lib/transaction/book_inside.h"
#include "lib/transaction/precision.h"

/* --- Beginning ----------------------------------------------------------------------- */

static void
set_kinds(struct book *b, unsigned terminals)
{
	b->customer_kind = (struct bands_kind){ CUSTOMER,
		{ WHEN_DAY, 7 * WHEN_DAY, 14 * WHEN_DAY, 30 * WHEN_DAY } };
	for (unsigned i = 0; i < terminals; i++)
		b->terminal_kind[i] = (struct bands_kind){ FIRST_TERMINAL + i,
			{ b->delay_us, b->delay_us + WHEN_DAY,
			    b->delay_us + 7 * WHEN_DAY, b->delay_us + 30 * WHEN_DAY } };
}

static void
prefer_huge(struct table *t)
{
	struct slice block = table_bytes(t);

	memory_prefer_huge((void *)(uintptr_t)block.at, block.size);
}

/* What was not seen for longer than any window is no loss. */
static void
on_evict(void *context, const struct table *t, size_t slot)
{
	struct book *b = context;

	if (table_last(t, slot) > b->now - b->delay_us - 30 * WHEN_DAY)
		*(t == b->customers ? &b->counts.customers_evicted
				    : &b->counts.terminals_evicted) += 1;
}

static bool
take_memory(struct book *b, const struct book_options *o, uint64_t bytes)
{
	struct velocity_shape shape = { .rules = TRAITS_WINDOWS, .seed = o->seed };
	const struct velocity_rule rules[TRAITS_WINDOWS] = {
		{ { 10 * WHEN_MINUTE }, 5 }, { { WHEN_HOUR }, 6 }, { { WHEN_DAY }, 12 }
	};

	memcpy(shape.rule, rules, sizeof rules);
	if (o->keys > 0) {
		b->velocity = velocity_new(&shape, bytes / 16);
		if (b->velocity == NULL)
			return false;
	}
	b->customers = table_new(TABLE_KEY_64, sizeof(struct customer), bytes / 16 * 3);
	for (unsigned i = 0; i < o->terminals; i++) {
		b->terminals[i] = table_new(
		    TABLE_KEY_64, sizeof(struct bands), bytes / 8 / o->terminals);
		if (b->terminals[i] == NULL)
			return false;
		prefer_huge(b->terminals[i]);
		table_on_evict(b->terminals[i], on_evict, b);
	}
	if (b->customers == NULL)
		return false;
	prefer_huge(b->customers);
	table_on_evict(b->customers, on_evict, b);
	return ledger_init(&b->ledger, FIRST_TERMINAL + o->terminals, o->keys,
		   b->traits.n, bytes / 16 * (o->keys > 0 ? 10 : 11)) == 0;
}

static int
fill(struct book *b, const struct book_options *o, struct error *error)
{
	uint64_t model;

	b->delay_us = o->delay.us;
	b->now = WHEN_NEVER;
	b->due = 1;
	traits_init(&b->traits, o->terminal, o->terminals, o->key, o->keys);
	set_kinds(b, o->terminals);
	model = scorecard_bytes(&b->traits);
	if (o->memory > 2 * model && scorecard_init(&b->scorecard, &b->traits) == 0 &&
	    take_memory(b, o, o->memory - model))
		return 0;
	return error_set(error, "no memory for the transactions: change --memory");
}

/* Lanes are aligned to cache lines, and so is what has some. */
struct book *
book_new(const struct book_options *o, struct error *error)
{
	struct book *b = aligned_alloc(_Alignof(struct book), sizeof *b);

	if (b == NULL) {
		(void)error_set(error, "no memory");
		return NULL;
	}
	memset(b, 0, sizeof *b);
	if (fill(b, o, error) == 0)
		return b;
	book_free(b);
	return NULL;
}

void
book_free(struct book *b)
{
	if (b == NULL)
		return;
	ledger_fini(&b->ledger);
	table_free(b->customers);
	for (unsigned i = 0; i < b->traits.terminals; i++)
		table_free(b->terminals[i]);
	velocity_free(b->velocity);
	scorecard_fini(&b->scorecard);
	free(b);
}

/* --- Cells --------------------------------------------------------------------------- */

static struct table *
table_of(const struct book *b, unsigned link)
{
	return link == CUSTOMER ? b->customers : b->terminals[link - FIRST_TERMINAL];
}

static const struct bands_kind *
kind_of_link(const struct book *b, unsigned link)
{
	return link == CUSTOMER ? &b->customer_kind
				: &b->terminal_kind[link - FIRST_TERMINAL];
}

/* A customer begins with his bands, as a terminal does. */
_Static_assert(offsetof(struct customer, bands) == 0, "one look at both");

void *
book_touch(struct book *b, unsigned link, uint64_t subject, instant when)
{
	bool fresh;
	struct bands *cell = table_touch(table_of(b, link), subject, when, &fresh);

	if (fresh)
		cell->born = b->ledger.next;
	return cell;
}

/* The cell that has number n in its list, to change; NULL: it was evicted since. */
static void *
cell_of(struct book *b, unsigned link, uint64_t n)
{
	const struct transaction *t = ledger_at(&b->ledger, n);
	uint64_t subject = ledger_origin(&b->ledger, t)->hash[link];
	const struct bands *cell =
	    subject == 0 ? NULL : table_find(table_of(b, link), subject);
	bool fresh;

	if (cell == NULL || n < cell->born)
		return NULL;
	return table_touch(table_of(b, link), subject, t->when, &fresh);
}

/* --- Going --------------------------------------------------------------------------- */

void
book_drop_first(struct book *b)
{
	struct ledger *l = &b->ledger;
	uint64_t n = l->first;
	const struct transaction *t = ledger_at(l, n);
	bool needed = false;
	void *cell;

	for (unsigned i = 0; i < l->subjects; i++) {
		bool gone = (t->gone >> i & 1) != 0;

		if (gone && t->weight > 0 &&
		    (i != CUSTOMER || (t->gone & LEDGER_LEFT) != 0))
			continue;
		cell = cell_of(b, i, n);
		if (cell == NULL)
			continue;
		needed = needed ||
		    (!gone && b->now - t->when < kind_of_link(b, i)->age_us[BANDS - 1]);
		if (i == CUSTOMER)
			customer_drop(&b->customer_kind, l, cell, n);
		else
			bands_drop(kind_of_link(b, i), l, cell, n);
	}
	b->counts.unlabelled += t->label == LABEL_OPEN && t->weight > 0;
	b->counts.evicted += needed;
	ledger_drop(l);
	if (b->due < l->first)
		b->due = l->first;
}

/* --- Labels -------------------------------------------------------------------------- */

/* So much of what it is has been found out, or was not so after all. */
static void
teach(struct book *b, uint64_t n, double weight)
{
	const struct transaction *t = ledger_at(&b->ledger, n);
	bool fraud = t->label == LABEL_FRAUD;

	if (t->label == LABEL_OPEN || weight == 0)
		return;
	scorecard_learn(&b->scorecard, ledger_traits(&b->ledger, t), fraud, weight);
	precision_note(&b->total, t->score, fraud, weight);
	precision_note(&b->interval, t->score, fraud, weight);
	if (weight > 0)
		*(fraud ? &b->counts.fraud : &b->counts.sound) += 1;
}

static void
change_bands(struct book *b, uint64_t n, struct band before)
{
	const struct transaction *t = ledger_at(&b->ledger, n);

	for (unsigned i = 0; i < b->ledger.subjects; i++) {
		void *cell = cell_of(b, i, n);

		if (cell != NULL)
			bands_change(kind_of_link(b, i), cell, t, before, band_of(t));
	}
}

static void
relabel(struct book *b, uint64_t n, enum label label, bool told)
{
	struct transaction *t = ledger_change(&b->ledger, n);
	struct band before = band_of(t);
	enum label was = t->label;

	t->told = told;
	if (was == label)
		return;
	teach(b, n, -t->weight);
	t->label = (uint8_t)label;
	teach(b, n, t->weight);
	b->counts.relabelled += was != LABEL_OPEN && label != LABEL_OPEN;
	if (was == LABEL_FRAUD || label == LABEL_FRAUD)
		change_bands(b, n, before);
}

void
book_label(struct book *b, uint64_t number, enum label label)
{
	bool told = label != LABEL_OPEN;

	if (!told && number < b->due)
		label = LABEL_SOUND;
	relabel(b, number, label, told);
}

void
book_advance(struct book *b, instant now)
{
	const struct ledger *l = &b->ledger;

	if (now <= b->now)
		return;
	b->now = now;
	for (; b->due < l->next; b->due++) {
		const struct transaction *t = ledger_at(l, b->due);

		if (t->when >= now - b->delay_us)
			return;
		ledger_prefetch_whole(l, b->due + 2);
		if (t->label == LABEL_OPEN)
			relabel(b, b->due, LABEL_SOUND, false);
	}
}

uint64_t
book_find(const struct book *b, enum ledger_id which, uint64_t hash)
{
	return ledger_find(&b->ledger, which, hash);
}

/* --- Weight -------------------------------------------------------------------------- */

static void
count_velocity(struct book *b, uint64_t n, int32_t times)
{
	const struct transaction *t = ledger_at(&b->ledger, n);
	const uint64_t *key = ledger_origin(&b->ledger, t)->hash + b->ledger.subjects;

	for (unsigned i = 0; i < b->ledger.keys; i++)
		if (key[i] != 0)
			velocity_add(b->velocity, key[i], t->when,
			    (struct velocity_amount){ .count = times }, NULL);
}

void
book_weigh(struct book *b, uint64_t n, double weight)
{
	struct transaction *t = ledger_change(&b->ledger, n);
	struct band before = band_of(t);
	double was = t->weight;
	struct customer *c = cell_of(b, CUSTOMER, n);

	teach(b, n, weight - was);
	t->weight = weight;
	change_bands(b, n, before);
	if ((was > 0) == (weight > 0))
		return;
	count_velocity(b, n, weight > 0 ? 1 : -1);
	if (c != NULL)
		(weight > 0 ? customer_enter : customer_leave)(
		    &b->ledger, CUSTOMER, c, n);
}

void
book_take_back(struct book *b, uint64_t number, double by)
{
	double weight = book_at(b, number)->weight + by;

	if (book_at(b, number)->weight <= 0) {
		b->counts.repeats++;
		return;
	}
	book_weigh(b, number, weight > 1e-9 ? weight : 0);
	b->counts.taken_back++;
}

void
book_sign_up(struct book *b, uint64_t customer, instant when, bool holds)
{
	struct customer *c;

	book_advance(b, when);
	c = book_touch(b, CUSTOMER, customer, when);
	c->signed_up = when;
	c->has_signed_up = holds;
}
