/* SPDX-License-Identifier: MIT */
#include "lib/feature/count.h"

#include "lib/record/consent.h"

static bool
is_new(const struct counting *c, const struct subject *key)
{
	for (unsigned i = 0; i < c->people_count; i++)
		if (c->people[i]->slot == key->slot)
			return false;
	return key->personal;
}

int
count_people(struct counting *c, uint64_t memory_bytes)
{
	for (unsigned i = 0; i < c->spec->count; i++) {
		const struct spec_feature *f = &c->spec->features[i];

		for (unsigned l = 0; l < f->level_count; l++)
			for (unsigned k = 0; k < f->levels[l].key_count; k++) {
				const struct subject *key = &f->levels[l].keys[k];

				if (key->personal)
					c->people_of |= f->of | f->per;
				if (is_new(c, key))
					c->people[c->people_count++] = key;
			}
	}
	return c->people_count == 0 ? 0 : users_init(&c->users, memory_bytes);
}

/* What is counted by this alone goes at once; the rest cannot be found any more. */
static void
forget(struct counting *c, const struct subject *key, uint64_t id)
{
	uint64_t hash = users_find(&c->users, id);

	if (!users_forget(&c->users, id))
		return;
	for (unsigned i = 0; i < c->spec->group_count; i++) {
		const struct spec_level *by = c->spec->keys[i];

		if (by->key_count != 1 || by->keys[0].slot != key->slot)
			continue;
		(void)table_erase(c->spec->groups[i].table, hash_pair(c->key.k0, hash));
		c->groups[i].last_cell = NULL;
		c->groups[i].turn = 0;
	}
}

void
count_meet(struct counting *c, const struct record *r, enum kind kind, double weight,
    struct count_times t)
{
	bool counted = (c->people_of >> kind & 1) != 0;
	struct slice value, values[2];
	bool gives =
	    !record_value(r, c->spec->consent, &value) || consent_is_given(value);
	bool before;

	if (c->people_count == 0 || (!counted && gives))
		return;
	before = weight < 0 || record_value(r, c->spec->verdict, &value);
	for (unsigned i = 0; i < c->people_count; i++) {
		const struct subject *key = c->people[i];
		unsigned n = subject_values(key, r, values, 2);
		struct count_id *id = &c->ids[key->slot];

		*id = (struct count_id){ .turn = c->turn, .many = n > 1 };
		if (n == 0 || !count_hash(c->key, values[0], &id->hash))
			continue;
		id->has = gives;
		if (before)
			id->has = gives &&
			    users_again(&c->users, id->hash, t.shown, &id->hash);
		else if (gives)
			id->hash = users_meet(&c->users, id->hash, t.known, t.shown);
		else
			forget(c, key, id->hash);
	}
}
