/* SPDX-License-Identifier: MIT */
#include "lib/login/past.h"

#include <stdlib.h>

#include "lib/base/assert.h"
#include "lib/base/memory.h"
#include "lib/login/travel.h"
#include "lib/sketch/cuckoo.h"
#include "lib/state/block.h"
#include "lib/table.h"
#include "lib/window/ring.h"

enum { DEVICE_SLICES = 4 };

struct past {
	struct past_rules rules;
	struct table *users;  /* owned, as are these; struct history by user */
	struct table *values; /* uint64_t, how often each value came */
	/* One for each user, device and slice of time with a login. */
	struct cuckoo *devices;
	struct past_counts counts;
};

/* --- Making -------------------------------------------------------------------------- */

static void
value_evicted(void *context, const struct table *t, size_t slot)
{
	struct past *p = context;

	p->counts.values_evicted++;
	p->counts.values_evicted_logins += *(const uint64_t *)table_cell(t, slot);
}

static void
user_evicted(void *context, const struct table *t, size_t slot)
{
	struct past *p = context;
	const struct history *h = table_cell(t, slot);

	p->counts.attacks -= h->attacks;
	p->counts.users_evicted++;
	p->counts.users_evicted_logins += h->n;
}

struct past *
past_new(struct past_rules rules, uint64_t memory_bytes)
{
	struct past *p = calloc(1, sizeof *p);
	struct slice blocks[3];

	if (p == NULL)
		return NULL;
	p->rules = rules;
	p->users =
	    table_new(TABLE_KEY_64, history_size(rules.logins), memory_bytes / 10 * 7);
	p->values = table_new(TABLE_KEY_64, sizeof(uint64_t), memory_bytes / 5);
	p->devices = cuckoo_new(rules.remember, DEVICE_SLICES, memory_bytes / 10);
	if (p->users == NULL || p->values == NULL || p->devices == NULL) {
		past_free(p);
		return NULL;
	}
	/* Each login looks at places far from one another. */
	blocks[0] = table_bytes(p->users);
	blocks[1] = table_bytes(p->values);
	blocks[2] = cuckoo_bytes(p->devices);
	for (unsigned i = 0; i < 3; i++)
		memory_prefer_huge((void *)(uintptr_t)blocks[i].at, blocks[i].size);
	table_on_evict(p->values, value_evicted, p);
	table_on_evict(p->users, user_evicted, p);
	return p;
}

void
past_free(struct past *p)
{
	if (p == NULL)
		return;
	table_free(p->users);
	table_free(p->values);
	cuckoo_free(p->devices);
	free(p);
}

/* --- Looking ------------------------------------------------------------------------- */

void
past_prefetch_user(const struct past *p, const struct login *l)
{
	table_prefetch(p->users, l->user);
}

void
past_prefetch(const struct past *p, const struct login *l)
{
	/* Of coarser values there are few, which are near. */
	for (unsigned level = 0; level < LOGIN_ASN; level++)
		if (l->value[level] != 0)
			table_prefetch(p->values, l->value[level]);
}

/* All lines of it, of which each login needs all. */
static void
prefetch_history(const struct past *p, size_t slot)
{
	const uint8_t *at = table_cell(p->users, slot);
	size_t size = history_size(p->rules.logins);

	for (size_t i = 0; i < size; i += 64)
		__builtin_prefetch(at + i, 1);
	__builtin_prefetch(at + size - 1, 1);
	/* A loop of nothing but prefetches is nothing to gcc 12. */
	__asm__ volatile("" : : "r"(at));
}

void
past_find(const struct past *p, const struct login *l, struct past_look *to)
{
	*to = (struct past_look){ .user = 1,
		.user_slot = table_find_slot(p->users, l->user) };
	for (unsigned i = 0; i < LOGIN_DEVICE; i++)
		to->value_slot[i] = TABLE_NONE;
	if (to->user_slot != TABLE_NONE)
		prefetch_history(p, to->user_slot);
}

uint64_t
past_value_count(const struct past *p, uint64_t value)
{
	const uint64_t *count = table_find(p->values, value);

	return count == NULL ? 0 : *count;
}

const struct history *
past_history(const struct past *p, uint64_t user)
{
	return table_find(p->users, user);
}

/* The share of all logins with a value, in that slot, that the user had in `seen`. One that
 * was evicted is thought to have come with him only. */
