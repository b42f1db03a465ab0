/* SPDX-License-Identifier: MIT
 *
 * sources: the trails of users and of addresses, and how each is beside its peers.
 */
#ifndef BANNERPIPE_FRAUD_SOURCES_H
#define BANNERPIPE_FRAUD_SOURCES_H

#include "lib/fraud/signal.h"
#include "lib/fraud/trail.h"
#include "lib/state/block.h"

/* Also where those signals are that there is one of for each: SIGNAL_GAP_USER + source. */
enum sources_kind { SOURCE_USER, SOURCE_ADDRESS, SOURCES };

struct fraud_event;
struct sources;

/* NULL: there is no memory. */
struct sources *sources_new(uint64_t memory_bytes);
void sources_free(struct sources *s);

/* Where the trails of an event lie: what is wrong costs time and is not trusted. */
struct sources_hint {
	uint32_t slot[SOURCES];
};

/* Bring in what finds the trails, then find them and bring them in; or bring in what was
 * found earlier. */
void sources_prefetch(const struct sources *s, const struct lattice_point *p);
void sources_find(
    const struct sources *s, const struct lattice_point *p, struct sources_hint *to);
void sources_prefetch_found(const struct sources *s, const struct lattice_point *p,
    const struct sources_hint *h);

/* The field that tells it. */
static inline enum lattice_field
source_field(enum sources_kind i)
{
	return i == SOURCE_USER ? LATTICE_USER : LATTICE_ADDRESS;
}

static inline bool
source_is_known(const struct lattice_point *p, enum sources_kind i)
{
	return (p->present >> source_field(i) & 1) != 0;
}

/* The rate of clicks that is usual; 0: not known. */
double sources_rate(const struct sources *s);
/* An event of a source that is known: measures it into the look, whose sets are counted.
 * The hint, of sources_find, becomes where it lies.
 * Of a click the number of the one before, which waits or waited, else 0; the next click
 * will be told that it was this one, `number`. `seen` becomes how many events it had. */
uint64_t sources_add(struct sources *s, enum sources_kind i,
    const struct fraud_event *e, uint64_t number, struct look *look, uint32_t *seen,
    struct sources_hint *hint);
/* As it is now, into the look, with how many events came after the first `seen`. What is no
 * longer known stands. */
void sources_measure(const struct sources *s, enum sources_kind i,
    const struct lattice_point *p, uint32_t seen, struct look *look,
    const struct sources_hint *hint);

uint64_t sources_evicted(const struct sources *s);

void sources_save(struct sources *s, struct state_writer *to);
int sources_load(struct sources *s, struct state_reader *from, struct error *error);

#endif
