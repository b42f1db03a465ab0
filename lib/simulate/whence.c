/* SPDX-License-Identifier: MIT */
#include "lib/simulate/whence.h"

#include <math.h>

#include "lib/base/assert.h"
#include "lib/base/number.h"
#include "lib/record/pair.h"
#include "lib/simulate/chance.h"

#define WORKS 0.4       /* in an office */
#define COMMUTES 0.5    /* sessions of a phone that are not by the line at home */
#define COMPUTER 0.7    /* has one */
#define TABLET 0.3      /* homes that have one, for all */
#define PRIVATE 0.08    /* uses a private network, for half of the sessions */
#define COMPANY 0.005   /* is behind rented machines when at work */
#define TRAVELS 0.03    /* of the weeks */
#define SIX 0.3         /* homes with IPv6, and sessions of a phone */
#define DAILY 0.33      /* homes whose address is another one each day */
#define PHONE_SHARE 0.6 /* of sessions */
#define TABLET_SHARE 0.06

enum {
	HOUSEHOLD = 2,   /* visitors */
	OFFICE = 25,     /* visitors that work in one, on average; a few are large */
	BEHIND = 300,    /* visitors of a carrier that share an address */
	POOL_MOVES = 6,  /* hours after which it may be another one */
	EXITS = 12,      /* of a private network */
	HOTELS = 40,     /* of a place */
	BLOCK_BITS = 18, /* addresses of a network */
	ISPS = 3,
	CARRIERS = 2,
	NETWORKS = ISPS + CARRIERS, /* of a country */
	PRIVATE_NETWORKS = 3,
	COUNTRIES = 10,
	AS_PRIVATE = 64512,
	SHOP = 0, /* its place */
};

/* What is drawn of the seed. */
enum {
	OF_PERSON = 60,
	OF_HOME,
	OF_DEVICE,
	OF_SESSION_AT,
	OF_TRIP,
	OF_LINE,
	OF_POOL,
	OF_EXIT,
	OF_OFFICE,
	OF_GUISE
};

/* Three quarters live in Japan, whose hours the shop has (visit.c). */
static const struct place {
	char country[3];
	uint8_t number, weight; /* of 100 */
	int8_t hours;           /* from UTC */
	double latitude, longitude;
} places[WHENCE_PLACES] = {
	{ "JP", 0, 31, 9, 35.68, 139.69 },
	{ "JP", 0, 15, 9, 34.69, 135.50 },
	{ "JP", 0, 9, 9, 35.18, 136.91 },
	{ "JP", 0, 7, 9, 33.59, 130.40 },
	{ "JP", 0, 6, 9, 43.06, 141.35 },
	{ "JP", 0, 4, 9, 38.27, 140.87 },
	{ "JP", 0, 3, 9, 34.39, 132.46 },
	{ "TW", 1, 4, 8, 25.03, 121.57 },
	{ "KR", 2, 4, 9, 37.57, 126.98 },
	{ "US", 3, 2, -5, 40.71, -74.01 },
	{ "US", 3, 2, -8, 34.05, -118.24 },
	{ "US", 3, 1, -6, 41.88, -87.63 },
	{ "HK", 4, 2, 8, 22.32, 114.17 },
	{ "SG", 5, 2, 8, 1.35, 103.82 },
	{ "TH", 6, 2, 7, 13.76, 100.50 },
	{ "AU", 7, 1, 10, -33.87, 151.21 },
	{ "AU", 7, 1, 10, -37.81, 144.96 },
	{ "DE", 8, 1, 1, 52.52, 13.41 },
	{ "DE", 8, 1, 1, 48.14, 11.58 },
	{ "GB", 9, 1, 0, 51.51, -0.13 },
	{ "GB", 9, 1, 0, 53.48, -2.24 },
};

/* Rented machines, in networks of the list of bp-givt. */
static const struct machines {
	uint32_t first, bits, asn;
	unsigned place;
} machines[] = {
	{ 0x0d700000, 18, 16509, 0 },  /* 13.112.0.0, Amazon, Tokyo */
	{ 0x03400000, 18, 16509, 17 }, /* 3.64.0.0, Amazon, Frankfurt */
	{ 0x03000000, 18, 16509, 9 },  /* 3.0.0.0, Amazon, United States */
	{ 0x05090000, 16, 24940, 18 }, /* 5.9.0.0, Hetzner */
};

/* --- Places ------------------------------------------------------------------------- */

