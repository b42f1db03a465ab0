/* SPDX-License-Identifier: MIT
 *
 * What is learned of logins, and taking it back: the past without a login is the past that
 * never had it; its counts are those of a list of all logins; a name of a country is only a
 * name; memory is fixed, and what is lost is told.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/login/judge.h"
#include "tests/unit/seed.h"

enum { LOGINS = 400, USERS = 12, KEPT = 16 };

static struct random chance;

static uint64_t
below(uint64_t n)
{
	return hash_bucket(random_next(&chance), n);
}

static const struct past_rules past_rules = { KEPT, { 40 * WHEN_DAY } };

/* One of few users, with few values, so that they meet; now and then not all is known. */
static struct login
random_login(void)
{
	struct login l = { .event = random_next(&chance) | 1,
		.user = 1 + below(USERS),
		.at = (instant)below(60) * WHEN_DAY + (instant)below(4),
		.success = below(5) != 0 };

	for (unsigned i = 0; i < LOGIN_LEVELS; i++)
		if (below(8) != 0)
			l.value[i] = hash_mix(100 * i + 1 + below(4 + 8 / (i + 1)));
	l.place.known = below(3) != 0;
	l.place.latitude = (int16_t)(below(3) * 4000);
	l.place.network = (uint8_t)below(NETWORK_KINDS);
	return l;
}

static void
shuffle(struct login *all, unsigned n)
{
	for (unsigned i = n; i > 1; i--) {
		unsigned k = (unsigned)below(i);
		struct login one = all[i - 1];

		all[i - 1] = all[k];
		all[k] = one;
	}
}

static void
assert_same_look(const struct past_look *a, const struct past_look *b)
{
	assert_int_equal(a->logins, b->logins);
	for (unsigned i = 0; i < LOGIN_DEVICE; i++) {
		assert_int_equal(a->level[i].seen, b->level[i].seen);
		assert_int_equal(a->level[i].of, b->level[i].of);
		assert_int_equal(a->level[i].kinds, b->level[i].kinds);
		assert_true(a->level[i].p == b->level[i].p);
	}
	assert_int_equal(a->device, b->device);
	assert_int_equal(a->devices, b->devices);
	assert_true(a->device_age_us == b->device_age_us);
	assert_true(a->speed == b->speed && a->user == b->user);
}

static void
assert_same_past(const struct past *a, const struct past *b)
{
	assert_int_equal(past_counts(a)->logins, past_counts(b)->logins);
	assert_int_equal(past_counts(a)->attacks, past_counts(b)->attacks);
	for (uint64_t user = 1; user <= USERS; user++) {
		const struct history *of_a = past_history(a, user);
		const struct history *of_b = past_history(b, user);

		assert_int_equal(of_a == NULL, of_b == NULL);
		if (of_a != NULL)
			assert_memory_equal(of_a, of_b, history_size(KEPT));
	}
	for (unsigned i = 0; i < LOGIN_LEVELS; i++)
		for (unsigned k = 0; k < 20; k++) {
			uint64_t value = hash_mix(100 * i + 1 + k);

			assert_int_equal(
			    past_value_count(a, value), past_value_count(b, value));
		}
	for (unsigned i = 0; i < 200; i++) {
		struct past_look look_a, look_b;
		struct login l = random_login();

		l.at += 60 *
		    WHEN_DAY; /* a slice in which the filters can differ has left */
		past_look(a, &l, &look_a);
		past_look(b, &l, &look_b);
		assert_same_look(&look_a, &look_b);
	}
}

/* Logins come in any order, some go again in any order; what is left came in another. Each
 * user has no more than are kept. */
static void
what_is_taken_back_was_never_there(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		struct past *a = past_new(past_rules, 1 << 20);
		struct past *b = past_new(past_rules, 1 << 20);
		struct login all[USERS * KEPT];
		unsigned n = 0, of_user[USERS + 1] = { 0 }, left;

		assert_true(a != NULL && b != NULL);
		while (n < 120) {
			all[n] = random_login();
			if (of_user[all[n].user]++ < KEPT)
				past_add(a, &all[n++]);
		}
		shuffle(all, n);
		left = (unsigned)below(n + 1);
		for (unsigned i = left; i < n; i++)
			past_remove(a, &all[i]);
		shuffle(all, left);
		for (unsigned i = 0; i < left; i++)
			past_add(b, &all[i]);
		for (unsigned i = 0; i < left; i += 7) {
			past_attack(b, &all[i], 1);
			past_attack(a, &all[i], 1);
			past_attack(a, &all[i], 1);
			past_attack(a, &all[i], -1);
		}
		assert_same_past(a, b);
		past_free(a);
		past_free(b);
	}
}

/* --- Against a list ------------------------------------------------------------------ */

static bool
is_later(const struct login *a, const struct login *b)
{
	return a->at > b->at || (a->at == b->at && a->event >> 32 > b->event >> 32);
}

