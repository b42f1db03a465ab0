/* SPDX-License-Identifier: MIT
 *
 * bp-select: let through the records for which a condition holds.
 *
 * in     any records
 * out    the same bytes in the same order, without those for which it does not hold;
 *        with --fields or --drop the fields that are asked for
 * state  none
 * needs  nothing
 */
#include "lib/filter.h"
#include "lib/text/expr.h"

enum { KEYS_MAX = 128 }; /* names in --fields or --drop */

struct selection {
	const char *condition;
	const char *fields, *drop; /* comma-separated names, or NULL */
	const char *rest;          /* a file for what is left out, or NULL */

	struct expr *expr;
	struct output *left_out;
	struct key kept[KEYS_MAX], dropped[KEYS_MAX];
	unsigned kept_count, dropped_count;
};

static const struct option operands[] = {
	OPERAND("EXPRESSION", struct selection, condition, "which records pass"),
	OPTION_END,
};

static const struct option options[] = {
	OPTION('f', "fields", struct selection, fields, NULL,
	    "keep these fields only, and the envelope", "A,B,..."),
	OPTION('d', "drop", struct selection, drop, NULL, "leave out these fields",
	    "A,B,..."),
	OPTION_ASIDE('r', "rest", struct selection, rest, NULL,
	    "write the records that do not pass to this file", "FILE"),
	OPTION_END,
};

/* What a record is no record without, or would count as another one. */
static const char *const envelope[] = { "event", "event_id", "timestamp", "weight" };

enum { ENVELOPE = sizeof envelope / sizeof envelope[0] };

/* The keys of a list of names. */
static int
read_names(struct run *run, const char *option, const char *text, struct key *keys,
    unsigned *count)
{
	struct slice name;

	while (option_next_name(&text, &name)) {
		if (*count == KEYS_MAX)
			return run_usage(
			    run, "--%s: more than %d fields", option, KEYS_MAX);
		if (name.size > RECORD_KEY_SIZE_MAX)
			return run_usage(run, "--%s: a name of more than %d bytes",
			    option, RECORD_KEY_SIZE_MAX);
		keys[(*count)++] = run_key_slice(run, name);
	}
	return 0;
}

static int
read_fields(struct run *run, struct selection *s)
{
	for (unsigned i = 0; i < ENVELOPE && s->fields != NULL; i++)
		s->kept[s->kept_count++] = run_key(run, envelope[i]);
	if ((s->fields != NULL &&
		read_names(run, "fields", s->fields, s->kept, &s->kept_count) < 0) ||
	    (s->drop != NULL &&
		read_names(run, "drop", s->drop, s->dropped, &s->dropped_count) < 0))
		return -1;
	for (unsigned i = 0; i < s->dropped_count; i++)
		for (unsigned j = 0; j < ENVELOPE; j++)
			if (s->dropped[i].id == run_key(run, envelope[j]).id)
				return run_usage(run,
				    "--drop: every record keeps its %s", envelope[j]);
	return 0;
}

static int
start(struct run *run, void *self)
{
	struct selection *s = self;
	struct error error;

	s->expr =
	    expr_compile_condition(run_reader(run), slice_text(s->condition), &error);
	if (s->expr == NULL)
		return run_usage(run, "%s", error.text);
	if (read_fields(run, s) < 0)
		return -1;
	run_counter(run, "cut_off", "Matches and expressions that took too long.",
	    expr_cut_off(s->expr));
	if (s->rest == NULL)
		return 0;
	s->left_out = run_outlet(run, s->rest);
	return s->left_out == NULL ? -1 : 0;
}

static enum verdict
each(struct run *run, void *self, const struct record *r)
{
	struct selection *s = self;

	if (!expr_test(s->expr, r)) {
		if (s->left_out != NULL &&
		    run_divert(run, s->left_out, slice_of(r->bytes, r->size)) < 0)
			return FAIL;
		return DROP;
	}
	if (s->fields != NULL)
		run_keep(run, s->kept, s->kept_count);
	for (unsigned i = 0; i < s->dropped_count; i++)
		run_unset(run, s->dropped[i]);
	return PASS;
}

static void
stop(void *self)
{
	struct selection *s = self;

	expr_free(s->expr);
}

static const struct filter select_filter = {
	.name = "select",
	.about = "let through the records for which a condition holds",
	.examples =
	    "  bp-select 'event == \"click\" and position < 3' day.bp >top.bp\n"
	    "  bp-select 'timestamp in 2019-11-24..2019-11-25' --rest rest.bp day.bp\n"
	    "  bp-select 'url =~ \"/shoes/\"' --fields creative_id,url day.bp\n",
	.options = options,
	.operands = operands,
	.size = sizeof(struct selection),
	.start = start,
	.each = each,
	.stop = stop,
};

int
main(int argc, char **argv)
{
	return filter_main(&select_filter, argc, argv);
}
