/* SPDX-License-Identifier: MIT */
#include "lib/serve/openrtb_fit.h"

#include "lib/serve/link.h"
#include "lib/text/url.h"

enum { TEXT_AD = 1, PICTURE_AD = 2 }; /* of the list of banner ad types */

/* --- Terms ------------------------------------------------------------------------------ */

static void
take_px(struct slice value, uint32_t *to)
{
	uint64_t px;

	if (value_uint(value, &px) && px <= UINT16_MAX)
		*to = (uint32_t)px;
}

static void
take_list(struct slice value, struct slice *to)
{
	if (value_type(value) == VALUE_ARRAY)
		*to = value;
}

void
openrtb_terms(struct slice creative, struct openrtb_terms *to)
{
	struct slice key, value, name;
	struct value_walk walk;

	*to = (struct openrtb_terms){ .taxonomy = 1 };
	for (value_open(creative, &walk); value_next(&walk, &key, &value);) {
		if (!value_str(key, &name))
			continue;
		if (slice_is(name, "creative_id"))
			to->creative = value;
		else if (slice_is(name, "campaign_id"))
			to->campaign = value;
		else if (slice_is(name, "parts"))
			to->parts = value;
		else if (slice_is(name, "url"))
			(void)value_str(value, &to->url);
		else if (slice_is(name, "width"))
			take_px(value, &to->size.width);
		else if (slice_is(name, "height"))
			take_px(value, &to->size.height);
		else if (slice_is(name, "cat"))
			take_list(value, &to->cat);
		else if (slice_is(name, "attr"))
			take_list(value, &to->attr);
		else if (slice_is(name, "adomain"))
			take_list(value, &to->adomain);
		else if (slice_is(name, "language"))
			(void)value_str(value, &to->language);
		else if (slice_is(name, "deal_id"))
			(void)value_str(value, &to->deal);
		else if (slice_is(name, "cattax"))
			(void)value_uint(value, &to->taxonomy);
	}
}

struct slice
openrtb_domain(const struct openrtb_terms *t)
{
	struct url url;

	if (!link_leads(t->url))
		return slice_text("");
	url_split(t->url, &url);
	if (url.host.size > 4 && memcmp(url.host.at, "www.", 4) == 0)
		return slice_from(url.host, 4);
	return url.host;
}

struct slice
openrtb_image(const struct openrtb_terms *t)
{
	struct slice value, text;

	if (t->parts.at != NULL && value_get(t->parts, "image_url", &value) &&
	    value_str(value, &text) && link_leads(text))
		return text;
	return slice_text("");
}

struct openrtb_size
openrtb_shown(const struct openrtb_imp *imp, const struct openrtb_terms *t)
{
	return t->size.width > 0 || imp->sizes == 0 ? t->size : imp->size[0];
}

/* --- What is blocked -------------------------------------------------------------------- */

/* "IAB7" stands for "IAB7-39" as well. */
static bool
is_category_of(struct slice category, struct slice list)
{
	struct slice key, item, text;
	struct value_walk walk;

	for (value_open(list, &walk); value_next(&walk, &key, &item);)
		if (value_str(item, &text) && text.size <= category.size &&
		    slice_equal(text, slice_of(category.at, text.size)) &&
		    (text.size == category.size || category.at[text.size] == '-'))
			return true;
	return false;
}

/* Categories of another taxonomy cannot be compared: a no. */
static bool
category_allowed(const struct openrtb_request *r, const struct openrtb_terms *t)
{
	bool limited = value_count(r->bcat) > 0 || value_count(r->acat) > 0,
	     wanted = value_count(r->acat) == 0;
	struct slice key, item, text;
	struct value_walk walk;

	if (!limited)
		return true;
	if (t->cat.at == NULL || t->taxonomy != r->taxonomy)
		return t->cat.at == NULL && wanted;
	for (value_open(t->cat, &walk); value_next(&walk, &key, &item);) {
		if (!value_str(item, &text) || is_category_of(text, r->bcat))
			return false;
		wanted = wanted || is_category_of(text, r->acat);
	}
	return wanted;
}

static uint8_t
lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 'a' - 'A') : c;
}

/* "ford.com" stands for "shop.ford.com" as well. */
static bool
is_within(struct slice domain, struct slice of)
{
	size_t from = domain.size - of.size;

	if (of.size == 0 || of.size > domain.size ||
	    (from > 0 && domain.at[from - 1] != '.'))
		return false;
	for (size_t i = 0; i < of.size; i++)
		if (lower(domain.at[from + i]) != lower(of.at[i]))
			return false;
	return true;
}

