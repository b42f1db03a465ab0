/* SPDX-License-Identifier: MIT */
#include "lib/net/unpack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

typedef bool packer(struct inflater *u, struct slice bytes, struct buffer *to);
typedef bool unpacker(struct inflater *u, struct slice bytes, struct buffer *to,
    size_t limit, const char **reason);

/* What comes out fills the steps that room is made in exactly, or not quite. */
static void
round_trips(packer *pack, unpacker *unpack)
{
	static const size_t sizes[] = { 1, 256 * 1024 - 1, 256 * 1024, 256 * 1024 + 1,
		512 * 1024, 1024 * 1024 };
	struct inflater *u = inflater_new();
	struct buffer packed = { 0 }, out = { 0 };
	char *bytes = malloc(1024 * 1024);
	const char *reason;

	assert_non_null(u);
	assert_non_null(bytes);
	for (size_t i = 0; i < 1024 * 1024; i++)
		bytes[i] = (char)(i * i >> 7);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		packed.size = out.size = 0;
		assert_true(pack(u, slice_of(bytes, sizes[i]), &packed));
		assert_true(unpack(u, slice_of(packed.at, packed.size), &out,
		    16 * 1024 * 1024, &reason));
		assert_int_equal(out.size, sizes[i]);
		assert_memory_equal(out.at, bytes, sizes[i]);
		out.size = 0;
		assert_false(unpack(u, slice_of(packed.at, packed.size - 1), &out,
		    16 * 1024 * 1024, &reason));
	}
	buffer_free(&packed);
	buffer_free(&out);
	inflater_free(u);
	free(bytes);
}

static void
zstd_of_any_size_round_trips(void **state)
{
	(void)state;
	round_trips(pack_zstd, unpack_zstd);
}

static void
gzip_of_any_size_round_trips(void **state)
{
	(void)state;
	round_trips(pack_gzip, unpack_gzip);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zstd_of_any_size_round_trips),
		cmocka_unit_test(gzip_of_any_size_round_trips),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
