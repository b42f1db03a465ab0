/* SPDX-License-Identifier: MIT */
#include "lib/simulate/person.h"

#include "lib/hash.h"
#include "lib/simulate/hideout.h"

enum { OF_NAME = 21 };

uint64_t
person_name(enum who who, uint32_t visitor)
{
	return hash_pair(OF_NAME + ((uint64_t)who << 32), visitor);
}

/* Whose account it is: a browser fetches ahead for its owner, a thief uses a victim's. */
static enum who
account_of(enum who who)
{
	return who == WHO_PREFETCH || who == WHO_TAKEOVER || who == WHO_FRIENDLY
	    ? WHO_HUMAN
	    : who;
}

static bool
consents(const struct world *w, enum who who, uint32_t visitor)
{
	if (who == WHO_CRAWLER)
		return false;
	return (who != WHO_HUMAN && who != WHO_PREFETCH) || world_consents(w, visitor);
}

/* What happens in an hour of a page has one origin. */
static void
find(struct presence *last, const struct whences *o, const struct happening *h,
    bool known)
{
	int64_t hour = h->at / WHEN_HOUR;
	struct build b;

	if (last->who == h->who + 1 && last->session == h->session &&
	    last->step == h->step && last->hour == hour)
		return;
	if (h->who == WHO_HUMAN)
		whence_of_visitor(o, h->visitor, h->session, h->at, &last->whence);
	else
		hideout_of(o, h, &last->whence);
	build_init(&b, last->bytes, sizeof last->bytes);
	last->n = whence_build(o, &last->whence, known, &b);
	last->pairs = build_slice(&b);
	last->session = h->session;
	last->step = h->step;
	last->hour = hour;
	last->who = (uint8_t)(h->who + 1);
}

struct person
person_of(struct presence *last, const struct whences *o, const struct world *w,
    const struct happening *h)
{
	enum who who = (enum who)h->who;
	struct person p = { .session = h->session,
		.name = person_name(account_of(who), h->visitor),
		.visitor = h->visitor,
		.who = who,
		.consents = consents(w, who, h->visitor),
		.whence = &last->whence };

	find(last, o, h, p.consents);
	p.origin = last->pairs;
	p.origin_pairs = last->n;
	return p;
}
