/* SPDX-License-Identifier: MIT */
#include "lib/text/examples.h"

#include <stdlib.h>

#include "lib/base/assert.h"
#include "lib/text/example.h"

static const struct {
	const char *name;
	enum examples_kind kind;
	enum examples_layout layout;
} formats[] = {
	{ "vw", EXAMPLES_VW, LAYOUT_UNKNOWN },
	{ "vw-lines", EXAMPLES_VW, LAYOUT_LINES },
	{ "vw-adf", EXAMPLES_VW, LAYOUT_GROUPS },
	{ "libsvm", EXAMPLES_LIBSVM, LAYOUT_LINES },
	{ "ffm", EXAMPLES_FFM, LAYOUT_LINES },
};

enum { FORMATS = sizeof formats / sizeof formats[0] };

static unsigned
find(struct slice name)
{
	unsigned i = 0;

	while (i < FORMATS && !slice_is(name, formats[i].name))
		i++;
	return i;
}

bool
examples_known(struct slice name)
{
	return find(name) < FORMATS;
}

struct examples *
examples_new(struct slice name)
{
	unsigned i = find(name);
	struct examples *x = calloc(1, sizeof *x);

	assert(i < FORMATS);
	if (x == NULL)
		return NULL;
	x->kind = formats[i].kind;
	x->layout = formats[i].layout;
	if (x->kind == EXAMPLES_VW)
		x->actions = calloc(EXAMPLES_ACTIONS_MAX, sizeof *x->actions);
	if (!sparse_init(&x->features) ||
	    (x->kind == EXAMPLES_VW && x->actions == NULL)) {
		examples_free(x);
		return NULL;
	}
	return x;
}

void
examples_free(struct examples *x)
{
	if (x == NULL)
		return;
	sparse_fini(&x->features);
	free(x->actions);
	free(x);
}

void
examples_on_name(struct examples *x, examples_name *name, void *context)
{
	x->features.name = name;
	x->features.context = context;
}

/* --- Where an example ends -------------------------------------------------------- */

static bool
is_empty(struct slice line)
{
	while (line.size > 0 && (sparse_is_space(line.at[0]) || line.at[0] == '\n'))
		line = slice_from(line, 1);
	return line.size == 0;
}

/* How a text of VW is made up, told by its first lines: a number as label, and a second
 * action with a cost, are of a text of which each line is an example; 'shared', and an
 * empty line after some without a number, of one whose examples end there. The answer
 * depends on the text alone and not on how it arrives. */
static enum examples_layout
look(struct slice bytes, bool end)
{
	bool all = end || bytes.size >= EXAMPLES_LOOK_MAX;
	unsigned lines = 0, costs = 0;
	struct fault fault;

	if (bytes.size > EXAMPLES_LOOK_MAX)
		bytes.size = EXAMPLES_LOOK_MAX;
	while (bytes.size > 0) {
		size_t size = slice_find(bytes, '\n');
		struct passage p = { bytes.at, bytes.at, bytes.at + size, &fault };
		struct vw_label label;

		if (size == bytes.size && !end)
			break;
		if (is_empty(slice_of(bytes.at, size))) {
			if (lines > 0)
				return LAYOUT_GROUPS;
		} else if (vw_label(&p, &label)) {
			lines++;
			costs += label.kind == VW_ACTION;
			if (label.kind == VW_SHARED)
				return LAYOUT_GROUPS;
			if (label.kind == VW_NUMBER || costs == 2)
				return LAYOUT_LINES;
		}
		bytes = slice_from(bytes, size + (size < bytes.size));
	}
	if (!all)
		return LAYOUT_UNKNOWN;
	return costs == 1 && lines > 1 ? LAYOUT_GROUPS : LAYOUT_LINES;
}

static size_t
frame_line(struct slice bytes, bool end)
{
	size_t size = slice_find(bytes, '\n');

	if (size < bytes.size)
		return size + 1;
	return end ? size : 0;
}

static size_t
frame_group(struct examples *x, struct slice bytes, bool end)
{
	bool full = bytes.size >= RECORD_SIZE_MAX;
	size_t lines = 0, size;

	if (full)
		bytes.size = RECORD_SIZE_MAX;
	for (;;) {
		struct slice rest = slice_from(bytes, lines);

		size = slice_find(rest, '\n');
		if (size == rest.size)
			break;
		lines += size + 1;
		x->whole = is_empty(slice_of(rest.at, size));
		if (x->whole)
			return lines;
	}
	if (!full) {
		x->whole = end;
		return end ? bytes.size : 0;
	}
	/* A line that is too long by itself is refused by who reads lines. */
	if (lines == 0)
		x->layout = LAYOUT_BROKEN;
	return lines;
}

