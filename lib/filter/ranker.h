/* SPDX-License-Identifier: MIT
 *
 * ranker: the decider of a filter: its options, its model, its specification.
 */
#ifndef BANNERPIPE_FILTER_RANKER_H
#define BANNERPIPE_FILTER_RANKER_H

#include "lib/filter.h"
#include "lib/rank/decider.h"

struct ranker {
	int kind, reward;
	const char *model_path, *spec_path;
	uint64_t model_bytes;
	uint64_t spec_bytes; /* of the memory, with --spec; 0: half */
	struct decider decider;
};

/* Options of a filter whose struct `type` has a struct ranker `r`. */
#define RANKER_OPTIONS(type, r)                                                        \
	OPTION_CHOICE('p', "policy", type, r.kind, POLICY_WORDS, "how to choose"),     \
	    OPTION_CHOICE('r', "reward", type, r.reward, "click|conversion|value",     \
		"what is to be had"),                                                  \
	    OPTION_ASIDE('m', "model", type, r.model_path, NULL,                       \
		"the model that knows the candidates", "FILE"),                        \
	    OPTION_ASIDE('s', "spec", type, r.spec_path, NULL,                         \
		"make the candidates' features by this", "FILE"),                      \
	    OPTION_RARE(0, "alpha", type, r.decider.policy.alpha, "1",                 \
		"thompson, linucb: deviations that they believe in"),                  \
	    OPTION_RARE(0, "epsilon", type, r.decider.policy.epsilon, "0.05",          \
		"epsilon: share of chance"),                                           \
	    OPTION_RARE(0, "temperature", type, r.decider.policy.temperature, "1",     \
		"softmax: large is uniform, small is greedy"),                         \
	    OPTION_RARE(0, "gamma", type, r.decider.policy.gamma, "1000",              \
		"squarecb: large is greedy"),                                          \
	    OPTION('f', "floor", type, r.decider.policy.floor, "0",                    \
		"the least probability of any candidate")

/* In start. without_model: whether there need not be one. The reader is not the run's when
 * records are made inside of the filter. 0, or -1 after run_usage or run_fail. */
int ranker_start(struct ranker *k, struct run *run, struct reader *reader,
    uint64_t memory_bytes, bool without_model);
void ranker_stop(struct ranker *k);
/* Whoever learns may have begun a new live file: take it, when it can be had. */
void ranker_refresh(struct ranker *k, struct run *run);
/* When the model's file was written; WHEN_NEVER: there is none. */
instant ranker_written(const struct ranker *k, struct run *run);
/* For `reload`: what is wrong is said, and the model of before stays. */
void ranker_reload(struct ranker *k, struct run *run);

/* What the decider remembers: that of its specification. */
void ranker_save(const struct ranker *k, struct state_writer *to);
int ranker_load(struct ranker *k, struct run *run, struct state_reader *from);

#endif
