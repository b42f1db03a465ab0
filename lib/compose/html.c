/* SPDX-License-Identifier: MIT */
#include "lib/compose/html.h"

#include <string.h>

#include "lib/compose/attribute.h"

enum state {
	TEXT,
	OPENED, /* after "<" */
	TAG,
	GAP, /* between attributes */
	NAME,
	NAMED,  /* after the name of an attribute and a space */
	EQUALS, /* before its value */
	DOUBLE,
	SINGLE,
	BARE,    /* a value without quotes */
	CLOSED,  /* after a quoted value */
	SLASH,   /* the one before ">" */
	END,     /* after "</" */
	END_TAG, /* its name */
	END_GAP,
	BANG, /* after "<!" */
	DASH, /* after "<!-" */
	COMMENT,
	DOCTYPE,
	RAW,     /* the content of a raw element */
	RAW_LT,  /* after "<" in it */
	RAW_END, /* after "</" in it */
};

/* Elements whose content is no markup. In title and textarea it is text with references,
 * in others as it stands. */
enum raw { NOT_RAW, SCRIPT, STYLE, IFRAME, TITLE, TEXTAREA, RAWS };

static const char *const raw_names[RAWS] = { "", "script", "style", "iframe", "title",
	"textarea" };

/* Within these, markup is read by other rules than elsewhere. */
static const char *const refused[] = { "svg", "math", "select", "template", "frameset",
	"noscript", "noembed", "noframes", "xmp", "plaintext", "listing" };

void
html_init(struct html *h)
{
	memset(h, 0, sizeof *h);
}

static bool
is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static uint8_t
lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

static bool
is_letter(uint8_t c)
{
	return lower(c) >= 'a' && lower(c) <= 'z';
}

static bool
is_name(uint8_t c)
{
	return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
	    c == ':' || c == '.';
}

static bool
append(char name[HTML_NAME_MAX], uint8_t c)
{
	size_t n = strlen(name);

	if (n == HTML_NAME_MAX - 1)
		return false;
	name[n] = (char)lower(c);
	return true;
}

/* --- Tags ------------------------------------------------------------------------------ */

static void
forget_attribute(struct html *h)
{
	memset(h->name, 0, sizeof h->name);
	attribute_forget(h);
}

static void
forget_tag(struct html *h, enum state next)
{
	memset(h->tag, 0, sizeof h->tag);
	forget_attribute(h);
	h->state = (uint8_t)next;
}

static const char *
end_of_tag(struct html *h)
{
	for (unsigned i = 0; i < sizeof refused / sizeof *refused; i++)
		if (strcmp(h->tag, refused[i]) == 0)
			return "this element cannot be in a template: browsers read "
			       "what is in it by rules of its own";
	for (h->raw = RAWS - 1; h->raw > 0; h->raw--)
		if (strcmp(h->tag, raw_names[h->raw]) == 0)
			break;
	forget_tag(h, h->raw != NOT_RAW ? RAW : TEXT);
	return NULL;
}

/* Where the tag may end or go on. */
static const char *
after_space(struct html *h, uint8_t c)
{
	if (c == '>')
		return end_of_tag(h);
	if (c == '/') {
		forget_attribute(h);
		h->state = SLASH;
		return NULL;
	}
	if (!is_name(c))
		return "an attribute's name is letters, digits and '-_:.'";
	forget_attribute(h);
	(void)append(h->name, c);
	h->state = NAME;
	return NULL;
}

static const char *
in_tag_name(struct html *h, uint8_t c)
{
	if (is_space(c))
		h->state = GAP;
	else if (c == '/' || c == '>')
		return after_space(h, c);
	else if (!is_letter(c) && (c < '0' || c > '9') && c != '-')
		return "an element's name is letters, digits and '-'";
	else if (!append(h->tag, c))
		return "this element's name is too long";
	return NULL;
}

static const char *
in_name(struct html *h, uint8_t c)
{
	if (c == '=')
		h->state = EQUALS;
	else if (is_space(c))
		h->state = NAMED;
	else if (c == '/' || c == '>')
		return after_space(h, c);
	else if (!is_name(c))
		return "an attribute's name is letters, digits and '-_:.'";
	else if (!append(h->name, c))
		return "this attribute's name is too long";
	return NULL;
}

