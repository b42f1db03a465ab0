/* SPDX-License-Identifier: MIT
 *
 * Which banners for one slot or several: POST and GET /v1/decide.
 */
#include "lib/serve/site_route.h"

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
	    value_count(list) > SITE_EXPLAINED_MAX)
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

/* How many pairs: none when there is no template, or no room. */
static unsigned
build_html(const struct site *s, const struct template_values *v, struct build *b)
{
	struct build html = *b;

	if (s->template == NULL || build_full(b))
		return 0;
	if (html.end - html.start > SITE_HTML_MAX)
		html.end = html.start + SITE_HTML_MAX;
	if (html.at > html.end)
		return 0;
	build_text(&html, "html");
	if (!template_render(s->template, v, &html))
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

/* Nothing is decided: the same for everybody. How many banners. */
static unsigned
fall_back(struct site *s, const struct desk_ask *ask, struct build *b)
{
	const struct catalogue *c = s->desk->catalogue;
	uint32_t row = s->fallback == NULL
	    ? CATALOGUE_NONE
	    : catalogue_first_named(c, catalogue_hash(c, slice_text(s->fallback)));

	s->counts.shed++;
	if (row == CATALOGUE_NONE)
		return 0;
	build_banner(s, row, NULL, ask, b);
	return 1;
}

/* One slot. How many banners; -1 and what is wrong. */
static int
decide_slot(struct site *s, const struct desk_ask *ask, bool *shed, struct build *b,
    const char **wrong)
{
	struct desk_answer answer;

	*shed = *shed || !site_has_room(s, DESK_ROOM);
	if (*shed)
		return (int)fall_back(s, ask, b);
	*wrong = desk_decide(s->desk, ask, &answer);
	if (*wrong != NULL)
		return -1;
	for (unsigned i = 0; i < answer.n; i++)
		build_banner(s, answer.banner[i].row, &answer.banner[i], ask, b);
	return (int)answer.n;
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
decide_slots(struct site *s, struct desk_ask *ask, bool *shed, uint32_t *banners,
    struct build *b)
{
	struct slice slots, key;
	struct value_walk walk;
	const char *wrong = NULL;
	bool map = ask->consents, all = map;
	int n = 0;

	if (!value_get(ask->map, "slots", &slots)) {
		n = decide_slot(s, ask, shed, b, &wrong);
		*banners = n > 0 ? (uint32_t)n : 0;
		return wrong;
	}
	wrong = check_slots(slots);
	if (wrong != NULL)
		return wrong;
	/* A slot that is wrong spoils the others only when it is the first: what was
	 * decided is answered. */
	for (value_open(slots, &walk); n >= 0 && value_next(&walk, &key, &ask->slot);) {
		ask->consents = map && ask_consents(ask->slot, false);
		all = all && ask->consents;
		n = decide_slot(s, ask, shed, b, &wrong);
		*banners += n > 0 ? (uint32_t)n : 0;
		ask->more = true;
	}
	ask->consents = all;
	return *banners > 0 ? NULL : wrong;
}

void
site_decide(struct site *s, const struct http_request *r, struct http_answer *a)
{
	bool msgpack =
	    r->method == METHOD_POST && site_is_msgpack(r->header[HEADER_CONTENT_TYPE]);
	struct desk_ask ask = { .signal = slice_is(r->header[HEADER_SEC_GPC], "1"),
		.now = site_now(s) };
	const char *wrong = r->method == METHOD_POST
	    ? ask_body(&s->asker, r->body, msgpack, &ask.map)
	    : ask_query(&s->asker, r->query, &ask.map);
	uint32_t banners = 0, pairs = 2;
	bool shed = false;
	size_t all, list;
	struct build b;

	if (wrong != NULL) {
		site_answer_wrong(s, 400, wrong, a);
		return;
	}
	ask.consents = ask_consents(ask.map, ask.signal);
	build_init(&b, s->pack, SITE_ANSWER_MAX);
	all = build_open(&b);
	build_text(&b, "banners");
	list = build_open(&b);
	wrong = decide_slots(s, &ask, &shed, &banners, &b);
	if (wrong != NULL) {
		site_answer_wrong(s, 400, wrong, a);
		return;
	}
	build_close_array(&b, list, banners);
	build_text(&b, "personalized");
	build_bool(&b, ask.consents && !shed);
	if (shed) {
		build_text(&b, "shed");
		build_bool(&b, true);
		pairs++;
	}
	build_close_map(&b, all, pairs);
	site_answer_map(&b, msgpack, a);
}
