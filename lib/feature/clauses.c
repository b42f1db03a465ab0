/* SPDX-License-Identifier: MIT
 *
 * What follows a verb that counts: by what, how long, when.
 */
#include "lib/feature/users.h"
#include "lib/feature/words.h"

int
words_kinds(struct words *w, uint64_t *to)
{
	struct slice word, part;

	if (words_next(w, "the kind of event", &word) != 0)
		return -1;
	while (words_part(&word, &part)) {
		enum kind kind = kind_of(part);

		if (kind == KIND_OTHER)
			return error_set(w->error,
			    "'%.*s' is no kind of event (try impression, click, "
			    "view_item, purchase, outcome)",
			    (int)part.size, (const char *)part.at);
		if (kind == KIND_VERDICT || kind == KIND_RETRACT)
			return error_set(w->error,
			    "'%.*s' says something of an event, and is none that "
			    "counts",
			    (int)part.size, (const char *)part.at);
		*to |= UINT64_C(1) << kind;
	}
	return *to != 0 ? 0 : error_set(w->error, "the kind of event is missing");
}

/* Keys of the same text share a slot, so that a record's value is hashed once. */
static unsigned
slot_of(struct spec *s, const struct subject *key)
{
	for (unsigned i = 0; i < s->count; i++) {
		const struct spec_feature *f = &s->features[i];

		for (unsigned l = 0; l < f->level_count; l++)
			for (unsigned k = 0; k < f->levels[l].key_count; k++)
				if (&f->levels[l].keys[k] != key &&
				    strcmp(f->levels[l].keys[k].name, key->name) == 0)
					return f->levels[l].keys[k].slot;
	}
	return s->slots++;
}

static int
read_key(struct words *w, struct spec_level *level, struct slice word)
{
	struct subject *key;

	if (level->key_count == SPEC_KEYS_MAX)
		return error_set(w->error, "at most %d fields in a key", SPEC_KEYS_MAX);
	key = &level->keys[level->key_count++];
	if (words_make_subject(w, key, word) != 0)
		return -1;
	key->slot = slot_of(w->spec, key);
	key->personal = users_named(slice_text(key->name));
	return 0;
}

static int
read_level(struct words *w, struct spec_feature *f)
{
	struct spec_level *level = &f->levels[f->level_count];
	struct slice word, part;

	if (f->level_count == SPEC_LEVELS_MAX)
		return error_set(w->error, "at most %d levels", SPEC_LEVELS_MAX);
	if (words_next(w, "the key", &word) != 0)
		return -1;
	f->level_count++;
	if (slice_is(word, "*"))
		return 0;
	if (word.at[0] == '(')
		return read_key(w, level, word);
	while (words_part(&word, &part)) {
		if (read_key(w, level, part) != 0)
			return -1;
	}
	return 0;
}

static int
read_levels(struct words *w, struct spec_feature *f)
{
	do {
		if (read_level(w, f) != 0)
			return -1;
	} while (words_take(w, ">"));
	return 0;
}

static int
read_where(struct words *w, struct spec_feature *f)
{
	struct slice word;
	struct error inner;

	if (words_next(w, "the condition", &word) != 0)
		return -1;
	if (f->where != NULL)
		return error_set(w->error, "where is there twice");
	f->where = expr_compile_condition(w->reader, word, &inner);
	return f->where != NULL ? 0 : error_set(w->error, "%s", inner.text);
}

static int
read_window(
    struct words *w, struct spec_feature *f, enum window_kind kind, const char *what)
{
	f->window.kind = kind;
	f->window.slices = kind == WINDOW_SLIDING ? SPEC_SLICES : 0;
	return words_span(w, what, &f->window.length);
}

static int
read_as(struct words *w, struct spec_feature *f)
{
	f->as_number = words_take(w, "number");
	return f->as_number || words_take(w, "bucket")
	    ? 0
	    : error_set(w->error, "as number, or as bucket");
}

int
clauses_read(struct words *w, struct spec_feature *f)
{
	int status = 0;

	while (status == 0 && w->next < w->count) {
		if (words_take(w, "by"))
			status = read_levels(w, f);
		else if (words_take(w, "in"))
			status = read_window(w, f, WINDOW_SLIDING, "the window");
		else if (words_take(w, "fading"))
			status = read_window(w, f, WINDOW_DECAYED, "the half-life");
		else if (words_take(w, "session"))
			status = read_window(w, f, WINDOW_SESSION, "the pause");
		else if (words_take(w, "prior"))
			status = words_number(w, "the prior", &f->prior);
		else if (words_take(w, "as"))
			status = read_as(w, f);
		else if (words_take(w, "where"))
			status = read_where(w, f);
		else
			status = error_set(w->error,
			    "'%.*s' is not understood (by, in, fading, session, "
			    "prior, as, where)",
			    (int)w->word[w->next].size,
			    (const char *)w->word[w->next].at);
	}
	if (status != 0)
		return -1;
	if (f->level_count == 0)
		return error_set(w->error, "by what? (by user_id, or by *)");
	if (f->level_count > 1 && f->verb != FEATURE_RATE && f->verb != FEATURE_RATIO)
		return error_set(w->error, "only rates and ratios have levels");
	if (f->verb >= FEATURE_RATE && f->levels[f->level_count - 1].key_count > 0) {
		if (f->level_count == SPEC_LEVELS_MAX)
			return error_set(
			    w->error, "at most %d levels, * the last", SPEC_LEVELS_MAX);
		f->level_count++; /* everything */
	}
	if (f->prior < 0 || f->prior > 1e9)
		return error_set(w->error, "the prior is 0 to 1e9 events");
	return 0;
}
