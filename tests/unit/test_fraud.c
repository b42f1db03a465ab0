/* SPDX-License-Identifier: MIT */
#include "lib/fraud/fraud.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/fraud/peers.h"
#include "lib/hash.h"

static const struct lattice_rule windows = { { WHEN_MINUTE }, { WHEN_DAY } };
static const instant noon = INT64_C(20000) * WHEN_DAY + 12 * WHEN_HOUR;
static struct error error;

enum { ALL = (1 << LATTICE_FIELDS) - 1, USER = 1 << LATTICE_USER };

/* Values of fields by numbers; 0: it has none. */
static struct lattice_point
point(unsigned ip, unsigned device, unsigned os, unsigned user, unsigned banner)
{
	const unsigned value[LATTICE_FIELDS] = { ip, device, os, user, banner };
	struct lattice_point p = { .present = 0 };

	for (unsigned i = 0; i < LATTICE_FIELDS; i++)
		if (value[i] != 0) {
			p.hash[i] = hash_mix((uint64_t)(i + 1) << 32 | value[i]);
			p.present |= 1U << i;
		}
	return p;
}

static void
add(struct lattice *l, struct lattice_point p, instant when, struct lattice_view *v)
{
	static uint16_t velocity[LATTICE_SETS];

	lattice_open(l, &p, UINT32_MAX, v);
	lattice_add(l, when, false, v, velocity);
}

static void
sets_say_how_many_values_came_with_them(void **state)
{
	struct lattice *l = lattice_new(windows, 1 << 20);
	struct lattice_view v;

	(void)state;
	for (unsigned user = 1; user <= 5; user++)
		for (unsigned times = 0; times < 3; times++)
			add(l, point(1, 2, 3, user, 1 + user % 2), noon, &v);
	assert_int_equal(lattice_counts(&v, 1 << LATTICE_ADDRESS).volume, 15);
	assert_int_equal(lattice_counts(&v, ALL).volume, 3);
	assert_int_equal(lattice_distinct(&v, 1 << LATTICE_ADDRESS, LATTICE_USER), 5);
	assert_int_equal(lattice_distinct(&v, 1 << LATTICE_DEVICE, LATTICE_BANNER), 2);
	assert_int_equal(lattice_distinct(&v, USER, LATTICE_ADDRESS), 1);
	add(l, point(1, 0, 0, 0, 0), noon + WHEN_DAY, &v);
	assert_int_equal(lattice_counts(&v, 1 << LATTICE_ADDRESS).volume, 16);
	assert_int_equal(lattice_velocity(&v, 1 << LATTICE_ADDRESS), 1);
	assert_int_equal(lattice_distinct(&v, 1 << LATTICE_ADDRESS, LATTICE_USER), 5);
	add(l, point(1, 0, 0, 0, 0), noon + 3 * WHEN_DAY, &v);
	assert_int_equal(lattice_counts(&v, 1 << LATTICE_ADDRESS).volume, 1);
	lattice_free(l);
}

/* Each newcomer is a set of one field: what is there, what went and what came add up. */
static void
a_flood_of_keys_leaves_hot_ones_and_is_accounted_for(void **state)
{
	struct lattice *l = lattice_new(windows, 1 << 18);
	const struct lattice_point hot = point(0, 0, 0, 7, 0);
	struct lattice_totals t;
	struct lattice_view v;

	(void)state;
	for (unsigned i = 0; i < 200000; i++) {
		add(l, point(0, 0, 0, 1000 + i, 0), noon + i, &v);
		if (i % 100 == 0)
			add(l, hot, noon + i, &v);
	}
	add(l, hot, noon + 200000, &v);
	t = lattice_totals(l);
	assert_int_equal(lattice_counts(&v, USER).volume, 2001);
	assert_true(t.cells <= (1 << 18) / 32);
	/* All that came is what the hot one has, what is there, and what went. */
	assert_true(t.evicted == 200001 - t.cells);
	assert_true(t.mass >= t.evicted && t.mass + t.cells <= 202002);
	lattice_free(l);
}

