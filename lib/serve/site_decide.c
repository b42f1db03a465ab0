/* SPDX-License-Identifier: MIT
 *
 * Which banners for one slot or several: POST and GET /v1/decide.
 */
#include <string.h>

#include "lib/serve/site_route.h"
#include "lib/text/print.h"

enum {
	HEAD_ROOM = 512,           /* of what an answer has besides banners */
	EXPLAINED_ROOM = 16 << 10, /* what the explanation of a slot takes at most */
	BANNER_ROOM =
	    1024, /* of keys, numbers, signatures and the decision's id, escaped */
	PRINTED_MAX = 6, /* bytes of JSON that one of msgpack becomes, at most */
};

/* An answer on its way. What is decided is written and paid for, so it has to be answered:
 * who may not fit does not come into question. */
struct deciding {
	struct site *site;
	struct http_answer *answer; /* its room: scratch until the end */
	struct desk_ask ask;
	bool msgpack, shed;
	uint32_t banners;
	size_t used;  /* bytes of the answer, as it will be printed */
	size_t share; /* that a banner of the slot at hand may take */
	struct build b;
};

static unsigned
copy_pair(struct slice record, const char *name, struct build *to)
{
	struct slice value;

	if (!value_get(record, name, &value))
		return 0;
	build_text(to, name);
	build_raw(to, value);
	return 1;
}

/* Where the creative of that record leads, if it leads anywhere. */
static bool
site_target(struct slice record, struct slice *to)
{
	struct slice value;

	return value_get(record, "url", &value) && value_str(value, to) &&
	    link_leads(*to);
}

/* The text that was appended last, at `from`; absent when it was none. */
static struct slice
text_at(const struct build *b, size_t from)
{
	struct slice text = { NULL, 0 }, value = slice_from(build_slice(b), from);

	if (!build_full(b) && value.size > 0)
		(void)value_str(value, &text);
	return text;
}

/* How the first of a slot was drawn, from its record. */
static unsigned
explain(const struct site *s, const struct desk_banner *banner, struct build *b)
{
	struct slice list;

	if (!s->explain || banner->position != 0 ||
	    !value_get(banner->record, "candidates", &list) ||
	    value_count(list) > SITE_EXPLAINED_MAX ||
	    list.size > EXPLAINED_ROOM / 2 / PRINTED_MAX)
		return 0;
	return copy_pair(banner->record, "candidates", b) +
	    copy_pair(banner->record, "scores", b) +
	    copy_pair(banner->record, "probabilities", b) +
	    copy_pair(banner->record, "model_version", b);
}

/* The links of a banner; its decision is absent of a fallback, which tells nobody
 * anything. How many pairs. */
static unsigned
build_links(struct site *s, const struct desk_ask *ask, struct template_values *v,
    struct build *b)
{
	unsigned pairs = 0;
	struct slice target;
	size_t from;

	if (v->decision_id.at != NULL) {
		build_text(b, "decision_id");
		build_str(b, v->decision_id);
		build_text(b, "impression_url");
		from = build_slice(b).size;
		link_build(&s->links, LINK_IMPRESSION, v->decision_id,
		    (struct slice){ NULL, 0 }, ask->now, b);
		v->impression_url = text_at(b, from);
		pairs += 2;
	}
	if (site_target(v->creative, &target)) {
		build_text(b, "click_url");
		from = build_slice(b).size;
		if (v->decision_id.at != NULL)
			link_build(
			    &s->links, LINK_CLICK, v->decision_id, target, ask->now, b);
		else
			build_str(b, target);
		v->click_url = text_at(b, from);
		pairs++;
	}
	return pairs;
}

/* Whether it is printed in twice its size: all but what has many control characters. */
static bool
prints_well(struct slice text)
{
	size_t more = 0;

	for (size_t i = 0; i < text.size; i++)
		more += text.at[i] < ' '                      ? PRINTED_MAX - 1
		    : text.at[i] == '"' || text.at[i] == '\\' ? 1
							      : 0;
	return more <= text.size;
}

