/* SPDX-License-Identifier: MIT */
#include "lib/epoch/body.h"

static int
get_name(struct state_reader *r, char to[BODY_NAME_MAX])
{
	size_t size;

	if (state_get_slice(r, to, BODY_NAME_MAX - 1, &size) != 0)
		return -1;
	to[size] = '\0';
	return 0;
}

static int
get_outputs(struct state_reader *r, struct body *to)
{
	uint64_t n;

	if (state_get_u64(r, &n) != 0 || n > BODY_OUTPUTS_MAX)
		return -1;
	for (to->outputs = 0; to->outputs < n; to->outputs++) {
		struct body_output *o = &to->output[to->outputs];

		if (get_name(r, o->name) != 0 || state_get_u64(r, &o->size) != 0 ||
		    state_get_u64(r, &o->last_hash) != 0)
			return -1;
	}
	return 0;
}

int
body_read(struct state_reader *r, struct body *to)
{
	uint64_t format;

	for (unsigned i = 0; i < BODY_COUNTERS; i++)
		if (state_get_u64(r, &to->counter[i]) != 0)
			return -1;
	if (state_get_u64(r, &format) != 0 ||
	    (format != BODY_FORMAT && format != BODY_WITHOUT_OWN) ||
	    get_outputs(r, to) != 0 || state_get_u64(r, &to->file) != 0 ||
	    state_get_u64(r, &to->number) != 0 || state_get_u64(r, &to->offset) != 0)
		return -1;
	to->own = format == BODY_FORMAT;
	to->seek = to->head_hash = to->last_hash = 0;
	to->input[0] = '\0';
	return to->file == 0 ||
		(state_get_u64(r, &to->seek) == 0 &&
		    state_get_u64(r, &to->head_hash) == 0 &&
		    state_get_u64(r, &to->last_hash) == 0 &&
		    get_name(r, to->input) == 0)
	    ? 0
	    : -1;
}
