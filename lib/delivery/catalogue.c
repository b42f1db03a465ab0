/* SPDX-License-Identifier: MIT */
#include "lib/delivery/catalogue.h"

#include <stdlib.h>

#include "lib/base/assert.h"
#include "lib/delivery/conditions.h"
#include "lib/delivery/row_read.h"
#include "lib/delivery/shelf.h"
#include "lib/delivery/targeting.h"

struct catalogue {
	struct hash_key key;
	uint64_t memory_bytes, bytes;
	struct shelf campaigns, creatives, items;
	struct campaign *campaign; /* owned; by row, as the next two */
	struct creative *creative;
	struct item *item;
	struct targeting *targeting; /* owned, as all that follows */
	struct conditions *conditions;
	/* By creative, side by side, what each request has to look at: whether it cannot be
	 * shown to anybody, its campaign and its condition. */
	uint64_t *blocked;
	uint16_t *campaign_of; /* CATALOGUE_CAMPAIGNS_MAX: it belongs to none */
	uint16_t *condition_of;
	struct runs *runs; /* by campaign, for the same reason */
};

/* When a campaign runs; never, when it is paused. */
struct runs {
	instant from, to;
	uint32_t condition;
};

_Static_assert(CONDITIONS_MAX <= UINT16_MAX && CATALOGUE_CAMPAIGNS_MAX <= UINT16_MAX,
    "numbers of campaigns and conditions take 16 bits");

struct catalogue *
catalogue_new(
    struct hash_key key, struct catalogue_limits limits, uint64_t memory_bytes)
{
	const uint32_t rows[TARGETING_LEVELS] = { limits.campaigns, limits.creatives };
	struct catalogue *c = calloc(1, sizeof *c);

	assert(limits.campaigns <= CATALOGUE_CAMPAIGNS_MAX &&
	    limits.creatives <= CATALOGUE_CREATIVES_MAX &&
	    limits.items <= CATALOGUE_ITEMS_MAX);
	if (c == NULL)
		return NULL;
	c->key = key;
	c->memory_bytes = memory_bytes;
	c->campaign = calloc(limits.campaigns, sizeof *c->campaign);
	c->creative = calloc(limits.creatives, sizeof *c->creative);
	c->item = calloc(limits.items, sizeof *c->item);
	c->targeting = targeting_new(rows);
	c->conditions = conditions_new();
	c->blocked = calloc((limits.creatives + 63) / 64, sizeof *c->blocked);
	c->campaign_of = calloc(limits.creatives, sizeof *c->campaign_of);
	c->condition_of = calloc(limits.creatives, sizeof *c->condition_of);
	c->runs = calloc(limits.campaigns, sizeof *c->runs);
	if (shelf_init(&c->campaigns, limits.campaigns) == 0 &&
	    shelf_init(&c->creatives, limits.creatives) == 0 &&
	    shelf_init(&c->items, limits.items) == 0 && c->campaign != NULL &&
	    c->creative != NULL && c->item != NULL && c->targeting != NULL &&
	    c->conditions != NULL && c->blocked != NULL && c->campaign_of != NULL &&
	    c->condition_of != NULL && c->runs != NULL)
		return c;
	catalogue_free(c);
	return NULL;
}

void
catalogue_free(struct catalogue *c)
{
	if (c == NULL)
		return;
	shelf_fini(&c->campaigns);
	shelf_fini(&c->creatives);
	shelf_fini(&c->items);
	free(c->campaign);
	free(c->creative);
	free(c->item);
	targeting_free(c->targeting);
	conditions_free(c->conditions);
	free(c->blocked);
	free(c->campaign_of);
	free(c->condition_of);
	free(c->runs);
	free(c);
}

uint64_t
catalogue_hash(const struct catalogue *c, struct slice id)
{
	uint64_t hash = hash_keyed(c->key, id);

	return hash == 0 ? 1 : hash;
}

/* --- Taking records ---------------------------------------------------------------- */

/* What a row is to want; the condition is counted for it. */
static int
aim(struct catalogue *c, enum targeting_level level, uint32_t row,
    const struct row_aim *aim, uint32_t *condition, struct error *error)
{
	uint32_t number = 0;

	if (aim->condition.at != NULL) {
		number = conditions_add(c->conditions, aim->condition, error);
		if (number == 0)
			return -1;
	}
	if (targeting_set(c->targeting, level, row, &aim->target, error) != 0) {
		if (number != 0)
			conditions_drop(c->conditions, number);
		return -1;
	}
	*condition = number;
	return 0;
}

