/* SPDX-License-Identifier: MIT */
#include "lib/text/url.h"

#include "lib/base/number.h"

static size_t
find_any(struct slice s, const char *set)
{
	size_t i;

	for (i = 0; i < s.size; i++)
		if (s.at[i] != '\0' && strchr(set, s.at[i]) != NULL)
			break;
	return i;
}

static struct slice
host_of(struct slice authority)
{
	size_t end;

	for (size_t at = slice_find(authority, '@'); at < authority.size;
	     at = slice_find(authority, '@'))
		authority = slice_from(authority, at + 1);
	if (authority.size > 0 && authority.at[0] == '[') {
		authority = slice_from(authority, 1);
		end = slice_find(authority, ']');
	} else {
		end = slice_find(authority, ':');
	}
	return slice_of(authority.at, end);
}

/* The length of "scheme:" before "//", 0 when the text does not begin so. */
static size_t
scheme_size(struct slice text)
{
	size_t n;

	if (text.size == 0 || text.at[0] == '/') /* what a server logs */
		return 0;
	n = find_any(text, ":/?#");
	return n > 0 && n + 2 < text.size && memcmp(text.at + n, "://", 3) == 0 ? n : 0;
}

void
url_split(struct slice text, struct url *to)
{
	struct slice rest = text;
	size_t n = scheme_size(text);

	to->scheme = slice_of(text.at, n);
	if (n > 0)
		rest = slice_from(rest, n + 1);
	to->host = slice_of(rest.at, 0);
	if (rest.size >= 2 && rest.at[0] == '/' && rest.at[1] == '/') {
		rest = slice_from(rest, 2);
		n = find_any(rest, "/?#");
		to->host = host_of(slice_of(rest.at, n));
		rest = slice_from(rest, n);
	}
	n = slice_find(rest, '#');
	to->fragment = slice_from(rest, n < rest.size ? n + 1 : n);
	rest.size = n;
	n = slice_find(rest, '?');
	to->query = slice_from(rest, n < rest.size ? n + 1 : n);
	to->path = slice_of(rest.at, n);
}

bool
url_segment(struct slice path, unsigned n, struct slice *to)
{
	size_t end;

	if (path.size == 0 || path.at[0] != '/')
		return false;
	for (;; n--) {
		path = slice_from(path, 1);
		end = slice_find(path, '/');
		if (n == 0)
			break;
		if (end == path.size)
			return false;
		path = slice_from(path, end);
	}
	*to = slice_of(path.at, end);
	return true;
}

bool
url_query_next(struct slice *rest, struct slice *name, struct slice *value)
{
	while (rest->size > 0) {
		size_t end = slice_find(*rest, '&');
		struct slice pair = slice_of(rest->at, end);
		size_t equals = slice_find(pair, '=');

		*rest = slice_from(*rest, end < rest->size ? end + 1 : end);
		if (pair.size == 0)
			continue;
		*name = slice_of(pair.at, equals);
		*value = slice_from(pair, equals < pair.size ? equals + 1 : equals);
		return true;
	}
	return false;
}

bool
url_is_plain(struct slice text, bool plus)
{
	return slice_find(text, '%') == text.size &&
	    (!plus || slice_find(text, '+') == text.size);
}

size_t
url_decode(struct slice text, bool plus, uint8_t *to)
{
	size_t n = 0;

	for (size_t i = 0; i < text.size; i++) {
		uint8_t c = text.at[i];

		if (c == '%' && text.size - i > 2 &&
		    number_hex_digit(text.at[i + 1]) >= 0 &&
		    number_hex_digit(text.at[i + 2]) >= 0) {
			c = (uint8_t)(number_hex_digit(text.at[i + 1]) * 16 +
			    number_hex_digit(text.at[i + 2]));
			i += 2;
		} else if (c == '+' && plus) {
			c = ' ';
		}
		to[n++] = c;
	}
	return n;
}
