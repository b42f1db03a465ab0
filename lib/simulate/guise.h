/* SPDX-License-Identifier: MIT
 *
 * guise: what visitors' programs call themselves: user agents, systems and browsers of
 * people, about as often as they are met, and those of robots that say what they are.
 *
 * Agents are those of the browsers of late 2025, which keep most versions to themselves
 * (user agent reduction); shares are StatCounter's of 2025, rounded, with the many iPhones
 * of Japan. Robots are written as their makers publish them.
 */
#ifndef BANNERPIPE_SIMULATE_GUISE_H
#define BANNERPIPE_SIMULATE_GUISE_H

#include <stdint.h>

#include "lib/base/slice.h"

enum guise_class { GUISE_PHONE, GUISE_DESKTOP, GUISE_TABLET, GUISE_CLASSES };

extern const char *const guise_class_names[GUISE_CLASSES];

enum { GUISE_MAX = 96, GUISE_PAIRS = 3 };

struct guises {
	uint8_t *storage; /* owned */
	uint32_t at[GUISE_MAX + 1];
	unsigned weight[GUISE_MAX]; /* of all of the class up to this one */
	unsigned first[GUISE_CLASSES + 1];
	unsigned n;
};

/* -1: no memory. */
int guises_init(struct guises *g);
void guises_fini(struct guises *g);
/* That of a device of the class. */
unsigned guises_draw(const struct guises *g, enum guise_class class, uint64_t draw);
/* user_agent, os and browser: GUISE_PAIRS pairs of msgpack. */
struct slice guises_pairs(const struct guises *g, unsigned guise);

/* A robot, and the network that it comes from. */
struct guise_robot {
	const char *agent;
	uint32_t address; /* the first of 2^bits */
	unsigned bits;
	uint32_t asn;
	unsigned weight; /* of 100 */
};

const struct guise_robot *guise_robot(uint64_t draw);

#endif
