/* SPDX-License-Identifier: MIT */
#include "lib/compose/attribute.h"

#include <string.h>

enum kind { NO_VALUE, PLAIN, URL, STYLE };

/* Of any element. */
static const char *const plain[] = { "alt", "title", "class", "width", "height", "lang",
	"dir", "role", "label", "placeholder", "datetime", "colspan", "rowspan",
	"align", "valign", "border", "color", "bgcolor", "size" };

/* What is fetched or followed, and can run nothing. */
static const struct {
	const char *tag, *name;
} urls[] = { { "a", "href" }, { "area", "href" }, { "img", "src" }, { "source", "src" },
	{ "video", "src" }, { "video", "poster" }, { "audio", "src" },
	{ "track", "src" } };

static bool
begins(const char *name, const char *with)
{
	return strncmp(name, with, strlen(with)) == 0;
}

void
attribute_begin(struct html *h)
{
	h->attribute = NO_VALUE;
	for (unsigned i = 0; i < sizeof plain / sizeof *plain; i++)
		if (strcmp(h->name, plain[i]) == 0)
			h->attribute = PLAIN;
	for (unsigned i = 0; i < sizeof urls / sizeof *urls; i++)
		if (strcmp(h->name, urls[i].name) == 0 &&
		    strcmp(h->tag, urls[i].tag) == 0)
			h->attribute = URL;
	if (begins(h->name, "data-") || begins(h->name, "aria-"))
		h->attribute = PLAIN;
	if (strcmp(h->name, "style") == 0)
		h->attribute = STYLE;
}

void
attribute_forget(struct html *h)
{
	h->attribute = h->url = h->css = h->css_in = h->css_depth = h->before = 0;
	memset(h->scheme, 0, sizeof h->scheme);
}

/* --- URLs ------------------------------------------------------------------------------ */

/* What is known of the scheme, by what was read so far. */
enum url {
	URL_START,
	URL_PREFIX,   /* what may be the beginning of one, in h->scheme */
	URL_OPEN,     /* begun by a value, which has one that is harmless, or none */
	URL_HARMLESS, /* http, https, or there is none */
	URL_OTHER,    /* another, or it cannot be told */
};

static bool
is_scheme(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
}

static uint8_t
end_of_scheme(const struct html *h)
{
	return strcmp(h->scheme, "http") == 0 || strcmp(h->scheme, "https") == 0
	    ? URL_HARMLESS
	    : URL_OTHER;
}

static const char *
url_byte(struct html *h, uint8_t c)
{
	size_t n = strlen(h->scheme);

	if (h->url == URL_HARMLESS || h->url == URL_OTHER)
		return NULL;
	if (c == '/' || c == '?' || c == '#') {
		h->url = URL_HARMLESS;
	} else if (h->url == URL_OPEN) {
		if (c == ':' || c == '&')
			return "after a value at the beginning of a URL, '/', '?' or "
			       "'#' comes before this";
	} else if (c == ':') {
		h->url = end_of_scheme(h);
	} else if (c == '&' || c == '\\' || c <= ' ' || n == sizeof h->scheme - 1) {
		h->url = URL_OTHER; /* a reference may be a ':', a space may vanish */
	} else if (!is_scheme(c)) {
		h->url = URL_HARMLESS;
	} else {
		h->url = URL_PREFIX;
		h->scheme[n] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
	}
	if (h->url != URL_PREFIX)
		memset(h->scheme, 0, sizeof h->scheme);
	return NULL;
}

static const char *
url_value(struct html *h, enum html_place *place)
{
	*place = HTML_URL_PART;
	switch (h->url) {
	case URL_START:
		*place = HTML_URL;
		h->url = URL_OPEN;
		return NULL;
	case URL_PREFIX:
		return "before a value in a URL comes http:, https:, or a '/', '?' or "
		       "'#'";
	case URL_OTHER:
		return "a value can be in a URL of http, https or none only";
	default:
		return NULL;
	}
}

/* --- Styles ---------------------------------------------------------------------------- */

enum css { CSS_NAME, CSS_VALUE, CSS_STRING, CSS_UNCLEAR };

/* Within a string, which may be within parentheses. */
static void
string_byte(struct html *h, uint8_t c)
{
	if (c == '\n' || c == '\r')
		h->css = CSS_UNCLEAR;
	else if (c == h->css_in)
		h->css = CSS_VALUE;
	if (h->css != CSS_STRING)
		h->css_in = 0;
}

static void
value_byte(struct html *h, uint8_t c)
{
	if (c == '"' || c == '\'') {
		h->css = CSS_STRING;
		h->css_in = c;
	} else if (c == '(') {
		h->css_depth++;
		if (h->css_depth == 16)
			h->css = CSS_UNCLEAR;
	} else if (c == ')' && h->css_depth > 0) {
		h->css_depth--;
	} else if (c == ';' && h->css_depth == 0) {
		h->css = CSS_NAME;
	}
}

/* A value that was the last: what follows could make a function of it. */
enum { AFTER_VALUE = 0xff };

static const char *
css_byte(struct html *h, uint8_t c)
{
	uint8_t before = h->before;

	if (c == '(' && before == AFTER_VALUE)
		return "'(' cannot follow a value";
	h->before = c == '/' || c == '*' ? c : 0;
	if (h->css == CSS_UNCLEAR)
		return NULL;
	if (c == '&' || c == '\\' || c == '{' || c == '}' ||
	    (c == '*' && (before == '/' || before == AFTER_VALUE))) {
		h->css = CSS_UNCLEAR;
		h->css_in = h->css_depth = 0;
	} else if (h->css == CSS_STRING) {
		string_byte(h, c);
	} else if (h->css == CSS_VALUE) {
		value_byte(h, c);
	} else if (c == ':') {
		h->css = CSS_VALUE;
	} else if (strchr("\"'()", c) != NULL) {
		h->css = CSS_UNCLEAR;
	}
	return NULL;
}

static const char *
css_value(struct html *h, enum html_place *place)
{
	*place = HTML_CSS;
	h->before = AFTER_VALUE;
	if (h->css == CSS_NAME)
		return "in a style a value can be the value of a property only";
	if (h->css == CSS_STRING)
		return "in a style a value cannot be in quotes";
	if (h->css == CSS_UNCLEAR)
		return "in a style a value cannot follow '&', '\\', braces or comments";
	return h->css_depth == 0
	    ? NULL
	    : "in a style a value cannot be in parentheses: give it a name (--x: ...) "
	      "and use var(--x)";
}

/* --- All of them ----------------------------------------------------------------------- */

const char *
attribute_byte(struct html *h, uint8_t c)
{
	if (h->attribute == URL)
		return url_byte(h, c);
	return h->attribute == STYLE ? css_byte(h, c) : NULL;
}

const char *
attribute_value(struct html *h, enum html_place *place)
{
	*place = HTML_TEXT;
	if (h->attribute == PLAIN)
		return NULL;
	if (h->attribute == URL)
		return url_value(h, place);
	if (h->attribute == STYLE)
		return css_value(h, place);
	return begins(h->name, "on") ? "a value cannot be in an event handler"
				     : "a value cannot be in this attribute";
}
