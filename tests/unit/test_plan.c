/* SPDX-License-Identifier: MIT
 *
 * The plan of a slate against the whole extraction, over random specifications, records and
 * events: the same features in the same order, and the same parts.
 */
#include "lib/feature/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/record/kind.h"
#include "tests/unit/seed.h"

enum {
	STORAGE = 1 << 16,
	MEMORY = 4 << 20,
	FIELDS = 10,
	CANDIDATES = 24,
	FACE = 1 << 16,
	SPECS = 300,
	SLATES = 6,
};

static const instant start = 1700000000 * WHEN_SECOND;
static const char *const names[FIELDS] = { "a", "b", "c", "d", "e", "f", "user_id",
	"creative_id", "consent", "position" };

static struct random numbers;

static unsigned
below(unsigned n)
{
	return (unsigned)hash_bucket(random_next(&numbers), n);
}

/* --- Specifications --------------------------------------------------------------- */

struct text {
	char of[1 << 14];
	size_t size;
};

static void put(struct text *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void
put(struct text *t, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	t->size += (size_t)vsnprintf(
	    t->of + t->size, sizeof t->of - t->size, format, arguments);
	va_end(arguments);
	assert_true(t->size < sizeof t->of);
}

static void
put_field(struct text *t)
{
	const char *a = names[below(FIELDS)], *b = names[below(FIELDS)];

	switch (below(6)) {
	case 0:
		put(t, "(%s + %s)", a, b);
		break;
	case 1:
		put(t, "(lower(%s))", a);
		break;
	case 2:
		put(t, "%s.x", a);
		break;
	default:
		put(t, "%s", a);
		break;
	}
}

static void
put_counter(struct text *t)
{
	static const char *const verbs[] = { "count click", "since click",
		"sum a of click", "distinct b of click", "last 3 c of click",
		"rate click", "ratio click / impression" };
	unsigned verb = below(7), levels = verb < 5 ? 1 : 1 + below(3);

	put(t, "%s by ", verbs[verb]);
	for (unsigned l = 0; l < levels; l++) {
		put(t, "%s", l == 0 ? "" : " > ");
		if (below(2) == 0)
			put(t, "%s,%s", names[below(FIELDS)], names[below(FIELDS)]);
		else
			put_field(t);
	}
	if (verb != 1)
		put(t, " in 1h");
	if (verb < 3 && below(2) == 0)
		put(t, " as number");
}

static void
put_line(struct text *t, unsigned i)
{
	static const char *const verbs[] = { "field", "number", "words", "vector",
		"log", "linear", "edges" };
	static const char *const after[] = { "", "", "", "", "", " 0.5", " -1,0,2" };
	unsigned verb;

	put(t, "feature%u = ", i);
	if (i > 1 && below(3) == 0) {
		put(t, "cross feature%u feature%u", below(i), below(i));
		if (below(4) == 0)
			put(t, " feature%u", below(i));
	} else if (below(4) == 0) {
		put_counter(t);
	} else if (below(12) == 0) {
		put(t, below(2) == 0 ? "hour" : "weekday");
	} else {
		verb = below(7);
		put(t, "%s ", verbs[verb]);
		put_field(t);
		put(t, "%s", after[verb]);
	}
	put(t, "\n");
}

/* --- Records ---------------------------------------------------------------------- */

static void
build_scalar(struct build *b)
{
	char text[16];

	switch (below(5)) {
	case 0:
		build_double(b, (double)below(8) / 4 - 0.5);
		break;
	case 1:
		build_bool(b, below(2) == 0);
		break;
	case 2:
		(void)snprintf(text, sizeof text, "w%u v%u", below(3), below(3));
		build_text(b, text);
		break;
	default:
		build_int(b, (int)below(5) - 1);
		break;
	}
}

static void
build_value(struct build *b)
{
	const float embedding[2] = { 0.5F, (float)below(3) };
	unsigned n = below(4);

	switch (below(8)) {
	case 0:
		build_array(b, n);
		for (unsigned i = 0; i < n; i++)
			build_scalar(b);
		break;
	case 1:
		build_map(b, 1);
		build_text(b, "x");
		build_scalar(b);
		break;
	case 2:
		build_bin(b, slice_of(embedding, sizeof embedding));
		break;
	default:
		build_scalar(b);
		break;
	}
}

/* Values of some of the fields. */
struct pairs {
	uint8_t bytes[FIELDS][128];
	size_t size[FIELDS]; /* 0: it has none */
};

static void
choose_pairs(struct pairs *p, unsigned one_in)
{
	for (unsigned i = 0; i < FIELDS; i++) {
		struct build b;

		build_init(&b, p->bytes[i], sizeof p->bytes[i]);
		if (below(one_in) == 0)
			build_value(&b);
		p->size[i] = build_slice(&b).size;
	}
}

static void
scan_pairs(struct reader *reader, const char *event, const struct pairs *a,
    const struct pairs *b, struct record *to)
{
	static uint8_t storage[STORAGE + RECORD_PADDING];
	unsigned pairs = event != NULL;
	struct fault fault;
	struct build out;
	size_t need, open;

	build_init(&out, storage, STORAGE);
	open = build_open(&out);
	if (event != NULL) {
		build_text(&out, "event");
		build_text(&out, event);
	}
	for (unsigned side = 0; side < 2; side++)
		for (unsigned i = 0; i < FIELDS; i++) {
			const struct pairs *p = side == 0 ? a : b;

			if (p == NULL || p->size[i] == 0 ||
			    (side == 1 && a->size[i] > 0))
				continue;
			build_text(&out, names[i]);
			build_raw(&out, slice_of(p->bytes[i], p->size[i]));
			pairs++;
		}
	build_close_map(&out, open, pairs);
	assert_int_equal(
	    record_scan(reader, build_slice(&out), to, &fault, &need), SCAN_RECORD);
}

/* --- A slate ---------------------------------------------------------------------- */

static struct reader *reader;
static struct extract *extract;
static struct plan *plan;
static struct pairs common, hidden, own[CANDIDATES];
static unsigned planned, refused, different;

static bool
whole(void *context, unsigned i, struct record *to)
{
	(void)context;
	scan_pairs(reader, "decision", &common, &own[i], to);
	return true;
}

static int
by_key(const void *a, const void *b)
{
	return memcmp(a, b, 12);
}

/* Keys and values, one after another, in an order of their own. */
static unsigned
gather(const struct features *f, uint8_t (*to)[12], unsigned n)
{
	const float one = 1;

	for (unsigned i = 0; i < features_count(f); i++, n++) {
		memcpy(to[n], f->keys.at + 8 * (size_t)i, 8);
		if (f->values.at != NULL)
			memcpy(to[n] + 8, f->values.at + 4 * (size_t)i, 4);
		else
			memcpy(to[n] + 8, &one, 4);
	}
	return n;
}

static unsigned
gather_parts(const struct model_parts *m, unsigned i, uint8_t (*to)[12])
{
	unsigned n = gather(&m->shared, to, 0);

	for (unsigned c = 0; c < m->columns; c++) {
		unsigned part = m->of[c * m->n + i], begin = m->begin[part];
		unsigned count = m->begin[part + 1] - begin;
		struct features f = { slice_of(m->all.keys.at + 8 * (size_t)begin,
					  8 * (size_t)count),
			{ NULL, 0 } };

		assert_true(part < m->count);
		if (m->all.values.at != NULL)
			f.values = slice_of(
			    m->all.values.at + 4 * (size_t)begin, 4 * (size_t)count);
		n = gather(&f, to, n);
	}
	return n;
}

static void
compare_one(const struct model_parts *parts, unsigned i, struct count_times t)
{
	static uint8_t from_parts[FEATURES_MAX][12], from_whole[FEATURES_MAX][12];
	struct features expected, made;
	struct record r;
	unsigned n;

	n = gather_parts(parts, i, from_parts);
	plan_features(plan, i, &made);
	(void)whole(NULL, i, &r);
	assert_int_equal(extract_features(extract, &r, t, true, &expected), 0);
	assert_int_equal(made.keys.size, expected.keys.size);
	assert_int_equal(made.values.size, expected.values.size);
	if (made.keys.size > 0)
		assert_memory_equal(made.keys.at, expected.keys.at, made.keys.size);
	if (made.values.size > 0)
		assert_memory_equal(
		    made.values.at, expected.values.at, made.values.size);
	assert_int_equal(gather(&expected, from_whole, 0), n);
	qsort(from_parts, n, sizeof *from_parts, by_key);
	qsort(from_whole, n, sizeof *from_whole, by_key);
	assert_memory_equal(from_parts, from_whole, n * sizeof *from_parts);
}

static void
try_slate(instant now)
{
	static _Alignas(8) uint8_t face[CANDIDATES][FACE];
	const void *faces[CANDIDATES];
	struct count_times t = { now, now };
	struct model_parts parts;
	struct record r;
	unsigned n = 1 + below(CANDIDATES);

	choose_pairs(&common, 2);
	for (unsigned i = 0; i < n; i++) {
		/* Many have the same values. */
		if (i > 0 && below(2) == 0)
			own[i] = own[below(i)];
		else
			choose_pairs(&own[i], 1 + below(3));
		/* Neither consent nor position are a candidate's. */
		own[i].size[FIELDS - 2] = own[i].size[FIELDS - 1] = 0;
		scan_pairs(reader, NULL, &own[i], NULL, &r);
		if (!plan_face(plan, &r, face[i], FACE)) {
			refused++;
			return;
		}
		faces[i] = face[i];
	}
	/* A key that the request has and its decisions have not. */
	hidden = common;
	if (below(2) == 0) {
		unsigned left_out = below(FIELDS - 2);

		common.size[left_out] = 0;
		for (unsigned i = 0; i < n; i++)
			if (hidden.size[left_out] > 0)
				own[i].size[left_out] = 0;
	}
	scan_pairs(reader, "request", &hidden, NULL, &r);
	plan_divide(plan, &r);
	scan_pairs(reader, "decision", &common, NULL, &r);
	plan_begin(plan, &r, t);
	if (!plan_slate(plan, n, faces, whole, NULL, &parts)) {
		refused++;
		return;
	}
	planned++;
	different += parts.columns;
	for (unsigned i = 0; i < n; i++)
		compare_one(&parts, i, t);
}

static void
count_events(instant now)
{
	static const char *const kinds[] = { "click", "impression", "outcome" };
	struct count_times t = { now, now };
	struct pairs p;
	struct record r;

	for (unsigned i = 0; i < 30; i++) {
		choose_pairs(&p, 2);
		scan_pairs(reader, kinds[below(3)], &p, NULL, &r);
		extract_update(extract, &r, record_kind(&r), 1, t);
	}
}

static void
try_spec(void)
{
	struct error error = { "" };
	struct text text = { .size = 0 };
	unsigned lines = 1 + below(12);
	struct spec *spec;

	for (unsigned i = 0; i < lines; i++)
		put_line(&text, i);
	reader = reader_new();
	assert_non_null(reader);
	spec = spec_new(reader, slice_of(text.of, text.size), &error);
	if (spec == NULL)
		fail_msg("%s in\n%s", error.text, text.of);
	extract = extract_new(spec, MEMORY, 1, NULL, NULL, &error);
	if (extract == NULL)
		fail_msg("%s", error.text);
	plan = plan_new(extract, reader);
	assert_non_null(plan);
	for (unsigned i = 0; i < SLATES; i++) {
		count_events(start + i * WHEN_MINUTE);
		try_slate(start + i * WHEN_MINUTE + (below(2) == 0));
	}
	plan_free(plan);
	extract_free(extract);
	reader_free(reader);
}

static void
a_plan_gives_the_features_of_the_whole_records(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SPECS; i++)
		try_spec();
	print_message(
	    "%u slates, %u columns; %u too large\n", planned, different, refused);
	assert_true(planned > 10 * refused && 2 * different > planned);
}

