/* SPDX-License-Identifier: MIT */
#include "lib/login/crowd.h"

#include <math.h>
#include <stdlib.h>

#include "lib/base/memory.h"
#include "lib/login/maybe.h"
#include "lib/sketch/spread.h"
#include "lib/sketch/velocity.h"
#include "lib/state/block.h"
#include "lib/window.h"

enum { SLICES = 8, USER_SLICES = 4 };
enum { OF_USER = CROWD_SCOPES, FAILURES }; /* whose are counted */
enum { TRIED, FAILED, ALL };

struct crowd {
	struct spread
	    *users; /* owned, as are these; of each scope, and who failed there */
	struct velocity *failures; /* of each scope and user */
	struct maybe maybe;        /* whose may have any */
	void *all[ALL];            /* window cells: attempts of all users */
	struct window_rule rule;
	double honest;
	struct crowd_counts counts;
};

struct crowd *
crowd_new(struct span window, double honest, uint64_t seed, uint64_t memory_bytes)
{
	struct velocity_shape failures = {
		.rule = { { window, SLICES } }, .rules = 1, .seed = seed
	};
	struct spread_shape users = { window, USER_SLICES, hash_mix(seed) };
	struct crowd *c = calloc(1, sizeof *c);
	struct slice block;

	if (c == NULL)
		return NULL;
	c->rule = (struct window_rule){ WINDOW_SLIDING, window, SLICES };
	c->honest = honest;
	c->users = spread_new(&users, memory_bytes / 8 * 7);
	c->failures = velocity_new(&failures, memory_bytes / 8);
	for (unsigned i = 0; i < ALL; i++)
		c->all[i] = calloc(1, window_cell_size(c->rule));
	if (c->users == NULL || c->failures == NULL || c->all[TRIED] == NULL ||
	    c->all[FAILED] == NULL) {
		crowd_free(c);
		return NULL;
	}
	block = spread_bytes(c->users);
	memory_prefer_huge((void *)(uintptr_t)block.at, block.size);
	return c;
}

void
crowd_free(struct crowd *c)
{
	if (c == NULL)
		return;
	spread_free(c->users);
	velocity_free(c->failures);
	for (unsigned i = 0; i < ALL; i++)
		free(c->all[i]);
	free(c);
}

/* Who failed is counted under a key of its own. */
static uint64_t
failed_key(uint64_t value)
{
	return hash_mix(value);
}

/* The scopes that it has, and the user: their keys, and which each is; how many. */
static unsigned
failure_keys(const struct login *l, uint64_t keys[FAILURES], unsigned of[FAILURES])
{
	unsigned n = 0;

	for (unsigned i = 0; i < FAILURES; i++) {
		of[n] = i;
		keys[n] = i == OF_USER ? l->user : l->value[i];
		n += keys[n] != 0 || i == OF_USER;
	}
	return n;
}

static void
prefetch_failures(const struct crowd *c, uint64_t key)
{
	if (maybe_has(&c->maybe, key))
		velocity_prefetch(c->failures, key);
}

void
crowd_prefetch(const struct crowd *c, const struct login *l)
{
	for (unsigned i = 0; i < CROWD_SCOPES; i++)
		if (l->value[i] != 0) {
			spread_prefetch(c->users, l->value[i]);
			prefetch_failures(c, l->value[i]);
		}
	prefetch_failures(c, l->user);
}

void
crowd_prefetch_cells(const struct crowd *c, const struct login *l)
{
	for (unsigned i = 0; i < CROWD_SCOPES; i++)
		if (l->value[i] != 0)
			spread_prefetch_cell(c->users, l->value[i]);
}

static void
count(struct crowd *c)
{
	struct spread_counts users = spread_counts(c->users);

	c->counts = (struct crowd_counts){
		.evicted = users.evicted + velocity_counts(c->failures).evicted,
		.late = users.late,
		.stuck = users.stuck,
	};
}

/* Distinct users are estimated only where so many attempts failed that they may tell
 * something: all by different users, and nobody succeeded. */
static void
add_user(struct crowd *c, const struct login *l, unsigned scope, int64_t failures,
    struct crowd_look *to)
{
	uint64_t value = l->value[scope];
	bool tells = crowd_attacked((double)failures, (double)failures, c->honest) > 0;
	struct spread_answer users = { 0 }, failed = { 0 };

