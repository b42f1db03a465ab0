/* SPDX-License-Identifier: MIT */
#include "lib/modeltool/summary.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/number.h"
#include "lib/model/explain.h"

static void
pair_uint(struct build *to, const char *name, uint64_t value)
{
	build_text(to, name);
	build_uint(to, value);
}

static void
pair_double(struct build *to, const char *name, double value)
{
	build_text(to, name);
	build_double(to, value);
}

/* --- One model ---------------------------------------------------------------------- */

static void
build_options(const struct model *m, struct build *to)
{
	struct model_described d;
	double number;

	model_options_describe(&m->options, &d);
	build_text(to, "options");
	build_map(to, MODEL_OPTIONS);
	for (unsigned i = 0; i < MODEL_OPTIONS; i++) {
		build_text(to, d.identity.option[i]);
		if (number_parse_double(slice_text(d.text[i]), &number))
			build_double(to, number);
		else
			build_text(to, d.text[i]);
	}
}

static void
build_lanes(const struct head *h, const struct head_options *o, struct build *to)
{
	build_text(to, "lanes");
	build_array(to, LANES + 1);
	for (unsigned k = 0; k < LANES; k++) {
		build_map(to, 4);
		pair_uint(to, "lane", k);
		pair_double(to, "weight", h->mixture.weight[k]);
		pair_double(to, "prior_sd", sqrt((double)o->lanes.prior.of[k]));
		pair_double(to, "noise_sd", sqrt((double)o->lanes.noise.of[k]));
	}
	build_map(to, 2);
	build_text(to, "lane");
	build_text(to, "constant");
	pair_double(to, "weight", h->mixture.weight[MIXTURE_CONSTANT]);
}

static void
build_head(const struct model *m, unsigned which, struct build *to)
{
	const struct head *h = &model_state(m)->head[which];
	const struct head_options *o = &m->of_head[which];
	bool lanes = o->optimiser.algorithm == OPTIMISER_LANES;
	bool calibrates =
	    o->likelihood == LIKELIHOOD_BERNOULLI && o->calibration != CALIBRATION_NONE;
	unsigned k = mixture_best(&h->mixture);

	build_text(to, model_head_name(which));
	build_map(to, 4u + 2 * calibrates + lanes);
	pair_double(to, "examples", h->seen);
	pair_double(to, "positive", h->sum);
	pair_double(to, "base_rate", head_base(h, o));
	pair_double(to, "intercept",
	    lanes ? (double)h->intercept.mean[k] : (double)h->linear_intercept.value);
	if (calibrates) {
		pair_double(to, "slope", h->calibration.slope);
		pair_double(to, "shift", h->calibration.shift);
	}
	if (lanes)
		build_lanes(h, o, to);
}

/* The namespaces of each chosen pair. */
static void
build_crosses(const struct crosses *c, struct build *to)
{
	char text[CROSSES_MAX * 16] = "";
	size_t at = 0;

	for (unsigned i = 0; i < c->count; i++)
		at += (size_t)snprintf(text + at, sizeof text - at, "%s%04x x %04x",
		    i > 0 ? ", " : "", c->space[c->pair[i].a], c->space[c->pair[i].b]);
	build_text(to, "crosses");
	build_text(to, text);
}

static void
build_examination(const struct examination *x, struct build *to)
{
	pair_uint(to, "places_evicted", x->evicted);
	build_text(to, "examination");
	build_array(to, (uint32_t)x->count);
	for (unsigned i = 0; i < x->count; i++) {
		build_map(to, 4);
		build_text(to, "place");
		build_text(to, x->label[i]);
		pair_double(to, "examination", examination_of(x, x->key[i]));
		pair_double(to, "clicks", x->clicks[i]);
		pair_double(to, "expected", x->expected[i]);
	}
}

static uint64_t
bytes_of(const struct cells *c)
{
	return c->line_count * (64 + CELLS_LINE * c->kind->size);
}

enum { ROW_PAIRS = 5 };

