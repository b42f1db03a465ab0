/* SPDX-License-Identifier: MIT */
#include "lib/tune/tournament.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/record/kind.h"
#include "tests/unit/snapshot.h"

enum { FIELDS = 6, VALUES = 40, COPY_MAX = 4096 };

/* A click depends on one of its features much, on the others not. */
static const char better_second[] = "lazy = -a sgd --rate 1e-6\n"
				    "good = --algorithm lanes\n"
				    "twin = -a sgd --rate 2e-6\n";
static const char better_first[] = "good = --algorithm lanes\n"
				   "wild = -a sgd --rate 5\n"
				   "late = -a ftrl\n";

static char folder[32], model_path[64], live_path[64];
static struct candidates list;
static struct tournament *t;
static struct reader *reader, *watcher;
static struct key decision, challenger;
static struct error error;
static bool wrong_use;

/* What was emitted. */
static unsigned promoted, dropped, metrics;
static char winner[64];

static int
emit(void *context, struct slice bytes)
{
	static uint8_t copy[COPY_MAX + RECORD_PADDING];
	struct record r;
	struct fault fault;
	struct slice text;
	size_t need;

	(void)context;
	memcpy(copy, bytes.at, bytes.size);
	assert_int_equal(
	    record_scan(watcher, slice_of(copy, bytes.size), &r, &fault, &need),
	    SCAN_RECORD);
	metrics += record_kind(&r) == KIND_METRIC;
	if (!record_str(&r, decision, &text))
		return 0;
	dropped += slice_is(text, "dropped");
	if (slice_is(text, "promoted")) {
		promoted++;
		assert_true(record_str(&r, challenger, &text));
		snprintf(winner, sizeof winner, "%.*s", (int)text.size, text.at);
	}
	return 0;
}

static void
begin(const char *text, uint64_t at_once, bool live)
{
	if (list.of == NULL &&
	    candidates_read(&list, slice_text(text), "click", &error) != 0)
		fail_msg("%s", error.text);
	reader_free(reader);
	reader = reader_new();
	assert_non_null(reader);
	t = tournament_new(
	    &(struct tournament_setup){
		.candidates = &list,
		.alpha = 0.05,
		.at_once = at_once,
		.warm_up = 100,
		.memory = 48 << 20,
		.model = model_path,
		.live = live ? live_path : NULL,
		.os = &os_system,
		.reader = reader,
		.emit = emit,
	    },
	    &wrong_use, &error);
}

static void
end(void)
{
	tournament_free(t);
	t = NULL;
}

static int
set_up(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/tournament-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(model_path, sizeof model_path, "%s/model", folder);
	snprintf(live_path, sizeof live_path, "%s/live", folder);
	watcher = reader_new();
	assert_non_null(watcher);
	decision = reader_key(watcher, "decision");
	challenger = reader_key(watcher, "challenger");
	promoted = dropped = metrics = 0;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	end();
	candidates_free(&list);
	reader_free(reader);
	reader_free(watcher);
	reader = NULL;
	(void)unlink(model_path);
	(void)unlink(live_path);
	return rmdir(folder);
}

static enum tournament_verdict
learn_keys(const uint8_t *keys, size_t size, bool clicked, double weight, double *said)
{
	static uint8_t bytes[4096];
	struct record r;
	struct fault fault;
	struct build b;
	size_t need;
	enum tournament_verdict verdict;

	build_init(&b, bytes, sizeof bytes - RECORD_PADDING);
	build_map(&b, 5);
	build_text(&b, "event");
	build_text(&b, "outcome");
	build_text(&b, "timestamp");
	build_int(&b, INT64_C(1700000000000000));
	build_text(&b, "features");
	build_bin(&b, slice_of(keys, size));
	build_text(&b, "weight");
	build_double(&b, weight);
	build_text(&b, "rewards");
	build_map(&b, 1);
	build_text(&b, "click");
	build_bool(&b, clicked);
	assert_int_equal(
	    record_scan(reader, build_slice(&b), &r, &fault, &need), SCAN_RECORD);
	verdict = tournament_learn(t, &r, &error);
	if (verdict == TOURNAMENT_SAID && said != NULL) {
		static uint8_t map[1024];
		struct slice value;
		struct build to;

		build_init(&to, map, sizeof map);
		tournament_build(t, &r, &to);
		assert_true(value_get(build_slice(&to), "click", &value));
		assert_true(value_number(value, said));
	}
	return verdict;
}

