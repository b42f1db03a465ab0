/* SPDX-License-Identifier: MIT
 *
 * travel: how fast somebody must have been to be where he is now.
 */
#ifndef BANNERPIPE_LOGIN_TRAVEL_H
#define BANNERPIPE_LOGIN_TRAVEL_H

#include "lib/login/login.h"

enum {
	TRAVEL_NEAR_KM =
	    100, /* less is no travel: who moves is seen elsewhere at once */
	TRAVEL_RADIUS_KM = 6371, /* of the Earth: its mean radius */
};

/* The great circle between two known places (haversine formula), in km. */
double travel_km(struct place a, struct place b);

/* The least speed between two logins, in km/h: of what is surely between them, which is
 * their distance less what both are unsure by; 0 when that is less than TRAVEL_NEAR_KM, or
 * when it is not known of one of them where he is, by its network too. */
double travel_speed(struct place from, instant left, struct place to, instant came);

#endif
