/* SPDX-License-Identifier: MIT */
#include "lib/tune/tournament.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/feature/describe.h"
#include "lib/trial/race.h"
#include "lib/tune/result.h"

enum { MEMO_SHARE = 3 }; /* of a specification's memory: a third */

/* The features of one file. */
struct features_of_spec {
	const char *path; /* borrowed from a candidate */
	uint64_t sum;     /* of its text */
	struct describe describe;
	struct features features; /* of the record at hand */
	bool described;           /* it has some */
};

/* A candidate that learns. */
struct contestant {
	const struct candidate *candidate;
	struct features_of_spec *spec; /* NULL: the record's own features */
	struct predictor predictor;
	struct progress *progress; /* owned */
	struct race race;          /* against the champion, which has none */
	uint64_t learned;
	/* Of the record at hand. */
	bool has;
	struct features features;
	enum predictor_label label;
	struct model_example example;
	struct model_estimates said;
};

struct tournament {
	struct tournament_setup setup;
	const struct candidates *candidates;
	struct features_of_spec spec[TOURNAMENT_SPECS_MAX];
	unsigned specs;
	struct contestant of[TOURNAMENT_AT_ONCE_MAX];
	unsigned n, champion;
	unsigned order[CANDIDATES_MAX]; /* in which those of the list come */
	unsigned next;                  /* of them, who has not learned yet */
	unsigned said; /* who was champion when the record at hand was predicted */
	uint64_t reign, pending;
	instant last; /* timestamp of an example */
	enum model_target target;
	uint64_t share; /* of the memory */
	struct predictor keys;
	struct tournament_counts counts;
};

/* --- Who takes part ---------------------------------------------------------------------- */

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
static int
enter(struct tournament *t, unsigned place, unsigned candidate, struct error *error)
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