/* Great circle (haversine), km. */
static double
distance_km(const struct place *a, const struct place *b)
{
	const double degree = 3.14159265358979323846 / 180;
	double y = sin((b->latitude - a->latitude) * degree / 2);
	double x = sin((b->longitude - a->longitude) * degree / 2);
	double h =
	    y * y + x * x * cos(a->latitude * degree) * cos(b->latitude * degree);

	return 2 * 6371 * asin(sqrt(h));
}

int
whences_init(struct whences *o, uint64_t seed, uint64_t visitors)
{
	*o = (struct whences){ .seed = seed, .visitors = visitors };
	/* 200 km a millisecond, there and back, on lines half as long again. */
	for (unsigned i = 0; i < WHENCE_PLACES; i++)
		o->rtt_ms[i] = distance_km(&places[i], &places[SHOP]) * 2 * 1.5 / 200;
	return guises_init(&o->guises);
}

void
whences_fini(struct whences *o)
{
	guises_fini(&o->guises);
}

unsigned
whence_place(uint64_t draw)
{
	unsigned at = (unsigned)hash_bucket(draw, 100), i = 0;

	for (; i + 1 < WHENCE_PLACES && at >= places[i].weight; i++)
		at -= places[i].weight;
	return i;
}

double
whence_latitude(const struct whence *from)
{
	return places[from->place].latitude;
}

double
whence_longitude(const struct whence *from)
{
	return places[from->place].longitude;
}

/* --- Networks ----------------------------------------------------------------------- */

static uint64_t
draw_of(const struct whences *o, uint64_t what, uint64_t which)
{
	return hash_pair(hash_pair(o->seed, what), which);
}

static unsigned
block_of(unsigned place, unsigned network)
{
	return places[place].number * (unsigned)NETWORKS + network;
}

static void
take_address(struct whence *to, enum whence_network network, unsigned block,
    unsigned place, uint64_t which)
{
	to->network = network;
	to->asn = AS_PRIVATE + block;
	to->place = place;
	to->six = false;
	to->robot = NULL;
	to->low = UINT32_C(10) << 24 | (uint64_t)block << BLOCK_BITS |
	    which % (UINT32_C(1) << BLOCK_BITS);
}

/* 2001:db8:, 16 bits of the network and the customer, 16 of the customer, 64 of the device;
 * no group of the latter is 0, which would be written in another way. */
static void
take_six(struct whence *to, unsigned block, uint64_t customer, uint64_t device)
{
	to->six = true;
	to->high = UINT64_C(0x20010db8) << 32 | (uint64_t)(block + 1) << 24 |
	    (customer & 0xffffff);
	to->low = device | UINT64_C(0x1000100010001000);
}

void
whence_home(const struct whences *o, unsigned place, uint64_t home, uint64_t epoch,
    struct whence *to)
{
	struct random r = chance_of(o->seed, OF_LINE, home);
	unsigned block = block_of(place, (unsigned)hash_bucket(random_next(&r), ISPS));
	bool daily = chance_uniform(&r) < DAILY, six = chance_uniform(&r) < SIX;
	uint64_t line = draw_of(o, OF_LINE, hash_pair(home, daily ? epoch : 0));

	take_address(to, WHENCE_ISP, block, place, line);
	if (six)
		take_six(to, block, line, hash_pair(to->device, epoch));
	to->rtt_ms = 8 + o->rtt_ms[place];
}

void
whence_host(const struct whences *o, unsigned place, uint64_t network, unsigned host,
    struct whence *to)
{
	uint64_t line = draw_of(o, OF_LINE, network);

	take_address(to, WHENCE_ISP, block_of(place, (unsigned)hash_bucket(line, ISPS)),
	    place, (line & ~UINT64_C(255)) | (host & 255));
	to->rtt_ms = 8 + o->rtt_ms[place];
}

/* How many addresses a carrier has for its customers. */
static uint64_t
pool_of(const struct whences *o, unsigned place)
{
	unsigned weight = 0;

	for (unsigned i = 0; i < WHENCE_PLACES; i++)
		if (places[i].number == places[place].number)
			weight += places[i].weight;
	return 1 + o->visitors * weight / (100 * CARRIERS * BEHIND);
}

void
whence_mobile(const struct whences *o, unsigned place, uint64_t somebody,
    uint64_t epoch, struct whence *to)
{
	uint64_t carrier = draw_of(o, OF_POOL, somebody);
	unsigned block =
	    block_of(place, ISPS + (unsigned)hash_bucket(carrier, CARRIERS));
	uint64_t now = hash_pair(carrier, epoch);

	take_address(to, WHENCE_MOBILE, block, place,
	    hash_pair(block, hash_bucket(now, pool_of(o, place))));
	if (hash_uniform(hash_mix(now)) < SIX)
		take_six(to, block, now, hash_pair(to->device, epoch));
	to->rtt_ms = 35 + o->rtt_ms[place];
}

