/* SPDX-License-Identifier: MIT */
#include "lib/delivery/row_read.h"

#include "lib/delivery/price.h"

static const char *const names[ROW_KINDS] = { "campaign", "creative", "item" };
static const char *const ids[ROW_KINDS] = { "campaign_id", "creative_id", "item_id" };

const char *
row_kind_name(enum row_kind kind)
{
	return names[kind];
}

/* As record_id: an integer is its msgpack, so that 7 and "7" differ. */
static bool
read_id(struct slice value, struct slice *to)
{
	int64_t integer;

	if (value_text(value, to))
		return true;
	*to = value;
	return value_int(value, &integer);
}

bool
row_read_head(struct slice record, struct row_head *to)
{
	struct slice value, event;

	if (!value_get(record, "event", &value) || !value_str(value, &event))
		return false;
	for (to->kind = 0; !slice_is(event, names[to->kind]);)
		if (++to->kind == ROW_KINDS)
			return false;
	to->id = slice_of(NULL, 0);
	if (value_get(record, ids[to->kind], &value) && !read_id(value, &to->id))
		to->id = slice_of(NULL, 0);
	to->deleted = false;
	if (value_get(record, "deleted", &value))
		(void)value_bool(value, &to->deleted);
	return true;
}

static int
read_amount(struct slice record, const char *name, int64_t *to, struct error *error)
{
	struct slice value;

	if (!value_get(record, name, &value))
		return 0;
	if (!value_int(value, to) || *to < 0 || *to > CATALOGUE_MICROS_MAX)
		return error_set(error, "%s is no amount of micros (0 to 2^50)", name);
	return 0;
}

static int
read_instant(struct slice record, const char *name, instant *to, struct error *error)
{
	struct slice value, text;

	if (!value_get(record, name, &value))
		return 0;
	if (value_str(value, &text) ? !when_parse_iso(text, to)
				    : !value_instant(value, to))
		return error_set(error, "%s is no time", name);
	return *to >= -WHEN_MAX && *to <= WHEN_MAX
	    ? 0
	    : error_set(error, "%s is no time between 1677 and 2262", name);
}

static int
read_flag(struct slice record, const char *name, bool *to, struct error *error)
{
	struct slice value;

	*to = false;
	if (!value_get(record, name, &value) || value_bool(value, to))
		return 0;
	return error_set(error, "%s is neither true nor false", name);
}

static int
read_cap(struct slice record, struct cap *to, struct error *error)
{
	struct slice value;

	*to = CAP_NONE;
	return value_get(record, "cap", &value) ? cap_read(to, value, error) : 0;
}

static int
read_bid(struct slice record, struct campaign *to, struct error *error)
{
	struct slice value, text;

	to->bid_micros = -1;
	if (read_amount(record, "bid_micros", &to->bid_micros, error) != 0)
		return -1;
	if (!value_get(record, "bid_type", &value))
		return to->bid_micros < 0
		    ? 0
		    : error_set(error, "bid_micros lacks its bid_type");
	if (to->bid_micros < 0)
		return error_set(error, "bid_type lacks its bid_micros");
	to->bid_type = value_str(value, &text) ? bid_type_of(text) : BID_NONE;
	if (to->bid_type != BID_NONE)
		return 0;
	return error_set(error, "bid_type is none of cpm, cpc, cpa");
}

int
row_read_campaign(struct slice record, struct campaign *to, struct error *error)
{
	to->budget_micros = to->daily_budget_micros = -1;
	to->starts_at = -WHEN_MAX;
	to->ends_at = WHEN_MAX;
	if (read_amount(record, "budget_micros", &to->budget_micros, error) != 0 ||
	    read_amount(
		record, "daily_budget_micros", &to->daily_budget_micros, error) != 0 ||
	    read_bid(record, to, error) != 0 ||
	    read_instant(record, "starts_at", &to->starts_at, error) != 0 ||
	    read_instant(record, "ends_at", &to->ends_at, error) != 0 ||
	    read_flag(record, "paused", &to->paused, error) != 0)
		return -1;
	if (to->ends_at <= to->starts_at)
		return error_set(error, "ends_at is not after starts_at");
	return read_cap(record, &to->cap, error);
}

