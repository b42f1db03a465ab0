/* SPDX-License-Identifier: MIT
 *
 * escape: write any bytes so that they are nothing but a value, wherever html.h says that
 * one may stand. What comes out is UTF-8 without control characters but tab and line
 * breaks; what was none becomes U+FFFD. Nothing is allocated; what does not fit makes the
 * builder full.
 */
#ifndef BANNERPIPE_COMPOSE_ESCAPE_H
#define BANNERPIPE_COMPOSE_ESCAPE_H

#include "lib/compose/html.h"
#include "lib/record/build.h"

/* A URL that leads nowhere (CSS Values and Units, 4.5.2). */
#define ESCAPE_NOWHERE "about:invalid"

/* The text as a value in this place:
 *
 *	text      with references in place of & < > " ' $
 *	URL       when it has no scheme, or is http or https, with what has to be in %XX;
 *	          else ESCAPE_NOWHERE
 *	URL part  all but letters, digits and -._~ in %XX
 *	CSS       when it is a word, a number with or without unit, or a colour (#RGB,
 *	          #RRGGBB, rgb(), hsl()); else nothing, so that the property is not set */
void escape(enum html_place place, struct slice text, struct build *to);

#endif