static double
share_of(const struct past *p, size_t slot, unsigned seen)
{
	double count = slot == TABLE_NONE
	    ? 0
	    : (double)*(const uint64_t *)table_cell(p->values, slot);
	double all = (double)p->counts.logins;

	count = count < seen ? seen : count;
	return count < all ? count / all : 1;
}

/* Bits set, by sums of pairs, of fours, of bytes: no processor is asked for more. */
static unsigned
ones(uint64_t x)
{
	x -= x >> 1 & UINT64_C(0x5555555555555555);
	x = (x & UINT64_C(0x3333333333333333)) +
	    (x >> 2 & UINT64_C(0x3333333333333333));
	x = (x + (x >> 4)) & UINT64_C(0x0F0F0F0F0F0F0F0F);
	return (unsigned)(x * UINT64_C(0x0101010101010101) >> 56);
}

/* Levels first..end-1, from fine to coarse: a coarser one counts the logins that were new
 * at the finer one. */
static void
look_along(const struct past *p, const struct history *h, const struct login *l,
    unsigned first, unsigned end, struct past_look *to)
{
	const struct history_match *m = &to->match;
	uint64_t among = ~UINT64_C(0);

	for (unsigned i = first; i < end; i++) {
		struct ratio_level *level = &to->level[i];
		uint64_t known = among & m->known[i];

		if (l->value[i] == 0)
			continue;
		level->of = ones(known);
		level->seen = ones(known & m->same[i]);
		level->kinds = ones(known & h->fresh[i]);
		level->kinds += level->kinds == 0;
		if (level->seen > 0) {
			to->value_slot[i] = table_find_slot(p->values, l->value[i]);
			level->p = share_of(p, to->value_slot[i], level->seen);
		}
		among &= h->fresh[i];
	}
}

static uint64_t
device_of(const struct login *l)
{
	return hash_pair(l->user, l->value[LOGIN_DEVICE]);
}

static void
look_at_device(const struct past *p, const struct history *h, const struct login *l,
    struct past_look *to)
{
	uint64_t same = to->match.same[LOGIN_DEVICE];
	instant first;

	to->devices = ones(to->match.known[LOGIN_DEVICE] & h->fresh[LOGIN_DEVICE]);
	if (l->value[LOGIN_DEVICE] == 0)
		return;
	if (same != 0) {
		first = history_at(h, p->rules.logins, (unsigned)__builtin_ctzll(same));
		to->device = PAST_DEVICE_KNOWN;
		to->device_age_us = l->at > first ? l->at - first : 0;
	} else {
		to->device = cuckoo_has(p->devices, device_of(l), l->at)
		    ? PAST_DEVICE_OLD
		    : PAST_DEVICE_NEW;
	}
}

/* From the last login before this one of which it is known where he was. */
static double
speed_of(const struct past *p, const struct history *h, const struct login *l)
{
	for (unsigned i = h->n; l->place.known != 0 && i-- > 0;) {
		struct place place = history_place(h, p->rules.logins, i);
		instant at = history_at(h, p->rules.logins, i);

		if (at > l->at || place.known == 0 ||
		    network_hides((enum network_kind)place.network))
			continue;
		return travel_speed(place, at, l->place, l->at);
	}
	return 0;
}

/* Attacks are thought to be spread over users as logins are, one for each user, until it is
 * known better. */
static double
user_ratio(const struct past *p, const struct history *h)
{
	double users = (double)table_counts(p->users).cells;
	double attacks = (double)p->counts.attacks;
	double legitimate =
	    ((double)h->logins + 1) / ((double)p->counts.logins + users);

	return ((double)h->attacks / legitimate + users) / (attacks + users);
}

void
past_look_found(const struct past *p, const struct login *l, struct past_look *to)
{
	const struct history *h;

	if (to->user_slot == TABLE_NONE)
		return;
	h = table_cell(p->users, to->user_slot);
	if (p->counts.attacks > 0)
		to->user = user_ratio(p, h);
	to->logins = h->n;
	if (h->n == 0)
		return;
	history_match(h, p->rules.logins, l, &to->match);
	look_along(p, h, l, LOGIN_ADDRESS, LOGIN_AGENT, to);
	look_along(p, h, l, LOGIN_AGENT, LOGIN_DEVICE, to);
	look_at_device(p, h, l, to);
	to->speed = speed_of(p, h, l);
}

void
past_look(const struct past *p, const struct login *l, struct past_look *to)
{
	past_find(p, l, to);
	past_look_found(p, l, to);
}

/* --- Counting ------------------------------------------------------------------------ */

