/* SPDX-License-Identifier: MIT */
#include "lib/model/parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/learnt.h"
#include "tests/unit/seed.h"

enum { EXAMPLES = 70, COLUMNS = 3, PARTS = 12, KEYS_MAX = 3, VALUES = 40 };

/* Keys and values of a slate, as parts and as the whole of each example. */
static struct {
	uint64_t shared_key[2], key[COLUMNS * PARTS * KEYS_MAX];
	float shared_x[2], x[COLUMNS * PARTS * KEYS_MAX];
	uint32_t begin[COLUMNS * PARTS + 1];
	uint16_t of[COLUMNS * EXAMPLES];
	uint64_t whole_key[2 + COLUMNS * KEYS_MAX];
	float whole_x[2 + COLUMNS * KEYS_MAX];
} slate;

static struct model *
learned(enum optimiser_algorithm algorithm, bool all, unsigned n, struct random *r)
{
	struct model_options options = model_options_default(algorithm);
	struct error error;
	struct model *m;

	for (unsigned t = 0; t < MODEL_TARGETS; t++)
		options.target[t] = all || t == MODEL_CLICK;
	m = model_new(&options, LEARNT_BYTES, &os_system, NULL, &error);
	if (m == NULL)
		fail_msg("%s", error.text);
	learnt_more(m, r, VALUES, n);
	return m;
}

static struct features
features_of(const uint64_t *key, const float *x, unsigned n, bool valued)
{
	return (struct features){ slice_of(key, n * sizeof *key),
		slice_of(valued ? x : NULL, valued ? n * sizeof *x : 0) };
}

static uint64_t
choose(struct random *r, unsigned field)
{
	return bytes_le64(
	    learnt_key(field, hash_bucket(random_next(r), 2 * (uint64_t)VALUES)));
}

static float
choose_x(struct random *r)
{
	return (float)hash_uniform(random_next(r)) * 2 - 1;
}

static void
make_slate(struct random *r, bool valued, struct model_parts *to)
{
	unsigned n = 0, part = 0;

	for (unsigned i = 0; i < 2; i++) {
		slate.shared_key[i] = choose(r, i);
		slate.shared_x[i] = choose_x(r);
	}
	for (unsigned c = 0; c < COLUMNS; c++)
		for (unsigned p = 0; p < PARTS; p++) {
			unsigned keys =
			    (unsigned)hash_bucket(random_next(r), KEYS_MAX + 1);

			slate.begin[part++] = n;
			for (unsigned i = 0; i < keys; i++) {
				slate.key[n] = choose(r, 2 + c);
				slate.x[n++] = choose_x(r);
			}
		}
	slate.begin[part] = n;
	for (unsigned i = 0; i < COLUMNS * EXAMPLES; i++)
		slate.of[i] = (uint16_t)(i / EXAMPLES * PARTS +
		    hash_bucket(random_next(r), PARTS));
	*to = (struct model_parts){ features_of(
					slate.shared_key, slate.shared_x, 2, valued),
		features_of(slate.key, slate.x, n, valued), slate.begin, part, slate.of,
		EXAMPLES, COLUMNS };
}

/* Example i; n: what is shared. */
static struct features
whole(unsigned i, bool valued)
{
	unsigned n = 2;

	memcpy(slate.whole_key, slate.shared_key, sizeof slate.shared_key);
	memcpy(slate.whole_x, slate.shared_x, sizeof slate.shared_x);
	for (unsigned c = 0; c < COLUMNS && i < EXAMPLES; c++) {
		unsigned part = slate.of[c * EXAMPLES + i];

		for (uint32_t k = slate.begin[part]; k < slate.begin[part + 1]; k++) {
			slate.whole_key[n] = slate.key[k];
			slate.whole_x[n++] = slate.x[k];
		}
	}
	return features_of(slate.whole_key, slate.whole_x, n, valued);
}

static void
near(double is, double expected, const char *what)
{
	if (!(fabs(is - expected) <= 2e-5 * (0.1 + fabs(expected))))
		fail_msg("%s: %.17g, not %.17g", what, is, expected);
}

static void
compare(const struct model *m, struct parts *p, struct random *r, bool valued)
{
	struct model_parts of;

	make_slate(r, valued, &of);
	assert_true(parts_suit(m));
	assert_int_equal(parts_ask(p, m, &of), FEATURES_FINE);
	assert_int_equal(parts_version(p), model_state(m)->examples);
	for (unsigned i = 0; i <= EXAMPLES; i++) {
		struct features f = whole(i, valued);
		struct model_estimates said;

		assert_int_equal(model_predict(m, &f, &said), FEATURES_FINE);
		for (enum model_target t = 0; t < MODEL_TARGETS; t++) {
			const struct estimate *e = parts_said(p, t, i);

			if (!m->options.target[t])
				continue;
			near(e->mean, said.of[t].mean, "mean");
			near(e->raw, said.of[t].raw, "raw");
			near(e->z, said.of[t].z, "z");
			near(e->open_z, said.of[t].open_z, "open_z");
			near(e->open_deviation, said.of[t].open_deviation,
			    "open_deviation");
		}
	}
}

static void
parts_say_what_the_model_says_of_the_whole(void **state)
{
	const enum optimiser_algorithm algorithms[] = { OPTIMISER_LANES, OPTIMISER_FTRL,
		OPTIMISER_ADAGRAD };
	struct random r = seeded();
	struct parts *p = parts_new();

	(void)state;
	assert_non_null(p);
	/* Who has learned little believes in the mean of all. */
	for (unsigned i = 0; i < 6; i++) {
		struct model *m =
		    learned(algorithms[i / 2], i % 2 == 1, i % 2 == 1 ? 20000 : 20, &r);

		for (unsigned k = 0; k < 20; k++)
			compare(m, p, &r, k % 2 == 1);
		model_free(m);
	}
	parts_free(p);
}

/* As another process may leave them. */
static void
cells_that_are_no_numbers_are_taken_as_by_the_model(void **state)
{
	struct random r = seeded();
	struct parts *p = parts_new();
	struct model *m = learned(OPTIMISER_LANES, false, 5000, &r);
	unsigned n = 0;

	(void)state;
	for (uint64_t value = 0; value < 2 * (uint64_t)VALUES; value += 3, n++) {
		uint64_t key = learnt_key(2, value);
		uint64_t place = cells_find(&m->cells, cells_home(&m->cells, key), key);
		struct lanes_cell *cell;

		if (place == CELLS_NONE)
			continue;
		cell = cells_at(&m->cells, place);
		cell->mean[n % LANES] = NAN;
		cell->variance[(n + 1) % LANES] = INFINITY;
	}
	for (unsigned k = 0; k < 20; k++)
		compare(m, p, &r, false);
	model_free(m);
	parts_free(p);
}

static void
a_value_that_is_none_is_a_fault(void **state)
{
	struct random r = seeded();
	struct parts *p = parts_new();
	struct model *m = learned(OPTIMISER_LANES, false, 5000, &r);
	struct model_parts of;

	(void)state;
	make_slate(&r, true, &of);
	slate.x[3] = INFINITY;
	assert_int_equal(parts_ask(p, m, &of), FEATURES_VALUE);
	slate.x[3] = 1;
	slate.shared_x[1] = NAN;
	assert_int_equal(parts_ask(p, m, &of), FEATURES_VALUE);
	model_free(m);
	parts_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_say_what_the_model_says_of_the_whole),
		cmocka_unit_test(cells_that_are_no_numbers_are_taken_as_by_the_model),
		cmocka_unit_test(a_value_that_is_none_is_a_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
