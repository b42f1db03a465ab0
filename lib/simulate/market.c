/* SPDX-License-Identifier: MIT */
#include "lib/simulate/market.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/base/number.h"
#include "lib/hash.h"
#include "lib/option.h"
#include "lib/simulate/account.h"
#include "lib/simulate/raid.h"
#include "lib/simulate/show.h"
#include "lib/simulate/visit.h"

enum {
	NAMES = 4 * RATES_MAX,
	DELAY_DAYS_MAX = 365, /* so that no instant overflows, however unlucky */
};

/* A watermark where nobody waits for one. */
#define TICK_EVERY WHEN_MINUTE

static double
days(struct span span)
{
	return (double)span.us / (double)WHEN_DAY;
}

int
market_read_examination(struct market_options *o, const char *list, struct error *error)
{
	const char *rest = list;
	struct slice name;
	double *p;

	while (option_next_name(&rest, &name)) {
		if (o->positions == TELL_POSITIONS_MAX)
			return error_set(error, "examination: at most %d positions",
			    TELL_POSITIONS_MAX);
		p = &o->examination[o->positions++];
		if (!number_parse_double(name, p) || *p < 0 || *p > 1)
			return error_set(error,
			    "examination wants probabilities (1,0.6), not '%s'", list);
	}
	return o->positions > 0 ? 0 : error_set(error, "examination is empty");
}

int
market_check(const struct market_options *o, struct error *error)
{
	const struct world_options *w = &o->world;
	const struct {
		const char *name;
		double value, least, most;
	} ranges[] = {
		{ "visitors", (double)w->visitors, 1, WORLD_VISITORS_MAX },
		{ "newcomers", (double)w->newcomers, 0, w->rates->n - 1 },
		{ "rate", o->rate, 1e-3, 1e9 },
		{ "taste", w->taste, 0, 2 },
		{ "fatigue", w->fatigue, 0, 1 },
		{ "consent", w->consent, 0, 1 },
		{ "conversion", o->conversion, 0, 1 },
		{ "refunds", o->refunds, 0, 1 },
		{ "control", o->control, 0, 0.9 },
		{ "click-delay", days(o->click_delay), 0, DELAY_DAYS_MAX },
		{ "purchase-delay", days(o->purchase_delay), 0, DELAY_DAYS_MAX },
		{ "refund-delay", days(o->refund_delay), 0, DELAY_DAYS_MAX },
		{ "chargeback-delay", days(o->chargeback_delay), 0, DELAY_DAYS_MAX },
	};

	for (unsigned i = 0; i < sizeof ranges / sizeof *ranges; i++)
		if (!(ranges[i].value >= ranges[i].least &&
			ranges[i].value <= ranges[i].most))
			return error_set(error, "%s must be in %.9g .. %.9g%s",
			    ranges[i].name, ranges[i].least, ranges[i].most,
			    strstr(ranges[i].name, "delay") != NULL ? " days" : "");
	if (who_check_shares(o->attack, error) != 0)
		return -1;
	if (o->report.us < WHEN_SECOND)
		return error_set(error, "report must be 1s at least");
	if (o->latency.us < 1 || o->latency.us > WHEN_DAY)
		return error_set(error, "latency must be in 1us .. 1d");
	return 0;
}

uint64_t
market_bytes(const struct market_options *o)
{
	return world_bytes(&o->world) + informed_bytes(o->world.rates->n) +
	    MARKET_AGENDA * sizeof(struct happening) +
	    BOARD_SLOTS * (sizeof(struct slot) + sizeof(uint16_t));
}

static void
plan_at(struct market *s, enum visit_kind kind, instant at)
{
	(void)visit_plan(
	    s, &(struct happening){ .at = at, .kind = (uint8_t)kind }, true);
}

static void
plan_arrivals(struct market *s)
{
	struct happening first = { .at = s->now, .kind = VISIT_ARRIVAL };

	for (unsigned i = 0; i < WHO_COUNT; i++)
		if (who_per_human(s->o.attack, (enum who)i) > 0) {
			first.who = (uint8_t)i;
			(void)visit_plan(s, &first, true);
		}
}

static void
note_names(struct market *s)
{
	for (unsigned i = 0; i < s->world.n; i++) {
		struct slice name = slice_text(s->o.world.rates->row[i].creative);
		uint64_t at = hash_bucket(hash_bytes(name, 0), NAMES);

		while (s->names[at] != 0)
			at = (at + 1) % NAMES;
		s->names[at] = (uint16_t)(i + 1);
	}
}

/* The banner of that name; RATES_MAX: none. */
static unsigned
banner_of(const struct market *s, struct slice name)
{
	uint64_t at = hash_bucket(hash_bytes(name, 0), NAMES);

	for (; s->names[at] != 0; at = (at + 1) % NAMES)
		if (slice_is(name, s->o.world.rates->row[s->names[at] - 1].creative))
			return s->names[at] - 1u;
	return RATES_MAX;
}

