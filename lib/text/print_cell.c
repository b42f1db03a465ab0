/* SPDX-License-Identifier: MIT */
#include "lib/text/print.h"

#include <string.h>

#include "lib/record/value.h"
#include "lib/text/csv.h"

static bool
holds_any(struct slice text, const char *bytes)
{
	for (; *bytes != '\0'; bytes++)
		if (slice_find(text, (uint8_t)*bytes) < text.size)
			return true;
	return false;
}

static bool
is_number(struct slice text)
{
	uint8_t storage[16];
	struct build scratch;

	build_init(&scratch, storage, sizeof storage);
	return csv_number(text, &scratch);
}

/* Text in double quotes, each quote within doubled. */
static void
quote_csv(struct slice text, struct build *to)
{
	build_byte(to, '"');
	while (text.size > 0) {
		size_t run = slice_find(text, '"');

		build_raw(to, slice_of(text.at, run));
		if (run == text.size)
			break;
		build_raw(to, slice_text("\"\""));
		text = slice_from(text, run + 1);
	}
	build_byte(to, '"');
}

/* Text with a backslash and a letter for each of the bytes that the style escapes. */
static void
escape_tsv(struct slice text, struct build *to)
{
	static const char from[] = "\t\n\r\\", letter[] = "tnr\\";

	for (size_t i = 0; i < text.size; i++) {
		const char *known = text.at[i] == 0 ? NULL : strchr(from, text.at[i]);

		if (known != NULL)
			build_byte(to, '\\');
		build_byte(
		    to, known != NULL ? (uint8_t)letter[known - from] : text.at[i]);
	}
}

static void
quote_logfmt(struct slice text, struct build *to)
{
	static const char from[] = "\t\n\r\\\"", letter[] = "tnr\\\"",
			  digits[] = "0123456789abcdef";

	build_byte(to, '"');
	for (size_t i = 0; i < text.size; i++) {
		uint8_t c = text.at[i];
		const char *known = c == 0 ? NULL : strchr(from, c);

		if (known != NULL || c < 0x20)
			build_byte(to, '\\');
		if (known != NULL) {
			build_byte(to, (uint8_t)letter[known - from]);
		} else if (c < 0x20) {
			build_raw(to, slice_text("u00"));
			build_byte(to, (uint8_t)digits[c >> 4]);
			build_byte(to, (uint8_t)digits[c & 15]);
		} else {
			build_byte(to, c);
		}
	}
	build_byte(to, '"');
}

static bool
is_bare_logfmt(struct slice text)
{
	for (size_t i = 0; i < text.size; i++)
		if (text.at[i] <= ' ' || text.at[i] == '"' || text.at[i] == '=' ||
		    text.at[i] == 0x7f)
			return false;
	return text.size > 0;
}

/* is_text: it was a str, which a reader should not take for something else. */
static void
print_text(struct slice text, bool is_text, enum print_style style, struct build *to)
{
	switch (style) {
	case PRINT_CSV:
		if (holds_any(text, ",\"\n\r") ||
		    (is_text && (text.size == 0 || is_number(text))))
			quote_csv(text, to);
		else
			build_raw(to, text);
		break;
	case PRINT_TSV:
		if (holds_any(text, "\t\n\r\\"))
			escape_tsv(text, to);
		else
			build_raw(to, text);
		break;
	case PRINT_LOGFMT:
		if (is_bare_logfmt(text))
			build_raw(to, text);
		else
			quote_logfmt(text, to);
	}
}

/* What was appended from `mark` on, as a cell: it is read from behind its own quoted
 * copy, which then takes its place. */
static void
quote_appended(struct build *to, size_t mark, enum print_style style)
{
	size_t size = (size_t)(to->at - to->start) - mark, quoted;

	print_text(slice_of(to->start + mark, size), false, style, to);
	if (build_full(to))
		return;
	quoted = (size_t)(to->at - to->start) - mark - size;
	memmove(to->start + mark, to->start + mark + size, quoted);
	to->at = to->start + mark + quoted;
}

void
print_cell(struct slice value, enum print_style style, struct build *to)
{
	size_t mark = (size_t)(to->at - to->start);
	enum value_type type = value_type(value);
	struct slice text;

	if (type == VALUE_NIL)
		return;
	if (value_str(value, &text)) {
		print_text(text, true, style, to);
		return;
	}
	print_json(value, to);
	if (type != VALUE_INT && type != VALUE_BOOL && !build_full(to))
		quote_appended(to, mark, style);
}

void
print_name(struct slice name, enum print_style style, struct build *to)
{
	if (style != PRINT_LOGFMT || is_bare_logfmt(name)) {
		print_text(name, false, style, to);
		return;
	}
	/* A key of logfmt cannot be quoted. */
	for (size_t i = 0; i < name.size; i++)
		build_byte(
		    to, is_bare_logfmt(slice_of(name.at + i, 1)) ? name.at[i] : '_');
	if (name.size == 0)
		build_byte(to, '_');
}
