/* SPDX-License-Identifier: MIT
 *
 * store: what outcome holds, and the parts it is made of. Private to outcome.
 */
#ifndef BANNERPIPE_OUTCOME_STORE_H
#define BANNERPIPE_OUTCOME_STORE_H

#include "lib/outcome/outcome.h"
#include "lib/pending/index.h"
#include "lib/pending/pool.h"
#include "lib/pending/queue.h"
#include "lib/record/build.h"
#include "lib/record/reasons.h"

/* Kinds of key in the index. */
enum store_key {
	STORE_ID = 1,
	STORE_DECISION,
	STORE_REQUEST,
	STORE_KEY,
	STORE_SHOWN,   /* of a user */
	STORE_CLICKED, /* of a user */
	STORE_TRANSACTION,
	STORE_CONVERTED, /* of a user */
};

/* What a key leads to: a node of one of the pools. A banner is that by its impression, or
 * by what merely decided it. */
enum store_node {
	NODE_BANNER,
	NODE_IMPRESSION,
	NODE_CLICK,
	NODE_CONVERSION,
	NODE_REFUND
};

#define STORE_REFERENCE(number, node) ((uint32_t)((number) << 3 | (node)))
#define STORE_NUMBER(reference) ((reference) >> 3)
#define STORE_NODE(reference) ((enum store_node)((reference)&7))

enum stage {
	STAGE_REQUEST, /* no banner yet: what a decision will take over */
	STAGE_WAITING, /* the first outcome is not yet given */
	STAGE_GIVEN,
	STAGE_COMPLETE,
};

enum cause {
	CAUSE_WINDOW,
	CAUSE_CLICK,
	CAUSE_CONVERSION,
	CAUSE_RETRACT,
	CAUSE_RESTORE
};

/* What was found of an event. */
struct standing {
	int64_t judged; /* 1 + the version of the last judgement; 0: none */
	uint8_t out;
	uint8_t reason; /* why it is out, or was */
	uint8_t unused[6];
};

enum { SAID_REASONS = 4 }; /* of one outcome; then "other" */

/* What an outcome says of what is out, multiplied by the weight. */
struct said_void {
	double impression, click, conversion, value;
	double invalid[SAID_REASONS + 1]; /* of these reasons, and of others */
	uint8_t reasons[SAID_REASONS];    /* 0: not in use */
	uint8_t any, unused[3];
};

/* What an outcome says, of what can change. */
struct said {
	double weight, click, conversion, credit;
	int64_t value, delay_us; /* delay_us -1: none */
	uint32_t conversions;
	uint8_t by_click; /* the credit is that of a click */
	uint8_t complete;
	uint8_t any; /* an outcome stands */
	uint8_t unused;
	struct said_void out;
};

enum {
	BANNER_LINKS = 6,
	BANNER_LIST_MAX = 4096, /* clicks, and credits, of one banner */
};

struct banner {
	instant shown_at, changed_at; /* changed_at WHEN_NEVER: as it was given */
	double weight;
	uint64_t rank; /* in the order of arrival */
	uint64_t name; /* of its outcomes */
	uint64_t user, item, key;
	struct said said;
	struct standing decided, shown; /* of its decision, of its impression */
	uint32_t revision;
	uint32_t carried, bytes;  /* text in the chunks: pairs of msgpack */
	uint32_t clicks, credits; /* lists */
	uint32_t clicked_link;    /* under STORE_CLICKED */
	uint32_t older,
	    newer; /* in the order of arrival; of those kept, of completion */
	uint32_t links[BANNER_LINKS];
	uint16_t pairs;
	uint8_t link_count, stage, cause;
	uint8_t seen, impression, kept;
};

static inline bool
banner_is_out(const struct banner *b)
{
	return b->decided.out || b->shown.out;
}

/* A click of a banner, or a refund of a conversion. */
struct mark {
	uint32_t next, of; /* in the list of the banner or conversion */
	instant at;
	double weight;
	int64_t value; /* of a refund */
	uint64_t key;  /* a click: under what it was joined; 0: its decision */
	uint64_t rank; /* a click: banners of a higher rank came later */
	struct standing standing;
	uint32_t link, unused;
};

struct conversion {
	uint32_t credits, refunds; /* lists */
	instant at;
	double weight;
	uint64_t user;
	uint64_t item_of[EVENT_ITEMS_MAX];
	int64_t value;
	uint32_t items;
	struct standing standing;
	uint32_t links[3];
	uint32_t parted; /* a part of it is final: it cannot be credited anew */
};

/* The share of one banner in one conversion. It says all that the banner needs, so that
 * it can outlive the conversion. */
struct credit {
	uint32_t banner, conversion; /* conversion 0: it is gone */
	uint32_t next_of_banner, prev_of_banner, next_of_conversion;
	uint8_t by_click;
	uint8_t lost;        /* the conversion, or what touched, is out */
	uint8_t out, reason; /* the conversion is, and why */
	instant at;          /* of the conversion */
	double fraction;     /* of 1 */
	double amount;       /* of the conversion's weight; 0 when it is lost */
	int64_t value;       /* the same */
	double void_amount;  /* what would be, if nothing were out, less what is */
	int64_t void_value;
};

struct outcomes {
	struct outcome_rules rules;
	outcome_emit *emit;
	void *context;
	struct pool chunks, banners, marks, conversions, credits;
	struct index index;
	struct queue due;                  /* banners */
	struct queue expiry;               /* conversions */
	uint64_t arrived;                  /* banners and conversions so far */
	uint32_t oldest, newest;           /* banners that are not complete */
	uint32_t kept_oldest, kept_newest; /* those that are, in case of a judgement */
	instant clock;                     /* the watermark so far */
	instant latest;                    /* timestamp of an event */
	instant given_at;                  /* timestamp of the last outcome */
	struct build merged;               /* scratch for pairs */
	struct build made;                 /* scratch for a record */
	struct key left_out[16];
	unsigned left_out_count;
	struct reasons reasons;
	uint64_t any_out; /* or negative, at some time: look for it */
	struct outcome_counts counts;
};