/* How many pairs: none when there is no template, or no room. */
static unsigned
build_html(const struct site *s, const struct template_values *v, struct build *b)
{
	struct build html = *b;
	size_t from;

	if (s->template == NULL || build_full(b))
		return 0;
	if (html.end - html.start > SITE_HTML_MAX)
		html.end = html.start + SITE_HTML_MAX;
	if (html.at > html.end)
		return 0;
	build_text(&html, "html");
	from = build_slice(&html).size;
	if (!template_render(s->template, v, &html) ||
	    !prints_well(text_at(&html, from)))
		return 0;
	b->at = html.at;
	return 1;
}

/* banner NULL: a fallback. */
static void
build_banner(struct site *s, uint32_t row, const struct desk_banner *banner,
    const struct desk_ask *ask, struct build *b)
{
	struct slice record = catalogue_creative_record(s->desk->catalogue, row), value;
	struct template_values v = { .creative = record };
	size_t open = build_open(b);
	unsigned pairs = 1;

	if (banner != NULL)
		v.decision_id = banner->id;
	if ((ask->slot.at != NULL && value_get(ask->slot, "slot_id", &value)) ||
	    value_get(ask->map, "slot_id", &value)) {
		build_text(b, "slot_id");
		build_raw(b, value);
		pairs++;
	}
	build_text(b, "position");
	build_uint(b, banner == NULL ? 0 : banner->position);
	pairs += copy_pair(record, "creative_id", b);
	pairs += copy_pair(record, "parts", b);
	pairs += copy_pair(record, "width", b);
	pairs += copy_pair(record, "height", b);
	pairs += build_links(s, ask, &v, b);
	pairs += build_html(s, &v, b);
	if (banner != NULL)
		pairs += explain(s, banner, b);
	build_close_map(b, open, pairs);
}

/* --- Whether it fits ------------------------------------------------------------------ */

static size_t
printed(const struct deciding *d, struct slice value)
{
	struct build text;

	if (d->msgpack)
		return value.size;
	build_init(&text, d->answer->room, d->answer->room_size);
	print_json(value, &text);
	return build_full(&text) ? d->answer->room_size : build_slice(&text).size;
}

/* Most records are so small that this need not be looked at closely. */
static bool
fits(void *context, const struct catalogue *c, uint32_t row)
{
	struct deciding *d = context;
	struct slice record = catalogue_creative_record(c, row), target;
	size_t size;

	if (record.size <= d->share / PRINTED_MAX)
		return true;
	size = printed(d, record);
	if (site_target(record, &target))
		size += 2 * target.size; /* escaped */
	return size <= d->share;
}

/* What each of the slot's banners may take of what is left, besides what all have. */
static size_t
share_of(const struct deciding *d)
{
	const struct site *s = d->site;
	size_t size = build_slice(&d->b).size, same = BANNER_ROOM, taken = d->used;
	struct slice value;
	uint64_t k = 1;

	if (s->explain)
		taken += EXPLAINED_ROOM;
	if (s->template != NULL && size < SITE_HTML_MAX)
		taken += 2 * (SITE_HTML_MAX - size);
	if (desk_ask_value(&d->ask, "slot_id", &value))
		same += printed(d, value);
	if (s->links.base != NULL)
		same += 2 * strlen(s->links.base);
	if (!desk_ask_value(&d->ask, "k", &value) || !value_uint(value, &k) || k == 0 ||
	    k > DESK_POSITIONS_MAX)
		k = 1; /* or it is refused */
	if (taken + k * same >= SITE_ANSWER_MAX)
		return 0;
	return (SITE_ANSWER_MAX - taken) / k - same;
}

/* --- Slots ---------------------------------------------------------------------------- */

/* Nothing is decided: the same for everybody. */
static void
fall_back(struct deciding *d)
{
	struct site *s = d->site;
	const struct catalogue *c = s->desk->catalogue;
	uint32_t row = s->fallback == NULL
	    ? CATALOGUE_NONE
	    : catalogue_first_named(c, catalogue_hash(c, slice_text(s->fallback)));

	s->counts.shed++;
	if (row == CATALOGUE_NONE || !fits(d, c, row))
		return;
	build_banner(s, row, NULL, &d->ask, &d->b);
	d->banners++;
}