/* As if all clicks had come among the first 65,535. */
static void
a_full_count_keeps_its_rate(void **state)
{
	static uint16_t velocity[LATTICE_SETS];
	struct lattice *l = lattice_new(windows, 1 << 20);
	const struct lattice_point p = point(0, 0, 0, 0, 9);
	const unsigned set = 1 << LATTICE_BANNER;
	struct lattice_view v;

	(void)state;
	for (unsigned i = 0; i < 400000; i++) {
		lattice_open(l, &p, UINT32_MAX, &v);
		lattice_add(l, noon, i % 5 == 0, &v, velocity);
	}
	assert_int_equal(lattice_counts(&v, set).volume, 65535);
	assert_int_equal(lattice_counts(&v, set).clicks, 65535 / 5);
	lattice_add(l, noon + WHEN_DAY, true, &v, velocity);
	lattice_add(l, noon, true, &v, velocity);
	assert_int_equal(lattice_counts(&v, set).volume, 65535 + 1);
	lattice_look(l, UINT32_MAX, noon + WHEN_DAY, &v);
	assert_int_equal(lattice_counts(&v, set).clicks, 65535 / 5 + 1);
	lattice_free(l);
}

static void
names_of_signals_are_read_as_they_are_written(void **state)
{
	char name[SIGNAL_NAME_MAX];
	unsigned n = 0, size;

	(void)state;
	for (unsigned i = 0; i < SIGNAL_COUNT; i++) {
		if (!signal_exists(i))
			continue;
		size = signal_name(i, name);
		assert_int_equal(size, strlen(name));
		assert_int_equal(signal_find(slice_text(name)), i);
		n++;
	}
	assert_int_equal(n, SIGNAL_OWN + 5 * 31 + 75);
	assert_int_equal(signal_find(slice_text("volume(banner+user)")),
	    signal_find(slice_text("volume(user+banner)")));
	assert_int_equal(signal_find(slice_text("distinct(user/user)")), -1);
	assert_int_equal(signal_find(slice_text("volume(user+user)")), -1);
	assert_int_equal(signal_find(slice_text("volume()")), -1);
	assert_int_equal(signal_find(slice_text("volume(")), -1);
}

/* Cells of random counts, of this slice, the one before and older ones. */
static void
draw_look(struct look *look, struct lattice_cell cell[LATTICE_SETS], uint64_t seed)
{
	struct random random = { seed };
	struct lattice_view *v = &look->sets;

	v->present = (unsigned)random_next(&random) % LATTICE_SETS;
	v->length = 100;
	v->sets = 0;
	look->rate = seed % 4 == 0 ? 0 : hash_uniform(random_next(&random));
	for (unsigned i = 0; i < SIGNAL_OWN; i++)
		look->own[i] = i % 3 == 0 ? NAN : (float)i;
	for (unsigned set = 1; set < LATTICE_SETS; set++) {
		struct lattice_cell *c = &cell[set];

		v->cell[set] = c;
		v->sets |= (uint32_t)((set & ~v->present) == 0) << set;
		c->length = 98 + (uint32_t)random_next(&random) % 4;
		look->velocity[set] = (uint16_t)random_next(&random);
		for (unsigned i = 0; i < 2; i++) {
			c->volume[i] = (uint16_t)random_next(&random);
			c->clicks[i] = c->volume[i] >> random_next(&random) % 16;
			for (unsigned k = 0; k < LATTICE_OTHERS; k++)
				c->distinct[i][k] = (uint8_t)random_next(&random);
		}
	}
}

static void
signals_side_by_side_are_those_one_by_one(void **state)
{
	static struct look look;
	static struct lattice_cell cell[LATTICE_SETS];
	struct signal_asks asks = { 0 };
	float value[SIGNAL_PLACES];

	(void)state;
	for (unsigned i = 0; i < SIGNAL_COUNT; i++)
		if (signal_exists(i))
			signal_ask(&asks, signal_ceiling(i));
	for (uint64_t seed = 0; seed < 1000; seed++) {
		draw_look(&look, cell, seed);
		signal_measure(&look, &asks, value);
		for (unsigned i = 0; i < SIGNAL_COUNT; i++) {
			unsigned ceiling = signal_ceiling(i);
			float least, most;

			if (!signal_exists(i))
				continue;
			least = signal_value(&look, i);
			most = signal_value(&look, ceiling);
			assert_false(least > most);
			assert_true(i == ceiling || isnan(least) || !isnan(most));
			least = value[signal_place(ceiling)];
			assert_true(least == most || (isnan(least) && isnan(most)));
		}
	}
}

