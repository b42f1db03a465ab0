/* SPDX-License-Identifier: MIT */
#include "lib/login/ratio.h"

#include "lib/base/assert.h"

double
ratio_lift(const struct ratio_level *levels, unsigned n)
{
	double lift = 1;

	while (n-- > 0) {
		const struct ratio_level *l = &levels[n];

		if (l->of == 0)
			continue;
		assert(l->seen <= l->of && l->kinds > 0);
		lift *= l->kinds;
		if (l->seen > 0)
			lift += l->seen / l->p;
		lift /= (double)l->of + l->kinds;
	}
	return lift;
}
