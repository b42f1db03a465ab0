/* SPDX-License-Identifier: MIT */
#include "lib/modeltool/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/base/number.h"
#include "lib/record/build.h"

static const char magic[] = "bannerpipe-model 1";

/* Bytes of newcomers in a line. */
enum { COUNTS_LINE = 1024, NUMBER_MAX = 40 };

/* The numbers of a head. */
static const struct field {
	const char *name;
	size_t offset;
	unsigned count;
	bool single; /* float, else double */
	bool words;  /* or 64-bit integers, of counts and linear only */
} fields[] = {
#define FIELD(name, member, count, single)                                             \
	{                                                                              \
		name, offsetof(struct head, member), count, single, false              \
	}
#define WORDS(name, member)                                                            \
	{                                                                              \
		name, offsetof(struct head, member),                                   \
		    sizeof(((struct head *)NULL)->member) / sizeof(int64_t), false,    \
		    true                                                               \
	}
	FIELD("seen", seen, 1, false),
	FIELD("sum", sum, 1, false),
	FIELD("deviance", deviance, 1, false),
	FIELD("degrees", degrees, 1, false),
	FIELD("intercept-mean", intercept.mean, LANES, true),
	FIELD("intercept-variance", intercept.variance, LANES, true),
	FIELD("intercept-weight", linear_intercept.value, 1, true),
	FIELD("intercept-state", linear_intercept.state, 3, true),
	FIELD("mixture", mixture.weight, MIXTURE_EXPERTS, false),
	FIELD("slope", calibration.slope, 1, false),
	FIELD("shift", calibration.shift, 1, false),
	FIELD("precision", calibration.precision, 3, false),
	FIELD("bin-seen", calibration.seen, CALIBRATION_BINS, false),
	FIELD("bin-positive", calibration.positive, CALIBRATION_BINS, false),
	FIELD("bin-step", calibration.step, CALIBRATION_BINS, false),
	FIELD("bin-since", calibration.since, 1, false),
	WORDS("counts", counts),
	WORDS("totals", totals),
#undef WORDS
#undef FIELD
};

enum { FIELDS = sizeof fields / sizeof *fields, FIELDS_WORDS = 2 };

static bool
is_exact(const struct model_options *o)
{
	return optimiser_is_exact(o->optimiser.algorithm);
}

static unsigned
fields_of(const struct model_options *o)
{
	return is_exact(o) ? FIELDS : FIELDS - FIELDS_WORDS;
}

/* --- Writing ------------------------------------------------------------------------ */