/* The row has lost what it wanted to an attempt to want something else. */
static void
aim_again(struct catalogue *c, enum targeting_level level, uint32_t row,
    const struct shelf *rows)
{
	struct row_aim before;
	struct error error;

	if (row_read_aim(shelf_record(rows, row), level == TARGETING_CREATIVE, &before,
		&error) == 0)
		(void)targeting_set(c->targeting, level, row, &before.target, &error);
}

static void
drop_condition(struct catalogue *c, uint32_t condition)
{
	if (condition != 0)
		conditions_drop(c->conditions, condition);
}

static bool
in_stock(const struct catalogue *c, const struct creative *k)
{
	for (unsigned i = 0; i < k->item_count; i++) {
		uint32_t row = shelf_find(&c->items, k->items[i]);

		if (row != CATALOGUE_NONE && c->item[row].out_of_stock)
			return false;
	}
	return true;
}

/* A creative, its campaign or one of its items has changed. */
static void
settle(struct catalogue *c, uint32_t row)
{
	const struct creative *k = &c->creative[row];
	uint64_t bit = UINT64_C(1) << row % 64;
	bool lost = k->campaign_id != 0 && k->campaign == CATALOGUE_NONE;

	c->blocked[row / 64] &= ~bit;
	if (k->paused || lost || !in_stock(c, k))
		c->blocked[row / 64] |= bit;
	c->campaign_of[row] = k->campaign == CATALOGUE_NONE ? CATALOGUE_CAMPAIGNS_MAX
							    : (uint16_t)k->campaign;
	c->condition_of[row] = (uint16_t)k->condition;
}

/* The item has come into stock, or gone out of it. */
static void
settle_item(struct catalogue *c, uint64_t id)
{
	for (uint32_t row = 0; row < c->creatives.highest; row++)
		for (unsigned i = 0; i < c->creative[row].item_count; i++)
			if (c->creative[row].items[i] == id &&
			    shelf_has(&c->creatives, row))
				settle(c, row);
}

/* Creatives may come before their campaign. */
static void
link_creatives(struct catalogue *c, uint64_t campaign_id, uint32_t row)
{
	for (uint32_t i = 0; i < c->creatives.highest; i++)
		if (shelf_has(&c->creatives, i) &&
		    c->creative[i].campaign_id == campaign_id) {
			c->creative[i].campaign = row;
			settle(c, i);
		}
}

static int
take_campaign(struct catalogue *c, uint32_t row, bool fresh, struct slice record,
    uint64_t id, struct error *error)
{
	struct campaign new = { .id = id };
	struct row_aim want;

	if (row_read_campaign(record, &new, error) != 0 ||
	    row_read_aim(record, false, &want, error) != 0)
		return -1;
	if (aim(c, TARGETING_CAMPAIGN, row, &want, &new.condition, error) != 0) {
		if (!fresh)
			aim_again(c, TARGETING_CAMPAIGN, row, &c->campaigns);
		return -1;
	}
	if (!fresh)
		drop_condition(c, c->campaign[row].condition);
	c->campaign[row] = new;
	c->runs[row] = (struct runs){ new.starts_at, new.ends_at, new.condition };
	if (new.paused)
		c->runs[row].to = new.starts_at;
	if (fresh)
		link_creatives(c, id, row);
	return 0;
}

static int
take_creative(struct catalogue *c, uint32_t row, bool fresh, struct slice record,
    uint64_t id, struct error *error)
{
	struct creative new = { .id = id, .campaign = CATALOGUE_NONE };
	struct slice items[CATALOGUE_ITEMS_OF_ONE], campaign, category;
	struct row_aim want;
	unsigned n;

	if (row_read_creative(record, &new, &campaign, items, &n, error) != 0 ||
	    row_read_worth(record, &new, &category, error) != 0 ||
	    row_read_aim(record, true, &want, error) != 0)
		return -1;
	if (aim(c, TARGETING_CREATIVE, row, &want, &new.condition, error) != 0) {
		if (!fresh)
			aim_again(c, TARGETING_CREATIVE, row, &c->creatives);
		return -1;
	}
	if (!fresh)
		drop_condition(c, c->creative[row].condition);
	if (campaign.at != NULL) {
		new.campaign_id = catalogue_hash(c, campaign);
		new.campaign = shelf_find(&c->campaigns, new.campaign_id);
	}
	if (category.at != NULL)
		new.category = catalogue_hash(c, category);
	new.item_count = (uint8_t)n;
	for (unsigned i = 0; i < n; i++)
		new.items[i] = catalogue_hash(c, items[i]);
	c->creative[row] = new;
	settle(c, row);
	return 0;
}

