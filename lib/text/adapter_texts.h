/* SPDX-License-Identifier: MIT
 *
 * adapter_texts: the files lib/text/maps/NAME.map, made into C when building; private
 * to adapters.
 */
#ifndef BANNERPIPE_TEXT_ADAPTER_TEXTS_H
#define BANNERPIPE_TEXT_ADAPTER_TEXTS_H

#include "lib/text/adapters.h"

extern const struct adapter adapter_texts[]; /* by name */
extern const size_t adapter_count;

#endif
