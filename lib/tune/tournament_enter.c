/* SPDX-License-Identifier: MIT
 *
 * Who takes part in a tournament, from its start to its end.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/tune/tournament_inside.h"

enum { MEMO_SHARE = 3 }; /* of a specification's memory: a third */

static struct features_of_spec *
spec_of(struct tournament *t, const struct candidate *c)
{
	for (unsigned i = 0; c->spec != NULL && i < t->specs; i++)
		if (strcmp(t->spec[i].path, c->spec) == 0)
			return &t->spec[i];
	return NULL;
}

static int
list_specs(struct tournament *t, struct error *error)
{
	for (unsigned i = 0; i < t->candidates->n; i++) {
		const struct candidate *c = &t->candidates->of[i];

		if (c->spec == NULL || spec_of(t, c) != NULL)
			continue;
		if (t->specs == TOURNAMENT_SPECS_MAX)
			return error_set(
			    error, "more than %d specifications", TOURNAMENT_SPECS_MAX);
		t->spec[t->specs++].path = c->spec;
	}
	return 0;
}

static int
read_spec(struct tournament *t, struct features_of_spec *s, bool *wrong_use,
    struct error *error)
{
	const struct tournament_setup *setup = &t->setup;
	struct spec *spec = NULL;
	struct slice text;
	struct error why;
	uint8_t *bytes = setup->read(setup->context, s->path, &text, &why);

	*wrong_use = true;
	if (bytes != NULL) {
		s->sum = hash_bytes(text, 0);
		spec = spec_new(setup->reader, text, &why);
		free(bytes);
	}
	if (spec == NULL)
		return error_set(error, "--spec %s: %s", s->path, why.text);
	*wrong_use = false;
	return describe_init(&s->describe, spec, setup->reader,
	    t->share - t->share / MEMO_SHARE, t->share / MEMO_SHARE, setup->seed, NULL,
	    NULL, error);
}

/* Put a candidate into a place, without a model. */
int
tournament_enter(
    struct tournament *t, unsigned place, unsigned candidate, struct error *error)
{
	struct contestant *c = &t->of[place];

	progress_free(c->progress);
	predictor_free(&c->predictor);
	*c = (struct contestant){ .candidate = &t->candidates->of[candidate] };
	c->spec = spec_of(t, c->candidate);
	c->predictor = t->keys;
	race_init(&c->race);
	c->progress = progress_new(&c->predictor, t->setup.reader, NULL, error);
	if (c->progress == NULL)
		return -1;
	progress_set_candidate(c->progress, c->candidate->name);
	return 0;
}

int
tournament_give_model(
    struct tournament *t, struct contestant *c, const char *live, struct error *error)
{
	struct model *m =
	    model_new(&c->candidate->options, t->share, t->setup.os, live, error);

	if (m == NULL)
		return -1;
	predictor_take(&c->predictor, m, NULL);
	return 0;
}

static bool
is_of(const struct state_identity *identity, const struct candidate *c)
{
	struct model_described d;

	model_options_describe(&c->options, &d);
	for (unsigned i = 0; i < d.identity.options; i++)
		if (i >= identity->options ||
		    strcmp(identity->option[i], d.identity.option[i]) != 0 ||
		    strcmp(identity->value[i], d.identity.value[i]) != 0)
			return false;
	return strcmp(identity->name, d.identity.name) == 0 &&
	    identity->schema == d.identity.schema;
}

/* Whose the model file is; *missing: there is none. */
static int
find_champion(struct tournament *t, unsigned *to, bool *missing, bool *wrong_use,
    struct error *error)
{
	enum state_trouble trouble;
	struct state_reader *from =
	    state_read(t->setup.os, t->setup.model, NULL, &trouble, error);

