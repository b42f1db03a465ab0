/* SPDX-License-Identifier: MIT
 *
 * window: counters over event time, one per key or one at a time.
 *
 * A rule says what is counted: amounts within a sliding window, amounts that fade with
 * a half-life, amounts of the current session, or the time since the last event. A
 * counter is a cell of plain bytes (zero is an empty one), so that several can lie side
 * by side in one cell of a table. The keyed struct window below is one counter per key.
 *
 * Amounts are signed: adding -x at the instant of an earlier x takes it back exactly
 *(in a sliding window or session, to the precision of a sum of doubles; whole numbers
 * below 2^53 are exact). Instants may come in any order: an old amount goes where it
 * belongs in event time.
 *
 *	WINDOW_SLIDING  the ring of `slices` sub-windows of length/slices each. The sum at
 *	                t is over (t - length, t], less what lies in the oldest slice but
 *	                after t - length: nothing older than the window ever counts, and
 *	                what is missing is part of one slice. (Datar, Gionis, Indyk and
 *	                Motwani, "Maintaining stream statistics over sliding windows",
 *	                SIAM J. Comput. 2002, is the bounded-error alternative; slices can
 *	                be subtracted from.)
 *	WINDOW_DECAYED  sum of x * 2^(-(t - t_x) / length). (Cormode, Shkapenyuk,
 *	                Srivastava and Xu, "Forward decay", ICDE 2009.) Exact in any order.
 *	WINDOW_SESSION  amounts since the last pause longer than `length`; 0 when the last
 *	                event is longer ago. Of a session that a later one has replaced,
 *	                nothing is kept.
 *	WINDOW_SINCE    microseconds since the last event; infinite when there was none.
 *	                The amount does not matter.
 */
#ifndef BANNERPIPE_WINDOW_H
#define BANNERPIPE_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/base/slice.h"
#include "lib/table.h"
#include "lib/when.h"

enum window_kind { WINDOW_SLIDING, WINDOW_DECAYED, WINDOW_SESSION, WINDOW_SINCE };

enum { WINDOW_SLICES_MAX = 1024 };

struct window_rule {
	enum window_kind kind;
	struct span
	    length;      /* of the window, half-life, pause; positive (any for SINCE) */
	unsigned slices; /* of a sliding window, 1..WINDOW_SLICES_MAX: more are finer */
};

/* One counter: cells of window_cell_size bytes, aligned to 8 bytes, zeroed at first. A
 * sliding window is rounded up to a multiple of `slices` microseconds.
 * Cost of each call: 5 ns to 15 ns, with 12 slices about 20 ns. */
size_t window_cell_size(struct window_rule rule);

/* Add an amount at an instant (within +-WHEN_MAX). False, and nothing changed, when it
 * lies before everything that the counter still tells apart: it is late. */
bool window_cell_add(struct window_rule rule, void *cell, instant when, double amount);

/* What the counter says at an instant, of events up to it. Events after `when` that
 * were added already do not count in a sliding window (to a slice); other kinds answer
 * as of the last event added. */
double window_cell_read(struct window_rule rule, const void *cell, instant when);

/* The current session: its first and last event and its number among the key's, from 1.
 * False when there was none. */
struct window_session {
	instant first, last;
	double sum;
	uint64_t number;
};

bool window_cell_session(
    struct window_rule rule, const void *cell, struct window_session *to);

/* Counters of one rule by 64-bit key (a hash) in at most memory_bytes. When the memory
 * is full, the key that was added to longest ago loses its counter. NULL when there is
 * too little memory. Owned by the caller. */
struct window *window_new(struct window_rule rule, uint64_t memory_bytes);
void window_free(struct window *w);

/* Add, and answer what the counter says at that instant, this amount included. A late
 * amount changes nothing and is counted. */
double window_add(struct window *w, uint64_t key, instant when, double amount);
/* What it says; for a key without counter, what an empty one says. */
double window_read(const struct window *w, uint64_t key, instant when);
void window_prefetch(const struct window *w, uint64_t key);

uint64_t window_late(const struct window *w);
/* The table of the counters: its counts, its cells, its bytes for a snapshot. */
struct table *window_table(struct window *w);

#endif
