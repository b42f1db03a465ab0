/* SPDX-License-Identifier: MIT
 *
 * catalogue: the creatives, campaigns and items that there are, by id, with the index
 * that finds those which may answer a request.
 *
 * It is made of records (`creative`, `campaign`, `item`) from a file, from the stream, or
 * both: a record replaces the one of its id, and with `deleted: true` removes it. Records
 * are checked first: one that is refused leaves things as they were. Each row keeps its
 * record, so that features can be made of all its keys.
 *
 * A creative of parts is taken as its compositions (lib/compose/composition.h), each of
 * which is a row of its own; what is of the whole creative, as its caps, goes by `whole`. A
 * record of a creative replaces, and its removal removes, all that is composed of it.
 *
 * A row has a number until it is removed; the lowest free one is given next. So the
 * numbers, and with them the order of answers, follow from the records and their order.
 *
 * What changes the catalogue takes memory (malloc), within the bound that it was given.
 * To read another file, make a new catalogue beside and swap (catalogue_file.h).
 */
#ifndef BANNERPIPE_DELIVERY_CATALOGUE_H
#define BANNERPIPE_DELIVERY_CATALOGUE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/delivery/cap.h"
#include "lib/hash.h"
#include "lib/record/record.h"
#include "lib/state.h"
#include "lib/when.h"

enum {
	CATALOGUE_CAMPAIGNS_MAX = 4096,
	CATALOGUE_CREATIVES_MAX = 16384,
	CATALOGUE_ITEMS_MAX = 131072,
	CATALOGUE_ITEMS_OF_ONE = 8, /* items of a creative that are looked at */
};

#define CATALOGUE_NONE UINT32_MAX
/* Money: over a billion of any currency, so that a thousandth of a micro fits too. */
#define CATALOGUE_MICROS_MAX (INT64_C(1) << 50)

enum bid_type { BID_NONE, BID_CPM, BID_CPC, BID_CPA };

struct campaign {
	uint64_t id; /* hash of the id, as catalogue_hash says */
	int64_t budget_micros, daily_budget_micros; /* -1: not limited */
	int64_t bid_micros; /* for 1,000 impressions, a click, a conversion */
	enum bid_type bid_type;
	instant starts_at, ends_at; /* it runs in [starts_at, ends_at) */
	struct cap cap;
	bool paused;
	uint32_t condition; /* of conditions.h; 0: none */
};

struct creative {
	uint64_t id, campaign_id; /* hashes; campaign_id 0: it belongs to none */
	uint64_t
	    whole; /* of the creative that it is composed of; else id: caps count it */
	uint32_t campaign; /* its row; CATALOGUE_NONE: there is none (yet) */
	uint32_t condition;
	struct cap cap;
	bool paused;
	int64_t value_micros; /* of the reward that it is shown for; -1: it says none */
	uint64_t category;    /* hash of its own; 0: none */
	uint8_t item_count;
	uint64_t items[CATALOGUE_ITEMS_OF_ONE]; /* hashes */
};

struct item {
	uint64_t id;
	uint64_t category;    /* hash of the first category; 0: none */
	int64_t price_micros; /* -1: none */
	bool out_of_stock;    /* stock is 0 or less; availability is "out of stock" */
};

struct catalogue;

/* How many rows there can be, up to the numbers above. */
struct catalogue_limits {
	uint32_t campaigns, creatives, items;
};

#define CATALOGUE_LARGEST                                                              \
	((struct catalogue_limits){                                                    \
	    CATALOGUE_CAMPAIGNS_MAX, CATALOGUE_CREATIVES_MAX, CATALOGUE_ITEMS_MAX })

/* Ids are hashed with the key. NULL when there is no memory: for the largest 40 MiB of
 * address space, of which what rows need becomes resident; their records take at most
 * memory_bytes. */
struct catalogue *catalogue_new(
    struct hash_key key, struct catalogue_limits limits, uint64_t memory_bytes);
void catalogue_free(struct catalogue *c);

/* The hash of an id (record_id); never 0. */
uint64_t catalogue_hash(const struct catalogue *c, struct slice id);

enum catalogue_result {
	CATALOGUE_TAKEN,   /* it is in, instead of what had the id, or removed */
	CATALOGUE_OTHER,   /* no creative, campaign or item */
	CATALOGUE_REFUSED, /* error says "creative 'x': reason"; nothing has changed */
};

/* Take a record (any msgpack map that was scanned). `streamed`: it came with the stream,
 * not from a file. Cost: some us. */
enum catalogue_result catalogue_take(
    struct catalogue *c, struct slice record, bool streamed, struct error *error);

/* Rows by the hash of their id: CATALOGUE_NONE when there is none. Cost: 30 ns. */
uint32_t catalogue_find_creative(const struct catalogue *c, uint64_t id);
uint32_t catalogue_find_campaign(const struct catalogue *c, uint64_t id);
uint32_t catalogue_find_item(const struct catalogue *c, uint64_t id);
/* The rows that an id names: the creative of that id and all that are composed of it, in
 * the order of rows; CATALOGUE_NONE at the end. Cost: 30 ns for the first, 2 for others. */
uint32_t catalogue_first_named(const struct catalogue *c, uint64_t id);
uint32_t catalogue_next_named(const struct catalogue *c, uint64_t id, uint32_t row);
/* Of a row that there is. */
const struct creative *catalogue_creative(const struct catalogue *c, uint32_t row);
const struct campaign *catalogue_campaign(const struct catalogue *c, uint32_t row);
const struct item *catalogue_item(const struct catalogue *c, uint32_t row);
/* The record of the creative, and its id; borrowed until the row changes.
 * RECORD_PADDING bytes after the record are readable. */
struct slice catalogue_creative_record(const struct catalogue *c, uint32_t row);
struct slice catalogue_creative_id(const struct catalogue *c, uint32_t row);
struct slice catalogue_campaign_id(const struct catalogue *c, uint32_t row);
/* The next row that has a creative, from `from` on; CATALOGUE_NONE at the end. */
uint32_t catalogue_next_creative(const struct catalogue *c, uint32_t from);

struct catalogue_counts {
	uint32_t campaigns, creatives, items;
	uint64_t bytes; /* of their records */
};

struct catalogue_counts catalogue_counts(const struct catalogue *c);

/* --- Who may answer ---------------------------------------------------------------- */

/* The rows of the creatives that may answer a request: not paused, their campaign runs
 * and wants it, they want it and fit the slot, and none of their items is out of stock.
 * In the order of rows, at most `max` of them; returns how many there are. The request's
 * bytes have RECORD_PADDING after them. Cost: about 1 us and 3 ns a candidate among
 * 10,000 creatives of 1,000 campaigns; conditions cost what they cost. */
uint32_t catalogue_eligible(struct catalogue *c, const struct record *request,
    instant when, uint32_t *rows, uint32_t max);
/* Whether a creative may be shown now, whoever asks. */
bool catalogue_runs(const struct catalogue *c, uint32_t creative, instant when);

/* --- Snapshots --------------------------------------------------------------------- */

/* A hash of its records in the order of rows: that of another is another. */
uint64_t catalogue_digest(const struct catalogue *c);
void catalogue_save(const struct catalogue *c, struct state_writer *to);
/* Replaces everything. */
int catalogue_load(struct catalogue *c, struct state_reader *from, struct error *error);
/* Add the rows of `from` that came with the stream and have no other here. */
int catalogue_inherit(
    struct catalogue *c, const struct catalogue *from, struct error *error);

#endif