/* Two lists of 110 values make more combinations than a candidate may have. */
static void
what_is_too_large_is_not_taken_apart(void **state)
{
	struct error error = { "" };
	static _Alignas(8) uint8_t face[FACE];
	const void *faces[1] = { face };
	struct count_times t = { start, start };
	struct model_parts parts;
	struct extract *x;
	struct plan *p;
	struct record r;
	struct build b;

	(void)state;
	reader = reader_new();
	x = extract_new(
	    spec_new(reader,
		slice_text("a = field a\nb = field b\nc = cross a b\nd = words a\n"),
		&error),
	    MEMORY, 1, NULL, NULL, &error);
	p = plan_new(x, reader);
	assert_non_null(p);
	memset(&common, 0, sizeof common);
	memset(&own[0], 0, sizeof own[0]);
	for (unsigned i = 0; i < 2; i++) {
		struct pairs *side = i == 0 ? &common : &own[0];

		build_init(&b, side->bytes[i], sizeof side->bytes[i]);
		build_array(&b, 110);
		for (int k = 0; k < 110; k++)
			build_int(&b, k);
		assert_false(build_full(&b));
		side->size[i] = build_slice(&b).size;
	}
	scan_pairs(reader, NULL, &own[0], NULL, &r);
	assert_false(plan_face(p, &r, face, 128));
	assert_true(plan_face(p, &r, face, FACE));
	scan_pairs(reader, "decision", &common, NULL, &r);
	plan_divide(p, &r);
	plan_begin(p, &r, t);
	assert_false(plan_slate(p, 1, faces, whole, NULL, &parts));
	plan_free(p);
	extract_free(x);
	reader_free(reader);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plan_gives_the_features_of_the_whole_records),
		cmocka_unit_test(what_is_too_large_is_not_taken_apart),
	};

	numbers = seeded();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
