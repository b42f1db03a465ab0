/* SPDX-License-Identifier: MIT
 *
 * Records come into the catalogue, change it, and leave it.
 */
#include "lib/delivery/catalogue_inside.h"

#include <stdlib.h>

#include "lib/base/assert.h"
#include "lib/compose/composition.h"

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

bool
catalogue_in_stock(const struct catalogue *c, const struct creative *k)
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
	if (k->paused || lost || !catalogue_in_stock(c, k))
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
	struct creative new = { .id = id, .whole = id, .campaign = CATALOGUE_NONE };
	struct row_names names;
	struct slice category;
	struct row_aim want;

	if (row_read_creative(record, &new, &names, error) != 0 ||
	    row_read_worth(record, &new, &category, error) != 0 ||
	    row_read_aim(record, true, &want, error) != 0)
		return -1;
	if (aim(c, TARGETING_CREATIVE, row, &want, &new.condition, error) != 0) {
		if (!fresh)
			aim_again(c, TARGETING_CREATIVE, row, &c->creatives);
		return -1;
	}
	if (!fresh) {
		drop_condition(c, c->creative[row].condition);
		families_remove(&c->families, c->creative[row].whole, row);
	}
	if (names.whole.at != NULL)
		new.whole = catalogue_hash(c, names.whole);
	families_add(&c->families, new.whole, row);
	if (names.campaign.at != NULL) {
		new.campaign_id = catalogue_hash(c, names.campaign);
		new.campaign = shelf_find(&c->campaigns, new.campaign_id);
	}
	if (category.at != NULL)
		new.category = catalogue_hash(c, category);
	new.item_count = (uint8_t)names.item_count;
	for (unsigned i = 0; i < names.item_count; i++)
		new.items[i] = catalogue_hash(c, names.items[i]);
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

void
catalogue_drop(struct catalogue *c, enum row_kind kind, uint32_t row)
{
	struct shelf *rows = catalogue_rows(c, kind);
	uint64_t id = shelf_id(rows, row);

	if (kind == ROW_CAMPAIGN) {
		drop_condition(c, c->campaign[row].condition);
		targeting_clear(c->targeting, TARGETING_CAMPAIGN, row);
		link_creatives(c, c->campaign[row].id, CATALOGUE_NONE);
	} else if (kind == ROW_CREATIVE) {
		drop_condition(c, c->creative[row].condition);
		targeting_clear(c->targeting, TARGETING_CREATIVE, row);
		families_remove(&c->families, c->creative[row].whole, row);
	}
	c->bytes -= shelf_record(rows, row).size;
	shelf_remove(rows, row);
	if (kind == ROW_ITEM && c->item[row].out_of_stock)
		settle_item(c, id);
}

static int
check_bytes(const struct catalogue *c, uint64_t bytes, struct error *error)
{
	return bytes <= c->memory_bytes
	    ? 0
	    : error_set(error, "no room for it in the memory of the catalogue");
}

/* Put a record (shelf_copy), which is taken over and for which there is memory, in a row of
 * its own (CATALOGUE_NONE: the lowest free one) or in that of its id. */
static int
put_copy(struct catalogue *c, enum row_kind kind, uint32_t place, uint64_t id,
    struct slice record, bool streamed, struct error *error)
{
	struct shelf *rows = catalogue_rows(c, kind);
	uint32_t row = shelf_find(rows, id);
	bool fresh = row == CATALOGUE_NONE;
	uint64_t before = fresh ? 0 : shelf_record(rows, row).size;
	bool was_out = kind == ROW_ITEM && !fresh && c->item[row].out_of_stock;
	int status;

	if (fresh)
		row = place != CATALOGUE_NONE ? place : shelf_free_place(rows);
	if (row == CATALOGUE_NONE)
		status = error_set(error, "there are %u already", rows->capacity);
	else
		status = kind == ROW_CAMPAIGN
		    ? take_campaign(c, row, fresh, record, id, error)
		    : kind == ROW_CREATIVE
		    ? take_creative(c, row, fresh, record, id, error)
		    : take_item(c, row, record, id, error);
	if (status != 0) {
		free((uint8_t *)(uintptr_t)record.at);
		return -1;
	}
	c->bytes += record.size - before;
	shelf_put(rows, row, id, record, streamed);
	if (kind == ROW_ITEM && c->item[row].out_of_stock != was_out)
		settle_item(c, id);
	return 0;
}

int
catalogue_put(struct catalogue *c, enum row_kind kind, uint32_t place, uint64_t id,
    struct slice record, bool streamed, struct error *error)
{
	const struct shelf *rows = catalogue_rows(c, kind);
	uint32_t row = shelf_find(rows, id);
	uint64_t before = row == CATALOGUE_NONE ? 0 : shelf_record(rows, row).size;
	uint8_t *copy;

	if (check_bytes(c, c->bytes - before + record.size, error) != 0)
		return -1;
	copy = shelf_copy(record);
	if (copy == NULL)
		return error_set(error, "no memory");
	return put_copy(
	    c, kind, place, id, slice_of(copy, record.size), streamed, error);
}

/* --- Creatives of parts ---------------------------------------------------------------- */

/* The compositions of a creative as records, side by side. */
struct composed {
	uint32_t count;
	uint64_t id[COMPOSITION_MAX];
	struct slice record[COMPOSITION_MAX]; /* copies, owned until they are put */
};