static int
take_item(struct catalogue *c, uint32_t row, struct slice record, uint64_t id,
    struct error *error)
{
	struct item new = { .id = id };
	struct slice category;

	if (row_read_item(record, &new, &category, error) != 0)
		return -1;
	if (category.at != NULL)
		new.category = catalogue_hash(c, category);
	c->item[row] = new;
	return 0;
}

static struct shelf *
rows_of(struct catalogue *c, enum row_kind kind)
{
	return kind == ROW_CAMPAIGN ? &c->campaigns
	    : kind == ROW_CREATIVE  ? &c->creatives
				    : &c->items;
}

static void
drop(struct catalogue *c, enum row_kind kind, uint32_t row)
{
	struct shelf *rows = rows_of(c, kind);
	uint64_t id = shelf_id(rows, row);

	if (kind == ROW_CAMPAIGN) {
		drop_condition(c, c->campaign[row].condition);
		targeting_clear(c->targeting, TARGETING_CAMPAIGN, row);
		link_creatives(c, c->campaign[row].id, CATALOGUE_NONE);
	} else if (kind == ROW_CREATIVE) {
		drop_condition(c, c->creative[row].condition);
		targeting_clear(c->targeting, TARGETING_CREATIVE, row);
	}
	c->bytes -= shelf_record(rows, row).size;
	shelf_remove(rows, row);
	if (kind == ROW_ITEM && c->item[row].out_of_stock)
		settle_item(c, id);
}

/* Put the record in a row of its own (CATALOGUE_NONE: the lowest free one) or in that of
 * its id. */
static int
put(struct catalogue *c, enum row_kind kind, uint32_t place, uint64_t id,
    struct slice record, bool streamed, struct error *error)
{
	struct shelf *rows = rows_of(c, kind);
	uint32_t row = shelf_find(rows, id);
	bool fresh = row == CATALOGUE_NONE;
	uint64_t before = fresh ? 0 : shelf_record(rows, row).size;
	bool was_out = kind == ROW_ITEM && !fresh && c->item[row].out_of_stock;
	uint8_t *copy;
	int status;

	if (fresh)
		row = place != CATALOGUE_NONE ? place : shelf_free_place(rows);
	if (row == CATALOGUE_NONE)
		return error_set(error, "there are %u already", rows->capacity);
	if (c->bytes - before + record.size > c->memory_bytes)
		return error_set(
		    error, "no room for it in the memory of the catalogue");
	copy = shelf_copy(record);
	if (copy == NULL)
		return error_set(error, "no memory");
	record.at = copy;
	status = kind == ROW_CAMPAIGN ? take_campaign(c, row, fresh, record, id, error)
	    : kind == ROW_CREATIVE    ? take_creative(c, row, fresh, record, id, error)
				      : take_item(c, row, record, id, error);
	if (status != 0) {
		free(copy);
		return -1;
	}
	c->bytes += record.size - before;
	shelf_put(rows, row, id, record, streamed);
	if (kind == ROW_ITEM && c->item[row].out_of_stock != was_out)
		settle_item(c, id);
	return 0;
}

enum catalogue_result
catalogue_take(
    struct catalogue *c, struct slice record, bool streamed, struct error *error)
{
	struct row_head head;
	struct error inner;
	uint32_t row;
	uint64_t id;

	if (!row_read_head(record, &head))
		return CATALOGUE_OTHER;
	if (head.id.at == NULL || head.id.size == 0 || head.id.size > ROW_ID_MAX) {
		(void)error_set(error, "%s without %s_id of at most %d bytes",
		    row_kind_name(head.kind), row_kind_name(head.kind), ROW_ID_MAX);
		return CATALOGUE_REFUSED;
	}
	id = catalogue_hash(c, head.id);
	if (head.deleted) {
		row = shelf_find(rows_of(c, head.kind), id);
		if (row != CATALOGUE_NONE)
			drop(c, head.kind, row);
		return CATALOGUE_TAKEN;
	}
	if (put(c, head.kind, CATALOGUE_NONE, id, record, streamed, &inner) == 0)
		return CATALOGUE_TAKEN;
	(void)error_set(error, "%s '%.*s': %.200s", row_kind_name(head.kind),
	    (int)(head.id.size < 80 ? head.id.size : 80), (const char *)head.id.at,
	    inner.text);
	return CATALOGUE_REFUSED;
}