	spread_add(c->users, value, l->user, l->at, tells ? &users : NULL);
	if (!l->success)
		spread_add(c->users, failed_key(value), l->user, l->at,
		    tells ? &failed : NULL);
	else if (tells)
		spread_read(c->users, failed_key(value), l->at, &failed);
	to->users[scope] = users.count;
	to->failed[scope] = fmin(failed.count, users.count);
}

/* Failures within the window: of each scope, and of the user. Most have none. */
static void
add_failures(struct crowd *c, const struct login *l, int64_t to[FAILURES])
{
	struct velocity_answer failures[FAILURES];
	uint64_t keys[FAILURES];
	unsigned of[FAILURES], n = failure_keys(l, keys, of);

	memset(to, 0, FAILURES * sizeof *to);
	if (!l->success)
		velocity_add_all(c->failures, keys, n, l->at,
		    (struct velocity_amount){ .count = 1 }, failures);
	for (unsigned i = 0; i < n; i++) {
		if (!l->success)
			maybe_add(&c->maybe, c->rule.length, keys[i], l->at);
		else if (!maybe_has(&c->maybe, keys[i]))
			continue;
		else
			velocity_read(c->failures, keys[i], l->at, &failures[i]);
		to[of[i]] = failures[i].count[0];
	}
}

static void
add_to_all(struct crowd *c, const struct login *l, double amount)
{
	(void)window_cell_add(c->rule, c->all[TRIED], l->at, amount);
	if (!l->success)
		(void)window_cell_add(c->rule, c->all[FAILED], l->at, amount);
}

void
crowd_add(struct crowd *c, const struct login *l, struct crowd_look *to)
{
	int64_t failures[FAILURES];
	double tried;

	*to = (struct crowd_look){ .failures = 0 };
	add_failures(c, l, failures);
	to->failures = failures[OF_USER];
	add_to_all(c, l, 1);
	for (unsigned i = 0; i < CROWD_SCOPES; i++)
		if (l->value[i] != 0)
			add_user(c, l, i, failures[i], to);
	if (to->users[LOGIN_ASN] > 0) {
		tried = window_cell_read(c->rule, c->all[TRIED], l->at);
		to->rate = tried > 0
		    ? window_cell_read(c->rule, c->all[FAILED], l->at) / tried
		    : 0;
	}
	count(c);
}

bool
crowd_remove(struct crowd *c, const struct login *l)
{
	uint64_t keys[FAILURES];
	unsigned of[FAILURES], n = failure_keys(l, keys, of);
	bool all = true;

	for (unsigned i = 0; i < CROWD_SCOPES; i++) {
		uint64_t value = l->value[i];

		if (value == 0)
			continue;
		all &= spread_remove(c->users, value, l->user, l->at);
		if (!l->success)
			all &=
			    spread_remove(c->users, failed_key(value), l->user, l->at);
	}
	if (!l->success)
		velocity_add_all(c->failures, keys, n, l->at,
		    (struct velocity_amount){ .count = -1 }, NULL);
	add_to_all(c, l, -1);
	count(c);
	return all;
}

double
crowd_attacked(double failed, double users, double honest)
{
	const double z = 4, most = 0.99;
	double rate, least, attacked;

	if (users <= 0 || honest >= 1)
		return 0;
	rate = failed / users;
	least = (rate + z * z / (2 * users) -
		    z * sqrt(rate * (1 - rate) / users + z * z / (4 * users * users))) /
	    (1 + z * z / users);
	attacked = (least - honest) / (1 - honest);
	return attacked < 0 ? 0 : attacked < most ? attacked : most;
}

const struct crowd_counts *
crowd_counts(const struct crowd *c)
{
	return &c->counts;
}

/* --- Between runs -------------------------------------------------------------------- */

void
crowd_save(struct crowd *c, struct state_writer *to)
{
	for (unsigned i = 0; i < ALL; i++)
		state_put(to, c->all[i], window_cell_size(c->rule));
	state_put(to, &c->maybe, sizeof c->maybe);
	state_put_spread(to, c->users);
	state_put_velocity(to, c->failures);
}

int
crowd_load(struct crowd *c, struct state_reader *from, struct error *error)
{
	for (unsigned i = 0; i < ALL; i++)
		if (state_get(from, c->all[i], window_cell_size(c->rule)) != 0)
			return error_set(error, "the snapshot is too short");
	if (state_get(from, &c->maybe, sizeof c->maybe) != 0)
		return error_set(error, "the snapshot is too short");
	if (state_get_spread(from, c->users, error) != 0 ||
	    state_get_velocity(from, c->failures, error) != 0)
		return -1;
	count(c);
	return 0;
}