static void
composed_drop(struct composed *k, uint32_t from)
{
	for (uint32_t i = from; i < k->count; i++)
		free((uint8_t *)(uintptr_t)k->record[i].at);
}

static int
compose(const struct catalogue *c, const struct compositions *from, struct composed *to,
    struct error *error)
{
	size_t room = from->record.size + COMPOSITION_MORE;
	uint8_t *bytes = malloc(room);

	for (to->count = 0; bytes != NULL && to->count < from->count; to->count++) {
		struct slice *record = &to->record[to->count];
		struct row_head head;
		struct build b;

		build_init(&b, bytes, room);
		compositions_build(from, to->count, &b);
		assert(!build_full(&b));
		*record = build_slice(&b);
		if (record->size > RECORD_SIZE_MAX)
			break;
		(void)row_read_head(*record, &head);
		to->id[to->count] = catalogue_hash(c, head.id);
		record->at = shelf_copy(*record);
		if (record->at == NULL)
			break;
	}
	free(bytes);
	if (bytes != NULL && to->count == from->count)
		return 0;
	composed_drop(to, 0);
	return error_set(error, "no memory for its compositions");
}

/* Whether there is room for all of them beside what is there, once those that replace others
 * have done so: on the way there may be more for a while, of copies that are there already. */
static int
check_room(const struct catalogue *c, const struct composed *k, struct error *error)
{
	const struct shelf *rows = &c->creatives;
	uint64_t bytes = c->bytes;
	uint32_t fresh = 0;

	for (uint32_t i = 0; i < k->count; i++) {
		uint32_t row = shelf_find(rows, k->id[i]);

		fresh += row == CATALOGUE_NONE;
		bytes += k->record[i].size;
		if (row != CATALOGUE_NONE)
			bytes -= shelf_record(rows, row).size;
	}
	if (fresh > rows->capacity - rows->count)
		return error_set(error, "there are %u already", rows->capacity);
	return check_bytes(c, bytes, error);
}

/* Remove what is of the creative, but for these ids. */
static void
drop_others(struct catalogue *c, uint64_t whole, const uint64_t *ids, uint32_t n)
{
	uint32_t row = families_first(&c->families, whole), next;

	for (; row != FAMILY_NONE; row = next) {
		uint32_t i = 0;

		next = families_next(&c->families, row);
		while (i < n && ids[i] != c->creative[row].id)
			i++;
		if (i == n)
			catalogue_drop(c, ROW_CREATIVE, row);
	}
}

/* They differ in their ids and parts only: when the first is in, with room for all of them,
 * nothing can be wrong with the others. */
static int
put_composed(struct catalogue *c, const struct compositions *from, uint64_t whole,
    bool streamed, struct error *error)
{
	struct composed k;
	struct error none;

	if (compose(c, from, &k, error) != 0)
		return -1;
	if (check_room(c, &k, error) != 0) {
		composed_drop(&k, 0);
		return -1;
	}
	for (uint32_t i = 0; i < k.count; i++) {
		if (put_copy(c, ROW_CREATIVE, CATALOGUE_NONE, k.id[i], k.record[i],
			streamed, i == 0 ? error : &none) == 0)
			continue;
		assert(i == 0);
		composed_drop(&k, 1);
		return -1;
	}
	drop_others(c, whole, k.id, k.count);
	return 0;
}

static int
put_creative(struct catalogue *c, struct slice record, uint64_t id, bool streamed,
    struct error *error)
{
	struct compositions compositions;

	if (compositions_read(&compositions, record, error) != 0)
		return -1;
	if (compositions.count > 0)
		return put_composed(c, &compositions, id, streamed, error);
	if (catalogue_put(
		c, ROW_CREATIVE, CATALOGUE_NONE, id, record, streamed, error) != 0)
		return -1;
	drop_others(c, id, &id, 1);
	return 0;
}

/* --- Any record ------------------------------------------------------------------------ */

static void
remove_row(struct catalogue *c, enum row_kind kind, uint64_t id)
{
	uint32_t row = shelf_find(catalogue_rows(c, kind), id);

	if (row != CATALOGUE_NONE)
		catalogue_drop(c, kind, row);
	if (kind == ROW_CREATIVE)
		drop_others(c, id, NULL, 0);
}

enum catalogue_result
catalogue_take(
    struct catalogue *c, struct slice record, bool streamed, struct error *error)
{
	struct row_head head;
	struct error inner;
	uint64_t id;
	int status;

	if (!row_read_head(record, &head))
		return CATALOGUE_OTHER;
	if (head.id.at == NULL || head.id.size == 0 || head.id.size > ROW_ID_MAX) {
		(void)error_set(error, "%s without %s_id of at most %d bytes",
		    row_kind_name(head.kind), row_kind_name(head.kind), ROW_ID_MAX);
		return CATALOGUE_REFUSED;
	}
	id = catalogue_hash(c, head.id);
	if (head.deleted) {
		remove_row(c, head.kind, id);
		return CATALOGUE_TAKEN;
	}
	status = head.kind == ROW_CREATIVE
	    ? put_creative(c, record, id, streamed, &inner)
	    : catalogue_put(c, head.kind, CATALOGUE_NONE, id, record, streamed, &inner);
	if (status == 0)
		return CATALOGUE_TAKEN;
	(void)error_set(error, "%s '%.*s': %.200s", row_kind_name(head.kind),
	    (int)(head.id.size < 80 ? head.id.size : 80), (const char *)head.id.at,
	    inner.text);
	return CATALOGUE_REFUSED;
}
