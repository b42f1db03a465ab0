/* SPDX-License-Identifier: MIT */
#include "lib/simulate/market.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/record/kind.h"
#include "lib/simulate/chance.h"

static struct rates rates;
static struct error error;

static bool
near(double value, double wanted, double within)
{
	if (fabs(value - wanted) <= within)
		return true;
	print_message("# %.17g, not %.17g within %g\n", value, wanted, within);
	return false;
}

static struct random
seeded(void)
{
	const char *text = getenv("SEED");
	struct random r;

	r.state =
	    text != NULL ? (uint64_t)strtoull(text, NULL, 10) : (uint64_t)getpid();
	print_message("# SEED=%llu\n", (unsigned long long)r.state);
	return r;
}

/* --- Rates ------------------------------------------------------------------------ */

static void
rates_are_read_or_estimated(void **state)
{
	(void)state;
	assert_int_equal(
	    rates_read(&rates,
		slice_text("note,creative_id,rate\n\"x\ny\",a,0.25\n,007,0.5\n"),
		&error),
	    0);
	assert_int_equal(rates.n, 2);
	assert_string_equal(rates.row[0].creative, "a");
	assert_string_equal(rates.row[1].creative, "007");
	assert_true(rates.row[0].rate == 0.25 && rates.row[1].rate == 0.5);

	/* 3 clicks of 200 impressions: one click more of 66.7. */
	assert_int_equal(rates_read(&rates,
			     slice_text("creative_id,campaign_id,impressions,clicks\n"
					"a,spring,100,3\nb,,100,0"),
			     &error),
	    0);
	assert_string_equal(rates.row[0].campaign, "spring");
	assert_string_equal(rates.row[1].campaign, "");
	assert_true(near(rates.row[0].rate, 4 / (100 + 200.0 / 3), 1e-15));
	assert_true(near(rates.row[1].rate, 1 / (100 + 200.0 / 3), 1e-15));
}

static void
what_is_no_table_of_rates_is_refused_with_its_line(void **state)
{
	static const char *const wrong[][2] = {
		{ "", "it has no rows" },
		{ "creative_id,rate\n", "it has no rows" },
		{ "creative_id,rate\na,0.1\nb,0\n", "line 3: rate is no number" },
		{ "creative_id,rate\na,nan\n", "line 2: rate is no number" },
		{ "rate\n0.1\n", "line 2: no creative_id" },
		{ "creative_id,rate\na b,0.1\n", "line 2: no creative_id" },
		{ "creative_id,rate\n0123456789012345678901234567890x,0.1\n",
		    "line 2: no creative_id" },
		{ "creative_id,clicks\na,1\n", "line 2: neither a rate" },
		{ "creative_id,impressions,clicks\na,1e13,1\n", "line 2: neither" },
		{ "creative_id,impressions,clicks\na,10,0\n", "none of them was" },
		{ "creative_id,rate\na,0.1\nb\n", "line 3: " },
		{ "creative_id,rate\n1e-0,0.1\n1e-1,0.1\n1e-0,0.1\n",
		    "line 4: 1e-0 is there already" },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		assert_int_equal(
		    rates_read(&rates, slice_text(wrong[i][0]), &error), -1);
		if (strncmp(error.text, wrong[i][1], strlen(wrong[i][1])) != 0)
			fail_msg("'%s', not '%s'", error.text, wrong[i][1]);
	}
}

/* --- The agenda ------------------------------------------------------------------- */

static void
things_happen_in_the_order_of_time_and_of_planning(void **state)
{
	enum { ROOM = 1000, ROUNDS = 20000 };
	struct random r = seeded();
	struct agenda a;
	instant last = 0;
	uint64_t order = 0;

	(void)state;
	assert_int_equal(agenda_init(&a, ROOM), 0);
	assert_null(agenda_next(&a));
	for (unsigned i = 0; i < ROUNDS; i++) {
		const struct happening *h = agenda_next(&a);

		if (a.n == ROOM)
			assert_false(agenda_add(&a, (struct happening){ .at = last }));
		/* Nothing is planned for what has been. */
		if (h == NULL || (a.n < ROOM && random_next(&r) % 2 == 0)) {
			assert_true(agenda_add(&a,
			    (struct happening){
				.at = last + (instant)(random_next(&r) % 50) }));
			continue;
		}
		assert_true(h->at > last || (h->at == last && (h->order >= order)));
		last = h->at;
		order = h->order;
		agenda_remove(&a);
	}
	agenda_fini(&a);
}

