/* SPDX-License-Identifier: MIT */
#include "lib/traffic/geo.h"

#include <arpa/inet.h>
#include <math.h>
#include <maxminddb.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "lib/base/bytes.h"

/* A longer text is no name, and more than a record can carry. */
enum { TEXT_MAX = 1024 };

struct geo {
	MMDB_s file;
};

struct geo *
geo_open(const char *path, struct error *error)
{
	struct geo *p = calloc(1, sizeof *p);
	int status;

	if (p == NULL) {
		(void)error_set(error, "no memory for places");
		return NULL;
	}
	status = MMDB_open(path, MMDB_MODE_MMAP, &p->file);
	if (status == MMDB_SUCCESS)
		return p;
	(void)error_set(error, "%s: %s", path, MMDB_strerror(status));
	free(p);
	return NULL;
}

void
geo_close(struct geo *p)
{
	if (p == NULL)
		return;
	MMDB_close(&p->file);
	free(p);
}

static void
take_text(MMDB_entry_s *entry, const char *const *path, struct slice *to)
{
	MMDB_entry_data_s data;

	if (MMDB_aget_value(entry, &data, path) == MMDB_SUCCESS && data.has_data &&
	    data.type == MMDB_DATA_TYPE_UTF8_STRING && data.data_size <= TEXT_MAX)
		*to = slice_of(data.utf8_string, data.data_size);
}

static void
take_number(MMDB_entry_s *entry, const char *const *path, uint32_t *to)
{
	MMDB_entry_data_s data;

	if (MMDB_aget_value(entry, &data, path) != MMDB_SUCCESS || !data.has_data)
		return;
	if (data.type == MMDB_DATA_TYPE_UINT32)
		*to = data.uint32;
	else if (data.type == MMDB_DATA_TYPE_UINT16)
		*to = data.uint16;
}

static bool
take_degrees(MMDB_entry_s *entry, const char *const *path, double most, double *to)
{
	MMDB_entry_data_s data;

	if (MMDB_aget_value(entry, &data, path) != MMDB_SUCCESS || !data.has_data ||
	    data.type != MMDB_DATA_TYPE_DOUBLE || !(fabs(data.double_value) <= most))
		return false;
	*to = data.double_value;
	return true;
}

/* Of one file: a point and how far from it the address may be. */
static void
take_location(MMDB_entry_s *entry, struct geo_place *to)
{
	static const char *const latitude[] = { "location", "latitude", NULL },
				 *const longitude[] = { "location", "longitude", NULL },
				 *const radius[] = { "location", "accuracy_radius",
					 NULL };
	double north, east;

	if (!take_degrees(entry, latitude, 90, &north) ||
	    !take_degrees(entry, longitude, 180, &east))
		return;
	to->located = true;
	to->latitude = north;
	to->longitude = east;
	to->within_km = 0;
	take_number(entry, radius, &to->within_km);
}

bool
geo_find(struct geo *p, const struct ip *address, struct geo_place *to)
{
	static const char *const country[] = { "country", "iso_code", NULL },
				 *const flat[] = { "country_code", NULL },
				 *const region[] = { "subdivisions", "0", "iso_code",
					 NULL },
				 *const city[] = { "city", "names", "en", NULL },
				 *const asn[] = { "autonomous_system_number", NULL },
				 *const organization[] = {
					 "autonomous_system_organization", NULL
				 };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	struct sockaddr_in four = { .sin_family = AF_INET };
	MMDB_lookup_result_s found;
	int status;

	bytes_store_be64(six.sin6_addr.s6_addr, address->high);
	bytes_store_be64(six.sin6_addr.s6_addr + 8, address->low);
	four.sin_addr.s_addr = htonl((uint32_t)address->low);
	found = MMDB_lookup_sockaddr(&p->file,
	    address->six ? (const struct sockaddr *)&six
			 : (const struct sockaddr *)&four,
	    &status);
	if (status != MMDB_SUCCESS || !found.found_entry)
		return false;
	take_text(&found.entry, country, &to->country);
	take_text(&found.entry, flat, &to->country);
	take_text(&found.entry, region, &to->region);
	take_text(&found.entry, city, &to->city);
	take_number(&found.entry, asn, &to->asn);
	take_text(&found.entry, organization, &to->organization);
	take_location(&found.entry, to);
	return true;
}
