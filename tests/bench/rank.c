/* SPDX-License-Identifier: MIT
 *
 * From a request to the record of its decision, as bp-rank and bp-serve do it: a Thompson
 * draw among candidates of 30 features, ten of the creative, ten of the request and ten of
 * both, by a specification and a model of lanes that has learned from what was shown.
 *
 *	rank [DECISIONS [CANDIDATES [SPEC]]]
 *
 * SPEC: lines that the specification has besides.
 */
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/assert.h"
#include "lib/rank/decider.h"
#include "tests/bench/cpu.h"

enum { LEARNED = 20000, MEMORY = 256 << 20, SHOP = 1000, REQUESTS = 512 };
enum { REQUEST_MAX = 16 << 10, STORAGE = RECORD_SIZE_MAX };

static const instant start = 1700000000 * WHEN_SECOND;

static uint8_t requests[REQUESTS][REQUEST_MAX + RECORD_PADDING];
static size_t request_size[REQUESTS];
static uint8_t storage[STORAGE + RECORD_PADDING];
static struct reader *reader;
static struct decider decider;
static struct random numbers = { 1 };

static void
text_pair(struct build *b, const char *name, unsigned k, const char *before, unsigned n)
{
	char key[32], value[32];

	(void)snprintf(key, sizeof key, "%s%u", name, k);
	(void)snprintf(value, sizeof value, "%s%u", before, n);
	build_text(b, key);
	build_text(b, value);
}

static void
creative(unsigned i)
{
	struct build b;
	char id[16];

	build_init(&b, storage, STORAGE);
	build_map(&b, 3 + 9);
	build_text(&b, "event");
	build_text(&b, "creative");
	build_text(&b, "timestamp");
	build_int(&b, start);
	(void)snprintf(id, sizeof id, "c%u", i);
	build_text(&b, "creative_id");
	build_text(&b, id);
	for (unsigned k = 1; k < 10; k++)
		text_pair(&b, "own", k, "", (i * k) % (k + 3));
	portrait_update(decider.judge.portrait, build_slice(&b));
}

/* They ask for other candidates every so often. */
static void
request(unsigned d, unsigned candidates)
{
	struct build b;
	char id[32];

	build_init(&b, requests[d], REQUEST_MAX);
	build_map(&b, 5 + 10);
	build_text(&b, "event");
	build_text(&b, "request");
	build_text(&b, "timestamp");
	build_int(&b, start + d);
	build_text(&b, "request_id");
	(void)snprintf(id, sizeof id, "q%u", d);
	build_text(&b, id);
	text_pair(&b, "user_id", 0, "u", d);
	for (unsigned k = 0; k < 10; k++)
		text_pair(
		    &b, "asked", k, "", (unsigned)(random_next(&numbers) % (k + 2)));
	build_text(&b, "candidates");
	build_array(&b, candidates);
	for (unsigned i = 0; i < candidates; i++) {
		(void)snprintf(id, sizeof id, "c%u", (d / 16 * 7 + i) % SHOP);
		build_text(&b, id);
	}
	assert(!build_full(&b));
	request_size[d] = build_slice(&b).size;
}

static struct slice
spec(const char *more)
{
	static char text[4096];
	size_t n = 0;

	for (unsigned k = 0; k < 10; k++)
		n += (size_t)snprintf(text + n, sizeof text - n,
		    "own%u = field %s%.0u\nasked%u = field asked%u\n", k,
		    k == 0 ? "creative_id" : "own", k, k, k);
	for (unsigned k = 0; k < 10; k++)
		n += (size_t)snprintf(text + n, sizeof text - n,
		    "both%u = cross own%u asked%u\n", k, k, k * 3 % 10);
	n += (size_t)snprintf(text + n, sizeof text - n, "%s\n", more);
	return slice_of(text, n);
}

static void
decide(unsigned d, struct build *b)
{
	struct slice bytes =
	    slice_of(requests[d % REQUESTS], request_size[d % REQUESTS]);
	const char *wrong;
	struct fault fault;
	struct record r;
	size_t need;

	assert(record_scan(reader, bytes, &r, &fault, &need) == SCAN_RECORD);
	build_init(b, storage, STORAGE);
	assert(decider_begin(&decider, &r) == NULL);
	assert(decider_next(&decider, &wrong) && wrong == NULL);
	decider_decide(&decider, b);
}

static void
learn(void)
{
	struct model *m = decider.judge.predictor.model;
	struct model_estimates said;
	struct build b;

	for (unsigned d = 0; d < LEARNED; d++) {
		struct model_example e = { .weight = 1 };
		struct features f;

		if (d % 16 == 0)
			decide(d, &b);
		f = judge_features(&decider.judge, d % decider.judge.slate.n);
		e.target[MODEL_CLICK].known = true;
		e.target[MODEL_CLICK].weight = 1;
		e.target[MODEL_CLICK].label = random_next(&numbers) % 20 == 0;
		assert(model_learn(m, &f, &e, &said) == FEATURES_FINE);
	}
}

static void
prepare(unsigned candidates, const char *more)
{
	struct model_options options = model_options_default(OPTIMISER_LANES);
	struct error error = { "" };

	reader = reader_new();
	assert(reader != NULL && decider_init(&decider, reader, 1) == 0);
	decider.policy = (struct policy){ POLICY_UNIFORM, 1, 0.05, 1, 1000, 0 };
	decider.judge.compares = true;
	decider.model = "bench";
	decider.judge.portrait = portrait_new(spec(more), MEMORY, 1, &error);
	decider.judge.predictor.model =
	    model_new(&options, MEMORY, &os_system, NULL, &error);
	if (decider.judge.portrait == NULL || decider.judge.predictor.model == NULL) {
		fprintf(stderr, "rank: %s\n", error.text);
		exit(111);
	}
	for (unsigned i = 0; i < SHOP; i++)
		creative(i);
	for (unsigned d = 0; d < REQUESTS; d++)
		request(d, candidates);
	learn();
}

int
main(int argc, char **argv)
{
	unsigned decisions = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 20000;
	unsigned candidates = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 50;
	double begun, seconds, sum = 0;
	struct build b;

	assert(candidates > 0 && candidates <= SHOP);
	prepare(candidates, argc > 3 ? argv[3] : "");
	for (unsigned k = 0; k < 2; k++) {
		decider.policy.kind = k == 0 ? POLICY_UNIFORM : POLICY_THOMPSON;
		begun = cpu();
		for (unsigned d = 0; d < decisions; d++) {
			decide(d, &b);
			sum += decider.weights.probability[decider.chosen];
			decider_take(&decider, build_slice(&b));
		}
		seconds = cpu() - begun;
		printf("%-9s %u candidates: %.0f decisions/s, %.2f us each, "
		       "probability of those shown %.6f\n",
		    policy_name(decider.policy.kind), candidates, decisions / seconds,
		    seconds / decisions * 1e6, sum / decisions);
		sum = 0;
	}
	portrait_free(decider.judge.portrait);
	decider.judge.portrait = NULL;
	decider_fini(&decider);
	reader_free(reader);
	return 0;
}
