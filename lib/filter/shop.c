/* SPDX-License-Identifier: MIT */
#include "lib/filter/shop.h"

#include <stdlib.h>

#include "lib/delivery/catalogue_file.h"
#include "lib/delivery/offers.h"
#include "lib/hash.h"

enum { CANDIDATES, CREATIVE_ID, COMPOSED_OF, CAMPAIGN_ID };
enum { SAID_MAX = 5 };
enum { VALUES, BID_TYPES };

static const char *const lists[SHOP_LISTS] = { "candidate_values",
	"candidate_bid_types", "candidate_campaigns", "candidate_limits",
	"candidate_groups", "candidate_features", "candidate_feature_values" };

static void
complain(void *context, const char *text)
{
	struct run *run = context;

	run_say(run, "%s", text);
}

struct listener {
	struct run *run;
	unsigned said;
};

static void
complain_of_few(void *context, const char *text)
{
	struct listener *l = context;

	if (l->said++ < SAID_MAX)
		complain(l->run, text);
}

static struct catalogue *
new_catalogue(const struct shop *s, const struct run *run)
{
	return catalogue_new(
	    hash_key(run_seed(run)), CATALOGUE_LARGEST, s->memory_bytes / 2);
}

/* A catalogue as the file has it; NULL and error. */
static struct catalogue *
read_catalogue(struct shop *s, struct run *run, struct error *error)
{
	struct listener listener = { .run = run };
	struct catalogue *c = new_catalogue(s, run);

	if (c == NULL) {
		(void)error_set(error, "no memory for the catalogue");
		return NULL;
	}
	if (s->path != NULL &&
	    catalogue_read_file(c, run_os(run), s->path, complain_of_few, &listener,
		&s->refused, error) != 0) {
		catalogue_free(c);
		return NULL;
	}
	if (listener.said > SAID_MAX)
		run_say(run, "%s: %llu rows were refused in all", s->path,
		    (unsigned long long)s->refused);
	return c;
}

int
shop_open(struct shop *s, struct run *run, const char *path, uint64_t memory_bytes)
{
	struct error error;

	s->path = path;
	s->memory_bytes = memory_bytes;
	s->keys[CANDIDATES] = run_key(run, "candidates");
	s->keys[CREATIVE_ID] = run_key(run, "creative_id");
	s->keys[COMPOSED_OF] = run_key(run, "composed_of");
	s->keys[CAMPAIGN_ID] = run_key(run, "campaign_id");
	for (unsigned i = 0; i < SHOP_LISTS; i++)
		s->lists[i] = run_key(run, lists[i]);
	s->candidates = calloc(SHOP_CANDIDATES_MAX, sizeof *s->candidates);
	s->eligible = calloc(SHOP_CANDIDATES_MAX, sizeof *s->eligible);
	if (s->candidates == NULL || s->eligible == NULL)
		return run_fail(run, "no memory for the candidates");
	s->catalogue = read_catalogue(s, run, &error);
	if (s->catalogue == NULL)
		return run_usage(run, "--catalogue: %s", error.text);
	s->file = catalogue_digest(s->catalogue);
	run_counter(run, "refused", "rows of the catalogue's file that were refused",
	    &s->refused);
	if (path != NULL)
		run_opens_files(run);
	return 0;
}

void
shop_close(struct shop *s)
{
	catalogue_free(s->catalogue);
	free(s->candidates);
	free(s->eligible);
}

enum verdict
shop_take(struct shop *s, struct run *run, const struct record *r)
{
	struct error error;

	if (catalogue_take(s->catalogue, slice_of(r->bytes, r->size), true, &error) ==
	    CATALOGUE_REFUSED)
		return run_reject(run, "%s", error.text);
	return PASS;
}

int
shop_reload(struct shop *s, struct run *run)
{
	struct catalogue *new;
	struct error error;
	uint64_t file = 0;

	if (s->path == NULL)
		return 0;
	new = read_catalogue(s, run, &error);
	if (new != NULL)
		file = catalogue_digest(new);
	if (new == NULL || catalogue_inherit(new, s->catalogue, &error) != 0) {
		run_say(run, "%s; going on with the catalogue of before", error.text);
		catalogue_free(new);
		return 0;
	}
	catalogue_free(s->catalogue);
	s->catalogue = new;
	s->file = file;
	run_say(run, "catalogue %s read again: %u creatives of %u campaigns", s->path,
	    catalogue_counts(new).creatives, catalogue_counts(new).campaigns);
	return 0;
}

