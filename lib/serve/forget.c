/* SPDX-License-Identifier: MIT */
#include "lib/serve/forget.h"

#include <inttypes.h>
#include <stdio.h>

#include "lib/option.h"
#include "lib/serve/ask.h"

enum { ID_MAX = 256 };

int
forget_init(struct forget *f, uint64_t memory_bytes)
{
	f->n = 0;
	f->known = table_new(TABLE_KEY_64, 0, memory_bytes);
	return f->known != NULL ? 0 : -1;
}

void
forget_fini(struct forget *f)
{
	table_free(f->known);
}

void
forget_meet(struct desk *k, uint64_t user, instant now)
{
	bool fresh;

	if (user != 0)
		(void)table_touch(k->forget.known, user, now, &fresh);
}

/* --- Decisions that are remembered ------------------------------------------------------ */

static bool
has_left(const struct forget *f, uint64_t user)
{
	for (unsigned i = 0; user != 0 && i < f->n; i++)
		if (f->left[i] == user)
			return true;
	return false;
}

void
forget_check(struct desk *k, struct shown *s)
{
	if (!has_left(&k->forget, s->who.user))
		return;
	s->who = (struct caps_user){ 0, 0 };
	s->is &= (uint8_t)~SHOWN_CONSENTED;
	shown_strip(s, ask_is_impersonal);
}

void
forget_settle(struct desk *k)
{
	size_t i;

	if (k->forget.n == 0)
		return;
	for (i = table_next(k->shown, 0); i != TABLE_NONE;
	     i = table_next(k->shown, i + 1)) {
		const struct shown *s = table_cell(k->shown, i);
		bool fresh;

		if (has_left(&k->forget, s->who.user))
			forget_check(k,
			    table_touch(k->shown, table_key(k->shown, i),
				table_last(k->shown, i), &fresh));
	}
	k->forget.n = 0;
}

/* --- Who it is -------------------------------------------------------------------------- */

/* Whether something was remembered of him. */
static bool
leave(struct desk *k, const struct record *r)
{
	bool known = false;

	for (unsigned i = 0; i < k->visitor.users; i++) {
		uint64_t user = visitor_hash(&k->visitor, r, i);

		if (user == 0)
			continue;
		known |= table_erase(k->forget.known, user);
		if (k->forget.n == FORGET_MAX)
			forget_settle(k);
		k->forget.left[k->forget.n++] = user;
	}
	return known;
}

void
forget_record(struct desk *k, const struct record *r)
{
	(void)leave(k, r);
}

static unsigned
build_ids(const struct desk *k, struct slice map, struct build *b)
{
	const char *rest = k->users;
	struct slice name, value, id;
	unsigned pairs = 0;

	while (option_next_name(&rest, &name)) {
		if (!value_get_slice(map, name, &value) ||
		    (value_text(value, &id) && id.size > ID_MAX))
			continue;
		build_str(b, name);
		build_raw(b, value);
		pairs++;
	}
	if (value_get(map, "session_id", &value) && value_text(value, &id) &&
	    id.size <= ID_MAX) {
		build_text(b, "session_id");
		build_raw(b, value);
		pairs++;
	}
	return pairs;
}

bool
forget_named(struct desk *k, struct slice map, bool signal, bool told, instant now)
{
	char id[64];
	struct record r;
	struct build b;
	unsigned pairs;
	size_t open;

	if (!desk_scan(k, map, &r))
		return false;
	told = leave(k, &r) || told;
	(void)snprintf(id, sizeof id, "%s-%" PRIx64 "u", k->instance, k->number);
	journal_open(k->journal, &b);
	open = build_open(&b);
	build_text(&b, "event");
	build_text(&b, "user");
	build_text(&b, "event_id");
	build_text(&b, id);
	build_text(&b, "timestamp");
	build_int(&b, now);
	pairs = build_ids(k, map, &b);
	if (!told || pairs == 0 || build_full(&b))
		return pairs > 0;
	pairs += 3 + ask_consent_pair(map, signal, false, &b);
	build_close_map(&b, open, pairs);
	if (build_full(&b))
		return false;
	k->number++;
	k->counts.forgotten++;
	desk_learn(k, build_slice(&b));
	journal_close(k->journal, &b);
	return true;
}
