/* SPDX-License-Identifier: MIT
 *
 * options: all that makes one model different from another, and the same as texts, so that
 * a file can store them and refuse others.
 */
#ifndef BANNERPIPE_MODEL_OPTIONS_H
#define BANNERPIPE_MODEL_OPTIONS_H

#include "lib/base/error.h"
#include "lib/model/examination.h"
#include "lib/model/head.h"
#include "lib/state.h"

/* What is predicted: the keys under `rewards` that hold the labels. */
enum model_target { MODEL_CLICK, MODEL_CONVERSION, MODEL_VALUE, MODEL_TARGETS };

/* A head for each target, and one for the delay of conversions. */
enum { MODEL_DELAY = MODEL_TARGETS, MODEL_HEADS };

/* What to make of a click whose conversion may come later. */
enum model_feedback {
	FEEDBACK_REVISE, /* it is none until it comes; then it is unlearned and learned anew */
	/* Fake negatives, weighted: Ktena et al., RecSys 2019. Nothing is unlearned. */
	FEEDBACK_FNW,
	/* A delay that is exponential, with a mean that is learned too: Chapelle, KDD 2014. */
	FEEDBACK_DFM,
	FEEDBACK_COUNT
};
#define FEEDBACK_WORDS "revise|fnw|dfm"

/* Up to as many numbers as there are lanes. */
struct model_list {
	unsigned n;
	float of[LANES];
};

enum { MODEL_BY_MAX = 64 };

struct model_options {
	bool target[MODEL_TARGETS];
	struct optimiser optimiser;
	/* Of the lanes (lanes.h): each prior with each noise makes one; none: the presets. */
	struct model_list prior, noise;
	double base_rate; /* of the first target; 0: estimate it */
	enum calibration_method calibration;
	enum model_feedback feedback;
	struct factors_options factors; /* of click and conversion */
	unsigned crosses; /* pairs of fields that may be chosen (crosses.h); 0: none */
	char
	    by[MODEL_BY_MAX]; /* the key whose values are slices (slices.h); "": none */
	/* The keys whose values are places of the first target (examination.h), with commas;
	 * "": nothing is known of places. */
	char examination[MODEL_BY_MAX];
	uint64_t
	    admit; /* how often a feature is seen before it gets a weight; 1: at once */
	unsigned dimensions; /* of linear: features, 1 to LINEAR_MAX */
};

struct model_options model_options_default(enum optimiser_algorithm algorithm);

/* "click,conversion"; -1 and error. A conversion is learned given a click where both are
 * targets, a value given a conversion, which must be one. */
int model_options_parse_targets(
    struct model_options *o, const char *text, struct error *error);
/* "0.005,0.02" and "0,1e-5": 1, 2, 4 or 8 of each, no more than 8 lanes; -1 and error. */
int model_options_parse_lanes(
    struct model_options *o, const char *prior, const char *noise, struct error *error);
#define MODEL_PRIORS "0.005,0.02,0.06,0.3" /* the presets */
#define MODEL_NOISES "0,1e-05"
#define MODEL_DIMENSIONS 128
const char *model_target_name(enum model_target target);

/* 0, or -1 and the first option that is out of its range. */
int model_options_check(const struct model_options *o, struct error *error);

enum { MODEL_OPTIONS = 18, MODEL_SCHEMA = 5, MODEL_TEXT_MAX = 128 };

/* The values as texts, and an identity that points to them: borrowed from it, in place. */
struct model_described {
	char text[MODEL_OPTIONS][MODEL_TEXT_MAX];
	struct state_identity identity;
};

void model_options_describe(const struct model_options *o, struct model_described *to);
/* The reverse. */
int model_options_understand(const struct state_identity *identity,
    struct model_options *o, struct error *error);
/* The same as lines "name=value"; *to is terminated. */
void model_options_print(const struct model_options *o, char *to, size_t size);
int model_options_read(struct slice text, struct model_options *o, struct error *error);

/* What a head is made with. */
struct head_options model_options_of_head(const struct model_options *o, unsigned head);
/* How many heads have factors. */
unsigned model_options_factored(const struct model_options *o);
/* The target that is learned given a showing, and not given another one. */
unsigned model_options_first(const struct model_options *o);
/* The keys of places: how many, 0 without examination. Borrowed from the options. */
unsigned model_options_places(
    const struct model_options *o, struct slice key[EXAMINATION_KEYS]);
/* Whether there is such a head. */
bool model_options_has(const struct model_options *o, unsigned head);

#endif