/* --- Candidates -------------------------------------------------------------------- */

static uint64_t
campaign_of(const struct shop *s, uint32_t row)
{
	return row == CATALOGUE_NONE
	    ? 0
	    : catalogue_creative(s->catalogue, row)->campaign_id;
}

/* A row as a candidate, which is written by the id that it has. */
static struct candidate
candidate_of(const struct shop *s, uint32_t row)
{
	const struct creative *c = catalogue_creative(s->catalogue, row);

	return (struct candidate){
		.hash = c->whole, .row = row, .campaign = c->campaign_id
	};
}

static bool
id_of(struct slice value, struct slice *id)
{
	int64_t integer;

	*id = value;
	return value_text(value, id) || value_int(value, &integer);
}

/* One that is named; false when there are too many. */
static bool
add_named(struct shop *s, struct slice value, struct slice id, uint32_t place)
{
	uint64_t hash = catalogue_hash(s->catalogue, id);
	uint32_t row = catalogue_first_named(s->catalogue, hash);

	if (row == CATALOGUE_NONE ||
	    catalogue_creative(s->catalogue, row)->id == hash) {
		struct candidate k = { .hash = hash, .row = row };

		if (row != CATALOGUE_NONE)
			k = candidate_of(s, row);
		k.id = value;
		k.place = place;
		s->candidates[s->count++] = k;
		return true;
	}
	s->news = true;
	for (; row != CATALOGUE_NONE && s->count < SHOP_CANDIDATES_MAX;
	     row = catalogue_next_named(s->catalogue, hash, row)) {
		s->candidates[s->count] = candidate_of(s, row);
		s->candidates[s->count++].place = place;
	}
	return row == CATALOGUE_NONE;
}

static enum verdict
read_named(struct shop *s, struct run *run, struct slice list)
{
	struct value_walk walk;
	struct slice none, value, id;
	uint32_t place = 0;

	s->before = value_count(list);
	if (value_type(list) != VALUE_ARRAY || s->before > SHOP_CANDIDATES_MAX)
		return run_reject(
		    run, "candidates is no list of at most %d", SHOP_CANDIDATES_MAX);
	for (value_open(list, &walk); value_next(&walk, &none, &value); place++) {
		if (!id_of(value, &id))
			return run_reject(run, "candidates has what is no id");
		if (s->count == SHOP_CANDIDATES_MAX || !add_named(s, value, id, place))
			return run_reject(run,
			    "candidates have more than %d compositions",
			    SHOP_CANDIDATES_MAX);
	}
	return PASS;
}

enum verdict
shop_candidates(
    struct shop *s, struct run *run, const struct record *request, instant when)
{
	struct slice list;

	s->count = 0;
	s->news = false;
	s->asked = record_value(request, s->keys[CANDIDATES], &list);
	if (s->asked)
		return read_named(s, run, list);
	if (catalogue_counts(s->catalogue).creatives == 0)
		return DROP;
	s->count = catalogue_eligible(
	    s->catalogue, request, when, s->eligible, SHOP_CANDIDATES_MAX);
	for (uint32_t i = 0; i < s->count; i++)
		s->candidates[i] = candidate_of(s, s->eligible[i]);
	s->before = s->count;
	return PASS;
}

/* The id as it is in the creative's record. */
static struct slice
id_in_catalogue(const struct shop *s, uint32_t row)
{
	struct slice value = { NULL, 0 };

	(void)value_get(
	    catalogue_creative_record(s->catalogue, row), "creative_id", &value);
	return value;
}

/* Of a list with an item for each candidate that was named, those of the first n; another
 * stays. */
static void
trim(struct shop *s, struct run *run, struct key key, struct slice list, uint32_t n)
{
	struct value_walk walk;
	struct slice none, item;
	uint32_t place = 0, left = 0;
	struct build *b;

	if (value_type(list) != VALUE_ARRAY || value_count(list) != s->before)
		return;
	b = run_set(run, key);
	build_array(b, n);
	for (value_open(list, &walk); left < n && value_next(&walk, &none, &item);
	     place++)
		for (; left < n && s->candidates[left].place == place; left++)
			build_raw(b, item);
}

