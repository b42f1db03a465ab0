/* SPDX-License-Identifier: MIT
 *
 * whence: where visits come from: network, address, place and device, such as people have
 * them who are no trouble at all and yet look like some.
 *
 * Two visitors share a home and its address, which for a third of homes is another one each
 * day; many work in offices with one address; carriers put hundreds behind one (Richter and
 * others, A Multi-perspective Analysis of Carrier-Grade NAT Deployment, IMC 2016); some are
 * behind a private network that is elsewhere, a few behind rented machines, as companies
 * are; some travel. Each has one to three devices, one of them perhaps its home's.
 *
 * Networks and addresses of people belong to nobody: private AS numbers (RFC 6996),
 * 10.0.0.0/8 and 2001:db8::/32. Rented machines and robots have those of their companies.
 */
#ifndef BANNERPIPE_SIMULATE_WHENCE_H
#define BANNERPIPE_SIMULATE_WHENCE_H

#include <stdbool.h>

#include "lib/record/build.h"
#include "lib/simulate/guise.h"
#include "lib/when.h"

enum { WHENCE_PLACES = 21, WHENCE_SIZE_MAX = 512 };

enum whence_network { WHENCE_ISP, WHENCE_MOBILE, WHENCE_VPN, WHENCE_CLOUD };

struct whences {
	uint64_t seed, visitors;
	struct guises guises;
	double rtt_ms[WHENCE_PLACES]; /* of light in glass from there to the shop */
};

struct whence {
	enum whence_network network;
	uint32_t asn;
	unsigned place;     /* that the address is known to be at */
	bool six;           /* IPv6; else the address is low */
	uint64_t high, low; /* the address */
	uint64_t device;    /* 0: it cannot be told */
	enum guise_class class;
	unsigned guise;
	const struct guise_robot *robot; /* NULL: none; it has the guise's place */
	double rtt_ms;                   /* without what chance adds */
	unsigned prefetched;             /* 0 no, 1 prefetch, 2 prerender */
};

/* -1: no memory. */
int whences_init(struct whences *o, uint64_t seed, uint64_t visitors);
void whences_fini(struct whences *o);

/* Of a visitor, in a session, at that time. Cost: about 100 ns. */
void whence_of_visitor(const struct whences *o, uint32_t visitor, uint64_t session,
    instant at, struct whence *to);

/* Parts of it, for those who are no visitors. A place as often as visitors live there; */
unsigned whence_place(uint64_t draw);
/* the line of a home, which is another one in another epoch; */
void whence_home(const struct whences *o, unsigned place, uint64_t home, uint64_t epoch,
    struct whence *to);
/* one of 256 machines in a network of IPv4 of somebody's; */
void whence_host(const struct whences *o, unsigned place, uint64_t network,
    unsigned host, struct whence *to);
/* the network of a carrier, by which somebody comes; */
void whence_mobile(const struct whences *o, unsigned place, uint64_t somebody,
    uint64_t epoch, struct whence *to);
/* an exit of a private network, used from a place; */
void whence_vpn(
    const struct whences *o, unsigned place, uint64_t draw, struct whence *to);
/* a rented machine, likewise; */
void whence_cloud(
    const struct whences *o, unsigned place, uint64_t draw, struct whence *to);
void whence_robot(uint64_t robot, uint64_t draw, struct whence *to);
/* and a device. */
void whence_device(const struct whences *o, enum guise_class class, uint64_t device,
    struct whence *to);

/* Append the pairs ip, user_agent, os, browser, asn, asn_kind, country, sec_purpose of what
 * is fetched ahead and, when it may be told, device; how many. */
uint32_t whence_build(
    const struct whences *o, const struct whence *from, bool device, struct build *b);
double whence_latitude(const struct whence *from);
double whence_longitude(const struct whence *from);

#endif
