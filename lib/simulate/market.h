/* SPDX-License-Identifier: MIT
 *
 * market: what happens in a shop with known truth, in the order of event time.
 *
 * Sessions arrive as a Poisson process with a profile over the day and the week. Each page
 * asks for banners; when they are there, `latency` later, they are shown, looked at, clicked
 * (world.h), bought from, and some of it is sent back. Attacks (who.h) come beside them, as
 * processes of their own, with luck and numbers of their own: what humans do is the same with
 * them and without.
 *
 * Who decides is no part of this: requests go out among the other records, and
 * market_decide takes the answers. With a policy of its own the shop answers itself. A
 * server is asked and told by ends of its own, and then no record leaves but metrics and
 * truth.
 */
#ifndef BANNERPIPE_SIMULATE_MARKET_H
#define BANNERPIPE_SIMULATE_MARKET_H

#include "lib/simulate/agenda.h"
#include "lib/simulate/board.h"
#include "lib/simulate/informed.h"
#include "lib/simulate/person.h"
#include "lib/simulate/regret.h"
#include "lib/simulate/tell.h"
#include "lib/simulate/world.h"

enum market_policy {
	MARKET_UNIFORM,
	MARKET_ORACLE,
	MARKET_OTHERS, /* market_decide does */
	MARKET_SERVER, /* market_answer does */
};

#define MARKET_POLICY_WORDS "uniform|oracle"

enum { MARKET_AGENDA = 1 << 17 /* happenings to come, at most */ };

struct market_options {
	struct world_options world;
	double rate;                            /* sessions of humans a day, > 0 */
	unsigned positions;                     /* 1..TELL_POSITIONS_MAX */
	double examination[TELL_POSITIONS_MAX]; /* probability that one looks there */
	double conversion, refunds;             /* shares of clicks, of purchases */
	double attack[WHO_COUNT];               /* shares, see who_read_shares */
	struct span latency;                    /* from request to impression, > 0 */
	struct span click_delay, refund_delay;  /* means, exponential */
	struct span purchase_delay;             /* median, log-normal, deviation 1 */
	struct span chargeback_delay;           /* mean, exponential */
	enum market_policy policy;
	double control;     /* share of visitors that chance decides for; of a server */
	struct span report; /* how often it is said what was earned, > 0 */
};

/* Where records go. Each returns 0, or -1 to stop. */
struct market_ends {
	int (*record)(void *context, struct slice record);
	int (*truth)(void *context, struct slice record); /* NULL: nobody asks */
	int (*tick)(void *context, instant watermark);

	/* Of a server, else NULL. What has the same lane is to arrive in its order. A page
	 * asks for banners, market_answer is due; its banner was seen, or clicked; anything
	 * else that the shop tells. */
	int (*ask)(void *context, unsigned page, unsigned lane, struct slice request);
	int (*seen)(
	    void *context, unsigned page, unsigned position, unsigned lane, bool click);
	int (*event)(void *context, unsigned lane, struct slice record);
	/* Append pairs to a metric of all but the control group; how many. */
	unsigned (*more)(void *context, bool total, struct build *b);
	void *context, *server; /* the latter is these' context */
};

struct market_counts {
	uint64_t sessions, attacks; /* of humans, of others */
	uint64_t requests, impressions, clicks, purchases, refunds, chargebacks;
	uint64_t twice;      /* clicks that were told again */
	uint64_t unanswered; /* positions that stayed empty */
	uint64_t
	    crowded; /* pages without banners, and what was forgotten: too much at once */
};

struct market {
	struct market_options o;
	struct market_ends ends;
	struct world world;
	struct informed informed;
	struct agenda agenda;
	struct board board;
	struct tell tell;
	struct whences whences;
	struct presence present;
	struct regret part[2], total[2]; /* the second ones are of the control group */
	struct market_counts counts;
	uint64_t orders[2]; /* of humans, of others */
	uint64_t windows;
	instant now, end, part_start;
	instant ticked;       /* the last watermark */
	instant awaited;      /* one that has not come back; WHEN_NEVER: none */
	uint64_t ticked_next; /* requests before this one were sent before it */
	bool open, ended;
	double busiest; /* of the profile; the mean is 1 */
	uint8_t
	    by_attention[TELL_POSITIONS_MAX]; /* positions, the most looked at first */
	uint16_t names[4 * RATES_MAX];        /* banners by name, from 1 */
};

/* positions and examination of a list, "1,0.6"; they were 0. -1 and error, as below. */
int market_read_examination(
    struct market_options *o, const char *list, struct error *error);
/* Whether all are in their ranges; -1 with the error, which begins with the name of the
 * option ("farms must be ..."). */
int market_check(const struct market_options *o, struct error *error);
/* Bytes that a shop takes. */
uint64_t market_bytes(const struct market_options *o);
/* -1: no memory. */
int market_init(
    struct market *s, const struct market_options *o, const struct market_ends *ends);
void market_fini(struct market *s);

enum market_state {
	MARKET_FAILED = -1, /* an end did */
	MARKET_ENDED,       /* the last day is over; all is told */
	MARKET_MORE,        /* so far */
	MARKET_WAITS,       /* for a decision */
};

/* Go on, for at most `most` happenings. While it waits a watermark is on its way: what
 * comes back with it, market_tick, tells that no decision does any more. */
enum market_state market_advance(struct market *s, unsigned most);
/* The next instant at which something happens. */
instant market_next(const struct market *s);

/* A decision has come. NULL, or what is wrong with it: a constant text. */
const char *market_decide(struct market *s, struct slice request, uint64_t position,
    struct slice creative, struct slice decision);
/* Of a server: a banner for a position of a page; NULL, or what is wrong with it. Then the
 * page has all that it gets. */
const char *market_answer(struct market *s, unsigned page, uint64_t position,
    struct slice creative, struct slice decision);
void market_answered(struct market *s, unsigned page);
/* A watermark has come back. */
void market_tick(struct market *s, instant watermark);
/* No decision comes any more: the last day ends here, all is told. -1: an end failed. */
int market_close(struct market *s);
/* Only what there is to be shown and bought, newcomers too; then it has ended. */
int market_catalogue(struct market *s);

void market_save(const struct market *s, struct state_writer *to);
int market_load(struct market *s, struct state_reader *from);

#endif
