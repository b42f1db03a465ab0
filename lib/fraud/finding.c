/* SPDX-License-Identifier: MIT */
#include "lib/fraud/finding.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/stream.h"

enum { WORDS = (SIGNAL_COUNT + 31) / 32, LINE_MAX = 1024, PATH_SIZE = 4096 };

/* A signal once, if the event has it. */
static uint32_t
build_signal(
    const struct look *look, unsigned signal, uint32_t told[WORDS], struct build *b)
{
	float value = signal_value(look, signal);
	uint32_t bit = UINT32_C(1) << signal % 32;
	char name[SIGNAL_NAME_MAX];

	if (isnan(value) || (told[signal / 32] & bit) != 0)
		return 0;
	told[signal / 32] |= bit;
	build_str(b, slice_of(name, signal_name(signal, name)));
	build_number(b, (double)value);
	return 1;
}

/* Reasons that were learned are named by their signal, others by their rule. */
static void
build_measured(
    const struct fraud *f, const struct fraud_finding *found, struct build *b)
{
	uint32_t told[WORDS] = { 0 }, n = 0;
	size_t open = build_open(b);

	for (unsigned i = 0; i < found->reasons.n; i++) {
		const char *word = found->reasons.reason[i].word;
		uint16_t signals[RULES_CONDITIONS_MAX];
		unsigned count = rules_signals(fraud_rules(f), word, signals);
		int learned = count > 0 ? -1 : signal_find(slice_text(word));

		for (unsigned k = 0; k < count; k++)
			n += build_signal(found->look, signals[k], told, b);
		if (learned >= 0)
			n += build_signal(found->look, (unsigned)learned, told, b);
	}
	build_close_map(b, open, n);
}

void
finding_build(const struct fraud *f, const struct fraud_finding *found, struct build *b)
{
	enum kind kind = found->turned && found->out ? KIND_RETRACT : KIND_VERDICT;
	size_t open = build_open(b);
	uint32_t pairs;

	assert(found->id.size > 0);
	pairs = judgement_build(b, kind, found->id, found->at, found->second ? 2 : 1,
	    found->score, found->reasons.reason, found->reasons.n);
	build_text(b, "measured");
	build_measured(f, found, b);
	build_close_map(b, open, pairs + 1);
}

/* --- Rules ------------------------------------------------------------------------- */

static int
write_line(struct output *out, const char *text, struct error *error)
{
	return output_write(out, slice_text(text), error);
}

static int
write_rules(const struct fraud *f, struct output *out, struct error *error)
{
	const struct labels *l = fraud_labels(f);
	const struct rules *r = fraud_rules(f);
	struct labels_totals t = labels_totals(l);
	double part = labels_part(l);
	char text[LABELS_TEXT_MAX];

	(void)snprintf(text, sizeof text,
	    "# learned from %llu invalid and %llu other events\nprior %+.3f\n",
	    (unsigned long long)t.invalid, (unsigned long long)t.valid,
	    part * labels_prior(l) + (1 - part) * (double)rules_prior(r));
	if (write_line(out, text, error) != 0)
		return -1;
	for (unsigned i = 0; i < rules_count(r); i++) {
		if (rules_print(r, i, 1 - part, text, LINE_MAX) == 0)
			continue;
		if (write_line(out, text, error) != 0 ||
		    write_line(out, "\n", error) != 0)
			return -1;
	}
	for (unsigned i = 0; i < SIGNAL_COUNT; i++)
		if (labels_print(l, i, part, text) > 0 &&
		    write_line(out, text, error) != 0)
			return -1;
	return 0;
}

int
finding_write_rules(
    const struct fraud *f, const struct os *os, const char *path, struct error *error)
{
	char beside[PATH_SIZE];
	struct output *out;

	if (snprintf(beside, sizeof beside, "%s.new", path) >= (int)sizeof beside)
		return error_set(error, "%.100s...: the name is too long", path);
	out = output_open(os, beside, false, error);
	if (out == NULL)
		return -1;
	if (write_rules(f, out, error) != 0) {
		output_abandon(out);
		return -1;
	}
	if (output_close(out, error) != 0)
		return -1;
	return os->rename(os, beside, path) == 0
	    ? 0
	    : error_set(error, "cannot rename %s: %s", beside, strerror(errno));
}
