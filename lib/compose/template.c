/* SPDX-License-Identifier: MIT */
#include "lib/compose/template.h"

#include <stdlib.h>

#include "lib/base/number.h"
#include "lib/compose/escape.h"
#include "lib/record/value.h"
#include "lib/text/utf8.h"

enum piece_kind {
	STATIC, /* text as it stands */
	VALUE,
	IF,   /* go on at `next` when there is no such value */
	JUMP, /* go on there */
};

/* Names that are no part of the creative. */
enum own_name { CLICK_URL, IMPRESSION_URL, DECISION_ID, OWN_NAMES };

static const char *const own_names[OWN_NAMES] = { "click_url", "impression_url",
	"decision_id" };

struct piece {
	uint8_t kind, place;
	uint16_t name, next;
	struct slice text; /* of a STATIC; borrowed from the template's */
};

struct template
{
	uint8_t *text;       /* owned */
	struct piece *piece; /* owned */
	unsigned count;
	struct slice name[TEMPLATE_NAMES_MAX]; /* our own, then others; borrowed */
	unsigned name_count;
};

/* --- Reading --------------------------------------------------------------------------- */

/* A condition that is not closed. */
struct branch {
	struct html start; /* where each of its branches begins, and has to end */
	unsigned piece;    /* the IF or JUMP whose `next` is not known yet */
	bool otherwise;    /* it is the branch after {{else}} */
};

struct parser {
	struct template *t;
	struct slice text;
	size_t at;     /* of the text */
	size_t copied; /* static text from here on is in no piece yet */
	struct html html;
	struct branch branch[TEMPLATE_DEPTH_MAX];
	unsigned depth;
};

static int
wrong(const struct parser *p, const char *what, struct error *error)
{
	unsigned line = 1, column = 1;

	for (size_t i = 0; i < p->at; i++) {
		uint8_t c = p->text.at[i];

		if (c == '\n') {
			line++;
			column = 1;
		} else if ((c & 0xc0) != 0x80) {
			column++;
		}
	}
	return error_set(error, "line %u, column %u: %s", line, column, what);
}

static struct piece *
add_piece(struct parser *p, enum piece_kind kind, struct slice text)
{
	struct piece *piece = &p->t->piece[p->t->count++];

	*piece = (struct piece){ .kind = (uint8_t)kind, .text = text };
	return piece;
}

/* The static text up to here. */
static void
flush(struct parser *p)
{
	if (p->at > p->copied)
		(void)add_piece(
		    p, STATIC, slice_of(p->text.at + p->copied, p->at - p->copied));
}

static bool
is_name(struct slice s)
{
	for (size_t i = 0; i < s.size; i++) {
		uint8_t c = s.at[i];

		if (!((c | 0x20) >= 'a' && (c | 0x20) <= 'z') && c != '_' &&
		    (i == 0 || !((c >= '0' && c <= '9') || c == '-' || c == '.')))
			return false;
	}
	return s.size > 0 && s.size <= TEMPLATE_NAME_MAX;
}

static const char *
take_name(struct parser *p, enum piece_kind kind, struct slice name)
{
	struct template *t = p->t;
	unsigned i = 0;

	if (!is_name(name))
		return "between '{{' and '}}' is a name, '#if' and a name, 'else' or "
		       "'/if'";
	while (i < t->name_count && !slice_equal(t->name[i], name))
		i++;
	if (i == TEMPLATE_NAMES_MAX)
		return "too many different names";
	t->name[i] = name;
	t->name_count += i == t->name_count;
	add_piece(p, kind, name)->name = (uint16_t)i;
	return NULL;
}

static const char *
take_value(struct parser *p, struct slice name)
{
	const char *reason = take_name(p, VALUE, name);
	enum html_place place;

	if (reason == NULL)
		reason = html_value(&p->html, &place);
	if (reason == NULL)
		p->t->piece[p->t->count - 1].place = (uint8_t)place;
	return reason;
}

static const char *
take_if(struct parser *p, struct slice name)
{
	if (!html_may_branch(&p->html))
		return "a condition cannot be here: only in text, between attributes, "
		       "or in a quoted one";
	if (p->depth == TEMPLATE_DEPTH_MAX)
		return "too many conditions within one another";
	p->branch[p->depth++] =
	    (struct branch){ .start = p->html, .piece = p->t->count };
	return take_name(p, IF, name);
}