static struct worth
worth_of(const struct shop *s, const struct candidate *k)
{
	static const struct offer_rules rules = { .sells = false, .house_micros = -1 };

	return offer_worth(s->catalogue, k->row, &rules);
}

/* What eligible candidates are worth, as far as one of them says so. */
static void
write_worth(struct shop *s, struct run *run, uint32_t n)
{
	bool valued = false, bids = false;
	struct build *b;

	for (uint32_t i = 0; i < n; i++) {
		struct worth w = worth_of(s, &s->candidates[i]);

		valued = valued || w.micros >= 0;
		bids = bids || w.type != BID_NONE;
	}
	if (!valued)
		return;
	b = run_set(run, s->lists[VALUES]);
	build_array(b, n);
	for (uint32_t i = 0; i < n; i++)
		worth_build_value(worth_of(s, &s->candidates[i]), b);
	if (!bids)
		return;
	b = run_set(run, s->lists[BID_TYPES]);
	build_array(b, n);
	for (uint32_t i = 0; i < n; i++)
		worth_build_type(worth_of(s, &s->candidates[i]), b);
}

void
shop_write(struct shop *s, struct run *run, const struct record *request, uint32_t n)
{
	struct slice list;
	struct build *b;

	if (s->asked && n == s->before && !s->news)
		return;
	b = run_set(run, s->keys[CANDIDATES]);
	build_array(b, n);
	for (uint32_t i = 0; i < n; i++)
		build_raw(b,
		    s->candidates[i].id.at != NULL
			? s->candidates[i].id
			: id_in_catalogue(s, s->candidates[i].row));
	if (!s->asked) {
		write_worth(s, run, n);
		return;
	}
	for (unsigned i = 0; i < SHOP_LISTS; i++)
		if (record_value(request, s->lists[i], &list))
			trim(s, run, s->lists[i], list, n);
}

bool
shop_shown(const struct shop *s, const struct record *r, struct candidate *to)
{
	struct slice id;

	if (!record_id(r, s->keys[CREATIVE_ID], &id))
		return false;
	to->id = id;
	to->hash = catalogue_hash(s->catalogue, id);
	to->row = catalogue_find_creative(s->catalogue, to->hash);
	if (record_id(r, s->keys[COMPOSED_OF], &id))
		to->hash = catalogue_hash(s->catalogue, id);
	else if (to->row != CATALOGUE_NONE)
		to->hash = catalogue_creative(s->catalogue, to->row)->whole;
	if (to->row == CATALOGUE_NONE)
		to->row = catalogue_first_named(s->catalogue, to->hash);
	to->campaign = campaign_of(s, to->row);
	if (to->campaign == 0 && record_id(r, s->keys[CAMPAIGN_ID], &id))
		to->campaign = catalogue_hash(s->catalogue, id);
	return true;
}

void
shop_save(const struct shop *s, struct state_writer *to)
{
	state_put_u64(to, s->file);
	catalogue_save(s->catalogue, to);
}

/* The catalogue of before goes on; when the file is another by now, what the stream has
 * brought goes on in that. */
static int
merge(struct shop *s, struct run *run, struct catalogue *before, uint64_t file,
    struct error *error)
{
	if (file == s->file) {
		catalogue_free(s->catalogue);
		s->catalogue = before;
		return 0;
	}
	run_say(run,
	    "the catalogue's file is not that of the snapshot: it counts, and what "
	    "came with "
	    "the stream beside it");
	if (catalogue_inherit(s->catalogue, before, error) != 0)
		return -1;
	catalogue_free(before);
	return 0;
}

int
shop_load(struct shop *s, struct run *run, struct state_reader *from)
{
	struct catalogue *before = new_catalogue(s, run);
	struct error error;
	uint64_t file;

	if (before == NULL)
		return run_fail(run, "no memory for the catalogue");
	if (state_get_u64(from, &file) != 0)
		(void)error_set(&error, "the snapshot is too short");
	else if (catalogue_load(before, from, &error) == 0 &&
	    merge(s, run, before, file, &error) == 0)
		return 0;
	catalogue_free(before);
	return run_fail(run, "%s", error.text);
}
