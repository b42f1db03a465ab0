/* SPDX-License-Identifier: MIT
 *
 * cpu: seconds of processor time that this process has used.
 */
#ifndef BANNERPIPE_BENCH_CPU_H
#define BANNERPIPE_BENCH_CPU_H

#include <time.h>

static inline double
cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

#endif
