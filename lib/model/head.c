/* SPDX-License-Identifier: MIT */
#include "lib/model/head.h"

#include <math.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/vec.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

/* The estimated base rate begins as if so many examples had been seen, of that mean. */
static const double prior_seen[] = { [LIKELIHOOD_BERNOULLI] = 100,
	[LIKELIHOOD_GAMMA] = 1e-3,
	[LIKELIHOOD_EXPONENTIAL] = 1 };
static const double prior_mean[] = { [LIKELIHOOD_BERNOULLI] = 0.01,
	[LIKELIHOOD_GAMMA] = 1e6,
	[LIKELIHOOD_EXPONENTIAL] = 86400 };
/* The variance of the intercept around the offset. */
static const float prior_intercept = 0.25f;
/* The dispersion begins as 1, as if estimated from so many examples; and its least. */
static const double prior_degrees = 20, dispersion_min = 0.01;

/* Where taking back ends: z moves by less, or so many rounds. */
static const double settled = 1e-6;
enum { ROUNDS_MAX = 50 };

unsigned
head_cell_size(const struct head_options *o)
{
	return o->optimiser.algorithm == OPTIMISER_LANES ? sizeof(struct lanes_cell)
							 : sizeof(struct weight);
}

void
head_init(struct head *h, const struct head_options *o)
{
	memset(h, 0, sizeof *h);
	for (unsigned k = 0; k < LANES; k++)
		h->intercept.variance[k] = prior_intercept;
	mixture_init(&h->mixture);
	calibration_init(&h->calibration);
	(void)o;
}

/* --- The base rate ---------------------------------------------------------------- */

static double
base_mean(const struct head *h, const struct head_options *o)
{
	double n = prior_seen[o->likelihood], mean = prior_mean[o->likelihood], rate;

	if (o->base_rate > 0)
		return o->base_rate;
	rate = (fmax(h->sum, 0) + n * mean) / (fmax(h->seen, 0) + n);
	return o->likelihood == LIKELIHOOD_BERNOULLI ? fmin(rate, 1 - 1e-9) : rate;
}

static double
dispersion(const struct head *h, const struct head_options *o)
{
	double d = o->likelihood != LIKELIHOOD_GAMMA
	    ? 1
	    : (prior_degrees + fmax(h->deviance, 0)) /
		(prior_degrees + fmax(h->degrees, 0));

	return fmax(d, dispersion_min);
}

/* A label of which `raw` was said. */
static void
count_deviance(struct head *h, double label, double raw, double weight)
{
	double square = (label / raw - 1) * (label / raw - 1);

	h->deviance += weight * fmin(square, 100);
	h->degrees += weight;
}

static void
count(struct head *h, double label, double weight)
{
	h->seen += weight;
	h->sum += weight * label;
}

double
estimate_quantile(
    const struct head_options *o, const struct estimate *e, double deviations)
{
	return likelihood_mean(o->likelihood, e->z + deviations * e->deviation);
}

/* --- Lanes -------------------------------------------------------------------------- */

/* What the lanes and the constant say of an example. */
struct opinion {
	struct lanes z, v; /* with the offset */
	double offset, mean[MIXTURE_EXPERTS];
};

static void
lanes_of_all(struct lanes *l, double value)
{
	for (unsigned k = 0; k < LANES; k++)
		l->of[k] = (float)value;
}

static void
interpret(const struct head_options *o, struct opinion *to)
{
	for (unsigned k = 0; k < LANES; k++)
		to->mean[k] = likelihood_mean(o->likelihood, (double)to->z.of[k]);
	to->mean[MIXTURE_CONSTANT] = likelihood_mean(o->likelihood, to->offset);
}

static void
ask(const struct head *h, const struct head_options *o, const struct head_features *f,
    struct opinion *to)
{
	const struct lanes_cell *const intercept = &h->intercept;

	to->offset = likelihood_link(o->likelihood, base_mean(h, o));
	lanes_of_all(&to->z, to->offset);
	lanes_of_all(&to->v, 0);
	lanes_score(&o->lanes, (const struct lanes_cell *const *)(void *)f->cells, f->x,
	    f->n, &to->z, &to->v);
	lanes_score(&o->lanes, &intercept, NULL, 1, &to->z, &to->v);
	/* Cells that others write may be anything. */
	for (unsigned k = 0; k < LANES; k++)
		if (!isfinite(to->z.of[k]))
			to->z.of[k] = (float)to->offset;
	interpret(o, to);
}

/* Mean and standard deviation of z over the mixture. */
static void
moments(const struct mixture *m, const struct opinion *said, double *mean,
    double *deviation)
{
	double square = 0;

	*mean = m->weight[MIXTURE_CONSTANT] * said->offset;
	square = *mean * said->offset;
	for (unsigned k = 0; k < LANES; k++) {
		double z = (double)said->z.of[k];

		*mean += m->weight[k] * z;
		square += m->weight[k] * (z * z + (double)said->v.of[k]);
	}
	*deviation = sqrt(fmax(square - *mean * *mean, 0));
}

