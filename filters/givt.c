/* SPDX-License-Identifier: MIT
 *
 * bp-givt: mark what is surely no visitor, by lists and simple checks.
 *
 * in     any records; of each: user_agent, ip, sec_purpose or purpose, width and height
 * out    the same; those with a reason have it in fraud: {score, flags, lists}, which
 *        keeps what was in it; with --places also where the address is
 * state  none: a record is judged by itself and by the lists
 * needs  nothing: lists come with it, others by options, read again on HUP
 *
 * It marks and does not drop: bp-metric counts both, gross and net of what is marked.
 */
#include <stdlib.h>

#include "lib/filter.h"
#include "lib/traffic/geo.h"
#include "lib/traffic/invalid.h"
#include "lib/traffic/known.h"

enum { LIST_MAX = (1 << 20) - 1, PLACES_MAX = 4 };
enum { AGENT, ADDRESS, SEC_PURPOSE, PURPOSE, WIDTH, HEIGHT, FRAUD, KEYS };
enum {
	COUNTRY,
	REGION,
	CITY,
	ASN,
	ORGANIZATION,
	LATITUDE,
	LONGITUDE,
	ACCURACY,
	PLACE_KEYS
};

struct givt {
	const char *files[INVALID_LISTS];
	const char *places_paths, *invalid;
	bool drop;

	unsigned counts_as;          /* reasons whose score is 1 */
	struct invalid_lists *lists; /* owned, as are the places */
	struct geo *places[PLACES_MAX];
	struct key keys[KEYS], place_keys[PLACE_KEYS];
	uint64_t found[INVALID_COUNT], invalid_records, unread;
};

static const struct option options[] = {
	OPTION_ASIDE('r', "robots", struct givt, files[LIST_ROBOTS], NULL,
	    "patterns of the agents of robots, in place of those that come with it",
	    "FILE"),
	OPTION_ASIDE('b', "browsers", struct givt, files[LIST_BROWSERS], NULL,
	    "patterns of the agents of browsers, likewise", "FILE"),
	OPTION_ASIDE('d', "datacentres", struct givt, files[LIST_DATACENTRES], NULL,
	    "addresses of rented machines, likewise", "FILE"),
	OPTION_ASIDE('v', "vpns", struct givt, files[LIST_VPNS], NULL,
	    "addresses of private networks of many", "FILE"),
	OPTION_ASIDE('t', "tor", struct givt, files[LIST_TOR], NULL,
	    "addresses of exits of Tor", "FILE"),
	OPTION_ASIDE('p', "places", struct givt, places_paths, NULL,
	    "MaxMind DB files: add country, region, city, asn, coordinates, ...",
	    "FILES"),
	OPTION('i', "invalid", struct givt, invalid,
	    "robot,no_agent,not_browser,datacentre,prefetch,placement",
	    "reasons for a score of 1; others are only told", "CODES"),
	OPTION(0, "drop", struct givt, drop, NULL, "drop what gets a score of 1"),
	OPTION_END,
};

/* --- Lists ------------------------------------------------------------------------- */

/* All lists as they are now; NULL and error. */
static struct invalid_lists *
read_lists(struct run *run, const struct givt *f, struct error *error)
{
	struct slice texts[INVALID_LISTS];
	uint8_t *owned[INVALID_LISTS] = { NULL };
	struct invalid_lists *lists = NULL;
	unsigned i;

	for (i = 0; i < INVALID_LISTS; i++) {
		texts[i] = known_text(invalid_list_name(i));
		if (f->files[i] == NULL)
			continue;
		owned[i] = run_read_file(run, f->files[i], LIST_MAX, &texts[i], error);
		if (owned[i] == NULL)
			break;
	}
	if (i == INVALID_LISTS)
		lists = invalid_lists_new(texts, hash_key(run_seed(run)), error);
	for (i = 0; i < INVALID_LISTS; i++)
		free(owned[i]);
	return lists;
}

static void
close_places(struct geo *places[PLACES_MAX])
{
	for (unsigned i = 0; i < PLACES_MAX; i++) {
		geo_close(places[i]);
		places[i] = NULL;
	}
}

static int
open_places(const char *paths, struct geo *to[PLACES_MAX], struct error *error)
{
	struct slice name;
	char path[4096];
	unsigned n = 0;

	memset(to, 0, PLACES_MAX * sizeof *to);
	while (option_next_name(&paths, &name)) {
		if (n == PLACES_MAX || name.size >= sizeof path)
			return error_set(
			    error, "at most %d files of places", PLACES_MAX);
		memcpy(path, name.at, name.size);
		path[name.size] = 0;
		to[n] = geo_open(path, error);
		if (to[n++] == NULL) {
			close_places(to);
			return -1;
		}
	}
	return 0;
}

