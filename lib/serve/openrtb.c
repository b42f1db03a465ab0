/* SPDX-License-Identifier: MIT */
#include "lib/serve/openrtb.h"

#include <string.h>

#include "lib/delivery/targeting.h"
#include "lib/serve/privacy.h"

static const struct {
	const char *name;
	unsigned code;
} reasons[OPENRTB_REASONS] = {
	[OPENRTB_NOBODY] = { "nobody", 0 },
	[OPENRTB_BUSY] = { "busy", 1 },
	[OPENRTB_HURRY] = { "hurry", 15 },
	[OPENRTB_CURRENCY] = { "currency", 500 },
	[OPENRTB_SEAT] = { "seat", 501 },
	[OPENRTB_FORMAT] = { "format", 502 },
	[OPENRTB_DEAL] = { "deal", 503 },
	[OPENRTB_SECURE] = { "secure", 504 },
};

const char *
openrtb_reason_name(enum openrtb_reason reason)
{
	return reasons[reason].name;
}

unsigned
openrtb_reason_code(enum openrtb_reason reason)
{
	return reasons[reason].code;
}

/* --- What has to be of which kind ---------------------------------------------------- */

enum form {
	FORM_TEXT,
	FORM_INT,
	FORM_NUMBER,
	FORM_MAP,
	FORM_TEXTS,
	FORM_INTS,
	FORM_MAPS
};

static bool
is_of(struct slice value, enum form form)
{
	static const enum value_type types[] = { VALUE_STR, VALUE_INT, VALUE_FLOAT,
		VALUE_MAP, VALUE_ARRAY, VALUE_ARRAY, VALUE_ARRAY };
	static const enum form items[] = {
		[FORM_TEXTS] = FORM_TEXT, [FORM_INTS] = FORM_INT, [FORM_MAPS] = FORM_MAP
	};
	enum value_type type = value_type(value);
	struct slice key, item;
	struct value_walk walk;

	if (form == FORM_NUMBER && type == VALUE_INT)
		return true;
	if (type != types[form])
		return false;
	if (form < FORM_TEXTS)
		return true;
	for (value_open(value, &walk); value_next(&walk, &key, &item);)
		if (!is_of(item, items[form]))
			return false;
	return true;
}

/* A null is as good as nothing, and a list that is not there as an empty one. False: it is
 * there, and is of another form. */
static bool
take(struct slice map, const char *name, enum form form, struct slice *to)
{
	static const uint8_t empty[] = { 0x90 };

	if (value_get(map, name, to) && value_type(*to) != VALUE_NIL)
		return is_of(*to, form);
	*to = form < FORM_TEXTS ? (struct slice){ NULL, 0 }
				: slice_of(empty, sizeof empty);
	return true;
}

struct field {
	const char *name, *wrong;
	enum form form;
	size_t offset; /* of its slice */
};

static const char *
take_fields(struct slice map, const struct field *fields, unsigned n, void *to)
{
	for (unsigned i = 0; i < n; i++) {
		void *slice = (uint8_t *)to + fields[i].offset;

		if (!take(map, fields[i].name, fields[i].form, slice))
			return fields[i].wrong;
	}
	return NULL;
}

static bool
take_id(struct slice map, struct slice *to)
{
	struct slice value;

	return value_get(map, "id", &value) && value_str(value, to) && to->size > 0 &&
	    to->size <= OPENRTB_ID_MAX;
}

static int64_t
integer(struct slice map, const char *name, int64_t preset)
{
	struct slice value;
	int64_t number;

	return value_get(map, name, &value) && value_int(value, &number) ? number
									 : preset;
}

static bool
take_price(struct slice value, int64_t *to)
{
	double price = 0;

	if (value.at != NULL && !value_number(value, &price))
		return false;
	if (!(price >= 0 && price <= (double)OPENRTB_PRICE_MAX / 1e6))
		return false;
	*to = (int64_t)(price * 1e6 + 0.5);
	return true;
}

