/* SPDX-License-Identifier: MIT */
#include "lib/model/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/hash.h"
#include "lib/record/pair.h"

enum { VALUE_MAX = 64, RECORD_MAX = 2048 };

static const uint8_t other_value[] = "\xa7(other)";

/* The examples that a report is about. */
struct stretch {
	struct report report;
	uint64_t records;
	instant first, last; /* of their timestamps; WHEN_NEVER at first */
};

/* All examples, or those with one value of a key. */
struct slice_of_examples {
	unsigned key;             /* which of the keys; PROGRESS_KEYS_MAX: all */
	uint8_t value[VALUE_MAX]; /* as msgpack */
	uint32_t value_size;
	struct stretch interval[MODEL_TARGETS], total[MODEL_TARGETS];
};

struct progress {
	const struct predictor *predictor; /* borrowed */
	const char *candidate;             /* borrowed; NULL: of none */
	const struct unlearn *unlearn;     /* the same */
	struct key key[PROGRESS_KEYS_MAX];
	char *names; /* owned; the keys', each terminated */
	const char *name[PROGRESS_KEYS_MAX];
	unsigned keys, slices;
	/* Owned, each; the first is all. */
	struct slice_of_examples *slice[1 + PROGRESS_KEYS_MAX + PROGRESS_SLICES_MAX];
	uint64_t pending;
};

static void
clear(struct stretch *s)
{
	memset(s, 0, sizeof *s);
	s->first = s->last = WHEN_NEVER;
}

static struct slice_of_examples *
add_slice(struct progress *g, unsigned key, struct slice value)
{
	struct slice_of_examples *s = malloc(sizeof *s);

	if (s == NULL)
		return NULL;
	s->key = key;
	s->value_size = (uint32_t)value.size;
	memset(s->value, 0, sizeof s->value);
	if (value.size > 0)
		memcpy(s->value, value.at, value.size);
	for (unsigned t = 0; t < MODEL_TARGETS; t++) {
		clear(&s->interval[t]);
		clear(&s->total[t]);
	}
	return g->slice[g->slices++] = s;
}

static int
read_names(struct progress *g, struct reader *reader, struct error *error)
{
	for (char *at = g->names; at != NULL && *at != '\0';) {
		char *end = strchr(at, ',');

		if (end != NULL)
			*end = '\0';
		if (g->keys == PROGRESS_KEYS_MAX)
			return error_set(
			    error, "more than %d keys to slice by", PROGRESS_KEYS_MAX);
		g->name[g->keys] = at;
		g->key[g->keys++] = reader_key(reader, at);
		at = end == NULL ? NULL : end + 1;
	}
	return 0;
}

struct progress *
progress_new(const struct predictor *p, struct reader *reader, const char *slices,
    struct error *error)
{
	struct progress *g = calloc(1, sizeof *g);
	bool room = g != NULL;

	if (g != NULL && slices != NULL)
		room = (g->names = strdup(slices)) != NULL;
	if (room)
		room = add_slice(g, PROGRESS_KEYS_MAX, (struct slice){ 0 }) != NULL;
	if (!room)
		error_set(error, "no memory for reports");
	else if (read_names(g, reader, error) < 0)
		room = false;
	for (unsigned k = 0; room && k < g->keys; k++)
		room = add_slice(g, k, slice_of(other_value, 8)) != NULL ||
		    error_set(error, "no memory for reports") == 0;
	if (!room) {
		progress_free(g);
		return NULL;
	}
	g->predictor = p;
	return g;
}

void
progress_free(struct progress *g)
{
	if (g == NULL)
		return;
	for (unsigned i = 0; i < g->slices; i++)
		free(g->slice[i]);
	free(g->names);
	free(g);
}

void
progress_set_candidate(struct progress *g, const char *name)
{
	g->candidate = name;
}

/* --- Noting ---------------------------------------------------------------------------- */

/* The slice of a value; a new one, while there is room. */
static struct slice_of_examples *
find_slice(struct progress *g, unsigned key, struct slice value)
{
	struct slice_of_examples *s;

	if (value.size > VALUE_MAX)
		return g->slice[1 + key];
	for (unsigned i = 1; i < g->slices; i++) {
		s = g->slice[i];
		if (s->key == key &&
		    slice_equal(value, slice_of(s->value, s->value_size)))
			return s;
	}
	if (g->slices == 1 + g->keys + PROGRESS_SLICES_MAX)
		return g->slice[1 + key];
	s = add_slice(g, key, value);
	return s != NULL ? s : g->slice[1 + key];
}