static void
build_rows(const struct rows *r, struct build *to)
{
	pair_uint(to, "rows", r->cells.used);
	pair_uint(to, "row_places", r->cells.line_count * CELLS_LINE);
	pair_uint(to, "rows_evicted", r->cells.evicted);
	pair_uint(to, "bytes_a_row", r->kind.size);
	pair_uint(to, "row_memory_bytes", bytes_of(&r->cells) + r->seen.size);
}

void
summary_build(const struct model *m, const char *path, struct build *to)
{
	const struct model_state *s = model_state(m);

	build_map(to,
	    9 + m->heads + (m->rows == NULL ? 0 : ROW_PAIRS) +
		(m->options.crosses > 0) +
		(m->options.examination[0] != '\0' ? 2u : 0u));
	build_text(to, "file");
	build_text(to, path);
	build_options(m, to);
	pair_uint(to, "version", s->examples);
	pair_uint(to, "features", m->cells.used);
	pair_uint(to, "places", m->cells.line_count * CELLS_LINE);
	pair_uint(to, "evicted", m->cells.evicted);
	pair_uint(to, "crowded", s->crowded);
	pair_uint(to, "bytes_a_feature", m->kind.size);
	pair_uint(to, "memory_bytes",
	    bytes_of(&m->cells) + m->newcomers.size + model_search_bytes(&m->options));
	if (m->rows != NULL)
		build_rows(m->rows, to);
	if (m->options.crosses > 0)
		build_crosses(&s->crosses, to);
	if (m->options.examination[0] != '\0')
		build_examination(&s->examination, to);
	for (unsigned h = 0; h < MODEL_HEADS; h++)
		if (model_options_has(&m->options, h))
			build_head(m, h, to);
}

/* --- Its features ------------------------------------------------------------------- */

struct entry {
	double strength;
	uint64_t key, place;
};

static int
compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->strength != y->strength)
		return x->strength < y->strength ? 1 : -1;
	return (x->key > y->key) - (x->key < y->key);
}

static struct entry *
entries_new(uint64_t n, struct error *error)
{
	struct entry *e = calloc(n + 1, sizeof *e);

	if (e == NULL)
		error_set(error, "no memory for a list of %" PRIu64 " features", n);
	return e;
}

static void
build_name(const struct names *names, uint64_t key, struct build *to)
{
	char text[NAME_TEXT_MAX];

	build_text(to, "namespace");
	(void)snprintf(text, sizeof text, "%04" PRIx64, key >> 48);
	build_text(to, text);
	build_text(to, "feature");
	build_str(to, names_text(names, key, text));
}

/* Six digits are enough for people; programs have --json. */
static double
rounded(double value)
{
	char text[32];

	(void)snprintf(text, sizeof text, "%.6g", value);
	return strtod(text, NULL);
}

static void
build_feature(
    const struct names *names, uint64_t key, struct explain_weight w, struct build *to)
{
	const double z95 = 1.959963984540054;
	bool sure = isfinite(w.sd) && w.sd > 0;

	build_map(to, sure ? 7 : 3);
	build_name(names, key, to);
	pair_double(to, "mean", rounded(w.mean));
	if (!sure)
		return;
	pair_double(to, "sd", rounded(w.sd));
	pair_double(to, "low", rounded(w.mean - z95 * w.sd));
	pair_double(to, "high", rounded(w.mean + z95 * w.sd));
	pair_double(to, "significance", rounded(fabs(w.mean) / w.sd));
}

int
summary_features(const struct model *m, enum model_target target, uint64_t top,
    const struct names *names, struct sheet *to, struct error *error)
{
	const struct head *h = &model_state(m)->head[target];
	struct entry *all;
	uint64_t n = 0;

	if (!m->options.target[target])
		return error_set(
		    error, "it does not predict %s", model_target_name(target));
	all = entries_new(m->cells.used, error);
	if (all == NULL)
		return -1;
	for (uint64_t p = model_next(m, 0); p != CELLS_NONE && n < m->cells.used;
	     p = model_next(m, p + 1)) {
		struct explain_weight w =
		    explain_weight(m, h, cells_at(&m->cells, p), target);

		/* A pair of features of linear has none. */
		if (!isnan(w.mean))
			all[n++] = (struct entry){ fabs(w.mean),
				cells_key_at(&m->cells, p), p };
	}
	qsort(all, n, sizeof *all, compare_entries);
	for (uint64_t i = 0; i < n && (top == 0 || i < top); i++) {
		build_feature(names, all[i].key,
		    explain_weight(m, h, cells_at(&m->cells, all[i].place), target),
		    sheet_build(to));
		sheet_row(to);
	}
	sheet_end(to);
	free(all);
	return 0;
}