static const char *
in_equals(struct html *h, uint8_t c)
{
	if (is_space(c))
		return NULL;
	if (c == '>')
		return "an attribute has '=', but no value";
	if (c == '"' || c == '\'') {
		attribute_begin(h);
		h->state = c == '"' ? DOUBLE : SINGLE;
		return NULL;
	}
	h->state = BARE;
	return html_byte(h, c);
}

static const char *
in_bare(struct html *h, uint8_t c)
{
	if (c == '>')
		return end_of_tag(h);
	if (is_space(c)) {
		forget_attribute(h);
		h->state = GAP;
	} else if (strchr("\"'<=`", c) != NULL) {
		return "a value with this character needs quotes";
	}
	return NULL;
}

static const char *
in_quotes(struct html *h, uint8_t c)
{
	if (c != (h->state == DOUBLE ? '"' : '\''))
		return attribute_byte(h, c);
	forget_attribute(h);
	h->state = CLOSED;
	return NULL;
}

static const char *
in_tag(struct html *h, uint8_t c)
{
	switch (h->state) {
	case TAG:
		return in_tag_name(h, c);
	case NAME:
		return in_name(h, c);
	case EQUALS:
		return in_equals(h, c);
	case DOUBLE:
	case SINGLE:
		return in_quotes(h, c);
	case BARE:
		return in_bare(h, c);
	case SLASH:
		return c == '>' ? end_of_tag(h) : "a '/' in a tag is followed by '>'";
	default:
		break;
	}
	if (h->state == NAMED && c == '=') {
		h->state = EQUALS;
	} else if (is_space(c)) {
		if (h->state == CLOSED)
			h->state = GAP;
	} else if (h->state == CLOSED && c != '/' && c != '>') {
		return "between two attributes is a space";
	} else {
		return after_space(h, c);
	}
	return NULL;
}

static const char *
in_end_tag(struct html *h, uint8_t c)
{
	if (h->state == END && !is_letter(c))
		return "'</' is followed by the name of an element";
	if (c == '>')
		forget_tag(h, TEXT);
	else if (is_space(c))
		h->state = END_GAP;
	else if (h->state == END_GAP || !is_name(c))
		return "an end tag has a name only";
	else
		h->state = END_TAG;
	return NULL;
}

/* --- What is no tag -------------------------------------------------------------------- */

/* Browsers end a comment at "--!>" too, and at once with "<!-->" and "<!--->". */
static const char *
in_comment(struct html *h, uint8_t c)
{
	static const char *const wrong = "a comment ends with '-->' only, and has no "
					 "'>' at its beginning and no '--!'";

	/* matched: 1 at its beginning, 2 after "-" there, 3 elsewhere, 4 after "-", 5 after
	 * "--". */
	if (c == '>' && (h->matched == 1 || h->matched == 2))
		return wrong;
	if (c == '!' && h->matched == 5)
		return wrong;
	if (c == '>' && h->matched == 5) {
		h->matched = 0;
		h->state = TEXT;
	} else if (c == '-') {
		h->matched = h->matched == 1 ? 2 : h->matched == 3 ? 4 : 5;
	} else {
		h->matched = 3;
	}
	return NULL;
}

static const char *
in_bang(struct html *h, uint8_t c)
{
	static const char name[] = "doctype";

	if (h->state == DOCTYPE) {
		if (h->matched < sizeof name - 1) {
			if (lower(c) != (uint8_t)name[h->matched++])
				return "'<!' begins a comment or <!doctype html>";
		} else if (c == '>') {
			h->matched = 0;
			h->state = TEXT;
		} else if (!is_space(c) && !is_letter(c)) {
			return "write <!doctype html>";
		}
		return NULL;
	}
	if (h->state == DASH) {
		h->matched = 1;
		h->state = COMMENT;
		return c == '-' ? NULL : "'<!' begins a comment or <!doctype html>";
	}
	h->state = c == '-' ? DASH : DOCTYPE;
	return c == '-' ? NULL : in_bang(h, c);
}

