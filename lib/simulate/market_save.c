/* SPDX-License-Identifier: MIT
 *
 * Snapshots of a market.
 */
#include "lib/simulate/market.h"

#include "lib/simulate/visit.h"

static void
put_regret(struct state_writer *to, const struct regret *r)
{
	state_put_u64(to, r->impressions);
	state_put_u64(to, r->clicks);
	state_put_double(to, r->policy);
	state_put_double(to, r->uniform);
	state_put_double(to, r->informed);
	state_put_double(to, r->oracle);
}

static int
get_regret(struct state_reader *from, struct regret *r)
{
	return state_get_u64(from, &r->impressions) != 0 ||
		state_get_u64(from, &r->clicks) != 0 ||
		state_get_double(from, &r->policy) != 0 ||
		state_get_double(from, &r->uniform) != 0 ||
		state_get_double(from, &r->informed) != 0 ||
		state_get_double(from, &r->oracle) != 0
	    ? -1
	    : 0;
}

void
market_save(const struct market *s, struct state_writer *to)
{
	world_save(&s->world, to);
	board_save(&s->board, to);
	state_put_u64(to, s->agenda.n);
	state_put_u64(to, s->agenda.order);
	state_put(to, s->agenda.heap, s->agenda.n * sizeof *s->agenda.heap);
	state_put(to, &s->counts, sizeof s->counts);
	for (unsigned i = 0; i < 2; i++) {
		put_regret(to, &s->part[i]);
		put_regret(to, &s->total[i]);
	}
	for (unsigned i = 0; i < 2; i++) {
		state_put_u64(to, s->tell.told[i]);
		state_put_u64(to, s->orders[i]);
	}
	state_put_u64(to, s->windows);
	state_put_i64(to, s->now);
	state_put_i64(to, s->part_start);
	state_put_i64(to, s->ticked);
	state_put_i64(to, s->awaited);
	state_put_u64(to, s->ticked_next);
	state_put_u64(to, s->open);
	state_put_u64(to, s->ended);
}

/* What the agenda is about must be there. */
static bool
is_sound(const struct market *s, const struct happening *h)
{
	bool click = h->kind == VISIT_CLICK || h->kind == VISIT_CLICK_AGAIN;
	bool banner = h->kind == VISIT_SHOW || click;
	bool order = h->kind == VISIT_PURCHASE || h->kind == VISIT_REFUND;
	bool human = h->who == WHO_HUMAN || h->who == WHO_PREFETCH ||
	    h->who == WHO_TAKEOVER || h->who == WHO_FRIENDLY;

	return h->kind >= VISIT_ARRIVAL && h->kind <= VISIT_REPORT &&
	    (h->kind != VISIT_ARRIVAL ||
		(h->who < WHO_COUNT &&
		    who_per_human(s->o.attack, (enum who)h->who) > 0)) &&
	    h->who < WHO_COUNT && h->visitor < WORLD_VISITORS_MAX &&
	    (!human || h->visitor < s->o.world.visitors) &&
	    (!banner ||
		(h->slot < BOARD_SLOTS && s->board.slot[h->slot].users > 0 &&
		    h->position < TELL_POSITIONS_MAX)) &&
	    (!click || s->board.slot[h->slot].banner[h->position] > 0) &&
	    (!order || h->number < TELL_ITEMS);
}

int
market_load(struct market *s, struct state_reader *from)
{
	uint64_t n, open, ended;

	if (world_load(&s->world, from) != 0 ||
	    board_load(&s->board, from, s->world.n) != 0 ||
	    state_get_u64(from, &n) != 0 || n > s->agenda.room ||
	    state_get_u64(from, &s->agenda.order) != 0 ||
	    state_get(from, s->agenda.heap, n * sizeof *s->agenda.heap) != 0 ||
	    state_get(from, &s->counts, sizeof s->counts) != 0 ||
	    get_regret(from, &s->part[0]) != 0 || get_regret(from, &s->total[0]) != 0 ||
	    get_regret(from, &s->part[1]) != 0 || get_regret(from, &s->total[1]) != 0 ||
	    state_get_u64(from, &s->tell.told[0]) != 0 ||
	    state_get_u64(from, &s->orders[0]) != 0 ||
	    state_get_u64(from, &s->tell.told[1]) != 0 ||
	    state_get_u64(from, &s->orders[1]) != 0 ||
	    state_get_u64(from, &s->windows) != 0 ||
	    state_get_i64(from, &s->now) != 0 ||
	    state_get_i64(from, &s->part_start) != 0 ||
	    state_get_i64(from, &s->ticked) != 0 ||
	    state_get_i64(from, &s->awaited) != 0 ||
	    state_get_u64(from, &s->ticked_next) != 0 ||
	    state_get_u64(from, &open) != 0 || state_get_u64(from, &ended) != 0)
		return -1;
	informed_learn(&s->informed, &s->world);
	s->agenda.n = (uint32_t)n;
	s->open = open != 0;
	s->ended = ended != 0;
	for (uint32_t i = 0; i < s->agenda.n; i++)
		if (!is_sound(s, &s->agenda.heap[i]))
			return -1;
	return 0;
}
