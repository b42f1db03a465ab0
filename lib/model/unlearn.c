/* SPDX-License-Identifier: MIT */
#include "lib/model/unlearn.h"

#include <stdlib.h>

#include "lib/record/pair.h"

int
unlearn_init(struct unlearn *f, const struct model *m, struct hash_key key,
    int64_t span_us, int64_t every_us, uint64_t model_bytes, uint64_t ring_bytes,
    struct error *error)
{
	*f = (struct unlearn){ .key = key };
	if (optimiser_is_exact(m->options.optimiser.algorithm))
		return span_us == 0
		    ? 0
		    : error_set(error, "%s forgets exactly, and needs no --exact",
			  optimiser_name(m->options.optimiser.algorithm));
	f->residual = calloc(1, sizeof *f->residual);
	if (f->residual == NULL)
		return error_set(error, "no memory for residuals");
	if (span_us == 0)
		return 0;
	f->journal = journal_new(&m->options, span_us, every_us, model_bytes,
	    ring_bytes, m->cells.os, error);
	if (f->journal != NULL && journal_begin(f->journal, m, error) == 0)
		return 0;
	unlearn_fini(f);
	return -1;
}

void
unlearn_fini(struct unlearn *f)
{
	journal_free(f->journal);
	free(f->residual);
	*f = (struct unlearn){ 0 };
}

enum features_fault
unlearn_learn(struct unlearn *f, struct model *m, const struct features *features,
    const struct model_example *e, struct slice id, instant at,
    struct model_estimates *to)
{
	enum features_fault fault;
	uint64_t identity = 0;
	bool marked = false;

	if (f->residual != NULL)
		identity = journal_identity(f->key, id, features, e);
	if (f->residual == NULL)
		fault = model_learn(m, features, e, to);
	else
		fault = residual_learn(f->residual, m, features, e, identity, to);
	if (fault != FEATURES_FINE)
		return fault;
	f->unlearned += e->weight < 0;
	if (f->journal == NULL)
		return fault;
	journal_go_on(f->journal, at);
	if (e->weight < 0)
		marked = journal_take_back(f->journal, e, identity);
	if (!marked)
		journal_note(f->journal, m, features, e, identity);
	return fault;
}

static unsigned
build_error(struct build *to, const char *mean, const char *max, uint64_t n, double sum,
    double most)
{
	if (n == 0)
		return 0;
	return pair_figure(to, mean, sum / (double)n) + pair_figure(to, max, most);
}

unsigned
unlearn_build(const struct unlearn *f, struct build *to)
{
	unsigned pairs = 1;

	if (f->unlearned == 0)
		return 0;
	pair_int(to, "unlearnt", (int64_t)f->unlearned);
	if (f->residual != NULL)
		pairs +=
		    build_error(to, "unlearn_residual_mean", "unlearn_residual_max",
			f->residual->measured, f->residual->sum, f->residual->max);
	if (f->journal == NULL)
		return pairs;
	pair_int(to, "unlearnt_exactly", (int64_t)f->journal->counts.taken_back);
	return pairs + 1 +
	    build_error(to, "unlearn_error_mean", "unlearn_error_max",
		f->journal->counts.measured, f->journal->counts.error_sum,
		f->journal->counts.error_max);
}

void
unlearn_save(const struct unlearn *f, struct state_writer *to)
{
	state_put_u64(to, f->unlearned);
	if (f->residual != NULL)
		residual_save(f->residual, to);
	if (f->journal != NULL)
		journal_save(f->journal, to);
}

int
unlearn_load(struct unlearn *f, struct state_reader *from, struct error *error)
{
	if (state_get_u64(from, &f->unlearned) < 0 ||
	    (f->residual != NULL && residual_load(f->residual, from) < 0))
		return error_set(error, "the snapshot is too short");
	return f->journal == NULL ? 0 : journal_load(f->journal, from, error);
}
