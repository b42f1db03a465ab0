/* SPDX-License-Identifier: MIT */
#include "lib/simulate/board.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"

_Static_assert(sizeof(struct slot) == 576, "saved as it is");

static void
free_all(struct board *b)
{
	b->n_free = 0;
	for (unsigned i = BOARD_SLOTS; i > 0; i--)
		if (b->slot[i - 1].users == 0)
			b->free[b->n_free++] = (uint16_t)(i - 1);
}

int
board_init(struct board *b)
{
	*b = (struct board){ .slot = calloc(BOARD_SLOTS, sizeof *b->slot),
		.free = calloc(BOARD_SLOTS, sizeof *b->free) };
	if (b->slot == NULL || b->free == NULL)
		return -1;
	free_all(b);
	return 0;
}

void
board_fini(struct board *b)
{
	free(b->slot);
	free(b->free);
	b->slot = NULL;
	b->free = NULL;
}

unsigned
board_open(
    struct board *b, const struct person *p, unsigned candidates, unsigned wanted)
{
	unsigned i;

	assert(wanted <= TELL_POSITIONS_MAX && candidates <= RATES_MAX);
	if (b->n_free == 0)
		return BOARD_NONE;
	i = b->free[--b->n_free];
	b->slot[i] = (struct slot){ .request = who_numbers(p->who) +
		    b->named[p->who != WHO_HUMAN]++,
		.turn = b->next,
		.session = p->session,
		.visitor = p->visitor,
		.candidates = (uint16_t)candidates,
		.wanted = (uint8_t)(wanted < candidates ? wanted : candidates),
		.who = (uint8_t)p->who,
		.consents = p->consents,
		.users = 1 };
	b->recent[b->next % BOARD_WAITING] = (uint16_t)i;
	b->next++;
	return i;
}

bool
board_is_full(const struct board *b)
{
	return b->next - b->settled >= BOARD_WAITING;
}

const char *
board_put(
    struct board *b, unsigned slot, uint64_t position, unsigned banner, struct slice id)
{
	struct slot *s = &b->slot[slot];

	if (position >= s->wanted)
		return "of a position that was not asked for";
	if (s->banner[position] != 0)
		return "of a position that has one already";
	if (banner >= s->candidates)
		return "for a banner that is no candidate";
	if (id.size == 0 || id.size > TELL_ID_MAX)
		return "whose decision_id has not 1 to 64 bytes";
	s->banner[position] = (uint16_t)(banner + 1);
	s->sizes[position] = (uint8_t)id.size;
	memcpy(s->id[position], id.at, id.size);
	s->decided++;
	return NULL;
}

void
board_finish(struct board *b, unsigned slot)
{
	b->slot[slot].closed = 1;
}

/* The next one: none of that number waits. */
static uint64_t
turn_of(const struct board *b, uint64_t request)
{
	uint64_t turn = b->settled;

	if (b->next - turn > BOARD_WAITING)
		turn = b->next - BOARD_WAITING;
	for (; turn < b->next; turn++) {
		const struct slot *s = &b->slot[b->recent[turn % BOARD_WAITING]];

		if (s->turn == turn && s->request == request)
			break;
	}
	return turn;
}

const char *
board_decide(struct board *b, uint64_t request, uint64_t position, unsigned banner,
    struct slice id)
{
	uint64_t turn = turn_of(b, request);
	const char *wrong;
	unsigned slot;

	if (turn == b->next)
		return "of a request that does not wait";
	slot = b->recent[turn % BOARD_WAITING];
	wrong = board_put(b, slot, position, banner, id);
	if (wrong == NULL)
		board_settle(b, turn + (b->slot[slot].decided == b->slot[slot].wanted));
	return wrong;
}

void
board_settle(struct board *b, uint64_t turn)
{
	if (turn > b->settled)
		b->settled = turn < b->next ? turn : b->next;
}

bool
board_is_over(const struct board *b, unsigned slot)
{
	const struct slot *s = &b->slot[slot];

	return s->turn < b->settled || s->closed || s->decided == s->wanted;
}

void
board_leave(struct board *b, unsigned slot)
{
	struct slot *s = &b->slot[slot];

	assert(s->users > 0);
	if (--s->users == 0)
		b->free[b->n_free++] = (uint16_t)slot;
}

struct slice
board_id(const struct slot *s, unsigned position)
{
	return slice_of(s->id[position], s->sizes[position]);
}

void
board_save(const struct board *b, struct state_writer *to)
{
	state_put_u64(to, b->named[0]);
	state_put_u64(to, b->named[1]);
	state_put_u64(to, b->next);
	state_put_u64(to, b->settled);
	state_put(to, b->recent, sizeof b->recent);
	state_put_u64(to, BOARD_SLOTS - b->n_free);
	for (unsigned i = 0; i < BOARD_SLOTS; i++)
		if (b->slot[i].users > 0) {
			state_put_u64(to, i);
			state_put(to, &b->slot[i], sizeof b->slot[i]);
		}
	/* Which slot is taken next does not matter to what is written. */
}

static bool
is_sound(const struct slot *s, unsigned banners)
{
	bool sound = s->candidates <= banners && s->wanted <= TELL_POSITIONS_MAX &&
	    s->decided <= s->wanted && s->users > 0 && s->control <= 1 &&
	    s->category < WORLD_CATEGORIES;

	for (unsigned i = 0; i < TELL_POSITIONS_MAX; i++)
		sound = sound && s->sizes[i] <= TELL_ID_MAX &&
		    s->banner[i] <= s->candidates;
	return sound;
}

int
board_load(struct board *b, struct state_reader *from, unsigned banners)
{
	uint64_t n, i;

	if (state_get_u64(from, &b->named[0]) != 0 ||
	    state_get_u64(from, &b->named[1]) != 0 ||
	    state_get_u64(from, &b->next) != 0 ||
	    state_get_u64(from, &b->settled) != 0 ||
	    state_get(from, b->recent, sizeof b->recent) != 0 ||
	    state_get_u64(from, &n) != 0 || n > BOARD_SLOTS)
		return -1;
	for (unsigned k = 0; k < BOARD_WAITING; k++)
		if (b->recent[k] >= BOARD_SLOTS)
			return -1;
	while (n-- > 0)
		if (state_get_u64(from, &i) != 0 || i >= BOARD_SLOTS ||
		    state_get(from, &b->slot[i], sizeof b->slot[i]) != 0 ||
		    !is_sound(&b->slot[i], banners))
			return -1;
	free_all(b);
	return 0;
}