/* A value's report has no loss of a probability: its mean counts, in millions. */
static void
note_target(struct stretch *s, enum model_target target, double said, double label,
    double weight)
{
	if (target != MODEL_VALUE) {
		report_add(&s->report, said, label, weight);
		return;
	}
	s->report.n += weight;
	s->report.positive += weight * label;
	s->report.predicted += weight * said;
}

static void
note(struct slice_of_examples *s, const struct model *m, const struct model_example *e,
    const struct model_estimates *said, const instant *when)
{
	double given = 1;

	for (unsigned t = 0; t < MODEL_TARGETS; t++) {
		struct stretch *span = &s->interval[t];

		if (!m->options.target[t])
			continue;
		/* Without a click there is no conversion, and without one no value. */
		if (given > 0 && !e->target[t].known)
			return;
		if (given > 0)
			given *= e->target[t].label;
		if (e->target[t].unchanged)
			continue;
		note_target(span, (enum model_target)t,
		    model_mean(m, said, (enum model_target)t), given, e->weight);
		span->records++;
		if (when == NULL)
			continue;
		if (span->first == WHEN_NEVER || *when < span->first)
			span->first = *when;
		if (*when > span->last)
			span->last = *when;
	}
}

void
progress_note(struct progress *g, const struct record *r, const struct model_example *e,
    const struct model_estimates *said)
{
	const struct model *m = g->predictor->model;
	struct slice value;
	instant when;
	bool timed = record_timestamp(r, &when);

	note(g->slice[0], m, e, said, timed ? &when : NULL);
	for (unsigned k = 0; k < g->keys; k++)
		if (record_value(r, g->key[k], &value))
			note(find_slice(g, k, value), m, e, said, timed ? &when : NULL);
	g->pending++;
}

uint64_t
progress_pending(const struct progress *g)
{
	return g->pending;
}

void
progress_set_unlearn(struct progress *g, const struct unlearn *f)
{
	g->unlearn = f;
}

/* --- Reports --------------------------------------------------------------------------- */

static void
merge(struct stretch *to, const struct stretch *s)
{
	report_merge(&to->report, &s->report, 1);
	to->records += s->records;
	if (s->first != WHEN_NEVER && (to->first == WHEN_NEVER || s->first < to->first))
		to->first = s->first;
	if (s->last > to->last)
		to->last = s->last;
}

static void
put_dims(struct build *b, const struct progress *g, const struct slice_of_examples *s,
    const char *target, const char *scope)
{
	bool sliced = s->key < PROGRESS_KEYS_MAX;

	build_text(b, "dims");
	build_map(b, 3U + sliced + (g->candidate != NULL));
	if (g->candidate != NULL)
		pair_text(b, "candidate", g->candidate);
	pair_text(b, "target", target);
	pair_text(b, "algorithm",
	    optimiser_name(g->predictor->model->options.optimiser.algorithm));
	pair_text(b, "scope", scope);
	if (sliced) {
		build_text(b, g->name[s->key]);
		build_raw(b, slice_of(s->value, s->value_size));
	}
}

static unsigned
put_figures(struct build *b, const struct report *r, enum model_target target)
{
	struct report_figures f = report_figures(r);
	unsigned pairs = pair_figure(b, "n", f.n);

	if (target == MODEL_VALUE) {
		pairs += pair_figure(b, "mean", r->positive / r->n);
		pairs += pair_figure(b, "predicted", r->predicted / r->n);
		return pairs +
		    pair_figure(b, "calibration", r->predicted / r->positive);
	}
	pairs += pair_figure(b, "log_loss", f.log_loss);
	pairs += pair_figure(b, "normalised_entropy", f.normalised_entropy);
	pairs += pair_figure(b, "calibration", f.calibration);
	pairs += pair_figure(b, "ece", f.ece);
	pairs += pair_figure(b, "auc", f.auc);
	return pairs + pair_figure(b, "auc_error", f.auc_error);
}

static struct slice
build_metric(uint8_t to[RECORD_MAX], const struct progress *g, unsigned slice,
    enum model_target target, const struct stretch *s, const char *scope)
{
	const struct model *m = g->predictor->model;
	const char *name = model_target_name(target);
	struct build b;
	size_t open;
	char id[192];
	unsigned pairs = 8;

