/* SPDX-License-Identifier: MIT */
#include "lib/record/census.h"

#include <inttypes.h>
#include <stdio.h>

static struct census_name
name_of(struct slice text)
{
	struct census_name name = { 0 };

	name.size =
	    (uint8_t)(text.size < CENSUS_NAME_SIZE ? text.size : CENSUS_NAME_SIZE);
	for (size_t i = 0; i < name.size; i++)
		name.text[i] =
		    text.at[i] < ' ' || text.at[i] == 127 ? '?' : (char)text.at[i];
	return name;
}

static bool
name_is(const struct census_name *name, struct slice text)
{
	return name->size == text.size && memcmp(name->text, text.at, text.size) == 0;
}

static struct census_kind *
kind_of_event(struct census *c, struct slice event)
{
	struct census_name name = name_of(event);

	for (uint32_t i = 0; i < c->kinds; i++)
		if (name_is(&c->kind[i].name, slice_of(name.text, name.size)))
			return &c->kind[i];
	if (c->kinds == CENSUS_KINDS_MAX)
		return &c->kind[CENSUS_KINDS_MAX - 1];
	if (c->kinds == CENSUS_KINDS_MAX - 1)
		name = name_of(slice_text("(all other kinds)"));
	c->kind[c->kinds].name = name;
	return &c->kind[c->kinds++];
}

/* NULL when there is no place left. `likely` is where the key was in the record before. */
static struct census_key *
key_of_kind(struct census_kind *k, struct slice text, uint32_t likely)
{
	struct census_name name;

	if (likely < k->keys && name_is(&k->key[likely].name, text))
		return &k->key[likely];
	name = name_of(text);
	for (uint32_t i = 0; i < k->keys; i++)
		if (name_is(&k->key[i].name, slice_of(name.text, name.size)))
			return &k->key[i];
	if (k->keys == CENSUS_KEYS_MAX)
		return NULL;
	k->key[k->keys].name = name;
	return &k->key[k->keys++];
}

void
census_count(struct census *c, const struct record *r)
{
	struct census_kind *k;
	struct slice event;
	uint32_t likely = 0;

	if (!record_str(r, KEY_EVENT, &event))
		event = slice_text("(no event)");
	k = kind_of_event(c, event);
	k->records++;
	for (unsigned i = 0; i < r->count; i++) {
		struct census_key *key = key_of_kind(k, record_key_at(r, i), likely);

		if (key == NULL) {
			k->beyond++;
			continue;
		}
		key->type[value_type(record_value_at(r, i))]++;
		likely = (uint32_t)(key - k->key) + 1;
	}
}

static double
percent(uint64_t part, uint64_t whole)
{
	return whole == 0 ? 0 : 100 * (double)part / (double)whole;
}

void
census_kind_line(
    const struct census_kind *k, uint64_t records, char to[CENSUS_LINE_MAX])
{
	int n = snprintf(to, CENSUS_LINE_MAX, "%-24.*s %12" PRIu64 " %6.2f%%",
	    (int)k->name.size, k->name.text, k->records, percent(k->records, records));

	if (k->beyond > 0)
		(void)snprintf(to + n, CENSUS_LINE_MAX - (size_t)n,
		    "  and %" PRIu64 " pairs of further keys", k->beyond);
}

void
census_key_line(
    const struct census_kind *k, const struct census_key *key, char to[CENSUS_LINE_MAX])
{
	const char *separator = "  ";
	uint64_t with = 0;
	int n;

	for (unsigned type = 0; type < CENSUS_TYPES; type++)
		with += key->type[type];
	n = snprintf(to, CENSUS_LINE_MAX, "  %-22.*s %12" PRIu64 " %6.2f%%",
	    (int)key->name.size, key->name.text, with, percent(with, k->records));
	for (unsigned type = 0; type < CENSUS_TYPES; type++) {
		if (key->type[type] == 0)
			continue;
		n += snprintf(to + n, CENSUS_LINE_MAX - (size_t)n, "%s%s %" PRIu64,
		    separator, value_type_name((enum value_type)type), key->type[type]);
		separator = ", ";
	}
}