/* Whether the history has a login in the slice of this one, among those `same`, which have
 * its device. */
static bool
device_in_slice(
    const struct past *p, const struct history *h, const struct login *l, uint64_t same)
{
	uint64_t slice = ring_slice(p->rules.remember, DEVICE_SLICES, l->at);

	for (; same != 0; same &= same - 1) {
		instant at =
		    history_at(h, p->rules.logins, (unsigned)__builtin_ctzll(same));

		if (ring_slice(p->rules.remember, DEVICE_SLICES, at) == slice)
			return true;
	}
	return false;
}

void
past_add_seen(struct past *p, const struct login *l, const struct past_look *seen)
{
	bool fresh;
	struct history *h =
	    table_touch_slot(p->users, seen->user_slot, l->user, l->at, &fresh);

	if (l->value[LOGIN_DEVICE] != 0 &&
	    !device_in_slice(p, h, l, seen->match.same[LOGIN_DEVICE]))
		p->counts.devices_lost += !cuckoo_add(p->devices, device_of(l), l->at);
	p->counts.aged += history_add(h, p->rules.logins, l, &seen->match);
	p->counts.logins++;
	for (unsigned level = 0; level < LOGIN_DEVICE; level++)
		if (l->value[level] != 0)
			++*(uint64_t *)table_touch_slot(p->values,
			    seen->value_slot[level], l->value[level], l->at, &fresh);
}

void
past_add(struct past *p, const struct login *l)
{
	struct past_look look;

	past_look(p, l, &look);
	past_add_seen(p, l, &look);
}

static void
uncount(struct past *p, uint64_t value, instant at)
{
	bool fresh;
	uint64_t *count;

	if (value == 0 || table_find(p->values, value) == NULL)
		return;
	count = table_touch(p->values, value, at, &fresh);
	*count -= *count > 0;
	if (*count == 0)
		(void)table_erase(p->values, value);
}

/* What is empty is as if it had never been. */
static void
forget_empty(struct past *p, const struct history *h, uint64_t user)
{
	if (h->n == 0 && h->attacks == 0 && h->logins == 0)
		(void)table_erase(p->users, user);
}

void
past_remove(struct past *p, const struct login *l)
{
	bool fresh;
	struct history *h;

	assert(p->counts.logins > 0);
	p->counts.logins--;
	for (unsigned level = 0; level < LOGIN_DEVICE; level++)
		uncount(p, l->value[level], l->at);
	if (table_find(p->users, l->user) == NULL)
		return;
	h = table_touch(p->users, l->user, l->at, &fresh);
	if (history_remove(h, p->rules.logins, l) && l->value[LOGIN_DEVICE] != 0 &&
	    !device_in_slice(
		p, h, l, history_same(h, p->rules.logins, LOGIN_DEVICE, l)))
		(void)cuckoo_erase(p->devices, device_of(l), l->at);
	forget_empty(p, h, l->user);
}

void
past_attack(struct past *p, const struct login *l, int by)
{
	bool fresh;
	struct history *h;

	assert(by == 1 || by == -1);
	if (by < 0 && table_find(p->users, l->user) == NULL)
		return; /* it went with the user */
	h = table_touch(p->users, l->user, l->at, &fresh);
	if (by < 0 && h->attacks == 0)
		return;
	h->attacks += (uint32_t)by;
	p->counts.attacks += (uint64_t)by;
	forget_empty(p, h, l->user);
}

const struct past_counts *
past_counts(const struct past *p)
{
	return &p->counts;
}

/* --- Between runs -------------------------------------------------------------------- */

void
past_save(struct past *p, struct state_writer *to)
{
	state_put(to, &p->counts, sizeof p->counts);
	state_put_table(to, p->users);
	state_put_table(to, p->values);
	state_put_cuckoo(to, p->devices);
}

int
past_load(struct past *p, struct state_reader *from, struct error *error)
{
	if (state_get(from, &p->counts, sizeof p->counts) != 0)
		return error_set(error, "the snapshot is too short");
	if (state_get_table(from, p->users, error) != 0 ||
	    state_get_table(from, p->values, error) != 0 ||
	    state_get_cuckoo(from, p->devices, error) != 0)
		return -1;
	for (size_t s = table_next(p->users, 0); s != TABLE_NONE;
	     s = table_next(p->users, s + 1))
		if (((const struct history *)table_cell(p->users, s))->n >
		    p->rules.logins)
			return error_set(
			    error, "a history has more logins than it can");
	return 0;
}
