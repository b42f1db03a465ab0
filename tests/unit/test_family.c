/* SPDX-License-Identifier: MIT
 *
 * Creatives of parts in a catalogue: which rows are one creative, whatever comes.
 */
#include "lib/delivery/family.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/delivery/catalogue.h"
#include "tests/unit/json_record.h"
#include "tests/unit/seed.h"
#include "tests/unit/snapshot.h"

enum { MEMORY = 1 << 20, ROWS = 16 };

static const struct catalogue_limits small = { 4, ROWS, 4 };
static struct error error;

static struct catalogue *
fresh(void)
{
	struct catalogue *c = catalogue_new((struct hash_key){ 1, 2 }, small, MEMORY);

	assert_non_null(c);
	return c;
}

static enum catalogue_result
offer(struct catalogue *c, const char *pairs, bool streamed)
{
	char text[1024];

	(void)snprintf(text, sizeof text, "{\"event\":\"creative\",%s}", pairs);
	return catalogue_take(c, json_record(text), streamed, &error);
}

static void
take(struct catalogue *c, const char *pairs)
{
	if (offer(c, pairs, true) != CATALOGUE_TAKEN)
		fail_msg("%s: %s", pairs, error.text);
}

/* The values of part `a` of all that the id names, in the order of rows. */
static const char *
named(const struct catalogue *c, const char *name)
{
	static char text[4][256];
	static unsigned turn;
	char *to = text[turn++ % 4];
	uint64_t id = catalogue_hash(c, slice_text(name));
	uint32_t row = catalogue_first_named(c, id);
	size_t n = 0;

	*to = '\0';
	for (; row != CATALOGUE_NONE; row = catalogue_next_named(c, id, row)) {
		struct slice parts, value = { NULL, 0 };

		if (value_get(catalogue_creative_record(c, row), "parts", &parts) &&
		    value_get(parts, "a", &value))
			(void)value_str(value, &value);
		n += (size_t)snprintf(to + n, sizeof *text - n, "%.*s ",
		    (int)value.size, (const char *)value.at);
		assert_true(
		    catalogue_runs(c, row, 0) || catalogue_creative(c, row)->paused);
	}
	return to;
}

/* --- Families -------------------------------------------------------------------------- */

/* Against a plain list of whose each row is. */
static void
families_are_their_rows_in_order(void **state)
{
	struct random r = seeded();
	uint64_t family[ROWS] = { 0 };
	struct families f;

	(void)state;
	assert_int_equal(families_init(&f, ROWS), 0);
	for (unsigned i = 0; i < 100000; i++) {
		uint32_t row = (uint32_t)hash_bucket(random_next(&r), ROWS), at;
		uint64_t whole = 1 + hash_bucket(random_next(&r), 4);

		if (family[row] != 0)
			families_remove(&f, family[row], row);
		family[row] = family[row] == whole ? 0 : whole;
		if (family[row] != 0)
			families_add(&f, whole, row);
		at = families_first(&f, whole);
		for (row = 0; row < ROWS; row++)
			if (family[row] == whole) {
				assert_int_equal(at, row);
				at = families_next(&f, at);
			}
		assert_int_equal(at, FAMILY_NONE);
	}
	families_fini(&f);
}

/* --- In a catalogue -------------------------------------------------------------------- */

static void
a_creative_of_parts_is_all_of_its_compositions(void **state)
{
	struct catalogue *c = fresh();
	uint64_t id = catalogue_hash(c, slice_text("c"));
	const struct creative *k;
	uint32_t row;

	(void)state;
	take(c, "\"creative_id\":\"b\",\"parts\":{\"a\":\"fixed\"}");
	take(c,
	    "\"creative_id\":\"c\",\"parts\":{\"a\":[\"x\",\"y\"],\"b\":[1,2]},"
	    "\"paused\":true,\"cap\":{\"total\":3},\"item_ids\":[\"i\"]");
	assert_string_equal(named(c, "c"), "x x y y ");
	assert_string_equal(named(c, "b"), "fixed ");
	assert_int_equal(catalogue_counts(c).creatives, 5);
	assert_int_equal(catalogue_find_creative(c, id), CATALOGUE_NONE);
	for (row = catalogue_first_named(c, id); row != CATALOGUE_NONE;
	     row = catalogue_next_named(c, id, row)) {
		k = catalogue_creative(c, row);
		assert_true(k->whole == id && k->id != id && k->paused);
		assert_true(cap_limits(k->cap) && k->item_count == 1);
		/* One of them is named by its own id, too. */
		assert_int_equal(catalogue_find_creative(c, k->id), row);
		assert_int_equal(catalogue_first_named(c, k->id), row);
		assert_int_equal(catalogue_next_named(c, k->id, row), CATALOGUE_NONE);
	}
	k = catalogue_creative(c, 0);
	assert_true(k->whole == k->id);
	catalogue_free(c);
}

