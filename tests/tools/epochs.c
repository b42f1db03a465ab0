/* SPDX-License-Identifier: MIT
 *
 * epochs: what bp-run does to the folder of a pipeline, one step at a time, for tests.
 *
 *	epochs begin DIR EVERY [audit]  the next generation, from what is committed; CUTs
 *	                                come every EVERY milliseconds
 *	epochs gather DIR N             wait for N stages; they are the topology
 *	epochs committed DIR            print what is committed, and tell the stages
 *	epochs done DIR                 whether all sinks have reached END
 *	epochs quarantine DIR ID N...   these records of that stage
 *	epochs put PATH TEXT            a small file with its checksum
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/error.h"
#include "lib/epoch.h"

static const struct os *const os = &os_system;
static struct error error;
static struct topology topology;

static void
check(int status)
{
	if (status == 0)
		return;
	(void)fprintf(stderr, "epochs: %s\n", status < 0 ? error.text : "missing");
	exit(2);
}

static void
begin(const char *dir, const char *every, bool audit)
{
	struct generation g, next = { .number = 1 };
	int status = epoch_read_generation(os, dir, &g, &error);

	if (status < 0)
		check(status);
	if (status == EPOCH_FOUND) {
		next.number = g.number + 1;
		if (epoch_read_topology(os, dir, &topology, &error) == EPOCH_FOUND)
			check(epoch_committed(
			    os, dir, &g, &topology, &next.restore, &error));
	}
	next.every_us = next.idle_us = atoll(every) * 1000;
	next.audit = audit;
	check(epoch_write_generation(os, dir, &next, &error));
	(void)printf("%016" PRIx64 "\n", next.restore);
}

static void
gather(const char *dir, unsigned n)
{
	struct generation g;

	check(epoch_read_generation(os, dir, &g, &error));
	for (unsigned i = 0; i < 60000; i++) {
		check(epoch_read_members(os, dir, g.number, &topology, &error));
		if (topology.n >= n)
			break;
		(void)usleep(2000);
	}
	if (topology.n != n) {
		(void)fprintf(stderr, "epochs: %u stages\n", topology.n);
		exit(1);
	}
	check(epoch_write_topology(os, dir, &topology, &error));
}

static void
committed(const char *dir)
{
	struct generation g;
	uint64_t epoch;

	check(epoch_read_generation(os, dir, &g, &error));
	check(epoch_read_topology(os, dir, &topology, &error));
	check(epoch_committed(os, dir, &g, &topology, &epoch, &error));
	check(epoch_write_committed(os, dir, epoch, &error));
	(void)printf("%016" PRIx64 "\n", epoch);
}

static int
is_done(const char *dir)
{
	struct generation g;
	struct done done;

	check(epoch_read_generation(os, dir, &g, &error));
	check(epoch_read_topology(os, dir, &topology, &error));
	for (unsigned i = 0; i < topology.n; i++)
		if (topology.stage[i].sink &&
		    (epoch_read_done(os, dir, topology.stage[i].id, &done, &error) !=
			    EPOCH_FOUND ||
			done.generation != g.number))
			return 1;
	return 0;
}

static void
quarantine(const char *dir, const char *id, char **number)
{
	char path[EPOCH_PATH_MAX], text[4096];
	size_t n = 0;

	check(epoch_file_path(path, dir, "quarantine", &error));
	for (; *number != NULL && n < sizeof text - 128; number++)
		n +=
		    (size_t)snprintf(text + n, sizeof text - n, "%s %s\n", id, *number);
	check(epoch_put(os, path, slice_of(text, n), true, &error));
}

int
main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";

	if (strcmp(what, "begin") == 0 && argc >= 4)
		begin(argv[2], argv[3], argc > 4);
	else if (strcmp(what, "gather") == 0 && argc == 4)
		gather(argv[2], (unsigned)atoi(argv[3]));
	else if (strcmp(what, "committed") == 0)
		committed(argv[2]);
	else if (strcmp(what, "done") == 0)
		return is_done(argv[2]);
	else if (strcmp(what, "quarantine") == 0 && argc > 4)
		quarantine(argv[2], argv[3], argv + 4);
	else if (strcmp(what, "put") == 0 && argc == 4)
		check(epoch_put(os, argv[2], slice_text(argv[3]), true, &error));
	else
		return 2;
	return 0;
}
