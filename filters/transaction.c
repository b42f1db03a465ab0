/* SPDX-License-Identifier: MIT
 *
 * bp-transaction: how probably a purchase is fraud, learned from what turns out days later.
 *
 * in     purchases (user_id, terminal_id, value_micros); sign_ups; of labels: chargebacks
 *        and refunds because of fraud, by transaction_id, verdicts and retracts, by
 *        event_id; purchases of negative weight are taken back
 * out    the same, purchases with their transaction_risk; verdicts of those above the
 *        threshold, and of those that were charged back; metric records that say how good
 *        the scores are
 * state  the newest transactions, their customers and terminals, the model, the reports
 * needs  events in the order of time; what is taken back may be as old as it likes
 */
#include <inttypes.h>
#include <math.h>

#include "lib/filter.h"
#include "lib/transaction/alert.h"
#include "lib/transaction/notice.h"
#include "lib/transaction/receipt.h"

/* What of the memory is not for the book. */
enum { RESERVE = 4 << 20 };

struct transactions {
	const char *users, *terminals, *velocities, *threshold;
	struct span delay;
	uint64_t every;

	struct receipt_keys keys;
	struct key risk;
	struct book *book; /* owned */
	struct alert alert;
	uint64_t reported;        /* labels when the last report was made */
	uint64_t alerts, unnamed; /* for the stats */
	uint8_t event_id[UINT16_MAX];
};

static const struct option options[] = {
	OPTION('u', "user", struct transactions, users, "user_id,anonymous_id",
	    "keys that tell a customer, the first that is there", "KEYS"),
	OPTION('t', "terminal", struct transactions, terminals, "terminal_id",
	    "keys of where one pays, a terminal or a shop: up to three", "KEYS"),
	OPTION('k', "velocity", struct transactions, velocities, "card,ip,device",
	    "keys to count the purchases of within 10m, 1h, 24h: up to four", "KEYS"),
	OPTION('d', "label-delay", struct transactions, delay, "7d",
	    "what nobody complained of for so long is learned as sound"),
	OPTION('a', "threshold", struct transactions, threshold, "0",
	    "write verdicts above these log-odds, or of this share: 0.5%",
	    "SCORE|SHARE"),
	OPTION_ASIDE('r', "report", struct transactions, every, "100000",
	    "labels between reports; 0: only one at the end"),
	OPTION_END,
};

/* --- Start --------------------------------------------------------------------------- */

static void
show_counters(struct run *run, struct transactions *f)
{
	const struct book_counts *c = &f->book->counts;

	run_counter(run, "scored", "purchases scored", &c->scored);
	run_counter(run, "learned_fraud", "learned as fraud", &c->fraud);
	run_counter(run, "learned_sound", "learned as sound", &c->sound);
	run_counter(
	    run, "relabelled", "unlearned and learned otherwise", &c->relabelled);
	run_counter(run, "taken_back", "purchases taken back", &c->taken_back);
	run_counter(run, "restored", "of these, put in again", &c->restored);
	run_counter(run, "repeats",
	    "purchases that count already, or are taken back already", &c->repeats);
	run_counter(
	    run, "unknown", "labels and retractions of what is not held", &c->unknown);
	run_counter(run, "late_purchases",
	    "too late for the windows of their customer or terminal", &c->late);
	run_counter(
	    run, "evicted", "purchases lost while a window needed them", &c->evicted);
	run_counter(run, "unlabelled", "purchases lost before they had a label",
	    &c->unlabelled);
	run_counter(run, "evicted_customers", "customers lost for want of memory",
	    &c->customers_evicted);
	run_counter(run, "evicted_terminals", "terminals lost for want of memory",
	    &c->terminals_evicted);
	run_counter(run, "evicted_velocities",
	    "keys of velocity counted roughly for want of memory",
	    &c->velocity_evicted);
	run_counter(run, "alerts", "purchases above the threshold", &f->alerts);
	run_counter(run, "unnamed", "verdicts that nobody could heed: not written",
	    &f->unnamed);
}

static int
open_book(struct run *run, struct transactions *f)
{
	const struct receipt_keys *k = &f->keys;
	struct book_options o = { .terminals = k->terminals,
		.keys = k->velocities,
		.delay = f->delay,
		.memory = run_memory(run) - RESERVE,
		.seed = run_seed(run) };
	struct error error;

	memcpy(o.terminal, k->terminal_name, sizeof o.terminal);
	memcpy(o.key, k->velocity_name, sizeof o.key);
	f->book = book_new(&o, &error);
	return f->book != NULL ? 0 : run_fail(run, "%s", error.text);
}

