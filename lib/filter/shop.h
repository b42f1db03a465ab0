/* SPDX-License-Identifier: MIT
 *
 * shop: the catalogue of a filter: read from --catalogue at the start and on HUP, kept up
 * to date by the records of the stream; the candidates of requests.
 */
#ifndef BANNERPIPE_FILTER_SHOP_H
#define BANNERPIPE_FILTER_SHOP_H

#include "lib/delivery/catalogue.h"
#include "lib/filter.h"

enum {
	SHOP_CANDIDATES_MAX = CATALOGUE_CREATIVES_MAX,
	SHOP_LISTS = 7, /* of a request, with an item for each candidate */
};

/* Someone who may be shown, of a request or as eligible. */
struct candidate {
	struct slice id; /* the value as it is in the request; absent: of the row */
	uint64_t hash;  /* catalogue_hash of the id; of what it is composed of, if so */
	uint32_t row;   /* CATALOGUE_NONE: the catalogue does not have it */
	uint32_t place; /* in the request's list */
	uint64_t campaign; /* hash; 0: none that is known */
};

struct shop {
	struct catalogue *catalogue; /* owned */
	const char *path;
	struct candidate *candidates; /* owned; those of the request at hand */
	uint32_t count,
	    before;         /* before: that the request names, or that are eligible */
	bool asked;         /* the request names its candidates */
	bool news;          /* some of them by what they are composed of */
	uint32_t *eligible; /* owned; scratch */
	uint64_t memory_bytes;
	uint64_t refused; /* rows of the file */
	uint64_t file;    /* catalogue_digest of what the file says */
	struct key keys[4], lists[SHOP_LISTS];
};

/* In start: read the catalogue, if there is a path. 0, or -1 after run_usage. The memory
 * is for the records of the rows, twice of it while they are read again. */
int shop_open(struct shop *s, struct run *run, const char *path, uint64_t memory_bytes);
void shop_close(struct shop *s);
/* A campaign, creative or item of the stream: what `each` returns. */
enum verdict shop_take(struct shop *s, struct run *run, const struct record *r);
/* For `reload`: always 0; what is wrong is said, and what was before stays. */
int shop_reload(struct shop *s, struct run *run);

/* The candidates of a request: those that it names (with a creative of parts all of its
 * compositions), or, when it names none and there are
 * creatives, those that are eligible. PASS; DROP: there are none to be looked at, it goes
 * out as it is; or REJECT. */
enum verdict shop_candidates(
    struct shop *s, struct run *run, const struct record *request, instant when);
/* Keep the candidate at `from` as the `to`-th, to <= from. */
static inline void
shop_keep(struct shop *s, uint32_t from, uint32_t to)
{
	s->candidates[to] = s->candidates[from];
}
/* The first n are left: edit the request, if that is news, and the lists that have an item
 * for each candidate. Those of the catalogue come with what they are worth by it. */
void shop_write(
    struct shop *s, struct run *run, const struct record *request, uint32_t n);

/* The creative and campaign that a decision, impression or click is of; a composition that
 * is no more has the row of another one. False when it names no creative. */
bool shop_shown(const struct shop *s, const struct record *r, struct candidate *to);

/* The catalogue goes on as it was, whatever the stream made of it; when the file is another
 * by now, as if it had been read again. 0, or -1 after run_fail. `catalogue` is another. */
void shop_save(const struct shop *s, struct state_writer *to);
int shop_load(struct shop *s, struct run *run, struct state_reader *from);

#endif
