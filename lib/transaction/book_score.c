/* SPDX-License-Identifier: MIT
 *
 * A purchase comes: what is known of it, its score, and where it is counted.
 */
#include "lib/transaction/book_inside.h"

#include <string.h>

/* Its last labels, the newest first, as far as they are the same. */
static void
look_back(const struct book *b, unsigned terminal, struct traits_terminal *x)
{
	enum { SOUND_MAX = 16, FRAUD_MAX = 64 };
	const struct bands_kind *kind = &b->terminal_kind[terminal];
	const struct ledger *l = &b->ledger;
	struct band all = bands_sum(x->bands, 1, 3);
	enum label label = LABEL_OPEN;
	uint64_t n;

	x->run = all.count > 0 ? SOUND_MAX : 0;
	if (!(all.fraud > 0))
		return;
	x->run = 0;
	n = bands_newest_beyond(kind, l, x->bands, 0);
	for (unsigned i = 0; i < FRAUD_MAX && bands_hold(x->bands, l, n); i++) {
		const struct transaction *t = ledger_at(l, n);

		n = t->link[kind->link].before;
		if (t->weight <= 0 || t->label == LABEL_OPEN)
			continue;
		if (label == LABEL_OPEN)
			label = t->label;
		if (t->label != label || (label == LABEL_SOUND && x->run == SOUND_MAX))
			break;
		x->run++;
		x->run_us = b->now - t->when;
	}
	x->run_of_fraud = label == LABEL_FRAUD;
	if (x->run_us < 0)
		x->run_us = 0;
}

static void
view(const struct book *b, const struct purchase *p, const struct customer *c,
    struct bands *const *terminal, struct traits_view *v)
{
	*v = (struct traits_view){ .when = p->when,
		.amount = (float)((double)p->value_micros / 1e6),
		.customer = &c->bands,
		.median = typical_median(&c->typical),
		.since_last_us = customer_pause_us(&b->ledger, CUSTOMER, c, p->when),
		.since_sign_up_us = -1 };
	v->deviation = traits_deviation(&c->typical, v->amount);
	if (c->has_signed_up && c->bought == 0 && p->when >= c->signed_up)
		v->since_sign_up_us = p->when - c->signed_up;
	for (unsigned i = 0; i < b->traits.terminals; i++) {
		v->terminal[i].bands = terminal[i];
		if (terminal[i] != NULL)
			look_back(b, i, &v->terminal[i]);
	}
}

/* How often its keys came, itself included. */
static void
ask_velocity(struct book *b, const struct purchase *p, struct traits_view *v)
{
	struct velocity_answer a;

	for (unsigned i = 0; i < b->traits.keys; i++) {
		v->has_key[i] = p->key[i] != 0;
		if (p->key[i] == 0)
			continue;
		velocity_add(b->velocity, p->key[i], p->when,
		    (struct velocity_amount){ .count = 1 }, &a);
		memcpy(v->velocity[i], a.count, sizeof v->velocity[i]);
		b->counts.velocity_evicted = velocity_counts(b->velocity).evicted;
	}
}

static void *
touch(struct book *b, unsigned link, uint64_t subject, instant when, size_t size)
{
	uint8_t *cell = book_touch(b, link, subject, when);

	for (size_t i = 0; i < size; i += 64)
		__builtin_prefetch(cell + i, 1);
	return cell;
}

/* The cells of its subjects. What of the ledger they will need is asked for. */
static struct customer *
gather(struct book *b, const struct purchase *p, struct bands **terminal)
{
	const struct ledger *l = &b->ledger;
	struct customer *c = touch(b, CUSTOMER, p->customer, p->when, sizeof *c);

	for (unsigned i = 0; i < b->traits.terminals; i++)
		terminal[i] = p->terminal[i] == 0
		    ? NULL
		    : touch(b, FIRST_TERMINAL + i, p->terminal[i], p->when,
			  sizeof *terminal[i]);
	bands_prefetch(&b->customer_kind, l, &c->bands, p->when);
	if (c->typical.n == TYPICAL_MAX)
		ledger_prefetch(l, c->from);
	for (unsigned i = 0; i < b->traits.terminals; i++)
		if (terminal[i] != NULL)
			bands_prefetch(&b->terminal_kind[i], l, terminal[i], p->when);
	return c;
}

