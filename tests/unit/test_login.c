/* SPDX-License-Identifier: MIT
 *
 * What a login is judged by, piece by piece: lists of networks, the ratio, distances between
 * cities, crowds, thresholds, and how shares become a score.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/login/risk.h"
#include "lib/login/threshold.h"
#include "lib/login/travel.h"
#include "tests/unit/seed.h"

static struct random chance;

static uint64_t
below(uint64_t n)
{
	return hash_bucket(random_next(&chance), n);
}

static void
assert_near(double a, double b, double by)
{
	if (!(fabs(a - b) <= by))
		fail_msg("%.12g is not %.12g +- %g", a, b, by);
}

/* --- Networks ------------------------------------------------------------------------ */

static void
a_list_of_networks_tells_their_kinds(void **state)
{
	struct error error;
	struct networks *n = networks_new(
	    slice_text("# mine\n64500 mobile\r\nAS64501\tvpn # one\n\n"
		       "  4294967295   cloud\n64502 isp\n64500 mobile\n0 tor"),
	    &error);

	(void)state;
	assert_non_null(n);
	assert_int_equal(networks_count(n), 5);
	assert_int_equal(networks_find(n, 64500), NETWORK_MOBILE);
	assert_int_equal(networks_find(n, 64501), NETWORK_VPN);
	assert_int_equal(networks_find(n, 64502), NETWORK_ISP);
	assert_int_equal(networks_find(n, UINT32_MAX), NETWORK_CLOUD);
	assert_int_equal(networks_find(n, 0), NETWORK_TOR);
	assert_int_equal(networks_find(n, 64503), NETWORK_UNKNOWN);
	assert_int_equal(networks_find(n, UINT64_MAX), NETWORK_UNKNOWN);
	assert_true(network_hides(NETWORK_TOR) && !network_hides(NETWORK_ISP));
	networks_free(n);
	n = networks_new(slice_text(""), &error);
	assert_non_null(n);
	assert_int_equal(networks_find(n, 1), NETWORK_UNKNOWN);
	networks_free(n);
}

static void
a_line_that_is_no_network_is_named(void **state)
{
	static const char *const wrong_lines[] = { "x", "64500", "64500 submarine",
		"-1 isp", "4294967296 isp", "64500mobile", "as1 isp", "AS isp",
		"1 unknown", "64500 vpn" };
	struct error error;
	char text[100];

	(void)state;
	for (size_t i = 0; i < sizeof wrong_lines / sizeof *wrong_lines; i++) {
		snprintf(text, sizeof text, "# list\n64500 isp\n%s\n", wrong_lines[i]);
		assert_null(networks_new(slice_text(text), &error));
		assert_memory_equal(error.text, "line 3: ", 8);
	}
	assert_non_null(strstr(error.text, "network 64500 is 'vpn' here, and 'isp'"));
}

/* --- The ratio ----------------------------------------------------------------------- */

static void
the_ratio_is_that_of_the_paper_worked_by_hand(void **state)
{
	/* Eight of ten logins from an address that is one login in 1,000 of all, one other
	 * address: (8 / 0.001 + 2 * 1) / (10 + 2). */
	const struct ratio_level usual = { 8, 10, 2, 0.001 };
	/* A new address of the provider of all his two addresses, 5 % of all. */
	const struct ratio_level back_off[] = { { 0, 10, 2, 0 }, { 2, 2, 1, 0.05 } };
	/* Nothing of it was seen: only his own counts. */
	const struct ratio_level nothing[] = { { 0, 10, 2, 0 }, { 0, 2, 1, 0 },
		{ 0, 0, 0, 0 } };

	(void)state;
	assert_near(ratio_lift(&usual, 1), 8002.0 / 12, 1e-9);
	assert_near(ratio_lift(back_off, 2), 2.0 / 12 * (2 / 0.05 + 1) / 3, 1e-12);
	assert_near(ratio_lift(nothing, 3), 2.0 / 12 * 1 / 3, 1e-15);
	assert_near(ratio_lift(nothing, 0), 1, 0);
}

static struct ratio_level
random_level(void)
{
	uint32_t of = (uint32_t)below(20), seen = (uint32_t)below(of + 1);

	return (struct ratio_level){ seen, of, 1 + (uint32_t)below(of + 1),
		ldexp(1, -(int)below(20)) };
}