/* --- The board -------------------------------------------------------------------- */

static void
decisions_find_their_requests(void **state)
{
	static const struct person p = { .consents = true };
	struct slice id = slice_text("d");
	struct board b;
	unsigned first, second;

	(void)state;
	assert_int_equal(board_init(&b), 0);
	first = board_open(&b, &p, 3, 2);
	second = board_open(&b, &p, 3, 8);
	assert_int_equal(b.slot[second].wanted, 3); /* no more than there are */
	assert_non_null(board_decide(&b, 2, 0, 0, id));
	assert_non_null(board_decide(&b, 0, 2, 0, id));
	assert_non_null(board_decide(&b, 0, 0, 3, id));
	assert_non_null(board_decide(&b, 0, 0, 0, slice_text("")));
	assert_null(board_decide(&b, 0, 1, 2, id));
	assert_non_null(board_decide(&b, 0, 1, 2, id));
	assert_false(board_is_over(&b, first));
	assert_null(board_decide(&b, 0, 0, 2, id));
	assert_true(board_is_over(&b, first) && !board_is_over(&b, second));
	assert_int_equal(b.slot[first].banner[1], 3);
	assert_true(slice_is(board_id(&b.slot[first], 1), "d"));

	/* One of a later request says that those before it get no more. */
	(void)board_open(&b, &p, 3, 1);
	assert_null(board_decide(&b, 2, 0, 0, id));
	assert_true(board_is_over(&b, second));
	assert_non_null(board_decide(&b, 1, 0, 0, id));
	board_fini(&b);
}

static void
a_board_holds_so_many_pages(void **state)
{
	static const struct person p = { .consents = true };
	struct board b;
	unsigned slot;

	(void)state;
	assert_int_equal(board_init(&b), 0);
	for (unsigned i = 0; i < BOARD_WAITING; i++) {
		assert_false(board_is_full(&b));
		(void)board_open(&b, &p, 1, 1);
	}
	assert_true(board_is_full(&b));
	board_settle(&b, 1);
	assert_false(board_is_full(&b));
	for (unsigned i = BOARD_WAITING; i < BOARD_SLOTS; i++)
		assert_int_not_equal(board_open(&b, &p, 1, 1), BOARD_NONE);
	assert_int_equal(board_open(&b, &p, 1, 1), BOARD_NONE);
	b.slot[77].users++; /* a click to come */
	board_leave(&b, 77);
	assert_int_equal(board_open(&b, &p, 1, 1), BOARD_NONE);
	board_leave(&b, 77);
	slot = board_open(&b, &p, 1, 1);
	assert_int_equal(slot, 77);
	board_fini(&b);
}

/* --- The world -------------------------------------------------------------------- */

static struct world_options
small_world(void)
{
	rates_make(&rates, 12, 5);
	return (struct world_options){ .seed = 5,
		.visitors = 500,
		.from = INT64_C(1767571200000000),
		.length = { 10 * WHEN_DAY },
		.taste = 0.7,
		.consent = 0.8,
		.rates = &rates };
}

static void
the_mean_over_visits_is_the_rate(void **state)
{
	enum { DRAWS = 1 << 20 };
	struct world_options o = small_world();
	struct world w;

	(void)state;
	o.drift.us = WHEN_DAY;
	assert_int_equal(world_init(&w, &o), 0);
	for (unsigned day = 0; day < 2; day++) {
		for (unsigned b = 0; b < 3; b++) {
			double sum = 0;

			for (unsigned i = 0; i < DRAWS; i++)
				sum += world_click(
				    &w, world_visitor(&w, (i + 0.5) / DRAWS), b);
			assert_true(near(sum / DRAWS / rates.row[b].rate, 1, 1e-3));
		}
		world_turn(&w, w.day + 1); /* another day, the same rates */
	}
	world_fini(&w);
}

