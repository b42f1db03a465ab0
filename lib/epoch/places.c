/* SPDX-License-Identifier: MIT */
#include "lib/epoch/places.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { CHECKSUM = 64 };

void
places_add(struct places *p, const char *name, const char *path)
{
	size_t room = sizeof p->text - CHECKSUM - p->size;
	int n;

	if (p->n == PLACES_MAX || strchr(name, '\n') != NULL ||
	    strchr(path, '\n') != NULL)
		return;
	n = snprintf(p->text + p->size, room, "name %s\npath %s\n", name, path);
	if (n < 0 || (size_t)n >= room)
		return;
	p->size += (size_t)n;
	p->n++;
}

int
places_write(const struct os *os, const char *dir, const char *id,
    const struct places *p, struct error *error)
{
	char path[EPOCH_PATH_MAX];

	return epoch_stage_file_path(path, dir, id, "outputs", error) != 0
	    ? -1
	    : epoch_put(os, path, slice_of(p->text, p->size), false, error);
}

/* What follows a key in a line, which is then ended by a 0; NULL when it is another. */
static const char *
take(char **next, const char *key)
{
	size_t size = strlen(key);
	char *at = *next, *end = strchr(at, '\n');

	if (end == NULL || strncmp(at, key, size) != 0)
		return NULL;
	*end = '\0';
	*next = end + 1;
	return at + size;
}

int
places_read(const struct os *os, const char *dir, const char *id, struct places *p,
    struct error *error)
{
	char path[EPOCH_PATH_MAX], *next = p->text;
	int status;

	p->n = 0;
	p->size = 0;
	if (epoch_stage_file_path(path, dir, id, "outputs", error) != 0)
		return -1;
	status = epoch_get(os, path, p->text, error);
	if (status != EPOCH_FOUND)
		return status;
	while (*next != '\0') {
		const char *name = take(&next, "name "), *place = NULL;

		if (name != NULL)
			place = take(&next, "path ");
		if (place == NULL || p->n == PLACES_MAX) {
			errno = EBADMSG;
			return error_set(error, "%s makes no sense", path);
		}
		p->at[p->n].name = name;
		p->at[p->n++].path = place;
	}
	return EPOCH_FOUND;
}

const char *
places_find(const struct places *p, const char *name)
{
	for (unsigned i = 0; i < p->n; i++)
		if (strcmp(p->at[i].name, name) == 0)
			return p->at[i].path;
	return NULL;
}
