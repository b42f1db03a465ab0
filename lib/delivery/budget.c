/* SPDX-License-Identifier: MIT */
#include "lib/delivery/budget.h"

#include <stdlib.h>

#include "lib/base/assert.h"
#include "lib/delivery/budget_inside.h"
#include "lib/hash.h"
#include "lib/state/block.h"

enum { ACCOUNTS_BYTES_MAX = 8 << 20 };

/* The loop of plan, lag and probability is then one of second order, critically damped,
 * with the time constant BUDGET_HORIZON: let x be the logarithm of the probability over
 * the right one and e the lag in horizons H, then e' = -x / H, and with the gains below
 * x' = -2 x / H + e / H. */
#define GAIN_PROPORTIONAL 2.0
#define GAIN_INTEGRAL ((double)WHEN_SECOND / (double)BUDGET_HORIZON) /* a second */
#define LAG_MAX 2.0    /* horizons that the controller sees */
#define STEP_MAX 60    /* seconds that one step stands for at most */
#define PACE_FIRST 0.1 /* of a campaign that is new */
/* What part of the reserved comes to be paid is estimated with a weight of so many
 * prices on the guesses for an impression, a click and a conversion. */
#define YIELD_WEIGHT 20.0

/* --- Memory ------------------------------------------------------------------------ */

uint64_t
budgets_memory_min(void)
{
	uint64_t accounts = table_memory_min(TABLE_KEY_64, sizeof(struct account));
	uint64_t held = table_memory_min(TABLE_KEY_64, sizeof(struct reservation));

	return 8 * (accounts > held ? accounts : held);
}

static void evicting(void *context, const struct table *t, size_t slot);

struct budgets *
budgets_new(struct budget_rules rules, uint64_t memory_bytes)
{
	uint64_t accounts = memory_bytes / 8;
	struct budgets *b = calloc(1, sizeof *b);

	if (b == NULL)
		return NULL;
	b->rules = rules;
	b->now = WHEN_NEVER;
	forecast_init(&b->forecast);
	accounts = accounts > ACCOUNTS_BYTES_MAX ? ACCOUNTS_BYTES_MAX : accounts;
	b->accounts = table_new(TABLE_KEY_64, sizeof(struct account), accounts);
	b->reservations =
	    table_new(TABLE_KEY_64, sizeof(struct reservation), memory_bytes / 2);
	if (b->accounts == NULL || b->reservations == NULL ||
	    queue_init(&b->queue, (uint32_t)table_slots(b->reservations)) != 0) {
		budgets_free(b);
		return NULL;
	}
	table_on_evict(b->reservations, evicting, b);
	return b;
}

void
budgets_free(struct budgets *b)
{
	if (b == NULL)
		return;
	table_free(b->accounts);
	table_free(b->reservations);
	queue_fini(&b->queue);
	free(b);
}

/* Of these budgets' part. */
static int64_t
limit(const struct budgets *b, int64_t micros)
{
	int64_t parts = b->rules.parts > 1 ? b->rules.parts : 1;

	return micros < 0 ? -1 : micros * BUDGET_MILLI / parts;
}

/* --- Days and plans ---------------------------------------------------------------- */

static int64_t
day_of(const struct budgets *b, instant when)
{
	int64_t at = when - b->rules.midnight.us;

	return at / WHEN_DAY - (at % WHEN_DAY < 0);
}

static instant
day_start(const struct budgets *b, int64_t day)
{
	return day * WHEN_DAY + b->rules.midnight.us;
}

static instant
plan_end(const struct budgets *b, const struct account *a, const struct budget_of *of)
{
	instant end = day_start(b, a->day + 1);

	return of->ends_at < end ? of->ends_at : end;
}

/* What the day may spend: its budget, or its share of what is left of all. */
static int64_t
plan_of(const struct budgets *b, const struct account *a, const struct budget_of *of)
{
	int64_t left = limit(b, of->total) - a->spent - a->reserved;
	double today, ahead;

	if (of->total >= 0 && left < 0)
		left = 0;
	if (of->daily >= 0)
		return of->total >= 0 && left < limit(b, of->daily)
		    ? left
		    : limit(b, of->daily);
	if (of->total < 0 || of->ends_at >= WHEN_MAX)
		return -1;
	today = forecast_between(&b->forecast, a->from, plan_end(b, a, of));
	ahead = forecast_between(&b->forecast, a->from, of->ends_at);
	return ahead > 0 ? (int64_t)((double)left * (today / ahead)) : 0;
}

