/* SPDX-License-Identifier: MIT
 *
 * board: the requests of pages, and the decisions that answer them, however they come.
 *
 * Requests have turns in their order, and numbers, of humans and of others. In a stream
 * they are answered in it: a decision of one says that those before it get no more. A page is shown when its request is over: has
 * a decision for each position, or will get no more.
 */
#ifndef BANNERPIPE_SIMULATE_BOARD_H
#define BANNERPIPE_SIMULATE_BOARD_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/slice.h"
#include "lib/simulate/tell.h"
#include "lib/state.h"

enum {
	BOARD_SLOTS =
	    1 << 13, /* pages at most whose banners are on their way or looked at */
	BOARD_WAITING =
	    256, /* requests at most without an answer, while others decide */
	BOARD_NONE = BOARD_SLOTS,
};

/* The banners of a page. Without padding: saved as it is. */
struct slot {
	uint64_t request, session; /* request: as it is called */
	uint64_t turn;             /* of all requests */
	uint32_t visitor;
	uint16_t candidates; /* the first banners */
	uint8_t wanted;      /* positions */
	uint8_t decided;
	uint8_t who, consents;
	uint8_t
	    users; /* the page, until it is shown, and clicks to come; 0: it is free */
	uint8_t closed;                           /* it will get no more */
	uint8_t sizes[TELL_POSITIONS_MAX];        /* of ids */
	uint16_t banner[TELL_POSITIONS_MAX];      /* from 1; 0: none */
	char id[TELL_POSITIONS_MAX][TELL_ID_MAX]; /* of decisions */
	uint8_t control;  /* the visitor is of the control group */
	uint8_t category; /* of the page */
	uint8_t unused[2];
};

struct board {
	struct slot *slot; /* owned */
	uint16_t *free;    /* owned: a stack */
	unsigned n_free;
	uint64_t named[2]; /* numbers of the next ones, humans' and others' */
	uint64_t next;     /* the turn of the next request */
	uint64_t settled;  /* requests before this turn are over */
	uint16_t recent[BOARD_WAITING]; /* slot of a request, by its turn */
};

int board_init(struct board *b);
void board_fini(struct board *b);

/* A request more; BOARD_NONE: there are too many. */
unsigned board_open(
    struct board *b, const struct person *p, unsigned candidates, unsigned wanted);
/* Whether as many requests as can are without an answer. */
bool board_is_full(const struct board *b);
/* A decision for a position of a page. NULL, or what is wrong with it: a constant text. */
const char *board_put(struct board *b, unsigned slot, uint64_t position,
    unsigned banner, struct slice id);
/* The page gets no more, whatever others do. */
void board_finish(struct board *b, unsigned slot);
/* A decision of a request that waits, by its number, in a stream. NULL, or what is wrong
 * with it: a constant text. Cost: that of a look at the requests before it that wait. */
const char *board_decide(struct board *b, uint64_t request, uint64_t position,
    unsigned banner, struct slice id);
/* Requests before this turn get no more decisions. */
void board_settle(struct board *b, uint64_t turn);
bool board_is_over(const struct board *b, unsigned slot);
/* The slot stays until this was called for its page, and for every click to come. */
void board_leave(struct board *b, unsigned slot);
struct slice board_id(const struct slot *s, unsigned position);

void board_save(const struct board *b, struct state_writer *to);
int board_load(struct board *b, struct state_reader *from, unsigned banners);

#endif