/* The last logins of the user, the oldest first. */
static unsigned
last_of(const struct login *all, unsigned n, uint64_t user, struct login to[KEPT])
{
	unsigned kept = 0;

	for (unsigned i = 0; i < n; i++) {
		unsigned at = kept;

		if (all[i].user != user)
			continue;
		while (at > 0 && is_later(&to[at - 1], &all[i]))
			at--;
		if (kept == KEPT) {
			if (at == 0)
				continue;
			memmove(to, to + 1, (at - 1) * sizeof *to);
			to[at - 1] = all[i];
			continue;
		}
		memmove(to + at + 1, to + at, (kept - at) * sizeof *to);
		to[at] = all[i];
		kept++;
	}
	return kept;
}

static bool
first_with(const struct login *own, unsigned i, unsigned level)
{
	for (unsigned k = 0; k < i; k++)
		if (own[k].value[level] == own[i].value[level])
			return own[i].value[level] == 0;
	return true;
}

/* N, c and M of a level by a walk through the list, as ratio.h says. */
static struct ratio_level
level_of(const struct login *own, unsigned n, const struct login *l, unsigned first,
    unsigned level)
{
	struct ratio_level to = { 0, 0, 0, 0 };

	for (unsigned i = 0; i < n; i++) {
		bool counts = own[i].value[level] != 0;

		for (unsigned finer = first; finer < level; finer++)
			counts &= l->value[finer] == 0 || first_with(own, i, finer);
		to.of += counts;
		to.seen += counts && own[i].value[level] == l->value[level];
		to.kinds += counts && first_with(own, i, level);
	}
	to.kinds += to.kinds == 0;
	return to;
}

static void
counts_are_those_of_the_list_of_all_logins(void **state)
{
	struct past *p = past_new(past_rules, 1 << 20);
	static struct login all[LOGINS];

	(void)state;
	assert_non_null(p);
	for (unsigned n = 0; n < LOGINS; n++) {
		struct login own[KEPT], l = random_login();
		unsigned kept = last_of(all, n, l.user, own);
		struct past_look look;

		past_look(p, &l, &look);
		assert_int_equal(look.logins, kept);
		for (unsigned i = 0; i < LOGIN_DEVICE && kept > 0; i++) {
			unsigned first = i < LOGIN_AGENT ? LOGIN_ADDRESS : LOGIN_AGENT;
			struct ratio_level wanted = level_of(own, kept, &l, first, i);
			uint64_t count = 0;

			if (l.value[i] == 0)
				continue;
			assert_int_equal(look.level[i].of, wanted.of);
			assert_int_equal(look.level[i].seen, wanted.seen);
			assert_int_equal(look.level[i].kinds, wanted.kinds);
			for (unsigned k = 0; k < n; k++)
				count += all[k].value[i] == l.value[i];
			assert_int_equal(past_value_count(p, l.value[i]), count);
			if (wanted.seen > 0)
				assert_true(look.level[i].p == (double)count / n);
		}
		past_add(p, &l);
		all[n] = l;
	}
	past_free(p);
}

/* --- The judge ------------------------------------------------------------------------ */

static struct judge *
new_judge(double challenge, double deny)
{
	const struct judge_rules rules = {
		.risk = { 0.001, 0.1, 900 },
		.past = past_rules,
		.window = { 2 * WHEN_HOUR },
		.challenge = { .score = challenge },
		.deny = { .score = deny },
	};
	struct judge *j = judge_new(&rules, 8 << 20);

	assert_non_null(j);
	return j;
}

static void
assert_same_answer(const struct judge_answer *a, const struct judge_answer *b)
{
	assert_int_equal(a->answer, b->answer);
	for (unsigned i = 0; i < RISK_REASONS; i++)
		assert_true(a->risk.share[i] == b->risk.share[i]);
	assert_true(a->risk.score == b->risk.score);
}

/* Logins that are retracted leave nothing in any later answer. All are allowed, so that
 * what is learned of the others does not depend on them. */
static void
answers_after_a_retraction_are_those_without(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 40; round++) {
		struct judge *a = new_judge(90, 99), *b = new_judge(90, 99);
		struct judge_answer of_a, of_b;
		unsigned n = 0, of_user[USERS + 1] = { 0 };
		struct login gone[60];

		for (unsigned i = 0; i < 100; i++) {
			struct login l = random_login();

			l.at = (instant)i * WHEN_MINUTE;
			if (of_user[l.user]++ == KEPT)
				break; /* an older one would make room */
			judge_login(a, &l, &of_a);
			if (below(3) == 0 && n < 60)
				gone[n++] = l;
			else
				judge_login(b, &l, &of_b);
		}
		for (unsigned i = 0; i < n; i++) {
			/* An attack first; then it never was. Repeats change nothing. */
			if (i % 2 == 0)
				judge_turn(a, gone[i].event, 1, JUDGE_OUT);
			judge_turn(a, gone[i].event, 2, JUDGE_GONE);
			judge_turn(a, gone[i].event, 2, JUDGE_IN);
		}
		assert_same_past(judge_past(a), judge_past(b));
		for (unsigned i = 0; i < 100; i++) {
			struct login l = random_login();

			l.at = (instant)(100 + i) * WHEN_MINUTE;
			judge_login(a, &l, &of_a);
			judge_login(b, &l, &of_b);
			assert_same_answer(&of_a, &of_b);
		}
		judge_free(a);
		judge_free(b);
	}
}