static void
order_positions(struct market *s)
{
	for (unsigned k = 0; k < s->o.positions; k++) {
		unsigned i = k;

		for (; i > 0 &&
		     s->o.examination[k] > s->o.examination[s->by_attention[i - 1]];
		     i--)
			s->by_attention[i] = s->by_attention[i - 1];
		s->by_attention[i] = (uint8_t)k;
	}
}

int
market_init(
    struct market *s, const struct market_options *o, const struct market_ends *ends)
{
	*s = (struct market){ .o = *o,
		.ends = *ends,
		.now = o->world.from,
		.part_start = o->world.from,
		.end = o->world.from + o->world.length.us,
		.ticked = o->world.from,
		.awaited = WHEN_NEVER,
		.busiest = visit_profile_max() };
	assert(o->positions > 0 && o->positions <= TELL_POSITIONS_MAX && o->rate > 0 &&
	    o->latency.us > 0);
	if (world_init(&s->world, &o->world) != 0 ||
	    informed_init(&s->informed, s->world.n) != 0 ||
	    agenda_init(&s->agenda, MARKET_AGENDA) != 0 || board_init(&s->board) != 0 ||
	    tell_init(&s->tell, o->world.seed, o->world.rates) != 0 ||
	    whences_init(&s->whences, o->world.seed, o->world.visitors) != 0)
		return -1;
	informed_learn(&s->informed, &s->world);
	note_names(s);
	order_positions(s);
	plan_at(s, VISIT_MIDNIGHT, s->now + WHEN_DAY);
	plan_at(s, VISIT_REPORT, s->now + o->report.us);
	plan_at(s, VISIT_BIRTH, world_birth(&s->world));
	plan_arrivals(s);
	return 0;
}

void
market_fini(struct market *s)
{
	world_fini(&s->world);
	informed_fini(&s->informed);
	agenda_fini(&s->agenda);
	board_fini(&s->board);
	tell_fini(&s->tell);
	whences_fini(&s->whences);
}

/* --- What happens to the shop itself ---------------------------------------------- */

static int
put(struct market *s, struct slice record)
{
	return s->ends.record(s->ends.context, record);
}

static int
tell_banner(struct market *s, unsigned i)
{
	return put(s,
	    tell_creative(
		&s->tell, s->now, &s->o.world.rates->row[i], &s->world.banner[i]));
}

static int
tell_goods(struct market *s, unsigned banners)
{
	for (unsigned i = 0; i < TELL_ITEMS; i++)
		if (put(s, tell_item(&s->tell, s->now, i)) != 0)
			return -1;
	for (unsigned i = 0; i < banners; i++)
		if (tell_banner(s, i) != 0)
			return -1;
	return 0;
}

/* What there is from the start. A server has a catalogue. */
static int
open_shop(struct market *s)
{
	s->open = true;
	return s->o.policy == MARKET_SERVER ? 0 : tell_goods(s, s->world.born);
}

/* Each once, however its rows lie. */
static int
tell_campaigns(struct market *s)
{
	const struct rate *row = s->o.world.rates->row;

	for (unsigned i = 0; i < s->world.n; i++) {
		unsigned before = 0;

		while (before < i && strcmp(row[before].campaign, row[i].campaign) != 0)
			before++;
		if (before == i && row[i].campaign[0] != '\0' &&
		    put(s, tell_campaign(&s->tell, s->now, row[i].campaign)) != 0)
			return -1;
	}
	return 0;
}

int
market_catalogue(struct market *s)
{
	s->open = s->ended = true;
	return tell_campaigns(s) == 0 ? tell_goods(s, s->world.n) : -1;
}

static int
report(struct market *s, const struct regret of[2], bool total)
{
	static const char *const groups[] = { "policy", "control" };
	unsigned n = s->o.control > 0 ? 2 : 1;
	struct build *b = &s->tell.b;
	struct regret_frame frame = { .total = total,
		.day = s->o.report.us == WHEN_DAY,
		.start = total ? s->o.world.from : s->part_start,
		.end = s->now };

	for (unsigned i = 0; i < n; i++) {
		frame.group = n > 1 ? groups[i] : NULL;
		frame.number = s->windows++;
		frame.more = i == 0 ? s->ends.more : NULL;
		frame.context = s->ends.server;
		build_reset(b);
		regret_build(&of[i], b, &frame);
		if (put(s, build_slice(b)) != 0)
			return -1;
	}
	return 0;
}

static int
end_part(struct market *s)
{
	int status = report(s, s->part, false);

	for (unsigned i = 0; i < 2; i++) {
		regret_add(&s->total[i], &s->part[i]);
		s->part[i] = (struct regret){ 0 };
	}
	s->part_start = s->now;
	return status;
}

static int
report_again(struct market *s)
{
	plan_at(s, VISIT_REPORT, s->now + s->o.report.us);
	return end_part(s);
}