struct account *
budget_account(struct budgets *b, const struct budget_of *of, instant when)
{
	int64_t day = day_of(b, when);
	bool fresh;
	struct account *a = table_touch(b->accounts, of->campaign, when, &fresh);

	if (!fresh && day <= a->day)
		return a;
	a->from = fresh ? when : day_start(b, day);
	a->from = of->starts_at > a->from ? of->starts_at : a->from;
	if (fresh)
		a->pace = PACE_FIRST;
	a->second = when / WHEN_SECOND;
	a->day = day;
	a->day_spent = a->day_reserved = a->day_exceeded = 0;
	a->lag = 0;
	a->alerted &= TOTAL_SPENT | TOTAL_OVER;
	a->plan = plan_of(b, a, of);
	return a;
}

/* --- Pacing ------------------------------------------------------------------------ */

/* How much of what is reserved comes to be paid, as of late. */
static double
yield_of(const struct account *a, const struct budget_of *of)
{
	static const double guess[] = {
		[BID_NONE] = 1, [BID_CPM] = 1, [BID_CPC] = 0.01, [BID_CPA] = 0.001
	};
	double weight = YIELD_WEIGHT * (double)of->price;

	return (a->paid + weight * guess[of->type]) / (a->resolved + weight);
}

void
budget_resolve(struct account *a, int64_t asked, int64_t paid)
{
	a->resolved += (double)asked;
	a->paid += (double)paid;
	/* The last thousand prices, about. */
	if (a->resolved > 2000 * (double)asked) {
		a->resolved *= 0.5;
		a->paid *= 0.5;
	}
}

/* The lag of the spending behind the plan, in horizons; of one price at most 1. */
static double
lag_of(const struct budgets *b, const struct account *a, const struct budget_of *of,
    instant when)
{
	instant end = plan_end(b, a, of);
	double whole = forecast_between(&b->forecast, a->from, end), unit, planned,
	       done;

	if (!(whole > 0))
		return -LAG_MAX;
	when = when > end ? end : when;
	planned =
	    (double)a->plan * (forecast_between(&b->forecast, a->from, when) / whole);
	unit = (double)a->plan *
	    (forecast_between(&b->forecast, when, when + BUDGET_HORIZON) / whole);
	unit = unit > (double)of->price ? unit : (double)of->price;
	done = (double)a->day_spent + (double)a->day_reserved * yield_of(a, of);
	return (planned - done) / unit;
}

static double
clamp(double x, double low, double high)
{
	return x < low ? low : x > high ? high : x;
}

static double
pace_at(struct budgets *b, struct account *a, const struct budget_of *of, instant when)
{
	int64_t second = when / WHEN_SECOND, steps = second - a->second;
	double lag, move;

	if (b->rules.unpaced || a->plan < 0 || of->price == 0)
		return 1;
	if (steps <= 0)
		return a->pace;
	steps = steps > STEP_MAX ? STEP_MAX : steps;
	lag = clamp(lag_of(b, a, of, when), -LAG_MAX, LAG_MAX);
	move = GAIN_PROPORTIONAL * (lag - a->lag) + GAIN_INTEGRAL * (double)steps * lag;
	a->pace = clamp(a->pace * (1 + clamp(move, -0.5, 1)), PACE_LEAST, 1);
	a->lag = lag;
	a->second = second;
	return a->pace;
}

/* --- Reservations ------------------------------------------------------------------ */

static int64_t
held_of(const struct budgets *b, const struct budget_of *of)
{
	return of->type == BID_CPM ? of->price
				   : (int64_t)((double)of->price * b->rules.share);
}

static enum budget_verdict
room(const struct budgets *b, const struct account *a, const struct budget_of *of,
    int64_t held)
{
	if (of->total >= 0 && a->spent + a->reserved + held > limit(b, of->total))
		return BUDGET_TOTAL;
	if (of->daily >= 0 &&
	    a->day_spent + a->day_reserved + held > limit(b, of->daily))
		return BUDGET_DAY;
	return BUDGET_FREE;
}

const char *
budget_verdict_name(enum budget_verdict verdict)
{
	static const char *const names[] = { "free", "total", "day", "pace" };

	return names[verdict];
}

enum budget_verdict
budgets_ask(struct budgets *b, const struct budget_of *of, uint64_t draw, instant when)
{
	struct account *a;
	enum budget_verdict verdict;
	double pace;

	if (budget_is_free(of))
		return BUDGET_FREE;
	a = budget_account(b, of, when);
	pace = pace_at(b, a, of, when);
	verdict = room(b, a, of, held_of(b, of));
	return verdict != BUDGET_FREE    ? verdict
	    : hash_uniform(draw) >= pace ? BUDGET_PACE
					 : BUDGET_FREE;
}

int64_t
budgets_room(struct budgets *b, const struct budget_of *of, instant when)
{
	const struct account *a;
	int64_t held = held_of(b, of), left = INT64_MAX, today = INT64_MAX;

	if (budget_is_free(of) || held == 0)
		return INT64_MAX;
	a = budget_account(b, of, when);
	if (of->total >= 0)
		left = limit(b, of->total) - a->spent - a->reserved;
	if (of->daily >= 0)
		today = limit(b, of->daily) - a->day_spent - a->day_reserved;
	left = today < left ? today : left;
	return left == INT64_MAX ? left : left < 0 ? 0 : left / held;
}

