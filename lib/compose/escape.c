/* SPDX-License-Identifier: MIT */
#include "lib/compose/escape.h"

#include <strings.h>

#include "lib/base/number.h"
#include "lib/text/utf8.h"

enum { CSS_MAX = 64 };

static bool
is_letter(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool
is_one_of(uint8_t c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

static void
put(struct build *to, const char *text)
{
	build_raw(to, slice_text(text));
}

/* Bytes that stay what they are. */
struct set {
	uint64_t bits[4];
};

/* Letters, digits and -._~ */
static const struct set plain = { { UINT64_C(0x03ff600000000000),
    UINT64_C(0x47fffffe87fffffe) } };
/* These and :/?#[]@!()*+,;=%, but no $, which can begin a macro of an exchange. */
static const struct set of_url = { { UINT64_C(0xafffff2a00000000),
    UINT64_C(0x47fffffeafffffff) } };
/* All but & < > " ' $ and control characters, of which tab and line breaks stay. */
static const struct set of_text = { { UINT64_C(0xafffff2b00002600),
    UINT64_C(0x7fffffffffffffff), UINT64_MAX, UINT64_MAX } };

/* The bytes at the beginning that are in the set; what is left. */
static struct slice
pass(struct slice text, const struct set *set, struct build *to)
{
	size_t n = 0;

	while (
	    n < text.size && (set->bits[text.at[n] / 64] >> text.at[n] % 64 & 1) != 0)
		n++;
	build_raw(to, slice_of(text.at, n));
	return slice_from(text, n);
}

/* --- Text ------------------------------------------------------------------------------ */

/* What stands for a byte that is not of_text. */
static const char *
reference(uint8_t c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&#34;";
	case '\'':
		return "&#39;";
	case '$':
		return "&#36;";
	default:
		return "\xef\xbf\xbd";
	}
}

/* Bytes that are UTF-8. */
static void
escape_valid(struct slice text, struct build *to)
{
	while (text.size > 0) {
		text = pass(text, &of_text, to);
		if (text.size == 0)
			break;
		put(to, reference(text.at[0]));
		text = slice_from(text, 1);
	}
}

static void
escape_text(struct slice text, struct build *to)
{
	while (text.size > 0) {
		size_t valid = utf8_valid(text);

		escape_valid(slice_of(text.at, valid), to);
		if (valid == text.size)
			break;
		put(to, "\xef\xbf\xbd");
		text = slice_from(text, valid + 1);
	}
}

/* --- URLs ------------------------------------------------------------------------------ */

static void
escape_byte(uint8_t c, struct build *to)
{
	static const char digits[] = "0123456789ABCDEF";

	build_byte(to, '%');
	build_byte(to, (uint8_t)digits[c >> 4]);
	build_byte(to, (uint8_t)digits[c & 15]);
}

static void
escape_url_part(struct slice text, struct build *to)
{
	while (text.size > 0) {
		text = pass(text, &plain, to);
		if (text.size == 0)
			break;
		escape_byte(text.at[0], to);
		text = slice_from(text, 1);
	}
}

/* Without a scheme, or with one of the web's. Browsers pass over spaces before it and line
 * breaks within, so what is before the first ':' has to be the name and nothing else. */
static bool
leads_somewhere(struct slice url)
{
	size_t n = 0;

	while (n < url.size && !is_one_of(url.at[n], ":/?#"))
		n++;
	if (n == url.size || url.at[n] != ':')
		return true;
	return (n == 4 || n == 5) && strncasecmp((const char *)url.at, "https", n) == 0;
}

static void
escape_url(struct slice url, struct build *to)
{
	if (!leads_somewhere(url)) {
		put(to, ESCAPE_NOWHERE);
		return;
	}
	while (url.size > 0) {
		url = pass(url, &of_url, to);
		if (url.size == 0)
			break;
		if (url.at[0] == '&')
			put(to, "&amp;");
		else
			escape_byte(url.at[0], to);
		url = slice_from(url, 1);
	}
}

/* --- Styles ---------------------------------------------------------------------------- */

/* The word or number: letters, digits, and few signs, of which none begins or ends anything
 * in a style. */
static bool
is_word(struct slice text)
{
	for (size_t i = 0; i < text.size; i++)
		if (!is_letter(text.at[i]) && !is_digit(text.at[i]) &&
		    !is_one_of(text.at[i], "-+.%"))
			return false;
	return true;
}

static bool
is_hex_colour(struct slice text)
{
	if (text.at[0] != '#' ||
	    (text.size != 4 && text.size != 5 && text.size != 7 && text.size != 9))
		return false;
	for (size_t i = 1; i < text.size; i++)
		if (number_hex_digit(text.at[i]) < 0)
			return false;
	return true;
}

/* rgb(255 0 0 / 50%), hsl(120, 100%, 25%) and their like. */
static bool
is_colour_function(struct slice text)
{
	static const char *const names[] = { "rgb(", "rgba(", "hsl(", "hsla(" };
	size_t n = slice_find(text, '(') + 1;

	if (n >= text.size || text.at[text.size - 1] != ')')
		return false;
	for (size_t i = n; i < text.size - 1; i++)
		if (!is_digit(text.at[i]) && !is_one_of(text.at[i], " ,.%-/"))
			return false;
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		if (slice_is(slice_of(text.at, n), names[i]))
			return true;
	return false;
}

static void
escape_css(struct slice text, struct build *to)
{
	if (text.size > 0 && text.size <= CSS_MAX &&
	    (is_word(text) || is_hex_colour(text) || is_colour_function(text)))
		build_raw(to, text);
}

void
escape(enum html_place place, struct slice text, struct build *to)
{
	switch (place) {
	case HTML_TEXT:
		escape_text(text, to);
		break;
	case HTML_URL:
		escape_url(text, to);
		break;
	case HTML_URL_PART:
		escape_url_part(text, to);
		break;
	case HTML_CSS:
		escape_css(text, to);
		break;
	}
}