static void
a_banner_that_was_seen_tires(void **state)
{
	struct world_options o = small_world();
	struct world w;
	double fresh;

	(void)state;
	o.fatigue = 0.25;
	assert_int_equal(world_init(&w, &o), 0);
	fresh = world_click(&w, 9, 4);
	world_show(&w, 9, 4);
	world_show(&w, 9, 4);
	assert_true(near(world_click(&w, 9, 4) / fresh, 0.75 * 0.75, 1e-12));
	for (unsigned i = 0; i < WORLD_SEEN; i++)
		world_show(&w, 9, i % 4);
	assert_true(world_click(&w, 9, 4) == fresh);
	assert_true(world_click(&w, 9, 5) > 0);
	world_fini(&w);
}

static void
likes_drift_by_their_half_life(void **state)
{
	enum { DAYS = 400 };
	struct world_options o = small_world();
	struct world w;
	double before[2][WORLD_CATEGORIES], sum = 0;

	(void)state;
	o.visitors = 1;
	o.drift.us = 2 * WHEN_DAY;
	assert_int_equal(world_init(&w, &o), 0);
	for (unsigned day = 0; day < DAYS; day++) {
		double one = 0, length = 0;

		memcpy(before[day % 2], w.banner[3].likes, sizeof before[0]);
		world_turn(&w, w.day + 1);
		for (unsigned c = 0; c < WORLD_CATEGORIES; c++) {
			double now = w.banner[3].likes[c];

			one += before[day % 2][c] * now;
			sum += day > 0 ? before[(day + 1) % 2][c] * now : 0;
			length += now * now;
		}
		assert_true(near(length, 1, 1e-12));
		assert_true(near(one, sqrt(0.5), 1e-9));
	}
	/* Two days are one half-life, on average; the deviation is 0.22. */
	assert_true(near(sum / (DAYS - 1), 0.5, 6 * 0.22 / sqrt(DAYS)));
	world_fini(&w);
}

static void
newcomers_come_one_by_one(void **state)
{
	struct world_options o = small_world();
	struct world w;

	(void)state;
	o.newcomers = 4;
	assert_int_equal(world_init(&w, &o), 0);
	assert_int_equal(w.born, 8);
	for (unsigned i = 1; i <= 4; i++) {
		assert_int_equal(world_birth(&w), o.from + i * 2 * WHEN_DAY);
		assert_int_equal(world_bear(&w), 7 + i);
	}
	assert_int_equal(world_birth(&w), WHEN_MAX);
	world_fini(&w);
}

static void
normal_and_exponential_numbers_have_their_moments(void **state)
{
	enum { N = 1 << 18 };
	struct random r = seeded();
	double sum = 0, squares = 0, mean = 0;

	(void)state;
	for (unsigned i = 0; i < N; i++) {
		double x = chance_normal(&r);

		sum += x;
		squares += x * x;
		mean += chance_exponential(&r);
	}
	/* Six standard errors: 6 / 512, and of the squares 6 sqrt(2) / 512. */
	assert_true(near(sum / N, 0, 0.0118));
	assert_true(near(squares / N, 1, 0.0166));
	assert_true(near(mean / N, 1, 0.0118));
}

/* --- The shop --------------------------------------------------------------------- */

/* What a shop has told. */
struct told {
	uint8_t *bytes;
	size_t size, room;
	uint64_t records, ticks;
	instant last, watermark;
};

static int
hear(void *context, struct slice record)
{
	struct told *t = context;

	if (t->size + record.size + RECORD_PADDING > t->room) {
		t->room = 2 * (t->size + record.size + RECORD_PADDING);
		t->bytes = realloc(t->bytes, t->room);
		assert_non_null(t->bytes);
	}
	memcpy(t->bytes + t->size, record.at, record.size);
	t->size += record.size;
	t->records++;
	return 0;
}

static int
hear_tick(void *context, instant watermark)
{
	struct told *t = context;

	assert_true(watermark >= t->watermark);
	t->watermark = watermark;
	t->ticks++;
	return 0;
}

static void
forget(struct told *t)
{
	free(t->bytes);
	*t = (struct told){ .last = 0 };
}