	(void)snprintf(id, sizeof id,
	    slice == 0 ? "learn:%s:%s:%llu%s%s" : "learn:%s:%s:%llu%s%s:%u", name,
	    scope, (unsigned long long)model_state(m)->examples,
	    g->candidate != NULL ? ":" : "", g->candidate != NULL ? g->candidate : "",
	    slice);
	build_init(&b, to, RECORD_MAX);
	open = build_open(&b);
	pair_text(&b, "event", "metric");
	pair_text(&b, "event_id", id);
	pair_int(&b, "timestamp", s->last == WHEN_NEVER ? 0 : s->last);
	if (s->last != WHEN_NEVER) {
		pair_int(&b, "window_start", s->first);
		pair_int(&b, "window_end", s->last + 1);
		pairs += 2;
	}
	put_dims(&b, g, g->slice[slice], name, scope);
	pair_int(&b, "records", (int64_t)s->records);
	pair_int(&b, "version", (int64_t)model_state(m)->examples);
	pair_int(&b, "weights", (int64_t)m->cells.used);
	pair_int(&b, "evicted_weights", (int64_t)m->cells.evicted);
	pairs += put_figures(&b, &s->report, target);
	if (g->unlearn != NULL && slice == 0 && target == (enum model_target)m->first)
		pairs += unlearn_build(g->unlearn, &b);
	build_close_map(&b, open, pairs);
	return build_slice(&b);
}

int
progress_report(struct progress *g, bool total, progress_emit *emit, void *context)
{
	const struct model *m = g->predictor->model;
	uint8_t record[RECORD_MAX];

	g->pending = 0;
	for (unsigned i = 0; i < g->slices; i++) {
		struct slice_of_examples *s = g->slice[i];

		for (unsigned t = 0; t < MODEL_TARGETS; t++) {
			struct stretch *span = total ? &s->total[t] : &s->interval[t];

			if (!m->options.target[t])
				continue;
			merge(&s->total[t], &s->interval[t]);
			if ((i == 0 || span->records > 0) &&
			    emit(context,
				build_metric(record, g, i, (enum model_target)t, span,
				    total ? "total" : "interval")) != 0)
				return -1;
			clear(&s->interval[t]);
		}
	}
	return 0;
}

/* --- Snapshots ------------------------------------------------------------------------- */

static void
save_span(const struct stretch *s, struct state_writer *to)
{
	state_put_u64(to, s->records);
	state_put_i64(to, s->first);
	state_put_i64(to, s->last);
	report_save(&s->report, to);
}

static int
load_span(struct stretch *s, struct state_reader *from)
{
	return state_get_u64(from, &s->records) < 0 ||
		state_get_i64(from, &s->first) < 0 ||
		state_get_i64(from, &s->last) < 0 || report_load(&s->report, from) < 0
	    ? -1
	    : 0;
}

void
progress_save(const struct progress *g, struct state_writer *to)
{
	const bool *has = g->predictor->model->options.target;

	state_put_u64(to, g->pending);
	state_put_u64(to, g->keys);
	state_put_u64(to, g->slices);
	for (unsigned i = 0; i < g->slices; i++) {
		const struct slice_of_examples *s = g->slice[i];

		state_put_u64(to, s->key);
		state_put_slice(to, slice_of(s->value, s->value_size));
		for (unsigned t = 0; t < MODEL_TARGETS; t++) {
			if (!has[t])
				continue;
			save_span(&s->interval[t], to);
			save_span(&s->total[t], to);
		}
	}
}

int
progress_load(struct progress *g, struct state_reader *from)
{
	const bool *has = g->predictor->model->options.target;
	uint64_t keys, slices, key;

	if (state_get_u64(from, &g->pending) < 0 || state_get_u64(from, &keys) < 0 ||
	    state_get_u64(from, &slices) < 0 || keys != g->keys ||
	    slices < 1 + g->keys || slices > 1 + g->keys + PROGRESS_SLICES_MAX)
		return -1;
	for (unsigned i = 0; i < slices; i++) {
		struct slice_of_examples *s =
		    i < g->slices ? g->slice[i] : add_slice(g, 0, (struct slice){ 0 });
		size_t size;

		if (s == NULL || state_get_u64(from, &key) < 0 ||
		    state_get_slice(from, s->value, VALUE_MAX, &size) < 0 ||
		    key > PROGRESS_KEYS_MAX)
			return -1;
		s->key = (unsigned)key;
		s->value_size = (uint32_t)size;
		for (unsigned t = 0; t < MODEL_TARGETS; t++)
			if (has[t] &&
			    (load_span(&s->interval[t], from) < 0 ||
				load_span(&s->total[t], from) < 0))
				return -1;
	}
	return 0;
}