/* --- Two models --------------------------------------------------------------------- */

/* How far a feature moved in the head where it moved most, and which that is. */
static double
distance(const struct model *a, const struct model *b, const void *cell_a,
    const void *cell_b, unsigned *which)
{
	double most = -1;

	for (unsigned h = 0; h < MODEL_TARGETS; h++) {
		struct explain_weight x, y;
		double moved;

		if (!a->options.target[h])
			continue;
		/* In the lane that a believes most. */
		x = explain_weight(a, &model_state(a)->head[h], cell_a, h);
		y = explain_weight(b, &model_state(a)->head[h], cell_b, h);
		moved = fabs(y.mean - x.mean);
		if (isfinite(x.sd) && x.sd > 0)
			moved /= x.sd;
		if (moved > most) {
			most = moved;
			*which = h;
		}
	}
	return most;
}

static void
build_change(const struct model *a, const struct model *b, const struct names *names,
    const struct entry *e, struct build *to)
{
	uint64_t there = model_place(b, e->key);
	const void *cell_a = cells_at(&a->cells, e->place),
		   *cell_b = cells_at(&b->cells, there);
	struct explain_weight x, y;
	unsigned h = 0;
	double moved = distance(a, b, cell_a, cell_b, &h);

	x = explain_weight(a, &model_state(a)->head[h], cell_a, h);
	y = explain_weight(b, &model_state(a)->head[h], cell_b, h);
	build_map(to, isfinite(x.sd) ? 8 : 6);
	build_name(names, e->key, to);
	build_text(to, "target");
	build_text(to, model_head_name(h));
	pair_double(to, "mean_a", rounded(x.mean));
	pair_double(to, "mean_b", rounded(y.mean));
	if (isfinite(x.sd)) {
		pair_double(to, "sd_a", rounded(x.sd));
		pair_double(to, "sd_b", rounded(y.sd));
	}
	pair_double(to, "moved", rounded(moved));
}

/* --- Two tables of rows -------------------------------------------------------------- */

/* How far the factors moved: the root of the mean of (change / sd)^2 in the head where that is
 * largest, by the standard deviations of a. */
static double
row_distance(const struct rows *r, const void *a, const void *b, unsigned *part)
{
	unsigned k = r->options.k, n = r->part_size / (2 * k * (unsigned)sizeof(float));
	double most = -1;

	for (unsigned p = 0; p < r->kind.size / r->part_size; p++) {
		const float *x = (const float *)a + p * (r->part_size / sizeof(float));
		const float *y = (const float *)b + p * (r->part_size / sizeof(float));
		double sum = 0;

		for (unsigned i = 0; i < n * k; i++) {
			unsigned f = i / k * 2 * k + i % k;
			double moved = (double)y[f] - (double)x[f];

			sum += x[k] == 0 ? moved * moved
					 : moved * moved / (double)x[f + k];
		}
		sum = sqrt(sum / (n * k));
		if (sum > most) {
			most = sum;
			*part = p;
		}
	}
	return most;
}

/* The root of the mean square of the factors of a head. */
static double
row_size(const struct rows *r, const void *row, unsigned part)
{
	const float *x = (const float *)row + part * (r->part_size / sizeof(float));
	unsigned k = r->options.k, n = r->part_size / (2 * k * (unsigned)sizeof(float));
	double sum = 0;

	for (unsigned i = 0; i < n * k; i++) {
		double f = (double)x[i / k * 2 * k + i % k];

		sum += f * f;
	}
	return sqrt(sum / (n * k));
}

