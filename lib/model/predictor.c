/* SPDX-License-Identifier: MIT */
#include "lib/model/predictor.h"

#include <math.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/base/number.h"

enum { SCHEMA = 1, OPTIONS = 7 };

static const char *const option_names[OPTIONS] = { "target", "algorithm", "rate",
	"beta", "l1", "l2", "base-rate" };

static const char *const target_names[PREDICTOR_TARGETS] = { "click", "conversion" };

/* The values of the options as texts, and the identity that points to them. */
struct described {
	char numbers[5][NUMBER_TEXT_MAX + 1];
	struct state_identity identity;
};

static void
describe(struct described *d, enum predictor_target target,
    const struct logistic_options *options)
{
	const struct optimiser *o = &options->optimiser;
	const double numbers[5] = { o->rate, o->beta, o->l1, o->l2,
		options->base_rate };

	memset(d, 0, sizeof *d);
	d->identity.name = "logistic";
	d->identity.schema = SCHEMA;
	d->identity.options = OPTIONS;
	d->identity.value[0] = target_names[target];
	d->identity.value[1] = optimiser_name(o->algorithm);
	for (unsigned i = 0; i < 5; i++) {
		d->numbers[i][number_format_double(numbers[i], d->numbers[i])] = '\0';
		d->identity.value[2 + i] = d->numbers[i];
	}
	for (unsigned i = 0; i < OPTIONS; i++)
		d->identity.option[i] = option_names[i];
}

/* The reverse, for a file of any options. */
static int
understand(const struct state_identity *identity, enum predictor_target *target,
    struct logistic_options *options, struct error *error)
{
	struct optimiser *o = &options->optimiser;
	double *const numbers[5] = { &o->rate, &o->beta, &o->l1, &o->l2,
		&options->base_rate };

	if (strcmp(identity->name, "logistic") != 0 || identity->schema != SCHEMA)
		return error_set(error,
		    "it holds a %s of schema %u, not a logistic model of "
		    "schema %u",
		    identity->name, identity->schema, SCHEMA);
	for (unsigned i = 0; i < OPTIONS; i++)
		if (i >= identity->options ||
		    strcmp(identity->option[i], option_names[i]) != 0)
			return error_set(
			    error, "it does not say its %s", option_names[i]);
	for (unsigned i = 0; i < 5; i++)
		if (!number_parse_double(
			slice_text(identity->value[2 + i]), numbers[i]))
			return error_set(
			    error, "its %s is no number", option_names[2 + i]);
	if (!optimiser_parse(slice_text(identity->value[1]), &o->algorithm))
		return error_set(
		    error, "its algorithm is unknown: %s", identity->value[1]);
	for (unsigned i = 0; i < PREDICTOR_TARGETS; i++) {
		if (strcmp(identity->value[0], target_names[i]) == 0) {
			*target = (enum predictor_target)i;
			return 0;
		}
	}
	return error_set(error, "its target is unknown: %s", identity->value[0]);
}

const char *
predictor_target_name(enum predictor_target target)
{
	assert(target < PREDICTOR_TARGETS);
	return target_names[target];
}

void
predictor_keys(struct predictor *p, struct reader *reader)
{
	p->features = reader_key(reader, "features");
	p->values = reader_key(reader, "feature_values");
	p->rewards = reader_key(reader, "rewards");
	p->prediction = reader_key(reader, "prediction");
}

void
predictor_free(struct predictor *p)
{
	logistic_free(p->model);
	p->model = NULL;
}

int
predictor_open(struct predictor *p, const struct os *os, const char *path,
    const struct logistic_options *options, uint64_t bytes, enum state_trouble *trouble,
    struct error *error)
{
	enum predictor_target target = p->target;
	struct logistic_options stored = { 0 };
	struct logistic *model = NULL;
	struct state_reader *from;
	struct described d;
	struct error why;

	if (options != NULL)
		describe(&d, p->target, options);
	from =
	    state_read(os, path, options == NULL ? NULL : &d.identity, trouble, error);
	if (from == NULL)
		return -1;
	if (options == NULL) {
		if (understand(state_identity(from), &target, &stored, &why) < 0)
			goto fail;
		options = &stored;
	}
	model = logistic_new(options, bytes, &why);
	if (model == NULL || logistic_load(model, from, &why) < 0)
		goto fail;
	state_close(from);
	logistic_free(p->model);
	p->model = model;
	p->target = target;
	return 0;
fail:
	logistic_free(model);
	state_close(from);
	return error_set(error,
	    "cannot use the model %s: %s (restore a backup or learn it "
	    "afresh with another --model)",
	    path, why.text);
}

int
predictor_commit(const struct predictor *p, const struct os *os, const char *path,
    struct error *error)
{
	struct state_writer *to;
	struct described d;

	describe(&d, p->target, &p->model->options);
	to = state_write(os, path, &d.identity, error);
	if (to == NULL)
		return -1;
	logistic_save(p->model, to);
	return state_commit(to, error);
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
	if (!value_bin(value, &to->keys))
		*fault = FEATURES_KEYS;
	else if (record_value(r, p->values, &value) && !value_bin(value, &to->values))
		*fault = FEATURES_VALUES;
	return true;
}

enum predictor_label
predictor_label(const struct predictor *p, const struct record *r, double *label)
{
	struct slice rewards, value;
	bool happened;

	if (!record_value(r, p->rewards, &rewards) ||
	    !value_get(rewards, target_names[p->target], &value))
		return PREDICTOR_UNKNOWN;
	if (value_bool(value, &happened))
		*label = happened ? 1 : 0;
	else if (!value_number(value, label) || !(*label >= 0 && isfinite(*label)))
		return PREDICTOR_WRONG;
	if (*label > 1)
		*label = 1;
	return PREDICTOR_KNOWN;
}

void
predictor_build(const struct predictor *p, const struct record *r, double probability,
    uint64_t version, struct build *to)
{
	const char *name = target_names[p->target];
	struct slice said, key, item, text;
	size_t open = build_open(to);
	struct value_walk walk;
	uint32_t pairs = 2;

	if (record_value(r, p->prediction, &said) && value_type(said) == VALUE_MAP) {
		for (value_open(said, &walk); value_next(&walk, &key, &item);) {
			if (value_str(key, &text) &&
			    (slice_is(text, name) || slice_is(text, "version")))
				continue;
			build_raw(to, key);
			build_raw(to, item);
			pairs++;
		}
	}
	build_text(to, name);
	build_double(to, probability);
	build_text(to, "version");
	build_uint(to, version);
	build_close_map(to, open, pairs);
}
