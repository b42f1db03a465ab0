/* SPDX-License-Identifier: MIT
 *
 * halves: what merging is worth: two models that learned every other example, the two merged,
 * and one that learned all, on the last fifth of a stream that none of them saw.
 *
 *	build/bench/halves [EXAMPLES]
 *
 * Streams: users and items, and six fields, of up to 500 values each, whose log odds are -1 and
 * a sum of products of three factors over all pairs of fields (1.5); and that of ctr.h with 12
 * pairs.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/modeltool/merge.h"
#include "lib/vec.h"
#include "tests/bench/ctr.h"

enum { RANK = 3, VALUES = 500, PAIRS = 12 };

struct stream {
	unsigned fields;
	uint64_t (*key)[CTR_FIELDS];
	uint8_t *label;
	size_t n;
};

static double
unit(uint64_t bits)
{
	return ((double)(bits >> 11) + 0.5) / 9007199254740992.0;
}

static double
truth(const uint64_t *key, unsigned fields)
{
	double product = 0, pairs = fields * (fields - 1) / 2.0;

	for (unsigned k = 0; k < RANK; k++) {
		double sum = 0, squares = 0;

		for (unsigned f = 0; f < fields; f++) {
			double a = ctr_normal(hash_pair(key[f], 100 + k));

			sum += a;
			squares += a * a;
		}
		product += (sum * sum - squares) / 2;
	}
	return vec_sigmoid(-1 + 1.5 * product / sqrt(pairs * RANK));
}

static void
draw(struct stream *s, unsigned fields)
{
	struct random r = { 5 };

	s->fields = fields;
	for (size_t i = 0; i < s->n; i++) {
		for (unsigned f = 0; f < fields; f++) {
			double u = unit(random_next(&r));

			s->key[i][f] = ctr_key(f, (uint32_t)(VALUES * u * u));
		}
		s->label[i] = unit(random_next(&r)) < truth(s->key[i], fields);
	}
}

static void
draw_ctr(struct stream *s)
{
	static struct ctr c = { .pairs = PAIRS };

	ctr_init(&c, 7, 0.1);
	s->fields = CTR_FIELDS;
	for (size_t i = 0; i < s->n; i++) {
		struct ctr_example e;

		ctr_next(&c, &e);
		for (unsigned f = 0; f < CTR_FIELDS; f++)
			s->key[i][f] = ctr_key(f, e.value[f]);
		s->label[i] = e.clicked;
	}
	ctr_fini(&c);
}

static struct features
features_of(const struct stream *s, size_t i)
{
	return (struct features){ slice_of(s->key[i], 8 * (size_t)s->fields), { 0 } };
}

static struct model *
fresh(unsigned k, bool field_aware)
{
	struct model_options o = model_options_default(OPTIMISER_LANES);
	struct error error;
	struct model *m;

	o.factors = (struct factors_options){ k, field_aware };
	m = model_new(&o, UINT64_C(512) << 20, &os_system, NULL, &error);
	if (m == NULL)
		exit(111);
	return m;
}

/* Every `step`th example of the first four fifths. */
static struct model *
learned(const struct stream *s, unsigned k, bool field_aware, size_t from, size_t step)
{
	struct model *m = fresh(k, field_aware);

	for (size_t i = from; i < s->n / 5 * 4; i += step) {
		struct features f = features_of(s, i);
		struct model_example e = { .weight = 1,
			.target[0] = { true, false, s->label[i], 1 } };
		struct model_estimates said;

		if (model_learn(m, &f, &e, &said) != FEATURES_FINE)
			exit(111);
	}
	return m;
}

static double
loss(const struct stream *s, const struct model *m)
{
	size_t first = s->n / 5 * 4;
	double sum = 0;

	for (size_t i = first; i < s->n; i++) {
		struct features f = features_of(s, i);
		struct model_estimates said;

		if (model_predict(m, &f, &said) != FEATURES_FINE)
			exit(111);
		sum += vec_log_loss(said.of[0].mean, s->label[i]);
	}
	return sum / (double)(s->n - first);
}

static void
run(const struct stream *s, unsigned k, bool field_aware)
{
	struct model *a = learned(s, k, field_aware, 0, 2),
		     *b = learned(s, k, field_aware, 1, 2),
		     *all = learned(s, k, field_aware, 0, 1), *m;
	struct error error;

	m = model_merge(a, b, UINT64_C(4) << 30, &os_system, &error);
	if (m == NULL) {
		fprintf(stderr, "halves: %s\n", error.text);
		exit(111);
	}
	printf("factors %2u%s  halves %.6f %.6f  merged %.6f  all %.6f\n", k,
	    field_aware ? " field-aware" : "            ", loss(s, a), loss(s, b),
	    loss(s, m), loss(s, all));
	model_free(a);
	model_free(b);
	model_free(all);
	model_free(m);
}

int
main(int argc, char **argv)
{
	struct stream s = { .n = argc > 1 ? strtoull(argv[1], NULL, 10) : 200000 };

	s.key = malloc(s.n * sizeof *s.key);
	s.label = malloc(s.n);
	if (s.key == NULL || s.label == NULL)
		return 111;
	for (unsigned stream = 0; stream < 3; stream++) {
		if (stream < 2)
			draw(&s, stream == 0 ? 2 : 6);
		else
			draw_ctr(&s);
		printf("%s, %u fields\n", stream < 2 ? "factors" : "pairs", s.fields);
		run(&s, 0, false);
		run(&s, 4, false);
		run(&s, 8, false);
		run(&s, 4, true);
	}
	free(s.key);
	free(s.label);
	return 0;
}