/* What is screened out does not hold. */
static void
rules_hold_whose_conditions_are_met(void **state)
{
	static const char *const operator[] = { ">=", ">", "<=", "<", "=" };
	static struct look look;
	static struct lattice_cell cell[LATTICE_SETS];
	char text[SIGNAL_NAME_MAX + 64], name[SIGNAL_NAME_MAX];
	struct rules_sum sum;

	(void)state;
	for (unsigned i = 0; i < SIGNAL_COUNT; i++) {
		for (unsigned k = 0; k < 5 && signal_exists(i); k++) {
			float value, bound = (float)(int)(i * 7 % 5) / 2 - 1;
			bool holds;
			struct rules *r;

			draw_look(&look, cell, i);
			value = signal_value(&look, i);
			bound = isnan(value) || i % 2 == 0 ? bound : value;
			holds = k == 0 ? value >= bound
			    : k == 1   ? value > bound
			    : k == 2   ? value <= bound
			    : k == 3   ? value < bound
				       : value == bound;
			(void)signal_name(i, name);
			(void)snprintf(text, sizeof text, "x 1 if %s %s %.9g\n",
			    name, operator[k], (double)bound);
			r = rules_read(slice_text(text), &error);
			assert_non_null(r);
			rules_apply(r, &look, 1, &sum);
			assert_int_equal(sum.n, holds);
			rules_free(r);
		}
	}
}

static void
of_a_group_the_weightiest_rule_counts(void **state)
{
	struct rules *r = rules_read(slice_text("a.x 1 if click = 1\nprior -1\n"
						"b 0.5 if nth >= 2 and nth < 3\n"
						"a.y -3 if click >= 1\n"
						"a.z 9 if click > 1\n"
						"c 7 if delay >= 0\n"),
	    &error);
	static struct look look;
	struct rules_sum sum;

	(void)state;
	assert_non_null(r);
	for (unsigned i = 0; i < SIGNAL_OWN; i++)
		look.own[i] = NAN;
	look.own[SIGNAL_CLICK] = 1;
	look.own[SIGNAL_NTH] = 2;
	rules_apply(r, &look, 1, &sum);
	assert_true(sum.score == -3.5);
	assert_int_equal(sum.n, 2);
	assert_string_equal(sum.reason[0].word, "a.y");
	assert_string_equal(sum.reason[1].word, "b");
	rules_free(r);
}

static void
a_mistake_in_rules_names_its_line(void **state)
{
	static const struct {
		const char *text, *error;
	} wrong[] = {
		{ "prior 1\nprior 2\n", "line 2: a second prior" },
		{ "x 1 when click = 1\n", "line 1: 'when' is no 'if'" },
		{ "\n#\nx 1e9 if click = 1\n",
		    "line 3: '1e9' is no share of -100 to 100" },
		{ "x 1 if clack = 1\n", "line 1: 'clack' is no signal" },
		{ "x 1 if click = 1 or nth = 2\n", "line 1: 'or' is no 'and'" },
		{ "x 1 if click =\n", "line 1: number is missing" },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		assert_null(rules_read(slice_text(wrong[i].text), &error));
		assert_string_equal(error.text, wrong[i].error);
	}
}

static void
the_rules_that_come_with_it_are_read(void **state)
{
	struct rules *r = rules_read(rules_preset(), &error);

	(void)state;
	if (r == NULL)
		fail_msg("%s", error.text);
	assert_true(rules_count(r) > 10 && rules_prior(r) < 0);
	rules_free(r);
}

