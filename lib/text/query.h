/* SPDX-License-Identifier: MIT
 *
 * query: the query of a URL as a map.
 */
#ifndef BANNERPIPE_TEXT_QUERY_H
#define BANNERPIPE_TEXT_QUERY_H

#include "lib/base/slice.h"
#include "lib/record/build.h"

/* Append a map of the query's pairs, decoded (url.h), in their order. Of pairs with one
 * name the first counts, as with nginx's $arg_NAME; of more than RECORD_KEYS_MAX pairs
 * the first ones. A name without '=' has an empty value. A name or value whose decoding
 * is not UTF-8 stays as it was sent ("%E4"); raw bytes that are not UTF-8 become a bin.
 * Allocates nothing. Cost: about 15 ns a pair. */
void query_build(struct build *b, struct slice query);

#endif
