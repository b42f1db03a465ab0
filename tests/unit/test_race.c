/* SPDX-License-Identifier: MIT */
#include "lib/trial/race.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/hash.h"
#include "tests/unit/seed.h"
#include "tests/unit/snapshot.h"

#define ALPHA 0.1

static double
uniform(struct random *random)
{
	return hash_uniform(random_next(random));
}

static double
sigmoid(double z)
{
	return 1 / (1 + exp(-z));
}

static double
loss(double p, bool label)
{
	return label ? -log(p) : -log1p(-p);
}

/* A world at which two forecasters look: one sees z, the other may see it badly. */
struct world {
	double mean, spread; /* of z */
	double noise[2];     /* what is added to z by chance, of either sign */
	bool opposite;       /* what one adds the other takes away: they are equals */
};

static void
look(const struct world *w, struct random *random, double p[2], bool *label)
{
	double z = w->mean + w->spread * (uniform(random) - 0.5), e[2];

	*label = uniform(random) < sigmoid(z);
	for (int i = 0; i < 2; i++)
		e[i] = w->noise[i] * (uniform(random) < 0.5 ? -1 : 1);
	if (w->opposite)
		e[1] = -e[0];
	for (int i = 0; i < 2; i++)
		p[i] = sigmoid(z + e[i]);
}

/* After how many examples the challenger has won; 0: it has not. */
static unsigned
run_until_won(
    const struct world *w, unsigned n, double weight_few, struct random *random)
{
	struct race r;

	race_init(&r);
	for (unsigned i = 1; i <= n; i++) {
		bool label, few = weight_few > 0 && uniform(random) < 0.05;
		double p[2];

		look(w, random, p, &label);
		race_add(&r, p[0], p[1], label, few ? weight_few : 1);
		if (race_is_won(&r, ALPHA))
			return i;
	}
	return 0;
}

/* The share of runs in which somebody who looks at a z-test of 5 % after every example from
 * the 100th on sees it significant at some time: that the worlds below can deceive. */
static double
deceived(const struct world *w, unsigned runs, unsigned n, struct random *random)
{
	unsigned count = 0;

	for (unsigned run = 0; run < runs; run++) {
		double sum = 0, squares = 0;

		for (unsigned i = 1; i <= n; i++) {
			double p[2], d;
			bool label;

			look(w, random, p, &label);
			d = loss(p[0], label) - loss(p[1], label);
			sum += d;
			squares += d * d;
			if (i >= 100 && sum > 1.645 * sqrt(squares)) {
				count++;
				break;
			}
		}
	}
	return (double)count / runs;
}

/* Each run stops at the first promotion. Were the probability of one 0.15 instead of 0.1, at
 * most 40 of 400 runs would have one with probability 0.0022 only. */
static void
equals_are_promoted_with_probability_alpha_at_most_in_all_time(void **state)
{
	static const struct world worlds[] = {
		{ .mean = 0, .spread = 2, .noise = { 0.4 }, .opposite = true },
		{ .mean = -4, .spread = 2, .noise = { 0.5 }, .opposite = true },
		{ .mean = -5, .spread = 4, .noise = { 1.5 }, .opposite = true },
		{ .mean = -1, .spread = 6, .noise = { 0.2, 0.2 } },
	};
	enum { RUNS = 400, LENGTH = 6000 };
	struct random random = seeded();

	(void)state;
	for (unsigned w = 0; w < sizeof worlds / sizeof *worlds; w++) {
		unsigned promoted = 0, weighted = 0;
		double naive = deceived(&worlds[w], RUNS / 4, LENGTH, &random);

		for (unsigned i = 0; i < RUNS; i++) {
			promoted += run_until_won(&worlds[w], LENGTH, 0, &random) > 0;
			weighted += run_until_won(&worlds[w], LENGTH, 3, &random) > 0;
		}
		print_message("# world %u: %u of %d promoted, %u with weights; a test "
			      "looked at again and again %.2f\n",
		    w, promoted, RUNS, weighted, naive);
		assert_true(promoted <= ALPHA * RUNS);
		assert_true(weighted <= ALPHA * RUNS);
		assert_true(naive > 2 * ALPHA);
	}
}

/* A champion and seven challengers, equals with errors of their own; alpha is shared. */
static void
many_equals_are_promoted_with_probability_alpha_at_most(void **state)
{
	enum { RUNS = 300, LENGTH = 4000, CHALLENGERS = 7 };
	struct random random = seeded();
	unsigned promoted = 0;

	(void)state;
	for (unsigned run = 0; run < RUNS; run++) {
		struct race r[CHALLENGERS];
		bool won = false;

		for (unsigned c = 0; c < CHALLENGERS; c++)
			race_init(&r[c]);
		for (unsigned i = 0; i < LENGTH && !won; i++) {
			double z = 2 * uniform(&random) - 2, champion;
			bool label = uniform(&random) < sigmoid(z);

			champion = sigmoid(z + (uniform(&random) < 0.5 ? 0.4 : -0.4));
			for (unsigned c = 0; c < CHALLENGERS; c++) {
				double e = uniform(&random) < 0.5 ? 0.4 : -0.4;

				race_add(&r[c], champion, sigmoid(z + e), label, 1);
				won = won || race_is_won(&r[c], ALPHA / CHALLENGERS);
			}
		}
		promoted += won;
	}
	print_message("# %u of %d promoted\n", promoted, RUNS);
	assert_true(promoted <= ALPHA * RUNS);
}

