/* SPDX-License-Identifier: MIT
 *
 * geo: where an address is, and whose network, by files in the MaxMind DB format
 * (maxmind.github.io/MaxMind-DB; libmaxminddb).
 */
#ifndef BANNERPIPE_TRAFFIC_GEO_H
#define BANNERPIPE_TRAFFIC_GEO_H

#include "lib/base/error.h"
#include "lib/traffic/ip.h"

struct geo_place {
	/* Texts have up to 1,024 bytes. */
	struct slice country;      /* ISO 3166-1, two letters; absent: not known */
	struct slice region;       /* ISO 3166-2, the part after the country */
	struct slice city;         /* its English name */
	uint32_t asn;              /* of the autonomous system; 0: not known */
	struct slice organization; /* that has it */
	bool located;
	double latitude, longitude; /* degrees; set if located */
	uint32_t within_km;         /* 0: not known */
};

struct geo;

/* Maps the file; it may be replaced by renaming another over it, never written into. NULL
 * and error. */
struct geo *geo_open(const char *path, struct error *error);
void geo_close(struct geo *p);

/* Fill in what the file knows of the address, and leave the rest; what is borrowed stays
 * until geo_close. Whether it knows anything. Cost: 100-500 ns. */
bool geo_find(struct geo *p, const struct ip *address, struct geo_place *to);

#endif
