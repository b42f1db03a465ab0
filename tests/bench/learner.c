/* SPDX-License-Identifier: MIT
 *
 * The learner alone on the reference stream: progressive log loss (exact) and examples
 * per CPU second, for each algorithm as it comes.
 *
 *	learner [EXAMPLES [ftrl|adagrad|sgd RATE BETA L1 L2 BASE_RATE]]
 *
 * Peers on the same 1,000,000 examples (constant 0.136428, oracle 0.114332):
 *VowpalWabbit 9.11.2 as it comes 0.127605, the best of about 35 tuned runs 0.122463
 *(--ftrl), its learning alone 680 k examples/s; xLearn 0.4.4 0.122468, 540-760 k
 * examples/s.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/model/logistic.h"
#include "lib/vec.h"
#include "tests/bench/ctr.h"

static double
cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

struct stream {
	unsigned n;
	uint8_t *keys;
	bool *clicked;
	double oracle, constant;
};

static void
generate(struct stream *s, unsigned n)
{
	static struct ctr ctr;
	double clicks = 0;

	s->n = n;
	s->keys = malloc((size_t)n * CTR_FIELDS * 8);
	s->clicked = malloc(n);
	s->oracle = 0;
	if (s->keys == NULL || s->clicked == NULL)
		exit(111);
	ctr_init(&ctr, 20240601, 0.03);
	for (unsigned i = 0; i < n; i++) {
		struct ctr_example e;

		ctr_next(&ctr, &e);
		for (unsigned f = 0; f < CTR_FIELDS; f++)
			bytes_store_le64(s->keys + ((size_t)i * CTR_FIELDS + f) * 8,
			    ctr_key(f, e.value[f]));
		s->clicked[i] = e.clicked;
		s->oracle += vec_log_loss(e.p, e.clicked) / n;
		clicks += e.clicked;
	}
	s->constant = vec_entropy(clicks / n);
	ctr_fini(&ctr);
}

static void
learn(const struct stream *s, const struct logistic_options *options)
{
	struct error error;
	struct logistic *m = logistic_new(options, (uint64_t)256 << 20, &error);
	double *p = malloc(s->n * sizeof *p), loss = 0, predicted = 0, clicks = 0,
	       seconds;
	const struct optimiser *o = &options->optimiser;

	if (m == NULL || p == NULL) {
		fprintf(stderr, "learner: %s\n", m == NULL ? error.text : "no memory");
		exit(111);
	}
	seconds = cpu();
	for (unsigned i = 0; i < s->n; i++) {
		struct features f = { slice_of(s->keys + (size_t)i * CTR_FIELDS * 8,
					  CTR_FIELDS * 8),
			{ 0 } };

		logistic_learn(m, &f, s->clicked[i], 1, &p[i]);
	}
	seconds = cpu() - seconds;
	for (unsigned i = 0; i < s->n; i++) {
		loss += vec_log_loss(p[i], s->clicked[i]) / s->n;
		predicted += p[i];
		clicks += s->clicked[i];
	}
	printf(
	    "%-8s rate %g beta %g l1 %g l2 %g base %g: loss %.6f  NE %.5f  calibration "
	    "%.4f  %.3f M examples/s  %llu features, %llu evicted\n",
	    optimiser_name(o->algorithm), o->rate, o->beta, o->l1, o->l2,
	    options->base_rate, loss, loss / s->constant, predicted / clicks,
	    s->n / seconds / 1e6, (unsigned long long)m->weights.used,
	    (unsigned long long)m->weights.evicted);
	free(p);
	logistic_free(m);
}

int
main(int argc, char **argv)
{
	struct stream s;

	generate(&s, argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1000000);
	printf("constant %.6f, oracle %.6f\n", s.constant, s.oracle);
	for (unsigned a = 0; a < OPTIMISER_COUNT && argc < 3; a++)
		learn(&s,
		    &(struct logistic_options){
			optimiser_default((enum optimiser_algorithm)a), 0 });
	for (int i = 2; i + 5 < argc; i += 6) {
		struct logistic_options options = {
			.optimiser = { .rate = strtod(argv[i + 1], NULL),
			    .beta = strtod(argv[i + 2], NULL),
			    .l1 = strtod(argv[i + 3], NULL),
			    .l2 = strtod(argv[i + 4], NULL) },
			.base_rate = strtod(argv[i + 5], NULL),
		};

		if (!optimiser_parse(slice_text(argv[i]), &options.optimiser.algorithm))
			return 100;
		learn(&s, &options);
	}
	free(s.keys);
	free(s.clicked);
	return 0;
}
