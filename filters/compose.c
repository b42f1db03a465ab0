/* SPDX-License-Identifier: MIT
 *
 * bp-compose: make creatives of their parts, and banners of decisions.
 *
 * in     creatives whose parts are lists, of which every combination goes out as a creative
 *        of its own; requests, whose candidates may name either; decisions, which get the
 *        parts that were chosen and the HTML of the banner; others pass
 * out    the same records in the same order
 * state  the creatives that passed; what --catalogue has besides
 * needs  creatives before the requests and decisions that name them
 */
#include <stdlib.h>

#include "lib/compose/composition.h"
#include "lib/filter.h"
#include "lib/filter/shop.h"
#include "lib/filter/template_file.h"

enum { ADD_ALL, ADD_HTML, ADD_PARTS };
enum { HTML_ROOM = TEMPLATE_HTML_MAX + 16, ID_ROOM = 272 };

/* A creative that there was, as msgpack. */
struct id {
	uint64_t hash;
	uint32_t size;
	uint8_t bytes[ID_ROOM];
};

struct compose {
	const char *path;
	struct template_file template;
	int add;

	struct shop shop;
	struct key candidates, creative_id, composed_of, parts, decision_id, html,
	    click_url, impression_url;
	uint8_t *banner; /* owned; HTML_ROOM bytes */
	struct id *ids;  /* owned; what a creative was before it came again */
	unsigned id_count;
	struct compositions compositions; /* of the creative at hand */
	struct {
		uint64_t composed, compositions, rendered, unknown;
	} counts;
};

static const struct option options[] = {
	OPTION_ASIDE('c', "catalogue", struct compose, path, NULL,
	    "creatives to know beforehand, as records or JSON lines", "FILE"),
	OPTION_ASIDE('t', "template", struct compose, template.path, NULL,
	    "the HTML of a banner; none: a plain one", "FILE"),
	OPTION_CHOICE(
	    'a', "add", struct compose, add, "all|html|parts", "what decisions get"),
	OPTION_END,
};

/* --- Start ------------------------------------------------------------------------- */

static void
find_keys(struct run *run, struct compose *f)
{
	f->candidates = run_key(run, "candidates");
	f->creative_id = run_key(run, "creative_id");
	f->composed_of = run_key(run, "composed_of");
	f->parts = run_key(run, "parts");
	f->decision_id = run_key(run, "decision_id");
	f->html = run_key(run, "html");
	f->click_url = run_key(run, "click_url");
	f->impression_url = run_key(run, "impression_url");
}

static int
start(struct run *run, void *self)
{
	struct compose *f = self;

	find_keys(run, f);
	f->banner = malloc(HTML_ROOM);
	f->ids = calloc(COMPOSITION_MAX, sizeof *f->ids);
	if (f->banner == NULL || f->ids == NULL)
		return run_fail(run, "no memory for banners");
	if (shop_open(&f->shop, run, f->path, run_memory(run) / 2) != 0 ||
	    template_file_open(&f->template, run) != 0)
		return -1;
	run_counter(run, "composed", "creatives of parts", &f->counts.composed);
	run_counter(run, "compositions", "creatives that were made of them",
	    &f->counts.compositions);
	run_counter(run, "rendered", "banners made of decisions", &f->counts.rendered);
	run_counter(run, "unknown", "decisions whose creative is not known",
	    &f->counts.unknown);
	return 0;
}

/* --- Creatives --------------------------------------------------------------------- */

/* What the catalogue has of the creative now. */
static void
note_ids(struct compose *f, uint64_t whole)
{
	const struct catalogue *c = f->shop.catalogue;
	uint32_t row = catalogue_first_named(c, whole);

	for (f->id_count = 0; row != CATALOGUE_NONE && f->id_count < COMPOSITION_MAX;
	     row = catalogue_next_named(c, whole, row)) {
		struct id *id = &f->ids[f->id_count++];
		struct slice value;

		(void)value_get(
		    catalogue_creative_record(c, row), "creative_id", &value);
		id->hash = catalogue_creative(c, row)->id;
		id->size = (uint32_t)value.size;
		memcpy(id->bytes, value.at, value.size);
	}
}

/* Whoever keeps creatives by their id is told of one that is no more. */
static int
emit_removal(struct run *run, const struct id *id, const struct record *r)
{
	struct slice value = slice_of(id->bytes, id->size), event, text;
	struct build *b = run_build(run);
	size_t open = build_open(b);
	unsigned pairs = 3;
	instant when;

	build_text(b, "event");
	build_text(b, "creative");
	build_text(b, "creative_id");
	build_raw(b, value);
	build_text(b, "deleted");
	build_bool(b, true);
	if (record_timestamp(r, &when)) {
		build_text(b, "timestamp");
		build_int(b, when);
		pairs++;
	}
	if (record_str(r, KEY_EVENT_ID, &event) && value_text(value, &text)) {
		build_text(b, "event_id");
		build_str_header(b, event.size + 1 + text.size);
		build_raw(b, event);
		build_raw(b, slice_text("-"));
		build_raw(b, text);
		pairs++;
	}
	build_close_map(b, open, pairs);
	return run_emit_built(run);
}

static int
emit_compositions(struct run *run, struct compose *f)
{
	for (uint32_t i = 0; i < f->compositions.count; i++) {
		compositions_build(&f->compositions, i, run_build(run));
		if (run_emit_built(run) != 0)
			return -1;
	}
	f->counts.composed++;
	f->counts.compositions += f->compositions.count;
	return 0;
}