size_t
examples_frame(struct examples *x, struct slice bytes, bool end)
{
	if (x->layout == LAYOUT_UNKNOWN)
		x->layout = look(bytes, end);
	if (x->layout == LAYOUT_UNKNOWN)
		return 0;
	if (x->layout == LAYOUT_LINES)
		return frame_line(bytes, end);
	return frame_group(x, bytes, end);
}

/* --- Reading ---------------------------------------------------------------------- */

static struct slice
without_end(struct slice text)
{
	while (text.size > 0 &&
	    (text.at[text.size - 1] == '\n' || text.at[text.size - 1] == '\r'))
		text.size--;
	return text;
}

/* False: the text is a part of an example that is too large. */
static bool
is_whole(struct examples *x)
{
	bool whole = x->whole && x->layout != LAYOUT_BROKEN;

	x->layout = x->whole ? LAYOUT_GROUPS : LAYOUT_BROKEN;
	return whole;
}

static bool
read_example(struct examples *x, struct passage *p, struct slice id, struct build *to)
{
	if (x->kind != EXAMPLES_VW)
		return example_of_pairs(x, p, id, to);
	if (x->layout == LAYOUT_LINES)
		return example_of_vw(x, p, id, to);
	return is_whole(x)
	    ? example_of_group(x, p, id, to)
	    : passage_fail(p, p->start, "of an example of more than 1 MiB");
}

enum examples_result
examples_read(struct examples *x, struct slice text, const struct line_ids *ids,
    uint8_t id[LINE_ID_SIZE], struct build *to, struct fault *fault)
{
	struct build before = *to;
	struct passage p;

	text = without_end(text);
	if (x->kind != EXAMPLES_VW)
		text.size = slice_find(text, '#');
	if (text.size == 0 || is_empty(text)) {
		if (x->kind == EXAMPLES_VW && x->layout != LAYOUT_LINES)
			(void)is_whole(x);
		return EXAMPLES_NONE;
	}
	x->count++;
	x->features.n = 0;
	line_ids_numbered(ids, text, x->count, id);
	p = (struct passage){ text.at, text.at, text.at + text.size, fault };
	if (read_example(x, &p, slice_of(id, LINE_ID_SIZE), to) &&
	    (!build_full(to) ||
		passage_fail(&p, p.start, "it makes a record of more than 1 MiB")))
		return EXAMPLES_RECORD;
	*to = before;
	return EXAMPLES_FAULT;
}

/* --- Snapshots and detection ------------------------------------------------------ */

struct slice
examples_state(struct examples *x)
{
	uint64_t count = bytes_le64(x->count);

	memcpy(x->state, &count, sizeof count);
	x->state[8] = (uint8_t)x->layout;
	return slice_of(x->state, sizeof x->state);
}

bool
examples_restore(struct examples *x, struct slice state)
{
	if (state.size != EXAMPLES_STATE_SIZE || state.at[8] >= LAYOUTS)
		return false;
	x->count = bytes_load_le64(state.at);
	x->layout = (enum examples_layout)state.at[8];
	return true;
}

/* Whether words of digits and colons, ended by a number, are all that is left. */
static bool
are_pairs(struct passage p, unsigned colons)
{
	struct slice word;
	unsigned n = 0;
	double value;

	for (; passage_word(&p, &word) && word.at[0] != '#'; n++) {
		const uint8_t *at = word.at, *end = word.at + word.size;

		for (unsigned i = 0; i < colons; i++) {
			const uint8_t *from = at;

			while (at < end && *at >= '0' && *at <= '9')
				at++;
			if (at == from || at == end || *at++ != ':')
				return false;
		}
		if (sparse_number(at, end, &value) != end)
			return false;
	}
	return n > 0;
}

const char *
examples_detect(struct slice line)
{
	struct fault fault;
	struct passage p = { line.at, line.at, line.at + line.size, &fault };
	struct vw_label vw;
	struct slice word;
	double label;

	if (vw_label(&p, &vw))
		return vw.kind != VW_NONE &&
			(vw.kind != VW_ACTION || vw.action.at != NULL)
		    ? "vw"
		    : NULL;
	p.at = p.start;
	if (!passage_word(&p, &word) || !passage_number(&p, word, "", &label))
		return NULL;
	if (are_pairs(p, 2))
		return "ffm";
	if (passage_word(&(struct passage){ p.start, p.at, p.end, &fault }, &word) &&
	    word.size > 4 && memcmp(word.at, "qid:", 4) == 0)
		(void)passage_word(&p, &word);
	return are_pairs(p, 1) ? "libsvm" : NULL;
}