static void
a_record_replaces_all_that_was_of_the_creative(void **state)
{
	struct catalogue *c = fresh();
	uint64_t x;

	(void)state;
	take(c, "\"creative_id\":\"c\",\"parts\":{\"a\":[\"x\",\"y\",\"z\"]}");
	x = catalogue_creative(c, 0)->id;
	take(c, "\"creative_id\":\"d\",\"parts\":{\"a\":[\"other\"]}");
	take(c,
	    "\"creative_id\":\"c\",\"parts\":{\"a\":[\"new\",\"x\"]},\"paused\":true");
	assert_string_equal(named(c, "c"), "x new ");
	assert_int_equal(catalogue_find_creative(c, x), 0);
	assert_true(catalogue_creative(c, 0)->paused);
	take(c, "\"creative_id\":\"c\",\"parts\":{\"a\":\"plain\"}");
	assert_string_equal(named(c, "c"), "plain ");
	take(c, "\"creative_id\":\"c\",\"parts\":{\"a\":[\"x\"]}");
	assert_string_equal(named(c, "c"), "x ");
	/* Compositions that were made elsewhere come one by one. */
	take(c,
	    "\"creative_id\":\"c~1\",\"composed_of\":\"c\",\"parts\":{\"a\":\"one\"}");
	take(c,
	    "\"creative_id\":\"c~2\",\"composed_of\":\"c\",\"parts\":{\"a\":\"two\"}");
	assert_int_equal(strlen(named(c, "c")), strlen("x one two "));
	take(c, "\"creative_id\":\"c~1\",\"deleted\":true");
	assert_int_equal(strlen(named(c, "c")), strlen("x two "));
	take(c,
	    "\"creative_id\":\"c~2\",\"composed_of\":\"d\",\"parts\":{\"a\":"
	    "\"moved\"}");
	assert_string_equal(named(c, "c"), "x ");
	assert_int_equal(strlen(named(c, "d")), strlen("other moved "));
	take(c, "\"creative_id\":\"c\",\"deleted\":true");
	take(c, "\"creative_id\":\"d\",\"deleted\":true");
	assert_int_equal(catalogue_counts(c).creatives, 0);
	assert_int_equal(catalogue_counts(c).bytes, 0);
	catalogue_free(c);
}

static void
what_is_refused_leaves_all_of_it_as_it_was(void **state)
{
	static const char *const wrong[][2] = {
		{ "\"creative_id\":\"c\",\"parts\":{\"a\":[]}",
		    "creative 'c': parts.a is an empty list" },
		{ "\"creative_id\":\"c\",\"parts\":{\"a\":[1,2],\"b\":[1,2],\"c\":[1,2]"
		  ","
		  "\"d\":[1,2]}",
		    "creative 'c': there are 16 already" },
		{ "\"creative_id\":\"c\",\"parts\":{\"a\":[\"x\",\"n\"]},\"width\":0",
		    "creative 'c': width is no number" },
		{ "\"creative_id\":\"c\",\"parts\":{\"a\":[\"x\",\"n\"]},\"targeting\":"
		  "7",
		    "creative 'c': targeting is neither" },
		{ "\"creative_id\":\"e\",\"composed_of\":[]",
		    "creative 'e': composed_of is no id" },
	};
	struct catalogue *c = fresh();
	struct catalogue_counts before;

	(void)state;
	take(c, "\"creative_id\":\"c\",\"parts\":{\"a\":[\"x\",\"y\"]}");
	before = catalogue_counts(c);
	for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		assert_int_equal(offer(c, wrong[i][0], true), CATALOGUE_REFUSED);
		assert_memory_equal(error.text, wrong[i][1], strlen(wrong[i][1]));
		assert_string_equal(named(c, "c"), "x y ");
		assert_int_equal(catalogue_counts(c).bytes, before.bytes);
	}
	catalogue_free(c);
}