static int
start(struct run *run, void *self)
{
	struct transactions *f = self;
	struct error error;

	if (f->delay.us <= 0)
		return run_usage(run, "--label-delay must be longer than 0");
	if (alert_parse(&f->alert, f->threshold, &error) != 0)
		return run_usage(run, "--threshold: %s", error.text);
	if (receipt_keys_init(&f->keys, run_reader(run), hash_key(run_seed(run)),
		f->users, f->terminals, f->velocities, &error) != 0)
		return run_usage(run, "%s", error.text);
	f->risk = run_key(run, "transaction_risk");
	if (open_book(run, f) != 0)
		return -1;
	show_counters(run, f);
	return 0;
}

/* --- Verdicts ------------------------------------------------------------------------ */

/* A purchase is judged once more, after the record that is the reason for it: because of
 * its score, or because somebody has said so (NULL). */
static enum verdict
judge(struct run *run, struct transactions *f, uint64_t number, instant at, bool out,
    const struct scorecard_answer *said)
{
	struct transaction *t = ledger_change(&f->book->ledger, number);
	struct slice id = ledger_event_id(&f->book->ledger, t, f->event_id);
	struct build *b;

	t->out = out;
	/* Without a name, or after the last word that there can be. */
	if (id.size == 0 || t->version == UINT32_MAX) {
		f->unnamed++;
		return PASS;
	}
	/* 0 is that of those who mark events when they come. */
	t->version += t->version == 0;
	if (run_pass(run) != 0)
		return FAIL;
	b = run_build(run);
	if (said != NULL)
		notice_verdict(b, &f->book->traits, id, at, t->version++, said);
	else
		notice_told(
		    b, id, at, t->version++, out, out ? "chargeback" : "no_chargeback");
	return run_emit_built(run) == 0 ? HOLD : FAIL;
}

/* --- Purchases ----------------------------------------------------------------------- */

static enum verdict
take_back(struct transactions *f, const struct purchase *p)
{
	enum ledger_id which =
	    p->id[LEDGER_EVENT] != 0 ? LEDGER_EVENT : LEDGER_TRANSACTION;
	uint64_t number = book_find(f->book, which, p->id[which]);

	if (number == 0)
		f->book->counts.unknown++;
	else
		book_take_back(f->book, number, p->weight);
	return PASS;
}

static enum verdict
purchase(struct run *run, struct transactions *f, const struct record *r)
{
	struct purchase p = { .weight = 1 };
	const char *wrong = receipt_purchase(&f->keys, r, &p);
	struct scorecard_answer said;
	uint64_t number;

	if (wrong != NULL)
		return run_reject(run, "%s", wrong);
	if (p.weight <= 0)
		return p.weight < 0 ? take_back(f, &p) : PASS;
	if (book_purchase(f->book, &p, &said, &number) != BOOK_SCORED)
		return PASS;
	notice_risk(run_set(run, f->risk), &f->book->traits, &said);
	if (!alert_note(&f->alert, said.score))
		return PASS;
	f->alerts++;
	return judge(run, f, number, p.when, true, &said);
}

static enum verdict
sign_up(struct transactions *f, const struct record *r)
{
	uint64_t customer = receipt_customer(&f->keys, r);
	double weight;
	instant when;

	if (customer != 0 && record_timestamp(r, &when) && record_weight(r, &weight) &&
	    weight != 0)
		book_sign_up(f->book, customer, when, weight > 0);
	return PASS;
}

/* --- Labels -------------------------------------------------------------------------- */

/* Somebody wants his money back: it was fraud; or he does not any more. */
static enum verdict
charge_back(struct run *run, struct transactions *f, const struct record *r)
{
	uint64_t hash = receipt_transaction(&f->keys, r), number;
	double weight;
	instant when;

	if (hash == 0 || !record_timestamp(r, &when) || !record_weight(r, &weight))
		return run_reject(
		    run, "no transaction_id, timestamp or number as weight");
	if (weight == 0)
		return PASS;
	book_advance(f->book, when);
	number = book_find(f->book, LEDGER_TRANSACTION, hash);
	if (number == 0) {
		f->book->counts.unknown++;
		return PASS;
	}
	book_label(f->book, number, weight > 0 ? LABEL_FRAUD : LABEL_OPEN);
	if ((weight > 0) == book_at(f->book, number)->out)
		return PASS;
	return judge(run, f, number, when, weight > 0, NULL);
}

/* Of our own, too, when they come in a circle: they are repeats. */
static enum verdict
judgement(
    struct run *run, struct transactions *f, const struct record *r, enum kind kind)
{
	struct judgement j;
	const char *wrong = judgement_read(&f->keys.judgement, r, kind, &j);
	struct transaction *t;
	uint64_t number;
	instant when;

