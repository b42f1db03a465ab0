/* SPDX-License-Identifier: MIT */
#include "lib/model/names.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/records.h"
#include "lib/table.h"

struct reading {
	struct names *names;
	struct key key, name;
};

static void
add(struct names *n, uint64_t key, struct slice name)
{
	size_t size = name.size < NAME_TEXT_MAX ? name.size : NAME_TEXT_MAX - 1;
	uint64_t *at;
	bool fresh;

	if (memchr(name.at, 0, size) != NULL || table_find(n->at, key) != NULL)
		return;
	if (n->used + size + 1 > n->size) {
		n->left_out++;
		return;
	}
	at = table_touch(n->at, key, 0, &fresh);
	*at = n->used;
	memcpy(n->text + n->used, name.at, size);
	n->text[n->used + size] = '\0';
	n->used += size + 1;
	n->count++;
}

static int
each(void *context, const struct record *r, struct error *error)
{
	struct reading *reading = context;
	struct slice event, name, value;
	uint64_t key;

	(void)error;
	if (record_str(r, KEY_EVENT, &event) && slice_is(event, "feature_name") &&
	    record_value(r, reading->key, &value) && value_uint(value, &key) &&
	    record_str(r, reading->name, &name) && name.size > 0)
		add(reading->names, key, name);
	return 0;
}

int
names_read(struct names *n, const struct os *os, const char *path, uint64_t bytes,
    struct error *error)
{
	struct reading reading = { .names = n };
	struct records records = { .each = each, .context = &reading };
	int status = -1;

	*n = (struct names){ .size = bytes / 2 };
	n->at = table_new(TABLE_KEY_64, sizeof(uint64_t), bytes / 2);
	n->text = malloc(n->size);
	records.reader = reader_new();
	if (n->at == NULL || n->text == NULL || records.reader == NULL) {
		error_set(error, "no memory for the names");
	} else {
		reading.key = reader_key(records.reader, "key");
		reading.name = reader_key(records.reader, "name");
		records.in = input_open(os, path, error);
		if (records.in != NULL)
			status = records_read(&records, error);
		input_free(records.in);
	}
	reader_free(records.reader);
	if (status != 0)
		names_free(n);
	return status;
}

void
names_free(struct names *n)
{
	table_free(n->at);
	free(n->text);
	*n = (struct names){ 0 };
}

const char *
names_find(const struct names *n, uint64_t key)
{
	const uint64_t *at = n == NULL || n->at == NULL ? NULL : table_find(n->at, key);

	return at == NULL ? NULL : n->text + *at;
}

struct slice
names_text(const struct names *n, uint64_t key, char to[NAME_TEXT_MAX])
{
	const char *name = names_find(n, key);

	return name != NULL
	    ? slice_text(name)
	    : slice_of(to, (size_t)snprintf(to, NAME_TEXT_MAX, "%016" PRIx64, key));
}

void
names_keys(const struct names *n, struct slice name,
    void (*each_key)(void *context, uint64_t key), void *context)
{
	if (n == NULL || n->at == NULL)
		return;
	for (size_t s = table_next(n->at, 0); s != TABLE_NONE;
	     s = table_next(n->at, s + 1)) {
		const uint64_t *at = table_cell(n->at, s);

		if (slice_is(name, n->text + *at))
			each_key(context, table_key(n->at, s));
	}
}