static struct market_options
small_shop(void)
{
	return (struct market_options){ .world = small_world(),
		.rate = 60,
		.positions = 3,
		.examination = { 1, 0.5, 0.7 },
		.conversion = 0.3,
		.refunds = 0.3,
		.attack = { 0, 0.05, 0.02, 0.02, 0.05, 0.02, 0.02, 0.02, 0.02, 0.02,
		    0.05, 0.05, 0.5 },
		.chargeback_delay = { WHEN_DAY },
		.report = { WHEN_DAY },
		.latency = { WHEN_SECOND },
		.click_delay = { 5 * WHEN_SECOND },
		.purchase_delay = { WHEN_HOUR },
		.refund_delay = { WHEN_DAY } };
}

static void
begin(struct market *s, const struct market_options *o, struct told *t)
{
	struct market_ends ends = { .record = hear, .tick = hear_tick, .context = t };

	forget(t);
	t->watermark = WHEN_NEVER;
	assert_int_equal(market_init(s, o, &ends), 0);
}

static void
run(struct market *s, const struct market_options *o, struct told *t)
{
	enum market_state state;

	begin(s, o, t);
	while ((state = market_advance(s, 100)) == MARKET_MORE)
		;
	assert_int_equal(state, MARKET_ENDED);
	assert_int_equal(market_advance(s, 100), MARKET_ENDED);
}

static void
the_same_seed_tells_the_same(void **state)
{
	static struct market s;
	struct market_options o = small_shop();
	struct told one = { 0 }, two = { 0 };

	(void)state;
	o.world.fatigue = 0.1;
	o.world.drift.us = WHEN_DAY;
	run(&s, &o, &one);
	market_fini(&s);
	run(&s, &o, &two);
	market_fini(&s);
	assert_true(one.records > 10000 && one.ticks > 1000);
	assert_int_equal(one.size, two.size);
	assert_memory_equal(one.bytes, two.bytes, one.size);
	o.world.seed++;
	run(&s, &o, &two);
	market_fini(&s);
	assert_true(
	    one.size != two.size || memcmp(one.bytes, two.bytes, one.size) != 0);
	forget(&one);
	forget(&two);
}

/* A walk through what was told: records in order of time, of one kind or any. */
struct walk {
	struct reader *reader;
	struct key request, position, creative, decision;
	struct record r;
	size_t at;
};

static void
walk_open(struct walk *w)
{
	*w = (struct walk){ .reader = reader_new() };
	assert_non_null(w->reader);
	w->request = reader_key(w->reader, "request_id");
	w->position = reader_key(w->reader, "position");
	w->creative = reader_key(w->reader, "creative_id");
	w->decision = reader_key(w->reader, "decision_id");
}

static bool
walk_next(struct walk *w, struct told *t)
{
	struct fault fault;
	size_t need;
	instant at;

	if (w->at == t->size)
		return false;
	assert_int_equal(
	    record_scan(w->reader, slice_of(t->bytes + w->at, t->size - w->at), &w->r,
		&fault, &need),
	    SCAN_RECORD);
	w->at += w->r.size;
	assert_true(record_timestamp(&w->r, &at) && at >= t->last);
	t->last = at;
	return true;
}

/* The next record of what came of a decision: of the same at the same time in both. */
static bool
next_effect(struct walk *w, struct told *t)
{
	while (walk_next(w, t))
		switch (record_kind(&w->r)) {
		case KIND_IMPRESSION:
		case KIND_CLICK:
		case KIND_PURCHASE:
		case KIND_REFUND:
			return true;
		default:
			break;
		}
	return false;
}

/* Give the shop the decisions of another one, as they come, up to where it goes on. */
static void
give(struct market *s, struct walk *w, struct told *t)
{
	struct slice request, creative, decision;
	int64_t position;

	while (walk_next(w, t)) {
		if (record_kind(&w->r) != KIND_DECISION)
			continue;
		assert_true(record_str(&w->r, w->request, &request) &&
		    record_str(&w->r, w->creative, &creative) &&
		    record_str(&w->r, w->decision, &decision) &&
		    record_int(&w->r, w->position, &position));
		assert_null(
		    market_decide(s, request, (uint64_t)position, creative, decision));
		if (position == 2)
			return;
	}
	fail_msg("it waits for more than there was");
}

