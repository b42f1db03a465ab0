/* SPDX-License-Identifier: MIT */
#include "lib/when.h"

#include <math.h>

#include "lib/base/assert.h"
#include "lib/base/number.h"

static const struct {
	char name[3];
	int64_t us;
} units[] = { { "d", WHEN_DAY }, { "h", WHEN_HOUR }, { "m", WHEN_MINUTE },
	{ "s", WHEN_SECOND }, { "ms", 1000 }, { "us", 1 } };

enum { UNITS = sizeof units / sizeof units[0] };

bool
when_parse_span(struct slice text, struct span *to)
{
	int64_t limit = 36525 * WHEN_DAY, total = 0, part;
	size_t digits, letters;
	uint64_t count;

	if (slice_is(text, "0")) {
		to->us = 0;
		return true;
	}
	if (text.size == 0)
		return false;
	while (text.size > 0) {
		for (digits = 0; digits < text.size; digits++)
			if (text.at[digits] < '0' || text.at[digits] > '9')
				break;
		for (letters = digits; letters < text.size; letters++)
			if (text.at[letters] < 'a' || text.at[letters] > 'z')
				break;
		if (!number_parse_uint(slice_of(text.at, digits), &count) ||
		    count > (uint64_t)limit)
			return false;
		part = -1;
		for (size_t i = 0; i < UNITS; i++)
			if (slice_is(slice_of(text.at + digits, letters - digits),
				units[i].name))
				part = units[i].us;
		if (part < 0 || __builtin_mul_overflow(part, (int64_t)count, &part) ||
		    __builtin_add_overflow(total, part, &total) || total > limit)
			return false;
		text = slice_from(text, letters);
	}
	to->us = total;
	return true;
}

unsigned
when_format_span(struct span span, char to[64])
{
	uint64_t left = span.us < 0 ? 0 - (uint64_t)span.us : (uint64_t)span.us;
	unsigned n = 0;

	if (span.us < 0)
		to[n++] = '-';
	for (size_t i = 0; i < UNITS; i++) {
		uint64_t count = left / (uint64_t)units[i].us;

		if (count == 0)
			continue;
		left -= count * (uint64_t)units[i].us;
		n += number_format_uint(count, to + n);
		for (const char *c = units[i].name; *c != '\0'; c++)
			to[n++] = *c;
	}
	if (n == 0)
		to[n++] = '0';
	to[n] = '\0';
	return n;
}

const char *
when_format_about(int64_t us, char to[64])
{
	int64_t unit = us > 10 * WHEN_MINUTE ? WHEN_SECOND : 1000;

	when_format_span((struct span){ (us + unit - 1) / unit * unit }, to);
	return to;
}

int64_t
when_days(int64_t year, unsigned month, unsigned day)
{
	int64_t era, days;
	unsigned of_era, of_year;

	year -= month <= 2;
	era = (year >= 0 ? year : year - 399) / 400;
	of_era = (unsigned)(year - era * 400);
	of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
	days = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
	return era * 146097 + days - 719468;
}

void
when_date(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
	int64_t era;
	unsigned of_era, years, of_year, m;

	days += 719468;
	era = (days >= 0 ? days : days - 146096) / 146097;
	of_era = (unsigned)(days - era * 146097);
	years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	of_year = of_era - (365 * years + years / 4 - years / 100);
	m = (5 * of_year + 2) / 153;
	*day = of_year - (153 * m + 2) / 5 + 1;
	*month = m < 10 ? m + 3 : m - 9;
	*year = (int64_t)years + era * 400 + (*month <= 2);
}

static bool
in_range(int64_t us)
{
	return us >= -WHEN_MAX && us <= WHEN_MAX;
}