static void
conclude(const struct head *h, const struct head_options *o, const struct opinion *said,
    struct estimate *to)
{
	double z;

	to->raw = mixture_mean(&h->mixture, said->mean);
	to->mean = o->likelihood == LIKELIHOOD_BERNOULLI
	    ? calibration_apply(&h->calibration, o->calibration, to->raw)
	    : to->raw;
	to->z = likelihood_link(o->likelihood, to->mean);
	moments(&h->mixture, said, &z, &to->deviation);
}

/* The step that follows from an opinion, and how likely each expert found the label. */
static void
judge(const struct head_options *o, const struct opinion *said, double label,
    double weight, double spread, struct lanes *gain, struct lanes *loss,
    double likelihood[MIXTURE_EXPERTS])
{
	const struct likelihood_example e = { o->likelihood, label, weight, spread };

	likelihood_step(&e, &said->z, &said->v, gain, loss);
	for (unsigned k = 0; k < MIXTURE_EXPERTS; k++)
		likelihood[k] = likelihood_of(&e, said->mean[k]);
}

static struct lanes_cell **
with_intercept(struct head *h, const struct head_features *f)
{
	f->cells[f->n] = (union head_cell *)(void *)&h->intercept;
	if (f->x != NULL)
		f->x[f->n] = 1;
	return (struct lanes_cell **)(void *)f->cells;
}

static void
learn_lanes(struct head *h, const struct head_options *o, const struct head_features *f,
    double label, double weight, struct estimate *to)
{
	struct lanes_cell **cells = with_intercept(h, f);
	double likelihood[MIXTURE_EXPERTS];
	struct lanes gain, loss;
	struct opinion said;

	lanes_begin(&o->lanes, cells, f->x, f->n);
	ask(h, o, f, &said);
	conclude(h, o, &said, to);
	judge(o, &said, label, weight, dispersion(h, o), &gain, &loss, likelihood);
	lanes_learn(&o->lanes, cells, f->x, f->n + 1, &gain, &loss);
	mixture_learn(&h->mixture, likelihood);
	count(h, label, weight);
}

/* What the mixture said before an example which the experts found so likely. */
static double
raw_before(const struct head *h, const struct opinion *said,
    const double likelihood[MIXTURE_EXPERTS])
{
	struct mixture before = h->mixture;

	mixture_unlearn(&before, likelihood);
	return mixture_mean(&before, said->mean);
}

/* The dispersion before it. */
static double
dispersion_before(const struct head *h, const struct head_options *o, double label,
    double raw, double weight)
{
	struct head before;

	before.deviance = h->deviance;
	before.degrees = h->degrees;
	count_deviance(&before, label, raw, -weight);
	return dispersion(&before, o);
}

/* A step of Newton's method towards what the lanes said, from what would have come of it;
 * how far it went. The derivative of that by what they said is 1 - loss v (1 + v gain (1 -
 * 2 p)), as the loss depends on p too; where it is not positive there may be no such thing
 * to find, and the step is short. */
static double
step_back(struct opinion *said, const struct lanes *z, const struct lanes *v,
    const struct lanes *gain, const struct lanes *loss)
{
	double moved = 0;

	for (unsigned k = 0; k < LANES; k++) {
		double before = (double)said->v.of[k],
		       lost = (double)loss->of[k] * before;
		double slope = 1 -
		    lost * (1 + (double)gain->of[k] * before * (1 - 2 * said->mean[k]));
		double step = (double)(z->of[k] - said->z.of[k]) / fmax(slope, 0.1);

		step = vec_clamp(step, -2, 2);
		said->z.of[k] += (float)step;
		said->v.of[k] = v->of[k];
		moved = fmax(moved, fmax(fabs(step), fabs((double)v->of[k] - before)));
	}
	return moved;
}

/* The same backwards: what the lanes said before is what would have led to what they say
 * now. */