static int
reload(struct run *run, void *self)
{
	struct givt *f = self;
	struct geo *places[PLACES_MAX];
	struct invalid_lists *lists;
	struct error error;

	lists = read_lists(run, f, &error);
	if (lists == NULL || open_places(f->places_paths, places, &error) != 0) {
		run_say(run, "%s; going on with the lists of before", error.text);
		invalid_lists_free(lists);
		return 0;
	}
	invalid_lists_free(f->lists);
	close_places(f->places);
	f->lists = lists;
	memcpy(f->places, places, sizeof places);
	run_say(run, "lists read again: %s", lists->versions);
	return 0;
}

static int
start(struct run *run, void *self)
{
	static const char *const names[KEYS] = { "user_agent", "ip", "sec_purpose",
		"purpose", "width", "height", "fraud" };
	static const char *const place_names[PLACE_KEYS] = { "country", "region",
		"city", "asn", "as_organization", "latitude", "longitude",
		"accuracy_km" };
	struct givt *f = self;
	struct error error;

	for (unsigned i = 0; i < KEYS; i++)
		f->keys[i] = run_key(run, names[i]);
	for (unsigned i = 0; i < PLACE_KEYS; i++)
		f->place_keys[i] = run_key(run, place_names[i]);
	if (!invalid_parse(f->invalid, &f->counts_as))
		return run_usage(run,
		    "--invalid: '%s' has what is no reason (bp-givt(1) has them all)",
		    f->invalid);
	f->lists = read_lists(run, f, &error);
	if (f->lists == NULL || open_places(f->places_paths, f->places, &error) != 0)
		return run_usage(run, "%s", error.text);
	for (unsigned i = 0; i < INVALID_COUNT; i++)
		run_counter(
		    run, invalid_code(i), "records with this reason", &f->found[i]);
	run_counter(run, "invalid", "records with a score of 1", &f->invalid_records);
	run_counter(run, "unread", "ip that are no addresses", &f->unread);
	return 0;
}

/* --- One record -------------------------------------------------------------------- */

static void
read_hit(struct givt *f, const struct record *r, struct hit *hit)
{
	const struct key *k = f->keys;
	struct slice text;

	*hit = (struct hit){ .width = 0 };
	hit->has_agent = record_str(r, k[AGENT], &hit->agent);
	if (record_str(r, k[ADDRESS], &text)) {
		hit->has_address = ip_parse(text, &hit->address);
		f->unread += !hit->has_address;
	}
	if (!record_str(r, k[SEC_PURPOSE], &hit->purpose))
		(void)record_str(r, k[PURPOSE], &hit->purpose);
	hit->has_size = record_int(r, k[WIDTH], &hit->width) &&
	    record_int(r, k[HEIGHT], &hit->height);
}

static void
set_text(struct run *run, struct givt *f, const struct record *r, unsigned key,
    struct slice text)
{
	struct slice before;

	if (text.at != NULL && !record_value(r, f->place_keys[key], &before))
		build_str(run_set(run, f->place_keys[key]), text);
}

/* A point is the record's, or it is the files': never some of each. */
static void
set_point(struct run *run, struct givt *f, const struct record *r,
    const struct geo_place *place)
{
	struct slice before;

	if (!place->located || record_value(r, f->place_keys[LATITUDE], &before) ||
	    record_value(r, f->place_keys[LONGITUDE], &before))
		return;
	build_double(run_set(run, f->place_keys[LATITUDE]), place->latitude);
	build_double(run_set(run, f->place_keys[LONGITUDE]), place->longitude);
	if (place->within_km > 0)
		build_uint(run_set(run, f->place_keys[ACCURACY]), place->within_km);
}

/* Where the address is; what the record says itself stays. */
static void
locate(
    struct run *run, struct givt *f, const struct record *r, const struct ip *address)
{
	struct geo_place place = { .asn = 0 };
	struct slice before;

	for (unsigned i = 0; i < PLACES_MAX && f->places[i] != NULL; i++)
		(void)geo_find(f->places[i], address, &place);
	set_text(run, f, r, COUNTRY, place.country);
	set_text(run, f, r, REGION, place.region);
	set_text(run, f, r, CITY, place.city);
	set_text(run, f, r, ORGANIZATION, place.organization);
	set_point(run, f, r, &place);
	if (place.asn != 0 && !record_value(r, f->place_keys[ASN], &before))
		build_uint(run_set(run, f->place_keys[ASN]), place.asn);
}

