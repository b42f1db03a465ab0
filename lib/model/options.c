/* SPDX-License-Identifier: MIT */
#include "lib/model/options.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/base/number.h"
#include "lib/model/cells.h"
#include "lib/model/crosses.h"
#include "lib/model/linear.h"

static const char *const target_names[MODEL_TARGETS] = { "click", "conversion",
	"value_micros" };
static const char *const calibration_names[] = { "platt", "isotonic", "none" };
static const char *const feedback_names[] = { "revise", "fnw", "dfm" };

/* In the order of struct model_described. */
enum {
	TARGET,
	ALGORITHM,
	CALIBRATION,
	FEEDBACK,
	BY,
	EXAMINATION,
	PRIORS,
	NOISES,
	NUMBERS
};
static const char *const names[] = { "target", "algorithm", "calibration",
	"delayed-feedback", "by", "examination", "prior-variances", "noise", "rate",
	"beta", "l1", "l2", "base-rate", "admit", "factors", "field-aware", "crosses",
	"dimensions" };

_Static_assert(sizeof names / sizeof *names == MODEL_OPTIONS, "each has a name");

struct model_options
model_options_default(enum optimiser_algorithm algorithm)
{
	struct model_options o = { .target = { true },
		.optimiser = optimiser_default(algorithm),
		.calibration = optimiser_is_exact(algorithm) ? CALIBRATION_NONE
							     : CALIBRATION_PLATT,
		.dimensions = MODEL_DIMENSIONS,
		.admit = 1 };
	struct error error;
	int status = model_options_parse_lanes(&o, MODEL_PRIORS, MODEL_NOISES, &error);

	assert(status == 0);
	(void)status;
	return o;
}

const char *
model_target_name(enum model_target target)
{
	assert(target < MODEL_TARGETS);
	return target_names[target];
}

static bool
parse_target(struct model_options *o, struct slice word)
{
	for (unsigned t = 0; t < MODEL_TARGETS; t++)
		if (slice_is(word, target_names[t]))
			return o->target[t] = true;
	return slice_is(word, "value") && (o->target[MODEL_VALUE] = true);
}

int
model_options_parse_targets(
    struct model_options *o, const char *text, struct error *error)
{
	struct slice rest = slice_text(text);

	memset(o->target, 0, sizeof o->target);
	while (rest.size > 0) {
		size_t end = slice_find(rest, ',');
		struct slice word = slice_of(rest.at, end);

		if (!parse_target(o, word))
			return error_set(error,
			    "the target %.*s is none of click, conversion and value",
			    (int)(word.size < 100 ? word.size : 100),
			    (const char *)word.at);
		rest = slice_from(rest, end < rest.size ? end + 1 : end);
	}
	return 0;
}

static int
parse_list(struct model_list *to, const char *text, double least, double most,
    const char *name, struct error *error)
{
	struct slice rest = slice_text(text);
	double value;

	for (to->n = 0; rest.size > 0; to->n++) {
		size_t end = slice_find(rest, ',');

		if (to->n == LANES ||
		    !number_parse_double(slice_of(rest.at, end), &value) ||
		    !(value >= least && value <= most))
			return error_set(error,
			    "%s: up to %d numbers from %g to %g with commas between "
			    "them are wanted, not '%.100s'",
			    name, LANES, least, most, text);
		to->of[to->n] = (float)value;
		rest = slice_from(rest, end < rest.size ? end + 1 : end);
	}
	return 0;
}

int
model_options_parse_lanes(
    struct model_options *o, const char *prior, const char *noise, struct error *error)
{
	unsigned n;

	if (parse_list(&o->prior, prior, 1e-6, 1e3, names[PRIORS], error) < 0 ||
	    parse_list(&o->noise, noise, 0, 1, names[NOISES], error) < 0)
		return -1;
	n = o->prior.n * o->noise.n;
	return n > 0 && n <= LANES && (n & (n - 1)) == 0
	    ? 0
	    : error_set(error,
		  "%u prior variances, each with %u noises, do not make 1, 2, 4 or 8 "
		  "lanes",
		  o->prior.n, o->noise.n);
}

