/* SPDX-License-Identifier: MIT
 *
 * player: tracks merged in the order of event time, at the speed at which they happened or
 * faster, as one record stream. Records of equal time come in the order of their tracks;
 * the order within a track is kept, whatever its times are.
 */
#ifndef BANNERPIPE_LOG_PLAYER_H
#define BANNERPIPE_LOG_PLAYER_H

#include "lib/log/track.h"

enum { PLAYER_TRACKS_MAX = 64, PLAYER_POLL_MS = 20 };

struct player;

/* `speed`: event time passes that many times as fast as time; 0: as fast as can be read.
 * Between two records lie at most max_gap_us of event time then; 0: as many as there are. */
struct player *player_new(
    const struct os *os, double speed, int64_t max_gap_us, struct error *error);
/* Takes the track over. At most PLAYER_TRACKS_MAX. */
void player_add(struct player *p, struct track *t);
/* What an input reads from; freeing it frees the player and its tracks. */
struct source *player_source(struct player *p);

struct track *player_track(struct player *p, unsigned i);
unsigned player_tracks(const struct player *p);
/* Bytes that were taken from the tracks, but not yet read from the source; and those that
 * are given before all others: they were, in an earlier run. False: no memory. */
struct slice player_left(const struct player *p);
bool player_give_first(struct player *p, struct slice bytes);

#endif
