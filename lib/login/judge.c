/* SPDX-License-Identifier: MIT */
#include "lib/login/judge.h"

#include <stdlib.h>

#include "lib/base/assert.h"
#include "lib/base/memory.h"
#include "lib/sketch/quantile.h"
#include "lib/state/block.h"
#include "lib/table.h"

/* After so many scores thresholds that are rates follow. */
enum { ADAPT_EVERY = 256 };

/* Nobody is turned away who is more likely himself than not. */
#define DENY_LEAST 0.0

/* What is remembered of an event. */
struct entry {
	struct login login;
	int64_t version; /* of the last word; -1: none yet */
	double score;
	uint8_t learned; /* it is in the past */
	uint8_t attack;  /* it counts as one */
	uint8_t present; /* it is in the crowd and among the scores */
	uint8_t judged;  /* it was a login, no sign-up */
};

struct judge {
	struct judge_rules rules;
	struct past *past; /* owned, as are these */
	struct crowd *crowd;
	struct table *events; /* struct entry by event */
	struct quantile *scores;
	uint64_t scored;
	struct judge_counts counts;
};

struct judge *
judge_new(const struct judge_rules *rules, uint64_t memory_bytes)
{
	struct judge *j = calloc(1, sizeof *j);
	struct slice block;

	if (j == NULL)
		return NULL;
	j->rules = *rules;
	j->past = past_new(rules->past, memory_bytes / 2);
	j->crowd = crowd_new(
	    rules->window, rules->risk.failures, rules->seed, memory_bytes / 4);
	j->events =
	    table_new(TABLE_KEY_64, sizeof(struct entry), memory_bytes / 32 * 7);
	j->scores = quantile_new(THRESHOLD_SCORES);
	if (j->past == NULL || j->crowd == NULL || j->events == NULL ||
	    j->scores == NULL) {
		judge_free(j);
		return NULL;
	}
	block = table_bytes(j->events);
	memory_prefer_huge((void *)(uintptr_t)block.at, block.size);
	return j;
}

void
judge_free(struct judge *j)
{
	if (j == NULL)
		return;
	past_free(j->past);
	crowd_free(j->crowd);
	table_free(j->events);
	quantile_free(j->scores);
	free(j);
}

const char *
answer_word(enum answer answer)
{
	static const char *const words[] = { "allow", "challenge", "deny" };

	return words[answer];
}

/* --- Answers ------------------------------------------------------------------------- */

static enum answer
answer_to(const struct judge *j, double score)
{
	return score > j->rules.deny.score     ? ANSWER_DENY
	    : score > j->rules.challenge.score ? ANSWER_CHALLENGE
					       : ANSWER_ALLOW;
}

/* By the number of logins, not by time, so that a replay does it at the same ones. */
static void
count_score(struct judge *j, double score)
{
	quantile_add(j->scores, score, 1);
	if (++j->scored % ADAPT_EVERY != 0)
		return;
	threshold_adapt(&j->rules.deny, j->scores, DENY_LEAST);
	threshold_adapt(&j->rules.challenge, j->scores, -THRESHOLD_SCORES.largest);
}

/* The place of an event that is new, to be filled; NULL when it has no id, or came before,
 * which is counted. */
static struct entry *
new_entry(struct judge *j, const struct login *l, bool *repeat)
{
	struct entry *entry;
	bool fresh = true;

	entry = l->event == 0 ? NULL : table_touch(j->events, l->event, l->at, &fresh);
	*repeat = !fresh;
	j->counts.repeated += !fresh;
	return fresh ? entry : NULL;
}

void
judge_prefetch(const struct judge *j, const struct login *l)
{
	table_prefetch(j->events, l->event);
	past_prefetch_user(j->past, l);
}

void
judge_login(struct judge *j, const struct login *l, struct judge_answer *to)
{
	struct crowd_look crowd;
	struct entry *entry;
	bool learn;

	crowd_prefetch(j->crowd, l);
	past_prefetch(j->past, l);
	*to = (struct judge_answer){ .answer = ANSWER_ALLOW };
	entry = new_entry(j, l, &to->repeat);
	if (to->repeat)
		return;
	past_find(j->past, l, &to->past);
	crowd_prefetch_cells(j->crowd, l);
	crowd_add(j->crowd, l, &crowd);
	past_look_found(j->past, l, &to->past);
	risk_weigh(&j->rules.risk, &to->past, &crowd, &to->risk);
	to->answer = answer_to(j, to->risk.score);
	j->counts.answers[to->answer]++;
	learn = l->success &&
	    (to->answer == ANSWER_ALLOW ||
		(to->answer == ANSWER_CHALLENGE && !j->rules.wait));
	if (learn)
		past_add_seen(j->past, l, &to->past);
	count_score(j, to->risk.score);
	if (entry != NULL)
		*entry = (struct entry){ .login = *l,
			.version = to->answer == ANSWER_DENY ? 0 : -1,
			.score = to->risk.score,
			.learned = learn,
			.present = true,
			.judged = true };
}