void
whence_vpn(const struct whences *o, unsigned place, uint64_t draw, struct whence *to)
{
	unsigned network = (unsigned)hash_bucket(draw, PRIVATE_NETWORKS);
	uint64_t exit = hash_bucket(hash_mix(draw), EXITS);
	uint64_t which = draw_of(o, OF_EXIT, hash_pair(network, exit));

	take_address(to, WHENCE_VPN, COUNTRIES * NETWORKS + network,
	    whence_place(which), hash_mix(which));
	to->rtt_ms = 12 + o->rtt_ms[place] + o->rtt_ms[to->place];
}

void
whence_cloud(const struct whences *o, unsigned place, uint64_t draw, struct whence *to)
{
	const struct machines *m =
	    &machines[hash_bucket(draw, sizeof machines / sizeof *machines)];

	*to = (struct whence){ .network = WHENCE_CLOUD,
		.asn = m->asn,
		.place = m->place,
		.low = m->first | (hash_mix(draw) & ((1u << m->bits) - 1)),
		.device = to->device,
		.class = to->class,
		.guise = to->guise,
		.rtt_ms = 4 + o->rtt_ms[place] + o->rtt_ms[m->place] };
}

void
whence_robot(uint64_t robot, uint64_t draw, struct whence *to)
{
	const struct guise_robot *r = guise_robot(robot);

	*to = (struct whence){ .network = WHENCE_CLOUD,
		.asn = r->asn,
		.place = 9,
		.low = r->address | (draw & ((1u << r->bits) - 1)),
		.class = GUISE_DESKTOP,
		.robot = r };
}

void
whence_device(
    const struct whences *o, enum guise_class class, uint64_t device, struct whence *to)
{
	to->class = class;
	to->device = draw_of(o, OF_DEVICE, device);
	to->guise = guises_draw(&o->guises, class, draw_of(o, OF_GUISE, device));
}

/* --- Visitors ----------------------------------------------------------------------- */

/* What a visitor keeps. */
struct habits {
	unsigned place;
	bool works, computer, tablet, private, company;
	double office; /* which of its place */
};

static struct habits
habits_of(const struct whences *o, uint32_t visitor)
{
	struct random home = chance_of(o->seed, OF_HOME, visitor / HOUSEHOLD);
	struct random own = chance_of(o->seed, OF_PERSON, visitor);
	struct habits h = { .place = whence_place(random_next(&home)) };

	h.tablet = chance_uniform(&home) < TABLET;
	h.works = chance_uniform(&own) < WORKS;
	h.computer = chance_uniform(&own) < COMPUTER;
	h.private = chance_uniform(&own) < PRIVATE;
	h.company = h.works && chance_uniform(&own) < COMPANY / WORKS;
	h.office = chance_uniform(&own);
	return h;
}

static bool
is_at_work(const struct habits *h, instant at)
{
	int64_t hour = at / WHEN_HOUR + places[h->place].hours;

	/* 1970 began on a Thursday. */
	return h->works && hour % 24 >= 9 && hour % 24 < 18 && (hour / 24 + 3) % 7 < 5;
}

/* One line and one address for all; some are larger than others. */
static void
take_office(const struct whences *o, const struct habits *h, struct whence *to)
{
	double n = (double)o->visitors * WORKS * places[h->place].weight / 100 / OFFICE;
	uint64_t which = (uint64_t)(h->office * h->office * (n < 1 ? 1 : n));
	uint64_t office = draw_of(o, OF_OFFICE, hash_pair(h->place, which));

	take_address(to, WHENCE_ISP,
	    block_of(h->place, (unsigned)hash_bucket(office, ISPS)), h->place,
	    hash_mix(office));
	to->rtt_ms = 4 + o->rtt_ms[h->place];
}

/* Where a visitor is in this week, if it travels: on the way in the first and the last of
 * some days, when it has a phone only, and in between in a hotel. */
static bool
take_trip(const struct whences *o, const struct habits *h, uint32_t visitor, instant at,
    struct whence *to)
{
	int64_t day = at / WHEN_DAY;
	struct random r =
	    chance_of(o->seed, OF_TRIP, hash_pair(visitor, (uint64_t)(day / 7)));
	int64_t first, last;
	unsigned place;

	if (chance_uniform(&r) >= TRAVELS)
		return false;
	first = (int64_t)hash_bucket(random_next(&r), 4);
	last = first + 2 + (int64_t)hash_bucket(random_next(&r), 2);
	if (day % 7 < first || day % 7 > last)
		return false;
	if (day % 7 == first || day % 7 == last) {
		whence_mobile(o, h->place, visitor, (uint64_t)day, to);
		return true;
	}
	place = (unsigned)hash_bucket(random_next(&r), WHENCE_PLACES);
	whence_home(o, place, ~hash_bucket(random_next(&r), HOTELS), 0, to);
	return true;
}

