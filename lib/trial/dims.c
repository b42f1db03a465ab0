/* SPDX-License-Identifier: MIT */
#include "lib/trial/dims.h"

#include "lib/record/value.h"

void
dims_build(
    struct build *b, struct slice values, const struct slice *names, unsigned count)
{
	build_text(b, "dims");
	build_map(b, count);
	for (unsigned i = 0; i < count; i++) {
		size_t size = values.size > 0 ? value_size(values.at) : 0;

		build_str(b, names[i]);
		if (size == 0)
			build_text(b, "(other)");
		else
			build_raw(b, slice_of(values.at, size));
		values = slice_from(values, size);
	}
}
