/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "lib/base/assert.h"
#include "lib/sketch/velocity_inside.h"

/* The slot `back` slices before that of m. */
static unsigned
slot_before(const struct rings *r, unsigned rule, const struct moment *m, unsigned back)
{
	return r->first[rule] +
	    (m->slot[rule] + r->slices[rule] - back) % r->slices[rule];
}

/* Slices of the sketch's mass leave the windows. */
static void
mass_advance(struct velocity *v, unsigned rule, const struct moment *m)
{
	struct velocity_head *h = v->head;
	const struct rings *r = &v->rings;
	uint64_t width = (uint64_t)r->width[rule], new = 0;

	if (h->newest < m->start[rule])
		new = (m->start[rule] - h->newest + width - 1) / width;
	for (unsigned k = 0; k < r->slices[rule] && k < new; k++) {
		struct velocity_mass *gone = &h->slice[slot_before(r, rule, m, k)];

		mass_take(&h->live[rule], *gone);
		*gone = (struct velocity_mass){ 0 };
	}
}

void
velocity_advance(struct velocity *v, const struct moment *m)
{
	if (m->at <= v->head->newest)
		return;
	for (unsigned i = 0; i < v->rings.rules && v->head->newest != 0; i++)
		mass_advance(v, i, m);
	v->head->newest = m->at;
}

struct velocity_rows
velocity_rows(const struct velocity *v, uint64_t hash)
{
	struct places_way way = places_way(hash);
	struct velocity_rows rows;

	for (unsigned i = 0; i < DEPTH; i++)
		rows.at[i] = velocity_row(v, i, places_next(&way, v->fixed.width));
	return rows;
}

void
velocity_rows_advance(
    struct velocity *v, const struct velocity_rows *rows, const struct moment *m)
{
	struct velocity_head *h = v->head;

	for (unsigned i = 0; i < DEPTH; i++) {
		velocity_mark(v, rows->at[i], v->rings.size);
		rings_advance(&v->rings, rows->at[i], m, h->row_expired[i]);
	}
	h->poured = m->at > h->poured ? m->at : h->poured;
}

bool
velocity_rows_put(struct velocity *v, const struct velocity_rows *rows, unsigned rule,
    unsigned at, struct velocity_mass amount)
{
	struct velocity_head *h = v->head;

	for (unsigned i = 0; i < DEPTH; i++)
		if (!rings_fits(&v->rings, rows->at[i], at, amount))
			return false;
	for (unsigned i = 0; i < DEPTH; i++)
		rings_put(&v->rings, rows->at[i], at, amount);
	mass_add(&h->put[rule], amount);
	mass_add(&h->slice[at], amount);
	mass_add(&h->live[rule], amount);
	return true;
}

struct velocity_mass
velocity_rows_read(const struct velocity *v, const struct velocity_rows *rows,
    unsigned rule, const struct moment *m, uint64_t limit)
{
	struct velocity_mass least = { INT64_MAX, INT64_MAX };

	for (unsigned i = 0; i < DEPTH; i++) {
		struct velocity_mass one =
		    rings_read(&v->rings, rows->at[i], rule, m, limit);

		least.count = one.count < least.count ? one.count : least.count;
		least.sum = one.sum < least.sum ? one.sum : least.sum;
	}
	return least;
}

bool
velocity_rows_hold(const struct velocity *v, uint64_t hash)
{
	uint64_t newest = v->head->newest;
	struct velocity_rows rows;
	struct moment m = { 0 };

	if (v->head->poured == 0 ||
	    newest - v->head->poured >= (uint64_t)v->rings.longest)
		return false;
	rows = velocity_rows(v, hash);
	rings_moment(&v->rings, newest, newest, &m);
	for (unsigned i = 0; i < v->rings.rules; i++) {
		struct velocity_mass most =
		    velocity_rows_read(v, &rows, i, &m, VELOCITY_FOREVER);

		if (most.count != 0 || most.sum != 0)
			return true;
	}
	return false;
}

static void
pour_slice(struct velocity *v, const struct velocity_rows *rows, unsigned rule,
    unsigned at, struct velocity_mass a, bool live)
{
	struct velocity_head *h = v->head;

	mass_add(live ? &h->left[rule] : &h->expired[rule], a);
	if (live && velocity_rows_put(v, rows, rule, at, a))
		mass_add(&h->evicted[rule], a);
	else if (live)
		mass_add(&h->refused[rule], a);
}

void
velocity_pour(struct velocity *v, uint64_t hash, const struct ring_cell *ring)
{
	const struct rings *r = &v->rings;
	struct velocity_rows rows = velocity_rows(v, hash);
	struct moment m = { 0 };

	/* Of a cell that was given and then nothing came. */
	if (ring->newest == 0)
		return;
	rings_moment(r, v->head->newest, ring->newest, &m);
	velocity_rows_advance(v, &rows, &m);
	for (unsigned i = 0; i < r->rules; i++) {
		for (unsigned k = 0; k < r->slices[i]; k++) {
			unsigned at = slot_before(r, i, &m, k);

			pour_slice(v, &rows, i, at, rings_slot(r, ring, at),
			    m.ahead[i] + k < r->slices[i]);
		}
	}
}

struct velocity_bound
velocity_bound(const struct velocity *v, unsigned rule, instant when)
{
	const struct rings *r = &v->rings;
	struct velocity_mass mass = { 0 };
	struct moment m = { 0 };
	uint64_t newest = v->head->newest, at = (uint64_t)when + RING_BIAS, start;

	assert(rule < r->rules && when >= -WHEN_MAX && when <= WHEN_MAX);
	/* The masses are a ring too, which ends at the newest instant. */
	rings_moment(r, at > newest ? at : newest, newest, &m);
	start = m.start[rule];
	for (unsigned k = 0; newest != 0 && k + m.ahead[rule] < r->slices[rule]; k++) {
		if (start <= at)
			mass_add(&mass, v->head->slice[slot_before(r, rule, &m, k)]);
		start -= (uint64_t)r->width[rule];
	}
	return (struct velocity_bound){
		v->excess * (double)mass.count,
		v->excess * (double)mass.sum,
		exp(-DEPTH),
	};
}
