/* SPDX-License-Identifier: MIT
 *
 * The script of /v1/banner.js, which the build makes of banner.js.
 */
#ifndef BANNERPIPE_SERVE_BANNER_JS_H
#define BANNERPIPE_SERVE_BANNER_JS_H

#include <stddef.h>
#include <stdint.h>

extern const uint8_t banner_js[];
extern const size_t banner_js_size;

#endif