/* --- Looking ----------------------------------------------------------------------- */

uint32_t
catalogue_find_creative(const struct catalogue *c, uint64_t id)
{
	return shelf_find(&c->creatives, id);
}

uint32_t
catalogue_find_campaign(const struct catalogue *c, uint64_t id)
{
	return shelf_find(&c->campaigns, id);
}

uint32_t
catalogue_find_item(const struct catalogue *c, uint64_t id)
{
	return shelf_find(&c->items, id);
}

const struct creative *
catalogue_creative(const struct catalogue *c, uint32_t row)
{
	assert(shelf_has(&c->creatives, row));
	return &c->creative[row];
}

const struct campaign *
catalogue_campaign(const struct catalogue *c, uint32_t row)
{
	assert(shelf_has(&c->campaigns, row));
	return &c->campaign[row];
}

const struct item *
catalogue_item(const struct catalogue *c, uint32_t row)
{
	assert(shelf_has(&c->items, row));
	return &c->item[row];
}

struct slice
catalogue_creative_record(const struct catalogue *c, uint32_t row)
{
	return shelf_record(&c->creatives, row);
}

static struct slice
id_of(const struct shelf *rows, uint32_t row)
{
	struct row_head head;

	(void)row_read_head(shelf_record(rows, row), &head);
	return head.id;
}

struct slice
catalogue_creative_id(const struct catalogue *c, uint32_t row)
{
	return id_of(&c->creatives, row);
}

struct slice
catalogue_campaign_id(const struct catalogue *c, uint32_t row)
{
	return id_of(&c->campaigns, row);
}

uint32_t
catalogue_next_creative(const struct catalogue *c, uint32_t from)
{
	while (from < c->creatives.highest && !shelf_has(&c->creatives, from))
		from++;
	return from < c->creatives.highest ? from : CATALOGUE_NONE;
}

uint32_t
catalogue_next_of_campaign(const struct catalogue *c, uint32_t campaign, uint32_t from)
{
	for (; from < c->creatives.highest; from++)
		if (shelf_has(&c->creatives, from) &&
		    c->creative[from].campaign == campaign)
			return from;
	return CATALOGUE_NONE;
}

struct catalogue_counts
catalogue_counts(const struct catalogue *c)
{
	return (struct catalogue_counts){ c->campaigns.count, c->creatives.count,
		c->items.count, c->bytes };
}

/* --- Who may answer ---------------------------------------------------------------- */

static bool
campaign_runs(const struct campaign *k, instant when)
{
	return !k->paused && when >= k->starts_at && when < k->ends_at;
}

bool
catalogue_runs(const struct catalogue *c, uint32_t row, instant when)
{
	const struct creative *k = catalogue_creative(c, row);

	if (k->paused || (k->campaign_id != 0 && k->campaign == CATALOGUE_NONE) ||
	    !in_stock(c, k))
		return false;
	return k->campaign == CATALOGUE_NONE ||
	    campaign_runs(&c->campaign[k->campaign], when);
}

/* The campaigns that want the request, and a bit for what belongs to none. */
struct campaigns {
	uint64_t bits[CATALOGUE_CAMPAIGNS_MAX / 64 + 1];
};

static void
match_campaigns(struct catalogue *c, instant when, struct campaigns *to)
{
	size_t words;
	const uint64_t *bits =
	    targeting_match(c->targeting, TARGETING_CAMPAIGN, &words);

	to->bits[CATALOGUE_CAMPAIGNS_MAX / 64] = UINT64_MAX;
	for (size_t w = 0; w < words; w++) {
		to->bits[w] = bits[w];
		for (uint64_t left = bits[w]; left != 0; left &= left - 1) {
			unsigned bit = (unsigned)__builtin_ctzll(left);
			const struct runs *k = &c->runs[w * 64 + bit];

			if (when < k->from || when >= k->to ||
			    (k->condition != 0 &&
				!conditions_hold(c->conditions, k->condition)))
				to->bits[w] &= ~(UINT64_C(1) << bit);
		}
	}
}

/* Of the creatives that are left of 64, those whose campaign is there. Without a branch
 * that could be guessed wrong half of the time. */
static inline uint64_t
of_campaigns(
    const uint16_t *campaign_of, const struct campaigns *campaigns, uint64_t left)
{
	uint64_t out = 0;

	for (uint64_t rest = left; rest != 0; rest &= rest - 1) {
		unsigned bit = (unsigned)__builtin_ctzll(rest);
		unsigned campaign = campaign_of[bit];

		out |= (campaigns->bits[campaign / 64] >> campaign % 64 & 1) << bit;
	}
	return out;
}

