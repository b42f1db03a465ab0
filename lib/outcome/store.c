/* SPDX-License-Identifier: MIT */
#include "lib/outcome/store.h"

#include <stdlib.h>
#include <string.h>

#include "lib/hash.h"

enum { MEMORY_MIN = 4 << 20, ROOM_LINKS = BANNER_LINKS + 2 };

/* Bytes for each banner: a third of it for what it carries, and shares of the lists
 * that only some banners have. */
enum {
	CHUNKS_PER_BANNER = 3,
	LINKS_PER_BANNER = 5, /* and those of marks and conversions */
	BANNERS_PER_MARK = 4,
	BANNERS_PER_CONVERSION = 8,
	BANNERS_PER_CREDIT = 2,
	BANNER_BYTES = sizeof(struct banner) + QUEUE_ENTRY_BYTES +
	    CHUNKS_PER_BANNER * POOL_CHUNK + LINKS_PER_BANNER * INDEX_LINK_BYTES +
	    sizeof(struct mark) / BANNERS_PER_MARK +
	    (sizeof(struct conversion) + QUEUE_ENTRY_BYTES) / BANNERS_PER_CONVERSION +
	    sizeof(struct credit) / BANNERS_PER_CREDIT + 8,
};

static const char *const own_keys[] = { "event", "event_id", "timestamp", "received_at",
	"weight", "shown_at", "reward", "rewards", "delay_us", "complete",
	"attribution", "revision", "revises", "cause", "verdict", "void" };

static int
init_pools(struct outcomes *o, uint64_t memory_bytes)
{
	uint64_t fit =
	    (memory_bytes - 2 * RECORD_SIZE_MAX - (256 << 10)) / BANNER_BYTES;
	uint32_t n = fit < UINT32_MAX / 16 ? (uint32_t)fit : UINT32_MAX / 16;
	uint32_t conversions = n / BANNERS_PER_CONVERSION + 16;

	return pool_init(&o->banners, sizeof(struct banner), n) == 0 &&
		pool_init(&o->chunks, POOL_CHUNK, n * CHUNKS_PER_BANNER) == 0 &&
		pool_init(&o->marks, sizeof(struct mark), n / BANNERS_PER_MARK + 16) ==
		    0 &&
		pool_init(&o->conversions, sizeof(struct conversion), conversions) ==
		    0 &&
		pool_init(&o->credits, sizeof(struct credit),
		    n / BANNERS_PER_CREDIT + 2 * OUTCOME_TOUCHES_MAX) == 0 &&
		index_init(&o->index, n * LINKS_PER_BANNER) == 0 &&
		queue_init(&o->due, n) == 0 && queue_init(&o->expiry, conversions) == 0
	    ? 0
	    : -1;
}

struct outcomes *
outcomes_new(const struct outcome_rules *rules, struct reader *reader,
    uint64_t memory_bytes, outcome_emit *emit, void *context, struct error *error)
{
	struct outcomes *o = NULL;
	void *merged, *made;

	if (memory_bytes >= MEMORY_MIN)
		o = calloc(1, sizeof *o);
	if (o == NULL) {
		(void)error_set(
		    error, "no memory for what waits (give more with --memory)");
		return NULL;
	}
	o->rules = *rules;
	o->emit = emit;
	o->context = context;
	o->clock = o->latest = o->given_at = WHEN_NEVER;
	o->left_out_count = sizeof own_keys / sizeof *own_keys;
	for (unsigned i = 0; i < o->left_out_count; i++)
		o->left_out[i] = reader_key(reader, own_keys[i]);
	merged = malloc(RECORD_SIZE_MAX);
	made = malloc(RECORD_SIZE_MAX);
	build_init(&o->merged, merged, merged == NULL ? 0 : RECORD_SIZE_MAX);
	build_init(&o->made, made, made == NULL ? 0 : RECORD_SIZE_MAX);
	if (merged == NULL || made == NULL || init_pools(o, memory_bytes) != 0) {
		(void)error_set(error, "no memory for what waits");
		outcomes_free(o);
		return NULL;
	}
	return o;
}