/* --- Consent ------------------------------------------------------------------------- */

/* Of an object, or of its extensions, where it was before it became part of OpenRTB. */
static bool
find(struct slice map, const char *name, struct slice *to)
{
	struct slice ext;

	if (map.at == NULL)
		return false;
	return (value_get(map, name, to) && value_type(*to) != VALUE_NIL) ||
	    (value_get(map, "ext", &ext) && value_get(ext, name, to) &&
		value_type(*to) != VALUE_NIL);
}

static bool
flag(struct slice map, const char *name)
{
	struct slice value, text;
	int64_t number;

	return find(map, name, &value) &&
	    (value_int(value, &number)
		    ? number != 0
		    : value_str(value, &text) && slice_is(text, "1"));
}

/* Sections that apply; 0 and -1 stand for none. */
static bool
gpp_allows(struct slice regs)
{
	struct slice value, text, list, key, item;
	struct value_walk walk;
	int64_t section;

	if (!find(regs, "gpp_sid", &list))
		return !find(regs, "gpp", &value);
	if (value_type(list) != VALUE_ARRAY)
		return false;
	if (!find(regs, "gpp", &value) || !value_str(value, &text))
		text = (struct slice){ NULL, 0 };
	for (value_open(list, &walk); value_next(&walk, &key, &item);)
		if (!value_int(item, &section) ||
		    (section > 0 && !privacy_gpp(text, (uint64_t)section)))
			return false;
	return true;
}

static bool
gdpr_allows(const struct openrtb_request *r)
{
	struct slice value, text;
	int64_t applies = -1; /* unknown */

	if (find(r->regs, "gdpr", &value) && !value_int(value, &applies))
		return false;
	if (applies == 0)
		return true;
	if (!find(r->user, "consent", &value))
		return applies < 0;
	return value_str(value, &text) && privacy_tcf(text);
}

static bool
consents(const struct openrtb_request *r)
{
	struct slice value, text;

	if (r->signal || flag(r->regs, "coppa") || flag(r->device, "dnt") ||
	    flag(r->device, "lmt"))
		return false;
	if (find(r->regs, "us_privacy", &value) &&
	    !(value_str(value, &text) && privacy_us(text)))
		return false;
	return gpp_allows(r->regs) && gdpr_allows(r);
}

/* --- Impressions ----------------------------------------------------------------------- */

static bool
take_size(struct slice map, struct openrtb_imp *to)
{
	int64_t width = integer(map, "w", 0), height = integer(map, "h", 0);

	if (width < 1 || height < 1 || width > TARGETING_SIZE_MAX ||
	    height > TARGETING_SIZE_MAX || to->sizes == OPENRTB_SIZES_MAX)
		return false;
	to->size[to->sizes++] =
	    (struct openrtb_size){ (uint32_t)width, (uint32_t)height };
	return true;
}

static const char *
read_banner(struct openrtb_imp *to)
{
	struct slice formats, list, key, item;
	struct value_walk walk;

	if (!take(to->banner, "battr", FORM_INTS, &list) ||
	    !take(to->banner, "btype", FORM_INTS, &list))
		return "battr and btype are lists of integers";
	if (!take(to->banner, "format", FORM_MAPS, &formats))
		return "a banner's format is no list of objects";
	for (value_open(formats, &walk); value_next(&walk, &key, &item);)
		(void)take_size(item, to);
	if (value_count(formats) == 0)
		(void)take_size(to->banner, to);
	to->flexible = value_count(formats) > 0 && to->sizes == 0;
	return NULL;
}

