/* SPDX-License-Identifier: MIT
 *
 * bp-validate: report what a stream is made of, and what is wrong with it.
 *
 * in     any records
 * out    one report, as text, when the input ends
 * state  counts in fixed arrays; cuckoo filters of the event ids and decision ids of
 *        the last --window, of a sixteenth of --memory each
 * needs  nothing; it rejects nothing either, and counts whatever the weight
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/filter.h"
#include "lib/hash.h"
#include "lib/record/census.h"
#include "lib/record/judgement.h"
#include "lib/sketch/cuckoo.h"
#include "lib/sketch/quantile.h"
#include "lib/state/block.h"

enum { POSITIONS = 10, CONTROLS = CONTROL_TEXT + 1, WINDOW_SLICES = 8 };

/* Everything that is counted; plain bytes, saved as they are. */
struct counts {
	uint64_t records, no_event, no_id, no_time, not_finite, negative;
	uint64_t ahead, late, before_tick, duplicates;
	uint64_t clicks, orphans, unnamed; /* without decision, without its id */
	int64_t late_max_us;
	instant first, tick;
	struct watermark watermark;
	uint64_t control[CONTROLS]; /* by kind, [0] of unknown ones */
	uint64_t positions, position[2][POSITIONS + 1]; /* of impressions, clicks */
	struct judgement_census judged;
	struct census census;
};

struct validate {
	struct span window, max_future;

	struct hash_key hash_key;
	struct key decision_id, position;
	struct judgement_keys judgement;
	struct counts *counts;
	struct cuckoo *ids, *decisions;
	struct quantile *lateness;
	bool reported;
};

static const struct option options[] = {
	OPTION('w', "window", struct validate, window, "24h",
	    "how far back duplicates and decisions are looked for"),
	OPTION('f', "max-future", struct validate, max_future, "1d",
	    "what runs further ahead of the others is a wrong clock"),
	OPTION_END,
};

static const char *const controls[CONTROLS] = { "", "HELLO", "CUT", "TICK", "END",
	"GAP", "TEXT" };

/* False when the clock was wrong. */
static bool
count_time(struct validate *v, const struct record *r, instant when)
{
	struct counts *c = v->counts;
	instant received, largest;
	int64_t late;

	if (!record_instant(r, KEY_RECEIVED_AT, &received))
		received = WHEN_NEVER;
	largest = c->watermark.largest;
	if (!watermark_see(&c->watermark, when, received)) {
		c->ahead++;
		return false;
	}
	if (c->watermark.largest < largest) { /* one of the first clocks was wrong */
		largest = c->watermark.largest;
		cuckoo_clear(v->ids);
		cuckoo_clear(v->decisions);
	}
	c->first = when < c->first ? when : c->first;
	c->before_tick += when < c->tick;
	if (largest != WHEN_NEVER && when < largest) {
		late = largest - when;
		c->late++;
		c->late_max_us = late > c->late_max_us ? late : c->late_max_us;
		quantile_add(v->lateness, (double)late, 1);
	}
	return true;
}

/* Duplicates, and clicks without what was clicked. */
static void
count_ids(struct validate *v, const struct record *r, enum kind kind, instant when)
{
	struct counts *c = v->counts;
	struct slice id;

	if (judgement_count(&v->judgement, r, &c->judged))
		return;
	if (record_id(r, KEY_EVENT_ID, &id))
		c->duplicates += cuckoo_see(v->ids, hash_keyed(v->hash_key, id), when);
	c->clicks += kind == KIND_CLICK;
	if (!record_id(r, v->decision_id, &id)) {
		c->unnamed += kind == KIND_CLICK;
		return;
	}
	if (kind == KIND_CLICK)
		c->orphans +=
		    !cuckoo_has(v->decisions, hash_keyed(v->hash_key, id), when);
	else if (kind == KIND_DECISION || kind == KIND_IMPRESSION)
		cuckoo_see(v->decisions, hash_keyed(v->hash_key, id), when);
}

static enum verdict
each(struct run *run, void *self, const struct record *r)
{
	struct validate *v = self;
	struct counts *c = v->counts;
	enum kind kind = record_kind(r);
	struct slice id;
	int64_t position;
	double weight;
	instant when;

	(void)run;
	v->reported = false;
	c->records++;
	census_count(&c->census, r);
	c->no_event += !record_str(r, KEY_EVENT, &id);
	c->no_id += !record_id(r, KEY_EVENT_ID, &id);
	c->not_finite += !record_weight(r, &weight);
	c->negative += record_weight(r, &weight) && weight < 0;
	if ((kind == KIND_IMPRESSION || kind == KIND_CLICK) &&
	    record_int(r, v->position, &position) && position >= 0) {
		position = position < POSITIONS ? position : POSITIONS;
		c->position[kind == KIND_CLICK][position]++;
		c->positions++;
	}
	if (!record_timestamp(r, &when)) {
		c->no_time++;
		return DROP;
	}
	if (count_time(v, r, when))
		count_ids(v, r, kind, when);
	return DROP;
}

