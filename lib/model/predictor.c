/* SPDX-License-Identifier: MIT */
#include "lib/model/predictor.h"

#include <fcntl.h>
#include <math.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/model/explain.h"
#include "lib/vec.h"

/* Slices and places are by keys that the model names: others with each model, so that a
 * reader, whose keys are known before it reads, cannot know them. */
static void
find_by(struct predictor *p)
{
	p->by = slice_text(p->model->options.by);
	p->wheres = model_options_places(&p->model->options, p->where);
	p->position = -1;
	for (unsigned i = 0; i < p->wheres; i++)
		if (slice_is(p->where[i], "position"))
			p->position = (int)i;
}

static bool
find_value(const struct record *r, struct slice name, struct slice *to)
{
	for (unsigned i = 0; i < r->count; i++)
		if (slice_equal(record_key_at(r, i), name)) {
			*to = record_value_at(r, i);
			return true;
		}
	return false;
}

void
predictor_keys(struct predictor *p, struct reader *reader)
{
	p->features = reader_key(reader, "features");
	p->values = reader_key(reader, "feature_values");
	p->rewards = reader_key(reader, "rewards");
	p->prediction = reader_key(reader, "prediction");
	p->shown_at = reader_key(reader, "shown_at");
	p->delay_us = reader_key(reader, "delay_us");
	p->complete = reader_key(reader, "complete");
	p->revision = reader_key(reader, "revision");
	p->cause = reader_key(reader, "cause");
}

void
predictor_free(struct predictor *p)
{
	model_free(p->model);
	p->model = NULL;
}

/* --- Files -------------------------------------------------------------------------- */

void
predictor_take(struct predictor *p, struct model *model, const char *live)
{
	model_free(p->model);
	p->model = model;
	p->live = live;
	find_by(p);
}

static int
unusable(const char *path, const struct error *why, struct error *error)
{
	return error_set(error,
	    "cannot use the model %s: %s (restore a backup or learn it afresh with "
	    "another --model)",
	    path, why->text);
}

int
predictor_open(struct predictor *p, const struct os *os, const char *path,
    const struct model_options *options, uint64_t bytes, const char *live,
    enum state_trouble *trouble, struct error *error)
{
	struct model_described d;
	struct state_reader *from;
	struct model *model;
	struct error why;

	model_options_describe(options, &d);
	from = state_read(os, path, &d.identity, trouble, error);
	if (from == NULL)
		return -1;
	model = model_new(options, bytes, os, NULL, &why);
	if (model == NULL || model_load(model, from, &why) < 0 ||
	    (live != NULL && model_show(model, live, NULL, &why) < 0)) {
		model_free(model);
		state_close(from);
		return unusable(path, &why, error);
	}
	state_close(from);
	predictor_take(p, model, NULL);
	return 0;
}

/* Whether the file begins as a region does. */
static bool
is_live(const struct os *os, const char *path)
{
	int fd = os->open(os, path, O_RDONLY, 0);
	uint64_t magic = 0;
	bool live = fd >= 0 && os->read(os, fd, &magic, sizeof magic) == sizeof magic &&
	    magic == REGION_MAGIC;

	if (fd >= 0)
		(void)os->close(os, fd);
	return live;
}

int
predictor_attach(struct predictor *p, const struct os *os, const char *path,
    uint64_t bytes, enum state_trouble *trouble, struct error *error)
{
	struct model_options options;
	struct state_reader *from;
	struct model *model = NULL;
	struct error why;
	bool missing;

	if (is_live(os, path)) {
		model = model_attach(os, path, &missing, error);
		*trouble = missing ? STATE_MISSING : STATE_UNREADABLE;
		if (model != NULL)
			predictor_take(p, model, path);
		return model != NULL ? 0 : -1;
	}
	from = state_read(os, path, NULL, trouble, error);
	if (from == NULL)
		return -1;
	if (model_options_understand(state_identity(from), &options, &why) == 0)
		model = model_new(&options, bytes, os, NULL, &why);
	if (model == NULL || model_load(model, from, &why) < 0) {
		model_free(model);
		state_close(from);
		return unusable(path, &why, error);
	}
	state_close(from);
	predictor_take(p, model, NULL);
	return 0;
}

int
predictor_commit(const struct predictor *p, const struct os *os, const char *path,
    struct error *error)
{
	struct state_writer *to;
	struct model_described d;

	model_options_describe(&p->model->options, &d);
	to = state_write(os, path, &d.identity, error);
	if (to == NULL)
		return -1;
	model_save_learned(p->model, to);
	return state_commit(to, error);
}

/* --- Records ------------------------------------------------------------------------ */

/* A place of which a part is not said is none. */
static void
find_place(const struct predictor *p, const struct record *r)
{
	struct examination_place place = { .n = p->wheres };

	for (unsigned i = 0; i < p->wheres; i++) {
		if (!find_value(r, p->where[i], &place.value[i])) {
			place = (struct examination_place){ 0 };
			break;
		}
		place.key = examination_key(place.key, place.value[i]);
	}
	model_place_at(p->model, &place);
}