static void
influence_ends_with_its_places_and_begins_with_an_epoch(void **state)
{
	struct influence_rule rule = { .epoch = { WHEN_DAY } };
	const uint64_t who[INFLUENCE_SUBJECTS] = { 1, 2, 3 };
	struct influence_places p, other, tomorrow;
	struct influence *f;

	(void)state;
	assert_int_equal(influence_parse(&rule, "user=2,ip=3", &error), 0);
	f = influence_new(rule, 1 << 16);
	p = influence_of(f, who, 9, 1, noon);
	other = influence_of(f, who, 8, 1, noon);
	tomorrow = influence_of(f, who, 9, 1, noon + WHEN_DAY);
	assert_true(influence_take(f, &p, noon) && influence_take(f, &p, noon));
	assert_false(influence_take(f, &p, noon));
	assert_true(influence_take(f, &other, noon));
	influence_give(f, &p);
	assert_true(influence_take(f, &p, noon));
	assert_false(influence_take(f, &p, noon));
	assert_true(influence_take(f, &tomorrow, noon + WHEN_DAY));
	assert_int_equal(influence_parse(&rule, "users=2", &error), -1);
	assert_int_equal(influence_parse(&rule, "user=0", &error), -1);
	influence_free(f);
}

/* Good's weight of evidence, from the counts by hand. */
static void
labels_weigh_evidence_and_take_it_back_exactly(void **state)
{
	struct labels *l = labels_new(1 << 20);
	static struct look look;
	static char before[LABELS_TEXT_MAX], after[LABELS_TEXT_MAX];
	double q = (3 * 64 + 1.0) / (256 + LABELS_BUCKETS), share;

	(void)state;
	for (unsigned i = 0; i < SIGNAL_OWN; i++)
		look.own[i] = NAN;
	for (unsigned i = 1; i <= 256; i++) {
		look.own[SIGNAL_NTH] = i % 4 == 0 ? 1 : 9;
		labels_see(l, i, &look, noon);
	}
	(void)labels_print(l, SIGNAL_NTH, 1, before);
	/* 64 of those with 9 are invalid, said in two turns of 2^n changes: 512. */
	for (unsigned i = 1; i <= 256; i++)
		labels_tell(l, i, i % 4 == 1, 1, noon);
	assert_int_equal(labels_totals(l).invalid, 64);
	share = log((64 + 20 * q) / (64 + 20)) - log((128 + 20 * q) / (192 + 20));
	(void)labels_print(l, SIGNAL_NTH, 1, after);
	(void)snprintf(before, sizeof before, "%+.3f if nth >= 8", share);
	assert_non_null(strstr(after, before));
	for (unsigned i = 1; i <= 256; i++)
		labels_tell(l, i, true, 1, noon); /* repeats */
	assert_int_equal(labels_totals(l).repeated, 256);
	assert_int_equal(labels_totals(l).told, 256);
	labels_tell(l, 999, true, 1, noon); /* nobody knows it */
	assert_int_equal(labels_totals(l).told, 256);
	for (unsigned i = 1; i <= 256; i++)
		labels_tell(l, i, false, 2, noon);
	assert_int_equal(labels_totals(l).invalid, 0);
	assert_int_equal(labels_totals(l).valid, 256);
	labels_free(l);
}

static struct rules *
printed(const struct labels *l)
{
	static char text[RULES_TEXT_MAX];
	size_t n = (size_t)snprintf(text, sizeof text, "prior %f\n", labels_prior(l));
	struct rules *r;

	for (unsigned i = 0; i < SIGNAL_COUNT; i++) {
		assert_true(sizeof text - n > LABELS_TEXT_MAX);
		n += labels_print(l, i, 1, text + n);
	}
	r = rules_read(slice_of(text, n), &error);
	if (r == NULL)
		fail_msg("%s", error.text);
	return r;
}

