/* SPDX-License-Identifier: MIT */
#include "lib/trial/policy_table.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/base/number.h"
#include "lib/hash.h"
#include "lib/record/build.h"
#include "lib/record/value.h"
#include "lib/text/csv.h"
#include "lib/text/json.h"

enum { ROW_MAX = 1 << 16, PADDING = JSON_PADDING }; /* what either parser reads ahead */
/* Of a row that has none. */
#define NO_POSITION INT64_MIN

struct row {
	int64_t position;
	struct slice id; /* in p->ids; empty: the mark that there is such a position */
	double probability;
	uint64_t line;
};

struct policy_table {
	struct hash_key key;
	struct row *rows;
	unsigned count, room;
	uint8_t *ids;
	size_t ids_size;
	struct row *index; /* open addressing, at most half full; line 0: free */
	uint64_t slots;
	bool positions;
};

/* A creative's identifier as text. */
static bool
identifier(struct slice value, char number[NUMBER_TEXT_MAX], struct slice *to)
{
	int64_t n;

	if (value_text(value, to))
		return to->size > 0 && to->size <= POLICY_TABLE_ID_MAX;
	if (!value_int(value, &n))
		return false;
	*to = slice_of(number, number_format_int(n, number));
	return true;
}

/* --- Looking up ----------------------------------------------------------------- */

/* Where such a row lies, or would. */
static struct row *
slot_of(const struct policy_table *p, int64_t position, struct slice id)
{
	uint64_t hash = hash_pair(hash_keyed(p->key, id), (uint64_t)position);
	uint64_t i = hash_bucket(hash, p->slots);

	while (p->index[i].line != 0 &&
	    !(p->index[i].position == position && slice_equal(p->index[i].id, id)))
		i = i + 1 < p->slots ? i + 1 : 0;
	return &p->index[i];
}

bool
policy_table_probability(const struct policy_table *p, int64_t position,
    struct slice creative_id, double *to)
{
	char number[NUMBER_TEXT_MAX];
	const struct row *row;
	struct slice id;

	if (!p->positions)
		position = NO_POSITION;
	if (!identifier(creative_id, number, &id))
		return false;
	row = slot_of(p, position, id);
	*to = row->line != 0 ? row->probability : 0;
	return row->line != 0 || slot_of(p, position, slice_of("", 0))->line != 0;
}

unsigned
policy_table_rows(const struct policy_table *p)
{
	return p->count;
}

bool
policy_table_has_positions(const struct policy_table *p)
{
	return p->positions;
}

/* --- Reading rows --------------------------------------------------------------- */

/* One row of the text, as a map. */
static int
add_row(struct policy_table *p, struct slice map, uint64_t line, struct error *error)
{
	struct row row = { .position = NO_POSITION, .line = line };
	char number[NUMBER_TEXT_MAX];
	struct slice value, id;
	bool positioned = value_get(map, "position", &value);

	if (p->count == POLICY_TABLE_ROWS_MAX)
		return error_set(error, "more than %d rows", POLICY_TABLE_ROWS_MAX);
	if (positioned && (!value_int(value, &row.position) || row.position < 0))
		return error_set(
		    error, "line %" PRIu64 ": position is no integer from 0", line);
	if (p->count > 0 && positioned != p->positions)
		return error_set(error,
		    "line %" PRIu64 ": some rows have a position, some not", line);
	if (!value_get(map, "creative_id", &value) || !identifier(value, number, &id))
		return error_set(error,
		    "line %" PRIu64 ": no creative_id of 1 to %d bytes", line,
		    POLICY_TABLE_ID_MAX);
	if (!value_get(map, "probability", &value) ||
	    !value_number(value, &row.probability) ||
	    !(row.probability >= 0 && row.probability <= 1))
		return error_set(error,
		    "line %" PRIu64 ": probability is no number in 0 .. 1", line);
	p->positions = positioned;
	memcpy(p->ids + p->ids_size, id.at, id.size);
	row.id = slice_of(p->ids + p->ids_size, id.size);
	p->ids_size += id.size;
	p->rows[p->count++] = row;
	return 0;
}

/* The size of the white space that it begins with. */
static size_t
space(struct slice text)
{
	size_t n = 0;

	while (n < text.size &&
	    (text.at[n] == ' ' || (text.at[n] >= 9 && text.at[n] <= 13)))
		n++;
	return n;
}

static bool
blank(struct slice line)
{
	return space(line) == line.size;
}

/* The parsers, the text with its padding, and room for one row. */
struct scratch {
	struct csv *csv;
	struct json *json;
	uint8_t *text;
	uint8_t row[ROW_MAX + RECORD_PADDING];
};

static int
read_json(
    struct policy_table *p, struct scratch *s, struct slice text, struct error *error)
{
	for (uint64_t line = 1; text.size > 0; line++) {
		size_t size = slice_find(text, '\n');
		struct slice own = slice_of(text.at, size);
		struct fault fault;
		struct build b;

		text = slice_from(text, size < text.size ? size + 1 : size);
		if (blank(own))
			continue;
		build_init(&b, s->row, ROW_MAX);
		if (!json_parse(s->json, own, &b, &fault))
			return error_set(error, "line %" PRIu64 ": %s", line,
			    build_full(&b) ? "it is too long" : fault.reason);
		if (value_type(build_slice(&b)) != VALUE_MAP)
			return error_set(error, "line %" PRIu64 ": no object", line);
		if (add_row(p, build_slice(&b), line, error) != 0)
			return -1;
	}
	return 0;
}

