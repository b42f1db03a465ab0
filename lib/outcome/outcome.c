/* SPDX-License-Identifier: MIT
 *
 * Events in.
 */
#include "lib/outcome/outcome.h"

#include "lib/hash.h"
#include "lib/outcome/store.h"

static void
see(struct outcomes *o, const struct outcome_event *e)
{
	if (e->at > o->latest)
		o->latest = e->at;
	o->any_out |= e->weight < 0;
}

static void
link_banner(struct outcomes *o, uint32_t number, enum store_key kind, uint64_t key)
{
	struct banner *b = store_banner(o, number);
	enum store_node node = b->impression ? NODE_IMPRESSION : NODE_BANNER;
	uint32_t link;

	if (b->link_count == BANNER_LINKS)
		return;
	link = store_link(o, kind, key, STORE_REFERENCE(number, node));
	if (link != 0)
		b->links[b->link_count++] = link;
}

/* A new banner or request with the record's keys; 0 when they are too many. */
static uint32_t
new_banner(struct outcomes *o, const struct outcome_event *e, enum stage stage)
{
	uint32_t number = store_make(o);
	struct banner *b = store_banner(o, number);

	b->shown_at = e->at;
	b->changed_at = WHEN_NEVER;
	b->weight = e->weight;
	b->user = e->user;
	b->stage = (uint8_t)stage;
	if (!carry_keep(o, b, e->record)) {
		store_forget(o, number);
		return 0;
	}
	return number;
}

/* Room for the event, and the memory of the request that it will take over. */
static enum outcome_found
make_room(struct outcomes *o, const struct outcome_event *e)
{
	uint32_t link = store_find(o, STORE_REQUEST, e->request);
	size_t bytes = e->record->size;

	if (link != 0)
		bytes +=
		    store_banner(o, STORE_NUMBER(index_value(&o->index, link)))->bytes;
	return bytes > RECORD_SIZE_MAX - 8192 ? OUTCOME_LARGE : store_room(o, bytes);
}

enum outcome_found
outcomes_request(struct outcomes *o, const struct outcome_event *e)
{
	enum outcome_found room = make_room(o, e);
	uint32_t number;

	see(o, e);
	if (room != OUTCOME_TAKEN)
		return room;
	if (e->request == 0)
		return OUTCOME_ORPHAN;
	if (store_find(o, STORE_REQUEST, e->request) != 0)
		return OUTCOME_REPEAT;
	number = new_banner(o, e, STAGE_REQUEST);
	if (number == 0)
		return OUTCOME_LARGE;
	link_banner(o, number, STORE_REQUEST, e->request);
	give_schedule(o, number);
	return OUTCOME_TAKEN;
}

/* The banner that a decision or impression is of: by decision_id; an impression without
 * one is of the decision before it that has none either. */
static uint32_t
find_shown(const struct outcomes *o, const struct outcome_event *e)
{
	const struct banner *b;
	uint32_t link, number;

	if (e->decision != 0)
		return click_find_banner(o, e);
	link = e->impression ? store_find(o, STORE_KEY, e->key) : 0;
	/* Most are told by the link, which spares a look at the banner. */
	if (link == 0 || STORE_NODE(index_value(&o->index, link)) == NODE_IMPRESSION)
		return 0;
	number = STORE_NUMBER(index_value(&o->index, link));
	b = store_see_banner(o, number);
	return b->impression || e->at - b->shown_at > o->rules.click_window.us ? 0
									       : number;
}

/* A second event of a banner that is known: an impression of a decision, or either
 * again. */
static enum outcome_found
show_again(struct outcomes *o, uint32_t number, const struct outcome_event *e)
{
	struct banner *b = store_banner(o, number);
	bool first = e->impression && !b->impression;

	if (first && b->stage == STAGE_WAITING) {
		b->shown_at = e->at;
		b->weight = e->weight;
	}
	if (e->impression) {
		b->seen = first ? !e->unseen : b->seen || !e->unseen;
		b->impression = 1;
	}
	if (b->stage == STAGE_WAITING)
		carry_add(o, b, e->record);
	if (b->user == 0 && e->user != 0) {
		b->user = e->user;
		link_banner(o, number, STORE_SHOWN, e->user);
	}
	if (b->item == 0)
		b->item = e->item;
	if (first)
		link_banner(o, number, STORE_ID, e->id);
	give_schedule(o, number);
	o->counts.repeats += !first;
	return first ? OUTCOME_TAKEN : OUTCOME_REPEAT;
}