static void
others_who_decide_the_same_have_the_same_luck(void **state)
{
	static struct market s;
	struct market_options o = small_shop();
	struct told alone = { 0 }, led = { 0 };
	enum market_state now;
	struct walk w, x;
	uint64_t effects = 0;

	(void)state;
	run(&s, &o, &alone);
	market_fini(&s);
	o.policy = MARKET_OTHERS;
	begin(&s, &o, &led);
	walk_open(&w);
	while ((now = market_advance(&s, 50)) != MARKET_ENDED) {
		assert_int_not_equal(now, MARKET_FAILED);
		if (now == MARKET_WAITS)
			give(&s, &w, &alone);
	}
	market_fini(&s);
	reader_free(w.reader);

	walk_open(&w);
	walk_open(&x);
	alone.last = 0;
	while (next_effect(&w, &alone)) {
		struct slice one, two;
		instant then, here;

		assert_true(next_effect(&x, &led));
		assert_int_equal(record_kind(&w.r), record_kind(&x.r));
		assert_true(record_timestamp(&w.r, &then) &&
		    record_timestamp(&x.r, &here) && then == here);
		if (record_str(&w.r, w.decision, &one))
			assert_true(record_str(&x.r, x.decision, &two) &&
			    slice_equal(one, two));
		effects++;
	}
	assert_false(next_effect(&x, &led));
	assert_true(effects > 1000);
	reader_free(w.reader);
	reader_free(x.reader);
	forget(&alone);
	forget(&led);
}

static void
a_watermark_that_comes_back_ends_the_waiting(void **state)
{
	static struct market s;
	struct market_options o = small_shop();
	struct told t = { 0 };
	enum market_state now;

	(void)state;
	o.policy = MARKET_OTHERS;
	begin(&s, &o, &t);
	while ((now = market_advance(&s, 1000)) != MARKET_ENDED) {
		if (now != MARKET_WAITS)
			continue;
		/* Without one, or with an older one, it waits on. */
		market_tick(&s, t.watermark - 1);
		assert_int_equal(market_advance(&s, 1000), MARKET_WAITS);
		market_tick(&s, t.watermark);
	}
	assert_int_equal(s.counts.impressions, 0);
	assert_true(s.counts.unanswered > 1000);
	market_fini(&s);
	forget(&t);
}

/* --- Snapshots -------------------------------------------------------------------- */

static const struct state_identity identity = { .name = "test", .schema = 1 };

static void
save(const struct market *s, const char *path)
{
	struct state_writer *w = state_write(&os_system, path, &identity, &error);

	assert_non_null(w);
	market_save(s, w);
	assert_int_equal(state_commit(w, &error), 0);
}

static int
load(struct market *s, const char *path)
{
	enum state_trouble trouble;
	struct state_reader *r =
	    state_read(&os_system, path, &identity, &trouble, &error);
	int status;

	assert_non_null(r);
	status = market_load(s, r);
	state_close(r);
	return status;
}

static void
a_shop_goes_on_where_it_was_saved(void **state)
{
	static struct market s;
	struct market_options o = small_shop();
	struct random r = seeded();
	struct told whole = { 0 }, first = { 0 }, rest = { 0 };
	char folder[] = "/tmp/bannerpipe-simulate-XXXXXX", path[64];

	(void)state;
	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof path, "%s/shop", folder);
	o.world.fatigue = 0.1;
	o.world.drift.us = WHEN_DAY;
	o.world.newcomers = 3;
	run(&s, &o, &whole);
	market_fini(&s);
	for (unsigned i = 0; i < 5; i++) {
		begin(&s, &o, &first);
		(void)market_advance(&s, (unsigned)(random_next(&r) % 8000));
		save(&s, path);
		market_fini(&s);
		begin(&s, &o, &rest);
		assert_int_equal(load(&s, path), 0);
		while (market_advance(&s, 100) == MARKET_MORE)
			;
		market_fini(&s);
		assert_int_equal(first.size + rest.size, whole.size);
		assert_memory_equal(first.bytes, whole.bytes, first.size);
		assert_memory_equal(rest.bytes, whole.bytes + first.size, rest.size);
	}
	/* What is about something that is not there is refused. */
	begin(&s, &o, &first);
	(void)market_advance(&s, 1000);
	s.agenda.heap[0].kind = 99;
	save(&s, path);
	assert_int_equal(load(&s, path), -1);
	market_fini(&s);
	(void)unlink(path);
	(void)rmdir(folder);
	forget(&whole);
	forget(&first);
	forget(&rest);
}