void
predictor_slice(const struct predictor *p, const struct record *r)
{
	struct slice value;

	if (p->model->slices != NULL)
		model_slice(
		    p->model, find_value(r, p->by, &value) ? hash_bytes(value, 1) : 0);
	if (p->wheres > 0)
		find_place(p, r);
}

double
predictor_examination(
    const struct predictor *p, const struct record *r, int64_t position)
{
	struct slice value;
	uint64_t key = 0;

	for (unsigned i = 0; i < p->wheres && p->model != NULL; i++) {
		if ((int)i == p->position)
			key = examination_key_int(key, position);
		else if (find_value(r, p->where[i], &value))
			key = examination_key(key, value);
		else
			return 1;
	}
	return key == 0 ? 1 : model_examination(p->model, key);
}

bool
predictor_features(const struct predictor *p, const struct record *r,
    struct features *to, enum features_fault *fault)
{
	struct slice value;

	*fault = FEATURES_FINE;
	*to = (struct features){ { 0 }, { 0 } };
	if (!record_value(r, p->features, &value))
		return false;
	predictor_slice(p, r);
	if (!value_bin(value, &to->keys))
		*fault = FEATURES_KEYS;
	else if (record_value(r, p->values, &value) && !value_bin(value, &to->values))
		*fault = FEATURES_VALUES;
	return true;
}

static enum predictor_label
read_label(struct slice rewards, enum model_target target, double *label)
{
	struct slice value;
	bool happened;

	if (!value_get(rewards, model_target_name(target), &value))
		return PREDICTOR_UNKNOWN;
	if (value_bool(value, &happened))
		*label = happened ? 1 : 0;
	else if (!value_number(value, label) || !(*label >= 0 && isfinite(*label)))
		return PREDICTOR_WRONG;
	return PREDICTOR_KNOWN;
}

/* What a revision is about: the click is the same before and after a conversion, and all is
 * the same when only the window has closed. */
static void
leave_out_unchanged(
    const struct predictor *p, const struct record *r, struct model_example *e)
{
	enum model_feedback feedback = p->model->options.feedback;
	struct slice cause;
	bool window, conversion;

	if (!record_str(r, p->cause, &cause))
		return;
	window = slice_is(cause, "window");
	conversion = slice_is(cause, "conversion");
	e->target[MODEL_CLICK].unchanged = window || conversion;
	e->target[MODEL_CONVERSION].unchanged = window && feedback != FEEDBACK_DFM;
	e->target[MODEL_VALUE].unchanged = window;
	/* With fake negatives nothing that was learned is taken back for a conversion. */
	if (conversion && feedback == FEEDBACK_FNW && e->weight < 0)
		e->target[MODEL_CONVERSION].unchanged =
		    e->target[MODEL_VALUE].unchanged = true;
	for (unsigned t = 0; t < MODEL_TARGETS; t++)
		if (e->target[t].unchanged)
			e->target[t].weight = 0;
}

/* When the conversion came, or that none had come by then. What is taken back does not say
 * when it was given; a first outcome was given when its window had passed. */
static void
read_delay(struct predictor *p, const struct record *r, struct model_example *e)
{
	int64_t shown, click, known, revision = 0;
	bool complete = false;

	e->elapsed = -1;
	(void)record_bool(r, p->complete, &complete);
	(void)record_int(r, p->revision, &revision);
	e->pending = !complete;
	if (!record_int(r, p->shown_at, &shown) || !record_timestamp(r, &known) ||
	    !record_int(r, p->delay_us, &click) || click < 0 || known < shown)
		return;
	if (e->weight < 0 && (revision != 0 || p->window_us == 0))
		return;
	if (e->weight < 0)
		known = shown + p->window_us;
	else if (revision == 0)
		p->window_us = known - shown;
	e->elapsed = (double)(known - shown - click) / 1e6;
	if (e->elapsed < 0)
		e->elapsed = 0;
}

enum predictor_label
predictor_example(struct predictor *p, const struct record *r, double weight,
    struct model_example *to, enum model_target *wrong)
{
	const struct model_options *o = &p->model->options;
	struct slice rewards;
	bool any = false, left = false;
	double given = 1;