/* The bound of memory counts all of them before any is there. */
static void
there_is_room_for_all_compositions_or_none(void **state)
{
	struct catalogue *c = catalogue_new((struct hash_key){ 1, 2 }, small, 200);

	(void)state;
	assert_int_equal(
	    offer(c,
		"\"creative_id\":\"c\",\"parts\":{\"a\":[\"x\",\"y\",\"z\",\"w\"]}",
		true),
	    CATALOGUE_REFUSED);
	assert_string_equal(
	    error.text, "creative 'c': no room for it in the memory of the catalogue");
	assert_int_equal(catalogue_counts(c).creatives, 0);
	take(c, "\"creative_id\":\"c\",\"parts\":{\"a\":[\"x\",\"y\"]}");
	/* In the place of what is there is room again. */
	take(c, "\"creative_id\":\"c\",\"parts\":{\"a\":[\"y\",\"x\"]}");
	assert_string_equal(named(c, "c"), "x y ");
	catalogue_free(c);
}

static void
a_snapshot_has_the_same_families(void **state)
{
	struct catalogue *c = fresh(), *d = fresh();
	struct snapshot snapshot;
	struct state_writer *w = snapshot_write(&snapshot);
	struct state_reader *r;

	(void)state;
	take(c, "\"creative_id\":\"b\"");
	take(c, "\"creative_id\":\"c\",\"parts\":{\"a\":[\"x\",\"y\"]}");
	take(c, "\"creative_id\":\"b\",\"deleted\":true");
	take(c, "\"creative_id\":\"c\",\"parts\":{\"a\":[\"z\",\"y\"]}");
	take(d, "\"creative_id\":\"c\",\"parts\":{\"a\":[\"other\"]}");
	catalogue_save(c, w);
	r = snapshot_read(&snapshot, w);
	assert_int_equal(catalogue_load(d, r, &error), 0);
	state_close(r);
	assert_string_equal(named(c, "c"), "z y ");
	assert_string_equal(named(d, "c"), "z y ");
	take(d, "\"creative_id\":\"c\",\"deleted\":true");
	assert_int_equal(catalogue_counts(d).creatives, 0);
	catalogue_free(c);
	catalogue_free(d);
}

static void
what_a_file_has_of_a_creative_is_all_of_it(void **state)
{
	struct catalogue *c = fresh(), *d = fresh();

	(void)state;
	take(c, "\"creative_id\":\"c\",\"parts\":{\"a\":[\"x\",\"y\"]}");
	take(c, "\"creative_id\":\"s\",\"parts\":{\"a\":[\"x\",\"y\"]}");
	assert_int_equal(
	    offer(d, "\"creative_id\":\"c\",\"parts\":{\"a\":[\"x\",\"z\"]}", false),
	    CATALOGUE_TAKEN);
	assert_int_equal(catalogue_inherit(d, c, &error), 0);
	assert_string_equal(named(d, "c"), "x z ");
	assert_string_equal(named(d, "s"), "x y ");
	catalogue_free(c);
	catalogue_free(d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(families_are_their_rows_in_order),
		cmocka_unit_test(a_creative_of_parts_is_all_of_its_compositions),
		cmocka_unit_test(a_record_replaces_all_that_was_of_the_creative),
		cmocka_unit_test(what_is_refused_leaves_all_of_it_as_it_was),
		cmocka_unit_test(there_is_room_for_all_compositions_or_none),
		cmocka_unit_test(a_snapshot_has_the_same_families),
		cmocka_unit_test(what_a_file_has_of_a_creative_is_all_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
