/* SPDX-License-Identifier: MIT */
#include "lib/model/report.h"

#include <math.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/vec.h"

void
report_clear(struct report *r)
{
	memset(r, 0, sizeof *r);
}

/* The leading bits of the odds as a float, whose order is the order of the odds: 8 bits
 * of exponent and 5 of mantissa. */
static unsigned
bin_of(double p)
{
	const int lowest = (127 - REPORT_OCTAVES / 2) * REPORT_BINS_OCTAVE;
	float odds = (float)(p / (1 - p));
	uint32_t bits;
	int bin;

	memcpy(&bits, &odds, sizeof bits);
	bin = (int)(bits >> 18) - lowest;
	return bin < 0 ? 0 : bin >= REPORT_BINS ? REPORT_BINS - 1 : (unsigned)bin;
}

void
report_add(struct report *r, double p, double y, double weight)
{
	double *bin = r->bins[bin_of(p)];

	assert(p >= 0 && p <= 1 && y >= 0 && y <= 1);
	r->n += weight;
	r->positive += weight * y;
	r->predicted += weight * p;
	r->loss += weight * vec_log_loss(p, y);
	bin[0] += weight * (1 - y);
	bin[1] += weight * y;
	bin[2] += weight * p;
}

void
report_merge(struct report *r, const struct report *other, double times)
{
	r->n += times * other->n;
	r->positive += times * other->positive;
	r->predicted += times * other->predicted;
	r->loss += times * other->loss;
	for (unsigned i = 0; i < REPORT_BINS; i++) {
		r->bins[i][0] += times * other->bins[i][0];
		r->bins[i][1] += times * other->bins[i][1];
		r->bins[i][2] += times * other->bins[i][2];
	}
}

/* A bin belongs to the group in which its middle lies. */
static double
calibration_error(const struct report *r)
{
	double predicted[REPORT_GROUPS] = { 0 }, positive[REPORT_GROUPS] = { 0 };
	double before = 0, error = 0;

	for (unsigned i = 0; i < REPORT_BINS; i++) {
		double n = r->bins[i][0] + r->bins[i][1];
		double at = (before + n / 2) / r->n * REPORT_GROUPS;
		unsigned group = (unsigned)vec_clamp(at, 0, REPORT_GROUPS - 1);

		predicted[group] += r->bins[i][2];
		positive[group] += r->bins[i][1];
		before += n;
	}
	for (unsigned g = 0; g < REPORT_GROUPS; g++)
		error += fabs(predicted[g] - positive[g]);
	return error / r->n;
}

struct report_figures
report_figures(const struct report *r)
{
	struct report_figures f = { r->n, NAN, NAN, NAN, NAN, NAN, NAN };
	double below = 0, won = 0, tied = 0, negatives, entropy;

	if (!(r->n > 0))
		return f;
	f.log_loss = r->loss / r->n;
	f.ece = calibration_error(r);
	entropy = vec_entropy(vec_clamp(r->positive / r->n, 0, 1));
	if (entropy > 0)
		f.normalised_entropy = f.log_loss / entropy;
	if (r->positive > 0)
		f.calibration = r->predicted / r->positive;
	for (unsigned i = 0; i < REPORT_BINS; i++) {
		won += r->bins[i][1] * below;
		tied += r->bins[i][1] * r->bins[i][0];
		below += r->bins[i][0];
	}
	negatives = r->n - r->positive;
	if (r->positive > 0 && negatives > 0) {
		f.auc = (won + tied / 2) / (r->positive * negatives);
		f.auc_error = tied / 2 / (r->positive * negatives);
	}
	return f;
}

void
report_save(const struct report *r, struct state_writer *to)
{
	state_put_double(to, r->n);
	state_put_double(to, r->positive);
	state_put_double(to, r->predicted);
	state_put_double(to, r->loss);
	for (unsigned i = 0; i < REPORT_BINS; i++) {
		state_put_double(to, r->bins[i][0]);
		state_put_double(to, r->bins[i][1]);
		state_put_double(to, r->bins[i][2]);
	}
}

int
report_load(struct report *r, struct state_reader *from)
{
	if (state_get_double(from, &r->n) < 0 ||
	    state_get_double(from, &r->positive) < 0 ||
	    state_get_double(from, &r->predicted) < 0 ||
	    state_get_double(from, &r->loss) < 0)
		return -1;
	for (unsigned i = 0; i < REPORT_BINS; i++)
		if (state_get_double(from, &r->bins[i][0]) < 0 ||
		    state_get_double(from, &r->bins[i][1]) < 0 ||
		    state_get_double(from, &r->bins[i][2]) < 0)
			return -1;
	return 0;
}