	*to = 0;
	*missing = from == NULL && trouble == STATE_MISSING;
	if (from == NULL)
		return *missing ? 0 : -1;
	while (*to < t->candidates->n &&
	    !is_of(state_identity(from), &t->candidates->of[*to]))
		++*to;
	state_close(from);
	if (*to < t->candidates->n)
		return 0;
	*wrong_use = true;
	return error_set(error,
	    "the model %s has the options of none of the candidates", t->setup.model);
}

static int
begin_champion(struct tournament *t, bool *wrong_use, struct error *error)
{
	const struct tournament_setup *setup = &t->setup;
	struct contestant *c = &t->of[0];
	enum state_trouble trouble;
	unsigned candidate;
	bool missing;

	if (find_champion(t, &candidate, &missing, wrong_use, error) < 0)
		return -1;
	t->order[0] = candidate;
	t->order[candidate] = 0;
	if (tournament_enter(t, 0, candidate, error) < 0)
		return -1;
	if (missing)
		return tournament_give_model(t, c, setup->live, error);
	return predictor_open(&c->predictor, setup->os, setup->model,
	    &c->candidate->options, t->share, setup->live, &trouble, error);
}

static int
begin(struct tournament *t, bool *wrong_use, struct error *error)
{
	for (unsigned i = 0; i < t->candidates->n; i++)
		t->order[i] = i;
	for (unsigned i = 0; i < t->specs; i++)
		if (read_spec(t, &t->spec[i], wrong_use, error) < 0)
			return -1;
	if (begin_champion(t, wrong_use, error) < 0)
		return -1;
	for (t->next = 1; t->next < t->n; t->next++)
		if (tournament_enter(t, t->next, t->order[t->next], error) < 0 ||
		    tournament_give_model(t, &t->of[t->next], NULL, error) < 0)
			return -1;
	return 0;
}

struct tournament *
tournament_new(
    const struct tournament_setup *setup, bool *wrong_use, struct error *error)
{
	const struct candidates *list = setup->candidates;
	struct tournament *t = calloc(1, sizeof *t);
	uint64_t reserve;

	*wrong_use = false;
	if (t == NULL) {
		error_set(error, "no memory for a tournament");
		return NULL;
	}
	assert(setup->at_once > 0 && setup->at_once <= TOURNAMENT_AT_ONCE_MAX);
	t->setup = *setup;
	t->candidates = list;
	t->n = (unsigned)(setup->at_once < list->n ? setup->at_once : list->n);
	t->reign = 1;
	t->last = WHEN_NEVER;
	t->target =
	    list->of[0].options.target[MODEL_CLICK] ? MODEL_CLICK : MODEL_CONVERSION;
	predictor_keys(&t->keys, setup->reader);
	*wrong_use = true;
	if (list_specs(t, error) < 0)
		goto fail;
	reserve = (uint64_t)(t->n + 1) * TOURNAMENT_RESERVE;
	t->share =
	    setup->memory < reserve ? 0 : (setup->memory - reserve) / (t->n + t->specs);
	if (t->share < TOURNAMENT_SHARE_MIN) {
		error_set(error,
		    "there is too little memory for %u candidates and %u "
		    "specifications (--memory, --at-once)",
		    t->n, t->specs);
		goto fail;
	}
	*wrong_use = false;
	if (begin(t, wrong_use, error) == 0)
		return t;
fail:
	tournament_free(t);
	return NULL;
}

void
tournament_free(struct tournament *t)
{
	if (t == NULL)
		return;
	for (unsigned i = 0; i < t->n; i++) {
		progress_free(t->of[i].progress);
		predictor_free(&t->of[i].predictor);
	}
	for (unsigned i = 0; i < t->specs; i++)
		describe_fini(&t->spec[i].describe);
	free(t);
}

int
tournament_commit(const struct tournament *t, struct error *error)
{
	return predictor_commit(
	    &t->of[t->champion].predictor, t->setup.os, t->setup.model, error);
}

const struct tournament_counts *
tournament_counts(const struct tournament *t)
{
	return &t->counts;
}

uint64_t
tournament_pending(const struct tournament *t)
{
	return t->pending;
}
