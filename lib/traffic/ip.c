/* SPDX-License-Identifier: MIT */
#include "lib/traffic/ip.h"

#include "lib/base/number.h"

enum { GROUPS = 8 };

static bool
parse_four(struct slice text, uint32_t *to)
{
	uint32_t address = 0;
	size_t at = 0;

	for (unsigned part = 0; part < 4; part++) {
		unsigned value = 0, digits = 0;

		if (part > 0 && (at == text.size || text.at[at++] != '.'))
			return false;
		for (; at < text.size && text.at[at] >= '0' && text.at[at] <= '9';
		     at++) {
			if (digits++ > 0 && value == 0)
				return false;
			value = 10 * value + text.at[at] - '0';
			if (value > 255)
				return false;
		}
		if (digits == 0)
			return false;
		address = address << 8 | value;
	}
	*to = address;
	return at == text.size;
}

/* Groups of hexadecimal digits from text.at[*at] on, and how many; `gap` is the group that
 * "::" stands before, GROUPS when there is none. */
static bool
parse_groups(struct slice text, uint16_t groups[GROUPS], unsigned *count, unsigned *gap)
{
	size_t at = 0;
	unsigned n = 0;

	*gap = GROUPS;
	if (text.size >= 2 && text.at[0] == ':' && text.at[1] == ':') {
		*gap = 0;
		at = 2;
	}
	while (at < text.size && n < GROUPS) {
		size_t start = at;
		unsigned value = 0;
		uint32_t four;

		for (; at < text.size && at - start < 4 &&
		     number_hex_digit(text.at[at]) >= 0;
		     at++)
			value = value << 4 | (unsigned)number_hex_digit(text.at[at]);
		if (at < text.size && text.at[at] == '.') {
			if (n > GROUPS - 2 ||
			    !parse_four(slice_from(text, start), &four))
				return false;
			groups[n++] = (uint16_t)(four >> 16);
			groups[n++] = (uint16_t)four;
			at = text.size;
			break;
		}
		if (at == start)
			return false;
		groups[n++] = (uint16_t)value;
		if (at == text.size)
			break;
		if (text.at[at++] != ':' || at == text.size)
			return false;
		if (text.at[at] == ':') {
			if (*gap != GROUPS)
				return false;
			*gap = n;
			at++;
		}
	}
	*count = n;
	return at == text.size;
}

static bool
parse_six(struct slice text, struct ip *to)
{
	uint16_t read[GROUPS] = { 0 }, all[GROUPS] = { 0 };
	unsigned n, gap;

	/* "::" stands for one group at least. */
	if (!parse_groups(text, read, &n, &gap) ||
	    (gap == GROUPS ? n != GROUPS : n == GROUPS))
		return false;
	for (unsigned i = 0; i < n; i++)
		all[i < gap ? i : i + GROUPS - n] = read[i];
	*to = (struct ip){ .six = true };
	for (unsigned i = 0; i < GROUPS; i++) {
		uint64_t *half = i < GROUPS / 2 ? &to->high : &to->low;

		*half = *half << 16 | all[i];
	}
	if (to->high == 0 && to->low >> 32 == 0xffff)
		*to = (struct ip){ .low = (uint32_t)to->low };
	return true;
}

bool
ip_parse(struct slice text, struct ip *to)
{
	uint32_t four;

	if (slice_find(text, ':') < text.size)
		return parse_six(text, to);
	if (!parse_four(text, &four))
		return false;
	*to = (struct ip){ .low = four };
	return true;
}
