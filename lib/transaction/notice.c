/* SPDX-License-Identifier: MIT */
#include "lib/transaction/notice.h"

#include <inttypes.h>
#include <stdio.h>

#include "lib/record/pair.h"

/* The log-odds of what somebody has said: as sure as 999 in 1000. */
static const double told_score = 6.9;

void
notice_risk(
    struct build *b, const struct traits *t, const struct scorecard_answer *said)
{
	build_map(b, 3);
	pair_double(b, "score", said->score);
	pair_double(b, "probability", said->probability);
	build_text(b, "reasons");
	build_array(b, said->reasons);
	for (unsigned i = 0; i < said->reasons; i++)
		build_str(b, traits_word(t, said->reason[i].part));
}

void
notice_verdict(struct build *b, const struct traits *t, struct slice event_id,
    instant at, int64_t version, const struct scorecard_answer *said)
{
	struct judgement_reason reason[SCORECARD_REASONS];
	size_t open = build_open(b);

	for (unsigned i = 0; i < said->reasons; i++)
		reason[i] = (struct judgement_reason){ t->word[said->reason[i].part],
			(double)said->reason[i].share };
	build_close_map(b, open,
	    judgement_build(b, KIND_VERDICT, event_id, at, version, said->score, reason,
		said->reasons));
}

void
notice_told(struct build *b, struct slice event_id, instant at, int64_t version,
    bool out, const char *reason)
{
	const double score = out ? told_score : -told_score;
	const struct judgement_reason why = { reason, score };
	size_t open = build_open(b);

	build_close_map(b, open,
	    judgement_build(b, KIND_VERDICT, event_id, at, version, score, &why, 1));
}

void
notice_metric(struct build *b, const struct precision_figures *f, const char *scope,
    uint64_t labels, instant at)
{
	static const char *const recall[PRECISION_RATES] = { "recall_at_0.1_percent",
		"recall_at_0.5_percent", "recall_at_1_percent" };
	size_t open = build_open(b);
	unsigned pairs = 4;
	char id[64];

	(void)snprintf(id, sizeof id, "transaction:%s:%" PRIu64, scope, labels);
	pair_text(b, "event", "metric");
	pair_text(b, "event_id", id);
	pair_int(b, "timestamp", at);
	build_text(b, "dims");
	build_map(b, 2);
	pair_text(b, "target", "fraud");
	pair_text(b, "scope", scope);
	pairs += pair_figure(b, "n", f->n);
	pairs += pair_figure(b, "fraud", f->fraud);
	pairs += pair_figure(b, "average_precision", f->average_precision);
	pairs += pair_figure(b, "average_precision_error", f->average_precision_error);
	pairs += pair_figure(b, "auc", f->auc);
	pairs += pair_figure(b, "auc_error", f->auc_error);
	for (unsigned i = 0; i < PRECISION_RATES; i++)
		pairs += pair_figure(b, recall[i], f->recall[i]);
	build_close_map(b, open, pairs);
}

void
notice_line(const struct precision_figures *f, char *to, size_t size)
{
	(void)snprintf(to, size,
	    "average precision %.3f +- %.3f of %.0f labels, %.2f %% of them fraud (a "
	    "random order has %.4f); %.1f %% of the fraud is in the highest 0.5 %%; "
	    "AUC %.3f, which flatters where so few are fraud",
	    f->average_precision, f->average_precision_error, f->n,
	    100 * f->fraud / f->n, f->fraud / f->n, 100 * f->recall[1], f->auc);
}