void
outcomes_free(struct outcomes *o)
{
	if (o == NULL)
		return;
	free(o->merged.start);
	free(o->made.start);
	pool_fini(&o->banners);
	pool_fini(&o->chunks);
	pool_fini(&o->marks);
	pool_fini(&o->conversions);
	pool_fini(&o->credits);
	index_fini(&o->index);
	queue_fini(&o->due);
	queue_fini(&o->expiry);
	free(o);
}

const struct outcome_counts *
outcomes_counts(const struct outcomes *o)
{
	return &o->counts;
}

/* --- Links and nodes ------------------------------------------------------------- */

uint32_t
store_link(struct outcomes *o, enum store_key kind, uint64_t key, uint32_t reference)
{
	return key == 0 ? 0 : index_add(&o->index, hash_pair(kind, key), reference);
}

uint32_t
store_find(const struct outcomes *o, enum store_key kind, uint64_t key)
{
	return key == 0 ? 0 : index_find(&o->index, hash_pair(kind, key));
}

void
store_prefetch(const struct outcomes *o, enum store_key kind, uint64_t key)
{
	if (key != 0)
		index_prefetch(&o->index, hash_pair(kind, key));
}

static void
forget_marks(struct outcomes *o, uint32_t first)
{
	while (first != 0) {
		struct mark *m = store_mark(o, first);
		uint32_t next = m->next;

		if (m->link != 0)
			index_remove(&o->index, m->link);
		pool_give(&o->marks, first);
		first = next;
	}
}

/* Banners go mostly in the order in which they came. */
static void
prefetch_links(const struct outcomes *o, const struct banner *b)
{
	for (unsigned i = 0; i < b->link_count; i++)
		index_prefetch_link(&o->index, b->links[i]);
}

void
store_unlink(struct outcomes *o, struct banner *b)
{
	while (b->link_count > 0)
		index_remove(&o->index, b->links[--b->link_count]);
	if (b->clicked_link != 0)
		index_remove(&o->index, b->clicked_link);
	b->clicked_link = 0;
}

/* The list that it is in: of those that wait, or of those that are kept. */
static void
append(struct outcomes *o, struct banner *b, uint32_t number)
{
	uint32_t *first = b->kept ? &o->kept_oldest : &o->oldest;
	uint32_t *last = b->kept ? &o->kept_newest : &o->newest;

	b->older = *last;
	b->newer = 0;
	*(*last != 0 ? &store_banner(o, *last)->newer : first) = number;
	*last = number;
}

static void
take_out(struct outcomes *o, const struct banner *b)
{
	uint32_t *first = b->kept ? &o->kept_oldest : &o->oldest;
	uint32_t *last = b->kept ? &o->kept_newest : &o->newest;

	*(b->older != 0 ? &store_banner(o, b->older)->newer : first) = b->newer;
	*(b->newer != 0 ? &store_banner(o, b->newer)->older : last) = b->older;
}

uint32_t
store_make(struct outcomes *o)
{
	uint32_t number = pool_take(&o->banners);
	struct banner *b = store_banner(o, number);

	b->rank = ++o->arrived;
	append(o, b, number);
	return number;
}

void
store_keep(struct outcomes *o, uint32_t number)
{
	struct banner *b = store_banner(o, number);

	take_out(o, b);
	b->kept = 1;
	append(o, b, number);
}

void
store_forget(struct outcomes *o, uint32_t number)
{
	struct banner *b = store_banner(o, number);

	take_out(o, b);
	if (b->newer != 0)
		prefetch_links(o, store_banner(o, b->newer));
	store_unlink(o, b);
	forget_marks(o, b->clicks);
	credit_settle(o, number);
	pool_drop(&o->chunks, b->carried);
	if (queue_has(&o->due, number))
		queue_remove(&o->due, number);
	pool_give(&o->banners, number);
}

