/* SPDX-License-Identifier: MIT
 *
 * book: what is known of transactions, customers and terminals, and what was learned of
 * them. A transaction is scored by what was known when it came; that is kept, and learned
 * when its label comes: fraud when somebody says so, sound when nobody has for a while.
 * Whoever says otherwise later has the one unlearned and the other learned instead.
 *
 * Everything is linear in the weight: what is taken back leaves windows, labels, figures and
 * the model. Time is that of events, and only goes forward.
 */
#ifndef BANNERPIPE_TRANSACTION_BOOK_H
#define BANNERPIPE_TRANSACTION_BOOK_H

#include "lib/model/report.h"
#include "lib/sketch/velocity.h"
#include "lib/table.h"
#include "lib/transaction/scorecard.h"

struct book_options {
	struct slice terminal[TRAITS_TERMINALS_MAX]; /* names of the keys, borrowed */
	struct slice key[TRAITS_KEYS_MAX];
	unsigned terminals, keys;
	struct span delay; /* after which no label means that it is sound */
	uint64_t memory;   /* bytes */
	uint64_t seed;
};

/* Hashes are keyed; 0: it has none. */
struct purchase {
	instant when;
	int64_t value_micros;
	double weight;
	struct slice event_id; /* msgpack; borrowed */
	uint64_t id[LEDGER_IDS];
	uint64_t customer, terminal[TRAITS_TERMINALS_MAX], key[TRAITS_KEYS_MAX];
};

struct book_counts {
	uint64_t scored, fraud, sound; /* labels learned; what was taken back too */
	uint64_t relabelled;           /* that were learned otherwise before */
	uint64_t taken_back, restored, repeats;
	uint64_t unknown;    /* labels and compensations of what is not held */
	uint64_t late;       /* too late for the windows of its customer or terminal */
	uint64_t evicted;    /* transactions lost while windows or labels needed them */
	uint64_t unlabelled; /* of those, such as had no label yet */
	uint64_t customers_evicted, terminals_evicted, velocity_evicted; /* cells */
};

struct book {
	struct traits traits;
	struct ledger ledger;
	struct table *customers, *terminals[TRAITS_TERMINALS_MAX]; /* owned */
	struct velocity *velocity; /* owned; NULL: no keys */
	struct scorecard scorecard;
	struct report total, interval;
	struct bands_kind customer_kind, terminal_kind[TRAITS_TERMINALS_MAX];
	int64_t delay_us;
	instant now;
	uint64_t due; /* the first whose time for a label is not over */
	struct book_counts counts;
};

/* NULL and the error when there is no memory. Owned by the caller. */
struct book *book_new(const struct book_options *o, struct error *error);
void book_free(struct book *b);

/* Event time has come so far: what got no label in time is learned as sound. */
void book_advance(struct book *b, instant now);

enum book_news {
	BOOK_SCORED,   /* it is new; the answer is set */
	BOOK_RESTORED, /* it was taken back, and counts again */
	BOOK_REPEAT,   /* it counts already: nothing has changed */
};
/* A purchase of positive weight. *number names it from now on. */
enum book_news book_purchase(struct book *b, const struct purchase *p,
    struct scorecard_answer *to, uint64_t *number);
/* So much of its weight is taken back: `by` < 0. */
void book_take_back(struct book *b, uint64_t number, double by);
/* 0: none such is held. */
uint64_t book_find(const struct book *b, enum ledger_id which, uint64_t hash);
/* Somebody says what it is; LABEL_OPEN: what he said does not hold any more. */
void book_label(struct book *b, uint64_t number, enum label label);
/* When a customer signed up; it does not hold: he did not after all. */
void book_sign_up(struct book *b, uint64_t customer, instant when, bool holds);

static inline const struct transaction *
book_at(const struct book *b, uint64_t number)
{
	return ledger_at(&b->ledger, number);
}

void book_save(struct book *b, struct state_writer *to);
int book_load(struct book *b, struct state_reader *from, struct error *error);

#endif
