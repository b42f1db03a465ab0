/* SPDX-License-Identifier: MIT */
#include "lib/model/summary.h"

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

void
summary_build(const struct model *m, const char *path, struct build *to)
{
	const struct model_state *s = model_state(m);
	uint64_t bytes = m->cells.line_count * (64 + CELLS_LINE * m->kind.size);

	build_map(to, 9 + m->heads + (m->options.crosses > 0));
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
	    bytes + m->newcomers.size + model_search_bytes(&m->options));
	if (m->options.crosses > 0)
		build_crosses(&s->crosses, to);
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

		all[n++] =
		    (struct entry){ fabs(w.mean), cells_key_at(&m->cells, p), p };
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

/* The features of both; the changed ones go to `all`, as many as `a` has. */
static void
compare_features(const struct model *a, const struct model *b,
    struct summary_difference *d, struct entry *all)
{
	bool alike = a->kind.size == b->kind.size && d->options == 0;
	unsigned which;

	for (uint64_t p = model_next(a, 0); p != CELLS_NONE; p = model_next(a, p + 1)) {
		uint64_t key = cells_key_at(&a->cells, p), there = model_place(b, key);
		const void *x = cells_at(&a->cells, p), *y;

		if (there == CELLS_NONE) {
			d->only_a++;
			continue;
		}
		y = cells_at(&b->cells, there);
		if (!alike || memcmp(x, y, a->kind.size) == 0) {
			d->same++;
			continue;
		}
		all[d->changed++] =
		    (struct entry){ distance(a, b, x, y, &which), key, p };
	}
	for (uint64_t p = model_next(b, 0); p != CELLS_NONE; p = model_next(b, p + 1))
		d->only_b += model_place(a, cells_key_at(&b->cells, p)) == CELLS_NONE;
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

static void
show_difference(const struct model *a, const struct model *b,
    const struct summary_difference *d, struct sheet *to)
{
	const struct model_state *x = model_state(a), *y = model_state(b);
	struct build *list = sheet_build(to);
	size_t open = build_open(list);
	uint32_t pairs = 5;

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
	pair_uint(list, "features_same", d->same);
	pair_uint(list, "features_changed", d->changed);
	pair_uint(list, "features_only_a", d->only_a);
	pair_uint(list, "features_only_b", d->only_b);
	build_close_map(list, open, pairs);
	sheet_list(to);
}

int
summary_compare(const struct model *a, const struct model *b, uint64_t top,
    const struct names *names, struct sheet *to, struct summary_difference *d,
    struct error *error)
{
	struct entry *all = entries_new(a->cells.used, error);
	struct model_described x, y;

	*d = (struct summary_difference){ 0 };
	if (all == NULL)
		return -1;
	model_options_describe(&a->options, &x);
	model_options_describe(&b->options, &y);
	for (unsigned i = 0; i < MODEL_OPTIONS; i++)
		d->options += strcmp(x.text[i], y.text[i]) != 0;
	d->state =
	    memcmp(model_state(a), model_state(b), sizeof(struct model_state)) != 0;
	compare_features(a, b, d, all);
	if (to != NULL) {
		show_difference(a, b, d, to);
		qsort(all, d->changed, sizeof *all, compare_entries);
		for (uint64_t i = 0; i < d->changed && i < top; i++) {
			build_change(a, b, names, &all[i], sheet_build(to));
			sheet_row(to);
		}
		sheet_end(to);
	}
	free(all);
	return 0;
}