	if (wrong != NULL)
		return run_reject(run, "%s: %s", kind_name(kind), wrong);
	if (record_timestamp(r, &when))
		book_advance(f->book, when);
	number = book_find(f->book, LEDGER_EVENT, receipt_hash(&f->keys, j.event_id));
	if (number == 0)
		return PASS; /* it is about something else, as most are */
	t = ledger_change(&f->book->ledger, number);
	if (j.version < t->version)
		return PASS;
	t->version = j.version < UINT32_MAX ? (uint32_t)j.version + 1 : UINT32_MAX;
	t->out = j.out;
	book_label(f->book, number, j.out ? LABEL_FRAUD : LABEL_SOUND);
	return PASS;
}

/* --- Records ------------------------------------------------------------------------- */

static int
report(struct run *run, struct transactions *f, bool end)
{
	struct book *b = f->book;
	uint64_t labels = b->counts.fraud + b->counts.sound;
	struct precision_figures figures;

	if (labels == 0 || (!end && (f->every == 0 || labels - f->reported < f->every)))
		return 0;
	f->reported = labels;
	figures = precision_figures(end ? &b->total : &b->interval);
	report_clear(&b->interval);
	notice_metric(
	    run_build(run), &figures, end ? "total" : "interval", labels, b->now);
	return run_emit_built(run);
}

static enum verdict
each(struct run *run, void *self, const struct record *r)
{
	struct transactions *f = self;
	enum kind kind = record_kind(r);

	if (report(run, f, false) != 0)
		return FAIL;
	switch (kind) {
	case KIND_PURCHASE:
		return purchase(run, f, r);
	case KIND_SIGN_UP:
		return sign_up(f, r);
	case KIND_REFUND:
		return receipt_is_fraud(&f->keys, r) ? charge_back(run, f, r) : PASS;
	case KIND_CHARGEBACK:
		return charge_back(run, f, r);
	case KIND_VERDICT:
	case KIND_RETRACT:
		return judgement(run, f, r, kind);
	default:
		return PASS;
	}
}

static int
tick(struct run *run, void *self, instant watermark)
{
	struct transactions *f = self;

	(void)run;
	book_advance(f->book, watermark);
	return 0;
}

/* --- Ends ---------------------------------------------------------------------------- */

static int
finish(struct run *run, void *self)
{
	struct transactions *f = self;
	struct precision_figures figures = precision_figures(&f->book->total);
	char line[512];

	if (f->book->counts.unlabelled > 0)
		run_say(run,
		    "%" PRIu64 " purchases were lost before they had a label: more "
		    "--memory holds more of them",
		    f->book->counts.unlabelled);
	if (isfinite(figures.average_precision)) {
		notice_line(&figures, line, sizeof line);
		run_say(run, "%s", line);
	}
	return report(run, f, true);
}

static int
save(struct run *run, void *self, struct state_writer *to)
{
	struct transactions *f = self;

	(void)run;
	state_put_u64(to, f->reported);
	state_put_u64(to, f->alerts);
	state_put_u64(to, f->unnamed);
	state_put(to, &f->alert, sizeof f->alert);
	book_save(f->book, to);
	return 0;
}

static int
load(struct run *run, void *self, struct state_reader *from)
{
	struct transactions *f = self;
	struct error error;

	if (state_get_u64(from, &f->reported) != 0 ||
	    state_get_u64(from, &f->alerts) != 0 ||
	    state_get_u64(from, &f->unnamed) != 0 ||
	    state_get(from, &f->alert, sizeof f->alert) != 0)
		return run_fail(run, "the snapshot is too short");
	return book_load(f->book, from, &error) == 0 ? 0
						     : run_fail(run, "%s", error.text);
}

static void
stop(void *self)
{
	struct transactions *f = self;

	book_free(f->book);
}

static const struct filter transaction = {
	.name = "transaction",
	.about = "tell which purchases are fraud, learned from chargebacks",
	.examples = "  bp-transaction <events.bp | bp-select 'transaction_risk.score > "
		    "0' | bp-print\n"
		    "  bp-transaction --threshold 0.5% <events.bp | bp-select 'event "
		    "== \"verdict\"' | "
		    "bp-print\n",
	.options = options,
	.size = sizeof(struct transactions),
	.schema = 1,
	.start = start,
	.load = load,
	.each = each,
	.tick = tick,
	.finish = finish,
	.save = save,
	.stop = stop,
};

int
main(int argc, char **argv)
{
	return filter_main(&transaction, argc, argv);
}