static void
build_row_change(const struct model *a, const struct model *b,
    const struct names *names, const struct entry *e, struct build *to)
{
	const void *x = cells_at(&a->rows->cells, e->place);
	const void *y = cells_at(&b->rows->cells, layout_find(&b->rows->cells, e->key));
	unsigned part = 0;
	double moved = row_distance(a->rows, x, y, &part);

	build_map(to, 6);
	build_name(names, e->key, to);
	build_text(to, "factors_of");
	build_text(to, model_head_name(part > 0 || !a->options.target[MODEL_CLICK]));
	pair_double(to, "size_a", rounded(row_size(a->rows, x, part)));
	pair_double(to, "size_b", rounded(row_size(b->rows, y, part)));
	pair_double(to, "moved", rounded(moved));
}

/* --- What is the same ----------------------------------------------------------------- */

/* How far what is known of a feature moved, by its table. */
static double
moved_by(const struct model *a, const struct model *b, unsigned table, const void *x,
    const void *y)
{
	unsigned which;

	return table == LAYOUT_CELLS ? distance(a, b, x, y, &which)
				     : row_distance(a->rows, x, y, &which);
}

/* The features of both in one table; the changed ones go to `all`, as many as `a` has. */
static void
compare_features(const struct model *a, const struct model *b, unsigned table,
    bool alike, struct summary_counts *d, struct entry *all)
{
	const struct cells *of = layout_of(a, table), *in = layout_of(b, table);

	for (uint64_t p = of == NULL ? CELLS_NONE : layout_next(of, 0); p != CELLS_NONE;
	     p = layout_next(of, p + 1)) {
		uint64_t key = cells_key_at(of, p);
		uint64_t there = in == NULL ? CELLS_NONE : layout_find(in, key);
		const void *x = cells_at(of, p), *y;

		if (there == CELLS_NONE) {
			d->only_a++;
			continue;
		}
		y = cells_at(in, there);
		if (!alike || memcmp(x, y, of->kind->size) == 0) {
			d->same++;
			continue;
		}
		all[d->changed++] =
		    (struct entry){ moved_by(a, b, table, x, y), key, p };
	}
	for (uint64_t p = in == NULL ? CELLS_NONE : layout_next(in, 0); p != CELLS_NONE;
	     p = layout_next(in, p + 1))
		d->only_b +=
		    of == NULL || layout_find(of, cells_key_at(in, p)) == CELLS_NONE;
}

/* What differs of the options and heads, as pairs {a, b}. */
static uint32_t
build_two(struct build *to, const char *prefix, const char *name, double a, double b)
{
	char text[128];

	if (a == b)
		return 0;
	(void)snprintf(text, sizeof text, "%s.%s", prefix, name);
	build_text(to, text);
	build_map(to, 2);
	pair_double(to, "a", a);
	pair_double(to, "b", b);
	return 1;
}

static uint32_t
build_options_two(const struct model *a, const struct model *b, struct build *to)
{
	struct model_described x, y;
	uint32_t pairs = 0;

	model_options_describe(&a->options, &x);
	model_options_describe(&b->options, &y);
	for (unsigned i = 0; i < MODEL_OPTIONS; i++) {
		if (strcmp(x.text[i], y.text[i]) == 0)
			continue;
		build_text(to, x.identity.option[i]);
		build_map(to, 2);
		build_text(to, "a");
		build_text(to, x.text[i]);
		build_text(to, "b");
		build_text(to, y.text[i]);
		pairs++;
	}
	return pairs;
}

static uint32_t
build_head_two(
    const struct model *a, const struct model *b, unsigned which, struct build *to)
{
	const struct head *x = &model_state(a)->head[which],
			  *y = &model_state(b)->head[which];
	const char *name = model_head_name(which);
	uint32_t pairs = 0;
	char lane[32];

	pairs += build_two(to, name, "examples", x->seen, y->seen);
	pairs += build_two(to, name, "positive", x->sum, y->sum);
	pairs +=
	    build_two(to, name, "slope", x->calibration.slope, y->calibration.slope);
	pairs +=
	    build_two(to, name, "shift", x->calibration.shift, y->calibration.shift);
	for (unsigned k = 0; k < LANES; k++) {
		(void)snprintf(lane, sizeof lane, "lane_%u", k);
		pairs += build_two(
		    to, name, lane, x->mixture.weight[k], y->mixture.weight[k]);
	}
	return pairs;
}

