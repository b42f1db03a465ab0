/* SPDX-License-Identifier: MIT */
#include "lib/runner/quarantine.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/number.h"
#include "lib/runner/shape.h"

static int
current_path(char to[EPOCH_PATH_MAX], const char *dir, const char *id)
{
	struct error ignored;
	char name[EPOCH_ID_MAX + 32];

	(void)snprintf(name, sizeof name, "stage/%s/current", id);
	return epoch_file_path(to, dir, name, &ignored);
}

int
quarantine_watch(
    const struct os *os, const char *dir, const struct topology *t, struct error *error)
{
	static const uint64_t zero;
	char path[EPOCH_PATH_MAX];
	int fd;
	bool good;

	for (unsigned i = 0; i < t->n; i++) {
		if (current_path(path, dir, t->stage[i].id) != 0)
			return error_set(error, "the name of %s is too long", dir);
		fd = os->open(os, path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
		good = fd >= 0 && os->write(os, fd, &zero, sizeof zero) == sizeof zero;
		if (fd >= 0)
			good = os->close(os, fd) == 0 && good;
		if (!good)
			return error_set(
			    error, "cannot write %s: %s", path, strerror(errno));
	}
	return 0;
}

static uint64_t
in_hand(const struct os *os, const char *dir, const char *id)
{
	char path[EPOCH_PATH_MAX];
	uint64_t record = 0;
	int fd;

	if (current_path(path, dir, id) != 0 ||
	    (fd = os->open(os, path, O_RDONLY, 0)) < 0)
		return 0;
	if (os->read(os, fd, &record, sizeof record) != sizeof record)
		record = 0;
	(void)os->close(os, fd);
	return record;
}

void
quarantine_find(const struct os *os, const char *dir, const struct topology *t,
    const bool dead[EPOCH_STAGES_MAX], struct suspect *found)
{
	unsigned level, highest = 0;
	uint64_t record;

	*found = (struct suspect){ 0 };
	for (unsigned i = 0; i < t->n; i++) {
		record = dead[i] ? in_hand(os, dir, t->stage[i].id) : 0;
		level = shape_level(t, i);
		if (record == 0 || (found->record != 0 && level <= highest))
			continue;
		highest = level;
		found->record = record;
		found->times = 1;
		memcpy(found->id, t->stage[i].id, sizeof found->id);
	}
}

int
quarantine_list(const struct os *os, const char *dir,
    void (*each)(void *context, const char *id, uint64_t record), void *context,
    struct error *error)
{
	char path[EPOCH_PATH_MAX], text[EPOCH_FILE_MAX];
	char *at = text, *end, *space;
	uint64_t record;
	int status;

	if (epoch_file_path(path, dir, "quarantine", error) != 0)
		return -1;
	status = epoch_get(os, path, text, error);
	if (status != EPOCH_FOUND)
		return status == EPOCH_MISSING ? 0 : -1;
	for (; (end = strchr(at, '\n')) != NULL; at = end + 1) {
		*end = '\0';
		space = strchr(at, ' ');
		if (space == NULL || !number_parse_uint(slice_text(space + 1), &record))
			return error_set(error, "%s: '%s' makes no sense", path, at);
		*space = '\0';
		each(context, at, record);
	}
	return 0;
}

int
quarantine_add(
    const struct os *os, const char *dir, const struct suspect *s, struct error *error)
{
	char path[EPOCH_PATH_MAX], text[EPOCH_FILE_MAX];
	size_t size;
	int status;

	if (epoch_file_path(path, dir, "quarantine", error) != 0)
		return -1;
	status = epoch_get(os, path, text, error);
	if (status < 0)
		return -1;
	size = status == EPOCH_FOUND ? strlen(text) : 0;
	if (size + EPOCH_ID_MAX + 64 > sizeof text)
		return error_set(error, "%s is full", path);
	size += (size_t)snprintf(
	    text + size, sizeof text - size, "%s %" PRIu64 "\n", s->id, s->record);
	return epoch_put(os, path, slice_of(text, size), true, error);
}
