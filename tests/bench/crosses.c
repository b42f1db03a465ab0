/* SPDX-License-Identifier: MIT
 *
 * crosses: what finding pairs of fields gives and costs, on streams of 30 fields whose truth
 * has pairs that no linear model finds: how many of them are found, how many others, log
 * loss and speed, without the search, with it, and with the true pairs given.
 *
 * Of 500,000 examples with seeds 1 to 5, 84 of 100 pairs are found, and no others; with --pairs
 * 0 none is.
 *
 *	build/bench/crosses [--pairs N] [--drift D] [--seed S] [--algorithm NAME] [EXAMPLES]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/model.h"
#include "lib/vec.h"
#include "tests/bench/cpu.h"
#include "tests/bench/ctr.h"

struct stream {
	unsigned n;
	uint8_t *keys;
	bool *clicked;
	double oracle;
};

enum { EXAMPLE = CTR_FIELDS * 8 };

static void
generate(struct stream *s, struct ctr *ctr, uint32_t seed)
{
	s->keys = malloc((size_t)s->n * EXAMPLE);
	s->clicked = malloc(s->n);
	if (s->keys == NULL || s->clicked == NULL)
		exit(111);
	ctr_init(ctr, seed, 0.03);
	for (unsigned i = 0; i < s->n; i++) {
		struct ctr_example e;

		ctr_turn(ctr, (double)i / s->n);
		ctr_next(ctr, &e);
		for (unsigned f = 0; f < CTR_FIELDS; f++)
			bytes_store_le64(s->keys + (size_t)i * EXAMPLE + f * 8,
			    ctr_key(f, e.value[f]));
		s->clicked[i] = e.clicked;
		s->oracle += vec_log_loss(e.p, e.clicked) / s->n;
	}
}

static unsigned
number_of(const struct crosses *c, unsigned field)
{
	for (unsigned i = 0; i < c->fields; i++)
		if (c->space[i] == field + 1)
			return i;
	return CROSSES_FIELDS;
}

static bool
is_true(const struct ctr *ctr, const struct crosses *c, unsigned a, unsigned b)
{
	for (unsigned k = 0; k < ctr->pairs; k++) {
		unsigned x = number_of(c, ctr->pair[k][0]),
			 y = number_of(c, ctr->pair[k][1]);

		if ((a == x && b == y) || (a == y && b == x))
			return true;
	}
	return false;
}

/* The true pairs, without a search. */
static void
give(struct model *m, const struct ctr *ctr, const struct stream *s)
{
	struct features f = { slice_of(s->keys, EXAMPLE), { 0 } };
	struct crosses *c = &model_state(m)->crosses;

	crosses_meet(c, &f);
	for (unsigned b = 1; b < c->fields; b++)
		for (unsigned a = 0; a < b; a++)
			if (is_true(ctr, c, a, b)) {
				c->pair[c->count].a = (uint8_t)a;
				c->pair[c->count++].b = (uint8_t)b;
			}
	m->options.crosses = c->count;
}

static void
run(const struct stream *s, const struct ctr *ctr, const char *what, unsigned most,
    bool given, const struct model_options *options)
{
	struct model_options o = *options;
	struct error error = { 0 };
	unsigned right = 0;
	double loss = 0, late = 0, start;
	const struct crosses *c;
	struct model *m;

	o.crosses = most;
	m = model_new(&o, UINT64_C(512) << 20, &os_system, NULL, &error);
	if (m == NULL) {
		fprintf(stderr, "crosses: %s\n", error.text);
		exit(111);
	}
	if (given)
		give(m, ctr, s);
	start = cpu();
	for (unsigned i = 0; i < s->n; i++) {
		struct model_example e = { .weight = 1,
			.target[MODEL_CLICK] = { true, false, s->clicked[i], 1 },
			.elapsed = -1 };
		struct features f = { slice_of(s->keys + (size_t)i * EXAMPLE, EXAMPLE),
			{ 0 } };
		struct model_estimates said;
		double one;

		if (model_learn(m, &f, &e, &said) != FEATURES_FINE)
			exit(111);
		one = vec_log_loss(said.of[0].mean, s->clicked[i]);
		loss += one;
		late += i >= s->n / 2 ? one : 0;
	}
	start = cpu() - start;
	c = &model_state(m)->crosses;
	for (unsigned i = 0; i < c->count; i++)
		right += is_true(ctr, c, c->pair[i].a, c->pair[i].b);
	printf("%-9s log loss %.6f, of the later half %.6f  %7.0f examples/s  %u true "
	       "pairs, %u others\n",
	    what, loss / s->n, late / (s->n - s->n / 2), s->n / start, right,
	    c->count - right);
	model_free(m);
}

int
main(int argc, char **argv)
{
	static struct ctr ctr = { .pairs = 20 };
	struct stream s = { .n = 500000 };
	struct model_options o = model_options_default(OPTIMISER_LANES);
	uint32_t seed = 3;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--drift") == 0 && i + 1 < argc)
			ctr.drift = strtod(argv[++i], NULL);
		else if (strcmp(argv[i], "--pairs") == 0 && i + 1 < argc)
			ctr.pairs = (unsigned)strtoul(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
			seed = (uint32_t)strtoul(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--algorithm") == 0 && i + 1 < argc &&
		    optimiser_parse(slice_text(argv[i + 1]), &o.optimiser.algorithm))
			o = model_options_default((i++, o.optimiser.algorithm));
		else
			s.n = (unsigned)strtoul(argv[i], NULL, 10);
	}
	if (s.n == 0 || ctr.pairs > CTR_PAIRS_MAX) {
		fprintf(stderr,
		    "crosses [--pairs N] [--drift D] [--seed S] "
		    "[--algorithm NAME] [EXAMPLES]\n");
		return 100;
	}
	generate(&s, &ctr, seed);
	printf("the truth log loss %.6f\n", s.oracle);
	run(&s, &ctr, "none", 0, false, &o);
	run(&s, &ctr, "found", CROSSES_MAX, false, &o);
	if (ctr.pairs > 0)
		run(&s, &ctr, "given", CROSSES_MAX, true, &o);
	ctr_fini(&ctr);
	free(s.keys);
	free(s.clicked);
	return 0;
}