/* One slot. NULL, or what is wrong. */
static const char *
decide_slot(struct deciding *d)
{
	struct site *s = d->site;
	struct desk_answer answer = { .n = 0 };
	size_t from = build_slice(&d->b).size;
	const char *wrong = NULL;

	d->shed = d->shed || !site_has_room(s, DESK_ROOM);
	d->share = share_of(d);
	if (d->shed)
		fall_back(d);
	else
		wrong = desk_decide(s->desk, &d->ask, &answer);
	for (unsigned i = 0; i < answer.n; i++)
		build_banner(
		    s, answer.banner[i].row, &answer.banner[i], &d->ask, &d->b);
	d->banners += answer.n;
	/* Of one slot alone nothing follows. */
	while (d->ask.slot.at != NULL && from < build_slice(&d->b).size) {
		struct slice banner = slice_from(build_slice(&d->b), from);

		banner.size = value_size(banner.at);
		from += banner.size;
		d->used += printed(d, banner) + 1;
	}
	return wrong;
}

static const char *
check_slots(struct slice slots)
{
	struct slice key, item;
	struct value_walk walk;

	if (value_type(slots) != VALUE_ARRAY || value_count(slots) == 0 ||
	    value_count(slots) > SITE_SLOTS_MAX)
		return "slots is no list of 1 to 16";
	for (value_open(slots, &walk); value_next(&walk, &key, &item);)
		if (value_type(item) != VALUE_MAP || value_count(item) > ASK_PAIRS_MAX)
			return "slots has what is no map";
	return NULL;
}

/* What a slot says of consent holds for it alone; `consents` afterwards says whether all
 * of them had it. */
static const char *
decide_slots(struct deciding *d)
{
	struct desk_ask *ask = &d->ask;
	struct slice slots, key;
	struct value_walk walk;
	const char *wrong = NULL;
	bool map = ask->consents, all = map;

	if (!value_get(ask->map, "slots", &slots))
		return decide_slot(d);
	wrong = check_slots(slots);
	if (wrong != NULL)
		return wrong;
	/* A slot that is wrong spoils the others only when it is the first: what was
	 * decided is answered. */
	for (value_open(slots, &walk);
	     wrong == NULL && value_next(&walk, &key, &ask->slot);) {
		ask->consents = map && ask_consents(ask->slot, false);
		all = all && ask->consents;
		wrong = decide_slot(d);
		ask->more = true;
	}
	ask->consents = all;
	return d->banners > 0 ? NULL : wrong;
}

void
site_decide(struct site *s, const struct http_request *r, struct http_answer *a)
{
	struct client client = client_of(r, s->told);
	struct deciding d = { .site = s,
		.answer = a,
		.ask = { .signal = slice_is(r->header[HEADER_SEC_GPC], "1"),
		    .now = site_now(s),
		    .client = &client,
		    .accepts = fits,
		    .context = &d },
		.msgpack = r->method == METHOD_POST &&
		    site_is_msgpack(r->header[HEADER_CONTENT_TYPE]),
		.used = HEAD_ROOM };
	const char *wrong = r->method == METHOD_POST
	    ? ask_body(&s->asker, r->body, d.msgpack, &d.ask.map)
	    : ask_query(&s->asker, r->query, &d.ask.map);
	uint32_t pairs = 2;
	size_t all, list;

	if (wrong != NULL) {
		site_answer_wrong(s, 400, wrong, a);
		return;
	}
	d.ask.consents = ask_consents(d.ask.map, d.ask.signal);
	build_init(&d.b, s->pack, SITE_ANSWER_MAX);
	all = build_open(&d.b);
	build_text(&d.b, "banners");
	list = build_open(&d.b);
	wrong = decide_slots(&d);
	if (wrong != NULL) {
		site_answer_wrong(s, 400, wrong, a);
		return;
	}
	build_close_array(&d.b, list, d.banners);
	build_text(&d.b, "personalized");
	build_bool(&d.b, d.ask.consents && !d.shed);
	if (d.shed) {
		build_text(&d.b, "shed");
		build_bool(&d.b, true);
		pairs++;
	}
	build_close_map(&d.b, all, pairs);
	site_answer_map(&d.b, d.msgpack, a);
}
