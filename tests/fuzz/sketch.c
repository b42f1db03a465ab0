/* SPDX-License-Identifier: MIT
 *
 * Snapshots of the sketches, with bytes changed: what is loaded works on and keeps its
 * books, what is refused leaves an empty sketch. The input's first byte says which sketch,
 * then each five say where to change a byte and how.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/base/bytes.h"
#include "lib/hash.h"
#include "lib/sketch/countmin.h"
#include "lib/sketch/halfspace.h"
#include "lib/sketch/heavy.h"
#include "lib/sketch/spread.h"
#include "lib/sketch/velocity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OPS = 200 };

static void
change(uint8_t *block, size_t n, struct slice how)
{
	for (; how.size >= 5; how = slice_from(how, 5))
		block[bytes_load_le32(how.at) % n] ^= how.at[4];
}

/* A copy of a block, changed; to be freed. */
static uint8_t *
changed(struct slice block, struct slice how)
{
	uint8_t *copy = malloc(block.size);

	assert(copy != NULL);
	memcpy(copy, block.at, block.size);
	change(copy, block.size, how);
	return copy;
}

static instant
at(unsigned i)
{
	return (instant)(i % 7) * WHEN_HOUR / 3 + (instant)i * WHEN_SECOND;
}

static void
work_velocity(struct velocity *v)
{
	for (unsigned i = 0; i < OPS; i++) {
		struct velocity_answer a;

		velocity_add(v, i * 7 % 90, at(i),
		    (struct velocity_amount){ i % 5 == 4 ? -1 : 1, i }, &a);
		velocity_read(v, i, at(i), &a);
	}
	for (unsigned i = 0; i < 2; i++) {
		struct velocity_ledger l = velocity_ledger(v, i);

		assert((uint64_t)l.added.count ==
		    (uint64_t)l.cells.count + (uint64_t)l.sketch.count +
			(uint64_t)l.expired.count + (uint64_t)l.late.count +
			(uint64_t)l.refused.count);
		(void)velocity_bound(v, i, at(OPS));
	}
}

static void
try_velocity(struct slice how)
{
	struct velocity_shape shape = {
		.rule = { { { WHEN_MINUTE }, 2 }, { { WHEN_HOUR }, 3 } },
		.rules = 2,
		.sums = true,
	};
	uint64_t memory = velocity_memory_min(&shape);
	struct velocity *v = velocity_new(&shape, memory);
	struct error error = { "" };
	struct slice bytes;
	uint8_t *copy;

	assert(v != NULL);
	work_velocity(v);
	bytes = velocity_bytes(v);
	copy = changed(bytes, how);
	memcpy(velocity_load_begin(v), copy, bytes.size);
	if (velocity_load_end(v, &error) != 0)
		assert(error.text[0] != '\0' && velocity_counts(v).cells == 0);
	work_velocity(v);
	free(copy);
	velocity_free(v);
}

static void
work_spread(struct spread *s)
{
	for (unsigned i = 0; i < OPS; i++) {
		struct spread_answer a;

		spread_add(s, i % 3 == 0 ? 1 : i % 40, hash_mix(i), at(i), &a);
		assert(a.count >= 0);
		spread_remove(s, i % 40, hash_mix(i / 2), at(i / 2));
		spread_read(s, i, at(i), &a);
	}
	assert(spread_counts(s).added == spread_counts(s).kept + spread_counts(s).late);
}

static void
try_spread(struct slice how)
{
	struct spread_shape shape = { { WHEN_HOUR }, 2, 1 };
	struct spread *s = spread_new(&shape, 80000); /* one of the pool */
	struct error error = { "" };
	struct slice bytes;
	uint8_t *copy;

	assert(s != NULL);
	work_spread(s);
	bytes = spread_bytes(s);
	copy = changed(bytes, how);
	memcpy(spread_load_begin(s), copy, bytes.size);
	if (spread_load_end(s, &error) != 0)
		assert(error.text[0] != '\0' && spread_counts(s).cells == 0);
	work_spread(s);
	free(copy);
	spread_free(s);
}

static void
work_heavy(struct heavy *h)
{
	struct heavy_key list[4];
	size_t n;

	for (unsigned i = 0; i < OPS; i++)
		heavy_add(h, i * i % 50, 1);
	n = heavy_list(h, list);
	assert(n <= 4);
	for (size_t i = 1; i < n; i++)
		assert(list[i - 1].count >= list[i].count);
}

static void
try_heavy(struct slice how)
{
	struct countmin_shape shape = { 0.1, 0.1, 1 };
	struct heavy *h = heavy_new(4, shape), *from = heavy_new(4, shape);
	struct slice sketch, keys;
	struct error error = { "" };
	uint8_t *one, *two;

	assert(h != NULL && from != NULL);
	work_heavy(from);
	sketch = countmin_bytes(heavy_counts(from));
	keys = heavy_bytes(from);
	one =
	    changed(sketch, how.size > 30 ? slice_from(how, 30) : slice_of(how.at, 0));
	two = changed(keys, how);
	if (heavy_load(
		h, slice_of(one, sketch.size), slice_of(two, keys.size), &error) != 0)
		assert(error.text[0] != '\0' && countmin_total(heavy_counts(h)) == 0);
	else if (llabs(countmin_total(heavy_counts(h))) > INT64_MAX / 4)
		goto out; /* what is added stays below 2^62: the caller's duty */
	work_heavy(h);
out:
	free(one);
	free(two);
	heavy_free(h);
	heavy_free(from);
}

static void
work_halfspace(struct halfspace *h)
{
	for (unsigned i = 0; i < OPS; i++) {
		double x[2] = { i % 13, i * i % 101 }, score;

		if (halfspace_add(h, x, &score))
			assert(score >= 0);
	}
}

static void
try_halfspace(struct slice how)
{
	struct halfspace_shape shape = halfspace_default(2, 1);
	struct error error = { "" };
	struct halfspace *h;
	struct slice bytes;
	uint8_t *copy;

	shape.trees = 2;
	shape.depth = 4;
	shape.window = 150;
	h = halfspace_new(&shape);
	assert(h != NULL);
	work_halfspace(h);
	bytes = halfspace_bytes(h);
	copy = changed(bytes, how);
	if (halfspace_load(h, slice_of(copy, bytes.size), &error) != 0)
		assert(error.text[0] != '\0' && halfspace_counts(h).points == 0);
	work_halfspace(h);
	free(copy);
	halfspace_free(h);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice how;

	if (size == 0)
		return 0;
	how = slice_of(data + 1, size - 1);
	switch (data[0] % 4) {
	case 0:
		try_velocity(how);
		break;
	case 1:
		try_spread(how);
		break;
	case 2:
		try_heavy(how);
		break;
	default:
		try_halfspace(how);
	}
	return 0;
}