void
store_forget_conversion(struct outcomes *o, uint32_t number)
{
	struct conversion *c = store_conversion(o, number);

	for (uint32_t i = c->credits; i != 0;
	     i = store_credit(o, i)->next_of_conversion)
		store_credit(o, i)->conversion = 0;
	forget_marks(o, c->refunds);
	for (unsigned i = 0; i < 3; i++)
		if (c->links[i] != 0)
			index_remove(&o->index, c->links[i]);
	queue_remove(&o->expiry, number);
	pool_give(&o->conversions, number);
}

enum outcome_found
store_room(struct outcomes *o, size_t bytes)
{
	uint32_t chunks = pool_chunks(bytes) + 2;

	if (chunks > o->chunks.capacity / 2)
		return OUTCOME_LARGE;
	if (pool_left(&o->conversions) == 0)
		store_forget_conversion(o, queue_first(&o->expiry));
	while (pool_left(&o->banners) == 0 || pool_left(&o->chunks) < chunks ||
	    pool_left(&o->marks) == 0 || pool_left(&o->index.links) < ROOM_LINKS ||
	    pool_left(&o->credits) < OUTCOME_TOUCHES_MAX) {
		if (o->oldest + o->kept_oldest != 0) {
			if (give_early(o) != 0)
				return OUTCOME_FAILED;
		} else {
			store_forget_conversion(o, queue_first(&o->expiry));
		}
	}
	return OUTCOME_TAKEN;
}

/* --- Snapshots -------------------------------------------------------------------- */

int
outcomes_save(struct outcomes *o, struct state_writer *to)
{
	pool_save(&o->banners, to);
	pool_save(&o->chunks, to);
	pool_save(&o->marks, to);
	pool_save(&o->conversions, to);
	pool_save(&o->credits, to);
	pool_save(&o->index.links, to);
	queue_save(&o->due, to);
	queue_save(&o->expiry, to);
	state_put_u64(to, o->arrived);
	state_put_u64(to, (uint64_t)o->oldest << 32 | o->newest);
	state_put_u64(to, (uint64_t)o->kept_oldest << 32 | o->kept_newest);
	state_put_i64(to, o->clock);
	state_put_i64(to, o->latest);
	state_put_i64(to, o->given_at);
	state_put_u64(to, o->any_out);
	state_put(to, &o->reasons, sizeof o->reasons);
	state_put(to, &o->counts, sizeof o->counts);
	return 0;
}

int
outcomes_load(struct outcomes *o, struct state_reader *from, struct error *error)
{
	struct pool *pools[] = { &o->banners, &o->chunks, &o->marks, &o->conversions,
		&o->credits, &o->index.links };

	uint64_t ends, kept;

	for (unsigned i = 0; i < sizeof pools / sizeof *pools; i++)
		if (pool_load(pools[i], from, error) != 0)
			return -1;
	if (queue_load(&o->due, from, error) != 0 ||
	    queue_load(&o->expiry, from, error) != 0)
		return -1;
	if (state_get_u64(from, &o->arrived) != 0 || state_get_u64(from, &ends) != 0 ||
	    state_get_u64(from, &kept) != 0 || state_get_i64(from, &o->clock) != 0 ||
	    state_get_i64(from, &o->latest) != 0 ||
	    state_get_i64(from, &o->given_at) != 0 ||
	    state_get_u64(from, &o->any_out) != 0 ||
	    state_get(from, &o->reasons, sizeof o->reasons) != 0 ||
	    o->reasons.count > REASONS_MAX ||
	    state_get(from, &o->counts, sizeof o->counts) != 0)
		return error_set(error, "the snapshot is too short");
	o->oldest = (uint32_t)(ends >> 32);
	o->newest = (uint32_t)ends;
	o->kept_oldest = (uint32_t)(kept >> 32);
	o->kept_newest = (uint32_t)kept;
	index_rebuild(&o->index);
	return 0;
}
