/* SPDX-License-Identifier: MIT */
#include "lib/text/detect.h"

#include "lib/text/examples.h"
#include "lib/text/logformat.h"

enum { NAME_SIZE_MAX = 64 };

/* Whether the line is of the log format of that name. */
static bool
is_log(struct slice line, const char *name)
{
	struct logformat_value values[LOGFORMAT_FIELDS_MAX];
	struct logformat *f;
	struct fault fault;
	struct error error;
	bool is;

	f = logformat_new(slice_text(logformat_named(slice_text(name))), &error);
	is = f != NULL && logformat_run(f, line, values, &fault);
	logformat_free(f);
	return is;
}

static bool
is_letter(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* A column's name as programs write them: "user_id", "Invoice No.", "$price". */
static bool
is_name(struct slice s)
{
	if (s.size >= 2 && s.at[0] == '"' && s.at[s.size - 1] == '"')
		s = slice_of(s.at + 1, s.size - 2);
	if (s.size == 0 || s.size > NAME_SIZE_MAX ||
	    (!is_letter(s.at[0]) && s.at[0] != '$'))
		return false;
	for (size_t i = 1; i < s.size; i++)
		if (!is_letter(s.at[i]) && !(s.at[i] >= '0' && s.at[i] <= '9') &&
		    (s.at[i] == '\0' || strchr(" .-/()%#$", s.at[i]) == NULL))
			return false;
	return true;
}

/* Whether the line is two names or more with the separator between them. */
static bool
is_header(struct slice line, uint8_t separator)
{
	unsigned names = 0;
	size_t n;

	if (line.size >= 3 && memcmp(line.at, "\xef\xbb\xbf", 3) == 0)
		line = slice_from(line, 3);
	for (;;) {
		n = slice_find(line, separator);
		if (!is_name(slice_of(line.at, n)))
			return false;
		names++;
		if (n == line.size)
			return names >= 2;
		line = slice_from(line, n + 1);
	}
}

static const char *
format_of(struct slice line)
{
	struct slice text = slice_trim(line);
	const char *examples;

	if (text.size >= 2 && text.at[0] == '{' && text.at[text.size - 1] == '}')
		return "json";
	if (is_log(line, "combined"))
		return "combined";
	if (is_log(line, "common"))
		return "common";
	examples = examples_detect(line);
	if (examples != NULL)
		return examples;
	if (is_header(line, '\t'))
		return "tsv";
	if (is_header(line, ','))
		return "csv";
	return is_header(line, ';') ? "csv;" : NULL;
}

const char *
detect_name(struct slice name)
{
	static const char *const names[] = { "combined", "common", "json", "csv",
		"csv;", "tsv", "vw", "libsvm", "ffm" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (slice_is(name, names[i]))
			return names[i];
	return NULL;
}

enum detect
detect_format(struct slice bytes, bool end, const char **format)
{
	size_t at = 0;

	/* A map of msgpack, or one of its control records. */
	if (bytes.size > 0 &&
	    ((bytes.at[0] & 0xf0) == 0x80 || bytes.at[0] == 0xde ||
		bytes.at[0] == 0xdf || bytes.at[0] == 0xc7))
		return DETECT_RECORDS;
	for (unsigned i = 0; i < DETECT_LINES_MAX && at < DETECT_BYTES_MAX; i++) {
		struct slice rest = slice_from(bytes, at), line;
		size_t size = slice_find(rest, '\n');

		if (size == rest.size && (!end || size == 0))
			return end ? DETECT_NONE : DETECT_MORE;
		line = slice_of(rest.at, size);
		if (line.size > 0 && line.at[line.size - 1] == '\r')
			line.size--;
		*format = format_of(line);
		if (*format != NULL)
			return DETECT_FOUND;
		at += size + (size < rest.size);
	}
	return DETECT_NONE;
}
