/* SPDX-License-Identifier: MIT */
#include "lib/simulate/raid.h"

#include "lib/simulate/inside.h"

enum {
	CRAWLERS = 20,
	ACCOUNTS = 50,     /* of farms */
	USES = 2,          /* sessions of an account of a device farm */
	ROTATIONS = 3,     /* devices */
	STUFFERS = 40,     /* machines */
	CARDS_MAX = 4,     /* of a thief, in one session */
	SLOW_SESSIONS = 4, /* a day, of each */
	PROBE = 2,
	LARGE, /* kinds of an order of a thief: happening.cart */
};

#define KNOWN 0.5       /* of stolen credentials are of an account here */
#define STUFFED 0.01    /* of those the password is the same */
#define SPRAYED 0.005   /* have a password that everybody tries */
#define FIRST_RIGHT 0.7 /* a thief has the password */
#define ANOTHER 0.4     /* order of a thief */
#define GOOD 0.6        /* cards that are used after a probe */
#define PROBE_BACK 0.4  /* probes that their owners see */
#define LARGE_BACK 0.85 /* large orders that they see */
#define SIGNED_SLOW 0.3 /* sessions of slow robots that sign in */
#define HOURS_TO_LARGE 6.0

/* --- Sessions ------------------------------------------------------------------------ */

/* A visitor with an account. */
static uint32_t
victim(const struct market *s, struct random *r)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < 16; i++) {
		v = world_visitor(&s->world, chance_uniform(r));
		if (world_consents(&s->world, v))
			break;
	}
	return v;
}

static uint32_t
attacker(const struct market *s, const struct happening *page, struct random *r)
{
	double a_day = s->o.rate * who_per_human(s->o.attack, (enum who)page->who);
	uint64_t number = page->session - WHO_NUMBERS, n = 1;

	switch ((enum who)page->who) {
	case WHO_CRAWLER:
		n = CRAWLERS;
		break;
	case WHO_FARM:
		n = ACCOUNTS;
		break;
	case WHO_ROTATION:
		n = ROTATIONS;
		break;
	case WHO_STUFFING:
		n = STUFFERS;
		break;
	case WHO_SLOW:
		n = 1 + (uint64_t)(a_day / SLOW_SESSIONS) % WORLD_VISITORS_MAX;
		break;
	case WHO_DEVICE_FARM:
		return (uint32_t)(number / USES % WORLD_VISITORS_MAX);
	case WHO_PREFETCH:
		return world_visitor(&s->world, chance_uniform(r));
	case WHO_TAKEOVER:
		return victim(s, r);
	default: /* a new one each time */
		return (uint32_t)(number % WORLD_VISITORS_MAX);
	}
	return (uint32_t)hash_bucket(random_next(r), n);
}

void
raid_enter(struct market *s, struct happening *page, struct random *r)
{
	struct happening login;

	page->visitor = attacker(s, page, r);
	login = *page;
	login.kind = VISIT_LOGIN;
	switch ((enum who)page->who) {
	case WHO_SLOW:
		if (chance_uniform(r) >= SIGNED_SLOW)
			break;
		/* fall through */
	case WHO_FARM:
	case WHO_DEVICE_FARM:
	case WHO_STOLEN_CARD:
	case WHO_STUFFING:
	case WHO_SPRAYING:
	case WHO_TAKEOVER:
		(void)visit_plan(s, &login, false);
		break;
	default:
		break;
	}
	if (page->who == WHO_STUFFING || page->who == WHO_SPRAYING ||
	    page->who == WHO_TAKEOVER) /* pages come when he is in */
		return;
	page->at += exponential(r, 2.0 * WHEN_SECOND);
	(void)visit_plan(s, page, false);
}

/* --- Passwords ----------------------------------------------------------------------- */

/* Of a list of stolen names, or of all that there are. */
static int
guess(struct market *s, const struct happening *h, const struct person *p, double rtt,
    struct random *r)
{
	bool stuffing = h->who == WHO_STUFFING;
	bool known = chance_uniform(r) < (stuffing ? KNOWN : 1);
	double right = !known ? 0 : stuffing ? STUFFED : SPRAYED;
	struct person target = *p;
	struct happening next = *h;

	target.name = known ? person_name(WHO_HUMAN, victim(s, r)) : random_next(r);
	if (tell(s, p,
		tell_login(&s->tell, h->at, &target, chance_uniform(r) < right, rtt)) !=
	    0)
		return -1;
	if (++next.step >= h->pages)
		return 0;
	next.at += exponential(r, who_habits[h->who].seconds * (double)WHEN_SECOND);
	(void)visit_plan(s, &next, false);
	return 0;
}

