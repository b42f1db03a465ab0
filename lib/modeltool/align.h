/* SPDX-License-Identifier: MIT
 *
 * align: factors of two models that learned apart, in one basis, and merged.
 *
 * A factorisation machine says the same when all of its rows are turned, <R v, R w> = <v, w>,
 * so that two that learned the same from different examples need not have the same rows. Before
 * rows can be added up those of the one are turned to where they are nearest to those of the
 * other: R minimises the sum over the keys of both of |a - R b|^2 / variance, and is the
 * orthogonal polar factor of the sum of a b' / variance (Schoenemann, Psychometrika 1966).
 * Field-aware there is an R for each pair of fields.
 */
#ifndef BANNERPIPE_MODELTOOL_ALIGN_H
#define BANNERPIPE_MODELTOOL_ALIGN_H

#include "lib/modeltool/layout.h"

/* What turns the rows of one head of b to those of a. */
struct align;

/* To merge into rows of `a`. NULL: there is no memory. */
struct align *align_new(const struct rows *a, const struct rows *b);
void align_free(struct align *t);

/* A cell of b (all heads), turned, in place. */
void align_turn(const struct align *t, uint64_t key, void *row);

/* Of two cells of a key in one basis, the one that learned from both: of each factor the product
 * of the posteriors over the prior. */
void align_merge(const struct align *t, uint64_t key, void *to, const void *turned);

#endif
