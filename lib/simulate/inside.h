/* SPDX-License-Identifier: MIT
 *
 * What those who play a market share: luck, people, and where their records go.
 */
#ifndef BANNERPIPE_SIMULATE_INSIDE_H
#define BANNERPIPE_SIMULATE_INSIDE_H

#include "lib/simulate/chance.h"
#include "lib/simulate/visit.h"

/* What is drawn of the seed. */
enum {
	OF_ARRIVAL = 40,
	OF_SESSION,
	OF_PAGE,
	OF_CHOICE,
	OF_LOOK,
	OF_CLICK,
	OF_TWICE,
	OF_ORDER,
	OF_BACK,
	OF_CONTROL,
	OF_LOGIN,
	OF_TRY,
	OF_ACCOUNT,
	OF_CHARGEBACK,
	OF_RAID
};

static inline struct random
luck(const struct market *s, uint64_t what, uint64_t which)
{
	return chance_of(s->o.world.seed, what, which);
}

static inline int64_t
exponential(struct random *r, double mean_us)
{
	return 1 + (int64_t)(mean_us * chance_exponential(r));
}

static inline struct person
whose(struct market *s, const struct happening *h)
{
	return person_of(&s->present, &s->whences, &s->world, h);
}

/* What one visitor does stays in its order. */
static inline unsigned
lane_of(const struct person *p)
{
	return (unsigned)hash_pair(p->who, p->visitor);
}

/* Say whose the last record was, to whom that is told. */
static inline int
label(struct market *s, const struct person *p)
{
	return s->ends.truth == NULL
	    ? 0
	    : s->ends.truth(s->ends.context, tell_label(&s->tell, s->now, p));
}

/* What a server is not told, if there is one. */
static inline int
write_out(struct market *s, const struct person *p, struct slice record)
{
	int status = s->ends.record(s->ends.context, record);

	return status == 0 ? label(s, p) : status;
}

/* What is no news of banners. */
static inline int
tell(struct market *s, const struct person *p, struct slice record)
{
	int status;

	if (s->ends.event == NULL)
		return write_out(s, p, record);
	status = s->ends.event(s->ends.server, lane_of(p), record);

	return status == 0 ? label(s, p) : status;
}

/* A thing of that category, drawn by a random number. */
static inline unsigned
item_of(unsigned category, uint64_t which)
{
	return category +
	    WORLD_CATEGORIES * (unsigned)(which % (TELL_ITEMS / WORLD_CATEGORIES));
}

#endif
