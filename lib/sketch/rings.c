/* SPDX-License-Identifier: MIT */
#include "lib/sketch/rings.h"

#include "lib/base/assert.h"
#include "lib/window/ring.h"

void
rings_init(struct rings *r, const struct velocity_shape *shape)
{
	size_t counts;

	assert(shape->rules >= 1 && shape->rules <= VELOCITY_RULES_MAX);
	*r = (struct rings){ .rules = shape->rules, .sums = shape->sums };
	for (unsigned i = 0; i < r->rules; i++) {
		struct velocity_rule rule = shape->rule[i];

		assert(rule.length.us > 0 && rule.length.us <= WHEN_MAX / 4);
		assert(rule.slices >= 1 && rule.slices <= VELOCITY_SLICES_MAX);
		r->slices[i] = rule.slices;
		r->first[i] = r->total;
		r->width[i] = (rule.length.us + (int64_t)rule.slices - 1) / rule.slices;
		if (r->width[i] * rule.slices > r->longest) {
			r->longest = r->width[i] * rule.slices;
			r->longest_rule = i;
		}
		r->total += rule.slices;
	}
	assert(r->total <= VELOCITY_SLICES_MAX);
	counts = ((r->total + 1) & ~1u) * sizeof(int32_t);
	r->size = sizeof(struct ring_cell) + counts +
	    (r->sums ? r->total * sizeof(int64_t) : 0);
}

/* How many slices lie between an instant before `start` and that of `start`. */
static uint64_t
slices_before(const struct rings *r, unsigned rule, uint64_t start, uint64_t at)
{
	uint64_t width = (uint64_t)r->width[rule];

	return start - at <= width ? 1 : (start - at + width - 1) / width;
}

void
rings_moment(const struct rings *r, uint64_t newest, uint64_t at, struct moment *m)
{
	for (unsigned i = 0; i < r->rules; i++) {
		uint64_t width = (uint64_t)r->width[i], ahead = 0;

		if (m->at == 0 || at < m->start[i] || at - m->start[i] >= width) {
			int64_t when = (int64_t)(at - RING_BIAS);
			int64_t number = when / r->width[i] - (when % r->width[i] < 0);

			m->start[i] = (uint64_t)(number * r->width[i]) + RING_BIAS;
			m->slot[i] =
			    (unsigned)(((uint64_t)number + RING_BIAS) % r->slices[i]);
		}
		if (newest > at && newest - m->start[i] >= width)
			ahead = (newest - m->start[i]) / width;
		m->ahead[i] = ahead < r->slices[i] ? (unsigned)ahead : r->slices[i];
	}
	m->at = at;
	m->latest = 0;
	for (unsigned i = 0; i < r->rules; i++)
		m->latest = m->start[i] > m->latest ? m->start[i] : m->latest;
}

void
rings_overwrite(const struct rings *r, struct ring_cell *c, const struct moment *m,
    struct velocity_mass *overwritten)
{
	for (unsigned i = 0; i < r->rules && c->newest != 0; i++) {
		uint64_t new;

		if (c->newest >= m->start[i])
			continue;
		new = slices_before(r, i, m->start[i], c->newest);
		for (unsigned k = 0; k < r->slices[i] && k < new; k++) {
			unsigned slot = m->slot[i] >= k ? m->slot[i] - k
							: m->slot[i] + r->slices[i] - k;
			unsigned at = r->first[i] + slot;

			mass_add(&overwritten[i], rings_slot(r, c, at));
			c->count[at] = 0;
			if (r->sums)
				rings_sums(r, c)[at] = 0;
		}
	}
}

/* n slices back from a slot. */
static struct velocity_mass
read_back(const struct rings *r, const struct ring_cell *c, unsigned rule,
    unsigned slot, unsigned n)
{
	struct velocity_mass sum = { 0 };

	for (; n > 0; n--) {
		mass_add(&sum, rings_slot(r, c, r->first[rule] + slot));
		slot = slot > 0 ? slot - 1 : r->slices[rule] - 1;
	}
	return sum;
}

struct velocity_mass
rings_read_part(const struct rings *r, const struct ring_cell *c, unsigned rule,
    const struct moment *m, uint64_t last)
{
	unsigned n = r->slices[rule], slot = m->slot[rule];
	uint64_t back = 0;

	if (last < m->start[rule])
		back = slices_before(r, rule, m->start[rule], last);
	if (last == 0 || back + m->ahead[rule] >= n)
		return (struct velocity_mass){ 0 };
	slot += n - (unsigned)back;
	return read_back(r, c, rule, slot % n, n - (unsigned)back - m->ahead[rule]);
}