static struct lanes_options
lanes_of(const struct model_options *o)
{
	struct lanes_options lanes = lanes_default;

	for (unsigned i = 0; i < LANES && o->prior.n > 0 && o->noise.n > 0; i++) {
		lanes.prior.of[i] = o->prior.of[i % o->prior.n];
		lanes.noise.of[i] = o->noise.of[i / o->prior.n % o->noise.n];
	}
	return lanes;
}

unsigned
model_options_factored(const struct model_options *o)
{
	return o->factors.k == 0
	    ? 0
	    : (unsigned)o->target[MODEL_CLICK] + (unsigned)o->target[MODEL_CONVERSION];
}

static int
check_factors(const struct model_options *o, struct error *error)
{
	if (o->factors.k > FACTORS_MAX || o->factors.k % FACTORS_STEP != 0)
		return error_set(error, "factors must be 0, 4, 8, 12 or 16");
	if (o->factors.field_aware && o->factors.k == 0)
		return error_set(error, "field-aware is of factors: --factors 4");
	if (model_options_factored(o) * factors_row_size(&o->factors) > CELLS_SIZE_MAX)
		return error_set(
		    error, "field-aware factors of two targets must be 4 or 8");
	return 0;
}

unsigned
model_options_places(const struct model_options *o, struct slice key[EXAMINATION_KEYS])
{
	struct slice rest = slice_text(o->examination);
	unsigned n = 0;

	while (rest.size > 0 && n < EXAMINATION_KEYS) {
		size_t end = slice_find(rest, ',');

		key[n++] = slice_of(rest.at, end);
		rest = slice_from(rest, end < rest.size ? end + 1 : end);
	}
	return n;
}

/* What is corrected by a key of places cannot be told from how they are looked at. */
static int
check_examination(const struct model_options *o, struct error *error)
{
	struct slice key[EXAMINATION_KEYS];
	unsigned n = model_options_places(o, key);
	size_t size = 0;

	for (unsigned i = 0; i < n; i++) {
		size += key[i].size + (i > 0);
		if (key[i].size == 0)
			return error_set(error, "examination: a key has no name");
		if (o->by[0] != '\0' && slice_is(key[i], o->by))
			return error_set(
			    error, "by and examination cannot both be by %s", o->by);
	}
	if (size != strlen(o->examination))
		return error_set(error,
		    "examination: up to %d keys are wanted, not '%s'", EXAMINATION_KEYS,
		    o->examination);
	return strchr(o->examination, '\n') == NULL
	    ? 0
	    : error_set(error, "examination: a key has no line feed");
}

/* What the order of examples leaves a trace in cannot be taken back. */
static int
check_exact(const struct model_options *o, struct error *error)
{
	const char *of = optimiser_name(o->optimiser.algorithm);

	if (!optimiser_is_exact(o->optimiser.algorithm))
		return 0;
	if (o->calibration != CALIBRATION_NONE)
		return error_set(error, "%s is not calibrated: --calibration none", of);
	if (o->feedback != FEEDBACK_REVISE)
		return error_set(error, "delayed feedback of %s is revise", of);
	return o->factors.k == 0 && o->crosses == 0 && o->admit == 1 &&
		o->by[0] == '\0' && o->examination[0] == '\0'
	    ? 0
	    : error_set(error,
		  "%s knows neither factors, crosses, admit, by nor examination", of);
}

int
model_options_check(const struct model_options *o, struct error *error)
{
	if (!o->target[MODEL_CLICK] && !o->target[MODEL_CONVERSION])
		return error_set(error,
		    o->target[MODEL_VALUE] ? "a value is learned given a conversion: "
					     "--target conversion,value"
					   : "there is no target");
	if (o->target[MODEL_VALUE] && !o->target[MODEL_CONVERSION])
		return error_set(error,
		    "a value is learned given a conversion: add it to the targets");
	if (o->feedback != FEEDBACK_REVISE && !o->target[MODEL_CONVERSION])
		return error_set(
		    error, "delayed feedback is of conversions, which are no target");
	if (!(o->base_rate == 0 || (o->base_rate > 0 && o->base_rate < 1)))
		return error_set(
		    error, "the base rate must be 0 (estimate it) or between 0 and 1");
	if (o->admit < 1 || o->admit > 255)
		return error_set(error, "admit must be from 1 to 255");
	if (o->crosses > CROSSES_MAX)
		return error_set(error, "crosses must be from 0 to %d", CROSSES_MAX);
	if (strchr(o->by, '\n') != NULL)
		return error_set(error, "by: a key has no line feed");
	if (o->dimensions < 1 || o->dimensions > LINEAR_MAX)
		return error_set(error, "dimensions must be from 1 to %d", LINEAR_MAX);
	if (check_factors(o, error) < 0 || check_examination(o, error) < 0 ||
	    check_exact(o, error) < 0)
		return -1;
	return optimiser_check(&o->optimiser, error);
}

