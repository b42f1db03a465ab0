/* SPDX-License-Identifier: MIT */
#include "lib/simulate/hideout.h"

#include "lib/simulate/chance.h"

enum {
	FARM_DEVICES = 5, /* with 50 accounts */
	FARM_LINES = 2,
	RACK_DEVICES = 8, /* of a device farm, with as many accounts as it likes */
	RACK_LINES = 3,
	THIEF_DEVICES = 10,
	CARDER_DEVICES = 6,
};

/* What is drawn of the seed. */
enum { OF_HIDEOUT = 80, OF_LAIR };

/* Somebody's line that is not among visitors'. */
static uint64_t
lair(enum who who, uint64_t which)
{
	return hash_pair(hash_pair(OF_LAIR, who), which);
}

/* A private network, the line of somebody whose machine is misused, or a phone. */
static void
hide(const struct whences *o, struct random *r, double private, double line,
    uint64_t who, struct whence *to)
{
	unsigned place = whence_place(random_next(r));
	double draw = chance_uniform(r);

	if (draw < private)
		whence_vpn(o, place, random_next(r), to);
	else if (draw < private + line)
		whence_home(o, place, hash_pair(OF_LAIR, random_next(r)), 0, to);
	else
		whence_mobile(o, place, who, random_next(r) % 4, to);
}

/* Headless browsers that say they are others, on rented machines or on lines of people. */
static void
scraper(const struct whences *o, const struct happening *h, struct random *r,
    struct whence *to)
{
	whence_device(o, GUISE_DESKTOP, lair(WHO_SCRAPER, h->session), to);
	if (chance_uniform(r) < 0.7)
		whence_cloud(o, 0, random_next(r), to);
	else
		hide(o, r, 0, 1, h->session, to);
}

/* Another network with every page; the device stays. */
static void
rotation(const struct whences *o, const struct happening *h, struct whence *to)
{
	struct random r =
	    chance_of(o->seed, OF_HIDEOUT, hash_pair(h->session, h->step));

	whence_device(o, GUISE_PHONE, lair(WHO_ROTATION, h->visitor), to);
	hide(o, &r, 0.1, 0.6, random_next(&r), to);
}

/* One machine after the other of a rented network of 256. */
static void
spraying(const struct whences *o, const struct happening *h, struct random *r,
    struct whence *to)
{
	whence_device(o, GUISE_DESKTOP, lair(WHO_SPRAYING, h->session), to);
	whence_host(o, 0, lair(WHO_SPRAYING, 0), (unsigned)(random_next(r) >> 56), to);
}

void
hideout_of(const struct whences *o, const struct happening *h, struct whence *to)
{
	struct random r = chance_of(o->seed, OF_HIDEOUT, h->session);
	enum who who = (enum who)h->who;
	uint64_t day = (uint64_t)(h->at / WHEN_DAY), one = random_next(&r);

	*to = (struct whence){ .six = false };
	switch (who) {
	case WHO_CRAWLER:
		whence_robot(hash_mix(h->visitor), one, to);
		break;
	case WHO_SCRAPER:
		scraper(o, h, &r, to);
		break;
	case WHO_FARM:
		whence_device(o, GUISE_PHONE, lair(who, h->visitor % FARM_DEVICES), to);
		whence_home(o, 14, lair(who, h->visitor % FARM_LINES), 0, to);
		break;
	case WHO_DEVICE_FARM:
		whence_device(o, GUISE_PHONE, lair(who, one % RACK_DEVICES), to);
		whence_home(o, 7, lair(who, one % RACK_LINES), 0, to);
		break;
	case WHO_SLOW:
		whence_device(o, GUISE_DESKTOP, lair(who, h->visitor), to);
		whence_home(o, whence_place(hash_mix(h->visitor)),
		    lair(who, h->visitor), day, to);
		break;
	case WHO_ROTATION:
		rotation(o, h, to);
		break;
	case WHO_STUFFING:
		whence_device(o, GUISE_DESKTOP, lair(who, h->visitor), to);
		if (h->visitor % 2 == 0)
			whence_cloud(o, 0, hash_mix(lair(who, h->visitor)), to);
		else
			whence_home(o, whence_place(hash_mix(h->visitor)),
			    lair(who, h->visitor), 0, to);
		break;
	case WHO_SPRAYING:
		spraying(o, h, &r, to);
		break;
	case WHO_TAKEOVER:
		whence_device(o, GUISE_DESKTOP, lair(who, one % THIEF_DEVICES), to);
		hide(o, &r, 0.5, 0.5, one, to);
		break;
	case WHO_STOLEN_CARD:
		whence_device(o, GUISE_DESKTOP, lair(who, one % CARDER_DEVICES), to);
		hide(o, &r, 0.4, 0.4, one, to);
		break;
	default: /* a human's browser or card */
		whence_of_visitor(o, h->visitor, h->session, h->at, to);
		to->prefetched = who == WHO_PREFETCH ? 1 + (one % 3 == 0) : 0;
		break;
	}
}
