/* SPDX-License-Identifier: MIT */
#include "lib/option.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct example {
	bool loud;
	uint64_t cap;
	double rate;
	const char *file;
	struct span window;
	struct size memory;
	int format;
};

static const struct option table[] = {
	OPTION('l', "loud", struct example, loud, NULL, "say more"),
	OPTION('c', "cap", struct example, cap, "3", "impressions allowed"),
	OPTION(0, "rate", struct example, rate, "0.5", "learning rate"),
	OPTION_ASIDE('f', "file", struct example, file, NULL, "write there", "FILE"),
	OPTION('w', "window", struct example, window, "24h", "length"),
	OPTION(0, "memory", struct example, memory, "64M", "bytes"),
	OPTION_CHOICE(0, "format", struct example, format, "table|json|csv", "how"),
	OPTION_END,
};

static int
parse(
    struct example *e, int argc, const char **argv, int *operands, struct error *error)
{
	struct option_set set = { table, e };

	memset(e, 0, sizeof *e);
	option_defaults(&set, 1);
	return option_parse(&set, 1, argc, (char **)(uintptr_t)argv, operands, error);
}

static void
presets_hold_where_nothing_is_given(void **state)
{
	const char *argv[] = { "x" };
	struct example e;
	struct error error;
	int operands;

	(void)state;
	assert_int_equal(parse(&e, 1, argv, &operands, &error), 0);
	assert_false(e.loud);
	assert_int_equal(e.cap, 3);
	assert_true(e.rate == 0.5);
	assert_null(e.file);
	assert_int_equal(e.window.us, WHEN_DAY);
	assert_int_equal(e.memory.bytes, 64 << 20);
	assert_int_equal(e.format, 0);
	assert_int_equal(operands, 0);
}

static void
every_spelling_of_an_option_is_read_and_operands_are_gathered(void **state)
{
	const char *argv[] = { "x", "one", "-lc7", "--rate=0.25", "two", "--file",
		"out", "-w", "10m", "--memory", "1G", "--format", "csv", "--",
		"--three", "-" };
	struct example e;
	struct error error;
	int operands;

	(void)state;
	assert_int_equal(
	    parse(&e, sizeof argv / sizeof *argv, argv, &operands, &error), 0);
	assert_true(e.loud);
	assert_int_equal(e.cap, 7);
	assert_true(e.rate == 0.25);
	assert_string_equal(e.file, "out");
	assert_int_equal(e.window.us, 10 * WHEN_MINUTE);
	assert_int_equal(e.memory.bytes, 1 << 30);
	assert_int_equal(e.format, 2);
	assert_int_equal(operands, 4);
	assert_string_equal(argv[1], "one");
	assert_string_equal(argv[3], "--three");
	assert_string_equal(argv[4], "-");
}

static void
a_wrong_option_is_named_with_what_it_wants(void **state)
{
	static const struct {
		const char *argument[2], *text;
	} cases[] = {
		{ { "--nothing", NULL }, "no option --nothing (see --help)" },
		{ { "-x", NULL }, "no option -x (see --help)" },
		{ { "--cap", NULL }, "--cap wants a whole number" },
		{ { "--cap", "-1" }, "--cap wants a whole number, not '-1'" },
		{ { "--cap=3x", NULL }, "--cap wants a whole number, not '3x'" },
		{ { "--rate", "nan" }, "--rate wants a number, not 'nan'" },
		{ { "-w", "5" },
		    "--window wants a duration such as 90s, 10m, 24h or 7d, not '5'" },
		{ { "--memory=1X", NULL },
		    "--memory wants a size such as 64M, not '1X'" },
		{ { "--format", "xml" },
		    "--format wants one of table|json|csv, not 'xml'" },
		{ { "--loud=yes", NULL }, "--loud takes no value" },
		{ { "--lou", NULL }, "no option --lou (see --help)" },
	};
	struct example e;
	struct error error;
	int operands;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *argv[] = { "x", cases[i].argument[0],
			cases[i].argument[1] };
		int argc = cases[i].argument[1] == NULL ? 2 : 3;

		assert_int_equal(parse(&e, argc, argv, &operands, &error), -1);
		assert_string_equal(error.text, cases[i].text);
	}
}

static void
a_value_is_written_as_it_could_be_given(void **state)
{
	static const char *const expected[] = { "no", "3", "0.5", "", "1d", "64M",
		"table" };
	const char *argv[] = { "x" };
	struct example e, again;
	struct error error;
	char text[128];
	int operands;

	(void)state;
	assert_int_equal(parse(&e, 1, argv, &operands, &error), 0);
	memset(&again, 0, sizeof again);
	for (unsigned i = 0; i < 7; i++) {
		option_format(&table[i], &e, text, sizeof text);
		assert_string_equal(text, expected[i]);
		if (table[i].type == OPTION_FLAG || text[0] == '\0')
			continue;
		assert_int_equal(option_assign(&table[i], &again, text, &error), 0);
	}
	assert_memory_equal(&e, &again, sizeof e);
}

static void
help_is_cut_to_its_buffer_but_tells_its_length(void **state)
{
	char whole[2048], cut[100];
	size_t size = option_help(table, whole, sizeof whole);

	(void)state;
	assert_int_equal(size, strlen(whole));
	assert_int_equal(option_help(table, cut, sizeof cut), size);
	assert_memory_equal(whole, cut, sizeof cut - 1);
	assert_non_null(strstr(whole, "  -f, --file FILE               write there\n"));
	assert_non_null(
	    strstr(whole, "      --format WORD             how (table|json|csv)\n"));
	assert_true(option_brief(table, whole, sizeof whole) == strlen(whole));
	assert_non_null(strstr(whole, "  --cap COUNT (3)"));
}

static void
names_are_split_at_commas(void **state)
{
	const char *rest = "a,,bc,";
	struct slice name;

	(void)state;
	assert_true(option_next_name(&rest, &name) && slice_is(name, "a"));
	assert_true(option_next_name(&rest, &name) && slice_is(name, "bc"));
	assert_false(option_next_name(&rest, &name));
	rest = NULL;
	assert_false(option_next_name(&rest, &name));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(presets_hold_where_nothing_is_given),
		cmocka_unit_test(
		    every_spelling_of_an_option_is_read_and_operands_are_gathered),
		cmocka_unit_test(a_wrong_option_is_named_with_what_it_wants),
		cmocka_unit_test(a_value_is_written_as_it_could_be_given),
		cmocka_unit_test(help_is_cut_to_its_buffer_but_tells_its_length),
		cmocka_unit_test(names_are_split_at_commas),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