/* A day that the calendar has. */
static bool
is_date(unsigned year, unsigned month, unsigned day)
{
	static const uint8_t length[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30,
		31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return month >= 1 && month <= 12 && day >= 1 &&
	    day <= length[month - 1] + (unsigned)(leap && month == 2);
}

/* What is left of the text that a parser is in the middle of. */
struct rest {
	const uint8_t *at, *end;
};

/* Exactly n digits. */
static bool
take_digits(struct rest *r, unsigned n, unsigned *to)
{
	unsigned value = 0, digit;

	if ((size_t)(r->end - r->at) < n)
		return false;
	for (unsigned i = 0; i < n; i++) {
		digit = (unsigned)r->at[i] - '0';
		if (digit > 9)
			return false;
		value = value * 10 + digit;
	}
	r->at += n;
	*to = value;
	return true;
}

static bool
take(struct rest *r, uint8_t c)
{
	if (r->at == r->end || *r->at != c)
		return false;
	r->at++;
	return true;
}

/* "10:05:03" as microseconds; 60 seconds are the leap second that RFC 3339 allows. */
static bool
take_clock(struct rest *r, bool seconds_needed, int64_t *us)
{
	unsigned hour, minute, second = 0;

	if (!take_digits(r, 2, &hour) || !take(r, ':') || !take_digits(r, 2, &minute))
		return false;
	if (take(r, ':') ? !take_digits(r, 2, &second) : seconds_needed)
		return false;
	*us = ((int64_t)hour * 3600 + minute * 60 + second) * WHEN_SECOND;
	return hour < 24 && minute < 60 && second < 61;
}

/* "+0530" or "+05:30" or "+05" as what is to be subtracted. */
static bool
take_offset(struct rest *r, bool minutes_needed, int64_t *us)
{
	bool west = r->at < r->end && *r->at == '-';
	unsigned hour, minute = 0;

	if (!take(r, '+') && !take(r, '-'))
		return false;
	if (!take_digits(r, 2, &hour))
		return false;
	if (take(r, ':') || minutes_needed || r->at < r->end)
		if (!take_digits(r, 2, &minute))
			return false;
	*us = (int64_t)(hour * 60 + minute) * (west ? -WHEN_MINUTE : WHEN_MINUTE);
	return hour < 24 && minute < 60;
}

/* "Jan" .. "Dec", as 1..12; 0 for anything else. */
static unsigned
month_of(const uint8_t name[3])
{
#define MONTH(a, b, c) ((uint32_t)(a) << 16 | (uint32_t)(b) << 8 | (uint32_t)(c))
	switch (MONTH(name[0], name[1], name[2])) {
	case MONTH('J', 'a', 'n'):
		return 1;
	case MONTH('F', 'e', 'b'):
		return 2;
	case MONTH('M', 'a', 'r'):
		return 3;
	case MONTH('A', 'p', 'r'):
		return 4;
	case MONTH('M', 'a', 'y'):
		return 5;
	case MONTH('J', 'u', 'n'):
		return 6;
	case MONTH('J', 'u', 'l'):
		return 7;
	case MONTH('A', 'u', 'g'):
		return 8;
	case MONTH('S', 'e', 'p'):
		return 9;
	case MONTH('O', 'c', 't'):
		return 10;
	case MONTH('N', 'o', 'v'):
		return 11;
	case MONTH('D', 'e', 'c'):
		return 12;
	default:
		return 0;
	}
#undef MONTH
}

static bool
take_month(struct rest *r, unsigned *month)
{
	if (r->end - r->at < 3)
		return false;
	*month = month_of(r->at);
	r->at += 3;
	return *month != 0;
}

/* The names that mean UTC, at the end of the text. */
static bool
is_utc(const struct rest *r)
{
	struct slice zone = slice_of(r->at, (size_t)(r->end - r->at));

	return slice_is(zone, "Z") || slice_is(zone, "z") || slice_is(zone, "UTC") ||
	    slice_is(zone, "GMT") || slice_is(zone, "UT");
}

bool
when_parse_iso(struct slice text, instant *to)
{
	struct rest r = { text.at, text.at + text.size };
	unsigned year, month, day;
	int64_t clock = 0, offset = 0, place = WHEN_SECOND;

	if (!take_digits(&r, 4, &year) || !take(&r, '-') ||
	    !take_digits(&r, 2, &month) || !take(&r, '-') ||
	    !take_digits(&r, 2, &day) || !is_date(year, month, day))
		return false;
	if (r.at < r.end) {
		if (!take(&r, 'T') && !take(&r, ' ') && !take(&r, 't'))
			return false;
		if (!take_clock(&r, false, &clock))
			return false;
	}
	if (take(&r, '.') || take(&r, ',')) {
		if (r.at == r.end || *r.at < '0' || *r.at > '9')
			return false;
		for (; r.at < r.end && *r.at >= '0' && *r.at <= '9'; r.at++) {
			place /= 10;
			clock += (*r.at - '0') * place;
		}
	}
	if (r.at < r.end) {
		(void)take(&r, ' ');
		if (!is_utc(&r)) {
			if (!take_offset(&r, false, &offset) || r.at != r.end)
				return false;
		}
	}
	*to = when_days(year, month, day) * WHEN_DAY + clock - offset;
	return in_range(*to);
}

bool
when_parse_clf(struct slice text, instant *to)
{
	struct rest r = { text.at, text.at + text.size };
	unsigned year, month, day;
	int64_t clock, offset;

	if (!take_digits(&r, 2, &day) || !take(&r, '/') || !take_month(&r, &month) ||
	    !take(&r, '/') || !take_digits(&r, 4, &year) || !take(&r, ':') ||
	    !is_date(year, month, day) || !take_clock(&r, true, &clock) ||
	    !take(&r, ' ') || !take_offset(&r, true, &offset) || r.at != r.end)
		return false;
	*to = when_days(year, month, day) * WHEN_DAY + clock - offset;
	return in_range(*to);
}

static bool
take_weekday(struct rest *r)
{
	static const char names[] = "MonTueWedThuFriSatSun";

	for (size_t i = 0; i < sizeof names - 1; i += 3)
		if (r->end - r->at > 4 && memcmp(r->at, names + i, 3) == 0 &&
		    r->at[3] == ',') {
			r->at += 4;
			return true;
		}
	return false;
}

bool
when_parse_rfc2822(struct slice text, instant *to)
{
	struct rest r = { text.at, text.at + text.size };
	unsigned year, month, day;
	int64_t clock, offset = 0;

	if (take_weekday(&r) && !take(&r, ' '))
		return false;
	if (!take_digits(&r, 2, &day) && !take_digits(&r, 1, &day))
		return false;
	if (!take(&r, ' ') || !take_month(&r, &month) || !take(&r, ' ') ||
	    !take_digits(&r, 4, &year) || !take(&r, ' ') ||
	    !is_date(year, month, day) || !take_clock(&r, false, &clock) ||
	    !take(&r, ' '))
		return false;
	if (!is_utc(&r) && (!take_offset(&r, true, &offset) || r.at != r.end))
		return false;
	*to = when_days(year, month, day) * WHEN_DAY + clock - offset;
	return in_range(*to);
}

bool
when_parse_epoch(struct slice text, int64_t unit_us, instant *to)
{
	size_t point = slice_find(text, '.');
	bool negative = text.size > 0 && text.at[0] == '-';
	int64_t whole, fraction = 0, place = unit_us;

	assert(unit_us >= 0 && unit_us <= WHEN_SECOND);
	if (!number_parse_int(slice_of(text.at, point), &whole))
		return false;
	if (point < text.size) {
		if (point + 1 == text.size)
			return false;
		for (size_t i = point + 1; i < text.size; i++) {
			if (text.at[i] < '0' || text.at[i] > '9')
				return false;
			place /= 10;
			fraction += (text.at[i] - '0') * place;
		}
	}
	if (unit_us == 0)
		*to = whole / 1000;
	else if (__builtin_mul_overflow(whole, unit_us, to) || !in_range(*to))
		return false;
	*to += negative ? -fraction : fraction;
	return in_range(*to);
}

/* The unit that a number's magnitude tells: each range begins in 1973. */
static int64_t
unit_of(double magnitude)
{
	if (magnitude < 1e11)
		return WHEN_SECOND;
	if (magnitude < 1e14)
		return 1000;
	return magnitude < 1e17 ? 1 : 0;
}

bool
when_from_integer(int64_t value, instant *to)
{
	int64_t unit = unit_of(fabs((double)value));

	*to = unit == 0 ? value / 1000 : value * unit;
	return in_range(*to);
}

bool
when_from_number(double value, instant *to)
{
	int64_t unit;

	if (!isfinite(value) || fabs(value) > 9.2e18)
		return false;
	unit = unit_of(fabs(value));
	*to = unit == 0 ? (int64_t)(value / 1000)
			: (int64_t)llround(value * (double)unit);
	return in_range(*to);
}

bool
when_parse_any(struct slice text, instant *to)
{
	struct slice whole = slice_of(text.at, slice_find(text, '.'));
	int64_t value;

	if (number_parse_int(whole, &value))
		return when_parse_epoch(text, unit_of(fabs((double)value)), to);
	return when_parse_iso(text, to) || when_parse_clf(text, to) ||
	    when_parse_rfc2822(text, to);
}

/* n digits with leading zeros. */
static char *
put_digits(char *to, unsigned n, uint64_t value)
{
	for (unsigned i = n; i > 0; i--) {
		to[i - 1] = (char)('0' + value % 10);
		value /= 10;
	}
	return to + n;
}

unsigned
when_format(instant when, char to[40])
{
	int64_t days = when / WHEN_DAY, us = when % WHEN_DAY, year;
	uint64_t absolute;
	unsigned month, day;
	char *at = to;

	if (us < 0) {
		us += WHEN_DAY;
		days--;
	}
	when_date(days, &year, &month, &day);
	if (year < 0)
		*at++ = '-';
	absolute = (uint64_t)(year < 0 ? -year : year);
	at = absolute > 9999 ? at + number_format_uint(absolute, at)
			     : put_digits(at, 4, absolute);
	*at++ = '-';
	at = put_digits(at, 2, month);
	*at++ = '-';
	at = put_digits(at, 2, day);
	*at++ = 'T';
	at = put_digits(at, 2, (uint64_t)(us / WHEN_HOUR));
	*at++ = ':';
	at = put_digits(at, 2, (uint64_t)(us / WHEN_MINUTE % 60));
	*at++ = ':';
	at = put_digits(at, 2, (uint64_t)(us / WHEN_SECOND % 60));
	us %= WHEN_SECOND;
	if (us != 0) {
		*at++ = '.';
		at = us % 1000 == 0 ? put_digits(at, 3, (uint64_t)us / 1000)
				    : put_digits(at, 6, (uint64_t)us);
	}
	*at++ = 'Z';
	*at = '\0';
	return (unsigned)(at - to);
}

void
watermark_init(struct watermark *w, struct span lateness, struct span max_future)
{
	*w = (struct watermark){ .lateness_us = lateness.us,
		.max_future_us = max_future.us,
		.largest = WHEN_NEVER,
		.vouched = WHEN_NEVER };
}

/* Whether t is at most max_future ahead of the (lower) median of the recent timestamps:
 * whether at least half of them are at least t - max_future. */
static bool
is_near(const struct watermark *w, instant t)
{
	unsigned n = w->seen < WHEN_RECENT ? (unsigned)w->seen : WHEN_RECENT, near = 0;

	for (unsigned i = 0; i < n; i++)
		near += w->recent[i] >= t - w->max_future_us;
	return near >= n - (n - 1) / 2;
}

/* While the window is filling, the median may come to disown an earlier timestamp. */
static void
reconsider(struct watermark *w)
{
	instant largest = w->vouched;

	for (unsigned i = 0; i < w->seen; i++)
		if (w->recent[i] > largest && is_near(w, w->recent[i]))
			largest = w->recent[i];
	w->largest = largest;
}

bool
watermark_see(struct watermark *w, instant t, instant received)
{
	bool near;

	if (!in_range(t))
		return false;
	if (received != WHEN_NEVER) {
		if (!in_range(received) || t > received + w->max_future_us)
			return false;
		if (t > w->vouched)
			w->vouched = t;
		if (t > w->largest)
			w->largest = t;
		return true;
	}
	w->recent[w->seen++ % WHEN_RECENT] = t;
	near = is_near(w, t);
	if (w->seen <= WHEN_RECENT)
		reconsider(w);
	else if (near && t > w->largest)
		w->largest = t;
	return near;
}

instant
watermark_now(const struct watermark *w)
{
	if (w->largest == WHEN_NEVER || (w->vouched == WHEN_NEVER && w->seen < 2))
		return WHEN_NEVER;
	return w->largest - w->lateness_us;
}
