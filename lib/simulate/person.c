/* SPDX-License-Identifier: MIT */
#include "lib/simulate/person.h"

#include "lib/hash.h"

enum { OF_NAME = 21, FARM_DEVICES = 5 };

static void
whence_of(const struct whences *o, const struct happening *h, struct whence *to)
{
	switch ((enum tell_who)h->who) {
	case TELL_HUMAN:
		whence_of_visitor(o, h->visitor, h->session, h->at, to);
		break;
	case TELL_CRAWLER:
		whence_robot(hash_mix(h->visitor), hash_mix(h->session), to);
		break;
	case TELL_FARM:
		*to = (struct whence){ .six = false };
		whence_device(
		    o, GUISE_PHONE, ~(uint64_t)(h->visitor % FARM_DEVICES), to);
		whence_home(o, 12, ~(uint64_t)(h->visitor % 2), 0, to);
		break;
	}
}

struct person
person_of(struct presence *last, const struct whences *o, const struct world *w,
    const struct happening *h)
{
	struct person p = { .session = h->session,
		.name = hash_pair(OF_NAME + ((uint64_t)h->who << 32), h->visitor),
		.visitor = h->visitor,
		.who = (enum tell_who)h->who,
		.consents = h->who == TELL_FARM ||
		    (h->who == TELL_HUMAN && world_consents(w, h->visitor)) };
	int64_t hour = h->at / WHEN_HOUR;
	struct build b;

	if (last->who != h->who + 1 || last->session != h->session ||
	    last->step != h->step || last->hour != hour) {
		whence_of(o, h, &last->origin);
		build_init(&b, last->bytes, sizeof last->bytes);
		last->n = whence_build(o, &last->origin, p.consents, &b);
		last->pairs = build_slice(&b);
		last->session = h->session;
		last->step = h->step;
		last->hour = hour;
		last->who = (uint8_t)(h->who + 1);
	}
	p.device = guise_class_names[last->origin.class];
	p.origin = last->pairs;
	p.whence_pairs = last->n;
	return p;
}
