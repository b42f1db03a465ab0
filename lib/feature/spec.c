/* SPDX-License-Identifier: MIT
 *
 * A line is NAME = VERB ... in words.
 */
#include "lib/feature/spec.h"

#include <stdlib.h>

#include "lib/base/number.h"
#include "lib/feature/latest.h"
#include "lib/feature/variety.h"
#include "lib/feature/words.h"
#include "lib/hash.h"
#include "lib/record/feature_key.h"

/* --- Verbs ------------------------------------------------------------------------ */

static int
read_edges(struct words *w, struct spec_feature *f)
{
	struct slice word, part;

	if (words_subject(w, &f->subject) != 0 ||
	    words_next(w, "the edges", &word) != 0)
		return -1;
	while (words_part(&word, &part)) {
		double *edge = &f->edges[f->edge_count];

		if (f->edge_count == SPEC_EDGES_MAX)
			return error_set(w->error, "at most %d edges", SPEC_EDGES_MAX);
		if (!number_parse_double(part, edge) ||
		    (f->edge_count > 0 && *edge <= edge[-1]))
			return error_set(
			    w->error, "edges are ascending numbers: 1,5,10");
		f->edge_count++;
	}
	return 0;
}

static int
read_parts(struct words *w, struct spec_feature *f)
{
	while (w->next < w->count) {
		struct slice word = w->word[w->next++];
		unsigned i = 0, self = (unsigned)(f - w->spec->features);

		while (i < self && !slice_is(word, w->spec->features[i].name))
			i++;
		if (i == self)
			return error_set(w->error, "no feature '%.*s' before this line",
			    (int)word.size, (const char *)word.at);
		if (f->part_count == SPEC_PARTS_MAX)
			return error_set(
			    w->error, "at most %d features", SPEC_PARTS_MAX);
		f->parts[f->part_count++] = i;
	}
	return f->part_count >= 2 ? 0 : error_set(w->error, "at least two features");
}

static int
read_width(struct words *w, struct spec_feature *f)
{
	bool is_log = f->verb == FEATURE_LOG;

	f->step = 2;
	if (words_subject(w, &f->subject) != 0)
		return -1;
	if ((!is_log || w->next < w->count) &&
	    words_number(w, is_log ? "the ratio" : "the width", &f->step) != 0)
		return -1;
	return f->step > (is_log ? 1.0 : 0.0) && f->step < 1e15
	    ? 0
	    : error_set(w->error,
		  is_log ? "the ratio is more than 1" : "the width is more than 0");
}

static int
read_of(struct words *w, struct spec_feature *f)
{
	if (words_subject(w, &f->subject) != 0)
		return -1;
	if (!words_take(w, "of"))
		return error_set(w->error, "of what kind of event? (of view_item)");
	return words_kinds(w, &f->of);
}

static int
read_rate(struct words *w, struct spec_feature *f)
{
	char name[SUBJECT_NAME_MAX] = "rewards.";
	struct slice word;

	if (words_next(w, "the reward", &word) != 0)
		return -1;
	if (word.size > 64)
		return error_set(w->error, "the reward's name is too long");
	memcpy(name + 8, word.at, word.size);
	f->of = UINT64_C(1) << KIND_OUTCOME;
	return words_make_subject(w, &f->reward, slice_text(name));
}

static int
read_ratio(struct words *w, struct spec_feature *f)
{
	if (words_kinds(w, &f->of) != 0)
		return -1;
	if (!words_take(w, "/"))
		return error_set(w->error, "per what? (ratio click / impression)");
	return words_kinds(w, &f->per);
}

static int
read_last(struct words *w, struct spec_feature *f)
{
	double n;

	if (words_number(w, "how many", &n) != 0)
		return -1;
	if (!(n >= 1 && n <= SPEC_LAST_MAX))
		return error_set(w->error, "the last 1 to %d", SPEC_LAST_MAX);
	f->last = (unsigned)n;
	return read_of(w, f);
}