static uint32_t
build_counts(struct build *to, const char *what, const struct summary_counts *c)
{
	const struct {
		const char *name;
		uint64_t n;
	} counts[] = { { "same", c->same }, { "changed", c->changed },
		{ "only_a", c->only_a }, { "only_b", c->only_b } };
	char text[64];

	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		(void)snprintf(text, sizeof text, "%s_%s", what, counts[i].name);
		pair_uint(to, text, counts[i].n);
	}
	return sizeof counts / sizeof *counts;
}

static void
show_difference(const struct model *a, const struct model *b,
    const struct summary_difference *d, struct sheet *to)
{
	const struct model_state *x = model_state(a), *y = model_state(b);
	struct build *list = sheet_build(to);
	size_t open = build_open(list);
	uint32_t pairs = 1;

	build_text(list, "same");
	build_bool(list, summary_is_same(d));
	pairs += build_options_two(a, b, list);
	if (x->examples != y->examples) {
		build_text(list, "version");
		build_map(list, 2);
		pair_uint(list, "a", x->examples);
		pair_uint(list, "b", y->examples);
		pairs++;
	}
	for (unsigned h = 0; h < MODEL_HEADS; h++)
		if (model_options_has(&a->options, h) &&
		    model_options_has(&b->options, h))
			pairs += build_head_two(a, b, h, list);
	pairs += build_counts(list, "features", &d->of[LAYOUT_CELLS]);
	if (a->rows != NULL || b->rows != NULL)
		pairs += build_counts(list, "rows", &d->of[LAYOUT_ROWS]);
	build_close_map(list, open, pairs);
	sheet_list(to);
}

/* The fields of rows are of the state. */
static bool
states_differ(const struct model *a, const struct model *b)
{
	return memcmp(model_state(a), model_state(b), sizeof(struct model_state)) !=
	    0 ||
	    (a->rows != NULL && b->rows != NULL &&
		memcmp(rows_fields(a->rows), rows_fields(b->rows),
		    sizeof(struct factors_fields)) != 0);
}

static void
show_changes(const struct model *a, const struct model *b, unsigned table,
    uint64_t changed, uint64_t top, const struct names *names, struct entry *all,
    struct sheet *to)
{
	qsort(all, changed, sizeof *all, compare_entries);
	for (uint64_t i = 0; i < changed && i < top && all[i].strength >= 0; i++) {
		if (table == LAYOUT_CELLS)
			build_change(a, b, names, &all[i], sheet_build(to));
		else
			build_row_change(a, b, names, &all[i], sheet_build(to));
		sheet_row(to);
	}
	sheet_end(to);
}

int
summary_compare(const struct model *a, const struct model *b, uint64_t top,
    const struct names *names, struct sheet *to, struct summary_difference *d,
    struct error *error)
{
	struct entry *all[LAYOUT_TABLES] = { 0 };
	struct model_described x, y;
	int status = 0;

	*d = (struct summary_difference){ 0 };
	model_options_describe(&a->options, &x);
	model_options_describe(&b->options, &y);
	for (unsigned i = 0; i < MODEL_OPTIONS; i++)
		d->options += strcmp(x.text[i], y.text[i]) != 0;
	d->state = states_differ(a, b);
	for (unsigned t = 0; t < LAYOUT_TABLES && status == 0; t++) {
		const struct cells *c = layout_of(a, t);

		all[t] = entries_new(c == NULL ? 0 : c->used, error);
		if (all[t] == NULL)
			status = -1;
		else
			compare_features(a, b, t, d->options == 0, &d->of[t], all[t]);
	}
	if (status == 0 && to != NULL) {
		show_difference(a, b, d, to);
		for (unsigned t = 0; t < LAYOUT_TABLES; t++)
			show_changes(a, b, t, d->of[t].changed, top, names, all[t], to);
	}
	for (unsigned t = 0; t < LAYOUT_TABLES; t++)
		free(all[t]);
	return status;
}