/* Which of the reasons a list of codes has. */
static unsigned
reasons_in(struct slice flags)
{
	struct slice key, item, code;
	struct value_walk walk;
	unsigned reasons = 0;

	for (value_open(flags, &walk); value_next(&walk, &key, &item);)
		for (unsigned i = 0; value_str(item, &code) && i < INVALID_COUNT; i++)
			reasons |= slice_is(code, invalid_code(i)) ? 1U << i : 0;
	return reasons;
}

/* The pairs of what is there but for those that are set, and the flags that it has. */
static uint32_t
keep_fraud(struct slice before, struct build *b, struct slice *flags, double *score)
{
	struct slice key, item, name;
	struct value_walk walk;
	uint32_t kept = 0;

	for (value_open(before, &walk); value_next(&walk, &key, &item);) {
		if (!value_str(key, &name))
			continue;
		if (slice_is(name, "score"))
			(void)value_number(item, score);
		else if (slice_is(name, "flags"))
			*flags = value_type(item) == VALUE_ARRAY ? item : *flags;
		else if (!slice_is(name, "lists")) {
			build_raw(b, key);
			build_raw(b, item);
			kept++;
		}
	}
	return kept;
}

static void
mark(struct run *run, struct givt *f, const struct record *r, unsigned reasons,
    bool invalid)
{
	struct slice before, flags = slice_of("\x90", 1), key, item;
	struct build *b = run_set(run, f->keys[FRAUD]);
	struct value_walk walk;
	uint32_t pairs = 3, n = 0;
	double score = 0;
	size_t open = build_open(b), list;

	if (record_value(r, f->keys[FRAUD], &before) && value_type(before) == VALUE_MAP)
		pairs += keep_fraud(before, b, &flags, &score);
	build_text(b, "score");
	build_double(b, invalid || score > 1 ? 1 : score > 0 ? score : 0);
	reasons &= ~reasons_in(flags);
	build_text(b, "flags");
	list = build_open(b);
	for (value_open(flags, &walk); value_next(&walk, &key, &item); n++)
		build_raw(b, item);
	for (unsigned i = 0; i < INVALID_COUNT; i++)
		if ((reasons >> i & 1) != 0) {
			build_text(b, invalid_code(i));
			n++;
		}
	build_close_array(b, list, n);
	build_text(b, "lists");
	build_text(b, f->lists->versions);
	build_close_map(b, open, pairs);
}

static enum verdict
each(struct run *run, void *self, const struct record *r)
{
	struct givt *f = self;
	struct hit hit;
	unsigned reasons;
	bool invalid;

	read_hit(f, r, &hit);
	if (hit.has_address && f->places[0] != NULL)
		locate(run, f, r, &hit.address);
	reasons = invalid_reasons(f->lists, &hit);
	if (reasons == 0)
		return PASS;
	invalid = (reasons & f->counts_as) != 0;
	f->invalid_records += invalid;
	for (unsigned i = 0; i < INVALID_COUNT; i++)
		f->found[i] += reasons >> i & 1;
	if (invalid && f->drop)
		return DROP;
	mark(run, f, r, reasons, invalid);
	return PASS;
}

static int
save(struct run *run, void *self, struct state_writer *to)
{
	struct givt *f = self;

	(void)run;
	state_put(to, f->found, sizeof f->found);
	state_put_u64(to, f->invalid_records);
	state_put_u64(to, f->unread);
	return 0;
}

static int
load(struct run *run, void *self, struct state_reader *from)
{
	struct givt *f = self;

	return state_get(from, f->found, sizeof f->found) == 0 &&
		state_get_u64(from, &f->invalid_records) == 0 &&
		state_get_u64(from, &f->unread) == 0
	    ? 0
	    : run_fail(run, "the snapshot is too short");
}

static void
stop(void *self)
{
	struct givt *f = self;

	invalid_lists_free(f->lists);
	close_places(f->places);
}

static const struct filter givt = {
	.name = "givt",
	.about = "mark what is surely no visitor: robots, rented machines, prefetches",
	.examples = "  bp-parse access.log | bp-givt | bp-metric --by slot_id\n"
		    "  bp-givt --tor exits.txt --drop <events.bp >visitors.bp\n",
	.options = options,
	.size = sizeof(struct givt),
	.schema = 1,
	.start = start,
	.load = load,
	.each = each,
	.reload = reload,
	.save = save,
	.stop = stop,
};

int
main(int argc, char **argv)
{
	return filter_main(&givt, argc, argv);
}