/* n examples; the sum of what was predicted. */
static double
learn(struct random *random, unsigned n, double weight)
{
	double sum = 0;

	for (unsigned i = 0; i < n; i++) {
		uint8_t keys[8 * FIELDS];
		double said, p = 0;

		for (unsigned k = 0; k < FIELDS; k++) {
			uint64_t value = hash_bucket(random_next(random), VALUES);

			bytes_store_le64(
			    keys + 8 * k, hash_mix((uint64_t)k << 32 | value));
			if (k == 0)
				p = value % 4 == 0 ? 0.5 : 0.02;
		}
		assert_int_equal(
		    learn_keys(keys, sizeof keys, hash_uniform(random_next(random)) < p,
			weight, &said),
		    TOURNAMENT_SAID);
		sum += said;
	}
	return sum;
}

static void
who_predicts_better_becomes_champion_and_is_seen_by_others(void **state)
{
	struct model *seen;
	bool missing;

	(void)state;
	begin(better_second, 3, true);
	assert_non_null(t);
	seen = model_attach(&os_system, live_path, &missing, &error);
	assert_non_null(seen);
	assert_int_equal(seen->options.optimiser.algorithm, OPTIMISER_SGD);
	(void)learn(&(struct random){ 1 }, 3000, 1);
	assert_int_equal(promoted, 1);
	assert_string_equal(winner, "good");
	assert_int_equal(tournament_counts(t)->promotions, 1);
	/* Readers are told to look again, and find the other one; it goes on learning. */
	assert_true(model_is_over(seen));
	model_free(seen);
	seen = model_attach(&os_system, live_path, &missing, &error);
	assert_non_null(seen);
	assert_int_equal(seen->options.optimiser.algorithm, OPTIMISER_LANES);
	assert_int_equal(model_state(seen)->examples, 3000);
	(void)learn(&(struct random){ 2 }, 10, 1);
	assert_int_equal(model_state(seen)->examples, 3010);
	model_free(seen);
}

static void
the_model_file_is_the_champions_who_goes_on_from_it(void **state)
{
	struct predictor p = { 0 };
	enum state_trouble trouble;

	(void)state;
	begin(better_second, 3, false);
	(void)learn(&(struct random){ 1 }, 3000, 1);
	assert_int_equal(promoted, 1);
	assert_int_equal(tournament_commit(t, &error), 0);
	end();
	assert_int_equal(
	    predictor_attach(&p, &os_system, model_path, 1 << 24, &trouble, &error), 0);
	assert_int_equal(p.model->options.optimiser.algorithm, OPTIMISER_LANES);
	assert_int_equal(model_state(p.model)->examples, 3000);
	predictor_free(&p);
	begin(better_second, 1, false);
	assert_non_null(t);
	(void)learn(&(struct random){ 2 }, 1, 1);
	assert_int_equal(tournament_commit(t, &error), 0);
	assert_int_equal(
	    predictor_attach(&p, &os_system, model_path, 1 << 24, &trouble, &error), 0);
	assert_int_equal(model_state(p.model)->examples, 3001);
	predictor_free(&p);
	end();
	candidates_free(&list);
	begin("other = -a adam\n", 1, false);
	assert_null(t);
	assert_true(wrong_use);
}

static void
who_is_worse_makes_room_for_the_next_of_the_list(void **state)
{
	(void)state;
	begin(better_first, 2, false);
	assert_non_null(t);
	(void)learn(&(struct random){ 1 }, 3000, 1);
	assert_int_equal(dropped, 1);
	assert_int_equal(tournament_counts(t)->dropped, 1);
	assert_int_equal(promoted, 0);
	assert_int_equal(tournament_report(t, true), 0);
	assert_int_equal(metrics, 2);
	/* Nobody waits: nobody goes. */
	(void)learn(&(struct random){ 2 }, 3000, 1);
	assert_int_equal(dropped, 1);
}

static void
nobody_goes_while_all_have_a_place(void **state)
{
	(void)state;
	begin(better_first, 3, false);
	(void)learn(&(struct random){ 1 }, 3000, 1);
	assert_int_equal(dropped, 0);
	assert_int_equal(tournament_report(t, true), 0);
	assert_int_equal(metrics, 3);
}