/* Nodes that may be changed until the next snapshot, and to look at. */
static inline struct banner *
store_banner(struct outcomes *o, uint32_t number)
{
	return pool_at(&o->banners, number);
}

static inline const struct banner *
store_see_banner(const struct outcomes *o, uint32_t number)
{
	return pool_see(&o->banners, number);
}

static inline struct mark *
store_mark(struct outcomes *o, uint32_t number)
{
	return pool_at(&o->marks, number);
}

static inline const struct mark *
store_see_mark(const struct outcomes *o, uint32_t number)
{
	return pool_see(&o->marks, number);
}

static inline struct conversion *
store_conversion(struct outcomes *o, uint32_t number)
{
	return pool_at(&o->conversions, number);
}

static inline const struct conversion *
store_see_conversion(const struct outcomes *o, uint32_t number)
{
	return pool_see(&o->conversions, number);
}

static inline struct credit *
store_credit(struct outcomes *o, uint32_t number)
{
	return pool_at(&o->credits, number);
}

static inline const struct credit *
store_see_credit(const struct outcomes *o, uint32_t number)
{
	return pool_see(&o->credits, number);
}

/* Make room for one more event of any kind whose record has so many bytes, closing
 * banners early. OUTCOME_TAKEN, OUTCOME_LARGE or OUTCOME_FAILED. */
enum outcome_found store_room(struct outcomes *o, size_t bytes);
/* A link from the key to a node; 0 when the key is 0. */
uint32_t store_link(
    struct outcomes *o, enum store_key kind, uint64_t key, uint32_t reference);
void store_prefetch(const struct outcomes *o, enum store_key kind, uint64_t key);
/* The newest link of the key. */
uint32_t store_find(const struct outcomes *o, enum store_key kind, uint64_t key);
/* A new banner, the newest. */
uint32_t store_make(struct outcomes *o);
/* The banner is complete: it is the first to go when room is needed. */
void store_keep(struct outcomes *o, uint32_t number);
/* Give the banner back with all that hangs on it. */
void store_forget(struct outcomes *o, uint32_t number);
/* Take it off the index: nothing joins it any more. */
void store_unlink(struct outcomes *o, struct banner *b);
void store_forget_conversion(struct outcomes *o, uint32_t number);

/* carry: the pairs that an outcome takes over. */
/* Keep the record's pairs. False when they are too many. There is room. */
bool carry_keep(struct outcomes *o, struct banner *b, const struct record *r);
/* Add those of the record, or of the other banner, whose keys it does not have. */
void carry_add(struct outcomes *o, struct banner *b, const struct record *r);
void carry_add_kept(struct outcomes *o, struct banner *b, const struct banner *from);

/* credit: who gets what of a conversion. */
/* Share the conversion among the touches of its user; how many got something. */
unsigned credit_share(
    struct outcomes *o, uint32_t conversion, instant at, enum cause cause);
/* Take all its credits back. */
void credit_withdraw(
    struct outcomes *o, uint32_t conversion, instant at, enum cause cause);
/* A touch of this user is gone, or is there again: credit his conversions anew, from that
 * instant on and before the other. 0 or -1; banners may be closed for want of room. */
int credit_again(struct outcomes *o, uint64_t user, instant from, instant to,
    instant at, enum cause cause);
/* The same of one conversion. */
void credit_again_one(
    struct outcomes *o, uint32_t conversion, instant at, enum cause cause);
/* A banner or its clicks are out, or in: its credits of conversions that are not held any
 * more follow. */
void credit_alone(struct outcomes *o, uint32_t banner);
/* Its value has changed: keep the shares. */
void credit_revalue(
    struct outcomes *o, uint32_t conversion, instant at, enum cause cause);
/* Unhook the credits of a banner that is forgotten. */
void credit_settle(struct outcomes *o, uint32_t banner);

/* give: outcomes out. */
/* The instant when nothing can be added any more. */
instant give_complete_at(const struct outcomes *o, const struct banner *b);
/* Put the banner where it is due. */
void give_schedule(struct outcomes *o, uint32_t number);
/* It changed at that instant. */
void give_changed(struct outcomes *o, uint32_t number, instant at, enum cause cause);
/* Close the banner that was complete first, or else came first, whatever the time. 0 or
 * -1. */
int give_early(struct outcomes *o);
/* The weight of its clicks, and the times of the first and last at or before `at`; `gross`:
 * with those that are out. */
double give_clicks(const struct outcomes *o, const struct banner *b, instant at,
    bool gross, instant *first, instant *last);

/* tell: outcomes as records. sign -1: the standing outcome is taken back. 0 or -1. */
int tell_outcome(struct outcomes *o, const struct banner *b, const struct said *s,
    int sign, enum cause cause);

/* click: which banner a click belongs to. */
/* The banner of a click: of its decision, or the last of its key that is not out. */
uint32_t click_find_banner(const struct outcomes *o, const struct outcome_event *e);
/* Hook a click into a banner's list, or take it out of it. */
void click_hook(struct outcomes *o, uint32_t banner, uint32_t number);
void click_unhook(struct outcomes *o, uint32_t number);
/* A banner of this key is out, or in again: its clicks go where they belong now. */
void click_join_again(struct outcomes *o, uint64_t key, instant at, enum cause cause);

#endif