static int
ignore(void *context, struct slice record)
{
	(void)context;
	(void)record;
	return 0;
}

static int
ignore_tick(void *context, instant watermark)
{
	(void)context;
	(void)watermark;
	return 0;
}

static void
too_many_visitors_are_counted_and_harm_nobody(void **state)
{
	static struct market s;
	struct market_options o = small_shop();
	struct market_ends ends = { .record = ignore, .tick = ignore_tick };

	(void)state;
	o.rate = 1e9;
	assert_int_equal(market_init(&s, &o, &ends), 0);
	assert_int_equal(market_advance(&s, 500000), MARKET_MORE);
	assert_true(s.counts.crowded > 0 && s.agenda.n <= s.agenda.room);
	market_fini(&s);
}

/* Shares are of all sessions: 0.2 and 0.3 leave a half, so there are 0.4 and 0.6 for each
 * of a human. */
static void
shares_of_attacks_are_of_all_sessions(void **state)
{
	double shares[WHO_COUNT];

	(void)state;
	assert_int_equal(
	    who_read_shares(shares, "slow:0.2,stolen_card:0.3,friendly:1", &error), 0);
	assert_int_equal(who_check_shares(shares, &error), 0);
	assert_true(near(who_per_human(shares, WHO_SLOW), 0.4, 1e-12));
	assert_true(near(who_per_human(shares, WHO_STOLEN_CARD), 0.6, 1e-12));
	assert_true(who_per_human(shares, WHO_HUMAN) == 1);
	assert_true(who_per_human(shares, WHO_FARM) == 0);
	/* These have no sessions. */
	assert_true(shares[WHO_FRIENDLY] == 1);
	assert_true(who_per_human(shares, WHO_FRIENDLY) == 0);

	assert_int_equal(who_read_shares(shares, "none", &error), 0);
	for (unsigned i = 0; i < WHO_COUNT; i++)
		assert_true(shares[i] == 0);
	assert_int_equal(who_read_shares(shares, "human:0.5", &error), -1);
	assert_string_equal(error.text, "attack: there is no 'human'");
	assert_int_equal(who_read_shares(shares, "farm:nan", &error), -1);
	assert_int_equal(who_read_shares(shares, "farm:", &error), -1);
	assert_int_equal(who_read_shares(shares, "farm:0.1,slow:0,farm:0", &error), -1);
	assert_string_equal(error.text, "attack: 'farm' is there twice");
}

static void
options_out_of_range_are_refused_by_name(void **state)
{
	struct market_options o = small_shop();

	(void)state;
	assert_int_equal(market_check(&o, &error), 0);
	o.attack[WHO_FARM] = 0.86;
	assert_int_equal(market_check(&o, &error), -1);
	assert_string_equal(error.text, "attack: at most 0.9 of all sessions");
	o = small_shop();
	o.purchase_delay.us = 366 * WHEN_DAY;
	assert_int_equal(market_check(&o, &error), -1);
	assert_string_equal(error.text, "purchase-delay must be in 0 .. 365 days");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rates_are_read_or_estimated),
		cmocka_unit_test(what_is_no_table_of_rates_is_refused_with_its_line),
		cmocka_unit_test(things_happen_in_the_order_of_time_and_of_planning),
		cmocka_unit_test(decisions_find_their_requests),
		cmocka_unit_test(a_board_holds_so_many_pages),
		cmocka_unit_test(the_mean_over_visits_is_the_rate),
		cmocka_unit_test(a_banner_that_was_seen_tires),
		cmocka_unit_test(likes_drift_by_their_half_life),
		cmocka_unit_test(newcomers_come_one_by_one),
		cmocka_unit_test(normal_and_exponential_numbers_have_their_moments),
		cmocka_unit_test(the_same_seed_tells_the_same),
		cmocka_unit_test(others_who_decide_the_same_have_the_same_luck),
		cmocka_unit_test(a_watermark_that_comes_back_ends_the_waiting),
		cmocka_unit_test(a_shop_goes_on_where_it_was_saved),
		cmocka_unit_test(too_many_visitors_are_counted_and_harm_nobody),
		cmocka_unit_test(shares_of_attacks_are_of_all_sessions),
		cmocka_unit_test(options_out_of_range_are_refused_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