/* A look with all signals in one bucket, but for the own ones in another. */
static void
look_like(struct look *look, struct lattice_cell *cell, unsigned own, unsigned sets)
{
	const uint16_t n = (uint16_t)(1U << sets);

	*cell = (struct lattice_cell){ .volume = { n }, .clicks = { n / 2 } };
	memset(cell->distinct[0], n < 255 ? n : 255, sizeof cell->distinct[0]);
	*look = (struct look){ .rate = 0.1,
		.sets = { .present = ALL, .sets = UINT32_MAX - 1 } };
	for (unsigned i = 0; i < SIGNAL_OWN; i++)
		look->own[i] = ldexpf(1, (int)own - 6);
	for (unsigned i = 0; i < LATTICE_SETS; i++) {
		look->velocity[i] = n;
		look->sets.cell[i] = cell;
	}
}

static void
all_that_is_learned_is_read_as_rules_of_the_same_scores(void **state)
{
	struct labels *l = labels_new(1 << 22);
	static struct look look;
	struct lattice_cell cell;
	struct rules_sum learned, read;
	struct rules *r;

	(void)state;
	for (unsigned i = 1; i <= 1024; i++) {
		look_like(&look, &cell, i % 14, i % 8);
		labels_see(l, i, &look, noon);
		if (i % 128 == 3)
			labels_tell(l, i, true, 1, noon);
	}
	for (unsigned i = 1; i <= LABELS_REFRESH; i++)
		labels_tell(l, i, i % 128 == 3, 2, noon);
	r = printed(l);
	for (unsigned i = 0; i < 16; i++) {
		look_like(&look, &cell, i, i); /* the last ones never came */
		learned = (struct rules_sum){ .n = 0 };
		labels_apply(l, &look, 1, &learned);
		rules_apply(r, &look, 1, &read);
		assert_true(fabs(learned.score - read.score) < 0.02);
	}
	/* What never came tells nothing: all that is known is how few are invalid. */
	for (unsigned i = 0; i < SIGNAL_OWN; i++)
		look.own[i] = -1;
	look.sets.present = 0;
	learned = (struct rules_sum){ .n = 0 };
	labels_apply(l, &look, 1, &learned);
	assert_true(learned.score == labels_prior(l));
	rules_free(r);
	labels_free(l);
}

static struct fraud_event
click_of(unsigned user, unsigned banner, unsigned id)
{
	static uint8_t number;
	struct fraud_event e = { .when = noon + id,
		.kind = TRAIL_CLICKED,
		.point = point(0, 0, 0, user, banner),
		.marked = NAN,
		.event = id };

	number = (uint8_t)id;
	e.id = slice_of(&number, 1);
	return e;
}

static void
who_was_forgotten_and_begins_again_has_no_long_future(void **state)
{
	struct sources *s = sources_new(table_memory_min(8, sizeof(struct trail)));
	static struct look look;
	struct fraud_event e = click_of(1, 0, 1);
	struct sources_hint hint = { { 0 } }, others = { { 0 } };
	uint32_t seen, now;

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		(void)sources_add(s, SOURCE_USER, &e, 0, &look, &seen, &hint);
	for (unsigned i = 2; i < 200; i++) {
		struct fraud_event other = click_of(i, 0, i);

		(void)sources_add(s, SOURCE_USER, &other, 0, &look, &now, &others);
	}
	(void)sources_add(s, SOURCE_USER, &e, 0, &look, &now, &others);
	assert_int_equal(seen, 100);
	assert_int_equal(now, 1);
	sources_measure(s, SOURCE_USER, &e.point, seen, &look, &hint);
	assert_true(look.own[SIGNAL_FUTURE_USER] == 0);
	sources_free(s);
}

/* However sure the rules are of the visitor. */
static void
what_is_over_the_cap_is_out_and_counted_once(void **state)
{
	const struct fraud_options o = { .windows = windows,
		.limits = true,
		.influence = { .places = { 1 }, .epoch = { WHEN_DAY } },
		.memory = 32 << 20 };
	struct fraud *f = fraud_new(&o, rules_read(slice_text("prior -50\n"), &error));
	struct fraud_finding found;

	(void)state;
	for (unsigned id = 1; id <= 6; id++) {
		unsigned banner = id <= 3 ? 8 : 0; /* what has none moves none */
		struct fraud_event e = click_of(7, banner, id);

		fraud_arrive(f, &e, &found);
		assert_int_equal(found.out, banner != 0 && id > 1);
		assert_true((found.score > 0) == found.out);
	}
	while (fraud_due(f, WHEN_NEVER, true, &found))
		assert_false(found.turned);
	assert_int_equal(fraud_totals(f)->looked[1], 6);
	assert_int_equal(fraud_totals(f)->capped, 2);
	fraud_free(f);
}