unsigned
model_options_first(const struct model_options *o)
{
	return o->target[MODEL_CLICK] ? MODEL_CLICK : MODEL_CONVERSION;
}

bool
model_options_has(const struct model_options *o, unsigned head)
{
	return head == MODEL_DELAY ? o->feedback == FEEDBACK_DFM : o->target[head];
}

struct head_options
model_options_of_head(const struct model_options *o, unsigned head)
{
	return (struct head_options){
		.likelihood = head == MODEL_VALUE ? LIKELIHOOD_GAMMA
		    : head == MODEL_DELAY         ? LIKELIHOOD_EXPONENTIAL
						  : LIKELIHOOD_BERNOULLI,
		.optimiser = o->optimiser,
		.lanes = lanes_of(o),
		.factors = head <= MODEL_CONVERSION ? o->factors
						    : (struct factors_options){ 0 },
		.calibration = o->calibration,
		.base_rate = head == model_options_first(o) ? o->base_rate : 0,
	};
}

/* --- Texts -------------------------------------------------------------------------- */

static void
describe_targets(const struct model_options *o, char *to)
{
	*to = '\0';
	for (unsigned t = 0; t < MODEL_TARGETS; t++) {
		if (!o->target[t])
			continue;
		if (*to != '\0')
			strcat(to, ",");
		strcat(to, target_names[t]);
	}
}

/* The shortest texts that read back as the same floats: 8 of them have 120 bytes at most. */
static void
describe_list(const struct model_list *list, char to[MODEL_TEXT_MAX])
{
	size_t at = 0;

	for (unsigned i = 0; i < list->n; i++) {
		char text[NUMBER_TEXT_MAX];
		double back = NAN;

		for (int digits = 1; (float)back != list->of[i]; digits++) {
			int n = snprintf(
			    text, sizeof text, "%.*g", digits, (double)list->of[i]);

			assert(n > 0 && digits <= 9);
			if (!number_parse_double(slice_text(text), &back))
				back = NAN;
		}
		at += (size_t)snprintf(
		    to + at, MODEL_TEXT_MAX - at, "%s%s", i > 0 ? "," : "", text);
		assert(at < MODEL_TEXT_MAX);
	}
}

void
model_options_describe(const struct model_options *o, struct model_described *to)
{
	const struct optimiser *p = &o->optimiser;
	const double numbers[] = { p->rate, p->beta, p->l1, p->l2, o->base_rate,
		(double)o->admit, o->factors.k, o->factors.field_aware, o->crosses,
		o->dimensions };

	memset(to, 0, sizeof *to);
	describe_targets(o, to->text[TARGET]);
	strcpy(to->text[ALGORITHM], optimiser_name(p->algorithm));
	strcpy(to->text[CALIBRATION], calibration_names[o->calibration]);
	strcpy(to->text[FEEDBACK], feedback_names[o->feedback]);
	strcpy(to->text[BY], o->by);
	strcpy(to->text[EXAMINATION], o->examination);
	strcpy(to->text[PRIORS], MODEL_PRIORS);
	strcpy(to->text[NOISES], MODEL_NOISES);
	if (o->prior.n > 0 && o->noise.n > 0) {
		describe_list(&o->prior, to->text[PRIORS]);
		describe_list(&o->noise, to->text[NOISES]);
	}
	for (unsigned i = NUMBERS; i < MODEL_OPTIONS; i++)
		to->text[i][number_format_double(numbers[i - NUMBERS], to->text[i])] =
		    '\0';
	to->identity.name = "model";
	to->identity.schema = MODEL_SCHEMA;
	to->identity.options = MODEL_OPTIONS;
	for (unsigned i = 0; i < MODEL_OPTIONS; i++) {
		to->identity.option[i] = names[i];
		to->identity.value[i] = to->text[i];
	}
}

static int
find_word(const char *word, const char *const *among, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (strcmp(word, among[i]) == 0)
			return (int)i;
	return -1;
}

