/* SPDX-License-Identifier: MIT */
#include "lib/transaction/scorecard.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/model/options.h"

/* What is usual is the mean of about so many. */
static const float usual_of = 1024;

uint64_t
scorecard_bytes(const struct traits *traits)
{
	return traits->cells * sizeof(struct lanes_cell);
}

int
scorecard_init(struct scorecard *s, const struct traits *traits)
{
	struct model_options o = model_options_default(OPTIMISER_LANES);

	*s = (struct scorecard){ .traits = traits };
	s->options = model_options_of_head(&o, MODEL_CLICK);
	head_init(&s->head, &s->options);
	s->cells = aligned_alloc(64, scorecard_bytes(traits));
	if (s->cells == NULL)
		return -1;
	memset(s->cells, 0, scorecard_bytes(traits));
	return 0;
}

void
scorecard_fini(struct scorecard *s)
{
	free(s->cells);
	s->cells = NULL;
}

/* The cells of a transaction, and room for one more. */
struct parts {
	union head_cell *cells[TRAITS_PARTS_MAX + 1];
	uint8_t part[TRAITS_PARTS_MAX]; /* from traits->always on */
};

static struct head_features
features(struct scorecard *s, const uint8_t *traits, struct parts *to)
{
	uint32_t at[TRAITS_PARTS_MAX];
	unsigned n = traits_cells(s->traits, traits, at, to->part);

	for (unsigned i = 0; i < n; i++)
		to->cells[i] = (union head_cell *)(void *)&s->cells[at[i]];
	return (struct head_features){ .cells = to->cells, .n = n };
}

/* Among the parts that say most, and more than usual. The first bucket is that of what there
 * is none of: no reason. */
static void
give_reason(struct scorecard_answer *to, unsigned part, float share)
{
	unsigned at = SCORECARD_REASONS - 1;

	for (; at > 0 && share > to->reason[at - 1].share; at--)
		to->reason[at] = to->reason[at - 1];
	to->reason[at] = (struct scorecard_reason){ part, share };
	to->reasons += to->reasons < SCORECARD_REASONS;
}

void
scorecard_ask(struct scorecard *s, const uint8_t *traits, struct scorecard_answer *to)
{
	struct parts p;
	struct head_features f = features(s, traits, &p);
	unsigned lane = mixture_best(&s->head.mixture), always = s->traits->always;
	struct estimate said;

	head_predict(&s->head, &s->options, &f, &said);
	*to = (struct scorecard_answer){ .score = said.z, .probability = said.mean };
	for (unsigned i = 0; i < f.n; i++) {
		const struct lanes_cell *cell = (const void *)p.cells[i];
		unsigned part = i < always ? i : p.part[i];
		float share = cell->mean[lane] - s->usual[part];

		s->usual[part] += share / usual_of;
		if (share > to->reason[SCORECARD_REASONS - 1].share &&
		    cell != &s->cells[s->traits->at[part]])
			give_reason(to, part, share);
	}
}

void
scorecard_learn(struct scorecard *s, const uint8_t *traits, bool fraud, double weight)
{
	struct parts p;
	struct head_features f = features(s, traits, &p);
	struct estimate said;

	if (weight != 0)
		head_learn(&s->head, &s->options, &f, fraud, weight, &said);
}

void
scorecard_save(const struct scorecard *s, struct state_writer *to)
{
	state_put(to, &s->head, sizeof s->head);
	state_put(to, s->usual, sizeof s->usual);
	state_put(to, s->cells, scorecard_bytes(s->traits));
}

int
scorecard_load(struct scorecard *s, struct state_reader *from, struct error *error)
{
	if (state_get(from, &s->head, sizeof s->head) != 0 ||
	    state_get(from, s->usual, sizeof s->usual) != 0 ||
	    state_get(from, s->cells, scorecard_bytes(s->traits)) != 0)
		return error_set(error, "the snapshot is too short");
	if (!head_is_sound(&s->head))
		return error_set(error, "the snapshot's model is not sound");
	for (unsigned i = 0; i < s->traits->cells; i++)
		if (!lanes_is_sound(&s->cells[i]))
			return error_set(error, "the snapshot's model is not sound");
	return 0;
}