static int
read_subject(struct words *w, struct spec_feature *f)
{
	switch (f->verb) {
	case FEATURE_FIELD:
	case FEATURE_NUMBER:
	case FEATURE_WORDS:
	case FEATURE_VECTOR:
		return words_subject(w, &f->subject);
	case FEATURE_LINEAR:
	case FEATURE_LOG:
		return read_width(w, f);
	case FEATURE_EDGES:
		return read_edges(w, f);
	case FEATURE_CROSS:
		return read_parts(w, f);
	case FEATURE_COUNT:
	case FEATURE_SINCE:
		return words_kinds(w, &f->of);
	case FEATURE_SUM:
	case FEATURE_DISTINCT:
		return read_of(w, f);
	case FEATURE_LAST:
		return read_last(w, f);
	case FEATURE_RATE:
		return read_rate(w, f);
	case FEATURE_RATIO:
		return read_ratio(w, f);
	case FEATURE_HOUR:
	case FEATURE_WEEKDAY:
		break;
	}
	return 0;
}

/* --- Lines ------------------------------------------------------------------------ */

static const struct {
	const char *word;
	enum feature_verb verb;
} verbs[] = { { "field", FEATURE_FIELD }, { "number", FEATURE_NUMBER },
	{ "linear", FEATURE_LINEAR }, { "log", FEATURE_LOG },
	{ "edges", FEATURE_EDGES }, { "words", FEATURE_WORDS },
	{ "vector", FEATURE_VECTOR }, { "hour", FEATURE_HOUR },
	{ "weekday", FEATURE_WEEKDAY }, { "cross", FEATURE_CROSS },
	{ "count", FEATURE_COUNT }, { "sum", FEATURE_SUM }, { "since", FEATURE_SINCE },
	{ "distinct", FEATURE_DISTINCT }, { "last", FEATURE_LAST },
	{ "rate", FEATURE_RATE }, { "ratio", FEATURE_RATIO } };

static int
read_name(struct words *w, struct spec_feature *f)
{
	struct slice name;

	if (words_next(w, "the name", &name) != 0)
		return -1;
	if (name.size >= SPEC_NAME_MAX)
		return error_set(
		    w->error, "a name has at most %d characters", SPEC_NAME_MAX - 1);
	memcpy(f->name, name.at, name.size);
	f->space = feature_space(name);
	for (struct spec_feature *g = w->spec->features; g < f; g++) {
		if (slice_is(name, g->name))
			return error_set(w->error, "'%s' is there already", f->name);
		if (g->space == f->space)
			return error_set(w->error,
			    "'%s' falls into the namespace of '%s': rename it", f->name,
			    g->name);
	}
	return words_take(w, "=") ? 0 : error_set(w->error, "NAME = VERB ...");
}

static int
read_verb(struct words *w, struct spec_feature *f)
{
	struct slice word;
	unsigned i = 0, n = sizeof verbs / sizeof *verbs;

	if (words_next(w, "what it is", &word) != 0)
		return -1;
	while (i < n && !slice_is(word, verbs[i].word))
		i++;
	if (i == n)
		return error_set(w->error,
		    "no '%.*s' (field, number, linear, log, edges, words, vector, "
		    "hour, weekday, cross, count, sum, since, distinct, last, rate, "
		    "ratio)",
		    (int)word.size, (const char *)word.at);
	f->verb = verbs[i].verb;
	f->counts = f->verb >= FEATURE_COUNT;
	w->spec->counts |= f->counts;
	return 0;
}

/* The sizes of what is counted, and what goes without saying. */
static int
complete(struct words *w, struct spec_feature *f)
{
	if (f->verb == FEATURE_SINCE)
		f->window.kind = WINDOW_SINCE;
	else if (f->window.length.us == 0 && f->verb != FEATURE_LAST)
		return error_set(
		    w->error, "how long? (in 24h, fading 24h, or session 30m)");
	if (f->verb == FEATURE_DISTINCT) {
		if (f->window.kind != WINDOW_SLIDING)
			return error_set(w->error, "distinct takes in 24h only");
		f->cell_size = sizeof(struct variety);
	} else if (f->verb == FEATURE_LAST) {
		if (f->window.kind == WINDOW_DECAYED)
			return error_set(
			    w->error, "last takes in 24h or session 30m only");
		f->cell_size = LATEST_REPEATS * f->last * sizeof(struct latest);
	} else if (f->verb == FEATURE_SINCE) {
		f->cell_size = LATEST_SINCE * sizeof(struct latest);
	} else {
		f->cell_size = f->window.kind == WINDOW_SESSION
		    ? sizeof(struct latest_session)
		    : window_cell_size(f->window);
		if (f->verb >= FEATURE_RATE)
			f->cell_size *= 2; /* above the line, below it */
	}
	return 0;
}