static void
take_device(const struct whences *o, const struct habits *h, uint32_t visitor,
    double draw, struct whence *to)
{
	if (draw < TABLET_SHARE && h->tablet)
		whence_device(
		    o, GUISE_TABLET, hash_pair(visitor / HOUSEHOLD, GUISE_TABLET), to);
	else if (draw < 1 - PHONE_SHARE && h->computer)
		whence_device(o, GUISE_DESKTOP, hash_pair(visitor, GUISE_DESKTOP), to);
	else
		whence_device(o, GUISE_PHONE, hash_pair(visitor, GUISE_PHONE), to);
}

void
whence_of_visitor(const struct whences *o, uint32_t visitor, uint64_t session,
    instant at, struct whence *to)
{
	struct habits h = habits_of(o, visitor);
	struct random r = chance_of(o->seed, OF_SESSION_AT, session);
	uint64_t day = (uint64_t)(at / WHEN_DAY);
	bool hidden, outside;

	*to = (struct whence){ .place = h.place };
	take_device(o, &h, visitor, chance_uniform(&r), to);
	hidden = chance_uniform(&r) < 0.5 && h.private;
	outside = chance_uniform(&r) < COMMUTES;
	if (take_trip(o, &h, visitor, at, to))
		return;
	if (is_at_work(&h, at) && h.company)
		whence_cloud(o, h.place, (uint64_t)(h.office * 3) + 1, to);
	else if (hidden)
		whence_vpn(o, h.place, random_next(&r), to);
	else if (to->class == GUISE_PHONE && outside)
		whence_mobile(
		    o, h.place, visitor, (uint64_t)(at / (POOL_MOVES * WHEN_HOUR)), to);
	else if (is_at_work(&h, at) && to->class != GUISE_TABLET)
		take_office(o, &h, to);
	else
		whence_home(o, h.place, visitor / HOUSEHOLD, day, to);
}

/* --- As records have it --------------------------------------------------------------- */

static size_t
format_hex(unsigned group, char *to)
{
	static const char digit[] = "0123456789abcdef";
	unsigned shift = group > 0xfff ? 12 : group > 0xff ? 8 : group > 0xf ? 4 : 0;
	size_t n = 0;

	for (;; shift -= 4) {
		to[n++] = digit[group >> shift & 15];
		if (shift == 0)
			return n;
	}
}

static struct slice
format_address(const struct whence *from, char to[40])
{
	size_t n = 0;

	for (unsigned i = 0; i < 8 && from->six; i++) {
		uint64_t half = i < 4 ? from->high : from->low;

		if (i > 0)
			to[n++] = ':';
		n += format_hex(
		    (unsigned)(half >> (48 - 16 * (i % 4))) & 0xffff, to + n);
	}
	for (unsigned i = 0; i < 4 && !from->six; i++) {
		if (i > 0)
			to[n++] = '.';
		n += number_format_uint(from->low >> (24 - 8 * i) & 255, to + n);
	}
	return slice_of(to, n);
}

static void
put_device(struct build *b, uint64_t device)
{
	static const char digit[] = "0123456789abcdef";
	char text[13] = "d";

	for (unsigned i = 1; i < sizeof text; i++, device >>= 4)
		text[i] = digit[device & 15];
	build_text(b, "device");
	build_str(b, slice_of(text, sizeof text));
}

uint32_t
whence_build(
    const struct whences *o, const struct whence *from, bool device, struct build *b)
{
	static const char *const kinds[] = { "isp", "mobile", "vpn", "cloud" };
	uint32_t pairs = 5;
	char text[40];

	build_text(b, "ip");
	build_str(b, format_address(from, text));
	if (from->robot != NULL) {
		pair_text(b, "user_agent", from->robot->agent);
	} else {
		build_raw(b, guises_pairs(&o->guises, from->guise));
		pairs += GUISE_PAIRS - 1;
	}
	pair_int(b, "asn", from->asn);
	pair_text(b, "asn_kind", kinds[from->network]);
	pair_text(b, "country", places[from->place].country);
	if (from->prefetched > 0) {
		pair_text(b, "sec_purpose",
		    from->prefetched == 2 ? "prefetch;prerender" : "prefetch");
		pairs++;
	}
	if (device && from->device != 0) {
		put_device(b, from->device);
		pairs++;
	}
	return pairs;
}
