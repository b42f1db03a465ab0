/* SPDX-License-Identifier: MIT
 *
 * journal: the examples that a model has learned of late, so that it can learn them again
 * without some of them. Two models and a ring of bytes:
 *
 *	base  the model as of `span` of event time ago: what leaves the ring is learned there
 *	ring  what was learned since, in its order, and whether it was taken back
 *	now   the caller's: base and all of the ring
 *
 * To take an example back is to mark it. journal_settle then gives the model that has learned
 * the same examples in the same order without those that are marked: a copy of base that
 * learns the ring. It is the same, to the bit, as one that was never taught them. Sources of
 * the idea: Cao and Yang, IEEE S&P 2015; Bourtoule et al., IEEE S&P 2021 (SISA).
 *
 * Cost: every example is learned twice, and once more whenever the model is settled. When the
 * ring is full the oldest leave it early. What has left it cannot be taken back exactly.
 */
#ifndef BANNERPIPE_MODEL_JOURNAL_H
#define BANNERPIPE_MODEL_JOURNAL_H

#include "lib/hash.h"
#include "lib/model/model.h"
#include "lib/when.h"

struct journal_counts {
	uint64_t taken_back; /* exactly: marked */
	uint64_t too_late;   /* that had left the ring, or were never in it */
	uint64_t early;      /* that left the ring for want of room */
	uint64_t settled;    /* how often */
	uint64_t relearned;  /* examples, in doing so */
	/* Of what was taken back, how far the log-odds that were said of it before it was
	 * settled were from those after. */
	uint64_t measured;
	double error_sum, error_max;
};

struct journal {
	const struct os *os;
	int64_t span_us, every_us;
	uint64_t model_bytes;
	struct model *base; /* owned */
	uint8_t *ring;      /* owned */
	uint64_t size;      /* of it, a power of two */
	uint64_t tail,
	    head; /* offsets that never fall; the ring has those modulo its size */
	/* Owned; of a bucket of identities the last that can still be taken back: where, and
	 * 0 for nowhere. */
	uint64_t *newest;
	uint64_t buckets;          /* a power of two */
	uint64_t entries, pending; /* marked since it was settled */
	instant last, settled_at;
	struct dirty dirty;
	struct journal_counts counts;
};

/* For models of these options within model_bytes, with about as much for the ring. every_us:
 * the least event time between two settlements. NULL and error. */
struct journal *journal_new(const struct model_options *o, int64_t span_us,
    int64_t every_us, uint64_t model_bytes, uint64_t ring_bytes, const struct os *os,
    struct error *error);
void journal_free(struct journal *j);
/* Begin with what a model knows already. */
int journal_begin(struct journal *j, const struct model *m, struct error *error);

/* Who an example is, and its opposite: of two with the same identity the later one is taken
 * back first. All of it comes from outside, so that it is hashed with a key. Cost: 100 ns for
 * 30 features. */
uint64_t journal_identity(struct hash_key key, struct slice id,
    const struct features *f, const struct model_example *e);

/* The time of the examples to come; what is older than the span leaves the ring. */
void journal_go_on(struct journal *j, instant now);
/* `m` has learned it. Copies. */
void journal_note(struct journal *j, const struct model *m, const struct features *f,
    const struct model_example *e, uint64_t identity);
/* Mark the example that this is the opposite of. False: it is not in the ring. Cost: a look at
 * those that share its bucket and can be taken back, one or two, whatever came before. */
bool journal_take_back(
    struct journal *j, const struct model_example *e, uint64_t identity);

/* Whether something is marked and the last settlement long enough ago. */
static inline bool
journal_is_due(const struct journal *j)
{
	return j->pending > 0 && j->last - j->settled_at >= j->every_us;
}
/* The model without what is marked; `now`, as it was until then, is compared with it. Owned by
 * the caller; nobody sees it yet. NULL and error. journal_peek is the same and counts
 * nothing. */
struct model *journal_settle(struct journal *j, struct model *now, struct error *error);
struct model *journal_peek(const struct journal *j, struct error *error);

void journal_save(struct journal *j, struct state_writer *to);
/* Into one that has noted nothing. */
int journal_load(struct journal *j, struct state_reader *from, struct error *error);

#endif