static const char *
read_deals(struct slice pmp, struct openrtb_imp *to)
{
	struct slice key, item, id, value;
	struct value_walk walk;
	int64_t floor;

	if (pmp.at == NULL)
		pmp = slice_text("\x80"); /* nothing is said */
	if (!take(pmp, "private_auction", FORM_INT, &value))
		return "private_auction is no integer";
	to->closed = integer(pmp, "private_auction", 0) != 0;
	if (!take(pmp, "deals", FORM_MAPS, &to->deals))
		return "deals is no list of objects";
	for (value_open(to->deals, &walk); value_next(&walk, &key, &item);) {
		if (!take_id(item, &id))
			return "a deal without id";
		if (!take(item, "bidfloor", FORM_NUMBER, &value) ||
		    !take_price(value, &floor) ||
		    !take(item, "bidfloorcur", FORM_TEXT, &value))
			return "a deal's bidfloor is no price";
		if (!take(item, "wseat", FORM_TEXTS, &value))
			return "a deal's wseat is no list of texts";
	}
	return NULL;
}

/* Whether a floor is in another currency than ours; none is in all. */
static bool
is_foreign(const struct openrtb_rules *rules, struct slice currency, int64_t floor)
{
	struct slice text = slice_text("USD");

	if (currency.at != NULL)
		(void)value_str(currency, &text);
	return floor > 0 && !slice_is(text, rules->currency);
}

static const char *
read_imp(const struct openrtb_rules *rules, struct slice map, struct openrtb_imp *to)
{
	struct slice pmp, floor, currency, secure;
	const char *wrong;

	to->map = map;
	if (!take_id(map, &to->id))
		return "an imp's id is no text of 1 to 512 bytes";
	if (!take(map, "banner", FORM_MAP, &to->banner) ||
	    !take(map, "pmp", FORM_MAP, &pmp))
		return "banner and pmp are objects";
	if (!take(map, "bidfloor", FORM_NUMBER, &floor) ||
	    !take_price(floor, &to->floor) ||
	    !take(map, "bidfloorcur", FORM_TEXT, &currency))
		return "an imp's bidfloor is no price";
	if (!take(map, "secure", FORM_INT, &secure))
		return "secure is no integer";
	to->secure = integer(map, "secure", 0) != 0;
	to->foreign = is_foreign(rules, currency, to->floor);
	wrong = to->banner.at == NULL ? NULL : read_banner(to);
	return wrong != NULL ? wrong : read_deals(pmp, to);
}

static const char *
read_imps(
    const struct openrtb_rules *rules, struct slice list, struct openrtb_request *to)
{
	struct slice key, item;
	struct value_walk walk;
	const char *wrong;

	for (value_open(list, &walk);
	     to->imps < OPENRTB_IMPS_MAX && value_next(&walk, &key, &item);
	     to->imps++) {
		struct openrtb_imp *imp = &to->imp[to->imps];

		*imp = (struct openrtb_imp){ .sizes = 0 };
		wrong = read_imp(rules, item, imp);
		if (wrong != NULL)
			return wrong;
		for (unsigned i = 0; i < to->imps; i++)
			if (slice_equal(to->imp[i].id, imp->id))
				return "two imps of one id";
	}
	return NULL;
}

/* --- The request ------------------------------------------------------------------------ */

#define FIELD(name, form, wrong)                                                       \
	{                                                                              \
#name, #name " " wrong, form, offsetof(struct openrtb_request, name)   \
	}

static const struct field fields[] = {
	FIELD(site, FORM_MAP, "is no object"),
	FIELD(app, FORM_MAP, "is no object"),
	FIELD(device, FORM_MAP, "is no object"),
	FIELD(user, FORM_MAP, "is no object"),
	FIELD(regs, FORM_MAP, "is no object"),
	FIELD(wseat, FORM_TEXTS, "is no list of texts"),
	FIELD(bseat, FORM_TEXTS, "is no list of texts"),
	FIELD(bcat, FORM_TEXTS, "is no list of texts"),
	FIELD(acat, FORM_TEXTS, "is no list of texts"),
	FIELD(badv, FORM_TEXTS, "is no list of texts"),
	FIELD(wlang, FORM_TEXTS, "is no list of texts"),
};

