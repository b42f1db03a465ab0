/* SPDX-License-Identifier: MIT */
#include "lib/simulate/tell.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/base/number.h"
#include "lib/simulate/chance.h"

enum { STORAGE = 1 << 17, NAMES = RATES_MAX * (RATES_NAME_MAX + 8), OF_PRICE = 20 };

/* Prices are log-normal; of goods that cost 40 as often more as less. */
#define PRICE_MEDIAN 40e6
#define PRICE_DEVIATION 0.6

int
tell_init(struct tell *t, uint64_t seed, const struct rates *rates)
{
	struct build names;

	*t = (struct tell){ .storage = malloc(STORAGE), .names = malloc(NAMES) };
	if (t->storage == NULL || t->names == NULL)
		return -1;
	build_init(&names, t->names, NAMES);
	for (unsigned i = 0; i < rates->n; i++) {
		build_text(&names, rates->row[i].creative);
		t->name[i + 1] = (uint32_t)build_slice(&names).size;
	}
	assert(!build_full(&names));
	build_init(&t->b, t->storage, STORAGE);
	for (unsigned i = 0; i < TELL_ITEMS; i++) {
		struct random r = chance_of(seed, OF_PRICE, i);
		double price =
		    PRICE_MEDIAN * vec_exp(PRICE_DEVIATION * chance_normal(&r));

		t->price[i] = (int64_t)(price / 1e4) * 10000;
	}
	return 0;
}

void
tell_fini(struct tell *t)
{
	free(t->storage);
	free(t->names);
	t->storage = t->names = NULL;
}

/* Decisions are others', even where it makes them itself. */
bool
tell_tells(enum kind kind)
{
	static const enum kind own[] = { KIND_ITEM, KIND_CREATIVE, KIND_SIGN_UP,
		KIND_LOGIN, KIND_PAGE_VIEW, KIND_SEARCH, KIND_VIEW_ITEM,
		KIND_ADD_TO_CART, KIND_BEGIN_CHECKOUT, KIND_PURCHASE, KIND_REFUND,
		KIND_CHARGEBACK, KIND_REQUEST, KIND_IMPRESSION, KIND_CLICK,
		KIND_METRIC };

	for (unsigned i = 0; i < sizeof own / sizeof *own; i++)
		if (kind == own[i])
			return true;
	return false;
}

/* --- Identifiers ------------------------------------------------------------------ */

static unsigned
numbered(char letter, uint64_t number, char to[1 + NUMBER_TEXT_MAX])
{
	to[0] = letter;
	return 1 + number_format_uint(number, to + 1);
}

unsigned
tell_request_id(uint64_t request, char to[TELL_ID_MAX])
{
	char text[1 + NUMBER_TEXT_MAX];
	unsigned size = numbered('r', request, text);

	memcpy(to, text, size);
	return size;
}

bool
tell_request_number(struct slice id, uint64_t *request)
{
	return id.size > 1 && id.at[0] == 'r' &&
	    number_parse_uint(slice_from(id, 1), request);
}

unsigned
tell_decision_id(uint64_t request, unsigned position, char to[TELL_ID_MAX])
{
	unsigned size = tell_request_id(request, to);

	to[size++] = '-';
	return size + number_format_uint(position, to + size);
}

static void
put_numbered(struct build *b, char letter, uint64_t number)
{
	char text[1 + NUMBER_TEXT_MAX];

	build_str(b, slice_of(text, numbered(letter, number, text)));
}

static void
put_name(struct build *b, char letter, uint64_t name)
{
	static const char digit[] = "0123456789abcdef";
	char text[13] = { letter };

	for (unsigned i = 1; i < sizeof text; i++, name >>= 4)
		text[i] = digit[name & 15];
	build_str(b, slice_of(text, sizeof text));
}

static void
put_item(struct build *b, unsigned item)
{
	char text[16 + NUMBER_TEXT_MAX];
	const char *category = world_categories[item % WORLD_CATEGORIES];
	size_t size = strlen(category);

	memcpy(text, category, size);
	text[size++] = '-';
	size += number_format_uint(item / WORLD_CATEGORIES, text + size);
	build_str(b, slice_of(text, size));
}

/* --- Records ---------------------------------------------------------------------- */

/* Another pair. */
static struct build *
key(struct tell *t, const char *name)
{
	t->pairs++;
	build_text(&t->b, name);
	return &t->b;
}

static void
begin_bare(struct tell *t, const char *event)
{
	build_reset(&t->b);
	t->open = build_open(&t->b);
	t->pairs = 0;
	build_text(key(t, "event"), event);
}

static void
begin_as(struct tell *t, const char *event, instant at, enum who who)
{
	t->event = event;
	t->number = who_numbers(who) + t->told[who != WHO_HUMAN]++;
	begin_bare(t, event);
	put_numbered(key(t, "event_id"), 'e', t->number);
	build_int(key(t, "timestamp"), at);
}

