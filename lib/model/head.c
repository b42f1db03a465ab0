/* SPDX-License-Identifier: MIT */
#include "lib/model/head.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/model/exact.h"
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
	switch (o->optimiser.algorithm) {
	case OPTIMISER_LANES:
		return sizeof(struct lanes_cell);
	case OPTIMISER_COUNTS:
		return sizeof(struct counts);
	case OPTIMISER_LINEAR:
		return sizeof(struct linear_cell);
	default:
		return sizeof(struct weight);
	}
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

/* The link of the base rate. */
static double
offset(const struct head *h, const struct head_options *o)
{
	double n = prior_seen[o->likelihood], mean = prior_mean[o->likelihood], seen,
	       sum;

	if (o->base_rate > 0)
		return likelihood_link(o->likelihood, o->base_rate);
	seen = fmax(h->seen, 0) + n;
	sum = fmax(h->sum, 0) + n * mean;
	if (o->likelihood == LIKELIHOOD_BERNOULLI)
		seen = fmax(seen - sum, n * mean);
	return vec_clamp(vec_log(sum / seen), -VEC_LOGIT_MAX, VEC_LOGIT_MAX);
}

double
head_base(const struct head *h, const struct head_options *o)
{
	return likelihood_mean(o->likelihood, offset(h, o));
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

/* A label of which the mean `said` was said. */
static void
count_deviance(struct head *h, double label, double said, double weight)
{
	double square = (label / said - 1) * (label / said - 1);

	h->deviance += weight * fmin(square, 100);
	h->degrees += weight;
}

/* The dispersion before such a label. */
static double
dispersion_before(const struct head *h, const struct head_options *o, double label,
    double said, double weight)
{
	struct head before;

	before.deviance = h->deviance;
	before.degrees = h->degrees;
	count_deviance(&before, label, said, -weight);
	return dispersion(&before, o);
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
	if (o->optimiser.algorithm == OPTIMISER_LINEAR)
		return exact_quantile(o, e, deviations);
	return likelihood_mean(o->likelihood, e->z + deviations * e->deviation);
}

/* --- Predicting --------------------------------------------------------------------- */

/* From the link of the mean before calibration. */
static void
calibrate(const struct calibration *c, const struct head_options *o, double raw,
    struct estimate *to)
{
	to->raw = to->z = raw;
	to->sd = 0;
	if (o->likelihood == LIKELIHOOD_BERNOULLI)
		to->z = vec_clamp(calibration_apply(c, o->calibration, raw),
		    -VEC_LOGIT_MAX, VEC_LOGIT_MAX);
	to->mean = likelihood_mean(o->likelihood, to->z);
}

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

/* What they say before any feature: the offset, and what the factors know. */
static void
lanes_start(
    const struct head_features *f, double base, struct lanes *z, struct lanes *v)
{
	lanes_of_all(z, base + (f->factors == NULL ? 0 : f->factors->z));
	lanes_of_all(v, f->factors == NULL ? 0 : f->factors->v);
}

static void
interpret(const struct head_options *o, struct opinion *to)
{
	float none = 0;

	/* Cells that others write, or that a file held, may be anything. */
	for (unsigned k = 0; k < LANES; k++)
		none += (to->z.of[k] - to->z.of[k]) + (to->v.of[k] - to->v.of[k]);
	for (unsigned k = 0; k < LANES && none != 0; k++) {
		if (!isfinite(to->z.of[k]))
			to->z.of[k] = (float)to->offset;
		if (!isfinite(to->v.of[k]))
			to->v.of[k] = FLT_MAX;
	}
	likelihood_means(o->likelihood, &to->z, to->mean);
	to->mean[MIXTURE_CONSTANT] = likelihood_mean(o->likelihood, to->offset);
}

/* The features' sum, and the intercept. */
static void
understand(const struct head *h, const struct head_options *o,
    const struct head_sum *sum, struct opinion *to)
{
	const struct lanes_cell *const intercept = &h->intercept;

	to->offset = sum->offset;
	to->z = sum->z;
	to->v = sum->v;
	lanes_score(&o->lanes, &intercept, NULL, 1, &to->z, &to->v);
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
conclude(const struct head_options *o, const struct head_sum *sum,
    const struct opinion *said, struct estimate *to)
{
	double mean = mixture_mean(sum->mixture, said->mean), z;

	calibrate(sum->calibration, o, likelihood_link(o->likelihood, mean), to);
	moments(sum->mixture, said, &z, &to->deviation);
}

void
head_begin(const struct head *h, const struct head_options *o,
    const struct head_belief *belief, struct head_sum *s)
{
	s->mixture = belief == NULL ? &h->mixture : &belief->mixture;
	s->calibration = belief == NULL ? &h->calibration : &belief->calibration;
	s->offset = offset(h, o);
	s->linear = s->offset;
	if (o->optimiser.algorithm != OPTIMISER_LANES)
		return;
	lanes_of_all(&s->z, s->offset);
	lanes_of_all(&s->v, 0);
}

static void
add_factors(const struct factors_example *e, struct head_sum *s)
{
	for (unsigned k = 0; k < LANES; k++) {
		s->z.of[k] += (float)e->z;
		s->v.of[k] += (float)e->v;
	}
}

void
head_add(
    const struct head_options *o, const struct head_features *f, struct head_sum *s)
{
	if (optimiser_is_exact(o->optimiser.algorithm)) {
		exact_add(o, f, s);
		return;
	}
	if (f->factors != NULL)
		factors_score(&o->factors, f->factors);
	if (o->optimiser.algorithm == OPTIMISER_LANES) {
		lanes_score(&o->lanes,
		    (const struct lanes_cell *const *)(void *)f->cells, f->x, f->n,
		    &s->z, &s->v);
		if (f->factors != NULL)
			add_factors(f->factors, s);
		return;
	}
	if (f->factors != NULL)
		s->linear += f->factors->z;
	for (unsigned i = 0; i < f->n; i++)
		if (f->cells[i] != NULL)
			s->linear += (double)head_weight(f->cells[i])->value *
			    (f->x == NULL ? 1.0 : (double)f->x[i]);
}

unsigned
head_open_lane(const struct lanes_options *o)
{
	unsigned best = 0;

	for (unsigned k = 1; k < LANES; k++)
		if (o->noise.of[k] <= o->noise.of[best] &&
		    o->prior.of[k] > o->prior.of[best])
			best = k;
	return best;
}

void
head_conclude(const struct head *h, const struct head_options *o,
    const struct head_sum *s, struct estimate *to)
{
	struct opinion said;
	double raw;

	if (o->optimiser.algorithm == OPTIMISER_LANES) {
		unsigned open = head_open_lane(&o->lanes);

		understand(h, o, s, &said);
		conclude(o, s, &said, to);
		to->open_z = (double)said.z.of[open];
		to->open_deviation = sqrt((double)said.v.of[open]);
		return;
	}
	if (optimiser_is_exact(o->optimiser.algorithm)) {
		exact_conclude(h, o, s, to);
		return;
	}
	raw = s->linear + (double)h->linear_intercept.value;
	if (!isfinite(raw))
		raw = s->offset;
	calibrate(s->calibration, o, vec_clamp(raw, -VEC_LOGIT_MAX, VEC_LOGIT_MAX), to);
	to->deviation = to->open_deviation = 0;
	to->open_z = to->z;
}

/* --- Lanes -------------------------------------------------------------------------- */

static void
ask(const struct head *h, const struct head_options *o, const struct head_features *f,
    struct opinion *said, struct estimate *to)
{
	struct head_sum sum;

	head_begin(h, o, f->belief, &sum);
	head_add(o, f, &sum);
	understand(h, o, &sum, said);
	conclude(o, &sum, said, to);
}

/* The step that follows from an opinion, and how likely each expert found the label. */
static void
judge(const struct head_options *o, const struct opinion *said, double label,
    double weight, double spread, struct lanes *gain, struct lanes *loss,
    double likelihood[MIXTURE_EXPERTS])
{
	const struct likelihood_example e = { o->likelihood, label, weight, spread };

	likelihood_step(&e, &said->z, said->mean, &said->v, gain, loss);
	likelihood_of(&e, said->mean, MIXTURE_EXPERTS, likelihood);
}

/* The step for what all lanes share: theirs, as far as each is believed. As every loss is
 * below 1 / v and v is at least that of the factors, so is theirs. */
static double
shared(const struct mixture *m, const struct lanes *step)
{
	double sum = 0, weight = 0;

	for (unsigned k = 0; k < LANES; k++) {
		sum += m->weight[k] * (double)step->of[k];
		weight += m->weight[k];
	}
	return sum / weight;
}

/* What is to be learned. */
struct lesson {
	double label, weight;
};

/* As it counts for those who look. */
static void
complete(const struct head_features *f, const struct estimate *said, struct lesson *to)
{
	if (f->hidden > 0)
		examination_complete(
		    1 - f->hidden, said->mean, &to->label, &to->weight);
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
    struct lesson *lesson, struct estimate *to)
{
	struct lanes_cell **cells = with_intercept(h, f);
	double likelihood[MIXTURE_EXPERTS];
	struct lanes gain, loss;
	struct opinion said;

	if (f->factors != NULL)
		factors_begin(&o->factors, f->factors);
	ask(h, o, f, &said, to);
	complete(f, to, lesson);
	judge(o, &said, lesson->label, lesson->weight, dispersion(h, o), &gain, &loss,
	    likelihood);
	if (f->factors != NULL)
		factors_learn(&o->factors, f->factors, shared(&h->mixture, &gain),
		    shared(&h->mixture, &loss));
	lanes_learn(&o->lanes, cells, f->x, f->n + 1, &gain, &loss);
	mixture_learn(&h->mixture, likelihood);
	if (f->belief != NULL)
		mixture_learn(&f->belief->mixture, likelihood);
	count(h, lesson->label, lesson->weight);
}

/* The mean that the mixture said before an example which the experts found so likely. */
static double
mean_before(const struct head *h, const struct opinion *said,
    const double likelihood[MIXTURE_EXPERTS], struct mixture *before)
{
	*before = h->mixture;
	mixture_unlearn(before, likelihood);
	return mixture_mean(before, said->mean);
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

/* The same where the step says from where it came: of gamma. */
static double
go_back(struct opinion *said, const struct lanes *z, const struct lanes *v)
{
	double moved = 0;

	for (unsigned k = 0; k < LANES; k++)
		moved = fmax(moved,
		    fmax(fabs((double)(z->of[k] - said->z.of[k])),
			fabs((double)(v->of[k] - said->v.of[k]))));
	said->z = *z;
	said->v = *v;
	return moved;
}

/* What the lanes and the factors would have said before, if that was their step. */
static void
score_before(const struct head_options *o, const struct head_features *f, double base,
    const struct mixture *mixture, const struct lanes *gain, const struct lanes *loss,
    struct lanes *z, struct lanes *v)
{
	if (f->factors != NULL)
		factors_score_before(&o->factors, f->factors, shared(mixture, gain),
		    shared(mixture, loss));
	lanes_start(f, base, z, v);
	lanes_score_before(&o->lanes,
	    (const struct lanes_cell *const *)(void *)f->cells, f->x, f->n + 1, gain,
	    loss, z, v);
}

/* The same backwards: what the lanes said before is what would have led to what they say
 * now. The step was made with the offset of before. */
static void
unlearn_lanes(struct head *h, const struct head_options *o,
    const struct head_features *f, struct lesson *lesson, struct estimate *to)
{
	struct lanes_cell **cells = with_intercept(h, f);
	bool gamma = o->likelihood != LIKELIHOOD_BERNOULLI;
	double likelihood[MIXTURE_EXPERTS], moved = 1, mean = 0, base;
	double label, weight, spread;
	struct lanes gain, loss, z, v, now;
	struct mixture mixture;
	struct opinion said;

	ask(h, o, f, &said, to);
	complete(f, to, lesson);
	label = lesson->label;
	weight = -lesson->weight;
	spread = dispersion_before(h, o, label, label / 100, weight);
	count(h, label, -weight);
	base = offset(h, o);
	for (unsigned k = 0; k < LANES; k++)
		said.z.of[k] += (float)(base - said.offset);
	said.offset = base;
	now = said.z;
	for (unsigned round = 0; round < ROUNDS_MAX; round++) {
		const struct likelihood_example e = { o->likelihood, label, weight,
			spread };

		interpret(o, &said);
		judge(o, &said, label, weight, spread, &gain, &loss, likelihood);
		if (gamma)
			likelihood_step_to(&e, &now, &said.v, &gain, &loss);
		mean = mean_before(h, &said, likelihood, &mixture);
		if (moved <= settled)
			break;
		score_before(o, f, base, &mixture, &gain, &loss, &z, &v);
		moved = gamma ? go_back(&said, &z, &v)
			      : step_back(&said, &z, &v, &gain, &loss);
		if (gamma)
			spread = dispersion_before(h, o, label,
			    mean_before(h, &said, likelihood, &mixture), weight);
	}
	lanes_unlearn(&o->lanes, cells, f->x, f->n + 1, &gain, &loss);
	if (f->factors != NULL)
		factors_unlearn(&o->factors, f->factors, shared(&mixture, &gain),
		    shared(&mixture, &loss));
	h->mixture = mixture;
	if (f->belief != NULL) {
		mixture_unlearn(&f->belief->mixture, likelihood);
		mean = mixture_mean(&f->belief->mixture, said.mean);
	}
	to->raw = likelihood_link(o->likelihood, mean);
}

/* --- Optimisers --------------------------------------------------------------------- */

/* The step of a filter for factors beside weights that have no variance. */
static void
learn_factors(const struct head_options *o, struct factors_example *e, double mean,
    double label, double weight)
{
	double w = fabs(weight), h = w * mean * (1 - mean), damp = 1 / (1 + h * e->v);

	(weight > 0 ? factors_learn : factors_unlearn)(
	    &o->factors, e, w * (label - mean) * damp, h * damp);
}

/* The derivative of the negative log-likelihood; of gamma, whose residual has no bound,
 * held to what ten times the mean gives. */
static void
learn_linear(struct head *h, const struct head_options *o,
    const struct head_features *f, struct lesson *lesson, struct estimate *to)
{
	struct optimiser free_of_penalty = o->optimiser;
	double g, mean, label, weight;

	if (f->factors != NULL && lesson->weight > 0)
		factors_begin(&o->factors, f->factors);
	head_predict(h, o, f, to);
	complete(f, to, lesson);
	label = lesson->label;
	weight = lesson->weight;
	mean = likelihood_mean(o->likelihood, to->raw);
	if (f->factors != NULL)
		learn_factors(o, f->factors, mean, label, weight);
	if (o->likelihood == LIKELIHOOD_BERNOULLI)
		g = mean - label;
	else
		g = vec_clamp(1 - label / mean, -9, 1);
	for (unsigned i = 0; i < f->n; i++)
		if (f->cells[i] != NULL)
			optimiser_step(&o->optimiser, head_weight(f->cells[i]),
			    (float)g * (f->x == NULL ? 1 : f->x[i]), (float)weight);
	free_of_penalty.l1 = free_of_penalty.l2 = 0;
	optimiser_step(&free_of_penalty, &h->linear_intercept, (float)g, (float)weight);
	count(h, label, weight);
}

/* --- Both --------------------------------------------------------------------------- */

void
head_learn(struct head *h, const struct head_options *o, const struct head_features *f,
    double label, double weight, struct estimate *to)
{
	struct lesson lesson = { label, weight };

	assert(weight != 0);
	if (optimiser_is_exact(o->optimiser.algorithm)) {
		exact_learn(h, o, f, label, weight, to);
		return;
	}
	if (o->optimiser.algorithm != OPTIMISER_LANES)
		learn_linear(h, o, f, &lesson, to);
	else if (weight > 0)
		learn_lanes(h, o, f, &lesson, to);
	else
		unlearn_lanes(h, o, f, &lesson, to);
	if (o->likelihood == LIKELIHOOD_BERNOULLI) {
		calibration_learn(&h->calibration, o->calibration, to->raw,
		    lesson.label, lesson.weight);
		if (f->belief != NULL)
			calibration_learn(&f->belief->calibration, o->calibration,
			    to->raw, lesson.label, lesson.weight);
		return;
	}
	count_deviance(h, label, likelihood_mean(o->likelihood, to->raw), weight);
}

bool
head_is_sound(const struct head *h)
{
	return lanes_is_sound(&h->intercept) && mixture_is_sound(&h->mixture) &&
	    calibration_is_sound(&h->calibration) && isfinite(h->seen) &&
	    isfinite(h->sum) && isfinite(h->deviance) && isfinite(h->degrees) &&
	    weight_is_sound(&h->linear_intercept);
}
