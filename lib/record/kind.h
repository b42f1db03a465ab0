/* SPDX-License-Identifier: MIT
 *
 * kind: the kinds of event that some filter treats in a way of its own, as an enum.
 */
#ifndef BANNERPIPE_RECORD_KIND_H
#define BANNERPIPE_RECORD_KIND_H

#include "lib/record/record.h"

/* X(symbol, text): the one list of kinds. */
#define KIND_LIST(X)                                                                   \
	X(ITEM, "item")                                                                \
	X(USER, "user")                                                                \
	X(CREATIVE, "creative")                                                        \
	X(CAMPAIGN, "campaign")                                                        \
	X(REQUEST, "request")                                                          \
	X(DECISION, "decision")                                                        \
	X(IMPRESSION, "impression")                                                    \
	X(CLICK, "click")                                                              \
	X(WIN, "win")                                                                  \
	X(BILLING, "billing")                                                          \
	X(LOSS, "loss")                                                                \
	X(PAGE_VIEW, "page_view")                                                      \
	X(VIEW_ITEM, "view_item")                                                      \
	X(ADD_TO_CART, "add_to_cart")                                                  \
	X(REMOVE_FROM_CART, "remove_from_cart")                                        \
	X(BEGIN_CHECKOUT, "begin_checkout")                                            \
	X(PURCHASE, "purchase")                                                        \
	X(REFUND, "refund")                                                            \
	X(SEARCH, "search")                                                            \
	X(LOGIN, "login")                                                              \
	X(SIGN_UP, "sign_up")                                                          \
	X(CHARGEBACK, "chargeback")                                                    \
	X(OUTCOME, "outcome")                                                          \
	X(EXPOSURE, "exposure")                                                        \
	X(METRIC, "metric")                                                            \
	X(EXPERIMENT_RESULT, "experiment_result")                                      \
	X(VERDICT, "verdict")                                                          \
	X(RETRACT, "retract")                                                          \
	X(ALERT, "alert")                                                              \
	X(REJECT, "reject")

enum kind {
	KIND_OTHER, /* no event key, or a kind that is not in the list */
#define KIND_SYMBOL(symbol, text) KIND_##symbol,
	KIND_LIST(KIND_SYMBOL)
#undef KIND_SYMBOL
	    KIND_COUNT
};

/* The kind of a record. Cost: about 4 ns. */
enum kind record_kind(const struct record *r);
enum kind kind_of(struct slice name);
/* Its text; "other" for KIND_OTHER. */
const char *kind_name(enum kind kind);

#endif
