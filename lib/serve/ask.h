/* SPDX-License-Identifier: MIT
 *
 * ask: what clients send, JSON, msgpack or a query, as one map of msgpack that was checked:
 * well-formed, UTF-8, within the limits of records and those below.
 */
#ifndef BANNERPIPE_SERVE_ASK_H
#define BANNERPIPE_SERVE_ASK_H

#include "lib/record/build.h"
#include "lib/record/record.h"

enum {
	ASK_BODY_MAX = 64 << 10,
	ASK_MAP_MAX = 256 << 10, /* of what a body becomes */
	ASK_PAIRS_MAX = 64,      /* of the map itself */
};

struct asker {
	struct reader *reader; /* owned, as are these */
	struct json *json;
	uint8_t *text, *map;
	char wrong[192];
};

/* -1: no memory. */
int asker_init(struct asker *a);
void asker_fini(struct asker *a);

/* Each gives the map, borrowed until the next call, or NULL at *to.at and says what is
 * wrong: borrowed, too. */
const char *ask_body(
    struct asker *a, struct slice body, bool msgpack, struct slice *to);
/* user_id, anonymous_id, session_id, slot_id; width, height, k; candidates, separated by
 * commas; consent, 0 or 1; and context.NAME, which becomes a pair of the context. Other
 * names are passed over. */
const char *ask_query(struct asker *a, struct slice query, struct slice *to);

/* What may be done with what a map says. `signal`: the browser asks not to be followed
 * (Global Privacy Control). Without consent nothing but the context is kept. Where
 * nothing is said of consent, it was asked for before. */
bool ask_consents(struct slice map, bool signal);
/* Append the pairs that records take over, but those that `over` has (absent: none), and
 * count them. Pairs that only we say ourselves are left out, and without consent all but
 * slot_id, context, width, height and what is of the auction. */
unsigned ask_pairs(
    struct slice map, struct slice over, bool consents, struct build *to);
/* Whether a key says nothing of the user: what is kept without consent. And whether it is
 * one that records of banners and what came of them have, and says nothing of him. */
bool ask_is_impersonal(struct slice name);
bool ask_is_of_banner(struct slice name);
/* Append a pair `consent` that says so; as it was said, when he consents. */
unsigned ask_consent_pair(
    struct slice map, bool signal, bool consents, struct build *to);

#endif