static bool
same_keys(const struct spec_level *a, const struct spec_level *b)
{
	bool same = a->key_count == b->key_count;

	for (unsigned k = 0; same && k < a->key_count; k++)
		same = a->keys[k].slot == b->keys[k].slot;
	return same;
}

/* Give each level its part of a cell. */
static void
find_groups(struct spec *s, struct spec_feature *f)
{
	for (unsigned i = 0; i < f->level_count; i++) {
		struct spec_level *l = &f->levels[i];
		unsigned g = 0;

		while (g < s->group_count && !same_keys(s->keys[g], l))
			g++;
		s->group_count += g == s->group_count;
		s->keys[g] = l;
		l->group = g;
		l->offset = s->groups[g].cell_size;
		s->groups[g].cell_size += f->cell_size;
	}
}

static int
read_line(struct words *w, struct slice line)
{
	struct spec *s = w->spec;
	struct spec_feature *f = &s->features[s->count];

	if (words_split(w, line) != 0)
		return -1;
	if (w->count == 0 || w->word[0].at[0] == '#')
		return 0;
	if (s->count == SPEC_FEATURES_MAX)
		return error_set(w->error, "more than %d features", SPEC_FEATURES_MAX);
	s->count++;
	f->prior = 20;
	if (read_name(w, f) != 0 || read_verb(w, f) != 0 || read_subject(w, f) != 0)
		return -1;
	f->as_number = f->verb >= FEATURE_RATE;
	if (f->counts && (clauses_read(w, f) != 0 || complete(w, f) != 0))
		return -1;
	find_groups(s, f);
	if (w->next < w->count)
		return error_set(w->error, "'%.*s' is not understood",
		    (int)w->word[w->next].size, (const char *)w->word[w->next].at);
	return 0;
}

struct spec *
spec_new(struct reader *reader, struct slice text, struct error *error)
{
	struct error inner;
	struct words w = { .reader = reader, .error = &inner };
	struct spec *s = calloc(1, sizeof *s);
	unsigned number = 0;

	if (s != NULL)
		s->features = calloc(SPEC_FEATURES_MAX, sizeof *s->features);
	if (s == NULL || s->features == NULL) {
		(void)error_set(error, "no memory for the features");
		spec_free(s);
		return NULL;
	}
	w.spec = s;
	s->consent = reader_key(reader, "consent");
	s->verdict = reader_key(reader, "verdict");
	s->hash = hash_bytes(text, 0);
	while (text.size > 0) {
		size_t size = slice_find(text, '\n');

		number++;
		if (read_line(&w, slice_of(text.at, size)) != 0) {
			(void)error_set(error, "line %u: %s", number, inner.text);
			spec_free(s);
			return NULL;
		}
		text = slice_from(text, size < text.size ? size + 1 : size);
	}
	return s;
}

void
spec_free(struct spec *s)
{
	if (s == NULL)
		return;
	for (unsigned i = 0; s->features != NULL && i < s->count; i++) {
		struct spec_feature *f = &s->features[i];

		subject_fini(&f->subject);
		subject_fini(&f->reward);
		expr_free(f->where);
		for (unsigned l = 0; l < f->level_count; l++)
			for (unsigned k = 0; k < f->levels[l].key_count; k++)
				subject_fini(&f->levels[l].keys[k]);
	}
	for (unsigned i = 0; i < s->group_count; i++)
		group_fini(&s->groups[i]);
	free(s->features);
	free(s);
}

/* Every table room for the same number of keys, about. */
int
spec_reserve(struct spec *s, uint64_t memory_bytes, struct error *error)
{
	enum { PLACE = 24 }; /* bytes of a table besides the cell */
	uint64_t total = 0;

	for (unsigned i = 0; i < s->group_count; i++)
		if (s->keys[i]->key_count > 0)
			total += s->groups[i].cell_size + PLACE;
	for (unsigned i = 0; i < s->group_count; i++) {
		struct group *g = &s->groups[i];
		uint64_t part = total == 0 ? 0 : memory_bytes / total;

		if (group_init(g, s->keys[i]->key_count > 0,
			part * (g->cell_size + PLACE)) != 0)
			return error_set(error,
			    "too little memory for the counters (raise --memory)");
	}
	return 0;
}
