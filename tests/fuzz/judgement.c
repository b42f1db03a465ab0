/* SPDX-License-Identifier: MIT
 *
 * Judgements: what is read of a record is in range, and can be kept; and an event that flows
 * once more, out or in, is a record again, with the weight that it should have, and says so
 * itself.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/pending/judged.h"
#include "lib/record/judgement.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 1 << 16 };

static struct reader *reader, *other;
static struct judgement_keys keys, other_keys;
static struct recent recent;

static void
flows_again(const struct record *r, bool out)
{
	static uint8_t made[INPUT_MAX + JUDGEMENT_ADDS_MAX + RECORD_PADDING];
	struct judgement j = { .version = 3, .out = out, .score = out ? 1 : -1 }, read;
	double weight, again;
	struct record copy;
	struct fault fault;
	struct build b;
	struct slice id;
	size_t need;

	if (judgement_of_mark(&keys, r, 0.5, &read))
		j.reasons = read.reasons;
	build_init(&b, made, sizeof made - RECORD_PADDING);
	judgement_again(&b, slice_of(r->bytes, r->size), &j);
	assert(!build_full(&b));
	assert(build_slice(&b).size <= r->size + JUDGEMENT_ADDS_MAX);
	assert(
	    record_scan(other, build_slice(&b), &copy, &fault, &need) == SCAN_RECORD);
	assert(copy.size == build_slice(&b).size);
	assert(record_weight(r, &weight) && record_weight(&copy, &again));
	assert(again == (out ? -weight : weight));
	if (!record_id(r, KEY_EVENT_ID, &id))
		return;
	assert(judgement_of_again(&other_keys, &copy, &read));
	assert(read.version == 3 && read.out == out);
	assert(slice_equal(read.event_id, id));
	assert(slice_equal(judgement_reason(&read), judgement_reason(&j)));
}

static void
is_kept(const struct judgement *j)
{
	static struct judged piece;
	struct judgement kept;

	judged_keep(&recent, 1, 0, j, 0, &piece);
	kept = judged_read(recent_find(&recent, 1), &piece);
	assert(kept.version == j->version && kept.out == j->out);
	assert(slice_equal(kept.reasons, j->reasons));
}

static void
look_at(const struct record *r)
{
	struct judgement j;

	for (int kind = KIND_VERDICT; kind <= KIND_RETRACT; kind++) {
		if (judgement_read(&keys, r, (enum kind)kind, &j) != NULL)
			continue;
		assert(j.version >= 0 && !isnan(j.score) && j.event_id.size > 0);
		assert(j.out || (kind == KIND_VERDICT && j.score <= 0));
		assert(judgement_reason(&j).size <= JUDGEMENT_REASON_SIZE_MAX);
		is_kept(&j);
	}
	if (judgement_of_again(&keys, r, &j)) {
		assert(j.version >= 0 && judgement_reason(&j).size > 0);
		is_kept(&j);
	}
	if (!judgement_may_be_of(r))
		return;
	flows_again(r, true);
	flows_again(r, false);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct record r;
	struct fault fault;
	uint8_t *bytes;
	size_t need;

	if (size > INPUT_MAX)
		return 0;
	if (reader == NULL) {
		reader = reader_new();
		other = reader_new();
		assert(recent_init(&recent, RECENT_MEMORY_MIN) == 0);
		keys = judgement_keys(reader);
		other_keys = judgement_keys(other);
	}
	bytes = calloc(1, size + RECORD_PADDING);
	assert(bytes != NULL);
	if (size > 0)
		memcpy(bytes, data, size);
	for (size_t at = 0; at < size; at += r.size) {
		enum scan scan = record_scan(
		    reader, slice_of(bytes + at, size - at), &r, &fault, &need);

		if (scan == SCAN_RECORD)
			look_at(&r);
		else if (scan != SCAN_CONTROL && scan != SCAN_REJECT)
			break;
	}
	free(bytes);
	return 0;
}
