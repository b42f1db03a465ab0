/* SPDX-License-Identifier: MIT
 *
 * world: who comes to the shop, which banners it has, and how probable a click is: the
 * truth that no policy is told.
 *
 * A visitor v has tastes t_v, one number for each category of goods, independent and
 * standard normal; a banner b has a direction w_b of length 1 in the same space. Whoever
 * looks at a banner clicks it with probability
 *
 *	p = rate_b exp(s t_v . w_b) / M_b  (1 - f)^n, at most WORLD_CLICK_MAX,
 *
 * where s is how much tastes differ, M_b the mean of the exponential over all visitors,
 * each weighted by how often it comes, so that the mean of p is rate_b while f = 0; n is
 * how often b is among the last WORLD_SEEN banners shown to v, and f the fatigue. Whether
 * one looks depends on the position alone (the examination hypothesis of Craswell, Zoeter,
 * Taylor and Ramsey, WSDM 2008).
 *
 * Tastes drift: every midnight w_b becomes r w_b + sqrt(1 - r^2) e, where e is a random
 * direction at right angles to w_b and r = 2^(-1/h) for a half-life of h days: k days later
 * old and new directions agree by r^k on average.
 */
#ifndef BANNERPIPE_SIMULATE_WORLD_H
#define BANNERPIPE_SIMULATE_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/simulate/rates.h"
#include "lib/state.h"
#include "lib/when.h"

enum {
	WORLD_CATEGORIES = 6,
	WORLD_SEEN = 8,
	WORLD_SAMPLE = 1 << 14, /* visitors at most that M_b is the mean over */
	WORLD_VISITORS_MAX = 1 << 24,
};
#define WORLD_CLICK_MAX 0.9

extern const char *const world_categories[WORLD_CATEGORIES];

struct world_options {
	uint64_t seed, visitors; /* 1..WORLD_VISITORS_MAX */
	uint64_t newcomers; /* banners that come later, at even times: the last ones */
	instant from;
	struct span length;        /* > 0 */
	double taste;              /* s, 0..2 */
	double fatigue;            /* f, 0..1 */
	double consent;            /* share of visitors that give it */
	struct span drift;         /* h; 0: none */
	const struct rates *rates; /* of the banners; outlives the world */
};

struct banner {
	instant born;
	double likes[WORLD_CATEGORIES]; /* w_b */
	double scale;                   /* rate_b / M_b */
	uint64_t category;              /* that it belongs to, whatever the drift */
};

struct visitor {
	float tastes[WORLD_CATEGORIES];
	uint16_t seen[WORLD_SEEN]; /* banners, from 1; a ring */
	uint32_t next;             /* of the ring */
	uint16_t favourite;        /* category */
	uint16_t account;          /* 1: it has signed up, or in */
};

struct world {
	struct world_options o;
	unsigned n;                  /* banners, in the order of their birth */
	struct banner *banner;       /* owned */
	struct visitor *visitor;     /* owned */
	double left[WORLD_SEEN + 1]; /* (1 - f)^n */
	unsigned worst; /* the banner that is clicked least; one from the start */
	unsigned born;  /* how many banners there are by now */
	int64_t day;    /* since the epoch, that the likes are of */
};

/* Bytes that a world takes. */
uint64_t world_bytes(const struct world_options *o);
/* -1: no memory. */
int world_init(struct world *w, const struct world_options *o);
void world_fini(struct world *w);

/* The visitor that comes with this draw from [0, 1): a few come often. */
uint32_t world_visitor(const struct world *w, double draw);
bool world_consents(const struct world *w, uint32_t visitor);
/* The share of visits that a visitor makes, but for a factor. */
double world_activity(const struct world *w, uint64_t visitor);
/* How probable each category is for a page that the visitor turns to; they add up to 1. */
void world_pages(const struct world *w, uint32_t visitor, double p[WORLD_CATEGORIES]);
/* The category of a page that the visitor turns to. */
unsigned world_category(const struct world *w, uint32_t visitor, double draw);

/* That of a visitor who has not seen the banner, and what is left of it for one who has. */
double world_rate(const struct world *w, uint32_t visitor, unsigned banner);
double world_left(const struct world *w, uint32_t visitor, unsigned banner);
/* The probability that the visitor clicks, if it looks. Cost: about 20 ns. */
double world_click(const struct world *w, uint32_t visitor, unsigned banner);
/* The same of the first n banners. */
void world_clicks(const struct world *w, uint32_t visitor, unsigned n, double *p);
/* The banner was shown to the visitor. */
void world_show(struct world *w, uint32_t visitor, unsigned banner);

/* Another day: likes drift. Days come one after the other. */
void world_turn(struct world *w, int64_t day);
/* When the next banner comes; WHEN_MAX: none. Then add it. */
instant world_birth(const struct world *w);
unsigned world_bear(struct world *w);

void world_save(const struct world *w, struct state_writer *to);
int world_load(struct world *w, struct state_reader *from);

#endif
