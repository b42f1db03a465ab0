/* SPDX-License-Identifier: MIT
 *
 * A tournament to a snapshot and back.
 */
#include <string.h>

#include "lib/tune/tournament_inside.h"

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
	if (tournament_enter(t, place, (unsigned)candidate, error) < 0)
		return -1;
	if (state_get_u64(from, &c->learned) < 0 ||
	    state_get_i64(from, &c->predictor.window_us) < 0 ||
	    race_load(&c->race, from) < 0)
		return too_short(error);
	if (tournament_give_model(t, c, NULL, error) < 0)
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