/* The e-value has a mean of 1 at most, and what comes near to it uses its level. */
static void
the_e_value_of_equals_is_1_on_average(void **state)
{
	const struct world w = {
		.mean = 0, .spread = 1, .noise = { 0.3 }, .opposite = true
	};
	enum { RUNS = 4000, LENGTH = 60 };
	struct random random = seeded();
	double sum = 0, squares = 0, mean, se;

	(void)state;
	for (unsigned i = 0; i < RUNS; i++) {
		struct race r;
		double p[2];
		bool label;

		race_init(&r);
		for (unsigned k = 0; k < LENGTH; k++) {
			look(&w, &random, p, &label);
			race_add(&r, p[0], p[1], label, 1);
		}
		/* Of which the first gambler has one half. */
		sum += 2 * race_better(&r);
		squares += 4 * race_better(&r) * race_better(&r);
	}
	mean = sum / RUNS;
	se = sqrt((squares / RUNS - mean * mean) / RUNS);
	print_message("# %.4f +- %.4f\n", mean, se);
	assert_true(fabs(mean - 1) < 4 * se);
	assert_true(se < 0.02);
}

static void
a_better_one_is_promoted_soon(void **state)
{
	/* Differences of 0.0099, 0.0023 and 0.00048 nats an example. */
	static const struct {
		struct world world;
		unsigned within;
	} cases[] = {
		{ { .mean = -0.5, .spread = 2, .noise = { 0.3, 0 } }, 6000 },
		{ { .mean = -3, .spread = 2, .noise = { 0.3, 0 } }, 25000 },
		{ { .mean = -5, .spread = 2, .noise = { 0.35, 0 } }, 150000 },
	};
	enum { RUNS = 11 };
	struct random random = seeded();

	(void)state;
	for (unsigned c = 0; c < 3; c++) {
		unsigned won = 0;
		double sum = 0;

		for (unsigned i = 0; i < RUNS; i++) {
			unsigned when =
			    run_until_won(&cases[c].world, cases[c].within, 0, &random);

			won += when > 0;
			sum += when;
		}
		print_message("# case %u: %u of %d, on average after %.0f examples\n",
		    c, won, RUNS, sum / won);
		assert_true(won >= RUNS - 1);
	}
}

static void
a_worse_one_is_given_up_and_not_promoted(void **state)
{
	const struct world w = { .mean = -1, .spread = 2, .noise = { 0, 0.5 } };
	struct random random = seeded();
	struct race r;
	bool lost = false;

	(void)state;
	race_init(&r);
	for (unsigned i = 0; i < 5000; i++) {
		double p[2];
		bool label;

		look(&w, &random, p, &label);
		race_add(&r, p[0], p[1], label, 1);
		lost = lost || race_is_lost(&r, ALPHA);
		assert_false(race_is_won(&r, ALPHA));
	}
	assert_true(lost);
}

/* Who has learned late, or is right since the world has changed. */
static void
what_was_lost_long_ago_does_not_count_for_ever(void **state)
{
	const struct world before = { .mean = -1, .spread = 2, .noise = { 0, 1 } },
			   after = { .mean = -1, .spread = 2, .noise = { 0.5, 0 } };
	enum { CHANGE = 100000, SOON = 9000 };
	struct random random = seeded();
	struct race_figures f;
	unsigned when = 0;
	struct race r;

	(void)state;
	race_init(&r);
	for (unsigned i = 0; i < CHANGE + SOON && when == 0; i++) {
		double p[2];
		bool label;

		look(i < CHANGE ? &before : &after, &random, p, &label);
		race_add(&r, p[0], p[1], label, 1);
		if (race_is_won(&r, ALPHA))
			when = i + 1;
	}
	f = race_figures(&r, ALPHA);
	print_message("# promoted %d examples after the change\n", (int)when - CHANGE);
	assert_true(when > CHANGE);
	/* Over all it is the worse one still. */
	assert_true(f.estimate < 0 && f.high < 0);
}

/* It would win most examples, and lose little where a loss were cut off. */
static void
to_predict_next_to_nothing_does_not_pay(void **state)
{
	struct random random = seeded();
	struct race r;

	(void)state;
	race_init(&r);
	for (unsigned i = 0; i < 200000; i++) {
		race_add(&r, 0.005, 1e-9, uniform(&random) < 0.005, 1);
		assert_false(race_is_won(&r, ALPHA));
	}
	assert_true(race_is_lost(&r, ALPHA));
}

/* The champion predicts so much too little that the middle of the two is better, and nearer to
 * the challenger; but that is not what the challenger says. */
static void
who_is_too_far_away_must_also_have_the_lower_loss(void **state)
{
	struct random random = seeded();
	struct race r;

	(void)state;
	race_init(&r);
	for (unsigned i = 0; i < 20000; i++) {
		race_add(&r, 1e-4, 0.5, uniform(&random) < 0.02, 1);
		assert_false(race_is_won(&r, ALPHA));
	}
	assert_true(race_better(&r) > 1e6);
}

