/* SPDX-License-Identifier: MIT */
#include "lib/delivery/cap.h"

#include "lib/base/number.h"
#include "lib/option.h"
#include "lib/record/value.h"

static int
read_count(struct slice map, const char *name, int32_t *to, struct error *error)
{
	struct slice value;
	int64_t count;

	if (!value_get(map, name, &value))
		return 0;
	if (!value_int(value, &count) || count < 0 || count > CAP_COUNT_MAX)
		return error_set(
		    error, "cap.%s is no count of 0 to %d", name, CAP_COUNT_MAX);
	*to = (int32_t)count;
	return 0;
}

int
cap_read(struct cap *cap, struct slice map, struct error *error)
{
	struct slice value;

	*cap = CAP_NONE;
	if (value_type(map) != VALUE_MAP)
		return error_set(error, "cap is no map");
	if (read_count(map, "total", &cap->total, error) != 0 ||
	    read_count(map, "session", &cap->session, error) != 0 ||
	    read_count(map, "window", &cap->window, error) != 0)
		return -1;
	if (!value_get(map, "window_us", &value))
		return cap->window < 0
		    ? 0
		    : error_set(error, "cap.window lacks its window_us");
	if (!value_int(value, &cap->length.us) || cap->length.us <= 0 ||
	    cap->length.us > CAP_WINDOW_MAX)
		return error_set(
		    error, "cap.window_us is no duration of up to 366 days");
	if (cap->window < 0) {
		cap->window = cap->total;
		cap->total = -1;
	}
	return 0;
}

static int
parse_one(struct cap *cap, struct slice text)
{
	struct slice digits = slice_of(text.at, slice_find(text, '/')), per;
	uint64_t count;

	if (!number_parse_uint(digits, &count) || count > CAP_COUNT_MAX)
		return -1;
	if (digits.size == text.size) {
		cap->total = (int32_t)count;
		return 0;
	}
	per = slice_from(text, digits.size + 1);
	if (slice_is(per, "session")) {
		cap->session = (int32_t)count;
		return 0;
	}
	if (!when_parse_span(per, &cap->length) || cap->length.us <= 0 ||
	    cap->length.us > CAP_WINDOW_MAX)
		return -1;
	cap->window = (int32_t)count;
	return 0;
}

int
cap_parse(struct cap *cap, const char *text, struct error *error)
{
	const char *rest = text;
	struct slice name;

	*cap = CAP_NONE;
	while (text != NULL && option_next_name(&rest, &name))
		if (parse_one(cap, name) != 0)
			return error_set(error,
			    "'%s' is no cap, such as \"20\", \"2/session\", \"3/24h\", "
			    "or several with commas between",
			    text);
	return 0;
}
