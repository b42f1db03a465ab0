/* SPDX-License-Identifier: MIT
 *
 * adapters: the maps that bp-parse ships, in the language of map.h, for well-known
 * formats: ga4, segment, snowplow, metarank, gorse, openrtb, dsjson. Their texts are
 * the files lib/text/maps/NAME.map; a file more there is an adapter more. Each file
 * says at its head which public document describes the format.
 */
#ifndef BANNERPIPE_TEXT_ADAPTERS_H
#define BANNERPIPE_TEXT_ADAPTERS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/slice.h"

struct adapter {
	const char *name; /* "ga4" */
	struct slice map; /* text for map_compile */
};

/* The adapter of that name, or NULL. */
const struct adapter *adapter_find(struct slice name);

/* All of them, by name; *count says how many. */
const struct adapter *adapter_all(size_t *count);

/* The names of the columns of a format that is TSV without a header, separated by
 * commas
 * ("app_id,platform,..."), or NULL for one that is JSON lines. Of snowplow, 131. */
const char *adapter_columns(const struct adapter *adapter);

#endif
