/* SPDX-License-Identifier: MIT
 *
 * Asserts state what a programmer got wrong, never what an input got wrong, and stay on
 * in production.
 */
#ifndef BANNERPIPE_BASE_ASSERT_H
#define BANNERPIPE_BASE_ASSERT_H

#ifdef NDEBUG
#error "asserts stay on: build without NDEBUG"
#endif
#include <assert.h>

#endif
