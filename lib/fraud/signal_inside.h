/* SPDX-License-Identifier: MIT
 *
 * signal_inside: what the number of a signal is made of, for the files of them.
 */
#ifndef BANNERPIPE_FRAUD_SIGNAL_INSIDE_H
#define BANNERPIPE_FRAUD_SIGNAL_INSIDE_H

#include "lib/fraud/signal.h"

/* The set of a signal that has one, and the field of a distinct count. */
static inline unsigned
signal_parts(unsigned signal, unsigned *field)
{
	if (signal < SIGNAL_DISTINCT)
		return (signal - SIGNAL_OWN) % LATTICE_SETS;
	*field = (signal - SIGNAL_DISTINCT) % LATTICE_FIELDS;
	return (signal - SIGNAL_DISTINCT) / LATTICE_FIELDS;
}

#endif