/* Where it is printed, and the first failure. */
struct page {
	struct run *run;
	int status;
};

/* A line: a label, or none, and the text. */
__attribute__((format(printf, 3, 4))) static void
line(struct page *p, const char *label, const char *format, ...)
{
	char text[1024];
	va_list args;
	int n = label == NULL ? 0 : snprintf(text, sizeof text, "%-12s", label);

	va_start(args, format);
	n += vsnprintf(text + n, sizeof text - (size_t)n - 1, format, args);
	va_end(args);
	n = n < (int)sizeof text - 2 ? n : (int)sizeof text - 2;
	text[n++] = '\n';
	if (p->status == 0)
		p->status = run_print(p->run, slice_of(text, (size_t)n));
}

static void
report_time(struct page *p, const struct validate *v)
{
	const struct counts *c = v->counts;
	char first[40], last[40], a[64], b[64], most[64];

	if (c->watermark.largest == WHEN_NEVER) {
		line(p, "time", "no timestamps");
		return;
	}
	when_format(c->first, first);
	when_format(c->watermark.largest, last);
	line(p, "time", "%s to %s, %s", first, last,
	    when_format_about(c->watermark.largest - c->first, a));
	if (c->ahead > 0)
		line(p, "", "%" PRIu64 " with a clock that runs ahead", c->ahead);
	if (c->before_tick > 0)
		line(p, "", "%" PRIu64 " from before the watermark", c->before_tick);
	if (c->late == 0) {
		line(p, "order", "by time");
		return;
	}
	line(p, "order",
	    "%" PRIu64 " (%.2f%%) come late, by %s (half), %s (99%%), %s at most",
	    c->late, 100 * (double)c->late / (double)c->records,
	    when_format_about((int64_t)quantile_at(v->lateness, 0.5), a),
	    when_format_about((int64_t)quantile_at(v->lateness, 0.99), b),
	    when_format_about(c->late_max_us, most));
	when_format_about((c->late_max_us / WHEN_SECOND + 1) * WHEN_SECOND, a);
	line(p, "", "bp-sort --lateness %s orders them", a);
}

static void
report_faults(struct page *p, const struct validate *v)
{
	const struct counts *c = v->counts;
	char window[64];

	when_format_about(v->window.us, window);
	line(p, "without",
	    "event %" PRIu64 ", event_id %" PRIu64 ", timestamp %" PRIu64, c->no_event,
	    c->no_id, c->no_time);
	line(p, "weights", "negative %" PRIu64 ", not a finite number %" PRIu64,
	    c->negative, c->not_finite);
	line(p, "duplicates",
	    "about %" PRIu64 " within %s (error: %.2g%% of new ids look old)",
	    c->duplicates, window, 100 * cuckoo_false_positives(v->ids));
	if (cuckoo_lost(v->ids) > 0)
		line(p, "", "%" PRIu64 " more ids than can be remembered, or too old",
		    cuckoo_lost(v->ids));
	line(p, "orphans",
	    "%" PRIu64 " of %" PRIu64 " clicks: nothing shown in the %s before",
	    c->orphans, c->clicks, window);
	if (c->unnamed > 0)
		line(p, "", "%" PRIu64 " more without decision_id", c->unnamed);
	if (c->judged.judgements + c->judged.again > 0)
		line(p, "judgements",
		    "%" PRIu64 ", %" PRIu64 " wrong, %" PRIu64 " events once more",
		    c->judged.judgements, c->judged.wrong, c->judged.again);
}

static void
report_control(struct page *p, const struct counts *c)
{
	char text[512] = "none";
	size_t n = 0;

	for (unsigned i = 1; i < CONTROLS; i++)
		if (c->control[i] > 0)
			n +=
			    (size_t)snprintf(text + n, sizeof text - n, "%s%s %" PRIu64,
				n > 0 ? ", " : "", controls[i], c->control[i]);
	line(p, "control", "%s", text);
}