/* A model that knows nothing. */
static int
give_model(
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
	if (enter(t, 0, candidate, error) < 0)
		return -1;
	if (missing)
		return give_model(t, c, setup->live, error);
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
		if (enter(t, t->next, t->order[t->next], error) < 0 ||
		    give_model(t, &t->of[t->next], NULL, error) < 0)
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

/* --- Reports ----------------------------------------------------------------------------- */

/* What is left of alpha for one challenger in this reign. */
static double
level(const struct tournament *t)
{
	double k = (double)t->reign, others = t->candidates->n - 1;

	return t->setup.alpha / (k * (k + 1) * fmax(others, 1));
}

static int
tell(struct tournament *t, const struct contestant *c, const char *decision)
{
	const struct contestant *champion = &t->of[t->champion];
	uint8_t bytes[RESULT_SIZE_MAX];
	struct build b;

	build_init(&b, bytes, sizeof bytes);
	result_build(
	    &(struct result){
		.champion = champion->candidate->name,
		.challenger = c->candidate->name,
		.target = model_target_name(t->target),
		.decision = decision,
		.alpha = level(t),
		.examples = model_state(champion->predictor.model)->examples,
		.when = t->last,
		.race = &c->race,
	    },
	    &b);
	return t->setup.emit(t->setup.context, build_slice(&b));
}

int
tournament_report(struct tournament *t, bool total)
{
	t->pending = 0;
	for (unsigned i = 0; i < t->n; i++)
		if (progress_report(
			t->of[i].progress, total, t->setup.emit, t->setup.context) != 0)
			return -1;
	for (unsigned i = 0; i < t->n; i++)
		if (i != t->champion &&
		    tell(t, &t->of[i], total ? "final" : "open") != 0)
			return -1;
	return 0;
}

/* --- Decisions --------------------------------------------------------------------------- */

/* It is told by what it has beaten. */
static int
promote(struct tournament *t, unsigned challenger, struct error *error)
{
	struct model *old = t->of[t->champion].predictor.model;

	if (tell(t, &t->of[challenger], "promoted") != 0)
		return -1;
	if (t->setup.live != NULL &&
	    model_show(t->of[challenger].predictor.model, t->setup.live, old, error) <
		0)
		return -1;
	t->champion = challenger;
	t->reign++;
	t->counts.promotions++;
	for (unsigned i = 0; i < t->n; i++)
		race_init(&t->of[i].race);
	return 0;
}

static int
replace(struct tournament *t, unsigned challenger, struct error *error)
{
	if (tell(t, &t->of[challenger], "dropped") != 0)
		return -1;
	t->counts.dropped++;
	return enter(t, challenger, t->order[t->next++], error) < 0
	    ? -1
	    : give_model(t, &t->of[challenger], NULL, error);
}

/* The surest challenger that has won; else who has lost, while another one waits. */
static int
decide(struct tournament *t, struct error *error)
{
	double alpha = level(t), best = 0;
	unsigned winner = t->champion, loser = t->champion;

	for (unsigned i = 0; i < t->n; i++) {
		const struct race *race = &t->of[i].race;

		if (i == t->champion)
			continue;
		if (race_is_won(race, alpha) && race_better(race) > best) {
			best = race_better(race);
			winner = i;
		}
		if (race_is_lost(race, alpha))
			loser = i;
	}
	if (winner != t->champion)
		return promote(t, winner, error);
	if (loser != t->champion && t->next < t->candidates->n)
		return replace(t, loser, error);
	return 0;
}

/* --- Records ----------------------------------------------------------------------------- */

/* What a specification makes of a record. */
struct moment {
	enum kind kind;
	struct count_times times;
	double weight;
	bool timed;
};

static int
describe(struct tournament *t, const struct record *r, const struct moment *m,
    struct error *error)
{
	bool wanted = m->kind == KIND_DECISION || m->kind == KIND_OUTCOME;

	for (unsigned i = 0; i < t->specs; i++) {
		struct features_of_spec *s = &t->spec[i];

		s->described = wanted;
		if (wanted && !m->timed)
			return error_set(
			    error, "%s without timestamp", kind_name(m->kind));
		if (wanted)
			(void)describe_features(&s->describe, r, m->kind, m->weight,
			    m->times, &s->features);
	}
	return 0;
}

/* Its features and labels; what is wrong with them is so for all, and found before anybody
 * learns. */
static int
prepare(
    struct contestant *c, const struct record *r, double weight, struct error *error)
{
	enum features_fault fault = FEATURES_FINE;
	enum model_target wrong = MODEL_CLICK;

	if (c->spec != NULL) {
		c->has = c->spec->described;
		c->features = c->spec->features;
		predictor_slice(&c->predictor, r);
	} else {
		c->has = predictor_features(&c->predictor, r, &c->features, &fault);
	}
	if (!c->has)
		return 0;
	if (fault == FEATURES_FINE)
		fault = features_check(&c->features);
	if (fault != FEATURES_FINE)
		return error_set(error, "%s", features_fault_text(fault));
	c->label = predictor_example(&c->predictor, r, weight, &c->example, &wrong);
	if (c->label == PREDICTOR_WRONG)
		return error_set(error,
		    "rewards.%s is neither a bool nor a number from 0",
		    model_target_name(wrong));
	return 0;
}

static enum features_fault
learn(struct contestant *c, const struct record *r)
{
	struct model *m = c->predictor.model;
	bool known = c->label == PREDICTOR_KNOWN;
	enum features_fault fault = known
	    ? model_learn(m, &c->features, &c->example, &c->said)
	    : model_predict(m, &c->features, &c->said);

	if (fault != FEATURES_FINE || !known)
		return fault;
	c->learned++;
	progress_note(c->progress, r, &c->example, &c->said);
	return fault;
}

/* The probability of what is bet on, where it was shown. */
static double
bet_of(const struct contestant *c, enum model_target target)
{
	double shown = target == c->predictor.model->first ? 1 - c->said.hidden : 1;

	return shown * c->said.of[target].mean;
}

/* The champion's prediction against each of the others. */
static bool
race_all(struct tournament *t)
{
	const struct contestant *champion = &t->of[t->champion];
	const struct model_example *e = &champion->example;
	bool raced = false;

	if (!champion->has || champion->label != PREDICTOR_KNOWN || e->weight <= 0 ||
	    !e->target[t->target].known || e->target[t->target].unchanged)
		return false;
	for (unsigned i = 0; i < t->n; i++) {
		struct contestant *c = &t->of[i];

		if (i == t->champion || !c->has || c->learned <= t->setup.warm_up)
			continue;
		race_add(&c->race, bet_of(champion, t->target), bet_of(c, t->target),
		    e->target[t->target].label, e->weight);
		raced = true;
	}
	t->counts.raced += raced;
	return raced;
}

static void
count(struct tournament *t)
{
	const struct contestant *c = &t->of[t->champion];
	struct tournament_counts *n = &t->counts;

	if (c->has && c->label == PREDICTOR_KNOWN)
		*(c->example.weight < 0 ? &n->unlearned : &n->learned) += 1;
	else
		n->unlabelled += c->has;
	n->evicted = c->predictor.model->cells.evicted;
	n->forgotten = 0;
	for (unsigned i = 0; i < t->specs; i++)
		n->forgotten += t->spec[i].describe.forgotten;
}

static enum tournament_verdict
learn_all(struct tournament *t, const struct record *r, struct error *error)
{
	bool any = false;

	for (unsigned i = 0; i < t->n; i++) {
		enum features_fault fault =
		    t->of[i].has ? learn(&t->of[i], r) : FEATURES_FINE;

		if (fault != FEATURES_FINE) {
			assert(!any);
			error_set(error, "%s", features_fault_text(fault));
			return TOURNAMENT_WRONG;
		}
		any = any || (t->of[i].has && t->of[i].label == PREDICTOR_KNOWN);
	}
	t->pending += any;
	t->said = t->champion;
	count(t);
	return t->of[t->champion].has ? TOURNAMENT_SAID : TOURNAMENT_SILENT;
}

enum tournament_verdict
tournament_learn(struct tournament *t, const struct record *r, struct error *error)
{
	struct moment m = { .kind = record_kind(r), .weight = 1 };
	bool weighted = record_weight(r, &m.weight), any = false;
	enum tournament_verdict verdict;

	m.timed = t->specs > 0 && weighted &&
	    describe_times(&t->spec[0].describe, r, m.kind, &m.times);
	if (weighted && describe(t, r, &m, error) < 0)
		return TOURNAMENT_WRONG;
	for (unsigned i = 0; i < t->n; i++) {
		if (prepare(&t->of[i], r, m.weight, error) < 0)
			return TOURNAMENT_WRONG;
		any = any || t->of[i].has;
	}
	if (any && !(weighted && fabs(m.weight) <= FEATURES_VALUE_MAX)) {
		error_set(error, "%s", features_fault_text(FEATURES_WEIGHT));
		return TOURNAMENT_WRONG;
	}
	verdict = learn_all(t, r, error);
	if (verdict == TOURNAMENT_WRONG)
		return verdict;
	for (unsigned i = 0; i < t->specs && m.timed && m.kind != KIND_OTHER; i++)
		extract_update(
		    t->spec[i].describe.extract, r, m.kind, m.weight, m.times);
	if (!race_all(t))
		return verdict;
	(void)record_timestamp(r, &t->last);
	error->text[0] = '\0';
	return decide(t, error) < 0 ? TOURNAMENT_FAILED : verdict;
}

void
tournament_build(const struct tournament *t, const struct record *r, struct build *to)
{
	const struct contestant *c = &t->of[t->said];

	predictor_build(&c->predictor, r, &c->said, to);
}

/* --- Snapshots --------------------------------------------------------------------------- */

/* What must be the same when a snapshot is loaded. */
static uint64_t
identity_of(const struct tournament *t, const struct candidate *c)
{
	char text[REGION_TEXT];
	uint64_t sum;

	model_options_print(&c->options, text, sizeof text);
	sum = hash_bytes(slice_text(text), 0);
	for (unsigned i = 0; c->spec != NULL && i < t->specs; i++)
		if (strcmp(t->spec[i].path, c->spec) == 0)
			sum = hash_pair(sum, t->spec[i].sum);
	return sum;
}

static void
save_contestant(struct contestant *c, struct state_writer *to)
{
	state_put_u64(to, c->learned);
	state_put_i64(to, c->predictor.window_us);
	race_save(&c->race, to);
	progress_save(c->progress, to);
	model_save(c->predictor.model, to);
}

void
tournament_save(struct tournament *t, struct state_writer *to)
{
	state_put_u64(to, t->candidates->n);
	for (unsigned i = 0; i < t->candidates->n; i++) {
		const struct candidate *c = &t->candidates->of[i];

		state_put_slice(to, slice_text(c->name));
		state_put_u64(to, identity_of(t, c));
		state_put_u64(to, t->order[i]);
	}
	state_put_u64(to, t->next);
	state_put_u64(to, t->champion);
	state_put_u64(to, t->reign);
	state_put_u64(to, t->pending);
	state_put_i64(to, t->last);
	state_put(to, &t->counts, sizeof t->counts);
	for (unsigned i = 0; i < t->specs; i++) {
		state_put_u64(to, t->spec[i].describe.forgotten);
		describe_save(&t->spec[i].describe, to);
	}
	for (unsigned i = 0; i < t->n; i++) {
		state_put_u64(to, (uint64_t)(t->of[i].candidate - t->candidates->of));
		save_contestant(&t->of[i], to);
	}
}

static int
too_short(struct error *error)
{
	return error_set(error, "the snapshot is too short, or damaged");
}

static int
load_list(struct tournament *t, struct state_reader *from, bool *wrong_use,
    struct error *error)
{
	uint64_t n, sum, order;

	if (state_get_u64(from, &n) < 0)
		return too_short(error);
	*wrong_use = n != t->candidates->n;
	if (*wrong_use)
		return error_set(error,
		    "the snapshot is of a list of %llu candidates, not of %u",
		    (unsigned long long)n, t->candidates->n);
	for (unsigned i = 0; i < n; i++) {
		const struct candidate *c = &t->candidates->of[i];
		char name[CANDIDATES_NAME_MAX];
		size_t size;

		if (state_get_slice(from, name, sizeof name, &size) < 0 ||
		    state_get_u64(from, &sum) < 0 || state_get_u64(from, &order) < 0 ||
		    order >= n)
			return too_short(error);
		t->order[i] = (unsigned)order;
		*wrong_use = !slice_is(slice_of(name, size), c->name) ||
		    sum != identity_of(t, c);
		if (*wrong_use)
			return error_set(error,
			    "the candidate %s is not what it was when the snapshot was "
			    "made (its options, or its specification)",
			    c->name);
	}
	return 0;
}

static int
load_contestant(struct tournament *t, unsigned place, struct state_reader *from,
    struct error *error)
{
	struct contestant *c = &t->of[place];
	uint64_t candidate;

	if (state_get_u64(from, &candidate) < 0 || candidate >= t->candidates->n)
		return too_short(error);
	if (enter(t, place, (unsigned)candidate, error) < 0)
		return -1;
	if (state_get_u64(from, &c->learned) < 0 ||
	    state_get_i64(from, &c->predictor.window_us) < 0 ||
	    race_load(&c->race, from) < 0)
		return too_short(error);
	if (give_model(t, c, NULL, error) < 0)
		return -1;
	if (progress_load(c->progress, from) < 0)
		return too_short(error);
	if (model_load(c->predictor.model, from, error) < 0)
		return -1;
	return place == t->champion && t->setup.live != NULL
	    ? model_show(c->predictor.model, t->setup.live, NULL, error)
	    : 0;
}

int
tournament_load(struct tournament *t, struct state_reader *from, bool *wrong_use,
    struct error *error)
{
	uint64_t next, champion;

	if (load_list(t, from, wrong_use, error) < 0)
		return -1;
	if (state_get_u64(from, &next) < 0 || state_get_u64(from, &champion) < 0 ||
	    state_get_u64(from, &t->reign) < 0 ||
	    state_get_u64(from, &t->pending) < 0 || state_get_i64(from, &t->last) < 0 ||
	    state_get(from, &t->counts, sizeof t->counts) < 0 || champion >= t->n ||
	    next > t->candidates->n || t->reign == 0)
		return too_short(error);
	t->next = (unsigned)next;
	t->champion = (unsigned)champion;
	for (unsigned i = 0; i < t->specs; i++)
		if (state_get_u64(from, &t->spec[i].describe.forgotten) < 0 ||
		    describe_load(&t->spec[i].describe, from, error) != 0)
			return -1;
	/* The live one belongs to nobody until its owner is known. */
	for (unsigned i = 0; i < t->n; i++)
		predictor_free(&t->of[i].predictor);
	for (unsigned i = 0; i < t->n; i++)
		if (load_contestant(t, i, from, error) < 0)
			return -1;
	return 0;
}