static void
retractions_are_learned_and_not_raced(void **state)
{
	uint64_t raced;

	(void)state;
	begin(better_second, 3, false);
	(void)learn(&(struct random){ 1 }, 150, 1);
	raced = tournament_counts(t)->raced;
	assert_int_equal(raced, 50);
	(void)learn(&(struct random){ 1 }, 40, -1);
	assert_int_equal(tournament_counts(t)->raced, raced);
	assert_int_equal(tournament_counts(t)->unlearned, 40);
}

static void
a_bad_record_leaves_no_trace(void **state)
{
	struct random random = { 1 };
	uint8_t keys[9] = { 1 };
	double sum;

	(void)state;
	begin(better_second, 3, false);
	sum = learn(&random, 200, 1);
	end();
	random.state = 1;
	begin(better_second, 3, false);
	assert_int_equal(learn_keys(keys, 9, true, 1, NULL), TOURNAMENT_WRONG);
	assert_non_null(strstr(error.text, "features"));
	assert_int_equal(learn_keys(keys, 8, true, 1e7, NULL), TOURNAMENT_WRONG);
	assert_int_equal(tournament_counts(t)->learned, 0);
	assert_true(learn(&random, 200, 1) == sum);
}

/* Through promotions and drops. */
static void
check_going_on(const char *text, uint64_t at_once)
{
	struct random random = { 3 }, later;
	struct snapshot snapshot;
	struct state_writer *to;
	struct state_reader *from;
	double rest, again;
	unsigned first;

	begin(text, at_once, true);
	(void)learn(&random, 1000, 1);
	to = snapshot_write(&snapshot);
	tournament_save(t, to);
	first = promoted + dropped;
	later = random;
	rest = learn(&random, 3000, 1);
	first = promoted + dropped - first;
	end();
	begin(text, at_once, true);
	from = snapshot_read(&snapshot, to);
	if (tournament_load(t, from, &wrong_use, &error) != 0)
		fail_msg("%s", error.text);
	assert_int_equal(state_left(from), 0);
	state_close(from);
	promoted = dropped = 0;
	again = learn(&later, 3000, 1);
	assert_true(again == rest);
	assert_int_equal(promoted + dropped, first);
	end();
	candidates_free(&list);
	(void)unlink(live_path);
}

static void
it_goes_on_from_a_snapshot(void **state)
{
	(void)state;
	check_going_on(better_second, 3);
	check_going_on(better_first, 2);
	check_going_on("a = -a sgd --rate 1e-6\nb = -a sgd --rate 1e-5\nc =\n", 2);
}

static void
a_snapshot_of_another_list_is_refused(void **state)
{
	struct snapshot snapshot;
	struct state_writer *to;
	struct state_reader *from;

	(void)state;
	begin("a = -a ftrl\nb = -a sgd\n", 2, false);
	to = snapshot_write(&snapshot);
	tournament_save(t, to);
	end();
	candidates_free(&list);
	from = snapshot_read(&snapshot, to);
	begin("a = -a ftrl\nb = -a sgd --l2 1\n", 2, false);
	assert_int_equal(tournament_load(t, from, &wrong_use, &error), -1);
	assert_true(wrong_use);
	assert_non_null(strstr(error.text, "candidate b"));
	state_close(from);
}

static void
too_little_memory_is_wrong_use(void **state)
{
	(void)state;
	begin("a = -a ftrl --l2 {1,2,3,4,5,6,7,8}\nb = -a ftrl --l1 {1,2,3,4,5,6,7,8}\n"
	      "c = -a sgd --l2 {1,2,3,4,5,6,7,8}\nd = -a sgd --rate {1,2,3,4,5,6,7,8}\n"
	      "e = -a adam --rate {1,2,3,4}\n",
	    32, false);
	assert_null(t);
	assert_true(wrong_use);
	assert_non_null(strstr(error.text, "--at-once"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_predicts_better_becomes_champion_and_is_seen_by_others),
		TEST(the_model_file_is_the_champions_who_goes_on_from_it),
		TEST(who_is_worse_makes_room_for_the_next_of_the_list),
		TEST(nobody_goes_while_all_have_a_place),
		TEST(retractions_are_learned_and_not_raced),
		TEST(a_bad_record_leaves_no_trace),
		TEST(it_goes_on_from_a_snapshot),
		TEST(a_snapshot_of_another_list_is_refused),
		TEST(too_little_memory_is_wrong_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
