/* SPDX-License-Identifier: MIT */
#include "lib/record/measure.h"

#define FIX(size)                                                                      \
	{                                                                              \
		MEASURE_FIXED, size, 0                                                 \
	}
#define FIX4(size) FIX(size), FIX(size), FIX(size), FIX(size)
#define FIX32(size)                                                                    \
	FIX4(size), FIX4(size), FIX4(size), FIX4(size), FIX4(size), FIX4(size),        \
	    FIX4(size), FIX4(size)
#define FEW(class)                                                                     \
	{                                                                              \
		class, 1, 0                                                            \
	}
#define FEW4(class) FEW(class), FEW(class), FEW(class), FEW(class)
#define FEW16(class) FEW4(class), FEW4(class), FEW4(class), FEW4(class)

/* The formats of the MessagePack specification in the order of their first byte. */
const struct measure measure_table[256] = {
	/* 00 positive fixint */
	FIX32(1),
	FIX32(1),
	FIX32(1),
	FIX32(1),
	/* 80 fixmap, 90 fixarray */
	FEW16(MEASURE_MAP),
	FEW16(MEASURE_ARRAY),
	/* a0 fixstr */
	FIX(1),
	FIX(2),
	FIX(3),
	FIX(4),
	FIX(5),
	FIX(6),
	FIX(7),
	FIX(8),
	FIX(9),
	FIX(10),
	FIX(11),
	FIX(12),
	FIX(13),
	FIX(14),
	FIX(15),
	FIX(16),
	FIX(17),
	FIX(18),
	FIX(19),
	FIX(20),
	FIX(21),
	FIX(22),
	FIX(23),
	FIX(24),
	FIX(25),
	FIX(26),
	FIX(27),
	FIX(28),
	FIX(29),
	FIX(30),
	FIX(31),
	FIX(32),
	/* c0 nil, never used, false, true */
	FIX(1),
	{ MEASURE_NEVER, 1, 0 },
	FIX(1),
	FIX(1),
	/* c4 bin 8 16 32, ext 8 16 32 */
	{ MEASURE_SIZED, 2, 1 },
	{ MEASURE_SIZED, 3, 2 },
	{ MEASURE_SIZED, 5, 4 },
	{ MEASURE_SIZED, 3, 1 },
	{ MEASURE_SIZED, 4, 2 },
	{ MEASURE_SIZED, 6, 4 },
	/* ca float 32 64, uint 8 16 32 64, int 8 16 32 64 */
	FIX(5),
	FIX(9),
	FIX(2),
	FIX(3),
	FIX(5),
	FIX(9),
	FIX(2),
	FIX(3),
	FIX(5),
	FIX(9),
	/* d4 fixext 1 2 4 8 16 */
	FIX(3),
	FIX(4),
	FIX(6),
	FIX(10),
	FIX(18),
	/* d9 str 8 16 32, array 16 32, map 16 32 */
	{ MEASURE_SIZED, 2, 1 },
	{ MEASURE_SIZED, 3, 2 },
	{ MEASURE_SIZED, 5, 4 },
	{ MEASURE_ARRAY, 3, 2 },
	{ MEASURE_ARRAY, 5, 4 },
	{ MEASURE_MAP, 3, 2 },
	{ MEASURE_MAP, 5, 4 },
	/* e0 negative fixint */
	FIX32(1),
};
