/* SPDX-License-Identifier: MIT
 *
 * markup: a banner as a piece of HTML, for a page that is not ours. What comes from the
 * catalogue becomes text or the value of an attribute, escaped; nothing of it can run, nor
 * stand for a macro of an exchange.
 *
 *	<a href="CLICK" ...><img src="IMAGE" alt="HEADLINE" ...></a><img src="PIXEL" ...>
 */
#ifndef BANNERPIPE_SERVE_MARKUP_H
#define BANNERPIPE_SERVE_MARKUP_H

#include "lib/record/build.h"
#include "lib/record/value.h"

struct markup {
	struct slice
	    parts; /* a map of msgpack: headline, image_url, call_to_action; absent:
			     * it has none */
	struct slice image;     /* its picture, an URL that was checked; empty: none */
	uint32_t width, height; /* px; 0: unknown */
	struct slice click, pixel; /* our URLs; click empty: it leads nowhere */
};

/* Append its bytes, without a header. */
void markup_build(const struct markup *m, struct build *to);

#endif
