/* SPDX-License-Identifier: MIT */
#include "lib/http/peers.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/base/bytes.h"

bool
peers_init(struct peers *p, unsigned connections, uint64_t seed)
{
	uint32_t cells = (uint32_t)bytes_power_of_two(connections | 8) * 4;

	*p = (struct peers){ .mask = cells - 1, .secret = hash_key(seed) };
	p->cell = calloc(cells, sizeof *p->cell);
	return p->cell != NULL;
}

void
peers_fini(struct peers *p)
{
	free(p->cell);
}

uint64_t
peers_key(const struct sockaddr *address)
{
	const struct sockaddr_in6 *six = (const void *)address;
	const struct sockaddr_in *four = (const void *)address;

	if (address->sa_family == AF_INET)
		return UINT64_C(0xffff00000000) | four->sin_addr.s_addr;
	if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr)) {
		uint32_t mapped;

		memcpy(&mapped, six->sin6_addr.s6_addr + 12, sizeof mapped);
		return UINT64_C(0xffff00000000) | mapped;
	}
	return bytes_load_be64(six->sin6_addr.s6_addr);
}

static uint32_t
home(const struct peers *p, uint64_t key)
{
	return (uint32_t)hash_keyed(p->secret, slice_of(&key, sizeof key)) & p->mask;
}

static uint32_t
find(const struct peers *p, uint64_t key)
{
	uint32_t i = home(p, key);

	while (p->cell[i].count > 0 && p->cell[i].key != key)
		i = (i + 1) & p->mask;
	return i;
}

uint32_t
peers_count(const struct peers *p, uint64_t key)
{
	return p->cell[find(p, key)].count;
}

void
peers_add(struct peers *p, uint64_t key)
{
	struct peers_cell *c = &p->cell[find(p, key)];

	c->key = key;
	c->count++;
}

/* A cell that becomes free is filled by one behind it that may move there. */
void
peers_remove(struct peers *p, uint64_t key)
{
	uint32_t hole = find(p, key), i = hole, distance;

	assert(p->cell[hole].count > 0);
	if (--p->cell[hole].count > 0)
		return;
	for (;;) {
		i = (i + 1) & p->mask;
		if (p->cell[i].count == 0)
			return;
		distance = (i - home(p, p->cell[i].key)) & p->mask;
		if (distance < ((i - hole) & p->mask))
			continue;
		p->cell[hole] = p->cell[i];
		p->cell[i].count = 0;
		hole = i;
	}
}