/* A branch ends. */
static const char *
end_branch(const struct parser *p, const struct branch *b)
{
	if (memcmp(&p->html, &b->start, sizeof b->start) != 0)
		return "this branch of the condition ends elsewhere in the HTML than "
		       "it "
		       "begins";
	return NULL;
}

static const char *
take_else(struct parser *p)
{
	struct branch *b = p->depth > 0 ? &p->branch[p->depth - 1] : NULL;
	const char *reason;

	if (b == NULL || b->otherwise)
		return "'else' without its '#if'";
	reason = end_branch(p, b);
	(void)add_piece(p, JUMP, slice_of(NULL, 0));
	p->t->piece[b->piece].next = (uint16_t)p->t->count;
	b->piece = p->t->count - 1;
	b->otherwise = true;
	return reason;
}

static const char *
take_end(struct parser *p)
{
	struct branch *b;

	if (p->depth == 0)
		return "'/if' without its '#if'";
	b = &p->branch[--p->depth];
	p->t->piece[b->piece].next = (uint16_t)p->t->count;
	return end_branch(p, b);
}

/* What stands between "{{" and "}}". */
static const char *
take(struct parser *p, struct slice inner)
{
	inner = slice_trim(inner);
	if (inner.size > 4 && memcmp(inner.at, "#if ", 4) == 0)
		return take_if(p, slice_trim(slice_from(inner, 4)));
	if (slice_is(inner, "else"))
		return take_else(p);
	if (slice_is(inner, "/if"))
		return take_end(p);
	return take_value(p, inner);
}

/* At "{{": to after "}}". */
static const char *
step_over(struct parser *p)
{
	struct slice rest = slice_from(p->text, p->at + 2);
	size_t end = 0;
	const char *reason;

	while (end + 1 < rest.size && rest.at[end] != '\n' &&
	    (rest.at[end] != '}' || rest.at[end + 1] != '}'))
		end++;
	if (end + 1 >= rest.size || rest.at[end] != '}')
		return "'{{' without '}}' on its line";
	flush(p);
	if (p->t->count + 2 >= TEMPLATE_PIECES_MAX)
		return "too many values and conditions";
	reason = take(p, slice_of(rest.at, end));
	if (reason == NULL) {
		p->at += end + 4;
		p->copied = p->at;
	}
	return reason;
}

static int
parse(struct parser *p, struct error *error)
{
	const char *reason = NULL;

	html_init(&p->html);
	if (utf8_valid(p->text) < p->text.size) {
		p->at = utf8_valid(p->text);
		return wrong(p, "this is not UTF-8", error);
	}
	while (reason == NULL && p->at < p->text.size)
		if (p->at + 1 < p->text.size &&
		    memcmp(p->text.at + p->at, "{{", 2) == 0)
			reason = step_over(p);
		else if ((reason = html_byte(&p->html, p->text.at[p->at])) == NULL)
			p->at++;
	if (reason == NULL && p->depth > 0)
		reason = "'#if' without its '/if'";
	if (reason == NULL)
		reason = html_end(&p->html);
	if (reason != NULL)
		return wrong(p, reason, error);
	flush(p);
	return 0;
}

struct template *
template_new(struct slice text, struct error *error)
{
	struct template *t;
	struct parser p = { .at = 0 };

	if (text.size > TEMPLATE_SIZE_MAX) {
		(void)error_set(error, "it has more than %d bytes", TEMPLATE_SIZE_MAX);
		return NULL;
	}
	t = calloc(1, sizeof *t);
	if (t == NULL || (t->text = malloc(text.size + 1)) == NULL ||
	    (t->piece = calloc(TEMPLATE_PIECES_MAX, sizeof *t->piece)) == NULL) {
		(void)error_set(error, "no memory for the template");
		template_free(t);
		return NULL;
	}
	if (text.size > 0)
		memcpy(t->text, text.at, text.size);
	for (; t->name_count < OWN_NAMES; t->name_count++)
		t->name[t->name_count] = slice_text(own_names[t->name_count]);
	p.t = t;
	p.text = slice_of(t->text, text.size);
	if (parse(&p, error) == 0)
		return t;
	template_free(t);
	return NULL;
}

void
template_free(struct template *t)
{
	if (t == NULL)
		return;
	free(t->text);
	free(t->piece);
	free(t);
}