void
budget_let_go(struct budgets *b, const struct reservation *r)
{
	instant last = WHEN_NEVER;
	struct account *a;
	bool fresh;

	b->counts.open--;
	if (!table_touched(b->accounts, r->campaign, &last))
		return;
	a = table_touch(b->accounts, r->campaign, last, &fresh);
	budget_add(&a->reserved, -r->held);
	if (a->day == r->day)
		budget_add(&a->day_reserved, -r->held);
}

void
budget_release(struct budgets *b, const struct reservation *r)
{
	instant last = WHEN_NEVER;
	bool fresh;

	budget_let_go(b, r);
	if (table_touched(b->accounts, r->campaign, &last))
		budget_resolve(
		    table_touch(b->accounts, r->campaign, last, &fresh), r->price, 0);
}

static void
evicting(void *context, const struct table *t, size_t slot)
{
	struct budgets *b = context;
	uint32_t number = (uint32_t)slot + 1;

	if (!queue_has(&b->queue, number))
		return;
	queue_remove(&b->queue, number);
	b->counts.evicted++;
	budget_release(b, table_cell(t, slot));
}

void
budgets_reach(struct budgets *b, instant when)
{
	uint32_t number;

	if (when <= b->now)
		return;
	b->now = when;
	while ((number = queue_first(&b->queue)) != 0 &&
	    queue_due(&b->queue, number) < when) {
		queue_remove(&b->queue, number);
		b->counts.released++;
		budget_release(b, table_cell(b->reservations, number - 1));
	}
}

void
budgets_traffic(struct budgets *b, instant when)
{
	forecast_see(&b->forecast, when);
}

struct reservation *
budget_remember(struct budgets *b, const struct budget_of *of, uint64_t decision,
    int64_t day, int64_t held, instant when)
{
	bool fresh;
	struct reservation *r = table_touch(b->reservations, decision, when, &fresh);

	assert(fresh);
	*r = (struct reservation){ .campaign = of->campaign,
		.price = of->price,
		.held = held,
		.day = day,
		.total = limit(b, of->total),
		.daily = limit(b, of->daily),
		.type = of->type };
	return r;
}

enum budget_verdict
budgets_reserve(
    struct budgets *b, const struct budget_of *of, uint64_t decision, instant when)
{
	int64_t held = held_of(b, of);
	struct reservation *r;
	struct account *a;
	enum budget_verdict verdict;
	uint32_t number;

	if (budget_is_free(of) || table_find(b->reservations, decision) != NULL)
		return BUDGET_FREE;
	a = budget_account(b, of, when);
	verdict = room(b, a, of, held);
	if (verdict != BUDGET_FREE)
		return verdict;
	r = budget_remember(b, of, decision, a->day, held, when);
	number = (uint32_t)table_slot(b->reservations, r) + 1;
	budget_add(&a->reserved, held);
	budget_add(&a->day_reserved, held);
	queue_set(&b->queue, number, when + b->rules.wait[BUDGET_IMPRESSION].us,
	    decision, QUEUE_SOON);
	b->counts.reserved++;
	b->counts.open++;
	return BUDGET_FREE;
}

/* --- Looking ----------------------------------------------------------------------- */

struct budget_state
budgets_state(const struct budgets *b, uint64_t campaign)
{
	const struct account *a = table_find(b->accounts, campaign);

	if (a == NULL)
		return (struct budget_state){ .spent = 0 };
	return (struct budget_state){ a->spent, a->reserved, a->exceeded, a->day,
		a->day_spent, a->day_reserved, a->day_exceeded, a->pace };
}

struct budget_counts
budgets_counts(const struct budgets *b)
{
	return b->counts;
}

void
budgets_save(struct budgets *b, struct state_writer *to)
{
	forecast_save(&b->forecast, to);
	state_put_i64(to, b->now);
	state_put(to, &b->counts, sizeof b->counts);
	state_put_table(to, b->accounts);
	state_put_table(to, b->reservations);
	queue_save(&b->queue, to);
}

int
budgets_load(struct budgets *b, struct state_reader *from, struct error *error)
{
	if (forecast_load(&b->forecast, from) != 0 ||
	    state_get_i64(from, &b->now) != 0 ||
	    state_get(from, &b->counts, sizeof b->counts) != 0)
		return error_set(error, "the snapshot's budgets are cut off");
	return state_get_table(from, b->accounts, error) == 0 &&
		state_get_table(from, b->reservations, error) == 0 &&
		queue_load(&b->queue, from, error) == 0
	    ? 0
	    : -1;
}