static void
advance(struct book *b, instant when, struct customer *c, struct bands *const *terminal)
{
	bands_advance(&b->customer_kind, &b->ledger, &c->bands, when);
	for (unsigned i = 0; i < b->traits.terminals; i++)
		if (terminal[i] != NULL)
			bands_advance(
			    &b->terminal_kind[i], &b->ledger, terminal[i], when);
}

/* It comes to its customer and its terminals. */
static void
count(struct book *b, uint64_t n, struct customer *c, struct bands *const *terminal)
{
	struct ledger *l = &b->ledger;
	struct transaction *t = ledger_change(l, n);
	uint64_t *subject = ledger_origin(l, t)->hash;

	if (!customer_add(&b->customer_kind, l, c, n)) {
		subject[CUSTOMER] = 0;
		t->gone |= LEDGER_LEFT | 1U << CUSTOMER;
		b->counts.late++;
	}
	for (unsigned i = 0; i < b->traits.terminals; i++) {
		unsigned link = FIRST_TERMINAL + i;

		if (terminal[i] != NULL &&
		    bands_add(&b->terminal_kind[i], l, terminal[i], n))
			continue;
		b->counts.late += terminal[i] != NULL;
		subject[link] = 0;
		t->gone |= (uint8_t)(1U << link);
	}
}

static void
prefetch(const struct book *b, const struct purchase *p)
{
	ledger_prefetch_whole(&b->ledger, b->ledger.next);
	table_prefetch(b->customers, p->customer);
	for (unsigned i = 0; i < b->traits.terminals; i++)
		table_prefetch(b->terminals[i], p->terminal[i]);
	for (unsigned i = 0; i < LEDGER_IDS; i++)
		ledger_prefetch_id(&b->ledger, i, p->id[i]);
	for (unsigned i = 0; i < b->traits.keys; i++)
		velocity_prefetch(b->velocity, p->key[i]);
}

/* A new one, with all that is known of it but its traits. */
static uint64_t
enter(struct book *b, const struct purchase *p)
{
	struct ledger *l = &b->ledger;
	struct transaction *t;
	uint64_t n, *hash;

	while (ledger_crowded(l, p->event_id.size) != 0)
		book_drop_first(b);
	n = ledger_add(l, p->id, p->event_id);
	t = ledger_change(l, n);
	t->when = p->when;
	t->value_micros = p->value_micros;
	t->weight = p->weight;
	hash = ledger_origin(l, t)->hash;
	hash[CUSTOMER] = p->customer;
	memcpy(hash + FIRST_TERMINAL, p->terminal,
	    b->traits.terminals * sizeof *p->terminal);
	memcpy(hash + l->subjects, p->key, b->traits.keys * sizeof *p->key);
	return n;
}

static uint64_t
known_as(const struct book *b, const struct purchase *p)
{
	enum ledger_id which =
	    p->id[LEDGER_EVENT] != 0 ? LEDGER_EVENT : LEDGER_TRANSACTION;

	return ledger_find(&b->ledger, which, p->id[which]);
}

enum book_news
book_purchase(struct book *b, const struct purchase *p, struct scorecard_answer *to,
    uint64_t *number)
{
	struct bands *terminal[TRAITS_TERMINALS_MAX];
	struct traits_view v;
	struct transaction *t;
	struct customer *c;
	uint8_t *traits;

	prefetch(b, p);
	c = gather(b, p, terminal);
	book_advance(b, p->when); /* while that comes */
	*number = known_as(b, p);
	if (*number != 0 && book_at(b, *number)->weight > 0) {
		b->counts.repeats++;
		return BOOK_REPEAT;
	}
	if (*number != 0) {
		book_weigh(b, *number, p->weight);
		b->counts.restored++;
		return BOOK_RESTORED;
	}
	advance(b, p->when, c, terminal);
	view(b, p, c, terminal, &v);
	ask_velocity(b, p, &v);
	*number = enter(b, p);
	t = ledger_change(&b->ledger, *number);
	traits = ledger_traits(&b->ledger, t);
	traits_of(&b->traits, &v, traits);
	scorecard_ask(&b->scorecard, traits, to);
	t->score = (float)to->score;
	t->odd = v.deviation > TRAITS_ODD;
	count(b, *number, c, terminal);
	b->counts.scored++;
	return BOOK_SCORED;
}
