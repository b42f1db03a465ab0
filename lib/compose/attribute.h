/* SPDX-License-Identifier: MIT
 *
 * attribute: what a quoted attribute takes: text, a URL, a style, or no value at all. Part
 * of html.h.
 */
#ifndef BANNERPIPE_COMPOSE_ATTRIBUTE_H
#define BANNERPIPE_COMPOSE_ATTRIBUTE_H

#include "lib/compose/html.h"

/* The value of h->name of h->tag begins; the bytes of it; a value in it. */
void attribute_begin(struct html *h);
const char *attribute_byte(struct html *h, uint8_t byte);
const char *attribute_value(struct html *h, enum html_place *place);
/* It is over. */
void attribute_forget(struct html *h);

#endif