static void
begin(struct tell *t, const char *event, instant at)
{
	begin_as(t, event, at, WHO_HUMAN);
}

static void
put_person(struct tell *t, const struct person *p)
{
	static const char *const purposes[] = { "ads", "personalization", "analytics" };

	if (p->consents) {
		put_name(key(t, "user_id"), 'u', p->name);
		put_numbered(key(t, "session_id"), 's', p->session);
	}
	build_map(key(t, "consent"), 3);
	for (unsigned i = 0; i < 3; i++) {
		build_text(&t->b, purposes[i]);
		build_bool(&t->b, p->consents);
	}
}

/* One who is there; the others are told of by the shop. */
static void
put_visitor(struct tell *t, const struct person *p)
{
	put_person(t, p);
	build_raw(&t->b, p->origin);
	t->pairs += p->origin_pairs;
}

static struct slice
end(struct tell *t)
{
	build_close_map(&t->b, t->open, t->pairs);
	assert(!build_full(&t->b));
	return build_slice(&t->b);
}

struct slice
tell_item(struct tell *t, instant at, unsigned item)
{
	struct build *b;

	begin(t, "item", at);
	put_item(key(t, "item_id"), item);
	b = key(t, "fields");
	build_map(b, 2);
	build_text(b, "price_micros");
	build_int(b, t->price[item]);
	build_text(b, "category");
	build_array(b, 1);
	build_text(b, world_categories[item % WORLD_CATEGORIES]);
	return end(t);
}

struct slice
tell_campaign(struct tell *t, instant at, const char *id)
{
	begin(t, "campaign", at);
	build_text(key(t, "campaign_id"), id);
	return end(t);
}

struct slice
tell_creative(
    struct tell *t, instant at, const struct rate *rate, const struct banner *banner)
{
	char url[64] = "https://shop.example/";
	size_t size = strlen(url);
	const char *category = world_categories[banner->category];

	begin(t, "creative", at);
	build_text(key(t, "creative_id"), rate->creative);
	if (rate->campaign[0] != '\0')
		build_text(key(t, "campaign_id"), rate->campaign);
	build_text(key(t, "creative_category"), category);
	memcpy(url + size, category, strlen(category));
	build_str(key(t, "url"), slice_of(url, size + strlen(category)));
	build_map(key(t, "parts"), 1);
	build_text(&t->b, "headline");
	build_text(&t->b, rate->creative);
	return end(t);
}

struct slice
tell_page(struct tell *t, instant at, const struct person *p, unsigned category,
    unsigned step)
{
	char url[32] = "/";
	size_t size = strlen(world_categories[category]);

	begin_as(t, "page_view", at, p->who);
	put_visitor(t, p);
	memcpy(url + 1, world_categories[category], size);
	build_str(key(t, "url"), slice_of(url, size + 1));
	build_uint(key(t, "step"), step);
	return end(t);
}

struct slice
tell_search(struct tell *t, instant at, const struct person *p, unsigned category)
{
	begin_as(t, "search", at, p->who);
	put_visitor(t, p);
	build_text(key(t, "query"), world_categories[category]);
	return end(t);
}

static void
put_items(struct tell *t, unsigned item)
{
	struct build *b = key(t, "items");

	build_array(b, 1);
	build_map(b, 3);
	build_text(b, "item_id");
	put_item(b, item);
	build_text(b, "price_micros");
	build_int(b, t->price[item]);
	build_text(b, "quantity");
	build_uint(b, 1);
}

struct slice
tell_act(struct tell *t, const char *event, instant at, const struct person *p,
    unsigned item)
{
	begin_as(t, event, at, p->who);
	put_visitor(t, p);
	put_items(t, item);
	return end(t);
}

struct slice
tell_order(struct tell *t, const char *event, instant at, const struct person *p,
    const struct tell_order *order)
{
	bool purchase = *event == 'p';

	begin_as(t, event, at, p->who);
	if (purchase)
		put_visitor(t, p);
	else
		put_person(t, p);
	put_numbered(key(t, "transaction_id"), 't', order->number);
	build_int(key(t, "value_micros"), order->micros);
	build_text(key(t, "currency"), "EUR");
	if (purchase) {
		put_name(key(t, "card"), 'c', order->card);
		build_text(key(t, "terminal_id"),
		    world_categories[order->item % WORLD_CATEGORIES]);
	}
	if (order->decision.at != NULL)
		build_str(key(t, "decision_id"), order->decision);
	put_items(t, order->item);
	return end(t);
}

/* The bank tells of it, who knows no visitor. */
struct slice
tell_chargeback(struct tell *t, instant at, const struct person *p, uint64_t order)
{
	begin_as(t, "chargeback", at, p->who);
	put_numbered(key(t, "transaction_id"), 't', order);
	return end(t);
}

