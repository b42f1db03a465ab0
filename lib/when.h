/* SPDX-License-Identifier: MIT
 *
 * when: instants and durations in microseconds, how people write them, the clock, and
 * the watermark. Everything a filter decides is decided on event time; the wall clock
 * is read for progress and deadlines of the machine only.
 */
#ifndef BANNERPIPE_WHEN_H
#define BANNERPIPE_WHEN_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/slice.h"

/* Microseconds since 1970-01-01T00:00:00Z, without leap seconds. */
typedef int64_t instant;

/* A length of time; a struct so that the option table tells it from a count. */
struct span {
	int64_t us;
};

#define WHEN_SECOND INT64_C(1000000)
#define WHEN_MINUTE (60 * WHEN_SECOND)
#define WHEN_HOUR (60 * WHEN_MINUTE)
#define WHEN_DAY (24 * WHEN_HOUR)
#define WHEN_NEVER INT64_MIN /* an instant before all others */

/* Timestamps outside 1677..2262 are refused everywhere, so that sums of an instant and
 * any span below cannot overflow. */
#define WHEN_MAX INT64_C(9223372036854775)

/* "250ms", "90s", "10m", "24h", "7d", "1h30m", "0": digits with a unit (us, ms, s, m,
 * h, d), repeated. False when it is not that, or exceeds 100 years. */
bool when_parse_span(struct slice text, struct span *to);
/* Such a text in the largest units ("1h30m", "1d", "1s500ms"; "-" before a negative
 * one), terminated. Returns its length. */
unsigned when_format_span(struct span span, char to[64]);
/* The same for people: rounded up to the millisecond, over ten minutes to the second.
 * Returns `to`. */
const char *when_format_about(int64_t us, char to[64]);

/* ISO 8601 / RFC 3339 and the forms that databases print: "2019-11-24T00:03:13Z",
 * "2019-11-24 00:03:13.442536+00:00", "2019-11-24 00:03:13 UTC", "2019-11-24". A time
 * without zone is UTC (Z, UTC, GMT, UT); an offset is +HH, +HHMM or +HH:MM; more than
 * six decimals are cut; second 60 is the next minute's first. Cost: about 15 ns. */
bool when_parse_iso(struct slice text, instant *to);
/* Apache and nginx: "17/May/2015:10:05:03 +0000". Cost: about 10 ns. */
bool when_parse_clf(struct slice text, instant *to);
/* RFC 2822 and HTTP: "Sun, 24 Nov 2019 00:03:13 +0000", "... GMT". The weekday may be
 * absent and is not compared with the date; of the named zones only those of UTC. */
bool when_parse_rfc2822(struct slice text, instant *to);
/* A decimal count since the epoch, in a unit of `unit_us` microseconds (1, 1000 or
 * 1000000; 0 for nanoseconds), with an optional fraction: "1458711.125". What is finer
 * than a microsecond is cut. */
bool when_parse_epoch(struct slice text, int64_t unit_us, instant *to);
/* Any of the above; a bare number has the unit that its magnitude tells (seconds below
 * 1e11, then milliseconds, microseconds, nanoseconds). */
bool when_parse_any(struct slice text, instant *to);
/* The same for a number that is already one; a double is rounded to the microsecond. */
bool when_from_number(double value, instant *to);
bool when_from_integer(int64_t value, instant *to);

/* "2019-11-24T00:03:13.442536Z"; the fraction only where it is not zero, in 3 or 6
 * digits. Any instant; a year beyond 9999 has more digits. Terminated. Returns the
 * length. */
unsigned when_format(instant when, char to[40]);

/* Days since the epoch of a date of the proleptic Gregorian calendar, and back. Source:
 * Hinnant, "chrono-compatible low-level date algorithms". month 1..12, day 1..31. */
int64_t when_days(int64_t year, unsigned month, unsigned day);
void when_date(int64_t days, int64_t *year, unsigned *month, unsigned *day);

/* The watermark of one stream: no record earlier than it is expected any more. It is
 * the largest admitted timestamp less the allowed lateness. A timestamp that runs ahead
 * of the stream by more than max_future is not admitted and moves nothing: ahead of
 * `received` where the record says when it was received, otherwise of the median of the
 * last 15 timestamps, its own among them. So one broken clock moves nothing, and a real
 * jump is followed from its eighth record on.
 *
 * The first timestamp has no other to be judged by: it is admitted, but alone moves no
 * watermark; and while the first 15 arrive, one that the median disowns after all is
 * taken back, which can lower watermark_now. Who sends watermarks on sends only higher
 * ones. */
enum { WHEN_RECENT = 15 };

struct watermark {
	int64_t lateness_us;
	int64_t max_future_us;
	instant largest;             /* admitted; WHEN_NEVER at first */
	instant vouched;             /* the largest that `received` admitted */
	instant recent[WHEN_RECENT]; /* the last without `received`, admitted or not */
	uint64_t seen;               /* how many were without `received` */
};

void watermark_init(struct watermark *w, struct span lateness, struct span max_future);
/* Take note of a timestamp. True when it is admitted; one outside +-WHEN_MAX never is.
 * `received` is WHEN_NEVER when the record does not carry it. Cost: about 10 ns. */
bool watermark_see(struct watermark *w, instant t, instant received);
/* The watermark now; WHEN_NEVER before the second timestamp, or the first vouched one.
 */
instant watermark_now(const struct watermark *w);

#endif
