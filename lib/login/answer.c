/* SPDX-License-Identifier: MIT */
#include "lib/login/answer.h"

#include <math.h>

void
answer_build(struct build *b, const struct judge_answer *a)
{
	bool aged = a->past.device == PAST_DEVICE_KNOWN, moved = a->past.speed > 0;
	struct judgement_reason reasons[RISK_TOLD];
	unsigned n = risk_reasons(&a->risk, reasons);

	build_map(b, 4U + aged + moved);
	build_text(b, "answer");
	build_text(b, answer_word(a->answer));
	build_text(b, "score");
	build_double(b, a->risk.score);
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
	if (aged) {
		build_text(b, "device_age_us");
		build_int(b, a->past.device_age_us);
	}
	if (moved) {
		build_text(b, "speed_kmh");
		build_int(b, lrint(a->past.speed));
	}
}

uint32_t
answer_build_verdict(
    struct build *b, const struct judge_answer *a, struct slice event_id, instant at)
{
	struct judgement_reason reasons[RISK_TOLD];
	unsigned n = risk_reasons(&a->risk, reasons);

	return judgement_build(
	    b, KIND_VERDICT, event_id, at, 0, a->risk.score, reasons, n);
}

static enum judge_word
word_of(bool out, double score)
{
	return !out ? JUDGE_IN : isfinite(score) ? JUDGE_OUT : JUDGE_GONE;
}

enum judge_word
answer_word_of(const struct judgement *said)
{
	return word_of(said->out, said->score);
}

enum judge_word
answer_word_again(struct slice verdict, bool out, int64_t *version)
{
	double score = INFINITY;
	struct slice value;

	*version = JUDGE_NEXT;
	if (verdict.at != NULL && value_type(verdict) == VALUE_MAP) {
		if (value_get(verdict, "version", &value) &&
		    (!value_int(value, version) || *version < 0))
			*version = JUDGE_NEXT;
		if (value_get(verdict, "score", &value))
			(void)value_number(value, &score);
	}
	return word_of(out, score);
}