void
judge_sign_up(struct judge *j, const struct login *l)
{
	bool repeat;
	struct entry *entry = new_entry(j, l, &repeat);

	if (repeat)
		return;
	past_add(j->past, l);
	if (entry != NULL)
		*entry = (struct entry){
			.login = *l, .version = -1, .learned = true, .present = true
		};
}

/* --- What is said later -------------------------------------------------------------- */

static void
set_learned(struct judge *j, struct entry *e, bool learned)
{
	if (e->learned == learned)
		return;
	e->learned = learned;
	if (learned) {
		past_add(j->past, &e->login);
		j->counts.restored++;
	} else {
		past_remove(j->past, &e->login);
		j->counts.returned++;
	}
}

static void
set_attack(struct judge *j, struct entry *e, bool attack)
{
	if (e->attack == attack)
		return;
	e->attack = attack;
	past_attack(j->past, &e->login, attack ? 1 : -1);
	j->counts.attacks += attack ? 1 : (uint64_t)-1;
}

static void
set_present(struct judge *j, struct entry *e, bool present)
{
	struct crowd_look ignored;

	if (e->present == present)
		return;
	e->present = present;
	if (!e->judged)
		return;
	quantile_add(j->scores, e->score, present ? 1 : -1);
	if (present)
		crowd_add(j->crowd, &e->login, &ignored);
	else
		(void)crowd_remove(j->crowd, &e->login);
}

void
judge_turn(struct judge *j, uint64_t event, int64_t version, enum judge_word word)
{
	struct entry *e;
	bool fresh;

	if (event == 0 || table_find(j->events, event) == NULL) {
		j->counts.forgotten++;
		return;
	}
	/* Touched, as it changes; at its own time, so that it becomes no younger. */
	e = table_touch(j->events, event, WHEN_NEVER, &fresh);
	if (version == JUDGE_NEXT)
		version = e->version + (e->version < INT64_MAX);
	else if (version <= e->version) {
		j->counts.repeated++;
		return;
	}
	e->version = version;
	set_present(j, e, word != JUDGE_GONE);
	set_attack(j, e, word == JUDGE_OUT);
	set_learned(j, e, word == JUDGE_IN && e->login.success);
}

/* --- For those who tell -------------------------------------------------------------- */

const struct judge_counts *
judge_counts(const struct judge *j)
{
	return &j->counts;
}

const struct past *
judge_past(const struct judge *j)
{
	return j->past;
}

const struct crowd *
judge_crowd(const struct judge *j)
{
	return j->crowd;
}

double
judge_threshold(const struct judge *j, enum answer answer)
{
	assert(answer != ANSWER_ALLOW);
	return answer == ANSWER_DENY ? j->rules.deny.score : j->rules.challenge.score;
}

/* --- Between runs -------------------------------------------------------------------- */

void
judge_save(struct judge *j, struct state_writer *to)
{
	state_put(to, &j->counts, sizeof j->counts);
	state_put_u64(to, j->scored);
	state_put_double(to, j->rules.challenge.score);
	state_put_double(to, j->rules.deny.score);
	state_put_quantile(to, j->scores);
	state_put_table(to, j->events);
	past_save(j->past, to);
	crowd_save(j->crowd, to);
}

int
judge_load(struct judge *j, struct state_reader *from, struct error *error)
{
	if (state_get(from, &j->counts, sizeof j->counts) != 0 ||
	    state_get_u64(from, &j->scored) != 0 ||
	    state_get_double(from, &j->rules.challenge.score) != 0 ||
	    state_get_double(from, &j->rules.deny.score) != 0)
		return error_set(error, "the snapshot is too short");
	return state_get_quantile(from, j->scores, error) == 0 &&
		state_get_table(from, j->events, error) == 0 &&
		past_load(j->past, from, error) == 0 &&
		crowd_load(j->crowd, from, error) == 0
	    ? 0
	    : -1;
}
