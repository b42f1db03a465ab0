/* SPDX-License-Identifier: MIT
 *
 * pages: the files of a folder, as a site gives them to browsers. They are read once, into
 * memory, and found by their names alone, so that nothing outside of the folder can be
 * asked for: no path leads to a file.
 */
#ifndef BANNERPIPE_SERVE_PAGES_H
#define BANNERPIPE_SERVE_PAGES_H

#include "lib/base/error.h"
#include "lib/base/slice.h"
#include "lib/os.h"

enum {
	PAGES_MAX = 64,             /* files */
	PAGES_FILE_MAX = 256 << 10, /* bytes of one */
	PAGES_NAME_MAX = 128,
};

struct page {
	char name[PAGES_NAME_MAX]; /* "shop.css" */
	const char *type;          /* a media type, a constant */
	struct slice body;
};

struct pages;

/* All files of the folder but those that begin with a dot; folders in it are passed over.
 * NULL and error: it cannot be read, has too many files, one that is too large, or one
 * whose ending is of no known type. */
struct pages *pages_read(const struct os *os, const char *folder, struct error *error);
void pages_free(struct pages *p);
/* What is at "/NAME"; "/" is index.html. NULL: nothing, or there are no pages at all.
 * Borrowed. */
const struct page *pages_find(const struct pages *p, struct slice path);

#endif