/* --- Rendering ------------------------------------------------------------------------- */

/* A value as text: `room` is for numbers. False: there is none. */
static bool
text_of(struct slice value, char room[NUMBER_TEXT_MAX], struct slice *to)
{
	int64_t integer;
	uint64_t natural;
	double number;
	bool truth;

	if (value_str(value, to))
		return true;
	if (value_int(value, &integer))
		*to = slice_of(room, number_format_int(integer, room));
	else if (value_uint(value, &natural))
		*to = slice_of(room, number_format_uint(natural, room));
	else if (value_number(value, &number) && number - number == 0)
		*to = slice_of(room, number_format_double(number, room));
	else if (value_bool(value, &truth))
		*to = slice_text(truth ? "true" : "false");
	else
		return false;
	return true;
}

/* What the names of a template are for one banner, each looked up once. */
struct scope {
	const struct template *t;
	const struct template_values *v;
	struct slice parts;
	struct slice value[TEMPLATE_NAMES_MAX]; /* msgpack; absent: there is none */
	uint64_t known[TEMPLATE_NAMES_MAX / 64];
};

static struct slice
find(struct scope *s, unsigned name)
{
	struct slice *value = &s->value[name];

	if ((s->known[name / 64] >> name % 64 & 1) != 0)
		return *value;
	s->known[name / 64] |= UINT64_C(1) << name % 64;
	if ((s->parts.at == NULL || !value_path(s->parts, s->t->name[name], value)) &&
	    !value_path(s->v->creative, s->t->name[name], value))
		*value = slice_of(NULL, 0);
	return *value;
}

/* The text of a name; false when there is none. */
static bool
read_text(struct scope *s, unsigned name, char room[NUMBER_TEXT_MAX], struct slice *to)
{
	const struct slice own[OWN_NAMES] = { [CLICK_URL] = s->v->click_url,
		[IMPRESSION_URL] = s->v->impression_url,
		[DECISION_ID] = s->v->decision_id };
	struct slice value;

	if (name < OWN_NAMES) {
		*to = own[name];
		return to->at != NULL;
	}
	value = find(s, name);
	return value.at != NULL && text_of(value, room, to);
}

/* Whether the branch after an IF is for it: there is a value, and it is no empty text, nor
 * false. */
static bool
holds(struct scope *s, unsigned name)
{
	char room[NUMBER_TEXT_MAX];
	struct slice value, text;
	bool truth;

	if (name >= OWN_NAMES && (value = find(s, name)).at != NULL) {
		if (value_bool(value, &truth))
			return truth;
		if (value_type(value) == VALUE_MAP || value_type(value) == VALUE_ARRAY)
			return value_count(value) > 0;
	}
	return read_text(s, name, room, &text) && text.size > 0;
}

static void
render(const struct template *t, const struct template_values *v, struct build *to)
{
	char room[NUMBER_TEXT_MAX];
	struct scope s;
	struct slice text;

	s.t = t;
	s.v = v;
	memset(s.known, 0, sizeof s.known);
	if (!value_get(v->creative, "parts", &s.parts))
		s.parts = slice_of(NULL, 0);
	for (unsigned i = 0; i < t->count; i++) {
		const struct piece *p = &t->piece[i];

		if (p->kind == STATIC)
			build_raw(to, p->text);
		else if (p->kind == VALUE && read_text(&s, p->name, room, &text))
			escape((enum html_place)p->place, text, to);
		else if (p->kind == JUMP || (p->kind == IF && !holds(&s, p->name)))
			i = p->next - 1U;
	}
}

bool
template_render(
    const struct template *t, const struct template_values *v, struct build *to)
{
	enum { ROOM = 5, HEADER = 3 }; /* of build_str_header; of most banners */
	uint8_t *start = to->at;
	struct slice html;

	if (build_full(to) || to->end - start < ROOM)
		return false;
	to->at += HEADER;
	render(t, v, to);
	html = slice_of(start + HEADER, (size_t)(to->at - start) - HEADER);
	to->at = start;
	if (build_full(to) || html.size > TEMPLATE_HTML_MAX) {
		to->full = false;
		return false;
	}
	build_str_header(to, html.size);
	if (to->at != html.at)
		memmove(to->at, html.at, html.size);
	to->at += html.size;
	return true;
}
