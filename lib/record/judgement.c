/* SPDX-License-Identifier: MIT */
#include "lib/record/judgement.h"

#include <math.h>

#include "lib/base/assert.h"

struct judgement_keys
judgement_keys(struct reader *reader)
{
	return (struct judgement_keys){
		.version = reader_key(reader, "version"),
		.score = reader_key(reader, "score"),
		.reasons = reader_key(reader, "reasons"),
		.settled = reader_key(reader, "settled"),
		.verdict = reader_key(reader, "verdict"),
		.fraud = reader_key(reader, "fraud"),
	};
}

static bool
are_reasons(struct slice value)
{
	struct slice key, item, word;
	struct value_walk walk;
	unsigned n = 0;

	if (value_type(value) != VALUE_ARRAY)
		return false;
	for (value_open(value, &walk); value_next(&walk, &key, &item); n++)
		if (n == JUDGEMENT_REASONS_MAX || !value_str(item, &word) ||
		    word.size > JUDGEMENT_REASON_SIZE_MAX)
			return false;
	return true;
}

const char *
judgement_read(const struct judgement_keys *keys, const struct record *r,
    enum kind kind, struct judgement *to)
{
	struct slice value;

	assert(kind == KIND_VERDICT || kind == KIND_RETRACT);
	*to = (struct judgement){ .score = INFINITY };
	if (!record_id(r, KEY_EVENT_ID, &to->event_id) || to->event_id.size == 0)
		return "no event_id";
	if (record_value(r, keys->version, &value) &&
	    (!value_int(value, &to->version) || to->version < 0))
		return "version is no integer from 0";
	if (record_value(r, keys->score, &value)
		? !value_number(value, &to->score) || !isfinite(to->score)
		: kind == KIND_VERDICT)
		return "score is no finite number";
	if (record_value(r, keys->reasons, &to->reasons) && !are_reasons(to->reasons))
		return "reasons are no array of at most 16 words of 64 bytes";
	(void)record_bool(r, keys->settled, &to->settled);
	to->out = kind == KIND_RETRACT || to->score > 0;
	return NULL;
}

bool
judgement_of_again(
    const struct judgement_keys *keys, const struct record *r, struct judgement *to)
{
	struct slice map, value;

	if (!record_value(r, keys->verdict, &map) || value_type(map) != VALUE_MAP ||
	    !value_get(map, "version", &value) || !value_int(value, &to->version) ||
	    to->version < 0)
		return false;
	to->score = INFINITY;
	if (value_get(map, "score", &value) &&
	    (!value_number(value, &to->score) || isnan(to->score)))
		return false;
	to->reasons = slice_of(NULL, 0);
	if (value_get(map, "reasons", &value) && are_reasons(value))
		to->reasons = value;
	to->out = to->score > 0;
	return record_id(r, KEY_EVENT_ID, &to->event_id);
}

bool
judgement_of_mark(const struct judgement_keys *keys, const struct record *r,
    double from, struct judgement *to)
{
	struct slice map, value;

	*to = (struct judgement){ .out = true };
	if (!record_value(r, keys->fraud, &map) || value_type(map) != VALUE_MAP ||
	    !value_get(map, "score", &value) || !value_number(value, &to->score) ||
	    !(to->score >= from))
		return false;
	if (value_get(map, "flags", &value) && are_reasons(value))
		to->reasons = value;
	(void)record_id(r, KEY_EVENT_ID, &to->event_id);
	return true;
}

struct slice
judgement_reason(const struct judgement *j)
{
	struct slice word;

	if (j->reasons.size > 0 && value_at(j->reasons, 0, &word) &&
	    value_str(word, &word) && word.size > 0)
		return word;
	return slice_text(JUDGEMENT_UNSTATED);
}

static void
build_verdict(struct build *b, const struct judgement *j)
{
	bool scored = isfinite(j->score);

	build_text(b, "verdict");
	build_map(b, 2 + scored);
	build_text(b, "version");
	build_int(b, j->version);
	if (scored) {
		build_text(b, "score");
		build_double(b, j->score);
	}
	build_text(b, "reasons");
	if (j->reasons.size > 0)
		build_raw(b, j->reasons);
	else
		build_array(b, 0);
}

bool
judgement_may_be_of(const struct record *event)
{
	double weight;

	return event->count <= RECORD_KEYS_MAX - 2 &&
	    event->size <= RECORD_SIZE_MAX - JUDGEMENT_ADDS_MAX &&
	    record_weight(event, &weight);
}

void
judgement_again(struct build *b, struct slice event, const struct judgement *j)
{
	size_t open = build_open(b);
	struct value_walk walk;
	struct slice key, item, name;
	double weight = 1;
	uint32_t pairs = 1;

	for (value_open(event, &walk); value_next(&walk, &key, &item);) {
		(void)value_str(key, &name);
		if (slice_is(name, "verdict"))
			continue;
		if (j->out && slice_is(name, "weight")) {
			(void)value_number(item, &weight);
			continue;
		}
		build_raw(b, key);
		build_raw(b, item);
		pairs++;
	}
	if (j->out) {
		build_text(b, "weight");
		build_number(b, -weight);
		pairs++;
	}
	build_verdict(b, j);
	build_close_map(b, open, pairs);
}

bool
judgement_count(const struct judgement_keys *keys, const struct record *r,
    struct judgement_census *census)
{
	enum kind kind = record_kind(r);
	struct judgement j;

	if (kind == KIND_VERDICT || kind == KIND_RETRACT) {
		census->judgements++;
		census->wrong += judgement_read(keys, r, kind, &j) != NULL;
		return true;
	}
	if (!judgement_of_again(keys, r, &j))
		return false;
	census->again++;
	return true;
}

uint32_t
judgement_build(struct build *b, enum kind kind, struct slice event_id, instant at,
    int64_t version, double score, const struct judgement_reason *reasons, unsigned n)
{
	assert(kind == KIND_VERDICT || kind == KIND_RETRACT);
	assert(isfinite(score) && n <= JUDGEMENT_REASONS_MAX);
	build_text(b, "event");
	build_text(b, kind_name(kind));
	build_text(b, "event_id");
	build_raw(b, event_id);
	build_text(b, "timestamp");
	build_int(b, at);
	build_text(b, "version");
	build_int(b, version);
	build_text(b, "score");
	build_double(b, score);
	build_text(b, "reasons");
	build_array(b, n);
	for (unsigned i = 0; i < n; i++)
		build_text(b, reasons[i].word);
	build_text(b, "values");
	build_map(b, n);
	for (unsigned i = 0; i < n; i++) {
		build_text(b, reasons[i].word);
		build_double(b, reasons[i].share);
	}
	return 7;
}