static void
unlearn_lanes(struct head *h, const struct head_options *o,
    const struct head_features *f, double label, double weight, struct estimate *to)
{
	struct lanes_cell **cells = with_intercept(h, f);
	double likelihood[MIXTURE_EXPERTS], moved = 1, last;
	double spread = dispersion_before(h, o, label, label / 100, weight);
	bool gamma = o->likelihood != LIKELIHOOD_BERNOULLI;
	struct lanes gain, loss, z, v, now;
	struct opinion said;

	lanes_begin(&o->lanes, cells, f->x, f->n);
	ask(h, o, f, &said);
	conclude(h, o, &said, to);
	count(h, label, -weight);
	last = said.offset;
	said.offset = likelihood_link(o->likelihood, base_mean(h, o));
	/* The step was made with the offset of before. */
	for (unsigned k = 0; k < LANES; k++)
		said.z.of[k] += (float)(said.offset - last);
	now = said.z;
	for (unsigned round = 0; round < ROUNDS_MAX; round++) {
		const struct likelihood_example e = { o->likelihood, label, weight,
			spread };

		interpret(o, &said);
		judge(o, &said, label, weight, spread, &gain, &loss, likelihood);
		if (gamma)
			likelihood_step_to(&e, &now, &said.v, &gain, &loss);
		if (moved <= settled)
			break;
		lanes_of_all(&z, said.offset);
		lanes_of_all(&v, 0);
		lanes_score_before(&o->lanes,
		    (const struct lanes_cell *const *)(void *)cells, f->x, f->n + 1,
		    &gain, &loss, &z, &v);
		if (gamma) {
			moved = 0;
			for (unsigned k = 0; k < LANES; k++)
				moved = fmax(moved,
				    fmax(fabs((double)(z.of[k] - said.z.of[k])),
					fabs((double)(v.of[k] - said.v.of[k]))));
			said.z = z;
			said.v = v;
			to->raw = raw_before(h, &said, likelihood);
			spread = dispersion_before(h, o, label, to->raw, weight);
		} else {
			moved = step_back(&said, &z, &v, &gain, &loss);
		}
	}
	lanes_unlearn(&o->lanes, cells, f->x, f->n + 1, &gain, &loss);
	to->raw = raw_before(h, &said, likelihood);
	mixture_unlearn(&h->mixture, likelihood);
}

/* --- Optimisers --------------------------------------------------------------------- */

static struct weight *
weight_of(union head_cell *cell)
{
	return (struct weight *)(void *)cell;
}

static double
linear(
    const struct head *h, const struct head_options *o, const struct head_features *f)
{
	double offset = likelihood_link(o->likelihood, base_mean(h, o));
	double z = offset + (double)h->linear_intercept.value;

	for (unsigned i = 0; i < f->n; i++)
		if (f->cells[i] != NULL)
			z += (double)weight_of(f->cells[i])->value *
			    (f->x == NULL ? 1.0 : (double)f->x[i]);
	return isfinite(z) ? z : offset;
}

static void
predict_linear(const struct head *h, const struct head_options *o,
    const struct head_features *f, struct estimate *to)
{
	double z = linear(h, o, f);

	to->raw = likelihood_mean(o->likelihood, z);
	to->mean = o->likelihood == LIKELIHOOD_BERNOULLI
	    ? calibration_apply(&h->calibration, o->calibration, to->raw)
	    : to->raw;
	to->z = likelihood_link(o->likelihood, to->mean);
	to->deviation = 0;
}

/* The derivative of the negative log-likelihood; of gamma, whose residual has no bound,
 * held to what ten times the mean gives. */
static void
learn_linear(struct head *h, const struct head_options *o,
    const struct head_features *f, double label, double weight, struct estimate *to)
{
	struct optimiser free_of_penalty = o->optimiser;
	double g;

	predict_linear(h, o, f, to);
	if (o->likelihood == LIKELIHOOD_BERNOULLI)
		g = to->raw - label;
	else
		g = vec_clamp(1 - label / to->raw, -9, 1);
	for (unsigned i = 0; i < f->n; i++)
		if (f->cells[i] != NULL)
			optimiser_step(&o->optimiser, weight_of(f->cells[i]),
			    (float)g * (f->x == NULL ? 1 : f->x[i]), (float)weight);
	free_of_penalty.l1 = free_of_penalty.l2 = 0;
	optimiser_step(&free_of_penalty, &h->linear_intercept, (float)g, (float)weight);
	count(h, label, weight);
}

/* --- Both --------------------------------------------------------------------------- */

void
head_predict(const struct head *h, const struct head_options *o,
    const struct head_features *f, struct estimate *to)
{
	struct opinion said;

	if (o->optimiser.algorithm != OPTIMISER_LANES) {
		predict_linear(h, o, f, to);
		return;
	}
	ask(h, o, f, &said);
	conclude(h, o, &said, to);
}

void
head_learn(struct head *h, const struct head_options *o, const struct head_features *f,
    double label, double weight, struct estimate *to)
{
	assert(weight != 0);
	if (o->optimiser.algorithm != OPTIMISER_LANES)
		learn_linear(h, o, f, label, weight, to);
	else if (weight > 0)
		learn_lanes(h, o, f, label, weight, to);
	else
		unlearn_lanes(h, o, f, label, -weight, to);
	if (o->likelihood == LIKELIHOOD_BERNOULLI) {
		calibration_learn(
		    &h->calibration, o->calibration, to->raw, label, weight);
		return;
	}
	count_deviance(h, label, to->raw, weight);
}

bool
head_is_sound(const struct head *h)
{
	double sum = 0;

	for (unsigned k = 0; k < MIXTURE_EXPERTS; k++) {
		if (!(h->mixture.weight[k] >= 0))
			return false;
		sum += h->mixture.weight[k];
	}
	return lanes_is_sound(&h->intercept) && fabs(sum - 1) < 1e-6 &&
	    calibration_is_sound(&h->calibration) && isfinite(h->seen) &&
	    isfinite(h->sum) && isfinite(h->deviance) && isfinite(h->degrees) &&
	    weight_is_sound(&h->linear_intercept);
}