static void
report_positions(struct page *p, const struct counts *c)
{
	line(p, "position", "     %12s %12s", "impressions", "clicks");
	for (unsigned i = 0; i <= POSITIONS; i++)
		if (c->position[0][i] + c->position[1][i] > 0)
			line(p, "", "%3u%c %12" PRIu64 " %12" PRIu64, i,
			    i < POSITIONS ? ' ' : '+', c->position[0][i],
			    c->position[1][i]);
}

static void
report_kind(struct page *p, const struct census_kind *k, uint64_t records)
{
	char text[CENSUS_LINE_MAX];

	census_kind_line(k, records, text);
	line(p, NULL, "\n%s", text);
	for (uint32_t i = 0; i < k->keys; i++) {
		census_key_line(k, &k->key[i], text);
		line(p, NULL, "%s", text);
	}
}

static int
report(struct run *run, void *self)
{
	struct validate *v = self;
	const struct counts *c = v->counts;
	struct page page = { run, 0 };

	if (v->reported)
		return 0;
	v->reported = true;
	line(&page, "records", "%" PRIu64, c->records);
	report_time(&page, v);
	report_faults(&page, v);
	report_control(&page, c);
	if (c->positions > 0)
		report_positions(&page, c);
	for (uint32_t i = 0; i < c->census.kinds; i++)
		report_kind(&page, &c->census.kind[i], c->records);
	return page.status;
}

static int
control(struct run *run, void *self, struct slice bytes)
{
	struct validate *v = self;
	struct control control;
	instant watermark;
	bool damaged, idle;

	if (!control_read(bytes, &control, &damaged) || control.kind >= CONTROLS)
		control.kind = 0;
	v->counts->control[control.kind]++;
	if (control.kind == CONTROL_TICK && control_tick(&control, &watermark, &idle) &&
	    watermark > v->counts->tick)
		v->counts->tick = watermark;
	return control.kind == CONTROL_END ? report(run, v) : 0;
}

static int
start(struct run *run, void *self)
{
	struct validate *v = self;
	uint64_t memory = run_memory(run) / 16;

	if (v->window.us == 0)
		return run_usage(run, "--window must be longer than 0");
	v->hash_key = hash_key(run_seed(run));
	v->decision_id = run_key(run, "decision_id");
	v->position = run_key(run, "position");
	v->judgement = judgement_keys(run_reader(run));
	v->counts = calloc(1, sizeof *v->counts);
	v->ids = cuckoo_new(v->window, WINDOW_SLICES, memory);
	v->decisions = cuckoo_new(v->window, WINDOW_SLICES, memory);
	v->lateness = quantile_new((struct quantile_rule){ 0.01, 1, 1e16 });
	if (!v->counts || !v->ids || !v->decisions || !v->lateness)
		return run_fail(run, "no memory for the counts");
	watermark_init(&v->counts->watermark, (struct span){ 0 }, v->max_future);
	v->counts->first = INT64_MAX;
	v->counts->tick = WHEN_NEVER;
	return 0;
}

static int
save(struct run *run, void *self, struct state_writer *to)
{
	struct validate *v = self;

	(void)run;
	state_put_block(to, slice_of(v->counts, sizeof *v->counts), NULL);
	state_put_quantile(to, v->lateness);
	state_put_cuckoo(to, v->ids);
	state_put_cuckoo(to, v->decisions);
	return 0;
}

static int
load(struct run *run, void *self, struct state_reader *from)
{
	struct validate *v = self;
	struct error error;

	memset(v->counts, 0, sizeof *v->counts);
	if (state_get_block(from, v->counts, sizeof *v->counts, NULL, &error) != 0 ||
	    state_get_quantile(from, v->lateness, &error) != 0 ||
	    state_get_cuckoo(from, v->ids, &error) != 0 ||
	    state_get_cuckoo(from, v->decisions, &error) != 0)
		return run_fail(run, "%s", error.text);
	return 0;
}

static void
stop(void *self)
{
	struct validate *v = self;

	free(v->counts);
	cuckoo_free(v->ids);
	cuckoo_free(v->decisions);
	quantile_free(v->lateness);
}

static const struct filter validate = {
	.name = "validate",
	.about = "report what a stream is made of, and what is wrong with it",
	.examples = "  bp-validate <events.bp\n"
		    "  bp-parse access.log | bp-validate --window 1h\n",
	.options = options,
	.size = sizeof(struct validate),
	.schema = 2,
	.text_out = true,
	.start = start,
	.load = load,
	.each = each,
	.control = control,
	.finish = report,
	.save = save,
	.stop = stop,
};

int
main(int argc, char **argv)
{
	return filter_main(&validate, argc, argv);
}
