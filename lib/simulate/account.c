/* SPDX-License-Identifier: MIT */
#include "lib/simulate/account.h"

#include "lib/simulate/inside.h"
#include "lib/simulate/raid.h"

#define SIGNS_IN 0.3 /* of sessions; the others still are */
#define NEW 0.1      /* visitors who have no account yet */
#define FORGETS 0.08 /* first tries with a wrong password */
#define AGAIN 0.5    /* further ones */
#define GIVES_UP 6   /* tries */
#define JITTER_MS 6.0

enum { TO_FORM = 5, TO_TRY = 12 }; /* seconds */

void
account_enter(struct market *s, const struct happening *page)
{
	struct random r = luck(s, OF_LOGIN, page->session);
	struct happening login = *page;

	if (chance_uniform(&r) >= SIGNS_IN || !world_consents(&s->world, page->visitor))
		return;
	login.kind = VISIT_LOGIN;
	login.at += exponential(&r, TO_FORM * (double)WHEN_SECOND);
	login.step = 0;
	(void)visit_plan(s, &login, false);
}

/* A visitor's own account, which it may not have yet. */
static int
try(struct market *s, const struct happening *h, const struct person *p,
    struct random *r)
{
	struct visitor *v = &s->world.visitor[h->visitor];
	struct random of_visitor = luck(s, OF_ACCOUNT, h->visitor);
	struct happening again = *h;
	bool right = chance_uniform(r) >= (h->step == 0 ? FORGETS : AGAIN);
	double rtt = p->whence->rtt_ms + JITTER_MS * chance_exponential(r);

	if (!v->account && chance_uniform(&of_visitor) < NEW) {
		right = true;
		if (tell(s, p, tell_sign_up(&s->tell, h->at, p)) != 0)
			return -1;
	}
	v->account |= right;
	if (tell(s, p, tell_login(&s->tell, h->at, p, right, rtt)) != 0)
		return -1;
	if (right || ++again.step == GIVES_UP)
		return 0;
	again.at += WHEN_SECOND + exponential(r, TO_TRY * (double)WHEN_SECOND);
	(void)visit_plan(s, &again, false);
	return 0;
}

int
account_login(struct market *s, const struct happening *h)
{
	struct random r = luck(s, OF_TRY + ((uint64_t)h->step << 8), h->session);
	struct person p = whose(s, h);
	double rtt;

	if (h->who == WHO_HUMAN)
		return try(s, h, &p, &r);
	rtt = p.whence->rtt_ms + JITTER_MS * chance_exponential(&r);
	return raid_login(s, h, &p, rtt, &r);
}
