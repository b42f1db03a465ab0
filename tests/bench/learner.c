/* SPDX-License-Identifier: MIT
 *
 * The learner alone on the reference stream: progressive log loss (exact) and examples
 * per CPU second, for each algorithm as it comes; lanes also with cells asked for 4
 * examples ahead; and with --places N as if shown at N places, whose examination is learned.
 *
 *	learner [--drift D] [--pairs N] [--places N] [--seed S] [--only ALGORITHM] [EXAMPLES]
 *
 * Peers on the same 1,000,000 examples (constant 0.136428, oracle 0.114332):
 * VowpalWabbit 9.11.2 as it comes 0.127605, the best of about 35 tuned runs 0.122463
 * (--ftrl), its learning alone 680 k examples/s; xLearn 0.4.4 0.122468, 540-760 k
 * examples/s. With --drift 1 --seed 7 500000 (0.156755, 0.132755): 0.154011 and 0.145178.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/model.h"
#include "lib/vec.h"
#include "tests/bench/cpu.h"
#include "tests/bench/ctr.h"

enum { AHEAD = 4, EXAMPLE = CTR_FIELDS * 8 };

struct stream {
	unsigned n;
	uint8_t *keys;
	bool *clicked;
	unsigned places;
	double oracle, constant;
};

static void
generate(struct stream *s, struct ctr *ctr, uint32_t seed, unsigned n)
{
	double clicks = 0;

	s->n = n;
	s->keys = malloc((size_t)n * EXAMPLE);
	s->clicked = malloc(n);
	s->oracle = 0;
	if (s->keys == NULL || s->clicked == NULL)
		exit(111);
	ctr_init(ctr, seed, 0.03);
	for (unsigned i = 0; i < n; i++) {
		struct ctr_example e;

		ctr_turn(ctr, (double)i / n);
		ctr_next(ctr, &e);
		for (unsigned f = 0; f < CTR_FIELDS; f++)
			bytes_store_le64(s->keys + (size_t)i * EXAMPLE + f * 8,
			    ctr_key(f, e.value[f]));
		s->clicked[i] = e.clicked;
		s->oracle += vec_log_loss(e.p, e.clicked) / n;
		clicks += e.clicked;
	}
	s->constant = vec_entropy(clicks / n);
	ctr_fini(ctr);
}

static struct features
example(const struct stream *s, unsigned i)
{
	return (
	    struct features){ slice_of(s->keys + (size_t)i * EXAMPLE, EXAMPLE), { 0 } };
}

static double
learn_all(struct model *m, const struct stream *s, unsigned ahead, double *p)
{
	double seconds = cpu();

	for (unsigned i = 0; i < s->n; i++) {
		struct model_example e = { .weight = 1,
			.target[MODEL_CLICK] = { true, false, s->clicked[i], 1 },
			.elapsed = -1 };
		struct features f = example(s, i), soon;
		struct model_estimates said;

		if (ahead > 0 && i + ahead < s->n) {
			soon = example(s, i + ahead);
			model_prefetch(m, &soon);
		}
		if (s->places > 0) {
			struct examination_place place = { .key = 1 + i % s->places };

			model_place_at(m, &place);
		}
		if (model_learn(m, &f, &e, &said) != FEATURES_FINE)
			exit(111);
		p[i] = said.of[MODEL_CLICK].mean;
	}
	return cpu() - seconds;
}

static void
measure(const struct stream *s, enum optimiser_algorithm algorithm, unsigned ahead)
{
	struct model_options options = model_options_default(algorithm);
	struct error error;
	struct model *m;
	double *p = malloc(s->n * sizeof *p), loss = 0, predicted = 0, clicks = 0,
	       seconds;

	strcpy(options.examination, s->places > 0 ? "position" : "");
	m = model_new(&options, (uint64_t)1 << 30, &os_system, NULL, &error);

	if (m == NULL || p == NULL) {
		fprintf(stderr, "learner: %s\n", m == NULL ? error.text : "no memory");
		exit(111);
	}
	seconds = learn_all(m, s, ahead, p);
	for (unsigned i = 0; i < s->n; i++) {
		loss += vec_log_loss(p[i], s->clicked[i]) / s->n;
		predicted += p[i];
		clicks += s->clicked[i];
	}
	printf("%-8s %u ahead: loss %.6f  NE %.5f  calibration %.4f  %.3f M examples/s "
	       " %llu "
	       "features\n",
	    optimiser_name(algorithm), ahead, loss, loss / s->constant,
	    predicted / clicks, s->n / seconds / 1e6,
	    (unsigned long long)m->cells.used);
	free(p);
	model_free(m);
}

int
main(int argc, char **argv)
{
	static struct ctr ctr;
	struct stream s = { 0 };
	const char *only = NULL;
	uint32_t seed = 20240601;
	unsigned n = 1000000;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--drift") == 0 && i + 1 < argc)
			ctr.drift = strtod(argv[++i], NULL);
		else if (strcmp(argv[i], "--pairs") == 0 && i + 1 < argc)
			ctr.pairs = (unsigned)strtoul(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--places") == 0 && i + 1 < argc)
			s.places = (unsigned)strtoul(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc)
			only = argv[++i];
		else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
			seed = (uint32_t)strtoul(argv[++i], NULL, 10);
		else
			n = (unsigned)strtoul(argv[i], NULL, 10);
	}
	if (n == 0 || ctr.pairs > CTR_PAIRS_MAX) {
		fprintf(stderr,
		    "learner [--drift D] [--pairs N] [--places N] [--seed S] "
		    "[--only ALGORITHM] [EXAMPLES]\n");
		return 100;
	}
	generate(&s, &ctr, seed, n);
	printf("constant %.6f, oracle %.6f\n", s.constant, s.oracle);
	/* The first ones pay for memory that is new to the process. */
	for (unsigned a = OPTIMISER_COUNT; a-- > 0;)
		if (only == NULL ||
		    strcmp(only, optimiser_name((enum optimiser_algorithm)a)) == 0)
			measure(&s, (enum optimiser_algorithm)a, 0);
	if (only == NULL) {
		measure(&s, OPTIMISER_COUNTS, 0);
		measure(&s, OPTIMISER_LANES, AHEAD);
		measure(&s, OPTIMISER_COUNTS, AHEAD);
	}
	free(s.keys);
	free(s.clicked);
	return 0;
}