/* More logins of the user with x make it more usual for him, more logins of others with x
 * less so; and p(x | user) sums to 1 over x. */
static void
the_ratio_goes_with_the_counts(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 10000; round++) {
		struct ratio_level level[3], more[3];
		unsigned i = (unsigned)below(3);
		double lift;

		for (unsigned k = 0; k < 3; k++)
			level[k] = random_level();
		lift = ratio_lift(level, 3);
		assert_true(lift > 0 && isfinite(lift));
		memcpy(more, level, sizeof more);
		if (level[i].seen < level[i].of) {
			more[i].seen++;
			assert_true(ratio_lift(more, 3) > lift);
		}
		memcpy(more, level, sizeof more);
		more[i].p /= 2;
		assert_true(ratio_lift(more, 3) >= lift);
		assert_true(ratio_lift(more, 3) > lift || level[i].seen == 0);
	}
}

static void
what_is_left_goes_to_values_that_were_not_seen(void **state)
{
	enum { VALUES = 12 };
	uint32_t seen[VALUES] = { 0 };
	double p[VALUES], sum = 0, all = 0;
	uint32_t of = 0, kinds = 0;

	(void)state;
	for (unsigned i = 0; i < VALUES; i++) {
		seen[i] = (uint32_t)below(4);
		of += seen[i];
		kinds += seen[i] > 0;
		p[i] = 1 + (double)below(100);
		all += p[i];
	}
	for (unsigned i = 0; i < VALUES; i++) {
		struct ratio_level level = { seen[i], of, kinds, p[i] / all };

		sum += p[i] / all * ratio_lift(&level, 1);
	}
	assert_near(sum, 1, 1e-12);
}

/* --- Travel -------------------------------------------------------------------------- */

static struct place
place_at(double latitude, double longitude)
{
	return (struct place){ .latitude = (int16_t)lrint(latitude * PLACE_UNITS),
		.longitude = (int16_t)lrint(longitude * PLACE_UNITS),
		.within_km = PLACE_WITHIN_KM,
		.known = 1 };
}