static const char *
read_numbers(struct slice map, struct openrtb_request *to)
{
	static const char *const names[] = { "tmax", "test", "at", "cattax" };
	struct slice value;

	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		if (!take(map, names[i], FORM_INT, &value))
			return "tmax, test, at and cattax are integers";
	to->tmax_ms = integer(map, "tmax", 0);
	to->test = integer(map, "test", 0) != 0;
	to->auction = (unsigned)integer(map, "at", 2);
	to->taxonomy = (uint64_t)integer(map, "cattax", 1);
	return NULL;
}

const char *
openrtb_read(
    const struct openrtb_rules *rules, struct slice map, struct openrtb_request *to)
{
	struct slice list;
	const char *wrong;

	to->map = map;
	to->imps = 0;
	if (!take_id(map, &to->id))
		return "id is no text of 1 to 512 bytes";
	if (!value_get(map, "imp", &list) || !is_of(list, FORM_MAPS) ||
	    value_count(list) == 0)
		return "imp is no list of objects, of one at least";
	if (!take(map, "cur", FORM_TEXTS, &list))
		return "cur is no list of texts";
	wrong = take_fields(map, fields, sizeof fields / sizeof *fields, to);
	if (wrong == NULL)
		wrong = read_numbers(map, to);
	if (wrong != NULL)
		return wrong;
	to->signal = flag(to->regs, "gpc");
	to->consents = consents(to);
	(void)value_get(map, "imp", &list);
	return read_imps(rules, list, to);
}

/* --- Refusals --------------------------------------------------------------------------- */

bool
openrtb_lists(struct slice list, struct slice text)
{
	struct slice key, item, name;
	struct value_walk walk;

	for (value_open(list, &walk); value_next(&walk, &key, &item);)
		if (value_str(item, &name) && slice_equal(name, text))
			return true;
	return false;
}

static bool
seat_allowed(const struct openrtb_rules *rules, struct slice allowed)
{
	return value_count(allowed) == 0 ||
	    (rules->seat != NULL && openrtb_lists(allowed, slice_text(rules->seat)));
}

enum openrtb_reason
openrtb_refuse(const struct openrtb_rules *rules, const struct openrtb_request *r)
{
	struct slice list;

	if (r->tmax_ms != 0 && r->tmax_ms < rules->hurry.us / 1000)
		return OPENRTB_HURRY;
	if (value_get(r->map, "cur", &list) && value_count(list) > 0 &&
	    !openrtb_lists(list, slice_text(rules->currency)))
		return OPENRTB_CURRENCY;
	if (!seat_allowed(rules, r->wseat) ||
	    (rules->seat != NULL && openrtb_lists(r->bseat, slice_text(rules->seat))))
		return OPENRTB_SEAT;
	return OPENRTB_NOBODY;
}

enum openrtb_reason
openrtb_refuse_imp(const struct openrtb_rules *rules, const struct openrtb_imp *imp)
{
	if (imp->banner.at == NULL || imp->flexible)
		return OPENRTB_FORMAT;
	if (imp->secure && !rules->secure)
		return OPENRTB_SECURE;
	if (imp->closed && value_count(imp->deals) == 0)
		return OPENRTB_DEAL;
	return imp->foreign && !imp->closed ? OPENRTB_CURRENCY : OPENRTB_NOBODY;
}

bool
openrtb_deal(const struct openrtb_rules *rules, const struct openrtb_imp *imp,
    struct slice id, int64_t *floor)
{
	struct slice key, item, name, value, currency;
	struct value_walk walk;

	for (value_open(imp->deals, &walk); value_next(&walk, &key, &item);) {
		if (!take_id(item, &name) || !slice_equal(name, id))
			continue;
		(void)take(item, "bidfloor", FORM_NUMBER, &value);
		(void)take(item, "bidfloorcur", FORM_TEXT, &currency);
		(void)take_price(value, floor);
		if (is_foreign(rules, currency, *floor))
			return false;
		return !value_get(item, "wseat", &value) || seat_allowed(rules, value);
	}
	return false;
}
