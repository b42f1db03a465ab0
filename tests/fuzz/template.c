/* SPDX-License-Identifier: MIT
 *
 * Any text as a template, any bytes as the values in it: "TEMPLATE\0VALUE". What is taken
 * renders; what comes out is UTF-8, is HTML by the same rules, and has the tags, quotes and
 * attributes that it has with a harmless value: none comes or goes. Rendering twice gives
 * the same, and too little room nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/compose/html.h"
#include "lib/compose/template.h"
#include "lib/record/value.h"
#include "lib/text/utf8.h"

enum { TEXT_MAX = 4096, VALUE_MAX = 1024, ROOM = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct slice
render(const struct template *t, struct slice value, uint8_t *room, size_t size)
{
	static const char *const names[] = { "headline", "image_url", "call_to_action",
		"colour", "v" };
	static uint8_t bytes[8 * VALUE_MAX];
	struct template_values v = {
		.click_url = value, .impression_url = value, .decision_id = value
	};
	struct slice html = { NULL, 0 };
	struct build b;

	build_init(&b, bytes, sizeof bytes);
	build_map(&b, 1);
	build_text(&b, "parts");
	build_map(&b, sizeof names / sizeof *names);
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
		build_text(&b, names[i]);
		build_str(&b, value);
	}
	assert(!build_full(&b));
	v.creative = build_slice(&b);
	build_init(&b, room, size);
	if (!template_render(t, &v, &b)) {
		assert(build_slice(&b).size == 0);
		return html;
	}
	assert(value_str(build_slice(&b), &html));
	return html;
}

/* What the markup of a banner is made of, in its order, without what is in between. */
static size_t
skeleton(struct slice html, uint8_t *to)
{
	struct html h;
	size_t n = 0;

	html_init(&h);
	for (size_t i = 0; i < html.size; i++) {
		assert(html_byte(&h, html.at[i]) == NULL);
		if (memchr("<>\"'", html.at[i], 4) != NULL)
			to[n++] = html.at[i];
	}
	assert(html_end(&h) == NULL);
	return n;
}

static void
check(const struct template *t, struct slice value)
{
	static uint8_t room[ROOM], again[ROOM], bones[ROOM], other[ROOM];
	struct slice html = render(t, value, room, sizeof room), same;
	size_t n, m;

	if (html.at == NULL)
		return; /* longer than a banner may be */
	assert(utf8_valid(html) == html.size);
	same = render(t, value, again, sizeof again);
	assert(slice_equal(html, same));
	(void)render(t, value, again, html.size);
	n = skeleton(html, bones);
	same = render(t, slice_text(value.size > 0 ? "x" : ""), again, sizeof again);
	m = skeleton(same, other);
	assert(n == m && memcmp(bones, other, n) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = slice_of(data, size), value;
	struct error error = { .text = "" };
	struct template *t;
	size_t end = slice_find(text, '\0');

	value = slice_from(text, end < size ? end + 1 : size);
	text.size = end;
	if (text.size > TEXT_MAX || value.size > VALUE_MAX)
		return 0;
	t = template_new(text, &error);
	assert((t == NULL) == (error.text[0] != '\0'));
	if (t == NULL)
		return 0;
	check(t, value);
	check(t, slice_text("javascript:\"'><script>&colon;/*"));
	template_free(t);
	return 0;
}