static void
the_e_value_is_the_mean_over_shares_of_products(void **state)
{
	static const struct {
		double p, q, label, weight;
	} examples[] = {
		{ 0.1, 0.9, 1, 2 }, /* the unit */
		{ 0.1, 0.2, 0, 1 },
		{ 0.1, 0.2, 1, 2 },
		{ 0.5, 0.4, 1, 8 },
		{ 0.5, 0.4, 0.25, 4 },
		{ 0.1, 0.9, 1, 16 }, /* out of reach */
		{ 0.3, 0.9, 1, -1 },
		{ 0.3, 0.9, 1, 0 },
	};
	const double low = 1 / (1 + exp(1)), high = 1 / (1 + exp(-1));
	const double x[] = { 0.5 * (log(0.8 / 0.9)), log(0.2 / 0.1), log(0.4 / 0.5),
		0.5 * (0.25 * log(0.4 / 0.5) + 0.75 * log(0.6 / 0.5)),
		log(high / low) };
	double better = 0, worse = 0;
	struct race r;

	(void)state;
	race_init(&r);
	for (unsigned i = 0; i < sizeof examples / sizeof *examples; i++)
		race_add(&r, examples[i].p, examples[i].q, examples[i].label,
		    examples[i].weight);
	for (int k = 1; k <= RACE_BETS; k++) {
		double up = 1, down = 1;

		for (unsigned i = 0; i < sizeof x / sizeof *x; i++) {
			up *= 1 + ldexp(1, -k) * x[i] / 2;
			down *= 1 - ldexp(1, -k) * x[i] / 2;
		}
		better += up / RACE_BETS / 2;
		worse += down / RACE_BETS / 2;
	}
	assert_true(fabs(race_better(&r) / better - 1) < 1e-9);
	assert_true(fabs(race_worse(&r) / worse - 1) < 1e-9);
	assert_true(race_figures(&r, ALPHA).n == 33);
}

static void
the_confidence_sequence_contains_the_mean(void **state)
{
	const struct world w = {
		.mean = -1, .spread = 2, .noise = { 0.4 }, .opposite = true
	};
	enum { RUNS = 100, LENGTH = 2000 };
	struct random random = seeded();
	unsigned missed = 0;
	double width = 0;

	(void)state;
	for (unsigned i = 0; i < RUNS; i++) {
		struct race_figures f;
		bool miss = false;
		struct race r;

		race_init(&r);
		for (unsigned k = 1; k <= LENGTH; k++) {
			double p[2];
			bool label;

			look(&w, &random, p, &label);
			race_add(&r, p[0], p[1], label, 1);
			if (k % 100 != 0)
				continue;
			f = race_figures(&r, ALPHA);
			miss = miss || f.low > 0 || f.high < 0;
			width = f.high - f.low;
		}
		missed += miss;
	}
	print_message("# missed %u of %d, the last %.3f wide\n", missed, RUNS, width);
	assert_true(missed <= ALPHA * RUNS);
	assert_true(width < 0.15);
}

static void
it_goes_on_from_a_snapshot(void **state)
{
	const struct world w = { .mean = -1, .spread = 2, .noise = { 0.3, 0 } };
	struct random random = seeded();
	struct snapshot snapshot;
	struct state_writer *to;
	struct state_reader *from;
	struct race r, again;

	(void)state;
	race_init(&r);
	for (unsigned i = 0; i < 10000; i++) {
		double p[2];
		bool label;

		look(&w, &random, p, &label);
		race_add(&r, p[0], p[1], label, 1);
	}
	to = snapshot_write(&snapshot);
	race_save(&r, to);
	r.better.fortune[3][2] = NAN;
	race_save(&r, to);
	from = snapshot_read(&snapshot, to);
	assert_int_equal(race_load(&again, from), 0);
	assert_true(race_worse(&again) == race_worse(&r));
	assert_true(again.examples == 10000 && again.d == r.d);
	assert_int_equal(race_load(&again, from), -1);
	assert_int_equal(race_load(&again, from), -1);
	state_close(from);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    equals_are_promoted_with_probability_alpha_at_most_in_all_time),
		cmocka_unit_test(
		    many_equals_are_promoted_with_probability_alpha_at_most),
		cmocka_unit_test(the_e_value_of_equals_is_1_on_average),
		cmocka_unit_test(a_better_one_is_promoted_soon),
		cmocka_unit_test(a_worse_one_is_given_up_and_not_promoted),
		cmocka_unit_test(what_was_lost_long_ago_does_not_count_for_ever),
		cmocka_unit_test(to_predict_next_to_nothing_does_not_pay),
		cmocka_unit_test(who_is_too_far_away_must_also_have_the_lower_loss),
		cmocka_unit_test(the_e_value_is_the_mean_over_shares_of_products),
		cmocka_unit_test(the_confidence_sequence_contains_the_mean),
		cmocka_unit_test(it_goes_on_from_a_snapshot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
