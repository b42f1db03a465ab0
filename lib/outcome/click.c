/* SPDX-License-Identifier: MIT
 *
 * Which banner a click belongs to.
 *
 * That of its decision; without one, of those of its key that came before it the last that
 * is not out, if it was shown within the window. A click that no such banner has stays with
 * the last one that is out: it counts for nothing, and is told as void.
 */
#include "lib/outcome/store.h"

#include "lib/hash.h"

/* Banners of one key that are looked at. */
enum { SAME_KEY_MAX = 256 };

static bool
is_within(const struct outcomes *o, const struct banner *b, instant at)
{
	return at - b->shown_at <= o->rules.click_window.us;
}

/* Of the banners of a key that came before, the one that a click belongs to. */
static uint32_t
find_by_key(const struct outcomes *o, uint64_t key, uint64_t rank, instant at)
{
	uint32_t link = store_find(o, STORE_KEY, key), last = 0;

	for (unsigned n = 0; link != 0 && n < SAME_KEY_MAX; n++) {
		uint32_t number = STORE_NUMBER(index_value(&o->index, link));
		const struct banner *b = store_see_banner(o, number);

		link = index_older(&o->index, link);
		if (b->rank > rank)
			continue;
		if (!banner_is_out(b))
			return last == 0 || is_within(o, b, at) ? number : last;
		last = last == 0 ? number : last;
	}
	return last;
}

uint32_t
click_find_banner(const struct outcomes *o, const struct outcome_event *e)
{
	uint32_t link;

	if (e->decision == 0)
		return find_by_key(o, e->key, o->arrived, e->at);
	link = store_find(o, STORE_DECISION, e->decision);
	return link == 0 ? 0 : STORE_NUMBER(index_value(&o->index, link));
}

void
click_hook(struct outcomes *o, uint32_t banner, uint32_t number)
{
	struct banner *b = store_banner(o, banner);
	struct mark *m = store_mark(o, number);

	m->of = banner;
	m->next = b->clicks;
	b->clicks = number;
	if (b->clicked_link == 0)
		b->clicked_link = store_link(
		    o, STORE_CLICKED, b->user, STORE_REFERENCE(banner, NODE_BANNER));
}

void
click_unhook(struct outcomes *o, uint32_t number)
{
	struct mark *m = store_mark(o, number);
	struct banner *b = store_banner(o, m->of);
	uint32_t *list = &b->clicks;

	while (*list != number)
		list = &store_mark(o, *list)->next;
	*list = m->next;
	if (b->clicks == 0 && b->clicked_link != 0) {
		index_remove(&o->index, b->clicked_link);
		b->clicked_link = 0;
	}
}

static void
move(struct outcomes *o, uint32_t number, instant at, enum cause cause)
{
	const struct mark *m = store_see_mark(o, number);
	uint32_t from = m->of, to = find_by_key(o, m->key, m->rank, m->at);

	if (to == 0 || to == from || !is_within(o, store_see_banner(o, to), m->at))
		return;
	click_unhook(o, number);
	click_hook(o, to, number);
	give_changed(o, from, at, cause);
	give_changed(o, to, at, cause);
}

void
click_join_again(struct outcomes *o, uint64_t key, instant at, enum cause cause)
{
	uint32_t banners[SAME_KEY_MAX], clicks[BANNER_LIST_MAX], n = 0, k;
	uint32_t link = store_find(o, STORE_KEY, key);

	for (; link != 0 && n < SAME_KEY_MAX; link = index_older(&o->index, link))
		banners[n++] = STORE_NUMBER(index_value(&o->index, link));
	while (n-- > 0) {
		k = 0;
		for (uint32_t i = store_see_banner(o, banners[n])->clicks; i != 0;
		     i = store_see_mark(o, i)->next)
			if (store_see_mark(o, i)->key == key && k < BANNER_LIST_MAX)
				clicks[k++] = i;
		while (k-- > 0)
			move(o, clicks[k], at, cause);
	}
}
