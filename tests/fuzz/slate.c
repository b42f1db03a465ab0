/* SPDX-License-Identifier: MIT
 *
 * Any records as requests, creatives and events, JSON texts, one a line, first with the
 * features that they have, then by a specification: a request is refused, or its decisions
 * are records whose features bp-learn takes.
 */
#include <string.h>

#include "lib/rank/judge.h"
#include "tests/fuzz/lines.h"

enum { MEMORY = 1 << 21 };

static const char spec[] = "creative = field creative_id\nbrand = words brand\n"
			   "price = log price_micros\nplace = cross creative brand\n"
			   "seen = count decision by creative_id in 1h\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct reader *reader, *again;
static struct judge judge;
static struct decision_keys keys;
static struct key request_id, features, values;

static void
look_at(struct slice bytes)
{
	struct features f = { { NULL, 0 }, { NULL, 0 } };
	struct record made;
	struct fault fault;
	size_t need;

	assert(record_scan(again, bytes, &made, &fault, &need) == SCAN_RECORD);
	assert(record_kind(&made) == KIND_DECISION);
	(void)record_bin(&made, features, &f.keys);
	(void)record_bin(&made, values, &f.values);
	assert(features_check(&f) == FEATURES_FINE);
}

static void
decide(const struct record *r)
{
	static struct policy_weights weights;
	static uint8_t built[RECORD_SIZE_MAX + RECORD_PADDING];
	const struct policy uniform = { .kind = POLICY_UNIFORM };
	struct decision_request q;
	struct slice id;
	unsigned k;

	if (!record_value(r, request_id, &id) || r->count > RECORD_KEYS_MAX - 32)
		return;
	decision_request_init(&q, &keys, r, id);
	if (judge_read(&judge, r, KIND_REQUEST, &q) != NULL)
		return;
	k = slate_positions(&judge.slate, r);
	for (unsigned i = 0; i < k && judge.slate.n > 0; i++) {
		bool stays[POLICY_MAX];
		struct decision d = { .position = i, .policy = "uniform" };
		struct build b;

		if (judge_estimate(&judge, i) != NULL)
			return;
		policy_weigh(&uniform, judge.candidates, judge.slate.n, &weights);
		d.n = judge.slate.n;
		d.candidates = judge.slate.id;
		d.values = judge.slate.value;
		d.offers = judge.slate.offer;
		d.valued = judge.slate.valued;
		d.bids = judge.slate.bids;
		d.weights = &weights;
		d.chosen = policy_draw(&weights, d.n, 1, i);
		d.features = judge_features(&judge, d.chosen, i);
		build_init(&b, built, RECORD_SIZE_MAX);
		decision_build(&b, &q, &d);
		assert(!build_full(&b));
		look_at(build_slice(&b));
		if (judge.portrait != NULL)
			portrait_update(judge.portrait, build_slice(&b));
		slate_show(&judge.slate, d.chosen, stays);
		judge_retain(&judge, stays);
	}
}

static void
each_line(struct slice text)
{
	struct record record;

	while (lines_next(&text, reader, &record)) {
		if (record_kind(&record) == KIND_REQUEST)
			decide(&record);
		if (judge.portrait != NULL)
			portrait_update(
			    judge.portrait, slice_of(record.bytes, record.size));
	}
}

static void
prepare(void)
{
	reader = reader_new();
	again = reader_new();
	assert(reader != NULL && again != NULL && judge_init(&judge, reader) == 0);
	judge.compares = judge.keep = true;
	decision_keys_init(&keys, reader);
	request_id = reader_key(reader, "request_id");
	features = reader_key(again, "features");
	values = reader_key(again, "feature_values");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error error;

	if (size > LINES_TEXT_MAX)
		return 0;
	if (reader == NULL)
		prepare();
	each_line(slice_of(data, size));
	judge.portrait = portrait_new(slice_text(spec), MEMORY, 1, &error);
	assert(judge.portrait != NULL);
	each_line(slice_of(data, size));
	portrait_free(judge.portrait);
	judge.portrait = NULL;
	return 0;
}
