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

/* Kinds of key in the index. */
enum store_key {
	STORE_ID = 1,
	STORE_DECISION,
	STORE_REQUEST,
	STORE_KEY,
	STORE_SHOWN,   /* of a user */
	STORE_CLICKED, /* of a user */
	STORE_TRANSACTION,
};

/* What an event's id leads to: a node of one of the pools. */
enum store_node { NODE_BANNER, NODE_CLICK, NODE_CONVERSION, NODE_REFUND };

/* Under STORE_KEY: a banner that came with its impression. */
#define STORE_IMPRESSED NODE_CLICK

#define STORE_REFERENCE(number, node) ((uint32_t)((number) << 2 | (node)))

enum stage {
	STAGE_REQUEST, /* no banner yet: what a decision will take over */
	STAGE_WAITING, /* the first outcome is not yet given */
	STAGE_GIVEN,
	STAGE_COMPLETE,
};

enum cause { CAUSE_WINDOW, CAUSE_CLICK, CAUSE_CONVERSION, CAUSE_RETRACT };

/* What an outcome says, of what can change. */
struct said {
	double weight, click, conversion, credit;
	int64_t value, delay_us; /* delay_us -1: none */
	uint32_t conversions;
	uint8_t by_click; /* the credit is that of a click */
	uint8_t complete;
	uint8_t any; /* an outcome stands */
	uint8_t unused;
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
	uint64_t user, item;
	struct said said;
	uint32_t revision;
	uint32_t carried, bytes;  /* text in the chunks: pairs of msgpack */
	uint32_t clicks, credits; /* lists */
	uint32_t clicked_link;    /* under STORE_CLICKED */
	uint32_t older, newer;    /* in the order of arrival */
	uint32_t links[BANNER_LINKS];
	uint16_t pairs;
	uint8_t link_count, stage, cause;
	uint8_t seen, impression, retracted;
};

/* A click of a banner, or a refund of a conversion. */
struct mark {
	uint32_t next, of; /* in the list of the banner or conversion */
	instant at;
	double weight;
	int64_t value; /* of a refund */
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
	uint32_t links[2];
	uint32_t parted; /* a part of it is final: it cannot be credited anew */
};

/* The share of one banner in one conversion. It says all that the banner needs, so that
 * it can outlive the conversion. */
struct credit {
	uint32_t banner, conversion; /* conversion 0: it is gone */
	uint32_t next_of_banner, prev_of_banner, next_of_conversion, by_click;
	instant at;              /* of the conversion */
	double fraction, amount; /* of 1; of the conversion's weight */
	int64_t value;
};

struct outcomes {
	struct outcome_rules rules;
	outcome_emit *emit;
	void *context;
	struct pool chunks, banners, marks, conversions, credits;
	struct index index;
	struct queue due;        /* banners */
	struct queue expiry;     /* conversions */
	uint64_t arrived;        /* banners and conversions so far */
	uint32_t oldest, newest; /* banners */
	instant clock;           /* the watermark so far */
	instant latest;          /* timestamp of an event */
	instant given_at;        /* timestamp of the last outcome */
	struct build merged;     /* scratch for pairs */
	struct build made;       /* scratch for a record */
	struct key left_out[16];
	unsigned left_out_count;
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
/* A touch of this banner is gone: credit its conversions anew. */
void credit_again(struct outcomes *o, uint32_t banner, instant at);
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
/* Close the banner that came first, whatever the time. 0 or -1. */
int give_early(struct outcomes *o);
/* Retracted: what was given is taken back when its time comes. */
void give_retracted(struct outcomes *o, uint32_t number, instant at);
/* The weight of its clicks, and the times of the first and last at or before `at`. */
double give_clicks(const struct outcomes *o, const struct banner *b, instant at,
    instant *first, instant *last);

#endif