static int
read_px(struct slice record, const char *name, uint32_t *to, struct error *error)
{
	struct slice value;
	int64_t px;

	if (!value_get(record, name, &value))
		return 0;
	if (!value_int(value, &px) || px < 1 || px > TARGETING_SIZE_MAX)
		return error_set(
		    error, "%s is no number of 1 to %d", name, TARGETING_SIZE_MAX);
	*to = (uint32_t)px;
	return 0;
}

int
row_read_aim(
    struct slice record, bool creative, struct row_aim *to, struct error *error)
{
	struct slice value;

	*to = (struct row_aim){ .condition = { NULL, 0 } };
	if (value_get(record, "targeting", &value) && !value_str(value, &to->condition))
		to->target.map = value;
	if (!creative)
		return 0;
	if (value_get(record, "slot_ids", &value))
		to->target.slot_ids = value;
	if (read_px(record, "width", &to->target.width, error) != 0 ||
	    read_px(record, "height", &to->target.height, error) != 0)
		return -1;
	return (to->target.width == 0) == (to->target.height == 0)
	    ? 0
	    : error_set(error, "width and height come together");
}

int
row_read_creative(struct slice record, struct creative *to, struct slice *campaign,
    struct slice items[CATALOGUE_ITEMS_OF_ONE], unsigned *n, struct error *error)
{
	struct slice value, none, item;
	struct value_walk walk;

	*campaign = slice_of(NULL, 0);
	*n = 0;
	if (value_get(record, "campaign_id", &value) && !read_id(value, campaign))
		return error_set(error, "campaign_id is no id");
	if (value_get(record, "item_ids", &value)) {
		if (value_type(value) != VALUE_ARRAY)
			return error_set(error, "item_ids is no list");
		for (value_open(value, &walk); value_next(&walk, &none, &item);) {
			if (*n == CATALOGUE_ITEMS_OF_ONE)
				return error_set(error, "more than %d item_ids",
				    CATALOGUE_ITEMS_OF_ONE);
			if (!read_id(item, &items[(*n)++]))
				return error_set(error, "item_ids has what is no id");
		}
	}
	if (read_flag(record, "paused", &to->paused, error) != 0)
		return -1;
	return read_cap(record, &to->cap, error);
}

/* A key of the item, or of its fields. */
static bool
item_field(struct slice record, const char *name, struct slice *to)
{
	struct slice fields;

	if (value_get(record, name, to))
		return true;
	return value_get(record, "fields", &fields) &&
	    value_type(fields) == VALUE_MAP && value_get(fields, name, to);
}

/* The first, of a list. */
static void
read_category(struct slice value, struct slice *to)
{
	struct slice first;

	if (value_type(value) == VALUE_ARRAY && value_at(value, 0, &first))
		value = first;
	(void)value_str(value, to);
}

int
row_read_worth(struct slice record, struct creative *to, struct slice *category,
    struct error *error)
{
	struct slice value;

	*category = slice_of(NULL, 0);
	if (value_get(record, "category", &value))
		read_category(value, category);
	to->value_micros = -1;
	return read_amount(record, "value_micros", &to->value_micros, error);
}

int
row_read_item(
    struct slice record, struct item *to, struct slice *category, struct error *error)
{
	struct slice value, text;
	double stock;

	*category = slice_of(NULL, 0);
	if (item_field(record, "stock", &value)) {
		if (!value_number(value, &stock))
			return error_set(error, "stock is no number");
		to->out_of_stock = !(stock > 0);
	}
	if (item_field(record, "availability", &value) && value_str(value, &text) &&
	    (slice_is(text, "out of stock") || slice_is(text, "out_of_stock")))
		to->out_of_stock = true;
	/* What is no amount says nothing of it. */
	if (!item_field(record, "price_micros", &value) ||
	    !value_int(value, &to->price_micros) || to->price_micros < 0 ||
	    to->price_micros > CATALOGUE_MICROS_MAX)
		to->price_micros = -1;
	if (item_field(record, "category", &value))
		read_category(value, category);
	return 0;
}
