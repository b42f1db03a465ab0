/* SPDX-License-Identifier: MIT
 *
 * VEC_WIDE before a function: one build for every x86-64; the loader picks the widest
 * form. Not under the address sanitizer, which is not up yet when the loader asks.
 */
#ifndef BANNERPIPE_VEC_WIDE_H
#define BANNERPIPE_VEC_WIDE_H

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) &&                 \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define VEC_WIDE __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define VEC_WIDE
#endif

#endif
