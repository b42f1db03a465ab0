/* SPDX-License-Identifier: MIT */
#include "lib/filter/names.h"

#include <inttypes.h>
#include <stdio.h>

#include "lib/state/block.h"
#include "lib/text/str.h"

int
names_open(struct names *n, struct run *run, const char *path, uint64_t memory_bytes)
{
	n->run = run;
	n->out = run_outlet(run, path);
	if (n->out == NULL)
		return -1;
	n->seen = table_new(TABLE_KEY_64, 0, memory_bytes);
	return n->seen != NULL ? 0 : run_fail(run, "no memory for the names");
}

void
names_fini(struct names *n)
{
	table_free(n->seen);
}

int
names_write(struct names *n, uint64_t key, struct slice name, instant at)
{
	uint8_t storage[NAMES_TEXT_MAX + 128];
	struct build b;
	char id[24];
	bool fresh;

	(void)table_touch(n->seen, key, at, &fresh);
	if (!fresh)
		return 0;
	if (name.size > NAMES_TEXT_MAX)
		name.size = NAMES_TEXT_MAX;
	(void)snprintf(id, sizeof id, "name-%016" PRIx64, key);
	build_init(&b, storage, sizeof storage);
	build_map(&b, 5);
	build_text(&b, "event");
	build_text(&b, "feature_name");
	build_text(&b, "event_id");
	build_text(&b, id);
	build_text(&b, "timestamp");
	build_int(&b, at);
	build_text(&b, "key");
	build_uint(&b, key);
	build_text(&b, "name");
	str_build(&b, name);
	return run_divert(n->run, n->out, build_slice(&b));
}

void
names_save(const struct names *n, struct state_writer *to)
{
	state_put_u64(to, n->seen != NULL);
	if (n->seen != NULL)
		state_put_table(to, n->seen);
}

int
names_load(struct names *n, struct run *run, struct state_reader *from)
{
	struct error error;
	uint64_t named;

	if (state_get_u64(from, &named) != 0)
		return run_fail(run, "the snapshot is too short");
	if (named != 0 && n->seen != NULL &&
	    state_get_table(from, n->seen, &error) != 0)
		return run_fail(run, "%s", error.text);
	return 0;
}