static enum verdict
take_creative(struct run *run, struct compose *f, const struct record *r)
{
	const struct catalogue *c = f->shop.catalogue;
	struct slice id;
	struct error error;
	enum verdict verdict;
	uint64_t own;
	bool deleted;

	if (!record_id(r, f->creative_id, &id))
		return shop_take(&f->shop, run, r);
	own = catalogue_hash(c, id);
	note_ids(f, own);
	verdict = shop_take(&f->shop, run, r);
	if (verdict != PASS)
		return verdict;
	deleted = catalogue_first_named(c, own) == CATALOGUE_NONE;
	for (unsigned i = 0; i < f->id_count; i++)
		if (catalogue_find_creative(c, f->ids[i].hash) == CATALOGUE_NONE &&
		    !(deleted && f->ids[i].hash == own) &&
		    emit_removal(run, &f->ids[i], r) != 0)
			return FAIL;
	if (deleted ||
	    compositions_read(&f->compositions, slice_of(r->bytes, r->size), &error) !=
		0 ||
	    f->compositions.count == 0)
		return PASS;
	return emit_compositions(run, f) == 0 ? DROP : FAIL;
}

/* --- Requests and decisions -------------------------------------------------------- */

static enum verdict
name_candidates(struct run *run, struct compose *f, const struct record *r)
{
	struct slice list;
	enum verdict verdict;

	if (!record_value(r, f->candidates, &list))
		return PASS;
	verdict = shop_candidates(&f->shop, run, r, 0);
	if (verdict == PASS)
		shop_write(&f->shop, run, r, f->shop.count);
	return verdict;
}

/* The creative's own word holds: who asked may have said something else. */
static void
add_own(struct run *run, const struct record *r, struct key key, struct slice creative,
    const char *name)
{
	struct slice value;

	if (value_get(creative, name, &value))
		build_raw(run_set(run, key), value);
	else if (record_value(r, key, &value))
		run_unset(run, key);
}

/* The links of the decision, if it has any; else the creative leads where it says. */
static bool
render(struct compose *f, const struct record *r, struct slice creative,
    struct slice *banner)
{
	struct template_values v = { .creative = creative };
	struct slice url;
	struct build b;

	(void)record_str(r, f->decision_id, &v.decision_id);
	(void)record_str(r, f->impression_url, &v.impression_url);
	if (!record_str(r, f->click_url, &v.click_url) &&
	    value_get(creative, "url", &url))
		(void)value_str(url, &v.click_url);
	build_init(&b, f->banner, HTML_ROOM);
	if (!template_render(f->template.template, &v, &b))
		return false;
	*banner = build_slice(&b);
	f->counts.rendered++;
	return true;
}

static enum verdict
show(struct run *run, struct compose *f, const struct record *r)
{
	const struct catalogue *c = f->shop.catalogue;
	struct slice id, creative, banner;
	uint32_t row = CATALOGUE_NONE;

	if (record_id(r, f->creative_id, &id))
		row = catalogue_find_creative(c, catalogue_hash(c, id));
	if (row == CATALOGUE_NONE) {
		f->counts.unknown++;
		return PASS;
	}
	creative = catalogue_creative_record(c, row);
	if (f->add != ADD_HTML) {
		add_own(run, r, f->composed_of, creative, "composed_of");
		add_own(run, r, f->parts, creative, "parts");
	}
	if (f->add == ADD_PARTS)
		return PASS;
	if (!render(f, r, creative, &banner))
		return run_reject(
		    run, "its banner has more than %d bytes", TEMPLATE_HTML_MAX);
	build_raw(run_set(run, f->html), banner);
	return PASS;
}

static enum verdict
each(struct run *run, void *self, const struct record *r)
{
	struct compose *f = self;

	switch (record_kind(r)) {
	case KIND_CREATIVE:
		return take_creative(run, f, r);
	case KIND_REQUEST:
		return name_candidates(run, f, r);
	case KIND_DECISION:
		return show(run, f, r);
	default:
		return PASS;
	}
}

/* --- Between runs ------------------------------------------------------------------ */

static int
reload(struct run *run, void *self)
{
	struct compose *f = self;

	template_file_reload(&f->template, run);
	return shop_reload(&f->shop, run);
}

static int
save(struct run *run, void *self, struct state_writer *to)
{
	struct compose *f = self;

	(void)run;
	shop_save(&f->shop, to);
	state_put(to, &f->counts, sizeof f->counts);
	return 0;
}

static int
load(struct run *run, void *self, struct state_reader *from)
{
	struct compose *f = self;

	if (shop_load(&f->shop, run, from) != 0)
		return -1;
	return state_get(from, &f->counts, sizeof f->counts) == 0
	    ? 0
	    : run_fail(run, "the snapshot is too short");
}

static void
stop(void *self)
{
	struct compose *f = self;

	shop_close(&f->shop);
	template_file_close(&f->template);
	free(f->banner);
	free(f->ids);
}

static const struct filter compose = {
	.name = "compose",
	.about = "make creatives of their parts, and banners of decisions",
	.examples =
	    "  bp-parse -f json shop.json | bp-compose >creatives.bp\n"
	    "  bp-compose --catalogue shop.json --template box.html decisions.bp\n"
	    "  bp-compose -c shop.json -a parts events.bp | bp-join >outcomes.bp\n",
	.options = options,
	.size = sizeof(struct compose),
	.schema = 2,
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
	return filter_main(&compose, argc, argv);
}
