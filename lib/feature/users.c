/* SPDX-License-Identifier: MIT */
#include "lib/feature/users.h"

#include "lib/state/block.h"

bool
users_named(struct slice key)
{
	return slice_is(key, "user_id") || slice_is(key, "anonymous_id") ||
	    slice_is(key, "session_id");
}

int
users_init(struct users *u, uint64_t memory_bytes)
{
	*u = (struct users){ .numbers = table_new(
				 TABLE_KEY_64, sizeof(struct user), memory_bytes) };
	return u->numbers != NULL ? 0 : -1;
}

void
users_fini(struct users *u)
{
	table_free(u->numbers);
	u->numbers = NULL;
}

uint64_t
users_meet(struct users *u, uint64_t id, instant when, instant at)
{
	bool fresh;
	struct user *user = table_touch(u->numbers, id, when, &fresh);

	if (fresh)
		*user = (struct user){ ++u->last, at };
	user->first = at < user->first ? at : user->first;
	return users_mix(id, user);
}

bool
users_again(const struct users *u, uint64_t id, instant at, uint64_t *to)
{
	const struct user *user = table_find(u->numbers, id);

	if (user == NULL || at < user->first)
		return false;
	*to = users_mix(id, user);
	return true;
}

bool
users_forget(struct users *u, uint64_t id)
{
	return table_erase(u->numbers, id);
}

void
users_save(const struct users *u, struct state_writer *to)
{
	state_put_u64(to, u->last);
	state_put_table(to, u->numbers);
}

int
users_load(struct users *u, struct state_reader *from, struct error *error)
{
	if (state_get_u64(from, &u->last) != 0)
		return error_set(error, "the snapshot is too short");
	return state_get_table(from, u->numbers, error);
}
