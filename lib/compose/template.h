/* SPDX-License-Identifier: MIT
 *
 * template: the HTML of a banner, with places for the values of its creative. The language
 * is in bp-compose(1):
 *
 *	<a href="{{click_url}}">{{#if image_url}}<img src="{{image_url}}">{{/if}}</a>
 *
 * A template is read once, and what could not be made safe for every value is refused then
 * (html.h). Rendering copies pieces and escapes each value for the place where it stands.
 */
#ifndef BANNERPIPE_COMPOSE_TEMPLATE_H
#define BANNERPIPE_COMPOSE_TEMPLATE_H

#include "lib/base/error.h"
#include "lib/record/build.h"

enum {
	TEMPLATE_SIZE_MAX = 64 << 10, /* bytes of its text */
	TEMPLATE_PIECES_MAX = 1024,   /* values and conditions */
	TEMPLATE_NAMES_MAX = 128,     /* different ones */
	TEMPLATE_DEPTH_MAX = 8,       /* conditions within one another */
	TEMPLATE_NAME_MAX = 64,
	TEMPLATE_HTML_MAX = 65535, /* bytes of a banner */
};

struct template;

/* The text of the one that is built in (built_in.c). */
extern const char template_built_in[];

/* From its text, which is copied. NULL and error: "line 3, column 9: ...". */
struct template *template_new(struct slice text, struct error *error);
void template_free(struct template *t);

/* What a banner shows. A name is, in this order, one of the three URLs and ids, a part of
 * the creative, or another key of it; with dots a key of a map within. */
struct template_values {
	struct slice creative;                               /* its record */
	struct slice click_url, impression_url, decision_id; /* texts; absent: none */
};

/* Append the banner, a str. False, and nothing is appended, when it does not fit or has
 * more than TEMPLATE_HTML_MAX bytes. Cost: about 1 us for a banner of 400 bytes. */
bool template_render(
    const struct template *t, const struct template_values *v, struct build *to);

#endif
