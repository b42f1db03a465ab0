/* SPDX-License-Identifier: MIT */
#include "lib/simulate/rates.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/number.h"
#include "lib/hash.h"
#include "lib/record/build.h"
#include "lib/record/value.h"
#include "lib/simulate/chance.h"
#include "lib/text/csv.h"

enum { ROW_ROOM = 1 << 14, INDEX = 4 * RATES_MAX, OF_RATE = 60 };

#define COUNT_MAX 1e12

/* Rates where no table is. */
#define MEDIAN 0.03
#define DEVIATION 0.5
#define MOST 0.3

struct reading {
	struct rates *rates;
	struct csv *csv;
	uint8_t *text; /* owned: with padding */
	unsigned line;
	uint16_t index[INDEX]; /* rows by their names, from 1; 0: free */
	uint8_t row[ROW_ROOM];
};

/* Fields are text: identifiers may look like numbers (3100005e-0). */
static bool
read_name(struct slice map, const char *key, char to[RATES_NAME_MAX + 1])
{
	struct slice value, text;

	if (!value_get(map, key, &value) || !value_str(value, &text) ||
	    text.size == 0 || text.size > RATES_NAME_MAX)
		return false;
	for (size_t i = 0; i < text.size; i++)
		if (text.at[i] <= ' ' || text.at[i] > '~')
			return false;
	memcpy(to, text.at, text.size);
	to[text.size] = '\0';
	return true;
}

static bool
read_number(struct slice map, const char *key, double *to)
{
	struct slice value, text;

	return value_get(map, key, &value) && value_str(value, &text) &&
	    number_parse_double(text, to);
}

/* Whether the last row's name is new; it is from now on known. */
static bool
is_new(struct reading *r, unsigned row)
{
	struct slice name = slice_text(r->rates->row[row].creative);
	uint64_t i = hash_bucket(hash_bytes(name, 0), INDEX);

	for (; r->index[i] != 0; i = (i + 1) % INDEX)
		if (slice_is(name, r->rates->row[r->index[i] - 1].creative))
			return false;
	r->index[i] = (uint16_t)(row + 1);
	return true;
}

static int
add_row(struct reading *r, struct slice map, struct error *error)
{
	struct rate *row = &r->rates->row[r->rates->n];
	struct slice value;

	if (r->rates->n == RATES_MAX)
		return error_set(error, "more than %d rows", RATES_MAX);
	memset(row, 0, sizeof *row);
	if (!read_name(map, "creative_id", row->creative))
		return error_set(error,
		    "line %u: no creative_id of 1 to %d printable characters", r->line,
		    RATES_NAME_MAX);
	if (value_get(map, "campaign_id", &value) &&
	    !read_name(map, "campaign_id", row->campaign))
		return error_set(error,
		    "line %u: campaign_id is not of 1 to %d printable characters",
		    r->line, RATES_NAME_MAX);
	if (value_get(map, "rate", &value)) {
		if (!read_number(map, "rate", &row->rate) || !(row->rate > 0) ||
		    !(row->rate < 1))
			return error_set(
			    error, "line %u: rate is no number in (0, 1)", r->line);
	} else if (!read_number(map, "impressions", &row->impressions) ||
	    !read_number(map, "clicks", &row->clicks) || !(row->clicks >= 0) ||
	    !(row->impressions >= 1) || row->clicks > row->impressions ||
	    row->impressions > COUNT_MAX) {
		return error_set(error,
		    "line %u: neither a rate nor impressions and their clicks",
		    r->line);
	}
	if (!is_new(r, r->rates->n))
		return error_set(
		    error, "line %u: %s is there already", r->line, row->creative);
	r->rates->n++;
	return 0;
}

/* What was counted becomes rates. */
static int
estimate(struct rates *rates, struct error *error)
{
	double impressions = 0, clicks = 0;

	for (unsigned i = 0; i < rates->n; i++) {
		impressions += rates->row[i].impressions;
		clicks += rates->row[i].clicks;
	}
	if (impressions > 0 && (clicks < 1 || clicks >= impressions))
		return error_set(error, "none of them was clicked, or all always");
	for (unsigned i = 0; i < rates->n; i++) {
		struct rate *row = &rates->row[i];

		if (row->impressions > 0)
			row->rate = (row->clicks + 1) /
			    (row->impressions + impressions / clicks);
	}
	return 0;
}

static int
read_rows(struct reading *r, struct slice text, struct error *error)
{
	struct fault fault;
	struct build b;
	size_t size;

	while (text.size > 0) {
		struct slice row = slice_of(text.at, csv_frame(r->csv, text, true));

		text = slice_from(text, row.size);
		r->line++;
		while (row.size > 0 &&
		    (row.at[row.size - 1] == '\n' || row.at[row.size - 1] == '\r'))
			row.size--;
		size = row.size;
		if (r->line == 1) {
			if (!csv_header(r->csv, row, &fault))
				return error_set(error, "line 1: %s", fault.reason);
			continue;
		}
		build_init(&b, r->row, sizeof r->row);
		if (size == 0)
			continue;
		if (!csv_row(r->csv, row, &b, &fault))
			return error_set(error, "line %u: %s", r->line, fault.reason);
		if (add_row(r, build_slice(&b), error) != 0)
			return -1;
	}
	return r->rates->n > 0 ? estimate(r->rates, error)
			       : error_set(error, "it has no rows");
}

int
rates_read(struct rates *to, struct slice text, struct error *error)
{
	struct reading *r = calloc(1, sizeof *r);
	int status = -1;

	to->n = 0;
	if (text.size > RATES_TEXT_MAX) {
		free(r);
		return error_set(error, "more than %d bytes", RATES_TEXT_MAX);
	}
	if (r != NULL) {
		r->rates = to;
		r->csv =
		    csv_new((struct csv_format){ .separator = ',', .quotes = true });
		r->text = calloc(1, text.size + CSV_PADDING);
	}
	if (r == NULL || r->csv == NULL || r->text == NULL) {
		(void)error_set(error, "no memory");
	} else {
		if (text.size > 0)
			memcpy(r->text, text.at, text.size);
		status = read_rows(r, slice_of(r->text, text.size), error);
	}
	if (r != NULL) {
		csv_free(r->csv);
		free(r->text);
	}
	free(r);
	return status;
}

int
rates_keep(struct rates *r, const char *campaign, struct error *error)
{
	unsigned n = 0;

	for (unsigned i = 0; i < r->n; i++)
		if (strcmp(r->row[i].campaign, campaign) == 0)
			r->row[n++] = r->row[i];
	r->n = n;
	return n > 0 ? 0 : error_set(error, "no row of campaign_id '%s'", campaign);
}

void
rates_make(struct rates *to, unsigned n, uint64_t seed)
{
	to->n = n;
	for (unsigned i = 0; i < n; i++) {
		struct random r = chance_of(seed, OF_RATE, i);
		double rate = MEDIAN * vec_exp(DEVIATION * chance_normal(&r));

		to->row[i] = (struct rate){ .rate = rate < MOST ? rate : MOST };
		(void)snprintf(
		    to->row[i].creative, sizeof to->row[i].creative, "b%u", i);
	}
}
