/* SPDX-License-Identifier: MIT */
#include "lib/serve/shown.h"

#include "lib/delivery/price.h"
#include "lib/record/build.h"
#include "lib/record/value.h"

_Static_assert(SHOWN_ABOUT_MAX <= UINT8_MAX, "a size takes 8 bits");

struct table *
shown_new(uint64_t memory_bytes)
{
	return table_new(TABLE_KEY_64, sizeof(struct shown), memory_bytes);
}

/* The pairs are walked through without a look at where they end, so they have to be what was
 * written. */
static bool
about_is_whole(const struct shown *s)
{
	size_t at = 0;

	if (s->size > sizeof s->about)
		return false;
	for (unsigned i = 0; i < 2U * s->pairs; i++) {
		uint8_t padded[SHOWN_ABOUT_MAX + RECORD_PADDING] = { 0 };
		struct fault fault;
		size_t size;

		if (at >= s->size)
			return false;
		memcpy(padded, s->about + at, s->size - at);
		if (record_extent(slice_of(padded, s->size - at), &size, &fault) !=
		    SCAN_RECORD)
			return false;
		at += size;
	}
	return at == s->size;
}

int
shown_check(const struct table *t, struct error *error)
{
	for (size_t i = table_next(t, 0); i != TABLE_NONE; i = table_next(t, i + 1)) {
		const struct shown *s = table_cell(t, i);

		if (!about_is_whole(s) || s->bid_type > BID_CPA ||
		    s->price_micros < 0 || s->sold < 0 ||
		    s->price_micros > CATALOGUE_MICROS_MAX)
			return error_set(error, "a decision in it is not whole");
	}
	return 0;
}

void
shown_count(const struct shown *s, struct caps *caps, instant now, double weight)
{
	for (unsigned i = 0; i < CAPS_SUBJECTS; i++)
		if (s->id[i] != 0)
			caps_add(caps, s->who, i, s->id[i], s->cap[i], now, weight);
}

static void
remember(struct shown *s, const char *name, struct slice value)
{
	struct build b;

	build_init(&b, s->about + s->size, sizeof s->about - s->size);
	build_text(&b, name);
	build_raw(&b, value);
	if (build_full(&b))
		return;
	s->size = (uint8_t)(s->size + build_slice(&b).size);
	s->pairs++;
}

static void
remember_number(struct shown *s, const char *name, int64_t number)
{
	uint8_t bytes[9];
	struct build b;

	build_init(&b, bytes, sizeof bytes);
	build_int(&b, number);
	remember(s, name, build_slice(&b));
}

static void
remember_price(struct shown *s)
{
	uint8_t bytes[8];
	struct build b;

	/* What is sold has another price, which is told later. */
	if (s->bid_type == BID_NONE || s->sold > 0)
		return;
	build_init(&b, bytes, sizeof bytes);
	build_text(&b, bid_type_name((enum bid_type)s->bid_type));
	remember(s, "bid_type", build_slice(&b));
	remember_number(s, "price_micros", s->price_micros);
}

void
shown_strip(struct shown *s, bool (*stays)(struct slice name))
{
	uint8_t *at = s->about, *to = s->about;
	unsigned pairs = s->pairs;
	struct slice name;

	for (s->pairs = 0; pairs > 0; pairs--) {
		size_t key = value_size(at), size = key + value_size(at + key);

		if (value_str(slice_of(at, key), &name) &&
		    (stays(name) || slice_is(name, "position") ||
			slice_is(name, "creative_id") ||
			slice_is(name, "composed_of") || slice_is(name, "bid_type") ||
			slice_is(name, "price_micros"))) {
			memmove(to, at, size);
			to += size;
			s->pairs++;
		}
		at += size;
	}
	s->size = (uint8_t)(to - s->about);
	memset(to, 0, sizeof s->about - s->size);
}

void
shown_describe(struct shown *s, unsigned position, struct slice creative_id,
    struct slice composed_of, const struct record *request)
{
	static const char *const names[] = { "slot_id", "user_id", "anonymous_id",
		"session_id", "consent" };
	struct slice value, map = slice_of(request->bytes, request->size);

	s->size = s->pairs = 0;
	remember_number(s, "position", position);
	remember_price(s);
	remember(s, "creative_id", creative_id);
	if (composed_of.at != NULL)
		remember(s, "composed_of", composed_of);
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		if (value_get(map, names[i], &value))
			remember(s, names[i], value);
}
