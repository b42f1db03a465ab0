/* SPDX-License-Identifier: MIT
 *
 * html: where in a document of HTML a value would stand, so that it can be escaped for that
 * place. A document is read byte by byte, as browsers read it (the tokenizer of the HTML
 * Living Standard, 13.2.5); what they read in a surprising way, or each in its own, is an
 * error here, so that the place is never in doubt.
 *
 * A value may stand in text, and in a quoted value of an attribute that runs nothing: it
 * is for those that are known, not against those that are known to be dangerous. Sources:
 * OWASP, Cross Site Scripting Prevention Cheat Sheet; Samuel, Saxena and Song,
 * "Context-sensitive auto-sanitization in web templating languages", CCS 2011.
 */
#ifndef BANNERPIPE_COMPOSE_HTML_H
#define BANNERPIPE_COMPOSE_HTML_H

#include <stdbool.h>
#include <stdint.h>

enum { HTML_NAME_MAX = 32 };

/* What a value has to be escaped for (escape.h). */
enum html_place {
	HTML_TEXT,     /* text, or a quoted attribute that is text */
	HTML_URL,      /* the beginning of a URL, or all of it */
	HTML_URL_PART, /* within a URL that is known to lead somewhere harmless */
	HTML_CSS,      /* the value of a property in a style attribute */
};

/* Comparable by memcmp: two documents that are equal here go on alike. */
struct html {
	uint8_t state, raw; /* raw: the element whose content is no markup, or 0 */
	uint8_t matched;    /* letters of the raw element's end tag */
	uint8_t attribute;  /* what the attribute at hand takes */
	uint8_t url, css, css_in, css_depth, before; /* within its value */
	char tag[HTML_NAME_MAX], name[HTML_NAME_MAX], scheme[HTML_NAME_MAX];
};

/* At the beginning, in text. */
void html_init(struct html *h);
/* The next byte of the document. NULL, or what is wrong with it. */
const char *html_byte(struct html *h, uint8_t byte);
/* A value stands here: NULL and its place, or why none can. */
const char *html_value(struct html *h, enum html_place *place);
/* Whether something may be left out that begins here and ends where all is the same. */
bool html_may_branch(const struct html *h);
/* The document ends: NULL, or what it is in the middle of. */
const char *html_end(const struct html *h);

#endif