static bool
is_blocked(struct slice domain, struct slice list)
{
	struct slice key, item, text;
	struct value_walk walk;

	for (value_open(list, &walk); value_next(&walk, &key, &item);)
		if (value_str(item, &text) && is_within(domain, text))
			return true;
	return false;
}

static bool
advertiser_allowed(const struct openrtb_request *r, const struct openrtb_terms *t)
{
	struct slice key, item, text;
	struct value_walk walk;

	if (value_count(r->badv) == 0)
		return true;
	if (t->adomain.at == NULL)
		return !is_blocked(openrtb_domain(t), r->badv);
	for (value_open(t->adomain, &walk); value_next(&walk, &key, &item);)
		if (!value_str(item, &text) || is_blocked(text, r->badv))
			return false;
	return true;
}

static bool
has_number(struct slice list, int64_t wanted)
{
	struct slice key, item;
	struct value_walk walk;
	int64_t number;

	for (value_open(list, &walk); value_next(&walk, &key, &item);)
		if (value_int(item, &number) && number == wanted)
			return true;
	return false;
}

static bool
banner_allowed(const struct openrtb_imp *imp, const struct openrtb_terms *t)
{
	struct slice list, key, item;
	struct value_walk walk;
	int64_t number;

	if (value_get(imp->banner, "btype", &list) &&
	    has_number(list, openrtb_image(t).size > 0 ? PICTURE_AD : TEXT_AD))
		return false;
	if (t->attr.at == NULL || !value_get(imp->banner, "battr", &list))
		return true;
	for (value_open(t->attr, &walk); value_next(&walk, &key, &item);)
		if (!value_int(item, &number) || has_number(list, number))
			return false;
	return true;
}

/* --- All of it --------------------------------------------------------------------------- */

static bool
size_fits(const struct openrtb_imp *imp, const struct openrtb_size *size)
{
	if (size->width == 0 || imp->sizes == 0)
		return true;
	for (unsigned i = 0; i < imp->sizes; i++)
		if (imp->size[i].width == size->width &&
		    imp->size[i].height == size->height)
			return true;
	return false;
}

int64_t
openrtb_floor(const struct openrtb_fit *f, const struct openrtb_terms *t)
{
	int64_t floor = f->imp->floor;

	if (t->deal.at != NULL)
		(void)openrtb_deal(f->rules, f->imp, t->deal, &floor);
	return floor;
}

/* A creative of a deal is for nothing else, and a closed auction for nobody else. */
static bool
deal_allows(const struct openrtb_fit *f, const struct openrtb_terms *t)
{
	int64_t floor;

	return t->deal.at != NULL ? openrtb_deal(f->rules, f->imp, t->deal, &floor)
				  : !f->imp->closed;
}

/* What is paid by the click is worth what a model says, after this. */
static bool
can_pay(const struct openrtb_fit *f, const struct catalogue *all, uint32_t row,
    const struct openrtb_terms *t)
{
	const struct creative *c = catalogue_creative(all, row);
	const struct campaign *of;

	if (c->campaign == CATALOGUE_NONE)
		return false;
	of = catalogue_campaign(all, c->campaign);
	if (of->bid_type != BID_CPM)
		return f->predicts && of->bid_micros > 0;
	return of->bid_micros > 0 && of->bid_micros >= openrtb_floor(f, t);
}

static bool
is_secure(const struct openrtb_terms *t)
{
	struct slice image = openrtb_image(t);

	return image.size == 0 || memcmp(image.at, "https:", 6) == 0;
}

bool
openrtb_fits(void *context, const struct catalogue *c, uint32_t row)
{
	const struct openrtb_fit *f = context;
	const struct openrtb_request *r = f->request;
	struct openrtb_terms t;

	openrtb_terms(catalogue_creative_record(c, row), &t);
	return size_fits(f->imp, &t.size) && deal_allows(f, &t) &&
	    can_pay(f, c, row, &t) && (!f->imp->secure || is_secure(&t)) &&
	    (value_count(r->wlang) == 0 || t.language.at == NULL ||
		openrtb_lists(r->wlang, t.language)) &&
	    category_allowed(r, &t) && advertiser_allowed(r, &t) &&
	    banner_allowed(f->imp, &t);
}