static bool
is_quiet(const struct html *h)
{
	return h->raw == TITLE || h->raw == TEXTAREA;
}

static const char *
back_to_raw(struct html *h)
{
	h->matched = 0;
	h->state = RAW;
	return is_quiet(h) ? "'<' begins no tag here: write &lt;" : NULL;
}

static const char *
in_raw(struct html *h, uint8_t c)
{
	const char *name = raw_names[h->raw], *wrong;

	if (h->state == RAW) {
		h->state = c == '<' ? RAW_LT : RAW;
		return NULL;
	}
	if (h->state == RAW_LT && c == '!' && h->raw == SCRIPT)
		return "'<!' cannot be in a script";
	if (h->state == RAW_LT && c == '/') {
		h->state = RAW_END;
		return NULL;
	}
	if (h->state == RAW_END && name[h->matched] == (char)lower(c) && c != '\0') {
		h->matched++;
		return NULL;
	}
	if (h->state == RAW_END && name[h->matched] == '\0' &&
	    (c == '>' || c == '/' || is_space(c))) {
		h->matched = 0;
		h->raw = NOT_RAW;
		h->state = END_TAG;
		return in_end_tag(h, c);
	}
	wrong = back_to_raw(h);
	return wrong != NULL || c != '<' ? wrong : in_raw(h, c);
}

static const char *
in_opened(struct html *h, uint8_t c)
{
	if (c == '/')
		h->state = END;
	else if (c == '!')
		h->state = BANG;
	else if (!is_letter(c) || !append(h->tag, c))
		return "'<' begins no tag here: write &lt;";
	else
		h->state = TAG;
	return NULL;
}

/* --- All of it ------------------------------------------------------------------------- */

const char *
html_byte(struct html *h, uint8_t c)
{
	if ((c < ' ' && !is_space(c)) || c == 0x7f)
		return "a control character";
	switch (h->state) {
	case TEXT:
		h->state = c == '<' ? OPENED : TEXT;
		return NULL;
	case OPENED:
		return in_opened(h, c);
	case END:
	case END_TAG:
	case END_GAP:
		return in_end_tag(h, c);
	case BANG:
	case DASH:
	case DOCTYPE:
		return in_bang(h, c);
	case COMMENT:
		return in_comment(h, c);
	case RAW:
	case RAW_LT:
	case RAW_END:
		return in_raw(h, c);
	default:
		return in_tag(h, c);
	}
}

const char *
html_value(struct html *h, enum html_place *place)
{
	*place = HTML_TEXT;
	switch (h->state) {
	case TEXT:
		return NULL;
	case DOUBLE:
	case SINGLE:
		return attribute_value(h, place);
	case EQUALS:
	case BARE:
		return "a value cannot be in an attribute without quotes";
	case COMMENT:
	case BANG:
	case DASH:
		return "a value cannot be in a comment";
	case RAW:
		if (is_quiet(h))
			return NULL;
		return h->raw == SCRIPT ? "a value cannot be in a script"
		    : h->raw == STYLE   ? "a value cannot be in a style sheet"
					: "a value cannot be in an iframe";
	case RAW_LT:
	case RAW_END:
	case OPENED:
	case END:
		return "a value cannot follow '<'";
	case DOCTYPE:
		return "a value cannot be in a doctype";
	case TAG:
	case END_TAG:
		return "a value cannot be in the name of an element";
	case NAME:
		return "a value cannot be in the name of an attribute";
	default:
		return "a value cannot be among the attributes of a tag";
	}
}

bool
html_may_branch(const struct html *h)
{
	return h->state == TEXT || h->state == GAP || h->state == DOUBLE ||
	    h->state == SINGLE || (h->state == RAW && is_quiet(h));
}

const char *
html_end(const struct html *h)
{
	if (h->state == TEXT)
		return NULL;
	if (h->raw != NOT_RAW)
		return "the template ends within an element whose end tag is missing";
	return h->state == COMMENT ? "the template ends within a comment"
				   : "the template ends within a tag";
}