	*to = (struct model_example){ .weight = weight, .elapsed = -1 };
	if (!record_value(r, p->rewards, &rewards))
		return PREDICTOR_UNKNOWN;
	for (unsigned t = 0; t < MODEL_TARGETS; t++) {
		double label = 0;

		if (!o->target[t])
			continue;
		switch (read_label(rewards, (enum model_target)t, &label)) {
		case PREDICTOR_WRONG:
			*wrong = (enum model_target)t;
			return PREDICTOR_WRONG;
		case PREDICTOR_KNOWN:
			break;
		default:
			given = 0; /* what is learned given it is not known either */
			continue;
		}
		any = true;
		to->target[t].known = true;
		to->target[t].weight = t != MODEL_VALUE || label > 0 ? given : 0;
		/* Half a conversion has half of the value. */
		to->target[t].label = t == MODEL_VALUE && given > 0
		    ? label / to->target[MODEL_CONVERSION].label
		    : fmin(label, 1);
		given *= to->target[t].label;
	}
	if (weight == 0)
		return PREDICTOR_UNKNOWN;
	if (o->feedback == FEEDBACK_DFM)
		read_delay(p, r, to);
	leave_out_unchanged(p, r, to);
	for (unsigned t = 0; t < MODEL_TARGETS; t++)
		left = left || (to->target[t].known && !to->target[t].unchanged);
	return left ? PREDICTOR_KNOWN : any ? PREDICTOR_UNCHANGED : PREDICTOR_UNKNOWN;
}

/* --- Predictions -------------------------------------------------------------------- */

enum { MEAN, SD, LOW, HIGH, FIGURES };

static const char *const figure_names[MODEL_TARGETS][FIGURES] = {
	{ "click", "click_sd", "click_low", "click_high" },
	{ "conversion", "conversion_sd", "conversion_low", "conversion_high" },
	{ "value_micros", "value_micros_sd", "value_micros_low", "value_micros_high" },
};

/* Of a product of what is given the next: its relative errors add up as squares. */
static void
figures(const struct model *m, const struct model_estimates *said,
    enum model_target target, double to[FIGURES])
{
	const double z95 = 1.959963984540054;
	double square = 0, deviation;
	unsigned factors = 0;

	to[MEAN] = model_mean(m, said, target);
	for (unsigned t = 0; t <= target; t++) {
		const struct estimate *e = &said->of[t];
		double relative = e->deviation * (t == MODEL_VALUE ? 1 : 1 - e->mean);

		if (!m->options.target[t])
			continue;
		if (e->sd > 0)
			relative = e->sd / e->mean;
		square += relative * relative;
		factors++;
	}
	deviation = sqrt(square);
	if (factors == 1) {
		const struct head_options *o = &m->of_head[target];

		to[LOW] =
		    (1 - said->hidden) * estimate_quantile(o, &said->of[target], -z95);
		to[HIGH] =
		    (1 - said->hidden) * estimate_quantile(o, &said->of[target], z95);
	} else {
		to[LOW] = to[MEAN] * vec_exp(-z95 * deviation);
		to[HIGH] = to[MEAN] * vec_exp(z95 * deviation);
		if (target != MODEL_VALUE && to[HIGH] > 1)
			to[HIGH] = 1;
	}
	to[SD] = to[MEAN] * deviation;
}

static bool
is_ours(const struct predictor *p, struct slice key)
{
	const struct model *m = p->model;

	if (slice_is(key, "version") ||
	    (p->wheres > 0 && slice_is(key, "examination")) ||
	    (p->explain != NULL && slice_is(key, "explanation")))
		return true;
	for (unsigned t = 0; t < MODEL_TARGETS; t++)
		for (unsigned i = 0; i < FIGURES; i++)
			if (m->options.target[t] && slice_is(key, figure_names[t][i]))
				return true;
	return false;
}

static uint32_t
keep_others(const struct predictor *p, const struct record *r, struct build *to)
{
	struct slice said, key, item, text;
	struct value_walk walk;
	uint32_t pairs = 0;

	if (!record_value(r, p->prediction, &said) || value_type(said) != VALUE_MAP)
		return 0;
	for (value_open(said, &walk); value_next(&walk, &key, &item);) {
		if (value_str(key, &text) && is_ours(p, text))
			continue;
		build_raw(to, key);
		build_raw(to, item);
		pairs++;
	}
	return pairs;
}

void
predictor_build(const struct predictor *p, const struct record *r,
    const struct model_estimates *said, struct build *to)
{
	const struct model *m = p->model;
	bool sure = m->options.optimiser.algorithm == OPTIMISER_LANES ||
	    optimiser_is_exact(m->options.optimiser.algorithm);
	size_t open = build_open(to);
	uint32_t pairs = keep_others(p, r, to);

	for (unsigned t = 0; t < MODEL_TARGETS; t++) {
		double value[FIGURES];

		if (!m->options.target[t])
			continue;
		figures(m, said, (enum model_target)t, value);
		for (unsigned i = 0; i < (sure ? FIGURES : 1); i++) {
			build_text(to, figure_names[t][i]);
			build_double(to, value[i]);
			pairs++;
		}
	}
	if (p->explain != NULL)
		explain_build(p->explain, m, to);
	if (p->wheres > 0) {
		build_text(to, "examination");
		build_double(to, 1 - said->hidden);
	}
	build_text(to, "version");
	build_uint(to, said->version);
	build_close_map(to, open, pairs + 1 + (p->explain != NULL) + (p->wheres > 0));
}
