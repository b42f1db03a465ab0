/* SPDX-License-Identifier: MIT */
#include "lib/serve/privacy.h"

#include "lib/text/base64.h"

/* Where the core string has what, in bits. */
enum { TCF_VERSION = 2, TCF_PURPOSES = 152, TCF_PURPOSES_END = 176 };
enum { GPP_TCF_EU = 2, GPP_US = 6 };

static int
digit_of(uint8_t c)
{
	return c == '-' ? 62 : c == '_' ? 63 : base64_letter(c);
}

/* Base64url has six bits a character; the text is long enough. */
static bool
bit_of(struct slice text, unsigned bit)
{
	return (digit_of(text.at[bit / 6]) >> (5 - bit % 6) & 1) != 0;
}

static bool
purpose(struct slice text, unsigned number)
{
	return bit_of(text, TCF_PURPOSES + number - 1);
}

bool
privacy_tcf(struct slice text)
{
	text.size = slice_find(text, '.'); /* other segments follow it */
	if (text.size * 6 < TCF_PURPOSES_END)
		return false;
	for (size_t i = 0; i < text.size; i++)
		if (digit_of(text.at[i]) < 0)
			return false;
	return digit_of(text.at[0]) == TCF_VERSION && purpose(text, 1) &&
	    purpose(text, 3) && purpose(text, 4);
}

bool
privacy_us(struct slice text)
{
	return text.size == 4 && text.at[0] == '1' &&
	    (text.at[2] == 'N' || text.at[2] == 'n' || text.at[2] == '-');
}

bool
privacy_gpp(struct slice text, uint64_t section)
{
	size_t header = slice_find(text, '~');

	if (header == text.size)
		return false;
	text = slice_from(text, header + 1);
	if (slice_find(text, '~') != text.size)
		return false;
	return section == GPP_TCF_EU ? privacy_tcf(text)
	    : section == GPP_US      ? privacy_us(text)
				     : false;
}