static void
distances_between_cities_are_those_of_the_atlas(void **state)
{
	/* Great circles between airports, in km, as aviation tables have them. */
	static const struct {
		double a[2], b[2], km;
	} pairs[] = {
		{ { 51.4706, -0.4619 }, { 40.6398, -73.7789 }, 5540 },     /* LHR JFK */
		{ { 33.9425, -118.4081 }, { -33.9461, 151.1772 }, 12051 }, /* LAX SYD */
		{ { -37.0081, 174.7917 }, { -41.3272, 174.8053 }, 480 },   /* AKL WLG */
		{ { 49.0128, 2.55 }, { 50.0333, 8.5706 }, 449 },           /* CDG FRA */
		{ { 35.7647, 140.3864 }, { 37.6189, -122.375 }, 8221 },    /* NRT SFO */
		{ { 0, 179 }, { 0, -179 }, 222 }, /* over the date line */
		{ { 90, 0 }, { -90, 0 }, 20015 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		struct place a = place_at(pairs[i].a[0], pairs[i].a[1]);
		struct place b = place_at(pairs[i].b[0], pairs[i].b[1]);

		assert_near(travel_km(a, b), pairs[i].km, 0.003 * pairs[i].km + 1);
		assert_near(travel_km(b, a), travel_km(a, b), 1e-9);
	}
}

static void
nobody_travels_where_it_is_not_known(void **state)
{
	struct place london = place_at(51.47, -0.45), york = place_at(40.64, -73.78);
	struct place near = place_at(51.75, -1.26), hidden = york, unknown = york;
	const instant hour = WHEN_HOUR;

	(void)state;
	assert_near(travel_speed(london, 0, york, hour), 5540 - 100, 20);
	assert_near(travel_speed(york, hour, london, 0), 5540 - 100, 20);
	assert_near(travel_speed(london, 0, york, 8 * hour), 5440.0 / 8, 3);
	/* At one instant: within a second. */
	assert_near(travel_speed(london, 5, york, 5) / 3600, 5440, 20);
	assert_near(travel_speed(london, 0, near, 1), 0, 0);
	assert_near(travel_speed(london, 0, london, 1), 0, 0);
	for (unsigned kind = 0; kind < NETWORK_KINDS; kind++) {
		hidden.network = (uint8_t)kind;
		assert_int_equal(travel_speed(london, 0, hidden, hour) > 0,
		    !network_hides((enum network_kind)kind));
		assert_int_equal(travel_speed(hidden, 0, london, hour) > 0,
		    !network_hides((enum network_kind)kind));
	}
	unknown.known = 0;
	assert_near(travel_speed(london, 0, unknown, hour), 0, 0);
	york.within_km = 6000;
	assert_near(travel_speed(london, 0, york, hour), 0, 0);
}

/* --- Crowds -------------------------------------------------------------------------- */

static void
a_crowd_is_held_to_what_so_few_can_tell(void **state)
{
	(void)state;
	/* Wilson's lower bound at 4 standard errors, by hand: 100 of 100 is 1 / 1.16. */
	assert_near(crowd_attacked(100, 100, 0), 100 / 116.0, 1e-12);
	assert_near(crowd_attacked(1, 1, 0), 1 / 17.0, 1e-12);
	assert_near(crowd_attacked(1, 1, 0.1), 0, 0);
	assert_near(crowd_attacked(0, 0, 0.1), 0, 0);
	assert_near(crowd_attacked(1e9, 1e9, 0.1), 0.99, 0);
	assert_near(crowd_attacked(500, 5000, 0.1), 0, 0);
	for (unsigned i = 0; i < 1000; i++) {
		double users = 1 + (double)below(10000), failed = floor(users / 3);
		double honest = hash_uniform(random_next(&chance)) / 2;

		assert_true(crowd_attacked(failed, users, honest) >= 0);
		assert_true(crowd_attacked(failed + 0.5, users, honest) >=
		    crowd_attacked(failed, users, honest));
		assert_true(crowd_attacked(2 * failed, 2 * users, honest) >=
		    crowd_attacked(failed, users, honest));
	}
}

/* Honest crowds: of 10,000 whose users fail with a probability of 0.1, fewer than one in
 * 1,000 is taken for attacked at all. */
static void
honest_crowds_are_not_attacked(void **state)
{
	unsigned wrong = 0;

	(void)state;
	for (unsigned i = 0; i < 10000; i++) {
		unsigned users = 1 + (unsigned)below(200), failed = 0;

		for (unsigned k = 0; k < users; k++)
			failed += below(10) == 0;
		wrong += crowd_attacked(failed, users, 0.1) > 0;
	}
	print_message("# honest crowds with more than no attack: %u of 10000\n", wrong);
	assert_true(wrong < 10);
}

/* --- Thresholds ---------------------------------------------------------------------- */

static void
a_rate_is_never_exceeded(void **state)
{
	const double rates[] = { 0.1, 1, 5, 30 };
	struct quantile *scores = quantile_new(THRESHOLD_SCORES);
	static double all[20000];
	struct threshold t;
	struct error error;
	char text[20];

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		all[i] = -7 +
		    3 *
			(hash_uniform(random_next(&chance)) +
			    hash_uniform(random_next(&chance)) * (double)below(4));
		quantile_add(scores, all[i], 1);
	}
	for (unsigned k = 0; k < 4; k++) {
		unsigned over = 0;

		snprintf(text, sizeof text, "%g%%", rates[k]);
		assert_int_equal(threshold_parse(&t, text, 5, &error), 0);
		assert_near(t.score, 5, 0);
		threshold_adapt(&t, scores, -100);
		for (unsigned i = 0; i < 20000; i++)
			over += all[i] > t.score;
		assert_true(over <= 20000 * rates[k] / 100);
		assert_true(over >= 20000 * rates[k] / 100 * 0.7 - 8);
		threshold_adapt(&t, scores, 50);
		assert_near(t.score, 50, 0);
	}
	quantile_free(scores);
	assert_int_equal(threshold_parse(&t, "-2.5", 5, &error), 0);
	assert_near(t.score, -2.5, 0);
	for (unsigned i = 0; i < 6; i++) {
		static const char *const wrong[] = { "", "%", "x", "0%", "100%",
			"1 %" };

		assert_int_equal(threshold_parse(&t, wrong[i], 5, &error), -1);
	}
}