int
raid_login(struct market *s, const struct happening *h, const struct person *p,
    double rtt, struct random *r)
{
	struct happening next = *h;
	bool right = true;

	if (h->who == WHO_STUFFING || h->who == WHO_SPRAYING)
		return guess(s, h, p, rtt, r);
	if (((h->who == WHO_DEVICE_FARM && (h->session - WHO_NUMBERS) % USES == 0) ||
		h->who == WHO_STOLEN_CARD) &&
	    tell(s, p, tell_sign_up(&s->tell, h->at, p)) != 0)
		return -1;
	if (h->who == WHO_TAKEOVER) {
		right = chance_uniform(r) < FIRST_RIGHT || h->step > 0;
		next.at += 1 + exponential(r, 10.0 * WHEN_SECOND);
		next.kind = right ? VISIT_PAGE : VISIT_LOGIN;
		next.step = !right;
		(void)visit_plan(s, &next, false);
	}
	return tell(s, p, tell_login(&s->tell, h->at, p, right, rtt));
}

/* --- Cards --------------------------------------------------------------------------- */

static void
plan_order(struct market *s, const struct happening *h, struct random *r, uint8_t kind,
    unsigned card, double mean_us)
{
	struct happening order = *h;

	order.kind = VISIT_PURCHASE;
	order.cart = kind;
	order.position = (uint8_t)card;
	order.number = hash_bucket(random_next(r), TELL_ITEMS);
	order.at += exponential(r, mean_us);
	(void)visit_plan(s, &order, false);
}

/* A thief pays with the card that the account has; one who has bought cards tries some with
 * little first, and comes back with those that were good. */
void
raid_check_out(struct market *s, const struct happening *h, struct random *r)
{
	unsigned cards;

	if (h->who == WHO_TAKEOVER) {
		unsigned n = 1 + (chance_uniform(r) < ANOTHER);

		for (unsigned i = 0; i < n; i++)
			plan_order(s, h, r, LARGE, 0, 2.0 * WHEN_MINUTE);
	}
	if (h->who != WHO_STOLEN_CARD)
		return;
	cards = 1 + (unsigned)hash_bucket(random_next(r), CARDS_MAX);
	for (unsigned i = 0; i < cards; i++) {
		struct happening at = *h;

		at.at += (int64_t)i * 40 * WHEN_SECOND;
		plan_order(s, &at, r, PROBE, i, 15.0 * WHEN_SECOND);
		at.at += 10 * WHEN_MINUTE;
		if (chance_uniform(r) < GOOD)
			plan_order(
			    s, &at, r, LARGE, i, HOURS_TO_LARGE * (double)WHEN_HOUR);
	}
}

double
raid_value(const struct happening *h, double price, struct random *r)
{
	return h->cart == PROBE ? (1 + 4 * chance_uniform(r)) * 1e6
				: price * (4 + 8 * chance_uniform(r));
}

uint64_t
raid_card(const struct happening *h)
{
	return hash_pair(h->session, h->position);
}

/* --- Money back ------------------------------------------------------------------------ */

void
raid_order(struct market *s, const struct happening *h, uint64_t order)
{
	struct random r = luck(s, OF_CHARGEBACK, order);
	struct happening back = *h;
	double share = h->who == WHO_HUMAN ? s->o.attack[WHO_FRIENDLY]
	    : h->cart == PROBE             ? PROBE_BACK
					   : LARGE_BACK;

	if (chance_uniform(&r) >= share ||
	    order - who_numbers((enum who)h->who) > UINT32_MAX)
		return;
	if (h->who == WHO_HUMAN)
		back.who = WHO_FRIENDLY;
	back.kind = VISIT_CHARGEBACK;
	back.slot = (uint32_t)(order - who_numbers((enum who)h->who));
	back.at += exponential(&r, (double)s->o.chargeback_delay.us);
	(void)visit_plan(s, &back, false);
}

int
raid_chargeback(struct market *s, const struct happening *h)
{
	struct person p = whose(s, h);
	uint64_t base = h->who == WHO_FRIENDLY ? 0 : WHO_NUMBERS;

	s->counts.chargebacks++;
	/* It is the bank that says so, not a visitor. */
	return write_out(s, &p, tell_chargeback(&s->tell, h->at, &p, base + h->slot));
}
