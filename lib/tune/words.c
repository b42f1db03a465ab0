/* SPDX-License-Identifier: MIT */
#include "lib/tune/words.h"

#include <string.h>

#include "lib/model/crosses.h"
#include "lib/model/linear.h"

int
words_understand(const struct words *w, const char *targets, struct model_options *to,
    struct error *error)
{
	*to = model_options_default((enum optimiser_algorithm)w->algorithm);
	if (w->rate != 0)
		to->optimiser.rate = w->rate;
	to->optimiser.beta = w->beta;
	to->optimiser.l1 = w->l1;
	if (w->l2 != 0 || !optimiser_is_exact(to->optimiser.algorithm))
		to->optimiser.l2 = w->l2;
	to->base_rate = w->base_rate;
	to->admit = w->admit;
	to->factors.k =
	    w->factors <= FACTORS_MAX ? (unsigned)w->factors : FACTORS_MAX + 1;
	to->factors.field_aware = w->field_aware;
	to->crosses =
	    w->crosses <= CROSSES_MAX ? (unsigned)w->crosses : CROSSES_MAX + 1;
	to->dimensions =
	    w->dimensions <= LINEAR_MAX ? (unsigned)w->dimensions : LINEAR_MAX + 1;
	/* The default is for algorithms that can be calibrated. */
	if (!optimiser_is_exact(to->optimiser.algorithm) ||
	    w->calibration != CALIBRATION_PLATT)
		to->calibration = (enum calibration_method)w->calibration;
	to->feedback = (enum model_feedback)w->feedback;
	if (w->by != NULL && strlen(w->by) >= MODEL_BY_MAX)
		return error_set(error, "--by: the key is too long");
	if (w->by != NULL)
		strcpy(to->by, w->by);
	if (w->examination != NULL && strlen(w->examination) >= MODEL_BY_MAX)
		return error_set(error, "--examination: the keys are too long");
	if (w->examination != NULL)
		strcpy(to->examination, w->examination);
	if (model_options_parse_targets(to, targets, error) < 0 ||
	    model_options_parse_lanes(to, w->prior, w->noise, error) < 0)
		return -1;
	return model_options_check(to, error);
}
