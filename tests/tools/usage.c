/* SPDX-License-Identifier: MIT
 *
 * usage FILE COMMAND...: run a command; append "user+system seconds, wall seconds, peak
 * KiB" of it and its children to FILE as one line, and exit as it does.
 */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double
seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

int
main(int argc, char **argv)
{
	struct timespec before, after;
	struct rusage used;
	int status;
	FILE *to;
	pid_t pid;

	if (argc < 3) {
		(void)fputs("usage: usage FILE COMMAND...\n", stderr);
		return 100;
	}
	(void)clock_gettime(CLOCK_MONOTONIC, &before);
	pid = fork();
	if (pid == 0) {
		(void)execvp(argv[2], argv + 2);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &used) < 0)
		return 111;
	(void)clock_gettime(CLOCK_MONOTONIC, &after);
	to = fopen(argv[1], "a");
	if (to == NULL)
		return 111;
	(void)fprintf(to, "%.3f %.3f %ld\n",
	    seconds(used.ru_utime) + seconds(used.ru_stime),
	    (double)(after.tv_sec - before.tv_sec) +
		(double)(after.tv_nsec - before.tv_nsec) / 1e9,
	    used.ru_maxrss);
	if (fclose(to) != 0)
		return 111;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