static int
midnight(struct market *s)
{
	world_turn(&s->world, s->world.day + 1);
	if (s->o.world.drift.us != 0)
		informed_learn(&s->informed, &s->world);
	plan_at(s, VISIT_MIDNIGHT, s->now + WHEN_DAY);
	return 0;
}

static int
birth(struct market *s)
{
	int status = 0;

	while (status == 0 && world_birth(&s->world) <= s->now)
		status = tell_banner(s, world_bear(&s->world));
	plan_at(s, VISIT_BIRTH, world_birth(&s->world));
	return status;
}

static int
send_tick(struct market *s, instant watermark)
{
	s->ticked = watermark;
	s->ticked_next = s->board.next;
	return s->ends.tick(s->ends.context, watermark);
}

int
market_close(struct market *s)
{
	if (s->ended)
		return 0;
	s->ended = true;
	if (s->now > s->part_start && end_part(s) != 0)
		return -1;
	return report(s, s->total, true) != 0 ||
		(s->now > s->ticked && send_tick(s, s->now) != 0)
	    ? -1
	    : 0;
}

/* --- Going on --------------------------------------------------------------------- */

static int
happen(struct market *s, const struct happening *h)
{
	switch ((enum visit_kind)h->kind) {
	case VISIT_ARRIVAL:
		return visit_arrival(s, h);
	case VISIT_PAGE:
		return visit_page(s, h);
	case VISIT_SHOW:
		return show_banners(s, h);
	case VISIT_CLICK:
		return show_click(s, h);
	case VISIT_CLICK_AGAIN:
		return show_click_again(s, h);
	case VISIT_LOGIN:
		return account_login(s, h);
	case VISIT_PURCHASE:
		return visit_purchase(s, h);
	case VISIT_REFUND:
		return visit_refund(s, h);
	case VISIT_CHARGEBACK:
		return raid_chargeback(s, h);
	case VISIT_BIRTH:
		return birth(s);
	case VISIT_MIDNIGHT:
		return midnight(s);
	case VISIT_REPORT:
		return report_again(s);
	}
	return 0;
}

/* Whether what comes next cannot be known before others have decided. */
static bool
must_wait(const struct market *s, const struct happening *h)
{
	if (s->o.policy != MARKET_OTHERS && s->o.policy != MARKET_SERVER)
		return false;
	return (h->kind == VISIT_SHOW && !board_is_over(&s->board, h->slot)) ||
	    (h->kind == VISIT_PAGE && s->o.policy == MARKET_OTHERS &&
		board_is_full(&s->board));
}

/* One watermark is on its way as long as it waits: it comes back behind the decisions. */
static enum market_state
wait(struct market *s, instant at)
{
	if (s->o.policy == MARKET_OTHERS && s->awaited == WHEN_NEVER &&
	    s->ticked_next < s->board.next) {
		s->awaited = at;
		if (send_tick(s, at) != 0)
			return MARKET_FAILED;
	}
	return MARKET_WAITS;
}

enum market_state
market_advance(struct market *s, unsigned most)
{
	const struct happening *next;
	struct happening h;

	if (s->ended)
		return MARKET_ENDED;
	if (!s->open && open_shop(s) != 0)
		return MARKET_FAILED;
	for (; most > 0; most--) {
		next = agenda_next(&s->agenda);
		if (next == NULL || next->at >= s->end) {
			s->now = s->end;
			return market_close(s) == 0 ? MARKET_ENDED : MARKET_FAILED;
		}
		if (must_wait(s, next))
			return wait(s, next->at);
		h = *next;
		s->now = h.at;
		if (s->o.policy != MARKET_OTHERS && h.at - s->ticked >= TICK_EVERY &&
		    send_tick(s, h.at) != 0)
			return MARKET_FAILED;
		agenda_remove(&s->agenda);
		if (happen(s, &h) != 0)
			return MARKET_FAILED;
	}
	return MARKET_MORE;
}

instant
market_next(const struct market *s)
{
	const struct happening *next = agenda_next(&s->agenda);

	return next == NULL ? s->end : next->at;
}

const char *
market_decide(struct market *s, struct slice request, uint64_t position,
    struct slice creative, struct slice decision)
{
	uint64_t number;

	if (!tell_request_number(request, &number))
		return "of a request that is not of this shop";
	return board_decide(
	    &s->board, number, position, banner_of(s, creative), decision);
}

const char *
market_answer(struct market *s, unsigned page, uint64_t position, struct slice creative,
    struct slice decision)
{
	assert(page < BOARD_SLOTS);
	return board_put(&s->board, page, position, banner_of(s, creative), decision);
}

void
market_answered(struct market *s, unsigned page)
{
	assert(page < BOARD_SLOTS);
	board_finish(&s->board, page);
}

void
market_tick(struct market *s, instant watermark)
{
	if (s->awaited == WHEN_NEVER || watermark < s->awaited)
		return;
	s->awaited = WHEN_NEVER;
	board_settle(&s->board, s->ticked_next);
}
