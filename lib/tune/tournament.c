/* SPDX-License-Identifier: MIT */
#include "lib/tune/tournament.h"

#include <math.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/tune/result.h"
#include "lib/tune/tournament_inside.h"

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
	return tournament_enter(t, challenger, t->order[t->next++], error) < 0
	    ? -1
	    : tournament_give_model(t, &t->of[challenger], NULL, error);
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
