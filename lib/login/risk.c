/* SPDX-License-Identifier: MIT */
#include "lib/login/risk.h"

#include <math.h>

const char *
risk_word(enum risk_reason reason)
{
	static const char *const words[RISK_REASONS] = {
#define RISK_WORD(symbol, word) word,
		RISK_LIST(RISK_WORD)
#undef RISK_WORD
	};

	return words[reason];
}

static double
log_odds(double p)
{
	return log(p / (1 - p));
}

/* The network's share is that without its country; the country's, what it adds. */
static void
weigh_past(const struct past_look *past, double *share)
{
	const struct ratio_level *level = past->level;
	double fine = ratio_lift(level, LOGIN_COUNTRY);
	double all = ratio_lift(level, LOGIN_COUNTRY + 1);

	share[RISK_NETWORK] = -log(fine);
	share[RISK_COUNTRY] = log(fine / all);
	share[RISK_AGENT] =
	    -log(ratio_lift(level + LOGIN_AGENT, LOGIN_DEVICE - LOGIN_AGENT));
	if (past->device == PAST_DEVICE_NEW)
		share[RISK_DEVICE] = log((past->logins + 2.0) / (past->devices + 1.0));
	if (past->user != 1)
		share[RISK_TARGET] = log(past->user);
}

static double
travel_share(double speed_kmh, double limit_kmh)
{
	double share = RISK_TRAVEL_LEAST;

	if (speed_kmh <= limit_kmh)
		return 0;
	share += log(speed_kmh / limit_kmh);
	return fmin(share, RISK_TRAVEL_MAX);
}

/* Who has forgotten his password fails again half of the times; who guesses it, nearly
 * always. */
static double
failures_share(int64_t failures)
{
	const double each = 0.64; /* log(0.95 / 0.5) */

	return failures <= 2 ? 0
			     : fmin(each * (double)(failures - 2), RISK_FAILURES_MAX);
}

static void
weigh_crowd(
    const struct risk_rules *rules, const struct crowd_look *crowd, double *share)
{
	double most = 0;
	enum risk_reason reason = RISK_STUFFING;

	for (unsigned i = 0; i < CROWD_SCOPES; i++) {
		/* A provider is as bad as all others when it is as bad as usual. */
		double honest = i == LOGIN_ASN ? fmax(rules->failures, crowd->rate)
					       : rules->failures;
		double attacked =
		    crowd_attacked(crowd->failed[i], crowd->users[i], honest);

		if (attacked <= most)
			continue;
		most = attacked;
		reason = i == LOGIN_ADDRESS ? RISK_STUFFING : RISK_SPRAYING;
	}
	if (most > rules->prior)
		share[reason] = log_odds(most) - log_odds(rules->prior);
	share[RISK_FAILURES] = failures_share(crowd->failures);
}

/* The order of the sum is fixed: the country comes last, as it needs the others. */
static void
add_up(struct risk *r, double prior)
{
	double against = 0, *country = &r->share[RISK_COUNTRY];

	r->score = log_odds(prior);
	for (unsigned i = 0; i < RISK_REASONS; i++) {
		if (i == RISK_COUNTRY)
			continue;
		r->score += r->share[i];
		against += fmax(r->share[i], 0);
	}
	*country = fmin(*country, fmin(RISK_COUNTRY_MAX, against / 2));
	r->score += *country;
}

void
risk_weigh(const struct risk_rules *rules, const struct past_look *past,
    const struct crowd_look *crowd, struct risk *to)
{
	*to = (struct risk){ .score = 0 };
	if (past->logins > 0)
		weigh_past(past, to->share);
	else if (past->user != 1)
		to->share[RISK_TARGET] = log(past->user);
	to->share[RISK_TRAVEL] = travel_share(past->speed, rules->speed_kmh);
	weigh_crowd(rules, crowd, to->share);
	add_up(to, rules->prior);
}

unsigned
risk_reasons(const struct risk *r, struct judgement_reason to[RISK_TOLD])
{
	unsigned n = 0;

	for (unsigned i = 0; i < RISK_REASONS; i++) {
		unsigned at = n;

		while (at > 0 && to[at - 1].share < r->share[i])
			at--;
		if (r->share[i] <= 0 || at == RISK_TOLD)
			continue;
		n += n < RISK_TOLD;
		for (unsigned k = n - 1; k > at; k--)
			to[k] = to[k - 1];
		to[at] = (struct judgement_reason){ risk_word(i), r->share[i] };
	}
	return n;
}
