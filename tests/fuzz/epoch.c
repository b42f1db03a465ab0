/* SPDX-License-Identifier: MIT
 *
 * The small files of a pipeline's folder: any bytes are read or refused, with a checksum
 * of their own and with a right one. There is one file, in memory, by every name.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/epoch.h"
#include "lib/epoch/places.h"
#include "lib/hash.h"
#include "lib/runner/command.h"
#include "lib/runner/quarantine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char file[EPOCH_FILE_MAX];
static size_t file_size, place;

static int
memory_open(const struct os *os, const char *path, int flags, mode_t mode)
{
	(void)os;
	(void)path;
	(void)flags;
	(void)mode;
	place = 0;
	return 1000;
}

static int
memory_close(const struct os *os, int fd)
{
	(void)os;
	(void)fd;
	return 0;
}

static ssize_t
memory_read(const struct os *os, int fd, void *to, size_t size)
{
	size_t n = file_size - place < size ? file_size - place : size;

	(void)os;
	(void)fd;
	memcpy(to, file + place, n);
	place += n;
	return (ssize_t)n;
}

static int
memory_list(const struct os *os, const char *path,
    void (*each)(void *context, const char *name), void *context)
{
	(void)os;
	(void)path;
	each(context, "a");
	each(context, "..");
	return 0;
}

static void
check_topology(const struct topology *t)
{
	assert(t->n <= EPOCH_STAGES_MAX);
	for (unsigned i = 0; i < t->n; i++) {
		assert(epoch_id_valid(slice_text(t->stage[i].id)));
		assert(t->stage[i].inputs <= EPOCH_INPUTS_MAX);
		for (unsigned k = 0; k < t->stage[i].inputs; k++)
			assert(epoch_id_valid(slice_text(t->stage[i].input[k])));
	}
}

static void
see_quarantined(void *context, const char *id, uint64_t record)
{
	(void)context;
	(void)record;
	assert(strlen(id) < EPOCH_FILE_MAX);
}

static void
read_all(const struct os *os)
{
	static struct topology t;
	static struct places places;
	static char text[EPOCH_FILE_MAX];
	struct generation g;
	struct error error = { "" };
	struct done done;
	char *line, *end;

	if (epoch_read_generation(os, "d", &g, &error) == EPOCH_FOUND)
		assert(g.number > 0 && g.number >> 32 == 0 && g.every_us > 0 &&
		    epoch_generation(g.restore) < g.number);
	if (epoch_read_topology(os, "d", &t, &error) == EPOCH_FOUND)
		check_topology(&t);
	if (epoch_read_members(os, "d", 1, &t, &error) == 0)
		check_topology(&t);
	(void)epoch_read_done(os, "d", "a", &done, &error);
	(void)epoch_read_committed(os, "d");
	(void)epoch_is_waiting(os, "d", 1, 1);
	(void)quarantine_list(os, "d", see_quarantined, NULL, &error);
	if (places_read(os, "d", "a", &places, &error) == EPOCH_FOUND)
		for (unsigned i = 0; i < places.n; i++)
			assert(places_find(&places, places.at[i].name) != NULL);
	if (epoch_get(os, "d/command", text, &error) != EPOCH_FOUND)
		return;
	for (line = text; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		*end = '\0';
		(void)command_argument(line);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct os os = os_system;

	if (size > EPOCH_FILE_MAX / 2)
		return 0;
	os.open = memory_open;
	os.close = memory_close;
	os.read = memory_read;
	os.list = memory_list;
	if (size > 0)
		memcpy(file, data, size);
	file_size = size;
	read_all(&os);
	file_size += (size_t)snprintf(file + size, 32, "crc32c %08x\n",
	    (unsigned)hash_crc32c(0, slice_of(data, size)));
	read_all(&os);
	return 0;
}