static void
peers_may_have_more_purchases_than_clicks(void **state)
{
	struct peers p = { .n = 0 };

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		peers_tell(&p, 1, 3);
	assert_true(peers_rate(&p) <= 1);
	assert_true(isfinite(peers_deviation(&p, 10, 30)));
}

static void
peers_are_hard_to_move(void **state)
{
	struct peers p = { .n = 0 };
	struct random r = { 5 };
	double rate;

	(void)state;
	assert_true(isnan(peers_deviation(&p, 100, 3)));
	for (unsigned i = 0; i < 4000; i++) {
		uint32_t k = 0;

		for (unsigned n = 0; n < 32; n++)
			k += hash_uniform(random_next(&r)) < 0.03;
		peers_tell(&p, 32, i % 50 == 0 ? 32 : k); /* 2 % click everything */
	}
	rate = peers_rate(&p);
	assert_true(rate > 0.027 && rate < 0.036); /* a mean would be 0.049 */
	assert_true(fabs((double)peers_deviation(&p, 1000, 30)) < 1);
	assert_true(peers_deviation(&p, 1000, 150) > 10);
}

static void
a_timer_has_no_spread_and_chance_has_that_of_an_exponential(void **state)
{
	struct trail timer = { .last = 0 }, chance = { .last = 0 };
	struct random r = { 11 };
	instant at = noon, when = noon;
	double sum = 0;

	(void)state;
	for (unsigned i = 0; i < 4000; i++) {
		trail_add(&timer, TRAIL_SHOWN, at += WHEN_SECOND);
		when += 1 +
		    (instant)(-log(1 - hash_uniform(random_next(&r))) * WHEN_SECOND);
		trail_add(&chance, TRAIL_SHOWN, when);
		sum += i < 100 ? 0 : (double)trail_spread(&chance);
	}
	assert_true(trail_spread(&timer) < 1e-6f);
	assert_true(fabs(sum / 3900 - 3.14159265 / sqrt(6)) < 0.1);
	for (unsigned i = 0; i < 64; i++)
		trail_agent(&chance, (uint64_t)(i % 4) << 60);
	assert_true(fabsf(trail_entropy(&chance) - 2) < 1e-6f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets_say_how_many_values_came_with_them),
		cmocka_unit_test(a_flood_of_keys_leaves_hot_ones_and_is_accounted_for),
		cmocka_unit_test(a_full_count_keeps_its_rate),
		cmocka_unit_test(names_of_signals_are_read_as_they_are_written),
		cmocka_unit_test(signals_side_by_side_are_those_one_by_one),
		cmocka_unit_test(rules_hold_whose_conditions_are_met),
		cmocka_unit_test(of_a_group_the_weightiest_rule_counts),
		cmocka_unit_test(a_mistake_in_rules_names_its_line),
		cmocka_unit_test(the_rules_that_come_with_it_are_read),
		cmocka_unit_test(
		    influence_ends_with_its_places_and_begins_with_an_epoch),
		cmocka_unit_test(labels_weigh_evidence_and_take_it_back_exactly),
		cmocka_unit_test(
		    all_that_is_learned_is_read_as_rules_of_the_same_scores),
		cmocka_unit_test(who_was_forgotten_and_begins_again_has_no_long_future),
		cmocka_unit_test(what_is_over_the_cap_is_out_and_counted_once),
		cmocka_unit_test(peers_are_hard_to_move),
		cmocka_unit_test(peers_may_have_more_purchases_than_clicks),
		cmocka_unit_test(
		    a_timer_has_no_spread_and_chance_has_that_of_an_exponential),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
