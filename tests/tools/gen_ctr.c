/* SPDX-License-Identifier: MIT
 *
 * Write outcomes with 30 features each from a known hidden model (tests/bench/ctr.h):
 *
 *	gen_ctr [N [SEED [RATE]]]
 *
 * With TEXT=1 in the environment as text of Vowpal Wabbit.
 */
#include <stdio.h>
#include <stdlib.h>

#include "lib/record/build.h"
#include "tests/bench/ctr.h"

static void
put(struct build *b, unsigned i, const struct ctr_example *e)
{
	uint8_t keys[8 * CTR_FIELDS];
	char id[32];

	for (unsigned f = 0; f < CTR_FIELDS; f++)
		bytes_store_le64(keys + 8 * f, ctr_key(f, e->value[f]));
	(void)snprintf(id, sizeof id, "e%u", i);
	build_map(b, 5);
	build_text(b, "event");
	build_text(b, "outcome");
	build_text(b, "event_id");
	build_text(b, id);
	build_text(b, "timestamp");
	build_int(b, INT64_C(1714521600000000) + INT64_C(20000) * i);
	build_text(b, "features");
	build_bin(b, slice_of(keys, sizeof keys));
	build_text(b, "rewards");
	build_map(b, 1);
	build_text(b, "click");
	build_uint(b, e->clicked);
}

static size_t
write_text(char *to, const struct ctr_example *e)
{
	size_t at = (size_t)sprintf(to, e->clicked ? "1" : "-1");

	for (unsigned f = 0; f < CTR_FIELDS; f++) {
		int name = f < 26 ? 'a' + (int)f : 'A' + (int)f - 26;

		at += (size_t)sprintf(to + at, " |%c %c%u", name, name, e->value[f]);
	}
	return at + (size_t)sprintf(to + at, "\n");
}

int
main(int argc, char **argv)
{
	unsigned n = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1000000;
	uint32_t seed = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 20240601;
	static struct ctr ctr;
	bool text = getenv("TEXT") != NULL;

	ctr_init(&ctr, seed, argc > 3 ? strtod(argv[3], NULL) : 0.03);
	for (unsigned i = 0; i < n; i++) {
		uint8_t storage[1024];
		struct ctr_example e;
		struct build b;
		size_t size;

		ctr_next(&ctr, &e);
		build_init(&b, storage, sizeof storage);
		if (text) {
			size = write_text((char *)storage, &e);
		} else {
			put(&b, i, &e);
			size = build_slice(&b).size;
		}
		if (fwrite(storage, size, 1, stdout) != 1)
			return 111;
	}
	ctr_fini(&ctr);
	return fflush(stdout) == 0 ? 0 : 111;
}
