/* SPDX-License-Identifier: MIT */
#include "lib/simulate/who.h"

#include <string.h>

#include "lib/base/number.h"
#include "lib/option.h"

#define SESSIONS_MAX 0.9

const struct who_habits who_habits[WHO_COUNT] = {
#define WHO_ROW(symbol, ...) [WHO_##symbol] = { __VA_ARGS__ },
	WHO_LIST(WHO_ROW)
#undef WHO_ROW
};

static enum who
who_of(struct slice word)
{
	enum who who = WHO_HUMAN + 1;

	while (who < WHO_COUNT && !slice_is(word, who_habits[who].word))
		who++;
	return who;
}

/* What attacks have of all sessions. */
static double
sum_of(const double shares[WHO_COUNT])
{
	double sum = 0;

	for (unsigned i = WHO_HUMAN + 1; i < WHO_FRIENDLY; i++)
		sum += shares[i];
	return sum;
}

int
who_read_shares(double shares[WHO_COUNT], const char *list, struct error *error)
{
	const char *rest = list;
	bool given[WHO_COUNT] = { false };
	struct slice item;

	memset(shares, 0, WHO_COUNT * sizeof *shares);
	if (strcmp(list, "none") == 0)
		return 0;
	while (option_next_name(&rest, &item)) {
		const uint8_t *colon = memchr(item.at, ':', item.size);
		size_t size = colon != NULL ? (size_t)(colon - item.at) : item.size;
		enum who who = who_of(slice_of(item.at, size));
		double *share = &shares[who % WHO_COUNT];

		if (who == WHO_COUNT)
			return error_set(error, "attack: there is no '%.*s'", (int)size,
			    (const char *)item.at);
		if (colon == NULL ||
		    !number_parse_double(slice_from(item, size + 1), share) ||
		    !(*share >= 0 && *share <= 1))
			return error_set(error,
			    "attack wants %s:SHARE, of 0 to 1, not '%.*s'",
			    who_habits[who].word, (int)item.size,
			    (const char *)item.at);
		if (given[who])
			return error_set(
			    error, "attack: '%s' is there twice", who_habits[who].word);
		given[who] = true;
	}
	return 0;
}

int
who_check_shares(const double shares[WHO_COUNT], struct error *error)
{
	return sum_of(shares) <= SESSIONS_MAX
	    ? 0
	    : error_set(error, "attack: at most %.9g of all sessions", SESSIONS_MAX);
}

double
who_per_human(const double shares[WHO_COUNT], enum who who)
{
	return who == WHO_HUMAN   ? 1
	    : who == WHO_FRIENDLY ? 0
				  : shares[who] / (1 - sum_of(shares));
}