/* A row without its line break. */
static struct slice
chomp(struct slice row)
{
	if (row.size > 0 && row.at[row.size - 1] == '\n')
		row.size--;
	if (row.size > 0 && row.at[row.size - 1] == '\r')
		row.size--;
	return row;
}

static int
read_csv(
    struct policy_table *p, struct scratch *s, struct slice text, struct error *error)
{
	for (uint64_t line = 1; text.size > 0; line++) {
		size_t size = csv_frame(s->csv, text, true);
		struct slice own = chomp(slice_of(text.at, size));
		struct fault fault;
		struct build b;

		assert(size > 0 && size <= text.size);
		text = slice_from(text, size);
		build_init(&b, s->row, ROW_MAX);
		if (line == 1) {
			if (!csv_header(s->csv, own, &fault))
				return error_set(error, "line 1: %s", fault.reason);
			continue;
		}
		if (blank(own))
			continue;
		if (!csv_row(s->csv, own, &b, &fault))
			return error_set(error, "line %" PRIu64 ": %s", line,
			    build_full(&b) ? "it is too long" : fault.reason);
		if (add_row(p, build_slice(&b), line, error) != 0)
			return -1;
	}
	return 0;
}

static int
read_rows(struct policy_table *p, struct slice text, struct error *error)
{
	size_t header = slice_find(text, '\n');
	bool tabs = slice_find(slice_of(text.at, header), '\t') < header;
	size_t first = space(text);
	bool json = first < text.size && text.at[first] == '{';
	struct scratch *s = calloc(1, sizeof *s);
	int status;

	if (s == NULL)
		return error_set(error, "no memory for the table");
	s->text = calloc(1, text.size + PADDING);
	if (json)
		s->json = json_new();
	else
		s->csv = csv_new((struct csv_format){
		    .separator = tabs ? '\t' : ',', .quotes = !tabs, .infer = true });
	if (s->text == NULL || (s->json == NULL && s->csv == NULL)) {
		status = error_set(error, "no memory for the table");
	} else {
		if (text.size > 0)
			memcpy(s->text, text.at, text.size);
		text.at = s->text;
		status =
		    json ? read_json(p, s, text, error) : read_csv(p, s, text, error);
	}
	free(s->text);
	json_free(s->json);
	csv_free(s->csv);
	free(s);
	return status;
}

/* --- Making the index ----------------------------------------------------------- */

/* Each row in its slot, the sum of its position's in the slot of that. */
static int
fill_index(struct policy_table *p, struct error *error)
{
	static const struct slice mark = { (const uint8_t *)"", 0 };

	for (unsigned i = 0; i < p->count; i++) {
		struct row *row = &p->rows[i], *slot;

		slot = slot_of(p, row->position, row->id);
		if (slot->line != 0)
			return error_set(error,
			    "line %" PRIu64 ": the same as line %" PRIu64, row->line,
			    slot->line);
		*slot = *row;
		slot = slot_of(p, row->position, mark);
		if (slot->line == 0)
			*slot = (struct row){ row->position, mark, 0, row->line };
		slot->probability += row->probability;
	}
	for (unsigned i = 0; i < p->count; i++) {
		struct row *row = &p->rows[i];
		double sum = slot_of(p, row->position, mark)->probability;

		if (!(fabs(sum - 1) <= POLICY_TABLE_SLACK))
			return p->positions
			    ? error_set(error,
				  "probabilities of position %" PRId64
				  " add up to %.4f, not 1",
				  row->position, sum)
			    : error_set(
				  error, "probabilities add up to %.4f, not 1", sum);
		slot_of(p, row->position, row->id)->probability /= sum;
	}
	return 0;
}

/* Room for as many rows as the text has lines, and identifiers of all its bytes. */
static int
reserve(struct policy_table *p, struct slice text)
{
	size_t lines = 1;

	for (size_t i = 0; i < text.size; i++)
		lines += text.at[i] == '\n';
	p->room =
	    lines < POLICY_TABLE_ROWS_MAX ? (unsigned)lines : POLICY_TABLE_ROWS_MAX;
	p->slots = 4 * (uint64_t)p->room;
	p->rows = calloc(p->room, sizeof *p->rows);
	p->ids = malloc(text.size + 1);
	p->index = calloc(p->slots, sizeof *p->index);
	return p->rows != NULL && p->ids != NULL && p->index != NULL ? 0 : -1;
}

struct policy_table *
policy_table_read(struct slice text, uint64_t seed, struct error *error)
{
	struct policy_table *p = calloc(1, sizeof *p);

	if (text.size > POLICY_TABLE_TEXT_MAX) {
		(void)error_set(error, "more than %d bytes", POLICY_TABLE_TEXT_MAX);
		free(p);
		return NULL;
	}
	if (p == NULL || reserve(p, text) != 0) {
		(void)error_set(error, "no memory for the table");
		goto wrong;
	}
	p->key = hash_key(seed);
	if (read_rows(p, text, error) != 0)
		goto wrong;
	if (p->count == 0) {
		(void)error_set(error, "it has no rows");
		goto wrong;
	}
	if (fill_index(p, error) != 0)
		goto wrong;
	return p;
wrong:
	policy_table_free(p);
	return NULL;
}

void
policy_table_free(struct policy_table *p)
{
	if (p == NULL)
		return;
	free(p->rows);
	free(p->ids);
	free(p->index);
	free(p);
}