/* --- The sum ------------------------------------------------------------------------- */

/* Random looks at the past and at a crowd. */
static void
random_look(struct past_look *past, struct crowd_look *crowd)
{
	*past = (struct past_look){ .logins = (unsigned)below(17), .user = 1 };
	*crowd = (struct crowd_look){ .failures = (int64_t)below(12) / 3 };
	for (unsigned i = 0; i < LOGIN_DEVICE; i++)
		past->level[i] =
		    below(4) == 0 ? (struct ratio_level){ 0, 0, 0, 0 } : random_level();
	past->device = (enum past_device)below(4);
	past->devices = (unsigned)below(past->logins + 1);
	past->speed = below(4) == 0 ? (double)below(5000) : 0;
	for (unsigned i = 0; i < CROWD_SCOPES; i++) {
		crowd->users[i] = (double)below(100);
		crowd->failed[i] = below(3) == 0 ? crowd->users[i] / 2 : 0;
	}
}

/* Whatever the history: the country adds at most half of what all other reasons against a
 * login say, so without any of them the score is what it is without the country. */
static void
the_country_alone_never_decides(void **state)
{
	const struct risk_rules rules = { 0.001, 0.1, 900 };
	unsigned alone = 0, limited = 0;

	(void)state;
	for (unsigned round = 0; round < 100000; round++) {
		struct past_look past;
		struct crowd_look crowd;
		struct risk with, without;
		double against = 0;

		random_look(&past, &crowd);
		risk_weigh(&rules, &past, &crowd, &with);
		past.level[LOGIN_COUNTRY] = (struct ratio_level){ 0, 0, 0, 0 };
		risk_weigh(&rules, &past, &crowd, &without);
		for (unsigned i = 0; i < RISK_REASONS; i++) {
			if (i == RISK_COUNTRY)
				continue;
			assert_true(with.share[i] == without.share[i]);
			against += fmax(with.share[i], 0);
		}
		assert_true(without.share[RISK_COUNTRY] == 0);
		assert_true(with.share[RISK_COUNTRY] <= against / 2);
		assert_true(with.share[RISK_COUNTRY] <= RISK_COUNTRY_MAX);
		if (against == 0) {
			alone++;
			assert_true(with.score <= without.score);
		}
		limited += with.share[RISK_COUNTRY] == against / 2 && against > 0;
	}
	print_message("# nothing else against: %u; limited: %u\n", alone, limited);
	assert_true(alone > 500 && limited > 50);
}

static void
the_three_strongest_reasons_are_told(void **state)
{
	struct judgement_reason told[RISK_TOLD];
	struct risk r = { .score = 0 };

	(void)state;
	assert_int_equal(risk_reasons(&r, told), 0);
	r.share[RISK_TRAVEL] = 3;
	r.share[RISK_AGENT] = -9;
	assert_int_equal(risk_reasons(&r, told), 1);
	assert_string_equal(told[0].word, "travel");
	r.share[RISK_NETWORK] = 1;
	r.share[RISK_STUFFING] = 5;
	r.share[RISK_DEVICE] = 2;
	assert_int_equal(risk_reasons(&r, told), 3);
	assert_string_equal(told[0].word, "stuffing");
	assert_string_equal(told[1].word, "travel");
	assert_string_equal(told[2].word, "new_device");
	assert_near(told[2].share, 2, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_of_networks_tells_their_kinds),
		cmocka_unit_test(a_line_that_is_no_network_is_named),
		cmocka_unit_test(the_ratio_is_that_of_the_paper_worked_by_hand),
		cmocka_unit_test(the_ratio_goes_with_the_counts),
		cmocka_unit_test(what_is_left_goes_to_values_that_were_not_seen),
		cmocka_unit_test(distances_between_cities_are_those_of_the_atlas),
		cmocka_unit_test(nobody_travels_where_it_is_not_known),
		cmocka_unit_test(a_crowd_is_held_to_what_so_few_can_tell),
		cmocka_unit_test(honest_crowds_are_not_attacked),
		cmocka_unit_test(a_rate_is_never_exceeded),
		cmocka_unit_test(the_country_alone_never_decides),
		cmocka_unit_test(the_three_strongest_reasons_are_told),
	};

	chance = seeded();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
