/* SPDX-License-Identifier: MIT
 *
 * Who may answer a request.
 */
#include "lib/delivery/catalogue_inside.h"

static bool
campaign_runs(const struct campaign *k, instant when)
{
	return !k->paused && when >= k->starts_at && when < k->ends_at;
}

bool
catalogue_runs(const struct catalogue *c, uint32_t row, instant when)
{
	const struct creative *k = catalogue_creative(c, row);

	if (k->paused || (k->campaign_id != 0 && k->campaign == CATALOGUE_NONE) ||
	    !catalogue_in_stock(c, k))
		return false;
	return k->campaign == CATALOGUE_NONE ||
	    campaign_runs(&c->campaign[k->campaign], when);
}

/* The campaigns that want the request, and a bit for what belongs to none. */
struct campaigns {
	uint64_t bits[CATALOGUE_CAMPAIGNS_MAX / 64 + 1];
};

static void
match_campaigns(struct catalogue *c, instant when, struct campaigns *to)
{
	size_t words;
	const uint64_t *bits =
	    targeting_match(c->targeting, TARGETING_CAMPAIGN, &words);

	to->bits[CATALOGUE_CAMPAIGNS_MAX / 64] = UINT64_MAX;
	for (size_t w = 0; w < words; w++) {
		to->bits[w] = bits[w];
		for (uint64_t left = bits[w]; left != 0; left &= left - 1) {
			unsigned bit = (unsigned)__builtin_ctzll(left);
			const struct runs *k = &c->runs[w * 64 + bit];

			if (when < k->from || when >= k->to ||
			    (k->condition != 0 &&
				!conditions_hold(c->conditions, k->condition)))
				to->bits[w] &= ~(UINT64_C(1) << bit);
		}
	}
}

/* Of the creatives that are left of 64, those whose campaign is there. Without a branch
 * that could be guessed wrong half of the time. */
static inline uint64_t
of_campaigns(
    const uint16_t *campaign_of, const struct campaigns *campaigns, uint64_t left)
{
	uint64_t out = 0;

	for (uint64_t rest = left; rest != 0; rest &= rest - 1) {
		unsigned bit = (unsigned)__builtin_ctzll(rest);
		unsigned campaign = campaign_of[bit];

		out |= (campaigns->bits[campaign / 64] >> campaign % 64 & 1) << bit;
	}
	return out;
}

uint32_t
catalogue_eligible(struct catalogue *c, const struct record *request, instant when,
    uint32_t *rows, uint32_t max)
{
	struct campaigns campaigns;
	const uint64_t *bits;
	uint32_t n = 0;
	size_t words;

	targeting_read(c->targeting, request, when);
	conditions_begin(c->conditions, slice_of(request->bytes, request->size));
	match_campaigns(c, when, &campaigns);
	bits = targeting_match(c->targeting, TARGETING_CREATIVE, &words);
	for (size_t w = 0; w < words; w++) {
		uint64_t left = of_campaigns(
		    c->campaign_of + w * 64, &campaigns, bits[w] & ~c->blocked[w]);

		for (; left != 0; left &= left - 1) {
			uint32_t row =
			    (uint32_t)(w * 64) + (uint32_t)__builtin_ctzll(left);
			unsigned condition = c->condition_of[row];

			if (condition != 0 &&
			    !conditions_hold(c->conditions, condition))
				continue;
			if (n < max)
				rows[n] = row;
			n++;
		}
	}
	return n;
}
