/* SPDX-License-Identifier: MIT
 *
 * Write outcomes as bp-join makes them, 20 keys each, 50 a second, 500 banners (Zipf-like),
 * 6 positions, 3 % clicked:
 *
 *	gen_outcomes [N [SEED]]
 */
#include <stdio.h>
#include <stdlib.h>

#include "lib/hash.h"
#include "lib/record/build.h"

static void
pair_text(struct build *b, const char *key, const char *prefix, uint64_t number)
{
	char text[48];

	(void)snprintf(text, sizeof text, "%s%llu", prefix, (unsigned long long)number);
	build_text(b, key);
	build_text(b, text);
}

static void
pair_int(struct build *b, const char *key, int64_t value)
{
	build_text(b, key);
	build_int(b, value);
}

static void
put(struct build *b, uint64_t i, struct random *r)
{
	double u = hash_uniform(random_next(r));
	int64_t when = INT64_C(1714521600000000) + 20000 * (int64_t)i;
	bool clicked = hash_uniform(random_next(r)) < 0.03;
	bool bought = clicked && hash_uniform(random_next(r)) < 0.1;

	build_map(b, 20);
	build_text(b, "event");
	build_text(b, "outcome");
	pair_text(b, "event_id", "o", i);
	pair_int(b, "timestamp", when + 1800000000);
	pair_text(b, "user_id", "user-", hash_bucket(random_next(r), 200000));
	pair_text(b, "session_id", "s", hash_bucket(random_next(r), 1000000));
	pair_text(b, "decision_id", "d", i);
	pair_text(b, "request_id", "r", i / 3);
	pair_text(b, "slot_id", "slot-", i % 6);
	pair_int(b, "position", (int64_t)hash_bucket(random_next(r), 6));
	pair_text(b, "creative_id", "banner-", (uint64_t)(500 * u * u));
	pair_text(b, "policy", "bts", 0);
	pair_int(b, "model_version", 17);
	build_text(b, "probability");
	build_double(b, 0.02);
	pair_int(b, "price_micros", 1500);
	build_text(b, "viewable");
	build_bool(b, u > 0.05);
	pair_int(b, "shown_at", when);
	pair_int(b, "reward", clicked);
	build_text(b, "rewards");
	build_map(b, 3);
	pair_int(b, "click", clicked);
	pair_int(b, "conversion", bought);
	pair_int(b, "value_micros", bought ? 49990000 : 0);
	build_text(b, "complete");
	build_bool(b, true);
	pair_int(b, "revision", 0);
}

int
main(int argc, char **argv)
{
	uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
	struct random r = { argc > 2 ? strtoull(argv[2], NULL, 10) : 7 };

	for (uint64_t i = 0; i < n; i++) {
		uint8_t storage[1024];
		struct build b;

		build_init(&b, storage, sizeof storage);
		put(&b, i, &r);
		if (fwrite(storage, build_slice(&b).size, 1, stdout) != 1)
			return 111;
	}
	return fflush(stdout) == 0 ? 0 : 111;
}
