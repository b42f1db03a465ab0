/* SPDX-License-Identifier: MIT
 *
 * notice: what is written about transactions: the risk of one, a verdict of it, and how good
 * the scores have been.
 */
#ifndef BANNERPIPE_TRANSACTION_NOTICE_H
#define BANNERPIPE_TRANSACTION_NOTICE_H

#include "lib/record/judgement.h"
#include "lib/transaction/precision.h"
#include "lib/transaction/scorecard.h"

/* The value of transaction_risk: score, probability, reasons. */
void notice_risk(
    struct build *b, const struct traits *t, const struct scorecard_answer *said);
/* A verdict of the event because of the answer. */
void notice_verdict(struct build *b, const struct traits *t, struct slice event_id,
    instant at, int64_t version, const struct scorecard_answer *said);
/* A verdict because somebody has said so. */
void notice_told(struct build *b, struct slice event_id, instant at, int64_t version,
    bool out, const char *reason);

/* A metric record: "interval" or "total". */
void notice_metric(struct build *b, const struct precision_figures *f,
    const char *scope, uint64_t labels, instant at);
/* The same as a line for people. */
void notice_line(const struct precision_figures *f, char *to, size_t size);

#endif