uint32_t
catalogue_eligible(struct catalogue *c, const struct record *request, instant when,
    uint32_t *rows, uint32_t max)
{
	struct campaigns campaigns;
	const uint64_t *bits;
	uint32_t n = 0;
	size_t words;

	targeting_read(c->targeting, request, when);
	conditions_begin(c->conditions, slice_of(request->bytes, request->size));
	match_campaigns(c, when, &campaigns);
	bits = targeting_match(c->targeting, TARGETING_CREATIVE, &words);
	for (size_t w = 0; w < words; w++) {
		uint64_t left = of_campaigns(
		    c->campaign_of + w * 64, &campaigns, bits[w] & ~c->blocked[w]);

		for (; left != 0; left &= left - 1) {
			uint32_t row =
			    (uint32_t)(w * 64) + (uint32_t)__builtin_ctzll(left);
			unsigned condition = c->condition_of[row];

			if (condition != 0 &&
			    !conditions_hold(c->conditions, condition))
				continue;
			if (n < max)
				rows[n] = row;
			n++;
		}
	}
	return n;
}

/* --- Snapshots --------------------------------------------------------------------- */

void
catalogue_save(const struct catalogue *c, struct state_writer *to)
{
	const struct shelf *all[] = { &c->campaigns, &c->creatives, &c->items };

	for (unsigned i = 0; i < ROW_KINDS; i++) {
		state_put_u64(to, all[i]->count);
		for (uint32_t row = 0; row < all[i]->highest; row++) {
			if (!shelf_has(all[i], row))
				continue;
			state_put_u64(
			    to, (uint64_t)row << 1 | shelf_streamed(all[i], row));
			state_put_slice(to, shelf_record(all[i], row));
		}
	}
}

static int
load_row(struct catalogue *c, struct state_reader *from, enum row_kind kind,
    uint8_t *bytes, struct error *error)
{
	struct shelf *rows = rows_of(c, kind);
	struct row_head head;
	struct fault fault;
	uint64_t place;
	size_t size, whole;

	if (state_get_u64(from, &place) != 0 ||
	    state_get_slice(from, bytes, RECORD_SIZE_MAX, &size) != 0)
		return error_set(error, "the snapshot's catalogue is cut off");
	if (record_extent(slice_of(bytes, size), &whole, &fault) != SCAN_RECORD ||
	    whole != size || !row_read_head(slice_of(bytes, size), &head) ||
	    head.kind != kind || place >> 1 >= rows->capacity || head.id.at == NULL)
		return error_set(error, "the snapshot's catalogue is damaged");
	return put(c, kind, (uint32_t)(place >> 1), catalogue_hash(c, head.id),
	    slice_of(bytes, size), place & 1, error);
}

int
catalogue_load(struct catalogue *c, struct state_reader *from, struct error *error)
{
	uint8_t *bytes = calloc(1, RECORD_SIZE_MAX + RECORD_PADDING);
	int status =
	    bytes != NULL ? 0 : error_set(error, "no memory for the catalogue");
	uint64_t count = 0;

	for (enum row_kind kind = 0; kind < ROW_KINDS; kind++)
		for (uint32_t row = 0; row < rows_of(c, kind)->highest; row++)
			if (shelf_has(rows_of(c, kind), row))
				drop(c, kind, row);
	for (enum row_kind kind = 0; kind < ROW_KINDS && status == 0; kind++) {
		if (state_get_u64(from, &count) != 0)
			status =
			    error_set(error, "the snapshot's catalogue is cut off");
		for (; count > 0 && status == 0; count--)
			status = load_row(c, from, kind, bytes, error);
	}
	free(bytes);
	return status;
}

int
catalogue_inherit(
    struct catalogue *c, const struct catalogue *from, struct error *error)
{
	const struct shelf *all[] = { &from->campaigns, &from->creatives,
		&from->items };

	for (enum row_kind kind = 0; kind < ROW_KINDS; kind++)
		for (uint32_t row = 0; row < all[kind]->highest; row++) {
			if (!shelf_has(all[kind], row) ||
			    !shelf_streamed(all[kind], row) ||
			    shelf_find(rows_of(c, kind), shelf_id(all[kind], row)) !=
				CATALOGUE_NONE)
				continue;
			if (put(c, kind, CATALOGUE_NONE, shelf_id(all[kind], row),
				shelf_record(all[kind], row), true, error) != 0)
				return -1;
		}
	return 0;
}
