/* SPDX-License-Identifier: MIT */
#include "lib/serve/markup.h"

#include <inttypes.h>
#include <stdio.h>

static void
put(struct build *to, const char *html)
{
	build_raw(to, slice_text(html));
}

/* A '$' could begin a macro. Controls are no part of a text. */
static const char *
escape_of(uint8_t c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	case '$':
		return "&#36;";
	default:
		return c < ' ' || c == 0x7f ? " " : NULL;
	}
}

static void
put_text(struct build *to, struct slice text)
{
	size_t from = 0;

	for (size_t i = 0; i < text.size; i++) {
		const char *escape = escape_of(text.at[i]);

		if (escape == NULL)
			continue;
		build_raw(to, slice_of(text.at + from, i - from));
		put(to, escape);
		from = i + 1;
	}
	build_raw(to, slice_from(text, from));
}

static struct slice
part(const struct markup *m, const char *name)
{
	struct slice value, text;

	return m->parts.at != NULL && value_get(m->parts, name, &value) &&
		value_str(value, &text)
	    ? text
	    : slice_text("");
}

static void
put_picture(const struct markup *m, struct build *to)
{
	char size[64];

	put(to, "<img src=\"");
	put_text(to, m->image);
	put(to, "\" alt=\"");
	put_text(to, part(m, "headline"));
	put(to, "\"");
	if (m->width > 0) {
		(void)snprintf(size, sizeof size,
		    " width=\"%" PRIu32 "\" height=\"%" PRIu32 "\"", m->width,
		    m->height);
		put(to, size);
	}
	put(to, " style=\"border:0\">");
}

static void
put_words(const struct markup *m, struct build *to)
{
	static const char *const names[] = { "headline", "call_to_action" };

	for (unsigned i = 0; i < 2; i++) {
		struct slice text = part(m, names[i]);

		if (text.size == 0)
			continue;
		put(to, "<span class=\"");
		put(to, names[i]);
		put(to, "\">");
		put_text(to, text);
		put(to, "</span> ");
	}
}

void
markup_build(const struct markup *m, struct build *to)
{
	if (m->click.size > 0) {
		put(to, "<a href=\"");
		put_text(to, m->click);
		put(to, "\" target=\"_blank\" rel=\"noopener\">");
	}
	if (m->image.size > 0)
		put_picture(m, to);
	else
		put_words(m, to);
	if (m->click.size > 0)
		put(to, "</a>");
	put(to, "<img src=\"");
	put_text(to, m->pixel);
	put(to, "\" alt=\"\" width=\"1\" height=\"1\" style=\"position:absolute\">");
}