/* An attack leaves what is learned, and its crowd stays; who appeals is learned from. */
static void
a_verdict_turns_what_is_learned(void **state)
{
	struct judge *j = new_judge(0, 99);
	struct judge_answer a;
	struct login l = random_login();

	(void)state;
	l.success = true;
	judge_login(j, &l, &a);
	assert_int_equal(past_counts(judge_past(j))->logins, 1);
	judge_turn(j, l.event, 0, JUDGE_OUT);
	assert_int_equal(past_counts(judge_past(j))->logins, 0);
	assert_int_equal(past_counts(judge_past(j))->attacks, 1);
	judge_turn(j, l.event, 0, JUDGE_IN);
	assert_int_equal(judge_counts(j)->repeated, 1);
	judge_turn(j, l.event, 1, JUDGE_IN);
	assert_int_equal(past_counts(judge_past(j))->logins, 1);
	assert_int_equal(past_counts(judge_past(j))->attacks, 0);
	assert_int_equal(judge_counts(j)->attacks, 0);
	judge_turn(j, l.event, JUDGE_NEXT, JUDGE_GONE);
	assert_int_equal(past_counts(judge_past(j))->logins, 0);
	assert_null(past_history(judge_past(j), l.user));
	judge_turn(j, l.event + 2, 1, JUDGE_OUT);
	assert_int_equal(judge_counts(j)->forgotten, 1);
	/* Above the highest version there is still what has none. */
	judge_turn(j, l.event, INT64_MAX, JUDGE_IN);
	assert_int_equal(past_counts(judge_past(j))->logins, 1);
	judge_turn(j, l.event, JUDGE_NEXT, JUDGE_OUT);
	assert_int_equal(past_counts(judge_past(j))->logins, 0);
	judge_turn(j, l.event, INT64_MAX, JUDGE_IN);
	assert_int_equal(past_counts(judge_past(j))->logins, 0);
	judge_free(j);
}

/* Whatever countries are called, the answers are the same. */
static void
a_country_is_only_a_name(void **state)
{
	struct judge *a = new_judge(-5, -3), *b = new_judge(-5, -3);
	struct judge_answer of_a, of_b;
	unsigned answers[3] = { 0 };

	(void)state;
	for (unsigned i = 0; i < 3000; i++) {
		struct login l = random_login(), renamed;

		l.at = (instant)i * WHEN_HOUR;
		renamed = l;
		if (l.value[LOGIN_COUNTRY] != 0)
			renamed.value[LOGIN_COUNTRY] =
			    hash_mix(~l.value[LOGIN_COUNTRY]);
		judge_login(a, &l, &of_a);
		judge_login(b, &renamed, &of_b);
		assert_same_answer(&of_a, &of_b);
		answers[of_a.answer]++;
	}
	print_message("# %u allowed, %u challenged, %u denied\n", answers[0],
	    answers[1], answers[2]);
	assert_true(answers[1] > 50 && answers[2] > 50);
	judge_free(a);
	judge_free(b);
}

/* In 40 KiB for half a million users nothing grows, and what is lost is told. */
static void
a_flood_is_forgotten_and_told(void **state)
{
	struct past *p = past_new(past_rules, 40 << 10);
	const struct past_counts *counts = past_counts(p);
	uint64_t kept = 0, held = 0;

	(void)state;
	for (uint64_t user = 1; user <= 500000; user++) {
		struct login l = {
			.event = user, .user = hash_mix(user), .success = true
		};

		l.at = (instant)user;
		l.value[LOGIN_ADDRESS] = hash_mix(~user);
		past_add(p, &l);
	}
	for (uint64_t user = 1; user <= 500000; user++) {
		kept += past_history(p, hash_mix(user)) != NULL;
		held += past_value_count(p, hash_mix(~user));
	}
	assert_true(kept > 0 && held > 0);
	assert_int_equal(counts->users_evicted + kept, 500000);
	assert_int_equal(counts->users_evicted_logins + kept, 500000);
	assert_int_equal(counts->values_evicted_logins + held, 500000);
	past_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_taken_back_was_never_there),
		cmocka_unit_test(counts_are_those_of_the_list_of_all_logins),
		cmocka_unit_test(answers_after_a_retraction_are_those_without),
		cmocka_unit_test(a_verdict_turns_what_is_learned),
		cmocka_unit_test(a_country_is_only_a_name),
		cmocka_unit_test(a_flood_is_forgotten_and_told),
	};

	chance = seeded();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
