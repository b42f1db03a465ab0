/* SPDX-License-Identifier: MIT
 *
 * openrtb_fit: what a creative says of itself, and whether an impression admits it. Its
 * keys are those of a bid (OpenRTB 2.6, 4.2.3), next to ours:
 *
 *	cat [category], cattax     of the advertiser: "IAB3-1"
 *	attr [int]                 creative attributes, in the list of AdCOM 1.0
 *	adomain [domain]           absent: the host of its url, without "www."
 *	language                   "de"
 *	deal_id                    it is for impressions of that deal only
 */
#ifndef BANNERPIPE_SERVE_OPENRTB_FIT_H
#define BANNERPIPE_SERVE_OPENRTB_FIT_H

#include "lib/delivery/catalogue.h"
#include "lib/serve/openrtb.h"

/* Of a creative's record; absent: it does not say. Texts, but for ids, parts and lists,
 * which are msgpack. */
struct openrtb_terms {
	struct slice creative, campaign;
	struct slice parts, url;
	struct slice cat, attr, adomain;
	struct slice language, deal;
	uint64_t taxonomy;
	struct openrtb_size size; /* 0: any */
};

void openrtb_terms(struct slice creative, struct openrtb_terms *to);
/* Its advertiser's domain, when `adomain` is not there; empty: unknown. */
struct slice openrtb_domain(const struct openrtb_terms *t);
/* An http or https URL of its picture; empty: there is none. */
struct slice openrtb_image(const struct openrtb_terms *t);

/* Whether the creative of that row may be bid for the impression: the size, what is
 * blocked, and the floor as far as it is known before the draw. Cost: a walk through its
 * record. */
struct openrtb_fit {
	const struct openrtb_rules *rules;
	const struct openrtb_request *request;
	const struct openrtb_imp *imp;
	bool predicts; /* there is a model; else who pays by the click is no bidder */
};

bool openrtb_fits(void *fit, const struct catalogue *c, uint32_t row);
/* The floor that a creative of these terms has to reach. */
int64_t openrtb_floor(const struct openrtb_fit *f, const struct openrtb_terms *t);
/* The size that it is shown in; 0: unknown. */
struct openrtb_size openrtb_shown(
    const struct openrtb_imp *imp, const struct openrtb_terms *t);

#endif