enum outcome_found
outcomes_show(struct outcomes *o, const struct outcome_event *e)
{
	enum outcome_found room;
	uint32_t number, request;
	struct banner *b;

	store_prefetch(o, STORE_DECISION, e->decision);
	store_prefetch(o, STORE_ID, e->id);
	store_prefetch(o, STORE_KEY, e->key);
	store_prefetch(o, STORE_SHOWN, e->user);
	room = make_room(o, e);
	see(o, e);
	if (room != OUTCOME_TAKEN)
		return room;
	number = find_shown(o, e);
	if (number != 0)
		return show_again(o, number, e);
	number = new_banner(o, e, STAGE_WAITING);
	if (number == 0)
		return OUTCOME_LARGE;
	b = store_banner(o, number);
	b->item = e->item;
	b->seen = !e->unseen;
	b->impression = e->impression;
	b->key = e->key;
	b->name = hash_pair(e->decision != 0 ? e->decision
		: e->id != 0                 ? e->id
					     : b->rank,
	    (uint64_t)e->at);
	request = store_find(o, STORE_REQUEST, e->request);
	if (request != 0) {
		struct banner *r =
		    store_banner(o, STORE_NUMBER(index_value(&o->index, request)));

		carry_add_kept(o, b, r);
		b->user = b->user != 0 ? b->user : r->user;
	}
	link_banner(o, number, STORE_ID, e->id);
	link_banner(o, number, STORE_DECISION, e->decision);
	link_banner(o, number, STORE_KEY, e->key);
	link_banner(o, number, STORE_SHOWN, b->user);
	give_schedule(o, number);
	return OUTCOME_TAKEN;
}

/* A click or refund, in no list yet. */
static uint32_t
new_mark(struct outcomes *o, enum store_node node, const struct outcome_event *e)
{
	uint32_t number = pool_take(&o->marks);
	struct mark *m = store_mark(o, number);

	m->at = e->at;
	m->weight = e->weight;
	m->value = e->value;
	m->link = store_link(o, STORE_ID, e->id, STORE_REFERENCE(number, node));
	return number;
}

static bool
list_is_full(const struct outcomes *o, uint32_t first)
{
	unsigned n = 0;

	for (; first != 0; first = store_see_mark(o, first)->next)
		n++;
	return n >= BANNER_LIST_MAX;
}

enum outcome_found
outcomes_click(struct outcomes *o, const struct outcome_event *e)
{
	enum outcome_found room = store_room(o, 0);
	uint32_t number, click;
	struct banner *b;

	see(o, e);
	if (room != OUTCOME_TAKEN)
		return room;
	number = click_find_banner(o, e);
	if (number == 0) {
		o->counts.orphan_clicks++;
		return OUTCOME_ORPHAN;
	}
	b = store_banner(o, number);
	if (e->at - b->shown_at > o->rules.click_window.us)
		return OUTCOME_LATE;
	if (list_is_full(o, b->clicks)) {
		o->counts.repeats++;
		return OUTCOME_REPEAT;
	}
	click = new_mark(o, NODE_CLICK, e);
	store_mark(o, click)->key = e->decision != 0 ? 0 : e->key;
	store_mark(o, click)->rank = o->arrived;
	click_hook(o, number, click);
	give_changed(o, number, e->at, CAUSE_CLICK);
	return OUTCOME_TAKEN;
}

enum outcome_found
outcomes_convert(struct outcomes *o, const struct outcome_event *e)
{
	enum outcome_found room = store_room(o, 0);
	int64_t window = o->rules.purchase_window.us;
	struct conversion *c;
	uint32_t number;

	see(o, e);
	if (room != OUTCOME_TAKEN)
		return room;
	number = pool_take(&o->conversions);
	c = store_conversion(o, number);
	c->at = e->at;
	c->weight = e->weight;
	c->user = e->user;
	c->value = e->value;
	c->items = e->items;
	for (unsigned i = 0; i < e->items; i++)
		c->item_of[i] = e->item_of[i];
	if (window < o->rules.view_window.us)
		window = o->rules.view_window.us;
	queue_set(&o->expiry, number, e->at + window + o->rules.keep.us, ++o->arrived,
	    QUEUE_SOON);
	if (e->user == 0 || credit_share(o, number, e->at, CAUSE_CONVERSION) == 0) {
		store_forget_conversion(o, number);
		o->counts.orphan_conversions++;
		return OUTCOME_ORPHAN;
	}
	c->links[0] =
	    store_link(o, STORE_ID, e->id, STORE_REFERENCE(number, NODE_CONVERSION));
	c->links[1] = store_link(o, STORE_TRANSACTION, e->transaction,
	    STORE_REFERENCE(number, NODE_CONVERSION));
	c->links[2] = store_link(
	    o, STORE_CONVERTED, e->user, STORE_REFERENCE(number, NODE_CONVERSION));
	return OUTCOME_TAKEN;
}

enum outcome_found
outcomes_refund(struct outcomes *o, const struct outcome_event *e)
{
	enum outcome_found room = store_room(o, 0);
	struct outcome_event refund = *e;
	struct conversion *c;
	uint32_t link, number, mark;

	see(o, e);
	if (room != OUTCOME_TAKEN)
		return room;
	link = store_find(o, STORE_TRANSACTION, e->transaction);
	if (link == 0) {
		o->counts.orphan_refunds++;
		return OUTCOME_ORPHAN;
	}
	number = STORE_NUMBER(index_value(&o->index, link));
	c = store_conversion(o, number);
	if (list_is_full(o, c->refunds)) {
		o->counts.repeats++;
		return OUTCOME_REPEAT;
	}
	if (!e->priced)
		refund.value = c->value;
	mark = new_mark(o, NODE_REFUND, &refund);
	store_mark(o, mark)->of = number;
	store_mark(o, mark)->next = c->refunds;
	c->refunds = mark;
	credit_revalue(o, number, e->at, CAUSE_CONVERSION);
	o->counts.refunds++;
	return OUTCOME_TAKEN;
}
