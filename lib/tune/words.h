/* SPDX-License-Identifier: MIT
 *
 * words: the options that make one model different from another, as one gives them on a
 * command line or in a list of candidates.
 */
#ifndef BANNERPIPE_TUNE_WORDS_H
#define BANNERPIPE_TUNE_WORDS_H

#include "lib/model/options.h"
#include "lib/option.h"

struct words {
	int algorithm, calibration, feedback;
	const char *prior, *noise, *by, *examination;
	double rate, beta, l1, l2, base_rate;
	uint64_t admit, factors, crosses, dimensions;
	bool field_aware;
};

/* Their entries in an option table whose struct `type` has a struct words `w`. */
#define WORDS_OPTIONS(type, w)                                                         \
	OPTION_CHOICE('a', "algorithm", type, w.algorithm, OPTIMISER_WORDS,            \
	    "how weights follow the examples"),                                        \
	    OPTION(0, "prior-variances", type, w.prior, MODEL_PRIORS,                  \
		"of a weight before its first example (lanes)", "LIST"),               \
	    OPTION(0, "noise", type, w.noise, MODEL_NOISES,                            \
		"added to the variance by each example (lanes)", "LIST"),              \
	    OPTION(0, "rate", type, w.rate, "0",                                       \
		"learning rate (not lanes); 0: 0.1, of sgd 0.02, of adam 0.001"),      \
	    OPTION(0, "beta", type, w.beta, "1", "damps first steps (ftrl, adagrad)"), \
	    OPTION(0, "l1", type, w.l1, "0", "pulls weights to 0 (not lanes)"),        \
	    OPTION(0, "l2", type, w.l2, "0",                                           \
		"shrinks weights (not lanes); counts, linear: 0 stands for 1"),        \
	    OPTION('b', "base-rate", type, w.base_rate, "0",                           \
		"mean of the first target; 0: estimate it"),                           \
	    OPTION(0, "dimensions", type, w.dimensions, "128",                         \
		"features that linear can have, up to 256"),                           \
	    OPTION(0, "admit", type, w.admit, "1",                                     \
		"see a feature so often before it gets a weight"),                     \
	    OPTION('k', "factors", type, w.factors, "0",                               \
		"learn what pairs of features say: 4, 8, 12 or 16 factors"),           \
	    OPTION('f', "field-aware", type, w.field_aware, NULL,                      \
		"factors of a feature differ by the other's field"),                   \
	    OPTION('x', "crosses", type, w.crosses, "0",                               \
		"find pairs of fields to cross: so many at most, up to 64"),           \
	    OPTION_CHOICE('c', "calibration", type, w.calibration, CALIBRATION_WORDS,  \
		"make probabilities mean what they say"),                              \
	    OPTION(0, "by", type, w.by, NULL,                                          \
		"lanes are believed, and corrected, by the values of this key",        \
		"KEY"),                                                                \
	    OPTION(0, "examination", type, w.examination, NULL,                        \
		"learn how probably one looks at each value of these: position",       \
		"KEYS"),                                                               \
	    OPTION_CHOICE('d', "delayed-feedback", type, w.feedback, FEEDBACK_WORDS,   \
		"what a click without conversion teaches")

/* The options of a model with these targets ("click,conversion"). -1 and error. */
int words_understand(const struct words *w, const char *targets,
    struct model_options *to, struct error *error);

#endif
