/* SPDX-License-Identifier: MIT */
#include "lib/delivery/catalogue.h"

#include <stdlib.h>

#include "lib/base/assert.h"
#include "lib/delivery/catalogue_inside.h"

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
	    shelf_init(&c->items, limits.items) == 0 &&
	    families_init(&c->families, limits.creatives) == 0 && c->campaign != NULL &&
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
	families_fini(&c->families);
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

uint32_t
catalogue_first_named(const struct catalogue *c, uint64_t id)
{
	uint32_t row = families_first(&c->families, id);

	return row != FAMILY_NONE ? row : shelf_find(&c->creatives, id);
}

uint32_t
catalogue_next_named(const struct catalogue *c, uint64_t id, uint32_t row)
{
	return c->creative[row].whole == id ? families_next(&c->families, row)
					    : CATALOGUE_NONE;
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

struct catalogue_counts
catalogue_counts(const struct catalogue *c)
{
	return (struct catalogue_counts){ c->campaigns.count, c->creatives.count,
		c->items.count, c->bytes };
}