int
model_options_understand(
    const struct state_identity *identity, struct model_options *o, struct error *error)
{
	struct optimiser *p = &o->optimiser;
	double admit, factors, field_aware, crosses, dimensions;
	double *const numbers[] = { &p->rate, &p->beta, &p->l1, &p->l2, &o->base_rate,
		&admit, &factors, &field_aware, &crosses, &dimensions };
	const char *const *value = identity->value;
	int calibration, feedback;

	*o = (struct model_options){ .admit = 1 };
	if (strcmp(identity->name, "model") != 0 || identity->schema != MODEL_SCHEMA)
		return error_set(error,
		    "it holds a %s of schema %u, not a model of schema %u",
		    identity->name, identity->schema, MODEL_SCHEMA);
	for (unsigned i = 0; i < MODEL_OPTIONS; i++)
		if (i >= identity->options ||
		    strcmp(identity->option[i], names[i]) != 0)
			return error_set(error, "it does not say its %s", names[i]);
	for (unsigned i = NUMBERS; i < MODEL_OPTIONS; i++)
		if (!number_parse_double(slice_text(value[i]), numbers[i - NUMBERS]))
			return error_set(error, "its %s is no number", names[i]);
	calibration = find_word(value[CALIBRATION], calibration_names, 3);
	feedback = find_word(value[FEEDBACK], feedback_names, FEEDBACK_COUNT);
	if (calibration < 0 || feedback < 0 || !(admit >= 1 && admit <= 255) ||
	    !optimiser_parse(slice_text(value[ALGORITHM]), &p->algorithm))
		return error_set(error, "its algorithm or calibration is unknown");
	o->calibration = (enum calibration_method)calibration;
	o->feedback = (enum model_feedback)feedback;
	if (!(factors >= 0 && factors <= FACTORS_MAX))
		return error_set(error, "its factors are out of range");
	if (!(crosses >= 0 && crosses <= CROSSES_MAX))
		return error_set(error, "its crosses are out of range");
	if (!(dimensions >= 1 && dimensions <= LINEAR_MAX))
		return error_set(error, "its dimensions are out of range");
	o->dimensions = (unsigned)dimensions;
	if (strlen(value[BY]) >= MODEL_BY_MAX ||
	    strlen(value[EXAMINATION]) >= MODEL_BY_MAX)
		return error_set(
		    error, "its key to slice by, or of places, is too long");
	strcpy(o->by, value[BY]);
	strcpy(o->examination, value[EXAMINATION]);
	o->admit = (uint64_t)admit;
	o->factors = (struct factors_options){ (unsigned)factors, field_aware != 0 };
	o->crosses = (unsigned)crosses;
	if (model_options_parse_targets(o, value[TARGET], error) < 0 ||
	    model_options_parse_lanes(o, value[PRIORS], value[NOISES], error) < 0)
		return -1;
	return model_options_check(o, error);
}

void
model_options_print(const struct model_options *o, char *to, size_t size)
{
	struct model_described d;
	size_t at = 0;

	model_options_describe(o, &d);
	for (unsigned i = 0; i < MODEL_OPTIONS; i++) {
		int n = snprintf(to + at, size - at, "%s=%s\n", names[i], d.text[i]);

		assert(n > 0 && (size_t)n < size - at);
		at += (size_t)n;
	}
}

int
model_options_read(struct slice text, struct model_options *o, struct error *error)
{
	struct model_described d;

	memset(&d, 0, sizeof d);
	d.identity.name = "model";
	d.identity.schema = MODEL_SCHEMA;
	for (unsigned i = 0; i < MODEL_OPTIONS; i++) {
		size_t end = slice_find(text, '\n'), size = strlen(names[i]);

		if (end == text.size || end < size + 1 || end - size > MODEL_TEXT_MAX ||
		    memcmp(text.at, names[i], size) != 0 || text.at[size] != '=')
			return error_set(error, "it does not say its %s", names[i]);
		memcpy(d.text[i], text.at + size + 1, end - size - 1);
		d.identity.option[i] = names[i];
		d.identity.value[i] = d.text[i];
		text = slice_from(text, end + 1);
	}
	d.identity.options = MODEL_OPTIONS;
	return model_options_understand(&d.identity, o, error);
}