struct slice
tell_sign_up(struct tell *t, instant at, const struct person *p)
{
	begin_as(t, "sign_up", at, p->who);
	put_visitor(t, p);
	return end(t);
}

struct slice
tell_login(struct tell *t, instant at, const struct person *p, bool success, double rtt)
{
	begin_as(t, "login", at, p->who);
	put_visitor(t, p);
	build_bool(key(t, "success"), success);
	build_double(key(t, "latitude"), whence_latitude(p->whence));
	build_double(key(t, "longitude"), whence_longitude(p->whence));
	build_uint(key(t, "rtt_ms"), (uint64_t)(rtt + 0.5));
	return end(t);
}

/* The names of n banners from the i-th on, as msgpack. */
static struct slice
names(const struct tell *t, unsigned i, unsigned n)
{
	return slice_of(t->names + t->name[i], t->name[i + n] - t->name[i]);
}

static void
put_candidates(struct tell *t, unsigned n)
{
	struct build *b = key(t, "candidates");

	build_array(b, n);
	build_raw(b, names(t, 0, n));
}

static void
put_request_id(struct tell *t, uint64_t request)
{
	put_numbered(key(t, "request_id"), 'r', request);
}

struct slice
tell_request(struct tell *t, instant at, const struct person *p, const struct world *w,
    uint64_t request, unsigned category, unsigned n, unsigned k)
{
	bool known = p->who == WHO_HUMAN && p->consents;
	struct build *b;

	begin_as(t, "request", at, p->who);
	put_visitor(t, p);
	put_request_id(t, request);
	build_text(key(t, "slot_id"), "shelf");
	b = key(t, "context");
	build_map(b, known ? 3 : 2);
	build_text(b, "category");
	build_text(b, world_categories[category]);
	build_text(b, "device");
	build_text(b, guise_class_names[p->whence->class]);
	if (known) {
		build_text(b, "favourite");
		build_text(b, world_categories[w->visitor[p->visitor].favourite]);
	}
	build_uint(key(t, "k"), k);
	put_candidates(t, n);
	return end(t);
}

static void
put_place(struct tell *t, const struct tell_place *place)
{
	build_str(key(t, "decision_id"), place->decision);
	put_request_id(t, place->request);
	build_uint(key(t, "position"), place->position);
	build_str(key(t, "creative_id"), place->creative);
}

struct slice
tell_decision(struct tell *t, instant at, const struct person *p,
    const struct tell_place *place, const uint16_t *left, unsigned n,
    double probability, const char *policy)
{
	struct build *b;

	begin_as(t, "decision", at, p->who);
	put_person(t, p);
	put_place(t, place);
	build_text(key(t, "slot_id"), "shelf");
	build_double(key(t, "probability"), probability);
	build_text(key(t, "policy"), policy);
	b = key(t, "candidates");
	build_array(b, n);
	for (unsigned i = 0; i < n; i++)
		build_raw(b, names(t, left[i], 1));
	return end(t);
}

struct slice
tell_seen(struct tell *t, const char *event, instant at, const struct person *p,
    const struct tell_place *place)
{
	begin_as(t, event, at, p->who);
	put_visitor(t, p);
	put_place(t, place);
	build_text(key(t, "slot_id"), "shelf");
	return end(t);
}

/* No number is used up: the log is the same with and without its truth. */
static void
begin_truth(struct tell *t, instant at, const struct person *p, struct slice id)
{
	begin_bare(t, "truth");
	if (id.at != NULL)
		build_str(key(t, "event_id"), id);
	else
		put_numbered(key(t, "event_id"), 'e', t->number);
	build_int(key(t, "timestamp"), at);
	build_text(key(t, "visitor"), who_habits[p->who].word);
	put_name(key(t, "visitor_id"), 'u', p->name);
	put_numbered(key(t, "session_id"), 's', p->session);
}

struct slice
tell_label(struct tell *t, instant at, const struct person *p)
{
	begin_truth(t, at, p, slice_of(NULL, 0));
	build_text(key(t, "of"), t->event);
	return end(t);
}

struct slice
tell_truth(struct tell *t, instant at, const struct person *p,
    const struct tell_place *place, bool recorded, double examination, bool examined,
    bool clicked, const double *click, unsigned n)
{
	struct build *b;

	begin_truth(t, at, p, recorded ? slice_of(NULL, 0) : place->decision);
	build_text(key(t, "of"), "impression");
	put_place(t, place);
	build_double(key(t, "examination"), examination);
	build_bool(key(t, "examined"), examined);
	build_bool(key(t, "clicked"), clicked);
	put_candidates(t, n);
	b = key(t, "probabilities");
	build_array(b, n);
	for (unsigned i = 0; i < n; i++)
		build_double(b, examination * click[i]);
	return end(t);
}