static void add(struct build *to, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void
add(struct build *to, const char *format, ...)
{
	char text[256];
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	assert(n >= 0 && (size_t)n < sizeof text);
	build_raw(to, slice_of(text, (size_t)n));
}

static void
add_numbers(struct build *to, const void *from, unsigned count, bool single)
{
	const float *f = from;
	const double *d = from;

	for (unsigned i = 0; i < count; i++)
		add(to, " %a", single ? (double)f[i] : d[i]);
	add(to, "\n");
}

static void
add_words(struct build *to, const void *from, unsigned count)
{
	const int64_t *w = from;

	for (unsigned i = 0; i < count; i++)
		add(to, " %" PRId64, w[i]);
	add(to, "\n");
}

/* The lines that were built. */
static int
hand_out(struct build *b, int (*write)(void *, struct slice), void *context)
{
	struct slice rest = build_slice(b);
	int status = 0;

	assert(!build_full(b));
	while (rest.size > 0 && status == 0) {
		size_t size = slice_find(rest, '\n') + 1;

		status = write(context, slice_of(rest.at, size));
		rest = slice_from(rest, size);
	}
	build_reset(b);
	return status;
}

static void
add_crosses(struct build *b, const struct crosses *c)
{
	add(b, "crosses %u %u", c->count, c->fields);
	for (unsigned i = 0; i < c->fields; i++)
		add(b, " %u", c->space[i]);
	for (unsigned i = 0; i < c->count; i++)
		add(b, " %u %u", c->pair[i].a, c->pair[i].b);
	add(b, "\n");
}

static void
add_places(struct build *b, const struct examination *x)
{
	add(b, "places %" PRIu64 " %" PRIu64 "\n", x->count, x->evicted);
	for (unsigned i = 0; i < x->count; i++) {
		add(b, "place %016" PRIx64 " %" PRIu64 " %a %a ", x->key[i],
		    x->touched[i], x->clicks[i], x->expected[i]);
		for (const char *c = x->label[i]; *c != '\0'; c++)
			add(b, "%02x", (uint8_t)*c);
		add(b, "\n");
	}
}

/* What is said of rows in front of them. */
static void
add_rows(const struct rows *r, struct build *b)
{
	const struct factors_fields *told = rows_fields(r);

	add(b, "rows %" PRIu64 " %" PRIu64 " %" PRIu64 " %d %" PRIu64 " %" PRIu64 "\n",
	    r->cells.homes, r->cells.evicted, r->cells.base, r->cells.cramped,
	    r->seen.size, r->seen.added);
	add(b, "fields");
	for (uint32_t i = 0; i < told->count; i++)
		add(b, " %04x", told->space[i]);
	add(b, "\n");
}

static int
write_header(const struct model *m, struct build *b, int (*write)(void *, struct slice),
    void *context)
{
	const struct model_state *s = model_state(m);
	struct model_described d;

	add(b, "%s\n", magic);
	model_options_describe(&m->options, &d);
	for (unsigned i = 0; i < MODEL_OPTIONS; i++)
		add(b, "option %s=%s\n", d.identity.option[i], d.text[i]);
	add(b, "table %" PRIu64 " %" PRIu64 " %" PRIu64 " %d\n", m->cells.homes,
	    m->cells.evicted, m->cells.base, m->cells.cramped);
	if (m->options.admit > 1)
		add(b, "newcomers %" PRIu64 " %" PRIu64 "\n", m->newcomers.size,
		    m->newcomers.added);
	if (m->rows != NULL)
		add_rows(m->rows, b);
	add(b, "state %" PRIu64 " %" PRIu64, s->examples, s->crowded);
	if (is_exact(&m->options))
		add(b, " %" PRIu64, s->taken_back);
	add(b, "\n");
	if (m->options.crosses > 0)
		add_crosses(b, &s->crosses);
	if (m->options.examination[0] != '\0')
		add_places(b, &s->examination);
	if (hand_out(b, write, context) != 0)
		return -1;
	for (unsigned h = 0; h < MODEL_HEADS; h++)
		for (unsigned f = 0;
		     f < fields_of(&m->options) && model_options_has(&m->options, h);
		     f++) {
			const void *at =
			    (const uint8_t *)&s->head[h] + fields[f].offset;

			add(b, "head %s %s", model_head_name(h), fields[f].name);
			if (fields[f].words)
				add_words(b, at, fields[f].count);
			else
				add_numbers(b, at, fields[f].count, fields[f].single);
			if (hand_out(b, write, context) != 0)
				return -1;
		}
	return 0;
}

static int
write_counts(const char *word, const struct newcomers *n, struct build *b,
    int (*write)(void *, struct slice), void *context)
{
	for (uint64_t at = 0; at < n->size; at += COUNTS_LINE) {
		uint64_t size = n->size - at < COUNTS_LINE ? n->size - at : COUNTS_LINE;
		bool any = false;

		for (uint64_t i = 0; i < size; i++)
			any = any || n->count[at + i] != 0;
		if (!any)
			continue;
		add(b, "%s %" PRIu64 " ", word, at);
		for (uint64_t i = 0; i < size; i++)
			add(b, "%02x", n->count[at + i]);
		add(b, "\n");
		if (hand_out(b, write, context) != 0)
			return -1;
	}
	return 0;
}

static int
write_cells(const char *word, const struct cells *c, bool words, struct build *b,
    int (*write)(void *, struct slice), void *context)
{
	for (uint64_t p = layout_next(c, 0); p != CELLS_NONE;
	     p = layout_next(c, p + 1)) {
		add(b, "%s %" PRIu64 " %u %016" PRIx64, word, p, layout_touched(c, p),
		    cells_key_at(c, p));
		if (words)
			add_words(b, cells_at(c, p),
			    c->kind->size / (unsigned)sizeof(int64_t));
		else
			add_numbers(b, cells_at(c, p),
			    c->kind->size / (unsigned)sizeof(float), true);
		if (hand_out(b, write, context) != 0)
			return -1;
	}
	return 0;
}

int
model_text_write(const struct model *m, int (*write)(void *context, struct slice line),
    void *context)
{
	uint8_t storage[MODEL_TEXT_LINE];
	const struct rows *r = m->rows;
	struct build b;

	build_init(&b, storage, sizeof storage);
	if (write_header(m, &b, write, context) != 0 ||
	    (m->options.admit > 1 &&
		write_counts("counts", &m->newcomers, &b, write, context) != 0) ||
	    (r != NULL &&
		write_counts("row-counts", &r->seen, &b, write, context) != 0) ||
	    write_cells("cell", &m->cells, is_exact(&m->options), &b, write, context) !=
		0 ||
	    (r != NULL &&
		write_cells("row", &r->cells, false, &b, write, context) != 0))
		return -1;
	add(&b, "end %" PRIu64, m->cells.used);
	if (r != NULL)
		add(&b, " %" PRIu64, r->cells.used);
	add(&b, "\n");
	return hand_out(&b, write, context);
}

/* --- Reading ------------------------------------------------------------------------ */

/* What comes next. */
enum step {
	MAGIC,
	OPTION,
	TABLE,
	NEWCOMERS,
	ROWS,
	FIELDS_OF_ROWS,
	STATE,
	CROSSES,
	PLACES,
	PLACE,
	HEADS,
	REST,
	ENDED
};

struct model_text {
	const struct os *os;
	uint64_t memory, line;
	enum step step;
	char options[REGION_TEXT];
	size_t options_size;
	unsigned option, head, field; /* that comes next */
	uint64_t places;              /* that will come */
	struct model_options read;
	struct model_size size;
	struct told {
		uint64_t evicted, base, cramped, added;
	} told[LAYOUT_TABLES];
	struct model *model; /* owned */
};

struct model_text *
model_text_new(const struct os *os, uint64_t memory)
{
	struct model_text *t = calloc(1, sizeof *t);

	if (t != NULL) {
		t->os = os;
		t->memory = memory;
	}
	return t;
}

void
model_text_free(struct model_text *t)
{
	if (t == NULL)
		return;
	model_free(t->model);
	free(t);
}

/* Cut the next word off; empty at the end, and where two spaces meet. */
static struct slice
next_word(struct slice *line)
{
	size_t end = slice_find(*line, ' ');
	struct slice word = slice_of(line->at, end);

	*line = slice_from(*line, end < line->size ? end + 1 : end);
	return word;
}

static bool
next_uint(struct slice *line, uint64_t *to)
{
	return number_parse_uint(next_word(line), to);
}

static int
digit(uint8_t c)
{
	return c >= '0' && c <= '9' ? c - '0'
	    : c >= 'a' && c <= 'f'  ? c - 'a' + 10
				    : -1;
}

/* So many hexadecimal digits. */
static bool
next_hex(struct slice *line, size_t digits, uint64_t *to)
{
	struct slice word = next_word(line);

	*to = 0;
	for (size_t i = 0; i < word.size; i++) {
		if (digit(word.at[i]) < 0)
			return false;
		*to = *to << 4 | (uint64_t)digit(word.at[i]);
	}
	return word.size == digits;
}

/* A hexadecimal fraction, whole and finite. */
static bool
next_number(struct slice *line, double *to)
{
	struct slice word = next_word(line);
	char text[NUMBER_MAX], *end;

	if (word.size == 0 || word.size >= sizeof text)
		return false;
	for (size_t i = 0; i < word.size; i++)
		if (strchr("0123456789abcdefpx.+-", word.at[i]) == NULL ||
		    word.at[i] == '\0')
			return false;
	memcpy(text, word.at, word.size);
	text[word.size] = '\0';
	*to = strtod(text, &end);
	return *end == '\0' && isfinite(*to);
}

static bool
next_numbers(struct slice *line, void *to, unsigned count, bool single)
{
	float *f = to;
	double *d = to, value;

	for (unsigned i = 0; i < count; i++) {
		if (!next_number(line, &value))
			return false;
		if (!single) {
			d[i] = value;
			continue;
		}
		if (fabs(value) > 3.4028234663852886e38 ||
		    (double)(float)value != value)
			return false;
		f[i] = (float)value;
	}
	return line->size == 0;
}

static bool
next_words(struct slice *line, void *to, unsigned count)
{
	int64_t *w = to;

	for (unsigned i = 0; i < count; i++)
		if (!number_parse_int(next_word(line), &w[i]))
			return false;
	return line->size == 0;
}

static int
wrong(const struct model_text *t, struct error *error, const char *what)
{
	return error_set(error, "line %" PRIu64 ": %s", t->line, what);
}

static int
read_option(struct model_text *t, struct slice rest, struct error *error)
{
	struct error why;
	char text[600];

	if (rest.size > 128 || t->options_size + rest.size + 1 > sizeof t->options)
		return wrong(t, error, "an option is too long");
	memcpy(t->options + t->options_size, rest.at, rest.size);
	t->options_size += rest.size;
	t->options[t->options_size++] = '\n';
	if (++t->option < MODEL_OPTIONS)
		return 0;
	t->step = TABLE;
	if (model_options_read(slice_of(t->options, t->options_size), &t->read, &why) ==
	    0)
		return 0;
	(void)snprintf(text, sizeof text, "the options: %s", why.text);
	return wrong(t, error, text);
}

static void
tell(struct cells *c, struct newcomers *counts, const struct told *from)
{
	c->evicted = from->evicted;
	c->base = from->base;
	c->cramped = from->cramped != 0;
	counts->added = from->added;
}

/* All is known that a model is made from. */
static int
make(struct model_text *t, struct error *error)
{
	struct error why;

	t->model = model_fit(&t->read, t->size, t->memory, t->os, NULL, &why);
	if (t->model == NULL)
		return wrong(t, error, why.text);
	tell(&t->model->cells, &t->model->newcomers, &t->told[LAYOUT_CELLS]);
	if (t->model->rows != NULL)
		tell(&t->model->rows->cells, &t->model->rows->seen,
		    &t->told[LAYOUT_ROWS]);
	return 0;
}

/* Rows, if there are any, or the model. */
static int
seek_rows(struct model_text *t, struct error *error)
{
	bool factored = model_options_factored(&t->read) > 0;

	t->step = factored ? ROWS : STATE;
	return factored ? 0 : make(t, error);
}

/* Homes, and what is told of a table. */
static bool
next_table(struct slice *line, uint64_t *homes, struct told *to)
{
	return next_uint(line, homes) && next_uint(line, &to->evicted) &&
	    next_uint(line, &to->base) && next_uint(line, &to->cramped) &&
	    to->cramped <= 1 && to->base <= UINT64_MAX / CELLS_TICK;
}

static int
read_table(struct model_text *t, struct slice rest, struct error *error)
{
	if (!next_table(&rest, &t->size.homes, &t->told[LAYOUT_CELLS]) || rest.size > 0)
		return wrong(t, error, "table wants 4 numbers");
	if (t->read.admit <= 1)
		return seek_rows(t, error);
	t->step = NEWCOMERS;
	return 0;
}

static int
read_newcomers(struct model_text *t, struct slice rest, struct error *error)
{
	if (!next_uint(&rest, &t->size.newcomers) ||
	    !next_uint(&rest, &t->told[LAYOUT_CELLS].added) || rest.size > 0 ||
	    t->size.newcomers < NEWCOMERS_BYTES_MIN)
		return wrong(
		    t, error, "newcomers wants 2 numbers, the first at least 4096");
	return seek_rows(t, error);
}

static int
read_rows(struct model_text *t, struct slice rest, struct error *error)
{
	struct told *told = &t->told[LAYOUT_ROWS];

	if (!next_table(&rest, &t->size.row_homes, told) ||
	    !next_uint(&rest, &t->size.seen) || !next_uint(&rest, &told->added) ||
	    rest.size > 0 || t->size.seen < NEWCOMERS_BYTES_MIN ||
	    t->size.seen > ROWS_SEEN_BYTES)
		return wrong(
		    t, error, "rows wants 6 numbers, the fifth from 4096 to 1048576");
	t->step = FIELDS_OF_ROWS;
	return make(t, error);
}

static int
read_fields(struct model_text *t, struct slice rest, struct error *error)
{
	struct factors_fields *to = rows_fields(t->model->rows);
	uint64_t space;
	bool sound = true;

	while (rest.size > 0 && sound) {
		sound = to->count < FACTORS_FIELDS && next_hex(&rest, 4, &space);
		if (sound)
			to->space[to->count++] = (uint16_t)space;
	}
	if (!sound || !factors_fields_are_sound(to))
		return wrong(t, error,
		    "fields wants up to 32 namespaces of 4 hex digits, each once");
	t->step = STATE;
	return 0;
}

/* Where the next head and its fields begin; none is left: the cells. Places come before. */
static void
seek_head(struct model_text *t)
{
	while (t->head < MODEL_HEADS && !model_options_has(&t->read, t->head))
		t->head++;
	t->field = 0;
	if (t->read.examination[0] != '\0' && t->step < PLACE)
		t->step = PLACES;
	else
		t->step = t->head < MODEL_HEADS ? HEADS : REST;
}

static int
read_state(struct model_text *t, struct slice rest, struct error *error)
{
	struct model_state *s = model_state(t->model);

	if (!next_uint(&rest, &s->examples) || !next_uint(&rest, &s->crowded) ||
	    (is_exact(&t->read) && !next_uint(&rest, &s->taken_back)) ||
	    rest.size > 0 || s->taken_back > s->examples)
		return wrong(t, error,
		    is_exact(&t->read) ? "state wants 3 numbers"
				       : "state wants 2 numbers");
	if (t->told[LAYOUT_CELLS].base > s->examples / CELLS_TICK ||
	    t->told[LAYOUT_ROWS].base > s->examples / CELLS_TICK)
		return wrong(t, error, "its table is of more examples");
	seek_head(t);
	if (t->read.crosses > 0)
		t->step = CROSSES;
	return 0;
}

static bool
next_below(struct slice *line, uint64_t bound, uint64_t *to)
{
	return next_uint(line, to) && *to < bound;
}

static int
read_crosses(struct model_text *t, struct slice rest, struct error *error)
{
	struct crosses *c = &model_state(t->model)->crosses;
	uint64_t count, spaces, a, b;
	bool sound = next_below(&rest, CROSSES_MAX + 1, &count) &&
	    next_below(&rest, CROSSES_FIELDS + 1, &spaces);

	for (; sound && c->fields < spaces; c->fields++) {
		sound = next_below(&rest, UINT16_MAX + 1, &a);
		c->space[c->fields] = (uint16_t)a;
	}
	for (; sound && c->count < count; c->count++) {
		sound = next_below(&rest, CROSSES_FIELDS, &a) &&
		    next_below(&rest, CROSSES_FIELDS, &b);
		c->pair[c->count].a = (uint8_t)a;
		c->pair[c->count].b = (uint8_t)b;
	}
	if (!sound || rest.size > 0 || !crosses_are_sound(c))
		return wrong(t, error,
		    "crosses wants how many pairs and fields, the fields, and pairs "
		    "of their numbers");
	seek_head(t);
	return 0;
}

static int
read_places(struct model_text *t, struct slice rest, struct error *error)
{
	struct examination *x = &model_state(t->model)->examination;

	if (!next_below(&rest, EXAMINATION_PLACES + 1, &t->places) ||
	    !next_uint(&rest, &x->evicted) || rest.size > 0)
		return wrong(t, error, "places wants how many, up to 128, and evicted");
	t->step = PLACE;
	if (t->places == 0)
		seek_head(t);
	return 0;
}

static bool
next_label(struct slice *line, char to[EXAMINATION_LABEL])
{
	struct slice word = next_word(line);

	for (size_t i = 0; i + 1 < word.size; i += 2) {
		int high = digit(word.at[i]), low = digit(word.at[i + 1]);

		if (high < 0 || low < 0 || i / 2 + 1 >= EXAMINATION_LABEL)
			return false;
		to[i / 2] = (char)(high << 4 | low);
	}
	return word.size % 2 == 0 && line->size == 0;
}

static int
read_shown_place(struct model_text *t, struct slice rest, struct error *error)
{
	struct examination *x = &model_state(t->model)->examination;
	uint64_t i = x->count;

	if (!next_hex(&rest, 16, &x->key[i]) || !next_uint(&rest, &x->touched[i]) ||
	    !next_number(&rest, &x->clicks[i]) ||
	    !next_number(&rest, &x->expected[i]) || !next_label(&rest, x->label[i]))
		return wrong(t, error,
		    "place wants a key of 16 hex digits, a number, two sums and a "
		    "label "
		    "in hex");
	if (++x->count < t->places)
		return 0;
	examination_settle(x);
	if (!examination_is_sound(x))
		return wrong(t, error, "the places are not sound");
	seek_head(t);
	return 0;
}

static int
read_head(struct model_text *t, struct slice rest, struct error *error)
{
	struct head *h = &model_state(t->model)->head[t->head];
	const struct field *f = &fields[t->field];
	char text[128];

	if (!slice_is(next_word(&rest), model_head_name(t->head)) ||
	    !slice_is(next_word(&rest), f->name) ||
	    !(f->words ? next_words(&rest, (uint8_t *)h + f->offset, f->count)
		       : next_numbers(
			     &rest, (uint8_t *)h + f->offset, f->count, f->single))) {
		(void)snprintf(text, sizeof text,
		    "here comes head %s %s with %u numbers", model_head_name(t->head),
		    f->name, f->count);
		return wrong(t, error, text);
	}
	if (++t->field < fields_of(&t->read))
		return 0;
	if (!head_is_sound(h))
		return wrong(t, error, "the head is not sound");
	t->head++;
	seek_head(t);
	return 0;
}

static int
read_bytes(
    struct model_text *t, struct newcomers *n, struct slice rest, struct error *error)
{
	uint64_t at;

	if (!next_uint(&rest, &at) || rest.size % 2 != 0 || at > n->size ||
	    rest.size / 2 > n->size - at)
		return wrong(t, error, "counts wants an offset and bytes in hex");
	for (size_t i = 0; i < rest.size; i += 2) {
		int high = digit(rest.at[i]), low = digit(rest.at[i + 1]);

		if (high < 0 || low < 0)
			return wrong(t, error, "counts are no hex digits");
		n->count[at++] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

static int
read_counts(struct model_text *t, struct slice rest, struct error *error)
{
	return read_bytes(t, &t->model->newcomers, rest, error);
}

static int
read_row_counts(struct model_text *t, struct slice rest, struct error *error)
{
	return t->model->rows == NULL
	    ? wrong(t, error, "there are no rows without factors")
	    : read_bytes(t, &t->model->rows->seen, rest, error);
}

static int
read_place(
    struct model_text *t, struct cells *c, struct slice rest, struct error *error)
{
	_Alignas(64) uint8_t cell[CELLS_SIZE_MAX];
	uint64_t place, touched, key;

	if (!next_uint(&rest, &place) || !next_uint(&rest, &touched) ||
	    !next_hex(&rest, 16, &key) ||
	    !(is_exact(&t->read)
		    ? next_words(&rest, cell, c->kind->size / (unsigned)sizeof(int64_t))
		    : next_numbers(
			  &rest, cell, c->kind->size / (unsigned)sizeof(float), true)))
		return wrong(t, error,
		    "cell wants a place, a tick, a key of 16 hex digits, and its "
		    "numbers");
	if (place < cells_places(c) && (place & 7) < CELLS_LINE &&
	    cells_key_at(c, place) != 0)
		return wrong(t, error, "the place of this cell is taken");
	if (!cells_put(c, place, touched, key, cell, model_state(t->model)->examples))
		return wrong(t, error, "this cell cannot be there, or is not sound");
	return 0;
}

static int
read_cell(struct model_text *t, struct slice rest, struct error *error)
{
	return read_place(t, &t->model->cells, rest, error);
}

static int
read_row(struct model_text *t, struct slice rest, struct error *error)
{
	return t->model->rows == NULL
	    ? wrong(t, error, "there are no rows without factors")
	    : read_place(t, &t->model->rows->cells, rest, error);
}

static int
read_end(struct model_text *t, struct slice rest, struct error *error)
{
	const struct rows *r = t->model->rows;
	uint64_t cells, rows = 0;

	if (!next_uint(&rest, &cells) || (r != NULL && !next_uint(&rest, &rows)) ||
	    rest.size > 0 || cells != t->model->cells.used ||
	    rows != (r == NULL ? 0 : r->cells.used))
		return wrong(t, error, "there are not as many cells as it says");
	t->step = ENDED;
	return 0;
}

int
model_text_line(struct model_text *t, struct slice line, struct error *error)
{
	static const struct {
		const char *word;
		enum step at;
		int (*read)(struct model_text *, struct slice, struct error *);
	} lines[] = {
		{ "cell", REST, read_cell },
		{ "row", REST, read_row },
		{ "option", OPTION, read_option },
		{ "table", TABLE, read_table },
		{ "newcomers", NEWCOMERS, read_newcomers },
		{ "rows", ROWS, read_rows },
		{ "fields", FIELDS_OF_ROWS, read_fields },
		{ "state", STATE, read_state },
		{ "crosses", CROSSES, read_crosses },
		{ "places", PLACES, read_places },
		{ "place", PLACE, read_shown_place },
		{ "head", HEADS, read_head },
		{ "counts", REST, read_counts },
		{ "row-counts", REST, read_row_counts },
		{ "end", REST, read_end },
	};
	struct slice word;

	t->line++;
	if (line.size > MODEL_TEXT_LINE)
		return wrong(t, error, "it is too long, or holds a zero byte");
	if (t->step == MAGIC) {
		t->step = OPTION;
		return slice_is(line, magic)
		    ? 0
		    : wrong(t, error, "no dump of a model: bannerpipe-model 1");
	}
	word = next_word(&line);
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		if (slice_is(word, lines[i].word) && t->step == lines[i].at)
			return lines[i].read(t, line, error);
	return wrong(t, error,
	    t->step == ENDED ? "there is more after the end"
			     : "this line is unknown, or does not come here");
}

struct model *
model_text_end(struct model_text *t, struct error *error)
{
	struct model *m = t->model;
	uint64_t place;

	if (t->step != ENDED) {
		error_set(error, "after line %" PRIu64 " it is cut off", t->line);
		return NULL;
	}
	for (unsigned i = 0; i < LAYOUT_TABLES; i++)
		if (layout_of(m, i) != NULL &&
		    !layout_are_found(layout_of(m, i), &place)) {
			error_set(error,
			    "the key of %s %" PRIu64
			    " is there twice, or behind a free place",
			    i == LAYOUT_ROWS ? "row" : "cell", place);
			return NULL;
		}
	region_set_version(&m->cells.region, model_state(m)->examples);
	t->model = NULL;
	return m;
}
